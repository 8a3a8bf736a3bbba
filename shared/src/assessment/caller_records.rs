//! The two records of a call from another account.
//!
//! Enters: the tally and the watches. Leaves: of a unique id, whether a record names a watched principal under it; of a
//! call that another account recorded, whether the account of its caller recorded it too. Laws: a record of the other
//! account never stands for one of the caller's account; if there are fewer of these, or they are about other resources, the caller's account does
//! not show the call.
//!
//! CloudTrail sends one event to each of the two accounts, with one `sharedEventID`, time and Region. AWS CloudTrail
//! User Guide, "sharedEventID example", read 2026-11.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{ClassifiedCall, may_be_same};
use crate::{
    event::{Actor, CallKey, Outcome},
    principal::{Principal, PrincipalKind},
    tally::{Tally, TimeBucket},
};

/// What the two records of a call have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct SharedContent<'a> {
    unique_id: &'a str,
    region: &'a str,
    source: &'a str,
    name: &'a str,
    outcome: Outcome,
    bucket: TimeBucket,
}

impl<'a> SharedContent<'a> {
    fn of(unique_id: &'a str, actor: &'a Actor, call_key: &'a CallKey, bucket: TimeBucket) -> Self {
        let CallKey { source, name, outcome, .. } = call_key;
        Self { unique_id, region: &actor.region, source, name, outcome: *outcome, bucket }
    }
}

type CountsByResources<'a> = HashMap<&'a [Arc<str>], u64>;

/// Records of the principals that other accounts recorded by their unique id alone.
#[derive(Clone, Debug, Default)]
pub(super) struct CallerRecords<'a> {
    /// For each unique id under which a record names a principal, whether one of these is watched.
    watched: HashMap<&'a str, bool>,
    /// Number of events in the caller's own account, by their resources.
    own: HashMap<SharedContent<'a>, CountsByResources<'a>>,
    /// Number of events in each other account, by their resources.
    elsewhere: HashMap<(&'a str, SharedContent<'a>), CountsByResources<'a>>,
}

/// The unique id, if the record names only an account, which is not the one that recorded it, and that id.
fn id_alone(actor: &Actor) -> Option<&str> {
    let Principal { kind, account, .. } = &actor.principal;
    let is_other = *kind == PrincipalKind::AwsAccount && *account != actor.account;
    actor.session.unique_id.as_deref().filter(|_| is_other)
}

impl<'a> CallerRecords<'a> {
    pub(super) fn of(
        tally: &'a Tally,
        lead_in: &'a Tally,
        mut is_watched: impl FnMut(&'a Actor) -> bool,
    ) -> Self {
        let ids: HashSet<&str> = tally.lines().filter_map(|line| id_alone(line.actor)).collect();
        let mut this = Self::default();
        if ids.is_empty() {
            return this;
        }
        for (line, is_lead_in) in
            tally.lines().map(|line| (line, false)).chain(lead_in.lines().map(|line| (line, true)))
        {
            let (actor, call_key) = (line.actor, line.call_key);
            let Some(id) = actor.session.unique_id.as_deref().filter(|id| ids.contains(id)) else { continue };
            let of_bucket = |bucket| SharedContent::of(id, actor, call_key, bucket);
            if id_alone(actor).is_none() {
                *this.watched.entry(id).or_default() |= is_watched(actor);
            }
            for (bucket, count) in line.buckets.iter().filter(|_| !is_lead_in) {
                let count = u64::from(*count);
                let counts = if id_alone(actor).is_some() {
                    this.elsewhere.entry((&actor.account, of_bucket(*bucket))).or_default()
                } else if actor.account == actor.principal.account {
                    this.own.entry(of_bucket(*bucket)).or_default()
                } else {
                    continue;
                };
                *counts.entry(&*call_key.resources).or_default() += count;
            }
        }
        this
    }

    /// Whether a record names a watched principal under a unique id; `None` if no record names one.
    pub(super) fn is_watched(&self, unique_id: &str) -> Option<bool> {
        self.watched.get(unique_id).copied()
    }

    /// Whether the account of the caller recorded these calls too.
    pub(super) fn show(&self, call: &ClassifiedCall<'_>) -> bool {
        let (actor, call_key) = (call.line.actor, call.line.call_key);
        let Some(id) = id_alone(actor) else { return false };
        call.buckets().iter().all(|(bucket, _)| {
            let content = SharedContent::of(id, actor, call_key, *bucket);
            let resources = &*call_key.resources;
            let Some(own) = self.own.get(&content) else { return false };
            let Some(elsewhere) = self.elsewhere.get(&(&*actor.account, content)) else { return false };
            let alike =
                own.iter().filter(|(others, _)| may_be_same(others, resources)).map(|(_, count)| count);
            let is_enough = alike.sum::<u64>() >= elsewhere.get(resources).copied().unwrap_or_default();
            is_enough && own.values().sum::<u64>() >= elsewhere.values().sum()
        })
    }
}
