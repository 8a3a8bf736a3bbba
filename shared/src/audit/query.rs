//! Finds entries.
//!
//! Enters: an [`AuditQuery`] and batches. Leaves: the entries that match, as they are stored. Laws: a batch is skipped only if
//! its counts show that no entry of it matches; the query with the counts finds what the query without them finds.

use std::{collections::BTreeMap, sync::Arc};

use memchr::memmem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    batch::{AuditBatch, BatchCounts},
    entry::{AuditKind, AuditTrailEntry},
};
use crate::{event::Outcome, operation::RiskLevel, pattern::matches, time::Time};

/// Version of the shape of a [`StoredEntry`] as commands print it; the first number changes if a field loses its meaning.
pub const AUDIT_ENTRY_SCHEMA_VERSION: &str = "1.0";

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredEntry {
    /// Id of the entry: chain, batch and number in the batch.
    pub audit_id: String,
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditTrailEntry,
}

/// What entries are looked for; everything that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Earliest time of an entry.
    pub since: Option<Time>,
    /// First time after those of the entries.
    pub until: Option<Time>,
    /// Pattern of the principal's ARN.
    pub principal: Option<String>,
    /// Pattern of the operation, such as `s3:*`.
    pub operation: Option<String>,
    /// Pattern of a resource's ARN.
    pub resource: Option<String>,
    /// Outcome of the call.
    pub outcome: Option<Outcome>,
    /// Lowest severity of the call.
    pub severity: Option<RiskLevel>,
    /// What the entry is about.
    pub kind: Option<AuditKind>,
}

impl AuditQuery {
    /// Whether the query asks about calls, which excludes every entry without one.
    const fn is_about_calls(&self) -> bool {
        self.principal.is_some()
            || self.operation.is_some()
            || self.resource.is_some()
            || self.outcome.is_some()
            || self.severity.is_some()
    }

    /// Whether a batch can have an entry that matches.
    pub fn may_match(&self, counts: &BatchCounts) -> bool {
        let any = |pattern: &Option<String>, counted: &BTreeMap<Arc<str>, u64>| {
            pattern.as_ref().is_none_or(|pattern| counted.keys().any(|text| matches(pattern, text)))
        };
        counts.entries > 0
            && self.since.is_none_or(|since| counts.last >= since)
            && self.until.is_none_or(|until| counts.first < until)
            && any(&self.principal, &counts.principals)
            && any(&self.operation, &counts.operations)
            && self.outcome.is_none_or(|outcome| counts.outcomes.contains_key(&outcome))
            && self.severity.is_none_or(|least| counts.severities.keys().any(|one| *one >= least))
            && self.kind.is_none_or(|kind| counts.kinds.contains_key(&kind))
            && (!self.is_about_calls() || !counts.operations.is_empty())
    }

    /// Whether an entry matches.
    pub fn matches(&self, entry: &AuditTrailEntry) -> bool {
        let in_time = self.since.is_none_or(|since| entry.timestamp >= since)
            && self.until.is_none_or(|until| entry.timestamp < until);
        if !in_time || self.kind.is_some_and(|kind| kind != entry.kind) {
            return false;
        }
        let Some(call) = &entry.call else { return !self.is_about_calls() };
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_ref().is_none_or(|pattern| matches(pattern, text))
        };
        fits(&self.principal, &call.user_identity.principal)
            && fits(&self.operation, &call.operation)
            && self
                .resource
                .as_ref()
                .is_none_or(|pattern| call.resource_arns.iter().any(|arn| matches(pattern, arn)))
            && self.outcome.is_none_or(|outcome| call.outcome == outcome)
            && self.severity.is_none_or(|least| call.severity >= least)
    }
}

/// A query, with the texts that a line has if its entry matches: a line without them is not parsed.
pub struct LineFilter<'q> {
    query: &'q AuditQuery,
    needles: Vec<memmem::Finder<'static>>,
}

impl<'q> LineFilter<'q> {
    /// The filter of a query.
    pub fn of(query: &'q AuditQuery) -> Self {
        let words = [&query.principal, &query.operation, &query.resource];
        let mut needles: Vec<String> =
            words.into_iter().flatten().filter_map(|pattern| literal_part(pattern)).collect();
        needles.extend(query.outcome.and_then(|outcome| member("outcome", &outcome)));
        needles.extend(query.kind.and_then(|kind| member("kind", &kind)));
        let finder = |needle: String| memmem::Finder::new(&needle).into_owned();
        Self { query, needles: needles.into_iter().map(finder).collect() }
    }

    /// The entries of a batch that match, and the number of lines that are not entries of this version.
    pub fn find(&self, batch: &AuditBatch) -> (Vec<StoredEntry>, u64) {
        let (mut found, mut unreadable) = (Vec::new(), 0);
        for line in batch.lines.lines() {
            if self.needles.iter().any(|needle| needle.find(line.as_bytes()).is_none()) {
                continue;
            }
            match serde_json::from_str::<StoredEntry>(line) {
                Ok(stored) if self.query.matches(&stored.entry) => found.push(stored),
                Ok(_) => {}
                Err(_) => unreadable += 1,
            }
        }
        (found, unreadable)
    }
}

/// A member of a JSON object as it is written.
fn member(name: &str, value: &impl Serialize) -> Option<String> {
    Some(format!("\"{name}\":{}", serde_json::to_string(value).ok()?))
}

/// The longest part of a pattern that JSON writes as it is, and that a text must have to match.
fn literal_part(pattern: &str) -> Option<String> {
    let is_plain =
        |part: &&str| part.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
    let parts = pattern.split(['*', '?']).filter(is_plain);
    parts.max_by_key(|part| part.len()).filter(|part| !part.is_empty()).map(str::to_owned)
}
