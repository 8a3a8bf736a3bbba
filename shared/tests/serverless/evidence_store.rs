//! Stored evidence. Law: its report equals the report on the same evidence never split, for any batches, repetition
//! and compaction.

use std::sync::atomic::{AtomicUsize, Ordering};

use onlooker_core::{
    evidence_summary::ReportScope,
    jobs::{
        evidence::{
            EvidenceBatch, EvidenceSource, EvidenceStore, collect, compact, source_hash, store_batch,
        },
        gather::read_object,
        history,
    },
    ports::{ObjectStore, PortError, ProcessedObject, StoredObject, Table, TableItem, WriteCondition},
    record::{DigestWindow, ReadLimits},
    segment::{Segment, SegmentBuilder},
    time::{Hour, Time},
};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    environment::{MemoryStore, MemoryTable, TestEnvironment},
    fixtures::{
        ACCOUNTS, REGIONS, START, digest, expected_report, hour_after_start, minutes_after_start,
        promise_config, record, report, report_on, segment, slice_batch,
    },
};

/// An event by number: its time, account and region follow from the number.
fn event(id: u32) -> Value {
    let (account, region) = (ACCOUNTS[id as usize % 2], REGIONS[id as usize / 2 % 2]);
    record(id, account, region, minutes_after_start(id * 7 % 360))
}

/// A batch of one object with these events, and optionally a piece that cannot be read.
fn batch(source: EvidenceSource, ids: &[u32], bad: Option<u8>) -> (EvidenceBatch, Segment) {
    let mut records: Vec<Value> = ids.iter().map(|id| event(*id)).collect();
    records.extend(bad.map(|bad| json!({ "eventID": bad })));
    let text = json!({ "Records": records }).to_string();
    let gathered = read_object("o", text.as_bytes(), ReadLimits::default());
    let version = format!("{ids:?}{bad:?}");
    let object = StoredObject { name: "o".to_owned(), size: text.len() as u64, version };
    let mut batch = EvidenceBatch::new(source, source_hash(source, [&object]));
    let read = ProcessedObject {
        object,
        sha256: "00".to_owned(),
        content: None,
        records: records.len() as u64,
        unreadable: Vec::new(),
    };
    batch.add(gathered.segment.clone(), hour_after_start(2), read);
    (batch, gathered.segment)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn evidence_is_the_same_for_any_batches_repetition_and_compaction(
        batches in prop::collection::vec(
            (prop::collection::vec(0..60_u32, 0..12), prop::option::weighted(0.2, 0..4_u8), 1..3_usize), 1..14
        ),
        threads in select(vec![1, 4]),
        compact_after in 0..14_usize,
    ) {
        let config = promise_config(Some(hour_after_start(0)));
        let (table, store) = (MemoryTable::default(), MemoryStore::default());
        let evidence_store = EvidenceStore::new(&table, &store);
        let mut all = Segment::default();
        for (n, (ids, bad, times)) in batches.iter().enumerate() {
            for _ in 0..*times {
                let (batch, segment) = batch(EvidenceSource::S3, ids, *bad);
                all = all.merge(segment);
                store_batch(&evidence_store, batch).unwrap();
            }
            if n == compact_after {
                compact(&evidence_store, (START, minutes_after_start(360)), minutes_after_start(10_000)).unwrap();
            }
        }
        let hours = (hour_after_start(1), hour_after_start(5));
        let expected = expected_report(all, &config, hours);
        let first = report(&evidence_store, &config, hours, threads).unwrap();
        prop_assert_eq!(&first.result, &expected.result);
        prop_assert_eq!(&first.id, &expected.id);
        // Again, from the cache and with another number of threads.
        prop_assert_eq!(&report(&evidence_store, &config, hours, 5 - threads).unwrap(), &first);
        compact(&evidence_store, (START, minutes_after_start(360)), minutes_after_start(10_000)).unwrap();
        prop_assert_eq!(report(&evidence_store, &config, hours, threads).unwrap().result, expected.result);
    }

    /// The event history counts before the cut-over and the trail from it on, whatever the other source has.
    #[test]
    fn each_hour_counts_one_evidence_source(
        looked_up in prop::collection::btree_set(0..120_u32, 0..60),
        delivered in prop::collection::btree_set(0..120_u32, 0..60),
        cut in prop::option::of(0..7_u32),
        closed in prop::collection::vec(any::<bool>(), 24),
    ) {
        let config = promise_config(cut.map(hour_after_start));
        let (table, store) = (MemoryTable::default(), MemoryStore::default());
        let evidence_store = EvidenceStore::new(&table, &store);
        let before = |time: Time| cut.is_none_or(|cut| time.hour() < hour_after_start(cut));
        let time = |id: &u32| minutes_after_start(id * 7 % 360);
        let mut builder = SegmentBuilder::default();
        let mut unfinished = std::collections::BTreeSet::new();
        for (n, closed) in closed.iter().enumerate() {
            let (account, region) = (ACCOUNTS[n % 2], REGIONS[n / 2 % 2]);
            let of = hour_after_start(u32::try_from(n / 4).unwrap());
            let inside = |id: &&u32| time(id).hour() == of && **id as usize % 4 == n % 4;
            let records: Vec<Value> = looked_up.iter().filter(inside).map(|id| event(*id)).collect();
            // A slice that is complete to the end of its hour, or not.
            let until = if *closed { of.end() } else { Time(of.end().0 - 60) };
            store_batch(&evidence_store, slice_batch(account, region, (of.start(), until), &records)).unwrap();
            if before(of.start()) {
                builder = SegmentBuilder::from(builder.finish().merge(segment(&records)));
                let (account, region) = (account.into(), region.into());
                if !*closed && !records.is_empty() {
                    unfinished.insert(onlooker_core::segment::Shard { account, region, hour: of });
                } else {
                    builder.push_digest_window(DigestWindow { account, region, start: of.start(), end: until, log_files: [].into() });
                }
            }
        }
        let trail: Vec<u32> = delivered.iter().copied().collect();
        for some in trail.chunks(9) {
            store_batch(&evidence_store, batch(EvidenceSource::S3, some, None).0).unwrap();
        }
        let counted: Vec<Value> = trail.iter().filter(|id| !before(time(id))).map(|id| event(*id)).collect();
        let all = builder.finish().merge(segment(&counted));
        let hours = (hour_after_start(0), hour_after_start(6));
        let collected = collect(&evidence_store, &config, (hours.0.start(), hours.1.start()), 2).unwrap();
        let scope = ReportScope { incomplete_hours: unfinished, ..ReportScope::between(Some(START), Some(minutes_after_start(360))) };
        prop_assert_eq!(&collected.summary.incomplete_hours, &scope.incomplete_hours);
        prop_assert_eq!(&collected.summary.tally, &onlooker_core::evidence_summary::EvidenceSummary::from_segment(all.clone(), scope.clone()).tally);
        prop_assert_eq!(&collected.summary.digest_hours, &onlooker_core::evidence_summary::EvidenceSummary::from_segment(all, scope).digest_hours);
    }
}

#[test]
fn a_digest_covers_its_hour_and_lists_missing_files() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(300));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let (account, region) = (ACCOUNTS[0], REGIONS[0]);
    let mut all = Segment::default();
    // Windows begin at five past, and the digest of a day's last hour is delivered on the next day.
    for (n, end) in [65, 125, 185].into_iter().enumerate() {
        let logs = if n == 1 { vec![(minutes_after_start(70), minutes_after_start(80))] } else { Vec::new() };
        let (name, bytes) = digest(account, region, minutes_after_start(end), &logs);
        let gathered = read_object(&name, &bytes, ReadLimits::default());
        let object = StoredObject { name, size: bytes.len() as u64, version: String::new() };
        let mut batch = EvidenceBatch::new(EvidenceSource::S3, source_hash(EvidenceSource::S3, [&object]));
        let read = ProcessedObject {
            object,
            sha256: String::new(),
            content: None,
            records: 0,
            unreadable: Vec::new(),
        };
        batch.add(gathered.segment.clone(), minutes_after_start(end).hour(), read);
        store_batch(&evidence_store, batch).unwrap();
        all = all.merge(gathered.segment);
    }
    let hours = (hour_after_start(1), hour_after_start(3));
    let actual = report(&evidence_store, &config, hours, 1).unwrap();
    assert_eq!(actual.result, expected_report(all, &config, hours).result);
    let collected = collect(&evidence_store, &config, (hours.0.start(), hours.1.start()), 1).unwrap();
    let covered: Vec<Hour> = collected.summary.digest_hours.iter().map(|shard| shard.hour).collect();
    assert_eq!(covered, [hour_after_start(1), hour_after_start(2)]);
    assert_eq!(collected.summary.evidence_quality.missing_log_files.len(), 1);
}

#[test]
fn damaged_or_missing_evidence_is_an_error_with_its_key() {
    let config = promise_config(Some(hour_after_start(0)));
    for gone in [false, true] {
        let environment = TestEnvironment::new(minutes_after_start(300));
        let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
        let kept = store_batch(&evidence_store, batch(EvidenceSource::S3, &[1, 2, 3], None).0).unwrap();
        let mut bytes = environment.store.read(&kept.key, None).unwrap();
        bytes[100] ^= 1;
        environment.store.port.damage(&kept.key, (!gone).then_some(bytes));
        let error = report(&evidence_store, &config, (hour_after_start(0), hour_after_start(6)), 1)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&kept.key) && error.contains(if gone { "does not exist" } else { "SHA-256" }),
            "{error}"
        );
        // Storing it again restores a missing pack; a damaged pack stays an error beside the new one.
        store_batch(&evidence_store, batch(EvidenceSource::S3, &[1, 2, 3], None).0).unwrap();
        assert_eq!(
            report(&evidence_store, &config, (hour_after_start(0), hour_after_start(6)), 1).is_ok(),
            gone
        );
    }
}

#[test]
fn a_damaged_extract_is_rebuilt() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(300));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    store_batch(&evidence_store, batch(EvidenceSource::S3, &[1, 2, 3], None).0).unwrap();
    let first = report(&evidence_store, &config, (hour_after_start(0), hour_after_start(6)), 1).unwrap();
    let extracts = environment.store.list("cache/extract/").unwrap();
    assert_eq!(extracts.len(), 3);
    environment.store.port.damage(&extracts[0].name, Some(b"junk".to_vec()));
    let other = environment.store.read(&extracts[1].name, None).unwrap();
    environment.store.port.damage(&extracts[2].name, Some(other));
    assert_eq!(
        report(&evidence_store, &config, (hour_after_start(0), hour_after_start(6)), 1).unwrap(),
        first
    );
}

#[test]
fn more_events_at_the_second_lookup_add_a_part() {
    let config = promise_config(None);
    let environment = TestEnvironment::new(minutes_after_start(300));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let (account, region, window) = (ACCOUNTS[0], REGIONS[0], (START, minutes_after_start(60)));
    let records: Vec<Value> =
        (0..5).map(|id| record(id * 4, account, region, minutes_after_start(id))).collect();
    store_batch(&evidence_store, slice_batch(account, region, window, &records[..3])).unwrap();
    store_batch(&evidence_store, slice_batch(account, region, window, &records[2..])).unwrap();
    let collected = collect(&evidence_store, &config, (START, minutes_after_start(60)), 1).unwrap();
    assert_eq!(collected.summary.tally.events(), 5);
    assert_eq!(environment.store.list("evidence/").unwrap().len(), 2);
}

/// Most slices of a quiet account are empty.
#[test]
fn an_empty_slice_covers_its_time_without_a_pack_before_and_after_compaction() {
    let mut config = promise_config(None);
    config.coverage.event_classes = vec!["management-read".to_owned()];
    let environment = TestEnvironment::new(minutes_after_start(1_000));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let of_twelve = |n: u32| (minutes_after_start(n * 5), minutes_after_start(n * 5 + 5));
    for _ in 0..2 {
        for n in 0..36 {
            let records =
                if n == 3 { vec![record(0, ACCOUNTS[0], REGIONS[0], of_twelve(n).0)] } else { Vec::new() };
            let stored =
                store_batch(&evidence_store, slice_batch(ACCOUNTS[0], REGIONS[0], of_twelve(n), &records))
                    .unwrap();
            assert_eq!((stored.key.is_empty(), stored.rows), (n != 3, u64::from(n == 3)));
        }
    }
    assert_eq!(environment.store.list("evidence/").unwrap().len(), 1, "one slice has an event");
    let hours = (hour_after_start(0), hour_after_start(3));
    let pulled = [history::AccountRegion::new(ACCOUNTS[0], REGIONS[0])];
    let before = report_on(&evidence_store, &config, hours, &pulled, 1).unwrap();
    assert_eq!((before.result.coverage.missing_hours(), before.run.input_files.len()), (0, 1));
    assert_eq!(before.result.status().unwrap().as_str(), "COMPLIANT");
    let compacted =
        compact(&evidence_store, (hours.0.start(), hours.1.start()), minutes_after_start(1_000)).unwrap();
    assert_eq!((compacted.parts_created, compacted.parts_merged), (3, 36));
    assert_eq!(report_on(&evidence_store, &config, hours, &pulled, 1).unwrap().result, before.result);
}

#[test]
fn a_damaged_empty_slice_is_an_error_that_names_it() {
    let environment = TestEnvironment::new(minutes_after_start(1_000));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let time = (minutes_after_start(0), minutes_after_start(5));
    store_batch(&evidence_store, slice_batch(ACCOUNTS[0], REGIONS[0], time, &[])).unwrap();
    let mut item = environment.table.query("UNSHARDED#2026-10-06", "").unwrap().remove(0);
    for damage in ["zz", "00", "0", "é"] {
        item.body["segment"] = Value::from(damage);
        environment.table.put(&item, WriteCondition::Always).unwrap();
        let error = collect(&evidence_store, &promise_config(None), time, 1).unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
}

/// IAM and STS events are in us-east-1, which the configuration does not list and no run has pulled.
#[test]
fn a_region_never_pulled_is_missing_where_the_event_history_counts() {
    let (account, [global, named]) = (ACCOUNTS[0], REGIONS);
    let mut config = promise_config(None);
    config.coverage = onlooker_core::config::ExpectedCoverage {
        regions: vec![named.to_owned()],
        event_classes: vec!["management-read".to_owned()],
        ..Default::default()
    };
    let account_regions = history::AccountRegion::configured(&config, account, named);
    assert_eq!(account_regions.len(), 2);
    let environment = TestEnvironment::new(minutes_after_start(300));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let pull = |region: &str, of: u32| {
        let records: Vec<Value> = match region == named {
            true => vec![record(of * 14, account, region, hour_after_start(of).start())],
            false => Vec::new(),
        };
        store_batch(
            &evidence_store,
            slice_batch(
                account,
                region,
                (hour_after_start(of).start(), hour_after_start(of).end()),
                &records,
            ),
        )
        .unwrap();
    };
    let status_and_missing_hours = || {
        let report = report_on(
            &evidence_store,
            &config,
            (hour_after_start(0), hour_after_start(3)),
            &account_regions,
            1,
        )
        .unwrap();
        let coverage = &report.result.coverage;
        (report.result.status().unwrap().as_str(), coverage.missing_hours())
    };
    (0..3).for_each(|of| pull(named, of));
    assert_eq!(status_and_missing_hours(), ("INSUFFICIENT_EVIDENCE", 3));
    (0..2).for_each(|of| pull(global, of));
    assert_eq!(status_and_missing_hours(), ("INSUFFICIENT_EVIDENCE", 1));
    pull(global, 2);
    assert_eq!(status_and_missing_hours(), ("COMPLIANT", 0));
    // Hours in which the trail counts do not have to be pulled.
    config.delivery.authoritative_from = Some(hour_after_start(0).start());
    let collected = collect(&evidence_store, &config, (START, minutes_after_start(180)), 1).unwrap();
    assert!(
        collected
            .expect_account_regions(&account_regions, &config, (START, minutes_after_start(180)))
            .summary
            .incomplete_hours
            .is_empty()
    );
}

#[test]
fn records_of_any_account_and_region_are_stored_and_found() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(300));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let long = "x".repeat(2_000);
    let strange = ["a#b", "a", "../../etc", "é", "*", &long, "a/b=c"];
    let mut all = Segment::default();
    for (n, account) in strange.iter().enumerate() {
        for (m, region) in strange.iter().enumerate() {
            let id = u32::try_from(n * strange.len() + m).unwrap();
            let one = segment(&[record(id, account, region, minutes_after_start(id))]);
            let object = StoredObject { name: format!("{id}"), size: 0, version: String::new() };
            let mut batch =
                EvidenceBatch::new(EvidenceSource::S3, source_hash(EvidenceSource::S3, [&object]));
            let read = ProcessedObject {
                object,
                sha256: String::new(),
                content: None,
                records: 1,
                unreadable: Vec::new(),
            };
            batch.add(one.clone(), hour_after_start(0), read);
            store_batch(&evidence_store, batch).unwrap();
            all = all.merge(one);
        }
    }
    let hours = (hour_after_start(0), hour_after_start(1));
    assert_eq!(
        report(&evidence_store, &config, hours, 3).unwrap().result,
        expected_report(all, &config, hours).result
    );
    for object in environment.store.list("").unwrap() {
        assert!(object.name.len() < 400 && !object.name.contains(".."), "{}", object.name);
    }
    assert!(
        environment.table.query("ACCOUNT_REGIONS", "").unwrap().iter().all(|item| item.sort_key.len() < 200)
    );
}

/// The manifest at the end of a pack.
fn manifest(store: &dyn ObjectStore, key: &str) -> Value {
    let bytes = store.read(key, None).unwrap();
    let (rest, magic) = bytes.split_last_chunk::<8>().unwrap();
    let (rest, length) = rest.split_last_chunk::<8>().unwrap();
    assert_eq!(magic, b"ONLKPACK");
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
    serde_json::from_slice(&rest[rest.len() - length..]).unwrap()
}

#[test]
fn a_report_links_to_packs_and_packs_to_their_sources() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(300));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    for ids in 0..9 {
        store_batch(&evidence_store, batch(EvidenceSource::S3, &[ids * 360], Some(1)).0).unwrap();
    }
    compact(&evidence_store, (START, minutes_after_start(360)), minutes_after_start(10_000)).unwrap();
    let actual = report(&evidence_store, &config, (hour_after_start(0), hour_after_start(6)), 1).unwrap();
    let mut packs: Vec<String> = actual.run.input_files.iter().map(|input| input.file.clone()).collect();
    assert!(packs.iter().all(|key| key.starts_with("evidence/merged/")), "{packs:?}");
    let mut read = 0;
    while let Some(key) = packs.pop() {
        let manifest = manifest(&environment.store, &key);
        let bytes = environment.store.read(&key, None).unwrap();
        for part in manifest["parts"].as_array().unwrap() {
            let at = |name: &str| usize::try_from(part[name].as_u64().unwrap()).unwrap();
            let segment = Segment::from_bytes(&bytes[at("offset")..at("offset") + at("length")]).unwrap();
            assert_eq!(segment.rows().len(), at("rows"));
        }
        for object in manifest["objects"].as_array().unwrap() {
            match object["name"].as_str().unwrap() {
                "o" => read += 1,
                pack => packs.push(pack.to_owned()),
            }
        }
    }
    // Once through the part of the shard, once through the unsharded part.
    assert_eq!(read, 2 * 9);
}

#[test]
fn every_part_is_visible_to_athena() {
    let environment = TestEnvironment::new(minutes_after_start(300));
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let kept = store_batch(&evidence_store, batch(EvidenceSource::S3, &[0, 1, 2, 3, 4], None).0).unwrap();
    let files = environment.store.list("segments/").unwrap();
    let names: Vec<&str> = files.iter().map(|file| file.name.rsplit_once('/').unwrap().0).collect();
    assert_eq!(
        names,
        ["segments/account=111122223333/dt=2026-10-06", "segments/account=444455556666/dt=2026-10-06"]
    );
    let lines: Vec<Value> = files
        .iter()
        .flat_map(|file| {
            let bytes = environment.store.read(&file.name, None).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
        })
        .collect();
    assert_eq!(lines.len() as u64, kept.parts);
    assert_eq!(lines.iter().map(|line| line["rows"].as_u64().unwrap()).sum::<u64>(), 5);
    assert_eq!(lines[0]["key"], kept.key);
    assert_eq!(lines[0]["hour"], "2026-10-06T00:00:00Z");
}

/// A table that is read item by item, as DynamoDB is page by page, and compacted during the read.
struct CompactedDuringQuery<'a> {
    table: &'a MemoryTable,
    store: &'a MemoryStore,
    read: AtomicUsize,
    /// Items read before it is compacted.
    compact_after: usize,
}

impl Table for CompactedDuringQuery<'_> {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError> {
        let mut items: Vec<TableItem> = Vec::new();
        loop {
            if self.read.fetch_add(1, Ordering::SeqCst) == self.compact_after {
                compact(
                    &EvidenceStore::new(self.table, self.store),
                    (START, minutes_after_start(360)),
                    minutes_after_start(10_000),
                )
                .unwrap();
            }
            let beyond = |item: &TableItem| items.last().is_none_or(|last| item.sort_key > last.sort_key);
            let Some(next) = self.table.query(partition, prefix)?.into_iter().find(beyond) else {
                return Ok(items);
            };
            items.push(next);
        }
    }

    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError> {
        self.table.put(item, expected)
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        self.table.delete(partition, sort)
    }
}

#[test]
fn compaction_during_a_read_hides_nothing() {
    let config = promise_config(Some(hour_after_start(0)));
    let mut compacted = 0;
    for at in 0..80 {
        let (table, store) = (MemoryTable::default(), MemoryStore::default());
        let evidence_store = EvidenceStore::new(&table, &store);
        let mut all = Segment::default();
        // Two generations: some parts come from an earlier compaction.
        for ids in 0..24_u32 {
            let (batch, segment) =
                batch(EvidenceSource::S3, &[0, 240, 480, ids * 4, 1_000 + ids * 240], Some(0));
            all = all.merge(segment);
            store_batch(&evidence_store, batch).unwrap();
            if ids == 11 {
                compact(&evidence_store, (START, minutes_after_start(360)), minutes_after_start(10_000))
                    .unwrap();
            }
        }
        let torn = CompactedDuringQuery {
            table: &table,
            store: &store,
            read: AtomicUsize::new(0),
            compact_after: at,
        };
        let hours = (hour_after_start(0), hour_after_start(6));
        let actual = report(&EvidenceStore::new(&torn, &store), &config, hours, 1).unwrap();
        assert_eq!(actual.result, expected_report(all, &config, hours).result, "compacted after {at} items");
        compacted += usize::from(store.list("evidence/merged/").unwrap().len() > 4);
    }
    assert!(compacted > 20, "{compacted}");
}
