//! From log files to a report.
//!
//! Enters: a source of log files, the evidence stored by earlier sweeps, configuration, catalog, control pack, clock readings
//! and, if the log files are verified, public keys. Leaves: a [`Report`]. Laws: a log file that has not changed is not read again; if
//! nothing has changed since the report of an earlier sweep, its result is that of this one; stored and new
//! evidence merge into the same result as reading everything at once; a log file that cannot be read is listed in the
//! report; an excluded file is not part of the result, whether its evidence is stored or not, and the report says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt,
    sync::{Mutex, PoisonError},
};

use thiserror::Error;

use super::{
    audit::{AuditError, Auditing},
    evaluation::{EvaluationCriteria, evaluate},
    evidence_pool::{EvidencePool, Spill},
    gather::{GatherOptions, GatherProgress, ObjectCallback, ReadStatistics, gather_into},
    sweep_inputs::inputs_sha256,
    sweep_verification::{KeysError, SweepVerification, SweptFiles, lacks_hash},
};
use crate::{
    audit::{AuditCriteria, AuditTrailEntry},
    evidence_summary::ReportScope,
    log_integrity::{IntegritySummary, Selection},
    ports::{LogSource, PortError, ProcessedObject, StoredObject, SweepEvidence},
    report::{InputFile, Report, ReportRun, RunPerformance},
    segment::Segment,
    time::Time,
};

/// Why a sweep ends without a report.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The source cannot be listed.
    #[error(transparent)]
    Source(#[from] PortError),
    /// Evidence cannot be stored or read back.
    #[error("cannot use the stored evidence: {0}")]
    Evidence(#[source] Box<dyn Error + Send + Sync>),
    /// The temporary file for events that do not fit in memory cannot be written or read.
    #[error("{0}")]
    Spill(#[source] PortError),
    /// The audit trail cannot be written.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The public keys for verifying log files cannot be had.
    #[error("cannot get the public keys of CloudTrail: {0}")]
    Keys(#[source] KeysError),
    /// The report cannot be written as JSON.
    #[error("cannot write the report as JSON: {0}")]
    Report(#[from] serde_json::Error),
}

/// The files that the caller excludes.
#[derive(Clone, Copy)]
pub struct Exclusion<'a> {
    /// The globs, as the caller wrote them.
    pub globs: &'a [String],
    /// Whether a file of this name is excluded.
    pub matches: &'a (dyn Fn(&str) -> bool + Sync),
}

impl Exclusion<'_> {
    /// Excludes no file.
    pub const NONE: Self = Self { globs: &[], matches: &|_| false };
}

impl fmt::Debug for Exclusion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exclusion").field(&self.globs).finish()
    }
}

/// The input of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct SweepTask<'a> {
    /// What the evidence is evaluated with.
    pub criteria: EvaluationCriteria<'a>,
    /// First moment of the period.
    pub since: Option<Time>,
    /// First moment after the period.
    pub until: Option<Time>,
    /// Options for reading log files.
    pub gather_options: GatherOptions,
    /// When events leave memory; `None` if they never do.
    pub spill: Option<Spill<'a>>,
    /// Files that are not read.
    pub exclude: Exclusion<'a>,
    /// The audit trail, for the calls of log files that are read with kept evidence.
    pub audit: Option<Auditing<'a>>,
    /// Whether the report of an earlier sweep that depended on the same is taken. A certificate, which says that a report was made
    /// from the evidence, does not.
    pub reuses_report: bool,
    /// How the log files are verified, if they are; then the criteria need no verification.
    pub verification: Option<SweepVerification<'a>>,
}

/// What a sweep makes.
#[derive(Clone, Debug)]
pub struct SweepOutcome {
    /// The report.
    pub report: Report,
    /// Hash of all that the result depends on, by which [`SweepEvidence::report_of`] finds the report; `None` if some of it cannot be
    /// hashed.
    pub inputs_sha256: Option<String>,
    /// What was verified of the log files, if that was asked for.
    pub integrity: Option<IntegritySummary>,
    /// Number of log files of earlier sweeps that count too and are not in the source.
    pub from_elsewhere: u64,
}

/// Reads new log files, merges them with the stored evidence, and makes a report. `run` carries id and start time.
/// This function adds what was read; the caller sets the times at the end.
///
/// # Errors
/// [`SweepError`].
pub fn sweep<E: SweepEvidence + Send>(
    source: &dyn LogSource,
    kept: Option<&mut E>,
    task: SweepTask<'_>,
    run: ReportRun,
    progress: &(dyn Fn(GatherProgress) + Sync),
) -> Result<SweepOutcome, SweepError> {
    let gather_options = GatherOptions { hash_content: task.verification.is_some(), ..task.gather_options };
    let objects = source.list()?;
    let listed = if task.verification.is_some() { objects.clone() } else { Vec::new() };
    let (excluded, objects): (Vec<_>, Vec<_>) =
        objects.into_iter().partition(|object| (task.exclude.matches)(&object.name));
    let mut excluded: BTreeSet<String> = excluded.into_iter().map(|object| object.name).collect();
    let EvaluationCriteria { config, catalog, .. } = task.criteria;
    let recorded = task.audit.map_or(AuditCriteria::origins_only(config, catalog), |audit| audit.criteria);
    let run =
        ReportRun { exclude: task.exclude.globs.to_vec(), excluded_files: excluded.len() as u64, ..run };
    let inputs = Mutex::new(Vec::new());
    let add_input = |read| inputs.lock().unwrap_or_else(PoisonError::into_inner).push(read);
    let mut pool = EvidencePool::new(task.spill);
    let mut from_elsewhere = 0;
    let (mut statistics, old) = match kept {
        None => {
            let statistics = gather_into(
                &mut pool,
                source,
                &objects,
                gather_options,
                progress,
                ObjectCallback::Summary(&add_input),
                Some(AuditCriteria::origins_only(config, catalog)),
            )
            .map_err(SweepError::Spill)?;
            (statistics, Vec::new())
        }
        Some(kept) => {
            let failed = |error: E::Error| SweepError::Evidence(Box::new(error));
            let mut known = kept.processed_objects().map_err(failed)?;
            excluded.extend(known.keys().filter(|name| (task.exclude.matches)(name)).cloned());
            known.retain(|name, _| !excluded.contains(name));
            let listed = objects.len();
            let (fresh, old) = split_new_and_processed(objects, known, gather_options.hash_content);
            from_elsewhere = (old.len() + fresh.len()).saturating_sub(listed) as u64;
            if task.reuses_report
                && fresh.is_empty()
                && let Some(inputs_sha256) = inputs_sha256(&task, &run, &old, &excluded)?
                && let Some(report) = kept.report_of(&inputs_sha256).map_err(failed)?
            {
                let outside_period = report.run.outside_period;
                let log_files_verified_at = report.run.log_files_verified_at;
                let performance = report.run.performance.map(|_| RunPerformance::default());
                let read = ReadStatistics { duplicate: report.run.duplicates, ..ReadStatistics::default() };
                let run = fill_run(run, read, Vec::new(), old);
                let origins = report.run.origins.clone();
                let run = ReportRun { outside_period, log_files_verified_at, performance, origins, ..run };
                let report = Report { run, ..report };
                let inputs_sha256 = Some(inputs_sha256);
                return Ok(SweepOutcome { report, inputs_sha256, integrity: None, from_elsewhere });
            }
            let store = Mutex::new((kept, Ok(())));
            let keep = |read: ProcessedObject, segment: &Segment, entries: Vec<AuditTrailEntry>| {
                let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
                let (kept, state) = &mut *store;
                if state.is_ok() {
                    // First the entries: a log file with stored evidence is not read again.
                    let added = task.audit.map_or(Ok(()), |audit| audit.store(&entries));
                    *state = added
                        .map_err(SweepError::from)
                        .and_then(|()| kept.save(&read, segment).map_err(failed));
                }
                drop(store);
                add_input(read);
            };
            let gathered = gather_into(
                &mut pool,
                source,
                &fresh,
                gather_options,
                progress,
                ObjectCallback::WithSegment(&keep),
                Some(recorded),
            );
            let (kept, state) = store.into_inner().unwrap_or_else(PoisonError::into_inner);
            state?;
            let statistics = gathered.map_err(SweepError::Spill)?;
            let mut absorbed = Ok(());
            let mut absorb = |segment: Segment| {
                if absorbed.is_ok() {
                    absorbed = pool.absorb(&mut segment.into());
                }
            };
            kept.load(&old, &mut absorb).map_err(failed)?;
            absorbed.map_err(SweepError::Spill)?;
            (statistics, old)
        }
    };
    let fresh = inputs.into_inner().unwrap_or_else(PoisonError::into_inner);
    let events = pool.events();
    let (summary, distinct) =
        pool.summarize(ReportScope::between(task.since, task.until)).map_err(SweepError::Spill)?;
    statistics.duplicate = events - distinct;
    let integrity = match &task.verification {
        None => None,
        Some(verification) => {
            let files = SweptFiles { listed: &listed, fresh: &fresh, old: &old };
            let period = summary.period.map(|period| (period.from.start(), period.until.start()));
            let period = period.unwrap_or((verification.now, verification.now));
            let expected = &task.criteria.config.coverage;
            let selection = Selection {
                accounts: expected.accounts.iter().cloned().collect(),
                regions: expected.regions.iter().cloned().collect(),
                trails: BTreeSet::new(),
            };
            let verified = verification.verify(source, files, period, &selection, gather_options);
            Some(verified.map_err(SweepError::Keys)?)
        }
    };
    let mut stored: Vec<ProcessedObject> = fresh.iter().chain(&old).cloned().collect();
    stored.sort_unstable_by(|a, b| a.object.name.cmp(&b.object.name));
    let inputs_sha256 = inputs_sha256(&task, &run, &stored, &excluded)?;
    let run = fill_run(run, statistics, fresh, old);
    let criteria =
        EvaluationCriteria { integrity: integrity.as_ref().or(task.criteria.integrity), ..task.criteria };
    Ok(SweepOutcome { report: evaluate(summary, criteria, run)?, inputs_sha256, integrity, from_elsewhere })
}

/// The log files to read, and the stored evidence of all others. Evidence of log files that are in another source or
/// were deleted stays. With `needs_hash` a log file without a hash of its content is read again.
fn split_new_and_processed(
    objects: Vec<StoredObject>,
    mut known: BTreeMap<String, ProcessedObject>,
    needs_hash: bool,
) -> (Vec<StoredObject>, Vec<ProcessedObject>) {
    // Without a version a log file always counts as changed: standard input, and files that were not read completely.
    let changed = |object: &StoredObject| {
        known.get(&object.name).is_none_or(|known| {
            let version = &known.object.version;
            version.is_empty() || *version != object.version || needs_hash && lacks_hash(known)
        })
    };
    let fresh: Vec<StoredObject> = objects.into_iter().filter(changed).collect();
    for object in &fresh {
        known.remove(&object.name);
    }
    (fresh, known.into_values().collect())
}

/// Adds the log files that were read, those that were skipped, and those that were not read because their evidence was stored.
fn fill_run(
    run: ReportRun,
    statistics: ReadStatistics,
    fresh: Vec<ProcessedObject>,
    old: Vec<ProcessedObject>,
) -> ReportRun {
    let (objects_read, objects_kept) = (fresh.len() as u64, old.len() as u64);
    let mut objects: Vec<ProcessedObject> = fresh.into_iter().chain(old).collect();
    objects.sort_unstable_by(|a, b| a.object.name.cmp(&b.object.name));
    let inputs: Vec<InputFile> = objects.iter().map(input_file).collect();
    let run = run.with_inputs(inputs, objects.into_iter().flat_map(|read| read.unreadable));
    ReportRun {
        log_files_read: objects_read,
        log_files_reused: objects_kept,
        bytes_read: statistics.bytes,
        records_seen: statistics.records,
        duplicates: statistics.duplicate,
        skipped: statistics.skipped.iter().map(|(kind, count)| (kind.noun().to_owned(), *count)).collect(),
        skipped_files: statistics.skipped_files.into_iter().collect(),
        ..run
    }
}

/// A log file that was read, as an input of the report.
fn input_file(read: &ProcessedObject) -> InputFile {
    let ProcessedObject { object: StoredObject { name, size, .. }, sha256, records, .. } = read;
    InputFile { file: name.clone(), bytes: *size, sha256: sha256.clone(), records: *records }
}
