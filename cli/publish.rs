//! A report, to where it is wanted.
//!
//! Enters: a report, formats, a directory. Leaves: files, or text on standard output. Laws: a file is there whole or
//! not at all; one report has one form on standard output.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use onlooker_core::{
    config::Fault,
    render::{
        csv::csv,
        html::html,
        json::json,
        markdown::markdown,
        terminal::{TerminalStyle, terminal},
    },
    report::{Mode, Report},
    score::Status,
};
use onlooker_local::state::write_whole;

use crate::{
    args::{Format, Global},
    failure::{Answer, Failure},
    output,
};

/// Where a report goes.
#[derive(Clone, Debug, Default)]
pub struct Publication {
    /// Formats asked for.
    pub formats: Vec<Format>,
    /// Directory for files.
    pub out: Option<PathBuf>,
    /// JSON on standard output, whatever else is written.
    pub json: bool,
}

impl Publication {
    /// Refuses what cannot be, before any work is done.
    pub fn check(&self) -> Result<(), Failure> {
        let fault = |message: &str, remedy: &str| {
            Err(Failure::Usage(Fault { message: message.to_owned(), remedy: remedy.to_owned() }))
        };
        match (&self.out, &*self.formats) {
            (None, [Format::Csv]) => {
                fault("CSV is several files", "name a directory for them with `--out DIR`")
            }
            (None, [_, _, ..]) => {
                fault("one format at a time fits on standard output", "name a directory with `--out DIR`")
            }
            (None, [_]) if self.json => {
                fault("`--json` and `--format` both claim standard output", "leave one out")
            }
            _ => Ok(()),
        }
    }

    /// Writes the files and prints what is wanted. `also` are files the reader may want to know of.
    pub fn publish(&self, global: &Global, report: &Report, also: &[PathBuf]) -> Result<(), Failure> {
        let mut files = Vec::new();
        if let Some(dir) = &self.out {
            let formats: &[Format] =
                if self.formats.is_empty() { &[Format::Json, Format::Html] } else { &self.formats };
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
            _ => Format::Terminal,
        };
        files.extend(also.iter().cloned());
        let text = match format {
            Format::Json => json(report)?.into_bytes(),
            Format::Html => page(report)?,
            Format::Markdown => markdown(report).into_bytes(),
            Format::Csv | Format::Terminal => summary(global, report, &files).into_bytes(),
        };
        output::write(|out| out.write_all(&text))
    }
}

fn summary(global: &Global, report: &Report, files: &[PathBuf]) -> String {
    let stdout = std::io::stdout();
    let style = TerminalStyle { colour: global.color.applies(&stdout), width: width(stdout.is_terminal()) };
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    terminal(report, &style, &files)
}

/// Columns of the terminal; 100 when there is none.
fn width(on_terminal: bool) -> usize {
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    columns.filter(|_| on_terminal).unwrap_or(100).clamp(60, 160)
}

fn page(report: &Report) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    html(report, &mut bytes).map_err(Failure::Output)?;
    Ok(bytes)
}

fn write_files(dir: &Path, format: Format, report: &Report, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let mut write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        write_whole(&path, bytes)?;
        files.push(path);
        Ok::<_, Failure>(())
    };
    match format {
        Format::Json => write("report.json", json(report)?.as_bytes()),
        Format::Html => write("report.html", &page(report)?),
        Format::Markdown => write("report.md", markdown(report).as_bytes()),
        Format::Terminal => {
            let style = TerminalStyle { colour: false, width: 100 };
            write("report.txt", terminal(report, &style, &[]).as_bytes())
        }
        Format::Csv => csv(report)?.iter().try_for_each(|(name, text)| write(name, text.as_bytes())),
    }
}

/// What a report answers: a promise by its status, a discovery by whether everything could be read.
pub fn answer(report: &Report) -> Answer {
    let result = &report.result;
    match (result.mode, result.status()) {
        (Mode::Proof, Some(Status::NonCompliant)) => Answer::Violation,
        (Mode::Proof, Some(Status::Compliant)) => Answer::Proven,
        (Mode::Proof, _) => Answer::NotEnoughEvidence,
        (Mode::Discovery, _) if result.totals.unreadable > 0 || result.totals.events == 0 => {
            Answer::NotEnoughEvidence
        }
        (Mode::Discovery, _) => Answer::Proven,
    }
}
