//! `onlooker catalog diff`: what a new catalog classifies differently.
//!
//! Enters: two catalogs. Leaves: the operations that they classify differently, with the direction of each change.
//! Law: a less strict classification is always marked.

use std::path::{Path, PathBuf};

use clap::Args;
use onlooker_core::{
    catalog::Catalog,
    classification::{
        Classification,
        diff::{ChangeDirection, ChangeKind, ClassificationChange, classification_changes},
    },
    operation::{AccessLevel, Capabilities},
    render::format::{short_hash, thousands},
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

/// Options of `catalog diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The older catalog; with only one file, the catalog in force is the older one
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The newer catalog
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// Only operations with a less strict classification
    #[arg(long)]
    looser: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `onlooker catalog diff --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
struct CatalogDifference<'a> {
    /// The older catalog.
    old: ComparedCatalog<'a>,
    /// The newer catalog.
    new: ComparedCatalog<'a>,
    /// Operations that only the newer catalog has.
    added: usize,
    /// Operations that only the older catalog has.
    removed: usize,
    /// Operations with different facts.
    changed: usize,
    /// Operations with a less strict classification.
    looser: usize,
    /// Operations with a stricter classification.
    stricter: usize,
    /// The operations; with `--looser` only those with a less strict classification.
    changes: Vec<&'a ClassificationChange>,
}

/// One of the catalogs.
#[derive(Debug, Serialize, JsonSchema)]
struct ComparedCatalog<'a> {
    /// Version of the catalog.
    version: &'a str,
    /// SHA-256 of the catalog, in hex.
    hash: &'a str,
}

/// Version of the shape of what `onlooker catalog diff --json` prints.
const SCHEMA_VERSION: &str = "1.0";

impl<'a> ComparedCatalog<'a> {
    fn of(catalog: &'a Catalog) -> Self {
        Self { version: catalog.version(), hash: catalog.hash() }
    }
}

/// Runs `catalog diff`.
pub fn run(global: &GlobalArgs, args: DiffArgs) -> Result<CommandOutcome, CommandError> {
    let of_file = |path: &Path| inputs::catalog_file(path);
    match &args.new {
        Some(new) => compare(global, &args, &of_file(&args.old)?, &of_file(new)?),
        None => {
            let in_force = inputs::catalog(&environment::configuration(global)?)?;
            compare(global, &args, in_force, &of_file(&args.old)?)
        }
    }
}

fn compare(
    global: &GlobalArgs,
    args: &DiffArgs,
    old: &Catalog,
    new: &Catalog,
) -> Result<CommandOutcome, CommandError> {
    let all = classification_changes(old, new);
    let fate = |of: ChangeKind| all.iter().filter(|one| one.change == of).count();
    let direction = |of: ChangeDirection| all.iter().filter(|one| one.direction == of).count();
    let (added, removed, changed) =
        (fate(ChangeKind::Added), fate(ChangeKind::Removed), fate(ChangeKind::Changed));
    let (looser, stricter) = (direction(ChangeDirection::Looser), direction(ChangeDirection::Stricter));
    let shown: Vec<&ClassificationChange> =
        all.iter().filter(|one| !args.looser || one.direction == ChangeDirection::Looser).collect();
    if args.json {
        let (old, new) = (ComparedCatalog::of(old), ComparedCatalog::of(new));
        let changes = shown;
        let difference = CatalogDifference { old, new, added, removed, changed, looser, stricter, changes };
        output::versioned_json(SCHEMA_VERSION, &difference)?;
        return Ok(CommandOutcome::Proven);
    }
    let screen = ScreenSettings::of(global);
    let rows: Vec<Vec<TextCell>> = shown.iter().map(|one| row(one)).collect();
    let count = |count: usize| thousands(count as u64);
    output::write(|out| {
        text_table::print(out, screen, &rows)?;
        if !rows.is_empty() {
            writeln!(out)?;
        }
        let name = |catalog: &Catalog| format!("{} ({})", catalog.version(), short_hash(catalog.hash()));
        writeln!(out, "{} -> {}", name(old), name(new))?;
        if all.is_empty() {
            return writeln!(out, "no operation is classified differently");
        }
        writeln!(
            out,
            "{} added, {} removed, {} changed; {} looser (`!`), {} stricter",
            count(added),
            count(removed),
            count(changed),
            count(looser),
            count(stricter)
        )
    })?;
    Ok(CommandOutcome::Proven)
}

fn row(one: &ClassificationChange) -> Vec<TextCell> {
    let mark = match one.direction {
        ChangeDirection::Looser => TextCell::new("!", CellTone::Bad),
        ChangeDirection::Stricter | ChangeDirection::Same => TextCell::plain(" "),
    };
    let (sign, text) = match one.change {
        ChangeKind::Added => ("+", summary(&one.after)),
        ChangeKind::Removed => ("-", format!("was {}", summary(&one.before))),
        ChangeKind::Changed => ("~", difference(&one.before, &one.after)),
    };
    vec![mark, TextCell::plain(sign), TextCell::plain(&one.operation), TextCell::plain(&text)]
}

fn level(classification: &Classification) -> &'static str {
    classification.access_level.map_or("none", AccessLevel::as_str)
}

fn words(capabilities: Capabilities) -> impl Iterator<Item = &'static str> {
    capabilities.names()
}

fn summary(classification: &Classification) -> String {
    let Classification { operation_type, risk_level, capabilities, .. } = classification;
    let mut parts = vec![operation_type.as_str(), level(classification), risk_level.as_str()];
    parts.extend(words(*capabilities));
    parts.join(" ")
}

fn difference(before: &Classification, after: &Classification) -> String {
    let axes = [
        ("", before.operation_type.as_str(), after.operation_type.as_str()),
        ("level ", level(before), level(after)),
        ("mutates ", before.mutates.as_str(), after.mutates.as_str()),
        ("risk ", before.risk_level.as_str(), after.risk_level.as_str()),
    ];
    let moved = axes.into_iter().filter(|(_, before, after)| before != after);
    let mut parts: Vec<String> =
        moved.map(|(axis, before, after)| format!("{axis}{before} -> {after}")).collect();
    parts.extend(words(after.capabilities - before.capabilities).map(|word| format!("+{word}")));
    parts.extend(words(before.capabilities - after.capabilities).map(|word| format!("-{word}")));
    match (before.source_conflict, after.source_conflict) {
        (false, true) => parts.push("the sources now disagree".to_owned()),
        (true, false) => parts.push("the sources now agree".to_owned()),
        _ => {}
    }
    if parts.is_empty() {
        parts.push("listed as another kind of name".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use onlooker_core::render::versioned::versioned_schema;
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published("catalog-diff", SCHEMA_VERSION, &versioned_schema::<CatalogDifference<'_>>());
    }
}
