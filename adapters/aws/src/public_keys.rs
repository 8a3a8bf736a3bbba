//! The public keys of CloudTrail.
//!
//! Enters: a region and a period of time. Leaves: the keys with which CloudTrail signs digest files there and then. Law: all
//! pages are read.

use aws_sdk_cloudtrail::{config::Region, primitives::DateTime};

use super::{
    error::{port_error, sdk_error},
    session::AwsSession,
};
use onlooker_core::{
    log_integrity::PublicKeys,
    ports::{PortError, PortErrorKind},
    time::Time,
};

const LIST_KEYS: &str = "list the public keys (cloudtrail:ListPublicKeys) of";

impl AwsSession {
    /// The public keys that are valid in a region between two times.
    ///
    /// # Errors
    /// If the call fails, or a key has no fingerprint or value.
    pub fn public_keys(&self, region: &str, since: Time, until: Time) -> Result<PublicKeys, PortError> {
        let mut keys = PublicKeys::default();
        let mut token = None;
        let time = |time: Time| DateTime::from_secs(i64::from(time.0));
        let read = |time: Option<DateTime>| time.and_then(|time| u32::try_from(time.secs()).ok()).map(Time);
        loop {
            let config =
                aws_sdk_cloudtrail::config::Builder::default().region(Region::new(region.to_owned()));
            let list = self.cloudtrail().list_public_keys().start_time(time(since)).end_time(time(until));
            let page = self.block_on(list.set_next_token(token).customize().config_override(config).send());
            let page = page.map_err(|error| sdk_error(LIST_KEYS, region, &error))?;
            for key in page.public_key_list.unwrap_or_default() {
                let validity = (read(key.validity_start_time), read(key.validity_end_time));
                let added = match (key.fingerprint, key.value) {
                    (Some(fingerprint), Some(value)) => {
                        keys.insert_der(&fingerprint, value.as_ref(), validity)
                    }
                    _ => Err("a key has no fingerprint or no value".to_owned()),
                };
                added.map_err(|said| port_error(LIST_KEYS, region, PortErrorKind::Other, said))?;
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(keys);
            }
        }
    }
}
