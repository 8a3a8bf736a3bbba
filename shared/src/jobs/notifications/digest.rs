//! Collects notifications and sends them as one.
//!
//! Enters: notifications, and later the time. Leaves: digests, each of those that were collected in one interval. Laws: a collected
//! notification stays in the table until every sink that wants it has sent its digest; a run that is killed and retried
//! sends the same digests with the same ids; a sink gets no notification below its severity.
//!
//! ```text
//! NOTIFICATION#digest   <due>#<id>       a collected notification; the interval in which it was collected ends when it is due
//! NOTIFICATION#digest   SEALED#<id>      the keys of those that a digest has, from before it is first sent until it is removed
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{NotificationError, Notifier};
use crate::{
    alert::{AlertDigest, DigestEntry},
    config::DeliveryPolicy,
    operation::RiskLevel,
    ports::{
        Clock, Notification, NotificationSink, PortError, PortErrorKind, Table, TableItem, WriteCondition,
    },
    record::Fingerprint,
    render::message,
    time::Time,
};

/// Partition of what was collected.
const PARTITION: &str = "NOTIFICATION#digest";

/// Beginning of the keys of seals. No time begins with it.
const SEAL: &str = "SEALED#";

/// Largest number of entries in a digest, and most bytes of their details: EventBridge takes events of 256 KiB.
const MAX_ENTRIES: usize = 50;
const MAX_DETAIL_BYTES: usize = 96 * 1_024;

/// The sink that holds notifications for the next digest.
pub(super) struct DigestCollector<'a> {
    pub table: &'a dyn Table,
    pub clock: &'a dyn Clock,
    /// Seconds of an interval. Intervals begin at multiples of it.
    pub seconds: u32,
    /// The sinks that will send the digest.
    pub sinks: &'a [&'a dyn NotificationSink],
}

/// What a run did about digests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlushedDigests {
    /// Number of digests that every sink has sent.
    pub sent: u64,
    /// Number of digests that another run is sending.
    pub in_progress: u64,
    /// When the next one is due; none if nothing was collected.
    pub next_due: Option<Time>,
}

/// The keys of the notifications of one digest.
#[derive(Serialize, Deserialize)]
struct SealedDigest {
    keys: Vec<String>,
}

impl NotificationSink for DigestCollector<'_> {
    fn name(&self) -> &str {
        "digest"
    }

    fn accepts(&self, severity: RiskLevel) -> bool {
        self.sinks.iter().any(|sink| sink.accepts(severity))
    }

    fn send(&self, notification: &Notification) -> Result<(), PortError> {
        let now = self.clock.now();
        let seconds = self.seconds.max(1);
        let due = (now.0 / seconds).saturating_add(1).saturating_mul(seconds);
        let entry = DigestEntry {
            id: notification.id.clone(),
            collected_at: now,
            detail_type: notification.detail_type.to_owned(),
            severity: notification.severity,
            subject: notification.subject.clone(),
            detail: notification.detail.clone(),
        };
        put(self.table, &format!("{}#{}", Time(due), notification.id), &entry, WriteCondition::Always)
    }
}

impl Notifier<'_> {
    /// Sends the digests that are due: of each interval that has ended, or of everything if the policy collects nothing any
    /// more.
    ///
    /// # Errors
    /// [`NotificationError`], after every other digest was attempted. What is not sent stays in the table.
    pub fn flush_digests(&self) -> Result<FlushedDigests, NotificationError> {
        let Collected { entries, mut sealed, damaged, mut failure } = Collected::read(self.table)?;
        let in_seals: BTreeSet<&String> = sealed.values().flat_map(|seal| &seal.keys).collect();
        let open = entries.keys().filter(|key| !in_seals.contains(key));
        let now = self.clock.now();
        let is_due = |key: &&String| self.policy.digest_seconds == 0 || due(key).is_none_or(|due| due <= now);
        let (ready, waiting): (Vec<&String>, Vec<&String>) = open.partition(is_due);
        let next_due = waiting.first().and_then(|key| due(key));
        let mut flushed = FlushedDigests { next_due, ..FlushedDigests::default() };
        for keys in chunks(&ready, &entries) {
            let (id, seal) = (digest_id(&keys), SealedDigest { keys });
            // If it exists, another run has sealed the same notifications.
            match put(self.table, &format!("{SEAL}{id}"), &seal, WriteCondition::Unchanged) {
                Ok(()) => drop(sealed.insert(id, seal)),
                Err(error) => failure = failure.or(Some(table_error(error))),
            }
        }
        // What cannot be decoded is owed like the rest of its digest, and stays with it.
        let is_whole = |seal: &SealedDigest| !seal.keys.iter().any(|key| damaged.contains(key));
        for (id, seal) in sealed.iter().filter(|(_, seal)| is_whole(seal)) {
            match self.finish(id, seal, &entries) {
                Ok(()) => flushed.sent += 1,
                // The other run sends it, or fails, and then a later one sends it.
                Err(NotificationError::InProgress { .. }) => flushed.in_progress += 1,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(flushed), Err)
    }

    /// Sends a digest through every sink that has not sent it, and removes what it has from the table.
    fn finish(
        &self,
        id: &str,
        seal: &SealedDigest,
        entries: &BTreeMap<String, DigestEntry>,
    ) -> Result<(), NotificationError> {
        let own: Vec<&DigestEntry> = seal.keys.iter().filter_map(|key| entries.get(key)).collect();
        // If some are missing, an earlier run was killed while it removed them: every sink has sent the digest.
        if own.len() == seal.keys.len() {
            self.send_digest(id, &own)?;
        }
        for key in &seal.keys {
            self.table.delete(PARTITION, key).map_err(table_error)?;
        }
        self.table.delete(PARTITION, &format!("{SEAL}{id}")).map_err(table_error)
    }

    fn send_digest(&self, id: &str, entries: &[&DigestEntry]) -> Result<(), NotificationError> {
        let mut failure = None;
        for sink in self.sinks {
            let wanted = entries.iter().filter(|entry| sink.accepts(entry.severity));
            let wanted = wanted.map(|entry| (*entry).clone()).collect();
            let Some(digest) = AlertDigest::new(wanted) else { continue };
            let one = Notifier { sinks: &[*sink], policy: DeliveryPolicy::IMMEDIATE, ..*self };
            if let Err(error) = one.notify(&message::digest(id.to_owned(), &digest)?) {
                failure = failure.or(Some(error));
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

/// What the table has for digests.
struct Collected {
    /// Notifications by key, in the order in which they are due.
    entries: BTreeMap<String, DigestEntry>,
    /// Digests by id that were begun.
    sealed: BTreeMap<String, SealedDigest>,
    /// Keys of items that cannot be decoded.
    damaged: BTreeSet<String>,
    /// The first of them.
    failure: Option<NotificationError>,
}

impl Collected {
    fn read(table: &dyn Table) -> Result<Self, NotificationError> {
        let mut collected = Self {
            entries: BTreeMap::new(),
            sealed: BTreeMap::new(),
            damaged: BTreeSet::new(),
            failure: None,
        };
        for TableItem { sort_key, body, .. } in table.query(PARTITION, "").map_err(table_error)? {
            let read = match sort_key.strip_prefix(SEAL) {
                Some(id) => serde_json::from_value(body)
                    .map(|seal| drop(collected.sealed.insert(id.to_owned(), seal))),
                None => serde_json::from_value(body)
                    .map(|entry| drop(collected.entries.insert(sort_key.clone(), entry))),
            };
            if let Err(cause) = read {
                let name = format!("{PARTITION} {sort_key}");
                collected.damaged.insert(sort_key);
                collected.failure = collected.failure.or(Some(NotificationError::Damaged { name, cause }));
            }
        }
        Ok(collected)
    }
}

/// When the interval of a key has ended.
fn due(key: &str) -> Option<Time> {
    key.split('#').next().and_then(Time::parse)
}

/// The keys of each digest: of one interval, and within the limits of a digest.
fn chunks(ready: &[&String], entries: &BTreeMap<String, DigestEntry>) -> Vec<Vec<String>> {
    let mut chunks: Vec<Vec<String>> = Vec::new();
    let (mut bytes, mut interval) = (0, None);
    for key in ready {
        let size = entries.get(*key).map_or(0, |entry| entry.detail.to_string().len());
        match chunks.last_mut() {
            Some(last)
                if due(key) == interval && last.len() < MAX_ENTRIES && bytes + size <= MAX_DETAIL_BYTES =>
            {
                last.push((*key).clone());
                bytes += size;
            }
            _ => {
                chunks.push(vec![(*key).clone()]);
                (bytes, interval) = (size, due(key));
            }
        }
    }
    chunks
}

/// Id of the digest of these keys.
fn digest_id(keys: &[String]) -> String {
    let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    format!("digest-{}", Fingerprint::of("digest", &keys))
}

fn put(
    table: &dyn Table,
    sort_key: &str,
    body: &impl Serialize,
    expected: WriteCondition,
) -> Result<(), PortError> {
    let body = serde_json::to_value(body).map_err(|cause| PortError {
        operation: "write",
        name: format!("{PARTITION} {sort_key}"),
        kind: PortErrorKind::Other,
        cause: Box::new(cause),
    })?;
    let item = TableItem {
        partition_key: PARTITION.to_owned(),
        sort_key: sort_key.to_owned(),
        revision: 0,
        expires_at: None,
        body,
    };
    table.put(&item, expected).map(drop)
}

fn table_error(cause: PortError) -> NotificationError {
    NotificationError::Table { id: "digest".to_owned(), cause }
}
