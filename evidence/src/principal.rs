//! The principal and the session of a call.
//!
//! Enters: what `userIdentity` of a record resolves to. Leaves: [`Principal`], the identity that a watch can match, and
//! [`Session`], what varies between its sessions. Law: an assumed role counts as its role, so two sessions of one
//! role are one principal.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest duration of a role session and of a federated user session. A session created by role chaining lasts one
/// hour at most; the longer duration is used for it too. AWS IAM User Guide, "Methods to assume a role" and "Compare
/// AWS STS credentials", and AWS STS API Reference, `GetFederationToken`, read 2026-11.
pub const MAX_ROLE_SESSION_HOURS: u32 = 12;
/// See [`MAX_ROLE_SESSION_HOURS`].
pub const MAX_FEDERATED_SESSION_HOURS: u32 = 36;

/// Kind of a principal, by CloudTrail's `userIdentity.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// The account's root user.
    Root,
    /// An IAM user.
    IamUser,
    /// A role, used directly or assumed.
    Role,
    /// A federated user, created by `GetFederationToken`.
    FederatedUser,
    /// A user of a SAML provider.
    SamlUser,
    /// A user of a web identity provider.
    WebIdentityUser,
    /// A user of IAM Identity Center, also through an `AWSReservedSSO_` role.
    IdentityCenterUser,
    /// An AWS service acting on its own.
    AwsService,
    /// Another AWS account.
    AwsAccount,
    /// An unsigned request.
    Anonymous,
    /// The record does not say.
    Unknown,
}

impl PrincipalKind {
    /// The snake-case name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::IamUser => "iam_user",
            Self::Role => "role",
            Self::FederatedUser => "federated_user",
            Self::SamlUser => "saml_user",
            Self::WebIdentityUser => "web_identity_user",
            Self::IdentityCenterUser => "identity_center_user",
            Self::AwsService => "aws_service",
            Self::AwsAccount => "aws_account",
            Self::Anonymous => "anonymous",
            Self::Unknown => "unknown",
        }
    }
}

/// The identity that a watch can match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Principal {
    /// ARN of the principal, or, without an ARN, a name such as `service:NAME`, `account:ID`, `anonymous` or
    /// `unknown`.
    pub arn: Arc<str>,
    /// Kind of the principal.
    pub kind: PrincipalKind,
    /// The account to which the principal belongs; empty when the record does not say.
    pub account: Arc<str>,
}

/// What the ARN of a principal begins with if its records have only its unique id.
pub(crate) const UNIQUE_ID_PREFIX: &str = "principal-id:";

/// What varies between the sessions of one principal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Role session name, or name of the federated user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Arc<str>>,
    /// ARN of the user that created the credentials of a federated user. The permissions of this user limit them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issuer: Option<Arc<str>>,
    /// `sourceIdentity`, set when the role was assumed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_identity: Option<Arc<str>>,
    /// Unique id of the role or user (`AROA...`, `AIDA...`), if the record has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unique_id: Option<Arc<str>>,
    /// Identity Center user for which the call was made (`onBehalfOf`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf_of: Option<Arc<str>>,
}
