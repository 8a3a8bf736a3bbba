//! Findings, controls and the summary of a report with policies.

use std::collections::BTreeSet;

use onlooker_core::{
    controls::ControlState,
    finding::Severity,
    grants::DatedSnapshot,
    report::{Report, ReportResult, ReportRun, redact},
    time::{HOUR_SECONDS, Time},
};
use serde_json::json;

use super::{
    events::{EventExt as _, EvidenceScenario, START, auditor_call},
    policies::{AUDITOR, matrix, snapshot, with_auditor_grants},
};

fn only_finding(result: &ReportResult, rule: &str) -> onlooker_core::finding::Finding {
    let found: Vec<_> = result.findings.iter().filter(|one| one.id == rule).collect();
    let [found] = &*found else { panic!("{rule}: {found:#?}") };
    (*found).clone()
}

fn read_scenario() -> EvidenceScenario {
    EvidenceScenario::of([auditor_call("DescribeInstances")])
}

#[test]
fn over_privilege_has_the_severity_of_its_grants_and_names_the_statement() {
    let high = only_finding(
        &with_auditor_grants(read_scenario(), &["ec2:RunInstances"]).result(),
        "over-privileged",
    );
    assert_eq!(high.severity, Severity::High);
    assert!(high.description.contains("`Allow` of `work`"), "{}", high.description);
    let critical =
        only_finding(&with_auditor_grants(read_scenario(), &["iam:*"]).result(), "over-privileged");
    assert_eq!(critical.severity, Severity::Critical);
    assert!(critical.description.contains("issue credentials"), "{}", critical.description);
}

#[test]
fn the_summary_states_what_policies_grant() {
    let result = with_auditor_grants(read_scenario(), &["ec2:RunInstances", "ec2:CreateTags"]).result();
    let said = &result.summary.statement;
    assert!(
        said.ends_with(&format!(" The policies of {AUDITOR} grant 2 actions that are not read-only.")),
        "{said}"
    );
    assert!(result.summary.key_findings.iter().any(|line| line.contains("could do more than read")));
    let none = with_auditor_grants(read_scenario(), &["ec2:Describe*"]).result();
    assert!(!none.summary.statement.contains("policies"));
}

#[test]
fn an_unused_grant_is_more_severe_if_it_is_not_read_only() {
    let severity = |actions: &[&str]| {
        only_finding(&with_auditor_grants(read_scenario(), actions).result(), "unused-grant").severity
    };
    assert_eq!(severity(&["ec2:DescribeInstances", "ec2:DescribeVpcs"]), Severity::Low);
    assert_eq!(severity(&["ec2:DescribeInstances", "ec2:RunInstances"]), Severity::Medium);
}

#[test]
fn unreadable_policies_are_a_finding_and_not_evidence() {
    let mut broken = snapshot("Auditor", json!([]));
    broken.identity_policies[0].text = "{".into();
    let result = read_scenario()
        .with(|scenario| scenario.policies.add(DatedSnapshot::always_in_force(broken)))
        .result();
    assert_eq!(only_finding(&result, "indeterminate-grant").subject, "malformed");
    let control = result.controls.iter().find(|control| control.id == "RO-9").unwrap();
    assert_eq!(control.state, ControlState::Fail);
}

#[test]
fn a_policy_control_needs_the_policies_of_every_watched_principal() {
    let state = |scenario: EvidenceScenario| {
        let result = scenario.result();
        let control = result.controls.iter().find(|control| control.id == "RO-9").unwrap();
        (control.state, control.evidence.clone())
    };
    let read = with_auditor_grants(read_scenario(), &["ec2:DescribeInstances"]);
    assert_eq!(state(read.clone()).0, ControlState::Pass);
    let another = read.with(|scenario| {
        scenario
            .config
            .watch
            .push(onlooker_core::config::Watch::new("arn:aws:iam::*:role/Inventory").unwrap());
    });
    assert_eq!(state(another.clone()).0, ControlState::NoEvidence, "no principal was seen for that promise");
    let seen = another.with(|scenario| {
        scenario.events.push(auditor_call("ListUsers").by_principal("Inventory").with_id(9))
    });
    let (unread, evidence) = state(seen.clone());
    assert_eq!(
        (unread, evidence.as_str()),
        (ControlState::NoEvidence, "the policies of 1 watched principal were not read")
    );
    let both = seen.with(|scenario| {
        scenario.policies.add(DatedSnapshot::always_in_force(snapshot(
            "Inventory",
            super::policies::allow(&["iam:ListUsers"]),
        )));
    });
    assert_eq!(state(both).0, ControlState::Pass);
}

#[test]
fn policies_apply_while_they_are_in_force() {
    let at = |hour: u32| Some(Time(START + hour * HOUR_SECONDS));
    let scenario = EvidenceScenario::of([
        auditor_call("DescribeInstances"),
        auditor_call("DescribeInstances").at_time(3, 0),
    ])
    .with(|scenario| {
        let old = snapshot("Auditor", super::policies::allow(&["ec2:RunInstances"]));
        let new = snapshot("Auditor", super::policies::allow(&["ec2:DescribeInstances"]));
        scenario.policies.add(DatedSnapshot { since: at(0), until: at(2), snapshot: old });
        scenario.policies.add(DatedSnapshot { since: at(2), until: None, snapshot: new });
    });
    let both = scenario.result();
    assert_eq!(matrix(&both, AUDITOR).policies.len(), 2);
    assert!(
        both.findings.iter().any(|one| one.id == "over-privileged"),
        "it was over-privileged for two hours"
    );
    let late = scenario.with(|scenario| scenario.period = (at(2), at(4))).result();
    assert_eq!(matrix(&late, AUDITOR).policies.len(), 1);
    assert!(late.findings.iter().all(|one| one.id != "over-privileged"));
}

#[test]
fn names_from_policies_are_truncated_and_escaped() {
    let long = "x".repeat(5_000);
    let sid = format!("`</b>{long}");
    let statements = json!([{"Sid": sid, "Effect": "Allow", "Action": ["ec2:RunInstances", format!("{long}:*")], "Resource": "*"}]);
    let result = read_scenario()
        .with(|scenario| {
            scenario.policies.add(DatedSnapshot::always_in_force(snapshot("Auditor", statements)))
        })
        .result();
    assert!(!result.findings.is_empty());
    for finding in &result.findings {
        assert!(finding.description.len() < 2_000, "{}", finding.description.len());
        assert!(!finding.description.contains("``"), "{}", finding.description);
    }
}

#[test]
fn accounts_named_only_in_policies_are_redacted_too() {
    let statements = json!([{
        "Effect": "Allow", "Action": ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction", "sts:AssumeRole"],
        "Resource": "arn:aws:iam::999988887777:role/Admin",
        "Condition": {"StringEquals": {"aws:PrincipalAccount": "121212121212"}},
    }, {"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": "arn:aws:iam::999988887777:user/*"}]);
    let scenario = read_scenario().with(|scenario| {
        scenario.policies.add(DatedSnapshot::always_in_force(snapshot("Auditor", statements)))
    });
    let plain = scenario.result();
    let hidden = scenario.with(|scenario| scenario.config.redaction.accounts = true).result();
    let text = |result: &ReportResult| serde_json::to_string(result).unwrap();
    for account in ["111122223333", "999988887777", "121212121212"] {
        assert!(!text(&hidden).contains(account), "{account}");
    }
    assert!(text(&plain).contains("111122223333"));
    let again =
        redact(plain, ReportRun::default(), &onlooker_core::config::Redaction::default(), &BTreeSet::new())
            .unwrap()
            .0;
    assert_eq!(Report::new(again, ReportRun::default()).unwrap().id.len(), 64);
}
