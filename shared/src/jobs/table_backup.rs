//! The table of the functions as entries of a backup.
//!
//! Enters: everything in the table, or entries. Leaves: entries of some items each, as JSON lines, or items in a table. Laws: an entry
//! has at most `ENTRY_BYTES` and one item; an item that is written differs from what is there only if the backup has a
//! later revision, unless the caller may replace what is newer; a line that is not an item is refused.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    backup::{BackupEntry, BackupKind, BackupProblem, EntryComparison, EntryName, SkippedEntries},
    ports::{
        BackupSource, EntryVisitor, ObjectStore, PortError, PortErrorKind, RestoreTarget, Table,
        TableContents, TableItem, WriteCondition,
    },
    time::Time,
};

/// Bytes of lines after which an entry ends.
const ENTRY_BYTES: usize = 1 << 20;

/// Largest entry that is read: lines of [`ENTRY_BYTES`] and one item, of which DynamoDB allows 400 KB and JSON may make more.
const MAX_ENTRY_BYTES: u64 = 8 << 20;

/// How the names of entries with items begin.
const ENTRY_PREFIX: &str = "items-";

/// The count of items in a manifest.
pub const ITEMS: &str = "items";

/// Name of the entry with the configuration.
const CONFIGURATION: &str = "onlooker.toml";

/// An item as a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemLine {
    pk: String,
    sk: String,
    rev: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Time>,
    body: Value,
}

impl From<ItemLine> for TableItem {
    fn from(line: ItemLine) -> Self {
        let ItemLine { pk, sk, rev, expires_at, body } = line;
        Self { partition_key: pk, sort_key: sk, revision: rev, expires_at, body }
    }
}

/// The state of a deployment, as the source of a backup. A table is not read at one moment: each item is as it was at some time
/// during the backup. No item names another one that is written later, so this is a state that a kill could have left.
#[derive(Clone, Copy)]
pub struct TableArchive<'a> {
    /// Everything in the table.
    pub contents: &'a dyn TableContents,
    /// The text of the configuration, if there is one.
    pub configuration: Option<&'a str>,
}

impl BackupSource for TableArchive<'_> {
    fn entries(&self, kind: BackupKind, visit: &mut EntryVisitor<'_>) -> Result<SkippedEntries, PortError> {
        match kind {
            BackupKind::State => self.items(visit)?,
            BackupKind::Configuration => {
                if let Some(text) = self.configuration {
                    let size = text.len() as u64;
                    let entry = BackupEntry::one(kind, CONFIGURATION, size, "configurations");
                    visit(&entry.map_err(|problem| failed(CONFIGURATION, problem))?, &mut text.as_bytes())?;
                }
            }
            BackupKind::Evidence | BackupKind::Reports | BackupKind::Audit => {}
        }
        Ok(SkippedEntries::default())
    }
}

impl TableArchive<'_> {
    fn items(&self, visit: &mut EntryVisitor<'_>) -> Result<(), PortError> {
        let (mut lines, mut count, mut number) = (Vec::new(), 0, 0);
        let mut emit = |lines: &mut Vec<u8>, count: &mut u64| {
            number += 1;
            let name = format!("{ENTRY_PREFIX}{number:08}.jsonl");
            let name = EntryName::parse(&name).map_err(|problem| failed("items", problem))?;
            let counts = BTreeMap::from([(ITEMS, *count)]);
            let entry = BackupEntry { kind: BackupKind::State, name, bytes: lines.len() as u64, counts };
            visit(&entry, &mut &**lines)?;
            lines.clear();
            *count = 0;
            Ok::<(), PortError>(())
        };
        self.contents.visit(&mut |items| {
            for item in items {
                let name = format!("{} {}", item.partition_key, item.sort_key);
                let line = ItemLine {
                    pk: item.partition_key,
                    sk: item.sort_key,
                    rev: item.revision,
                    expires_at: item.expires_at,
                    body: item.body,
                };
                serde_json::to_writer(&mut lines, &line).map_err(|cause| failed(&name, cause))?;
                lines.push(b'\n');
                count += 1;
                if lines.len() >= ENTRY_BYTES {
                    emit(&mut lines, &mut count)?;
                }
            }
            Ok(())
        })?;
        if count > 0 { emit(&mut lines, &mut count) } else { Ok(()) }
    }
}

/// The items of an entry.
fn items_of(entry: &BackupEntry, content: &mut dyn Read) -> Result<Vec<TableItem>, PortError> {
    if !entry.name.as_str().starts_with(ENTRY_PREFIX) {
        let reason = "is not of a table: the backup is one of a machine";
        return Err(failed(entry.name.as_str(), BackupProblem::damaged(entry.name.as_str(), reason)));
    }
    if entry.bytes > MAX_ENTRY_BYTES {
        let reason = format!("has more than {MAX_ENTRY_BYTES} bytes");
        return Err(failed(entry.name.as_str(), BackupProblem::damaged(entry.name.as_str(), reason)));
    }
    let mut text = String::new();
    content.read_to_string(&mut text).map_err(|cause| failed(entry.name.as_str(), cause))?;
    let item = |line: &str| serde_json::from_str::<ItemLine>(line).map(TableItem::from);
    text.lines().map(item).collect::<Result<_, _>>().map_err(|cause| failed(entry.name.as_str(), cause))
}

/// The table of a deployment, into which the items of a backup are restored. The configuration is not.
#[derive(Clone, Copy)]
pub struct TableRestore<'a> {
    /// The table.
    pub table: &'a dyn Table,
}

impl TableRestore<'_> {
    fn stored(&self, item: &TableItem) -> Result<Option<TableItem>, PortError> {
        let found = self.table.query(&item.partition_key, &item.sort_key)?;
        Ok(found.into_iter().find(|found| found.sort_key == item.sort_key))
    }
}

impl RestoreTarget for TableRestore<'_> {
    fn compare(
        &self,
        entry: &BackupEntry,
        content: &mut dyn Read,
    ) -> Result<(EntryComparison, String), PortError> {
        if entry.kind != BackupKind::State {
            return Ok((EntryComparison::Equal, String::new()));
        }
        let (mut absent, mut older, mut newer) = (0, 0, 0);
        for item in items_of(entry, content)? {
            match self.stored(&item)? {
                None => absent += 1,
                Some(stored) if (&stored.body, stored.expires_at) == (&item.body, item.expires_at) => {}
                Some(stored) if stored.revision > item.revision => newer += 1,
                Some(_) => older += 1,
            }
        }
        let comparison = match (absent, older, newer) {
            (0, 0, 0) => EntryComparison::Equal,
            (_, 0, 0) => EntryComparison::New,
            (_, _, 0) => EntryComparison::OlderHere,
            _ => EntryComparison::NewerHere,
        };
        Ok((
            comparison,
            format!("has items of which {absent} are missing here, {older} older and {newer} newer"),
        ))
    }

    fn write(&self, entry: &BackupEntry, content: &mut dyn Read, may_replace: bool) -> Result<(), PortError> {
        if entry.kind != BackupKind::State {
            return Ok(());
        }
        for item in items_of(entry, content)? {
            let stored = self.stored(&item)?;
            let is_equal = stored
                .as_ref()
                .is_some_and(|stored| (&stored.body, stored.expires_at) == (&item.body, item.expires_at));
            if is_equal {
                continue;
            }
            let name = format!("{} {}", item.partition_key, item.sort_key);
            if !may_replace && stored.as_ref().is_some_and(|stored| stored.revision > item.revision) {
                return Err(failed(&name, "the item became newer; run the command again".to_owned()));
            }
            let revision = stored.map_or(0, |stored| stored.revision);
            if !self.table.put(&TableItem { revision, ..item }, WriteCondition::Unchanged)? {
                return Err(failed(
                    &name,
                    "another program writes the item; run the command again".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

/// A store that takes the entries of a backup to see whether they can be read back.
pub struct TableDrill<'a> {
    store: &'a dyn ObjectStore,
    items: AtomicU64,
}

impl<'a> TableDrill<'a> {
    /// Restores below the keys of this store.
    pub const fn new(store: &'a dyn ObjectStore) -> Self {
        Self { store, items: AtomicU64::new(0) }
    }

    /// Number of items that were read back.
    pub fn items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }
}

impl RestoreTarget for TableDrill<'_> {
    fn compare(
        &self,
        entry: &BackupEntry,
        content: &mut dyn Read,
    ) -> Result<(EntryComparison, String), PortError> {
        if entry.kind == BackupKind::State {
            items_of(entry, content)?;
        }
        Ok((EntryComparison::New, String::new()))
    }

    fn write(&self, entry: &BackupEntry, content: &mut dyn Read, _: bool) -> Result<(), PortError> {
        let key = format!("{}/{}", entry.kind, entry.name);
        let mut bytes = Vec::new();
        content.take(MAX_ENTRY_BYTES).read_to_end(&mut bytes).map_err(|cause| failed(&key, cause))?;
        self.store.create(&key, &bytes, "application/octet-stream")?;
        let stored = self.store.read(&key, None)?;
        if stored != bytes {
            return Err(failed(&key, "what was read back differs from what was written".to_owned()));
        }
        if entry.kind == BackupKind::State {
            let items = items_of(entry, &mut &*stored)?;
            self.items.fetch_add(items.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn failed(name: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError {
        operation: "back up or restore",
        name: name.to_owned(),
        kind: PortErrorKind::Other,
        cause: cause.into(),
    }
}
