//! `coverage-lag`: how old the newest evidence is, of the account and region that is most behind.
//!
//! Limits: of a deployment two report intervals and 3 hours, in which CloudTrail delivers and the evidence settles; of a state the
//! age that the user accepts. Twice the limit is critical.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue, span};

pub(super) const RULE: HealthRule = HealthRule {
    name: "coverage-lag",
    title: "Coverage lag",
    remedy: "Check that CloudTrail delivers for this account and region, and that `pull` or `ingest` reads it; for a state, sweep the newest log files.",
    remedy_if_unknown: "Name accounts and regions in `coverage`, and make a report with `onlooker sweep PATH`, or invoke the function `report`.",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.coverage.map(|coverage| {
        let lag = inputs.now.since(coverage.observed_until);
        let limits = (f64::from(inputs.max_age_seconds), f64::from(inputs.max_age_seconds.saturating_mul(2)));
        let measures = vec![
            HealthMeasure::limited("coverage_lag", HealthUnit::Seconds, f64::from(lag), limits),
            HealthMeasure::shown("coverage_places", HealthUnit::Count, coverage.places as f64),
        ];
        let message = format!("evidence of {} ends {} ago", coverage.place, span(u64::from(lag)));
        vec![JudgedValue::of(message, measures)]
    })
}
