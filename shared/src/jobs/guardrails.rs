//! From log files and policies to guardrails.
//!
//! Enters: a source of log files, the evidence stored by sweeps, the policies of a principal, configuration and
//! catalog. Leaves: [`PrincipalUsage`] and [`Guardrails`]. Laws: the stored evidence is read and not changed; either
//! all requested guardrails are proven, or none is returned; acknowledged questions stay open and listed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    evidence_pool::{EvidencePool, Spill},
    gather::{GatherOptions, GatherProgress, ObjectCallback, gather_into},
    sweep::SweepError,
};
use crate::{
    assessment::Assessment,
    catalog::Catalog,
    config::Config,
    coverage::Coverage,
    evidence_summary::{EvidenceSummary, ReportScope},
    grants::{Evaluator, PolicyProblem, PolicySnapshot},
    guardrails::{
        Acknowledgment, Guardrail, GuardrailError, GuardrailKind, GuardrailOptions, GuardrailRequest,
        KnownActions, OpenQuestionKind, PrincipalUsage, build_guardrail,
    },
    ports::{LogSource, ProcessedObject, SweepEvidence},
    segment::Segment,
    time::Time,
};

/// Version of the shape of [`Guardrails`].
pub const SCHEMA_VERSION: &str = "1";

/// Guardrails for one principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Guardrails {
    /// Version of the schema `docs/guardrails.schema.json`.
    pub schema_version: String,
    /// ARN of the principal, or the name given to its policies.
    pub principal: Arc<str>,
    /// What the principal used; absent if no evidence was given.
    pub used: Option<PrincipalUsage>,
    /// Problems in the principal's policies.
    pub problems: Vec<PolicyProblem>,
    /// The guardrails that were generated.
    pub guardrails: Vec<Guardrail>,
    /// Whether every proof is complete.
    pub is_complete: bool,
    /// Kinds of open questions that the user acknowledged, of those that are listed.
    #[serde(default)]
    pub acknowledged: BTreeSet<OpenQuestionKind>,
    /// Whether every open question is acknowledged; also if there is none.
    #[serde(default)]
    pub is_answered: bool,
    /// Guardrail kinds that were not requested by name and cannot be generated, with the reason.
    pub not_generated: BTreeMap<String, String>,
}

/// Which evidence to use.
#[derive(Clone, Copy, Debug)]
pub struct UsageQuery<'a> {
    /// Configuration of the sweep.
    pub config: &'a Config,
    /// Catalog of AWS operations and their classification.
    pub catalog: &'a Catalog,
    /// First moment of the period.
    pub since: Option<Time>,
    /// First moment after the period; `None` for no end.
    pub until: Option<Time>,
    /// Options for reading log files.
    pub gather_options: GatherOptions,
    /// When events leave memory; `None` if they never do.
    pub spill: Option<Spill<'a>>,
}

/// What a principal used, according to these log files and the stored evidence of others.
///
/// # Errors
/// [`SweepError::Source`] when the source cannot be listed, [`SweepError::Evidence`] when stored evidence cannot be
/// read.
pub fn usage<E: SweepEvidence>(
    principal: &str,
    source: &dyn LogSource,
    kept: Option<&E>,
    query: UsageQuery<'_>,
    progress: &(dyn Fn(GatherProgress) + Sync),
) -> Result<PrincipalUsage, SweepError> {
    let objects = source.list()?;
    let mut pool = EvidencePool::new(query.spill);
    let each = ObjectCallback::Summary(&|_| ());
    gather_into(&mut pool, source, &objects, query.gather_options, progress, each, None)
        .map_err(SweepError::Spill)?;
    if let Some(kept) = kept {
        let failed = |error: E::Error| SweepError::Evidence(Box::new(error));
        let known: Vec<ProcessedObject> = kept.processed_objects().map_err(failed)?.into_values().collect();
        let mut absorbed = Ok(());
        let mut absorb = |segment: Segment| {
            if absorbed.is_ok() {
                absorbed = pool.absorb(&mut segment.into());
            }
        };
        kept.load(&known, &mut absorb).map_err(failed)?;
        absorbed.map_err(SweepError::Spill)?;
    }
    let (summary, _) =
        pool.summarize(ReportScope::between(query.since, query.until)).map_err(SweepError::Spill)?;
    let coverage = Coverage::of(&summary, &query.config.coverage, None);
    let EvidenceSummary { tally, lead_in, evidence_quality, .. } = &summary;
    let assessment =
        Assessment::classify(tally, &lead_in.tally, &coverage, evidence_quality, query.catalog, query.config);
    Ok(PrincipalUsage::of(&assessment, principal, query.catalog))
}

/// The input for generating guardrails.
#[derive(Clone, Debug)]
pub struct GuardrailsTask<'a> {
    /// Configuration, with the overrides that tolerate actions that are not read-only.
    pub config: &'a Config,
    /// Catalog of AWS operations and their classification.
    pub catalog: &'a Catalog,
    /// Policies of the principal.
    pub snapshot: &'a PolicySnapshot,
    /// What the principal used; `None` if no evidence was given.
    pub used: Option<PrincipalUsage>,
    /// Requested kinds; empty means every kind that can be generated.
    pub kinds: &'a [GuardrailKind],
    /// Options of the guardrails.
    pub options: GuardrailOptions,
    /// Open questions that the user accepts.
    pub acknowledged: Acknowledgment,
    /// When the guardrails are generated.
    pub at: Time,
}

/// Generates guardrails and proves them.
///
/// # Errors
/// [`GuardrailError`].
pub fn generate_guardrails(task: GuardrailsTask<'_>) -> Result<Guardrails, GuardrailError> {
    let (known_actions, evaluator) =
        (KnownActions::of(task.catalog), Evaluator::new(task.catalog).at(task.at));
    let request = GuardrailRequest {
        known_actions: &known_actions,
        evaluator: &evaluator,
        config: task.config,
        snapshot: task.snapshot,
        usage: task.used.as_ref(),
        at: task.at,
        options: task.options,
    };
    let (mut made, mut not_made) = (Vec::new(), BTreeMap::new());
    for kind in [GuardrailKind::Allow, GuardrailKind::Boundary, GuardrailKind::Scp] {
        let is_named = task.kinds.contains(&kind);
        if !is_named && !task.kinds.is_empty() {
            continue;
        }
        match kind.missing_input(request).filter(|_| !is_named) {
            Some(reason) => {
                not_made.insert(kind.as_str().to_owned(), reason);
            }
            None => made.push(build_guardrail(kind, request)?),
        }
    }
    let open = || made.iter().flat_map(|one| &one.proof.open_questions).map(|question| question.kind);
    Ok(Guardrails {
        acknowledged: open().filter(|kind| task.acknowledged.covers(*kind)).collect(),
        is_answered: open().all(|kind| task.acknowledged.covers(kind)),
        schema_version: SCHEMA_VERSION.to_owned(),
        principal: Arc::clone(&task.snapshot.principal),
        problems: evaluator.grants(task.snapshot).problems,
        is_complete: made.iter().all(|one| one.proof.is_complete),
        used: task.used,
        guardrails: made,
        not_generated: not_made,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::{escape_json, tests::assert_schema_is_current};

    #[test]
    fn the_published_schema_is_current() {
        let text = serde_json::to_string_pretty(&schemars::schema_for!(Guardrails)).unwrap();
        assert_schema_is_current("guardrails.schema.json", SCHEMA_VERSION, &escape_json(text));
    }
}
