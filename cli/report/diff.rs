//! `onlooker report --diff`: what changed from one report to another.
//!
//! Enters: two files with reports. Leaves: their difference as text, JSON or Markdown. Law: the exit code is that of what got worse, by
//! `--fail-on`; what both reports have does not count.

use std::path::PathBuf;

use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    render::{
        Format,
        report_diff::{FORMATS, JSON, MARKDOWN, TERMINAL},
    },
    report::{Report, ReportDifference},
};

use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
    fail_on::{FailOn, Judgment},
    output,
    output_path::OutputFiles,
    report_file::read_report,
    report_output::{ReportOutput, note},
};

/// Compares two reports.
pub fn run(
    global: &GlobalArgs,
    files: &[PathBuf],
    publication: &ReportOutput,
    fail_on: &FailOn,
) -> Result<CommandOutcome, CommandError> {
    let [before, after] = files else {
        return Err(CommandError::Usage(Diagnostic {
            message: "`--diff` compares two reports".to_owned(),
            remedy: "name both: `--diff BEFORE AFTER`".to_owned(),
        }));
    };
    let formats = formats(publication)?;
    let choose = |path: &PathBuf| OutputFiles::choose(path, &formats, FORMATS, &[&JSON, &MARKDOWN]);
    let out = publication.out.as_ref().map(choose).transpose()?;
    let [before, after] = [read_report(before)?, read_report(after)?];
    require_whole_lists([&before, &after])?;
    let difference = ReportDifference::between(&before, &after);
    let written = out.map(|files| files.write(&difference)).transpose()?;
    match (publication.json, &written, &*formats) {
        (true, ..) => print(&difference, &JSON)?,
        (_, None, [format]) => print(&difference, format)?,
        (_, Some(_), _) if global.quiet => {}
        _ => print(&difference, &TERMINAL)?,
    }
    if !global.quiet && !publication.json {
        output::write(|out| {
            let mut written = written.iter().flatten();
            written.try_for_each(|path| writeln!(out, "wrote {}", escape_hidden(&path.to_string_lossy())))
        })?;
    }
    let Judgment { outcome, reason } = fail_on.judge_difference(&difference);
    if let Some(reason) = reason.filter(|_| !global.quiet) {
        note(&reason);
    }
    Ok(outcome)
}

/// Refuses to compare a report that leaves entries out: what it does not list may be in it.
pub fn require_whole_lists(reports: [&Report; 2]) -> Result<(), Diagnostic> {
    if reports.iter().all(|report| report.result.lists_everything()) {
        return Ok(());
    }
    Err(Diagnostic {
        message: "a report leaves watched principals or findings out, because there are too many".to_owned(),
        remedy: "compare reports on shorter periods; the limitations of a report say what it leaves out"
            .to_owned(),
    })
}

/// The formats of a difference that were requested by the names of formats of a report.
fn formats(publication: &ReportOutput) -> Result<Vec<&'static Format<ReportDifference>>, Diagnostic> {
    let named = |name: &str| {
        FORMATS.iter().copied().find(|format| format.name == name).ok_or_else(|| {
            let names: Vec<String> = FORMATS.iter().map(|format| format!("`{}`", format.name)).collect();
            Diagnostic {
                message: format!("the format `{name}` is of one report, and `--diff` compares two"),
                remedy: format!("choose one of {}", names.join(", ")),
            }
        })
    };
    publication.formats.iter().map(|format| named(format.name)).collect()
}

fn print(difference: &ReportDifference, format: &Format<ReportDifference>) -> Result<(), CommandError> {
    let files = format.files(difference)?;
    output::write(|out| files.iter().try_for_each(|file| out.write_all(&file.bytes)))
}
