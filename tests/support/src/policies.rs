//! Policies for the principals of evidence scenarios.

use onlooker_core::{
    grants::{DatedSnapshot, Policy, PolicyOrigin, PolicySnapshot},
    report::{AccessMatrix, MatrixRow, PrincipalSummary, ReportResult},
};
use serde_json::{Value, json};

use crate::events::{ACCOUNTS, EvidenceScenario};

pub const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";

/// A role of the first account with one inline policy of these statements.
pub fn snapshot(role: &str, statements: Value) -> PolicySnapshot {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    PolicySnapshot {
        principal: format!("arn:aws:iam::{}:role/{role}", ACCOUNTS[0]).into(),
        account: ACCOUNTS[0].into(),
        identity_policies: vec![Policy {
            name: "work".into(),
            origin: PolicyOrigin::Inline,
            text: text.into(),
        }],
        is_boundary_known: true,
        ..PolicySnapshot::default()
    }
}

/// An allow of these actions on everything.
pub fn allow(actions: &[&str]) -> Value {
    json!([{"Sid": "Allow", "Effect": "Allow", "Action": actions, "Resource": "*"}])
}

/// The scenario with policies in force that allow the auditor these actions.
pub fn with_auditor_grants(scenario: EvidenceScenario, actions: &[&str]) -> EvidenceScenario {
    scenario.with(|scenario| {
        scenario.policies.add(DatedSnapshot::always_in_force(snapshot("Auditor", allow(actions))))
    })
}

pub fn principal<'r>(result: &'r ReportResult, arn: &str) -> &'r PrincipalSummary {
    result.principals.iter().find(|one| &*one.arn == arn).unwrap()
}

pub fn matrix<'r>(result: &'r ReportResult, arn: &str) -> &'r AccessMatrix {
    principal(result, arn).matrix.as_ref().unwrap()
}

pub fn row<'r>(rows: &'r [MatrixRow], name: &str) -> &'r MatrixRow {
    rows.iter().find(|row| row.name == name).unwrap()
}
