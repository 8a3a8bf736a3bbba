//! The rows of an index of reports.
//!
//! Enters: statuses of a deployment, or past sweeps of a state. Leaves: [`IndexEntry`]s. Law: a link leads only to a file
//! beside the index or to an object below `reports/`, with a name of letters, digits and a few signs.

use crate::{current_status::CurrentStatus, score::Status, time::Time};

/// A status that was set, or a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexEntry<'a> {
    /// When the status was set or the report was generated.
    pub at: Time,
    /// The status; `None` in a discovery.
    pub status: Option<Status>,
    /// Why the status differs from that of the report; `None` if it does not.
    pub reason: Option<&'a str>,
    /// Until when the status is valid; `None` if it has no end.
    pub valid_until: Option<Time>,
    /// The report; `None` before the first.
    pub report: Option<IndexedReport<'a>>,
}

/// A report of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedReport<'a> {
    /// Id of the report: the hash of its result.
    pub id: &'a str,
    /// How often a report on its window was published, including this one.
    pub revision: u32,
    /// First second of the window, and first second after it; `None` if the index does not know them.
    pub window: Option<(Time, Time)>,
    /// Compliance score; `None` when there were no watched calls.
    pub compliance_score: Option<f64>,
    /// Risk score; `None` in a discovery.
    pub risk_score: Option<f64>,
    /// Number of findings.
    pub findings: u64,
    /// The report, relative to the index; `None` if its name has another form.
    pub link: Option<String>,
}

impl<'a> IndexEntry<'a> {
    /// The entry of a status of a deployment.
    pub(super) fn of_status(status: &'a CurrentStatus) -> Self {
        Self {
            at: status.set_at,
            status: status.status,
            reason: status.reason.as_deref(),
            valid_until: Some(status.valid_until),
            report: status.report.as_ref().map(|report| IndexedReport {
                id: &report.id,
                revision: report.revision,
                window: Some((report.since, report.until)),
                compliance_score: report.compliance_score,
                risk_score: report.risk_score,
                findings: report.findings,
                link: Some(format!("../{}", report.page_key()))
                    .filter(|_| report.report_key.starts_with("reports/")),
            }),
        }
    }
}

impl IndexedReport<'_> {
    /// The link, if it has a form that this page writes.
    pub(super) fn href(&self) -> Option<&str> {
        let path = self.link.as_deref()?;
        let rest = path.strip_prefix("../reports/").unwrap_or(path);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=/".contains(c);
        let is_local = rest.starts_with(|c: char| c.is_ascii_alphanumeric()) && !rest.contains("..");
        (is_local && rest.chars().all(is_plain)).then_some(path)
    }
}
