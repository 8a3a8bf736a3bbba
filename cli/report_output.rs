//! Writes a report to files or to standard output.
//!
//! Enters: a report, formats, a directory. Leaves: files, or text on standard output. Laws: a file is written
//! completely or not at all; standard output has one format.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use onlooker_core::{
    config::Diagnostic,
    render::{
        csv::csv,
        html::html,
        json::json,
        markdown::markdown,
        terminal::{TerminalStyle, terminal},
    },
    report::{Report, ReportMode},
    score::Status,
};
use onlooker_local::sweep_state::write_atomically;

use crate::{
    args::{GlobalArgs, ReportFormat},
    exit::{CommandError, CommandOutcome},
    output,
};

/// Where and how a report is written.
#[derive(Clone, Debug, Default)]
pub struct ReportOutput {
    /// Requested formats of the report.
    pub formats: Vec<ReportFormat>,
    /// Directory for the report's files; `None` for standard output.
    pub out: Option<PathBuf>,
    /// Whether to print JSON on standard output, in addition to files.
    pub json: bool,
}

impl ReportOutput {
    /// Rejects invalid combinations before any work is done.
    pub fn validate(&self) -> Result<(), CommandError> {
        let fault = |message: &str, remedy: &str| {
            Err(CommandError::Usage(Diagnostic { message: message.to_owned(), remedy: remedy.to_owned() }))
        };
        match (&self.out, &*self.formats) {
            (None, [ReportFormat::Csv]) => {
                fault("CSV is written as several files", "give a directory for them with `--out DIR`")
            }
            (None, [_, _, ..]) => fault(
                "only one format can be printed on standard output",
                "give a directory with `--out DIR`",
            ),
            (None, [_]) if self.json => {
                fault("`--json` and `--format` both print on standard output", "remove one of them")
            }
            _ => Ok(()),
        }
    }

    /// Writes the files and prints the report. `also` are further files to mention.
    pub fn write(&self, global: &GlobalArgs, report: &Report, also: &[PathBuf]) -> Result<(), CommandError> {
        let mut files = Vec::new();
        if let Some(dir) = &self.out {
            let formats: &[ReportFormat] = if self.formats.is_empty() {
                &[ReportFormat::Json, ReportFormat::Html]
            } else {
                &self.formats
            };
            for format in formats {
                write_files(dir, *format, report, &mut files)?;
            }
        }
        if self.json {
            let text = json(report)?;
            return output::write(|out| out.write_all(text.as_bytes()));
        }
        let format = match (&self.out, &*self.formats) {
            (None, [format]) => *format,
            (Some(_), _) if global.quiet => return Ok(()),
            _ => ReportFormat::Terminal,
        };
        files.extend(also.iter().cloned());
        let text = match format {
            ReportFormat::Json => json(report)?.into_bytes(),
            ReportFormat::Html => html_page(report)?,
            ReportFormat::Markdown => markdown(report).into_bytes(),
            ReportFormat::Csv | ReportFormat::Terminal => summary(global, report, &files).into_bytes(),
        };
        output::write(|out| out.write_all(&text))
    }
}

fn summary(global: &GlobalArgs, report: &Report, files: &[PathBuf]) -> String {
    let stdout = std::io::stdout();
    let style =
        TerminalStyle { color: global.color.enables_color_on(&stdout), width: width(stdout.is_terminal()) };
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    terminal(report, &style, &files)
}

/// Columns of the terminal; 100 when there is none.
fn width(on_terminal: bool) -> usize {
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    columns.filter(|_| on_terminal).unwrap_or(100).clamp(60, 160)
}

fn html_page(report: &Report) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    html(report, &mut bytes).map_err(CommandError::Output)?;
    Ok(bytes)
}

fn write_files(
    dir: &Path,
    format: ReportFormat,
    report: &Report,
    files: &mut Vec<PathBuf>,
) -> Result<(), CommandError> {
    let mut write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        write_atomically(&path, bytes)?;
        files.push(path);
        Ok::<_, CommandError>(())
    };
    match format {
        ReportFormat::Json => write("report.json", json(report)?.as_bytes()),
        ReportFormat::Html => write("report.html", &html_page(report)?),
        ReportFormat::Markdown => write("report.md", markdown(report).as_bytes()),
        ReportFormat::Terminal => {
            let style = TerminalStyle { color: false, width: 100 };
            write("report.txt", terminal(report, &style, &[]).as_bytes())
        }
        ReportFormat::Csv => csv(report)?.iter().try_for_each(|(name, text)| write(name, text.as_bytes())),
    }
}

/// The outcome of a report: its status, or for a discovery whether everything could be read.
pub fn outcome(report: &Report) -> CommandOutcome {
    let result = &report.result;
    match (result.mode, result.status()) {
        (ReportMode::Proof, Some(Status::NonCompliant)) => CommandOutcome::Violation,
        (ReportMode::Proof, Some(Status::Compliant)) => CommandOutcome::Proven,
        (ReportMode::Proof, _) => CommandOutcome::InsufficientEvidence,
        (ReportMode::Discovery, _) if result.totals.unreadable_evidence > 0 || result.totals.events == 0 => {
            CommandOutcome::InsufficientEvidence
        }
        (ReportMode::Discovery, _) => CommandOutcome::Proven,
    }
}
