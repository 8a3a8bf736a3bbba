//! One user or role, for use if `iam:GetAccountAuthorizationDetails` is denied.
//!
//! Enters: an ARN. Leaves: the account authorization details of the principal, its groups and its policies. Laws: a
//! principal that does not exist is none, and any other missing part is an error; a policy is read in its default
//! version.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::{Client, config::Builder, types::AttachedPolicy};
use serde_json::{Value, json};

use super::{
    super::{
        error::{port_error, sdk_error},
        session::AwsSession,
    },
    details::{
        AccountAuthorizationDetails, attached_policies, inline_policy, managed_policy, permissions_boundary,
        tags, without_nulls,
    },
};
use onlooker_core::ports::{PortError, PortErrorKind};

pub(super) const ROLE: &str = "read the role (iam:GetRole)";
const USER: &str = "read the user (iam:GetUser)";
const GROUPS: &str = "list the groups of the user (iam:ListGroupsForUser)";
const POLICY: &str = "read the policy (iam:GetPolicy)";
const VERSION: &str = "read the default version of the policy (iam:GetPolicyVersion)";

/// Repeats a call until all pages are read.
macro_rules! paginate {
    ($reader:expr, $call:expr, $found:ident => $list:expr, $operation:expr, $name:expr) => {{
        let (mut all, mut marker) = (Vec::new(), None);
        loop {
            let call = $call.set_marker(marker).customize().config_override($reader.config.clone());
            let $found = $reader.aws.block_on(call.send());
            let $found = $found.map_err(|error| sdk_error($operation, $name, &error))?;
            let is_truncated = $found.is_truncated;
            all.extend($list);
            marker = $found.marker.filter(|marker| is_truncated && !marker.is_empty());
            match (is_truncated, &marker) {
                (false, _) => break all,
                (true, Some(_)) => {}
                (true, None) => {
                    let said = "the response is truncated and has no marker";
                    return Err(port_error($operation, $name, PortErrorKind::Unavailable, said));
                }
            }
        }
    }};
}

/// Makes one call without SDK retries; an error names the operation and the thing that was read.
macro_rules! call_once {
    ($reader:expr, $call:expr, $operation:expr, $name:expr) => {
        $reader
            .aws
            .block_on($call.customize().config_override($reader.config.clone()).send())
            .map_err(|error| sdk_error($operation, $name, &error))
    };
}

/// Reads principals of one account.
pub(super) struct PrincipalReader<'a> {
    pub aws: &'a AwsSession,
    pub config: Builder,
}

impl PrincipalReader<'_> {
    /// The account authorization details of the principal; none if it does not exist.
    pub fn read(&self, arn: &str) -> Result<Option<String>, PortError> {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let name = resource.rsplit('/').next().unwrap_or_default();
        let read = match resource.split('/').next() {
            Some("role") => self.role(name),
            Some("user") => self.user(name),
            _ => Err(port_error(ROLE, arn, PortErrorKind::Other, "the ARN is not of a user or role")),
        };
        match read {
            Ok(details) => Ok(Some(details.to_json())),
            // A policy or group that was deleted during the read is an error, so that the caller tries again.
            Err(error)
                if error.kind == PortErrorKind::NotFound && [ROLE, USER].contains(&error.operation) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn client(&self) -> &Client {
        self.aws.iam()
    }

    fn role(&self, name: &str) -> Result<AccountAuthorizationDetails, PortError> {
        const INLINE: &str = "list the policies of the role (iam:ListRolePolicies)";
        const READ: &str = "read a policy of the role (iam:GetRolePolicy)";
        const ATTACHED: &str = "list the attached policies of the role (iam:ListAttachedRolePolicies)";
        let client = self.client();
        let found = call_once!(self, client.get_role().role_name(name), ROLE, name)?;
        let role = found
            .role
            .ok_or_else(|| port_error(ROLE, name, PortErrorKind::Unavailable, "the response is empty"))?;
        let mut inline = Vec::new();
        let names = paginate!(self, client.list_role_policies().role_name(name), found => found.policy_names, INLINE, name);
        for policy in names {
            let call = client.get_role_policy().role_name(name).policy_name(&policy);
            let found = call_once!(self, call, READ, format!("{name}: {policy}"))?;
            inline.push(inline_policy(&policy, &found.policy_document));
        }
        let managed: Vec<AttachedPolicy> = paginate!(
            self,
            client.list_attached_role_policies().role_name(name),
            found => found.attached_policies.unwrap_or_default(),
            ATTACHED,
            name
        );
        let bound = role.permissions_boundary.as_ref();
        let policies = self.policies(
            managed
                .iter()
                .filter_map(|policy| policy.policy_arn.as_deref())
                .chain(bound.and_then(|bound| bound.permissions_boundary_arn.as_deref())),
        )?;
        let role = json!({
            "Path": role.path, "RoleName": role.role_name, "RoleId": role.role_id, "Arn": role.arn,
            "AssumeRolePolicyDocument": role.assume_role_policy_document, "RolePolicyList": inline,
            "AttachedManagedPolicies": attached_policies(Some(&managed)), "PermissionsBoundary": permissions_boundary(bound),
            "Tags": tags(role.tags.as_deref()),
        });
        Ok(AccountAuthorizationDetails {
            roles: vec![without_nulls(role)],
            policies,
            ..AccountAuthorizationDetails::default()
        })
    }

    fn user(&self, name: &str) -> Result<AccountAuthorizationDetails, PortError> {
        const INLINE: &str = "list the policies of the user (iam:ListUserPolicies)";
        const READ: &str = "read a policy of the user (iam:GetUserPolicy)";
        const ATTACHED: &str = "list the attached policies of the user (iam:ListAttachedUserPolicies)";
        let client = self.client();
        let found = call_once!(self, client.get_user().user_name(name), USER, name)?;
        let user = found
            .user
            .ok_or_else(|| port_error(USER, name, PortErrorKind::Unavailable, "the response is empty"))?;
        let mut inline = Vec::new();
        let names = paginate!(self, client.list_user_policies().user_name(name), found => found.policy_names, INLINE, name);
        for policy in names {
            let call = client.get_user_policy().user_name(name).policy_name(&policy);
            let found = call_once!(self, call, READ, format!("{name}: {policy}"))?;
            inline.push(inline_policy(&policy, &found.policy_document));
        }
        let mut managed: Vec<AttachedPolicy> = paginate!(
            self,
            client.list_attached_user_policies().user_name(name),
            found => found.attached_policies.unwrap_or_default(),
            ATTACHED,
            name
        );
        let own = attached_policies(Some(&managed));
        let groups = paginate!(self, client.list_groups_for_user().user_name(name), found => found.groups, GROUPS, name);
        let (mut members, mut details) = (Vec::new(), Vec::new());
        for group in groups {
            let (detail, more) = self.group(&group.group_name, &group.arn)?;
            members.push(group.group_name);
            details.push(detail);
            managed.extend(more);
        }
        let bound = user.permissions_boundary.as_ref();
        let policies = self.policies(
            managed
                .iter()
                .filter_map(|policy| policy.policy_arn.as_deref())
                .chain(bound.and_then(|bound| bound.permissions_boundary_arn.as_deref())),
        )?;
        let user = json!({
            "Path": user.path, "UserName": user.user_name, "UserId": user.user_id, "Arn": user.arn,
            "UserPolicyList": inline, "GroupList": members, "AttachedManagedPolicies": own,
            "PermissionsBoundary": permissions_boundary(bound), "Tags": tags(user.tags.as_deref()),
        });
        Ok(AccountAuthorizationDetails {
            users: vec![without_nulls(user)],
            groups: details,
            policies,
            ..AccountAuthorizationDetails::default()
        })
    }

    /// A group, and its attached managed policies.
    fn group(&self, name: &str, arn: &str) -> Result<(Value, Vec<AttachedPolicy>), PortError> {
        const INLINE: &str = "list the policies of the group (iam:ListGroupPolicies)";
        const READ: &str = "read a policy of the group (iam:GetGroupPolicy)";
        const ATTACHED: &str = "list the attached policies of the group (iam:ListAttachedGroupPolicies)";
        let client = self.client();
        let mut inline = Vec::new();
        let names = paginate!(self, client.list_group_policies().group_name(name), found => found.policy_names, INLINE, name);
        for policy in names {
            let call = client.get_group_policy().group_name(name).policy_name(&policy);
            let found = call_once!(self, call, READ, format!("{name}: {policy}"))?;
            inline.push(inline_policy(&policy, &found.policy_document));
        }
        let managed: Vec<AttachedPolicy> = paginate!(
            self,
            client.list_attached_group_policies().group_name(name),
            found => found.attached_policies.unwrap_or_default(),
            ATTACHED,
            name
        );
        let group = json!({
            "GroupName": name, "Arn": arn, "GroupPolicyList": inline,
            "AttachedManagedPolicies": attached_policies(Some(&managed)),
        });
        Ok((group, managed))
    }

    /// Managed policies by their ARNs, each once.
    fn policies<'p>(&self, arns: impl Iterator<Item = &'p str>) -> Result<Vec<Value>, PortError> {
        let client = self.client();
        let arns: BTreeSet<&str> = arns.collect();
        let mut policies = BTreeMap::new();
        for arn in arns {
            let found = call_once!(self, client.get_policy().policy_arn(arn), POLICY, arn)?;
            let version = found.policy.and_then(|policy| policy.default_version_id);
            let version = version.ok_or_else(|| {
                port_error(POLICY, arn, PortErrorKind::Unavailable, "the response names no default version")
            })?;
            let call = client.get_policy_version().policy_arn(arn).version_id(&version);
            let found = call_once!(self, call, VERSION, arn)?;
            let document = found.policy_version.and_then(|version| version.document);
            policies.insert(arn, managed_policy(arn, &version, document.as_deref()));
        }
        Ok(policies.into_values().collect())
    }
}
