//! What may be claimed now, and until when.
//!
//! Enters: what the newest report says, or why there is none. Leaves: a [`Standing`], and a [`StatusChange`] to tell of.
//! Laws: a standing that nobody renewed claims nothing; one that was set because something failed is never
//! `COMPLIANT`; each change of status has a number of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    report::Report,
    score::{RiskBand, Status},
    time::Time,
};

/// Version of the shapes in this file: the first number changes when a reader of an old one would be misled.
pub const STATUS_VERSION: &str = "1.0";

/// A report that was issued, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// Id of the report: the hash of its result.
    pub id: String,
    /// How often a report on this window was issued, this one included.
    pub revision: u32,
    /// First moment of the window.
    pub since: Time,
    /// First moment after the window.
    pub until: Time,
    /// When it was made.
    pub generated_at: Time,
    /// The run that made it.
    pub run_id: String,
    /// What it says; absent in a discovery.
    pub status: Option<Status>,
    /// Compliance score; absent when there were no watched calls.
    pub compliance_score: Option<f64>,
    /// Risk score; absent in a discovery.
    pub risk_score: Option<f64>,
    /// Risk level; absent in a discovery.
    pub risk_level: Option<RiskBand>,
    /// Findings in it.
    pub findings: u64,
    /// Key of the report as JSON.
    pub key: String,
}

impl Reported {
    /// The short form of a report on a window.
    pub fn of(report: &Report, since: Time, until: Time, key: &str) -> Self {
        let (summary, run) = (&report.result.summary, &report.run);
        Self {
            id: report.id.clone(),
            revision: run.revision.unwrap_or(1),
            since,
            until,
            generated_at: run.generated_at,
            run_id: run.run_id.clone(),
            status: summary.overall_compliance,
            compliance_score: summary.compliance_score,
            risk_score: summary.risk_score,
            risk_level: summary.risk_level,
            findings: report.result.findings.len() as u64,
            key: key.to_owned(),
        }
    }
}

/// What may be claimed, as of some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Version of this shape.
    pub version: String,
    /// Status; absent in a discovery. Read it through [`Standing::at`].
    pub status: Option<Status>,
    /// Why it is not what the report says; absent when it is.
    pub reason: Option<String>,
    /// When it was set.
    pub set_at: Time,
    /// From when on it claims nothing.
    pub valid_until: Time,
    /// The run that set it.
    pub run_id: String,
    /// The newest report that was issued; absent before the first.
    pub report: Option<Reported>,
    /// The number of the last change; higher than that of every change before it.
    pub changes: u64,
    /// The number of the last change that everybody was told of.
    pub told: u64,
}

impl Standing {
    /// The standing a report leads to, after `before`.
    pub fn reported(report: Reported, before: Option<&Self>, now: Time, interval: u32, run_id: &str) -> Self {
        let status = report.status;
        Self::after(before, status, None, Some(report), now, interval, run_id)
    }

    /// The standing after a failure: what was seen to be broken stays broken, and nothing else is claimed. `seen` is what
    /// a report of this very run says, if it got so far.
    pub fn failed(
        reason: &str,
        seen: Option<Reported>,
        before: Option<&Self>,
        now: Time,
        interval: u32,
        run_id: &str,
    ) -> Self {
        let said = seen.as_ref().and_then(|report| report.status);
        let status = said.map_or(Status::InsufficientEvidence, |said| said.max(Status::InsufficientEvidence));
        let report = seen.or_else(|| before.and_then(|before| before.report.clone()));
        Self::after(before, Some(status), Some(reason.to_owned()), report, now, interval, run_id)
    }

    fn after(
        before: Option<&Self>,
        status: Option<Status>,
        reason: Option<String>,
        report: Option<Reported>,
        now: Time,
        interval: u32,
        run_id: &str,
    ) -> Self {
        // Where nobody knows how far it was counted, the clock is ahead of every number there was.
        let begun = u64::from(report.as_ref().map_or(now, |report| report.generated_at).0);
        let (was, changes, told) = before.map_or((None, begun, begun), |b| (b.status, b.changes, b.told));
        let changes = if was == status { changes } else { changes.saturating_add(1) };
        Self {
            version: STATUS_VERSION.to_owned(),
            status,
            reason,
            set_at: now,
            valid_until: Time(now.0.saturating_add(interval.saturating_mul(2))),
            run_id: run_id.to_owned(),
            report,
            changes,
            told,
        }
    }

    /// What may be claimed at a time: `INSUFFICIENT_EVIDENCE` once the standing is no longer valid. Nothing in a
    /// discovery.
    pub fn at(&self, now: Time) -> Option<Status> {
        if now < self.valid_until { self.status } else { Some(Status::InsufficientEvidence) }
    }

    /// What may be claimed at a time, from the latest standing if there is one.
    pub fn claim(latest: Option<&Self>, now: Time) -> Option<Status> {
        latest.map_or(Some(Status::InsufficientEvidence), |latest| latest.at(now))
    }

    /// Whether somebody is still to be told of it.
    pub const fn is_news(&self) -> bool {
        self.told < self.changes
    }
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// What may be claimed now.
    Latest,
    /// What is said of a window in the past, by a new revision of its report.
    Revision,
}

/// A changed status, to tell of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusChange {
    /// Version of this shape.
    pub version: String,
    /// What changed.
    pub subject: Subject,
    /// The status now.
    pub status: Option<Status>,
    /// The status before; absent when there was none.
    pub previous: Option<Status>,
    /// Why it is not what the report says; absent when it is.
    pub reason: Option<String>,
    /// When it was set.
    pub set_at: Time,
    /// From when on it claims nothing; absent for a window in the past.
    pub valid_until: Option<Time>,
    /// The report it rests on; absent before the first.
    pub report: Option<Reported>,
}

impl StatusChange {
    /// A change of what may be claimed now.
    pub fn latest(standing: &Standing, before: Option<&Standing>) -> Self {
        Self {
            version: STATUS_VERSION.to_owned(),
            subject: Subject::Latest,
            status: standing.status,
            previous: before.and_then(|before| before.status),
            reason: standing.reason.clone(),
            set_at: standing.set_at,
            valid_until: Some(standing.valid_until),
            report: standing.report.clone(),
        }
    }

    /// A change of what is said of a window in the past.
    pub fn revision(report: Reported, previous: Option<Status>) -> Self {
        Self {
            version: STATUS_VERSION.to_owned(),
            subject: Subject::Revision,
            status: report.status,
            previous,
            reason: None,
            set_at: report.generated_at,
            valid_until: None,
            report: Some(report),
        }
    }

    /// JSON Schema of the change.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(status: Option<Status>, before: Option<&Standing>) -> Standing {
        Standing::after(before, status, None, None, Time(1_000), 100, "run")
    }

    #[test]
    fn a_standing_nobody_renewed_claims_nothing() {
        let compliant = standing(Some(Status::Compliant), None);
        assert_eq!(compliant.at(Time(1_199)), Some(Status::Compliant));
        assert_eq!(compliant.at(Time(1_200)), Some(Status::InsufficientEvidence));
        assert_eq!(Standing::claim(None, Time(0)), Some(Status::InsufficientEvidence));
        assert_eq!(standing(None, None).at(Time(1_000)), None);
    }

    #[test]
    fn a_failure_is_never_compliant_and_never_forgives() {
        let failed = |said: Option<Status>| {
            let report = said.map(|status| Reported { status: Some(status), ..reported() });
            Standing::failed("why", report, None, Time(0), 1, "run").status
        };
        assert_eq!(failed(None), Some(Status::InsufficientEvidence));
        assert_eq!(failed(Some(Status::Compliant)), Some(Status::InsufficientEvidence));
        assert_eq!(failed(Some(Status::NonCompliant)), Some(Status::NonCompliant));
    }

    #[test]
    fn only_changes_are_numbered() {
        let one = standing(Some(Status::Compliant), None);
        let two = standing(Some(Status::Compliant), Some(&one));
        let three = standing(Some(Status::NonCompliant), Some(&two));
        assert_eq!((one.changes, two.changes, three.changes), (1_001, 1_001, 1_002));
        assert!(one.is_news() && standing(None, Some(&one)).is_news() && !standing(None, None).is_news());
    }

    #[test]
    fn no_number_is_used_again_when_the_last_one_is_forgotten() {
        let one = standing(Some(Status::Compliant), None);
        let report = Some(Reported { generated_at: Time(5_000), ..reported() });
        let later = |report| Standing::after(None, one.status, None, report, Time(6_000), 100, "run").changes;
        assert_eq!((later(None), later(report)), (6_001, 5_001));
    }

    fn reported() -> Reported {
        Reported {
            id: String::new(),
            revision: 1,
            since: Time(0),
            until: Time(0),
            generated_at: Time(0),
            run_id: String::new(),
            status: None,
            compliance_score: None,
            risk_score: None,
            risk_level: None,
            findings: 0,
            key: String::new(),
        }
    }
}
