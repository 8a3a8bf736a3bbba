//! Laws of the pull job: every event is stored once, under throttling, short runs, expiring tokens and bursts.

use std::{sync::atomic::Ordering, time::Duration};

use onlooker_core::{
    jobs::{
        history::{AccountRegion, REQUEST_INTERVAL},
        publish::ReportWindow,
    },
    ports::{PortErrorKind, TableItem},
    time::{HOUR_SECONDS, Time},
};
use proptest::prelude::*;

use super::{
    fake_cloudtrail::{DelayedEvent, event_id},
    fixture::{HERE, PullFixture, START, event_ids},
};

/// A pseudo-random number, the same for the same arguments.
fn pseudo_random(seed: u64, number: u64) -> u64 {
    let mut x = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 31;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ x >> 29
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_event_delivered_within_the_lag_is_kept_once(
        seed in any::<u64>(),
        quiet in 0..200_u32,
        bursts in prop::collection::vec((0..10_000_u32, 1..150_u32), 0..5),
        page in 5..=50_u64,
        latency in 0..2_000_u64,
        token_life in prop_oneof![Just(u64::MAX), 4_000..40_000_u64],
        throttled in 0..4_u64,
        budget in 90..400_u64,
        apart in 20..900_u64,
        slice_minutes in 1..=60_u32,
    ) {
        let mut fixture = PullFixture::new();
        fixture.config.lookup.slice_minutes = slice_minutes;
        let trail = &fixture.trail.port;
        trail.page_size.store(page, Ordering::SeqCst);
        trail.latency.store(latency, Ordering::SeqCst);
        // A second of 150 events has 30 pages of five: a token must last from one to the next at least.
        trail.token_lifetime.store(token_life, Ordering::SeqCst);
        trail.fail_when(move |number| {
            (pseudo_random(seed, number) % 16 < throttled).then_some(PortErrorKind::Throttled)
        });
        let base = START.0 - 2 * HOUR_SECONDS;
        let mut number = 0;
        let mut add = |time: u32| {
            let delay = u32::try_from(pseudo_random(seed, number.into()) % u64::from(fixture.lag())).unwrap();
            fixture.add_event(number, Time(time), delay);
            number += 1;
        };
        for n in 0..quiet {
            add(base + u32::try_from(pseudo_random(!seed, n.into()) % 10_000).unwrap());
        }
        for (at, size) in bursts {
            for _ in 0..size {
                add(base + at);
            }
        }
        let sum = fixture.run_until_caught_up(Time(base + 10_000), budget, apart);
        prop_assert_eq!(fixture.events(), event_ids(0..number));
        prop_assert_eq!(sum.events, u64::from(number), "an event is in two slices");
        prop_assert_eq!(trail.excess_requests(), 0);
        fixture.assert_checkpoint_is_covered_by_evidence();
    }
}

#[test]
fn requests_keep_the_minimum_interval() {
    let fixture = PullFixture::new();
    fixture.trail.port.latency.store(5, Ordering::SeqCst);
    for number in 0..2_000 {
        fixture.add_event(number, Time(START.0 - 3_000 + number / 2), 0);
    }
    fixture.run(600);
    // The next run begins at once.
    fixture.clock.advance(Duration::from_secs(20));
    fixture.run(600);
    assert_eq!(fixture.trail.port.excess_requests(), 0);
    assert!(
        fixture.trail.port.shortest_request_interval().unwrap()
            >= u64::try_from(REQUEST_INTERVAL.as_millis()).unwrap()
    );
}

#[test]
fn ten_thousand_events_are_each_counted_once() {
    let fixture = PullFixture::new();
    let trail = &fixture.trail.port;
    trail.token_lifetime.store(20_000, Ordering::SeqCst);
    trail.fail_when(|number| match number {
        number if number % 11 == 3 => Some(PortErrorKind::Throttled),
        number if number % 97 == 50 => Some(PortErrorKind::InvalidToken),
        _ => None,
    });
    // A tenth is delivered only after the lag, and all are delivered out of order.
    for number in 0..10_000 {
        let time = Time(START.0 - HOUR_SECONDS + (number * 7_919) % 3_000);
        let delay = if number.is_multiple_of(10) { 5 * HOUR_SECONDS } else { number * 31 % 900 };
        fixture.add_event(number, time, delay);
    }
    let prompt = |number: &u32| !number.is_multiple_of(10);
    let sum = fixture.run_until_caught_up(START, 300, 60);
    assert_eq!(fixture.events(), event_ids((0..10_000).filter(prompt)));
    assert!(sum.throttled > 0 && sum.restarts > 0 && sum.splits > 0, "{sum:?}");
    // A day later the rest is stored too.
    fixture.clock.advance(Duration::from_secs(26 * 3_600));
    let again = fixture.run_until_caught_up(Time(START.0 + 25 * HOUR_SECONDS), 900, 60);
    assert_eq!(fixture.events(), event_ids(0..10_000));
    assert_eq!(again.lag_seconds, Some(0));
    assert_eq!(trail.excess_requests(), 0);
}

#[test]
fn a_second_with_too_many_events_is_retried() {
    let fixture = PullFixture::new();
    let second = Time(START.0 - HOUR_SECONDS);
    for number in 0..3_000 {
        fixture.add_event(number, second, 0);
    }
    // 60 pages take 40 seconds; the run has 30 and leaves 15.
    for _ in 0..12 {
        let pulled = fixture.run(30).remove(0);
        assert_eq!(pulled.error, None);
        assert!(pulled.lag_seconds.unwrap() > 0);
        assert!(pulled.complete_until.unwrap() <= second);
        fixture.assert_checkpoint_is_covered_by_evidence();
        fixture.clock.advance(Duration::from_secs(60));
    }
    // The slice before it ends in it, so it has the same events.
    let complete_until = fixture.checkpoint().unwrap().complete_until;
    assert_eq!(complete_until, Time(second.0 - 1), "everything before it is complete");
    assert_eq!(fixture.run_until_caught_up(START, 120, 60).events, 3_000);
    assert_eq!(fixture.events(), event_ids(0..3_000));
}

#[test]
fn an_account_region_without_events_is_covered() {
    let fixture = PullFixture::new();
    let pulled = fixture.run(300).remove(0);
    assert_eq!((pulled.events, pulled.lag_seconds), (0, Some(0)));
    assert_eq!(pulled.complete_until, Some(Time(START.0 - fixture.lag())));
    // From the start of the hour two hours before the last settled one, without the current hour.
    let settled = START.0 - fixture.config.lookup.settling_seconds();
    let hours = (START.0 - fixture.lag()) / HOUR_SECONDS - (settled - 2 * HOUR_SECONDS) / HOUR_SECONDS;
    assert_eq!(fixture.evidence().digest_hours().count(), hours as usize);
    fixture.assert_checkpoint_is_covered_by_evidence();
}

/// The state machine of the first report waits ten minutes after the first pull.
#[test]
fn the_first_pull_covers_the_period_of_the_first_report_at_every_minute_of_an_hour() {
    for minute in 0..60 {
        let mut fixture = PullFixture::new();
        fixture.config.lookup.lookback_hours = 24;
        fixture.clock.set(Time(START.0 + minute * 60));
        assert_eq!(fixture.run(3_000)[0].error, None);
        let checkpoint = fixture.checkpoint().unwrap();
        for wait in [0, 600] {
            let now = Time(START.0 + minute * 60 + wait);
            let settling = fixture.config.lookup.settling_seconds();
            let (window, _) = ReportWindow::from_request(&serde_json::json!({}), now, settling).unwrap();
            assert!(
                checkpoint.since <= window.since && window.until <= checkpoint.complete_until,
                "{minute} {wait}: {window} {checkpoint:?}"
            );
            let summary = fixture.evidence_summary(window.since, window.until);
            assert!(summary.incomplete_hours.is_empty(), "{minute} {wait}");
        }
    }
}

#[test]
fn slices_do_not_cross_hours_and_do_not_overlap() {
    let fixture = PullFixture::new();
    for number in 0..6_000 {
        fixture.add_event(number, Time(START.0 - 2 * HOUR_SECONDS + number), 0);
    }
    fixture.run_until_caught_up(Time(START.0 - fixture.lag()), 300, 1);
    let time =
        |item: &TableItem, name: &str| serde_json::from_value::<Time>(item.body[name].clone()).unwrap();
    let slices: Vec<(Time, Time)> =
        fixture.items("SLICE#").iter().map(|item| (time(item, "since"), time(item, "until"))).collect();
    for (since, until) in &slices {
        assert!(since < until && (until.0 - 1) / HOUR_SECONDS == since.0 / HOUR_SECONDS);
    }
    assert!(slices.windows(2).all(|two| two[0].1 == two[1].0), "slices adjoin");
}

#[test]
fn a_busy_account_region_leaves_time_for_the_others() {
    let mut fixture = PullFixture::new();
    let other = "us-east-1";
    fixture.account_regions = vec![AccountRegion::new(HERE.0, HERE.1), AccountRegion::new(HERE.0, other)];
    for number in 0..60_000 {
        fixture.add_event(number, Time(START.0 - 3_000 + number / 40), 0);
    }
    let there = (HERE.0, other);
    fixture.trail.port.add_event(there, DelayedEvent::at(70_000, Time(START.0 - 2_000), 0, there, "Auditor"));
    for start in [0, 60] {
        fixture.clock.set(Time(START.0 + start));
        let pulled = fixture.run(120);
        assert!(pulled[0].lag_seconds > Some(0) && pulled[0].slices > 0, "{pulled:?}");
        assert_eq!(pulled[1].lag_seconds, Some(0), "{pulled:?}");
        assert_eq!(pulled[1].region, other);
    }
    assert!(fixture.events().contains(&event_id(70_000)));
}

#[test]
fn several_threads_pull_the_same_evidence() {
    let mut fixture = PullFixture::new();
    let regions = ["eu-west-1", "eu-west-2", "eu-west-3", "us-east-1"];
    fixture.account_regions = regions.iter().map(|region| AccountRegion::new(HERE.0, region)).collect();
    for number in 0..4_000_u32 {
        let account_region = (HERE.0, regions[number as usize % 4]);
        let time = Time(START.0 - HOUR_SECONDS + number / 4);
        fixture
            .trail
            .port
            .add_event(account_region, DelayedEvent::at(number, time, 0, account_region, "Auditor"));
    }
    fixture.threads = 3;
    let pulled = fixture.run(3_000);
    assert!(
        pulled.iter().all(|outcome| outcome.lag_seconds == Some(0) && outcome.events == 1_000),
        "{pulled:?}"
    );
    assert_eq!(fixture.events(), event_ids(0..4_000));
}

#[test]
fn expired_history_is_not_covered() {
    let mut fixture = PullFixture::new();
    fixture.config.lookup.lookback_hours = 2_160;
    fixture.config.lookup.slice_minutes = 60;
    fixture.run(3_000);
    let began = fixture.checkpoint().unwrap().since;
    assert!(
        began.0 > START.0 - 90 * 24 * HOUR_SECONDS
            && began.0 < START.0 - 90 * 24 * HOUR_SECONDS + 3 * HOUR_SECONDS
    );
    // A hundred days later most of the time between has expired from the event history.
    fixture.clock.advance(Duration::from_secs(100 * 86_400));
    fixture.run_until_caught_up(Time(fixture.now().0 - 2 * HOUR_SECONDS), 3_000, 1);
    let evidence = fixture.evidence();
    let windows: Vec<(u32, u32)> = evidence.digest_windows().iter().map(|w| (w.start.0, w.end.0)).collect();
    let gaps = windows.windows(2).filter(|two| two[0].1 < two[1].0).count();
    assert_eq!(gaps, 1, "the days that can no longer be looked up");
}

#[test]
fn an_hour_is_observed_only_when_all_its_slices_are_complete() {
    let fixture = PullFixture::new();
    // The current hour, and the one before.
    let hour = Time(START.0 / HOUR_SECONDS * HOUR_SECONDS);
    assert!(START.since(hour) < fixture.lag());
    for number in 0..60 {
        fixture.add_event(number, Time(hour.0 - HOUR_SECONDS + number * 60), 0);
    }
    fixture.run(300);
    let unfinished = |fixture: &PullFixture| {
        let summary = fixture.evidence_summary(Time(hour.0 - 2 * HOUR_SECONDS), hour);
        summary.incomplete_hours.iter().map(|shard| shard.hour.start()).collect::<Vec<_>>()
    };
    assert_eq!(unfinished(&fixture), [Time(hour.0 - HOUR_SECONDS)], "a quarter of it is not complete");
    fixture.clock.advance(Duration::from_secs(900));
    fixture.run(300);
    assert_eq!(unfinished(&fixture), []);
}
