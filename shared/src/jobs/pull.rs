//! Pulls CloudTrail's event history into the evidence store, run by run.
//!
//! Enters: accounts and regions, a [`CloudTrailApi`], a [`Clock`], an [`EvidenceStore`]. Leaves: stored slices, and a
//! [`PullOutcome`] for each account and region. Laws: every event that CloudTrail delivered within the lag is in the
//! evidence, however often runs fail or are killed; events that arrive within a day are added later; at most one run
//! holds the lease of an account and region; a failure in one account and region does not stop the others.
//!
//! ```text
//! ACCOUNT_REGION#account#region   CHECKPOINT     up to when the history was pulled
//! ACCOUNT_REGION#account#region   LEASE          which run may pull it
//! ACCOUNT_REGION#account#region   SLICE#start    a completed slice, kept until a week after its second lookup is due
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
    audit::{AuditError, Auditing},
    evidence::{EvidenceError, EvidenceStore},
    history::{AccountRegion, LookupStatistics},
};
use crate::{
    config::Config,
    ports::{Clock, CloudTrailApi, PortError},
    time::Time,
};

/// Time a run reserves: enough to store a slice and release the lease when calls are slow.
pub const MARGIN: Duration = Duration::from_secs(15);

/// Shortest turn of an account and region while others wait.
const MIN_TURN: Duration = Duration::from_secs(10);

/// The ports of the job.
#[derive(Clone, Copy)]
pub struct PullPorts<'a> {
    /// CloudTrail's event history.
    pub cloudtrail: &'a dyn CloudTrailApi,
    /// Clock that gives the current time.
    pub clock: &'a dyn Clock,
    /// The evidence store; checkpoints and leases are in its table.
    pub evidence: &'a EvidenceStore<'a>,
}

/// The input of the job.
#[derive(Clone, Copy)]
pub struct PullTask<'a> {
    /// Configuration of the lookups.
    pub config: &'a Config,
    /// Accounts and regions to pull.
    pub account_regions: &'a [AccountRegion],
    /// Unique id of the run.
    pub run_id: &'a str,
    /// Accounts and regions pulled at the same time; at least one.
    pub threads: usize,
    /// Where the calls are recorded, if anywhere.
    pub audit: Option<Auditing<'a>>,
}

/// The outcome of a run for one account and region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullOutcome {
    /// Twelve-digit account id.
    pub account: String,
    /// Region name.
    pub region: String,
    /// Number of completed slices.
    pub slices: u64,
    /// Number of LookupEvents pages read.
    pub pages: u64,
    /// Events of the completed slices. An event of the second in which two slices meet counts once, in the later slice.
    pub events: u64,
    /// Number of records in the completed slices that could not be read.
    pub unreadable: u64,
    /// Events of the completed slices that were dropped because their principal is not watched.
    pub dropped: u64,
    /// Number of throttled requests.
    pub throttled: u64,
    /// Slices that were restarted because of an invalid token.
    pub restarts: u64,
    /// Slices that were split because they had too many pages.
    pub splits: u64,
    /// Number of slices that were looked up again a day later.
    pub second_lookups: u64,
    /// Second lookups that found new events.
    pub second_lookups_changed: u64,
    /// The history before this time is complete. Absent when unknown.
    pub complete_until: Option<Time>,
    /// Before this time every due second lookup is done. Absent when unknown.
    pub second_lookup_until: Option<Time>,
    /// Seconds of history that could be complete and are not. Absent when unknown.
    pub lag_seconds: Option<u32>,
    /// The run that holds the lease, and until when; this run skipped the account and region.
    pub leased_by: Option<String>,
    /// Why pulling stopped. Not set when only the time ran out.
    pub error: Option<String>,
}

impl PullOutcome {
    fn new(account_region: &AccountRegion) -> Self {
        Self {
            account: account_region.account.to_string(),
            region: account_region.region.to_string(),
            ..Self::default()
        }
    }

    fn add(&mut self, statistics: LookupStatistics) {
        self.pages += statistics.pages;
        self.throttled += statistics.throttled;
        self.restarts += statistics.restarts;
        self.splits += statistics.splits;
    }
}

/// Why pulling an account and region stopped.
#[derive(Debug, thiserror::Error)]
enum PullError {
    /// CloudTrail or the table failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The audit trail cannot be written.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Evidence cannot be stored.
    #[error("cannot store the evidence: {0}")]
    Evidence(#[from] EvidenceError),
    /// The checkpoint has changed since it was read.
    #[error("another run has moved the checkpoint: the next run continues from there")]
    CheckpointMoved,
}

/// Pulls all accounts and regions until they are done or the time runs out, and returns the outcome of each in the
/// given order. Each gets an equal share of the time, plus the time that others do not use; the first one changes
/// every minute.
pub fn pull(ports: PullPorts<'_>, task: PullTask<'_>) -> Vec<PullOutcome> {
    let now = ports.clock.now();
    let mut outcomes: Vec<PullOutcome> = task.account_regions.iter().map(PullOutcome::new).collect();
    let mut waiting: VecDeque<_> = task.account_regions.iter().zip(&mut outcomes).collect();
    let unfinished = waiting.len();
    waiting.rotate_left((now.0 / 60) as usize % unfinished.max(1));
    let threads = task.threads.clamp(1, unfinished.max(1));
    let queue = Mutex::new(PullQueue { waiting, unfinished });
    let work = || {
        // A closure, because in the loop condition the lock would be held during the loop body.
        let next = || lock(&queue).next();
        while let Some((account_region, outcome, unfinished)) = next() {
            let left = ports.clock.remaining();
            let reserved = left.saturating_sub(turn_length(left, unfinished, threads)).max(MARGIN);
            let more = left > reserved
                && PullTurn { ports, task, account_region, now, reserved, outcome: &mut *outcome }.run();
            let mut queue = lock(&queue);
            // One that had all the available time does not get a second turn.
            if more && reserved > MARGIN && ports.clock.remaining() > MARGIN + MIN_TURN {
                queue.waiting.push_back((account_region, outcome));
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
    outcomes
}

/// Accounts and regions that wait for their turn.
struct PullQueue<'q> {
    waiting: VecDeque<(&'q AccountRegion, &'q mut PullOutcome)>,
    /// Accounts and regions that are not done, waiting or not.
    unfinished: usize,
}

impl<'q> PullQueue<'q> {
    fn next(&mut self) -> Option<(&'q AccountRegion, &'q mut PullOutcome, usize)> {
        let (account_region, outcome) = self.waiting.pop_front()?;
        Some((account_region, outcome, self.unfinished))
    }
}

fn lock<'l, 'q>(queue: &'l Mutex<PullQueue<'q>>) -> MutexGuard<'l, PullQueue<'q>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Length of a turn with this number of unfinished accounts and regions: at most as long as a lease.
fn turn_length(left: Duration, unfinished: usize, threads: usize) -> Duration {
    let whole = left.saturating_sub(MARGIN).saturating_mul(u32::try_from(threads).unwrap_or(u32::MAX));
    let each = whole / u32::try_from(unfinished).unwrap_or(u32::MAX).max(1);
    each.clamp(MIN_TURN, Duration::from_secs(lease::MAX_LEASE_SECONDS.into()))
}
