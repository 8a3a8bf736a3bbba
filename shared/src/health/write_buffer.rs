//! `write-buffer`: what waits to be written.
//!
//! Limits: 500 and 800 entries, those of the audit system that Onlooker replaces.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue, span};
use crate::finding::count_noun;

/// Entries above which the check warns, and above which it is critical.
const LIMITS: (f64, f64) = (500.0, 800.0);

pub(super) const RULE: HealthRule = HealthRule {
    name: "write-buffer",
    title: "Write buffer",
    remedy: "Read the error of the last run (`heartbeat-report`, `heartbeat-ingest`) and repair it; what waits is then written by the next run.",
    remedy_if_unknown: "Give read access to the table of the deployment (dynamodb:Query).",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.write_queue.map(|queue| {
        let mut measures =
            vec![HealthMeasure::limited("write_buffer", HealthUnit::Count, queue.entries as f64, LIMITS)];
        let entries = count_noun(queue.entries, queue.noun);
        let verb = if queue.entries == 1 { "waits" } else { "wait" };
        let message = match queue.oldest.filter(|_| queue.entries > 0) {
            Some(oldest) => {
                let age = inputs.now.since(oldest);
                measures.push(HealthMeasure::shown(
                    "write_buffer_oldest_age",
                    HealthUnit::Seconds,
                    f64::from(age),
                ));
                format!("{entries} {verb}, the oldest for {}", span(u64::from(age)))
            }
            None => format!("{entries} {verb}"),
        };
        vec![JudgedValue::of(message, measures)]
    })
}
