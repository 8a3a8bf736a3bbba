//! `logging-changed`: a call that changed what CloudTrail logs or where its log files go.

use super::{AlertScope, FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{assessment::Assessment, coverage::logging_changes};

/// The rule `logging-changed`.
pub const RULE: FindingRule = FindingRule {
    id: "logging-changed",
    severity: Severity::High,
    title: "Logging was changed",
    meaning: "From this call on events may be missing. The hours after it count as observed only where later events or digest files show that logging went on.",
    action: "Find out who made the call and why; check the trail, its selectors, its bucket and its key. Take the events of the hours in between from another trail or from the event history. If it is a log group, rule or stream that delivers no events to this evidence, name those that do in `coverage.delivered_through`.",
    alerts: Some(AlertScope::Any),
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let expected = &assessment.config.coverage;
    let forms = &assessment.evidence_quality.delivery_forms;
    let (mut stops, mut others) = (Vec::new(), Vec::new());
    for call in &assessment.classified {
        let line = &call.line;
        let changes: Vec<_> = logging_changes(line.call_key, &line.actor.account, expected, forms).collect();
        if changes.iter().any(|found| found.change.is_stop()) {
            stops.push(call);
        } else if !changes.is_empty() {
            others.push(call);
        }
    }
    let of = |calls: Vec<_>, does: &str| {
        let mut matches = group_calls(calls.into_iter(), |call| call.operation(), |_| String::new());
        for one in &mut matches {
            one.observation = format!("`{}` {does}: {}.", one.subject, count_noun(one.count, "call"));
        }
        matches
    };
    let mut matches: Vec<RuleMatch> = of(stops, "stopped logging");
    matches.extend(of(others, "changed what is logged or where it goes"));
    matches
}
