//! The real binary against a fake AWS: the event history, log files in S3, and reports that a deployment published.

#![cfg(feature = "aws")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod fixture;

use fixture::{
    ACCOUNT, CommandOutput, MANAGEMENT_ONLY_CONFIG, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object,
};
use onlooker_core::{
    current_status::{CurrentStatus, ReportBrief},
    report::Report,
    score::Status,
    time::{HOUR_SECONDS, Time},
};
use serde_json::{Value, json};
use test_support::{
    fake_aws::{
        FakeAws, HttpFault, HttpResponse,
        event_history::{call_record, machine_time},
        kms::FakeKmsKey,
    },
    signed_trail::{SignedTrail, signing::TestKey, tampering::untouched},
};

/// Runs the binary against a fake AWS.
fn run(directory: &TestDirectory, cloud: &FakeAws, args: &[&str]) -> CommandOutput {
    directory.command(args).envs(cloud.environment()).output().expect("the binary runs").into()
}

/// The two hours before the last whole one, with calls in each. CloudTrail has delivered their events, also when the
/// current hour is new.
fn add_calls(cloud: &FakeAws, name: &str) -> (Time, Time) {
    let until = Time(machine_time().hour().start().0 - HOUR_SECONDS);
    let since = Time(until.0 - 2 * HOUR_SECONDS);
    for n in 0..120 {
        let time = Time(since.0 + 30 + n * 59);
        let name = if n == 60 { name } else { "ListBuckets" };
        cloud.state().add_event(ACCOUNT, "us-east-1", time.0, call_record(n, time, "us-east-1", name));
    }
    (since, until)
}

#[test]
fn a_promise_is_proven_from_the_event_history() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    directory.write(
        "onlooker.toml",
        format!("{MANAGEMENT_ONLY_CONFIG}logged = [\"management-read\", \"management-write\"]\n"),
    );
    let (since, until) = add_calls(&cloud, "ListBuckets");
    let (since, until) = (format!("--since={since}"), format!("--until={until}"));
    let lookup = ["sweep", "--lookup", "--region=us-east-1", &since, &until, WATCH_AUDITOR, "--json"];
    let report = run(&directory, &cloud, &lookup).assert_exit_code(0).report();
    assert_eq!((report.result.status(), report.result.totals.events), (Some(Status::Compliant), 120));
    assert_eq!(report.run.caller.as_ref().map(|caller| &*caller.account), Some(ACCOUNT));
    assert!(
        report.run.input_files[0].file.starts_with("lookup://111122223333/us-east-1/"),
        "{:?}",
        report.run.input_files
    );
    // Stored like other sweeps: the report is available without another lookup.
    let asked = cloud.request_count("LookupEvents");
    let again = directory.run(&["report", &since, &until, "--json"]);
    assert_eq!(again.assert_exit_code(0).report().result.totals.events, 120, "the same events");
    assert_eq!(cloud.request_count("LookupEvents"), asked);
    // Events that are looked up again count once.
    let twice = run(&directory, &cloud, &lookup).assert_exit_code(0).report();
    assert_eq!(twice.id, report.id);
}

#[test]
fn a_write_in_the_event_history_is_a_violation() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    let (since, until) = add_calls(&cloud, "DeleteBucket");
    let (since, until) = (format!("--since={since}"), format!("--until={until}"));
    let lookup =
        ["sweep", "--lookup", "--no-state", "--region=us-east-1", &since, &until, WATCH_AUDITOR, "--json"];
    let report = run(&directory, &cloud, &lookup).assert_exit_code(1).report();
    assert_eq!(report.result.findings[0].id, "write-succeeded");
    assert!(!directory.join(".onlooker").exists());
}

#[test]
fn a_missing_permission_exits_with_4_and_is_named() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    let denial = cloud.deny("cloudtrail:LookupEvents");
    let ran = run(&directory, &cloud, &["sweep", "--lookup", "--region=us-east-1"]).assert_exit_code(4);
    assert!(
        ran.stderr
            .starts_with("error: cannot look up events (cloudtrail:LookupEvents) of `111122223333 us-east-1"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains(&denial), "{}", ran.stderr);
}

#[test]
fn log_files_in_s3_are_swept_with_local_files_and_stored() {
    let (directory, cloud) = (TestDirectory::with_compliant_trail(), FakeAws::start());
    for entry in std::fs::read_dir(directory.join("logs")).expect("a directory") {
        let path = entry.expect("a file").path();
        let key = format!("AWSLogs/{}", path.file_name().expect("a name").to_string_lossy());
        cloud.state().bucket("trail").put(&key, std::fs::read(&path).expect("bytes"));
    }
    let local =
        directory.run(&["sweep", "logs", "--no-state", WATCH_AUDITOR, "--json"]).assert_exit_code(0).report();
    let there = run(&directory, &cloud, &["sweep", "s3://trail/AWSLogs/", WATCH_AUDITOR, "--json"])
        .assert_exit_code(0)
        .report();
    assert_eq!(there.id, local.id, "the same evidence, the same report");
    let fetched = cloud.request_count("GetObject");
    assert_eq!(fetched as u64, there.run.log_files_read);
    let again = run(&directory, &cloud, &["sweep", "s3://trail/AWSLogs/", WATCH_AUDITOR, "--json"])
        .assert_exit_code(0)
        .report();
    assert_eq!(
        (again.run.log_files_read, cloud.request_count("GetObject")),
        (0, fetched),
        "unchanged log files are not read again"
    );
    let both = run(
        &directory,
        &cloud,
        &["sweep", "logs", "s3://trail/AWSLogs/", "--no-state", WATCH_AUDITOR, "--json"],
    );
    assert_eq!(both.assert_exit_code(0).report().id, local.id, "delivered twice, counted once");
    let none = run(&directory, &cloud, &["sweep", "s3://nowhere/x", "--no-state"]).assert_exit_code(2);
    assert!(
        none.stderr.contains("cannot list (s3:ListBucket) `s3://nowhere/x`: NoSuchBucket"),
        "{}",
        none.stderr
    );
}

/// Puts an item into the table of the deployment.
fn put_item(cloud: &FakeAws, partition: &str, sort: &str, body: &Value) {
    fn attribute(value: &Value) -> Value {
        match value {
            Value::Null => json!({ "NULL": true }),
            Value::Bool(value) => json!({ "BOOL": value }),
            Value::Number(number) => json!({ "N": number.to_string() }),
            Value::String(text) => json!({ "S": text }),
            Value::Array(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), attribute(value)));
                json!({ "M": fields.collect::<serde_json::Map<_, _>>() })
            }
        }
    }
    let item = json!({ "pk": { "S": partition }, "sk": { "S": sort }, "rev": { "N": "1" }, "body": attribute(body) });
    let item = item.as_object().expect("an object").clone();
    let mut state = cloud.state();
    state.tables.entry("state".to_owned()).or_default().insert((partition.to_owned(), sort.to_owned()), item);
}

#[test]
fn published_reports_are_shown_and_listed() {
    let (directory, cloud) = (TestDirectory::with_compliant_trail(), FakeAws::start());
    let remote = |args: &[&str]| {
        let all = [&["report", "--remote", "--table=state", "--bucket=kept"], args].concat();
        run(&directory, &cloud, &all)
    };
    cloud.state().tables.entry("state".to_owned()).or_default();
    assert!(remote(&[]).assert_exit_code(2).stderr.contains("the deployment has published no report"));
    let mut report: Report =
        directory.run(&["sweep", "logs", "--no-state", WATCH_AUDITOR, "--json"]).assert_exit_code(0).report();
    report.run.revision = Some(1);
    let (since, until) =
        (Time::parse("2027-01-30T10:00:00Z").unwrap(), Time::parse("2027-01-30T13:00:00Z").unwrap());
    let reported = ReportBrief::from_report(&report, since, until, "reports/a.json");
    // Set in the far future, a status does not expire, and set in the past, it has expired, whenever the test runs.
    let (future, past) =
        (Time::parse("2099-01-01T00:00:00Z").unwrap(), Time::parse("2020-01-01T00:00:00Z").unwrap());
    let current_status = CurrentStatus::from_report(reported.clone(), None, future, 3_600, "run");
    put_item(&cloud, "STATUS", "LATEST", &json!(current_status));
    put_item(&cloud, "STATUS", "AT#2027-01-30T13:00:00Z#run", &json!(current_status));
    let mut revision = json!(reported);
    revision["purpose"] = json!("current");
    revision["keys"] = json!(["reports/a.json"]);
    put_item(&cloud, &format!("WINDOW#{since}_{until}"), "REVISION#0001", &revision);
    cloud.state().bucket("kept").put("reports/a.json", json!(report).to_string());
    assert_eq!(remote(&["--json"]).assert_exit_code(0).report(), report);
    let (from, to) = (format!("--since={since}"), format!("--until={until}"));
    assert_eq!(remote(&["--json", &from, &to]).assert_exit_code(0).report().id, report.id);
    let other = remote(&["--since=2026-01-01", "--until=2026-01-02"]).assert_exit_code(2);
    assert!(
        other.stderr.contains("no report for 2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z"),
        "{}",
        other.stderr
    );
    let listed = remote(&["--list"]).assert_exit_code(0).stdout;
    assert!(listed.lines().nth(1).is_some_and(|line| line.contains("COMPLIANT")), "{listed}");
    // An expired current status claims nothing, whatever its report states.
    let old = CurrentStatus::from_report(reported, None, past, 3_600, "run");
    put_item(&cloud, "STATUS", "LATEST", &json!(old));
    let ran = remote(&[]).assert_exit_code(3);
    assert!(
        ran.stderr.contains("the status is not current: no report was published since"),
        "{}",
        ran.stderr
    );
    // A violation stays a violation.
    report.result.summary.overall_compliance = Some(Status::NonCompliant);
    cloud.state().bucket("kept").put("reports/a.json", json!(report).to_string());
    assert!(remote(&[]).assert_exit_code(1).stderr.contains("the status is not current"));
    // An unreadable revision may be the newest one.
    put_item(&cloud, &format!("WINDOW#{since}_{until}"), "REVISION#0002", &json!({ "report": 2 }));
    assert!(remote(&["--json", &from, &to]).assert_exit_code(4).stderr.contains("REVISION#0002"));
}

#[test]
fn the_health_of_a_deployment_is_read_from_its_table_and_bucket() {
    let (directory, cloud) = (TestDirectory::with_compliant_trail(), FakeAws::start());
    let remote = |command: &str, args: &[&str]| {
        let place = ["--remote", "--table=state", "--bucket=kept", "--at=2026-10-06T15:00:00Z"];
        run(&directory, &cloud, &[&[command], &place[..], args].concat())
    };
    cloud.state().tables.entry("state".to_owned()).or_default();
    cloud.state().bucket("kept");
    let none: Value =
        serde_json::from_str(&remote("health", &["--json"]).assert_exit_code(3).stdout).unwrap();
    assert_eq!(none["status"], "unknown", "{none:#}");
    let report: Report =
        directory.run(&["sweep", "logs", "--no-state", WATCH_AUDITOR, "--json"]).assert_exit_code(0).report();
    let time = |text: &str| Time::parse(text).unwrap();
    let (since, until) = (time("2026-10-06T10:00:00Z"), time("2026-10-06T13:00:00Z"));
    let brief = ReportBrief::from_report(&report, since, until, "reports/a.json");
    let current = CurrentStatus::from_report(brief, None, time("2026-10-06T14:30:00Z"), 3_600, "run");
    put_item(&cloud, "STATUS", "LATEST", &json!(current));
    cloud.state().bucket("kept").put("reports/a.json", json!(report).to_string());
    for function in ["pull", "report", "permissions", "maintain"] {
        let ended = "2026-10-06T14:45:00Z";
        let beat = json!({
            "run_id": "r", "request_id": null, "caller": null, "started_at": ended, "ended_at": ended, "error": null,
            "metrics": { "records": 7 }, "succeeded_at": ended,
        });
        put_item(&cloud, &format!("RUN#{function}"), "LATEST", &beat);
    }
    let health: Value =
        serde_json::from_str(&remote("health", &["--json"]).assert_exit_code(0).stdout).unwrap();
    assert_eq!(health["not_applicable"], json!([]));
    assert_eq!(health["checks"].as_array().unwrap().len(), 15, "{health:#}");
    let metrics = remote("metrics", &[]).assert_exit_code(0).stdout;
    assert!(metrics.contains("\nonlooker_run_records{function=\"pull\"} 7\n"), "{metrics}");
    assert!(metrics.contains("\ninventag_compliance_score 100\n"), "{metrics}");
    let screen = remote("monitor", &["--once"]).assert_exit_code(0).stdout;
    assert!(screen.starts_with("ONLOOKER  HEALTHY  state  ") && screen.contains("0/800"), "{screen}");
    // A breaker that a function stored.
    let open = json!({ "state": "open", "since": "2026-10-06T14:50:00Z", "until": "2026-10-06T15:20:00Z" });
    put_item(&cloud, "BREAKERS", "s3:GetObject", &open);
    let line = remote("health", &["--nagios"]).assert_exit_code(2).stdout;
    assert!(line.contains("circuit-breakers: 1 breaker open: s3:GetObject for 10 min"), "{line}");
    // A table that cannot be read is unknown.
    let place = ["health", "--remote", "--table=absent", "--bucket=kept", "--nagios"];
    let line = run(&directory, &cloud, &place).assert_exit_code(3).stdout;
    assert!(line.starts_with("ONLOOKER UNKNOWN - "), "{line}");
}

#[test]
fn remote_reports_need_the_deployment_name() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    let ran = run(&directory, &cloud, &["report", "--remote"]).assert_exit_code(2);
    assert!(
        ran.stderr.contains("`--remote` needs `--stack NAME`, or `--table NAME`")
            && ran.stderr.contains("ONLOOKER_TABLE"),
        "{}",
        ran.stderr
    );
}

#[test]
fn table_and_bucket_of_a_deployment_are_outputs_of_its_stack() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    let show = |more: &[&str]| {
        run(
            &directory,
            &cloud,
            &[&["report", "--remote", "--list", "--json", "--stack=watcher"], more].concat(),
        )
    };
    show(&[])
        .assert_exit_code(2)
        .assert_stderr(&["there is no stack `watcher` in eu-west-1", "help: correct the name"]);
    cloud.state().stacks.insert("watcher".to_owned(), vec![("Table", "state")]);
    show(&[]).assert_exit_code(2).assert_stderr(&["the stack `watcher` has no output `Bucket`"]);
    cloud.state().stacks.insert("watcher".to_owned(), vec![("Bucket", "kept"), ("Table", "state")]);
    cloud.state().tables.entry("state".to_owned()).or_default();
    assert_eq!(show(&[]).assert_exit_code(0).stdout.trim(), "[]");
    // An option takes precedence over an output.
    show(&["--table=other"]).assert_exit_code(4).assert_stderr(&["other: STATUS"]);
    let denial = cloud.deny("cloudformation:DescribeStacks");
    show(&[])
        .assert_exit_code(4)
        .assert_stderr(&["cannot describe the stack (cloudformation:DescribeStacks) `watcher`", &denial]);
}

#[test]
fn without_credentials_each_command_says_one_line_and_the_remedy() {
    let directory = TestDirectory::with_compliant_trail();
    directory.run(&["sweep", "logs"]).assert_exit_code(0);
    let role = json!({
        "Path": "/", "RoleName": "Auditor", "RoleId": "AROAEXAMPLE", "RolePolicyList": [], "AttachedManagedPolicies": [],
        "Arn": "arn:aws:iam::111122223333:role/Auditor", "InstanceProfileList": [], "Tags": [],
        "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [] },
    });
    let policies =
        json!({ "UserDetailList": [], "RoleDetailList": [role], "GroupDetailList": [], "Policies": [] });
    directory.write("iam.json", policies.to_string());
    let key = "arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let commands: [&[&str]; 12] = [
        &["sweep", "--lookup"],
        &["sweep", "s3://trail/AWSLogs/", "--no-state"],
        &["report", "--remote", "--table=t", "--bucket=b"],
        &["report", "--remote", "--table=t", "--bucket=b", "--list"],
        &["report", "--remote", "--stack=onlooker"],
        &["permissions"],
        &["permissions", "--principal=arn:aws:iam::111122223333:role/Auditor"],
        &[
            "guardrails",
            "--principal=arn:aws:iam::111122223333:role/Auditor",
            "--authorization-details=iam.json",
            "s3://trail/AWSLogs/",
        ],
        &["verify", "trail", "s3://trail/AWSLogs/", "--region=eu-west-1"],
        &["audit", "verify", "--bucket=b"],
        &["audit", "summary", "--bucket=b"],
        &["audit", "seal", "--kms", key],
    ];
    let mut commands = commands.map(<[&str]>::to_vec).to_vec();
    if cfg!(feature = "clouds") {
        commands.push(vec!["backup", "list", "s3://b/x"]);
        commands.push(vec!["backup", "create", "--to", "s3://b/x"]);
    }
    for args in commands {
        let mut command = directory.command(&args);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        let home = directory.path().join("nobody");
        let output = command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", home).output();
        let ran = CommandOutput::from(output.expect("the binary runs")).assert_exit_code(4);
        let lines: Vec<&str> = ran.stderr.lines().filter(|line| !line.starts_with("note: ")).collect();
        let [error, help] = lines[..] else { panic!("{args:?}: {}", ran.stderr) };
        assert!(
            error.starts_with("error: ") && error.ends_with("no AWS credentials were found"),
            "{args:?}: {error}"
        );
        assert!(help.starts_with("  help: set AWS_PROFILE, or AWS_ACCESS_KEY_ID"), "{args:?}: {help}");
    }
}

/// A bucket with a trail that the tests sign, and its public key on the last of two pages.
fn add_signed_trail(cloud: &FakeAws, trail: &SignedTrail) {
    let mut state = cloud.state();
    state.public_keys.insert(
        "eu-west-1".to_owned(),
        vec![TestKey::other().published(), TestKey::cloudtrail().published()],
    );
    let bucket = state.bucket("audit-logs");
    for (key, object) in &trail.objects {
        bucket.put(key, object.bytes.clone());
        bucket.metadata.insert(key.clone(), object.metadata.clone());
    }
}

const VERIFY: [&str; 5] = [
    "verify",
    "trail",
    "s3://audit-logs/AWSLogs/",
    "--since=2026-10-05T01:00:00Z",
    // With the newest digest file, of which only the metadata has the signature.
    "--until=2026-10-05T06:15:30Z",
];

#[test]
fn a_trail_in_s3_is_verified_with_keys_and_metadata_from_aws() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    add_signed_trail(&cloud, &untouched());
    let output = run(&directory, &cloud, &VERIFY).assert_exit_code(0);
    assert!(output.stdout.contains("digests    6 verified"), "{}", output.stdout);
    assert_eq!((cloud.request_count("ListPublicKeys"), cloud.request_count("HeadObject")), (2, 6));
    run(&directory, &cloud, &VERIFY).assert_exit_code(0);
    assert_eq!(cloud.request_count("ListPublicKeys"), 2, "the keys are kept");
}

#[test]
fn tampering_in_s3_is_found_and_a_key_that_aws_does_not_list_is_tampering() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    let mut trail = untouched();
    let log = trail.logs()[4].clone();
    trail.edit(&log, "ListBuckets", "DeleteBucket");
    add_signed_trail(&cloud, &trail);
    let output = run(&directory, &cloud, &VERIFY).assert_exit_code(1);
    assert!(output.stdout.contains(&format!("tampered   s3://audit-logs/{log}: ")), "{}", output.stdout);
    let cloud = FakeAws::start();
    add_signed_trail(&cloud, &untouched());
    cloud.state().public_keys.clear();
    let output = run(&directory, &cloud, &[&VERIFY[..], &["--no-state"]].concat()).assert_exit_code(1);
    assert!(output.stdout.contains("CloudTrail has no such public key in the region"), "{}", output.stdout);
}

#[test]
fn a_trail_in_s3_that_may_not_be_read_is_not_verified() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    add_signed_trail(&cloud, &untouched());
    let denial = cloud.deny("cloudtrail:ListPublicKeys");
    run(&directory, &cloud, &VERIFY)
        .assert_exit_code(4)
        .assert_stderr(&["cloudtrail:ListPublicKeys", &denial]);
    cloud.deny_key("s3:GetObject", "AWSLogs/111122223333/CloudTrail/");
    let output = run(&directory, &cloud, &VERIFY).assert_exit_code(3);
    assert!(output.stdout.contains("it cannot be read"), "{}", output.stdout);
    assert!(
        output.stdout.contains("6 verified") && output.stdout.contains("12 unverified"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_key_of_kms_signs_certificates_seals_and_prunings_and_its_public_key_verifies_them() {
    const KEY: &str = "arn:aws:kms:us-east-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let (directory, cloud) = (TestDirectory::with_compliant_trail(), FakeAws::start());
    cloud.state().kms_keys.insert(KEY.to_owned(), FakeKmsKey::new(7));
    directory.write("public.pem", FakeKmsKey::new(7).public_pem());
    directory.write("other.pem", FakeKmsKey::new(8).public_pem());
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    let auditor = "arn:aws:iam::111122223333:role/Auditor";
    let period = ["--since=2026-10-06T10:00:00Z", "--until=2026-10-06T13:00:00Z"];
    let certify =
        [&["certify", "--principal", auditor, "--kms", KEY, "--out", "certificate.json"][..], &period];
    run(&directory, &cloud, &certify.concat()).assert_exit_code(0);
    let verify = |key| directory.run(&["verify", "certificate", "certificate.json", "--public-key", key]);
    assert!(verify("public.pem").assert_exit_code(0).stdout.starts_with("signed: "));
    assert!(verify("other.pem").assert_exit_code(1).stdout.starts_with("not valid: "));
    run(&directory, &cloud, &["audit", "seal", "--kms", KEY]).assert_exit_code(0);
    let prune = ["audit", "prune", "--older-than", "2100-01-01", "--force", "--kms", KEY];
    run(&directory, &cloud, &prune).assert_exit_code(0);
    let verify = |key| directory.run(&["audit", "verify", "--public-key", key]);
    let found = verify("public.pem").assert_exit_code(0).stdout;
    assert!(found.contains("2 of 2 seals and prunings have a valid signature"), "{found}");
    assert!(verify("other.pem").assert_exit_code(1).stdout.contains("signature-invalid"));
    // A key that may not sign changes nothing.
    let said = cloud.deny("kms:Sign");
    let denied = run(&directory, &cloud, &["audit", "seal", "--kms", KEY]).assert_exit_code(4).stderr;
    assert!(denied.contains("cannot sign (kms:Sign)") && denied.contains(&said), "{denied}");
    assert_eq!(verify("public.pem").assert_exit_code(0).stdout, found);
}

#[test]
fn a_sweep_of_a_bucket_verifies_log_files_with_keys_and_metadata_from_aws() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    add_signed_trail(&cloud, &untouched());
    let until = "--until=2026-10-05T05:00:00Z";
    let sweep =
        ["sweep", VERIFY[2], VERIFY[3], until, "--region=eu-west-1", "--verify-logs", "--format=markdown"];
    let verified = "Log files, by digest files: 4 hours verified, 0 unverified, 0 missing, 0 tampered with.";
    for log_files_read in [18, 0] {
        let before = cloud.request_count("GetObject");
        let output = run(&directory, &cloud, &sweep).assert_exit_code(0);
        assert!(output.stdout.contains(verified), "{}", output.stdout);
        // The digest files are read once more than the sweep reads them, those in the window and one before it.
        let digests = cloud.request_count("GetObject") - before - log_files_read;
        assert_eq!(digests, 6);
    }
    assert_eq!(cloud.request_count("ListPublicKeys"), 2, "the keys are kept");
    let denied = TestDirectory::new();
    let denial = cloud.deny("cloudtrail:ListPublicKeys");
    run(&denied, &cloud, &sweep).assert_exit_code(4).assert_stderr(&["cloudtrail:ListPublicKeys", &denial]);
}

#[test]
fn a_deployment_and_its_configuration_object_are_diagnosed() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    let doctor = |code: i32| {
        let ran = run(&directory, &cloud, &["doctor", "--json", "--stack=watcher"]).assert_exit_code(code);
        let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        move |name: &str| {
            let checks = json["checks"].as_array().expect("a list");
            let found = checks.iter().find(|check| check["name"] == name);
            found.unwrap_or_else(|| panic!("no `{name}` in {json}"))["state"]
                .as_str()
                .expect("text")
                .to_owned()
        }
    };
    let state = doctor(2);
    assert_eq!(
        (state("credentials"), state("region"), state("event-history")),
        ("ok".into(), "ok".into(), "ok".into())
    );
    assert_eq!(state("stack"), "problem", "there is no such stack");
    cloud.state().stacks.insert("watcher".to_owned(), vec![("Bucket", "kept"), ("Table", "state")]);
    cloud.state().tables.entry("state".to_owned()).or_default();
    cloud.state().bucket("kept");
    let state = doctor(1);
    assert_eq!(
        (state("stack"), state("reports"), state("bucket")),
        ("ok".into(), "warning".into(), "ok".into())
    );
    // The configuration object of the stack, as samconfig.toml names it.
    directory
        .write("samconfig.toml", "parameter_overrides = \"ConfigurationObject=s3://kept/onlooker.toml\"\n");
    assert_eq!(doctor(2)("configuration-object"), "problem", "it is not there");
    cloud.state().bucket("kept").put("onlooker.toml", "wach = []\n".to_owned());
    assert_eq!(doctor(2)("configuration-object"), "problem", "it is invalid");
    cloud.state().bucket("kept").put("onlooker.toml", "standard = \"SOC2\"\n".to_owned());
    assert_eq!(doctor(1)("configuration-object"), "ok");
    cloud.deny("cloudtrail:LookupEvents");
    assert_eq!(doctor(2)("event-history"), "problem");
}

#[test]
fn the_table_and_bucket_of_a_deployment_are_validated() {
    let (directory, cloud) = (TestDirectory::new(), FakeAws::start());
    let validate = |table: &str| {
        let mut command = directory.command(&["config", "validate", "--quick", "--json"]);
        command.envs(cloud.environment()).env("ONLOOKER_TABLE", table).env("ONLOOKER_BUCKET", "kept");
        CommandOutput::from(command.output().expect("the binary runs"))
    };
    cloud.state().tables.entry("state".to_owned()).or_default();
    cloud.state().bucket("kept");
    validate("state").assert_exit_code(0);
    assert!(validate("other").assert_exit_code(2).stdout.contains("dynamodb:Query"));
}

/// A state with a sweep that found a write, and a fake AWS.
fn swept_with_findings() -> (TestDirectory, FakeAws) {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/more.json.gz", object(&[WRITE_CALL]));
    directory.run(&["sweep", "logs", WATCH_AUDITOR, "--fail-on", "none"]).assert_exit_code(0);
    (directory, FakeAws::start())
}

#[test]
fn findings_are_pushed_to_security_hub_and_updated_under_the_same_id() {
    let (directory, cloud) = swept_with_findings();
    let mut throttled = 0;
    cloud.inject_faults(move |request| {
        let is_first = request.operation() == "BatchImportFindings" && throttled == 0;
        throttled += usize::from(is_first);
        is_first
            .then(|| HttpFault::Respond(HttpResponse::error(429, "TooManyRequestsException", "slow down")))
    });
    let pushed = run(&directory, &cloud, &["push", "security-hub"]).assert_exit_code(0).stdout;
    let imported = cloud.state().imported_findings.clone();
    assert!(imported.values().any(|finding| finding["GeneratorId"] == "onlooker/write-succeeded"));
    let all = imported.len();
    assert_eq!(pushed, format!("Security Hub of {ACCOUNT} in eu-west-1 imported {all} of {all} findings\n"));
    assert_eq!(cloud.request_count("BatchImportFindings"), 2);
    cloud.end_faults();
    directory.run(&["report", "--format", "json", "--out", "out"]).assert_exit_code(1);
    run(&directory, &cloud, &["push", "security-hub", "out/report.json"]).assert_exit_code(0);
    assert!(cloud.state().imported_findings.keys().eq(imported.keys()));
}

#[test]
fn a_push_that_security_hub_does_not_take_in_full_fails() {
    let (directory, cloud) = swept_with_findings();
    let denial = cloud.deny("securityhub:BatchImportFindings");
    let refused = run(&directory, &cloud, &["push", "security-hub"]).assert_exit_code(4).stderr;
    assert!(
        refused.contains("were imported into Security Hub and 0 refused before the import failed"),
        "{refused}"
    );
    assert!(refused.contains("(securityhub:BatchImportFindings)") && refused.contains(&denial), "{refused}");
    let mut is_first = true;
    cloud.inject_faults(move |request| {
        let finding = || request.json()["Findings"][0]["Id"].clone();
        (request.operation() == "BatchImportFindings" && std::mem::take(&mut is_first)).then(|| {
            let failed =
                json!([{ "Id": finding(), "ErrorCode": "InvalidInput", "ErrorMessage": "no\u{1b}[2J" }]);
            let count = request.json()["Findings"].as_array().unwrap().len() - 1;
            let answer = json!({ "SuccessCount": count, "FailedCount": 1, "FailedFindings": failed });
            HttpFault::Respond(HttpResponse::json(200, &answer))
        })
    });
    let refused = run(&directory, &cloud, &["push", "security-hub"]).assert_exit_code(4).stderr;
    assert!(refused.contains("Security Hub did not import 1 of "), "{refused}");
    assert!(refused.contains(": InvalidInput: no\\u{1b}[2J"), "{refused}");
}

#[test]
fn a_push_needs_a_region_and_a_report() {
    let (directory, cloud) = swept_with_findings();
    let mut command = directory.command(&["push", "security-hub"]);
    let without_region = cloud.environment().into_iter().filter(|(name, _)| *name != "AWS_REGION");
    let refused: CommandOutput =
        command.envs(without_region).env_remove("AWS_DEFAULT_REGION").output().unwrap().into();
    assert!(refused.assert_exit_code(2).stderr.contains("set AWS_REGION"));
    let empty = TestDirectory::new();
    let refused = run(&empty, &cloud, &["push", "security-hub"]).assert_exit_code(2).stderr;
    assert!(refused.contains("there is no sweep in `.onlooker`"), "{refused}");
    assert_eq!(cloud.request_count("BatchImportFindings"), 0);
}
