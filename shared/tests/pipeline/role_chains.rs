//! Role chains: the originator that a call is attributed to, and whether that is certain, by cases and against the
//! reference.

use std::collections::BTreeSet;

use onlooker_core::{
    assessment::{Assessment, RoleChain},
    catalog::Catalog,
    config::{Override, Watch},
    coverage::Coverage,
    event::{Event, Outcome},
    evidence_summary::EvidenceQuality,
    score::Status,
    segment::Segment,
    tally::Tally,
    time::{HOUR_SECONDS, Time},
};
use proptest::{prelude::*, sample::select, strategy::ValueTree as _, test_runner::TestRunner};

use super::{
    events::{
        ACCOUNTS, EventExt as _, EvidenceScenario, REGIONS, START, any_config, auditor_call, chained_events,
        override_ending, promise_config,
    },
    reference_chains::ReferenceChains,
};

const MINUTE: u32 = 60;

/// The auditor assumes a role and gets the credentials of this session.
fn assume_builder(session: &str) -> Event {
    auditor_call("AssumeRole")
        .issuing_credentials_of(&format!("arn:aws:sts::{}:assumed-role/{session}", ACCOUNTS[0]))
}

/// A write by a session of the builder.
fn write() -> Event {
    auditor_call("RunInstances").by_principal("Builder").in_session("job")
}

/// The role chains of the last of these events, in order of its parts.
fn role_chains_of(events: &[Event]) -> Vec<Option<RoleChain>> {
    let scenario = EvidenceScenario::of(events.iter().cloned());
    let tally = Tally::of(scenario.segment_builder().finish());
    let (coverage, evidence) = (Coverage::default(), EvidenceQuality::default());
    let lead_in = Tally::default();
    let assessment =
        Assessment::classify(&tally, &lead_in, &coverage, &evidence, Catalog::embedded(), &scenario.config);
    let last = scenario.events.last().unwrap();
    let of_last = assessment
        .classified
        .iter()
        .filter(|one| *one.line.actor == last.actor && *one.line.call_key == last.call_key);
    of_last.map(|one| one.role_chain.as_deref().cloned()).collect()
}

/// The originator that the last of these events is attributed to, and whether that is certain.
fn attributed_to(events: &[Event]) -> Option<(String, bool)> {
    let found = role_chains_of(events);
    let [role_chain] = &found[..] else { panic!("{found:#?}") };
    role_chain.as_ref().map(|one| (one.originator.rsplit('/').next().unwrap().to_owned(), one.is_certain))
}

fn auditor(is_certain: bool) -> Option<(String, bool)> {
    Some(("Auditor".to_owned(), is_certain))
}

#[test]
fn a_session_is_attributed_to_the_principal_that_got_its_credentials() {
    assert_eq!(attributed_to(&[assume_builder("Builder/job"), write().at_time(0, 60)]), auditor(true));
    assert_eq!(attributed_to(&[write()]), None);
    assert_eq!(attributed_to(&[assume_builder("Builder/other"), write()]), None, "another session");
    assert_eq!(attributed_to(&[assume_builder("Inventory/job"), write()]), None, "another role");
    assert_eq!(
        attributed_to(&[assume_builder("Builder/job").with_outcome(Outcome::Denied), write()]),
        None,
        "no credentials were issued"
    );
    assert_eq!(
        attributed_to(&[assume_builder("Builder/job").by_principal("Builder"), write()]),
        None,
        "the issuing call is not by a watched principal"
    );
    assert_eq!(
        attributed_to(&[assume_builder("bUILDER/job"), write()]),
        auditor(true),
        "role names are case-insensitive"
    );
    let [role_chain] = &*role_chains_of(&[assume_builder("Builder/job"), write()]) else {
        panic!("one part")
    };
    assert_eq!(role_chain.as_ref().unwrap().path, [write().actor.principal.arn], "one step");
}

#[test]
fn a_role_with_a_path_is_known_by_its_name() {
    let mut deep = write();
    deep.actor.principal.arn = format!("arn:aws:iam::{}:role/a/b/Builder", ACCOUNTS[0]).into();
    assert_eq!(attributed_to(&[assume_builder("Builder/job"), deep]), auditor(true));
}

#[test]
fn credentials_count_from_their_time_bucket_until_their_latest_expiry() {
    let late = |hour: u32, second: u32| {
        attributed_to(&[assume_builder("Builder/job").at_time(1, 15 * MINUTE), write().at_time(hour, second)])
    };
    assert_eq!(late(1, 15 * MINUTE), auditor(true));
    assert_eq!(late(1, 15 * MINUTE - 1), None, "before they were issued");
    assert_eq!(late(13, 30 * MINUTE - 1), auditor(true));
    assert_eq!(late(13, 30 * MINUTE), None, "more than twelve hours later");
    let key = auditor_call("CreateAccessKey")
        .issuing_credentials_of(&format!("arn:aws:iam::{}:user/alice", ACCOUNTS[0]));
    let by_key = auditor_call("RunInstances").by_principal("user:alice");
    assert_eq!(
        attributed_to(&[key, by_key.at_time(400, 0)]),
        auditor(false),
        "an access key does not expire, and a user may have others"
    );
}

#[test]
fn a_call_count_is_split_where_credentials_begin_and_end() {
    let calls = [write().at_time(0, 0), write().at_time(2, 0), write().at_time(20, 0)];
    let found = role_chains_of(&[&[assume_builder("Builder/job").at_time(1, 0)], &calls[..]].concat());
    assert_eq!(found.len(), 2);
    assert_eq!(
        found.iter().flatten().map(|one| one.is_certain).collect::<Vec<_>>(),
        [false],
        "the session was in use before"
    );
}

#[test]
fn chains_are_followed_across_roles_and_accounts() {
    let there = |event: Event| event.in_account_region(ACCOUNTS[1], REGIONS[1]);
    let second = format!("arn:aws:sts::{}:assumed-role/Deployer/step", ACCOUNTS[1]);
    let hop = auditor_call("AssumeRole")
        .by_principal("Builder")
        .in_session("job")
        .issuing_credentials_of(&second)
        .at_time(0, 20);
    let deployed =
        there(auditor_call("RunInstances")).by_principal("Deployer").in_session("step").at_time(0, 30);
    let found = role_chains_of(&[assume_builder("Builder/job"), hop.clone(), deployed.clone()]);
    let [Some(role_chain)] = &*found else { panic!("{found:#?}") };
    let path: Vec<&str> = role_chain.path.iter().map(|arn| arn.rsplit('/').next().unwrap()).collect();
    assert_eq!((path, role_chain.is_certain), (vec!["Builder", "Deployer"], true));
    // The other account's record of the same call does not name another principal.
    let other_side = there(hop.clone()).by_principal("stranger").in_session("");
    assert_eq!(
        attributed_to(&[assume_builder("Builder/job"), hop.clone(), other_side.clone(), deployed.clone()]),
        auditor(true)
    );
    // A record in another time bucket is of another call.
    let another = other_side.at_time(0, 20 * MINUTE);
    assert_eq!(
        attributed_to(&[assume_builder("Builder/job"), hop, another, deployed.at_time(0, 40 * MINUTE)]),
        auditor(false)
    );
}

#[test]
fn a_cycle_of_roles_terminates() {
    let circle = |from: &str, to: &str| {
        let arn = format!("arn:aws:sts::{}:assumed-role/{to}/job", ACCOUNTS[0]);
        auditor_call("AssumeRole").by_principal(from).in_session("job").issuing_credentials_of(&arn)
    };
    let events = [
        assume_builder("Builder/job"),
        circle("Builder", "Deployer").at_time(0, 1),
        circle("Deployer", "Builder").at_time(0, 2),
        write().at_time(0, 3),
    ];
    assert_eq!(attributed_to(&events), auditor(true));
}

#[test]
fn a_long_chain_is_followed_fully_and_shown_truncated() {
    let step = |n: u32| {
        let arn = format!("arn:aws:sts::{}:assumed-role/r{}/s", ACCOUNTS[0], n + 1);
        auditor_call("AssumeRole")
            .by_principal(&format!("r{n}"))
            .in_session("s")
            .issuing_credentials_of(&arn)
            .at_time(n / 4, n % 4 * 15 * MINUTE)
    };
    let mut events = vec![assume_builder("r0/s")];
    events.extend((0..60).map(step));
    events.push(auditor_call("RunInstances").by_principal("r60").in_session("s").at_time(15, 0));
    let found = role_chains_of(&events);
    let [Some(role_chain)] = &*found else { panic!("{found:#?}") };
    let path: Vec<&str> = role_chain.path.iter().map(|arn| arn.rsplit('/').next().unwrap()).collect();
    assert_eq!((path, role_chain.is_certain), (vec!["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r60"], true));
}

#[test]
fn attribution_is_uncertain_if_another_principal_may_hold_the_session() {
    let given = assume_builder("Builder/job");
    let call = write().at_time(1, 0);
    let doubtful = |other: Event| attributed_to(&[given.clone(), other, call.clone()]);
    assert_eq!(
        doubtful(given.clone().by_principal("Deployer").at_time(0, 60)),
        auditor(false),
        "another principal got them"
    );
    assert_eq!(
        doubtful(given.clone().by_principal("service:codebuild").naming_only_the_role()),
        auditor(false),
        "a service"
    );
    let stranger = given.clone().by_principal("stranger");
    assert_eq!(doubtful(stranger.clone()), auditor(true), "the other side of the same call");
    assert_eq!(doubtful(stranger.at_time(0, 20 * MINUTE)), auditor(false), "another call from an account");
    assert_eq!(doubtful(given.clone().by_principal("Deployer").at_time(2, 0)), auditor(true), "only later");
    assert_eq!(
        doubtful(given.clone().by_principal("Deployer").with_outcome(Outcome::Denied)),
        auditor(true),
        "not issued"
    );
    let early = [write().at_time(0, 0), given.clone().at_time(0, 60), call.clone()];
    assert_eq!(
        role_chains_of(&early).into_iter().flatten().map(|one| one.is_certain).next(),
        Some(false),
        "in use before"
    );
    assert_eq!(
        attributed_to(&[given.naming_only_the_role(), call]),
        auditor(false),
        "the session name is not recorded"
    );
}

#[test]
fn a_source_identity_distinguishes_sessions_of_one_name() {
    let said = |event: Event, who: &str| event.with_source_identity(who);
    let mine = said(assume_builder("Builder/job"), "me");
    let theirs = said(assume_builder("Builder/job").by_principal("Deployer").in_session("d"), "they");
    let call = write().at_time(0, 60);
    assert_eq!(attributed_to(&[mine.clone(), theirs.clone(), said(call.clone(), "me")]), auditor(true));
    assert_eq!(attributed_to(&[mine.clone(), theirs.clone(), said(call.clone(), "they")]), None);
    let early =
        [said(write().at_time(0, 0), "me"), mine.clone().at_time(0, 60), said(write().at_time(1, 0), "me")];
    let certain: Vec<bool> = role_chains_of(&early).into_iter().flatten().map(|one| one.is_certain).collect();
    assert!(certain.contains(&false), "in use before it was issued: {certain:?}");
    assert_eq!(attributed_to(&[mine, theirs, call]), auditor(false), "the call has no source identity");
}

#[test]
fn a_watched_principal_is_attributed_to_itself() {
    let status = |watch: bool| {
        let scenario = EvidenceScenario::of([assume_builder("Builder/job"), write()]).with(|scenario| {
            scenario.config.overrides.push(override_ending("assume", "sts:AssumeRole", HOUR_SECONDS));
            if watch {
                scenario.config.watch.push(Watch::new("arn:aws:iam::*:role/Builder").unwrap());
            }
        });
        let tally = Tally::of(Segment::from_events(scenario.events.clone()));
        let (coverage, evidence) = (Coverage::default(), EvidenceQuality::default());
        let lead_in = Tally::default();
        let assessment = Assessment::classify(
            &tally,
            &lead_in,
            &coverage,
            &evidence,
            Catalog::embedded(),
            &scenario.config,
        );
        let builder =
            assessment.classified.iter().find(|one| one.principal().arn.ends_with("Builder")).unwrap();
        (
            builder.role_chain.is_some(),
            builder.watch.unwrap().principal.clone(),
            scenario.result().summary.overall_compliance,
        )
    };
    let auditor = (true, "arn:aws:iam::*:role/Auditor".to_owned(), Some(Status::NonCompliant));
    assert_eq!(status(false), auditor);
    assert_eq!(status(true), (false, "arn:aws:iam::*:role/Builder".to_owned(), Some(Status::NonCompliant)));
}

#[test]
fn a_session_that_began_before_the_period_is_attributed() {
    let result = |assumed_at: u32, second: u32| {
        let read = || auditor_call("DescribeInstances").at_time(40, 0);
        let events =
            [assume_builder("Builder/job").at_time(assumed_at, second), read(), write().at_time(40, 60)];
        EvidenceScenario::of(events)
            .with(|scenario| scenario.period = (Some(Time(START + 40 * HOUR_SECONDS)), None))
            .result()
    };
    let status = |assumed_at, second| result(assumed_at, second).summary.overall_compliance;
    assert_eq!(status(39, 3_599), Some(Status::NonCompliant));
    assert_eq!(status(28, 0), Some(Status::NonCompliant), "12 hours before");
    assert_eq!(status(27, 2_000), Some(Status::Compliant), "the credentials have expired");
    let kept = result(39, 0);
    assert_eq!((kept.totals.events, kept.coverage.lead_in.observed_hours), (2, 1));
    assert!(
        kept.limitations.iter().any(|line| line.contains("11 of 12 account-region hours have no evidence"))
    );
    assert_ne!(kept.inputs.evidence_sha256, result(38, 0).inputs.evidence_sha256, "the result depends on it");
}

/// The status under an override for assuming roles, and under further overrides.
fn status_with_overrides(overrides: &[(&str, &str)], events: &[Event]) -> Option<Status> {
    let scenario = EvidenceScenario::of(events.iter().cloned()).with(|scenario| {
        scenario.config.overrides.push(override_ending("assume", "sts:AssumeRole", HOUR_SECONDS));
        for (principal, operation) in overrides {
            let principal = format!("arn:aws:iam::*:role/{principal}");
            scenario
                .config
                .overrides
                .push(Override { principal, ..override_ending(operation, operation, HOUR_SECONDS) });
        }
    });
    scenario.result().summary.overall_compliance
}

#[test]
fn an_override_must_be_for_the_originator() {
    let events = [assume_builder("Builder/job"), write()];
    assert_eq!(
        status_with_overrides(&[], &events),
        Some(Status::NonCompliant),
        "the override is for assuming the role only"
    );
    assert_eq!(status_with_overrides(&[("Builder", "ec2:*")], &events), Some(Status::NonCompliant));
    assert_eq!(status_with_overrides(&[("Auditor", "ec2:RunInstances")], &events), Some(Status::Compliant));
    assert_eq!(
        status_with_overrides(&[], &events[..1]),
        Some(Status::Compliant),
        "assuming the role is allowed"
    );
}

#[test]
fn uncertain_attribution_proves_nothing() {
    let events = [
        assume_builder("Builder/job"),
        assume_builder("Builder/job").by_principal("Deployer"),
        write().at_time(0, 60),
    ];
    assert_eq!(status_with_overrides(&[], &events), Some(Status::InsufficientEvidence));
    let reads = [
        assume_builder("Builder/job"),
        auditor_call("DescribeInstances").by_principal("Builder").in_session("job"),
    ];
    assert_eq!(status_with_overrides(&[], &reads), Some(Status::Compliant));
}

#[test]
fn chained_reads_do_not_improve_the_score() {
    let score = |reads: u32| {
        let reads = (0..reads).map(|n| {
            auditor_call("DescribeInstances").by_principal("Builder").in_session("job").at_time(0, 10 + n)
        });
        let result =
            EvidenceScenario::of([assume_builder("Builder/job"), write()].into_iter().chain(reads)).result();
        assert_eq!(result.totals.watched_operations, 2 + u64::from(read_count(&result)));
        result.compliance.score
    };
    assert_eq!(score(100), score(0));
}

fn read_count(result: &onlooker_core::report::ReportResult) -> u32 {
    u32::try_from(result.totals.read_only).unwrap()
}

/// Hours and seconds at which credentials are issued, used and expired.
fn credential_times() -> BoxedStrategy<(u32, u32)> {
    let soon = select(&[(0, 0), (0, 60), (0, 899), (0, 900), (1, 0)][..]);
    prop_oneof![4 => soon, 1 => select(&[(12, 0), (12, 899), (12, 900), (13, 0), (14, 0)][..])].boxed()
}

#[test]
fn generated_chains_are_short_and_long_certain_and_uncertain() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..800 {
        let events = chained_events(16, credential_times()).new_tree(&mut runner).unwrap().current();
        let config = promise_config();
        let reference = ReferenceChains::of(events.iter().collect(), &config);
        met.extend(
            events
                .iter()
                .filter_map(|event| reference.role_chain(event))
                .map(|one| (one.path.len().min(3), one.is_certain)),
        );
    }
    // Long chains that are certain are rare among these; a case above tests one.
    let wanted: BTreeSet<(usize, bool)> = [(1, false), (1, true), (2, false), (2, true), (3, false)].into();
    assert!(wanted.is_subset(&met), "{met:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_role_chain_agrees_with_the_reference(
        events in chained_events(16, credential_times()),
        config in any_config(),
    ) {
        let tally = Tally::of(Segment::from_events(events.clone()));
        let (coverage, evidence) = (Coverage::default(), EvidenceQuality::default());
    let lead_in = Tally::default();
        let assessment = Assessment::classify(&tally, &lead_in, &coverage, &evidence, Catalog::embedded(), &config);
        let reference = ReferenceChains::of(events.iter().collect(), &config);
        prop_assert_eq!(assessment.classified.iter().map(|one| one.count).sum::<u64>(), events.len() as u64);
        for event in &events {
            let expected = reference.role_chain(event);
            let quarter = onlooker_core::tally::TimeBucket::of(event.time);
            let here = assessment.classified.iter().filter(|one| {
                *one.line.actor == event.actor && *one.line.call_key == event.call_key && one.buckets().iter().any(|(bucket, _)| *bucket == quarter)
            });
            let found: Vec<Option<RoleChain>> = here.map(|one| one.role_chain.as_deref().cloned()).collect();
            prop_assert_eq!(found, vec![expected], "{:#?}\n{:#?}", event, events);
        }
    }
}

/// The overall status with an override for assuming roles.
fn status_with_assume_role_override(scenario: EvidenceScenario) -> Option<Status> {
    let scenario = scenario
        .with(|scenario| scenario.config.overrides.push(override_ending("assumes", "sts:*", 1_000_000)));
    scenario.result().summary.overall_compliance
}

#[test]
fn credentials_of_an_unknown_principal_prove_nothing() {
    let read = auditor_call("DescribeInstances");
    assert_eq!(
        status_with_assume_role_override(EvidenceScenario::of([read.clone(), assume_builder("Builder/job")])),
        Some(Status::Compliant)
    );
    let silent = auditor_call("AssumeRole");
    assert_eq!(
        status_with_assume_role_override(EvidenceScenario::of([read.clone(), silent.clone()])),
        Some(Status::InsufficientEvidence)
    );
    assert_eq!(
        status_with_assume_role_override(EvidenceScenario::of([
            read.clone(),
            silent.with_outcome(Outcome::Denied)
        ])),
        Some(Status::Compliant)
    );
    let mut root = auditor_call("AssumeRole");
    root.call_key.name = "AssumeRoot".into();
    assert_eq!(
        status_with_assume_role_override(EvidenceScenario::of([read, root])),
        Some(Status::InsufficientEvidence)
    );
}

#[test]
fn credentials_for_an_account_without_evidence_prove_nothing() {
    let status = |account: &str, more: Option<Event>| {
        let issued = auditor_call("AssumeRole")
            .issuing_credentials_of(&format!("arn:aws:sts::{account}:assumed-role/Deploy/job"));
        let events = [auditor_call("DescribeInstances"), issued].into_iter().chain(more);
        status_with_assume_role_override(EvidenceScenario::of(events))
    };
    assert_eq!(status(ACCOUNTS[0], None), Some(Status::Compliant));
    assert_eq!(status(ACCOUNTS[1], None), Some(Status::InsufficientEvidence));
    let seen =
        auditor_call("DescribeInstances").by_principal("Builder").in_account_region(ACCOUNTS[1], REGIONS[0]);
    assert_eq!(status(ACCOUNTS[1], Some(seen)), Some(Status::Compliant));
}

#[test]
fn with_omitted_events_no_chain_is_proven_harmless() {
    let scenario = EvidenceScenario::of([auditor_call("DescribeInstances"), assume_builder("Builder/job")])
        .with(|scenario| scenario.config.lookup.watched_only = true);
    let result = scenario.result();
    assert!(result.limitations.iter().any(|line| line.contains("`lookup.watched_only`")));
    assert_eq!(status_with_assume_role_override(scenario), Some(Status::InsufficientEvidence));
}
