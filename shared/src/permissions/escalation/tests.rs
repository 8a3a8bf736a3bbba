//! Paths that must be found, and paths that must not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    catalog::Catalog,
    grants::{Action, Evaluator, Policy, PolicyOrigin, PolicySnapshot, StatementId},
};

fn grants(statements: &Value) -> Grants {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let policy = Policy { name: "given".into(), origin: PolicyOrigin::Given, text: text.into() };
    let snapshot = PolicySnapshot { identity_policies: vec![policy], ..PolicySnapshot::default() };
    Evaluator::new(Catalog::embedded()).grants(&snapshot)
}

fn ids(statements: &Value) -> Vec<String> {
    paths(&grants(statements)).into_iter().map(|path| path.id).collect()
}

/// A grant as the evaluator returns it.
fn grant(action: &str, resources: &[&str], conditions: &[&str]) -> Grant {
    let entry = Catalog::embedded().expand(action).remove(0);
    Grant {
        action: Arc::new(Action::of(&entry.key(), &entry.facts)),
        certainty: Certainty::Unconditional,
        scope: Arc::new(GrantScope {
            statements: vec![StatementId { policy: "p".into(), statement: "#1".into() }],
            resources: resources.iter().map(|text| Arc::from(*text)).collect(),
            denied_resources: Vec::new(),
            conditions: conditions.iter().map(|text| Arc::from(*text)).collect(),
        }),
    }
}

fn grants_of(mut held: Vec<Grant>) -> Grants {
    held.sort_by(|a, b| a.action.key.cmp(&b.action.key));
    Grants { entries: held, ..Grants::default() }
}

#[test]
fn method_actions_are_known_and_ids_are_unique() {
    let mut seen = BTreeSet::new();
    for method in methods::all() {
        assert!(seen.insert(method.id), "{}", method.id);
        assert!(method.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        assert!(method.description.contains("{}") && !method.description.ends_with('.'), "{}", method.id);
        assert!(!method.action_sets.is_empty(), "{}", method.id);
        for action in method.action_sets.iter().copied().flatten() {
            let found = Catalog::embedded().expand(action);
            assert_eq!(found.iter().map(|entry| entry.key()).collect::<Vec<_>>(), [*action], "{}", method.id);
        }
        let passes = method.action_sets.iter().all(|way| way.first() == Some(&"iam:PassRole"));
        assert_eq!(passes, !method.passed_to_services.is_empty(), "{}", method.id);
    }
    assert!(seen.len() >= 60, "{}", seen.len());
}

#[test]
fn administrator_has_every_path_and_read_only_principal_has_none() {
    let all = ids(&json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    assert_eq!(all.len(), methods::all().count());
    let reads =
        json!([{ "Effect": "Allow", "Action": ["iam:Get*", "iam:List*", "ec2:Describe*"], "Resource": "*" }]);
    assert_eq!(ids(&reads), [""; 0]);
}

#[test]
fn path_requires_all_its_actions() {
    let allow = |actions: &[&str]| json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
    assert_eq!(ids(&allow(&["iam:PassRole"])), [""; 0]);
    assert_eq!(ids(&allow(&["iam:PassRole", "ec2:RunInstances"])), ["pass-role-to-ec2"]);
    assert_eq!(ids(&allow(&["ssm:CreateAssociation"])), ["send-command"]);
    assert_eq!(ids(&allow(&["ec2:CreateLaunchTemplateVersion"])), ["change-launch-template"]);
    assert_eq!(ids(&allow(&["elasticmapreduce:AddJobFlowSteps"])), ["add-cluster-steps"]);
    assert_eq!(ids(&allow(&["lambda:CreateFunction", "lambda:InvokeFunction"])), [""; 0]);
}

#[test]
fn path_names_the_roles_that_can_be_passed() {
    let role = "arn:aws:iam::111122223333:role/deploy";
    let found =
        paths(&grants_of(vec![grant("iam:PassRole", &[role], &[]), grant("ec2:RunInstances", &["*"], &[])]));
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].description,
        format!("start an instance with `{role}` and read the role's credentials from it")
    );
    assert_eq!((&*found[0].resources, found[0].is_unconditional), (&[Arc::from(role)][..], true));
}

#[test]
fn role_restricted_to_other_services_opens_no_path() {
    let run = || grant("ec2:RunInstances", &["*"], &[]);
    let ids = |conditions: &[&str]| -> Vec<String> {
        let grants = grants_of(vec![grant("iam:PassRole", &["*"], conditions), run()]);
        paths(&grants).into_iter().map(|path| path.id).collect()
    };
    let confined = "iam:PassedToService StringEquals lambda.amazonaws.com, ecs-tasks.amazonaws.com";
    assert_eq!(ids(&[confined]), [""; 0]);
    for open in [
        "iam:PassedToService StringEquals ec2.amazonaws.com",
        "iam:PassedToService StringLike *.amazonaws.com",
        "iam:PassedToService StringNotEquals lambda.amazonaws.com",
        "iam:PassedToService StringEqualsIfExists lambda.amazonaws.com",
        "iam:PassedToService StringEquals lambda.amazonaws.com and 3 more",
        "iam:PassedToService StringEquals x and y, ec2.amazonaws.com",
        "aws:RequestTag/a StringEquals b and iam:PassedToService StringEquals lambda.amazonaws.com",
    ] {
        assert_eq!(ids(&[open]), ["pass-role-to-ec2"], "{open}");
        assert_eq!(ids(&[confined, open]), ["pass-role-to-ec2"], "{open}");
    }
}

#[test]
fn statement_without_a_condition_keeps_the_path_open() {
    let mut pass = grant("iam:PassRole", &["*"], &["iam:PassedToService StringEquals lambda.amazonaws.com"]);
    Arc::make_mut(&mut pass.scope)
        .statements
        .push(StatementId { policy: "p".into(), statement: "#2".into() });
    assert_eq!(paths(&grants_of(vec![pass, grant("ec2:RunInstances", &["*"], &[])])).len(), 1);
}

#[test]
fn union_of_grants_keeps_unrestricted_pass_role() {
    let confined = "iam:PassedToService StringEquals lambda.amazonaws.com";
    let of = |certainty, conditions: &[&str]| {
        let pass = Grant { certainty, ..grant("iam:PassRole", &["*"], conditions) };
        grants_of(vec![pass, grant("ec2:RunInstances", &["*"], &[])])
    };
    let now = || of(Certainty::Unconditional, &[confined]);
    assert_eq!(paths(&now()).len(), 0);
    for before in [
        of(Certainty::Unconditional, &[]),
        of(Certainty::Conditional, &["aws:MultiFactorAuthPresent Bool true"]),
    ] {
        assert_eq!(paths(&before.clone().union(now())).len(), 1);
        assert_eq!(paths(&now().union(before)).len(), 1);
    }
    assert_eq!(paths(&of(Certainty::Unconditional, &[]).union(now())).len(), 1);
}

#[test]
fn managing_own_user_is_not_escalation() {
    let own = "arn:aws:iam::*:user/${aws:username}";
    let ids =
        |resources: &[&str]| paths(&grants_of(vec![grant("iam:CreateAccessKey", resources, &[])])).len();
    assert_eq!(ids(&[own]), 0);
    assert_eq!(ids(&[own, "arn:aws:iam::*:user/admin"]), 1);
    assert_eq!(ids(&["arn:aws:iam::*:user/team/${aws:username}"]), 0);
    for other in ["*${aws:username}", "??${aws:username}", "admin-${aws:username}", "${aws:username}/x"] {
        assert_eq!(ids(&[&format!("arn:aws:iam::*:user/{other}")]), 1, "{other}");
    }
    assert_eq!(ids(&[]), 1);
    // A policy of its own choice makes even its own user a path.
    assert_eq!(paths(&grants_of(vec![grant("iam:PutUserPolicy", &[own], &[])])).len(), 1);
}

#[test]
fn path_is_unconditional_only_if_every_action_is() {
    let mut pass = grant("iam:PassRole", &["*"], &[]);
    pass.certainty = Certainty::Conditional;
    let found = paths(&grants_of(vec![pass, grant("ec2:RunInstances", &["*"], &[])]));
    assert_eq!(found.iter().map(|path| path.is_unconditional).collect::<Vec<_>>(), [false]);
}
