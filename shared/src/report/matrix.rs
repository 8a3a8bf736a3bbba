//! What a watched principal could do, tried and did.
//!
//! Enters: an assessment. Leaves: a [`AccessMatrix`] for each watched principal. Laws: where no policies were read, what it could
//! do is not known, and never nothing; every call of the principal, and every call that began with it, is counted in the
//! row of each capability it carries and in that of its service.

mod class_access;
mod role_chains;
mod rows;
mod ungranted;
mod unused;
mod watched_principal;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    grants::{Certainty, DatedSnapshot, UnevaluatedPolicyType},
    operation::RiskLevel,
    permissions::{EscalationPath, GrantCount, OverallStatus},
    time::Time,
};

pub(crate) use self::{
    class_access::{
        principals_granted_in_class, principals_granted_outside_promise, principals_without_policies,
    },
    rows::sort_most_severe_first,
    ungranted::{calls_outside_permissions, ungranted_operations},
    unused::unused_services,
    watched_principal::{WatchedPrincipal, direct_watch, watched_principals},
};
use crate::{assessment::Assessment, coverage::AccountRegionCoverage};

/// Policies a principal was judged by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PolicySnapshotRef {
    /// SHA-256 of the snapshot.
    pub sha256: String,
    /// When it was first read; absent: given as in force from the beginning.
    pub since: Option<Time>,
    /// When another one was first read in its place; absent: in force still.
    pub until: Option<Time>,
}

impl From<&DatedSnapshot> for PolicySnapshotRef {
    fn from(held: &DatedSnapshot) -> Self {
        Self { sha256: held.snapshot.sha256(), since: held.since, until: held.until }
    }
}

/// What the rows of a matrix are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatrixRowKind {
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
    pub kind: Option<MatrixRowKind>,
    /// Actions it could use; absent where no policies were read.
    pub granted: Option<GrantCount>,
    /// Calls AWS refused.
    pub denied: u64,
    /// Calls that ended in another error.
    pub failed: u64,
    /// Calls that succeeded.
    pub used: u64,
    /// Of all these calls, those made through roles it assumed.
    pub through_roles: u64,
}

/// What could be used of a service and never was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct UnusedService {
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
pub struct UnusedReadServices {
    /// How many.
    pub services: u64,
    /// Actions granted in them.
    pub actions: u64,
    /// Of those, the ones whose events nobody is known to log.
    pub unlogged: u64,
}

/// A call that succeeded although none of the policies that were read grants it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct UngrantedOperation {
    /// `service:Operation`, as the catalog names it.
    pub operation: String,
    /// IAM actions it takes.
    pub actions: Vec<Arc<str>>,
    /// How often it succeeded.
    pub count: u64,
    /// What may have granted it: a policy of the resource, policies that were in force only for a part of the time.
    pub explanation: String,
}

/// A role through which a watched principal acted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RoleChainActivity {
    /// ARNs of what was assumed on the way, the last one's calls being counted.
    pub path: Vec<Arc<str>>,
    /// Whether nobody else can have made those calls.
    pub is_certain: bool,
    /// API calls.
    pub calls: u64,
    /// Of those, the ones that are no reads and succeeded.
    pub non_reads_succeeded: u64,
    /// Operations among those that are no reads, at most ten.
    pub operations: BTreeSet<String>,
    /// First call.
    pub first_seen: Time,
    /// Last call.
    pub last_seen: Time,
}

/// What a watched principal could do, tried and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessMatrix {
    /// Policies that were in force in the period and read; none: what it could do is not known.
    pub policies: Vec<PolicySnapshotRef>,
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
    pub unused_services: Vec<UnusedService>,
    /// What it could only read, in services it never used.
    pub unused_read_services: UnusedReadServices,
    /// Grants that overrides tolerate: override id and how many.
    pub tolerated: BTreeMap<String, u64>,
    /// What it did although no policy that was read grants it.
    pub ungranted_operations: Vec<UngrantedOperation>,
    /// Ways from what it could do to more.
    pub escalation_paths: Vec<EscalationPath>,
    /// Roles it acted through.
    pub role_chains: Vec<RoleChainActivity>,
    /// What was not looked at.
    pub unevaluated: BTreeSet<UnevaluatedPolicyType>,
    /// Greatest risk of what it could do and nobody tolerates.
    pub risk_level: Option<RiskLevel>,
    /// How sure the gravest of it is.
    pub certainty: Option<Certainty>,
}

/// The matrix of every watched principal, by ARN.
pub(super) fn matrices(assessment: &Assessment<'_>) -> BTreeMap<Arc<str>, AccessMatrix> {
    watched_principals(assessment)
        .into_iter()
        .map(|(arn, case)| (arn, AccessMatrix::of(assessment, &case)))
        .collect()
}

impl AccessMatrix {
    fn of(assessment: &Assessment<'_>, case: &WatchedPrincipal<'_, '_>) -> Self {
        let (unused, unused_reads) = unused_services(case, assessment.coverage);
        let mut this = Self {
            observed_hours: observed_hours(assessment, case),
            capabilities: rows::capability_rows(case),
            services: rows::service_rows(case),
            unused_services: unused,
            unused_read_services: unused_reads,
            ungranted_operations: ungranted_operations(case),
            role_chains: role_chains::role_chain_activity(case),
            ..Self::default()
        };
        let Some(could) = case.granted else { return this };
        this.policies.clone_from(&could.policies);
        this.overall_status = Some(could.overall_status);
        this.escalation_paths.clone_from(&could.escalation_paths);
        this.unevaluated.clone_from(&could.grants.unevaluated);
        for id in could.tolerated.values() {
            *this.tolerated.entry(id.clone()).or_default() += 1;
        }
        let left =
            || could.grants.entries.iter().filter(|grant| !could.tolerated.contains_key(&grant.action.key));
        this.risk_level = left().map(|grant| grant.action.risk_level).max();
        let gravest =
            could.untolerated_grants().filter(|grant| Some(grant.action.risk_level) == this.risk_level);
        this.certainty = gravest.map(|grant| grant.certainty).max();
        this
    }
}

/// Hours with evidence in that place of its own which shows most.
pub(crate) fn observed_hours(assessment: &Assessment<'_>, case: &WatchedPrincipal<'_, '_>) -> u64 {
    let places = &assessment.coverage.account_regions;
    let seen: BTreeSet<(&Arc<str>, &Arc<str>)> =
        case.direct.iter().map(|judged| (&judged.line.actor.account, &judged.line.actor.region)).collect();
    let most = |belongs: &dyn Fn(&AccountRegionCoverage) -> bool| {
        places.iter().filter(|place| belongs(place)).map(|place| u64::from(place.observed_hours)).max()
    };
    if seen.is_empty() {
        let account = case.arn.split(':').nth(4).unwrap_or_default();
        return most(&|place| *place.account == *account).unwrap_or_default();
    }
    most(&|place| seen.contains(&(&place.account, &place.region))).unwrap_or_default()
}
