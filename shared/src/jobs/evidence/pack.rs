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
    Lane,
    part::{About, Part, Whole},
};
use crate::{
    ports::ReadObject,
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
pub(super) enum Of {
    /// The events of a shard.
    Shard(Shard),
    /// What belongs to no shard, filed under this hour.
    Rest(Hour),
}

/// A pack in the making.
pub(super) struct Pack {
    bytes: Vec<u8>,
    listed: Vec<Listed>,
    about: Vec<Option<About>>,
    records: u64,
}

#[derive(Serialize)]
struct Listed {
    of: Of,
    offset: u64,
    length: u64,
    sha256: String,
    rows: u64,
}

#[derive(Serialize)]
struct Manifest<'a> {
    version: u8,
    lane: &'static str,
    source: &'a str,
    objects: Vec<From<'a>>,
    parts: &'a [Listed],
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct From<'a> {
    name: &'a str,
    version: &'a str,
    bytes: u64,
    sha256: &'a str,
    records: u64,
}

/// A pack, and how its parts are indexed.
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: String,
    /// What each part is of; its `key` is still empty.
    pub(super) parts: Vec<(Of, Part)>,
}

impl Pack {
    /// A pack that is made of this many records.
    pub(super) const fn new(records: u64) -> Self {
        Self { bytes: Vec::new(), listed: Vec::new(), about: Vec::new(), records }
    }

    pub(super) fn push(&mut self, of: Of, segment: &Segment, about: Option<About>) {
        let bytes = segment.to_bytes();
        self.listed.push(Listed {
            of,
            offset: self.bytes.len() as u64,
            length: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
            rows: segment.rows().len() as u64,
        });
        self.about.push(about);
        self.bytes.extend(bytes);
    }

    pub(super) fn finish(self, lane: Lane, source: &str, objects: &[ReadObject]) -> Packed {
        fn from(read: &ReadObject) -> From<'_> {
            let ReadObject { object, sha256, records, .. } = read;
            let (name, version) = (&*object.name, &*object.version);
            From { name, version, bytes: object.size, sha256, records: *records }
        }
        let Self { mut bytes, listed, about, records } = self;
        let mut objects: Vec<From<'_>> = objects.iter().map(from).collect();
        objects.sort_unstable();
        let manifest = Manifest { version: 1, lane: lane.as_str(), source, objects, parts: &listed };
        // Strings and numbers only: nothing in it can fail to be written.
        let manifest = serde_json::to_vec(&manifest).unwrap_or_default();
        bytes.extend(&manifest);
        bytes.extend((manifest.len() as u64).to_le_bytes());
        bytes.extend(MAGIC);
        let sha256 = hex(&Sha256::digest(&bytes));
        let pack = Whole { bytes: bytes.len() as u64, sha256: sha256.clone(), records };
        let part = |(listed, rest): (Listed, _)| {
            let Listed { of, offset, length, sha256, rows } = listed;
            (of, Part { key: String::new(), offset, length, sha256, rows, pack: pack.clone(), rest })
        };
        let parts = listed.into_iter().zip(about).map(part).collect();
        Packed { bytes, sha256, parts }
    }
}
