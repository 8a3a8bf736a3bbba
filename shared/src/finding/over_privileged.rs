//! `over-privileged`: policies that surely let a watched principal do more than read.

use super::{Instance, Rule, Severity, policies, words};
use crate::{
    assessment::{Assessment, Could},
    grants::Grant,
    operation::RiskLevel,
    report::matrix::gravest_first,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "over-privileged",
    severity: Severity::High,
    title: "A watched principal could do more than read",
    meaning: "Its policies allow it, whether or not it ever did: what holds the promise is its manners, not its permissions.",
    action: "Take these actions out of its policies or put a boundary around it; where one is wanted, allow it with an override that has an owner and an end.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    policies(assessment, |_, could| {
        let mut grants: Vec<&Grant> = could.excessive().filter(|grant| Could::is_sure(grant)).collect();
        gravest_first(&mut grants);
        let gravest = grants.first()?.action.risk_level;
        let named = words::some(grants.iter().map(|grant| &*grant.action.key), 3);
        let does = words::does(&grants);
        let does = if does.is_empty() { does } else { format!(" ({does})") };
        let (actions, are) =
            if grants.len() == 1 { ("action", "is no read") } else { ("actions", "are no reads") };
        Some(vec![Instance {
            severity: (gravest == RiskLevel::Critical).then_some(Severity::Critical),
            subject: "policies".to_owned(),
            seen: format!(
                "{} {actions} that {are} may be used{does}: {named}, by {}.",
                grants.len(),
                words::by(&grants)
            ),
            count: grants.len() as u64,
            ..Instance::default()
        }])
    })
}
