//! Guardrails for AWS managed policies.
//!
//! Enters: the folder named by `ONLOOKER_TEST_DATA`; without it the tests print that they were skipped.

use std::{fs, path::PathBuf};

use onlooker_core::guardrails::{Guardrail, GuardrailKind};
use serde_json::Value;

use super::scenario::GuardrailScenario;

fn policy(name: &str) -> Option<GuardrailScenario> {
    let Some(folder) = std::env::var_os("ONLOOKER_TEST_DATA") else {
        eprintln!("SKIPPED: ONLOOKER_TEST_DATA is not set, so no guardrail was made for `{name}`");
        return None;
    };
    let path = PathBuf::from(folder).join("policies").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).expect("a readable file");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    Some(GuardrailScenario::of_document(&value["document"]))
}

fn within_limits(made: &Guardrail) {
    assert!(made.documents.iter().all(|document| document.characters <= document.limit));
    assert_eq!(made.proof.excessive_after, 0);
    assert_eq!(made.proof.used, made.proof.used_kept);
}

#[test]
fn read_only_access_has_a_boundary_and_a_service_control_policy() {
    let Some(scenario) = policy("ReadOnlyAccess") else { return };
    let scenario = scenario.using(&["ec2:DescribeInstances", "s3:ListAllMyBuckets", "iam:ListUsers"]);
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp] {
        let made = scenario.build(kind);
        within_limits(&made);
        assert!(made.proof.granted_before > 6_000, "{:?}", made.proof);
        eprintln!("{}", made.proof.summary);
    }
}

#[test]
fn an_over_privileged_policy_is_reduced() {
    for name in ["SystemAdministrator", "DatabaseAdministrator", "NetworkAdministrator"] {
        let Some(scenario) = policy(name) else { return };
        let scenario = scenario.using(&["ec2:DescribeInstances", "cloudwatch:PutMetricAlarm"]);
        for kind in [GuardrailKind::Boundary, GuardrailKind::Scp] {
            let made = scenario.build(kind);
            within_limits(&made);
            assert!(made.proof.excessive_before > 50, "{:?}", made.proof);
        }
    }
}
