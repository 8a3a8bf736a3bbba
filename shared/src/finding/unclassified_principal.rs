//! `unclassified-principal`: principals in the evidence that are neither watched nor exempt; not in a discovery.

use std::collections::{BTreeMap, BTreeSet};

use super::{FindingRule, RuleMatch, Severity, count_noun};
use crate::{
    assessment::{Assessment, ReportMode},
    principal::{Principal, PrincipalKind},
};

/// The rule `unclassified-principal`.
pub const RULE: FindingRule = FindingRule {
    id: "unclassified-principal",
    severity: Severity::Info,
    title: "Some active principals are neither watched nor exempt from watching",
    meaning: "These principals are active, and the report claims nothing about them.",
    action: "Watch the principals that must be read-only and exempt the others, so that the list of promises is complete.",
    alerts: None,
    needs_policies: false,
    inactive: None,
    find,
};

fn find(assessment: &Assessment<'_>) -> Vec<RuleMatch> {
    if assessment.mode == ReportMode::Discovery {
        return Vec::new();
    }
    let exempt = |arn: &str| assessment.config.is_exempt(arn);
    let mut accounts: BTreeMap<&str, (BTreeSet<&Principal>, RuleMatch)> = BTreeMap::new();
    let unclassified = assessment.classified.iter().filter(|call| {
        let principal = call.principal();
        let own = !matches!(principal.kind, PrincipalKind::AwsService | PrincipalKind::Root);
        own && call.watch.is_none() && !exempt(&principal.arn)
    });
    for call in unclassified {
        let (principals, instance) = accounts.entry(&call.line.actor.account).or_default();
        principals.insert(call.principal());
        instance.add_call(call);
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
