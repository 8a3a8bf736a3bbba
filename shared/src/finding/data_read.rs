//! `data-read`: a read of customer content by a watched principal that succeeded.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::Capabilities,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "data-read",
    severity: Severity::Low,
    title: "A watched principal read customer content",
    meaning: "The call changes nothing, but its response carries what customers store, not only how it is set up.",
    action: "Make sure the principal needs the content; a principal that only takes inventory does not.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let reads = assessment.watched_calls().filter(|judged| {
        let capabilities = judged.classification.capabilities;
        judged.is_permitted()
            && judged.outcome() == Outcome::Succeeded
            && capabilities.contains(Capabilities::READ_DATA)
            && !capabilities.contains(Capabilities::READ_SECRETS)
    });
    group_calls(reads, ClassifiedCall::operation, |i| {
        format!("`{}` returned content: {}.", i.subject, count_noun(i.count, "call"))
    })
}
