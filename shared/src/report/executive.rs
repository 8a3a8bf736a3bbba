//! The executive summary: the essentials of a report in five lines.
//!
//! Enters: status, scores, findings and recommendations. Leaves: [`ExecutiveSummary`]. Laws: the statement claims
//! nothing beyond the event classes that are known to be logged; calls that overrides allowed, and watch entries that
//! no principal matches, are in the statement.

use std::collections::BTreeSet;

use super::{
    ExecutiveSummary, OverrideSummary, ReportTotals,
    inferred::inferred,
    status_reasons::{AccountGaps, overall_reasons, unconcerned_gaps},
};
use crate::{
    assessment::{Assessment, ClassifiedCall, PrincipalGrants, ReportMode},
    config::Watch,
    coverage::{Coverage, EventClassCoverage, EventClassState, ExpectedPart},
    event::Outcome,
    finding::{self, Finding, FindingRule, Recommendation, Severity, count_noun, phrases},
    number_text::thousands,
    score::{ComplianceScore, RiskScore, Status, status_impact},
};

/// Maximum number of sentences in each list.
const MAX_SENTENCES: usize = 5;

/// Maximum number of watch entries that a sentence names; the rest is given as a number.
const MAX_NAMED_WATCHES: usize = 3;

pub(super) fn summary(
    assessment: &Assessment<'_>,
    totals: &ReportTotals,
    compliance: ComplianceScore,
    risk: Option<&RiskScore>,
    findings: &[Finding],
    recommendations: &[Recommendation],
) -> ExecutiveSummary {
    let status = assessment.overall_status();
    let overrides = override_summary(assessment);
    let unseen_watches: Vec<String> =
        assessment.unseen_watches().map(|watch| watch.principal.clone()).collect();
    let exceptions = overrides.map(|overrides| format!(" {}", overrides.sentence())).unwrap_or_default();
    let exceptions = exceptions + &unseen_watches_sentence(&unseen_watches);
    let most = if assessment.config.report.generate_executive_summary { MAX_SENTENCES } else { 0 };
    ExecutiveSummary {
        overall_compliance: status,
        inferred: inferred(assessment.coverage),
        status_reasons: overall_reasons(assessment, status),
        statement: statement(assessment, status, totals, overrides.is_some(), &exceptions)
            + &unscored_calls(assessment)
            + &own_roles(assessment)
            + &granted_permissions(assessment)
            + &lead_in(assessment, status),
        evidence_completeness: assessment.evidence_completeness(),
        overrides,
        unseen_watches,
        compliance_score: compliance.score,
        risk_score: risk.map(|risk| risk.score),
        risk_level: risk.map(|risk| risk.level),
        key_findings: findings
            .iter()
            .filter(|finding| finding.severity > Severity::Info)
            .take(most)
            .map(key_finding)
            .collect(),
        top_actions: top_actions(lacks_evidence(assessment, status), recommendations)
            .take(most)
            .map(immediate_action)
            .collect(),
        is_shortened: most == 0,
    }
}

/// Rules about evidence that is missing, without which a status cannot be given.
const EVIDENCE_RULES: [&FindingRule; 7] = [
    &finding::tampered_log_files::RULE,
    &finding::unreadable_evidence::RULE,
    &finding::missing_logs::RULE,
    &finding::missing_hours::RULE,
    &finding::event_class_not_logged::RULE,
    &finding::conflicting_evidence::RULE,
    &finding::principal_not_seen::RULE,
];

/// Recommendations that complete the evidence and come before others.
const MAX_EVIDENCE_ACTIONS: usize = 3;

/// Whether evidence about a promise is missing, and decides the status.
fn lacks_evidence(assessment: &Assessment<'_>, status: Option<Status>) -> bool {
    status == Some(Status::InsufficientEvidence)
        && (!assessment.gaps_in(&assessment.promised_accounts()).is_empty()
            || assessment.unseen_watches().next().is_some())
}

/// The most urgent recommendations. If evidence decides the status, those that complete it are first.
fn top_actions(
    lacks_evidence: bool,
    recommendations: &[Recommendation],
) -> impl Iterator<Item = &Recommendation> {
    let completes = |one: &&Recommendation| EVIDENCE_RULES.iter().any(|rule| rule.id == one.id);
    let first = recommendations.iter().filter(completes);
    let first: Vec<_> = first.take(if lacks_evidence { MAX_EVIDENCE_ACTIONS } else { 0 }).collect();
    let ids: BTreeSet<&str> = first.iter().map(|one| one.id.as_str()).collect();
    let others =
        move |one: &&Recommendation| one.severity >= Severity::High && !ids.contains(one.id.as_str());
    first.into_iter().chain(recommendations.iter().filter(others))
}

/// What a proof does not cover because hours before a given period have no evidence. An inferred period has none, and
/// the report says first that it was inferred.
fn lead_in(assessment: &Assessment<'_>, status: Option<Status>) -> String {
    let Coverage { lead_in, inferred_parts, .. } = assessment.coverage;
    let is_given = !inferred_parts.contains(&ExpectedPart::Since);
    match lead_in.missing_hours() {
        missing if missing > 0 && is_given && status == Some(Status::Compliant) => format!(
            " Role sessions that began before the period are covered for {} of {} hours.",
            lead_in.observed_hours, lead_in.expected_hours
        ),
        _ => String::new(),
    }
}

/// The calls that overrides allowed; `None` if they allowed none.
pub(super) fn override_summary(assessment: &Assessment<'_>) -> Option<OverrideSummary> {
    let mut summary = OverrideSummary::default();
    let mut used = BTreeSet::new();
    let is_discovery = assessment.mode == ReportMode::Discovery;
    let counts = |call: &&ClassifiedCall<'_>| !call.is_own_role() && (is_discovery || call.watch.is_some());
    for call in assessment.calls().filter(counts) {
        summary.calls += call.count;
        if let Some(allowing) = call.allowed_by {
            summary.allowed_calls += call.count;
            used.insert(&allowing.id);
        }
    }
    summary.overrides = used.len() as u64;
    (summary.allowed_calls > 0).then_some(summary)
}

impl OverrideSummary {
    /// `2 of 40 calls were allowed by 1 override.`
    pub fn sentence(&self) -> String {
        let calls = count_noun(self.calls, "call");
        let were = if self.allowed_calls == 1 { "was" } else { "were" };
        let overrides = count_noun(self.overrides, "override");
        format!("{} of {calls} {were} allowed by {overrides}.", self.allowed_calls)
    }
}

/// The watch entries that no principal in the evidence matches.
fn unseen_watches_sentence(patterns: &[String]) -> String {
    let named = phrases::quote_some(patterns.iter().map(String::as_str), MAX_NAMED_WATCHES);
    match patterns.len() {
        0 => String::new(),
        1 => format!(" The watch entry {named} matches no principal in the evidence."),
        many => format!(" {many} watch entries match no principal in the evidence: {named}."),
    }
}

/// `exceptions` are sentences, each after a space, that follow the claim.
fn statement(
    assessment: &Assessment<'_>,
    status: Option<Status>,
    totals: &ReportTotals,
    has_allowed: bool,
    exceptions: &str,
) -> String {
    let accounts = assessment.promised_accounts();
    let is_gap = |class: &&EventClassCoverage| {
        accounts.is_every || accounts.accounts.iter().any(|account| class.is_gap_of(account))
    };
    let covered = |class: &&EventClassCoverage| {
        class.state.is_logged() || class.state == EventClassState::Gap && !is_gap(class)
    };
    let classes: Vec<&str> =
        assessment.coverage.event_classes.iter().filter(covered).map(|class| &*class.class).collect();
    let scope = match classes.as_slice() {
        [] => "No event class is known to be logged in every account.".to_owned(),
        [class] => format!("The statement covers the event class {class}."),
        classes => format!("The statement covers the event classes {}.", classes.join(", ")),
    };
    let mut watched_calls = count_noun(totals.watched_operations, "call");
    let through_roles =
        assessment.watched_calls().filter(|call| !call.is_own_role() && call.role_chain.is_some());
    match through_roles.map(|call| call.count).sum::<u64>() {
        0 => (),
        through => watched_calls.push_str(&format!(", {} of them through roles", thousands(through))),
    }
    // A call that an override allows may show that a principal is not read-only.
    let unproven = match has_allowed {
        true => "None of them breaks the promise, but the evidence is not sufficient to prove it.",
        false => {
            "None of them shows that a principal is not read-only, but the evidence is not sufficient to prove that all are."
        }
    };
    let claim = match status {
        None => {
            let coverage = assessment.coverage;
            let gap = match coverage.is_zero() {
                true => format!(
                    " {} of {} observed: the coverage is 0 %.",
                    coverage.observed_hours,
                    count_noun(coverage.expected_hours, "expected hour")
                ),
                false => String::new(),
            };
            format!(
                "No principal is watched, so compliance is not assessed. The evidence shows {} by {}.{gap}",
                count_noun(totals.operations, "call"),
                count_noun(totals.principals, "principal")
            )
        }
        Some(Status::Compliant) => format!(
            "Watched principals made {watched_calls}. Each was read-only, allowed by an override or not carried out by AWS, and {}",
            missing_elsewhere(assessment)
        ),
        Some(Status::InsufficientEvidence) => match uncertain_violations(assessment) {
            0 => format!("Watched principals made {watched_calls}. {unproven}"),
            uncertain => format!(
                "Watched principals made {watched_calls}. {} of them would break the promise, but another principal may have made them.",
                thousands(uncertain)
            ),
        },
        Some(Status::NonCompliant) => {
            let broken: u64 = assessment
                .watched_calls()
                .filter(|call| !call.is_own_role() && call.status_impact() == Status::NonCompliant)
                .map(|call| call.count)
                .sum();
            format!(
                "Watched principals made {watched_calls}. {} of them succeeded although a read-only principal may not make them.",
                thousands(broken)
            )
        }
    };
    format!("{claim}{exceptions} {scope}")
}

/// What a proof says about missing evidence: there is none, or none of it concerns the watched principals.
fn missing_elsewhere(assessment: &Assessment<'_>) -> String {
    let except = match assessment.excluded_files.files {
        0 => String::new(),
        1 => ", except for 1 file that was excluded".to_owned(),
        files => format!(", except for {files} files that were excluded"),
    };
    match unconcerned_gaps(&AccountGaps::of(assessment), &assessment.promised_accounts(), "them") {
        None => format!("no evidence is missing{except}."),
        Some(sentence) => format!("no evidence that concerns them is missing{except}. {sentence}"),
    }
}

/// Calls that would break the promise if no other principal can have made them.
fn uncertain_violations(assessment: &Assessment<'_>) -> u64 {
    let breaks = |call: &&ClassifiedCall<'_>| {
        !call.is_own_role()
            && !call.is_permitted()
            && status_impact(call.operation_type(), call.outcome()) == Status::NonCompliant
    };
    assessment.watched_calls().filter(breaks).map(|call| call.count).sum()
}

/// How many of the calls in the statement are not part of the score.
fn unscored_calls(assessment: &Assessment<'_>) -> String {
    let is_unscored =
        |call: &&ClassifiedCall<'_>| !call.is_own_role() && call.role_chain.is_some() && call.is_permitted();
    match assessment.watched_calls().filter(is_unscored).map(|call| call.count).sum::<u64>() {
        0 => String::new(),
        calls => {
            format!(" The score leaves out the {} made through roles.", count_noun(calls, "permitted call"))
        }
    }
}

/// Calls of Onlooker's own roles: the user's watch entries do not cover them.
fn own_roles(assessment: &Assessment<'_>) -> String {
    if !assessment.config.watch.iter().any(Watch::is_own_role) {
        return String::new();
    }
    let (mut calls, mut beyond) = (0, 0);
    for call in assessment.watched_calls().filter(|call| call.is_own_role()) {
        calls += call.count;
        beyond += if call.is_permitted() || call.outcome() == Outcome::Denied { 0 } else { call.count };
    }
    format!(
        " Onlooker's own roles made {}, {beyond} of them outside their purpose.",
        count_noun(calls, "call")
    )
}

/// What else the policies of watched principals grant.
fn granted_permissions(assessment: &Assessment<'_>) -> String {
    let unconditional = |granted: &PrincipalGrants| {
        granted.excessive_grants().filter(|grant| PrincipalGrants::is_unconditional(grant)).count()
    };
    let over: Vec<(&str, usize)> = assessment
        .granted
        .iter()
        .map(|(arn, granted)| (&**arn, unconditional(granted)))
        .filter(|(_, n)| *n > 0)
        .collect();
    let actions = |n: usize| {
        let are = if n == 1 { "is" } else { "are" };
        format!("{} that {are} not read-only", count_noun(n as u64, "action"))
    };
    match &*over {
        [] => String::new(),
        [(arn, n)] => format!(" The policies of {arn} grant {}.", actions(*n)),
        many => format!(
            " The policies of {} watched principals each grant up to {}.",
            many.len(),
            actions(many.iter().map(|(_, n)| *n).max().unwrap_or_default())
        ),
    }
}

fn key_finding(finding: &Finding) -> String {
    let principal = finding.principal.as_deref().map(|arn| format!("{arn}: ")).unwrap_or_default();
    let seen = finding.description.split(". ").next().unwrap_or_default().trim_end_matches('.');
    format!("{}. {principal}{seen}.", finding.title)
}

fn immediate_action(recommendation: &Recommendation) -> String {
    let findings = match recommendation.findings {
        1 => String::new(),
        findings => format!(", {findings} findings"),
    };
    format!("{}{findings}: {}", recommendation.title, recommendation.action)
}
