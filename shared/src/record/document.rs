//! The text of an object, taken apart into pieces.
//!
//! Enters: inflated text, and what ended it early. Leaves: calls on a [`Visit`]. Laws: pieces are found from front
//! to back; where the text stops being JSON everything before is kept, and the rest is one unreadable piece, or, in
//! JSON lines, the rest of that line. The slow path has the last word: the quick one may only agree.

use serde::de::{DeserializeOwned, IgnoredAny};

use super::{
    DEEPEST, Fault, Fingerprint, Reason, Record, Unreadable, Visit, digest,
    fields::{self, Object},
    scan,
};

/// Where and why the text cannot be followed any further.
#[derive(Clone, Copy)]
struct Stop {
    /// Where the piece that cannot be read begins.
    at: usize,
    reason: Reason,
    /// Line ends passed between there and the byte that is at fault.
    lines: usize,
}

/// What the elements of an array are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    /// `Records`: records.
    Record,
    /// `Events` of `LookupEvents`: each holds a record as text.
    Lookup,
    /// An array that is the whole text: records or envelopes.
    Top,
}

struct Reader<'t, 'v, V> {
    text: &'t [u8],
    /// As much of the text as is UTF-8.
    valid: &'t str,
    /// Whether to try the quick way first.
    quickly: bool,
    /// Pieces handed on so far.
    pieces: u64,
    visit: &'v mut V,
}

pub(super) fn read<V: Visit>(
    text: &[u8],
    fault: Option<Reason>,
    stored: &[u8],
    quickly: bool,
    visit: &mut V,
) {
    let mut reader = Reader { text, valid: valid_prefix(text), quickly, pieces: 0, visit };
    let stop = match reader.values() {
        Ok(false) if fault.is_none() => Some(Stop { at: 0, reason: Reason::Empty, lines: 0 }),
        Ok(_) => None,
        Err(stop) => Some(stop),
    };
    let at_end = stop.filter(|stop| stop.reason == Reason::TruncatedJson);
    if let Some(stop) = stop.filter(|_| fault.is_none() || at_end.is_none()) {
        reader.unreadable(stop.at, text.len(), Fault::of(stop.reason));
    }
    if let Some(reason) = fault {
        let piece = Unreadable {
            fault: Fault::of(reason),
            fingerprint: Fingerprint::of("object", &[stored]),
            offset: at_end.map_or(text.len(), |stop| stop.at) as u64,
            record: reader.pieces,
        };
        reader.visit.unreadable(piece);
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

impl<V: Visit> Reader<'_, '_, V> {
    /// All values of the text; whether there was one.
    fn values(&mut self) -> Result<bool, Stop> {
        let mut at = if self.text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut any = false;
        loop {
            at = self.blank(at);
            if at >= self.text.len() {
                return Ok(any);
            }
            any = true;
            at = match self.value(at) {
                Ok(end) => end,
                Err(stop) => {
                    let next = self.next_line(at, stop).ok_or(stop)?;
                    let from = if stop.at < next { stop.at } else { at };
                    self.unreadable(from, next, Fault::of(stop.reason));
                    next
                }
            };
        }
    }

    /// One value at the top level; returns where it ends.
    fn value(&mut self, start: usize) -> Result<usize, Stop> {
        match self.text.get(start) {
            Some(b'[') => self.array(start, Element::Top),
            Some(b'{') => match self.quick(start, Element::Top) {
                Some(end) => Ok(end),
                None => self.object(start),
            },
            _ => self.element(start, Element::Top),
        }
    }

    /// An object at the top level: a list of records, or anything an element can be.
    fn object(&mut self, start: usize) -> Result<usize, Stop> {
        let mut listed = false;
        let mut at = start + 1;
        let whole = |stop: Stop, listed| Stop { at: if listed { stop.at } else { start }, ..stop };
        at = self.blank(at);
        if self.text.get(at) == Some(&b'}') {
            self.unreadable(start, at + 1, Fault::of(Reason::NotCloudTrail));
            return Ok(at + 1);
        }
        loop {
            at = self.blank(at);
            let (key, end) = self.parse::<String>(at).map_err(|stop| whole(stop, listed))?;
            at = self.expect(b':', end).map_err(|stop| whole(stop, listed))?;
            at = self.blank(at);
            let list = match key.as_str() {
                "Records" => Some(Element::Record),
                "Events" => Some(Element::Lookup),
                _ => None,
            };
            at = match list {
                Some(element) if self.text.get(at) == Some(&b'[') => {
                    listed = true;
                    self.array(at, element)?
                }
                _ => self.skip(at).map_err(|stop| whole(stop, listed))?,
            };
            at = self.blank(at);
            match self.text.get(at) {
                Some(b',') => at += 1,
                Some(b'}') => break,
                found => return Err(whole(stop_at(at, found), listed)),
            }
        }
        if !listed {
            self.classify(start, at + 1, Element::Top);
        }
        Ok(at + 1)
    }

    /// An array of elements; returns where it ends.
    fn array(&mut self, start: usize, element: Element) -> Result<usize, Stop> {
        let mut at = self.blank(start + 1);
        if self.text.get(at) == Some(&b']') {
            return Ok(at + 1);
        }
        loop {
            at = self.blank(at);
            at = self.element(at, element)?;
            at = self.blank(at);
            match self.text.get(at) {
                Some(b',') => at += 1,
                Some(b']') => return Ok(at + 1),
                found => return Err(stop_at(at, found)),
            }
        }
    }

    /// One element, whatever it is; returns where it ends.
    fn element(&mut self, start: usize, element: Element) -> Result<usize, Stop> {
        if let Some(end) = self.quick(start, element) {
            return Ok(end);
        }
        let end = self.skip(start)?;
        self.classify(start, end, element);
        Ok(end)
    }

    /// One record, the quick way; nothing was done if it returns nothing.
    fn quick(&mut self, start: usize, element: Element) -> Option<usize> {
        if element == Element::Lookup || !self.quickly {
            return None;
        }
        let mut record = Record::default();
        let end = scan::record(self.valid, start, &mut record)?;
        if element == Element::Top && !record.is_one() {
            return None;
        }
        let bytes = self.text.get(start..end)?;
        if let Err(fault) = self.record(&record, bytes) {
            self.unreadable(start, end, fault);
        }
        Some(end)
    }

    /// The record that is the whole of `text`, the quick way.
    fn inner<'r>(&self, text: &'r str) -> Option<Record<'r>> {
        let mut record = Record::default();
        let end = scan::record(text, 0, &mut record).filter(|_| self.quickly)?;
        (end == text.len()).then_some(record)
    }

    /// Hands on one whole value.
    fn classify(&mut self, start: usize, end: usize, element: Element) {
        let bytes = self.text.get(start..end).unwrap_or_default();
        if let Err(fault) = self.piece(bytes, element) {
            self.unreadable(start, end, fault);
        }
    }

    fn piece(&mut self, bytes: &[u8], element: Element) -> Result<(), Fault> {
        let raw = std::str::from_utf8(bytes).map_err(|_| Fault::of(Reason::BadUtf8))?;
        if !raw.starts_with('{') {
            let reason = if element == Element::Top { Reason::NotCloudTrail } else { Reason::WrongType };
            return Err(Fault::of(reason));
        }
        if depth(bytes) > DEEPEST {
            return Err(Fault::of(Reason::TooDeep));
        }
        let object = fields::object(raw).ok_or(Fault::of(Reason::BadValue))?;
        if element == Element::Lookup {
            let name = "CloudTrailEvent";
            let text = fields::text(&object, name)?.ok_or(Fault::in_field(Reason::MissingField, name))?;
            if let Some(record) = self.inner(&text) {
                return self.record(&record, text.as_bytes());
            }
            if depth(text.as_bytes()) > DEEPEST {
                return Err(Fault::of(Reason::TooDeep));
            }
            let object = fields::object(&text).ok_or(Fault::in_field(Reason::BadJson, name))?;
            return self.record(&Record::from_object(&object)?, text.as_bytes());
        }
        let enveloped_here = element == Element::Top;
        if let (true, Some(_), Some(detail)) =
            (enveloped_here, object.get("detail-type"), object.get("detail"))
        {
            let record = match self.inner(detail.get()) {
                Some(record) => record,
                None => Record::from_object(
                    &fields::object(detail.get()).ok_or(Fault::in_field(Reason::WrongType, "detail"))?,
                )?,
            };
            return self.record(&enveloped(&object, record)?, detail.get().as_bytes());
        }
        if element == Element::Top && digest::is_digest(&object) {
            self.visit.observed(digest::read(&object)?);
            return Ok(());
        }
        let record = Record::from_object(&object)?;
        if element == Element::Top && !record.is_one() {
            return Err(Fault::of(Reason::NotCloudTrail));
        }
        self.record(&record, bytes)
    }

    fn record(&mut self, record: &Record<'_>, bytes: &[u8]) -> Result<(), Fault> {
        if record.is_insight() {
            let identity = match &record.event_id {
                Some(id) => Fingerprint::of("insight", &[id.as_bytes()]),
                None => Fingerprint::of("insight without id", &[bytes]),
            };
            self.visit.insight(identity);
        } else {
            self.visit.record(record)?;
        }
        self.pieces += 1;
        Ok(())
    }

    fn unreadable(&mut self, start: usize, end: usize, fault: Fault) {
        let bytes = self.text.get(start..end).unwrap_or_default();
        let fingerprint = Fingerprint::of("piece", &[bytes]);
        self.visit.unreadable(Unreadable { fault, fingerprint, offset: start as u64, record: self.pieces });
        self.pieces += 1;
    }

    /// Where to go on after a line that is no JSON, if the text is JSON lines: this line and the next one both
    /// begin an object, this one is more than a brace, and the fault showed in it or right behind it: a fault
    /// that shows late would be met again from each of the lines between.
    fn next_line(&self, start: usize, stop: Stop) -> Option<usize> {
        let line = self.text.get(start..)?;
        let length = memchr::memchr(b'\n', line)?;
        let next = self.blank(start + length);
        let lines = line.starts_with(b"{")
            && length > 2
            && stop.at <= next
            && stop.lines <= 1
            && self.text.get(next) == Some(&b'{');
        lines.then_some(next)
    }

    fn blank(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(at) {
            at += 1;
        }
        at
    }

    fn expect(&self, byte: u8, at: usize) -> Result<usize, Stop> {
        let at = self.blank(at);
        let found = self.text.get(at);
        if found == Some(&byte) { Ok(at + 1) } else { Err(stop_at(at, found)) }
    }

    fn skip(&self, start: usize) -> Result<usize, Stop> {
        self.parse::<IgnoredAny>(start).map(|(_, end)| end)
    }

    fn parse<T: DeserializeOwned>(&self, start: usize) -> Result<(T, usize), Stop> {
        let rest = self.text.get(start..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => Ok((value, start + values.byte_offset())),
            Some(Err(error)) => {
                let reason = if error.is_eof() { Reason::TruncatedJson } else { Reason::BadJson };
                Err(Stop { at: start, reason, lines: error.line().saturating_sub(1) })
            }
            None => Err(Stop { at: start, reason: Reason::TruncatedJson, lines: 0 }),
        }
    }
}

/// The record in an EventBridge envelope, which names account and region for those that do not.
fn enveloped<'a>(envelope: &Object<'a>, mut record: Record<'a>) -> Result<Record<'a>, Fault> {
    if record.recipient.is_none() {
        record.recipient = fields::text(envelope, "account")?;
    }
    if record.region.is_none() {
        record.region = fields::text(envelope, "region")?;
    }
    Ok(record)
}

fn stop_at(at: usize, found: Option<&u8>) -> Stop {
    Stop { at, reason: if found.is_some() { Reason::BadJson } else { Reason::TruncatedJson }, lines: 0 }
}

/// Nesting of well-formed JSON.
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
