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
        Some(Status::Compliant) => match principal.allowed_by_override {
            0 => format!("is read-only: it {did}."),
            allowed => {
                format!("is read-only but for {} that overrides allow: it {did}.", count_of_calls(allowed))
            }
        },
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

/// What a principal was seen to do, as a verb with its object. Calls through roles are not among its own.
fn did(principal: &PrincipalSummary) -> String {
    let refused =
        |kind| principal.count(kind, Outcome::Denied).saturating_add(principal.count(kind, Outcome::Failed));
    let tried = [OperationType::Mutating, OperationType::Privileged, OperationType::Unknown]
        .map(refused)
        .into_iter()
        .fold(0, u64::saturating_add);
    let within = |count: u64| match count {
        0 => "through a role".to_owned(),
        _ => format!("in {}", count_of_calls(count)),
    };
    let with = |capability: &str| within(principal.capabilities.get(capability).copied().unwrap_or_default());
    let succeeded = |kind| within(principal.count(kind, Outcome::Succeeded));
    let denied = principal.denied();
    let phrase = match principal.behavior {
        Behavior::Wrote => format!("changed state {}", within(principal.writes())),
        Behavior::UsedPrivilege => {
            format!("used a privileged operation {}", succeeded(OperationType::Privileged))
        }
        Behavior::Attempted if tried == 0 => {
            return "attempted calls that are not read-only, through a role; none succeeded".to_owned();
        }
        Behavior::Attempted => {
            let calls = count_of_calls(tried);
            return format!("attempted {calls} that {} not read-only; none succeeded", are(tried));
        }
        Behavior::UnknownCalls => format!("called unknown operations {}", succeeded(OperationType::Unknown)),
        Behavior::ReadSecrets => format!("read secrets {}", with("read_secrets")),
        Behavior::ReadData => format!("read customer data {}", with("read_data")),
        Behavior::OnlyRead if denied == 0 => format!("only read, in {}", count_of_calls(principal.calls)),
        Behavior::OnlyRead => format!("made {} of reads", count_of_calls(principal.calls)),
        Behavior::NoCalls => return "made no API call".to_owned(),
        Behavior::NotSeen => return "does not appear in the evidence".to_owned(),
    };
    match denied {
        0 => phrase,
        _ => format!("{phrase}; AWS refused {} of its calls", thousands(denied)),
    }
}

/// `1 call`, `1,234 calls`.
fn count_of_calls(count: u64) -> String {
    match count {
        1 => "1 call".to_owned(),
        _ => format!("{} calls", thousands(count)),
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
    let allowed = watched().map(|one| one.allowed_by_override).fold(0, u64::saturating_add);
    match (all, broken, open) {
        (0, ..) => "No principal is watched.".to_owned(),
        (_, 0, 0) if allowed > 0 => {
            let calls = count_of_calls(allowed);
            format!("Yes, but for {calls} that overrides allow: {of} {} read-only otherwise.", are(all))
        }
        (_, 0, 0) => format!("Yes: {of} {} read-only.", are(all)),
        (_, 0, _) if open == all => {
            format!(
                "Not proven: no call is known to break the promise, and {of} {} not proven to keep it.",
                are(all)
            )
        }
        (_, 0, _) if allowed > 0 => {
            let calls = count_of_calls(allowed);
            format!(
                "Not proven for {open} of {of}; the others are read-only but for {calls} that overrides allow."
            )
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
    fn calls_that_an_override_allows_are_named_in_a_compliant_status() {
        let mut result = sample::compliant().result;
        let principal =
            result.principals.iter_mut().find(|one| one.status == Some(Status::Compliant)).unwrap();
        (principal.allowed_by_override, principal.behavior) = (2, Behavior::Wrote);
        let sentence = sentence(principal);
        assert!(
            sentence.starts_with("is read-only but for 2 calls that overrides allow: it changed"),
            "{sentence}"
        );
        assert!(overall(&result.principals).starts_with("Yes, but for 2 calls that overrides allow: "));
    }

    #[test]
    fn calls_through_roles_are_not_counted_as_own_calls() {
        let mut principal = principals().remove(0);
        principal.status = None;
        principal.counts.clear();
        principal.behavior = Behavior::Attempted;
        assert_eq!(
            sentence(&principal),
            "attempted calls that are not read-only, through a role; none succeeded."
        );
        principal.behavior = Behavior::UsedPrivilege;
        assert_eq!(sentence(&principal), "used a privileged operation through a role.");
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
