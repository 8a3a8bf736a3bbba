//! `unclassified-principal`: principals in the evidence that are neither watched nor exempt; only where something is promised.

use std::collections::{BTreeMap, BTreeSet};

use super::{FindingRule, RuleMatch, Severity, count_noun};
use crate::{
    assessment::Assessment,
    pattern::matches,
    principal::{Principal, PrincipalKind},
    report::ReportMode,
};

/// The rule.
pub const RULE: FindingRule = FindingRule {
    id: "unclassified-principal",
    severity: Severity::Info,
    title: "Principals that no promise names",
    meaning: "They are active and neither watched nor exempt: nothing is claimed about them.",
    action: "Watch those that are meant to be read-only and exempt the others, so that the list of promises is complete.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    if assessment.mode == ReportMode::Discovery {
        return Vec::new();
    }
    let exempt = |arn: &str| assessment.config.exempt.iter().any(|pattern| matches(pattern, arn));
    let mut accounts: BTreeMap<&str, (BTreeSet<&Principal>, RuleMatch)> = BTreeMap::new();
    let unnamed = assessment.classified.iter().filter(|judged| {
        let principal = judged.principal();
        let own = !matches!(principal.kind, PrincipalKind::AwsService | PrincipalKind::Root);
        own && judged.watch.is_none() && !exempt(&principal.arn)
    });
    for judged in unnamed {
        let (principals, instance) = accounts.entry(&judged.line.actor.account).or_default();
        principals.insert(judged.principal());
        instance.add_call(judged);
    }
    let name = |(account, (principals, mut instance)): (&str, (BTreeSet<&Principal>, RuleMatch))| {
        let count = count_noun(principals.len() as u64, "principal");
        instance.observation =
            format!("{count} in account {account} made {}.", count_noun(instance.count, "event"));
        instance.subject = account.to_owned();
        instance.resources.clear();
        instance
    };
    accounts.into_iter().map(name).collect()
}
