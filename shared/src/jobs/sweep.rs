//! From log objects to a report.
//!
//! Enters: a source of log objects, what is kept from earlier sweeps, configuration, catalog, control pack and clock
//! readings. Leaves: a [`Report`]. Laws: objects that have not changed are not read again; what is kept and what is
//! read merge into the same result as reading everything at once; an object that cannot be read is in the report.

use std::{collections::BTreeMap, error::Error, sync::Mutex};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::gather::{Gathered, Gathering, Problem, Progress, Reading, gather_objects};
use crate::{
    assessment::{Assessment, Evidence},
    catalog::Catalog,
    config::Config,
    coverage::{Coverage, Period},
    ports::{Object, Source, SourceError},
    report::{Input, Report, Run, UnreadablePosition, compose, hex},
    segment::Segment,
    standard::Pack,
    tally::Tally,
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
    Source(#[from] SourceError),
    /// Evidence cannot be kept or read back.
    #[error("cannot use the kept evidence: {0}")]
    Evidence(#[source] Box<dyn Error + Send + Sync>),
    /// The report cannot be written as JSON.
    #[error("cannot write the report as JSON: {0}")]
    Report(#[from] serde_json::Error),
}

/// What a sweep is told.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// Control pack.
    pub pack: &'a Pack,
    /// First moment of the period.
    pub since: Option<Time>,
    /// First moment after the period.
    pub until: Option<Time>,
    /// How to read.
    pub gathering: Gathering,
}

/// Reads what is new, merges it with what is kept, and reports. `run` carries id and start; the rest of it is filled in,
/// but for the times at the end.
///
/// # Errors
/// [`SweepError`].
pub fn sweep<E: Evidences>(
    source: &dyn Source,
    kept: Option<&mut E>,
    order: Order<'_>,
    run: Run,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report, SweepError> {
    let objects = source.list()?;
    let failed = |error: E::Error| SweepError::Evidence(Box::new(error));
    let Some(kept) = kept else {
        let inputs = Mutex::new(Vec::new());
        let gathered = gather_objects(source, &objects, order.gathering, progress, &|read, _| {
            lock(&inputs).push(read.clone());
        });
        let inputs = inputs.into_inner().unwrap_or_default();
        return Ok(report(gathered.segment, order, account(run, &gathered.reading, inputs, &[]))?);
    };
    let known = kept.known().map_err(failed)?;
    let same = |object: &Object| known.get(&object.name).is_some_and(|known| known.object.version == object.version);
    let fresh: Vec<Object> = objects.iter().filter(|object| !same(object)).cloned().collect();
    // Evidence of objects that lie elsewhere, or are gone, stays; that of objects read now is replaced.
    let stale: std::collections::BTreeSet<&str> = fresh.iter().map(|object| object.name.as_str()).collect();
    let old: Vec<ReadObject> =
        known.into_values().filter(|known| !stale.contains(known.object.name.as_str())).collect();
    let (inputs, store) = (Mutex::new(Vec::new()), Mutex::new((kept, Ok(()))));
    let gathered = gather_objects(source, &fresh, order.gathering, progress, &|read, segment| {
        lock(&inputs).push(read.clone());
        let (kept, state) = &mut *lock(&store);
        if state.is_ok() {
            *state = kept.keep(read, segment);
        }
    });
    let (kept, state) = store.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    state.map_err(failed)?;
    let segment = Segment::merge(kept.load(&old).map_err(failed)?, gathered.segment);
    let inputs = inputs.into_inner().unwrap_or_default();
    Ok(report(segment, order, account(run, &gathered.reading, inputs, &old))?)
}
