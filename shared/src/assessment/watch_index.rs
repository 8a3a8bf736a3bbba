//! The watch that applies to an actor.
//!
//! Enters: configuration and tally. Leaves: the watch that matches an actor, or the originator of its calls. Law: a
//! watch that matches the actor itself has precedence over the watch of the user that issued a federated user's
//! credentials, and both have precedence over the watch of an originator.

use std::collections::HashMap;

use crate::{
    config::{Config, Watch},
    event::Actor,
    principal::Principal,
    role_chain::RoleChains,
    tally::Tally,
};

/// The watches of a configuration, looked up once for each principal.
pub(super) struct WatchIndex<'a> {
    config: &'a Config,
    watched: HashMap<&'a Principal, Option<&'a Watch>>,
    /// Watches of the principals that may be originators, by ARN.
    originators: HashMap<&'a str, &'a Watch>,
}

impl<'a> WatchIndex<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self { config, watched: HashMap::new(), originators: HashMap::new() }
    }

    /// The watch that matches an actor itself.
    pub(super) fn watch_of(&mut self, actor: &'a Actor) -> Option<&'a Watch> {
        let (config, principal) = (self.config, &actor.principal);
        let own = *self.watched.entry(principal).or_insert_with(|| config.watch_for(principal));
        own.or_else(|| actor.session.issuer.as_deref().and_then(|issuer| config.watch_for_arn(issuer)))
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
