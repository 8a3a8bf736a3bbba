//! `outside-business-hours`: calls of a watched principal outside its working hours.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    config::{BusinessCalendar, BusinessHours},
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "outside-business-hours",
    severity: Severity::Low,
    title: "A watched principal was active outside business hours",
    meaning: "Activity outside working hours may be an undocumented schedule, or another user.",
    action: "Compare it with its owner's schedules; limit the hours in which it can be assumed, or configure its hours.",
    alerts: false,
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
    let outside = calls_outside(assessment);
    group_calls(
        outside.iter(),
        |_| "outside business hours".to_owned(),
        |i| format!("{} outside business hours.", count_noun(i.count, "call")),
    )
}

/// Calls of watched principals outside their working hours.
pub fn count_calls_outside(assessment: &Assessment<'_>) -> u64 {
    calls_outside(assessment).iter().map(|part| part.count).sum()
}

/// The parts of watched calls that lie outside working hours.
fn calls_outside<'a>(assessment: &Assessment<'a>) -> Vec<ClassifiedCall<'a>> {
    let config = assessment.config;
    let all =
        config.watch.iter().filter_map(|watch| watch.business_hours.as_ref()).chain(&config.business_hours);
    let calendars: Vec<(&BusinessHours, BusinessCalendar)> =
        all.filter_map(|hours| Some((hours, BusinessCalendar::new(hours).ok()?))).collect();
    let part = |call: &ClassifiedCall<'a>| {
        let hours = call.watch?.business_hours.as_ref().or(config.business_hours.as_ref())?;
        let (_, calendar) = calendars.iter().find(|(known, _)| *known == hours)?;
        call.subset(|bucket| !calendar.contains(bucket.start()))
    };
    assessment.watched_calls().filter_map(part).collect()
}
