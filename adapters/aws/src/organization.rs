//! AWS Organizations as [`OrganizationsApi`].
//!
//! Enters: an account. Leaves: the policies of each level from the root to the account. Laws: an account to which no
//! policies of an organization apply has no levels; an account outside the organization is an error, and never an
//! account without limits.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_sdk_organizations::types::{ParentType, PolicyType};
use aws_sdk_sts::error::ProvideErrorMetadata as _;

use super::{
    error::{port_error, sdk_error},
    session::AwsSession,
};
use onlooker_core::{
    grants::{Policy, PolicyOrigin},
    ports::{OrganizationPolicyType, OrganizationsApi, PortError, PortErrorKind},
};

const DESCRIBE_ORGANIZATION: &str =
    "describe the organization (organizations:DescribeOrganization) of account";
const LIST_PARENTS: &str = "list the parents (organizations:ListParents) of";
const LIST_POLICIES: &str = "list the policies (organizations:ListPoliciesForTarget) of";
const DESCRIBE_POLICY: &str = "read the policy (organizations:DescribePolicy)";

/// Maximum number of levels from an account to the root; AWS allows five levels of organizational units.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html> (2026-11)
const MAX_DEPTH: usize = 12;

/// The organization of the session, read from the management account or a delegated administrator account.
#[derive(Debug)]
pub struct OrganizationPolicies {
    aws: AwsSession,
    policy_cache: Mutex<HashMap<String, Policy>>,
}

impl OrganizationPolicies {
    /// The organization `aws` belongs to.
    pub fn new(aws: AwsSession) -> Self {
        Self { aws, policy_cache: Mutex::default() }
    }

    /// The root, the organizational units and the account, in this order; none if no policies of an organization
    /// apply to the account.
    fn path_from_root(&self, account: &str) -> Result<Option<Vec<String>>, PortError> {
        let client = self.aws.organizations();
        let found = match self.aws.block_on(client.describe_organization().send()) {
            Ok(found) => found,
            Err(error) if error.code() == Some("AWSOrganizationsNotInUseException") => return Ok(None),
            Err(error) => return Err(sdk_error(DESCRIBE_ORGANIZATION, account, &error)),
        };
        // Policies of the organization do not limit the management account.
        if found.organization.and_then(|found| found.master_account_id).as_deref() == Some(account) {
            return Ok(None);
        }
        let mut chain = vec![account.to_owned()];
        let mut child = account.to_owned();
        while chain.len() < MAX_DEPTH {
            let found = self.aws.block_on(client.list_parents().child_id(&child).send());
            let found = found.map_err(|error| match error.code() {
                Some("ChildNotFoundException") => port_error(
                    LIST_PARENTS,
                    &child,
                    PortErrorKind::AccessDenied,
                    "the account is not in this organization",
                ),
                _ => sdk_error(LIST_PARENTS, &child, &error),
            })?;
            let parent = found.parents.unwrap_or_default().into_iter().next();
            let Some((id, kind)) = parent.and_then(|parent| parent.id.zip(parent.r#type)) else {
                return Err(port_error(
                    LIST_PARENTS,
                    &child,
                    PortErrorKind::Unavailable,
                    "the response names no parent",
                ));
            };
            chain.push(id.clone());
            if kind == ParentType::Root {
                chain.reverse();
                return Ok(Some(chain));
            }
            child = id;
        }
        Err(port_error(LIST_PARENTS, account, PortErrorKind::Other, "more than 12 levels above the account"))
    }

    /// The policies attached to a level.
    fn attached_policies(
        &self,
        target: &str,
        control: OrganizationPolicyType,
    ) -> Result<Vec<Policy>, PortError> {
        let filter = match control {
            OrganizationPolicyType::ServiceControl => PolicyType::ServiceControlPolicy,
            OrganizationPolicyType::ResourceControl => PolicyType::ResourceControlPolicy,
        };
        let (mut policies, mut token) = (Vec::new(), None);
        loop {
            let list = self.aws.organizations().list_policies_for_target();
            let list = list.target_id(target).filter(filter.clone()).set_next_token(token);
            let found =
                self.aws.block_on(list.send()).map_err(|error| sdk_error(LIST_POLICIES, target, &error))?;
            for summary in found.policies.unwrap_or_default() {
                let id = summary.id.unwrap_or_default();
                policies.push(self.describe_policy(&id)?);
            }
            token = found.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(policies);
            }
        }
    }

    fn describe_policy(&self, id: &str) -> Result<Policy, PortError> {
        let known = |known: &Mutex<HashMap<String, Policy>>| {
            known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
        };
        if let Some(policy) = known(&self.policy_cache) {
            return Ok(policy);
        }
        let describe = self.aws.organizations().describe_policy().policy_id(id);
        let found =
            self.aws.block_on(describe.send()).map_err(|error| sdk_error(DESCRIBE_POLICY, id, &error))?;
        let found = found.policy.and_then(|policy| Some((policy.policy_summary?.arn?, policy.content?)));
        let Some((arn, text)) = found else {
            return Err(port_error(
                DESCRIBE_POLICY,
                id,
                PortErrorKind::Unavailable,
                "the response has no policy",
            ));
        };
        let policy = Policy { name: arn.into(), origin: PolicyOrigin::Given, text: text.into() };
        let mut known = self.policy_cache.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(id.to_owned(), policy.clone());
        Ok(policy)
    }
}

impl OrganizationsApi for OrganizationPolicies {
    fn control_policies(
        &self,
        account: &str,
        control: OrganizationPolicyType,
    ) -> Result<Vec<Vec<Policy>>, PortError> {
        let Some(chain) = self.path_from_root(account)? else { return Ok(Vec::new()) };
        let levels: Vec<Vec<Policy>> =
            chain.iter().map(|target| self.attached_policies(target, control)).collect::<Result<_, _>>()?;
        // If this policy type is enabled, every level has a policy. An empty level means that it is not enabled.
        Ok(levels.into_iter().filter(|level| !level.is_empty()).collect())
    }
}
