//! Grants that are not read-only, and the proof of what is not granted.
//!
//! Enters: grants that are not read-only. Leaves: [`PermissionCheck`]s: one for each group of similar grants of a
//! service, and one for each capability without a grant. Laws: each grant is in exactly one check; if a document is
//! malformed, nothing is reported as proven.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{CheckStatus, PermissionCheck, counts, granted_action};
use crate::{
    catalog::Catalog,
    grants::{Certainty, Grant, StatementId},
    operation::{Capabilities, OperationType, RiskLevel},
};

/// Maximum number of statements and resources that a check cites.
const MAX_CITED: usize = 10;
/// Maximum number of actions that a message names.
const MAX_NAMED: usize = 3;

/// Whether a grant is unconditional and its action is known: what an unknown action does cannot be determined.
pub(super) fn is_unconditional(grant: &Grant) -> bool {
    grant.certainty == Certainty::Unconditional && grant.action.is_known
}

/// One check for each group of similar grants of a service, the most severe first.
pub(super) fn checks<'g>(grants: impl Iterator<Item = &'g Grant>) -> Vec<PermissionCheck> {
    type CheckGroup<'a> = (Reverse<bool>, Reverse<RiskLevel>, Reverse<OperationType>, bool, &'a str);
    let mut groups: BTreeMap<CheckGroup<'g>, Vec<&Grant>> = BTreeMap::new();
    for grant in grants {
        let action = &grant.action;
        let alike = (
            Reverse(is_unconditional(grant)),
            Reverse(action.risk_level),
            Reverse(action.operation_type),
            !action.is_known,
            action.service(),
        );
        groups.entry(alike).or_default().push(grant);
    }
    groups
        .into_iter()
        .map(|((Reverse(sure), Reverse(risk), Reverse(operation_type), ..), mut grants)| {
            counts::sort_by_severity(&mut grants);
            let status = if sure { CheckStatus::AllowedWrite } else { CheckStatus::Indeterminate };
            group_check(status, risk, operation_type, &grants)
        })
        .collect()
}

fn group_check(
    status: CheckStatus,
    risk: RiskLevel,
    operation_type: OperationType,
    grants: &[&Grant],
) -> PermissionCheck {
    let does = match operation_type {
        OperationType::Mutating => ("changes state", "that change state"),
        OperationType::Privileged => {
            ("changes no resource, but is more than a read", "that are not read-only, but change no resource")
        }
        OperationType::Unknown => ("is not in the catalog", "that are not in the catalog"),
        OperationType::ReadOnly => ("reads", "that read"),
    };
    let names: Vec<&str> = grants.iter().map(|grant| grant.action.name()).collect();
    let named = names.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let what = match names.len() {
        1 => format!("{named} {}", does.0),
        n if n <= MAX_NAMED => format!("{n} actions {}: {named}", does.1),
        n => format!("{n} actions {}: {named} and {} more", does.1, n - MAX_NAMED),
    };
    let is_open = grants.iter().any(|grant| grant.certainty == Certainty::Conditional);
    let message = match status {
        CheckStatus::AllowedWrite => format!("granted: {what}"),
        _ if is_open => {
            let on = granted_action::granted_on_conditions(grants.iter().copied());
            format!("{what}; {on}")
        }
        _ => format!("possibly granted: {what}"),
    };
    let mut check = PermissionCheck {
        service: grants.first().map(|grant| grant.action.service().to_owned()).unwrap_or_default(),
        operation: common_pattern(&names),
        status,
        message,
        actions: grants.len() as u64,
        risk_level: Some(risk),
        capabilities: grants.iter().map(|grant| grant.action.capabilities).collect(),
        statements: Vec::new(),
        resources: Vec::new(),
    };
    cite_grants(&mut check, grants);
    check
}

/// Cites statements and resources of grants, the most severe first.
pub(super) fn cite_grants(check: &mut PermissionCheck, grants: &[&Grant]) {
    let mut seen: BTreeSet<&StatementId> = BTreeSet::new();
    let statements = grants.iter().flat_map(|grant| &grant.scope.statements);
    check.statements = statements.filter(|one| seen.insert(one)).take(MAX_CITED).cloned().collect();
    let mut seen = BTreeSet::new();
    let resources = grants.iter().flat_map(|grant| &grant.scope.resources);
    check.resources = resources.filter(|one| seen.insert(*one)).take(MAX_CITED).cloned().collect();
}

/// A pattern that matches all names: the single name, or their common prefix and `*`.
fn common_pattern(names: &[&str]) -> String {
    match names {
        [] => "*".to_owned(),
        [only] => (*only).to_owned(),
        [first, others @ ..] => {
            let shared = others.iter().fold(first.len(), |length, name| {
                let same = first.chars().zip(name.chars()).take_while(|(a, b)| a == b);
                length.min(same.map(|(c, _)| c.len_utf8()).sum())
            });
            format!("{}*", first.get(..shared).unwrap_or_default())
        }
    }
}

/// Actions of a catalog, counted by [`counts::capability_labels`].
#[derive(Clone, Debug, Default)]
pub(super) struct CatalogActionCounts(BTreeMap<&'static str, u64>);

impl CatalogActionCounts {
    /// Counts the actions of a catalog.
    pub(super) fn of(catalog: &Catalog) -> Self {
        let mut counts = BTreeMap::new();
        for facts in catalog.all_facts().filter(|facts| facts.kinds.action) {
            for word in counts::capability_labels(facts.operation_type, facts.capabilities) {
                *counts.entry(word).or_default() += 1;
            }
        }
        Self(counts)
    }

    /// Checks that prove what is not granted: one for each capability without a grant in `held`. Their messages count
    /// the grants in `tolerated`.
    pub(super) fn blocked_checks(&self, held: &[&Grant], tolerated: &[&Grant]) -> Vec<PermissionCheck> {
        let (held, tolerated) = (count_by_label(held), count_by_label(tolerated));
        let proven = BLOCKED_CAPABILITIES.iter().filter(|(word, ..)| !held.contains_key(word));
        proven
            .map(|(word, flag, does)| {
                let of = |counts: &BTreeMap<&str, u64>| counts.get(word).copied().unwrap_or_default();
                let (actions, tolerated) = (of(&self.0), of(&tolerated));
                let but = match tolerated {
                    0 => String::new(),
                    1 => " except 1 that an override tolerates".to_owned(),
                    n => format!(" except {n} that overrides tolerate"),
                };
                PermissionCheck {
                    service: "*".to_owned(),
                    operation: "*".to_owned(),
                    status: CheckStatus::Blocked,
                    message: format!("none of {actions} actions that {does} is granted{but}"),
                    actions,
                    risk_level: None,
                    capabilities: *flag,
                    statements: Vec::new(),
                    resources: Vec::new(),
                }
            })
            .collect()
    }
}

/// The number of grants under each label that has one.
fn count_by_label(grants: &[&Grant]) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for Grant { action, .. } in grants {
        for word in counts::capability_labels(action.operation_type, action.capabilities) {
            *counts.entry(word).or_default() += 1;
        }
    }
    counts
}

/// Capabilities that are checked, in this order: label, flag, and a phrase for what such actions do.
const BLOCKED_CAPABILITIES: [(&str, Capabilities, &str); 9] = [
    ("mutate", Capabilities::MUTATE, "change state"),
    ("issue_credentials", Capabilities::ISSUE_CREDENTIALS, "issue credentials"),
    ("privilege_escalation", Capabilities::PRIVILEGE_ESCALATION, "can escalate privileges"),
    ("run_code", Capabilities::RUN_CODE, "run code"),
    ("expose_resource", Capabilities::EXPOSE_RESOURCE, "expose resources"),
    ("privileged", Capabilities::empty(), "are not read-only for another reason"),
    ("read_secrets", Capabilities::READ_SECRETS, "read secrets"),
    ("read_data", Capabilities::READ_DATA, "read customer data"),
    ("incur_cost", Capabilities::INCUR_COST, "incur cost per call"),
];

/// The check that replaces the proofs if a policy is malformed.
pub(super) fn unreadable_check(policies: usize) -> PermissionCheck {
    let which = if policies == 1 { "a policy".to_owned() } else { format!("{policies} policies") };
    PermissionCheck {
        service: "*".to_owned(),
        operation: "*".to_owned(),
        status: CheckStatus::Indeterminate,
        message: format!("{which} cannot be read in full, so it cannot be determined what else is granted"),
        actions: 0,
        risk_level: None,
        capabilities: Capabilities::empty(),
        statements: Vec::new(),
        resources: Vec::new(),
    }
}
