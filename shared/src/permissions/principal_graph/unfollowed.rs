//! What a principal is granted that may lead to other principals, and for which the graph has no edges.
//!
//! Enters: a principal with its grants and edges. Leaves: actions, in words. Law: a principal with such an action never counts
//! as one that can become no other principal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    GraphEdge,
    principal_edges::{GraphPrincipal, conditions_of, trusts_one_of},
};
use crate::{
    grants::{CallerChoices, TrustedService, UNKNOWN_TRUST, is_cognito},
    permissions::escalation::methods::{self, MethodTarget},
};

/// Methods about groups and versions of policies: the files do not say all groups, their paths and older versions.
const UNFOLLOWED: [&str; 4] =
    ["add-user-to-group", "put-group-policy", "attach-group-policy", "set-default-policy-version"];
/// Methods that take over another user without an edge.
const UNFOLLOWED_ON_USERS: [&str; 3] = ["create-service-credential", "upload-user-key", "deactivate-mfa"];

/// Actions by which a principal may get the credentials of a role from an identity pool without passing the role.
const ON_IDENTITY_POOLS: [&str; 3] = [
    "cognito-identity:SetIdentityPoolRoles",
    "cognito-identity:UpdateIdentityPool",
    "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
];

/// Whether a trusted service is Amazon Cognito, or may be because the trust policy is not known.
fn may_be_cognito(service: &TrustedService) -> bool {
    is_cognito(&service.name) || service.conditions.iter().any(|condition| **condition == *UNKNOWN_TRUST)
}

impl GraphPrincipal<'_> {
    /// The actions of the principal that may lead further than its edges.
    pub fn unfollowed(&self, edges: &[GraphEdge]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for method in methods::all() {
            if edges.iter().any(|edge| edge.method == method.id) {
                continue;
            }
            let sets = method.action_sets.iter().filter(|set| self.covers(set));
            let is_allowed = |set: &&&[&str]| {
                UNFOLLOWED.contains(&method.id)
                    || UNFOLLOWED_ON_USERS.contains(&method.id) && self.may_on_another_user(set)
            };
            found.extend(
                sets.filter(is_allowed).flat_map(|set| set.iter()).map(|action| format!("`{action}`")),
            );
        }
        if self.covers(&["iam:PassRole"]) {
            found.extend(self.unfollowed_services().iter().map(|name| format!("`iam:PassRole` to `{name}`")));
        }
        if self.leaves_cognito_role(edges) {
            let granted = ON_IDENTITY_POOLS.into_iter().filter(|action| self.covers(&[*action]));
            found.extend(granted.map(|action| format!("`{action}`")));
        }
        found
    }

    /// Whether a role of the account trusts Amazon Cognito, and the edges do not lead to it by passing it to a pool.
    fn leaves_cognito_role(&self, edges: &[GraphEdge]) -> bool {
        let is_passed =
            |role: &str| edges.iter().any(|edge| edge.method == "pass-role-to-cognito" && &*edge.to == role);
        self.neighbor_roles()
            .any(|role| self.services_of(role).iter().any(may_be_cognito) && !is_passed(&role.principal))
    }

    fn may_on_another_user(&self, actions: &[&str]) -> bool {
        let mut users = self.neighbors().filter(|one| one.principal.contains(":user/"));
        users.any(|user| self.decide_all(&self.choices, actions, &user.principal).is_some())
    }

    /// The services to which the principal may pass a role that trusts them, and for which no method is known.
    fn unfollowed_services(&self) -> BTreeSet<Arc<str>> {
        let with_method: BTreeSet<&str> = methods::all()
            .filter(|method| method.target == MethodTarget::PassedRole)
            .flat_map(|method| method.passed_to_services.iter().copied())
            .collect();
        let with_method: Vec<&str> = with_method.into_iter().collect();
        let mut per_service: BTreeMap<Arc<str>, CallerChoices<'_>> = BTreeMap::new();
        let mut found = BTreeSet::new();
        for role in self.neighbor_roles() {
            for service in self.services_of(role) {
                if trusts_one_of(service, &with_method) || found.contains(&service.name) {
                    continue;
                }
                let choices = per_service.entry(Arc::clone(&service.name)).or_insert_with(|| {
                    self.evaluator.choices(self.snapshot, &[("iam:passedtoservice", &service.name)])
                });
                if conditions_of(choices.decide("iam:PassRole", &role.principal)).is_some() {
                    found.insert(Arc::clone(&service.name));
                }
            }
        }
        found
    }
}
