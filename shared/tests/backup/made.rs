//! What a backup has, and how it is named.

use std::collections::BTreeSet;

use onlooker_core::backup::PART_BYTES;
use proptest::prelude::*;

use super::*;

#[test]
fn a_backup_has_every_entry_and_the_sums_of_its_parts() {
    let world = World::usual();
    let manifest = world.create(&name(0)).unwrap();
    assert_eq!((manifest.schema_version, &*manifest.tool_version, &*manifest.run_id), (1, "1.2.3", "run"));
    assert_eq!(manifest.created_at, NOW);
    assert_eq!(manifest.entries, 8);
    assert_eq!(manifest.counts, BTreeMap::from([("files".to_owned(), 6), ("audit_batches".to_owned(), 2)]));
    let kinds: Vec<BackupKind> = manifest.parts.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, BackupKind::ALL);
    let stored: u64 = content_of(&world.backups)
        .iter()
        .filter(|(key, _)| key.ends_with(".gz"))
        .map(|(_, bytes)| bytes.len() as u64)
        .sum();
    assert_eq!(manifest.compressed_bytes, stored);
    assert!(manifest.ratio > 1.0, "{manifest:?}");
    assert_eq!(world.verify(&name(0)).unwrap().problems, []);
    assert_eq!(world.verify(&name(0)).unwrap().manifest.unwrap(), manifest);
    let [listed] = <[_; 1]>::try_from(list(world.repository()).unwrap()).unwrap();
    assert_eq!((listed.status, listed.manifest), (BackupStatus::Complete, Some(manifest)));
}

#[test]
fn nothing_to_back_up_is_an_error_and_makes_no_backup() {
    let world = World::of(MemoryState::default());
    assert!(matches!(world.create(&name(0)), Err(BackupError::Empty)));
    assert_eq!(content_of(&world.backups), []);
}

#[test]
fn a_name_that_is_taken_changes_nothing() {
    let world = World::usual();
    world.create(&name(0)).unwrap();
    let before = content_of(&world.backups);
    world.state.set(BackupKind::Evidence, "segments/aa/1.seg", b"another content");
    assert!(matches!(world.create(&name(0)), Err(BackupError::NameTaken(_))));
    assert_eq!(content_of(&world.backups), before);
}

#[test]
fn large_files_are_cut_into_parts_of_bounded_size() {
    let text: Vec<u8> = (0..PART_BYTES as u32 / 2).flat_map(u32::to_le_bytes).collect();
    assert_eq!(text.len(), 2 * PART_BYTES);
    let world = World::of(MemoryState::with(&[(BackupKind::State, "state.db", &text)]));
    let manifest = world.create(&name(0)).unwrap();
    assert_eq!(manifest.parts.len(), 3);
    assert!(manifest.parts.iter().all(|part| part.bytes <= PART_BYTES as u64));
    let entries: Vec<u64> = manifest.parts.iter().map(|part| part.entries).collect();
    assert_eq!(entries, [1, 0, 0]);
    let world = world.elsewhere(MemoryState::default());
    world.restore(&name(0)).unwrap();
    assert_eq!(world.state.content()[&(BackupKind::State, "state.db".to_owned())], text);
}

#[test]
fn names_sort_by_time_and_do_not_collide_in_one_second() {
    let id = |n: u32| format!("019e0000-0000-7000-8000-{:012x}", u64::from(n) * 7_919);
    let names: Vec<BackupName> = (0..500).map(|n| BackupName::new(Time(NOW.0 + n / 100), &id(n))).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 500);
    for pair in names.chunks(100).collect::<Vec<_>>().windows(2) {
        assert!(pair[0].iter().max() < pair[1].iter().min());
    }
    for text in [
        "",
        "x",
        "20261121T100000Z",
        "20261121T100000Z-",
        "20261121T100000Z-0123456789AB",
        "20261321T100000Z-0123456789ab",
        "20261121T100000Z-0123456789abc",
        "../../../../etc",
        "20261121T100000Z-..........ab",
    ] {
        assert_eq!(BackupName::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_name_is_read_as_it_is_written(seconds in any::<u32>(), id in "[0-9a-f-]{0,40}") {
        let name = BackupName::new(Time(seconds), &id);
        // The calendar of names ends with the year 2105.
        prop_assume!(seconds < 4_291_747_200);
        prop_assert_eq!(BackupName::parse(name.as_str()), Some(name.clone()));
        prop_assert_eq!(name.time(), Time(seconds));
    }

    #[test]
    fn what_is_backed_up_is_restored(
        entries in prop::collection::btree_map(
            ((0..4_usize).prop_map(|n| [BackupKind::Evidence, BackupKind::Reports, BackupKind::State, BackupKind::Configuration][n]), "[a-z0-9_.=-]{0,9}[a-z0-9]/[a-zA-Z0-9]{1,30}"),
            prop::collection::vec(any::<u8>(), 0..2_000),
            1..12,
        )
    ) {
        let world = World::of(MemoryState::default());
        for ((kind, name), bytes) in &entries {
            world.state.set(*kind, name, bytes);
        }
        let manifest = world.create(&name(0)).unwrap();
        prop_assert_eq!(manifest.entries, entries.len() as u64);
        let world = world.elsewhere(MemoryState::default());
        world.restore(&name(0)).unwrap();
        prop_assert_eq!(world.state.content(), entries);
        prop_assert!(world.plan(&name(0)).unwrap().is_done());
    }
}
