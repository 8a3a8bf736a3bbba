//! What a report states about event classes that are not logged and policies that were not read.

use onlooker_core::{
    controls::ControlState,
    grants::{DatedSnapshot, Policy, PolicyOrigin},
    report::ReportResult,
    score::Status,
    time::Time,
};

use super::{
    events::{EvidenceScenario, START, auditor_call, override_ending},
    policies::{AUDITOR, allow, matrix, snapshot, with_auditor_grants},
};

/// A promise that includes data events, in a trail that is not known to log them.
fn unlogged_scenario(actions: &[&str]) -> EvidenceScenario {
    with_auditor_grants(EvidenceScenario::of([auditor_call("DescribeInstances")]), actions).with(|scenario| {
        scenario.config.coverage.logged.pop();
    })
}

fn gap_text(result: &ReportResult) -> String {
    let found = result.findings.iter().find(|one| one.id == "event-class-not-logged").unwrap();
    found.description.clone()
}

#[test]
fn a_gap_names_the_principals_that_could_write_and_by_which_grant() {
    let result = unlogged_scenario(&["ec2:*", "s3:PutObject", "dynamodb:DeleteItem"]).result();
    let said = gap_text(&result);
    assert!(
        said.contains(AUDITOR) && said.contains("`s3:PutObject`") && said.contains("`dynamodb:DeleteItem`"),
        "{said}"
    );
    assert!(!said.contains("ec2:"), "a management event: {said}");
    assert!(result.limitations.iter().any(|line| line.contains("`data`") && line.contains("`s3:PutObject`")));
}

#[test]
fn a_gap_without_write_grants_says_so_and_remains() {
    let result = unlogged_scenario(&["ec2:DescribeInstances", "s3:GetObject"]).result();
    assert!(gap_text(&result).contains("the policies of the watched principals grant only reads"));
    assert_eq!(result.summary.overall_compliance, Some(Status::InsufficientEvidence));
    let unread = EvidenceScenario::of([auditor_call("DescribeInstances")]).with(|scenario| {
        scenario.config.coverage.logged.pop();
    });
    assert!(!gap_text(&unread.result()).contains("policies"), "no policies were read");
}

#[test]
fn an_overridden_grant_still_has_unobserved_use() {
    let scenario = unlogged_scenario(&["ec2:DescribeInstances", "s3:PutObject"]).with(|scenario| {
        scenario.config.overrides.push(override_ending("uploads", "s3:PutObject", 1_000_000))
    });
    let result = scenario.result();
    assert!(gap_text(&result).contains("`s3:PutObject`"));
    assert!(result.findings.iter().all(|one| one.id != "over-privileged"));
    assert_eq!(matrix(&result, AUDITOR).tolerated.get("uploads"), Some(&1));
}

#[test]
fn an_override_that_ends_within_the_period_covers_no_grant() {
    let scenario = unlogged_scenario(&["ec2:DescribeInstances", "s3:PutObject"])
        .with(|scenario| scenario.config.overrides.push(override_ending("uploads", "s3:PutObject", 600)));
    assert!(scenario.result().findings.iter().any(|one| one.id == "over-privileged"));
}

#[test]
fn grants_outside_the_promise_are_listed_as_limitations() {
    let scenario =
        with_auditor_grants(EvidenceScenario::of([auditor_call("DescribeInstances")]), &["s3:PutObject"])
            .with(|scenario| {
                scenario.config.coverage.logged.pop();
                scenario.config.coverage.event_classes = scenario.config.coverage.logged.clone();
            });
    let result = scenario.result();
    let said =
        |text: &str| result.limitations.iter().any(|line| line.contains(text) && line.contains(AUDITOR));
    assert!(
        said("`s3:PutObject`: its policies grant it, and the promise does not cover such events"),
        "{:#?}",
        result.limitations
    );
}

#[test]
fn principals_without_policies_and_missing_policy_types_are_listed() {
    let none = EvidenceScenario::of([auditor_call("DescribeInstances")]).result();
    let said = |result: &ReportResult, text: &str| result.limitations.iter().any(|line| line.contains(text));
    assert!(said(
        &none,
        &format!(
            "What these principals could do is unknown, because their policies were not read: `{AUDITOR}`."
        )
    ));
    let some =
        with_auditor_grants(EvidenceScenario::of([auditor_call("DescribeInstances")]), &["ec2:Describe*"])
            .result();
    assert!(!said(&some, "policies were not read"));
    assert!(said(&some, "Session policies were not evaluated"));
    assert!(
        said(&some, "Resource-based policies were not evaluated")
            && said(&some, "they can grant more permissions")
    );
}

#[test]
fn unlogged_actions_are_never_unused() {
    let result = unlogged_scenario(&["ec2:DescribeInstances", "s3:PutObject"]).result();
    let unused = &matrix(&result, AUDITOR).unused_services;
    let s3 = unused.iter().find(|one| one.service == "s3").unwrap();
    assert_eq!((s3.actions, s3.excessive, s3.unlogged), (1, 1, 1));
    assert!(
        result.findings.iter().all(|one| one.id != "unused-grant"),
        "all other granted actions were used"
    );
    let logged = with_auditor_grants(
        EvidenceScenario::of([auditor_call("DescribeInstances")]),
        &["ec2:DescribeInstances", "s3:PutObject"],
    );
    assert!(logged.result().findings.iter().any(|one| one.id == "unused-grant"));
}

#[test]
fn the_use_of_an_action_would_be_recorded_if_events_of_its_class_were_seen() {
    let seen = EvidenceScenario::of([auditor_call("DescribeInstances"), auditor_call("RunInstances")]).with(
        |scenario| {
            scenario.config.coverage.logged.clear();
        },
    );
    let result = with_auditor_grants(seen, &["iam:CreateUser", "s3:PutObject"]).result();
    let unused = &matrix(&result, AUDITOR).unused_services;
    let unlogged = |service: &str| unused.iter().find(|one| one.service == service).unwrap().unlogged;
    assert_eq!((unlogged("iam"), unlogged("s3")), (0, 1));
}

#[test]
fn partly_read_policies_pass_no_control() {
    let state = |held: DatedSnapshot| {
        let scenario = EvidenceScenario::of([auditor_call("DescribeInstances")])
            .with(|scenario| scenario.policies.add(held));
        let result = scenario.result();
        result.controls.iter().find(|control| control.id == "RO-10").unwrap().state
    };
    let whole = || snapshot("Auditor", allow(&["ec2:DescribeInstances"]));
    assert_eq!(state(DatedSnapshot::always_in_force(whole())), ControlState::Pass);
    let late = DatedSnapshot { since: Some(Time(START + 1800)), ..DatedSnapshot::always_in_force(whole()) };
    assert_eq!(state(late), ControlState::NoEvidence);
    let mut broken = whole();
    broken.identity_policies.push(Policy {
        name: "b".into(),
        origin: PolicyOrigin::Inline,
        text: "{".into(),
    });
    assert_eq!(state(DatedSnapshot::always_in_force(broken)), ControlState::NoEvidence);
}
