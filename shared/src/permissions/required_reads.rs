//! The reads a principal requires.
//!
//! Enters: the required reads, probes of them, and [`Grants`]. Leaves: a [`PermissionCheck`] for each. Laws: a probe
//! takes precedence over policies; throttling is not a denial; the message of a check without a probe names the
//! policies as its basis.

use super::{CheckStatus, PermissionCheck, counts, granted_action};
use crate::{
    catalog::Catalog,
    grants::{Certainty, Grant, Grants},
    operation::Capabilities,
};

/// A read that was called to test it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Service, as in `permissions.reads`.
    pub service: String,
    /// Operation, as in `permissions.reads`.
    pub operation: String,
    /// Outcome of the probe.
    pub outcome: ProbeOutcome,
}

/// The outcome of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The probed call succeeded.
    Works,
    /// AWS denied the call, with this message.
    Denied(String),
    /// AWS throttled the call, with this message: the result is unknown.
    Throttled(String),
    /// The call failed in another way, with this message: the result is unknown.
    Failed(String),
}

/// Calls that need no permission and that no policy can deny: `sts:GetCallerIdentity` succeeds even if an
/// administrator denies it (AWS STS API Reference, GetCallerIdentity, read 2026-11).
const ALWAYS_ALLOWED: [(&str, &str); 1] = [("sts", "GetCallerIdentity")];

/// Checks one required read, `service:Operation`.
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
        ProbeOutcome::Works => (CheckStatus::Passed, "the call succeeded".to_owned()),
        ProbeOutcome::Denied(said) => (CheckStatus::Failed, format!("AWS denied the call: {said}")),
        ProbeOutcome::Throttled(said) => {
            (CheckStatus::Error, format!("AWS throttled the call, so the result is unknown: {said}"))
        }
        ProbeOutcome::Failed(said) => {
            (CheckStatus::Error, format!("the call failed for another reason than a denial: {said}"))
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
        check.message = "the call needs no permission, and no policy can deny it".to_owned();
        return;
    }
    let actions = match operation.contains(['*', '?']) {
        true => catalog.expand(&format!("{service}:{operation}")).iter().map(|entry| entry.key()).collect(),
        false => catalog.required_iam_actions(service, operation),
    };
    check.actions = actions.len() as u64;
    let grants: Vec<&Grant> = actions.iter().filter_map(|action| grants.get(action)).collect();
    // A pattern needs all actions it matches, a call needs one of its possible actions.
    let is_open = |grant: &&&Grant| grant.certainty == Certainty::Conditional;
    let names = actions.iter().take(3).map(|action| format!("`{action}`")).collect::<Vec<_>>().join(" or ");
    let is_pattern = operation.contains(['*', '?']);
    let missing = actions.len() - grants.len();
    (check.status, check.message) = if actions.is_empty() {
        let message = "the IAM action of this call is not in the catalog, so the policies cannot decide it";
        (CheckStatus::Indeterminate, message.to_owned())
    } else if is_pattern && missing > 0 {
        let message = format!("by the policies: {} of {} actions are granted", grants.len(), actions.len());
        (CheckStatus::Failed, message)
    } else if grants.is_empty() {
        (CheckStatus::Failed, format!("by the policies: {names} is not granted"))
    } else if is_pattern && grants.iter().any(|grant| is_open(&grant))
        || grants.iter().all(|grant| is_open(&grant))
    {
        let open = grants.iter().copied().filter(|grant| is_open(&grant));
        let on = granted_action::granted_on_conditions(open);
        (CheckStatus::Indeterminate, format!("by the policies: {on}"))
    } else {
        (CheckStatus::Passed, "by the policies: granted".to_owned())
    };
    check.capabilities = grants.iter().map(|grant| grant.action.capabilities).collect();
    check.risk_level = grants.iter().map(|grant| grant.action.risk_level).max();
    let mut grants = grants;
    counts::sort_by_severity(&mut grants);
    super::excessive::cite_grants(check, &grants);
}
