//! Log files that S3 events name: read and stored, missing, unreadable, or skipped.

use onlooker_core::{
    config::Config,
    jobs::{
        evidence::EvidenceStore,
        gather::read_object,
        ingest::{IngestMessage, IngestOutcome, ingest},
    },
    ports::{LogSource, ObjectStore, PortError, PortErrorKind, StoredObject, Table},
    record::ReadLimits,
    report::Report,
    segment::Segment,
    time::{Hour, Time},
};
use serde_json::{Value, json};

use super::{
    environment::{FaultPlan, FaultTiming, TestEnvironment},
    fixtures::{
        ACCOUNTS, REGIONS, digest, expected_report, gzip, hour_after_start, log_file, log_name, message,
        minutes_after_start, notification, promise_config, record, report,
    },
};

const HOURS: fn() -> (Hour, Hour) = || (hour_after_start(0), hour_after_start(3));

fn report_on(environment: &TestEnvironment, config: &Config) -> Report {
    report(&EvidenceStore::new(&environment.table, &environment.store), config, HOURS(), 2).unwrap()
}

fn ingest_messages(
    environment: &TestEnvironment,
    config: &Config,
    messages: &[IngestMessage],
) -> IngestOutcome {
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    ingest(&environment.logs, &evidence_store, config, &environment.clock, messages, None).unwrap()
}

/// Delivers an object and returns it with its evidence.
fn deliver(environment: &TestEnvironment, name: &str, bytes: &[u8]) -> (StoredObject, Segment) {
    (environment.logs.port.deliver(name, bytes), read_object(name, bytes, ReadLimits::default()).segment)
}

/// A trail of two accounts in two regions over two hours, with digests; and its evidence.
fn trail(environment: &TestEnvironment) -> (Vec<StoredObject>, Segment) {
    let (mut objects, mut all) = (Vec::new(), Segment::default());
    for (a, account) in ACCOUNTS.iter().enumerate() {
        for (r, region) in REGIONS.iter().enumerate() {
            let base = u32::try_from(a * 2 + r).unwrap() * 1_000;
            for five in 0..4 {
                let time = |n: u32| minutes_after_start(five * 30 + n * 4);
                let records: Vec<Value> =
                    (0..6).map(|n| record(base + five * 10 + n, account, region, time(n))).collect();
                let name =
                    log_name(account, region, minutes_after_start(five * 30 + 29), &format!("a b+{five}"));
                let (object, segment) = deliver(environment, &name, &log_file(&records));
                objects.push(object);
                all = all.merge(segment);
            }
            for end in [60, 120] {
                let (name, bytes) = digest(account, region, minutes_after_start(end), &[]);
                let (object, segment) = deliver(environment, &name, &bytes);
                objects.push(object);
                all = all.merge(segment);
            }
        }
    }
    (objects, all)
}

#[test]
fn no_object_is_read_while_the_use_of_cloudtrail_is_switched_off() {
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (objects, _) = trail(&environment);
    let messages = [message("m", &[&objects[0]])];
    let mut config = promise_config(Some(hour_after_start(0)));
    config.cloudtrail.enabled = false;
    let off = ingest_messages(&environment, &config, &messages);
    assert_eq!((off.statistics.objects, off.missing_objects, off.failed.len()), (0, 1, 0));
    assert_eq!(report_on(&environment, &config).result.totals.events, 0);
    config.cloudtrail.enabled = true;
    let later = report_on(&environment, &config).result;
    assert_eq!(
        (later.totals.events, later.totals.unreadable_evidence),
        (0, 1),
        "the object counts as missing"
    );
    assert_eq!(ingest_messages(&environment, &config, &messages).statistics.objects, 1);
    let read = report_on(&environment, &config).result;
    assert!(read.totals.events > 0 && read.totals.unreadable_evidence == 0, "until it is read");
}

#[test]
fn the_report_does_not_depend_on_how_notifications_are_batched_or_repeated() {
    let config = promise_config(Some(hour_after_start(0)));
    let mut reports: Vec<Report> = Vec::new();
    for deal in 0..4_usize {
        let environment = TestEnvironment::new(minutes_after_start(200));
        let (objects, all) = trail(&environment);
        let messages: Vec<IngestMessage> = (0..3)
            .flat_map(|time| objects.iter().enumerate().map(move |(n, object)| (time, n, object)))
            .map(|(time, n, object)| message(&format!("{time}-{n}"), &[object]))
            .collect();
        let mut order: Vec<&IngestMessage> = messages.iter().collect();
        order.sort_by_key(|message| {
            message.id.bytes().map(usize::from).sum::<usize>() * (deal + 3) * 7_919 % 61
        });
        for batch in order.chunks([1, 3, 10, 72][deal]) {
            let batch: Vec<IngestMessage> = batch.iter().map(|message| (*message).clone()).collect();
            let ingested = ingest_messages(&environment, &config, &batch);
            assert_eq!(ingested.failed, []);
            let reading = &ingested.statistics;
            assert_eq!(
                reading.records,
                reading.tallied + reading.duplicate + reading.unreadable + reading.insight_events,
                "{reading:?}"
            );
        }
        let report = report_on(&environment, &config);
        assert_eq!(report.result, expected_report(all, &config, HOURS()).result);
        assert_eq!(report.result.totals.events, 96);
        reports.push(report);
    }
    assert!(reports.iter().all(|report| report.id == reports[0].id));
}

#[test]
fn an_object_that_cannot_be_fetched_is_missing_until_it_is() {
    for kind in [
        PortErrorKind::AccessDenied,
        PortErrorKind::Throttled,
        PortErrorKind::NotFound,
        PortErrorKind::Unavailable,
    ] {
        let config = promise_config(Some(hour_after_start(0)));
        let environment = TestEnvironment::new(minutes_after_start(200));
        let (objects, all) = trail(&environment);
        let whole = expected_report(all, &config, HOURS());
        let messages: Vec<IngestMessage> =
            objects.iter().enumerate().map(|(n, object)| message(&n.to_string(), &[object])).collect();
        let lost = objects[2].name.clone();
        environment.injector.plan(FaultPlan::Fail {
            kind,
            timing: FaultTiming::Before,
            matching: Box::new(move |_, call| call.method == "fetch" && call.target == lost),
        });
        for _ in 0..3 {
            let ingested = ingest_messages(&environment, &config, &messages);
            let failed: Vec<&str> = ingested.failed.iter().map(|failed| &*failed.message_id).collect();
            assert_eq!((failed, ingested.missing_objects), (vec!["2"], 1));
            assert!(ingested.failed[0].cause.contains(&objects[2].name), "{:?}", ingested.failed);
        }
        let report = report_on(&environment, &config);
        assert_eq!(report.result.totals.unreadable_evidence, 1, "once, however often it was tried");
        assert!(report.run.unreadable[0].file == objects[2].name, "{:?}", report.run.unreadable);
        assert_eq!(report.result.status().unwrap().as_str(), "NON_COMPLIANT", "a write that was read counts");
        assert_ne!(report.result, whole.result);
        // The message is redriven once the cause is fixed; or a list names the object, without a version id.
        environment.injector.reset();
        assert_eq!(ingest_messages(&environment, &config, &messages[2..3]).failed, []);
        assert_eq!(report_on(&environment, &config).result, whole.result);
    }
}

/// A source that takes ten seconds for each object.
struct SlowSource<'e>(&'e TestEnvironment);

impl LogSource for SlowSource<'_> {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        self.0.logs.list()
    }

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        self.0.clock.advance(10);
        self.0.logs.fetch(object, most, bytes)
    }
}

#[test]
fn a_run_stores_what_it_read_before_its_time_is_used_up_and_reads_repeated_messages_last() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (objects, all) = trail(&environment);
    let whole = expected_report(all, &config, HOURS());
    let mut messages: Vec<IngestMessage> =
        objects.iter().enumerate().map(|(n, object)| message(&n.to_string(), &[object])).collect();
    messages[0].receive_count = 2;
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let mut read = 0;
    while !messages.is_empty() {
        environment.clock.set_remaining(65);
        let source = SlowSource(&environment);
        let ingested =
            ingest(&source, &evidence_store, &config, &environment.clock, &messages, None).unwrap();
        let left: Vec<&str> = ingested.failed.iter().map(|failed| &*failed.message_id).collect();
        assert_eq!((messages.len() - left.len(), ingested.missing_objects), (messages.len().min(4), 0));
        assert!(ingested.failed.iter().all(|failed| failed.cause.contains("time of the run was used up")));
        assert_eq!(left.contains(&"0"), !left.is_empty(), "the object that failed before is read last");
        read += messages.len() - left.len();
        let left: Vec<String> = left.into_iter().map(str::to_owned).collect();
        messages.retain(|message| left.contains(&message.id));
    }
    assert_eq!(read, objects.len());
    assert_eq!(report_on(&environment, &config).result, whole.result);
}

/// A function that is out of memory or time is killed and records nothing; its message ends in the dead-letter queue.
#[test]
fn an_object_that_kills_the_function_is_missing_before_its_message_reaches_the_dead_letter_queue() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (objects, all) = trail(&environment);
    let whole = expected_report(all, &config, HOURS());
    let messages: Vec<IngestMessage> =
        objects.iter().enumerate().map(|(n, object)| message(&n.to_string(), &[object])).collect();
    ingest_messages(&environment, &config, &[&messages[..2], &messages[3..]].concat());
    for received in 1..=3 {
        let which = objects[2].name.clone();
        environment.injector.reset();
        let at = if received == 1 { 0 } else { 1 };
        environment.injector.plan(FaultPlan::Kill { at, timing: FaultTiming::Before });
        let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
        let again = IngestMessage { receive_count: received, ..messages[2].clone() };
        drop(ingest(&environment.logs, &evidence_store, &config, &environment.clock, &[again], None));
        let calls = environment.injector.reset();
        assert_eq!((calls[at].method, &calls[at].target), ("fetch", &which));
    }
    let report = report_on(&environment, &config);
    assert_eq!(report.result.totals.unreadable_evidence, 1);
    assert_eq!(report.run.unreadable[0].file, objects[2].name);
    assert!(report.run.unreadable[0].reason.contains("received 3 times"), "{:?}", report.run.unreadable);
    // The message is redriven.
    assert_eq!(ingest_messages(&environment, &config, &messages[2..3]).failed, []);
    assert_eq!(report_on(&environment, &config).result, whole.result);
}

#[test]
fn an_object_without_a_time_in_its_name_is_recorded_as_missing_and_cleared() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let bytes = log_file(&[record(2, ACCOUNTS[0], REGIONS[0], minutes_after_start(71))]);
    let (object, all) = deliver(&environment, "s3://trail/copy of a log.json", &bytes);
    environment.logs.port.remove(&object.name);
    // The S3 event names it at 01:10 with a version id.
    let id = StoredObject { version: format!("{}/v1", object.version), ..object.clone() };
    assert_eq!(ingest_messages(&environment, &config, &[message("1", &[&id])]).missing_objects, 1);
    assert_eq!(report_on(&environment, &config).result.totals.unreadable_evidence, 1);
    deliver(&environment, &object.name, &bytes);
    assert_eq!(ingest_messages(&environment, &config, &[message("2", &[&object])]).failed, []);
    assert_eq!(report_on(&environment, &config).result, expected_report(all, &config, HOURS()).result);
}

/// CloudTrail's own notice of a delivery, which has neither an ETag nor a version.
fn notice(id: &str, object: &StoredObject) -> IngestMessage {
    let key = object.name.strip_prefix("s3://trail/").unwrap();
    IngestMessage {
        body: json!({ "s3Bucket": "trail", "s3ObjectKey": [key] }).to_string(),
        ..message(id, &[])
    }
}

/// An item of the state machine, as a listing names the object.
fn item(object: &StoredObject) -> IngestMessage {
    let key = object.name.strip_prefix("s3://trail/").unwrap();
    let body =
        json!({ "bucket": "trail", "key": key, "etag": format!("\"{}\"", object.version) }).to_string();
    IngestMessage { body, receive_count: 0, ..message("item", &[]) }
}

fn fail_to_fetch(environment: &TestEnvironment, object: &StoredObject) {
    let lost = object.name.clone();
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::AccessDenied,
        timing: FaultTiming::Before,
        matching: Box::new(move |_, call| call.method == "fetch" && call.target == lost),
    });
}

#[test]
fn an_object_named_without_a_version_is_no_longer_missing_once_any_message_reads_it() {
    type Namer = fn(&StoredObject) -> IngestMessage;
    let with_version: Namer = |object| message("later", &[object]);
    let without: Namer = |object| notice("later", object);
    for (first, then) in
        [(without, item as Namer), (without, with_version), (with_version, without), (item, without)]
    {
        let config = promise_config(Some(hour_after_start(0)));
        let environment = TestEnvironment::new(minutes_after_start(200));
        let (objects, all) = trail(&environment);
        let whole = expected_report(all, &config, HOURS());
        let others: Vec<IngestMessage> =
            objects.iter().skip(1).map(|object| message("1", &[object])).collect();
        ingest_messages(&environment, &config, &others);
        fail_to_fetch(&environment, &objects[0]);
        assert_eq!(ingest_messages(&environment, &config, &[first(&objects[0])]).missing_objects, 1);
        assert_eq!(report_on(&environment, &config).result.totals.unreadable_evidence, 1);
        environment.injector.reset();
        assert_eq!(ingest_messages(&environment, &config, &[then(&objects[0])]).failed, []);
        assert_eq!(report_on(&environment, &config).result, whole.result);
        assert_eq!(environment.table.query("MISSING#2026-10-06", "").unwrap(), []);
    }
}

#[test]
fn a_function_that_fails_after_another_read_the_object_does_not_make_it_missing() {
    let names: [fn(&StoredObject) -> IngestMessage; 2] =
        [|object| notice("1", object), |object| message("1", &[object])];
    for (first, stale) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let config = promise_config(Some(hour_after_start(0)));
        let environment = TestEnvironment::new(minutes_after_start(200));
        let (mut objects, all) = trail(&environment);
        // Log files without a record and without a time in their names are evidence too.
        let none = log_name(ACCOUNTS[0], REGIONS[0], minutes_after_start(45), "none");
        objects.push(deliver(&environment, &none, &log_file(&[])).0);
        objects.push(deliver(&environment, "s3://trail/copy of none.json", &log_file(&[])).0);
        let whole = expected_report(all, &config, HOURS());
        for object in &objects {
            assert_eq!(ingest_messages(&environment, &config, &[names[first](object)]).failed, []);
        }
        for object in &objects {
            fail_to_fetch(&environment, object);
            assert_eq!(ingest_messages(&environment, &config, &[names[stale](object)]).missing_objects, 1);
        }
        environment.injector.reset();
        let report = report_on(&environment, &config);
        assert_eq!((report.run.unreadable.clone(), report.result), (vec![], whole.result));
    }
}

#[test]
fn another_version_of_an_object_does_not_replace_the_one_that_is_missing() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (objects, _) = trail(&environment);
    for object in &objects {
        ingest_messages(&environment, &config, &[message("1", &[object])]);
    }
    // The object was announced, and replaced before the function read it.
    let name = log_name(ACCOUNTS[0], REGIONS[0], minutes_after_start(45), "replaced");
    let announced = deliver(
        &environment,
        &name,
        &log_file(&[record(3, ACCOUNTS[0], REGIONS[0], minutes_after_start(40))]),
    )
    .0;
    let replacement = deliver(&environment, &name, &log_file(&[])).0;
    assert_eq!(ingest_messages(&environment, &config, &[message("1", &[&announced])]).missing_objects, 1);
    for later in [message("2", &[&replacement]), notice("3", &replacement), item(&replacement)] {
        assert_eq!(ingest_messages(&environment, &config, &[later]).failed, []);
        let report = report_on(&environment, &config);
        assert_eq!(report.result.totals.unreadable_evidence, 1);
        assert_eq!(report.run.unreadable[0].file, name);
    }
}

#[test]
fn one_missing_object_counts_once_however_messages_name_it() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (objects, _) = trail(&environment);
    fail_to_fetch(&environment, &objects[2]);
    for name in [notice("1", &objects[2]), message("2", &[&objects[2]]), item(&objects[2])] {
        ingest_messages(&environment, &config, &[name]);
        assert_eq!(report_on(&environment, &config).result.totals.unreadable_evidence, 1);
    }
}

#[test]
fn an_unreadable_object_is_reported_at_once_and_goes_to_the_dead_letter_queue() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (mut objects, mut all) = trail(&environment);
    let good = log_file(&[record(5_000, ACCOUNTS[0], REGIONS[0], minutes_after_start(5))]);
    for (n, poison) in [gzip("no JSON"), Vec::new(), good[..good.len() / 2].to_vec()].into_iter().enumerate()
    {
        let name = log_name(ACCOUNTS[0], REGIONS[0], minutes_after_start(45), &format!("poison{n}"));
        let (object, segment) = deliver(&environment, &name, &poison);
        objects.push(object);
        all = all.merge(segment);
    }
    // An object that can be read in part is stored and counted, and its message is done.
    let half = format!(
        "{{\"Records\":[{},{{\"eventID\":\"x\"}}]}}",
        record(5_001, ACCOUNTS[0], REGIONS[0], minutes_after_start(6))
    );
    let (object, segment) = deliver(
        &environment,
        &log_name(ACCOUNTS[0], REGIONS[0], minutes_after_start(45), "half"),
        &gzip(&half),
    );
    objects.push(object);
    all = all.merge(segment);
    let none = deliver(
        &environment,
        &log_name(ACCOUNTS[0], REGIONS[0], minutes_after_start(45), "none"),
        &log_file(&[]),
    )
    .0;
    objects.push(none);
    let messages: Vec<IngestMessage> =
        objects.iter().enumerate().map(|(n, object)| message(&n.to_string(), &[object])).collect();
    for _ in 0..3 {
        let ingested = ingest_messages(&environment, &config, &messages);
        let failed: Vec<&str> = ingested.failed.iter().map(|failed| &*failed.message_id).collect();
        assert_eq!(
            (failed, ingested.unreadable_objects),
            (vec!["24", "25", "26"], 3),
            "{:?}",
            ingested.failed
        );
        assert_eq!(
            report_on(&environment, &config).result,
            expected_report(all.clone(), &config, HOURS()).result
        );
    }
    assert_eq!(report_on(&environment, &config).result.totals.unreadable_evidence, 4);
    assert!(report_on(&environment, &config).run.unreadable.iter().any(|one| one.file.contains("poison1")));
}

#[test]
fn evidence_outside_the_window_is_not_part_of_it() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (objects, all) = trail(&environment);
    let messages: Vec<IngestMessage> = objects.iter().map(|object| message("1", &[object])).collect();
    ingest_messages(&environment, &config, &messages);
    let whole = expected_report(all, &config, HOURS());
    assert_eq!(report_on(&environment, &config).result, whole.result);
    // Unreadable objects that were delivered two hours after the window and before it, in one batch, as a backfill
    // sends them.
    let others = [minutes_after_start(240), minutes_after_start(2_000), Time(minutes_after_start(0).0 - 60)]
        .map(|time| {
            let name = log_name(ACCOUNTS[0], REGIONS[0], time, "poison");
            deliver(&environment, &name, format!("no JSON {time}").as_bytes()).0
        });
    let all_of: Vec<&StoredObject> = others.iter().collect();
    ingest_messages(&environment, &config, &[message("1", &all_of)]);
    assert_eq!(report_on(&environment, &config).result, whole.result);
    // An object of the window's last hour may be delivered in the hour after.
    let name = log_name(ACCOUNTS[0], REGIONS[0], minutes_after_start(185), "poison");
    let late = deliver(&environment, &name, b"no JSON").0;
    ingest_messages(&environment, &config, &[message("1", &[&late])]);
    assert_eq!(report_on(&environment, &config).result.totals.unreadable_evidence, 1);
}

#[test]
fn malformed_messages_are_retried_without_blocking_others() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (objects, _) = trail(&environment);
    let config_log = "s3://trail/AWSLogs/111122223333/Config/eu-west-1/x.json.gz".to_owned();
    let foreign = StoredObject { name: config_log, size: 1, version: "1".to_owned() };
    let bad = IngestMessage {
        id: "bad".to_owned(),
        body: "hello".to_owned(),
        sent_at: minutes_after_start(80),
        receive_count: 1,
    };
    let two = IngestMessage {
        id: "two".to_owned(),
        body: notification(&[&objects[0], &foreign]),
        sent_at: minutes_after_start(80),
        receive_count: 1,
    };
    let ingested = ingest_messages(&environment, &config, &[bad, two]);
    let failed: Vec<&str> = ingested.failed.iter().map(|failed| &*failed.message_id).collect();
    assert_eq!((failed, ingested.skipped, ingested.statistics.objects), (vec!["bad"], 1, 1));
}

#[test]
fn an_empty_batch_writes_nothing() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let none = deliver(
        &environment,
        &log_name(ACCOUNTS[0], REGIONS[0], minutes_after_start(45), "none"),
        &log_file(&[]),
    )
    .0;
    assert_eq!(ingest_messages(&environment, &config, &[message("1", &[&none])]).failed, []);
    assert_eq!(ingest_messages(&environment, &config, &[]), IngestOutcome::default());
    assert_eq!(environment.store.list("").unwrap(), []);
    assert_eq!(environment.table.query("ACCOUNT_REGIONS", "").unwrap(), []);
}

#[test]
fn evidence_that_cannot_be_stored_is_missing_and_retried() {
    let config = promise_config(Some(hour_after_start(0)));
    let environment = TestEnvironment::new(minutes_after_start(200));
    let (objects, all) = trail(&environment);
    let messages: Vec<IngestMessage> = objects.iter().map(|object| message("1", &[object])).collect();
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::AccessDenied,
        timing: FaultTiming::Before,
        matching: Box::new(|_, call| {
            call.port == "store" && call.method == "create" && call.target.starts_with("evidence/")
        }),
    });
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let error = ingest(&environment.logs, &evidence_store, &config, &environment.clock, &messages, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("evidence/dt=2026-10-06/"), "{error}");
    assert_eq!(report_on(&environment, &config).result.totals.unreadable_evidence, objects.len() as u64);
    environment.injector.reset();
    ingest_messages(&environment, &config, &messages);
    assert_eq!(report_on(&environment, &config).result, expected_report(all, &config, HOURS()).result);
}
