//! The reads a principal needs.
//!
//! Enters: the reads that have to work, probes of them, and [`Grants`]. Leaves: a [`PermissionCheck`] each. Laws: a probe
//! goes before policies; throttling is no denial; what nobody asked AWS says that policies alone judged it.

use super::{CheckStatus, PermissionCheck, counts};
use crate::{
    catalog::Catalog,
    grants::{Certainty, Grant, Grants},
    operation::Capabilities,
};

/// A read that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Service, as in `permissions.reads`.
    pub service: String,
    /// Operation, as in `permissions.reads`.
    pub operation: String,
    /// What became of it.
    pub outcome: ProbeOutcome,
}

/// What became of a read that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// AWS answered it.
    Works,
    /// AWS refused it, in these words.
    Denied(String),
    /// AWS was asked too often, in these words: nobody knows.
    Throttled(String),
    /// It failed in another way, in these words: nobody knows.
    Failed(String),
}

/// Calls that need no permission, and that no policy can forbid: `sts:GetCallerIdentity` is answered even if an
/// administrator denies it (AWS STS API Reference, GetCallerIdentity, read 2026-11).
const ALWAYS_ALLOWED: [(&str, &str); 1] = [("sts", "GetCallerIdentity")];

/// Checks one needed read, `service:Operation`.
pub(super) fn check_read(
    read: &str,
    grants: &Grants,
    catalog: &Catalog,
    probes: &[Probe],
) -> PermissionCheck {
    let (service, operation) = read.split_once(':').unwrap_or(("", read));
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let probe =
        probes.iter().find(|probe| same(&probe.service, service) && same(&probe.operation, operation));
    let mut check = PermissionCheck {
        service: service.to_owned(),
        operation: operation.to_owned(),
        status: CheckStatus::Failed,
        message: String::new(),
        actions: 0,
        risk_level: None,
        capabilities: Capabilities::empty(),
        statements: Vec::new(),
        resources: Vec::new(),
    };
    match probe {
        Some(probe) => (check.status, check.message) = check_by_probe(&probe.outcome),
        None => check_by_policies(&mut check, grants, catalog),
    }
    check
}

fn check_by_probe(outcome: &ProbeOutcome) -> (CheckStatus, String) {
    match outcome {
        ProbeOutcome::Works => (CheckStatus::Passed, "AWS answered it".to_owned()),
        ProbeOutcome::Denied(said) => (CheckStatus::Failed, format!("AWS refused it: {said}")),
        ProbeOutcome::Throttled(said) => {
            (CheckStatus::Error, format!("AWS throttled it, so nobody knows: {said}"))
        }
        ProbeOutcome::Failed(said) => {
            (CheckStatus::Error, format!("it failed in a way that is no denial: {said}"))
        }
    }
}

fn check_by_policies(check: &mut PermissionCheck, grants: &Grants, catalog: &Catalog) {
    let (service, operation) = (check.service.as_str(), check.operation.as_str());
    if ALWAYS_ALLOWED
        .iter()
        .any(|(s, o)| s.eq_ignore_ascii_case(service) && o.eq_ignore_ascii_case(operation))
    {
        check.status = CheckStatus::Passed;
        check.message = "it needs no permission, and no policy can forbid it".to_owned();
        return;
    }
    let actions = match operation.contains(['*', '?']) {
        true => catalog.expand(&format!("{service}:{operation}")).iter().map(|entry| entry.key()).collect(),
        false => catalog.required_iam_actions(service, operation),
    };
    check.actions = actions.len() as u64;
    let grants: Vec<&Grant> = actions.iter().filter_map(|action| grants.get(action)).collect();
    // A pattern asks for all it names, a call for one of the actions it may take.
    let is_open = |grant: &&&Grant| grant.certainty == Certainty::Conditional;
    let names = actions.iter().take(3).map(|action| format!("`{action}`")).collect::<Vec<_>>().join(" or ");
    let is_pattern = operation.contains(['*', '?']);
    let missing = actions.len() - grants.len();
    (check.status, check.message) = if actions.is_empty() {
        let message = "the catalog does not know which action it takes, so policies cannot tell";
        (CheckStatus::Indeterminate, message.to_owned())
    } else if is_pattern && missing > 0 {
        let message =
            format!("judged by the policies: they grant {} of {} actions", grants.len(), actions.len());
        (CheckStatus::Failed, message)
    } else if grants.is_empty() {
        (CheckStatus::Failed, format!("judged by the policies: they do not grant {names}"))
    } else if is_pattern && grants.iter().any(|grant| is_open(&grant))
        || grants.iter().all(|grant| is_open(&grant))
    {
        let on = grants.iter().flat_map(|grant| &grant.scope.conditions).next();
        let on = on.map_or("conditions they do not tell", |on| on);
        (CheckStatus::Indeterminate, format!("judged by the policies: it depends on {on}"))
    } else {
        (CheckStatus::Passed, "judged by the policies: they grant it".to_owned())
    };
    check.capabilities = grants.iter().map(|grant| grant.action.capabilities).collect();
    check.risk_level = grants.iter().map(|grant| grant.action.risk_level).max();
    let mut grants = grants;
    counts::sort_by_severity(&mut grants);
    super::excessive::cite_grants(check, &grants);
}
