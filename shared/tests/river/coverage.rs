//! The map of evidence: places, hours and classes.

use onlooker_core::{
    coverage::{AccountRegionCoverage, EventClassState},
    event::Event,
    report::ReportResult,
    score::Status,
    time::{HOUR_SECONDS, Time},
};

use super::events::{ACCOUNTS, But as _, REGIONS, START, Scene, made};

fn read() -> Event {
    made("DescribeInstances")
}

fn place<'a>(result: &'a ReportResult, account: &str, region: &str) -> &'a AccountRegionCoverage {
    let here = |place: &&AccountRegionCoverage| *place.account == *account && *place.region == *region;
    result.coverage.account_regions.iter().find(here).unwrap()
}

/// Gaps as hours after the start.
fn gaps(place: &AccountRegionCoverage) -> Vec<(u32, u32)> {
    let first = START / HOUR_SECONDS;
    place.gaps.iter().map(|gap| (gap.from.0 - first, gap.until.0 - first)).collect()
}

#[test]
fn a_quiet_hour_is_one_that_only_a_digest_vouches_for() {
    let result = Scene::of([read(), read().at(1, 0), read().at(1, 1), read().at(5, 0)])
        .with(|scene| scene.digests.extend([1, 2, 4].map(|hour| (ACCOUNTS[0], REGIONS[0], hour))))
        .result();
    let here = place(&result, ACCOUNTS[0], REGIONS[0]);
    assert_eq!((here.events, here.observed_hours, here.quiet_hours, here.expected_hours), (4, 5, 2, 6));
    assert_eq!(gaps(here), [(3, 4)]);
    assert_eq!((result.coverage.percent, result.coverage.missing_hours()), (Some(83.33), 1));
}

#[test]
fn the_period_goes_from_the_first_to_the_last_moment_unless_it_is_given() {
    let scene = Scene::of([read().at(2, 3_599), read().at(3, 0)]);
    assert_eq!(scene.result().coverage.expected_hours, 2);
    assert_eq!(scene.result().summary.overall_compliance, Some(Status::Compliant));
    let asked = scene
        .clone()
        .with(|scene| scene.period = (Some(Time(START + 30)), Some(Time(START + 4 * HOUR_SECONDS + 1))));
    let result = asked.result();
    assert_eq!(gaps(place(&result, ACCOUNTS[0], REGIONS[0])), [(0, 2), (4, 5)], "in whole hours");
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    let clipped = scene.with(|scene| scene.period = (Some(Time(START + 3 * HOUR_SECONDS)), None)).result();
    assert_eq!((clipped.totals.events, clipped.coverage.expected_hours), (1, 1));
}

#[test]
fn a_digest_can_be_the_first_and_the_last_that_is_seen() {
    let result = Scene::of([read().at(2, 0)])
        .with(|scene| scene.digests.extend([0, 5].map(|hour| (ACCOUNTS[0], REGIONS[0], hour))))
        .result();
    assert_eq!(gaps(place(&result, ACCOUNTS[0], REGIONS[0])), [(1, 2), (3, 5)]);
}

#[test]
fn a_configured_place_that_shows_nothing_is_missing_whole() {
    let result = Scene::of([read()])
        .with(|scene| {
            scene.config.coverage.accounts = ACCOUNTS.map(str::to_owned).to_vec();
            scene.config.coverage.regions = REGIONS.map(str::to_owned).to_vec();
        })
        .result();
    assert_eq!((result.coverage.expected_hours, result.coverage.observed_hours), (4, 1));
    assert_eq!(gaps(place(&result, ACCOUNTS[1], REGIONS[1])), [(0, 1)]);
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
}

#[test]
fn a_configured_account_that_shows_nothing_is_missing_wherever_others_are_seen() {
    let result = Scene::of([read(), read().within(ACCOUNTS[0], REGIONS[1])])
        .with(|scene| scene.config.coverage.accounts = vec![ACCOUNTS[1].to_owned()])
        .result();
    let missing: Vec<&str> = result
        .coverage
        .account_regions
        .iter()
        .filter(|place| !place.gaps.is_empty())
        .map(|place| &*place.region)
        .collect();
    assert_eq!(missing, REGIONS);
}

#[test]
fn another_account_in_the_same_hour_vouches_for_nothing() {
    let result = Scene::of([read(), read().at(1, 0), read().within(ACCOUNTS[1], REGIONS[0])]).result();
    assert_eq!(gaps(place(&result, ACCOUNTS[1], REGIONS[0])), [(1, 2)]);
    assert_eq!(result.coverage.missing_hours(), 1);
}

/// States of the classes by word.
fn classes(scene: Scene) -> Vec<(String, EventClassState)> {
    scene.result().coverage.event_classes.into_iter().map(|class| (class.class, class.state)).collect()
}

fn expecting(events: Vec<Event>, expected: &[&str], logged: &[&str]) -> Scene {
    Scene::of(events).with(|scene| {
        scene.config.coverage.event_classes = expected.iter().map(|class| (*class).to_owned()).collect();
        scene.config.coverage.logged = logged.iter().map(|class| (*class).to_owned()).collect();
    })
}

#[test]
fn a_class_counts_as_logged_when_every_account_shows_it_or_the_configuration_says_so() {
    use EventClassState::{Configured, Gap, NotExpected, Partial, Seen};

    let both = || vec![read(), read().within(ACCOUNTS[1], REGIONS[0])];
    let one = |word: &str, state| vec![(word.to_owned(), state)];
    assert_eq!(classes(expecting(both(), &["management-read"], &[])), one("management-read", Seen));
    assert_eq!(
        classes(expecting(both(), &["management-read"], &["management-read"])),
        one("management-read", Configured)
    );
    let half = || vec![read(), made("RunInstances").by("Builder").within(ACCOUNTS[1], REGIONS[0])];
    let management = ["management-read", "management-write"];
    let words = |states: [EventClassState; 2]| {
        management.map(str::to_owned).into_iter().zip(states).collect::<Vec<_>>()
    };
    assert_eq!(classes(expecting(half(), &management, &[])), words([Gap, Gap]));
    assert_eq!(classes(expecting(half(), &management, &["management-write"])), words([Gap, Configured]));
    assert_eq!(classes(expecting(half(), &["management-write"], &[])), words([NotExpected, Gap]));
    let object = "data:AWS::S3::Object".to_owned();
    let data = || vec![made("GetObject"), read().within(ACCOUNTS[1], REGIONS[0])];
    assert_eq!(
        classes(expecting(data(), &["data"], &[])),
        [("data".to_owned(), Gap), (object.clone(), Partial), ("management-read".to_owned(), NotExpected)],
        "that one type is seen says nothing of the others"
    );
    assert_eq!(
        classes(expecting(data(), &["data"], &["data"])),
        [
            ("data".to_owned(), Configured),
            (object.clone(), Configured),
            ("management-read".to_owned(), NotExpected)
        ]
    );
    assert_eq!(
        classes(expecting(vec![made("GetObject")], &[&object], &[])),
        [(object, Seen)],
        "a type that was asked for by name is seen by itself"
    );
}

#[test]
fn a_trail_of_management_events_proves_nothing_about_data() {
    let result = Scene::of([read(), made("CreateTags").by("Builder")])
        .with(|scene| scene.config.coverage.logged.clear())
        .result();
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    assert_eq!(result.coverage.covered_classes(), ["management-read", "management-write"]);
    assert!(result.limitations.iter().any(|line| line.contains("`data`")), "{:?}", result.limitations);
}
