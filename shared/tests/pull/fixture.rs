//! The pull job with its ports, and the evidence, checkpoint and lease it stored.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use onlooker_core::{
    config::Config,
    event::EventId,
    evidence_summary::EvidenceSummary,
    jobs::{
        evidence::{EvidenceStore, collect},
        history::AccountRegion,
        pull::{Checkpoint, PullOutcome, PullPorts, PullTask, pull},
    },
    ports::{Clock, CloudTrailApi, ObjectStore, Table, TableItem},
    report::UnreadablePosition,
    segment::Segment,
    time::Time,
};
use serde_json::Value;

use super::{
    environment::{FaultInjector, FaultyPort, MemoryStore, MemoryTable},
    fake_cloudtrail::{DelayedEvent, FakeCloudTrail, MillisecondClock, event_id},
};

/// A time in the first minutes of an hour.
pub const START: Time = Time(1_800_000_000);

const DAY: u32 = 86_400;

pub const HERE: (&str, &str) = ("111122223333", "eu-west-1");

pub struct PullFixture {
    pub fault_injector: FaultInjector,
    pub clock: MillisecondClock,
    pub trail: FaultyPort<FakeCloudTrail>,
    pub table: FaultyPort<MemoryTable>,
    pub store: FaultyPort<MemoryStore>,
    pub config: Config,
    pub account_regions: Vec<AccountRegion>,
    pub run_count: Mutex<u32>,
    pub threads: usize,
    /// Requests to CloudTrail bypass the fault injector, so that one may be interrupted.
    pub without_lookup_faults: bool,
}

impl PullFixture {
    pub fn new() -> Self {
        let (faults, clock) = (FaultInjector::default(), MillisecondClock::default());
        clock.set(START);
        let mut config = Config::default();
        config.lookup.lookback_hours = 2;
        Self {
            trail: FaultyPort { port: FakeCloudTrail::new(clock.clone()), injector: faults.clone() },
            table: FaultyPort { port: MemoryTable::default(), injector: faults.clone() },
            store: FaultyPort { port: MemoryStore::default(), injector: faults.clone() },
            fault_injector: faults,
            clock,
            config,
            account_regions: vec![AccountRegion::new(HERE.0, HERE.1)],
            run_count: Mutex::default(),
            threads: 1,
            without_lookup_faults: false,
        }
    }

    /// Adds an event of the only account and region.
    pub fn add_event(&self, number: u32, time: Time, delay: u32) {
        self.trail.port.add_event(HERE, DelayedEvent::at(number, time, delay, HERE, "Auditor"));
    }

    pub fn lag(&self) -> u32 {
        self.config.lookup.lag_minutes * 60
    }

    /// Runs the job with this many seconds, under a new run id.
    pub fn run(&self, seconds: u64) -> Vec<PullOutcome> {
        self.clock.set_remaining(Duration::from_secs(seconds));
        let run = {
            let mut runs = self.run_count.lock().unwrap();
            *runs += 1;
            format!("run-{runs}")
        };
        self.run_as(&run)
    }

    pub fn run_as(&self, run: &str) -> Vec<PullOutcome> {
        // A new process has an empty cache.
        let evidence_store = EvidenceStore::new(&self.table, &self.store);
        let trail: &dyn CloudTrailApi =
            if self.without_lookup_faults { &self.trail.port } else { &self.trail };
        let ports = PullPorts { cloudtrail: trail, clock: &self.clock, evidence: &evidence_store };
        let task = PullTask {
            config: &self.config,
            account_regions: &self.account_regions,
            run_id: run,
            threads: self.threads,
            audit: None,
        };
        pull(ports, task)
    }

    /// Runs the job repeatedly, `apart` seconds apart, until everything before `until` is complete in the only
    /// account and region. Returns the sum of the runs, with the other fields of the last one.
    pub fn run_until_caught_up(&self, until: Time, seconds: u64, apart: u64) -> PullOutcome {
        let mut sum = PullOutcome::default();
        for _ in 0..400 {
            let pulled = self.run(seconds).remove(0);
            assert_eq!(pulled.error, None);
            sum = PullOutcome {
                slices: sum.slices + pulled.slices,
                pages: sum.pages + pulled.pages,
                events: sum.events + pulled.events,
                unreadable: sum.unreadable + pulled.unreadable,
                dropped: sum.dropped + pulled.dropped,
                throttled: sum.throttled + pulled.throttled,
                restarts: sum.restarts + pulled.restarts,
                splits: sum.splits + pulled.splits,
                second_lookups: sum.second_lookups + pulled.second_lookups,
                second_lookups_changed: sum.second_lookups_changed + pulled.second_lookups_changed,
                ..pulled
            };
            if sum.complete_until.is_some_and(|closed| closed >= until) {
                return sum;
            }
            self.clock.advance(Duration::from_secs(apart));
        }
        panic!("never caught up: {sum:?}");
    }

    /// Items of the index: the parts of shards, or the unsharded parts.
    fn parts(&self, kind: &str) -> Vec<TableItem> {
        let table = &self.table.port;
        let first = self.checkpoint().map_or(0, |checkpoint| checkpoint.since.0 / DAY - 1);
        let days = (first..=self.now().0 / DAY + 1)
            .map(|day| Time(day * DAY).to_string().chars().take(10).collect::<String>());
        let partitions: Vec<String> = match kind {
            "SHARD" => {
                let account_regions = table.query("ACCOUNT_REGIONS", "").unwrap();
                days.flat_map(|day| {
                    let name = move |item: &TableItem| format!("SHARD#{}#{day}", item.sort_key);
                    account_regions.iter().map(name).collect::<Vec<_>>()
                })
                .collect()
            }
            kind => days.map(|day| format!("{kind}#{day}")).collect(),
        };
        partitions.iter().flat_map(|partition| table.query(partition, "").unwrap()).collect()
    }

    /// All stored evidence, merged.
    pub fn evidence(&self) -> Segment {
        let read = |item: &TableItem| {
            let number = |name: &str| item.body[name].as_u64().unwrap();
            let part = number("offset")..number("offset") + number("length");
            let bytes = match item.body["segment"].as_str() {
                // An empty slice is in its item.
                Some(digits) => digits
                    .as_bytes()
                    .chunks(2)
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                    .collect(),
                None => self.store.port.read(item.body["key"].as_str().unwrap(), Some(part)).unwrap(),
            };
            Segment::from_bytes(&bytes).unwrap()
        };
        Segment::merge_all(self.parts("SHARD").iter().chain(&self.parts("UNSHARDED")).map(read))
    }

    /// Positions of unreadable evidence.
    pub fn positions(&self) -> Vec<UnreadablePosition> {
        let read = |item: &TableItem| -> Vec<UnreadablePosition> {
            serde_json::from_value(item.body["unsharded"]["positions"].clone()).unwrap()
        };
        self.parts("UNSHARDED").iter().flat_map(read).collect()
    }

    /// The evidence summary for a report on this period.
    pub fn evidence_summary(&self, since: Time, until: Time) -> EvidenceSummary {
        let evidence_store = EvidenceStore::new(&self.table.port, &self.store.port);
        collect(&evidence_store, &self.config, (since, until), 1).unwrap().summary
    }

    /// Ids of the stored events.
    pub fn events(&self) -> BTreeSet<EventId> {
        let evidence = self.evidence();
        let ids: BTreeSet<EventId> = evidence.rows().iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), evidence.rows().len(), "an event is stored twice");
        assert!(evidence.conflicts().is_empty());
        ids
    }

    pub fn checkpoint(&self) -> Option<Checkpoint> {
        Checkpoint::load(&self.table.port, &self.account_regions[0]).unwrap()
    }

    /// The law of the checkpoint: stored evidence covers everything before it.
    pub fn assert_checkpoint_is_covered_by_evidence(&self) {
        let Some(checkpoint) = self.checkpoint() else { return };
        let mut windows: Vec<(Time, Time)> =
            self.evidence().digest_windows().iter().map(|window| (window.start, window.end)).collect();
        windows.sort_unstable();
        let mut at = checkpoint.since;
        for (start, end) in windows {
            if start <= at {
                at = at.max(end);
            }
        }
        assert!(
            at >= checkpoint.complete_until,
            "complete until {}, but covered until {at}",
            checkpoint.complete_until
        );
    }

    /// Items of the only account and region.
    pub fn items(&self, prefix: &str) -> Vec<TableItem> {
        self.table.port.query(&format!("ACCOUNT_REGION#{}#{}", HERE.0, HERE.1), prefix).unwrap()
    }

    pub fn lease(&self) -> Option<Value> {
        self.items("LEASE").pop().map(|item| item.body)
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }
}

pub fn event_ids(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<EventId> {
    numbers.into_iter().map(event_id).collect()
}
