//! The fast parser of a record.
//!
//! Enters: text and the offset of a record in it. Leaves: the record and its end, or nothing. Laws: a record that it
//! returns equals the one that the slow parser in [`super::fields`] returns; in every uncertain case (an error, an
//! escaped key, a key that may be given twice, anything rare) it returns nothing, and the slow parser decides; every
//! skipped byte is checked to be valid JSON.

use std::{borrow::Cow, ops::Range};

use wide::u8x16;

use super::{
    MAX_DEPTH, RequestFeatures,
    fields::{FieldText, Record, RecordResource, UserIdentity},
};

/// Reads the record that begins with a brace at `start` into an empty `record`. Returns where it ends.
pub(super) fn parse_record<'t>(text: &'t str, start: usize, record: &mut Record<'t>) -> Option<usize> {
    let mut scan = FastParser { text, bytes: text.as_bytes(), offset: start, room: MAX_DEPTH - 1 };
    if scan.next_non_whitespace()? != b'{' {
        return None;
    }
    scan.parse_fields(record)?;
    Some(scan.offset)
}

/// Far more bytes than a record has: CloudTrail cuts what is long.
const MAX_RECORD_BYTES: usize = 4 << 20;

/// An EventBridge event: where its record is, and where it ends.
pub(super) struct ParsedEnvelope {
    /// The record.
    pub(super) detail: Range<usize>,
    /// Where the event ends.
    pub(super) end: usize,
}

/// Reads the EventBridge event that begins with a brace at `start`, and its record into an empty `record`. Account and Region of the
/// event are those of a record without them.
pub(super) fn parse_eventbridge_event<'t>(
    text: &'t str,
    start: usize,
    record: &mut Record<'t>,
) -> Option<ParsedEnvelope> {
    let mut scan = FastParser { text, bytes: text.as_bytes(), offset: start, room: MAX_DEPTH - 2 };
    let (mut seen, mut has_type, mut detail) = (SeenKeys::default(), false, None);
    let (mut account, mut region) = (None, None);
    let mut more = scan.open_object()?;
    while more {
        match scan.parse_new_key(&mut seen)? {
            b"detail-type" => {
                scan.skip_value(MAX_DEPTH - 1)?;
                has_type = true;
            }
            b"account" => account = scan.parse_text()?,
            b"region" => region = scan.parse_text()?,
            b"version" | b"id" | b"source" | b"time" | b"resources" => scan.skip_value(MAX_DEPTH - 1)?,
            b"detail" => {
                if scan.next_non_whitespace()? != b'{' {
                    return None;
                }
                let begin = scan.offset.checked_sub(1)?;
                scan.parse_fields(record)?;
                detail = Some(begin..scan.offset);
            }
            _ => return None,
        }
        more = scan.next_is_key()?;
    }
    if record.recipient_account_id.is_none() {
        record.recipient_account_id = account;
    }
    if record.region.is_none() {
        record.region = region;
    }
    Some(ParsedEnvelope { detail: detail.filter(|_| has_type)?, end: scan.offset })
}

/// Reads the element of `LookupEvents` that begins with a brace at `start`, and the text of its record into a buffer, whose content it
/// replaces. Returns where the element ends.
pub(super) fn parse_lookup_event(text: &str, start: usize, record: &mut Vec<u8>) -> Option<usize> {
    let mut scan = FastParser { text, bytes: text.as_bytes(), offset: start, room: MAX_DEPTH - 1 };
    let (mut seen, mut has_record) = (SeenKeys::default(), false);
    let mut more = scan.open_object()?;
    while more {
        match scan.parse_new_key(&mut seen)? {
            b"CloudTrailEvent" => {
                if scan.next_non_whitespace()? != b'"' {
                    return None;
                }
                scan.unescape_string(record)?;
                has_record = true;
            }
            b"EventId" | b"EventName" | b"ReadOnly" | b"AccessKeyId" | b"EventTime" | b"EventSource"
            | b"Username" | b"Resources" => scan.skip_value(scan.room)?,
            _ => return None,
        }
        more = scan.next_is_key()?;
    }
    has_record.then_some(scan.offset)
}

struct FastParser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    offset: usize,
    /// Nesting depth left inside the record.
    room: usize,
}

/// A string: its bounds, without the quotes, and whether it has escapes.
#[derive(Clone, Copy)]
struct StringSpan {
    start: usize,
    end: usize,
    escaped: bool,
}

/// The keys of an object that were seen: one bit for each, by a hash that tells the keys of CloudTrail apart. An
/// unknown key may share the bit of another one, and then looks like a key given twice.
#[derive(Clone, Copy, Default)]
struct SeenKeys(u64);

impl SeenKeys {
    /// Adds a key. Returns whether it certainly was not seen before.
    #[inline]
    fn is_first(&mut self, key: &[u8]) -> bool {
        let bit = 1 << Self::slot(key);
        let first = self.0 & bit == 0;
        self.0 |= bit;
        first
    }

    /// A number below 64. The factor was searched for: see the test of the keys.
    #[inline]
    fn slot(key: &[u8]) -> u32 {
        let byte = |at: usize| key.get(at).copied().unwrap_or_default();
        let length = key.len();
        let [low, ..] = length.to_le_bytes();
        let mixed = u32::from_le_bytes([low, byte(0), byte(length.saturating_sub(3)), byte(length / 2)]);
        mixed.wrapping_mul(0xb430_7247) >> 26
    }
}

impl<'t> FastParser<'t> {
    fn parse_fields(&mut self, record: &mut Record<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.next_is_first_key()?;
        while more {
            match self.peek() {
                b"eventVer" if self.skip_if_new(b"eventVersion\":", &mut seen) => {
                    self.skip_value(self.room)?
                }
                b"userIden" if self.skip_if_new(b"userIdentity\":", &mut seen) => {
                    record.user_identity = self.parse_identity()?
                }
                b"eventTim" if self.skip_if_new(b"eventTime\":", &mut seen) => {
                    record.event_time = self.parse_text_of_length::<20>()?
                }
                b"eventSou" if self.skip_if_new(b"eventSource\":", &mut seen) => {
                    record.event_source = self.parse_text()?
                }
                b"eventNam" if self.skip_if_new(b"eventName\":", &mut seen) => {
                    record.event_name = self.parse_text()?
                }
                b"awsRegio" if self.skip_if_new(b"awsRegion\":", &mut seen) => {
                    record.region = self.parse_text()?
                }
                b"errorCod" if self.skip_if_new(b"errorCode\":", &mut seen) => {
                    record.error_code = self.parse_text()?
                }
                b"errorMes" if self.skip_if_new(b"errorMessage\":", &mut seen) => {
                    record.error_message = self.parse_text()?
                }
                b"eventID\"" if self.skip_if_new(b"eventID\":", &mut seen) => {
                    record.event_id = self.parse_text_of_length::<36>()?
                }
                b"readOnly" if self.skip_if_new(b"readOnly\":", &mut seen) => {
                    record.read_only = self.parse_bool()?
                }
                b"resource" if self.skip_if_new(b"resources\":", &mut seen) => {
                    record.resources = self.parse_resources()?
                }
                b"eventTyp" if self.skip_if_new(b"eventType\":", &mut seen) => {
                    record.event_type = self.parse_text_of_length::<10>()?
                }
                b"manageme" if self.skip_if_new(b"managementEvent\":", &mut seen) => {
                    record.management_event = self.parse_bool()?
                }
                b"recipien" if self.skip_if_new(b"recipientAccountId\":", &mut seen) => {
                    record.recipient_account_id = self.parse_text_of_length::<12>()?
                }
                b"eventCat" if self.skip_if_new(b"eventCategory\":", &mut seen) => {
                    record.event_category = self.parse_text_of_length::<10>()?
                }
                b"sessionC" if self.skip_if_new(b"sessionCredentialFromConsole\":", &mut seen) => {
                    record.session_credential_from_console = self.parse_bool()?
                }
                b"response" if self.skip_if_new(b"responseElements\":", &mut seen) => {
                    record.response_elements = self.parse_raw()?
                }
                b"requestI" if self.skip_if_new(b"requestID\":", &mut seen) => {
                    drop(self.parse_text_of_length::<36>()?)
                }
                b"requestP" if self.skip_if_new(b"requestParameters\":", &mut seen) => {
                    self.parse_request_parameters(record)?
                }
                b"sourceIP" if self.skip_if_new(b"sourceIPAddress\":", &mut seen) => {
                    record.source_ip = self.parse_text()?
                }
                b"userAgen" if self.skip_if_new(b"userAgent\":", &mut seen) => {
                    record.user_agent = self.parse_text()?
                }
                b"tlsDetai" if self.skip_if_new(b"tlsDetails\":", &mut seen) => self.skip_value(self.room)?,
                _ => self.parse_other_field(record, &mut seen)?,
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    /// A rare field, or a common one written with white space.
    fn parse_other_field(&mut self, record: &mut Record<'t>, seen: &mut SeenKeys) -> Option<()> {
        match self.parse_new_key(seen)? {
            b"userIdentity" => record.user_identity = self.parse_identity()?,
            b"eventTime" => record.event_time = self.parse_text()?,
            b"eventSource" => record.event_source = self.parse_text()?,
            b"eventName" => record.event_name = self.parse_text()?,
            b"awsRegion" => record.region = self.parse_text()?,
            b"errorCode" => record.error_code = self.parse_text()?,
            b"errorMessage" => record.error_message = self.parse_text()?,
            b"eventID" => record.event_id = self.parse_text()?,
            b"readOnly" => record.read_only = self.parse_bool()?,
            b"resources" => record.resources = self.parse_resources()?,
            b"eventType" => record.event_type = self.parse_text()?,
            b"sourceIPAddress" => record.source_ip = self.parse_text()?,
            b"userAgent" => record.user_agent = self.parse_text()?,
            b"managementEvent" => record.management_event = self.parse_bool()?,
            b"recipientAccountId" => record.recipient_account_id = self.parse_text()?,
            b"eventCategory" => record.event_category = self.parse_text()?,
            b"sessionCredentialFromConsole" => record.session_credential_from_console = self.parse_bool()?,
            b"responseElements" => record.response_elements = self.parse_raw()?,
            b"requestParameters" => self.parse_request_parameters(record)?,
            // Not a record, or not only one.
            b"Records" | b"Events" | b"detail" | b"detail-type" | b"digestStartTime" | b"digestEndTime"
            | b"CloudTrailEvent" | b"logEvents" | b"events" | b"message" => return None,
            _ => self.skip_value(self.room)?,
        }
        Some(())
    }

    fn parse_identity(&mut self) -> Option<UserIdentity<'t>> {
        let mut identity = UserIdentity::default();
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.peek::<4>() {
                b"type" if self.skip_if_new(b"type\":", &mut seen) => identity.kind = self.parse_text()?,
                b"prin" if self.skip_if_new(b"principalId\":", &mut seen) => {
                    identity.principal_id = self.parse_text()?
                }
                b"arn\"" if self.skip_if_new(b"arn\":", &mut seen) => identity.arn = self.parse_text()?,
                b"acco" if self.skip_if_new(b"accountId\":", &mut seen) => {
                    identity.account_id = self.parse_text_of_length::<12>()?
                }
                b"acce" if self.skip_if_new(b"accessKeyId\":", &mut seen) => {
                    self.skip_value(self.room - 1)?
                }
                b"user" if self.skip_if_new(b"userName\":", &mut seen) => {
                    identity.user_name = self.parse_text()?
                }
                b"sess" if self.skip_if_new(b"sessionContext\":", &mut seen) => {
                    self.parse_session_context(&mut identity)?
                }
                b"invo" if self.skip_if_new(b"invokedBy\":", &mut seen) => {
                    identity.invoked_by = self.parse_text()?
                }
                _ => match self.parse_new_key(&mut seen)? {
                    b"type" => identity.kind = self.parse_text()?,
                    b"principalId" => identity.principal_id = self.parse_text()?,
                    b"arn" => identity.arn = self.parse_text()?,
                    b"accountId" => identity.account_id = self.parse_text()?,
                    b"userName" => identity.user_name = self.parse_text()?,
                    b"sessionContext" => self.parse_session_context(&mut identity)?,
                    b"invokedBy" => identity.invoked_by = self.parse_text()?,
                    b"identityProvider" => identity.identity_provider = self.parse_text()?,
                    b"onBehalfOf" => self.parse_on_behalf_of(&mut identity)?,
                    _ => self.skip_value(self.room - 1)?,
                },
            }
            more = self.next_is_key()?;
        }
        Some(identity)
    }

    fn parse_session_context(&mut self, identity: &mut UserIdentity<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.peek::<4>() {
                b"sess" if self.skip_if_new(b"sessionIssuer\":", &mut seen) => self.parse_issuer(identity)?,
                b"webI" if self.skip_if_new(b"webIdFederationData\":", &mut seen) => {
                    self.skip_value(self.room - 2)?
                }
                b"attr" if self.skip_if_new(b"attributes\":", &mut seen) => {
                    self.parse_attributes(identity)?
                }
                _ => match self.parse_new_key(&mut seen)? {
                    b"sessionIssuer" => self.parse_issuer(identity)?,
                    b"attributes" => self.parse_attributes(identity)?,
                    b"sourceIdentity" => identity.source_identity = self.parse_text()?,
                    _ => self.skip_value(self.room - 2)?,
                },
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    fn parse_attributes(&mut self, identity: &mut UserIdentity<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.peek::<4>() {
                b"crea" if self.skip_if_new(b"creationDate\":", &mut seen) => {
                    drop(self.parse_text_of_length::<20>()?)
                }
                b"mfaA" if self.skip_if_new(b"mfaAuthenticated\":", &mut seen) => {
                    identity.mfa_authenticated = self.parse_bool()?
                }
                _ => match self.parse_new_key(&mut seen)? {
                    b"mfaAuthenticated" => identity.mfa_authenticated = self.parse_bool()?,
                    _ => self.skip_value(self.room - 3)?,
                },
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    fn parse_issuer(&mut self, identity: &mut UserIdentity<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.peek::<4>() {
                b"type" if self.skip_if_new(b"type\":", &mut seen) => self.skip_value(self.room - 3)?,
                b"prin" if self.skip_if_new(b"principalId\":", &mut seen) => {
                    self.skip_value(self.room - 3)?
                }
                b"arn\"" if self.skip_if_new(b"arn\":", &mut seen) => {
                    identity.issuer_arn = self.parse_text()?
                }
                b"acco" if self.skip_if_new(b"accountId\":", &mut seen) => {
                    identity.issuer_account_id = self.parse_text_of_length::<12>()?
                }
                b"user" if self.skip_if_new(b"userName\":", &mut seen) => {
                    identity.issuer_user_name = self.parse_text()?
                }
                _ => match self.parse_new_key(&mut seen)? {
                    b"arn" => identity.issuer_arn = self.parse_text()?,
                    b"accountId" => identity.issuer_account_id = self.parse_text()?,
                    b"userName" => identity.issuer_user_name = self.parse_text()?,
                    _ => self.skip_value(self.room - 3)?,
                },
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    fn parse_on_behalf_of(&mut self, identity: &mut UserIdentity<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.parse_new_key(&mut seen)? {
                b"userId" => identity.on_behalf_of_user_id = self.parse_text()?,
                b"identityStoreArn" => identity.identity_store_arn = self.parse_text()?,
                _ => self.skip_value(self.room - 2)?,
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    fn parse_request_parameters(&mut self, record: &mut Record<'t>) -> Option<()> {
        let mut features = RequestFeatures::empty();
        let first = self.next_non_whitespace()?;
        let start = self.offset - 1;
        if first != b'{' {
            self.skip_rest_of_value(first, self.room)?;
            let text = self.text.get(start..self.offset)?;
            record.request_parameters = (text != "null").then_some(text);
            return Some(());
        }
        let mut more = self.next_is_first_key()?;
        while more {
            let name = RequestFeatures::of_name(self.parse_key()?);
            let start = self.offset;
            self.skip_value(self.room - 1)?;
            if !name.is_empty() {
                features |= name.with_value(self.text.get(start..self.offset)?);
            }
            more = self.next_is_key()?;
        }
        record.request_features = features;
        record.request_parameters = Some(self.text.get(start..self.offset)?);
        Some(())
    }

    fn parse_resources(&mut self) -> Option<Vec<RecordResource<'t>>> {
        let mut resources = Vec::new();
        match self.next_non_whitespace()? {
            b'[' => {}
            b'n' => return self.expect_literal(b"ull").map(|()| resources),
            _ => return None,
        }
        let mut byte = self.next_non_whitespace()?;
        if byte == b']' {
            return Some(resources);
        }
        loop {
            if byte != b'{' {
                return None;
            }
            resources.push(self.parse_resource()?);
            match self.next_non_whitespace()? {
                b',' => byte = self.next_non_whitespace()?,
                b']' => return Some(resources),
                _ => return None,
            }
        }
    }

    fn parse_resource(&mut self) -> Option<RecordResource<'t>> {
        let (mut upper, mut lower, mut kind) = (None, None, None);
        let mut seen = SeenKeys::default();
        let mut more = self.next_is_first_key()?;
        while more {
            match self.parse_new_key(&mut seen)? {
                b"ARN" => upper = self.parse_text()?,
                b"arn" => lower = self.parse_text()?,
                b"type" => kind = self.parse_text()?,
                _ => self.skip_value(self.room - 2)?,
            }
            more = self.next_is_key()?;
        }
        Some(RecordResource { arn: upper.or(lower), kind })
    }

    /// Whether the object after its opening brace has a key. If so, skips the quote of the key.
    #[inline]
    fn next_is_first_key(&mut self) -> Option<bool> {
        match self.next_non_whitespace()? {
            b'"' => Some(true),
            b'}' => Some(false),
            _ => None,
        }
    }

    /// Opens an object or `null`. Returns whether it has a key; `null` has none.
    fn open_object(&mut self) -> Option<bool> {
        match self.next_non_whitespace()? {
            b'{' => self.next_is_first_key(),
            b'n' => self.expect_literal(b"ull").map(|()| false),
            _ => None,
        }
    }

    /// Whether another key comes next. If so, skips its quote.
    #[inline]
    fn next_is_key(&mut self) -> Option<bool> {
        match self.next_non_whitespace()? {
            b',' if self.next_non_whitespace()? == b'"' => Some(true),
            b'}' => Some(false),
            _ => None,
        }
    }

    /// The next `N` bytes; zeros if there are fewer.
    #[inline]
    fn peek<const N: usize>(&self) -> &'t [u8; N] {
        self.bytes.get(self.offset..).and_then(<[u8]>::first_chunk).unwrap_or(&[0; N])
    }

    /// Skips `expected` if it comes next. Known text does not need a search for its end.
    #[inline]
    fn skip_if<const N: usize>(&mut self, expected: &[u8; N]) -> bool {
        let same = self.bytes.get(self.offset..).and_then(<[u8]>::first_chunk) == Some(expected);
        if same {
            self.offset += N;
        }
        same
    }

    /// Skips the key `expected`, with quote and colon, if it comes next and was not seen before.
    #[inline]
    fn skip_if_new<const N: usize>(&mut self, expected: &[u8; N], seen: &mut SeenKeys) -> bool {
        let Some(key) = expected.get(..N.saturating_sub(2)) else { return false };
        self.skip_if(expected) && (seen.is_first(key) || self.unskip(N))
    }

    /// Goes back to the start of a key that was skipped.
    #[cold]
    fn unskip(&mut self, length: usize) -> bool {
        self.offset -= length;
        false
    }

    /// Skips a key after its opening quote, and the colon after it.
    #[inline]
    fn key_span(&mut self) -> Option<StringSpan> {
        let key = self.string_span()?;
        (self.next_non_whitespace()? == b':').then_some(key)
    }

    /// Reads a key after its opening quote, and the colon after it.
    fn parse_key(&mut self) -> Option<&'t [u8]> {
        let key = self.key_span()?;
        self.unescaped(key)
    }

    /// Reads a key as [`Self::parse_key`] does; nothing if it may be given twice.
    #[inline]
    fn parse_new_key(&mut self, seen: &mut SeenKeys) -> Option<&'t [u8]> {
        self.parse_key().filter(|key| seen.is_first(key))
    }

    fn unescaped(&self, text: StringSpan) -> Option<&'t [u8]> {
        if text.escaped { None } else { self.bytes.get(text.start..text.end) }
    }

    /// A string, probably of `N` bytes, or `null`. A correct guess saves the search for the end.
    #[inline]
    fn parse_text_of_length<const N: usize>(&mut self) -> Option<FieldText<'t>> {
        let (start, end) = (self.offset + 1, self.offset + 1 + N);
        let quoted = self.bytes.get(self.offset) == Some(&b'"') && self.bytes.get(end) == Some(&b'"');
        if quoted && has_no_special_byte(self.bytes.get(start..end)?.first_chunk::<N>()?) {
            self.offset = end + 1;
            return Some(Some(Cow::Borrowed(self.text.get(start..end)?)));
        }
        self.parse_text()
    }

    /// A string or `null`.
    #[inline]
    fn parse_text(&mut self) -> Option<FieldText<'t>> {
        match self.next_non_whitespace()? {
            b'"' => {
                let StringSpan { start, end, escaped } = self.string_span()?;
                if escaped {
                    let quoted = self.text.get(start.checked_sub(1)?..=end)?;
                    return serde_json::from_str(quoted).ok().map(|text: String| Some(Cow::Owned(text)));
                }
                Some(Some(Cow::Borrowed(self.text.get(start..end)?)))
            }
            b'n' => self.expect_literal(b"ull").map(|()| None),
            _ => None,
        }
    }

    /// `true` or `false`, also as text, or `null`.
    fn parse_bool(&mut self) -> Option<Option<bool>> {
        match self.next_non_whitespace()? {
            b't' => self.expect_literal(b"rue").map(|()| Some(true)),
            b'f' => self.expect_literal(b"alse").map(|()| Some(false)),
            b'n' => self.expect_literal(b"ull").map(|()| None),
            b'"' => {
                let quoted = self.string_span()?;
                match self.unescaped(quoted)? {
                    b"true" => Some(Some(true)),
                    b"false" => Some(Some(false)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Any value, as its text; `None` for `null`.
    fn parse_raw(&mut self) -> Option<Option<&'t str>> {
        let first = self.next_non_whitespace()?;
        let start = self.offset.checked_sub(1)?;
        self.skip_rest_of_value(first, self.room)?;
        let raw = self.text.get(start..self.offset)?;
        Some((raw != "null").then_some(raw))
    }

    /// Skips any value nested no deeper than `room`.
    fn skip_value(&mut self, room: usize) -> Option<()> {
        let first = self.next_non_whitespace()?;
        self.skip_rest_of_value(first, room)
    }

    #[inline]
    fn skip_rest_of_value(&mut self, first: u8, room: usize) -> Option<()> {
        match first {
            b'"' => self.string_span().map(drop),
            b'{' => self.skip_object(room),
            b'[' => self.skip_array(room),
            b't' => self.expect_literal(b"rue"),
            b'f' => self.expect_literal(b"alse"),
            b'n' => self.expect_literal(b"ull"),
            b'-' | b'0'..=b'9' => self.skip_number(first),
            _ => None,
        }
    }

    fn skip_object(&mut self, room: usize) -> Option<()> {
        let room = room.checked_sub(1)?;
        let mut byte = self.next_non_whitespace()?;
        if byte == b'}' {
            return Some(());
        }
        loop {
            if byte != b'"' {
                return None;
            }
            self.key_span()?;
            self.skip_value(room)?;
            match self.next_non_whitespace()? {
                b',' => byte = self.next_non_whitespace()?,
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn skip_array(&mut self, room: usize) -> Option<()> {
        let room = room.checked_sub(1)?;
        let mut byte = self.next_non_whitespace()?;
        if byte == b']' {
            return Some(());
        }
        loop {
            self.skip_rest_of_value(byte, room)?;
            match self.next_non_whitespace()? {
                b',' => byte = self.next_non_whitespace()?,
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Skips a number after its first byte.
    fn skip_number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' { self.next_byte()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return None,
        }
        if self.bytes.get(self.offset) == Some(&b'.') {
            self.offset += 1;
            self.next_byte().filter(u8::is_ascii_digit)?;
            self.skip_digits();
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.offset) {
            self.offset += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.offset) {
                self.offset += 1;
            }
            self.next_byte().filter(u8::is_ascii_digit)?;
            self.skip_digits();
        }
        Some(())
    }

    fn skip_digits(&mut self) {
        while self.bytes.get(self.offset).is_some_and(u8::is_ascii_digit) {
            self.offset += 1;
        }
    }

    fn expect_literal<const N: usize>(&mut self, rest: &[u8; N]) -> Option<()> {
        let found = self.bytes.get(self.offset..)?.first_chunk::<N>()?;
        self.offset += N;
        (found == rest).then_some(())
    }

    #[inline]
    fn next_byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.offset)?;
        self.offset += 1;
        Some(byte)
    }

    /// Skips white space and returns the byte after it.
    #[inline]
    fn next_non_whitespace(&mut self) -> Option<u8> {
        let byte = self.next_byte()?;
        if byte > b' ' { Some(byte) } else { self.skip_whitespace(byte) }
    }

    #[cold]
    fn skip_whitespace(&mut self, mut byte: u8) -> Option<u8> {
        while let b' ' | b'\n' | b'\r' | b'\t' = byte {
            byte = self.next_byte()?;
        }
        Some(byte)
    }

    /// The rest of a string after its opening quote.
    #[inline]
    fn string_span(&mut self) -> Option<StringSpan> {
        let start = self.offset;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.offset..)?;
            match rest.first_chunk::<32>() {
                Some(chunk) => match special_mask_32(chunk) {
                    0 => {
                        self.offset += 32;
                        continue;
                    }
                    found => self.offset += found.trailing_zeros() as usize,
                },
                None => self.offset += rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f))?,
            }
            match self.next_byte()? {
                b'"' => return Some(StringSpan { start, end: self.offset - 1, escaped }),
                b'\\' => {
                    escaped = true;
                    self.skip_escape()?;
                }
                _ => return None,
            }
        }
    }

    /// Writes the rest of a string after its opening quote into a buffer. A string with a `\u`, and one that is longer than any
    /// record, is left to the slow parser.
    fn unescape_string(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let mut length = 0;
        loop {
            let rest = self.bytes.get(self.offset..)?;
            let plain = match rest.first_chunk::<32>() {
                Some(chunk) => {
                    if length > MAX_RECORD_BYTES {
                        return None;
                    }
                    if length + 32 > out.len() {
                        out.resize(2 * out.len() + 4_096, 0);
                    }
                    // What is copied too much is written over.
                    out.get_mut(length..)?.first_chunk_mut::<32>()?.copy_from_slice(chunk);
                    (special_mask_32(chunk).trailing_zeros() as usize).min(32)
                }
                None => {
                    let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f))?;
                    out.resize(out.len().max(length + plain + 1), 0);
                    out.get_mut(length..)?.get_mut(..plain)?.copy_from_slice(rest.get(..plain)?);
                    plain
                }
            };
            (self.offset, length) = (self.offset + plain, length + plain);
            if plain == 32 {
                continue;
            }
            let byte = match self.next_byte()? {
                b'"' => break,
                b'\\' => match self.next_byte()? {
                    byte @ (b'"' | b'\\' | b'/') => byte,
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    _ => return None,
                },
                _ => return None,
            };
            *out.get_mut(length)? = byte;
            length += 1;
        }
        out.truncate(length);
        Some(())
    }

    fn skip_escape(&mut self) -> Option<()> {
        match self.next_byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.offset..)?.first_chunk::<4>()?;
                self.offset += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }
}

/// One bit for each byte of a string that needs a closer look: a quote, a backslash or a control character.
#[inline]
fn special_mask(chunk: &[u8; 16]) -> u32 {
    let bytes = u8x16::new(*chunk);
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let found = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | control;
    found.to_bitmask()
}

/// The same for 32 bytes.
#[inline]
fn special_mask_32(bytes: &[u8; 32]) -> u32 {
    match bytes.as_chunks::<16>().0 {
        [low, high] => special_mask(low) | special_mask(high) << 16,
        _ => u32::MAX,
    }
}

/// Whether a short string has no quote, backslash or control character.
#[inline]
fn has_no_special_byte<const N: usize>(bytes: &[u8; N]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<16>();
    let tail_is_plain = match bytes.last_chunk::<16>() {
        Some(tail) => special_mask(tail) == 0,
        None => rest.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..=0x1f)),
    };
    tail_is_plain && chunks.iter().all(|chunk| special_mask(chunk) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_cloudtrail_do_not_share_a_bit_with_another_key_of_their_object() {
        for keys in [
            "eventVersion userIdentity eventTime eventSource eventName awsRegion errorCode eventID readOnly \
             resources eventType managementEvent recipientAccountId eventCategory sessionCredentialFromConsole \
             responseElements requestID requestParameters sourceIPAddress userAgent tlsDetails errorMessage \
             additionalEventData apiVersion sharedEventID vpcEndpointId vpcEndpointAccountId serviceEventDetails \
             addendum edgeDeviceDetails insightDetails eventContext",
            "type principalId arn accountId accessKeyId userName sessionContext invokedBy identityProvider \
             onBehalfOf credentialId inScopeOf",
            "sessionIssuer sourceIdentity webIdFederationData attributes ec2RoleDelivery assumedRoot",
            "type principalId arn accountId userName",
            "creationDate mfaAuthenticated",
            "ARN arn type accountId ARNPrefix",
            "userId identityStoreArn",
            "version id detail-type source account time region resources detail",
            "EventId EventName ReadOnly AccessKeyId EventTime EventSource Username Resources CloudTrailEvent",
        ] {
            let mut seen = SeenKeys::default();
            for key in keys.split_whitespace() {
                assert!(seen.is_first(key.as_bytes()), "{key}");
            }
            assert!(keys.split_whitespace().all(|key| !seen.is_first(key.as_bytes())));
        }
    }
}
