//! Local files as log files.
//!
//! Enters: paths, globs, or standard input as `-`. Leaves: a [`LogSource`]. Laws: a file that is
//! named several times is listed once; files are sorted by path; in a directory every file is read except hidden ones
//! (with a name that begins with a dot), because CloudTrail delivers none and `.onlooker` is the state of Onlooker.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
    sync::Mutex,
    time::UNIX_EPOCH,
};

use walkdir::{DirEntry, WalkDir};

use onlooker_core::ports::{LogSource, PortError, PortErrorKind, StoredObject};

/// The name of standard input.
pub const STDIN: &str = "-";

/// Files that paths name.
#[derive(Debug)]
pub struct LocalFiles {
    paths: Vec<String>,
    /// The contents of standard input, which can be read only once.
    stdin: Mutex<Option<Vec<u8>>>,
}

impl LocalFiles {
    /// The files that these paths name: directories (recursive), files, globs, and `-` for standard input.
    pub fn new(paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { paths: paths.into_iter().map(Into::into).collect(), stdin: Mutex::new(None) }
    }
}

impl LogSource for LocalFiles {
    fn list(&self) -> Result<Vec<StoredObject>, PortError> {
        let mut found = BTreeMap::new();
        for path in &self.paths {
            if path == STDIN {
                found.insert(PathBuf::from(STDIN), (0, String::new()));
            } else if Path::new(path).exists() {
                walk(Path::new(path), &mut found);
            } else {
                for path in expand_glob(path)? {
                    walk(&path, &mut found);
                }
            }
        }
        Ok(found
            .into_iter()
            .map(|(path, (size, version))| StoredObject {
                name: path.to_string_lossy().into_owned(),
                size,
                version,
            })
            .collect())
    }

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<(), PortError> {
        bytes.clear();
        let read =
            if object.name == STDIN { self.read_stdin(most, bytes) } else { read_file(object, most, bytes) };
        read.map_err(|error| port_error("read", &object.name, error))
    }
}

impl LocalFiles {
    fn read_stdin(&self, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut kept = self.stdin.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.is_none() {
            let mut all = Vec::new();
            io::stdin().lock().take(most).read_to_end(&mut all)?;
            *kept = Some(all);
        }
        bytes.extend(kept.iter().flatten());
        Ok(())
    }
}

fn read_file(object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let room = usize::try_from(object.size.min(most)).unwrap_or_default();
    bytes.try_reserve(room.saturating_add(1))?;
    // Reading something other than a regular file, such as a pipe, might never end.
    if !fs::metadata(&object.name)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(&object.name)?.take(most).read_to_end(bytes)?;
    Ok(())
}

/// Adds every file at or below `path`. An inaccessible file is added too, so that reading it reports the error.
fn walk(path: &Path, found: &mut BTreeMap<PathBuf, (u64, String)>) {
    let shown =
        |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    for entry in WalkDir::new(path).follow_links(true).into_iter().filter_entry(shown) {
        let (file, metadata) = match &entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => (entry.path(), fs::metadata(entry.path()).ok()),
            Err(error) => (error.path().unwrap_or(path), None),
        };
        let size = metadata.as_ref().map_or(0, fs::Metadata::len);
        let version = metadata.and_then(|metadata| file_version(&metadata)).unwrap_or_default();
        let plain = file.components().filter(|part| *part != Component::CurDir).collect();
        found.insert(plain, (size, version));
    }
}

/// A version that changes with the file: its size, its modification time and, where the system has them, its inode
/// and the change time of the inode, which copy tools cannot set back.
fn file_version(metadata: &fs::Metadata) -> Option<String> {
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}-{}{}", metadata.len(), changed.as_nanos(), inode(metadata)))
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;

    format!("-{}-{}.{}", metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> String {
    String::new()
}

/// The paths that a glob matches. No match is an error, so that a typing error does not look like an empty trail.
fn expand_glob(pattern: &str) -> Result<Vec<PathBuf>, PortError> {
    let paths = glob::glob(pattern).map_err(|error| port_error("parse", pattern, error))?;
    let paths: Result<Vec<_>, _> = paths.collect();
    let paths = paths.map_err(|error| port_error("list", pattern, error))?;
    if paths.is_empty() {
        return Err(port_error("find", pattern, io::Error::from(io::ErrorKind::NotFound)));
    }
    Ok(paths)
}

fn port_error(
    operation: &'static str,
    name: &str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError { operation, name: name.to_owned(), kind: PortErrorKind::Other, cause: cause.into() }
}
