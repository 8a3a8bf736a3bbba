//! Policies that limit a principal to reads.
//!
//! Enters: policies of a principal, its usage, a catalog and overrides. Leaves: a [`Guardrail`] with its
//! [`GuardrailProof`]: a least-privilege allow policy, a permissions boundary, or a service control policy. Laws: a
//! guardrail without a proof is an error; every used action stays granted, unless it is not read-only and is listed
//! as removed; actions that are not read-only are granted only if they are tolerated or kept; a use of a KMS key that
//! is kept through AWS services is granted to no other call; a guardrail never grants an action that was not granted
//! before.

mod action_patterns;
mod allow;
mod boundary;
mod changes;
mod denial;
mod document;
mod known_actions;
mod open_question;
mod plan;
mod proof;
pub mod quotas;
mod service_control;
pub mod template;
mod through_services;
mod usage;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    action_patterns::{ActionPattern, CoverTarget, WildcardScope, cover_actions},
    changes::{GuardrailChanges, StatementChange},
    denial::denial_policy,
    document::{GuardrailDocument, PolicyQuota},
    known_actions::{KnownAction, KnownActions},
    open_question::{Acknowledgment, OpenQuestion, OpenQuestionKind},
    plan::{GuardrailPlan, GuardrailRequest},
    proof::{GuardrailError, GuardrailProof, prove},
    usage::{ActionUsage, PrincipalUsage},
};

/// Kinds of guardrails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardrailKind {
    /// Identity-based policies that replace those of the principal and allow what it used.
    Allow,
    /// A permissions boundary: actions outside it are denied, regardless of the policies.
    Boundary,
    /// Service control policies that deny the principal actions that are not read-only.
    Scp,
}

impl GuardrailKind {
    /// Name of the kind in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Boundary => "boundary",
            Self::Scp => "scp",
        }
    }

    /// Why a guardrail of this kind cannot be made: the input that is missing.
    pub fn missing_input(self, request: GuardrailRequest<'_>) -> Option<String> {
        let why = match self {
            Self::Allow if request.usage.is_none() => "no evidence of usage was given",
            Self::Allow if request.usage.is_some_and(|used| used.actions.is_empty()) => {
                "the evidence shows no used action"
            }
            Self::Scp if !request.snapshot.principal.starts_with("arn:") => {
                "a service control policy needs the principal's ARN, and the given policies do not name it"
            }
            _ => return None,
        };
        Some(why.to_owned())
    }
}

/// How to make guardrails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardrailOptions {
    /// No wildcards: actions that AWS adds later are not allowed.
    pub exact: bool,
    /// Keep used actions that are not read-only.
    pub keep_used: bool,
    /// Say what the guardrail takes away from the policies that are attached now.
    pub compare: bool,
}

impl GuardrailOptions {
    /// Which future actions the wildcards of an allow may match.
    const fn wildcard_scope(self) -> WildcardScope {
        if self.exact { WildcardScope::NoWildcards } else { WildcardScope::ReadOnly }
    }
}

/// A guardrail with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guardrail {
    /// Kind of the guardrail.
    pub kind: GuardrailKind,
    /// Policy documents of the guardrail.
    pub documents: Vec<GuardrailDocument>,
    /// Instructions for applying it, in sentences.
    pub notes: Vec<String>,
    /// Actions that are kept although they are not read-only, with the reason.
    pub kept: BTreeMap<Arc<str>, String>,
    /// Uses of KMS keys that are kept through AWS services only, with the values of `kms:ViaService`: the principal's
    /// own calls of them are not granted.
    pub kept_through_services: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Actions that were used, are not read-only, and are removed. One that is kept through AWS services is listed here
    /// if it was used without them too.
    pub removed: BTreeSet<Arc<str>>,
    /// Reads that were used and that the given policies do not grant: another policy grants them, or they need no
    /// permission.
    pub granted_by_other_policies: BTreeSet<Arc<str>>,
    /// Granted reads that do not fit into the policy, by service: number omitted, and number granted.
    pub omitted_reads: BTreeMap<String, (u64, u64)>,
    /// Wildcards that allow matching actions that AWS adds later.
    pub open_wildcards: Vec<Arc<str>>,
    /// Proof that the guardrail keeps reads and removes the rest.
    pub proof: GuardrailProof,
    /// What it takes away from the policies that are attached now; absent unless that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changes: Option<GuardrailChanges>,
}

/// Makes a guardrail and proves it.
///
/// # Errors
/// [`GuardrailError`].
pub fn build_guardrail(
    kind: GuardrailKind,
    request: GuardrailRequest<'_>,
) -> Result<Guardrail, GuardrailError> {
    let plan = GuardrailPlan::of(request);
    let (plan, draft, proof, refused) = match draft_and_prove(kind, request, &plan) {
        Ok((draft, proof)) => (plan, draft, proof, None),
        Err(error) if plan.through_services.is_empty() => return Err(error),
        Err(error) => {
            // The policies may have limits that the statements for services would widen, or have no room for them.
            let actions: Vec<&str> = plan.through_services.keys().map(|key| &**key).collect();
            let refused = format!(
                "Not kept through AWS services, because this could not be proven: {} ({}).",
                actions.join(", "),
                error.objections.join("; ")
            );
            let plan = plan.without_services();
            let (draft, proof) = draft_and_prove(kind, request, &plan)?;
            (plan, draft, proof, Some(refused))
        }
    };
    let changes = request.options.compare.then(|| GuardrailChanges::of(kind, request, &plan, &draft));
    let mut notes = draft.notes;
    notes.extend(refused);
    if kind != GuardrailKind::Allow {
        notes.extend(plan.through_other_policies.iter().map(|(key, services)| {
            let services: Vec<&str> = services.iter().map(|service| &**service).collect();
            format!(
                "{} used {key} in the principal's name, and the given policies do not grant it. If a key policy grants it, \
                 as those of AWS managed keys do, this guardrail may deny it.",
                services.join(", ")
            )
        }));
    }
    if draft.covers_future_policies && !plan.unknown_reads.is_empty() {
        let (count, one) = (plan.unknown_reads.len(), plan.unknown_reads.first().map_or("", |key| key));
        notes.push(format!(
            "Granted actions that are not in the catalog are removed, although their names suggest reads: \
             {count}, such as {one}."
        ));
    }
    let why = |by: &Option<&crate::config::Override>| match by {
        Some(by) => {
            format!("tolerated by the override {} ({}) until {}: {}", by.id, by.owner, by.expires, by.reason)
        }
        None => "used".to_owned(),
    };
    // An allow policy cannot keep an action that was not granted before.
    let kept = plan.kept.iter().filter(|(key, by)| {
        kind != GuardrailKind::Allow || by.is_none() || draft.allowed_actions.contains(*key)
    });
    Ok(Guardrail {
        kind,
        notes,
        kept: kept.map(|(key, by)| (Arc::clone(key), why(by))).collect(),
        kept_through_services: plan.through_services.clone(),
        removed: plan.removed.clone(),
        granted_by_other_policies: plan.granted_by_other_policies(),
        omitted_reads: draft.omitted_reads,
        open_wildcards: draft.open_wildcards,
        documents: draft.documents,
        proof,
        changes,
    })
}

fn draft_and_prove(
    kind: GuardrailKind,
    request: GuardrailRequest<'_>,
    plan: &GuardrailPlan<'_>,
) -> Result<(GuardrailDraft, GuardrailProof), GuardrailError> {
    let draft = match kind {
        GuardrailKind::Allow => allow::draft(request, plan)?,
        GuardrailKind::Boundary => boundary::draft(request, plan)?,
        GuardrailKind::Scp => service_control::draft(request, plan)?,
    };
    let proof = prove(kind, request, plan, &draft)?;
    Ok((draft, proof))
}

/// A guardrail before its proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardrailDraft {
    /// Policy documents of the draft.
    pub documents: Vec<GuardrailDocument>,
    /// The only actions that may be granted, known ones by key.
    pub allowed_actions: BTreeSet<Arc<str>>,
    /// Whether `allowed_actions` stays the limit whatever policies are added later.
    pub covers_future_policies: bool,
    /// Notes, as in [`Guardrail::notes`].
    pub notes: Vec<String>,
    /// Reads left out, as in [`Guardrail::omitted_reads`].
    pub omitted_reads: BTreeMap<String, (u64, u64)>,
    /// Open wildcards, as in [`Guardrail::open_wildcards`].
    pub open_wildcards: Vec<Arc<str>>,
}

/// Patterns that can match future actions.
fn open_wildcards(patterns: &[ActionPattern]) -> Vec<Arc<str>> {
    let open: BTreeSet<&Arc<str>> =
        patterns.iter().filter(|one| one.has_wildcard()).map(|one| &one.text).collect();
    open.into_iter().cloned().collect()
}

/// Granted reads that are not in `allowed`, by service: number omitted, and number granted.
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

/// Known actions that the patterns match, by key.
fn matched_actions(universe: &KnownActions<'_>, patterns: &[ActionPattern]) -> BTreeSet<Arc<str>> {
    let entries = patterns.iter().flat_map(|pattern| universe.catalog().expand(&pattern.text));
    entries.map(|entry| entry.key().into()).collect()
}
