//! The lease of an account and region: which run may send requests to CloudTrail for it.
//!
//! Enters: the item `ACCOUNT_REGION#account#region / LEASE`. Leaves: a [`Lease`], or the run that holds it. Laws: if
//! several runs try, one acquires it; another run takes it over only after it has expired; a run that has lost its
//! lease cannot release the lease of another run.

use serde::{Deserialize, Serialize};

use super::checkpoint::partition;
use crate::{
    jobs::history::AccountRegion,
    ports::{Clock, PortError, Table, TableItem, WriteCondition},
    time::{HOUR_SECONDS, Time},
};

const SORT_KEY: &str = "LEASE";

/// Number of seconds a lease outlasts the time of its holder, so that the last write is done and clocks may
/// differ.
const SLACK_SECONDS: u32 = 60;

/// Longest lease in seconds, without the slack. A lease that ends later was written with a wrong clock and is
/// ignored.
pub(super) const MAX_LEASE_SECONDS: u32 = HOUR_SECONDS;

/// The body of the item.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LeaseBody {
    /// Id of the run that holds the lease; empty when released.
    holder: String,
    /// Time at which the lease expires unless it is renewed or released.
    until: Time,
    /// When the lease was last released; `None` if never.
    released_at: Option<Time>,
}

/// An acquired lease.
pub(super) struct Lease {
    item: TableItem,
    body: LeaseBody,
    /// Whether another run may have sent a request within the last second.
    pub(super) was_just_released: bool,
}

/// The outcome of trying to acquire a lease.
pub(super) enum LeaseAttempt {
    Acquired(Lease),
    HeldByOther { holder: String, until: Time },
}

/// Tries to acquire the lease of an account and region for the remaining time of this run plus the slack.
pub(super) fn acquire(
    table: &dyn Table,
    clock: &dyn Clock,
    account_region: &AccountRegion,
    run: &str,
) -> Result<LeaseAttempt, PortError> {
    let partition = partition(account_region);
    let found = table.query(&partition, SORT_KEY)?.into_iter().find(|item| item.sort_key == SORT_KEY);
    let revision = found.as_ref().map_or(0, |item| item.revision);
    let now = clock.now();
    // A lease that cannot be decoded counts as free: the checkpoint still prevents that two runs move it.
    let before = found.and_then(|item| serde_json::from_value::<LeaseBody>(item.body).ok());
    let live = |held: &LeaseBody| {
        let plausible = held.until.since(now) <= MAX_LEASE_SECONDS + SLACK_SECONDS;
        !held.holder.is_empty() && now < held.until && plausible
    };
    if let Some(LeaseBody { holder, until, .. }) = before.clone().filter(live) {
        return Ok(LeaseAttempt::HeldByOther { holder, until });
    }
    let left = u32::try_from(clock.remaining().as_secs()).unwrap_or(MAX_LEASE_SECONDS).min(MAX_LEASE_SECONDS);
    let until = Time(now.0.saturating_add(left).saturating_add(SLACK_SECONDS));
    let held = LeaseBody { holder: run.to_owned(), until, released_at: None };
    let item = item(partition, revision, &held);
    if !table.put(&item, WriteCondition::Unchanged)? {
        return Ok(LeaseAttempt::HeldByOther { holder: "another run".to_owned(), until: now });
    }
    let fresh = before.and_then(|held| held.released_at).is_some_and(|released| now.since(released) < 2);
    Ok(LeaseAttempt::Acquired(Lease {
        item: TableItem { revision: revision.saturating_add(1), ..item },
        body: held,
        was_just_released: fresh,
    }))
}

impl Lease {
    /// Releases the lease, unless another run has taken it over.
    pub(super) fn release(self, table: &dyn Table, clock: &dyn Clock) -> Result<(), PortError> {
        let held = LeaseBody { holder: String::new(), released_at: Some(clock.now()), ..self.body };
        table
            .put(&item(self.item.partition_key, self.item.revision, &held), WriteCondition::Unchanged)
            .map(|_| ())
    }
}

fn item(partition: String, revision: u64, held: &LeaseBody) -> TableItem {
    let body = serde_json::json!({
        "holder": held.holder,
        "until": held.until,
        "released_at": held.released_at,
    });
    TableItem { partition_key: partition, sort_key: SORT_KEY.to_owned(), revision, expires_at: None, body }
}
