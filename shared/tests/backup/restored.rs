//! What a restore says it would change, and what it changes.

use super::*;

#[test]
fn a_plan_changes_nothing_and_names_what_would_be_replaced() {
    let world = World::usual();
    world.create(&name(0)).unwrap();
    world.state.set(BackupKind::State, "state.db", b"9");
    world.state.set(BackupKind::Evidence, "segments/aa/1.seg", b"broken");
    world.trail.port.damage(&batch(1), None);
    let (state, trail) = (world.state.content(), world.trail_content());
    let plan = world.plan(&name(0)).unwrap();
    assert_eq!((world.state.content(), world.trail_content()), (state, trail));
    let changes: Vec<_> =
        plan.found.changes.iter().map(|change| (&*change.name, change.comparison)).collect();
    let expected =
        [("segments/aa/1.seg", EntryComparison::DamagedHere), ("state.db", EntryComparison::NewerHere)];
    assert_eq!(changes, expected);
    assert_eq!(plan.found.comparisons[&BackupKind::Audit][&EntryComparison::New], 1);
    assert_eq!(plan.found.comparisons[&BackupKind::Audit][&EntryComparison::Equal], 1);
    world.restore(&name(0)).unwrap();
    assert!(world.plan(&name(0)).unwrap().is_done());
}

#[test]
fn a_state_that_became_newer_after_the_plan_is_not_replaced() {
    let world = World::usual();
    world.create(&name(0)).unwrap();
    world.state.set(BackupKind::State, "state.db", b"3");
    let plan = world.plan(&name(0)).unwrap();
    assert_eq!(plan.found.number(BackupKind::State, EntryComparison::OlderHere), 1);
    world.state.set(BackupKind::State, "state.db", b"9");
    let record = RestoreRecord { name: name(0), destination: String::new(), began_at: NOW };
    let error = restore(world.repository(), &plan, world.targets(), &record, &|_, _| ()).unwrap_err();
    assert!(error.to_string().contains("became newer"), "{error}");
    assert_eq!(world.state.content()[&(BackupKind::State, "state.db".to_owned())], b"9");
    // The restore did not end, so no backup is made of what is there.
    let refused = world.create(&name(1)).unwrap_err();
    assert!(matches!(&refused, BackupError::RestoreUnfinished(found) if *found == name(0)), "{refused}");
    assert_eq!(world.plan(&name(0)).unwrap().unfinished, Some(record));
}

#[test]
fn an_object_of_the_audit_trail_is_never_replaced() {
    let world = World::usual();
    world.create(&name(0)).unwrap();
    world.trail.port.damage(&batch(0), Some(b"another".to_vec()));
    let before = (world.state.content(), world.trail_content());
    let error = world.restore(&name(0)).unwrap_err();
    assert!(matches!(&error, BackupError::Conflict { number: 1, first } if *first == batch(0)), "{error}");
    assert_eq!((world.state.content(), world.trail_content()), before);
}

#[test]
fn what_the_backup_does_not_have_stays() {
    let world = World::usual();
    world.create(&name(0)).unwrap();
    world.state.set(BackupKind::Reports, "reports/later.json", b"{}");
    world.trail.create(&batch(2), b"later", "application/gzip").unwrap();
    let before = (world.state.content(), world.trail_content());
    world.restore(&name(0)).unwrap();
    assert_eq!((world.state.content(), world.trail_content()), before);
}

#[test]
fn an_unknown_backup_is_not_found() {
    let world = World::usual();
    for error in [world.verify(&name(7)).unwrap_err(), world.restore(&name(7)).unwrap_err()] {
        assert!(matches!(error, BackupError::NotFound(_)), "{error}");
    }
}
