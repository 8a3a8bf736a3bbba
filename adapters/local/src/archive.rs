//! Reads the files in a package archive: a wheel (zip) or an npm tarball (gzip, tar).
//!
//! Enters: the bytes of an archive. Leaves: the bytes of a file by name, or an error. Laws: nothing is written to
//! disk; a size above the limit, stated or real, is an error; a damaged archive is an error, not fewer files.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read},
    sync::Arc,
};

use libdeflater::Decompressor;
use thiserror::Error;
use zip::{ZipArchive, result::ZipError};

// The largest file that is read is a JSON file of 13 MB; the largest archive inflates to about 60 MB.
const MAX_INFLATED_BYTES: u64 = 512 << 20;

/// Why an archive cannot be read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// A zip archive is truncated or its structure is invalid.
    #[error("cannot read the damaged zip archive: {0}")]
    Zip(#[from] ZipError),
    /// A tar archive is truncated or its structure is invalid.
    #[error("cannot read the damaged tar archive: {0}")]
    Tar(#[source] io::Error),
    /// A part of an archive cannot be inflated.
    #[error("cannot inflate `{name}`: {cause}")]
    Inflate {
        /// Name of the part that could not be inflated.
        name: String,
        /// Error of the decompressor.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A package archive that was opened: a zip file, or the contents of a tar file.
#[derive(Debug)]
pub struct PackageArchive(Contents);

#[derive(Debug)]
enum Contents {
    /// Files are inflated when they are read.
    Zip { archive: ZipArchive<Cursor<Arc<[u8]>>>, names: Vec<String> },
    /// File name to contents.
    Tar(BTreeMap<String, Vec<u8>>),
}

impl PackageArchive {
    /// Opens a zip file; the members are read when they are asked for.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn zip(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let archive = ZipArchive::new(Cursor::new(Arc::from(bytes)))?;
        let names = archive.file_names().map(|name| name.map(Into::into)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(Contents::Zip { archive, names }))
    }

    /// Opens a gzip-compressed tar file.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn tgz(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let inflated = gunzip(bytes, "tar")?;
        read_tar(&inflated).map(|files| Self(Contents::Tar(files))).map_err(ArchiveError::Tar)
    }

    /// Names of the files in the archive, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = match &self.0 {
            Contents::Zip { names, .. } => names.iter().map(String::as_str).collect(),
            Contents::Tar(files) => files.keys().map(String::as_str).collect(),
        };
        names.sort_unstable();
        names.into_iter()
    }

    /// A file's contents; `None` if there is no such file.
    ///
    /// # Errors
    /// If it cannot be inflated.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        match &self.0 {
            Contents::Tar(files) => Ok(files.get(name).cloned()),
            Contents::Zip { archive, .. } => {
                // Clones share the bytes and the directory.
                let mut archive = archive.clone();
                let file = match archive.by_name(name) {
                    Err(ZipError::FileNotFound) => return Ok(None),
                    file => file?,
                };
                let size = file.size();
                let inflated = read_exactly(file, size);
                let failed =
                    |cause: io::Error| ArchiveError::Inflate { name: name.to_owned(), cause: cause.into() };
                inflated.map(Some).map_err(failed)
            }
        }
    }
}

fn read_tar(bytes: &[u8]) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(bytes).entries()? {
        let entry = entry?;
        if entry.header().entry_type().is_file() {
            let (name, size) = (String::from_utf8_lossy(&entry.path_bytes()).into_owned(), entry.size());
            files.insert(name, read_exactly(entry, size)?);
        }
    }
    Ok(files)
}

/// Reads a file that states its size.
fn read_exactly(file: impl Read, size: u64) -> io::Result<Vec<u8>> {
    let wrong_size =
        || io::Error::new(io::ErrorKind::InvalidData, "its size is not the stated one, or too large");
    if size > MAX_INFLATED_BYTES {
        return Err(wrong_size());
    }
    let mut bytes = Vec::new();
    // A byte more than stated, so that a larger file is noticed and not read on.
    file.take(size + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(wrong_size()) }
}

/// Inflates one gzip member.
///
/// # Errors
/// If it is damaged or exceeds the size limit of an archive.
pub fn gunzip(bytes: &[u8], name: &str) -> Result<Vec<u8>, ArchiveError> {
    let inflate = || {
        let size = u64::from(u32::from_le_bytes(*bytes.last_chunk().ok_or("truncated")?));
        let size = usize::try_from(size).ok().filter(|_| size <= MAX_INFLATED_BYTES).ok_or("too large")?;
        let mut out = vec![0; size];
        let inflated = Decompressor::new().gzip_decompress(bytes, &mut out)?;
        if inflated == size { Ok(out) } else { Err("its size is not the stated one".into()) }
    };
    inflate().map_err(|cause| ArchiveError::Inflate { name: name.to_owned(), cause })
}
