//! Credentials for other accounts: assumes a role there and checks which credentials it got.
//!
//! Enters: accounts, and the name of a role in each of them. Leaves: credentials of that role, refreshed before they
//! expire. Law: another account is read only through a role in that account.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

use super::{
    error::{port_error, sdk_error},
    session::AwsSession,
};
use onlooker_core::ports::{PortError, PortErrorKind};

const ASSUME_ROLE: &str = "assume the role (sts:AssumeRole)";

/// Role session name in other accounts, visible in their CloudTrail events.
const SESSION_NAME: &str = "onlooker";

/// Credentials that expire within this time are refreshed.
const REFRESH_MARGIN: Duration = Duration::from_secs(300);

/// The account of the session, and the role in other accounts.
#[derive(Debug)]
pub(super) struct CrossAccountCredentials {
    pub(super) aws: AwsSession,
    account: String,
    role_name: Option<String>,
    sessions: Mutex<HashMap<String, (SharedCredentialsProvider, SystemTime)>>,
}

impl CrossAccountCredentials {
    /// From `account`, the account of `aws`, to accounts in which `role` can be assumed.
    pub(super) fn new(aws: AwsSession, account: String, role: Option<String>) -> Self {
        Self { aws, account, role_name: role, sessions: Mutex::default() }
    }

    /// Credentials for calls to an account; none for the account of the session.
    pub(super) fn credentials(
        &self,
        operation: &'static str,
        account: &str,
        region: &str,
    ) -> Result<Option<SharedCredentialsProvider>, PortError> {
        if account == self.account {
            return Ok(None);
        }
        let Some(role) = &self.role_name else {
            let said = format!(
                "these are credentials of account {}; set `lookup.role` to a role to assume in the other account",
                self.account
            );
            return Err(port_error(operation, account, PortErrorKind::AccessDenied, said));
        };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((provider, until)) = sessions.get(account)
            && *until > SystemTime::now() + REFRESH_MARGIN
        {
            return Ok(Some(provider.clone()));
        }
        let arn = format!("arn:{}:iam::{account}:role/{role}", partition_of_region(region));
        let assume = self.aws.sts().assume_role().role_arn(&arn).role_session_name(SESSION_NAME);
        let assumed =
            self.aws.block_on(assume.send()).map_err(|error| sdk_error(ASSUME_ROLE, &arn, &error))?;
        let given = assumed.credentials.ok_or_else(|| {
            port_error(ASSUME_ROLE, &arn, PortErrorKind::Unavailable, "the response has no credentials")
        })?;
        let until = SystemTime::try_from(given.expiration).unwrap_or(SystemTime::UNIX_EPOCH);
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(until),
            SESSION_NAME,
        );
        let provider = SharedCredentialsProvider::new(credentials);
        sessions.insert(account.to_owned(), (provider.clone(), until));
        Ok(Some(provider))
    }
}

/// The AWS partition of a region.
pub(super) fn partition_of_region(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
