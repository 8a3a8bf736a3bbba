//! The CloudTrail event history as a [`CloudTrailApi`].
//!
//! Enters: an account, a region and a period of time. Leaves: one page of records. Laws: one lookup is one request,
//! which is never retried here; another account is read only through a role in that account.

use aws_sdk_cloudtrail::{config::Region, primitives::DateTime};

use super::{cross_account::CrossAccountCredentials, error::sdk_error, session::AwsSession};
use onlooker_core::ports::{CloudTrailApi, LookupPage, LookupRequest, PortError};

const LOOKUP: &str = "look up events (cloudtrail:LookupEvents) of";

/// The CloudTrail event history of the account of the session, and of other accounts through a role with the same
/// name in each.
#[derive(Debug)]
pub struct EventHistory {
    cross_account: CrossAccountCredentials,
}

impl EventHistory {
    /// The event history of `account`, the account of `aws`, and of accounts in which `role` can be assumed.
    pub fn new(aws: AwsSession, account: impl Into<String>, role: Option<String>) -> Self {
        Self { cross_account: CrossAccountCredentials::new(aws, account.into(), role) }
    }
}

impl CloudTrailApi for EventHistory {
    fn lookup_events(&self, lookup: LookupRequest<'_>) -> Result<LookupPage, PortError> {
        let LookupRequest { account, region, since, until, token } = lookup;
        let mut config =
            aws_sdk_cloudtrail::config::Builder::default().region(Region::new(region.to_owned()));
        if let Some(credentials) = self.cross_account.credentials(LOOKUP, account, region)? {
            config.set_credentials_provider(Some(credentials));
        }
        // CloudTrail includes both ends of the period. Events of the last second may be listed twice, which changes
        // nothing. A shorter period could miss fractions of a second.
        let aws = &self.cross_account.aws;
        let call = aws
            .cloudtrail()
            .lookup_events()
            .start_time(DateTime::from_secs(i64::from(since.0)))
            .end_time(DateTime::from_secs(i64::from(until.0)))
            .set_next_token(token.map(str::to_owned))
            .customize()
            .config_override(config);
        let found =
            aws.block_on(call.send()).map_err(|error| sdk_error(LOOKUP, lookup.to_string(), &error))?;
        let records = found.events.unwrap_or_default().into_iter().map(|event| {
            // An event without its record is passed on, so that it counts as unreadable.
            event.cloud_trail_event.unwrap_or_else(|| {
                serde_json::json!({ "eventID": event.event_id, "eventName": event.event_name }).to_string()
            })
        });
        Ok(LookupPage {
            records: records.collect(),
            next_token: found.next_token.filter(|token| !token.is_empty()),
        })
    }
}
