//! What a watched principal could do, tried and did.
//!
//! Enters: an assessment. Leaves: an [`AccessMatrix`] for each watched principal. Laws: where no policies were read,
//! the grants are unknown, never zero; every call of the principal, and every call attributed to it, is counted in
//! the row of each of its capabilities and in the row of its service.

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

pub(crate) use self::{
    class_access::{
        principals_granted_in_class, principals_granted_outside_promise, principals_without_policies,
    },
    rows::sort_most_severe_first,
    ungranted::{calls_outside_permissions, ungranted_operations},
    unused::unused_services,
    watched_principal::{WatchedPrincipal, direct_watch, watched_principals},
};
use crate::{
    assessment::Assessment,
    coverage::AccountRegionCoverage,
    grants::{Certainty, PolicySnapshotRef, UnevaluatedPolicyType},
    operation::RiskLevel,
    permissions::{EscalationPath, GrantCount, OverallStatus},
    time::Time,
};

/// What a row of a matrix counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatrixRowKind {
    /// Reads without a capability.
    Read,
    /// Operations with a capability.
    Capability,
    /// Operations that the catalog does not list.
    Unknown,
}

/// One row of an access matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixRow {
    /// Capability (`read` for reads without one, `unknown` for unknown operations), or service.
    pub name: String,
    /// What the row counts; absent in the rows of services.
    pub kind: Option<MatrixRowKind>,
    /// Actions that are granted; absent where no policies were read.
    pub granted: Option<GrantCount>,
    /// Number of calls that AWS denied.
    pub denied: u64,
    /// Number of calls that ended in another error.
    pub failed: u64,
    /// Number of calls that succeeded.
    pub used: u64,
    /// Number of the denied, failed and used calls that were made through roles the principal assumed.
    pub through_roles: u64,
}

/// Actions of a service that were granted and not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct UnusedService {
    /// Service, as its prefix in policies.
    pub service: String,
    /// Number of the service's granted actions that were not used.
    pub actions: u64,
    /// Number of unused actions that are not read-only and not tolerated by an override.
    pub excessive: u64,
    /// How many of these actions are not known to be logged: no event of them proves nothing.
    pub unlogged: u64,
    /// Examples of the unused actions, most severe first, at most ten.
    pub examples: Vec<Arc<str>>,
}

/// Services with grants of reads only, and without any call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnusedReadServices {
    /// Number of services with grants of reads only and without any call.
    pub services: u64,
    /// Number of actions granted in these services.
    pub actions: u64,
    /// How many of these actions are not known to be logged.
    pub unlogged: u64,
}

/// A call that succeeded although none of the policies that were read grants it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct UngrantedOperation {
    /// `service:Operation`, as the catalog names it.
    pub operation: String,
    /// IAM actions that the operation requires.
    pub actions: Vec<Arc<str>>,
    /// Number of calls of the operation that succeeded.
    pub count: u64,
    /// What may have granted the call, such as a resource-based policy, or policies in force only for a part of the
    /// period.
    pub explanation: String,
}

/// The calls of a watched principal through one role chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RoleChainActivity {
    /// ARNs of the assumed roles in order; the calls are those of the last one.
    pub path: Vec<Arc<str>>,
    /// Whether no other principal can have made the calls of the role chain.
    pub is_certain: bool,
    /// Number of API calls made through the roles.
    pub calls: u64,
    /// Number of the role chain's calls that are not read-only and succeeded.
    pub non_reads_succeeded: u64,
    /// Calls among these that an override allows.
    #[serde(default)]
    pub allowed_non_reads: u64,
    /// Operations among them that are not read-only, at most ten.
    pub operations: BTreeSet<String>,
    /// Time of the first call through the roles.
    pub first_seen: Time,
    /// Time of the last call through the roles.
    pub last_seen: Time,
}

/// What a watched principal could do, tried and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessMatrix {
    /// Policies that were in force in the period and read; with none the grants are unknown.
    pub policies: Vec<PolicySnapshotRef>,
    /// Permissions status by these policies; absent without any.
    pub overall_status: Option<OverallStatus>,
    /// Hours of the period with evidence, in the account and region with the most among those it was seen in; in its
    /// own account when it was not seen.
    pub observed_hours: u64,
    /// Rows by capability, in a fixed order.
    pub capabilities: Vec<MatrixRow>,
    /// Rows by service, in order of their names.
    pub services: Vec<MatrixRow>,
    /// Actions granted and not used, by service, most actions that are not read-only first.
    pub unused_services: Vec<UnusedService>,
    /// Grants of reads only, in services it did not use.
    pub unused_read_services: UnusedReadServices,
    /// Grants that overrides tolerate: override id and how many.
    pub tolerated: BTreeMap<String, u64>,
    /// Operations that succeeded although no policy that was read grants them.
    pub ungranted_operations: Vec<UngrantedOperation>,
    /// Ways in which the principal could escalate privileges.
    pub escalation_paths: Vec<EscalationPath>,
    /// Role chains it acted through.
    pub role_chains: Vec<RoleChainActivity>,
    /// Policy types that were not evaluated.
    pub unevaluated: BTreeSet<UnevaluatedPolicyType>,
    /// Highest risk of an action that is granted and not tolerated.
    pub risk_level: Option<RiskLevel>,
    /// Certainty of the grants with this risk.
    pub certainty: Option<Certainty>,
}

impl AccessMatrix {
    pub(crate) fn of(assessment: &Assessment<'_>, case: &WatchedPrincipal<'_, '_>) -> Self {
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
        let Some(granted) = case.granted else { return this };
        this.policies.clone_from(&granted.policies);
        this.overall_status = Some(granted.overall_status);
        this.escalation_paths.clone_from(&granted.escalation_paths);
        this.unevaluated.clone_from(&granted.grants.unevaluated);
        for id in granted.tolerated.values() {
            *this.tolerated.entry(id.clone()).or_default() += 1;
        }
        let left = || {
            granted.grants.entries.iter().filter(|grant| !granted.tolerated.contains_key(&grant.action.key))
        };
        this.risk_level = left().map(|grant| grant.action.risk_level).max();
        let most_severe =
            granted.untolerated_grants().filter(|grant| Some(grant.action.risk_level) == this.risk_level);
        this.certainty = most_severe.map(|grant| grant.certainty).max();
        this
    }
}

/// Hours with evidence in the account and region with the most among those of the principal.
pub(crate) fn observed_hours(assessment: &Assessment<'_>, case: &WatchedPrincipal<'_, '_>) -> u64 {
    let coverage = assessment.coverage;
    let seen: BTreeSet<(&Arc<str>, &Arc<str>)> =
        case.direct.iter().map(|call| (&call.line.actor.account, &call.line.actor.region)).collect();
    let hours = |place: &AccountRegionCoverage| u64::from(place.observed_hours);
    if seen.is_empty() {
        let account = case.arn.split(':').nth(4).unwrap_or_default();
        return coverage.places_of(account).iter().map(hours).max().unwrap_or_default();
    }
    let of_region = |(account, region): &(&Arc<str>, &Arc<str>)| {
        let places = coverage.places_of(account);
        let at = places.binary_search_by(|place| place.region.cmp(region)).ok()?;
        places.get(at).map(hours)
    };
    seen.iter().filter_map(of_region).max().unwrap_or_default()
}
