//! What the rows of a matrix come to, in words.
//!
//! Enters: a row, or what a matrix says beside its rows. Leaves: a word, a sign and a tone, the same in every format.
//! Law: where nothing is known of what could be done, no row says that nothing could.

use std::cmp::Reverse;

use crate::{
    event::Outcome,
    grants::{Certainty, UnevaluatedPolicyType},
    operation::OperationType,
    permissions::{GrantCount, OverallStatus},
    report::{AccessMatrix, MatrixRow, MatrixRowKind, PrincipalSummary, ReportResult},
};

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatrixRowState {
    /// Neither granted nor tried nor done.
    NotGranted,
    /// Neither tried nor done; what is granted is not known.
    GrantsUnknown,
    /// Granted, neither tried nor done.
    GrantedUnused,
    /// Tried without success.
    Attempted,
    /// Done.
    Used,
    /// Done through roles it assumed only; its own policies do not grant it.
    UsedThroughRoles,
    /// Done although none of its policies grants it.
    UsedWithoutGrant,
}

/// How much a reader should mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatrixTone {
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

impl MatrixRowState {
    /// The states a legend explains, in the order of their gravity.
    pub const ALL: [Self; 7] = [
        Self::UsedWithoutGrant,
        Self::UsedThroughRoles,
        Self::Used,
        Self::Attempted,
        Self::GrantedUnused,
        Self::GrantsUnknown,
        Self::NotGranted,
    ];

    /// One character that stands for it.
    pub const fn symbol(self) -> char {
        match self {
            Self::NotGranted => '–',
            Self::GrantsUnknown => '?',
            Self::GrantedUnused => '○',
            Self::Attempted => '×',
            Self::Used => '●',
            Self::UsedThroughRoles => '◆',
            Self::UsedWithoutGrant => '▲',
        }
    }

    /// It in a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotGranted => "nothing",
            Self::GrantsUnknown => "not done, grants not known",
            Self::GrantedUnused => "could, never did",
            Self::Attempted => "tried in vain",
            Self::Used => "did",
            Self::UsedThroughRoles => "did through another role",
            Self::UsedWithoutGrant => "did without a grant",
        }
    }

    /// It in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NotGranted => "Nothing was granted, tried or done.",
            Self::GrantsUnknown => {
                "Nothing was tried or done. Its policies were not read, so what it could do is not known."
            }
            Self::GrantedUnused => "Its policies grant it, and no call used it in the period.",
            Self::Attempted => "It was tried, and every call was denied or failed.",
            Self::Used => "Calls succeeded.",
            Self::UsedThroughRoles => {
                "Calls succeeded, all of them through roles it assumed; its own policies do not grant it."
            }
            Self::UsedWithoutGrant => {
                "Calls succeeded although none of the policies that were read grants it: something else does."
            }
        }
    }
}

impl MatrixRowState {
    /// How much a reader should mind, where nothing but the state is known.
    pub const fn tone(self) -> MatrixTone {
        match self {
            Self::NotGranted => MatrixTone::Good,
            Self::GrantsUnknown => MatrixTone::None,
            Self::GrantedUnused | Self::Attempted => MatrixTone::Warn,
            Self::Used | Self::UsedThroughRoles | Self::UsedWithoutGrant => MatrixTone::Bad,
        }
    }
}

impl MatrixTone {
    /// Class of the style sheet.
    pub const fn css_class(self) -> &'static str {
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
pub struct ToleratedAccess {
    /// All that its policies grant beyond reads, if anything.
    pub all_grants: bool,
    /// All that it did beyond reads, and it did something.
    pub all_calls: bool,
}

impl ToleratedAccess {
    /// What is tolerated of a principal: by overrides, since nothing else is left of what is no read.
    pub fn of(principal: &PrincipalSummary, matrix: &AccessMatrix) -> Self {
        let beyond = [OperationType::Privileged, OperationType::Unknown, OperationType::Mutating];
        let carried_out = beyond.iter().map(|kind| principal.count(*kind, Outcome::Succeeded));
        let carried_out =
            carried_out.chain(matrix.role_chains.iter().map(|through| through.non_reads_succeeded));
        Self {
            all_grants: matches!(
                matrix.overall_status,
                Some(OverallStatus::Valid | OverallStatus::Partial | OverallStatus::Invalid)
            ),
            all_calls: principal.allowed_by_override > 0 && carried_out.fold(0, u64::saturating_add) == 0,
        }
    }
}

impl GrantCount {
    /// Actions granted, surely or on conditions.
    pub const fn total(&self) -> u64 {
        self.unconditional.saturating_add(self.conditional)
    }
}

impl MatrixRow {
    /// Calls, whatever became of them.
    const fn calls(&self) -> u64 {
        self.used.saturating_add(self.denied).saturating_add(self.failed)
    }

    /// What it comes to.
    pub fn state(&self) -> MatrixRowState {
        let granted = self.granted.as_ref().map(GrantCount::total);
        match (self.used > 0, self.denied > 0 || self.failed > 0, granted) {
            // Which of the calls made through roles are those that succeeded is only sure where all or few enough are.
            (true, _, Some(0)) if self.through_roles >= self.calls() => MatrixRowState::UsedThroughRoles,
            (true, _, Some(0)) if self.used > self.through_roles => MatrixRowState::UsedWithoutGrant,
            (true, ..) => MatrixRowState::Used,
            (false, true, _) => MatrixRowState::Attempted,
            (false, false, None) => MatrixRowState::GrantsUnknown,
            (false, false, Some(0)) => MatrixRowState::NotGranted,
            (false, false, Some(_)) => MatrixRowState::GrantedUnused,
        }
    }

    /// How much a reader should mind, given what is tolerated.
    pub fn tone(&self, tolerated: ToleratedAccess) -> MatrixTone {
        let is_about = |names: &[&str]| self.kind.is_some() && names.contains(&self.name.as_str());
        let calm = matches!(self.kind, None | Some(MatrixRowKind::Read));
        match self.state() {
            MatrixRowState::NotGranted if calm => MatrixTone::None,
            MatrixRowState::GrantedUnused | MatrixRowState::Used | MatrixRowState::UsedThroughRoles
                if calm =>
            {
                MatrixTone::Note
            }
            MatrixRowState::GrantedUnused if tolerated.all_grants && !is_about(&["read_secrets"]) => {
                MatrixTone::Note
            }
            MatrixRowState::Used | MatrixRowState::UsedThroughRoles => match () {
                () if is_about(&["read_data", "incur_cost"]) => MatrixTone::Note,
                () if is_about(&["read_secrets", "run_code", "unknown"]) => MatrixTone::Warn,
                () if tolerated.all_calls => MatrixTone::Note,
                () => MatrixTone::Bad,
            },
            state => state.tone(),
        }
    }

    /// Its name as a reader says it.
    pub fn label(&self) -> String {
        match self.kind {
            Some(MatrixRowKind::Read) => "plain reads".to_owned(),
            Some(MatrixRowKind::Unknown) => "unknown".to_owned(),
            Some(MatrixRowKind::Capability) => self.name.replace('_', " "),
            None => self.name.clone(),
        }
    }

    /// What the table of tables calls its kind.
    pub const fn kind_name(&self) -> &'static str {
        match self.kind {
            None => "service",
            Some(MatrixRowKind::Read) => "read",
            Some(MatrixRowKind::Capability) => "capability",
            Some(MatrixRowKind::Unknown) => "unknown",
        }
    }
}

impl AccessMatrix {
    /// Whether what it could do is known.
    pub const fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Rows of capabilities in which there is something to see.
    pub fn nonempty_rows(&self) -> impl Iterator<Item = &MatrixRow> {
        self.capabilities.iter().filter(|row| !row.is_empty())
    }

    /// Names of the others.
    pub fn empty_row_labels(&self) -> Vec<String> {
        self.capabilities.iter().filter(|row| row.is_empty()).map(MatrixRow::label).collect()
    }

    /// Days with evidence, the last one begun counted whole.
    pub const fn observed_days(&self) -> u64 {
        self.observed_hours.div_ceil(24)
    }
}

impl MatrixRow {
    fn is_empty(&self) -> bool {
        matches!(self.state(), MatrixRowState::NotGranted | MatrixRowState::GrantsUnknown)
    }
}

/// Watched principals with their matrices, the worst first.
pub fn worst_first(result: &ReportResult) -> Vec<(&PrincipalSummary, &AccessMatrix)> {
    let mut all: Vec<(&PrincipalSummary, &AccessMatrix)> = result
        .principals
        .iter()
        .filter_map(|principal| principal.matrix.as_ref().map(|matrix| (principal, matrix)))
        .collect();
    all.sort_by_key(|(principal, matrix)| {
        let calls = (principal.behavior, principal.calls, Reverse(&principal.arn));
        Reverse((principal.status, matrix.overall_status, !matrix.ungranted_operations.is_empty(), calls))
    });
    all
}

/// What policies say of a principal.
pub const fn overall_status_text(status: OverallStatus) -> (&'static str, MatrixTone, &'static str) {
    match status {
        OverallStatus::Valid => {
            ("VALID", MatrixTone::Good, "Its policies grant the reads it needs, and nothing but reads.")
        }
        OverallStatus::Partial => (
            "PARTIAL",
            MatrixTone::Warn,
            "Its policies grant nothing but reads, and not all of those it needs.",
        ),
        OverallStatus::Invalid => {
            ("INVALID", MatrixTone::Warn, "No read it needs works, or there is no such principal.")
        }
        OverallStatus::Indeterminate => (
            "INDETERMINATE",
            MatrixTone::Warn,
            "Policies alone do not tell whether it may do more than read.",
        ),
        OverallStatus::OverPrivileged => {
            ("OVER_PRIVILEGED", MatrixTone::Bad, "Its policies grant more than reads.")
        }
    }
}

/// What was not given, and what that leaves open.
pub const fn unevaluated_policy_text(unseen: UnevaluatedPolicyType) -> (&'static str, &'static str) {
    match unseen {
        UnevaluatedPolicyType::PermissionsBoundary => ("permissions boundary", "it can only take away"),
        UnevaluatedPolicyType::ServiceControlPolicies => {
            ("service control policies", "they can only take away")
        }
        UnevaluatedPolicyType::ResourceControlPolicies => {
            ("resource control policies", "they can only take away")
        }
        UnevaluatedPolicyType::SessionPolicies => ("session policies", "they can only take away"),
        UnevaluatedPolicyType::VpcEndpointPolicies => ("VPC endpoint policies", "they can only take away"),
        UnevaluatedPolicyType::ResourceBasedPolicies => ("policies of resources", "they can grant more"),
    }
}

/// How sure a grant is.
pub const fn certainty_text(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Unconditional => "granted",
        Certainty::Conditional => "on conditions",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, could: Option<(u64, u64)>, [tried, failed, did, through]: [u64; 4]) -> MatrixRow {
        let could = could.map(|(granted, conditional)| GrantCount {
            unconditional: granted,
            conditional,
            examples: vec![],
        });
        MatrixRow {
            name: name.to_owned(),
            kind: Some(MatrixRowKind::Capability),
            granted: could,
            denied: tried,
            failed,
            used: did,
            through_roles: through,
        }
    }

    #[test]
    fn a_row_without_policies_has_unknown_grants() {
        assert_eq!(row("mutate", None, [0; 4]).state(), MatrixRowState::GrantsUnknown);
        assert_eq!(row("mutate", Some((0, 0)), [0; 4]).state(), MatrixRowState::NotGranted);
        assert_eq!(row("mutate", None, [0, 0, 1, 0]).state(), MatrixRowState::Used);
    }

    #[test]
    fn use_outranks_attempts_and_grants() {
        let states = [
            (Some((0, 1)), [0; 4], MatrixRowState::GrantedUnused),
            (Some((1, 0)), [1, 0, 0, 0], MatrixRowState::Attempted),
            (Some((1, 0)), [0, 1, 0, 0], MatrixRowState::Attempted),
            (Some((1, 0)), [1, 1, 1, 0], MatrixRowState::Used),
            (Some((0, 0)), [0, 0, 2, 1], MatrixRowState::UsedWithoutGrant),
            (Some((0, 0)), [0, 0, 2, 2], MatrixRowState::UsedThroughRoles),
            (Some((0, 0)), [1, 0, 1, 2], MatrixRowState::UsedThroughRoles),
            // Which of them was made through a role nobody can tell from the numbers.
            (Some((0, 0)), [1, 0, 1, 1], MatrixRowState::Used),
            (Some((0, 0)), [0, 1, 1, 1], MatrixRowState::Used),
        ];
        for (could, calls, state) in states {
            assert_eq!(row("mutate", could, calls).state(), state, "{could:?} {calls:?}");
        }
    }

    #[test]
    fn tolerated_access_is_only_noted() {
        let tone = |could, calls, tolerated| row("mutate", could, calls).tone(tolerated);
        let (grants, calls) = (
            ToleratedAccess { all_grants: true, ..ToleratedAccess::default() },
            ToleratedAccess { all_calls: true, ..ToleratedAccess::default() },
        );
        assert_eq!(tone(Some((2, 0)), [0; 4], grants), MatrixTone::Note);
        assert_eq!(tone(Some((2, 0)), [0; 4], calls), MatrixTone::Warn);
        assert_eq!(tone(Some((2, 0)), [0, 0, 1, 0], calls), MatrixTone::Note);
        assert_eq!(tone(Some((2, 0)), [0, 0, 1, 0], grants), MatrixTone::Bad);
        assert_eq!(tone(Some((0, 0)), [0, 0, 1, 0], calls), MatrixTone::Bad);
        assert_eq!(row("read_secrets", Some((2, 0)), [0; 4]).tone(grants), MatrixTone::Warn);
    }

    #[test]
    fn a_change_through_another_role_is_as_bad_as_a_direct_one() {
        assert_eq!(
            row("mutate", Some((0, 0)), [0, 0, 2, 2]).tone(ToleratedAccess::default()),
            MatrixTone::Bad
        );
        assert_eq!(
            row("mutate", Some((2, 0)), [0, 0, 2, 0]).tone(ToleratedAccess::default()),
            MatrixTone::Bad
        );
        assert_eq!(row("mutate", Some((2, 0)), [0; 4]).tone(ToleratedAccess::default()), MatrixTone::Warn);
        assert_eq!(row("mutate", Some((0, 0)), [0; 4]).tone(ToleratedAccess::default()), MatrixTone::Good);
    }
}
