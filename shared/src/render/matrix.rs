//! The states of matrix rows, in words.
//!
//! Enters: a row or another value of a matrix. Leaves: a text, a symbol and a tone, the same in every format. Law: a
//! row with unknown grants never says that nothing is granted.

use std::cmp::Reverse;

use crate::{
    event::Outcome,
    grants::{Certainty, UnevaluatedPolicyType},
    operation::OperationType,
    permissions::{GrantCount, OverallStatus},
    report::{AccessMatrix, MatrixRow, MatrixRowKind, PrincipalSummary, ReportResult},
};

/// State of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatrixRowState {
    /// Not granted and not called.
    NotGranted,
    /// Not called; the grants are unknown.
    GrantsUnknown,
    /// Granted and not called.
    GrantedUnused,
    /// Calls were made, and none succeeded.
    Attempted,
    /// Calls were made, and some succeeded.
    Used,
    /// Calls succeeded only through roles that the principal assumed; its own policies do not grant them.
    UsedThroughRoles,
    /// Calls succeeded although none of the principal's policies grants them.
    UsedWithoutGrant,
}

/// Severity of a row in the presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatrixTone {
    /// The state is as expected.
    Good,
    /// The state is neutral.
    None,
    /// The state is worth knowing.
    Note,
    /// The state needs review.
    Warn,
    /// The state shows, or could show, that the principal is not read-only.
    Bad,
}

impl MatrixRowState {
    /// All states, most severe first, as a legend lists them.
    pub const ALL: [Self; 7] = [
        Self::UsedWithoutGrant,
        Self::UsedThroughRoles,
        Self::Used,
        Self::Attempted,
        Self::GrantedUnused,
        Self::GrantsUnknown,
        Self::NotGranted,
    ];

    /// The symbol of the state.
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

    /// Name of the state in a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotGranted => "not granted",
            Self::GrantsUnknown => "not used, grants unknown",
            Self::GrantedUnused => "granted, not used",
            Self::Attempted => "tried, did not succeed",
            Self::Used => "used",
            Self::UsedThroughRoles => "used through another role",
            Self::UsedWithoutGrant => "used without a grant",
        }
    }

    /// Meaning of the state in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NotGranted => "The policies do not grant this access, and no call was made.",
            Self::GrantsUnknown => {
                "No call was made. The principal's policies were not read, so the permissions are unknown."
            }
            Self::GrantedUnused => {
                "The principal's policies grant this access, and no call was made in the period."
            }
            Self::Attempted => "Calls were made, and every call was denied or failed.",
            Self::Used => "Calls succeeded.",
            Self::UsedThroughRoles => {
                "Calls succeeded, all of them through roles that the principal assumed; the principal's own policies do not grant them."
            }
            Self::UsedWithoutGrant => {
                "Calls succeeded although no policy that was read grants them, so another policy does."
            }
        }
    }
}

impl MatrixRowState {
    /// Tone of the state alone.
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
    /// CSS class of the tone.
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

/// What overrides tolerate of a principal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ToleratedAccess {
    /// Whether overrides tolerate every grant of the principal's policies that is not a read.
    pub all_grants: bool,
    /// Whether overrides tolerate every call of the principal that succeeded and is not a read;
    /// `false` if there is no such call.
    pub all_calls: bool,
}

impl ToleratedAccess {
    /// Whether overrides tolerate all grants, and all calls, of a principal that are not read-only.
    pub fn of(principal: &PrincipalSummary, matrix: &AccessMatrix) -> Self {
        let beyond = [OperationType::Privileged, OperationType::Unknown, OperationType::Mutating];
        let succeeded = beyond.iter().map(|kind| principal.count(*kind, Outcome::Succeeded));
        let succeeded = succeeded.chain(matrix.role_chains.iter().map(|through| through.non_reads_succeeded));
        let allowed = matrix.role_chains.iter().map(|through| through.allowed_non_reads);
        let allowed = allowed.fold(principal.allowed_non_reads, u64::saturating_add);
        Self {
            all_grants: matches!(
                matrix.overall_status,
                Some(OverallStatus::Valid | OverallStatus::Partial | OverallStatus::Invalid)
            ),
            all_calls: allowed > 0 && succeeded.fold(0, u64::saturating_add) == allowed,
        }
    }
}

impl GrantCount {
    /// Actions granted, unconditionally or conditionally.
    pub const fn total(&self) -> u64 {
        self.unconditional.saturating_add(self.conditional)
    }
}

impl MatrixRow {
    /// Number of calls with any outcome: succeeded, denied or failed.
    const fn calls(&self) -> u64 {
        self.used.saturating_add(self.denied).saturating_add(self.failed)
    }

    /// State of the row: what was granted, tried and done together.
    pub fn state(&self) -> MatrixRowState {
        let granted = self.granted.as_ref().map(GrantCount::total);
        match (self.used > 0, self.denied > 0 || self.failed > 0, granted) {
            // The counts show which calls through roles succeeded only if all calls were through roles, or more
            // succeeded.
            (true, _, Some(0)) if self.through_roles >= self.calls() => MatrixRowState::UsedThroughRoles,
            (true, _, Some(0)) if self.used > self.through_roles => MatrixRowState::UsedWithoutGrant,
            (true, ..) => MatrixRowState::Used,
            (false, true, _) => MatrixRowState::Attempted,
            (false, false, None) => MatrixRowState::GrantsUnknown,
            (false, false, Some(0)) => MatrixRowState::NotGranted,
            (false, false, Some(_)) => MatrixRowState::GrantedUnused,
        }
    }

    /// Tone of the state, given what is tolerated.
    pub fn tone(&self, tolerated: ToleratedAccess) -> MatrixTone {
        let is_about = |names: &[&str]| self.kind.is_some() && names.contains(&self.name.as_str());
        let is_neutral = matches!(self.kind, None | Some(MatrixRowKind::Read));
        match self.state() {
            MatrixRowState::NotGranted if is_neutral => MatrixTone::None,
            MatrixRowState::GrantedUnused | MatrixRowState::Used | MatrixRowState::UsedThroughRoles
                if is_neutral =>
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

    /// Name of the row for readers.
    pub fn label(&self) -> String {
        match self.kind {
            Some(MatrixRowKind::Read) => "plain reads".to_owned(),
            Some(MatrixRowKind::Unknown) => "unknown".to_owned(),
            // A path of several steps has no row.
            Some(MatrixRowKind::Capability) if self.name == "privilege_escalation" => {
                "direct escalation".to_owned()
            }
            Some(MatrixRowKind::Capability) => self.name.replace('_', " "),
            None => self.name.clone(),
        }
    }

    /// Kind of the row, as in `matrix.csv`.
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
    /// Whether policies were read.
    pub const fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Rows of capabilities with grants or calls.
    pub fn nonempty_rows(&self) -> impl Iterator<Item = &MatrixRow> {
        self.capabilities.iter().filter(|row| !row.is_empty())
    }

    /// Labels of the other rows of capabilities.
    pub fn empty_row_labels(&self) -> Vec<String> {
        self.capabilities.iter().filter(|row| row.is_empty()).map(MatrixRow::label).collect()
    }

    /// Days with evidence, rounded up.
    pub const fn observed_days(&self) -> u64 {
        self.observed_hours.div_ceil(24)
    }
}

impl MatrixRow {
    fn is_empty(&self) -> bool {
        matches!(self.state(), MatrixRowState::NotGranted | MatrixRowState::GrantsUnknown)
    }
}

/// Watched principals with their matrices, most severe first.
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

/// A permissions status: its word, tone and meaning.
pub const fn overall_status_text(status: OverallStatus) -> (&'static str, MatrixTone, &'static str) {
    match status {
        OverallStatus::Valid => (
            "VALID",
            MatrixTone::Good,
            "The principal's policies grant the reads that the principal needs, and only reads.",
        ),
        OverallStatus::Partial => (
            "PARTIAL",
            MatrixTone::Warn,
            "The principal's policies grant only reads, but not all the reads that the principal needs.",
        ),
        OverallStatus::Invalid => (
            "INVALID",
            MatrixTone::Warn,
            "Every read that the principal needs is denied, or the principal does not exist.",
        ),
        OverallStatus::Indeterminate => (
            "INDETERMINATE",
            MatrixTone::Warn,
            "Whether the principal may do more than read cannot be determined from the policies given.",
        ),
        OverallStatus::OverPrivileged => {
            ("OVER_PRIVILEGED", MatrixTone::Bad, "The principal's policies grant more than reads.")
        }
    }
}

/// A policy type that was not evaluated, and its possible effect.
pub const fn unevaluated_policy_text(kind: UnevaluatedPolicyType) -> (&'static str, &'static str) {
    match kind {
        UnevaluatedPolicyType::PermissionsBoundary => {
            ("permissions boundary", "can only restrict permissions")
        }
        UnevaluatedPolicyType::ServiceControlPolicies => {
            ("service control policies", "can only restrict permissions")
        }
        UnevaluatedPolicyType::ResourceControlPolicies => {
            ("resource control policies", "can only restrict permissions")
        }
        UnevaluatedPolicyType::SessionPolicies => ("session policies", "can only restrict permissions"),
        UnevaluatedPolicyType::VpcEndpointPolicies => {
            ("VPC endpoint policies", "can only restrict permissions")
        }
        UnevaluatedPolicyType::ResourceBasedPolicies => {
            ("resource-based policies", "can grant more permissions")
        }
    }
}

/// Certainty of a grant.
pub const fn certainty_text(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Unconditional => "unconditional",
        Certainty::Conditional => "conditional",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(
        name: &str,
        granted: Option<(u64, u64)>,
        [denied, failed, used, through_roles]: [u64; 4],
    ) -> MatrixRow {
        let granted = granted.map(|(granted, conditional)| GrantCount {
            unconditional: granted,
            conditional,
            examples: vec![],
        });
        MatrixRow {
            name: name.to_owned(),
            kind: Some(MatrixRowKind::Capability),
            granted,
            denied,
            failed,
            used,
            through_roles,
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
            // The counts do not show which of the calls was made through a role.
            (Some((0, 0)), [1, 0, 1, 1], MatrixRowState::Used),
            (Some((0, 0)), [0, 1, 1, 1], MatrixRowState::Used),
        ];
        for (granted, calls, state) in states {
            assert_eq!(row("mutate", granted, calls).state(), state, "{granted:?} {calls:?}");
        }
    }

    #[test]
    fn tolerated_access_is_only_noted() {
        let tone = |granted, calls, tolerated| row("mutate", granted, calls).tone(tolerated);
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
