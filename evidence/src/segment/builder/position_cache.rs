//! Caches the positions of actors and call keys by the fields of a record.
//!
//! Enters: a record. Leaves: the positions of its actor and its call key, without building either when the same
//! fields occurred before. Law: a cached position equals the one that `build` returns for the same fields; dropping
//! an entry changes nothing.

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::{
    event::{
        CallResult, Outcome,
        content::{keeps_resources, named_secrets},
        delivery_resources, issued_credentials_arn,
    },
    record::{Record, RecordError, RequestFeatures},
};

/// Maximum number of bytes of cached keys, for actors and for call keys each.
const MAX_KEY_BYTES: usize = 8 << 20;

#[derive(Default)]
pub(super) struct PositionCache {
    actors: KeyPositions,
    call_keys: KeyPositions,
    key: Vec<u8>,
}

impl PositionCache {
    #[inline]
    pub(super) fn actor(
        &mut self,
        record: &Record<'_>,
        build: impl FnOnce() -> Result<u32, RecordError>,
    ) -> Result<u32, RecordError> {
        let Record { recipient_account_id: recipient, region, user_identity: identity, .. } = record;
        self.key.clear();
        for text in [
            recipient,
            region,
            &identity.kind,
            &identity.arn,
            &identity.account_id,
            &identity.principal_id,
            &identity.user_name,
            &identity.invoked_by,
            &identity.identity_provider,
            &identity.issuer_arn,
            &identity.issuer_account_id,
            &identity.issuer_user_name,
            &identity.source_identity,
            &identity.on_behalf_of_user_id,
            &identity.identity_store_arn,
        ] {
            push_key_part(&mut self.key, text.as_ref());
        }
        self.actors.get_or_insert(&self.key, build)
    }

    #[inline]
    pub(super) fn call_key(
        &mut self,
        record: &Record<'_>,
        build: impl FnOnce() -> Result<u32, RecordError>,
    ) -> Result<u32, RecordError> {
        let Record { event_source, event_name, event_type, event_category, error_code, .. } = record;
        self.key.clear();
        let flags = [record.management_event, record.read_only, record.session_credential_from_console];
        self.key.extend(flags.map(|flag| flag.map_or(2, u8::from)));
        self.key.extend(RequestFeatures::of(record).bits().to_le_bytes());
        let texts = [
            event_source,
            event_name,
            event_type,
            event_category,
            error_code,
            &record.user_identity.invoked_by,
        ];
        for text in texts {
            push_key_part(&mut self.key, text.as_ref());
        }
        for resource in &record.resources {
            push_key_part(&mut self.key, resource.kind.as_ref());
            if keeps_resources(record) {
                push_key_part(&mut self.key, resource.arn.as_ref());
            }
        }
        for name in named_secrets(record) {
            self.key.push(END);
            push_key_part(&mut self.key, Some(&Cow::Owned(name)));
        }
        // Of a response only the issued credentials matter. For sign-in events the whole response is part of the key.
        if let Some(assumed) = issued_credentials_arn(record) {
            self.key.push(END);
            push_key_part(&mut self.key, Some(&assumed));
        }
        // Of a message only what it says about a denial matters.
        let result = CallResult::of(record);
        if result.outcome == Outcome::Denied {
            self.key.push(END);
            self.key.push(result.denied_by.map_or(ABSENT, |policy| policy as u8));
            push_key_part(&mut self.key, result.denied_action.map(Cow::Borrowed).as_ref());
        }
        for name in delivery_resources(record) {
            self.key.push(END);
            push_key_part(&mut self.key, Some(&Cow::Owned(name)));
        }
        let api_call = matches!(event_type.as_deref(), Some("AwsApiCall" | "AwsServiceEvent"));
        if let Some(response) = record.response_elements.filter(|_| !api_call) {
            self.key.push(END);
            self.key.extend_from_slice(response.as_bytes());
        }
        self.call_keys.get_or_insert(&self.key, build)
    }
}

/// Neither byte occurs in UTF-8, so keys of different fields differ.
const END: u8 = 0xff;
const ABSENT: u8 = 0xfe;

fn push_key_part(key: &mut Vec<u8>, text: Option<&Cow<'_, str>>) {
    match text {
        Some(text) => {
            key.extend_from_slice(text.as_bytes());
            key.push(END);
        }
        None => key.push(ABSENT),
    }
}

#[derive(Default)]
struct KeyPositions {
    positions: HashMap<Box<[u8]>, u32>,
    bytes: usize,
}

impl KeyPositions {
    fn get_or_insert(
        &mut self,
        key: &[u8],
        build: impl FnOnce() -> Result<u32, RecordError>,
    ) -> Result<u32, RecordError> {
        if let Some(at) = self.positions.get(key) {
            return Ok(*at);
        }
        let at = build()?;
        if self.bytes > MAX_KEY_BYTES {
            self.positions.clear();
            self.bytes = 0;
        }
        self.bytes += key.len() + 64;
        self.positions.insert(key.into(), at);
        Ok(at)
    }
}
