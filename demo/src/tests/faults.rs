//! Tests of the faults of the trail: duplicates, an unreadable log file, a missing hour.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::super::digest::sha256;
use super::super::utc_time::{HOUR, UtcTime};
use super::super::*;
use super::{demo, demo_records, inflate, is_digest, records_of, text};

#[test]
fn the_demo_has_the_counts_of_its_scenario() {
    let (expected, objects) = (scenario(), demo());
    let logs: Vec<&TrailObject> = objects.iter().filter(|object| !is_digest(object)).collect();
    let records: Vec<Value> = logs.iter().copied().flat_map(records_of).collect();
    let ids: BTreeSet<&str> = records.iter().map(|record| text(record, "/eventID")).collect();
    assert_eq!(records.len() as u64, expected.records);
    assert_eq!(records.len() as u64 - ids.len() as u64, expected.duplicates);
    assert_eq!(expected.records + expected.lost_records, DemoTrail::demo().records as u64);
    let unreadable: Vec<_> = logs.iter().filter(|object| inflate(&object.bytes).is_none()).collect();
    assert_eq!(unreadable.len() as u64, expected.unreadable_objects);
    assert!(
        unreadable.iter().all(|object| object.bytes.starts_with(&[0x1f, 0x8b])),
        "it still has a gzip header"
    );
    assert_eq!(objects.iter().map(|object| object.records).sum::<u64>(), expected.records);
    assert_eq!(objects.iter().filter(|object| is_digest(object)).count() as u64, expected.trail_hours - 1);
    let scope: BTreeSet<(&str, &str)> = records
        .iter()
        .map(|record| (text(record, "/recipientAccountId"), text(record, "/awsRegion")))
        .collect();
    assert_eq!(scope.len(), 9);
}

#[test]
fn a_repeated_record_is_the_same_bytes_in_another_object_of_its_account_and_region() {
    let mut seen: HashMap<String, (Value, String)> = HashMap::new();
    let (mut same_object, mut whole) = (0, BTreeMap::new());
    for object in demo().iter().filter(|object| !is_digest(object)) {
        for record in records_of(object) {
            let id = text(&record, "/eventID").to_owned();
            match seen.get(&id) {
                Some((first, key)) => {
                    assert_eq!(*first, record);
                    same_object += u64::from(*key == object.key);
                    assert_eq!(key.split('/').nth(4), object.key.split('/').nth(4));
                    *whole.entry((key.clone(), object.key.clone())).or_insert(0_usize) += 1;
                }
                None => drop(seen.insert(id, (record, object.key.clone()))),
            }
        }
    }
    assert_eq!(same_object, 0);
    assert_eq!(
        whole.into_values().collect::<BTreeSet<_>>(),
        BTreeSet::from([RECORDS_DELIVERED_TWICE, REPEATED_RECORDS])
    );
}

#[test]
fn only_the_missing_hour_has_no_records_and_no_delivery() {
    let missing = scenario().missing_hour;
    let (account, region) = (ACCOUNTS[missing.account].id, REGIONS[missing.region]);
    let prefix = |hour: u64| {
        UtcTime::from_seconds(DemoTrail::demo().start + hour * HOUR).to_iso().split_at(13).0.to_owned()
    };
    let records = demo_records();
    let within = |hour: u64| {
        let here = |record: &&Value| {
            text(record, "/recipientAccountId") == account
                && text(record, "/awsRegion") == region
                && text(record, "/eventTime").starts_with(&prefix(hour))
        };
        records.iter().filter(here).count()
    };
    assert_eq!(within(missing.hour), 0);
    assert!(within(missing.hour - 1) > 10 && within(missing.hour + 1) > 10);
    let minute = prefix(missing.hour).replace('-', "");
    let gone = |object: &TrailObject| {
        object.key.contains(&format!("/{account}/CloudTrail/{region}/"))
            && object.key.contains(&format!("_{minute}"))
    };
    assert!(!demo().iter().any(gone));
}

#[test]
fn digests_chain_across_the_missing_hour() {
    let missing = scenario().missing_hour;
    let missing_start = DemoTrail::demo().start + missing.hour * HOUR;
    let folder = format!("/{}/CloudTrail-Digest/{}/", ACCOUNTS[missing.account].id, REGIONS[missing.region]);
    let objects = demo();
    let mut previous: Option<(String, String)> = None;
    let mut broken = Vec::new();
    for object in objects.iter().filter(|object| object.key.contains(&folder)) {
        let content = inflate(&object.bytes).unwrap();
        let digest: Value = serde_json::from_slice(&content).unwrap();
        let claim = (text(&digest, "/previousDigestS3Object"), text(&digest, "/previousDigestHashValue"));
        if let Some((key, hash)) = &previous {
            if claim != (key, hash) {
                broken.push(text(&digest, "/digestStartTime").to_owned());
                assert!(
                    objects.iter().all(|other| other.key != claim.0),
                    "it names an object that does not exist"
                );
            }
        } else {
            assert_eq!(digest["previousDigestS3Object"], Value::Null);
        }
        previous = Some((object.key.clone(), sha256(&content)));
    }
    assert_eq!(broken, [UtcTime::from_seconds(missing_start + HOUR).to_iso()]);
}
