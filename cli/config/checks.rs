//! Whether the settings, the folders and the parts of this program fit together.
//!
//! Enters: a valid configuration. Leaves: checks of its values, of the folders that it is used with, and of what this program was
//! built with. Law: nothing is changed; a file that is written to try a folder is removed.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use onlooker_core::{
    catalog::Catalog,
    config::{AuditSettings, ConfigProfile, KNOWN_REGIONS, Override, is_known_region},
    suggest::suggest,
};
use onlooker_local::config_file::LoadedConfig;

use crate::{aws::AwsConnection, diagnosis::Check, environment, exit::CommandError, inputs};

/// Range of a setting of the audit trail that works well. The four profiles are within it.
struct RecommendedRange {
    key: &'static str,
    value: fn(&AuditSettings) -> u64,
    least: u64,
    most: u64,
    outside: &'static str,
}

/// The settings and their ranges: wide enough for the four profiles and the defaults, narrow enough to name a slip of a zero.
const RANGES: [RecommendedRange; 6] = [
    RecommendedRange {
        key: "audit.write_buffer_size",
        value: |audit| audit.buffer_size() as u64,
        least: 50,
        most: 1_000,
        outside: "a smaller buffer makes many small batches, a larger one loses more entries with a run that is killed",
    },
    RecommendedRange {
        key: "audit.write_flush_interval",
        value: |audit| u64::from(audit.flush_seconds()),
        least: 1,
        most: 30,
        outside: "entries that wait longer are lost with a run that is killed",
    },
    RecommendedRange {
        key: "audit.query_cache_size",
        value: |audit| audit.cached_batches() as u64,
        least: 64,
        most: 512,
        outside: "a smaller cache reads batches again, a larger one takes memory",
    },
    RecommendedRange {
        key: "audit.compression_level",
        value: |audit| u64::from(audit.gzip_level()),
        least: 1,
        most: 9,
        outside: "gzip has the levels 1 to 9",
    },
    RecommendedRange {
        key: "audit.max_memory_events",
        value: |audit| u64::from(audit.max_memory_events),
        least: 5_000,
        most: 200_000,
        outside: "fewer entries end a run soon when the store fails, more take memory",
    },
    RecommendedRange {
        key: "audit.max_details_size",
        value: |audit| u64::from(audit.max_details_size),
        least: 1_000,
        most: 100_000,
        outside: "shorter details lose what a call asked for, longer ones fill batches",
    },
];

/// The values of the settings.
pub fn settings(loaded: &LoadedConfig) -> Vec<Check> {
    let (group, config) = ("settings", &loaded.config);
    let mut checks: Vec<Check> = RANGES
        .iter()
        .map(|range| {
            let RecommendedRange { key, value, least, most, outside } = range;
            let value = value(&config.audit);
            match (*least..=*most).contains(&value) {
                true => Check::ok(group, key, format!("{value}, within {least} to {most}")),
                false => Check::warning(
                    group,
                    key,
                    format!("{value}, not within {least} to {most}: {outside}"),
                    format!("set `{key}` to {least} to {most}, or remove it to use the profile"),
                ),
            }
        })
        .collect();
    checks.extend(config.parts_off().map(|part| {
        let key = part.key();
        Check::warning(group, key, part.limitation(), format!("set `{key} = true`"))
    }));
    checks.extend(config.coverage.regions.iter().filter(|name| !is_known_region(name)).map(|name| {
        let found = format!("this version does not know the region `{name}`; if AWS has none of this name, its hours are missing");
        let fix = match suggest(name, KNOWN_REGIONS) {
            Some(known) => format!("write `{known}`, or leave it if the region is new"),
            None => "write the name that AWS uses, or leave it if the region is new".to_owned(),
        };
        Check::warning(group, "coverage.regions", found, fix)
    }));
    let text = loaded.path.as_deref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    checks.extend(example_values(&text).map(|(line, value)| {
        let fix = "write your own value, or remove the comment with EDIT if the value is right";
        Check::warning(
            group,
            &format!("line-{line}"),
            format!("still the example of the profile: {value}"),
            fix,
        )
    }));
    checks
}

/// The overrides: those that expired, are wide, or name what the catalog does not know.
pub fn overrides(loaded: &LoadedConfig, catalog: &Catalog) -> Vec<Check> {
    let now = environment::now();
    let of_override = |entry: &Override| {
        let name = format!("override.{}", entry.id);
        let expired = (entry.expires <= now).then(|| {
            let found = format!("the override expired at {}: its calls count again", entry.expires);
            let fix = format!(
                "remove it with `onlooker override remove {}`, or give it a later `expires`",
                entry.id
            );
            Check::warning("settings", &name, found, fix)
        });
        let fix = "correct or narrow the override; leave it if this is meant";
        let others = entry.warnings(catalog, now).into_iter();
        let others = others.map(|found| Check::warning("settings", &name, found, fix));
        expired.into_iter().chain(others).collect::<Vec<_>>()
    };
    loaded.config.overrides.iter().flat_map(of_override).collect()
}

/// The lines of a configuration that a profile asks to complete, and that still have the value of the profile, with their numbers.
fn example_values(text: &str) -> impl Iterator<Item = (usize, String)> {
    let profiles = ConfigProfile::ALL.map(ConfigProfile::template);
    let examples: BTreeSet<String> =
        profiles.iter().flat_map(|text| values_to_edit(text)).map(|(_, value)| value).collect();
    values_to_edit(text).filter(move |(_, value)| examples.contains(value))
}

/// The value after each comment with `EDIT`, also of several lines, with the number of its first line.
fn values_to_edit(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = (1..).zip(text.lines().map(str::trim));
    let mut is_asked = false;
    std::iter::from_fn(move || {
        let (number, first) = lines.by_ref().find(|(_, line)| {
            let is_comment = line.starts_with('#');
            is_asked |= line.starts_with("# EDIT");
            !is_comment && std::mem::take(&mut is_asked)
        })?;
        let mut value = first.to_owned();
        while value.ends_with(['[', ',']) {
            let Some((_, line)) = lines.next() else { break };
            value.push_str(line);
        }
        Some((number, value))
    })
}

/// The folders and the configuration file.
pub fn permissions(loaded: &LoadedConfig, state: &Path) -> Vec<Check> {
    let mut checks =
        vec![writable("state-folder", state), writable("temporary-folder", &std::env::temp_dir())];
    if let Some(path) = &loaded.path {
        checks.push(configuration_file(path));
    }
    checks
}

/// Whether a folder, or the one in which it will be made, takes a file.
pub fn writable(name: &str, folder: &Path) -> Check {
    let group = "permissions";
    let absolute = environment::directory().join(folder);
    let existing = absolute.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(&absolute);
    let file = existing.join(format!(".onlooker-check-{}", environment::run_id()));
    let tried = fs::write(&file, b"check").and_then(|()| fs::remove_file(&file));
    match tried {
        Ok(()) => Check::ok(group, name, format!("`{}` can be written", existing.display())),
        Err(error) => Check::problem(
            group,
            name,
            format!("`{}` cannot be written: {error}", existing.display()),
            "let this user write the folder, or name another one",
        ),
    }
}

/// Whether another user can change the configuration.
fn configuration_file(path: &Path) -> Check {
    let (group, name) = ("permissions", "configuration-file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if let Ok(metadata) = fs::metadata(path)
            && metadata.permissions().mode() & 0o002 != 0
        {
            return Check::warning(
                group,
                name,
                format!("every user can change `{}`, and with it who is watched", path.display()),
                format!("chmod o-w '{}'", path.display()),
            );
        }
    }
    Check::ok(group, name, format!("`{}` can be read", path.display()))
}

/// What this program was built with.
pub fn dependencies(loaded: &LoadedConfig) -> Vec<Check> {
    let group = "dependencies";
    let feature = |name: &str, is_there: bool| match is_there {
        true => Check::ok(group, &format!("feature-{name}"), "built in"),
        false => Check::not_checked(
            group,
            &format!("feature-{name}"),
            format!("not built in; `cargo install --path . --features {name}` adds it"),
        ),
    };
    let mut checks = vec![Check::ok(group, "onlooker", env!("CARGO_PKG_VERSION"))];
    checks.push(match inputs::catalog(loaded) {
        Ok(catalog) => Check::ok(
            group,
            "catalog",
            format!("version {}, {} operations", catalog.version(), Catalog::len(catalog)),
        ),
        Err(error) => Check::failed(group, "catalog", &error, "correct `catalog`"),
    });
    checks.push(match inputs::pack(loaded) {
        Ok(pack) => Check::ok(group, "control-pack", pack.title),
        Err(error) => Check::failed(group, "control-pack", &error, "correct `standard_file`"),
    });
    checks.extend([feature("aws", cfg!(feature = "aws")), feature("clouds", cfg!(feature = "clouds"))]);
    checks
}

/// The table, bucket and topic of a deployment, if variables name them as in a function.
pub fn deployed() -> Vec<Check> {
    let group = "deployed";
    let named = |variable| environment::variable_text(variable);
    let (table, bucket, topic) = (named("ONLOOKER_TABLE"), named("ONLOOKER_BUCKET"), named("ONLOOKER_TOPIC"));
    if table.is_none() && bucket.is_none() && topic.is_none() {
        return Vec::new();
    }
    let cloud = match AwsConnection::connect("config validate` of a deployment") {
        Ok(cloud) => cloud,
        Err(error) => return vec![Check::not_checked(group, "aws", error.to_string())],
    };
    let mut checks = Vec::new();
    let read = |name: &str, what: &str, result: Result<(), CommandError>| match result {
        Ok(()) => Check::ok(group, name, format!("`{what}` can be read")),
        Err(error) => Check::failed(group, name, &error, "allow the read, or correct the name"),
    };
    if let Some(table) = table {
        let found = cloud.table(&table).query("STATUS", "LATEST").map(|_| ()).map_err(CommandError::Aws);
        checks.push(read("table", &table, found));
    }
    if let Some(bucket) = bucket {
        let found = cloud.store(&bucket).list("latest/").map(|_| ()).map_err(CommandError::Aws);
        checks.push(read("bucket", &bucket, found));
    }
    if topic.is_some() {
        checks.push(Check::not_checked(group, "topic", "trying it would send a notification"));
    }
    checks
}

/// The folder of the state that commands use by default.
pub fn default_state() -> PathBuf {
    PathBuf::from(".onlooker")
}
