//! Grants and probes to a verdict on a principal.
//!
//! Enters: a [`Subject`], probes, a second opinion, the configuration. Leaves: [`PermissionsAssessment`]. Laws: everything derives
//! from the arguments; one more excessive grant never makes it better; a read that works never hides a write; what nobody
//! knows is INDETERMINATE, never VALID.

use std::collections::{BTreeMap, BTreeSet};

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

/// Who is judged, by what.
#[derive(Clone, Debug)]
pub struct AssessedPrincipal<'a> {
    /// Whose permissions.
    pub identity: PrincipalIdentity,
    /// What the policies allow.
    pub grants: &'a Grants,
    /// SHA-256 of the policies.
    pub policies_sha256: String,
}

/// Judges principals by one configuration and one catalog.
#[derive(Clone, Debug)]
pub struct PermissionsAssessor<'a> {
    config: &'a Config,
    catalog: &'a Catalog,
    action_counts: CatalogActionCounts,
}

/// Judges one principal; for many, make a [`PermissionsAssessor`] once.
pub fn assess(
    subject: &AssessedPrincipal<'_>,
    config: &Config,
    catalog: &Catalog,
    at: Time,
    probes: &[Probe],
    opinion: Option<SimulationComparison>,
) -> PermissionsAssessment {
    PermissionsAssessor::new(config, catalog).assess(subject, at, probes, opinion)
}

/// The verdict alone, without probes and a second opinion; `excessive` of the grants are no reads and not tolerated.
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
        ..AssessmentCounts::of(excessive)
    }
    .status()
}

impl<'a> PermissionsAssessor<'a> {
    /// Counts the actions of the catalog once.
    pub fn new(config: &'a Config, catalog: &'a Catalog) -> Self {
        Self { config, catalog, action_counts: CatalogActionCounts::of(catalog) }
    }

    /// Judges a principal at a time, by its grants, probes of the reads it needs, and what IAM's simulator says.
    pub fn assess(
        &self,
        subject: &AssessedPrincipal<'_>,
        at: Time,
        probes: &[Probe],
        opinion: Option<SimulationComparison>,
    ) -> PermissionsAssessment {
        let AssessedPrincipal { identity, grants, policies_sha256 } = subject;
        let mut tally = BTreeMap::new();
        let (mut held, mut excessive, mut allowed) = (Vec::new(), Vec::new(), Vec::new());
        for grant in &grants.entries {
            let is_read = grant.action.is_read_only();
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
        // Nobody needs Onlooker's own roles to read anything but what they are for.
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
        let dissent = opinion.as_ref().map_or(0, |opinion| self.simulator_conflicts(opinion, identity, at));
        let sum = AssessmentCounts {
            required_reads: needed,
            malformed_policies: malformed,
            conflicts: dissent,
            ..AssessmentCounts::of(&excessive)
        };
        let mut permissions = PermissionsAssessment {
            identity: identity.clone(),
            timestamp: at,
            overall_status: sum.status(),
            reason: sum.reason(),
            permission_checks: checks,
            capabilities: counts::by_capability(grants),
            services: counts::by_service(grants),
            escalation_paths: escalation::paths(grants),
            tolerated: tally,
            problems: grants.problems.clone(),
            unevaluated: grants.unevaluated.clone(),
            simulation: opinion,
            recommendations: Vec::new(),
            policies_sha256: policies_sha256.clone(),
            catalog_version: self.catalog.version().to_owned(),
        };
        permissions.recommendations = recommendations::recommend(&permissions, &excessive);
        permissions
    }

    /// How many actions that are no reads, and that nothing tolerates, the simulator allows though the policies do not.
    fn simulator_conflicts(
        &self,
        opinion: &SimulationComparison,
        identity: &PrincipalIdentity,
        at: Time,
    ) -> u64 {
        let says_more = opinion.conflicts.iter().filter(|dissent| {
            let (service, name) = dissent.action.split_once(':').unwrap_or(("", &dissent.action));
            let is_read = (self.catalog.lookup(service, name))
                .is_some_and(|entry| entry.facts.operation_type == OperationType::ReadOnly);
            let is_tolerated = || {
                let about = |entry: &&crate::config::Override| {
                    entry.resource.is_none() && entry.covers_operations(&identity.arn, service, name, at)
                };
                self.config.overrides.iter().any(|entry| about(&entry))
            };
            dissent.simulator_allows_more() && !is_read && !is_tolerated()
        });
        says_more.count() as u64
    }
}

/// How many policies there are of which nobody can say what they grant.
fn malformed_policies(grants: &Grants) -> usize {
    let policies: BTreeSet<&str> = (grants.problems.iter())
        .filter(|problem| problem.kind == PolicyProblemKind::Malformed)
        .map(|problem| &*problem.policy)
        .collect();
    policies.len()
}

/// What became of the reads that are needed.
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

/// What the verdict is made of.
#[derive(Clone, Debug, Default)]
struct AssessmentCounts {
    /// Grants that are no reads and surely there.
    unconditional: usize,
    /// Services they are of.
    services: usize,
    /// Grants that are no reads and may be there.
    conditional: usize,
    malformed_policies: usize,
    conflicts: u64,
    required_reads: RequiredReads,
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
        let RequiredReads { working: work, failing: refused, unknown: open } = self.required_reads;
        match (self.unconditional, self.conditional, self.malformed_policies, self.conflicts) {
            (1.., ..) => OverallStatus::OverPrivileged,
            (0, 0, 0, 0) if refused > 0 && work + open > 0 => OverallStatus::Partial,
            (0, 0, 0, 0) if refused > 0 => OverallStatus::Invalid,
            (0, 0, 0, 0) if open == 0 => OverallStatus::Valid,
            _ => OverallStatus::Indeterminate,
        }
    }

    fn reason(&self) -> String {
        let RequiredReads { working: work, failing: refused, unknown: open } = self.required_reads;
        let all = work + refused + open;
        let count = |n: usize, one: &str, many: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        };
        match self.status() {
            OverallStatus::OverPrivileged => format!(
                "{} granted, in {}",
                count(self.unconditional, "action that is no read is", "actions that are no reads are"),
                count(self.services, "service", "services"),
            ),
            OverallStatus::Indeterminate => self.uncertainties(open),
            OverallStatus::Invalid => {
                format!("nothing but reads is granted, yet none of {all} needed reads works")
            }
            OverallStatus::Partial => {
                format!("nothing but reads is granted, yet {refused} of {all} needed reads do not work")
            }
            OverallStatus::Valid if all == 0 => "nothing but reads is granted; no read is needed".to_owned(),
            OverallStatus::Valid => format!("nothing but reads is granted, and all {all} needed reads work"),
        }
    }

    fn uncertainties(&self, open: usize) -> String {
        let count = |n: u64, one: &str, many: &str| {
            (n > 0).then(|| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") })
        };
        let doubts = [
            count(self.malformed_policies as u64, "policy cannot be read", "policies cannot be read"),
            count(
                self.conditional as u64,
                "action that is no read is granted on a condition or by an unknown name",
                "actions that are no reads are granted on conditions or by unknown names",
            ),
            count(
                self.conflicts,
                "more action is allowed by the simulator",
                "more actions are allowed by the simulator",
            ),
            count(open as u64, "needed read could not be judged", "needed reads could not be judged"),
        ];
        let doubts: Vec<String> = doubts.into_iter().flatten().collect();
        format!("it cannot be told whether nothing but reads is granted and all works: {}", doubts.join("; "))
    }
}

#[cfg(test)]
mod tests;
