//! Reads the files in a package archive: a wheel (zip) or an npm tarball (gzip, tar).
//!
//! Enters: the bytes of an archive. Leaves: the bytes of a file by name, or an error. Laws: nothing is written to
//! disk; a stated size above the limit is an error; a damaged archive is an error, not fewer files.

use std::collections::BTreeMap;

use libdeflater::Decompressor;
use thiserror::Error;

// The largest file that is read is a JSON file of 13 MB; the largest archive inflates to about 60 MB.
const MAX_INFLATED_BYTES: usize = 512 << 20;

/// Why an archive cannot be read.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The archive is truncated or its structure is invalid.
    #[error("cannot read the damaged {kind} archive: {what}")]
    Damaged {
        /// `zip`, `tar` or `gzip`.
        kind: &'static str,
        /// What is wrong with the archive.
        what: &'static str,
    },
    /// A part of it cannot be inflated.
    #[error("cannot inflate `{name}`")]
    Inflate {
        /// Name of the part that could not be inflated.
        name: String,
    },
}

const fn damaged(kind: &'static str, what: &'static str) -> ArchiveError {
    ArchiveError::Damaged { kind, what }
}

/// An opened archive: file name to contents, still compressed for a zip.
#[derive(Debug)]
pub struct PackageArchive {
    files: BTreeMap<String, ArchiveMember>,
}

#[derive(Debug)]
enum ArchiveMember {
    Stored(Vec<u8>),
    Deflated { bytes: Vec<u8>, length: usize },
}

impl PackageArchive {
    /// Opens a zip file.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn zip(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let end = bytes
            .windows(4)
            .rposition(|window| window == b"PK\x05\x06")
            .ok_or(damaged("zip", "no end of the central directory"))?;
        let count = read_number(bytes, end + 10, 2).ok_or(damaged("zip", "truncated"))?;
        let mut at = read_number(bytes, end + 16, 4).ok_or(damaged("zip", "truncated"))?;
        let mut files = BTreeMap::new();
        for _ in 0..count {
            let cut = || damaged("zip", "truncated central directory");
            if bytes.get(at..at + 4) != Some(b"PK\x01\x02") {
                return Err(damaged("zip", "invalid central directory entry"));
            }
            let field = |offset, width| read_number(bytes, at + offset, width).ok_or_else(cut);
            let (method, packed, length) = (field(10, 2)?, field(20, 4)?, field(24, 4)?);
            let (name_len, extra, comment, local) =
                (field(28, 2)?, field(30, 2)?, field(32, 2)?, field(42, 4)?);
            let name = bytes.get(at + 46..at + 46 + name_len).ok_or_else(cut)?;
            let skip = 30
                + read_number(bytes, local + 26, 2).ok_or_else(cut)?
                + read_number(bytes, local + 28, 2).ok_or_else(cut)?;
            let body = bytes.get(local + skip..local + skip + packed).ok_or_else(cut)?.to_vec();
            let member = match method {
                0 => ArchiveMember::Stored(body),
                8 if length <= MAX_INFLATED_BYTES => ArchiveMember::Deflated { bytes: body, length },
                _ => return Err(damaged("zip", "unknown compression method")),
            };
            files.insert(String::from_utf8_lossy(name).into_owned(), member);
            at += 46 + name_len + extra + comment;
        }
        Ok(Self { files })
    }

    /// Opens a gzip-compressed tar file.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn tgz(bytes: &[u8]) -> Result<Self, ArchiveError> {
        let tar = gunzip(bytes, "tar")?;
        let mut files = BTreeMap::new();
        let mut rest = tar.as_slice();
        let mut long_name: Option<String> = None;
        while let Some((header, tail)) = rest.split_first_chunk::<512>() {
            if header.iter().all(|byte| *byte == 0) {
                break;
            }
            let length = octal(header.get(124..136)).ok_or(damaged("tar", "invalid size"))?;
            let body = tail.get(..length).ok_or(damaged("tar", "truncated"))?;
            let text = |range| header.get(range).map(until_zero).unwrap_or_default();
            match header.get(156) {
                Some(b'L') => long_name = Some(until_zero(body)),
                Some(b'x') => long_name = pax_path(body).or(long_name),
                Some(b'0' | 0) => {
                    let prefix = text(345..500);
                    let short = text(0..100);
                    let full = if prefix.is_empty() { short } else { format!("{prefix}/{short}") };
                    files.insert(long_name.take().unwrap_or(full), ArchiveMember::Stored(body.to_vec()));
                }
                _ => {}
            }
            rest = tail.get(length.next_multiple_of(512)..).unwrap_or_default();
        }
        Ok(Self { files })
    }

    /// Names of the files in the archive, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// A file's contents; `None` if there is no such file.
    ///
    /// # Errors
    /// If it cannot be inflated.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        match self.files.get(name) {
            None => Ok(None),
            Some(ArchiveMember::Stored(bytes)) => Ok(Some(bytes.clone())),
            Some(ArchiveMember::Deflated { bytes, length }) => {
                let mut out = vec![0; *length];
                let inflated = Decompressor::new().deflate_decompress(bytes, &mut out);
                match inflated {
                    Ok(found) if found == *length => Ok(Some(out)),
                    _ => Err(ArchiveError::Inflate { name: name.to_owned() }),
                }
            }
        }
    }
}

/// Inflates one gzip member.
///
/// # Errors
/// If it is damaged or exceeds the size limit of an archive.
pub fn gunzip(bytes: &[u8], name: &str) -> Result<Vec<u8>, ArchiveError> {
    let claimed = bytes.len().checked_sub(4).and_then(|at| read_number(bytes, at, 4));
    let length = claimed
        .filter(|length| *length <= MAX_INFLATED_BYTES)
        .ok_or(damaged("gzip", "truncated or too large"))?;
    let mut out = vec![0; length];
    match Decompressor::new().gzip_decompress(bytes, &mut out) {
        Ok(found) if found == length => Ok(out),
        _ => Err(ArchiveError::Inflate { name: name.to_owned() }),
    }
}

fn read_number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    field.iter().rev().try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))
}

fn octal(field: Option<&[u8]>) -> Option<usize> {
    usize::from_str_radix(until_zero(field?).trim(), 8).ok()
}

fn until_zero(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

fn pax_path(body: &[u8]) -> Option<String> {
    String::from_utf8_lossy(body)
        .lines()
        .find_map(|line| line.split_once(' ')?.1.strip_prefix("path=").map(str::to_owned))
}
