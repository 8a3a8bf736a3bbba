//! What a kill at any call leaves, and that the same job run again ends.

use test_support::environment::{FaultPlan, FaultTiming};

use super::*;

const TIMINGS: [FaultTiming; 2] = [FaultTiming::Before, FaultTiming::After];

/// Runs `check` on a world of its own for a kill at each call of `work`. Returns the number of calls.
fn kill_at_each_call(
    make: impl Fn() -> World,
    work: impl Fn(&World) -> bool,
    check: impl Fn(&World),
) -> usize {
    for timing in TIMINGS {
        for at in 0.. {
            let world = make();
            world.injector.plan(FaultPlan::Kill { at, timing });
            let ended = work(&world);
            let was_killed = world.injector.is_killed();
            world.injector.reset();
            if !was_killed {
                assert!(ended, "without a kill the job succeeds");
                if timing == FaultTiming::After {
                    return at;
                }
                break;
            }
            check(&world);
        }
    }
    0
}

#[test]
fn a_killed_creation_leaves_a_backup_that_is_complete_or_says_that_it_is_not() {
    let make = || {
        let world = World::usual();
        world.create(&name(0)).unwrap();
        world
    };
    let calls = kill_at_each_call(
        make,
        |world| world.create(&name(1)).is_ok(),
        |world| {
            assert_eq!(world.verify(&name(0)).unwrap().problems, []);
            for (backup, status) in world.statuses() {
                let problems = world.verify(&backup).unwrap().problems;
                assert_eq!(status == BackupStatus::Complete, problems.is_empty(), "{problems:?}");
                if status != BackupStatus::Complete {
                    assert_eq!((&backup, status), (&name(1), BackupStatus::Incomplete));
                    assert!(matches!(world.restore(&backup), Err(BackupError::Refused { .. })));
                }
            }
            world.create(&name(2)).unwrap();
            assert_eq!(world.verify(&name(2)).unwrap().problems, []);
            world.prune(1).unwrap();
            assert_eq!(world.statuses(), [(name(2), BackupStatus::Complete)]);
        },
    );
    assert!(calls > 15, "{calls}");
}

#[test]
fn a_killed_restore_is_known_as_unfinished_and_ends_when_it_is_run_again() {
    let whole = World::usual();
    let (state, trail) = (whole.state.content(), whole.trail_content());
    let database = (BackupKind::State, "state.db".to_owned());
    let make = || {
        let world = World::usual();
        world.create(&name(0)).unwrap();
        world.elsewhere(MemoryState::with(&[(BackupKind::State, "state.db", b"4")]))
    };
    let calls = kill_at_each_call(
        make,
        |world| world.restore(&name(0)).is_ok(),
        |world| {
            let here = world.state.content();
            let is_whole = here == state && world.trail_content() == trail;
            let is_as_before = here.len() == 1 && here[&database] == b"4" && world.trail_content().is_empty();
            if world.state.unfinished().unwrap().is_none() {
                assert!(is_whole || is_as_before, "{here:?}");
            } else {
                assert!(matches!(world.create(&name(1)), Err(BackupError::RestoreUnfinished(_))));
            }
            if here[&database] == b"5" {
                assert!(
                    here.len() >= 5 && world.trail_content() == trail,
                    "the state is written after what it names"
                );
            }
            world.restore(&name(0)).unwrap();
            assert_eq!((world.state.content(), world.trail_content()), (state.clone(), trail.clone()));
            assert_eq!(world.state.unfinished().unwrap(), None);
        },
    );
    assert!(calls > 25, "{calls}");
}

#[test]
fn a_killed_pruning_leaves_complete_backups_and_rests_that_are_removed_later() {
    let make = || {
        let world = World::usual();
        for number in 0..3 {
            world.create(&name(number)).unwrap();
        }
        world
    };
    let calls = kill_at_each_call(
        make,
        |world| world.prune(1).is_ok(),
        |world| {
            assert!(world.statuses().contains(&(name(2), BackupStatus::Complete)));
            for (backup, status) in world.statuses() {
                let is_intact = world.verify(&backup).unwrap().problems.is_empty();
                assert_eq!(status == BackupStatus::Complete, is_intact);
            }
            world.prune(1).unwrap();
            assert_eq!(world.statuses(), [(name(2), BackupStatus::Complete)]);
        },
    );
    assert!(calls > 15, "{calls}");
}
