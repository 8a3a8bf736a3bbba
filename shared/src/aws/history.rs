//! CloudTrail's event history as a [`Trail`].
//!
//! Enters: accounts, regions, spans of time. Leaves: one page of records each. Laws: one look-up is one request, whatever
//! comes of it; an account that is not ours is looked at through a role there, and through nothing else.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_cloudtrail::{
    config::{Credentials, Region, SharedCredentialsProvider},
    primitives::DateTime,
};

use super::{
    failure::{failed, failure},
    session::Aws,
};
use crate::ports::{FailureKind, Lookup, Page, PortError, Trail};

const LOOKUP: &str = "look up events of (cloudtrail:LookupEvents)";
const ASSUME: &str = "assume the role (sts:AssumeRole)";

/// Name of our sessions in other accounts: their owners read it in their trail.
const SESSION: &str = "onlooker";

/// Credentials that end sooner than this are asked for again.
const SOON: Duration = Duration::from_secs(300);

/// CloudTrail's event history of our account, and of others through a role of one name in each.
#[derive(Debug)]
pub struct EventHistory {
    aws: Aws,
    account: String,
    role: Option<String>,
    sessions: Mutex<HashMap<String, (SharedCredentialsProvider, SystemTime)>>,
}

impl EventHistory {
    /// The history of `account`, which `aws` belongs to, and of accounts in which `role` may be assumed.
    pub fn new(aws: Aws, account: impl Into<String>, role: Option<String>) -> Self {
        Self { aws, account: account.into(), role, sessions: Mutex::default() }
    }

    /// Credentials for an account; none where our own will do.
    fn credentials(
        &self,
        account: &str,
        region: &str,
    ) -> Result<Option<SharedCredentialsProvider>, PortError> {
        if account == self.account {
            return Ok(None);
        }
        let Some(role) = &self.role else {
            let said =
                format!("this is account {}; name a role to assume there in `lookup.role`", self.account);
            return Err(failure(LOOKUP, account, FailureKind::Denied, said));
        };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((provider, until)) = sessions.get(account)
            && *until > SystemTime::now() + SOON
        {
            return Ok(Some(provider.clone()));
        }
        let arn = format!("arn:{}:iam::{account}:role/{role}", partition(region));
        let assume = self.aws.sts().assume_role().role_arn(&arn).role_session_name(SESSION);
        let assumed = self.aws.wait(assume.send()).map_err(|error| failed(ASSUME, &arn, &error))?;
        let given = assumed.credentials.ok_or_else(|| {
            failure(ASSUME, &arn, FailureKind::Unavailable, "the answer holds no credentials")
        })?;
        let until = SystemTime::try_from(given.expiration).unwrap_or(SystemTime::UNIX_EPOCH);
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(until),
            SESSION,
        );
        let provider = SharedCredentialsProvider::new(credentials);
        sessions.insert(account.to_owned(), (provider.clone(), until));
        Ok(Some(provider))
    }
}

impl Trail for EventHistory {
    fn lookup(&self, lookup: Lookup<'_>) -> Result<Page, PortError> {
        let Lookup { account, region, since, until, token } = lookup;
        let mut config =
            aws_sdk_cloudtrail::config::Builder::default().region(Region::new(region.to_owned()));
        if let Some(credentials) = self.credentials(account, region)? {
            config.set_credentials_provider(Some(credentials));
        }
        // CloudTrail counts both ends in. What happens in the last moment may be listed twice, which changes nothing;
        // to ask for less would miss fractions of a second, if there are any.
        let call = self
            .aws
            .cloudtrail()
            .lookup_events()
            .start_time(DateTime::from_secs(i64::from(since.0)))
            .end_time(DateTime::from_secs(i64::from(until.0)))
            .set_next_token(token.map(str::to_owned))
            .customize()
            .config_override(config);
        let found = self.aws.wait(call.send()).map_err(|error| failed(LOOKUP, lookup.to_string(), &error))?;
        let records = found.events.unwrap_or_default().into_iter().map(|event| {
            // An event without its record still was one: it is passed on, for the reader to find it unreadable.
            event.cloud_trail_event.unwrap_or_else(|| {
                serde_json::json!({ "eventID": event.event_id, "eventName": event.event_name }).to_string()
            })
        });
        Ok(Page { records: records.collect(), next: found.next_token.filter(|token| !token.is_empty()) })
    }
}

/// The partition of AWS a region belongs to.
fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
