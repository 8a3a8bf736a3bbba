//! Passing news on, once.
//!
//! Enters: an [`Announcement`], and a table that remembers who passed it on. Leaves: [`Told`]. Laws: an announcer that has
//! passed news on is not asked again, one that failed is asked again when the job is tried again; of two jobs with
//! the same news one speaks, and the other comes back when it has; a job killed between speaking and remembering
//! makes its announcer repeat itself once for each such kill, and no news is ever left unsaid instead.
//!
//! ```text
//! ALERT#<id of the news>  <announcer>   {"state": "claimed", "until": ...} while it is being asked, {"state": "told", "at": ...} after
//! ```

use serde_json::{Value, json};

use crate::{
    ports::{Announcement, Announcer, Clock, Expected, Item, PortError, Table},
    time::Time,
};

/// Seconds it is remembered who was told what. EventBridge delivers again for a day at most.
const MEMORY: u32 = 2 * 86_400;

/// Longest claim, in seconds: it ends before Lambda tries again, which is after a minute.
const CLAIM: u32 = 50;

/// Who passes news on, and where it is remembered.
#[derive(Clone, Copy)]
pub struct Newsroom<'a> {
    /// Where it is remembered.
    pub table: &'a dyn Table,
    /// Who passes it on.
    pub announcers: &'a [&'a dyn Announcer],
    /// Now, and how long the job may live.
    pub clock: &'a dyn Clock,
}

/// What became of news, by announcer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Those that have passed it on now.
    pub now: Vec<&'static str>,
    /// Those that had before.
    pub before: Vec<&'static str>,
}

/// Why not everybody was told. Try again: those who were told are not told again.
#[derive(Debug, thiserror::Error)]
pub enum NewsError {
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
    #[error("{announcer} was not told of `{id}`: {cause}")]
    Untold {
        /// Id of the news.
        id: String,
        /// The first that failed.
        announcer: &'static str,
        /// Cause.
        #[source]
        cause: PortError,
    },
    /// Another job is telling it.
    #[error("another run is telling {announcer} of `{id}`: try again in a minute")]
    Busy {
        /// Id of the news.
        id: String,
        /// Announcer.
        announcer: &'static str,
    },
    /// The news cannot be written.
    #[error("cannot write news as JSON: {0}")]
    Words(#[from] serde_json::Error),
}

impl Newsroom<'_> {
    /// Has every announcer pass news on that has not done so.
    ///
    /// # Errors
    /// [`NewsError`], after every announcer was asked that could be.
    pub fn pass_on(&self, news: &Announcement) -> Result<Told, NewsError> {
        let partition = format!("ALERT#{}", news.id);
        let known = self.table.query(&partition, "");
        let known = known.map_err(|cause| NewsError::Table { id: news.id.clone(), cause })?;
        let mut told = Told::default();
        let mut failure = None;
        for announcer in self.announcers {
            let name = announcer.name();
            let item = known.iter().find(|item| item.sort == name);
            if item.is_some_and(|item| item.body.get("state") == Some(&Value::from("told"))) {
                told.before.push(name);
                continue;
            }
            match self.ask(*announcer, news, &partition, item) {
                Ok(()) => told.now.push(name),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(told), Err)
    }

    fn ask(
        &self,
        announcer: &dyn Announcer,
        news: &Announcement,
        partition: &str,
        known: Option<&Item>,
    ) -> Result<(), NewsError> {
        let name = announcer.name();
        let untold = |cause| NewsError::Untold { id: news.id.clone(), announcer: name, cause };
        let busy = || NewsError::Busy { id: news.id.clone(), announcer: name };
        let now = self.clock.now();
        let claimed = known.and_then(|item| item.body.get("until")?.as_str().and_then(Time::parse));
        if claimed.is_some_and(|until| now < until) {
            return Err(busy());
        }
        let alive = u32::try_from(self.clock.remaining().as_secs()).unwrap_or(CLAIM).min(CLAIM);
        let until = Time(now.0.saturating_add(alive));
        let item = |body| Item {
            partition: partition.to_owned(),
            sort: name.to_owned(),
            revision: known.map_or(0, |item| item.revision),
            expires: Some(Time(now.0.saturating_add(MEMORY))),
            body,
        };
        let claim = item(json!({ "state": "claimed", "until": until.to_string() }));
        if !self.table.put(&claim, Expected::Same).map_err(untold)? {
            return Err(busy());
        }
        if let Err(cause) = announcer.announce(news) {
            // Given up so that a retry need not wait for its end; where that fails too, it ends by itself.
            let given_up = self.table.delete(partition, name);
            drop(given_up);
            return Err(untold(cause));
        }
        let said = item(json!({ "state": "told", "at": self.clock.now().to_string() }));
        self.table.put(&said, Expected::Anything).map_err(untold)?;
        Ok(())
    }
}
