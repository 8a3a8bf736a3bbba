//! Whether a principal's permissions are those of a read-only principal.
//!
//! Enters: [`Grants`](crate::grants::Grants), probes, a policy simulation, and the overrides. Leaves:
//! [`PermissionsAssessment`]. Laws: a principal that may write is OVER_PRIVILEGED, even if all its reads work; a
//! result that cannot be decided is INDETERMINATE; throttling is not a denial.

mod assess;
mod counts;
pub mod details;
pub mod diff;
pub mod escalation;
mod excessive;
mod granted_action;
mod over_privileged;
mod permissions_report;
pub mod policy_files;
pub mod principal_graph;
mod recommendations;
mod required_reads;
mod toleration;
mod unread_part;

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
    granted_action::{GRANTED_ACTION_SCHEMA_VERSION, GrantedAction, granted_actions},
    over_privileged::{OVER_PRIVILEGED_VERSION, OverPrivilegedPrincipal},
    permissions_report::{PERMISSIONS_SCHEMA_VERSION, PermissionsReport},
    recommendations::export_advice,
    required_reads::{Probe, ProbeOutcome},
    toleration::tolerating_override,
    unread_part::{NestedTemplate, UnreadDeclaration, UnreadPart},
};

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CheckStatus {
    /// A required read works.
    Passed,
    /// Actions that are not read-only are not granted.
    Blocked,
    /// A required read is denied.
    Failed,
    /// The result is unknown: the call was throttled, got no response, or failed with an error that is not a denial.
    Error,
    /// Actions that are not read-only are granted.
    AllowedWrite,
    /// The policies alone do not determine whether the action is granted.
    Indeterminate,
}

/// The result of all checks together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OverallStatus {
    /// All required reads work, and only reads are granted.
    Valid,
    /// Some required reads do not work; only reads are granted.
    Partial,
    /// No required read works, or the principal does not exist.
    Invalid,
    /// The policies do not determine whether only reads are granted, or whether the required reads work.
    Indeterminate,
    /// Actions that are not read-only are granted.
    OverPrivileged,
}

/// One check of a principal's permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionCheck {
    /// IAM prefix of the service, such as `s3`; `*` for a check of all actions.
    pub service: String,
    /// Action, or a pattern for a group of similar actions of a service; `*` for a check of all actions.
    pub operation: String,
    /// Result of the check.
    pub status: CheckStatus,
    /// The reason, in a sentence.
    pub message: String,
    /// Number of actions that the check covers.
    pub actions: u64,
    /// Highest risk level of the checked actions.
    pub risk_level: Option<RiskLevel>,
    /// Capabilities of the checked actions.
    pub capabilities: Capabilities,
    /// Statements that decide the result, at most ten.
    pub statements: Vec<StatementId>,
    /// Resources covered, at most ten.
    pub resources: Vec<Arc<str>>,
}

/// Identity of an assessed principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalIdentity {
    /// ARN, or the name given to policies without a principal.
    pub arn: Arc<str>,
    /// Kind of the principal.
    pub kind: PrincipalKind,
    /// Account; empty when not known.
    pub account: Arc<str>,
    /// Pattern of the promise that covers it.
    pub watched_as: Option<String>,
}

impl PrincipalIdentity {
    /// The identity of an ARN in this account; the kind is unknown for a name that is not an ARN.
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

/// A count of granted actions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantCount {
    /// Number of actions that are granted unconditionally.
    pub unconditional: u64,
    /// Number of actions that are granted on conditions.
    pub conditional: u64,
    /// Examples, the most severe first, at most ten.
    pub examples: Vec<Arc<str>>,
}

/// A privilege escalation path: a way from the granted permissions to more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct EscalationPath {
    /// Id of the escalation method, kebab-case and permanent, such as `pass-role-to-lambda`.
    pub id: String,
    /// The path, described in a sentence.
    pub description: String,
    /// Actions that the path needs, in the order of the method.
    pub actions: Vec<Arc<str>>,
    /// Whether each action of the path is granted unconditionally.
    pub is_unconditional: bool,
    /// Roles, policies or functions it uses, as the statements write them, at most ten.
    pub resources: Vec<Arc<str>>,
}

/// Comparison with the IAM policy simulator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationComparison {
    /// Number of actions that were simulated.
    pub compared: u64,
    /// Number of actions with the same result in both evaluations.
    pub agreed: u64,
    /// Actions with different results in the two evaluations, each with both results, sorted by action.
    pub conflicts: Vec<SimulationConflict>,
    /// Why the simulation was left out or is incomplete.
    pub incomplete_reason: Option<String>,
}

/// An action for which IAM's policy simulator and Onlooker's evaluation have different results.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SimulationConflict {
    /// The IAM action, as `service:Name`.
    pub action: Arc<str>,
    /// The result of Onlooker's policy evaluation: `granted`, `conditional` or `denied`.
    pub policies: String,
    /// The result of the simulator: `allowed`, `implicitDeny` or `explicitDeny`.
    pub simulator: String,
}

impl SimulationConflict {
    /// Whether the simulator allows an action that the policies do not grant unconditionally.
    pub fn simulator_allows_more(&self) -> bool {
        self.simulator.eq_ignore_ascii_case("allowed") && self.policies != "granted"
    }
}

/// The assessed permissions of one principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionsAssessment {
    /// Identity of the assessed principal.
    pub identity: PrincipalIdentity,
    /// Time of the assessment.
    pub timestamp: Time,
    /// The overall status of the principal's permissions.
    pub overall_status: OverallStatus,
    /// Reason for the status, in a sentence.
    pub reason: String,
    /// Checks: required reads first, then the other grants, the most severe first.
    pub permission_checks: Vec<PermissionCheck>,
    /// Grants by capability. A grant counts under each of its capabilities; without one, it counts as `read` if it is
    /// read-only, as `privileged` if it is not, and as `unknown` if its action is unknown. Tolerated grants count
    /// too.
    pub capabilities: BTreeMap<String, GrantCount>,
    /// Grants that are not read-only, by service.
    pub services: BTreeMap<String, GrantCount>,
    /// Ways in which the principal could escalate privileges.
    pub escalation_paths: Vec<EscalationPath>,
    /// Number of tolerated grants, by override id.
    pub tolerated: BTreeMap<String, u64>,
    /// Granted actions that are not read-only and give no more than reads, with the reason: calls that need no
    /// permission, sessions that only read. They do not count as excessive.
    pub exceptions: BTreeMap<Arc<str>, String>,
    /// Problems in the policies.
    pub problems: Vec<PolicyProblem>,
    /// Types of policies that were not evaluated.
    pub unevaluated: BTreeSet<UnevaluatedPolicyType>,
    /// Comparison with the IAM policy simulator; absent if it was not available.
    pub simulation: Option<SimulationComparison>,
    /// Recommendations, the most urgent first.
    pub recommendations: Vec<String>,
    /// SHA-256 of the policies, in hex.
    pub policies_sha256: String,
    /// Version of the catalog.
    pub catalog_version: String,
}
