//! How often a catalog is right.
//!
//! Enters: labeled cases. Leaves: figures per form, and the misses. Law: one unsafe call judged safe is a violation,
//! whatever the rest says.

use std::{fs, path::PathBuf};

use clap::Args;
use onlooker_core::{
    catalog::accuracy::{Accuracy, AccuracyCounts, LabeledCase, Misclassification, measure_accuracy},
    config::Diagnostic,
    escape::escape_control,
    render::format::{count_noun, short_hash, thousands},
};
use serde_json::{Value, json};

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
    /// Labelled cases, tab-separated
    #[arg(value_name = "FILE")]
    cases: PathBuf,
    /// Judge with this catalog [default: the one in force]
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// List every verdict that differs from its label
    #[arg(long)]
    misses: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

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
            message: format!("`{}` holds no labeled case", escape_control(&args.cases.to_string_lossy())),
            remedy:
                "write tab-separated columns under a heading with `form`, `source`, `name` and `expected`"
                    .into(),
        }));
    }
    let left_out = text.lines().skip(1).count().saturating_sub(cases.len());
    if left_out > 0 {
        tracing::warn!(
            "{} without the columns or labels needed left out",
            count_noun(left_out as u64, "row")
        );
    }
    let result = measure_accuracy(catalog, &cases);
    if args.json {
        let mut value = json!({
            "catalog_version": catalog.version(), "catalog_hash": catalog.hash(),
            "rows_left_out": left_out, "total": result.total, "forms": result.forms,
        });
        if let (true, Some(fields)) = (args.misses, value.as_object_mut()) {
            fields.insert("misses".into(), misses(&result));
        }
        output::json(&value)?;
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

/// The misses by axis, each with what they are about.
fn axes(result: &Accuracy) -> [(&'static str, &[Misclassification]); 3] {
    [("safe", &result.misses), ("mutates", &result.mutates_misses), ("sensitive", &result.sensitive_misses)]
}

fn misses(result: &Accuracy) -> Value {
    let of_axis = |(axis, misses): (&str, &[Misclassification])| {
        let one = |Misclassification { case, classification: verdict }: &Misclassification| {
            json!({
                "axis": axis, "form": case.form, "source": case.service, "name": case.name, "safe": case.is_read_only,
                "mutates": case.mutates, "sensitive": case.sensitive, "verdict": verdict,
            })
        };
        misses.iter().map(one).collect::<Vec<_>>()
    };
    axes(result).into_iter().flat_map(of_axis).collect()
}

fn show(screen: ScreenSettings, name: &str, result: &Accuracy, list: bool) -> Result<(), CommandError> {
    let titles = [
        "form",
        "cases",
        "unsafe judged safe",
        "safe refused",
        "unknown",
        "by name alone",
        "mutates agrees",
        "sensitive agrees",
    ];
    let mut rows = vec![titles.map(|title| TextCell::new(title, CellTone::Faint)).to_vec()];
    rows.extend(result.forms.iter().map(|(form, figures)| row(form, figures)));
    rows.push(row("all", &result.total));
    let mut missed = Vec::new();
    for (axis, misses) in axes(result) {
        for Misclassification { case, classification: verdict } in misses {
            let label = match axis {
                "safe" => if case.is_read_only { "safe" } else { "unsafe" }.to_owned(),
                "mutates" => format!("mutates {:?}", case.mutates.unwrap_or_default()),
                _ => format!("sensitive {:?}", case.sensitive.unwrap_or_default()),
            };
            let judged = format!("judged {}, mutates {}", verdict.operation_type, verdict.mutates);
            missed.push(vec![
                TextCell::plain(&case.form),
                TextCell::plain(&format!("{}:{}", case.service, case.name)),
                TextCell::plain(&format!("labeled {label}")),
                TextCell::plain(&judged),
                TextCell::plain(&verdict.reason),
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
        writeln!(out, "{} differ from their label; `--misses` lists them", thousands(missed.len() as u64))
    })
}

fn row(form: &str, figures: &AccuracyCounts) -> Vec<TextCell> {
    let share =
        |count: u64| TextCell::plain(&format!("{} ({:.3} %)", thousands(count), figures.percent(count)));
    let agree = |agree: u64, of: u64| TextCell::plain(&format!("{}/{}", thousands(agree), thousands(of)));
    let tone = if figures.unsafe_classified_safe == 0 { CellTone::Good } else { CellTone::Bad };
    vec![
        TextCell::plain(form),
        TextCell::plain(&thousands(figures.cases)),
        TextCell::new(&thousands(figures.unsafe_classified_safe), tone),
        share(figures.safe_classified_unsafe),
        share(figures.unknown),
        share(figures.by_pattern),
        agree(figures.mutates_agree, figures.mutates_cases),
        agree(figures.sensitive_agree, figures.sensitive_cases),
    ]
}
