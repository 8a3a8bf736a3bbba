//! `override-unused`: an override no call in the evidence matched.

use super::{Instance, Rule, Severity};
use crate::{assessment::Assessment, config::Override};

/// The rule.
pub const RULE: Rule = Rule {
    id: "override-unused",
    severity: Severity::Info,
    title: "An override that allowed nothing",
    meaning: "No call in the evidence needed it: it is a hole without a use.",
    action: "Remove it, or check its patterns.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    let unused = |(position, unused): (usize, &Override)| {
        let used = assessment.allowed.contains_key(&position) || assessment.expired.contains_key(&position);
        (!used).then(|| Instance {
            subject: unused.id.clone(),
            seen: format!("Override `{}` of {} matched no call.", unused.id, unused.owner),
            ..Instance::default()
        })
    };
    assessment.config.overrides.iter().enumerate().filter_map(unused).collect()
}
