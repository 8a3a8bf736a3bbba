//! What the jobs need of the world, as narrow as it can be said.
//!
//! Enters: nothing. Leaves: traits, three methods each at most, that `local` and `aws` implement.

use std::error::Error;

/// One stored object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// Its name, unique in its source: a key or a path.
    pub name: String,
    /// Bytes it holds; zero where that is not known before it is read.
    pub size: u64,
    /// Changes when its content does: an ETag, or size and time of the last change.
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
