//! Runs that die, and ports that fail.

use std::{sync::atomic::Ordering, time::Duration};

use onlooker_core::{
    jobs::{history::AccountRegion, pull::PullOutcome},
    ports::PortErrorKind,
    time::{HOUR_SECONDS, Time},
};
use serde_json::Value;

use super::{
    bench::{Bench, HERE, START, ids},
    cloudtrail::Happened,
    world::{Plan, Strike},
};

/// Two hours of three slices each with a few pages; a broken record; an event that comes late.
fn scene() -> Bench {
    let mut bench = Bench::new();
    bench.config.lookup.slice_minutes = 30;
    // Far enough that a run that comes to nothing does not move where the lane begins past the events.
    bench.config.lookup.lookback_hours = 4;
    let trail = &bench.trail.port;
    trail.page.store(4, Ordering::SeqCst);
    for number in 0..40 {
        bench.event(number, Time(START.0 - HOUR_SECONDS + number * 60), 0);
    }
    bench.event(40, Time(START.0 - HOUR_SECONDS), 10 * HOUR_SECONDS);
    let broken = Happened::at(41, Time(START.0 - 2_000), 0, HERE, "Auditor");
    trail.record(HERE, Happened { record: "{\"eventID\":7}".to_owned(), ..broken });
    bench
}

fn day_later(bench: &Bench) {
    bench.clock.set(Time(START.0 + 25 * HOUR_SECONDS));
}

#[test]
fn a_run_killed_at_any_call_is_made_good_by_the_next() {
    // What a run does at first, and what it does a day later, second looks included.
    for later in [false, true] {
        let whole = scene();
        if later {
            whole.run(600);
            day_later(&whole);
        }
        whole.faults.revive();
        whole.run(3_000);
        let calls = whole.faults.revive();
        whole.clock.advance(Duration::from_secs(7_200));
        whole.run(3_000);
        let evidence = whole.evidence();
        assert!(calls.len() > 20, "{}", calls.len());
        for (at, strike) in
            (0..calls.len()).flat_map(|at| [Strike::Before, Strike::After].map(|strike| (at, strike)))
        {
            let bench = scene();
            if later {
                bench.run(600);
                day_later(&bench);
            }
            bench.faults.plan(Plan::Kill { at, strike });
            bench.run(3_000);
            assert!(bench.faults.killed());
            bench.assert_kept_before_passed();
            bench.faults.revive();
            // Nobody gave the lease back.
            bench.clock.advance(Duration::from_secs(7_200));
            bench.run(3_000);
            let pulled = bench.run(3_000).remove(0);
            assert_eq!((pulled.error, pulled.leased_by, pulled.lag_seconds), (None, None, Some(0)));
            bench.assert_kept_before_passed();
            let again = bench.evidence();
            let call = &calls[at];
            assert_eq!(again.rows(), evidence.rows(), "{call:?} {strike:?}");
            assert_eq!(again.unreadable(), evidence.unreadable(), "{call:?} {strike:?}");
            bench.events();
        }
    }
}

#[test]
fn a_call_that_fails_anywhere_loses_nothing() {
    let whole = scene();
    whole.run(3_000);
    let calls = whole.faults.revive();
    whole.clock.advance(Duration::from_secs(7_200));
    whole.run(3_000);
    let evidence = whole.evidence();
    for (at, call) in calls.iter().enumerate() {
        let bench = scene();
        let which = Box::new(move |number: usize, _: &_| number == at);
        bench.faults.plan(Plan::Fail { kind: PortErrorKind::Unavailable, strike: Strike::After, which });
        let pulled = bench.run(3_000).remove(0);
        assert!(pulled.error.is_some(), "{call:?} failed and nobody said so");
        bench.assert_kept_before_passed();
        bench.faults.revive();
        bench.clock.advance(Duration::from_secs(7_200));
        bench.run(3_000);
        assert_eq!(bench.evidence().rows(), evidence.rows(), "{call:?}");
    }
}

#[test]
fn an_error_names_account_region_and_permission_and_stays_in_its_lane() {
    let mut bench = scene();
    bench.lanes.push(AccountRegion::new(HERE.0, "us-east-1"));
    bench.faults.plan(Plan::Fail {
        kind: PortErrorKind::AccessDenied,
        strike: Strike::Before,
        which: Box::new(|_, call| call.port == "trail" && call.about.contains("us-east-1")),
    });
    bench.trail.port.trouble(|_| None);
    let pulled = bench.run(600);
    let error = pulled[1].error.as_ref().unwrap();
    for word in [HERE.0, "us-east-1"] {
        assert!(error.contains(word), "{error}");
    }
    assert!(pulled[1].lag_seconds > Some(0));
    assert_eq!((&pulled[0].error, pulled[0].lag_seconds), (&None, Some(0)));

    bench.faults.revive();
    bench.trail.port.trouble(|_| Some(PortErrorKind::AccessDenied));
    bench.clock.advance(Duration::from_secs(600));
    let error = bench.run(600)[0].error.clone().unwrap();
    assert!(error.contains("cloudtrail:LookupEvents") && error.contains(HERE.1), "{error}");
}

#[test]
fn throttling_without_end_is_waited_for_as_long_as_there_is_time() {
    let bench = scene();
    bench.trail.port.trouble(|_| Some(PortErrorKind::Throttled));
    let began = bench.clock.millis();
    let pulled = bench.run(300).remove(0);
    let took = Duration::from_millis(bench.clock.millis() - began);
    assert!(took <= Duration::from_secs(285), "{took:?}");
    assert_eq!(pulled.error, None);
    assert!(pulled.throttled > 5 && pulled.throttled < 20, "{pulled:?}");
    assert!(pulled.lag_seconds > Some(0));
    bench.trail.port.trouble(|_| None);
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.run(600)[0].lag_seconds, Some(0));
    assert_eq!(bench.events(), ids(0..40));
}

#[test]
fn tokens_that_never_last_are_outrun_by_shorter_slices() {
    let bench = scene();
    // Good for three pages, and the first slice has eight.
    bench.trail.port.token_life.store(10, Ordering::SeqCst);
    bench.trail.port.latency.store(0, Ordering::SeqCst);
    let sum = bench.catch_up(Time(START.0 - bench.lag()), 3_000, 10);
    assert!(sum.restarts > 0 && sum.splits > 0, "{sum:?}");
    assert_eq!(bench.events(), ids(0..40));
}

#[test]
fn a_clock_that_goes_back_does_no_harm() {
    let bench = scene();
    bench.run(600);
    let before = bench.checkpoint();
    bench.clock.set(Time(START.0 - 5 * HOUR_SECONDS));
    let pulled = bench.run(600).remove(0);
    assert_eq!((pulled.error, pulled.slices, pulled.lag_seconds), (None, 0, Some(0)));
    assert_eq!(bench.checkpoint(), before);
    bench.clock.set(Time(START.0 + HOUR_SECONDS));
    bench.catch_up(Time(START.0), 600, 1);
    assert_eq!(bench.events(), ids(0..40));
    bench.assert_kept_before_passed();
}

#[test]
fn a_lease_of_a_clock_that_was_wrong_is_not_waited_for() {
    let bench = scene();
    bench.clock.set(Time(START.0 + 1_000 * HOUR_SECONDS));
    bench.faults.plan(Plan::Kill { at: 3, strike: Strike::Before });
    bench.run(600);
    bench.faults.revive();
    bench.clock.set(START);
    assert_eq!(bench.run(600)[0].leased_by, None);
    assert_eq!(bench.events(), ids(0..40));
}

#[test]
fn what_cannot_be_read_is_named_by_where_it_was_looked_up() {
    let bench = scene();
    let pulled = bench.run(600).remove(0);
    assert_eq!((pulled.events, pulled.unreadable), (40, 1));
    assert_eq!(bench.evidence().unreadable().len(), 1);
    let positions = bench.positions();
    let [position] = &*positions else { panic!("{positions:?}") };
    let start = format!("lookup://{}/{}/", HERE.0, HERE.1);
    assert!(position.file.starts_with(&start) && position.file.contains("Z#"), "{}", position.file);
    assert!(position.reason.contains("eventID"), "{}", position.reason);
}

#[test]
fn only_what_nobody_watches_is_left_out() {
    let mut bench = scene();
    bench.config.lookup.watched_only = true;
    bench.config.watch =
        vec![onlooker_core::config::Watch::new(&format!("arn:aws:iam::{}:role/Auditor", HERE.0)).unwrap()];
    for number in 100..110 {
        let time = Time(START.0 - HOUR_SECONDS);
        bench.trail.port.record(HERE, Happened::at(number, time, 0, HERE, "Deployer"));
    }
    let nobody = Happened::at(200, Time(START.0 - HOUR_SECONDS), 0, HERE, "Auditor");
    let mut record: Value = serde_json::from_str(&nobody.record).unwrap();
    record.as_object_mut().unwrap().remove("userIdentity");
    let record = record.to_string();
    bench.trail.port.record(HERE, Happened { record, ..nobody });
    // Whom a watched principal made.
    let made = Happened::at(201, Time(START.0 - HOUR_SECONDS), 0, HERE, "Auditor");
    let mut record: Value = serde_json::from_str(&made.record).unwrap();
    record["userIdentity"] = serde_json::json!({
        "type": "FederatedUser",
        "arn": format!("arn:aws:sts::{}:federated-user/f", HERE.0),
        "accountId": HERE.0,
        "sessionContext": {"sessionIssuer": {"arn": format!("arn:aws:iam::{}:role/Auditor", HERE.0)}},
    });
    let record = record.to_string();
    bench.trail.port.record(HERE, Happened { record, ..made });
    let pulled = bench.run(600).remove(0);
    assert_eq!((pulled.events, pulled.dropped, pulled.unreadable), (42, 10, 1));
    assert_eq!(bench.events(), ids((0..40).chain([200, 201])));
}

#[test]
fn hours_of_which_somebody_was_left_out_vouch_for_nothing_once_he_is_watched() {
    let watch = |role: &str| {
        onlooker_core::config::Watch::new(&format!("arn:aws:iam::{}:role/{role}", HERE.0)).unwrap()
    };
    let mut bench = scene();
    bench.config.lookup.watched_only = true;
    bench.config.watch = vec![watch("Auditor")];
    let hour = Time(START.0 - HOUR_SECONDS).hour();
    bench.trail.port.record(HERE, Happened::at(100, Time(hour.start().0 + 5), 0, HERE, "Deployer"));
    bench.clock.set(Time(START.0 + HOUR_SECONDS));
    bench.run(600);
    let vouched = |bench: &Bench| {
        let windows = bench.collected(Time(hour.start().0 - HOUR_SECONDS), hour.end()).digest_hours;
        windows.iter().map(|shard| shard.hour).collect::<Vec<_>>()
    };
    let both = [onlooker_core::time::Hour(hour.0 - 1), hour];
    assert_eq!(vouched(&bench), both);
    // Of the hour before nothing was left out.
    bench.config.watch.push(watch("Deployer"));
    assert_eq!(vouched(&bench), both[..1]);
    bench.config.watch.reverse();
    assert_eq!(vouched(&bench), both[..1]);
    // At the second look all is as it should have been.
    bench.clock.set(Time(START.0 + 26 * HOUR_SECONDS));
    bench.run(900);
    assert_eq!(vouched(&bench), both);
    assert!(bench.events().is_superset(&ids([100])));
}

#[test]
fn an_account_of_a_run_can_be_kept() {
    let pulled = scene().run(600);
    let text = serde_json::to_string(&pulled).unwrap();
    assert_eq!(serde_json::from_str::<Vec<PullOutcome>>(&text).unwrap(), pulled);
}
