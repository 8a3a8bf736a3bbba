//! How often a catalog is right.
//!
//! Enters: labelled cases. Leaves: figures per form, and the misses. Law: one unsafe call judged safe is a violation,
//! whatever the rest says.

use std::{fs, path::PathBuf};

use clap::Args;
use onlooker_core::{
    catalog::accuracy::{Accuracy, Case, Figures, Miss, accuracy},
    config::Fault,
    plain::plain,
    render::figures::{counted, short_hash, thousands},
};
use serde_json::{Value, json};

use crate::{
    args::Global,
    basis,
    failure::{Answer, Failure},
    output, surroundings,
    table::{self, Cell, Screen, Tone},
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
pub fn run(global: &Global, args: AccuracyArgs) -> Result<Answer, Failure> {
    let own;
    let catalog = match &args.catalog {
        Some(path) => {
            own = basis::catalog_file(path)?;
            &own
        }
        None => basis::catalog(&surroundings::configuration(global)?)?,
    };
    let bytes =
        fs::read(&args.cases).map_err(|source| Failure::Input { path: args.cases.clone(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    let cases = Case::parse_all(&text);
    if cases.is_empty() {
        return Err(Failure::Usage(Fault {
            message: format!("`{}` holds no labelled case", plain(&args.cases.to_string_lossy())),
            remedy:
                "write tab-separated columns under a heading with `form`, `source`, `name` and `expected`"
                    .into(),
        }));
    }
    let left_out = text.lines().skip(1).count().saturating_sub(cases.len());
    if left_out > 0 {
        tracing::warn!("{} without the columns or labels needed left out", counted(left_out as u64, "row"));
    }
    let result = accuracy(catalog, &cases);
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
        show(Screen::of(global), &name, &result, args.misses)?;
    }
    Ok(if result.total.unsafe_judged_safe == 0 { Answer::Proven } else { Answer::Violation })
}

/// The misses by axis, each with what they are about.
fn axes(result: &Accuracy) -> [(&'static str, &[Miss]); 3] {
    [("safe", &result.misses), ("mutates", &result.mutates_misses), ("sensitive", &result.sensitive_misses)]
}

fn misses(result: &Accuracy) -> Value {
    let of_axis = |(axis, misses): (&str, &[Miss])| {
        let one = |Miss { case, verdict }: &Miss| {
            json!({
                "axis": axis, "form": case.form, "source": case.source, "name": case.name, "safe": case.safe,
                "mutates": case.mutates, "sensitive": case.sensitive, "verdict": verdict,
            })
        };
        misses.iter().map(one).collect::<Vec<_>>()
    };
    axes(result).into_iter().flat_map(of_axis).collect()
}

fn show(screen: Screen, name: &str, result: &Accuracy, list: bool) -> Result<(), Failure> {
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
    let mut rows = vec![titles.map(|title| Cell::new(title, Tone::Faint)).to_vec()];
    rows.extend(result.forms.iter().map(|(form, figures)| row(form, figures)));
    rows.push(row("all", &result.total));
    let mut missed = Vec::new();
    for (axis, misses) in axes(result) {
        for Miss { case, verdict } in misses {
            let label = match axis {
                "safe" => if case.safe { "safe" } else { "unsafe" }.to_owned(),
                "mutates" => format!("mutates {:?}", case.mutates.unwrap_or_default()),
                _ => format!("sensitive {:?}", case.sensitive.unwrap_or_default()),
            };
            let judged = format!("judged {}, mutates {}", verdict.operation_type, verdict.mutates);
            missed.push(vec![
                Cell::plain(&case.form),
                Cell::plain(&format!("{}:{}", case.source, case.name)),
                Cell::plain(&format!("labelled {label}")),
                Cell::plain(&judged),
                Cell::plain(&verdict.reason),
            ]);
        }
    }
    output::write(|out| {
        writeln!(out, "{name}")?;
        table::print(out, Screen { width: None, ..screen }, &rows)?;
        if missed.is_empty() {
            return Ok(());
        }
        if list {
            writeln!(out)?;
            return table::print(out, screen, &missed);
        }
        writeln!(out, "{} differ from their label; `--misses` lists them", thousands(missed.len() as u64))
    })
}

fn row(form: &str, figures: &Figures) -> Vec<Cell> {
    let share = |count: u64| Cell::plain(&format!("{} ({:.3} %)", thousands(count), figures.percent(count)));
    let agree = |agree: u64, of: u64| Cell::plain(&format!("{}/{}", thousands(agree), thousands(of)));
    let tone = if figures.unsafe_judged_safe == 0 { Tone::Good } else { Tone::Bad };
    vec![
        Cell::plain(form),
        Cell::plain(&thousands(figures.cases)),
        Cell::new(&thousands(figures.unsafe_judged_safe), tone),
        share(figures.safe_refused),
        share(figures.unknown),
        share(figures.by_pattern),
        agree(figures.mutates_agree, figures.mutates_cases),
        agree(figures.sensitive_agree, figures.sensitive_cases),
    ]
}
