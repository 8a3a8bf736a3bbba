//! The state of sweeps and its audit trail: their size, speed and health.
//!
//! Enters: the configuration and the folder of the state. Leaves: a check for each row of the table of troubles that a machine can
//! have. Law: each limit is a constant here, and the deciding functions take figures alone.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use onlooker_core::{
    audit::{AuditKind, AuditQuery, BatchKey},
    config::Config,
    jobs::audit::AuditReader,
    ports::ObjectStore as _,
};
use onlooker_local::{
    directory_store::DirectoryStore,
    sweep_state::{PastRun, SweepState},
};

use crate::{config::writable, diagnosis::Check, environment};

const GROUP: &str = "state";

/// Sizes of the audit trail from which it should be backed up and pruned: 1 GB and 5 GB, those of the health check.
const LARGE_BYTES: u64 = 1_000_000_000;
const VERY_LARGE_BYTES: u64 = 5_000_000_000;

/// Longest write of a small file and its synchronization; a disk takes milliseconds.
const SLOW_WRITE: Duration = Duration::from_secs(1);

/// Longest query of the audit trail.
const SLOW_QUERY: Duration = Duration::from_secs(2);

/// Limits below which normal work is told of.
const LOW_PERCENT: u32 = 50;

/// Days without a sweep after which a state is old.
const OLD_DAYS: u32 = 2;

/// Checks of settings that cause the troubles of the table.
pub fn settings(config: &Config) -> Vec<Check> {
    let monitoring = &config.monitoring;
    let limits = [
        ("monitoring.performance_threshold_cpu", monitoring.performance_threshold_cpu),
        ("monitoring.performance_threshold_memory", monitoring.performance_threshold_memory),
        ("monitoring.performance_threshold_disk", monitoring.performance_threshold_disk),
    ];
    let low = limits.into_iter().filter(|(_, percent)| *percent < LOW_PERCENT).map(|(key, percent)| {
        Check::warning(
            "configuration",
            key,
            format!("{percent} %: normal work is told of"),
            format!("raise `{key}` to {LOW_PERCENT} or more"),
        )
    });
    let now = environment::now();
    let expired = config.overrides.iter().filter(|entry| entry.expires <= now).map(|entry| {
        Check::warning(
            "configuration",
            "expired-override",
            format!("`{}` expired at {}, so its calls count again", entry.id, entry.expires),
            format!("give it a later `expires`, or `onlooker override remove {}`", entry.id),
        )
    });
    let off = config.parts_off().map(|part| {
        Check::warning("configuration", part.key(), part.limitation(), format!("set `{} = true`", part.key()))
    });
    low.chain(expired).chain(off).collect()
}

/// Checks of the folder, the sweeps and the audit trail in it.
pub fn all(config: &Config, folder: &Path) -> Vec<Check> {
    let mut checks = vec![writable("state-folder", folder)];
    if !folder.exists() {
        checks.push(Check::not_checked(GROUP, "sweeps", format!("there is no `{}` yet", folder.display())));
        return checks;
    }
    checks.push(slow_disk(write_time(folder)));
    match SweepState::open_existing(folder).and_then(|state| state.map(|state| state.runs()).transpose()) {
        Ok(runs) => checks.extend(sweeps(runs.unwrap_or_default().as_slice())),
        Err(error) => checks.push(Check::failed(
            GROUP,
            "sweeps",
            &error.into(),
            "restore a backup with `onlooker backup restore`, or name another state with `--state DIR`",
        )),
    }
    checks.push(trail_size(bytes_in(&folder.join("audit"))));
    checks.extend(audit_trail(config, folder));
    checks
}

/// The time to write and synchronize one small file.
fn write_time(folder: &Path) -> Option<Duration> {
    let file = folder.join(format!(".onlooker-check-{}", environment::run_id()));
    let began = Instant::now();
    let written = fs::File::create(&file).and_then(|mut out| {
        std::io::Write::write_all(&mut out, b"check")?;
        out.sync_all()
    });
    let taken = began.elapsed();
    // A file that cannot be removed was not written.
    let _ = fs::remove_file(&file);
    written.ok().map(|()| taken)
}

/// The trouble of a full write buffer: entries wait because the disk is slow.
fn slow_disk(taken: Option<Duration>) -> Check {
    let name = "write-buffer";
    match taken {
        None => Check::not_checked(GROUP, name, "the folder cannot be written"),
        Some(taken) if taken > SLOW_WRITE => Check::warning(
            GROUP,
            name,
            format!("one small file takes {taken:.1?}, so entries wait in the buffer"),
            "look for other work on the disk, or raise `audit.write_flush_interval` and `audit.write_buffer_size`",
        ),
        Some(_) => Check::ok(GROUP, name, "the disk keeps up"),
    }
}

/// The troubles of security events, and of a worker that stopped.
fn sweeps(runs: &[PastRun]) -> Vec<Check> {
    let Some(newest) = runs.iter().max_by_key(|run| (run.generated_at, &run.run_id)) else {
        return vec![Check::not_checked(GROUP, "sweeps", "there is no sweep yet")];
    };
    let age = environment::now().since(newest.generated_at) / 86_400;
    let last = match age > OLD_DAYS {
        true => Check::warning(
            GROUP,
            "last-sweep",
            format!("the last sweep is {age} days old"),
            "start `onlooker sweep` again; docs/integrations has timers for it",
        ),
        false => Check::ok(GROUP, "last-sweep", format!("at {}", newest.generated_at)),
    };
    let status = newest.status.as_deref().unwrap_or("discovery");
    let security = match status {
        "NON_COMPLIANT" => Check::problem(
            GROUP,
            "security-events",
            format!("the last sweep is NON_COMPLIANT, with {} findings", newest.findings),
            "read `onlooker report`; docs/runbook.md, Status, says what to do",
        ),
        "INSUFFICIENT_EVIDENCE" => Check::warning(
            GROUP,
            "security-events",
            "the last sweep is INSUFFICIENT_EVIDENCE",
            "`onlooker report` names what is missing; docs/compliant.md says how to deliver it",
        ),
        _ => Check::ok(GROUP, "security-events", format!("the last sweep: {status}")),
    };
    vec![last, security]
}

/// The trouble of large log files.
fn trail_size(bytes: u64) -> Check {
    let name = "audit-trail-size";
    let found = format!("{} MB", bytes / 1_000_000);
    let fix = "`onlooker backup create`, then `onlooker audit prune --older-than 30d --dry-run`";
    match bytes {
        VERY_LARGE_BYTES.. => Check::problem(GROUP, name, found, fix),
        LARGE_BYTES.. => Check::warning(GROUP, name, found, fix),
        _ => Check::ok(GROUP, name, found),
    }
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The troubles of slow queries and of a low hit rate of the cache.
fn audit_trail(config: &Config, folder: &Path) -> Vec<Check> {
    let store = DirectoryStore::new(folder);
    let batches = match store.list("audit/") {
        Ok(objects) => objects.iter().filter(|object| BatchKey::parse(&object.name).is_some()).count(),
        Err(error) => {
            let fix = "let this user read the folder";
            return vec![Check::problem(GROUP, "audit-trail", error.to_string(), fix)];
        }
    };
    let began = Instant::now();
    let runs = AuditQuery { kind: Some(AuditKind::Run), ..AuditQuery::default() };
    let asked = AuditReader::new(&store, config.audit.cached_batches(), 1).query(&runs);
    let taken = began.elapsed();
    let query = match asked {
        Err(error) => Check::problem(
            GROUP,
            "audit-query",
            error.to_string(),
            "`onlooker audit verify` says what is wrong",
        ),
        Ok(answer) if !answer.unreadable.is_empty() => Check::problem(
            GROUP,
            "audit-query",
            format!("{} parts of the trail cannot be read", answer.unreadable.len()),
            "`onlooker audit verify` names them; restore them from a backup",
        ),
        Ok(_) => slow_query(taken),
    };
    vec![query, cache(batches, config.audit.cached_batches())]
}

fn slow_query(taken: Duration) -> Check {
    let name = "audit-query";
    match taken > SLOW_QUERY {
        true => Check::warning(
            GROUP,
            name,
            format!("a query takes {taken:.1?}"),
            "raise `audit.query_cache_size`, ask for a period with `--since`, or prune the trail",
        ),
        false => Check::ok(GROUP, name, "queries are answered at once"),
    }
}

fn cache(batches: usize, cached: usize) -> Check {
    let (name, found) = ("query-cache", format!("{batches} batches, {cached} in the cache"));
    match batches > cached {
        true => Check::warning(
            GROUP,
            name,
            found,
            "raise `audit.query_cache_size` above the number of batches, or prune the trail",
        ),
        false => Check::ok(GROUP, name, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::CheckState::{NotChecked, Ok as Fine, Problem, Warning};

    #[test]
    fn each_trouble_is_found_at_its_limit_and_not_below() {
        assert_eq!(slow_disk(None).state, NotChecked);
        assert_eq!(slow_disk(Some(SLOW_WRITE)).state, Fine);
        assert_eq!(slow_disk(Some(SLOW_WRITE * 2)).state, Warning);
        assert_eq!(slow_query(SLOW_QUERY).state, Fine);
        assert_eq!(slow_query(SLOW_QUERY * 2).state, Warning);
        let sizes = [LARGE_BYTES - 1, LARGE_BYTES, VERY_LARGE_BYTES].map(|bytes| trail_size(bytes).state);
        assert_eq!(sizes, [Fine, Warning, Problem]);
        assert_eq!([cache(256, 256).state, cache(257, 256).state], [Fine, Warning]);
        assert_eq!(sweeps(&[])[0].state, NotChecked);
    }

    #[test]
    fn limits_that_are_too_low_and_parts_that_are_off_are_named() {
        let text = "[monitoring]\nenabled = false\nperformance_threshold_cpu = 49\nperformance_threshold_disk = 50\n";
        let config = Config::from_toml(text, "onlooker.toml").expect("a configuration");
        let names: Vec<String> = settings(&config).into_iter().map(|check| check.name).collect();
        assert_eq!(names, ["monitoring.performance_threshold_cpu", "monitoring.enabled"]);
        assert!(settings(&Config::default()).is_empty());
    }
}
