//! `query-cache`: the answers to queries of the audit trail that are in the memory of the process.
//!
//! Limit: above 90 % the next queries replace answers that may be asked for again.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue};
use crate::{coverage::percent, finding::count_noun};

pub(super) const RULE: HealthRule = HealthRule {
    name: "query-cache",
    title: "Query cache",
    remedy: "Raise `audit.query_cache_size`.",
    remedy_if_unknown: "Verify the audit trail with `onlooker audit verify`.",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.query_cache.map(|cache| {
        let full = percent(cache.entries, cache.capacity).unwrap_or_default();
        let mut measures = vec![
            HealthMeasure {
                warning: Some(90.0),
                ..HealthMeasure::shown("query_cache_full", HealthUnit::Percent, full)
            },
            HealthMeasure::shown("query_cache_entries", HealthUnit::Count, cache.entries as f64),
            HealthMeasure::shown("query_cache_capacity", HealthUnit::Count, cache.capacity as f64),
        ];
        let mut message =
            format!("{} of {} in memory, {full} % full", cache.entries, count_noun(cache.capacity, "answer"));
        if let Some(share) = percent(cache.hits, cache.queries) {
            measures.push(HealthMeasure::shown("query_cache_hits", HealthUnit::Percent, share));
            message.push_str(&format!(
                ", {} of {} answered from memory",
                cache.hits,
                count_noun(cache.queries, "question")
            ));
        }
        vec![JudgedValue::of(message, measures)]
    })
}
