//! Policies that were read, to a verdict.
//!
//! Enters: a snapshot. Leaves: [`PermissionsAssessment`]. Laws: a read that is tried out is tried as ourselves, and so says something
//! of ourselves alone; a read nobody here can try out is told as such; who does not exist can do nothing that is needed.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    IamPorts, PermissionsRequest,
    policy_reader::{MissingPrincipal, PolicyReadResult, PrincipalFailure, UnsupportedPrincipal},
    read_policies,
    retry::with_retries,
    simulation::{PolicySimulator, representative_actions},
    targets::is_role_arn,
};
use crate::{
    grants::{Evaluator, PolicySnapshot},
    permissions::{
        AssessedPrincipal, CheckStatus, OverallStatus, PermissionCheck, PermissionsAssessment,
        PermissionsAssessor, PrincipalIdentity, Probe, ProbeOutcome,
    },
    ports::{PortError, PortErrorKind, Table},
    time::Time,
};

/// What is known of everybody who was asked about, with nothing kept.
#[derive(Debug, Default)]
pub struct PermissionsEvaluation {
    /// Verdicts, in order of the ARNs.
    pub evaluated: Vec<PermissionsAssessment>,
    /// Those that could not be read.
    pub failed: Vec<PrincipalFailure>,
    /// Those nobody could judge.
    pub unsupported: Vec<UnsupportedPrincipal>,
    /// Patterns that match nobody.
    pub unmatched: BTreeSet<String>,
}

/// Reads and judges everybody who is asked about, and keeps nothing.
pub fn evaluate(desk: &IamPorts<'_>, question: &PermissionsRequest<'_>) -> PermissionsEvaluation {
    let look = read_policies(desk, question);
    let bench = PrincipalEvaluator::new(desk, question, None);
    let PolicyReadResult { failed, unsupported: unjudged, unmatched, .. } = look;
    let mut told = PermissionsEvaluation { evaluated: Vec::new(), failed, unsupported: unjudged, unmatched };
    for (arn, snapshot) in &look.snapshots {
        match bench.evaluate(snapshot) {
            Ok(permissions) => told.evaluated.push(permissions),
            Err(error) => told.failed.push(PrincipalFailure::new(arn, &error)),
        }
    }
    told.evaluated.extend(look.missing.iter().map(|absent| bench.missing(absent)));
    told.evaluated.sort_by(|a, b| a.identity.arn.cmp(&b.identity.arn));
    told
}

/// Where principals are judged, one after the other.
pub(super) struct PrincipalEvaluator<'b> {
    ports: &'b IamPorts<'b>,
    request: &'b PermissionsRequest<'b>,
    cache: Option<&'b dyn Table>,
    evaluator: Evaluator<'b>,
    judge: PermissionsAssessor<'b>,
    /// Actions the simulator is asked about.
    actions: Vec<String>,
    is_throttled: Cell<bool>,
    pub(super) at: Time,
}

impl<'b> PrincipalEvaluator<'b> {
    /// A bench that remembers opinions in `memory`.
    pub(super) fn new(
        desk: &'b IamPorts<'b>,
        question: &'b PermissionsRequest<'b>,
        memory: Option<&'b dyn Table>,
    ) -> Self {
        let evaluator = Evaluator::new(question.catalog);
        let judge = PermissionsAssessor::new(question.config, question.catalog);
        let actions = match question.config.permissions.simulate {
            true => representative_actions(question.catalog),
            false => Vec::new(),
        };
        Self {
            ports: desk,
            request: question,
            cache: memory,
            evaluator,
            judge,
            actions,
            is_throttled: Cell::new(false),
            at: desk.clock.now(),
        }
    }

    /// Judges a principal by its policies.
    ///
    /// # Errors
    /// When what is remembered cannot be read or written.
    pub(super) fn evaluate(&self, snapshot: &PolicySnapshot) -> Result<PermissionsAssessment, PortError> {
        let grants = self.evaluator.grants(snapshot);
        let opinion = match self.request.config.permissions.simulate {
            true => {
                let Self { ports: desk, actions, is_throttled: is_busy, .. } = self;
                let asker = PolicySimulator {
                    ports: desk,
                    catalog: self.request.catalog,
                    actions,
                    is_throttled: is_busy,
                };
                Some(asker.second_opinion(snapshot, &grants, self.cache)?)
            }
            false => None,
        };
        let probes = if self.is_caller(&snapshot.principal) { self.run_probes() } else { Vec::new() };
        let subject = AssessedPrincipal {
            identity: self.identity(&snapshot.principal, &snapshot.account),
            grants: &grants,
            policies_sha256: snapshot.sha256(),
        };
        Ok(self.judge.assess(&subject, self.at, &probes, opinion))
    }

    /// The verdict on a principal that does not exist.
    pub(super) fn missing(&self, absent: &MissingPrincipal) -> PermissionsAssessment {
        let statement = format!("account {} has no such user or role", absent.account);
        let check = |read: &String| {
            let (service, operation) = read.split_once(':').unwrap_or(("", read));
            PermissionCheck {
                service: service.to_owned(),
                operation: operation.to_owned(),
                status: CheckStatus::Failed,
                message: "there is nobody to call it".to_owned(),
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
            problems: Vec::new(),
            unevaluated: Default::default(),
            simulation: None,
            recommendations: vec![
                "correct the ARN, its path included, or take the principal out of what is watched".to_owned(),
            ],
            policies_sha256: String::new(),
            catalog_version: self.request.catalog.version().to_owned(),
        }
    }

    fn identity(&self, arn: &str, account: &str) -> PrincipalIdentity {
        PrincipalIdentity::of(arn, account, self.request.config)
    }

    /// Whether this is the principal we are.
    fn is_caller(&self, arn: &str) -> bool {
        let caller = &self.request.caller.arn;
        let role = caller.split_once(":assumed-role/").and_then(|(before, rest)| {
            let before = before.replacen(":sts:", ":iam:", 1);
            Some(format!("{before}:role/{}", rest.split('/').next()?))
        });
        arn == caller || role.is_some_and(|role| is_role_arn(&role, arn))
    }

    /// Tries out the reads that are needed.
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
                _ if !is_known => ProbeOutcome::Failed("nobody here knows how to try it out".to_owned()),
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
