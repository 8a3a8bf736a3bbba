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
    scene::{
        ACCOUNTS, REGIONS, digest, gzip, hour, log, log_name, message, minute, promise, record, report, slice,
    },
    world::{Call, Plan, Strike, World},
};

/// What a function is started for.
enum Step {
    Ingest(Vec<IngestMessage>),
    /// One slice of the event history: the number of its hour.
    Pull(u32),
    Report,
    Compact,
}

/// Everything that happens, with a trail that begins to count in the third hour.
struct Plot {
    config: Config,
    objects: Vec<(String, Vec<u8>)>,
    steps: Vec<Step>,
}

fn plot() -> Plot {
    let (account, region) = (ACCOUNTS[0], REGIONS[0]);
    let mut objects: Vec<(String, Vec<u8>)> = Vec::new();
    for n in 0..9 {
        let records: Vec<Value> =
            (0..3).map(|m| record(n * 3 + m, account, region, minute(121 + n * 2 + m))).collect();
        objects.push((log_name(account, region, minute(140), &format!("{n}")), log(&records)));
    }
    // Two places in one object, as no trail writes it; a digest; poison; and half of one.
    let other =
        [record(100, ACCOUNTS[1], REGIONS[1], minute(130)), record(101, account, region, minute(181))];
    objects.push((log_name(account, region, minute(185), "other"), log(&other)));
    objects.push(digest(account, region, minute(180), &[]));
    objects.push((log_name(account, region, minute(150), "poison"), gzip("no JSON")));
    let half =
        format!("{{\"Records\":[{},{{\"eventID\":\"x\"}}]}}", record(102, account, region, minute(125)));
    objects.push((log_name(account, region, minute(150), "half"), gzip(&half)));
    let named: Vec<StoredObject> =
        objects.iter().map(|(name, bytes)| super::world::Logs::default().deliver(name, bytes)).collect();
    let say = |n: usize| message(&n.to_string(), &[&named[n]]);
    let mut steps = vec![Step::Pull(1), Step::Pull(2)];
    steps.extend((0..9).map(|n| Step::Ingest(vec![say(n)])));
    steps.push(Step::Report);
    steps.push(Step::Ingest((8..13).map(say).collect()));
    steps.extend([Step::Compact, Step::Report]);
    Plot { config: promise(Some(hour(2))), objects, steps }
}

/// What remains of a run: the reports, what ended as dead letters, how often steps were begun again.
#[derive(Debug)]
struct Outcome {
    reports: Vec<Report>,
    dead: Vec<IngestMessage>,
    again: usize,
}

/// A world in which plots are played.
trait Stage {
    fn play(&self, plot: &Plot) -> Outcome;
    fn healed(&self, plot: &Plot, outcome: &Outcome) -> Report;
}

impl<T: Table, S: ObjectStore> Stage for World<T, S> {
    /// Plays it, beginning a step again when it fails. Whatever else fails, nothing is better than the truth.
    fn play(&self, plot: &Plot) -> Outcome {
        for (name, bytes) in &plot.objects {
            self.logs.port.deliver(name, bytes);
        }
        let mut outcome = Outcome { reports: Vec::new(), dead: Vec::new(), again: 0 };
        for step in &plot.steps {
            let mut queue: Vec<IngestMessage> = match step {
                Step::Ingest(messages) => messages.clone(),
                _ => Vec::new(),
            };
            let mut tries = 0;
            loop {
                // Each try is a process of its own.
                let house = EvidenceStore::new(&self.table, &self.store);
                let done = match step {
                    Step::Ingest(_) => match ingest(&self.logs, &house, &plot.config, &queue) {
                        Ok(ingested) if !self.faults.killed() => {
                            queue.retain(|message| {
                                ingested.failed.iter().any(|failed| failed.message_id == message.id)
                            });
                            queue.is_empty()
                        }
                        _ => false,
                    },
                    Step::Pull(of) => {
                        let window = (minute(of * 60 - 60), minute(of * 60));
                        let time = |n| Time(window.0.0 + n * 300);
                        let records: Vec<Value> = (0..4)
                            .map(|n| record(200 + of * 10 + n, ACCOUNTS[0], REGIONS[0], time(n)))
                            .collect();
                        store_batch(&house, slice(ACCOUNTS[0], REGIONS[0], window, &records)).is_ok()
                    }
                    Step::Report => report(&house, &plot.config, (hour(0), hour(4)), 1)
                        .map(|report| outcome.reports.push(report))
                        .is_ok(),
                    Step::Compact => compact(&house, (minute(0), minute(240)), minute(1_000)).is_ok(),
                };
                if done {
                    break;
                }
                if self.faults.killed() {
                    self.faults.revive();
                } else {
                    tries += 1;
                }
                outcome.again += 1;
                if tries == 3 && !queue.is_empty() {
                    outcome.dead.append(&mut queue);
                    break;
                }
                assert!(outcome.again < 200, "it never ends");
            }
        }
        outcome
    }

    /// The report once the dead letters were sent again.
    fn healed(&self, plot: &Plot, outcome: &Outcome) -> Report {
        let house = EvidenceStore::new(&self.table, &self.store);
        ingest(&self.logs, &house, &plot.config, &outcome.dead).unwrap();
        report(&house, &plot.config, (hour(0), hour(4)), 1).unwrap()
    }
}

fn results(outcome: &Outcome) -> Vec<String> {
    outcome.reports.iter().map(|report| serde_json::to_string(&report.result).unwrap()).collect()
}

/// The calls of a run in which nothing goes wrong, and how it ends.
fn peace(plot: &Plot) -> (Vec<Call>, Outcome) {
    let world = World::new(minute(1_000));
    let outcome = world.play(plot);
    (world.faults.calls(), outcome)
}

#[test]
fn killed_at_any_call_and_begun_again_it_ends_the_same() {
    let plot = plot();
    let (calls, expected) = peace(&plot);
    assert_eq!((expected.reports.len(), &*expected.dead[0].id), (2, "11"));
    assert_eq!(expected.reports[1].result.totals.events, 8 + 27 + 2 + 1);
    assert_eq!(expected.reports[1].result.totals.unreadable_evidence, 2);
    assert!(calls.iter().filter(|call| call.method == "delete").count() >= 9, "it compacts");
    assert!(calls.len() > 150, "{}", calls.len());
    for (at, call) in calls.iter().enumerate() {
        for strike in [Strike::Before, Strike::After] {
            let world = World::new(minute(1_000));
            world.faults.plan(Plan::Kill { at, strike });
            let outcome = world.play(&plot);
            assert_eq!(outcome.again, expected.again + 1, "killed once, at {call:?}");
            assert_eq!(outcome.dead, expected.dead, "killed {strike:?} {call:?}");
            assert!(results(&outcome) == results(&expected), "killed {strike:?} {call:?}");
        }
    }
}

#[test]
fn killed_at_any_call_on_disk_it_ends_the_same() {
    let plot = plot();
    let (calls, expected) = peace(&plot);
    for at in (0..calls.len()).step_by(5) {
        let home = tempfile::tempdir().unwrap();
        let world = World::on_disk(home.path(), minute(1_000));
        world
            .faults
            .plan(Plan::Kill { at, strike: if at % 2 == 0 { Strike::Before } else { Strike::After } });
        assert!(results(&world.play(&plot)) == results(&expected), "killed at {:?}", calls[at]);
    }
}

#[test]
fn refused_at_any_call_in_any_way_it_ends_the_same() {
    let plot = plot();
    let (calls, expected) = peace(&plot);
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
            (kinds[at % kinds.len()], if at % 2 == 0 { Strike::Before } else { Strike::After });
        let world = World::new(minute(1_000));
        world.faults.plan(Plan::Fail { kind, strike, which: Box::new(move |number, _| number == at) });
        let outcome = world.play(&plot);
        if !world.table.query("MISSING#2026-10-06", "").unwrap().is_empty() {
            // What was refused at the last try is missing until its dead letter is sent again. It is the poison:
            // nothing else comes to a last try.
            let of = |outcome: &Outcome| outcome.reports[1].result.totals.unreadable_evidence;
            assert_eq!(of(&outcome), of(&expected) + 1, "{kind:?} {strike:?} {:?}", call);
            assert_eq!(world.healed(&plot, &outcome).result, expected.reports[1].result, "{:?}", call);
            continue;
        }
        assert!(results(&outcome) == results(&expected), "{kind:?} {strike:?} {:?}", call);
    }
}

#[test]
fn throttled_for_a_while_it_loses_nothing_and_claims_nothing() {
    let plot = plot();
    let (_, expected) = peace(&plot);
    let mut dead = 0;
    for first in 0..4 {
        let world = World::new(minute(1_000));
        world.faults.plan(Plan::Fail {
            kind: PortErrorKind::Throttled,
            strike: if first % 2 == 0 { Strike::Before } else { Strike::After },
            which: Box::new(move |number, _| number % 4 == first && (20..140).contains(&number)),
        });
        let outcome = world.play(&plot);
        world.faults.revive();
        for (report, expected) in outcome.reports.iter().zip(&expected.reports) {
            let missing = expected.result.totals.events - report.result.totals.events;
            assert!(
                missing == 0 || report.result.totals.unreadable_evidence > 0,
                "what is missing is known to be"
            );
        }
        dead += outcome.dead.len();
        assert_eq!(world.healed(&plot, &outcome).result, expected.reports[1].result);
    }
    assert!(dead > 4, "more than the poison, {dead}");
}
