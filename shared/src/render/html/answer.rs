//! The first screen: are they read-only, how sure is that, what must be done.
//!
//! Enters: the result, and the findings in the order of the page. Leaves: [`Answer`]. Laws: every watched principal has a
//! sentence or is counted; what weakens the proof is named, each with where the page says more.

use std::collections::BTreeSet;

use super::{
    badge::{self, Badge},
    filters::thousands,
    finding::{FindingLink, FindingLinks},
    principal::{PrincipalRow, PrincipalsTable},
    principal_sentence::overall,
    truncated::{Truncated, most},
};
use crate::{
    finding::{Severity, count_noun, rule},
    report::ReportResult,
};

/// The answers of the first screen.
#[derive(Debug)]
pub struct Answer<'a> {
    /// How many of the watched principals are read-only.
    pub verdict: String,
    /// What weakens the proof; empty if nothing does.
    pub doubts: Vec<Doubt>,
    /// What to do, most urgent first.
    pub tasks: Truncated<Task<'a>>,
    /// Anchors, statuses and sentences of the watched principals.
    pub principals: Truncated<PrincipalLine<'a>>,
}

/// Something that weakens the proof.
#[derive(Debug)]
pub struct Doubt {
    /// What is missing or uncertain.
    pub text: String,
    /// Section of the page that says more.
    pub section: &'static str,
}

/// What to do about the first finding of a rule.
#[derive(Debug)]
pub struct Task<'a> {
    /// The finding.
    pub link: FindingLink<'a>,
    /// Number of further findings of the rule.
    pub more: usize,
    /// The first step that the rule recommends.
    pub action: String,
}

/// A watched principal.
#[derive(Debug)]
pub struct PrincipalLine<'a> {
    /// Number of its anchor.
    pub anchor: usize,
    /// Badge of its status.
    pub status: Option<Badge>,
    /// Its name.
    pub name: &'a str,
    /// Its account; empty when unknown.
    pub account: &'a str,
    /// The sentence.
    pub sentence: String,
}

impl<'a> Answer<'a> {
    /// The answers of a result.
    pub fn of(result: &'a ReportResult, table: &PrincipalsTable<'a>, links: &FindingLinks<'a>) -> Self {
        let watched = || table.rows.items.iter().filter(|row| row.principal.watched_as.is_some());
        let lines = watched().map(|row: &PrincipalRow<'a>| PrincipalLine {
            anchor: row.anchor,
            status: row.principal.status.map(badge::status),
            name: row.name,
            account: &row.principal.account,
            sentence: row.sentence.clone(),
        });
        let mut principals = Truncated::of(lines, most::SENTENCES);
        principals.omitted = table.watched.saturating_sub(principals.items.len());
        Self {
            verdict: overall(&result.principals),
            doubts: doubts(result),
            tasks: tasks(result, links),
            principals,
        }
    }
}

fn doubts(result: &ReportResult) -> Vec<Doubt> {
    let coverage = &result.coverage;
    let hours = coverage.missing_hours();
    let classes = coverage.class_gaps().count() as u64;
    let totals = &result.totals;
    let integrity = coverage.log_integrity.as_ref().map(|integrity| integrity.hours).unwrap_or_default();
    let unproven = integrity.tampered + integrity.missing + integrity.unverified;
    let unseen = result.summary.unseen_watches.len() as u64;
    let are = |count: u64| if count == 1 { "is" } else { "are" };
    let hour = |count: u64| match count {
        1 => "1 hour".to_owned(),
        _ => format!("{} hours", thousands(count)),
    };
    [
        (hours, format!("{} of an account and region {} missing", hour(hours), are(hours)), "coverage"),
        (
            classes,
            match classes {
                1 => "1 expected event class is not known to be logged".to_owned(),
                _ => format!("{classes} expected event classes are not known to be logged"),
            },
            "coverage",
        ),
        (
            totals.unreadable_evidence,
            format!("{} of evidence could not be read", count_noun(totals.unreadable_evidence, "piece")),
            "integrity",
        ),
        (
            totals.conflicting_events,
            format!("{} came with two contents", count_noun(totals.conflicting_events, "event")),
            "findings",
        ),
        (
            integrity.tampered,
            format!("log files of {} are tampered with", hour(integrity.tampered)),
            "integrity",
        ),
        (
            unproven - integrity.tampered,
            format!("the log files of {} are missing or not verified", hour(unproven - integrity.tampered)),
            "integrity",
        ),
        (
            unseen,
            match unseen {
                1 => "1 watch entry matches no principal in the evidence".to_owned(),
                _ => format!("{unseen} watch entries match no principal in the evidence"),
            },
            "principals",
        ),
        (
            u64::from(coverage.log_integrity.is_none() && coverage.expected_hours > 0),
            "the log files were not verified by digest files".to_owned(),
            "limitations",
        ),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(_, text, section)| Doubt { text, section })
    .collect()
}

/// One task for each rule with findings that are not only worth knowing, in the order of the page.
fn tasks<'a>(result: &ReportResult, links: &FindingLinks<'a>) -> Truncated<Task<'a>> {
    let mut seen = BTreeSet::new();
    let urgent = links.in_order().iter().filter(|finding| finding.severity >= Severity::Medium);
    let first_of_rules = urgent.filter(|finding| seen.insert(finding.id.as_str()));
    let task = |finding: &&'a crate::finding::Finding| {
        let of_rule = result.findings.iter().filter(|other| other.id == finding.id).count();
        let action = rule(&finding.id).map_or(finding.recommendation.as_str(), |rule| rule.action);
        Some(Task {
            link: links.get(&finding.fingerprint)?,
            more: of_rule.saturating_sub(1),
            action: first_step(action).to_owned(),
        })
    };
    Truncated::of(first_of_rules.filter_map(task), most::TASKS)
}

/// A recommendation up to its first semicolon, or its first sentence.
fn first_step(action: &str) -> &str {
    let end = action.find("; ").unwrap_or(action.len()).min(action.find(". ").unwrap_or(action.len()));
    action.get(..end).unwrap_or(action).trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn answer_of<R>(result: &ReportResult, look: impl Fn(&Answer<'_>) -> R) -> R {
        let links = FindingLinks::of(result);
        look(&Answer::of(result, &PrincipalsTable::of(result, &links), &links))
    }

    #[test]
    fn every_watched_principal_has_a_sentence_or_is_counted() {
        for report in [sample::non_compliant(), sample::large(), sample::discovery()] {
            let watched = report.result.principals.iter().filter(|one| one.watched_as.is_some()).count();
            assert_eq!(answer_of(&report.result, |answer| answer.principals.total()), watched);
        }
    }

    #[test]
    fn what_weakens_the_proof_is_named() {
        let mut result = sample::non_compliant().result;
        let texts = answer_of(&result, |answer| {
            answer.doubts.iter().map(|doubt| doubt.text.clone()).collect::<Vec<_>>()
        });
        assert!(texts.contains(&"1 hour of an account and region is missing".to_owned()), "{texts:?}");
        assert!(texts.contains(&"1 piece of evidence could not be read".to_owned()), "{texts:?}");
        result.coverage.log_integrity = None;
        let said = answer_of(&result, |answer| answer.doubts.last().map(|doubt| doubt.text.clone()));
        assert_eq!(said.as_deref(), Some("the log files were not verified by digest files"));
    }

    #[test]
    fn a_rule_has_one_task_with_its_first_step() {
        let report = sample::large();
        answer_of(&report.result, |answer| {
            let rules: BTreeSet<&str> =
                answer.tasks.items.iter().map(|task| task.link.finding.id.as_str()).collect();
            assert_eq!(rules.len(), answer.tasks.items.len());
        });
        assert_eq!(first_step("Do this, and that; then more."), "Do this, and that");
        assert_eq!(first_step("Do this. Then more."), "Do this");
        assert_eq!(first_step("Do this."), "Do this");
    }
}
