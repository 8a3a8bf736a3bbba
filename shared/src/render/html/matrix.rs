//! What watched principals could do, tried and did, for the page.
//!
//! Enters: principals with their matrices. Leaves: a [`MatrixView`] for each, and a [`MatrixOverview`] of all. Laws:
//! every row of a matrix is on the page or counted as omitted; the tone of a row never says more than its text.

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
    /// Access matrix of the principal.
    pub matrix: &'a AccessMatrix,
    /// Permissions status; absent when its policies were not read.
    pub policy_status: Option<Badge>,
    /// Highest risk of a granted action, and its certainty.
    pub risk: Option<(Badge, &'static str)>,
    /// Capabilities with grants or calls.
    pub capabilities: Vec<MatrixRowView<'a>>,
    /// Labels of the other capabilities, which are one line.
    pub empty_labels: Vec<String>,
    /// Details; absent where the page would be too long.
    pub details: Option<MatrixDetails<'a>>,
}

/// The details of a matrix.
#[derive(Debug)]
pub struct MatrixDetails<'a> {
    /// Services, with the most calls first.
    pub services: Truncated<MatrixRowView<'a>>,
    /// Granted and not used, most actions that are not read-only first.
    pub unused_services: Truncated<&'a UnusedService>,
    /// Unused actions that are not read-only.
    pub excessive: u64,
    /// Operations that succeeded although no policy that was read grants them.
    pub ungranted_operations: Truncated<&'a UngrantedOperation>,
    /// Ways in which the principal could escalate privileges.
    pub escalation_paths: Truncated<&'a EscalationPath>,
    /// Role chains it acted through.
    pub role_chains: Truncated<&'a RoleChainActivity>,
    /// Policies by which the principal was evaluated.
    pub policies: Truncated<&'a PolicySnapshotRef>,
    /// Policy types that were not evaluated, and their possible effect.
    pub unevaluated: Vec<(&'static str, &'static str)>,
    /// Overrides that tolerate grants, each with the number of grants.
    pub tolerated: Truncated<(&'a str, u64)>,
}

/// One row of the matrix, as the page shows it.
#[derive(Debug)]
pub struct MatrixRowView<'a> {
    /// The row of the access matrix.
    pub row: &'a MatrixRow,
    /// Name of the row for readers.
    pub label: String,
    /// Badge of the row's state.
    pub state: Badge,
    /// Symbol of the state.
    pub symbol: char,
    /// Examples of granted actions.
    pub examples: Truncated<&'a str>,
}

/// The overview of all watched principals.
#[derive(Debug)]
pub struct MatrixOverview<'a> {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Names of capabilities that no principal is granted or called.
    pub empty_columns: Vec<String>,
    /// A row for each principal, most severe first.
    pub rows: Truncated<OverviewRow<'a>>,
    /// The symbols and their meaning.
    pub legend: Vec<(char, Badge)>,
}

/// One watched principal in the overview.
#[derive(Debug)]
pub struct OverviewRow<'a> {
    /// ARN of the principal.
    pub arn: &'a str,
    /// Name of the principal.
    pub name: &'a str,
    /// Account of the principal; empty when unknown.
    pub account: &'a str,
    /// Badge of the permissions status; `None` if the policies were not read.
    pub policy_status: Option<Badge>,
    /// A cell for each column; `None` without such a row.
    pub cells: Vec<Option<MatrixRowView<'a>>>,
}

impl<'a> MatrixView<'a> {
    /// The view of the matrix of a principal at a position in the table.
    pub fn of(principal: &PrincipalSummary, matrix: &'a AccessMatrix, position: usize) -> Self {
        let tolerated = ToleratedAccess::of(principal, matrix);
        let line = |row| MatrixRowView::of(row, tolerated);
        Self {
            matrix,
            policy_status: policy_status(matrix),
            risk: matrix
                .risk_level
                .map(|risk| (badge::risk_level(risk), matrix.certainty.map_or("", matrix::certainty_text))),
            capabilities: matrix.nonempty_rows().map(line).collect(),
            empty_labels: matrix.empty_row_labels(),
            details: (position < most::MATRIX_DETAILS).then(|| MatrixDetails::of(matrix, tolerated)),
        }
    }
}

impl MatrixView<'_> {
    /// State of the capabilities in `empty_labels`.
    pub const fn empty_state(&self) -> Badge {
        let state = match self.matrix.has_policies() {
            true => MatrixRowState::NotGranted,
            false => MatrixRowState::GrantsUnknown,
        };
        state_badge(state, state.tone())
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
        let examples = row.granted.iter().flat_map(|granted| &granted.examples).map(|action| &**action);
        // Examples of reads are not worth their space.
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
    /// The overview of a result; `None` if no principal of the result has a matrix.
    pub fn of(result: &'a ReportResult) -> Option<Self> {
        let all = worst_first(result);
        let mut columns: Vec<&MatrixRow> = Vec::new();
        for row in all.iter().flat_map(|(_, matrix)| &matrix.capabilities) {
            if !columns.iter().any(|column| column.name == row.name) && columns.len() < most::VALUES {
                columns.push(row);
            }
        }
        // A state that is unknown is not empty.
        let is_used = |column: &&MatrixRow| {
            let rows = all.iter().flat_map(|(_, matrix)| &matrix.capabilities);
            rows.filter(|row| row.name == column.name).any(|row| row.state() != MatrixRowState::NotGranted)
        };
        let (columns, empty): (Vec<&MatrixRow>, Vec<&MatrixRow>) = columns.into_iter().partition(is_used);
        let rows = all.iter().map(|(principal, matrix)| OverviewRow {
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
        let rows = Truncated::of(rows, most::OVERVIEW_ROWS);
        (!rows.is_empty()).then(|| Self {
            legend: MatrixRowState::ALL
                .into_iter()
                .filter(|state| {
                    rows.items
                        .iter()
                        .flat_map(|row| &row.cells)
                        .flatten()
                        .any(|cell| cell.row.state() == *state)
                })
                .map(|one| (one.symbol(), state_badge(one, one.tone())))
                .collect(),
            columns: columns.into_iter().map(MatrixRow::label).collect(),
            empty_columns: empty.into_iter().map(MatrixRow::label).collect(),
            rows,
        })
    }
}

fn policy_status(matrix: &AccessMatrix) -> Option<Badge> {
    let (text, tone, meaning) = matrix::overall_status_text(matrix.overall_status?);
    let icon = match tone {
        matrix::MatrixTone::Bad => "cross",
        matrix::MatrixTone::Good => "check",
        _ => "gap",
    };
    Some(Badge { text, meaning, tone: tone.css_class(), icon })
}

const fn state_badge(state: MatrixRowState, tone: matrix::MatrixTone) -> Badge {
    let icon = match state {
        MatrixRowState::NotGranted => "dash",
        MatrixRowState::GrantsUnknown => "ask",
        MatrixRowState::GrantedUnused => "ring",
        MatrixRowState::Attempted => "cross",
        MatrixRowState::Used => "dot",
        MatrixRowState::UsedThroughRoles => "full",
        MatrixRowState::UsedWithoutGrant => "gap",
    };
    Badge { text: state.text(), meaning: state.meaning(), tone: tone.css_class(), icon }
}
