//! The state of sweeps as the target of a restore.
//!
//! Enters: entries of a backup, which anyone may have written. Leaves: files and rows of a state. Laws: a segment is written
//! only if its content has the hash in its name; the rows of the database are replaced in one transaction, so other processes
//! see the old state or the new one; a database with anything but the tables of a state is refused; a restore that did not
//! end leaves a record, with which no sweep uses the state.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use super::{
    file_comparison::{FileComparison, HashedCopy, same_content},
    restored_database::RestoredDatabase,
    state_snapshot::{CONFIGURATION_ENTRY, DATABASE, port_error, segment_entry},
    sweep_state::{RESTORE_RECORD, temporary_file_builder, unfinished_restore, write_atomically},
};
use onlooker_core::{
    backup::{BackupEntry, BackupKind, BackupProblem, EntryComparison, RestoreRecord},
    config::Config,
    ports::{PortError, RestoreJournal, RestoreTarget},
    time::Time,
};

/// Largest configuration file that is restored, in bytes.
const MAX_CONFIGURATION_BYTES: u64 = 4 << 20;

/// A state directory and a configuration file, into which a backup is restored.
#[derive(Debug)]
pub struct StateRestore {
    dir: PathBuf,
    configuration: PathBuf,
    backed_up_at: Time,
}

impl StateRestore {
    /// Restores into these a backup that was made at `backed_up_at`.
    pub fn new(dir: &Path, configuration: &Path, backed_up_at: Time) -> Self {
        Self { dir: dir.to_owned(), configuration: configuration.to_owned(), backed_up_at }
    }

    /// The file of an entry that is written once, if the entry is one, and the hash that its content must have.
    fn file_of(&self, entry: &BackupEntry) -> Result<(PathBuf, Option<String>), PortError> {
        let name = entry.name.as_str();
        let stem =
            |prefix: &str, suffix: &str| name.strip_prefix(prefix)?.strip_suffix(suffix).map(str::to_owned);
        let found = match entry.kind {
            BackupKind::Evidence => {
                let hash =
                    stem("segments/", ".seg").and_then(|path| Some(path.split_once('/')?.1.to_owned()));
                hash.filter(|hash| is_sha256(hash) && segment_entry(hash) == name).map(Some)
            }
            BackupKind::Reports => stem("reports/", ".json")
                .filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
                .map(|_| None),
            _ => None,
        };
        match found {
            Some(hash) => Ok((self.dir.join(name), hash)),
            None => Err(refused(name, "is not a file of a state")),
        }
    }

    fn compare_file(
        &self,
        entry: &BackupEntry,
        content: &mut dyn Read,
    ) -> Result<(EntryComparison, String), PortError> {
        let (path, hash) = self.file_of(entry)?;
        let failed = |cause: io::Error| port_error("compare", entry.name.as_str(), cause);
        let here = match File::open(&path) {
            Ok(file) => Some(file),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
            Err(cause) => return Err(failed(cause)),
        };
        let mut copied = HashedCopy::new(FileComparison::with(here));
        io::copy(content, &mut copied).map_err(failed)?;
        check_hash(hash, &copied.sha256(), entry)?;
        let is_here = copied.to.here.is_some();
        let comparison = match (is_here, copied.to.ends().map_err(failed)?) {
            (false, _) => EntryComparison::New,
            (true, true) => EntryComparison::Equal,
            (true, false) => EntryComparison::DamagedHere,
        };
        Ok((comparison, "a file that is written once has another content here".to_owned()))
    }

    fn write_file(
        &self,
        entry: &BackupEntry,
        content: &mut dyn Read,
        may_replace: bool,
    ) -> Result<(), PortError> {
        let (path, hash) = self.file_of(entry)?;
        let failed = |cause: io::Error| port_error("restore", entry.name.as_str(), cause);
        let parent = path.parent().unwrap_or(&self.dir);
        fs::create_dir_all(parent).map_err(failed)?;
        let mut copied = HashedCopy::new(temporary_file_builder().tempfile_in(parent).map_err(failed)?);
        io::copy(content, &mut copied).map_err(failed)?;
        check_hash(hash, &copied.sha256(), entry)?;
        let temporary = copied.to;
        temporary.as_file().sync_data().map_err(failed)?;
        match File::open(&path) {
            Ok(here) => {
                let restored = File::open(temporary.path()).map_err(failed)?;
                if same_content(here, restored).map_err(failed)? {
                    return Ok(());
                }
                if !may_replace {
                    return Err(port_error(
                        "restore",
                        entry.name.as_str(),
                        "it is there with another content",
                    ));
                }
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(failed(cause)),
        }
        temporary.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn staged_database(
        &self,
        entry: &BackupEntry,
        content: &mut dyn Read,
    ) -> Result<RestoredDatabase, PortError> {
        if entry.name.as_str() != DATABASE {
            return Err(refused(entry.name.as_str(), "is not the database of a state"));
        }
        RestoredDatabase::stage(&self.dir, content)
    }

    /// The text of the configuration in an entry, which must be a valid configuration.
    fn configuration_text(&self, entry: &BackupEntry, content: &mut dyn Read) -> Result<String, PortError> {
        let name = entry.name.as_str();
        if entry.name.as_str() != CONFIGURATION_ENTRY || entry.bytes > MAX_CONFIGURATION_BYTES {
            return Err(refused(name, "is not a configuration file"));
        }
        let mut text = String::new();
        content.read_to_string(&mut text).map_err(|cause| port_error("restore", name, cause))?;
        Config::from_toml(&text, CONFIGURATION_ENTRY)
            .map_err(|cause| refused(name, format!("is not a valid configuration: {cause}")))?;
        Ok(text)
    }

    /// How a configuration compares with the file that is there.
    fn compare_configuration(&self, text: &str) -> io::Result<(EntryComparison, String)> {
        let here = match fs::read(&self.configuration) {
            Ok(here) => here,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Ok((EntryComparison::New, String::new()));
            }
            Err(cause) => return Err(cause),
        };
        if here == text.as_bytes() {
            return Ok((EntryComparison::Equal, String::new()));
        }
        let changed = fs::metadata(&self.configuration)?.modified()?;
        let changed = changed.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let path = self.configuration.display();
        Ok(if changed > u64::from(self.backed_up_at.0) {
            (EntryComparison::NewerHere, format!("`{path}` was changed after the backup"))
        } else {
            (EntryComparison::OlderHere, format!("`{path}` differs, and was not changed since the backup"))
        })
    }
}

impl RestoreTarget for StateRestore {
    fn compare(
        &self,
        entry: &BackupEntry,
        content: &mut dyn Read,
    ) -> Result<(EntryComparison, String), PortError> {
        match entry.kind {
            BackupKind::State => match self.dir.join(DATABASE).is_file() {
                true => self.staged_database(entry, content)?.compare(),
                // Staged nevertheless, so that a database which is refused is refused before anything is changed.
                false => {
                    self.staged_database(entry, content)?;
                    Ok((EntryComparison::New, String::new()))
                }
            },
            BackupKind::Configuration => {
                let text = self.configuration_text(entry, content)?;
                let compared = self.compare_configuration(&text);
                compared.map_err(|cause| port_error("compare", entry.name.as_str(), cause))
            }
            _ => self.compare_file(entry, content),
        }
    }

    fn write(&self, entry: &BackupEntry, content: &mut dyn Read, may_replace: bool) -> Result<(), PortError> {
        match entry.kind {
            BackupKind::State => {
                fs::create_dir_all(&self.dir).map_err(|cause| port_error("restore", DATABASE, cause))?;
                self.staged_database(entry, content)?.replace(may_replace)
            }
            BackupKind::Configuration => {
                let text = self.configuration_text(entry, content)?;
                let failed = |cause: io::Error| port_error("compare", entry.name.as_str(), cause);
                let (comparison, _) = self.compare_configuration(&text).map_err(failed)?;
                match comparison {
                    EntryComparison::Equal => Ok(()),
                    EntryComparison::NewerHere if !may_replace => {
                        let cause = "the configuration was changed after the backup";
                        Err(port_error("restore", entry.name.as_str(), cause))
                    }
                    _ => write_atomically(&self.configuration, text.as_bytes())
                        .map_err(|cause| port_error("restore", entry.name.as_str(), cause)),
                }
            }
            _ => self.write_file(entry, content, may_replace),
        }
    }
}

impl RestoreJournal for StateRestore {
    fn unfinished(&self) -> Result<Option<RestoreRecord>, PortError> {
        unfinished_restore(&self.dir).map_err(|cause| port_error("read", RESTORE_RECORD, cause))
    }

    fn begin(&self, record: &RestoreRecord) -> Result<(), PortError> {
        let text = serde_json::to_vec(record).map_err(|cause| port_error("write", RESTORE_RECORD, cause))?;
        let path = self.dir.join(RESTORE_RECORD);
        write_atomically(&path, &text).map_err(|cause| port_error("write", RESTORE_RECORD, cause))
    }

    fn finish(&self) -> Result<(), PortError> {
        fs::remove_file(self.dir.join(RESTORE_RECORD))
            .map_err(|cause| port_error("remove", RESTORE_RECORD, cause))
    }
}

/// An entry that no state has.
fn refused(name: &str, reason: impl Into<String>) -> PortError {
    port_error("restore", name, BackupProblem::damaged(name, reason))
}

/// Fails if the content of an entry must have a hash and has another one.
fn check_hash(expected: Option<String>, found: &str, entry: &BackupEntry) -> Result<(), PortError> {
    match expected {
        Some(hash) if hash != found => {
            Err(refused(entry.name.as_str(), "does not have the content that its name says"))
        }
        _ => Ok(()),
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
