//! Lists of events of which the evidence lacks the pages that follow.
//!
//! Enters: the pages, then events or the seconds with events. Leaves: the hours that are incomplete, and whether a page
//! without events says that more follow. Laws: a page with a token, which says that events follow, makes the hour of its
//! last event incomplete in each of its accounts and regions, unless a page of the same list follows it, or the account and
//! region has an event that follows, in that hour or within a quarter hour; a page without events ends no list, because
//! it does not say of which list it is; an hour that digest files cover is not incomplete.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::ReportScope;
use crate::{
    extract::SecondsOfHour,
    record::{DeliveryFact, ListingPage},
    segment::{Segment, Shard},
    time::Time,
};

/// Account and region.
type Place = (Arc<str>, Arc<str>);

/// Pages, and the times of the events in the accounts and regions of those that are cut.
#[derive(Default)]
pub(super) struct CutListings {
    /// Cut pages that no page follows, with the time of their last event.
    cut: Vec<(ListingPage, Time)>,
    /// Whether a page without events says that more follow.
    has_open_page: bool,
    times: BTreeMap<Place, BTreeSet<Time>>,
}

impl CutListings {
    pub(super) fn of(facts: &BTreeSet<DeliveryFact>, scope: &ReportScope) -> Self {
        let pages: Vec<&ListingPage> = facts
            .iter()
            .filter_map(|fact| match fact {
                DeliveryFact::ListingPage(page) => Some(page),
                DeliveryFact::Form(_) => None,
            })
            .collect();
        let cut: Vec<(ListingPage, Time)> = pages
            .iter()
            .filter(|page| page.is_cut && !pages.iter().any(|other| other.follows(page)))
            .filter_map(|page| page.span.map(|(_, last)| ((*page).clone(), last)))
            .filter(|(_, last)| scope.contains(last.hour()))
            .collect();
        let has_open_page = pages.iter().any(|page| page.is_cut && page.span.is_none());
        let places = cut.iter().flat_map(|(page, _)| page.places.iter().cloned());
        let times = places.map(|place| (place, BTreeSet::new())).collect();
        Self { cut, has_open_page, times }
    }

    /// Searches all events of the scope and the hours before it.
    pub(super) fn search_segment(&mut self, segment: &Segment, scope: &ReportScope) {
        if self.cut.is_empty() {
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

    /// Whether a page without events says that more follow.
    pub(super) const fn has_open_page(&self) -> bool {
        self.has_open_page
    }

    /// The hours that are incomplete. `is_covered` says whether digest files cover an hour.
    pub(super) fn incomplete(self, is_covered: impl Fn(&Shard) -> bool) -> BTreeSet<Shard> {
        let Self { cut, times, .. } = self;
        let goes_on = |page: &ListingPage, last: Time, place: &Place| {
            let (from, until) = page.next_times(last);
            let seen = times.get(place);
            from < until && seen.is_some_and(|seen| seen.range(from..until).next().is_some())
        };
        cut.iter()
            .flat_map(|(page, last)| {
                let open = page.places.iter().filter(|place| !goes_on(page, *last, place));
                open.map(|(account, region)| Shard {
                    account: Arc::clone(account),
                    region: Arc::clone(region),
                    hour: last.hour(),
                })
            })
            .filter(|shard| !is_covered(shard))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Hour;

    const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];

    /// A page of one account, with its first and last event in minutes.
    fn page(is_ascending: bool, is_cut: bool, span: Option<(u32, u32)>) -> DeliveryFact {
        page_of(&ACCOUNTS[..1], is_ascending, is_cut, span)
    }

    fn page_of(
        accounts: &[&str],
        is_ascending: bool,
        is_cut: bool,
        span: Option<(u32, u32)>,
    ) -> DeliveryFact {
        DeliveryFact::ListingPage(ListingPage {
            is_ascending,
            is_cut,
            span: span.map(|(first, last)| (Time(60 * first), Time(60 * last))),
            places: accounts.iter().map(|account| ((*account).into(), "r".into())).collect(),
        })
    }

    /// Accounts and hours that are incomplete, if the first account has an event at these minutes.
    fn incomplete(pages: &[DeliveryFact], minutes: &[u32]) -> Vec<(usize, u32)> {
        let facts = pages.iter().cloned().collect();
        let mut listings = CutListings::of(&facts, &ReportScope::default());
        let place = (ACCOUNTS[0].into(), "r".into());
        if let Some(times) = listings.times.get_mut(&place) {
            times.extend(minutes.iter().map(|minute| Time(60 * minute)));
        }
        let number = |account: &str| ACCOUNTS.iter().position(|known| *known == account).unwrap();
        let shards = listings.incomplete(|_| false);
        shards.iter().map(|shard| (number(&shard.account), shard.hour.0)).collect()
    }

    #[test]
    fn the_next_page_shows_that_a_list_goes_on() {
        let cut = page(true, true, Some((10, 50)));
        assert_eq!(incomplete(std::slice::from_ref(&cut), &[]), [(0, 0)]);
        for (next, expected) in [
            (page(true, false, Some((90, 95))), vec![]),
            (page(true, false, Some((50, 70))), vec![]),
            (page_of(&ACCOUNTS[1..], true, false, Some((51, 52))), vec![(0, 0)]),
            (page_of(&ACCOUNTS, true, false, Some((51, 52))), vec![]),
            (page(true, false, None), vec![(0, 0)]),
            (page(true, false, Some((120, 125))), vec![(0, 0)]),
            (page(true, false, Some((0, 60))), vec![(0, 0)]),
            (page(false, false, Some((55, 52))), vec![(0, 0)]),
            (page(true, true, Some((90, 95))), vec![(0, 1)]),
        ] {
            assert_eq!(incomplete(&[cut.clone(), next.clone()], &[]), expected, "{next:?}");
        }
        let newest_first = [page(false, true, Some((80, 70))), page(false, false, Some((20, 5)))];
        assert_eq!(incomplete(&newest_first, &[]), []);
        assert_eq!(incomplete(&newest_first[..1], &[]), [(0, 1)]);
        let of_both = page_of(&ACCOUNTS, false, false, Some((20, 5)));
        assert_eq!(incomplete(&[newest_first[0].clone(), of_both], &[]), [(0, 1)], "not of one account");
        let in_one_second = [0, 1].map(|n| page_of(&ACCOUNTS[n..=n], false, true, Some((70, 70))));
        assert_eq!(incomplete(&in_one_second, &[]), [(0, 1), (1, 1)]);
    }

    #[test]
    fn an_event_shows_that_a_list_goes_on_in_its_account() {
        let cut = page_of(&ACCOUNTS, true, true, Some((10, 40)));
        assert_eq!(incomplete(std::slice::from_ref(&cut), &[41]), [(1, 0)]);
        let alone = page(true, true, Some((10, 40)));
        for (minute, expected) in [(41, vec![]), (59, vec![]), (40, vec![(0, 0)]), (60, vec![(0, 0)])] {
            assert_eq!(incomplete(std::slice::from_ref(&alone), &[minute]), expected, "{minute}");
        }
        assert_eq!(incomplete(&[page(true, true, Some((10, 50)))], &[64]), [], "within a quarter hour");
    }

    #[test]
    fn what_follows_a_page_without_events_is_not_known() {
        let open = |pages: &[DeliveryFact]| {
            CutListings::of(&pages.iter().cloned().collect(), &ReportScope::default()).has_open_page()
        };
        assert!(open(&[page(true, true, None), page(true, false, Some((1, 3)))]));
        assert!(!open(&[page(true, false, None), page(true, true, Some((1, 3)))]));
    }

    #[test]
    fn digest_files_and_the_scope_bound_what_is_incomplete() {
        let facts = [page(true, true, Some((10, 50)))].into();
        assert_eq!(CutListings::of(&facts, &ReportScope::default()).incomplete(|_| true), BTreeSet::new());
        let later = ReportScope::between(Some(Hour(1).start()), None);
        assert_eq!(CutListings::of(&facts, &later).incomplete(|_| false), BTreeSet::new());
    }
}
