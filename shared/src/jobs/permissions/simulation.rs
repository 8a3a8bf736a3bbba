//! Compares grants with the IAM policy simulator.
//!
//! Enters: a snapshot and its grants. Leaves: a [`SimulationComparison`]. Laws: the same actions are simulated every
//! time; actions that were not simulated are reported; unchanged policies are not simulated twice.
//!
//! Each action is simulated on any resource (`*`) and without context keys. So a conflict is reported only where the
//! result depends on neither: where an action is not granted at all, or is granted on all resources without
//! conditions. AWS decides whether the simulator includes permissions boundaries and policies of the organization; it
//! does not include session and resource-based policies.
//!
//! ```text
//! SIMULATION#<sha256 of the snapshot>   <version of the catalog>   the comparison; expires
//! ```

use std::{cell::Cell, collections::BTreeMap};

use serde::Deserialize as _;

use super::IamPorts;
use crate::{
    catalog::Catalog,
    grants::{Action, Certainty, Grant, Grants, PolicySnapshot},
    jobs::publish::serialization_error,
    jobs::retry::with_retries,
    operation::Capabilities,
    permissions::{SimulationComparison, SimulationConflict},
    ports::{PortError, PortErrorKind, SimulationResult, Table, TableItem, WriteCondition},
    time::Time,
};

/// Maximum number of actions in one call. `SimulatePrincipalPolicy` returns a hundred results a page.
const MAX_ACTIONS_PER_CALL: usize = 100;

/// Number of seconds for which a cached comparison is valid: AWS managed policies and the simulator itself
/// change too.
const CACHE_SECONDS: u32 = 35 * 86_400;

/// Actions to simulate: the most severe action of each service that is not read-only, and all actions that issue
/// credentials or allow privilege escalation. Sorted.
pub fn representative_actions(catalog: &Catalog) -> Vec<String> {
    let mut most_severe: BTreeMap<String, (Action, String)> = BTreeMap::new();
    let mut chosen = Vec::new();
    for entry in catalog.iter().filter(|entry| entry.facts.kinds.action) {
        let (service, key) = (entry.service.clone(), entry.key());
        let action = Action::of(&entry.key(), &entry.facts);
        if action.is_read_only() {
            continue;
        }
        if action
            .capabilities
            .intersects(Capabilities::ISSUE_CREDENTIALS | Capabilities::PRIVILEGE_ESCALATION)
        {
            chosen.push(key.clone());
        }
        let rank = |action: &Action| (action.risk_level, action.access_level);
        if most_severe.get(&service).is_none_or(|(known, _)| rank(known) < rank(&action)) {
            most_severe.insert(service, (action, key));
        }
    }
    chosen.extend(most_severe.into_values().map(|(_, key)| key));
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Runs IAM's policy simulator.
pub(super) struct PolicySimulator<'a> {
    pub(super) ports: &'a IamPorts<'a>,
    pub(super) catalog: &'a Catalog,
    pub(super) actions: &'a [String],
    /// Whether the simulator throttled an earlier call: all callers in the account share its request quota.
    pub(super) is_throttled: &'a Cell<bool>,
}

impl PolicySimulator<'_> {
    /// The comparison for a snapshot, from the cache or from the simulator.
    ///
    /// # Errors
    /// When the cache cannot be read or written.
    pub(super) fn second_opinion(
        &self,
        snapshot: &PolicySnapshot,
        grants: &Grants,
        cache: Option<&dyn Table>,
    ) -> Result<SimulationComparison, PortError> {
        let (partition, sort) = (format!("SIMULATION#{}", snapshot.sha256()), self.catalog.version());
        let known = cache.map(|table| table.query(&partition, sort)).transpose()?;
        let now = self.ports.clock.now();
        let is_good = |item: &TableItem| item.sort_key == sort && item.expires_at.is_none_or(|end| now < end);
        if let Some(item) = known.into_iter().flatten().find(is_good)
            && let Ok(comparison) = SimulationComparison::deserialize(&item.body)
        {
            return Ok(comparison);
        }
        let comparison = self.simulate(snapshot, grants);
        if let Some(table) = cache.filter(|_| comparison.incomplete_reason.is_none()) {
            let body =
                serde_json::to_value(&comparison).map_err(|cause| serialization_error(&partition, cause))?;
            let expires = Some(Time(now.0.saturating_add(CACHE_SECONDS)));
            let item = TableItem {
                partition_key: partition,
                sort_key: sort.to_owned(),
                revision: 0,
                expires_at: expires,
                body,
            };
            table.put(&item, WriteCondition::Always)?;
        }
        Ok(comparison)
    }

    fn simulate(&self, snapshot: &PolicySnapshot, grants: &Grants) -> SimulationComparison {
        let mut comparison = SimulationComparison::default();
        if snapshot.principal.ends_with(":root") {
            comparison.incomplete_reason = Some("the simulator does not support the root user".to_owned());
            return comparison;
        }
        if self.is_throttled.get() {
            comparison.incomplete_reason =
                Some("the simulator throttled an earlier call of this run".to_owned());
            return comparison;
        }
        let all = self.actions.len() as u64;
        for some in self.actions.chunks(MAX_ACTIONS_PER_CALL) {
            let some: Vec<&str> = some.iter().map(String::as_str).collect();
            match with_retries(self.ports.clock, || self.ports.iam.simulate(snapshot, &some)) {
                Ok(answers) => comparison.compare(grants, &answers),
                Err(error) => {
                    self.is_throttled.set(error.kind == PortErrorKind::Throttled);
                    let left = all.saturating_sub(comparison.compared);
                    comparison.incomplete_reason =
                        Some(format!("{left} of {all} actions were not simulated: {error}"));
                    break;
                }
            }
        }
        if comparison.incomplete_reason.is_none() && comparison.compared < all {
            comparison.incomplete_reason =
                Some(format!("only {} of {all} actions were simulated", comparison.compared));
        }
        comparison.conflicts.sort_unstable();
        comparison
    }
}

impl SimulationComparison {
    /// Compares simulator results with the grants.
    fn compare(&mut self, grants: &Grants, answers: &[SimulationResult]) {
        for SimulationResult { action, decision } in answers {
            self.compared += 1;
            let here = grant_decision(grants.get(action));
            let is_allowed = decision == "allowed";
            match here {
                GrantDecision::Denied if is_allowed => {}
                GrantDecision::Granted if !is_allowed => {}
                _ => {
                    self.agreed += 1;
                    continue;
                }
            }
            self.conflicts.push(SimulationConflict {
                action: action.as_str().into(),
                policies: if here == GrantDecision::Denied { "denied" } else { "granted" }.to_owned(),
                simulator: decision.clone(),
            });
        }
    }
}

/// What Onlooker's evaluation decides about an action, in the coarse form that a simulation without resource and
/// context keys can contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GrantDecision {
    /// The policies do not grant the action.
    Denied,
    /// Depends on the resource or on conditions.
    Depends,
    /// Granted on all resources without conditions.
    Granted,
}

fn grant_decision(grant: Option<&Grant>) -> GrantDecision {
    let Some(grant) = grant else { return GrantDecision::Denied };
    let scope = &grant.scope;
    let is_everywhere = scope.resources.iter().any(|resource| &**resource == "*");
    match grant.certainty {
        Certainty::Unconditional
            if is_everywhere && scope.denied_resources.is_empty() && scope.conditions.is_empty() =>
        {
            GrantDecision::Granted
        }
        _ => GrantDecision::Depends,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn representative_actions_are_a_few_hundred() {
        let actions = representative_actions(Catalog::embedded());
        assert!((300..900).contains(&actions.len()), "{}", actions.len());
        for one in ["iam:CreateAccessKey", "iam:PassRole", "sts:AssumeRole", "lambda:UpdateFunctionCode"] {
            assert!(actions.iter().any(|action| action == one), "{one}");
        }
        assert_eq!(actions, representative_actions(Catalog::embedded()));
    }
}
