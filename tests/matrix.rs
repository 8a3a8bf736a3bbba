//! The real binary over trails and the account's authorization details.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use fixture::{ACCOUNT, TestDirectory, WATCH_AUDITOR};
use onlooker_core::{
    controls::ControlState,
    permissions::OverallStatus,
    report::{AccessMatrix, Report},
    score::Status,
};
use serde_json::{Value, json};

/// What `aws iam get-account-authorization-details` prints for an account with an auditor that is allowed these
/// actions.
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

/// Sweeps the compliant trail with policies that allow these actions.
fn sweep(directory: &TestDirectory, actions: &[&str]) -> Report {
    directory.write("iam.json", details(actions));
    let given = ["--authorization-details", "iam.json"];
    directory
        .run(&[&["sweep", "logs", "--no-state", "--json", WATCH_AUDITOR], &given[..]].concat())
        .assert_exit_code(0)
        .report()
}

#[test]
fn policies_add_granted_access_and_do_not_change_the_status() {
    let directory = TestDirectory::with_compliant_trail();
    let without =
        directory.run(&["sweep", "logs", "--no-state", "--json", WATCH_AUDITOR]).assert_exit_code(0).report();
    assert!(matrix(&without).capabilities.iter().all(|row| row.granted.is_none()));
    let report = sweep(&directory, &["ec2:*", "iam:CreateAccessKey"]);
    assert_eq!(report.result.status(), Some(Status::Compliant));
    assert_eq!(report.result.compliance, without.result.compliance);
    assert_eq!(report.result.risk, without.result.risk);
    assert_ne!(report.id, without.id, "a report on other policies is another report");
    let matrix = matrix(&report);
    assert_eq!(matrix.overall_status, Some(OverallStatus::OverPrivileged));
    let granted = |name: &str| {
        let row = matrix.capabilities.iter().find(|row| row.name == name).expect("a row");
        row.granted.as_ref().map_or(0, |count| count.unconditional)
    };
    assert!(granted("mutate") > 100 && granted("issue_credentials") >= 1);
    let found = |rule: &str| report.result.findings.iter().any(|one| one.id == rule);
    assert!(found("over-privileged") && found("can-issue-credentials") && found("unused-grant"));
    let control = report.result.controls.iter().find(|one| one.id == "RO-9").expect("a control");
    assert_eq!(control.state, ControlState::Fail);
}

#[test]
fn a_read_only_principal_passes_the_policy_controls() {
    let directory = TestDirectory::with_compliant_trail();
    let report =
        sweep(&directory, &["ec2:DescribeInstances", "s3:ListAllMyBuckets", "sts:GetCallerIdentity"]);
    let control = report.result.controls.iter().find(|one| one.id == "RO-9").expect("a control");
    assert_eq!(control.state, ControlState::Pass, "{:#?}", report.result.findings);
}

#[test]
fn the_same_policies_in_another_order_and_file_give_the_same_report() {
    let directory = TestDirectory::with_compliant_trail();
    let one = sweep(&directory, &["ec2:*", "iam:CreateAccessKey"]);
    directory.write("again.json", details(&["ec2:*", "iam:CreateAccessKey"]));
    let files = ["--authorization-details", "again.json", "--authorization-details", "iam.json"];
    let two =
        directory.run(&[&["sweep", "logs", "--no-state", "--json", WATCH_AUDITOR], &files[..]].concat());
    assert_eq!(matrix(&two.assert_exit_code(0).report()).capabilities, matrix(&one).capabilities);
    assert_eq!(sweep(&directory, &["ec2:*", "iam:CreateAccessKey"]).id, one.id);
}

#[test]
fn a_report_over_stored_evidence_accepts_policies() {
    let directory = TestDirectory::with_compliant_trail();
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    directory.write("iam.json", details(&["ec2:RunInstances"]));
    directory.write(
        "onlooker.toml",
        format!(
            "{}[[watch]]\nprincipal = \"arn:aws:iam::*:role/Auditor\"\n",
            fixture::MANAGEMENT_ONLY_CONFIG
        ),
    );
    let report = directory
        .run(&["report", "--authorization-details", "iam.json", "--json"])
        .assert_exit_code(0)
        .report();
    assert_eq!(matrix(&report).policies.len(), 1);
    directory.run(&["report", "--list", "--authorization-details", "iam.json"]).assert_exit_code(2);
}

#[test]
fn a_file_that_is_not_authorization_details_is_refused_and_named() {
    let directory = TestDirectory::with_compliant_trail();
    for (name, text) in [("empty.json", ""), ("other.json", "{}"), ("cut.json", "{\"RoleDetailList\": [")] {
        directory.write(name, text);
        let ran =
            directory.run(&["sweep", "logs", "--no-state", WATCH_AUDITOR, "--authorization-details", name]);
        ran.assert_exit_code(2).assert_stderr(&[name, "get-account-authorization-details"]);
    }
    directory
        .run(&["sweep", "logs", "--no-state", WATCH_AUDITOR, "--authorization-details", "none.json"])
        .assert_exit_code(2)
        .assert_stderr(&["none.json"]);
}
