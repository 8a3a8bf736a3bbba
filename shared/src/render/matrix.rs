//! What the rows of a matrix come to, in words.
//!
//! Enters: a row, or what a matrix says beside its rows. Leaves: a word, a sign and a tone, the same in every format.
//! Law: where nothing is known of what could be done, no row says that nothing could.

use std::cmp::Reverse;

use crate::{
    event::Outcome,
    grants::{Certainty, Unseen},
    operation::OperationType,
    permissions::{Count, OverallStatus},
    report::{AccessKind, Matrix, MatrixRow, PrincipalSummary, ReportResult},
};

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowState {
    /// Neither granted nor tried nor done.
    Nothing,
    /// Neither tried nor done; what is granted is not known.
    NotKnown,
    /// Granted, neither tried nor done.
    Could,
    /// Tried without success.
    Tried,
    /// Done.
    Did,
    /// Done through roles it assumed only; its own policies do not grant it.
    Through,
    /// Done although none of its policies grants it.
    Ungranted,
}

/// How much a reader should mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Nothing to say of it.
    None,
    /// Worth knowing.
    Note,
    /// Look at it.
    Warn,
    /// It breaks the promise, or can.
    Bad,
}

impl RowState {
    /// The states a legend explains, in the order of their gravity.
    pub const ALL: [Self; 7] =
        [Self::Ungranted, Self::Through, Self::Did, Self::Tried, Self::Could, Self::NotKnown, Self::Nothing];

    /// One character that stands for it.
    pub const fn sign(self) -> char {
        match self {
            Self::Nothing => '–',
            Self::NotKnown => '?',
            Self::Could => '○',
            Self::Tried => '×',
            Self::Did => '●',
            Self::Through => '◆',
            Self::Ungranted => '▲',
        }
    }

    /// It in a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::NotKnown => "not done, grants not known",
            Self::Could => "could, never did",
            Self::Tried => "tried in vain",
            Self::Did => "did",
            Self::Through => "did through another role",
            Self::Ungranted => "did without a grant",
        }
    }

    /// It in a sentence.
    pub const fn means(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing was granted, tried or done.",
            Self::NotKnown => {
                "Nothing was tried or done. Its policies were not read, so what it could do is not known."
            }
            Self::Could => "Its policies grant it, and no call used it in the period.",
            Self::Tried => "It was tried, and every call was denied or failed.",
            Self::Did => "Calls succeeded.",
            Self::Through => {
                "Calls succeeded, all of them through roles it assumed; its own policies do not grant it."
            }
            Self::Ungranted => {
                "Calls succeeded although none of the policies that were read grants it: something else does."
            }
        }
    }
}

impl RowState {
    /// How much a reader should mind, where nothing but the state is known.
    pub const fn tone(self) -> Tone {
        match self {
            Self::Nothing => Tone::Good,
            Self::NotKnown => Tone::None,
            Self::Could | Self::Tried => Tone::Warn,
            Self::Did | Self::Through | Self::Ungranted => Tone::Bad,
        }
    }
}

impl Tone {
    /// Class of the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::None => "none",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// What of a principal somebody answers for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerated {
    /// All that its policies grant beyond reads, if anything.
    pub grants: bool,
    /// All that it did beyond reads, and it did something.
    pub calls: bool,
}

impl Tolerated {
    /// What is tolerated of a principal: by overrides, since nothing else is left of what is no read.
    pub fn of(principal: &PrincipalSummary, matrix: &Matrix) -> Self {
        let beyond = [OperationType::Privileged, OperationType::Unknown, OperationType::Mutating];
        let carried_out = beyond.iter().map(|kind| principal.count(*kind, Outcome::Succeeded));
        let carried_out = carried_out.chain(matrix.through.iter().map(|through| through.carried_out));
        Self {
            grants: matches!(
                matrix.overall_status,
                Some(OverallStatus::Valid | OverallStatus::Partial | OverallStatus::Invalid)
            ),
            calls: principal.allowed > 0 && carried_out.fold(0, u64::saturating_add) == 0,
        }
    }
}

impl Count {
    /// Actions granted, surely or on conditions.
    pub const fn total(&self) -> u64 {
        self.granted.saturating_add(self.conditional)
    }
}

impl MatrixRow {
    /// What it comes to.
    pub fn state(&self) -> RowState {
        let granted = self.could.as_ref().map(Count::total);
        match (self.did > 0, self.tried > 0 || self.failed > 0, granted) {
            (true, _, Some(0)) if self.through >= self.did.saturating_add(self.tried) => RowState::Through,
            (true, _, Some(0)) => RowState::Ungranted,
            (true, ..) => RowState::Did,
            (false, true, _) => RowState::Tried,
            (false, false, None) => RowState::NotKnown,
            (false, false, Some(0)) => RowState::Nothing,
            (false, false, Some(_)) => RowState::Could,
        }
    }

    /// How much a reader should mind, given what is tolerated.
    pub fn tone(&self, tolerated: Tolerated) -> Tone {
        let is_about = |names: &[&str]| self.kind.is_some() && names.contains(&self.name.as_str());
        let calm = matches!(self.kind, None | Some(AccessKind::Read));
        match self.state() {
            RowState::Nothing if calm => Tone::None,
            RowState::Could | RowState::Did | RowState::Through if calm => Tone::Note,
            RowState::Could if tolerated.grants && !is_about(&["read_secrets"]) => Tone::Note,
            RowState::Did | RowState::Through => match () {
                () if is_about(&["read_data", "spend_money"]) => Tone::Note,
                () if is_about(&["read_secrets", "run_code", "unknown"]) => Tone::Warn,
                () if tolerated.calls => Tone::Note,
                () => Tone::Bad,
            },
            state => state.tone(),
        }
    }

    /// Its name as a reader says it.
    pub fn label(&self) -> String {
        match self.kind {
            Some(AccessKind::Read) => "plain reads".to_owned(),
            Some(AccessKind::Unknown) => "unknown".to_owned(),
            Some(AccessKind::Capability) => self.name.replace('_', " "),
            None => self.name.clone(),
        }
    }

    /// What the table of tables calls its kind.
    pub const fn kind_word(&self) -> &'static str {
        match self.kind {
            None => "service",
            Some(AccessKind::Read) => "read",
            Some(AccessKind::Capability) => "capability",
            Some(AccessKind::Unknown) => "unknown",
        }
    }
}

impl Matrix {
    /// Whether what it could do is known.
    pub const fn is_known(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Rows of capabilities in which there is something to see.
    pub fn filled(&self) -> impl Iterator<Item = &MatrixRow> {
        self.capabilities.iter().filter(|row| !row.is_empty())
    }

    /// Names of the others.
    pub fn empty(&self) -> Vec<String> {
        self.capabilities.iter().filter(|row| row.is_empty()).map(MatrixRow::label).collect()
    }

    /// Days with evidence, the last one begun counted whole.
    pub const fn days(&self) -> u64 {
        self.observed_hours.div_ceil(24)
    }
}

impl MatrixRow {
    fn is_empty(&self) -> bool {
        matches!(self.state(), RowState::Nothing | RowState::NotKnown)
    }
}

/// Watched principals with their matrices, the worst first.
pub fn worst_first(result: &ReportResult) -> Vec<(&PrincipalSummary, &Matrix)> {
    let mut all: Vec<(&PrincipalSummary, &Matrix)> = result
        .principals
        .iter()
        .filter_map(|principal| principal.matrix.as_ref().map(|matrix| (principal, matrix)))
        .collect();
    all.sort_by_key(|(principal, matrix)| {
        let calls = (principal.behaviour, principal.calls, Reverse(&principal.arn));
        Reverse((principal.status, matrix.overall_status, !matrix.ungranted.is_empty(), calls))
    });
    all
}

/// What policies say of a principal.
pub const fn overall(status: OverallStatus) -> (&'static str, Tone, &'static str) {
    match status {
        OverallStatus::Valid => {
            ("VALID", Tone::Good, "Its policies grant the reads it needs, and nothing but reads.")
        }
        OverallStatus::Partial => {
            ("PARTIAL", Tone::Warn, "Its policies grant nothing but reads, and not all of those it needs.")
        }
        OverallStatus::Invalid => {
            ("INVALID", Tone::Warn, "No read it needs works, or there is no such principal.")
        }
        OverallStatus::Indeterminate => {
            ("INDETERMINATE", Tone::Warn, "Policies alone do not tell whether it may do more than read.")
        }
        OverallStatus::OverPrivileged => {
            ("OVER_PRIVILEGED", Tone::Bad, "Its policies grant more than reads.")
        }
    }
}

/// What was not given, and what that leaves open.
pub const fn unseen(unseen: Unseen) -> (&'static str, &'static str) {
    match unseen {
        Unseen::Boundary => ("permissions boundary", "it can only take away"),
        Unseen::ServiceControlPolicies => ("service control policies", "they can only take away"),
        Unseen::ResourceControlPolicies => ("resource control policies", "they can only take away"),
        Unseen::SessionPolicies => ("session policies", "they can only take away"),
        Unseen::VpcEndpointPolicies => ("VPC endpoint policies", "they can only take away"),
        Unseen::ResourcePolicies => ("policies of resources", "they can grant more"),
    }
}

/// How sure a grant is.
pub const fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Granted => "granted",
        Certainty::Conditional => "on conditions",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, could: Option<(u64, u64)>, [tried, failed, did, through]: [u64; 4]) -> MatrixRow {
        let could = could.map(|(granted, conditional)| Count { granted, conditional, examples: vec![] });
        MatrixRow {
            name: name.to_owned(),
            kind: Some(AccessKind::Capability),
            could,
            tried,
            failed,
            did,
            through,
        }
    }

    #[test]
    fn a_row_without_policies_never_says_that_nothing_could_be_done() {
        assert_eq!(row("mutate", None, [0; 4]).state(), RowState::NotKnown);
        assert_eq!(row("mutate", Some((0, 0)), [0; 4]).state(), RowState::Nothing);
        assert_eq!(row("mutate", None, [0, 0, 1, 0]).state(), RowState::Did);
    }

    #[test]
    fn what_was_done_comes_before_what_was_tried_and_what_could_be() {
        let states = [
            (Some((0, 1)), [0; 4], RowState::Could),
            (Some((1, 0)), [1, 0, 0, 0], RowState::Tried),
            (Some((1, 0)), [0, 1, 0, 0], RowState::Tried),
            (Some((1, 0)), [1, 1, 1, 0], RowState::Did),
            (Some((0, 0)), [0, 0, 2, 1], RowState::Ungranted),
            (Some((0, 0)), [0, 0, 2, 2], RowState::Through),
        ];
        for (could, calls, state) in states {
            assert_eq!(row("mutate", could, calls).state(), state, "{could:?} {calls:?}");
        }
    }

    #[test]
    fn what_overrides_allow_alarms_nobody() {
        let tone = |could, calls, tolerated| row("mutate", could, calls).tone(tolerated);
        let (grants, calls) = (
            Tolerated { grants: true, ..Tolerated::default() },
            Tolerated { calls: true, ..Tolerated::default() },
        );
        assert_eq!(tone(Some((2, 0)), [0; 4], grants), Tone::Note);
        assert_eq!(tone(Some((2, 0)), [0; 4], calls), Tone::Warn);
        assert_eq!(tone(Some((2, 0)), [0, 0, 1, 0], calls), Tone::Note);
        assert_eq!(tone(Some((2, 0)), [0, 0, 1, 0], grants), Tone::Bad);
        assert_eq!(tone(Some((0, 0)), [0, 0, 1, 0], calls), Tone::Bad);
        assert_eq!(row("read_secrets", Some((2, 0)), [0; 4]).tone(grants), Tone::Warn);
    }

    #[test]
    fn a_change_through_another_role_alarms_as_much_as_one_without() {
        assert_eq!(row("mutate", Some((0, 0)), [0, 0, 2, 2]).tone(Tolerated::default()), Tone::Bad);
        assert_eq!(row("mutate", Some((2, 0)), [0, 0, 2, 0]).tone(Tolerated::default()), Tone::Bad);
        assert_eq!(row("mutate", Some((2, 0)), [0; 4]).tone(Tolerated::default()), Tone::Warn);
        assert_eq!(row("mutate", Some((0, 0)), [0; 4]).tone(Tolerated::default()), Tone::Good);
    }
}
