//! A table on an embedded database.
//!
//! Enters and leaves: items. Laws: it answers as a table of AWS does, one write at a time; an item is written whole
//! or not at all; several threads and several processes may use one. What has expired stays: nobody is promised
//! when it goes.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::state::patiently;
use onlooker_core::{
    ports::{Expected, FailureKind, Item, PortError, Table},
    time::Time,
};

/// How long a process waits for another one's write.
const PATIENCE: Duration = Duration::from_secs(30);

const SHAPE: &str = "
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS items (
    partition TEXT NOT NULL, sort TEXT NOT NULL, revision INTEGER NOT NULL, expires INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (partition, sort)
) STRICT, WITHOUT ROWID;
COMMIT;
";

/// A table in one file.
#[derive(Debug)]
pub struct Database {
    db: Mutex<Connection>,
}

impl Database {
    /// Opens the table in a file, making it if there is none.
    ///
    /// # Errors
    /// When the file cannot be opened, or is something else.
    pub fn open(file: &Path) -> Result<Self, PortError> {
        let open = || {
            let db = Connection::open(file)?;
            db.busy_timeout(PATIENCE)?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "NORMAL")?;
            db.execute_batch(SHAPE)?;
            Ok(Self { db: Mutex::new(db) })
        };
        patiently(open).map_err(|cause| failed("open the table", &file.display().to_string(), cause))
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table for Database {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
        let db = self.db();
        let read = || {
            let mut statement = db.prepare_cached(
                "SELECT sort, revision, expires, body FROM items WHERE partition = ?1 AND sort >= ?2 ORDER BY sort",
            )?;
            let rows = statement.query_map([partition, prefix], |row| item(partition, row))?;
            let within = |item: &Result<Item, _>| {
                item.as_ref().map_or(true, |item: &Item| item.sort.starts_with(prefix))
            };
            rows.take_while(within).collect()
        };
        patiently(read).map_err(|cause| failed("query", partition, cause))
    }

    fn put(&self, item: &Item, expected: Expected) -> Result<bool, PortError> {
        let Item { partition, sort, revision, expires, body } = item;
        let (expires, body) = (expires.map(|time| time.0), body.to_string());
        let db = self.db();
        let write = || {
            match expected {
            Expected::Anything => db.execute(
                "INSERT INTO items (partition, sort, revision, expires, body) VALUES (?1, ?2, 1, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET revision = revision + 1, expires = excluded.expires, body = excluded.body",
                params![partition, sort, expires, body],
            ),
            Expected::Same if *revision == 0 => db.execute(
                "INSERT INTO items (partition, sort, revision, expires, body) VALUES (?1, ?2, 1, ?3, ?4) \
                 ON CONFLICT DO NOTHING",
                params![partition, sort, expires, body],
            ),
            Expected::Same => db.execute(
                "UPDATE items SET revision = revision + 1, expires = ?3, body = ?4 \
                 WHERE partition = ?1 AND sort = ?2 AND revision = ?5",
                params![partition, sort, expires, body, revision],
            ),
        }
        };
        let written =
            patiently(write).map_err(|cause| failed("write", &format!("{partition} {sort}"), cause))?;
        Ok(written > 0)
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let db = self.db();
        let write = || db.execute("DELETE FROM items WHERE partition = ?1 AND sort = ?2", [partition, sort]);
        patiently(write).map_err(|cause| failed("delete", &format!("{partition} {sort}"), cause))?;
        Ok(())
    }
}

fn item(partition: &str, row: &Row<'_>) -> Result<Item, rusqlite::Error> {
    let body: String = row.get(3)?;
    let body: Value = serde_json::from_str(&body).map_err(|cause| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(cause))
    })?;
    Ok(Item {
        partition: partition.to_owned(),
        sort: row.get(0)?,
        revision: row.get(1)?,
        expires: row.get::<_, Option<u32>>(2)?.map(Time),
        body,
    })
}

fn failed(operation: &'static str, name: &str, cause: rusqlite::Error) -> PortError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, PermissionDenied, ReadOnly};

    let kind = match cause.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => FailureKind::Unavailable,
        Some(PermissionDenied | ReadOnly) => FailureKind::Denied,
        _ => FailureKind::Other,
    };
    PortError { operation, name: name.to_owned(), kind, cause: Box::new(cause) }
}
