//! CloudTrail's event history to evidence, run by run.
//!
//! Enters: lanes, [`Trail`], [`Table`], [`Clock`], and a way to keep evidence. Leaves: kept slices, and [`Pulled`], the
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
    error::Error,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::checkpoint::Checkpoint;
use self::turn::Turn;
use super::history::{Effort, Lane, Slice};
use crate::{
    config::Config,
    ports::{Clock, PortError, Table, Trail},
    report::{UnreadablePosition, hex},
    segment::Segment,
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
    /// Checkpoints and leases.
    pub table: &'a dyn Table,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Keeps evidence.
    pub keep: Keep<'a>,
}

/// Keeps evidence under [`Harvest::source`]. Keeping the same again changes nothing.
pub type Keep<'a> = &'a (dyn Fn(Harvest<'_>) -> Result<(), Box<dyn Error + Send + Sync>> + Sync);

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

/// A slice to keep.
#[derive(Clone, Debug)]
pub struct Harvest<'a> {
    /// Whose.
    pub lane: &'a Lane,
    /// Of when.
    pub slice: Slice,
    /// 1 for the first look, 2 for the second.
    pub pass: u8,
    /// The evidence.
    pub segment: Segment,
    /// Where it could not be read.
    pub unreadable: Vec<UnreadablePosition>,
}

impl Harvest<'_> {
    /// Hash of what it was read from, and of what it says: a slice that is begun again after a failure may hold events
    /// that came in between, and must not pass for the one kept before.
    pub fn source(&self) -> String {
        let (Lane { account, region }, Slice { since, until }) = (self.lane, self.slice);
        let (pass, evidence) = (self.pass, hex(&self.segment.sha256()));
        let name = format!("lookup://{account}/{region}/{since}/{until}?pass={pass}&evidence={evidence}");
        hex(&Sha256::digest(name))
    }
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
    Keep(#[source] Box<dyn Error + Send + Sync>),
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
        while let Some((lane, pulled, open)) = lock(&queue).next() {
            let left = ports.clock.remaining();
            let more = left > MARGIN && {
                let spare = left.saturating_sub(share(left, open, threads)).max(MARGIN);
                Turn { ports, order, lane, now, spare, pulled: &mut *pulled }.take()
            };
            let mut queue = lock(&queue);
            if more && ports.clock.remaining() > MARGIN + TURN {
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
