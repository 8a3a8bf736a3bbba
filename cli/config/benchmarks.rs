//! How fast this machine writes and finds audit entries, and what memory events take.
//!
//! Enters: the settings of the audit trail. Leaves: a check for each of three figures. Laws: only files in a temporary folder are
//! written, and they are removed; a figure below its target is told and changes no exit code, because it depends on what else the
//! machine does; one that is far below is a warning.

use std::{fs, path::Path, time::Instant};

use onlooker_core::{
    audit::{AuditKind, AuditQuery},
    config::Config,
    jobs::{
        audit::{AuditReader, AuditTrail},
        gather::read_object,
    },
    record::ReadLimits,
};
use onlooker_local::directory_store::DirectoryStore;
use serde_json::{Value, json};

use crate::{diagnosis::Check, environment};

const GROUP: &str = "performance";

/// Targets, of the audit system that this one replaces (its document, 2026-02).
const WRITES_PER_SECOND: f64 = 500.0;
const QUERY_MILLISECONDS: f64 = 50.0;
const MEMORY_BYTES: f64 = 50e6;

/// What is far off a target.
const FAR_OFF: f64 = 20.0;

/// Entries that are written.
const ENTRIES: u32 = 2_000;

/// Events that are read.
const EVENTS: u32 = 1_000;

/// All benchmarks.
pub fn all(config: &Config) -> Vec<Check> {
    let folder = std::env::temp_dir().join(format!("onlooker-benchmark-{}", environment::run_id()));
    let mut checks = audit_trail(config, &folder);
    // What cannot be removed is left to the temporary folder.
    let _ = fs::remove_dir_all(&folder);
    checks.push(memory());
    checks
}

/// A figure and its target. `ratio` is at least 1 if the target is met.
fn figure(name: &str, ratio: f64, said: String, fix: &str) -> Check {
    if ratio >= 1.0 {
        return Check::ok(GROUP, name, said);
    }
    let said = format!("{said}, below the target");
    if ratio * FAR_OFF >= 1.0 { Check::ok(GROUP, name, said) } else { Check::warning(GROUP, name, said, fix) }
}

fn audit_trail(config: &Config, folder: &Path) -> Vec<Check> {
    let store = DirectoryStore::new(folder);
    let trail =
        AuditTrail::new(&store, &config.audit, config.standard, "config validate", &environment::run_id());
    let now = environment::now();
    let began = Instant::now();
    let written = (0..ENTRIES)
        .try_for_each(|n| trail.add_note(AuditKind::Run, format!("benchmark entry {n}"), now))
        .and_then(|()| trail.flush(now));
    let seconds = began.elapsed().as_secs_f64();
    if let Err(error) = written {
        return vec![Check::problem(
            GROUP,
            "audit-writes",
            format!("cannot write the audit trail: {error}"),
            "let this user write the temporary folder",
        )];
    }
    let speed = f64::from(ENTRIES) / seconds.max(1e-6);
    let slow = "look for other work on the disk, or raise `audit.write_buffer_size`";
    let writes = figure(
        "audit-writes",
        speed / WRITES_PER_SECOND,
        format!("{speed:.0} entries a second; target {WRITES_PER_SECOND:.0}"),
        slow,
    );
    vec![writes, query(config, &store)]
}

fn query(config: &Config, store: &DirectoryStore) -> Check {
    let mut reader = AuditReader::new(store, config.audit.cached_batches(), 1);
    let asked = AuditQuery { kind: Some(AuditKind::Run), ..AuditQuery::default() };
    let mut timed = || {
        let began = Instant::now();
        let found = reader.query(&asked).map(|answer| answer.entries.len());
        (found, began.elapsed().as_secs_f64() * 1_000.0)
    };
    let ((found, first), (_, cached)) = (timed(), timed());
    match found {
        Ok(found) if found == ENTRIES as usize => figure(
            "audit-query",
            QUERY_MILLISECONDS / first.max(1e-6),
            format!("{first:.1} ms, again {cached:.3} ms; target {QUERY_MILLISECONDS:.0} ms"),
            "raise `audit.query_cache_size`, or ask for a period with `--since`",
        ),
        Ok(found) => Check::problem(
            GROUP,
            "audit-query",
            format!("found {found} of {ENTRIES} entries"),
            "do not use this build, and report it",
        ),
        Err(error) => {
            Check::problem(GROUP, "audit-query", error.to_string(), "let this user read the folder")
        }
    }
}

fn memory() -> Check {
    let name = "memory-of-1000-events";
    let before = environment::memory();
    let file = json!({ "Records": (0..EVENTS).map(event).collect::<Vec<_>>() }).to_string();
    let evidence = read_object("benchmark.json", file.as_bytes(), ReadLimits::default());
    let after = environment::memory();
    let read = evidence.statistics.tallied;
    if read != u64::from(EVENTS) {
        return Check::problem(
            GROUP,
            name,
            format!("read {read} of {EVENTS} events"),
            "do not use this build, and report it",
        );
    }
    let Some((before, after)) = before.zip(after) else {
        return Check::not_checked(GROUP, name, "this system does not say how much memory a process uses");
    };
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let taken = after.saturating_sub(before) as f64;
    figure(
        name,
        MEMORY_BYTES / taken.max(1.0),
        format!("{:.1} MB with their log file; target {:.0} MB", taken / 1e6, MEMORY_BYTES / 1e6),
        "end other work on this machine",
    )
}

/// A call, as CloudTrail records it.
fn event(n: u32) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:benchmark",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/Benchmark{}/session-{n}", n % 10),
            "accountId": "111122223333",
        },
        "eventTime": format!("2026-10-06T10:{:02}:{:02}Z", n / 60 % 60, n % 60),
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "us-east-1",
        "readOnly": true,
        "eventID": format!("00000000-0000-4000-8000-{n:012}"),
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "eventCategory": "Management",
        "recipientAccountId": "111122223333",
    })
}
