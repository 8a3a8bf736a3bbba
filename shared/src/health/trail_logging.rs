//! `trail-logging`: whether the trail logs, as far as the evidence shows it.
//!
//! Limits: a call that changed what is logged is critical, because events may be missing since; an expected hour without evidence
//! is a warning.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue};
use crate::finding::count_noun;

pub(super) const RULE: HealthRule = HealthRule {
    name: "trail-logging",
    title: "Trail logging",
    remedy: "Check the trail (`aws cloudtrail get-trail-status`), its selectors and its bucket, then give the evidence of the missing hours and sweep again.",
    remedy_if_unknown: "Make a report with `onlooker sweep PATH`, or invoke the function `report`.",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    match inputs.logging.known() {
        Some(logging) if logging.expected_hours == 0 && logging.changes == 0 => {
            return HealthInput::Unknown(
                "the report expects no hour, so it does not show whether the trail logs".to_owned(),
            );
        }
        _ => {}
    }
    inputs.logging.map(|logging| {
        let missing = logging.expected_hours.saturating_sub(logging.observed_hours);
        let measures = vec![
            HealthMeasure {
                critical: Some(0.0),
                ..HealthMeasure::shown("logging_changes", HealthUnit::Count, logging.changes as f64)
            },
            HealthMeasure {
                warning: Some(0.0),
                ..HealthMeasure::shown("missing_hours", HealthUnit::Count, missing as f64)
            },
        ];
        let hours = count_noun(logging.expected_hours, "expected hour");
        let mut message = format!("{} of {hours} observed", logging.observed_hours);
        if logging.changes > 0 {
            message.push_str(&format!("; {} changed what is logged", count_noun(logging.changes, "call")));
        }
        vec![JudgedValue::of(message, measures)]
    })
}
