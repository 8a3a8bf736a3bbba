//! A trail on disk.
//!
//! Enters: a trail and a directory. Leaves: the log files and digest files in its folder `AWSLogs/`; for the demo
//! also the file of its roles' policies. Law: a directory that is not empty and was not made by onlooker is rejected;
//! in a directory made by onlooker only the trail is replaced, and only after the new trail is complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{DemoTrail, TrailKind, authorization_details};

/// The file that marks a directory as made by onlooker.
const MARKER: &str = ".onlooker-trail";
/// The text of the marker file.
const MARKER_TEXT: &str = "Made by onlooker. The AWSLogs folder beside this file is replaced on every run.\n";
/// The first folder of every key.
const ROOT: &str = "AWSLogs";
/// The file of the policies.
const POLICIES_FILE: &str = "authorization-details.json";

/// Why a trail could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TrailWriteError {
    /// The directory was not made by onlooker.
    #[error("`{path}` is not empty and was not made by onlooker: choose another directory, or empty it")]
    ForeignDirectory {
        /// Path of the directory.
        path: PathBuf,
    },
    /// A file system operation failed.
    #[error("cannot {operation} `{path}`")]
    Io {
        /// What was attempted, such as `create`.
        operation: &'static str,
        /// Path of the file or directory.
        path: PathBuf,
        /// Why the operation failed.
        source: io::Error,
    },
}

/// What was written of a trail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WrittenTrail {
    /// Log files and digest files.
    pub objects: u64,
    /// Digest files among them.
    pub digests: u64,
    /// Log files among them that cannot be read.
    pub unreadable_objects: u64,
    /// Number of records that can be read, duplicates included.
    pub records: u64,
    /// Number of records that repeat another record.
    pub duplicates: u64,
    /// Number of bytes on disk.
    pub bytes: u64,
}

impl DemoTrail {
    /// Writes the trail to `dir` and replaces a trail that was written there before. Calls `on_progress` after each
    /// object with the objects and records so far. It blocks; only one writer may use a directory at a time.
    ///
    /// # Errors
    /// [`TrailWriteError::ForeignDirectory`] if `dir` was not made by onlooker; [`TrailWriteError::Io`] if a file
    /// system operation fails, in which case an earlier trail is still there.
    pub fn write(
        &self,
        dir: &Path,
        mut on_progress: impl FnMut(u64, u64),
    ) -> Result<WrittenTrail, TrailWriteError> {
        prepare_directory(dir)?;
        // A sibling directory is on the same file system, so the last step is a rename. It is removed when dropped.
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let staging = tempfile::Builder::new()
            .prefix(".onlooker-tmp-")
            .tempdir_in(parent)
            .map_err(io_error("create a temporary directory in", parent))?;
        let mut written = WrittenTrail { duplicates: self.duplicates(), ..WrittenTrail::default() };
        let mut folder = staging.path().join(ROOT);
        fs::create_dir(&folder).map_err(io_error("create the directory", &folder))?;
        for object in self.objects() {
            let path = staging.path().join(&object.key);
            if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
                fs::create_dir_all(parent).map_err(io_error("create the directory", parent))?;
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
        replace_trail(dir, staging.path())?;
        if self.kind == TrailKind::Scenario {
            let (made, kept) = (staging.path().join(POLICIES_FILE), dir.join(POLICIES_FILE));
            fs::write(&made, authorization_details()).map_err(io_error("write", &made))?;
            fs::rename(&made, &kept).map_err(io_error("replace", &kept))?;
        }
        staging.close().map_err(io_error("remove the temporary directory in", parent))?;
        Ok(written)
    }
}

/// Creates `dir` if needed and marks it, unless it is not empty and has no marker.
fn prepare_directory(dir: &Path) -> Result<(), TrailWriteError> {
    let marker = dir.join(MARKER);
    match fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() && !marker.is_file() {
                return Err(TrailWriteError::ForeignDirectory { path: dir.to_owned() });
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(io_error("create the directory", dir))?;
        }
        Err(error) => return Err(io_error("read the directory", dir)(error)),
    }
    fs::write(&marker, MARKER_TEXT).map_err(io_error("write", &marker))
}

/// Moves the new trail into `dir`. The replaced trail moves into the temporary directory and is removed with it.
fn replace_trail(dir: &Path, staging: &Path) -> Result<(), TrailWriteError> {
    let (current, next, old) = (dir.join(ROOT), staging.join(ROOT), staging.join("replaced"));
    match fs::rename(&current, &old) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("move away", &current)(error)),
    }
    if let Err(error) = fs::rename(&next, &current) {
        // Best effort: the first error is the one to report.
        let _ = fs::rename(&old, &current);
        return Err(io_error("replace", &current)(error));
    }
    Ok(())
}

/// The error of an operation on a path.
fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TrailWriteError {
    let path = path.to_owned();
    move |source| TrailWriteError::Io { operation, path, source }
}
