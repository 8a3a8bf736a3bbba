//! A trail on disk.
//!
//! Enters: a trail and a directory. Leaves: the objects below it, under `AWSLogs/`; beside them, of the story, what the
//! policies of its roles say. Law: a directory
//! that holds anything and was not made here is refused; in one that was, only the trail is replaced,
//! and only once the new one is complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{DemoTrail, TrailKind, authorization_details};

/// The file that says a directory was made here.
const MARKER: &str = ".onlooker-trail";
/// What the marker says to whoever opens it.
const MARKER_TEXT: &str = "Made by onlooker. The AWSLogs folder beside this file is replaced on every run.\n";
/// The folder that every key begins with.
const ROOT: &str = "AWSLogs";
/// The file of the policies.
const POLICIES_FILE: &str = "authorization-details.json";

/// Why a trail could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TrailWriteError {
    /// The directory belongs to somebody else.
    #[error("`{path}` is not empty and was not made by onlooker: choose another directory, or empty it")]
    ForeignDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {operation} `{path}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WrittenTrail {
    /// Objects, logs and digests.
    pub objects: u64,
    /// Of them, digests.
    pub digests: u64,
    /// Of them, logs that cannot be read.
    pub unreadable_objects: u64,
    /// Records that can be read, duplicates included.
    pub records: u64,
    /// Of them, those that repeat another.
    pub duplicates: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

impl DemoTrail {
    /// Writes the trail below `dir`, replacing one that was written there before. `on_progress` is told
    /// the objects and records so far after each object. Blocks; run one writer a directory at a time.
    ///
    /// # Errors
    /// [`WriteError::NotOurs`] if `dir` holds something else; [`WriteError::Io`] if the disk refuses,
    /// in which case a trail that was there before is still there.
    pub fn write(
        &self,
        dir: &Path,
        mut on_progress: impl FnMut(u64, u64),
    ) -> Result<WrittenTrail, TrailWriteError> {
        prepare_directory(dir)?;
        // A sibling is on the same file system, so the last step is a rename; dropped, it is removed.
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let draft = tempfile::Builder::new()
            .prefix(".onlooker-draft-")
            .tempdir_in(parent)
            .map_err(io_error("make a temporary directory in", parent))?;
        let mut written = WrittenTrail { duplicates: self.duplicates(), ..WrittenTrail::default() };
        let mut folder = draft.path().join(ROOT);
        fs::create_dir(&folder).map_err(io_error("make the directory", &folder))?;
        for object in self.objects() {
            let path = draft.path().join(&object.key);
            if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
                fs::create_dir_all(parent).map_err(io_error("make the directory", parent))?;
                folder = parent.to_owned();
            }
            fs::write(&path, &object.bytes).map_err(io_error("write", &path))?;
            let digest = object.key.contains("/CloudTrail-Digest/");
            written.objects += 1;
            written.digests += u64::from(digest);
            written.unreadable_objects += u64::from(!digest && object.records == 0);
            written.records += object.records;
            written.bytes += object.bytes.len() as u64;
            on_progress(written.objects, written.records);
        }
        replace_trail(dir, draft.path())?;
        if self.kind == TrailKind::Scenario {
            let (made, kept) = (draft.path().join(POLICIES_FILE), dir.join(POLICIES_FILE));
            fs::write(&made, authorization_details()).map_err(io_error("write", &made))?;
            fs::rename(&made, &kept).map_err(io_error("put in place", &kept))?;
        }
        draft.close().map_err(io_error("remove what was replaced in", parent))?;
        Ok(written)
    }
}

/// Makes `dir` ours, unless it is somebody else's.
fn prepare_directory(dir: &Path) -> Result<(), TrailWriteError> {
    let marker = dir.join(MARKER);
    match fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() && !marker.is_file() {
                return Err(TrailWriteError::ForeignDirectory { path: dir.to_owned() });
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(io_error("make the directory", dir))?;
        }
        Err(error) => return Err(io_error("read the directory", dir)(error)),
    }
    fs::write(&marker, MARKER_TEXT).map_err(io_error("write", &marker))
}

/// Puts the draft's trail in place; what it replaces goes into the draft, and goes away with it.
fn replace_trail(dir: &Path, draft: &Path) -> Result<(), TrailWriteError> {
    let (current, next, old) = (dir.join(ROOT), draft.join(ROOT), draft.join("replaced"));
    match fs::rename(&current, &old) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("move away", &current)(error)),
    }
    if let Err(error) = fs::rename(&next, &current) {
        // Best effort: the reason to report is the one that came first.
        let _ = fs::rename(&old, &current);
        return Err(io_error("put in place", &current)(error));
    }
    Ok(())
}

/// The error of an operation on a path.
fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TrailWriteError {
    let path = path.to_owned();
    move |source| TrailWriteError::Io { operation, path, source }
}
