//! The current status: what may be claimed, until when, and which changes are notified.

use super::*;

#[test]
fn a_scheduled_run_publishes_the_last_24_hours_and_its_status_expiry() {
    let environment = environment_on_second_day();
    let published = invoke_scheduled(&environment, "run-1").unwrap();
    let current_status = published.current_status.clone().unwrap();
    let report = current_status.report.clone().unwrap();
    assert_eq!(
        (current_status.status, report.revision, report.findings > 0),
        (Some(Status::Compliant), 1, true)
    );
    assert_eq!((report.since, report.until), (Time(NOW.0 - 1_800 - DAY), Time(NOW.0 - 1_800)));
    assert_eq!(current_status.valid_until, Time(NOW.0 + 2 * INTERVAL));
    assert_eq!(status(&environment), Some(Status::Compliant));
    environment.clock.advance(2 * INTERVAL);
    assert_eq!(status(&environment), Some(Status::InsufficientEvidence));
    let keys = objects(&environment);
    let stem = "reports/account=111122223333/dt=2026-11-21/20261120T100000Z_20261121T100000Z_r0001_";
    let of_second = keys.keys().filter(|key| key.starts_with(stem)).count();
    assert_eq!(of_second, 9, "{:?}", keys.keys());
    let key_is_safe = |key: &String| key.chars().all(|c| c.is_ascii_alphanumeric() || "/=_-.".contains(c));
    assert!(keys.keys().all(key_is_safe), "{:?}", keys.keys());
    let json: Report = serde_json::from_slice(&keys[&report.report_key]).unwrap();
    assert_eq!((json.id, json.run.revision, json.run.run_id.as_str()), (report.id, Some(1), "run-1"));
    // Late evidence on the first day made a second revision, and that was notified.
    let first =
        published.reports.iter().find(|report| report.purpose == ReportPurpose::LateEvidence).unwrap();
    assert_eq!(
        (first.revision.report.revision, first.revision.report.status),
        (2, Some(Status::NonCompliant))
    );
    for sent in notifications(&environment) {
        let sent: Vec<_> = sent
            .iter()
            .map(|sent| (sent.detail_type, sent.detail["subject"].clone(), sent.detail["status"].clone()))
            .collect();
        let kind = "Read-Only Status Changed";
        assert_eq!(
            sent,
            [(kind, "latest".into(), "COMPLIANT".into()), (kind, "revision".into(), "NON_COMPLIANT".into())]
        );
    }
    assert_eq!(history(&environment.table.port, "2026-11-").unwrap().len(), 2);
    assert_eq!(list_pending(&report_publisher(&environment, &|_, _| Err("no".into()), &[])).unwrap(), []);
}

#[test]
fn a_violation_stays_when_notification_fails() {
    let environment = environment_on_second_day();
    deliver(&environment, "4", &[write(9, Time(NOW.0 - HOUR_SECONDS))]);
    let which = Box::new(|_, call: &PortCall| call.port == "events");
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::AccessDenied,
        timing: FaultTiming::Before,
        matching: which,
    });
    invoke_scheduled(&environment, "run-1").unwrap_err();
    assert_eq!(status(&environment), Some(Status::NonCompliant));
    environment.injector.reset();
    environment.clock.advance(60);
    invoke_scheduled(&environment, "run-2").unwrap();
    let [sns, bus] = notifications(&environment).map(|sent| {
        sent.iter()
            .filter(|notification| {
                notification.detail["status"] == "NON_COMPLIANT" && notification.detail["subject"] == "latest"
            })
            .count()
    });
    assert_eq!((sns, bus), (1, 1));
}

#[test]
fn a_requested_report_never_sets_the_current_status() {
    let environment = environment_on_second_day();
    deliver(&environment, "4", &[write(9, Time(NOW.0 - 20 * HOUR_SECONDS))]);
    invoke_scheduled(&environment, "run-1").unwrap();
    assert_eq!(status(&environment), Some(Status::NonCompliant));
    let (since, until) = (Time(NOW.0 - 1_800 - 3 * HOUR_SECONDS), Time(NOW.0 - 1_800));
    let asked =
        invoke(&environment, "run-2", &json!({"since": since.to_string(), "until": until.to_string()}))
            .unwrap();
    assert_eq!(asked.reports[0].revision.report.status, Some(Status::Compliant));
    assert_eq!(status(&environment), Some(Status::NonCompliant));
}

#[test]
fn an_older_window_never_replaces_a_newer_current_status() {
    let environment = environment_on_second_day();
    invoke_scheduled(&environment, "run-1").unwrap();
    let late = invoke_for_window(
        &environment,
        "run-0",
        ReportWindow::current(Time(NOW.0 - HOUR_SECONDS)),
        ReportPurpose::Current,
    )
    .unwrap();
    assert_eq!(late.reports[0].purpose, ReportPurpose::LateEvidence);
    assert_eq!(latest(&environment.table.port).unwrap().unwrap().report.unwrap().until, Time(NOW.0 - 1_800));
}

#[test]
fn a_notified_status_is_not_repeated_when_the_notification_record_is_lost() {
    let environment = environment_on_second_day();
    invoke_scheduled(&environment, "run-1").unwrap();
    let sent = notifications(&environment).map(|sent| sent.len());
    for item in environment.table.port.items() {
        if item.partition_key.starts_with("NOTIFICATION#status-") {
            environment.table.port.delete(&item.partition_key, &item.sort_key).unwrap();
        }
    }
    environment.clock.advance(60);
    invoke_scheduled(&environment, "run-2").unwrap();
    assert_eq!(notifications(&environment).map(|sent| sent.len()), sent);
}

/// Twice in two days the table fails to return the current status, but accepts a new one.
#[test]
fn a_new_status_is_notified_although_an_equal_one_was_notified_before() {
    let environment = TestEnvironment::new(NOW);
    let lost = |environment: &TestEnvironment| {
        let which =
            Box::new(|_, call: &PortCall| call.method == "query" && call.target.starts_with("STATUS"));
        environment.injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::Throttled,
            timing: FaultTiming::Before,
            matching: which,
        });
        invoke_scheduled(environment, "lost").unwrap_err();
        environment.injector.reset();
        environment.clock.advance(60);
    };
    let window = ReportWindow::current(NOW);
    deliver(&environment, "1", &reads_in_every_hour(window));
    deliver(&environment, "2", &[write(1, Time(window.since.0 + 60))]);
    lost(&environment);
    invoke_scheduled(&environment, "run-1").unwrap();
    assert_eq!(status(&environment), Some(Status::NonCompliant));
    environment.clock.advance(HOUR_SECONDS);
    deliver(&environment, "3", &[read(2, window.until)]);
    invoke_scheduled(&environment, "run-2").unwrap();
    assert_eq!(status(&environment), Some(Status::Compliant));
    lost(&environment);
    deliver(&environment, "4", &[write(3, window.until)]);
    invoke_scheduled(&environment, "run-3").unwrap();
    assert_eq!(status(&environment), Some(Status::NonCompliant));
    for sent in notifications(&environment) {
        let latest = |notification: &&Notification| notification.detail["subject"] == "latest";
        assert_eq!(sent.iter().rfind(latest).unwrap().detail["status"], "NON_COMPLIANT");
    }
}

/// The status that the metrics of a run name.
fn status_metric(metrics: &Metrics) -> Option<f64> {
    metrics.iter().find(|(name, ..)| *name == "status").map(|(_, _, value)| value)
}

/// Ids of the reminders that each sink sent.
fn reminders(environment: &TestEnvironment) -> [Vec<String>; 2] {
    notifications(environment).map(|sent| {
        let reminders = sent.into_iter().filter(|one| one.detail_type == "Read-Only Status Reminder");
        reminders.map(|one| one.id).collect()
    })
}

#[test]
fn a_status_that_stays_bad_is_reminded_of_once_a_day() {
    let environment = environment_on_second_day();
    // Without evidence of the hours that follow, the status is never compliant again.
    deliver(&environment, "4", &[write(9, Time(NOW.0 - HOUR_SECONDS))]);
    let mut per_day = Vec::new();
    for hour in 0..73 {
        let published = invoke_scheduled(&environment, &format!("run-{hour}")).unwrap();
        let expected = if hour < 24 { 2.0 } else { 1.0 };
        assert_eq!(status_metric(&published.metrics()), Some(expected), "{hour}");
        let [sns, bus] = reminders(&environment);
        assert_eq!(sns, bus);
        if hour % 24 == 0 {
            per_day.push(sns.len());
        }
        // A second run in the same hour sends nothing.
        invoke_scheduled(&environment, &format!("again-{hour}")).unwrap();
        assert_eq!(reminders(&environment)[0], sns);
        environment.clock.advance(HOUR_SECONDS);
    }
    // The first day ends with a change, which is notified as such; each following day with a reminder.
    assert_eq!(per_day, [0, 0, 1, 2]);
    let [sns, _] = notifications(&environment);
    let reminder = sns.iter().rfind(|one| one.detail_type == "Read-Only Status Reminder").unwrap();
    assert_eq!(
        (&reminder.detail["status"], &reminder.detail["previous"], reminder.severity),
        (&json!("INSUFFICIENT_EVIDENCE"), &json!("INSUFFICIENT_EVIDENCE"), RiskLevel::High)
    );
    assert!(!reminder.detail["top_findings"].as_array().unwrap().is_empty());
    assert_eq!(reminder.detail["bucket"], "bucket");
}

#[test]
fn a_deployment_that_cannot_publish_is_reminded_of_once_a_day_and_a_killed_reminder_once() {
    let environment = environment_on_second_day();
    invoke_scheduled(&environment, "run-0").unwrap();
    environment.clock.advance(HOUR_SECONDS);
    let fail = |matching: fn(usize, &PortCall) -> bool| {
        let (kind, timing) = (PortErrorKind::AccessDenied, FaultTiming::Before);
        environment.injector.plan(FaultPlan::Fail { kind, timing, matching: Box::new(matching) });
    };
    fail(|_, call| call.method == "create" && call.target.starts_with("reports/"));
    let failing = |id: &str| invoke_scheduled(&environment, id).unwrap_err();
    assert_eq!(status_metric(&failing("run-1").metrics()), Some(1.0));
    assert!(reminders(&environment)[0].is_empty());
    environment.clock.advance(DAY);
    // The reminder is sent, and the status with its time cannot be stored.
    fail(|_, call| {
        call.target.starts_with("reports/") && call.method == "create"
            || call.method == "put" && call.target.starts_with("STATUS") && call.target.contains("LATEST")
    });
    failing("run-2");
    assert_eq!(reminders(&environment)[0].len(), 1);
    environment.injector.reset();
    fail(|_, call| call.method == "create" && call.target.starts_with("reports/"));
    environment.clock.advance(HOUR_SECONDS);
    failing("run-3");
    environment.clock.advance(22 * HOUR_SECONDS);
    failing("run-4");
    assert_eq!(reminders(&environment).map(|sent| sent.len()), [1, 1]);
    environment.clock.advance(2 * HOUR_SECONDS);
    failing("run-5");
    assert_eq!(reminders(&environment).map(|sent| sent.len()), [2, 2]);
}

#[test]
fn the_removal_of_all_promises_is_notified() {
    let environment = environment_on_second_day();
    let quiet = Config { watch: Vec::new(), ..config() };
    let reporter = |window, run| report(&environment, &quiet, window, run);
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    let publisher = report_publisher(&environment, &reporter, &sinks);
    for n in 0..2 {
        let run = run_of(&environment, &format!("run-{n}"));
        let published =
            publish(&publisher, ReportWindow::current(NOW), ReportPurpose::Current, &run).unwrap();
        assert_eq!(published.current_status.unwrap().status, None);
    }
    for sent in notifications(&environment) {
        let of_latest = sent.iter().filter(|notification| notification.detail["subject"] == "latest");
        let said: Vec<_> = of_latest
            .map(|notification| (notification.detail["status"].clone(), notification.severity))
            .collect();
        assert_eq!(said, [("COMPLIANT".into(), RiskLevel::Low), (Value::Null, RiskLevel::High)]);
    }
}

#[test]
fn a_run_writes_a_record_and_a_heartbeat() {
    let environment = TestEnvironment::new(NOW);
    let retention = RetentionSettings { run_days: 7, ..RetentionSettings::default() };
    let run = |n: u32| RunRecord {
        notes: Vec::new(),
        run_id: format!("run-{n}"),
        request_id: Some("request".to_owned()),
        caller: None,
        started_at: Time(NOW.0 + n),
        ended_at: Time(NOW.0 + n),
        error: None,
        metrics: serde_json::Map::new(),
    };
    let metrics = Metrics::default().count("records", 3);
    let well = run(0).ended(Time(NOW.0 + 5), Ok(()), &metrics);
    for _ in 0..2 {
        record_run(&environment.table, &retention, "report", &well).unwrap();
    }
    let cause = std::io::Error::other("no\u{1b}[2J way");
    let badly = run(10).ended(Time(NOW.0 + 15), Err(&cause), &Metrics::default());
    record_run(&environment.table, &retention, "report", &badly).unwrap();
    let items = environment.table.port.items();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].expires_at, Some(Time(NOW.0 + 5 + 7 * 86_400)));
    assert_eq!(items[0].body["metrics"], json!({"records": 3}));
    let beat = heartbeat(&environment.table, "report").unwrap().unwrap();
    assert_eq!((beat.run, beat.succeeded_at), (badly, Some(Time(NOW.0 + 5))));
    assert!(!heartbeat(&environment.table, "report").unwrap().unwrap().run.error.unwrap().contains('\u{1b}'));
    assert_eq!(heartbeat(&environment.table, "watch").unwrap(), None);
    let item = TableItem {
        partition_key: "RUN#x".into(),
        sort_key: "LATEST".into(),
        revision: 0,
        expires_at: None,
        body: json!({}),
    };
    environment.table.put(&item, WriteCondition::Always).unwrap();
    let undecodable = heartbeat(&environment.table, "x").unwrap_err().to_string();
    assert!(undecodable.contains("cannot decode `RUN#x LATEST`"), "{undecodable}");
}
