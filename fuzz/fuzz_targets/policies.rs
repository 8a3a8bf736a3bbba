//! Enters: text of a policy document, used as every kind of policy. Law: no text panics; grants are sorted and list
//! each action once; an action that a decision allows is among the grants.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use onlooker_core::{catalog::Catalog, grants::{AuthorizationRequest, Decision, Evaluator, Policy, PolicyOrigin, PolicySnapshot, RequestContext, ResourceBasedPolicy}};

static EVALUATOR: OnceLock<Evaluator<'static>> = OnceLock::new();

fuzz_target!(|texts: (&str, &str)| {
    let evaluator = EVALUATOR.get_or_init(|| Evaluator::new(Catalog::embedded()));
    let (text, other) = texts;
    let policy = |text: &str| Policy { name: "any".into(), origin: PolicyOrigin::Given, text: text.into() };
    let bucket = "arn:aws:s3:::a";
    let snapshot = PolicySnapshot {
        principal: "arn:aws:iam::111122223333:role/Auditor".into(),
        identity_policies: vec![policy(text)],
        permissions_boundary: (other.len() % 2 == 1).then(|| policy(other)),
        service_control_policies: (other.len() % 3 == 1).then(|| vec![vec![policy(other)]]),
        resource_control_policies: (other.len() % 5 == 1).then(|| vec![vec![policy(other)]]),
        resource_based_policies: vec![ResourceBasedPolicy { resource: bucket.into(), policy: policy(other) }],
        trust_policy: Some(policy(other)),
        ..PolicySnapshot::default()
    };
    let grants = evaluator.grants(&snapshot);
    assert!(grants.entries.is_sorted_by(|a, b| a.action.key < b.action.key));
    let context = RequestContext::default();
    for action in ["s3:GetObject", "iam:PassRole"] {
        let request = AuthorizationRequest { action, resource: "arn:aws:s3:::a/x", context: &context };
        if let Decision::Allowed(_) = evaluator.decide(&snapshot, &request) {
            assert!(grants.get(action).is_some());
        }
    }
});
