//! The circuit breaker of one operation.
//!
//! Enters: what became of calls, and the time. Leaves: whether the next call may be made. Laws: a breaker opens after as many
//! failures in a row as its limit says; an open one lets nothing through until its time is over, and then one probe at a time; a
//! probe that succeeds closes it, and one that fails opens it again; an error that the caller causes does not count as a failure.
//!
//! ```text
//!            failures in a row reach the limit            its time is over: one probe
//!   closed ------------------------------------> open ---------------------------------> half-open
//!     ^                                           ^                                         |   |
//!     |                                           +---------- the probe fails --------------+   |
//!     +------------------------------- the service answers the probe ---------------------------+
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{config::MonitoringSettings, time::Time};

/// Seconds after which a probe without a result is given up: four attempts of a minute, the longest call that Onlooker makes.
pub const PROBE_SECONDS: u32 = 240;

/// State of a circuit breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Breaker {
    /// Calls are made.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// Calls are refused.
    Open {
        /// When it opened.
        since: Time,
        /// When one call may try the operation again.
        until: Time,
    },
    /// One call tries the operation, and others are refused.
    HalfOpen {
        /// When it opened.
        since: Time,
        /// Id of the probe.
        probe: String,
        /// When the probe is given up if it has no result.
        until: Time,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Failures in a row at which it opens.
    pub failures: u32,
    /// Seconds for which it stays open.
    pub seconds: u32,
}

impl From<&MonitoringSettings> for BreakerLimits {
    fn from(settings: &MonitoringSettings) -> Self {
        Self { failures: settings.circuit_breaker_threshold, seconds: settings.circuit_breaker_timeout }
    }
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerAnswer {
    /// It may.
    Call,
    /// It may if it is the only one: the caller stores [`Breaker::probing`] first.
    Probe,
    /// Not before this time.
    Refuse(Time),
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It succeeded.
    Succeeded,
    /// The service refused it for a reason that lies with the caller.
    CallerError,
    /// The service failed or was not reached.
    Failed,
    /// It was not sent.
    NotSent,
}

impl Breaker {
    /// Whether a call may be made.
    pub fn ask(&self, now: Time) -> BreakerAnswer {
        match self {
            Self::Closed { .. } => BreakerAnswer::Call,
            Self::Open { until, .. } | Self::HalfOpen { until, .. } if now < *until => {
                BreakerAnswer::Refuse(*until)
            }
            Self::Open { .. } | Self::HalfOpen { .. } => BreakerAnswer::Probe,
        }
    }

    /// The breaker while `probe` tries the operation.
    #[must_use]
    pub fn probing(&self, probe: &str, now: Time) -> Self {
        let since = self.opened_at().unwrap_or(now);
        Self::HalfOpen { since, probe: probe.to_owned(), until: after(now, PROBE_SECONDS) }
    }

    /// The breaker after a call, which was the probe of this id or none.
    #[must_use]
    pub fn after_call(
        &self,
        outcome: CallOutcome,
        probe: Option<&str>,
        now: Time,
        limits: BreakerLimits,
    ) -> Self {
        let open = |since| Self::Open { since, until: after(now, limits.seconds) };
        match (self, outcome) {
            (Self::Closed { failures }, CallOutcome::Failed) => match failures.saturating_add(1) {
                failures if failures >= limits.failures => open(now),
                failures => Self::Closed { failures },
            },
            (Self::Closed { .. }, CallOutcome::Succeeded) => Self::default(),
            (Self::HalfOpen { since, probe: known, .. }, outcome) if probe == Some(known) => match outcome {
                // An error of the caller is an answer: the service works again.
                CallOutcome::Succeeded | CallOutcome::CallerError => Self::default(),
                CallOutcome::Failed => open(*since),
                CallOutcome::NotSent => Self::Open { since: *since, until: now },
            },
            // A call that began before the breaker opened, or a probe that was given up.
            _ => self.clone(),
        }
    }

    /// When it opened; `None` if it is closed.
    pub const fn opened_at(&self) -> Option<Time> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { since, .. } | Self::HalfOpen { since, .. } => Some(*since),
        }
    }

    /// The name of the state in every output.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

fn after(now: Time, seconds: u32) -> Time {
    Time(now.0.saturating_add(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: BreakerLimits = BreakerLimits { failures: 5, seconds: 300 };

    fn failed(breaker: &Breaker, now: u32) -> Breaker {
        breaker.after_call(CallOutcome::Failed, None, Time(now), LIMITS)
    }

    #[test]
    fn five_failures_open_it_and_a_probe_closes_it() {
        let mut breaker = Breaker::default();
        for now in 1..=4 {
            breaker = failed(&breaker, now);
            assert_eq!(breaker.ask(Time(now)), BreakerAnswer::Call);
        }
        breaker = failed(&breaker, 5);
        assert_eq!(breaker, Breaker::Open { since: Time(5), until: Time(305) });
        assert_eq!(breaker.ask(Time(304)), BreakerAnswer::Refuse(Time(305)));
        assert_eq!(breaker.ask(Time(305)), BreakerAnswer::Probe);
        let probing = breaker.probing("p", Time(305));
        assert_eq!(probing.ask(Time(306)), BreakerAnswer::Refuse(Time(545)));
        assert_eq!(probing.ask(Time(545)), BreakerAnswer::Probe);
        let after = |outcome, probe| probing.after_call(outcome, Some(probe), Time(310), LIMITS);
        assert_eq!(after(CallOutcome::Succeeded, "p"), Breaker::default());
        assert_eq!(after(CallOutcome::CallerError, "p"), Breaker::default());
        assert_eq!(after(CallOutcome::Failed, "p"), Breaker::Open { since: Time(5), until: Time(610) });
        assert_eq!(after(CallOutcome::NotSent, "p"), Breaker::Open { since: Time(5), until: Time(310) });
        assert_eq!(after(CallOutcome::Succeeded, "another"), probing);
    }

    #[test]
    fn a_success_forgets_failures_and_an_error_of_the_caller_changes_nothing() {
        let breaker = failed(&failed(&Breaker::default(), 1), 2);
        for outcome in [CallOutcome::CallerError, CallOutcome::NotSent] {
            assert_eq!(breaker.after_call(outcome, None, Time(3), LIMITS), breaker);
        }
        assert_eq!(breaker.after_call(CallOutcome::Succeeded, None, Time(3), LIMITS), Breaker::default());
    }

    /// The specification as a history: what a breaker says follows from the calls that were made, not from a state.
    #[derive(Default)]
    struct History(Vec<(u32, CallOutcome)>);

    impl History {
        /// When the breaker last opened, or was opened again, if it has not been closed since.
        fn opened(&self) -> Option<u32> {
            let mut opened: Option<u32> = None;
            let mut in_a_row = 0;
            for (at, outcome) in &self.0 {
                match (opened, outcome) {
                    (None, CallOutcome::Failed) => {
                        in_a_row += 1;
                        opened = (in_a_row >= LIMITS.failures).then_some(*at);
                    }
                    (Some(_), CallOutcome::Failed) => opened = Some(*at),
                    (None, CallOutcome::Succeeded) => in_a_row = 0,
                    (Some(_), CallOutcome::Succeeded | CallOutcome::CallerError) => {
                        (opened, in_a_row) = (None, 0)
                    }
                    _ => {}
                }
            }
            opened
        }
    }

    fn outcome() -> impl Strategy<Value = CallOutcome> {
        prop_oneof![
            4 => Just(CallOutcome::Failed),
            1 => Just(CallOutcome::Succeeded),
            1 => Just(CallOutcome::CallerError),
        ]
    }

    proptest! {
        #[test]
        fn one_caller_sees_what_the_history_says(calls in prop::collection::vec((0..200_u32, outcome()), 0..60)) {
            let (mut breaker, mut history, mut now) = (Breaker::default(), History::default(), 1);
            for (n, (pause, outcome)) in calls.into_iter().enumerate() {
                now += pause;
                let is_open = history.opened().is_some_and(|at| now < at + LIMITS.seconds);
                let probe = n.to_string();
                match breaker.ask(Time(now)) {
                    BreakerAnswer::Refuse(_) => {
                        prop_assert!(is_open);
                        continue;
                    }
                    BreakerAnswer::Probe => {
                        prop_assert!(!is_open && history.opened().is_some());
                        breaker = breaker.probing(&probe, Time(now));
                    }
                    BreakerAnswer::Call => prop_assert!(history.opened().is_none()),
                }
                breaker = breaker.after_call(outcome, Some(&probe), Time(now), LIMITS);
                history.0.push((now, outcome));
            }
        }
    }
}
