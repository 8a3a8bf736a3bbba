//! Sends each notification once.
//!
//! Enters: a [`Notification`], and a table that records which sinks have sent it. Leaves: a [`DeliveryResult`]. Laws:
//! a sink that has sent the notification is not called again; a sink that failed is called again when the job is
//! retried; of two concurrent jobs with the same notification only one sends it, and the other fails and is retried;
//! if a job is killed after sending and before recording, the retry sends the notification once more. A duplicate is
//! possible, a lost notification is not.
//!
//! ```text
//! NOTIFICATION#<id>  <sink>   {"state": "claimed", "until": ...} while sending, {"state": "sent", "at": ...} after
//! ```

use serde_json::{Value, json};

use crate::{
    ports::{Clock, Notification, NotificationSink, PortError, Table, TableItem, WriteCondition},
    time::Time,
};

/// Number of seconds a delivery is remembered. EventBridge retries for at most a day.
const REMEMBER_SECONDS: u32 = 2 * 86_400;

/// Longest claim, in seconds. It ends before Lambda retries, which is after a minute.
const MAX_CLAIM_SECONDS: u32 = 50;

/// Sends notifications and remembers what was sent.
#[derive(Clone, Copy)]
pub struct Notifier<'a> {
    /// Where sent notifications are recorded.
    pub table: &'a dyn Table,
    /// Where notifications are sent.
    pub sinks: &'a [&'a dyn NotificationSink],
    /// The current time, and how long the job may run.
    pub clock: &'a dyn Clock,
}

/// The delivery of a notification, by sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryResult {
    /// Sinks that sent it now.
    pub sent: Vec<&'static str>,
    /// Sinks that had sent it before.
    pub already_sent: Vec<&'static str>,
}

/// Why a notification was not sent through every sink. On a retry the sinks that sent it are not called again.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// The record of sent notifications cannot be read.
    #[error("cannot read which sinks have sent notification `{id}`: {cause}")]
    Table {
        /// Id of the notification.
        id: String,
        /// Error of the table.
        #[source]
        cause: PortError,
    },
    /// A sink failed, or its delivery could not be recorded. The other sinks were called anyway.
    #[error("cannot send notification `{id}` through {sink}: {cause}")]
    NotSent {
        /// Id of the notification.
        id: String,
        /// Name of the first sink that failed.
        sink: &'static str,
        /// Error of the sink.
        #[source]
        cause: PortError,
    },
    /// Another job is sending it.
    #[error("another run is sending notification `{id}` through {sink}: try again in a minute")]
    InProgress {
        /// Id of the notification.
        id: String,
        /// Name of the sink.
        sink: &'static str,
    },
    /// The notification cannot be written as JSON.
    #[error("cannot write the notification as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Notifier<'_> {
    /// Sends a notification through every sink that has not sent it yet.
    ///
    /// # Errors
    /// [`NotificationError`], after every other sink was called.
    pub fn notify(&self, notification: &Notification) -> Result<DeliveryResult, NotificationError> {
        let partition = format!("NOTIFICATION#{}", notification.id);
        let known = self.table.query(&partition, "");
        let known = known.map_err(|cause| NotificationError::Table { id: notification.id.clone(), cause })?;
        let mut result = DeliveryResult::default();
        let mut failure = None;
        for sink in self.sinks {
            let name = sink.name();
            let item = known.iter().find(|item| item.sort_key == name);
            if item.is_some_and(|item| item.body.get("state") == Some(&Value::from("sent"))) {
                result.already_sent.push(name);
                continue;
            }
            match self.send_once(*sink, notification, &partition, item) {
                Ok(()) => result.sent.push(name),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(result), Err)
    }

    fn send_once(
        &self,
        sink: &dyn NotificationSink,
        notification: &Notification,
        partition: &str,
        known: Option<&TableItem>,
    ) -> Result<(), NotificationError> {
        let name = sink.name();
        let not_sent = |cause| NotificationError::NotSent { id: notification.id.clone(), sink: name, cause };
        let busy = || NotificationError::InProgress { id: notification.id.clone(), sink: name };
        let now = self.clock.now();
        let claimed = known.and_then(|item| item.body.get("until")?.as_str().and_then(Time::parse));
        if claimed.is_some_and(|until| now < until) {
            return Err(busy());
        }
        let alive = u32::try_from(self.clock.remaining().as_secs())
            .unwrap_or(MAX_CLAIM_SECONDS)
            .min(MAX_CLAIM_SECONDS);
        let until = Time(now.0.saturating_add(alive));
        let item = |body| TableItem {
            partition_key: partition.to_owned(),
            sort_key: name.to_owned(),
            revision: known.map_or(0, |item| item.revision),
            expires_at: Some(Time(now.0.saturating_add(REMEMBER_SECONDS))),
            body,
        };
        let claim = item(json!({ "state": "claimed", "until": until.to_string() }));
        if !self.table.put(&claim, WriteCondition::Unchanged).map_err(not_sent)? {
            return Err(busy());
        }
        if let Err(cause) = sink.send(notification) {
            // The claim is deleted so that a retry does not wait for its end. If deleting fails, the claim expires.
            let given_up = self.table.delete(partition, name);
            drop(given_up);
            return Err(not_sent(cause));
        }
        let sent = item(json!({ "state": "sent", "at": self.clock.now().to_string() }));
        self.table.put(&sent, WriteCondition::Always).map_err(not_sent)?;
        Ok(())
    }
}
