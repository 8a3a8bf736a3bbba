//! Local files as log files.
//!
//! Enters: paths, globs, or standard input as `-`. Leaves: a [`LogSource`]. Laws: a file that is
//! named several times is listed once; files are sorted by path; hidden directories (with a name that begins with a dot)
//! are not entered, because CloudTrail delivers none and `.onlooker` is the state of Onlooker; hidden files are listed
//! by directories, so that they are counted as skipped.

use std::{
    collections::{BTreeMap, HashSet},
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
    /// The paths as they are listed, if they name a file.
    named: HashSet<PathBuf>,
    /// The contents of standard input, which can be read only once.
    stdin: Mutex<Option<Vec<u8>>>,
}

impl LocalFiles {
    /// The files that these paths name: directories (recursive), files, globs, and `-` for standard input.
    pub fn new(paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let paths: Vec<String> = paths.into_iter().map(Into::into).collect();
        let named = paths.iter().map(|path| plain(Path::new(path))).collect();
        Self { paths, named, stdin: Mutex::new(None) }
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

    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<String, PortError> {
        bytes.clear();
        let read =
            if object.name == STDIN { self.read_stdin(most, bytes) } else { read_file(object, most, bytes) };
        read.map(|()| object.version.clone()).map_err(|error| port_error("read", &object.name, error))
    }

    fn is_named(&self, object: &StoredObject) -> bool {
        self.named.contains(Path::new(&object.name))
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
    let is_hidden = |entry: &DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
    let shown = |entry: &DirEntry| entry.depth() == 0 || !entry.file_type().is_dir() || !is_hidden(entry);
    for entry in WalkDir::new(path).follow_links(true).into_iter().filter_entry(shown) {
        let (file, metadata) = match &entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => (entry.path(), fs::metadata(entry.path()).ok()),
            Err(error) => (error.path().unwrap_or(path), None),
        };
        let size = metadata.as_ref().map_or(0, fs::Metadata::len);
        let version = metadata.and_then(|metadata| file_version(&metadata)).unwrap_or_default();
        found.insert(plain(file), (size, version));
    }
}

/// A path as it is listed: without `.`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
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
        return Err(port_error(
            "find",
            pattern,
            io::Error::new(io::ErrorKind::NotFound, "no such file or folder"),
        ));
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

/// Globs of files that are excluded.
#[derive(Clone, Debug, Default)]
pub struct ExcludeGlobs(Vec<glob::Pattern>);

impl ExcludeGlobs {
    /// The globs `patterns`, in which `*` also matches `/`.
    ///
    /// # Errors
    /// The first pattern that is not a glob, and why.
    pub fn new(patterns: &[String]) -> Result<Self, (String, glob::PatternError)> {
        let parse = |pattern: &String| glob::Pattern::new(pattern).map_err(|error| (pattern.clone(), error));
        patterns.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a glob matches the path `name`, a path inside it, or a folder of it: `Config`, `*/Config/*` and
    /// `Config/*.gz` all match `logs/Config/a.json.gz`.
    pub fn matches(&self, name: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let slashes = || name.match_indices('/').map(|(at, _)| at);
        let starts = || std::iter::once(0).chain(slashes().map(|at| at + 1));
        let ends = || slashes().chain(std::iter::once(name.len()));
        starts().any(|start| {
            ends().filter(|end| *end > start).any(|end| {
                name.get(start..end).is_some_and(|part| self.0.iter().any(|glob| glob.matches(part)))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_excludes_a_path_its_end_or_a_folder_in_it() {
        let excludes = |pattern: &str, name| ExcludeGlobs::new(&[pattern.to_owned()]).unwrap().matches(name);
        let name = "logs/AWSLogs/111122223333/Config/us-east-1/a.json.gz";
        for pattern in [
            name,
            "Config",
            "*/Config/*",
            "**/Config/**",
            "Config/*",
            "a.json.gz",
            "*.json.gz",
            "[ab].json.gz",
            "logs/*",
            "logs",
            "AWSLogs/1111*",
        ] {
            assert!(excludes(pattern, name), "{pattern}");
        }
        for pattern in ["config", "Conf", "a.json", "json.gz", "b*", "/logs", "*.json", ""] {
            assert!(!excludes(pattern, name), "{pattern}");
        }
        assert!(ExcludeGlobs::new(&["a".to_owned(), "[".to_owned()]).is_err());
        assert!(!ExcludeGlobs::default().matches("a"));
    }
}
