//! `denied-attempt-of-ungranted`: calls AWS refused that no policy of the principal grants.

use std::collections::{BTreeMap, BTreeSet};

use super::{Instance, Rule, Severity, counted, policies, words};
use crate::{assessment::Assessment, event::Outcome, report::matrix::beyond};

/// The rule.
pub const RULE: Rule = Rule {
    id: "denied-attempt-of-ungranted",
    severity: Severity::Medium,
    title: "A watched principal reaches for what it was never given",
    meaning: "Its policies agree with the refusal, so this is no permission that went missing: it, or whoever uses it, tries more than it is for.",
    action: "Ask its owner what made these calls; stop the tool that makes them, or find out who is probing.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    policies(assessment, |case, _| {
        let mut services: BTreeMap<String, (Instance, BTreeSet<&str>, bool)> = BTreeMap::new();
        for judged in beyond(case, Outcome::Denied) {
            let (instance, operations, reads_only) = services
                .entry(judged.verdict.service.clone())
                .or_insert_with(|| (Instance::default(), BTreeSet::new(), true));
            instance.absorb(judged);
            operations.insert(&judged.verdict.operation);
            *reads_only &= judged.is_permitted();
        }
        let name =
            |(service, (instance, operations, reads_only)): (String, (Instance, BTreeSet<&str>, bool))| {
                let named = words::some(operations.into_iter(), 3);
                Instance {
                    severity: reads_only.then_some(Severity::Low),
                    seen: format!(
                        "{} to {} refused, and no policy grants {}: {named}.",
                        counted(instance.count, "call"),
                        words::quoted(&service),
                        if instance.count == 1 { "it" } else { "them" },
                    ),
                    subject: service,
                    ..instance
                }
            };
        Some(services.into_iter().map(name).collect())
    })
}
