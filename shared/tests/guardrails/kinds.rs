//! Each kind of guardrail: the statements it has and the actions it removes.

use std::{collections::BTreeSet, sync::Arc};

use onlooker_core::{
    config::Override,
    grants::{Policy, PolicyOrigin},
    guardrails::{GuardrailKind, GuardrailOptions, quotas},
    time::Time,
};
use serde_json::{Value, json};

use super::scenario::{GuardrailScenario, ROLE, statement_values};

fn string_set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn keys(items: &BTreeSet<Arc<str>>) -> BTreeSet<String> {
    items.iter().map(ToString::to_string).collect()
}

fn allow_everything() -> Value {
    json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }])
}

fn override_for(operation: &str, resource: Option<&str>) -> Override {
    Override {
        id: "tolerated".into(),
        principal: ROLE.into(),
        operation: operation.into(),
        resource: resource.map(Into::into),
        owner: "security".into(),
        reason: "reads encrypted logs".into(),
        from: None,
        expires: Time(2_000_000_000),
    }
}

#[test]
fn an_allow_policy_has_the_used_reads_and_lists_what_it_removes() {
    let scenario = GuardrailScenario::with(allow_everything()).using(&[
        "s3:GetObject",
        "ec2:DescribeInstances",
        "s3:PutObject",
    ]);
    let made = scenario.build(GuardrailKind::Allow);
    assert_eq!(statement_values(&made, "Action"), string_set(&["s3:GetObject", "ec2:DescribeInstances"]));
    assert_eq!(keys(&made.removed), string_set(&["s3:PutObject"]));
    assert_eq!((made.proof.used, made.proof.used_kept, made.proof.granted_after), (2, 2, 2));
    assert!(made.proof.is_complete && made.proof.excessive_before > 1_000);
    assert_eq!(made.proof.excessive_after, 0);
}

#[test]
fn an_allow_policy_keeps_resources_conditions_and_denials() {
    let condition = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let scenario = GuardrailScenario::with(json!([
        { "Sid": "A", "Effect": "Allow", "Action": ["s3:*", "sqs:*"], "Resource": "arn:aws:s3:::logs/*" },
        { "Sid": "B", "Effect": "Allow", "NotAction": "s3:*", "Resource": ["*"], "Condition": condition },
        { "Sid": "C", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::logs/secret/*" },
        { "Sid": "D", "Effect": "Deny", "Action": "ec2:*", "Resource": "*" },
    ]))
    .using(&["s3:GetObject", "iam:ListUsers"]);
    let made = scenario.build(GuardrailKind::Allow);
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
fn a_used_write_stays_only_if_requested_or_overridden() {
    let own = json!([{ "Effect": "Allow", "Action": ["kms:*", "s3:*"], "Resource": "*" }]);
    let mut scenario = GuardrailScenario::with(own).using(&["kms:Decrypt", "s3:GetObject", "s3:PutObject"]);
    let says = |scenario: &GuardrailScenario, kind: GuardrailKind, action: &str| {
        let made = scenario.build(kind);
        let key = if kind == GuardrailKind::Scp { "NotAction" } else { "Action" };
        (statement_values(&made, key).contains(action), made.kept.contains_key(action))
    };
    let kinds = [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp];
    for kind in kinds {
        assert_eq!(says(&scenario, kind, "kms:Decrypt"), (false, false));
    }
    scenario.config.overrides.push(override_for("kms:Decrypt", None));
    for kind in kinds {
        assert_eq!(says(&scenario, kind, "kms:Decrypt"), (true, true));
        assert_eq!(says(&scenario, kind, "s3:PutObject"), (false, false));
    }
    scenario.options = GuardrailOptions { keep_used: true, ..GuardrailOptions::default() };
    for kind in kinds {
        assert_eq!(says(&scenario, kind, "s3:PutObject"), (true, true));
        assert!(scenario.build(kind).removed.is_empty());
    }
}

#[test]
fn an_override_for_resources_keeps_the_action_on_those_resources() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/logs";
    let mut scenario = GuardrailScenario::with(json!([
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": "*" },
        { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key },
    ]));
    scenario.config.overrides.push(override_for("kms:Decrypt", Some(key)));
    let made = scenario.build(GuardrailKind::Boundary);
    assert!(statement_values(&made, "Resource").contains(key));
    scenario.config.overrides[0].expires = Time(1);
    assert!(!statement_values(&scenario.build(GuardrailKind::Boundary), "Resource").contains(key));
}

#[test]
fn overrides_of_one_action_cover_a_grant_together() {
    let keys = ["a", "b"].map(|key| format!("arn:aws:kms:eu-west-1:111122223333:key/{key}"));
    let mut scenario = GuardrailScenario::with(json!([
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": "*" },
        { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": keys },
    ]));
    scenario.config.overrides.push(override_for("kms:Decrypt", Some(&keys[0])));
    assert!(scenario.build(GuardrailKind::Boundary).kept.is_empty());
    scenario.config.overrides.push(override_for("kms:Decrypt", Some(&keys[1])));
    let made = scenario.build(GuardrailKind::Boundary);
    assert!(made.kept.contains_key("kms:Decrypt"));
    assert!(keys.iter().all(|key| statement_values(&made, "Resource").contains(key)));
}

#[test]
fn a_permissions_boundary_keeps_used_actions_first() {
    let scenario = GuardrailScenario::with(allow_everything())
        .using(&["xray:GetTraceSummaries", "wellarchitected:GetWorkload"]);
    let made = scenario.build(GuardrailKind::Boundary);
    let document = &made.documents[0];
    assert_eq!(made.documents.len(), 1);
    assert!(
        document.characters <= quotas::MANAGED_POLICY && document.characters > quotas::MANAGED_POLICY - 100
    );
    assert!(!made.omitted_reads.contains_key("xray") && !made.omitted_reads.contains_key("wellarchitected"));
    assert!(made.omitted_reads.len() > 50);
    assert!(made.proof.covers_future_policies && made.proof.granted_after > 1_500);
}

#[test]
fn an_existing_permissions_boundary_is_not_widened() {
    let mut scenario = GuardrailScenario::with(allow_everything());
    let text = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["ec2:DescribeInstances", "ec2:DescribeImages"], "Resource": "*" },
    ] });
    scenario.snapshot.permissions_boundary =
        Some(Policy { name: "old".into(), origin: PolicyOrigin::Attached, text: text.to_string().into() });
    let made = scenario.build(GuardrailKind::Boundary);
    assert_eq!(
        statement_values(&made, "Action"),
        string_set(&["ec2:DescribeInstances", "ec2:DescribeImages"])
    );
    assert!(made.notes.iter().any(|note| note.contains("replaces the boundary old")));
}

#[test]
fn a_service_control_policy_denies_all_but_reads_if_the_reads_fit() {
    let scenario =
        GuardrailScenario::with(json!([{ "Effect": "Allow", "Action": ["s3:*", "ec2:*"], "Resource": "*" }]));
    let made = scenario.build(GuardrailKind::Scp);
    let document: Value = serde_json::from_str(&made.documents[0].text).expect("JSON");
    let statement = &document["Statement"][0];
    assert_eq!((&statement["Effect"], statement.get("Action")), (&"Deny".into(), None));
    assert_eq!(statement["Condition"]["ArnLike"]["aws:PrincipalArn"][0], ROLE);
    assert!(statement_values(&made, "NotAction").contains("ec2:Describe*"));
    assert!(
        made.proof.covers_future_policies && made.documents[0].characters <= quotas::SERVICE_CONTROL_POLICY
    );
}

#[test]
fn a_service_control_policy_denies_by_name_if_the_reads_do_not_fit() {
    let made = GuardrailScenario::with(allow_everything()).build(GuardrailKind::Scp);
    assert!(!made.proof.covers_future_policies && made.documents.len() > 1);
    assert!(made.documents.iter().all(|document| document.characters <= quotas::SERVICE_CONTROL_POLICY));
    assert!(statement_values(&made, "NotAction").is_empty());
    assert_eq!(made.proof.excessive_after, 0);
}

#[test]
fn the_service_control_policies_of_an_administrator_fit_on_one_target() {
    let scenario = GuardrailScenario::with(allow_everything()).using(&["s3:GetObject"]);
    let made = scenario.build(GuardrailKind::Scp);
    // `FullAWSAccess` takes one place.
    assert!(made.documents.len() < quotas::SERVICE_CONTROL_POLICIES_PER_TARGET, "{}", made.documents.len());
    assert!(made.proof.excessive_before > 10_000 && made.proof.excessive_after == 0);
    assert!(!made.notes.iter().any(|note| note.contains("different levels")), "{:?}", made.notes);
    assert!(made.notes.iter().any(|note| note.contains("parts of words")), "{:?}", made.notes);
}

#[test]
fn without_wildcards_every_action_is_named() {
    let mut scenario =
        GuardrailScenario::with(json!([{ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }])).using(&[
            "sqs:ListQueues",
            "sqs:GetQueueUrl",
            "sqs:GetQueueAttributes",
        ]);
    assert!(
        scenario
            .build(GuardrailKind::Allow)
            .open_wildcards
            .iter()
            .any(|pattern| &**pattern == "sqs:Get*" || pattern.contains('*'))
    );
    scenario.options.exact = true;
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp] {
        let made = scenario.build(kind);
        assert!(made.open_wildcards.is_empty(), "{:?}", made.open_wildcards);
    }
}

#[test]
fn a_read_granted_by_another_policy_is_kept() {
    let scenario = GuardrailScenario::with(json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]))
        .using(&["sts:GetCallerIdentity", "s3:ListBucket"]);
    for kind in [GuardrailKind::Boundary, GuardrailKind::Scp] {
        let made = scenario.build(kind);
        assert_eq!(keys(&made.granted_by_other_policies), string_set(&["sts:GetCallerIdentity"]));
        let key = if kind == GuardrailKind::Scp { "NotAction" } else { "Action" };
        assert!(statement_values(&made, key).contains("sts:GetCallerIdentity"));
    }
    assert!(
        !statement_values(&scenario.build(GuardrailKind::Allow), "Action").contains("sts:GetCallerIdentity")
    );
}

#[test]
fn a_call_with_unknown_actions_is_an_open_question() {
    let mut scenario = GuardrailScenario::with(allow_everything()).using(&["s3:GetObject"]);
    scenario.used.as_mut().expect("used").unmapped_operations.insert("novel:Frobnicate".into(), 3);
    let proof = scenario.build(GuardrailKind::Allow).proof;
    assert!(!proof.is_complete);
    assert!(proof.open_questions.iter().any(|question| question.text.contains("novel:Frobnicate")));
    assert!(!GuardrailScenario::with(allow_everything()).build(GuardrailKind::Boundary).proof.is_complete);
}

#[test]
fn an_action_overridden_for_one_resource_is_denied_on_others() {
    let statements = json!([
        { "Effect": "Allow", "Action": "s3:Get*", "Resource": "*" },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/a/*" },
    ]);
    let mut scenario = GuardrailScenario::with(statements);
    scenario.config.overrides.push(override_for("s3:PutObject", Some("arn:aws:s3:::logs/*")));
    let made = scenario.build(GuardrailKind::Scp);
    assert!(made.proof.covers_future_policies);
    assert_eq!(statement_values(&made, "NotResource"), BTreeSet::from(["arn:aws:s3:::logs/*".to_owned()]));
    assert!(scenario.build(GuardrailKind::Boundary).proof.covers_future_policies);
}

#[test]
fn a_deny_list_names_unreadable_policies() {
    let mut scenario = GuardrailScenario::with(allow_everything()).using(&["s3:GetObject"]);
    assert!(scenario.build(GuardrailKind::Scp).proof.is_complete);
    let cut = Policy { name: "cut".into(), origin: PolicyOrigin::Inline, text: "{".into() };
    scenario.snapshot.identity_policies.push(cut);
    let proof = scenario.build(GuardrailKind::Scp).proof;
    assert!(!proof.covers_future_policies && !proof.is_complete, "{proof:?}");
    assert!(proof.open_questions[0].text.starts_with("cut cannot be read"), "{proof:?}");
}
