//! Chains of credentials: whose doing a call is, and how sure that is, case by case and held to the slow judge.

use std::collections::BTreeSet;

use onlooker_core::{
    assessment::{Assessment, EvidenceQuality, RoleChain},
    catalog::Catalog,
    config::{Override, Watch},
    coverage::Coverage,
    event::{Event, Outcome},
    score::Status,
    segment::Segment,
    tally::Tally,
    time::HOUR_SECONDS,
};
use proptest::{prelude::*, sample::select, strategy::ValueTree as _, test_runner::TestRunner};

use super::{
    chains::Chains,
    events::{ACCOUNTS, But as _, REGIONS, Scene, chained, configs, exception, made, promise},
};

const MINUTE: u32 = 60;

/// The auditor is given credentials of this session.
fn assume(session: &str) -> Event {
    made("AssumeRole").hands_out(&format!("arn:aws:sts::{}:assumed-role/{session}", ACCOUNTS[0]))
}

/// A write by a session of the builder.
fn write() -> Event {
    made("RunInstances").by("Builder").as_session("job")
}

/// The lineages of the last of these events, in order of its parts.
fn lineages(events: &[Event]) -> Vec<Option<RoleChain>> {
    let scene = Scene::of(events.iter().cloned());
    let tally = Tally::of(scene.draft().finish());
    let (coverage, evidence) = (Coverage::default(), EvidenceQuality::default());
    let assessment = Assessment::classify(&tally, &coverage, &evidence, Catalog::embedded(), &scene.config);
    let last = scene.events.last().unwrap();
    let of_last = assessment
        .classified
        .iter()
        .filter(|one| *one.line.actor == last.actor && *one.line.call_key == last.call_key);
    of_last.map(|one| one.role_chain.as_deref().cloned()).collect()
}

/// Who answers for the last of these events, and whether that is certain.
fn answers(events: &[Event]) -> Option<(String, bool)> {
    let found = lineages(events);
    let [lineage] = &found[..] else { panic!("{found:#?}") };
    lineage.as_ref().map(|one| (one.originator.rsplit('/').next().unwrap().to_owned(), one.is_certain))
}

fn auditor(is_certain: bool) -> Option<(String, bool)> {
    Some(("Auditor".to_owned(), is_certain))
}

#[test]
fn what_a_session_does_belongs_to_whoever_was_given_its_credentials() {
    assert_eq!(answers(&[assume("Builder/job"), write().at(0, 60)]), auditor(true));
    assert_eq!(answers(&[write()]), None);
    assert_eq!(answers(&[assume("Builder/other"), write()]), None, "another session");
    assert_eq!(answers(&[assume("Inventory/job"), write()]), None, "another role");
    assert_eq!(answers(&[assume("Builder/job").ended(Outcome::Denied), write()]), None, "nothing was given");
    assert_eq!(answers(&[assume("Builder/job").by("Builder"), write()]), None, "by nobody watched");
    assert_eq!(answers(&[assume("bUILDER/job"), write()]), auditor(true), "names of roles have no case");
    let [lineage] = &*lineages(&[assume("Builder/job"), write()]) else { panic!("one part") };
    assert_eq!(lineage.as_ref().unwrap().path, [write().actor.principal.arn], "one step");
}

#[test]
fn a_role_with_a_path_is_known_by_its_name() {
    let mut deep = write();
    deep.actor.principal.arn = format!("arn:aws:iam::{}:role/a/b/Builder", ACCOUNTS[0]).into();
    assert_eq!(answers(&[assume("Builder/job"), deep]), auditor(true));
}

#[test]
fn credentials_count_from_their_quarter_of_an_hour_until_they_must_have_expired() {
    let late = |hour: u32, second: u32| {
        answers(&[assume("Builder/job").at(1, 15 * MINUTE), write().at(hour, second)])
    };
    assert_eq!(late(1, 15 * MINUTE), auditor(true));
    assert_eq!(late(1, 15 * MINUTE - 1), None, "before they were given");
    assert_eq!(late(13, 30 * MINUTE - 1), auditor(true));
    assert_eq!(late(13, 30 * MINUTE), None, "more than twelve hours later");
    let key = made("CreateAccessKey").hands_out(&format!("arn:aws:iam::{}:user/alice", ACCOUNTS[0]));
    let by_key = made("RunInstances").by("user:alice");
    assert_eq!(
        answers(&[key, by_key.at(400, 0)]),
        auditor(false),
        "a key has no end, and a user may have others"
    );
}

#[test]
fn a_line_is_divided_where_credentials_begin_and_end() {
    let calls = [write().at(0, 0), write().at(2, 0), write().at(20, 0)];
    let found = lineages(&[&[assume("Builder/job").at(1, 0)], &calls[..]].concat());
    assert_eq!(found.len(), 2);
    assert_eq!(
        found.iter().flatten().map(|one| one.is_certain).collect::<Vec<_>>(),
        [false],
        "it was in use before"
    );
}

#[test]
fn chains_are_followed_across_roles_and_accounts() {
    let there = |event: Event| event.within(ACCOUNTS[1], REGIONS[1]);
    let second = format!("arn:aws:sts::{}:assumed-role/Deployer/step", ACCOUNTS[1]);
    let hop = made("AssumeRole").by("Builder").as_session("job").hands_out(&second).at(0, 20);
    let deployed = there(made("RunInstances")).by("Deployer").as_session("step").at(0, 30);
    let found = lineages(&[assume("Builder/job"), hop.clone(), deployed.clone()]);
    let [Some(lineage)] = &*found else { panic!("{found:#?}") };
    let path: Vec<&str> = lineage.path.iter().map(|arn| arn.rsplit('/').next().unwrap()).collect();
    assert_eq!((path, lineage.is_certain), (vec!["Builder", "Deployer"], true));
    // The other account's record of the same call names nobody else.
    let other_side = there(hop.clone()).by("stranger").as_session("");
    assert_eq!(
        answers(&[assume("Builder/job"), hop.clone(), other_side.clone(), deployed.clone()]),
        auditor(true)
    );
    // One in another quarter of an hour is of another call.
    let another = other_side.at(0, 20 * MINUTE);
    assert_eq!(answers(&[assume("Builder/job"), hop, another, deployed.at(0, 40 * MINUTE)]), auditor(false));
}

#[test]
fn a_circle_of_roles_ends() {
    let circle = |from: &str, to: &str| {
        let arn = format!("arn:aws:sts::{}:assumed-role/{to}/job", ACCOUNTS[0]);
        made("AssumeRole").by(from).as_session("job").hands_out(&arn)
    };
    let events = [
        assume("Builder/job"),
        circle("Builder", "Deployer").at(0, 1),
        circle("Deployer", "Builder").at(0, 2),
        write().at(0, 3),
    ];
    assert_eq!(answers(&events), auditor(true));
}

#[test]
fn a_long_chain_is_followed_to_its_end_and_told_in_part() {
    let step = |n: u32| {
        let arn = format!("arn:aws:sts::{}:assumed-role/r{}/s", ACCOUNTS[0], n + 1);
        made("AssumeRole").by(&format!("r{n}")).as_session("s").hands_out(&arn).at(n / 4, n % 4 * 15 * MINUTE)
    };
    let mut events = vec![assume("r0/s")];
    events.extend((0..60).map(step));
    events.push(made("RunInstances").by("r60").as_session("s").at(15, 0));
    let found = lineages(&events);
    let [Some(lineage)] = &*found else { panic!("{found:#?}") };
    let path: Vec<&str> = lineage.path.iter().map(|arn| arn.rsplit('/').next().unwrap()).collect();
    assert_eq!((path, lineage.is_certain), (vec!["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r60"], true));
}

#[test]
fn it_is_not_certain_where_somebody_else_may_hold_the_session() {
    let given = assume("Builder/job");
    let call = write().at(1, 0);
    let doubtful = |other: Event| answers(&[given.clone(), other, call.clone()]);
    assert_eq!(
        doubtful(given.clone().by("Deployer").at(0, 60)),
        auditor(false),
        "somebody else was given them"
    );
    assert_eq!(
        doubtful(given.clone().by("service:codebuild").naming_the_role_alone()),
        auditor(false),
        "a service"
    );
    let stranger = given.clone().by("stranger");
    assert_eq!(doubtful(stranger.clone()), auditor(true), "the other side of the same call");
    assert_eq!(doubtful(stranger.at(0, 20 * MINUTE)), auditor(false), "another call from an account");
    assert_eq!(doubtful(given.clone().by("Deployer").at(2, 0)), auditor(true), "only later");
    assert_eq!(doubtful(given.clone().by("Deployer").ended(Outcome::Denied)), auditor(true), "not given");
    let early = [write().at(0, 0), given.clone().at(0, 60), call.clone()];
    assert_eq!(
        lineages(&early).into_iter().flatten().map(|one| one.is_certain).next(),
        Some(false),
        "in use before"
    );
    assert_eq!(answers(&[given.naming_the_role_alone(), call]), auditor(false), "the session is not told");
}

#[test]
fn a_source_identity_tells_sessions_of_one_name_apart() {
    let said = |event: Event, who: &str| event.said_to_be(who);
    let mine = said(assume("Builder/job"), "me");
    let theirs = said(assume("Builder/job").by("Deployer").as_session("d"), "they");
    let call = write().at(0, 60);
    assert_eq!(answers(&[mine.clone(), theirs.clone(), said(call.clone(), "me")]), auditor(true));
    assert_eq!(answers(&[mine.clone(), theirs.clone(), said(call.clone(), "they")]), None);
    assert_eq!(answers(&[mine, theirs, call]), auditor(false), "the call does not say");
}

#[test]
fn a_principal_with_a_promise_of_its_own_answers_itself() {
    let status = |watch: bool| {
        let scene = Scene::of([assume("Builder/job"), write()]).with(|scene| {
            scene.config.overrides.push(exception("assume", "sts:AssumeRole", HOUR_SECONDS));
            if watch {
                scene.config.watch.push(Watch::new("arn:aws:iam::*:role/Builder").unwrap());
            }
        });
        let tally = Tally::of(Segment::from_events(scene.events.clone()));
        let (coverage, evidence) = (Coverage::default(), EvidenceQuality::default());
        let assessment =
            Assessment::classify(&tally, &coverage, &evidence, Catalog::embedded(), &scene.config);
        let builder =
            assessment.classified.iter().find(|one| one.principal().arn.ends_with("Builder")).unwrap();
        (
            builder.role_chain.is_some(),
            builder.watch.unwrap().principal.clone(),
            scene.result().summary.overall_compliance,
        )
    };
    let auditor = (true, "arn:aws:iam::*:role/Auditor".to_owned(), Some(Status::NonCompliant));
    assert_eq!(status(false), auditor);
    assert_eq!(status(true), (false, "arn:aws:iam::*:role/Builder".to_owned(), Some(Status::NonCompliant)));
}

/// The status where assuming is allowed and the role then writes, under further exceptions.
fn allowed(exceptions: &[(&str, &str)], events: &[Event]) -> Option<Status> {
    let scene = Scene::of(events.iter().cloned()).with(|scene| {
        scene.config.overrides.push(exception("assume", "sts:AssumeRole", HOUR_SECONDS));
        for (principal, operation) in exceptions {
            let principal = format!("arn:aws:iam::*:role/{principal}");
            scene
                .config
                .overrides
                .push(Override { principal, ..exception(operation, operation, HOUR_SECONDS) });
        }
    });
    scene.result().summary.overall_compliance
}

#[test]
fn an_exception_must_be_about_the_principal_it_began_with() {
    let events = [assume("Builder/job"), write()];
    assert_eq!(allowed(&[], &events), Some(Status::NonCompliant), "to assume is not to do");
    assert_eq!(allowed(&[("Builder", "ec2:*")], &events), Some(Status::NonCompliant));
    assert_eq!(allowed(&[("Auditor", "ec2:RunInstances")], &events), Some(Status::Compliant));
    assert_eq!(allowed(&[], &events[..1]), Some(Status::Compliant), "alone it is allowed");
}

#[test]
fn what_is_not_certain_proves_nothing_either_way() {
    let events = [assume("Builder/job"), assume("Builder/job").by("Deployer"), write().at(0, 60)];
    assert_eq!(allowed(&[], &events), Some(Status::InsufficientEvidence));
    let reads = [assume("Builder/job"), made("DescribeInstances").by("Builder").as_session("job")];
    assert_eq!(allowed(&[], &reads), Some(Status::Compliant));
}

#[test]
fn reads_through_a_session_better_no_score() {
    let score = |reads: u32| {
        let reads =
            (0..reads).map(|n| made("DescribeInstances").by("Builder").as_session("job").at(0, 10 + n));
        let result = Scene::of([assume("Builder/job"), write()].into_iter().chain(reads)).result();
        assert_eq!(result.totals.watched_operations, 2 + u64::from(reads_of(&result)));
        result.compliance.score
    };
    assert_eq!(score(100), score(0));
}

fn reads_of(result: &onlooker_core::report::ReportResult) -> u32 {
    u32::try_from(result.totals.read_only).unwrap()
}

/// Hours and seconds at which credentials are given, used and expired.
fn times() -> BoxedStrategy<(u32, u32)> {
    let soon = select(&[(0, 0), (0, 60), (0, 899), (0, 900), (1, 0)][..]);
    prop_oneof![4 => soon, 1 => select(&[(12, 0), (12, 899), (12, 900), (13, 0), (14, 0)][..])].boxed()
}

#[test]
fn the_chains_that_are_tried_are_short_and_long_certain_and_in_doubt() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeSet::new();
    for _ in 0..800 {
        let events = chained(16, times()).new_tree(&mut runner).unwrap().current();
        let config = promise();
        let slow = Chains::of(events.iter().collect(), &config);
        met.extend(
            events
                .iter()
                .filter_map(|event| slow.lineage(event))
                .map(|one| (one.path.len().min(3), one.is_certain)),
        );
    }
    // Long ones that are certain are few among these; one is tried by hand above.
    let wanted: BTreeSet<(usize, bool)> = [(1, false), (1, true), (2, false), (2, true), (3, false)].into();
    assert!(wanted.is_subset(&met), "{met:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_lineage_is_the_slow_judges(
        events in chained(16, times()),
        config in configs(),
    ) {
        let tally = Tally::of(Segment::from_events(events.clone()));
        let (coverage, evidence) = (Coverage::default(), EvidenceQuality::default());
        let assessment = Assessment::classify(&tally, &coverage, &evidence, Catalog::embedded(), &config);
        let slow = Chains::of(events.iter().collect(), &config);
        prop_assert_eq!(assessment.classified.iter().map(|one| one.count).sum::<u64>(), events.len() as u64);
        for event in &events {
            let expected = slow.lineage(event);
            let quarter = onlooker_core::tally::TimeBucket::of(event.time);
            let here = assessment.classified.iter().filter(|one| {
                *one.line.actor == event.actor && *one.line.call_key == event.call_key && one.buckets().iter().any(|(slot, _)| *slot == quarter)
            });
            let found: Vec<Option<RoleChain>> = here.map(|one| one.role_chain.as_deref().cloned()).collect();
            prop_assert_eq!(found, vec![expected], "{:#?}\n{:#?}", event, events);
        }
    }
}

/// The overall status with the assumption of roles excused.
fn excused(scene: Scene) -> Option<Status> {
    let scene = scene.with(|scene| scene.config.overrides.push(exception("assumes", "sts:*", 1_000_000)));
    scene.result().summary.overall_compliance
}

#[test]
fn credentials_of_nobody_knows_whom_prove_nothing() {
    let read = made("DescribeInstances");
    assert_eq!(excused(Scene::of([read.clone(), assume("Builder/job")])), Some(Status::Compliant));
    let silent = made("AssumeRole");
    assert_eq!(excused(Scene::of([read.clone(), silent.clone()])), Some(Status::InsufficientEvidence));
    assert_eq!(excused(Scene::of([read.clone(), silent.ended(Outcome::Denied)])), Some(Status::Compliant));
    let mut root = made("AssumeRole");
    root.call_key.name = "AssumeRoot".into();
    assert_eq!(excused(Scene::of([read, root])), Some(Status::InsufficientEvidence));
}

#[test]
fn where_events_of_others_are_left_out_no_chain_is_proven_harmless() {
    let scene = Scene::of([made("DescribeInstances"), assume("Builder/job")])
        .with(|scene| scene.config.lookup.watched_only = true);
    let result = scene.result();
    assert!(result.limitations.iter().any(|line| line.contains("`lookup.watched_only`")));
    assert_eq!(excused(scene), Some(Status::InsufficientEvidence));
}
