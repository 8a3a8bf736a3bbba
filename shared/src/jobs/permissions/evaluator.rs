//! From policies to an assessment.
//!
//! Enters: a snapshot. Leaves: [`PermissionsAssessment`]. Laws: a probe is made with Onlooker's own credentials, so
//! only Onlooker's own principal is probed; a required read that cannot be probed is reported as such; a principal
//! that does not exist fails all required reads.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    IamPorts, PermissionsRequest,
    policy_reader::{MissingPrincipal, PolicyReadResult, PrincipalFailure, UnsupportedPrincipal},
    read_policies,
    simulation::{PolicySimulator, representative_actions},
    targets::is_role_arn,
};
use crate::{
    grants::{Evaluator, PolicySnapshot},
    jobs::retry::with_retries,
    permissions::{
        AssessedPrincipal, CheckStatus, OverallStatus, PermissionCheck, PermissionsAssessment,
        PermissionsAssessor, PrincipalIdentity, Probe, ProbeOutcome,
    },
    ports::{PortError, PortErrorKind, Table},
    time::Time,
};

/// The assessments of all requested principals; nothing is stored.
#[derive(Debug, Default)]
pub struct PermissionsEvaluation {
    /// Assessments, sorted by ARN.
    pub evaluated: Vec<PermissionsAssessment>,
    /// Principals that could not be read.
    pub failed: Vec<PrincipalFailure>,
    /// Principals that are not supported.
    pub unsupported: Vec<UnsupportedPrincipal>,
    /// Patterns that do not match a principal.
    pub unmatched: BTreeSet<String>,
}

/// Reads and evaluates the policies of all requested principals, and stores nothing.
pub fn evaluate(ports: &IamPorts<'_>, request: &PermissionsRequest<'_>) -> PermissionsEvaluation {
    let policies = read_policies(ports, request);
    let principal_evaluator = PrincipalEvaluator::new(ports, request, None);
    let PolicyReadResult { failed, unsupported, unmatched, .. } = policies;
    let mut evaluation = PermissionsEvaluation { evaluated: Vec::new(), failed, unsupported, unmatched };
    for (arn, snapshot) in &policies.snapshots {
        match principal_evaluator.evaluate(snapshot) {
            Ok(permissions) => evaluation.evaluated.push(permissions),
            Err(error) => evaluation.failed.push(PrincipalFailure::new(arn, &error)),
        }
    }
    evaluation.evaluated.extend(policies.missing.iter().map(|absent| principal_evaluator.missing(absent)));
    evaluation.evaluated.sort_by(|a, b| a.identity.arn.cmp(&b.identity.arn));
    evaluation
}

/// Evaluates principals one after the other.
pub(super) struct PrincipalEvaluator<'b> {
    ports: &'b IamPorts<'b>,
    request: &'b PermissionsRequest<'b>,
    cache: Option<&'b dyn Table>,
    evaluator: Evaluator<'b>,
    assessor: PermissionsAssessor<'b>,
    /// Actions that are sent to the simulator.
    actions: Vec<String>,
    is_throttled: Cell<bool>,
    pub(super) at: Time,
}

impl<'b> PrincipalEvaluator<'b> {
    /// An evaluator that caches simulator results in `cache`.
    pub(super) fn new(
        ports: &'b IamPorts<'b>,
        request: &'b PermissionsRequest<'b>,
        cache: Option<&'b dyn Table>,
    ) -> Self {
        let at = ports.clock.now();
        let evaluator = Evaluator::new(request.catalog).at(at);
        let assessor = PermissionsAssessor::new(request.config, request.catalog);
        let actions = match request.config.permissions.simulate {
            true => representative_actions(request.catalog),
            false => Vec::new(),
        };
        Self { ports, request, cache, evaluator, assessor, actions, is_throttled: Cell::new(false), at }
    }

    /// Evaluates the policies of a principal.
    ///
    /// # Errors
    /// When the cache cannot be read or written.
    pub(super) fn evaluate(&self, snapshot: &PolicySnapshot) -> Result<PermissionsAssessment, PortError> {
        let grants = self.evaluator.grants(snapshot);
        let comparison = match self.request.config.permissions.simulate {
            true => {
                let Self { ports, actions, is_throttled, .. } = self;
                let simulator =
                    PolicySimulator { ports, catalog: self.request.catalog, actions, is_throttled };
                Some(simulator.second_opinion(snapshot, &grants, self.cache)?)
            }
            false => None,
        };
        let probes = if self.is_caller(&snapshot.principal) { self.run_probes() } else { Vec::new() };
        let subject = AssessedPrincipal {
            identity: self.identity(&snapshot.principal, &snapshot.account),
            grants: &grants,
            policies_sha256: snapshot.sha256(),
        };
        Ok(self.assessor.assess(&subject, self.at, &probes, comparison))
    }

    /// The assessment of a principal that does not exist.
    pub(super) fn missing(&self, absent: &MissingPrincipal) -> PermissionsAssessment {
        let statement = format!("account {} does not have this user or role", absent.account);
        let check = |read: &String| {
            let (service, operation) = read.split_once(':').unwrap_or(("", read));
            PermissionCheck {
                service: service.to_owned(),
                operation: operation.to_owned(),
                status: CheckStatus::Failed,
                message: "the principal does not exist".to_owned(),
                actions: 0,
                risk_level: None,
                capabilities: Default::default(),
                statements: Vec::new(),
                resources: Vec::new(),
            }
        };
        PermissionsAssessment {
            identity: self.identity(&absent.arn, &absent.account),
            timestamp: self.at,
            overall_status: OverallStatus::Invalid,
            reason: statement,
            permission_checks: self.request.config.permissions.reads.iter().map(check).collect(),
            capabilities: BTreeMap::new(),
            services: BTreeMap::new(),
            escalation_paths: Vec::new(),
            tolerated: BTreeMap::new(),
            exceptions: BTreeMap::new(),
            problems: Vec::new(),
            unevaluated: Default::default(),
            simulation: None,
            recommendations: vec![
                "correct the ARN, including its path, or remove the principal from the watches".to_owned(),
            ],
            policies_sha256: String::new(),
            catalog_version: self.request.catalog.version().to_owned(),
        }
    }

    fn identity(&self, arn: &str, account: &str) -> PrincipalIdentity {
        PrincipalIdentity::of(arn, account, self.request.config)
    }

    /// Whether this is Onlooker's own principal.
    fn is_caller(&self, arn: &str) -> bool {
        let caller = &self.request.caller.arn;
        let role = caller.split_once(":assumed-role/").and_then(|(before, rest)| {
            let before = before.replacen(":sts:", ":iam:", 1);
            Some(format!("{before}:role/{}", rest.split('/').next()?))
        });
        arn == caller || role.is_some_and(|role| is_role_arn(&role, arn))
    }

    /// Probes the required reads.
    fn run_probes(&self) -> Vec<Probe> {
        let probe = |read: &String| {
            let (service, operation) = read.split_once(':').unwrap_or(("", read));
            let mut is_known = true;
            let tried = with_retries(self.ports.clock, || {
                let tried = self.ports.prober.probe(service, operation);
                is_known = tried.is_some();
                tried.unwrap_or(Ok(()))
            });
            let outcome = match tried {
                _ if !is_known => ProbeOutcome::Failed("no probe is defined for this operation".to_owned()),
                Ok(()) => ProbeOutcome::Works,
                Err(error) => match error.kind {
                    PortErrorKind::AccessDenied => ProbeOutcome::Denied(error.to_string()),
                    PortErrorKind::Throttled => ProbeOutcome::Throttled(error.to_string()),
                    _ => ProbeOutcome::Failed(error.to_string()),
                },
            };
            Probe { service: service.to_owned(), operation: operation.to_owned(), outcome }
        };
        self.request.config.permissions.reads.iter().map(probe).collect()
    }
}
