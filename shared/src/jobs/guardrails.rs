//! From log objects and policies to guardrails.
//!
//! Enters: a source of log objects, what is kept from sweeps, policies of a principal, configuration and catalog. Leaves:
//! what the principal [`Used`], and [`Guardrails`]. Laws: the kept evidence is read and not changed; of the guardrails
//! asked for either all are proven or none is given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

use super::{
    gather::{Each, Gathering, Progress, gather_objects},
    sweep::SweepError,
};
use crate::{
    assessment::Assessment,
    catalog::Catalog,
    config::Config,
    coverage::Coverage,
    dossier::{Dossier, Scope},
    grants::{Evaluator, Problem, Snapshot},
    guardrails::{Guardrail, Kind, NotProven, Options, Order, Universe, Used, guardrail},
    ports::{Evidences, ReadObject, Source},
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
    pub used: Option<Used>,
    /// What is wrong with its policies.
    pub problems: Vec<Problem>,
    /// The guardrails.
    pub guardrails: Vec<Guardrail>,
    /// Whether every proof is complete.
    pub is_complete: bool,
    /// Kinds that were not asked for by name and cannot be made, and why.
    pub not_made: BTreeMap<String, String>,
}

/// Which evidence to look at.
#[derive(Clone, Copy, Debug)]
pub struct Looking<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// First moment of the period.
    pub since: Option<Time>,
    /// First moment after it.
    pub until: Option<Time>,
    /// How to read.
    pub gathering: Gathering,
}

/// What a principal used, by log objects and by what is kept of others.
///
/// # Errors
/// [`SweepError::Source`] when the source cannot be listed, [`SweepError::Evidence`] when what is kept cannot be read.
pub fn used<E: Evidences>(
    principal: &str,
    source: &dyn Source,
    kept: Option<&E>,
    looking: Looking<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Used, SweepError> {
    let objects = source.list()?;
    let gathered = gather_objects(source, &objects, looking.gathering, progress, Each::Told(&|_| ()));
    let failed = |error: E::Error| SweepError::Evidence(Box::new(error));
    let earlier = match kept {
        None => Segment::default(),
        Some(kept) => {
            let known: Vec<ReadObject> = kept.known().map_err(failed)?.into_values().collect();
            kept.load(&known).map_err(failed)?
        }
    };
    let dossier = Dossier::of(earlier.merge(gathered.segment), Scope::between(looking.since, looking.until));
    let Dossier { tally, evidence, windows, unfinished, period, .. } = dossier;
    let coverage = Coverage::of(&tally, &windows, &unfinished, &looking.config.coverage, period);
    let assessment = Assessment::of(&tally, &coverage, &evidence, looking.catalog, looking.config);
    Ok(Used::of(&assessment, principal, looking.catalog))
}

/// What guardrails are to be made of.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// Overrides that tolerate more than reads.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// Policies of the principal.
    pub snapshot: &'a Snapshot,
    /// What it used.
    pub used: Option<Used>,
    /// Which kinds; none: all that can be made.
    pub kinds: &'a [Kind],
    /// How.
    pub options: Options,
    /// When.
    pub at: Time,
}

/// Makes guardrails and proves them.
///
/// # Errors
/// [`NotProven`].
pub fn guardrails(task: Task<'_>) -> Result<Guardrails, NotProven> {
    let (universe, evaluator) = (Universe::of(task.catalog), Evaluator::new(task.catalog));
    let order = Order {
        universe: &universe,
        evaluator: &evaluator,
        config: task.config,
        snapshot: task.snapshot,
        used: task.used.as_ref(),
        at: task.at,
        options: task.options,
    };
    let (mut made, mut not_made) = (Vec::new(), BTreeMap::new());
    for kind in [Kind::Allow, Kind::Boundary, Kind::Scp] {
        let is_named = task.kinds.contains(&kind);
        if !is_named && !task.kinds.is_empty() {
            continue;
        }
        match kind.cannot(order).filter(|_| !is_named) {
            Some(why) => {
                not_made.insert(kind.as_str().to_owned(), why);
            }
            None => made.push(guardrail(kind, order)?),
        }
    }
    Ok(Guardrails {
        schema_version: SCHEMA_VERSION.to_owned(),
        principal: Arc::clone(&task.snapshot.principal),
        problems: evaluator.grants(task.snapshot).problems,
        is_complete: made.iter().all(|one| one.proof.is_complete),
        used: task.used,
        guardrails: made,
        not_made,
    })
}
