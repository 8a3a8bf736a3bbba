//! The executive summary: what a reader who stops after five lines must know.
//!
//! Enters: status, scores, findings and recommendations. Leaves: [`ExecutiveSummary`]. Law: nothing is claimed beyond the event
//! classes that are known to be logged.

use super::{ExecutiveSummary, ReportTotals};
use crate::{
    assessment::{Assessment, ClassifiedCall, PrincipalGrants},
    config::Watch,
    event::Outcome,
    finding::{Finding, Recommendation, Severity},
    score::{ComplianceScore, RiskScore, Status, status_impact},
};

/// Sentences in each list.
const MAX_SENTENCES: usize = 5;

pub(super) fn summary(
    assessment: &Assessment<'_>,
    totals: &ReportTotals,
    compliance: ComplianceScore,
    risk: Option<&RiskScore>,
    findings: &[Finding],
    recommendations: &[Recommendation],
) -> ExecutiveSummary {
    let status = assessment.overall_status();
    ExecutiveSummary {
        overall_compliance: status,
        statement: statement(assessment, status, totals)
            + &unscored_calls(assessment)
            + &own_roles(assessment)
            + &granted_permissions(assessment),
        compliance_score: compliance.score,
        risk_score: risk.map(|risk| risk.score),
        risk_level: risk.map(|risk| risk.level),
        key_findings: findings
            .iter()
            .filter(|finding| finding.severity > Severity::Info)
            .take(MAX_SENTENCES)
            .map(key_finding)
            .collect(),
        top_actions: recommendations
            .iter()
            .filter(|recommendation| recommendation.severity >= Severity::High)
            .take(MAX_SENTENCES)
            .map(immediate_action)
            .collect(),
    }
}

fn statement(assessment: &Assessment<'_>, status: Option<Status>, totals: &ReportTotals) -> String {
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
        Some(Status::InsufficientEvidence) => {
            let calls = totals.watched_operations;
            match uncertain_violations(assessment) {
                0 => format!(
                    "{scope} nothing seen in {calls} calls by watched principals breaks the promise, but what was seen does not prove it."
                ),
                doubtful => format!(
                    "{scope} {doubtful} of {calls} calls by watched principals would break the promise, but somebody else may have made them."
                ),
            }
        }
        Some(Status::NonCompliant) => {
            let broken: u64 = assessment
                .watched_calls()
                .filter(|judged| !judged.is_own_role() && judged.status_impact() == Status::NonCompliant)
                .map(|judged| judged.count)
                .sum();
            format!(
                "{scope} {broken} of {} calls by watched principals were carried out although a read-only principal may not make them.",
                totals.watched_operations
            )
        }
    }
}

/// Calls that would break the promise, if nobody else can have made them.
fn uncertain_violations(assessment: &Assessment<'_>) -> u64 {
    let breaks = |judged: &&ClassifiedCall<'_>| {
        !judged.is_own_role()
            && status_impact(judged.operation_type(), judged.outcome()) == Status::NonCompliant
    };
    assessment.watched_calls().filter(breaks).map(|judged| judged.count).sum()
}

/// How many of the calls the statement counts are not in the score.
fn unscored_calls(assessment: &Assessment<'_>) -> String {
    let is_left_out = |judged: &&ClassifiedCall<'_>| {
        !judged.is_own_role() && judged.role_chain.is_some() && judged.is_permitted()
    };
    match assessment.watched_calls().filter(is_left_out).map(|judged| judged.count).sum::<u64>() {
        0 => String::new(),
        1 => " The score leaves out 1 permitted call that was made through another session.".to_owned(),
        calls => {
            format!(" The score leaves out {calls} permitted calls that were made through other sessions.")
        }
    }
}

/// What Onlooker's own roles did: the promises of the user do not speak of them.
fn own_roles(assessment: &Assessment<'_>) -> String {
    if !assessment.config.watch.iter().any(Watch::is_own_role) {
        return String::new();
    }
    let (mut calls, mut beyond) = (0, 0);
    for judged in assessment.watched_calls().filter(|judged| judged.is_own_role()) {
        calls += judged.count;
        beyond += if judged.is_permitted() || judged.outcome() == Outcome::Denied { 0 } else { judged.count };
    }
    format!(" Onlooker's own roles made {calls} calls, {beyond} of them beyond what they are for.")
}

/// What policies would have let watched principals do besides.
fn granted_permissions(assessment: &Assessment<'_>) -> String {
    let surely = |could: &PrincipalGrants| {
        could.excessive_grants().filter(|grant| PrincipalGrants::is_unconditional(grant)).count()
    };
    let over: Vec<(&str, usize)> = assessment
        .granted
        .iter()
        .map(|(arn, could)| (&**arn, surely(could)))
        .filter(|(_, n)| *n > 0)
        .collect();
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
