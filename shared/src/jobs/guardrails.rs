//! From log objects and policies to guardrails.
//!
//! Enters: a source of log objects, what is kept from sweeps, policies of a principal, configuration and catalog. Leaves:
//! what the principal [`PrincipalUsage`], and [`Guardrails`]. Laws: the kept evidence is read and not changed; of the guardrails
//! asked for either all are proven or none is given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

use super::{
    gather::{GatherOptions, GatherProgress, ObjectCallback, gather_objects},
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
        Guardrail, GuardrailError, GuardrailKind, GuardrailOptions, GuardrailRequest, KnownActions,
        PrincipalUsage, build_guardrail,
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
    /// Version of this shape.
    pub schema_version: String,
    /// ARN of the principal, or the name its policies were given.
    pub principal: Arc<str>,
    /// What it used; absent where no evidence was given.
    pub used: Option<PrincipalUsage>,
    /// What is wrong with its policies.
    pub problems: Vec<PolicyProblem>,
    /// The guardrails.
    pub guardrails: Vec<Guardrail>,
    /// Whether every proof is complete.
    pub is_complete: bool,
    /// Kinds that were not asked for by name and cannot be made, and why.
    pub not_generated: BTreeMap<String, String>,
}

/// Which evidence to look at.
#[derive(Clone, Copy, Debug)]
pub struct UsageQuery<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// First moment of the period.
    pub since: Option<Time>,
    /// First moment after it.
    pub until: Option<Time>,
    /// How to read.
    pub gather_options: GatherOptions,
}

/// What a principal used, by log objects and by what is kept of others.
///
/// # Errors
/// [`SweepError::Source`] when the source cannot be listed, [`SweepError::Evidence`] when what is kept cannot be read.
pub fn usage<E: SweepEvidence>(
    principal: &str,
    source: &dyn LogSource,
    kept: Option<&E>,
    looking: UsageQuery<'_>,
    progress: &(dyn Fn(GatherProgress) + Sync),
) -> Result<PrincipalUsage, SweepError> {
    let objects = source.list()?;
    let gathered =
        gather_objects(source, &objects, looking.gather_options, progress, ObjectCallback::Summary(&|_| ()));
    let failed = |error: E::Error| SweepError::Evidence(Box::new(error));
    let earlier = match kept {
        None => Segment::default(),
        Some(kept) => {
            let known: Vec<ProcessedObject> =
                kept.processed_objects().map_err(failed)?.into_values().collect();
            kept.load(&known).map_err(failed)?
        }
    };
    let dossier = EvidenceSummary::from_segment(
        earlier.merge(gathered.segment),
        ReportScope::between(looking.since, looking.until),
    );
    let EvidenceSummary {
        tally,
        evidence_quality: evidence,
        digest_hours: windows,
        incomplete_hours: unfinished,
        period,
        ..
    } = dossier;
    let coverage = Coverage::of(&tally, &windows, &unfinished, &looking.config.coverage, period);
    let assessment = Assessment::classify(&tally, &coverage, &evidence, looking.catalog, looking.config);
    Ok(PrincipalUsage::of(&assessment, principal, looking.catalog))
}

/// What guardrails are to be made of.
#[derive(Clone, Debug)]
pub struct GuardrailsTask<'a> {
    /// Overrides that tolerate more than reads.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// Policies of the principal.
    pub snapshot: &'a PolicySnapshot,
    /// What it used.
    pub used: Option<PrincipalUsage>,
    /// Which kinds; none: all that can be made.
    pub kinds: &'a [GuardrailKind],
    /// How.
    pub options: GuardrailOptions,
    /// When.
    pub at: Time,
}

/// Makes guardrails and proves them.
///
/// # Errors
/// [`GuardrailError`].
pub fn generate_guardrails(task: GuardrailsTask<'_>) -> Result<Guardrails, GuardrailError> {
    let (universe, evaluator) = (KnownActions::of(task.catalog), Evaluator::new(task.catalog));
    let order = GuardrailRequest {
        known_actions: &universe,
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
        match kind.missing_input(order).filter(|_| !is_named) {
            Some(why) => {
                not_made.insert(kind.as_str().to_owned(), why);
            }
            None => made.push(build_guardrail(kind, order)?),
        }
    }
    Ok(Guardrails {
        schema_version: SCHEMA_VERSION.to_owned(),
        principal: Arc::clone(&task.snapshot.principal),
        problems: evaluator.grants(task.snapshot).problems,
        is_complete: made.iter().all(|one| one.proof.is_complete),
        used: task.used,
        guardrails: made,
        not_generated: not_made,
    })
}
