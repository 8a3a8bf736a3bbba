//! From one event to an alert, within seconds.
//!
//! Enters: an event as EventBridge delivers it (`AWS API Call via CloudTrail` and its kin). Leaves: [`WatchOutcome`], and news
//! passed on. Laws: the event is judged by the stages every report is made with; one event is one alert however often it
//! is delivered; what cannot be read, or is no CloudTrail event, is an error and never silence; delivery is best
//! effort, so this lane alerts and is evidence of nothing.

use super::{
    gather::read_object,
    notifications::{NotificationError, Notifier},
};
use crate::{
    alert::Alert, catalog::Catalog, config::Config, event::Event, record::ReadLimits, render::message,
    report::UnreadablePosition,
};

/// Most bytes of an event: EventBridge delivers 256 KiB (1 MiB to some targets), and a page of them is no event.
const LIMITS: ReadLimits = ReadLimits { max_inflated_bytes: 8 << 20 };

/// What became of what was delivered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WatchOutcome {
    /// Events judged.
    pub events: u64,
    /// Insight events, which are not judged.
    pub insight_events: u64,
    /// Where it could not be read.
    pub unreadable: Vec<UnreadablePosition>,
    /// Alerts they deserve.
    pub alerts: Vec<Alert>,
    /// Announcements made now.
    pub notifications_sent: u64,
    /// Announcements that had been made before.
    pub notifications_already_sent: u64,
    /// Seconds from the oldest event to now.
    pub lag_seconds: Option<u32>,
}

/// Why a delivery has to be tried again, or looked at.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct WatchError {
    /// What became of the rest.
    pub outcome: Box<WatchOutcome>,
    /// What went wrong.
    #[source]
    pub kind: WatchErrorKind,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum WatchErrorKind {
    /// Something in it cannot be read.
    #[error("the event cannot be read at byte {}: {}", .0.byte.unwrap_or_default(), .0.reason)]
    Unreadable(UnreadablePosition),
    /// There is no CloudTrail event in it.
    #[error(
        "no CloudTrail event was delivered; the rule that feeds this function should match `AWS ... via CloudTrail`"
    )]
    NotCloudTrail,
    /// Not everybody could be told.
    #[error(transparent)]
    Notification(#[from] NotificationError),
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
    newsroom: &Notifier<'_>,
) -> Result<WatchOutcome, WatchError> {
    let gathered = read_object("event", delivered, LIMITS);
    let mut watched = WatchOutcome {
        insight_events: gathered.statistics.insight_events,
        unreadable: gathered.statistics.problems.iter().map(|problem| problem.position()).collect(),
        ..WatchOutcome::default()
    };
    let mut fault = watched.unreadable.first().cloned().map(WatchErrorKind::Unreadable);
    let now = newsroom.clock.now();
    for (id, time, actor, act) in gathered.segment.events() {
        let event = Event { id, time, actor: actor.clone(), call_key: act.clone() };
        watched.events += 1;
        watched.lag_seconds = watched.lag_seconds.max(Some(now.since(time)));
        if let Err(error) = watched.evaluate(event, config, catalog, newsroom) {
            fault = fault.or(Some(error.into()));
        }
    }
    if watched.events == 0 && watched.insight_events == 0 {
        fault = fault.or(Some(WatchErrorKind::NotCloudTrail));
    }
    match fault {
        Some(fault) => Err(WatchError { outcome: Box::new(watched), kind: fault }),
        None => Ok(watched),
    }
}

impl WatchOutcome {
    fn evaluate(
        &mut self,
        event: Event,
        config: &Config,
        catalog: &Catalog,
        newsroom: &Notifier<'_>,
    ) -> Result<(), NotificationError> {
        let Some(alert) = Alert::from_event(event, catalog, config)? else { return Ok(()) };
        let news = message::alert(&alert)?;
        self.alerts.push(alert);
        let told = newsroom.notify(&news)?;
        self.notifications_sent += told.sent.len() as u64;
        self.notifications_already_sent += told.already_sent.len() as u64;
        Ok(())
    }
}
