//! AWS Organizations as [`Organization`].
//!
//! Enters: an account. Leaves: the policies of each level above it, from the root down. Laws: an account nobody bounds has
//! no levels; one that is in no organization we may look into is refused, and never unbounded.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_sdk_organizations::types::{ParentType, PolicyType};
use aws_sdk_sts::error::ProvideErrorMetadata as _;

use super::{
    failure::{failed, failure},
    session::Aws,
};
use onlooker_core::{
    grants::{Origin, Policy},
    ports::{Control, FailureKind, Organization, PortError},
};

const DESCRIBE: &str = "look at the organization of (organizations:DescribeOrganization)";
const PARENTS: &str = "look for what is above (organizations:ListParents)";
const LIST: &str = "list the policies of (organizations:ListPoliciesForTarget)";
const READ: &str = "read the policy (organizations:DescribePolicy)";

/// Levels between the root and an account; AWS allows five of units.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html> (2026-11)
const DEEPEST: usize = 12;

/// The organization we are in, seen from the account that manages it or from a delegated one.
#[derive(Debug)]
pub struct OrganizationPolicies {
    aws: Aws,
    known: Mutex<HashMap<String, Policy>>,
}

impl OrganizationPolicies {
    /// The organization `aws` belongs to.
    pub fn new(aws: Aws) -> Self {
        Self { aws, known: Mutex::default() }
    }

    /// The account, its units and the root, from the root down. Nothing where no policy of an organization can bound it.
    fn chain(&self, account: &str) -> Result<Option<Vec<String>>, PortError> {
        let client = self.aws.organizations();
        let found = match self.aws.wait(client.describe_organization().send()) {
            Ok(found) => found,
            Err(error) if error.code() == Some("AWSOrganizationsNotInUseException") => return Ok(None),
            Err(error) => return Err(failed(DESCRIBE, account, &error)),
        };
        // Its policies do not bound the account that manages it.
        if found.organization.and_then(|found| found.master_account_id).as_deref() == Some(account) {
            return Ok(None);
        }
        let mut chain = vec![account.to_owned()];
        let mut child = account.to_owned();
        while chain.len() < DEEPEST {
            let found = self.aws.wait(client.list_parents().child_id(&child).send());
            let found = found.map_err(|error| match error.code() {
                Some("ChildNotFoundException") => {
                    failure(PARENTS, &child, FailureKind::Denied, "it is not in our organization")
                }
                _ => failed(PARENTS, &child, &error),
            })?;
            let parent = found.parents.unwrap_or_default().into_iter().next();
            let Some((id, kind)) = parent.and_then(|parent| parent.id.zip(parent.r#type)) else {
                return Err(failure(PARENTS, &child, FailureKind::Unavailable, "the answer names no parent"));
            };
            chain.push(id.clone());
            if kind == ParentType::Root {
                chain.reverse();
                return Ok(Some(chain));
            }
            child = id;
        }
        Err(failure(PARENTS, account, FailureKind::Other, "there is no end to what is above it"))
    }

    /// The policies attached to a level.
    fn level(&self, target: &str, control: Control) -> Result<Vec<Policy>, PortError> {
        let filter = match control {
            Control::Service => PolicyType::ServiceControlPolicy,
            Control::Resource => PolicyType::ResourceControlPolicy,
        };
        let (mut policies, mut token) = (Vec::new(), None);
        loop {
            let list = self.aws.organizations().list_policies_for_target();
            let list = list.target_id(target).filter(filter.clone()).set_next_token(token);
            let found = self.aws.wait(list.send()).map_err(|error| failed(LIST, target, &error))?;
            for summary in found.policies.unwrap_or_default() {
                let id = summary.id.unwrap_or_default();
                policies.push(self.policy(&id)?);
            }
            token = found.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(policies);
            }
        }
    }

    fn policy(&self, id: &str) -> Result<Policy, PortError> {
        let known = |known: &Mutex<HashMap<String, Policy>>| {
            known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
        };
        if let Some(policy) = known(&self.known) {
            return Ok(policy);
        }
        let describe = self.aws.organizations().describe_policy().policy_id(id);
        let found = self.aws.wait(describe.send()).map_err(|error| failed(READ, id, &error))?;
        let found = found.policy.and_then(|policy| Some((policy.policy_summary?.arn?, policy.content?)));
        let Some((arn, text)) = found else {
            return Err(failure(READ, id, FailureKind::Unavailable, "the answer holds no policy"));
        };
        let policy = Policy { name: arn.into(), origin: Origin::Given, text: text.into() };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(id.to_owned(), policy.clone());
        Ok(policy)
    }
}

impl Organization for OrganizationPolicies {
    fn above(&self, account: &str, control: Control) -> Result<Vec<Vec<Policy>>, PortError> {
        let Some(chain) = self.chain(account)? else { return Ok(Vec::new()) };
        let levels: Vec<Vec<Policy>> =
            chain.iter().map(|target| self.level(target, control)).collect::<Result<_, _>>()?;
        // Where this type of policy is in use, every level has one; an empty level means that it is not.
        Ok(levels.into_iter().filter(|level| !level.is_empty()).collect())
    }
}
