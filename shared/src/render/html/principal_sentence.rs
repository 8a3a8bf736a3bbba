//! One sentence about a principal.
//!
//! Enters: the summary of a principal. Leaves: a sentence that follows its name: what its status says, why, and what it did.
//! Laws: a sentence says `only` of calls only if AWS refused none; it never claims more than the status.

use super::filters::thousands;
use crate::{
    event::Outcome,
    finding::count_noun,
    operation::OperationType,
    report::{Behavior, PrincipalSummary},
    score::Status,
};

/// The sentence; it begins with a verb.
pub(super) fn sentence(principal: &PrincipalSummary) -> String {
    let did = did(principal);
    let reasons = and_list(&principal.status_reasons);
    match principal.status.filter(|_| principal.watched_as.is_some()) {
        None => format!("{did}."),
        Some(Status::Compliant) => format!("is read-only: it {did}."),
        Some(Status::NonCompliant) if reasons.is_empty() => format!("is not read-only: it {did}."),
        Some(Status::NonCompliant) => format!("is not read-only: {reasons}."),
        Some(Status::InsufficientEvidence) if reasons.is_empty() => {
            format!("{did}, which does not prove that it is read-only.")
        }
        Some(Status::InsufficientEvidence) if principal.behavior == Behavior::NotSeen => {
            format!("is not proven to be read-only: {reasons}.")
        }
        Some(Status::InsufficientEvidence) => {
            format!("{did}, but is not proven to be read-only: {reasons}.")
        }
    }
}

/// What a principal was seen to do, as a verb with its object.
fn did(principal: &PrincipalSummary) -> String {
    let calls = |count: u64| match count {
        1 => "1 call".to_owned(),
        _ => format!("{} calls", thousands(count)),
    };
    let tried: u64 = [OperationType::Mutating, OperationType::Privileged, OperationType::Unknown]
        .into_iter()
        .map(|kind| {
            principal.count(kind, Outcome::Denied).saturating_add(principal.count(kind, Outcome::Failed))
        })
        .fold(0, u64::saturating_add);
    let with = |capability: &str| calls(principal.capabilities.get(capability).copied().unwrap_or_default());
    let denied = principal.denied();
    let phrase = match principal.behavior {
        Behavior::Wrote => format!("changed state in {}", calls(principal.writes())),
        Behavior::UsedPrivilege => format!(
            "used a privileged operation in {}",
            calls(principal.count(OperationType::Privileged, Outcome::Succeeded))
        ),
        Behavior::Attempted => {
            return format!("attempted {} that {} not read-only; none succeeded", calls(tried), are(tried));
        }
        Behavior::UnknownCalls => format!(
            "made {} to unknown operations",
            calls(principal.count(OperationType::Unknown, Outcome::Succeeded))
        ),
        Behavior::ReadSecrets => format!("read secrets in {}", with("read_secrets")),
        Behavior::ReadData => format!("read customer data in {}", with("read_data")),
        Behavior::OnlyRead if denied == 0 => format!("only read, in {}", calls(principal.calls)),
        Behavior::OnlyRead => format!("made {} of reads", calls(principal.calls)),
        Behavior::NoCalls => return "made no API call".to_owned(),
        Behavior::NotSeen => return "does not appear in the evidence".to_owned(),
    };
    match denied {
        0 => phrase,
        _ => format!("{phrase}; AWS refused {} of its calls", thousands(denied)),
    }
}

const fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// Parts of a sentence with `and` before the last.
fn and_list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    }
}

/// The overall answer: how many of the watched principals are read-only.
pub(super) fn overall(principals: &[PrincipalSummary]) -> String {
    let watched = || principals.iter().filter(|principal| principal.watched_as.is_some());
    let with = |status: Status| watched().filter(|one| one.status == Some(status)).count() as u64;
    let (all, broken, open) =
        (watched().count() as u64, with(Status::NonCompliant), with(Status::InsufficientEvidence));
    let of = count_noun(all, "watched principal");
    match (all, broken, open) {
        (0, ..) => "No principal is watched.".to_owned(),
        (_, 0, 0) => format!("Yes: {of} {} read-only.", are(all)),
        (_, 0, _) if open == all => {
            format!("Not proven: no call breaks the promise, but for {of} evidence is missing.")
        }
        (_, 0, _) => format!("Not proven for {open} of {of}; the others are read-only."),
        (_, _, 0) => format!("No: {broken} of {of} {} not read-only.", are(broken)),
        _ => format!(
            "No: {broken} of {of} {} not read-only, and {open} {} not proven to be.",
            are(broken),
            are(open)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn principals() -> Vec<PrincipalSummary> {
        sample::non_compliant().result.principals
    }

    #[test]
    fn thirty_refused_attempts_are_never_only_reads() {
        let mut principal = principals().remove(0);
        principal.behavior = Behavior::OnlyRead;
        for (kind, refused) in [(OperationType::ReadOnly, 30), (OperationType::Mutating, 30)] {
            principal.counts.entry(kind).or_default().insert(Outcome::Denied, refused);
            for status in [None, Some(Status::InsufficientEvidence), Some(Status::Compliant)] {
                principal.status = status;
                let sentence = sentence(&principal);
                assert!(!sentence.contains("only read,") && sentence.contains("AWS refused "), "{sentence}");
            }
        }
        let attempted = PrincipalSummary { behavior: Behavior::Attempted, status: None, ..principal };
        assert_eq!(sentence(&attempted), "attempted 30 calls that are not read-only; none succeeded.");
    }

    #[test]
    fn a_sentence_says_the_status_and_why() {
        let sentences: Vec<String> = principals().iter().map(sentence).collect();
        assert_eq!(sentences[3], "is not read-only: 3 writes succeeded, and 4 privileged calls succeeded.");
        assert!(
            sentences[2]
                .starts_with("attempted 2 calls that are not read-only; none succeeded, but is not proven")
        );
        assert!(sentences[4].starts_with("is not proven to be read-only: "), "{}", sentences[4]);
        assert_eq!(sentences[7], "only read, in 88 calls.");
    }

    #[test]
    fn the_answer_counts_the_watched_principals() {
        assert_eq!(
            overall(&principals()),
            "No: 1 of 5 watched principals is not read-only, and 4 are not proven to be."
        );
        assert_eq!(overall(&sample::discovery().result.principals), "No principal is watched.");
        assert!(overall(&sample::compliant().result.principals).starts_with("Yes: "));
    }
}
