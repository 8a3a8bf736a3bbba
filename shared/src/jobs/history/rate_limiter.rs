//! When the next request may be sent.
//!
//! Enters: a clock, and the outcomes of requests. Leaves: pauses. Laws: two requests are at least
//! [`REQUEST_INTERVAL`] apart; after each throttled request the interval doubles, up to [`MAX_BACKOFF`]; a pause
//! never uses reserved time.

use std::time::Duration;

use crate::ports::Clock;

/// Time from one request to the next: 1.5 requests a second. LookupEvents allows two a second per account and region
/// (API reference, 2026-11), and the console and other tools share this quota.
pub const REQUEST_INTERVAL: Duration = Duration::from_millis(667);

/// The first pause after a throttled request.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// The longest pause after a throttled request.
pub const MAX_BACKOFF: Duration = Duration::from_secs(32);

/// Limits the request rate of one account and region.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    /// Time the job had left when the last request was sent.
    last_request: Option<Duration>,
    /// Throttled requests since the last success.
    throttles: u32,
}

impl RateLimiter {
    /// Waits until a request may be sent. `false`: no more than `reserved` would be left, and it returned without
    /// waiting.
    pub(super) fn wait(&mut self, clock: &dyn Clock, reserved: Duration) -> bool {
        let left = clock.remaining();
        let pause = self.last_request.map_or(Duration::ZERO, |requested| {
            // The remaining time is the finer clock. If it does not advance, the pause is the whole interval.
            self.interval().saturating_sub(requested.saturating_sub(left))
        });
        if left <= reserved.saturating_add(pause) {
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

    /// Records a throttled request, which lengthens the next pause.
    pub(super) const fn record_throttle(&mut self) {
        self.throttles = self.throttles.saturating_add(1);
    }

    /// Takes note that a request succeeded.
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
        let mut limiter = RateLimiter::default();
        let mut intervals = vec![limiter.interval()];
        for _ in 0..7 {
            limiter.record_throttle();
            intervals.push(limiter.interval());
        }
        let seconds: Vec<u64> = intervals.iter().skip(1).map(Duration::as_secs).collect();
        assert_eq!((intervals[0], seconds), (REQUEST_INTERVAL, vec![1, 2, 4, 8, 16, 32, 32]));
        limiter.record_success();
        assert_eq!(limiter.interval(), REQUEST_INTERVAL);
    }
}
