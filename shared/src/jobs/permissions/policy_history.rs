//! Policies over time.
//!
//! Enters: snapshots as they were read. Leaves: each snapshot once, and since when it is in force. Laws: what was read is
//! never changed, only followed; the same policies again only move when they were last seen; an older reading does
//! not undo a newer one; what the store gives back is what was written, or an error.
//!
//! ```text
//! policies/<sha256 of the snapshot>.json                 the snapshot, created once
//! POLICIES   <hash of the ARN>#<time it was first read>  {principal, sha256, key, since, last_seen}; without hash: it is gone
//! ```

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    config::Config,
    coverage::Period,
    grants::{DatedSnapshot, PolicyHistory, PolicySnapshot},
    jobs::publish::serialization_error,
    ports::{ObjectStore, PortError, PortErrorKind, Table, TableItem, WriteCondition},
    report::hex,
    time::Time,
};

/// The partition of all snapshots.
const PARTITION: &str = "POLICIES";

/// Seconds policies count as in force after they were last seen: a week and a day, so that a weekly look leaves no hole.
/// After that nobody knows what is in force.
const TRUSTED_SECONDS: u32 = 8 * 86_400;

/// Times an item is tried again because another run wrote in between.
const MAX_ATTEMPTS: usize = 4;

/// Since when policies are in force, and when they last were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// ARN of the principal.
    pub principal: Arc<str>,
    /// SHA-256 of the snapshot; absent: there was no such principal any more.
    pub sha256: Option<String>,
    /// Where the snapshot lies.
    pub key: Option<String>,
    /// When it was first read.
    pub since: Time,
    /// When it was last read.
    pub last_seen: Time,
}

/// Why policies of the past cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// The table or the store failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// What is kept is not what was written.
    #[error("policies are damaged: `{name}` {what}")]
    Damaged {
        /// Key or item.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

/// A principal in a key: an ARN may be long, and hold what separates parts of a key.
pub(super) fn principal_key(arn: &str) -> String {
    hex(&Sha256::digest(arn)).chars().take(32).collect()
}

fn damaged(name: impl Into<String>, what: impl Into<String>) -> PoliciesError {
    PoliciesError::Damaged { name: name.into(), what: what.into() }
}

fn parse_record(item: &TableItem) -> Result<PolicyRecord, PoliciesError> {
    let name = format!("{} {}", item.partition_key, item.sort_key);
    PolicyRecord::deserialize(&item.body).map_err(|error| damaged(name, format!("is no snapshot: {error}")))
}

/// The newest snapshot noted of a principal.
pub(super) fn newest_record(
    table: &dyn Table,
    arn: &str,
) -> Result<Option<(TableItem, PolicyRecord)>, PoliciesError> {
    let items = table.query(PARTITION, &format!("{}#", principal_key(arn)))?;
    let newest = items.into_iter().next_back();
    newest.map(|item| parse_record(&item).map(|noted| (item, noted))).transpose()
}

/// Keeps a snapshot that was read at a time, and notes that it is in force.
pub(super) fn record_snapshot(
    table: &dyn Table,
    store: &dyn ObjectStore,
    snapshot: &PolicySnapshot,
    at: Time,
) -> Result<PolicyRecord, PoliciesError> {
    let sha256 = snapshot.sha256();
    let key = format!("policies/{sha256}.json");
    let seen = newest_record(table, &snapshot.principal)?;
    if seen.is_none_or(|(_, noted)| noted.sha256.as_ref() != Some(&sha256)) {
        let text = serde_json::to_vec(snapshot).map_err(|cause| serialization_error(&key, cause))?;
        // One that is there has the same hash.
        store.create(&key, &text, "application/json")?;
    }
    append_record(table, &snapshot.principal, Some((sha256, key)), at)
}

/// Notes that a principal is gone, if it ever was there.
pub(super) fn record_deleted(table: &dyn Table, arn: &str, at: Time) -> Result<(), PoliciesError> {
    if newest_record(table, arn)?.is_some() {
        append_record(table, arn, None, at)?;
    }
    Ok(())
}

/// Moves the newest item on, or adds one.
fn append_record(
    table: &dyn Table,
    arn: &str,
    what: Option<(String, String)>,
    at: Time,
) -> Result<PolicyRecord, PoliciesError> {
    let (sha256, key) = what.unzip();
    for _ in 0..MAX_ATTEMPTS {
        let mut noted = PolicyRecord {
            principal: arn.into(),
            sha256: sha256.clone(),
            key: key.clone(),
            since: at,
            last_seen: at,
        };
        let mut revision = 0;
        match newest_record(table, arn)? {
            // Somebody has looked later than we did.
            Some((_, newest)) if newest.last_seen > at => return Ok(newest),
            Some((item, newest)) if newest.sha256 == sha256 => {
                revision = item.revision;
                noted.since = newest.since;
            }
            Some((_, newest)) => noted.since = at.max(Time(newest.since.0.saturating_add(1))),
            None => {}
        }
        let sort = format!("{}#{}", principal_key(arn), noted.since);
        let body = serde_json::to_value(&noted).map_err(|cause| serialization_error(&sort, cause))?;
        let item = TableItem {
            partition_key: PARTITION.to_owned(),
            sort_key: sort,
            revision,
            expires_at: None,
            body,
        };
        if table.put(&item, WriteCondition::Unchanged)? {
            return Ok(noted);
        }
    }
    let cause = "other runs are noting the same principal: try again";
    Err(PortError {
        operation: "note the policies of",
        name: arn.to_owned(),
        kind: PortErrorKind::Unavailable,
        cause: cause.into(),
    }
    .into())
}

/// The policies of watched principals that were in force at any time of a period. What was read after its end does not
/// change them: a report on the past stays as it is. Policies nobody has seen for long are in force no more; the same ones
/// seen again were so all along.
///
/// # Errors
/// When they cannot be read back whole.
pub fn policies_in_force(
    table: &dyn Table,
    store: &dyn ObjectStore,
    config: &Config,
    period: Period,
) -> Result<PolicyHistory, PoliciesError> {
    let mut noted: BTreeMap<Arc<str>, Vec<PolicyRecord>> = BTreeMap::new();
    for item in table.query(PARTITION, "")? {
        let one = parse_record(&item)?;
        noted.entry(Arc::clone(&one.principal)).or_default().push(one);
    }
    let mut held = Vec::new();
    for (arn, mut all) in noted {
        if config.watch_for_arn(&arn).is_none() {
            continue;
        }
        all.sort_by_key(|noted| noted.since);
        all.retain(|noted| noted.since < period.until.start());
        let ends = all.iter().skip(1).map(|next| Some(next.since)).chain([None]).collect::<Vec<_>>();
        for (noted, until) in all.into_iter().zip(ends) {
            let (Some(sha256), Some(key)) = (noted.sha256, noted.key) else { continue };
            let trusted = Time(noted.last_seen.0.saturating_add(TRUSTED_SECONDS));
            let until = match until {
                Some(until) => Some(until.min(trusted)),
                None => (trusted < period.until.start()).then_some(trusted),
            };
            if until.is_none_or(|until| until > period.from.start()) {
                let snapshot = load_snapshot(store, &key, &sha256, &arn)?;
                held.push(DatedSnapshot { since: Some(noted.since), until, snapshot });
            }
        }
    }
    Ok(held.into_iter().collect())
}

/// A snapshot, read back.
fn load_snapshot(
    store: &dyn ObjectStore,
    key: &str,
    sha256: &str,
    arn: &str,
) -> Result<PolicySnapshot, PoliciesError> {
    let bytes = store.read(key, None)?;
    let snapshot: PolicySnapshot =
        serde_json::from_slice(&bytes).map_err(|error| damaged(key, format!("is no snapshot: {error}")))?;
    if snapshot.sha256() != sha256 {
        return Err(damaged(key, "is not what was written: its hash is another"));
    }
    if *snapshot.principal != *arn {
        return Err(damaged(key, "is the snapshot of another principal"));
    }
    Ok(snapshot)
}
