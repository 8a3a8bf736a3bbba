//! CloudTrail's event history to evidence, run by run.
//!
//! Enters: lanes, [`Trail`], [`Clock`], the [`House`] of the evidence. Leaves: kept slices, and [`Pulled`], the
//! account of each lane. Laws: every event that arrived within the lag is in the evidence, whatever was in the way and
//! however often a run began or died; what arrives within a day follows; a lane has one holder at a time; what fails in
//! one lane keeps no other one back.
//!
//! ```text
//! LANE#account#region | CHECKPOINT     how far the lane has come
//!                     | LEASE          who is at it
//!                     | SLICE#start    what a closed slice held, until a week after its second look
//! ```

mod again;
mod checkpoint;
mod lease;
mod turn;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::checkpoint::Checkpoint;
use self::turn::Turn;
use super::{
    evidence::{EvidenceError, House},
    history::{Effort, Lane},
};
use crate::{
    config::Config,
    ports::{Clock, PortError, Trail},
    time::Time,
};

/// Time a run leaves: enough to keep a slice and give the lease back when calls are slow.
pub const MARGIN: Duration = Duration::from_secs(15);

/// Shortest turn of a lane that others wait behind.
const TURN: Duration = Duration::from_secs(10);

/// What the job needs of the world.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// CloudTrail.
    pub trail: &'a dyn Trail,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Where evidence is kept; checkpoints and leases lie in its table.
    pub house: &'a House<'a>,
}

/// What the job is told.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Lanes to pull.
    pub lanes: &'a [Lane],
    /// Id of the run, its own.
    pub run: &'a str,
    /// Lanes pulled at the same time; at least one.
    pub threads: usize,
}

/// What became of a lane in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pulled {
    /// Twelve-digit account id.
    pub account: String,
    /// Region name.
    pub region: String,
    /// Slices closed.
    pub slices: u64,
    /// Pages read.
    pub pages: u64,
    /// Events in the closed slices, each once.
    pub events: u64,
    /// Records in them that could not be read.
    pub unreadable: u64,
    /// Events in them that were left out because nobody watches their principal.
    pub dropped: u64,
    /// Requests refused for their number.
    pub throttled: u64,
    /// Slices begun again because a token was refused.
    pub restarts: u64,
    /// Slices that were too busy to be looked up as one.
    pub splits: u64,
    /// Second looks.
    pub again: u64,
    /// Second looks that showed something new.
    pub changed: u64,
    /// Everything before is closed. Absent when it is not known.
    pub closed_until: Option<Time>,
    /// Everything before was looked up a second time where that was due. Absent when it is not known.
    pub again_until: Option<Time>,
    /// Seconds that could be closed and are not. Absent when it is not known.
    pub behind: Option<u32>,
    /// Which run holds the lane, and until when: it was left to that one.
    pub left_to: Option<String>,
    /// Why the lane was not pulled any further. Not set when only time was up.
    pub error: Option<String>,
}

impl Pulled {
    fn of(lane: &Lane) -> Self {
        Self { account: lane.account.to_string(), region: lane.region.to_string(), ..Self::default() }
    }

    fn add(&mut self, effort: Effort) {
        self.pages += effort.pages;
        self.throttled += effort.throttled;
        self.restarts += effort.restarts;
        self.splits += effort.splits;
    }
}

/// Why a lane is not pulled any further.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// CloudTrail or the table.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Evidence cannot be kept.
    #[error("cannot keep the evidence: {0}")]
    Keep(#[from] EvidenceError),
    /// Its checkpoint is no longer the one that was read.
    #[error("another run has moved the checkpoint")]
    Overtaken,
}

/// Pulls lanes until all is done or time is up, and gives the account of each, in the order of the lanes. Each lane gets
/// its share of the time, and what others leave of theirs; which one is first changes from minute to minute.
pub fn pull(ports: Ports<'_>, order: Order<'_>) -> Vec<Pulled> {
    let now = ports.clock.now();
    let mut accounts: Vec<Pulled> = order.lanes.iter().map(Pulled::of).collect();
    let mut waiting: VecDeque<_> = order.lanes.iter().zip(&mut accounts).collect();
    let open = waiting.len();
    waiting.rotate_left((now.0 / 60) as usize % open.max(1));
    let threads = order.threads.clamp(1, open.max(1));
    let queue = Mutex::new(Queue { waiting, open });
    let work = || {
        // Not in the head of the loop, where the lock would be held through its body.
        let next = || lock(&queue).next();
        while let Some((lane, pulled, open)) = next() {
            let left = ports.clock.remaining();
            let spare = left.saturating_sub(share(left, open, threads)).max(MARGIN);
            let more = left > spare && Turn { ports, order, lane, now, spare, pulled: &mut *pulled }.take();
            let mut queue = lock(&queue);
            // A lane that had all the time there was needs no second turn in what it could not use.
            if more && spare > MARGIN && ports.clock.remaining() > MARGIN + TURN {
                queue.waiting.push_back((lane, pulled));
            } else {
                queue.open -= 1;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    accounts
}

/// Lanes that wait for their turn.
struct Queue<'q> {
    waiting: VecDeque<(&'q Lane, &'q mut Pulled)>,
    /// Lanes that are not done, waiting or not.
    open: usize,
}

impl<'q> Queue<'q> {
    fn next(&mut self) -> Option<(&'q Lane, &'q mut Pulled, usize)> {
        let (lane, pulled) = self.waiting.pop_front()?;
        Some((lane, pulled, self.open))
    }
}

fn lock<'l, 'q>(queue: &'l Mutex<Queue<'q>>) -> MutexGuard<'l, Queue<'q>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a turn may take when so many lanes are open: no longer than a lease lasts.
fn share(left: Duration, open: usize, threads: usize) -> Duration {
    let whole = left.saturating_sub(MARGIN).saturating_mul(u32::try_from(threads).unwrap_or(u32::MAX));
    let each = whole / u32::try_from(open).unwrap_or(u32::MAX).max(1);
    each.clamp(TURN, Duration::from_secs(lease::LONGEST.into()))
}
