//! What a pruning removes and leaves.

use super::*;

impl ObjectRemover for Objects {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        self.stored.lock().unwrap().remove(key);
        Ok(())
    }
}

pub fn stored(trail: Trail) -> Objects {
    Objects { stored: Mutex::new(trail), ..Objects::default() }
}

#[test]
fn a_pruned_trail_verifies_and_says_what_is_gone() {
    let store = stored(sealed_trail());
    // Batches are written two hours apart: three of each chain are older.
    let cutoff = Time(NOW.0 + 6 * 3_600);
    let plan = plan_pruning(&store, cutoff, Time(NOW.0 + 90_000)).unwrap();
    assert_eq!((plan.keys.len(), plan.pruning.entries), (6, 12));
    assert_eq!(verify_trail(&store, None, &|_, _| ()).unwrap().batches, 10, "a plan removes nothing");
    prune(&store, &store, &plan, "run", None).unwrap();
    let found = verify_trail(&store, None, &|_, _| ()).unwrap();
    assert_eq!(found.problems, []);
    assert_eq!((found.batches, found.pruned_entries), (4, 12));
    // The rest goes too: the chains are gone, and the seals know why.
    let plan = plan_pruning(&store, Time(NOW.0 + 80_000), Time(NOW.0 + 90_000)).unwrap();
    prune(&store, &store, &plan, "run-2", None).unwrap();
    let found = verify_trail(&store, None, &|_, _| ()).unwrap();
    assert_eq!((found.problems, found.batches, found.pruned_entries), (Vec::new(), 0, 20));
}

#[test]
fn a_pruning_that_is_killed_anywhere_leaves_a_trail_that_verifies() {
    let cutoff = Time(NOW.0 + 6 * 3_600);
    for kept in 0..7 {
        let store = stored(sealed_trail());
        let plan = plan_pruning(&store, cutoff, NOW).unwrap();
        // The pruning is stored, and only the first batches are removed.
        let part = PrunePlan { keys: plan.keys[..6 - kept.min(6)].to_vec(), ..plan.clone() };
        if part.keys.is_empty() {
            continue;
        }
        prune(&store, &store, &part, "killed", None).unwrap();
        assert_eq!(verify_trail(&store, None, &|_, _| ()).unwrap().problems, [], "{kept}");
        let rest = plan_pruning(&store, cutoff, NOW).unwrap();
        prune(&store, &store, &rest, "next", None).unwrap();
        let found = verify_trail(&store, None, &|_, _| ()).unwrap();
        assert_eq!((found.problems, found.batches), (Vec::new(), 4));
    }
}

#[test]
fn what_a_pruning_does_not_name_is_still_found() {
    let store = stored(sealed_trail());
    let plan = plan_pruning(&store, Time(NOW.0 + 6 * 3_600), NOW).unwrap();
    prune(&store, &store, &plan, "run", None).unwrap();
    store.remove(&key(3)).unwrap();
    let found = verify_trail(&store, None, &|_, _| ()).unwrap();
    let kinds: Vec<_> = found.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [AuditProblemKind::BeginningMissing]);
    assert!(matches!(plan_pruning(&store, NOW, NOW), Err(TrailChangeError::NotIntact(_))));
}
