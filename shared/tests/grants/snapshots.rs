//! Policy snapshots: their hash, the time they are in force, and the policy types that were not evaluated.
//!
//! Enters: snapshots. Leaves: nothing. Law: equal policies have equal hashes, different ones different hashes; a
//! window is evaluated with the policies that were in force in it.

use std::collections::BTreeSet;

use onlooker_core::{
    catalog::Catalog,
    grants::{
        Certainty, DatedSnapshot, Evaluator, PolicyHistory, PolicySnapshot, ResourceBasedPolicy,
        UnevaluatedPolicyType,
    },
    period::Period,
    time::{Hour, Time},
};

fn two_policies() -> PolicySnapshot {
    let mut snapshot = crate::role(r#"{"Statement":[]}"#);
    snapshot.identity_policies.push(crate::policy("other", "{}"));
    snapshot.service_control_policies =
        Some(vec![vec![crate::policy("a", "{}"), crate::policy("b", "{}")], Vec::new()]);
    snapshot
}

#[test]
fn the_hash_does_not_depend_on_the_order_of_policies() {
    let first = two_policies();
    let mut second = two_policies();
    second.identity_policies.reverse();
    second.service_control_policies.as_mut().unwrap()[0].reverse();
    second.identity_policies.push(first.identity_policies[0].clone());
    assert_eq!(first.sha256(), second.sha256());
    assert_eq!(first.sha256().len(), 64);
    let changes: [fn(&mut PolicySnapshot); 9] = [
        |s| s.principal = "arn:aws:iam::111122223333:role/Other".into(),
        |s| s.account = "999999999999".into(),
        |s| drop(s.tags.insert("a".into(), "b".into())),
        |s| s.identity_policies[0].text = "[]".into(),
        |s| s.permissions_boundary = Some(crate::policy("b", "{}")),
        |s| s.is_boundary_known = false,
        // The order of levels is significant.
        |s| s.service_control_policies.as_mut().unwrap().reverse(),
        |s| s.resource_control_policies = Some(Vec::new()),
        |s| s.trust_policy = Some(crate::policy("t", "{}")),
    ];
    let mut hashes = BTreeSet::from([first.sha256()]);
    for change in changes {
        let mut changed = two_policies();
        change(&mut changed);
        assert!(hashes.insert(changed.sha256()));
    }
}

#[test]
fn a_window_is_evaluated_with_the_policies_in_force_in_it() {
    let hour = |n: u32| Hour(500_000 + n);
    let at = |n: u32| hour(n).start();
    let held = |since: Option<Time>, until: Option<Time>, text: &str| DatedSnapshot {
        since,
        until,
        snapshot: crate::role(text),
    };
    let policies: PolicyHistory =
        [held(Some(at(20)), None, "3"), held(None, Some(at(10)), "1"), held(Some(at(10)), Some(at(20)), "2")]
            .into_iter()
            .collect();
    let texts = |from: u32, until: u32| {
        let period = Period { from: hour(from), until: hour(until) };
        let all = policies.of("arn:aws:iam::111122223333:role/Auditor", period);
        all.iter()
            .map(|held| held.snapshot.identity_policies[0].text.to_string())
            .collect::<Vec<_>>()
            .join("")
    };
    assert_eq!(texts(0, 10), "1");
    assert_eq!(texts(10, 20), "2");
    assert_eq!(texts(9, 11), "12");
    assert_eq!(texts(19, 30), "23");
    assert_eq!(texts(0, 30), "123");
    assert_eq!(texts(40, 50), "3");
    assert!(
        policies
            .of("arn:aws:iam::111122223333:role/Absent", Period { from: hour(0), until: hour(1) })
            .is_empty()
    );
}

#[test]
fn missing_policy_types_are_listed() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let unseen = |snapshot: &PolicySnapshot| evaluator.grants(snapshot).unevaluated;
    let always =
        BTreeSet::from([UnevaluatedPolicyType::SessionPolicies, UnevaluatedPolicyType::VpcEndpointPolicies]);
    assert_eq!(unseen(&PolicySnapshot::default()).len(), 6);
    let mut all = crate::role("{}");
    all.service_control_policies = Some(Vec::new());
    all.resource_control_policies = Some(Vec::new());
    all.resource_based_policies
        .push(ResourceBasedPolicy { resource: "arn:aws:s3:::a".into(), policy: crate::policy("a", "{}") });
    assert_eq!(unseen(&all), always);
    all.is_boundary_known = false;
    assert!(unseen(&all).contains(&UnevaluatedPolicyType::PermissionsBoundary));
    all.permissions_boundary = Some(crate::policy("b", "{}"));
    assert!(!unseen(&all).contains(&UnevaluatedPolicyType::PermissionsBoundary));
}

#[test]
fn role_tags_are_known_only_if_sessions_cannot_set_tags() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let text = r#"{"Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*",
        "Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}]}"#;
    let certainty = |principal: &str, trust: Option<&str>| {
        let mut snapshot = crate::role(text);
        snapshot.principal = principal.into();
        snapshot.tags.insert("team".into(), "blue".into());
        snapshot.trust_policy = trust.map(|trust| crate::policy("trust", trust));
        evaluator.grants(&snapshot).get("s3:PutObject").unwrap().certainty
    };
    let (role, user) = ("arn:aws:iam::111122223333:role/Auditor", "arn:aws:iam::111122223333:user/auditor");
    assert_eq!(certainty(user, None), Certainty::Unconditional);
    assert_eq!(certainty(role, None), Certainty::Conditional);
    assert_eq!(
        certainty(role, Some(r#"{"Statement":{"Action":"sts:AssumeRole"}}"#)),
        Certainty::Unconditional
    );
    for trust in [
        r#"{"Statement":{"Action":["sts:AssumeRole","sts:TagSession"]}}"#,
        r#"{"Statement":{"Action":"sts:*"}}"#,
        r#"{"Statement":{"Action":"sts:\u0054agSession"}}"#,
        r#"{"Statement":{"NotAction":"sts:GetCallerIdentity"}}"#,
    ] {
        assert_eq!(certainty(role, Some(trust)), Certainty::Conditional, "{trust}");
    }
}

#[test]
fn a_user_calls_through_federated_sessions_if_a_policy_allows_it_to_create_them() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let certainty = |effect: &str| {
        let text = r#"{"Statement":[{"Effect":"EFFECT","Action":"sts:GetFederationToken","Resource":"*"},
            {"Effect":"Allow","Action":"s3:PutObject","Resource":"*",
            "Condition":{"StringEquals":{"aws:PrincipalType":"FederatedUser"}}}]}"#;
        let mut snapshot = crate::role(&text.replace("EFFECT", effect));
        snapshot.principal = "arn:aws:iam::111122223333:user/auditor".into();
        evaluator.grants(&snapshot).get("s3:PutObject").map(|grant| grant.certainty)
    };
    assert_eq!(certainty("Allow"), Some(Certainty::Unconditional));
    assert_eq!(certainty("Deny"), None);
}
