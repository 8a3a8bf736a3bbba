//! Credentials for accounts that are not ours.
//!
//! Enters: accounts, and the name of a role in each of them. Leaves: credentials of that role, asked for again before they
//! end. Law: an account that is not ours is looked at through a role there, and through nothing else.

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

/// Name of our sessions in other accounts: their owners read it in their trail.
const SESSION_NAME: &str = "onlooker";

/// Credentials that end sooner than this are asked for again.
const REFRESH_MARGIN: Duration = Duration::from_secs(300);

/// Our account, and the role in others.
#[derive(Debug)]
pub(super) struct CrossAccountCredentials {
    pub(super) aws: AwsSession,
    account: String,
    role_name: Option<String>,
    sessions: Mutex<HashMap<String, (SharedCredentialsProvider, SystemTime)>>,
}

impl CrossAccountCredentials {
    /// From `account`, which `aws` belongs to, to accounts in which `role` may be assumed.
    pub(super) fn new(aws: AwsSession, account: String, role: Option<String>) -> Self {
        Self { aws, account, role_name: role, sessions: Mutex::default() }
    }

    /// Credentials for what is to be done in an account; none where our own will do.
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
            let said =
                format!("this is account {}; name a role to assume there in `lookup.role`", self.account);
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
            port_error(ASSUME_ROLE, &arn, PortErrorKind::Unavailable, "the answer holds no credentials")
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

/// The partition of AWS a region belongs to.
pub(super) fn partition_of_region(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
