//! The findings.
//!
//! Enters: findings, in the order of the page. Leaves: [`FindingsSection`]: groups of findings of one rule about one
//! principal, the next findings with one line each, and the rest as data for the script. Laws: every finding is counted,
//! whether it is shown or not; a finding is in one group only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    finding::{Finding, Severity, phrases},
    render::html::{
        badge::{self, Badge},
        filters::{format_timestamp, thousands},
        finding_detail::{FindingDetail, FindingSources},
        finding_order::FindingOrder,
        rest::DataRows,
        truncated::{Truncated, most},
    },
    report::ReportResult,
};

/// Most subjects that the heading of a group names.
const MAX_NAMED: usize = 3;

/// The section of a report with its findings.
#[derive(Debug)]
pub struct FindingsSection<'a> {
    /// Count of each severity, most severe first.
    pub severities: Vec<(Badge, usize)>,
    /// Rules, most severe first.
    pub rules: Truncated<FindingRuleRow<'a>>,
    /// Groups shown in full.
    pub groups: Vec<FindingGroup<'a>>,
    /// Findings after those shown in full.
    pub further: Truncated<FindingCard<'a>>,
    /// The findings after these, for the script.
    pub rest: DataRows,
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
    /// Sum of their counts, with its noun.
    pub count: String,
}

/// Findings of one rule about one principal, by its name.
#[derive(Debug)]
pub struct FindingGroup<'a> {
    /// What happened, where, and to which principal.
    pub heading: String,
    /// Badge of the severity.
    pub severity: Badge,
    /// Sum of the counts of its findings, with its noun.
    pub count: String,
    /// Accounts of the principals.
    pub accounts: Vec<&'a str>,
    /// The findings.
    pub members: Vec<FindingMember<'a>>,
    /// Whether the group is open initially.
    pub is_open: bool,
}

/// One finding of a group.
#[derive(Debug)]
pub struct FindingMember<'a> {
    /// The finding and its anchor.
    pub card: FindingCard<'a>,
    /// Its calls, commands and fix.
    pub detail: FindingDetail<'a>,
}

/// One finding.
#[derive(Clone, Debug)]
pub struct FindingCard<'a> {
    /// Anchor of the finding in the page.
    pub anchor: String,
    /// The finding that the card shows.
    pub finding: &'a Finding,
    /// Badge of the finding's severity.
    pub severity: Badge,
    /// Its count, with its noun.
    pub count: String,
}

/// A link to a finding.
#[derive(Clone, Debug)]
pub struct FindingLink<'a> {
    /// Anchor; `None` when it is not on the page.
    pub anchor: Option<String>,
    /// The finding that the link leads to.
    pub finding: &'a Finding,
    /// Badge of the finding's severity.
    pub severity: Badge,
}

/// Anchors of findings, by fingerprint, and the findings in the order of the page.
#[derive(Debug)]
pub struct FindingLinks<'a> {
    order: Vec<&'a Finding>,
    links: HashMap<&'a str, FindingLink<'a>>,
}

impl FindingLink<'_> {
    /// The subject, if the title does not say it.
    pub fn shows_subject(&self) -> bool {
        let subject = self.finding.subject.split(" through ").next().unwrap_or_default();
        !self.finding.title.contains(subject)
    }
}

impl<'a> FindingLinks<'a> {
    /// The links to the findings of a result.
    pub fn of(result: &'a ReportResult) -> Self {
        let order = FindingOrder::of(result).sorted(&result.findings);
        let link = |(number, finding): (usize, &&'a Finding)| {
            let on_page = number < most::FINDINGS + most::FINDING_LINES;
            let severity = badge::severity(finding.severity);
            let anchor = on_page.then(|| anchor(finding, number));
            (finding.fingerprint.as_str(), FindingLink { anchor, finding, severity })
        };
        Self { links: order.iter().enumerate().map(link).collect(), order }
    }

    /// The link to the finding with a fingerprint.
    pub fn get(&self, fingerprint: &str) -> Option<FindingLink<'a>> {
        self.links.get(fingerprint).cloned()
    }

    /// The findings in the order of the page.
    pub fn in_order(&self) -> &[&'a Finding] {
        &self.order
    }
}

/// The anchor of a finding: the same in every report that has the finding. A fingerprint of another form has a number.
fn anchor(finding: &Finding, number: usize) -> String {
    let print = finding.fingerprint.as_str();
    let is_hex = print.len() == 32 && print.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if is_hex { format!("f-{print}") } else { format!("f-{number}") }
}

impl<'a> FindingsSection<'a> {
    /// The section with the findings of a result.
    pub fn of(result: &'a ReportResult, links: &FindingLinks<'a>) -> Self {
        let sources = FindingSources::of(result);
        let mut shown = BTreeSet::new();
        let mut cards = links.order.iter().enumerate().map(|(number, finding)| {
            let anchor = anchor(finding, number);
            // Two findings with one fingerprint, in a report of another program, have two anchors.
            let anchor = if shown.insert(anchor.clone()) { anchor } else { format!("f-{number}-again") };
            FindingCard {
                anchor,
                finding,
                severity: badge::severity(finding.severity),
                count: count_words(&finding.id, finding.count),
            }
        });
        let first: Vec<FindingCard<'a>> = cards.by_ref().take(most::FINDINGS).collect();
        let lines: Vec<FindingCard<'a>> = cards.by_ref().take(most::FINDING_LINES).collect();
        let rest = DataRows::of(cards.map(|card| {
            let finding = card.finding;
            [
                card.severity.text,
                &finding.title,
                &finding.subject,
                finding.principal.as_deref().unwrap_or_default(),
                &card.count,
                &finding.last_seen.map(format_timestamp).unwrap_or_default(),
            ]
            .map(str::to_owned)
        }));
        Self {
            severities: severities(&result.findings),
            rules: Truncated::of(rules(&result.findings), most::ROWS),
            groups: groups(first, &sources),
            further: Truncated { items: lines, omitted: rest.count() },
            rest,
        }
    }
}

/// The findings in groups, in the order of their first findings.
fn groups<'a>(cards: Vec<FindingCard<'a>>, sources: &FindingSources<'a>) -> Vec<FindingGroup<'a>> {
    let mut places: HashMap<(Severity, &str, String), usize> = HashMap::new();
    let mut grouped: Vec<Vec<FindingCard<'a>>> = Vec::new();
    for card in cards {
        let finding = card.finding;
        let name = finding.principal.as_deref().map_or_else(|| finding.subject.clone(), phrases::name_of);
        let place = *places.entry((finding.severity, finding.id.as_str(), name)).or_insert(grouped.len());
        match grouped.get_mut(place) {
            Some(group) => group.push(card),
            None => grouped.push(vec![card]),
        }
    }
    let group = |(number, cards): (usize, Vec<FindingCard<'a>>)| FindingGroup::of(number, cards, sources);
    grouped.into_iter().enumerate().filter_map(group).collect()
}

impl<'a> FindingGroup<'a> {
    fn of(number: usize, cards: Vec<FindingCard<'a>>, sources: &FindingSources<'a>) -> Option<Self> {
        let first = cards.first()?.finding;
        let count = cards.iter().map(|card| card.finding.count).fold(0, u64::saturating_add);
        let accounts: BTreeSet<&str> = cards.iter().filter_map(|card| account_of(card.finding)).collect();
        let members: Vec<FindingMember<'a>> = cards
            .iter()
            .map(|card| FindingMember { detail: sources.detail(card.finding), card: card.clone() })
            .collect();
        Some(Self {
            heading: heading(&cards),
            severity: badge::severity(first.severity),
            count: count_words(&first.id, count),
            accounts: accounts.into_iter().collect(),
            is_open: number < most::OPEN_GROUPS && first.severity >= Severity::High,
            members,
        })
    }
}

/// Account of the principal of a finding.
fn account_of(finding: &Finding) -> Option<&str> {
    finding.principal.as_deref()?.split(':').nth(4).filter(|account| !account.is_empty() && *account != "*")
}

/// What happened and to which resource. In a group, the operations or other subjects of its findings.
fn heading(cards: &[FindingCard<'_>]) -> String {
    let Some(first) = cards.first().map(|card| card.finding) else { return String::new() };
    let titles: BTreeSet<&str> = cards.iter().map(|card| card.finding.title.as_str()).collect();
    let subjects: BTreeSet<&str> = cards.iter().map(|card| card.finding.subject.as_str()).collect();
    let mut heading = match titles.len() {
        1 => first.title.clone(),
        _ => first.title.split_once(" (").map_or(first.title.as_str(), |(begin, _)| begin).to_owned(),
    };
    let says_subject = titles.len() == 1 && subjects.iter().all(|subject| heading.contains(subject));
    let is_named = first.id == "escalation-path"
        || (titles.len() == 1 && subjects.len() == 1 && first.principal.is_some());
    if !says_subject && !is_named {
        let named: Vec<&str> = subjects.iter().copied().take(MAX_NAMED).collect();
        heading.push_str(&format!(": {}", named.join(", ")));
        if let Some(more) = subjects.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
            heading.push_str(&format!(" and {more} more"));
        }
    }
    let resources: BTreeSet<&str> =
        cards.iter().flat_map(|card| &card.finding.resources).map(|arn| resource_name(arn)).collect();
    let by = if first.id == "escalation-path" { "through" } else { "on" };
    match resources.iter().copied().collect::<Vec<_>>().as_slice() {
        [] => {}
        [one] if heading.contains(one) => {}
        [one] => heading.push_str(&format!(", {by} {one}")),
        [one, more @ ..] => heading.push_str(&format!(", {by} {one} and {} more", more.len())),
    }
    heading
}

/// The part of the ARN of a resource after the account.
fn resource_name(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).filter(|name| !name.is_empty()).unwrap_or(arn)
}

/// A count of what a rule counts, with its noun: `1 call`, `442 granted actions`.
pub(super) fn count_words(rule: &str, count: u64) -> String {
    let noun = match rule {
        "over-privileged" | "can-issue-credentials" | "unused-grant" => "granted action",
        "indeterminate-grant" => "open permission",
        "escalation-path" => "path",
        "missing-hours" | "tampered-log-files" => "hour",
        "missing-logs" => "log file",
        "unreadable-evidence" => "piece",
        "conflicting-evidence" | "root-use" | "logging-changed" => "event",
        "event-class-not-logged" => "event class",
        "source-conflict" => "operation",
        "principal-not-seen" | "override-unused" | "override-wide" => return String::new(),
        _ => "call",
    };
    let plural = match (count, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        _ => "s",
    };
    format!("{} {noun}{plural}", thousands(count))
}

fn severities(findings: &[Finding]) -> Vec<(Badge, usize)> {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in findings {
        *counts.entry(finding.severity).or_default() += 1;
    }
    counts.into_iter().rev().map(|(severity, count)| (badge::severity(severity), count)).collect()
}

fn rules(findings: &[Finding]) -> Vec<FindingRuleRow<'_>> {
    let mut rules: BTreeMap<&str, (Severity, usize, u64)> = BTreeMap::new();
    for finding in findings {
        let rule = rules.entry(&finding.id).or_insert((finding.severity, 0, 0));
        *rule = (rule.0.max(finding.severity), rule.1 + 1, rule.2.saturating_add(finding.count));
    }
    let row = |(id, (severity, findings, count)): (_, (Severity, usize, u64))| FindingRuleRow {
        id,
        severity,
        badge: badge::severity(severity),
        findings,
        count: count_words(id, count),
    };
    let mut rules: Vec<FindingRuleRow<'_>> = rules.into_iter().map(row).collect();
    rules.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.findings.cmp(&a.findings)));
    rules
}
