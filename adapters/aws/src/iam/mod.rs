//! IAM as [`IamApi`].
//!
//! Enters: accounts and ARNs. Leaves: policies as `aws iam get-account-authorization-details` prints them, and
//! results of the IAM policy simulator. Laws: a call is never retried here, since the caller backs off; another
//! account is read only through a role in that account.

mod details;
mod principal;

use aws_sdk_iam::{
    config::Builder, operation::simulate_principal_policy::builders::SimulatePrincipalPolicyFluentBuilder,
};

use self::details::AccountAuthorizationDetails;
use super::{
    cross_account::CrossAccountCredentials,
    error::{port_error, sdk_error},
    session::AwsSession,
};
use onlooker_core::{
    grants::PolicySnapshot,
    ports::{AuthorizationDetailsPage, IamApi, PortError, PortErrorKind, SimulationResult},
};

const DETAILS: &str = "read the policies (iam:GetAccountAuthorizationDetails) of account";
const SIMULATE: &str = "simulate the policies (iam:SimulatePrincipalPolicy) of";

/// Maximum number of entries of a page that the API allows.
const PAGE_SIZE: i32 = 1_000;

/// Policies of the account of the session, and of other accounts through a role with the same name in each.
#[derive(Debug)]
pub struct AccountPolicies {
    cross_account: CrossAccountCredentials,
}

impl AccountPolicies {
    /// The policies of `account`, the account of `aws`, and of accounts in which `role` can be assumed.
    pub fn new(aws: AwsSession, account: impl Into<String>, role: Option<String>) -> Self {
        Self { cross_account: CrossAccountCredentials::new(aws, account.into(), role) }
    }

    /// The configuration of calls to an account.
    fn config_for(&self, operation: &'static str, account: &str) -> Result<Builder, PortError> {
        let aws = &self.cross_account.aws;
        let mut config = Builder::default();
        if let Some(credentials) = self.cross_account.credentials(operation, account, aws.region())? {
            config.set_credentials_provider(Some(credentials));
        }
        Ok(config)
    }

    fn simulate_request(
        &self,
        snapshot: &PolicySnapshot,
        actions: &[&str],
    ) -> SimulatePrincipalPolicyFluentBuilder {
        let boundary = snapshot.permissions_boundary.as_ref().map(|policy| vec![policy.text.to_string()]);
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        self.cross_account
            .aws
            .iam()
            .simulate_principal_policy()
            .policy_source_arn(&*snapshot.principal)
            .set_permissions_boundary_policy_input_list(boundary)
            .set_action_names(Some(actions))
            .max_items(PAGE_SIZE)
    }
}

impl IamApi for AccountPolicies {
    fn account_authorization_details(
        &self,
        account: &str,
        page: Option<&str>,
    ) -> Result<AuthorizationDetailsPage, PortError> {
        let config = self.config_for(DETAILS, account)?;
        let aws = &self.cross_account.aws;
        let call = aws.iam().get_account_authorization_details().max_items(PAGE_SIZE);
        let call = call.set_marker(page.map(str::to_owned)).customize().config_override(config);
        let found = aws.block_on(call.send()).map_err(|error| sdk_error(DETAILS, account, &error))?;
        let next = found.marker.clone().filter(|marker| found.is_truncated && !marker.is_empty());
        if found.is_truncated && next.is_none() {
            let said = "the response is truncated and has no marker";
            return Err(port_error(DETAILS, account, PortErrorKind::Unavailable, said));
        }
        Ok(AuthorizationDetailsPage {
            text: AccountAuthorizationDetails::from(found).to_json(),
            next_marker: next,
        })
    }

    fn principal_details(&self, arn: &str) -> Result<Option<String>, PortError> {
        let account = account_of_arn(arn);
        let config = self.config_for(principal::ROLE, account)?;
        principal::PrincipalReader { aws: &self.cross_account.aws, config }.read(arn)
    }

    fn simulate(
        &self,
        snapshot: &PolicySnapshot,
        actions: &[&str],
    ) -> Result<Vec<SimulationResult>, PortError> {
        let (aws, arn) = (&self.cross_account.aws, &*snapshot.principal);
        let (mut results, mut marker) = (Vec::new(), None);
        loop {
            let config = self.config_for(SIMULATE, account_of_arn(arn))?;
            let call = self.simulate_request(snapshot, actions).set_marker(marker);
            let found = aws.block_on(call.customize().config_override(config).send());
            let found = found.map_err(|error| sdk_error(SIMULATE, arn, &error))?;
            results.extend(found.evaluation_results.unwrap_or_default().into_iter().map(|result| {
                SimulationResult {
                    action: result.eval_action_name,
                    decision: result.eval_decision.as_str().to_owned(),
                }
            }));
            marker = found.marker.filter(|marker| found.is_truncated && !marker.is_empty());
            if marker.is_none() {
                return Ok(results);
            }
        }
    }
}

/// The account of an ARN.
fn account_of_arn(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}
