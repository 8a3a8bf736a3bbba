//! How far the credentials a watched principal was given reach.
//!
//! Enters: links, then the lines of who is not watched. Leaves: [`Spread`]. Laws: labels go along links by the shortest
//! chain, and of equally short ones by the first in order; what is known of who else may hold a session only grows, so
//! that every order of links ends the same; each link is looked at again only when something it rests on has changed.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    LONGEST_PATH, Lineage,
    link::{Giver, Link},
    way::{Said, Way, ways},
};
use crate::{
    tally::{Line, Slot},
    time::Time,
};

/// The way back to a watched principal. Shorter chains come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    hops: usize,
    began_with: Arc<str>,
    /// What was assumed on the way, the session itself left out.
    path: Vec<Arc<str>>,
}

/// With whom all chains begin that lead to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Roots {
    /// With this watched principal, or with somebody else.
    One(Option<Arc<str>>),
    /// With several.
    Many,
}

/// What is known of credentials that were given in one quarter hour.
#[derive(Debug, Default)]
struct Holding {
    label: Option<Label>,
    roots: Option<Roots>,
}

/// Sessions, by way and quarter hour, and who was given their credentials then.
#[derive(Debug, Default)]
pub(super) struct Spread {
    links: Vec<Link>,
    holdings: HashMap<Way, BTreeMap<Slot, Holding>>,
    /// Links by the way in which their giver came by its own credentials.
    onward: HashMap<Way, BTreeMap<Slot, Vec<usize>>>,
    /// The label of each link.
    labels: Vec<Option<Label>>,
    /// Ways that a chain leads to, at any time.
    reached: HashSet<Way>,
    /// When credentials were first given.
    earliest: HashMap<Way, Time>,
}

impl Spread {
    pub(super) fn of(links: BTreeSet<Link>) -> Self {
        let mut this = Self { links: links.into_iter().collect(), ..Self::default() };
        for (at, link) in this.links.iter().enumerate() {
            if let Giver::Other(_, ways) = &link.giver {
                for way in ways {
                    this.onward.entry(way.clone()).or_default().entry(link.slot).or_default().push(at);
                }
            }
            for way in &link.opens {
                this.holdings.entry(way.clone()).or_default().entry(link.slot).or_default();
                let earliest = this.earliest.entry(way.clone()).or_insert(link.first);
                *earliest = link.first.min(*earliest);
            }
        }
        this.label();
        this
    }

    /// Labels links, those of watched principals first and then, one step further at a time, those that rest on them.
    fn label(&mut self) {
        self.labels = vec![None; self.links.len()];
        let mut next: BTreeMap<usize, Label> = BTreeMap::new();
        for (at, link) in self.links.iter().enumerate() {
            if let Giver::Watched(arn) = &link.giver {
                next.insert(at, Label { hops: 1, began_with: Arc::clone(arn), path: Vec::new() });
            }
        }
        while !next.is_empty() {
            let mut reached: BTreeSet<(Way, Slot)> = BTreeSet::new();
            for (at, label) in std::mem::take(&mut next) {
                let Some((link, own)) = self.links.get(at).zip(self.labels.get_mut(at)) else { continue };
                for way in &link.opens {
                    let of_way = self.holdings.entry(way.clone()).or_default();
                    let holding = of_way.entry(link.slot).or_default();
                    if holding.label.as_ref().is_none_or(|known| label < *known) {
                        holding.label = Some(label.clone());
                        self.reached.insert(way.clone());
                        reached.insert((way.clone(), link.slot));
                    }
                }
                *own = Some(label);
            }
            for (way, slot) in reached {
                let holding = self.holdings.get(&way).and_then(|of_way| of_way.get(&slot));
                let label = holding.and_then(|holding| holding.label.as_ref());
                let Some((onward, label)) = self.onward.get(&way).zip(label) else { continue };
                for at in onward.range(way.lasts(slot)).flat_map(|(_, links)| links) {
                    let Some((Link { giver: Giver::Other(arn, _), .. }, None)) =
                        self.links.get(*at).zip(self.labels.get(*at).map(Option::as_ref))
                    else {
                        continue;
                    };
                    let mut path = label.path.clone();
                    if path.len() + 1 < LONGEST_PATH {
                        path.push(Arc::clone(arn));
                    }
                    let label =
                        Label { hops: label.hops + 1, began_with: Arc::clone(&label.began_with), path };
                    let known = next.entry(*at).or_insert_with(|| label.clone());
                    *known = label.min(known.clone());
                }
            }
        }
    }

    /// Looks for sessions that were at work when nobody was seen to have credentials of them: somebody has.
    pub(super) fn note_uses(&mut self, lines: &mut dyn Iterator<Item = Line<'_>>) {
        let mut uses: BTreeMap<Vec<Way>, (Time, BTreeSet<Slot>)> = BTreeMap::new();
        for line in lines {
            let ways = ways(line.actor);
            if self.reaches(&ways) {
                let (first, slots) = uses.entry(ways).or_insert((line.first, BTreeSet::new()));
                *first = line.first.min(*first);
                slots.extend(line.slots.iter().map(|(slot, _)| *slot));
            }
        }
        let mut unseen: BTreeSet<(Way, Slot)> = BTreeSet::new();
        for (ways, (first, slots)) in uses {
            let given = ways.iter().filter_map(|way| self.earliest.get(way)).min();
            let before = given.is_some_and(|given| first < *given).then(|| Slot::of(first));
            let alone = slots.into_iter().filter(|slot| self.held(&ways, *slot).next().is_none());
            for slot in alone.chain(before) {
                for way in &ways {
                    match way {
                        Way::Session(role, name, Said::This(_)) => {
                            let anything = Way::Session(role.clone(), Arc::clone(name), Said::Anything);
                            unseen.extend([(way.clone(), slot), (anything, slot)]);
                        }
                        Way::Session(_, _, Said::Anything) | Way::Federated(_) => {
                            unseen.insert((way.clone(), slot));
                        }
                        _ => {}
                    }
                }
            }
        }
        for (way, slot) in unseen {
            self.add(&way, slot, &Roots::One(None));
        }
    }

    /// Finds out with whom all chains begin.
    pub(super) fn settle(&mut self) {
        let links = std::mem::take(&mut self.links);
        let mut waiting: BTreeSet<usize> = BTreeSet::new();
        for (at, link) in links.iter().enumerate() {
            let is_labelled = self.labels.get(at).is_some_and(Option::is_some);
            let roots = match &link.giver {
                Giver::Watched(arn) => Roots::One(Some(Arc::clone(arn))),
                Giver::Other(..) if !is_labelled => Roots::One(None),
                Giver::Other(..) => {
                    waiting.insert(at);
                    continue;
                }
            };
            for way in &link.opens {
                self.add(way, link.slot, &roots);
            }
        }
        while let Some(at) = waiting.pop_first() {
            let Some(Link { giver: Giver::Other(_, ways), slot, opens, .. }) = links.get(at) else {
                continue;
            };
            let Some(roots) = self.roots(ways, *slot) else { continue };
            for way in opens {
                if self.add(way, *slot, &roots)
                    && let Some(onward) = self.onward.get(way)
                {
                    let resting = onward.range(way.lasts(*slot)).flat_map(|(_, links)| links).copied();
                    let is_labelled = |at: &usize| self.labels.get(*at).is_some_and(Option::is_some);
                    waiting.extend(resting.filter(is_labelled));
                }
            }
        }
    }

    /// Adds what is known of who holds a session; whether it is news.
    fn add(&mut self, way: &Way, slot: Slot, roots: &Roots) -> bool {
        let of_way = self.holdings.entry(way.clone()).or_default();
        let known = &mut of_way.entry(slot).or_default().roots;
        let before = known.clone();
        *known = if way.is_open() { Some(Roots::Many) } else { union(before.clone(), Some(roots)) };
        *known != before
    }

    /// What was given before and may be in use in a quarter hour.
    fn held<'s>(&'s self, ways: &'s [Way], slot: Slot) -> impl Iterator<Item = &'s Holding> {
        ways.iter().flat_map(move |way| {
            let of_way = self.holdings.get(way).into_iter();
            of_way.flat_map(move |of_way| of_way.range(way.given(slot)).map(|(_, holding)| holding))
        })
    }

    fn roots(&self, ways: &[Way], slot: Slot) -> Option<Roots> {
        self.held(ways, slot).fold(None, |roots, holding| union(roots, holding.roots.as_ref()))
    }

    /// Whether a chain leads to any of these ways, at any time.
    pub(super) fn reaches(&self, ways: &[Way]) -> bool {
        ways.iter().any(|way| self.reached.contains(way))
    }

    /// With whom began what this principal, whose credentials came by these ways, did in a quarter hour.
    pub(super) fn lineage(&self, ways: &[Way], slot: Slot, principal: &Arc<str>) -> Option<Lineage> {
        let Label { began_with, mut path, .. } =
            self.held(ways, slot).filter_map(|holding| holding.label.as_ref()).min().cloned()?;
        path.push(Arc::clone(principal));
        let is_certain = self.roots(ways, slot) == Some(Roots::One(Some(Arc::clone(&began_with))));
        Some(Lineage { began_with, path, is_certain })
    }
}

fn union(one: Option<Roots>, two: Option<&Roots>) -> Option<Roots> {
    match (one, two) {
        (None, roots) => roots.cloned(),
        (Some(one), Some(two)) if one != *two => Some(Roots::Many),
        (one, _) => one,
    }
}
