//! `unnamed-principal`: principals in the evidence that are neither watched nor exempt; only where something is promised.

use std::collections::{BTreeMap, BTreeSet};

use super::{Instance, Rule, Severity, counted};
use crate::{
    assessment::Assessment,
    pattern::matches,
    principal::{Principal, PrincipalKind},
    report::Mode,
};

/// The rule.
pub const RULE: Rule = Rule {
    id: "unnamed-principal",
    severity: Severity::Info,
    title: "Principals that no promise names",
    meaning: "They are active and neither watched nor exempt: nothing is claimed about them.",
    action: "Watch those that are meant to be read-only and exempt the others, so that the list of promises is complete.",
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<Instance> {
    if assessment.mode == Mode::Discovery {
        return Vec::new();
    }
    let exempt = |arn: &str| assessment.config.exempt.iter().any(|pattern| matches(pattern, arn));
    let mut accounts: BTreeMap<&str, (BTreeSet<&Principal>, Instance)> = BTreeMap::new();
    let unnamed = assessment.judged.iter().filter(|judged| {
        let principal = judged.principal();
        let own = !matches!(principal.kind, PrincipalKind::AwsService | PrincipalKind::Root);
        own && judged.watch.is_none() && !exempt(&principal.arn)
    });
    for judged in unnamed {
        let (principals, instance) = accounts.entry(&judged.line.actor.account).or_default();
        principals.insert(judged.principal());
        instance.absorb(judged);
    }
    let name = |(account, (principals, mut instance)): (&str, (BTreeSet<&Principal>, Instance))| {
        let count = counted(principals.len() as u64, "principal");
        instance.seen = format!("{count} in account {account} made {}.", counted(instance.count, "event"));
        instance.subject = account.to_owned();
        instance.resources.clear();
        instance
    };
    accounts.into_iter().map(name).collect()
}
