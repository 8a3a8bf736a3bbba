//! Which backups a rotation removes.

use onlooker_core::backup::{KnownBackup, Rotation};
use proptest::prelude::*;

use super::*;

fn known(hours: u32, status: BackupStatus) -> KnownBackup {
    KnownBackup { name: name(hours * 3_600), status }
}

#[test]
fn the_newest_complete_backups_stay() {
    use BackupStatus::{Complete, Damaged, Incomplete, Unsupported};

    let rows = [
        (0, Incomplete),
        (1, Complete),
        (2, Damaged),
        (3, Complete),
        (4, Unsupported),
        (5, Complete),
        (6, Damaged),
    ];
    let rows = rows.map(|(hours, status)| known(hours, status));
    let removed = |keep: u32, now: u32| -> Vec<KnownBackup> {
        Rotation::plan(rows.to_vec(), NonZeroU32::new(keep).unwrap(), Time(NOW.0 + now * 3_600)).removed
    };
    assert_eq!(removed(2, 100), [&rows[0], &rows[1], &rows[2]].map(Clone::clone));
    assert_eq!(removed(1, 100), [&rows[0], &rows[1], &rows[2], &rows[3]].map(Clone::clone));
    // What may still be written stays for a day.
    assert_eq!(removed(1, 7), [&rows[1], &rows[3]].map(Clone::clone));
    assert_eq!(removed(9, 100), [&rows[0], &rows[2]].map(Clone::clone));
}

proptest! {
    #[test]
    fn a_rotation_never_removes_what_it_must_keep(
        statuses in prop::collection::vec(0..4_u32, 0..12), keep in 1..5_u32, now in 0..60_u32
    ) {
        let all = [BackupStatus::Complete, BackupStatus::Incomplete, BackupStatus::Damaged, BackupStatus::Unsupported];
        let backups: Vec<KnownBackup> =
            statuses.iter().zip(0..).map(|(status, hours)| known(hours, all[*status as usize])).collect();
        let rotation = Rotation::plan(backups.clone(), NonZeroU32::new(keep).unwrap(), Time(NOW.0 + now * 3_600));
        let complete = |list: &[KnownBackup]| -> Vec<KnownBackup> {
            list.iter().filter(|backup| backup.status == BackupStatus::Complete).cloned().collect()
        };
        let (before, after) = (complete(&backups), complete(&rotation.kept));
        let newest: Vec<_> = before.iter().rev().take(keep as usize).rev().cloned().collect();
        prop_assert_eq!(after, newest);
        prop_assert!(!rotation.removed.iter().any(|backup| backup.status == BackupStatus::Unsupported));
        prop_assert!(!before.is_empty() || rotation.removed.is_empty());
        let mut both = [rotation.removed, rotation.kept].concat();
        both.sort();
        prop_assert_eq!(both, backups);
    }
}

#[test]
fn pruning_removes_every_object_of_a_backup_and_nothing_else() {
    let world = World::usual();
    for number in 0..4 {
        world.create(&name(number)).unwrap();
    }
    world.backups.create("backups/notes.txt", b"mine", "text/plain").unwrap();
    world.backups.create("backups/other/manifest.json", b"mine", "text/plain").unwrap();
    world.prune(2).unwrap();
    let kept = [(name(2), BackupStatus::Complete), (name(3), BackupStatus::Complete)];
    assert_eq!(world.statuses(), kept);
    let keys: Vec<String> = content_of(&world.backups).into_iter().map(|(key, _)| key).collect();
    assert!(
        keys.contains(&"backups/notes.txt".to_owned())
            && keys.contains(&"backups/other/manifest.json".to_owned())
    );
    assert!(
        !keys.iter().any(|key| key.contains(name(0).as_str()) || key.contains(name(1).as_str())),
        "{keys:?}"
    );
}
