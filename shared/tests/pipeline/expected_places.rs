//! Expected accounts, regions and periods, inferred or not, and the gaps that concern a principal.

use onlooker_core::{
    config::Watch,
    coverage::{EventClassState, ExpectedPart},
    event::{Event, Outcome},
    report::{PrincipalSummary, ReportResult},
    score::Status,
    time::{HOUR_SECONDS, Time},
};
use proptest::prelude::*;

use super::events::{
    ACCOUNTS, EventExt as _, EvidenceScenario, REGIONS, START, any_events, auditor_call, override_ending,
};

const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";

fn read(hour: u32) -> Event {
    auditor_call("DescribeInstances").at_time(hour, 0)
}

/// A read of another principal in the second account.
fn elsewhere(hour: u32) -> Event {
    read(hour).in_account_region(ACCOUNTS[1], REGIONS[0]).by_principal("Reader")
}

/// A promise about the auditor of the first account, for two hours in the first region of both accounts.
fn promise_of_one_account(events: Vec<Event>) -> EvidenceScenario {
    EvidenceScenario::of(events).with(|scenario| {
        scenario.config.watch = vec![Watch::new(AUDITOR).unwrap()];
        scenario.config.coverage.accounts = ACCOUNTS.map(str::to_owned).to_vec();
        scenario.config.coverage.regions = vec![REGIONS[0].to_owned()];
        scenario.period = (Some(Time(START)), Some(Time(START + 2 * HOUR_SECONDS)));
    })
}

fn auditor(result: &ReportResult) -> &PrincipalSummary {
    result.principals.iter().find(|principal| &*principal.arn == AUDITOR).unwrap()
}

fn statuses(result: &ReportResult) -> [Option<Status>; 2] {
    [result.summary.overall_compliance, auditor(result).status]
}

const COMPLIANT: [Option<Status>; 2] = [Some(Status::Compliant); 2];
const INSUFFICIENT: [Option<Status>; 2] = [Some(Status::InsufficientEvidence); 2];

#[test]
fn an_hour_missing_in_another_account_does_not_concern_a_principal() {
    let result = promise_of_one_account(vec![read(0), read(1), elsewhere(0)]).result();
    assert_eq!(statuses(&result), COMPLIANT);
    assert_eq!(
        (result.coverage.missing_hours(), result.coverage.percent),
        (1, Some(75.0)),
        "the gap stays a gap"
    );
    let sentence = "The 1 hour missing in account 444455556666 does not concern it: CloudTrail records its calls in its own account, and it was issued no credentials of that account.";
    assert_eq!(auditor(&result).unconcerned_gaps.as_deref(), Some(sentence));
    assert_eq!(auditor(&result).evidence_accounts.as_ref().unwrap().len(), 1);
    let statement = &result.summary.statement;
    assert!(
        statement.contains("no evidence that concerns them is missing. The 1 hour missing"),
        "{statement}"
    );
    assert!(result.findings.iter().any(|finding| finding.id == "missing-hours"), "the finding stays");
    let own = promise_of_one_account(vec![read(0), elsewhere(0), elsewhere(1)]).result();
    assert_eq!(statuses(&own), INSUFFICIENT);
    assert_eq!(auditor(&own).status_reasons, ["1 hour in 111122223333 us-east-1 was not observed"]);
    assert_eq!(own.summary.status_reasons, auditor(&own).status_reasons);
    assert_eq!(auditor(&own).unconcerned_gaps, None);
}

#[test]
fn an_hour_missing_where_a_principal_was_issued_credentials_concerns_it() {
    let assume = |account: &str| {
        auditor_call("AssumeRole")
            .at_time(0, 60)
            .issuing_credentials_of(&format!("arn:aws:sts::{account}:assumed-role/Reader/s"))
    };
    let result = |events: Vec<Event>| {
        promise_of_one_account(events)
            .with(|scenario| {
                let mut allowed = override_ending("assume", "sts:AssumeRole", 9 * HOUR_SECONDS);
                allowed.principal = AUDITOR.to_owned();
                scenario.config.overrides.push(allowed);
            })
            .result()
    };
    let gap = || vec![read(0), read(1), elsewhere(0)];
    let into_other = result([gap(), vec![assume(ACCOUNTS[1])]].concat());
    assert_eq!(statuses(&into_other), INSUFFICIENT);
    assert_eq!(auditor(&into_other).status_reasons, ["1 hour in 444455556666 us-east-1 was not observed"]);
    assert_eq!(statuses(&result([gap(), vec![elsewhere(1), assume(ACCOUNTS[1])]].concat())), COMPLIANT);
    assert_eq!(
        statuses(&result([gap(), vec![assume(ACCOUNTS[0])]].concat())),
        COMPLIANT,
        "a role of its own account"
    );
    let denied = assume(ACCOUNTS[1]).with_outcome(Outcome::Denied);
    assert_eq!(statuses(&result([gap(), vec![denied]].concat())), COMPLIANT, "no credentials were issued");
    // The session of the first account is issued credentials of the second account.
    let chained = auditor_call("AssumeRole")
        .by_principal("Reader")
        .in_session("s")
        .at_time(0, 120)
        .issuing_credentials_of(&format!("arn:aws:sts::{}:assumed-role/Other/t", ACCOUNTS[1]));
    assert_eq!(statuses(&result([gap(), vec![assume(ACCOUNTS[0]), chained]].concat())), INSUFFICIENT);
}

#[test]
fn a_promise_about_any_account_is_concerned_by_the_gaps_of_every_account() {
    for pattern in ["arn:aws:iam::*:role/Auditor", "arn:aws:iam::11112222333?:role/Auditor"] {
        let scenario = promise_of_one_account(vec![read(0), read(1), elsewhere(0)])
            .with(|scenario| scenario.config.watch = vec![Watch::new(pattern).unwrap()]);
        let result = scenario.result();
        assert_eq!(statuses(&result), [INSUFFICIENT[0], COMPLIANT[1]], "{pattern}");
        assert_eq!(result.summary.status_reasons, ["1 hour in 444455556666 us-east-1 was not observed"]);
    }
}

#[test]
fn an_account_that_records_the_calls_of_a_principal_must_be_expected() {
    let scenario = promise_of_one_account(vec![read(0), elsewhere(0), elsewhere(1)])
        .with(|scenario| scenario.config.coverage.accounts = vec![ACCOUNTS[1].to_owned()]);
    let result = scenario.result();
    assert_eq!(result.coverage.missing_hours(), 0);
    assert_eq!(statuses(&result), INSUFFICIENT);
    let reason = "no evidence is expected of account 111122223333, which records its calls";
    assert_eq!(auditor(&result).status_reasons, [reason]);
}

#[test]
fn an_event_class_that_another_account_does_not_log_does_not_concern_a_principal() {
    let written = auditor_call("RunInstances").by_principal("Builder").at_time(0, 60);
    let result = |events: Vec<Event>| {
        let scenario = promise_of_one_account(events).with(|scenario| {
            scenario.config.coverage.logged = vec!["data".to_owned(), "management-read".to_owned()];
        });
        scenario.result()
    };
    let all = || vec![read(0), read(1), elsewhere(0), elsewhere(1)];
    let neither = result(all());
    assert_eq!(statuses(&neither), INSUFFICIENT);
    assert_eq!(
        auditor(&neither).status_reasons,
        ["the event class `management-write` is not known to be logged"]
    );
    let own = result([all(), vec![written]].concat());
    assert!(own.coverage.event_classes.iter().any(|class| class.state == EventClassState::Gap));
    assert_eq!(statuses(&own), COMPLIANT);
    assert!(own.summary.statement.contains("management-write"), "{}", own.summary.statement);
}

#[test]
fn a_status_says_what_decided_it() {
    let reasons =
        |events: Vec<Event>| auditor(&promise_of_one_account(events).result()).status_reasons.clone();
    let with = |more: Vec<Event>| [vec![read(0), read(1)], more].concat();
    let write = || auditor_call("RunInstances");
    assert_eq!(
        reasons(with(vec![])),
        ["each of its 2 calls was read-only, allowed by an override or not carried out by AWS"]
    );
    assert_eq!(
        reasons(with(vec![write(), write(), auditor_call("Decrypt")])),
        ["2 writes succeeded", "1 privileged call succeeded"]
    );
    assert_eq!(
        reasons(with(vec![write().with_outcome(Outcome::Failed)])),
        ["1 write or privileged call failed and was not denied"]
    );
    assert_eq!(reasons(with(vec![auditor_call("Frobnicate")])), ["nothing says what 1 call did"]);
    let silent =
        vec![auditor_call("ConsoleLogin"), read(0).by_principal("Reader"), read(1).by_principal("Reader")];
    assert_eq!(reasons(silent), ["it made no API call"]);
    let unseen = promise_of_one_account(vec![elsewhere(0)]).result();
    assert_eq!(auditor(&unseen).status_reasons, ["no event of it is in the evidence"]);
}

#[test]
fn a_report_says_first_what_it_inferred() {
    let scenario = EvidenceScenario::of([read(0), read(1)]);
    let first = |scenario: &EvidenceScenario| {
        let result = scenario.result();
        assert_eq!(
            result.summary.inferred.as_ref(),
            result.limitations.first().filter(|line| line.starts_with("Inferred"))
        );
        (result.coverage.inferred_parts.clone(), result.summary.inferred.unwrap_or_default())
    };
    use ExpectedPart::{Accounts, Regions, Since, Until};
    let (parts, sentence) = first(&scenario);
    assert_eq!(parts, [Accounts, Regions, Since, Until]);
    assert_eq!(
        sentence,
        "Inferred from the evidence were the accounts, the regions and the period, so evidence outside of that is not missed. Set `coverage.accounts` or `--account`; `coverage.regions` or `--region`; and `--since` and `--until`."
    );
    let partly = scenario.clone().with(|scenario| {
        scenario.config.coverage.accounts = vec![ACCOUNTS[0].to_owned()];
        scenario.config.coverage.regions = vec![REGIONS[0].to_owned()];
        scenario.period.0 = Some(Time(START));
    });
    let (parts, sentence) = first(&partly);
    assert_eq!(parts, [Until]);
    assert_eq!(
        sentence,
        "Inferred from the evidence was the end of the period, so evidence outside of that is not missed. Set `--until`."
    );
    let named = partly.with(|scenario| scenario.period.1 = Some(Time(START + 2 * HOUR_SECONDS)));
    assert_eq!(first(&named), (vec![], String::new()));
}

#[test]
fn an_account_is_expected_in_the_region_of_global_services_of_its_partition() {
    let places = |regions: [&str; 2]| {
        let seen = regions.map(|region| read(0).in_account_region(ACCOUNTS[0], region));
        let result = EvidenceScenario::of(seen).result();
        let places = result.coverage.expected_places();
        places.map(|place| (place.region.to_string(), place.missing_hours())).collect::<Vec<_>>()
    };
    let expected = |places: &[(&str, u32)]| {
        places.iter().map(|(region, hours)| ((*region).to_owned(), *hours)).collect::<Vec<_>>()
    };
    assert_eq!(places(["eu-west-1", "eu-west-1"]), expected(&[("eu-west-1", 0), ("us-east-1", 1)]));
    assert_eq!(places(["us-east-1", "us-east-1"]), expected(&[("us-east-1", 0)]));
    assert_eq!(
        places(["cn-northwest-1", "us-gov-east-1"]),
        expected(&[("cn-north-1", 1), ("cn-northwest-1", 0), ("us-gov-east-1", 0), ("us-gov-west-1", 1)])
    );
}

/// A stray event of the year 2030.
fn stray(name: &str) -> Event {
    Event { time: Time(1_893_456_000), ..auditor_call(name) }
}

#[test]
fn a_stray_event_does_not_stretch_an_inferred_period() {
    let scenario = |event: Event| EvidenceScenario::of([read(0), read(1), event]);
    let result = scenario(stray("DescribeInstances")).result();
    assert_eq!((result.coverage.expected_hours, result.coverage.missing_hours()), (2, 0));
    assert_eq!((result.coverage.outside.len(), result.coverage.outside_events), (1, 1));
    let twice = EvidenceScenario::of([read(0), stray("DescribeInstances"), stray("RunInstances")]).result();
    assert_eq!((twice.coverage.outside.len(), twice.coverage.outside_events), (1, 2));
    assert_eq!(EvidenceScenario::of([read(0)]).result().coverage.outside_events, 0);
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    let sentence = "The evidence has 1 event at 2030-01-01T00:00:00Z, more than 30 days apart";
    assert!(result.limitations.iter().any(|line| line.starts_with(sentence)), "{:?}", result.limitations);
    let written = scenario(stray("RunInstances")).result();
    assert_eq!(written.summary.overall_compliance, Some(Status::NonCompliant), "it is evaluated");
    let asked = scenario(stray("DescribeInstances")).with(|scenario| {
        scenario.period = (Some(Time(START)), Some(Time(START + 2 * HOUR_SECONDS)));
    });
    assert_eq!(asked.result().summary.overall_compliance, Some(Status::Compliant));
}

#[test]
fn an_account_that_alone_lengthens_an_inferred_period_is_named() {
    let result = EvidenceScenario::of([read(0), read(1), elsewhere(1), elsewhere(4)]).result();
    let named: Vec<&String> =
        result.limitations.iter().filter(|line| line.starts_with("The inferred period")).collect();
    assert_eq!(
        named,
        [
            "The inferred period begins with 1 hour of which only account 111122223333 has evidence.",
            "The inferred period ends with 3 hours of which only account 444455556666 has evidence."
        ]
    );
}

#[test]
fn an_unexpected_place_is_not_complete() {
    let scenario =
        promise_of_one_account(vec![read(0), read(1), read(0).in_account_region(ACCOUNTS[0], REGIONS[1])]);
    let result = scenario.result();
    let place = result.coverage.account_regions.iter().find(|place| &*place.region == REGIONS[1]).unwrap();
    assert_eq!((place.is_expected(), place.observed_hours, place.missing_hours()), (false, 1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_proof_of_all_watched_principals_is_one_of_each(
        all in any_events(30), pattern in prop::sample::select(&[AUDITOR, "arn:aws:iam::*:role/Auditor"][..]),
    ) {
        let scenario = promise_of_one_account(all).with(|scenario| scenario.config.watch = vec![Watch::new(pattern).unwrap()]);
        let result = scenario.result();
        for principal in result.principals.iter().filter(|principal| principal.watched_as.is_some()) {
            prop_assert!(principal.status <= result.summary.overall_compliance);
        }
        let is_proven = result.summary.overall_compliance == Some(Status::Compliant);
        prop_assert_eq!(is_proven, result.summary.status_reasons.is_empty());
    }

    #[test]
    fn removing_an_hour_of_a_principals_own_account_never_proves_anything(
        all in any_events(20), hour in 0..2_u32,
    ) {
        let complete = (0..2).flat_map(|hour| [read(hour), elsewhere(hour)]).chain(all);
        let complete: Vec<Event> = (1..).zip(complete).map(|(id, event)| event.with_id(id)).collect();
        let left = |event: &Event| {
            *event.actor.account != *ACCOUNTS[0] || *event.actor.region != *REGIONS[0] || event.time.hour() != Time(START + hour * HOUR_SECONDS).hour()
        };
        let less: Vec<Event> = complete.into_iter().filter(left).collect();
        prop_assert!(promise_of_one_account(less).result().summary.overall_compliance >= Some(Status::InsufficientEvidence));
    }

    #[test]
    fn evidence_outside_an_inferred_period_never_improves_a_status(all in any_events(20), writes in any::<bool>()) {
        let all: Vec<Event> = all.into_iter().chain([read(0)]).collect();
        let number = |events: Vec<Event>| (1..).zip(events).map(|(id, event)| event.with_id(id)).collect::<Vec<_>>();
        let before = EvidenceScenario::of(number(all.clone())).result();
        let event = stray(if writes { "RunInstances" } else { "DescribeInstances" });
        let after = EvidenceScenario::of(number(all.into_iter().chain([event]).collect())).result();
        prop_assert!(after.summary.overall_compliance >= before.summary.overall_compliance.max(Some(Status::InsufficientEvidence)));
        prop_assert!(after.summary.risk_score >= before.summary.risk_score);
        prop_assert_eq!(after.coverage.period, before.coverage.period);
    }
}
