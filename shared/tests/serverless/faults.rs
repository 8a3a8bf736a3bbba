//! Jobs that are killed or fail at any port call and are retried. Law: they end in the state of an undisturbed run.

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

/// One invocation of a function.
enum JobStep {
    Ingest(Vec<IngestMessage>),
    /// One slice of the event history: the number of its hour.
    Pull(u32),
    Report,
    Compact,
}

/// All invocations, with a trail that counts from the third hour on.
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
    // One object with two accounts and regions, which no trail writes; a digest; an unreadable object; a half
    // readable one.
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

/// The outcome of a run: the reports, the messages in the dead-letter queue, and the number of retries.
#[derive(Debug)]
struct ReplayOutcome {
    reports: Vec<Report>,
    dead_letters: Vec<IngestMessage>,
    retries: usize,
}

/// An environment that runs scenarios.
trait Stage {
    fn run_scenario(&self, scenario: &JobScenario) -> ReplayOutcome;
    fn report_after_redrive(&self, scenario: &JobScenario, outcome: &ReplayOutcome) -> Report;
}

impl<T: Table, S: ObjectStore> Stage for TestEnvironment<T, S> {
    /// Runs the steps, and retries a step that fails.
    fn run_scenario(&self, scenario: &JobScenario) -> ReplayOutcome {
        for (name, bytes) in &scenario.objects {
            self.logs.port.deliver(name, bytes);
        }
        let mut outcome = ReplayOutcome { reports: Vec::new(), dead_letters: Vec::new(), retries: 0 };
        for step in &scenario.steps {
            let mut queue: Vec<IngestMessage> = match step {
                JobStep::Ingest(messages) => messages.clone(),
                _ => Vec::new(),
            };
            let mut tries = 0;
            loop {
                // Each attempt is a process of its own.
                let evidence_store = EvidenceStore::new(&self.table, &self.store);
                let done = match step {
                    JobStep::Ingest(_) => {
                        match ingest(&self.logs, &evidence_store, &scenario.config, &self.clock, &queue, None)
                        {
                            Ok(ingested) if !self.injector.is_killed() => {
                                queue.retain(|message| {
                                    ingested.failed.iter().any(|failed| failed.message_id == message.id)
                                });
                                queue.is_empty()
                            }
                            _ => false,
                        }
                    }
                    JobStep::Pull(of) => {
                        let window = (minutes_after_start(of * 60 - 60), minutes_after_start(of * 60));
                        let time = |n| Time(window.0.0 + n * 300);
                        let records: Vec<Value> = (0..4)
                            .map(|n| record(200 + of * 10 + n, ACCOUNTS[0], REGIONS[0], time(n)))
                            .collect();
                        store_batch(&evidence_store, slice_batch(ACCOUNTS[0], REGIONS[0], window, &records))
                            .is_ok()
                    }
                    JobStep::Report => report(
                        &evidence_store,
                        &scenario.config,
                        (hour_after_start(0), hour_after_start(4)),
                        1,
                    )
                    .map(|report| outcome.reports.push(report))
                    .is_ok(),
                    JobStep::Compact => compact(
                        &evidence_store,
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
                assert!(outcome.retries < 200, "too many retries");
            }
        }
        outcome
    }

    /// The report after the dead-letter queue was redriven.
    fn report_after_redrive(&self, scenario: &JobScenario, outcome: &ReplayOutcome) -> Report {
        let evidence_store = EvidenceStore::new(&self.table, &self.store);
        ingest(&self.logs, &evidence_store, &scenario.config, &self.clock, &outcome.dead_letters, None)
            .unwrap();
        report(&evidence_store, &scenario.config, (hour_after_start(0), hour_after_start(4)), 1).unwrap()
    }
}

fn results(outcome: &ReplayOutcome) -> Vec<String> {
    outcome.reports.iter().map(|report| serde_json::to_string(&report.result).unwrap()).collect()
}

/// The calls and the outcome of a run without faults.
fn undisturbed_run(scenario: &JobScenario) -> (Vec<PortCall>, ReplayOutcome) {
    let environment = TestEnvironment::new(minutes_after_start(1_000));
    let outcome = environment.run_scenario(scenario);
    (environment.injector.calls(), outcome)
}

#[test]
fn a_job_killed_at_any_call_and_retried_ends_the_same() {
    let scenario = scenario();
    let (calls, expected) = undisturbed_run(&scenario);
    assert_eq!((expected.reports.len(), &*expected.dead_letters[0].id), (2, "11"));
    assert_eq!(expected.reports[1].result.totals.events, 8 + 27 + 2 + 1);
    assert_eq!(expected.reports[1].result.totals.unreadable_evidence, 2);
    assert!(calls.iter().filter(|call| call.method == "delete").count() >= 9, "it compacts");
    assert!(calls.len() > 150, "{}", calls.len());
    for (at, call) in calls.iter().enumerate() {
        for timing in [FaultTiming::Before, FaultTiming::After] {
            let environment = TestEnvironment::new(minutes_after_start(1_000));
            environment.injector.plan(FaultPlan::Kill { at, timing });
            let outcome = environment.run_scenario(&scenario);
            assert_eq!(outcome.retries, expected.retries + 1, "killed once, at {call:?}");
            assert_eq!(outcome.dead_letters, expected.dead_letters, "killed {timing:?} {call:?}");
            assert!(results(&outcome) == results(&expected), "killed {timing:?} {call:?}");
        }
    }
}

#[test]
fn a_job_killed_at_any_call_with_state_on_disk_ends_the_same() {
    let scenario = scenario();
    let (calls, expected) = undisturbed_run(&scenario);
    for at in (0..calls.len()).step_by(5) {
        let home = tempfile::tempdir().unwrap();
        let environment = TestEnvironment::on_disk(home.path(), minutes_after_start(1_000));
        environment.injector.plan(FaultPlan::Kill {
            at,
            timing: if at % 2 == 0 { FaultTiming::Before } else { FaultTiming::After },
        });
        assert!(
            results(&environment.run_scenario(&scenario)) == results(&expected),
            "killed at {:?}",
            calls[at]
        );
    }
}

#[test]
fn a_job_whose_calls_fail_in_any_way_ends_the_same() {
    let scenario = scenario();
    let (calls, expected) = undisturbed_run(&scenario);
    let kinds = [
        PortErrorKind::AccessDenied,
        PortErrorKind::Throttled,
        PortErrorKind::NotFound,
        PortErrorKind::InvalidToken,
        PortErrorKind::Unavailable,
        PortErrorKind::Other,
    ];
    for (at, call) in calls.iter().enumerate() {
        let (kind, timing) =
            (kinds[at % kinds.len()], if at % 2 == 0 { FaultTiming::Before } else { FaultTiming::After });
        let environment = TestEnvironment::new(minutes_after_start(1_000));
        environment.injector.plan(FaultPlan::Fail {
            kind,
            timing,
            matching: Box::new(move |number, _| number == at),
        });
        let outcome = environment.run_scenario(&scenario);
        // An object that an attempt read is not missing, even if a later attempt could not fetch it.
        assert!(results(&outcome) == results(&expected), "{kind:?} {timing:?} {:?}", call);
    }
}

#[test]
fn a_throttled_job_loses_nothing_and_claims_nothing() {
    let scenario = scenario();
    let (_, expected) = undisturbed_run(&scenario);
    let mut dead = 0;
    for first in 0..4 {
        let environment = TestEnvironment::new(minutes_after_start(1_000));
        environment.injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::Throttled,
            timing: if first % 2 == 0 { FaultTiming::Before } else { FaultTiming::After },
            matching: Box::new(move |number, _| number % 4 == first && (20..140).contains(&number)),
        });
        let outcome = environment.run_scenario(&scenario);
        environment.injector.reset();
        for (report, expected) in outcome.reports.iter().zip(&expected.reports) {
            let missing = expected.result.totals.events - report.result.totals.events;
            assert!(
                missing == 0 || report.result.totals.unreadable_evidence > 0,
                "missing events are reported as unreadable evidence"
            );
        }
        dead += outcome.dead_letters.len();
        assert_eq!(environment.report_after_redrive(&scenario, &outcome).result, expected.reports[1].result);
    }
    assert!(dead > 4, "more than the unreadable object: {dead}");
}
