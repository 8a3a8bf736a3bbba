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
    grants::{Held, Policies, Snapshot},
    jobs::issue::unwritable,
    ports::{Expected, FailureKind, Item, PortError, Store, Table},
    report::hex,
    time::Time,
};

/// The partition of all snapshots.
const PARTITION: &str = "POLICIES";

/// Seconds policies count as in force after they were last seen: a week and a day, so that a weekly look leaves no hole.
/// After that nobody knows what is in force.
const TRUSTED: u32 = 8 * 86_400;

/// Times an item is tried again because another run wrote in between.
const TRIES: usize = 4;

/// Since when policies are in force, and when they last were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
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
pub(super) fn word(arn: &str) -> String {
    hex(&Sha256::digest(arn)).chars().take(32).collect()
}

fn damaged(name: impl Into<String>, what: impl Into<String>) -> PoliciesError {
    PoliciesError::Damaged { name: name.into(), what: what.into() }
}

fn read(item: &Item) -> Result<Noted, PoliciesError> {
    let name = format!("{} {}", item.partition, item.sort);
    Noted::deserialize(&item.body).map_err(|error| damaged(name, format!("is no snapshot: {error}")))
}

/// The newest snapshot noted of a principal.
pub(super) fn newest(table: &dyn Table, arn: &str) -> Result<Option<(Item, Noted)>, PoliciesError> {
    let items = table.query(PARTITION, &format!("{}#", word(arn)))?;
    let newest = items.into_iter().next_back();
    newest.map(|item| read(&item).map(|noted| (item, noted))).transpose()
}

/// Keeps a snapshot that was read at a time, and notes that it is in force.
pub(super) fn keep(
    table: &dyn Table,
    store: &dyn Store,
    snapshot: &Snapshot,
    at: Time,
) -> Result<Noted, PoliciesError> {
    let sha256 = snapshot.sha256();
    let key = format!("policies/{sha256}.json");
    let seen = newest(table, &snapshot.principal)?;
    if seen.is_none_or(|(_, noted)| noted.sha256.as_ref() != Some(&sha256)) {
        let text = serde_json::to_vec(snapshot).map_err(|cause| unwritable(&key, cause))?;
        // One that is there has the same hash.
        store.create(&key, &text, "application/json")?;
    }
    note(table, &snapshot.principal, Some((sha256, key)), at)
}

/// Notes that a principal is gone, if it ever was there.
pub(super) fn gone(table: &dyn Table, arn: &str, at: Time) -> Result<(), PoliciesError> {
    if newest(table, arn)?.is_some() {
        note(table, arn, None, at)?;
    }
    Ok(())
}

/// Moves the newest item on, or adds one.
fn note(
    table: &dyn Table,
    arn: &str,
    what: Option<(String, String)>,
    at: Time,
) -> Result<Noted, PoliciesError> {
    let (sha256, key) = what.unzip();
    for _ in 0..TRIES {
        let mut noted = Noted {
            principal: arn.into(),
            sha256: sha256.clone(),
            key: key.clone(),
            since: at,
            last_seen: at,
        };
        let mut revision = 0;
        match newest(table, arn)? {
            // Somebody has looked later than we did.
            Some((_, newest)) if newest.last_seen > at => return Ok(newest),
            Some((item, newest)) if newest.sha256 == sha256 => {
                revision = item.revision;
                noted.since = newest.since;
            }
            Some((_, newest)) => noted.since = at.max(Time(newest.since.0.saturating_add(1))),
            None => {}
        }
        let sort = format!("{}#{}", word(arn), noted.since);
        let body = serde_json::to_value(&noted).map_err(|cause| unwritable(&sort, cause))?;
        let item = Item { partition: PARTITION.to_owned(), sort, revision, expires: None, body };
        if table.put(&item, Expected::Same)? {
            return Ok(noted);
        }
    }
    let cause = "other runs are noting the same principal: try again";
    Err(PortError {
        operation: "note the policies of",
        name: arn.to_owned(),
        kind: FailureKind::Unavailable,
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
pub fn policies(
    table: &dyn Table,
    store: &dyn Store,
    config: &Config,
    period: Period,
) -> Result<Policies, PoliciesError> {
    let mut noted: BTreeMap<Arc<str>, Vec<Noted>> = BTreeMap::new();
    for item in table.query(PARTITION, "")? {
        let one = read(&item)?;
        noted.entry(Arc::clone(&one.principal)).or_default().push(one);
    }
    let mut held = Vec::new();
    for (arn, mut all) in noted {
        if config.watched_arn(&arn).is_none() {
            continue;
        }
        all.sort_by_key(|noted| noted.since);
        all.retain(|noted| noted.since < period.until.start());
        let ends = all.iter().skip(1).map(|next| Some(next.since)).chain([None]).collect::<Vec<_>>();
        for (noted, until) in all.into_iter().zip(ends) {
            let (Some(sha256), Some(key)) = (noted.sha256, noted.key) else { continue };
            let trusted = Time(noted.last_seen.0.saturating_add(TRUSTED));
            let until = match until {
                Some(until) => Some(until.min(trusted)),
                None => (trusted < period.until.start()).then_some(trusted),
            };
            if until.is_none_or(|until| until > period.from.start()) {
                let snapshot = stored(store, &key, &sha256, &arn)?;
                held.push(Held { since: Some(noted.since), until, snapshot });
            }
        }
    }
    Ok(held.into_iter().collect())
}

/// A snapshot, read back.
fn stored(store: &dyn Store, key: &str, sha256: &str, arn: &str) -> Result<Snapshot, PoliciesError> {
    let bytes = store.read(key, None)?;
    let snapshot: Snapshot =
        serde_json::from_slice(&bytes).map_err(|error| damaged(key, format!("is no snapshot: {error}")))?;
    if snapshot.sha256() != sha256 {
        return Err(damaged(key, "is not what was written: its hash is another"));
    }
    if *snapshot.principal != *arn {
        return Err(damaged(key, "is the snapshot of another principal"));
    }
    Ok(snapshot)
}
