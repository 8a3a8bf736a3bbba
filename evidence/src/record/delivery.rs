//! What the forms of evidence say about its delivery.
//!
//! Enters: the list that a record was in. Leaves: [`DeliveryFact`]s. Law: only a list or an envelope with a record says
//! anything.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Record;
use crate::time::{HOUR_SECONDS, Time};

/// What the form of a piece says about the delivery of events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryFact {
    /// Events were delivered in this form.
    Form(DeliveryForm),
    /// Events continue a list, and are not in it.
    CutListing(CutListing),
}

/// A form that another service than CloudTrail delivers, so that a change of that service ends the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryForm {
    /// From a log group of Amazon CloudWatch Logs: through a subscription, or with `FilterLogEvents`.
    LogGroup,
    /// From a rule of Amazon EventBridge.
    EventBridge,
}

/// A page of a list that says, by its token, that events follow it. `LookupEvents` lists the newest event first,
/// `FilterLogEvents` the oldest. API references of AWS CloudTrail and Amazon CloudWatch Logs, read 2026-11.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CutListing {
    /// Accounts and regions of its events.
    pub places: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Time of its last event: the oldest of `LookupEvents`, the newest of `FilterLogEvents`.
    pub last: Time,
    /// Whether the events that follow are newer.
    pub is_ascending: bool,
}

/// The time before or after the last event in which an event shows that the listing went on, also in another hour.
const NEAR_SECONDS: u32 = 900;

impl CutListing {
    /// The times, from the first up to the second, at which an event shows that the listing went on: those in the hour
    /// of its last event, and those of a quarter hour.
    pub(crate) fn next_times(&self) -> (Time, Time) {
        let (last, hour) = (self.last.0, self.last.hour().start().0);
        if self.is_ascending {
            let end = hour.saturating_add(HOUR_SECONDS).max(last.saturating_add(NEAR_SECONDS));
            (Time(last.saturating_add(1)), Time(end))
        } else {
            (Time(hour.min(last.saturating_sub(NEAR_SECONDS))), self.last)
        }
    }
}

/// The records of a list.
#[derive(Debug)]
pub(super) struct Listing {
    is_ascending: bool,
    last: Option<Time>,
    places: BTreeSet<(Arc<str>, Arc<str>)>,
}

impl Listing {
    pub(super) const fn new(is_ascending: bool) -> Self {
        Self { is_ascending, last: None, places: BTreeSet::new() }
    }

    pub(super) fn add(&mut self, record: &Record<'_>) {
        let Some(time) = record.event_time.as_deref().and_then(Time::parse) else { return };
        let later = |last: Time| if self.is_ascending { last.max(time) } else { last.min(time) };
        self.last = Some(self.last.map_or(time, later));
        // Records of the first versions have only the account of the caller.
        let accounts = [&record.recipient_account_id, &record.user_identity.account_id];
        let account = accounts.into_iter().flatten().find(|account| !account.is_empty());
        let place = (account.map_or("", |account| &**account), record.region.as_deref().unwrap_or_default());
        if !self.places.iter().any(|(account, region)| (&**account, &**region) == place) {
            self.places.insert((place.0.into(), place.1.into()));
        }
    }

    /// The listing, if it has an event and a token that more follow.
    pub(super) fn cut(self) -> Option<CutListing> {
        let Self { is_ascending, last, places } = self;
        Some(CutListing { places, last: last?, is_ascending })
    }
}

/// Whether a field is a token that events follow: `NextToken` or `nextToken` with a text.
pub(super) fn is_next_token(name: &str, value: &[u8]) -> bool {
    name.eq_ignore_ascii_case("nextToken") && value.starts_with(b"\"") && value != b"\"\""
}
