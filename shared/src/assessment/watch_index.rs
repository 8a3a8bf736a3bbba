//! The watch that applies to an actor.
//!
//! Enters: configuration and tally. Leaves: the watch that matches an actor, or the originator of its calls. Law: a
//! watch that matches the actor itself has precedence over the watch of the user that issued a federated user's
//! credentials, then comes that of a principal with the same unique id, as of a user that was renamed, and last that of an
//! originator.

use std::collections::HashMap;

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
    /// Watches of the unique ids of principals.
    by_unique_id: HashMap<&'a str, &'a Watch>,
    /// Watches of the principals that may be originators, by ARN.
    originators: HashMap<&'a str, &'a Watch>,
}

impl<'a> WatchIndex<'a> {
    /// The index for the actors of the lead-in and of the period.
    pub(super) fn of(config: &'a Config, tallies: [&'a Tally; 2]) -> Self {
        let mut index = Self {
            config,
            watched: HashMap::new(),
            by_unique_id: HashMap::new(),
            originators: HashMap::new(),
        };
        if config.watch.is_empty() {
            return index;
        }
        let mut last = None;
        for actor in tallies.into_iter().flat_map(Tally::lines).map(|line| line.actor) {
            if !last.replace(actor).is_some_and(|last| std::ptr::eq(last, actor))
                && let Some(id) = actor.session.unique_id.as_deref()
                && let Some(watch) = index.own_watch_of(&actor.principal)
            {
                index.by_unique_id.entry(id).or_insert(watch);
            }
        }
        index
    }

    fn own_watch_of(&mut self, principal: &'a Principal) -> Option<&'a Watch> {
        let config = self.config;
        *self.watched.entry(principal).or_insert_with(|| config.watch_for(principal))
    }

    /// The watch that matches an actor itself.
    pub(super) fn watch_of(&mut self, actor: &'a Actor) -> Option<&'a Watch> {
        let own = self.own_watch_of(&actor.principal);
        // Of roles neither name nor path can change, and an account that names its caller by the id has a second record.
        let is_renamable = actor.principal.kind == PrincipalKind::IamUser;
        let of_id = || self.by_unique_id.get(actor.session.unique_id.as_deref()?).copied();
        let is_exempt = || self.config.is_exempt(&actor.principal.arn);
        own.or_else(|| self.config.watch_for_arn(actor.session.issuer.as_deref()?))
            .or_else(|| of_id().filter(|_| is_renamable && !is_exempt()))
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
