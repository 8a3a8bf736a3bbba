//! The archive of one kind: a tar stream of plain files.
//!
//! Enters: entries, or the bytes of an archive. Leaves: the bytes, or the entries. Laws: an entry is a regular file with a
//! relative name that stays below where it is restored; names ascend, so that none comes twice; an archive with anything else
//! (links, directories, devices, extension headers, bytes after its end) is refused; reading it keeps no entry in memory.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read, Write},
};

use super::{BackupKind, BackupProblem};
use crate::time::Time;

/// Longest name of an entry, in bytes: what a tar header has room for without an extension.
const MAX_NAME_BYTES: usize = 100;

/// Bytes after the last entry: two blocks of zeros.
const END_BYTES: u64 = 1_024;

/// The name of an entry: a relative path with `/`, without empty parts, `.`, `..`, backslashes, colons, hidden characters
/// and characters beyond ASCII, of at most 100 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName(String);

impl EntryName {
    /// Reads a name.
    ///
    /// # Errors
    /// Why the text is not the name of an entry.
    pub fn parse(text: &str) -> Result<Self, BackupProblem> {
        let refused = |reason: &str| Err(BackupProblem::damaged(text, reason));
        if text.is_empty() || text.len() > MAX_NAME_BYTES {
            return refused("is not a name of an entry: it is empty or longer than 100 bytes");
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refused("is not a name of an entry: it leads out of the folder, or has an empty part");
        }
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b':')) {
            return refused("is not a name of an entry: it has a character that is not allowed");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A file of the state, an object of the audit trail, or some items of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupEntry {
    /// What it belongs to.
    pub kind: BackupKind,
    /// Name of the entry, unique in its kind.
    pub name: EntryName,
    /// Size in bytes.
    pub bytes: u64,
    /// What it has, by name, such as `runs`; added to the counts of the manifest.
    pub counts: BTreeMap<&'static str, u64>,
}

impl BackupEntry {
    /// An entry that counts as one of something.
    ///
    /// # Errors
    /// When its name is not the name of an entry.
    pub fn one(kind: BackupKind, name: &str, bytes: u64, of: &'static str) -> Result<Self, BackupProblem> {
        Ok(Self { kind, name: EntryName::parse(name)?, bytes, counts: BTreeMap::from([(of, 1)]) })
    }
}

/// Writes the archive of one kind.
pub struct ArchiveWriter<W: Write> {
    tar: tar::Builder<W>,
    modified: Time,
    last: Option<EntryName>,
}

impl<W: Write> ArchiveWriter<W> {
    /// An archive without entries. `modified` is the time that its files get when another program unpacks them.
    pub fn new(out: W, modified: Time) -> Self {
        Self { tar: tar::Builder::new(out), modified, last: None }
    }

    /// Adds an entry with its content. Names ascend.
    ///
    /// # Errors
    /// When it cannot be written, the name does not follow the last one, or the content has another size than the entry says.
    pub fn add(&mut self, entry: &BackupEntry, content: &mut dyn Read) -> io::Result<()> {
        if self.last.as_ref().is_some_and(|last| *last >= entry.name) {
            return Err(io::Error::other(format!("`{}` does not follow the entry before it", entry.name)));
        }
        let mut header = tar::Header::new_ustar();
        header.set_path(entry.name.as_str())?;
        header.set_size(entry.bytes);
        header.set_mode(0o600);
        header.set_mtime(u64::from(self.modified.0));
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        let mut content = CountedReader { content: content.take(entry.bytes), bytes: 0 };
        self.tar.append(&header, &mut content)?;
        if content.bytes != entry.bytes || content.content.into_inner().read(&mut [0])? != 0 {
            return Err(io::Error::other(format!("`{}` changed while it was read", entry.name)));
        }
        self.last = Some(entry.name.clone());
        Ok(())
    }

    /// Where the archive is written to.
    pub fn get_mut(&mut self) -> &mut W {
        self.tar.get_mut()
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.tar.into_inner()
    }
}

struct CountedReader<R> {
    content: R,
    bytes: u64,
}

impl<R: Read> Read for CountedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Why the reading of an archive ended early.
#[derive(Debug)]
pub enum ArchiveError<E> {
    /// The archive is refused.
    Refused(BackupProblem),
    /// The visitor failed.
    Visitor(E),
}

/// Reads the archive of one kind, and passes each entry with its content to `visit`. Returns the number of entries.
///
/// # Errors
/// [`ArchiveError`]. An error of `archive` is a refusal; a caller that can tell one from the other keeps its own error.
pub fn read_archive<E>(
    kind: BackupKind,
    archive: impl Read,
    visit: &mut dyn FnMut(&BackupEntry, &mut dyn Read) -> Result<(), E>,
) -> Result<u64, ArchiveError<E>> {
    let refused =
        |subject: &str, reason: String| ArchiveError::Refused(BackupProblem::damaged(subject, reason));
    let unreadable = |cause: io::Error| refused(kind.as_str(), format!("cannot be unpacked: {cause}"));
    let mut tar = tar::Archive::new(archive);
    let (mut number, mut last): (u64, Option<EntryName>) = (0, None);
    // Raw: headers that extend others, such as those of long names, are not interpreted but refused below.
    for entry in tar.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        let text = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            let what = match entry.header().entry_type() {
                tar::EntryType::Symlink | tar::EntryType::Link => "is a link",
                tar::EntryType::Directory => "is a directory",
                _ => "is not a regular file",
            };
            return Err(refused(&text, format!("{what}; a backup has regular files only")));
        }
        let name = EntryName::parse(&text).map_err(ArchiveError::Refused)?;
        if last.as_ref().is_some_and(|last| *last >= name) {
            return Err(refused(&text, "comes twice or is out of order".to_owned()));
        }
        let bytes = entry.header().size().map_err(unreadable)?;
        let described = BackupEntry { kind, name, bytes, counts: BTreeMap::new() };
        let mut content = ExactReader { content: &mut entry, left: bytes };
        visit(&described, &mut content).map_err(ArchiveError::Visitor)?;
        // A visitor need not read all; the rest must be there nevertheless.
        io::copy(&mut content, &mut io::sink()).map_err(unreadable)?;
        last = Some(described.name);
        number += 1;
    }
    let mut end = Vec::new();
    tar.into_inner().take(END_BYTES + 1).read_to_end(&mut end).map_err(unreadable)?;
    // The reader above took the first of the two blocks.
    if end.len() as u64 != END_BYTES / 2 || end.iter().any(|byte| *byte != 0) {
        return Err(refused(kind.as_str(), "does not end where its archive ends".to_owned()));
    }
    Ok(number)
}

/// Content with a known size. That it ends earlier is an error.
struct ExactReader<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for ExactReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends within a file"));
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
