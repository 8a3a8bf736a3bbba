//! The findings of a report.
//!
//! Enters: an assessment. Leaves: findings, most severe first, and a recommendation for each rule. Laws: each rule
//! has a file of its own name and keeps its id forever; a finding's fingerprint depends only on the rule, the
//! principal and the subject, so the same finding has the same fingerprint in every run; the order is deterministic.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) use crate::number_text::count_noun;
pub use crate::severity::Severity;
use crate::{
    access_matrix::{WatchedPrincipal, watched_principals},
    assessment::{Assessment, ClassifiedCall, PrincipalGrants},
    event::{DenyingPolicy, Outcome},
    hex::hex,
    origin::{CallOrigin, CallOrigins, MAX_ORIGINS, OriginGroup},
    tally::{MAX_SAMPLES, SampleEvent},
    time::Time,
};

pub mod can_issue_credentials;
pub mod conflicting_evidence;
pub mod console_use_by_machine;
mod cost_incurred;
pub mod critical_errors;
pub mod data_read;
pub mod denied_outside_permissions;
pub mod escalation_path;
pub mod event_class_not_logged;
pub mod high_error_rate;
pub mod indeterminate_grant;
mod logging_changed;
pub mod missing_hours;
pub mod missing_logs;
pub mod outside_business_hours;
pub mod over_privileged;
pub mod override_expired;
pub mod override_unused;
pub mod override_wide;
pub mod permission_issues;
pub(crate) mod phrases;
pub mod principal_not_seen;
pub mod privileged_call;
pub mod read_denied;
pub mod root_use;
pub mod secret_read;
mod source_conflict;
pub mod tampered_log_files;
pub mod unclassified_principal;
pub mod unidentified_write;
pub mod unknown_operation;
pub mod unreadable_evidence;
pub mod unused_grant;
pub mod write_denied;
pub mod write_failed;
pub mod write_not_processed;
pub mod write_succeeded;

/// Every rule; rules of one severity are in order of urgency.
pub const RULES: &[&FindingRule] = &[
    &write_succeeded::RULE,
    &tampered_log_files::RULE,
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
    &logging_changed::RULE,
    &missing_logs::RULE,
    &missing_hours::RULE,
    &event_class_not_logged::RULE,
    &write_denied::RULE,
    &write_not_processed::RULE,
    &denied_outside_permissions::RULE,
    &indeterminate_grant::RULE,
    &source_conflict::RULE,
    &console_use_by_machine::RULE,
    &high_error_rate::RULE,
    &critical_errors::RULE,
    &override_expired::RULE,
    &principal_not_seen::RULE,
    &override_wide::RULE,
    &outside_business_hours::RULE,
    &data_read::RULE,
    &cost_incurred::RULE,
    &read_denied::RULE,
    &permission_issues::RULE,
    &unused_grant::RULE,
    &unclassified_principal::RULE,
    &override_unused::RULE,
];

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static FindingRule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

/// Rules that cannot be evaluated with this configuration, and why.
pub fn inactive_rules(assessment: &Assessment<'_>) -> BTreeMap<&'static str, &'static str> {
    let reason = |rule: &&FindingRule| Some((rule.id, rule.inactive?(assessment)?));
    RULES.iter().filter_map(reason).collect()
}

/// One finding of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Rule that found it, kebab-case and permanent.
    pub id: String,
    /// Identity of this finding: the same in every run, 32 hex digits.
    pub fingerprint: String,
    /// Severity of the finding.
    pub severity: Severity,
    /// What happened and to which principal, in one line.
    pub title: String,
    /// What was seen and what it means.
    pub description: String,
    /// What to do about the finding.
    pub recommendation: String,
    /// ARN of the principal, when it is about one.
    pub principal: Option<Arc<str>>,
    /// What the finding is about besides the principal: an operation, an account and region, an event class.
    pub subject: String,
    /// First time it was seen.
    pub first_seen: Option<Time>,
    /// Last time it was seen.
    pub last_seen: Option<Time>,
    /// Number of calls, grants or other things that match the rule.
    pub count: u64,
    /// Ids of the earliest events behind it, at most three.
    pub sample_event_ids: Vec<String>,
    /// ARNs of resources in the records, or resource patterns in the policies, in order, at most five.
    pub resources: Vec<Arc<str>>,
    /// Where the calls came from, the first first, at most five; empty if the evidence does not have it. No part of the result: the run
    /// of a report has them.
    #[serde(skip)]
    pub origins: Vec<CallOrigin>,
    /// Controls of the report's standard that it fails.
    pub controls: BTreeSet<String>,
}

/// The recommendation for all findings of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    /// Greatest severity among the findings.
    pub severity: Severity,
    /// Rule the findings belong to.
    pub id: String,
    /// Title of the rule.
    pub title: String,
    /// What to do about the findings.
    pub action: String,
    /// How many findings the recommendation would resolve.
    pub findings: u64,
    /// Principals that the recommendation is about, sorted by ARN; those of findings that are listed.
    pub principals: BTreeSet<Arc<str>>,
}

/// A rule: texts that do not depend on the evidence, and the function that finds matches.
#[derive(Clone, Copy, Debug)]
pub struct FindingRule {
    /// Id of the rule: kebab-case and permanent.
    pub id: &'static str,
    /// Severity, unless a match sets another.
    pub severity: Severity,
    /// What happened, in a few words. A finding has the name of its principal in place of `A watched principal`.
    pub title: &'static str,
    /// What a finding of the rule means.
    pub meaning: &'static str,
    /// What to do about a finding of the rule.
    pub action: &'static str,
    /// On calls of which principals a match in one event gives an alert at once.
    pub alerts: Option<AlertScope>,
    /// Whether it evaluates policies: without policies it finds nothing and proves nothing.
    pub needs_policies: bool,
    /// Why the configuration leaves it nothing to evaluate, if so: then it finds nothing and proves nothing, and a
    /// control that it fails has no evidence. A rule that is always evaluated has `None`.
    pub inactive: Option<fn(&Assessment<'_>) -> Option<&'static str>>,
    /// Finds the matches of the rule in an assessment.
    pub find: fn(&Assessment<'_>) -> Vec<RuleMatch>,
}

/// The principals on calls of which a rule alerts. Such a rule needs nothing but the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertScope {
    /// Watched principals.
    Watched,
    /// Any principal, if the configuration watches one.
    Any,
}

/// One match of a rule.
#[derive(Clone, Debug, Default)]
pub struct RuleMatch {
    /// Severity, when it differs from the rule's.
    pub severity: Option<Severity>,
    /// ARN of the principal, when it is about one.
    pub principal: Option<Arc<str>>,
    /// What the match is about besides the principal.
    pub subject: String,
    /// What was seen, in a sentence.
    pub observation: String,
    /// ARNs of the roles in the role chain, when the calls were made through roles.
    pub role_chain: Vec<Arc<str>>,
    /// Whether another principal may have made some of the calls.
    pub is_uncertain: bool,
    /// Times of the first and the last matching event; `None` if the match is not about events.
    pub span: Option<(Time, Time)>,
    /// Number of calls, grants or other things that match.
    pub count: u64,
    /// Number of denied calls for each type of policy that denied them, if known, and each denied action that is not
    /// the operation.
    pub denials: BTreeMap<(Option<DenyingPolicy>, Option<Arc<str>>), u64>,
    /// The earliest matching events, in order of time.
    pub samples: Vec<SampleEvent>,
    /// ARNs of the resources that the matches name.
    pub resources: BTreeSet<Arc<str>>,
    /// What the calls that match have in common, by which the evidence keeps origins.
    pub origin_groups: BTreeSet<OriginGroup>,
}

/// Resources that a finding lists.
const MAX_RESOURCES: usize = 5;

impl RuleMatch {
    /// Adds a group of equal calls.
    fn add_call(&mut self, call: &ClassifiedCall<'_>) {
        let (first, last) = call.span;
        self.span = Some(self.span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        self.count += call.count;
        if call.outcome() == Outcome::Denied {
            let denial = (call.line.call_key.denied_by, call.other_denied_action().cloned());
            *self.denials.entry(denial).or_default() += call.count;
        }
        self.is_uncertain |= call.role_chain.as_ref().is_some_and(|chain| !chain.is_certain);
        self.samples.extend(call.samples());
        self.samples.sort_unstable();
        self.samples.truncate(MAX_SAMPLES);
        self.origin_groups.extend(call.origin_group());
        self.resources.extend(call.line.call_key.resources.iter().map(Arc::clone));
        while self.resources.len() > MAX_RESOURCES {
            self.resources.pop_last();
        }
    }
}

/// Matches for each watched principal that has policies that were read.
fn matches_by_policies(
    assessment: &Assessment<'_>,
    about: impl Fn(&WatchedPrincipal<'_, '_>, &PrincipalGrants) -> Option<Vec<RuleMatch>>,
) -> Vec<RuleMatch> {
    if assessment.granted.is_empty() {
        return Vec::new();
    }
    let mut instances = Vec::new();
    for (arn, case) in watched_principals(assessment) {
        let found = case.granted.and_then(|granted| about(&case, granted)).unwrap_or_default();
        instances.extend(
            found.into_iter().map(|instance| RuleMatch { principal: Some(Arc::clone(&arn)), ..instance }),
        );
    }
    instances
}

/// The principal the call is attributed to, the subject, and the role chain.
type MatchKey = (Arc<str>, String, Vec<Arc<str>>);

/// One match for each attributed principal, subject and role chain among the calls, in order. `seen` writes the
/// observation.
fn group_calls<'b, 'a: 'b>(
    calls: impl Iterator<Item = &'b ClassifiedCall<'a>>,
    subject: impl Fn(&ClassifiedCall<'a>) -> String,
    seen: impl Fn(&RuleMatch) -> String,
) -> Vec<RuleMatch> {
    let mut instances: BTreeMap<MatchKey, RuleMatch> = BTreeMap::new();
    for call in calls {
        let path = call.role_chain.as_ref().map(|chain| chain.path.as_slice()).unwrap_or_default();
        let key = (Arc::clone(call.attributed_to()), subject(call), path.to_vec());
        instances.entry(key).or_default().add_call(call);
    }
    let name = |((principal, subject, path), mut instance): (MatchKey, RuleMatch)| {
        instance.principal = Some(principal);
        instance.subject = subject;
        instance.observation = seen(&instance);
        instance.role_chain = path;
        instance
    };
    instances.into_iter().map(name).collect()
}

/// Items grouped by a name, in order of the names.
fn group_by<T>(items: impl Iterator<Item = T>, name: impl Fn(&T) -> String) -> BTreeMap<String, Vec<T>> {
    let mut groups: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for item in items {
        groups.entry(name(&item)).or_default().push(item);
    }
    groups
}

impl RuleMatch {
    /// The subject, with the role chain.
    fn full_subject(&self) -> String {
        match &*self.role_chain {
            [] => self.subject.clone(),
            path => format!("{} through {}", self.subject, path.join(", then ")),
        }
    }

    /// The title with the names of the principal, the operation and the roles:
    /// `Auditor changed state (s3:PutObject) through Deployer`.
    fn full_title(&self, title: &str) -> String {
        let Some(principal) = self.principal.as_deref().filter(|arn| !arn.contains('*')) else {
            return title.to_owned();
        };
        let rest = title.strip_prefix("A watched principal").or_else(|| title.strip_prefix("A principal"));
        let mut title = match rest {
            Some(rest) => format!("{}{rest}", phrases::name_of(principal)),
            None => title.to_owned(),
        };
        // `service:Operation`; other subjects have no colon, or more.
        if self.subject.split(':').count() == 2 {
            title.push_str(&format!(" ({})", phrases::truncate(&self.subject, phrases::MAX_NAME_CHARS)));
        }
        if !self.role_chain.is_empty() {
            let roles: Vec<String> = self.role_chain.iter().map(|arn| phrases::name_of(arn)).collect();
            title.push_str(&format!(" through {}", roles.join(", then ")));
        }
        title
    }

    /// The observation, with the role chain.
    fn full_description(&self) -> String {
        let doubt =
            if self.is_uncertain { "; another principal may have made some of these calls" } else { "" };
        match &*self.role_chain {
            [] => self.observation.clone(),
            path => {
                let path = phrases::quote_some(path.iter().map(|arn| &**arn), usize::MAX);
                format!("{}, through {path}{doubt}.", self.observation.trim_end_matches('.'))
            }
        }
    }
}

impl Finding {
    fn new(rule: &FindingRule, instance: RuleMatch, origins: &CallOrigins) -> Self {
        let (subject, seen) = (instance.full_subject(), instance.full_description());
        let title = instance.full_title(rule.title);
        let principal = instance.principal.as_deref().unwrap_or_default();
        Self {
            id: rule.id.to_owned(),
            fingerprint: fingerprint(rule.id, principal, &subject),
            severity: instance.severity.unwrap_or(rule.severity),
            title,
            description: format!("{seen} {}", rule.meaning),
            recommendation: rule.action.to_owned(),
            principal: instance.principal,
            subject,
            first_seen: instance.span.map(|(first, _)| first),
            last_seen: instance.span.map(|(_, last)| last),
            count: instance.count,
            sample_event_ids: instance.samples.iter().map(|sample| sample.id().to_string()).collect(),
            resources: instance.resources.into_iter().collect(),
            origins: first_origins(&instance.origin_groups, origins),
            controls: BTreeSet::new(),
        }
    }
}

/// The origins of these calls that were seen first.
fn first_origins(groups: &BTreeSet<OriginGroup>, origins: &CallOrigins) -> Vec<CallOrigin> {
    let mut first: BTreeMap<&CallOrigin, Time> = BTreeMap::new();
    for (time, origin) in groups.iter().flat_map(|group| origins.of_group(group)) {
        first.entry(origin).and_modify(|known| *known = time.min(*known)).or_insert(time);
    }
    let mut first: Vec<_> = first.into_iter().map(|(origin, time)| (time, origin)).collect();
    first.sort_unstable();
    first.into_iter().take(MAX_ORIGINS).map(|(_, origin)| origin.clone()).collect()
}

/// Identity of a finding: the first 128 bits of a SHA-256 over its parts, each with its length.
fn fingerprint(rule: &str, principal: &str, subject: &str) -> String {
    let mut hash = Sha256::new();
    for part in [rule, principal, subject] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(hash.finalize().get(..16).unwrap_or_default())
}

/// The title of a finding's rule.
fn rule_title(finding: &Finding) -> String {
    rule(&finding.id).map_or_else(|| finding.title.clone(), |rule| rule.title.to_owned())
}

/// The findings of all rules.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Most severe first, then by rule, principal and subject; of each rule only so many.
    pub listed: Vec<Finding>,
    /// Number of the findings that are not listed, by rule and severity.
    pub omitted: BTreeMap<(&'static str, Severity), u64>,
}

impl Findings {
    /// Number of findings of these rules that are not listed.
    pub fn omitted_of(&self, is_counted: impl Fn(&str) -> bool) -> u64 {
        self.omitted.iter().filter(|((rule, _), _)| is_counted(rule)).map(|(_, count)| count).sum()
    }
}

/// Applies every rule. Of each rule the first `most` findings are listed: the most severe, then by principal and subject.
pub fn find(assessment: &Assessment<'_>, most: usize) -> Findings {
    let origins = &assessment.evidence_quality.origins;
    let mut findings = Findings::default();
    for rule in RULES {
        let mut instances = (rule.find)(assessment);
        let severity = |instance: &RuleMatch| instance.severity.unwrap_or(rule.severity);
        instances.sort_by(|a, b| {
            (&a.principal, &a.subject, &a.role_chain).cmp(&(&b.principal, &b.subject, &b.role_chain))
        });
        instances.sort_by_key(|instance| std::cmp::Reverse(severity(instance)));
        for instance in instances.iter().skip(most) {
            *findings.omitted.entry((rule.id, severity(instance))).or_default() += 1;
        }
        let listed = instances.into_iter().take(most);
        findings.listed.extend(listed.map(|instance| Finding::new(rule, instance, origins)));
    }
    // Stable: rules keep their order within a severity, and matches theirs within a rule.
    findings.listed.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// One recommendation for each rule with findings, most urgent first.
pub fn recommend(findings: &Findings) -> Vec<Recommendation> {
    let mut recommendations: Vec<Recommendation> = Vec::new();
    for finding in &findings.listed {
        let known = recommendations.iter_mut().find(|known| known.id == finding.id);
        if let Some(known) = known {
            known.findings += 1;
            known.principals.extend(finding.principal.clone());
        } else {
            recommendations.push(Recommendation {
                severity: finding.severity,
                id: finding.id.clone(),
                title: rule_title(finding),
                action: finding.recommendation.clone(),
                findings: 1 + findings.omitted_of(|rule| *rule == *finding.id),
                principals: finding.principal.clone().into_iter().collect(),
            });
        }
    }
    recommendations
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the table of rules in `docs/semantics.md`: its cells, without the line of dashes.
    fn documented_rules() -> Vec<Vec<&'static str>> {
        let semantics = include_str!("../../../docs/semantics.md");
        let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
        let from = semantics.lines().skip_while(|line| !line.starts_with("| rule |"));
        from.take_while(|line| line.starts_with('|')).map(cells).collect()
    }

    #[test]
    fn the_documented_rules_are_the_rules_in_their_order() {
        let rows = documented_rules();
        let [head, _, rows @ ..] = &*rows else { panic!("docs/semantics.md has no table of rules") };
        assert_eq!(**head, ["rule", "severity", "alerts", "policies", "title"]);
        let documented: Vec<(&str, &str, &str, bool)> = rows
            .iter()
            .map(|row| {
                let severity = row[1].split(',').next().unwrap();
                (row[0].trim_matches('`'), severity, row[2], row[3] == "yes")
            })
            .collect();
        let scope = |rule: &FindingRule| match rule.alerts {
            None => "",
            Some(AlertScope::Watched) => "yes",
            Some(AlertScope::Any) => "any principal",
        };
        let known: Vec<(&str, &str, &str, bool)> = RULES
            .iter()
            .map(|rule| (rule.id, rule.severity.as_str(), scope(rule), rule.needs_policies))
            .collect();
        assert_eq!(documented, known);
    }

    #[test]
    fn a_rule_is_in_a_file_of_its_name_and_its_id_is_unique() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/finding");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "mod.rs" && name != "phrases.rs")
            .collect();
        let mut ids: Vec<String> =
            RULES.iter().map(|rule| format!("{}.rs", rule.id.replace('-', "_"))).collect();
        files.sort_unstable();
        ids.sort_unstable();
        assert_eq!(files, ids);
    }

    #[test]
    fn a_title_names_the_principal_the_operation_and_the_roles() {
        let arn = |name: &str| Arc::from(format!("arn:aws:iam::111122223333:role/{name}"));
        let mut found = RuleMatch {
            principal: Some(arn("audit/Auditor")),
            subject: "s3:PutObject".to_owned(),
            ..RuleMatch::default()
        };
        assert_eq!(found.full_title("A watched principal wrote"), "Auditor wrote (s3:PutObject)");
        found.role_chain = vec![arn("Deployer"), arn("Shared")];
        let through = "Auditor wrote (s3:PutObject) through Deployer, then Shared";
        assert_eq!(found.full_title("A principal wrote"), through);
        found = RuleMatch { subject: "policies".to_owned(), role_chain: Vec::new(), ..found };
        assert_eq!(found.full_title("A watched principal could write"), "Auditor could write");
        found.principal = Some(arn("Quarterly*"));
        assert_eq!(
            found.full_title("A watched principal does not appear in the evidence"),
            "A watched principal does not appear in the evidence"
        );
    }
}
