//! A workplace with a trail in it, and the real binary at work there.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use onlooker_core::report::Report;
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
pub const OTHER_ACCOUNT: &str = "444455556666";
pub const REGION: &str = "us-east-1";
pub const AUDITOR: &str = "--watch=arn:aws:iam::*:role/Auditor";

/// A promise about management events alone.
pub const MANAGEMENT: &str = "[coverage]\nevent_classes = [\"management-read\", \"management-write\"]\n";

/// A temporary working directory.
pub struct Workplace(tempfile::TempDir);

impl Workplace {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    /// With the trail of a promise that was kept, in `logs`, and the configuration it takes to prove that.
    pub fn proven() -> Self {
        let this = Self::new();
        this.write("onlooker.toml", MANAGEMENT);
        for (name, bytes) in kept_promise() {
            this.write(&format!("logs/{name}"), bytes);
        }
        this
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("written");
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onlooker"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ONLOOKER_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.path()).args(args).env_remove("NO_COLOR").stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().expect("the binary runs").into()
    }

    /// Runs with bytes on standard input.
    pub fn fed(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.start(self.command(args).stdin(Stdio::piped()));
        // A tool that refuses its arguments does not read; that is for the caller to see.
        let _ = child.stdin.take().expect("piped").write_all(input);
        child.wait_with_output().expect("it ends").into()
    }

    pub fn start(&self, command: &mut Command) -> Child {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs")
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

impl Ran {
    /// The run itself, if it ended with this code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// The run itself, if standard error says this.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in: {}", self.err);
        }
        self
    }

    /// The report on standard output.
    #[track_caller]
    pub fn report(&self) -> Report {
        report(&self.out)
    }

    /// Its result, byte for byte.
    #[track_caller]
    pub fn result(&self) -> String {
        serde_json::to_string(&self.report().result).expect("JSON")
    }
}

/// Reads a report and checks that it is of the published shape: nothing in it is missing, beside the schema, or of
/// another type, and its id is the hash of its result. The schema is made from these very types.
#[track_caller]
pub fn report(text: &str) -> Report {
    let report: Report = serde_json::from_str(text).expect("a report");
    let again = serde_json::to_value(&report).expect("JSON");
    let given: Value = serde_json::from_str(text).expect("JSON");
    assert!(again == given, "the report holds what its schema does not know");
    assert_eq!(report.id, report.result.id().expect("JSON"));
    let schema: Value = serde_json::from_str(include_str!("../../docs/report.schema.json")).expect("JSON");
    let required = schema["required"].as_array().expect("a list");
    assert!(required.iter().all(|key| given.get(key.as_str().expect("text")).is_some()), "{required:?}");
    report
}

/// One call, as CloudTrail records it.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub id: u32,
    /// Day and time, such as `06T10:30`, in October 2026.
    pub at: &'static str,
    pub account: &'static str,
    pub region: &'static str,
    pub role: &'static str,
    pub source: &'static str,
    pub name: &'static str,
    pub read_only: bool,
    pub error: Option<&'static str>,
}

/// A read by the auditor.
pub const READ: Call = Call {
    id: 1,
    at: "06T10:30",
    account: ACCOUNT,
    region: REGION,
    role: "Auditor",
    source: "ec2",
    name: "DescribeInstances",
    read_only: true,
    error: None,
};

/// A write by the auditor.
pub const WRITE: Call = Call { id: 2, name: "RunInstances", read_only: false, ..READ };

impl Call {
    pub fn json(&self) -> Value {
        let Self { id, at, account, region, role, source, name, read_only, error } = *self;
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": format!("AROAEXAMPLE:{role}"),
                "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/session"),
                "accountId": account,
                "sessionContext": { "sessionIssuer": {
                    "type": "Role", "arn": format!("arn:aws:iam::{account}:role/{role}"),
                    "accountId": account, "userName": role,
                } },
            },
            "eventTime": format!("2026-10-{at}:00Z"),
            "eventSource": format!("{source}.amazonaws.com"),
            "eventName": name,
            "awsRegion": region,
            "readOnly": read_only,
            "eventID": format!("00000000-0000-4000-8000-{id:012}"),
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "eventCategory": "Management",
            "recipientAccountId": account,
        });
        if let Some(error) = error {
            record["errorCode"] = error.into();
        }
        record
    }
}

/// An object of these calls, as delivered but not compressed.
pub fn plain(calls: &[Call]) -> Vec<u8> {
    let records: Vec<Value> = calls.iter().map(Call::json).collect();
    json!({ "Records": records }).to_string().into_bytes()
}

/// An object of these calls.
pub fn object(calls: &[Call]) -> Vec<u8> {
    gzip(&plain(calls))
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("compressed");
    encoder.finish().expect("compressed")
}

/// The digest of an hour in which nothing was delivered, such as `06T11`.
pub fn digest(account: &str, region: &str, hour: &str, until: &str) -> Vec<u8> {
    gzip(
        json!({
            "awsAccountId": account,
            "digestStartTime": format!("2026-10-{hour}:00:00Z"),
            "digestEndTime": format!("2026-10-{until}:00:00Z"),
            "digestS3Bucket": "trail",
            "digestS3Object": format!("AWSLogs/{account}/CloudTrail-Digest/{region}/2026/10/06/{account}.json.gz"),
            "logFiles": [],
        })
        .to_string()
        .as_bytes(),
    )
}

/// Three hours in which the auditor read and somebody else wrote; the second is quiet and has a digest.
pub fn kept_promise() -> Vec<(&'static str, Vec<u8>)> {
    let builder = Call { id: 4, role: "Builder", ..WRITE };
    vec![
        ("10.json.gz", object(&[READ, builder])),
        ("11.json.gz", digest(ACCOUNT, REGION, "06T11", "06T12")),
        ("12.json.gz", object(&[Call { id: 3, at: "06T12:00", ..READ }])),
    ]
}
