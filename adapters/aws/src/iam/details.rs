//! Users, roles, groups and policies in the output format of the AWS CLI.
//!
//! Enters: output of the SDK. Leaves: JSON as `aws iam get-account-authorization-details` prints it. Law: a policy
//! document is passed on unchanged, URL-encoded.

use aws_sdk_iam::{
    operation::get_account_authorization_details::GetAccountAuthorizationDetailsOutput,
    types::{AttachedPermissionsBoundary, AttachedPolicy, ManagedPolicyDetail, PolicyDetail, Tag},
};
use serde_json::{Value, json};

/// Lists of users, roles, groups and managed policies.
#[derive(Debug, Default)]
pub(super) struct AccountAuthorizationDetails {
    pub users: Vec<Value>,
    pub roles: Vec<Value>,
    pub groups: Vec<Value>,
    pub policies: Vec<Value>,
}

impl AccountAuthorizationDetails {
    /// The lists, as JSON text.
    pub fn to_json(&self) -> String {
        let Self { users, roles, groups, policies } = self;
        json!({
            "UserDetailList": users, "RoleDetailList": roles, "GroupDetailList": groups, "Policies": policies,
        })
        .to_string()
    }
}

impl From<GetAccountAuthorizationDetailsOutput> for AccountAuthorizationDetails {
    fn from(found: GetAccountAuthorizationDetailsOutput) -> Self {
        let users = found.user_detail_list.unwrap_or_default().into_iter().map(|user| {
            json!({
                "Path": user.path, "UserName": user.user_name, "UserId": user.user_id, "Arn": user.arn,
                "UserPolicyList": inline_policies(user.user_policy_list.as_deref()), "GroupList": user.group_list.unwrap_or_default(),
                "AttachedManagedPolicies": attached_policies(user.attached_managed_policies.as_deref()),
                "PermissionsBoundary": permissions_boundary(user.permissions_boundary.as_ref()), "Tags": tags(user.tags.as_deref()),
            })
        });
        let roles = found.role_detail_list.unwrap_or_default().into_iter().map(|role| {
            json!({
                "Path": role.path, "RoleName": role.role_name, "RoleId": role.role_id, "Arn": role.arn,
                "AssumeRolePolicyDocument": role.assume_role_policy_document,
                "RolePolicyList": inline_policies(role.role_policy_list.as_deref()),
                "AttachedManagedPolicies": attached_policies(role.attached_managed_policies.as_deref()),
                "PermissionsBoundary": permissions_boundary(role.permissions_boundary.as_ref()), "Tags": tags(role.tags.as_deref()),
            })
        });
        let groups = found.group_detail_list.unwrap_or_default().into_iter().map(|group| {
            json!({
                "Path": group.path, "GroupName": group.group_name, "GroupId": group.group_id, "Arn": group.arn,
                "GroupPolicyList": inline_policies(group.group_policy_list.as_deref()),
                "AttachedManagedPolicies": attached_policies(group.attached_managed_policies.as_deref()),
            })
        });
        let policies = found.policies.unwrap_or_default();
        Self {
            users: users.map(without_nulls).collect(),
            roles: roles.map(without_nulls).collect(),
            groups: groups.map(without_nulls).collect(),
            policies: policies.iter().map(managed_policy_detail).map(without_nulls).collect(),
        }
    }
}

/// A managed policy with its versions.
fn managed_policy_detail(policy: &ManagedPolicyDetail) -> Value {
    let versions = policy.policy_version_list.iter().flatten().map(|version| {
        without_nulls(json!({
            "Document": version.document, "VersionId": version.version_id,
            "IsDefaultVersion": version.is_default_version,
        }))
    });
    json!({
        "PolicyName": policy.policy_name, "PolicyId": policy.policy_id, "Arn": policy.arn, "Path": policy.path,
        "DefaultVersionId": policy.default_version_id, "PolicyVersionList": versions.collect::<Vec<_>>(),
    })
}

/// A managed policy with only its default version.
pub(super) fn managed_policy(arn: &str, version: &str, document: Option<&str>) -> Value {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let only = without_nulls(json!({ "Document": document, "VersionId": version, "IsDefaultVersion": true }));
    json!({ "PolicyName": name, "Arn": arn, "DefaultVersionId": version, "PolicyVersionList": [only] })
}

/// An inline policy as the AWS CLI prints it: name and document.
pub(super) fn inline_policy(name: &str, document: &str) -> Value {
    json!({ "PolicyName": name, "PolicyDocument": document })
}

fn inline_policies(policies: Option<&[PolicyDetail]>) -> Vec<Value> {
    let one = |policy: &PolicyDetail| {
        without_nulls(json!({ "PolicyName": policy.policy_name, "PolicyDocument": policy.policy_document }))
    };
    policies.unwrap_or_default().iter().map(one).collect()
}

/// The attached managed policies as the AWS CLI prints them.
pub(super) fn attached_policies(policies: Option<&[AttachedPolicy]>) -> Vec<Value> {
    let one = |policy: &AttachedPolicy| {
        without_nulls(json!({ "PolicyName": policy.policy_name, "PolicyArn": policy.policy_arn }))
    };
    policies.unwrap_or_default().iter().map(one).collect()
}

/// The permissions boundary; null without one.
pub(super) fn permissions_boundary(boundary: Option<&AttachedPermissionsBoundary>) -> Value {
    boundary.map_or(Value::Null, |boundary| {
        json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary.permissions_boundary_arn })
    })
}

/// Tags as the AWS CLI prints them: a list of objects with `Key` and `Value`.
pub(super) fn tags(tags: Option<&[Tag]>) -> Vec<Value> {
    tags.unwrap_or_default().iter().map(|tag| json!({ "Key": tag.key, "Value": tag.value })).collect()
}

/// The object without null fields, which the AWS CLI leaves out.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<serde_json::Map<_, _>>().into()
        }
        other => other,
    }
}
