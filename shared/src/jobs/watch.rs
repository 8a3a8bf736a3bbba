//! From one event to an alert, within seconds.
//!
//! Enters: an event as EventBridge delivers it (`AWS API Call via CloudTrail` and related detail types). Leaves: a
//! [`WatchOutcome`] and sent notifications. Laws: the event is evaluated by the same stages as in a report; one event
//! gives one alert, however often it is delivered; an input that cannot be read or is not a CloudTrail event is an
//! error; no event is read while the use of CloudTrail is switched off; EventBridge delivers on a best-effort basis, so this job only alerts and does not store evidence.

use super::{
    gather::read_delivery,
    notifications::{NotificationError, Notifier},
};
use crate::{
    alert::Alert,
    catalog::Catalog,
    config::Config,
    event::Event,
    origin::CallOrigins,
    record::{ReadLimits, UnreadablePosition},
    render::message,
    segment::Shard,
};

/// Most bytes of one delivery: EventBridge delivers at most 256 KiB (1 MiB to some targets).
const LIMITS: ReadLimits = ReadLimits { max_inflated_bytes: 8 << 20 };

/// The outcome of one delivery.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WatchOutcome {
    /// Number of events evaluated.
    pub events: u64,
    /// Insight events, which are not evaluated.
    pub insight_events: u64,
    /// Positions that could not be read.
    pub unreadable: Vec<UnreadablePosition>,
    /// Alerts for the evaluated events, in their order.
    pub alerts: Vec<Alert>,
    /// Number of notifications sent by this run.
    pub notifications_sent: u64,
    /// Notifications that had been sent before.
    pub notifications_already_sent: u64,
    /// Notifications that a sink did not send because it had sent one about the same shortly before.
    pub notifications_repeated: u64,
    /// Notifications below the severity that a sink sends.
    pub notifications_below_severity: u64,
    /// Alerts that wait for the next digest.
    pub alerts_collected: u64,
    /// Age of the oldest event, in seconds.
    pub lag_seconds: Option<u32>,
}

/// Why a delivery must be retried or inspected.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct WatchError {
    /// The outcome of everything else.
    pub outcome: Box<WatchOutcome>,
    /// Why the event was not evaluated.
    #[source]
    pub kind: WatchErrorKind,
}

/// Why an event was not evaluated.
#[derive(Debug, thiserror::Error)]
pub enum WatchErrorKind {
    /// A part of the delivery cannot be read.
    #[error("the event cannot be read at byte {}: {}", .0.byte.unwrap_or_default(), .0.reason)]
    Unreadable(UnreadablePosition),
    /// The delivery does not contain a CloudTrail event.
    #[error(
        "no CloudTrail event was delivered; the rule that feeds this function should match `AWS ... via CloudTrail`"
    )]
    NotCloudTrail,
    /// A notification could not be sent.
    #[error(transparent)]
    Notification(#[from] NotificationError),
}

/// Evaluates the events that EventBridge delivered and sends their alerts. Every event is evaluated and every alert
/// is attempted, even if others fail.
///
/// # Errors
/// [`WatchError`]: the delivery must be retried, and then kept in the dead-letter queue for inspection.
pub fn watch(
    delivered: &[u8],
    config: &Config,
    catalog: &Catalog,
    notifier: &Notifier<'_>,
) -> Result<WatchOutcome, WatchError> {
    if !config.cloudtrail.enabled {
        return Ok(WatchOutcome::default());
    }
    let gathered = read_delivery("event", delivered, LIMITS, config, catalog);
    let mut outcome = WatchOutcome {
        insight_events: gathered.statistics.insight_events,
        unreadable: gathered.statistics.positions.into_iter().collect(),
        ..WatchOutcome::default()
    };
    let mut fault = outcome.unreadable.first().cloned().map(WatchErrorKind::Unreadable);
    let now = notifier.clock.now();
    for (id, time, actor, call_key) in gathered.segment.events() {
        let event = Event { id, time, actor: actor.clone(), call_key: call_key.clone() };
        outcome.events += 1;
        outcome.lag_seconds = outcome.lag_seconds.max(Some(now.since(time)));
        let origins = gathered.segment.origins().get(&Shard::of(actor, time)).cloned().unwrap_or_default();
        if let Err(error) = outcome.evaluate(event, origins, config, catalog, notifier) {
            fault = fault.or(Some(error.into()));
        }
    }
    if outcome.events == 0 && outcome.insight_events == 0 {
        fault = fault.or(Some(WatchErrorKind::NotCloudTrail));
    }
    match fault {
        Some(fault) => Err(WatchError { outcome: Box::new(outcome), kind: fault }),
        None => Ok(outcome),
    }
}

impl WatchOutcome {
    fn evaluate(
        &mut self,
        event: Event,
        origins: CallOrigins,
        config: &Config,
        catalog: &Catalog,
        notifier: &Notifier<'_>,
    ) -> Result<(), NotificationError> {
        let Some(alert) = Alert::from_event(event, origins, catalog, config)? else { return Ok(()) };
        let notification = message::alert(&alert)?;
        self.alerts.push(alert);
        let result = notifier.notify(&notification)?;
        self.notifications_sent += result.sent.len() as u64;
        self.notifications_already_sent += result.already_sent.len() as u64;
        self.notifications_repeated += result.repeated.len() as u64;
        self.notifications_below_severity += result.below_severity.len() as u64;
        self.alerts_collected += u64::from(result.is_collected);
        Ok(())
    }
}
