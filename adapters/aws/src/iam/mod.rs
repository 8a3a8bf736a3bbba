//! IAM as [`Authorizations`].
//!
//! Enters: accounts and ARNs. Leaves: policies as `aws iam get-account-authorization-details` prints them, and answers of
//! the simulator. Laws: a call is made once, whatever comes of it: who asks backs off; an account that is not ours is
//! looked at through a role there.

mod details;
mod principal;

use aws_sdk_iam::{
    config::Builder, operation::simulate_principal_policy::builders::SimulatePrincipalPolicyFluentBuilder,
};

use self::details::Details;
use super::{
    elsewhere::Elsewhere,
    failure::{failed, failure},
    session::Aws,
};
use onlooker_core::{
    grants::Snapshot,
    ports::{Authorizations, DetailsPage, FailureKind, PortError, Simulated},
};

const DETAILS: &str = "read the policies of account (iam:GetAccountAuthorizationDetails)";
const SIMULATE: &str = "simulate the policies of (iam:SimulatePrincipalPolicy)";

/// Most entries of a page: what the API takes.
const PAGE: i32 = 1_000;

/// Policies of our account, and of others through a role of one name in each.
#[derive(Debug)]
pub struct AccountPolicies {
    elsewhere: Elsewhere,
}

impl AccountPolicies {
    /// The policies of `account`, which `aws` belongs to, and of accounts in which `role` may be assumed.
    pub fn new(aws: Aws, account: impl Into<String>, role: Option<String>) -> Self {
        Self { elsewhere: Elsewhere::new(aws, account.into(), role) }
    }

    /// What calls to an account are made with.
    fn at(&self, operation: &'static str, account: &str) -> Result<Builder, PortError> {
        let aws = &self.elsewhere.aws;
        let mut config = Builder::default();
        if let Some(credentials) = self.elsewhere.credentials(operation, account, aws.region())? {
            config.set_credentials_provider(Some(credentials));
        }
        Ok(config)
    }

    fn question(&self, snapshot: &Snapshot, actions: &[&str]) -> SimulatePrincipalPolicyFluentBuilder {
        let boundary = snapshot.boundary.as_ref().map(|policy| vec![policy.text.to_string()]);
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        self.elsewhere
            .aws
            .iam()
            .simulate_principal_policy()
            .policy_source_arn(&*snapshot.principal)
            .set_permissions_boundary_policy_input_list(boundary)
            .set_action_names(Some(actions))
            .max_items(PAGE)
    }
}

impl Authorizations for AccountPolicies {
    fn details(&self, account: &str, page: Option<&str>) -> Result<DetailsPage, PortError> {
        let config = self.at(DETAILS, account)?;
        let aws = &self.elsewhere.aws;
        let call = aws.iam().get_account_authorization_details().max_items(PAGE);
        let call = call.set_marker(page.map(str::to_owned)).customize().config_override(config);
        let found = aws.wait(call.send()).map_err(|error| failed(DETAILS, account, &error))?;
        let next = found.marker.clone().filter(|marker| found.is_truncated && !marker.is_empty());
        if found.is_truncated && next.is_none() {
            let said = "the answer says that more follows, and not where";
            return Err(failure(DETAILS, account, FailureKind::Unavailable, said));
        }
        Ok(DetailsPage { text: Details::from(found).text(), next })
    }

    fn principal(&self, arn: &str) -> Result<Option<String>, PortError> {
        let account = account_of(arn);
        let config = self.at(principal::ROLE, account)?;
        principal::Reader { aws: &self.elsewhere.aws, config }.read(arn)
    }

    fn simulate(&self, snapshot: &Snapshot, actions: &[&str]) -> Result<Vec<Simulated>, PortError> {
        let (aws, arn) = (&self.elsewhere.aws, &*snapshot.principal);
        let (mut answers, mut marker) = (Vec::new(), None);
        loop {
            let config = self.at(SIMULATE, account_of(arn))?;
            let call = self.question(snapshot, actions).set_marker(marker);
            let found = aws.wait(call.customize().config_override(config).send());
            let found = found.map_err(|error| failed(SIMULATE, arn, &error))?;
            answers.extend(found.evaluation_results.unwrap_or_default().into_iter().map(|result| {
                Simulated {
                    action: result.eval_action_name,
                    decision: result.eval_decision.as_str().to_owned(),
                }
            }));
            marker = found.marker.filter(|marker| found.is_truncated && !marker.is_empty());
            if marker.is_none() {
                return Ok(answers);
            }
        }
    }
}

/// The account of an ARN.
fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}
