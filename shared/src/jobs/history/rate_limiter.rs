//! When the next request may be sent.
//!
//! Enters: a clock, and how requests were answered. Leaves: pauses. Laws: two requests lie at least [`INTERVAL`] apart;
//! after a refusal for their number the distance grows, up to [`LONGEST`]; no pause eats into the time to spare.

use std::time::Duration;

use crate::ports::Clock;

/// Time from one request to the next: 1.5 a second. LookupEvents allows two a second per account and region (API
/// reference, 2026-11), and the console and other tools draw on the same two.
pub const REQUEST_INTERVAL: Duration = Duration::from_millis(667);

/// The first pause after a refusal.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The longest pause after a refusal.
pub const MAX_BACKOFF: Duration = Duration::from_secs(32);

/// Paces the requests of one lane.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    /// Time the job had left when the last request was sent.
    last_request: Option<Duration>,
    /// Refusals since the last answer.
    throttles: u32,
}

impl RateLimiter {
    /// Waits until a request may be sent. `false`: it would leave less than `spare`, and nothing was waited for.
    pub(super) fn wait(&mut self, clock: &dyn Clock, spare: Duration) -> bool {
        let left = clock.remaining();
        let pause = self.last_request.map_or(Duration::ZERO, |asked| {
            // What is left is the finer clock; where it stands still, the whole distance is waited for.
            self.interval().saturating_sub(asked.saturating_sub(left))
        });
        if left <= spare.saturating_add(pause) {
            return false;
        }
        if !pause.is_zero() {
            clock.sleep(pause);
        }
        self.last_request = Some(clock.remaining());
        true
    }

    /// Counts as if a request had just been sent.
    pub(super) fn assume_request(&mut self, clock: &dyn Clock) {
        self.last_request = Some(clock.remaining());
    }

    /// There were too many requests.
    pub(super) const fn record_throttle(&mut self) {
        self.throttles = self.throttles.saturating_add(1);
    }

    /// There was an answer.
    pub(super) const fn record_success(&mut self) {
        self.throttles = 0;
    }

    fn interval(&self) -> Duration {
        match self.throttles.checked_sub(1) {
            None => REQUEST_INTERVAL,
            Some(more) => FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(more)).min(MAX_BACKOFF),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_doubles_the_interval_up_to_a_limit() {
        let mut pace = RateLimiter::default();
        let mut distances = vec![pace.interval()];
        for _ in 0..7 {
            pace.record_throttle();
            distances.push(pace.interval());
        }
        let seconds: Vec<u64> = distances.iter().skip(1).map(Duration::as_secs).collect();
        assert_eq!((distances[0], seconds), (REQUEST_INTERVAL, vec![1, 2, 4, 8, 16, 32, 32]));
        pace.record_success();
        assert_eq!(pace.interval(), REQUEST_INTERVAL);
    }
}
