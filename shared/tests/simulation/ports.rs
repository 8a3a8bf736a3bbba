//! The ports of a process: each call waits for its turn and may have a fault.
//!
//! Enters: the calls of a job. Leaves: their effects on the world, or errors. Law: a call has its effect at one moment, between two
//! pauses of the process.

use std::{
    collections::BTreeSet,
    io,
    ops::Range,
    sync::{Arc, Mutex},
    time::Duration,
};

use onlooker_core::{
    ports::{
        Clock, CloudTrailApi, LatestReports, LogSource, LookupPage, LookupRequest, Notification,
        NotificationSink, ObjectRemover, ObjectStore, PortError, PortErrorKind, StoredObject, Table,
        TableContents, TableItem, WriteCondition,
    },
    time::Time,
};

use super::{
    baton::{Baton, Call, Go},
    observations::Known,
    world::{Deferred, NamedTable, World},
};

/// The ports of one process.
pub struct ProcessPorts {
    /// Name of the process.
    pub name: String,
    /// The world.
    pub world: Arc<World>,
    /// The table that the process knows.
    pub table: NamedTable,
    /// When the process must have ended, in milliseconds of the functions' clock.
    pub deadline: u64,
    /// What was acknowledged when the process started.
    pub known: Known,
    /// Events that the process looked up.
    pub looked_up: Mutex<BTreeSet<u32>>,
    /// Writes that a planted bug puts off.
    pub deferred: Mutex<Vec<Deferred>>,
    /// The turn of the process.
    pub baton: Baton,
}

fn port_error(call: &Call, kind: PortErrorKind) -> PortError {
    let cause = Box::new(io::Error::other("injected fault"));
    PortError { operation: call.method, name: call.target.clone(), kind, cause }
}

impl ProcessPorts {
    fn call<T>(
        &self,
        (port, method): (&'static str, &'static str),
        target: String,
        effect: impl FnOnce() -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        if !self.baton.is_main() {
            return effect();
        }
        let baton = &self.baton;
        let writes = matches!(method, "put" | "delete" | "create" | "replace" | "remove" | "send");
        let call = Call { port, method, target, writes };
        if std::thread::panicking() {
            return Err(port_error(&call, PortErrorKind::Unavailable));
        }
        let go = baton.turn(&call);
        let is_record = call.target.starts_with("NOTIFICATION#");
        if self.world.defect.defers_notifications() && !is_record && go != Go::KillBefore {
            self.world.catch_up(self);
        }
        match go {
            Go::Proceed => effect(),
            Go::Fail(kind) => Err(port_error(&call, kind)),
            Go::LoseAnswer => {
                drop(effect());
                Err(port_error(&call, PortErrorKind::Unavailable))
            }
            Go::KillBefore => baton.die(),
            Go::KillAfter => {
                drop(effect());
                baton.die()
            }
        }
    }
}

impl Table for ProcessPorts {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError> {
        let target = format!("{partition} {prefix}*");
        self.call(("table", "query"), target, || self.table.items.query(partition, prefix))
    }

    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError> {
        let target = format!("{} {}", item.partition_key, item.sort_key);
        self.call(("table", "put"), target, || self.world.put(self, item, expected))
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let target = format!("{partition} {sort}");
        self.call(("table", "delete"), target, || self.table.items.delete(partition, sort))
    }
}

impl TableContents for ProcessPorts {
    fn visit(&self, visit: &mut dyn FnMut(Vec<TableItem>) -> Result<(), PortError>) -> Result<(), PortError> {
        let items = self.call(("table", "scan"), String::new(), || Ok(self.table.items.items()))?;
        items.chunks(40).try_for_each(|some| visit(some.to_vec()))
    }
}

impl ObjectStore for ProcessPorts {
    fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError> {
        self.call(("store", "create"), key.to_owned(), || {
            if self.world.defect.defers_object(key) {
                self.deferred.lock().unwrap().push(Deferred::Object(key.to_owned(), bytes.to_vec()));
                return Ok(true);
            }
            self.world.store.create(key, bytes, media_type)
        })
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        // Several threads of a process share these reads, the main thread too, so which call it makes is up to the machine. None of
        // them is scheduled.
        if key.starts_with("audit/") {
            return self.world.store.read(key, part);
        }
        self.call(("store", "read"), key.to_owned(), || self.world.store.read(key, part))
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        self.call(("store", "list"), prefix.to_owned(), || self.world.store.list(prefix))
    }
}

impl ObjectRemover for ProcessPorts {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        self.call(("store", "remove"), key.to_owned(), || self.world.store.remove(key))
    }
}

impl LatestReports for ProcessPorts {
    fn replace(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<(), PortError> {
        let target = key.to_owned();
        self.call(("store", "replace"), target, || self.world.store.replace(key, bytes, media_type))
    }
}

impl LogSource for ProcessPorts {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        self.call(("logs", "list"), String::new(), || self.world.logs.list())
    }

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        self.call(("logs", "fetch"), object.name.clone(), || {
            let version = self.world.logs.fetch(object, most, bytes)?;
            self.world.seen.lock().unwrap().fetched.insert(object.name.clone());
            Ok(version)
        })
    }
}

impl CloudTrailApi for ProcessPorts {
    fn lookup_events(&self, lookup: LookupRequest<'_>) -> Result<LookupPage, PortError> {
        let target = format!("{lookup} {}", lookup.token.unwrap_or_default());
        self.call(("trail", "lookup"), target, || {
            let page = self.world.history.lookup_events(lookup)?;
            let numbers = page.records.iter().map(|record| self.world.workload.number_of(record));
            let numbers: BTreeSet<u32> = numbers.collect();
            let mut seen = self.world.seen.lock().unwrap();
            seen.looked_up.extend(&numbers);
            seen.looked_up_spans.insert((lookup.since, lookup.until));
            self.looked_up.lock().unwrap().extend(numbers);
            Ok(page)
        })
    }
}

impl Clock for ProcessPorts {
    fn now(&self) -> Time {
        self.world.function_time()
    }

    fn remaining(&self) -> Duration {
        Duration::from_millis(self.deadline.saturating_sub(self.world.function_milliseconds()))
    }

    fn sleep(&self, length: Duration) {
        if self.baton.is_main() && !std::thread::panicking() {
            self.baton.sleep(length);
        }
    }
}

/// A sink of a process.
pub struct SinkPort<'p> {
    /// The ports of the process.
    pub ports: &'p ProcessPorts,
    /// Index of the sink.
    pub index: usize,
}

impl NotificationSink for SinkPort<'_> {
    fn name(&self) -> &str {
        self.ports.world.sinks[self.index].name
    }

    fn send(&self, notification: &Notification) -> Result<(), PortError> {
        let ports = self.ports;
        let name = ports.world.sinks[self.index].name;
        ports.call((name, "send"), notification.id.clone(), || {
            if ports.world.defect.defers_notifications() {
                let deferred = Deferred::Notification(self.index, notification.clone());
                ports.deferred.lock().unwrap().push(deferred);
                return Ok(());
            }
            ports.world.seen.lock().unwrap().of_notification(&ports.world, ports, self.index, notification);
            ports.world.sinks[self.index].send(notification)
        })
    }
}
