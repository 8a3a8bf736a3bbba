//! Which promise an actor falls under.
//!
//! Enters: configuration and tally. Leaves: the promise about an actor, or about the principal its doings began with. Law: an
//! own promise goes before that of the user who made a federated user's credentials, and both before any other.

use std::collections::HashMap;

use crate::{
    config::{Config, Watch},
    event::Actor,
    lineage::Lineages,
    principal::Principal,
    tally::Tally,
};

/// The promises of a configuration, looked up once for each principal.
pub(super) struct Promises<'a> {
    config: &'a Config,
    watched: HashMap<&'a Principal, Option<&'a Watch>>,
    /// Promises of those that handed on credentials, by ARN.
    began_with: HashMap<&'a str, &'a Watch>,
}

impl<'a> Promises<'a> {
    pub(super) fn of_config(config: &'a Config) -> Self {
        Self { config, watched: HashMap::new(), began_with: HashMap::new() }
    }

    /// The promise about an actor itself.
    pub(super) fn about(&mut self, actor: &'a Actor) -> Option<&'a Watch> {
        let (config, principal) = (self.config, &actor.principal);
        let own = *self.watched.entry(principal).or_insert_with(|| config.watched(principal));
        own.or_else(|| actor.session.issuer.as_deref().and_then(|issuer| config.watched_arn(issuer)))
    }

    /// Who did what through whose credentials.
    pub(super) fn lineages(&mut self, tally: &'a Tally) -> Lineages {
        if self.config.watch.is_empty() {
            return Lineages::default();
        }
        Lineages::of(tally, |actor| {
            let watch = self.about(actor);
            if let Some(watch) = watch {
                self.began_with.entry(&actor.principal.arn).or_insert(watch);
            }
            watch.is_some()
        })
    }

    /// The promise of a principal that something began with.
    pub(super) fn behind(&self, arn: &str) -> Option<&'a Watch> {
        self.began_with.get(arn).copied()
    }
}
