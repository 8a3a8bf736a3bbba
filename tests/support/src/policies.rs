//! Policies for principals of the scenes.

use onlooker_core::{
    grants::{Held, Origin, Policy, Snapshot},
    report::{Matrix, MatrixRow, PrincipalSummary, ReportResult},
};
use serde_json::{Value, json};

use crate::events::{ACCOUNTS, Scene};

pub const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";

/// A role of the first account with one inline policy of these statements.
pub fn snapshot(role: &str, statements: Value) -> Snapshot {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Snapshot {
        principal: format!("arn:aws:iam::{}:role/{role}", ACCOUNTS[0]).into(),
        account: ACCOUNTS[0].into(),
        identity: vec![Policy { name: "work".into(), origin: Origin::Inline, text: text.into() }],
        boundary_read: true,
        ..Snapshot::default()
    }
}

/// An allow of these actions on everything.
pub fn allow(actions: &[&str]) -> Value {
    json!([{"Sid": "Allow", "Effect": "Allow", "Action": actions, "Resource": "*"}])
}

/// The scene with the auditor's policies in force.
pub fn auditor_may(scene: Scene, actions: &[&str]) -> Scene {
    scene.with(|scene| scene.policies.add(Held::always(snapshot("Auditor", allow(actions)))))
}

pub fn principal<'r>(result: &'r ReportResult, arn: &str) -> &'r PrincipalSummary {
    result.principals.iter().find(|one| &*one.arn == arn).unwrap()
}

pub fn matrix<'r>(result: &'r ReportResult, arn: &str) -> &'r Matrix {
    principal(result, arn).matrix.as_ref().unwrap()
}

pub fn row<'r>(rows: &'r [MatrixRow], name: &str) -> &'r MatrixRow {
    rows.iter().find(|row| row.name == name).unwrap()
}
