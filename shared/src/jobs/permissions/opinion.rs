//! What IAM's simulator says besides.
//!
//! Enters: a snapshot and its grants. Leaves: a [`SecondOpinion`]. Laws: the same actions are asked about every time; what it
//! was not asked is told; an opinion on policies that have not changed is not asked for twice.
//!
//! It is asked about each action on any resource (`*`) and without a context. So it can only disagree where the answer
//! depends on neither: where nothing is granted here, or everything without a condition. What it knows of boundaries and
//! of the organization is AWS's business; policies of sessions and resources it does not know either.
//!
//! ```text
//! OPINION#<sha256 of the snapshot>   <version of the catalog>   the opinion; expires
//! ```

use std::{cell::Cell, collections::BTreeMap};

use serde::Deserialize as _;

use super::{Desk, patience::patiently};
use crate::{
    catalog::Catalog,
    grants::{Action, Certainty, Grant, Grants, Snapshot},
    jobs::issue::unwritable,
    operation::Capabilities,
    permissions::{Dissent, SecondOpinion},
    ports::{Expected, FailureKind, Item, PortError, Simulated, Table},
    time::Time,
};

/// Actions in one question. `SimulatePrincipalPolicy` answers a hundred a page.
const AT_ONCE: usize = 100;

/// Seconds an opinion is good for: managed policies of AWS and the simulator itself change too.
const GOOD_FOR: u32 = 35 * 86_400;

/// Actions every answer is about: of each service the gravest one that is no read, and all that mint credentials or lead
/// to more permissions. In order.
pub fn representative(catalog: &Catalog) -> Vec<String> {
    let mut gravest: BTreeMap<String, (Action, String)> = BTreeMap::new();
    let mut chosen = Vec::new();
    for entry in catalog.iter().filter(|entry| entry.facts.kind.action) {
        let (service, key) = (entry.service.clone(), entry.key());
        let action = Action::of(entry);
        if action.is_read() {
            continue;
        }
        if action.capabilities.intersects(Capabilities::MINT_CREDENTIALS | Capabilities::ESCALATE) {
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
pub(super) struct Asker<'a> {
    pub(super) desk: &'a Desk<'a>,
    pub(super) catalog: &'a Catalog,
    pub(super) actions: &'a [String],
    /// Whether the simulator was too busy before: it is one for the whole account, and everybody else waits for it too.
    pub(super) is_busy: &'a Cell<bool>,
}

impl Asker<'_> {
    /// The opinion on a snapshot: as it is remembered, or asked for.
    ///
    /// # Errors
    /// When what is remembered cannot be read or written.
    pub(super) fn opinion(
        &self,
        snapshot: &Snapshot,
        grants: &Grants,
        memory: Option<&dyn Table>,
    ) -> Result<SecondOpinion, PortError> {
        let (partition, sort) = (format!("OPINION#{}", snapshot.sha256()), self.catalog.version());
        let known = memory.map(|table| table.query(&partition, sort)).transpose()?;
        let now = self.desk.clock.now();
        let is_good = |item: &Item| item.sort == sort && item.expires.is_none_or(|end| now < end);
        if let Some(item) = known.into_iter().flatten().find(is_good)
            && let Ok(opinion) = SecondOpinion::deserialize(&item.body)
        {
            return Ok(opinion);
        }
        let opinion = self.ask(snapshot, grants);
        if let Some(table) = memory.filter(|_| opinion.unasked.is_none()) {
            let body = serde_json::to_value(&opinion).map_err(|cause| unwritable(&partition, cause))?;
            let expires = Some(Time(now.0.saturating_add(GOOD_FOR)));
            let item = Item { partition, sort: sort.to_owned(), revision: 0, expires, body };
            table.put(&item, Expected::Anything)?;
        }
        Ok(opinion)
    }

    fn ask(&self, snapshot: &Snapshot, grants: &Grants) -> SecondOpinion {
        let mut opinion = SecondOpinion::default();
        if snapshot.principal.ends_with(":root") {
            opinion.unasked = Some("the simulator knows users and roles, and not the root user".to_owned());
            return opinion;
        }
        if self.is_busy.get() {
            opinion.unasked = Some("the simulator was too busy earlier in this run".to_owned());
            return opinion;
        }
        let all = self.actions.len() as u64;
        for some in self.actions.chunks(AT_ONCE) {
            let some: Vec<&str> = some.iter().map(String::as_str).collect();
            match patiently(self.desk.clock, || self.desk.authorizations.simulate(snapshot, &some)) {
                Ok(answers) => opinion.hear(grants, &answers),
                Err(error) => {
                    self.is_busy.set(error.kind == FailureKind::Throttled);
                    let left = all.saturating_sub(opinion.asked);
                    opinion.unasked = Some(format!("{left} of {all} actions were not asked about: {error}"));
                    break;
                }
            }
        }
        if opinion.unasked.is_none() && opinion.asked < all {
            opinion.unasked = Some(format!("of {all} actions only {} were answered", opinion.asked));
        }
        opinion.dissent.sort_unstable();
        opinion
    }
}

impl SecondOpinion {
    /// Compares answers with the grants.
    fn hear(&mut self, grants: &Grants, answers: &[Simulated]) {
        for Simulated { action, decision } in answers {
            self.asked += 1;
            let here = word(grants.get(action));
            let is_allowed = decision == "allowed";
            match here {
                Word::Denied if is_allowed => {}
                Word::Granted if !is_allowed => {}
                _ => {
                    self.agreed += 1;
                    continue;
                }
            }
            self.dissent.push(Dissent {
                action: action.as_str().into(),
                here: if here == Word::Denied { "denied" } else { "granted" }.to_owned(),
                simulator: decision.clone(),
            });
        }
    }
}

/// What the grants say of an action, as far as a simulator without resource and context can say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Nothing is granted.
    Denied,
    /// It depends: on the resource, or on conditions.
    Depends,
    /// Granted on everything.
    Granted,
}

fn word(grant: Option<&Grant>) -> Word {
    let Some(grant) = grant else { return Word::Denied };
    let reach = &grant.reach;
    let is_everywhere = reach.resources.iter().any(|resource| &**resource == "*");
    match grant.certainty {
        Certainty::Granted if is_everywhere && reach.except.is_empty() && reach.conditions.is_empty() => {
            Word::Granted
        }
        _ => Word::Depends,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_hundred_actions_speak_for_all() {
        let actions = representative(Catalog::embedded());
        assert!((300..900).contains(&actions.len()), "{}", actions.len());
        for one in ["iam:CreateAccessKey", "iam:PassRole", "sts:AssumeRole", "lambda:UpdateFunctionCode"] {
            assert!(actions.iter().any(|action| action == one), "{one}");
        }
        assert_eq!(actions, representative(Catalog::embedded()));
    }
}
