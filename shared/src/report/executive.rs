//! The executive summary: what a reader who stops after five lines must know.
//!
//! Enters: status, scores, findings and recommendations. Leaves: [`Summary`]. Law: nothing is claimed beyond the event
//! classes that are known to be logged.

use super::{Summary, Totals};
use crate::{
    assessment::{Assessment, Could},
    config::Watch,
    event::Outcome,
    finding::{Finding, Recommendation, Severity},
    score::{Compliance, Risk, Status},
};

/// Sentences in each list.
const AT_MOST: usize = 5;

pub(super) fn summary(
    assessment: &Assessment<'_>,
    totals: &Totals,
    compliance: Compliance,
    risk: Option<&Risk>,
    findings: &[Finding],
    recommendations: &[Recommendation],
) -> Summary {
    let status = assessment.overall();
    Summary {
        overall_compliance: status,
        statement: statement(assessment, status, totals) + &own(assessment) + &could(assessment),
        compliance_score: compliance.score,
        risk_score: risk.map(|risk| risk.score),
        risk_level: risk.map(|risk| risk.level),
        key_findings: findings
            .iter()
            .filter(|finding| finding.severity > Severity::Info)
            .take(AT_MOST)
            .map(key_finding)
            .collect(),
        immediate_actions: recommendations
            .iter()
            .filter(|recommendation| recommendation.severity >= Severity::High)
            .take(AT_MOST)
            .map(immediate_action)
            .collect(),
    }
}

fn statement(assessment: &Assessment<'_>, status: Option<Status>, totals: &Totals) -> String {
    let classes = assessment.coverage.covered_classes();
    let scope = if classes.is_empty() {
        "No event class is known to be logged in every account. Even so,".to_owned()
    } else {
        format!("In {}:", classes.join(", "))
    };
    match status {
        None => format!(
            "Nothing was promised, so nothing is called compliant. {scope} {} calls by {} principals were looked at.",
            totals.operations, totals.principals
        ),
        Some(Status::Compliant) => format!(
            "{scope} all {} calls by watched principals were ones a read-only principal may make, or AWS refused them, and no evidence is missing.",
            totals.watched_operations
        ),
        Some(Status::InsufficientEvidence) => format!(
            "{scope} nothing seen in {} calls by watched principals breaks the promise, but what was seen does not prove it.",
            totals.watched_operations
        ),
        Some(Status::NonCompliant) => {
            let broken: u64 = assessment
                .watched_calls()
                .filter(|judged| judged.effect() == Status::NonCompliant)
                .map(|judged| judged.count)
                .sum();
            format!(
                "{scope} {broken} of {} calls by watched principals were carried out although a read-only principal may not make them.",
                totals.watched_operations
            )
        }
    }
}

/// What Onlooker's own roles did: the promises of the user do not speak of them.
fn own(assessment: &Assessment<'_>) -> String {
    if !assessment.config.watch.iter().any(Watch::is_own) {
        return String::new();
    }
    let (mut calls, mut beyond) = (0, 0);
    for judged in assessment.watched_calls().filter(|judged| judged.is_own()) {
        calls += judged.count;
        beyond += if judged.is_permitted() || judged.outcome() == Outcome::Denied { 0 } else { judged.count };
    }
    format!(" Onlooker's own roles made {calls} calls, {beyond} of them beyond what they are for.")
}

/// What policies would have let watched principals do besides.
fn could(assessment: &Assessment<'_>) -> String {
    let surely = |could: &Could| could.excessive().filter(|grant| Could::is_sure(grant)).count();
    let over: Vec<(&str, usize)> =
        assessment.could.iter().map(|(arn, could)| (&**arn, surely(could))).filter(|(_, n)| *n > 0).collect();
    let actions = |n: usize| {
        if n == 1 { "1 action that is no read".to_owned() } else { format!("{n} actions that are no reads") }
    };
    match &*over {
        [] => String::new(),
        [(arn, n)] => format!(" The policies of {arn} would have let it do more: {}.", actions(*n)),
        many => format!(
            " The policies of {} watched principals would have let them do more: up to {}.",
            many.len(),
            actions(many.iter().map(|(_, n)| *n).max().unwrap_or_default())
        ),
    }
}

fn key_finding(finding: &Finding) -> String {
    let who = finding.principal.as_deref().map(|arn| format!(" ({arn})")).unwrap_or_default();
    let seen = finding.description.split(". ").next().unwrap_or_default().trim_end_matches('.');
    format!("{}{who}: {seen}.", finding.title)
}

fn immediate_action(recommendation: &Recommendation) -> String {
    let findings = match recommendation.findings {
        1 => String::new(),
        findings => format!(", {findings} findings"),
    };
    format!("{}{findings}: {}", recommendation.title, recommendation.action)
}
