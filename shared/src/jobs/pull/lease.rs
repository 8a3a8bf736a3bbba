//! Who may ask CloudTrail about a lane.
//!
//! Enters: the item `LANE#account#region / LEASE`. Leaves: a [`Lease`], or who holds it. Laws: of several that try, one
//! gets it; it is taken over only when it has expired; whoever lost it cannot release another one's.

use serde::{Deserialize, Serialize};

use super::checkpoint::partition;
use crate::{
    jobs::history::Lane,
    ports::{Clock, Expected, Item, PortError, Table},
    time::{HOUR, Time},
};

const SORT: &str = "LEASE";

/// Seconds a lease outlives the time its holder has, so that its last write is over and clocks may differ.
const SLACK: u32 = 60;

/// Longest lease, in seconds without the slack. One that ends later than this from now was written by a clock that was wrong.
pub(super) const LONGEST: u32 = HOUR;

/// What the item says.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    /// Run that holds it; nobody, when empty.
    holder: String,
    /// When it ends by itself.
    until: Time,
    /// When it was last given back.
    released: Option<Time>,
}

/// The right to ask.
pub(super) struct Lease {
    item: Item,
    held: Held,
    /// Whether somebody else may have asked within the last second.
    pub(super) fresh: bool,
}

/// What became of trying.
pub(super) enum Taken {
    Ours(Lease),
    Theirs { holder: String, until: Time },
}

/// Tries to take the lease of a lane, for as long as this run has and a little longer.
pub(super) fn take(table: &dyn Table, clock: &dyn Clock, lane: &Lane, run: &str) -> Result<Taken, PortError> {
    let partition = partition(lane);
    let found = table.query(&partition, SORT)?.into_iter().find(|item| item.sort == SORT);
    let revision = found.as_ref().map_or(0, |item| item.revision);
    let now = clock.now();
    // What cannot be read holds nothing: the checkpoint keeps two holders apart all the same.
    let before = found.and_then(|item| serde_json::from_value::<Held>(item.body).ok());
    let live = |held: &Held| {
        let plausible = held.until.since(now) <= LONGEST + SLACK;
        !held.holder.is_empty() && now < held.until && plausible
    };
    if let Some(Held { holder, until, .. }) = before.clone().filter(live) {
        return Ok(Taken::Theirs { holder, until });
    }
    let left = u32::try_from(clock.remaining().as_secs()).unwrap_or(LONGEST).min(LONGEST);
    let until = Time(now.0.saturating_add(left).saturating_add(SLACK));
    let held = Held { holder: run.to_owned(), until, released: None };
    let item = item(partition, revision, &held);
    if !table.put(&item, Expected::Same)? {
        return Ok(Taken::Theirs { holder: "another run".to_owned(), until: now });
    }
    let fresh = before.and_then(|held| held.released).is_some_and(|released| now.since(released) < 2);
    Ok(Taken::Ours(Lease { item: Item { revision: revision.saturating_add(1), ..item }, held, fresh }))
}

impl Lease {
    /// Gives it back, unless somebody else has taken it over.
    pub(super) fn release(self, table: &dyn Table, clock: &dyn Clock) -> Result<(), PortError> {
        let held = Held { holder: String::new(), released: Some(clock.now()), ..self.held };
        table.put(&item(self.item.partition, self.item.revision, &held), Expected::Same).map(|_| ())
    }
}

fn item(partition: String, revision: u64, held: &Held) -> Item {
    let body = serde_json::json!({
        "holder": held.holder,
        "until": held.until,
        "released": held.released,
    });
    Item { partition, sort: SORT.to_owned(), revision, expires: None, body }
}
