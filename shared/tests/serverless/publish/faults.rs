//! Report runs that are killed or fail. Law: the next run reaches the state of an undisturbed run, and nothing is
//! claimed meanwhile.

use super::*;

#[test]
fn a_killed_run_that_is_retried_ends_in_the_same_state() {
    let clean = |wait: u32, id: &str| {
        let world = environment_on_second_day();
        world.clock.advance(wait);
        invoke_scheduled(&world, id).unwrap();
        world
    };
    let (first, second) = (clean(0, "run-1"), clean(60, "run-2"));
    // All objects of a revision are of the same run: of the first attempt or of the second.
    let stem = |key: &str| key.split('.').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let by_stem = |world: &TestEnvironment| {
        let mut all: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for (key, bytes) in objects(world) {
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
            let world = environment_on_second_day();
            world.injector.plan(FaultPlan::Kill { at, timing });
            let done = invoke_scheduled(&world, "run-1");
            if !world.injector.is_killed() {
                done.unwrap();
                break;
            }
            kills += 1;
            assert!(done.is_err(), "killed at {at} without an error");
            let calls = world.injector.reset();
            let at_call = format!("killed at {at}, {:?}", calls.last());
            world.clock.advance(60);
            invoke_scheduled(&world, "run-2")
                .unwrap_or_else(|error| panic!("{at_call}: {error} {:?}", error.other_errors));
            if calls.iter().any(|call| call.target.starts_with("STATUS PENDING#") && call.method == "put") {
                // Pending reports come first, and windows of the past wait for the next run.
                world.clock.advance(60);
                invoke_scheduled(&world, "run-3").unwrap();
            }
            for (stem, objects) in by_stem(&world) {
                let is_of = |clean: &BTreeMap<_, _>| clean.get(&stem) == Some(&objects);
                let is_third =
                    objects.values().any(|bytes| bytes.windows(7).any(|text| text == b"\"run-3\""));
                assert!(is_of(&of_first) || is_of(&of_second) || is_third, "{at_call}: {stem}");
            }
            assert_eq!(
                by_stem(&world).keys().collect::<Vec<_>>(),
                of_first.keys().collect::<Vec<_>>(),
                "{at_call}"
            );
            assert_eq!(items(&world), items(&first), "{at_call}");
            for (sent, wanted) in notifications(&world).iter().zip(&notifications(&first)) {
                assert_eq!(ids(sent), ids(wanted), "{at_call}");
            }
            let repeated: usize = notifications(&world).iter().map(Vec::len).sum::<usize>()
                - notifications(&first).iter().map(Vec::len).sum::<usize>();
            assert!(repeated <= 1, "{at_call}: {repeated} repeated");
        }
    }
    assert!(kills > 50, "{kills} kills");
}

#[test]
fn a_failed_run_claims_nothing_and_the_next_run_recovers() {
    let calls = {
        let world = environment_on_second_day();
        invoke_scheduled(&world, "run-1").unwrap();
        world.injector.reset()
    };
    for timing in [FaultTiming::Before, FaultTiming::After] {
        for (at, call) in calls.iter().enumerate() {
            let world = environment_on_second_day();
            let which = Box::new(move |number, _: &PortCall| number == at);
            world.injector.plan(FaultPlan::Fail { kind: PortErrorKind::Throttled, timing, matching: which });
            let error = invoke_scheduled(&world, "run-1").expect_err("a fault is an error");
            let at_call = format!("failed at {at}, {call:?}");
            world.injector.reset();
            assert_ne!(status(&world), Some(Status::Compliant), "{at_call}");
            let pending = list_pending(&report_publisher(&world, &|_, _| Err("no".into()), &[])).unwrap();
            assert!(
                pending.iter().any(|report| report.window == error.window && report.reason.is_some()),
                "{at_call}"
            );
            let current_status = latest(&world.table.port).unwrap().unwrap();
            assert!(current_status.reason.unwrap().contains("cannot publish the report about"), "{at_call}");
            world.clock.advance(60);
            invoke_scheduled(&world, "run-2").unwrap_or_else(|error| panic!("{at_call}: {error}"));
            assert_eq!(status(&world), Some(Status::Compliant), "{at_call}");
            let said: Vec<_> = notifications(&world)
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
                list_pending(&report_publisher(&world, &|_, _| Err("no".into()), &[])).unwrap(),
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
        let world = environment_on_second_day();
        // A compliant status that was never notified would be notified again, so a write replaces it first.
        deliver(&world, "4", &[write(9, Time(NOW.0 - HOUR_SECONDS))]);
        world.injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::Unavailable,
            timing: FaultTiming::Before,
            matching: Box::new(move |_, call| which(call)),
        });
        for n in 0..3 {
            invoke_scheduled(&world, &format!("run-{n}")).expect_err(name);
            assert_ne!(status(&world), Some(Status::Compliant), "{name}");
            world.clock.advance(60);
        }
        world.injector.reset();
        invoke_scheduled(&world, "run-9").unwrap();
        assert_eq!(status(&world), Some(Status::NonCompliant), "{name}");
        let last = |sent: &[Notification]| {
            sent.iter().rev().find(|notification| notification.detail["subject"] == "latest").unwrap().detail
                ["status"]
                .clone()
        };
        assert!(notifications(&world).iter().all(|sent| last(sent) == "NON_COMPLIANT"), "{name}");
    }
}

#[test]
fn during_a_table_outage_the_current_status_expires() {
    let world = environment_on_second_day();
    let which = Box::new(|_, call: &PortCall| call.port == "table");
    world.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Unavailable,
        timing: FaultTiming::Before,
        matching: which,
    });
    let error = invoke_scheduled(&world, "run-1").unwrap_err();
    assert!(!error.other_errors.is_empty());
    assert_eq!(status(&world), Some(Status::InsufficientEvidence), "yesterday's status has expired");
    world.injector.reset();
    invoke_scheduled(&world, "run-2").unwrap();
    assert_eq!(status(&world), Some(Status::Compliant));
}

#[test]
fn a_killed_run_stays_pending_without_a_retry() {
    let total = {
        let world = environment_on_second_day();
        invoke_scheduled(&world, "run-1").unwrap();
        world.injector.reset().iter().position(|call| call.method == "delete").unwrap()
    };
    let killed = ReportWindow::current(NOW);
    for at in 2..total {
        let world = environment_on_second_day();
        world.injector.plan(FaultPlan::Kill { at, timing: FaultTiming::Before });
        invoke_scheduled(&world, "run-1").unwrap_err();
        world.injector.reset();
        world.clock.advance(HOUR_SECONDS);
        deliver(&world, "later", &[read(5, Time(NOW.0 - 600))]);
        let published = invoke_scheduled(&world, "run-2").unwrap();
        assert_eq!(published.reports[0].window, killed, "killed at {at}");
        assert_eq!(status(&world), Some(Status::Compliant), "killed at {at}");
    }
}

/// The schedule is daily, so no later window includes what the lost one included.
#[test]
fn a_violation_is_notified_wherever_the_run_was_killed() {
    let third_day = |world: &TestEnvironment| {
        world.injector.reset();
        world.clock.set(Time(NOW.0 + DAY));
        deliver(world, "third", &reads_in_every_hour(ReportWindow::current(Time(NOW.0 + DAY))));
        invoke_scheduled(world, "run-2").unwrap();
        for (sent, sink) in notifications(world).iter().zip(["sns", "bus"]) {
            let lost = ReportWindow::current(NOW).until.to_string();
            let of_lost = |notification: &&Notification| {
                notification.detail["status"] == "NON_COMPLIANT"
                    && notification.detail["report"]["until"] == *lost
            };
            assert!(sent.iter().any(|notification| of_lost(&notification)), "{sink} received {sent:?}");
        }
        assert_eq!(status(world), Some(Status::Compliant));
    };
    let broken = || {
        let world = TestEnvironment::new(NOW);
        let window = ReportWindow::current(NOW);
        deliver(&world, "quiet", &reads_in_every_hour(window));
        deliver(&world, "broken", &[write(9, Time(window.since.0 + 90))]);
        world
    };
    // No report could be stored.
    let world = broken();
    let which = Box::new(|_, call: &PortCall| call.method == "create");
    world.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Unavailable,
        timing: FaultTiming::Before,
        matching: which,
    });
    invoke_scheduled(&world, "run-1").unwrap_err();
    third_day(&world);
    for timing in [FaultTiming::Before, FaultTiming::After] {
        // Before its second call the run leaves no trace.
        for at in 2.. {
            let world = broken();
            world.injector.plan(FaultPlan::Kill { at, timing });
            let done = invoke_scheduled(&world, "run-1");
            let killed = world.injector.is_killed();
            assert_eq!(done.is_err(), killed);
            println!("killed at {at}, {:?}", world.injector.calls().last());
            third_day(&world);
            if !killed {
                break;
            }
        }
    }
}
