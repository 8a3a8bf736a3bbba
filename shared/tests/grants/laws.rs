//! Random policies: the evaluator against the oracle, and laws that need no oracle.
//!
//! Enters: small sets of policies over a small alphabet. Leaves: nothing. Laws: with a complete context a decision
//! equals the oracle's; with a partial context it is definite only if all completions agree; grants are exactly what
//! the oracle allows in some context; an allow never removes a grant; a deny or a limit never adds one; no text
//! panics.

use std::collections::BTreeMap;

use onlooker_core::{
    catalog::Catalog,
    grants::{
        AuthorizationRequest, Certainty, Decision, Evaluator, Grants, Policy, PolicyOrigin, PolicySnapshot,
        RequestContext, ResourceBasedPolicy,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::json;

use crate::oracle::{ACCOUNT, BUCKET, ConditionTest, ContextValues, OraclePolicies, OracleStatement, ROLE};

const ACTIONS: [&str; 5] =
    ["s3:GetObject", "s3:PutObject", "s3:DeleteBucket", "sqs:SendMessage", "iam:PassRole"];
const ACTION_PATTERNS: [&str; 9] = [
    "*",
    "s3:*",
    "S3:get*",
    "s3:PutObject",
    "s3:*Object",
    "sqs:Send?essage",
    "iam:PassRole",
    "s3:?????????????",
    "sqs:*e",
];
const RESOURCE_PATTERNS: [&str; 8] = [
    "*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::a/x",
    "arn:aws:s3:::?/x",
    "arn:aws:s3:::b*",
    "arn:aws:s3:::${aws:PrincipalAccount}",
    "arn:aws:s3:::?*",
];
// One for each combination in which the patterns can match.
const RESOURCES: [&str; 16] = [
    // Requests that name no resource.
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::a/x",
    "arn:aws:s3:::a/y",
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/x",
    "arn:aws:s3:::b/y",
    "arn:aws:s3:::c/x",
    "arn:aws:s3:::c/y",
    "arn:aws:s3:::111122223333",
    "arn:aws:s3:eu-west-1:111122223333:accesspoint/p/object/o",
    "arn:aws:s3:::d",
    "arn:aws:s3:::",
    "arn:aws:sqs:eu-west-1:111122223333:q",
    "arn:aws:iam::111122223333:role/r",
];
const CALLER_CHOSEN_KEY: &str = "aws:RequestedRegion";

/// Values a key may have, its absence included.
fn domain(key: &str) -> Vec<Vec<&'static str>> {
    match key {
        "aws:SourceVpc" => vec![vec![], vec!["v1"], vec!["w"]],
        "aws:MultiFactorAuthPresent" => vec![vec![], vec!["true"], vec!["false"]],
        "x:Many" => vec![vec![], vec!["p"], vec!["p", "r"], vec!["r"]],
        "x:Number" => vec![vec![], vec!["4"], vec!["9"]],
        CALLER_CHOSEN_KEY => vec![vec!["r1"], vec!["r2"]],
        _ => vec![vec![]],
    }
}

fn condition_test() -> impl Strategy<Value = ConditionTest> {
    let tests: Vec<(&str, &str, &[&str])> = vec![
        ("StringEquals", "aws:SourceVpc", &["v1"]),
        ("StringNotEquals", "aws:SourceVpc", &["v1", "v2"]),
        ("StringEqualsIfExists", "aws:SourceVpc", &["v1"]),
        ("StringNotEqualsIfExists", "aws:SourceVpc", &["v1"]),
        ("StringLike", "aws:SourceVpc", &["v*"]),
        ("StringNotLike", "aws:SourceVpc", &["?1"]),
        ("Null", "aws:SourceVpc", &["true"]),
        ("Null", "aws:SourceVpc", &["false"]),
        ("Bool", "aws:MultiFactorAuthPresent", &["true"]),
        ("BoolIfExists", "aws:MultiFactorAuthPresent", &["false"]),
        ("ForAllValues:StringEquals", "x:Many", &["p"]),
        ("ForAnyValue:StringEquals", "x:Many", &["p", "q"]),
        ("ForAllValues:StringNotEquals", "x:Many", &["p"]),
        ("ForAnyValue:StringNotEquals", "x:Many", &["p"]),
        ("ForAllValues:StringLike", "x:Many", &["r*"]),
        ("NumericLessThan", "x:Number", &["5"]),
        ("NumericNotEquals", "x:Number", &["4", "5"]),
        ("StringEquals", "aws:PrincipalAccount", &[ACCOUNT]),
        ("StringEquals", "aws:PrincipalAccount", &["999999999999"]),
        ("StringNotEquals", "aws:PrincipalAccount", &["${aws:PrincipalAccount}"]),
        ("StringLike", "aws:PrincipalArn", &["*:role/Aud*"]),
        ("StringEquals", CALLER_CHOSEN_KEY, &["r1"]),
        ("StringNotEquals", CALLER_CHOSEN_KEY, &["r1"]),
    ];
    select(tests).prop_map(|(operator, key, values)| ConditionTest { operator, key, values: values.to_vec() })
}

fn oracle_statement() -> impl Strategy<Value = OracleStatement> {
    let conditions = prop_oneof![3 => Just(Vec::new()), 2 => vec(condition_test(), 1..3)];
    let principals = vec(select(vec!["*", ROLE, "arn:aws:iam::111122223333:role/Other"]), 1..3);
    (
        prop::bool::weighted(0.65),
        prop::bool::weighted(0.15),
        vec(select(ACTION_PATTERNS.to_vec()), 1..3),
        prop::bool::weighted(0.15),
        vec(select(RESOURCE_PATTERNS.to_vec()), 1..3),
        conditions,
        prop::bool::weighted(0.15),
        principals,
    )
        .prop_map(
            |(allows, not_action, actions, not_resource, resources, mut tests, not_principal, principals)| {
                tests.dedup_by(|a, b| (a.operator, a.key) == (b.operator, b.key));
                OracleStatement {
                    allows,
                    not_action,
                    actions,
                    not_resource,
                    resources,
                    tests,
                    not_principal,
                    principals,
                }
            },
        )
}

fn oracle_policies() -> impl Strategy<Value = OraclePolicies> {
    let seldom = |most| option::weighted(0.3, vec(oracle_statement(), 1..most));
    (
        vec(oracle_statement(), 1..4),
        seldom(3),
        option::weighted(0.3, vec(vec(oracle_statement(), 1..3), 1..3)),
        seldom(2),
        seldom(3),
    )
        .prop_map(|(identity, boundary, levels, control, bucket)| OraclePolicies {
            identity,
            permissions_boundary: boundary,
            service_control_levels: levels,
            resource_control: control,
            bucket_policy: bucket,
        })
}

fn policy(name: &str, statements: &[OracleStatement], of_resource: bool) -> Policy {
    let statements: Vec<_> = statements.iter().map(|stmt| stmt.to_json(of_resource)).collect();
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Policy { name: name.into(), origin: PolicyOrigin::Inline, text: text.into() }
}

fn snapshot(policies: &OraclePolicies) -> PolicySnapshot {
    PolicySnapshot {
        principal: ROLE.into(),
        account: ACCOUNT.into(),
        identity_policies: vec![policy("identity", &policies.identity, false)],
        permissions_boundary: policies
            .permissions_boundary
            .as_ref()
            .map(|list| policy("boundary", list, false)),
        is_boundary_known: true,
        service_control_policies: policies
            .service_control_levels
            .as_ref()
            .map(|levels| levels.iter().map(|list| vec![policy("scp", list, false)]).collect()),
        // A resource control policy has `*` as its principal.
        resource_control_policies: policies.resource_control.as_ref().map(|list| {
            let all: Vec<OracleStatement> = list
                .iter()
                .map(|stmt| OracleStatement { principals: vec!["*"], not_principal: false, ..stmt.clone() })
                .collect();
            vec![vec![policy("rcp", &all, true)]]
        }),
        resource_based_policies: policies
            .bucket_policy
            .iter()
            .map(|list| ResourceBasedPolicy { resource: BUCKET.into(), policy: policy("bucket", list, true) })
            .collect(),
        ..PolicySnapshot::default()
    }
}

fn statements(policies: &OraclePolicies) -> impl Iterator<Item = &OracleStatement> {
    let levels = policies.service_control_levels.iter().flatten().flatten();
    let lists = policies
        .permissions_boundary
        .iter()
        .chain(&policies.resource_control)
        .chain(&policies.bucket_policy)
        .flatten();
    policies.identity.iter().chain(levels).chain(lists)
}

/// All contexts over the keys that the conditions test.
fn contexts(policies: &OraclePolicies) -> Vec<ContextValues> {
    let mut keys: Vec<&'static str> =
        statements(policies).flat_map(|stmt| &stmt.tests).map(|test| test.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().fold(vec![ContextValues::new()], |all, key| {
        let with = |values: &Vec<&'static str>| {
            all.iter()
                .map(|context| {
                    let mut context = context.clone();
                    context.insert(key, values.clone());
                    context
                })
                .collect::<Vec<_>>()
        };
        domain(key).iter().flat_map(with).collect()
    })
}

fn context(values: &ContextValues, is_complete: bool) -> RequestContext {
    let own = |list: &Vec<&str>| list.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let keys: BTreeMap<String, Vec<String>> = values
        .iter()
        .filter(|(key, _)| !key.starts_with("aws:Principal"))
        .map(|(key, list)| (key.to_ascii_lowercase(), own(list)))
        .collect();
    RequestContext { keys, is_complete }
}

fn evaluator() -> &'static Evaluator<'static> {
    static EVALUATOR: std::sync::OnceLock<Evaluator<'static>> = std::sync::OnceLock::new();
    EVALUATOR.get_or_init(|| Evaluator::new(Catalog::embedded()))
}

fn certainty(grants: &Grants, action: &str) -> Option<Certainty> {
    grants.get(action).map(|grant| grant.certainty)
}

/// No grant was lost: each action is at least as certain as before.
fn assert_nothing_lost(before: &Grants, after: &Grants) -> Result<(), TestCaseError> {
    for grant in &before.entries {
        prop_assert!(certainty(after, &grant.action.key) >= Some(grant.certainty), "{}", grant.action.key);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn with_a_complete_context_it_agrees_with_the_oracle(policies in oracle_policies(), pick in any::<prop::sample::Index>()) {
        let snapshot = snapshot(&policies);
        let all = contexts(&policies);
        let values = pick.get(&all);
        let context = context(values, true);
        for action in ACTIONS {
            for resource in RESOURCES {
                let decision = evaluator().decide(&snapshot, &AuthorizationRequest { action, resource, context: &context });
                let wanted = policies.allows(action, resource, values);
                prop_assert!(
                    match &decision {
                        Decision::Allowed(by) => wanted && !by.is_empty(),
                        Decision::Denied(_) => !wanted,
                        Decision::Conditional(_) => false,
                    },
                    "{action} on {resource} in {values:?}: {decision:?}, the oracle says {wanted}"
                );
            }
        }
    }

    #[test]
    fn with_a_partial_context_it_decides_only_if_all_completions_agree(policies in oracle_policies(), hide in vec(any::<bool>(), 8), pick in any::<prop::sample::Index>()) {
        let snapshot = snapshot(&policies);
        let all = contexts(&policies);
        let mut known = pick.get(&all).clone();
        let mut hide = hide.iter();
        known.retain(|_, _| !hide.next().copied().unwrap_or(false));
        let possible: Vec<&ContextValues> = all.iter().filter(|values| known.iter().all(|(key, list)| values.get(key) == Some(list))).collect();
        let context = context(&known, false);
        for action in ACTIONS {
            for resource in RESOURCES {
                match evaluator().decide(&snapshot, &AuthorizationRequest { action, resource, context: &context }) {
                    Decision::Allowed(_) => prop_assert!(possible.iter().all(|values| policies.allows(action, resource, values))),
                    Decision::Denied(_) => prop_assert!(possible.iter().all(|values| !policies.allows(action, resource, values))),
                    Decision::Conditional(on) => prop_assert!(!on.is_empty()),
                }
            }
        }
    }
}

// Each of these evaluates every action of the catalog.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn grants_are_exactly_what_the_oracle_allows(policies in oracle_policies()) {
        let grants = evaluator().grants(&snapshot(&policies));
        let all = contexts(&policies);
        let choices = statements(&policies).flat_map(|stmt| &stmt.tests).filter(|test| test.key == CALLER_CHOSEN_KEY).count();
        // A resource control policy depends on the account of the resource.
        let has_conditions = statements(&policies).any(|stmt| !stmt.tests.is_empty()) || policies.resource_control.is_some();
        for action in ACTIONS {
            let held = certainty(&grants, action);
            let is_allowed = |resource: &str, values: &ContextValues| policies.allows(action, resource, values);
            let ever = RESOURCES.iter().any(|resource| all.iter().any(|values| is_allowed(resource, values)));
            prop_assert!(!ever || held.is_some(), "{action} is allowed and not granted");
            prop_assert!(has_conditions || held != Some(Certainty::Conditional), "{action} is conditional without a condition");
            // Two conditions on a key that the caller chooses may exclude each other; grants do not evaluate that.
            if held == Some(Certainty::Unconditional) && choices <= 1 {
                let regions: &[Option<&str>] = if choices == 0 { &[None] } else { &[Some("r1"), Some("r2")] };
                let always = RESOURCES.iter().any(|resource| regions.iter().any(|region| {
                    all.iter()
                        .filter(|values| region.is_none_or(|region| values[CALLER_CHOSEN_KEY] == [region]))
                        .all(|values| is_allowed(resource, values))
                }));
                prop_assert!(always, "{action} is unconditional, and no resource allows it in every context");
            }
        }
    }

    #[test]
    fn an_allow_never_removes_and_a_limit_never_adds_grants(policies in oracle_policies(), more in oracle_statement(), limit in vec(oracle_statement(), 1..3)) {
        let before = evaluator().grants(&snapshot(&policies));
        let mut wider = policies.clone();
        wider.identity.push(OracleStatement { allows: true, ..more.clone() });
        assert_nothing_lost(&before, &evaluator().grants(&snapshot(&wider)))?;
        let mut denied = policies.clone();
        denied.identity.push(OracleStatement { allows: false, ..more });
        assert_nothing_lost(&evaluator().grants(&snapshot(&denied)), &before)?;
        let mut bounded = policies.clone();
        if bounded.permissions_boundary.is_none() {
            bounded.permissions_boundary = Some(limit.clone());
            assert_nothing_lost(&evaluator().grants(&snapshot(&bounded)), &before)?;
        }
        let mut governed = policies.clone();
        governed.service_control_levels.get_or_insert_default().push(limit);
        assert_nothing_lost(&evaluator().grants(&snapshot(&governed)), &before)?;
    }

    #[test]
    fn no_text_panics(text in "\\PC*", at in 0_usize..400, policies in oracle_policies()) {
        let mut bytes = policy("identity", &policies.identity, true).text.to_string().into_bytes();
        let at = at.min(bytes.len());
        bytes.splice(at..at, text.bytes());
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            let one = || Policy { name: "any".into(), origin: PolicyOrigin::Given, text: text.as_str().into() };
            let snapshot = PolicySnapshot {
                principal: text.as_str().into(),
                identity_policies: vec![one()],
                permissions_boundary: Some(one()),
                service_control_policies: Some(vec![vec![one()]]),
                resource_control_policies: Some(vec![vec![one()]]),
                resource_based_policies: vec![ResourceBasedPolicy { resource: text.as_str().into(), policy: one() }],
                trust_policy: Some(one()),
                ..PolicySnapshot::default()
            };
            let grants = evaluator().grants(&snapshot);
            prop_assert!(!grants.problems.is_empty() || !grants.entries.is_empty() || text.contains("Deny") || text.contains("Principal"));
            let context = RequestContext::default();
            evaluator().decide(&snapshot, &AuthorizationRequest { action: &text, resource: &text, context: &context });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn grants_do_not_depend_on_earlier_evaluations(policies in oracle_policies()) {
        let snapshot = snapshot(&policies);
        let fresh = Evaluator::new(Catalog::embedded());
        prop_assert_eq!(fresh.grants(&snapshot), evaluator().grants(&snapshot));
    }
}
