//! The administrators of accounts: principals that may give themselves every permission.
//!
//! Enters: a principal with its grants. Leaves: edges to the administrator of its account, and from an administrator to roles
//! of other accounts. Laws: a permissions boundary makes an edge conditional, because it limits what a new policy gives;
//! an administrator has no edges to the principals of its own account.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    GraphEdge,
    account_principals::{KnownPrincipals, is_assumable, may_be_one_account},
    principal_edges::{
        GraphPrincipal, StepConditions, UNKNOWN_POLICY, better, conditions_of, edge, methods_becoming,
    },
};
use crate::{
    grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot, ResourceBasedPolicy, UNKNOWN_TRUST},
    permissions::escalation::methods::{EscalationMethod, MethodTarget},
};

/// The beginning of the id of an administrator.
pub(super) const PREFIX: &str = "administrator of ";
/// What stands for an account that is not known.
pub(super) const UNKNOWN_ACCOUNT: &str = "an unknown account";
/// The policy that an administrator attaches.
const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const ALLOW_EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

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
    let choices = principal.evaluator.choices(principal.snapshot, &[("iam:policyarn", ADMINISTRATOR_ACCESS)]);
    let mut edges = Vec::new();
    for target in POLICY_TARGETS {
        for resource in policy_holders(target, other) {
            for method in methods_becoming(target) {
                let sets = method.action_sets.iter().filter(|set| principal.covers(set));
                let each = sets.map(|set| principal.decide_all(&choices, set, &resource.arn));
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
                edges.push(edge(principal.id(), &to, method, sentence(method, &what), conditions));
            }
        }
    }
    edges
}

/// The sentence of a method up to its first comma, with this text for the resource.
fn sentence(method: &EscalationMethod, what: &str) -> String {
    method.description.split(',').next().unwrap_or_default().replace("{}", what)
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
        MethodTarget::RolePolicy => itself(is_assumable(&of.principal)),
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
    let choices = principal.evaluator.choices(principal.snapshot, &[("iam:policyarn", ADMINISTRATOR_ACCESS)]);
    let mut edges = Vec::new();
    for method in methods_becoming(MethodTarget::NewRole) {
        let mut best: Option<(StepConditions, Arc<str>)> = None;
        for set in method.action_sets.iter().filter(|set| principal.covers(set)) {
            for role in new_roles(principal, set) {
                let Some(mut conditions) = principal.decide_all(&choices, set, &role) else { continue };
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
    Some(edge(principal.id(), &to, method, sentence(method, &what), conditions))
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
        let each = callers.map(|caller| administrator_assumes(caller, account, trust, evaluator));
        let mut conditions = each.fold(None, better);
        if known.trust.is_incomplete(at) && conditions.is_none() {
            conditions = Some([Arc::from(UNKNOWN_TRUST)].into());
        }
        edges.extend(conditions.map(|conditions| to(&trust.resource, conditions)));
    }
    let untold = known.untold_trust.iter().filter(|role| is_foreign(role));
    edges.extend(untold.map(|role| to(role, [Arc::from(UNKNOWN_TRUST)].into())));
    edges
}

/// The conditions under which a principal of an account that is granted everything can assume a role.
fn administrator_assumes(
    caller: &Arc<str>,
    account: &Arc<str>,
    trust: &ResourceBasedPolicy,
    evaluator: &Evaluator<'_>,
) -> Option<StepConditions> {
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
        ..PolicySnapshot::default()
    };
    conditions_of(evaluator.choices(&snapshot, &[]).decide("sts:AssumeRole", &trust.resource))
}
