//! Two runs at one lane.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use onlooker_core::{
    jobs::pull::PullOutcome,
    time::{HOUR_SECONDS, Time},
};

use super::fixture::{PullFixture, START, event_ids};

fn fixture() -> Arc<PullFixture> {
    let mut bench = PullFixture::new();
    bench.without_lookup_faults = true;
    bench.config.lookup.lookback_hours = 6;
    bench.trail.port.page_size.store(10, Ordering::SeqCst);
    for number in 0..400 {
        bench.add_event(number, Time(START.0 - 2 * HOUR_SECONDS + number * 15), 0);
    }
    Arc::new(bench)
}

/// Lets `meanwhile` happen in the middle of the run's next request, and gives what came of both.
fn run_interrupted_by<T: Send + 'static>(
    bench: &Arc<PullFixture>,
    meanwhile: impl FnOnce(&PullFixture) -> T + Send + 'static,
) -> (PullOutcome, T) {
    let (other, told) = (Arc::clone(bench), Arc::new(Mutex::new(None)));
    let tell = Arc::clone(&told);
    let interrupt = move || *tell.lock().unwrap() = Some(meanwhile(&other));
    *bench.trail.port.interruption.lock().unwrap() = Some(Box::new(interrupt));
    let pulled = bench.run(3_000).remove(0);
    let told = told.lock().unwrap().take().unwrap();
    (pulled, told)
}

#[test]
fn a_leased_region_is_skipped() {
    let bench = fixture();
    let (first, (second, requests)) = run_interrupted_by(&bench, |bench| {
        let before = bench.trail.port.requests();
        (bench.run_as("other").remove(0), bench.trail.port.requests() - before)
    });
    assert_eq!((second.slices, second.pages, requests), (0, 0, 0));
    assert!(second.leased_by.unwrap().starts_with("run-1 until "));
    assert_eq!((second.error, first.error, first.lag_seconds), (None, None, Some(0)));
    assert_eq!(bench.events(), event_ids(0..400));
}

#[test]
fn a_released_lease_can_be_taken() {
    let bench = fixture();
    bench.run(600);
    assert_eq!(bench.run(600)[0].leased_by, None);
}

#[test]
fn a_run_that_lost_its_lease_does_not_move_the_checkpoint() {
    let bench = fixture();
    let (first, second) = run_interrupted_by(&bench, |bench| {
        // The first run sleeps through its own end.
        bench.clock.advance(Duration::from_secs(7_200));
        bench.clock.set_remaining(Duration::from_secs(3_000));
        let second = bench.run_as("other").remove(0);
        (second, bench.checkpoint())
    });
    let (second, checkpoint) = second;
    assert_eq!((second.error, second.lag_seconds), (None, Some(0)));
    assert!(first.error.unwrap().contains("another run has moved the checkpoint"));
    assert_eq!(first.slices, 0, "it closed nothing");
    assert_eq!(bench.checkpoint(), checkpoint);
    assert_eq!(bench.events(), event_ids(0..400));
    bench.assert_checkpoint_is_covered_by_evidence();
}

#[test]
fn a_run_that_lost_its_lease_does_not_release_the_new_one() {
    let bench = fixture();
    let (_, third) = run_interrupted_by(&bench, |bench| {
        bench.clock.advance(Duration::from_secs(7_200));
        bench.clock.set_remaining(Duration::from_secs(3_000));
        // The second run is interrupted by the end of the first: its lease is still live then.
        let lease = || bench.lease().unwrap();
        let before = lease();
        bench.fault_injector.plan(super::environment::FaultPlan::Kill {
            at: 4,
            timing: super::environment::FaultTiming::After,
        });
        bench.run_as("other");
        bench.fault_injector.reset();
        (before, lease())
    });
    let (before, held) = third;
    assert_ne!(before, held);
    assert_eq!(bench.lease().unwrap(), held, "still the second run's");
    assert_eq!(held["holder"], "other");
}

#[test]
fn concurrent_runs_complete_each_slice_once() {
    let bench = fixture();
    bench.clock.set_remaining(Duration::from_secs(100_000));
    let pulled: Vec<PullOutcome> = std::thread::scope(|scope| {
        let run = |number: usize| {
            let bench = &bench;
            scope.spawn(move || bench.run_as(&format!("run-{number}")).remove(0))
        };
        let runs: Vec<_> = (0..6).map(run).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(pulled.iter().all(|lane| lane.error.is_none()), "{pulled:?}");
    assert_eq!(pulled.iter().map(|lane| lane.events).sum::<u64>(), 400);
    assert_eq!(bench.trail.port.excess_requests(), 0);
    assert_eq!(bench.events(), event_ids(0..400));
}
