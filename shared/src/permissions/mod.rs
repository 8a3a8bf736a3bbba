//! Whether a principal's permissions are those of a read-only principal.
//!
//! Enters: [`Grants`], probes, a second opinion, and what is tolerated. Leaves: [`PermissionsAssessment`]. Laws: a principal that may
//! write is OVER_PRIVILEGED, whatever reads work; what cannot be decided is INDETERMINATE; throttling is no denial.

mod assess;
mod counts;
pub mod details;
pub mod escalation;
mod excessive;
mod permissions_report;
mod recommendations;
mod required_reads;
mod toleration;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::Config,
    grants::{PolicyProblem, StatementId, UnevaluatedPolicyType},
    operation::{Capabilities, RiskLevel},
    principal::PrincipalKind,
    time::Time,
};

pub use self::{
    assess::{AssessedPrincipal, PermissionsAssessor, assess, overall_status},
    counts::{by_capability, by_service},
    permissions_report::PermissionsReport,
    required_reads::{Probe, ProbeOutcome},
    toleration::tolerating_override,
};

/// What became of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckStatus {
    /// A read that is needed works.
    Passed,
    /// What is no read is not granted.
    Blocked,
    /// A read that is needed is refused.
    Failed,
    /// Nobody knows: throttled, no answer, an error that is no denial.
    Error,
    /// What is no read is granted.
    AllowedWrite,
    /// It depends on what policies alone do not tell.
    Indeterminate,
}

/// What the checks say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OverallStatus {
    /// All reads that are needed work, and nothing else is granted.
    Valid,
    /// Some reads that are needed do not work; nothing else is granted.
    Partial,
    /// No read that is needed works, or there is no such principal.
    Invalid,
    /// It cannot be told whether more than reads is granted, or whether the reads that are needed work.
    Indeterminate,
    /// More than reads is granted.
    OverPrivileged,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionCheck {
    /// Service, as in policies.
    pub service: String,
    /// Action, or a pattern over actions when many of a service are alike; `*` for a check about all of them.
    pub operation: String,
    /// What became of it.
    pub status: CheckStatus,
    /// Why, in a sentence.
    pub message: String,
    /// How many actions it stands for.
    pub actions: u64,
    /// Greatest risk of those.
    pub risk_level: Option<RiskLevel>,
    /// What those let their caller do.
    pub capabilities: Capabilities,
    /// Statements that decide, at most ten.
    pub statements: Vec<StatementId>,
    /// Resources covered, at most ten.
    pub resources: Vec<Arc<str>>,
}

/// Whose permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalIdentity {
    /// ARN, or the name policies without a principal were given.
    pub arn: Arc<str>,
    /// What kind of identity it is.
    pub kind: PrincipalKind,
    /// Account; empty when not known.
    pub account: Arc<str>,
    /// Pattern of the promise it falls under.
    pub watched_as: Option<String>,
}

impl PrincipalIdentity {
    /// The identity of an ARN, of this account; under a name that is no ARN nobody knows what it is.
    pub fn of(arn: &str, account: &str, config: &Config) -> Self {
        let resource = arn.splitn(6, ':').nth(5).filter(|_| arn.starts_with("arn:")).unwrap_or_default();
        let kind = match resource.split_once('/') {
            Some(("user", _)) => PrincipalKind::IamUser,
            Some(("role", path)) if path.starts_with("aws-service-role/") => PrincipalKind::AwsService,
            Some(("role", path)) => match path.rsplit('/').next() {
                Some(name) if name.starts_with("AWSReservedSSO_") => PrincipalKind::IdentityCenterUser,
                _ => PrincipalKind::Role,
            },
            None if resource == "root" => PrincipalKind::Root,
            _ => PrincipalKind::Unknown,
        };
        let watched_as = config.watch_for_arn(arn).map(|watch| watch.principal.clone());
        Self { arn: arn.into(), kind, account: account.into(), watched_as }
    }
}

/// Actions granted, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantCount {
    /// Actions that are surely granted.
    pub unconditional: u64,
    /// Actions that are granted on conditions.
    pub conditional: u64,
    /// Some of them, the gravest first, at most ten.
    pub examples: Vec<Arc<str>>,
}

/// A way from what is granted to more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct EscalationPath {
    /// Kebab-case and permanent: `pass-role-to-lambda`.
    pub id: String,
    /// The way, spelt out in a sentence.
    pub description: String,
    /// Actions it takes, in order.
    pub actions: Vec<Arc<str>>,
    /// Whether each of them is surely granted.
    pub is_unconditional: bool,
    /// Roles, policies or functions it leads through, as the statements write them, at most ten.
    pub resources: Vec<Arc<str>>,
}

/// What IAM's own simulator says besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationComparison {
    /// Actions it was asked about.
    pub compared: u64,
    /// Actions of which it says the same.
    pub agreed: u64,
    /// Actions of which it does not, each with both words, in order.
    pub conflicts: Vec<SimulationConflict>,
    /// Why it was not asked, or not about all.
    pub incomplete_reason: Option<String>,
}

/// Two words on one action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SimulationConflict {
    /// The action.
    pub action: Arc<str>,
    /// What the policies say, evaluated here: `granted`, `conditional` or `denied`.
    pub policies: String,
    /// What the simulator says, in its own words: `allowed`, `implicitDeny` or `explicitDeny`.
    pub simulator: String,
}

impl SimulationConflict {
    /// Whether the simulator allows what the policies do not surely grant.
    pub fn simulator_allows_more(&self) -> bool {
        self.simulator.eq_ignore_ascii_case("allowed") && self.policies != "granted"
    }
}

/// The permissions of one principal, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsAssessment {
    /// Whose.
    pub identity: PrincipalIdentity,
    /// When.
    pub timestamp: Time,
    /// The verdict.
    pub overall_status: OverallStatus,
    /// Its reason, in a sentence.
    pub reason: String,
    /// Checks: needed reads first, then what else is granted, gravest first.
    pub permission_checks: Vec<PermissionCheck>,
    /// Grants by capability: each under every capability it carries, `read` for reads that carry none, `privileged` for
    /// what is no read and carries none, `unknown` for what nothing is known of. Tolerated ones count too.
    pub capabilities: BTreeMap<String, GrantCount>,
    /// Grants that are no reads, by service.
    pub services: BTreeMap<String, GrantCount>,
    /// Ways to more.
    pub escalation_paths: Vec<EscalationPath>,
    /// Grants overrides tolerate: override id and how many.
    pub tolerated: BTreeMap<String, u64>,
    /// What is wrong with the policies.
    pub problems: Vec<PolicyProblem>,
    /// What was not looked at.
    pub unevaluated: BTreeSet<UnevaluatedPolicyType>,
    /// What the simulator says; absent where it was not there to be asked.
    pub simulation: Option<SimulationComparison>,
    /// What to do.
    pub recommendations: Vec<String>,
    /// SHA-256 of the policies.
    pub policies_sha256: String,
    /// Version of the catalog.
    pub catalog_version: String,
}
