//! `missing-logs`: log files that digest files list and that the evidence does not show.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_by};
use crate::assessment::Assessment;

/// The rule `missing-logs`.
pub const RULE: FindingRule = FindingRule {
    id: "missing-logs",
    severity: Severity::High,
    title: "Log files that a digest file lists are missing",
    meaning: "CloudTrail delivered these log files, but no event in the evidence has the times of their oldest and newest event, so the content of the log files is unknown. A log file that is there but could not be read counts too.",
    action: "Fetch the log files of this account, Region and time and read them with `onlooker sweep`; `onlooker verify trail` names the missing ones; a log file that is gone from the bucket while its digest file remains may have been deleted to hide activity.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let logs = assessment.evidence_quality.missing_log_files.iter();
    group_by(logs, |log| format!("{} {}", log.account, log.region))
        .into_iter()
        .map(|(subject, logs)| RuleMatch {
            observation: format!(
                "Digest files list {} of {subject} that the evidence does not show.",
                count_noun(logs.len() as u64, "log file")
            ),
            span: logs.iter().map(|log| (log.oldest, log.newest)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
            count: logs.len() as u64,
            subject,
            ..RuleMatch::default()
        })
        .collect()
}
