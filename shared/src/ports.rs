//! What the jobs need of the world, as narrow as it can be said.
//!
//! Enters: nothing. Leaves: traits, three methods each at most, that `local` and `aws` implement.

use std::{collections::BTreeMap, error::Error};

use crate::{report::UnreadablePosition, segment::Segment};

/// One stored object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// Its name, unique in its source: a key or a path.
    pub name: String,
    /// Bytes it holds; zero where that is not known before it is read.
    pub size: u64,
    /// Changes when its content does: an ETag, or size and time of the last change. Empty where nothing tells: the object
    /// is read every time.
    pub version: String,
}

/// What could not be done with a source.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} `{name}`: {cause}")]
pub struct SourceError {
    /// What was tried, as a verb.
    pub operation: &'static str,
    /// With what.
    pub name: String,
    /// Why it failed.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}

/// Where log objects come from.
pub trait Source: Sync {
    /// All objects, each once, sorted by name.
    ///
    /// # Errors
    /// When what was named cannot be listed.
    fn list(&self) -> Result<Vec<Object>, SourceError>;

    /// Replaces `bytes` by what `object` holds, or by its first `most` bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    fn fetch(&self, object: &Object, most: u64, bytes: &mut Vec<u8>) -> Result<(), SourceError>;
}

/// An object, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadObject {
    /// Name, size and version.
    pub object: Object,
    /// SHA-256 as stored, in hex.
    pub sha256: String,
    /// Records in it, readable or not.
    pub records: u64,
    /// Where it could not be read.
    pub unreadable: Vec<UnreadablePosition>,
}

/// Where evidence is kept between sweeps.
pub trait Evidences {
    /// What an implementation fails with.
    type Error: Error + Send + Sync + 'static;

    /// Objects whose evidence is kept, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn known(&self) -> Result<BTreeMap<String, ReadObject>, Self::Error>;

    /// Keeps the evidence of an object, replacing what was kept of it.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn keep(&mut self, read: &ReadObject, segment: &Segment) -> Result<(), Self::Error>;

    /// The evidence kept of these objects, merged.
    ///
    /// # Errors
    /// When it cannot be read back whole.
    fn load(&self, objects: &[ReadObject]) -> Result<Segment, Self::Error>;
}
