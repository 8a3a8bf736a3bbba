//! `outside-business-hours`: calls of a watched principal outside its working hours.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::assessment::Assessment;

/// The rule `outside-business-hours`.
pub const RULE: FindingRule = FindingRule {
    id: "outside-business-hours",
    severity: Severity::Low,
    title: "A watched principal was active outside business hours",
    meaning: "Activity outside working hours may be an undocumented schedule, or another user.",
    action: "Compare the activity with the schedules of the principal's owner; limit the hours in which the principal can be used, or configure the business hours of the principal.",
    alerts: None,
    needs_policies: false,
    inactive: Some(no_hours_are_configured),
    find,
};

fn no_hours_are_configured(assessment: &Assessment<'_>) -> Option<&'static str> {
    let config = assessment.config;
    let is_any =
        config.business_hours.is_some() || config.watch.iter().any(|watch| watch.business_hours.is_some());
    (!is_any).then_some("`business_hours` is not configured")
}

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let outside = assessment.calls_outside_business_hours();
    group_calls(
        outside.iter(),
        |_| "outside business hours".to_owned(),
        |i| format!("{} outside business hours.", count_noun(i.count, "call")),
    )
}
