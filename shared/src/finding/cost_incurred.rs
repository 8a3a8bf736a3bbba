//! `cost-incurred`: a permitted call of a watched principal that spends money beyond the price of the request.

use super::{FindingRule, RuleMatch, Severity, count_noun, group_calls};
use crate::{
    assessment::{Assessment, ClassifiedCall},
    event::Outcome,
    operation::Capabilities,
};

/// The rule `cost-incurred`.
pub const RULE: FindingRule = FindingRule {
    id: "cost-incurred",
    severity: Severity::Low,
    title: "A watched principal spent money",
    meaning: "The call changes nothing, but AWS bills what it computes, such as the tokens of a model or the data that a query scans.",
    action: "Check that the principal needs the call; set a budget or a quota for it.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    let spending = assessment.watched_calls().filter(|call| {
        call.is_permitted()
            && call.outcome() == Outcome::Succeeded
            && call.classification.capabilities.contains(Capabilities::INCUR_COST)
    });
    group_calls(spending, ClassifiedCall::operation, |i| {
        format!("`{}` incurred cost: {}.", i.subject, count_noun(i.count, "call"))
    })
}
