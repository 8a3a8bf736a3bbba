//! Writes a report to files or to standard output.
//!
//! Enters: a report, formats, a file or a directory. Leaves: files, or text on standard output. Laws: a file is written
//! completely or not at all; standard output has one format.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
};

use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    render::{
        FORMATS, Format, html, json, render,
        terminal::{self, TerminalStyle, terminal},
    },
    report::Report,
};

use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
    fail_on::{FailOn, Judgment},
    output,
    output_path::OutputFiles,
};

/// Where and how a report is written.
#[derive(Clone, Debug, Default)]
pub struct ReportOutput {
    /// Requested formats of the report.
    pub formats: Vec<&'static Format>,
    /// File or directory for the report's files; `None` for standard output.
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
        self.files()?;
        match (&self.out, &*self.formats) {
            (None, [format]) if !format.fits_standard_output => fault(
                &format!("the format `{}` cannot be printed on standard output", format.name),
                "give a directory for its files with `--out DIR`",
            ),
            (None, [_, _, ..]) => fault(
                "only one format can be printed on standard output",
                "give a directory for all of them with `--out DIR`",
            ),
            (None, [_]) if self.json => {
                fault("`--json` and `--format` both print on standard output", "remove one of them")
            }
            _ => Ok(()),
        }
    }

    /// The files to write, if there are any.
    fn files(&self) -> Result<Option<OutputFiles<Report>>, Diagnostic> {
        let choose = |path: &PathBuf| {
            OutputFiles::choose(path, &self.formats, FORMATS, &[&json::FORMAT, &html::FORMAT])
        };
        self.out.as_ref().map(choose).transpose()
    }

    /// Writes the files and prints the report. `also` are further files to mention.
    pub fn write(&self, global: &GlobalArgs, report: &Report, also: &[PathBuf]) -> Result<(), CommandError> {
        let mut files = match self.files()? {
            Some(files) => files.write(report)?,
            None => Vec::new(),
        };
        if self.json {
            return print(report, &json::FORMAT);
        }
        match (&self.out, &*self.formats) {
            (None, [format]) if **format != terminal::FORMAT => return print(report, format),
            (Some(_), _) if global.quiet => return Ok(()),
            _ => {}
        }
        files.extend(also.iter().cloned());
        let text = summary(global, report, &files);
        output::write(|out| out.write_all(text.as_bytes()))
    }
}

/// Prints the report on standard output.
fn print(report: &Report, format: &Format) -> Result<(), CommandError> {
    let files = render(report, format)?;
    output::write(|out| files.iter().try_for_each(|file| out.write_all(&file.bytes)))
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

/// The outcome of a report. Says on standard error why the command fails, if the status of the report does not.
pub fn conclude(global: &GlobalArgs, report: &Report, fail_on: &FailOn) -> CommandOutcome {
    let Judgment { outcome, reason } = fail_on.judge(report);
    if let Some(reason) = reason.filter(|_| !global.quiet) {
        note(&reason);
    }
    outcome
}

/// Writes a note to standard error.
pub fn note(text: &str) {
    // A write error on standard error is ignored.
    let _ = writeln!(std::io::stderr().lock(), "note: {}", escape_hidden(text));
}
