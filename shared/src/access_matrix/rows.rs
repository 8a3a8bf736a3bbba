//! The rows of a matrix.
//!
//! Enters: a watched principal with its calls and grants. Leaves: rows by capability and by service. Laws: each call
//! is in the row of each of its capabilities, and in at least one row; it is in the row of exactly one service.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{MatrixRow, MatrixRowKind, watched_principal::WatchedPrincipal};
use crate::{
    assessment::ClassifiedCall,
    event::Outcome,
    grants::{Action, Certainty, Grant},
    operation::{Capabilities, OperationType},
    permissions::GrantCount,
};

/// Maximum number of actions that a count lists as examples.
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

/// The traits by which an action or a call belongs to rows.
#[derive(Clone, Copy)]
struct OperationTraits {
    operation_type: OperationType,
    capabilities: Capabilities,
}

impl OperationTraits {
    fn of_action(action: &Action) -> Self {
        Self { operation_type: action.operation_type, capabilities: action.capabilities }
    }

    fn of_call(call: &ClassifiedCall<'_>) -> Self {
        Self { operation_type: call.operation_type(), capabilities: call.classification.capabilities }
    }

    fn belongs_to_row(self, row: &str) -> bool {
        let has_capability = |row: &str| {
            Capabilities::parse(row).is_some_and(|capability| self.capabilities.contains(capability))
        };
        match (row, self.operation_type) {
            ("unknown", kind) => kind == OperationType::Unknown,
            ("read", kind) => kind == OperationType::ReadOnly && self.capabilities.is_empty(),
            ("privileged", kind) => kind == OperationType::Privileged && self.capabilities.is_empty(),
            ("mutate", OperationType::Mutating) => true,
            (row, _) => has_capability(row),
        }
    }
}

/// The rows of the matrix for each capability.
pub(super) fn capability_rows(case: &WatchedPrincipal<'_, '_>) -> Vec<MatrixRow> {
    let row = |(name, kind): (&str, MatrixRowKind)| {
        let mut row = MatrixRow {
            kind: Some(kind),
            granted: case.granted.map(|granted| {
                let held = granted.grants.entries.iter();
                count_grants(
                    held.filter(|grant| OperationTraits::of_action(&grant.action).belongs_to_row(name)),
                )
            }),
            ..MatrixRow::named(name)
        };
        row.add_calls(case, |call| OperationTraits::of_call(call).belongs_to_row(name));
        row
    };
    CAPABILITY_ROWS.map(row).into()
}

/// Rows by service: the services it called, and those in which it has grants that are not read-only.
pub(super) fn service_rows(case: &WatchedPrincipal<'_, '_>) -> Vec<MatrixRow> {
    let mut held: BTreeMap<&str, Vec<&Grant>> = BTreeMap::new();
    for grant in case.granted.iter().flat_map(|granted| &granted.grants.entries) {
        held.entry(grant.action.service()).or_default().push(grant);
    }
    let mut rows: BTreeMap<&str, MatrixRow> = BTreeMap::new();
    for call in case.direct_calls().chain(case.calls_through_roles()) {
        let service = call.classification.service.as_str();
        rows.entry(service).or_insert_with(|| MatrixRow::named(service));
    }
    for (service, grants) in &held {
        if grants.iter().any(|grant| !grant.gives_only_reads()) {
            rows.entry(service).or_insert_with(|| MatrixRow::named(service));
        }
    }
    for (service, row) in &mut rows {
        row.granted = case.granted.map(|_| count_grants(held.get(service).into_iter().flatten().copied()));
    }
    for call in case.direct_calls() {
        if let Some(row) = rows.get_mut(call.classification.service.as_str()) {
            row.add_call(call, false);
        }
    }
    for call in case.calls_through_roles() {
        if let Some(row) = rows.get_mut(call.classification.service.as_str()) {
            row.add_call(call, true);
        }
    }
    rows.into_values().collect()
}

/// Counts grants by certainty.
pub fn count_grants<'g>(grants: impl Iterator<Item = &'g Grant>) -> GrantCount {
    let mut grants: Vec<&Grant> = grants.collect();
    let granted = grants.iter().filter(|grant| grant.certainty == Certainty::Unconditional).count() as u64;
    let conditional = grants.len() as u64 - granted;
    sort_most_severe_first(&mut grants);
    let examples = grants.into_iter().take(MAX_EXAMPLES).map(|grant| grant.action.key.clone()).collect();
    GrantCount { unconditional: granted, conditional, examples }
}

/// Sorts the most severe first: grants that are not read-only, then by risk, then by certainty.
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
        case.direct_calls().filter(|call| belongs(call)).for_each(|call| self.add_call(call, false));
        case.calls_through_roles().filter(|call| belongs(call)).for_each(|call| self.add_call(call, true));
    }

    fn add_call(&mut self, call: &ClassifiedCall<'_>, through: bool) {
        *match call.outcome() {
            Outcome::Denied => &mut self.denied,
            Outcome::Failed => &mut self.failed,
            Outcome::Succeeded => &mut self.used,
        } += call.count;
        if through {
            self.through_roles += call.count;
        }
    }
}
