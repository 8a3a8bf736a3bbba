//! The log files of the last days, verified by maintenance and shown by reports.

use onlooker_core::{
    config::Config,
    jobs::{
        evaluation::{EvaluationCriteria, evaluate},
        evidence::{EvidenceBatch, EvidenceSource, EvidenceStore, collect, source_hash, store_batch},
        gather::GatherOptions,
        maintain::{Maintenance, MaintenanceOutcome, VerifiedTrail, maintain, verified_log_files},
    },
    log_integrity::PublicKeys,
    ports::{ObjectMetadata, PortError, ProcessedObject, StoredObject, Table, TrailBucket},
    record::ReadLimits,
    report::{MaintenanceTask, Report, ReportRun, TaskResult},
    time::{HOUR_SECONDS, Time},
};
use onlooker_local::rsa_signature::is_signature;
use test_support::signed_trail::{ACCOUNT, ChainSpec, REGION, SignedTrail, signing::TestKey, time};

use super::{
    environment::{FakeClock, FaultPlan, FaultTiming, TestEnvironment},
    fixtures::{promise_config, record, segment},
};

/// Reading a day takes this long.
const SECONDS_FOR_A_DAY: u32 = 300;

struct SignedBucket<'a> {
    trail: &'a SignedTrail,
    clock: FakeClock,
}

impl TrailBucket for SignedBucket<'_> {
    fn below(&self, prefixes: &[String]) -> Box<dyn ObjectMetadata + '_> {
        self.clock.advance(SECONDS_FOR_A_DAY);
        let is_below = |key: &String| prefixes.iter().any(|prefix| key.starts_with(prefix));
        let mut below = SignedTrail::default();
        for (key, object) in self.trail.objects.iter().filter(|(key, _)| is_below(key)) {
            below.objects.insert(key.clone(), object.clone());
        }
        Box::new(below)
    }

    fn public_keys(&self, _: &str, _: Time, _: Time) -> Result<PublicKeys, PortError> {
        Ok(TestKey::cloudtrail().published())
    }
}

const START: &str = "2026-10-05T00:00:00Z";

/// Three days of a trail, from an hour before 5 October on.
fn trail() -> SignedTrail {
    let mut trail = SignedTrail::default();
    let spec = ChainSpec {
        start: time("2026-10-04T22:15:30Z"),
        hours: 80,
        log_files_per_hour: 1,
        ..ChainSpec::six_hours()
    };
    trail.deliver(&spec, &TestKey::cloudtrail());
    trail
}

fn config() -> Config {
    let mut config = promise_config(Some(time(START).hour()));
    config.coverage.accounts = vec![ACCOUNT.to_owned()];
    config.coverage.regions = vec![REGION.to_owned()];
    config.coverage.event_classes = vec!["management-write".to_owned()];
    config
}

/// A deployment with an event of the watched role in each hour of 5 October.
fn deployment(now: &str) -> TestEnvironment {
    let environment = TestEnvironment::new(time(now));
    let evidence = EvidenceStore::new(&environment.table, &environment.store);
    let records: Vec<_> = (0..24)
        .map(|hour| record(hour * 14, ACCOUNT, REGION, Time(time(START).0 + hour * HOUR_SECONDS + 60)))
        .collect();
    let object = StoredObject { name: "log".to_owned(), size: 0, version: String::new() };
    let mut batch = EvidenceBatch::new(EvidenceSource::S3, source_hash(EvidenceSource::S3, [&object]));
    let read =
        ProcessedObject { object, sha256: String::new(), content: None, records: 24, unreadable: Vec::new() };
    batch.add(segment(&records), time(START).hour(), read);
    store_batch(&evidence, batch).unwrap();
    environment.injector.reset();
    environment
}

fn run(environment: &TestEnvironment, trail: &SignedTrail) -> MaintenanceOutcome {
    try_run(environment, trail).unwrap()
}

fn try_run(environment: &TestEnvironment, trail: &SignedTrail) -> Result<MaintenanceOutcome, PortError> {
    let evidence = EvidenceStore::new(&environment.table, &environment.store);
    let (config, bucket) = (config(), SignedBucket { trail, clock: environment.clock.clone() });
    let options = GatherOptions { threads: 2, limits: ReadLimits::default(), hash_content: false };
    let maintenance = Maintenance {
        table: &environment.table,
        table_origin: None,
        store: &environment.store,
        remover: None,
        prunes_audit_trail: false,
        signer: None,
        evidence: &evidence,
        trail: Some(VerifiedTrail { bucket: &bucket, prefix: "AWSLogs/", check: &is_signature, options }),
        backups: None,
        config: &config,
        clock: &environment.clock,
        run_id: "run",
    };
    maintain(&maintenance, &[MaintenanceTask::LogIntegrity])
}

/// The report on 5 October.
fn report(environment: &TestEnvironment) -> Report {
    let evidence = EvidenceStore::new(&environment.table.port, &environment.store.port);
    let (config, window) = (config(), (time(START), time("2026-10-06T00:00:00Z")));
    let collected = collect(&evidence, &config, window, 1).unwrap();
    let integrity = verified_log_files(&environment.table.port, &config, window).unwrap();
    let pack = onlooker_core::controls::ControlPack::built_in(config.standard).unwrap();
    let criteria = EvaluationCriteria {
        config: &config,
        catalog: onlooker_core::catalog::Catalog::embedded(),
        pack: &pack,
        policies: onlooker_core::grants::PolicyHistory::empty(),
        integrity: integrity.as_ref(),
    };
    evaluate(collected.summary, criteria, ReportRun::default()).unwrap()
}

fn hours(report: &Report) -> (u64, u64, u64, u64) {
    let hours = report.result.coverage.log_integrity.as_ref().unwrap().hours;
    (hours.verified, hours.unverified, hours.missing, hours.tampered)
}

#[test]
fn a_day_is_verified_once_its_digest_files_are_due_and_a_report_shows_it() {
    let (trail, environment) = (trail(), deployment("2026-10-06T01:00:00Z"));
    let before = report(&environment);
    assert_eq!(before.result.coverage.log_integrity, None);
    // The last digest file of 5 October is due at two o'clock.
    let early = run(&environment, &trail);
    assert_eq!(early.done[0].result, TaskResult::Succeeded);
    assert!(environment.table.port.query("INTEGRITY#2026-10-05", "").unwrap().is_empty());
    environment.clock.set(time("2026-10-07T05:00:00Z"));
    let done = run(&environment, &trail);
    assert_eq!((done.done[0].result, done.tampered()), (TaskResult::Succeeded, Some(0)));
    assert!(done.done[0].detail.ends_with("verified 48, unverified 0, missing 0, tampered 0"), "{done:?}");
    let after = report(&environment);
    assert_eq!(hours(&after), (24, 0, 0, 0));
    assert_eq!(after.result.status(), before.result.status());
    // What was verified is not read again.
    let clock = onlooker_core::ports::Clock::now(&environment.clock);
    run(&environment, &trail);
    assert_eq!(onlooker_core::ports::Clock::now(&environment.clock), clock);
}

#[test]
fn a_changed_log_file_is_found_and_stays_found() {
    let (mut trail, environment) = (trail(), deployment("2026-10-06T05:00:00Z"));
    let whole = trail.clone();
    let log = trail.logs().into_iter().find(|key| key.contains("20261005T12")).unwrap();
    let text = String::from_utf8(trail.text(&log)).unwrap();
    trail.put(&log, text.replacen("Records", "records", 1).as_bytes());
    let done = run(&environment, &trail);
    assert_eq!(done.done[0].result, TaskResult::ProblemFound);
    assert!(done.tampered().unwrap() >= 1, "{done:?}");
    assert!(
        environment.table.port.query("INTEGRITY#2026-10-05", "").unwrap()[0].body.to_string().contains(&log)
    );
    let tampered = report(&environment);
    assert_eq!(tampered.result.status().unwrap().as_str(), "INSUFFICIENT_EVIDENCE");
    assert!(hours(&tampered).3 >= 2, "{:?}", hours(&tampered));
    // The file is as it was again. The evidence was read while it was not.
    environment.clock.set(time("2026-10-07T05:00:00Z"));
    let again = run(&environment, &whole);
    assert_eq!(again.done[0].result, TaskResult::ProblemFound);
    assert_eq!(hours(&report(&environment)).3, hours(&tampered).3);
}

#[test]
fn a_run_without_time_for_every_day_continues_in_the_next() {
    let (trail, environment) = (trail(), deployment("2026-10-08T05:00:00Z"));
    environment.clock.set_remaining(SECONDS_FOR_A_DAY + 200);
    let first = run(&environment, &trail);
    assert_eq!(first.done[0].result, TaskResult::Unfinished);
    assert_eq!(environment.table.port.query("INTEGRITY#2026-10-05", "").unwrap().len(), 1);
    assert!(environment.table.port.query("INTEGRITY#2026-10-07", "").unwrap().is_empty());
    environment.clock.set_remaining(900);
    let second = run(&environment, &trail);
    assert_eq!(second.done[0].result, TaskResult::Succeeded);
    assert_eq!(environment.table.port.query("INTEGRITY#2026-10-07", "").unwrap().len(), 1);
}

#[test]
fn late_digest_files_are_verified_on_the_next_day_and_a_kill_loses_nothing() {
    let (whole, mut late) = (trail(), trail());
    let digest = late.digests().into_iter().find(|key| key.contains("20261005T12")).unwrap();
    late.remove(&digest);
    let expected = {
        let environment = deployment("2026-10-06T05:00:00Z");
        run(&environment, &late);
        let missing = report(&environment);
        assert_eq!(missing.result.status().unwrap().as_str(), "INSUFFICIENT_EVIDENCE");
        assert!(hours(&missing).2 >= 1, "{:?}", hours(&missing));
        environment.clock.set(time("2026-10-07T05:00:00Z"));
        run(&environment, &whole);
        report(&environment)
    };
    assert_eq!(hours(&expected), (24, 0, 0, 0));
    for at in 0..8 {
        let environment = deployment("2026-10-06T05:00:00Z");
        run(&environment, &late);
        environment.clock.set(time("2026-10-07T05:00:00Z"));
        environment.injector.plan(FaultPlan::Kill { at, timing: FaultTiming::After });
        let _ = try_run(&environment, &whole);
        environment.injector.reset();
        run(&environment, &whole);
        assert_eq!(report(&environment).id, expected.id, "killed at {at}");
    }
}
