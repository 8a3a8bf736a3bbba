//! A pack: the segments of one batch in one object.
//!
//! Enters: segments and their sources. Leaves: a [`FinishedPack`]. Law: equal batches have equal packs.
//!
//! Format: the segments, one after the other; a JSON manifest that lists the segments and their sources, so that the
//! index can be rebuilt from the packs alone; the length of the manifest as eight bytes, little-endian; `ONLKPACK`.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    EvidenceSource,
    part::{EvidencePart, PackInfo, UnshardedInfo},
};
use crate::{
    hex::hex,
    ports::ProcessedObject,
    segment::{Segment, Shard},
    time::Hour,
};

const MAGIC: &[u8; 8] = b"ONLKPACK";

/// Media type of packs.
pub(super) const MEDIA_TYPE: &str = "application/octet-stream";

/// The scope of a segment in a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartScope {
    /// The events of a shard.
    Shard(Shard),
    /// Unsharded evidence, indexed under this hour.
    Unsharded(Hour),
}

/// Builds a pack.
pub(super) struct PackBuilder {
    bytes: Vec<u8>,
    parts: Vec<ManifestPart>,
    unsharded: Vec<Option<UnshardedInfo>>,
    records: u64,
}

#[derive(Serialize)]
struct ManifestPart {
    scope: PartScope,
    offset: u64,
    length: u64,
    sha256: String,
    rows: u64,
}

#[derive(Serialize)]
struct PackManifest<'a> {
    version: u8,
    evidence_source: &'static str,
    source_hash: &'a str,
    objects: Vec<ManifestObject<'a>>,
    parts: &'a [ManifestPart],
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct ManifestObject<'a> {
    name: &'a str,
    version: &'a str,
    bytes: u64,
    sha256: &'a str,
    records: u64,
}

/// A pack and the index entries of its parts.
pub(super) struct FinishedPack {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
    /// The parts with their scopes; their `key` is still empty.
    pub(super) parts: Vec<(PartScope, EvidencePart)>,
}

impl PackBuilder {
    /// An empty pack for sources with this number of records.
    pub(super) const fn new(records: u64) -> Self {
        Self { bytes: Vec::new(), parts: Vec::new(), unsharded: Vec::new(), records }
    }

    pub(super) fn push(&mut self, scope: PartScope, segment: &Segment, info: Option<UnshardedInfo>) {
        let bytes = segment.to_bytes();
        self.parts.push(ManifestPart {
            scope,
            offset: self.bytes.len() as u64,
            length: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
            rows: segment.rows().len() as u64,
        });
        self.unsharded.push(info);
        self.bytes.extend(bytes);
    }

    pub(super) fn finish(
        self,
        evidence_source: EvidenceSource,
        source: &str,
        objects: &[ProcessedObject],
    ) -> FinishedPack {
        fn from(read: &ProcessedObject) -> ManifestObject<'_> {
            let ProcessedObject { object, sha256, records, .. } = read;
            let (name, version) = (&*object.name, &*object.version);
            ManifestObject { name, version, bytes: object.size, sha256, records: *records }
        }
        let Self { mut bytes, parts: listed, unsharded: info, records } = self;
        let mut objects: Vec<ManifestObject<'_>> = objects.iter().map(from).collect();
        objects.sort_unstable();
        let manifest = PackManifest {
            version: 1,
            evidence_source: evidence_source.as_str(),
            source_hash: source,
            objects,
            parts: &listed,
        };
        // It contains only strings and numbers, so serializing it does not fail.
        let manifest = serde_json::to_vec(&manifest).unwrap_or_default();
        bytes.extend(&manifest);
        bytes.extend((manifest.len() as u64).to_le_bytes());
        bytes.extend(MAGIC);
        let sha256 = hex(&Sha256::digest(&bytes));
        let pack = PackInfo { bytes: bytes.len() as u64, sha256: sha256.clone(), records };
        let part = |(listed, unsharded): (ManifestPart, _)| {
            let ManifestPart { scope, offset, length, sha256, rows } = listed;
            (scope, EvidencePart::in_pack((offset, length), sha256, rows, pack.clone(), unsharded))
        };
        let parts = listed.into_iter().zip(info).map(part).collect();
        FinishedPack { bytes, sha256, parts }
    }
}
