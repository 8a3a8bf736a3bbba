//! The local table and store. Law: they behave as maps.

use std::{collections::BTreeMap, ops::Range, thread};

use onlooker_core::{
    ports::{ObjectStore, PortErrorKind, Table, TableItem, WriteCondition},
    time::Time,
};
use onlooker_local::{directory_store::DirectoryStore, sqlite_table::SqliteTable};
use proptest::{prelude::*, sample::select};
use serde_json::json;

use super::environment::{MemoryStore, MemoryTable};

#[derive(Clone, Debug)]
enum LocalTableStep {
    Put { partition: &'static str, sort: String, revision: u64, expires: Option<u32>, body: u32, same: bool },
    Delete { partition: &'static str, sort: String },
    Query { partition: &'static str, prefix: String },
}

fn sort_key() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["", "a", "ab", "ab#", "ab#1", "b", "é", "\u{0}", "%", "_"]).prop_map(str::to_owned),
        "[ab#]{0,3}"
    ]
}

fn table_step() -> impl Strategy<Value = LocalTableStep> {
    let partition = || select(vec!["p", "P", "p#q"]);
    prop_oneof![
        4 => (partition(), sort_key(), 0..4_u64, any::<Option<u32>>(), any::<u32>(), any::<bool>()).prop_map(
            |(partition, sort, revision, expires, body, same)| LocalTableStep::Put { partition, sort, revision, expires, body, same }
        ),
        1 => (partition(), sort_key()).prop_map(|(partition, sort)| LocalTableStep::Delete { partition, sort }),
        2 => (partition(), sort_key()).prop_map(|(partition, prefix)| LocalTableStep::Query { partition, prefix }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_table_is_a_map_with_revisions(steps in prop::collection::vec(table_step(), 1..60)) {
        let home = tempfile::tempdir().unwrap();
        let model = MemoryTable::default();
        // Two connections, as two processes have them.
        let file = home.path().join("table.db");
        let tables = [SqliteTable::open(&file).unwrap(), SqliteTable::open(&file).unwrap()];
        for (n, step) in steps.into_iter().enumerate() {
            let table = &tables[n % 2];
            match step {
                LocalTableStep::Put { partition, sort, revision, expires, body, same } => {
                    let item = TableItem {
                        partition_key: partition.to_owned(),
                        sort_key: sort,
                        revision,
                        expires_at: expires.map(Time),
                        body: json!({ "n": body, "text": "ü\n", "list": [1.5, null] }),
                    };
                    let expected = if same { WriteCondition::Unchanged } else { WriteCondition::Always };
                    prop_assert_eq!(table.put(&item, expected).unwrap(), model.put(&item, expected).unwrap());
                }
                LocalTableStep::Delete { partition, sort } => {
                    table.delete(partition, &sort).unwrap();
                    model.delete(partition, &sort).unwrap();
                }
                LocalTableStep::Query { partition, prefix } => {
                    prop_assert_eq!(table.query(partition, &prefix).unwrap(), model.query(partition, &prefix).unwrap());
                }
            }
        }
        for partition in ["p", "P", "p#q"] {
            prop_assert_eq!(tables[0].query(partition, "").unwrap(), model.query(partition, "").unwrap());
        }
    }

    #[test]
    fn the_store_is_an_append_only_map(
        objects in prop::collection::vec((object_key(), prop::collection::vec(any::<u8>(), 0..20)), 1..30),
        prefixes in prop::collection::vec(object_key(), 1..8),
        part in (0..25_u64, 0..25_u64),
    ) {
        let home = tempfile::tempdir().unwrap();
        let (store, model) = (DirectoryStore::new(home.path().join("store")), MemoryStore::default());
        for (key, bytes) in &objects {
            let created = store.create(key, bytes, "text/plain").unwrap();
            prop_assert_eq!(created, model.create(key, bytes, "text/plain").unwrap(), "{}", key);
            let path = store.path(key);
            let plain = |part| matches!(part, std::path::Component::Normal(_));
            prop_assert!(path.strip_prefix(home.path().join("store")).unwrap().components().all(plain), "{:?}", path);
        }
        let names = |store: &dyn ObjectStore, prefix: &str| -> Vec<(String, u64)> {
            store.list(prefix).unwrap().into_iter().map(|object| (object.name, object.size)).collect()
        };
        for prefix in prefixes.iter().map(String::as_str).chain(["", "a", "a/", "a/b"]) {
            prop_assert_eq!(names(&store, prefix), names(&model, prefix), "{}", prefix);
            let read = |store: &dyn ObjectStore, part: Option<Range<u64>>| {
                store.read(prefix, part).map_err(|error| error.kind)
            };
            prop_assert_eq!(read(&store, None), read(&model, None));
            let part = Some(part.0.min(part.1)..part.1);
            prop_assert_eq!(read(&store, part.clone()), read(&model, part));
        }
        let all: BTreeMap<_, _> = objects.iter().rev().map(|(key, bytes)| (key.clone(), bytes.clone())).collect();
        for (key, bytes) in all {
            prop_assert_eq!(store.read(&key, None).unwrap(), bytes);
        }
    }
}

/// Keys with a special meaning to a file system, and long ones.
fn object_key() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => select(vec![
            "a", "b", "a.b", ".", "..", "", ".hidden", "%", "%41", "A b", "nul\0", "dt=2023-11-10", "é", "c:\\d", "%-", "a.%."
        ]).prop_map(str::to_owned),
        1 => (select(vec!["x", "%", "é", "x."]), 60..260_usize).prop_map(|(text, times)| text.repeat(times)),
    ];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

#[test]
fn only_one_of_many_concurrent_writers_succeeds() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("table.db");
    let (table, store) = (SqliteTable::open(&file).unwrap(), DirectoryStore::new(home.path()));
    let won = |n: u64| {
        let own = SqliteTable::open(&file).unwrap();
        let item = |sort: &str, revision| TableItem {
            partition_key: "p".to_owned(),
            sort_key: sort.to_owned(),
            revision,
            expires_at: None,
            body: json!({ "writer": n }),
        };
        let mut won = (0, 0, 0);
        for round in 0..20 {
            let name = format!("{round:02}");
            won.0 += u32::from(own.put(&item(&name, 0), WriteCondition::Unchanged).unwrap());
            won.1 += u32::from(store.create(&name, name.as_bytes(), "text/plain").unwrap());
            // A counter that each thread tries to increment until it succeeds.
            loop {
                let revision = table.query("p", "count").unwrap().first().map_or(0, |item| item.revision);
                if table.put(&item("count", revision), WriteCondition::Unchanged).unwrap() {
                    break;
                }
            }
            won.2 += 1;
        }
        won
    };
    let sums = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|n| scope.spawn(move || won(n))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .fold((0, 0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1, sum.2 + one.2))
    });
    assert_eq!(sums, (20, 20, 80));
    assert_eq!(table.query("p", "count").unwrap()[0].revision, 80);
}

#[test]
fn absent_and_partly_written_objects_are_missing() {
    let home = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(home.path());
    assert_eq!(store.read("a/b", None).unwrap_err().kind, PortErrorKind::NotFound);
    assert_eq!(store.list("a/").unwrap(), []);
    store.create("a/b.json", b"1", "application/json").unwrap();
    std::fs::write(home.path().join("a/.tmpX"), b"half").unwrap();
    std::fs::write(home.path().join("a/not ours"), b"?").unwrap();
    let names: Vec<String> = store.list("").unwrap().into_iter().map(|object| object.name).collect();
    assert_eq!(names, ["a/b.json"]);
    assert_eq!(store.path("a/b.json"), home.path().join("a/b.json"), "plain keys are plain paths");
}
