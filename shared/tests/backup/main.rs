//! Laws of backups: what is made, what is refused, what a restore changes, what a rotation removes, and what a kill leaves.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod archives;
mod hostile;
mod killed;
mod made;
mod restored;
mod rotated;
mod trail;

use std::{
    collections::BTreeMap,
    io::Read,
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use onlooker_core::{
    backup::{
        BackupEntry, BackupKind, BackupManifest, BackupName, BackupStatus, EntryComparison, RestorePlan,
        RestoreRecord, SkippedEntries,
    },
    jobs::backup::{
        BackupContents, BackupError, BackupRepository, BackupVerification, NewBackup, RestoreTargets, create,
        list, plan_pruning, plan_restore, prune, restore, verify,
    },
    ports::{
        BackupSource, EntryVisitor, ObjectStore, PortError, PortErrorKind, RestoreJournal, RestoreTarget,
    },
    time::Time,
};
use test_support::environment::{FaultInjector, FaultyPort, MemoryStore};

const NOW: Time = Time(1_795_255_200);
const DAY: u32 = 86_400;

/// A state in memory: entries by kind and name. The content of the state is a number, and a higher one is newer.
#[derive(Default)]
struct MemoryState {
    entries: Mutex<BTreeMap<(BackupKind, String), Vec<u8>>>,
    record: Mutex<Option<RestoreRecord>>,
    injector: FaultInjector,
}

impl MemoryState {
    fn with(entries: &[(BackupKind, &str, &[u8])]) -> Self {
        let this = Self::default();
        for (kind, name, bytes) in entries {
            this.set(*kind, name, bytes);
        }
        this
    }

    fn set(&self, kind: BackupKind, name: &str, bytes: &[u8]) {
        self.entries.lock().unwrap().insert((kind, name.to_owned()), bytes.to_vec());
    }

    fn content(&self) -> BTreeMap<(BackupKind, String), Vec<u8>> {
        self.entries.lock().unwrap().clone()
    }

    fn get(&self, entry: &BackupEntry) -> Option<Vec<u8>> {
        self.entries.lock().unwrap().get(&(entry.kind, entry.name.to_string())).cloned()
    }

    fn comparison(&self, entry: &BackupEntry, bytes: &[u8]) -> EntryComparison {
        let number = |bytes: &[u8]| String::from_utf8_lossy(bytes).parse::<u64>().unwrap_or_default();
        match self.get(entry) {
            None => EntryComparison::New,
            Some(here) if here == bytes => EntryComparison::Equal,
            Some(_) if entry.kind != BackupKind::State => EntryComparison::DamagedHere,
            Some(here) if number(&here) > number(bytes) => EntryComparison::NewerHere,
            Some(_) => EntryComparison::OlderHere,
        }
    }
}

fn all_of(content: &mut dyn Read) -> Result<Vec<u8>, PortError> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).map_err(|cause| PortError {
        operation: "read",
        name: "content".to_owned(),
        kind: PortErrorKind::Other,
        cause: cause.into(),
    })?;
    Ok(bytes)
}

impl BackupSource for MemoryState {
    fn entries(&self, kind: BackupKind, visit: &mut EntryVisitor<'_>) -> Result<SkippedEntries, PortError> {
        for ((found, name), bytes) in self.content() {
            if found == kind {
                self.injector.call(("state", "entry"), name.clone(), || Ok(()))?;
                let entry = BackupEntry::one(kind, &name, bytes.len() as u64, "files").unwrap();
                visit(&entry, &mut &*bytes)?;
            }
        }
        Ok(SkippedEntries::default())
    }
}

impl RestoreTarget for MemoryState {
    fn compare(
        &self,
        entry: &BackupEntry,
        content: &mut dyn Read,
    ) -> Result<(EntryComparison, String), PortError> {
        let bytes = all_of(content)?;
        let compare = || Ok((self.comparison(entry, &bytes), "differs".to_owned()));
        self.injector.call(("state", "compare"), entry.name.to_string(), compare)
    }

    fn write(&self, entry: &BackupEntry, content: &mut dyn Read, may_replace: bool) -> Result<(), PortError> {
        let bytes = all_of(content)?;
        self.injector.call(("state", "write"), entry.name.to_string(), || {
            match self.comparison(entry, &bytes) {
                EntryComparison::NewerHere | EntryComparison::DamagedHere if !may_replace => Err(PortError {
                    operation: "restore",
                    name: entry.name.to_string(),
                    kind: PortErrorKind::Other,
                    cause: "it became newer".into(),
                }),
                _ => {
                    self.set(entry.kind, entry.name.as_str(), &bytes);
                    Ok(())
                }
            }
        })
    }
}

impl RestoreJournal for MemoryState {
    fn unfinished(&self) -> Result<Option<RestoreRecord>, PortError> {
        let read = || Ok(self.record.lock().unwrap().clone());
        self.injector.call(("journal", "unfinished"), String::new(), read)
    }

    fn begin(&self, record: &RestoreRecord) -> Result<(), PortError> {
        self.injector.call(("journal", "begin"), String::new(), || {
            *self.record.lock().unwrap() = Some(record.clone());
            Ok(())
        })
    }

    fn finish(&self) -> Result<(), PortError> {
        self.injector.call(("journal", "finish"), String::new(), || {
            *self.record.lock().unwrap() = None;
            Ok(())
        })
    }
}

/// Backups, a state and a trail, with one count of the calls to all of them.
struct World {
    backups: FaultyPort<MemoryStore>,
    trail: FaultyPort<MemoryStore>,
    state: Arc<MemoryState>,
    injector: FaultInjector,
}

impl World {
    fn of(state: MemoryState) -> Self {
        let injector = state.injector.clone();
        let port = || FaultyPort { port: MemoryStore::default(), injector: injector.clone() };
        Self { backups: port(), trail: port(), state: Arc::new(state), injector: injector.clone() }
    }

    /// A state of three segments, a report and a database, a trail of two batches, and a configuration.
    fn usual() -> Self {
        use BackupKind::{Configuration, Evidence, Reports, State};

        let world = Self::of(MemoryState::with(&[
            (Evidence, "segments/aa/1.seg", b"first"),
            (Evidence, "segments/ab/2.seg", b"second"),
            (Evidence, "segments/ff/3.seg", &[7; 5_000]),
            (Reports, "reports/run.json", b"{}"),
            (State, "state.db", b"5"),
            (Configuration, "onlooker.toml", b"watch = []"),
        ]));
        for number in 0..2 {
            world
                .trail
                .create(&batch(number), format!("batch {number}").as_bytes(), "application/gzip")
                .unwrap();
        }
        world
    }

    /// The same backups, and another place to restore to.
    fn elsewhere(self, state: MemoryState) -> Self {
        let state = MemoryState { injector: self.injector.clone(), ..state };
        let trail = FaultyPort { port: MemoryStore::default(), injector: self.injector.clone() };
        Self { trail, state: Arc::new(state), ..self }
    }

    fn repository(&self) -> BackupRepository<'_> {
        BackupRepository { store: &self.backups, prefix: "backups/" }
    }

    fn create(&self, name: &BackupName) -> Result<BackupManifest, BackupError> {
        let contents =
            BackupContents { source: &*self.state, audit: Some(&self.trail), journal: &*self.state };
        let new = NewBackup { name, run_id: "run", tool_version: "1.2.3" };
        create(self.repository(), contents, new, &|_, _| ())
    }

    fn verify(&self, name: &BackupName) -> Result<BackupVerification, BackupError> {
        verify(self.repository(), name, &|_, _| ())
    }

    fn targets(&self) -> RestoreTargets<'_> {
        RestoreTargets { target: &*self.state, audit: &self.trail, journal: &*self.state }
    }

    fn plan(&self, name: &BackupName) -> Result<RestorePlan, BackupError> {
        plan_restore(self.repository(), name, self.targets(), &|_, _| ())
    }

    fn restore(&self, name: &BackupName) -> Result<(), BackupError> {
        let plan = self.plan(name)?;
        let record = RestoreRecord { name: name.clone(), destination: "backups".to_owned(), began_at: NOW };
        restore(self.repository(), &plan, self.targets(), &record, &|_, _| ())
    }

    /// Removes all but the newest complete backups, a day after `NOW`.
    fn prune(&self, keep: u32) -> Result<(), PortError> {
        let rotation =
            plan_pruning(self.repository(), NonZeroU32::new(keep).unwrap(), Time(NOW.0 + 2 * DAY))?;
        prune(self.repository(), &self.backups, &rotation)
    }

    fn statuses(&self) -> Vec<(BackupName, BackupStatus)> {
        list(self.repository()).unwrap().into_iter().map(|backup| (backup.name, backup.status)).collect()
    }

    /// Everything in the trail.
    fn trail_content(&self) -> Vec<(String, Vec<u8>)> {
        content_of(&self.trail.port)
    }
}

fn content_of(store: &dyn ObjectStore) -> Vec<(String, Vec<u8>)> {
    let objects = store.list("").unwrap();
    objects.into_iter().map(|object| (object.name.clone(), store.read(&object.name, None).unwrap())).collect()
}

fn batch(number: u64) -> String {
    format!("audit/dt=2026-11-21/01934f2e-7c1a-7000-8000-000000000001_{number:010}.jsonl.gz")
}

/// The name of a backup that began this many seconds after `NOW`.
fn name(seconds: u32) -> BackupName {
    BackupName::new(Time(NOW.0 + seconds), &format!("01934f2e-7c1a-7000-8000-{seconds:012x}"))
}
