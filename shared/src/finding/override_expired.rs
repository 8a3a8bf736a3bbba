//! `override-expired`: calls an override would have allowed had it not expired before them.

use super::{FindingRule, RuleMatch, Severity, count_noun};
use crate::assessment::Assessment;

/// The rule `override-expired`.
pub const RULE: FindingRule = FindingRule {
    id: "override-expired",
    severity: Severity::Medium,
    title: "An override expired and its calls continued",
    meaning: "Calls after the expiry are classified as if there were no override.",
    action: "If the calls are still needed, renew the override with an owner and a new expiry; otherwise remove it and stop the calls.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let instance = |(position, count): (&usize, &u64)| {
        let expired = assessment.config.overrides.get(*position)?;
        Some(RuleMatch {
            subject: expired.id.clone(),
            observation: format!(
                "Override `{}` of {} expired at {}; {} since.",
                expired.id,
                expired.owner,
                expired.expires,
                count_noun(*count, "call")
            ),
            count: *count,
            ..RuleMatch::default()
        })
    };
    assessment.expired_calls.iter().filter_map(instance).collect()
}
