//! What findings, controls and the summary make of policies.

use onlooker_core::{
    controls::ControlState,
    finding::Severity,
    grants::DatedSnapshot,
    report::{Report, ReportResult, ReportRun, redact},
    time::{HOUR_SECONDS, Time},
};
use serde_json::json;

use super::{
    events::{But as _, START, Scene, made},
    policies::{AUDITOR, auditor_may, matrix, snapshot},
};

fn one(result: &ReportResult, rule: &str) -> onlooker_core::finding::Finding {
    let found: Vec<_> = result.findings.iter().filter(|one| one.id == rule).collect();
    let [found] = &*found else { panic!("{rule}: {found:#?}") };
    (*found).clone()
}

fn reading() -> Scene {
    Scene::of([made("DescribeInstances")])
}

#[test]
fn over_privilege_is_as_grave_as_what_it_allows_and_says_by_which_statement() {
    let high = one(&auditor_may(reading(), &["ec2:RunInstances"]).result(), "over-privileged");
    assert_eq!(high.severity, Severity::High);
    assert!(high.description.contains("`Allow` of `work`"), "{}", high.description);
    let critical = one(&auditor_may(reading(), &["iam:*"]).result(), "over-privileged");
    assert_eq!(critical.severity, Severity::Critical);
    assert!(critical.description.contains("mint credentials"), "{}", critical.description);
}

#[test]
fn the_summary_says_what_policies_would_have_let_happen() {
    let result = auditor_may(reading(), &["ec2:RunInstances", "ec2:CreateTags"]).result();
    let said = &result.summary.statement;
    assert!(
        said.ends_with(&format!(
            " The policies of {AUDITOR} would have let it do more: 2 actions that are no reads."
        )),
        "{said}"
    );
    assert!(result.summary.key_findings.iter().any(|line| line.contains("could do more than read")));
    let none = auditor_may(reading(), &["ec2:Describe*"]).result();
    assert!(!none.summary.statement.contains("policies"));
}

#[test]
fn a_grant_nobody_used_is_graver_when_it_is_no_read() {
    let severity = |actions: &[&str]| one(&auditor_may(reading(), actions).result(), "unused-grant").severity;
    assert_eq!(severity(&["ec2:DescribeInstances", "ec2:DescribeVpcs"]), Severity::Low);
    assert_eq!(severity(&["ec2:DescribeInstances", "ec2:RunInstances"]), Severity::Medium);
}

#[test]
fn policies_nobody_can_read_are_found_and_prove_nothing() {
    let mut broken = snapshot("Auditor", json!([]));
    broken.identity_policies[0].text = "{".into();
    let result = reading().with(|scene| scene.policies.add(DatedSnapshot::always_in_force(broken))).result();
    assert_eq!(one(&result, "indeterminate-grant").subject, "malformed");
    let control = result.controls.iter().find(|control| control.id == "RO-9").unwrap();
    assert_eq!(control.state, ControlState::Fail);
}

#[test]
fn a_control_about_policies_needs_those_of_everybody_watched() {
    let state = |scene: Scene| {
        let result = scene.result();
        let control = result.controls.iter().find(|control| control.id == "RO-9").unwrap();
        (control.state, control.evidence.clone())
    };
    let read = auditor_may(reading(), &["ec2:DescribeInstances"]);
    assert_eq!(state(read.clone()).0, ControlState::Pass);
    let another = read.with(|scene| {
        scene.config.watch.push(onlooker_core::config::Watch::new("arn:aws:iam::*:role/Inventory").unwrap());
    });
    assert_eq!(state(another.clone()).0, ControlState::NoEvidence, "nobody was seen for that promise");
    let seen = another.with(|scene| scene.events.push(made("ListUsers").by("Inventory").numbered(9)));
    let (unread, evidence) = state(seen.clone());
    assert_eq!(
        (unread, evidence.as_str()),
        (ControlState::NoEvidence, "policies of 1 watched principals were not read")
    );
    let both = seen.with(|scene| {
        scene.policies.add(DatedSnapshot::always_in_force(snapshot(
            "Inventory",
            super::policies::allow(&["iam:ListUsers"]),
        )));
    });
    assert_eq!(state(both).0, ControlState::Pass);
}

#[test]
fn policies_count_while_they_were_in_force() {
    let at = |hour: u32| Some(Time(START + hour * HOUR_SECONDS));
    let scene = Scene::of([made("DescribeInstances"), made("DescribeInstances").at(3, 0)]).with(|scene| {
        let old = snapshot("Auditor", super::policies::allow(&["ec2:RunInstances"]));
        let new = snapshot("Auditor", super::policies::allow(&["ec2:DescribeInstances"]));
        scene.policies.add(DatedSnapshot { since: at(0), until: at(2), snapshot: old });
        scene.policies.add(DatedSnapshot { since: at(2), until: None, snapshot: new });
    });
    let both = scene.result();
    assert_eq!(matrix(&both, AUDITOR).policies.len(), 2);
    assert!(both.findings.iter().any(|one| one.id == "over-privileged"), "for two hours it was");
    let late = scene.with(|scene| scene.period = (at(2), at(4))).result();
    assert_eq!(matrix(&late, AUDITOR).policies.len(), 1);
    assert!(late.findings.iter().all(|one| one.id != "over-privileged"));
}

#[test]
fn names_out_of_policies_are_cut_and_cannot_end_their_quotes() {
    let long = "x".repeat(5_000);
    let sid = format!("`</b>{long}");
    let statements = json!([{"Sid": sid, "Effect": "Allow", "Action": ["ec2:RunInstances", format!("{long}:*")], "Resource": "*"}]);
    let result = reading()
        .with(|scene| scene.policies.add(DatedSnapshot::always_in_force(snapshot("Auditor", statements))))
        .result();
    assert!(!result.findings.is_empty());
    for finding in &result.findings {
        assert!(finding.description.len() < 2_000, "{}", finding.description.len());
        assert!(!finding.description.contains("``"), "{}", finding.description);
    }
}

#[test]
fn accounts_that_only_policies_name_are_hidden_too() {
    let statements = json!([{
        "Effect": "Allow", "Action": ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction", "sts:AssumeRole"],
        "Resource": "arn:aws:iam::999988887777:role/Admin",
        "Condition": {"StringEquals": {"aws:PrincipalAccount": "121212121212"}},
    }, {"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": "arn:aws:iam::999988887777:user/*"}]);
    let scene = reading()
        .with(|scene| scene.policies.add(DatedSnapshot::always_in_force(snapshot("Auditor", statements))));
    let plain = scene.result();
    let hidden = scene.with(|scene| scene.config.redaction.accounts = true).result();
    let text = |result: &ReportResult| serde_json::to_string(result).unwrap();
    for account in ["111122223333", "999988887777", "121212121212"] {
        assert!(!text(&hidden).contains(account), "{account}");
    }
    assert!(text(&plain).contains("111122223333"));
    let again = redact(plain, ReportRun::default(), &onlooker_core::config::Redaction::default()).unwrap().0;
    assert_eq!(Report::new(again, ReportRun::default()).unwrap().id.len(), 64);
}
