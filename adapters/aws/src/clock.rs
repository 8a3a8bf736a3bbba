//! The clock of the machine.
//!
//! Enters: the deadline of an invocation. Leaves: a [`Clock`]. Law: the remaining time never exceeds the time to the
//! deadline.

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

use onlooker_core::{ports::Clock, time::Time};

/// The clock of the machine, with a deadline if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    deadline: Option<Instant>,
}

impl SystemClock {
    /// A clock for work with a deadline.
    pub fn with_deadline(deadline: SystemTime) -> Self {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        Self { deadline: Instant::now().checked_add(left) }
    }

    /// A clock for work without a deadline.
    pub const fn unbounded() -> Self {
        Self { deadline: None }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Time(u32::try_from(since.as_secs()).unwrap_or(u32::MAX))
    }

    fn remaining(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    fn sleep(&self, length: Duration) {
        thread::sleep(length);
    }
}
