//! Changes of policies, and whether they grant more.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    catalog::Catalog,
    config::Override,
    grants::{PolicyOrigin, undetermined_text},
};

const ROLE: &str = "arn:aws:iam::111122223333:role/R";

fn evaluator() -> &'static Evaluator<'static> {
    static EVALUATOR: std::sync::LazyLock<Evaluator<'static>> =
        std::sync::LazyLock::new(|| Evaluator::new(Catalog::embedded()));
    &EVALUATOR
}

fn snapshot_of(text: &str) -> PolicySnapshot {
    PolicySnapshot {
        principal: ROLE.into(),
        identity_policies: vec![Policy { name: "p".into(), origin: PolicyOrigin::Given, text: text.into() }],
        is_boundary_known: true,
        ..PolicySnapshot::default()
    }
}

fn snapshot(statements: &Value) -> PolicySnapshot {
    snapshot_of(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string())
}

fn diff_with(config: &Config, old: Option<&PolicySnapshot>, new: Option<&PolicySnapshot>) -> PrincipalDiff {
    compare_snapshots(&ROLE.into(), old, new, config)
}

fn compare_snapshots(
    principal: &Arc<str>,
    old: Option<&PolicySnapshot>,
    new: Option<&PolicySnapshot>,
    config: &Config,
) -> PrincipalDiff {
    let side = |side: Option<&PolicySnapshot>| side.map(|one| DiffSide::of(evaluator(), one.clone()));
    compare(principal, side(old).as_ref(), side(new).as_ref(), config, Time(0))
}

fn diff(old: &Value, new: &Value) -> PrincipalDiff {
    diff_with(&Config::default(), Some(&snapshot(old)), Some(&snapshot(new)))
}

fn allow(action: &str, resource: &Value, condition: &Value) -> Value {
    json!([{ "Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition }])
}

fn put(resource: &Value) -> Value {
    allow("s3:PutObject", resource, &json!({}))
}

#[test]
fn actions_are_granted_revoked_and_changed() {
    let old = json!([{ "Effect": "Allow", "Action": ["s3:GetObject", "sqs:SendMessage", "sns:Publish"], "Resource": "*" }]);
    let new = json!([
        { "Effect": "Allow", "Action": ["s3:GetObject", "iam:CreateUser"], "Resource": "*" },
        { "Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:*:*:x" },
    ]);
    let diff = diff(&old, &new);
    let names =
        |changes: &[ActionChange]| changes.iter().map(|one| one.action.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&diff.granted), ["iam:CreateUser"]);
    assert_eq!(names(&diff.revoked), ["sqs:SendMessage"]);
    assert_eq!(names(&diff.changed), ["sns:Publish"]);
    assert_eq!((diff.change, diff.access_change), (PrincipalChange::Changed, AccessChange::NewAccess));
    assert_eq!(diff.changed[0].access_change, AccessChange::NoNewAccess, "fewer resources");
}

#[test]
fn each_change_of_one_grant_has_its_result() {
    let tag = |value: &str| json!({ "StringEquals": { "aws:PrincipalTag/team": value } });
    let region = |value: &str| json!({ "StringEquals": { "aws:RequestedRegion": value } });
    let none = json!({});
    let with = |condition: &Value| allow("s3:PutObject", &json!("*"), condition);
    let denied = |resource: &str| {
        json!([
            { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*" },
            { "Effect": "Deny", "Action": "s3:PutObject", "Resource": resource },
        ])
    };
    use AccessChange::{Indeterminate, NewAccess, NoNewAccess};
    for (old, new, wanted, why) in [
        (put(&json!("*")), put(&json!("*")), NoNewAccess, "equal"),
        (json!([]), put(&json!("arn:aws:s3:::a/*")), NewAccess, "a new write"),
        (json!([]), allow("s3:ListBucket", &json!("*"), &none), NoNewAccess, "a new read"),
        (json!([]), with(&tag("a")), Indeterminate, "a new write on a condition"),
        (put(&json!("*")), json!([]), NoNewAccess, "a write is revoked"),
        (put(&json!("arn:aws:s3:::a/*")), put(&json!("arn:aws:s3:::a/b/*")), NoNewAccess, "narrower"),
        (put(&json!("arn:aws:s3:::a/b/*")), put(&json!("arn:aws:s3:::a/*")), NewAccess, "wider"),
        (
            put(&json!("arn:aws:s3:::a/*")),
            put(&json!(["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"])),
            NewAccess,
            "one more",
        ),
        (
            put(&json!("arn:aws:s3:::${aws:userid}/*")),
            put(&json!("arn:aws:s3:::a/*")),
            Indeterminate,
            "a variable",
        ),
        (put(&json!("*")), put(&json!("arn:aws:s3:::${aws:userid}/*")), NoNewAccess, "within everything"),
        (
            put(&json!("arn:aws:s3:::${a}/*")),
            put(&json!("arn:aws:s3:::${a}/b/*")),
            NoNewAccess,
            "the same variable",
        ),
        (
            put(&json!("arn:aws:s3:::${a}/b/*")),
            put(&json!("arn:aws:s3:::${a}/*")),
            NewAccess,
            "wider than it was",
        ),
        (
            put(&json!("arn:aws:s3:::${a}/*")),
            put(&json!("arn:aws:s3:::${b}/*")),
            Indeterminate,
            "another variable",
        ),
        (
            put(&json!("arn:aws:s3:::*aws*")),
            put(&json!("arn:aws:s3:::${aws:userid}")),
            Indeterminate,
            "its name is not known",
        ),
        (
            put(&json!("arn:aws:s3:::?????")),
            put(&json!("arn:aws:s3:::${ab}")),
            Indeterminate,
            "its length is not known",
        ),
        (with(&tag("a")), with(&none), NewAccess, "a condition is gone"),
        (with(&none), with(&tag("a")), NoNewAccess, "a condition is new"),
        (with(&tag("a")), with(&tag("b")), Indeterminate, "another condition"),
        (with(&region("a")), with(&region("b")), Indeterminate, "another value that the caller chooses"),
        (with(&region("a")), with(&none), NewAccess, "no value any more"),
        (put(&json!("*")), denied("arn:aws:s3:::a/*"), NoNewAccess, "a new deny"),
        (denied("arn:aws:s3:::a/*"), put(&json!("*")), NewAccess, "a deny is gone"),
        (denied("arn:aws:s3:::a/*"), denied("arn:aws:s3:::a/b/*"), NewAccess, "a narrower deny"),
        (denied("arn:aws:s3:::a/b/*"), denied("arn:aws:s3:::a/*"), NoNewAccess, "a wider deny"),
        (
            denied("arn:aws:s3:::a/*"),
            put(&json!("arn:aws:s3:::b/*")),
            NoNewAccess,
            "the deny would meet nothing",
        ),
        (json!([]), allow("new:DoIt", &json!("*"), &none), Indeterminate, "an unknown action"),
        (json!([]), allow("new:Do*", &json!("*"), &none), Indeterminate, "an unknown pattern"),
    ] {
        assert_eq!(diff(&old, &new).access_change, wanted, "{why}");
    }
}

#[test]
fn a_further_deny_on_a_condition_narrows() {
    let deny = json!({
        "Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": { "StringEquals": { "aws:PrincipalTag/a": "b" } },
    });
    let condition = json!({ "StringEquals": { "aws:PrincipalTag/team": "a" } });
    let old = allow("s3:PutObject", &json!("*"), &condition);
    let mut new = old.clone();
    new.as_array_mut().unwrap().push(deny);
    assert_eq!(diff(&old, &new).access_change, AccessChange::NoNewAccess);
    assert_eq!(
        diff(&new, &old).access_change,
        AccessChange::Indeterminate,
        "a condition is gone, others are left"
    );
    // The name of a condition key does not pass for a deny.
    let forged = json!([old[0], {
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": { "StringEquals": { "unless x": "b" } },
    }]);
    assert_eq!(diff(&old, &forged).access_change, AccessChange::Indeterminate);
}

#[test]
fn a_resource_that_loses_its_own_condition_is_no_longer_the_same() {
    let tag = |value: &str| json!({ "StringEquals": { "aws:PrincipalTag/team": value } });
    let with = |rows: &[(&str, Value)]| -> Value {
        let rows = rows.iter().map(|(resource, condition)| {
            json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": resource, "Condition": condition })
        });
        rows.collect()
    };
    let (a, b) = ("arn:aws:s3:::a/*", "arn:aws:s3:::a/b");
    let none = json!({});
    let old = with(&[(a, tag("x")), (b, none.clone())]);
    // The grant as a whole is unconditional on both sides.
    assert_ne!(diff(&old, &with(&[(a, none.clone())])).access_change, AccessChange::NoNewAccess);
    assert_eq!(
        diff(&old, &with(&[(a, tag("y")), (b, none.clone())])).access_change,
        AccessChange::Indeterminate
    );
    assert_eq!(diff(&old, &with(&[(a, tag("x"))])).access_change, AccessChange::NoNewAccess);
    let swapped = with(&[("arn:aws:s3:::c/*", tag("x")), (a, tag("y"))]);
    let old = with(&[(a, tag("x")), ("arn:aws:s3:::c/*", tag("y"))]);
    assert_eq!(diff(&old, &swapped).access_change, AccessChange::Indeterminate);
    let not =
        |resources: Value| json!([{ "Effect": "Allow", "Action": "s3:PutObject", "NotResource": resources }]);
    assert_eq!(
        diff(&not(json!([a, "arn:aws:s3:::c"])), &not(json!([a]))).access_change,
        AccessChange::Indeterminate
    );
    assert_eq!(diff(&not(json!([a])), &not(json!([a]))).access_change, AccessChange::NoNewAccess);
}

#[test]
fn a_boundary_that_is_gone_or_wider_grants_more() {
    let with = |boundary: Option<&str>| {
        let mut snapshot = snapshot(&put(&json!("*")));
        let text =
            |resource| json!({ "Version": "2012-10-17", "Statement": put(&json!(resource)) }).to_string();
        snapshot.permissions_boundary = boundary.map(|resource| Policy {
            name: "b".into(),
            origin: PolicyOrigin::Attached,
            text: text(resource).into(),
        });
        snapshot
    };
    let of = |old, new| diff_with(&Config::default(), Some(&with(old)), Some(&with(new))).access_change;
    let (a, b) = (Some("arn:aws:s3:::a/*"), Some("arn:aws:s3:::a/b/*"));
    assert_eq!(of(None, a), AccessChange::NoNewAccess);
    assert_eq!(of(a, b), AccessChange::NoNewAccess);
    assert_eq!(of(a, a), AccessChange::NoNewAccess);
    assert_ne!(of(a, None), AccessChange::NoNewAccess);
    assert_ne!(of(b, a), AccessChange::NoNewAccess);
}

#[test]
fn what_an_override_tolerates_is_no_new_access() {
    let entry = Override {
        id: "own".into(),
        principal: ROLE.into(),
        operation: "s3:PutObject".into(),
        resource: Some("arn:aws:s3:::a/*".into()),
        owner: "a".into(),
        reason: "b".into(),
        from: None,
        expires: Time(1),
    };
    let config = Config { overrides: vec![entry], ..Config::default() };
    let of = |resource: &str| {
        diff_with(&config, Some(&snapshot(&json!([]))), Some(&snapshot(&put(&json!(resource)))))
    };
    let within = of("arn:aws:s3:::a/b");
    assert_eq!(
        (within.access_change, within.granted[0].tolerated_by.as_deref()),
        (AccessChange::NoNewAccess, Some("own"))
    );
    assert_eq!(of("arn:aws:s3:::b/*").access_change, AccessChange::NewAccess);
}

#[test]
fn a_new_principal_is_compared_with_nothing() {
    let write = snapshot(&put(&json!("*")));
    let read = snapshot(&allow("s3:ListBucket", &json!("*"), &json!({})));
    let config = Config::default();
    let added = diff_with(&config, None, Some(&write));
    assert_eq!((added.change, added.access_change), (PrincipalChange::Added, AccessChange::NewAccess));
    assert_eq!(diff_with(&config, None, Some(&read)).access_change, AccessChange::NoNewAccess);
    let removed = diff_with(&config, Some(&write), None);
    assert_eq!(
        (removed.change, removed.access_change),
        (PrincipalChange::Removed, AccessChange::NoNewAccess)
    );
}

#[test]
fn a_policy_that_cannot_be_read_is_undecided_unless_it_is_the_same_on_both_sides() {
    let with = |name: &str, text: &str| {
        let mut snapshot = snapshot(&json!([]));
        snapshot.identity_policies.push(Policy {
            name: name.into(),
            origin: PolicyOrigin::Attached,
            text: text.into(),
        });
        snapshot
    };
    let of = |old: &PolicySnapshot, new: &PolicySnapshot| {
        diff_with(&Config::default(), Some(old), Some(new)).access_change
    };
    let (a, b) = ("arn:aws:iam::aws:policy/A", "arn:aws:iam::aws:policy/B");
    assert_eq!(of(&with(a, ""), &with(a, "")), AccessChange::NoNewAccess);
    assert_eq!(of(&with(a, ""), &with(b, "")), AccessChange::Indeterminate);
    assert_eq!(of(&snapshot(&json!([])), &with(a, "")), AccessChange::Indeterminate);
    assert_eq!(of(&with(a, ""), &snapshot(&json!([]))), AccessChange::NoNewAccess);
    let unknown = undetermined_text("known after apply");
    assert_eq!(of(&with("x", &unknown), &with("x", &unknown)), AccessChange::Indeterminate);
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    assert_eq!(of(&with(a, document), &with(a, "")), AccessChange::Indeterminate);
}

#[test]
fn principals_are_paired_by_arn_and_by_name_without_an_account() {
    let named = |arn: &str| PolicySnapshot { principal: arn.into(), ..PolicySnapshot::default() };
    let pairs = |old: &[&str], new: &[&str]| -> Vec<(Option<String>, Option<String>)> {
        let of = |arns: &[&str]| arns.iter().map(|arn| named(arn)).collect();
        let name = |one: Option<PolicySnapshot>| one.map(|one| one.principal.to_string());
        let mut all: Vec<_> =
            pair(of(old), of(new)).into_iter().map(|pair| (name(pair.old), name(pair.new))).collect();
        all.sort();
        all
    };
    let some = |text: &str| Some(text.to_owned());
    let (open, known, other) =
        ("arn:aws:iam::*:role/a", "arn:aws:iam::111122223333:role/a", "arn:aws:iam::444455556666:role/a");
    assert_eq!(pairs(&[known], &[known]), [(some(known), some(known))]);
    assert_eq!(pairs(&[known], &[open]), [(some(known), some(open))]);
    assert_eq!(pairs(&[known], &[other]), [(None, some(other)), (some(known), None)]);
    assert_eq!(pairs(&[known, other], &[open]).len(), 3, "which of the two it is, is not known");
    assert_eq!(pairs(&["old.json"], &["new.json"]), [(some("old.json"), some("new.json"))]);
    assert_eq!(pairs(&["old.json"], &[open]), [(some("old.json"), some(open))]);
    assert_eq!(pairs(&["old.json"], &[open, known]).len(), 3);
    let pair = PrincipalPair { old: Some(named(known)), new: Some(named(open)) };
    assert_eq!(&*pair.principal(), known);
}

/// Changes with text of every kind that an output has to escape.
pub fn hostile_diff() -> PermissionsDiff {
    let mut old = snapshot(&allow("s3:PutObject", &json!("arn:aws:s3:::a/<img src=x>/*"), &json!({})));
    old.principal = "<b>x</b> [a](https://evil.example) \u{202e}".into();
    let mut new = snapshot(&json!([
        { "Sid": "|`<img src=x>", "Effect": "Allow", "Action": ["s3:PutObject", "iam:Do\u{1b}[2J*"], "Resource": "*" },
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "a|b`c" },
    ]));
    new.identity_policies.push(Policy {
        name: "[a](https://evil.example)".into(),
        origin: PolicyOrigin::Attached,
        text: "<img src=x>".into(),
    });
    let one = compare_snapshots(&old.principal, Some(&old), Some(&new), &Config::default());
    let same = diff(&json!([]), &json!([]));
    let part = UnreadPart {
        file: "t.yaml".to_owned(),
        name: "<img src=x>".to_owned(),
        message: "[a](https://evil.example) \u{1b}[2J".to_owned(),
    };
    let unread = UnreadDeclaration { part, template: None, sha256: None };
    PermissionsDiff::of(vec![same, one], "1").with_unread(&[], &[unread], vec!["<img src=x>".to_owned()])
}

#[test]
fn the_most_severe_change_decides_and_principals_without_a_change_are_counted() {
    let diff = hostile_diff();
    assert_eq!(
        (diff.access_change, diff.unchanged, diff.principals.len()),
        (Some(AccessChange::NewAccess), 1, 1)
    );
    assert_eq!(PermissionsDiff::of(Vec::new(), "1").access_change, None);
}

#[test]
fn a_part_that_was_not_read_cannot_be_decided_unless_its_declaration_is_the_same() {
    let unread = |sha256: Option<&str>| UnreadDeclaration {
        part: UnreadPart { file: "t".to_owned(), name: "N".to_owned(), message: "x".to_owned() },
        template: None,
        sha256: sha256.map(str::to_owned),
    };
    let of = |old: &[UnreadDeclaration], new: &[UnreadDeclaration]| {
        let diff = PermissionsDiff::of(vec![diff(&json!([]), &json!([]))], "1");
        let diff = diff.with_unread(old, new, Vec::new());
        (diff.access_change.unwrap(), diff.unread.len(), diff.notes.len())
    };
    let (a, b, open) = ([unread(Some("a"))], [unread(Some("b"))], [unread(None)]);
    assert_eq!(of(&a, &[]), (AccessChange::NoNewAccess, 0, 0));
    assert_eq!(of(&a, &a), (AccessChange::NoNewAccess, 0, 1));
    for (old, new) in [(&[][..], &a), (&a, &b), (&open, &open)] {
        assert_eq!(of(old, new), (AccessChange::Indeterminate, 1, 0));
    }
}

#[test]
fn what_looks_like_a_variable_is_plain_text_in_an_old_document() {
    let of = |version: Option<&str>, resource: &str| {
        let mut document = json!({ "Statement": put(&json!(resource)) });
        if let Some(version) = version {
            document["Version"] = json!(version);
        }
        snapshot_of(&document.to_string())
    };
    let (old, new) = (Some("2008-10-17"), Some("2012-10-17"));
    let with = "arn:aws:s3:::b/${aws:PrincipalTag/x}/*";
    let (no, open) = (AccessChange::NoNewAccess, AccessChange::Indeterminate);
    for (before, after, wanted) in [
        ((old, with), (new, with), open),
        ((None, with), (new, with), open),
        // A grant without a variable is unconditional.
        ((new, with), (old, with), AccessChange::NewAccess),
        ((old, with), (old, with), no),
        ((old, with), (None, with), no),
        ((new, with), (new, with), no),
        ((old, with), (new, "arn:aws:s3:::b/${$}{aws:PrincipalTag/x}/*"), no),
        ((old, "arn:aws:s3:::b/*"), (new, with), no),
        ((old, "arn:aws:s3:::b/*"), (new, "arn:aws:s3:::b/*"), no),
        ((old, with), (new, "arn:aws:s3:::b/*"), AccessChange::NewAccess),
    ] {
        let (before, after) = (of(before.0, before.1), of(after.0, after.1));
        let found = compare_snapshots(&before.principal, Some(&before), Some(&after), &Config::default());
        assert_eq!(found.access_change, wanted, "{before:?} {after:?}");
    }
}

#[test]
fn a_managed_policy_that_is_detached_is_not_new() {
    let name: Arc<str> = "arn:aws:iam::111122223333:policy/w".into();
    let mut attached = snapshot(&put(&json!("*")));
    attached.identity_policies[0].name = Arc::clone(&name);
    let role = PolicySnapshot { identity_policies: Vec::new(), ..attached.clone() };
    let alone = |snapshot: PolicySnapshot| PolicySnapshot { principal: Arc::clone(&name), ..snapshot };
    let same = alone(attached.clone());
    let mut wider = alone(snapshot(&put(&json!("*"))));
    wider
        .identity_policies
        .extend(snapshot(&allow("sqs:SendMessage", &json!("*"), &json!({}))).identity_policies);
    for (new, wanted) in [(same, AccessChange::NoNewAccess), (wider, AccessChange::NewAccess)] {
        let found = pair(vec![attached.clone()], vec![role.clone(), new]);
        let worst = found.iter().map(|pair| {
            let (old, new) = (pair.old.as_ref(), pair.new.as_ref());
            compare_snapshots(&pair.principal(), old, new, &Config::default()).access_change
        });
        assert_eq!(worst.max(), Some(wanted));
    }
}

#[test]
fn principals_of_one_arn_are_compared_with_their_own_earlier_policies() {
    let of = |statements: &Value| PolicySnapshot {
        principal: "arn:aws:iam::*:role/a".into(),
        ..snapshot(statements)
    };
    let (none, write) = (of(&json!([])), of(&put(&json!("*"))));
    let other = of(&put(&json!("arn:aws:s3:::a/*")));
    let pairs = |old: &[&PolicySnapshot], new: &[&PolicySnapshot]| {
        let owned = |all: &[&PolicySnapshot]| all.iter().map(|one| (*one).clone()).collect::<Vec<_>>();
        pair(owned(old), owned(new))
    };
    // The equal one is paired with itself, and the other one with the other.
    let found = pairs(&[&none, &write], &[&other, &none]);
    assert!(found.iter().any(|pair| pair.old.as_ref() == Some(&none) && pair.new.as_ref() == Some(&none)));
    assert!(found.iter().any(|pair| pair.old.as_ref() == Some(&write) && pair.new.as_ref() == Some(&other)));
    // Which of two the only one was, is not known.
    let found = pairs(&[&none], &[&other, &write]);
    assert!(found.iter().all(|pair| pair.old.is_none() || pair.new.is_none()), "{found:?}");
}

fn statements() -> impl Strategy<Value = Value> {
    let action =
        prop_oneof![Just("s3:PutObject"), Just("s3:Put*"), Just("sqs:SendMessage"), Just("s3:GetObject")];
    let resource = prop_oneof![
        Just("*"),
        Just("arn:aws:s3:::a/*"),
        Just("arn:aws:s3:::a/b"),
        Just("arn:aws:s3:::${aws:userid}/*")
    ];
    let condition = prop_oneof![
        Just(json!({})),
        Just(json!({ "StringEquals": { "aws:PrincipalTag/team": "a" } })),
        Just(json!({ "StringEquals": { "aws:RequestedRegion": "eu-west-1" } })),
    ];
    let one = (any::<bool>(), action, resource, condition).prop_map(|(allows, action, resource, condition)| {
        json!({ "Effect": if allows { "Allow" } else { "Deny" }, "Action": action, "Resource": resource, "Condition": condition })
    });
    proptest::collection::vec(one, 0..4).prop_map(Value::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn equal_policies_grant_nothing_new(policies in statements()) {
        let diff = diff(&policies, &policies);
        prop_assert_eq!((diff.change, diff.access_change), (PrincipalChange::Unchanged, AccessChange::NoNewAccess));
    }

    #[test]
    fn a_further_deny_never_grants_new_access(policies in statements(), more in statements()) {
        let mut new = policies.as_array().unwrap().clone();
        new.extend(more.as_array().unwrap().iter().filter(|one| one["Effect"] == "Deny").cloned());
        prop_assert!(diff(&policies, &Value::from(new)).access_change < AccessChange::NewAccess);
    }

    #[test]
    fn a_write_that_only_the_new_policies_decide_to_allow_is_never_no_new_access(old in statements(), new in statements()) {
        use crate::grants::{AuthorizationRequest, Decision, RequestContext};
        let found = diff(&old, &new);
        let context = RequestContext::default();
        for action in ["s3:PutObject", "sqs:SendMessage"] {
            for resource in ["arn:aws:s3:::a/b", "arn:aws:s3:::a/c", "arn:aws:s3:::z/z"] {
                let request = AuthorizationRequest { action, resource, context: &context };
                let decide = |statements: &Value| evaluator().decide(&snapshot(statements), &request);
                if matches!((decide(&old), decide(&new)), (Decision::Denied(_), Decision::Allowed(_))) {
                    prop_assert!(found.access_change > AccessChange::NoNewAccess, "{action} {resource}: {found:?}");
                }
            }
        }
    }
}
