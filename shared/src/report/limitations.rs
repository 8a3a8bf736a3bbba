//! What a result says nothing about.
//!
//! Enters: an assessment. Leaves: a sentence for each thing that was not looked at. Law: what was not looked at is said,
//! and said of nothing that was.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{ReportMode, matrix};
use crate::{
    assessment::Assessment,
    classification::Provenance,
    coverage::{EventClassState, event_class_of},
    finding::phrases,
    grants::UnevaluatedPolicyType,
};

/// Principals that are named before the rest is counted.
const MAX_NAMED_PRINCIPALS: usize = 5;

/// Everything that was not looked at.
pub(super) fn limitations(assessment: &Assessment<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if assessment.mode == ReportMode::Discovery {
        lines.push("Whether anyone kept a promise: no principal is watched.".to_owned());
    }
    let missing = assessment.coverage.missing_hours();
    if missing > 0 {
        let expected = assessment.coverage.expected_hours;
        lines.push(format!("{missing} of {expected} account-region hours, for which there is no evidence."));
    }
    for class in &assessment.coverage.event_classes {
        match class.state {
            EventClassState::Gap => {
                let could = phrases::granted_in_class(assessment, &class.class);
                lines.push(format!(
                    "Events of the class `{}` that nobody is known to log{could}.",
                    class.class
                ));
            }
            EventClassState::Partial => lines.push(format!(
                "Events of the class `{}` in accounts other than {}.",
                class.class,
                class.accounts.iter().map(|account| &**account).collect::<Vec<_>>().join(", ")
            )),
            _ => {}
        }
    }
    if !assessment
        .coverage
        .event_classes
        .iter()
        .any(|class| class.class.starts_with("data") && class.state != EventClassState::NotExpected)
    {
        lines.push("Data events, such as `s3:PutObject`, `dynamodb:PutItem` and `lambda:Invoke`: they are not part of the promise.".to_owned());
    }
    if !assessment
        .coverage
        .event_classes
        .iter()
        .any(|class| class.class.starts_with("network") && class.state != EventClassState::NotExpected)
    {
        lines.push("Network activity events: they are not part of the promise.".to_owned());
    }
    let guessed: u64 = assessment
        .calls()
        .filter(|judged| {
            matches!(judged.classification.provenance, Provenance::RecordFlag | Provenance::Pattern)
        })
        .map(|judged| judged.count)
        .sum();
    if guessed > 0 {
        lines.push(format!(
            "What {guessed} calls really do: the catalog does not know them, and their record's flag or their name was believed."
        ));
    }
    for pattern in &assessment.config.exempt {
        lines.push(format!("Principals that match `{pattern}`: they are exempt."));
    }
    let unreadable: u64 = assessment.evidence_quality.unreadable.values().sum();
    if unreadable > 0 {
        lines.push(format!("What stands in {unreadable} pieces of evidence that could not be read."));
    }
    lines.extend(outside_promised_classes(assessment));
    lines.extend(policy_limitations(assessment));
    let missing_logs = assessment.evidence_quality.missing_log_files.len();
    if missing_logs > 0 {
        lines.push(format!(
            "What stands in {missing_logs} log files that digests list and the evidence does not show."
        ));
    }
    lines.push(
        "Digest signatures: that the log files are as CloudTrail delivered them was not verified.".to_owned(),
    );
    lines
}

/// What watched principals could do where the promise does not look.
fn outside_promised_classes(assessment: &Assessment<'_>) -> Vec<String> {
    let actors = matrix::principals_granted_outside_promise(assessment);
    let more = actors.len().saturating_sub(MAX_NAMED_PRINCIPALS);
    let mut lines: Vec<String> = actors
        .into_iter()
        .take(MAX_NAMED_PRINCIPALS)
        .map(|(arn, grants)| {
            let actions = phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3);
            let classes: BTreeSet<String> = grants.iter().map(|grant| event_class_of(&grant.action)).collect();
            let classes = phrases::quote_some(classes.iter().map(String::as_str), 3);
            format!(
                "Whether {} used {actions}: its policies allow it, and the promise is not about such events ({classes}).",
                phrases::quote(arn)
            )
        })
        .collect();
    if more > 0 {
        lines.push(format!("The same of {more} more watched principals."));
    }
    lines
}

/// What is not known of what principals could do, and of what they did through others.
fn policy_limitations(assessment: &Assessment<'_>) -> Vec<String> {
    if assessment.mode == ReportMode::Discovery {
        return vec!["What the principals could do: their policies were not read.".to_owned()];
    }
    let mut lines = vec![
        "What watched principals did through sessions whose beginning is not in the evidence: only where the evidence shows who got the credentials does it show with whom a call began."
            .to_owned(),
    ];
    let handed_out: u64 =
        assessment.calls().filter(|judged| judged.is_untraceable).map(|judged| judged.count).sum();
    if handed_out > 0 {
        lines.push(format!(
            "What was done with the credentials that {} of watched principals handed out: nothing shows whose calls they made.",
            crate::finding::count_noun(handed_out, "call")
        ));
    }
    if assessment.config.lookup.watched_only {
        lines.push(
            "What watched principals did through others, where events were looked up: with `lookup.watched_only` those of principals nobody watches are left out.".to_owned(),
        );
    }
    let cases = matrix::watched_principals(assessment);
    let unread = matrix::principals_without_policies(assessment, &cases);
    if !unread.is_empty() {
        let who = phrases::quote_some(unread.iter().map(|arn| &**arn), MAX_NAMED_PRINCIPALS);
        lines.push(format!("What {who} could do: their policies were not read."));
    }
    let mut unseen: BTreeMap<UnevaluatedPolicyType, Vec<&Arc<str>>> = BTreeMap::new();
    for (arn, could) in &assessment.granted {
        for kind in &could.grants.unevaluated {
            unseen.entry(*kind).or_default().push(arn);
        }
    }
    for (kind, arns) in unseen {
        let who = match arns.len() == assessment.granted.len() {
            true => "all whose policies were read".to_owned(),
            false => phrases::quote_some(arns.into_iter().map(|arn| &**arn), MAX_NAMED_PRINCIPALS),
        };
        let (what, effect) = match kind {
            UnevaluatedPolicyType::PermissionsBoundary => {
                ("Whether there is a permissions boundary", "it can only narrow")
            }
            UnevaluatedPolicyType::ServiceControlPolicies => {
                ("Service control policies", "they can only narrow")
            }
            UnevaluatedPolicyType::ResourceControlPolicies => {
                ("Resource control policies", "they can only narrow")
            }
            UnevaluatedPolicyType::SessionPolicies => {
                ("Policies passed when a session was begun", "they can only narrow")
            }
            UnevaluatedPolicyType::VpcEndpointPolicies => {
                ("Policies of VPC endpoints", "they can only narrow")
            }
            UnevaluatedPolicyType::ResourceBasedPolicies => {
                ("Policies of resources", "they can grant more than its own do")
            }
        };
        lines.push(format!("{what}, of {who}: {effect}."));
    }
    let partly: Vec<&Arc<str>> =
        assessment.granted.iter().filter(|(_, could)| !could.covers_period).map(|(arn, _)| arn).collect();
    if !partly.is_empty() {
        let who = phrases::quote_some(partly.into_iter().map(|arn| &**arn), MAX_NAMED_PRINCIPALS);
        lines.push(format!("What {who} could do in parts of the period in which no policies were read."));
    }
    lines
}
