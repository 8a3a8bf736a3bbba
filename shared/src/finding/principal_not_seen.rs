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
    let similar = |pattern: &str| match most_similar(pattern, &seen) {
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

/// The principal that a misspelled pattern may mean. A wildcard for the account stands for any account.
fn most_similar<'a>(pattern: &str, seen: &BTreeSet<&'a str>) -> Option<&'a str> {
    let is_any_account = pattern.split(':').nth(4) == Some("*");
    let spelled = |arn: &str| match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        [arn, partition, service, region, _, resource] if is_any_account => {
            [arn, partition, service, region, "*", resource].join(":")
        }
        _ => arn.to_owned(),
    };
    let spelled: Vec<(String, &'a str)> = seen.iter().map(|arn| (spelled(arn), *arn)).collect();
    let found = suggest(pattern, spelled.iter().map(|(text, _)| text.as_str()))?;
    spelled.iter().find(|(text, _)| text == found).map(|(_, arn)| *arn)
}
