//! Runs that die, and ports that fail.

use std::{sync::atomic::Ordering, time::Duration};

use onlooker_core::{
    jobs::{history::AccountRegion, pull::PullOutcome},
    ports::PortErrorKind,
    time::{HOUR_SECONDS, Time},
};
use serde_json::Value;

use super::{
    environment::{FaultPlan, FaultTiming},
    fake_cloudtrail::DelayedEvent,
    fixture::{HERE, PullFixture, START, event_ids},
};

/// Two hours of three slices each with a few pages; a broken record; an event that comes late.
fn fixture() -> PullFixture {
    let mut bench = PullFixture::new();
    bench.config.lookup.slice_minutes = 30;
    // Far enough that a run that comes to nothing does not move where the lane begins past the events.
    bench.config.lookup.lookback_hours = 4;
    let trail = &bench.trail.port;
    trail.page_size.store(4, Ordering::SeqCst);
    for number in 0..40 {
        bench.add_event(number, Time(START.0 - HOUR_SECONDS + number * 60), 0);
    }
    bench.add_event(40, Time(START.0 - HOUR_SECONDS), 10 * HOUR_SECONDS);
    let broken = DelayedEvent::at(41, Time(START.0 - 2_000), 0, HERE, "Auditor");
    trail.add_event(HERE, DelayedEvent { record: "{\"eventID\":7}".to_owned(), ..broken });
    bench
}

fn run_a_day_later(bench: &PullFixture) {
    bench.clock.set(Time(START.0 + 25 * HOUR_SECONDS));
}

#[test]
fn a_run_killed_at_any_call_is_completed_by_the_next() {
    // What a run does at first, and what it does a day later, second looks included.
    for later in [false, true] {
        let whole = fixture();
        if later {
            whole.run(600);
            run_a_day_later(&whole);
        }
        whole.fault_injector.reset();
        whole.run(3_000);
        let calls = whole.fault_injector.reset();
        whole.clock.advance(Duration::from_secs(7_200));
        whole.run(3_000);
        let evidence = whole.evidence();
        assert!(calls.len() > 20, "{}", calls.len());
        for (at, strike) in (0..calls.len())
            .flat_map(|at| [FaultTiming::Before, FaultTiming::After].map(|strike| (at, strike)))
        {
            let bench = fixture();
            if later {
                bench.run(600);
                run_a_day_later(&bench);
            }
            bench.fault_injector.plan(FaultPlan::Kill { at, timing: strike });
            bench.run(3_000);
            assert!(bench.fault_injector.is_killed());
            bench.assert_checkpoint_is_covered_by_evidence();
            bench.fault_injector.reset();
            // Nobody gave the lease back.
            bench.clock.advance(Duration::from_secs(7_200));
            bench.run(3_000);
            let pulled = bench.run(3_000).remove(0);
            assert_eq!((pulled.error, pulled.leased_by, pulled.lag_seconds), (None, None, Some(0)));
            bench.assert_checkpoint_is_covered_by_evidence();
            let again = bench.evidence();
            let call = &calls[at];
            assert_eq!(again.rows(), evidence.rows(), "{call:?} {strike:?}");
            assert_eq!(again.unreadable(), evidence.unreadable(), "{call:?} {strike:?}");
            bench.events();
        }
    }
}

#[test]
fn a_failed_call_loses_no_evidence() {
    let whole = fixture();
    whole.run(3_000);
    let calls = whole.fault_injector.reset();
    whole.clock.advance(Duration::from_secs(7_200));
    whole.run(3_000);
    let evidence = whole.evidence();
    for (at, call) in calls.iter().enumerate() {
        let bench = fixture();
        let which = Box::new(move |number: usize, _: &_| number == at);
        bench.fault_injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::Unavailable,
            strike: FaultTiming::After,
            matching: which,
        });
        let pulled = bench.run(3_000).remove(0);
        assert!(pulled.error.is_some(), "{call:?} failed and nobody said so");
        bench.assert_checkpoint_is_covered_by_evidence();
        bench.fault_injector.reset();
        bench.clock.advance(Duration::from_secs(7_200));
        bench.run(3_000);
        assert_eq!(bench.evidence().rows(), evidence.rows(), "{call:?}");
    }
}

#[test]
fn an_error_names_account_region_and_permission_and_affects_no_other_region() {
    let mut bench = fixture();
    bench.account_regions.push(AccountRegion::new(HERE.0, "us-east-1"));
    bench.fault_injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::AccessDenied,
        strike: FaultTiming::Before,
        matching: Box::new(|_, call| call.port == "trail" && call.target.contains("us-east-1")),
    });
    bench.trail.port.fail_when(|_| None);
    let pulled = bench.run(600);
    let error = pulled[1].error.as_ref().unwrap();
    for word in [HERE.0, "us-east-1"] {
        assert!(error.contains(word), "{error}");
    }
    assert!(pulled[1].lag_seconds > Some(0));
    assert_eq!((&pulled[0].error, pulled[0].lag_seconds), (&None, Some(0)));

    bench.fault_injector.reset();
    bench.trail.port.fail_when(|_| Some(PortErrorKind::AccessDenied));
    bench.clock.advance(Duration::from_secs(600));
    let error = bench.run(600)[0].error.clone().unwrap();
    assert!(error.contains("cloudtrail:LookupEvents") && error.contains(HERE.1), "{error}");
}

#[test]
fn throttling_is_retried_until_the_deadline() {
    let bench = fixture();
    bench.trail.port.fail_when(|_| Some(PortErrorKind::Throttled));
    let began = bench.clock.millis();
    let pulled = bench.run(300).remove(0);
    let took = Duration::from_millis(bench.clock.millis() - began);
    assert!(took <= Duration::from_secs(285), "{took:?}");
    assert_eq!(pulled.error, None);
    assert!(pulled.throttled > 5 && pulled.throttled < 20, "{pulled:?}");
    assert!(pulled.lag_seconds > Some(0));
    bench.trail.port.fail_when(|_| None);
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.run(600)[0].lag_seconds, Some(0));
    assert_eq!(bench.events(), event_ids(0..40));
}

#[test]
fn expired_tokens_lead_to_shorter_slices() {
    let bench = fixture();
    // Good for three pages, and the first slice has eight.
    bench.trail.port.token_lifetime.store(10, Ordering::SeqCst);
    bench.trail.port.latency.store(0, Ordering::SeqCst);
    let sum = bench.run_until_caught_up(Time(START.0 - bench.lag()), 3_000, 10);
    assert!(sum.restarts > 0 && sum.splits > 0, "{sum:?}");
    assert_eq!(bench.events(), event_ids(0..40));
}

#[test]
fn a_clock_that_moves_back_loses_no_evidence() {
    let bench = fixture();
    bench.run(600);
    let before = bench.checkpoint();
    bench.clock.set(Time(START.0 - 5 * HOUR_SECONDS));
    let pulled = bench.run(600).remove(0);
    assert_eq!((pulled.error, pulled.slices, pulled.lag_seconds), (None, 0, Some(0)));
    assert_eq!(bench.checkpoint(), before);
    bench.clock.set(Time(START.0 + HOUR_SECONDS));
    bench.run_until_caught_up(Time(START.0), 600, 1);
    assert_eq!(bench.events(), event_ids(0..40));
    bench.assert_checkpoint_is_covered_by_evidence();
}

#[test]
fn a_lease_with_an_implausible_expiry_is_ignored() {
    let bench = fixture();
    bench.clock.set(Time(START.0 + 1_000 * HOUR_SECONDS));
    bench.fault_injector.plan(FaultPlan::Kill { at: 3, timing: FaultTiming::Before });
    bench.run(600);
    bench.fault_injector.reset();
    bench.clock.set(START);
    assert_eq!(bench.run(600)[0].leased_by, None);
    assert_eq!(bench.events(), event_ids(0..40));
}

#[test]
fn an_unreadable_record_is_named_by_its_lookup() {
    let bench = fixture();
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
fn only_unwatched_events_are_omitted() {
    let mut bench = fixture();
    bench.config.lookup.watched_only = true;
    bench.config.watch =
        vec![onlooker_core::config::Watch::new(&format!("arn:aws:iam::{}:role/Auditor", HERE.0)).unwrap()];
    for number in 100..110 {
        let time = Time(START.0 - HOUR_SECONDS);
        bench.trail.port.add_event(HERE, DelayedEvent::at(number, time, 0, HERE, "Deployer"));
    }
    let nobody = DelayedEvent::at(200, Time(START.0 - HOUR_SECONDS), 0, HERE, "Auditor");
    let mut record: Value = serde_json::from_str(&nobody.record).unwrap();
    record.as_object_mut().unwrap().remove("userIdentity");
    let record = record.to_string();
    bench.trail.port.add_event(HERE, DelayedEvent { record, ..nobody });
    // Whom a watched principal made.
    let made = DelayedEvent::at(201, Time(START.0 - HOUR_SECONDS), 0, HERE, "Auditor");
    let mut record: Value = serde_json::from_str(&made.record).unwrap();
    record["userIdentity"] = serde_json::json!({
        "type": "FederatedUser",
        "arn": format!("arn:aws:sts::{}:federated-user/f", HERE.0),
        "accountId": HERE.0,
        "sessionContext": {"sessionIssuer": {"arn": format!("arn:aws:iam::{}:role/Auditor", HERE.0)}},
    });
    let record = record.to_string();
    bench.trail.port.add_event(HERE, DelayedEvent { record, ..made });
    let pulled = bench.run(600).remove(0);
    assert_eq!((pulled.events, pulled.dropped, pulled.unreadable), (42, 10, 1));
    assert_eq!(bench.events(), event_ids((0..40).chain([200, 201])));
}

#[test]
fn hours_that_omit_a_principal_do_not_cover_it_once_it_is_watched() {
    let watch = |role: &str| {
        onlooker_core::config::Watch::new(&format!("arn:aws:iam::{}:role/{role}", HERE.0)).unwrap()
    };
    let mut bench = fixture();
    bench.config.lookup.watched_only = true;
    bench.config.watch = vec![watch("Auditor")];
    let hour = Time(START.0 - HOUR_SECONDS).hour();
    bench.trail.port.add_event(HERE, DelayedEvent::at(100, Time(hour.start().0 + 5), 0, HERE, "Deployer"));
    bench.clock.set(Time(START.0 + HOUR_SECONDS));
    bench.run(600);
    let vouched = |bench: &PullFixture| {
        let windows = bench.evidence_summary(Time(hour.start().0 - HOUR_SECONDS), hour.end()).digest_hours;
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
    assert!(bench.events().is_superset(&event_ids([100])));
}

#[test]
fn a_run_outcome_can_be_stored() {
    let pulled = fixture().run(600);
    let text = serde_json::to_string(&pulled).unwrap();
    assert_eq!(serde_json::from_str::<Vec<PullOutcome>>(&text).unwrap(), pulled);
}
