//! Revisions, pending and parked reports, and the evidence a report uses.

use super::*;

#[test]
fn unchanged_evidence_publishes_nothing_and_renews_the_current_status() {
    let environment = environment_on_second_day();
    invoke_scheduled(&environment, "run-1").unwrap();
    let (before, sent) = (objects(&environment), notifications(&environment));
    environment.clock.advance(600);
    let again = invoke_scheduled(&environment, "run-2").unwrap();
    assert!(again.reports.iter().all(|report| !report.is_new));
    assert_eq!((objects(&environment), notifications(&environment)), (before, sent));
    assert_eq!(again.current_status.unwrap().valid_until, Time(NOW.0 + 600 + 2 * INTERVAL));
    assert_eq!(history(&environment.table.port, "").unwrap().len(), 2);
}

#[test]
fn a_report_is_stored_in_the_formats_of_the_configuration_and_always_as_json_and_html() {
    let of_all: &[&Format] = FORMATS;
    for formats in
        [&[][..], &[&csv::FORMAT], &[&json::FORMAT, &markdown::FORMAT, &openmetrics::FORMAT], of_all]
    {
        let environment = environment_on_second_day();
        let config = config();
        let reporter = |window, run| report(&environment, &config, window, run);
        let publisher = ReportPublisher { formats, ..report_publisher(&environment, &reporter, &[]) };
        let (window, purpose) = (ReportWindow::current(NOW), ReportPurpose::Current);
        let published = publish(&publisher, window, purpose, &run_of(&environment, "run-1")).unwrap();
        let revision = &published.reports[0].revision;
        let stored = objects(&environment);
        let read: Report = serde_json::from_slice(&stored[&revision.report.report_key]).unwrap();
        let stem = revision.report.report_key.strip_suffix(".json").unwrap();
        let both: [&Format; 2] = [&json::FORMAT, &html::FORMAT];
        let expected: BTreeMap<String, Vec<u8>> = formats
            .iter()
            .copied()
            .chain(both)
            .flat_map(|format| render(&read, format).unwrap())
            .map(|file| (format!("{stem}.{}", file.suffix()), file.bytes))
            .collect();
        let found: BTreeMap<String, Vec<u8>> =
            stored.into_iter().filter(|(key, _)| key.starts_with(stem)).collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        assert!(found == expected);
        assert!(expected.keys().all(|key| revision.keys.contains(key)));
    }
}

#[test]
fn revisions_increase_by_one_and_change_no_earlier_report() {
    let environment = environment_on_second_day();
    let window = ReportWindow::current(NOW);
    for n in 1..=4 {
        let before = objects(&environment);
        invoke_scheduled(&environment, &format!("run-{n}")).unwrap();
        let after = objects(&environment);
        assert!(before.iter().all(|(key, bytes)| after.get(key) == Some(bytes)));
        let numbers: Vec<u32> =
            list_revisions(&report_publisher(&environment, &|_, _| Err("no".into()), &[]), window)
                .unwrap()
                .iter()
                .map(|revision| revision.report.revision)
                .collect();
        assert_eq!(numbers, (1..=n).collect::<Vec<_>>());
        deliver(&environment, &format!("more-{n}"), &[read(n, Time(window.since.0 + 100 + n))]);
    }
}

#[test]
fn pending_reports_come_first_and_repeated_failures_are_parked() {
    let environment = environment_on_second_day();
    // An hour before the second day's run, the evidence cannot be read.
    environment.clock.set(Time(NOW.0 - HOUR_SECONDS));
    let fail = |kind, which: fn(&PortCall) -> bool| FaultPlan::Fail {
        kind,
        timing: FaultTiming::Before,
        matching: Box::new(move |_, call| which(call)),
    };
    environment.injector.plan(fail(PortErrorKind::AccessDenied, |call| call.target.starts_with("evidence/")));
    let lost = invoke_scheduled(&environment, "run-1").unwrap_err().window;
    environment.injector.reset();
    environment.clock.set(NOW);
    let published = invoke_scheduled(&environment, "run-2").unwrap();
    let order: Vec<_> = published.reports.iter().map(|report| (report.window, report.purpose)).collect();
    assert_eq!(
        order,
        [(lost, ReportPurpose::LateEvidence), (ReportWindow::current(NOW), ReportPurpose::Current)]
    );
    // A report that always fails: a foreign object is stored under its key.
    let other = ReportWindow {
        since: Time(lost.since.0 + HOUR_SECONDS),
        until: Time(lost.since.0 + 2 * HOUR_SECONDS),
    };
    let asked = json!({"since": other.since.to_string(), "until": other.until.to_string()});
    let probe = environment_on_second_day();
    let key = invoke(&probe, "run-x", &asked).unwrap().reports[0].revision.report.report_key.clone();
    environment.store.port.create(&key, b"{}", "x").unwrap();
    let error = invoke(&environment, "run-3", &asked).unwrap_err();
    assert!(
        matches!(&*error.kind, PublishErrorKind::AlreadyExists { key: found } if *found == key),
        "{error}"
    );
    for n in 0..4 {
        assert_ne!(status(&environment), Some(Status::Compliant));
        environment.clock.advance(60);
        invoke_scheduled(&environment, &format!("run-4-{n}")).unwrap_err();
    }
    environment.clock.advance(60);
    let published = invoke_scheduled(&environment, "run-5").unwrap();
    let parked: Vec<ReportWindow> =
        published.parked.iter().map(|report: &PendingReport| report.window).collect();
    assert_eq!((parked, status(&environment)), (vec![other], Some(Status::Compliant)));
    assert_eq!(environment.store.port.read(&key, None).unwrap(), b"{}", "nothing is overwritten");
    // A request for it retries it, and once it is published it is not pending.
    environment.store.port.damage(&key, None);
    invoke(&environment, "run-6", &asked).unwrap();
    assert!(invoke_scheduled(&environment, "run-7").unwrap().parked.is_empty());
}

#[test]
fn a_forged_report_under_the_next_key_is_not_accepted() {
    let probe = environment_on_second_day();
    let published = invoke_scheduled(&probe, "run-1").unwrap().reports[0].clone();
    let key = published.revision.report.report_key;
    let mut forged: Report = serde_json::from_slice(&objects(&probe)[&key]).unwrap();
    forged.result.findings.clear();
    let environment = environment_on_second_day();
    environment.store.port.create(&key, serde_json::to_string(&forged).unwrap().as_bytes(), "x").unwrap();
    let error = invoke_scheduled(&environment, "run-1").unwrap_err();
    assert!(matches!(*error.kind, PublishErrorKind::AlreadyExists { .. }), "{error}");
    assert_eq!(status(&environment), Some(Status::InsufficientEvidence));
}

#[test]
fn a_slow_run_does_not_publish_less_evidence_after_a_fast_one() {
    let environment = environment_on_second_day();
    let config = config();
    let calls = std::cell::Cell::new(0);
    let slow = |window: ReportWindow, run: ReportRun| {
        let made = report(&environment, &config, window, run);
        calls.set(calls.get() + 1);
        if calls.get() == 1 {
            // During this run a write is delivered, and another run reports it.
            deliver(&environment, "4", &[write(9, Time(NOW.0 - HOUR_SECONDS))]);
            invoke_scheduled(&environment, "quick").unwrap();
        }
        made
    };
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    let publisher = report_publisher(&environment, &slow, &sinks);
    publish(&publisher, ReportWindow::current(NOW), ReportPurpose::Current, &run_of(&environment, "slow"))
        .unwrap();
    assert_eq!(status(&environment), Some(Status::NonCompliant));
    let revisions = list_revisions(&publisher, ReportWindow::current(NOW)).unwrap();
    let runs: Vec<&str> = revisions.iter().map(|revision| revision.report.run_id.as_str()).collect();
    assert_eq!(runs, ["quick"]);
}

#[test]
fn a_run_short_of_time_defers_past_windows() {
    let environment = environment_on_second_day();
    environment.clock.set_remaining(300);
    let config = config();
    let slow = |window, run| {
        environment.clock.advance(200);
        report(&environment, &config, window, run)
    };
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    let published = publish(
        &report_publisher(&environment, &slow, &sinks),
        ReportWindow::current(NOW),
        ReportPurpose::Current,
        &run_of(&environment, "r"),
    )
    .unwrap();
    assert!(published.ran_out_of_time && published.reports.len() == 1);
}

#[test]
fn reports_use_the_stored_evidence() {
    let environment = environment_on_second_day();
    let evidence_store = EvidenceStore::new(&environment.table, &environment.store);
    let window = ReportWindow::current(NOW);
    let bytes = json!({ "Records": reads_in_every_hour(window) }).to_string();
    let gathered = read_object("logs/1", bytes.as_bytes(), ReadLimits::default());
    let object =
        StoredObject { name: "logs/1".to_owned(), size: bytes.len() as u64, version: "1".to_owned() };
    let read = ProcessedObject {
        object,
        sha256: "0".repeat(64),
        content: None,
        records: 24,
        unreadable: Vec::new(),
    };
    let mut batch = EvidenceBatch::new(EvidenceSource::S3, "a".repeat(64));
    batch.add(gathered.segment, window.since.hour(), read);
    store_batch(&evidence_store, batch).unwrap();
    let (config, pack) = (config(), ControlPack::built_in(Standard::General).unwrap());
    let criteria = EvaluationCriteria {
        config: &config,
        catalog: Catalog::embedded(),
        pack: &pack,
        policies: onlooker_core::grants::PolicyHistory::empty(),
        integrity: None,
    };
    let not_looked_up = ["444455556666".to_owned()].into();
    let reporter = report_from_evidence(&evidence_store, criteria, &[], &not_looked_up, 2);
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    let publisher = report_publisher(&environment, &reporter, &sinks);
    let published =
        publish(&publisher, window, ReportPurpose::Current, &run_of(&environment, "run-1")).unwrap();
    assert_eq!(published.current_status.unwrap().status, Some(Status::Compliant));
    let stored: Report =
        serde_json::from_slice(&objects(&environment)[&published.reports[0].revision.report.report_key])
            .unwrap();
    assert_eq!(
        (stored.result.totals.events, stored.run.log_files_reused, stored.run.input_files.len()),
        (24, 1, 1)
    );
    let written: Value =
        serde_json::from_slice(&objects(&environment)[&published.reports[0].revision.report.report_key])
            .unwrap();
    let period = json!({ "from": window.since.hour(), "until": window.until.hour() });
    assert_eq!((&written["result"]["period"], &written["result"]["coverage"]["period"]), (&period, &period));
    assert!(stored.run.accounts_not_looked_up.is_empty(), "log files count for this window");
    // Where the event history counts, the report names the accounts of which it was not looked up.
    let mut config = config.clone();
    config.delivery.authoritative_from = None;
    let criteria = EvaluationCriteria { config: &config, ..criteria };
    let reporter = report_from_evidence(&evidence_store, criteria, &[], &not_looked_up, 2);
    let report = reporter(window, run_of(&environment, "run-2")).unwrap();
    assert_eq!(report.run.accounts_not_looked_up, not_looked_up);
    let said = "The event history of `444455556666` was not looked up, because `lookup.role` is not set.";
    assert!(report.result.limitations.iter().any(|line| line == said), "{:?}", report.result.limitations);
}
