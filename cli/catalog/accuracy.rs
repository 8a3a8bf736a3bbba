//! `onlooker catalog accuracy`: how often a catalog agrees with labeled cases.
//!
//! Enters: labeled cases. Leaves: counts for each form, and the misclassified cases. Law: one unsafe call that is
//! classified as safe is a violation, independent of all other cases.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::Args;
use onlooker_core::{
    classification::{
        Classification,
        accuracy::{Accuracy, AccuracyCounts, LabeledCase, Misclassification, measure_accuracy},
    },
    config::Diagnostic,
    escape::escape_hidden,
    render::format::{count_noun, short_hash, thousands},
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

/// Options of `catalog accuracy`.
#[derive(Debug, Args)]
pub struct AccuracyArgs {
    /// Labeled cases, tab-separated
    #[arg(value_name = "FILE")]
    cases: PathBuf,
    /// Catalog to measure [default: the catalog in force]
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// List every case that differs from its label
    #[arg(long)]
    misses: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `onlooker catalog accuracy --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
struct MeasuredAccuracy<'a> {
    /// Version of the catalog.
    catalog_version: &'a str,
    /// SHA-256 of the catalog, in hex.
    catalog_hash: &'a str,
    /// Rows without the required columns or labels.
    rows_left_out: usize,
    /// Counts of the cases of all forms.
    total: &'a AccuracyCounts,
    /// Counts by form of the operation name.
    forms: &'a BTreeMap<String, AccuracyCounts>,
    /// With `--misses` the cases that differ from their label.
    #[serde(skip_serializing_if = "Option::is_none")]
    misses: Option<Vec<MissedCase<'a>>>,
}

/// A case that differs from its label.
#[derive(Debug, Serialize, JsonSchema)]
struct MissedCase<'a> {
    /// What differs: `safe`, `mutates` or `sensitive`.
    axis: &'static str,
    /// Form of the name.
    form: &'a str,
    /// Name of the service in the label file.
    source: &'a str,
    /// Name of the operation.
    name: &'a str,
    /// The label: whether a read-only principal may make the call.
    safe: bool,
    /// The label, if there is one: whether the call mutates.
    mutates: Option<bool>,
    /// The label, if there is one: whether the response contains secrets or customer content.
    sensitive: Option<bool>,
    /// The classification that differs.
    classification: &'a Classification,
}

/// Version of the shape of what `onlooker catalog accuracy --json` prints.
const SCHEMA_VERSION: &str = "1.0";

/// Runs `catalog accuracy`.
pub fn run(global: &GlobalArgs, args: AccuracyArgs) -> Result<CommandOutcome, CommandError> {
    let own;
    let catalog = match &args.catalog {
        Some(path) => {
            own = inputs::catalog_file(path)?;
            &own
        }
        None => inputs::catalog(&environment::configuration(global)?)?,
    };
    let bytes =
        fs::read(&args.cases).map_err(|source| CommandError::Input { path: args.cases.clone(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let cases = LabeledCase::parse_all(&text);
    if cases.is_empty() {
        return Err(CommandError::Usage(Diagnostic {
            message: format!("`{}` contains no labeled case", escape_hidden(&args.cases.to_string_lossy())),
            remedy: "write tab-separated columns with the header `form`, `source`, `name`, `expected`".into(),
        }));
    }
    let left_out = text.lines().skip(1).count().saturating_sub(cases.len());
    if left_out > 0 {
        tracing::warn!(
            "skipped {} without the required columns or labels",
            count_noun(left_out as u64, "row")
        );
    }
    let result = measure_accuracy(catalog, &cases);
    if args.json {
        let measured = MeasuredAccuracy {
            catalog_version: catalog.version(),
            catalog_hash: catalog.hash(),
            rows_left_out: left_out,
            total: &result.total,
            forms: &result.forms,
            misses: args.misses.then(|| misses(&result)),
        };
        output::versioned_json(SCHEMA_VERSION, &measured)?;
    } else {
        let name = format!("catalog {} ({})", catalog.version(), short_hash(catalog.hash()));
        show(ScreenSettings::of(global), &name, &result, args.misses)?;
    }
    Ok(if result.total.unsafe_classified_safe == 0 {
        CommandOutcome::Proven
    } else {
        CommandOutcome::Violation
    })
}

/// The misclassified cases of each axis.
fn axes(result: &Accuracy) -> [(&'static str, &[Misclassification]); 3] {
    [("safe", &result.misses), ("mutates", &result.mutates_misses), ("sensitive", &result.sensitive_misses)]
}

fn misses(result: &Accuracy) -> Vec<MissedCase<'_>> {
    let mut all = Vec::new();
    for (axis, misses) in axes(result) {
        all.extend(misses.iter().map(|Misclassification { case, classification }| MissedCase {
            axis,
            form: &case.form,
            source: &case.service,
            name: &case.name,
            safe: case.is_read_only,
            mutates: case.mutates,
            sensitive: case.sensitive,
            classification,
        }));
    }
    all
}

fn show(screen: ScreenSettings, name: &str, result: &Accuracy, list: bool) -> Result<(), CommandError> {
    let titles = [
        "form",
        "cases",
        "unsafe as safe",
        "safe as unsafe",
        "unknown",
        "by name only",
        "mutates agrees",
        "sensitive agrees",
    ];
    let mut rows = vec![titles.map(|title| TextCell::new(title, CellTone::Faint)).to_vec()];
    rows.extend(result.forms.iter().map(|(form, counts)| row(form, counts)));
    rows.push(row("all", &result.total));
    let mut missed = Vec::new();
    for (axis, misses) in axes(result) {
        for Misclassification { case, classification } in misses {
            let label = match axis {
                "safe" => if case.is_read_only { "safe" } else { "unsafe" }.to_owned(),
                "mutates" => format!("mutates {:?}", case.mutates.unwrap_or_default()),
                _ => format!("sensitive {:?}", case.sensitive.unwrap_or_default()),
            };
            let (kind, mutates) = (classification.operation_type, classification.mutates);
            let classified = format!("classified as {kind}, mutates {mutates}");
            missed.push(vec![
                TextCell::plain(&case.form),
                TextCell::plain(&format!("{}:{}", case.service, case.name)),
                TextCell::plain(&format!("labeled {label}")),
                TextCell::plain(&classified),
                TextCell::plain(&classification.reason),
            ]);
        }
    }
    output::write(|out| {
        writeln!(out, "{name}")?;
        text_table::print(out, ScreenSettings { width: None, ..screen }, &rows)?;
        if missed.is_empty() {
            return Ok(());
        }
        if list {
            writeln!(out)?;
            return text_table::print(out, screen, &missed);
        }
        writeln!(out, "labels that differ: {}; `--misses` lists them", thousands(missed.len() as u64))
    })
}

fn row(form: &str, counts: &AccuracyCounts) -> Vec<TextCell> {
    let share =
        |count: u64| TextCell::plain(&format!("{} ({:.3} %)", thousands(count), counts.percent(count)));
    let agree = |agree: u64, of: u64| TextCell::plain(&format!("{}/{}", thousands(agree), thousands(of)));
    let tone = if counts.unsafe_classified_safe == 0 { CellTone::Good } else { CellTone::Bad };
    vec![
        TextCell::plain(form),
        TextCell::plain(&thousands(counts.cases)),
        TextCell::new(&thousands(counts.unsafe_classified_safe), tone),
        share(counts.safe_classified_unsafe),
        share(counts.unknown),
        share(counts.by_pattern),
        agree(counts.mutates_agree, counts.mutates_cases),
        agree(counts.sensitive_agree, counts.sensitive_cases),
    ]
}

#[cfg(test)]
mod tests {
    use onlooker_core::render::versioned::versioned_schema;
    use test_support::schemas::assert_published;

    use super::*;

    #[test]
    fn the_published_schema_is_current() {
        assert_published("catalog-accuracy", SCHEMA_VERSION, &versioned_schema::<MeasuredAccuracy<'_>>());
    }
}
