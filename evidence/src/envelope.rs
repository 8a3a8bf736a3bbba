//! Envelopes: bytes with a format, a version and a checksum.
//!
//! Enters: a body, which is compressed, and a raw part, which is not. Leaves: the envelope as bytes, and the reverse.
//! Law: an envelope that was changed after it was written is rejected.
//!
//! Format, all numbers little-endian: seven bytes for the kind, and a version byte; SHA-256 over the rest; length of
//! the inflated body, length of the raw part, the raw part, the body as raw deflate.

use libdeflater::{CompressionLvl, Compressor, Decompressor};
use sha2::{Digest as _, Sha256};

/// Kind and version of an envelope.
pub(crate) struct EnvelopeFormat {
    /// Seven bytes that identify the kind.
    pub(crate) magic: [u8; 7],
    /// Version of the format of the enclosed bytes.
    pub(crate) version: u8,
}

/// Why an envelope cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EnvelopeError {
    /// The bytes do not begin with the magic bytes of the kind.
    WrongFormat,
    /// Written in another version.
    Version(u8),
    /// The checksum does not match, or the lengths do not.
    Damaged,
}

/// The fastest level that compresses; level 0 of libdeflate stores the bytes unchanged. Measured on the tables of a
/// million records: a third of the size, in a tenth of a second.
const COMPRESSION_LEVEL: i32 = 1;
/// Greatest ratio at which a deflate stream can inflate.
const MAX_DEFLATE_RATIO: usize = 1_032;

impl EnvelopeFormat {
    /// Writes an envelope with a raw part and a body.
    pub(crate) fn seal(&self, raw: &[u8], body: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(COMPRESSION_LEVEL).unwrap_or_default());
        let mut packed = vec![0; compressor.deflate_compress_bound(body.len())];
        let length = compressor.deflate_compress(body, &mut packed).unwrap_or_default();
        packed.truncate(length);

        let mut rest = Vec::with_capacity(16 + raw.len() + packed.len());
        rest.extend((body.len() as u64).to_le_bytes());
        rest.extend((raw.len() as u64).to_le_bytes());
        rest.extend(raw);
        rest.append(&mut packed);

        let mut bytes = Vec::with_capacity(40 + rest.len());
        bytes.extend(self.magic);
        bytes.push(self.version);
        bytes.extend(Sha256::digest(&rest).iter());
        bytes.append(&mut rest);
        bytes
    }

    /// Reads the raw part and the body of an envelope.
    pub(crate) fn open<'a>(&self, bytes: &'a [u8]) -> Result<(&'a [u8], Vec<u8>), EnvelopeError> {
        let rest = bytes.strip_prefix(&self.magic).ok_or(EnvelopeError::WrongFormat)?;
        let (version, rest) = rest.split_first().ok_or(EnvelopeError::WrongFormat)?;
        if *version != self.version {
            return Err(EnvelopeError::Version(*version));
        }
        let (sum, rest) = rest.split_first_chunk::<32>().ok_or(EnvelopeError::Damaged)?;
        if Sha256::digest(rest).as_slice() != sum {
            return Err(EnvelopeError::Damaged);
        }
        unpack(rest).ok_or(EnvelopeError::Damaged)
    }
}

fn unpack(rest: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let (inflated, rest) = take_length(rest)?;
    let (raw, rest) = take_length(rest)?;
    let (raw, packed) = rest.split_at_checked(raw)?;
    if inflated > packed.len().checked_mul(MAX_DEFLATE_RATIO)? {
        return None;
    }
    let mut body = vec![0; inflated];
    let length = Decompressor::new().deflate_decompress(packed, &mut body).ok()?;
    (length == inflated).then_some((raw, body))
}

/// Appends the length of `part`, then `part`.
pub(crate) fn push_block(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend((part.len() as u64).to_le_bytes());
    bytes.extend(part);
}

/// Reads a length and as many bytes. Returns the bytes and the rest.
pub(crate) fn take_block(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = take_length(bytes)?;
    rest.split_at_checked(length)
}

/// Reads a column of `length` numbers. Returns the column and the rest.
pub(crate) fn take_column(bytes: &[u8], length: usize) -> Option<(impl Iterator<Item = u32>, &[u8])> {
    let (column, rest) = bytes.split_at_checked(length.checked_mul(4)?)?;
    let words = <[u8]>::as_chunks::<4>(column).0.iter();
    Some((words.map(|word| u32::from_le_bytes(*word)), rest))
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    Some((usize::try_from(u64::from_le_bytes(*head)).ok()?, rest))
}
