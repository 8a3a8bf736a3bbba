//! From log objects to a report.
//!
//! Enters: a source of log objects, what is kept from earlier sweeps, configuration, catalog, control pack and clock
//! readings. Leaves: a [`Report`]. Laws: objects that have not changed are not read again; what is kept and what is
//! read merge into the same result as reading everything at once; an object that cannot be read is in the report.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    gather::{Each, Gathering, Progress, Reading, gather_objects},
    judge::{Order, judge},
};
use crate::{
    dossier::{Dossier, Scope},
    ports::{Evidences, Object, PortError, ReadObject, Source},
    report::{Input, Report, Run, hex},
    segment::Segment,
    time::Time,
};

/// Inputs a report names; the others are in their common hash only.
const INPUTS: usize = 10_000;

/// Unreadable positions a report names.
const POSITIONS: usize = 1_000;

/// Why a sweep ends without a report.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The source cannot be listed.
    #[error(transparent)]
    Source(#[from] PortError),
    /// Evidence cannot be kept or read back.
    #[error("cannot use the kept evidence: {0}")]
    Evidence(#[source] Box<dyn Error + Send + Sync>),
    /// The report cannot be written as JSON.
    #[error("cannot write the report as JSON: {0}")]
    Report(#[from] serde_json::Error),
}

/// What a sweep is told.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// What to judge by.
    pub order: Order<'a>,
    /// First moment of the period.
    pub since: Option<Time>,
    /// First moment after the period.
    pub until: Option<Time>,
    /// How to read.
    pub gathering: Gathering,
}

/// Reads what is new, merges it with what is kept, and reports. `run` carries id and start; what was read is filled in,
/// the times at the end are the caller's.
///
/// # Errors
/// [`SweepError`].
pub fn sweep<E: Evidences + Send>(
    source: &dyn Source,
    kept: Option<&mut E>,
    task: Task<'_>,
    run: Run,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report, SweepError> {
    let objects = source.list()?;
    let inputs = Mutex::new(Vec::new());
    let tell = |read| inputs.lock().unwrap_or_else(PoisonError::into_inner).push(read);
    let (segment, reading, old) = match kept {
        None => {
            let gathered = gather_objects(source, &objects, task.gathering, progress, Each::Told(&tell));
            (gathered.segment, gathered.reading, Vec::new())
        }
        Some(kept) => {
            let failed = |error: E::Error| SweepError::Evidence(Box::new(error));
            let (fresh, old) = divide(objects, kept.known().map_err(failed)?);
            let store = Mutex::new((kept, Ok(())));
            let keep = |read: ReadObject, segment: &Segment| {
                let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
                let (kept, state) = &mut *store;
                if state.is_ok() {
                    *state = kept.keep(&read, segment);
                }
                drop(store);
                tell(read);
            };
            let gathered = gather_objects(source, &fresh, task.gathering, progress, Each::Kept(&keep));
            let (kept, state) = store.into_inner().unwrap_or_else(PoisonError::into_inner);
            state.map_err(failed)?;
            let (earlier, mut reading) = (kept.load(&old).map_err(failed)?, gathered.reading);
            let apart = earlier.rows().len() + gathered.segment.rows().len();
            let segment = earlier.merge(gathered.segment);
            reading.duplicate += (apart - segment.rows().len()) as u64;
            (segment, reading, old)
        }
    };
    let fresh = inputs.into_inner().unwrap_or_else(PoisonError::into_inner);
    let dossier = Dossier::of(segment, Scope::between(task.since, task.until));
    Ok(judge(dossier, task.order, account(run, &reading, fresh, old))?)
}

/// What to read, and what is kept of everything else. Evidence of objects that lie elsewhere or are gone stays.
fn divide(objects: Vec<Object>, mut known: BTreeMap<String, ReadObject>) -> (Vec<Object>, Vec<ReadObject>) {
    // Without a version nothing says that an object is the same: standard input, and what could not be read whole.
    let changed = |object: &Object| {
        let known = known.get(&object.name).map(|known| &known.object.version);
        known.is_none_or(|version| version.is_empty() || *version != object.version)
    };
    let fresh: Vec<Object> = objects.into_iter().filter(changed).collect();
    for object in &fresh {
        known.remove(&object.name);
    }
    (fresh, known.into_values().collect())
}

/// Fills in what was read, and what was not because it is kept.
fn account(run: Run, reading: &Reading, fresh: Vec<ReadObject>, old: Vec<ReadObject>) -> Run {
    let (objects_read, objects_kept) = (fresh.len() as u64, old.len() as u64);
    let mut objects: Vec<ReadObject> = fresh.into_iter().chain(old).collect();
    objects.sort_unstable_by(|a, b| a.object.name.cmp(&b.object.name));
    let hashes: BTreeSet<&str> = objects.iter().map(|read| read.sha256.as_str()).collect();
    let mut all = Sha256::new();
    for hash in hashes {
        all.update(hash);
    }
    let input = |read: &ReadObject| Input {
        object: read.object.name.clone(),
        bytes: read.object.size,
        sha256: read.sha256.clone(),
        records: read.records,
    };
    Run {
        objects_read,
        objects_kept,
        bytes_read: reading.bytes,
        records_seen: reading.records,
        duplicates: reading.duplicate,
        inputs_sha256: hex(&all.finalize()),
        inputs: objects.iter().take(INPUTS).map(input).collect(),
        unreadable: objects.into_iter().flat_map(|read| read.unreadable).take(POSITIONS).collect(),
        ..run
    }
}
