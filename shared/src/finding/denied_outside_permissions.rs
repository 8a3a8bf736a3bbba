//! `denied-outside-permissions`: denied calls that no policy of the principal grants.

use std::collections::{BTreeMap, BTreeSet};

use super::{FindingRule, RuleMatch, Severity, count_noun, matches_by_policies, phrases};
use crate::{access_matrix::calls_outside_permissions, assessment::Assessment, event::Outcome};

/// The rule `denied-outside-permissions`.
pub const RULE: FindingRule = FindingRule {
    id: "denied-outside-permissions",
    severity: Severity::Medium,
    title: "A watched principal made denied calls outside its permissions",
    meaning: "The principal's policies do not grant these calls, so the denials are correct: the principal's software or user attempted more than the principal is meant to do.",
    action: "Ask the principal's owner what made these calls; stop the tool that makes them, or find out who is probing.",
    alerts: None,
    needs_policies: true,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |case, _| {
        let mut services: BTreeMap<String, (RuleMatch, BTreeSet<&str>, bool)> = BTreeMap::new();
        for call in calls_outside_permissions(case, Outcome::Denied) {
            let (instance, operations, reads_only) = services
                .entry(call.classification.service.clone())
                .or_insert_with(|| (RuleMatch::default(), BTreeSet::new(), true));
            instance.add_call(call);
            operations.insert(&call.classification.operation);
            *reads_only &= call.is_permitted();
        }
        let name =
            |(service, (instance, operations, reads_only)): (String, (RuleMatch, BTreeSet<&str>, bool))| {
                let named = phrases::quote_some(operations.into_iter(), 3);
                RuleMatch {
                    severity: reads_only.then_some(Severity::Low),
                    observation: format!(
                        "AWS denied {} to {}{}, and no policy grants {}: {named}.",
                        count_noun(instance.count, "call"),
                        phrases::quote(&service),
                        phrases::denying_policy(&instance),
                        if instance.count == 1 { "it" } else { "them" },
                    ),
                    subject: service,
                    ..instance
                }
            };
        Some(services.into_iter().map(name).collect())
    })
}
