//! A report that a command gets: a file, standard input, or the latest sweep of a state.
//!
//! Enters: a path or a state. Leaves: a report. Law: a file that is not the report that its id names is refused.

use std::{fs, path::Path};

use onlooker_core::{
    config::Diagnostic,
    escape::escape_hidden,
    report::{Report, SCHEMA_VERSION},
};
use onlooker_local::sweep_state::SweepState;

use crate::exit::CommandError;

/// The report in a file, or that of the latest sweep of a state.
pub fn given_or_latest(path: Option<&Path>, state: &Path) -> Result<Report, CommandError> {
    match path {
        Some(path) => read(path),
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
pub fn read(path: &Path) -> Result<Report, CommandError> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let bytes = bytes.map_err(|source| CommandError::Input { path: path.to_owned(), source })?;
    let refused = |problem: String| {
        CommandError::Usage(Diagnostic {
            message: format!("`{}` {problem}", path.display()),
            remedy: "give a `report.json` as `onlooker report --out DIR` writes it".to_owned(),
        })
    };
    let report: Report = serde_json::from_slice(&bytes)
        .map_err(|cause| refused(format!("is not a report: {}", escape_hidden(&cause.to_string()))))?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&report.schema_version) != major(SCHEMA_VERSION) {
        let version = escape_hidden(&report.schema_version).into_owned();
        return Err(refused(format!(
            "has the schema version {version}; this program reads {SCHEMA_VERSION}"
        )));
    }
    match report.result.id() {
        Ok(id) if id == report.id => Ok(report),
        _ => Err(refused("was changed: its result is not the one that its id names".to_owned())),
    }
}
