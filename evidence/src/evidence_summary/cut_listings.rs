//! Listings that end before their last page.
//!
//! Enters: the listings with a token that more events follow, then events or the seconds with events. Leaves: the hours
//! that are incomplete. Laws: the hour of a listing's last event is incomplete unless the evidence has an event of its
//! places that follows it, in that hour or within a quarter hour; an hour that digest files cover is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::ReportScope;
use crate::{
    extract::SecondsOfHour,
    record::{CutListing, DeliveryFact},
    segment::{Segment, Shard},
    time::Time,
};

/// Listings, and the times of the events in their places.
#[derive(Default)]
pub(super) struct CutListings {
    listings: Vec<CutListing>,
    times: BTreeMap<(Arc<str>, Arc<str>), BTreeSet<Time>>,
}

impl CutListings {
    pub(super) fn of(facts: &BTreeSet<DeliveryFact>, scope: &ReportScope) -> Self {
        let listings: Vec<CutListing> = facts
            .iter()
            .filter_map(|fact| match fact {
                DeliveryFact::CutListing(listing) if scope.contains(listing.last.hour()) => Some(listing),
                _ => None,
            })
            .cloned()
            .collect();
        let places = listings.iter().flat_map(|listing| listing.places.iter().cloned());
        let times = places.map(|place| (place, BTreeSet::new())).collect();
        Self { listings, times }
    }

    /// Searches all events of the scope and the hours before it.
    pub(super) fn search_segment(&mut self, segment: &Segment, scope: &ReportScope) {
        if self.listings.is_empty() {
            return;
        }
        for (_, time, actor, _) in segment.events() {
            let is_near = scope.contains(time.hour()) || scope.leads_in(time.hour());
            let place = (Arc::clone(&actor.account), Arc::clone(&actor.region));
            if let Some(times) = self.times.get_mut(&place).filter(|_| is_near) {
                times.insert(time);
            }
        }
    }

    /// Searches the seconds of a shard with events.
    pub(super) fn search_shard(&mut self, shard: &Shard, seconds: &SecondsOfHour) {
        if let Some(times) = self.times.get_mut(&(Arc::clone(&shard.account), Arc::clone(&shard.region))) {
            times.extend(seconds.times(shard.hour));
        }
    }

    /// The hours that are incomplete. `is_covered` says whether digest files cover an hour.
    pub(super) fn incomplete(self, is_covered: impl Fn(&Shard) -> bool) -> BTreeSet<Shard> {
        let Self { listings, times } = self;
        let goes_on = |listing: &CutListing| {
            let (from, until) = listing.next_times();
            let seen = listing.places.iter().filter_map(|place| times.get(place));
            seen.into_iter().any(|seen| from < until && seen.range(from..until).next().is_some())
        };
        listings
            .iter()
            .filter(|listing| !goes_on(listing))
            .flat_map(|listing| {
                listing.places.iter().map(|(account, region)| Shard {
                    account: Arc::clone(account),
                    region: Arc::clone(region),
                    hour: listing.last.hour(),
                })
            })
            .filter(|shard| !is_covered(shard))
            .collect()
    }
}
