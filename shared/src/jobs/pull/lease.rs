//! Who may ask CloudTrail about a lane.
//!
//! Enters: the item `ACCOUNT_REGION#account#region / LEASE`. Leaves: a [`Lease`], or who holds it. Laws: of several that try, one
//! gets it; it is taken over only when it has expired; whoever lost it cannot release another one's.

use serde::{Deserialize, Serialize};

use super::checkpoint::partition;
use crate::{
    jobs::history::AccountRegion,
    ports::{Clock, PortError, Table, TableItem, WriteCondition},
    time::{HOUR_SECONDS, Time},
};

const SORT_KEY: &str = "LEASE";

/// Seconds a lease outlives the time its holder has, so that its last write is over and clocks may differ.
const SLACK_SECONDS: u32 = 60;

/// Longest lease, in seconds without the slack. One that ends later than this from now was written by a clock that was wrong.
pub(super) const MAX_LEASE_SECONDS: u32 = HOUR_SECONDS;

/// What the item says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LeaseBody {
    /// Run that holds it; nobody, when empty.
    holder: String,
    /// When it ends by itself.
    until: Time,
    /// When it was last given back.
    released_at: Option<Time>,
}

/// The right to ask.
pub(super) struct Lease {
    item: TableItem,
    body: LeaseBody,
    /// Whether somebody else may have asked within the last second.
    pub(super) was_just_released: bool,
}

/// What became of trying.
pub(super) enum LeaseAttempt {
    Acquired(Lease),
    HeldByOther { holder: String, until: Time },
}

/// Tries to take the lease of a lane, for as long as this run has and a little longer.
pub(super) fn acquire(
    table: &dyn Table,
    clock: &dyn Clock,
    lane: &AccountRegion,
    run: &str,
) -> Result<LeaseAttempt, PortError> {
    let partition = partition(lane);
    let found = table.query(&partition, SORT_KEY)?.into_iter().find(|item| item.sort_key == SORT_KEY);
    let revision = found.as_ref().map_or(0, |item| item.revision);
    let now = clock.now();
    // What cannot be read holds nothing: the checkpoint keeps two holders apart all the same.
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
    /// Gives it back, unless somebody else has taken it over.
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
        "released": held.released_at,
    });
    TableItem { partition_key: partition, sort_key: SORT_KEY.to_owned(), revision, expires_at: None, body }
}
