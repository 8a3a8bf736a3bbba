//! The sessions that watched principals reach through issued credentials.
//!
//! Enters: credential issuances, then the lines of unwatched actors. Leaves: [`ChainGraph`]. Laws: a label follows
//! the shortest chain, and of equally short chains the first in order; the set of known other holders of a session
//! only grows, so the result does not depend on the order of issuances; an issuance is visited again only when one
//! that it depends on has changed.

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

/// The chain back to a watched principal. Shorter chains come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ChainLabel {
    hops: usize,
    originator: Arc<str>,
    /// ARNs of the principals assumed on the way, without the session itself.
    path: Vec<Arc<str>>,
}

/// The originators of all chains that lead to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ChainOriginators {
    /// This watched principal, or, with `None`, an unwatched or unseen one.
    One(Option<Arc<str>>),
    /// Several principals may have originated the chain.
    Many,
}

/// What is known about the holders of credentials issued in one quarter hour.
#[derive(Debug, Default)]
struct SessionHolders {
    label: Option<ChainLabel>,
    originators: Option<ChainOriginators>,
}

/// Sessions by key and quarter hour, with the holders of the credentials issued then.
#[derive(Debug, Default)]
pub(super) struct ChainGraph {
    issuances: Vec<CredentialIssuance>,
    holders: HashMap<SessionKey, BTreeMap<TimeBucket, SessionHolders>>,
    /// Issuances by the session keys of their recipient.
    issuances_by_key: HashMap<SessionKey, BTreeMap<TimeBucket, Vec<usize>>>,
    /// The label of each issuance.
    labels: Vec<Option<ChainLabel>>,
    /// Session keys that a chain leads to, at any time.
    reachable: HashSet<SessionKey>,
    /// Time of the first issuance for each session key.
    first_issued: HashMap<SessionKey, Time>,
}

impl ChainGraph {
    pub(super) fn of(issuances: BTreeSet<CredentialIssuance>) -> Self {
        let mut this = Self { issuances: issuances.into_iter().collect(), ..Self::default() };
        for (at, issuance) in this.issuances.iter().enumerate() {
            if let CredentialRecipient::Unwatched(_, keys) = &issuance.recipient {
                for key in keys {
                    this.issuances_by_key
                        .entry(key.clone())
                        .or_default()
                        .entry(issuance.bucket)
                        .or_default()
                        .push(at);
                }
            }
            for key in &issuance.session_keys {
                this.holders.entry(key.clone()).or_default().entry(issuance.bucket).or_default();
                let earliest = this.first_issued.entry(key.clone()).or_insert(issuance.first_issued);
                *earliest = issuance.first_issued.min(*earliest);
            }
        }
        this.label_issuances();
        this
    }

    /// Labels the issuances to watched principals first, and then, one step at a time, those that depend on them.
    fn label_issuances(&mut self) {
        self.labels = vec![None; self.issuances.len()];
        let mut next: BTreeMap<usize, ChainLabel> = BTreeMap::new();
        for (at, issuance) in self.issuances.iter().enumerate() {
            if let CredentialRecipient::Watched(arn) = &issuance.recipient {
                next.insert(at, ChainLabel { hops: 1, originator: Arc::clone(arn), path: Vec::new() });
            }
        }
        while !next.is_empty() {
            let mut reached: BTreeSet<(SessionKey, TimeBucket)> = BTreeSet::new();
            for (at, label) in std::mem::take(&mut next) {
                let Some((issuance, own)) = self.issuances.get(at).zip(self.labels.get_mut(at)) else {
                    continue;
                };
                for key in &issuance.session_keys {
                    let by_bucket = self.holders.entry(key.clone()).or_default();
                    let holders = by_bucket.entry(issuance.bucket).or_default();
                    if holders.label.as_ref().is_none_or(|known| label < *known) {
                        holders.label = Some(label.clone());
                        self.reachable.insert(key.clone());
                        reached.insert((key.clone(), issuance.bucket));
                    }
                }
                *own = Some(label);
            }
            for (key, bucket) in reached {
                let holders = self.holders.get(&key).and_then(|by_bucket| by_bucket.get(&bucket));
                let label = holders.and_then(|holders| holders.label.as_ref());
                let Some((dependents, label)) = self.issuances_by_key.get(&key).zip(label) else { continue };
                for at in dependents.range(key.usable_during(bucket)).flat_map(|(_, issuances)| issuances) {
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

    /// Finds sessions that made calls when the evidence shows no holder of their credentials. They have an unseen
    /// holder.
    pub(super) fn add_unseen_holders(&mut self, lines: &mut dyn Iterator<Item = TallyLine<'_>>) {
        let mut uses: BTreeMap<Vec<SessionKey>, (Time, BTreeSet<TimeBucket>)> = BTreeMap::new();
        for line in lines {
            let keys = session_keys_of(line.actor);
            if self.is_reachable(&keys) {
                let (first, buckets) = uses.entry(keys).or_insert((line.first, BTreeSet::new()));
                *first = line.first.min(*first);
                buckets.extend(line.buckets.iter().map(|(bucket, _)| *bucket));
            }
        }
        let mut unseen: BTreeSet<(SessionKey, TimeBucket)> = BTreeSet::new();
        for (keys, (first, buckets)) in uses {
            let issued = keys.iter().filter_map(|key| self.first_issued.get(key)).min();
            let before = issued.is_some_and(|issued| first < *issued).then(|| TimeBucket::of(first));
            let alone = buckets.into_iter().filter(|bucket| self.holders_of(&keys, *bucket).next().is_none());
            for bucket in alone.chain(before) {
                for key in &keys {
                    match key {
                        SessionKey::Session(role, name, KnownSourceIdentity::Set(_)) => {
                            let anything =
                                SessionKey::Session(role.clone(), Arc::clone(name), KnownSourceIdentity::Any);
                            unseen.extend([(key.clone(), bucket), (anything, bucket)]);
                        }
                        SessionKey::Session(_, _, KnownSourceIdentity::Any)
                        | SessionKey::FederatedUser(_) => {
                            unseen.insert((key.clone(), bucket));
                        }
                        _ => {}
                    }
                }
            }
        }
        for (key, bucket) in unseen {
            self.add_originators(&key, bucket, &ChainOriginators::One(None));
        }
    }

    /// Determines the originators of all chains.
    pub(super) fn resolve_originators(&mut self) {
        let issuances = std::mem::take(&mut self.issuances);
        let mut waiting: BTreeSet<usize> = BTreeSet::new();
        for (at, issuance) in issuances.iter().enumerate() {
            let is_labelled = self.labels.get(at).is_some_and(Option::is_some);
            let originators = match &issuance.recipient {
                CredentialRecipient::Watched(arn) => ChainOriginators::One(Some(Arc::clone(arn))),
                CredentialRecipient::Unwatched(..) if !is_labelled => ChainOriginators::One(None),
                CredentialRecipient::Unwatched(..) => {
                    waiting.insert(at);
                    continue;
                }
            };
            for key in &issuance.session_keys {
                self.add_originators(key, issuance.bucket, &originators);
            }
        }
        while let Some(at) = waiting.pop_first() {
            let Some(CredentialIssuance {
                recipient: CredentialRecipient::Unwatched(_, keys),
                bucket,
                session_keys,
                ..
            }) = issuances.get(at)
            else {
                continue;
            };
            let Some(originators) = self.originators_of(keys, *bucket) else { continue };
            for key in session_keys {
                if self.add_originators(key, *bucket, &originators)
                    && let Some(dependents) = self.issuances_by_key.get(key)
                {
                    let dependents = dependents
                        .range(key.usable_during(*bucket))
                        .flat_map(|(_, issuances)| issuances)
                        .copied();
                    let is_labelled = |at: &usize| self.labels.get(*at).is_some_and(Option::is_some);
                    waiting.extend(dependents.filter(is_labelled));
                }
            }
        }
    }

    /// Adds originators of a session. Returns whether this changed what is known.
    fn add_originators(
        &mut self,
        key: &SessionKey,
        bucket: TimeBucket,
        originators: &ChainOriginators,
    ) -> bool {
        let by_bucket = self.holders.entry(key.clone()).or_default();
        let known = &mut by_bucket.entry(bucket).or_default().originators;
        let before = known.clone();
        *known = if key.may_have_other_holders() {
            Some(ChainOriginators::Many)
        } else {
            merge_originators(before.clone(), Some(originators))
        };
        *known != before
    }

    /// Holders of the credentials that were issued earlier and may be in use in a quarter hour.
    fn holders_of<'s>(
        &'s self,
        keys: &'s [SessionKey],
        bucket: TimeBucket,
    ) -> impl Iterator<Item = &'s SessionHolders> {
        keys.iter().flat_map(move |key| {
            let by_bucket = self.holders.get(key).into_iter();
            by_bucket.flat_map(move |by_bucket| {
                by_bucket.range(key.issued_during(bucket)).map(|(_, holders)| holders)
            })
        })
    }

    fn originators_of(&self, keys: &[SessionKey], bucket: TimeBucket) -> Option<ChainOriginators> {
        self.holders_of(keys, bucket)
            .fold(None, |originators, holders| merge_originators(originators, holders.originators.as_ref()))
    }

    /// Whether a chain leads to any of these session keys, at any time.
    pub(super) fn is_reachable(&self, keys: &[SessionKey]) -> bool {
        keys.iter().any(|key| self.reachable.contains(key))
    }

    /// The role chain of the calls that a principal with these session keys made in a quarter hour.
    pub(super) fn role_chain(
        &self,
        keys: &[SessionKey],
        bucket: TimeBucket,
        principal: &Arc<str>,
    ) -> Option<RoleChain> {
        let ChainLabel { originator, mut path, .. } =
            self.holders_of(keys, bucket).filter_map(|holders| holders.label.as_ref()).min().cloned()?;
        path.push(Arc::clone(principal));
        let is_certain =
            self.originators_of(keys, bucket) == Some(ChainOriginators::One(Some(Arc::clone(&originator))));
        Some(RoleChain { originator, path, is_certain })
    }
}

fn merge_originators(
    one: Option<ChainOriginators>,
    two: Option<&ChainOriginators>,
) -> Option<ChainOriginators> {
    match (one, two) {
        (None, originators) => originators.cloned(),
        (Some(one), Some(two)) if one != *two => Some(ChainOriginators::Many),
        (one, _) => one,
    }
}
