//! `heartbeat-NAME`: when a function, or the command `sweep`, last did its work.
//!
//! Limits: twice and four times the interval of a schedule, at least 2 and 6 hours, because a run may be late by one interval.
//! A function that runs when something happens is judged by the error of its last run alone.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthStatus, HealthUnit, JudgedValue, WorkerRun,
    span,
};
use crate::time::HOUR_SECONDS;

/// Name of the command that reads log files on a machine.
pub const SWEEP: &str = "sweep";

/// When the next run is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerSchedule {
    /// After this number of seconds.
    Every(u32),
    /// When the last run is this number of seconds old.
    Within(u32),
    /// When something happens.
    OnEvent,
}

impl WorkerSchedule {
    /// Seconds above which the check warns, and above which it is critical.
    fn limits(self) -> Option<(f64, f64)> {
        let of = |least: u32, seconds: u32| f64::from(seconds.max(least * HOUR_SECONDS));
        match self {
            Self::Every(interval) => {
                Some((of(2, interval.saturating_mul(2)), of(6, interval.saturating_mul(4))))
            }
            Self::Within(age) => Some((f64::from(age), f64::from(age.saturating_mul(2)))),
            Self::OnEvent => None,
        }
    }
}

pub(super) const RULE: HealthRule = HealthRule {
    name: "heartbeat",
    title: "Last run",
    remedy: "Read the log of the function, check its schedule and the alarms of the stack, and invoke the function once.",
    remedy_if_unknown: "Give read access to the table of the deployment (dynamodb:Query), and invoke the function once.",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.workers.map(|workers| workers.iter().map(|worker| judge_worker(inputs, worker)).collect())
}

fn judge_worker(inputs: &HealthInputs, worker: &WorkerRun) -> JudgedValue {
    let limits = worker.schedule.limits();
    let mut measures = Vec::new();
    let message = match (worker.succeeded_at, worker.ended_at, limits) {
        (Some(at), ..) => {
            let age = inputs.now.since(at);
            let (name, unit, value) = ("last_success_age", HealthUnit::Seconds, f64::from(age));
            measures.push(match limits {
                Some(limits) => HealthMeasure::limited(name, unit, value, limits),
                None => HealthMeasure::shown(name, unit, value),
            });
            format!("succeeded {} ago", span(u64::from(age)))
        }
        (None, Some(_), _) => "no run has succeeded".to_owned(),
        (None, None, None) => "no run is recorded; it runs when something happens".to_owned(),
        (None, None, Some(_)) => "no run is recorded".to_owned(),
    };
    let has_never_run = worker.ended_at.is_none() && limits.is_some();
    let mut judged = JudgedValue::of(message, measures);
    if judged.measures.is_empty() {
        judged.status = if has_never_run { HealthStatus::Unknown } else { HealthStatus::Healthy };
    }
    if let Some(error) = &worker.error {
        judged.message = format!("{}; the last run failed: {error}", judged.message);
        let never =
            if worker.succeeded_at.is_none() { HealthStatus::Critical } else { HealthStatus::Warning };
        judged = judged.at_least(never);
    }
    let remedy = (worker.name == SWEEP).then(|| {
        "Run `onlooker sweep PATH` again, and check the timer or the job that should have run it.".to_owned()
    });
    JudgedValue { subject: Some(worker.name.clone()), remedy, ..judged }
}
