//! How far the credentials a watched principal was given reach.
//!
//! Enters: links, then the lines of who is not watched. Leaves: [`ChainGraph`]. Laws: labels go along links by the shortest
//! chain, and of equally short ones by the first in order; what is known of who else may hold a session only grows, so
//! that every order of links ends the same; each link is looked at again only when something it rests on has changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    MAX_PATH_LENGTH, RoleChain,
    issuance::{CredentialIssuance, CredentialRecipient},
    session_key::{KnownSourceIdentity, SessionKey, session_keys_of},
};
use crate::{
    tally::{TallyLine, TimeBucket},
    time::Time,
};

/// The way back to a watched principal. Shorter chains come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ChainLabel {
    hops: usize,
    originator: Arc<str>,
    /// What was assumed on the way, the session itself left out.
    path: Vec<Arc<str>>,
}

/// With whom all chains begin that lead to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ChainOriginators {
    /// With this watched principal, or with somebody else.
    One(Option<Arc<str>>),
    /// With several.
    Many,
}

/// What is known of credentials that were given in one quarter hour.
#[derive(Debug, Default)]
struct SessionHolders {
    label: Option<ChainLabel>,
    originators: Option<ChainOriginators>,
}

/// Sessions, by way and quarter hour, and who was given their credentials then.
#[derive(Debug, Default)]
pub(super) struct ChainGraph {
    issuances: Vec<CredentialIssuance>,
    holders: HashMap<SessionKey, BTreeMap<TimeBucket, SessionHolders>>,
    /// Links by the way in which their giver came by its own credentials.
    issuances_by_key: HashMap<SessionKey, BTreeMap<TimeBucket, Vec<usize>>>,
    /// The label of each link.
    labels: Vec<Option<ChainLabel>>,
    /// Ways that a chain leads to, at any time.
    reachable: HashSet<SessionKey>,
    /// When credentials were first given.
    first_issued: HashMap<SessionKey, Time>,
}

impl ChainGraph {
    pub(super) fn of(links: BTreeSet<CredentialIssuance>) -> Self {
        let mut this = Self { issuances: links.into_iter().collect(), ..Self::default() };
        for (at, link) in this.issuances.iter().enumerate() {
            if let CredentialRecipient::Unwatched(_, ways) = &link.recipient {
                for way in ways {
                    this.issuances_by_key
                        .entry(way.clone())
                        .or_default()
                        .entry(link.bucket)
                        .or_default()
                        .push(at);
                }
            }
            for way in &link.session_keys {
                this.holders.entry(way.clone()).or_default().entry(link.bucket).or_default();
                let earliest = this.first_issued.entry(way.clone()).or_insert(link.first_issued);
                *earliest = link.first_issued.min(*earliest);
            }
        }
        this.label_issuances();
        this
    }

    /// Labels links, those of watched principals first and then, one step further at a time, those that rest on them.
    fn label_issuances(&mut self) {
        self.labels = vec![None; self.issuances.len()];
        let mut next: BTreeMap<usize, ChainLabel> = BTreeMap::new();
        for (at, link) in self.issuances.iter().enumerate() {
            if let CredentialRecipient::Watched(arn) = &link.recipient {
                next.insert(at, ChainLabel { hops: 1, originator: Arc::clone(arn), path: Vec::new() });
            }
        }
        while !next.is_empty() {
            let mut reached: BTreeSet<(SessionKey, TimeBucket)> = BTreeSet::new();
            for (at, label) in std::mem::take(&mut next) {
                let Some((link, own)) = self.issuances.get(at).zip(self.labels.get_mut(at)) else { continue };
                for way in &link.session_keys {
                    let of_way = self.holders.entry(way.clone()).or_default();
                    let holding = of_way.entry(link.bucket).or_default();
                    if holding.label.as_ref().is_none_or(|known| label < *known) {
                        holding.label = Some(label.clone());
                        self.reachable.insert(way.clone());
                        reached.insert((way.clone(), link.bucket));
                    }
                }
                *own = Some(label);
            }
            for (way, slot) in reached {
                let holding = self.holders.get(&way).and_then(|of_way| of_way.get(&slot));
                let label = holding.and_then(|holding| holding.label.as_ref());
                let Some((onward, label)) = self.issuances_by_key.get(&way).zip(label) else { continue };
                for at in onward.range(way.usable_during(slot)).flat_map(|(_, links)| links) {
                    let Some((
                        CredentialIssuance { recipient: CredentialRecipient::Unwatched(arn, _), .. },
                        None,
                    )) = self.issuances.get(*at).zip(self.labels.get(*at).map(Option::as_ref))
                    else {
                        continue;
                    };
                    let mut path = label.path.clone();
                    if path.len() + 1 < MAX_PATH_LENGTH {
                        path.push(Arc::clone(arn));
                    }
                    let label =
                        ChainLabel { hops: label.hops + 1, originator: Arc::clone(&label.originator), path };
                    let known = next.entry(*at).or_insert_with(|| label.clone());
                    *known = label.min(known.clone());
                }
            }
        }
    }

    /// Looks for sessions that were at work when nobody was seen to have credentials of them: somebody has.
    pub(super) fn add_unseen_holders(&mut self, lines: &mut dyn Iterator<Item = TallyLine<'_>>) {
        let mut uses: BTreeMap<Vec<SessionKey>, (Time, BTreeSet<TimeBucket>)> = BTreeMap::new();
        for line in lines {
            let ways = session_keys_of(line.actor);
            if self.is_reachable(&ways) {
                let (first, slots) = uses.entry(ways).or_insert((line.first, BTreeSet::new()));
                *first = line.first.min(*first);
                slots.extend(line.buckets.iter().map(|(slot, _)| *slot));
            }
        }
        let mut unseen: BTreeSet<(SessionKey, TimeBucket)> = BTreeSet::new();
        for (ways, (first, slots)) in uses {
            let given = ways.iter().filter_map(|way| self.first_issued.get(way)).min();
            let before = given.is_some_and(|given| first < *given).then(|| TimeBucket::of(first));
            let alone = slots.into_iter().filter(|slot| self.holders_of(&ways, *slot).next().is_none());
            for slot in alone.chain(before) {
                for way in &ways {
                    match way {
                        SessionKey::Session(role, name, KnownSourceIdentity::Set(_)) => {
                            let anything =
                                SessionKey::Session(role.clone(), Arc::clone(name), KnownSourceIdentity::Any);
                            unseen.extend([(way.clone(), slot), (anything, slot)]);
                        }
                        SessionKey::Session(_, _, KnownSourceIdentity::Any)
                        | SessionKey::FederatedUser(_) => {
                            unseen.insert((way.clone(), slot));
                        }
                        _ => {}
                    }
                }
            }
        }
        for (way, slot) in unseen {
            self.add_originators(&way, slot, &ChainOriginators::One(None));
        }
    }

    /// Finds out with whom all chains begin.
    pub(super) fn resolve_originators(&mut self) {
        let links = std::mem::take(&mut self.issuances);
        let mut waiting: BTreeSet<usize> = BTreeSet::new();
        for (at, link) in links.iter().enumerate() {
            let is_labelled = self.labels.get(at).is_some_and(Option::is_some);
            let roots = match &link.recipient {
                CredentialRecipient::Watched(arn) => ChainOriginators::One(Some(Arc::clone(arn))),
                CredentialRecipient::Unwatched(..) if !is_labelled => ChainOriginators::One(None),
                CredentialRecipient::Unwatched(..) => {
                    waiting.insert(at);
                    continue;
                }
            };
            for way in &link.session_keys {
                self.add_originators(way, link.bucket, &roots);
            }
        }
        while let Some(at) = waiting.pop_first() {
            let Some(CredentialIssuance {
                recipient: CredentialRecipient::Unwatched(_, ways),
                bucket: slot,
                session_keys: opens,
                ..
            }) = links.get(at)
            else {
                continue;
            };
            let Some(roots) = self.originators_of(ways, *slot) else { continue };
            for way in opens {
                if self.add_originators(way, *slot, &roots)
                    && let Some(onward) = self.issuances_by_key.get(way)
                {
                    let resting =
                        onward.range(way.usable_during(*slot)).flat_map(|(_, links)| links).copied();
                    let is_labelled = |at: &usize| self.labels.get(*at).is_some_and(Option::is_some);
                    waiting.extend(resting.filter(is_labelled));
                }
            }
        }
    }

    /// Adds what is known of who holds a session; whether it is news.
    fn add_originators(&mut self, way: &SessionKey, slot: TimeBucket, roots: &ChainOriginators) -> bool {
        let of_way = self.holders.entry(way.clone()).or_default();
        let known = &mut of_way.entry(slot).or_default().originators;
        let before = known.clone();
        *known = if way.may_have_other_holders() {
            Some(ChainOriginators::Many)
        } else {
            merge_originators(before.clone(), Some(roots))
        };
        *known != before
    }

    /// What was given before and may be in use in a quarter hour.
    fn holders_of<'s>(
        &'s self,
        ways: &'s [SessionKey],
        slot: TimeBucket,
    ) -> impl Iterator<Item = &'s SessionHolders> {
        ways.iter().flat_map(move |way| {
            let of_way = self.holders.get(way).into_iter();
            of_way.flat_map(move |of_way| of_way.range(way.issued_during(slot)).map(|(_, holding)| holding))
        })
    }

    fn originators_of(&self, ways: &[SessionKey], slot: TimeBucket) -> Option<ChainOriginators> {
        self.holders_of(ways, slot)
            .fold(None, |roots, holding| merge_originators(roots, holding.originators.as_ref()))
    }

    /// Whether a chain leads to any of these ways, at any time.
    pub(super) fn is_reachable(&self, ways: &[SessionKey]) -> bool {
        ways.iter().any(|way| self.reachable.contains(way))
    }

    /// With whom began what this principal, whose credentials came by these ways, did in a quarter hour.
    pub(super) fn role_chain(
        &self,
        ways: &[SessionKey],
        slot: TimeBucket,
        principal: &Arc<str>,
    ) -> Option<RoleChain> {
        let ChainLabel { originator: began_with, mut path, .. } =
            self.holders_of(ways, slot).filter_map(|holding| holding.label.as_ref()).min().cloned()?;
        path.push(Arc::clone(principal));
        let is_certain =
            self.originators_of(ways, slot) == Some(ChainOriginators::One(Some(Arc::clone(&began_with))));
        Some(RoleChain { originator: began_with, path, is_certain })
    }
}

fn merge_originators(
    one: Option<ChainOriginators>,
    two: Option<&ChainOriginators>,
) -> Option<ChainOriginators> {
    match (one, two) {
        (None, roots) => roots.cloned(),
        (Some(one), Some(two)) if one != *two => Some(ChainOriginators::Many),
        (one, _) => one,
    }
}
