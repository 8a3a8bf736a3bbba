//! The pages of a state: the newest report, and the index of all reports.
//!
//! Enters: a state and its newest report. Leaves: `reports/latest.html` and `reports/index.html` in the directory of the state,
//! which need no server. Law: the pages have nothing that the stored reports and the history do not have, so they can be removed.

use std::io;

use onlooker_core::{
    render::html::{self, IndexEntry, IndexedReport},
    report::{Report, ReportDifference},
    score::Status,
};
use onlooker_local::sweep_state::{PastRun, SweepState, write_atomically};

use crate::exit::CommandError;

/// Sweeps that the index lists.
const MAX_SWEEPS: usize = 1_000;

/// Writes both pages.
pub fn write(state: &SweepState, report: &Report) -> Result<(), CommandError> {
    let folder = state.dir().join("reports");
    let mut page = Vec::new();
    html::html(report, &mut page).map_err(CommandError::Output)?;
    write_atomically(&folder.join("latest.html"), &page)?;
    let runs = state.runs()?;
    let before = runs.iter().find(|run| run.run_id != report.run.run_id);
    // A report that was removed or changed since is not compared, nor one that leaves entries out.
    let before = before.and_then(|run| state.report(&run.run_id).ok());
    let before = before.filter(|before| before.result.lists_everything() && report.result.lists_everything());
    let change = before.map(|before| ReportDifference::between(&before, report));
    let entries = runs.iter().take(MAX_SWEEPS).map(entry).collect();
    let index = html::sweep_index(entries, change.as_ref(), report.run.generated_at);
    let index = index.map_err(|cause| CommandError::Output(io::Error::other(cause)))?;
    write_atomically(&folder.join("index.html"), index.as_bytes())?;
    Ok(())
}

fn entry(run: &PastRun) -> IndexEntry<'_> {
    let named = |status: &Status| Some(status.as_str()) == run.status.as_deref();
    let known = [Status::Compliant, Status::InsufficientEvidence, Status::NonCompliant];
    IndexEntry {
        at: run.generated_at,
        status: known.into_iter().find(named),
        reason: None,
        valid_until: None,
        report: Some(IndexedReport {
            id: &run.report_id,
            revision: 1,
            window: None,
            compliance_score: run.compliance_score,
            risk_score: run.risk_score,
            findings: run.findings,
            link: Some(format!("{}.json", run.run_id)),
        }),
    }
}
