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
    let plan = plan_pruning(&store, cutoff, &AuditSettings::default(), Time(NOW.0 + 90_000)).unwrap();
    assert_eq!((plan.keys.len(), plan.pruning.entries), (6, 12));
    assert_eq!(verify_trail(&store, None, &|_, _| ()).unwrap().batches, 10, "a plan removes nothing");
    prune(&store, &store, &plan, "run", None).unwrap();
    let found = verify_trail(&store, None, &|_, _| ()).unwrap();
    assert_eq!(found.problems, []);
    assert_eq!((found.batches, found.pruned_entries), (4, 12));
    // The rest goes too: the chains are gone, and the seals know why.
    let plan =
        plan_pruning(&store, Time(NOW.0 + 80_000), &AuditSettings::default(), Time(NOW.0 + 90_000)).unwrap();
    prune(&store, &store, &plan, "run-2", None).unwrap();
    let found = verify_trail(&store, None, &|_, _| ()).unwrap();
    assert_eq!((found.problems, found.batches, found.pruned_entries), (Vec::new(), 0, 20));
}

#[test]
fn a_pruning_that_is_killed_anywhere_leaves_a_trail_that_verifies() {
    let cutoff = Time(NOW.0 + 6 * 3_600);
    for kept in 0..7 {
        let store = stored(sealed_trail());
        let plan = plan_pruning(&store, cutoff, &AuditSettings::default(), NOW).unwrap();
        // The pruning is stored, and only the first batches are removed.
        let part = PrunePlan { keys: plan.keys[..6 - kept.min(6)].to_vec(), ..plan.clone() };
        if part.keys.is_empty() {
            continue;
        }
        prune(&store, &store, &part, "killed", None).unwrap();
        assert_eq!(verify_trail(&store, None, &|_, _| ()).unwrap().problems, [], "{kept}");
        let rest = plan_pruning(&store, cutoff, &AuditSettings::default(), NOW).unwrap();
        prune(&store, &store, &rest, "next", None).unwrap();
        let found = verify_trail(&store, None, &|_, _| ()).unwrap();
        assert_eq!((found.problems, found.batches), (Vec::new(), 4));
    }
}

#[test]
fn what_a_pruning_does_not_name_is_still_found() {
    let store = stored(sealed_trail());
    let plan = plan_pruning(&store, Time(NOW.0 + 6 * 3_600), &AuditSettings::default(), NOW).unwrap();
    prune(&store, &store, &plan, "run", None).unwrap();
    store.remove(&key(3)).unwrap();
    let found = verify_trail(&store, None, &|_, _| ()).unwrap();
    let kinds: Vec<_> = found.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [AuditProblemKind::BeginningMissing]);
    assert!(matches!(
        plan_pruning(&store, NOW, &AuditSettings::default(), NOW),
        Err(TrailChangeError::NotIntact(_))
    ));
}

#[test]
fn a_legal_hold_keeps_the_batches_about_its_principals_and_what_follows_them() {
    let store = Objects::default();
    let trail = trail(&store, "write_buffer_size = 1");
    let call = recorded(&config(""), &[record(1, "PutObject", json!({}))]).remove(0);
    for entry in [note(1), call, note(2)] {
        trail.add(&entry, NOW).unwrap();
    }
    let planned = |held: &str| {
        let settings = config(&format!("[audit]\nlegal_hold = [{held}]\n")).audit;
        let plan = plan_pruning(&store, Time(NOW.0 + 1), &settings, NOW).unwrap();
        (plan.keys.len(), plan.held_chains)
    };
    assert_eq!(planned(""), (3, 0));
    assert_eq!(planned("\"arn:aws:iam::111122223333:role/Other\""), (3, 0));
    assert_eq!(planned("\"arn:aws:iam::111122223333:role/Auditor\""), (1, 1));
    assert_eq!(planned("\"arn:aws:iam::111122223333:*\""), (1, 1));
    assert_eq!(planned("\"*\""), (0, 1), "the whole trail, also entries about no principal");
    let wrong = Config::from_toml("[audit]\nlegal_hold = [\"Auditor\"]\n", "test").unwrap_err().to_string();
    assert!(wrong.starts_with("test:2:15: `Auditor` is not an ARN pattern"), "{wrong}");
}

/// Refuses to remove one object, as S3 does if Object Lock protects it.
struct LockedStore<'a> {
    store: &'a Objects,
    locked: String,
    kind: PortErrorKind,
}

impl ObjectRemover for LockedStore<'_> {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        if key == self.locked {
            return Err(PortError { kind: self.kind, ..unavailable(key) });
        }
        self.store.remove(key)
    }
}

#[test]
fn a_removal_that_the_store_refuses_keeps_the_rest_of_its_chain_and_is_named() {
    let store = stored(sealed_trail());
    let plan = plan_pruning(&store, Time(NOW.0 + 6 * 3_600), &AuditSettings::default(), NOW).unwrap();
    let locked = LockedStore { store: &store, locked: key(1), kind: PortErrorKind::AccessDenied };
    let outcome = prune(&store, &locked, &plan, "run", None).unwrap();
    let refused: Vec<&String> = outcome.refused.iter().map(|(key, _)| key).collect();
    assert_eq!((outcome.removed, refused), (4, vec![&key(1)]), "one of the locked chain, three of the other");
    let found = verify_trail(&store, None, &|_, _| ()).unwrap();
    assert_eq!((found.problems, found.batches), (Vec::new(), 6));
    // A failure that is not a refusal ends the run.
    let failing = LockedStore { kind: PortErrorKind::Unavailable, ..locked };
    assert!(matches!(prune(&store, &failing, &plan, "again", None), Err(TrailChangeError::Store(_))));
}

/// Keeps each object for some days, as a bucket with Object Lock does.
struct BucketWithLock<'a>(&'a Objects, u32);

impl ObjectRemover for BucketWithLock<'_> {
    fn remove(&self, key: &str) -> Result<(), PortError> {
        self.0.remove(key)
    }

    fn locked_days(&self) -> Result<Option<u32>, PortError> {
        Ok(Some(self.1))
    }
}

#[test]
fn nothing_is_pruned_that_the_store_keeps_anyway() {
    let store = stored(sealed_trail());
    let now = Time(NOW.0 + 30 * 86_400);
    let plan = plan_pruning(&store, Time(NOW.0 + 6 * 3_600), &AuditSettings::default(), now).unwrap();
    let refused = prune(&store, &BucketWithLock(&store, 30), &plan, "run", None).unwrap_err();
    assert!(matches!(refused, TrailChangeError::Locked { locked_days: 30, .. }), "{refused}");
    assert_eq!(verify_trail(&store, None, &|_, _| ()).unwrap().batches, 10);
    assert!(store.list("audit/prunings/").unwrap().is_empty(), "no record of a pruning that did not happen");
    assert_eq!(prune(&store, &BucketWithLock(&store, 29), &plan, "run", None).unwrap().removed, 6);
}

#[test]
fn the_retention_says_what_is_removed() {
    let settings = config("[audit]\nretention_days = 90\n").audit;
    assert_eq!(settings.retained_since(NOW), Time(NOW.0 - 90 * 86_400));
    assert_eq!(AuditSettings::default().retention_days, 30);
}
