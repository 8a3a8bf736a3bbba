//! `logging-changed`: a call that changed what CloudTrail logs or where its log files go.

use super::{AlertScope, FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{assessment::Assessment, coverage::logging_change};

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
    let changes = assessment.classified.iter().filter_map(|call| {
        let line = &call.line;
        logging_change(line.call_key, &line.actor.account, expected, forms).map(|found| (call, found.change))
    });
    let (stops, others): (Vec<_>, Vec<_>) = changes.partition(|(_, change)| change.is_stop());
    let of = |calls: Vec<_>, does: &str| {
        let calls = calls.into_iter().map(|(call, _)| call);
        let mut matches = group_calls(calls, |call| call.operation(), |_| String::new());
        for one in &mut matches {
            one.observation = format!("`{}` {does}: {}.", one.subject, count_noun(one.count, "call"));
        }
        matches
    };
    let mut matches: Vec<RuleMatch> = of(stops, "stopped logging");
    matches.extend(of(others, "changed what is logged or where it goes"));
    matches
}
