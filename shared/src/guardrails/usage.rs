//! The IAM actions a principal used.
//!
//! Enters: an assessment, the ARN of a principal and a catalog. Leaves: [`PrincipalUsage`]. Laws: a call counts
//! unless it was denied, whatever is promised; what its request says chooses its actions; an operation without known
//! IAM actions is listed; a call made through an assumed role counts for the role.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OpenQuestion, OpenQuestionKind};
use crate::{
    assessment::{Assessment, ClassifiedCall, forwarding_services},
    catalog::Catalog,
    classification::Provenance,
    event::Outcome,
    period::Period,
    record::RequestFeatures,
};

/// The IAM actions a principal used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalUsage {
    /// Period of the evidence; absent when there is no evidence.
    pub period: Option<Period>,
    /// Number of calls that were not denied.
    pub calls: u64,
    /// Number of calls that were denied, which used no permission.
    pub denied: u64,
    /// IAM actions that the calls required, by `service:Name`.
    pub actions: BTreeMap<Arc<str>, ActionUsage>,
    /// Number of calls of operations without known IAM actions, by `service:Operation`.
    pub unmapped_operations: BTreeMap<String, u64>,
    /// Gaps in the evidence: a used action may not appear.
    pub evidence_gaps: Vec<OpenQuestion>,
}

/// How an action was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionUsage {
    /// Number of calls that used the action.
    pub calls: u64,
    /// Number of those calls that AWS services made on behalf of the principal, as part of its other calls.
    pub forwarded: u64,
    /// AWS services that made the forwarded calls.
    pub invoked_by: BTreeSet<Arc<str>>,
}

impl PrincipalUsage {
    /// The usage of the principal with this ARN.
    pub fn of(assessment: &Assessment<'_>, principal: &str, catalog: &Catalog) -> Self {
        let mut this = Self {
            period: assessment.coverage.period,
            evidence_gaps: evidence_gaps(assessment),
            ..Self::default()
        };
        let mut known: BTreeMap<(&str, &str, RequestFeatures), Vec<Arc<str>>> = BTreeMap::new();
        for call in assessment.calls().filter(|call| is_made_by(call, principal)) {
            if call.outcome() == Outcome::Denied {
                this.denied += call.count;
                continue;
            }
            this.calls += call.count;
            let call_key = call.line.call_key;
            let said = call_key.request_features;
            let actions = known.entry((&call_key.source, &call_key.name, said)).or_insert_with(|| {
                let actions = catalog.actions_of_request(&call_key.source, &call_key.name, said);
                actions.into_iter().map(Into::into).collect()
            });
            if actions.is_empty() {
                *this.unmapped_operations.entry(call.operation()).or_default() += call.count;
            }
            for action in actions {
                let used = this.actions.entry(Arc::clone(action)).or_default();
                used.calls += call.count;
                if call.classification.provenance == Provenance::Forwarded {
                    used.forwarded += call.count;
                    used.invoked_by.extend(forwarding_services(call));
                }
            }
        }
        this
    }
}

/// Whether this principal made a call. CloudTrail leaves out the path of some roles; role names are unique within an
/// account.
fn is_made_by(call: &ClassifiedCall<'_>, principal: &str) -> bool {
    let arn: &str = &call.principal().arn;
    let without_path = |arn: &str| -> Option<String> {
        let (before, role) = arn.split_once(":role/")?;
        Some(format!("{before}:role/{}", role.rsplit_once('/').map_or(role, |(_, name)| name)))
    };
    let is_bare = arn.split_once(":role/").is_some_and(|(_, name)| !name.contains('/'));
    arn == principal || is_bare && without_path(principal).is_some_and(|bare| bare == arn)
}

fn evidence_gaps(assessment: &Assessment<'_>) -> Vec<OpenQuestion> {
    let evidence = assessment.evidence_quality;
    let unreadable: u64 = evidence.unreadable.values().sum();
    let mut gaps = Vec::new();
    let mut add = |kind: OpenQuestionKind, count: u64, one: &str, many: &str| {
        if count > 0 {
            gaps.push(kind.question(format!("{count} {}", if count == 1 { one } else { many })));
        }
    };
    add(
        OpenQuestionKind::UnreadableEvidence,
        unreadable,
        "piece of evidence could not be read",
        "pieces of evidence could not be read",
    );
    add(
        OpenQuestionKind::MissingLogFiles,
        evidence.missing_log_files.len() as u64,
        "log file that a digest lists is missing",
        "log files that digests list are missing",
    );
    add(
        OpenQuestionKind::ConflictingEvents,
        evidence.conflicting_events,
        "event was delivered with two different contents",
        "events were delivered with two different contents",
    );
    add(
        OpenQuestionKind::MissingHours,
        assessment.coverage.missing_hours(),
        "hour has no evidence",
        "hours have no evidence",
    );
    let unlogged: Vec<&str> = assessment.coverage.class_gaps().map(|class| &*class.class).collect();
    if !unlogged.is_empty() {
        gaps.push(OpenQuestionKind::UnloggedClasses.question(format!(
            "no trail is known to log {}, so used actions there may be missing",
            unlogged.join(", ")
        )));
    }
    gaps
}
