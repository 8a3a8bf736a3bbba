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

use super::{IssueFault, Press, Purpose, edition::Edition, unwritable};
use crate::{
    finding::{Finding, Severity},
    ports::{Expected, Item},
    time::Time,
};

/// Times the whole ledger is tried again because another run wrote in between.
const TRIES: usize = 4;

/// A finding, over all reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
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
    pub report: String,
}

/// What became of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Open ones.
    pub open: u64,
    /// Those this report opened, reopened ones included.
    pub opened: u64,
    /// Those it resolved.
    pub resolved: u64,
}

/// Writes the findings of an edition down.
pub(super) fn settle(press: &Press<'_>, edition: &Edition, purpose: Purpose) -> Result<Settled, IssueFault> {
    for _ in 0..TRIES {
        if let Some(settled) = try_settle(press, edition, purpose == Purpose::Standing)? {
            return Ok(settled);
        }
    }
    Err(IssueFault::Contended)
}

/// Nothing when another run wrote in between.
fn try_settle(press: &Press<'_>, edition: &Edition, standing: bool) -> Result<Option<Settled>, IssueFault> {
    let mut known: BTreeMap<String, Item> =
        press.table.query("FINDINGS", "")?.into_iter().map(|item| (item.sort.clone(), item)).collect();
    let mut settled = Settled::default();
    for finding in &edition.report.result.findings {
        let item = known.remove(&finding.fingerprint);
        let before = item.as_ref().map(read).transpose()?;
        let was_open = before.as_ref().is_some_and(|before| before.open);
        let after = if standing {
            seen(before.as_ref(), finding, edition)
        } else {
            told(before.as_ref(), finding, edition)
        };
        settled.open += u64::from(after.open);
        settled.opened += u64::from(after.open && !was_open);
        if !write(press, &finding.fingerprint, item, before, after)? {
            return Ok(None);
        }
    }
    for (fingerprint, item) in known {
        let before = read(&item)?;
        if !before.open {
            continue;
        }
        if !standing {
            settled.open += 1;
            continue;
        }
        let after = Known { open: false, resolved_at: Some(made(edition)), ..before.clone() };
        settled.resolved += 1;
        if !write(press, &fingerprint, Some(item), Some(before), after)? {
            return Ok(None);
        }
    }
    Ok(Some(settled))
}

fn made(edition: &Edition) -> Time {
    edition.revision.report.generated_at
}

/// What a report of the standing window makes of a finding.
fn seen(before: Option<&Known>, finding: &Finding, edition: &Edition) -> Known {
    let told = told(before, finding, edition);
    let opened = || Some(made(edition));
    let (opened_at, reopened) = match before {
        Some(before) if before.open => (before.opened_at, before.reopened),
        Some(before) if before.opened_at.is_some() => (before.opened_at, before.reopened.saturating_add(1)),
        _ => (opened(), 0),
    };
    Known {
        severity: finding.severity,
        count: finding.count,
        open: true,
        opened_at,
        resolved_at: None,
        reopened,
        report: edition.revision.report.key.clone(),
        ..told
    }
}

/// What a report of another window adds to a finding.
fn told(before: Option<&Known>, finding: &Finding, edition: &Edition) -> Known {
    let first = |a: Option<Time>, b: Option<Time>| a.into_iter().chain(b).min();
    match before {
        Some(before) => Known {
            first_seen: first(before.first_seen, finding.first_seen),
            last_seen: before.last_seen.max(finding.last_seen),
            ..before.clone()
        },
        None => Known {
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
            resolved_at: Some(made(edition)),
            reopened: 0,
            report: edition.revision.report.key.clone(),
        },
    }
}

fn read(item: &Item) -> Result<Known, IssueFault> {
    serde_json::from_value(item.body.clone())
        .map_err(|cause| IssueFault::Unreadable { name: format!("{} {}", item.partition, item.sort), cause })
}

/// Writes what changed. `false`: another run wrote in between.
fn write(
    press: &Press<'_>,
    fingerprint: &str,
    item: Option<Item>,
    before: Option<Known>,
    after: Known,
) -> Result<bool, IssueFault> {
    if before.as_ref() == Some(&after) {
        return Ok(true);
    }
    let kept = press.retention.run_days.saturating_mul(86_400);
    let expires = after.resolved_at.map(|time| Time(time.0.saturating_add(kept)));
    let body = serde_json::to_value(after).map_err(|cause| unwritable(fingerprint, cause))?;
    let (partition, sort) = ("FINDINGS".to_owned(), fingerprint.to_owned());
    let revision = item.map_or(0, |item| item.revision);
    Ok(press.table.put(&Item { partition, sort, revision, expires, body }, Expected::Same)?)
}
