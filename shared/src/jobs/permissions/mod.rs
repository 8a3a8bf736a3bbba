//! What principals may do, as AWS says today.
//!
//! Enters: who is asked about, the policies of accounts, probes and IAM's simulator. Leaves: [`PermissionsAssessment`] of each
//! principal, and snapshots of their policies that are kept. Laws: of a principal whose policies could not be read nothing
//! is claimed, and the run fails once the others are done; what changes in a principal's policies is a new snapshot, and
//! the one before it stays; killed at any point and tried again, a run leaves what it would have left.

mod evaluation_run;
mod evaluator;
mod outcome;
mod policy_history;
mod policy_reader;
mod retry;
mod simulation;
mod targets;

pub use self::{
    evaluation_run::{
        EvaluatedPrincipal, FailedPrincipal, LatestPermissions, PermissionsOutcome, PermissionsStore,
        evaluate_and_store, latest_permissions,
    },
    evaluator::{PermissionsEvaluation, evaluate},
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

/// Who is asked.
#[derive(Clone, Copy)]
pub struct IamPorts<'a> {
    /// Policies, and the simulator.
    pub iam: &'a dyn IamApi,
    /// Policies of the organization.
    pub organizations: &'a dyn OrganizationsApi,
    /// Reads that are tried out.
    pub prober: &'a dyn Prober,
    /// Time.
    pub clock: &'a dyn Clock,
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct PermissionsRequest<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// Who we are.
    pub caller: &'a CallerIdentity,
    /// ARNs or patterns of users, roles and roots; empty for everybody who is watched.
    pub principals: &'a [String],
}
