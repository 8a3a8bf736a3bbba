//! The roles of running compute that a principal can take over.
//!
//! Enters: a principal with its grants. Leaves: edges to roles of its account. Law: each edge is conditional, because no policy
//! says what runs as a role.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    GraphEdge,
    principal_edges::{GraphPrincipal, StepConditions, better, edge, trusts_one_of},
};
use crate::permissions::escalation::methods::{self, EscalationMethod, MethodTarget};

impl GraphPrincipal<'_> {
    /// The roles that compute may run as, if the principal can take over such compute.
    pub fn compute_roles(&self) -> Vec<GraphEdge> {
        let granted: Vec<(&EscalationMethod, &[&str], StepConditions)> = methods::all()
            .filter_map(|method| {
                let MethodTarget::ComputeRole(services) = method.target else { return None };
                let conditions = method.action_sets.iter().map(|set| self.granted(set)).fold(None, better)?;
                Some((method, services, conditions))
            })
            .collect();
        if granted.is_empty() {
            return Vec::new();
        }
        let mut edges = Vec::new();
        for role in self.neighbor_roles() {
            let trusted = self.services_of(role);
            for (method, services, conditions) in &granted {
                let meant = trusted.iter().filter(|service| trusts_one_of(service, services));
                let trust = meant.map(|service| Some(service.conditions.iter().cloned().collect()));
                let Some(trust) = trust.fold(None, better) else { continue };
                let runs: BTreeSet<Arc<str>> =
                    [format!("a resource ({}) runs as the role", method.noun).into()].into();
                let all = conditions.iter().cloned().chain(trust).chain(runs).collect();
                let what = format!("any {} that runs as `{}`", method.noun, role.principal);
                edges.push(edge(
                    self.id(),
                    &role.principal,
                    method,
                    method.description.replace("{}", &what),
                    all,
                ));
            }
        }
        edges
    }
}
