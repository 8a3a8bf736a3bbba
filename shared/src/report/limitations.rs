//! The limitations of a result.
//!
//! Enters: an assessment. Leaves: a sentence for each thing the result does not cover. Law: everything that was not
//! evaluated has a sentence, and nothing that was evaluated has one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    ReportMode,
    inferred::{inferred, stray_evidence},
};
use crate::{
    access_matrix,
    assessment::{Assessment, ExcludedFiles},
    classification::Provenance,
    coverage::{EventClassState, IntegrityHours, event_class_of, global_region},
    finding::{count_noun, phrases},
    grants::UnevaluatedPolicyType,
};

/// Maximum number of principals named in a sentence; the rest is given as a number.
const MAX_NAMED_PRINCIPALS: usize = 5;

/// Maximum number of accounts named in a sentence.
const MAX_NAMED_ACCOUNTS: usize = 50;

/// The first names, separated by commas, and the number of the others.
fn some_of<'n>(names: impl Iterator<Item = &'n str>, all: usize) -> String {
    let named = names.take(MAX_NAMED_ACCOUNTS).collect::<Vec<_>>().join(", ");
    match all.saturating_sub(MAX_NAMED_ACCOUNTS) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// All limitations of a report, as sentences.
pub(super) fn limitations(assessment: &Assessment<'_>) -> Vec<String> {
    // What was inferred decides what every other sentence is about, so it is first.
    let mut lines: Vec<String> = inferred(assessment.coverage).into_iter().collect();
    lines.extend(assessment.config.parts_off().map(|part| part.limitation().to_owned()));
    lines.extend(stray_evidence(assessment.coverage));
    if assessment.mode == ReportMode::Discovery {
        lines.push("No principal is watched, so compliance is not assessed.".to_owned());
    }
    let missing = assessment.coverage.missing_hours();
    if missing > 0 {
        let expected = assessment.coverage.expected_hours;
        lines.push(format!("There is no evidence for {missing} of {expected} account-region hours."));
    }
    lines.extend(accounts_not_looked_up(assessment));
    lines.extend(assessment.evidence_removed_before.map(|time| {
        format!("The evidence from before {time} was removed at the end of its retention (`retention.evidence_days`).")
    }));
    lines.extend(assessment.index_restored.iter().map(|(since, until)| {
        format!(
            "The index of the evidence was restored from an earlier time: log files that were delivered from {since} to {until} may be missing in it."
        )
    }));
    lines.extend(unexpected_global_region(assessment));
    for class in &assessment.coverage.event_classes {
        match class.state {
            EventClassState::Gap => {
                let granted = phrases::granted_in_class(assessment, &class.class);
                lines.push(format!(
                    "Events of the class `{}` are not known to be logged in every account{granted}.",
                    class.class
                ));
            }
            EventClassState::Partial => lines.push(format!(
                "Events of the class `{}` are not known to be logged everywhere; accounts with such events: {}.",
                class.class,
                match class.accounts.len() {
                    0 => "none".to_owned(),
                    all => some_of(class.accounts.iter().map(|account| &**account), all),
                }
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
        lines.push("Data events, such as `s3:PutObject`, `dynamodb:PutItem` and `lambda:Invoke`, are not part of the promise.".to_owned());
    }
    if !assessment
        .coverage
        .event_classes
        .iter()
        .any(|class| class.class.starts_with("network") && class.state != EventClassState::NotExpected)
    {
        lines.push("Network activity events are not part of the promise.".to_owned());
    }
    let guessed: u64 = assessment
        .calls()
        .filter(|call| matches!(call.classification.provenance, Provenance::RecordFlag | Provenance::Pattern))
        .map(|call| call.count)
        .sum();
    if guessed > 0 {
        lines.push(format!(
            "The operations of {} are not in the catalog: the record's `readOnly` flag or the operation's name decided the classification.",
            count_noun(guessed, "call")
        ));
    }
    for pattern in &assessment.config.exempt {
        lines.push(format!("Principals that match `{pattern}` are exempt."));
    }
    let unreadable: u64 = assessment.evidence_quality.unreadable.values().sum();
    if unreadable > 0 {
        lines.push(format!(
            "The content of {} of evidence is unknown: it could not be read.",
            count_noun(unreadable, "piece")
        ));
    }
    lines.extend(excluded_files(assessment));
    lines.extend(outside_promised_classes(assessment));
    lines.extend(policy_limitations(assessment));
    let missing_logs = assessment.evidence_quality.missing_log_files.len();
    if missing_logs > 0 {
        lines.push(format!(
            "The content of {} that digest files list is unknown, because it is not in the evidence.",
            count_noun(missing_logs as u64, "log file")
        ));
    }
    lines.extend(log_integrity(assessment));
    lines
}

/// What was not proven of the log files, and what a proof of them does not say.
fn log_integrity(assessment: &Assessment<'_>) -> Vec<String> {
    let integrity = assessment.coverage.log_integrity.as_ref();
    let Some(integrity) = integrity.filter(|integrity| !integrity.verification.is_empty()) else {
        return vec![
            "The signatures of digest files were not verified, so changed log files would not be detected."
                .to_owned(),
        ];
    };
    let IntegrityHours { verified, unverified, missing, tampered } = integrity.hours;
    let of_all = |count: u64| format!("{count} of {} account-region hours", integrity.hours.all());
    let mut lines = Vec::new();
    if tampered > 0 {
        lines.push(format!(
            "In {} a log file or digest file is not as CloudTrail delivered it, so what happened in them is not known.",
            of_all(tampered)
        ));
    }
    if missing > 0 {
        lines.push(format!(
            "In {} a log file that a digest file lists, or a digest file, is missing.",
            of_all(missing)
        ));
    }
    if unverified > 0 {
        let effect = match integrity.is_required {
            true => "they do not count as observed",
            false => "changed log files of them would not be detected",
        };
        lines.push(format!("The log files of {} are not verified: {effect}.", of_all(unverified)));
    }
    if verified == 0 {
        return lines;
    }
    lines.push(format!(
        "The log files of {} are verified: they are complete and as CloudTrail delivered them, by digest files signed with public keys; Onlooker does not verify where these come from. Whether the trail logged every event is not part of that.",
        of_all(verified)
    ));
    lines
}

/// The accounts of which the event history counts and was not looked up.
fn accounts_not_looked_up(assessment: &Assessment<'_>) -> Option<String> {
    let accounts = &assessment.accounts_not_looked_up;
    (!accounts.is_empty()).then(|| {
        let (history, was) = if accounts.len() == 1 { ("history", "was") } else { ("histories", "were") };
        format!(
            "The event {history} of {} {was} not looked up, because `lookup.role` is not set.",
            phrases::quote_some(accounts.iter().map(String::as_str), MAX_NAMED_PRINCIPALS)
        )
    })
}

/// The files that the caller excluded.
fn excluded_files(assessment: &Assessment<'_>) -> Option<String> {
    let ExcludedFiles { globs, files } = &assessment.excluded_files;
    (*files > 0).then(|| {
        let (it, was) = if *files == 1 { ("it", "was") } else { ("they", "were") };
        format!(
            "The content of {} is unknown: {it} {was} excluded by {}.",
            count_noun(*files, "file"),
            phrases::quote_some(globs.iter().map(String::as_str), MAX_NAMED_PRINCIPALS)
        )
    })
}

/// The regions of global services that `coverage.regions` leaves out.
fn unexpected_global_region(assessment: &Assessment<'_>) -> Option<String> {
    let regions = &assessment.config.coverage.regions;
    let global: BTreeSet<&str> = regions.iter().map(|region| global_region(region)).collect();
    let left_out: Vec<&str> =
        global.into_iter().filter(|region| !regions.iter().any(|named| named == region)).collect();
    (!left_out.is_empty()).then(|| {
        format!(
            "`coverage.regions` leaves out {}, where events of global services such as IAM and STS are: calls of them are not covered.",
            phrases::quote_some(left_out.into_iter(), MAX_NAMED_PRINCIPALS)
        )
    })
}

/// What watched principals could do in event classes outside the promise.
fn outside_promised_classes(assessment: &Assessment<'_>) -> Vec<String> {
    let actors = access_matrix::principals_granted_outside_promise(assessment);
    let more = actors.len().saturating_sub(MAX_NAMED_PRINCIPALS);
    let mut lines: Vec<String> = actors
        .into_iter()
        .take(MAX_NAMED_PRINCIPALS)
        .map(|(arn, grants)| {
            let actions = phrases::quote_some(grants.iter().map(|grant| &*grant.action.key), 3);
            let classes: BTreeSet<String> = grants.iter().map(|grant| event_class_of(&grant.action)).collect();
            let classes = phrases::quote_some(classes.iter().map(String::as_str), 3);
            format!(
                "{} may have used {actions}: its policies grant it, and the promise does not cover such events ({classes}).",
                phrases::quote(arn)
            )
        })
        .collect();
    if more > 0 {
        lines.push(format!("The same applies to {}.", count_noun(more as u64, "more watched principal")));
    }
    lines
}

/// Limitations of the policies that were read, and of calls through roles.
fn policy_limitations(assessment: &Assessment<'_>) -> Vec<String> {
    if assessment.mode == ReportMode::Discovery {
        return vec![
            "The policies of the principals were not read, so what they could do is unknown.".to_owned(),
        ];
    }
    let mut lines = vec![
        "A call through a role session is attributed to a watched principal only if the evidence shows that the principal obtained the session's credentials."
            .to_owned(),
    ];
    let lead_in = assessment.coverage.lead_in;
    if lead_in.missing_hours() > 0 {
        lines.push(format!(
            "Of the 12 hours before the period, in which a role session may have begun, {} of {} account-region hours have no evidence: calls of sessions that began then are not attributed.",
            lead_in.missing_hours(),
            lead_in.expected_hours
        ));
    }
    let untraceable: u64 = assessment.calls().filter(|call| call.is_untraceable).map(|call| call.count).sum();
    if untraceable > 0 {
        lines.push(format!(
            "Credentials that watched principals issued in {} cannot be traced, because the record does not name the session or the evidence has nothing of its account; calls made with them are not attributed.",
            count_noun(untraceable, "call")
        ));
    }
    let cut_hours = assessment.evidence_quality.cut_hours;
    if cut_hours > 0 {
        lines.push(format!(
            "In {} a list of events ends before its last page (`NextToken`), so the events that follow are missing. Save all pages, or the list without `--max-items` and `--no-paginate`.",
            count_noun(cut_hours, "hour")
        ));
    }
    if assessment.config.lookup.watched_only {
        lines.push(
            "With `lookup.watched_only`, looked-up events of principals that are not watched are excluded, so calls through roles may be missing.".to_owned(),
        );
    }
    let cases = access_matrix::watched_principals(assessment);
    let unread = access_matrix::principals_without_policies(assessment, &cases);
    if !unread.is_empty() {
        let principals = phrases::quote_some(unread.iter().map(|arn| &**arn), MAX_NAMED_PRINCIPALS);
        lines.push(format!(
            "What these principals could do is unknown, because their policies were not read: {principals}."
        ));
    }
    let mut unevaluated: BTreeMap<UnevaluatedPolicyType, Vec<&Arc<str>>> = BTreeMap::new();
    for (arn, granted) in &assessment.granted {
        for kind in &granted.grants.unevaluated {
            unevaluated.entry(*kind).or_default().push(arn);
        }
    }
    for (kind, arns) in unevaluated {
        let principals = match arns.len() == assessment.granted.len() {
            true => "all principals with policies that were read".to_owned(),
            false => phrases::quote_some(arns.into_iter().map(|arn| &**arn), MAX_NAMED_PRINCIPALS),
        };
        let (what, effect) = match kind {
            UnevaluatedPolicyType::PermissionsBoundary => {
                ("Permissions boundaries", "they can only restrict permissions")
            }
            UnevaluatedPolicyType::ServiceControlPolicies => {
                ("Service control policies", "they can only restrict permissions")
            }
            UnevaluatedPolicyType::ResourceControlPolicies => {
                ("Resource control policies", "they can only restrict permissions")
            }
            UnevaluatedPolicyType::SessionPolicies => {
                ("Session policies", "they can only restrict permissions")
            }
            UnevaluatedPolicyType::VpcEndpointPolicies => {
                ("VPC endpoint policies", "they can only restrict permissions")
            }
            UnevaluatedPolicyType::ResourceBasedPolicies => {
                ("Resource-based policies", "they can grant more permissions")
            }
        };
        lines.push(format!("{what} were not evaluated for {principals}: {effect}."));
    }
    let partly: Vec<&Arc<str>> =
        assessment.granted.iter().filter(|(_, granted)| !granted.covers_period).map(|(arn, _)| arn).collect();
    if !partly.is_empty() {
        let principals = phrases::quote_some(partly.into_iter().map(|arn| &**arn), MAX_NAMED_PRINCIPALS);
        lines.push(format!("The policies of {principals} were not read for parts of the period."));
    }
    lines
}
