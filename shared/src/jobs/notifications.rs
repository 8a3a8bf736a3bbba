//! Passing news on, once.
//!
//! Enters: an [`Notification`], and a table that remembers who passed it on. Leaves: [`Told`]. Laws: an announcer that has
//! passed news on is not asked again, one that failed is asked again when the job is tried again; of two jobs with
//! the same news one speaks, and the other comes back when it has; a job killed between speaking and remembering
//! makes its announcer repeat itself once for each such kill, and no news is ever left unsaid instead.
//!
//! ```text
//! NOTIFICATION#<id of the news>  <announcer>   {"state": "claimed", "until": ...} while it is being asked, {"state": "told", "at": ...} after
//! ```

use serde_json::{Value, json};

use crate::{
    ports::{Clock, Notification, NotificationSink, PortError, Table, TableItem, WriteCondition},
    time::Time,
};

/// Seconds it is remembered who was told what. EventBridge delivers again for a day at most.
const REMEMBER_SECONDS: u32 = 2 * 86_400;

/// Longest claim, in seconds: it ends before Lambda tries again, which is after a minute.
const MAX_CLAIM_SECONDS: u32 = 50;

/// Who passes news on, and where it is remembered.
#[derive(Clone, Copy)]
pub struct Notifier<'a> {
    /// Where it is remembered.
    pub table: &'a dyn Table,
    /// Who passes it on.
    pub sinks: &'a [&'a dyn NotificationSink],
    /// Now, and how long the job may live.
    pub clock: &'a dyn Clock,
}

/// What became of news, by announcer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryResult {
    /// Those that have passed it on now.
    pub sent: Vec<&'static str>,
    /// Those that had before.
    pub already_sent: Vec<&'static str>,
}

/// Why not everybody was told. Try again: those who were told are not told again.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// It is not known who was told.
    #[error("nobody knows who was told of `{id}`: {cause}")]
    Table {
        /// Id of the news.
        id: String,
        /// Cause.
        #[source]
        cause: PortError,
    },
    /// An announcer failed, or is not known to have passed it on. The others were asked all the same.
    #[error("{sink} was not told of `{id}`: {cause}")]
    NotSent {
        /// Id of the news.
        id: String,
        /// The first that failed.
        sink: &'static str,
        /// Cause.
        #[source]
        cause: PortError,
    },
    /// Another job is telling it.
    #[error("another run is telling {announcer} of `{id}`: try again in a minute")]
    InProgress {
        /// Id of the news.
        id: String,
        /// Announcer.
        announcer: &'static str,
    },
    /// The news cannot be written.
    #[error("cannot write news as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Notifier<'_> {
    /// Has every announcer pass news on that has not done so.
    ///
    /// # Errors
    /// [`NotificationError`], after every announcer was asked that could be.
    pub fn notify(&self, news: &Notification) -> Result<DeliveryResult, NotificationError> {
        let partition = format!("NOTIFICATION#{}", news.id);
        let known = self.table.query(&partition, "");
        let known = known.map_err(|cause| NotificationError::Table { id: news.id.clone(), cause })?;
        let mut told = DeliveryResult::default();
        let mut failure = None;
        for announcer in self.sinks {
            let name = announcer.name();
            let item = known.iter().find(|item| item.sort_key == name);
            if item.is_some_and(|item| item.body.get("state") == Some(&Value::from("told"))) {
                told.already_sent.push(name);
                continue;
            }
            match self.send_once(*announcer, news, &partition, item) {
                Ok(()) => told.sent.push(name),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(told), Err)
    }

    fn send_once(
        &self,
        announcer: &dyn NotificationSink,
        news: &Notification,
        partition: &str,
        known: Option<&TableItem>,
    ) -> Result<(), NotificationError> {
        let name = announcer.name();
        let untold = |cause| NotificationError::NotSent { id: news.id.clone(), sink: name, cause };
        let busy = || NotificationError::InProgress { id: news.id.clone(), announcer: name };
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
        if !self.table.put(&claim, WriteCondition::Unchanged).map_err(untold)? {
            return Err(busy());
        }
        if let Err(cause) = announcer.send(news) {
            // Given up so that a retry need not wait for its end; where that fails too, it ends by itself.
            let given_up = self.table.delete(partition, name);
            drop(given_up);
            return Err(untold(cause));
        }
        let said = item(json!({ "state": "told", "at": self.clock.now().to_string() }));
        self.table.put(&said, WriteCondition::Always).map_err(untold)?;
        Ok(())
    }
}
