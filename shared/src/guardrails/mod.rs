//! Policies that leave a principal its reads.
//!
//! Enters: policies of a principal, what it used, a catalog and overrides. Leaves: a [`Guardrail`] with its [`GuardrailProof`]: a
//! least-privilege allow policy, a permissions boundary, or a service control policy. Laws: what is not proven is not
//! given; everything used stays, unless it is no read and is named; nothing that is no read is granted beside what is
//! tolerated; a guardrail never grants what was not granted before.

mod action_patterns;
mod allow;
mod boundary;
mod document;
mod known_actions;
mod plan;
mod proof;
pub mod quotas;
mod service_control;
mod usage;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    action_patterns::{ActionPattern, CoverTarget, WildcardScope, cover_actions},
    document::{GuardrailDocument, PolicyQuota},
    known_actions::{KnownAction, KnownActions},
    plan::{GuardrailPlan, GuardrailRequest},
    proof::{GuardrailError, GuardrailProof, prove},
    usage::{ActionUsage, PrincipalUsage},
};

/// Kinds of guardrails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardrailKind {
    /// Identity policies in place of those the principal has: what it used.
    Allow,
    /// A permissions boundary: what is outside is taken away, whatever policies allow.
    Boundary,
    /// Service control policies that deny the principal what is no read.
    Scp,
}

impl GuardrailKind {
    /// Its name in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Boundary => "boundary",
            Self::Scp => "scp",
        }
    }

    /// Why there is nothing to make a guardrail of this kind from.
    pub fn missing_input(self, order: GuardrailRequest<'_>) -> Option<String> {
        let why = match self {
            Self::Allow if order.usage.is_none() => "nobody said what was used",
            Self::Allow if order.usage.is_some_and(|used| used.actions.is_empty()) => "nothing was used",
            Self::Scp if !order.snapshot.principal.starts_with("arn:") => {
                "a service control policy names whom it is about, and the principal has no ARN"
            }
            _ => return None,
        };
        Some(why.to_owned())
    }
}

/// How to make guardrails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardrailOptions {
    /// No wildcards: nothing AWS adds later is allowed.
    pub exact: bool,
    /// Keep what was used although it is no read.
    pub keep_used: bool,
}

impl GuardrailOptions {
    /// What wildcards that allow may be open to.
    const fn wildcard_scope(self) -> WildcardScope {
        if self.exact { WildcardScope::NoWildcards } else { WildcardScope::ReadOnly }
    }
}

/// A guardrail, proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guardrail {
    /// What it is.
    pub kind: GuardrailKind,
    /// The documents it is made of.
    pub documents: Vec<GuardrailDocument>,
    /// What it says, for whoever applies it, in sentences.
    pub notes: Vec<String>,
    /// Actions kept although they are no reads, and why.
    pub kept: BTreeMap<Arc<str>, String>,
    /// Actions that were used, are no reads, and are taken away.
    pub removed: BTreeSet<Arc<str>>,
    /// Reads that were used and that none of the policies grants: by leave of another policy, or needing none.
    pub granted_by_other_policies: BTreeSet<Arc<str>>,
    /// Reads the policies grant that found no room, by service: how many of how many.
    pub omitted_reads: BTreeMap<String, (u64, u64)>,
    /// Wildcards that will match actions AWS adds later, where that allows them.
    pub open_wildcards: Vec<Arc<str>>,
    /// The proof.
    pub proof: GuardrailProof,
}

/// Makes a guardrail and proves it.
///
/// # Errors
/// [`GuardrailError`].
pub fn build_guardrail(
    kind: GuardrailKind,
    order: GuardrailRequest<'_>,
) -> Result<Guardrail, GuardrailError> {
    let plan = GuardrailPlan::of(order);
    let draft = match kind {
        GuardrailKind::Allow => allow::draft(order, &plan)?,
        GuardrailKind::Boundary => boundary::draft(order, &plan)?,
        GuardrailKind::Scp => service_control::draft(order, &plan)?,
    };
    let proof = prove(kind, order, &plan, &draft)?;
    let mut notes = draft.notes;
    if draft.covers_future_policies && !plan.unknown_reads.is_empty() {
        let (count, one) = (plan.unknown_reads.len(), plan.unknown_reads.first().map_or("", |key| key));
        notes.push(format!(
            "{count} actions that are granted and not in the catalog, such as {one}, are taken away, though their names read."
        ));
    }
    let why = |by: &Option<&crate::config::Override>| match by {
        Some(by) => {
            format!("tolerated by the override {} ({}) until {}: {}", by.id, by.owner, by.expires, by.reason)
        }
        None => "it was used".to_owned(),
    };
    // What the principal was never granted is nothing a policy of its own could keep.
    let kept = plan.kept.iter().filter(|(key, by)| {
        kind != GuardrailKind::Allow || by.is_none() || draft.allowed_actions.contains(*key)
    });
    Ok(Guardrail {
        kind,
        notes,
        kept: kept.map(|(key, by)| (Arc::clone(key), why(by))).collect(),
        removed: plan.removed.clone(),
        granted_by_other_policies: plan.granted_by_other_policies(),
        omitted_reads: draft.omitted_reads,
        open_wildcards: draft.open_wildcards,
        documents: draft.documents,
        proof,
    })
}

/// A guardrail that is not proven yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardrailDraft {
    /// The documents.
    pub documents: Vec<GuardrailDocument>,
    /// The only actions that may be granted, known ones by key.
    pub allowed_actions: BTreeSet<Arc<str>>,
    /// Whether `wanted` holds whatever else policies come to allow.
    pub covers_future_policies: bool,
    /// See [`Guardrail::notes`].
    pub notes: Vec<String>,
    /// See [`Guardrail::no_room`].
    pub omitted_reads: BTreeMap<String, (u64, u64)>,
    /// See [`Guardrail::open`].
    pub open_wildcards: Vec<Arc<str>>,
}

/// Patterns that are open to actions nobody knows yet.
fn open_wildcards(patterns: &[ActionPattern]) -> Vec<Arc<str>> {
    let open: BTreeSet<&Arc<str>> =
        patterns.iter().filter(|one| one.has_wildcard()).map(|one| &one.text).collect();
    open.into_iter().cloned().collect()
}

/// Granted reads that patterns do not match, by service: how many of how many.
fn omitted_reads(plan: &GuardrailPlan<'_>, allowed: &BTreeSet<Arc<str>>) -> BTreeMap<String, (u64, u64)> {
    let mut services: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for key in &plan.reads {
        let service = key.split_once(':').map_or("", |(service, _)| service);
        let (without, all) = services.entry(service.to_owned()).or_default();
        *all += 1;
        *without += u64::from(!allowed.contains(key));
    }
    services.retain(|_, (without, _)| *without > 0);
    services
}

/// Known actions that patterns match, by key.
fn matched_actions(universe: &KnownActions<'_>, patterns: &[ActionPattern]) -> BTreeSet<Arc<str>> {
    let entries = patterns.iter().flat_map(|pattern| universe.catalog().expand(&pattern.text));
    entries.map(|entry| entry.key().into()).collect()
}
