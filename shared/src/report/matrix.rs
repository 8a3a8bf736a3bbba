//! What a watched principal could do, tried and did.
//!
//! Enters: an assessment. Leaves: a [`Matrix`] for each watched principal. Laws: where no policies were read, what it could
//! do is not known, and never nothing; every call of the principal, and every call that began with it, is counted in the
//! row of each capability it carries and in that of its service.

mod actors;
mod case;
mod rows;
mod through;
mod ungranted;
mod unused;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    grants::{Certainty, Held, Unseen},
    operation::RiskLevel,
    permissions::{Count, EscalationPath, OverallStatus},
    time::Time,
};

pub(crate) use self::{
    actors::{actors, beyond_promise, unread},
    case::{Case, cases, own_promise},
    rows::gravest_first,
    ungranted::{beyond, ungranted},
    unused::unused,
};
use crate::{assessment::Assessment, coverage::Place};

/// Policies a principal was judged by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PolicyBasis {
    /// SHA-256 of the snapshot.
    pub sha256: String,
    /// When it was first read; absent: given as in force from the beginning.
    pub since: Option<Time>,
    /// When another one was first read in its place; absent: in force still.
    pub until: Option<Time>,
}

impl From<&Held> for PolicyBasis {
    fn from(held: &Held) -> Self {
        Self { sha256: held.snapshot.sha256(), since: held.since, until: held.until }
    }
}

/// What the rows of a matrix are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// Plain reads.
    Read,
    /// What carries a capability.
    Capability,
    /// What nothing is known of.
    Unknown,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixRow {
    /// Capability (`read` for calls that are reads and carry none, `unknown` for what nothing is known of), or service.
    pub name: String,
    /// What the row is about; absent in the rows of services.
    pub kind: Option<AccessKind>,
    /// Actions it could use; absent where no policies were read.
    pub could: Option<Count>,
    /// Calls AWS refused.
    pub tried: u64,
    /// Calls that ended in another error.
    pub failed: u64,
    /// Calls that succeeded.
    pub did: u64,
    /// Of all these calls, those made through roles it assumed.
    pub through: u64,
}

/// What could be used of a service and never was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unused {
    /// Service, as in policies.
    pub service: String,
    /// Actions of it that were never used.
    pub actions: u64,
    /// Of those, the ones that are no reads and that nobody tolerates.
    pub excessive: u64,
    /// Of those actions, the ones whose events nobody is known to log: that they were not seen says nothing.
    pub unlogged: u64,
    /// Some of them, the gravest first, at most ten.
    pub examples: Vec<Arc<str>>,
}

/// Services that could only be read, and never were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnlyReads {
    /// How many.
    pub services: u64,
    /// Actions granted in them.
    pub actions: u64,
    /// Of those, the ones whose events nobody is known to log.
    pub unlogged: u64,
}

/// A call that succeeded although none of the policies that were read grants it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Ungranted {
    /// `service:Operation`, as the catalog names it.
    pub operation: String,
    /// IAM actions it takes.
    pub actions: Vec<Arc<str>>,
    /// How often it succeeded.
    pub count: u64,
    /// What may have granted it: a policy of the resource, policies that were in force only for a part of the time.
    pub because: String,
}

/// A role through which a watched principal acted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Through {
    /// ARNs of what was assumed on the way, the last one's calls being counted.
    pub path: Vec<Arc<str>>,
    /// Whether nobody else can have made those calls.
    pub is_certain: bool,
    /// API calls.
    pub calls: u64,
    /// Of those, the ones that are no reads and succeeded.
    pub carried_out: u64,
    /// Operations among those that are no reads, at most ten.
    pub operations: BTreeSet<String>,
    /// First call.
    pub first_seen: Time,
    /// Last call.
    pub last_seen: Time,
}

/// What a watched principal could do, tried and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// Policies that were in force in the period and read; none: what it could do is not known.
    pub policies: Vec<PolicyBasis>,
    /// What these policies say of it; absent without any.
    pub overall_status: Option<OverallStatus>,
    /// Hours of the period with evidence, in that account and region of those it was seen in which shows most; in its own
    /// account when it was not seen.
    pub observed_hours: u64,
    /// Rows by capability, in a fixed order.
    pub capabilities: Vec<MatrixRow>,
    /// Rows by service, in order of their names.
    pub services: Vec<MatrixRow>,
    /// What it could do and never did, by service, most of what is no read first.
    pub unused: Vec<Unused>,
    /// What it could only read, in services it never used.
    pub unused_reads: OnlyReads,
    /// Grants that overrides tolerate: override id and how many.
    pub tolerated: BTreeMap<String, u64>,
    /// What it did although no policy that was read grants it.
    pub ungranted: Vec<Ungranted>,
    /// Ways from what it could do to more.
    pub escalation_paths: Vec<EscalationPath>,
    /// Roles it acted through.
    pub through: Vec<Through>,
    /// What was not looked at.
    pub unseen: BTreeSet<Unseen>,
    /// Greatest risk of what it could do and nobody tolerates.
    pub risk_level: Option<RiskLevel>,
    /// How sure the gravest of it is.
    pub certainty: Option<Certainty>,
}

/// The matrix of every watched principal, by ARN.
pub(super) fn matrices(assessment: &Assessment<'_>) -> BTreeMap<Arc<str>, Matrix> {
    cases(assessment).into_iter().map(|(arn, case)| (arn, Matrix::of(assessment, &case))).collect()
}

impl Matrix {
    fn of(assessment: &Assessment<'_>, case: &Case<'_, '_>) -> Self {
        let (unused, unused_reads) = unused(case, assessment.coverage);
        let mut this = Self {
            observed_hours: observed_hours(assessment, case),
            capabilities: rows::capabilities(case),
            services: rows::services(case),
            unused,
            unused_reads,
            ungranted: ungranted(case),
            through: through::through(case),
            ..Self::default()
        };
        let Some(could) = case.could else { return this };
        this.policies.clone_from(&could.policies);
        this.overall_status = Some(could.overall_status);
        this.escalation_paths.clone_from(&could.escalation_paths);
        this.unseen.clone_from(&could.grants.unseen);
        for id in could.tolerated.values() {
            *this.tolerated.entry(id.clone()).or_default() += 1;
        }
        let left =
            || could.grants.held.iter().filter(|grant| !could.tolerated.contains_key(&grant.action.key));
        this.risk_level = left().map(|grant| grant.action.risk_level).max();
        let gravest = could.untolerated().filter(|grant| Some(grant.action.risk_level) == this.risk_level);
        this.certainty = gravest.map(|grant| grant.certainty).max();
        this
    }
}

/// Hours with evidence in that place of its own which shows most.
pub(crate) fn observed_hours(assessment: &Assessment<'_>, case: &Case<'_, '_>) -> u64 {
    let places = &assessment.coverage.places;
    let seen: BTreeSet<(&Arc<str>, &Arc<str>)> =
        case.own.iter().map(|judged| (&judged.line.actor.account, &judged.line.actor.region)).collect();
    let most = |belongs: &dyn Fn(&Place) -> bool| {
        places.iter().filter(|place| belongs(place)).map(|place| u64::from(place.observed_hours)).max()
    };
    if seen.is_empty() {
        let account = case.arn.split(':').nth(4).unwrap_or_default();
        return most(&|place| *place.account == *account).unwrap_or_default();
    }
    most(&|place| seen.contains(&(&place.account, &place.region))).unwrap_or_default()
}
