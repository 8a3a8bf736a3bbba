//! Splits the text of a log file into pieces.
//!
//! Enters: inflated text, and the error that ended it early, if any. Leaves: calls on a [`RecordVisitor`]. Laws:
//! pieces are found from front to back; if the text stops being JSON, everything before is kept, and the rest is one
//! unreadable piece, or, in JSON lines, the rest of that line; the fast parser gives the same result as the slow one
//! or none.

use std::collections::BTreeSet;

use serde::de::{DeserializeOwned, IgnoredAny};

use super::{
    DeliveryFact, DeliveryForm, Fingerprint, MAX_DEPTH, MAX_TEXT_BYTES, Record, RecordError, RecordVisitor,
    UnreadablePiece, UnreadableReason,
    delivery::{self, Listing},
    digest, fast_parser,
    fields::{self, JsonObject},
};

/// Where and why parsing stopped.
#[derive(Clone, Copy)]
struct ParseStop {
    /// Offset of the piece that cannot be read.
    offset: usize,
    reason: UnreadableReason,
    /// Line ends between the offset and the invalid byte.
    lines: usize,
}

/// Kind of the elements of an array.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ElementKind {
    /// An element of `Records`: a CloudTrail record.
    Record,
    /// `Events` of `LookupEvents`: each contains a record as text.
    LookupEvent,
    /// A log event of CloudWatch Logs, which contains a record as text.
    LogEvent,
    /// A log event of a control message of CloudWatch Logs: text that is not a record is left out.
    ControlEvent,
    /// A value at the top level or of an array there: any form.
    TopLevel,
}

/// Deepest nesting of arrays at the top level: lists of lists of log files.
const MAX_LIST_DEPTH: usize = 8;

/// Key of the record of an element of `LookupEvents`.
const LOOKUP_EVENT_TEXT: &str = "CloudTrailEvent";
/// Keys of a record and of what contains one record, none of which stands beside a list of records.
const FORM_KEYS: [&str; 8] = [
    "eventVersion",
    "userIdentity",
    "eventID",
    "eventName",
    "eventSource",
    LOOKUP_EVENT_TEXT,
    "detail-type",
    "digestStartTime",
];

const JSON_WHITESPACE: [char; 4] = [' ', '\n', '\r', '\t'];

/// Keys of lists of records.
const LIST_KEYS: [&str; 4] = ["Records", "Events", "logEvents", "events"];

/// Key of the record of a log event of CloudWatch Logs.
const LOG_EVENT_TEXT: &str = "message";

struct DocumentReader<'t, 'v, V> {
    text: &'t [u8],
    /// The prefix of the text that is UTF-8.
    valid_text: &'t str,
    /// Whether to try the fast parser first.
    use_fast_parser: bool,
    /// Pieces passed to the visitor so far.
    pieces: u64,
    /// Arrays at the top level that are open.
    list_depth: usize,
    /// The list of events that is being read.
    listing: Option<Listing>,
    /// The subscription with the log events that are being read.
    subscription: Option<DeliveryForm>,
    /// Forms in which records were delivered.
    forms: BTreeSet<DeliveryForm>,
    /// The text of a record that another text holds, kept for its memory.
    unescaped: Vec<u8>,
    visitor: &'v mut V,
}

pub(super) fn read_document<V: RecordVisitor>(
    text: &[u8],
    fault: Option<UnreadableReason>,
    stored: &[u8],
    quickly: bool,
    visit: &mut V,
) {
    let mut reader = DocumentReader {
        text,
        valid_text: valid_prefix(text),
        use_fast_parser: quickly,
        pieces: 0,
        list_depth: 0,
        listing: None,
        subscription: None,
        forms: BTreeSet::new(),
        unescaped: Vec::new(),
        visitor: visit,
    };
    let stop = match reader.read_values() {
        Ok(false) if fault.is_none() => {
            Some(ParseStop { offset: 0, reason: UnreadableReason::Empty, lines: 0 })
        }
        Ok(_) => None,
        Err(stop) => Some(stop),
    };
    for form in std::mem::take(&mut reader.forms) {
        reader.visitor.visit_delivery_fact(DeliveryFact::Form(form));
    }
    let at_end = stop.filter(|stop| stop.reason == UnreadableReason::TruncatedJson);
    if let Some(stop) = stop.filter(|_| fault.is_none() || at_end.is_none()) {
        reader.visit_unreadable(stop.offset, text.len(), RecordError::whole_piece(stop.reason));
    }
    if let Some(reason) = fault {
        let piece = UnreadablePiece {
            error: RecordError::whole_piece(reason),
            fingerprint: Fingerprint::of("object", &[stored]),
            offset: at_end.map_or(text.len(), |stop| stop.offset) as u64,
            record_index: reader.pieces,
        };
        reader.visitor.visit_unreadable(piece);
    }
}

fn valid_prefix(text: &[u8]) -> &str {
    match std::str::from_utf8(text) {
        Ok(valid) => valid,
        Err(error) => text
            .get(..error.valid_up_to())
            .and_then(|head| std::str::from_utf8(head).ok())
            .unwrap_or_default(),
    }
}

impl<V: RecordVisitor> DocumentReader<'_, '_, V> {
    /// Reads all values of the text. Returns whether there was one.
    fn read_values(&mut self) -> Result<bool, ParseStop> {
        let mut at = if self.text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut any = false;
        loop {
            at = self.skip_whitespace(at);
            if at >= self.text.len() {
                return Ok(any);
            }
            any = true;
            let read = self.read_value(at);
            if self.visitor.is_done() {
                return Ok(any);
            }
            at = match read {
                Ok(end) => end,
                Err(stop) => {
                    let next = self.next_line(at, stop).ok_or(stop)?;
                    let from = if stop.offset < next { stop.offset } else { at };
                    self.visit_unreadable(from, next, RecordError::whole_piece(stop.reason));
                    next
                }
            };
        }
    }

    /// Reads one value at the top level, or of an array there. Returns where it ends.
    fn read_value(&mut self, start: usize) -> Result<usize, ParseStop> {
        match self.text.get(start) {
            Some(b'[') if self.list_depth < MAX_LIST_DEPTH => {
                self.list_depth += 1;
                let end = self.read_array(start, ElementKind::TopLevel);
                self.list_depth -= 1;
                end
            }
            Some(b'{') => match self.try_fast(start, ElementKind::TopLevel) {
                Some(end) => Ok(end),
                None => self.read_object(start),
            },
            _ => {
                let end = self.skip_value(start)?;
                self.visit_value(start, end, ElementKind::TopLevel);
                Ok(end)
            }
        }
    }

    /// Reads an object at the top level: a list of records, or anything that an element can be. Returns where it
    /// ends.
    fn read_object(&mut self, start: usize) -> Result<usize, ParseStop> {
        let mut listed = false;
        let mut at = start + 1;
        let whole =
            |stop: ParseStop, listed| ParseStop { offset: if listed { stop.offset } else { start }, ..stop };
        at = self.skip_whitespace(at);
        if self.text.get(at) == Some(&b'}') {
            self.visit_unreadable(start, at + 1, RecordError::whole_piece(UnreadableReason::NotCloudTrail));
            return Ok(at + 1);
        }
        let mut message_types = MessageTypes::default();
        let mut log_events = Vec::new();
        // A field of another form than a list of records.
        let mut other_form = None;
        let mut is_cut = false;
        let (mut owner, mut log_group) = (None, None);
        self.listing = None;
        loop {
            at = self.skip_whitespace(at);
            let (key, end) = self.parse::<String>(at).map_err(|stop| whole(stop, listed))?;
            at = self.expect_byte(b':', end).map_err(|stop| whole(stop, listed))?;
            at = self.skip_whitespace(at);
            let is_list = self.text.get(at) == Some(&b'[');
            at = match key.as_str() {
                "Records" if is_list => {
                    listed = true;
                    self.read_array(at, ElementKind::Record)?
                }
                "Events" if is_list => {
                    listed = true;
                    self.listing.get_or_insert(Listing::new(false));
                    self.read_array(at, ElementKind::LookupEvent)?
                }
                "logEvents" | "events" if is_list => {
                    listed = true;
                    if key == "events" {
                        self.listing.get_or_insert(Listing::new(true));
                    }
                    // Whether it is a control message may be said after the log events.
                    match self.skip_value(at) {
                        Ok(end) => {
                            log_events.push(at);
                            end
                        }
                        Err(_) => self.read_array(at, ElementKind::LogEvent)?,
                    }
                }
                name => {
                    let end = self.skip_value(at).map_err(|stop| whole(stop, listed))?;
                    let value = self.text.get(at..end).unwrap_or_default();
                    match name {
                        "messageType" => message_types.add(value),
                        "owner" => owner = serde_json::from_slice::<String>(value).ok(),
                        "logGroup" => log_group = serde_json::from_slice::<String>(value).ok(),
                        _ => {}
                    }
                    is_cut |= delivery::is_next_token(name, value);
                    other_form = other_form.or_else(|| FORM_KEYS.into_iter().find(|key| *key == name));
                    end
                }
            };
            at = self.skip_whitespace(at);
            match self.text.get(at) {
                Some(b',') => at += 1,
                Some(b'}') => break,
                found => {
                    let stop = whole(stop_at(at, found), listed);
                    self.read_log_events(&log_events, ElementKind::LogEvent)?;
                    return Err(stop);
                }
            }
        }
        let element = message_types.element();
        let is_bounded = |(owner, group): &(String, String)| owner.len().max(group.len()) <= MAX_TEXT_BYTES;
        let named = owner.zip(log_group).filter(is_bounded);
        self.subscription = named.map(|(owner, log_group)| DeliveryForm::Subscription {
            owner: owner.into(),
            log_group: log_group.into(),
        });
        self.read_log_events(&log_events, element)?;
        self.subscription = None;
        if let Some(page) = self.listing.take().and_then(|listing| listing.page(is_cut)) {
            self.visitor.visit_delivery_fact(DeliveryFact::ListingPage(page));
        }
        match other_form {
            _ if !listed => self.visit_value(start, at + 1, ElementKind::TopLevel),
            // Which of them counts is not known, so what the list has counts, and the object is one more piece.
            Some(key) => {
                let ambiguous = RecordError::in_field(UnreadableReason::BadValue, key);
                self.visit_unreadable(start, at + 1, ambiguous);
            }
            None => {}
        }
        Ok(at + 1)
    }

    /// Reads arrays of log events, which are well-formed.
    fn read_log_events(&mut self, starts: &[usize], element: ElementKind) -> Result<(), ParseStop> {
        starts.iter().try_for_each(|start| self.read_array(*start, element).map(drop))
    }

    /// Reads an array of elements. Returns where it ends.
    fn read_array(&mut self, start: usize, element: ElementKind) -> Result<usize, ParseStop> {
        let mut at = self.skip_whitespace(start + 1);
        if self.text.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
        loop {
            at = self.skip_whitespace(at);
            at = self.read_element(at, element)?;
            if self.visitor.is_done() {
                return Err(stop_at(at, None));
            }
            at = self.skip_whitespace(at);
            match self.text.get(at) {
                Some(b',') => at += 1,
                Some(b']') => return Ok(at + 1),
                found => return Err(stop_at(at, found)),
            }
        }
    }

    /// Reads one element of any kind. Returns where it ends.
    fn read_element(&mut self, start: usize, element: ElementKind) -> Result<usize, ParseStop> {
        if element == ElementKind::TopLevel {
            return self.read_value(start);
        }
        if let Some(end) = self.try_fast(start, element) {
            return Ok(end);
        }
        let end = self.skip_value(start)?;
        self.visit_value(start, end, element);
        Ok(end)
    }

    /// Reads one element with the fast parser. Returns where it ends, or `None` if it did nothing.
    fn try_fast(&mut self, start: usize, element: ElementKind) -> Option<usize> {
        if !self.use_fast_parser {
            return None;
        }
        match element {
            ElementKind::Record => self.try_fast_record(start, element),
            ElementKind::LookupEvent => self.try_fast_lookup_event(start),
            ElementKind::TopLevel => {
                self.try_fast_record(start, element).or_else(|| self.try_fast_eventbridge_event(start))
            }
            ElementKind::LogEvent | ElementKind::ControlEvent => None,
        }
    }

    fn try_fast_eventbridge_event(&mut self, start: usize) -> Option<usize> {
        let mut record = Record::default();
        let event = fast_parser::parse_eventbridge_event(self.valid_text, start, &mut record)?;
        let bytes = self.text.get(event.detail)?;
        match self.visit_record(&record, bytes) {
            Ok(()) => drop(self.forms.insert(DeliveryForm::EventBridge)),
            Err(fault) => self.visit_unreadable(start, event.end, fault),
        }
        Some(event.end)
    }

    fn try_fast_lookup_event(&mut self, start: usize) -> Option<usize> {
        let mut unescaped = std::mem::take(&mut self.unescaped);
        let read = self.read_fast_lookup_event(start, &mut unescaped);
        self.unescaped = unescaped;
        read
    }

    fn read_fast_lookup_event(&mut self, start: usize, unescaped: &mut Vec<u8>) -> Option<usize> {
        let end = fast_parser::parse_lookup_event(self.valid_text, start, unescaped)?;
        let text = std::str::from_utf8(unescaped).ok()?.trim_matches(JSON_WHITESPACE);
        let record = self.parse_fast(text)?;
        if let Err(fault) = self.visit_record(&record, text.as_bytes()) {
            self.visit_unreadable(start, end, fault);
        }
        Some(end)
    }

    fn try_fast_record(&mut self, start: usize, element: ElementKind) -> Option<usize> {
        let mut record = Record::default();
        let end = fast_parser::parse_record(self.valid_text, start, &mut record)?;
        if element == ElementKind::TopLevel && !record.is_record() {
            return None;
        }
        let bytes = self.text.get(start..end)?;
        if let Err(fault) = self.visit_record(&record, bytes) {
            self.visit_unreadable(start, end, fault);
        }
        Some(end)
    }

    /// Parses `text`, which must be exactly one record, with the fast parser.
    fn parse_fast<'r>(&self, text: &'r str) -> Option<Record<'r>> {
        let mut record = Record::default();
        let end = fast_parser::parse_record(text, 0, &mut record).filter(|_| self.use_fast_parser)?;
        (end == text.len()).then_some(record)
    }

    /// Passes one whole value to the visitor.
    fn visit_value(&mut self, start: usize, end: usize, element: ElementKind) {
        let bytes = self.text.get(start..end).unwrap_or_default();
        if let Err(fault) = self.visit_piece(bytes, element) {
            self.visit_unreadable(start, end, fault);
        }
    }

    fn visit_piece(&mut self, bytes: &[u8], element: ElementKind) -> Result<(), RecordError> {
        let not_cloud_trail = RecordError::whole_piece(UnreadableReason::NotCloudTrail);
        let raw =
            std::str::from_utf8(bytes).map_err(|_| RecordError::whole_piece(UnreadableReason::BadUtf8))?;
        if raw.starts_with('"') && element == ElementKind::TopLevel {
            let text: String = serde_json::from_str(raw)
                .map_err(|_| RecordError::whole_piece(UnreadableReason::BadValue))?;
            return self.visit_text(&text, None);
        }
        if raw.starts_with('[') && element == ElementKind::TopLevel {
            return Err(RecordError::whole_piece(UnreadableReason::TooDeep));
        }
        if !raw.starts_with('{') {
            return Err(if element == ElementKind::TopLevel {
                not_cloud_trail
            } else {
                RecordError::whole_piece(UnreadableReason::WrongType)
            });
        }
        if depth(bytes) > MAX_DEPTH {
            return Err(RecordError::whole_piece(UnreadableReason::TooDeep));
        }
        let object = fields::parse_object(raw, RecordError::whole_piece(UnreadableReason::BadValue))?;
        match element {
            ElementKind::Record => self.visit_record(&single_record(&object)?, bytes),
            ElementKind::LookupEvent => self.visit_text_field(&object, LOOKUP_EVENT_TEXT),
            ElementKind::LogEvent => self.visit_text_field(&object, LOG_EVENT_TEXT),
            ElementKind::ControlEvent => match self.visit_text_field(&object, LOG_EVENT_TEXT) {
                Err(error) if error == not_cloud_trail => Ok(()),
                result => result,
            },
            ElementKind::TopLevel => self.visit_top_level(&object, bytes),
        }
    }

    fn visit_top_level(&mut self, object: &JsonObject<'_>, bytes: &[u8]) -> Result<(), RecordError> {
        let not_cloud_trail = RecordError::whole_piece(UnreadableReason::NotCloudTrail);
        let is_record = Record::has_identity(object);
        if let (Some(_), Some(detail)) = (object.get("detail-type"), object.get("detail")) {
            if is_record {
                return Err(RecordError::in_field(UnreadableReason::BadValue, "detail-type"));
            }
            let record = match self.parse_fast(detail.get()) {
                Some(record) => record,
                None => single_record(&fields::parse_object(
                    detail.get(),
                    RecordError::in_field(UnreadableReason::WrongType, "detail"),
                )?)?,
            };
            self.visit_record(&fill_from_envelope(object, record)?, detail.get().as_bytes())?;
            self.forms.insert(DeliveryForm::EventBridge);
            return Ok(());
        }
        if digest::is_digest(object) {
            if is_record {
                return Err(RecordError::in_field(UnreadableReason::BadValue, "digestStartTime"));
            }
            self.visitor.visit_digest_window(digest::read_digest(object)?);
            return Ok(());
        }
        let is_log_event = object.get(LOG_EVENT_TEXT).is_some_and(|raw| raw.get().starts_with('"'));
        match (is_record, object.contains_key(LOOKUP_EVENT_TEXT), is_log_event) {
            // A record beside the text of a record: which of them counts is not known.
            (true, true, _) => Err(RecordError::in_field(UnreadableReason::BadValue, LOOKUP_EVENT_TEXT)),
            (true, ..) => self.visit_record(&Record::from_object(object)?, bytes),
            (false, true, _) => self.visit_text_field(object, LOOKUP_EVENT_TEXT),
            (false, ..) if is_aggregated(object) => self.visit_record(&Record::from_object(object)?, bytes),
            (false, false, true) => self.visit_text_field(object, LOG_EVENT_TEXT),
            _ => Err(not_cloud_trail),
        }
    }

    /// Passes the record that a field holds as text to the visitor.
    fn visit_text_field(&mut self, object: &JsonObject<'_>, name: &'static str) -> Result<(), RecordError> {
        let text = fields::text_field(object, name)?
            .ok_or(RecordError::in_field(UnreadableReason::MissingField, name))?;
        self.visit_text(&text, Some(name))?;
        if name == LOG_EVENT_TEXT {
            let unnamed =
                if self.listing.is_some() { &DeliveryForm::LogGroup } else { &DeliveryForm::LogEvent };
            let form = self.subscription.as_ref().unwrap_or(unnamed);
            if !self.forms.contains(form) {
                self.forms.insert(form.clone());
            }
        }
        Ok(())
    }

    /// Passes a record that is text in JSON to the visitor.
    fn visit_text(&mut self, text: &str, field: Option<&'static str>) -> Result<(), RecordError> {
        let text = text.trim_matches(JSON_WHITESPACE);
        let is_lookup_event = field == Some(LOOKUP_EVENT_TEXT);
        if !is_lookup_event && !text.starts_with('{') {
            return Err(RecordError::whole_piece(UnreadableReason::NotCloudTrail));
        }
        if let Some(record) = self.parse_fast(text).filter(|record| is_lookup_event || record.is_record()) {
            return self.visit_record(&record, text.as_bytes());
        }
        if depth(text.as_bytes()) > MAX_DEPTH {
            return Err(RecordError::whole_piece(UnreadableReason::TooDeep));
        }
        let object = fields::parse_object(text, RecordError { reason: UnreadableReason::BadJson, field })?;
        if !is_lookup_event && !Record::has_identity(&object) && !is_aggregated(&object) {
            return Err(RecordError::whole_piece(UnreadableReason::NotCloudTrail));
        }
        self.visit_record(&single_record(&object)?, text.as_bytes())
    }

    fn visit_record(&mut self, record: &Record<'_>, bytes: &[u8]) -> Result<(), RecordError> {
        if record.is_set_aside() {
            let identity = match &record.event_id {
                Some(id) => Fingerprint::of("insight", &[id.as_bytes()]),
                None => Fingerprint::of("insight without id", &[bytes]),
            };
            self.visitor.visit_insight(identity);
            self.listing.as_mut().map(Listing::add_other);
        } else {
            self.visitor.visit_record(record, bytes)?;
            if let Some(listing) = &mut self.listing {
                listing.add(record);
            }
        }
        self.pieces += 1;
        Ok(())
    }

    fn visit_unreadable(&mut self, start: usize, end: usize, fault: RecordError) {
        let bytes = self.text.get(start..end).unwrap_or_default();
        let fingerprint = Fingerprint::of("piece", &[bytes]);
        self.visitor.visit_unreadable(UnreadablePiece {
            error: fault,
            fingerprint,
            offset: start as u64,
            record_index: self.pieces,
        });
        self.listing.as_mut().map(Listing::add_other);
        self.pieces += 1;
    }

    /// Where to continue after a line that is not JSON, if the text is JSON lines. It is if this line and the next both
    /// begin an object, this line is more than a brace, and the error is in or directly after this line. An error
    /// further on would be found again from each of the lines between.
    fn next_line(&self, start: usize, stop: ParseStop) -> Option<usize> {
        let line = self.text.get(start..)?;
        let length = memchr::memchr(b'\n', line)?;
        let next = self.skip_whitespace(start + length);
        let lines = line.starts_with(b"{")
            && length > 2
            && stop.offset <= next
            && stop.lines <= 1
            && self.text.get(next) == Some(&b'{');
        lines.then_some(next)
    }

    fn skip_whitespace(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(at) {
            at += 1;
        }
        at
    }

    fn expect_byte(&self, byte: u8, at: usize) -> Result<usize, ParseStop> {
        let at = self.skip_whitespace(at);
        let found = self.text.get(at);
        if found == Some(&byte) { Ok(at + 1) } else { Err(stop_at(at, found)) }
    }

    fn skip_value(&self, start: usize) -> Result<usize, ParseStop> {
        self.parse::<IgnoredAny>(start).map(|(_, end)| end)
    }

    fn parse<T: DeserializeOwned>(&self, start: usize) -> Result<(T, usize), ParseStop> {
        let rest = self.text.get(start..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => Ok((value, start + values.byte_offset())),
            Some(Err(error)) => {
                let reason =
                    if error.is_eof() { UnreadableReason::TruncatedJson } else { UnreadableReason::BadJson };
                Err(ParseStop { offset: start, reason, lines: error.line().saturating_sub(1) })
            }
            None => Err(ParseStop { offset: start, reason: UnreadableReason::TruncatedJson, lines: 0 }),
        }
    }
}

/// Whether all values of `messageType` in one object name a control message of CloudWatch Logs.
#[derive(Default)]
struct MessageTypes {
    control: bool,
    other: bool,
}

impl MessageTypes {
    fn add(&mut self, value: &[u8]) {
        if value == b"\"CONTROL_MESSAGE\"" {
            self.control = true;
        } else {
            self.other = true;
        }
    }

    const fn element(&self) -> ElementKind {
        if self.control && !self.other { ElementKind::ControlEvent } else { ElementKind::LogEvent }
    }
}

/// The record of an object that has no list of records beside its fields.
fn single_record<'a>(object: &JsonObject<'a>) -> Result<Record<'a>, RecordError> {
    let is_list = |key: &&str| object.get(*key).is_some_and(|raw| raw.get().starts_with('['));
    match LIST_KEYS.into_iter().find(is_list) {
        Some(key) => Err(RecordError::in_field(UnreadableReason::BadValue, key)),
        None => Record::from_object(object),
    }
}

/// Whether an object without the fields of a record claims to be an aggregated event, which has `eventId`.
fn is_aggregated(object: &JsonObject<'_>) -> bool {
    object.get("eventType").is_some_and(|raw| raw.get() == "\"AwsAggregatedEvent\"")
}

/// The record of an EventBridge envelope. The envelope gives account and region if the record does not.
fn fill_from_envelope<'a>(
    envelope: &JsonObject<'a>,
    mut record: Record<'a>,
) -> Result<Record<'a>, RecordError> {
    if record.recipient_account_id.is_none() {
        record.recipient_account_id = fields::text_field(envelope, "account")?;
    }
    if record.region.is_none() {
        record.region = fields::text_field(envelope, "region")?;
    }
    Ok(record)
}

fn stop_at(at: usize, found: Option<&u8>) -> ParseStop {
    ParseStop {
        offset: at,
        reason: if found.is_some() { UnreadableReason::BadJson } else { UnreadableReason::TruncatedJson },
        lines: 0,
    }
}

/// Nesting depth of well-formed JSON.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests;
