//! The schedules that the tests run.

use std::{
    collections::BTreeMap,
    env,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use super::{
    faults::FaultKind,
    planted::Defect,
    schedule::{Outcome, run},
    shrink::{describe, shrink},
};

/// Schedules of `cargo test`.
const SCHEDULES: u64 = 300;

fn number(variable: &str, otherwise: u64) -> u64 {
    env::var(variable).map_or(otherwise, |text| text.parse().expect("the variable is a number"))
}

/// Runs schedules on all processors, and returns the lowest seed that failed with its outcome. Each is passed to `each`.
fn run_all(
    seeds: std::ops::Range<u64>,
    defect: Option<Defect>,
    each: impl Fn(&Outcome) + Sync,
) -> Option<(u64, Outcome)> {
    let next = AtomicU64::new(seeds.start);
    let failed: Mutex<Option<(u64, Outcome)>> = Mutex::default();
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds.end || failed.lock().unwrap().is_some() {
                return;
            }
            let outcome = run(seed, None, defect);
            each(&outcome);
            if !outcome.violations.is_empty() {
                let mut failed = failed.lock().unwrap();
                if failed.as_ref().is_none_or(|(other, _)| seed < *other) {
                    *failed = Some((seed, outcome));
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    failed.into_inner().unwrap()
}

#[derive(Default)]
struct Sums {
    steps: u64,
    processes: BTreeMap<&'static str, u64>,
    faults: BTreeMap<FaultKind, u64>,
    judged: BTreeMap<String, u64>,
}

#[test]
fn no_schedule_loses_evidence_or_claims_too_much() {
    let (first, count) = (number("ONLOOKER_SEED", 0), number("ONLOOKER_SCHEDULES", SCHEDULES));
    let sums: Mutex<Sums> = Mutex::default();
    let failed = run_all(first..first + count, None, |outcome| {
        let mut sums = sums.lock().unwrap();
        sums.steps += outcome.steps;
        outcome.processes.iter().for_each(|(name, n)| *sums.processes.entry(name).or_default() += n);
        outcome.happened.iter().for_each(|fault| *sums.faults.entry(fault.kind).or_default() += 1);
        outcome.judged.iter().for_each(|(status, n)| *sums.judged.entry(status.clone()).or_default() += n);
    });
    let sums = sums.into_inner().unwrap();
    println!("{count} schedules from seed {first}, {} calls", sums.steps);
    println!("processes: {:?}", sums.processes);
    println!("faults: {:?}", sums.faults);
    println!("statuses that were judged: {:?}", sums.judged);
    if let Some((seed, outcome)) = failed {
        let (faults, outcome) = shrink(seed, &outcome.happened, None);
        panic!("{}", describe(seed, &faults, &outcome));
    }
    if count >= SCHEDULES {
        for kind in FaultKind::ALL {
            assert!(sums.faults.contains_key(&kind), "no schedule had the fault {kind:?}");
        }
        assert_eq!(sums.judged.len(), 3, "each status was published: {:?}", sums.judged);
    }
}

/// The first step in which two schedules differ.
fn difference(one: &Outcome, other: &Outcome) -> Option<(String, String)> {
    let step = |outcome: &Outcome, n: usize| outcome.trace.get(n).cloned().unwrap_or_default();
    let steps = one.trace.len().max(other.trace.len());
    let differs = (0..steps).find(|n| one.trace.get(*n) != other.trace.get(*n));
    differs.map(|n| (step(one, n), step(other, n)))
}

#[test]
fn a_schedule_is_a_function_of_its_seed() {
    for seed in 0..4 {
        let (first, second) = (run(seed, None, None), run(seed, None, None));
        assert!(first.steps > 100, "{}", first.steps);
        assert_eq!(difference(&first, &second), None, "seed {seed}");
        assert_eq!(first.happened, second.happened, "seed {seed}");
        // The list of its faults replays it.
        let replayed = run(seed, Some(&first.happened), None);
        assert_eq!(difference(&first, &replayed), None, "seed {seed} and its list of faults");
    }
}
