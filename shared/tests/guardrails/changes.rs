//! What a guardrail takes away from the policies that are attached. Laws: kept, narrowed and removed actions are the
//! granted ones, each once; generated policies that are attached are in place; others are not.

use std::collections::BTreeSet;

use onlooker_core::{
    grants::{Policy, PolicyOrigin},
    guardrails::{Guardrail, GuardrailChanges, GuardrailKind},
};
use serde_json::json;

use super::scenario::GuardrailScenario;

const KINDS: [GuardrailKind; 3] = [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp];

fn scenario() -> GuardrailScenario {
    let mut scenario = GuardrailScenario::with(json!([
        { "Sid": "Reads", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*" },
        { "Effect": "Allow", "Action": ["sqs:*", "s3:PutObject"], "Resource": "arn:aws:sqs:*:111122223333:own" },
        { "Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*" },
    ]))
    .using(&["s3:GetObject", "sqs:GetQueueUrl"]);
    scenario.options.compare = true;
    scenario
}

fn changes(made: &Guardrail) -> &GuardrailChanges {
    made.changes.as_ref().expect("changes")
}

fn texts(keys: &BTreeSet<std::sync::Arc<str>>) -> Vec<&str> {
    keys.iter().map(|key| &**key).collect()
}

#[test]
fn an_allow_policy_takes_away_what_was_not_used() {
    let made = scenario().build(GuardrailKind::Allow);
    let changes = changes(&made);
    assert_eq!(texts(&changes.kept), ["s3:GetObject", "sqs:GetQueueUrl"]);
    assert!(changes.narrowed.is_empty() && changes.removed.contains("s3:ListBucket"));
    let [reads, queues] = &changes.statements[..] else { panic!("{:?}", changes.statements) };
    assert_eq!((&*reads.policy, reads.statement.as_str()), ("own", "Reads"));
    assert_eq!((texts(&reads.kept), texts(&reads.removed)), (vec!["s3:GetObject"], vec!["s3:ListBucket"]));
    assert_eq!((queues.statement.as_str(), texts(&queues.kept)), ("#2", vec!["sqs:GetQueueUrl"]));
    assert!(queues.removed.contains("sqs:SendMessage") && !queues.removed.contains("sqs:DeleteQueue"));
    assert!(!changes.is_in_place && !changes.objections.is_empty());
}

#[test]
fn every_granted_action_is_kept_narrowed_or_removed() {
    for kind in KINDS {
        let scenario = scenario().using_through("sqs:SendMessage", 1, &[]);
        let made = scenario.build(kind);
        let changes = changes(&made);
        let count = changes.kept.len() + changes.narrowed.len() + changes.removed.len();
        assert_eq!(count as u64, made.proof.granted_before, "{kind:?}");
        assert_eq!((changes.kept.len() + changes.narrowed.len()) as u64, made.proof.granted_after);
    }
}

#[test]
fn a_guardrail_that_is_attached_is_in_place() {
    for kind in KINDS {
        let mut attached = scenario();
        let made = attached.build(kind);
        assert!(!changes(&made).is_in_place, "{kind:?}");
        let policies: Vec<Policy> = made
            .documents
            .iter()
            .map(|one| Policy {
                name: one.name.as_str().into(),
                origin: PolicyOrigin::Attached,
                text: one.text.as_str().into(),
            })
            .collect();
        match kind {
            GuardrailKind::Allow => attached.snapshot.identity_policies = policies,
            GuardrailKind::Boundary => attached.snapshot.permissions_boundary = policies.into_iter().next(),
            GuardrailKind::Scp => {
                let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
                let full = Policy { name: "full".into(), origin: PolicyOrigin::Given, text: text.into() };
                attached.snapshot.service_control_policies =
                    Some(vec![policies.into_iter().chain([full]).collect()]);
            }
        }
        let again = attached.build(kind);
        assert!(changes(&again).is_in_place, "{kind:?}: {:?}", changes(&again).objections);
        assert!(changes(&again).removed.is_empty() || kind == GuardrailKind::Boundary, "{kind:?}");
    }
}

#[test]
fn a_policy_with_one_more_write_is_not_in_place() {
    let scenario = {
        let mut scenario = GuardrailScenario::with(json!([
            { "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*" },
        ]))
        .using(&["s3:GetObject"]);
        scenario.options.compare = true;
        scenario
    };
    let made = scenario.build(GuardrailKind::Allow);
    let said = &changes(&made).objections;
    assert!(said.iter().any(|one| one.contains("s3:PutObject is not read-only")), "{said:?}");
    assert_eq!(
        scenario.build(GuardrailKind::Boundary).changes.expect("changes").objections,
        ["no permissions boundary was given"]
    );
}

#[test]
fn changes_are_absent_unless_asked_for() {
    let mut scenario = scenario();
    scenario.options.compare = false;
    assert_eq!(scenario.build(GuardrailKind::Allow).changes, None);
}
