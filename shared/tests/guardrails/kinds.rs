//! Each kind of guardrail, by what it says and what it takes away.

use std::{collections::BTreeSet, sync::Arc};

use onlooker_core::{
    config::Override,
    grants::{Policy, PolicyOrigin},
    guardrails::{GuardrailKind, GuardrailOptions, quotas},
    time::Time,
};
use serde_json::{Value, json};

use super::scene::{ROLE, Scene, listed};

fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn keys(items: &BTreeSet<Arc<str>>) -> BTreeSet<String> {
    items.iter().map(ToString::to_string).collect()
}

fn anything() -> Value {
    json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }])
}

fn tolerate(operation: &str, resource: Option<&str>) -> Override {
    Override {
        id: "tolerated".into(),
        principal: ROLE.into(),
        operation: operation.into(),
        resource: resource.map(Into::into),
        owner: "security".into(),
        reason: "reads encrypted logs".into(),
        expires: Time(2_000_000_000),
    }
}

#[test]
fn an_allow_policy_holds_the_reads_that_were_used_and_names_what_it_takes_away() {
    let scene = Scene::with(anything()).using(&["s3:GetObject", "ec2:DescribeInstances", "s3:PutObject"]);
    let made = scene.made(GuardrailKind::Allow);
    assert_eq!(listed(&made, "Action"), set(&["s3:GetObject", "ec2:DescribeInstances"]));
    assert_eq!(keys(&made.removed), set(&["s3:PutObject"]));
    assert_eq!((made.proof.used, made.proof.used_kept, made.proof.granted_after), (2, 2, 2));
    assert!(made.proof.is_complete && made.proof.excessive_before > 1_000);
    assert_eq!(made.proof.excessive_after, 0);
}

#[test]
fn an_allow_policy_keeps_resources_conditions_and_denials() {
    let condition = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let scene = Scene::with(json!([
        { "Sid": "A", "Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": "arn:aws:s3:::logs/*" },
        { "Sid": "B", "Effect": "Allow", "NotAction": "s3:*", "Resource": ["*"], "Condition": condition },
        { "Sid": "C", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/secret/*" },
        { "Sid": "D", "Effect": "Deny", "Action": "ec2:*", "Resource": "*" },
    ]))
    .using(&["s3:GetObject", "iam:ListUsers"]);
    let made = scene.made(GuardrailKind::Allow);
    let document: Value = serde_json::from_str(&made.documents[0].text).expect("JSON");
    let statements = document["Statement"].as_array().expect("a list");
    assert_eq!(statements.len(), 3, "{statements:#?}");
    let about = |action: &str, effect: &str| {
        let is_it = |one: &&Value| one["Effect"] == effect && one["Action"].to_string().contains(action);
        statements.iter().find(is_it).expect("a statement").clone()
    };
    assert_eq!(about("s3:GetObject", "Allow")["Resource"], "arn:aws:s3:::logs/*");
    assert_eq!(about("iam:ListUsers", "Allow")["Condition"], condition);
    assert_eq!(about("s3:GetObject", "Deny")["Resource"], "arn:aws:s3:::logs/secret/*");
}

#[test]
fn what_was_used_and_is_no_read_stays_only_if_asked_for_or_tolerated() {
    let own = json!([{ "Effect": "Allow", "Action": ["kms:*", "s3:*"], "Resource": "*" }]);
    let mut scene = Scene::with(own).using(&["kms:Decrypt", "s3:GetObject", "s3:PutObject"]);
    let says = |scene: &Scene, kind: GuardrailKind, action: &str| {
        let made = scene.made(kind);
        let key = if kind == GuardrailKind::Scp { "NotAction" } else { "Action" };
        (listed(&made, key).contains(action), made.kept.contains_key(action))
    };
    let kinds = [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp];
    for kind in kinds {
        assert_eq!(says(&scene, kind, "kms:Decrypt"), (false, false));
    }
    scene.config.overrides.push(tolerate("kms:Decrypt", None));
    for kind in kinds {
        assert_eq!(says(&scene, kind, "kms:Decrypt"), (true, true));
        assert_eq!(says(&scene, kind, "s3:PutObject"), (false, false));
    }
    scene.options = GuardrailOptions { keep_used: true, ..GuardrailOptions::default() };
    for kind in kinds {
        assert_eq!(says(&scene, kind, "s3:PutObject"), (true, true));
        assert!(scene.made(kind).removed.is_empty());
    }
}

#[test]
fn an_override_for_some_resources_keeps_an_action_on_those() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/logs";
    let mut scene = Scene::with(json!([
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": "*" },
        { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key },
    ]));
    scene.config.overrides.push(tolerate("kms:Decrypt", Some(key)));
    let made = scene.made(GuardrailKind::Boundary);
    assert!(listed(&made, "Resource").contains(key));
    scene.config.overrides[0].expires = Time(1);
    assert!(!listed(&scene.made(GuardrailKind::Boundary), "Resource").contains(key));
}

#[test]
fn overrides_of_one_action_tolerate_a_grant_together() {
    let keys = ["a", "b"].map(|key| format!("arn:aws:kms:eu-west-1:111122223333:key/{key}"));
    let mut scene = Scene::with(json!([
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": "*" },
        { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": keys },
    ]));
    scene.config.overrides.push(tolerate("kms:Decrypt", Some(&keys[0])));
    assert!(scene.made(GuardrailKind::Boundary).kept.is_empty());
    scene.config.overrides.push(tolerate("kms:Decrypt", Some(&keys[1])));
    let made = scene.made(GuardrailKind::Boundary);
    assert!(made.kept.contains_key("kms:Decrypt"));
    assert!(keys.iter().all(|key| listed(&made, "Resource").contains(key)));
}

#[test]
fn a_boundary_keeps_what_was_used_and_then_what_fits() {
    let scene = Scene::with(anything()).using(&["xray:GetTraceSummaries", "wellarchitected:GetWorkload"]);
    let made = scene.made(GuardrailKind::Boundary);
    let document = &made.documents[0];
    assert_eq!(made.documents.len(), 1);
    assert!(
        document.characters <= quotas::MANAGED_POLICY && document.characters > quotas::MANAGED_POLICY - 100
    );
    assert!(!made.omitted_reads.contains_key("xray") && !made.omitted_reads.contains_key("wellarchitected"));
    assert!(made.omitted_reads.len() > 50);
    assert!(made.proof.covers_future_policies && made.proof.granted_after > 2_000);
}

#[test]
fn a_boundary_in_place_is_not_widened() {
    let mut scene = Scene::with(anything());
    let text = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["ec2:DescribeInstances", "ec2:DescribeImages"], "Resource": "*" },
    ] });
    scene.snapshot.permissions_boundary =
        Some(Policy { name: "old".into(), origin: PolicyOrigin::Attached, text: text.to_string().into() });
    let made = scene.made(GuardrailKind::Boundary);
    assert_eq!(listed(&made, "Action"), set(&["ec2:DescribeInstances", "ec2:DescribeImages"]));
    assert!(made.notes.iter().any(|note| note.contains("place of the boundary old")));
}

#[test]
fn a_service_control_policy_denies_whatever_is_no_read_if_the_reads_fit() {
    let scene = Scene::with(json!([{ "Effect": "Allow", "Action": ["s3:*", "ec2:*"], "Resource": "*" }]));
    let made = scene.made(GuardrailKind::Scp);
    let document: Value = serde_json::from_str(&made.documents[0].text).expect("JSON");
    let statement = &document["Statement"][0];
    assert_eq!((&statement["Effect"], statement.get("Action")), (&"Deny".into(), None));
    assert_eq!(statement["Condition"]["ArnLike"]["aws:PrincipalArn"][0], ROLE);
    assert!(listed(&made, "NotAction").contains("ec2:Describe*"));
    assert!(
        made.proof.covers_future_policies && made.documents[0].characters <= quotas::SERVICE_CONTROL_POLICY
    );
}

#[test]
fn a_service_control_policy_denies_by_name_if_the_reads_do_not_fit() {
    let made = Scene::with(anything()).made(GuardrailKind::Scp);
    assert!(!made.proof.covers_future_policies && made.documents.len() > 1);
    assert!(made.documents.iter().all(|document| document.characters <= quotas::SERVICE_CONTROL_POLICY));
    assert!(listed(&made, "NotAction").is_empty());
    assert_eq!(made.proof.excessive_after, 0);
}

#[test]
fn without_wildcards_every_action_is_named() {
    let mut scene = Scene::with(json!([{ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }])).using(&[
        "sqs:ListQueues",
        "sqs:GetQueueUrl",
        "sqs:GetQueueAttributes",
    ]);
    assert!(
        scene
            .made(GuardrailKind::Allow)
            .open_wildcards
            .iter()
            .any(|pattern| &**pattern == "sqs:Get*" || pattern.contains('*'))
    );
    scene.options.exact = true;
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp] {
        let made = scene.made(kind);
        assert!(made.open_wildcards.is_empty(), "{:?}", made.open_wildcards);
    }
}

#[test]
fn a_read_by_leave_of_another_policy_still_passes() {
    let scene = Scene::with(json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]))
        .using(&["sts:GetCallerIdentity", "s3:ListBucket"]);
    for kind in [GuardrailKind::Boundary, GuardrailKind::Scp] {
        let made = scene.made(kind);
        assert_eq!(keys(&made.granted_by_other_policies), set(&["sts:GetCallerIdentity"]));
        let key = if kind == GuardrailKind::Scp { "NotAction" } else { "Action" };
        assert!(listed(&made, key).contains("sts:GetCallerIdentity"));
    }
    assert!(!listed(&scene.made(GuardrailKind::Allow), "Action").contains("sts:GetCallerIdentity"));
}

#[test]
fn a_call_nobody_knows_the_actions_of_leaves_a_question_open() {
    let mut scene = Scene::with(anything()).using(&["s3:GetObject"]);
    scene.used.as_mut().expect("used").unmapped_operations.insert("novel:Frobnicate".into(), 3);
    let proof = scene.made(GuardrailKind::Allow).proof;
    assert!(!proof.is_complete);
    assert!(proof.open_questions.iter().any(|question| question.contains("novel:Frobnicate")));
    assert!(!Scene::with(anything()).made(GuardrailKind::Boundary).proof.is_complete);
}

#[test]
fn what_is_tolerated_somewhere_is_denied_elsewhere_whatever_comes_to_allow_it() {
    let statements = json!([
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": "*" },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/a/*" },
    ]);
    let mut scene = Scene::with(statements);
    scene.config.overrides.push(tolerate("s3:PutObject", Some("arn:aws:s3:::logs/*")));
    let made = scene.made(GuardrailKind::Scp);
    assert!(made.proof.covers_future_policies);
    assert_eq!(listed(&made, "NotResource"), BTreeSet::from(["arn:aws:s3:::logs/*".to_owned()]));
    assert!(scene.made(GuardrailKind::Boundary).proof.covers_future_policies);
}

#[test]
fn a_list_of_denials_says_which_policies_cannot_be_read() {
    let mut scene = Scene::with(anything()).using(&["s3:GetObject"]);
    assert!(scene.made(GuardrailKind::Scp).proof.is_complete);
    let cut = Policy { name: "cut".into(), origin: PolicyOrigin::Inline, text: "{".into() };
    scene.snapshot.identity_policies.push(cut);
    let proof = scene.made(GuardrailKind::Scp).proof;
    assert!(!proof.covers_future_policies && !proof.is_complete, "{proof:?}");
    assert!(proof.open_questions[0].starts_with("cut cannot be read"), "{proof:?}");
}
