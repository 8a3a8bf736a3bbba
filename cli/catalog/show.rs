//! `onlooker catalog show`: the contents of a catalog.
//!
//! Enters: a catalog. Leaves: its version and hash, its sources and counts. Law: every operation is counted once for
//! each axis.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use onlooker_core::{
    catalog::Catalog, classification::Classification, operation::AccessLevel, render::format::thousands,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    inputs, output,
    text_table::{self, CellTone, ScreenSettings, TextCell},
};

/// Options of `catalog show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Catalog file [default: the catalog in force]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Show the counts of every service, not only of the largest
    #[arg(long)]
    services: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Counts of one service.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct ServiceCounts {
    /// Number of operations.
    operations: u64,
    /// Those that only read.
    read_only: u64,
}

/// The contents to show.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct CatalogContents {
    /// Version of the catalog.
    version: String,
    /// SHA-256 of the catalog, in hex.
    hash: String,
    /// The file; none for the built-in catalog.
    file: Option<PathBuf>,
    /// Number of operations.
    operations: u64,
    /// Those that are actions of IAM.
    iam_actions: u64,
    /// Those that are operations of an API.
    api_operations: u64,
    /// Those that are only events of CloudTrail.
    events: u64,
    /// Those about which the sources disagree.
    source_conflicts: u64,
    /// Number of corrections of the sources.
    corrections: usize,
    /// Size of what a classification reads, in bytes.
    lookup_bytes: usize,
    /// Size of the reasons, in bytes.
    rationale_bytes: usize,
    /// Versions of the sources, by name.
    sources: BTreeMap<String, String>,
    /// Operations by type.
    by_type: BTreeMap<&'static str, u64>,
    /// Operations by access level; `none` for those without one.
    by_level: BTreeMap<&'static str, u64>,
    /// Operations by what they let a principal do.
    by_capability: BTreeMap<&'static str, u64>,
    /// Operations by service.
    by_service: BTreeMap<String, ServiceCounts>,
}

/// Version of the shape of what `onlooker catalog show --json` prints.
const SCHEMA_VERSION: &str = "1.0";

/// Runs `catalog show`.
pub fn run(global: &GlobalArgs, args: ShowArgs) -> Result<CommandOutcome, CommandError> {
    let contents = match args.file {
        Some(path) => CatalogContents::of(&inputs::catalog_file(&path)?, Some(path)),
        None => {
            let loaded = environment::configuration(global)?;
            let file = loaded.config.catalog.as_deref().map(|name| loaded.resolve(name));
            CatalogContents::of(inputs::catalog(&loaded)?, file)
        }
    };
    match args.json {
        true => output::versioned_json(SCHEMA_VERSION, &contents)?,
        false => show(ScreenSettings::of(global), &contents, args.services)?,
    }
    Ok(CommandOutcome::Proven)
}

impl CatalogContents {
    fn of(catalog: &Catalog, file: Option<PathBuf>) -> Self {
        let (lookup_bytes, ledger_bytes) = catalog.sizes();
        let mut contents = Self {
            version: catalog.version().to_owned(),
            hash: catalog.hash().to_owned(),
            file,
            corrections: catalog.corrections().len(),
            lookup_bytes,
            rationale_bytes: ledger_bytes,
            sources: catalog.origins().iter().cloned().collect(),
            ..Self::default()
        };
        for entry in catalog.iter() {
            let kind = entry.facts.kinds;
            contents.operations += 1;
            contents.iam_actions += u64::from(kind.action);
            contents.api_operations += u64::from(kind.operation);
            contents.events += u64::from(entry.facts.is_event_only());
            let classification = Classification::from(entry);
            contents.source_conflicts += u64::from(classification.source_conflict);
            *contents.by_type.entry(classification.operation_type.as_str()).or_default() += 1;
            let level = classification.access_level.map_or("none", AccessLevel::as_str);
            *contents.by_level.entry(level).or_default() += 1;
            for word in classification.capabilities.names() {
                *contents.by_capability.entry(word).or_default() += 1;
            }
            let is_valid = classification.is_read_only();
            let service = contents.by_service.entry(classification.service).or_default();
            service.operations += 1;
            service.read_only += u64::from(is_valid);
        }
        contents
    }
}

fn show(screen: ScreenSettings, contents: &CatalogContents, all: bool) -> Result<(), CommandError> {
    const LARGEST: usize = 10;
    let label = |text: &str| TextCell::new(text, CellTone::Faint);
    let size = format!(
        "{} bytes for lookups, {} bytes of rationale",
        thousands(contents.lookup_bytes as u64),
        thousands(contents.rationale_bytes as u64)
    );
    let from =
        contents.file.as_ref().map_or_else(|| "built in".to_owned(), |path| path.display().to_string());
    let kinds = format!(
        "{}: {} IAM actions, {} API operations, {} events that are not API calls",
        thousands(contents.operations),
        thousands(contents.iam_actions),
        thousands(contents.api_operations),
        thousands(contents.events)
    );
    let mut head = vec![
        vec![label("version"), TextCell::new(&contents.version, CellTone::Strong)],
        vec![label("hash"), TextCell::plain(&contents.hash)],
        vec![label("from"), TextCell::plain(&from)],
        vec![label("size"), TextCell::plain(&size)],
        vec![label("operations"), TextCell::plain(&kinds)],
        vec![
            label("source conflicts"),
            TextCell::plain(&format!("{} where the sources disagree", thousands(contents.source_conflicts))),
        ],
        vec![label("corrections"), TextCell::plain(&thousands(contents.corrections as u64))],
    ];
    for (number, (source, version)) in contents.sources.iter().enumerate() {
        let label = label(if number == 0 { "sources" } else { "" });
        head.push(vec![label, TextCell::plain(&format!("{source} {version}"))]);
    }
    let counts = |map: &BTreeMap<&str, u64>| -> Vec<Vec<TextCell>> {
        let mut rows: Vec<(&str, u64)> = map.iter().map(|(word, count)| (*word, *count)).collect();
        rows.sort_unstable_by_key(|(word, count)| (u64::MAX - count, *word));
        rows.iter()
            .map(|(word, count)| vec![TextCell::plain("  "), number(*count), TextCell::plain(word)])
            .collect()
    };
    let mut services: Vec<_> = contents.by_service.iter().collect();
    services.sort_unstable_by_key(|(name, service)| (u64::MAX - service.operations, *name));
    let shown = if all { services.len() } else { LARGEST };
    let of_service = |(name, service): &(&String, &ServiceCounts)| {
        let reads = format!("{name}, {} of them read-only", thousands(service.read_only));
        vec![TextCell::plain("  "), number(service.operations), TextCell::plain(&reads)]
    };
    let rows: Vec<_> = services.iter().take(shown).map(of_service).collect();
    output::write(|out| {
        text_table::print(out, screen, &head)?;
        for (title, rows) in [
            ("classifications".to_owned(), counts(&contents.by_type)),
            ("levels".to_owned(), counts(&contents.by_level)),
            ("capabilities".to_owned(), counts(&contents.by_capability)),
            (format!("services, {} in all", services.len()), rows),
        ] {
            writeln!(out, "\n{}", CellTone::Strong.paint(screen.colored, &title))?;
            text_table::print(out, screen, &rows)?;
        }
        if shown < services.len() {
            writeln!(out, "  and {} more; `--services` counts them all", services.len() - shown)?;
        }
        Ok(())
    })
}

/// A count, aligned to the right.
fn number(count: u64) -> TextCell {
    TextCell::plain(&format!("{:>7}", thousands(count)))
}

#[cfg(test)]
mod tests {
    use onlooker_core::render::versioned::versioned_schema;
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published("catalog", SCHEMA_VERSION, &versioned_schema::<CatalogContents>());
    }
}
