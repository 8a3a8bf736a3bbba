//! Invalid policy documents, and the problems reported for them.
//!
//! Enters: texts. Leaves: nothing. Law: a document that cannot be read is reported as a problem, allows nothing and
//! denies nothing. It removes no limit that another policy sets, and it adds none.

use onlooker_core::{
    catalog::Catalog,
    grants::{Certainty, Evaluator, PolicyProblemKind},
};

const ALLOW: &str = r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

fn policy_of(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{{members}}}}}"#)
}

#[test]
fn an_invalid_policy_is_malformed_and_grants_nothing() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let long = policy_of(&format!(r#""Effect":"Allow","Action":"s3:{}","Resource":"*""#, "a".repeat(3_000)));
    let huge =
        format!("{}{}", policy_of(r#""Effect":"Allow","Action":"s3:*","Resource":"*""#), " ".repeat(300_000));
    let one = |members: &str| policy_of(members);
    let texts = [
        String::new(),
        "{}".into(),
        "[]".into(),
        "null".into(),
        deep,
        long,
        huge,
        r#"{"Statement":null}"#.into(),
        r#"{"Version":"2026-01-01","Statement":[]}"#.into(),
        r#"{"Version":"2012-10-17","version":"2008-10-17","Statement":[]}"#.into(),
        r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}],"Statement":[]}"#.into(),
        one(r#""Effect":"allow","Action":"s3:*","Resource":"*""#),
        one(r#""Effect":["Allow"],"Action":"s3:*","Resource":"*""#),
        one(r#""Action":"s3:*","Resource":"*""#),
        one(r#""Effect":"Allow","Resource":"*""#),
        one(r#""Effect":"Allow","Action":"s3:*""#),
        one(r#""Effect":"Allow","Action":[],"Resource":"*""#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":[]"#),
        one(r#""Effect":"Allow","Action":{"a":1},"Resource":"*""#),
        one(r#""Effect":"Allow","Action":[["s3:*"]],"Resource":"*""#),
        one(r#""Effect":"Allow","Action":"s3:*","NotAction":"iam:*","Resource":"*""#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":"*","NotResource":"a""#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":"*","Action":"iam:*""#),
        one(r#""Effect":"Allow","action":"s3:*","Resource":"*""#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*""#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":"none""#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":"true"}"#),
        one(r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":null}}"#),
        one(
            r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":true},"Bool":{"a:c":true}}"#,
        ),
        one(
            r#""Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":true,"A:B":false}}"#,
        ),
    ];
    for text in texts {
        let grants = evaluator.grants(&crate::role(&text));
        let shown: String = text.chars().take(120).collect();
        assert!(grants.entries.is_empty(), "{shown}");
        assert_eq!(grants.problems.len(), 1, "{shown}: {:?}", grants.problems);
        assert_eq!(grants.problems[0].kind, PolicyProblemKind::Malformed, "{shown}");
        assert!(grants.problems[0].message.len() < 400, "{shown}");
        // It does not affect other policies, and denies nothing.
        let mut both = crate::role(ALLOW);
        both.identity_policies.push(crate::policy("broken", &text.replace("Allow", "Deny")));
        assert_eq!(
            evaluator.grants(&both).get("s3:PutObject").unwrap().certainty,
            Certainty::Unconditional,
            "{shown}"
        );
    }
}

#[test]
fn every_valid_form_of_a_policy_is_read() {
    let evaluator = Evaluator::new(Catalog::embedded());
    for text in [
        r#"{"Id":"x","Statement":{"Sid":"","Effect":"Allow","Action":["s3:*"],"Resource":["*"]}}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{}}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{}}}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:PrincipalIsAWSService":false}}}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NumericEquals":{"aws:PrincipalAccount":111122223333}}}]}"#,
    ] {
        let grants = evaluator.grants(&crate::role(text));
        assert_eq!(grants.problems, [], "{text}");
        assert_eq!(grants.get("s3:PutObject").unwrap().certainty, Certainty::Unconditional, "{text}");
    }
    let grants = evaluator.grants(&crate::role(r#"{"Version":"2012-10-17","Statement":[]}"#));
    assert!(grants.entries.is_empty() && grants.problems.is_empty());
}

#[test]
fn policy_variables_before_version_2012_are_literal_text() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let text = |version: &str| {
        format!(
            r#"{{{version}"Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${{aws:PrincipalAccount}}"}},
               {{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/111122223333"}}]}}"#
        )
    };
    let is_held = |version| evaluator.grants(&crate::role(&text(version))).get("s3:PutObject").is_some();
    assert!(is_held("") && is_held(r#""Version":"2008-10-17","#));
    assert!(!is_held(r#""Version":"2012-10-17","#));
}

#[test]
fn an_unknown_element_makes_its_statement_conditional() {
    let evaluator = Evaluator::new(Catalog::embedded());
    for (text, wanted) in [
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Until":"noon"}]}"#,
            Certainty::Conditional,
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"a:b":[]}}}]}"#,
            Certainty::Conditional,
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*","Until":"noon"}]}"#,
            Certainty::Conditional,
        ),
    ] {
        let grants = evaluator.grants(&crate::role(text));
        assert_eq!(grants.get("s3:PutObject").unwrap().certainty, wanted, "{text}");
        assert_eq!(grants.problems[0].kind, PolicyProblemKind::Unsupported, "{text}");
    }
}

#[test]
fn an_unreadable_limiting_policy_makes_grants_conditional() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let mut snapshot = crate::role(ALLOW);
    snapshot.permissions_boundary = Some(crate::policy("boundary", "{"));
    let grants = evaluator.grants(&snapshot);
    assert_eq!(grants.get("s3:PutObject").unwrap().certainty, Certainty::Conditional);
    assert_eq!(grants.problems[0].kind, PolicyProblemKind::Malformed);
    let mut snapshot = crate::role(ALLOW);
    snapshot.service_control_policies =
        Some(vec![vec![crate::policy("scp", &policy_of(r#""Effect":"Allow","Action":"s3:*""#))]]);
    assert_eq!(evaluator.grants(&snapshot).get("s3:PutObject").unwrap().certainty, Certainty::Conditional);
}

#[test]
fn statements_are_distinct_whatever_their_sids() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let text = r##"{"Statement":[
        {"Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/o"},
        {"Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/o"},
        {"Sid":"#1","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::c/o"},
        {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::d/o"}]}"##;
    let grants = evaluator.grants(&crate::role(text));
    let labels: Vec<&str> = grants.entries[0].scope.statements.iter().map(|id| &*id.statement).collect();
    assert_eq!(labels, ["#2 A", "#3 #1", "#4", "A"]);
}

#[test]
fn an_unknown_action_is_granted_and_listed() {
    let evaluator = Evaluator::new(Catalog::embedded());
    let grants = evaluator.grants(&crate::role(
        r#"{"Statement":[{"Sid":"S","Effect":"Allow","Action":["s3:GetObject","s3:MakeCoffee","Tea:*"],"Resource":"*"}]}"#,
    ));
    let keys: Vec<&str> = grants.entries.iter().map(|grant| &*grant.action.key).collect();
    assert_eq!(keys, ["Tea:*", "s3:GetObject", "s3:MakeCoffee"]);
    assert!(
        grants.entries.iter().all(|grant| grant.action.is_known == (&*grant.action.key == "s3:GetObject"))
    );
    assert!(grants.problems.iter().all(|problem| problem.kind == PolicyProblemKind::UnknownAction));
    assert_eq!(grants.problems.len(), 2);
}
