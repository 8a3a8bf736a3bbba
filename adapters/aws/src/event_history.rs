//! CloudTrail's event history as a [`Trail`].
//!
//! Enters: accounts, regions, spans of time. Leaves: one page of records each. Laws: one look-up is one request, whatever
//! comes of it; an account that is not ours is looked at through a role there, and through nothing else.

use aws_sdk_cloudtrail::{config::Region, primitives::DateTime};

use super::{cross_account::CrossAccountCredentials, error::sdk_error, session::AwsSession};
use onlooker_core::ports::{CloudTrailApi, LookupPage, LookupRequest, PortError};

const LOOKUP: &str = "look up events of (cloudtrail:LookupEvents)";

/// CloudTrail's event history of our account, and of others through a role of one name in each.
#[derive(Debug)]
pub struct EventHistory {
    cross_account: CrossAccountCredentials,
}

impl EventHistory {
    /// The history of `account`, which `aws` belongs to, and of accounts in which `role` may be assumed.
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
        // CloudTrail counts both ends in. What happens in the last moment may be listed twice, which changes nothing;
        // to ask for less would miss fractions of a second, if there are any.
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
            // An event without its record still was one: it is passed on, for the reader to find it unreadable.
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
