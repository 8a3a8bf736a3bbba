//! What the forms of evidence say about its delivery.
//!
//! Enters: the list that a record was in. Leaves: [`DeliveryFact`]s. Law: only an envelope with a record, a list with a
//! record and a list without anything say something.

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
    /// Events are a page of a list.
    ListingPage(ListingPage),
}

/// A form that another service than CloudTrail delivers, so that a change of that service ends the delivery.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryForm {
    /// Read from a log group of Amazon CloudWatch Logs with `FilterLogEvents`; the log group is not named.
    LogGroup,
    /// As a log event by itself, which may be of a list of `FilterLogEvents` or of a subscription.
    LogEvent,
    /// Through a subscription of a log group.
    Subscription {
        /// Account of the log group.
        owner: Arc<str>,
        /// Name of the log group.
        log_group: Arc<str>,
    },
    /// From a rule of Amazon EventBridge.
    EventBridge,
}

/// A page of a list of events. `LookupEvents` lists the newest event first, `FilterLogEvents` the oldest. API references
/// of AWS CloudTrail and Amazon CloudWatch Logs, read 2026-11.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListingPage {
    /// Whether the events that follow are newer.
    pub is_ascending: bool,
    /// Whether its token says that events follow which are not in it.
    pub is_cut: bool,
    /// The times of its first and its last event; a page may have no event.
    pub span: Option<(Time, Time)>,
    /// Accounts and regions of its events.
    pub places: BTreeSet<(Arc<str>, Arc<str>)>,
}

/// The time before or after the last event in which an event shows that the listing went on, also in another hour.
const NEAR_SECONDS: u32 = 900;

impl ListingPage {
    /// The times, from the first up to the second, at which an event shows that the list went on after an event at
    /// `last`: those in its hour, and those of a quarter hour.
    pub(crate) fn next_times(&self, last: Time) -> (Time, Time) {
        let (last, hour) = (last.0, last.hour().start().0);
        if self.is_ascending {
            let end = hour.saturating_add(HOUR_SECONDS).max(last.saturating_add(NEAR_SECONDS));
            (Time(last.saturating_add(1)), Time(end))
        } else {
            (Time(hour.min(last.saturating_sub(NEAR_SECONDS))), Time(last))
        }
    }

    /// Whether two pages may be of one list. `LookupEvents` lists the events of one account and region.
    fn is_of_list(&self, other: &Self) -> bool {
        self.is_ascending == other.is_ascending
            && match self.is_ascending {
                true => !self.places.is_disjoint(&other.places),
                false => self.places == other.places,
            }
    }

    /// Whether this is a page that follows `before`: of the same kind of list, of the same account and region or, if the
    /// list has several, of one of them, and its first event is the next one in the same hour or the one beside it.
    pub(crate) fn follows(&self, before: &Self) -> bool {
        let (Some((first, _)), Some((_, last))) = (self.span, before.span) else { return false };
        let is_next = if self.is_ascending {
            last <= first && first.hour().0 <= last.hour().0.saturating_add(1)
        } else {
            first <= last && last.hour().0 <= first.hour().0.saturating_add(1)
        };
        is_next && self.is_of_list(before) && self != before
    }
}

/// The events of a page.
#[derive(Debug)]
pub(super) struct Listing {
    is_ascending: bool,
    span: Option<(Time, Time)>,
    places: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Whether a piece of the list is not a record.
    has_others: bool,
}

impl Listing {
    pub(super) const fn new(is_ascending: bool) -> Self {
        Self { is_ascending, span: None, places: BTreeSet::new(), has_others: false }
    }

    pub(super) fn add(&mut self, record: &Record<'_>) {
        let Some(time) = record.event_time.as_deref().and_then(Time::parse) else { return };
        let (oldest, newest) = match (self.span, self.is_ascending) {
            (None, _) => (time, time),
            (Some((first, last)), true) => (first.min(time), last.max(time)),
            (Some((first, last)), false) => (last.min(time), first.max(time)),
        };
        self.span = Some(if self.is_ascending { (oldest, newest) } else { (newest, oldest) });
        // Records of the first versions have only the account of the caller.
        let accounts = [&record.recipient_account_id, &record.user_identity.account_id];
        let account = accounts.into_iter().flatten().find(|account| !account.is_empty());
        let place = (account.map_or("", |account| &**account), record.region.as_deref().unwrap_or_default());
        if !self.places.iter().any(|(account, region)| (&**account, &**region) == place) {
            self.places.insert((place.0.into(), place.1.into()));
        }
    }

    /// Notes a piece of the list that is not a record.
    pub(super) const fn add_other(&mut self) {
        self.has_others = true;
    }

    /// The page, unless the list has pieces and none is a record. `is_cut` says whether it has a token.
    pub(super) fn page(self, is_cut: bool) -> Option<ListingPage> {
        let Self { is_ascending, span, places, has_others } = self;
        let page = ListingPage { is_ascending, is_cut, span, places };
        (span.is_some() || !has_others).then_some(page)
    }
}

/// Whether a field is a token that events follow: `NextToken` or `nextToken` with a text.
pub(super) fn is_next_token(name: &str, value: &[u8]) -> bool {
    name.eq_ignore_ascii_case("nextToken") && value.starts_with(b"\"") && value != b"\"\""
}
