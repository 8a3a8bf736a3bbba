//! Paths that must be found, and those that must not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::{
    catalog::Catalog,
    grants::{Action, Evaluator, Origin, Policy, Snapshot, StatementId},
};

fn grants(statements: &Value) -> Grants {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let policy = Policy { name: "given".into(), origin: Origin::Given, text: text.into() };
    let snapshot = Snapshot { identity: vec![policy], ..Snapshot::default() };
    Evaluator::new(Catalog::embedded()).grants(&snapshot)
}

fn ids(statements: &Value) -> Vec<String> {
    paths(&grants(statements)).into_iter().map(|path| path.id).collect()
}

/// A grant as the evaluator would give it.
fn grant(action: &str, resources: &[&str], conditions: &[&str]) -> Grant {
    let entry = Catalog::embedded().expand(action).remove(0);
    Grant {
        action: Arc::new(Action::of(entry)),
        certainty: Certainty::Granted,
        reach: Arc::new(Reach {
            statements: vec![StatementId { policy: "p".into(), statement: "#1".into() }],
            resources: resources.iter().map(|text| Arc::from(*text)).collect(),
            except: Vec::new(),
            conditions: conditions.iter().map(|text| Arc::from(*text)).collect(),
        }),
    }
}

fn held(mut held: Vec<Grant>) -> Grants {
    held.sort_by(|a, b| a.action.key.cmp(&b.action.key));
    Grants { held, ..Grants::default() }
}

#[test]
fn every_action_of_every_method_is_one_the_catalog_knows_and_every_id_stands_once() {
    let mut seen = BTreeSet::new();
    for method in methods::all() {
        assert!(seen.insert(method.id), "{}", method.id);
        assert!(method.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        assert!(method.path.contains("{}") && !method.path.ends_with('.'), "{}", method.id);
        assert!(!method.ways.is_empty(), "{}", method.id);
        for action in method.ways.iter().copied().flatten() {
            let found = Catalog::embedded().expand(action);
            assert_eq!(found.iter().map(|entry| entry.key()).collect::<Vec<_>>(), [*action], "{}", method.id);
        }
        let passes = method.ways.iter().all(|way| way.first() == Some(&"iam:PassRole"));
        assert_eq!(passes, !method.passed_to.is_empty(), "{}", method.id);
    }
    assert!(seen.len() >= 60, "{}", seen.len());
}

#[test]
fn an_administrator_has_every_path_and_a_reader_none() {
    let all = ids(&json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    assert_eq!(all.len(), methods::all().count());
    let reads =
        json!([{ "Effect": "Allow", "Action": ["iam:Get*", "iam:List*", "ec2:Describe*"], "Resource": "*" }]);
    assert_eq!(ids(&reads), [""; 0]);
}

#[test]
fn a_path_takes_all_its_actions() {
    let allow = |actions: &[&str]| json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
    assert_eq!(ids(&allow(&["iam:PassRole"])), [""; 0]);
    assert_eq!(ids(&allow(&["iam:PassRole", "ec2:RunInstances"])), ["pass-role-to-ec2"]);
    assert_eq!(ids(&allow(&["ssm:CreateAssociation"])), ["send-command"]);
    assert_eq!(ids(&allow(&["ec2:CreateLaunchTemplateVersion"])), ["change-launch-template"]);
    assert_eq!(ids(&allow(&["elasticmapreduce:AddJobFlowSteps"])), ["add-cluster-steps"]);
    assert_eq!(ids(&allow(&["lambda:CreateFunction", "lambda:InvokeFunction"])), [""; 0]);
}

#[test]
fn the_roles_that_can_be_passed_are_named() {
    let role = "arn:aws:iam::111122223333:role/deploy";
    let found =
        paths(&held(vec![grant("iam:PassRole", &[role], &[]), grant("ec2:RunInstances", &["*"], &[])]));
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].path,
        format!("start an instance with `{role}` and read the role's credentials from it")
    );
    assert_eq!((&*found[0].resources, found[0].is_sure), (&[Arc::from(role)][..], true));
}

#[test]
fn a_role_that_can_be_passed_elsewhere_only_opens_no_path() {
    let run = || grant("ec2:RunInstances", &["*"], &[]);
    let ids = |conditions: &[&str]| -> Vec<String> {
        let grants = held(vec![grant("iam:PassRole", &["*"], conditions), run()]);
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
fn a_statement_that_is_not_told_of_leaves_the_way_open() {
    let mut pass = grant("iam:PassRole", &["*"], &["iam:PassedToService StringEquals lambda.amazonaws.com"]);
    Arc::make_mut(&mut pass.reach)
        .statements
        .push(StatementId { policy: "p".into(), statement: "#2".into() });
    assert_eq!(paths(&held(vec![pass, grant("ec2:RunInstances", &["*"], &[])])).len(), 1);
}

#[test]
fn a_role_that_could_be_passed_anywhere_at_another_time_could_be_passed_anywhere() {
    let confined = "iam:PassedToService StringEquals lambda.amazonaws.com";
    let of = |certainty, conditions: &[&str]| {
        let pass = Grant { certainty, ..grant("iam:PassRole", &["*"], conditions) };
        held(vec![pass, grant("ec2:RunInstances", &["*"], &[])])
    };
    let now = || of(Certainty::Granted, &[confined]);
    assert_eq!(paths(&now()).len(), 0);
    for before in
        [of(Certainty::Granted, &[]), of(Certainty::Conditional, &["aws:MultiFactorAuthPresent Bool true"])]
    {
        assert_eq!(paths(&before.clone().union(now())).len(), 1);
        assert_eq!(paths(&now().union(before)).len(), 1);
    }
    assert_eq!(paths(&of(Certainty::Granted, &[]).union(now())).len(), 1);
}

#[test]
fn looking_after_oneself_is_no_escalation() {
    let own = "arn:aws:iam::*:user/${aws:username}";
    let ids = |resources: &[&str]| paths(&held(vec![grant("iam:CreateAccessKey", resources, &[])])).len();
    assert_eq!(ids(&[own]), 0);
    assert_eq!(ids(&[own, "arn:aws:iam::*:user/admin"]), 1);
    assert_eq!(ids(&["arn:aws:iam::*:user/team/${aws:username}"]), 0);
    for other in ["*${aws:username}", "??${aws:username}", "admin-${aws:username}", "${aws:username}/x"] {
        assert_eq!(ids(&[&format!("arn:aws:iam::*:user/{other}")]), 1, "{other}");
    }
    assert_eq!(ids(&[]), 1);
    // With a policy of one's own choice one user is enough.
    assert_eq!(paths(&held(vec![grant("iam:PutUserPolicy", &[own], &[])])).len(), 1);
}

#[test]
fn a_path_is_as_sure_as_its_least_sure_action() {
    let mut pass = grant("iam:PassRole", &["*"], &[]);
    pass.certainty = Certainty::Conditional;
    let found = paths(&held(vec![pass, grant("ec2:RunInstances", &["*"], &[])]));
    assert_eq!(found.iter().map(|path| path.is_sure).collect::<Vec<_>>(), [false]);
}
