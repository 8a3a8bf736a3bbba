//! The audit trail as entries of a backup.
//!
//! Enters: the store with the trail, to which other processes may write. Leaves: its objects at one moment, or the objects of a
//! backup in the store. Laws: a chain in the backup has no gap that the trail does not have, and each seal names batches of the
//! backup; an object of the trail is never replaced.
//!
//! A list is not one moment. So the seals are listed first: what they name exists then. The batches are listed twice: the
//! second list has every batch that comes before one of the first list. The prunings are listed last: a pruning is stored
//! before its batches are removed.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use crate::{
    audit::{BatchKey, PREFIX, PRUNINGS_PREFIX, SEALS_PREFIX},
    backup::{BackupEntry, BackupKind, BackupProblem, EntryComparison},
    ports::{EntryVisitor, ObjectStore, PortError, PortErrorKind, StoredObject},
};

/// Largest object of a trail that is backed up and restored, in bytes. Batches have a few MiB.
const MAX_OBJECT_BYTES: u64 = 64 << 20;

/// Passes the objects of the trail to `visit`.
pub(super) fn visit_trail(store: &dyn ObjectStore, visit: &mut EntryVisitor<'_>) -> Result<(), PortError> {
    for object in objects_at_one_moment(store)? {
        let failed = |cause: Box<dyn std::error::Error + Send + Sync>| PortError {
            operation: "back up",
            name: object.name.clone(),
            kind: PortErrorKind::Other,
            cause,
        };
        if object.size > MAX_OBJECT_BYTES {
            return Err(failed(format!("the object has more than {MAX_OBJECT_BYTES} bytes").into()));
        }
        let bytes = store.read(&object.name, None).map_err(|error| match error.kind {
            PortErrorKind::NotFound => {
                failed("the trail was pruned while it was read; run the command again".into())
            }
            _ => error,
        })?;
        let of = match BatchKey::parse(&object.name) {
            Some(_) => "audit_batches",
            None if object.name.starts_with(SEALS_PREFIX) => "audit_seals",
            None => "audit_prunings",
        };
        let entry = BackupEntry::one(BackupKind::Audit, &object.name, bytes.len() as u64, of)
            .map_err(|problem| failed(problem.into()))?;
        visit(&entry, &mut &*bytes)?;
    }
    Ok(())
}

/// The objects of the trail, sorted by key.
fn objects_at_one_moment(store: &dyn ObjectStore) -> Result<Vec<StoredObject>, PortError> {
    let mut objects = store.list(SEALS_PREFIX)?;
    let mut newest: BTreeMap<String, u64> = BTreeMap::new();
    for key in store.list(PREFIX)?.iter().filter_map(|object| BatchKey::parse(&object.name)) {
        let newest = newest.entry(key.chain).or_default();
        *newest = key.sequence.max(*newest);
    }
    objects.extend(store.list(PREFIX)?.into_iter().filter(|object| {
        let key = BatchKey::parse(&object.name);
        key.is_some_and(|key| newest.get(&key.chain).is_some_and(|newest| key.sequence <= *newest))
    }));
    objects.extend(store.list(PRUNINGS_PREFIX)?);
    objects.sort_unstable();
    objects.dedup_by(|a, b| a.name == b.name);
    Ok(objects)
}

/// How an object of the trail in a backup compares with the one in the store.
pub(super) fn compare(
    store: &dyn ObjectStore,
    entry: &BackupEntry,
    content: &mut dyn Read,
) -> Result<EntryComparison, PortError> {
    let bytes = checked(entry, content)?;
    match store.read(entry.name.as_str(), Some(0..entry.bytes + 1)) {
        Ok(stored) if stored == bytes => Ok(EntryComparison::Equal),
        Ok(_) => Ok(EntryComparison::ConflictsHere),
        Err(error) if error.kind == PortErrorKind::NotFound => Ok(EntryComparison::New),
        Err(error) => Err(error),
    }
}

/// Stores an object of the trail, unless it is there.
pub(super) fn write(
    store: &dyn ObjectStore,
    entry: &BackupEntry,
    content: &mut dyn Read,
) -> Result<(), PortError> {
    let bytes = checked(entry, content)?;
    let key = entry.name.as_str();
    let media_type = if BatchKey::parse(key).is_some() { "application/gzip" } else { "application/json" };
    if store.create(key, &bytes, media_type)? || store.read(key, Some(0..entry.bytes + 1))? == bytes {
        return Ok(());
    }
    Err(refused(entry, "another object has this key; it was not changed".into()))
}

/// The content of an entry that belongs to an audit trail.
fn checked(entry: &BackupEntry, content: &mut dyn Read) -> Result<Vec<u8>, PortError> {
    let key = entry.name.as_str();
    let is_ours = BatchKey::parse(key).is_some()
        || [SEALS_PREFIX, PRUNINGS_PREFIX]
            .iter()
            .any(|prefix| key.strip_prefix(prefix).is_some_and(|rest| !rest.contains('/')));
    if !is_ours {
        let problem = BackupProblem::damaged(key, "is not an object of an audit trail");
        return Err(refused(entry, problem.into()));
    }
    if entry.bytes > MAX_OBJECT_BYTES {
        let problem = BackupProblem::damaged(key, format!("has more than {MAX_OBJECT_BYTES} bytes"));
        return Err(refused(entry, problem.into()));
    }
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).map_err(|cause: io::Error| refused(entry, cause.into()))?;
    Ok(bytes)
}

fn refused(entry: &BackupEntry, cause: Box<dyn std::error::Error + Send + Sync>) -> PortError {
    PortError { operation: "restore", name: entry.name.to_string(), kind: PortErrorKind::Other, cause }
}
