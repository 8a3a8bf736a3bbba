//! JSON text, read from left to right.
//!
//! Enters: text and an offset. Leaves: keys, values and where they end, or nothing where the text is not plain JSON. Laws: every byte
//! that is skipped is checked; a key with an escape, or one that may have come before in its object, is not returned.

use std::borrow::Cow;

use wide::u8x16;

use crate::record::fields::FieldText;

/// Far more bytes than a record has: CloudTrail cuts what is long.
const MAX_RECORD_BYTES: usize = 4 << 20;

/// Text, and how far it was read.
pub(super) struct FastParser<'t> {
    pub(super) text: &'t str,
    bytes: &'t [u8],
    pub(super) offset: usize,
    /// Nesting depth left inside the record.
    pub(super) room: usize,
}

/// A string: its bounds, without the quotes, and whether it has escapes.
#[derive(Clone, Copy)]
pub(super) struct StringSpan {
    start: usize,
    end: usize,
    escaped: bool,
}

/// The keys of an object that were seen: one bit for each, by a hash that tells the keys of CloudTrail apart. An
/// unknown key may share the bit of another one, and then looks like a key given twice.
#[derive(Clone, Copy, Default)]
pub(super) struct SeenKeys(u64);

impl SeenKeys {
    /// Adds a key. Returns whether it certainly was not seen before.
    #[inline]
    pub(super) fn is_first(&mut self, key: &[u8]) -> bool {
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
    /// Begins at an offset, with room for values of this depth.
    pub(super) fn at(text: &'t str, offset: usize, room: usize) -> Self {
        Self { text, bytes: text.as_bytes(), offset, room }
    }

    /// Whether the object after its opening brace has a key. If so, skips the quote of the key.
    #[inline]
    pub(super) fn next_is_first_key(&mut self) -> Option<bool> {
        match self.next_non_whitespace()? {
            b'"' => Some(true),
            b'}' => Some(false),
            _ => None,
        }
    }

    /// Opens an object or `null`. Returns whether it has a key; `null` has none.
    pub(super) fn open_object(&mut self) -> Option<bool> {
        match self.next_non_whitespace()? {
            b'{' => self.next_is_first_key(),
            b'n' => self.expect_literal(b"ull").map(|()| false),
            _ => None,
        }
    }

    /// Whether another key comes next. If so, skips its quote.
    #[inline]
    pub(super) fn next_is_key(&mut self) -> Option<bool> {
        match self.next_non_whitespace()? {
            b',' if self.next_non_whitespace()? == b'"' => Some(true),
            b'}' => Some(false),
            _ => None,
        }
    }

    /// The next `N` bytes; zeros if there are fewer.
    #[inline]
    pub(super) fn peek<const N: usize>(&self) -> &'t [u8; N] {
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
    pub(super) fn skip_if_new<const N: usize>(&mut self, expected: &[u8; N], seen: &mut SeenKeys) -> bool {
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
    pub(super) fn parse_key(&mut self) -> Option<&'t [u8]> {
        let key = self.key_span()?;
        self.unescaped(key)
    }

    /// Reads a key as [`Self::parse_key`] does; nothing if it may be given twice.
    #[inline]
    pub(super) fn parse_new_key(&mut self, seen: &mut SeenKeys) -> Option<&'t [u8]> {
        self.parse_key().filter(|key| seen.is_first(key))
    }

    fn unescaped(&self, text: StringSpan) -> Option<&'t [u8]> {
        if text.escaped { None } else { self.bytes.get(text.start..text.end) }
    }

    /// A string, probably of `N` bytes, or `null`. A correct guess saves the search for the end.
    #[inline]
    pub(super) fn parse_text_of_length<const N: usize>(&mut self) -> Option<FieldText<'t>> {
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
    pub(super) fn parse_text(&mut self) -> Option<FieldText<'t>> {
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
    pub(super) fn parse_bool(&mut self) -> Option<Option<bool>> {
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
    pub(super) fn parse_raw(&mut self) -> Option<Option<&'t str>> {
        let first = self.next_non_whitespace()?;
        let start = self.offset.checked_sub(1)?;
        self.skip_rest_of_value(first, self.room)?;
        let raw = self.text.get(start..self.offset)?;
        Some((raw != "null").then_some(raw))
    }

    /// Skips any value nested no deeper than `room`.
    pub(super) fn skip_value(&mut self, room: usize) -> Option<()> {
        let first = self.next_non_whitespace()?;
        self.skip_rest_of_value(first, room)
    }

    #[inline]
    pub(super) fn skip_rest_of_value(&mut self, first: u8, room: usize) -> Option<()> {
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

    pub(super) fn expect_literal<const N: usize>(&mut self, rest: &[u8; N]) -> Option<()> {
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
    pub(super) fn next_non_whitespace(&mut self) -> Option<u8> {
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
    pub(super) fn unescape_string(&mut self, out: &mut Vec<u8>) -> Option<()> {
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
