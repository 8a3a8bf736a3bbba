//! The JSON of one page of the account authorization details.
//!
//! Enters: JSON text. Leaves: [`AuthorizationDetailsOutput`]s. Laws: unknown fields are skipped, since AWS adds
//! fields; `null` is an empty list, as an SDK in Go writes it; a known field of another type is an error with its line
//! and column.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer};

use super::{DetailsError, document::DetailsDocument};

/// A page. A list is absent if it was not requested.
#[derive(Debug, Deserialize)]
pub(super) struct AuthorizationDetailsOutput {
    #[serde(rename = "UserDetailList", default, deserialize_with = "or_empty")]
    pub users: Option<Vec<UserDetail>>,
    #[serde(rename = "RoleDetailList", default, deserialize_with = "or_empty")]
    pub roles: Option<Vec<RoleDetail>>,
    #[serde(rename = "GroupDetailList", default, deserialize_with = "or_default")]
    pub groups: Vec<GroupDetail>,
    #[serde(rename = "Policies", default, deserialize_with = "or_default")]
    pub policies: Vec<ManagedPolicyDetail>,
    #[serde(rename = "IsTruncated", default, deserialize_with = "or_default")]
    is_truncated: bool,
    #[serde(rename = "NextToken")]
    next_token: Option<String>,
}

impl AuthorizationDetailsOutput {
    /// Whether another page follows.
    pub const fn has_next_page(&self) -> bool {
        self.is_truncated || self.next_token.is_some()
    }

    /// The account of the page; none if the page has no user, role or group with an ARN.
    pub fn account(&self) -> Option<&str> {
        let users = self.users.iter().flatten().map(|user| user.arn.as_str());
        let roles = self.roles.iter().flatten().map(|role| role.arn.as_str());
        let groups = self.groups.iter().filter_map(|group| group.arn.as_deref());
        users.chain(roles).chain(groups).map(account_of_arn).next()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct UserDetail {
    #[serde(rename = "Arn")]
    pub arn: String,
    #[serde(rename = "UserPolicyList", default, deserialize_with = "or_default")]
    pub inline: Vec<PolicyDetail>,
    #[serde(rename = "AttachedManagedPolicies", default, deserialize_with = "or_default")]
    pub attached: Vec<AttachedPolicy>,
    #[serde(rename = "GroupList", default, deserialize_with = "or_default")]
    pub groups: Vec<String>,
    #[serde(rename = "PermissionsBoundary")]
    pub boundary: Option<AttachedPermissionsBoundary>,
    #[serde(rename = "Tags", default, deserialize_with = "or_default")]
    pub tags: Vec<IamTag>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RoleDetail {
    #[serde(rename = "Arn")]
    pub arn: String,
    #[serde(rename = "RolePolicyList", default, deserialize_with = "or_default")]
    pub inline: Vec<PolicyDetail>,
    #[serde(rename = "AttachedManagedPolicies", default, deserialize_with = "or_default")]
    pub attached: Vec<AttachedPolicy>,
    #[serde(rename = "AssumeRolePolicyDocument")]
    pub trust: Option<DetailsDocument>,
    #[serde(rename = "PermissionsBoundary")]
    pub boundary: Option<AttachedPermissionsBoundary>,
    #[serde(rename = "Tags", default, deserialize_with = "or_default")]
    pub tags: Vec<IamTag>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GroupDetail {
    #[serde(rename = "GroupName")]
    pub name: String,
    #[serde(rename = "Arn")]
    pub arn: Option<String>,
    #[serde(rename = "GroupPolicyList", default, deserialize_with = "or_default")]
    pub inline: Vec<PolicyDetail>,
    #[serde(rename = "AttachedManagedPolicies", default, deserialize_with = "or_default")]
    pub attached: Vec<AttachedPolicy>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PolicyDetail {
    #[serde(rename = "PolicyName")]
    pub name: String,
    #[serde(rename = "PolicyDocument")]
    pub document: DetailsDocument,
}

#[derive(Debug, Deserialize)]
pub(super) struct AttachedPolicy {
    #[serde(rename = "PolicyArn")]
    pub arn: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct AttachedPermissionsBoundary {
    #[serde(rename = "PermissionsBoundaryArn")]
    pub arn: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct IamTag {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value", default, deserialize_with = "or_default")]
    value: String,
}

/// A managed policy with its versions.
#[derive(Debug, Deserialize)]
pub(super) struct ManagedPolicyDetail {
    #[serde(rename = "Arn")]
    pub arn: String,
    #[serde(rename = "DefaultVersionId")]
    default_version_id: Option<String>,
    #[serde(rename = "PolicyVersionList", default, deserialize_with = "or_default")]
    versions: Vec<PolicyVersion>,
}

#[derive(Debug, Deserialize)]
struct PolicyVersion {
    #[serde(rename = "VersionId")]
    id: Option<String>,
    #[serde(rename = "IsDefaultVersion", default, deserialize_with = "or_default")]
    is_default: bool,
    #[serde(rename = "Document")]
    document: Option<DetailsDocument>,
}

impl ManagedPolicyDetail {
    /// The document of the default version; empty if it is missing.
    pub fn default_document(&self) -> Arc<str> {
        let named = |version: &&PolicyVersion| {
            self.default_version_id.is_some() && version.id == self.default_version_id
        };
        let version =
            self.versions.iter().find(|version| version.is_default).or(self.versions.iter().find(named));
        let document = version.and_then(|version| version.document.as_ref());
        document.map_or_else(|| "".into(), |document| Arc::clone(&document.0))
    }
}

/// A value, or its default for `null`.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(value: D) -> Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// A list that is there: an empty one for `null`.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<Vec<T>>, D::Error> {
    or_default(value).map(Some)
}

/// The account of an ARN.
pub(super) fn account_of_arn(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// Tags by key.
pub(super) fn tags_by_key(tags: &[IamTag]) -> BTreeMap<String, String> {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

/// All pages of a text.
pub(super) fn parse_pages(text: &str) -> Result<Vec<AuthorizationDetailsOutput>, DetailsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let pages = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text),
        false => serde_json::Deserializer::from_str(text).into_iter().collect(),
    };
    pages.map_err(|error: serde_json::Error| {
        let said = error.to_string();
        // The position is reported in fields of its own.
        let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what).to_owned();
        DetailsError::Json { line: error.line(), column: error.column(), message: what }
    })
}
