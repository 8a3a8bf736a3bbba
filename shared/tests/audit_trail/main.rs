//! Laws of the audit trail: what is recorded, how it is written, found and verified.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

mod found;
mod pruned;
mod recorded;
mod signed;
mod verified;
mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use onlooker_core::{
    audit::{
        AuditKind, AuditProblemKind, AuditQuery, AuditSeal, AuditTrailEntry, AuditVerification,
        BatchCompressor, EntryLine, GENESIS, REDACTED, SealedBatch, UNREADABLE, seal_batch, verify,
    },
    catalog::Catalog,
    config::{AuditSettings, Config},
    event::Outcome,
    jobs::{
        audit::{
            AuditError, AuditReader, AuditTrail, Auditing, PrunePlan, TrailChangeError, plan_pruning, prune,
            verify_trail, written_entries,
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
    let options = GatherOptions { threads: 1, limits: ReadLimits::default(), hash_content: false };
    let objects = source.list().unwrap();
    gather_objects(
        &source,
        &objects,
        options,
        &|_| (),
        ObjectCallback::WithSegment(&keep),
        Some(audit.criteria),
    )
    .unwrap();
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

/// Batches of a chain with two entries each.
fn chain(id: &str, batches: u64) -> Vec<SealedBatch> {
    let mut previous = GENESIS.to_owned();
    (0..batches)
        .map(|sequence| {
            let lines: Vec<EntryLine> =
                (0..2).map(|n| EntryLine::of(&note(sequence as u32 * 2 + n)).unwrap()).collect();
            let batch = seal_batch(
                id,
                sequence,
                &previous,
                Time(NOW.0 + sequence as u32 * 7_200),
                &mut BatchCompressor::new(6),
                &lines,
            );
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
    verify(objects, None).unwrap()
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

/// The batches of the first chain, by number.
fn key(sequence: usize) -> String {
    chain(CHAIN, 6)[sequence].key.to_string()
}
