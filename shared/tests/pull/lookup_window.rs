//! One window of one account and region, read by `HistoryReader` without a table.

use std::{sync::atomic::Ordering, time::Duration};

use onlooker_core::{
    config::Config,
    jobs::history::{AccountRegion, HistoryReader, LookupStop, TimeSlice},
    ports::PortErrorKind,
    time::{HOUR_SECONDS, Time},
};

use super::{
    fake_cloudtrail::{DelayedEvent, FakeCloudTrail, MillisecondClock},
    fixture::{HERE, START, event_ids},
};

const SLICE: TimeSlice =
    TimeSlice { since: Time(START.0 - 3 * HOUR_SECONDS + 70), until: Time(START.0 - HOUR_SECONDS + 30) };

fn fake_trail() -> (MillisecondClock, FakeCloudTrail) {
    let clock = MillisecondClock::default();
    clock.set(START);
    clock.set_remaining(Duration::from_secs(100_000));
    let trail = FakeCloudTrail::new(clock.clone());
    for number in 0..3_000 {
        trail.add_event(HERE, DelayedEvent::at(number, Time(SLICE.since.0 + number * 2), 0, HERE, "Auditor"));
    }
    (clock, trail)
}

#[test]
fn a_window_has_the_events_of_its_span() {
    let (clock, trail) = fake_trail();
    let (account_region, config) = (AccountRegion::new(HERE.0, HERE.1), Config::default());
    let mut history = HistoryReader::new(&account_region, &trail, &clock, &config);
    let mut progress = Vec::new();
    let window = history.read_window(SLICE, 900, &mut |step| progress.push(step));
    assert!(window.stopped.is_none());
    assert_eq!(window.complete_until, SLICE.until);
    assert_eq!(
        window.contents.segment.rows().iter().map(|row| row.id).collect::<std::collections::BTreeSet<_>>(),
        event_ids(0..3_000)
    );
    // The two partial hours are not covered; the whole hour between them is.
    assert_eq!(window.contents.segment.digest_hours().count(), 1);
    assert!(
        progress.windows(2).all(|two| two[0].seconds < two[1].seconds && two[0].records <= two[1].records)
    );
    let last = progress.last().unwrap();
    assert_eq!((last.seconds, last.records), (last.total_seconds, 3_000));
    let read = window.as_object(&account_region);
    assert_eq!((read.records, read.object.version.as_str()), (3_000, ""));
    assert_eq!(read.object.name, format!("lookup://{}/{}/{}/{}", HERE.0, HERE.1, SLICE.since, SLICE.until));
    assert_eq!(trail.excess_requests(), 0);
}

#[test]
fn an_aborted_window_keeps_its_completed_slices() {
    let (clock, trail) = fake_trail();
    trail.fail_when(|number| (number > 30).then_some(PortErrorKind::AccessDenied));
    let (account_region, config) = (AccountRegion::new(HERE.0, HERE.1), Config::default());
    let mut history = HistoryReader::new(&account_region, &trail, &clock, &config);
    let window = history.read_window(SLICE, 900, &mut |_| ());
    assert!(matches!(window.stopped, Some(LookupStop::Failed(_))));
    assert!(window.complete_until > SLICE.since && window.complete_until < SLICE.until);
    let ends = window.contents.segment.digest_windows().iter().map(|observed| observed.end).max();
    assert_eq!(ends, Some(window.complete_until));
    assert!(window.contents.segment.rows().iter().all(|row| row.time <= window.complete_until));
}

#[test]
fn an_event_outside_its_slice_is_kept() {
    let (clock, trail) = fake_trail();
    let odd = DelayedEvent::at(9_000, Time(SLICE.until.0 + 5_000), 0, HERE, "Auditor");
    // Returned in a slice that does not include its time.
    trail.add_event(HERE, DelayedEvent { time: SLICE.since, visible_from: START, ..odd });
    let (account_region, config) = (AccountRegion::new(HERE.0, HERE.1), Config::default());
    let window =
        HistoryReader::new(&account_region, &trail, &clock, &config).read_window(SLICE, 900, &mut |_| ());
    assert_eq!(window.contents.segment.rows().len(), 3_001);
}

#[test]
fn a_digest_instead_of_a_record_covers_nothing() {
    let (clock, trail) = fake_trail();
    let digest = format!(
        r#"{{"awsAccountId":"{}","digestStartTime":"{}","digestEndTime":"{}","digestS3Object":"AWSLogs/1/CloudTrail-Digest/eu-west-1/x","logFiles":[]}}"#,
        HERE.0,
        Time(START.0),
        Time(START.0 + HOUR_SECONDS)
    );
    let event = DelayedEvent::at(9_000, SLICE.since, 0, HERE, "Auditor");
    trail.add_event(HERE, DelayedEvent { record: digest, ..event });
    let (account_region, config) = (AccountRegion::new(HERE.0, HERE.1), Config::default());
    let window =
        HistoryReader::new(&account_region, &trail, &clock, &config).read_window(SLICE, 900, &mut |_| ());
    assert_eq!((window.contents.unreadable.len(), window.contents.segment.unreadable().len()), (1, 1));
    assert!(window.contents.segment.digest_windows().iter().all(|observed| observed.end <= SLICE.until));
}

#[test]
fn a_repeating_token_is_not_followed_forever() {
    struct RepeatingTokenTrail;
    impl onlooker_core::ports::CloudTrailApi for RepeatingTokenTrail {
        fn lookup_events(
            &self,
            _: onlooker_core::ports::LookupRequest<'_>,
        ) -> Result<onlooker_core::ports::LookupPage, onlooker_core::ports::PortError> {
            Ok(onlooker_core::ports::LookupPage { records: Vec::new(), next_token: Some("round".to_owned()) })
        }
    }
    let (clock, _) = fake_trail();
    let (account_region, config) = (AccountRegion::new(HERE.0, HERE.1), Config::default());
    let window = HistoryReader::new(&account_region, &RepeatingTokenTrail, &clock, &config).read_window(
        SLICE,
        900,
        &mut |_| (),
    );
    assert!(
        matches!(window.stopped, Some(LookupStop::Failed(error)) if error.kind == PortErrorKind::InvalidToken)
    );
    assert_eq!(window.complete_until, SLICE.since);
}

#[test]
fn without_remaining_time_no_request_is_made() {
    let (clock, trail) = fake_trail();
    clock.set_remaining(Duration::ZERO);
    trail.latency.store(0, Ordering::SeqCst);
    let (account_region, config) = (AccountRegion::new(HERE.0, HERE.1), Config::default());
    let window =
        HistoryReader::new(&account_region, &trail, &clock, &config).read_window(SLICE, 900, &mut |_| ());
    assert!(matches!(window.stopped, Some(LookupStop::OutOfTime)));
    assert_eq!(trail.requests(), 0);
}
