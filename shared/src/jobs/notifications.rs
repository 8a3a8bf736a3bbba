//! Sends each notification once.
//!
//! Enters: a [`Notification`], and a table that records which sinks have sent it. Leaves: a [`DeliveryResult`]. Laws:
//! a sink that has sent the notification is not called again; a sink that failed is called again when the job is
//! retried; of two concurrent jobs with the same notification only one sends it, and the other fails and is retried;
//! if a job is killed after sending and before recording, the retry sends the notification once more. A duplicate is
//! possible, a lost notification is not: one that is not sent because of its severity, or because the same was sent shortly before,
//! is counted.
//!
//! ```text
//! NOTIFICATION#<id>  <sink>   {"state": "claimed", "until": ...} while sending, {"state": "sent", "at": ...} after,
//!                             {"state": "repeated", "of": <id>} if another one with its key was sent instead
//! ```

mod digest;
mod repetition;

use serde_json::{Value, json};

pub use self::digest::FlushedDigests;
use self::{digest::DigestCollector, repetition::RepetitionWindow};
use crate::{
    alert::OperationalAlert,
    config::DeliveryPolicy,
    ports::{Clock, Notification, NotificationSink, PortError, Table, TableItem, WriteCondition},
    render::message,
    time::Time,
};

/// Number of seconds a delivery is remembered. EventBridge retries for at most a day.
const REMEMBER_SECONDS: u32 = 2 * 86_400;

/// Number of seconds a delivery of a digest is remembered: a digest waits in the table until every sink has sent it.
const REMEMBER_DIGEST_SECONDS: u32 = 365 * 86_400;

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
    /// Which notifications are sent, and when.
    pub policy: DeliveryPolicy,
}

/// The delivery of a notification, by sink.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryResult {
    /// Sinks that sent it now.
    pub sent: Vec<String>,
    /// Sinks that had sent it before, or hold it for a digest.
    pub already_sent: Vec<String>,
    /// Sinks that do not send it because they sent another one with its key shortly before.
    pub repeated: Vec<String>,
    /// Sinks that do not send notifications of this severity.
    pub below_severity: Vec<String>,
    /// Whether it was collected for a digest now.
    pub is_collected: bool,
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
        sink: String,
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
        sink: String,
    },
    /// The notification cannot be written as JSON.
    #[error("cannot write the notification as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// An item of the table that waits for a digest cannot be decoded. It is kept.
    #[error("cannot read `{name}` of the table, which waits for a digest: {cause}; look at it and remove it")]
    Damaged {
        /// Key of the item.
        name: String,
        /// Why the item cannot be decoded.
        #[source]
        cause: serde_json::Error,
    },
}

impl Notifier<'_> {
    /// Sends a notification through every sink that wants it and has not sent it yet; with a digest, collects it for the
    /// next one.
    ///
    /// # Errors
    /// [`NotificationError`], after every other sink was called.
    pub fn notify(&self, notification: &Notification) -> Result<DeliveryResult, NotificationError> {
        if self.policy.digest_seconds == 0 {
            return self.deliver(notification);
        }
        let collector = DigestCollector {
            table: self.table,
            clock: self.clock,
            seconds: self.policy.digest_seconds,
            sinks: self.sinks,
        };
        let collected = Notifier { sinks: &[&collector], ..*self }.deliver(notification)?;
        Ok(DeliveryResult { is_collected: !collected.sent.is_empty(), sent: Vec::new(), ..collected })
    }

    /// Sends an alert about Onlooker itself, once in its window.
    ///
    /// # Errors
    /// As [`Notifier::notify`].
    pub fn notify_operator(&self, alert: &OperationalAlert) -> Result<DeliveryResult, NotificationError> {
        self.notify(&message::operational_alert(alert)?)
    }

    fn deliver(&self, notification: &Notification) -> Result<DeliveryResult, NotificationError> {
        let mut result = DeliveryResult::default();
        let is_wanted = |sink: &dyn NotificationSink| {
            notification.severity >= self.policy.minimum_severity && sink.accepts(notification.severity)
        };
        let (wanted, unwanted): (Vec<_>, Vec<_>) =
            self.sinks.iter().copied().partition(|sink| is_wanted(*sink));
        result.below_severity = unwanted.into_iter().map(|sink| sink.name().to_owned()).collect();
        if wanted.is_empty() {
            return Ok(result);
        }
        let partition = format!("NOTIFICATION#{}", notification.id);
        let known = self.table.query(&partition, "");
        let known = known.map_err(|cause| NotificationError::Table { id: notification.id.clone(), cause })?;
        let mut failure = None;
        for sink in wanted {
            let name = sink.name().to_owned();
            let item = known.iter().find(|item| item.sort_key == name);
            let state = item.and_then(|item| item.body.get("state")?.as_str());
            match state {
                Some("sent") => result.already_sent.push(name),
                Some("repeated") => result.repeated.push(name),
                _ => match self.send_once(sink, notification, &partition, item) {
                    Ok(true) => result.sent.push(name),
                    Ok(false) => result.repeated.push(name),
                    Err(error) => failure = failure.or(Some(error)),
                },
            }
        }
        failure.map_or(Ok(result), Err)
    }

    /// Whether it was sent; if not, another one with its key was sent shortly before.
    fn send_once(
        &self,
        sink: &dyn NotificationSink,
        notification: &Notification,
        partition: &str,
        known: Option<&TableItem>,
    ) -> Result<bool, NotificationError> {
        let name = sink.name();
        let not_sent =
            |cause| NotificationError::NotSent { id: notification.id.clone(), sink: name.to_owned(), cause };
        let busy = || NotificationError::InProgress { id: notification.id.clone(), sink: name.to_owned() };
        let now = self.clock.now();
        let claimed = known.and_then(|item| item.body.get("until")?.as_str().and_then(Time::parse));
        if claimed.is_some_and(|until| now < until) {
            return Err(busy());
        }
        let window = RepetitionWindow::of(notification, name, self.policy.deduplication_seconds);
        let before =
            window.as_ref().map(|window| window.last(self.table)).transpose().map_err(not_sent)?.flatten();
        let is_digest = notification.id.starts_with("digest-");
        let remembered = if is_digest { REMEMBER_DIGEST_SECONDS } else { REMEMBER_SECONDS };
        let item = |body| TableItem {
            partition_key: partition.to_owned(),
            sort_key: name.to_owned(),
            revision: known.map_or(0, |item| item.revision),
            expires_at: Some(Time(now.0.saturating_add(remembered))),
            body,
        };
        if let (Some(window), Some(before)) = (&window, &before)
            && before.covers(notification, now, window)
        {
            window.count(self.table, before, notification, now).map_err(not_sent)?;
            let repeated = item(json!({ "state": "repeated", "of": before.id }));
            self.table.put(&repeated, WriteCondition::Always).map_err(not_sent)?;
            return Ok(false);
        }
        let alive = u32::try_from(self.clock.remaining().as_secs())
            .unwrap_or(MAX_CLAIM_SECONDS)
            .min(MAX_CLAIM_SECONDS);
        let until = Time(now.0.saturating_add(alive));
        let claim = item(json!({ "state": "claimed", "until": until.to_string() }));
        if !self.table.put(&claim, WriteCondition::Unchanged).map_err(not_sent)? {
            return Err(busy());
        }
        if let Err(cause) = self.send(sink, notification, window.as_ref().zip(before.as_ref())) {
            // The claim is deleted so that a retry does not wait for its end. If deleting fails, the claim expires.
            let given_up = self.table.delete(partition, name);
            drop(given_up);
            return Err(not_sent(cause));
        }
        let sent = item(json!({ "state": "sent", "at": self.clock.now().to_string() }));
        self.table.put(&sent, WriteCondition::Always).map_err(not_sent)?;
        // Only what was sent opens a window, so that a notification which failed suppresses no other.
        window.map_or(Ok(()), |window| window.open(self.table, notification, now)).map_err(not_sent)?;
        Ok(true)
    }

    /// Calls the sink; the text says how many notifications the window before did not send.
    fn send(
        &self,
        sink: &dyn NotificationSink,
        notification: &Notification,
        ended: Option<(&RepetitionWindow, &repetition::SentBefore)>,
    ) -> Result<(), PortError> {
        let Some((window, before)) = ended else { return sink.send(notification) };
        let text = match window.counted(self.table, before)? {
            0 => return sink.send(notification),
            count => format!(
                "{}\nNot sent since {}: {count} more about the same.\n",
                notification.text, before.opened
            ),
        };
        sink.send(&Notification { text, ..notification.clone() })
    }
}

/// The text of a field of an item.
fn text_of<'i>(item: &'i TableItem, field: &str) -> Option<&'i str> {
    item.body.get(field).and_then(Value::as_str)
}
