//! The state that a machine keeps between sweeps.
//!
//! Enters: segments of log files, reports, and what was verified of the log files. Leaves: the processed files, their evidence, the
//! history of runs and findings, and the verification, as long as the evidence is that which was verified. Laws: the evidence of a file is replaced completely or not at all; a segment file is on disk before
//! the database names it, so a crash leaves at most an unused file; several processes may use one state.
//!
//! ```text
//! .onlooker/
//!   state.db                 SQLite: objects, runs, findings
//!   segments/ab/abcd....seg  evidence, named by its SHA-256
//!   reports/RUN-ID.json      reports, as JSON
//!   reports/index.html       the index of reports, and the newest as a page, `latest.html`; written by the command line
//!   restore.json             only while a backup is restored
//! ```

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use onlooker_core::{
    backup::RestoreRecord,
    hex::hex,
    log_integrity::{IntegritySummary, LogFileContent},
    ports::{ProcessedObject, StoredObject, SweepEvidence},
    report::Report,
    segment::Segment,
    time::Time,
};

/// Version of the database schema.
pub(super) const SCHEMA_VERSION: i64 = 2;

/// Name of the record of a restore that began and did not end.
pub(super) const RESTORE_RECORD: &str = "restore.json";

/// Key of the verification in the table `meta`.
const INTEGRITY_KEY: &str = "log_integrity";

/// What was verified, and of which files.
#[derive(Serialize, Deserialize)]
struct KeptIntegrity {
    objects_sha256: String,
    summary: IntegritySummary,
}

/// How long a process waits for the transaction of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a state cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file could not be read or written.
    #[error("cannot {operation} `{path}`: {cause}")]
    File {
        /// What was attempted, such as `read`.
        operation: &'static str,
        /// Path of the file or directory.
        path: String,
        /// Why the operation failed.
        #[source]
        cause: io::Error,
    },
    /// The database failed.
    #[error("the state database `{path}` failed: {cause}")]
    Database {
        /// Path of the database.
        path: String,
        /// Error of SQLite.
        #[source]
        cause: rusqlite::Error,
    },
    /// An Onlooker with another schema wrote the state.
    #[error(
        "cannot use the state in `{path}`: it has version {found}, and this Onlooker supports {SCHEMA_VERSION}; \
         remove a state of a lower version, use a newer Onlooker for a higher one, or name another with `--state DIR`"
    )]
    UnsupportedVersion {
        /// Path of the state directory.
        path: String,
        /// Version of the state that was found.
        found: i64,
    },
    /// The state contains evidence of another origin.
    #[error(
        "cannot use the state in `{path}`: it contains the evidence of {found}, not of {expected}; \
         remove it, or name another with `--state DIR`"
    )]
    OriginMismatch {
        /// Path of the state directory.
        path: String,
        /// Origin of the evidence that the state contains.
        found: String,
        /// Origin of the new evidence.
        expected: String,
    },
    /// A restore of a backup into this state did not end.
    #[error(
        "cannot use the state in `{path}`: the restore of the backup `{backup}` did not end; \
         run `onlooker backup restore {destination} {backup}` again"
    )]
    RestoreUnfinished {
        /// Path of the state directory.
        path: String,
        /// Name of the backup.
        backup: String,
        /// Where the backup is.
        destination: String,
    },
    /// A segment file is damaged or missing.
    #[error(
        "cannot read the evidence: `{path}` is damaged ({cause}); \
         remove this state, or sweep the log files again with another `--state`"
    )]
    DamagedSegment {
        /// Path of the damaged evidence.
        path: String,
        /// What is wrong with the evidence.
        cause: String,
    },
    /// A stored report was changed.
    #[error(
        "cannot use the report `{path}`: its result does not have the hash `{id}`, so the report was changed; sweep again"
    )]
    ReportChanged {
        /// Path of the stored report file.
        path: String,
        /// Hash that the report's result should have.
        id: String,
    },
    /// A report cannot be parsed.
    #[error("cannot use the report `{path}`: {cause}; sweep again")]
    Report {
        /// Path of the stored report file.
        path: String,
        /// Error of the JSON parser.
        #[source]
        cause: serde_json::Error,
    },
}

/// Version of the shape of a [`PastRun`] as commands print it; the first number changes if a field loses its meaning.
pub const SWEEP_LIST_SCHEMA_VERSION: &str = "1.0";

/// A past sweep, as a row of the list.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PastRun {
    /// Id of the past run.
    pub run_id: String,
    /// Id of the report: the SHA-256 of its result, in hex.
    pub report_id: String,
    /// When the report was generated.
    pub generated_at: Time,
    /// Overall status; `None` for a discovery.
    pub status: Option<String>,
    /// Compliance score of the report; `None` if there is none.
    pub compliance_score: Option<f64>,
    /// Risk score of the report; `None` if there is none.
    pub risk_score: Option<f64>,
    /// Number of distinct events.
    pub events: u64,
    /// Number of findings in the report.
    pub findings: u64,
}

/// A state in a directory.
#[derive(Debug)]
pub struct SweepState {
    dir: PathBuf,
    db: Connection,
}

pub(super) const SCHEMA_SQL: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS objects (
    name TEXT PRIMARY KEY, version TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    records INTEGER NOT NULL, unreadable TEXT NOT NULL, segment TEXT NOT NULL, content TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, report_id TEXT NOT NULL, generated_at INTEGER NOT NULL, status TEXT,
    compliance_score REAL, risk_score REAL, events INTEGER NOT NULL, findings INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS findings (
    fingerprint TEXT PRIMARY KEY, id TEXT NOT NULL, severity TEXT NOT NULL, principal TEXT, subject TEXT NOT NULL,
    first_seen INTEGER, last_seen INTEGER, first_run TEXT NOT NULL, last_run TEXT NOT NULL, count INTEGER NOT NULL,
    open INTEGER NOT NULL
) STRICT;
";

impl SweepState {
    /// Opens the state in a directory. A missing state is created. `origin` describes the source of its evidence; a
    /// state contains the evidence of one origin.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(dir: &Path, origin: &str) -> Result<Self, StateError> {
        check_restored(dir)?;
        fs::create_dir_all(dir.join("segments")).map_err(file_error("create", dir))?;
        fs::create_dir_all(dir.join("reports")).map_err(file_error("create", dir))?;
        let this = Self { dir: dir.to_owned(), db: Self::connect(dir)? };
        this.initialize(origin)?;
        Ok(this)
    }

    /// Opens an existing state; `None` if there is none.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open_existing(dir: &Path) -> Result<Option<Self>, StateError> {
        check_restored(dir)?;
        if !dir.join("state.db").is_file() {
            return Ok(None);
        }
        let this = Self { dir: dir.to_owned(), db: Self::connect(dir)? };
        this.check_version()?;
        Ok(Some(this))
    }

    pub(super) fn connect(dir: &Path) -> Result<Connection, StateError> {
        let path = dir.join("state.db");
        let open = || {
            let db = Connection::open(&path)?;
            db.busy_timeout(BUSY_TIMEOUT)?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "NORMAL")?;
            Ok(db)
        };
        retry_while_busy(open)
            .map_err(|cause| StateError::Database { path: path.display().to_string(), cause })
    }

    fn initialize(&self, origin: &str) -> Result<(), StateError> {
        retry_while_busy(|| self.db.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA_SQL} COMMIT;")))
            .map_err(|cause| self.database_error(cause))?;
        self.check_version()?;
        self.add_content_column()?;
        self.set_meta_once("version", &SCHEMA_VERSION.to_string())?;
        self.set_meta_once("origin", origin)?;
        let found = self.read_meta("origin")?.unwrap_or_default();
        if found == origin {
            Ok(())
        } else {
            Err(StateError::OriginMismatch {
                path: self.dir.display().to_string(),
                found,
                expected: origin.to_owned(),
            })
        }
    }

    fn check_version(&self) -> Result<(), StateError> {
        let found =
            self.read_meta("version")?.and_then(|version| version.parse().ok()).unwrap_or(SCHEMA_VERSION);
        if found != SCHEMA_VERSION {
            return Err(StateError::UnsupportedVersion { path: self.dir.display().to_string(), found });
        }
        Ok(())
    }

    /// Adds the column for the content of log files to a state that an earlier Onlooker made. Another process may do the same.
    fn add_content_column(&self) -> Result<(), StateError> {
        match retry_while_busy(|| add_content_column(&self.db)) {
            Err(cause) if !self.has_content_column().unwrap_or(false) => Err(self.database_error(cause)),
            _ => Ok(()),
        }
    }

    fn has_content_column(&self) -> Result<bool, rusqlite::Error> {
        has_content_column(&self.db)
    }

    /// Keeps what was verified of the log files, with the hash of what is kept of them.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn keep_integrity(&self, summary: &IntegritySummary) -> Result<(), StateError> {
        let kept = KeptIntegrity { objects_sha256: self.objects_sha256()?, summary: summary.clone() };
        let text = serde_json::to_string(&kept)
            .map_err(|cause| StateError::Report { path: self.dir.display().to_string(), cause })?;
        self.db
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", params![INTEGRITY_KEY, text])
            .map_err(|cause| self.database_error(cause))?;
        Ok(())
    }

    /// What was verified of the log files; `None` if they were not, or if others were read since.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn integrity(&self) -> Result<Option<IntegritySummary>, StateError> {
        let Some(text) = self.read_meta(INTEGRITY_KEY)? else { return Ok(None) };
        // Of an Onlooker with another shape.
        let Ok(kept) = serde_json::from_str::<KeptIntegrity>(&text) else { return Ok(None) };
        Ok((kept.objects_sha256 == self.objects_sha256()?).then_some(kept.summary))
    }

    /// SHA-256 over name, hash and content of all processed files, in hex.
    fn objects_sha256(&self) -> Result<String, StateError> {
        let mut all = Sha256::new();
        for (name, read) in self.processed_objects()? {
            let content = read.content.as_ref().and_then(LogFileContent::to_kept).unwrap_or_default();
            for text in [&*name, &*read.sha256, content] {
                all.update((text.len() as u64).to_le_bytes());
                all.update(text);
            }
        }
        Ok(hex(&all.finalize()))
    }

    /// Stores a value unless the key has one.
    fn set_meta_once(&self, key: &str, value: &str) -> Result<(), StateError> {
        self.db
            .execute(
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![key, value],
            )
            .map_err(|cause| self.database_error(cause))?;
        Ok(())
    }

    pub(super) fn read_meta(&self, key: &str) -> Result<Option<String>, StateError> {
        self.db
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
            .optional()
            .map_err(|cause| self.database_error(cause))
    }

    /// The origin of the state's evidence; `None` in a new state.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn origin(&self) -> Result<Option<String>, StateError> {
        self.read_meta("origin")
    }

    /// Directory of the state.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn write_segment(&self, bytes: &[u8]) -> Result<String, StateError> {
        let name = hex(&Sha256::digest(bytes));
        let path = self.segment_path(&name);
        if !path.is_file() {
            write_atomically(&path, bytes)?;
        }
        Ok(name)
    }

    fn read_segment(&self, name: &str) -> Result<Segment, StateError> {
        let path = self.segment_path(name);
        let bytes = fs::read(&path).map_err(file_error("read", &path))?;
        let damaged = |cause: String| StateError::DamagedSegment { path: path.display().to_string(), cause };
        if hex(&Sha256::digest(&bytes)) != name {
            return Err(damaged("its contents do not match its name".to_owned()));
        }
        Segment::from_bytes(&bytes).map_err(|cause| damaged(cause.to_string()))
    }

    pub(super) fn segment_path(&self, name: &str) -> PathBuf {
        self.dir.join("segments").join(name.get(..2).unwrap_or("00")).join(format!("{name}.seg"))
    }

    /// Stores a report, adds the run to the history, and opens and resolves findings. Returns the file of the report.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn record_run(&mut self, report: &Report, json: &str) -> Result<PathBuf, StateError> {
        let path = self.report_path(&report.run.run_id);
        write_atomically(&path, json.as_bytes())?;
        let (result, run) = (&report.result, &report.run);
        let database = self.dir.join("state.db");
        let mut write = || {
            let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute(
                "INSERT OR REPLACE INTO runs \
                 (run_id, report_id, generated_at, status, compliance_score, risk_score, events, findings) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    run.run_id,
                    report.id,
                    run.generated_at.0,
                    result.status().map(|status| status.as_str()),
                    result.compliance.score,
                    result.summary.risk_score,
                    result.totals.events,
                    result.findings.len() as u64 + result.omitted_of("findings")
                ],
            )?;
            // A finding that is not listed may be open.
            if result.omitted_of("findings") == 0 {
                transaction.execute("UPDATE findings SET open = 0", [])?;
            }
            {
                let mut statement = transaction.prepare(
                    "INSERT INTO findings (fingerprint, id, severity, principal, subject, first_seen, last_seen, \
                     first_run, last_run, count, open) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, 1) \
                     ON CONFLICT (fingerprint) DO UPDATE SET severity = excluded.severity, \
                     first_seen = min(ifnull(first_seen, excluded.first_seen), ifnull(excluded.first_seen, first_seen)), \
                     last_seen = max(ifnull(last_seen, excluded.last_seen), ifnull(excluded.last_seen, last_seen)), \
                     last_run = excluded.last_run, count = excluded.count, open = 1",
                )?;
                for finding in &result.findings {
                    statement.execute(params![
                        finding.fingerprint,
                        finding.id,
                        finding.severity.as_str(),
                        finding.principal,
                        finding.subject,
                        finding.first_seen.map(|time| time.0),
                        finding.last_seen.map(|time| time.0),
                        run.run_id,
                        finding.count
                    ])?;
                }
            }
            transaction.commit()
        };
        write().map_err(|cause| StateError::Database { path: database.display().to_string(), cause })?;
        Ok(path)
    }

    /// Past runs, newest first.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub fn runs(&self) -> Result<Vec<PastRun>, StateError> {
        let read = || {
            let mut statement = self.db.prepare(
                "SELECT run_id, report_id, generated_at, status, compliance_score, risk_score, events, findings \
                 FROM runs ORDER BY generated_at DESC, run_id DESC",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(PastRun {
                    run_id: row.get(0)?,
                    report_id: row.get(1)?,
                    generated_at: Time(row.get(2)?),
                    status: row.get(3)?,
                    compliance_score: row.get(4)?,
                    risk_score: row.get(5)?,
                    events: row.get(6)?,
                    findings: row.get(7)?,
                })
            })?;
            rows.collect::<Result<_, _>>()
        };
        read().map_err(|cause| self.database_error(cause))
    }

    /// The report of a run.
    ///
    /// # Errors
    /// [`StateError::File`] when there is no report, [`StateError::Report`] when it is damaged,
    /// [`StateError::ReportChanged`] when its result was changed.
    pub fn report(&self, run_id: &str) -> Result<Report, StateError> {
        let path = self.report_path(run_id);
        let unusable = |cause| StateError::Report { path: path.display().to_string(), cause };
        let bytes = fs::read(&path).map_err(file_error("read", &path))?;
        let report: Report = serde_json::from_slice(&bytes).map_err(unusable)?;
        let kept: Option<String> = self
            .db
            .query_row("SELECT report_id FROM runs WHERE run_id = ?1", [run_id], |row| row.get(0))
            .optional()
            .map_err(|cause| self.database_error(cause))?;
        let id = kept.unwrap_or_else(|| report.id.clone());
        if report.id != id || report.result.id().map_err(unusable)? != id {
            return Err(StateError::ReportChanged { path: path.display().to_string(), id });
        }
        Ok(report)
    }

    /// The file of a run's report. Run ids come from the database or the command line, so only letters, digits and `-` go into
    /// the path.
    pub fn report_path(&self, run_id: &str) -> PathBuf {
        let safe: String = run_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        self.dir.join("reports").join(format!("{safe}.json"))
    }

    /// The open database.
    pub(super) const fn database(&self) -> &Connection {
        &self.db
    }

    pub(super) fn database_error(&self, cause: rusqlite::Error) -> StateError {
        StateError::Database { path: self.dir.join("state.db").display().to_string(), cause }
    }
}

impl SweepEvidence for SweepState {
    type Error = StateError;

    fn processed_objects(&self) -> Result<BTreeMap<String, ProcessedObject>, StateError> {
        let read = || {
            // A state that is only read keeps the columns that it has.
            let content = if self.has_content_column()? { "content" } else { "NULL" };
            let mut statement = self.db.prepare(&format!(
                "SELECT name, version, bytes, sha256, records, unreadable, {content} FROM objects"
            ))?;
            let rows = statement.query_map([], |row| {
                let unreadable: String = row.get(5)?;
                let object = StoredObject { name: row.get(0)?, version: row.get(1)?, size: row.get(2)? };
                let read = ProcessedObject {
                    sha256: row.get(3)?,
                    content: row.get::<_, Option<String>>(6)?.map(LogFileContent::from_kept),
                    records: row.get(4)?,
                    unreadable: serde_json::from_str(&unreadable).map_err(|cause| {
                        rusqlite::Error::FromSqlConversionFailure(
                            5,
                            rusqlite::types::Type::Text,
                            Box::new(cause),
                        )
                    })?,
                    object,
                };
                Ok((read.object.name.clone(), read))
            })?;
            rows.collect::<Result<_, _>>()
        };
        read().map_err(|cause| self.database_error(cause))
    }

    fn save(&mut self, read: &ProcessedObject, segment: &Segment) -> Result<(), StateError> {
        let name = self.write_segment(&segment.to_bytes())?;
        let unreadable = serde_json::to_string(&read.unreadable)
            .map_err(|cause| StateError::Report { path: read.object.name.clone(), cause })?;
        self.db
            .execute(
                "INSERT OR REPLACE INTO objects \
                 (name, version, bytes, sha256, records, unreadable, segment, content) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    read.object.name,
                    read.object.version,
                    read.object.size,
                    read.sha256,
                    read.records,
                    unreadable,
                    name,
                    read.content.as_ref().and_then(LogFileContent::to_kept)
                ],
            )
            .map_err(|cause| self.database_error(cause))?;
        Ok(())
    }

    fn load(&self, objects: &[ProcessedObject], each: &mut dyn FnMut(Segment)) -> Result<(), StateError> {
        for read in objects {
            let name: String = self
                .db
                .prepare_cached("SELECT segment FROM objects WHERE name = ?1")
                .and_then(|mut statement| statement.query_row([&read.object.name], |row| row.get(0)))
                .map_err(|cause| self.database_error(cause))?;
            each(self.read_segment(&name)?);
        }
        Ok(())
    }

    fn report_of(&self, inputs_sha256: &str) -> Result<Option<Report>, StateError> {
        self.find_report_of(inputs_sha256)
    }
}

/// The restore into a state directory that began and did not end.
pub(super) fn unfinished_restore(dir: &Path) -> io::Result<Option<RestoreRecord>> {
    match fs::read(dir.join(RESTORE_RECORD)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        // A directory that does not exist, or cannot, has no record.
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(cause) => Err(cause),
    }
}

/// Adds the column for the content of log files, if a database of a state does not have it.
pub(super) fn add_content_column(db: &Connection) -> Result<(), rusqlite::Error> {
    match has_content_column(db)? {
        true => Ok(()),
        false => db.execute_batch("ALTER TABLE main.objects ADD COLUMN content TEXT"),
    }
}

fn has_content_column(db: &Connection) -> Result<bool, rusqlite::Error> {
    let sql = "SELECT count(*) FROM pragma_table_info('objects', 'main') WHERE name = 'content'";
    db.query_row(sql, [], |row| Ok(row.get::<_, i64>(0)? > 0))
}

/// Fails if a restore did not end: the state may have a part of it.
fn check_restored(dir: &Path) -> Result<(), StateError> {
    let path = dir.join(RESTORE_RECORD);
    match unfinished_restore(dir).map_err(file_error("read", &path))? {
        None => Ok(()),
        Some(record) => Err(StateError::RestoreUnfinished {
            path: dir.display().to_string(),
            backup: record.name.to_string(),
            destination: record.destination,
        }),
    }
}

/// Retries while another process holds the database. The busy timeout of SQLite does not apply to the switch to a
/// write-ahead log, which several processes may attempt at once.
pub(super) fn retry_while_busy<T>(
    work: impl Fn() -> Result<T, rusqlite::Error>,
) -> Result<T, rusqlite::Error> {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};

    let began = Instant::now();
    loop {
        match work() {
            Err(error)
                if began.elapsed() < BUSY_TIMEOUT
                    && matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked)) =>
            {
                thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
}

pub(super) fn file_error<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> StateError + use<'a> {
    move |cause| StateError::File { operation: what, path: path.display().to_string(), cause }
}

/// Writes a file completely or not at all.
///
/// # Errors
/// [`StateError::File`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    use std::io::Write;

    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(file_error("create", dir))?;
    let write = || -> io::Result<()> {
        let mut temporary = temporary_file_builder().tempfile_in(dir)?;
        temporary.write_all(bytes)?;
        temporary.as_file().sync_data()?;
        temporary.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(file_error("write", path))
}

/// Gives files the permissions that the umask allows, like the files of other programs.
#[cfg(unix)]
pub(super) fn temporary_file_builder() -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;

    let mut builder = tempfile::Builder::new();
    builder.permissions(fs::Permissions::from_mode(0o666));
    builder
}

#[cfg(not(unix))]
pub(super) fn builder() -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}
