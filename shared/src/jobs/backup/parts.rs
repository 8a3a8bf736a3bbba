//! The parts of a backup as a stream.
//!
//! Enters: the bytes of an archive, or the stored parts. Leaves: stored parts, or the bytes. Laws: one part is in memory at a
//! time; a part is inflated only after its size and its SHA-256 were compared with the manifest, and to the size that the
//! manifest gives, so no archive inflates beyond it.

use std::io::{self, Read, Write};

use libdeflater::{CompressionLvl, Compressor, Decompressor};
use sha2::{Digest, Sha256};

use super::{BackupError, BackupRepository};
use crate::{
    backup::{
        ArchiveError, BackupEntry, BackupKind, BackupManifest, BackupName, BackupPart, BackupProblem,
        PART_BYTES, read_archive,
    },
    hex::hex,
    ports::PortError,
};

/// Media type of a part.
const MEDIA_TYPE: &str = "application/gzip";

/// Level of the compression, the default of gzip.
const LEVEL: i32 = 6;

/// Called after each part with its number and the number of all parts; 0 while that is unknown.
pub type PartProgress<'p> = dyn Fn(u64, u64) + 'p;

/// Cuts an archive into parts and stores them.
pub(super) struct PartWriter<'a> {
    repository: BackupRepository<'a>,
    name: &'a BackupName,
    kind: BackupKind,
    progress: &'a PartProgress<'a>,
    buffer: Vec<u8>,
    /// Entries that began in the part that is being filled.
    pub begun: u64,
    /// The stored parts.
    pub parts: Vec<BackupPart>,
    /// Why a part could not be stored.
    pub failure: Option<BackupError>,
}

impl<'a> PartWriter<'a> {
    pub fn new(
        repository: BackupRepository<'a>,
        name: &'a BackupName,
        kind: BackupKind,
        progress: &'a PartProgress<'a>,
    ) -> Self {
        Self {
            repository,
            name,
            kind,
            progress,
            buffer: Vec::new(),
            begun: 0,
            parts: Vec::new(),
            failure: None,
        }
    }

    fn store(&mut self) -> Result<(), BackupError> {
        let mut compressor = Compressor::new(CompressionLvl::new(LEVEL).unwrap_or_default());
        let mut stored = vec![0; compressor.gzip_compress_bound(self.buffer.len())];
        let name = BackupPart::name_of(self.kind, self.parts.len() as u64 + 1);
        let length = compressor.gzip_compress(&self.buffer, &mut stored).map_err(|cause| PortError {
            operation: "compress",
            name: name.clone(),
            kind: crate::ports::PortErrorKind::Other,
            cause: Box::new(cause),
        })?;
        stored.truncate(length);
        if !self.repository.put(self.name, &name, &stored, MEDIA_TYPE)? {
            return Err(BackupError::NameTaken(self.name.clone()));
        }
        self.parts.push(BackupPart {
            name,
            kind: self.kind,
            sha256: hex(&Sha256::digest(&stored)),
            bytes: self.buffer.len() as u64,
            compressed_bytes: stored.len() as u64,
            entries: std::mem::take(&mut self.begun),
        });
        self.buffer.clear();
        (self.progress)(self.parts.len() as u64, 0);
        Ok(())
    }

    /// Stores what is left.
    pub fn finish(&mut self) -> Result<(), BackupError> {
        if self.buffer.is_empty() { Ok(()) } else { self.store() }
    }
}

impl Write for PartWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PART_BYTES.saturating_sub(self.buffer.len());
        let (taken, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() >= PART_BYTES
            && let Err(error) = self.store()
        {
            self.failure = Some(error);
            return Err(io::Error::other("a part could not be stored"));
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of a part, checked.
pub(super) fn read_part(
    repository: BackupRepository<'_>,
    name: &BackupName,
    part: &BackupPart,
) -> Result<Vec<u8>, PartFailure> {
    let stored = repository.get(name, &part.name, part.compressed_bytes + 1)?;
    let Some(stored) = stored else {
        return Err(BackupProblem::missing(&part.name, "is in the manifest and is missing").into());
    };
    let damaged = |reason: String| PartFailure::Refused(BackupProblem::damaged(&part.name, reason));
    if stored.len() as u64 != part.compressed_bytes {
        return Err(damaged(format!("does not have the {} bytes of the manifest", part.compressed_bytes)));
    }
    if hex(&Sha256::digest(&stored)) != part.sha256 {
        return Err(damaged("does not have the SHA-256 of the manifest".to_owned()));
    }
    let mut bytes = vec![0; usize::try_from(part.bytes).unwrap_or(PART_BYTES).min(PART_BYTES)];
    match Decompressor::new().gzip_decompress(&stored, &mut bytes) {
        Ok(length) if length as u64 == part.bytes => Ok(bytes),
        Ok(length) => Err(damaged(format!("inflates to {length} bytes and not to {}", part.bytes))),
        Err(cause) => Err(damaged(format!("cannot be inflated to {} bytes: {cause}", part.bytes))),
    }
}

/// Why a part or an archive cannot be used.
#[derive(Debug)]
pub(super) enum PartFailure {
    Refused(BackupProblem),
    Port(PortError),
}

impl From<PortError> for PartFailure {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<BackupProblem> for PartFailure {
    fn from(problem: BackupProblem) -> Self {
        Self::Refused(problem)
    }
}

impl PartFailure {
    /// An error of the target of a restore, which may be the reason for which it refuses an entry.
    pub fn from_target(error: PortError) -> Self {
        match error.cause.downcast_ref::<BackupProblem>() {
            Some(problem) => Self::Refused(problem.clone()),
            None => Self::Port(error),
        }
    }

    pub fn of(self, name: &BackupName) -> BackupError {
        match self {
            Self::Refused(problem) => BackupError::Refused { name: name.clone(), problem },
            Self::Port(error) => BackupError::Port(error),
        }
    }
}

/// The archive of a kind, read part by part.
struct PartsReader<'a, 'p> {
    repository: BackupRepository<'a>,
    name: &'a BackupName,
    parts: std::vec::IntoIter<&'a BackupPart>,
    read: &'p mut u64,
    bytes: io::Cursor<Vec<u8>>,
    failure: &'p mut Option<PartFailure>,
    progress: &'p dyn Fn(u64),
}

impl Read for PartsReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.bytes.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(part) = self.parts.next() else { return Ok(0) };
            *self.read += 1;
            match read_part(self.repository, self.name, part) {
                Ok(bytes) => self.bytes = io::Cursor::new(bytes),
                Err(failure) => {
                    *self.failure = Some(failure);
                    return Err(io::Error::other("a part could not be read"));
                }
            }
            (self.progress)(*self.read);
        }
    }
}

/// Reads the archive of a kind and passes its entries to `visit`. `parts_read` becomes the number of parts that were read.
pub(super) fn read_kind(
    repository: BackupRepository<'_>,
    manifest: &BackupManifest,
    kind: BackupKind,
    (parts_read, progress): (&mut u64, &dyn Fn(u64)),
    visit: &mut dyn FnMut(&BackupEntry, &mut dyn Read) -> Result<(), PortError>,
) -> Result<(), PartFailure> {
    let parts: Vec<&BackupPart> = manifest.parts_of(kind).collect();
    if parts.is_empty() {
        return Ok(());
    }
    let expected: u64 = parts.iter().map(|part| part.entries).fold(0, u64::saturating_add);
    let mut failure = None;
    let reader = PartsReader {
        repository,
        name: &manifest.name,
        parts: parts.into_iter(),
        read: parts_read,
        bytes: io::Cursor::default(),
        failure: &mut failure,
        progress,
    };
    let walked = read_archive(kind, reader, visit);
    // The error of the reader is the cause of what its readers say.
    if let Some(failure) = failure {
        return Err(failure);
    }
    match walked {
        Ok(number) if number == expected => Ok(()),
        Ok(number) => Err(BackupProblem::damaged(
            kind.as_str(),
            format!("has {number} entries and not the {expected} of the manifest"),
        )
        .into()),
        Err(ArchiveError::Refused(problem)) => Err(problem.into()),
        Err(ArchiveError::Visitor(error)) => Err(error.into()),
    }
}
