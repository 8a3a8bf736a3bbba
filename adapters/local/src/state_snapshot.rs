//! The state of sweeps as the source of a backup.
//!
//! Enters: a state directory, to which other processes may write, and the configuration file. Leaves: its entries as they
//! are at one moment. Laws: the database is copied in one transaction, and only the segments and reports that this copy names
//! are entries: a segment is on disk before the database names it, so the copy and the files fit; a file that is missing or
//! does not match its name is left out and named.
//!
//! The copy is made by `VACUUM INTO` in a file of its own, which is removed when the snapshot is dropped. The copy that a
//! killed process left is removed by the next snapshot.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::sweep_state::{StateError, SweepState, add_content_column, file_error, retry_while_busy};
use onlooker_core::{
    backup::{BackupEntry, BackupKind, BackupProblem, EntryName, SkippedEntries},
    hex::hex,
    ports::{BackupSource, EntryVisitor, PortError, PortErrorKind},
};

/// Name of the database, as a file and as an entry.
pub(super) const DATABASE: &str = "state.db";

/// Name of the configuration file as an entry, whatever its own name is.
pub const CONFIGURATION_ENTRY: &str = "onlooker.toml";

/// Prefix of copies of the database.
const COPY_PREFIX: &str = ".backup-";

/// A state at one moment.
#[derive(Debug)]
pub struct StateSnapshot {
    dir: PathBuf,
    configuration: Option<PathBuf>,
    database: Option<DatabaseCopy>,
}

#[derive(Debug)]
struct DatabaseCopy {
    /// Locked while it is in use, and removed when it is dropped.
    file: NamedTempFile,
    db: Connection,
}

impl StateSnapshot {
    /// Copies the database of the state in a directory, if there is one.
    ///
    /// # Errors
    /// [`StateError`]. A state without a database is not an error; it has no entries.
    pub fn take(dir: &Path, configuration: Option<&Path>) -> Result<Self, StateError> {
        let database = match SweepState::open_existing(dir)? {
            Some(state) => Some(DatabaseCopy::of(&state)?),
            None => None,
        };
        Ok(Self { dir: dir.to_owned(), configuration: configuration.map(Path::to_owned), database })
    }

    fn segments(&self, visit: &mut EntryVisitor<'_>) -> Result<SkippedEntries, PortError> {
        let mut skipped = SkippedEntries::default();
        let Some(copy) = &self.database else { return Ok(skipped) };
        let names = copy.column("SELECT DISTINCT segment FROM objects ORDER BY segment")?;
        for name in names {
            let entry = segment_entry(&name);
            let bytes = match fs::read(self.dir.join(&entry)) {
                Ok(bytes) if hex(&Sha256::digest(&bytes)) == name => bytes,
                Ok(_) => {
                    skipped.add(entry);
                    continue;
                }
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                    skipped.add(entry);
                    continue;
                }
                Err(cause) => return Err(port_error("back up", &entry, cause)),
            };
            visit(
                &described(BackupKind::Evidence, &entry, bytes.len() as u64, [("segments", 1)])?,
                &mut &*bytes,
            )?;
        }
        Ok(skipped)
    }

    fn reports(&self, visit: &mut EntryVisitor<'_>) -> Result<SkippedEntries, PortError> {
        let mut skipped = SkippedEntries::default();
        let Some(copy) = &self.database else { return Ok(skipped) };
        // Sorted as names of entries, which end with `.json`.
        let runs = copy.column("SELECT run_id FROM runs")?;
        let names: BTreeSet<String> = runs.iter().map(|run| report_entry(run)).collect();
        for entry in names {
            match self.file(&entry) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => skipped.add(entry),
                Err(cause) => return Err(port_error("back up", &entry, cause)),
                Ok((bytes, mut file)) => {
                    visit(&described(BackupKind::Reports, &entry, bytes, [("reports", 1)])?, &mut file)?;
                }
            }
        }
        Ok(skipped)
    }

    fn file(&self, entry: &str) -> io::Result<(u64, File)> {
        let file = File::open(self.dir.join(entry))?;
        Ok((file.metadata()?.len(), file))
    }

    fn database(&self, visit: &mut EntryVisitor<'_>) -> Result<(), PortError> {
        let Some(copy) = &self.database else { return Ok(()) };
        let count = |table: &str| {
            let read = copy.db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
            read.map_err(|cause| port_error("count", table, cause))
        };
        let counts =
            [("runs", count("runs")?), ("findings", count("findings")?), ("log_files", count("objects")?)];
        let open = || -> io::Result<(u64, File)> {
            let file = File::open(copy.file.path())?;
            Ok((file.metadata()?.len(), file))
        };
        let (bytes, mut file) = open().map_err(|cause| port_error("back up", DATABASE, cause))?;
        visit(&described(BackupKind::State, DATABASE, bytes, counts)?, &mut file)
    }

    fn configuration(&self, visit: &mut EntryVisitor<'_>) -> Result<(), PortError> {
        let Some(path) = &self.configuration else { return Ok(()) };
        let bytes =
            fs::read(path).map_err(|cause| port_error("back up", &path.display().to_string(), cause))?;
        let counts = [("configuration_files", 1)];
        visit(
            &described(BackupKind::Configuration, CONFIGURATION_ENTRY, bytes.len() as u64, counts)?,
            &mut &*bytes,
        )
    }
}

impl BackupSource for StateSnapshot {
    fn entries(&self, kind: BackupKind, visit: &mut EntryVisitor<'_>) -> Result<SkippedEntries, PortError> {
        match kind {
            BackupKind::Evidence => return self.segments(visit),
            BackupKind::Reports => return self.reports(visit),
            BackupKind::State => self.database(visit)?,
            BackupKind::Configuration => self.configuration(visit)?,
            BackupKind::Audit => {}
        }
        Ok(SkippedEntries::default())
    }
}

impl DatabaseCopy {
    fn of(state: &SweepState) -> Result<Self, StateError> {
        let file = copy_file(state.dir()).map_err(file_error("copy the database into", state.dir()))?;
        let copy = || {
            state.database().execute("VACUUM INTO ?1", [file.path().to_string_lossy()])?;
            let db = Connection::open(file.path())?;
            // The state may be of an earlier Onlooker, and the copy is not.
            add_content_column(&db)?;
            Ok(db)
        };
        let db = retry_while_busy(copy).map_err(|cause| state.database_error(cause))?;
        Ok(Self { file, db })
    }

    /// The texts of a column.
    fn column(&self, sql: &str) -> Result<Vec<String>, PortError> {
        let read = || self.db.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>();
        read().map_err(|cause: rusqlite::Error| port_error("read", DATABASE, cause))
    }
}

/// An empty file for a copy of the database in a state directory, locked. Copies that killed processes left, which no process
/// has locked, are removed.
pub(super) fn copy_file(dir: &Path) -> io::Result<NamedTempFile> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let is_copy = entry.file_name().to_string_lossy().starts_with(COPY_PREFIX);
        // A copy that cannot be removed only takes space.
        if is_copy && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let file = tempfile::Builder::new().prefix(COPY_PREFIX).suffix(".db").tempfile_in(dir)?;
    file.as_file().lock()?;
    Ok(file)
}

/// Name of the entry of a segment with this hash.
pub(super) fn segment_entry(hash: &str) -> String {
    format!("segments/{}/{hash}.seg", hash.get(..2).unwrap_or("00"))
}

/// Name of the entry of the report of a run.
pub(super) fn report_entry(run: &str) -> String {
    let safe: String = run.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    format!("reports/{safe}.json")
}

fn described<const N: usize>(
    kind: BackupKind,
    name: &str,
    bytes: u64,
    counts: [(&'static str, u64); N],
) -> Result<BackupEntry, PortError> {
    let name =
        EntryName::parse(name).map_err(|problem: BackupProblem| port_error("back up", name, problem))?;
    Ok(BackupEntry { kind, name, bytes, counts: BTreeMap::from(counts) })
}

pub(super) fn port_error(
    operation: &'static str,
    name: &str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError { operation, name: name.to_owned(), kind: PortErrorKind::Other, cause: cause.into() }
}
