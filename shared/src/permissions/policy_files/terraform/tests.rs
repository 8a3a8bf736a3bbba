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

fn unread(file: &PolicyFile) -> Vec<&str> {
    file.unread.iter().map(|one| one.part.name.as_str()).collect()
}

#[test]
fn an_incomplete_plan_may_lack_policies_of_every_principal() {
    let role = [resource("aws_iam_role", "r", json!({ "name": "R" }))];
    for (member, value, is_open) in [
        ("complete", false, true),
        ("errored", true, true),
        ("complete", true, false),
        ("errored", false, false),
    ] {
        let mut plan = plan(&role, &[], &[]);
        plan[member] = json!(value);
        let file = read(&plan);
        let count = usize::from(is_open);
        assert_eq!(
            (malformed(&grants_of(&file)[ROLE]).len(), file.unread.len()),
            (count, count),
            "{member} {value}"
        );
    }
}

/// A plan that repeats the policies of the last refresh, with the resources before it.
fn repeating(earlier: &[Value], now: &[Value]) -> PolicyFile {
    let role = resource(
        "aws_iam_role",
        "r",
        json!({
            "name": "R", "managed_policy_arns": ["arn:aws:iam::aws:policy/A"],
            "inline_policy": [{ "name": "p", "policy": document("s3:PutObject") }],
        }),
    );
    let resources: Vec<Value> = [role].into_iter().chain(now.iter().cloned()).collect();
    let mut plan = plan(&resources, &[], &[]);
    plan["prior_state"] = json!({ "values": { "root_module": { "resources": earlier } } });
    let forgotten = earlier.iter().filter(|one| one["forgotten"] == true);
    plan["resource_changes"] = forgotten
        .map(|one| json!({ "address": one["address"], "change": { "actions": ["forget"] } }))
        .collect();
    read(&plan)
}

#[test]
fn what_a_plan_repeats_of_other_resources_is_what_the_plan_makes_of_them() {
    let inline = |action: &str| {
        resource("aws_iam_role_policy", "p", json!({ "name": "p", "role": "R", "policy": document(action) }))
    };
    let attachment = || {
        resource(
            "aws_iam_role_policy_attachment",
            "a",
            json!({ "role": "R", "policy_arn": "arn:aws:iam::aws:policy/A" }),
        )
    };
    let found = |earlier: &[Value], now: &[Value]| {
        let grants = grants_of(&repeating(earlier, now));
        let own = &grants[ROLE];
        (
            certainty(own, "s3:PutObject").is_some(),
            certainty(own, "s3:ListBucket").is_some(),
            malformed(own).len(),
        )
    };
    assert_eq!(found(&[inline("s3:PutObject"), attachment()], &[]), (false, false, 0));
    assert_eq!(
        found(&[inline("s3:PutObject"), attachment()], &[inline("s3:ListBucket"), attachment()]),
        (false, true, 1)
    );
    // What no resource made is not changed by the plan; a block `dynamic` is not in the configuration.
    assert_eq!(found(&[], &[]), (true, false, 1));
    let mut forgotten = [inline("s3:PutObject"), attachment()];
    for one in &mut forgotten {
        one["forgotten"] = json!(true);
    }
    assert_eq!(found(&forgotten, &[]), (true, false, 1));
}

#[test]
fn an_exclusive_list_that_the_plan_destroys_detaches_nothing() {
    const POLICY: &str = "arn:aws:iam::aws:policy/A";
    let set = "arn:aws:sso:::permissionSet/x/y";
    let kinds = [
        ("aws_iam_role", "aws_iam_role_policy_attachments_exclusive", "role_name", "R", ROLE),
        ("aws_iam_user", "aws_iam_user_policy_attachments_exclusive", "user_name", "U", USER),
        ("aws_iam_group", "aws_iam_group_policy_attachments_exclusive", "group_name", "G", GROUP),
        (
            "aws_ssoadmin_permission_set",
            "aws_ssoadmin_managed_policy_attachments_exclusive",
            "permission_set_arn",
            set,
            SET,
        ),
    ];
    for (kind, exclusive, attribute, name, principal) in kinds {
        let policies = if kind.contains("sso") { "managed_policy_arns" } else { "policy_arns" };
        let own = match kind {
            "aws_iam_role" => json!({ "name": name, "managed_policy_arns": [POLICY] }),
            "aws_ssoadmin_permission_set" => json!({ "name": "S", "arn": set }),
            _ => json!({ "name": name }),
        };
        let own = resource(kind, "x", own);
        let list = |arns: &[&str]| resource(exclusive, "l", json!({ attribute: name, policies: arns }));
        let other = resource(exclusive, "l", json!({ attribute: "other", policies: [POLICY] }));
        for (earlier, now, action, wanted) in [
            (list(&[POLICY]), vec![], "delete", true),
            (list(&[POLICY]), vec![], "forget", true),
            (list(&[POLICY]), vec![list(&[])], "update", false),
            (other, vec![], "delete", kind == "aws_iam_role"),
        ] {
            let resources: Vec<Value> = [own.clone()].into_iter().chain(now).collect();
            let mut plan = plan(&resources, &[], &[]);
            plan["prior_state"] = json!({ "values": { "root_module": { "resources": [own, earlier] } } });
            plan["resource_changes"] =
                json!([{ "address": format!("{exclusive}.l"), "change": { "actions": [action] } }]);
            let grants = grants_of(&read(&plan));
            assert_eq!(grants.keys().collect::<Vec<_>>(), [principal], "{exclusive} {action}");
            let found = malformed(&grants[principal]);
            assert_eq!(found.contains(&POLICY), wanted, "{exclusive} {action} {found:?}");
        }
    }
}

#[test]
fn a_list_of_inline_policies_names_those_that_the_file_does_not_declare() {
    for (kind, name, principal) in [("role", "R", ROLE), ("user", "U", USER), ("group", "G", GROUP)] {
        let own = || resource(&format!("aws_iam_{kind}"), "x", json!({ "name": name }));
        let policy = || {
            let values = json!({ "name": "p", kind: name, "policy": document("s3:GetObject") });
            resource(&format!("aws_iam_{kind}_policy"), "p", values)
        };
        let list = |names: &[&str]| {
            let values = json!({ format!("{kind}_name"): name, "policy_names": names });
            resource(&format!("aws_iam_{kind}_policies_exclusive"), "l", values)
        };
        let found = |plan: &Value| -> Vec<String> {
            let file = read(plan);
            assert!(file.unread.is_empty(), "{kind}: {:?}", file.unread);
            malformed(&grants_of(&file)[principal]).iter().map(ToString::to_string).collect()
        };
        let of = |resources: &[Value]| found(&plan(resources, &[], &[]));
        assert_eq!(of(&[list(&["p"]), own(), policy()]), [""; 0], "{kind}");
        assert_eq!(of(&[own(), policy(), list(&[])]), [""; 0], "{kind}");
        // The document of `q` is in no file.
        assert_eq!(of(&[own(), policy(), list(&["p", "q"])]), ["q"], "{kind}");
        let state = json!({ "format_version": "1.0", "values": { "root_module": { "resources": [own(), list(&["q"])] } } });
        assert_eq!(found(&state), ["q"], "{kind}");
        // A name that is known only after apply is that of the policy that it refers to, or unknown.
        let address = format!("aws_iam_{kind}_policies_exclusive.l");
        let unknown = |to: &[&str]| {
            let mut list = list(&[]);
            list["values"].as_object_mut().unwrap().remove("policy_names");
            let unknown = [(address.as_str(), json!({ "policy_names": true }))];
            found(&plan(&[own(), policy(), list], &unknown, &[(address.as_str(), "policy_names", to)]))
        };
        let declared = format!("aws_iam_{kind}_policy.p");
        assert_eq!(unknown(&[&format!("{declared}.name"), &declared]), [""; 0], "{kind}");
        assert_eq!(unknown(&["module.other.names", "module.other"]).len(), 1, "{kind}");
        // A list that the plan destroys deletes nothing; a policy that the plan destroys is gone.
        let mut destroyed = plan(&[own()], &[], &[]);
        destroyed["prior_state"] =
            json!({ "values": { "root_module": { "resources": [own(), policy(), list(&["p", "q"])] } } });
        destroyed["resource_changes"] = json!([
            { "address": address, "change": { "actions": ["delete"] } },
            { "address": declared, "change": { "actions": ["delete"] } },
        ]);
        // A plan repeats the inline policies of a role in an attribute of the role.
        let wanted: &[&str] = if kind == "role" { &[] } else { &["q"] };
        assert_eq!(found(&destroyed), wanted, "{kind}");
    }
}

#[test]
fn a_policy_of_a_user_that_the_plan_forgets_stays() {
    let user = resource("aws_iam_user", "u", json!({ "name": "U" }));
    let policy = |user: &str| {
        resource(
            "aws_iam_user_policy",
            "p",
            json!({ "name": "p", "user": user, "policy": document("s3:PutObject") }),
        )
    };
    for (of, action, wanted) in
        [("U", "forget", Some(Certainty::Unconditional)), ("U", "delete", None), ("V", "forget", None)]
    {
        let mut plan = plan(std::slice::from_ref(&user), &[], &[]);
        plan["prior_state"] = json!({ "values": { "root_module": { "resources": [user, policy(of)] } } });
        plan["resource_changes"] =
            json!([{ "address": "aws_iam_user_policy.p", "change": { "actions": [action] } }]);
        let grants = grants_of(&read(&plan));
        assert_eq!((grants.len(), certainty(&grants[USER], "s3:PutObject")), (1, wanted), "{of} {action}");
    }
}

#[test]
fn inline_policies_that_a_plan_cannot_show_are_named() {
    let role = |name: &str| resource("aws_iam_role", name, json!({ "name": name }));
    let open = json!({ "inline_policy": true });
    let plan = plan(
        &[role("a"), role("b"), role("c")],
        &[("aws_iam_role.a", open.clone()), ("aws_iam_role.b", open)],
        &[("aws_iam_role.b", "inline_policy", &["aws_s3_bucket.b"])],
    );
    let file = read(&plan);
    let [note] = &*file.notes else { panic!("{:?}", file.notes) };
    assert!(note.contains("aws_iam_role.a") && !note.contains("aws_iam_role.b"), "{note}");
}

const SET: &str = "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_S_*";

#[test]
fn a_permission_set_is_a_principal() {
    let to_set: &[&str] = &["aws_ssoadmin_permission_set.s.arn", "aws_ssoadmin_permission_set.s"];
    let kinds = [
        ("aws_ssoadmin_permission_set_inline_policy", json!({ "inline_policy": document("s3:PutObject") })),
        (
            "aws_ssoadmin_managed_policy_attachment",
            json!({ "managed_policy_arn": "arn:aws:iam::aws:policy/A" }),
        ),
        (
            "aws_ssoadmin_customer_managed_policy_attachment",
            json!({ "customer_managed_policy_reference": [{ "name": "own", "path": "/team/" }] }),
        ),
        (
            "aws_ssoadmin_permissions_boundary_attachment",
            json!({ "permissions_boundary": [{ "managed_policy_arn": "arn:aws:iam::aws:policy/B", "customer_managed_policy_reference": [] }] }),
        ),
    ];
    let resources: Vec<Value> =
        std::iter::once(resource("aws_ssoadmin_permission_set", "s", json!({ "name": "S" })))
            .chain(kinds.iter().map(|(kind, values)| resource(kind, "x", values.clone())))
            .collect();
    let addresses: Vec<String> = kinds.iter().map(|(kind, _)| format!("{kind}.x")).collect();
    let unknown: Vec<(&str, Value)> =
        addresses.iter().map(|address| (address.as_str(), json!({ "permission_set_arn": true }))).collect();
    let references: Vec<(&str, &str, &[&str])> =
        addresses.iter().map(|address| (address.as_str(), "permission_set_arn", to_set)).collect();
    let file = read(&plan(&resources, &unknown, &references));
    assert!(file.unread.is_empty());
    let grants = grants_of(&file);
    assert_eq!(grants.keys().collect::<Vec<_>>(), [SET]);
    let policies: Vec<&str> =
        file.principals[0].identity_policies.iter().map(|policy| &*policy.name).collect();
    assert_eq!(
        policies,
        ["arn:aws:iam::${AccountId}:policy/team/own", "arn:aws:iam::aws:policy/A", "inline_policy"]
    );
    assert_eq!(&*file.principals[0].permissions_boundary.as_ref().unwrap().name, "arn:aws:iam::aws:policy/B");
    // Without a reference, it may be of any permission set.
    let grants = grants_of(&read(&plan(&resources[..2], &unknown[..1], &[])));
    assert_eq!((grants.len(), malformed(&grants[SET]).len()), (2, 1));
}

#[test]
fn a_stack_is_read_if_the_plan_has_its_template() {
    let body = json!({
        "Parameters": { "Name": { "Type": "String", "Default": "other" } },
        "Resources": { "R": { "Type": "AWS::IAM::Role", "Properties": {
            "RoleName": { "Ref": "Name" }, "AssumeRolePolicyDocument": {},
            "Policies": [{ "PolicyName": "p", "PolicyDocument": document("s3:PutObject") }],
        } } },
    });
    for (kind, values, unknown, wanted) in [
        (
            "aws_cloudformation_stack",
            json!({ "template_body": body.to_string(), "parameters": { "Name": "R" } }),
            json!({}),
            &[][..],
        ),
        (
            "aws_cloudformation_stack_set",
            json!({ "template_body": body.to_string(), "parameters": { "Name": "R" } }),
            json!({}),
            &[],
        ),
        (
            "aws_cloudformation_stack",
            json!({}),
            json!({ "template_body": true }),
            &["aws_cloudformation_stack.s"],
        ),
        (
            "aws_cloudformation_stack",
            json!({ "template_url": "https://x/y", "template_body": body.to_string() }),
            json!({}),
            &["aws_cloudformation_stack.s"],
        ),
    ] {
        let file = read(&plan(&[resource(kind, "s", values)], &[(&format!("{kind}.s"), unknown)], &[]));
        assert_eq!(unread(&file), wanted, "{kind}");
        if wanted.is_empty() {
            assert_eq!(certainty(&grants_of(&file)[ROLE], "s3:PutObject"), Some(Certainty::Unconditional));
        }
    }
}

#[test]
fn resources_that_may_have_policies_and_are_not_read_are_named() {
    for (kind, values, is_named) in [
        ("awscc_iam_role", json!({}), true),
        ("awscc_iam_role_policy", json!({}), true),
        ("awscc_iam_instance_profile", json!({}), false),
        ("awscc_sso_permission_set", json!({}), true),
        ("aws_iam_novelty", json!({}), true),
        ("aws_iam_instance_profile", json!({}), false),
        ("aws_iam_service_linked_role", json!({}), false),
        ("aws_iam_policy", json!({ "name": "P" }), false),
        ("aws_servicecatalog_provisioned_product", json!({}), true),
        ("aws_cloudcontrolapi_resource", json!({ "type_name": "AWS::IAM::Role" }), true),
        ("aws_cloudcontrolapi_resource", json!({ "type_name": "AWS::S3::Bucket" }), false),
        ("aws_s3_bucket", json!({}), false),
    ] {
        let file = read(&plan(&[resource(kind, "x", values)], &[], &[]));
        assert_eq!(file.unread.len(), usize::from(is_named), "{kind}");
    }
}

#[test]
fn a_resource_based_policy_of_the_plan_grants_to_the_principals_that_it_names() {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*", "Principal": { "AWS": "arn:aws:iam::111122223333:role/R" },
    }] });
    let roles = [
        resource("aws_iam_role", "r", json!({ "name": "R", "path": "/" })),
        resource("aws_iam_role", "s", json!({ "name": "S", "path": "/" })),
    ];
    let with = |values: Value, unknown: Value| {
        let resources: Vec<Value> =
            roles.iter().cloned().chain([resource("aws_s3_bucket_policy", "b", values)]).collect();
        let refers: &[&str] = &["aws_s3_bucket.b.arn", "aws_iam_role.r.arn", "aws_iam_role.r"];
        let file = read(&plan(
            &resources,
            &[("aws_s3_bucket_policy.b", unknown)],
            &[("aws_s3_bucket_policy.b", "policy", refers)],
        ));
        let grants = grants_of(&file);
        assert!(malformed(&grants["arn:aws:iam::*:role/S"]).is_empty());
        (certainty(&grants[ROLE], "s3:PutObject"), malformed(&grants[ROLE]).len())
    };
    // The plan does not say the account of a new role.
    assert_eq!(with(json!({ "policy": policy.to_string() }), json!({})), (Some(Certainty::Conditional), 0));
    assert_eq!(with(json!({}), json!({ "policy": true })), (None, 1));
}

#[test]
fn policies_of_every_type_of_resource_are_read_or_named() {
    const READER: &str = "arn:aws:iam::111122223333:role/R";
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "*", "Resource": "*", "Principal": { "AWS": READER },
    }] });
    let policy = policy.to_string();
    let role = || resource("aws_iam_role", "r", json!({ "name": "R", "path": "/", "arn": READER }));
    let found = |kind: &str, values: Value, unknown: Value, more: &[Value]| {
        let resources: Vec<Value> =
            [role(), resource(kind, "x", values)].into_iter().chain(more.iter().cloned()).collect();
        let refers: &[&str] = &["aws_iam_role.r.arn", "aws_iam_role.r"];
        let address = format!("{kind}.x");
        let references: Vec<(&str, &str, &[&str])> = unknown
            .as_object()
            .unwrap()
            .keys()
            .map(|attribute| (address.as_str(), attribute.as_str(), refers))
            .collect();
        let file = read(&plan(&resources, &[(&address, unknown.clone())], &references));
        let grants = &grants_of(&file)[READER];
        let how =
            ["kms:ScheduleKeyDeletion", "lambda:InvokeFunction"].map(|action| certainty(grants, action));
        (how.contains(&Some(Certainty::Unconditional)), malformed(grants).len(), file.unread.len())
    };
    for (kind, attribute) in [
        ("aws_kms_replica_key", "policy"),
        ("aws_kms_external_key", "policy"),
        ("aws_s3_bucket", "policy"),
        ("aws_elasticsearch_domain", "access_policies"),
        ("aws_elasticsearch_domain_policy", "access_policies"),
        ("aws_opensearch_domain", "access_policies"),
        ("aws_cloudwatch_event_bus_policy", "policy"),
        ("awscc_s3_bucket_policy", "policy_document"),
        ("awscc_kms_key", "key_policy"),
    ] {
        assert_eq!(found(kind, json!({ attribute: policy }), json!({}), &[]), (true, 0, 0), "{kind}");
        assert_eq!(found(kind, json!({}), json!({ attribute: true }), &[]), (false, 1, 0), "{kind}");
    }
    let permission = json!({ "function_name": "f", "action": "lambda:InvokeFunction", "principal": READER });
    assert_eq!(found("aws_lambda_permission", permission, json!({}), &[]), (true, 0, 0));
    assert_eq!(found("aws_lambda_permission", json!({}), json!({ "principal": true }), &[]), (false, 1, 0));
    for (values, unknown, count) in [
        (json!({ "grantee_principal": READER }), json!({}), 1),
        (json!({}), json!({ "grantee_principal": true }), 1),
        (json!({ "policy": policy }), json!({}), 1),
        (json!({ "deep": [{ "policy": policy }] }), json!({}), 1),
        (json!({ "role": READER }), json!({}), 0),
        (json!({}), json!({ "role": true }), 0),
    ] {
        assert_eq!(found("aws_novelty", values.clone(), unknown, &[]), (false, count, count), "{values}");
        assert_eq!(found("null_resource", values, json!({}), &[]), (false, 0, 0));
    }
    assert_eq!(found("aws_vpc_endpoint", json!({ "policy": policy }), json!({}), &[]), (false, 0, 0));
    // What a plan repeats of another resource is what the plan makes of it.
    let own = resource("aws_s3_bucket_policy", "b", json!({ "bucket": "b", "policy": "{}" }));
    let bucket = json!({ "bucket": "b", "policy": policy });
    assert_eq!(found("aws_s3_bucket", bucket, json!({}), &[own]), (false, 0, 0));
}
