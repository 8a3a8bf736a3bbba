//! A table in an embedded database.
//!
//! Enters and leaves: items. Laws: it behaves like a DynamoDB table, with one write at a time; an item is written
//! completely or not at all; several threads and processes may use one table. Expired items are kept, because the
//! port does not state when they are deleted.

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::sweep_state::retry_while_busy;
use onlooker_core::{
    ports::{PortError, PortErrorKind, Table, TableItem, WriteCondition},
    time::Time,
};

/// How long a process waits for the write of another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

const SCHEMA_SQL: &str = "
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS items (
    partition TEXT NOT NULL, sort TEXT NOT NULL, revision INTEGER NOT NULL, expires INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (partition, sort)
) STRICT, WITHOUT ROWID;
COMMIT;
";

/// A table in one file.
#[derive(Debug)]
pub struct SqliteTable {
    db: Mutex<Connection>,
}

impl SqliteTable {
    /// Opens the table in a file. A missing file is created.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a database.
    pub fn open(file: &Path) -> Result<Self, PortError> {
        let open = || {
            let db = Connection::open(file)?;
            db.busy_timeout(BUSY_TIMEOUT)?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "NORMAL")?;
            db.execute_batch(SCHEMA_SQL)?;
            Ok(Self { db: Mutex::new(db) })
        };
        retry_while_busy(open)
            .map_err(|cause| port_error("open the table", &file.display().to_string(), cause))
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table for SqliteTable {
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError> {
        let db = self.db();
        let read = || {
            let mut statement = db.prepare_cached(
                "SELECT sort, revision, expires, body FROM items WHERE partition = ?1 AND sort >= ?2 ORDER BY sort",
            )?;
            let rows = statement.query_map([partition, prefix], |row| item(partition, row))?;
            let within = |item: &Result<TableItem, _>| {
                item.as_ref().map_or(true, |item: &TableItem| item.sort_key.starts_with(prefix))
            };
            rows.take_while(within).collect()
        };
        retry_while_busy(read).map_err(|cause| port_error("query", partition, cause))
    }

    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError> {
        let TableItem { partition_key: partition, sort_key: sort, revision, expires_at: expires, body } =
            item;
        let (expires, body) = (expires.map(|time| time.0), body.to_string());
        let db = self.db();
        let write = || {
            match expected {
            WriteCondition::Always => db.execute(
                "INSERT INTO items (partition, sort, revision, expires, body) VALUES (?1, ?2, 1, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET revision = revision + 1, expires = excluded.expires, body = excluded.body",
                params![partition, sort, expires, body],
            ),
            WriteCondition::Unchanged if *revision == 0 => db.execute(
                "INSERT INTO items (partition, sort, revision, expires, body) VALUES (?1, ?2, 1, ?3, ?4) \
                 ON CONFLICT DO NOTHING",
                params![partition, sort, expires, body],
            ),
            WriteCondition::Unchanged => db.execute(
                "UPDATE items SET revision = revision + 1, expires = ?3, body = ?4 \
                 WHERE partition = ?1 AND sort = ?2 AND revision = ?5",
                params![partition, sort, expires, body, revision],
            ),
        }
        };
        let written = retry_while_busy(write)
            .map_err(|cause| port_error("write", &format!("{partition} {sort}"), cause))?;
        Ok(written > 0)
    }

    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError> {
        let db = self.db();
        let write = || db.execute("DELETE FROM items WHERE partition = ?1 AND sort = ?2", [partition, sort]);
        retry_while_busy(write)
            .map_err(|cause| port_error("delete", &format!("{partition} {sort}"), cause))?;
        Ok(())
    }
}

fn item(partition: &str, row: &Row<'_>) -> Result<TableItem, rusqlite::Error> {
    let body: String = row.get(3)?;
    let body: Value = serde_json::from_str(&body).map_err(|cause| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(cause))
    })?;
    Ok(TableItem {
        partition_key: partition.to_owned(),
        sort_key: row.get(0)?,
        revision: row.get(1)?,
        expires_at: row.get::<_, Option<u32>>(2)?.map(Time),
        body,
    })
}

fn port_error(operation: &'static str, name: &str, cause: rusqlite::Error) -> PortError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, PermissionDenied, ReadOnly};

    let kind = match cause.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => PortErrorKind::Unavailable,
        Some(PermissionDenied | ReadOnly) => PortErrorKind::AccessDenied,
        _ => PortErrorKind::Other,
    };
    PortError { operation, name: name.to_owned(), kind, cause: Box::new(cause) }
}
