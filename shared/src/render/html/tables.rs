//! The tables of operations, controls, audit entries, overrides and other events.
//!
//! Enters: the result. Leaves: [`ReportTables`]. Law: rows keep the order of the report.

use crate::{
    controls::{ControlResult, ControlState},
    event::Outcome,
    finding::Recommendation,
    render::html::{
        badge::{self, Badge},
        finding::{FindingLink, FindingLinks},
        truncated::{Truncated, most},
    },
    report::{AuditEntry, OperationSummary, OtherEvent, OverrideUsage, ReportResult},
};

/// The tables of a report.
#[derive(Debug)]
pub struct ReportTables<'a> {
    /// Rows of the table of operations.
    pub operations: Truncated<OperationRow<'a>>,
    /// Number of operations about which AWS's own sources disagree, with each other or with the classification.
    pub source_conflicts: usize,
    /// Rows of the table of controls.
    pub controls: Truncated<ControlRow<'a>>,
    /// How many controls are in each state, failed ones first.
    pub control_states: Vec<(Badge, usize)>,
    /// Sample calls of the findings.
    pub audit_entries: Truncated<AuditEntryRow<'a>>,
    /// Overrides that the report lists.
    pub overrides: Truncated<&'a OverrideUsage>,
    /// Events that are not API calls.
    pub other_events: Truncated<(&'static str, &'a OtherEvent)>,
    /// Recommendations, each with the badge of its severity.
    pub recommendations: Truncated<(Badge, &'a Recommendation)>,
    /// Limitations of the report, as sentences.
    pub limitations: Truncated<&'a str>,
}

/// One row of the table of operations.
#[derive(Debug)]
pub struct OperationRow<'a> {
    /// Summary of the operation.
    pub operation: &'a OperationSummary,
    /// Badge of the operation type.
    pub kind: Badge,
    /// Badge of the operation's risk level.
    pub risk: Badge,
    /// Access level, when known.
    pub access_level: Option<&'static str>,
    /// Source of the classification.
    pub provenance: &'static str,
    /// Numbers of calls that succeeded, failed and were denied.
    pub counts: [u64; 3],
}

/// One row of the table of controls.
#[derive(Debug)]
pub struct ControlRow<'a> {
    /// Result of the control.
    pub control: &'a ControlResult,
    /// Badge of the control's state.
    pub state: Badge,
    /// Findings that fail it.
    pub findings: Truncated<FindingLink<'a>>,
}

/// One sample call of a finding.
#[derive(Debug)]
pub struct AuditEntryRow<'a> {
    /// The call that the entry shows.
    pub entry: &'a AuditEntry,
    /// Badge of the operation type.
    pub kind: Badge,
    /// Badge of the call's outcome.
    pub outcome: Badge,
}

impl<'a> ReportTables<'a> {
    /// The tables of a result.
    pub fn of(result: &'a ReportResult, links: &FindingLinks<'a>) -> Self {
        Self {
            operations: Truncated::of(result.operations.iter().map(OperationRow::of), most::ROWS),
            source_conflicts: result.operations.iter().filter(|operation| operation.source_conflict).count(),
            controls: Truncated::of(
                result.controls.iter().map(|control| ControlRow::of(control, links)),
                most::ROWS,
            ),
            control_states: [ControlState::Fail, ControlState::NoEvidence, ControlState::Pass]
                .map(|state| {
                    let count = result.controls.iter().filter(|control| control.state == state).count();
                    (badge::control_state(state), count)
                })
                .to_vec(),
            audit_entries: Truncated::of(result.audit_entries.iter().map(AuditEntryRow::of), most::ROWS),
            overrides: Truncated::of(&result.overrides, most::ROWS),
            other_events: Truncated::of(
                result.other_events.iter().map(|event| (badge::event_kind(event.kind), event)),
                most::ROWS,
            ),
            recommendations: Truncated::of(
                result.recommendations.iter().map(|advice| (badge::severity(advice.severity), advice)),
                most::ROWS,
            ),
            limitations: Truncated::of(result.limitations.iter().map(String::as_str), most::ROWS),
        }
    }
}

impl<'a> OperationRow<'a> {
    fn of(operation: &'a OperationSummary) -> Self {
        Self {
            operation,
            kind: badge::operation_type(operation.operation_type),
            risk: badge::risk_level(operation.risk_level),
            access_level: operation.access_level.map(badge::access_level),
            provenance: badge::provenance(operation.provenance),
            counts: [Outcome::Succeeded, Outcome::Failed, Outcome::Denied]
                .map(|outcome| operation.counts.get(&outcome).copied().unwrap_or_default()),
        }
    }
}

impl<'a> ControlRow<'a> {
    fn of(control: &'a ControlResult, links: &FindingLinks<'a>) -> Self {
        let findings = control.findings.iter().filter_map(|fingerprint| links.get(fingerprint));
        Self {
            control,
            state: badge::control_state(control.state),
            findings: Truncated::of(findings, most::LINKS),
        }
    }
}

impl<'a> AuditEntryRow<'a> {
    fn of(entry: &'a AuditEntry) -> Self {
        Self {
            entry,
            kind: badge::operation_type(entry.operation_type),
            outcome: badge::outcome(entry.outcome),
        }
    }
}
