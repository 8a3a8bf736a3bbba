//! The rows of a matrix.
//!
//! Enters: what is known of a principal. Leaves: rows by capability and by service. Laws: each call is in the row of
//! each capability it carries, and in at least one; it is in the row of one service and no other.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{MatrixRow, MatrixRowKind, watched_principal::WatchedPrincipal};
use crate::{
    assessment::ClassifiedCall,
    classification::Provenance,
    event::Outcome,
    grants::{Action, Certainty, Grant},
    operation::{Capabilities, Mutates, OperationType},
    permissions::GrantCount,
};

/// Actions a count names.
const MAX_EXAMPLES: usize = 10;

/// Rows by capability, in their order.
const CAPABILITY_ROWS: [(&str, MatrixRowKind); 11] = [
    ("read", MatrixRowKind::Read),
    ("read_data", MatrixRowKind::Capability),
    ("read_secrets", MatrixRowKind::Capability),
    ("issue_credentials", MatrixRowKind::Capability),
    ("run_code", MatrixRowKind::Capability),
    ("expose_resource", MatrixRowKind::Capability),
    ("privilege_escalation", MatrixRowKind::Capability),
    ("mutate", MatrixRowKind::Capability),
    ("incur_cost", MatrixRowKind::Capability),
    ("privileged", MatrixRowKind::Capability),
    ("unknown", MatrixRowKind::Unknown),
];

/// What puts an action or a call into rows.
#[derive(Clone, Copy)]
struct OperationTraits {
    operation_type: OperationType,
    capabilities: Capabilities,
}

impl OperationTraits {
    fn of_action(action: &Action) -> Self {
        Self { operation_type: action.operation_type, capabilities: action.capabilities }
    }

    /// What a call is by itself: an override tolerates it and makes no read of it.
    fn of_call(judged: &ClassifiedCall<'_>) -> Self {
        let verdict = &judged.classification;
        let operation_type = match (verdict.provenance, verdict.mutates) {
            (Provenance::Override, Mutates::Yes) => OperationType::Mutating,
            (Provenance::Override, Mutates::No) => OperationType::Privileged,
            (Provenance::Override, Mutates::Unknown) => OperationType::Unknown,
            _ => verdict.operation_type,
        };
        Self { operation_type, capabilities: verdict.capabilities }
    }

    fn belongs_to_row(self, row: &str) -> bool {
        let carries = |row: &str| {
            Capabilities::parse(row).is_some_and(|capability| self.capabilities.contains(capability))
        };
        match (row, self.operation_type) {
            ("unknown", kind) => kind == OperationType::Unknown,
            ("read", kind) => kind == OperationType::ReadOnly && self.capabilities.is_empty(),
            ("privileged", kind) => kind == OperationType::Privileged && self.capabilities.is_empty(),
            ("mutate", OperationType::Mutating) => true,
            (row, _) => carries(row),
        }
    }
}

/// Rows by capability.
pub(super) fn capability_rows(case: &WatchedPrincipal<'_, '_>) -> Vec<MatrixRow> {
    let row = |(name, kind): (&str, MatrixRowKind)| {
        let mut row = MatrixRow {
            kind: Some(kind),
            granted: case.granted.map(|could| {
                let held = could.grants.entries.iter();
                count_grants(
                    held.filter(|grant| OperationTraits::of_action(&grant.action).belongs_to_row(name)),
                )
            }),
            ..MatrixRow::named(name)
        };
        row.add_calls(case, |judged| OperationTraits::of_call(judged).belongs_to_row(name));
        row
    };
    CAPABILITY_ROWS.map(row).into()
}

/// Rows by service: of those it was seen to use, and of those it could use for more than reads.
pub(super) fn service_rows(case: &WatchedPrincipal<'_, '_>) -> Vec<MatrixRow> {
    let mut held: BTreeMap<&str, Vec<&Grant>> = BTreeMap::new();
    for grant in case.granted.iter().flat_map(|could| &could.grants.entries) {
        held.entry(grant.action.service()).or_default().push(grant);
    }
    let mut rows: BTreeMap<&str, MatrixRow> = BTreeMap::new();
    for judged in case.direct_calls().chain(case.calls_through_roles()) {
        let service = judged.classification.service.as_str();
        rows.entry(service).or_insert_with(|| MatrixRow::named(service));
    }
    for (service, grants) in &held {
        if grants.iter().any(|grant| !grant.action.is_read_only()) {
            rows.entry(service).or_insert_with(|| MatrixRow::named(service));
        }
    }
    for (service, row) in &mut rows {
        row.granted = case.granted.map(|_| count_grants(held.get(service).into_iter().flatten().copied()));
    }
    for judged in case.direct_calls() {
        if let Some(row) = rows.get_mut(judged.classification.service.as_str()) {
            row.add_call(judged, false);
        }
    }
    for judged in case.calls_through_roles() {
        if let Some(row) = rows.get_mut(judged.classification.service.as_str()) {
            row.add_call(judged, true);
        }
    }
    rows.into_values().collect()
}

/// Grants, counted.
pub fn count_grants<'g>(grants: impl Iterator<Item = &'g Grant>) -> GrantCount {
    let mut grants: Vec<&Grant> = grants.collect();
    let granted = grants.iter().filter(|grant| grant.certainty == Certainty::Unconditional).count() as u64;
    let conditional = grants.len() as u64 - granted;
    sort_most_severe_first(&mut grants);
    let examples = grants.into_iter().take(MAX_EXAMPLES).map(|grant| grant.action.key.clone()).collect();
    GrantCount { unconditional: granted, conditional, examples }
}

/// Puts the gravest first: what is no read, by risk, the surer ones before others.
pub fn sort_most_severe_first(grants: &mut [&Grant]) {
    grants.sort_by(|a, b| {
        let key = |grant: &Grant| {
            let action = &grant.action;
            (Reverse((!action.is_read_only(), action.risk_level, grant.certainty)), action.key.clone())
        };
        key(a).cmp(&key(b))
    });
}

impl MatrixRow {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: None,
            granted: None,
            denied: 0,
            failed: 0,
            used: 0,
            through_roles: 0,
        }
    }

    fn add_calls(&mut self, case: &WatchedPrincipal<'_, '_>, belongs: impl Fn(&ClassifiedCall<'_>) -> bool) {
        case.direct_calls().filter(|judged| belongs(judged)).for_each(|judged| self.add_call(judged, false));
        case.calls_through_roles()
            .filter(|judged| belongs(judged))
            .for_each(|judged| self.add_call(judged, true));
    }

    fn add_call(&mut self, judged: &ClassifiedCall<'_>, through: bool) {
        *match judged.outcome() {
            Outcome::Denied => &mut self.denied,
            Outcome::Failed => &mut self.failed,
            Outcome::Succeeded => &mut self.used,
        } += judged.count;
        if through {
            self.through_roles += judged.count;
        }
    }
}
