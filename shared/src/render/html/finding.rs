//! The findings.
//!
//! Enters: findings, most severe first. Leaves: [`FindingsSection`]: how many of each rule, the first with all their words,
//! more in a line each. Law: every finding is counted, whether shown or not.

use std::collections::{BTreeMap, HashMap};

use crate::{
    finding::{Finding, Severity},
    render::html::{
        badge::{self, Badge},
        truncated::{Truncated, most},
    },
    report::ReportResult,
};

/// The findings.
#[derive(Debug)]
pub struct FindingsSection<'a> {
    /// How many of each severity, most severe first.
    pub severities: Vec<(Badge, usize)>,
    /// Rules, most severe first.
    pub rules: Truncated<FindingRuleRow<'a>>,
    /// Findings with all their words.
    pub cards: Vec<FindingCard<'a>>,
    /// Findings after those.
    pub further: Truncated<FindingCard<'a>>,
}

/// All findings of one rule.
#[derive(Debug)]
pub struct FindingRuleRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// Greatest severity.
    pub severity: Severity,
    /// The same as a word.
    pub badge: Badge,
    /// How many findings.
    pub findings: usize,
    /// What they count together.
    pub count: u64,
}

/// One finding.
#[derive(Debug)]
pub struct FindingCard<'a> {
    /// Its number, for links.
    pub anchor: usize,
    /// The finding.
    pub finding: &'a Finding,
    /// Severity.
    pub severity: Badge,
    /// It is open before anybody asks.
    pub is_open: bool,
}

/// A finding named elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct FindingLink<'a> {
    /// Its number; `None` when it is not on the page.
    pub anchor: Option<usize>,
    /// The finding.
    pub finding: &'a Finding,
    /// Severity.
    pub severity: Badge,
}

/// Findings by fingerprint.
#[derive(Debug)]
pub struct FindingLinks<'a>(HashMap<&'a str, FindingLink<'a>>);

impl<'a> FindingLinks<'a> {
    /// Of a result.
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

    /// The finding of a fingerprint.
    pub fn get(&self, fingerprint: &str) -> Option<FindingLink<'a>> {
        self.0.get(fingerprint).copied()
    }
}

impl<'a> FindingsSection<'a> {
    /// Of a result.
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
