//! What watched principals could do, tried and did, as the page draws it.
//!
//! Enters: principals with their matrices. Leaves: a [`Sheet`] for each, and a [`MatrixOverview`] over all. Laws: every number of a
//! sheet stands on the page or is counted as left out; the tone of a row never says more than its words.

use std::cmp::Reverse;

use crate::{
    permissions::{EscalationPath, GrantCount},
    render::{
        html::{
            badge::{self, Badge},
            truncated::{Truncated, most},
        },
        matrix::{self, MatrixRowState, ToleratedAccess, unevaluated_policy_text, worst_first},
    },
    report::{
        AccessMatrix, MatrixRow, MatrixRowKind, PolicySnapshotRef, PrincipalSummary, ReportResult,
        RoleChainActivity, UngrantedOperation, UnusedService,
    },
};

/// The matrix of one principal.
#[derive(Debug)]
pub struct MatrixView<'a> {
    /// The matrix.
    pub matrix: &'a AccessMatrix,
    /// It is open before anybody asks.
    pub is_open: bool,
    /// What its policies say; absent when they were not read.
    pub policy_status: Option<Badge>,
    /// Greatest risk of what it could do, and how sure that is.
    pub risk: Option<(Badge, &'static str)>,
    /// Capabilities; where policies were not read, those it tried or used.
    pub capabilities: Vec<MatrixRowView<'a>>,
    /// The others, where policies were not read: of each the same is known.
    pub empty_labels: Vec<String>,
    /// What stands behind them; absent where the page would grow too long.
    pub details: Option<MatrixDetails<'a>>,
}

/// What stands behind a matrix.
#[derive(Debug)]
pub struct MatrixDetails<'a> {
    /// Services, those with calls first.
    pub services: Truncated<MatrixRowView<'a>>,
    /// Granted and never used, most of what is no read first.
    pub unused_services: Truncated<&'a UnusedService>,
    /// Actions of those that are no reads.
    pub excessive: u64,
    /// Done without a grant.
    pub ungranted_operations: Truncated<&'a UngrantedOperation>,
    /// Ways to more.
    pub escalation_paths: Truncated<&'a EscalationPath>,
    /// Roles it acted through.
    pub role_chains: Truncated<&'a RoleChainActivity>,
    /// Policies it was judged by.
    pub policies: Truncated<&'a PolicySnapshotRef>,
    /// What was not seen, and what that leaves open.
    pub unevaluated: Vec<(&'static str, &'static str)>,
    /// Overrides that tolerate grants, and how many.
    pub tolerated: Truncated<(&'a str, u64)>,
}

/// One row.
#[derive(Debug)]
pub struct MatrixRowView<'a> {
    /// The row.
    pub row: &'a MatrixRow,
    /// Its name in plain words.
    pub label: String,
    /// What it comes to.
    pub state: Badge,
    /// One character for it.
    pub symbol: char,
    /// Some of what could be used.
    pub examples: Truncated<&'a str>,
}

/// All watched principals at once.
#[derive(Debug)]
pub struct MatrixOverview<'a> {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// A strip for each principal, the worst first.
    pub rows: Truncated<OverviewRow<'a>>,
    /// The signs and what they mean.
    pub legend: Vec<(char, Badge)>,
}

/// One watched principal.
#[derive(Debug)]
pub struct OverviewRow<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// The part of it that names it.
    pub name: &'a str,
    /// Its account; empty when not known.
    pub account: &'a str,
    /// What its policies say.
    pub policy_status: Option<Badge>,
    /// A cell for each column; absent where it has no such row.
    pub cells: Vec<Option<MatrixRowView<'a>>>,
}

impl<'a> MatrixView<'a> {
    /// Of the matrix of the principal in that row of the table.
    pub fn of(principal: &PrincipalSummary, matrix: &'a AccessMatrix, position: usize) -> Self {
        let tolerated = ToleratedAccess::of(principal, matrix);
        let line = |row| MatrixRowView::of(row, tolerated);
        Self {
            matrix,
            is_open: position < most::OPEN_MATRICES,
            policy_status: policy_status(matrix),
            risk: matrix
                .risk_level
                .map(|risk| (badge::risk_level(risk), matrix.certainty.map_or("", matrix::certainty_text))),
            capabilities: match matrix.has_policies() {
                true => matrix.capabilities.iter().map(line).collect(),
                false => matrix.nonempty_rows().map(line).collect(),
            },
            empty_labels: if matrix.has_policies() { Vec::new() } else { matrix.empty_row_labels() },
            details: (position < most::MATRIX_DETAILS).then(|| MatrixDetails::of(matrix, tolerated)),
        }
    }
}

impl MatrixView<'_> {
    /// What the others come to.
    pub const fn empty_state(&self) -> Badge {
        state_badge(MatrixRowState::GrantsUnknown, MatrixRowState::GrantsUnknown.tone())
    }
}

impl<'a> MatrixDetails<'a> {
    fn of(matrix: &'a AccessMatrix, tolerated: ToleratedAccess) -> Self {
        let mut services: Vec<&MatrixRow> = matrix.services.iter().collect();
        services.sort_by_key(|row| {
            let calls = row.used.saturating_add(row.denied).saturating_add(row.failed);
            Reverse((
                row.state() == MatrixRowState::UsedWithoutGrant,
                calls,
                row.granted.as_ref().map(GrantCount::total),
            ))
        });
        let mut unused: Vec<&UnusedService> = matrix.unused_services.iter().collect();
        unused.sort_by_key(|unused| Reverse((unused.excessive, unused.actions)));
        Self {
            services: Truncated::of(
                services.into_iter().map(|row| MatrixRowView::of(row, tolerated)),
                most::MATRIX_ROWS,
            ),
            excessive: unused.iter().map(|unused| unused.excessive).fold(0, u64::saturating_add),
            unused_services: Truncated::of(unused, most::MATRIX_ROWS),
            ungranted_operations: Truncated::of(&matrix.ungranted_operations, most::MATRIX_ROWS),
            escalation_paths: Truncated::of(&matrix.escalation_paths, most::MATRIX_ROWS),
            role_chains: Truncated::of(&matrix.role_chains, most::MATRIX_ROWS),
            policies: Truncated::of(&matrix.policies, most::MATRIX_ROWS),
            unevaluated: matrix.unevaluated.iter().map(|what| unevaluated_policy_text(*what)).collect(),
            tolerated: Truncated::of(
                matrix.tolerated.iter().map(|(id, count)| (id.as_str(), *count)),
                most::MATRIX_ROWS,
            ),
        }
    }
}

impl<'a> MatrixRowView<'a> {
    fn of(row: &'a MatrixRow, tolerated: ToleratedAccess) -> Self {
        let examples = row.granted.iter().flat_map(|could| &could.examples).map(|action| &**action);
        // The gravest of what is harmless is not worth its place.
        let shown = if row.kind == Some(MatrixRowKind::Read) { 0 } else { most::EXAMPLES };
        let mut examples = Truncated::of(examples, shown);
        if shown == 0 {
            examples.omitted = 0;
        }
        Self {
            row,
            label: row.label(),
            state: state_badge(row.state(), row.tone(tolerated)),
            symbol: row.state().symbol(),
            examples,
        }
    }
}

impl<'a> MatrixOverview<'a> {
    /// Of a result; `None` without watched principals that were looked at.
    pub fn of(result: &'a ReportResult) -> Option<Self> {
        let all = worst_first(result);
        let mut columns: Vec<&MatrixRow> = Vec::new();
        for row in all.iter().flat_map(|(_, matrix)| &matrix.capabilities) {
            if !columns.iter().any(|column| column.name == row.name) && columns.len() < most::VALUES {
                columns.push(row);
            }
        }
        let strips = all.iter().map(|(principal, matrix)| OverviewRow {
            arn: &principal.arn,
            name: super::principal::split_arn(&principal.arn).1,
            account: &principal.account,
            policy_status: policy_status(matrix),
            cells: columns
                .iter()
                .map(|column| {
                    matrix
                        .capabilities
                        .iter()
                        .find(|row| row.name == column.name)
                        .map(|row| MatrixRowView::of(row, ToleratedAccess::of(principal, matrix)))
                })
                .collect(),
        });
        let strips = Truncated::of(strips, most::OVERVIEW_ROWS);
        (!strips.is_empty()).then(|| Self {
            columns: columns.into_iter().map(MatrixRow::label).collect(),
            rows: strips,
            legend: MatrixRowState::ALL.map(|one| (one.symbol(), state_badge(one, one.tone()))).into(),
        })
    }
}

fn policy_status(matrix: &AccessMatrix) -> Option<Badge> {
    let (text, tone, means) = matrix::overall_status_text(matrix.overall_status?);
    let sign = match tone {
        matrix::MatrixTone::Bad => "cross",
        matrix::MatrixTone::Good => "check",
        _ => "gap",
    };
    Some(Badge { text, meaning: means, tone: tone.css_class(), icon: sign })
}

const fn state_badge(state: MatrixRowState, tone: matrix::MatrixTone) -> Badge {
    let sign = match state {
        MatrixRowState::NotGranted => "dash",
        MatrixRowState::GrantsUnknown => "ask",
        MatrixRowState::GrantedUnused => "ring",
        MatrixRowState::Attempted => "cross",
        MatrixRowState::Used => "dot",
        MatrixRowState::UsedThroughRoles => "full",
        MatrixRowState::UsedWithoutGrant => "gap",
    };
    Badge { text: state.text(), meaning: state.meaning(), tone: tone.css_class(), icon: sign }
}
