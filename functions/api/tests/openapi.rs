//! The function held to its OpenAPI document by Schemathesis, which makes requests from the document, valid and invalid ones, and checks
//! each answer against it. `make test-api` installs Schemathesis and runs this test.
//!
//! The bridge turns HTTP into events of a function URL, and answers of the real binary into HTTP, as Lambda does (Lambda developer guide,
//! "Invoking Lambda function URLs", read 2026-11).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]

mod published;

use std::{
    io::{BufRead, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use published::publish_report;
use serde_json::{Map, Value, json};
use test_support::fake_aws::{FakeAws, event_history::WATCH_AUDITOR, lambda::RunningFunction};

/// The header that stands for a signature: IAM refuses every other request before it reaches the function.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=test";

/// Requests that are generated for each route, the same in every run.
const EXAMPLES: &str = "40";

#[test]
#[ignore = "needs Schemathesis: make test-api"]
fn the_function_is_as_its_openapi_document_says() {
    let schemathesis =
        std::env::var("SCHEMATHESIS").expect("`SCHEMATHESIS` names the command; run `make test-api`");
    let cloud = FakeAws::start();
    publish_report(&cloud);
    let function = RunningFunction::start(env!("CARGO_BIN_EXE_api"), &cloud, &[WATCH_AUDITOR]);
    let address = serve(function);
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let done = Command::new(schemathesis)
        .current_dir(scratch)
        .args(["run", &format!("http://{address}/openapi.json"), "--url", &format!("http://{address}")])
        .args(["--header", &format!("Authorization: {AUTHORIZATION}")])
        .args(["--checks", "all", "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES, "--generation-deterministic"])
        // The check `ignored_auth` leaves the header out; generated ones would be no signatures.
        .args(["--generation-with-security-parameters", "false"])
        .args(["--suppress-health-check", "all", "--continue-on-failure"])
        .args(["--request-timeout", "20", "--warnings", "off", "--output-truncate", "false", "--no-color"])
        .output()
        .expect("Schemathesis runs");
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{output}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(output.contains("generated"), "Schemathesis sent requests: {output}");
}

/// Answers HTTP requests with what the function answers. Returns its address.
fn serve(function: RunningFunction) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let function = Arc::new(Mutex::new(function));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let function = Arc::clone(&function);
            thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                while let Some(request) = Request::read(&mut reader) {
                    let authorization = request.headers.get("authorization").and_then(Value::as_str);
                    let answer = match authorization {
                        Some(AUTHORIZATION) => function.lock().expect("no panic").invoke(request.event()),
                        _ => Ok(forbidden()),
                    };
                    let answer = answer
                        .unwrap_or_else(|error| panic!("an HTTP client sees no function error: {error:?}"));
                    if write(&stream, &answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// What Lambda answers to a request that IAM does not authorize.
fn forbidden() -> Value {
    json!({ "statusCode": 403, "headers": { "content-type": "application/json" }, "body": "{\"Message\":\"Forbidden\"}" })
}

struct Request {
    method: String,
    target: String,
    headers: Map<String, Value>,
    body: Vec<u8>,
}

impl Request {
    fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = || -> Option<String> {
            let mut bytes = Vec::new();
            reader.read_until(b'\n', &mut bytes).ok()?;
            // HTTP has bytes here; Lambda makes characters of them.
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            Some(text.trim_end_matches(['\r', '\n']).to_owned())
        };
        let first = line()?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Map::new();
        loop {
            let line = line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().into());
        }
        let length = headers.get("content-length").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        Some(Self { method, target, headers, body })
    }

    fn event(&self) -> Value {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut parameters: Map<String, Value> = Map::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, mut value) = (decode(name), decode(value));
            if let Some(Value::String(before)) = parameters.get(&name) {
                value = format!("{before},{value}");
            }
            parameters.insert(name, value.into());
        }
        let kind = self.headers.get("content-type").and_then(Value::as_str).unwrap_or_default();
        let text = std::str::from_utf8(&self.body)
            .ok()
            .filter(|_| kind.starts_with("application/json") || kind.starts_with("text/"));
        let (body, is_base64) = match text {
            Some(text) => (text.to_owned(), false),
            None => (STANDARD.encode(&self.body), true),
        };
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "queryStringParameters": parameters, "headers": self.headers,
            "requestContext": {
                "accountId": "111122223333", "apiId": "id", "domainName": "d", "domainPrefix": "id",
                "authorizer": { "iam": { "userArn": "arn:aws:sts::111122223333:assumed-role/ci/session" } },
                "http": { "method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
                "requestId": "r", "routeKey": "$default", "stage": "$default", "time": "t", "timeEpoch": 1,
            },
            "body": body, "isBase64Encoded": is_base64,
        })
    }
}

fn write(mut stream: &TcpStream, answer: &Value) -> std::io::Result<()> {
    let text = answer["body"].as_str().unwrap_or_default();
    let body = match answer["isBase64Encoded"].as_bool() {
        Some(true) => STANDARD.decode(text).expect("base64"),
        _ => text.as_bytes().to_vec(),
    };
    let mut bytes = format!("HTTP/1.1 {} Status\r\ncontent-length: {}\r\n", answer["statusCode"], body.len());
    for (name, value) in answer["headers"].as_object().expect("headers") {
        bytes.push_str(&format!("{name}: {}\r\n", value.as_str().expect("text")));
    }
    bytes.push_str("\r\n");
    stream.write_all(&[bytes.as_bytes(), &body].concat())
}

/// A part of a query, with its escapes decoded.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let digits = (*byte == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let escaped =
            digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        plain.push(escaped.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}
