//! A test environment for jobs: every port, a clock that is moved by hand, and faults on demand.
//!
//! [`FaultInjector`] counts the calls to all ports of a [`TestEnvironment`] and makes the planned ones fail.
//! [`FaultPlan::Kill`] kills the function: the call has its effect or not, and every later call fails until
//! [`FaultInjector::reset`]. [`FaultPlan::Fail`] makes a service return an error: the job goes on.

use std::{
    collections::BTreeMap,
    io,
    ops::Range,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use onlooker_core::{
    operation::RiskLevel,
    ports::{
        Clock, CloudTrailApi, LatestReports, LogSource, LookupPage, LookupRequest, Notification,
        NotificationSink, ObjectRemover, ObjectStore, PortError, PortErrorKind, StoredObject, Table,
        TableContents, TableItem, WriteCondition,
    },
    time::Time,
};
use onlooker_local::{directory_store::DirectoryStore, sqlite_table::SqliteTable};

/// A call to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortCall {
    /// `table`, `store`, `logs`, `trail`, or the name of a notification sink.
    pub port: &'static str,
    /// Name of the method.
    pub method: &'static str,
    /// Its target: keys, the name of an object, a lookup.
    pub target: String,
}

/// Whether a call fails before or after its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultTiming {
    /// The call has no effect.
    Before,
    /// The call has its effect, and the caller gets an error.
    After,
}

/// Whether a call fails, by its number and the call.
pub type CallPredicate = Box<dyn Fn(usize, &PortCall) -> bool + Send>;

/// The planned faults.
pub enum FaultPlan {
    /// No call fails.
    NoFault,
    /// The job is killed at its call number `at`, counted from zero: this call and every later one fail.
    Kill { at: usize, timing: FaultTiming },
    /// Calls that match fail in this way; the others succeed.
    Fail { kind: PortErrorKind, timing: FaultTiming, matching: CallPredicate },
}

struct FaultState {
    plan: FaultPlan,
    is_killed: bool,
    calls: Vec<PortCall>,
}

/// Counts calls and makes the planned ones fail.
#[derive(Clone)]
pub struct FaultInjector(Arc<Mutex<FaultState>>);

impl Default for FaultInjector {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(FaultState {
            plan: FaultPlan::NoFault,
            is_killed: false,
            calls: Vec::new(),
        })))
    }
}

impl FaultInjector {
    /// Sets the planned faults, and counts calls from zero.
    pub fn plan(&self, plan: FaultPlan) {
        *self.state() = FaultState { plan, is_killed: false, calls: Vec::new() };
    }

    /// Removes the planned faults, and counts calls from zero. Returns the calls that were made.
    pub fn reset(&self) -> Vec<PortCall> {
        let record = std::mem::replace(
            &mut *self.state(),
            FaultState { plan: FaultPlan::NoFault, is_killed: false, calls: Vec::new() },
        );
        record.calls
    }

    /// Calls since the count began.
    pub fn calls(&self) -> Vec<PortCall> {
        self.state().calls.clone()
    }

    /// Whether the job was killed.
    pub fn is_killed(&self) -> bool {
        self.state().is_killed
    }

    fn state(&self) -> MutexGuard<'_, FaultState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work`, or fails as planned.
    pub fn call<T>(
        &self,
        (port, method): (&'static str, &'static str),
        about: String,
        work: impl FnOnce() -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let call = PortCall { port, method, target: about };
        let mut record = self.state();
        if record.is_killed {
            return Err(port_error(&call, PortErrorKind::Unavailable, "the job was killed"));
        }
        let number = record.calls.len();
        record.calls.push(call.clone());
        let fault = match &record.plan {
            FaultPlan::Kill { at, timing } if *at == number => {
                let timing = *timing;
                record.is_killed = true;
                Some((PortErrorKind::Unavailable, timing))
            }
            FaultPlan::Fail { kind, timing, matching: which } if which(number, &call) => {
                Some((*kind, *timing))
            }
            _ => None,
        };
        // The lock is held during `work`: calls of several threads run one after the other, so a kill has one point
        // in time.
        let Some((kind, timing)) = fault else { return work() };
        if timing == FaultTiming::After {
            drop(work());
        }
        Err(port_error(&call, kind, "injected fault"))
    }
}

fn port_error(call: &PortCall, kind: PortErrorKind, why: &str) -> PortError {
    PortError {
        operation: call.method,
        name: call.target.clone(),
        kind,
        cause: Box::new(io::Error::other(why.to_owned())),
    }
}

/// A port with calls that are counted and can fail.
pub struct FaultyPort<P> {
    pub port: P,
    pub injector: FaultInjector,
}

impl<P: Table> Table for FaultyPort<P> {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError> {
        let about = format!("{partition} {prefix}*");
        self.injector.call(("table", "query"), about, || self.port.query(partition, prefix))
    }

    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError> {
        let about = format!("{} {}", item.partition_key, item.sort_key);
        self.injector.call(("table", "put"), about, || self.port.put(item, expected))
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let about = format!("{partition} {sort}");
        self.injector.call(("table", "delete"), about, || self.port.delete(partition, sort))
    }
}

impl<P: ObjectStore> ObjectStore for FaultyPort<P> {
    fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError> {
        self.injector.call(("store", "create"), key.to_owned(), || self.port.create(key, bytes, media_type))
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        self.injector.call(("store", "read"), key.to_owned(), || self.port.read(key, part))
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        self.injector.call(("store", "list"), prefix.to_owned(), || self.port.list(prefix))
    }
}

impl<P: ObjectRemover> ObjectRemover for FaultyPort<P> {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        self.injector.call(("store", "remove"), key.to_owned(), || self.port.remove(key))
    }

    fn locked_days(&self) -> Result<Option<u32>, PortError> {
        self.injector.call(("store", "locked_days"), String::new(), || self.port.locked_days())
    }
}

impl<P: LatestReports> LatestReports for FaultyPort<P> {
    fn replace(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<(), PortError> {
        let about = key.to_owned();
        self.injector.call(("store", "replace"), about, || self.port.replace(key, bytes, media_type))
    }
}

impl<P: LogSource> LogSource for FaultyPort<P> {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        self.injector.call(("logs", "list"), String::new(), || self.port.list())
    }

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        self.injector.call(("logs", "fetch"), object.name.clone(), || self.port.fetch(object, most, bytes))
    }
}

impl<P: CloudTrailApi> CloudTrailApi for FaultyPort<P> {
    fn lookup_events(&self, lookup: LookupRequest<'_>) -> Result<LookupPage, PortError> {
        let about = format!("{lookup} {}", lookup.token.unwrap_or_default());
        self.injector.call(("trail", "lookup"), about, || self.port.lookup_events(lookup))
    }
}

impl NotificationSink for FaultyPort<RecordingSink> {
    fn name(&self) -> &str {
        self.port.name()
    }

    fn accepts(&self, severity: RiskLevel) -> bool {
        self.port.accepts(severity)
    }

    fn send(&self, notification: &Notification) -> Result<(), PortError> {
        let about = notification.id.clone();
        self.injector.call((self.port.name, "send"), about, || self.port.send(notification))
    }
}

/// A table that is a map.
#[derive(Default)]
pub struct MemoryTable(Mutex<BTreeMap<(String, String), TableItem>>);

impl MemoryTable {
    /// Everything in it, in order.
    pub fn items(&self) -> Vec<TableItem> {
        self.0.lock().unwrap().values().cloned().collect()
    }

    /// Puts these items in place of everything in it, each with its revision.
    pub fn restore(&self, items: Vec<TableItem>) {
        let key = |item: &TableItem| (item.partition_key.clone(), item.sort_key.clone());
        *self.0.lock().unwrap() = items.into_iter().map(|item| (key(&item), item)).collect();
    }
}

impl Table for MemoryTable {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError> {
        let items = self.0.lock().unwrap();
        let asked = |item: &&TableItem| item.partition_key == partition && item.sort_key.starts_with(prefix);
        Ok(items.values().filter(asked).cloned().collect())
    }

    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError> {
        let mut items = self.0.lock().unwrap();
        let key = (item.partition_key.clone(), item.sort_key.clone());
        let stored = items.get(&key).map_or(0, |item| item.revision);
        if expected == WriteCondition::Unchanged && stored != item.revision {
            return Ok(false);
        }
        items.insert(key, TableItem { revision: stored + 1, ..item.clone() });
        Ok(true)
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        self.0.lock().unwrap().remove(&(partition.to_owned(), sort.to_owned()));
        Ok(())
    }
}

impl TableContents for MemoryTable {
    fn visit(&self, visit: &mut dyn FnMut(Vec<TableItem>) -> Result<(), PortError>) -> Result<(), PortError> {
        // Several pages.
        self.items().chunks(7).try_for_each(|some| visit(some.to_vec()))
    }
}

impl<P: TableContents> TableContents for FaultyPort<P> {
    fn visit(&self, visit: &mut dyn FnMut(Vec<TableItem>) -> Result<(), PortError>) -> Result<(), PortError> {
        // The lock of the injector is not held while `visit` calls other ports.
        let mut pages = Vec::new();
        self.injector.call(("table", "scan"), String::new(), || {
            self.port.visit(&mut |some| {
                pages.push(some);
                Ok(())
            })
        })?;
        pages.into_iter().try_for_each(visit)
    }
}

/// A store that is a map.
#[derive(Default)]
pub struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryStore {
    /// Changes the object under a key, which no store allows; without bytes the object is removed.
    pub fn damage(&self, key: &str, bytes: Option<Vec<u8>>) {
        let mut objects = self.0.lock().unwrap();
        match bytes {
            Some(bytes) => objects.insert(key.to_owned(), bytes),
            None => objects.remove(key),
        };
    }
}

impl ObjectStore for MemoryStore {
    fn create(&self, key: &str, bytes: &[u8], _: &str) -> Result<bool, PortError> {
        let mut objects = self.0.lock().unwrap();
        let new = !objects.contains_key(key);
        objects.entry(key.to_owned()).or_insert_with(|| bytes.to_vec());
        Ok(new)
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        let objects = self.0.lock().unwrap();
        let Some(bytes) = objects.get(key) else {
            return Err(not_found("read", key));
        };
        let all = 0..bytes.len() as u64;
        let part = part.unwrap_or(all.clone());
        let at = |position: u64| usize::try_from(position.min(all.end)).unwrap();
        Ok(bytes[at(part.start)..at(part.end.max(part.start))].to_vec())
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        let objects = self.0.lock().unwrap();
        let named = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(named
            .map(|(key, bytes)| StoredObject {
                name: key.clone(),
                size: bytes.len() as u64,
                version: bytes.len().to_string(),
            })
            .collect())
    }
}

impl ObjectRemover for MemoryStore {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}

impl LatestReports for MemoryStore {
    fn replace(&self, key: &str, bytes: &[u8], _: &str) -> Result<(), PortError> {
        self.0.lock().unwrap().insert(key.to_owned(), bytes.to_vec());
        Ok(())
    }
}

fn not_found(operation: &'static str, name: &str) -> PortError {
    let cause = Box::new(io::Error::from(io::ErrorKind::NotFound));
    PortError { operation, name: name.to_owned(), kind: PortErrorKind::NotFound, cause }
}

/// The bucket of a trail: objects by name.
#[derive(Default)]
pub struct LogBucket(Mutex<BTreeMap<String, Vec<u8>>>);

impl LogBucket {
    /// Delivers an object, and returns it as it is listed.
    pub fn deliver(&self, name: &str, bytes: &[u8]) -> StoredObject {
        self.0.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        stored_object(name, bytes)
    }

    /// Removes an object.
    pub fn remove(&self, name: &str) {
        self.0.lock().unwrap().remove(name);
    }
}

fn stored_object(name: &str, bytes: &[u8]) -> StoredObject {
    let version = onlooker_core::record::Fingerprint::of("test", &[bytes]).to_string();
    StoredObject { name: name.to_owned(), size: bytes.len() as u64, version }
}

impl LogSource for LogBucket {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        Ok(self.0.lock().unwrap().iter().map(|(name, bytes)| stored_object(name, bytes)).collect())
    }

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        let logs = self.0.lock().unwrap();
        let stored = logs.get(&object.name).ok_or_else(|| not_found("read", &object.name))?;
        let etag = stored_object(&object.name, stored).version;
        let wanted = object.version.split('/').next().unwrap_or_default();
        if !wanted.is_empty() && wanted != etag {
            let cause = Box::new(io::Error::other("the object changed after it was listed"));
            let name = object.name.clone();
            return Err(PortError { operation: "read", name, kind: PortErrorKind::Other, cause });
        }
        bytes.clear();
        bytes.extend(stored.iter().take(usize::try_from(most).unwrap_or(usize::MAX)));
        Ok(etag)
    }
}

/// An event in CloudTrail's history.
#[derive(Clone, Debug)]
pub struct RecordedEvent {
    pub account: String,
    pub region: String,
    pub time: Time,
    /// The time from which lookups return it.
    pub visible_from: Time,
    pub record: String,
}

/// CloudTrail's event history: newest first, fifty a page; a token is valid for the lookup that returned it.
#[derive(Default)]
pub struct FakeEventHistory {
    pub events: Mutex<Vec<RecordedEvent>>,
    pub clock: FakeClock,
}

impl CloudTrailApi for FakeEventHistory {
    fn lookup_events(&self, lookup: LookupRequest<'_>) -> Result<LookupPage, PortError> {
        let now = self.clock.now();
        let events = self.events.lock().unwrap();
        let asked = |event: &&RecordedEvent| {
            (&*event.account, &*event.region) == (lookup.account, lookup.region)
                && (lookup.since..lookup.until).contains(&event.time)
                && event.visible_from <= now
        };
        let mut found: Vec<&RecordedEvent> = events.iter().filter(asked).collect();
        found.sort_by(|a, b| (b.time, &b.record).cmp(&(a.time, &a.record)));
        let from = match lookup.token {
            None => 0,
            Some(token) => {
                let position = token.strip_prefix(&format!("{lookup} ")).and_then(|text| text.parse().ok());
                position.ok_or_else(|| PortError {
                    operation: "look up",
                    name: lookup.to_string(),
                    kind: PortErrorKind::InvalidToken,
                    cause: Box::new(io::Error::other("InvalidNextTokenException")),
                })?
            }
        };
        let records = found.iter().skip(from).take(50).map(|event| event.record.clone()).collect();
        let next = (found.len() > from + 50).then(|| format!("{lookup} {}", from + 50));
        Ok(LookupPage { records, next_token: next })
    }
}

/// A sink that records its notifications.
pub struct RecordingSink {
    pub name: &'static str,
    /// The least severity that it wants.
    pub minimum_severity: RiskLevel,
    pub notifications: Mutex<Vec<Notification>>,
}

impl RecordingSink {
    pub fn new(name: &'static str) -> Self {
        Self { name, minimum_severity: RiskLevel::Low, notifications: Mutex::default() }
    }
}

impl NotificationSink for RecordingSink {
    fn name(&self) -> &str {
        self.name
    }

    fn accepts(&self, severity: RiskLevel) -> bool {
        severity >= self.minimum_severity
    }

    fn send(&self, notification: &Notification) -> Result<(), PortError> {
        self.notifications.lock().unwrap().push(notification.clone());
        Ok(())
    }
}

/// A clock that is moved by hand and by sleeping.
#[derive(Clone, Default)]
pub struct FakeClock {
    now: Arc<AtomicU32>,
    /// When the job has to stop; zero for never.
    end: Arc<AtomicU32>,
}

impl FakeClock {
    pub fn at(now: Time) -> Self {
        let clock = Self::default();
        clock.set(now);
        clock
    }

    pub fn set(&self, now: Time) {
        self.now.store(now.0, Ordering::SeqCst);
    }

    pub fn advance(&self, seconds: u32) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Gives the job this many seconds from now.
    pub fn set_remaining(&self, seconds: u32) {
        self.end.store(self.now().0 + seconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Time {
        Time(self.now.load(Ordering::SeqCst))
    }

    fn remaining(&self) -> Duration {
        match self.end.load(Ordering::SeqCst) {
            0 => Duration::from_secs(900),
            end => Duration::from_secs(u64::from(Time(end).since(self.now()))),
        }
    }

    fn sleep(&self, length: Duration) {
        let whole = length.as_secs() + u64::from(length.subsec_nanos() > 0);
        self.advance(u32::try_from(whole).unwrap());
    }
}

/// Every port, with one count of calls.
pub struct TestEnvironment<T = MemoryTable, S = MemoryStore> {
    pub injector: FaultInjector,
    pub table: FaultyPort<T>,
    pub store: FaultyPort<S>,
    pub logs: FaultyPort<LogBucket>,
    pub trail: FaultyPort<FakeEventHistory>,
    pub sns: FaultyPort<RecordingSink>,
    pub event_bus: FaultyPort<RecordingSink>,
    pub clock: FakeClock,
}

impl TestEnvironment {
    /// An environment in memory.
    pub fn new(now: Time) -> Self {
        Self::of(MemoryTable::default(), MemoryStore::default(), now)
    }
}

impl TestEnvironment<SqliteTable, DirectoryStore> {
    /// An environment with its state in a directory.
    pub fn on_disk(home: &Path, now: Time) -> Self {
        Self::of(
            SqliteTable::open(&home.join("table.db")).unwrap(),
            DirectoryStore::new(home.join("store")),
            now,
        )
    }
}

impl<T, S> TestEnvironment<T, S> {
    pub fn of(table: T, store: S, now: Time) -> Self {
        let (faults, clock) = (FaultInjector::default(), FakeClock::at(now));
        let history = FakeEventHistory { clock: clock.clone(), ..FakeEventHistory::default() };
        Self {
            table: FaultyPort { port: table, injector: faults.clone() },
            store: FaultyPort { port: store, injector: faults.clone() },
            logs: FaultyPort { port: LogBucket::default(), injector: faults.clone() },
            trail: FaultyPort { port: history, injector: faults.clone() },
            sns: FaultyPort { port: RecordingSink::new("sns"), injector: faults.clone() },
            event_bus: FaultyPort { port: RecordingSink::new("events"), injector: faults.clone() },
            injector: faults,
            clock,
        }
    }
}
