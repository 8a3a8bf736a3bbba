//! Altered guardrail documents. Law: the proof rejects each alteration with an objection that names it.

use onlooker_core::{
    catalog::Catalog,
    grants::Evaluator,
    guardrails::{Guardrail, GuardrailDocument, GuardrailDraft, GuardrailKind, GuardrailPlan, prove},
};
use serde_json::{Value, json};

use super::scenario::GuardrailScenario;

fn scenario() -> GuardrailScenario {
    GuardrailScenario::with(json!([
        { "Effect": "Allow", "Action": ["s3:*", "ec2:*", "iam:*"], "Resource": "*" },
        { "Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:111122223333:own" },
    ]))
    .using(&["s3:GetObject", "ec2:DescribeInstances", "sqs:GetQueueUrl"])
}

/// The objections to a guardrail with changed documents.
fn objections_to(made: &Guardrail, change: impl Fn(&mut Value)) -> Vec<String> {
    let mut documents = made.documents.clone();
    for document in &mut documents {
        let mut value: Value = serde_json::from_str(&document.text).expect("JSON");
        change(&mut value);
        *document = hashed(document, value.to_string());
    }
    objections_to_documents(made, documents)
}

/// The document with another text, and the hash and size of that text.
fn hashed(document: &GuardrailDocument, text: String) -> GuardrailDocument {
    let sha256 = onlooker_core::hex::hex(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()));
    GuardrailDocument { characters: text.len(), sha256, text, ..document.clone() }
}

fn objections_to_documents(made: &Guardrail, documents: Vec<GuardrailDocument>) -> Vec<String> {
    let (scenario, evaluator) = (scenario(), Evaluator::new(Catalog::embedded()));
    let request = scenario.request(&evaluator);
    let plan = GuardrailPlan::of(request);
    // The draft allows every action: one that is not read-only, was not granted or is wider is an objection all the
    // same.
    let wanted = plan.current_grants.entries.iter().map(|grant| grant.action.key.clone()).collect();
    let draft = GuardrailDraft {
        documents,
        allowed_actions: wanted,
        covers_future_policies: made.proof.covers_future_policies,
        ..GuardrailDraft::default()
    };
    prove(made.kind, request, &plan, &draft).err().map(|error| error.objections).unwrap_or_default()
}

#[test]
fn unchanged_documents_verify() {
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp] {
        assert_eq!(objections_to(&scenario().build(kind), |_| ()), Vec::<String>::new(), "{kind:?}");
    }
}

#[track_caller]
fn assert_objection(kind: GuardrailKind, word: &str, change: impl Fn(&mut Value)) {
    let said = objections_to(&scenario().build(kind), change);
    assert!(said.iter().any(|one| one.contains(word)), "{said:#?}");
}

#[test]
fn an_added_write_is_found() {
    let add = |key: &'static str, action: &'static str| {
        move |document: &mut Value| {
            document["Statement"][0][key].as_array_mut().expect("a list").push(action.into());
        }
    };
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary] {
        assert_objection(kind, "s3:PutObject is not read-only", add("Action", "s3:PutObject"));
        assert_objection(kind, "is not read-only", add("Action", "s3:*"));
        assert_objection(kind, "is not read-only", add("Action", "*"));
    }
    assert_objection(GuardrailKind::Scp, "s3:PutObject is not read-only", add("NotAction", "s3:PutObject"));
    assert_objection(
        GuardrailKind::Boundary,
        "kms:Decrypt is not read-only and would not be denied",
        add("Action", "kms:Decrypt"),
    );
}

#[test]
fn a_removed_read_is_found() {
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp] {
        assert_objection(kind, "was used", |document| {
            let key =
                if document["Statement"][0].get("NotAction").is_some() { "NotAction" } else { "Action" };
            let count = document["Statement"].as_array().expect("a list").len();
            for n in 0..count {
                let list = document["Statement"][n][key].as_array_mut().expect("a list");
                list.retain(|action| !action.as_str().expect("text").starts_with("ec2:"));
            }
        });
    }
}

#[test]
fn widened_resources_and_conditions_are_found() {
    assert_objection(GuardrailKind::Allow, "sqs:GetQueueUrl would be granted on *", |document| {
        for statement in document["Statement"].as_array_mut().expect("a list") {
            statement["Resource"] = "*".into();
        }
    });
}

#[test]
fn an_ineffective_deny_is_found() {
    assert_objection(GuardrailKind::Scp, "is not read-only", |document| {
        document["Statement"][0]["Effect"] = "Allow".into()
    });
    assert_objection(GuardrailKind::Scp, "is not read-only", |document| {
        document["Statement"][0]["Condition"]["ArnLike"]["aws:PrincipalArn"] =
            "arn:aws:iam::*:role/Other".into();
    });
}

#[test]
fn an_invalid_oversized_or_altered_document_is_found() {
    let made = scenario().build(GuardrailKind::Boundary);
    let broken = hashed(&made.documents[0], "{".to_owned());
    assert!(!objections_to_documents(&made, vec![broken]).is_empty());
    let padded = made.documents[0].text.replace("OnlookerReads", &"x".repeat(7_000));
    let said = objections_to_documents(&made, vec![hashed(&made.documents[0], padded)]);
    assert!(said.iter().any(|one| one.contains("characters of 6144")), "{said:?}");
    let mut other = made.documents[0].clone();
    other.text.push(' ');
    assert!(objections_to_documents(&made, vec![other]).iter().any(|one| one.contains("hash")));
    assert!(!objections_to_documents(&made, Vec::new()).is_empty());
    let twice = vec![made.documents[0].clone(), made.documents[0].clone()];
    assert!(objections_to_documents(&made, twice).iter().any(|one| one.contains("2 policy documents")));
}
