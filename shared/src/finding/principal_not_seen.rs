//! `principal-not-seen`: a watch entry that no principal in the evidence matches.

use std::collections::BTreeSet;

use super::{FindingRule, RuleMatch, Severity, phrases};
use crate::{assessment::Assessment, suggest::suggest};

/// Patterns that are compared with the principals of the evidence; each is compared with all of them.
const MAX_COMPARED_PATTERNS: usize = 20;

/// The rule `principal-not-seen`.
pub const RULE: FindingRule = FindingRule {
    id: "principal-not-seen",
    severity: Severity::Medium,
    title: "A watched principal does not appear in the evidence",
    meaning: "The evidence holds no event of the principal, so nothing is proven about the principal: the principal may be unused, misspelled in the configuration, or active where no trail logs.",
    action: "Check the watch pattern against the role, and the trail against the accounts the role works in; delete the role if the role is unused.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let unseen: Vec<_> = assessment.unseen_watches().collect();
    let seen: BTreeSet<&str> = match unseen.is_empty() {
        true => BTreeSet::new(),
        false => assessment.calls().map(|call| &*call.principal().arn).collect(),
    };
    let similar = |pattern: &str| match suggest(pattern, seen.iter().copied()) {
        Some(arn) => format!(" The evidence has {}: is it meant?", phrases::quote(arn)),
        None => String::new(),
    };
    let matches = unseen.into_iter().enumerate().map(|(position, watch)| {
        let pattern = watch.principal.as_str();
        let similar = if position < MAX_COMPARED_PATTERNS { similar(pattern) } else { String::new() };
        RuleMatch {
            principal: Some(pattern.into()),
            subject: "promise".to_owned(),
            observation: format!("No event in the evidence matches this pattern.{similar}"),
            ..RuleMatch::default()
        }
    });
    matches.collect()
}
