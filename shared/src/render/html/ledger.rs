//! The tables behind the claims: operations, controls, audit entries, overrides and other events.
//!
//! Enters: the result. Leaves: [`Ledger`]. Law: rows keep the order of the report.

use crate::{
    event::Outcome,
    finding::Recommendation,
    render::html::{
        finding::{Link, Links},
        first::{First, most},
        word::{self, Word},
    },
    report::{AuditEntry, OperationSummary, OtherEvent, OverrideUse, ReportResult},
    standard::{ControlResult, ControlState},
};

/// The tables.
#[derive(Debug)]
pub struct Ledger<'a> {
    /// Operations.
    pub operations: First<Operation<'a>>,
    /// Operations AWS's own sources disagree about.
    pub dissents: usize,
    /// Controls.
    pub controls: First<Control<'a>>,
    /// How many controls are in each state, failed ones first.
    pub control_states: Vec<(Word, usize)>,
    /// Calls behind the findings.
    pub audit: First<Entry<'a>>,
    /// Overrides.
    pub overrides: First<&'a OverrideUse>,
    /// Events that are no API calls.
    pub other_events: First<(&'static str, &'a OtherEvent)>,
    /// What to do.
    pub recommendations: First<(Word, &'a Recommendation)>,
    /// What nothing is said about.
    pub not_looked_at: First<&'a str>,
}

/// One operation.
#[derive(Debug)]
pub struct Operation<'a> {
    /// The operation.
    pub operation: &'a OperationSummary,
    /// Its type.
    pub kind: Word,
    /// Its risk.
    pub risk: Word,
    /// Access level, when known.
    pub level: Option<&'static str>,
    /// Where the verdict comes from.
    pub provenance: &'static str,
    /// Calls that succeeded, failed, were denied.
    pub counts: [u64; 3],
}

/// One control.
#[derive(Debug)]
pub struct Control<'a> {
    /// The control.
    pub control: &'a ControlResult,
    /// Its state.
    pub state: Word,
    /// Findings against it.
    pub findings: First<Link<'a>>,
}

/// One call behind a finding.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The call.
    pub entry: &'a AuditEntry,
    /// Operation type.
    pub kind: Word,
    /// What became of it.
    pub outcome: Word,
}

impl<'a> Ledger<'a> {
    /// Of a result.
    pub fn of(result: &'a ReportResult, links: &Links<'a>) -> Self {
        Self {
            operations: First::of(result.operations.iter().map(Operation::of), most::ROWS),
            dissents: result.operations.iter().filter(|operation| operation.dissent).count(),
            controls: First::of(
                result.controls.iter().map(|control| Control::of(control, links)),
                most::ROWS,
            ),
            control_states: [ControlState::Fail, ControlState::NoEvidence, ControlState::Pass]
                .map(|state| {
                    let count = result.controls.iter().filter(|control| control.state == state).count();
                    (word::control(state), count)
                })
                .to_vec(),
            audit: First::of(result.audit_entries.iter().map(Entry::of), most::ROWS),
            overrides: First::of(&result.overrides, most::ROWS),
            other_events: First::of(
                result.other_events.iter().map(|event| (word::event(event.kind), event)),
                most::ROWS,
            ),
            recommendations: First::of(
                result.recommendations.iter().map(|advice| (word::severity(advice.severity), advice)),
                most::ROWS,
            ),
            not_looked_at: First::of(result.not_looked_at.iter().map(String::as_str), most::ROWS),
        }
    }
}

impl<'a> Operation<'a> {
    fn of(operation: &'a OperationSummary) -> Self {
        Self {
            operation,
            kind: word::operation_type(operation.operation_type),
            risk: word::risk(operation.risk_level),
            level: operation.access_level.map(word::access_level),
            provenance: word::provenance(operation.provenance),
            counts: [Outcome::Succeeded, Outcome::Failed, Outcome::Denied]
                .map(|outcome| operation.counts.get(&outcome).copied().unwrap_or_default()),
        }
    }
}

impl<'a> Control<'a> {
    fn of(control: &'a ControlResult, links: &Links<'a>) -> Self {
        let findings = control.findings.iter().filter_map(|fingerprint| links.get(fingerprint));
        Self { control, state: word::control(control.state), findings: First::of(findings, most::LINKS) }
    }
}

impl<'a> Entry<'a> {
    fn of(entry: &'a AuditEntry) -> Self {
        Self {
            entry,
            kind: word::operation_type(entry.operation_type),
            outcome: word::outcome(entry.outcome),
        }
    }
}
