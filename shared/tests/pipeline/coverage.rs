//! Coverage of the evidence: accounts, regions, hours and event classes.

use onlooker_core::{
    coverage::{AccountRegionCoverage, EventClassState},
    event::{Event, Outcome},
    event_selectors::TrailSelectors,
    record::{DeliveryFact, DeliveryForm, RequestFeatures},
    report::ReportResult,
    score::Status,
    time::{HOUR_SECONDS, Time},
};

use super::events::{ACCOUNTS, EventExt as _, EvidenceScenario, REGIONS, START, auditor_call};

fn read() -> Event {
    auditor_call("DescribeInstances")
}

fn account_region<'a>(result: &'a ReportResult, account: &str, region: &str) -> &'a AccountRegionCoverage {
    let here = |entry: &&AccountRegionCoverage| *entry.account == *account && *entry.region == *region;
    result.coverage.account_regions.iter().find(here).unwrap()
}

/// Gaps as hours after the start.
fn gaps(coverage: &AccountRegionCoverage) -> Vec<(u32, u32)> {
    let first = START / HOUR_SECONDS;
    coverage.gaps.iter().map(|gap| (gap.from.0 - first, gap.until.0 - first)).collect()
}

#[test]
fn an_hour_with_only_a_digest_is_quiet() {
    let result =
        EvidenceScenario::of([read(), read().at_time(1, 0), read().at_time(1, 1), read().at_time(5, 0)])
            .with(|scenario| scenario.digests.extend([1, 2, 4].map(|hour| (ACCOUNTS[0], REGIONS[0], hour))))
            .result();
    let here = account_region(&result, ACCOUNTS[0], REGIONS[0]);
    assert_eq!((here.events, here.observed_hours, here.quiet_hours, here.expected_hours), (4, 5, 2, 6));
    assert_eq!(gaps(here), [(3, 4)]);
    assert_eq!((result.coverage.percent, result.coverage.missing_hours()), (Some(83.33), 1));
}

#[test]
fn the_period_spans_all_evidence_unless_given() {
    let scenario = EvidenceScenario::of([read().at_time(2, 3_599), read().at_time(3, 0)]);
    assert_eq!(scenario.result().coverage.expected_hours, 2);
    assert_eq!(scenario.result().summary.overall_compliance, Some(Status::Compliant));
    let asked = scenario.clone().with(|scenario| {
        scenario.period = (Some(Time(START + 30)), Some(Time(START + 4 * HOUR_SECONDS + 1)))
    });
    let result = asked.result();
    assert_eq!(gaps(account_region(&result, ACCOUNTS[0], REGIONS[0])), [(0, 2), (4, 5)], "in whole hours");
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    let clipped =
        scenario.with(|scenario| scenario.period = (Some(Time(START + 3 * HOUR_SECONDS)), None)).result();
    assert_eq!((clipped.totals.events, clipped.coverage.expected_hours), (1, 1));
}

#[test]
fn a_digest_can_start_and_end_the_period() {
    let result = EvidenceScenario::of([read().at_time(2, 0)])
        .with(|scenario| scenario.digests.extend([0, 5].map(|hour| (ACCOUNTS[0], REGIONS[0], hour))))
        .result();
    assert_eq!(gaps(account_region(&result, ACCOUNTS[0], REGIONS[0])), [(1, 2), (3, 5)]);
}

#[test]
fn an_expected_region_without_evidence_is_missing() {
    let result = EvidenceScenario::of([read()])
        .with(|scenario| {
            scenario.config.coverage.accounts = ACCOUNTS.map(str::to_owned).to_vec();
            scenario.config.coverage.regions = REGIONS.map(str::to_owned).to_vec();
        })
        .result();
    assert_eq!((result.coverage.expected_hours, result.coverage.observed_hours), (4, 1));
    assert_eq!(gaps(account_region(&result, ACCOUNTS[1], REGIONS[1])), [(0, 1)]);
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
}

#[test]
fn an_expected_account_without_evidence_is_missing_in_every_observed_region() {
    let result = EvidenceScenario::of([read(), read().in_account_region(ACCOUNTS[0], REGIONS[1])])
        .with(|scenario| scenario.config.coverage.accounts = vec![ACCOUNTS[1].to_owned()])
        .result();
    let missing: Vec<&str> = result
        .coverage
        .account_regions
        .iter()
        .filter(|entry| !entry.gaps.is_empty())
        .map(|entry| &*entry.region)
        .collect();
    assert_eq!(missing, [REGIONS[1], REGIONS[0]], "in order of their names");
}

#[test]
fn evidence_of_another_account_covers_nothing() {
    let result = EvidenceScenario::of([
        read(),
        read().at_time(1, 0),
        read().in_account_region(ACCOUNTS[1], REGIONS[0]),
    ])
    .result();
    assert_eq!(gaps(account_region(&result, ACCOUNTS[1], REGIONS[0])), [(1, 2)]);
    assert_eq!(result.coverage.missing_hours(), 1);
}

/// States of the event classes by name.
fn class_states(scenario: EvidenceScenario) -> Vec<(String, EventClassState)> {
    scenario.result().coverage.event_classes.into_iter().map(|class| (class.class, class.state)).collect()
}

fn scenario_expecting(events: Vec<Event>, expected: &[&str], logged: &[&str]) -> EvidenceScenario {
    EvidenceScenario::of(events).with(|scenario| {
        scenario.config.coverage.event_classes = expected.iter().map(|class| (*class).to_owned()).collect();
        scenario.config.coverage.logged = logged.iter().map(|class| (*class).to_owned()).collect();
    })
}

#[test]
fn an_event_class_is_logged_if_every_account_shows_it_or_it_is_configured() {
    use EventClassState::{Configured, Gap, NotExpected, Partial, Seen};

    let both = || vec![read(), read().in_account_region(ACCOUNTS[1], REGIONS[0])];
    let one = |word: &str, state| vec![(word.to_owned(), state)];
    assert_eq!(
        class_states(scenario_expecting(both(), &["management-read"], &[])),
        one("management-read", Seen)
    );
    assert_eq!(
        class_states(scenario_expecting(both(), &["management-read"], &["management-read"])),
        one("management-read", Configured)
    );
    let half = || {
        vec![
            read(),
            auditor_call("RunInstances").by_principal("Builder").in_account_region(ACCOUNTS[1], REGIONS[0]),
        ]
    };
    let management = ["management-read", "management-write"];
    let words = |states: [EventClassState; 2]| {
        management.map(str::to_owned).into_iter().zip(states).collect::<Vec<_>>()
    };
    assert_eq!(class_states(scenario_expecting(half(), &management, &[])), words([Gap, Gap]));
    assert_eq!(
        class_states(scenario_expecting(half(), &management, &["management-write"])),
        words([Gap, Configured])
    );
    assert_eq!(
        class_states(scenario_expecting(half(), &["management-write"], &[])),
        words([NotExpected, Gap])
    );
    let reads = "data-read:AWS::S3::Object".to_owned();
    let writes = "data-write:AWS::S3::Object".to_owned();
    let data = || vec![auditor_call("GetObject"), read().in_account_region(ACCOUNTS[1], REGIONS[0])];
    assert_eq!(
        class_states(scenario_expecting(data(), &["data"], &[])),
        [("data".to_owned(), Gap), (reads.clone(), Partial), ("management-read".to_owned(), NotExpected)],
        "events of one resource type do not show that others are logged"
    );
    assert_eq!(
        class_states(scenario_expecting(data(), &["data"], &["data"])),
        [
            ("data".to_owned(), Configured),
            (reads.clone(), Configured),
            ("management-read".to_owned(), NotExpected)
        ]
    );
    let object = ["data:AWS::S3::Object"];
    assert_eq!(
        class_states(scenario_expecting(vec![auditor_call("GetObject")], &object, &[])),
        [(reads.clone(), Seen), (writes.clone(), Gap)],
        "a read does not show that writes are logged"
    );
    let written = || vec![auditor_call("GetObject"), auditor_call("PutObject").by_principal("Builder")];
    assert_eq!(
        class_states(scenario_expecting(written(), &object, &[])),
        [(reads.clone(), Seen), (writes.clone(), Seen)]
    );
    assert_eq!(
        class_states(scenario_expecting(vec![auditor_call("GetObject")], &object, &[&writes])),
        [(reads, Seen), (writes, Configured)]
    );
}

/// Trails with these selectors: the ARN of each, and the classes that it logs.
fn trails(of: &[(&str, &[&str])]) -> Vec<TrailSelectors> {
    let trail = |(arn, logged): &(&str, &[&str])| TrailSelectors {
        trail_arn: (!arn.is_empty()).then(|| (*arn).to_owned()),
        logged: logged.iter().map(|class| (*class).to_owned()).collect(),
        ..TrailSelectors::default()
    };
    of.iter().map(trail).collect()
}

#[test]
fn selectors_that_log_a_class_in_part_beat_its_events() {
    use EventClassState::{Gap, Seen, Selected};

    let state = |selectors: &[(&str, &[&str])]| {
        let scenario = scenario_expecting(vec![read()], &["management-read"], &[])
            .with(|scenario| scenario.config.coverage.trails = trails(selectors));
        class_states(scenario).into_iter().map(|(_, state)| state).collect::<Vec<_>>()
    };
    let here = format!("arn:aws:cloudtrail:{}:{}:trail/t", REGIONS[0], ACCOUNTS[0]);
    let there = format!("arn:aws:cloudtrail:{}:{}:trail/t", REGIONS[0], ACCOUNTS[1]);
    assert_eq!(state(&[]), [Seen]);
    assert_eq!(state(&[("", &["management-read"])]), [Selected]);
    assert_eq!(state(&[(&here, &["management-read"])]), [Selected]);
    assert_eq!(state(&[("", &[])]), [Gap]);
    assert_eq!(state(&[(&here, &["management-write"])]), [Gap]);
    assert_eq!(state(&[(&here, &[]), (&here, &["management-read"])]), [Selected], "two trails");
    assert_eq!(state(&[(&there, &["management-read"])]), [Seen], "the trail of another account");
}

#[test]
fn an_event_of_one_region_shows_nothing_about_another_if_a_trail_is_of_one_region() {
    use EventClassState::{Gap, Seen, Selected};

    let elsewhere = || read().in_account_region(ACCOUNTS[0], REGIONS[1]);
    let write = || auditor_call("RunInstances").by_principal("Builder");
    let write_elsewhere = || write().in_account_region(ACCOUNTS[0], REGIONS[1]);
    let class = ["management-write"];
    let state = |events: Vec<Event>, is_multi_region| {
        let scenario = scenario_expecting(events, &class, &[]).with(|scenario| {
            let arn = format!("arn:aws:cloudtrail:{}:{}:trail/t", REGIONS[0], ACCOUNTS[0]);
            let [mut trail] = <[_; 1]>::try_from(trails(&[(&arn, &class)])).unwrap();
            trail.is_multi_region = is_multi_region;
            scenario.config.coverage.trails = vec![trail];
        });
        class_states(scenario).into_iter().find(|(class, _)| class == "management-write").unwrap().1
    };
    let quiet = || vec![read(), elsewhere(), write()];
    assert_eq!(state(quiet(), Some(true)), Selected);
    assert_eq!(state(quiet(), Some(false)), Gap, "another trail logs the other region");
    assert_eq!(state([quiet(), vec![write_elsewhere()]].concat(), Some(false)), Seen);
    let scenario = scenario_expecting(quiet(), &class, &[]);
    assert!(class_states(scenario).contains(&("management-write".to_owned(), Seen)), "no trail is known");
}

#[test]
fn after_a_change_of_selectors_only_later_events_show_a_class() {
    // An event data store has its selectors in `UpdateEventDataStore`.
    ["PutEventSelectors", "UpdateEventDataStore"].into_iter().for_each(assert_selectors_change);
}

#[track_caller]
fn assert_selectors_change(operation: &str) {
    use EventClassState::{Configured, Gap, Seen, Selected};

    let change = |outcome| {
        let call = auditor_call("RunInstances").calling("cloudtrail.amazonaws.com", operation);
        call.by_principal("Builder").at_time(0, 1_000).with_outcome(outcome)
    };
    let state = |events: Vec<Event>, logged: &[&str], selected: &[&str]| {
        let scenario = scenario_expecting(events, &["management-read"], logged).with(|scenario| {
            scenario.config.coverage.trails = trails(&[("", selected)]);
            if selected.is_empty() {
                scenario.config.coverage.trails.clear();
            }
        });
        let row = class_states(scenario).into_iter().find(|(class, _)| class == "management-read");
        row.unwrap().1
    };
    let class = ["management-read"];
    let unchanged = || vec![read(), change(Outcome::Denied)];
    let changed = || vec![read(), change(Outcome::Succeeded)];
    let later = || [changed(), vec![read().at_time(0, 3_000)]].concat();
    assert_eq!([&[][..], &class].map(|logged| state(unchanged(), logged, &[])), [Seen, Configured]);
    assert_eq!(state(unchanged(), &[], &class), Selected);
    assert_eq!([&[][..], &class].map(|logged| state(changed(), logged, &[])), [Gap, Gap]);
    assert_eq!(state(changed(), &[], &class), Gap, "the selectors may have been others before");
    assert_eq!([&[][..], &class].map(|logged| state(later(), logged, &[])), [Seen, Seen]);
    assert_eq!(state(later(), &[], &class), Seen);
}

#[test]
fn after_a_change_of_logging_only_later_events_count() {
    let by_admin = |name: &str, second: u32| {
        let event = auditor_call("RunInstances").calling("cloudtrail.amazonaws.com", name);
        event.by_principal("Builder").at_time(0, second)
    };
    let observed = |events: Vec<Event>, digest: &[u32]| {
        let scenario = EvidenceScenario::of(events).with(|scenario| {
            scenario.digests = digest.iter().map(|hour| (ACCOUNTS[0], REGIONS[0], *hour)).collect();
            scenario.period = (Some(Time(START)), Some(Time(START + 4 * HOUR_SECONDS)));
        });
        gaps(account_region(&scenario.result(), ACCOUNTS[0], REGIONS[0]))
    };
    let at = |hour: u32, second: u32| read().at_time(hour, second);
    let every_hour = || (0..4).map(|hour| at(hour, 3_000)).collect::<Vec<_>>();
    let with = |change: Event| [every_hour(), vec![change]].concat();
    assert_eq!(observed(every_hour(), &[]), []);
    assert_eq!(
        observed(with(by_admin("StopLogging", 60)), &[]),
        [(0, 1)],
        "the next event is in the same hour"
    );
    assert_eq!(
        observed(with(by_admin("StopLogging", 3_100)), &[]),
        [(0, 2)],
        "the next event is an hour later"
    );
    assert_eq!(
        observed(with(by_admin("StopLogging", 60).with_outcome(Outcome::Denied)), &[]),
        [],
        "a denied call changes nothing"
    );
    let stopped = || vec![at(0, 30), by_admin("StopLogging", 60), at(3, 0)];
    assert_eq!(observed(stopped(), &[]), [(0, 4)]);
    assert_eq!(observed(stopped(), &[2]), [(0, 2), (3, 4)], "a digest file of a later hour");
    assert_eq!(observed(vec![at(0, 30), by_admin("DeleteTrail", 60)], &[]), [(0, 4)]);
    assert_eq!(observed(with(by_admin("UpdateTrail", 60)), &[]), [], "events of the same hour follow");
    assert_eq!(observed(with(by_admin("UpdateTrail", 3_100)), &[]), [(0, 1)]);
    assert_eq!(observed(with(by_admin("UpdateTrail", 3_100)), &[0]), []);
}

#[test]
fn a_change_of_the_trail_of_an_organization_counts_for_every_account() {
    let stop = auditor_call("RunInstances").calling("cloudtrail.amazonaws.com", "StopLogging");
    let select = auditor_call("RunInstances").calling("cloudtrail.amazonaws.com", "PutEventSelectors");
    let member = |second| read().in_account_region(ACCOUNTS[1], REGIONS[0]).at_time(0, second);
    let result = |change: &Event, is_organization| {
        let change = change.clone().by_principal("Builder").at_time(0, 1_000);
        EvidenceScenario::of([read().at_time(0, 3_000), member(10), change])
            .with(|scenario| {
                let arn = format!("arn:aws:cloudtrail:{}:{}:trail/all", REGIONS[0], ACCOUNTS[0]);
                let [mut trail] = <[_; 1]>::try_from(trails(&[(&arn, &["management-read"])])).unwrap();
                (trail.is_multi_region, trail.is_organization) = (Some(true), Some(is_organization));
                scenario.config.coverage.trails = vec![trail];
                scenario.config.coverage.event_classes = vec!["management-read".to_owned()];
            })
            .result()
    };
    let member_gaps =
        |is_organization| gaps(account_region(&result(&stop, is_organization), ACCOUNTS[1], REGIONS[0]));
    assert_eq!((member_gaps(false), member_gaps(true)), (vec![], vec![(0, 1)]));
    let class = |is_organization| {
        let result = result(&select, is_organization);
        result
            .coverage
            .event_classes
            .iter()
            .find(|row| row.class == "management-read")
            .unwrap()
            .gap_accounts
            .clone()
    };
    assert!(class(true).contains(ACCOUNTS[1]), "the selectors may have been others before");
    assert!(!class(false).contains(ACCOUNTS[1]));
}

/// A change of logging by an unwatched principal of the first account, in the second minute of the first hour.
fn change(source: &str, name: &str, parameters: RequestFeatures) -> Event {
    let mut event = auditor_call("RunInstances").calling(source, name).by_principal("Builder").at_time(0, 60);
    event.call_key.request_features = parameters;
    event
}

/// Hours of four that are missing in an account, if both accounts have an event in each hour, and these.
fn gaps_with(account: usize, more: &[Event], forms: &[DeliveryForm]) -> Vec<(u32, u32)> {
    let every_hour = (0..8).map(|n| read().in_account_region(ACCOUNTS[n % 2], REGIONS[0]));
    let every_hour = every_hour.zip(0..).map(|(event, n)| event.at_time(n / 2, 3_000));
    let scenario = EvidenceScenario::of(every_hour.chain(more.iter().cloned())).with(|scenario| {
        scenario.delivery_facts = forms.iter().map(|form| DeliveryFact::Form(form.clone())).collect();
        scenario.period = (Some(Time(START)), Some(Time(START + 4 * HOUR_SECONDS)));
    });
    gaps(account_region(&scenario.result(), ACCOUNTS[account], REGIONS[0]))
}

#[test]
fn a_trail_that_drops_global_events_is_observed_again_with_such_an_event() {
    let update = |parameters| change("cloudtrail.amazonaws.com", "UpdateTrail", parameters);
    let dropped = update(RequestFeatures::NO_GLOBAL_EVENTS | RequestFeatures::ONE_REGION);
    assert_eq!(gaps_with(0, std::slice::from_ref(&dropped), &[]), [(0, 4)], "other events show nothing");
    let by_iam = read().calling("iam.amazonaws.com", "GetRole").at_time(2, 0);
    assert_eq!(gaps_with(0, &[dropped.clone(), by_iam], &[]), [(0, 3)]);
    assert_eq!(gaps_with(1, std::slice::from_ref(&dropped), &[]), [], "another account");
    let before = EvidenceScenario::of((0..3).flat_map(|hour| {
        let of_hour =
            [read().at_time(4 + hour, 0), read().calling("iam.amazonaws.com", "GetRole").at_time(2, 0)];
        of_hour.into_iter().chain([dropped.clone()])
    }));
    let before = before.with(|scenario| {
        scenario.period = (Some(Time(START + 4 * HOUR_SECONDS)), Some(Time(START + 7 * HOUR_SECONDS)));
    });
    let gaps_after = gaps(account_region(&before.result(), ACCOUNTS[0], REGIONS[0]));
    assert_eq!(gaps_after, [], "an event of IAM before the period shows it too");
    assert_eq!(
        gaps_with(0, &[update(RequestFeatures::ONE_REGION)], &[]),
        [(0, 1)],
        "events of other regions"
    );
    assert_eq!(gaps_with(0, &[update(RequestFeatures::empty())], &[]), []);
}

#[test]
fn a_change_of_an_organization_counts_for_its_members() {
    let call = |name, parameters| [change("organizations.amazonaws.com", name, parameters)];
    let disabled = call("DisableAWSServiceAccess", RequestFeatures::OF_CLOUDTRAIL);
    assert_eq!((gaps_with(0, &disabled, &[]), gaps_with(1, &disabled, &[])), (vec![], vec![(0, 1)]));
    let other = call("DisableAWSServiceAccess", RequestFeatures::empty());
    assert_eq!(gaps_with(1, &other, &[]), [], "access of another service");
    let enabled = call("EnableAWSServiceAccess", RequestFeatures::OF_CLOUDTRAIL);
    assert_eq!((gaps_with(0, &enabled, &[]), gaps_with(1, &enabled, &[])), (vec![], vec![(0, 1)]));
    let of_trail = |name, parameters| [change("cloudtrail.amazonaws.com", name, parameters)];
    for (name, parameters) in [
        ("UpdateTrail", RequestFeatures::OF_ONE_ACCOUNT),
        ("UpdateTrail", RequestFeatures::OF_ORGANIZATION),
        ("UpdateEventDataStore", RequestFeatures::OF_ONE_ACCOUNT),
        ("CreateEventDataStore", RequestFeatures::OF_ORGANIZATION),
    ] {
        assert_eq!(gaps_with(1, &of_trail(name, parameters), &[]), [(0, 1)], "{name} {parameters:?}");
    }
    assert_eq!(gaps_with(1, &of_trail("UpdateTrail", RequestFeatures::empty()), &[]), []);
    let left = call("LeaveOrganization", RequestFeatures::empty());
    assert_eq!((gaps_with(0, &left, &[]), gaps_with(1, &left, &[])), (vec![(0, 1)], vec![]));
    let removed = call("RemoveAccountFromOrganization", RequestFeatures::empty());
    assert_eq!(gaps_with(1, &removed, &[]), [], "later events of the hour show that this account is logged");
    let removed = removed.map(|event| event.at_time(0, 3_100));
    assert_eq!((gaps_with(0, &removed, &[]), gaps_with(1, &removed, &[])), (vec![], vec![(0, 1)]));
}

/// A change of what delivers events, by name.
fn delivery_change(source: &str, name: &str, resource: &str) -> Event {
    let mut event = change(source, name, RequestFeatures::empty());
    event.call_key.delivery_resources = [resource.into()].into();
    event
}

#[test]
fn a_change_of_what_delivers_events_counts_if_the_evidence_has_its_form() {
    let bus = || DeliveryForm::EventBridge;
    for (source, form, ending, beginning) in [
        ("logs.amazonaws.com", DeliveryForm::LogEvent, "DeleteSubscriptionFilter", "PutSubscriptionFilter"),
        ("logs.amazonaws.com", DeliveryForm::LogEvent, "DeleteLogGroup", "PutAccountPolicy"),
        ("events.amazonaws.com", bus(), "RemoveTargets", "EnableRule"),
        ("events.amazonaws.com", bus(), "RemovePermission", "PutTargets"),
        ("firehose.amazonaws.com", bus(), "DeleteDeliveryStream", "UpdateDestination"),
        ("kinesis.amazonaws.com", DeliveryForm::LogEvent, "DeleteStream", "UpdateDestination"),
    ] {
        let form = std::slice::from_ref(&form);
        let ended = [change(source, ending, RequestFeatures::empty()).at_time(0, 3_100)];
        assert_eq!(
            (gaps_with(0, &ended, &[]), gaps_with(0, &ended, form)),
            (vec![], vec![(0, 1)]),
            "{ending}"
        );
        let ended = [change(source, ending, RequestFeatures::empty())];
        assert_eq!(gaps_with(0, &ended, form), [], "later events of the hour show that delivery went on");
        if source == "kinesis.amazonaws.com" {
            continue;
        }
        let begun = [change(source, beginning, RequestFeatures::empty())];
        assert_eq!(
            (gaps_with(0, &begun, &[]), gaps_with(0, &begun, form)),
            (vec![], vec![(0, 1)]),
            "{beginning}"
        );
    }
}

#[test]
fn a_redirected_delivery_needs_an_event_before_and_after() {
    let form = [DeliveryForm::EventBridge];
    let redirected =
        |at| change("events.amazonaws.com", "PutTargets", RequestFeatures::empty()).at_time(0, at);
    let before = read().at_time(0, 10);
    assert_eq!(gaps_with(0, &[redirected(1_000)], &form), [(0, 1)], "an event after it");
    assert_eq!(gaps_with(0, &[before.clone(), redirected(3_500)], &form), [(0, 1)], "an event before it");
    assert_eq!(gaps_with(0, &[before, redirected(1_000)], &form), []);
}

#[test]
fn only_the_log_group_of_a_subscription_counts() {
    let form = [DeliveryForm::Subscription { owner: ACCOUNTS[0].into(), log_group: "trail".into() }];
    let late = |name, group| [delivery_change("logs.amazonaws.com", name, group).at_time(0, 3_100)];
    for name in ["DeleteLogGroup", "DeleteSubscriptionFilter", "DeleteLogStream", "PutSubscriptionFilter"] {
        assert_eq!(gaps_with(0, &late(name, "builds"), &form), [], "{name} of another log group");
        let of_it = late(name, "trail");
        let gaps = (gaps_with(0, &of_it, &form), gaps_with(1, &of_it, &form));
        let until = if name == "DeleteLogStream" || name == "PutSubscriptionFilter" { 1 } else { 2 };
        assert_eq!(gaps, (vec![(0, until)], vec![(0, until)]), "{name} of the log group, in every account");
        let elsewhere = of_it.map(|event| event.in_account_region(ACCOUNTS[1], REGIONS[0]));
        assert_eq!(gaps_with(1, &elsewhere, &form), [], "{name} in another account");
        assert_eq!(gaps_with(0, &late(name, "builds"), &[DeliveryForm::LogEvent]), [(0, 1)], "not known");
        let unnamed = [change("logs.amazonaws.com", name, RequestFeatures::empty()).at_time(0, 3_100)];
        assert_eq!(
            gaps_with(0, &unnamed, &form),
            [(0, 1)],
            "{name} of a log group that the record does not name"
        );
        let elsewhere = unnamed.map(|event| event.in_account_region(ACCOUNTS[1], REGIONS[0]));
        assert_eq!(gaps_with(1, &elsewhere, &form), [], "the account owns no log group that delivers");
    }
}

#[test]
fn configuration_says_what_delivers_events() {
    let late = |source, name, of| delivery_change(source, name, of).at_time(0, 3_100);
    for (form, source, ending, configured) in [
        (Some(DeliveryForm::EventBridge), "events.amazonaws.com", "DeleteRule", "audit"),
        (Some(DeliveryForm::LogGroup), "logs.amazonaws.com", "DeleteLogGroup", "audit"),
        (
            Some(DeliveryForm::LogGroup),
            "logs.amazonaws.com",
            "DeleteLogGroup",
            "arn:aws:logs:us-east-1:111122223333:log-group:audit:*",
        ),
        (Some(DeliveryForm::LogEvent), "firehose.amazonaws.com", "DeleteDeliveryStream", "audit"),
        // Plain records, as an extraction of messages leaves them.
        (None, "firehose.amazonaws.com", "DeleteDeliveryStream", "audit"),
    ] {
        let gaps = |event: Event| {
            let every_hour = (0..8).map(|n| read().in_account_region(ACCOUNTS[n % 2], REGIONS[0]));
            let every_hour = every_hour.zip(0..).map(|(event, n)| event.at_time(n / 2, 3_000));
            let scenario = EvidenceScenario::of(every_hour.chain([event])).with(|scenario| {
                scenario.delivery_facts = form.iter().cloned().map(DeliveryFact::Form).collect();
                scenario.config.coverage.delivered_through = vec![configured.to_owned()];
                scenario.period = (Some(Time(START)), Some(Time(START + 4 * HOUR_SECONDS)));
            });
            let result = scenario.result();
            ACCOUNTS[..2].iter().map(|of| gaps(account_region(&result, of, REGIONS[0]))).collect::<Vec<_>>()
        };
        assert_eq!(gaps(late(source, ending, "other")), [[], []], "{ending}");
        assert_eq!(gaps(late(source, ending, "audit")), [[(0, 2)], [(0, 2)]], "{ending} ends the delivery");
        let mut of_both = late(source, ending, "other");
        of_both.call_key.delivery_resources = ["other".into(), "audit".into()].into();
        assert_eq!(gaps(of_both), [[(0, 2)], [(0, 2)]], "{ending} of a rule of the bus");
    }
}

#[test]
fn a_rule_is_disabled_in_two_ways() {
    let form = [DeliveryForm::EventBridge];
    let with = |name, parameters| {
        let mut event = change("events.amazonaws.com", name, parameters).at_time(0, 60);
        event.call_key.delivery_resources = ["audit".into()].into();
        let scenario = EvidenceScenario::of([read().at_time(0, 3_000), read().at_time(2, 0), event]);
        let scenario = scenario.with(|scenario| {
            scenario.delivery_facts = form.iter().cloned().map(DeliveryFact::Form).collect();
            scenario.config.coverage.delivered_through = vec!["audit".to_owned()];
            scenario.period = (Some(Time(START)), Some(Time(START + HOUR_SECONDS)));
        });
        gaps(account_region(&scenario.result(), ACCOUNTS[0], REGIONS[0]))
    };
    assert_eq!(with("DisableRule", RequestFeatures::empty()), [(0, 1)]);
    assert_eq!(with("PutRule", RequestFeatures::DISABLED), [(0, 1)]);
    assert_eq!(with("PutRule", RequestFeatures::empty()), []);
}

#[test]
fn subscriptions_change_nothing_about_a_log_group_that_is_read() {
    let form = [DeliveryForm::LogGroup];
    for name in
        ["DeleteSubscriptionFilter", "PutSubscriptionFilter", "DeleteAccountPolicy", "DeleteDestination"]
    {
        let change = [change("logs.amazonaws.com", name, RequestFeatures::empty()).at_time(0, 3_100)];
        assert_eq!(gaps_with(0, &change, &form), [], "{name}");
    }
    let deleted =
        [change("logs.amazonaws.com", "DeleteLogGroup", RequestFeatures::empty()).at_time(0, 3_100)];
    assert_eq!(gaps_with(0, &deleted, &form), [(0, 1)]);
}

#[test]
fn an_account_policy_that_delivers_no_events_changes_nothing() {
    let form = [DeliveryForm::Subscription { owner: ACCOUNTS[0].into(), log_group: "trail".into() }];
    let put = |parameters| [change("logs.amazonaws.com", "PutAccountPolicy", parameters)];
    let gaps = |parameters| [0, 1].map(|account| gaps_with(account, &put(parameters), &form));
    assert_eq!(gaps(RequestFeatures::empty()), [[(0, 1)], [(0, 1)]], "in every account");
    assert_eq!(gaps(RequestFeatures::NO_SUBSCRIPTION), [[], []]);
}

#[test]
fn a_log_bucket_that_is_named_counts_for_every_account() {
    let mut event =
        change("s3.amazonaws.com", "DeleteBucketPolicy", RequestFeatures::empty()).at_time(0, 3_100);
    event.call_key.delivery_resources = ["archive".into()].into();
    let gaps = |prepare: fn(&mut EvidenceScenario)| {
        let every_hour = (0..8).map(|n| read().in_account_region(ACCOUNTS[n % 2], REGIONS[0]));
        let every_hour = every_hour.zip(0..).map(|(event, n)| event.at_time(n / 2, 3_000));
        let scenario = EvidenceScenario::of(every_hour.chain([event.clone()])).with(|scenario| {
            scenario.period = (Some(Time(START)), Some(Time(START + 4 * HOUR_SECONDS)));
            prepare(scenario);
        });
        let result = scenario.result();
        [0, 1].map(|account| gaps(account_region(&result, ACCOUNTS[account], REGIONS[0])))
    };
    assert_eq!(gaps(|_| {}), [[], []]);
    let configured = gaps(|scenario| scenario.config.coverage.log_buckets = vec!["archive".to_owned()]);
    assert_eq!(configured, [[(0, 1)], [(0, 1)]]);
    let described = gaps(|scenario| {
        let bucket = Some("archive".to_owned());
        scenario.config.coverage.trails = vec![TrailSelectors { bucket, ..TrailSelectors::default() }];
    });
    assert_eq!(described, [[(0, 1)], [(0, 1)]]);
}

#[test]
fn an_event_data_store_has_no_events_from_before_its_ingestion() {
    for name in ["StartEventDataStoreIngestion", "CreateEventDataStore", "RestoreEventDataStore"] {
        let begun = change("cloudtrail.amazonaws.com", name, RequestFeatures::empty());
        assert_eq!(gaps_with(0, std::slice::from_ref(&begun), &[]), [(0, 1)], "{name}");
        let before = [read().at_time(0, 10), begun.at_time(0, 1_000)];
        assert_eq!(gaps_with(0, &before, &[]), [], "events came before {name}");
    }
}

#[test]
fn logging_that_stopped_before_the_period_is_not_observed_in_it() {
    let gaps_after = |change: u32, more: &[u32]| {
        let stop = auditor_call("RunInstances").calling("cloudtrail.amazonaws.com", "StopLogging");
        let stop = stop.by_principal("Builder").at_time(change, 0);
        let reads = more.iter().map(|hour| read().at_time(*hour, 0));
        let scenario = EvidenceScenario::of([stop].into_iter().chain(reads)).with(|scenario| {
            scenario.period = (Some(Time(START + 40 * HOUR_SECONDS)), Some(Time(START + 44 * HOUR_SECONDS)));
        });
        let result = scenario.result();
        let place = account_region(&result, ACCOUNTS[0], REGIONS[0]);
        place
            .gaps
            .iter()
            .map(|gap| (gap.from.0 - START / HOUR_SECONDS, gap.until.0 - START / HOUR_SECONDS))
            .collect::<Vec<_>>()
    };
    let quiet = [(40, 41)];
    assert_eq!(gaps_after(39, &[41, 42, 43]), [(40, 42)], "the first event shows that logging went on");
    assert_eq!(gaps_after(38, &[39, 41, 42, 43]), quiet, "an event before the period shows it");
    assert_eq!(gaps_after(3, &[41, 42, 43]), quiet, "the change is too long ago");
}

#[test]
fn management_events_prove_nothing_about_data_events() {
    let result = EvidenceScenario::of([read(), auditor_call("CreateTags").by_principal("Builder")])
        .with(|scenario| scenario.config.coverage.logged.clear())
        .result();
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    assert_eq!(result.coverage.covered_classes(), ["management-read", "management-write"]);
    assert!(result.limitations.iter().any(|line| line.contains("`data`")), "{:?}", result.limitations);
}
