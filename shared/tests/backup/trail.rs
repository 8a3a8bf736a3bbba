//! The audit trail in a backup, while other processes write to it.

use std::ops::Range;

use onlooker_core::ports::StoredObject;

use super::*;

/// A trail to which batches are added between the calls that list it. A list does not have the newest batch but one, as a
/// list that looks at one folder after the other may not.
struct GrowingTrail {
    store: MemoryStore,
    lists: Mutex<u64>,
}

impl ObjectStore for GrowingTrail {
    fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError> {
        self.store.create(key, bytes, media_type)
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        self.store.read(key, part)
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        let mut lists = self.lists.lock().unwrap();
        *lists += 1;
        for number in [*lists * 2, *lists * 2 + 1] {
            self.store
                .create(&batch(number), format!("batch {number}").as_bytes(), "application/gzip")
                .unwrap();
        }
        let missed = batch(*lists * 2);
        let mut listed = self.store.list(prefix)?;
        listed.retain(|object| object.name != missed);
        Ok(listed)
    }
}

#[test]
fn a_chain_in_a_backup_has_no_gap_although_the_trail_grows() {
    let trail = GrowingTrail { store: MemoryStore::default(), lists: Mutex::default() };
    for number in 0..2 {
        trail.create(&batch(number), b"batch", "application/gzip").unwrap();
    }
    let world = World::of(MemoryState::with(&[(BackupKind::State, "state.db", b"5")]));
    let contents = BackupContents { source: &*world.state, audit: Some(&trail), journal: &*world.state };
    let backup = name(0);
    let new = NewBackup { name: &backup, run_id: "run", tool_version: "1.2.3" };
    create(world.repository(), contents, new, &|_, _| ()).unwrap();
    let world = world.elsewhere(MemoryState::default());
    world.restore(&backup).unwrap();
    let keys: Vec<String> = world.trail_content().into_iter().map(|(key, _)| key).collect();
    let expected: Vec<String> = (0..keys.len() as u64).map(batch).collect();
    assert_eq!(keys, expected);
    assert!(keys.len() > 4, "{keys:?}");
}

#[test]
fn a_trail_that_is_pruned_while_it_is_read_fails_the_backup() {
    struct PrunedTrail(MemoryStore);
    impl ObjectStore for PrunedTrail {
        fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError> {
            self.0.create(key, bytes, media_type)
        }

        fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
            self.0.damage(&batch(0), None);
            self.0.read(key, part)
        }

        fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
            self.0.list(prefix)
        }
    }
    let trail = PrunedTrail(MemoryStore::default());
    trail.create(&batch(0), b"batch", "application/gzip").unwrap();
    let world = World::usual();
    let contents = BackupContents { source: &*world.state, audit: Some(&trail), journal: &*world.state };
    let backup = name(0);
    let new = NewBackup { name: &backup, run_id: "run", tool_version: "1.2.3" };
    let error = create(world.repository(), contents, new, &|_, _| ()).unwrap_err();
    assert!(error.to_string().contains("pruned while it was read"), "{error}");
    assert_eq!(world.statuses(), [(backup, BackupStatus::Incomplete)]);
}
