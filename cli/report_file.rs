//! Reads a `report.json` that the command line names.
//!
//! Enters: a path, or `-` for standard input. Leaves: the report. Law: a report that was changed after it was written, or that this
//! version does not read, is an error that names the file.

use std::{fs, io::Read as _, path::Path};

use onlooker_core::{config::Diagnostic, report::Report};

use crate::exit::CommandError;

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
