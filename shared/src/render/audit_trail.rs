//! Entries of the audit trail as CSV, and their counts.
//!
//! Enters: entries. Leaves: text. Laws: those of the other tables: every text from a record is hostile, and a cell never
//! begins a formula.

use std::sync::Arc;

use crate::{
    audit::{BatchCounts, StoredEntry},
    event::Outcome,
    render::csv::{CsvCell, list_cell, optional_cell, text_cell, write_table},
};

const COLUMNS: [&str; 21] = [
    "audit_id",
    "timestamp",
    "recorded_at",
    "recorded_by",
    "kind",
    "severity",
    "operation",
    "operation_type",
    "outcome",
    "error_code",
    "principal",
    "session_name",
    "access_key_id",
    "mfa_authenticated",
    "account",
    "region",
    "source_ip",
    "user_agent",
    "resource_arns",
    "event_id",
    "message",
];

/// Entries as CSV. Requests and responses are in the JSON of an entry only.
///
/// # Errors
/// When a row cannot be written; no entry is known to cause this.
pub fn csv(entries: &[StoredEntry]) -> Result<String, csv::Error> {
    write_table(COLUMNS, entries.iter().map(cells))
}

fn cells(stored: &StoredEntry) -> [CsvCell; 21] {
    let entry = &stored.entry;
    let call = entry.call.as_ref();
    let caller = call.map(|call| &call.user_identity);
    [
        text_cell(&stored.audit_id),
        text_cell(entry.timestamp),
        text_cell(entry.recorded_at),
        text_cell(&entry.recorded_by),
        text_cell(entry.kind.as_str()),
        optional_cell(call.map(|call| call.severity.as_str())),
        optional_cell(call.map(|call| &call.operation)),
        optional_cell(call.map(|call| call.operation_type.as_str())),
        optional_cell(call.map(|call| outcome(call.outcome))),
        optional_cell(call.and_then(|call| call.error_code.as_ref())),
        optional_cell(caller.map(|caller| &caller.principal)),
        optional_cell(caller.and_then(|caller| caller.session_name.as_ref())),
        optional_cell(caller.and_then(|caller| caller.access_key_id.as_ref())),
        optional_cell(caller.and_then(|caller| caller.mfa_authenticated)),
        optional_cell(call.map(|call| &call.account)),
        optional_cell(call.map(|call| &call.region)),
        optional_cell(call.and_then(|call| call.source_ip.as_ref())),
        optional_cell(call.and_then(|call| call.user_agent.as_ref())),
        list_cell(call.iter().flat_map(|call| &call.resource_arns)),
        optional_cell(call.map(|call| &call.event_id)),
        optional_cell(entry.message.as_ref()),
    ]
}

/// The word of an outcome.
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Denied => "denied",
        Outcome::Failed => "failed",
        Outcome::Succeeded => "succeeded",
    }
}

/// How many entries there are, by what they are about.
pub fn counts(entries: &[StoredEntry]) -> BatchCounts {
    let mut counts = BatchCounts::default();
    for StoredEntry { entry, .. } in entries {
        let mut one = BatchCounts {
            entries: 1,
            first: entry.timestamp,
            last: entry.timestamp,
            kinds: [(entry.kind, 1)].into(),
            ..BatchCounts::default()
        };
        if let Some(call) = &entry.call {
            one.principals = [(Arc::clone(&call.user_identity.principal), 1)].into();
            one.operations = [(Arc::clone(&call.operation), 1)].into();
            one.outcomes = [(call.outcome, 1)].into();
            one.severities = [(call.severity, 1)].into();
        }
        counts.merge(&one);
    }
    counts
}
