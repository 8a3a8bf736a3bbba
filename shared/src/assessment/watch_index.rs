//! The watch that applies to an actor.
//!
//! Enters: configuration and tally. Leaves: the watch that matches an actor, or the originator of its calls. Law: a
//! watch that matches the actor itself has precedence over the watch of the user that issued a federated user's
//! credentials, and both have precedence over the watch of an originator; a user that was renamed has the watch of the name
//! under which another record shows its unique id.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    config::{Config, Watch},
    event::Actor,
    principal::{Principal, PrincipalKind},
    role_chain::RoleChains,
    tally::Tally,
};

/// The watches of a configuration, looked up once for each principal.
pub(super) struct WatchIndex<'a> {
    config: &'a Config,
    watched: HashMap<&'a Principal, Option<&'a Watch>>,
    /// Watches of users under names that are not watched, by ARN: another record shows their unique id under a watched name.
    renamed: HashMap<&'a str, &'a Watch>,
    /// Watches of the principals that may be originators, by ARN.
    originators: HashMap<&'a str, &'a Watch>,
}

impl<'a> WatchIndex<'a> {
    /// The index for the actors of the lead-in and of the period.
    pub(super) fn of(config: &'a Config, tallies: [&'a Tally; 2]) -> Self {
        let mut index =
            Self { config, watched: HashMap::new(), renamed: HashMap::new(), originators: HashMap::new() };
        if config.watch.is_empty() {
            return index;
        }
        // Of roles neither name nor path can change.
        let users: BTreeSet<(&'a Arc<str>, &'a Principal)> = tallies
            .into_iter()
            .flat_map(Tally::lines)
            .filter(|line| line.actor.principal.kind == PrincipalKind::IamUser)
            .filter_map(|line| Some((line.actor.session.unique_id.as_ref()?, &line.actor.principal)))
            .collect();
        let own = users.into_iter().map(|(id, user)| (id, user, index.own_watch_of(user)));
        let (known, others): (Vec<_>, Vec<_>) = own.partition(|(.., watch)| watch.is_some());
        let by_id: BTreeMap<_, _> = known.iter().map(|(id, _, watch)| (*id, *watch)).collect();
        let is_exempt = |user: &Principal| config.is_exempt(&user.arn);
        let renamed = others.iter().filter(|(_, user, _)| !is_exempt(user));
        index.renamed =
            renamed.filter_map(|(id, user, _)| Some((&*user.arn, by_id.get(id).copied()??))).collect();
        index
    }

    fn own_watch_of(&mut self, principal: &'a Principal) -> Option<&'a Watch> {
        let config = self.config;
        *self.watched.entry(principal).or_insert_with(|| config.watch_for(principal))
    }

    /// The watch that matches an actor itself.
    pub(super) fn watch_of(&mut self, actor: &'a Actor) -> Option<&'a Watch> {
        let own = self.own_watch_of(&actor.principal);
        let renamed = |arn: &str| self.renamed.get(arn).copied();
        let of_issuer = |issuer: &str| self.config.watch_for_arn(issuer).or_else(|| renamed(issuer));
        own.or_else(|| renamed(&actor.principal.arn)).or_else(|| of_issuer(actor.session.issuer.as_deref()?))
    }

    /// The role chains of the tally, which may begin in the lead-in.
    pub(super) fn role_chains(&mut self, tally: &'a Tally, lead_in: &'a Tally) -> RoleChains {
        if self.config.watch.is_empty() {
            return RoleChains::default();
        }
        RoleChains::of([lead_in, tally], |actor| {
            let watch = self.watch_of(actor);
            if let Some(watch) = watch {
                self.originators.entry(&actor.principal.arn).or_insert(watch);
            }
            watch.is_some()
        })
    }

    /// The watch of an originator.
    pub(super) fn watch_of_originator(&self, arn: &str) -> Option<&'a Watch> {
        self.originators.get(arn).copied()
    }
}
