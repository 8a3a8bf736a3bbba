//! Names principals of which a record has only the unique id.
//!
//! Enters: tallies. Leaves: the tallies with the principals that other lines name. Laws: a principal is named only if all
//! lines that have its unique id with a name agree; counts, times and samples do not change.

use std::{collections::HashMap, sync::Arc};

use super::{Tally, TallyEntry, TallyPart};
use crate::{
    event::Actor,
    principal::{Principal, PrincipalKind, UNIQUE_ID_PREFIX},
};

/// Roles and users by their unique id; `None` for an id under which several occur.
#[derive(Debug, Default)]
pub(crate) struct PrincipalsById(HashMap<Arc<str>, Option<Principal>>);

impl PrincipalsById {
    /// Adds the principals that a tally names.
    pub(crate) fn add(&mut self, tally: &Tally) {
        for Actor { principal, session, .. } in &tally.actors {
            let is_named = matches!(
                principal.kind,
                PrincipalKind::Role | PrincipalKind::IamUser | PrincipalKind::IdentityCenterUser
            );
            let Some(id) = session.unique_id.as_ref().filter(|_| is_named) else { continue };
            let known = self.0.entry(Arc::clone(id)).or_insert_with(|| Some(principal.clone()));
            if known.as_ref().is_some_and(|known| known != principal) {
                *known = None;
            }
        }
    }

    /// The principal of an actor of which the record has only the unique id.
    fn name(&self, actor: &Actor) -> Option<&Principal> {
        let id = actor.principal.arn.strip_prefix(UNIQUE_ID_PREFIX)?;
        self.0.get(id)?.as_ref().filter(|_| actor.principal.kind == PrincipalKind::Unknown)
    }
}

impl Tally {
    /// The tally with the names of these principals.
    pub(crate) fn with_principals(self, principals: &PrincipalsById) -> Self {
        if !self.actors.iter().any(|actor| principals.name(actor).is_some()) {
            return self;
        }
        let mut named = vec![Self::default()];
        for part in self.parts_in_order() {
            let at = (
                self.actors.get(part.entry.actor as usize),
                self.call_keys.get(part.entry.call_key as usize),
            );
            let (Some(actor), Some(call_key)) = at else { continue };
            if let Some(principal) = principals.name(actor) {
                let actor = Actor { principal: principal.clone(), ..actor.clone() };
                let mut line =
                    Self { actors: vec![actor], call_keys: vec![call_key.clone()], ..Self::default() };
                line.push_line(TallyPart {
                    entry: TallyEntry { actor: 0, call_key: 0, ..part.entry },
                    ..part
                });
                named.push(line);
            } else if let Some(others) = named.first_mut() {
                others.push_line(part);
            }
        }
        if let Some(others) = named.first_mut() {
            others.actors.clone_from(&self.actors);
            others.call_keys.clone_from(&self.call_keys);
        }
        Self::merge_all(named)
    }
}
