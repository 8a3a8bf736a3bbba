//! What watched principals could do, tried and did, as the page draws it.
//!
//! Enters: principals with their matrices. Leaves: a [`Sheet`] for each, and a [`Glance`] over all. Laws: every number of a
//! sheet stands on the page or is counted as left out; the tone of a row never says more than its words.

use std::cmp::Reverse;

use crate::{
    permissions::{Count, EscalationPath},
    render::{
        html::{
            first::{First, most},
            word::{self, Word},
        },
        matrix::{self, RowState, Tolerated, unseen, worst_first},
    },
    report::{
        AccessKind, Matrix, MatrixRow, PolicyBasis, PrincipalSummary, ReportResult, Through, Ungranted,
        Unused,
    },
};

/// The matrix of one principal.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The matrix.
    pub matrix: &'a Matrix,
    /// It is open before anybody asks.
    pub open: bool,
    /// What its policies say; absent when they were not read.
    pub says: Option<Word>,
    /// Greatest risk of what it could do, and how sure that is.
    pub risk: Option<(Word, &'static str)>,
    /// Capabilities; where policies were not read, those it tried or used.
    pub capabilities: Vec<Line<'a>>,
    /// The others, where policies were not read: of each the same is known.
    pub others: Vec<String>,
    /// What stands behind them; absent where the page would grow too long.
    pub behind: Option<Behind<'a>>,
}

/// What stands behind a matrix.
#[derive(Debug)]
pub struct Behind<'a> {
    /// Services, those with calls first.
    pub services: First<Line<'a>>,
    /// Granted and never used, most of what is no read first.
    pub unused: First<&'a Unused>,
    /// Actions of those that are no reads.
    pub excessive: u64,
    /// Done without a grant.
    pub ungranted: First<&'a Ungranted>,
    /// Ways to more.
    pub paths: First<&'a EscalationPath>,
    /// Roles it acted through.
    pub through: First<&'a Through>,
    /// Policies it was judged by.
    pub policies: First<&'a PolicyBasis>,
    /// What was not seen, and what that leaves open.
    pub unseen: Vec<(&'static str, &'static str)>,
    /// Overrides that tolerate grants, and how many.
    pub tolerated: First<(&'a str, u64)>,
}

/// One row.
#[derive(Debug)]
pub struct Line<'a> {
    /// The row.
    pub row: &'a MatrixRow,
    /// Its name in plain words.
    pub label: String,
    /// What it comes to.
    pub state: Word,
    /// One character for it.
    pub sign: char,
    /// Some of what could be used.
    pub examples: First<&'a str>,
}

/// All watched principals at once.
#[derive(Debug)]
pub struct Glance<'a> {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// A strip for each principal, the worst first.
    pub strips: First<Strip<'a>>,
    /// The signs and what they mean.
    pub legend: Vec<(char, Word)>,
}

/// One watched principal.
#[derive(Debug)]
pub struct Strip<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// The part of it that names it.
    pub name: &'a str,
    /// Its account; empty when not known.
    pub account: &'a str,
    /// What its policies say.
    pub says: Option<Word>,
    /// A cell for each column; absent where it has no such row.
    pub cells: Vec<Option<Line<'a>>>,
}

impl<'a> Sheet<'a> {
    /// Of the matrix of the principal in that row of the table.
    pub fn of(principal: &PrincipalSummary, matrix: &'a Matrix, position: usize) -> Self {
        let tolerated = Tolerated::of(principal, matrix);
        let line = |row| Line::of(row, tolerated);
        Self {
            matrix,
            open: position < most::OPEN,
            says: says(matrix),
            risk: matrix
                .risk_level
                .map(|risk| (word::risk(risk), matrix.certainty.map_or("", matrix::certainty))),
            capabilities: match matrix.is_known() {
                true => matrix.capabilities.iter().map(line).collect(),
                false => matrix.filled().map(line).collect(),
            },
            others: if matrix.is_known() { Vec::new() } else { matrix.empty() },
            behind: (position < most::BEHIND).then(|| Behind::of(matrix, tolerated)),
        }
    }
}

impl Sheet<'_> {
    /// What the others come to.
    pub const fn others_state(&self) -> Word {
        state(RowState::NotKnown, RowState::NotKnown.tone())
    }
}

impl<'a> Behind<'a> {
    fn of(matrix: &'a Matrix, tolerated: Tolerated) -> Self {
        let mut services: Vec<&MatrixRow> = matrix.services.iter().collect();
        services.sort_by_key(|row| {
            let calls = row.did.saturating_add(row.tried).saturating_add(row.failed);
            Reverse((row.state() == RowState::Ungranted, calls, row.could.as_ref().map(Count::total)))
        });
        let mut unused: Vec<&Unused> = matrix.unused.iter().collect();
        unused.sort_by_key(|unused| Reverse((unused.excessive, unused.actions)));
        Self {
            services: First::of(services.into_iter().map(|row| Line::of(row, tolerated)), most::MATRIX),
            excessive: unused.iter().map(|unused| unused.excessive).fold(0, u64::saturating_add),
            unused: First::of(unused, most::MATRIX),
            ungranted: First::of(&matrix.ungranted, most::MATRIX),
            paths: First::of(&matrix.escalation_paths, most::MATRIX),
            through: First::of(&matrix.through, most::MATRIX),
            policies: First::of(&matrix.policies, most::MATRIX),
            unseen: matrix.unseen.iter().map(|what| unseen(*what)).collect(),
            tolerated: First::of(
                matrix.tolerated.iter().map(|(id, count)| (id.as_str(), *count)),
                most::MATRIX,
            ),
        }
    }
}

impl<'a> Line<'a> {
    fn of(row: &'a MatrixRow, tolerated: Tolerated) -> Self {
        let examples = row.could.iter().flat_map(|could| &could.examples).map(|action| &**action);
        // The gravest of what is harmless is not worth its place.
        let shown = if row.kind == Some(AccessKind::Read) { 0 } else { most::EXAMPLES };
        let mut examples = First::of(examples, shown);
        if shown == 0 {
            examples.more = 0;
        }
        Self {
            row,
            label: row.label(),
            state: state(row.state(), row.tone(tolerated)),
            sign: row.state().sign(),
            examples,
        }
    }
}

impl<'a> Glance<'a> {
    /// Of a result; `None` without watched principals that were looked at.
    pub fn of(result: &'a ReportResult) -> Option<Self> {
        let all = worst_first(result);
        let mut columns: Vec<&MatrixRow> = Vec::new();
        for row in all.iter().flat_map(|(_, matrix)| &matrix.capabilities) {
            if !columns.iter().any(|column| column.name == row.name) && columns.len() < most::VALUES {
                columns.push(row);
            }
        }
        let strips = all.iter().map(|(principal, matrix)| Strip {
            arn: &principal.arn,
            name: super::principal::name(&principal.arn).1,
            account: &principal.account,
            says: says(matrix),
            cells: columns
                .iter()
                .map(|column| {
                    matrix
                        .capabilities
                        .iter()
                        .find(|row| row.name == column.name)
                        .map(|row| Line::of(row, Tolerated::of(principal, matrix)))
                })
                .collect(),
        });
        let strips = First::of(strips, most::STRIPS);
        (!strips.is_empty()).then(|| Self {
            columns: columns.into_iter().map(MatrixRow::label).collect(),
            strips,
            legend: RowState::ALL.map(|one| (one.sign(), state(one, one.tone()))).into(),
        })
    }
}

fn says(matrix: &Matrix) -> Option<Word> {
    let (text, tone, means) = matrix::overall(matrix.overall_status?);
    let sign = match tone {
        matrix::Tone::Bad => "cross",
        matrix::Tone::Good => "check",
        _ => "gap",
    };
    Some(Word { text, means, tone: tone.class(), sign })
}

const fn state(state: RowState, tone: matrix::Tone) -> Word {
    let sign = match state {
        RowState::Nothing => "dash",
        RowState::NotKnown => "ask",
        RowState::Could => "ring",
        RowState::Tried => "cross",
        RowState::Did => "dot",
        RowState::Through => "full",
        RowState::Ungranted => "gap",
    };
    Word { text: state.text(), means: state.means(), tone: tone.class(), sign }
}
