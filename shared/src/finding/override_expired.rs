//! `override-expired`: calls an override would have allowed had it not expired before them.

use super::{Instance, Rule, Severity, counted};
use crate::assessment::Assessment;

/// The rule.
pub const RULE: Rule = Rule {
    id: "override-expired",
    severity: Severity::Medium,
    title: "An expired override would have allowed calls",
    meaning: "An exception ended and the calls went on: they are judged as if there were no override.",
    action: "Renew the override with an owner and a new end if the calls are still wanted, or remove it and stop them.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let instance = |(position, count): (&usize, &u64)| {
        let expired = assessment.config.overrides.get(*position)?;
        Some(Instance {
            subject: expired.id.clone(),
            seen: format!(
                "Override `{}` of {} expired at {}; {} since.",
                expired.id,
                expired.owner,
                expired.expires,
                counted(*count, "call")
            ),
            count: *count,
            ..Instance::default()
        })
    };
    assessment.expired.iter().filter_map(instance).collect()
}
