//! Uses of KMS keys that AWS services make in a principal's name. Laws: what the principal used through services stays
//! allowed through these services, to no direct call and through no other service; the proof rejects a document
//! without the condition.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use onlooker_core::{
    catalog::Catalog,
    config::Override,
    grants::{
        AuthorizationRequest, Decision, Evaluator, Policy, PolicyOrigin, PolicySnapshot, RequestContext,
    },
    guardrails::{
        Guardrail, GuardrailDocument, GuardrailDraft, GuardrailKind, GuardrailOptions, GuardrailPlan, prove,
        quotas,
    },
    time::Time,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::scenario::{GuardrailScenario, ROLE};

const KINDS: [GuardrailKind; 3] = [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp];

static EVALUATOR: LazyLock<Evaluator<'static>> = LazyLock::new(|| Evaluator::new(Catalog::embedded()));

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1";

const SSM: &str = "ssm.eu-west-1.amazonaws.com";

fn parameter_reader() -> GuardrailScenario {
    GuardrailScenario::with(json!([
        { "Effect": "Allow", "Action": ["ssm:GetParameter", "kms:*"], "Resource": "*" },
    ]))
    .using(&["ssm:GetParameter"])
    .using_through("kms:Decrypt", 1, &["ssm.amazonaws.com"])
}

/// The policies of a scenario under a guardrail.
pub fn guarded(scenario: &GuardrailScenario, made: &Guardrail) -> PolicySnapshot {
    let mut snapshot = scenario.snapshot.clone();
    let mut policies = made.documents.iter().map(|document| Policy {
        name: document.name.as_str().into(),
        origin: PolicyOrigin::Given,
        text: document.text.as_str().into(),
    });
    match made.kind {
        GuardrailKind::Allow => snapshot.identity_policies = policies.collect(),
        GuardrailKind::Boundary => snapshot.permissions_boundary = policies.next_back(),
        GuardrailKind::Scp => {
            let text = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
            let full =
                Policy { name: "full".into(), origin: PolicyOrigin::Given, text: text.to_string().into() };
            snapshot.service_control_policies = Some(vec![policies.chain([full]).collect()]);
        }
    }
    snapshot
}

/// Whether a request through this service, or a direct one, is allowed.
fn is_allowed(snapshot: &PolicySnapshot, action: &str, service: Option<&str>) -> bool {
    let keys = service.map(|service| ("kms:viaservice".to_owned(), vec![service.to_owned()]));
    let context = RequestContext { keys: keys.into_iter().collect(), is_complete: true };
    let resource =
        if action.starts_with("kms:") { KEY } else { "arn:aws:ssm:eu-west-1:111122223333:parameter/p" };
    // The resources are in the partition of the principal.
    let partition = snapshot.principal.split(':').nth(1).unwrap_or("aws");
    let resource = &resource.replacen(":aws:", &format!(":{partition}:"), 1);
    let request = AuthorizationRequest { action, resource, context: &context };
    match EVALUATOR.decide(snapshot, &request) {
        Decision::Allowed(_) => true,
        Decision::Denied(_) => false,
        Decision::Conditional(conditions) => panic!("{action} depends on {conditions:?}"),
    }
}

fn statements_of(made: &Guardrail) -> Vec<Value> {
    let documents = made.documents.iter().flat_map(|document| {
        let document: Value = serde_json::from_str(&document.text).expect("JSON");
        document["Statement"].as_array().expect("statements").clone()
    });
    documents.collect()
}

fn names_services(made: &Guardrail) -> bool {
    made.documents.iter().any(|document| document.text.to_ascii_lowercase().contains("viaservice"))
}

fn kept(items: &[(&str, &[&str])]) -> BTreeMap<Arc<str>, BTreeSet<Arc<str>>> {
    let values = |services: &[&str]| services.iter().map(|service| Arc::from(*service)).collect();
    items.iter().map(|(key, services)| (Arc::from(*key), values(services))).collect()
}

#[test]
fn a_forwarded_use_stays_allowed_through_its_service_only() {
    let scenario = parameter_reader();
    for kind in KINDS {
        let made = scenario.build(kind);
        let snapshot = guarded(&scenario, &made);
        assert!(is_allowed(&scenario.snapshot, "kms:Decrypt", None));
        assert!(is_allowed(&snapshot, "kms:Decrypt", Some(SSM)), "{kind:?}");
        assert!(is_allowed(&snapshot, "ssm:GetParameter", None), "{kind:?}");
        for other in [None, Some("s3.eu-west-1.amazonaws.com"), Some("ssm.example.com")] {
            assert!(!is_allowed(&snapshot, "kms:Decrypt", other), "{kind:?} {other:?}");
        }
        assert!(!is_allowed(&snapshot, "kms:GenerateDataKey", Some(SSM)), "{kind:?}");
        assert_eq!(made.kept_through_services, kept(&[("kms:Decrypt", &["ssm.*.amazonaws.com"])]));
        assert!(made.removed.is_empty() && made.kept.is_empty(), "{kind:?} {:?}", made.removed);
        assert!(made.proof.summary.contains("1 is kept through AWS services only"), "{}", made.proof.summary);
        assert_eq!((made.proof.excessive_after, made.proof.used, made.proof.used_kept), (0, 1, 1));
        assert!(made.proof.is_complete && made.documents.iter().all(|one| one.characters <= one.limit));
        let statements = statements_of(&made);
        let via = statements.iter().find(|one| one.to_string().contains("kms:ViaService")).expect("one");
        let operator = if kind == GuardrailKind::Scp { "StringNotLike" } else { "StringLike" };
        assert_eq!(via["Condition"][operator]["kms:ViaService"], json!(["ssm.*.amazonaws.com"]));
        assert_eq!(via["Action"], json!(["kms:Decrypt"]));
    }
}

#[test]
fn a_deny_list_denies_a_forwarded_use_to_direct_calls() {
    let scenario = GuardrailScenario::with(json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]))
        .using(&["ssm:GetParameter"])
        .using_through("kms:Decrypt", 1, &["ssm.amazonaws.com"]);
    let made = scenario.build(GuardrailKind::Scp);
    assert!(!made.proof.covers_future_policies);
    let snapshot = guarded(&scenario, &made);
    assert!(is_allowed(&snapshot, "kms:Decrypt", Some(SSM)));
    assert!(!is_allowed(&snapshot, "kms:Decrypt", None) && !is_allowed(&snapshot, "kms:Encrypt", Some(SSM)));
    let boundary = scenario.build(GuardrailKind::Boundary);
    assert!(boundary.documents[0].characters <= quotas::MANAGED_POLICY);
    let snapshot = guarded(&scenario, &boundary);
    assert!(is_allowed(&snapshot, "kms:Decrypt", Some(SSM)) && !is_allowed(&snapshot, "kms:Decrypt", None));
}

#[test]
fn a_direct_use_is_not_kept() {
    let own =
        json!([{ "Effect": "Allow", "Action": ["ssm:GetParameter", "kms:*", "s3:*"], "Resource": "*" }]);
    let direct = GuardrailScenario::with(own.clone()).using(&["ssm:GetParameter", "kms:Decrypt"]);
    // Only uses of keys are kept, whatever a service made in the principal's name.
    let other = GuardrailScenario::with(own.clone())
        .using(&["ssm:GetParameter"])
        .using_through("s3:PutObject", 1, &["ssm.amazonaws.com"])
        .using_through("kms:ReEncryptFrom", 1, &["ssm.amazonaws.com"]);
    let unused = GuardrailScenario::with(own).using(&["ssm:GetParameter"]);
    for kind in KINDS {
        let made = direct.build(kind);
        assert!(made.removed.contains("kms:Decrypt") && !names_services(&made), "{kind:?}");
        assert!(!is_allowed(&guarded(&direct, &made), "kms:Decrypt", Some(SSM)), "{kind:?}");
        let made = other.build(kind);
        assert!(made.removed.contains("s3:PutObject") && !names_services(&made), "{kind:?}");
        let made = unused.build(kind);
        assert!(!names_services(&made) && made.kept_through_services.is_empty(), "{kind:?}");
        assert!(!made.proof.summary.contains("through"), "{}", made.proof.summary);
    }
}

#[test]
fn a_use_that_was_direct_and_forwarded_is_both_removed_and_kept_through_services() {
    let scenario = parameter_reader().using_through("kms:Decrypt", 2, &["ssm.amazonaws.com"]);
    for kind in KINDS {
        let made = scenario.build(kind);
        assert!(made.removed.contains("kms:Decrypt"), "{kind:?}");
        assert!(made.kept_through_services.contains_key("kms:Decrypt"), "{kind:?}");
        assert!(!is_allowed(&guarded(&scenario, &made), "kms:Decrypt", None), "{kind:?}");
    }
}

#[test]
fn each_use_is_kept_through_its_own_services() {
    let scenario = parameter_reader()
        .using_through("kms:Decrypt", 1, &["ssm.amazonaws.com", "s3.amazonaws.com"])
        .using_through("kms:GenerateDataKey", 1, &["s3.amazonaws.com"]);
    for kind in KINDS {
        let made = scenario.build(kind);
        let snapshot = guarded(&scenario, &made);
        let s3 = Some("s3.us-east-1.amazonaws.com");
        assert!(is_allowed(&snapshot, "kms:Decrypt", s3) && is_allowed(&snapshot, "kms:Decrypt", Some(SSM)));
        assert!(is_allowed(&snapshot, "kms:GenerateDataKey", s3));
        assert!(!is_allowed(&snapshot, "kms:GenerateDataKey", Some(SSM)));
    }
}

#[test]
fn in_china_the_services_have_names_of_china() {
    let mut scenario = parameter_reader();
    scenario.snapshot.principal = "arn:aws-cn:iam::111122223333:role/Auditor".into();
    for kind in KINDS {
        let made = scenario.build(kind);
        assert_eq!(made.kept_through_services, kept(&[("kms:Decrypt", &["ssm.*.amazonaws.com.cn"])]));
        let snapshot = guarded(&scenario, &made);
        assert!(is_allowed(&snapshot, "kms:Decrypt", Some("ssm.cn-north-1.amazonaws.com.cn")), "{kind:?}");
        assert!(!is_allowed(&snapshot, "kms:Decrypt", None), "{kind:?}");
    }
}

#[test]
fn resources_conditions_and_denials_of_the_own_statement_stay() {
    let own = json!([
        { "Effect": "Allow", "Action": "ssm:Get*", "Resource": "*" },
        { "Effect": "Allow", "Action": "kms:*", "Resource": "arn:aws:kms:*:111122223333:key/*",
          "Condition": { "StringLike": { "kms:ViaService": "*.eu-west-1.amazonaws.com" } } },
        { "Effect": "Deny", "Action": "kms:*", "Resource": "arn:aws:kms:*:111122223333:key/secret" },
    ]);
    let scenario = GuardrailScenario::with(own).using(&["ssm:GetParameter"]).using_through(
        "kms:Decrypt",
        1,
        &["ssm.amazonaws.com"],
    );
    for kind in KINDS {
        let made = scenario.build(kind);
        assert!(made.kept_through_services.contains_key("kms:Decrypt"), "{kind:?}: {:?}", made.notes);
        let snapshot = guarded(&scenario, &made);
        assert!(is_allowed(&snapshot, "kms:Decrypt", Some(SSM)), "{kind:?}");
        for other in
            ["s3.eu-west-1.amazonaws.com", "ssm.us-east-1.amazonaws.com"].map(Some).into_iter().chain([None])
        {
            assert!(!is_allowed(&snapshot, "kms:Decrypt", other), "{kind:?} {other:?}");
        }
        if kind == GuardrailKind::Allow {
            let statements = statements_of(&made);
            let via = |effect: &str| {
                let is_it = |one: &&Value| one["Effect"] == effect && one.to_string().contains("kms:");
                statements.iter().find(is_it).expect("a statement").clone()
            };
            assert_eq!(via("Allow")["Resource"], "arn:aws:kms:*:111122223333:key/*");
            assert_eq!(
                via("Allow")["Condition"]["StringLike"]["kms:ViaService"],
                "*.eu-west-1.amazonaws.com"
            );
            assert_eq!(via("Deny")["Resource"], "arn:aws:kms:*:111122223333:key/secret");
        }
    }
}

#[test]
fn a_condition_on_another_key_stays_beside_the_service() {
    let condition = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let own = json!([
        { "Effect": "Allow", "Action": ["ssm:Get*", "kms:Decrypt"], "Resource": "*", "Condition": condition },
    ]);
    let scenario = GuardrailScenario::with(own).using(&["ssm:GetParameter"]).using_through(
        "kms:Decrypt",
        1,
        &["ssm.amazonaws.com"],
    );
    for kind in KINDS {
        let made = scenario.build(kind);
        assert!(made.kept_through_services.contains_key("kms:Decrypt"), "{kind:?}: {:?}", made.notes);
    }
    let statements = statements_of(&scenario.build(GuardrailKind::Allow));
    let keys = statements.iter().find(|one| one["Action"] == json!(["kms:Decrypt"])).expect("one");
    assert_eq!(keys["Condition"]["Bool"], condition["Bool"]);
    assert_eq!(keys["Condition"]["StringLike"]["kms:ViaService"], json!(["ssm.*.amazonaws.com"]));
}

#[test]
fn what_the_policies_do_not_grant_is_not_kept_and_is_named() {
    let own = json!([{ "Effect": "Allow", "Action": "ssm:*", "Resource": "*" }]);
    let scenario = GuardrailScenario::with(own).using(&["ssm:GetParameter"]).using_through(
        "kms:Decrypt",
        1,
        &["ssm.amazonaws.com"],
    );
    for kind in KINDS {
        let made = scenario.build(kind);
        assert!(!names_services(&made) && made.kept_through_services.is_empty(), "{kind:?}");
        assert!(made.removed.contains("kms:Decrypt"), "{kind:?}");
        let is_named = made.notes.iter().any(|note| note.contains("If a key policy grants it"));
        assert_eq!(is_named, kind != GuardrailKind::Allow, "{kind:?}");
    }
}

#[test]
fn an_override_and_keep_used_keep_the_action_for_every_call() {
    let mut overridden = parameter_reader();
    overridden.config.overrides.push(Override {
        id: "tolerated".into(),
        principal: ROLE.into(),
        operation: "kms:Decrypt".into(),
        resource: None,
        owner: "security".into(),
        reason: "reads encrypted logs".into(),
        from: None,
        expires: Time(2_000_000_000),
    });
    let mut kept_used = parameter_reader();
    kept_used.options = GuardrailOptions { keep_used: true, ..GuardrailOptions::default() };
    for scenario in [overridden, kept_used] {
        for kind in KINDS {
            let made = scenario.build(kind);
            assert!(made.kept.contains_key("kms:Decrypt") && made.kept_through_services.is_empty());
            assert!(is_allowed(&guarded(&scenario, &made), "kms:Decrypt", None), "{kind:?}");
        }
    }
}

#[test]
fn an_existing_boundary_with_keys_of_its_own_is_not_widened() {
    let mut scenario = parameter_reader();
    let text = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*" },
        { "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:eu-west-1:111122223333:key/2" },
    ] });
    scenario.snapshot.permissions_boundary =
        Some(Policy { name: "old".into(), origin: PolicyOrigin::Attached, text: text.to_string().into() });
    let made = scenario.build(GuardrailKind::Boundary);
    assert!(made.kept_through_services.is_empty() && made.removed.contains("kms:Decrypt"));
    assert!(made.notes.iter().any(|note| note.contains("Not kept through AWS services")), "{:?}", made.notes);
    assert!(!is_allowed(&guarded(&scenario, &made), "kms:Decrypt", Some(SSM)));
}

/// The objections to a guardrail of [`parameter_reader`] with changed statements.
fn objections_to(kind: GuardrailKind, change: impl Fn(&mut Value)) -> Vec<String> {
    let scenario = parameter_reader();
    let made = scenario.build(kind);
    let request = scenario.request(&EVALUATOR);
    let plan = GuardrailPlan::of(request);
    let document = |one: &GuardrailDocument| {
        let mut value: Value = serde_json::from_str(&one.text).expect("JSON");
        value["Statement"].as_array_mut().expect("a list").iter_mut().for_each(&change);
        let text = value.to_string();
        let sha256 = onlooker_core::hex::hex(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()));
        GuardrailDocument { sha256, text, ..one.clone() }
    };
    let draft = GuardrailDraft {
        documents: made.documents.iter().map(document).collect(),
        allowed_actions: plan.current_grants.entries.iter().map(|grant| grant.action.key.clone()).collect(),
        covers_future_policies: made.proof.covers_future_policies,
        ..GuardrailDraft::default()
    };
    prove(kind, request, &plan, &draft).err().map(|error| error.objections).unwrap_or_default()
}

#[test]
fn a_proof_fails_without_the_condition() {
    for kind in KINDS {
        assert_eq!(objections_to(kind, |_| ()), Vec::<String>::new(), "{kind:?}");
        let replaced = |condition: Option<Value>| {
            move |statement: &mut Value| {
                if !statement.to_string().contains("kms:ViaService") {
                    return;
                }
                let kept = statement["Condition"].get("ArnLike").cloned();
                let mut condition = condition.clone().unwrap_or(json!({}));
                if let Some(kept) = kept {
                    condition["ArnLike"] = kept;
                }
                statement["Condition"] = condition;
            }
        };
        let positive = if kind == GuardrailKind::Scp { "StringNotLike" } else { "StringLike" };
        let optional =
            if kind == GuardrailKind::Scp { "ForAnyValue:StringNotLike" } else { "StringLikeIfExists" };
        let says = |condition: Option<Value>, word: &str| {
            let said = objections_to(kind, replaced(condition.clone()));
            assert!(said.iter().any(|one| one.contains(word)), "{kind:?} {condition:?}: {said:#?}");
        };
        // Not for a deny, which without its condition denies everything.
        let without =
            if kind == GuardrailKind::Scp { "would be removed" } else { "would be granted without them" };
        says(None, without);
        says(Some(json!({ positive: { "kms:ViaService": "*" } })), "without them");
        says(Some(json!({ optional: { "kms:ViaService": "ssm.*.amazonaws.com" } })), "without them");
        says(Some(json!({ positive: { "kms:ViaService": "s3.*.amazonaws.com" } })), "was used through");
        says(Some(json!({ positive: { "kms:EncryptionAlgorithm": "x" } })), "without them");
    }
}

const ACTIONS: [&str; 7] = [
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:CreateGrant",
    "kms:ScheduleKeyDeletion",
];

fn statement() -> impl Strategy<Value = Value> {
    let actions = proptest::sample::subsequence(
        vec!["kms:Decrypt", "kms:Gen*", "kms:*", "kms:Encrypt", "*", "ssm:Get*", "kms:ReEncrypt*"],
        1..4,
    );
    let resource = proptest::sample::select(vec!["*", "arn:aws:kms:*:111122223333:key/*", KEY]);
    let condition = proptest::sample::select(vec![
        json!(null),
        json!({ "StringLike": { "kms:ViaService": "ssm.*" } }),
        json!({ "StringEquals": { "kms:ViaService": SSM } }),
        json!({ "StringNotLike": { "kms:ViaService": "s3.*" } }),
        json!({ "StringLike": { "kms:ViaService": "s*" }, "StringLikeIfExists": { "kms:ViaService": "*" } }),
        json!({ "Null": { "kms:ViaService": "true" } }),
    ]);
    (actions, resource, condition, 0..6_u8).prop_map(|(actions, resource, condition, effect)| {
        let effect = if effect == 0 { "Deny" } else { "Allow" };
        let mut statement = json!({ "Effect": effect, "Action": actions, "Resource": resource });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        statement
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_guardrail_allows_no_direct_use_of_a_key(
        own in proptest::collection::vec(statement(), 1..4),
        used in proptest::collection::vec((0..ACTIONS.len(), 1..3_u64, proptest::sample::subsequence(vec!["ssm.amazonaws.com", "s3.amazonaws.com"], 0..3)), 1..4),
    ) {
        let mut scenario = GuardrailScenario::with(Value::Array(own)).using(&["ssm:GetParameter"]);
        for (action, calls, services) in &used {
            scenario = scenario.using_through(ACTIONS[*action], *calls, services);
        }
        for kind in KINDS {
            let Ok(made) = scenario.try_build(kind) else { continue };
            let snapshot = guarded(&scenario, &made);
            for action in ACTIONS {
                prop_assert!(!is_allowed(&snapshot, action, None), "{:?} {}", kind, action);
                let services = made.kept_through_services.get(action);
                for service in ["ssm", "s3", "lambda"] {
                    let host = format!("{service}.eu-west-1.amazonaws.com");
                    let is_named = services.is_some_and(|own| own.contains(&*format!("{service}.*.amazonaws.com")));
                    let before = is_allowed(&scenario.snapshot, action, Some(&host));
                    prop_assert_eq!(is_allowed(&snapshot, action, Some(&host)), is_named && before, "{:?} {} {}", kind, action, service);
                }
            }
        }
    }
}
