//! The permissions of principals according to their current policies.
//!
//! Enters: the requested principals, the policies of accounts, probes and the IAM policy simulator. Leaves: a
//! [`PermissionsAssessment`] of each principal, and stored snapshots of its policies. Laws: if the policies of a
//! principal could not be read, it gets no status, and the run fails after the others are done; changed policies give
//! a new snapshot, and earlier snapshots stay; a run that is killed at any point and retried leaves the same items
//! and objects.
//!
//! [`PermissionsAssessment`]: crate::permissions::PermissionsAssessment

mod evaluation_run;
mod evaluator;
mod outcome;
mod policy_history;
mod policy_reader;
mod simulation;
mod targets;

pub use self::{
    evaluation_run::{
        EvaluatedPrincipal, FailedPrincipal, LatestPermissions, PermissionsOutcome, PermissionsStore,
        evaluate_and_store, latest_permissions,
    },
    evaluator::{PermissionsEvaluation, evaluate},
    outcome::{PermissionsAnswer, PermissionsRunReport, PrincipalStatus, PrincipalWithoutStatus},
    policy_history::{PoliciesError, PolicyRecord, policies_in_force},
    policy_reader::{
        MissingPrincipal, PolicyReadResult, PrincipalFailure, UnsupportedPrincipal, read_policies,
    },
    simulation::representative_actions,
};
use crate::{
    catalog::Catalog,
    config::Config,
    ports::{Clock, IamApi, OrganizationsApi, Prober},
    report::CallerIdentity,
};

/// The ports of the job.
#[derive(Clone, Copy)]
pub struct IamPorts<'a> {
    /// IAM policies and the policy simulator.
    pub iam: &'a dyn IamApi,
    /// Policies of AWS Organizations.
    pub organizations: &'a dyn OrganizationsApi,
    /// Probes of required reads.
    pub prober: &'a dyn Prober,
    /// Clock that gives the current time.
    pub clock: &'a dyn Clock,
}

/// Which principals' permissions to evaluate, and by what.
#[derive(Clone, Copy)]
pub struct PermissionsRequest<'a> {
    /// Configuration of the evaluation.
    pub config: &'a Config,
    /// Catalog of AWS operations and their classification.
    pub catalog: &'a Catalog,
    /// Identity whose credentials Onlooker uses.
    pub caller: &'a CallerIdentity,
    /// ARNs or patterns of users, roles and root users; empty for all watched principals.
    pub principals: &'a [String],
}
