//! An object store in a directory.
//!
//! Enters and leaves: bytes under keys. Laws: an object is stored completely or not at all, and never changes; no two
//! keys share a file; no key, even from untrusted input, leads out of the directory.
//!
//! Keys are not paths: `a`, `a/b`, `a//b` and `../a` are four keys. In a path, each part of a key keeps its letters,
//! digits, `_`, `=` and `-`; every other byte is written as `%XX`. The name of a file contains a dot and the name of
//! a directory does not, so that `a` and `a/b` can both exist. A part that is too long for one name continues in the
//! next directory.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use walkdir::{DirEntry, WalkDir};

use super::sweep_state::temporary_file_builder;
use onlooker_core::ports::{ObjectRemover, ObjectStore, PortError, PortErrorKind, StoredObject};

/// Objects as files in a directory.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    root: PathBuf,
}

impl DirectoryStore {
    /// The store in a directory. The first object creates the directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The file of an object.
    pub fn path(&self, key: &str) -> PathBuf {
        let (mut path, mut rest) = (self.root.clone(), key);
        while let Some((part, after)) = rest.split_once('/') {
            push_part(&mut path, &encode_part(part, false));
            rest = after;
        }
        let name = encode_part(rest, true);
        if name.contains('.') && name.len() <= MAX_NAME_LEN {
            path.push(name);
        } else {
            push_part(&mut path, &encode_part(rest, false));
            path.as_mut_os_string().push(NO_DOT_SUFFIX);
        }
        path
    }

    /// The key of the object in a file; none for a file that this store did not write.
    fn key(&self, file: &Path) -> Option<String> {
        let (mut key, mut part) = (Vec::new(), String::new());
        for name in file.strip_prefix(&self.root).ok()? {
            let name = name.to_str()?;
            if let Some(begun) = name.strip_suffix(CONTINUED_SUFFIX) {
                part.push_str(begun);
                continue;
            }
            part.push_str(name);
            key.push(decode_part(part.strip_suffix(NO_DOT_SUFFIX).unwrap_or(&part))?);
            part.clear();
        }
        let key = key.join("/");
        (self.path(&key) == file).then_some(key)
    }
}

impl ObjectStore for DirectoryStore {
    fn create(&self, key: &str, bytes: &[u8], _: &str) -> Result<bool, PortError> {
        let path = self.path(key);
        let write = || -> io::Result<bool> {
            if path.exists() {
                return Ok(false);
            }
            let dir = path.parent().unwrap_or(&self.root);
            fs::create_dir_all(dir)?;
            let mut temporary = temporary_file_builder().prefix(TEMPORARY_PREFIX).tempfile_in(dir)?;
            temporary.write_all(bytes)?;
            temporary.as_file().sync_data()?;
            match temporary.persist_noclobber(&path) {
                Ok(_) => Ok(true),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error),
            }
        };
        write().map_err(|cause| port_error("write", key, cause))
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.path(key))?;
            let mut bytes = Vec::new();
            match part {
                None => file.read_to_end(&mut bytes)?,
                Some(Range { start, end }) => {
                    let len = end.saturating_sub(start);
                    bytes.reserve(len.min(LARGEST_RESERVE) as usize);
                    if start > 0 {
                        file.seek(SeekFrom::Start(start))?;
                    }
                    file.take(len).read_to_end(&mut bytes)?
                }
            };
            Ok(bytes)
        };
        read().map_err(|cause| port_error("read", key, cause))
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        let mut below = self.root.clone();
        if let Some((parts, _)) = prefix.rsplit_once('/') {
            for part in parts.split('/') {
                push_part(&mut below, &encode_part(part, false));
            }
        }
        if !below.exists() {
            return Ok(Vec::new());
        }
        let ours =
            |entry: &DirEntry| !entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes());
        let mut objects = Vec::new();
        for entry in WalkDir::new(&below).into_iter().filter_entry(|entry| entry.depth() == 0 || ours(entry))
        {
            let failed = |cause: walkdir::Error| port_error("list", prefix, cause.into());
            let entry = entry.map_err(failed)?;
            let Some(name) = self.key(entry.path()).filter(|key| key.starts_with(prefix)) else { continue };
            let about = entry.metadata().map_err(failed)?;
            let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            let version = changed.map(|time| format!("{}-{}", about.len(), time.as_nanos()));
            if about.is_file() {
                objects.push(StoredObject { name, size: about.len(), version: version.unwrap_or_default() });
            }
        }
        objects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(objects)
    }
}

impl ObjectRemover for DirectoryStore {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        match fs::remove_file(self.path(key)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(port_error("remove", key, cause)),
            _ => Ok(()),
        }
    }
}

/// Prefix of a file that is being written.
const TEMPORARY_PREFIX: &str = ".";
/// Memory that is reserved for a part before it is read, in bytes at most.
const LARGEST_RESERVE: u64 = 1 << 20;
/// Suffix of a name that continues in the next one. An encoded part has two digits after every `%`.
const CONTINUED_SUFFIX: &str = "%";
/// Suffix of a file name that otherwise contains no dot.
const NO_DOT_SUFFIX: &str = ".%.";
/// Longest name, in bytes; file systems allow 255.
const MAX_NAME_LEN: usize = 200;

/// Encodes a part of a key as a name.
fn encode_part(part: &str, is_file: bool) -> String {
    let mut name = String::with_capacity(part.len());
    for (at, byte) in part.bytes().enumerate() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'=' | b'-' => name.push(char::from(byte)),
            b'.' if is_file && at > 0 => name.push('.'),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    if name.is_empty() { EMPTY_PART.to_owned() } else { name }
}

/// Encoding of the empty part.
const EMPTY_PART: &str = "%-";

/// Decodes a name to the part of a key.
fn decode_part(name: &str) -> Option<String> {
    if name == EMPTY_PART {
        return Some(String::new());
    }
    let mut bytes = name.bytes();
    let mut part = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        part.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => byte,
        });
    }
    String::from_utf8(part).ok()
}

/// Appends a name, split where it is too long. The name is ASCII, and no split is inside a `%XX`.
fn push_part(path: &mut PathBuf, mut name: &str) {
    while name.len() > MAX_NAME_LEN {
        let end = (MAX_NAME_LEN - 2..=MAX_NAME_LEN).rev().find(|end| {
            let tail = name.get(end.saturating_sub(2)..*end).unwrap_or_default();
            !tail.contains('%')
        });
        let Some((piece, rest)) = name.split_at_checked(end.unwrap_or(MAX_NAME_LEN)) else { break };
        path.push(format!("{piece}{CONTINUED_SUFFIX}"));
        name = rest;
    }
    path.push(name);
}

fn port_error(operation: &'static str, name: &str, cause: io::Error) -> PortError {
    let kind = match cause.kind() {
        io::ErrorKind::NotFound => PortErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => PortErrorKind::AccessDenied,
        _ => PortErrorKind::Other,
    };
    PortError { operation, name: name.to_owned(), kind, cause: Box::new(cause) }
}
