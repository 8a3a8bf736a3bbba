//! The catalog file: named byte sections behind a header and a hash.
//!
//! Enters: sections, or the bytes of a file. Leaves: the bytes, or borrowed sections. Law: a file whose
//! SHA-256 does not match its header, or whose lengths do not add up, is rejected with a reason.

use std::borrow::Cow;

use sha2::{Digest, Sha256};
use thiserror::Error;

const MAGIC: &[u8; 8] = b"ONLKCAT\x02";
const HASH_LEN: usize = 32;

/// The sections, in file order.
pub const SECTION_COUNT: usize = 8;
const HEADER_LEN: usize = MAGIC.len() + HASH_LEN + SECTION_COUNT * 4;

/// Why a catalog file cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum CatalogError {
    /// The bytes are not a catalog of this format version.
    #[error("not an Onlooker catalog of this format")]
    NotACatalog,
    /// The length of the file differs from the sum of its section lengths.
    #[error("the catalog is truncated or has trailing bytes: expected {expected} bytes, found {found}")]
    Length {
        /// Number of bytes that the header states.
        expected: u64,
        /// Number of bytes in the file.
        found: u64,
    },
    /// The contents do not have the hash in the header.
    #[error("the contents of the catalog do not match its hash")]
    Hash,
    /// A section is malformed or contradicts another.
    #[error("cannot use the catalog section `{section}`: {reason}")]
    Section {
        /// Name of the section.
        section: &'static str,
        /// What is wrong with the section.
        reason: String,
    },
}

/// The bytes of a file, by section.
#[derive(Clone, Debug)]
pub struct CatalogSections {
    /// Version of the catalog, as text.
    pub version: Cow<'static, [u8]>,
    /// Map from `service:Name` to the row of the operation.
    pub keys: Cow<'static, [u8]>,
    /// Row to index in the palette, one byte each.
    pub rows: Cow<'static, [u8]>,
    /// The distinct packed facts, four bytes each.
    pub palette: Cow<'static, [u8]>,
    /// Service label to a range of `groups`.
    pub labels: Cow<'static, [u8]>,
    /// Names of services, separated by spaces.
    pub groups: Cow<'static, [u8]>,
    /// The compressed rationale table.
    pub rationale: Cow<'static, [u8]>,
    /// The compressed table of resource types and condition keys.
    pub reference: Cow<'static, [u8]>,
    /// SHA-256 of all bytes after the header.
    pub hash: [u8; HASH_LEN],
}

impl CatalogSections {
    /// The file for these sections.
    pub fn encode(sections: [&[u8]; SECTION_COUNT]) -> Vec<u8> {
        let mut file = Vec::with_capacity(HEADER_LEN + sections.iter().map(|s| s.len()).sum::<usize>());
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&digest(&sections));
        for section in sections {
            file.extend_from_slice(&u32::try_from(section.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
        for section in sections {
            file.extend_from_slice(section);
        }
        file
    }

    /// The sections of the file that is compiled into the program: split, not verified.
    pub fn from_static(file: &'static [u8]) -> Result<Self, CatalogError> {
        let (hash, parts) = split_sections(file)?;
        Ok(Self::from_parts(hash, parts.map(Cow::Borrowed)))
    }

    /// The sections of an external file, verified against its hash.
    pub fn from_bytes(file: &[u8]) -> Result<Self, CatalogError> {
        let (hash, parts) = split_sections(file)?;
        if digest(&parts) != hash {
            return Err(CatalogError::Hash);
        }
        Ok(Self::from_parts(hash, parts.map(|part| Cow::Owned(part.to_vec()))))
    }

    fn from_parts(hash: [u8; HASH_LEN], parts: [Cow<'static, [u8]>; SECTION_COUNT]) -> Self {
        let [version, keys, rows, palette, labels, groups, rationale, reference] = parts;
        Self { version, keys, rows, palette, labels, groups, rationale, reference, hash }
    }

    /// Bytes of the sections that a lookup reads.
    pub fn lookup_len(&self) -> usize {
        HEADER_LEN
            + [&self.version, &self.keys, &self.rows, &self.palette, &self.labels, &self.groups]
                .map(|section| section.len())
                .iter()
                .sum::<usize>()
    }
}

fn digest(sections: &[&[u8]; SECTION_COUNT]) -> [u8; HASH_LEN] {
    let mut hasher = Sha256::new();
    for section in sections {
        hasher.update(u64::try_from(section.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(section);
    }
    hasher.finalize().into()
}

fn split_sections(file: &[u8]) -> Result<([u8; HASH_LEN], [&[u8]; SECTION_COUNT]), CatalogError> {
    let rest = file.strip_prefix(MAGIC).ok_or(CatalogError::NotACatalog)?;
    let (hash, mut rest) = rest.split_first_chunk::<HASH_LEN>().ok_or(CatalogError::NotACatalog)?;
    let mut lengths = [0_usize; SECTION_COUNT];
    for length in &mut lengths {
        let (word, tail) = rest.split_first_chunk::<4>().ok_or(CatalogError::NotACatalog)?;
        *length = usize::try_from(u32::from_le_bytes(*word)).map_err(|_| CatalogError::NotACatalog)?;
        rest = tail;
    }
    let expected = lengths.iter().map(|length| u64::try_from(*length).unwrap_or(u64::MAX)).sum::<u64>();
    let found = u64::try_from(rest.len()).unwrap_or(u64::MAX);
    if expected != found {
        return Err(CatalogError::Length { expected, found });
    }
    let mut parts: [&[u8]; SECTION_COUNT] = [&[]; SECTION_COUNT];
    for (part, length) in parts.iter_mut().zip(lengths) {
        let (head, tail) = rest.split_at_checked(length).ok_or(CatalogError::NotACatalog)?;
        *part = head;
        rest = tail;
    }
    Ok((*hash, parts))
}
