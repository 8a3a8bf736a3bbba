//! Credentials that were handed out.
//!
//! Enters: a tally. Leaves: [`Link`]s, each once. Law: a call across accounts, which both accounts record, is one link: the
//! record that names the caller's account only is passed over where the other one is here.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::session_key::{CredentialTarget, SessionKey, assumes_role, session_keys_of};
use crate::{
    event::{Actor, CallKey, Outcome},
    principal::PrincipalKind,
    tally::{Tally, TimeBucket},
    time::Time,
};

/// To whom credentials were given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CredentialRecipient {
    /// A watched principal, by its ARN.
    Watched(Arc<str>),
    /// Somebody else, by ARN, and the ways in which he may have come by his own.
    Unwatched(Arc<str>, Vec<SessionKey>),
}

/// Credentials that somebody was given in a quarter hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CredentialIssuance {
    pub recipient: CredentialRecipient,
    pub bucket: TimeBucket,
    pub session_keys: Vec<SessionKey>,
    /// When this giver was first given such.
    pub first_issued: Time,
}

/// Whether an act may have handed out credentials.
pub(super) fn may_issue_credentials(act: &CallKey) -> bool {
    act.outcome == Outcome::Succeeded && (act.issued_credentials_arn.is_some() || assumes_role(act))
}

impl CredentialIssuance {
    /// Every link of the evidence.
    pub(super) fn all<'a>(
        tally: &'a Tally,
        is_watched: &mut impl FnMut(&'a Actor) -> bool,
    ) -> BTreeSet<Self> {
        let giving = || tally.lines().filter(|line| may_issue_credentials(line.call_key));
        let is_account = |actor: &Actor| actor.principal.kind == PrincipalKind::AwsAccount;
        let mut told = HashSet::new();
        for line in giving().filter(|line| !is_account(line.actor)) {
            for target in CredentialTarget::of(line.call_key) {
                let account = &line.actor.principal.account;
                told.extend(line.buckets.iter().map(|(slot, _)| (account, target.clone(), *slot)));
            }
        }
        let mut links = BTreeSet::new();
        for line in giving() {
            let actor = line.actor;
            let arn = Arc::clone(&actor.principal.arn);
            let giver = if is_watched(actor) {
                CredentialRecipient::Watched(arn)
            } else {
                CredentialRecipient::Unwatched(arn, session_keys_of(actor))
            };
            for target in CredentialTarget::of(line.call_key) {
                let opens = target.session_keys(actor.session.source_identity.as_ref());
                for (slot, _) in line.buckets {
                    let other_side = (&actor.principal.account, target.clone(), *slot);
                    if !is_account(actor) || !told.contains(&other_side) {
                        let (giver, opens) = (giver.clone(), opens.clone());
                        links.insert(Self {
                            recipient: giver,
                            bucket: *slot,
                            session_keys: opens,
                            first_issued: line.first,
                        });
                    }
                }
            }
        }
        links
    }
}
