//! What deserves a reader's attention.
//!
//! Enters: an assessment. Leaves: findings, most severe first, and what to do about them. Laws: each rule stands
//! in a file of its own name and keeps its id forever; a finding's fingerprint depends on the rule, the principal
//! and the subject alone, so the same finding in another run has the same one; order is deterministic.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    assessment::{Assessment, ClassifiedCall, PrincipalGrants},
    report::{
        hex,
        matrix::{WatchedPrincipal, watched_principals},
    },
    tally::{MAX_SAMPLES, SampleEvent},
    time::Time,
};

pub mod can_issue_credentials;
pub mod conflicting_evidence;
pub mod console_use_by_machine;
pub mod data_read;
pub mod denied_outside_permissions;
pub mod escalation_path;
pub mod event_class_not_logged;
pub mod high_error_rate;
pub mod indeterminate_grant;
pub mod missing_hours;
pub mod missing_logs;
pub mod outside_business_hours;
pub mod over_privileged;
pub mod override_expired;
pub mod override_unused;
pub(crate) mod phrases;
pub mod principal_not_seen;
pub mod privileged_call;
pub mod read_denied;
pub mod root_use;
pub mod secret_read;
pub mod unclassified_principal;
pub mod unidentified_write;
pub mod unknown_operation;
pub mod unreadable_evidence;
pub mod unused_grant;
pub mod write_denied;
pub mod write_failed;
pub mod write_succeeded;

/// Every rule, the most urgent first among those of one severity.
pub const RULES: [&FindingRule; 28] = [
    &write_succeeded::RULE,
    &escalation_path::RULE,
    &privileged_call::RULE,
    &write_failed::RULE,
    &unknown_operation::RULE,
    &unidentified_write::RULE,
    &over_privileged::RULE,
    &can_issue_credentials::RULE,
    &secret_read::RULE,
    &root_use::RULE,
    &conflicting_evidence::RULE,
    &unreadable_evidence::RULE,
    &missing_logs::RULE,
    &missing_hours::RULE,
    &event_class_not_logged::RULE,
    &write_denied::RULE,
    &denied_outside_permissions::RULE,
    &indeterminate_grant::RULE,
    &console_use_by_machine::RULE,
    &high_error_rate::RULE,
    &override_expired::RULE,
    &principal_not_seen::RULE,
    &outside_business_hours::RULE,
    &data_read::RULE,
    &read_denied::RULE,
    &unused_grant::RULE,
    &unclassified_principal::RULE,
    &override_unused::RULE,
];

/// Rules that look at policies: without any they find nothing, and prove nothing.
pub const POLICY_RULES: [&str; 6] = [
    over_privileged::RULE.id,
    can_issue_credentials::RULE.id,
    escalation_path::RULE.id,
    unused_grant::RULE.id,
    denied_outside_permissions::RULE.id,
    indeterminate_grant::RULE.id,
];

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Look at it when there is time.
    Low,
    /// Look at it this week.
    Medium,
    /// Look at it today.
    High,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// The upper-case word used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

/// One thing that deserves attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Rule that found it, kebab-case and permanent.
    pub id: String,
    /// Identity of this instance: the same in every run, 32 hex digits.
    pub fingerprint: String,
    /// Severity.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: String,
    /// What was seen and what it means.
    pub description: String,
    /// What to do.
    pub recommendation: String,
    /// ARN of the principal, when it is about one.
    pub principal: Option<Arc<str>>,
    /// What it is about besides the principal: an operation, a place, an event class.
    pub subject: String,
    /// First time it was seen.
    pub first_seen: Option<Time>,
    /// Last time it was seen.
    pub last_seen: Option<Time>,
    /// How often.
    pub count: u64,
    /// Ids of the earliest events behind it, at most three.
    pub sample_event_ids: Vec<String>,
    /// ARNs of resources the records name, or patterns policies name, in order, at most five.
    pub resources: Vec<Arc<str>>,
    /// Controls of the report's standard it touches.
    pub controls: BTreeSet<String>,
}

/// What to do about all findings of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// Greatest severity among the findings.
    pub severity: Severity,
    /// Rule the findings belong to.
    pub id: String,
    /// What the rule finds, in a few words.
    pub title: String,
    /// What to do.
    pub action: String,
    /// How many findings it would settle.
    pub findings: u64,
    /// Principals it is about, in order.
    pub principals: BTreeSet<Arc<str>>,
}

/// A rule: words that never change with the evidence, and how to look for it.
#[derive(Clone, Copy, Debug)]
pub struct FindingRule {
    /// Kebab-case and permanent.
    pub id: &'static str,
    /// Severity, unless an instance says otherwise.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub action: &'static str,
    /// Looks for instances.
    pub find: fn(&Assessment<'_>) -> Vec<RuleMatch>,
}

/// Where a rule found something.
#[derive(Clone, Debug, Default)]
pub struct RuleMatch {
    /// Severity, when it differs from the rule's.
    pub severity: Option<Severity>,
    /// ARN of the principal, when it is about one.
    pub principal: Option<Arc<str>>,
    /// What it is about besides the principal.
    pub subject: String,
    /// What was seen, in a sentence.
    pub observation: String,
    /// ARNs of what was assumed on the way, when it was done through others.
    pub role_chain: Vec<Arc<str>>,
    /// Whether somebody else may have done some of it.
    pub is_uncertain: bool,
    /// First and last time.
    pub span: Option<(Time, Time)>,
    /// How often.
    pub count: u64,
    /// Earliest events.
    pub samples: Vec<SampleEvent>,
    /// ARNs of resources.
    pub resources: BTreeSet<Arc<str>>,
}

/// Resources a finding names.
const MAX_RESOURCES: usize = 5;

impl RuleMatch {
    /// Adds equal calls.
    fn add_call(&mut self, judged: &ClassifiedCall<'_>) {
        let (first, last) = judged.span;
        self.span = Some(self.span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        self.count += judged.count;
        self.is_uncertain |= judged.role_chain.as_ref().is_some_and(|lineage| !lineage.is_certain);
        self.samples.extend(judged.samples());
        self.samples.sort_unstable();
        self.samples.truncate(MAX_SAMPLES);
        self.resources.extend(judged.line.call_key.resources.iter().map(Arc::clone));
        while self.resources.len() > MAX_RESOURCES {
            self.resources.pop_last();
        }
    }
}

/// Instances about each watched principal whose policies were read.
fn matches_by_policies(
    assessment: &Assessment<'_>,
    about: impl Fn(&WatchedPrincipal<'_, '_>, &PrincipalGrants) -> Option<Vec<RuleMatch>>,
) -> Vec<RuleMatch> {
    if assessment.granted.is_empty() {
        return Vec::new();
    }
    let mut instances = Vec::new();
    for (arn, case) in watched_principals(assessment) {
        let found = case.granted.and_then(|could| about(&case, could)).unwrap_or_default();
        instances.extend(
            found.into_iter().map(|instance| RuleMatch { principal: Some(Arc::clone(&arn)), ..instance }),
        );
    }
    instances
}

/// Who answers, what it is about, and what was assumed on the way.
type MatchKey = (Arc<str>, String, Vec<Arc<str>>);

/// One instance for each principal that answers and each subject among the calls, in order. `seen` writes the sentence.
/// What was done through another principal is a subject of its own.
fn group_calls<'b, 'a: 'b>(
    calls: impl Iterator<Item = &'b ClassifiedCall<'a>>,
    subject: impl Fn(&ClassifiedCall<'a>) -> String,
    seen: impl Fn(&RuleMatch) -> String,
) -> Vec<RuleMatch> {
    let mut instances: BTreeMap<MatchKey, RuleMatch> = BTreeMap::new();
    for judged in calls {
        let way = judged.role_chain.as_ref().map(|lineage| lineage.path.as_slice()).unwrap_or_default();
        let key = (Arc::clone(judged.attributed_to()), subject(judged), way.to_vec());
        instances.entry(key).or_default().add_call(judged);
    }
    let name = |((principal, subject, way), mut instance): (MatchKey, RuleMatch)| {
        instance.principal = Some(principal);
        instance.subject = subject;
        instance.observation = seen(&instance);
        instance.role_chain = way;
        instance
    };
    instances.into_iter().map(name).collect()
}

/// Items by a name, in order of the names.
fn group_by<T>(items: impl Iterator<Item = T>, name: impl Fn(&T) -> String) -> BTreeMap<String, Vec<T>> {
    let mut groups: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for item in items {
        groups.entry(name(&item)).or_default().push(item);
    }
    groups
}

/// `1 call`, `2 calls`.
pub(crate) fn count_noun(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

impl RuleMatch {
    /// What it is about besides the principal, with the way it took through others.
    fn full_subject(&self) -> String {
        match &*self.role_chain {
            [] => self.subject.clone(),
            way => format!("{} through {}", self.subject, way.join(", then ")),
        }
    }

    /// What was seen, with that way.
    fn full_description(&self) -> String {
        let doubt = if self.is_uncertain { "; somebody else may have made some of it" } else { "" };
        match &*self.role_chain {
            [] => self.observation.clone(),
            way => {
                let way = phrases::quote_some(way.iter().map(|arn| &**arn), usize::MAX);
                format!("{}, through {way}{doubt}.", self.observation.trim_end_matches('.'))
            }
        }
    }
}

impl Finding {
    fn new(rule: &FindingRule, instance: RuleMatch) -> Self {
        let (subject, seen) = (instance.full_subject(), instance.full_description());
        let principal = instance.principal.as_deref().unwrap_or_default();
        Self {
            id: rule.id.to_owned(),
            fingerprint: fingerprint(rule.id, principal, &subject),
            severity: instance.severity.unwrap_or(rule.severity),
            title: rule.title.to_owned(),
            description: format!("{seen} {}", rule.meaning),
            recommendation: rule.action.to_owned(),
            principal: instance.principal,
            subject,
            first_seen: instance.span.map(|(first, _)| first),
            last_seen: instance.span.map(|(_, last)| last),
            count: instance.count,
            sample_event_ids: instance.samples.iter().map(|sample| sample.id().to_string()).collect(),
            resources: instance.resources.into_iter().collect(),
            controls: BTreeSet::new(),
        }
    }
}

/// Identity of an instance: the first 128 bits of a SHA-256 over its parts, each with its length.
fn fingerprint(rule: &str, principal: &str, subject: &str) -> String {
    let mut hash = Sha256::new();
    for part in [rule, principal, subject] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(hash.finalize().get(..16).unwrap_or_default())
}

/// Applies every rule. Most severe first, then by rule, principal and subject.
pub fn find(assessment: &Assessment<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES
        .iter()
        .flat_map(|rule| {
            let mut instances = (rule.find)(assessment);
            instances.sort_by(|a, b| {
                (&a.principal, &a.subject, &a.role_chain).cmp(&(&b.principal, &b.subject, &b.role_chain))
            });
            instances.into_iter().map(|instance| Finding::new(rule, instance))
        })
        .collect();
    // Stable, so rules keep their order within a severity, and instances theirs within a rule.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// One recommendation for each rule that found something, most urgent first. `findings` as [`find`] orders them.
pub fn recommend(findings: &[Finding]) -> Vec<Recommendation> {
    let mut recommendations: Vec<Recommendation> = Vec::new();
    for finding in findings {
        let known = recommendations.iter_mut().find(|known| known.id == finding.id);
        if let Some(known) = known {
            known.findings += 1;
            known.principals.extend(finding.principal.clone());
        } else {
            recommendations.push(Recommendation {
                severity: finding.severity,
                id: finding.id.clone(),
                title: finding.title.clone(),
                action: finding.recommendation.clone(),
                findings: 1,
                principals: finding.principal.clone().into_iter().collect(),
            });
        }
    }
    recommendations
}
