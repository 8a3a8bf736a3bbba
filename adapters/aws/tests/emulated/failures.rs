//! Errors of the adapters: each names the operation, its permission, the target, AWS's code and message, and the
//! request.

use onlooker_aws::EventHistory;
use onlooker_core::ports::{
    CloudTrailApi, LookupRequest, ObjectStore, PortError, PortErrorKind, Table, TableItem, WriteCondition,
};
use onlooker_core::time::Time;
use serde_json::json;

use super::{
    ACCOUNT, AwsFixture, REGION,
    fake_aws::{HttpFault, HttpResponse},
};

fn item() -> TableItem {
    TableItem {
        partition_key: "p".into(),
        sort_key: "s".into(),
        revision: 0,
        expires_at: None,
        body: json!({}),
    }
}

fn respond_with(fixture: &AwsFixture, answer: HttpResponse) {
    fixture.fake_aws.inject_faults(move |_| Some(HttpFault::Respond(answer.clone())));
}

#[track_caller]
fn assert_error<T>(result: Result<T, PortError>, kind: PortErrorKind, text: &str) {
    let Err(error) = result else { panic!("it did not fail") };
    assert_eq!((error.kind, error.to_string().as_str()), (kind, text));
}

#[test]
fn a_missing_permission_is_named() {
    let fixture = AwsFixture::with_table_and_bucket();
    let said = "User: arn:aws:sts::111122223333:assumed-role/x is not authorized to perform: dynamodb:Query on resource: t";
    respond_with(&fixture, HttpResponse::error(400, "AccessDeniedException", said));
    assert_error(
        fixture.aws.table("t").query("p", "s"),
        PortErrorKind::AccessDenied,
        &format!(
            "cannot query (dynamodb:Query) `t: p s`: AccessDeniedException: {said} (request request-of-the-test)"
        ),
    );
    respond_with(
        &fixture,
        HttpResponse::s3_error(403, "AccessDenied", "Access Denied").with_header("x-amz-request-id", "R7"),
    );
    assert_error(
        fixture.aws.store("b").read("k", None),
        PortErrorKind::AccessDenied,
        "cannot read (s3:GetObject) `s3://b/k`: AccessDenied: Access Denied (request R7)",
    );
    assert_error(
        fixture.aws.store("b").create("k", b"", "text/plain"),
        PortErrorKind::AccessDenied,
        "cannot write (s3:PutObject) `s3://b/k`: AccessDenied: Access Denied (request R7)",
    );
    assert_error(
        fixture.aws.store("b").list("k"),
        PortErrorKind::AccessDenied,
        "cannot list (s3:ListBucket) `s3://b/k`: AccessDenied: Access Denied (request R7)",
    );
}

#[test]
fn an_absent_resource_is_reported_as_missing() {
    let fixture = AwsFixture::with_table_and_bucket();
    assert_error(
        fixture.aws.table("none").query("p", ""),
        PortErrorKind::NotFound,
        "cannot query (dynamodb:Query) `none: p `: ResourceNotFoundException: Requested resource not found (request request-of-the-test)",
    );
    let missing = fixture.aws.store("b").read("k", None).unwrap_err();
    assert_eq!(missing.kind, PortErrorKind::NotFound);
    assert!(missing.to_string().contains("NoSuchKey: The specified key does not exist."), "{missing}");
    assert_eq!(fixture.aws.store("none").list("").unwrap_err().kind, PortErrorKind::NotFound);
}

#[test]
fn transient_errors_are_retried_and_persistent_errors_are_reported() {
    let fixture = AwsFixture::with_table_and_bucket();
    let mut left = 2;
    fixture.fake_aws.inject_faults(move |_| {
        left -= 1;
        (left >= 0).then(|| HttpFault::Respond(HttpResponse::error(500, "InternalServerError", "again")))
    });
    assert!(fixture.aws.table("t").put(&item(), WriteCondition::Unchanged).unwrap());
    let mut left = 1;
    fixture.fake_aws.inject_faults(move |_| {
        left -= 1;
        (left >= 0).then_some(HttpFault::Disconnect)
    });
    assert_eq!(fixture.aws.table("t").query("p", "").unwrap().len(), 1);
    respond_with(&fixture, HttpResponse::error(400, "ProvisionedThroughputExceededException", "slowly"));
    assert_eq!(fixture.aws.table("t").query("p", "").unwrap_err().kind, PortErrorKind::Throttled);
    respond_with(&fixture, HttpResponse::s3_error(503, "SlowDown", "Please reduce your request rate."));
    assert_eq!(fixture.aws.store("b").list("").unwrap_err().kind, PortErrorKind::Throttled);
    fixture.fake_aws.inject_faults(|_| Some(HttpFault::Disconnect));
    let error = fixture.aws.store("b").read("k", None).unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable, "{error}");
}

#[test]
fn the_sdk_does_not_retry_lookups() {
    let fixture = AwsFixture::new();
    let trail = EventHistory::new(fixture.aws.clone(), ACCOUNT, None);
    let lookup =
        LookupRequest { account: ACCOUNT, region: REGION, since: Time(1000), until: Time(2000), token: None };
    for (code, status, kind) in [
        ("ThrottlingException", 400, PortErrorKind::Throttled),
        ("InvalidNextTokenException", 400, PortErrorKind::InvalidToken),
        ("InternalFailure", 500, PortErrorKind::Unavailable),
        ("AccessDeniedException", 400, PortErrorKind::AccessDenied),
    ] {
        let before = fixture.fake_aws.request_count("LookupEvents");
        respond_with(&fixture, HttpResponse::error(status, code, "no"));
        assert_eq!(trail.lookup_events(lookup).unwrap_err().kind, kind, "{code}");
        assert_eq!(fixture.fake_aws.request_count("LookupEvents"), before + 1, "{code}");
    }
}

#[test]
fn the_caller_is_the_one_sts_returns() {
    let fixture = AwsFixture::new();
    let caller = fixture.aws.caller_identity().unwrap();
    assert_eq!(caller.account, ACCOUNT);
    assert_eq!(caller.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/onlooker/test"));
    respond_with(&fixture, HttpResponse::query_error(403, "ExpiredToken", "The security token is expired"));
    assert_error(
        fixture.aws.caller_identity(),
        PortErrorKind::AccessDenied,
        "cannot get the caller identity (sts:GetCallerIdentity) in `eu-west-1`: ExpiredToken: The security token is expired (request request-of-the-test)",
    );
}
