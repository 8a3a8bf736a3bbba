//! What a guardrail has to keep, and what it has to take away.
//!
//! Enters: the policies of a principal, what it used, and the configuration. Leaves: a [`Plan`]. Law: every action that is
//! granted or was used is in exactly one of: a read, tolerated, kept because it was used, taken away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{GuardrailOptions, KnownActions, PrincipalUsage};
use crate::{
    config::{Config, Override},
    grants::{Evaluator, Grants, PolicySnapshot},
    permissions::tolerating_override,
    time::Time,
};

/// What guardrails are made from.
#[derive(Clone, Copy, Debug)]
pub struct GuardrailRequest<'a> {
    /// Every action there is.
    pub known_actions: &'a KnownActions<'a>,
    /// Evaluates policies.
    pub evaluator: &'a Evaluator<'a>,
    /// Overrides that tolerate more than reads.
    pub config: &'a Config,
    /// Policies of the principal.
    pub snapshot: &'a PolicySnapshot,
    /// What it used; absent where no evidence was given.
    pub usage: Option<&'a PrincipalUsage>,
    /// When.
    pub at: Time,
    /// How to make them.
    pub options: GuardrailOptions,
}

/// What to keep and what to take away. Actions by `service:Name`.
#[derive(Clone, Debug)]
pub struct GuardrailPlan<'a> {
    /// What the policies allow.
    pub current_grants: Grants,
    /// Reads they allow, of known actions.
    pub reads: BTreeSet<Arc<str>>,
    /// Actions they allow that the catalog does not know, and that are reads by their name.
    pub unknown_reads: BTreeSet<Arc<str>>,
    /// Known actions they allow that are no reads, and are not kept.
    pub excessive: BTreeSet<Arc<str>>,
    /// Patterns they allow that the catalog knows no action of, and that are not tolerated.
    pub unknown_patterns: BTreeSet<Arc<str>>,
    /// Reads that were used.
    pub used_reads: BTreeSet<Arc<str>>,
    /// Actions kept although they are no reads, with the override that tolerates them; none for one that is kept because
    /// it was used.
    pub kept: BTreeMap<Arc<str>, Option<&'a Override>>,
    /// Actions that were used and are no reads, and are not kept.
    pub removed: BTreeSet<Arc<str>>,
}

impl<'a> GuardrailPlan<'a> {
    /// The plan for a principal.
    pub fn of(order: GuardrailRequest<'a>) -> Self {
        let before = order.evaluator.grants(order.snapshot);
        let (mut reads, mut excessive, mut unknown) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut kept, mut used_reads, mut left_out) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let mut strange = BTreeSet::new();
        let universe = order.known_actions;
        for action in order.usage.iter().flat_map(|used| used.actions.keys()) {
            if universe.is_read_only(action) {
                used_reads.insert(Arc::clone(action));
            } else if order.options.keep_used && universe.contains(action) {
                kept.insert(Arc::clone(action), None);
            } else {
                left_out.insert(Arc::clone(action));
            }
        }
        for grant in &before.entries {
            let key = &grant.action.key;
            if grant.action.is_read_only() {
                match universe.contains(key) {
                    true => reads.insert(Arc::clone(key)),
                    false => strange.insert(Arc::clone(key)),
                };
                continue;
            }
            let allowing = tolerating_override(order.config, &order.snapshot.principal, grant, order.at);
            match allowing.filter(|_| universe.contains(key)) {
                Some(allowing) => {
                    left_out.remove(key);
                    // One that was used is kept wherever it was.
                    kept.entry(Arc::clone(key)).or_insert(Some(allowing));
                }
                None if kept.contains_key(key) => {}
                None if universe.contains(key) => {
                    excessive.insert(Arc::clone(key));
                }
                None => {
                    unknown.insert(Arc::clone(key));
                }
            }
        }
        Self {
            current_grants: before,
            reads,
            unknown_reads: strange,
            excessive,
            unknown_patterns: unknown,
            used_reads,
            kept,
            removed: left_out,
        }
    }

    /// Whether a grant is one that stays although it is no read.
    pub fn keeps(&self, action: &str) -> bool {
        self.kept.contains_key(action)
    }

    /// Actions that were used, are to stay, and are granted by the policies.
    pub fn used_and_granted(&self) -> BTreeSet<Arc<str>> {
        let used =
            self.used_reads.iter().chain(self.kept.iter().filter(|(_, by)| by.is_none()).map(|(key, _)| key));
        used.filter(|key| self.current_grants.get(key).is_some()).cloned().collect()
    }

    /// Reads that were used although none of the policies grants them.
    pub fn granted_by_other_policies(&self) -> BTreeSet<Arc<str>> {
        self.used_reads.iter().filter(|key| self.current_grants.get(key).is_none()).cloned().collect()
    }
}
