//! Requests and bytes that evidence takes. Law: they depend on the number of segments, not of events.

use std::collections::BTreeMap;

use onlooker_core::{
    jobs::{
        evidence::EvidenceStore,
        ingest::{IngestMessage, ingest},
    },
    ports::ObjectStore,
};
use serde_json::Value;

use super::{
    environment::TestEnvironment,
    fixtures::{
        hour_after_start, log_file, log_name, message, minutes_after_start, promise_config, record, report,
    },
};

/// Requests by port and method for one hour of trail, an object each five minutes, in batches; and bytes of evidence.
fn cost(account_regions: u32, records: u32, batch: usize) -> (BTreeMap<&'static str, usize>, u64) {
    let environment = TestEnvironment::new(minutes_after_start(200));
    let regions = ["us-east-1", "eu-west-1", "us-west-2"];
    let mut messages: Vec<IngestMessage> = Vec::new();
    for five in 0..12 {
        for n in 0..account_regions {
            let account = format!("{:012}", n / 3);
            let region = regions[n as usize % 3];
            let id = |m: u32| ((five * account_regions + n) * records + m).wrapping_mul(2_654_435_761);
            let records: Vec<Value> = (0..records)
                .map(|m| record(id(m), &account, region, minutes_after_start(five * 5 + m % 5)))
                .collect();
            let name = log_name(&account, region, minutes_after_start(five * 5 + 5), &format!("{five}"));
            let object = environment.logs.port.deliver(&name, &log_file(&records));
            messages.push(message(&name, &[&object]));
        }
    }
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    for some in messages.chunks(batch) {
        assert_eq!(
            ingest(
                &environment.logs,
                &evidence_store,
                &promise_config(Some(hour_after_start(0))),
                &environment.clock,
                some,
                None
            )
            .unwrap()
            .failed,
            []
        );
    }
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for call in environment.injector.reset() {
        *count.entry(call.method).or_default() += 1;
    }
    let bytes = environment.store.list("evidence/").unwrap().iter().map(|object| object.size).sum();
    let actual = report(
        &evidence_store,
        &promise_config(Some(hour_after_start(0))),
        (hour_after_start(0), hour_after_start(1)),
        1,
    )
    .unwrap();
    assert_eq!(actual.result.totals.events, u64::from(12 * account_regions * records));
    (count, bytes)
}

#[test]
fn request_counts_depend_on_segments_not_events() {
    let (few, _) = cost(12, 4, 24);
    let (many, bytes) = cost(12, 40, 24);
    assert_eq!(few, many);
    let (larger, _) = cost(12, 4, 144);
    assert!(larger["put"] < few["put"] && larger["create"] < few["create"], "{larger:?} {few:?}");
    // 144 objects in 6 batches of 12 accounts and regions each. An object is read once. A batch writes a pack, a line
    // for each account, an item for each account and region and one that names its objects, and queries the missing
    // objects once. A process queries each account and region once.
    assert_eq!(many["fetch"], 144);
    assert_eq!(many["create"], 6 * (1 + 4));
    assert_eq!(many["put"], 6 * (12 + 1) + 12);
    assert_eq!(many["query"], 6 + 12);
    assert_eq!(many.len(), 4, "{many:?}");
    let events = 144 * 40;
    assert!(bytes / events < 40, "{} bytes an event", bytes / events);
}
