//! Text of a policy document, in every place a document can stand: no text panics, grants are in order and each action
//! is there once, and a decision that is granted is among the grants.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use onlooker_core::{catalog::Catalog, grants::{Context, Decision, Evaluator, Origin, Policy, Request, ResourcePolicy, Snapshot}};

static EVALUATOR: OnceLock<Evaluator<'static>> = OnceLock::new();

fuzz_target!(|texts: (&str, &str)| {
    let evaluator = EVALUATOR.get_or_init(|| Evaluator::new(Catalog::embedded()));
    let (text, other) = texts;
    let policy = |text: &str| Policy { name: "any".into(), origin: Origin::Given, text: text.into() };
    let bucket = "arn:aws:s3:::a";
    let snapshot = Snapshot {
        principal: "arn:aws:iam::111122223333:role/Auditor".into(),
        identity: vec![policy(text)],
        boundary: (other.len() % 2 == 1).then(|| policy(other)),
        service_control: (other.len() % 3 == 1).then(|| vec![vec![policy(other)]]),
        resource_control: (other.len() % 5 == 1).then(|| vec![vec![policy(other)]]),
        resources: vec![ResourcePolicy { resource: bucket.into(), policy: policy(other) }],
        trust: Some(policy(other)),
        ..Snapshot::default()
    };
    let grants = evaluator.grants(&snapshot);
    assert!(grants.held.is_sorted_by(|a, b| a.action.key < b.action.key));
    let context = Context::default();
    for action in ["s3:GetObject", "iam:PassRole"] {
        let request = Request { action, resource: "arn:aws:s3:::a/x", context: &context };
        if let Decision::Granted(_) = evaluator.decide(&snapshot, &request) {
            assert!(grants.get(action).is_some());
        }
    }
});
