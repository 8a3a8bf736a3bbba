//! `dead-letters`: what was given up after several attempts.
//!
//! Limits: one is a warning, more than 10 are critical, because each is evidence or a report that is missing until an operator acts.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue};
use crate::finding::count_noun;

/// Things above which the check warns, and above which it is critical.
const LIMITS: (f64, f64) = (0.0, 10.0);

pub(super) const RULE: HealthRule = HealthRule {
    name: "dead-letters",
    title: "Dead letters",
    remedy: "Find the cause in the log of `ingest` or `report`; then redrive the messages of the dead-letter queue, and request the window of each parked report again (docs/runbook.md).",
    remedy_if_unknown: "Give read access to the table of the deployment (dynamodb:Query).",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.dead_letters.map(|count| {
        let all = count.missing_objects.saturating_add(count.parked_reports);
        let measures = vec![HealthMeasure::limited("dead_letters", HealthUnit::Count, all as f64, LIMITS)];
        let message = format!(
            "{} not read, {} parked",
            count_noun(count.missing_objects, "announced log file"),
            count_noun(count.parked_reports, "report")
        );
        vec![JudgedValue::of(message, measures)]
    })
}
