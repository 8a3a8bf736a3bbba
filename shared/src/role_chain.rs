//! Whose doing a call is that a session made.
//!
//! Enters: the lines of a tally, and who is watched. Leaves: [`RoleChains`], which say of each line, quarter hour by quarter
//! hour, with which watched principal it began. Laws: a call is laid at a principal's door only if a chain of credentials
//! that were seen to be handed out leads there, none of them older than they last; it is certain only if no chain leads
//! anywhere else; the order of events decides nothing; work grows with the events, not with the chains there could be.
//!
//! A call made by session `S` in a quarter hour belongs to a watched principal if that one, or a session that belonged to it
//! by then, was given credentials of `S` in this quarter hour or in those before it that the credentials last. The
//! nearest watched principal on the shortest chain counts. Others who may have made the call: who else was given
//! credentials of `S` in that time; who may have been, where the record does not tell the session; and somebody unseen,
//! if `S` was at work when nobody was seen to have credentials of it.

mod chain_graph;
mod issuance;
mod session_key;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    event::{Actor, CallKey, Outcome},
    tally::{Tally, TallyLine, TimeBucket},
};

use self::{chain_graph::ChainGraph, issuance::CredentialIssuance, session_key::session_keys_of};

/// Most principals named of a chain.
const MAX_PATH_LENGTH: usize = 8;

/// How a call came to be made by another principal than it began with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleChain {
    /// ARN of the watched principal it began with.
    pub originator: Arc<str>,
    /// ARNs of what was assumed on the way, the call's own principal last; of a longer chain the first seven and the last.
    pub path: Vec<Arc<str>>,
    /// Whether nobody else can have made it: nobody else was seen to get credentials of that session.
    pub is_certain: bool,
}

/// Whether an act handed out credentials and nobody can tell what was done with them: the record does not say whose they
/// are, or `watched_only` left out what those do whom nobody watches.
pub(crate) fn is_untraceable(act: &CallKey, watched_only: bool) -> bool {
    act.outcome == Outcome::Succeeded
        && session_key::issues_credentials(act)
        && (watched_only || session_key::CredentialTarget::of(act).is_empty())
}

/// The lineage of every line that has one.
#[derive(Debug, Default)]
pub(crate) struct RoleChains(Option<ChainGraph>);

impl RoleChains {
    /// What the evidence says of who was given whose credentials.
    pub(crate) fn of<'a>(tally: &'a Tally, mut is_watched: impl FnMut(&'a Actor) -> bool) -> Self {
        if !tally.lines().any(|line| issuance::may_issue_credentials(line.call_key) && is_watched(line.actor))
        {
            return Self::default();
        }
        let links = CredentialIssuance::all(tally, &mut is_watched);
        let mut spread = ChainGraph::of(links);
        spread.add_unseen_holders(&mut tally.lines());
        spread.resolve_originators();
        Self(Some(spread))
    }

    /// The quarter hours of a line by lineage; nothing for a line without.
    pub(crate) fn of_line(&self, line: &TallyLine<'_>) -> BTreeMap<Option<Arc<RoleChain>>, Vec<TimeBucket>> {
        let mut parts: BTreeMap<Option<Arc<RoleChain>>, Vec<TimeBucket>> = BTreeMap::new();
        let Some(spread) = &self.0 else { return parts };
        let ways = session_keys_of(line.actor);
        if !spread.is_reachable(&ways) {
            return parts;
        }
        for (slot, _) in line.buckets {
            let lineage = spread.role_chain(&ways, *slot, &line.actor.principal.arn);
            parts.entry(lineage.map(Arc::new)).or_default().push(*slot);
        }
        if parts.keys().all(Option::is_none) {
            parts.clear();
        }
        parts
    }
}
