//! The findings.
//!
//! Enters: findings, most severe first. Leaves: [`Findings`]: how many of each rule, the first with all their words,
//! more in a line each. Law: every finding is counted, whether shown or not.

use std::collections::{BTreeMap, HashMap};

use crate::{
    finding::{Finding, Severity},
    render::html::{
        first::{First, most},
        word::{self, Word},
    },
    report::ReportResult,
};

/// The findings.
#[derive(Debug)]
pub struct Findings<'a> {
    /// How many of each severity, most severe first.
    pub severities: Vec<(Word, usize)>,
    /// Rules, most severe first.
    pub rules: First<Rule<'a>>,
    /// Findings with all their words.
    pub cards: Vec<Card<'a>>,
    /// Findings after those.
    pub lines: First<Card<'a>>,
}

/// All findings of one rule.
#[derive(Debug)]
pub struct Rule<'a> {
    /// Its id.
    pub id: &'a str,
    /// Greatest severity.
    pub severity: Severity,
    /// The same as a word.
    pub word: Word,
    /// How many findings.
    pub findings: usize,
    /// What they count together.
    pub count: u64,
}

/// One finding.
#[derive(Debug)]
pub struct Card<'a> {
    /// Its number, for links.
    pub anchor: usize,
    /// The finding.
    pub finding: &'a Finding,
    /// Severity.
    pub severity: Word,
    /// It is open before anybody asks.
    pub open: bool,
}

/// A finding named elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Its number; `None` when it is not on the page.
    pub anchor: Option<usize>,
    /// The finding.
    pub finding: &'a Finding,
    /// Severity.
    pub severity: Word,
}

/// Findings by fingerprint.
#[derive(Debug)]
pub struct Links<'a>(HashMap<&'a str, Link<'a>>);

impl<'a> Links<'a> {
    /// Of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let link = |(number, finding): (usize, &'a Finding)| {
            let anchor = (number < most::FINDINGS + most::FINDING_LINES).then_some(number);
            (
                finding.fingerprint.as_str(),
                Link { anchor, finding, severity: word::severity(finding.severity) },
            )
        };
        Self(result.findings.iter().enumerate().map(link).collect())
    }

    /// The finding of a fingerprint.
    pub fn get(&self, fingerprint: &str) -> Option<Link<'a>> {
        self.0.get(fingerprint).copied()
    }
}

impl<'a> Findings<'a> {
    /// Of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let mut cards = result.findings.iter().enumerate().map(|(anchor, finding)| Card {
            anchor,
            finding,
            severity: word::severity(finding.severity),
            open: anchor < 30 && finding.severity >= Severity::Medium,
        });
        Self {
            severities: severities(&result.findings),
            rules: First::of(rules(&result.findings), most::ROWS),
            cards: cards.by_ref().take(most::FINDINGS).collect(),
            lines: First::of(cards, most::FINDING_LINES),
        }
    }
}

fn severities(findings: &[Finding]) -> Vec<(Word, usize)> {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.severity).or_default() += 1;
    }
    counts.into_iter().rev().map(|(severity, count)| (word::severity(severity), count)).collect()
}

fn rules(findings: &[Finding]) -> Vec<Rule<'_>> {
    let mut rules: BTreeMap<&str, Rule<'_>> = BTreeMap::new();
    for finding in findings {
        let rule = rules.entry(&finding.id).or_insert_with(|| Rule {
            id: &finding.id,
            severity: finding.severity,
            word: word::severity(finding.severity),
            findings: 0,
            count: 0,
        });
        rule.findings += 1;
        rule.count = rule.count.saturating_add(finding.count);
        if finding.severity > rule.severity {
            rule.severity = finding.severity;
            rule.word = word::severity(finding.severity);
        }
    }
    let mut rules: Vec<Rule<'_>> = rules.into_values().collect();
    rules.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.findings.cmp(&a.findings)));
    rules
}
