//! The DynamoDB table and the S3 store against the local table and store.
//!
//! Law: both give the same results for the same steps, also when a response is lost.

use std::ops::Range;

use onlooker_core::{
    ports::{ObjectStore, Table, TableItem, TableOrigin, WriteCondition},
    time::Time,
};
use onlooker_local::{directory_store::DirectoryStore, sqlite_table::SqliteTable};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    AwsFixture,
    fake_aws::{HttpFault, HttpRequest, HttpResponse},
};

#[derive(Clone, Debug)]
enum AwsTableStep {
    Put {
        partition: &'static str,
        sort: String,
        revision: u64,
        expires: Option<u32>,
        body: Value,
        expects_current: bool,
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

/// DynamoDB does not allow empty keys.
fn sort_key() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["a", "ab", "ab#", "ab#1", "b", "é", "%", "_"]).prop_map(str::to_owned),
        "[ab#]{1,3}"
    ]
}

fn table_step() -> impl Strategy<Value = AwsTableStep> {
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
        4 => (partition(), sort_key(), 0..4_u64, any::<Option<u32>>(), body(), any::<bool>()).prop_map(
            |(partition, sort, revision, expires, body, same)| AwsTableStep::Put { partition, sort, revision, expires, body, expects_current: same }
        ),
        1 => (partition(), sort_key()).prop_map(|(partition, sort)| AwsTableStep::Delete { partition, sort }),
        2 => (partition(), prop_oneof![Just(String::new()), sort_key()])
            .prop_map(|(partition, prefix)| AwsTableStep::Query { partition, prefix }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_dynamodb_table_behaves_as_the_local_table(steps in prop::collection::vec(table_step(), 1..40), lost in 0..60_usize) {
        let home = tempfile::tempdir().unwrap();
        let local = SqliteTable::open(&home.path().join("table.db")).unwrap();
        let fixture = AwsFixture::with_table_and_bucket();
        // One response is lost: the SDK retries, and the write must still count once.
        let mut number = 0;
        fixture.fake_aws.inject_faults(move |request: &HttpRequest| {
            number += 1;
            let conditional = String::from_utf8_lossy(&request.body).contains("ConditionExpression");
            (number == lost + 1 && conditional).then_some(HttpFault::DropResponse)
        });
        let table = fixture.aws.table("t");
        for step in steps {
            match step {
                AwsTableStep::Put { partition, sort, revision, expires, body, expects_current } => {
                    let (partition_key, sort_key) = (partition.to_owned(), sort);
                    let item = TableItem { partition_key, sort_key, revision, expires_at: expires.map(Time), body };
                    let expected = if expects_current { WriteCondition::Unchanged } else { WriteCondition::Always };
                    prop_assert_eq!(table.put(&item, expected).unwrap(), local.put(&item, expected).unwrap());
                }
                AwsTableStep::Delete { partition, sort } => {
                    table.delete(partition, &sort).unwrap();
                    local.delete(partition, &sort).unwrap();
                }
                AwsTableStep::Query { partition, prefix } => {
                    prop_assert_eq!(table.query(partition, &prefix).unwrap(), local.query(partition, &prefix).unwrap());
                }
            }
        }
        for partition in ["p", "P", "p#q"] {
            prop_assert_eq!(table.query(partition, "").unwrap(), local.query(partition, "").unwrap());
        }
    }

    #[test]
    fn the_s3_store_behaves_as_the_local_store(
        objects in prop::collection::vec((object_key(), prop::collection::vec(any::<u8>(), 0..20)), 1..20),
        prefixes in prop::collection::vec(object_key(), 1..6),
        part in (0..25_u64, 0..25_u64),
    ) {
        let home = tempfile::tempdir().unwrap();
        let local = DirectoryStore::new(home.path());
        let fixture = AwsFixture::with_table_and_bucket();
        let store = fixture.aws.store("b");
        for (key, bytes) in &objects {
            let created = store.create(key, bytes, "text/plain").unwrap();
            prop_assert_eq!(created, local.create(key, bytes, "text/plain").unwrap(), "{}", key);
        }
        let names = |store: &dyn ObjectStore, prefix: &str| -> Vec<(String, u64)> {
            store.list(prefix).unwrap().into_iter().map(|object| (object.name, object.size)).collect()
        };
        for prefix in prefixes.iter().map(String::as_str).chain(["dt=", "a", "a/"]) {
            prop_assert_eq!(names(&store, prefix), names(&local, prefix), "{}", prefix);
            for most in 0..5 {
                let first = |store: &dyn ObjectStore| -> Vec<String> {
                    store.list_at_most(prefix, most).unwrap().into_iter().map(|object| object.name).collect()
                };
                prop_assert_eq!(first(&store), first(&local), "{} of {}", most, prefix);
            }
            let read = |store: &dyn ObjectStore, part: Option<Range<u64>>| store.read(prefix, part).map_err(|error| error.kind);
            prop_assert_eq!(read(&store, None), read(&local, None));
            let part = Some(part.0.min(part.1)..part.1);
            prop_assert_eq!(read(&store, part.clone()), read(&local, part));
        }
    }
}

fn object_key() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "b", "a.b", "dt=2023-11-10", "é", "A b", "100%", "x+y&z"]);
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
}

#[test]
fn a_table_says_as_of_when_it_was_restored() {
    let fixture = AwsFixture::with_table_and_bucket();
    let origin = || fixture.aws.table("t").origin().unwrap();
    let id = "table-1".to_owned();
    assert_eq!(origin(), TableOrigin { id: id.clone(), restored_to: None });
    fixture.fake_aws.state().restored_to = Some(1_791_333_720);
    assert_eq!(origin(), TableOrigin { id, restored_to: Some(Time(1_791_333_720)) });
}

#[test]
fn a_write_whose_response_was_lost_counts_as_done() {
    let fixture = AwsFixture::with_table_and_bucket();
    let table = fixture.aws.table("t");
    let item = |revision, holder: &str| TableItem {
        partition_key: "ACCOUNT_REGION".to_owned(),
        sort_key: "LEASE".to_owned(),
        revision,
        expires_at: None,
        body: json!({ "holder": holder }),
    };
    let mut lost = false;
    fixture
        .fake_aws
        .inject_faults(move |_| (!std::mem::replace(&mut lost, true)).then_some(HttpFault::DropResponse));
    assert!(table.put(&item(0, "me"), WriteCondition::Unchanged).unwrap());
    assert_eq!(fixture.fake_aws.request_count("UpdateItem"), 2, "the SDK retried it");
    // An equal item from another writer does not count as this write.
    assert!(!table.put(&item(0, "me"), WriteCondition::Unchanged).unwrap());
    assert_eq!(table.query("ACCOUNT_REGION", "").unwrap()[0].revision, 1);
}

#[test]
fn a_store_waits_for_another_writer_of_the_same_key() {
    let fixture = AwsFixture::with_table_and_bucket();
    let mut left = 2;
    fixture.fake_aws.inject_faults(move |_| {
        left -= 1;
        (left >= 0)
            .then(|| HttpFault::Respond(HttpResponse::s3_error(409, "ConditionalRequestConflict", "wait")))
    });
    assert!(fixture.aws.store("b").create("k", b"1", "application/json").unwrap());
    assert_eq!(fixture.fake_aws.state().bucket("b").content_types["k"], "application/json");
    assert!(!fixture.aws.store("b").create("k", b"2", "application/json").unwrap());
    assert_eq!(fixture.fake_aws.state().bucket("b").get("k"), Some(&b"1"[..]));
}
