//! The current status, and until when it is valid.
//!
//! Enters: the newest report, or the reason why there is none. Leaves: a [`CurrentStatus`], and a [`StatusChange`]
//! for notifications. Laws: an expired current status is `INSUFFICIENT_EVIDENCE`; a current status after a failure is
//! never `COMPLIANT`; each change of status has its own number.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    finding::{Finding, Severity},
    report::Report,
    score::{RiskBand, Status},
    time::Time,
};

/// Version of the schemas in this file. The first number changes when a reader of the old schema would be misled.
pub const STATUS_VERSION: &str = "1.0";

/// Findings of a report that a status change names.
pub const MAX_TOP_FINDINGS: usize = 3;

/// Hours from a notification of a status that is not compliant to its reminder.
const REMINDER_HOURS: u32 = 24;

/// A published report, in brief.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportBrief {
    /// Id of the report: the hash of its result.
    pub id: String,
    /// How often a report on this window was published, including this one.
    pub revision: u32,
    /// First second of the window.
    pub since: Time,
    /// First second after the window.
    pub until: Time,
    /// When the report was generated.
    pub generated_at: Time,
    /// Id of the run that generated it.
    pub run_id: String,
    /// Overall status; absent in a discovery.
    pub status: Option<Status>,
    /// Compliance score; absent when there were no watched calls.
    pub compliance_score: Option<f64>,
    /// Risk score; absent in a discovery.
    pub risk_score: Option<f64>,
    /// Risk level; absent in a discovery.
    pub risk_level: Option<RiskBand>,
    /// Number of findings in the report.
    pub findings: u64,
    /// Object key of the report as JSON.
    pub report_key: String,
}

impl ReportBrief {
    /// The brief of a report on a window.
    pub fn from_report(report: &Report, since: Time, until: Time, key: &str) -> Self {
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
            findings: report.result.findings.len() as u64 + report.result.omitted_of("findings"),
            report_key: key.to_owned(),
        }
    }

    /// Object key of the report as a page.
    pub fn page_key(&self) -> String {
        format!("{}.html", self.report_key.strip_suffix(".json").unwrap_or(&self.report_key))
    }
}

/// The current status, as of a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentStatus {
    /// Version of this schema.
    pub version: String,
    /// Status; absent in a discovery. Read it through [`CurrentStatus::status_at`].
    pub status: Option<Status>,
    /// Why the status differs from that of the report; absent when it does not.
    pub reason: Option<String>,
    /// When the status was set.
    pub set_at: Time,
    /// Time after which the status counts as `INSUFFICIENT_EVIDENCE`.
    pub valid_until: Time,
    /// Id of the run that set it.
    pub run_id: String,
    /// The newest published report; absent before the first.
    pub report: Option<ReportBrief>,
    /// Number of the last change. It is higher than the number of every change before.
    pub last_change: u64,
    /// Number of the last change for which all notifications were delivered.
    pub last_notified_change: u64,
    /// When the status was last notified, by a change or a reminder, or when it was first stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_notified_at: Option<Time>,
}

impl CurrentStatus {
    /// The current status after a report, following `before`.
    pub fn from_report(
        report: ReportBrief,
        before: Option<&Self>,
        now: Time,
        interval: u32,
        run_id: &str,
    ) -> Self {
        let status = report.status;
        Self::following(before, status, None, Some(report), now, interval, run_id)
    }

    /// The current status after a failure: `NON_COMPLIANT` if `seen` is, else `INSUFFICIENT_EVIDENCE`. `seen` is the
    /// report of the failed run, if it got that far.
    pub fn from_failure(
        reason: &str,
        seen: Option<ReportBrief>,
        before: Option<&Self>,
        now: Time,
        interval: u32,
        run_id: &str,
    ) -> Self {
        let seen_status = seen.as_ref().and_then(|report| report.status);
        let status = seen_status.map_or(Status::InsufficientEvidence, |seen_status| {
            seen_status.max(Status::InsufficientEvidence)
        });
        let report = seen.or_else(|| before.and_then(|before| before.report.clone()));
        Self::following(before, Some(status), Some(reason.to_owned()), report, now, interval, run_id)
    }

    fn following(
        before: Option<&Self>,
        status: Option<Status>,
        reason: Option<String>,
        report: Option<ReportBrief>,
        now: Time,
        interval: u32,
        run_id: &str,
    ) -> Self {
        // If the last number is not known, the time is higher than every number used before.
        let begun = u64::from(report.as_ref().map_or(now, |report| report.generated_at).0);
        let (was, changes, notified) =
            before.map_or((None, begun, begun), |b| (b.status, b.last_change, b.last_notified_change));
        let changes = if was == status { changes } else { changes.saturating_add(1) };
        Self {
            version: STATUS_VERSION.to_owned(),
            status,
            reason,
            set_at: now,
            valid_until: Time(now.0.saturating_add(interval.saturating_mul(2))),
            run_id: run_id.to_owned(),
            report,
            last_change: changes,
            last_notified_change: notified,
            last_notified_at: before.and_then(|before| before.last_notified_at).or(Some(now)),
        }
    }

    /// The status at a time: `INSUFFICIENT_EVIDENCE` once the current status has expired; `None` in a valid
    /// discovery.
    pub fn status_at(&self, now: Time) -> Option<Status> {
        if now < self.valid_until { self.status } else { Some(Status::InsufficientEvidence) }
    }

    /// The status at a time, from the latest current status. Without one it is `INSUFFICIENT_EVIDENCE`.
    pub fn claimable_status(latest: Option<&Self>, now: Time) -> Option<Status> {
        latest.map_or(Some(Status::InsufficientEvidence), |latest| latest.status_at(now))
    }

    /// Whether the status change still has to be notified.
    pub const fn needs_notification(&self) -> bool {
        self.last_notified_change < self.last_change
    }

    /// Whether a notified status that is not compliant has to be notified again: a day of whole hours later, so that
    /// a daily run that begins some seconds earlier than the last one reminds too.
    pub fn needs_reminder(&self) -> bool {
        let is_bad = self.status.is_some_and(|status| status != Status::Compliant);
        let due = |last: Time| self.set_at.hour().0 >= last.hour().0.saturating_add(REMINDER_HOURS);
        is_bad && !self.needs_notification() && self.last_notified_at.is_some_and(due)
    }
}

/// The subject of a status change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusSubject {
    /// The current status of the deployment changed.
    Latest,
    /// The status of a window in the past, by a new revision of its report.
    Revision,
}

/// A finding of a report, in brief.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingBrief {
    /// Rule that found it.
    pub id: String,
    /// Identity of the finding in every report.
    pub fingerprint: String,
    /// Severity of the finding.
    pub severity: Severity,
    /// What happened and to which principal, in one line.
    pub title: String,
    /// ARN of the principal, when it is about one.
    pub principal: Option<Arc<str>>,
}

impl FindingBrief {
    /// The most severe findings of a report, at most [`MAX_TOP_FINDINGS`].
    pub fn top_of(report: &Report) -> Vec<Self> {
        // A report has its findings in the order of their severity.
        report.result.findings.iter().take(MAX_TOP_FINDINGS).map(Self::of).collect()
    }

    fn of(finding: &Finding) -> Self {
        Self {
            id: finding.id.clone(),
            fingerprint: finding.fingerprint.clone(),
            severity: finding.severity,
            title: finding.title.clone(),
            principal: finding.principal.clone(),
        }
    }
}

/// A change of status, for notifications; or a reminder of a status that did not change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusChange {
    /// Version of this schema.
    pub version: String,
    /// What changed: the current status or a report.
    pub subject: StatusSubject,
    /// The status after the change.
    pub status: Option<Status>,
    /// The status before; absent when there was none.
    pub previous: Option<Status>,
    /// Why the status differs from that of the report; absent when it does not.
    pub reason: Option<String>,
    /// When the status was set.
    pub set_at: Time,
    /// When the status expires; absent for a window in the past.
    pub valid_until: Option<Time>,
    /// The report that the status is based on; absent before the first report.
    pub report: Option<ReportBrief>,
    /// The most severe findings of this report, at most three; empty if the report was made by an earlier run.
    #[serde(default)]
    pub top_findings: Vec<FindingBrief>,
    /// Bucket of the report.
    #[serde(default)]
    pub bucket: String,
}

impl StatusChange {
    /// A change of the current status. `report` is the report of the run, if it made one.
    pub fn of_current(
        current: &CurrentStatus,
        before: Option<&CurrentStatus>,
        report: Option<&Report>,
        bucket: &str,
    ) -> Self {
        let named = current.report.as_ref();
        let report = report.filter(|report| named.is_some_and(|named| named.id == report.id));
        Self {
            version: STATUS_VERSION.to_owned(),
            subject: StatusSubject::Latest,
            status: current.status,
            previous: before.and_then(|before| before.status),
            reason: current.reason.clone(),
            set_at: current.set_at,
            valid_until: Some(current.valid_until),
            report: current.report.clone(),
            top_findings: report.map(FindingBrief::top_of).unwrap_or_default(),
            bucket: bucket.to_owned(),
        }
    }

    /// A change of the status of a window in the past. `brief` describes `report`.
    pub fn of_revision(brief: ReportBrief, report: &Report, previous: Option<Status>, bucket: &str) -> Self {
        Self {
            version: STATUS_VERSION.to_owned(),
            subject: StatusSubject::Revision,
            status: brief.status,
            previous,
            reason: None,
            set_at: brief.generated_at,
            valid_until: None,
            report: Some(brief),
            top_findings: FindingBrief::top_of(report),
            bucket: bucket.to_owned(),
        }
    }

    /// JSON Schema of the change.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

/// A new revision of a report, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportIssued {
    /// Version of this schema.
    pub version: String,
    /// Bucket of the report.
    pub bucket: String,
    /// Key of the report as JSON.
    pub key: String,
    /// Status of the report; absent for a discovery.
    pub status: Option<Status>,
    /// Id of the report: the hash of its result.
    pub id: String,
    /// Number of the revision.
    pub revision: u32,
    /// Start of the window.
    pub since: Time,
    /// End of the window, exclusive.
    pub until: Time,
}

impl ReportIssued {
    /// The event about a report in this bucket.
    pub fn new(bucket: &str, report: &ReportBrief) -> Self {
        Self {
            version: STATUS_VERSION.to_owned(),
            bucket: bucket.to_owned(),
            key: report.report_key.clone(),
            status: report.status,
            id: report.id.clone(),
            revision: report.revision,
            since: report.since,
            until: report.until,
        }
    }

    /// JSON Schema of the event.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR_SECONDS;

    fn current_status(status: Option<Status>, before: Option<&CurrentStatus>) -> CurrentStatus {
        CurrentStatus::following(before, status, None, None, Time(1_000), 100, "run")
    }

    #[test]
    fn an_expired_status_is_insufficient_evidence() {
        let compliant = current_status(Some(Status::Compliant), None);
        assert_eq!(compliant.status_at(Time(1_199)), Some(Status::Compliant));
        assert_eq!(compliant.status_at(Time(1_200)), Some(Status::InsufficientEvidence));
        assert_eq!(CurrentStatus::claimable_status(None, Time(0)), Some(Status::InsufficientEvidence));
        assert_eq!(current_status(None, None).status_at(Time(1_000)), None);
    }

    #[test]
    fn a_failure_is_never_compliant_and_keeps_non_compliant() {
        let failed = |seen_status: Option<Status>| {
            let report = seen_status.map(|status| ReportBrief { status: Some(status), ..reported() });
            CurrentStatus::from_failure("why", report, None, Time(0), 1, "run").status
        };
        assert_eq!(failed(None), Some(Status::InsufficientEvidence));
        assert_eq!(failed(Some(Status::Compliant)), Some(Status::InsufficientEvidence));
        assert_eq!(failed(Some(Status::NonCompliant)), Some(Status::NonCompliant));
    }

    #[test]
    fn only_status_changes_are_numbered() {
        let one = current_status(Some(Status::Compliant), None);
        let two = current_status(Some(Status::Compliant), Some(&one));
        let three = current_status(Some(Status::NonCompliant), Some(&two));
        assert_eq!((one.last_change, two.last_change, three.last_change), (1_001, 1_001, 1_002));
        assert!(
            one.needs_notification()
                && current_status(None, Some(&one)).needs_notification()
                && !current_status(None, None).needs_notification()
        );
    }

    #[test]
    fn a_bad_status_is_due_for_a_reminder_after_a_day_of_whole_hours() {
        let at = |status, before: Option<&CurrentStatus>, now: u32| {
            CurrentStatus::following(before, status, None, None, Time(now), 100, "run")
        };
        let notified = |mut current: CurrentStatus| {
            current.last_notified_change = current.last_change;
            current
        };
        let begin = 10 * HOUR_SECONDS + 900;
        for (status, is_bad) in [
            (None, false),
            (Some(Status::Compliant), false),
            (Some(Status::InsufficientEvidence), true),
            (Some(Status::NonCompliant), true),
        ] {
            let first = at(status, None, begin);
            assert!(!first.needs_reminder(), "a change is notified first");
            let first = notified(first);
            let after = |seconds: u32| at(status, Some(&first), begin + seconds).needs_reminder();
            assert!(!after(23 * HOUR_SECONDS), "{status:?}");
            assert_eq!(after(24 * HOUR_SECONDS - 60), is_bad, "{status:?}");
            assert_eq!(after(100 * HOUR_SECONDS), is_bad, "{status:?}");
        }
        // A status that an earlier version stored has no time: its day begins with the first run of this version.
        let stored = notified(at(Some(Status::NonCompliant), None, begin));
        let mut text = serde_json::to_value(&stored).unwrap();
        text.as_object_mut().unwrap().remove("last_notified_at");
        let stored: CurrentStatus = serde_json::from_value(text).unwrap();
        let next = at(stored.status, Some(&stored), begin + 90 * HOUR_SECONDS);
        assert!(!next.needs_reminder());
        assert!(at(stored.status, Some(&next), begin + 114 * HOUR_SECONDS).needs_reminder());
    }

    #[test]
    fn change_numbers_are_not_reused_after_the_last_one_is_lost() {
        let one = current_status(Some(Status::Compliant), None);
        let report = Some(ReportBrief { generated_at: Time(5_000), ..reported() });
        let later = |report| {
            CurrentStatus::following(None, one.status, None, report, Time(6_000), 100, "run").last_change
        };
        assert_eq!((later(None), later(report)), (6_001, 5_001));
    }

    fn reported() -> ReportBrief {
        ReportBrief {
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
            report_key: String::new(),
        }
    }
}
