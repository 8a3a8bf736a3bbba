//! The fast parser of what holds a record: an event of EventBridge, an element of `LookupEvents`.
//!
//! Enters: text and the offset of the event in it. Leaves: the record and where it ends, or nothing. Law: an event with a key that
//! is not one of the service's, or that is given twice, is left to the slow parser.

use std::ops::Range;

use super::scan::{FastParser, SeenKeys};
use crate::record::{MAX_DEPTH, fields::Record};

/// An EventBridge event: where its record is, and where it ends.
pub(in crate::record) struct ParsedEnvelope {
    /// The record.
    pub(in crate::record) detail: Range<usize>,
    /// Where the event ends.
    pub(in crate::record) end: usize,
}

/// Reads the EventBridge event that begins with a brace at `start`, and its record into an empty `record`. Account and Region of the
/// event are those of a record without them.
pub(in crate::record) fn parse_eventbridge_event<'t>(
    text: &'t str,
    start: usize,
    record: &mut Record<'t>,
) -> Option<ParsedEnvelope> {
    let mut scan = FastParser::at(text, start, MAX_DEPTH - 2);
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
pub(in crate::record) fn parse_lookup_event(text: &str, start: usize, record: &mut Vec<u8>) -> Option<usize> {
    let mut scan = FastParser::at(text, start, MAX_DEPTH - 1);
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
