//! Who made a call.
//!
//! Enters: the parts of a CloudTrail `userIdentity`. Leaves: [`Principal`], the identity a promise can be
//! made about, and [`Session`], the way it was used. Law: an assumed role counts as its role, so two sessions
//! of one role are one principal.

mod identity;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use identity::{partition_of_region, resolve_identity};

/// Kind of identity, after CloudTrail's `userIdentity.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// The account's root user.
    Root,
    /// An IAM user.
    IamUser,
    /// A role, used directly or assumed.
    Role,
    /// A user of `GetFederationToken`.
    FederatedUser,
    /// A user of an SAML provider.
    SamlUser,
    /// A user of a web identity provider.
    WebIdentityUser,
    /// A user of IAM Identity Center, also through an `AWSReservedSSO_` role.
    IdentityCenterUser,
    /// An AWS service acting by itself.
    AwsService,
    /// Another AWS account.
    AwsAccount,
    /// Nobody: an unsigned request.
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

/// The identity a promise can be made about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Principal {
    /// Its ARN; for those without one, a name of the same shape: `service:NAME`, `account:ID`, `anonymous`, `unknown`.
    pub arn: Arc<str>,
    /// What kind of identity it is.
    pub kind: PrincipalKind,
    /// The account it belongs to; empty when the record does not say.
    pub account: Arc<str>,
}

/// How a principal was used: everything that varies between the sessions of one identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Role session name, or the federated user's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Arc<str>>,
    /// ARN of the user that made a federated user's credentials, and whose permissions bound them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issuer: Option<Arc<str>>,
    /// `sourceIdentity` set when the role was assumed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_identity: Option<Arc<str>>,
    /// Identity Center user on whose behalf the call was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf_of: Option<Arc<str>>,
}
