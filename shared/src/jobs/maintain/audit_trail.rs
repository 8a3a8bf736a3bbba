//! The audit trail: verified, sealed, and without what is older than its retention.
//!
//! Enters: the trail. Leaves: a seal, or a sentence about each problem. Laws: a trail with a problem is neither sealed nor pruned;
//! a problem counts if a second verification finds it too, because functions write while the first one lists.

use super::{Maintenance, TaskDone, TaskError};
use crate::{
    audit::{AuditProblem, AuditVerification},
    jobs::audit::{plan_pruning, prune, seal_recent, verify_recent},
};

/// Problems that a record names.
const MAX_NAMED_PROBLEMS: usize = 5;

pub(super) fn verify_and_seal(maintenance: &Maintenance<'_>) -> Result<TaskDone, TaskError> {
    let now = maintenance.clock.now();
    let mut recent = verify_recent(maintenance.store, now)?;
    if !recent.found.problems.is_empty() {
        recent = verify_recent(maintenance.store, now)?;
    }
    let found = &recent.found;
    if !found.problems.is_empty() {
        return Ok(TaskDone::found(describe(found), found.problems.len() as u64));
    }
    let since = recent.since.map(|since| format!(" since {since}")).unwrap_or_default();
    let counts =
        format!("entries {}, batches {}, chains {}", found.entries, found.batches, found.chains.len());
    let (seal, _) = seal_recent(maintenance.store, recent, maintenance.signer, now)?;
    let number = seal.number;
    let kind = if maintenance.signer.is_some() { "signed seal" } else { "seal" };
    Ok(TaskDone::whole(format!(
        "the audit trail{since} is intact: {counts}; {kind} {number} names the last batch of each chain"
    )))
}

pub(super) fn prune_old(maintenance: &Maintenance<'_>) -> Result<TaskDone, TaskError> {
    let Some(remover) = maintenance.remover.filter(|_| maintenance.prunes_audit_trail) else {
        return Ok(TaskDone::whole("the audit trail is kept without an end".to_owned()));
    };
    let (settings, now) = (&maintenance.config.audit, maintenance.clock.now());
    let before = settings.retained_since(now);
    let plan = plan_pruning(maintenance.store, before, settings, now)?;
    let done = prune(maintenance.store, remover, &plan, maintenance.run_id, maintenance.signer)?;
    let refused = done.refused.first().map(|(_, error)| {
        format!("; {} chains kept because the store refused, the first time: {error}", done.refused.len())
    });
    Ok(TaskDone::whole(format!(
        "batches from before {before} are removed: {} now; chains under legal hold {}{}",
        done.removed,
        plan.held_chains,
        refused.unwrap_or_default()
    )))
}

fn describe(found: &AuditVerification) -> String {
    let sentence = |problem: &AuditProblem| {
        format!("{} `{}`: {}", problem.kind.as_str(), problem.subject, problem.detail)
    };
    let named: Vec<String> = found.problems.iter().take(MAX_NAMED_PROBLEMS).map(sentence).collect();
    let more = found.problems.len().saturating_sub(MAX_NAMED_PROBLEMS);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("the audit trail is not intact: {}{more}", named.join("; "))
}
