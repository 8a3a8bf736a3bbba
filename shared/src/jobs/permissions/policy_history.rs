//! The history of policies.
//!
//! Enters: snapshots as they were read. Leaves: each snapshot once, and since when it is in force. Laws: a stored
//! snapshot is never changed, only followed by another; unchanged policies only update when they were last seen; an
//! older snapshot does not replace a newer one; a snapshot that differs from what was written is an error.
//!
//! ```text
//! policies/<sha256 of the snapshot>.json                 the snapshot, created once
//! POLICIES   <hash of the ARN>#<time first read>  {principal, sha256, key, since, last_seen}; no sha256: deleted
//! ```

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    config::Config,
    grants::{DatedSnapshot, PolicyHistory, PolicySnapshot},
    hex::hex,
    jobs::publish::serialization_error,
    period::Period,
    ports::{ObjectStore, PortError, PortErrorKind, Table, TableItem, WriteCondition},
    time::Time,
};

/// The partition of all snapshots.
const PARTITION: &str = "POLICIES";

/// Number of seconds that policies count as in force after they were last seen: a week and a day, so that a
/// weekly run leaves no gap. After that it is unknown which policies are in force.
const TRUSTED_SECONDS: u32 = 8 * 86_400;

/// Attempts to write an item when another run writes in between.
const MAX_ATTEMPTS: usize = 4;

/// Since when policies are in force, and when they were last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyRecord {
    /// ARN of the principal.
    pub principal: Arc<str>,
    /// SHA-256 of the snapshot; absent when the principal no longer existed.
    pub sha256: Option<String>,
    /// Object key of the snapshot; absent when the principal no longer existed.
    pub key: Option<String>,
    /// When the policies were first read.
    pub since: Time,
    /// When the policies were last read.
    pub last_seen: Time,
}

/// Why earlier policies cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// The table or the store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The stored data is not what was written.
    #[error("stored policies are damaged: `{name}` {what}")]
    Damaged {
        /// Key of the damaged object or name of the item.
        name: String,
        /// What is wrong with the object or item.
        what: String,
    },
}

/// A principal in a key: hashed, because an ARN may be long and may contain the separator of key parts.
pub(super) fn principal_key(arn: &str) -> String {
    hex(&Sha256::digest(arn)).chars().take(32).collect()
}

fn damaged(name: impl Into<String>, what: impl Into<String>) -> PoliciesError {
    PoliciesError::Damaged { name: name.into(), what: what.into() }
}

fn parse_record(item: &TableItem) -> Result<PolicyRecord, PoliciesError> {
    let name = format!("{} {}", item.partition_key, item.sort_key);
    PolicyRecord::deserialize(&item.body)
        .map_err(|error| damaged(name, format!("is not a policy record: {error}")))
}

/// The newest record of a principal.
pub(super) fn newest_record(
    table: &dyn Table,
    arn: &str,
) -> Result<Option<(TableItem, PolicyRecord)>, PoliciesError> {
    let items = table.query(PARTITION, &format!("{}#", principal_key(arn)))?;
    let newest = items.into_iter().next_back();
    newest.map(|item| parse_record(&item).map(|record| (item, record))).transpose()
}

/// Stores a snapshot that was read at `at`, and records that it is in force.
pub(super) fn record_snapshot(
    table: &dyn Table,
    store: &dyn ObjectStore,
    snapshot: &PolicySnapshot,
    at: Time,
) -> Result<PolicyRecord, PoliciesError> {
    let sha256 = snapshot.sha256();
    let key = format!("policies/{sha256}.json");
    let seen = newest_record(table, &snapshot.principal)?;
    if seen.is_none_or(|(_, record)| record.sha256.as_ref() != Some(&sha256)) {
        let text = serde_json::to_vec(snapshot).map_err(|cause| serialization_error(&key, cause))?;
        // An existing object has the same hash.
        store.create(&key, &text, "application/json")?;
    }
    append_record(table, &snapshot.principal, Some((sha256, key)), at)
}

/// Records that a principal no longer exists, if it has a record.
pub(super) fn record_deleted(table: &dyn Table, arn: &str, at: Time) -> Result<(), PoliciesError> {
    if newest_record(table, arn)?.is_some() {
        append_record(table, arn, None, at)?;
    }
    Ok(())
}

/// Updates when the newest record was last seen, or adds a record.
fn append_record(
    table: &dyn Table,
    arn: &str,
    what: Option<(String, String)>,
    at: Time,
) -> Result<PolicyRecord, PoliciesError> {
    let (sha256, key) = what.unzip();
    for _ in 0..MAX_ATTEMPTS {
        let mut record = PolicyRecord {
            principal: arn.into(),
            sha256: sha256.clone(),
            key: key.clone(),
            since: at,
            last_seen: at,
        };
        let mut revision = 0;
        match newest_record(table, arn)? {
            // Another run has read the policies later than this one.
            Some((_, newest)) if newest.last_seen > at => return Ok(newest),
            Some((item, newest)) if newest.sha256 == sha256 => {
                revision = item.revision;
                record.since = newest.since;
            }
            Some((_, newest)) => record.since = at.max(Time(newest.since.0.saturating_add(1))),
            None => {}
        }
        let sort = format!("{}#{}", principal_key(arn), record.since);
        let body = serde_json::to_value(&record).map_err(|cause| serialization_error(&sort, cause))?;
        let item = TableItem {
            partition_key: PARTITION.to_owned(),
            sort_key: sort,
            revision,
            expires_at: None,
            body,
        };
        if table.put(&item, WriteCondition::Unchanged)? {
            return Ok(record);
        }
    }
    let cause = "other runs are recording the same principal: try again";
    Err(PortError {
        operation: "record the policies of",
        name: arn.to_owned(),
        kind: PortErrorKind::Unavailable,
        cause: cause.into(),
    }
    .into())
}

/// The policies of watched principals that were in force at any time of a period. Policies read after its end do not
/// change them, so a report on the past stays the same. Policies that were not seen for eight days are no longer in
/// force; if the same policies are seen again, they count as in force the whole time.
///
/// # Errors
/// When a record or snapshot cannot be read.
pub fn policies_in_force(
    table: &dyn Table,
    store: &dyn ObjectStore,
    config: &Config,
    period: Period,
) -> Result<PolicyHistory, PoliciesError> {
    let mut records: BTreeMap<Arc<str>, Vec<PolicyRecord>> = BTreeMap::new();
    for item in table.query(PARTITION, "")? {
        let one = parse_record(&item)?;
        records.entry(Arc::clone(&one.principal)).or_default().push(one);
    }
    let mut snapshots = Vec::new();
    for (arn, mut all) in records {
        if config.watch_for_arn(&arn).is_none() {
            continue;
        }
        all.sort_by_key(|record| record.since);
        all.retain(|record| record.since < period.until.start());
        let ends = all.iter().skip(1).map(|next| Some(next.since)).chain([None]).collect::<Vec<_>>();
        for (record, until) in all.into_iter().zip(ends) {
            let (Some(sha256), Some(key)) = (record.sha256, record.key) else { continue };
            let trusted = Time(record.last_seen.0.saturating_add(TRUSTED_SECONDS));
            let until = match until {
                Some(until) => Some(until.min(trusted)),
                None => (trusted < period.until.start()).then_some(trusted),
            };
            if until.is_none_or(|until| until > period.from.start()) {
                let snapshot = load_snapshot(store, &key, &sha256, &arn)?;
                snapshots.push(DatedSnapshot { since: Some(record.since), until, snapshot });
            }
        }
    }
    Ok(snapshots.into_iter().collect())
}

/// Reads a stored snapshot and verifies it.
fn load_snapshot(
    store: &dyn ObjectStore,
    key: &str,
    sha256: &str,
    arn: &str,
) -> Result<PolicySnapshot, PoliciesError> {
    let bytes = store.read(key, None)?;
    let snapshot: PolicySnapshot = serde_json::from_slice(&bytes)
        .map_err(|error| damaged(key, format!("is not a policy snapshot: {error}")))?;
    if snapshot.sha256() != sha256 {
        return Err(damaged(key, "is not what was written: its hash differs"));
    }
    if *snapshot.principal != *arn {
        return Err(damaged(key, "is the snapshot of another principal"));
    }
    Ok(snapshot)
}
