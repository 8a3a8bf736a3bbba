//! Decompresses a log file.
//!
//! Enters: a log file as stored. Leaves: the bytes it inflates to, as far as they can be read, and the error that
//! ended them early. Laws: no more than the limit is allocated, for all layers together, and the size in the gzip
//! trailer is trusted only up to a ratio; of a damaged or truncated stream everything before the damage is kept; every
//! member of a stream is read; gzip inside gzip is read up to [`MAX_LAYERS`].

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use libdeflater::{DecompressionError, Decompressor};
use memchr::memmem;

use super::UnreadableReason;

/// A decompressor and its buffer, both reused for the next log file.
#[derive(Default)]
pub struct Inflater {
    decompressor: Decompressor,
    buffer: Vec<u8>,
}

/// Layers of gzip that are read. CloudWatch Logs compresses what Firehose may compress again, and so may an S3 client.
const MAX_LAYERS: usize = 4;

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// The size in a gzip trailer is trusted up to this ratio. Beyond it the buffer grows with the data.
const MAX_TRUSTED_RATIO: usize = 64;

impl Inflater {
    /// The text of `stored`; `stored` itself when it is not gzip.
    pub fn inflate<'a>(&'a mut self, stored: &'a [u8], limit: usize) -> (&'a [u8], Option<UnreadableReason>) {
        if stored.is_empty() {
            return (stored, Some(UnreadableReason::Empty));
        }
        if !is_gzip(stored) {
            return match stored.get(..limit) {
                Some(head) if head.len() < stored.len() => (head, Some(UnreadableReason::TooLarge)),
                _ => (stored, None),
            };
        }
        let (mut length, mut fault) = self.inflate_layer(stored, limit);
        let (mut layers, mut left) = (1, limit);
        while self.buffer.get(..length).is_some_and(is_gzip) {
            if layers == MAX_LAYERS {
                return (&[], Some(UnreadableReason::TooDeep));
            }
            layers += 1;
            left = left.saturating_sub(length);
            let mut outer = std::mem::take(&mut self.buffer);
            outer.truncate(length);
            let (inner, inner_fault) = self.inflate_layer(&outer, left);
            // Of two errors the outer one is the cause.
            (length, fault) = (inner, fault.or(inner_fault));
        }
        (self.buffer.get(..length).unwrap_or_default(), fault)
    }

    /// Inflates one layer into the buffer. Returns its length and the error that ended it early.
    fn inflate_layer(&mut self, stored: &[u8], limit: usize) -> (usize, Option<UnreadableReason>) {
        match self.inflate_single_member(stored, limit) {
            Some(length) => (length, None),
            None => {
                let fault = self.inflate_streaming(stored, limit);
                (self.buffer.len(), fault)
            }
        }
    }

    /// The fast path: an intact stream of one member within the limit, or nothing.
    fn inflate_single_member(&mut self, stored: &[u8], limit: usize) -> Option<usize> {
        let claimed = u32::from_le_bytes(*stored.last_chunk::<4>()?);
        let credible = stored.len().saturating_mul(MAX_TRUSTED_RATIO);
        let mut space = usize::try_from(claimed).ok()?.min(credible).min(limit).max(1 << 16);
        let length = loop {
            if self.buffer.len() < space {
                self.buffer.resize(space, 0);
            }
            let room = self.buffer.len().min(limit);
            match self.decompressor.gzip_decompress(stored, self.buffer.get_mut(..room)?) {
                Ok(length) => break length,
                Err(DecompressionError::InsufficientSpace) if room < limit => {
                    space = room.saturating_mul(2).min(limit);
                }
                Err(_) => return None,
            }
        };
        // libdeflate stops after the first member without an error. A second member would follow the length of the
        // first.
        let [a, b, c, d] = u32::try_from(length).ok()?.to_le_bytes();
        let [m, n, o] = GZIP_MAGIC;
        let one_member =
            stored.ends_with(&[a, b, c, d]) && memmem::find(stored, &[a, b, c, d, m, n, o]).is_none();
        one_member.then_some(length)
    }

    /// The slow path: several members, a stream past the limit, or damage.
    fn inflate_streaming(&mut self, stored: &[u8], limit: usize) -> Option<UnreadableReason> {
        self.buffer.clear();
        let reader = MultiGzDecoder::new(stored);
        let mut reader = reader.take((limit as u64).saturating_add(1));
        let read = reader.read_to_end(&mut self.buffer);
        if self.buffer.len() > limit {
            self.buffer.truncate(limit);
            return Some(UnreadableReason::TooLarge);
        }
        match read {
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Some(UnreadableReason::TruncatedGzip)
            }
            Err(_) => Some(UnreadableReason::CorruptGzip),
        }
    }
}

fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(stored: &[u8], limit: usize) -> (Vec<u8>, Option<UnreadableReason>) {
        let mut inflater = Inflater::default();
        let (text, fault) = inflater.inflate(stored, limit);
        (text.to_vec(), fault)
    }

    #[test]
    fn one_member_and_many_members_are_read() {
        let (a, b) = (gzip(b"first"), gzip(b"other"));
        assert_eq!(inflate(&a, 100), (b"first".to_vec(), None));
        assert_eq!(inflate(&[a.clone(), b].concat(), 100), (b"firstother".to_vec(), None));
        assert_eq!(inflate(&[a.clone(), a].concat(), 100), (b"firstfirst".to_vec(), None));
        assert_eq!(inflate(b"plain", 100), (b"plain".to_vec(), None));
    }

    #[test]
    fn damage_is_reported_and_data_before_it_is_kept() {
        let text: Vec<u8> =
            (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let stored = gzip(&text);
        let (kept, fault) = inflate(&stored[..stored.len() / 2], 1 << 20);
        assert_eq!(fault, Some(UnreadableReason::TruncatedGzip));
        assert!(kept.len() > 100_000 && text.starts_with(&kept));
        let mut bad = stored.clone();
        let at = bad.len() - 6;
        bad[at] ^= 1;
        let garbage = [stored.as_slice(), b"twenty bytes of junk"].concat();
        for damaged in [bad, garbage] {
            let (kept, fault) = inflate(&damaged, 1 << 20);
            assert!(kept == text && fault == Some(UnreadableReason::CorruptGzip), "{fault:?}");
        }
        let (kept, fault) = inflate(&stored, 1_000);
        assert!(kept == text[..1_000] && fault == Some(UnreadableReason::TooLarge), "{fault:?}");
        assert_eq!(inflate(b"", 10), (Vec::new(), Some(UnreadableReason::Empty)));
        assert_eq!(inflate(b"\x1f\x8b", 10).1, Some(UnreadableReason::TruncatedGzip));
    }

    #[test]
    fn gzip_in_gzip_is_read_within_the_limits_of_layers_and_size() {
        let mut stored = b"text".to_vec();
        for _ in 0..MAX_LAYERS {
            stored = gzip(&stored);
            assert_eq!(inflate(&stored, 1 << 10), (b"text".to_vec(), None));
        }
        assert_eq!(inflate(&gzip(&stored), 1 << 10), (Vec::new(), Some(UnreadableReason::TooDeep)));
        let two = gzip(&[gzip(b"a"), gzip(b"b")].concat());
        assert_eq!(inflate(&two, 1 << 10), (b"ab".to_vec(), None));
        let inner = gzip(&vec![b' '; 1 << 20]);
        let (text, fault) = inflate(&gzip(&inner), (1 << 20) + inner.len());
        assert_eq!((text.len(), fault), (1 << 20, None));
        let (text, fault) = inflate(&gzip(&inner), (1 << 20) + inner.len() - 1);
        assert_eq!((text.len(), fault), ((1 << 20) - 1, Some(UnreadableReason::TooLarge)));
        let cut = gzip(&inner[..inner.len() - 9]);
        assert_eq!(inflate(&cut, 1 << 21).1, Some(UnreadableReason::TruncatedGzip));
        let outer = gzip(&gzip(b"text"));
        assert_eq!(inflate(&outer[..outer.len() - 9], 1 << 10).1, Some(UnreadableReason::TruncatedGzip));
        let mixed = gzip(&[gzip(b"a"), b"twenty bytes of plain text".to_vec()].concat());
        assert_eq!(inflate(&mixed, 1 << 10), (b"a".to_vec(), Some(UnreadableReason::CorruptGzip)));
    }

    #[test]
    fn a_gzip_bomb_stops_at_the_limit() {
        let stored = gzip(&vec![b' '; 64 << 20]);
        let mut inflater = Inflater::default();
        let (text, fault) = inflater.inflate(&stored, 1 << 20);
        assert_eq!((text.len(), fault), (1 << 20, Some(UnreadableReason::TooLarge)));
        assert!(inflater.buffer.capacity() <= 4 << 20);
    }
}
