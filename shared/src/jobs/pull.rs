//! CloudTrail's event history to evidence, run by run.
//!
//! Enters: lanes, [`Trail`], [`Clock`], the [`EvidenceStore`] of the evidence. Leaves: kept slices, and [`PullOutcome`], the
//! account of each lane. Laws: every event that arrived within the lag is in the evidence, whatever was in the way and
//! however often a run began or died; what arrives within a day follows; a lane has one holder at a time; what fails in
//! one lane keeps no other one back.
//!
//! ```text
//! ACCOUNT_REGION#account#region | CHECKPOINT     how far the lane has come
//!                     | LEASE          who is at it
//!                     | SLICE#start    what a closed slice held, until a week after its second look
//! ```

mod checkpoint;
mod lease;
mod second_lookup;
mod turn;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::checkpoint::Checkpoint;
use self::turn::PullTurn;
use super::{
    evidence::{EvidenceError, EvidenceStore},
    history::{AccountRegion, LookupStatistics},
};
use crate::{
    config::Config,
    ports::{Clock, CloudTrailApi, PortError},
    time::Time,
};

/// Time a run leaves: enough to keep a slice and give the lease back when calls are slow.
pub const MARGIN: Duration = Duration::from_secs(15);

/// Shortest turn of a lane that others wait behind.
const MIN_TURN: Duration = Duration::from_secs(10);

/// What the job needs of the world.
#[derive(Clone, Copy)]
pub struct PullPorts<'a> {
    /// CloudTrail.
    pub cloudtrail: &'a dyn CloudTrailApi,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Where evidence is kept; checkpoints and leases lie in its table.
    pub evidence: &'a EvidenceStore<'a>,
}

/// What the job is told.
#[derive(Clone, Copy)]
pub struct PullTask<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Lanes to pull.
    pub account_regions: &'a [AccountRegion],
    /// Id of the run, its own.
    pub run_id: &'a str,
    /// Lanes pulled at the same time; at least one.
    pub threads: usize,
}

/// What became of a lane in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullOutcome {
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
    pub second_lookups: u64,
    /// Second looks that showed something new.
    pub second_lookups_changed: u64,
    /// Everything before is closed. Absent when it is not known.
    pub complete_until: Option<Time>,
    /// Everything before was looked up a second time where that was due. Absent when it is not known.
    pub second_lookup_until: Option<Time>,
    /// Seconds that could be closed and are not. Absent when it is not known.
    pub lag_seconds: Option<u32>,
    /// Which run holds the lane, and until when: it was left to that one.
    pub leased_by: Option<String>,
    /// Why the lane was not pulled any further. Not set when only time was up.
    pub error: Option<String>,
}

impl PullOutcome {
    fn new(lane: &AccountRegion) -> Self {
        Self { account: lane.account.to_string(), region: lane.region.to_string(), ..Self::default() }
    }

    fn add(&mut self, effort: LookupStatistics) {
        self.pages += effort.pages;
        self.throttled += effort.throttled;
        self.restarts += effort.restarts;
        self.splits += effort.splits;
    }
}

/// Why a lane is not pulled any further.
#[derive(Debug, thiserror::Error)]
enum PullError {
    /// CloudTrail or the table.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Evidence cannot be kept.
    #[error("cannot keep the evidence: {0}")]
    Evidence(#[from] EvidenceError),
    /// Its checkpoint is no longer the one that was read.
    #[error("another run has moved the checkpoint")]
    CheckpointMoved,
}

/// Pulls lanes until all is done or time is up, and gives the account of each, in the order of the lanes. Each lane gets
/// its share of the time, and what others leave of theirs; which one is first changes from minute to minute.
pub fn pull(ports: PullPorts<'_>, order: PullTask<'_>) -> Vec<PullOutcome> {
    let now = ports.clock.now();
    let mut accounts: Vec<PullOutcome> = order.account_regions.iter().map(PullOutcome::new).collect();
    let mut waiting: VecDeque<_> = order.account_regions.iter().zip(&mut accounts).collect();
    let open = waiting.len();
    waiting.rotate_left((now.0 / 60) as usize % open.max(1));
    let threads = order.threads.clamp(1, open.max(1));
    let queue = Mutex::new(PullQueue { waiting, unfinished: open });
    let work = || {
        // Not in the head of the loop, where the lock would be held through its body.
        let next = || lock(&queue).next();
        while let Some((lane, pulled, open)) = next() {
            let left = ports.clock.remaining();
            let spare = left.saturating_sub(turn_length(left, open, threads)).max(MARGIN);
            let more = left > spare
                && PullTurn {
                    ports,
                    task: order,
                    account_region: lane,
                    now,
                    reserved: spare,
                    outcome: &mut *pulled,
                }
                .run();
            let mut queue = lock(&queue);
            // A lane that had all the time there was needs no second turn in what it could not use.
            if more && spare > MARGIN && ports.clock.remaining() > MARGIN + MIN_TURN {
                queue.waiting.push_back((lane, pulled));
            } else {
                queue.unfinished -= 1;
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
struct PullQueue<'q> {
    waiting: VecDeque<(&'q AccountRegion, &'q mut PullOutcome)>,
    /// Lanes that are not done, waiting or not.
    unfinished: usize,
}

impl<'q> PullQueue<'q> {
    fn next(&mut self) -> Option<(&'q AccountRegion, &'q mut PullOutcome, usize)> {
        let (lane, pulled) = self.waiting.pop_front()?;
        Some((lane, pulled, self.unfinished))
    }
}

fn lock<'l, 'q>(queue: &'l Mutex<PullQueue<'q>>) -> MutexGuard<'l, PullQueue<'q>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a turn may take when so many lanes are open: no longer than a lease lasts.
fn turn_length(left: Duration, open: usize, threads: usize) -> Duration {
    let whole = left.saturating_sub(MARGIN).saturating_mul(u32::try_from(threads).unwrap_or(u32::MAX));
    let each = whole / u32::try_from(open).unwrap_or(u32::MAX).max(1);
    each.clamp(MIN_TURN, Duration::from_secs(lease::MAX_LEASE_SECONDS.into()))
}
