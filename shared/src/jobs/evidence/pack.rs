//! The segments of one batch, in one object.
//!
//! Enters: segments and what they were read from. Leaves: a [`Pack`]. Law: equal batches have equal packs.
//!
//! Form: the segments, one after the other; a manifest as JSON, which lists them and the objects they were read
//! from, so that the index could be made again from the packs alone; its length as eight bytes, little-endian;
//! `ONLKPACK`.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    EvidenceSource,
    part::{EvidencePart, PackInfo, UnshardedInfo},
};
use crate::{
    ports::ProcessedObject,
    report::hex,
    segment::{Segment, Shard},
    time::Hour,
};

const MAGIC: &[u8; 8] = b"ONLKPACK";

/// Media type of packs.
pub(super) const MEDIA_TYPE: &str = "application/octet-stream";

/// What a segment of a pack is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartScope {
    /// The events of a shard.
    Shard(Shard),
    /// What belongs to no shard, filed under this hour.
    Unsharded(Hour),
}

/// A pack in the making.
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

/// A pack, and how its parts are indexed.
pub(super) struct FinishedPack {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
    /// What each part is of; its `key` is still empty.
    pub(super) parts: Vec<(PartScope, EvidencePart)>,
}

impl PackBuilder {
    /// A pack that is made of this many records.
    pub(super) const fn new(records: u64) -> Self {
        Self { bytes: Vec::new(), parts: Vec::new(), unsharded: Vec::new(), records }
    }

    pub(super) fn push(&mut self, of: PartScope, segment: &Segment, about: Option<UnshardedInfo>) {
        let bytes = segment.to_bytes();
        self.parts.push(ManifestPart {
            scope: of,
            offset: self.bytes.len() as u64,
            length: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
            rows: segment.rows().len() as u64,
        });
        self.unsharded.push(about);
        self.bytes.extend(bytes);
    }

    pub(super) fn finish(
        self,
        lane: EvidenceSource,
        source: &str,
        objects: &[ProcessedObject],
    ) -> FinishedPack {
        fn from(read: &ProcessedObject) -> ManifestObject<'_> {
            let ProcessedObject { object, sha256, records, .. } = read;
            let (name, version) = (&*object.name, &*object.version);
            ManifestObject { name, version, bytes: object.size, sha256, records: *records }
        }
        let Self { mut bytes, parts: listed, unsharded: about, records } = self;
        let mut objects: Vec<ManifestObject<'_>> = objects.iter().map(from).collect();
        objects.sort_unstable();
        let manifest = PackManifest {
            version: 1,
            evidence_source: lane.as_str(),
            source_hash: source,
            objects,
            parts: &listed,
        };
        // Strings and numbers only: nothing in it can fail to be written.
        let manifest = serde_json::to_vec(&manifest).unwrap_or_default();
        bytes.extend(&manifest);
        bytes.extend((manifest.len() as u64).to_le_bytes());
        bytes.extend(MAGIC);
        let sha256 = hex(&Sha256::digest(&bytes));
        let pack = PackInfo { bytes: bytes.len() as u64, sha256: sha256.clone(), records };
        let part = |(listed, rest): (ManifestPart, _)| {
            let ManifestPart { scope: of, offset, length, sha256, rows } = listed;
            (
                of,
                EvidencePart {
                    key: String::new(),
                    offset,
                    length,
                    sha256,
                    rows,
                    pack: pack.clone(),
                    unsharded: rest,
                },
            )
        };
        let parts = listed.into_iter().zip(about).map(part).collect();
        FinishedPack { bytes, sha256, parts }
    }
}
