//! The rows of the matrix: which calls and grants each row counts.

use onlooker_core::{
    event::{Event, Outcome},
    permissions::OverallStatus,
    record::RequestFeatures,
    report::{Behavior, MatrixRow, MatrixRowKind},
};

use super::{
    events::{EventExt as _, EvidenceScenario, auditor_call, override_ending},
    policies::{AUDITOR, matrix, principal, row, with_auditor_grants},
};

/// Denied, failed and used.
fn call_counts(row: &MatrixRow) -> [u64; 3] {
    [row.denied, row.failed, row.used]
}

#[test]
fn capability_rows_are_the_same_for_every_principal() {
    let result = EvidenceScenario::of([auditor_call("DescribeInstances")]).result();
    let rows = &matrix(&result, AUDITOR).capabilities;
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "read",
            "read_data",
            "read_secrets",
            "issue_credentials",
            "run_code",
            "expose_resource",
            "privilege_escalation",
            "mutate",
            "incur_cost",
            "privileged",
            "unknown",
        ]
    );
    assert_eq!(rows[0].kind, Some(MatrixRowKind::Read));
    assert_eq!(rows[10].kind, Some(MatrixRowKind::Unknown));
    assert!(rows.iter().all(|row| row.granted.is_none()), "no policies were read");
}

#[test]
fn a_call_counts_in_its_row_by_outcome() {
    let result = EvidenceScenario::of([
        auditor_call("DescribeInstances"),
        auditor_call("DescribeInstances").with_outcome(Outcome::Denied),
        auditor_call("CreateAccessKey").with_outcome(Outcome::Denied),
        auditor_call("RunInstances"),
        auditor_call("RunInstances").with_outcome(Outcome::Failed),
        auditor_call("GetSecretValue"),
        auditor_call("Frobnicate"),
    ])
    .result();
    let matrix = matrix(&result, AUDITOR);
    let by = |name| call_counts(row(&matrix.capabilities, name));
    assert_eq!(by("read"), [1, 0, 1]);
    assert_eq!(by("mutate"), [1, 1, 1]);
    assert_eq!(by("issue_credentials"), [1, 0, 0]);
    assert_eq!(by("read_secrets")[2], 1);
    assert_eq!(by("unknown"), [0, 0, 1]);
    assert_eq!(call_counts(row(&matrix.services, "ec2")), [1, 1, 2]);
    assert_eq!(call_counts(row(&matrix.services, "iam")), [1, 0, 0]);
}

#[test]
fn an_overridden_call_is_still_not_read_only() {
    let scenario = EvidenceScenario::of([auditor_call("RunInstances"), auditor_call("AssumeRole")])
        .with(|scenario| {
            scenario.config.overrides.push(override_ending("one", "ec2:RunInstances", 100_000));
            scenario.config.overrides.push(override_ending("two", "sts:AssumeRole", 100_000));
        })
        .result();
    let matrix = matrix(&scenario, AUDITOR);
    assert_eq!(call_counts(row(&matrix.capabilities, "read")), [0; 3]);
    assert_eq!(row(&matrix.capabilities, "mutate").used, 1);
    assert_eq!(row(&matrix.capabilities, "issue_credentials").used, 1);
}

#[test]
fn granted_and_used_are_in_the_same_row() {
    let scenario = EvidenceScenario::of([
        auditor_call("DescribeInstances"),
        auditor_call("RunInstances").with_outcome(Outcome::Denied),
    ]);
    let actions = ["ec2:DescribeInstances", "ec2:DescribeVpcs", "iam:CreateAccessKey", "s3:ListAllMyBuckets"];
    let result = with_auditor_grants(scenario, &actions).result();
    let matrix = matrix(&result, AUDITOR);
    let granted = |name: &str| row(&matrix.capabilities, name).granted.as_ref().unwrap().unconditional;
    assert_eq!((granted("read"), granted("mutate"), granted("issue_credentials")), (3, 1, 1));
    assert_eq!(row(&matrix.services, "iam").granted.as_ref().unwrap().unconditional, 1);
    assert!(
        matrix.services.iter().all(|row| row.name != "s3"),
        "only reads of it are granted, and none was used"
    );
    assert_eq!((matrix.unused_read_services.services, matrix.unused_read_services.actions), (1, 1));
    let unused: Vec<(&str, u64, u64)> =
        matrix.unused_services.iter().map(|one| (one.service.as_str(), one.actions, one.excessive)).collect();
    assert_eq!(unused, [("iam", 1, 1), ("ec2", 1, 0)]);
    assert_eq!(matrix.overall_status, Some(OverallStatus::OverPrivileged));
    assert_eq!((matrix.policies.len(), matrix.observed_hours), (1, 1));
}

#[test]
fn a_used_action_that_no_policy_grants_is_reported() {
    let scenario = EvidenceScenario::of([
        auditor_call("ListUsers"),
        auditor_call("GetObject"),
        auditor_call("DescribeInstances"),
    ]);
    let result = with_auditor_grants(scenario, &["ec2:Describe*"]).result();
    let operations: Vec<&str> =
        matrix(&result, AUDITOR).ungranted_operations.iter().map(|one| one.operation.as_str()).collect();
    assert_eq!(operations, ["iam:ListUsers", "s3:GetObject"]);
}

#[test]
fn the_request_chooses_which_granted_action_was_used() {
    let read_of_version = || {
        let mut event = auditor_call("GetObject");
        event.call_key.request_features = RequestFeatures::VERSION;
        event
    };
    let unused = |actions: &[&str], events: Vec<Event>| -> (Vec<String>, usize) {
        let result = with_auditor_grants(EvidenceScenario::of(events), actions).result();
        let matrix = matrix(&result, AUDITOR);
        let unused = matrix.unused_services.iter().flat_map(|one| &one.examples);
        (unused.map(ToString::to_string).collect(), matrix.ungranted_operations.len())
    };
    let both = ["s3:GetObject", "s3:GetObjectVersion"];
    assert_eq!(unused(&both, vec![read_of_version()]), (vec!["s3:GetObject".to_owned()], 0));
    assert_eq!(unused(&both, vec![auditor_call("GetObject")]), (vec!["s3:GetObjectVersion".to_owned()], 0));
    assert_eq!(unused(&both, vec![auditor_call("GetObject"), read_of_version()]), (Vec::new(), 0));
    assert_eq!(unused(&["s3:GetObjectVersion"], vec![read_of_version()]).1, 0);
    assert_eq!(unused(&["s3:GetObject"], vec![read_of_version()]).1, 1);
}

#[test]
fn an_unobserved_principal_has_a_matrix_if_its_policies_were_read() {
    let scenario = EvidenceScenario::of([auditor_call("DescribeInstances").by_principal("Builder")]);
    let result = with_auditor_grants(scenario, &["s3:PutObject"]).result();
    let unseen = principal(&result, AUDITOR);
    assert_eq!(unseen.behavior, Behavior::NotSeen);
    let matrix = unseen.matrix.as_ref().unwrap();
    assert_eq!(row(&matrix.services, "s3").granted.as_ref().unwrap().unconditional, 1);
    assert!(result.findings.iter().any(|one| one.id == "principal-not-seen"));
    assert!(result.principals.iter().any(|one| &*one.arn == "arn:aws:iam::*:role/Auditor"));
}
