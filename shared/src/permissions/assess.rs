//! From grants and probes to the status of a principal.
//!
//! Enters: an [`AssessedPrincipal`], probes, a policy simulation, the configuration. Leaves:
//! [`PermissionsAssessment`]. Laws: the result depends on the arguments only; an added excessive grant never improves
//! the status; a working read never hides a write; an unknown result is INDETERMINATE, never VALID.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    CheckStatus, OverallStatus, PermissionCheck, PermissionsAssessment, PrincipalIdentity, Probe,
    SimulationComparison, counts, escalation,
    excessive::{self, CatalogActionCounts},
    recommendations, required_reads,
    toleration::tolerating_override,
};
use crate::{
    catalog::Catalog,
    config::{Config, Watch},
    grants::{Grant, Grants, PolicyProblemKind},
    operation::OperationType,
    time::Time,
};

/// A principal to assess.
#[derive(Clone, Debug)]
pub struct AssessedPrincipal<'a> {
    /// Identity of the assessed principal.
    pub identity: PrincipalIdentity,
    /// What the policies allow.
    pub grants: &'a Grants,
    /// SHA-256 of the policies, in hex.
    pub policies_sha256: String,
}

/// Assesses principals with one configuration and one catalog.
#[derive(Clone, Debug)]
pub struct PermissionsAssessor<'a> {
    config: &'a Config,
    catalog: &'a Catalog,
    action_counts: CatalogActionCounts,
}

/// Assesses one principal. For several, create a [`PermissionsAssessor`] once.
pub fn assess(
    subject: &AssessedPrincipal<'_>,
    config: &Config,
    catalog: &Catalog,
    at: Time,
    probes: &[Probe],
    simulation: Option<SimulationComparison>,
) -> PermissionsAssessment {
    PermissionsAssessor::new(config, catalog).assess(subject, at, probes, simulation)
}

/// The status alone, without probes and simulation. `excessive` are the grants that are not read-only and not
/// tolerated.
pub fn overall_status(
    grants: &Grants,
    excessive: &[&Grant],
    config: &Config,
    catalog: &Catalog,
) -> OverallStatus {
    let reads: BTreeSet<&String> = config.permissions.reads.iter().collect();
    let checks: Vec<PermissionCheck> =
        reads.into_iter().map(|read| required_reads::check_read(read, grants, catalog, &[])).collect();
    AssessmentCounts {
        required_reads: RequiredReads::of(&checks),
        malformed_policies: malformed_policies(grants),
        grants_nothing: grants_nothing(grants),
        ineffective: ineffective_statements(grants),
        ..AssessmentCounts::of(excessive)
    }
    .status()
}

impl<'a> PermissionsAssessor<'a> {
    /// Creates an assessor, which counts the actions of the catalog once for all assessments.
    pub fn new(config: &'a Config, catalog: &'a Catalog) -> Self {
        Self { config, catalog, action_counts: CatalogActionCounts::of(catalog) }
    }

    /// Assesses a principal at a time by its grants, probes of its required reads, and the IAM policy simulator.
    pub fn assess(
        &self,
        subject: &AssessedPrincipal<'_>,
        at: Time,
        probes: &[Probe],
        simulation: Option<SimulationComparison>,
    ) -> PermissionsAssessment {
        let AssessedPrincipal { identity, grants, policies_sha256 } = subject;
        let mut tally = BTreeMap::new();
        let (mut held, mut excessive, mut allowed) = (Vec::new(), Vec::new(), Vec::new());
        for grant in &grants.entries {
            let is_read = grant.gives_only_reads();
            let entry =
                if is_read { None } else { tolerating_override(self.config, &identity.arn, grant, at) };
            match entry {
                Some(entry) => {
                    *tally.entry(entry.id.clone()).or_default() += 1;
                    allowed.push(grant);
                }
                None => held.push(grant),
            }
            if !is_read && entry.is_none() {
                excessive.push(grant);
            }
        }
        // Onlooker's own roles do not need the reads of `permissions.reads`.
        let is_own = self.config.watch_for_arn(&identity.arn).is_some_and(Watch::is_own_role);
        let reads: BTreeSet<&String> = self.config.permissions.reads.iter().filter(|_| !is_own).collect();
        let mut checks: Vec<PermissionCheck> = reads
            .into_iter()
            .map(|read| required_reads::check_read(read, grants, self.catalog, probes))
            .collect();
        let needed = RequiredReads::of(&checks);
        checks.extend(excessive::checks(excessive.iter().copied()));
        let malformed = malformed_policies(grants);
        match malformed {
            0 => checks.extend(self.action_counts.blocked_checks(&held, &allowed)),
            n => checks.push(excessive::unreadable_check(n)),
        }
        let conflicts =
            simulation.as_ref().map_or(0, |simulation| self.simulator_conflicts(simulation, identity, at));
        let sum = AssessmentCounts {
            required_reads: needed,
            malformed_policies: malformed,
            conflicts,
            grants_nothing: grants_nothing(grants),
            ineffective: ineffective_statements(grants),
            tolerated: allowed.len(),
            ..AssessmentCounts::of(&excessive)
        };
        // As in a report, what overrides tolerate opens no path.
        let tolerated: BTreeSet<&str> = allowed.iter().map(|grant| &*grant.action.key).collect();
        let mut left = Grants::clone(grants);
        left.entries.retain(|grant| !tolerated.contains(&*grant.action.key));
        let mut permissions = PermissionsAssessment {
            identity: identity.clone(),
            timestamp: at,
            overall_status: sum.status(),
            reason: sum.reason(),
            permission_checks: checks,
            capabilities: counts::by_capability(grants),
            services: counts::by_service(grants),
            escalation_paths: escalation::paths(&left),
            tolerated: tally,
            exceptions: exceptions(grants),
            problems: grants.problems.clone(),
            unevaluated: grants.unevaluated.clone(),
            simulation,
            recommendations: Vec::new(),
            policies_sha256: policies_sha256.clone(),
            catalog_version: self.catalog.version().to_owned(),
        };
        permissions.recommendations = recommendations::recommend(&permissions, &excessive);
        permissions
    }

    /// Number of actions that the simulator allows and the policies do not, without read-only and tolerated ones.
    fn simulator_conflicts(
        &self,
        simulation: &SimulationComparison,
        identity: &PrincipalIdentity,
        at: Time,
    ) -> u64 {
        let says_more = simulation.conflicts.iter().filter(|conflict| {
            let (service, name) = conflict.action.split_once(':').unwrap_or(("", &conflict.action));
            let is_read = (self.catalog.lookup(service, name))
                .is_some_and(|entry| entry.facts.operation_type == OperationType::ReadOnly);
            let is_tolerated = || {
                let about = |entry: &&crate::config::Override| {
                    entry.resource.is_none() && entry.covers_operations(&identity.arn, service, name, at)
                };
                self.config.overrides.iter().any(|entry| about(&entry))
            };
            conflict.simulator_allows_more() && !is_read && !is_tolerated()
        });
        says_more.count() as u64
    }
}

/// Granted actions that are not read-only and give no more than reads, with the reason.
fn exceptions(grants: &Grants) -> BTreeMap<Arc<str>, String> {
    let all = grants.entries.iter();
    all.filter_map(|grant| Some((Arc::clone(&grant.action.key), grant.exception()?.describe().to_owned())))
        .collect()
}

/// Number of statements that allow, and that none of their actions can be about the resources of.
fn ineffective_statements(grants: &Grants) -> usize {
    grants.problems.iter().filter(|problem| problem.kind == PolicyProblemKind::Ineffective).count()
}

/// Whether no action is granted, because of statements that allow nothing.
fn grants_nothing(grants: &Grants) -> bool {
    grants.entries.is_empty() && ineffective_statements(grants) > 0
}

/// Number of malformed policies: what they grant cannot be determined.
fn malformed_policies(grants: &Grants) -> usize {
    let policies: BTreeSet<&str> = (grants.problems.iter())
        .filter(|problem| problem.kind == PolicyProblemKind::Malformed)
        .map(|problem| &*problem.policy)
        .collect();
    policies.len()
}

/// Results of the required reads.
#[derive(Clone, Copy, Debug, Default)]
struct RequiredReads {
    working: usize,
    failing: usize,
    unknown: usize,
}

impl RequiredReads {
    fn of(checks: &[PermissionCheck]) -> Self {
        checks.iter().fold(Self::default(), |mut needed, check| {
            match check.status {
                CheckStatus::Passed => needed.working += 1,
                CheckStatus::Failed => needed.failing += 1,
                _ => needed.unknown += 1,
            }
            needed
        })
    }
}

/// The counts that decide the status.
#[derive(Clone, Debug, Default)]
struct AssessmentCounts {
    /// Unconditional grants that are not read-only.
    unconditional: usize,
    /// Number of services with an unconditional grant that is not read-only.
    services: usize,
    /// Conditional grants that are not read-only.
    conditional: usize,
    malformed_policies: usize,
    conflicts: u64,
    required_reads: RequiredReads,
    /// Whether policies allow, and grant nothing.
    grants_nothing: bool,
    /// Number of statements that allow and grant nothing.
    ineffective: usize,
    /// Number of grants that are not read-only and that overrides tolerate.
    tolerated: usize,
}

impl AssessmentCounts {
    fn of(excessive: &[&Grant]) -> Self {
        let sure: Vec<_> = excessive.iter().filter(|grant| excessive::is_unconditional(grant)).collect();
        let services: BTreeSet<&str> = sure.iter().map(|grant| grant.action.service()).collect();
        Self {
            unconditional: sure.len(),
            services: services.len(),
            conditional: excessive.len() - sure.len(),
            ..Self::default()
        }
    }

    const fn status(&self) -> OverallStatus {
        let RequiredReads { working, failing, unknown } = self.required_reads;
        match (self.unconditional, self.conditional, self.malformed_policies, self.conflicts) {
            (1.., ..) => OverallStatus::OverPrivileged,
            (0, 0, 0, 0) if self.grants_nothing => OverallStatus::Invalid,
            (0, 0, 0, 0) if failing > 0 && working + unknown > 0 => OverallStatus::Partial,
            (0, 0, 0, 0) if failing > 0 => OverallStatus::Invalid,
            (0, 0, 0, 0) if unknown == 0 && self.ineffective > 0 => OverallStatus::Partial,
            (0, 0, 0, 0) if unknown == 0 => OverallStatus::Valid,
            _ => OverallStatus::Indeterminate,
        }
    }

    fn reason(&self) -> String {
        let RequiredReads { working, failing, unknown } = self.required_reads;
        let all = working + failing + unknown;
        let count = |n: usize, one: &str, many: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        };
        let granted = match self.tolerated {
            0 => "only reads are granted".to_owned(),
            n => {
                let tolerated =
                    count(n, "action that an override tolerates", "actions that overrides tolerate");
                format!("only reads and {tolerated} are granted")
            }
        };
        match self.status() {
            OverallStatus::OverPrivileged => format!(
                "{} granted, in {}",
                count(
                    self.unconditional,
                    "action that is not read-only is",
                    "actions that are not read-only are"
                ),
                count(self.services, "service", "services"),
            ),
            OverallStatus::Indeterminate => self.uncertainties(unknown),
            OverallStatus::Invalid if self.grants_nothing => {
                "nothing is granted: the actions of a statement that allows are never about its resources"
                    .to_owned()
            }
            OverallStatus::Invalid if all == 1 => {
                format!("{granted}, but the required read does not work")
            }
            OverallStatus::Invalid => {
                format!("{granted}, but none of {all} required reads works")
            }
            OverallStatus::Partial if failing == 0 => format!(
                "{granted}, but {}",
                count(
                    self.ineffective,
                    "statement allows nothing: its actions are never about its resources",
                    "statements allow nothing: their actions are never about their resources"
                )
            ),
            OverallStatus::Partial => {
                let do_not = if failing == 1 { "does not" } else { "do not" };
                format!("{granted}, but {failing} of {all} required reads {do_not} work")
            }
            OverallStatus::Valid if all == 0 => format!("{granted}; no reads are required"),
            OverallStatus::Valid if all == 1 => format!("{granted}, and the required read works"),
            OverallStatus::Valid => format!("{granted}, and all {all} required reads work"),
        }
    }

    fn uncertainties(&self, unknown_reads: usize) -> String {
        let count = |n: u64, one: &str, many: &str| {
            (n > 0).then(|| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") })
        };
        let doubts = [
            count(self.malformed_policies as u64, "policy cannot be read", "policies cannot be read"),
            count(
                self.conditional as u64,
                "action that is not read-only is granted on a condition or by an unknown name",
                "actions that are not read-only are granted on conditions or by unknown names",
            ),
            count(
                self.conflicts,
                "action is allowed by the IAM policy simulator and not granted by the policies",
                "actions are allowed by the IAM policy simulator and not granted by the policies",
            ),
            count(
                unknown_reads as u64,
                "required read could not be checked",
                "required reads could not be checked",
            ),
        ];
        let doubts: Vec<String> = doubts.into_iter().flatten().collect();
        format!(
            "it cannot be determined whether only reads are granted and all required reads work: {}",
            doubts.join("; ")
        )
    }
}

#[cfg(test)]
mod tests;
