//! The example of three accounts, and laws.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::*;
use crate::{
    catalog::Catalog,
    grants::{AuthorizationRequest, Decision, RequestContext},
    permissions::policy_files::{add_trust_policies, parse},
};

fn evaluator() -> &'static Evaluator<'static> {
    static EVALUATOR: std::sync::OnceLock<Evaluator<'static>> = std::sync::OnceLock::new();
    EVALUATOR.get_or_init(|| Evaluator::new(Catalog::embedded()))
}

fn principals(files: &[&str]) -> Vec<PolicySnapshot> {
    let read = files.iter().flat_map(|text| parse("file", text, None).unwrap().principals);
    let mut principals: Vec<PolicySnapshot> = read.collect();
    add_trust_policies([&mut principals]);
    principals
}

fn graph_of(principals: Vec<PolicySnapshot>, from: &[&str], to: &[&str]) -> PrincipalGraph {
    graph_with_groups_of(edge_groups::LEAST_EDGES, principals, from, to)
}

fn graph_with_groups_of(
    least_edges: usize,
    principals: Vec<PolicySnapshot>,
    from: &[&str],
    to: &[&str],
) -> PrincipalGraph {
    let owned = |patterns: &[&str]| patterns.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let request = GraphRequest {
        evaluator: evaluator(),
        config: &Config::default(),
        at: Time(0),
        from: &owned(from),
        to: &owned(to),
    };
    PrincipalGraph::with_groups_of(least_edges, principals, &request)
}

const FILES: [&str; 3] = [
    include_str!("../../../../tests/data/principal_graph/security.json"),
    include_str!("../../../../tests/data/principal_graph/workload.json"),
    include_str!("../../../../tests/data/principal_graph/data.json"),
];
const HUB: &str = "arn:aws:iam::111122223333:role/AuditHub";

/// What the audit role of three accounts can become.
pub(crate) fn example() -> PrincipalGraph {
    graph_of(principals(&FILES), &[HUB], &[])
}

/// A graph with names that try to be markup.
pub(crate) fn hostile_graph() -> PrincipalGraph {
    let mut graph = example();
    let hostile = "arn:aws:iam::111122223333:role/\"]\n  click n0 <img src=x> `a` \u{202e}%%{init}";
    let renamed = |id: &Arc<str>| -> Arc<str> { if **id == *HUB { hostile.into() } else { Arc::clone(id) } };
    for node in &mut graph.nodes {
        if let GraphNode::Principal(node) = node {
            node.id = renamed(&node.id);
        }
    }
    for edge in &mut graph.edges {
        (edge.from, edge.to) = (renamed(&edge.from), renamed(&edge.to));
        edge.description.push_str(" <img src=x onerror=alert(1)> [a](https://evil.example)");
    }
    for path in &mut graph.paths {
        path.from = renamed(&path.from);
    }
    graph.sources = vec![hostile.into()];
    graph.nodes.sort_by(|a, b| a.id().cmp(b.id()));
    graph
}

/// The methods of the path to a node, with `?` after a conditional one.
fn path_to(graph: &PrincipalGraph, to: &str) -> Option<Vec<String>> {
    let path = graph.paths.iter().find(|path| path.to.ends_with(to))?;
    let step = |edge: &GraphEdge| format!("{}{}", edge.method, if edge.is_unconditional { "" } else { "?" });
    Some(graph.steps(path).map(step).collect())
}

#[test]
fn the_audit_role_of_three_accounts_becomes_an_administrator() {
    let graph = example();
    let path = |to: &str| path_to(&graph, to).unwrap_or_default().join(" ");
    assert_eq!(path("444455556666:role/AuditSpoke"), "assume-role");
    assert_eq!(path("role/Deploy"), "assume-role pass-role-to-lambda");
    assert_eq!(path("role/Web"), "");
    assert!(path("administrator of 444455556666").starts_with("assume-role pass-role-to-lambda "));
    // The external id is a value that the caller chooses.
    assert_eq!(path("777788889999:role/AuditSpoke"), "assume-role");
    // A trust policy that names a role of the account is enough.
    assert_eq!(path("role/Restore"), "assume-role assume-role");
    assert!(path("role/Reports").ends_with("assume-role?"));
    assert_eq!((graph.result, path_to(&graph, "user/ann")), (PathResult::Path, None));
    let administrator = graph.node("administrator of 444455556666").unwrap();
    assert!(matches!(administrator, GraphNode::Administrator(node) if node.principals == 3));
}

#[test]
fn sources_and_targets_are_chosen_by_patterns() {
    let all = graph_of(principals(&FILES), &[], &[]);
    assert_eq!(all.sources.len(), 8);
    let ann = graph_of(principals(&FILES), &["arn:aws:iam::*:user/ann"], &["arn:aws:iam::*:role/Restore"]);
    // The first step needs multi-factor authentication.
    assert_eq!(path_to(&ann, "role/Restore").unwrap(), ["assume-role?", "assume-role", "assume-role"]);
    assert_eq!((ann.paths.len(), ann.nodes.len(), ann.edges.len()), (1, 4, 3));
    assert_eq!(ann.result, PathResult::Indeterminate);
    let web = graph_of(principals(&FILES), &[HUB], &["arn:aws:iam::*:role/Web"]);
    // An administrator of the account can become each of its roles.
    assert!(path_to(&web, "administrator of 444455556666").is_some() && web.result == PathResult::Path);
    let none = graph_of(principals(&FILES), &["arn:aws:iam::*:role/Absent"], &[]);
    assert_eq!((none.result, none.missing.len()), (PathResult::Indeterminate, 1));
    let quiet = graph_of(principals(&FILES), &["arn:aws:iam::*:role/Reports"], &[]);
    assert_eq!((quiet.result, quiet.paths.len()), (PathResult::NoPath, 0));
}

const ACCOUNT: &str = "111122223333";

fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

fn role_of(account: &str, name: &str, trust: &Value, statements: &[Value]) -> Value {
    json!({
        "Arn": format!("arn:aws:iam::{account}:role/{name}"),
        "AssumeRolePolicyDocument": document(&[json!({ "Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole" })]),
        "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": document(statements) }],
    })
}

/// The graph from the role `A` with these statements, beside the user `u`, roles that trust services, and an
/// administrator.
fn from_a(statements: &[Value]) -> PrincipalGraph {
    from_details(|details| {
        details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] = document(statements);
    })
}

fn from_details(change: impl FnOnce(&mut Value)) -> PrincipalGraph {
    let service = |name: &str| json!({ "Service": format!("{name}.amazonaws.com") });
    let root = |account: &str| json!({ "AWS": format!("arn:aws:iam::{account}:root") });
    let mut details = json!({
        "UserDetailList": [{ "Arn": "arn:aws:iam::111122223333:user/u", "GroupList": [] }],
        "RoleDetailList": [
            role_of(ACCOUNT, "A", &service("ec2"), &[]),
            role_of(ACCOUNT, "Compute", &service("ec2"), &[allow(&["*"], "*")]),
            role_of(ACCOUNT, "Function", &service("lambda"), &[allow(&["*"], "*")]),
            role_of(ACCOUNT, "Trusting", &root(ACCOUNT), &[allow(&["*"], "*")]),
            role_of("444455556666", "Foreign", &root(ACCOUNT), &[allow(&["*"], "*")]),
        ],
    });
    change(&mut details);
    graph_of(principals(&[&details.to_string()]), &["arn:aws:iam::111122223333:role/A"], &[])
}

/// The first edges of `A`: method and end, with `?` if conditional.
fn edges_of_a(graph: &PrincipalGraph) -> BTreeSet<String> {
    let own = graph.edges.iter().filter(|edge| edge.from.ends_with(":role/A"));
    own.map(|edge| {
        let end = edge.to.rsplit(['/', ' ']).next().unwrap_or_default();
        format!("{} {end}{}", edge.method, if edge.is_unconditional { "" } else { "?" })
    })
    .collect()
}

#[test]
fn each_method_is_decided_on_the_principal_that_it_is_about() {
    let only = |edges: &[&str]| edges.iter().map(|one| (*one).to_owned()).collect::<BTreeSet<String>>();
    let user = "arn:aws:iam::111122223333:user/u";
    let condition = |mut statement: Value, condition: Value| {
        statement["Condition"] = condition;
        statement
    };
    let lambda = || allow(&["lambda:CreateFunction", "lambda:InvokeFunction"], "*");
    let a = "arn:aws:iam::111122223333:role/A";
    for (statements, edges) in [
        (vec![], vec![]),
        (vec![allow(&["sts:AssumeRole"], "*")], vec!["assume-role Trusting", "assume-role Foreign"]),
        (vec![allow(&["sts:AssumeRole"], "arn:aws:iam::111122223333:role/T*")], vec!["assume-role Trusting"]),
        (vec![allow(&["sts:AssumeRole"], "arn:aws:iam::111122223333:role/Compute")], vec![]),
        (vec![allow(&["iam:CreateAccessKey"], user)], vec!["create-access-key u"]),
        (vec![allow(&["iam:CreateAccessKey"], "arn:aws:iam::111122223333:user/v")], vec![]),
        (
            vec![allow(&["iam:CreateLoginProfile", "iam:UpdateLoginProfile"], "*")],
            vec!["create-login-profile u", "update-login-profile u"],
        ),
        (
            vec![allow(&["iam:UpdateAssumeRolePolicy"], "arn:aws:iam::111122223333:role/Compute")],
            vec!["update-assume-role-policy Compute"],
        ),
        // A deny of the second step.
        (
            vec![
                allow(&["iam:UpdateAssumeRolePolicy"], "arn:aws:iam::111122223333:role/Compute"),
                json!({ "Effect": "Deny", "Action": "sts:*", "Resource": "*" }),
            ],
            vec![],
        ),
        (vec![allow(&["iam:PassRole"], "*"), lambda()], vec!["pass-role-to-lambda Function"]),
        (
            vec![
                condition(
                    allow(&["iam:PassRole"], "*"),
                    json!({ "StringEquals": { "iam:PassedToService": "ec2.amazonaws.com" } }),
                ),
                lambda(),
            ],
            vec![],
        ),
        (
            vec![
                condition(
                    allow(&["iam:PassRole"], "*"),
                    json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a" } }),
                ),
                lambda(),
            ],
            vec!["pass-role-to-lambda Function?"],
        ),
        (vec![lambda()], vec![]),
        (vec![allow(&["ssm:SendCommand"], "*")], vec!["send-command Compute?"]),
        (vec![allow(&["lambda:UpdateFunctionCode"], "*")], vec!["update-function-code Function?"]),
        (vec![allow(&["iam:PutRolePolicy"], a)], vec!["put-role-policy 111122223333"]),
        (vec![allow(&["iam:PutUserPolicy"], "*")], vec![]),
        (vec![allow(&["iam:AttachRolePolicy"], a)], vec!["attach-role-policy 111122223333"]),
        // Only another policy may be attached.
        (
            vec![condition(
                allow(&["iam:AttachRolePolicy"], a),
                json!({ "ArnEquals": { "iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess" } }),
            )],
            vec![],
        ),
        (
            vec![condition(
                allow(&["iam:AttachRolePolicy"], a),
                json!({ "ArnEquals": { "iam:PolicyARN": ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/IAMFullAccess"] } }),
            )],
            vec!["attach-role-policy 111122223333?"],
        ),
        (
            vec![condition(
                allow(&["iam:AttachRolePolicy"], a),
                json!({ "ArnLike": { "iam:PolicyARN": "arn:aws:iam::111122223333:policy/*" } }),
            )],
            vec!["attach-role-policy 111122223333?"],
        ),
        // Any policy but one.
        (
            vec![
                allow(&["iam:AttachRolePolicy"], a),
                json!({ "Effect": "Deny", "Action": "iam:Attach*", "Resource": "*", "Condition": {
                    "ArnEquals": { "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess" } } }),
            ],
            vec!["attach-role-policy 111122223333?"],
        ),
        (
            vec![
                allow(&["iam:AttachRolePolicy"], a),
                json!({ "Effect": "Deny", "Action": "iam:AttachRolePolicy", "Resource": "*" }),
            ],
            vec![],
        ),
        (
            vec![allow(&["iam:CreateRole", "iam:PutRolePolicy"], "arn:aws:iam::111122223333:role/team/*")],
            vec!["create-privileged-role 111122223333"],
        ),
        (vec![allow(&["iam:CreateRole"], "*")], vec![]),
        // An administrator of the principals that it can become.
        (
            vec![allow(&["iam:CreateAccessKey", "iam:PutUserPolicy"], user)],
            vec!["create-access-key u", "put-user-policy 111122223333"],
        ),
    ] {
        let graph = from_a(&statements);
        assert_eq!(edges_of_a(&graph), only(&edges), "{}", json!(statements));
    }
}

#[test]
fn a_deny_on_a_value_that_the_principal_chooses_is_avoided() {
    let deny = json!({ "Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*",
        "Condition": { "StringEquals": { "sts:ExternalId": "x" } } });
    let graph = from_a(&[allow(&["sts:AssumeRole"], "arn:aws:iam::111122223333:role/Trusting"), deny]);
    assert_eq!(edges_of_a(&graph), BTreeSet::from(["assume-role Trusting".to_owned()]));
}

#[test]
fn an_administrator_has_no_edges_to_its_account_and_leads_to_other_accounts() {
    let graph = from_a(&[allow(&["*"], "*")]);
    let own = edges_of_a(&graph);
    assert!(own.contains("put-role-policy 111122223333") && own.contains("assume-role Trusting"));
    assert!(!own.iter().any(|edge| edge.contains("Compute") || edge.ends_with(" u")), "{own:?}");
    assert_eq!(path_to(&graph, "role/Foreign").unwrap(), ["assume-role"]);
    let foreign = from_a(&[allow(&["iam:PutRolePolicy"], "*")]);
    let path = path_to(&foreign, "role/Foreign").unwrap();
    assert_eq!(path, ["put-role-policy", "assume-role"]);
}

#[test]
fn groups_and_customer_managed_policies_make_administrators() {
    let managed = "arn:aws:iam::111122223333:policy/team";
    let group = "arn:aws:iam::111122223333:group/devs";
    for (action, resource, method) in [
        ("iam:PutGroupPolicy", group, "put-group-policy"),
        ("iam:AttachGroupPolicy", group, "attach-group-policy"),
        ("iam:CreatePolicyVersion", managed, "create-policy-version"),
    ] {
        let details = json!({
            "UserDetailList": [{ "Arn": "arn:aws:iam::111122223333:user/u", "GroupList": ["devs"],
                "AttachedManagedPolicies": [{ "PolicyName": "team", "PolicyArn": managed }] }],
            "GroupDetailList": [{ "Arn": group, "GroupName": "devs",
                "GroupPolicyList": [{ "PolicyName": "g", "PolicyDocument": document(&[allow(&[action], resource)]) }] }],
            "Policies": [{ "Arn": managed, "DefaultVersionId": "v1", "PolicyVersionList": [{ "VersionId": "v1",
                "IsDefaultVersion": true, "Document": document(&[allow(&["s3:ListAllMyBuckets"], "*")]) }] }],
        });
        let graph = graph_of(principals(&[&details.to_string()]), &[], &[]);
        assert_eq!(path_to(&graph, "administrator of 111122223333").unwrap(), [method]);
    }
}

#[test]
fn a_permissions_boundary_makes_an_administrator_conditional() {
    let graph = from_details(|details| {
        let own = &mut details["RoleDetailList"][0];
        own["RolePolicyList"][0]["PolicyDocument"] =
            document(&[allow(&["iam:PutRolePolicy"], "arn:aws:iam::111122223333:role/A")]);
        own["PermissionsBoundary"] =
            json!({ "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/b" });
        details["Policies"] = json!([{ "Arn": "arn:aws:iam::111122223333:policy/b", "DefaultVersionId": "v1",
            "PolicyVersionList": [{ "VersionId": "v1", "IsDefaultVersion": true, "Document": document(&[allow(&["iam:*"], "*")]) }] }]);
    });
    assert_eq!(edges_of_a(&graph), BTreeSet::from(["put-role-policy 111122223333?".to_owned()]));
}

#[test]
fn a_principal_that_may_change_its_own_boundary_is_a_conditional_administrator() {
    let boundary = "arn:aws:iam::111122223333:policy/b";
    let edges = |own: &str, allowed: &str| {
        let graph = from_details(|details| {
            let role = &mut details["RoleDetailList"][0];
            role["RolePolicyList"][0]["PolicyDocument"] = document(&[allow(&[own], "*")]);
            role["PermissionsBoundary"] = json!({ "PermissionsBoundaryArn": boundary });
            details["Policies"] = json!([{ "Arn": boundary, "DefaultVersionId": "v1",
                "PolicyVersionList": [{ "VersionId": "v1", "IsDefaultVersion": true, "Document": document(&[allow(&["s3:Get*", allowed], "*")]) }] }]);
        });
        edges_of_a(&graph).into_iter().collect::<Vec<_>>().join(" ")
    };
    for (own, allowed, edge) in [
        ("*", "iam:CreatePolicyVersion", "create-policy-version 111122223333?"),
        ("*", "iam:SetDefaultPolicyVersion", "set-default-policy-version 111122223333?"),
        ("*", "iam:DeleteRolePermissionsBoundary", "delete-boundary 111122223333?"),
        ("*", "iam:PutRolePermissionsBoundary", "delete-boundary 111122223333?"),
        ("*", "iam:DeleteUserPermissionsBoundary", ""),
        ("*", "s3:List*", ""),
        // Its own policies make it no administrator.
        ("iam:*Boundary", "iam:DeleteRolePermissionsBoundary", ""),
    ] {
        assert_eq!(edges(own, allowed), edge, "{own} {allowed}");
    }
}

#[test]
fn an_action_without_edges_leaves_the_result_open_and_is_named() {
    let on_a = |action: &str| allow(&[action], "*");
    for (statement, is_left) in [
        (on_a("iam:AddUserToGroup"), true),
        (on_a("iam:PutGroupPolicy"), true),
        (on_a("iam:AttachGroupPolicy"), true),
        (on_a("iam:SetDefaultPolicyVersion"), true),
        (on_a("iam:DeactivateMFADevice"), true),
        (on_a("iam:CreateServiceSpecificCredential"), true),
        // Only for the own user.
        (allow(&["iam:CreateServiceSpecificCredential"], "arn:aws:iam::*:user/${aws:username}"), false),
        (on_a("iam:PassRole"), true),
        // No role trusts another service than those with a method.
        (allow(&["iam:PassRole"], "arn:aws:iam::111122223333:role/Compute"), false),
        (on_a("s3:ListAllMyBuckets"), false),
    ] {
        let graph = from_details(|details| {
            details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] =
                document(std::slice::from_ref(&statement));
            let pipe = json!({ "Service": "pipes.amazonaws.com" });
            let roles = details["RoleDetailList"].as_array_mut().unwrap();
            roles.push(role_of(ACCOUNT, "Pipe", &pipe, &[allow(&["*"], "*")]));
        });
        let action = statement["Action"][0].as_str().unwrap();
        let is_named = graph.limitations.iter().any(|text| text.starts_with(&format!("`{action}`")));
        assert_eq!(
            (graph.result, is_named),
            if is_left { (PathResult::Indeterminate, true) } else { (PathResult::NoPath, false) },
            "{statement}"
        );
    }
}

#[test]
fn conditions_on_tags_of_the_other_principal_are_decided_by_its_tags() {
    let on_tag = |effect: &str, actions: &[&str], key: &str, operator: &str, value: &str| {
        json!({ "Effect": effect, "Action": actions, "Resource": "*",
            "Condition": { operator: { (format!("{key}/team")): value } } })
    };
    let lambda = allow(&["lambda:CreateFunction", "lambda:InvokeFunction"], "*");
    let graph = |statements: &[Value]| {
        from_details(|details| {
            details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] = document(statements);
            details["UserDetailList"][0]["Tags"] = json!([{ "Key": "Team", "Value": "red" }]);
            for role in details["RoleDetailList"].as_array_mut().unwrap() {
                role["Tags"] = json!([{ "Key": "team", "Value": "red" }]);
            }
        })
    };
    let equals = "StringEquals";
    for (statement, edges) in [
        (on_tag("Allow", &["sts:AssumeRole"], "aws:ResourceTag", equals, "blue"), ""),
        (
            on_tag("Allow", &["sts:AssumeRole"], "iam:ResourceTag", equals, "red"),
            "assume-role Foreign assume-role Trusting",
        ),
        (on_tag("Allow", &["iam:CreateAccessKey"], "iam:ResourceTag", equals, "blue"), ""),
        (on_tag("Allow", &["iam:CreateAccessKey"], "aws:ResourceTag", equals, "red"), "create-access-key u"),
        (on_tag("Allow", &["iam:PassRole"], "iam:ResourceTag", equals, "blue"), ""),
        // Such a condition has no reliable results.
        (
            on_tag("Allow", &["iam:PassRole"], "iam:ResourceTag", equals, "red"),
            "pass-role-to-lambda Function?",
        ),
        (
            on_tag("Allow", &["iam:PassRole"], "aws:ResourceTag", "StringNotEquals", "red"),
            "pass-role-to-lambda Function?",
        ),
        (
            on_tag("Allow", &["iam:PassRole"], "aws:ResourceTag", "StringNotEquals", "blue"),
            "pass-role-to-lambda Function",
        ),
    ] {
        let graph = graph(&[statement.clone(), lambda.clone()]);
        let found = edges_of_a(&graph).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(found, edges, "{statement}");
    }
    let pass = allow(&["iam:PassRole"], "*");
    let denied = |value: &str| {
        let deny = on_tag("Deny", &["iam:PassRole"], "aws:ResourceTag", equals, value);
        edges_of_a(&graph(&[pass.clone(), lambda.clone(), deny])).into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(denied("red"), "pass-role-to-lambda Function?");
    assert_eq!(denied("blue"), "pass-role-to-lambda Function");
}

#[test]
fn a_role_that_trusts_cognito_is_passed_to_a_pool_or_named() {
    let pool = "eu-west-1:00000000-0000-0000-0000-000000000000";
    let trust = |condition: Value| {
        document(&[
            json!({ "Effect": "Allow", "Principal": { "Federated": "cognito-identity.amazonaws.com" },
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition }),
        ])
    };
    let graph = |actions: &[&str], trust: Value| {
        from_details(|details| {
            details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] =
                document(&[allow(actions, "*")]);
            let mut role =
                role_of(ACCOUNT, "Pool", &json!({ "Service": "none.amazonaws.com" }), &[allow(&["*"], "*")]);
            role["AssumeRolePolicyDocument"] = trust;
            details["RoleDetailList"].as_array_mut().unwrap().push(role);
        })
    };
    let of_pool = || trust(json!({ "StringEquals": { "cognito-identity.amazonaws.com:aud": pool } }));
    let pass = ["iam:PassRole", "cognito-identity:SetIdentityPoolRoles"];
    let edges = |graph: &PrincipalGraph| edges_of_a(graph).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(edges(&graph(&pass, trust(json!({})))), "pass-role-to-cognito Pool");
    let conditional = graph(&pass, of_pool());
    assert_eq!(
        (edges(&conditional), conditional.result),
        ("pass-role-to-cognito Pool?".into(), PathResult::Indeterminate)
    );
    let edge = conditional.edges.iter().find(|edge| edge.method == "pass-role-to-cognito").unwrap();
    assert!(edge.conditions.iter().any(|condition| condition.contains(pool)), "{edge:?}");
    // Another identity provider, and a service that assumes the role.
    let other = document(&[json!({ "Effect": "Allow", "Principal": { "Federated": "accounts.google.com" },
        "Action": "sts:AssumeRoleWithWebIdentity" })]);
    assert_eq!(edges(&graph(&pass, other.clone())), "");
    let is_named = |graph: &PrincipalGraph, action: &str| {
        graph.limitations.iter().any(|text| {
            text.starts_with(&format!("`{action}` is granted to `arn:aws:iam::111122223333:role/A`"))
        })
    };
    for action in [
        "cognito-identity:SetIdentityPoolRoles",
        "cognito-identity:UpdateIdentityPool",
        "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
    ] {
        let named = graph(&[action], of_pool());
        assert_eq!((named.result, is_named(&named, action)), (PathResult::Indeterminate, true), "{action}");
        let none = graph(&[action], other.clone());
        assert_eq!((none.result, is_named(&none, action)), (PathResult::NoPath, false), "{action}");
    }
}

#[test]
fn policies_of_the_organization_limit_an_administrator_in_other_accounts() {
    let hub = role_of(
        ACCOUNT,
        "A",
        &json!({ "Service": "ec2.amazonaws.com" }),
        &[allow(&["iam:PutRolePolicy"], "*")],
    );
    let foreign = |trust: Option<Value>| {
        let mut role = role_of("444455556666", "Foreign", &json!({ "AWS": ACCOUNT }), &[allow(&["*"], "*")]);
        match trust {
            Some(trust) => role["AssumeRolePolicyDocument"] = trust,
            None => drop(role.as_object_mut().unwrap().remove("AssumeRolePolicyDocument")),
        }
        role
    };
    let known = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": ACCOUNT }, "Action": "sts:AssumeRole" }] });
    let policy = |statements: &[Value]| crate::grants::Policy {
        name: "organization".into(),
        origin: crate::grants::PolicyOrigin::Given,
        text: document(statements).to_string().into(),
    };
    let full = || allow(&["*"], "*");
    let deny = || json!({ "Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*" });
    let controls = |statement: Value| {
        let mut statement = statement;
        statement["Principal"] = json!("*");
        statement
    };
    for trust in [Some(known), Some(json!("{")), None] {
        let paths = |change: &dyn Fn(&mut PolicySnapshot)| {
            let details = json!({ "RoleDetailList": [hub.clone(), foreign(trust.clone())] });
            let mut all = principals(&[&details.to_string()]);
            all.iter_mut().for_each(change);
            path_to(&graph_of(all, &["arn:aws:iam::111122223333:role/A"], &[]), "role/Foreign")
        };
        assert!(paths(&|_| ()).is_some(), "{trust:?}");
        assert!(
            paths(&|one| one.service_control_policies = Some(vec![vec![policy(&[full()])]])).is_some(),
            "{trust:?}"
        );
        assert!(
            paths(&|one| one.service_control_policies = Some(vec![vec![policy(&[full(), deny()])]]))
                .is_none(),
            "{trust:?}"
        );
        // Whether the role belongs to the organization is not known.
        let path = paths(&|one| {
            one.resource_control_policies = Some(vec![vec![policy(&[controls(full()), controls(deny())])]]);
        });
        assert_eq!(path.unwrap().last().unwrap(), "assume-role?", "{trust:?}");
    }
}

#[test]
fn roles_of_identity_center_are_not_changed() {
    let graph = from_details(|details| {
        details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] = document(&[allow(
            &["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy"],
            "arn:aws:iam::*:role/aws-reserved/*",
        )]);
        let mut reserved = role_of(ACCOUNT, "R", &json!({ "AWS": ACCOUNT }), &[]);
        reserved["Arn"] =
            json!("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_R_1");
        details["RoleDetailList"].as_array_mut().unwrap().push(reserved);
    });
    assert_eq!(edges_of_a(&graph), BTreeSet::new());
}

#[test]
fn a_service_is_trusted_by_its_full_name() {
    for (service, actions, is_meant) in [
        ("ec2.amazonaws.com", &["iam:PassRole", "ec2:RunInstances"][..], true),
        ("ec2.amazonaws.com.cn", &["iam:PassRole", "ec2:RunInstances"], true),
        ("ec2.application-autoscaling.amazonaws.com", &["iam:PassRole", "ec2:RunInstances"], false),
        ("ec2fleet.amazonaws.com", &["iam:PassRole", "ec2:RunInstances"], false),
        ("tasks.apprunner.amazonaws.com", &["iam:PassRole", "apprunner:CreateService"], true),
        ("build.apprunner.amazonaws.com", &["iam:PassRole", "apprunner:CreateService"], false),
        ("pods.eks.amazonaws.com", &["iam:PassRole", "eks:CreatePodIdentityAssociation"], true),
        ("airflow-env.amazonaws.com", &["iam:PassRole", "airflow:CreateEnvironment"], true),
        ("lambda.amazonaws.com", &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"], true),
        (
            "replicator.lambda.amazonaws.com",
            &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
            false,
        ),
        ("states.eu-west-1.amazonaws.com", &["iam:PassRole", "states:*"], true),
    ] {
        let graph = from_details(|details| {
            details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] =
                document(&[allow(actions, "*")]);
            let roles = details["RoleDetailList"].as_array_mut().unwrap();
            roles.push(role_of(ACCOUNT, "Passed", &json!({ "Service": service }), &[]));
        });
        let found = edges_of_a(&graph).iter().any(|edge| edge.contains(" Passed"));
        assert_eq!(found, is_meant, "{service}");
    }
}

#[test]
fn what_is_not_known_never_hides_an_edge() {
    let graph = from_details(|details| {
        details["RoleDetailList"][2]["AssumeRolePolicyDocument"] = json!("{");
        details["RoleDetailList"][3].as_object_mut().unwrap().remove("AssumeRolePolicyDocument");
    });
    let wanted = ["assume-role Function?", "assume-role Trusting?"].map(str::to_owned);
    assert_eq!(edges_of_a(&graph), BTreeSet::from(wanted));
    assert_eq!(graph.result, PathResult::Indeterminate);
    // A missing document of its own policy may grant anything.
    let graph = from_details(|details| {
        details["RoleDetailList"][0]["AttachedManagedPolicies"] =
            json!([{ "PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/x" }]);
    });
    let wanted = ["assume-role Foreign?", "assume-role Trusting?", "put-role-policy 111122223333?"];
    assert_eq!(edges_of_a(&graph), BTreeSet::from(wanted.map(str::to_owned)));
}

const ACTIONS: [&str; 14] = [
    "*",
    "sts:AssumeRole",
    "sts:*",
    "iam:*",
    "iam:PassRole",
    "iam:CreateAccessKey",
    "iam:UpdateAssumeRolePolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "lambda:*",
    "ec2:RunInstances",
    "ssm:SendCommand",
];
const RESOURCES: [&str; 6] = [
    "*",
    "arn:aws:iam::*:role/*",
    "arn:aws:iam::111122223333:role/r0",
    "arn:aws:iam::111122223333:role/r*",
    "arn:aws:iam::444455556666:role/r2",
    "arn:aws:iam::111122223333:user/u",
];

/// For each source and each node that it can become: conditional steps, and all steps, of the best path.
fn ranks(graph: &PrincipalGraph) -> BTreeMap<(Arc<str>, Arc<str>), (usize, usize)> {
    let paths = graph.sources.iter().flat_map(|source| graph.paths_from(source));
    paths
        .map(|path| {
            let steps: Vec<&GraphEdge> = graph.steps(&path).collect();
            let conditional = steps.iter().filter(|step| !step.is_unconditional).count();
            assert_eq!(path.is_unconditional, conditional == 0);
            assert_eq!(steps.last().map(|step| &step.to), Some(&path.to));
            let ends = path.steps.iter().map(|at| &graph.edges[*at]);
            let ends: Vec<(&Arc<str>, &Arc<str>)> = ends.map(|edge| (&edge.from, &edge.to)).collect();
            assert_eq!(ends[0].0, &path.from);
            assert!(ends.windows(2).all(|pair| pair[0].1 == pair[1].0));
            ((path.from, path.to), (conditional, steps.len()))
        })
        .collect()
}

#[test]
fn graph_of_roles_that_can_become_each_other_is_no_larger_than_the_number_of_roles() {
    let graph = |count: usize, least_edges: usize| {
        let roles: Vec<Value> = (0..count)
            .map(|n| {
                let actions = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"];
                let trust = json!({ "Service": "lambda.amazonaws.com" });
                role_of(ACCOUNT, &format!("r{n:03}"), &trust, &[allow(&actions, "*")])
            })
            .collect();
        graph_with_groups_of(
            least_edges,
            principals(&[&json!({ "RoleDetailList": roles }).to_string()]),
            &[],
            &[],
        )
    };
    let (grouped, single) = (graph(40, edge_groups::LEAST_EDGES), graph(40, usize::MAX));
    // One group: an edge and a path to it from each role, and from it to each role.
    assert_eq!((grouped.nodes.len(), grouped.edges.len(), grouped.paths.len()), (41, 80, 80));
    assert_eq!((single.edges.len(), single.paths.len()), (40 * 39, 40 * 39));
    assert_eq!(ranks(&grouped), ranks(&single));
    assert_eq!((grouped.result, &grouped.limitations), (single.result, &single.limitations));
    let only = graph_with_groups_of(
        1,
        principals(&[&json!({ "RoleDetailList": [
            role_of(ACCOUNT, "r", &json!({ "Service": "lambda.amazonaws.com" }), &[allow(&["*"], "*")]),
            role_of(ACCOUNT, "s", &json!({ "Service": "lambda.amazonaws.com" }), &[allow(&["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"], "*")]),
        ] })
        .to_string()]),
        &["arn:aws:iam::111122223333:role/s"],
        &["arn:aws:iam::111122223333:role/r"],
    );
    // The role, and the administrator of its account.
    assert_eq!((only.result, only.paths_from(&only.sources[0]).len()), (PathResult::Path, 2));
}

/// Five roles of one account that can pass each other to a service or assume each other.
fn any_neighbors() -> impl Strategy<Value = Vec<PolicySnapshot>> {
    let function = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"];
    let statements = select(vec![
        vec![],
        vec![allow(&function, "*")],
        vec![allow(&["iam:PassRole"], "arn:aws:iam::111122223333:role/r1"), allow(&function[1..], "*")],
        vec![
            allow(&function, "*"),
            json!({ "Effect": "Deny", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/r3" }),
        ],
        vec![allow(&["sts:AssumeRole"], "*")],
        vec![
            allow(&["lambda:UpdateFunctionCode"], "*"),
            allow(&["iam:UpdateAssumeRolePolicy", "sts:AssumeRole"], "*"),
        ],
        vec![allow(&["iam:PutRolePolicy"], "arn:aws:iam::111122223333:role/r4")],
        vec![
            json!({ "Effect": "Allow", "Action": function, "Resource": "*", "Condition": { "StringEquals": { "aws:PrincipalOrgID": "o-a" } } }),
        ],
    ]);
    let trust = select(vec![
        json!({ "Service": "lambda.amazonaws.com" }),
        json!({ "Service": "lambda.amazonaws.com", "AWS": "arn:aws:iam::111122223333:root" }),
        json!({ "AWS": "arn:aws:iam::111122223333:root" }),
    ]);
    vec((trust, statements), 5).prop_map(|roles| {
        let roles: Vec<Value> = roles
            .iter()
            .enumerate()
            .map(|(n, (trust, statements))| role_of(ACCOUNT, &format!("r{n}"), trust, statements))
            .collect();
        principals(&[&json!({ "RoleDetailList": roles }).to_string()])
    })
}

fn any_statement(effect: &'static str) -> impl Strategy<Value = Value> {
    let mut conditions = vec![
        json!({}),
        json!({}),
        json!({}),
        json!({ "StringEquals": { "aws:PrincipalOrgID": "o-a" } }),
        json!({ "StringEquals": { "iam:PassedToService": "lambda.amazonaws.com" } }),
        json!({ "ArnEquals": { "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess" } }),
    ];
    // The caller avoids such a deny; an allow on the same value would need it, which is not evaluated together.
    if effect == "Allow" {
        conditions.push(json!({ "StringEquals": { "sts:ExternalId": "x" } }));
    }
    let conditions = select(conditions);
    let parts = (vec(select(ACTIONS.to_vec()), 1..3), select(RESOURCES.to_vec()), conditions);
    parts.prop_map(move |(actions, resource, condition)| {
        json!({ "Effect": effect, "Action": actions, "Resource": resource, "Condition": condition })
    })
}

fn any_identity_statements() -> impl Strategy<Value = Vec<Value>> {
    vec(prop_oneof![4 => any_statement("Allow"), 1 => any_statement("Deny")], 0..4)
}

fn any_trust() -> impl Strategy<Value = Value> {
    select(vec![
        json!("*"),
        json!({ "AWS": "arn:aws:iam::111122223333:root" }),
        json!({ "AWS": ["arn:aws:iam::111122223333:role/r0", "444455556666"] }),
        json!({ "AWS": "arn:aws:iam::444455556666:role/r2" }),
        json!({ "AWS": "arn:aws:iam::111122223333:user/u" }),
        json!({ "Service": "lambda.amazonaws.com" }),
        json!({ "Service": ["ec2.amazonaws.com"] }),
    ])
}

/// Three roles of two accounts, and a user: trust and statements of each.
type AnyAccounts = Vec<(Value, Vec<Value>)>;

fn any_accounts() -> impl Strategy<Value = AnyAccounts> {
    vec((any_trust(), any_identity_statements()), 4)
}

fn snapshots_of(accounts: &AnyAccounts) -> Vec<PolicySnapshot> {
    let role = |n: usize, (trust, statements): &(Value, Vec<Value>)| {
        role_of(["111122223333", "111122223333", "444455556666"][n], &format!("r{n}"), trust, statements)
    };
    let roles: Vec<Value> = accounts.iter().take(3).enumerate().map(|(n, one)| role(n, one)).collect();
    let user = json!({ "Arn": "arn:aws:iam::111122223333:user/u", "GroupList": [],
        "UserPolicyList": [{ "PolicyName": "own", "PolicyDocument": document(&accounts[3].1) }] });
    principals(&[&json!({ "UserDetailList": [user], "RoleDetailList": roles }).to_string()])
}

/// Whether each edge of `fewer` is in `more`, at least as certain; edges of a principal that is an administrator of the account
/// in `more` are left out.
fn assert_no_edge_lost(fewer: &PrincipalGraph, more: &PrincipalGraph) -> Result<(), TestCaseError> {
    let administrators: BTreeSet<&str> = (more.edges.iter())
        .filter(|edge| edge.is_unconditional && edge.to.starts_with("administrator of"))
        .map(|edge| &*edge.from)
        .collect();
    for edge in fewer.edges.iter().filter(|edge| !administrators.contains(&*edge.from)) {
        let found = more.edges.iter().any(|other| {
            (&other.from, &other.to, &other.method) == (&edge.from, &edge.to, &edge.method)
                && other.is_unconditional >= edge.is_unconditional
        });
        prop_assert!(found, "lost: {edge:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_allow_removes_no_edge_and_a_deny_adds_none(accounts in any_accounts(), at in 0..4_usize, more in any_statement("Allow"), less in any_statement("Deny")) {
        let before = graph_of(snapshots_of(&accounts), &[], &[]);
        let (mut wider, mut narrower) = (accounts.clone(), accounts);
        wider[at].1.push(more);
        assert_no_edge_lost(&before, &graph_of(snapshots_of(&wider), &[], &[]))?;
        narrower[at].1.push(less);
        assert_no_edge_lost(&graph_of(snapshots_of(&narrower), &[], &[]), &before)?;
    }

    #[test]
    fn groups_change_no_path(snapshots in any_neighbors(), least_edges in 1..4_usize, from in 0..6_usize, to in 0..6_usize) {
        let pattern = |n: usize| (n < 5).then(|| format!("arn:aws:iam::111122223333:role/r{n}"));
        let (from, to) = (pattern(from), pattern(to));
        let (from, to): (Vec<&str>, Vec<&str>) = (from.as_deref().into_iter().collect(), to.as_deref().into_iter().collect());
        let graph = |least_edges| graph_with_groups_of(least_edges, snapshots.clone(), &from, &to);
        let (grouped, single) = (graph(least_edges), graph(usize::MAX));
        prop_assert_eq!(ranks(&grouped), ranks(&single));
        prop_assert_eq!(grouped.result, single.result);
        prop_assert_eq!(&grouped.limitations, &single.limitations);
        prop_assert!(single.nodes.iter().all(|node| !matches!(node, GraphNode::Group(_))));
        for edge in &grouped.edges {
            prop_assert!(grouped.node(&edge.from).is_some() && grouped.node(&edge.to).is_some());
        }
    }

    #[test]
    fn paths_are_edges_of_the_graph_and_edges_are_allowed(accounts in any_accounts()) {
        let snapshots = snapshots_of(&accounts);
        let graph = graph_of(snapshots.clone(), &[], &[]);
        for path in &graph.paths {
            let steps: Vec<&GraphEdge> = graph.steps(path).collect();
            prop_assert_eq!(steps.len(), path.steps.len());
            prop_assert!(steps.first().is_some_and(|edge| edge.from == path.from));
            prop_assert!(steps.last().is_some_and(|edge| edge.to == path.to));
            prop_assert!(steps.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert_eq!(path.is_unconditional, steps.iter().all(|edge| edge.is_unconditional));
        }
        let of = |id: &str| snapshots.iter().find(|one| &*one.principal == id);
        for edge in &graph.edges {
            prop_assert_eq!(edge.is_unconditional, edge.conditions.is_empty());
            prop_assert!(graph.node(&edge.from).is_some() && graph.node(&edge.to).is_some());
            let (Some(from), Some(to), "assume-role") = (of(&edge.from), of(&edge.to), edge.method.as_str()) else { continue };
            // The caller chooses the external id.
            let keys = BTreeMap::from([("sts:externalid".to_owned(), vec!["x".to_owned()])]);
            let context = RequestContext { keys, is_complete: true };
            let mut snapshot = from.clone();
            let trust = to.trust_policy.as_ref().unwrap();
            snapshot.resource_based_policies = vec![crate::grants::ResourceBasedPolicy::trust_policy(&to.principal, &trust.text)];
            let request = AuthorizationRequest { action: "sts:AssumeRole", resource: &to.principal, context: &context };
            let decision = evaluator().decide(&snapshot, &request);
            prop_assert!(!edge.is_unconditional || matches!(decision, Decision::Allowed(_)), "{edge:?} {decision:?}");
        }
    }
}
