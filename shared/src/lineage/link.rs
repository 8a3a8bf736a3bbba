//! Credentials that were handed out.
//!
//! Enters: a tally. Leaves: [`Link`]s, each once. Law: a call across accounts, which both accounts record, is one link: the
//! record that names the caller's account only is passed over where the other one is here.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::way::{Target, Way, assumes, ways};
use crate::{
    event::{Act, Actor, Outcome},
    principal::PrincipalKind,
    tally::{Slot, Tally},
    time::Time,
};

/// To whom credentials were given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Giver {
    /// A watched principal, by its ARN.
    Watched(Arc<str>),
    /// Somebody else, by ARN, and the ways in which he may have come by his own.
    Other(Arc<str>, Vec<Way>),
}

/// Credentials that somebody was given in a quarter hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    pub giver: Giver,
    pub slot: Slot,
    pub opens: Vec<Way>,
    /// When this giver was first given such.
    pub first: Time,
}

/// Whether an act may have handed out credentials.
pub(super) fn hands_out(act: &Act) -> bool {
    act.outcome == Outcome::Succeeded && (act.assumed.is_some() || assumes(act))
}

impl Link {
    /// Every link of the evidence.
    pub(super) fn all<'a>(
        tally: &'a Tally,
        is_watched: &mut impl FnMut(&'a Actor) -> bool,
    ) -> BTreeSet<Self> {
        let giving = || tally.lines().filter(|line| hands_out(line.act));
        let is_account = |actor: &Actor| actor.principal.kind == PrincipalKind::AwsAccount;
        let mut told = HashSet::new();
        for line in giving().filter(|line| !is_account(line.actor)) {
            for target in Target::of(line.act) {
                let account = &line.actor.principal.account;
                told.extend(line.slots.iter().map(|(slot, _)| (account, target.clone(), *slot)));
            }
        }
        let mut links = BTreeSet::new();
        for line in giving() {
            let actor = line.actor;
            let arn = Arc::clone(&actor.principal.arn);
            let giver = if is_watched(actor) { Giver::Watched(arn) } else { Giver::Other(arn, ways(actor)) };
            for target in Target::of(line.act) {
                let opens = target.opens(actor.session.source_identity.as_ref());
                for (slot, _) in line.slots {
                    let other_side = (&actor.principal.account, target.clone(), *slot);
                    if !is_account(actor) || !told.contains(&other_side) {
                        let (giver, opens) = (giver.clone(), opens.clone());
                        links.insert(Self { giver, slot: *slot, opens, first: line.first });
                    }
                }
            }
        }
        links
    }
}
