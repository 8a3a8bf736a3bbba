//! Leases: two runs of the job in one account and region.

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
    let mut fixture = PullFixture::new();
    fixture.without_lookup_faults = true;
    fixture.config.lookup.lookback_hours = 6;
    fixture.trail.port.page_size.store(10, Ordering::SeqCst);
    for number in 0..400 {
        fixture.add_event(number, Time(START.0 - 2 * HOUR_SECONDS + number * 15), 0);
    }
    Arc::new(fixture)
}

/// Calls `meanwhile` during the run's next request, and returns the outcome of the run and the result of the call.
fn run_interrupted_by<T: Send + 'static>(
    fixture: &Arc<PullFixture>,
    meanwhile: impl FnOnce(&PullFixture) -> T + Send + 'static,
) -> (PullOutcome, T) {
    let (other, result) = (Arc::clone(fixture), Arc::new(Mutex::new(None)));
    let shared = Arc::clone(&result);
    let interrupt = move || *shared.lock().unwrap() = Some(meanwhile(&other));
    *fixture.trail.port.interruption.lock().unwrap() = Some(Box::new(interrupt));
    let pulled = fixture.run(3_000).remove(0);
    let result = result.lock().unwrap().take().unwrap();
    (pulled, result)
}

#[test]
fn a_leased_region_is_skipped() {
    let fixture = fixture();
    let (first, (second, requests)) = run_interrupted_by(&fixture, |fixture| {
        let before = fixture.trail.port.requests();
        (fixture.run_as("other").remove(0), fixture.trail.port.requests() - before)
    });
    assert_eq!((second.slices, second.pages, requests), (0, 0, 0));
    assert!(second.leased_by.unwrap().starts_with("run-1 until "));
    assert_eq!((second.error, first.error, first.lag_seconds), (None, None, Some(0)));
    assert_eq!(fixture.events(), event_ids(0..400));
}

#[test]
fn a_released_lease_can_be_taken() {
    let fixture = fixture();
    fixture.run(600);
    assert_eq!(fixture.run(600)[0].leased_by, None);
}

#[test]
fn a_run_that_lost_its_lease_does_not_move_the_checkpoint() {
    let fixture = fixture();
    let (first, second) = run_interrupted_by(&fixture, |fixture| {
        // The first run outlives its lease.
        fixture.clock.advance(Duration::from_secs(7_200));
        fixture.clock.set_remaining(Duration::from_secs(3_000));
        let second = fixture.run_as("other").remove(0);
        (second, fixture.checkpoint())
    });
    let (second, checkpoint) = second;
    assert_eq!((second.error, second.lag_seconds), (None, Some(0)));
    assert!(first.error.unwrap().contains("another run has moved the checkpoint"));
    assert_eq!(first.slices, 0, "it completed no slice");
    assert_eq!(fixture.checkpoint(), checkpoint);
    assert_eq!(fixture.events(), event_ids(0..400));
    fixture.assert_checkpoint_is_covered_by_evidence();
}

#[test]
fn a_run_that_lost_its_lease_does_not_release_the_new_one() {
    let fixture = fixture();
    let (_, third) = run_interrupted_by(&fixture, |fixture| {
        fixture.clock.advance(Duration::from_secs(7_200));
        fixture.clock.set_remaining(Duration::from_secs(3_000));
        // The second run is killed, so its lease is still in force when the first run ends.
        let lease = || fixture.lease().unwrap();
        let before = lease();
        fixture.fault_injector.plan(super::environment::FaultPlan::Kill {
            at: 4,
            timing: super::environment::FaultTiming::After,
        });
        fixture.run_as("other");
        fixture.fault_injector.reset();
        (before, lease())
    });
    let (before, held) = third;
    assert_ne!(before, held);
    assert_eq!(fixture.lease().unwrap(), held, "the second run still holds it");
    assert_eq!(held["holder"], "other");
}

#[test]
fn concurrent_runs_complete_each_slice_once() {
    let fixture = fixture();
    fixture.clock.set_remaining(Duration::from_secs(100_000));
    let pulled: Vec<PullOutcome> = std::thread::scope(|scope| {
        let run = |number: usize| {
            let fixture = &fixture;
            scope.spawn(move || fixture.run_as(&format!("run-{number}")).remove(0))
        };
        let runs: Vec<_> = (0..6).map(run).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(pulled.iter().all(|outcome| outcome.error.is_none()), "{pulled:?}");
    assert_eq!(pulled.iter().map(|outcome| outcome.events).sum::<u64>(), 400);
    assert_eq!(fixture.trail.port.excess_requests(), 0);
    assert_eq!(fixture.events(), event_ids(0..400));
}
