//! Guarded clients of the AWS SDK for Rust against a fake AWS on loopback, which counts what reaches the wire.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod monitored;

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_credential_types::Credentials;
use aws_sdk_s3::{presigning::PresigningConfig, primitives::ByteStream, types::ObjectCannedAcl};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use onlooker_core::{
    audit::{AuditKind, AuditQuery},
    config::{AuditSettings, Config},
    event::Outcome,
    jobs::audit::{AuditReader, AuditTrail},
    ports::{ObjectStore, PortError, PortErrorKind, StoredObject},
    time::Time,
};
use onlooker_guard::{Decision, DecisionBuffer, DecisionLog, GuardedError, LogError, ReadOnlyGuard, Refusal};
use onlooker_local::directory_store::DirectoryStore;
use serde_json::json;
use test_support::fake_aws::{ACCOUNT, FakeAws, HttpFault, HttpResponse, REGION};

const ROLE: &str = "arn:aws:iam::111122223333:role/Auditor";
const NOW: Time = Time(1_795_255_200);

/// Decisions as `service:Operation` with `+` or `-`.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Seen {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl DecisionLog for Seen {
    fn record(&self, decision: &Decision) -> Result<(), LogError> {
        let verdict = &decision.verdict;
        let sign = if verdict.is_valid { '+' } else { '-' };
        self.0.lock().unwrap().push(format!("{sign}{}:{}", verdict.service, verdict.operation));
        Ok(())
    }
}

async fn sdk_config(cloud: &FakeAws) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .endpoint_url(cloud.endpoint())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(ACCOUNT, "secret", None, None, "test"))
        .http_client(http_client())
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .load()
        .await
}

fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

async fn s3_builder(cloud: &FakeAws, guard: &ReadOnlyGuard) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::config::Builder::from(&sdk_config(cloud).await)
        .force_path_style(true)
        .interceptor(guard.clone())
}

async fn s3(cloud: &FakeAws, guard: &ReadOnlyGuard) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(s3_builder(cloud, guard).await.build())
}

fn requests(cloud: &FakeAws) -> Vec<String> {
    cloud.state().requests.iter().map(|(operation, ..)| operation.clone()).collect()
}

/// A fake AWS with the bucket `b`.
fn cloud_with_bucket() -> FakeAws {
    let cloud = FakeAws::start();
    cloud.state().bucket("b").put("k", "text");
    cloud.state().bucket("other");
    cloud
}

/// The refusal in an error of the SDK, as text.
fn refusal(error: &(dyn std::error::Error + 'static)) -> String {
    Refusal::of(error).unwrap_or_else(|| panic!("not refused: {error:?}")).to_string()
}

fn override_of(operation: &str, resource: &str) -> String {
    let resource = if resource.is_empty() { String::new() } else { format!("resource = \"{resource}\"\n") };
    format!(
        "[[override]]\nid = \"{}\"\nprincipal = \"{ROLE}\"\noperation = \"{operation}\"\n{resource}\
         owner = \"team@example.com\"\nreason = \"writes results\"\nexpires = 2027-01-31T00:00:00Z\n",
        operation.to_lowercase().replace(':', "-")
    )
}

/// A guard with overrides, on a day on which they are in force.
fn guard_with(overrides: &[String]) -> ReadOnlyGuard {
    let config = Config::from_toml(&overrides.concat(), "test").unwrap();
    ReadOnlyGuard::new().with_overrides(config, ROLE).with_clock(|| NOW)
}

#[tokio::test]
async fn a_refused_call_never_reaches_the_wire_whatever_the_service() {
    let cloud = cloud_with_bucket();
    let seen = Arc::new(Seen::default());
    let guard = ReadOnlyGuard::new().with_log(Arc::clone(&seen));
    let config = sdk_config(&cloud).await;
    macro_rules! refused {
        ($sdk:ident, $operation:literal, $call:expr) => {{
            let client = $sdk::config::Builder::from(&config).interceptor(guard.clone()).build();
            let call: fn($sdk::Client) -> _ = $call;
            let error = call($sdk::Client::from_conf(client)).send().await.unwrap_err();
            let said = refusal(&error);
            assert!(said.starts_with(&format!("{} was not sent: ", $operation)), "{said}");
            assert!(said.contains("ReadOnlyGuard::with_overrides"), "{said}");
            assert!(matches!(error, aws_sdk_s3::error::SdkError::ConstructionFailure(_)), "{error:?}");
            assert_eq!(seen.take(), [format!("-{}", $operation)]);
        }};
    }
    refused!(aws_sdk_s3, "s3:PutObject", |s3| s3.put_object().bucket("b").key("k"));
    refused!(aws_sdk_dynamodb, "dynamodb:DeleteTable", |db| db.delete_table().table_name("t"));
    refused!(aws_sdk_iam, "iam:CreateUser", |iam| iam.create_user().user_name("u"));
    refused!(aws_sdk_sns, "sns:Publish", |sns| sns
        .publish()
        .topic_arn("arn:aws:sns:eu-west-1:1:t")
        .message("m"));
    refused!(aws_sdk_kms, "kms:DisableKey", |kms| kms.disable_key().key_id("k"));
    refused!(aws_sdk_cloudtrail, "cloudtrail:StopLogging", |trail| trail.stop_logging().name("t"));
    refused!(aws_sdk_eventbridge, "events:DeleteRule", |events| events.delete_rule().name("r"));
    refused!(aws_sdk_organizations, "organizations:LeaveOrganization", |org| org.leave_organization());
    refused!(aws_sdk_sts, "sts:AssumeRole", |sts| sts.assume_role().role_arn(ROLE).role_session_name("s"));
    assert_eq!(requests(&cloud), [""; 0]);
}

#[tokio::test]
async fn reads_are_sent_and_each_page_is_a_decision() {
    let cloud = cloud_with_bucket();
    for number in 0..1_500 {
        cloud.state().bucket("b").put(&format!("many/{number:04}"), "");
    }
    let seen = Arc::new(Seen::default());
    let client = s3(&cloud, &ReadOnlyGuard::new().with_log(Arc::clone(&seen))).await;
    let got = client.get_object().bucket("b").key("k").send().await.unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"text");
    assert_eq!(seen.take(), ["+s3:GetObject"]);
    let mut pages = client.list_objects_v2().bucket("b").into_paginator().send();
    let mut found = 0;
    while let Some(page) = pages.next().await {
        found += page.unwrap().contents().len();
    }
    let decisions = seen.take();
    assert_eq!((found, decisions.len()), (1_501, cloud.request_count("ListObjectsV2")));
    assert!(decisions.len() > 1 && decisions.iter().all(|one| one == "+s3:ListObjectsV2"), "{decisions:?}");
}

#[tokio::test]
async fn an_error_of_aws_is_no_refusal() {
    let cloud = cloud_with_bucket();
    let error = s3(&cloud, &ReadOnlyGuard::new())
        .await
        .get_object()
        .bucket("b")
        .key("absent")
        .send()
        .await
        .unwrap_err();
    assert!(Refusal::of(&error).is_none() && error.into_service_error().is_no_such_key());
}

#[tokio::test]
async fn presigning_is_judged_as_the_call_is() {
    let cloud = cloud_with_bucket();
    let client = s3(&cloud, &ReadOnlyGuard::new()).await;
    let hour = || PresigningConfig::expires_in(Duration::from_secs(3_600)).unwrap();
    let read = client.get_object().bucket("b").key("k").presigned(hour()).await.unwrap();
    assert!(read.uri().contains("X-Amz-Signature"));
    let error = client.put_object().bucket("b").key("k").presigned(hour()).await.unwrap_err();
    assert!(refusal(&error).starts_with("s3:PutObject was not sent"));
    assert_eq!(requests(&cloud), [""; 0]);
}

#[tokio::test]
async fn a_retried_call_is_logged_once() {
    let cloud = cloud_with_bucket();
    let mut failures = 2;
    cloud.inject_faults(move |_| {
        failures -= 1;
        (failures >= 0).then(|| HttpFault::Respond(HttpResponse::s3_error(503, "SlowDown", "slow down")))
    });
    let seen = Arc::new(Seen::default());
    let client = s3(&cloud, &ReadOnlyGuard::new().with_log(Arc::clone(&seen))).await;
    client.get_object().bucket("b").key("k").send().await.unwrap();
    assert_eq!((requests(&cloud).len(), seen.take()), (3, vec!["+s3:GetObject".to_owned()]));
}

#[tokio::test]
async fn a_change_of_one_call_does_not_lose_the_guard() {
    let cloud = cloud_with_bucket();
    let other = FakeAws::start();
    let changed = aws_sdk_s3::config::Builder::new().endpoint_url(other.endpoint());
    let call = s3(&cloud, &ReadOnlyGuard::new()).await.delete_object().bucket("b").key("k").customize();
    let error = call.config_override(changed).send().await.unwrap_err();
    assert!(refusal(&error).starts_with("s3:DeleteObject was not sent"));
    assert_eq!((requests(&cloud), requests(&other)), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn an_override_allows_its_operation_and_not_what_a_header_adds() {
    let cloud = cloud_with_bucket();
    let seen = Arc::new(Seen::default());
    let guard = guard_with(&[override_of("s3:PutObject", ""), override_of("s3:DeleteObject", "")]);
    let client = s3(&cloud, &guard.with_log(Arc::clone(&seen))).await;
    let put = || client.put_object().bucket("b").key("new").body(ByteStream::from_static(b"x"));
    put().send().await.unwrap();
    assert_eq!(
        (requests(&cloud), seen.take()),
        (vec!["PutObject".to_owned()], vec!["+s3:PutObject".to_owned()])
    );
    let public = put().acl(ObjectCannedAcl::PublicRead).send().await.unwrap_err();
    let said = refusal(&public);
    assert!(said.contains("the parameters of this request make it need s3:PutObjectAcl"), "{said}");
    assert_eq!(seen.take(), ["-s3:PutObjectAcl"]);
    // A header that another interceptor adds is seen too.
    let changed = put().customize().mutate_request(|request| {
        request.headers_mut().insert("x-amz-grant-read", "id=1");
    });
    assert!(refusal(&changed.send().await.unwrap_err()).contains("s3:PutObjectAcl"));
    let version = client.delete_object().bucket("b").key("new").version_id("1").send().await.unwrap_err();
    assert!(refusal(&version).contains("s3:DeleteObjectVersion"), "{}", refusal(&version));
    assert_eq!(requests(&cloud).len(), 1, "no attempt and no retry of a refused call");
    client.delete_object().bucket("b").key("new").send().await.unwrap();
    // A version of an object is read as the object is.
    client.get_object().bucket("b").key("k").version_id("v0").send().await.unwrap();
}

#[tokio::test]
async fn an_override_for_a_resource_allows_no_other() {
    let cloud = cloud_with_bucket();
    let guard = guard_with(&[
        override_of("s3:PutObject", "arn:aws:s3:::b/results/*"),
        override_of("sns:Publish", "arn:aws:sns:eu-west-1:111122223333:t"),
    ]);
    let client = s3(&cloud, &guard).await;
    let put = |bucket, key| client.put_object().bucket(bucket).key(key).body(ByteStream::from_static(b"x"));
    put("b", "results/1").send().await.unwrap();
    for (bucket, key) in [("b", "k"), ("other", "results/1"), ("b", "Results/1")] {
        assert!(
            refusal(&put(bucket, key).send().await.unwrap_err()).starts_with("s3:PutObject was not sent")
        );
    }
    assert_eq!(requests(&cloud), ["PutObject"]);
    let sns = aws_sdk_sns::config::Builder::from(&sdk_config(&cloud).await).interceptor(guard).build();
    let sns = aws_sdk_sns::Client::from_conf(sns);
    sns.publish().topic_arn("arn:aws:sns:eu-west-1:111122223333:t").message("m").send().await.unwrap();
    for publish in [
        sns.publish().topic_arn("arn:aws:sns:eu-west-1:111122223333:other"),
        sns.publish().phone_number("+15550100"),
    ] {
        let error = publish.message("m").send().await.unwrap_err();
        assert!(refusal(&error).starts_with("sns:Publish was not sent"));
    }
    assert_eq!(requests(&cloud).len(), 2);
}

#[tokio::test]
async fn a_copy_onto_an_object_outside_an_override_is_refused() {
    let cloud = cloud_with_bucket();
    let guard = guard_with(&[override_of("s3:CopyObject", "arn:aws:s3:::b/results/*")]);
    let client = s3(&cloud, &guard).await;
    // The name of the target is the beginning of the name of the source.
    for (key, source) in [("results", "b/results/x"), ("results/y", "b/other/x"), ("k", "b/results/x")] {
        let copy = client.copy_object().bucket("b").key(key).copy_source(source).send();
        assert!(refusal(&copy.await.unwrap_err()).starts_with("s3:CopyObject was not sent"), "{key}");
    }
    assert_eq!(requests(&cloud), [""; 0]);
}

#[tokio::test]
async fn a_request_that_another_interceptor_makes_another_operation_is_refused() {
    let cloud = cloud_with_bucket();
    let seen = Arc::new(Seen::default());
    let guard = guard_with(&[override_of("s3:PutObject", "")]).with_log(Arc::clone(&seen));
    let client = s3(&cloud, &guard).await;
    let deleted = client.get_object().bucket("b").key("k").customize().mutate_request(|request| {
        request.set_method("DELETE").unwrap();
    });
    let said = refusal(&deleted.send().await.unwrap_err());
    assert!(said.starts_with("s3:GetObject was not sent: another interceptor changed the method"), "{said}");
    assert_eq!(seen.take(), ["-s3:GetObject"]);
    let put = client.put_object().bucket("b").key("k").body(ByteStream::from_static(b"x"));
    let tagged = put.customize().mutate_request(|request| {
        let uri = format!("{}&tagging", request.uri());
        request.set_uri(uri).unwrap();
    });
    assert!(refusal(&tagged.send().await.unwrap_err()).contains("the query"));
    let tables =
        aws_sdk_dynamodb::config::Builder::from(&sdk_config(&cloud).await).interceptor(ReadOnlyGuard::new());
    let tables = aws_sdk_dynamodb::Client::from_conf(tables.build()).list_tables().customize();
    let deleted = tables.mutate_request(|request| {
        request.headers_mut().insert("x-amz-target", "DynamoDB_20120810.DeleteTable");
    });
    assert!(refusal(&deleted.send().await.unwrap_err()).contains("`x-amz-target`"));
    assert_eq!(requests(&cloud), [""; 0]);
}

#[tokio::test]
async fn each_of_two_guards_logs_a_call() {
    let cloud = cloud_with_bucket();
    let (first, second) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let client = s3(&cloud, &ReadOnlyGuard::new().with_log(Arc::clone(&first))).await;
    let call = client.get_object().bucket("b").key("k").customize();
    call.interceptor(ReadOnlyGuard::new().with_log(Arc::clone(&second))).send().await.unwrap();
    assert_eq!(
        (first.take(), second.take()),
        (vec!["+s3:GetObject".to_owned()], vec!["+s3:GetObject".to_owned()])
    );
}

/// A store that fails until it is repaired.
struct BrokenStore(DirectoryStore, AtomicBool);

impl ObjectStore for BrokenStore {
    fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError> {
        if self.1.load(Ordering::Relaxed) { self.0.create(key, bytes, media_type) } else { Err(broken(key)) }
    }

    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError> {
        self.0.read(key, part)
    }

    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError> {
        self.0.list(prefix)
    }
}

fn broken(key: &str) -> PortError {
    PortError {
        operation: "write",
        name: key.to_owned(),
        kind: PortErrorKind::Unavailable,
        cause: "broken".into(),
    }
}

#[tokio::test]
async fn a_buffer_is_written_only_when_the_trail_is_stored_and_each_decision_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = BrokenStore(DirectoryStore::new(directory.path()), AtomicBool::new(false));
    let chain = "01934f2e-7c1a-7000-8000-000000000003";
    let trail = AuditTrail::new(&store, &AuditSettings::default(), Default::default(), "tool", chain);
    let buffer = Arc::new(DecisionBuffer::new(10));
    let guard = ReadOnlyGuard::new().with_log(Arc::clone(&buffer));
    let read = async || {
        let call = guard.run("s3", "GetObject", None, &json!(null), async || Ok::<_, String>(())).await;
        assert!(call.operation_successful());
    };
    read().await;
    for _ in 0..3 {
        assert!(buffer.write_to(&trail, NOW).is_err(), "not stored");
    }
    read().await;
    store.1.store(true, Ordering::Relaxed);
    buffer.write_to(&trail, NOW).unwrap();
    let answer = AuditReader::new(&store, 1, 1).query(&AuditQuery::default()).unwrap();
    assert_eq!((answer.entries.len(), answer.duplicates), (2, 0));
}

#[tokio::test]
async fn an_override_that_expired_allows_nothing() {
    let cloud = cloud_with_bucket();
    let guard = guard_with(&[override_of("s3:DeleteObject", "")]).with_clock(|| Time(NOW.0 + 365 * 86_400));
    let error = s3(&cloud, &guard).await.delete_object().bucket("b").key("k").send().await.unwrap_err();
    let said = refusal(&error);
    assert!(
        said.contains("the override s3-deleteobject expired 2027-01-31") && said.contains(ROLE),
        "{said}"
    );
    assert_eq!(requests(&cloud), [""; 0]);
}

#[tokio::test]
async fn a_call_is_not_sent_if_its_decision_cannot_be_logged() {
    let cloud = cloud_with_bucket();
    let buffer = Arc::new(DecisionBuffer::new(1));
    let client = s3(&cloud, &ReadOnlyGuard::new().with_log(Arc::clone(&buffer))).await;
    let get = || client.get_object().bucket("b").key("k").send();
    get().await.unwrap();
    let error = get().await.unwrap_err();
    assert_eq!(
        refusal(&error),
        "s3:GetObject was not sent: the decision could not be written to the log: the buffer has 1 decisions that \
         were not written"
    );
    assert_eq!(requests(&cloud).len(), 1);
    let directory = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(directory.path());
    let trail = AuditTrail::new(
        &store,
        &AuditSettings::default(),
        Default::default(),
        "tool",
        "01934f2e-7c1a-7000-8000-000000000001",
    );
    buffer.write_to(&trail, NOW).unwrap();
    get().await.unwrap();
    let refused = client.delete_object().bucket("b").key("k").send().await.unwrap_err();
    assert!(matches!(Refusal::of(&refused), Some(Refusal::NotLogged { .. })));
    buffer.write_to(&trail, NOW).unwrap();
    let answer = AuditReader::new(&store, 1, 1).query(&AuditQuery::default()).unwrap();
    let calls: Vec<_> = answer.entries.iter().map(|stored| &stored.entry).collect();
    assert!(calls.iter().all(|entry| entry.kind == AuditKind::Decision && entry.recorded_by == "tool"));
    assert_eq!(calls.len(), 2, "what the buffer took, and no more");
}

#[tokio::test]
async fn the_audit_trail_has_each_decision() {
    let cloud = cloud_with_bucket();
    let directory = tempfile::tempdir().unwrap();
    let store: &'static DirectoryStore = Box::leak(Box::new(DirectoryStore::new(directory.path())));
    let chain = "01934f2e-7c1a-7000-8000-000000000002";
    let trail = AuditTrail::new(store, &AuditSettings::default(), Default::default(), "tool", chain);
    let trail = Arc::new(trail);
    let client =
        s3(&cloud, &guard_with(&[override_of("s3:PutObject", "")]).with_log(Arc::clone(&trail))).await;
    client.get_object().bucket("b").key("k").send().await.unwrap();
    client.put_object().bucket("b").key("k").body(ByteStream::from_static(b"x")).send().await.unwrap();
    client.delete_object().bucket("b").key("k").send().await.unwrap_err();
    trail.flush(NOW).unwrap();
    let answer = AuditReader::new(store, 1, 1).query(&AuditQuery::default()).unwrap();
    let told: Vec<_> = answer
        .entries
        .iter()
        .map(|stored| {
            let call = stored.entry.call.as_ref().unwrap();
            (&*call.operation, call.outcome, call.resource_arns.join(" "), &*call.user_identity.principal)
        })
        .collect();
    let object = || "arn:aws:s3:::b/k".to_owned();
    assert_eq!(
        told,
        [
            ("s3:GetObject", Outcome::Succeeded, object(), ROLE),
            ("s3:PutObject", Outcome::Succeeded, object(), ROLE),
            ("s3:DeleteObject", Outcome::Denied, String::new(), ROLE),
        ]
    );
    assert!(
        answer.entries[1]
            .entry
            .call
            .as_ref()
            .unwrap()
            .reason
            .contains("allowed by an override: s3-putobject")
    );
}

#[tokio::test]
async fn a_wrapped_call_has_its_own_result_and_a_refused_one_is_not_made() {
    let guard = guard_with(&[override_of("s3:PutObject", "")]);
    let read = guard.run("s3", "GetObject", None, &json!({}), async || Ok::<_, String>(7)).await;
    assert_eq!(
        (read.validation_passed(), read.operation_executed(), read.operation_successful()),
        (true, true, true)
    );
    assert!(matches!(read.result, Ok(7)) && read.duration.is_some());
    let failed =
        guard.run("ec2", "describe_instances", None, &json!({}), async || Err::<(), _>("timeout")).await;
    assert_eq!(
        (failed.validation_passed(), failed.operation_executed(), failed.operation_successful()),
        (true, true, false)
    );
    assert!(matches!(failed.result, Err(GuardedError::Call("timeout"))));
    for (service, operation, parameters) in [
        ("iam", "CreateUser", json!({})),
        ("s3", "PutObject", json!({ "x-amz-acl": "public-read" })),
        ("s3", "PutObject", json!("x-amz-acl")),
        ("madeup", "GetOther", json!({})),
    ] {
        let mut is_made = false;
        let refused = guard
            .run(service, operation, Some("arn:aws:s3:::b/k"), &parameters, async || {
                is_made = true;
                Ok::<_, String>(())
            })
            .await;
        assert!(
            matches!(refused.result, Err(GuardedError::Refused(Refusal::NotPermitted { .. }))),
            "{operation}"
        );
        assert!(!is_made && !refused.validation_passed() && !refused.operation_executed(), "{operation}");
    }
}

/// A client of a newer SDK has operations that the catalog lacks.
#[tokio::test]
async fn an_operation_outside_the_catalog_is_refused_until_an_override_allows_it() {
    let guard = guard_with(&[override_of("madeup:GetThing", "")]);
    for (operation, is_sent) in [("GetThing", true), ("GetOther", false), ("DescribeThings", false)] {
        let call = guard.run("madeup", operation, None, &json!({}), async || Ok::<_, String>(())).await;
        assert_eq!(call.operation_executed(), is_sent, "{operation}: {:?}", call.verdict);
    }
}

/// What the guard does not see: it is part of one client, and sees what is called on that client.
#[tokio::test]
async fn other_clients_and_the_clients_inside_the_sdk_are_not_seen() {
    let cloud = cloud_with_bucket();
    let seen = Arc::new(Seen::default());
    let guard = ReadOnlyGuard::new().with_log(Arc::clone(&seen));
    // A client without it.
    let config = aws_sdk_s3::config::Builder::from(&sdk_config(&cloud).await).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(config).delete_object().bucket("b").key("k").send().await.unwrap();
    assert_eq!((requests(&cloud), seen.take()), (vec!["DeleteObject".to_owned()], Vec::new()));
    // The provider of credentials of a guarded client assumes a role with a client of its own.
    let role = aws_config::sts::AssumeRoleProvider::builder("arn:aws:iam::111122223333:role/reader")
        .configure(&sdk_config(&cloud).await)
        .build()
        .await;
    let config = s3_builder(&cloud, &guard).await.credentials_provider(role).build();
    aws_sdk_s3::Client::from_conf(config).list_objects_v2().bucket("b").send().await.unwrap();
    assert_eq!(requests(&cloud)[1..], ["AssumeRole", "ListObjectsV2"]);
    assert_eq!(seen.take(), ["+s3:ListObjectsV2"]);
}

/// The S3 client asks for the session of a directory bucket by itself, with a call that is not read-only.
#[tokio::test]
async fn the_session_of_a_directory_bucket_is_not_seen() {
    const BUCKET: &str = "b--use1-az4--x-s3";
    let cloud = FakeAws::start();
    cloud.state().bucket(BUCKET).put("k", "text");
    let seen = Arc::new(Seen::default());
    let guard = ReadOnlyGuard::new().with_log(Arc::clone(&seen));
    assert!(!guard.judge("s3express", "CreateSession", Vec::new(), Default::default()).is_valid);
    s3(&cloud, &guard).await.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(requests(&cloud), ["CreateSession", "GetObject"]);
    assert_eq!(seen.take(), ["+s3:GetObject"]);
}
