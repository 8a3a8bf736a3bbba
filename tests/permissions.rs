//! The real binary: what the policies of principals grant.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use test_support::test_data::TestData;

/// A configuration that requires reads.
const REQUIRED_READS: &str =
    "[permissions]\nreads = [\"sts:GetCallerIdentity\", \"ec2:DescribeRegions\", \"s3:ListBuckets\"]\n";

fn test_directory(files: &[(&str, String)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in [("onlooker.toml", String::new())].iter().chain(files) {
        std::fs::write(directory.path().join(name), text).expect("written");
    }
    directory
}

fn command(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onlooker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONLOOKER_") {
            command.env_remove(name);
        }
    }
    command.current_dir(directory).arg("permissions").args(args).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn run(files: &[(&str, String)], args: &[&str]) -> Output {
    command(test_directory(files).path(), args).output().expect("the binary runs")
}

fn exit_code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn policy(statements: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn allow(actions: &[&str]) -> String {
    policy(&json!([{ "Sid": "Some", "Effect": "Allow", "Action": actions, "Resource": "*" }]))
}

fn deny(actions: &[&str]) -> String {
    policy(&json!([{ "Effect": "Deny", "Action": actions, "Resource": "*" }]))
}

const READS: [&str; 2] = ["ec2:DescribeRegions", "s3:ListAllMyBuckets"];

fn reads_with(more: &[&str]) -> String {
    allow(&[&READS[..], more].concat())
}

/// Exit code and first word of what is printed about one policy, with this configuration.
fn status_with(config: &str, text: String) -> (i32, String) {
    let output = run(&[("onlooker.toml", config.to_owned()), ("p.json", text)], &["--policy", "p.json"]);
    let word = stdout(&output).split_whitespace().next().unwrap_or_default().to_owned();
    (exit_code(&output), word)
}

/// The same with the default configuration, which requires no reads.
fn status_of(text: String) -> (i32, String) {
    status_with("", text)
}

#[test]
fn no_read_is_required_unless_the_configuration_says_so() {
    assert_eq!(status_of(allow(&["ec2:DescribeRegions"])), (0, "VALID".into()));
    assert_eq!(status_of(deny(&["*"])), (0, "VALID".into()));
    assert_eq!(status_with(REQUIRED_READS, allow(&["ec2:DescribeRegions"])), (1, "PARTIAL".into()));
}

#[test]
fn each_status_has_its_exit_code() {
    let status_of = |text| status_with(REQUIRED_READS, text);
    assert_eq!(status_of(reads_with(&[])), (0, "VALID".into()));
    assert_eq!(status_of(allow(&["ec2:DescribeRegions"])), (1, "PARTIAL".into()));
    assert_eq!(status_of(reads_with(&["s3:PutObject"])), (1, "OVER_PRIVILEGED".into()));
    assert_eq!(status_of(allow(&["*"])), (1, "OVER_PRIVILEGED".into()));
    let conditional = json!([
        { "Effect": "Allow", "Action": READS, "Resource": "*" },
        {
            "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
            "Condition": { "StringEquals": { "aws:PrincipalTag/team": "audit" } },
        },
    ]);
    assert_eq!(status_of(policy(&conditional)), (3, "INDETERMINATE".into()));
    let reads = "[permissions]\nreads = [\"s3:ListBuckets\"]\n".to_owned();
    let files = [("onlooker.toml", reads), ("p.json", allow(&["ec2:DescribeRegions"]))];
    let output = run(&files, &["--policy", "p.json"]);
    assert_eq!(
        (exit_code(&output), stdout(&output).starts_with("INVALID")),
        (1, true),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_valid_policy_shows_its_proof_and_an_invalid_one_a_recommendation() {
    let files = [("onlooker.toml", REQUIRED_READS.to_owned()), ("p.json", reads_with(&[]))];
    let output = run(&files, &["--policy", "p.json"]);
    let text = stdout(&output);
    assert!(text.contains("BLOCKED") && text.contains("actions that issue credentials is granted"), "{text}");
    assert!(text.contains("s3:ListBuckets") && text.contains("PASSED"), "{text}");
    assert!(text.contains("session policies"), "{text}");
    let passing = reads_with(&["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]);
    let text = stdout(&run(&[("p.json", passing)], &["--policy", "p.json"]));
    assert!(text.contains("pass-role-to-lambda"), "{text}");
    assert!(text.contains("iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction"), "{text}");
    assert!(text.contains("statement `Some` of `p.json`"), "{text}");
}

#[test]
fn an_unreadable_file_is_named_with_position_and_remedy() {
    let cases = [
        ("{\n  \"Statement\": [,]\n}", "p.json`: line 2, column 17", "correct the JSON"),
        ("{\"Resources\": {}}", "no `Statement`", "give the policy document"),
        ("", "line 1, column 0", "correct the JSON"),
    ];
    for (text, cause, remedy) in cases {
        let output = run(&[("p.json", text.to_owned())], &["--policy", "p.json"]);
        let said = stderr(&output);
        assert_eq!((exit_code(&output), stdout(&output)), (2, String::new()), "{said}");
        assert!(said.contains(cause) && said.contains("help:") && said.contains(remedy), "{said}");
    }
    let output = run(&[], &["--policy", "gone.json"]);
    assert!(exit_code(&output) == 2 && stderr(&output).contains("gone.json"), "{}", stderr(&output));
    let output = run(&[("d.json", "{\"Roles\": []}".into())], &["--authorization-details", "d.json"]);
    assert!(
        exit_code(&output) == 2 && stderr(&output).contains("get-account-authorization-details"),
        "{}",
        stderr(&output)
    );
    let cut = json!({ "RoleDetailList": [], "IsTruncated": true }).to_string();
    let output = run(&[("d.json", cut)], &["--authorization-details", "d.json"]);
    assert!(exit_code(&output) == 2 && stderr(&output).contains("truncated"), "{}", stderr(&output));
    for args in [&["--policy", "-", "--boundary", "-"][..], &["--name", "x"]] {
        assert_eq!(exit_code(&run(&[], args)), 2, "{args:?}");
    }
    // Without files the command reads from AWS, in a build with AWS.
    assert!(cfg!(feature = "aws") || exit_code(&run(&[], &[])) == 2);
}

#[test]
fn standard_input_is_read() {
    let home = test_directory(&[]);
    let mut command = command(home.path(), &["--policy", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("piped").write_all(reads_with(&[]).as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let permissions: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((exit_code(&output), &permissions["overall"]), (0, &json!("VALID")));
    assert_eq!(permissions["principals"][0]["identity"]["arn"], json!("standard input"));
}

#[test]
fn limiting_policies_narrow_grants() {
    let files = [
        ("onlooker.toml", REQUIRED_READS.to_owned()),
        ("p.json", reads_with(&["s3:PutObject"])),
        ("deny.json", deny(&["s3:PutObject"])),
        ("reads.json", reads_with(&[])),
        ("none.json", allow(&["sqs:ListQueues"])),
    ];
    let code_of = |args: &[&str]| exit_code(&run(&files, &[&["--policy", "p.json"], args].concat()));
    assert_eq!(code_of(&[]), 1);
    assert_eq!(code_of(&["--scp", "deny.json"]), 0);
    assert_eq!(code_of(&["--scp", "reads.json"]), 0);
    assert_eq!(code_of(&["--scp", "reads.json,p.json"]), 1);
    assert_eq!(code_of(&["--scp", "p.json", "--scp", "reads.json,deny.json"]), 0);
    assert_eq!(code_of(&["--boundary", "reads.json"]), 0);
    assert_eq!(exit_code(&run(&files, &["--policy", "p.json", "deny.json"])), 0);
    let limited = run(&files, &["--policy", "p.json", "--boundary", "none.json"]);
    assert!(stdout(&limited).starts_with("PARTIAL"), "{}", stdout(&limited));
}

#[test]
fn an_override_covers_grants_within_it() {
    let toml = |resource: &str| {
        format!(
            "[[override]]\nid = \"own\"\nprincipal = \"arn:aws:iam::*:role/ci\"\noperation = \"s3:PutObject\"\n\
             resource = \"{resource}\"\nowner = \"a\"\nreason = \"b\"\nexpires = \"2100-01-01T00:00:00Z\"\n"
        )
    };
    let statements = json!([
        { "Effect": "Allow", "Action": READS, "Resource": "*" },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::builds/x/*" },
    ]);
    let run = |resource: &str, name: &str| {
        let files = [("onlooker.toml", toml(resource)), ("p.json", policy(&statements))];
        run(&files, &["--policy", "p.json", "--name", name])
    };
    let role = "arn:aws:iam::111122223333:role/ci";
    let within = run("arn:aws:s3:::builds/*", role);
    assert_eq!(exit_code(&within), 0, "{}", stdout(&within));
    assert!(stdout(&within).contains("the override own tolerates 1 action"), "{}", stdout(&within));
    assert_eq!(exit_code(&run("arn:aws:s3:::builds/a/*", role)), 1);
    assert_eq!(exit_code(&run("arn:aws:s3:::builds/*", "arn:aws:iam::111122223333:role/other")), 1);
}

#[test]
fn a_principal_with_tolerated_writes_is_not_said_to_have_only_reads() {
    let entry = |operation: &str| {
        format!(
            "[[override]]\nid = \"{}\"\nprincipal = \"arn:aws:iam::*:role/ci\"\n\
             operation = \"{operation}\"\nowner = \"a\"\nreason = \"b\"\nexpires = \"2100-01-01T00:00:00Z\"\n",
            operation.replace(':', "-")
        )
    };
    let config = ["s3:PutObject", "sns:Publish"].map(entry).concat();
    for (writes, granted) in [
        (&[][..], "only reads are granted"),
        (&["s3:PutObject"], "only reads and 1 action that an override tolerates are granted"),
        (&["s3:PutObject", "sns:Publish"], "only reads and 2 actions that overrides tolerate are granted"),
    ] {
        let files = [("onlooker.toml", config.clone()), ("p.json", reads_with(writes))];
        let args = ["--policy", "p.json", "--name", "arn:aws:iam::111122223333:role/ci"];
        let text = stdout(&run(&files, &args));
        let sentence = format!("{granted}; no reads are required");
        assert!(text.lines().any(|line| line.trim() == sentence), "{text}");
        let json = stdout(&run(&files, &[&args[..], &["--json"]].concat()));
        let permissions: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(permissions["principals"][0]["reason"], sentence);
    }
}

/// The details of an account: an auditor, an administrator with a hostile name, a service-linked role.
fn details() -> String {
    let role = |arn: &str, text: &str| {
        let document: Value = serde_json::from_str(text).expect("JSON");
        json!({ "Arn": arn, "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": document }] })
    };
    json!({
        "UserDetailList": [],
        "RoleDetailList": [
            role("arn:aws:iam::111122223333:role/audit/Auditor", &reads_with(&[])),
            role("arn:aws:iam::111122223333:role/\u{1b}[2JBoss", &allow(&["*"])),
            role("arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX", &allow(&["ec2:RunInstances"])),
        ],
    })
    .to_string()
}

#[test]
fn an_account_is_listed_most_severe_first_with_escaped_names() {
    let files = [("d.json", details())];
    let args = ["--authorization-details", "d.json"];
    let output = run(&files, &args);
    let text = stdout(&output);
    assert_eq!(exit_code(&output), 1);
    assert!(text.starts_with("OVER_PRIVILEGED") && !text.contains('\u{1b}'), "{text}");
    assert!(text.contains("2 principals: 1 OVER_PRIVILEGED, 1 VALID"), "{text}");
    assert!(
        stderr(&output).contains("no principal is watched") && stderr(&output).contains("1 service-linked"),
        "{}",
        stderr(&output)
    );
    assert!(stdout(&run(&files, &[&args[..], &["--service-linked"]].concat())).contains("3 principals"));
    assert!(stdout(&run(&files, &[&args[..], &["--all"]].concat())).contains("recommendations"));
    let json = stdout(&run(&files, &[&args[..], &["--json"]].concat()));
    let permissions: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(permissions["principals"].as_array().map(Vec::len), Some(2));
    assert!(!json.contains('\u{1b}'));
}

#[test]
fn a_promise_selects_the_principals_and_misses_none() {
    let watch = |pattern: &str| ("onlooker.toml", format!("[[watch]]\nprincipal = \"{pattern}\"\n"));
    let run = |pattern: &str, more: &[&str]| {
        let files = [watch(pattern), ("d.json", details())];
        run(&files, &[&["--authorization-details", "d.json"], more].concat())
    };
    let kept = run("arn:aws:iam::*:role/audit/*", &[]);
    assert_eq!((exit_code(&kept), stdout(&kept).starts_with("VALID")), (0, true), "{}", stdout(&kept));
    let gone = run("arn:aws:iam::*:role/gone", &[]);
    assert_eq!(exit_code(&gone), 1);
    assert!(stdout(&gone).contains("role/gone  the account has no such principal"), "{}", stdout(&gone));
    let elsewhere = run("arn:aws:iam::999999999999:role/audit/*", &[]);
    assert_eq!(exit_code(&elsewhere), 3);
    assert!(stderr(&elsewhere).contains("another account"), "{}", stderr(&elsewhere));
    let asked = run("arn:aws:iam::*:role/gone", &["--principal", "arn:aws:iam::*:role/audit/Auditor"]);
    assert_eq!(exit_code(&asked), 0, "{}", stdout(&asked));
    let both = [
        "--principal",
        "arn:aws:iam::*:role/audit/Auditor",
        "--principal",
        "arn:aws:iam::999999999999:role/x",
    ];
    let asked = run("arn:aws:iam::*:role/gone", &both);
    assert_eq!(exit_code(&asked), 3, "{}", stdout(&asked));
}

/// Exit code and status of a policy by `docs/semantics.md`, with the default configuration.
#[test]
fn policies_of_the_repository_get_their_expected_status() {
    for (name, code, status) in [
        ("Inventory", 0, "VALID"),
        ("QueueMonitor", 0, "VALID"),
        ("LedgerReader", 0, "VALID"),
        ("SecretReader", 0, "VALID"),
        ("QueuesOnly", 0, "VALID"),
        ("EverythingDenied", 0, "VALID"),
        ("KeyRotator", 1, "OVER_PRIVILEGED"),
        ("BucketPolicyEditor", 1, "OVER_PRIVILEGED"),
        ("DeploymentRunner", 1, "OVER_PRIVILEGED"),
        ("AnyCase", 1, "OVER_PRIVILEGED"),
        ("AddressKeeper", 3, "INDETERMINATE"),
    ] {
        let document = TestData::of_repository().policy_document(name);
        assert_eq!(status_of(document.to_string()), (code, status.into()), "{name}");
    }
}

#[test]
fn aws_managed_policies_get_their_expected_status() {
    let Some(data) = TestData::external("the status of AWS managed policies") else { return };
    for (name, code, status) in [
        ("IAMFullAccess", 1, "OVER_PRIVILEGED"),
        ("SystemAdministrator", 1, "OVER_PRIVILEGED"),
        ("AmazonEC2FullAccess", 1, "OVER_PRIVILEGED"),
        ("AWSDenyAll", 0, "VALID"),
    ] {
        assert_eq!(status_of(data.policy_document(name).to_string()), (code, status.into()), "{name}");
    }
}
