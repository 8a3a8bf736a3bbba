//! One part of the evidence, as described by the index.
//!
//! Enters: an index item. Leaves: the [`Segment`] it describes. Law: if the stored bytes are not those that were
//! written, the error names them.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{EvidenceError, EvidenceStore};
use crate::{
    hex::hex,
    ports::{PortErrorKind, TableItem},
    record::UnreadablePosition,
    segment::Segment,
    time::Time,
};

/// Where a segment is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EvidencePart {
    /// Key of the pack; empty if the item itself contains the segment.
    pub(super) key: String,
    /// First byte of the segment.
    pub(super) offset: u64,
    /// Number of bytes of the segment.
    pub(super) length: u64,
    /// SHA-256 of the part's bytes, in hex.
    pub(super) sha256: String,
    /// Number of events in the part.
    pub(super) rows: u64,
    /// The pack as a whole.
    pub(super) pack: PackInfo,
    /// Details of an unsharded part; absent for the part of a shard.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) unsharded: Option<UnshardedInfo>,
    /// The bytes of the segment in hexadecimal digits, if it is in no pack.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    segment: Option<String>,
}

/// A pack, as an input of a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct PackInfo {
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Number of records in the part's sources, readable or not.
    pub(super) records: u64,
}

/// Details of a part with unsharded evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnshardedInfo {
    /// From the start of the first observed window to the end of the last, with the times of the log files that they list: a file is
    /// listed for the hour of its delivery, and its events are earlier.
    pub(super) observed_span: Option<(Time, Time)>,
    /// The first positions of unreadable pieces.
    pub(super) positions: Vec<UnreadablePosition>,
    /// Number of positions that were left out.
    pub(super) omitted_positions: u64,
    /// Fingerprint of the watches if events of principals that are not watched were dropped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) watch_fingerprint: Option<String>,
}

/// Maximum number of positions of an item, so that it stays below the 400 KB that DynamoDB allows: a position
/// has a key of at most 1,024 bytes and a reason of about the same length.
const MAX_POSITIONS: usize = 100;

impl UnshardedInfo {
    pub(super) fn from_segment(
        segment: &Segment,
        positions: impl IntoIterator<Item = UnreadablePosition>,
        omitted: u64,
    ) -> Self {
        let mut positions: Vec<_> = positions.into_iter().map(truncated).collect();
        positions.sort_unstable();
        positions.dedup();
        let omitted = omitted + positions.len().saturating_sub(MAX_POSITIONS) as u64;
        positions.truncate(MAX_POSITIONS);
        let windows = segment.digest_windows();
        let listed = || windows.iter().flat_map(|window| window.log_files.iter().copied());
        let starts =
            windows.iter().map(|window| window.start).chain(listed().map(|(oldest, _)| oldest)).min();
        let ends = windows.iter().map(|window| window.end).chain(listed().map(|(_, newest)| newest)).max();
        Self {
            observed_span: starts.zip(ends),
            positions,
            omitted_positions: omitted,
            watch_fingerprint: None,
        }
    }
}

/// Truncates texts that are too long for an item.
fn truncated(mut position: UnreadablePosition) -> UnreadablePosition {
    for text in [&mut position.file, &mut position.reason] {
        let most = 1_200;
        if text.len() > most {
            let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
            text.truncate(end);
            text.push('…');
        }
    }
    position
}

impl EvidencePart {
    /// A part of a pack. Its key is still empty.
    pub(super) const fn in_pack(
        (offset, length): (u64, u64),
        sha256: String,
        rows: u64,
        pack: PackInfo,
        unsharded: Option<UnshardedInfo>,
    ) -> Self {
        Self { key: String::new(), offset, length, sha256, rows, pack, unsharded, segment: None }
    }

    /// A part that is in no pack: the index item contains the whole segment.
    pub(super) fn in_item(segment: &Segment, unsharded: UnshardedInfo) -> Self {
        let bytes = segment.to_bytes();
        let (sha256, length) = (hex(&Sha256::digest(&bytes)), bytes.len() as u64);
        Self {
            key: String::new(),
            offset: 0,
            length,
            sha256,
            rows: segment.rows().len() as u64,
            pack: PackInfo { bytes: 0, sha256: String::new(), records: 0 },
            unsharded: Some(unsharded),
            segment: Some(hex(&bytes)),
        }
    }

    /// Whether the part is in a pack.
    pub(super) const fn is_in_pack(&self) -> bool {
        self.segment.is_none()
    }

    pub(super) fn from_item(item: &TableItem) -> Result<Self, EvidenceError> {
        Self::deserialize(&item.body).map_err(|cause| EvidenceError::DamagedItem {
            partition: item.partition_key.clone(),
            sort: item.sort_key.clone(),
            cause: cause.to_string(),
        })
    }

    pub(super) fn load(&self, evidence_store: &EvidenceStore<'_>) -> Result<Segment, EvidenceError> {
        let until = self.offset.saturating_add(self.length);
        let damaged = |cause: String| {
            let key = self.key.clone();
            EvidenceError::Damaged { key, from: self.offset, until, cause }
        };
        let bytes = match &self.segment {
            Some(digits) => from_hex(digits).ok_or_else(|| damaged("it is not hexadecimal".to_owned()))?,
            None => {
                evidence_store.store.read(&self.key, Some(self.offset..until)).map_err(|error| match error
                    .kind
                {
                    PortErrorKind::NotFound => damaged("the object does not exist".to_owned()),
                    _ => EvidenceError::Port(error),
                })?
            }
        };
        if hex(&Sha256::digest(&bytes)) != self.sha256 {
            return Err(damaged("its SHA-256 differs from the index".to_owned()));
        }
        Segment::from_bytes(&bytes).map_err(|cause| damaged(cause.to_string()))
    }
}

/// The bytes of a text of hexadecimal digits.
fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()
        })
        .collect()
}
