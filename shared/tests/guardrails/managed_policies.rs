//! Guardrails for whole policies.
//!
//! Enters: the policies in `tests/data`; and AWS managed policies, when `ONLOOKER_TEST_DATA` names the folder that holds
//! them. Leaves: nothing. Law: a guardrail keeps what was used, leaves nothing excessive, and fits into its quota.

use onlooker_core::guardrails::{Guardrail, GuardrailKind};
use test_support::test_data::TestData;

use super::scenario::GuardrailScenario;

fn policy(data: &TestData, name: &str) -> GuardrailScenario {
    GuardrailScenario::of_document(&data.policy_document(name))
}

fn within_limits(made: &Guardrail) {
    assert!(made.documents.iter().all(|document| document.characters <= document.limit));
    assert_eq!(made.proof.excessive_after, 0);
    assert_eq!(made.proof.used, made.proof.used_kept);
}

#[test]
fn a_policy_that_only_reads_has_every_guardrail() {
    let scenario = policy(&TestData::of_repository(), "Inventory");
    let scenario = scenario.using(&["ec2:DescribeInstances", "s3:ListAllMyBuckets", "iam:ListAccessKeys"]);
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp] {
        let made = scenario.build(kind);
        within_limits(&made);
        assert_eq!((made.proof.granted_before, made.proof.excessive_before), (13, 0), "{:?}", made.proof);
    }
}

#[test]
fn a_policy_that_grants_too_much_is_reduced() {
    for (name, used, granted, excessive) in [
        ("KeyRotator", ["iam:ListAccessKeys", "iam:CreateAccessKey"], 5, 3),
        ("BucketPolicyEditor", ["s3:GetBucketPolicy", "s3:PutBucketPolicy"], 4, 3),
        ("AnyCase", ["ec2:DescribeAddresses", "sns:Publish"], 3, 1),
    ] {
        let scenario = policy(&TestData::of_repository(), name).using(&used);
        for kind in [GuardrailKind::Boundary, GuardrailKind::Scp] {
            let made = scenario.build(kind);
            within_limits(&made);
            let counts = (made.proof.granted_before, made.proof.excessive_before);
            assert_eq!(counts, (granted, excessive), "{name}: {:?}", made.proof);
        }
    }
}

#[test]
fn read_only_access_has_a_boundary_and_a_service_control_policy() {
    let Some(data) = TestData::external("guardrails for `ReadOnlyAccess`") else { return };
    let scenario = policy(&data, "ReadOnlyAccess");
    let scenario = scenario.using(&["ec2:DescribeInstances", "s3:ListAllMyBuckets", "iam:ListUsers"]);
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp] {
        let made = scenario.build(kind);
        within_limits(&made);
        assert!(made.proof.granted_before > 6_000, "{:?}", made.proof);
        eprintln!("{}", made.proof.summary);
    }
}

#[test]
fn an_over_privileged_managed_policy_is_reduced() {
    let Some(data) = TestData::external("guardrails for administrators' policies") else { return };
    for name in ["SystemAdministrator", "DatabaseAdministrator", "NetworkAdministrator"] {
        let scenario = policy(&data, name).using(&["ec2:DescribeInstances", "cloudwatch:PutMetricAlarm"]);
        for kind in [GuardrailKind::Boundary, GuardrailKind::Scp] {
            let made = scenario.build(kind);
            within_limits(&made);
            assert!(made.proof.excessive_before > 50, "{:?}", made.proof);
        }
    }
}
