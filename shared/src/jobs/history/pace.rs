//! When the next request may be sent.
//!
//! Enters: a clock, and how requests were answered. Leaves: pauses. Laws: two requests lie at least [`INTERVAL`] apart;
//! after a refusal for their number the distance grows, up to [`LONGEST`]; no pause eats into the time to spare.

use std::time::Duration;

use crate::ports::Clock;

/// Time from one request to the next: 1.5 a second. LookupEvents allows two a second per account and region (API
/// reference, 2026-11), and the console and other tools draw on the same two.
pub const INTERVAL: Duration = Duration::from_millis(667);

/// The first pause after a refusal.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause after a refusal.
pub const LONGEST: Duration = Duration::from_secs(32);

/// Paces the requests of one lane.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Time the job had left when the last request was sent.
    asked: Option<Duration>,
    /// Refusals since the last answer.
    refused: u32,
}

impl Pace {
    /// Waits until a request may be sent. `false`: it would leave less than `spare`, and nothing was waited for.
    pub(super) fn wait(&mut self, clock: &dyn Clock, spare: Duration) -> bool {
        let left = clock.remaining();
        let pause = self.asked.map_or(Duration::ZERO, |asked| {
            // What is left is the finer clock; where it stands still, the whole distance is waited for.
            self.distance().saturating_sub(asked.saturating_sub(left))
        });
        if left <= spare.saturating_add(pause) {
            return false;
        }
        if !pause.is_zero() {
            clock.pause(pause);
        }
        self.asked = Some(clock.remaining());
        true
    }

    /// Counts as if a request had just been sent.
    pub(super) fn hold(&mut self, clock: &dyn Clock) {
        self.asked = Some(clock.remaining());
    }

    /// There were too many requests.
    pub(super) const fn refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    /// There was an answer.
    pub(super) const fn answered(&mut self) {
        self.refused = 0;
    }

    fn distance(&self) -> Duration {
        match self.refused.checked_sub(1) {
            None => INTERVAL,
            Some(more) => FIRST.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_double_the_distance_up_to_a_limit() {
        let mut pace = Pace::default();
        let mut distances = vec![pace.distance()];
        for _ in 0..7 {
            pace.refused();
            distances.push(pace.distance());
        }
        let seconds: Vec<u64> = distances.iter().skip(1).map(Duration::as_secs).collect();
        assert_eq!((distances[0], seconds), (INTERVAL, vec![1, 2, 4, 8, 16, 32, 32]));
        pace.answered();
        assert_eq!(pace.distance(), INTERVAL);
    }
}
