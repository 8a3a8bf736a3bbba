//! What the proof of a guardrail does not cover.
//!
//! Enters: nothing. Leaves: [`OpenQuestion`], [`OpenQuestionKind`] and [`Acknowledgment`]. Laws: an acknowledged question
//! stays listed and stays open; only questions of the acknowledged kinds are acknowledged.

use std::{collections::BTreeSet, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Kinds of open questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OpenQuestionKind {
    /// No evidence of usage was given.
    NoEvidence,
    /// Evidence could not be read.
    UnreadableEvidence,
    /// Log files that digests list are missing.
    MissingLogFiles,
    /// Events were delivered with two contents.
    ConflictingEvents,
    /// Hours have no evidence.
    MissingHours,
    /// Event classes are not known to be logged.
    UnloggedClasses,
    /// The IAM actions of called operations are not known.
    UnknownActions,
    /// Policies of the principal cannot be read in full.
    MalformedPolicies,
}

impl OpenQuestionKind {
    /// All kinds, in order.
    pub const ALL: [Self; 8] = [
        Self::NoEvidence,
        Self::UnreadableEvidence,
        Self::MissingLogFiles,
        Self::ConflictingEvents,
        Self::MissingHours,
        Self::UnloggedClasses,
        Self::UnknownActions,
        Self::MalformedPolicies,
    ];

    /// Name of the kind in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoEvidence => "no-evidence",
            Self::UnreadableEvidence => "unreadable-evidence",
            Self::MissingLogFiles => "missing-log-files",
            Self::ConflictingEvents => "conflicting-events",
            Self::MissingHours => "missing-hours",
            Self::UnloggedClasses => "unlogged-classes",
            Self::UnknownActions => "unknown-actions",
            Self::MalformedPolicies => "malformed-policies",
        }
    }

    /// The question of this kind, in a sentence.
    pub fn question(self, text: impl Into<String>) -> OpenQuestion {
        OpenQuestion { kind: self, text: text.into() }
    }
}

impl fmt::Display for OpenQuestionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a proof does not cover.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct OpenQuestion {
    /// Kind of the question.
    pub kind: OpenQuestionKind,
    /// The question, in a sentence.
    pub text: String,
}

/// The open questions that the user accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Acknowledgment {
    /// None.
    #[default]
    Nothing,
    /// Those of these kinds.
    Kinds(BTreeSet<OpenQuestionKind>),
    /// All.
    Everything,
}

impl Acknowledgment {
    /// Whether a question of this kind is acknowledged.
    pub fn covers(&self, kind: OpenQuestionKind) -> bool {
        match self {
            Self::Nothing => false,
            Self::Kinds(kinds) => kinds.contains(&kind),
            Self::Everything => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_kinds_are_acknowledged() {
        for kind in OpenQuestionKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(!Acknowledgment::Nothing.covers(kind) && Acknowledgment::Everything.covers(kind));
            let hours = Acknowledgment::Kinds([OpenQuestionKind::MissingHours].into());
            assert_eq!(hours.covers(kind), kind == OpenQuestionKind::MissingHours);
        }
    }
}
