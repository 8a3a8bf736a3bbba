//! How many records were read in the last minute.
//!
//! Enters: the last runs, at each reading. Leaves: records in a second. Law: each run counts once, however often it was seen.

use std::collections::BTreeMap;

use onlooker_core::{health::WorkerRun, time::Time};

/// Seconds that are looked at.
pub const WINDOW_SECONDS: u32 = 60;

/// The records of runs that were seen.
#[derive(Debug, Default)]
pub struct RecentRecords {
    /// By function and end of the run.
    runs: BTreeMap<(String, Time), f64>,
}

impl RecentRecords {
    /// Adds the runs that are not known yet.
    pub fn add(&mut self, runs: &[WorkerRun]) {
        for run in runs {
            let Some((ended_at, records)) = run.ended_at.zip(run.metrics.get("records")) else { continue };
            self.runs.insert((run.name.clone(), ended_at), *records);
        }
    }

    /// Records in a second, on average over the last minute. Forgets older runs.
    pub fn per_second(&mut self, now: Time) -> f64 {
        self.runs.retain(|(_, ended_at), _| now.since(*ended_at) < WINDOW_SECONDS);
        // The sum of nothing is -0.0.
        self.runs.values().fold(0.0, |sum, records| sum + records) / f64::from(WINDOW_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use onlooker_core::health::WorkerSchedule;

    use super::*;

    fn run(name: &str, ended_at: u32, records: f64) -> WorkerRun {
        WorkerRun {
            name: name.to_owned(),
            schedule: WorkerSchedule::OnEvent,
            ended_at: Some(Time(ended_at)),
            succeeded_at: None,
            error: None,
            notes: Vec::new(),
            metrics: [("records".to_owned(), records)].into(),
        }
    }

    #[test]
    fn a_run_counts_once_and_for_a_minute() {
        let mut recent = RecentRecords::default();
        recent.add(&[run("pull", 1_000, 60.0), run("ingest", 1_000, 30.0)]);
        recent.add(&[run("pull", 1_000, 60.0), run("ingest", 1_030, 30.0)]);
        assert!((recent.per_second(Time(1_059)) - 2.0).abs() < 1e-9);
        assert!((recent.per_second(Time(1_060)) - 0.5).abs() < 1e-9);
        assert_eq!(recent.per_second(Time(1_090)).to_string(), "0");
    }
}
