//! The real binary: `check` states whether a read-only principal may make a call.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use insta::assert_snapshot;
use serde_json::Value;

fn onlooker(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onlooker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONLOOKER_") {
            command.env_remove(name);
        }
    }
    command.current_dir(directory).args(args).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn config_directory(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("onlooker.toml"), text).expect("written");
    directory
}

fn check(args: &[&str]) -> Output {
    check_in(config_directory("").path(), args)
}

fn check_in(directory: &Path, args: &[&str]) -> Output {
    onlooker(directory, &[&["check"], args].concat()).output().expect("the binary runs")
}

fn check_lines(input: &[u8], args: &[&str]) -> Output {
    let home = config_directory("");
    let args = [&["check", "--stdin"], args].concat();
    let mut command = onlooker(home.path(), &args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // The program may end before it has read everything.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    output
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

fn screen(output: &Output) -> String {
    format!("{}{}[exit {}]", stdout(output), stderr(output), exit_code(output))
}

fn rows(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).expect("a JSON array")
}

fn types(output: &Output) -> Vec<String> {
    rows(output).iter().map(|row| row["operation_type"].as_str().expect("a word").to_owned()).collect()
}

#[test]
fn only_reads_exit_with_zero_and_anything_else_with_one() {
    for (operations, expected) in [
        (&["s3:GetObject", "ec2:describe_instances"][..], 0),
        (&["s3:GetObject", "s3:PutObject"], 1),
        (&["kms:Decrypt"], 1),
        (&["nosuch:Frobnicate"], 1),
        (&["GetObject"], 1),
        (&[""], 1),
    ] {
        assert_eq!(exit_code(&check(operations)), expected, "{operations:?}");
    }
}

#[test]
fn every_spelling_of_a_name_is_the_same_operation() {
    let forms = [
        "ec2:DescribeInstances",
        "ec2:describe_instances",
        "ec2:describe-instances",
        "ec2:describeinstances",
        "ec2 describe_instances",
        "  ec2   describe-instances  ",
        "ec2.amazonaws.com:DescribeInstances",
        "ec2.amazonaws.com.DescribeInstances",
        "EC2.describe_instances",
    ];
    let output = check(&[&forms[..], &["--json"]].concat());
    for (row, form) in rows(&output).iter().zip(forms) {
        assert_eq!(
            (row["service"].as_str(), row["operation"].as_str()),
            (Some("ec2"), Some("DescribeInstances"))
        );
        assert_eq!(
            (row["input"].as_str(), row["provenance"].as_str()),
            (Some(form), Some("catalog")),
            "{form}"
        );
    }
    assert_eq!(exit_code(&output), 0);
    let others = [
        "monitoring.amazonaws.com:PutMetricAlarm",
        "lambda:ListFunctions20150331",
        "Elastic Load Balancing v2:DescribeLoadBalancers",
    ];
    let names: Vec<_> = rows(&check(&[&others[..], &["--json"]].concat()))
        .iter()
        .map(|row| {
            format!("{}:{}", row["service"].as_str().expect("text"), row["operation"].as_str().expect("text"))
        })
        .collect();
    assert_eq!(
        names,
        ["cloudwatch:PutMetricAlarm", "lambda:ListFunctions", "elasticloadbalancing:DescribeLoadBalancers"]
    );
}

#[test]
fn the_table_shows_classification_reason_and_suggestion() {
    let output = check(&[
        "s3:GetObject",
        "ec2 describe_instances",
        "s3:PutObject",
        "kms:Decrypt",
        "s3:PutObjct",
        "describe_db_instances",
        "s3",
        "s3:Get*",
        "signin.amazonaws.com:ConsoleLogin",
        "\u{1b}[2Js3:GetObject",
    ]);
    assert_snapshot!("table", screen(&output));
    assert_eq!(stderr(&check(&["--quiet", "s3:GetObject", "s3:PutObject"])), "");
}

#[test]
fn an_explanation_lists_the_claim_of_each_source() {
    let output = check(&["--explain", "kms:Decrypt", "iam:frobnicate", "signin.amazonaws.com:ConsoleLogin"]);
    let text = stdout(&output).replace(
        rows(&check(&["--json", "kms:Decrypt"]))[0]["catalog_version"].as_str().expect("a version"),
        "[version]",
    );
    assert_snapshot!("explain", text);
    let explained = rows(&check(&["--explain", "--json", "kms:Decrypt", "nosuch:Thing"]));
    assert!(explained[0]["explanation"]["sources"].as_array().is_some_and(|words| words.len() > 2));
    assert!(explained[1].get("explanation").is_none());
}

#[test]
fn json_has_the_operations_in_input_order() {
    let output = check(&["--json", "s3:PutObject", "secretsmanager:GetSecretValue", "x"]);
    let rows = rows(&output);
    let inputs: Vec<_> = rows.iter().filter_map(|row| row["input"].as_str()).collect();
    assert_eq!(inputs, ["s3:PutObject", "secretsmanager:GetSecretValue", "x"]);
    for row in &rows {
        for field in [
            "is_valid",
            "service",
            "operation",
            "operation_type",
            "mutates",
            "access_level",
            "capabilities",
            "risk_level",
            "provenance",
            "source_conflict",
            "validation_message",
            "timestamp",
            "compliance_notes",
            "catalog_version",
        ] {
            assert!(row.get(field).is_some(), "{field} is missing in {row}");
        }
    }
    assert_eq!(rows[1]["risk_level"], "HIGH", "a read of a secret is not low risk");
    assert_eq!(stderr(&output), "");
}

#[test]
fn every_line_of_standard_input_is_answered() {
    let input =
        b"\xef\xbb\xbf# operations\r\ns3:GetObject\r\n\n   \n  # more\nnonsense here\n\xff\xfe\nkms:Decrypt";
    let output = check_lines(input, &["--json", "iam:ListUsers"]);
    assert_eq!(types(&output), ["read_only", "read_only", "unknown", "unknown", "privileged"]);
    let rows = rows(&output);
    assert_eq!(rows[0]["input"], "iam:ListUsers", "arguments come first");
    assert_eq!(
        rows[3]["validation_message"],
        "line 7: is not the name of an operation; write `service:Operation`"
    );
    assert_eq!(exit_code(&output), 1);
}

#[test]
fn a_line_of_any_length_gets_one_answer() {
    let mut input = vec![b'a'; 3_000_000];
    input.extend_from_slice(b"\ns3:GetObject\n");
    let output = check_lines(&input, &["--json"]);
    assert_eq!(types(&output), ["unknown", "read_only"]);
    assert!(rows(&output)[0]["validation_message"].as_str().is_some_and(|text| text.starts_with("line 1: ")));
    assert!(output.stdout.len() < 10_000);
}

#[test]
fn a_long_list_is_answered_in_order() {
    let names = ["s3:GetObject", "s3:PutObject", "kms:Decrypt"];
    let input: String = (0..3_000).map(|at| format!("{}\n", names[at % 3])).collect();
    let output = check_lines(input.as_bytes(), &["--json"]);
    let expected: Vec<_> = (0..3_000).map(|at| ["read_only", "mutating", "privileged"][at % 3]).collect();
    assert_eq!(types(&output), expected);
    let table = check_lines(input.as_bytes(), &[]);
    assert_eq!(stdout(&table).lines().count(), 3_001);
    assert_eq!(stderr(&table), "3,000 operations: 1,000 read_only, 1,000 privileged, 1,000 mutating\n");
}

#[test]
fn a_closed_pipe_does_not_exit_with_zero() {
    let home = config_directory("");
    let mut command = onlooker(home.path(), &["check", "--stdin"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the binary runs");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("piped");
    while stdin.write_all(&b"s3:GetObject\n".repeat(1_000)).is_ok() {}
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(3));
}

#[test]
fn no_operations_is_a_usage_error() {
    let output = check_lines(b"# nothing\n\n", &["--json"]);
    assert_eq!((exit_code(&output), stdout(&output).as_str()), (2, "[]\n"));
    assert_eq!(exit_code(&check(&[])), 2);
    assert_eq!(exit_code(&check(&["s3:GetObject", "--resource", "arn:aws:s3:::b/k"])), 2, "no principal");
    assert_eq!(exit_code(&check(&["s3:GetObject", "--principal", "Auditor"])), 2);
}

const OVERRIDES: &str = r#"
[[override]]
id = "artifacts"
principal = "arn:aws:iam::*:role/ci"
operation = "s3:PutObject"
resource = "arn:aws:s3:::artifacts/*"
owner = "build team"
reason = "uploads what it built"
expires = 2099-01-31T00:00:00Z

[[override]]
id = "old"
principal = "arn:aws:iam::*:role/ci"
operation = "s3:DeleteObject"
owner = "build team"
reason = "cleaned up"
expires = 2020-01-31T00:00:00Z

[[override]]
id = "later"
principal = "arn:aws:iam::*:role/ci"
operation = "s3:CreateBucket"
owner = "build team"
reason = "a new build"
from = 2098-01-31T00:00:00Z
expires = 2099-01-31T00:00:00Z
"#;

#[test]
fn overrides_decide_by_principal_operation_resource_and_time() {
    let home = config_directory(OVERRIDES);
    let check_call = |operation: &str, principal: &str, resources: &[&str]| {
        let mut args = vec!["--json", operation, "--principal", principal];
        resources.iter().for_each(|resource| args.extend(["--resource", resource]));
        let output = check_in(home.path(), &args);
        let row = rows(&output).remove(0);
        let text = |field: &str| row[field].as_str().expect("text").to_owned();
        (exit_code(&output), text("provenance"), text("validation_message"))
    };
    let ci = "arn:aws:iam::111122223333:role/ci";
    let (inside, outside) = ("arn:aws:s3:::artifacts/a", "arn:aws:s3:::other/a");
    let (code, provenance, message) = check_call("s3:put_object", ci, &[inside]);
    assert_eq!((code, provenance.as_str()), (0, "override"));
    let allowed = "; allowed by an override: artifacts (build team): uploads what it built";
    assert!(message.ends_with(allowed), "{message}");
    let row =
        rows(&check_in(home.path(), &["--json", "s3:PutObject", "--principal", ci, "--resource", inside]))
            .remove(0);
    assert_eq!((&row["is_valid"], &row["operation_type"]), (&true.into(), &"mutating".into()));
    let session = "arn:aws:sts::111122223333:assumed-role/ci/build-7";
    assert_eq!(check_call("s3:PutObject", session, &[inside]).0, 0, "a session counts as its role");
    assert_eq!(check_call("s3:PutObject", ci, &[inside, outside]).0, 1);
    assert_eq!(check_call("s3:PutObject", ci, &[]).0, 1, "no resource is known");
    assert_eq!(check_call("s3:PutObject", "arn:aws:iam::111122223333:role/other", &[inside]).0, 1);
    let (code, provenance, message) = check_call("s3:DeleteObject", ci, &[]);
    assert_eq!((code, provenance.as_str()), (1, "catalog"));
    assert!(message.ends_with("; the override old expired 2020-01-31T00:00:00Z"), "{message}");
    let (code, provenance, message) = check_call("s3:CreateBucket", ci, &[]);
    assert_eq!((code, provenance.as_str()), (1, "catalog"));
    assert!(message.ends_with("; the override later begins 2098-01-31T00:00:00Z"), "{message}");
    assert_eq!(exit_code(&check_in(home.path(), &["s3:PutObject"])), 1, "no principal is given");
}

#[test]
fn the_selected_control_pack_is_used() {
    let notes = |config: &str| {
        rows(&check_in(config_directory(config).path(), &["--json", "s3:PutObject"]))[0]["compliance_notes"]
            .to_string()
    };
    assert!(notes("").contains("GENERAL"));
    assert!(notes("standard = \"SOC2\"\n").contains("CC6"));
    let missing = config_directory("standard = \"CUSTOM\"\nstandard_file = \"none.toml\"\n");
    let output = check_in(missing.path(), &["s3:GetObject"]);
    assert_eq!(exit_code(&output), 2);
    assert!(stderr(&output).starts_with("error: standard_file: cannot read `"), "{}", stderr(&output));
}

#[test]
fn color_does_not_change_the_text() {
    let (plain, colored) =
        (check(&["s3:PutObject", "kms:Decrypt"]), check(&["s3:PutObject", "kms:Decrypt", "--color=always"]));
    assert!(stdout(&colored).contains("\u{1b}[31mmutating\u{1b}[0m"));
    let mut stripped = stdout(&colored);
    for code in ["\u{1b}[0m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[33m", "\u{1b}[32m", "\u{1b}[1m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, stdout(&plain));
}
