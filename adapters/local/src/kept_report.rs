//! The report of the newest sweep of a state, by what its result depends on.
//!
//! Enters: a hash of the inputs of a sweep. Leaves: the report of the sweep that had the same, if it was the newest one. Laws: a report is
//! only found by the program that made it, because another build may judge otherwise; if a file of the evidence was
//! changed or removed since, by its SHA-256, none is found, so the evidence is read and its damage noticed.

use std::{fs, path::Path, time::UNIX_EPOCH};

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
    /// What made the report.
    program: String,
    run_id: String,
    report_id: String,
}

impl SweepState {
    /// Keeps on what the result of a report of this state depends.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn keep_report_of(&self, inputs_sha256: &str, report: &Report) -> Result<(), StateError> {
        let Some(program) = this_program() else { return Ok(()) };
        let (run_id, report_id) = (report.run.run_id.clone(), report.id.clone());
        let kept = KeptReport { inputs_sha256: inputs_sha256.to_owned(), program, run_id, report_id };
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
        if !is_same || !self.has_whole_evidence()? {
            return Ok(None);
        }
        Ok(self.report(&kept.run_id).ok().filter(|report| report.id == kept.report_id))
    }

    /// Whether each file of the evidence has the content that its name says.
    fn has_whole_evidence(&self) -> Result<bool, StateError> {
        let read = || {
            let mut statement = self.database().prepare("SELECT DISTINCT segment FROM objects")?;
            let names = statement.query_map([], |row| row.get::<_, String>(0))?;
            names.collect::<Result<Vec<_>, _>>()
        };
        let names = read().map_err(|cause| self.database_error(cause))?;
        Ok(names.iter().all(|name| sha256(&self.segment_path(name)).is_some_and(|found| found == *name)))
    }
}

/// Version and commit of this program, and size and time of its file: a development build has no commit, and a file of a release has
/// a time that says nothing.
fn this_program() -> Option<String> {
    let file = std::env::current_exe().ok()?.metadata().ok()?;
    let changed = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let commit = option_env!("ONLOOKER_SOURCE_COMMIT").unwrap_or_default();
    Some(format!("{} {commit} {} {}", env!("CARGO_PKG_VERSION"), file.len(), changed.as_nanos()))
}

/// SHA-256 of a file, in hex; `None` if it cannot be read.
fn sha256(path: &Path) -> Option<String> {
    Some(hex(&Sha256::digest(fs::read(path).ok()?)))
}

#[cfg(test)]
mod tests {
    use onlooker_core::{
        ports::{ProcessedObject, StoredObject, SweepEvidence as _},
        report::Report,
        segment::Segment,
    };

    use super::*;

    fn report() -> Report {
        let text = include_str!("../../../tests/data/reports/report-v1.2.json");
        Report::from_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_report_is_found_by_its_inputs_while_the_evidence_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = SweepState::open(folder.path(), "log files").unwrap();
        let object = StoredObject { name: "a".to_owned(), version: "1".to_owned(), size: 1 };
        let read = ProcessedObject {
            object,
            sha256: "00".to_owned(),
            content: None,
            records: 0,
            unreadable: Vec::new(),
        };
        state.save(&read, &Segment::default()).unwrap();
        let report = report();
        state.record_run(&report, &serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(state.report_of("inputs").unwrap(), None);
        state.keep_report_of("inputs", &report).unwrap();
        assert_eq!(state.report_of("inputs").unwrap(), Some(report.clone()));
        assert_eq!(state.report_of("other inputs").unwrap(), None);

        let name = hex(&Sha256::digest(Segment::default().to_bytes()));
        let file = state.segment_path(&name);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, vec![b'x'; bytes.len()]).unwrap();
        assert_eq!(state.report_of("inputs").unwrap(), None, "damaged evidence");
        fs::write(&file, bytes).unwrap();
        assert!(state.report_of("inputs").unwrap().is_some());
        fs::remove_file(state.report_path(&report.run.run_id)).unwrap();
        assert_eq!(state.report_of("inputs").unwrap(), None, "a report that was removed");
    }
}
