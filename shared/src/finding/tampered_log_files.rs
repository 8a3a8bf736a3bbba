//! `tampered-log-files`: log files and digest files that are not as CloudTrail delivered them.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_by, phrases};
use crate::{
    assessment::Assessment,
    log_integrity::{HourProblem, IntegrityStatus},
    time::Time,
};

/// Files that a finding names.
const MAX_FILES: usize = 5;

/// The rule `tampered-log-files`.
pub const RULE: FindingRule = FindingRule {
    id: "tampered-log-files",
    severity: Severity::Critical,
    title: "Log files are not as CloudTrail delivered them",
    meaning: "A file was changed, replaced or moved after CloudTrail delivered it, so what happened in these hours is not known, and calls may have been removed from the evidence or added to it.",
    action: "Copy the files from the bucket again and verify them with `onlooker verify trail`, which names all of them; if the bucket has the changed files, keep them, find out who wrote them (data events and versions of the bucket), and take the events from another trail or the event history.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let integrity = assessment.coverage.log_integrity.iter();
    let problems = integrity.flat_map(|integrity| &integrity.verification.problems);
    let tampered = problems.filter(|problem| problem.kind.status() == IntegrityStatus::Tampered);
    group_by(tampered, |problem| format!("{} {}", problem.account, problem.region))
        .into_iter()
        .map(|(subject, problems)| {
            let files: Vec<String> =
                problems.iter().take(MAX_FILES).map(|problem| sentence(problem)).collect();
            let more = match problems.len().saturating_sub(MAX_FILES) {
                0 => String::new(),
                more => format!("; and {}", count_noun(more as u64, "more problem")),
            };
            RuleMatch {
                observation: format!("In account and region {subject}: {}{more}.", files.join("; ")),
                span: problems
                    .iter()
                    .map(|problem| (problem.since, Time(problem.until.0.saturating_sub(1))))
                    .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
                count: problems.len() as u64,
                subject,
                ..RuleMatch::default()
            }
        })
        .collect()
}

/// A file, what is wrong with it, and when CloudTrail delivered it.
fn sentence(problem: &HourProblem) -> String {
    let name = problem.file.rsplit(['/', '\\']).next().unwrap_or(&problem.file);
    format!(
        "{}, delivered from {} to {}: {}",
        phrases::quote(name),
        problem.since,
        problem.until,
        problem.kind.sentence()
    )
}
