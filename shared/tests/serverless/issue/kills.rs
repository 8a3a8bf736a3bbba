//! What is there after a kill or a fault: as much as without, and nothing is claimed meanwhile.

use super::*;

#[test]
fn killed_anywhere_and_tried_again_all_is_as_without() {
    let clean = |wait: u32, id: &str| {
        let world = second_day();
        world.clock.advance(wait);
        scheduled(&world, id).unwrap();
        world
    };
    let (first, second) = (clean(0, "run-1"), clean(60, "run-2"));
    // A revision tells of one run, whichever it was: its objects are all of the first attempt or all of the second.
    let stem = |key: &str| key.split('.').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let by_stem = |world: &World| {
        let mut all: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for (key, bytes) in objects(world) {
            all.entry(stem(&key)).or_default().insert(key, bytes);
        }
        all
    };
    let (of_first, of_second) = (by_stem(&first), by_stem(&second));
    let ids = |news: &[Notification]| news.iter().map(|news| news.id.clone()).collect::<BTreeSet<_>>();
    let mut kills = 0;
    for strike in [Strike::Before, Strike::After] {
        for at in 0.. {
            let world = second_day();
            world.faults.plan(Plan::Kill { at, strike });
            let done = scheduled(&world, "run-1");
            if !world.faults.killed() {
                done.unwrap();
                break;
            }
            kills += 1;
            assert!(done.is_err(), "killed at {at} and none the wiser");
            let calls = world.faults.revive();
            let place = format!("killed at {at}, {:?}", calls.last());
            world.clock.advance(60);
            scheduled(&world, "run-2")
                .unwrap_or_else(|error| panic!("{place}: {error} {:?}", error.other_errors));
            if calls.iter().any(|call| call.about.starts_with("STATUS PENDING#") && call.method == "put") {
                // Owed reports come first, and windows of the past wait for the next run.
                world.clock.advance(60);
                scheduled(&world, "run-3").unwrap();
            }
            for (stem, objects) in by_stem(&world) {
                let is_of = |clean: &BTreeMap<_, _>| clean.get(&stem) == Some(&objects);
                let is_third =
                    objects.values().any(|bytes| bytes.windows(7).any(|text| text == b"\"run-3\""));
                assert!(is_of(&of_first) || is_of(&of_second) || is_third, "{place}: {stem}");
            }
            assert_eq!(
                by_stem(&world).keys().collect::<Vec<_>>(),
                of_first.keys().collect::<Vec<_>>(),
                "{place}"
            );
            assert_eq!(items(&world), items(&first), "{place}");
            for (told, wanted) in news(&world).iter().zip(&news(&first)) {
                assert_eq!(ids(told), ids(wanted), "{place}");
            }
            let repeated: usize = news(&world).iter().map(Vec::len).sum::<usize>()
                - news(&first).iter().map(Vec::len).sum::<usize>();
            assert!(repeated <= 1, "{place}: {repeated} repeated");
        }
    }
    assert!(kills > 50, "{kills} kills");
}

#[test]
fn whatever_fails_the_run_fails_nothing_is_claimed_and_the_next_run_puts_it_right() {
    let calls = {
        let world = second_day();
        scheduled(&world, "run-1").unwrap();
        world.faults.revive()
    };
    for strike in [Strike::Before, Strike::After] {
        for (at, struck) in calls.iter().enumerate() {
            let world = second_day();
            let which = Box::new(move |number, _: &Call| number == at);
            world.faults.plan(Plan::Fail { kind: PortErrorKind::Throttled, strike, which });
            let error = scheduled(&world, "run-1").expect_err("a fault went unnoticed");
            let place = format!("struck at {at}, {struck:?}");
            world.faults.revive();
            assert_ne!(status(&world), Some(Status::Compliant), "{place}");
            let owed = list_pending(&press(&world, &|_, _| Err("no".into()), &[])).unwrap();
            assert!(owed.iter().any(|owed| owed.window == error.window && owed.reason.is_some()), "{place}");
            let standing = latest(&world.table.port).unwrap().unwrap();
            assert!(standing.reason.unwrap().contains("is not done"), "{place}");
            world.clock.advance(60);
            scheduled(&world, "run-2").unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(status(&world), Some(Status::Compliant), "{place}");
            let said: Vec<_> = news(&world).iter().map(|told| told.iter().rev().find(|news| news.detail["subject"] == "latest").unwrap().detail["status"].clone()).collect();
            assert_eq!(said, ["COMPLIANT", "COMPLIANT"], "{place}: the last word");
            assert_eq!(list_pending(&press(&world, &|_, _| Err("no".into()), &[])).unwrap(), [], "{place}");
        }
    }
}

#[test]
fn while_a_service_is_away_nothing_is_claimed_and_nothing_is_lost() {
    type Which = fn(&Call) -> bool;
    let outages: [(&str, Which); 5] = [
        ("the evidence", |call| call.about.starts_with("evidence/")),
        ("a full store", |call| call.method == "create"),
        ("the store", |call| call.port == "store"),
        ("revisions", |call| call.about.starts_with("WINDOW#")),
        ("announcers", |call| call.method == "announce"),
    ];
    for (name, which) in outages {
        let world = second_day();
        // A compliant status that was never told of would be news again, so let it lapse first.
        deliver(&world, "4", &[write(9, Time(NOW.0 - HOUR_SECONDS))]);
        world.faults.plan(Plan::Fail {
            kind: PortErrorKind::Unavailable,
            strike: Strike::Before,
            which: Box::new(move |_, call| which(call)),
        });
        for n in 0..3 {
            scheduled(&world, &format!("run-{n}")).expect_err(name);
            assert_ne!(status(&world), Some(Status::Compliant), "{name}");
            world.clock.advance(60);
        }
        world.faults.revive();
        scheduled(&world, "run-9").unwrap();
        assert_eq!(status(&world), Some(Status::NonCompliant), "{name}");
        let last = |told: &[Notification]| {
            told.iter().rev().find(|news| news.detail["subject"] == "latest").unwrap().detail["status"]
                .clone()
        };
        assert!(news(&world).iter().all(|told| last(told) == "NON_COMPLIANT"), "{name}");
    }
}

#[test]
fn with_the_table_away_the_standing_lapses_by_itself() {
    let world = second_day();
    let which = Box::new(|_, call: &Call| call.port == "table");
    world.faults.plan(Plan::Fail { kind: PortErrorKind::Unavailable, strike: Strike::Before, which });
    let error = scheduled(&world, "run-1").unwrap_err();
    assert!(!error.other_errors.is_empty());
    assert_eq!(status(&world), Some(Status::InsufficientEvidence), "yesterday's standing has lapsed");
    world.faults.revive();
    scheduled(&world, "run-2").unwrap();
    assert_eq!(status(&world), Some(Status::Compliant));
}

#[test]
fn a_run_that_was_killed_is_owed_even_when_nobody_tries_it_again() {
    let total = {
        let world = second_day();
        scheduled(&world, "run-1").unwrap();
        world.faults.revive().iter().position(|call| call.method == "delete").unwrap()
    };
    let killed = ReportWindow::current(NOW);
    for at in 2..total {
        let world = second_day();
        world.faults.plan(Plan::Kill { at, strike: Strike::Before });
        scheduled(&world, "run-1").unwrap_err();
        world.faults.revive();
        world.clock.advance(HOUR_SECONDS);
        deliver(&world, "later", &[read(5, Time(NOW.0 - 600))]);
        let issued = scheduled(&world, "run-2").unwrap();
        assert_eq!(issued.reports[0].window, killed, "killed at {at}");
        assert_eq!(status(&world), Some(Status::Compliant), "killed at {at}");
    }
}

/// The schedule is daily, so no later window holds what the lost one held.
#[test]
fn a_broken_promise_is_told_wherever_the_run_that_saw_it_was_killed() {
    let third_day = |world: &World| {
        world.faults.revive();
        world.clock.set(Time(NOW.0 + DAY));
        deliver(world, "third", &quiet(ReportWindow::current(Time(NOW.0 + DAY))));
        scheduled(world, "run-2").unwrap();
        for (told, who) in news(world).iter().zip(["sns", "bus"]) {
            let lost = ReportWindow::current(NOW).until.to_string();
            let of_lost = |news: &&Notification| {
                news.detail["status"] == "NON_COMPLIANT" && news.detail["report"]["until"] == *lost
            };
            assert!(told.iter().any(|news| of_lost(&news)), "{who} was told {told:?}");
        }
        assert_eq!(status(world), Some(Status::Compliant));
    };
    let broken = || {
        let world = World::new(NOW);
        let window = ReportWindow::current(NOW);
        deliver(&world, "quiet", &quiet(window));
        deliver(&world, "broken", &[write(9, Time(window.since.0 + 90))]);
        world
    };
    // No report could be stored.
    let world = broken();
    let which = Box::new(|_, call: &Call| call.method == "create");
    world.faults.plan(Plan::Fail { kind: PortErrorKind::Unavailable, strike: Strike::Before, which });
    scheduled(&world, "run-1").unwrap_err();
    third_day(&world);
    for strike in [Strike::Before, Strike::After] {
        // Before its second call nobody knows that there was a run.
        for at in 2.. {
            let world = broken();
            world.faults.plan(Plan::Kill { at, strike });
            let done = scheduled(&world, "run-1");
            let killed = world.faults.killed();
            assert_eq!(done.is_err(), killed);
            println!("killed at {at}, {:?}", world.faults.calls().last());
            third_day(&world);
            if !killed {
                break;
            }
        }
    }
}
