//! Laws of the audit trail: what is recorded, how it is written, found and verified.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use onlooker_core::{
    audit::{
        AuditKind, AuditProblemKind, AuditQuery, AuditSeal, AuditTrailEntry, AuditVerification, EntryLine,
        GENESIS, REDACTED, SealedBatch, UNREADABLE, seal_batch, verify,
    },
    catalog::Catalog,
    config::Config,
    event::Outcome,
    jobs::{
        audit::{
            AuditError, AuditReader, AuditTrail, Auditing, PrunePlan, TrailChangeError, plan_pruning, prune,
            verify_trail,
        },
        gather::{GatherOptions, ObjectCallback, gather_objects},
    },
    operation::RiskLevel,
    ports::{LogSource, ObjectRemover, ObjectStore, PortError, PortErrorKind, StoredObject},
    record::ReadLimits,
    time::Time,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Time = Time(1_795_255_200);
const CHAIN: &str = "01934f2e-7c1a-7000-8000-000000000001";
const OTHER_CHAIN: &str = "01934f2e-7c1a-7000-8000-000000000002";

/// The record of a call of the auditor.
fn record(number: u32, name: &str, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.11", "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "eventTime": "2026-11-21T10:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": name,
        "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "eventType": "AwsApiCall",
        "eventCategory": "Management", "readOnly": name.starts_with("Get") || name.starts_with("List"),
        "sourceIPAddress": "192.0.2.7", "userAgent": "aws-cli/2.31",
        "userIdentity": {
            "type": "AssumedRole", "accountId": "111122223333", "accessKeyId": "ASIAEXAMPLE",
            "arn": "arn:aws:sts::111122223333:assumed-role/Auditor/ada",
            "sessionContext": {
                "sessionIssuer": { "type": "Role", "userName": "Auditor", "arn": "arn:aws:iam::111122223333:role/Auditor" },
                "attributes": { "mfaAuthenticated": "true" },
            },
        },
        "resources": [{ "ARN": "arn:aws:s3:::ledger", "type": "AWS::S3::Bucket" }],
        "requestParameters": { "bucketName": "ledger" },
    });
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

fn config(more: &str) -> Config {
    let text = format!("watch = [{{ principal = \"arn:aws:iam::*:role/Auditor\" }}]\n{more}");
    Config::from_toml(&text, "test").unwrap()
}

/// The entries of the calls of a log file.
fn recorded(config: &Config, records: &[Value]) -> Vec<AuditTrailEntry> {
    recorded_text(config, json!({ "Records": records }).to_string().into_bytes())
}

fn recorded_text(config: &Config, text: Vec<u8>) -> Vec<AuditTrailEntry> {
    let store = Objects::default();
    let trail = AuditTrail::new(&store, &config.audit, config.standard, "sweep", CHAIN);
    let audit = Auditing::new(&trail, config, Catalog::embedded(), NOW);
    let source = OneFile(text);
    let entries = Mutex::new(Vec::new());
    let keep = |_, _: &_, found: Vec<AuditTrailEntry>| entries.lock().unwrap().extend(found);
    let options = GatherOptions { threads: 1, limits: ReadLimits::default() };
    let objects = source.list().unwrap();
    gather_objects(
        &source,
        &objects,
        options,
        &|_| (),
        ObjectCallback::WithSegment(&keep),
        Some(audit.criteria),
    );
    entries.into_inner().unwrap()
}

/// A source with one log file.
struct OneFile(Vec<u8>);

impl LogSource for OneFile {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        let name = "one.json".to_owned();
        Ok(vec![StoredObject { name, size: self.0.len() as u64, version: "1".to_owned() }])
    }

    fn fetch(&self, _: &StoredObject, _: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        bytes.clone_from(&self.0);
        Ok("1".to_owned())
    }
}

/// Objects in memory. The calls to `create` that `fails` names fail; those that `loses` names succeed without an answer.
#[derive(Default)]
struct Objects {
    stored: Mutex<BTreeMap<String, Vec<u8>>>,
    created: AtomicUsize,
    fails: BTreeSet<usize>,
    loses: BTreeSet<usize>,
}

fn unavailable(name: &str) -> PortError {
    PortError {
        operation: "write",
        name: name.to_owned(),
        kind: PortErrorKind::Unavailable,
        cause: "down".into(),
    }
}

impl ObjectStore for Objects {
    fn create(&self, key: &str, bytes: &[u8], _: &str) -> Result<bool, PortError> {
        let number = self.created.fetch_add(1, Ordering::Relaxed);
        if self.fails.contains(&number) {
            return Err(unavailable(key));
        }
        let mut stored = self.stored.lock().unwrap();
        let is_new = !stored.contains_key(key);
        if is_new {
            stored.insert(key.to_owned(), bytes.to_owned());
        }
        if self.loses.contains(&number) { Err(unavailable(key)) } else { Ok(is_new) }
    }

    fn read(&self, key: &str, part: Option<std::ops::Range<u64>>) -> Result<Vec<u8>, PortError> {
        let stored = self.stored.lock().unwrap();
        let bytes =
            stored.get(key).ok_or_else(|| PortError { kind: PortErrorKind::NotFound, ..unavailable(key) })?;
        Ok(match part {
            Some(part) => bytes[part.start as usize..bytes.len().min(part.end as usize)].to_vec(),
            None => bytes.clone(),
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        let stored = self.stored.lock().unwrap();
        let object = |(key, bytes): (&String, &Vec<u8>)| StoredObject {
            name: key.clone(),
            size: bytes.len() as u64,
            version: String::new(),
        };
        Ok(stored.iter().filter(|(key, _)| key.starts_with(prefix)).map(object).collect())
    }
}

#[test]
fn each_significant_call_of_a_watched_principal_has_an_entry_of_its_own() {
    let mut records: Vec<Value> = (0..40).map(|n| record(n, "PutObject", json!({}))).collect();
    records.push(record(40, "ListBuckets", json!({})));
    records.push(record(41, "GetObject", json!({ "errorCode": "AccessDenied" })));
    records.push(record(42, "FrobnicateBucket", json!({})));
    let unwatched = json!({ "type": "IAMUser", "accountId": "111122223333", "userName": "bob",
                            "arn": "arn:aws:iam::111122223333:user/bob" });
    records.push(record(43, "DeleteBucket", json!({ "userIdentity": unwatched })));
    let ids = |level: &str| -> Vec<String> {
        let entries = recorded(&config(&format!("[audit]\nlevel = \"{level}\"\n")), &records);
        entries.into_iter().map(|entry| entry.call.unwrap().event_id[34..].to_owned()).collect()
    };
    let significant: Vec<String> = (0..40).chain([41, 42]).map(|n| format!("{n:02}")).collect();
    assert_eq!(ids("significant"), significant);
    assert_eq!(ids("all").len(), 43);
    assert_eq!(ids("runs"), [] as [String; 0]);
}

#[test]
fn an_entry_has_who_called_from_where_and_with_which_key() {
    let [entry] = <[_; 1]>::try_from(recorded(&config(""), &[record(7, "PutObject", json!({}))])).unwrap();
    let call = entry.call.unwrap();
    assert_eq!(
        (&*call.operation, call.outcome, call.severity),
        ("s3:PutObject", Outcome::Succeeded, RiskLevel::High)
    );
    assert_eq!(&*call.user_identity.principal, "arn:aws:iam::111122223333:role/Auditor");
    assert_eq!(call.user_identity.access_key_id.as_deref(), Some("ASIAEXAMPLE"));
    assert_eq!(call.user_identity.mfa_authenticated, Some(true));
    assert_eq!(
        (call.source_ip.as_deref(), call.user_agent.as_deref()),
        (Some("192.0.2.7"), Some("aws-cli/2.31"))
    );
    assert_eq!(call.resource_arns, ["arn:aws:s3:::ledger"]);
    assert_eq!(call.request_parameters, Some(json!({ "bucketName": "ledger" })));
    assert!(!call.is_truncated);
}

#[test]
fn an_override_is_recorded_with_its_reason() {
    let text = "[[override]]\nid = \"report\"\nprincipal = \"arn:aws:iam::111122223333:role/Auditor\"\noperation = \"s3:PutObject\"\nowner = \"ada\"\n\
                reason = \"it writes its report\"\nexpires = \"2027-01-31T00:00:00Z\"\n";
    let entries =
        recorded(&config(text), &[record(1, "PutObject", json!({})), record(2, "DeleteBucket", json!({}))]);
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [AuditKind::Override, AuditKind::Call]);
    assert_eq!(entries[0].message.as_deref(), Some("an override allows the call: it writes its report"));
}

#[test]
fn a_long_request_is_shortened_and_says_so() {
    let long =
        json!({ "requestParameters": { "text": "x".repeat(50_000) }, "userAgent": "é".repeat(20_000) });
    let many: Vec<Value> =
        (0..100).map(|n| json!({ "ARN": format!("arn:aws:s3:::ledger-{n:04}") })).collect();
    let records = [record(1, "PutObject", long), record(2, "PutObject", json!({ "resources": many }))];
    let entries = recorded(&config("[audit]\nmax_details_size = 1000\n"), &records);
    let named = entries[1].call.as_ref().unwrap();
    assert_eq!(
        (named.resource_arns.len(), named.is_truncated),
        (1_000 / "arn:aws:s3:::ledger-0000".len(), true)
    );
    let call = entries[0].call.as_ref().unwrap();
    assert!(call.is_truncated);
    assert_eq!(call.request_parameters.as_ref().unwrap().as_str().unwrap().len(), 1_000);
    assert_eq!(call.user_agent.as_ref().unwrap().len(), 1_000);
}

#[test]
fn secrets_are_replaced_and_their_names_stay() {
    let request = json!({
        "masterUserPassword": "hunter2", "name": "db", "nextToken": "page-2", "secretId": "prod/db",
        "SecretString": { "user": "ada" }, "environment": { "variables": { "API": "k" } },
        "tags": [{ "key": "client_secret", "value": "kept" }], "publicKey": "-----BEGIN RSA PRIVATE KEY-----\nMII",
        "token": "eyJhbGciOiJI.eyJzdWIi.sig", "manageMasterUserPassword": true,
    });
    let entries = recorded(&config(""), &[record(1, "PutObject", json!({ "requestParameters": request }))]);
    let expected = json!({
        "masterUserPassword": REDACTED, "name": "db", "nextToken": "page-2", "secretId": "prod/db",
        "SecretString": REDACTED, "environment": { "variables": { "API": REDACTED } },
        "tags": [{ "key": "client_secret", "value": "kept" }], "publicKey": REDACTED, "token": REDACTED,
        "manageMasterUserPassword": true,
    });
    assert_eq!(entries[0].call.as_ref().unwrap().request_parameters, Some(expected));
    let kept = recorded(
        &config("[audit]\nredact = false\n"),
        &[record(1, "PutObject", json!({ "requestParameters": { "password": "hunter2" } }))],
    );
    assert_eq!(kept[0].call.as_ref().unwrap().request_parameters, Some(json!({ "password": "hunter2" })));
}

#[test]
fn a_field_that_cannot_be_parsed_hides_no_other_field() {
    let half = "\\ud800";
    let text = |record: Value| record.to_string().replace("HALF", half);
    for (field, more) in [
        ("request", json!({ "requestParameters": { "name": "HALF" } })),
        ("agent", json!({ "userAgent": "HALF" })),
    ] {
        let records = format!("{{\"Records\":[{}]}}", text(record(1, "PutObject", more)));
        let entries = recorded_text(&config(""), records.into_bytes());
        let call = entries[0].call.as_ref().unwrap();
        assert_eq!(call.source_ip.as_deref(), Some("192.0.2.7"), "{field}");
        assert_eq!(call.user_identity.access_key_id.as_deref(), Some("ASIAEXAMPLE"), "{field}");
        let request = call.request_parameters.as_ref().unwrap();
        assert_eq!(*request == json!(UNREADABLE), field == "request");
        assert_eq!(call.user_agent.as_deref() == Some(UNREADABLE), field == "agent");
    }
}

fn note(number: u32) -> AuditTrailEntry {
    AuditTrailEntry {
        kind: AuditKind::Run,
        timestamp: Time(NOW.0 + number),
        recorded_at: NOW,
        recorded_by: "test".to_owned(),
        message: Some(format!("run {number}")),
        compliance_standard: Default::default(),
        call: None,
    }
}

fn trail<'a>(store: &'a Objects, settings: &str) -> AuditTrail<'a> {
    let config = config(&format!("[audit]\n{settings}\n"));
    AuditTrail::new(store, &config.audit, config.standard, "test", CHAIN)
}

fn messages(store: &Objects) -> Vec<String> {
    let answer = AuditReader::new(store, 10, 2).query(&AuditQuery::default()).unwrap();
    assert_eq!(answer.unreadable, [] as [String; 0]);
    answer.entries.iter().filter_map(|stored| stored.entry.message.clone()).collect()
}

#[test]
fn a_batch_that_failed_is_written_again_and_nothing_is_lost_or_doubled() {
    for (fails, loses) in [([0, 1].as_slice(), [].as_slice()), (&[], &[0]), (&[0], &[1, 3])] {
        let store = Objects {
            fails: fails.iter().copied().collect(),
            loses: loses.iter().copied().collect(),
            ..Objects::default()
        };
        let trail = trail(&store, "write_buffer_size = 3");
        for number in 0..20 {
            drop(trail.add(&note(number), NOW));
        }
        while trail.flush(NOW).is_err() {}
        let expected: Vec<String> = (0..20).map(|number| format!("run {number}")).collect();
        assert_eq!(messages(&store), expected, "{fails:?} {loses:?}");
        assert_eq!(verify_trail(&store, &|_, _| ()).unwrap().problems, []);
    }
}

#[test]
fn twenty_writers_lose_nothing() {
    let store = Objects::default();
    let trail = trail(&store, "write_buffer_size = 7");
    std::thread::scope(|scope| {
        for writer in 0..20 {
            let trail = &trail;
            scope.spawn(move || {
                for number in 0..100 {
                    let entry = note(writer * 100 + number);
                    if number % 2 == 0 { trail.add(&entry, NOW) } else { trail.add_durably(&entry, NOW) }
                        .unwrap();
                }
            });
        }
    });
    trail.flush(NOW).unwrap();
    let found: BTreeSet<String> = messages(&store).into_iter().collect();
    assert_eq!(found.len(), 2_000);
    let verified = verify_trail(&store, &|_, _| ()).unwrap();
    assert_eq!((verified.entries, verified.problems), (2_000, Vec::new()));
}

#[test]
fn an_entry_that_was_added_durably_is_stored() {
    let store = Objects::default();
    let trail = trail(&store, "");
    trail.add_durably(&note(1), NOW).unwrap();
    assert_eq!(messages(&store), ["run 1"]);
    trail.add(&note(2), NOW).unwrap();
    assert_eq!(messages(&store), ["run 1"], "the buffer is not full");
    trail.add(&note(3), Time(NOW.0 + 3)).unwrap();
    assert_eq!(messages(&store).len(), 3, "the buffer is three seconds old");
}

#[test]
fn a_trail_that_cannot_be_written_takes_no_entries_without_end() {
    let store = Objects { fails: (0..1_000).collect(), ..Objects::default() };
    let trail = trail(&store, "write_buffer_size = 1\nmax_memory_events = 100");
    let outcomes: Vec<_> = (0..110).map(|number| trail.add(&note(number), NOW)).collect();
    assert!(outcomes.iter().all(Result::is_err));
    assert!(matches!(outcomes[109], Err(AuditError::Full { entries: 100 })), "{:?}", outcomes[109]);
}

#[test]
fn another_writer_of_the_chain_is_found() {
    let store = Objects::default();
    let (first, second) = (trail(&store, ""), trail(&store, ""));
    first.add_durably(&note(1), NOW).unwrap();
    assert!(matches!(second.add_durably(&note(2), NOW), Err(AuditError::Forked { .. })));
}

#[test]
fn a_rate_limit_counts_what_it_does_not_write() {
    let store = Objects::default();
    let trail = trail(&store, "rate_limit = 3");
    let entries =
        recorded(&config(""), &(0..10).map(|n| record(n, "PutObject", json!({}))).collect::<Vec<_>>());
    for entry in &entries {
        trail.add(entry, NOW).unwrap();
    }
    trail.flush(NOW).unwrap();
    let limited =
        "7 more entries of arn:aws:iam::111122223333:role/Auditor were not written (`audit.rate_limit`)";
    assert_eq!(messages(&store), [limited]);
    assert_eq!(verify_trail(&store, &|_, _| ()).unwrap().entries, 4);
}

/// Batches of a chain with two entries each.
fn chain(id: &str, batches: u64) -> Vec<SealedBatch> {
    let mut previous = GENESIS.to_owned();
    (0..batches)
        .map(|sequence| {
            let lines: Vec<EntryLine> =
                (0..2).map(|n| EntryLine::of(&note(sequence as u32 * 2 + n)).unwrap()).collect();
            let batch = seal_batch(id, sequence, &previous, Time(NOW.0 + sequence as u32 * 7_200), 6, &lines);
            previous.clone_from(&batch.sha256);
            batch
        })
        .collect()
}

type Trail = BTreeMap<String, Vec<u8>>;

fn objects(batches: &[SealedBatch]) -> Trail {
    batches.iter().map(|batch| (batch.key.to_string(), batch.bytes.clone())).collect()
}

fn verified(trail: &Trail) -> AuditVerification {
    let objects = trail.iter().map(|(key, bytes)| Ok::<_, ()>((key.clone(), bytes.clone())));
    verify(objects).unwrap()
}

/// Two chains of five batches, sealed twice: after the first chain, and at the end.
fn sealed_trail() -> Trail {
    let mut trail = objects(&chain(CHAIN, 5));
    let first = verified(&trail).seal(NOW, None);
    let text = serde_json::to_vec(&first).unwrap();
    trail.extend(objects(&chain(OTHER_CHAIN, 5)));
    let second = verified(&trail).seal(NOW, Some((&first, &sha256(&text))));
    trail.insert(first.key(), text);
    trail.insert(second.key(), serde_json::to_vec(&second).unwrap());
    trail
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_intact_trail_has_no_problem() {
    let found = verified(&sealed_trail());
    assert_eq!(found.problems, []);
    assert_eq!((found.chains.len(), found.batches, found.entries, found.seals), (2, 10, 20, 2));
    assert_eq!(found.unprotected_entries, 0);
    let unsealed = verified(&objects(&chain(CHAIN, 5)));
    assert_eq!(unsealed.unprotected_entries, 2, "the last batch");
}

/// The batches of the first chain, by number.
fn key(sequence: usize) -> String {
    chain(CHAIN, 6)[sequence].key.to_string()
}

fn inflate(bytes: &[u8]) -> String {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes), &mut text).unwrap();
    text
}

fn deflate(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn deflate_fast(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn every_way_to_change_a_trail_is_found_and_named() {
    use AuditProblemKind as Kind;
    type Change = Box<dyn Fn(&mut Trail)>;
    let forged = |sequence: usize, count: usize| -> Change {
        // An entry is changed, and the header and all batches after it are made again.
        Box::new(move |trail| {
            let mut batches = chain(CHAIN, 5);
            let lines: Vec<EntryLine> = (0..2).map(|n| EntryLine::of(&note(900 + n)).unwrap()).collect();
            for number in sequence..sequence + count {
                let previous =
                    if number == 0 { GENESIS.to_owned() } else { batches[number - 1].sha256.clone() };
                let written = Time(NOW.0 + number as u32 * 7_200);
                let same: Vec<EntryLine> =
                    (0..2).map(|n| EntryLine::of(&note(number as u32 * 2 + n)).unwrap()).collect();
                let content = if number == sequence { &lines } else { &same };
                batches[number] = seal_batch(CHAIN, number as u64, &previous, written, 6, content);
            }
            trail.extend(objects(&batches));
        })
    };
    let change = |work: fn(&mut Trail)| -> Change { Box::new(work) };
    let table: Vec<(&str, Change, &[Kind])> = vec![
        (
            "bytes are flipped",
            change(|trail| trail.get_mut(&key(2)).unwrap()[40] ^= 1),
            &[Kind::Gap, Kind::Unreadable],
        ),
        (
            "a batch is truncated",
            change(|trail| trail.get_mut(&key(2)).unwrap().truncate(90)),
            &[Kind::Unreadable, Kind::Gap],
        ),
        (
            "an entry is edited",
            change(|trail| {
                let text = inflate(&trail[&key(2)]).replace("run 4", "run 5");
                trail.insert(key(2), deflate(&text));
            }),
            &[Kind::EntriesChanged, Kind::Gap],
        ),
        (
            "an entry is removed",
            change(|trail| {
                let text = inflate(&trail[&key(2)]);
                let cut = text.trim_end().rfind('\n').unwrap() + 1;
                trail.insert(key(2), deflate(&text[..cut]));
            }),
            &[Kind::EntriesChanged, Kind::Gap],
        ),
        (
            "a batch is compressed again",
            change(|trail| {
                let text = inflate(&trail[&key(2)]);
                trail.insert(key(2), deflate_fast(&text));
            }),
            &[Kind::BrokenLink],
        ),
        ("a batch is made again", forged(2, 1), &[Kind::BrokenLink]),
        ("a batch and all after it are made again", forged(2, 3), &[Kind::ChangedAfterSeal]),
        ("a batch is removed", change(|trail| drop(trail.remove(&key(2)))), &[Kind::Gap]),
        (
            "two batches are removed",
            change(|trail| {
                trail.remove(&key(1));
                trail.remove(&key(2));
            }),
            &[Kind::Gap],
        ),
        (
            "the first batch is removed",
            change(|trail| drop(trail.remove(&key(0)))),
            &[Kind::BeginningMissing],
        ),
        ("the last batch is removed", change(|trail| drop(trail.remove(&key(4)))), &[Kind::EndMissing]),
        (
            "a chain is removed",
            change(|trail| trail.retain(|key, _| !key.contains(CHAIN) || key.contains("seals"))),
            &[Kind::ChainMissing],
        ),
        (
            "two batches are exchanged",
            change(|trail| {
                let (one, two) = (trail[&key(1)].clone(), trail[&key(2)].clone());
                trail.insert(key(1), two);
                trail.insert(key(2), one);
            }),
            &[Kind::Moved, Kind::Gap],
        ),
        (
            "a batch is copied to another day",
            change(|trail| {
                let other = key(2).replace("dt=2026", "dt=2025");
                let copy = trail[&key(2)].clone();
                trail.insert(other, copy);
            }),
            &[Kind::Moved],
        ),
        (
            "another batch has the same number",
            change(|trail| {
                let batches = chain(CHAIN, 2);
                let lines = [EntryLine::of(&note(999)).unwrap()];
                let other = seal_batch(CHAIN, 2, &batches[1].sha256, Time(NOW.0 + 200_000), 6, &lines);
                trail.insert(other.key.to_string(), other.bytes);
            }),
            &[Kind::Fork],
        ),
        (
            "an object does not belong",
            change(|trail| drop(trail.insert("audit/notes.txt".to_owned(), b"x".to_vec()))),
            &[Kind::ForeignObject],
        ),
        (
            "a batch has another version",
            change(|trail| {
                let text = inflate(&trail[&key(2)]).replacen("\"version\":1", "\"version\":9", 1);
                trail.insert(key(2), deflate(&text));
            }),
            &[Kind::OtherVersion, Kind::Gap],
        ),
        (
            "a seal is removed",
            change(|trail| drop(trail.remove("audit/seals/0000000000.json"))),
            &[Kind::SealMissing],
        ),
        (
            "a seal is edited",
            change(|trail| {
                let seal = trail.get_mut("audit/seals/0000000000.json").unwrap();
                let mut edited: AuditSeal = serde_json::from_slice(seal).unwrap();
                edited.heads.clear();
                *seal = serde_json::to_vec(&edited).unwrap();
            }),
            &[Kind::SealMissing],
        ),
        (
            "a seal is not JSON",
            change(|trail| drop(trail.insert("audit/seals/0000000001.json".to_owned(), b"{".to_vec()))),
            &[Kind::SealUnreadable],
        ),
    ];
    for (name, change, expected) in table {
        let mut trail = sealed_trail();
        change(&mut trail);
        let found = verified(&trail);
        let kinds: BTreeSet<Kind> = found.problems.iter().map(|problem| problem.kind).collect();
        assert!(expected.iter().all(|kind| kinds.contains(kind)), "{name}: {:?}", found.problems);
        assert!(found.is_tampered() || found.is_incomplete(), "{name}");
    }
}

#[test]
fn a_gap_says_which_batches_are_missing() {
    let mut trail = sealed_trail();
    trail.remove(&key(1));
    trail.remove(&key(2));
    let [problem] = <[_; 1]>::try_from(verified(&trail).problems).unwrap();
    assert_eq!((problem.subject.as_str(), problem.detail.as_str()), (CHAIN, "batches 1 to 2 are missing"));
}

fn entries() -> Vec<AuditTrailEntry> {
    let names = ["PutObject", "DeleteBucket", "GetObject", "FrobnicateBucket"];
    let records: Vec<Value> = (0..64)
        .map(|n| {
            let time = format!("2026-11-{:02}T10:00:00Z", 1 + n % 20);
            let code = if n % 3 == 0 { json!("AccessDenied") } else { Value::Null };
            record(n, names[n as usize % 4], json!({ "eventTime": time, "errorCode": code }))
        })
        .collect();
    recorded(&config("[audit]\nlevel = \"all\"\n"), &records)
}

proptest! {
    #[test]
    fn a_query_finds_what_reading_everything_finds(
        since in proptest::option::of(1..21_u32), operation in proptest::option::of("s3:(Put|Delete|Get|F)\\*"),
        denied: bool, least in 0..4_usize, size in 1..9_usize,
    ) {
        let store = Objects::default();
        let trail = trail(&store, &format!("write_buffer_size = {size}"));
        let mut all = entries();
        all.push(note(3));
        for entry in &all {
            trail.add(entry, NOW).unwrap();
        }
        trail.flush(NOW).unwrap();
        let severities = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical];
        let query = AuditQuery {
            since: since.map(|day| Time::parse(&format!("2026-11-{day:02}T00:00:00Z")).unwrap()),
            operation,
            outcome: denied.then_some(Outcome::Denied),
            severity: (least > 0).then(|| severities[least]),
            ..AuditQuery::default()
        };
        let mut expected: Vec<AuditTrailEntry> = all.into_iter().filter(|entry| query.matches(entry)).collect();
        expected.sort_by_key(|entry| entry.timestamp);
        let mut reader = AuditReader::new(&store, 2, 2);
        for _ in 0..2 {
            let answer = reader.query(&query).unwrap();
            let found: Vec<AuditTrailEntry> = answer.entries.iter().map(|stored| stored.entry.clone()).collect();
            prop_assert_eq!(&found, &expected);
        }
    }
}

#[test]
fn a_call_that_was_read_twice_is_found_once() {
    let store = Objects::default();
    let entries = entries();
    for id in [CHAIN, OTHER_CHAIN] {
        let config = config("");
        let trail = AuditTrail::new(&store, &config.audit, config.standard, "test", id);
        trail.add_all(&entries, NOW).unwrap();
    }
    let answer = AuditReader::new(&store, 10, 2).query(&AuditQuery::default()).unwrap();
    assert_eq!((answer.entries.len(), answer.duplicates), (entries.len(), entries.len() as u64));
    let ids: BTreeSet<&str> = answer.entries.iter().map(|stored| stored.audit_id.as_str()).collect();
    assert_eq!(ids.len(), entries.len());
}

#[test]
fn a_damaged_batch_is_named_and_the_others_are_read() {
    let store = Objects::default();
    let trail = trail(&store, "write_buffer_size = 1");
    (0..3).for_each(|number| trail.add(&note(number), NOW).unwrap());
    let damaged = store.stored.lock().unwrap().keys().nth(1).unwrap().clone();
    store.stored.lock().unwrap().insert(damaged.clone(), b"no gzip".to_vec());
    let answer = AuditReader::new(&store, 10, 2).query(&AuditQuery::default()).unwrap();
    assert_eq!(answer.entries.len(), 2);
    assert!(answer.unreadable[0].contains(&damaged), "{:?}", answer.unreadable);
}

#[test]
fn hostile_batches_do_not_panic() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    runner
        .run(&bytes, |bytes| {
            let trail =
                Trail::from([(key(0), bytes.clone()), (key(1), deflate(&String::from_utf8_lossy(&bytes)))]);
            prop_assert!(verified(&trail).is_tampered());
            Ok(())
        })
        .unwrap();
}

impl ObjectRemover for Objects {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        self.stored.lock().unwrap().remove(key);
        Ok(())
    }
}

fn stored(trail: Trail) -> Objects {
    Objects { stored: Mutex::new(trail), ..Objects::default() }
}

#[test]
fn a_pruned_trail_verifies_and_says_what_is_gone() {
    let store = stored(sealed_trail());
    // Batches are written two hours apart: three of each chain are older.
    let cutoff = Time(NOW.0 + 6 * 3_600);
    let plan = plan_pruning(&store, cutoff, Time(NOW.0 + 90_000)).unwrap();
    assert_eq!((plan.keys.len(), plan.pruning.entries), (6, 12));
    assert_eq!(verify_trail(&store, &|_, _| ()).unwrap().batches, 10, "a plan removes nothing");
    prune(&store, &store, &plan, "run").unwrap();
    let found = verify_trail(&store, &|_, _| ()).unwrap();
    assert_eq!(found.problems, []);
    assert_eq!((found.batches, found.pruned_entries), (4, 12));
    // The rest goes too: the chains are gone, and the seals know why.
    let plan = plan_pruning(&store, Time(NOW.0 + 80_000), Time(NOW.0 + 90_000)).unwrap();
    prune(&store, &store, &plan, "run-2").unwrap();
    let found = verify_trail(&store, &|_, _| ()).unwrap();
    assert_eq!((found.problems, found.batches, found.pruned_entries), (Vec::new(), 0, 20));
}

#[test]
fn a_pruning_that_is_killed_anywhere_leaves_a_trail_that_verifies() {
    let cutoff = Time(NOW.0 + 6 * 3_600);
    for kept in 0..7 {
        let store = stored(sealed_trail());
        let plan = plan_pruning(&store, cutoff, NOW).unwrap();
        // The pruning is stored, and only the first batches are removed.
        let part = PrunePlan { keys: plan.keys[..6 - kept.min(6)].to_vec(), ..plan.clone() };
        if part.keys.is_empty() {
            continue;
        }
        prune(&store, &store, &part, "killed").unwrap();
        assert_eq!(verify_trail(&store, &|_, _| ()).unwrap().problems, [], "{kept}");
        let rest = plan_pruning(&store, cutoff, NOW).unwrap();
        prune(&store, &store, &rest, "next").unwrap();
        let found = verify_trail(&store, &|_, _| ()).unwrap();
        assert_eq!((found.problems, found.batches), (Vec::new(), 4));
    }
}

#[test]
fn what_a_pruning_does_not_name_is_still_found() {
    let store = stored(sealed_trail());
    let plan = plan_pruning(&store, Time(NOW.0 + 6 * 3_600), NOW).unwrap();
    prune(&store, &store, &plan, "run").unwrap();
    store.remove(&key(3)).unwrap();
    let found = verify_trail(&store, &|_, _| ()).unwrap();
    let kinds: Vec<_> = found.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [AuditProblemKind::BeginningMissing]);
    assert!(matches!(plan_pruning(&store, NOW, NOW), Err(TrailChangeError::NotIntact(_))));
}
