//! The function as Lambda runs it: verdicts that the audit trail has, figures, problems, and failures of its own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

mod published;

use std::io::Read as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use onlooker_core::audit::{AuditBatch, AuditKind, BatchKey, StoredEntry};
use onlooker_core::record::Inflater;
use published::publish_report;
use serde_json::{Value, json};
use test_support::fake_aws::{
    FakeAws, HttpFault, HttpResponse,
    event_history::WATCH_AUDITOR,
    lambda::{REQUEST_ID, RunningFunction},
};

const FUNCTION: &str = env!("CARGO_BIN_EXE_api");
const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/ci/session";

/// The event of a function URL, as the Lambda developer guide has it ("Invoking Lambda function URLs", read 2026-11).
fn event(method: &str, path: &str, body: Option<&str>) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parameters: serde_json::Map<String, Value> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "queryStringParameters": parameters, "cookies": [],
        "headers": { "content-type": "application/json", "host": "id.lambda-url.eu-west-1.on.aws" },
        "requestContext": {
            "accountId": "111122223333", "apiId": "id", "authentication": null,
            "authorizer": { "iam": {
                "accessKey": "ASIA111122223333", "accountId": "111122223333", "callerId": "AROA1:session", "cognitoIdentity": null,
                "principalOrgId": null, "userArn": CALLER, "userId": "AROA1:session",
            } },
            "domainName": "id.lambda-url.eu-west-1.on.aws", "domainPrefix": "id",
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test/1",
            },
            "requestId": "r", "routeKey": "$default", "stage": "$default", "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390_u64,
        },
        "body": body, "isBase64Encoded": false,
    })
}

fn validate(body: &Value) -> Value {
    event("POST", "/validate", Some(&body.to_string()))
}

/// The answer to an HTTP client: status, headers and body.
fn answer(function: &RunningFunction, event: Value) -> (u64, Value, String) {
    let answer = function.invoke(event).unwrap();
    let status = answer["statusCode"].as_u64().unwrap();
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    assert!(answer["headers"]["content-type"].is_string(), "{answer}");
    (status, answer["headers"].clone(), body)
}

fn answer_json(function: &RunningFunction, event: Value) -> (u64, Value) {
    let (status, headers, body) = answer(function, event);
    let body: Value = serde_json::from_str(&body).unwrap();
    if status >= 400 {
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(body["status"], status, "{body}");
        for member in ["type", "title", "detail"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        }
    }
    (status, body)
}

/// The decisions in the audit trail, in the order of their batches.
fn decisions(cloud: &FakeAws) -> Vec<StoredEntry> {
    let batches: Vec<Vec<u8>> = cloud.with_bucket(|bucket| {
        let keys = bucket.objects.keys().filter(|key| BatchKey::parse(key).is_some());
        keys.map(|key| bucket.get(key).unwrap().to_vec()).collect()
    });
    let mut found = Vec::new();
    for bytes in batches {
        let batch = AuditBatch::decode(&bytes, &mut Inflater::default()).unwrap();
        found.extend(batch.lines.lines().map(|line| serde_json::from_str::<StoredEntry>(line).unwrap()));
    }
    found.retain(|stored: &StoredEntry| stored.entry.kind == AuditKind::Decision);
    found
}

#[test]
fn a_verdict_is_in_the_audit_trail_when_it_is_given() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let body = json!({ "operation": "s3:DeleteObject", "resource_arn": "arn:aws:s3:::bucket/key" });
    let (status, given) = answer_json(&function, validate(&body));
    assert_eq!(status, 200, "{given}");
    let verdict = &given["verdicts"][0];
    for field in [
        "is_valid",
        "operation",
        "operation_type",
        "risk_level",
        "validation_message",
        "timestamp",
        "compliance_notes",
        "service",
        "access_level",
        "capabilities",
        "provenance",
        "catalog_version",
    ] {
        assert!(!verdict[field].is_null(), "{field}: {verdict}");
    }
    assert_eq!(
        (&verdict["is_valid"], &given["refused"], &verdict["principal"]),
        (&json!(false), &json!(1), &json!(CALLER))
    );
    let [stored] = <[StoredEntry; 1]>::try_from(decisions(&cloud)).unwrap();
    let call = stored.entry.call.unwrap();
    assert_eq!(verdict["decision_id"], *call.event_id);
    assert_eq!((&*call.operation, &*call.user_identity.principal), ("s3:DeleteObject", CALLER));
    assert_eq!(call.resource_arns, ["arn:aws:s3:::bucket/key"]);
    assert_eq!((call.source_ip.as_deref(), call.user_agent.as_deref()), (Some("192.0.2.1"), Some("test/1")));
    assert_eq!(stored.entry.recorded_by, "api");
}

#[test]
fn a_thousand_operations_have_their_verdicts_in_order_and_their_entries() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let names = ["s3:GetObject", "s3:PutObject", "iam:ListUsers"];
    let operations: Vec<Value> =
        names.iter().cycle().take(1_000).map(|name| json!({ "operation": name })).collect();
    let asked = json!({ "operations": operations });
    // A client may send any body as base64: Lambda does if it does not know the media type.
    let mut event = validate(&json!({}));
    event["body"] = STANDARD.encode(asked.to_string()).into();
    event["isBase64Encoded"] = true.into();
    let (status, given) = answer_json(&function, event);
    assert_eq!((status, &given["valid"], &given["refused"]), (200, &json!(667), &json!(333)));
    let verdicts = given["verdicts"].as_array().unwrap();
    assert!(verdicts.iter().zip(&operations).all(|(one, asked)| one["input"] == asked["operation"]));
    let stored = decisions(&cloud);
    let ids = stored.iter().map(|one| one.entry.call.as_ref().unwrap().event_id.as_str());
    assert_eq!(
        ids.collect::<Vec<_>>(),
        verdicts.iter().map(|one| one["decision_id"].as_str().unwrap()).collect::<Vec<_>>()
    );
}

#[test]
fn a_direct_invocation_gets_the_same_verdict_as_json() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let body = json!({ "service": "s3", "operation": "GetObject" });
    let direct = function
        .invoke(json!({ "route": "POST /validate", "body": body, "query": { "explain": "true" } }))
        .unwrap();
    assert_eq!((&direct["status"], &direct["content_type"]), (&json!(200), &json!("application/json")));
    let verdict = &direct["body"]["verdicts"][0];
    assert_eq!((&verdict["is_valid"], &verdict["principal"]), (&json!(true), &Value::Null));
    assert!(verdict["explanation"].is_object(), "{verdict}");
    assert_eq!(decisions(&cloud).len(), 1);
    for wrong in
        [json!({}), json!({ "route": "GET /status", "extra": 1 }), json!("x"), json!({ "route": "status" })]
    {
        let problem = function.invoke(wrong.clone()).unwrap();
        assert_eq!(problem["status"], 400, "{wrong}: {problem}");
    }
}

#[test]
fn an_override_allows_the_caller_and_no_other_principal() {
    let cloud = FakeAws::start();
    let text = "[[override]]\nid = \"drop\"\nprincipal = \"arn:aws:iam::111122223333:role/ci\"\noperation = \"s3:PutObject\"\n\
                resource = \"arn:aws:s3:::drop/*\"\nowner = \"a\"\nreason = \"b\"\nexpires = \"2100-01-01T00:00:00Z\"\n";
    cloud.state().bucket("settings").put("onlooker.toml", text);
    let function = RunningFunction::start(
        FUNCTION,
        &cloud,
        &[WATCH_AUDITOR, ("ONLOOKER_CONFIG", "s3://settings/onlooker.toml")],
    );
    let operation = |more: Value| {
        let mut body = json!({ "operation": "s3:PutObject", "resource_arn": "arn:aws:s3:::drop/key" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let asked = [
        operation(json!({})),
        operation(json!({ "principal": "arn:aws:iam::111122223333:role/other" })),
        operation(json!({ "parameters": { "x-amz-acl": "public-read" } })),
        operation(json!({ "resource_arn": "arn:aws:s3:::other/key" })),
    ];
    let (_, given) = answer_json(&function, validate(&json!({ "operations": asked })));
    let found: Vec<&Value> =
        given["verdicts"].as_array().unwrap().iter().map(|one| &one["is_valid"]).collect();
    assert_eq!(found, [true, false, false, false]);
}

#[test]
fn a_request_that_is_at_fault_gets_a_problem_and_no_entry() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let with_type = |kind: &str| {
        let mut event = validate(&json!({ "operation": "s3:GetObject" }));
        event["headers"]["content-type"] = kind.into();
        event
    };
    let mut not_base64 = validate(&json!({}));
    not_base64["isBase64Encoded"] = true.into();
    let too_long = format!("{{\"operation\": \"{}\"}}", "x".repeat(5_500_000));
    for (event, expected, word) in [
        (event("GET", "/", None), 404, "`GET /status`"),
        (event("GET", "/validate", None), 405, "POST"),
        (event("POST", "/status", Some("{}")), 405, "GET, HEAD"),
        (with_type("text/plain"), 415, "content-type"),
        (not_base64, 400, "base64"),
        (event("POST", "/validate", Some("{")), 400, "not valid JSON"),
        (event("POST", "/validate", None), 400, "not valid JSON"),
        (event("POST", "/validate?explian=true", Some("{}")), 400, "`explian`"),
        (event("GET", "/status?x=1", None), 400, "`x`"),
        (validate(&json!({ "operation": "s3:GetObject", "resource": "x" })), 400, "unknown field `resource`"),
        (event("POST", "/validate", Some(&too_long)), 413, "several requests"),
    ] {
        let (status, headers, body) = answer(&function, event.clone());
        assert_eq!(status, expected, "{body}");
        assert_eq!(headers.get("allow").is_some(), status == 405);
        assert!(answer_json(&function, event).1["detail"].as_str().unwrap().contains(word), "{body}");
    }
    assert_eq!(decisions(&cloud), []);
    assert_eq!(function.log(), "");
}

#[test]
fn a_verdict_that_the_audit_trail_does_not_take_is_not_given() {
    let cloud = FakeAws::start();
    let denial = cloud.deny_key("s3:PutObject", "audit/");
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let body = json!({ "operation": "s3:GetObject" });
    let (status, problem) = answer_json(&function, validate(&body));
    assert_eq!(
        (status, &problem["error_type"], &problem["request_id"]),
        (500, &json!("AccessDenied"), &json!(REQUEST_ID))
    );
    assert!(!problem.to_string().contains("s3://"), "the cause is in the log alone: {problem}");
    let direct = json!({ "route": "POST /validate", "body": body });
    let message = function.invoke_failing(direct.clone(), "AccessDenied");
    assert!(message.contains("s3:PutObject") && message.contains(&denial), "{message}");
    assert!(function.log().contains(&denial), "{}", function.log());
    cloud.end_faults();
    assert_eq!(function.invoke(direct).unwrap()["status"], 200);
    // What could not be stored before is stored with it: the trail has the verdicts that it was asked to keep.
    assert_eq!(decisions(&cloud).len(), 3);
}

#[test]
fn a_table_that_cannot_be_read_is_a_failure_with_its_error_type() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    // The SDK repeats a request that is throttled or not answered, with pauses, so of these one route is asked.
    for (code, error_type, expected, routes) in [
        ("AccessDeniedException", "AccessDenied", 500, &["/status", "/dashboard", "/metrics"][..]),
        ("ThrottlingException", "Throttled", 503, &["/status"]),
        ("InternalServerError", "Unavailable", 503, &["/metrics"]),
    ] {
        let http = if code == "InternalServerError" { 500 } else { 400 };
        cloud.inject_faults(move |request| {
            let is_read = request.operation() == "Query" && !request.json().to_string().contains("RUN#");
            is_read.then(|| HttpFault::Respond(HttpResponse::error(http, code, "no")))
        });
        for route in routes {
            let (status, problem) = answer_json(&function, event("GET", route, None));
            assert_eq!(
                (status, &problem["error_type"]),
                (expected, &json!(error_type)),
                "{route}: {problem}"
            );
        }
        if expected == 500 {
            function.invoke_failing(json!({ "route": "GET /status" }), error_type);
        }
        cloud.end_faults();
    }
    assert_eq!(answer_json(&function, event("GET", "/status", None)).0, 200);
}

#[test]
fn a_configuration_that_cannot_be_used_is_a_problem_with_its_error_type() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[("ONLOOKER_STANDARD", "SOX")]);
    let (status, problem) = answer_json(&function, validate(&json!({ "operation": "s3:GetObject" })));
    assert_eq!((status, &problem["error_type"]), (500, &json!("InvalidConfiguration")));
    function.invoke_failing(json!({ "route": "GET /health" }), "InvalidConfiguration");
}

#[test]
fn requests_are_counted_and_not_recorded_one_by_one() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let ask = || assert_eq!(answer(&function, validate(&json!({ "operation": "s3:PutObject" }))).0, 200);
    ask();
    let (runs, first) = (cloud.request_count("UpdateItem"), cloud.latest_run("api"));
    assert!(first.is_object() && runs > 0, "the first request of a process is a run");
    for _ in 0..20 {
        ask();
    }
    assert_eq!((cloud.request_count("UpdateItem"), cloud.latest_run("api")), (runs, first));
    let metrics = &function.metrics(1)[0];
    assert_eq!(
        (&metrics["requests"], &metrics["operations"], &metrics["refused"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(function.log(), "");
}

#[test]
fn the_newest_report_is_given_and_compressed_if_it_is_long() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let (status, problem) = answer_json(&function, event("GET", "/reports/latest", None));
    assert_eq!((status, &problem["type"]), (404, &json!("urn:onlooker:problem:no-report")));
    let put = |text: String| cloud.state().bucket("b").put("latest/report.json", text);
    put("{\"id\": \"short\"}".to_owned());
    assert_eq!(
        answer_json(&function, event("GET", "/reports/latest", None)),
        (200, json!({ "id": "short" }))
    );
    let long = json!({ "id": "\"".repeat(6_000_000) }).to_string();
    put(long.clone());
    let (status, problem) = answer_json(&function, event("GET", "/reports/latest", None));
    assert!(status == 406 && problem["detail"].as_str().unwrap().contains("gzip"), "{problem}");
    let mut compressed = event("GET", "/reports/latest", None);
    compressed["headers"]["accept-encoding"] = "gzip, deflate".into();
    let given = function.invoke(compressed).unwrap();
    assert_eq!((&given["statusCode"], &given["isBase64Encoded"]), (&json!(200), &json!(true)));
    assert_eq!(given["headers"]["content-encoding"], "gzip");
    let bytes = STANDARD.decode(given["body"].as_str().unwrap()).unwrap();
    let mut text = String::new();
    GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    assert_eq!(text, long);
}

#[test]
fn the_document_of_the_api_names_every_route() {
    let cloud = FakeAws::start();
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let (status, document) = answer_json(&function, event("GET", "/openapi.json", None));
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    for (path, operations) in document["paths"].as_object().unwrap() {
        let method = operations.as_object().unwrap().keys().next().unwrap().to_uppercase();
        let body = (method == "POST").then_some("{\"operation\": \"s3:GetObject\"}");
        let (status, headers, text) = answer(&function, event(&method, path, body));
        assert!(status == 200 || path == "/reports/latest" && status == 404, "{path}: {text}");
        let documented =
            document["paths"][path][method.to_lowercase()]["responses"][status.to_string()]["content"]
                .as_object();
        let kind = headers["content-type"].as_str().unwrap().split(';').next().unwrap();
        assert!(documented.unwrap().contains_key(kind), "{path}: {kind}");
        if method == "GET" {
            let (of_head, _, body) = answer(&function, event("HEAD", path, None));
            assert_eq!((of_head, &*body), (status, ""), "{path}");
        }
    }
}

#[test]
fn figures_are_those_of_the_published_report_and_an_expired_status_is_not_claimed() {
    let cloud = FakeAws::start();
    let report = publish_report(&cloud);
    let function = RunningFunction::start(FUNCTION, &cloud, &[WATCH_AUDITOR]);
    let (_, given) = answer_json(&function, event("GET", "/reports/latest", None));
    assert_eq!(given["id"], report.id);
    let (status, dashboard) = answer_json(&function, event("GET", "/dashboard", None));
    assert_eq!((status, &dashboard["report"]["id"]), (200, &json!(report.id)));
    assert_eq!(dashboard["compliance_score"], json!(report.result.summary.compliance_score));
    assert_eq!(dashboard["overall_status"], "INSUFFICIENT_EVIDENCE", "the report is long over: {dashboard}");
    assert!(dashboard["recommendations"].as_array().is_some_and(|all| !all.is_empty() && all.len() <= 5));
    let (_, claimed) = answer_json(&function, event("GET", "/status", None));
    assert_eq!(
        (&claimed["status"], &claimed["current_status"]["status"]),
        (&json!("INSUFFICIENT_EVIDENCE"), &json!("NON_COMPLIANT"))
    );
    assert_eq!(claimed["totals"], dashboard["metrics"]);
    assert_eq!((&claimed["deployment"], &claimed["account"]), (&json!("test"), &json!("111122223333")));
    let (_, headers, metrics) = answer(&function, event("GET", "/metrics", None));
    assert!(headers["content-type"].as_str().unwrap().starts_with("application/openmetrics-text"));
    assert!(metrics.ends_with("# EOF\n") && metrics.contains("inventag_compliance_score"), "{metrics}");
    // The audit trail has the run of the first request.
    assert_eq!(claimed["audit"]["counts"]["entries"], 1, "{claimed}");
}
