//! The database of a backup, beside the database of a state.
//!
//! Enters: the bytes of a database, which anyone may have written. Leaves: how it compares, or its rows in the state. Laws: a
//! database that is damaged, or has other tables, columns, views or triggers than a state, is refused; its schema is never
//! executed; all rows are replaced in one transaction or none.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tempfile::NamedTempFile;

use super::{
    state_snapshot::{DATABASE, copy_file, port_error},
    sweep_state::{SCHEMA_SQL, SCHEMA_VERSION, SweepState, add_content_column, retry_while_busy},
};
use onlooker_core::{
    backup::{BackupProblem, EntryComparison},
    escape::escape_hidden,
    ports::PortError,
    render::format::count_noun,
};

/// The tables of a state.
const TABLES: [&str; 4] = ["meta", "objects", "runs", "findings"];

/// The database of a backup in a file of its own, checked.
#[derive(Debug)]
pub(super) struct RestoredDatabase {
    dir: PathBuf,
    file: NamedTempFile,
}

impl RestoredDatabase {
    /// Writes the database of a backup beside the one in a state directory, or to a temporary directory if there is no state
    /// directory, and checks it.
    pub fn stage(dir: &Path, content: &mut dyn Read) -> Result<Self, PortError> {
        let mut write = || -> io::Result<NamedTempFile> {
            let mut file = if dir.is_dir() { copy_file(dir)? } else { NamedTempFile::new()? };
            io::copy(content, &mut file)?;
            Ok(file)
        };
        let file = write().map_err(|cause| port_error("restore", DATABASE, cause))?;
        let refused =
            |reason: String| port_error("restore", DATABASE, BackupProblem::damaged(DATABASE, reason));
        match fault_of(file.path()) {
            Ok(None) => Ok(Self { dir: dir.to_owned(), file }),
            Ok(Some(fault)) => Err(refused(fault)),
            Err(cause) => Err(refused(format!("is not a database of a state: {cause}"))),
        }
    }

    /// How the database compares with the one of the state.
    pub fn compare(&self) -> Result<(EntryComparison, String), PortError> {
        let mut db = self.connect()?;
        let compare = || {
            let transaction = db.transaction()?;
            comparison(&transaction)
        };
        run(compare)
    }

    /// Replaces the rows of the state by those of this database. What the state has beyond it is lost only if `may_replace`.
    pub fn replace(&self, may_replace: bool) -> Result<(), PortError> {
        let mut db = self.connect()?;
        let write = || -> Result<Option<String>, rusqlite::Error> {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            match comparison(&transaction)? {
                (EntryComparison::Equal, _) => return Ok(None),
                (EntryComparison::NewerHere, detail) if !may_replace => return Ok(Some(detail)),
                _ => {}
            }
            transaction.execute_batch(SCHEMA_SQL)?;
            add_content_column(&transaction)?;
            for table in TABLES {
                let columns = columns(&transaction, "restored", table)?
                    .into_iter()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>()
                    .join(", ");
                transaction.execute_batch(&format!(
                    "DELETE FROM main.{table}; \
                     INSERT INTO main.{table} ({columns}) SELECT {columns} FROM restored.{table};"
                ))?;
            }
            transaction.commit()?;
            Ok(None)
        };
        match run(write)? {
            None => Ok(()),
            Some(detail) => {
                Err(port_error("restore", DATABASE, format!("what is there became newer: {detail}")))
            }
        }
    }

    /// A connection to the database of the state, with this one attached.
    fn connect(&self) -> Result<Connection, PortError> {
        let db = SweepState::connect(&self.dir).map_err(|cause| port_error("open", DATABASE, cause))?;
        let attach = || {
            db.pragma_update(None, "trusted_schema", false)?;
            db.execute("ATTACH ?1 AS restored", [self.file.path().to_string_lossy()])?;
            Ok(())
        };
        retry_while_busy(attach).map_err(|cause| port_error("open", DATABASE, cause))?;
        Ok(db)
    }
}

fn run<T>(mut work: impl FnMut() -> Result<T, rusqlite::Error>) -> Result<T, PortError> {
    work().map_err(|cause| port_error("restore", DATABASE, cause))
}

/// What is wrong with the database of a backup.
fn fault_of(path: &Path) -> Result<Option<String>, rusqlite::Error> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.pragma_update(None, "trusted_schema", false)?;
    let state = Connection::open_in_memory()?;
    state.execute_batch(SCHEMA_SQL)?;
    if objects(&db)? != objects(&state)? {
        return Ok(Some("has other tables than a state".to_owned()));
    }
    for table in TABLES {
        if columns(&db, "main", table)? != columns(&state, "main", table)? {
            return Ok(Some(format!("has other columns in its table `{table}` than a state")));
        }
    }
    let integrity: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if integrity != "ok" {
        return Ok(Some(format!("is damaged: {}", escape_hidden(&integrity))));
    }
    let found: Option<i64> =
        db.query_row("SELECT CAST(max(value) AS INTEGER) FROM meta WHERE key = 'version'", [], |row| {
            row.get(0)
        })?;
    if found != Some(SCHEMA_VERSION) {
        let found = found.map_or_else(|| "no version".to_owned(), |found| format!("version {found}"));
        return Ok(Some(format!("has {found}, and this Onlooker supports version {SCHEMA_VERSION}")));
    }
    let invalid: u64 = db.query_row(
        "SELECT (SELECT count(*) FROM objects WHERE length(segment) <> 64 OR segment GLOB '*[^0-9a-f]*') \
         + (SELECT count(*) FROM runs WHERE run_id = '' OR run_id GLOB '*[^-0-9a-zA-Z]*')",
        [],
        |row| row.get(0),
    )?;
    Ok((invalid > 0).then(|| "names segments or runs in a form that no state has".to_owned()))
}

/// Types and names of everything in a schema, without the indexes that SQLite makes itself.
fn objects(db: &Connection) -> Result<BTreeSet<(String, String)>, rusqlite::Error> {
    let sql = "SELECT type, name FROM sqlite_schema WHERE NOT (type = 'index' AND name LIKE 'sqlite\\_autoindex\\_%' ESCAPE '\\')";
    db.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Names and types of the columns of a table. The name of a column that SQLite computes has `hidden` in its type.
fn columns(db: &Connection, schema: &str, table: &str) -> Result<Vec<(String, String)>, rusqlite::Error> {
    let sql = "SELECT name, type || ' ' || pk || ' ' || hidden FROM pragma_table_xinfo(?1, ?2) ORDER BY cid";
    db.prepare(sql)?.query_map([table, schema], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The rows of a table that the other database does not have. The content of log files is not compared: a state of an earlier
/// Onlooker has no column for it, and it says nothing that the hash of the same log file does not say.
fn difference(one: &str, other: &str, table: &str) -> String {
    let columns = match table {
        "objects" => "name, version, bytes, sha256, records, unreadable, segment",
        _ => "*",
    };
    format!("SELECT {columns} FROM {one}.{table} EXCEPT SELECT {columns} FROM {other}.{table}")
}

/// How the attached database compares with the one of the state.
fn comparison(transaction: &Transaction<'_>) -> Result<(EntryComparison, String), rusqlite::Error> {
    let count = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, u64>(0));
    // A restore that was killed may leave a database without tables.
    if count("SELECT count(*) FROM main.sqlite_schema")? == 0 {
        return Ok((EntryComparison::New, String::new()));
    }
    let origin = |schema: &str| -> Result<Option<String>, rusqlite::Error> {
        let sql = format!("SELECT max(value) FROM {schema}.meta WHERE key = 'origin'");
        transaction.query_row(&sql, [], |row| row.get(0))
    };
    let (here, restored) = (origin("main")?, origin("restored")?);
    if here.is_some() && here != restored {
        let shown = |origin: Option<String>| origin.unwrap_or_else(|| "no evidence".to_owned());
        let detail = format!("it has the evidence of {} and not of {}", shown(here), shown(restored));
        return Ok((EntryComparison::NewerHere, detail));
    }
    let runs =
        count("SELECT count(*) FROM main.runs WHERE run_id NOT IN (SELECT run_id FROM restored.runs)")?;
    let log_files = count(&format!("SELECT count(*) FROM ({})", difference("main", "restored", "objects")))?;
    if runs + log_files > 0 {
        let (runs, log_files) = (count_noun(runs, "run"), count_noun(log_files, "log file"));
        let detail = format!("it has {runs} and {log_files} that the backup does not have");
        return Ok((EntryComparison::NewerHere, detail));
    }
    let mut differing = 0;
    for table in TABLES {
        for (one, other) in [("main", "restored"), ("restored", "main")] {
            differing += count(&format!("SELECT count(*) FROM ({})", difference(one, other, table)))?;
        }
    }
    Ok(match differing {
        0 => (EntryComparison::Equal, String::new()),
        _ => {
            (EntryComparison::OlderHere, "the backup has all of its runs and log files, and more".to_owned())
        }
    })
}
