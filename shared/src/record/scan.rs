//! The quick way to the fields of a record.
//!
//! Enters: text and where a record begins in it. Leaves: the record and where it ends, or nothing. Laws: it says
//! only what the slow way in [`super::fields`] would say, and whenever it is not sure (an error, an escaped key,
//! anything rare) it says nothing and leaves the word to the slow way; every byte it passes over is checked to be
//! JSON all the same.

use std::borrow::Cow;

use wide::u8x16;

use super::{
    DEEPEST,
    fields::{Identity, Record, Resource, Text},
};

/// Reads the record that begins at `start` with a brace into an empty `record`; returns where it ends.
pub(super) fn record<'t>(text: &'t str, start: usize, record: &mut Record<'t>) -> Option<usize> {
    let mut scan = Scan { text, bytes: text.as_bytes(), at: start };
    if scan.next()? != b'{' {
        return None;
    }
    scan.record(record)?;
    Some(scan.at)
}

struct Scan<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

/// A string: its ends, without the quotes, and whether it has escapes.
#[derive(Clone, Copy)]
struct Quoted {
    start: usize,
    end: usize,
    escaped: bool,
}

/// Nesting left inside the record.
const ROOM: usize = DEEPEST - 1;

impl<'t> Scan<'t> {
    fn record(&mut self, record: &mut Record<'t>) -> Option<()> {
        let mut more = self.opened()?;
        while more {
            match self.word() {
                b"eventVer" if self.passes(b"eventVersion\":") => self.value(ROOM)?,
                b"userIden" if self.passes(b"userIdentity\":") => record.identity = self.identity()?,
                b"eventTim" if self.passes(b"eventTime\":") => record.event_time = self.text_of::<20>()?,
                b"eventSou" if self.passes(b"eventSource\":") => record.event_source = self.text()?,
                b"eventNam" if self.passes(b"eventName\":") => record.event_name = self.text()?,
                b"awsRegio" if self.passes(b"awsRegion\":") => record.region = self.text()?,
                b"errorCod" if self.passes(b"errorCode\":") => record.error_code = self.text()?,
                b"eventID\"" if self.passes(b"eventID\":") => record.event_id = self.text_of::<36>()?,
                b"readOnly" if self.passes(b"readOnly\":") => record.read_only = self.flag()?,
                b"resource" if self.passes(b"resources\":") => record.resources = self.resources()?,
                b"eventTyp" if self.passes(b"eventType\":") => record.event_type = self.text_of::<10>()?,
                b"manageme" if self.passes(b"managementEvent\":") => record.management = self.flag()?,
                b"recipien" if self.passes(b"recipientAccountId\":") => {
                    record.recipient = self.text_of::<12>()?
                }
                b"eventCat" if self.passes(b"eventCategory\":") => {
                    record.event_category = self.text_of::<10>()?
                }
                b"sessionC" if self.passes(b"sessionCredentialFromConsole\":") => {
                    record.console = self.flag()?
                }
                b"response" if self.passes(b"responseElements\":") => record.response = self.raw()?,
                b"requestI" if self.passes(b"requestID\":") => drop(self.text_of::<36>()?),
                b"requestP" if self.passes(b"requestParameters\":") => self.value(ROOM)?,
                b"sourceIP" if self.passes(b"sourceIPAddress\":") => self.value(ROOM)?,
                b"userAgen" if self.passes(b"userAgent\":") => self.value(ROOM)?,
                b"tlsDetai" if self.passes(b"tlsDetails\":") => self.value(ROOM)?,
                _ => self.other_field(record)?,
            }
            more = self.more()?;
        }
        Some(())
    }

    /// A field that is rare, or a common one written with white space.
    fn other_field(&mut self, record: &mut Record<'t>) -> Option<()> {
        match self.key()? {
            b"userIdentity" => record.identity = self.identity()?,
            b"eventTime" => record.event_time = self.text()?,
            b"eventSource" => record.event_source = self.text()?,
            b"eventName" => record.event_name = self.text()?,
            b"awsRegion" => record.region = self.text()?,
            b"errorCode" => record.error_code = self.text()?,
            b"eventID" => record.event_id = self.text()?,
            b"readOnly" => record.read_only = self.flag()?,
            b"resources" => record.resources = self.resources()?,
            b"eventType" => record.event_type = self.text()?,
            b"managementEvent" => record.management = self.flag()?,
            b"recipientAccountId" => record.recipient = self.text()?,
            b"eventCategory" => record.event_category = self.text()?,
            b"sessionCredentialFromConsole" => record.console = self.flag()?,
            b"responseElements" => record.response = self.raw()?,
            // Not a record, or not only one.
            b"Records" | b"Events" | b"detail" | b"detail-type" | b"digestStartTime" | b"digestEndTime" => {
                return None;
            }
            _ => self.value(ROOM)?,
        }
        Some(())
    }

    fn identity(&mut self) -> Option<Identity<'t>> {
        let mut identity = Identity::default();
        let mut more = self.opens()?;
        while more {
            match self.word::<4>() {
                b"type" if self.passes(b"type\":") => identity.kind = self.text()?,
                b"prin" if self.passes(b"principalId\":") => identity.principal_id = self.text()?,
                b"arn\"" if self.passes(b"arn\":") => identity.arn = self.text()?,
                b"acco" if self.passes(b"accountId\":") => identity.account = self.text_of::<12>()?,
                b"acce" if self.passes(b"accessKeyId\":") => self.value(ROOM - 1)?,
                b"user" if self.passes(b"userName\":") => identity.user_name = self.text()?,
                b"sess" if self.passes(b"sessionContext\":") => self.session(&mut identity)?,
                b"invo" if self.passes(b"invokedBy\":") => identity.invoked_by = self.text()?,
                _ => match self.key()? {
                    b"type" => identity.kind = self.text()?,
                    b"principalId" => identity.principal_id = self.text()?,
                    b"arn" => identity.arn = self.text()?,
                    b"accountId" => identity.account = self.text()?,
                    b"userName" => identity.user_name = self.text()?,
                    b"sessionContext" => self.session(&mut identity)?,
                    b"invokedBy" => identity.invoked_by = self.text()?,
                    b"identityProvider" => identity.provider = self.text()?,
                    b"onBehalfOf" => self.behalf(&mut identity)?,
                    _ => self.value(ROOM - 1)?,
                },
            }
            more = self.more()?;
        }
        Some(identity)
    }

    fn session(&mut self, identity: &mut Identity<'t>) -> Option<()> {
        identity.source_identity = None;
        self.no_issuer(identity);
        let mut more = self.opens()?;
        while more {
            match self.word::<4>() {
                b"sess" if self.passes(b"sessionIssuer\":") => self.issuer(identity)?,
                b"webI" if self.passes(b"webIdFederationData\":") => self.value(ROOM - 2)?,
                b"attr" if self.passes(b"attributes\":") => self.value(ROOM - 2)?,
                _ => match self.key()? {
                    b"sessionIssuer" => self.issuer(identity)?,
                    b"sourceIdentity" => identity.source_identity = self.text()?,
                    _ => self.value(ROOM - 2)?,
                },
            }
            more = self.more()?;
        }
        Some(())
    }

    /// Of an object given twice the last counts, and it alone.
    fn no_issuer(&self, identity: &mut Identity<'t>) {
        identity.issuer_arn = None;
        identity.issuer_account = None;
        identity.issuer_name = None;
    }

    fn issuer(&mut self, identity: &mut Identity<'t>) -> Option<()> {
        self.no_issuer(identity);
        let mut more = self.opens()?;
        while more {
            match self.word::<4>() {
                b"type" if self.passes(b"type\":") => self.value(ROOM - 3)?,
                b"prin" if self.passes(b"principalId\":") => self.value(ROOM - 3)?,
                b"arn\"" if self.passes(b"arn\":") => identity.issuer_arn = self.text()?,
                b"acco" if self.passes(b"accountId\":") => identity.issuer_account = self.text_of::<12>()?,
                b"user" if self.passes(b"userName\":") => identity.issuer_name = self.text()?,
                _ => match self.key()? {
                    b"arn" => identity.issuer_arn = self.text()?,
                    b"accountId" => identity.issuer_account = self.text()?,
                    b"userName" => identity.issuer_name = self.text()?,
                    _ => self.value(ROOM - 3)?,
                },
            }
            more = self.more()?;
        }
        Some(())
    }

    fn behalf(&mut self, identity: &mut Identity<'t>) -> Option<()> {
        identity.user_id = None;
        identity.identity_store = None;
        let mut more = self.opens()?;
        while more {
            match self.key()? {
                b"userId" => identity.user_id = self.text()?,
                b"identityStoreArn" => identity.identity_store = self.text()?,
                _ => self.value(ROOM - 2)?,
            }
            more = self.more()?;
        }
        Some(())
    }

    fn resources(&mut self) -> Option<Vec<Resource<'t>>> {
        let mut resources = Vec::new();
        match self.next()? {
            b'[' => {}
            b'n' => return self.literal(b"ull").map(|()| resources),
            _ => return None,
        }
        let mut byte = self.next()?;
        if byte == b']' {
            return Some(resources);
        }
        loop {
            if byte != b'{' {
                return None;
            }
            resources.push(self.resource()?);
            match self.next()? {
                b',' => byte = self.next()?,
                b']' => return Some(resources),
                _ => return None,
            }
        }
    }

    fn resource(&mut self) -> Option<Resource<'t>> {
        let (mut upper, mut lower, mut kind) = (None, None, None);
        let mut more = self.opened()?;
        while more {
            match self.key()? {
                b"ARN" => upper = self.text()?,
                b"arn" => lower = self.text()?,
                b"type" => kind = self.text()?,
                _ => self.value(ROOM - 2)?,
            }
            more = self.more()?;
        }
        Some(Resource { arn: upper.or(lower), kind })
    }

    /// Whether the object whose brace was passed has a key; if so, passes its quote.
    #[inline]
    fn opened(&mut self) -> Option<bool> {
        match self.next()? {
            b'"' => Some(true),
            b'}' => Some(false),
            _ => None,
        }
    }

    /// Whether an object comes next and has a key, or `null`, which has none.
    fn opens(&mut self) -> Option<bool> {
        match self.next()? {
            b'{' => self.opened(),
            b'n' => self.literal(b"ull").map(|()| false),
            _ => None,
        }
    }

    /// Whether another key comes next; if so, passes its quote.
    #[inline]
    fn more(&mut self) -> Option<bool> {
        match self.next()? {
            b',' if self.next()? == b'"' => Some(true),
            b'}' => Some(false),
            _ => None,
        }
    }

    /// The bytes that come next, if there are as many.
    #[inline]
    fn word<const N: usize>(&self) -> &'t [u8; N] {
        self.bytes.get(self.at..).and_then(<[u8]>::first_chunk).unwrap_or(&[0; N])
    }

    /// Passes `expected` if it comes next. Known text costs no search for its end.
    #[inline]
    fn passes<const N: usize>(&mut self, expected: &[u8; N]) -> bool {
        let same = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) == Some(expected);
        if same {
            self.at += N;
        }
        same
    }

    /// Passes a string whose opening quote was passed, and the colon behind it.
    #[inline]
    fn colon(&mut self) -> Option<Quoted> {
        let key = self.quoted()?;
        (self.next()? == b':').then_some(key)
    }

    /// A key whose opening quote was passed, and the colon behind it.
    fn key(&mut self) -> Option<&'t [u8]> {
        let key = self.colon()?;
        self.plain(key)
    }

    fn plain(&self, text: Quoted) -> Option<&'t [u8]> {
        if text.escaped { None } else { self.bytes.get(text.start..text.end) }
    }

    /// A string, probably of `N` bytes, or `null`. A length that is guessed right costs no search for the end.
    #[inline]
    fn text_of<const N: usize>(&mut self) -> Option<Text<'t>> {
        let (start, end) = (self.at + 1, self.at + 1 + N);
        let quoted = self.bytes.get(self.at) == Some(&b'"') && self.bytes.get(end) == Some(&b'"');
        if quoted && is_plain(self.bytes.get(start..end)?.first_chunk::<N>()?) {
            self.at = end + 1;
            return Some(Some(Cow::Borrowed(self.text.get(start..end)?)));
        }
        self.text()
    }

    /// A string or `null`.
    #[inline]
    fn text(&mut self) -> Option<Text<'t>> {
        match self.next()? {
            b'"' => {
                let Quoted { start, end, escaped } = self.quoted()?;
                if escaped {
                    let quoted = self.text.get(start.checked_sub(1)?..=end)?;
                    return serde_json::from_str(quoted).ok().map(|text: String| Some(Cow::Owned(text)));
                }
                Some(Some(Cow::Borrowed(self.text.get(start..end)?)))
            }
            b'n' => self.literal(b"ull").map(|()| None),
            _ => None,
        }
    }

    /// `true`, `false`, the same as text, or `null`.
    fn flag(&mut self) -> Option<Option<bool>> {
        match self.next()? {
            b't' => self.literal(b"rue").map(|()| Some(true)),
            b'f' => self.literal(b"alse").map(|()| Some(false)),
            b'n' => self.literal(b"ull").map(|()| None),
            b'"' => {
                let quoted = self.quoted()?;
                match self.plain(quoted)? {
                    b"true" => Some(Some(true)),
                    b"false" => Some(Some(false)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Any value, as its text; `null` is none.
    fn raw(&mut self) -> Option<Option<&'t str>> {
        let first = self.next()?;
        let start = self.at.checked_sub(1)?;
        self.rest_of(first, ROOM)?;
        let raw = self.text.get(start..self.at)?;
        Some((raw != "null").then_some(raw))
    }

    /// Passes over any value nested no deeper than `room`.
    fn value(&mut self, room: usize) -> Option<()> {
        let first = self.next()?;
        self.rest_of(first, room)
    }

    #[inline]
    fn rest_of(&mut self, first: u8, room: usize) -> Option<()> {
        match first {
            b'"' => self.quoted().map(drop),
            b'{' => self.object(room),
            b'[' => self.array(room),
            b't' => self.literal(b"rue"),
            b'f' => self.literal(b"alse"),
            b'n' => self.literal(b"ull"),
            b'-' | b'0'..=b'9' => self.number(first),
            _ => None,
        }
    }

    fn object(&mut self, room: usize) -> Option<()> {
        let room = room.checked_sub(1)?;
        let mut byte = self.next()?;
        if byte == b'}' {
            return Some(());
        }
        loop {
            if byte != b'"' {
                return None;
            }
            self.colon()?;
            self.value(room)?;
            match self.next()? {
                b',' => byte = self.next()?,
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn array(&mut self, room: usize) -> Option<()> {
        let room = room.checked_sub(1)?;
        let mut byte = self.next()?;
        if byte == b']' {
            return Some(());
        }
        loop {
            self.rest_of(byte, room)?;
            match self.next()? {
                b',' => byte = self.next()?,
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// What follows the first byte of a number.
    fn number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' { self.byte()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.byte().filter(u8::is_ascii_digit)?;
            self.digits();
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.byte().filter(u8::is_ascii_digit)?;
            self.digits();
        }
        Some(())
    }

    fn digits(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn literal<const N: usize>(&mut self, rest: &[u8; N]) -> Option<()> {
        let found = self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        (found == rest).then_some(())
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// The next byte that is no white space, passed.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.byte()?;
        if byte > b' ' { Some(byte) } else { self.after_blank(byte) }
    }

    #[cold]
    fn after_blank(&mut self, mut byte: u8) -> Option<u8> {
        while let b' ' | b'\n' | b'\r' | b'\t' = byte {
            byte = self.byte()?;
        }
        Some(byte)
    }

    /// The rest of a string whose opening quote was passed.
    #[inline]
    fn quoted(&mut self) -> Option<Quoted> {
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.at..)?;
            match rest.first_chunk::<32>() {
                Some(chunk) => match special_in(chunk) {
                    0 => {
                        self.at += 32;
                        continue;
                    }
                    found => self.at += found.trailing_zeros() as usize,
                },
                None => self.at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1f))?,
            }
            match self.byte()? {
                b'"' => return Some(Quoted { start, end: self.at - 1, escaped }),
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.bytes.get(self.at..)?.first_chunk::<4>()?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }
}

/// One bit for each byte that ends the plain run of a string: a quote, a backslash or a control character.
#[inline]
fn special(chunk: &[u8; 16]) -> u32 {
    let bytes = u8x16::new(*chunk);
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let found = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\')) | control;
    found.to_bitmask()
}

/// The same for two chunks.
#[inline]
fn special_in(bytes: &[u8; 32]) -> u32 {
    match bytes.as_chunks::<16>().0 {
        [low, high] => special(low) | special(high) << 16,
        _ => u32::MAX,
    }
}

/// Whether no byte of a short string is special.
#[inline]
fn is_plain<const N: usize>(bytes: &[u8; N]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<16>();
    let tail_is_plain = match bytes.last_chunk::<16>() {
        Some(tail) => special(tail) == 0,
        None => rest.iter().all(|byte| !matches!(byte, b'"' | b'\\' | ..=0x1f)),
    };
    tail_is_plain && chunks.iter().all(|chunk| special(chunk) == 0)
}
