//! What all processes share: the table, the object store, the log files, the event history, the sinks and the clock.
//!
//! Enters: the effects of calls, one at a time. Leaves: the changed world, and what [`Observations`] saw. Law: the functions' clock
//! is the true time and a step, and everything that is not a function goes by the true time.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use onlooker_core::{
    ports::{
        NotificationSink as _, ObjectStore as _, PortError, Table as _, TableItem, TableOrigin,
        WriteCondition,
    },
    time::Time,
};

use super::{
    environment::{FakeClock, FakeEventHistory, LogBucket, MemoryStore, MemoryTable, RecordingSink},
    observations::Observations,
    planted::{Defect, DefectState},
    ports::ProcessPorts,
    workload::Workload,
};

/// The names of the sinks.
pub const SINKS: [&str; 2] = ["sns", "events"];

/// The table, and what tells it from a copy of it.
#[derive(Clone)]
pub struct NamedTable {
    /// Its items.
    pub items: Arc<MemoryTable>,
    /// Its id.
    pub id: String,
    /// The time of the copy, if it is one.
    pub restored_to: Option<Time>,
}

impl NamedTable {
    /// What the service of the table says of it.
    pub fn origin(&self) -> TableOrigin {
        TableOrigin { id: self.id.clone(), restored_to: self.restored_to }
    }
}

/// One world.
pub struct World {
    /// Milliseconds since 1970.
    clock: AtomicU64,
    /// Seconds that the clock of the functions is ahead.
    step: AtomicI64,
    table: Mutex<NamedTable>,
    /// A copy of the table.
    copy: Mutex<Option<(Time, Vec<TableItem>)>>,
    /// The object store.
    pub store: MemoryStore,
    /// The bucket of the trail.
    pub logs: LogBucket,
    /// The event history.
    pub history: FakeEventHistory,
    /// The sinks.
    pub sinks: [RecordingSink; 2],
    /// What happens in the world besides the functions.
    pub workload: Workload,
    /// What was seen.
    pub seen: Mutex<Observations>,
    /// The planted bug, if there is one.
    pub defect: DefectState,
}

impl World {
    /// A world before anything happened.
    pub fn new(workload: Workload, defect: Option<Defect>) -> Self {
        let history = FakeEventHistory::default();
        *history.events.lock().unwrap() = workload.history();
        let world = Self {
            clock: AtomicU64::new(0),
            step: AtomicI64::new(0),
            table: Mutex::new(NamedTable {
                items: Arc::default(),
                id: "table-0".to_owned(),
                restored_to: None,
            }),
            copy: Mutex::default(),
            store: MemoryStore::default(),
            logs: LogBucket::default(),
            history,
            sinks: SINKS.map(RecordingSink::new),
            workload,
            seen: Mutex::default(),
            defect: DefectState::new(defect),
        };
        world.set_time(world.workload.begin_ms());
        world
    }

    /// The true time in milliseconds.
    pub fn milliseconds(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// The true time.
    pub fn true_time(&self) -> Time {
        Time(u32::try_from(self.milliseconds() / 1_000).unwrap())
    }

    /// Moves the true time.
    pub fn set_time(&self, milliseconds: u64) {
        self.clock.store(milliseconds, Ordering::SeqCst);
        FakeClock::set(&self.history.clock, self.true_time());
    }

    /// The clock of the functions, in milliseconds.
    pub fn function_milliseconds(&self) -> u64 {
        self.milliseconds().saturating_add_signed(self.step.load(Ordering::SeqCst) * 1_000)
    }

    /// The clock of the functions.
    pub fn function_time(&self) -> Time {
        Time(u32::try_from(self.function_milliseconds() / 1_000).unwrap())
    }

    /// Sets how many seconds the clock of the functions is ahead.
    pub fn step_clock(&self, seconds: i64) {
        self.step.store(seconds, Ordering::SeqCst);
    }

    /// The table of a process that starts now.
    pub fn table(&self) -> NamedTable {
        self.table.lock().unwrap().clone()
    }

    /// Copies the table.
    pub fn copy_table(&self) {
        *self.copy.lock().unwrap() = Some((self.true_time(), self.table().items.items()));
    }

    /// Puts the copy in place of the table, for processes that start later. The others go on with the table that they know.
    pub fn restore_table(&self) {
        let Some((copied_at, copied)) = self.copy.lock().unwrap().take() else { return };
        let items = MemoryTable::default();
        items.restore(copied);
        let mut table = self.table.lock().unwrap();
        let id = format!("{}-restored", table.id);
        *table = NamedTable { items: Arc::new(items), id, restored_to: Some(copied_at) };
        self.seen.lock().unwrap().is_restored = true;
    }

    /// Writes an item for a process.
    pub fn put(
        &self,
        process: &ProcessPorts,
        item: &TableItem,
        expected: WriteCondition,
    ) -> Result<bool, PortError> {
        if self.defect.drops(item) {
            return Ok(true);
        }
        if self.defect.defers_item(item) {
            process.deferred.lock().unwrap().push(Deferred::Item(item.clone()));
            return Ok(true);
        }
        let before = self.item(process, &item.partition_key, &item.sort_key);
        let is_written = process.table.items.put(item, expected)?;
        if is_written {
            self.seen.lock().unwrap().of_item(self, process, item, before.as_ref());
            if self.defect.is_awaited(item) {
                self.catch_up(process);
            }
        }
        Ok(is_written)
    }

    /// Does what a planted bug put off.
    pub fn catch_up(&self, process: &ProcessPorts) {
        for deferred in std::mem::take(&mut *process.deferred.lock().unwrap()) {
            match deferred {
                Deferred::Item(item) => drop(process.table.items.put(&item, WriteCondition::Always)),
                Deferred::Object(key, bytes) => drop(self.store.create(&key, &bytes, "")),
                Deferred::Notification(sink, notification) => {
                    self.seen.lock().unwrap().of_notification(self, process, sink, &notification);
                    drop(self.sinks[sink].send(&notification));
                }
            }
        }
    }

    /// An item of the table of a process.
    pub fn item(&self, process: &ProcessPorts, partition: &str, sort: &str) -> Option<TableItem> {
        let found = process.table.items.query(partition, sort).unwrap();
        found.into_iter().find(|item| item.sort_key == sort)
    }
}

/// A write that a planted bug puts off.
pub enum Deferred {
    /// Of an item.
    Item(TableItem),
    /// Of an object.
    Object(String, Vec<u8>),
    /// A notification through a sink.
    Notification(usize, onlooker_core::ports::Notification),
}
