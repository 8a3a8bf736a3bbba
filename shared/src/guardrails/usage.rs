//! What a principal used.
//!
//! Enters: judged evidence, the ARN of a principal and a catalog. Leaves: [`PrincipalUsage`]. Laws: a call counts unless it was
//! refused; one whose actions nobody knows is named; what others did with roles the principal assumed is theirs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    assessment::{Assessment, ClassifiedCall},
    catalog::Catalog,
    classification::Provenance,
    coverage::Period,
    event::Outcome,
};

/// What a principal used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalUsage {
    /// The period looked at; absent without evidence.
    pub period: Option<Period>,
    /// Calls that used a permission.
    pub calls: u64,
    /// Calls that were refused, and so used none.
    pub denied: u64,
    /// IAM actions those calls took, by `service:Name`.
    pub actions: BTreeMap<Arc<str>, ActionUsage>,
    /// Calls of which nobody knows what they take: `service:Operation` and how many.
    pub unmapped_operations: BTreeMap<String, u64>,
    /// What is missing from the evidence, in sentences: something used may not show.
    pub evidence_gaps: Vec<String>,
}

/// How an action was used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionUsage {
    /// Calls that took it.
    pub calls: u64,
    /// AWS services that used it in the principal's name.
    pub invoked_by: BTreeSet<Arc<str>>,
}

impl PrincipalUsage {
    /// What the principal of this ARN used.
    pub fn of(assessment: &Assessment<'_>, principal: &str, catalog: &Catalog) -> Self {
        let mut this = Self {
            period: assessment.coverage.period,
            evidence_gaps: evidence_gaps(assessment),
            ..Self::default()
        };
        let mut known: BTreeMap<(&str, &str), Vec<Arc<str>>> = BTreeMap::new();
        for judged in assessment.calls().filter(|judged| is_made_by(judged, principal)) {
            if judged.outcome() == Outcome::Denied {
                this.denied += judged.count;
                continue;
            }
            this.calls += judged.count;
            let act = judged.line.call_key;
            let actions = known.entry((&act.source, &act.name)).or_insert_with(|| {
                catalog.required_iam_actions(&act.source, &act.name).into_iter().map(Into::into).collect()
            });
            if actions.is_empty() {
                *this.unmapped_operations.entry(judged.operation()).or_default() += judged.count;
            }
            for action in actions {
                let used = this.actions.entry(Arc::clone(action)).or_default();
                used.calls += judged.count;
                if judged.classification.provenance == Provenance::Forwarded {
                    used.invoked_by.extend(act.invoked_by.clone());
                }
            }
        }
        this
    }
}

/// Whether a call was made by this principal. CloudTrail leaves the path of some roles out; names of roles are unique
/// within an account.
fn is_made_by(judged: &ClassifiedCall<'_>, principal: &str) -> bool {
    let arn: &str = &judged.principal().arn;
    let without_path = |arn: &str| -> Option<String> {
        let (before, role) = arn.split_once(":role/")?;
        Some(format!("{before}:role/{}", role.rsplit_once('/').map_or(role, |(_, name)| name)))
    };
    let is_bare = arn.split_once(":role/").is_some_and(|(_, name)| !name.contains('/'));
    arn == principal || is_bare && without_path(principal).is_some_and(|bare| bare == arn)
}

fn evidence_gaps(assessment: &Assessment<'_>) -> Vec<String> {
    let evidence = assessment.evidence_quality;
    let unreadable: u64 = evidence.unreadable.values().sum();
    let mut gaps = Vec::new();
    let mut say = |count: u64, what: &str| {
        if count > 0 {
            gaps.push(format!("{count} {what}"));
        }
    };
    say(unreadable, "pieces of evidence could not be read");
    say(evidence.missing_log_files.len() as u64, "log files that digests list are not there");
    say(evidence.conflicting_events, "events were delivered with two contents");
    say(assessment.coverage.missing_hours(), "hours are without evidence");
    let unlogged: Vec<&str> = assessment.coverage.class_gaps().map(|class| &*class.class).collect();
    if !unlogged.is_empty() {
        gaps.push(format!(
            "nobody is known to log {}, so what was used there does not show",
            unlogged.join(", ")
        ));
    }
    gaps
}
