//! The second lookup, a day after the first, finds events that were delivered late.

use std::time::Duration;

use onlooker_core::{
    ports::PortErrorKind,
    time::{HOUR_SECONDS, Time},
};

use super::fixture::{PullFixture, START, event_ids};

const DAY: u32 = 24 * HOUR_SECONDS;

/// Ten events delivered in time, and two delivered late.
fn fixture() -> PullFixture {
    let fixture = PullFixture::new();
    for number in 0..10 {
        fixture.add_event(number, Time(START.0 - HOUR_SECONDS + number * 100), 0);
    }
    fixture.add_event(10, Time(START.0 - HOUR_SECONDS + 50), 6 * HOUR_SECONDS);
    fixture.add_event(11, Time(START.0 - HOUR_SECONDS + 950), 20 * HOUR_SECONDS);
    fixture
}

/// Runs every ten minutes for this many hours. Returns the second lookups, and how many of them found a change.
fn run_for_hours(fixture: &PullFixture, hours: u32) -> (u64, u64) {
    let (mut again, mut changed) = (0, 0);
    for _ in 0..hours * 6 {
        let pulled = fixture.run(300).remove(0);
        assert_eq!(pulled.error, None);
        again += pulled.second_lookups;
        changed += pulled.second_lookups_changed;
        fixture.clock.set(Time(fixture.now().0 / 600 * 600 + 600));
    }
    (again, changed)
}

#[test]
fn late_events_are_found_by_the_second_lookup() {
    let fixture = fixture();
    run_for_hours(&fixture, 22);
    assert_eq!(fixture.events(), event_ids(0..10));
    let (again, changed) = run_for_hours(&fixture, 5);
    assert_eq!(fixture.events(), event_ids(0..12));
    assert!(again >= 4 && (1..=2).contains(&changed), "{again} {changed}");
    assert_eq!(fixture.trail.port.excess_requests(), 0);
}

#[test]
fn a_slice_is_looked_up_exactly_twice() {
    let fixture = fixture();
    let (_, changed) = run_for_hours(&fixture, 40);
    let before = fixture.checkpoint().unwrap();
    assert!(fixture.now().since(before.second_lookup_until) < DAY + 2 * HOUR_SECONDS);
    // Every slice up to there was looked up again exactly once, and stored again only if it had changed.
    assert!((1..=2).contains(&changed), "{changed}");
    assert_eq!(fixture.events(), event_ids(0..12));
}

#[test]
fn empty_slices_of_an_hour_share_one_second_lookup() {
    let fixture = fixture();
    run_for_hours(&fixture, 30);
    let (again, changed) = run_for_hours(&fixture, 12);
    assert_eq!((again, changed), (12, 0));
}

#[test]
fn a_slice_completed_a_day_late_gets_no_second_lookup() {
    let mut fixture = fixture();
    fixture.config.lookup.lookback_hours = 240;
    let pulled = fixture.run(3_000).remove(0);
    assert_eq!((pulled.lag_seconds, pulled.second_lookups), (Some(0), 0));
    assert!(pulled.second_lookup_until.unwrap().0 >= START.0 - DAY - HOUR_SECONDS);
    // Nor after a pause of days.
    fixture.clock.advance(Duration::from_secs(5 * 86_400));
    let pulled = fixture.run_until_caught_up(Time(START.0 + 5 * DAY - HOUR_SECONDS), 3_000, 1);
    assert!(pulled.second_lookups <= 30, "only the day before the pause: {pulled:?}");
    assert!(pulled.second_lookup_until.unwrap().0 >= START.0 + 4 * DAY - 2 * HOUR_SECONDS);
}

#[test]
fn slice_records_are_kept_for_a_week_after_the_second_lookup() {
    let fixture = fixture();
    fixture.run(300);
    let records = fixture.items("SLICE#");
    assert!(!records.is_empty());
    for record in records {
        let until: Time = serde_json::from_value(record.body["until"].clone()).unwrap();
        assert_eq!(record.expires_at, Some(Time(until.0 + 8 * DAY)));
    }
    assert_eq!(fixture.items("CHECKPOINT")[0].expires_at, None);
}

#[test]
fn new_slices_come_first() {
    let fixture = fixture();
    run_for_hours(&fixture, 30);
    fixture.trail.port.fail_when(|number| (number % 2 == 0).then_some(PortErrorKind::Throttled));
    for number in 1_000..1_400 {
        fixture.add_event(number, Time(fixture.now().0 - 1_800 + number - 1_000), 0);
    }
    fixture.clock.advance(Duration::from_secs(2 * 3_600));
    let pulled = fixture.run(20).remove(0);
    assert_eq!(pulled.second_lookups, 0, "{pulled:?}");
    assert!(pulled.slices > 0);
}
