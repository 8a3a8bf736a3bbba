//! `denied-outside-permissions`: calls AWS refused that no policy of the principal grants.

use std::collections::{BTreeMap, BTreeSet};

use super::{FindingRule, RuleMatch, Severity, count_noun, matches_by_policies, phrases};
use crate::{assessment::Assessment, event::Outcome, report::matrix::calls_outside_permissions};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "denied-outside-permissions",
    severity: Severity::Medium,
    title: "A watched principal reaches for what it was never given",
    meaning: "Its policies agree with the refusal, so this is no permission that went missing: it, or whoever uses it, tries more than it is for.",
    action: "Ask its owner what made these calls; stop the tool that makes them, or find out who is probing.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    matches_by_policies(assessment, |case, _| {
        let mut services: BTreeMap<String, (RuleMatch, BTreeSet<&str>, bool)> = BTreeMap::new();
        for judged in calls_outside_permissions(case, Outcome::Denied) {
            let (instance, operations, reads_only) = services
                .entry(judged.classification.service.clone())
                .or_insert_with(|| (RuleMatch::default(), BTreeSet::new(), true));
            instance.add_call(judged);
            operations.insert(&judged.classification.operation);
            *reads_only &= judged.is_permitted();
        }
        let name =
            |(service, (instance, operations, reads_only)): (String, (RuleMatch, BTreeSet<&str>, bool))| {
                let named = phrases::quote_some(operations.into_iter(), 3);
                RuleMatch {
                    severity: reads_only.then_some(Severity::Low),
                    observation: format!(
                        "{} to {} refused, and no policy grants {}: {named}.",
                        count_noun(instance.count, "call"),
                        phrases::quote(&service),
                        if instance.count == 1 { "it" } else { "them" },
                    ),
                    subject: service,
                    ..instance
                }
            };
        Some(services.into_iter().map(name).collect())
    })
}
