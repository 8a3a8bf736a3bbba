//! The second look.

use std::time::Duration;

use onlooker_core::{
    ports::PortErrorKind,
    time::{HOUR_SECONDS, Time},
};

use super::bench::{Bench, START, ids};

const DAY: u32 = 24 * HOUR_SECONDS;

/// Ten events that come in time, two that do not.
fn scene() -> Bench {
    let bench = Bench::new();
    for number in 0..10 {
        bench.event(number, Time(START.0 - HOUR_SECONDS + number * 100), 0);
    }
    bench.event(10, Time(START.0 - HOUR_SECONDS + 50), 6 * HOUR_SECONDS);
    bench.event(11, Time(START.0 - HOUR_SECONDS + 950), 20 * HOUR_SECONDS);
    bench
}

/// Runs every ten minutes for so many hours. Gives second looks, and how many of them showed something.
fn live(bench: &Bench, hours: u32) -> (u64, u64) {
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
fn what_comes_late_is_there_after_the_second_look() {
    let bench = scene();
    live(&bench, 22);
    assert_eq!(bench.events(), ids(0..10));
    let (again, changed) = live(&bench, 5);
    assert_eq!(bench.events(), ids(0..12));
    assert!(again >= 4 && (1..=2).contains(&changed), "{again} {changed}");
    assert_eq!(bench.trail.port.exceeded(), 0);
}

#[test]
fn a_slice_is_looked_up_twice_and_no_third_time() {
    let bench = scene();
    let (_, changed) = live(&bench, 40);
    let before = bench.checkpoint().unwrap();
    assert!(bench.now().since(before.second_lookup_until) < DAY + 2 * HOUR_SECONDS);
    // Every moment up to there was looked up again exactly once, and kept again only where that showed something.
    assert!((1..=2).contains(&changed), "{changed}");
    assert_eq!(bench.events(), ids(0..12));
}

#[test]
fn an_hour_of_quiet_slices_is_one_second_look() {
    let bench = scene();
    live(&bench, 30);
    let (again, changed) = live(&bench, 12);
    assert_eq!((again, changed), (12, 0));
}

#[test]
fn what_was_closed_a_day_later_is_not_looked_up_again() {
    let mut bench = scene();
    bench.config.lookup.lookback_hours = 240;
    let pulled = bench.run(3_000).remove(0);
    assert_eq!((pulled.lag_seconds, pulled.second_lookups), (Some(0), 0));
    assert!(pulled.second_lookup_until.unwrap().0 >= START.0 - DAY - HOUR_SECONDS);
    // Nor after a pause of days.
    bench.clock.advance(Duration::from_secs(5 * 86_400));
    let pulled = bench.catch_up(Time(START.0 + 5 * DAY - HOUR_SECONDS), 3_000, 1);
    assert!(pulled.second_lookups <= 30, "only the day before the pause: {pulled:?}");
    assert!(pulled.second_lookup_until.unwrap().0 >= START.0 + 4 * DAY - 2 * HOUR_SECONDS);
}

#[test]
fn notes_are_kept_for_a_week_after_the_second_look() {
    let bench = scene();
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
fn fresh_slices_come_first() {
    let bench = scene();
    live(&bench, 30);
    bench.trail.port.trouble(|number| (number % 2 == 0).then_some(PortErrorKind::Throttled));
    for number in 1_000..1_400 {
        bench.event(number, Time(bench.now().0 - 1_800 + number - 1_000), 0);
    }
    bench.clock.advance(Duration::from_secs(2 * 3_600));
    let pulled = bench.run(20).remove(0);
    assert_eq!(pulled.second_lookups, 0, "{pulled:?}");
    assert!(pulled.slices > 0);
}
