//! The second look.

use std::time::Duration;

use onlooker_core::{
    ports::PortErrorKind,
    time::{HOUR_SECONDS, Time},
};

use super::fixture::{PullFixture, START, event_ids};

const DAY: u32 = 24 * HOUR_SECONDS;

/// Ten events that come in time, two that do not.
fn fixture() -> PullFixture {
    let bench = PullFixture::new();
    for number in 0..10 {
        bench.add_event(number, Time(START.0 - HOUR_SECONDS + number * 100), 0);
    }
    bench.add_event(10, Time(START.0 - HOUR_SECONDS + 50), 6 * HOUR_SECONDS);
    bench.add_event(11, Time(START.0 - HOUR_SECONDS + 950), 20 * HOUR_SECONDS);
    bench
}

/// Runs every ten minutes for so many hours. Gives second looks, and how many of them showed something.
fn run_for_hours(bench: &PullFixture, hours: u32) -> (u64, u64) {
    let (mut again, mut changed) = (0, 0);
    for _ in 0..hours * 6 {
        let pulled = bench.run(300).remove(0);
        assert_eq!(pulled.error, None);
        again += pulled.second_lookups;
        changed += pulled.second_lookups_changed;
        bench.clock.set(Time(bench.now().0 / 600 * 600 + 600));
    }
    (again, changed)
}

#[test]
fn late_events_are_found_by_the_second_lookup() {
    let bench = fixture();
    run_for_hours(&bench, 22);
    assert_eq!(bench.events(), event_ids(0..10));
    let (again, changed) = run_for_hours(&bench, 5);
    assert_eq!(bench.events(), event_ids(0..12));
    assert!(again >= 4 && (1..=2).contains(&changed), "{again} {changed}");
    assert_eq!(bench.trail.port.excess_requests(), 0);
}

#[test]
fn a_slice_is_looked_up_exactly_twice() {
    let bench = fixture();
    let (_, changed) = run_for_hours(&bench, 40);
    let before = bench.checkpoint().unwrap();
    assert!(bench.now().since(before.second_lookup_until) < DAY + 2 * HOUR_SECONDS);
    // Every moment up to there was looked up again exactly once, and kept again only where that showed something.
    assert!((1..=2).contains(&changed), "{changed}");
    assert_eq!(bench.events(), event_ids(0..12));
}

#[test]
fn empty_slices_of_an_hour_share_one_second_lookup() {
    let bench = fixture();
    run_for_hours(&bench, 30);
    let (again, changed) = run_for_hours(&bench, 12);
    assert_eq!((again, changed), (12, 0));
}

#[test]
fn a_slice_completed_a_day_late_gets_no_second_lookup() {
    let mut bench = fixture();
    bench.config.lookup.lookback_hours = 240;
    let pulled = bench.run(3_000).remove(0);
    assert_eq!((pulled.lag_seconds, pulled.second_lookups), (Some(0), 0));
    assert!(pulled.second_lookup_until.unwrap().0 >= START.0 - DAY - HOUR_SECONDS);
    // Nor after a pause of days.
    bench.clock.advance(Duration::from_secs(5 * 86_400));
    let pulled = bench.run_until_caught_up(Time(START.0 + 5 * DAY - HOUR_SECONDS), 3_000, 1);
    assert!(pulled.second_lookups <= 30, "only the day before the pause: {pulled:?}");
    assert!(pulled.second_lookup_until.unwrap().0 >= START.0 + 4 * DAY - 2 * HOUR_SECONDS);
}

#[test]
fn slice_records_are_kept_for_a_week_after_the_second_lookup() {
    let bench = fixture();
    bench.run(300);
    let notes = bench.items("SLICE#");
    assert!(!notes.is_empty());
    for note in notes {
        let until: Time = serde_json::from_value(note.body["until"].clone()).unwrap();
        assert_eq!(note.expires_at, Some(Time(until.0 + 8 * DAY)));
    }
    assert_eq!(bench.items("CHECKPOINT")[0].expires_at, None);
}

#[test]
fn new_slices_come_first() {
    let bench = fixture();
    run_for_hours(&bench, 30);
    bench.trail.port.fail_when(|number| (number % 2 == 0).then_some(PortErrorKind::Throttled));
    for number in 1_000..1_400 {
        bench.add_event(number, Time(bench.now().0 - 1_800 + number - 1_000), 0);
    }
    bench.clock.advance(Duration::from_secs(2 * 3_600));
    let pulled = bench.run(20).remove(0);
    assert_eq!(pulled.second_lookups, 0, "{pulled:?}");
    assert!(pulled.slices > 0);
}
