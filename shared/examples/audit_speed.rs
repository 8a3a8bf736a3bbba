//! Measures the audit trail: `audit_speed (write THREADS | durable THREADS | compression | query) ENTRIES DIR`.
//!
//! Prints a line of JSON for each figure. `write` adds entries through the buffer, `durable` waits for each entry until it is
//! stored; `compression` compares levels for entries that repeat and for distinct ones; `query` needs the trail of `write`.
//! One process measures one mode, so that memory belongs to that mode.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a measuring tool, not shipped"
)]

use std::{env, fs, sync::Arc, time::Instant};

use onlooker_core::{
    audit::{
        ApiCaller, AuditKind, AuditQuery, AuditTrailEntry, AuditedCall, BatchCompressor, EntryLine, GENESIS,
        seal_batch,
    },
    config::{AuditProfile, AuditSettings},
    event::Outcome,
    jobs::audit::{AuditReader, AuditTrail},
    operation::{OperationType, RiskLevel},
    time::Time,
};
use onlooker_local::directory_store::DirectoryStore;

const CHAIN: &str = "01934f2e-7c1a-7000-8000-000000000001";
const NOW: Time = Time(1_795_255_200);

/// What the program that Onlooker replaces states of itself: buffered writes a second, and compression of its entries.
const ORIGINAL_WRITES_PER_S: u32 = 1_461;
const ORIGINAL_RATIO: f64 = 13.96;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let at = |position: usize| arguments.get(position).map(String::as_str).unwrap_or_default();
    match at(0) {
        "write" => write(at(1).parse().unwrap(), at(2).parse().unwrap(), at(3), false),
        "durable" => write(at(1).parse().unwrap(), at(2).parse().unwrap(), at(3), true),
        "compression" => compression(at(1).parse().unwrap()),
        _ => query(at(2)),
    }
}

/// The entry of a call. Distinct entries have ids, addresses and resources of their own, in no order.
fn entry(number: u32, is_distinct: bool) -> AuditTrailEntry {
    let own = if is_distinct { number } else { 0 };
    let mixed = u64::from(own).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let operations = ["s3:PutObject", "iam:CreateUser", "kms:Decrypt", "secretsmanager:GetSecretValue"];
    let operation = operations.iter().cycle().nth(own as usize % 4).copied().unwrap_or_default();
    AuditTrailEntry {
        kind: AuditKind::Call,
        timestamp: Time(NOW.0 + number / 12),
        recorded_at: NOW,
        recorded_by: "ingest".to_owned(),
        message: None,
        compliance_standard: Default::default(),
        call: Some(AuditedCall {
            operation: Arc::from(operation),
            service: Arc::from("s3.amazonaws.com"),
            operation_type: OperationType::Mutating,
            severity: RiskLevel::High,
            outcome: if own % 5 == 0 { Outcome::Denied } else { Outcome::Succeeded },
            error_code: None,
            event_id: format!("{:016x}-{:016x}", mixed, mixed.rotate_left(29) ^ 0x5bd1_e995),
            account: Arc::from("111122223333"),
            region: Arc::from("eu-west-1"),
            user_identity: ApiCaller {
                principal: Arc::from(format!("arn:aws:iam::111122223333:role/Auditor{}", own / 4_000)),
                access_key_id: Some(format!("ASIA{:016X}", mixed.rotate_left(11))),
                ..ApiCaller::default()
            },
            resource_arns: Vec::new(),
            source_ip: Some(format!("192.0.{}.{}", mixed >> 8 & 255, mixed & 255)),
            user_agent: None,
            request_parameters: None,
            response_elements: None,
            is_truncated: false,
            reason: "AWS documents the level Write".to_owned(),
        }),
    }
}

fn write(threads: u32, entries: u32, dir: &str, is_durable: bool) {
    let _ = fs::remove_dir_all(dir);
    let store = DirectoryStore::new(dir);
    let settings = AuditSettings { profile: AuditProfile::HighTraffic, ..AuditSettings::default() };
    let trail = AuditTrail::new(&store, &settings, Default::default(), "bench", CHAIN);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let trail = &trail;
            scope.spawn(move || {
                for number in (thread..entries).step_by(threads as usize) {
                    let entry = entry(number, true);
                    if is_durable { trail.add_durably(&entry, NOW) } else { trail.add(&entry, NOW) }.unwrap();
                }
            });
        }
    });
    trail.flush(NOW).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let kind = if is_durable { "durable" } else { "buffered" };
    println!(
        "{{\"what\":\"{kind} writes\",\"threads\":{threads},\"entries\":{entries},\"writes_per_s\":{:.0},\"original_writes_per_s\":{ORIGINAL_WRITES_PER_S},\"peak_mb\":{}}}",
        f64::from(entries) / seconds,
        peak_megabytes()
    );
}

fn compression(entries: u32) {
    for (name, is_distinct) in [("equal", false), ("distinct", true)] {
        let lines: Vec<EntryLine> =
            (0..entries).map(|number| EntryLine::of(&entry(number, is_distinct)).unwrap()).collect();
        let plain: usize = (0..entries)
            .map(|number| serde_json::to_string(&entry(number, is_distinct)).unwrap().len() + 1)
            .sum();
        for level in [1, 3, 6, 9] {
            let start = Instant::now();
            let batch = seal_batch(CHAIN, 0, GENESIS, NOW, &mut BatchCompressor::new(level), &lines);
            println!(
                "{{\"what\":\"compression\",\"entries\":\"{name}\",\"level\":{level},\"bytes_per_entry\":{},\"ratio\":{:.2},\"original_ratio\":{ORIGINAL_RATIO},\"mb_per_s\":{:.0}}}",
                plain / lines.len().max(1),
                plain as f64 / batch.bytes.len() as f64,
                plain as f64 / 1e6 / start.elapsed().as_secs_f64()
            );
        }
    }
}

fn query(dir: &str) {
    let store = DirectoryStore::new(dir);
    let one = AuditQuery { principal: Some("*:role/Auditor7".to_owned()), ..AuditQuery::default() };
    let rare = AuditQuery { resource: Some("arn:aws:s3:::absent".to_owned()), ..AuditQuery::default() };
    let all = AuditQuery { outcome: Some(Outcome::Denied), ..AuditQuery::default() };
    for (name, query) in
        [("one principal", one), ("a resource that no call names", rare), ("every denied call", all)]
    {
        let mut reader = AuditReader::new(&store, 512, 2);
        for state in ["uncached", "cached"] {
            let start = Instant::now();
            let answer = reader.query(&query).unwrap();
            println!(
                "{{\"what\":\"query\",\"for\":\"{name}\",\"state\":\"{state}\",\"ms\":{:.2},\"found\":{},\"batches\":{},\"read\":{},\"peak_mb\":{}}}",
                start.elapsed().as_secs_f64() * 1e3,
                answer.entries.len(),
                answer.batches,
                answer.batches_read,
                peak_megabytes()
            );
        }
    }
}

/// Highest resident memory of this process so far, in megabytes.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or_default()
        / 1_024
}
