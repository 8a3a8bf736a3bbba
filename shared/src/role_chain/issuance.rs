//! Issued credentials.
//!
//! Enters: the lines of tallies. Leaves: [`CredentialIssuance`]s, each once. Law: a cross-account call, which both accounts
//! record, is one issuance: the record that names only the account of the caller is skipped when the other record is
//! present.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use super::session_key::{CredentialTarget, SessionKey, session_keys_of};
use crate::{
    event::Actor,
    principal::PrincipalKind,
    tally::{TallyLine, TimeBucket},
    time::Time,
};

/// The principal that was issued credentials.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CredentialRecipient {
    /// A watched principal, by its ARN.
    Watched(Arc<str>),
    /// An unwatched principal, by its ARN, with the keys of its own session.
    Unwatched(Arc<str>, Vec<SessionKey>),
}

/// Credentials that a principal was issued in a quarter hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CredentialIssuance {
    pub recipient: CredentialRecipient,
    pub bucket: TimeBucket,
    pub session_keys: Vec<SessionKey>,
    /// When the recipient was first issued credentials of the session.
    pub first_issued: Time,
}

impl CredentialIssuance {
    /// Every issuance in the evidence.
    pub(super) fn all<'a, L: Iterator<Item = TallyLine<'a>>>(
        lines: impl Fn() -> L,
        is_watched: &mut impl FnMut(&'a Actor) -> bool,
    ) -> BTreeSet<Self> {
        let issuing = || lines().filter(|line| line.call_key.may_issue_credentials());
        let is_account = |actor: &Actor| actor.principal.kind == PrincipalKind::AwsAccount;
        let mut recorded = HashSet::new();
        for line in issuing().filter(|line| !is_account(line.actor)) {
            for target in CredentialTarget::of(line.call_key) {
                let account = &line.actor.principal.account;
                recorded.extend(line.buckets.iter().map(|(bucket, _)| (account, target.clone(), *bucket)));
            }
        }
        let mut issuances = BTreeSet::new();
        for line in issuing() {
            let actor = line.actor;
            let arn = Arc::clone(&actor.principal.arn);
            let recipient = if is_watched(actor) {
                CredentialRecipient::Watched(arn)
            } else {
                CredentialRecipient::Unwatched(arn, session_keys_of(actor))
            };
            for target in CredentialTarget::of(line.call_key) {
                let session_keys = target.session_keys(actor.session.source_identity.as_ref());
                for (bucket, _) in line.buckets {
                    let other_side = (&actor.principal.account, target.clone(), *bucket);
                    if !is_account(actor) || !recorded.contains(&other_side) {
                        let (recipient, session_keys) = (recipient.clone(), session_keys.clone());
                        issuances.insert(Self {
                            recipient,
                            bucket: *bucket,
                            session_keys,
                            first_issued: line.first,
                        });
                    }
                }
            }
        }
        issuances
    }
}
