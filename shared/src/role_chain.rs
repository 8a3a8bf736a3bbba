//! Role chains: the watched principal that a call made by a session began with.
//!
//! Enters: the lines of a tally, and which actors are watched. Leaves: [`RoleChains`], which give the originator of
//! each line for each quarter hour. Laws: a call is attributed to a principal only if a chain of issued credentials
//! in the evidence leads from that principal to the session, and none of the credentials had expired; the attribution
//! is certain only if no chain leads to another principal; the order of events does not matter; the work grows with
//! the number of events, not with the number of possible chains.
//!
//! A call that session `S` made in a quarter hour is attributed to a watched principal if credentials of `S` that
//! were still valid were issued to this principal, or to a session attributed to it at that time. Of several chains
//! the shortest counts, and on it the nearest watched principal. Three kinds of principals may have made the call
//! instead: another principal that was issued credentials of `S` in that time; a principal that may have been issued
//! them, when the record does not name the session; and an unseen principal, when `S` made calls at a time for which
//! the evidence shows no issued credentials of `S`.

mod chain_graph;
mod issuance;
mod session_key;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    event::{Actor, CallKey, Outcome},
    tally::{Tally, TallyLine, TimeBucket},
};

use self::{chain_graph::ChainGraph, issuance::CredentialIssuance, session_key::session_keys_of};

/// Maximum number of principals in the path of a chain.
const MAX_PATH_LENGTH: usize = 8;

/// The chain from a watched principal to the principal that made a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleChain {
    /// ARN of the watched principal that the chain began with.
    pub originator: Arc<str>,
    /// ARNs of the principals assumed on the way, the caller last; of a longer chain the first seven and the last.
    pub path: Vec<Arc<str>>,
    /// Whether no other principal can have made the call: the evidence shows no other holder of the session's
    /// credentials.
    pub is_certain: bool,
}

/// Whether a call issued credentials that cannot be traced: the record does not say for which session or user, or
/// `watched_only` left the calls of unwatched principals out of the evidence.
pub(crate) fn is_untraceable(call_key: &CallKey, watched_only: bool) -> bool {
    call_key.outcome == Outcome::Succeeded
        && session_key::issues_credentials(call_key)
        && (watched_only || session_key::CredentialTarget::of(call_key).is_empty())
}

/// Whether a call issued credentials into an account for which `is_seen` does not hold: calls made with them are not in
/// the evidence.
pub(crate) fn issues_into_unseen_account(call_key: &CallKey, is_seen: impl Fn(&str) -> bool) -> bool {
    call_key.outcome == Outcome::Succeeded
        && session_key::issues_credentials(call_key)
        && session_key::CredentialTarget::of(call_key).iter().any(|target| !is_seen(target.account()))
}

/// The accounts of the credentials that a call issued.
pub(crate) fn accounts_of_issued_credentials(call_key: &CallKey) -> BTreeSet<Arc<str>> {
    if call_key.outcome != Outcome::Succeeded || !session_key::issues_credentials(call_key) {
        return BTreeSet::new();
    }
    session_key::CredentialTarget::of(call_key).iter().map(|target| target.account().into()).collect()
}

/// Whether a call issued credentials of another session or user.
pub(crate) fn issues_credentials(call_key: &CallKey) -> bool {
    call_key.outcome == Outcome::Succeeded && session_key::issues_credentials(call_key)
}

/// The role chain of every line that has one.
#[derive(Debug, Default)]
pub(crate) struct RoleChains(Option<ChainGraph>);

impl RoleChains {
    /// The role chains in the evidence: the lead-in and the tally.
    pub(crate) fn of<'a>(tallies: [&'a Tally; 2], mut is_watched: impl FnMut(&'a Actor) -> bool) -> Self {
        let lines = || tallies.into_iter().flat_map(Tally::lines);
        if !lines().any(|line| line.call_key.may_issue_credentials() && is_watched(line.actor)) {
            return Self::default();
        }
        let issuances = CredentialIssuance::all(lines, &mut is_watched);
        let mut graph = ChainGraph::of(issuances);
        graph.add_unseen_holders(&mut lines());
        graph.resolve_originators();
        Self(Some(graph))
    }

    /// The quarter hours of a line by role chain; empty for a line without a role chain.
    pub(crate) fn of_line(&self, line: &TallyLine<'_>) -> BTreeMap<Option<Arc<RoleChain>>, Vec<TimeBucket>> {
        let mut parts: BTreeMap<Option<Arc<RoleChain>>, Vec<TimeBucket>> = BTreeMap::new();
        let Some(graph) = &self.0 else { return parts };
        let session_keys = session_keys_of(line.actor);
        if !graph.is_reachable(&session_keys) {
            return parts;
        }
        for (bucket, _) in line.buckets {
            let role_chain = graph.role_chain(&session_keys, *bucket, &line.actor.principal.arn);
            parts.entry(role_chain.map(Arc::new)).or_default().push(*bucket);
        }
        if parts.keys().all(Option::is_none) {
            parts.clear();
        }
        parts
    }
}
