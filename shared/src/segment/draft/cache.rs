//! From the fields of a record straight to positions.
//!
//! Enters: a record. Leaves: the position of its actor and of its act, without building either when the same fields
//! were met before. Law: it only remembers what the slow way said for the same fields; forgetting changes nothing.

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::{
    event::{assumed, content::only_read},
    record::{Fault, Record},
};

/// Most bytes of keys remembered, for actors and acts each.
const ROOM: usize = 8 << 20;

#[derive(Default)]
pub(super) struct Cache {
    actors: Memory,
    acts: Memory,
    key: Vec<u8>,
}

impl Cache {
    pub(super) fn actor(
        &mut self,
        record: &Record<'_>,
        build: impl FnOnce() -> Result<u32, Fault>,
    ) -> Result<u32, Fault> {
        let Record { recipient, region, identity, .. } = record;
        self.key.clear();
        for text in [
            recipient,
            region,
            &identity.kind,
            &identity.arn,
            &identity.account,
            &identity.principal_id,
            &identity.user_name,
            &identity.invoked_by,
            &identity.provider,
            &identity.issuer_arn,
            &identity.issuer_account,
            &identity.issuer_name,
            &identity.source_identity,
            &identity.user_id,
            &identity.identity_store,
        ] {
            add(&mut self.key, text.as_ref());
        }
        self.actors.get_or(&self.key, build)
    }

    pub(super) fn act(
        &mut self,
        record: &Record<'_>,
        build: impl FnOnce() -> Result<u32, Fault>,
    ) -> Result<u32, Fault> {
        let Record { event_source, event_name, event_type, event_category, error_code, .. } = record;
        self.key.clear();
        let flags = [record.management, record.read_only, record.console];
        self.key.extend(flags.map(|flag| flag.map_or(2, u8::from)));
        let texts =
            [event_source, event_name, event_type, event_category, error_code, &record.identity.invoked_by];
        for text in texts {
            add(&mut self.key, text.as_ref());
        }
        for resource in &record.resources {
            add(&mut self.key, resource.kind.as_ref());
            if !only_read(record) {
                add(&mut self.key, resource.arn.as_ref());
            }
        }
        // Whose credentials were handed out is all that is looked at of an answer, but for that to a sign-in.
        if let Some(assumed) = assumed(record) {
            self.key.push(END);
            add(&mut self.key, Some(&assumed));
        }
        let api_call = matches!(event_type.as_deref(), Some("AwsApiCall" | "AwsServiceEvent"));
        if let Some(response) = record.response.filter(|_| !api_call) {
            self.key.push(END);
            self.key.extend_from_slice(response.as_bytes());
        }
        self.acts.get_or(&self.key, build)
    }
}

/// Neither byte occurs in UTF-8, so keys of different fields differ.
const END: u8 = 0xff;
const ABSENT: u8 = 0xfe;

fn add(key: &mut Vec<u8>, text: Option<&Cow<'_, str>>) {
    match text {
        Some(text) => {
            key.extend_from_slice(text.as_bytes());
            key.push(END);
        }
        None => key.push(ABSENT),
    }
}

#[derive(Default)]
struct Memory {
    known: HashMap<Box<[u8]>, u32>,
    bytes: usize,
}

impl Memory {
    fn get_or(&mut self, key: &[u8], build: impl FnOnce() -> Result<u32, Fault>) -> Result<u32, Fault> {
        if let Some(at) = self.known.get(key) {
            return Ok(*at);
        }
        let at = build()?;
        if self.bytes > ROOM {
            self.known.clear();
            self.bytes = 0;
        }
        self.bytes += key.len() + 64;
        self.known.insert(key.into(), at);
        Ok(at)
    }
}
