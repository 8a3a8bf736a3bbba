//! The history of findings: when each was opened, seen and resolved.
//!
//! Enters: the findings of a report revision, and the recorded findings. Leaves: one item for each finding ever made.
//! Laws: a finding is open exactly when the newest report on the current window has it; reports on other windows
//! neither open nor resolve a finding, they only extend when it was seen; a finding that comes back is reopened under
//! the same fingerprint; recording the same revision again changes nothing.
//!
//! ```text
//! FINDINGS   <fingerprint>   a resolved one expires by retention
//! ```

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    PublishErrorKind, ReportPublisher, ReportPurpose, revision::ReportRevision, serialization_error,
};
use crate::{
    finding::{Finding, Severity},
    ports::{TableItem, WriteCondition},
    time::Time,
};

/// Attempts to record all findings when another run writes in between.
const MAX_ATTEMPTS: usize = 4;

/// A finding, over all reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// Id of the rule.
    pub id: String,
    /// Severity in the newest report with the finding.
    pub severity: Severity,
    /// Title of the finding.
    pub title: String,
    /// Principal, when it is about one.
    pub principal: Option<Arc<str>>,
    /// Subject besides the principal.
    pub subject: String,
    /// First time it was seen, over all reports.
    pub first_seen: Option<Time>,
    /// Last time it was seen, over all reports.
    pub last_seen: Option<Time>,
    /// Occurrences in the newest report that has it.
    pub count: u64,
    /// Whether the newest report on the current window has it.
    pub open: bool,
    /// When the report that opened it was made; absent when no report on the current window ever had it.
    pub opened_at: Option<Time>,
    /// When the report that no longer had it was made.
    pub resolved_at: Option<Time>,
    /// How often the finding was reopened.
    pub reopened: u32,
    /// Key of the newest report that has it.
    pub report_key: String,
}

/// How a report changes the set of open findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindingChanges {
    /// Number of open findings.
    pub open: u64,
    /// Number of findings that this report opened or reopened.
    pub opened: u64,
    /// Number of findings that this report resolved.
    pub resolved: u64,
}

/// Records the findings of a report revision.
pub(super) fn record_findings(
    publisher: &ReportPublisher<'_>,
    report_revision: &ReportRevision,
    purpose: ReportPurpose,
) -> Result<FindingChanges, PublishErrorKind> {
    for _ in 0..MAX_ATTEMPTS {
        if let Some(changes) =
            try_record_findings(publisher, report_revision, purpose == ReportPurpose::Current)?
        {
            return Ok(changes);
        }
    }
    Err(PublishErrorKind::Contended)
}

/// `None` when another run wrote in between.
fn try_record_findings(
    publisher: &ReportPublisher<'_>,
    report_revision: &ReportRevision,
    is_current: bool,
) -> Result<Option<FindingChanges>, PublishErrorKind> {
    let mut known: BTreeMap<String, TableItem> = publisher
        .table
        .query("FINDINGS", "")?
        .into_iter()
        .map(|item| (item.sort_key.clone(), item))
        .collect();
    let mut changes = FindingChanges::default();
    for finding in &report_revision.report.result.findings {
        let item = known.remove(&finding.fingerprint);
        let before = item.as_ref().map(parse_record).transpose()?;
        let was_open = before.as_ref().is_some_and(|before| before.open);
        let after = if is_current {
            with_current_report(before.as_ref(), finding, report_revision)
        } else {
            with_other_report(before.as_ref(), finding, report_revision)
        };
        changes.open += u64::from(after.open);
        changes.opened += u64::from(after.open && !was_open);
        if !write_if_changed(publisher, &finding.fingerprint, item, before, after)? {
            return Ok(None);
        }
    }
    // A finding that is not listed may be one of those that are left out.
    let lists_all = report_revision.report.result.omitted_of("findings") == 0;
    for (fingerprint, item) in known {
        let before = parse_record(&item)?;
        if !before.open {
            continue;
        }
        if !is_current || !lists_all {
            changes.open += 1;
            continue;
        }
        let after =
            FindingRecord { open: false, resolved_at: Some(generated_at(report_revision)), ..before.clone() };
        changes.resolved += 1;
        if !write_if_changed(publisher, &fingerprint, Some(item), Some(before), after)? {
            return Ok(None);
        }
    }
    Ok(Some(changes))
}

fn generated_at(report_revision: &ReportRevision) -> Time {
    report_revision.revision.report.generated_at
}

/// The record of a finding after a report on the current window.
fn with_current_report(
    before: Option<&FindingRecord>,
    finding: &Finding,
    report_revision: &ReportRevision,
) -> FindingRecord {
    let record = with_other_report(before, finding, report_revision);
    let opened = || Some(generated_at(report_revision));
    let (opened_at, reopened) = match before {
        Some(before) if before.open => (before.opened_at, before.reopened),
        Some(before) if before.opened_at.is_some() => (before.opened_at, before.reopened.saturating_add(1)),
        _ => (opened(), 0),
    };
    FindingRecord {
        severity: finding.severity,
        count: finding.count,
        open: true,
        opened_at,
        resolved_at: None,
        reopened,
        report_key: report_revision.revision.report.report_key.clone(),
        ..record
    }
}

/// The record of a finding after a report on another window.
fn with_other_report(
    before: Option<&FindingRecord>,
    finding: &Finding,
    report_revision: &ReportRevision,
) -> FindingRecord {
    let first = |a: Option<Time>, b: Option<Time>| a.into_iter().chain(b).min();
    match before {
        Some(before) => FindingRecord {
            first_seen: first(before.first_seen, finding.first_seen),
            last_seen: before.last_seen.max(finding.last_seen),
            ..before.clone()
        },
        None => FindingRecord {
            id: finding.id.clone(),
            severity: finding.severity,
            title: finding.title.clone(),
            principal: finding.principal.clone(),
            subject: finding.subject.clone(),
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            count: finding.count,
            open: false,
            opened_at: None,
            resolved_at: Some(generated_at(report_revision)),
            reopened: 0,
            report_key: report_revision.revision.report.report_key.clone(),
        },
    }
}

fn parse_record(item: &TableItem) -> Result<FindingRecord, PublishErrorKind> {
    serde_json::from_value(item.body.clone()).map_err(|cause| PublishErrorKind::DamagedItem {
        name: format!("{} {}", item.partition_key, item.sort_key),
        cause,
    })
}

/// Writes a record that has changed. `false`: another run wrote in between.
fn write_if_changed(
    publisher: &ReportPublisher<'_>,
    fingerprint: &str,
    item: Option<TableItem>,
    before: Option<FindingRecord>,
    after: FindingRecord,
) -> Result<bool, PublishErrorKind> {
    if before.as_ref() == Some(&after) {
        return Ok(true);
    }
    let kept = publisher.retention.run_days.saturating_mul(86_400);
    let expires = after.resolved_at.map(|time| Time(time.0.saturating_add(kept)));
    let body = serde_json::to_value(after).map_err(|cause| serialization_error(fingerprint, cause))?;
    let (partition, sort) = ("FINDINGS".to_owned(), fingerprint.to_owned());
    let revision = item.map_or(0, |item| item.revision);
    Ok(publisher.table.put(
        &TableItem { partition_key: partition, sort_key: sort, revision, expires_at: expires, body },
        WriteCondition::Unchanged,
    )?)
}
