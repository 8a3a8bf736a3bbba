//! Table and store of AWS answer as those of this machine do.

use std::ops::Range;

use onlooker_core::{
    ports::{ObjectStore, Table, TableItem, WriteCondition},
    time::Time,
};
use onlooker_local::{directory_store::DirectoryStore, sqlite_table::SqliteTable};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    Place,
    cloud::{Answer, Fault, Request},
};

#[derive(Clone, Debug)]
enum Step {
    Put {
        partition: &'static str,
        sort: String,
        revision: u64,
        expires: Option<u32>,
        body: Value,
        same: bool,
    },
    Delete {
        partition: &'static str,
        sort: String,
    },
    Query {
        partition: &'static str,
        prefix: String,
    },
}

/// DynamoDB has no empty keys.
fn sort() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["a", "ab", "ab#", "ab#1", "b", "é", "%", "_"]).prop_map(str::to_owned),
        "[ab#]{1,3}"
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let partition = || select(vec!["p", "P", "p#q"]);
    let body = || {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            "\\PC{0,4}".prop_map(Value::from),
            Just(json!(0.25)),
            Just(json!([1.5, null, "ü\n", {}])),
        ];
        prop::collection::btree_map("[a-z]{0,3}", leaf, 0..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    };
    prop_oneof![
        4 => (partition(), sort(), 0..4_u64, any::<Option<u32>>(), body(), any::<bool>()).prop_map(
            |(partition, sort, revision, expires, body, same)| Step::Put { partition, sort, revision, expires, body, same }
        ),
        1 => (partition(), sort()).prop_map(|(partition, sort)| Step::Delete { partition, sort }),
        2 => (partition(), prop_oneof![Just(String::new()), sort()])
            .prop_map(|(partition, prefix)| Step::Query { partition, prefix }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_table_answers_as_the_local_one(steps in prop::collection::vec(step(), 1..40), lost in 0..60_usize) {
        let home = tempfile::tempdir().unwrap();
        let local = SqliteTable::open(&home.path().join("table.db")).unwrap();
        let place = Place::furnished();
        // One answer is lost on the way: the SDK asks again, and what was done must still count as done once.
        let mut number = 0;
        place.cloud.plan(move |request: &Request| {
            number += 1;
            let conditional = String::from_utf8_lossy(&request.body).contains("ConditionExpression");
            (number == lost + 1 && conditional).then_some(Fault::Lose)
        });
        let table = place.aws.table("t");
        for step in steps {
            match step {
                Step::Put { partition, sort, revision, expires, body, same } => {
                    let (partition_key, sort_key) = (partition.to_owned(), sort);
                    let item = TableItem { partition_key, sort_key, revision, expires_at: expires.map(Time), body };
                    let expected = if same { WriteCondition::Unchanged } else { WriteCondition::Always };
                    prop_assert_eq!(table.put(&item, expected).unwrap(), local.put(&item, expected).unwrap());
                }
                Step::Delete { partition, sort } => {
                    table.delete(partition, &sort).unwrap();
                    local.delete(partition, &sort).unwrap();
                }
                Step::Query { partition, prefix } => {
                    prop_assert_eq!(table.query(partition, &prefix).unwrap(), local.query(partition, &prefix).unwrap());
                }
            }
        }
        for partition in ["p", "P", "p#q"] {
            prop_assert_eq!(table.query(partition, "").unwrap(), local.query(partition, "").unwrap());
        }
    }

    #[test]
    fn the_store_answers_as_the_local_one(
        objects in prop::collection::vec((key(), prop::collection::vec(any::<u8>(), 0..20)), 1..20),
        prefixes in prop::collection::vec(key(), 1..6),
        part in (0..25_u64, 0..25_u64),
    ) {
        let home = tempfile::tempdir().unwrap();
        let local = DirectoryStore::new(home.path());
        let place = Place::furnished();
        let store = place.aws.store("b");
        for (key, bytes) in &objects {
            let created = store.create(key, bytes, "text/plain").unwrap();
            prop_assert_eq!(created, local.create(key, bytes, "text/plain").unwrap(), "{}", key);
        }
        let names = |store: &dyn ObjectStore, prefix: &str| -> Vec<(String, u64)> {
            store.list(prefix).unwrap().into_iter().map(|object| (object.name, object.size)).collect()
        };
        for prefix in prefixes.iter().map(String::as_str).chain(["dt=", "a", "a/"]) {
            prop_assert_eq!(names(&store, prefix), names(&local, prefix), "{}", prefix);
            let read = |store: &dyn ObjectStore, part: Option<Range<u64>>| store.read(prefix, part).map_err(|error| error.kind);
            prop_assert_eq!(read(&store, None), read(&local, None));
            let part = Some(part.0.min(part.1)..part.1);
            prop_assert_eq!(read(&store, part.clone()), read(&local, part));
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "b", "a.b", "dt=2023-11-10", "é", "A b", "100%", "x+y&z"]);
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

#[test]
fn a_write_whose_answer_was_lost_is_known_as_done() {
    let place = Place::furnished();
    let table = place.aws.table("t");
    let item = |revision, who: &str| TableItem {
        partition_key: "LANE".to_owned(),
        sort_key: "LEASE".to_owned(),
        revision,
        expires_at: None,
        body: json!({ "holder": who }),
    };
    let mut lost = false;
    place.cloud.plan(move |_| (!std::mem::replace(&mut lost, true)).then_some(Fault::Lose));
    assert!(table.put(&item(0, "me"), WriteCondition::Unchanged).unwrap());
    assert_eq!(place.cloud.count("UpdateItem"), 2, "it was tried again");
    // The same words of somebody else are somebody else's.
    assert!(!table.put(&item(0, "me"), WriteCondition::Unchanged).unwrap());
    assert_eq!(table.query("LANE", "").unwrap()[0].revision, 1);
}

#[test]
fn a_store_waits_for_another_writer_of_the_same_key() {
    let place = Place::furnished();
    let mut left = 2;
    place.cloud.plan(move |_| {
        left -= 1;
        (left >= 0).then(|| Fault::Answer(Answer::s3_error(409, "ConditionalRequestConflict", "wait")))
    });
    assert!(place.aws.store("b").create("k", b"1", "application/json").unwrap());
    assert_eq!(place.cloud.state().bucket("b").types["k"], "application/json");
    assert!(!place.aws.store("b").create("k", b"2", "application/json").unwrap());
    assert_eq!(place.cloud.state().bucket("b").get("k"), Some(&b"1"[..]));
}
