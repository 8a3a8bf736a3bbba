//! Revisions, what is owed, and what a report is made of.

use super::*;

#[test]
fn the_same_evidence_issues_nothing_new_and_renews_the_standing() {
    let world = second_day();
    scheduled(&world, "run-1").unwrap();
    let (before, told) = (objects(&world), news(&world));
    world.clock.advance(600);
    let again = scheduled(&world, "run-2").unwrap();
    assert!(again.reports.iter().all(|printed| !printed.is_new));
    assert_eq!((objects(&world), news(&world)), (before, told));
    assert_eq!(again.standing.unwrap().valid_until, Time(NOW.0 + 600 + 2 * INTERVAL));
    assert_eq!(history(&world.table.port, "").unwrap().len(), 2);
}

#[test]
fn revisions_rise_one_by_one_and_change_nothing_that_is_there() {
    let world = second_day();
    let window = Window::standing(NOW);
    for n in 1..=4 {
        let before = objects(&world);
        scheduled(&world, &format!("run-{n}")).unwrap();
        let after = objects(&world);
        assert!(before.iter().all(|(key, bytes)| after.get(key) == Some(bytes)));
        let numbers: Vec<u32> = revisions(&press(&world, &|_, _| Err("no".into()), &[]), window)
            .unwrap()
            .iter()
            .map(|revision| revision.report.revision)
            .collect();
        assert_eq!(numbers, (1..=n).collect::<Vec<_>>());
        deliver(&world, &format!("more-{n}"), &[read(n, Time(window.since.0 + 100 + n))]);
    }
}

#[test]
fn what_is_owed_comes_first_and_what_always_fails_is_laid_aside() {
    let world = second_day();
    // An hour before the second day's run, the evidence cannot be read.
    world.clock.set(Time(NOW.0 - HOUR));
    let fail = |kind, which: fn(&Call) -> bool| Plan::Fail {
        kind,
        strike: Strike::Before,
        which: Box::new(move |_, call| which(call)),
    };
    world.faults.plan(fail(FailureKind::Denied, |call| call.about.starts_with("evidence/")));
    let lost = scheduled(&world, "run-1").unwrap_err().window;
    world.faults.revive();
    world.clock.set(NOW);
    let issued = scheduled(&world, "run-2").unwrap();
    let order: Vec<_> = issued.reports.iter().map(|printed| (printed.window, printed.purpose)).collect();
    assert_eq!(order, [(lost, Purpose::Late), (Window::standing(NOW), Purpose::Standing)]);
    // Now one that fails for ever: somebody else's object lies under its key.
    let other = Window { since: Time(lost.since.0 + HOUR), until: Time(lost.since.0 + 2 * HOUR) };
    let asked = json!({"since": other.since.to_string(), "until": other.until.to_string()});
    let probe = second_day();
    let key = go(&probe, "run-x", &asked).unwrap().reports[0].revision.report.key.clone();
    world.store.port.create(&key, b"{}", "x").unwrap();
    let error = go(&world, "run-3", &asked).unwrap_err();
    assert!(matches!(&*error.fault, IssueFault::Occupied { key: found } if *found == key), "{error}");
    for n in 0..4 {
        assert_ne!(status(&world), Some(Status::Compliant));
        world.clock.advance(60);
        scheduled(&world, &format!("run-4-{n}")).unwrap_err();
    }
    world.clock.advance(60);
    let issued = scheduled(&world, "run-5").unwrap();
    let aside: Vec<Window> = issued.laid_aside.iter().map(|aside: &Pending| aside.window).collect();
    assert_eq!((aside, status(&world)), (vec![other], Some(Status::Compliant)));
    assert_eq!(world.store.port.read(&key, None).unwrap(), b"{}", "nothing is written over");
    // Asking for it tries it again, and once it is issued it is owed no more.
    world.store.port.damage(&key, None);
    go(&world, "run-6", &asked).unwrap();
    assert!(scheduled(&world, "run-7").unwrap().laid_aside.is_empty());
}

#[test]
fn a_forged_report_under_the_next_key_is_not_taken_over() {
    let probe = second_day();
    let printed = scheduled(&probe, "run-1").unwrap().reports[0].clone();
    let key = printed.revision.report.key;
    let mut forged: Report = serde_json::from_slice(&objects(&probe)[&key]).unwrap();
    forged.result.findings.clear();
    let world = second_day();
    world.store.port.create(&key, serde_json::to_string(&forged).unwrap().as_bytes(), "x").unwrap();
    let error = scheduled(&world, "run-1").unwrap_err();
    assert!(matches!(*error.fault, IssueFault::Occupied { .. }), "{error}");
    assert_eq!(status(&world), Some(Status::InsufficientEvidence));
}

#[test]
fn a_slow_run_does_not_follow_a_quick_one_with_less_evidence() {
    let world = second_day();
    let config = config();
    let calls = std::cell::Cell::new(0);
    let slow = |window: Window, run: Run| {
        let made = report(&world, &config, window, run);
        calls.set(calls.get() + 1);
        if calls.get() == 1 {
            // While this run is at it, a write comes in and another run reports it.
            deliver(&world, "4", &[write(9, Time(NOW.0 - HOUR))]);
            scheduled(&world, "quick").unwrap();
        }
        made
    };
    let announcers: [&dyn Announcer; 2] = [&world.sns, &world.bus];
    let press = press(&world, &slow, &announcers);
    issue(&press, Window::standing(NOW), Purpose::Standing, &run_of(&world, "slow")).unwrap();
    assert_eq!(status(&world), Some(Status::NonCompliant));
    let revisions = revisions(&press, Window::standing(NOW)).unwrap();
    let runs: Vec<&str> = revisions.iter().map(|revision| revision.report.run_id.as_str()).collect();
    assert_eq!(runs, ["quick"]);
}

#[test]
fn a_run_that_is_short_of_time_leaves_the_past_for_later() {
    let world = second_day();
    world.clock.allow(300);
    let config = config();
    let slow = |window, run| {
        world.clock.advance(200);
        report(&world, &config, window, run)
    };
    let announcers: [&dyn Announcer; 2] = [&world.sns, &world.bus];
    let issued = issue(
        &press(&world, &slow, &announcers),
        Window::standing(NOW),
        Purpose::Standing,
        &run_of(&world, "r"),
    )
    .unwrap();
    assert!(issued.was_short_of_time && issued.reports.len() == 1);
}

#[test]
fn reports_are_made_of_the_evidence_that_is_kept() {
    let world = second_day();
    let house = House::new(&world.table, &world.store);
    let window = Window::standing(NOW);
    let bytes = json!({ "Records": quiet(window) }).to_string();
    let gathered = read_object("logs/1", bytes.as_bytes(), Limits::default());
    let object = Object { name: "logs/1".to_owned(), size: bytes.len() as u64, version: "1".to_owned() };
    let read = ReadObject { object, sha256: "0".repeat(64), records: 24, unreadable: Vec::new() };
    let mut batch = Batch::new(Lane::S3, "a".repeat(64));
    batch.add(gathered.segment, window.since.hour(), read);
    keep(&house, batch).unwrap();
    let (config, pack) = (config(), Pack::shipped(Standard::General).unwrap());
    let order = Order {
        config: &config,
        catalog: Catalog::embedded(),
        pack: &pack,
        policies: onlooker_core::grants::Policies::none(),
    };
    let reporter = of_evidence(&house, order, &[], 2);
    let announcers: [&dyn Announcer; 2] = [&world.sns, &world.bus];
    let press = press(&world, &reporter, &announcers);
    let issued = issue(&press, window, Purpose::Standing, &run_of(&world, "run-1")).unwrap();
    assert_eq!(issued.standing.unwrap().status, Some(Status::Compliant));
    let stored: Report =
        serde_json::from_slice(&objects(&world)[&issued.reports[0].revision.report.key]).unwrap();
    assert_eq!((stored.result.totals.events, stored.run.objects_kept, stored.run.inputs.len()), (24, 1, 1));
}
