//! Log files in memory, swept with state: only new and changed ones are read, and what failed is read again.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use onlooker_core::{
    catalog::Catalog,
    config::Standard,
    controls::ControlPack,
    jobs::{
        evaluation::EvaluationCriteria,
        evidence_pool::Spill,
        gather::GatherOptions,
        sweep::{Exclusion, SweepTask, sweep},
    },
    ports::{LogSource, PortError, StoredObject},
    record::ReadLimits,
    report::{Report, ReportRun},
};
use onlooker_demo::DemoTrail;
use onlooker_local::{sweep_state::SweepState, temporary_file::TemporaryFile};

use super::events::promise_config;

/// Objects by name; the version of each is a hash of its bytes.
#[derive(Default)]
pub struct MemoryLogSource {
    pub bytes: BTreeMap<String, Vec<u8>>,
    /// Whether fetching fails.
    pub is_failing: AtomicBool,
    fetched: Mutex<Vec<String>>,
}

impl MemoryLogSource {
    pub fn from_objects(objects: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self { bytes: objects.into_iter().collect(), ..Self::default() }
    }

    fn fetched(&self) -> Vec<String> {
        let mut names = std::mem::take(&mut *self.fetched.lock().unwrap());
        names.sort();
        names
    }
}

impl LogSource for MemoryLogSource {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        let object = |(name, bytes): (&String, &Vec<u8>)| StoredObject {
            name: name.clone(),
            size: bytes.len() as u64,
            version: onlooker_core::record::Fingerprint::of("test", &[bytes]).to_string(),
        };
        Ok(self.bytes.iter().map(object).collect())
    }

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        self.fetched.lock().unwrap().push(object.name.clone());
        if self.is_failing.load(Ordering::Relaxed) {
            let cause = Box::new(io::Error::from(io::ErrorKind::PermissionDenied));
            return Err(PortError {
                operation: "read",
                kind: onlooker_core::ports::PortErrorKind::Other,
                name: object.name.clone(),
                cause,
            });
        }
        let most = usize::try_from(most).unwrap();
        bytes.clear();
        bytes.extend(self.bytes[&object.name].iter().take(most));
        Ok(object.version.clone())
    }
}

fn sweep_objects(objects: &MemoryLogSource, state: &Path, limits: ReadLimits) -> Report {
    sweep_spilling(objects, Some(state), limits, usize::MAX)
}

/// A sweep that keeps this number of events in memory.
fn sweep_spilling(
    objects: &MemoryLogSource,
    state: Option<&Path>,
    limits: ReadLimits,
    events: usize,
) -> Report {
    let pack = ControlPack::built_in(Standard::General).unwrap();
    let config = promise_config();
    let task = SweepTask {
        criteria: EvaluationCriteria {
            config: &config,
            catalog: Catalog::embedded(),
            pack: &pack,
            policies: onlooker_core::grants::PolicyHistory::empty(),
            integrity: None,
        },
        since: None,
        until: None,
        gather_options: GatherOptions { threads: 2, limits, hash_content: false },
        spill: Some(Spill { events, open: &TemporaryFile::open }),
        exclude: Exclusion::NONE,
        audit: None,
        reuses_report: true,
        verification: None,
    };
    let mut state = state.map(|state| SweepState::open(state, "objects in memory").unwrap());
    sweep(objects, state.as_mut(), task, ReportRun::default(), &|_| {}).unwrap().report
}

fn record(id: u32) -> String {
    format!(
        r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/u"}},"eventTime":"2026-10-06T00:{:02}:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","readOnly":true,"awsRegion":"eu-west-1","eventID":"{id}","recipientAccountId":"111122223333"}}"#,
        id % 60
    )
}

fn object(name: &str, records: &[u32]) -> (String, Vec<u8>) {
    let records: Vec<String> = records.iter().map(|id| record(*id)).collect();
    (name.to_owned(), records.join("\n").into_bytes())
}

#[test]
fn a_report_does_not_depend_on_the_number_of_events_in_memory() {
    let files = DemoTrail::demo().objects().map(|object| (object.key, object.bytes));
    let objects = MemoryLogSource::from_objects(files);
    let limits = ReadLimits::default();
    let without_state = sweep_spilling(&objects, None, limits, usize::MAX);
    assert!(without_state.result.totals.events > 7_000 && without_state.run.duplicates > 0);
    for events in [1, 100, 7_000] {
        let home = tempfile::tempdir().unwrap();
        let spilled = sweep_spilling(&objects, None, limits, events);
        let first = sweep_spilling(&objects, Some(home.path()), limits, events);
        let again = sweep_spilling(&objects, Some(home.path()), limits, events);
        for report in [spilled, first, again] {
            assert_eq!(report.id, without_state.id, "{events}");
            assert_eq!(report.run.duplicates, without_state.run.duplicates, "{events}");
            assert_eq!(report.run.origins, without_state.run.origins, "{events}");
        }
    }
}

#[test]
fn duplicates_within_a_log_file_count_with_state_and_without() {
    let objects = MemoryLogSource::from_objects([object("a", &[1, 1, 2]), object("b", &[2, 3, 3, 3])]);
    for events in [1, usize::MAX] {
        let home = tempfile::tempdir().unwrap();
        for state in [None, Some(home.path())] {
            let report = sweep_spilling(&objects, state, ReadLimits::default(), events);
            assert_eq!((report.result.totals.events, report.run.duplicates), (3, 4));
            assert_eq!(report.run.records_seen, 7);
        }
    }
}

#[test]
fn an_object_that_could_not_be_fetched_is_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let objects = MemoryLogSource::from_objects([object("a", &[1]), object("b", &[2])]);
    objects.is_failing.store(true, Ordering::Relaxed);
    let failed = sweep_objects(&objects, home.path(), ReadLimits::default());
    assert_eq!((failed.result.totals.events, failed.result.totals.unreadable_evidence), (0, 2));
    objects.is_failing.store(false, Ordering::Relaxed);
    let again = sweep_objects(&objects, home.path(), ReadLimits::default());
    assert_eq!((again.result.totals.events, again.result.totals.unreadable_evidence), (2, 0));
}

#[test]
fn an_oversized_object_is_read_again_after_the_limit_is_raised() {
    let home = tempfile::tempdir().unwrap();
    let objects =
        MemoryLogSource::from_objects([object("a", &[1]), object("b", &(0..50).collect::<Vec<_>>())]);
    let cut = sweep_objects(&objects, home.path(), ReadLimits { max_inflated_bytes: 1_000 });
    assert_eq!(cut.result.totals.unreadable_evidence, 1);
    let whole = sweep_objects(&objects, home.path(), ReadLimits::default());
    assert_eq!((whole.result.totals.events, whole.result.totals.unreadable_evidence), (50, 0));
}

#[test]
fn unchanged_objects_are_not_read_again_and_changed_ones_are_replaced() {
    let home = tempfile::tempdir().unwrap();
    let mut objects = MemoryLogSource::from_objects([object("a", &[1, 2]), object("b", &[3])]);
    sweep_objects(&objects, home.path(), ReadLimits::default());
    assert_eq!(objects.fetched(), ["a", "b"]);
    objects.bytes.extend([object("b", &[4, 5]), object("c", &[2, 6])]);
    let report = sweep_objects(&objects, home.path(), ReadLimits::default());
    assert_eq!(objects.fetched(), ["b", "c"]);
    assert_eq!((report.run.log_files_read, report.run.log_files_reused), (2, 1));
    assert_eq!(report.result.totals.events, 5, "events 1, 2, 4, 5 and 6; event 3 was replaced");
    assert_eq!(report.run.records_seen, 4);
    assert_eq!(report.run.duplicates, 1, "event 2 is also in an unchanged object");
    let fresh = tempfile::tempdir().unwrap();
    assert_eq!(sweep_objects(&objects, fresh.path(), ReadLimits::default()).result, report.result);
    let quiet = sweep_objects(&objects, home.path(), ReadLimits::default());
    assert_eq!(objects.fetched(), ["a", "b", "c"], "only by the sweep without earlier state");
    assert_eq!(quiet.id, report.id);
}
