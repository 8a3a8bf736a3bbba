//! `circuit-breakers`: operations of AWS that are not called for a while, because they failed too often.
//!
//! Limit: an open breaker is critical, because a function works without what that operation gives.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue, span};
use crate::finding::count_noun;

pub(super) const RULE: HealthRule = HealthRule {
    name: "circuit-breakers",
    title: "Circuit breakers",
    remedy: "Find the error in the log of the function and the health of the service in the AWS Health Dashboard; the breaker closes by itself after a call succeeds.",
    remedy_if_unknown: "Give read access to the table of the deployment (dynamodb:Query).",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.open_breakers.map(|open| {
        let measures = vec![HealthMeasure {
            critical: Some(0.0),
            ..HealthMeasure::shown("open_circuit_breakers", HealthUnit::Count, open.len() as f64)
        }];
        let named: Vec<String> = open
            .iter()
            .map(|one| {
                let age = span(u64::from(inputs.now.since(one.opened_at)));
                format!("{} for {age}", crate::escape::escape_hidden(&one.operation))
            })
            .collect();
        let message = match named.is_empty() {
            true => "none open".to_owned(),
            false => format!("{} open: {}", count_noun(open.len() as u64, "breaker"), named.join(", ")),
        };
        vec![JudgedValue::of(message, measures)]
    })
}
