//! Killed runs and failing ports. Law: the next run completes the evidence, and the checkpoint never passes what
//! stored evidence covers.

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

/// Two hours in slices of 30 minutes with a few pages each; an unreadable record; an event delivered late.
fn fixture() -> PullFixture {
    let mut fixture = PullFixture::new();
    fixture.config.lookup.slice_minutes = 30;
    // Long enough that a run without a result does not move the start past the events.
    fixture.config.lookup.lookback_hours = 4;
    let trail = &fixture.trail.port;
    trail.page_size.store(4, Ordering::SeqCst);
    for number in 0..40 {
        fixture.add_event(number, Time(START.0 - HOUR_SECONDS + number * 60), 0);
    }
    fixture.add_event(40, Time(START.0 - HOUR_SECONDS), 10 * HOUR_SECONDS);
    let broken = DelayedEvent::at(41, Time(START.0 - 2_000), 0, HERE, "Auditor");
    trail.add_event(HERE, DelayedEvent { record: "{\"eventID\":7}".to_owned(), ..broken });
    fixture
}

fn run_a_day_later(fixture: &PullFixture) {
    fixture.clock.set(Time(START.0 + 25 * HOUR_SECONDS));
}

#[test]
fn a_run_killed_at_any_call_is_completed_by_the_next() {
    // The first run, and a run a day later with its second lookups.
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
        for (at, timing) in (0..calls.len())
            .flat_map(|at| [FaultTiming::Before, FaultTiming::After].map(|timing| (at, timing)))
        {
            let fixture = fixture();
            if later {
                fixture.run(600);
                run_a_day_later(&fixture);
            }
            fixture.fault_injector.plan(FaultPlan::Kill { at, timing });
            fixture.run(3_000);
            assert!(fixture.fault_injector.is_killed());
            fixture.assert_checkpoint_is_covered_by_evidence();
            fixture.fault_injector.reset();
            // The killed run did not release its lease.
            fixture.clock.advance(Duration::from_secs(7_200));
            fixture.run(3_000);
            let pulled = fixture.run(3_000).remove(0);
            assert_eq!((pulled.error, pulled.leased_by, pulled.lag_seconds), (None, None, Some(0)));
            fixture.assert_checkpoint_is_covered_by_evidence();
            let again = fixture.evidence();
            let call = &calls[at];
            assert_eq!(again.rows(), evidence.rows(), "{call:?} {timing:?}");
            assert_eq!(again.unreadable(), evidence.unreadable(), "{call:?} {timing:?}");
            fixture.events();
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
        let fixture = fixture();
        let which = Box::new(move |number: usize, _: &_| number == at);
        fixture.fault_injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::Unavailable,
            timing: FaultTiming::After,
            matching: which,
        });
        let pulled = fixture.run(3_000).remove(0);
        assert!(pulled.error.is_some(), "{call:?} failed and the run reported no error");
        fixture.assert_checkpoint_is_covered_by_evidence();
        fixture.fault_injector.reset();
        fixture.clock.advance(Duration::from_secs(7_200));
        fixture.run(3_000);
        assert_eq!(fixture.evidence().rows(), evidence.rows(), "{call:?}");
    }
}

#[test]
fn an_error_names_account_region_and_permission_and_affects_no_other_region() {
    let mut fixture = fixture();
    fixture.account_regions.push(AccountRegion::new(HERE.0, "us-east-1"));
    fixture.fault_injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::AccessDenied,
        timing: FaultTiming::Before,
        matching: Box::new(|_, call| call.port == "trail" && call.target.contains("us-east-1")),
    });
    fixture.trail.port.fail_when(|_| None);
    let pulled = fixture.run(600);
    let error = pulled[1].error.as_ref().unwrap();
    for word in [HERE.0, "us-east-1"] {
        assert!(error.contains(word), "{error}");
    }
    assert!(pulled[1].lag_seconds > Some(0));
    assert_eq!((&pulled[0].error, pulled[0].lag_seconds), (&None, Some(0)));

    fixture.fault_injector.reset();
    fixture.trail.port.fail_when(|_| Some(PortErrorKind::AccessDenied));
    fixture.clock.advance(Duration::from_secs(600));
    let error = fixture.run(600)[0].error.clone().unwrap();
    assert!(error.contains("cloudtrail:LookupEvents") && error.contains(HERE.1), "{error}");
}

#[test]
fn throttling_is_retried_until_the_deadline() {
    let fixture = fixture();
    fixture.trail.port.fail_when(|_| Some(PortErrorKind::Throttled));
    let began = fixture.clock.millis();
    let pulled = fixture.run(300).remove(0);
    let took = Duration::from_millis(fixture.clock.millis() - began);
    assert!(took <= Duration::from_secs(285), "{took:?}");
    assert_eq!(pulled.error, None);
    assert!(pulled.throttled > 5 && pulled.throttled < 20, "{pulled:?}");
    assert!(pulled.lag_seconds > Some(0));
    fixture.trail.port.fail_when(|_| None);
    fixture.clock.advance(Duration::from_secs(60));
    assert_eq!(fixture.run(600)[0].lag_seconds, Some(0));
    assert_eq!(fixture.events(), event_ids(0..40));
}

#[test]
fn expired_tokens_lead_to_shorter_slices() {
    let fixture = fixture();
    // Valid for three pages, and the first slice has eight.
    fixture.trail.port.token_lifetime.store(10, Ordering::SeqCst);
    fixture.trail.port.latency.store(0, Ordering::SeqCst);
    let sum = fixture.run_until_caught_up(Time(START.0 - fixture.lag()), 3_000, 10);
    assert!(sum.restarts > 0 && sum.splits > 0, "{sum:?}");
    assert_eq!(fixture.events(), event_ids(0..40));
}

#[test]
fn a_clock_that_moves_back_loses_no_evidence() {
    let fixture = fixture();
    fixture.run(600);
    let before = fixture.checkpoint();
    fixture.clock.set(Time(START.0 - 5 * HOUR_SECONDS));
    let pulled = fixture.run(600).remove(0);
    assert_eq!((pulled.error, pulled.slices, pulled.lag_seconds), (None, 0, Some(0)));
    assert_eq!(fixture.checkpoint(), before);
    fixture.clock.set(Time(START.0 + HOUR_SECONDS));
    fixture.run_until_caught_up(Time(START.0), 600, 1);
    assert_eq!(fixture.events(), event_ids(0..40));
    fixture.assert_checkpoint_is_covered_by_evidence();
}

#[test]
fn a_lease_with_an_implausible_expiry_is_ignored() {
    let fixture = fixture();
    fixture.clock.set(Time(START.0 + 1_000 * HOUR_SECONDS));
    fixture.fault_injector.plan(FaultPlan::Kill { at: 3, timing: FaultTiming::Before });
    fixture.run(600);
    fixture.fault_injector.reset();
    fixture.clock.set(START);
    assert_eq!(fixture.run(600)[0].leased_by, None);
    assert_eq!(fixture.events(), event_ids(0..40));
}

#[test]
fn an_unreadable_record_is_named_by_its_lookup() {
    let fixture = fixture();
    let pulled = fixture.run(600).remove(0);
    assert_eq!((pulled.events, pulled.unreadable), (40, 1));
    assert_eq!(fixture.evidence().unreadable().len(), 1);
    let positions = fixture.positions();
    let [position] = &*positions else { panic!("{positions:?}") };
    let start = format!("lookup://{}/{}/", HERE.0, HERE.1);
    assert!(position.file.starts_with(&start) && position.file.contains("Z#"), "{}", position.file);
    assert!(position.reason.contains("eventID"), "{}", position.reason);
}

#[test]
fn only_unwatched_events_are_omitted() {
    let mut fixture = fixture();
    fixture.config.lookup.watched_only = true;
    fixture.config.watch =
        vec![onlooker_core::config::Watch::new(&format!("arn:aws:iam::{}:role/Auditor", HERE.0)).unwrap()];
    for number in 100..110 {
        let time = Time(START.0 - HOUR_SECONDS);
        fixture.trail.port.add_event(HERE, DelayedEvent::at(number, time, 0, HERE, "Deployer"));
    }
    let anonymous = DelayedEvent::at(200, Time(START.0 - HOUR_SECONDS), 0, HERE, "Auditor");
    let mut record: Value = serde_json::from_str(&anonymous.record).unwrap();
    record.as_object_mut().unwrap().remove("userIdentity");
    let record = record.to_string();
    fixture.trail.port.add_event(HERE, DelayedEvent { record, ..anonymous });
    // A federated user session that a watched principal created.
    let made = DelayedEvent::at(201, Time(START.0 - HOUR_SECONDS), 0, HERE, "Auditor");
    let mut record: Value = serde_json::from_str(&made.record).unwrap();
    record["userIdentity"] = serde_json::json!({
        "type": "FederatedUser",
        "arn": format!("arn:aws:sts::{}:federated-user/f", HERE.0),
        "accountId": HERE.0,
        "sessionContext": {"sessionIssuer": {"arn": format!("arn:aws:iam::{}:role/Auditor", HERE.0)}},
    });
    let record = record.to_string();
    fixture.trail.port.add_event(HERE, DelayedEvent { record, ..made });
    // A principal of another account, which may be watched there.
    let other = DelayedEvent::at(202, Time(START.0 - HOUR_SECONDS), 0, HERE, "Auditor");
    let mut record: Value = serde_json::from_str(&other.record).unwrap();
    record["userIdentity"] =
        serde_json::json!({"type": "AWSAccount", "accountId": "999900001111", "principalId": "AROAX:s"});
    let record = record.to_string();
    fixture.trail.port.add_event(HERE, DelayedEvent { record, ..other });
    let pulled = fixture.run(600).remove(0);
    assert_eq!((pulled.events, pulled.dropped, pulled.unreadable), (43, 10, 1));
    assert_eq!(fixture.events(), event_ids((0..40).chain([200, 201, 202])));
}

#[test]
fn hours_that_omit_a_principal_do_not_cover_it_once_it_is_watched() {
    let watch = |role: &str| {
        onlooker_core::config::Watch::new(&format!("arn:aws:iam::{}:role/{role}", HERE.0)).unwrap()
    };
    let mut fixture = fixture();
    fixture.config.lookup.watched_only = true;
    fixture.config.watch = vec![watch("Auditor")];
    let hour = Time(START.0 - HOUR_SECONDS).hour();
    fixture.trail.port.add_event(HERE, DelayedEvent::at(100, Time(hour.start().0 + 5), 0, HERE, "Deployer"));
    fixture.clock.set(Time(START.0 + HOUR_SECONDS));
    fixture.run(600);
    let covered = |fixture: &PullFixture| {
        let windows = fixture.evidence_summary(Time(hour.start().0 - HOUR_SECONDS), hour.end()).digest_hours;
        windows.iter().map(|shard| shard.hour).collect::<Vec<_>>()
    };
    let both = [onlooker_core::time::Hour(hour.0 - 1), hour];
    assert_eq!(covered(&fixture), both);
    // In the hour before, no event was omitted.
    fixture.config.watch.push(watch("Deployer"));
    assert_eq!(covered(&fixture), both[..1]);
    fixture.config.watch.reverse();
    assert_eq!(covered(&fixture), both[..1]);
    // The second lookup reads both hours with both principals watched.
    fixture.clock.set(Time(START.0 + 26 * HOUR_SECONDS));
    fixture.run(900);
    assert_eq!(covered(&fixture), both);
    assert!(fixture.events().is_superset(&event_ids([100])));
}

#[test]
fn a_run_outcome_can_be_stored() {
    let pulled = fixture().run(600);
    let text = serde_json::to_string(&pulled).unwrap();
    assert_eq!(serde_json::from_str::<Vec<PullOutcome>>(&text).unwrap(), pulled);
}
