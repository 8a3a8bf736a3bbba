//! Circuit breakers and the log of calls of guarded clients.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use aws_sdk_s3::presigning::PresigningConfig;
use onlooker_core::{
    aws_error::AwsErrorKind,
    breaker::{Breaker, BreakerLimits},
    jobs::breakers::{CircuitBreakers, stored_breakers},
    ports::Table,
    severity::Severity,
    time::Time,
};
use onlooker_guard::{CallError, CallLog, CallMonitor, FinishedCall, GuardedError, ReadOnlyGuard, Refusal};
use serde_json::json;
use test_support::{
    environment::MemoryTable,
    fake_aws::{FakeAws, HttpFault, HttpResponse, REGION},
};

use super::{cloud_with_bucket, guard_with, http_client, override_of, refusal, requests, s3, sdk_config};

const LIMITS: BreakerLimits = BreakerLimits { failures: 2, seconds: 300 };

/// The clock of the test below, which moves it.
static SECONDS: AtomicU32 = AtomicU32::new(1_000);

#[derive(Default)]
struct Calls(Mutex<Vec<String>>);

impl Calls {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl CallLog for Calls {
    fn record(&self, call: &FinishedCall<'_>) {
        let kind = call.error.map_or("ok", |(kind, _)| kind.as_str());
        self.0.lock().unwrap().push(format!("{}:{} {kind}", call.service, call.operation));
    }
}

fn monitored(breakers: CircuitBreakers, calls: &Arc<Calls>) -> ReadOnlyGuard {
    let monitor = CallMonitor::new(Arc::new(breakers)).with_log(Arc::clone(calls) as _);
    ReadOnlyGuard::new().with_monitor(monitor.with_clock(|| Time(SECONDS.load(Ordering::SeqCst))))
}

fn local() -> (ReadOnlyGuard, Arc<Calls>) {
    let calls = Arc::default();
    (monitored(CircuitBreakers::local(LIMITS), &calls), calls)
}

fn fail_with(cloud: &FakeAws, status: u16, code: &'static str) {
    cloud.inject_faults(move |_| Some(HttpFault::Respond(HttpResponse::s3_error(status, code, "said so"))));
}

async fn read(client: &aws_sdk_s3::Client) -> Result<(), String> {
    let read = client.get_object().bucket("b").key("k").send().await;
    read.map(drop).map_err(|error| match Refusal::of(&error) {
        Some(refusal) => refusal.to_string(),
        None => error.kind("s3").to_string(),
    })
}

#[tokio::test]
async fn a_breaker_opens_for_two_programs_and_a_probe_closes_it() {
    let cloud = cloud_with_bucket();
    let table = Arc::new(MemoryTable::default());
    let (one_calls, other_calls) = (Arc::default(), Arc::default());
    let shared =
        |name| CircuitBreakers::shared(LIMITS, Arc::clone(&table) as Arc<dyn Table + Send + Sync>, name);
    let one = s3(&cloud, &monitored(shared("one"), &one_calls)).await;
    let other = s3(&cloud, &monitored(shared("other"), &other_calls)).await;
    fail_with(&cloud, 500, "InternalError");
    assert_eq!(read(&one).await, Err("service_error".to_owned()));
    assert_eq!(read(&one).await, Err("service_error".to_owned()));
    assert_eq!(one_calls.take(), ["s3:GetObject service_error"; 2]);
    assert!(matches!(
        stored_breakers(&*table, Time(1_400)).unwrap()[&format!("s3:GetObject@{REGION}")],
        Breaker::Open { .. }
    ));
    // The other program is refused before it signs a request, and its other operations are not.
    let sent = requests(&cloud).len();
    let refused = read(&other).await.unwrap_err();
    assert!(
        refused.starts_with(&format!("s3:GetObject@{REGION} was not called: its circuit breaker is open")),
        "{refused}"
    );
    assert_eq!((requests(&cloud).len(), other_calls.take()), (sent, Vec::<String>::new()));
    cloud.end_faults();
    other.list_objects_v2().bucket("b").send().await.unwrap();
    // After its time, one call of all is let through, and closes it for all.
    SECONDS.fetch_add(LIMITS.seconds, Ordering::SeqCst);
    assert_eq!(read(&other).await, Ok(()));
    assert_eq!(
        stored_breakers(&*table, Time(1_400)).unwrap()[&format!("s3:GetObject@{REGION}")],
        Breaker::default()
    );
    SECONDS.fetch_add(10, Ordering::SeqCst);
    assert_eq!(read(&one).await, Ok(()));
}

#[tokio::test]
async fn errors_of_the_caller_and_quotas_open_nothing() {
    let cloud = cloud_with_bucket();
    let (guard, calls) = local();
    let client = s3(&cloud, &guard).await;
    for (status, code, kind) in [
        (403, "AccessDenied", "access_denied"),
        (400, "InvalidArgument", "invalid_request"),
        (404, "NoSuchKey", "not_found"),
        (503, "SlowDown", "throttled"),
        (400, "ExpiredToken", "expired_credentials"),
    ] {
        fail_with(&cloud, status, code);
        for _ in 0..3 {
            assert_eq!(read(&client).await, Err(kind.to_owned()));
        }
        assert_eq!(
            calls.take(),
            [format!("s3:GetObject {kind}"), format!("s3:GetObject {kind}"), format!("s3:GetObject {kind}")]
        );
    }
}

#[tokio::test]
async fn no_connection_opens_it_and_what_is_only_signed_says_nothing() {
    let cloud = cloud_with_bucket();
    let (guard, calls) = local();
    let client = s3(&cloud, &guard).await;
    let hour = || PresigningConfig::expires_in(Duration::from_secs(3_600)).unwrap();
    cloud.inject_faults(|_| Some(HttpFault::Disconnect));
    assert_eq!(read(&client).await, Err("connection_failed".to_owned()));
    client.get_object().bucket("b").key("k").presigned(hour()).await.unwrap();
    assert_eq!(read(&client).await, Err("connection_failed".to_owned()));
    assert_eq!(calls.take(), ["s3:GetObject connection_failed"; 2]);
    assert!(read(&client).await.unwrap_err().contains("circuit breaker is open"));
}

#[tokio::test]
async fn two_guards_with_the_same_breakers_ask_them_once_and_close_them() {
    let cloud = cloud_with_bucket();
    let (guard, calls) = local();
    let twice = aws_sdk_s3::config::Builder::from(&sdk_config(&cloud).await)
        .force_path_style(true)
        .interceptor(guard.clone())
        .interceptor(guard);
    let client = aws_sdk_s3::Client::from_conf(twice.build());
    fail_with(&cloud, 500, "InternalError");
    for _ in 0..2 {
        assert_eq!(read(&client).await, Err("service_error".to_owned()));
    }
    assert_eq!(calls.take(), ["s3:GetObject service_error"; 2]);
    assert!(read(&client).await.unwrap_err().contains("circuit breaker is open"));
    cloud.end_faults();
    SECONDS.fetch_add(LIMITS.seconds, Ordering::SeqCst);
    assert_eq!(read(&client).await, Ok(()));
    assert_eq!(read(&client).await, Ok(()));
}

#[tokio::test]
async fn a_region_that_fails_closes_no_other() {
    let cloud = cloud_with_bucket();
    let (guard, _) = local();
    let client = s3(&cloud, &guard).await;
    fail_with(&cloud, 500, "InternalError");
    for _ in 0..2 {
        assert_eq!(read(&client).await, Err("service_error".to_owned()));
    }
    cloud.end_faults();
    let elsewhere = aws_sdk_s3::config::Builder::new().region(aws_config::Region::new("us-east-2"));
    let read_elsewhere = client.get_object().bucket("b").key("k").customize().config_override(elsewhere);
    read_elsewhere.send().await.unwrap();
    assert!(read(&client).await.unwrap_err().contains("circuit breaker is open"));
}

#[tokio::test]
async fn a_name_that_is_not_resolved_and_a_server_without_tls_have_kinds_of_their_own() {
    let cloud = cloud_with_bucket();
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
            aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https();
    let kind_of = async |endpoint: String, client| {
        let config =
            sdk_config(&cloud).await.into_builder().endpoint_url(endpoint).http_client(client).build();
        let error = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.unwrap_err();
        (error.kind("sts"), error.message())
    };
    let (kind, said) = kind_of("http://absent.invalid".to_owned(), http_client()).await;
    assert_eq!(kind, AwsErrorKind::NameNotResolved, "{said}");
    let plain = cloud.endpoint().replace("http://", "https://");
    let (kind, said) = kind_of(plain, https).await;
    assert_eq!(kind, AwsErrorKind::TlsFailed, "{said}");
}

#[tokio::test]
async fn a_wrapped_call_is_refused_while_its_breaker_is_open_and_its_error_has_a_context() {
    let (guard, _) = local();
    let fails = async |guard: &ReadOnlyGuard| {
        guard
            .run("s3", "get_object", Some("arn:aws:s3:::b/k"), &json!({}), async || {
                Err::<(), _>(Failure(AwsErrorKind::TimedOut))
            })
            .await
    };
    for _ in 0..2 {
        let failed = fails(&guard).await;
        let context = failed.error_context.unwrap();
        assert_eq!((context.service.as_str(), context.operation.as_str()), ("s3", "GetObject"));
        assert_eq!((context.kind, context.severity), (AwsErrorKind::TimedOut, Severity::Medium));
        assert!(context.retryable && !context.correlation_id.is_empty());
        assert_eq!((context.resource.as_str(), context.message.as_str()), ("arn:aws:s3:::b/k", "late"));
        assert!(matches!(failed.result, Err(GuardedError::Call(_))));
    }
    let refused = fails(&guard).await;
    assert!(refused.validation_passed() && !refused.operation_executed() && refused.error_context.is_none());
    assert!(matches!(refused.result, Err(GuardedError::Refused(Refusal::BreakerOpen(_)))));
}

struct Failure(AwsErrorKind);

impl CallError for Failure {
    fn kind(&self, _: &str) -> AwsErrorKind {
        self.0
    }

    fn message(&self) -> String {
        "late".to_owned()
    }
}

#[tokio::test]
async fn an_override_for_a_table_allows_no_other_table() {
    let cloud = cloud_with_bucket();
    cloud.state().tables.entry("state".to_owned()).or_default();
    let arn = format!("arn:aws:dynamodb:{REGION}:111122223333:table/state");
    let guard = guard_with(&[override_of("dynamodb:DeleteItem", &arn)]);
    let config =
        aws_sdk_dynamodb::config::Builder::from(&sdk_config(&cloud).await).interceptor(guard).build();
    let client = aws_sdk_dynamodb::Client::from_conf(config);
    let delete = |table: &str| {
        let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
        client.delete_item().table_name(table).key("pk", text("p")).key("sk", text("s")).send()
    };
    delete("state").await.unwrap();
    let error = delete("other").await.unwrap_err();
    assert!(refusal(&error).starts_with("dynamodb:DeleteItem was not sent"));
    assert_eq!(requests(&cloud), ["DeleteItem"]);
}
