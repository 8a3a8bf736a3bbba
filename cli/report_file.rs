//! A report that a command gets: a file, standard input, or the latest sweep of a state.
//!
//! Enters: a path, `-` for standard input, or a state. Leaves: the report. Law: a report that was changed after it was written, or that this
//! version does not read, is an error that names the file.

use std::{fs, io::Read as _, path::Path};

use onlooker_core::{config::Diagnostic, report::Report};
use onlooker_local::sweep_state::SweepState;

use crate::exit::CommandError;

/// The report in a file, or that of the latest sweep of a state.
pub fn given_or_latest(path: Option<&Path>, state: &Path) -> Result<Report, CommandError> {
    match path {
        Some(path) => read_report(path),
        None => latest(state),
    }
}

/// The report of the latest sweep of a state.
fn latest(state: &Path) -> Result<Report, CommandError> {
    let missing = || {
        CommandError::Usage(Diagnostic {
            message: format!("there is no sweep in `{}`", state.display()),
            remedy: "sweep log files first with `onlooker sweep PATH`, name a `report.json`, or give the state with \
                     `--state DIR`"
                .to_owned(),
        })
    };
    let state = SweepState::open_existing(state)?.ok_or_else(missing)?;
    let run = state.runs()?.into_iter().next().ok_or_else(missing)?;
    Ok(state.report(&run.run_id)?)
}

/// Reads a report and compares its result with its id.
pub fn read_report(path: &Path) -> Result<Report, CommandError> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes.map_err(|source| CommandError::Input { path: path.to_owned(), source })?;
    Report::from_json(&bytes).map_err(|error| {
        CommandError::Usage(Diagnostic {
            message: format!("`{}` {error}", path.display()),
            remedy: "give a `report.json` as `onlooker report --out DIR` writes it".to_owned(),
        })
    })
}
