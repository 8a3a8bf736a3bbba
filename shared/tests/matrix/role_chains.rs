//! Calls of a watched principal through roles it assumed.

use onlooker_core::{
    event::{Event, Outcome},
    report::Behavior,
    score::Status,
};

use super::{
    events::{EventExt as _, EvidenceScenario, auditor_call, override_ending},
    policies::{AUDITOR, matrix, principal, row, with_auditor_grants},
};

const PUBLISHER: &str = "arn:aws:iam::111122223333:role/Publisher";

/// A principal assumes the publisher's role under this session name.
fn assume_publisher(by: &str, session: &str) -> Event {
    let mut event = auditor_call("AssumeRole").by_principal(by).with_resources(&[PUBLISHER]);
    event.call_key.issued_credentials_arn =
        Some(format!("arn:aws:sts::111122223333:assumed-role/Publisher/{session}").into());
    event
}

fn by_publisher_session(mut event: Event, session: &str) -> Event {
    event.actor.session.name = Some(session.into());
    event.by_principal("Publisher").at_time(0, 600)
}

fn chained_scenario() -> EvidenceScenario {
    EvidenceScenario::of([
        auditor_call("DescribeInstances"),
        assume_publisher("Auditor", "one"),
        by_publisher_session(auditor_call("RunInstances"), "one"),
        by_publisher_session(auditor_call("DescribeInstances"), "one"),
        by_publisher_session(auditor_call("PutObject").with_outcome(Outcome::Denied), "one"),
    ])
}

#[test]
fn calls_through_a_role_count_for_the_originator_apart_from_its_own_calls() {
    let result = chained_scenario().result();
    let auditor = principal(&result, AUDITOR);
    let matrix = auditor.matrix.as_ref().unwrap();
    assert_eq!((auditor.calls, auditor.counts.values().flat_map(|by| by.values()).sum::<u64>()), (2, 2));
    let mutate = row(&matrix.capabilities, "mutate");
    assert_eq!((mutate.used, mutate.denied, mutate.through_roles), (1, 1, 2));
    let read = row(&matrix.capabilities, "read");
    assert_eq!((read.used, read.through_roles), (2, 1));
    let [chain] = &*matrix.role_chains else { panic!("{:#?}", matrix.role_chains) };
    assert_eq!(
        (&*chain.path[0], chain.calls, chain.non_reads_succeeded, chain.is_certain),
        (PUBLISHER, 3, 1, true)
    );
    assert_eq!(
        chain.operations.iter().map(String::as_str).collect::<Vec<_>>(),
        ["ec2:RunInstances", "s3:PutObject"]
    );
    assert_eq!(auditor.status, Some(Status::NonCompliant));
}

#[test]
fn the_assumed_role_itself_stays_unwatched() {
    let result = chained_scenario().result();
    let publisher = principal(&result, PUBLISHER);
    assert_eq!((publisher.watched_as.as_deref(), publisher.status), (None, None));
    assert!(publisher.matrix.is_none() && publisher.findings.is_empty());
    assert_eq!(result.totals.watched_principals, 1);
}

#[test]
fn a_finding_about_a_chained_call_names_the_originator_and_the_role_chain() {
    let result = chained_scenario().result();
    let found = result.findings.iter().find(|one| one.id == "write-succeeded").unwrap();
    assert_eq!(found.principal.as_deref(), Some(AUDITOR));
    assert_eq!(found.subject, format!("ec2:RunInstances through {PUBLISHER}"));
    assert!(
        found.description.contains(&format!("succeeded: 1 call, through `{PUBLISHER}`")),
        "{}",
        found.description
    );
    assert!(principal(&result, AUDITOR).findings.contains(&found.fingerprint));
}

#[test]
fn a_direct_call_is_found_unchanged() {
    let result = EvidenceScenario::of([auditor_call("RunInstances")]).result();
    let found = &result.findings[0];
    assert_eq!((found.subject.as_str(), found.description.contains("through")), ("ec2:RunInstances", false));
}

#[test]
fn uncertain_attribution_is_stated() {
    let scenario = chained_scenario()
        .with(|scenario| scenario.events.push(assume_publisher("Builder", "one").with_id(99)));
    let result = scenario.result();
    assert!(!matrix(&result, AUDITOR).role_chains[0].is_certain);
    let found = result.findings.iter().find(|one| one.id == "write-succeeded").unwrap();
    assert!(
        found.description.contains("another principal may have made some of these calls"),
        "{}",
        found.description
    );
}

#[test]
fn policies_of_the_originator_do_not_cover_chained_calls() {
    let result =
        with_auditor_grants(chained_scenario(), &["ec2:DescribeInstances", "sts:AssumeRole"]).result();
    let matrix = matrix(&result, AUDITOR);
    assert_eq!(matrix.ungranted_operations, [], "the publisher's policies grant it");
    assert!(result.findings.iter().all(|one| one.id != "denied-outside-permissions"));
    let by = |rule: &str| result.findings.iter().filter(|one| one.id == rule).count();
    assert_eq!((by("over-privileged"), by("can-issue-credentials")), (1, 1));
}

#[test]
fn chained_calls_count_in_behavior_and_writes() {
    let result = chained_scenario().result();
    let auditor = principal(&result, AUDITOR);
    assert_eq!((auditor.behavior, auditor.writes_through_roles), (Behavior::Wrote, 1));
    assert_eq!(principal(&result, PUBLISHER).writes_through_roles, 0);
}

#[test]
fn the_statement_and_the_score_count_the_same_calls_or_state_the_difference() {
    let result = chained_scenario().result();
    let (watched, scored) = (result.totals.watched_operations, result.compliance.calls);
    assert_eq!((watched, scored), (5, 4));
    let statement = &result.summary.statement;
    assert!(statement.contains("made 5 calls, 3 of them through roles. 2 of them succeeded"), "{statement}");
    assert!(
        statement.contains("The score leaves out the 1 permitted call made through roles"),
        "{statement}"
    );
}

#[test]
fn a_statement_is_not_compliant_if_a_violation_is_possible() {
    let shared = assume_publisher("Builder", "one");
    let scenario = EvidenceScenario::of([
        auditor_call("DescribeInstances"),
        assume_publisher("Auditor", "one"),
        shared,
        by_publisher_session(auditor_call("RunInstances"), "one"),
    ])
    .with(|scenario| scenario.config.overrides.push(override_ending("assumes", "sts:AssumeRole", 1_000_000)));
    let summary = scenario.result().summary;
    assert_eq!(summary.overall_compliance, Some(Status::InsufficientEvidence));
    assert!(
        summary
            .statement
            .contains("made 3 calls, 1 of them through roles. 1 of them would break the promise"),
        "{}",
        summary.statement
    );
}
