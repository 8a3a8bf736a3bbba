//! The permissions that watched principals had in the period.
//!
//! Enters: an assessment, the policies that were in force in its period, and the catalog. Leaves: the same assessment
//! with [`PrincipalGrants`] for every watched principal with policies that were read. Laws: policies do not change a
//! classification or a status; a missing `PrincipalGrants` means that the permissions are not known, never that there
//! are none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Assessment, ClassifiedCall};
use crate::{
    catalog::Catalog,
    config::Config,
    grants::{Certainty, Evaluator, Grant, Grants, PolicyHistory, PolicyProblemKind, PolicySnapshotRef},
    period::Period,
    permissions::{self, EscalationPath, OverallStatus, escalation, overall_status},
    principal::PrincipalKind,
    record::RequestFeatures,
    time::Time,
};

/// The permissions that a principal had in the period, by its policies.
#[derive(Clone, Debug)]
pub struct PrincipalGrants {
    /// What the policies grant. If several versions were in force one after the other, what any of them grants.
    pub grants: Grants,
    /// The policies, in chronological order.
    pub policies: Vec<PolicySnapshotRef>,
    /// Whether policies that were read were in force at every moment of the period.
    pub covers_period: bool,
    /// Actions that an override tolerates, with the id of the override.
    pub tolerated: BTreeMap<Arc<str>, String>,
    /// Status of the principal by its policies alone, without a probe.
    pub overall_status: OverallStatus,
    /// Privilege escalation paths. Tolerated actions are not considered.
    pub escalation_paths: Vec<EscalationPath>,
    /// IAM actions that the requests it made require.
    actions: BTreeMap<RequestKey, Vec<Arc<str>>>,
}

/// `eventSource`, `eventName` and what the request says.
type RequestKey = (Arc<str>, Arc<str>, RequestFeatures);

fn request_key(call: &ClassifiedCall<'_>) -> RequestKey {
    let call_key = &call.line.call_key;
    (Arc::clone(&call_key.source), Arc::clone(&call_key.name), call_key.request_features)
}

impl PrincipalGrants {
    /// IAM actions that a call of the principal requires; empty when they are not known.
    pub fn actions_of(&self, call: &ClassifiedCall<'_>) -> &[Arc<str>] {
        self.actions.get(&request_key(call)).map_or(&[], Vec::as_slice)
    }

    /// Whether the policies grant a call, unconditionally or on conditions. `None` when its actions are not known, or
    /// when no readable policy grants them and some policy is malformed.
    pub fn is_granted(&self, call: &ClassifiedCall<'_>) -> Option<bool> {
        let actions = self.actions_of(call);
        let is_granted = actions.iter().any(|action| self.grants.get(action).is_some());
        let is_open = self.grants.problems.iter().any(|problem| problem.kind == PolicyProblemKind::Malformed);
        (is_granted || !actions.is_empty() && !is_open).then_some(is_granted)
    }

    /// Whether the policies of the whole period were read and no policy document is malformed.
    pub fn is_complete(&self) -> bool {
        self.covers_period
            && self.grants.problems.iter().all(|problem| problem.kind != PolicyProblemKind::Malformed)
    }

    /// Whether a grant is unconditional and its action is known.
    pub fn is_unconditional(grant: &Grant) -> bool {
        grant.certainty == Certainty::Unconditional && grant.action.is_known
    }

    /// Grants that no override tolerates.
    pub fn untolerated_grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.entries.iter().filter(|grant| !self.tolerated.contains_key(&grant.action.key))
    }

    /// Grants that are not read-only and that no override tolerates.
    pub fn excessive_grants(&self) -> impl Iterator<Item = &Grant> {
        self.untolerated_grants().filter(|grant| !grant.gives_only_reads())
    }
}

impl Assessment<'_> {
    /// Evaluates the policies of watched principals that were in force in the period.
    pub fn add_policies(&mut self, policies: &PolicyHistory, catalog: &Catalog) {
        let Some(period) = self.coverage.period.filter(|_| !policies.is_empty()) else { return };
        let seen: BTreeSet<Arc<str>> =
            self.classified.iter().map(|call| Arc::clone(&call.principal().arn)).collect();
        // A report says what the policies allowed at the end of its period.
        let evaluator = Evaluator::new(catalog).at(period.until.start());
        for arn in policies.principals() {
            let names = principal_names(arn, &seen);
            let watched: Vec<&Arc<str>> =
                names.iter().filter(|name| self.config.watch_for_arn(name).is_some()).collect();
            if watched.is_empty() {
                continue;
            }
            let Some(granted) = grants_of_principal(arn, policies, period, &evaluator, self.config) else {
                continue;
            };
            for name in watched {
                self.granted.insert(Arc::clone(name), granted.clone());
            }
        }
        self.look_up_actions(catalog);
    }

    /// Looks up which IAM actions the calls of those principals require.
    fn look_up_actions(&mut self, catalog: &Catalog) {
        let mut known: BTreeMap<RequestKey, Vec<Arc<str>>> = BTreeMap::new();
        for call in self.classified.iter().filter(|call| call.is_call()) {
            let Some(granted) = self.granted.get_mut(&call.principal().arn) else { continue };
            let key = request_key(call);
            if granted.actions.contains_key(&key) {
                continue;
            }
            let actions = known.entry(key.clone()).or_insert_with(|| {
                let (source, name, said) = &key;
                let actions = catalog.actions_of_request(source, name, *said);
                actions.into_iter().map(Arc::from).collect()
            });
            granted.actions.insert(key, actions.clone());
        }
    }
}

/// The ARNs under which the evidence knows the principal with this ARN: its own, and, for a role, the ARN without the
/// path if the evidence has it. Its own is left out when the evidence has only the ARN without the path.
fn principal_names(arn: &Arc<str>, seen: &BTreeSet<Arc<str>>) -> Vec<Arc<str>> {
    let bare = arn.split_once(":role/").and_then(|(before, role)| {
        let (_, name) = role.rsplit_once('/')?;
        seen.get(format!("{before}:role/{name}").as_str())
    });
    match bare {
        Some(bare) if seen.contains(arn) => vec![Arc::clone(arn), Arc::clone(bare)],
        Some(bare) => vec![Arc::clone(bare)],
        None => vec![Arc::clone(arn)],
    }
}

fn grants_of_principal(
    arn: &str,
    policies: &PolicyHistory,
    period: Period,
    evaluator: &Evaluator<'_>,
    config: &Config,
) -> Option<PrincipalGrants> {
    let mut held = policies.of(arn, period);
    // Policies that came into force at the same time have no order of their own; their hash gives them one.
    held.sort_by_cached_key(|held| (held.since, held.until, held.snapshot.sha256()));
    let grants = held.iter().map(|held| evaluator.grants(&held.snapshot)).reduce(Grants::union)?;
    let is_whole = held.first().is_some_and(|held| held.since.is_none_or(|at| at <= period.from.start()))
        && held.last().is_some_and(|held| held.until.is_none_or(|at| at >= period.until.start()))
        && held.windows(2).all(|pair| matches!(pair, [a, b] if a.until.is_none_or(|until| b.since.is_none_or(|since| since <= until))));
    let last = Time(period.until.start().0.saturating_sub(1));
    let tolerated: BTreeMap<Arc<str>, String> = grants
        .excessive()
        .filter_map(|grant| {
            let tolerating = permissions::tolerating_override(config, arn, grant, last)?;
            Some((Arc::clone(&grant.action.key), tolerating.id.clone()))
        })
        .collect();
    let mut left = grants.clone();
    left.entries.retain(|grant| !tolerated.contains_key(&grant.action.key));
    let excessive: Vec<&Grant> = left.excessive().collect();
    Some(PrincipalGrants {
        overall_status: overall_status(&grants, &excessive, config, evaluator.catalog()),
        escalation_paths: escalation::paths(&left),
        policies: held.into_iter().map(PolicySnapshotRef::from).collect(),
        covers_period: is_whole,
        tolerated,
        grants,
        actions: BTreeMap::new(),
    })
}

/// Kind of a principal of which only the ARN is known.
pub fn principal_kind_of(arn: &str) -> PrincipalKind {
    let name = arn.rsplit('/').next().unwrap_or_default();
    match arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next()) {
        Some("user") => PrincipalKind::IamUser,
        Some("role") if name.starts_with("AWSReservedSSO_") => PrincipalKind::IdentityCenterUser,
        Some("role") => PrincipalKind::Role,
        Some("root") => PrincipalKind::Root,
        _ => PrincipalKind::Unknown,
    }
}
