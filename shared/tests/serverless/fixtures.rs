//! Trails for jobs: records, log files named and laid out as CloudTrail delivers them, and messages about them.

#![allow(dead_code, reason = "no test uses all of it")]

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use onlooker_core::{
    catalog::Catalog,
    config::{Config, Standard, Watch},
    controls::ControlPack,
    evidence_summary::{EvidenceSummary, ReportScope},
    jobs::{
        evaluation::{EvaluationCriteria, evaluate},
        evidence::{EvidenceBatch, EvidenceError, EvidenceSource, EvidenceStore, collect},
        history,
        ingest::IngestMessage,
    },
    ports::{ProcessedObject, StoredObject},
    record::DigestWindow,
    report::{Report, ReportRun},
    segment::{Segment, SegmentBuilder},
    time::{HOUR_SECONDS, Hour, Time},
};
use serde_json::{Value, json};

pub const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
pub const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

/// Midnight of Tuesday, 6 October 2026, UTC.
pub const START: Time = Time(1_791_244_800);

/// The time this many minutes after the start.
pub fn minutes_after_start(minutes: u32) -> Time {
    Time(START.0 + minutes * 60)
}

pub fn hour_after_start(hours: u32) -> Hour {
    Hour(START.0 / HOUR_SECONDS + hours)
}

/// A record of the watched role, or of one that is not watched. Every seventh is a write.
pub fn record(id: u32, account: &str, region: &str, time: Time) -> Value {
    let (name, read) = if id % 7 == 3 { ("RunInstances", false) } else { ("DescribeInstances", true) };
    let role = if id.is_multiple_of(2) { "Auditor" } else { "Builder" };
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole", "principalId": format!("AROA{role}:s"), "accountId": account,
            "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/s"),
            "sessionContext": { "sessionIssuer": {
                "type": "Role", "principalId": format!("AROA{role}"), "userName": role, "accountId": account,
                "arn": format!("arn:aws:iam::{account}:role/{role}")
            } }
        },
        "eventTime": time.to_string(), "eventSource": "ec2.amazonaws.com", "eventName": name, "awsRegion": region,
        "eventID": format!("{:08x}-5f9e-4ee1-bb48-e20fecb32403", id), "eventType": "AwsApiCall", "managementEvent": true,
        "readOnly": read, "recipientAccountId": account, "eventCategory": "Management"
    })
}

pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

pub fn log_file(records: &[Value]) -> Vec<u8> {
    gzip(&json!({ "Records": records }).to_string())
}

/// `20261006T0005Z`
fn timestamp(time: Time, seconds: bool) -> String {
    let text: String = time.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    if seconds { text } else { text.get(..13).unwrap().to_owned() + "Z" }
}

fn log_folder(account: &str, kind: &str, region: &str, time: Time) -> String {
    let date = time.to_string().get(..10).unwrap().replace('-', "/");
    format!("s3://trail/org/AWSLogs/o-abc123/{account}/{kind}/{region}/{date}")
}

/// The name of a log file of an organization trail.
pub fn log_name(account: &str, region: &str, delivered: Time, unique: &str) -> String {
    let folder = log_folder(account, "CloudTrail", region, delivered);
    format!("{folder}/{account}_CloudTrail_{region}_{}_{unique}.json.gz", timestamp(delivered, false))
}

/// A digest of the hour that ends at `end`, which lists these log files by their first and last event.
pub fn digest(account: &str, region: &str, end: Time, logs: &[(Time, Time)]) -> (String, Vec<u8>) {
    digest_since(account, region, (Time(end.0 - HOUR_SECONDS), end), logs)
}

/// A digest of the time from `start` to `end`.
pub fn digest_since(
    account: &str,
    region: &str,
    (start, end): (Time, Time),
    logs: &[(Time, Time)],
) -> (String, Vec<u8>) {
    let folder = log_folder(account, "CloudTrail-Digest", region, end);
    let name = format!(
        "{folder}/{account}_CloudTrail-Digest_{region}_trail_{region}_{}.json.gz",
        timestamp(end, true)
    );
    let logs: Vec<Value> = logs
        .iter()
        .map(|(oldest, newest)| {
            json!({
                "s3Bucket": "trail", "s3Object": "x", "oldestEventTime": oldest.to_string(),
                "newestEventTime": newest.to_string()
            })
        })
        .collect();
    let digest = json!({
        "awsAccountId": account, "digestStartTime": start.to_string(), "digestEndTime": end.to_string(),
        "digestS3Object": name.strip_prefix("s3://trail/"), "logFiles": logs
    });
    (name, gzip(&digest.to_string()))
}

/// An S3 event notification about these objects.
pub fn notification(objects: &[&StoredObject]) -> String {
    let records: Vec<Value> = objects
        .iter()
        .map(|object| {
            let key = object.name.strip_prefix("s3://trail/").unwrap().replace('+', "%2B").replace(' ', "+");
            json!({
                "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": minutes_after_start(70).to_string(),
                "s3": {
                    "bucket": { "name": "trail" },
                    "object": { "key": key, "size": object.size, "eTag": object.version }
                }
            })
        })
        .collect();
    json!({ "Records": records }).to_string()
}

/// A message about these objects.
pub fn message(id: &str, objects: &[&StoredObject]) -> IngestMessage {
    IngestMessage {
        id: id.to_owned(),
        body: notification(objects),
        sent_at: minutes_after_start(80),
        receive_count: 1,
    }
}

/// A promise that the Auditor is read-only. The trail counts from this hour on.
pub fn promise_config(authoritative_from: Option<Hour>) -> Config {
    let mut config =
        Config { watch: vec![Watch::new("arn:aws:iam::*:role/Auditor").unwrap()], ..Config::default() };
    config.delivery.authoritative_from = authoritative_from.map(Hour::start);
    config
}

fn report_of(summary: EvidenceSummary, config: &Config, run: ReportRun) -> Report {
    let pack = ControlPack::built_in(Standard::General).unwrap();
    evaluate(
        summary,
        EvaluationCriteria {
            config,
            catalog: Catalog::embedded(),
            pack: &pack,
            policies: onlooker_core::grants::PolicyHistory::empty(),
            integrity: None,
        },
        run,
    )
    .unwrap()
}

/// The report on the stored evidence of these hours.
pub fn report(
    evidence_store: &EvidenceStore<'_>,
    config: &Config,
    hours: (Hour, Hour),
    threads: usize,
) -> Result<Report, EvidenceError> {
    report_on(evidence_store, config, hours, &[], threads)
}

/// The same, where these accounts and regions are pulled.
pub fn report_on(
    evidence_store: &EvidenceStore<'_>,
    config: &Config,
    hours: (Hour, Hour),
    account_regions: &[history::AccountRegion],
    threads: usize,
) -> Result<Report, EvidenceError> {
    let span = (hours.0.start(), hours.1.start());
    let collected =
        collect(evidence_store, config, span, threads)?.expect_account_regions(account_regions, config, span);
    let run = collected.inputs.fill_run(ReportRun::default());
    Ok(report_of(collected.summary, config, run))
}

/// The report on evidence that was never split.
pub fn expected_report(evidence: Segment, config: &Config, hours: (Hour, Hour)) -> Report {
    let scope = ReportScope::between(Some(hours.0.start()), Some(hours.1.start()));
    report_of(EvidenceSummary::from_segment(evidence, scope), config, ReportRun::default())
}

/// The evidence of these records.
pub fn segment(records: &[Value]) -> Segment {
    let text = json!({ "Records": records }).to_string();
    let gathered = onlooker_core::jobs::gather::read_object(
        "x",
        text.as_bytes(),
        onlooker_core::record::ReadLimits::default(),
    );
    assert_eq!(gathered.statistics.unreadable, 0);
    gathered.segment
}

/// A slice of the event history that was read to its end.
pub fn slice_batch(
    account: &str,
    region: &str,
    (since, until): (Time, Time),
    records: &[Value],
) -> EvidenceBatch {
    let mut builder = SegmentBuilder::from(segment(records));
    builder.push_digest_window(DigestWindow {
        account: account.into(),
        region: region.into(),
        start: since,
        end: until,
        log_files: [].into(),
    });
    let segment = builder.finish();
    let name = format!("lookup://{account}/{region}/{since}/{until}");
    let object = StoredObject { name: name.clone(), size: 0, version: String::new() };
    let mut batch = EvidenceBatch::new(
        EvidenceSource::Lookup,
        format!("{:x}", onlooker_core::record::Fingerprint::of("slice", &[name.as_bytes()]).0),
    );
    let read = ProcessedObject {
        object,
        sha256: String::new(),
        content: None,
        records: records.len() as u64,
        unreadable: Vec::new(),
    };
    batch.add(segment, since.hour(), read);
    batch
}
