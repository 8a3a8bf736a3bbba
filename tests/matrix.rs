//! The real binary over trails and what IAM says of the account.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod trail;

use onlooker_core::{
    controls::ControlState,
    permissions::OverallStatus,
    report::{AccessMatrix, Report},
    score::Status,
};
use serde_json::{Value, json};
use trail::{ACCOUNT, AUDITOR, Workplace};

/// What `aws iam get-account-authorization-details` prints of an account with an auditor who may do this.
fn details(actions: &[&str]) -> String {
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Work", "Effect": "Allow", "Action": actions, "Resource": "*"},
    ]});
    role(document).to_string()
}

fn role(document: Value) -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": []});
    json!({
        "UserDetailList": [], "GroupDetailList": [], "Policies": [],
        "RoleDetailList": [{
            "Path": "/", "RoleName": "Auditor", "RoleId": "AROAEXAMPLE",
            "Arn": format!("arn:aws:iam::{ACCOUNT}:role/Auditor"), "CreateDate": "2026-01-01T00:00:00Z",
            "AssumeRolePolicyDocument": trust,
            "RolePolicyList": [{"PolicyName": "work", "PolicyDocument": document}],
            "AttachedManagedPolicies": [], "InstanceProfileList": [], "Tags": [],
        }],
    })
}

fn matrix(report: &Report) -> &AccessMatrix {
    let auditor = report.result.principals.iter().find(|one| one.arn.ends_with(":role/Auditor"));
    auditor.and_then(|one| one.matrix.as_ref()).expect("a matrix")
}

/// Sweeps the kept promise by what IAM says.
fn swept(place: &Workplace, actions: &[&str]) -> Report {
    place.write("iam.json", details(actions));
    let given = ["--authorization-details", "iam.json"];
    place.run(&[&["sweep", "logs", "--no-state", "--json", AUDITOR], &given[..]].concat()).ends(0).report()
}

#[test]
fn policies_show_what_could_be_done_and_leave_the_status_as_it_is() {
    let place = Workplace::proven();
    let without = place.run(&["sweep", "logs", "--no-state", "--json", AUDITOR]).ends(0).report();
    assert!(matrix(&without).capabilities.iter().all(|row| row.granted.is_none()));
    let report = swept(&place, &["ec2:*", "iam:CreateAccessKey"]);
    assert_eq!(report.result.status(), Some(Status::Compliant));
    assert_eq!(report.result.compliance, without.result.compliance);
    assert_eq!(report.result.risk, without.result.risk);
    assert_ne!(report.id, without.id, "a report on other policies is another report");
    let matrix = matrix(&report);
    assert_eq!(matrix.overall_status, Some(OverallStatus::OverPrivileged));
    let could = |name: &str| {
        let row = matrix.capabilities.iter().find(|row| row.name == name).expect("a row");
        row.granted.as_ref().map_or(0, |count| count.unconditional)
    };
    assert!(could("mutate") > 100 && could("issue_credentials") >= 1);
    let found = |rule: &str| report.result.findings.iter().any(|one| one.id == rule);
    assert!(found("over-privileged") && found("can-issue-credentials") && found("unused-grant"));
    let control = report.result.controls.iter().find(|one| one.id == "RO-9").expect("a control");
    assert_eq!(control.state, ControlState::Fail);
}

#[test]
fn a_principal_that_can_only_read_passes_the_controls_about_policies() {
    let place = Workplace::proven();
    let report = swept(&place, &["ec2:DescribeInstances", "s3:ListAllMyBuckets", "sts:GetCallerIdentity"]);
    let control = report.result.controls.iter().find(|one| one.id == "RO-9").expect("a control");
    assert_eq!(control.state, ControlState::Pass, "{:#?}", report.result.findings);
}

#[test]
fn the_same_policies_in_another_order_and_file_give_the_same_report() {
    let place = Workplace::proven();
    let one = swept(&place, &["ec2:*", "iam:CreateAccessKey"]);
    place.write("again.json", details(&["ec2:*", "iam:CreateAccessKey"]));
    let files = ["--authorization-details", "again.json", "--authorization-details", "iam.json"];
    let two = place.run(&[&["sweep", "logs", "--no-state", "--json", AUDITOR], &files[..]].concat());
    assert_eq!(matrix(&two.ends(0).report()).capabilities, matrix(&one).capabilities);
    assert_eq!(swept(&place, &["ec2:*", "iam:CreateAccessKey"]).id, one.id);
}

#[test]
fn a_report_over_kept_evidence_takes_policies_too() {
    let place = Workplace::proven();
    place.run(&["sweep", "logs", AUDITOR]).ends(0);
    place.write("iam.json", details(&["ec2:RunInstances"]));
    place.write(
        "onlooker.toml",
        format!("{}[[watch]]\nprincipal = \"arn:aws:iam::*:role/Auditor\"\n", trail::MANAGEMENT),
    );
    let report = place.run(&["report", "--authorization-details", "iam.json", "--json"]).ends(0).report();
    assert_eq!(matrix(&report).policies.len(), 1);
    place.run(&["report", "--list", "--authorization-details", "iam.json"]).ends(2);
}

#[test]
fn a_file_that_is_no_such_output_is_refused_and_named() {
    let place = Workplace::proven();
    for (name, text) in [("empty.json", ""), ("other.json", "{}"), ("cut.json", "{\"RoleDetailList\": [")] {
        place.write(name, text);
        let ran = place.run(&["sweep", "logs", "--no-state", AUDITOR, "--authorization-details", name]);
        ran.ends(2).says(&[name, "get-account-authorization-details"]);
    }
    place
        .run(&["sweep", "logs", "--no-state", AUDITOR, "--authorization-details", "none.json"])
        .ends(2)
        .says(&["none.json"]);
}
