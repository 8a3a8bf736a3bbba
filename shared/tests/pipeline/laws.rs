//! Laws for any evidence: order, split and repetition do not change the result; another write never improves a score;
//! missing evidence never improves a status.

use std::{collections::BTreeSet, sync::Arc};

use onlooker_core::{
    catalog::Catalog,
    classification::{ClassificationInput, Provenance, classify},
    controls::ControlState,
    event::{CallKey, Event, EventClass, Outcome},
    operation::OperationType,
    report::ReportResult,
    score::{Status, status_impact},
    segment::Segment,
    tally::Tally,
    time::{HOUR_SECONDS, Time},
};
use proptest::{prelude::*, sample::Index};

use super::events::{
    ACCOUNTS, EventExt as _, EvidenceScenario, OPERATIONS, REGIONS, START, any_events, any_scenario,
    auditor_call, promise_config, result,
};

fn to_json(result: &ReportResult) -> String {
    serde_json::to_string(result).unwrap()
}

fn tally(events: &[Event]) -> Tally {
    Tally::of(Segment::from_events(events.iter().cloned()))
}

/// A promise about management events in both accounts and both regions for four hours; no event class is configured
/// as logged.
fn strict_scenario(events: Vec<Event>) -> EvidenceScenario {
    EvidenceScenario::of(events).with(|scenario| {
        let coverage = &mut scenario.config.coverage;
        coverage.accounts = ACCOUNTS.map(str::to_owned).to_vec();
        coverage.regions = REGIONS.map(str::to_owned).to_vec();
        coverage.event_classes = ["management-read", "management-write"].map(str::to_owned).to_vec();
        coverage.logged.clear();
        scenario.period = (Some(Time(START)), Some(Time(START + 4 * HOUR_SECONDS)));
    })
}

/// A harmless event of each class in every account, region and hour.
fn complete_events() -> Vec<Event> {
    let mut events = Vec::new();
    for (account, region) in ACCOUNTS.into_iter().flat_map(|account| REGIONS.map(|region| (account, region)))
    {
        for hour in 0..4 {
            events
                .push(auditor_call("DescribeInstances").in_account_region(account, region).at_time(hour, 60));
            events.push(
                auditor_call("RunInstances")
                    .in_account_region(account, region)
                    .by_principal("Builder")
                    .at_time(hour, 120),
            );
        }
    }
    events
}

#[test]
fn every_operation_type_occurs_and_is_classified_as_stated() {
    let mut kinds = BTreeSet::new();
    for operation in OPERATIONS {
        let call = ClassificationInput {
            service: operation.source,
            operation: operation.name,
            read_only: operation.read_only,
        };
        if let Some(kind) = operation.operation_type {
            assert_eq!(classify(Catalog::embedded(), &call).operation_type, kind, "{operation:?}");
            kinds.insert(kind);
        }
    }
    assert_eq!(kinds.len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn merging_tallies_is_associative_and_commutative_and_has_an_identity(
        all in any_events(40), cuts in any::<[Index; 2]>(),
    ) {
        let mut cuts = cuts.map(|cut| cut.index(all.len() + 1));
        cuts.sort_unstable();
        let [a, b, c] = [&all[..cuts[0]], &all[cuts[0]..cuts[1]], &all[cuts[1]..]].map(tally);
        let left = a.clone().merge(b.clone()).merge(c.clone());
        prop_assert_eq!(&left, &a.clone().merge(b.clone().merge(c.clone())));
        prop_assert_eq!(a.clone().merge(b.clone()), b.merge(a.clone()));
        prop_assert_eq!(a.clone().merge(Tally::default()), a.clone());
        prop_assert_eq!(Tally::default().merge(a.clone()), a);
        prop_assert_eq!(&left, &tally(&all), "over disjoint segments the merge is the tally of all events");
        prop_assert_eq!(left.events(), all.len() as u64);
    }

    #[test]
    fn order_split_and_repetition_do_not_change_the_result(
        scenario in any_scenario(), again in any::<Index>(), parts in 1..5_usize, seed in any::<u64>(),
    ) {
        let whole = scenario.result();
        let mut pieces = vec![EvidenceScenario { config: scenario.config.clone(), ..EvidenceScenario::default() }; parts];
        let mut dice = seed | 1;
        let mut draw = || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice % parts as u64).unwrap()
        };
        for event in scenario.events.iter().rev() {
            pieces[draw()].events.push(event.clone());
        }
        if !scenario.events.is_empty() {
            pieces[draw()].events.push(scenario.events[again.index(scenario.events.len())].clone());
        }
        for piece in scenario.unreadable.iter().chain(scenario.unreadable.first()) {
            pieces[draw()].unreadable.push(*piece);
        }
        for insight in scenario.insights.iter().chain(scenario.insights.first()) {
            pieces[draw()].insights.push(*insight);
        }
        for digest in scenario.digests.iter().chain(scenario.digests.last()) {
            pieces[draw()].digests.push(*digest);
        }
        let merged = Segment::merge_all(pieces.iter().map(|piece| piece.segment_builder().finish()));
        let other = result(merged, &scenario.config, scenario.period);
        prop_assert_eq!(to_json(&whole), to_json(&other));
        prop_assert_eq!(whole.id().unwrap(), other.id().unwrap());
    }

    #[test]
    fn another_write_never_improves_score_status_or_risk(
        all in any_events(30), name in prop::sample::select(&["RunInstances", "PutBucketPolicy", "PutObject", "AssumeRole"][..]),
        outcome in prop::sample::select(&[Outcome::Succeeded, Outcome::Denied, Outcome::Failed][..]), second in 0..HOUR_SECONDS,
    ) {
        // In an observed hour: a write in a missing hour would also close the gap.
        let all: Vec<Event> = all.into_iter().chain([auditor_call("DescribeInstances").with_id(1_000)]).collect();
        let before = EvidenceScenario::of(all.clone()).result();
        let write = auditor_call(name).at_time(0, second).with_outcome(outcome).with_id(1_001);
        let after = EvidenceScenario::of(all.into_iter().chain([write])).result();
        prop_assert!(after.compliance.score <= before.compliance.score);
        prop_assert!(after.summary.risk_score >= before.summary.risk_score);
        prop_assert!(after.summary.overall_compliance >= before.summary.overall_compliance);
        if outcome == Outcome::Succeeded {
            prop_assert_eq!(after.summary.overall_compliance, Some(Status::NonCompliant));
            prop_assert!(after.summary.risk_score >= Some(45.0));
        }
    }

    #[test]
    fn more_calls_never_improve_a_status(all in any_events(30), more in any_events(10)) {
        let before = strict_scenario(complete_events().into_iter().chain(all.iter().cloned()).collect()).with(renumber);
        let after = strict_scenario(complete_events().into_iter().chain(all).chain(more).collect()).with(renumber);
        prop_assert!(after.result().summary.overall_compliance >= before.result().summary.overall_compliance);
    }

    #[test]
    fn removing_evidence_never_proves_anything(
        all in any_events(30),
        cells in prop::collection::vec((0..2_usize, 0..2_usize, 0..4_u32), 0..4),
        class in prop::option::of((0..2_usize, any::<bool>())),
    ) {
        let scenario = strict_scenario(complete_events().into_iter().chain(all).collect()).with(renumber);
        let before = scenario.result().summary.overall_compliance;
        let gone = |event: &Event| {
            let hour = (event.time.0 - START) / HOUR_SECONDS;
            let cell = cells.iter().any(|(account, region, at)| {
                *event.actor.account == *ACCOUNTS[*account] && *event.actor.region == *REGIONS[*region] && hour == *at
            });
            let writes = event.call_key.class == EventClass::ManagementWrite;
            let reads = event.call_key.class == EventClass::ManagementRead;
            cell || class.is_some_and(|(account, write)| {
                *event.actor.account == *ACCOUNTS[account] && if write { writes } else { reads }
            })
        };
        let less = scenario.clone().with(|scenario| scenario.events.retain(|event| !gone(event)));
        let after = less.result().summary.overall_compliance;
        if less.events.len() < scenario.events.len() {
            prop_assert!(after >= Some(Status::InsufficientEvidence), "{:?} became {:?}", before, after);
        } else {
            prop_assert_eq!(after, before);
        }
    }

    #[test]
    fn an_unknown_operation_is_read_only_by_its_flag_or_its_verb_only(
        service in "[a-z]{3,12}", name in "[A-Za-z0-9_]{1,24}", flag in any::<Option<bool>>(),
    ) {
        let catalog = Catalog::embedded();
        prop_assume!(catalog.lookup(&service, &name).is_none());
        let classification = classify(catalog, &ClassificationInput { service: &service, operation: &name, read_only: flag });
        if classification.is_read_only() {
            let lower = name.to_ascii_lowercase();
            let reads = ["get", "list", "describe", "batchget", "batchdescribe", "batch_get", "batch_describe"];
            match classification.provenance {
                Provenance::RecordFlag => prop_assert_eq!(flag, Some(true)),
                Provenance::Pattern => {
                    prop_assert_eq!(flag, None);
                    prop_assert!(reads.iter().any(|verb| lower.starts_with(verb)), "{}", name);
                }
                other => prop_assert!(false, "{:?} decided about {}", other, name),
            }
            for word in ["credential", "credentials", "token", "tokens", "password", "secret"] {
                prop_assert!(!lower.ends_with(word), "{}", name);
            }
        } else {
            prop_assert!(matches!(classification.operation_type, OperationType::Unknown | OperationType::Mutating));
        }
    }

    #[test]
    fn an_unknown_operation_proves_nothing_unless_aws_refused_it(
        name in "Frob[a-z]{1,8}", outcome in prop::sample::select(&[Outcome::Succeeded, Outcome::Denied, Outcome::Failed][..]),
    ) {
        let mut unknown = auditor_call("Frobnicate").with_outcome(outcome).with_id(7);
        unknown.call_key.name = name.into();
        let result = EvidenceScenario::of([auditor_call("DescribeInstances"), unknown]).result();
        let status = if outcome == Outcome::Denied { Status::Compliant } else { Status::InsufficientEvidence };
        prop_assert_eq!(result.summary.overall_compliance, Some(status));
        prop_assert_eq!((result.totals.unknown, result.compliance.permitted, result.compliance.calls), (1, 1, 2));
    }
}

fn renumber(scenario: &mut EvidenceScenario) {
    for (id, event) in (1..).zip(&mut scenario.events) {
        event.id = onlooker_core::event::EventId(id);
    }
}

#[test]
fn the_complete_trail_is_compliant() {
    let result = strict_scenario(complete_events()).result();
    assert_eq!(result.summary.overall_compliance, Some(Status::Compliant), "{:?}", result.limitations);
}

#[test]
fn a_call_that_aws_did_not_process_has_no_impact() {
    let result = |name: &str, code: &str| {
        let mut call = auditor_call(name).with_outcome(Outcome::Failed);
        call.call_key.error_code = Some(code.into());
        EvidenceScenario::of([call]).result()
    };
    let status = |name: &str, code: &str| result(name, code).summary.overall_compliance;
    for code in ["ThrottlingException", "Client.RequestLimitExceeded", "SerializationException", "SlowDown"] {
        for name in ["RunInstances", "AssumeRole", "Frobnicate"] {
            assert_eq!(status(name, code), Some(Status::Compliant), "{name} {code}");
        }
        let found = result("RunInstances", code);
        let ids: Vec<&str> = found.findings.iter().map(|finding| finding.id.as_str()).collect();
        assert!(ids.contains(&"write-not-processed") && !ids.contains(&"write-failed"), "{ids:?}");
        let failed: Vec<&str> = found
            .controls
            .iter()
            .filter(|control| control.state == ControlState::Fail)
            .map(|control| control.id.as_str())
            .collect();
        assert_eq!(failed, ["RO-3"], "it changed nothing: {code}");
    }
    // Services give these codes also to calls that they compared with a resource.
    let processed = ["ValidationException", "InvalidParameterCombination", "InvalidParameterValue"];
    for code in ["InternalFailure", "NoSuchBucket", "LimitExceededException", "ConflictException"]
        .iter()
        .chain(&processed)
    {
        assert_eq!(status("RunInstances", code), Some(Status::InsufficientEvidence), "{code}");
    }
}

#[test]
fn a_network_activity_event_counts_only_without_another_event_of_its_call() {
    let network = |event: Event| {
        let class = EventClass::Network(Arc::clone(&event.call_key.source));
        Event { call_key: CallKey { class, ..event.call_key }, ..event }
    };
    let counts = |events: &[Event]| {
        let result = EvidenceScenario::of(events.to_vec()).result();
        let auditor = result.principals.iter().find(|one| one.arn.ends_with("role/Auditor")).unwrap();
        (auditor.calls, result.compliance.permitted, result.totals.other_events, result.totals.events)
    };
    let (read, write) = (auditor_call("DescribeInstances"), auditor_call("RunInstances"));
    assert_eq!(counts(&[read.clone(), network(read.clone())]), (1, 1, 1, 2));
    assert_eq!(counts(&[write.clone(), network(write.clone())]), (1, 0, 1, 2));
    assert_eq!(counts(&[write.clone(), network(write.clone()), network(write.clone())]), (2, 0, 1, 3));
    for other in [
        write.clone().with_outcome(Outcome::Denied),
        write.clone().at_time(1, 0),
        write.clone().in_session("other"),
        auditor_call("PutObject"),
    ] {
        assert_eq!(counts(&[write.clone(), network(other)]).0, 2);
    }
    // An event about another bucket is another call; one that names no resource may be the same.
    let about = |names: &[&str]| {
        let call_key = CallKey {
            resources: names.iter().map(|name| Arc::from(*name)).collect(),
            ..write.call_key.clone()
        };
        Event { call_key, ..write.clone() }
    };
    let (mine, other) = (about(&["arn:aws:s3:::mine/k"]), about(&["arn:aws:s3:::other/k"]));
    assert_eq!(counts(&[mine.clone(), network(other.clone())]).0, 2);
    assert_eq!(counts(&[mine.clone(), network(write.clone())]).0, 1);
    assert_eq!(counts(&[mine.clone(), other, network(mine)]).0, 2);
    let alone = EvidenceScenario::of([read, network(write)]).result();
    assert_eq!(alone.summary.overall_compliance, Some(Status::NonCompliant));
}

#[test]
fn a_status_is_the_most_severe_of_its_parts() {
    use Outcome::{Denied, Failed, Succeeded};
    use Status::{Compliant, InsufficientEvidence, NonCompliant};

    assert!(Compliant < InsufficientEvidence && InsufficientEvidence < NonCompliant);
    let table = [
        (OperationType::ReadOnly, [Compliant; 3]),
        (OperationType::Privileged, [NonCompliant, InsufficientEvidence, Compliant]),
        (OperationType::Unknown, [InsufficientEvidence, InsufficientEvidence, Compliant]),
        (OperationType::Mutating, [NonCompliant, InsufficientEvidence, Compliant]),
    ];
    let named = [
        (OperationType::ReadOnly, "DescribeInstances"),
        (OperationType::Privileged, "AssumeRole"),
        (OperationType::Unknown, "Frobnicate"),
        (OperationType::Mutating, "RunInstances"),
    ];
    for (kind, statuses) in table {
        for (outcome, status) in [Succeeded, Failed, Denied].into_iter().zip(statuses) {
            assert_eq!(status_impact(kind, outcome), status, "{kind} {outcome:?}");
            let name = named.iter().find(|(other, _)| *other == kind).unwrap().1;
            let alone = EvidenceScenario::of([auditor_call(name).with_outcome(outcome)]).result();
            assert_eq!(alone.summary.overall_compliance, Some(status), "{name} {outcome:?}");
            // With another call, the more severe of the two statuses applies.
            for (other, other_statuses) in table {
                let beside = named.iter().find(|(kind, _)| *kind == other).unwrap().1;
                let both = EvidenceScenario::of([
                    auditor_call(name).with_outcome(outcome),
                    auditor_call(beside).with_outcome(Succeeded),
                ])
                .result();
                assert_eq!(
                    both.summary.overall_compliance,
                    Some(status.max(other_statuses[0])),
                    "{name} {beside}"
                );
            }
        }
    }
}

#[test]
fn without_calls_there_is_no_score_and_no_proof() {
    let nothing = EvidenceScenario { config: promise_config(), ..EvidenceScenario::default() }.result();
    assert_eq!(nothing.summary.overall_compliance, Some(Status::InsufficientEvidence));
    assert_eq!(nothing.summary.compliance_score, None);
    let discovery = EvidenceScenario::default().result();
    assert_eq!((discovery.summary.overall_compliance, discovery.risk), (None, None));
    let signed_in = EvidenceScenario::of([auditor_call("ConsoleLogin")]).result();
    assert_eq!(signed_in.summary.overall_compliance, Some(Status::InsufficientEvidence), "no call was seen");
    assert_eq!(signed_in.compliance.score, None);
}
