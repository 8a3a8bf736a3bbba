//! `outside-business-hours`: calls of a watched principal outside its working hours.

use super::{Instance, Rule, Severity, counted, gather};
use crate::{
    assessment::{Assessment, Judged},
    config::Calendar,
    tally::{SLOT, Slot},
    time::Time,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "outside-business-hours",
    severity: Severity::Low,
    title: "A watched principal was active outside business hours",
    meaning: "Activity at hours when its people do not work may be a schedule nobody wrote down, or somebody else.",
    action: "Compare with the schedules of its owner; narrow the hours in which it can be assumed, or configure its hours.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let outside: Vec<Judged<'_>> =
        assessment.watched_calls().filter_map(|judged| part_outside(assessment, judged)).collect();
    gather(
        outside.iter(),
        |_| "outside business hours".to_owned(),
        |i| format!("{} outside business hours.", counted(i.count, "call")),
    )
}

/// Calls of watched principals outside their working hours.
pub fn count(assessment: &Assessment<'_>) -> u64 {
    assessment
        .watched_calls()
        .filter_map(|judged| part_outside(assessment, judged))
        .map(|part| part.count)
        .sum()
}

/// The part of these calls that lies outside working hours; `None` when all lie inside or no hours are configured.
fn part_outside<'a>(assessment: &Assessment<'a>, judged: &Judged<'a>) -> Option<Judged<'a>> {
    let hours = judged.watch?.business_hours.as_ref().or(assessment.config.business_hours.as_ref())?;
    let calendar = Calendar::new(hours).ok()?;
    let slots: Vec<(Slot, u32)> =
        judged.slots.iter().filter(|(slot, _)| !calendar.contains(slot.start())).copied().collect();
    let first = slots.first()?.0.start();
    let last = slots.last()?.0.start();
    let samples = judged.samples.iter().filter(|sample| !calendar.contains(sample.time)).copied().collect();
    let count = slots.iter().map(|(_, count)| u64::from(*count)).sum();
    Some(Judged {
        count,
        span: (judged.span.0.max(first), judged.span.1.min(Time(last.0 + SLOT - 1))),
        samples,
        slots,
        ..judged.clone()
    })
}
