//! `rate-limiting`: entries that the rate limit of the audit trail left out, and calls that CloudTrail throttled.
//!
//! Limits: any entry that was left out is a warning, because the trail is then not complete; so is a run of which CloudTrail
//! throttled more than half of the calls, because the event history falls behind.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue};
use crate::{coverage::percent, finding::count_noun};

pub(super) const RULE: HealthRule = HealthRule {
    name: "rate-limiting",
    title: "Rate limiting",
    remedy: "Find the principal with `onlooker audit query --kind rate_limit`; raise `audit.rate_limit`, or 0 for no limit. If CloudTrail throttles, raise `PullIntervalMinutes` or deliver log files.",
    remedy_if_unknown: "Verify the audit trail with `onlooker audit verify`.",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.rate_limits.map(|limits| {
        let mut measures = vec![HealthMeasure {
            warning: Some(0.0),
            ..HealthMeasure::shown("rate_limit_blocked", HealthUnit::Count, limits.blocked as f64)
        }];
        let active = match limits.active_sources {
            Some(sources) => {
                measures.push(HealthMeasure::shown("rate_limit_sources", HealthUnit::Count, sources as f64));
                format!("{} active", count_noun(sources, "principal"))
            }
            None => "active principals not counted, because the audit trail has many batches".to_owned(),
        };
        let hours = count_noun(u64::from(limits.hours), "hour");
        let mut message = format!("{} blocked, {active} in the last {hours}", limits.blocked);
        if let Some((throttled, requests)) = limits.lookups {
            let share = percent(throttled, requests).unwrap_or_default();
            measures.push(HealthMeasure {
                warning: Some(50.0),
                ..HealthMeasure::shown("lookups_throttled", HealthUnit::Percent, share)
            });
            message.push_str(&format!(
                "; {throttled} of {} throttled in the last pull",
                count_noun(requests, "lookup")
            ));
        }
        vec![JudgedValue::of(message, measures)]
    })
}
