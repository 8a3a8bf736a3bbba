//! From one event to an alert, within seconds.
//!
//! Enters: an event as EventBridge delivers it (`AWS API Call via CloudTrail` and its kin). Leaves: [`Watched`], and news
//! passed on. Laws: the event is judged by the stages every report is made with; one event is one alert however often it
//! is delivered; what cannot be read, or is no CloudTrail event, is an error and never silence; delivery is best
//! effort, so this lane alerts and is evidence of nothing.

use super::{
    gather::read_object,
    news::{NewsError, Newsroom},
};
use crate::{
    alert::Alert, catalog::Catalog, config::Config, event::Event, record::Limits, render::message,
    report::UnreadablePosition,
};

/// Most bytes of an event: EventBridge delivers 256 KiB (1 MiB to some targets), and a page of them is no event.
const LIMITS: Limits = Limits { inflated: 8 << 20 };

/// What became of what was delivered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    /// Events judged.
    pub events: u64,
    /// Insight events, which are not judged.
    pub aside: u64,
    /// Where it could not be read.
    pub unreadable: Vec<UnreadablePosition>,
    /// Alerts they deserve.
    pub alerts: Vec<Alert>,
    /// Announcements made now.
    pub told: u64,
    /// Announcements that had been made before.
    pub told_before: u64,
    /// Seconds from the oldest event to now.
    pub lag: Option<u32>,
}

/// Why a delivery has to be tried again, or looked at.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct WatchError {
    /// What became of the rest.
    pub watched: Box<Watched>,
    /// What went wrong.
    #[source]
    pub fault: WatchFault,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum WatchFault {
    /// Something in it cannot be read.
    #[error("the event cannot be read at byte {}: {}", .0.byte.unwrap_or_default(), .0.reason)]
    Unreadable(UnreadablePosition),
    /// There is no CloudTrail event in it.
    #[error(
        "no CloudTrail event was delivered; the rule that feeds this function should match `AWS ... via CloudTrail`"
    )]
    Foreign,
    /// Not everybody could be told.
    #[error(transparent)]
    News(#[from] NewsError),
}

/// Judges what EventBridge delivered, and has alerts passed on. Every event is judged and every alert tried, whatever
/// becomes of the others.
///
/// # Errors
/// [`WatchError`]: the delivery is to be tried again, and then to be kept for somebody to look at.
pub fn watch(
    delivered: &[u8],
    config: &Config,
    catalog: &Catalog,
    newsroom: &Newsroom<'_>,
) -> Result<Watched, WatchError> {
    let gathered = read_object("event", delivered, LIMITS);
    let mut watched = Watched {
        aside: gathered.reading.aside,
        unreadable: gathered.reading.problems.iter().map(|problem| problem.position()).collect(),
        ..Watched::default()
    };
    let mut fault = watched.unreadable.first().cloned().map(WatchFault::Unreadable);
    let now = newsroom.clock.now();
    for (id, time, actor, act) in gathered.segment.events() {
        let event = Event { id, time, actor: actor.clone(), act: act.clone() };
        watched.events += 1;
        watched.lag = watched.lag.max(Some(now.since(time)));
        if let Err(error) = watched.judge(event, config, catalog, newsroom) {
            fault = fault.or(Some(error.into()));
        }
    }
    if watched.events == 0 && watched.aside == 0 {
        fault = fault.or(Some(WatchFault::Foreign));
    }
    match fault {
        Some(fault) => Err(WatchError { watched: Box::new(watched), fault }),
        None => Ok(watched),
    }
}

impl Watched {
    fn judge(
        &mut self,
        event: Event,
        config: &Config,
        catalog: &Catalog,
        newsroom: &Newsroom<'_>,
    ) -> Result<(), NewsError> {
        let Some(alert) = Alert::of(event, catalog, config)? else { return Ok(()) };
        let news = message::alert(&alert)?;
        self.alerts.push(alert);
        let told = newsroom.pass_on(&news)?;
        self.told += told.now.len() as u64;
        self.told_before += told.before.len() as u64;
        Ok(())
    }
}
