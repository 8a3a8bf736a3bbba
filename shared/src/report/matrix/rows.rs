//! The rows of a matrix.
//!
//! Enters: what is known of a principal. Leaves: rows by capability and by service. Laws: each call is in the row of
//! each capability it carries, and in at least one; it is in the row of one service and no other.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{AccessKind, MatrixRow, case::Case};
use crate::{
    assessment::Judged,
    event::Outcome,
    grants::{Action, Certainty, Grant},
    operation::{Capabilities, Mutates, OperationType},
    permissions::Count,
    verdict::Provenance,
};

/// Actions a count names.
const EXAMPLES: usize = 10;

/// Rows by capability, in their order.
const ROWS: [(&str, AccessKind); 11] = [
    ("read", AccessKind::Read),
    ("read_data", AccessKind::Capability),
    ("read_secrets", AccessKind::Capability),
    ("mint_credentials", AccessKind::Capability),
    ("run_code", AccessKind::Capability),
    ("share_outward", AccessKind::Capability),
    ("escalate", AccessKind::Capability),
    ("mutate", AccessKind::Capability),
    ("spend_money", AccessKind::Capability),
    ("privileged", AccessKind::Capability),
    ("unknown", AccessKind::Unknown),
];

/// What puts an action or a call into rows.
#[derive(Clone, Copy)]
struct Nature {
    operation_type: OperationType,
    capabilities: Capabilities,
}

impl Nature {
    fn of_action(action: &Action) -> Self {
        Self { operation_type: action.operation_type, capabilities: action.capabilities }
    }

    /// What a call is by itself: an override tolerates it and makes no read of it.
    fn of_call(judged: &Judged<'_>) -> Self {
        let verdict = &judged.verdict;
        let operation_type = match (verdict.provenance, verdict.mutates) {
            (Provenance::Override, Mutates::Yes) => OperationType::Mutating,
            (Provenance::Override, Mutates::No) => OperationType::Privileged,
            (Provenance::Override, Mutates::Unknown) => OperationType::Unknown,
            _ => verdict.operation_type,
        };
        Self { operation_type, capabilities: verdict.capabilities }
    }

    fn is_in(self, row: &str) -> bool {
        let carries = |row: &str| {
            Capabilities::from_word(row).is_some_and(|capability| self.capabilities.contains(capability))
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
pub(super) fn capabilities(case: &Case<'_, '_>) -> Vec<MatrixRow> {
    let row = |(name, kind): (&str, AccessKind)| {
        let mut row = MatrixRow {
            kind: Some(kind),
            could: case.could.map(|could| {
                let held = could.grants.held.iter();
                count(held.filter(|grant| Nature::of_action(&grant.action).is_in(name)))
            }),
            ..MatrixRow::named(name)
        };
        row.add(case, |judged| Nature::of_call(judged).is_in(name));
        row
    };
    ROWS.map(row).into()
}

/// Rows by service: of those it was seen to use, and of those it could use for more than reads.
pub(super) fn services(case: &Case<'_, '_>) -> Vec<MatrixRow> {
    let mut held: BTreeMap<&str, Vec<&Grant>> = BTreeMap::new();
    for grant in case.could.iter().flat_map(|could| &could.grants.held) {
        held.entry(grant.action.service()).or_default().push(grant);
    }
    let mut rows: BTreeMap<&str, MatrixRow> = BTreeMap::new();
    for judged in case.calls().chain(case.calls_through()) {
        let service = judged.verdict.service.as_str();
        rows.entry(service).or_insert_with(|| MatrixRow::named(service));
    }
    for (service, grants) in &held {
        if grants.iter().any(|grant| !grant.action.is_read()) {
            rows.entry(service).or_insert_with(|| MatrixRow::named(service));
        }
    }
    for (service, row) in &mut rows {
        row.could = case.could.map(|_| count(held.get(service).into_iter().flatten().copied()));
    }
    for judged in case.calls() {
        if let Some(row) = rows.get_mut(judged.verdict.service.as_str()) {
            row.count(judged, false);
        }
    }
    for judged in case.calls_through() {
        if let Some(row) = rows.get_mut(judged.verdict.service.as_str()) {
            row.count(judged, true);
        }
    }
    rows.into_values().collect()
}

/// Grants, counted.
pub fn count<'g>(grants: impl Iterator<Item = &'g Grant>) -> Count {
    let mut grants: Vec<&Grant> = grants.collect();
    let granted = grants.iter().filter(|grant| grant.certainty == Certainty::Granted).count() as u64;
    let conditional = grants.len() as u64 - granted;
    gravest_first(&mut grants);
    let examples = grants.into_iter().take(EXAMPLES).map(|grant| grant.action.key.clone()).collect();
    Count { granted, conditional, examples }
}

/// Puts the gravest first: what is no read, by risk, the surer ones before others.
pub fn gravest_first(grants: &mut [&Grant]) {
    grants.sort_by(|a, b| {
        let key = |grant: &Grant| {
            let action = &grant.action;
            (Reverse((!action.is_read(), action.risk_level, grant.certainty)), action.key.clone())
        };
        key(a).cmp(&key(b))
    });
}

impl MatrixRow {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), kind: None, could: None, tried: 0, failed: 0, did: 0, through: 0 }
    }

    fn add(&mut self, case: &Case<'_, '_>, belongs: impl Fn(&Judged<'_>) -> bool) {
        case.calls().filter(|judged| belongs(judged)).for_each(|judged| self.count(judged, false));
        case.calls_through().filter(|judged| belongs(judged)).for_each(|judged| self.count(judged, true));
    }

    fn count(&mut self, judged: &Judged<'_>, through: bool) {
        *match judged.outcome() {
            Outcome::Denied => &mut self.tried,
            Outcome::Failed => &mut self.failed,
            Outcome::Succeeded => &mut self.did,
        } += judged.count;
        if through {
            self.through += judged.count;
        }
    }
}
