//! Policies that were read, to a verdict.
//!
//! Enters: a snapshot. Leaves: [`Permissions`]. Laws: a read that is tried out is tried as ourselves, and so says something
//! of ourselves alone; a read nobody here can try out is told as such; who does not exist can do nothing that is needed.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    Desk, Question, look,
    opinion::{Asker, representative},
    patience::patiently,
    read::{Absent, Failed, Look, Unjudged},
    whom::is_role,
};
use crate::{
    grants::{Evaluator, Snapshot},
    permissions::{
        CheckStatus, Identity, Judge, OverallStatus, PermissionCheck, Permissions, Probe, ProbeOutcome,
        Subject,
    },
    ports::{FailureKind, PortError, Table},
    time::Time,
};

/// What is known of everybody who was asked about, with nothing kept.
#[derive(Debug, Default)]
pub struct Told {
    /// Verdicts, in order of the ARNs.
    pub judged: Vec<Permissions>,
    /// Those that could not be read.
    pub failed: Vec<Failed>,
    /// Those nobody could judge.
    pub unjudged: Vec<Unjudged>,
    /// Patterns that match nobody.
    pub unmatched: BTreeSet<String>,
}

/// Reads and judges everybody who is asked about, and keeps nothing.
pub fn tell(desk: &Desk<'_>, question: &Question<'_>) -> Told {
    let look = look(desk, question);
    let bench = Bench::new(desk, question, None);
    let Look { failed, unjudged, unmatched, .. } = look;
    let mut told = Told { judged: Vec::new(), failed, unjudged, unmatched };
    for (arn, snapshot) in &look.snapshots {
        match bench.judge(snapshot) {
            Ok(permissions) => told.judged.push(permissions),
            Err(error) => told.failed.push(Failed::new(arn, &error)),
        }
    }
    told.judged.extend(look.absent.iter().map(|absent| bench.absent(absent)));
    told.judged.sort_by(|a, b| a.identity.arn.cmp(&b.identity.arn));
    told
}

/// Where principals are judged, one after the other.
pub(super) struct Bench<'b> {
    desk: &'b Desk<'b>,
    question: &'b Question<'b>,
    memory: Option<&'b dyn Table>,
    evaluator: Evaluator<'b>,
    judge: Judge<'b>,
    /// Actions the simulator is asked about.
    actions: Vec<String>,
    is_busy: Cell<bool>,
    pub(super) at: Time,
}

impl<'b> Bench<'b> {
    /// A bench that remembers opinions in `memory`.
    pub(super) fn new(desk: &'b Desk<'b>, question: &'b Question<'b>, memory: Option<&'b dyn Table>) -> Self {
        let evaluator = Evaluator::new(question.catalog);
        let judge = Judge::new(question.config, question.catalog);
        let actions = match question.config.permissions.simulate {
            true => representative(question.catalog),
            false => Vec::new(),
        };
        Self {
            desk,
            question,
            memory,
            evaluator,
            judge,
            actions,
            is_busy: Cell::new(false),
            at: desk.clock.now(),
        }
    }

    /// Judges a principal by its policies.
    ///
    /// # Errors
    /// When what is remembered cannot be read or written.
    pub(super) fn judge(&self, snapshot: &Snapshot) -> Result<Permissions, PortError> {
        let grants = self.evaluator.grants(snapshot);
        let opinion = match self.question.config.permissions.simulate {
            true => {
                let Self { desk, actions, is_busy, .. } = self;
                let asker = Asker { desk, catalog: self.question.catalog, actions, is_busy };
                Some(asker.opinion(snapshot, &grants, self.memory)?)
            }
            false => None,
        };
        let probes = if self.is_ourselves(&snapshot.principal) { self.probes() } else { Vec::new() };
        let subject = Subject {
            identity: self.identity(&snapshot.principal, &snapshot.account),
            grants: &grants,
            policies_sha256: snapshot.sha256(),
        };
        Ok(self.judge.judge(&subject, self.at, &probes, opinion))
    }

    /// The verdict on a principal that does not exist.
    pub(super) fn absent(&self, absent: &Absent) -> Permissions {
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
        Permissions {
            identity: self.identity(&absent.arn, &absent.account),
            timestamp: self.at,
            overall_status: OverallStatus::Invalid,
            statement,
            permission_checks: self.question.config.permissions.reads.iter().map(check).collect(),
            capabilities: BTreeMap::new(),
            services: BTreeMap::new(),
            escalation_paths: Vec::new(),
            tolerated: BTreeMap::new(),
            problems: Vec::new(),
            unseen: Default::default(),
            second_opinion: None,
            recommendations: vec![
                "correct the ARN, its path included, or take the principal out of what is watched".to_owned(),
            ],
            policies_sha256: String::new(),
            catalog_version: self.question.catalog.version().to_owned(),
        }
    }

    fn identity(&self, arn: &str, account: &str) -> Identity {
        Identity::of(arn, account, self.question.config)
    }

    /// Whether this is the principal we are.
    fn is_ourselves(&self, arn: &str) -> bool {
        let caller = &self.question.caller.arn;
        let role = caller.split_once(":assumed-role/").and_then(|(before, rest)| {
            let before = before.replacen(":sts:", ":iam:", 1);
            Some(format!("{before}:role/{}", rest.split('/').next()?))
        });
        arn == caller || role.is_some_and(|role| is_role(&role, arn))
    }

    /// Tries out the reads that are needed.
    fn probes(&self) -> Vec<Probe> {
        let probe = |read: &String| {
            let (service, operation) = read.split_once(':').unwrap_or(("", read));
            let mut is_known = true;
            let tried = patiently(self.desk.clock, || {
                let tried = self.desk.prober.probe(service, operation);
                is_known = tried.is_some();
                tried.unwrap_or(Ok(()))
            });
            let outcome = match tried {
                _ if !is_known => ProbeOutcome::Failed("nobody here knows how to try it out".to_owned()),
                Ok(()) => ProbeOutcome::Works,
                Err(error) => match error.kind {
                    FailureKind::Denied => ProbeOutcome::Denied(error.to_string()),
                    FailureKind::Throttled => ProbeOutcome::Throttled(error.to_string()),
                    _ => ProbeOutcome::Failed(error.to_string()),
                },
            };
            Probe { service: service.to_owned(), operation: operation.to_owned(), outcome }
        };
        self.question.config.permissions.reads.iter().map(probe).collect()
    }
}
