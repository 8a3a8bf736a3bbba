//! Writes a report to files or to standard output.
//!
//! Enters: a report, formats, a file or a directory. Leaves: files, or text on standard output. Laws: a file is written
//! completely or not at all; standard output has one format; only a terminal gets less than the whole report.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
};

use clap::Args;
use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    render::{
        FORMATS, Format, html, json, render,
        terminal::{self, ScreenExtent, TerminalStyle, terminal},
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

/// How much of a report is printed as text.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ReportExtent {
    /// Print the whole report also on a terminal, which gets one screen of it otherwise
    #[arg(long, conflicts_with = "brief")]
    pub full: bool,
    /// Print one screen of the report also into a file or pipe, which gets all of it otherwise
    #[arg(long)]
    pub brief: bool,
}

impl ReportExtent {
    /// What is printed, on a terminal or elsewhere.
    const fn on(self, terminal: bool) -> ScreenExtent {
        match self {
            Self { full: true, .. } => ScreenExtent::Whole,
            Self { brief: true, .. } => ScreenExtent::OneScreen,
            _ if terminal => ScreenExtent::OneScreen,
            _ => ScreenExtent::Whole,
        }
    }
}

/// Where and how a report is written.
#[derive(Clone, Debug, Default)]
pub struct ReportOutput {
    /// Requested formats of the report.
    pub formats: Vec<&'static Format>,
    /// File or directory for the report's files; `None` for standard output.
    pub out: Option<PathBuf>,
    /// Whether to print JSON on standard output, in addition to files.
    pub json: bool,
    /// How much of the report is printed as text.
    pub extent: ReportExtent,
    /// A command that shows the report again, without the options of the output.
    pub again: Option<String>,
}

impl ReportOutput {
    /// Rejects invalid combinations before any work is done.
    pub fn validate(&self) -> Result<(), CommandError> {
        let fault = |message: &str, remedy: &str| {
            Err(CommandError::Usage(Diagnostic { message: message.to_owned(), remedy: remedy.to_owned() }))
        };
        self.files()?;
        let is_text = !self.json && self.formats.iter().all(|format| **format == terminal::FORMAT);
        let is_printed = is_text || self.out.is_some() && !self.json;
        if (self.extent.full || self.extent.brief) && !is_printed {
            return fault(
                "`--full` and `--brief` are for the report as text",
                "remove `--json`, `--format` or this option",
            );
        }
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

    /// Whether the report is only printed, as text.
    pub fn is_text_only(&self) -> bool {
        self.out.is_none() && !self.json && self.formats.iter().all(|format| **format == terminal::FORMAT)
    }

    /// The report as text, and where to read more: the files that were written, commands, and other files.
    fn text(&self, global: &GlobalArgs, report: &Report, written: &[PathBuf], also: &[PathBuf]) -> String {
        let stdout = std::io::stdout();
        let on_terminal = stdout.is_terminal();
        let extent = self.extent.on(on_terminal);
        let color = global.color.enables_color_on(&stdout);
        let style = TerminalStyle { color, width: width(on_terminal), extent };
        let names = |files: &[PathBuf]| -> Vec<String> {
            files.iter().map(|file| file.display().to_string()).collect()
        };
        let mut more = names(written);
        match (extent, &self.again) {
            (ScreenExtent::OneScreen, Some(command)) => {
                more.push(format!("all of it with `{command} --full`"))
            }
            (ScreenExtent::OneScreen, None) => more.push("all of it with --full".to_owned()),
            (ScreenExtent::Whole, Some(command)) => more.push(format!("again with `{command}`")),
            (ScreenExtent::Whole, None) => {}
        }
        if !written.iter().any(|file| file.extension().is_some_and(|extension| extension == "html")) {
            more.push("a page with --format html --out DIR".to_owned());
        }
        more.extend(names(also));
        terminal(report, &style, &more)
    }

    /// Writes the files and prints the report. `also` are further files to mention.
    pub fn write(&self, global: &GlobalArgs, report: &Report, also: &[PathBuf]) -> Result<(), CommandError> {
        let files = match self.files()? {
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
        let text = self.text(global, report, &files, also);
        output::write(|out| out.write_all(text.as_bytes()))
    }
}

/// Prints the report on standard output.
fn print(report: &Report, format: &Format) -> Result<(), CommandError> {
    let files = render(report, format)?;
    output::write(|out| files.iter().try_for_each(|file| out.write_all(&file.bytes)))
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
