//! `unreadable-evidence`: log files or records that could not be read.

use super::{FindingRule, RuleMatch, Severity, count_noun};
use crate::assessment::Assessment;

/// The rule `unreadable-evidence`.
pub const RULE: FindingRule = FindingRule {
    id: "unreadable-evidence",
    severity: Severity::High,
    title: "Evidence could not be read",
    meaning: "The content of this evidence is unknown, and a log file of one account can hold calls of principals of another, so this concerns every watched principal. The report lists the files and the positions.",
    action: "Fetch the log files again from the bucket, and check them against the digest files: a damaged log file may be an attempt to hide activity.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let instance = |(reason, count): (&String, &u64)| RuleMatch {
        subject: reason.clone(),
        observation: format!("{} of evidence could not be read: {reason}.", count_noun(*count, "piece")),
        count: *count,
        ..RuleMatch::default()
    };
    assessment.evidence_quality.unreadable.iter().map(instance).collect()
}
