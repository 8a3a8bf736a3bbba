//! Tests of the CloudTrail format: bytes, fields, keys and digest files.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::super::digest::sha256;
use super::super::*;
use super::{demo, inflate, is_digest, records_of, text};

#[test]
fn equal_seeds_give_equal_bytes_and_other_seeds_other_bytes() {
    let one: Vec<TrailObject> = DemoTrail::demo().objects().collect();
    assert!(one == demo());
    let other: Vec<TrailObject> = DemoTrail { seed: 1, ..DemoTrail::demo() }.objects().collect();
    let logs = |trail: &[TrailObject]| -> BTreeSet<Vec<u8>> {
        trail.iter().filter(|object| !is_digest(object)).map(|object| object.bytes.clone()).collect()
    };
    assert!(logs(&one).is_disjoint(&logs(&other)));
}

#[test]
fn the_demo_has_the_published_hash() {
    // The hash covers the content and not the gzip bytes, so that it does not depend on the compressor.
    let mut everything = String::new();
    for object in demo() {
        everything.push_str(&object.key);
        everything.push_str(&inflate(&object.bytes).map(|content| sha256(&content)).unwrap_or_default());
    }
    assert_eq!(
        sha256(everything.as_bytes()),
        "71142ff5007a2233c776d12686b44db47ca6d9b7e8e111cf7e64c316f1f15eb0"
    );
}

#[test]
fn every_record_has_the_required_fields() {
    let order = [
        "eventVersion",
        "userIdentity",
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
        "userAgent",
        "requestParameters",
        "responseElements",
        "requestID",
        "eventID",
        "readOnly",
        "eventType",
        "managementEvent",
        "recipientAccountId",
        "eventCategory",
    ];
    let trails = [DemoTrail::demo(), DemoTrail::benchmark(6_000, 3, 9)];
    for object in trails.iter().flat_map(DemoTrail::objects).filter(|object| !is_digest(object)) {
        let Some(content) = inflate(&object.bytes) else { continue };
        let raw = std::str::from_utf8(&content).unwrap();
        for (record, raw) in records_of(&object).iter().zip(raw.split(r#"{"eventVersion""#).skip(1)) {
            let raw = format!(r#"{{"eventVersion"{raw}"#);
            let places: Vec<usize> =
                order.iter().map(|field| raw.rfind(&format!(r#""{field}":"#)).expect(field)).collect();
            assert!(places.is_sorted(), "{raw}");
            for field in
                ["/eventTime", "/eventSource", "/eventName", "/awsRegion", "/eventID", "/recipientAccountId"]
            {
                assert!(!text(record, field).is_empty(), "{field} in {raw}");
            }
            assert!(record["userIdentity"].is_object() && record["readOnly"].is_boolean(), "{raw}");
            assert_eq!(
                record["managementEvent"] == Value::Bool(true),
                text(record, "/eventCategory") == "Management"
            );
            assert!(object.key.contains(&format!("/{}/", text(record, "/recipientAccountId"))));
            assert!(object.key.contains(&format!("/{}/", text(record, "/awsRegion"))));
            assert!(!raw.contains('<'), "an unfilled placeholder in {raw}");
        }
    }
}

#[test]
fn keys_are_those_of_an_organization_trail() {
    let trails = [DemoTrail::demo(), DemoTrail::benchmark(20_000, 4, 3)];
    for object in trails.iter().flat_map(DemoTrail::objects) {
        let parts: Vec<&str> = object.key.split('/').collect();
        let [root, organization, account, kind, region, year, month, day, name] = parts[..] else {
            panic!("{}", object.key)
        };
        assert_eq!((root, organization), ("AWSLogs", "o-lk7f2q9x4m"));
        assert!(account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()));
        let fields: Vec<&str> = name.strip_suffix(".json.gz").unwrap().split('_').collect();
        assert_eq!(fields[..3], [account, kind, region]);
        let time = match kind {
            "CloudTrail" => {
                assert_eq!((fields.len(), fields[4].len()), (5, 16));
                assert!(fields[4].bytes().all(|byte| byte.is_ascii_alphanumeric()));
                jiff::civil::DateTime::strptime("%Y%m%dT%H%MZ", fields[3]).unwrap()
            }
            "CloudTrail-Digest" => {
                assert_eq!(fields[3..5], ["larkspur-organization", "us-east-1"]);
                jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", fields[5]).unwrap()
            }
            other => panic!("{other}"),
        };
        assert_eq!(time.strftime("%Y/%m/%d").to_string(), format!("{year}/{month}/{day}"));
    }
    let keys: Vec<String> = demo().iter().map(|object| object.key.clone()).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
}

#[test]
fn digests_list_every_log_file_of_their_hour_with_its_hash() {
    let objects = demo();
    let logs: HashMap<&str, &TrailObject> = objects
        .iter()
        .filter(|object| !is_digest(object))
        .map(|object| (object.key.as_str(), object))
        .collect();
    let mut listed = BTreeSet::new();
    let mut quiet = 0;
    for object in objects.iter().filter(|object| is_digest(object)) {
        let digest: Value = serde_json::from_slice(&inflate(&object.bytes).unwrap()).unwrap();
        assert_eq!(text(&digest, "/digestS3Object"), object.key);
        assert_eq!(digest["previousDigestSignature"], Value::Null);
        let files = digest["logFiles"].as_array().unwrap();
        quiet += u64::from(files.is_empty());
        assert_eq!(files.is_empty(), digest["newestEventTime"].is_null());
        for file in files {
            let key = text(file, "/s3Object");
            let log = logs[key];
            assert!(listed.insert(key.to_owned()), "{key} is listed twice");
            match inflate(&log.bytes) {
                Some(content) => assert_eq!(text(file, "/hashValue"), sha256(&content)),
                None => assert_eq!(text(file, "/hashValue").len(), 64),
            }
            let minute = key.rsplit('_').nth(1).unwrap().split_at(13).0;
            let (from, to) = (text(&digest, "/digestStartTime"), text(&digest, "/digestEndTime"));
            let compact = |time: &str| time.replace(['-', ':'], "").split_at(13).0.to_owned();
            assert!((compact(from)..compact(to)).contains(&minute.to_owned()), "{key}");
        }
    }
    assert_eq!(listed.len(), logs.len());
    assert!(quiet > 5, "hours without events have a digest file that lists no log files: {quiet}");
}
