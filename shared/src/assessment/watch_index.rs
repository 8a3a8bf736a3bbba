//! Which promise an actor falls under.
//!
//! Enters: configuration and tally. Leaves: the promise about an actor, or about the principal its doings began with. Law: an
//! own promise goes before that of the user who made a federated user's credentials, and both before any other.

use std::collections::HashMap;

use crate::{
    config::{Config, Watch},
    event::Actor,
    principal::Principal,
    role_chain::RoleChains,
    tally::Tally,
};

/// The promises of a configuration, looked up once for each principal.
pub(super) struct WatchIndex<'a> {
    config: &'a Config,
    watched: HashMap<&'a Principal, Option<&'a Watch>>,
    /// Promises of those that handed on credentials, by ARN.
    originators: HashMap<&'a str, &'a Watch>,
}

impl<'a> WatchIndex<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self { config, watched: HashMap::new(), originators: HashMap::new() }
    }

    /// The promise about an actor itself.
    pub(super) fn watch_of(&mut self, actor: &'a Actor) -> Option<&'a Watch> {
        let (config, principal) = (self.config, &actor.principal);
        let own = *self.watched.entry(principal).or_insert_with(|| config.watch_for(principal));
        own.or_else(|| actor.session.issuer.as_deref().and_then(|issuer| config.watch_for_arn(issuer)))
    }

    /// Who did what through whose credentials.
    pub(super) fn role_chains(&mut self, tally: &'a Tally) -> RoleChains {
        if self.config.watch.is_empty() {
            return RoleChains::default();
        }
        RoleChains::of(tally, |actor| {
            let watch = self.watch_of(actor);
            if let Some(watch) = watch {
                self.originators.entry(&actor.principal.arn).or_insert(watch);
            }
            watch.is_some()
        })
    }

    /// The promise of a principal that something began with.
    pub(super) fn watch_of_originator(&self, arn: &str) -> Option<&'a Watch> {
        self.originators.get(arn).copied()
    }
}
