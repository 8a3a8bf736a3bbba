//! Two runs at one lane.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use onlooker_core::{
    jobs::pull::PullOutcome,
    time::{HOUR_SECONDS, Time},
};

use super::bench::{Bench, START, ids};

fn scene() -> Arc<Bench> {
    let mut bench = Bench::new();
    bench.bare = true;
    bench.config.lookup.lookback_hours = 6;
    bench.trail.port.page.store(10, Ordering::SeqCst);
    for number in 0..400 {
        bench.event(number, Time(START.0 - 2 * HOUR_SECONDS + number * 15), 0);
    }
    Arc::new(bench)
}

/// Lets `meanwhile` happen in the middle of the run's next request, and gives what came of both.
fn interrupted<T: Send + 'static>(
    bench: &Arc<Bench>,
    meanwhile: impl FnOnce(&Bench) -> T + Send + 'static,
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
fn a_lane_that_is_held_is_left_alone() {
    let bench = scene();
    let (first, (second, requests)) = interrupted(&bench, |bench| {
        let before = bench.trail.port.requests();
        (bench.run_as("other").remove(0), bench.trail.port.requests() - before)
    });
    assert_eq!((second.slices, second.pages, requests), (0, 0, 0));
    assert!(second.leased_by.unwrap().starts_with("run-1 until "));
    assert_eq!((second.error, first.error, first.lag_seconds), (None, None, Some(0)));
    assert_eq!(bench.events(), ids(0..400));
}

#[test]
fn a_lane_that_was_given_back_is_free() {
    let bench = scene();
    bench.run(600);
    assert_eq!(bench.run(600)[0].leased_by, None);
}

#[test]
fn whoever_was_overtaken_moves_nothing() {
    let bench = scene();
    let (first, second) = interrupted(&bench, |bench| {
        // The first run sleeps through its own end.
        bench.clock.advance(Duration::from_secs(7_200));
        bench.clock.allow(Duration::from_secs(3_000));
        let second = bench.run_as("other").remove(0);
        (second, bench.checkpoint())
    });
    let (second, checkpoint) = second;
    assert_eq!((second.error, second.lag_seconds), (None, Some(0)));
    assert!(first.error.unwrap().contains("another run has moved the checkpoint"));
    assert_eq!(first.slices, 0, "it closed nothing");
    assert_eq!(bench.checkpoint(), checkpoint);
    assert_eq!(bench.events(), ids(0..400));
    bench.assert_kept_before_passed();
}

#[test]
fn whoever_was_overtaken_does_not_give_back_the_lease_of_another() {
    let bench = scene();
    let (_, third) = interrupted(&bench, |bench| {
        bench.clock.advance(Duration::from_secs(7_200));
        bench.clock.allow(Duration::from_secs(3_000));
        // The second run is interrupted by the end of the first: its lease is still live then.
        let lease = || bench.lease().unwrap();
        let before = lease();
        bench.faults.plan(super::world::Plan::Kill { at: 4, strike: super::world::Strike::After });
        bench.run_as("other");
        bench.faults.revive();
        (before, lease())
    });
    let (before, held) = third;
    assert_ne!(before, held);
    assert_eq!(bench.lease().unwrap(), held, "still the second run's");
    assert_eq!(held["holder"], "other");
}

#[test]
fn many_runs_at_once_close_each_slice_once() {
    let bench = scene();
    bench.clock.allow(Duration::from_secs(100_000));
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
    assert_eq!(bench.trail.port.exceeded(), 0);
    assert_eq!(bench.events(), ids(0..400));
}
