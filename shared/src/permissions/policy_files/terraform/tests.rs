//! Plans and states, and what their principals are granted.

use serde_json::{Value, json};

use super::super::{
    PolicyFile, parse,
    tests::{certainty, grants_of, malformed},
};
use crate::grants::Certainty;

fn read(value: &Value) -> PolicyFile {
    parse("plan.json", &value.to_string(), None).unwrap()
}

fn document(action: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] }).to_string()
}

fn resource(kind: &str, name: &str, values: Value) -> Value {
    json!({ "address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name, "values": values })
}

/// A plan of these resources in the root module, with what is known only after apply, and the references of attributes.
fn plan(resources: &[Value], unknown: &[(&str, Value)], references: &[(&str, &str, &[&str])]) -> Value {
    let changes: Vec<Value> = unknown
        .iter()
        .map(|(address, unknown)| json!({ "address": address, "change": { "actions": ["create"], "after_unknown": unknown } }))
        .collect();
    let configured: Vec<Value> = resources
        .iter()
        .map(|resource| {
            let address =
                format!("{}.{}", resource["type"].as_str().unwrap(), resource["name"].as_str().unwrap());
            let own = references.iter().filter(|(of, ..)| *of == address);
            let expressions: serde_json::Map<String, Value> = own
                .map(|(_, attribute, to)| ((*attribute).to_owned(), json!({ "references": to })))
                .collect();
            json!({ "address": address, "expressions": expressions })
        })
        .collect();
    json!({
        "format_version": "1.2", "terraform_version": "1.9.0",
        "planned_values": { "root_module": { "resources": resources } },
        "resource_changes": changes,
        "configuration": { "root_module": { "resources": configured } },
    })
}

const ROLE: &str = "arn:aws:iam::*:role/R";
const USER: &str = "arn:aws:iam::*:user/U";
const GROUP: &str = "arn:aws:iam::*:group/G";

#[test]
fn a_state_has_the_policies_of_each_kind() {
    let arn = |kind: &str, name: &str| format!("arn:aws:iam::111122223333:{kind}/{name}");
    let resources = json!([
        resource("aws_iam_role", "r", json!({
            "name": "R", "path": "/", "arn": arn("role", "R"), "assume_role_policy": "{}",
            "inline_policy": [{ "name": "in", "policy": document("s3:PutObject") }, { "name": "", "policy": "" }],
            "managed_policy_arns": ["arn:aws:iam::aws:policy/A"], "permissions_boundary": "", "tags_all": { "team": "audit" },
        })),
        resource("aws_iam_role_policy", "p", json!({ "name": "p", "role": "R", "policy": document("sqs:SendMessage") })),
        resource("aws_iam_policy", "m", json!({ "name": "M", "path": "/", "arn": arn("policy", "M"), "policy": document("sns:Publish") })),
        resource("aws_iam_role_policy_attachment", "a", json!({ "role": "R", "policy_arn": arn("policy", "M") })),
        resource("aws_iam_user", "u", json!({ "name": "U", "path": "/", "arn": arn("user", "U"), "permissions_boundary": arn("policy", "M") })),
        resource("aws_iam_user_policy", "up", json!({ "name": "up", "user": "U", "policy": document("*") })),
        resource("aws_iam_group", "g", json!({ "name": "G", "path": "/", "arn": arn("group", "G") })),
        resource("aws_iam_group_policy", "gp", json!({ "name": "gp", "group": "G", "policy": document("iam:CreateUser") })),
        resource("aws_iam_group_policy_attachment", "ga", json!({ "group": "G", "policy_arn": arn("policy", "M") })),
        resource("aws_iam_user", "v", json!({ "name": "V", "path": "/", "arn": arn("user", "V"), "permissions_boundary": null })),
        resource("aws_iam_user_group_membership", "vg", json!({ "user": "V", "groups": ["G"] })),
        resource("aws_iam_user", "w", json!({ "name": "W", "path": "/", "arn": arn("user", "W") })),
        resource("aws_iam_group_membership", "wg", json!({ "name": "x", "group": "G", "users": ["W"] })),
        resource("aws_iam_policy_attachment", "pa", json!({
            "name": "x", "policy_arn": arn("policy", "M"), "roles": [], "users": ["W"], "groups": [],
        })),
        { "address": "data.aws_iam_policy.d", "mode": "data", "type": "aws_iam_policy", "name": "d",
          "values": { "arn": "arn:aws:iam::aws:policy/A", "policy": document("ec2:RunInstances") } },
    ]);
    let state = json!({ "format_version": "1.0", "values": { "root_module": { "resources": resources } } });
    let mut file = read(&state);
    assert!(super::super::link(&mut file.principals, &file.documents).is_empty());
    let grants = grants_of(&file);
    let has = |principal: String, action: &str| {
        certainty(&grants[&principal], action) == Some(Certainty::Unconditional)
    };
    for action in ["s3:PutObject", "sqs:SendMessage", "sns:Publish", "ec2:RunInstances"] {
        assert!(has(arn("role", "R"), action), "{action}");
    }
    assert!(
        has(arn("user", "U"), "sns:Publish") && !has(arn("user", "U"), "s3:PutObject"),
        "the boundary limits"
    );
    for user in ["V", "W"] {
        assert!(has(arn("user", user), "iam:CreateUser") && has(arn("user", user), "sns:Publish"), "{user}");
    }
    assert!(grants.values().all(|grants| malformed(grants).is_empty()));
    assert_eq!(grants.len(), 5, "the managed policy is attached: {:?}", grants.keys());
}

#[test]
fn an_exclusive_attachment_attaches_to_each_kind_of_principal() {
    for (kind, name, principal) in
        [("role", "role_name", ROLE), ("user", "user_name", USER), ("group", "group_name", GROUP)]
    {
        let plan = plan(
            &[
                resource(
                    &format!("aws_iam_{kind}"),
                    "x",
                    json!({ "name": principal.rsplit_once('/').unwrap().1 }),
                ),
                resource(
                    &format!("aws_iam_{kind}_policy_attachments_exclusive"),
                    "x",
                    json!({ name: principal.rsplit_once('/').unwrap().1, "policy_arns": ["arn:aws:iam::aws:policy/A"] }),
                ),
            ],
            &[],
            &[],
        );
        assert_eq!(malformed(&grants_of(&read(&plan))[principal]), ["arn:aws:iam::aws:policy/A"], "{kind}");
    }
}

#[test]
fn a_new_role_without_unknown_policies_is_known() {
    let plan = plan(
        &[
            resource("aws_iam_role", "r", json!({ "name": "R", "path": "/" })),
            resource(
                "aws_iam_policy",
                "m",
                json!({ "name": "M", "path": "/", "policy": document("sns:Publish") }),
            ),
            resource("aws_iam_role_policy_attachment", "a", json!({ "role": "R" })),
            resource(
                "aws_iam_role_policy",
                "p",
                json!({ "name": "p", "policy": document("sqs:SendMessage") }),
            ),
        ],
        &[
            ("aws_iam_role.r", json!({ "arn": true, "inline_policy": true, "managed_policy_arns": true })),
            ("aws_iam_policy.m", json!({ "arn": true })),
            ("aws_iam_role_policy_attachment.a", json!({ "id": true, "policy_arn": true })),
            ("aws_iam_role_policy.p", json!({ "id": true, "role": true })),
        ],
        &[
            ("aws_iam_role_policy_attachment.a", "policy_arn", &["aws_iam_policy.m.arn", "aws_iam_policy.m"]),
            ("aws_iam_role_policy.p", "role", &["aws_iam_role.r.id", "aws_iam_role.r"]),
        ],
    );
    let grants = grants_of(&read(&plan));
    assert_eq!(grants.keys().collect::<Vec<_>>(), [ROLE]);
    assert!(malformed(&grants[ROLE]).is_empty(), "{:?}", grants[ROLE].problems);
    for action in ["sns:Publish", "sqs:SendMessage"] {
        assert_eq!(certainty(&grants[ROLE], action), Some(Certainty::Unconditional), "{action}");
    }
}

#[test]
fn a_value_that_is_known_after_apply_makes_the_principal_indeterminate() {
    let role = || resource("aws_iam_role", "r", json!({ "name": "R", "path": "/" }));
    let policy = "aws_iam_role_policy.p";
    let document_unknown = plan(
        &[role(), resource("aws_iam_role_policy", "p", json!({ "name": "p", "role": "R" }))],
        &[(policy, json!({ "policy": true }))],
        &[(policy, "policy", &["aws_s3_bucket.b.arn", "aws_s3_bucket.b"])],
    );
    let file = read(&document_unknown);
    let grants = grants_of(&file);
    assert_eq!(malformed(&grants[ROLE]), ["p"]);
    assert!(grants[ROLE].problems[0].message.contains("known after apply"), "{:?}", grants[ROLE].problems);
    let attachment = "aws_iam_role_policy_attachment.a";
    let attach = |values: Value, unknown: Value, attribute: &str, to: &[&str]| {
        let plan = plan(
            &[role(), resource("aws_iam_role_policy_attachment", "a", values)],
            &[(attachment, unknown)],
            &[(attachment, attribute, to)],
        );
        let grants = grants_of(&read(&plan));
        malformed(&grants[ROLE]).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let to = ["var.policy"];
    let found = attach(json!({ "role": "R" }), json!({ "policy_arn": true }), "policy_arn", &to);
    assert!(matches!(&*found, [one] if one.contains("policy_arn")), "{found:?}");
    // The role may be this one.
    let arn = "arn:aws:iam::aws:policy/A";
    let found = attach(json!({ "policy_arn": arn }), json!({ "role": true }), "role", &["var.role"]);
    assert!(matches!(&*found, [one] if one.contains(attachment)), "{found:?}");
    let boundary = plan(
        &[
            role(),
            resource(
                "aws_iam_role_policy",
                "p",
                json!({ "name": "p", "role": "R", "policy": document("s3:PutObject") }),
            ),
        ],
        &[("aws_iam_role.r", json!({ "permissions_boundary": true }))],
        &[("aws_iam_role.r", "permissions_boundary", &["var.boundary"])],
    );
    let grants = grants_of(&read(&boundary));
    assert_eq!(certainty(&grants[ROLE], "s3:PutObject"), Some(Certainty::Conditional));
}

#[test]
fn instances_and_modules_are_told_apart() {
    let instance = |kind: &str, name: &str, key: &str, values: Value| {
        json!({
            "address": format!("module.m[\"x.y\"].{kind}.{name}[\"{key}\"]"), "mode": "managed", "type": kind, "name": name,
            "index": key, "values": values,
        })
    };
    let address = |kind: &str, name: &str, key: &str| format!("module.m[\"x.y\"].{kind}.{name}[\"{key}\"]");
    let (mut resources, mut changes) = (Vec::new(), Vec::new());
    for (key, action) in [("a", "s3:PutObject"), ("b", "sqs:SendMessage")] {
        resources.push(instance("aws_iam_role", "r", key, json!({ "name": key, "path": "/" })));
        resources.push(instance(
            "aws_iam_policy",
            "p",
            key,
            json!({ "name": key, "path": "/", "policy": document(action) }),
        ));
        resources.push(instance("aws_iam_role_policy_attachment", "t", key, json!({ "role": key })));
        changes.push(json!({
            "address": address("aws_iam_role_policy_attachment", "t", key),
            "change": { "after_unknown": { "policy_arn": true } },
        }));
    }
    let references = json!({ "policy_arn": { "references": ["aws_iam_policy.p", "each.key"] } });
    let configuration = json!({ "root_module": { "module_calls": { "m": { "module": { "resources": [
        { "address": "aws_iam_role_policy_attachment.t", "expressions": references },
    ] } } } } });
    let plan = |resources: &[Value]| {
        json!({
            "format_version": "1.2",
            "planned_values": { "root_module": { "child_modules": [{ "address": "module.m[\"x.y\"]", "resources": resources }] } },
            "resource_changes": changes, "configuration": configuration,
        })
    };
    let grants = grants_of(&read(&plan(&resources)));
    for (role, own, other) in
        [("a", "s3:PutObject", "sqs:SendMessage"), ("b", "sqs:SendMessage", "s3:PutObject")]
    {
        let grants = &grants[&format!("arn:aws:iam::*:role/{role}")];
        assert_eq!(
            (certainty(grants, own), certainty(grants, other)),
            (Some(Certainty::Unconditional), None)
        );
        assert!(malformed(grants).is_empty());
    }
    // With other indexes than those of the attachments, which policy it is, is not known.
    resources.push(instance(
        "aws_iam_policy",
        "p",
        "c",
        json!({ "name": "c", "path": "/", "policy": document("*") }),
    ));
    let grants = grants_of(&read(&plan(&resources)));
    assert_eq!(malformed(&grants["arn:aws:iam::*:role/a"]).len(), 1);
}

#[test]
fn a_name_that_is_known_after_apply_is_the_address() {
    let plan = plan(
        &[
            resource("aws_iam_role", "r", json!({ "path": "/" })),
            resource("aws_iam_role_policy", "p", json!({ "name": "p", "policy": document("s3:PutObject") })),
        ],
        &[("aws_iam_role.r", json!({ "name": true })), ("aws_iam_role_policy.p", json!({ "role": true }))],
        &[("aws_iam_role_policy.p", "role", &["aws_iam_role.r.name", "aws_iam_role.r"])],
    );
    let grants = grants_of(&read(&plan));
    let own = &grants["arn:aws:iam::*:role/${aws_iam_role.r}"];
    assert_eq!((certainty(own, "s3:PutObject"), malformed(own).len()), (Some(Certainty::Unconditional), 0));
}

#[test]
fn a_set_that_is_not_known_may_have_more_members_than_those_that_it_refers_to() {
    let policy = || {
        resource(
            "aws_iam_policy",
            "m",
            json!({ "name": "M", "path": "/", "policy": document("sns:Publish") }),
        )
    };
    let to_policy: &[&str] = &["aws_iam_policy.m.arn", "aws_iam_policy.m"];
    let user = |name: &str, user: &str| resource("aws_iam_user", name, json!({ "name": user }));
    // A role with policies.
    let attached = plan(
        &[resource("aws_iam_role", "r", json!({ "name": "R" })), policy()],
        &[
            ("aws_iam_role.r", json!({ "managed_policy_arns": true })),
            ("aws_iam_policy.m", json!({ "arn": true })),
        ],
        &[("aws_iam_role.r", "managed_policy_arns", to_policy)],
    );
    let grants = grants_of(&read(&attached));
    assert_eq!(certainty(&grants[ROLE], "sns:Publish"), Some(Certainty::Unconditional));
    assert_eq!(malformed(&grants[ROLE]), ["aws_iam_role.r.managed_policy_arns (known after apply)"]);
    // A user in groups.
    let member = "aws_iam_user_group_membership.x";
    let groups = plan(
        &[
            user("u", "U"),
            resource("aws_iam_group", "g", json!({ "name": "G" })),
            resource(
                "aws_iam_group_policy",
                "p",
                json!({ "name": "p", "group": "G", "policy": document("sns:Publish") }),
            ),
            resource("aws_iam_user_group_membership", "x", json!({ "user": "U" })),
        ],
        &[(member, json!({ "groups": true }))],
        &[(member, "groups", &["aws_iam_group.g.id", "aws_iam_group.g"])],
    );
    let grants = grants_of(&read(&groups));
    assert_eq!(certainty(&grants[USER], "sns:Publish"), Some(Certainty::Unconditional));
    assert_eq!(malformed(&grants[USER]).len(), 1, "{:?}", grants[USER].problems);
    assert!(malformed(&grants[GROUP]).is_empty());
    // Users of an attachment.
    let attachment = "aws_iam_policy_attachment.x";
    let users = plan(
        &[
            user("u", "U"),
            user("v", "V"),
            resource(
                "aws_iam_policy_attachment",
                "x",
                json!({ "name": "x", "policy_arn": "arn:aws:iam::aws:policy/A" }),
            ),
        ],
        &[(attachment, json!({ "users": true }))],
        &[(attachment, "users", &["aws_iam_user.u.id", "aws_iam_user.u"])],
    );
    let grants = grants_of(&read(&users));
    assert_eq!(malformed(&grants[USER]), ["arn:aws:iam::aws:policy/A"]);
    assert!(malformed(&grants["arn:aws:iam::*:user/V"])[0].contains(attachment));
    assert_eq!(grants.len(), 2, "{:?}", grants.keys());
    // A plan tells each member of a list.
    let exclusive = "aws_iam_role_policy_attachments_exclusive.x";
    let list = plan(
        &[
            resource("aws_iam_role", "r", json!({ "name": "R" })),
            policy(),
            resource(
                "aws_iam_role_policy_attachments_exclusive",
                "x",
                json!({ "role_name": "R", "policy_arns": [null, "arn:aws:iam::aws:policy/A"] }),
            ),
        ],
        &[(exclusive, json!({ "policy_arns": [true, false] }))],
        &[(exclusive, "policy_arns", to_policy)],
    );
    assert_eq!(malformed(&grants_of(&read(&list))[ROLE]), ["arn:aws:iam::aws:policy/A"]);
}

/// A plan of two roles with one name in two accounts, one with a policy.
fn roles_of_one_name(role: Value) -> Value {
    plan(
        &[
            resource(
                "aws_iam_role",
                "dev",
                json!({ "name": "R", "permissions_boundary": "arn:aws:iam::aws:policy/B" }),
            ),
            resource("aws_iam_role", "prod", json!({ "name": "R" })),
            resource(
                "aws_iam_role_policy",
                "p",
                json!({ "name": "p", "role": "R", "policy": document("s3:PutObject") }),
            ),
        ],
        &[],
        &[("aws_iam_role_policy.p", "role", role.as_str().map_or(&[][..], |_| &["aws_iam_role.prod.name"]))],
    )
}

#[test]
fn roles_of_one_name_are_different_principals() {
    use crate::grants::Evaluator;
    let how = |plan: &Value| -> Vec<(bool, Option<Certainty>)> {
        let file = read(plan);
        assert_eq!(file.notes.len(), 1, "{:?}", file.notes);
        let evaluator = Evaluator::new(crate::catalog::Catalog::embedded());
        let of = |one| certainty(&evaluator.grants(one), "s3:PutObject");
        file.principals.iter().map(|one| (one.permissions_boundary.is_some(), of(one))).collect()
    };
    let mut told = roles_of_one_name(json!("prod"));
    let wanted = [(false, Some(Certainty::Unconditional)), (true, None)];
    assert!(wanted.iter().all(|one| how(&told).contains(one)), "{:?}", how(&told));
    // A state says what a policy depends on.
    let mut state = roles_of_one_name(Value::Null);
    state.as_object_mut().unwrap().remove("configuration");
    state["planned_values"]["root_module"]["resources"][2]["depends_on"] = json!(["aws_iam_role.prod"]);
    assert!(wanted.iter().all(|one| how(&state).contains(one)), "{:?}", how(&state));
    // Without a reference, it may be either.
    told = roles_of_one_name(Value::Null);
    let conditional = Some(Certainty::Conditional);
    assert_eq!(how(&told).iter().map(|(_, how)| *how).collect::<Vec<_>>(), [conditional, conditional]);
}
