//! `could-mint-credentials`: policies that surely let a watched principal get credentials.

use super::{Instance, Rule, Severity, policies, words};
use crate::{
    assessment::{Assessment, Could},
    grants::Grant,
    operation::Capabilities,
    report::matrix::gravest_first,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "could-mint-credentials",
    severity: Severity::High,
    title: "A watched principal could get itself credentials",
    meaning: "What is done with them may be done under another name, and after the principal itself is shut out.",
    action: "Take these actions away, or narrow them to roles and resources that are read-only themselves.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    policies(assessment, |_, could| {
        let mints = |grant: &&Grant| grant.action.capabilities.contains(Capabilities::MINT_CREDENTIALS);
        let mut grants: Vec<&Grant> =
            could.untolerated().filter(mints).filter(|grant| Could::is_sure(grant)).collect();
        gravest_first(&mut grants);
        (!grants.is_empty()).then(|| {
            let named = words::some(grants.iter().map(|grant| &*grant.action.key), 3);
            vec![Instance {
                subject: "credentials".to_owned(),
                seen: format!("{named} may be used, by {}.", words::by(&grants)),
                count: grants.len() as u64,
                ..Instance::default()
            }]
        })
    })
}
