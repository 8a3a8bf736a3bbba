//! Findings over time: since when, how long, and whether they are settled.
//!
//! Enters: the findings of an edition, and those that are known. Leaves: one item for each finding ever made. Laws: a
//! finding is open exactly when the newest report of the standing window has it; reports on other windows open and
//! resolve nothing, they only tell of earlier days; a finding that comes back is the same finding, reopened; writing
//! the same edition again changes nothing.
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

/// Times the whole ledger is tried again because another run wrote in between.
const MAX_ATTEMPTS: usize = 4;

/// A finding, over all reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// Rule.
    pub id: String,
    /// Severity it had last.
    pub severity: Severity,
    /// What it is.
    pub title: String,
    /// Principal, when it is about one.
    pub principal: Option<Arc<str>>,
    /// What it is about besides.
    pub subject: String,
    /// First time it was seen, over all reports.
    pub first_seen: Option<Time>,
    /// Last time it was seen, over all reports.
    pub last_seen: Option<Time>,
    /// How often, in the newest report that has it.
    pub count: u64,
    /// Whether the newest report of the standing window has it.
    pub open: bool,
    /// When the report was made that opened it; absent when no standing report ever had it.
    pub opened_at: Option<Time>,
    /// When the report was made that no longer had it.
    pub resolved_at: Option<Time>,
    /// How often it came back.
    pub reopened: u32,
    /// Key of the newest report that has it.
    pub report_key: String,
}

/// What became of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindingChanges {
    /// Open ones.
    pub open: u64,
    /// Those this report opened, reopened ones included.
    pub opened: u64,
    /// Those it resolved.
    pub resolved: u64,
}

/// Writes the findings of an edition down.
pub(super) fn record_findings(
    press: &ReportPublisher<'_>,
    edition: &ReportRevision,
    purpose: ReportPurpose,
) -> Result<FindingChanges, PublishErrorKind> {
    for _ in 0..MAX_ATTEMPTS {
        if let Some(settled) = try_record_findings(press, edition, purpose == ReportPurpose::Current)? {
            return Ok(settled);
        }
    }
    Err(PublishErrorKind::Contended)
}

/// Nothing when another run wrote in between.
fn try_record_findings(
    press: &ReportPublisher<'_>,
    edition: &ReportRevision,
    standing: bool,
) -> Result<Option<FindingChanges>, PublishErrorKind> {
    let mut known: BTreeMap<String, TableItem> =
        press.table.query("FINDINGS", "")?.into_iter().map(|item| (item.sort_key.clone(), item)).collect();
    let mut settled = FindingChanges::default();
    for finding in &edition.report.result.findings {
        let item = known.remove(&finding.fingerprint);
        let before = item.as_ref().map(parse_record).transpose()?;
        let was_open = before.as_ref().is_some_and(|before| before.open);
        let after = if standing {
            with_current_report(before.as_ref(), finding, edition)
        } else {
            with_other_report(before.as_ref(), finding, edition)
        };
        settled.open += u64::from(after.open);
        settled.opened += u64::from(after.open && !was_open);
        if !write_if_changed(press, &finding.fingerprint, item, before, after)? {
            return Ok(None);
        }
    }
    for (fingerprint, item) in known {
        let before = parse_record(&item)?;
        if !before.open {
            continue;
        }
        if !standing {
            settled.open += 1;
            continue;
        }
        let after = FindingRecord { open: false, resolved_at: Some(generated_at(edition)), ..before.clone() };
        settled.resolved += 1;
        if !write_if_changed(press, &fingerprint, Some(item), Some(before), after)? {
            return Ok(None);
        }
    }
    Ok(Some(settled))
}

fn generated_at(edition: &ReportRevision) -> Time {
    edition.revision.report.generated_at
}

/// What a report of the standing window makes of a finding.
fn with_current_report(
    before: Option<&FindingRecord>,
    finding: &Finding,
    edition: &ReportRevision,
) -> FindingRecord {
    let told = with_other_report(before, finding, edition);
    let opened = || Some(generated_at(edition));
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
        report_key: edition.revision.report.report_key.clone(),
        ..told
    }
}

/// What a report of another window adds to a finding.
fn with_other_report(
    before: Option<&FindingRecord>,
    finding: &Finding,
    edition: &ReportRevision,
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
            resolved_at: Some(generated_at(edition)),
            reopened: 0,
            report_key: edition.revision.report.report_key.clone(),
        },
    }
}

fn parse_record(item: &TableItem) -> Result<FindingRecord, PublishErrorKind> {
    serde_json::from_value(item.body.clone()).map_err(|cause| PublishErrorKind::DamagedItem {
        name: format!("{} {}", item.partition_key, item.sort_key),
        cause,
    })
}

/// Writes what changed. `false`: another run wrote in between.
fn write_if_changed(
    press: &ReportPublisher<'_>,
    fingerprint: &str,
    item: Option<TableItem>,
    before: Option<FindingRecord>,
    after: FindingRecord,
) -> Result<bool, PublishErrorKind> {
    if before.as_ref() == Some(&after) {
        return Ok(true);
    }
    let kept = press.retention.run_days.saturating_mul(86_400);
    let expires = after.resolved_at.map(|time| Time(time.0.saturating_add(kept)));
    let body = serde_json::to_value(after).map_err(|cause| serialization_error(fingerprint, cause))?;
    let (partition, sort) = ("FINDINGS".to_owned(), fingerprint.to_owned());
    let revision = item.map_or(0, |item| item.revision);
    Ok(press.table.put(
        &TableItem { partition_key: partition, sort_key: sort, revision, expires_at: expires, body },
        WriteCondition::Unchanged,
    )?)
}
