//! What principals may do, as AWS says today.
//!
//! Enters: who is asked about, the policies of accounts, probes and IAM's simulator. Leaves: [`Permissions`] of each
//! principal, and snapshots of their policies that are kept. Laws: of a principal whose policies could not be read nothing
//! is claimed, and the run fails once the others are done; what changes in a principal's policies is a new snapshot, and
//! the one before it stays; killed at any point and tried again, a run leaves what it would have left.

mod examine;
mod keep;
mod opinion;
mod patience;
mod read;
mod told;
mod verdict;
mod whom;

pub use self::{
    examine::{Archive, Examined, Kept, Latest, Unread, examine, latest},
    keep::{Noted, PoliciesError, policies},
    opinion::representative,
    read::{Absent, Failed, Look, Unjudged, look},
    verdict::{Told, tell},
};
use crate::{
    catalog::Catalog,
    config::Config,
    ports::{Authorizations, Clock, Organization, Prober},
    report::Caller,
};

/// Who is asked.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// Policies, and the simulator.
    pub authorizations: &'a dyn Authorizations,
    /// Policies of the organization.
    pub organization: &'a dyn Organization,
    /// Reads that are tried out.
    pub prober: &'a dyn Prober,
    /// Time.
    pub clock: &'a dyn Clock,
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// Who we are.
    pub caller: &'a Caller,
    /// ARNs or patterns of users, roles and roots; empty for everybody who is watched.
    pub asked: &'a [String],
}
