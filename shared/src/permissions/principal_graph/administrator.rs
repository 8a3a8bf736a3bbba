//! The administrators of accounts: principals that may give themselves every permission.
//!
//! Enters: a principal with its grants. Leaves: edges to the administrator of its account, and from an administrator to roles
//! of other accounts. Laws: a permissions boundary makes an edge conditional, because it limits what a new policy gives;
//! an administrator has no edges to the principals of its own account.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{
    GraphEdge,
    account_principals::{KnownPrincipals, is_assumable, is_changeable, may_be_one_account},
    principal_edges::{
        GraphPrincipal, StepConditions, UNKNOWN_POLICY, better, conditions_of, edge, methods_becoming,
    },
};
use crate::{
    grants::{
        CallerChoices, Evaluator, Policy, PolicyOrigin, PolicySnapshot, ResourceBasedPolicy, UNKNOWN_TRUST,
    },
    pattern::matches,
    permissions::escalation::methods::{self, EscalationMethod, MethodTarget},
};

/// The beginning of the id of an administrator.
pub(super) const PREFIX: &str = "administrator of ";
/// What stands for an account that is not known.
pub(super) const UNKNOWN_ACCOUNT: &str = "an unknown account";
/// The condition key with the policy that is attached.
const POLICY_ARN: &str = "iam:policyarn";
/// The policy that an administrator attaches.
const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Policies of AWS that grant reads only: to attach one of them makes no administrator. Source: AWS Managed Policy Reference
/// Guide, read 2026-11.
const READ_ONLY_POLICIES: [&str; 3] = [
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
    "arn:aws:iam::aws:policy/SecurityAudit",
];
/// The condition of an edge by a policy other than `AdministratorAccess`.
const ANOTHER_POLICY: &str = "a policy that the principal may attach grants enough";
/// The condition of an edge by a change of the principal's own boundary.
const UNLIMITED: &str = "no other permissions boundary limits the principal after that";
const ALLOW_EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

const TRUST_EVERY_PRINCIPAL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#;

/// Methods that change the policies of a principal.
const POLICY_TARGETS: [MethodTarget; 4] = [
    MethodTarget::UserPolicy,
    MethodTarget::RolePolicy,
    MethodTarget::GroupPolicy,
    MethodTarget::ManagedPolicy,
];

/// Id of the administrator of an account.
pub(super) fn administrator_id(account: &str) -> Arc<str> {
    format!("{PREFIX}{}", if account.is_empty() { UNKNOWN_ACCOUNT } else { account }).into()
}

/// Whether the principal may change policies of some user, role or group.
pub(super) fn may_change_policies(principal: &GraphPrincipal<'_>) -> bool {
    let mut methods = POLICY_TARGETS.into_iter().flat_map(methods_becoming);
    methods.any(|method| method.action_sets.iter().any(|set| principal.covers(set)))
}

/// Edges by which a principal makes itself or a new role an administrator.
pub(super) fn of_itself(principal: &GraphPrincipal<'_>) -> Vec<GraphEdge> {
    let mut edges = through(principal, principal.snapshot, None);
    edges.extend(by_new_role(principal));
    edges.extend(by_own_boundary(principal));
    edges.extend(by_unknown_policy(principal, &edges));
    edges
}

/// Edges by which a principal makes a principal that it can become an administrator.
pub(super) fn through(
    principal: &GraphPrincipal<'_>,
    other: &PolicySnapshot,
    condition: Option<&str>,
) -> Vec<GraphEdge> {
    if !may_change_policies(principal) {
        return Vec::new();
    }
    let to = administrator_id(&principal.snapshot.account);
    let attached = AttachedPolicies::of(principal);
    let mut edges = Vec::new();
    for target in POLICY_TARGETS {
        for resource in policy_holders(target, other) {
            for method in methods_becoming(target) {
                let sets = method.action_sets.iter().filter(|set| principal.covers(set));
                let each = sets.map(|set| attached.decide(principal, set, &resource.arn));
                let Some(mut conditions) = each.fold(None, better) else { continue };
                conditions.extend(resource.condition.iter().cloned());
                conditions.extend(condition.map(Arc::from));
                conditions.extend(other.permissions_boundary.iter().map(|_| boundary_condition(other)));
                let itself = if other.principal == principal.snapshot.principal {
                    ""
                } else {
                    ", which it can become"
                };
                let what = match target {
                    MethodTarget::UserPolicy | MethodTarget::RolePolicy => {
                        format!("`{}`{itself}", resource.arn)
                    }
                    _ => format!(
                        "`{}`, which `{}` has{}",
                        resource.arn,
                        other.principal,
                        itself.replace(", which", " and which")
                    ),
                };
                edges.push(edge(
                    principal.id(),
                    &to,
                    method,
                    sentence(method, &what, &conditions),
                    conditions,
                ));
            }
        }
    }
    edges
}

/// Decisions on the policies that a principal may attach: `AdministratorAccess`, or another one that may grant enough.
struct AttachedPolicies<'g> {
    administrator: CallerChoices<'g>,
    may_attach_more: bool,
}

impl<'g> AttachedPolicies<'g> {
    fn of(principal: &GraphPrincipal<'g>) -> Self {
        let choices = principal.evaluator.choices(principal.snapshot, &[(POLICY_ARN, ADMINISTRATOR_ACCESS)]);
        Self { administrator: choices, may_attach_more: !names_read_only_policies(principal.snapshot) }
    }

    /// The conditions under which each action is allowed on a resource, with the best policy for those that attach one.
    fn decide(
        &self,
        principal: &GraphPrincipal<'_>,
        actions: &[&str],
        resource: &str,
    ) -> Option<StepConditions> {
        let best = principal.decide_all(&self.administrator, actions, resource);
        let attaches = actions.iter().any(|action| action.starts_with("iam:Attach"));
        if best.is_some() || !attaches || !self.may_attach_more {
            return best;
        }
        let mut conditions = principal.decide_all(&principal.choices, actions, resource)?;
        conditions.insert(ANOTHER_POLICY.into());
        Some(conditions)
    }
}

/// Whether each allow of a principal for actions that attach a policy names policies that grant reads only.
fn names_read_only_policies(of: &PolicySnapshot) -> bool {
    of.identity_policies.iter().all(|policy| {
        let Ok(document) = serde_json::from_str::<Value>(&policy.text) else { return false };
        let statements = match document.get("Statement") {
            Some(Value::Array(all)) => all.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        statements.into_iter().all(|statement| {
            statement.get("Effect").and_then(Value::as_str) == Some("Deny")
                || !may_attach(statement)
                || names_only_read_only(statement)
        })
    })
}

/// Whether a statement may be about an action that attaches a policy.
fn may_attach(statement: &Value) -> bool {
    let about = ["iam:AttachUserPolicy", "iam:AttachRolePolicy", "iam:AttachGroupPolicy"];
    match statement.get("Action").map(texts) {
        Some(Some(patterns)) => patterns.iter().any(|pattern| {
            about.iter().any(|action| matches(&pattern.to_lowercase(), &action.to_lowercase()))
        }),
        _ => true,
    }
}

/// Whether a condition of a statement limits the policy that is attached to policies that grant reads only.
fn names_only_read_only(statement: &Value) -> bool {
    let operators = statement.get("Condition").and_then(Value::as_object);
    let mut operators = operators.into_iter().flatten();
    operators.any(|(operator, keys)| {
        let is_positive = ["stringequals", "stringlike", "arnequals", "arnlike"]
            .contains(&operator.to_lowercase().as_str());
        let mut keys = keys.as_object().into_iter().flatten();
        is_positive
            && keys.any(|(key, values)| {
                key.eq_ignore_ascii_case(POLICY_ARN)
                    && texts(values).is_some_and(|all| all.iter().all(|arn| READ_ONLY_POLICIES.contains(arn)))
            })
    })
}

/// A text or a list of texts; none if it is anything else.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(all) => all.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// The sentence of a method up to its first comma, with this text for the resource.
fn sentence(method: &EscalationMethod, what: &str, conditions: &StepConditions) -> String {
    let text = method.description.split(',').next().unwrap_or_default();
    let text = match conditions.contains(ANOTHER_POLICY) {
        true => text.replace("`AdministratorAccess`", "another policy"),
        false => text.to_owned(),
    };
    text.replace("{}", what)
}

fn boundary_condition(of: &PolicySnapshot) -> Arc<str> {
    format!("the permissions boundary of `{}` allows what the new policy grants", of.principal).into()
}

/// What decides what a principal may do: itself, a group of it or a customer managed policy.
struct PolicyHolder {
    arn: Arc<str>,
    condition: Option<Arc<str>>,
}

fn policy_holders(target: MethodTarget, of: &PolicySnapshot) -> Vec<PolicyHolder> {
    let itself = |is_meant: bool| {
        let arn = is_meant.then(|| Arc::clone(&of.principal));
        arn.into_iter().map(|arn| PolicyHolder { arn, condition: None }).collect()
    };
    match target {
        MethodTarget::UserPolicy => itself(of.principal.contains(":user/")),
        MethodTarget::RolePolicy => itself(is_changeable(&of.principal)),
        MethodTarget::GroupPolicy => {
            let groups: BTreeSet<&str> = (of.identity_policies.iter())
                .filter_map(|policy| match &policy.origin {
                    PolicyOrigin::Group(name) => Some(name.as_str()),
                    _ => None,
                })
                .collect();
            let Some((before, _)) = of.principal.split_once(":user/") else { return Vec::new() };
            // The files do not say the path of a group of a user.
            let holder =
                |name: &str| PolicyHolder { arn: format!("{before}:group/{name}").into(), condition: None };
            groups.into_iter().map(holder).collect()
        }
        MethodTarget::ManagedPolicy => {
            let own = of.identity_policies.iter().filter(|policy| {
                let fields: Vec<&str> = policy.name.splitn(6, ':').collect();
                matches!(*fields.as_slice(), ["arn", _, "iam", _, account, name] if account != "aws" && name.starts_with("policy/"))
            });
            let names: BTreeSet<Arc<str>> = own.map(|policy| Arc::clone(&policy.name)).collect();
            names.into_iter().map(|arn| PolicyHolder { arn, condition: None }).collect()
        }
        _ => Vec::new(),
    }
}

/// Edges by which a principal creates a role with every permission and assumes it.
fn by_new_role(principal: &GraphPrincipal<'_>) -> Vec<GraphEdge> {
    let to = administrator_id(&principal.snapshot.account);
    let attached = AttachedPolicies::of(principal);
    let mut edges = Vec::new();
    for method in methods_becoming(MethodTarget::NewRole) {
        let mut best: Option<(StepConditions, Arc<str>)> = None;
        for set in method.action_sets.iter().filter(|set| principal.covers(set)) {
            for role in new_roles(principal, set) {
                let Some(mut conditions) = attached.decide(principal, set, &role) else { continue };
                let Some(assumed) = principal.may_assume_if_trusted(&role) else { continue };
                conditions.extend(assumed);
                if best.as_ref().is_none_or(|(known, _)| conditions.len() < known.len()) {
                    best = Some((conditions, role));
                }
            }
        }
        if let Some((conditions, _)) = best {
            let description = method.description.replace("{}", "a role");
            edges.push(edge(principal.id(), &to, method, description, conditions));
        }
    }
    edges
}

/// ARNs of roles that do not exist, one for each pattern of the resources on which the actions are granted.
fn new_roles(principal: &GraphPrincipal<'_>, actions: &[&str]) -> BTreeSet<Arc<str>> {
    const NAME: &str = "new-role";
    let fields: Vec<&str> = principal.snapshot.principal.splitn(6, ':').collect();
    let partition = fields.get(1).copied().filter(|_| fields.len() == 6).unwrap_or("aws");
    let account = match (&*principal.snapshot.account, fields.get(4)) {
        ("", Some(account)) => account,
        ("", None) => "*",
        (account, _) => account,
    };
    let mut roles = BTreeSet::from([Arc::from(format!("arn:{partition}:iam::{account}:role/{NAME}"))]);
    let grants = actions.iter().filter_map(|action| principal.grants.get(action));
    for pattern in grants.flat_map(|grant| &grant.scope.resources) {
        let fields: Vec<&str> = pattern.splitn(6, ':').collect();
        let ["arn", _, _, _, _, name] = *fields.as_slice() else { continue };
        let name = name.replace('?', "x").replace('*', NAME);
        if name.starts_with("role/") {
            roles.insert(format!("arn:{partition}:iam::{account}:{name}").into());
        }
    }
    roles
}

/// Edges of a principal that an own permissions boundary keeps from being an administrator, and that may remove, replace or
/// rewrite this boundary. They are conditional, because which boundary is left does not follow from the policies.
fn by_own_boundary(principal: &GraphPrincipal<'_>) -> Vec<GraphEdge> {
    let Some(boundary) = &principal.snapshot.permissions_boundary else { return Vec::new() };
    let lifts: Vec<(&EscalationMethod, StepConditions)> = (methods::all())
        .filter_map(|method| {
            let on = match method.id {
                "delete-boundary" if !principal.id().contains(":role/") || is_changeable(principal.id()) => {
                    principal.id()
                }
                "create-policy-version" | "set-default-policy-version" => &boundary.name,
                _ => return None,
            };
            let kind = if principal.id().contains(":user/") { "Role" } else { "User" };
            let sets = method.action_sets.iter().filter(|set| {
                principal.covers(set)
                    && !(method.id == "delete-boundary" && set.iter().any(|one| one.contains(kind)))
            });
            let conditions =
                sets.map(|set| principal.decide_all(&principal.choices, set, on)).fold(None, better)?;
            Some((method, conditions))
        })
        .collect();
    if lifts.is_empty() || !is_administrator_without_boundary(principal) {
        return Vec::new();
    }
    let to = administrator_id(&principal.snapshot.account);
    let each = lifts.into_iter().map(|(method, mut conditions)| {
        conditions.insert(UNLIMITED.into());
        let what = match method.id {
            "delete-boundary" => format!("`{}`", principal.id()),
            _ => format!("`{}`, the permissions boundary of `{}`", boundary.name, principal.id()),
        };
        let description = sentence(method, &what, &conditions);
        edge(principal.id(), &to, method, description, conditions)
    });
    each.collect()
}

/// Whether the policies of a principal make it an administrator, on conditions or without, if no boundary limits them.
fn is_administrator_without_boundary(principal: &GraphPrincipal<'_>) -> bool {
    let snapshot =
        PolicySnapshot { permissions_boundary: None, is_boundary_known: true, ..principal.snapshot.clone() };
    let choices = principal.evaluator.choices(&snapshot, &[(POLICY_ARN, ADMINISTRATOR_ACCESS)]);
    let allows =
        |set: &[&str], on: &str| set.iter().all(|action| conditions_of(choices.decide(action, on)).is_some());
    POLICY_TARGETS.into_iter().any(|target| {
        let holders = policy_holders(target, &snapshot);
        methods_becoming(target).any(|method| {
            method.action_sets.iter().any(|set| holders.iter().any(|holder| allows(set, &holder.arn)))
        })
    })
}

/// The edge of a principal with a policy that is not known: this policy may allow it to embed a policy in itself.
fn by_unknown_policy(principal: &GraphPrincipal<'_>, known: &[GraphEdge]) -> Option<GraphEdge> {
    if principal.malformed.is_empty() {
        return None;
    }
    let target =
        if principal.id().contains(":user/") { MethodTarget::UserPolicy } else { MethodTarget::RolePolicy };
    let method = methods_becoming(target).find(|method| method.id.starts_with("put-"))?;
    if known.iter().any(|edge| edge.method == method.id) {
        return None;
    }
    let [[action]] = method.action_sets else { return None };
    // An explicit deny holds whatever the unknown policy allows.
    if matches!(principal.choices.decide(action, principal.id()), crate::grants::Decision::Denied(by) if !by.is_empty())
    {
        return None;
    }
    let to = administrator_id(&principal.snapshot.account);
    let mut conditions: StepConditions = [Arc::from(UNKNOWN_POLICY)].into();
    conditions.extend(
        principal.snapshot.permissions_boundary.iter().map(|_| boundary_condition(principal.snapshot)),
    );
    let what = format!("`{}`", principal.id());
    Some(edge(principal.id(), &to, method, sentence(method, &what, &conditions), conditions))
}

/// Edges from the administrator of an account to the roles of other accounts that trust it, its account or a principal in it.
pub(super) fn roles_of_other_accounts(
    account: &Arc<str>,
    known: &KnownPrincipals,
    evaluator: &Evaluator<'_>,
) -> Vec<GraphEdge> {
    let from = administrator_id(account);
    if account.is_empty() {
        return Vec::new();
    }
    let [method] = *methods_becoming(MethodTarget::TrustingRole).collect::<Vec<_>>() else {
        return Vec::new();
    };
    let is_foreign = |role: &str| {
        is_assumable(role) && known.get(role).is_some_and(|role| !may_be_one_account(&role.account, account))
    };
    let to = |role: &Arc<str>, conditions: StepConditions| {
        edge(&from, role, method, method.description.replace("{}", &format!("`{role}`")), conditions)
    };
    let mut edges = Vec::new();
    for (at, named) in known.trust.of_account(account) {
        let Some(trust) = known.trust.get(at).filter(|trust| is_foreign(&trust.resource)) else { continue };
        // Any principal of the account, and each one that the policy names.
        let callers = std::iter::once(&from).chain(&named);
        let each = callers.map(|caller| administrator_assumes(caller, account, trust, (known, evaluator)));
        let mut conditions = each.fold(None, better);
        if known.trust.is_incomplete(at) && conditions.is_none() {
            let any = ResourceBasedPolicy::trust_policy(&trust.resource, &TRUST_EVERY_PRINCIPAL.into());
            conditions = administrator_assumes(&from, account, &any, (known, evaluator));
            if let Some(all) = &mut conditions {
                all.insert(UNKNOWN_TRUST.into());
            }
        }
        edges.extend(conditions.map(|conditions| to(&trust.resource, conditions)));
    }
    for role in known.untold_trust.iter().filter(|role| is_foreign(role)) {
        // What the trust policy says is not known; what the organization denies is.
        let any = ResourceBasedPolicy::trust_policy(role, &TRUST_EVERY_PRINCIPAL.into());
        if let Some(mut conditions) = administrator_assumes(&from, account, &any, (known, evaluator)) {
            conditions.insert(UNKNOWN_TRUST.into());
            edges.push(to(role, conditions));
        }
    }
    edges
}

/// The conditions under which a principal of an account that is granted everything can assume a role.
fn administrator_assumes(
    caller: &Arc<str>,
    account: &Arc<str>,
    trust: &ResourceBasedPolicy,
    (known, evaluator): (&KnownPrincipals, &Evaluator<'_>),
) -> Option<StepConditions> {
    // The policies of the organization hold for each principal of the account.
    let limits = known.organization_policies_in(account);
    let policy = Policy {
        name: "AdministratorAccess".into(),
        origin: PolicyOrigin::Attached,
        text: ALLOW_EVERYTHING.into(),
    };
    let snapshot = PolicySnapshot {
        principal: Arc::clone(caller),
        account: Arc::clone(account),
        identity_policies: vec![policy],
        resource_based_policies: vec![trust.clone()],
        service_control_policies: limits.and_then(|one| one.service_control_policies.clone()),
        resource_control_policies: (known.get(&trust.resource))
            .and_then(|role| role.resource_control_policies.clone()),
        ..PolicySnapshot::default()
    };
    conditions_of(evaluator.choices(&snapshot, &[]).decide("sts:AssumeRole", &trust.resource))
}
