//! Report runs that are killed or fail. Law: the next run reaches the state of an undisturbed run, and nothing is
//! claimed meanwhile.

use super::*;

#[test]
fn a_killed_run_that_is_retried_ends_in_the_same_state() {
    let clean = |wait: u32, id: &str| {
        let environment = environment_on_second_day();
        environment.clock.advance(wait);
        invoke_scheduled(&environment, id).unwrap();
        environment
    };
    let (first, second) = (clean(0, "run-1"), clean(60, "run-2"));
    // All objects of a revision are of the same run: of the first attempt or of the second.
    let stem = |key: &str| key.split('.').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let by_stem = |environment: &TestEnvironment| {
        let mut all: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for (key, bytes) in objects(environment) {
            all.entry(stem(&key)).or_default().insert(key, bytes);
        }
        all
    };
    let (of_first, of_second) = (by_stem(&first), by_stem(&second));
    let ids = |sent: &[Notification]| {
        sent.iter().map(|notification| notification.id.clone()).collect::<BTreeSet<_>>()
    };
    let mut kills = 0;
    for timing in [FaultTiming::Before, FaultTiming::After] {
        for at in 0.. {
            let environment = environment_on_second_day();
            environment.injector.plan(FaultPlan::Kill { at, timing });
            let done = invoke_scheduled(&environment, "run-1");
            if !environment.injector.is_killed() {
                done.unwrap();
                break;
            }
            kills += 1;
            assert!(done.is_err(), "killed at {at} without an error");
            let calls = environment.injector.reset();
            let at_call = format!("killed at {at}, {:?}", calls.last());
            environment.clock.advance(60);
            invoke_scheduled(&environment, "run-2")
                .unwrap_or_else(|error| panic!("{at_call}: {error} {:?}", error.other_errors));
            if calls.iter().any(|call| call.target.starts_with("STATUS PENDING#") && call.method == "put") {
                // Pending reports come first, and windows of the past wait for the next run.
                environment.clock.advance(60);
                invoke_scheduled(&environment, "run-3").unwrap();
            }
            for (stem, objects) in by_stem(&environment) {
                let is_of = |clean: &BTreeMap<_, _>| clean.get(&stem) == Some(&objects);
                let is_third =
                    objects.values().any(|bytes| bytes.windows(7).any(|text| text == b"\"run-3\""));
                assert!(is_of(&of_first) || is_of(&of_second) || is_third, "{at_call}: {stem}");
            }
            assert_eq!(
                by_stem(&environment).keys().collect::<Vec<_>>(),
                of_first.keys().collect::<Vec<_>>(),
                "{at_call}"
            );
            assert_eq!(items(&environment), items(&first), "{at_call}");
            for (sent, wanted) in notifications(&environment).iter().zip(&notifications(&first)) {
                assert_eq!(ids(sent), ids(wanted), "{at_call}");
            }
            let repeated: usize = notifications(&environment).iter().map(Vec::len).sum::<usize>()
                - notifications(&first).iter().map(Vec::len).sum::<usize>();
            assert!(repeated <= 1, "{at_call}: {repeated} repeated");
        }
    }
    assert!(kills > 50, "{kills} kills");
}

#[test]
fn a_failed_run_claims_nothing_and_the_next_run_recovers() {
    let calls = {
        let environment = environment_on_second_day();
        invoke_scheduled(&environment, "run-1").unwrap();
        environment.injector.reset()
    };
    for timing in [FaultTiming::Before, FaultTiming::After] {
        for (at, call) in calls.iter().enumerate() {
            let environment = environment_on_second_day();
            let which = Box::new(move |number, _: &PortCall| number == at);
            environment.injector.plan(FaultPlan::Fail {
                kind: PortErrorKind::Throttled,
                timing,
                matching: which,
            });
            let error = invoke_scheduled(&environment, "run-1").expect_err("a fault is an error");
            let at_call = format!("failed at {at}, {call:?}");
            environment.injector.reset();
            assert_ne!(status(&environment), Some(Status::Compliant), "{at_call}");
            let pending =
                list_pending(&report_publisher(&environment, &|_, _| Err("no".into()), &[])).unwrap();
            assert!(
                pending.iter().any(|report| report.window == error.window && report.reason.is_some()),
                "{at_call}"
            );
            let current_status = latest(&environment.table.port).unwrap().unwrap();
            assert!(current_status.reason.unwrap().contains("cannot publish the report about"), "{at_call}");
            environment.clock.advance(60);
            invoke_scheduled(&environment, "run-2").unwrap_or_else(|error| panic!("{at_call}: {error}"));
            assert_eq!(status(&environment), Some(Status::Compliant), "{at_call}");
            let said: Vec<_> = notifications(&environment)
                .iter()
                .map(|sent| {
                    sent.iter()
                        .rev()
                        .find(|notification| notification.detail["subject"] == "latest")
                        .unwrap()
                        .detail["status"]
                        .clone()
                })
                .collect();
            assert_eq!(said, ["COMPLIANT", "COMPLIANT"], "{at_call}: the last notification");
            assert_eq!(
                list_pending(&report_publisher(&environment, &|_, _| Err("no".into()), &[])).unwrap(),
                [],
                "{at_call}"
            );
        }
    }
}

#[test]
fn during_an_outage_nothing_is_claimed_and_nothing_is_lost() {
    type CallFilter = fn(&PortCall) -> bool;
    let outages: [(&str, CallFilter); 5] = [
        ("the evidence", |call| call.target.starts_with("evidence/")),
        ("a full store", |call| call.method == "create"),
        ("the store", |call| call.port == "store"),
        ("revisions", |call| call.target.starts_with("WINDOW#")),
        ("notification sinks", |call| call.method == "send"),
    ];
    for (name, which) in outages {
        let environment = environment_on_second_day();
        // A compliant status that was never notified would be notified again, so a write replaces it first.
        deliver(&environment, "4", &[write(9, Time(NOW.0 - HOUR_SECONDS))]);
        environment.injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::Unavailable,
            timing: FaultTiming::Before,
            matching: Box::new(move |_, call| which(call)),
        });
        for n in 0..3 {
            invoke_scheduled(&environment, &format!("run-{n}")).expect_err(name);
            assert_ne!(status(&environment), Some(Status::Compliant), "{name}");
            environment.clock.advance(60);
        }
        environment.injector.reset();
        invoke_scheduled(&environment, "run-9").unwrap();
        assert_eq!(status(&environment), Some(Status::NonCompliant), "{name}");
        let last = |sent: &[Notification]| {
            sent.iter().rev().find(|notification| notification.detail["subject"] == "latest").unwrap().detail
                ["status"]
                .clone()
        };
        assert!(notifications(&environment).iter().all(|sent| last(sent) == "NON_COMPLIANT"), "{name}");
    }
}

#[test]
fn during_a_table_outage_the_current_status_expires() {
    let environment = environment_on_second_day();
    let which = Box::new(|_, call: &PortCall| call.port == "table");
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Unavailable,
        timing: FaultTiming::Before,
        matching: which,
    });
    let error = invoke_scheduled(&environment, "run-1").unwrap_err();
    assert!(!error.other_errors.is_empty());
    assert_eq!(status(&environment), Some(Status::InsufficientEvidence), "yesterday's status has expired");
    environment.injector.reset();
    invoke_scheduled(&environment, "run-2").unwrap();
    assert_eq!(status(&environment), Some(Status::Compliant));
}

#[test]
fn a_killed_run_stays_pending_without_a_retry() {
    let total = {
        let environment = environment_on_second_day();
        invoke_scheduled(&environment, "run-1").unwrap();
        environment.injector.reset().iter().position(|call| call.method == "delete").unwrap()
    };
    let killed = ReportWindow::current(NOW);
    for at in 2..total {
        let environment = environment_on_second_day();
        environment.injector.plan(FaultPlan::Kill { at, timing: FaultTiming::Before });
        invoke_scheduled(&environment, "run-1").unwrap_err();
        environment.injector.reset();
        environment.clock.advance(HOUR_SECONDS);
        deliver(&environment, "later", &[read(5, Time(NOW.0 - 600))]);
        let published = invoke_scheduled(&environment, "run-2").unwrap();
        assert_eq!(published.reports[0].window, killed, "killed at {at}");
        assert_eq!(status(&environment), Some(Status::Compliant), "killed at {at}");
    }
}

/// The schedule is daily, so no later window includes what the lost one included.
#[test]
fn a_violation_is_notified_wherever_the_run_was_killed() {
    let third_day = |environment: &TestEnvironment| {
        environment.injector.reset();
        environment.clock.set(Time(NOW.0 + DAY));
        deliver(environment, "third", &reads_in_every_hour(ReportWindow::current(Time(NOW.0 + DAY))));
        invoke_scheduled(environment, "run-2").unwrap();
        for (sent, sink) in notifications(environment).iter().zip(["sns", "bus"]) {
            let lost = ReportWindow::current(NOW).until.to_string();
            let of_lost = |notification: &&Notification| {
                notification.detail["status"] == "NON_COMPLIANT"
                    && notification.detail["report"]["until"] == *lost
            };
            assert!(sent.iter().any(|notification| of_lost(&notification)), "{sink} received {sent:?}");
        }
        assert_eq!(status(environment), Some(Status::Compliant));
    };
    let broken = || {
        let environment = TestEnvironment::new(NOW);
        let window = ReportWindow::current(NOW);
        deliver(&environment, "quiet", &reads_in_every_hour(window));
        deliver(&environment, "broken", &[write(9, Time(window.since.0 + 90))]);
        environment
    };
    // No report could be stored.
    let environment = broken();
    let which = Box::new(|_, call: &PortCall| call.method == "create");
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Unavailable,
        timing: FaultTiming::Before,
        matching: which,
    });
    invoke_scheduled(&environment, "run-1").unwrap_err();
    third_day(&environment);
    for timing in [FaultTiming::Before, FaultTiming::After] {
        // Before its second call the run leaves no trace.
        for at in 2.. {
            let environment = broken();
            environment.injector.plan(FaultPlan::Kill { at, timing });
            let done = invoke_scheduled(&environment, "run-1");
            let killed = environment.injector.is_killed();
            assert_eq!(done.is_err(), killed);
            println!("killed at {at}, {:?}", environment.injector.calls().last());
            third_day(&environment);
            if !killed {
                break;
            }
        }
    }
}
