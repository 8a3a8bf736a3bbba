//! Jobs that are killed or refused at any of their calls, and begun again, end where they would have ended.

use onlooker_core::{
    config::Config,
    jobs::{
        evidence::{EvidenceStore, compact, store_batch},
        ingest::{IngestMessage, ingest},
    },
    ports::{ObjectStore, PortErrorKind, StoredObject, Table},
    report::Report,
    time::Time,
};
use serde_json::Value;

use super::{
    environment::{FaultPlan, FaultTiming, PortCall, TestEnvironment},
    fixtures::{
        ACCOUNTS, REGIONS, digest, gzip, hour_after_start, log_file, log_name, message, minutes_after_start,
        promise_config, record, report, slice_batch,
    },
};

/// What a function is started for.
enum JobStep {
    Ingest(Vec<IngestMessage>),
    /// One slice of the event history: the number of its hour.
    Pull(u32),
    Report,
    Compact,
}

/// Everything that happens, with a trail that begins to count in the third hour.
struct JobScenario {
    config: Config,
    objects: Vec<(String, Vec<u8>)>,
    steps: Vec<JobStep>,
}

fn scenario() -> JobScenario {
    let (account, region) = (ACCOUNTS[0], REGIONS[0]);
    let mut objects: Vec<(String, Vec<u8>)> = Vec::new();
    for n in 0..9 {
        let records: Vec<Value> = (0..3)
            .map(|m| record(n * 3 + m, account, region, minutes_after_start(121 + n * 2 + m)))
            .collect();
        objects
            .push((log_name(account, region, minutes_after_start(140), &format!("{n}")), log_file(&records)));
    }
    // Two places in one object, as no trail writes it; a digest; poison; and half of one.
    let other = [
        record(100, ACCOUNTS[1], REGIONS[1], minutes_after_start(130)),
        record(101, account, region, minutes_after_start(181)),
    ];
    objects.push((log_name(account, region, minutes_after_start(185), "other"), log_file(&other)));
    objects.push(digest(account, region, minutes_after_start(180), &[]));
    objects.push((log_name(account, region, minutes_after_start(150), "poison"), gzip("no JSON")));
    let half = format!(
        "{{\"Records\":[{},{{\"eventID\":\"x\"}}]}}",
        record(102, account, region, minutes_after_start(125))
    );
    objects.push((log_name(account, region, minutes_after_start(150), "half"), gzip(&half)));
    let named: Vec<StoredObject> = objects
        .iter()
        .map(|(name, bytes)| super::environment::LogBucket::default().deliver(name, bytes))
        .collect();
    let say = |n: usize| message(&n.to_string(), &[&named[n]]);
    let mut steps = vec![JobStep::Pull(1), JobStep::Pull(2)];
    steps.extend((0..9).map(|n| JobStep::Ingest(vec![say(n)])));
    steps.push(JobStep::Report);
    steps.push(JobStep::Ingest((8..13).map(say).collect()));
    steps.extend([JobStep::Compact, JobStep::Report]);
    JobScenario { config: promise_config(Some(hour_after_start(2))), objects, steps }
}

/// What remains of a run: the reports, what ended as dead letters, how often steps were begun again.
#[derive(Debug)]
struct ReplayOutcome {
    reports: Vec<Report>,
    dead_letters: Vec<IngestMessage>,
    retries: usize,
}

/// A world in which plots are played.
trait Stage {
    fn run_scenario(&self, plot: &JobScenario) -> ReplayOutcome;
    fn report_after_redrive(&self, plot: &JobScenario, outcome: &ReplayOutcome) -> Report;
}

impl<T: Table, S: ObjectStore> Stage for TestEnvironment<T, S> {
    /// Plays it, beginning a step again when it fails. Whatever else fails, nothing is better than the truth.
    fn run_scenario(&self, plot: &JobScenario) -> ReplayOutcome {
        for (name, bytes) in &plot.objects {
            self.logs.port.deliver(name, bytes);
        }
        let mut outcome = ReplayOutcome { reports: Vec::new(), dead_letters: Vec::new(), retries: 0 };
        for step in &plot.steps {
            let mut queue: Vec<IngestMessage> = match step {
                JobStep::Ingest(messages) => messages.clone(),
                _ => Vec::new(),
            };
            let mut tries = 0;
            loop {
                // Each try is a process of its own.
                let house = EvidenceStore::new(&self.table, &self.store);
                let done = match step {
                    JobStep::Ingest(_) => match ingest(&self.logs, &house, &plot.config, &queue) {
                        Ok(ingested) if !self.injector.is_killed() => {
                            queue.retain(|message| {
                                ingested.failed.iter().any(|failed| failed.message_id == message.id)
                            });
                            queue.is_empty()
                        }
                        _ => false,
                    },
                    JobStep::Pull(of) => {
                        let window = (minutes_after_start(of * 60 - 60), minutes_after_start(of * 60));
                        let time = |n| Time(window.0.0 + n * 300);
                        let records: Vec<Value> = (0..4)
                            .map(|n| record(200 + of * 10 + n, ACCOUNTS[0], REGIONS[0], time(n)))
                            .collect();
                        store_batch(&house, slice_batch(ACCOUNTS[0], REGIONS[0], window, &records)).is_ok()
                    }
                    JobStep::Report => {
                        report(&house, &plot.config, (hour_after_start(0), hour_after_start(4)), 1)
                            .map(|report| outcome.reports.push(report))
                            .is_ok()
                    }
                    JobStep::Compact => compact(
                        &house,
                        (minutes_after_start(0), minutes_after_start(240)),
                        minutes_after_start(1_000),
                    )
                    .is_ok(),
                };
                if done {
                    break;
                }
                if self.injector.is_killed() {
                    self.injector.reset();
                } else {
                    tries += 1;
                }
                outcome.retries += 1;
                if tries == 3 && !queue.is_empty() {
                    outcome.dead_letters.append(&mut queue);
                    break;
                }
                assert!(outcome.retries < 200, "it never ends");
            }
        }
        outcome
    }

    /// The report once the dead letters were sent again.
    fn report_after_redrive(&self, plot: &JobScenario, outcome: &ReplayOutcome) -> Report {
        let house = EvidenceStore::new(&self.table, &self.store);
        ingest(&self.logs, &house, &plot.config, &outcome.dead_letters).unwrap();
        report(&house, &plot.config, (hour_after_start(0), hour_after_start(4)), 1).unwrap()
    }
}

fn results(outcome: &ReplayOutcome) -> Vec<String> {
    outcome.reports.iter().map(|report| serde_json::to_string(&report.result).unwrap()).collect()
}

/// The calls of a run in which nothing goes wrong, and how it ends.
fn undisturbed_run(plot: &JobScenario) -> (Vec<PortCall>, ReplayOutcome) {
    let world = TestEnvironment::new(minutes_after_start(1_000));
    let outcome = world.run_scenario(plot);
    (world.injector.calls(), outcome)
}

#[test]
fn a_job_killed_at_any_call_and_retried_ends_the_same() {
    let plot = scenario();
    let (calls, expected) = undisturbed_run(&plot);
    assert_eq!((expected.reports.len(), &*expected.dead_letters[0].id), (2, "11"));
    assert_eq!(expected.reports[1].result.totals.events, 8 + 27 + 2 + 1);
    assert_eq!(expected.reports[1].result.totals.unreadable_evidence, 2);
    assert!(calls.iter().filter(|call| call.method == "delete").count() >= 9, "it compacts");
    assert!(calls.len() > 150, "{}", calls.len());
    for (at, call) in calls.iter().enumerate() {
        for strike in [FaultTiming::Before, FaultTiming::After] {
            let world = TestEnvironment::new(minutes_after_start(1_000));
            world.injector.plan(FaultPlan::Kill { at, timing: strike });
            let outcome = world.run_scenario(&plot);
            assert_eq!(outcome.retries, expected.retries + 1, "killed once, at {call:?}");
            assert_eq!(outcome.dead_letters, expected.dead_letters, "killed {strike:?} {call:?}");
            assert!(results(&outcome) == results(&expected), "killed {strike:?} {call:?}");
        }
    }
}

#[test]
fn a_job_killed_at_any_call_with_state_on_disk_ends_the_same() {
    let plot = scenario();
    let (calls, expected) = undisturbed_run(&plot);
    for at in (0..calls.len()).step_by(5) {
        let home = tempfile::tempdir().unwrap();
        let world = TestEnvironment::on_disk(home.path(), minutes_after_start(1_000));
        world.injector.plan(FaultPlan::Kill {
            at,
            timing: if at % 2 == 0 { FaultTiming::Before } else { FaultTiming::After },
        });
        assert!(results(&world.run_scenario(&plot)) == results(&expected), "killed at {:?}", calls[at]);
    }
}

#[test]
fn a_job_whose_calls_fail_in_any_way_ends_the_same() {
    let plot = scenario();
    let (calls, expected) = undisturbed_run(&plot);
    let kinds = [
        PortErrorKind::AccessDenied,
        PortErrorKind::Throttled,
        PortErrorKind::NotFound,
        PortErrorKind::InvalidToken,
        PortErrorKind::Unavailable,
        PortErrorKind::Other,
    ];
    for (at, call) in calls.iter().enumerate() {
        let (kind, strike) =
            (kinds[at % kinds.len()], if at % 2 == 0 { FaultTiming::Before } else { FaultTiming::After });
        let world = TestEnvironment::new(minutes_after_start(1_000));
        world.injector.plan(FaultPlan::Fail {
            kind,
            strike,
            matching: Box::new(move |number, _| number == at),
        });
        let outcome = world.run_scenario(&plot);
        if !world.table.query("MISSING#2026-10-06", "").unwrap().is_empty() {
            // What was refused at the last try is missing until its dead letter is sent again. It is the poison:
            // nothing else comes to a last try.
            let of = |outcome: &ReplayOutcome| outcome.reports[1].result.totals.unreadable_evidence;
            assert_eq!(of(&outcome), of(&expected) + 1, "{kind:?} {strike:?} {:?}", call);
            assert_eq!(
                world.report_after_redrive(&plot, &outcome).result,
                expected.reports[1].result,
                "{:?}",
                call
            );
            continue;
        }
        assert!(results(&outcome) == results(&expected), "{kind:?} {strike:?} {:?}", call);
    }
}

#[test]
fn a_throttled_job_loses_nothing_and_claims_nothing() {
    let plot = scenario();
    let (_, expected) = undisturbed_run(&plot);
    let mut dead = 0;
    for first in 0..4 {
        let world = TestEnvironment::new(minutes_after_start(1_000));
        world.injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::Throttled,
            strike: if first % 2 == 0 { FaultTiming::Before } else { FaultTiming::After },
            matching: Box::new(move |number, _| number % 4 == first && (20..140).contains(&number)),
        });
        let outcome = world.run_scenario(&plot);
        world.injector.reset();
        for (report, expected) in outcome.reports.iter().zip(&expected.reports) {
            let missing = expected.result.totals.events - report.result.totals.events;
            assert!(
                missing == 0 || report.result.totals.unreadable_evidence > 0,
                "what is missing is known to be"
            );
        }
        dead += outcome.dead_letters.len();
        assert_eq!(world.report_after_redrive(&plot, &outcome).result, expected.reports[1].result);
    }
    assert!(dead > 4, "more than the poison, {dead}");
}
