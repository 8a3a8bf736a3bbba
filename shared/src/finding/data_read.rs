//! `data-read`: a read of customer data by a watched principal that succeeded.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::Capabilities,
};

/// The rule `data-read`.
pub const RULE: FindingRule = FindingRule {
    id: "data-read",
    severity: Severity::Low,
    title: "A watched principal read customer data",
    meaning: "The call changes nothing, but its response returns data that customers store, not only configuration.",
    action: "Check that the principal needs the data; a principal that only lists resources does not.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let reads = assessment.watched_calls().filter(|call| {
        let capabilities = call.classification.capabilities;
        call.is_permitted()
            && call.outcome() == Outcome::Succeeded
            && capabilities.contains(Capabilities::READ_DATA)
            && !capabilities.contains(Capabilities::READ_SECRETS)
    });
    group_calls(reads, ClassifiedCall::operation, |i| {
        format!("`{}` returned customer data: {}.", i.subject, count_noun(i.count, "call"))
    })
}
