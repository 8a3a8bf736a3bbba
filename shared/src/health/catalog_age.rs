//! `catalog-age`: how old the sources of the operation catalog are.
//!
//! Limits: 90 and 365 days, Onlooker's own choice. AWS adds operations every week; one that the catalog does not know is never a
//! read, so an old catalog makes reports less conclusive, not wrong.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue};
use crate::finding::count_noun;

const DAY: u32 = 86_400;

pub(super) const RULE: HealthRule = HealthRule {
    name: "catalog-age",
    title: "Operation catalog",
    remedy: "Install a newer release of Onlooker, or build a newer catalog with `onlooker catalog build`.",
    remedy_if_unknown: "Give a catalog with the date of its sources as its version (`onlooker catalog build`).",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.catalog_date.map(|date| {
        let age = inputs.now.since(*date);
        let limits = (f64::from(90 * DAY), f64::from(365 * DAY));
        let measures =
            vec![HealthMeasure::limited("catalog_age", HealthUnit::Seconds, f64::from(age), limits)];
        let day = date.to_string();
        let message = format!(
            "sources of {}, {} old",
            day.get(..10).unwrap_or_default(),
            count_noun(u64::from(age / DAY), "day")
        );
        vec![JudgedValue::of(message, measures)]
    })
}
