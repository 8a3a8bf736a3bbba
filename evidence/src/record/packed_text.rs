//! Gzip that is written as base64 in a text.
//!
//! Enters: a text. Leaves: what the gzip in it inflates to. Laws: at most [`MAX_PACKED_BYTES`] of each piece are inflated;
//! no input panics.
//!
//! Base64 of gzip begins with `H4sI`, because gzip begins with the bytes 1f, 8b and 08.

use super::Inflater;

/// The part of a piece that is inflated: enough for the names of the first records.
const MAX_PACKED_BYTES: usize = 1 << 20;

/// Number of pieces that are looked at.
const MAX_PIECES: usize = 16;

/// Whether `holds` is true of what a piece inflates to.
pub(super) fn any_packed(text: &[u8], holds: impl Fn(&[u8]) -> bool) -> bool {
    let (mut inflater, mut from) = (Inflater::default(), 0);
    for _ in 0..MAX_PIECES {
        let rest = text.get(from..).unwrap_or_default();
        let Some(at) = memchr::memmem::find(rest, b"H4sI") else { return false };
        let (gzip, length) = decode(rest.get(at..).unwrap_or_default());
        if holds(inflater.inflate(&gzip, MAX_PACKED_BYTES).0) {
            return true;
        }
        from += at + length.max(1);
    }
    false
}

/// The bytes of base64 at the beginning of a text, which may be wrapped in lines or escaped in JSON, and its length.
fn decode(text: &[u8]) -> (Vec<u8>, usize) {
    let (mut bytes, mut bits, mut count, mut length) = (Vec::new(), 0_u32, 0_usize, 0);
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\n' | b'\r' => continue,
            // JSON may write `/` as `\/` and ends of lines as `\n`.
            b'\\' => match rest.clone().next() {
                Some(b'n' | b'r') => {
                    rest.next();
                    continue;
                }
                Some(b'/') => continue,
                _ => break,
            },
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            let [_, group @ ..] = bits.to_be_bytes();
            bytes.extend(group);
            (bits, count) = (0, 0);
        }
        length = text.len() - rest.len();
    }
    let [_, first, second, _] = (bits << (6 * (4 - count))).to_be_bytes();
    bytes.extend([first, second].into_iter().take(count.saturating_sub(1)));
    (bytes, length)
}
