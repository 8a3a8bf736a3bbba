//! What IAM's simulator says besides.
//!
//! Enters: a snapshot and its grants. Leaves: a [`SimulationComparison`]. Laws: the same actions are asked about every time; what it
//! was not asked is told; an opinion on policies that have not changed is not asked for twice.
//!
//! It is asked about each action on any resource (`*`) and without a context. So it can only disagree where the answer
//! depends on neither: where nothing is granted here, or everything without a condition. What it knows of boundaries and
//! of the organization is AWS's business; policies of sessions and resources it does not know either.
//!
//! ```text
//! SIMULATION#<sha256 of the snapshot>   <version of the catalog>   the opinion; expires
//! ```

use std::{cell::Cell, collections::BTreeMap};

use serde::Deserialize as _;

use super::{IamPorts, retry::with_retries};
use crate::{
    catalog::Catalog,
    grants::{Action, Certainty, Grant, Grants, PolicySnapshot},
    jobs::publish::serialization_error,
    operation::Capabilities,
    permissions::{SimulationComparison, SimulationConflict},
    ports::{PortError, PortErrorKind, SimulationResult, Table, TableItem, WriteCondition},
    time::Time,
};

/// Actions in one question. `SimulatePrincipalPolicy` answers a hundred a page.
const MAX_ACTIONS_PER_CALL: usize = 100;

/// Seconds an opinion is good for: managed policies of AWS and the simulator itself change too.
const CACHE_SECONDS: u32 = 35 * 86_400;

/// Actions every answer is about: of each service the gravest one that is no read, and all that mint credentials or lead
/// to more permissions. In order.
pub fn representative_actions(catalog: &Catalog) -> Vec<String> {
    let mut gravest: BTreeMap<String, (Action, String)> = BTreeMap::new();
    let mut chosen = Vec::new();
    for entry in catalog.iter().filter(|entry| entry.facts.kinds.action) {
        let (service, key) = (entry.service.clone(), entry.key());
        let action = Action::of(entry);
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
        if gravest.get(&service).is_none_or(|(known, _)| rank(known) < rank(&action)) {
            gravest.insert(service, (action, key));
        }
    }
    chosen.extend(gravest.into_values().map(|(_, key)| key));
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Who asks the simulator.
pub(super) struct PolicySimulator<'a> {
    pub(super) ports: &'a IamPorts<'a>,
    pub(super) catalog: &'a Catalog,
    pub(super) actions: &'a [String],
    /// Whether the simulator was too busy before: it is one for the whole account, and everybody else waits for it too.
    pub(super) is_throttled: &'a Cell<bool>,
}

impl PolicySimulator<'_> {
    /// The opinion on a snapshot: as it is remembered, or asked for.
    ///
    /// # Errors
    /// When what is remembered cannot be read or written.
    pub(super) fn second_opinion(
        &self,
        snapshot: &PolicySnapshot,
        grants: &Grants,
        memory: Option<&dyn Table>,
    ) -> Result<SimulationComparison, PortError> {
        let (partition, sort) = (format!("SIMULATION#{}", snapshot.sha256()), self.catalog.version());
        let known = memory.map(|table| table.query(&partition, sort)).transpose()?;
        let now = self.ports.clock.now();
        let is_good = |item: &TableItem| item.sort_key == sort && item.expires_at.is_none_or(|end| now < end);
        if let Some(item) = known.into_iter().flatten().find(is_good)
            && let Ok(opinion) = SimulationComparison::deserialize(&item.body)
        {
            return Ok(opinion);
        }
        let opinion = self.simulate(snapshot, grants);
        if let Some(table) = memory.filter(|_| opinion.incomplete_reason.is_none()) {
            let body =
                serde_json::to_value(&opinion).map_err(|cause| serialization_error(&partition, cause))?;
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
        Ok(opinion)
    }

    fn simulate(&self, snapshot: &PolicySnapshot, grants: &Grants) -> SimulationComparison {
        let mut opinion = SimulationComparison::default();
        if snapshot.principal.ends_with(":root") {
            opinion.incomplete_reason =
                Some("the simulator knows users and roles, and not the root user".to_owned());
            return opinion;
        }
        if self.is_throttled.get() {
            opinion.incomplete_reason = Some("the simulator was too busy earlier in this run".to_owned());
            return opinion;
        }
        let all = self.actions.len() as u64;
        for some in self.actions.chunks(MAX_ACTIONS_PER_CALL) {
            let some: Vec<&str> = some.iter().map(String::as_str).collect();
            match with_retries(self.ports.clock, || self.ports.iam.simulate(snapshot, &some)) {
                Ok(answers) => opinion.compare(grants, &answers),
                Err(error) => {
                    self.is_throttled.set(error.kind == PortErrorKind::Throttled);
                    let left = all.saturating_sub(opinion.compared);
                    opinion.incomplete_reason =
                        Some(format!("{left} of {all} actions were not asked about: {error}"));
                    break;
                }
            }
        }
        if opinion.incomplete_reason.is_none() && opinion.compared < all {
            opinion.incomplete_reason =
                Some(format!("of {all} actions only {} were answered", opinion.compared));
        }
        opinion.conflicts.sort_unstable();
        opinion
    }
}

impl SimulationComparison {
    /// Compares answers with the grants.
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

/// What the grants say of an action, as far as a simulator without resource and context can say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GrantDecision {
    /// Nothing is granted.
    Denied,
    /// It depends: on the resource, or on conditions.
    Depends,
    /// Granted on everything.
    Granted,
}

fn grant_decision(grant: Option<&Grant>) -> GrantDecision {
    let Some(grant) = grant else { return GrantDecision::Denied };
    let reach = &grant.scope;
    let is_everywhere = reach.resources.iter().any(|resource| &**resource == "*");
    match grant.certainty {
        Certainty::Unconditional
            if is_everywhere && reach.denied_resources.is_empty() && reach.conditions.is_empty() =>
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
