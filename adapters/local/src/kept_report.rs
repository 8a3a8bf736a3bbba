//! The report of the newest sweep of a state, by what its result depends on.
//!
//! Enters: a hash of the inputs of a sweep. Leaves: the report of the sweep that had the same, if it was the newest one. Laws: a report is
//! only found by the program that made it, because another build may judge otherwise; if a file of the evidence was
//! changed or removed since, none is found, so the evidence is read and its damage noticed.

use std::{path::Path, time::UNIX_EPOCH};

use rusqlite::params;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use onlooker_core::{hex::hex, report::Report};

use crate::sweep_state::{StateError, SweepState};

/// Key in the table `meta`.
const REPORT_KEY: &str = "report_of";

/// The report of a sweep, and what its result depends on.
#[derive(Serialize, Deserialize)]
struct KeptReport {
    inputs_sha256: String,
    /// Size and time of the file of the program.
    program: String,
    /// Names, sizes and times of the files of the evidence, hashed.
    segments_sha256: String,
    run_id: String,
}

impl SweepState {
    /// Keeps on what the result of a report of this state depends.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn keep_report_of(&self, inputs_sha256: &str, run_id: &str) -> Result<(), StateError> {
        let (Some(program), Some(segments_sha256)) = (this_program(), self.segments_sha256()?) else {
            return Ok(());
        };
        let (inputs_sha256, run_id) = (inputs_sha256.to_owned(), run_id.to_owned());
        let kept = KeptReport { inputs_sha256, program, segments_sha256, run_id };
        let text = serde_json::to_string(&kept)
            .map_err(|cause| StateError::Report { path: self.dir().display().to_string(), cause })?;
        self.database()
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", params![REPORT_KEY, text])
            .map_err(|cause| self.database_error(cause))?;
        Ok(())
    }

    /// The report that depends on these inputs. One that was removed or damaged is not found: it is made again.
    pub(super) fn find_report_of(&self, inputs_sha256: &str) -> Result<Option<Report>, StateError> {
        let Some(text) = self.read_meta(REPORT_KEY)? else { return Ok(None) };
        // Of an Onlooker with another shape.
        let Ok(kept) = serde_json::from_str::<KeptReport>(&text) else { return Ok(None) };
        let is_same = kept.inputs_sha256 == inputs_sha256 && this_program() == Some(kept.program);
        if !is_same || self.segments_sha256()? != Some(kept.segments_sha256) {
            return Ok(None);
        }
        Ok(self.report(&kept.run_id).ok())
    }

    /// SHA-256 over name, size and time of all files of the evidence; `None` if one is missing.
    fn segments_sha256(&self) -> Result<Option<String>, StateError> {
        let read = || {
            let mut statement =
                self.database().prepare("SELECT DISTINCT segment FROM objects ORDER BY segment")?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            names.collect::<Result<Vec<_>, _>>()
        };
        let names = read().map_err(|cause| self.database_error(cause))?;
        let mut all = Sha256::new();
        for name in names {
            let Some(file) = size_and_time(&self.segment_path(&name)) else { return Ok(None) };
            all.update(format!("{name} {file}\n"));
        }
        Ok(Some(hex(&all.finalize())))
    }
}

fn this_program() -> Option<String> {
    size_and_time(&std::env::current_exe().ok()?)
}

/// Size of a file, and when it was changed; `None` if the system does not say it.
fn size_and_time(path: &Path) -> Option<String> {
    let file = path.metadata().ok()?;
    let changed = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {}", file.len(), changed.as_nanos()))
}
