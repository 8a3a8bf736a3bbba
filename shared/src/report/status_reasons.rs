//! Why a status is what it is.
//!
//! Enters: a status, the calls behind it and the gaps that concern it. Leaves: the reasons that decide the status, as
//! parts of a sentence, and a sentence about the gaps that do not concern it. Laws: a status other than `COMPLIANT` has a
//! reason; each reason alone gives the status; a gap that concerns a principal is never said not to.

use std::collections::BTreeMap;

use crate::{
    assessment::{Assessment, ClassifiedCall, EvidenceAccounts, EvidenceGaps},
    coverage::{AccountRegionCoverage, IntegrityHours},
    event::Outcome,
    finding::{count_noun, phrases},
    operation::OperationType,
    score::{Status, status_impact},
};

/// Most places, classes and accounts that a reason names.
const MAX_NAMED: usize = 2;

/// Number of characters of the name of an account or region.
const MAX_NAME_CHARS: usize = 40;

/// The reasons of the status of a principal: its calls with this impact; below `NON_COMPLIANT` also the gaps.
pub(super) fn reasons_of<'b, 'a: 'b>(
    status: Status,
    calls: impl Iterator<Item = &'b ClassifiedCall<'a>>,
    gaps: &EvidenceGaps<'_>,
) -> Vec<String> {
    let mut counts = [0_u64; 6];
    let (mut permitted, mut any) = (0, false);
    for call in calls {
        any = true;
        permitted += call.count;
        if call.status_impact() != status || status == Status::Compliant {
            continue;
        }
        let base = status_impact(call.operation_type(), call.outcome());
        let kind = match (status, call.operation_type(), call.outcome()) {
            (Status::InsufficientEvidence, ..) if call.is_permitted() || base == Status::Compliant => 3,
            (Status::InsufficientEvidence, ..) if base == Status::NonCompliant => 2,
            (_, OperationType::Unknown, _) => 4,
            (_, _, Outcome::Failed) => 5,
            (_, OperationType::Mutating, _) => 0,
            _ => 1,
        };
        if let Some(count) = counts.get_mut(kind) {
            *count += call.count;
        }
    }
    let [writes, privileged, uncertain, untraceable, unknown, failed] = counts;
    let phrases = [
        (writes, format!("{} succeeded", count_noun(writes, "write"))),
        (privileged, format!("{} succeeded", count_noun(privileged, "privileged call"))),
        (
            uncertain,
            format!(
                "{} would break the promise, but another principal may have made {}",
                count_noun(uncertain, "call"),
                if uncertain == 1 { "it" } else { "them" }
            ),
        ),
        (untraceable, format!("credentials issued in {} cannot be traced", count_noun(untraceable, "call"))),
        (unknown, format!("nothing says what {} did", count_noun(unknown, "call"))),
        (
            failed,
            match failed {
                1 => "1 write or privileged call failed and was not denied".to_owned(),
                _ => format!("{failed} writes or privileged calls failed and were not denied"),
            },
        ),
    ];
    let mut reasons: Vec<String> =
        phrases.into_iter().filter(|(count, _)| *count > 0).map(|(_, phrase)| phrase).collect();
    match status {
        Status::Compliant => reasons.push(format!(
            "{} read-only, allowed by an override or not carried out by AWS",
            if permitted == 1 {
                "its only call was".to_owned()
            } else {
                format!("each of its {permitted} calls was")
            }
        )),
        Status::InsufficientEvidence => {
            if !any {
                reasons.push("it made no API call".to_owned());
            }
            reasons.extend(gap_reasons(gaps));
        }
        Status::NonCompliant => {}
    }
    reasons
}

/// The reason of the status of a watch entry that no principal in the evidence matches.
pub(super) fn not_seen() -> Vec<String> {
    vec!["no event of it is in the evidence".to_owned()]
}

/// The reasons of an overall status of `INSUFFICIENT_EVIDENCE`; the calls that break a promise decide any worse status.
pub(super) fn overall_reasons(assessment: &Assessment<'_>, status: Option<Status>) -> Vec<String> {
    let Some(status) = status.filter(|status| *status > Status::Compliant) else { return Vec::new() };
    let gaps = assessment.gaps_in(&assessment.promised_accounts());
    let calls: Vec<&ClassifiedCall<'_>> = assessment.watched_calls().collect();
    let has_calls = !calls.is_empty();
    let mut reasons = reasons_of(status, calls.into_iter(), &gaps);
    if status == Status::NonCompliant {
        return reasons;
    }
    if !has_calls {
        reasons.retain(|reason| reason != "it made no API call");
    }
    let unseen: Vec<&str> = assessment.unseen_watches().map(|watch| watch.principal.as_str()).collect();
    let unidentified: u64 = assessment.unidentified_calls().map(|call| call.count).sum();
    let silent = assessment.silent_principals();
    let more = [
        (
            unseen.len() as u64,
            format!(
                "the evidence has no principal of {} {}",
                if unseen.len() == 1 { "the watch entry" } else { "the watch entries" },
                phrases::quote_some(unseen.iter().copied(), MAX_NAMED)
            ),
        ),
        (silent, format!("{} made no API call", count_noun(silent, "watched principal"))),
        (
            unidentified,
            match unidentified {
                1 => "1 call that is not read-only names no principal".to_owned(),
                _ => format!("{unidentified} calls that are not read-only name no principal"),
            },
        ),
    ];
    reasons.extend(more.into_iter().filter(|(count, _)| *count > 0).map(|(_, reason)| reason));
    reasons
}

/// What is missing of the evidence of all accounts.
pub(super) fn all_gap_reasons(assessment: &Assessment<'_>) -> Vec<String> {
    gap_reasons(&assessment.all_gaps())
}

fn place_name(place: &AccountRegionCoverage) -> String {
    let name = |text| phrases::truncate(text, MAX_NAME_CHARS);
    format!("{} {}", name(&place.account), name(&place.region))
}

fn gap_reasons(gaps: &EvidenceGaps<'_>) -> Vec<String> {
    let mut reasons: Vec<String> = gaps.parts_off.iter().map(|part| part.reason().to_owned()).collect();
    let verb = |count: u64| if count == 1 { "was" } else { "were" };
    if gaps.is_empty_evidence {
        reasons.push("no hour was observed".to_owned());
    } else if !gaps.places.is_empty() {
        let mut places = gaps.places.clone();
        places.sort_by_key(|place| std::cmp::Reverse(place.missing_hours()));
        let hours = |place: &&AccountRegionCoverage| u64::from(place.missing_hours());
        let named: Vec<String> = places
            .iter()
            .take(MAX_NAMED)
            .map(|place| format!("{} in {}", count_noun(hours(place), "hour"), place_name(place)))
            .collect();
        let others: u64 = places.iter().skip(MAX_NAMED).map(hours).sum();
        let more = match places.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            n => format!(" and {} in {n} more", count_noun(others, "hour")),
        };
        let total = places.iter().map(hours).sum();
        reasons.push(format!("{}{more} {} not observed", named.join(", "), verb(total)));
    }
    if !gaps.classes.is_empty() {
        let names = phrases::quote_some(gaps.classes.iter().map(|class| &*class.class), MAX_NAMED);
        let (noun, are) = if gaps.classes.len() == 1 { ("class", "is") } else { ("classes", "are") };
        reasons.push(format!("the event {noun} {names} {are} not known to be logged"));
    }
    let unexpected = gaps.unexpected_accounts.len();
    if unexpected > 0 {
        let names: Vec<String> = gaps
            .unexpected_accounts
            .iter()
            .take(MAX_NAMED)
            .map(|account| phrases::truncate(account, MAX_NAME_CHARS))
            .collect();
        let more = match unexpected.saturating_sub(MAX_NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        reasons.push(format!(
            "no evidence is expected of account {}{more}, which records its calls",
            names.join(", ")
        ));
    }
    let (files, pieces, events) = (gaps.missing_log_files, gaps.unreadable, gaps.conflicting_events);
    let IntegrityHours { tampered, missing, unverified, .. } = gaps.log_integrity;
    let hours = |count| count_noun(count, "hour");
    let counted = [
        (tampered, format!("log files of {} are not as CloudTrail delivered them", hours(tampered))),
        (missing, format!("log files or digest files of {} are missing", hours(missing))),
        (unverified, format!("the log files of {} are not verified", hours(unverified))),
        (
            files,
            format!(
                "{} that digest files list {} missing",
                count_noun(files, "log file"),
                if files == 1 { "is" } else { "are" }
            ),
        ),
        (pieces, format!("{} of evidence could not be read", count_noun(pieces, "piece"))),
        (events, format!("{} {} delivered with two contents", count_noun(events, "event"), verb(events))),
        (
            gaps.parts_outside,
            format!(
                "{} of the evidence {} outside the inferred period",
                count_noun(gaps.parts_outside, "part"),
                if gaps.parts_outside == 1 { "is" } else { "are" }
            ),
        ),
    ];
    reasons.extend(counted.into_iter().filter(|(count, _)| *count > 0).map(|(_, reason)| reason));
    reasons
}

/// The accounts with gaps.
pub(super) struct AccountGaps<'a> {
    /// Number of hours that were not observed, by account; zero if only an event class is not logged there.
    hours: BTreeMap<&'a str, u64>,
    /// The sum of these hours.
    all_hours: u64,
}

impl<'a> AccountGaps<'a> {
    pub(super) fn of(assessment: &Assessment<'a>) -> Self {
        let all = assessment.all_gaps();
        let mut hours: BTreeMap<&str, u64> = BTreeMap::new();
        for place in all.places {
            *hours.entry(&place.account).or_default() += u64::from(place.missing_hours());
        }
        for account in all.classes.into_iter().flat_map(|class| &class.gap_accounts) {
            hours.entry(account).or_default();
        }
        Self { all_hours: hours.values().sum(), hours }
    }
}

/// The sentence about the gaps in accounts that are not among these, which do not concern `subject`; `None` if there are
/// none.
pub(super) fn unconcerned_gaps(
    gaps: &AccountGaps<'_>,
    accounts: &EvidenceAccounts,
    subject: &str,
) -> Option<String> {
    if accounts.is_every {
        return None;
    }
    let concerned = || accounts.accounts.iter().filter_map(|account| gaps.hours.get(&**account));
    let elsewhere = gaps.hours.len() - concerned().count();
    if elsewhere == 0 {
        return None;
    }
    let hours = gaps.all_hours - concerned().sum::<u64>();
    let unconcerned = gaps.hours.keys().filter(|account| !accounts.contains(account));
    let named: Vec<String> =
        unconcerned.take(MAX_NAMED).map(|one| phrases::truncate(one, MAX_NAME_CHARS)).collect();
    let (noun, more) = match (elsewhere, elsewhere.saturating_sub(MAX_NAMED)) {
        (1, _) => ("account", String::new()),
        (_, 0) => ("accounts", String::new()),
        (_, n) => ("accounts", format!(" and {n} more")),
    };
    let gaps = if hours > 0 {
        format!("The {} missing", count_noun(hours, "hour"))
    } else {
        "Event classes not logged".to_owned()
    };
    let (calls, account, issued) = match subject {
        "it" => ("its calls", "its own account", "it was"),
        _ => ("their calls", "their own accounts", "they were"),
    };
    Some(format!(
        "{gaps} in {noun} {}{more} {} not concern {subject}: CloudTrail records {calls} in {account}, and {issued} issued no credentials of {}.",
        named.join(", "),
        if hours == 1 { "does" } else { "do" },
        if elsewhere == 1 { "that account" } else { "those accounts" },
    ))
}
