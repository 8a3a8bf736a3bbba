//! The actions a guardrail keeps and removes.
//!
//! Enters: the policies of a principal, its usage, and the configuration. Leaves: a [`GuardrailPlan`]. Law: every
//! action that is granted or was used is exactly one of: read-only, tolerated, kept because it was used, kept through
//! AWS services only, removed. An action that is kept through services is removed too if it was used without them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{GuardrailOptions, KnownActions, PrincipalUsage, through_services::via_service_values};
use crate::{
    assessment::is_key_use_action,
    config::{Config, Override},
    grants::{Evaluator, Grants, PolicySnapshot},
    permissions::tolerating_override,
    time::Time,
};

/// The input of a guardrail.
#[derive(Clone, Copy, Debug)]
pub struct GuardrailRequest<'a> {
    /// Every action that the catalog knows.
    pub known_actions: &'a KnownActions<'a>,
    /// Evaluator of the principal's policies.
    pub evaluator: &'a Evaluator<'a>,
    /// The configuration with the overrides that tolerate actions.
    pub config: &'a Config,
    /// Policies of the principal.
    pub snapshot: &'a PolicySnapshot,
    /// What the principal used; `None` if no evidence was given.
    pub usage: Option<&'a PrincipalUsage>,
    /// The time at which overrides have to be in force.
    pub at: Time,
    /// Options of the guardrails.
    pub options: GuardrailOptions,
}

/// The actions to keep and to remove, by `service:Name`.
#[derive(Clone, Debug)]
pub struct GuardrailPlan<'a> {
    /// The grants of the policies.
    pub current_grants: Grants,
    /// Known granted actions that are read-only.
    pub reads: BTreeSet<Arc<str>>,
    /// Granted actions that are not in the catalog and read-only by their name.
    pub unknown_reads: BTreeSet<Arc<str>>,
    /// Known granted actions that are not read-only and not kept.
    pub excessive: BTreeSet<Arc<str>>,
    /// Granted patterns that match no action of the catalog and are not read-only by their name.
    pub unknown_patterns: BTreeSet<Arc<str>>,
    /// Reads that were used.
    pub used_reads: BTreeSet<Arc<str>>,
    /// Kept actions that are not read-only, with the override that tolerates each; none for an action that is kept
    /// because it was used.
    pub kept: BTreeMap<Arc<str>, Option<&'a Override>>,
    /// Uses of KMS keys that AWS services made in the principal's name and that the policies grant, with the values of
    /// `kms:ViaService` under which they are kept.
    pub through_services: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The same uses if the policies do not grant them, with the services.
    pub through_other_policies: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Used actions that are not read-only and not kept.
    pub removed: BTreeSet<Arc<str>>,
}

impl<'a> GuardrailPlan<'a> {
    /// The plan for a principal.
    pub fn of(request: GuardrailRequest<'a>) -> Self {
        let before = request.evaluator.grants(request.snapshot);
        let (mut reads, mut excessive, mut unknown) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut kept, mut used_reads, mut left_out) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let mut strange = BTreeSet::new();
        let universe = request.known_actions;
        for action in request.usage.iter().flat_map(|used| used.actions.keys()) {
            if universe.is_read_only(action) {
                used_reads.insert(Arc::clone(action));
            } else if request.options.keep_used && universe.contains(action) {
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
            let allowing =
                tolerating_override(request.config, &request.snapshot.principal, grant, request.at);
            match allowing.filter(|_| universe.contains(key)) {
                Some(allowing) => {
                    left_out.remove(key);
                    // An action that is kept because it was used stays kept on all its resources.
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
        let (mut through_services, mut through_others) = (BTreeMap::new(), BTreeMap::new());
        for (action, used) in request.usage.iter().flat_map(|used| &used.actions) {
            if !is_key_use_action(action) || universe.is_read_only(action) || kept.contains_key(action) {
                continue;
            }
            let services = via_service_values(&request.snapshot.principal, &used.invoked_by);
            if services.is_empty() || !universe.contains(action) {
                continue;
            }
            if before.get(action).is_none() {
                through_others.insert(Arc::clone(action), used.invoked_by.clone());
                continue;
            }
            excessive.remove(action);
            if used.forwarded >= used.calls {
                left_out.remove(action);
            }
            through_services.insert(Arc::clone(action), services);
        }
        Self {
            current_grants: before,
            reads,
            unknown_reads: strange,
            excessive,
            unknown_patterns: unknown,
            used_reads,
            kept,
            through_services,
            through_other_policies: through_others,
            removed: left_out,
        }
    }

    /// The plan that removes what could be kept through AWS services.
    #[must_use]
    pub fn without_services(mut self) -> Self {
        let keys: Vec<Arc<str>> = std::mem::take(&mut self.through_services).into_keys().collect();
        self.excessive.extend(keys.iter().cloned());
        self.removed.extend(keys);
        self
    }

    /// Whether an action is kept through AWS services only.
    pub fn keeps_through_services(&self, action: &str) -> bool {
        self.through_services.contains_key(action)
    }

    /// Whether an action that is not read-only is kept.
    pub fn keeps(&self, action: &str) -> bool {
        self.kept.contains_key(action)
    }

    /// Used actions that are kept and granted by the policies.
    pub fn used_and_granted(&self) -> BTreeSet<Arc<str>> {
        let used =
            self.used_reads.iter().chain(self.kept.iter().filter(|(_, by)| by.is_none()).map(|(key, _)| key));
        used.filter(|key| self.current_grants.get(key).is_some()).cloned().collect()
    }

    /// Used reads that the policies do not grant.
    pub fn granted_by_other_policies(&self) -> BTreeSet<Arc<str>> {
        self.used_reads.iter().filter(|key| self.current_grants.get(key).is_none()).cloned().collect()
    }
}
