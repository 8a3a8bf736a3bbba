//! The findings.
//!
//! Enters: findings, most severe first. Leaves: [`FindingsSection`]: the count of each rule, the first findings in
//! full, more with one line each. Law: every finding is counted, whether it is shown or not.

use std::collections::{BTreeMap, HashMap};

use crate::{
    finding::{Finding, Severity},
    render::html::{
        badge::{self, Badge},
        truncated::{Truncated, most},
    },
    report::ReportResult,
};

/// The section of a report with its findings.
#[derive(Debug)]
pub struct FindingsSection<'a> {
    /// Count of each severity, most severe first.
    pub severities: Vec<(Badge, usize)>,
    /// Rules, most severe first.
    pub rules: Truncated<FindingRuleRow<'a>>,
    /// Findings shown in full.
    pub cards: Vec<FindingCard<'a>>,
    /// Findings after those shown in full.
    pub further: Truncated<FindingCard<'a>>,
}

/// All findings of one rule.
#[derive(Debug)]
pub struct FindingRuleRow<'a> {
    /// Id of the rule.
    pub id: &'a str,
    /// Highest severity of the rule's findings.
    pub severity: Severity,
    /// Badge of the severity.
    pub badge: Badge,
    /// Number of findings of the rule.
    pub findings: usize,
    /// Sum of their counts.
    pub count: u64,
}

/// One finding, as a card of the page.
#[derive(Debug)]
pub struct FindingCard<'a> {
    /// Number of the finding's anchor in the page.
    pub anchor: usize,
    /// The finding that the card shows.
    pub finding: &'a Finding,
    /// Badge of the finding's severity.
    pub severity: Badge,
    /// Whether the card is open initially.
    pub is_open: bool,
}

/// A link to a finding.
#[derive(Clone, Copy, Debug)]
pub struct FindingLink<'a> {
    /// Anchor number; `None` when it is not on the page.
    pub anchor: Option<usize>,
    /// The finding that the link leads to.
    pub finding: &'a Finding,
    /// Badge of the finding's severity.
    pub severity: Badge,
}

impl FindingCard<'_> {
    /// Whether the subject says more than the title.
    pub fn shows_subject(&self) -> bool {
        !self.finding.title.contains(&self.finding.subject)
    }
}

/// Anchors of findings, by fingerprint.
#[derive(Debug)]
pub struct FindingLinks<'a>(HashMap<&'a str, FindingLink<'a>>);

impl<'a> FindingLinks<'a> {
    /// The links to the findings of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let link = |(number, finding): (usize, &'a Finding)| {
            let anchor = (number < most::FINDINGS + most::FINDING_LINES).then_some(number);
            (
                finding.fingerprint.as_str(),
                FindingLink { anchor, finding, severity: badge::severity(finding.severity) },
            )
        };
        Self(result.findings.iter().enumerate().map(link).collect())
    }

    /// The link to the finding with a fingerprint.
    pub fn get(&self, fingerprint: &str) -> Option<FindingLink<'a>> {
        self.0.get(fingerprint).copied()
    }
}

impl<'a> FindingsSection<'a> {
    /// The section with the findings of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let mut cards = result.findings.iter().enumerate().map(|(anchor, finding)| FindingCard {
            anchor,
            finding,
            severity: badge::severity(finding.severity),
            is_open: anchor < 30 && finding.severity >= Severity::Medium,
        });
        Self {
            severities: severities(&result.findings),
            rules: Truncated::of(rules(&result.findings), most::ROWS),
            cards: cards.by_ref().take(most::FINDINGS).collect(),
            further: Truncated::of(cards, most::FINDING_LINES),
        }
    }
}

fn severities(findings: &[Finding]) -> Vec<(Badge, usize)> {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.severity).or_default() += 1;
    }
    counts.into_iter().rev().map(|(severity, count)| (badge::severity(severity), count)).collect()
}

fn rules(findings: &[Finding]) -> Vec<FindingRuleRow<'_>> {
    let mut rules: BTreeMap<&str, FindingRuleRow<'_>> = BTreeMap::new();
    for finding in findings {
        let rule = rules.entry(&finding.id).or_insert_with(|| FindingRuleRow {
            id: &finding.id,
            severity: finding.severity,
            badge: badge::severity(finding.severity),
            findings: 0,
            count: 0,
        });
        rule.findings += 1;
        rule.count = rule.count.saturating_add(finding.count);
        if finding.severity > rule.severity {
            rule.severity = finding.severity;
            rule.badge = badge::severity(finding.severity);
        }
    }
    let mut rules: Vec<FindingRuleRow<'_>> = rules.into_values().collect();
    rules.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.findings.cmp(&a.findings)));
    rules
}
