//! The window in which notifications that say the same are sent once.
//!
//! Enters: a notification with its key, and what the table has about that key and a sink. Leaves: whether the sink sent one
//! shortly before. Laws: each sink has windows of its own; only a sent notification opens a window; a more severe one is never
//! covered; each one that is not sent is counted once, however often it is delivered.
//!
//! ```text
//! NOTIFICATION#repeated-<hash of the key>   WINDOW#<sink>               {"id", "severity", "opened"}: the last one sent
//! NOTIFICATION#repeated-<hash of the key>   NOT_SENT#<sink>#<id>#<id>   one that was not sent because of the first id
//! ```

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{REMEMBER_SECONDS, text_of};
use crate::{
    operation::RiskLevel,
    ports::{Notification, PortError, PortErrorKind, Table, TableItem, WriteCondition},
    record::Fingerprint,
    time::Time,
};

/// The window of a key at one sink.
pub(super) struct RepetitionWindow {
    partition: String,
    sink: String,
    seconds: u32,
}

/// The notification that the sink sent last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SentBefore {
    /// Its id.
    pub id: String,
    /// Its severity.
    pub severity: RiskLevel,
    /// When it was sent.
    pub opened: Time,
}

impl SentBefore {
    /// Whether this notification need not be sent.
    pub fn covers(&self, notification: &Notification, now: Time, window: &RepetitionWindow) -> bool {
        now < Time(self.opened.0.saturating_add(window.seconds)) && notification.severity <= self.severity
    }
}

impl RepetitionWindow {
    /// The window of a notification; none if every one is sent.
    pub fn of(notification: &Notification, sink: &str, seconds: u32) -> Option<Self> {
        let seconds = seconds.max(notification.deduplication_seconds);
        let key = Fingerprint::of("notification", &[notification.deduplication_key.as_bytes()]);
        let partition = format!("NOTIFICATION#repeated-{key}");
        (seconds > 0).then(|| Self { partition, sink: sink.to_owned(), seconds })
    }

    /// The last one that was sent. An item that cannot be decoded counts as absent, so that nothing is suppressed.
    pub fn last(&self, table: &dyn Table) -> Result<Option<SentBefore>, PortError> {
        let sort = self.window_key();
        let items = table.query(&self.partition, &sort)?;
        let item = items.into_iter().find(|item| item.sort_key == sort);
        Ok(item.and_then(|item| serde_json::from_value(item.body).ok()))
    }

    /// Opens a window with a notification that was sent.
    pub fn open(&self, table: &dyn Table, notification: &Notification, now: Time) -> Result<(), PortError> {
        let opened = SentBefore { id: notification.id.clone(), severity: notification.severity, opened: now };
        let body = serde_json::to_value(&opened).map_err(|cause| PortError {
            operation: "write",
            name: self.partition.clone(),
            kind: PortErrorKind::Other,
            cause: Box::new(cause),
        })?;
        table.put(&self.item(self.window_key(), body, now), WriteCondition::Always)?;
        Ok(())
    }

    /// Counts a notification that is not sent.
    pub fn count(
        &self,
        table: &dyn Table,
        before: &SentBefore,
        notification: &Notification,
        now: Time,
    ) -> Result<(), PortError> {
        let sort = format!("{}{}", self.count_prefix(before), notification.id);
        let item = self.item(sort, json!({ "at": now.to_string() }), now);
        table.put(&item, WriteCondition::Always)?;
        Ok(())
    }

    /// Number of notifications that were not sent because of this one.
    pub fn counted(&self, table: &dyn Table, before: &SentBefore) -> Result<usize, PortError> {
        let items = table.query(&self.partition, &self.count_prefix(before))?;
        Ok(items.iter().filter(|item| text_of(item, "at").is_some()).count())
    }

    fn window_key(&self) -> String {
        format!("WINDOW#{}", self.sink)
    }

    fn count_prefix(&self, before: &SentBefore) -> String {
        format!("NOT_SENT#{}#{}#", self.sink, before.id)
    }

    fn item(&self, sort_key: String, body: serde_json::Value, now: Time) -> TableItem {
        let kept = self.seconds.saturating_add(REMEMBER_SECONDS);
        TableItem {
            partition_key: self.partition.clone(),
            sort_key,
            revision: 0,
            expires_at: Some(Time(now.0.saturating_add(kept))),
            body,
        }
    }
}
