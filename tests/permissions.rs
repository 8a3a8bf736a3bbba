//! The real binary: what could principals do, by their policies?

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

fn home(files: &[(&str, String)]) -> tempfile::TempDir {
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
    command(home(files).path(), args).output().expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
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

fn reads_and(more: &[&str]) -> String {
    allow(&[&READS[..], more].concat())
}

/// Exit code and first word of what is printed about one policy.
fn verdict(text: String) -> (i32, String) {
    let output = run(&[("p.json", text)], &["--policy", "p.json"]);
    let word = out(&output).split_whitespace().next().unwrap_or_default().to_owned();
    (code(&output), word)
}

#[test]
fn each_verdict_has_its_exit_code() {
    assert_eq!(verdict(reads_and(&[])), (0, "VALID".into()));
    assert_eq!(verdict(allow(&["ec2:DescribeRegions"])), (1, "PARTIAL".into()));
    assert_eq!(verdict(reads_and(&["s3:PutObject"])), (1, "OVER_PRIVILEGED".into()));
    assert_eq!(verdict(allow(&["*"])), (1, "OVER_PRIVILEGED".into()));
    let conditional = json!([
        { "Effect": "Allow", "Action": READS, "Resource": "*" },
        {
            "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
            "Condition": { "StringEquals": { "aws:PrincipalTag/team": "audit" } },
        },
    ]);
    assert_eq!(verdict(policy(&conditional)), (3, "INDETERMINATE".into()));
    let reads = "[permissions]\nreads = [\"s3:ListBuckets\"]\n".to_owned();
    let files = [("onlooker.toml", reads), ("p.json", allow(&["ec2:DescribeRegions"]))];
    let output = run(&files, &["--policy", "p.json"]);
    assert_eq!((code(&output), out(&output).starts_with("INVALID")), (1, true), "{}", out(&output));
}

#[test]
fn a_valid_one_shows_its_proof_and_another_what_to_do() {
    let output = run(&[("p.json", reads_and(&[]))], &["--policy", "p.json"]);
    let text = out(&output);
    assert!(text.contains("BLOCKED") && text.contains("actions that mint credentials is granted"), "{text}");
    assert!(text.contains("s3:ListBuckets") && text.contains("PASSED"), "{text}");
    assert!(text.contains("policies of a session"), "{text}");
    let passing = reads_and(&["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]);
    let text = out(&run(&[("p.json", passing)], &["--policy", "p.json"]));
    assert!(text.contains("pass-role-to-lambda"), "{text}");
    assert!(text.contains("iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction"), "{text}");
    assert!(text.contains("statement `Some` of `p.json`"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_its_place_and_a_remedy() {
    let cases = [
        ("{\n  \"Statement\": [,]\n}", "p.json`: line 2, column 17", "correct the JSON"),
        ("{\"Resources\": {}}", "no `Statement`", "policy document itself"),
        ("", "line 1, column 0", "correct the JSON"),
    ];
    for (text, cause, remedy) in cases {
        let output = run(&[("p.json", text.to_owned())], &["--policy", "p.json"]);
        let said = err(&output);
        assert_eq!((code(&output), out(&output)), (2, String::new()), "{said}");
        assert!(said.contains(cause) && said.contains("help:") && said.contains(remedy), "{said}");
    }
    let output = run(&[], &["--policy", "gone.json"]);
    assert!(code(&output) == 2 && err(&output).contains("gone.json"), "{}", err(&output));
    let output = run(&[("d.json", "{\"Roles\": []}".into())], &["--authorization-details", "d.json"]);
    assert!(
        code(&output) == 2 && err(&output).contains("get-account-authorization-details"),
        "{}",
        err(&output)
    );
    let cut = json!({ "RoleDetailList": [], "IsTruncated": true }).to_string();
    let output = run(&[("d.json", cut)], &["--authorization-details", "d.json"]);
    assert!(code(&output) == 2 && err(&output).contains("cut short"), "{}", err(&output));
    for args in [&["--policy", "-", "--boundary", "-"][..], &["--name", "x"]] {
        assert_eq!(code(&run(&[], args)), 2, "{args:?}");
    }
    // With nothing named it is AWS that is asked, where that was built in.
    assert!(cfg!(feature = "aws") || code(&run(&[], &[])) == 2);
}

#[test]
fn standard_input_is_read() {
    let home = home(&[]);
    let mut command = command(home.path(), &["--policy", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    child.stdin.take().expect("piped").write_all(reads_and(&[]).as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let verdicts: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((code(&output), &verdicts["overall"]), (0, &json!("VALID")));
    assert_eq!(verdicts["principals"][0]["identity"]["arn"], json!("standard input"));
}

#[test]
fn what_limits_a_principal_narrows_and_denies_leave_the_rest() {
    let files = [
        ("p.json", reads_and(&["s3:PutObject"])),
        ("deny.json", deny(&["s3:PutObject"])),
        ("reads.json", reads_and(&[])),
        ("none.json", allow(&["sqs:ListQueues"])),
    ];
    let code_of = |args: &[&str]| code(&run(&files, &[&["--policy", "p.json"], args].concat()));
    assert_eq!(code_of(&[]), 1);
    assert_eq!(code_of(&["--scp", "deny.json"]), 0);
    assert_eq!(code_of(&["--scp", "reads.json"]), 0);
    assert_eq!(code_of(&["--scp", "reads.json,p.json"]), 1);
    assert_eq!(code_of(&["--scp", "p.json", "--scp", "reads.json,deny.json"]), 0);
    assert_eq!(code_of(&["--boundary", "reads.json"]), 0);
    assert_eq!(code(&run(&files, &["--policy", "p.json", "deny.json"])), 0);
    let limited = run(&files, &["--policy", "p.json", "--boundary", "none.json"]);
    assert!(out(&limited).starts_with("PARTIAL"), "{}", out(&limited));
}

#[test]
fn an_override_tolerates_what_lies_within_it() {
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
    assert_eq!(code(&within), 0, "{}", out(&within));
    assert!(out(&within).contains("the override own tolerates 1 action"), "{}", out(&within));
    assert_eq!(code(&run("arn:aws:s3:::builds/a/*", role)), 1);
    assert_eq!(code(&run("arn:aws:s3:::builds/*", "arn:aws:iam::111122223333:role/other")), 1);
}

/// The details of an account: an auditor, an administrator under a hostile name, a service-linked role.
fn details() -> String {
    let role = |arn: &str, text: &str| {
        let document: Value = serde_json::from_str(text).expect("JSON");
        json!({ "Arn": arn, "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": document }] })
    };
    json!({
        "UserDetailList": [],
        "RoleDetailList": [
            role("arn:aws:iam::111122223333:role/audit/Auditor", &reads_and(&[])),
            role("arn:aws:iam::111122223333:role/\u{1b}[2JBoss", &allow(&["*"])),
            role("arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX", &allow(&["ec2:RunInstances"])),
        ],
    })
    .to_string()
}

#[test]
fn an_account_is_told_worst_first_and_hostile_names_plain() {
    let files = [("d.json", details())];
    let args = ["--authorization-details", "d.json"];
    let output = run(&files, &args);
    let text = out(&output);
    assert_eq!(code(&output), 1);
    assert!(text.starts_with("OVER_PRIVILEGED") && !text.contains('\u{1b}'), "{text}");
    assert!(text.contains("2 principals: 1 OVER_PRIVILEGED, 1 VALID"), "{text}");
    assert!(
        err(&output).contains("nothing is watched") && err(&output).contains("1 service-linked"),
        "{}",
        err(&output)
    );
    assert!(out(&run(&files, &[&args[..], &["--service-linked"]].concat())).contains("3 principals"));
    assert!(out(&run(&files, &[&args[..], &["--all"]].concat())).contains("what to do"));
    let json = out(&run(&files, &[&args[..], &["--json"]].concat()));
    let verdicts: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(verdicts["principals"].as_array().map(Vec::len), Some(2));
    assert!(!json.contains('\u{1b}'));
}

#[test]
fn a_promise_decides_who_is_judged_and_nobody_is_forgotten() {
    let watch = |pattern: &str| ("onlooker.toml", format!("[[watch]]\nprincipal = \"{pattern}\"\n"));
    let run = |pattern: &str, more: &[&str]| {
        let files = [watch(pattern), ("d.json", details())];
        run(&files, &[&["--authorization-details", "d.json"], more].concat())
    };
    let kept = run("arn:aws:iam::*:role/audit/*", &[]);
    assert_eq!((code(&kept), out(&kept).starts_with("VALID")), (0, true), "{}", out(&kept));
    let gone = run("arn:aws:iam::*:role/gone", &[]);
    assert_eq!(code(&gone), 1);
    assert!(out(&gone).contains("role/gone  there is no such principal"), "{}", out(&gone));
    let elsewhere = run("arn:aws:iam::999999999999:role/audit/*", &[]);
    assert_eq!(code(&elsewhere), 3);
    assert!(err(&elsewhere).contains("another account"), "{}", err(&elsewhere));
    let asked = run("arn:aws:iam::*:role/gone", &["--principal", "arn:aws:iam::*:role/audit/Auditor"]);
    assert_eq!(code(&asked), 0, "{}", out(&asked));
    let both = [
        "--principal",
        "arn:aws:iam::*:role/audit/Auditor",
        "--principal",
        "arn:aws:iam::999999999999:role/x",
    ];
    let asked = run("arn:aws:iam::*:role/gone", &both);
    assert_eq!(code(&asked), 3, "{}", out(&asked));
}

/// The documents of AWS's own managed policies, where they are at hand.
fn of_aws(name: &str) -> Option<String> {
    let folder = PathBuf::from(std::env::var_os("ONLOOKER_TEST_DATA")?);
    let text = std::fs::read_to_string(folder.join("policies").join(format!("{name}.json"))).ok()?;
    let value: Value = serde_json::from_str(&text).expect("JSON");
    Some(value["document"].to_string())
}

#[test]
fn policies_of_aws_come_out_as_what_they_are() {
    for (name, status) in [
        ("IAMFullAccess", "OVER_PRIVILEGED"),
        ("SystemAdministrator", "OVER_PRIVILEGED"),
        ("AmazonEC2FullAccess", "OVER_PRIVILEGED"),
        ("AWSDenyAll", "PARTIAL"),
    ] {
        let Some(document) = of_aws(name) else { return };
        let output = run(&[("p.json", document)], &["--policy", "p.json"]);
        assert!(out(&output).starts_with(status), "{name}: {}", out(&output));
    }
}
