//! The real binary generates guardrails: proven, printed or written, and never over existing files.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::fs;

use fixture::{MANAGEMENT_ONLY_CONFIG, READ_CALL, RecordedCall, TestDirectory, WRITE_CALL, gzip, object};
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::111122223333:role/Auditor";

/// A role that is allowed all EC2 and S3 actions, with a trail of a read and a write.
fn test_directory() -> TestDirectory {
    let directory = TestDirectory::new();
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Compute", "Effect": "Allow", "Action": ["ec2:*", "s3:*"], "Resource": "*" },
    ] });
    let details = json!({ "UserDetailList": [], "GroupDetailList": [], "Policies": [], "RoleDetailList": [{
        "Path": "/", "RoleName": "Auditor", "RoleId": "AROAEXAMPLE", "Arn": ROLE,
        "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [] },
        "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": policy.clone() }],
        "AttachedManagedPolicies": [],
    }] });
    directory.write("iam.json", details.to_string());
    directory.write("policy.json", policy.to_string());
    directory.write("onlooker.toml", MANAGEMENT_ONLY_CONFIG);
    directory.write(
        "logs/10.json.gz",
        object(&[READ_CALL, WRITE_CALL, RecordedCall { id: 9, role: "Builder", ..WRITE_CALL }]),
    );
    directory
}

const BASE_ARGUMENTS: [&str; 5] = ["guardrails", "--authorization-details", "iam.json", "--principal", ROLE];

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&BASE_ARGUMENTS, more].concat()
}

#[test]
fn all_kinds_are_made_of_policies_and_a_trail() {
    let ran = test_directory().run(&arguments(&["logs", "--json"])).assert_exit_code(0);
    let made: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let kinds: Vec<&str> = made["guardrails"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["allow", "boundary", "scp"]);
    let allow: Value =
        serde_json::from_str(made["guardrails"][0]["documents"][0]["text"].as_str().expect("text"))
            .expect("JSON");
    assert_eq!(allow["Statement"][0]["Action"], json!(["ec2:DescribeInstances"]));
    // Calls of the other role do not count.
    assert_eq!(made["guardrails"][0]["removed"], json!(["ec2:RunInstances"]));
    assert_eq!(made["used"]["calls"], 2);
    let screen = test_directory().run(&arguments(&["logs"])).assert_exit_code(0);
    for words in [
        "allow: PROVEN",
        "boundary: PROVEN",
        "scp: PROVEN",
        "removed: ec2:RunInstances",
        "Nothing was applied",
    ] {
        assert!(screen.stdout.contains(words), "no `{words}` in {}", screen.stdout);
    }
}

/// Guardrails of a role that read a parameter, with the use of a key by this caller beside it.
fn parameter_reader_guardrails(invoked_by: Option<&str>) -> (Value, String) {
    let directory = test_directory();
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["ssm:GetParameter", "kms:Decrypt"], "Resource": "*" },
    ] });
    let mut details: Value =
        serde_json::from_slice(&fs::read(directory.join("iam.json")).expect("there")).expect("JSON");
    details["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"] = policy;
    directory.write("iam.json", details.to_string());
    let parameter = RecordedCall { source: "ssm", name: "GetParameter", ..READ_CALL };
    let mut decrypt = RecordedCall { id: 2, source: "kms", name: "Decrypt", ..READ_CALL }.json();
    if let Some(invoked_by) = invoked_by {
        decrypt["userIdentity"]["invokedBy"] = invoked_by.into();
    }
    // The write of another role shows that writes are logged.
    let write = RecordedCall { id: 9, role: "Builder", ..WRITE_CALL };
    let records = json!({ "Records": [parameter.json(), decrypt, write.json()] });
    directory.write("logs/10.json.gz", gzip(records.to_string().as_bytes()));
    let ran = directory.run(&arguments(&["logs", "--json"])).assert_exit_code(0);
    let screen = directory.run(&arguments(&["logs"])).assert_exit_code(0);
    (serde_json::from_str(&ran.stdout).expect("JSON"), screen.stdout)
}

#[test]
fn a_key_use_that_a_call_explains_is_kept_through_its_service() {
    let (made, screen) = parameter_reader_guardrails(Some("AWS Internal"));
    for guardrail in made["guardrails"].as_array().expect("a list") {
        let kept = json!({ "kms:Decrypt": ["ssm.*.amazonaws.com"] });
        assert_eq!(guardrail["kept_through_services"], kept, "{guardrail}");
        assert_eq!(guardrail["removed"], json!([]));
    }
    assert_eq!(made["used"]["actions"]["kms:Decrypt"]["forwarded"], 1);
    let words = "kept through AWS services only: kms:Decrypt (ssm.*.amazonaws.com)";
    assert_eq!(screen.matches(words).count(), 3, "{screen}");
    let (made, screen) = parameter_reader_guardrails(None);
    for guardrail in made["guardrails"].as_array().expect("a list") {
        assert_eq!(guardrail["kept_through_services"], json!({}));
        assert_eq!(guardrail["removed"], json!(["kms:Decrypt"]));
    }
    assert!(!screen.contains("through AWS services") && !screen.contains("ViaService"), "{screen}");
}

#[test]
fn existing_files_are_overwritten_only_on_request() {
    let directory = test_directory();
    directory.run(&arguments(&["logs", "--out", "made"])).assert_exit_code(0);
    let boundary = fs::read_to_string(directory.join("made/boundary.json")).expect("written");
    let proof: Value =
        serde_json::from_slice(&fs::read(directory.join("made/proof.json")).expect("written")).expect("JSON");
    assert_eq!(proof["guardrails"][1]["documents"][0]["text"], boundary);
    directory.write("made/boundary.json", "mine");
    directory.run(&arguments(&["logs", "--out", "made"])).assert_exit_code(2).assert_stderr(&["exists"]);
    assert_eq!(fs::read_to_string(directory.join("made/boundary.json")).expect("there"), "mine");
    directory.run(&arguments(&["logs", "--out", "made", "--force"])).assert_exit_code(0);
    assert_eq!(fs::read_to_string(directory.join("made/boundary.json")).expect("there"), boundary);
}

#[test]
fn usage_is_read_from_sweep_state_too() {
    let directory = test_directory();
    directory.run(&["sweep", "logs"]);
    let kept =
        directory.run(&arguments(&["--state", ".onlooker", "--kind", "allow", "--json"])).assert_exit_code(0);
    let read = directory.run(&arguments(&["logs", "--kind", "allow", "--json"])).assert_exit_code(0);
    assert_eq!(kept.stdout, read.stdout);
    directory.run(&arguments(&["--state", "nowhere"])).assert_exit_code(2).assert_stderr(&["no state"]);
}

#[test]
fn without_evidence_there_is_no_allow_policy_and_the_others_have_an_open_question() {
    let directory = test_directory();
    let ran = directory.run(&["guardrails", "--policy", "policy.json"]).assert_exit_code(3);
    assert!(ran.stdout.contains("boundary: PROVEN, with open questions"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("allow: not generated") && ran.stdout.contains("scp: not generated"),
        "{}",
        ran.stdout
    );
    directory
        .run(&arguments(&["--kind", "allow"]))
        .assert_exit_code(2)
        .assert_stderr(&["needs evidence of used actions"]);
    directory.run(&["guardrails", "--policy", "policy.json", "--since", "1d"]).assert_exit_code(2);
}

#[test]
fn incomplete_evidence_is_an_open_question() {
    let directory = test_directory();
    directory.write("onlooker.toml", "");
    let ran = directory.run(&arguments(&["logs"])).assert_exit_code(3);
    assert!(ran.stdout.contains("no trail is known to log data"), "{}", ran.stdout);
    directory.write("onlooker.toml", MANAGEMENT_ONLY_CONFIG);
    directory.write("logs/broken.json.gz", b"\x1f\x8bnothing");
    let ran = directory.run(&arguments(&["logs"])).assert_exit_code(3);
    assert!(ran.stdout.contains("could not be read"), "{}", ran.stdout);
}

#[test]
fn without_a_proof_nothing_is_printed() {
    let ran =
        test_directory().run(&["guardrails", "--policy", "policy.json", "--kind", "scp"]).assert_exit_code(4);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("cannot prove the guardrail `scp`"), "{}", ran.stderr);
}

#[test]
fn invalid_input_is_refused() {
    let directory = test_directory();
    directory.write("broken.json", "[]");
    directory.run(&["guardrails"]).assert_exit_code(2);
    directory
        .run(&["guardrails", "--policy", "broken.json"])
        .assert_exit_code(2)
        .assert_stderr(&["is not a policy"]);
    directory.run(&["guardrails", "--policy", "absent.json"]).assert_exit_code(2);
    directory
        .run(&["guardrails", "--authorization-details", "broken.json", "--principal", ROLE])
        .assert_exit_code(2);
    let absent = "arn:aws:iam::111122223333:role/Absent";
    directory
        .run(&["guardrails", "--authorization-details", "iam.json", "--principal", absent])
        .assert_exit_code(2)
        .assert_stderr(&["contains no user or role"]);
}

#[test]
fn a_read_of_a_version_keeps_the_action_of_versions() {
    let directory = test_directory();
    let names = ["GetObject", "GetObjectTagging", "HeadObject", "GetObjectAcl"];
    let records: Vec<Value> = (20..)
        .zip(names)
        .map(|(id, name)| {
            let mut record = RecordedCall { id, source: "s3", name, ..READ_CALL }.json();
            record["eventCategory"] = "Data".into();
            record["managementEvent"] = false.into();
            record["resources"] = json!([{ "type": "AWS::S3::Object", "ARN": "arn:aws:s3:::logs/a" }]);
            record["requestParameters"] = json!({ "bucketName": "logs", "key": "a" });
            if name != "GetObjectAcl" {
                record["requestParameters"]["versionId"] = "v1".into();
            }
            record
        })
        .collect();
    directory.write("logs/20.json.gz", gzip(json!({ "Records": records }).to_string().as_bytes()));
    // Only management events are promised: what data events show was used all the same.
    let ran =
        directory.run(&arguments(&["logs", "--kind", "allow", "--exact", "--json"])).assert_exit_code(0);
    let made: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let used: Vec<&String> = made["used"]["actions"].as_object().expect("actions").keys().collect();
    assert_eq!(
        used,
        [
            "ec2:DescribeInstances",
            "ec2:RunInstances",
            "s3:GetObjectAcl",
            "s3:GetObjectVersion",
            "s3:GetObjectVersionTagging"
        ]
    );
    let allow: Value =
        serde_json::from_str(made["guardrails"][0]["documents"][0]["text"].as_str().expect("text"))
            .expect("JSON");
    assert_eq!(
        allow["Statement"][0]["Action"],
        json!([
            "ec2:DescribeInstances",
            "s3:GetObjectAcl",
            "s3:GetObjectVersion",
            "s3:GetObjectVersionTagging"
        ])
    );
    // The state of a sweep knows it too.
    directory.run(&["sweep", "logs"]);
    let kept = directory
        .run(&arguments(&["--state", ".onlooker", "--kind", "allow", "--exact", "--json"]))
        .assert_exit_code(0);
    assert_eq!(kept.stdout, ran.stdout);
}

#[test]
fn acknowledged_questions_stay_listed_and_end_with_success() {
    let directory = test_directory();
    directory.write("onlooker.toml", "");
    let open = directory.run(&arguments(&["logs"])).assert_exit_code(3);
    assert!(open.stdout.contains("open (unlogged-classes): no trail"), "{}", open.stdout);
    let hint = open.stdout.lines().find(|line| line.contains("--ack-open=")).expect("a hint");
    let kinds = hint.split('`').nth(1).expect("an option");
    for option in ["--ack-open", kinds] {
        let ran = directory.run(&arguments(&[option, "logs"])).assert_exit_code(0);
        assert!(ran.stdout.contains("allow: PROVEN, with acknowledged questions"), "{}", ran.stdout);
        assert!(ran.stdout.contains("acknowledged (unlogged-classes): no trail"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("To accept the open questions"), "{}", ran.stdout);
    }
    let json =
        directory.run(&arguments(&["logs", "--ack-open=unlogged-classes", "--json"])).assert_exit_code(0);
    let made: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(made["acknowledged"], json!(["unlogged-classes"]));
    assert_eq!((&made["is_complete"], &made["is_answered"]), (&json!(false), &json!(true)));
    // A question of another kind is not accepted.
    directory.run(&arguments(&["logs", "--ack-open=missing-hours"])).assert_exit_code(3);
    directory.write("logs/broken.json.gz", b"\x1f\x8bnothing");
    let ran = directory.run(&arguments(&["logs", "--ack-open=unlogged-classes"])).assert_exit_code(3);
    assert!(ran.stdout.contains("`--ack-open=unreadable-evidence`"), "{}", ran.stdout);
    directory.run(&arguments(&["logs", "--ack-open=everything"])).assert_exit_code(2);
    directory
        .run(&["guardrails", "--policy", "policy.json", "--kind", "boundary", "--ack-open=no-evidence"])
        .assert_exit_code(0);
}

#[test]
fn templates_are_printed_alone_or_written() {
    let directory = test_directory();
    let printed = directory.run(&arguments(&["logs", "--format", "terraform"])).assert_exit_code(0).stdout;
    assert!(printed.starts_with(&format!("# Guardrails for {ROLE}, generated")), "{printed}");
    assert!(printed.contains("resource \"aws_iam_policy\" \"onlooker_boundary\""), "{printed}");
    let template =
        directory.run(&arguments(&["logs", "--format", "cloudformation"])).assert_exit_code(0).stdout;
    let template: Value = serde_json::from_str(&template).expect("JSON");
    let boundary = &template["Resources"]["OnlookerBoundary"]["Properties"]["PolicyDocument"];
    directory.run(&arguments(&["logs", "--out", "documents"])).assert_exit_code(0);
    let document = fs::read(directory.join("documents/boundary.json")).expect("written");
    assert_eq!(*boundary, serde_json::from_slice::<Value>(&document).expect("JSON"));
    let ran =
        directory.run(&arguments(&["logs", "--format", "terraform", "--out", "made"])).assert_exit_code(0);
    assert!(ran.stdout.contains("written to made/guardrails.tf"), "{}", ran.stdout);
    assert_eq!(fs::read_to_string(directory.join("made/guardrails.tf")).expect("written"), printed);
    let files = fs::read_dir(directory.join("made")).expect("a directory").count();
    assert_eq!(files, 2, "the template and the proof");
    directory.run(&arguments(&["logs", "--format", "terraform", "--json"])).assert_exit_code(2);
    directory
        .run(&arguments(&["logs", "--format", "terraform", "--out", "made"]))
        .assert_exit_code(2)
        .assert_stderr(&["exists"]);
}

#[test]
fn a_diff_names_what_each_statement_loses() {
    let directory = test_directory();
    let ran = directory.run(&arguments(&["logs", "--kind", "allow", "--diff"])).assert_exit_code(0);
    assert!(ran.stdout.contains("~ own Compute: 1 kept, "), "{}", ran.stdout);
    assert!(ran.stdout.contains("diff: 1 action kept, 0 actions narrowed, "), "{}", ran.stdout);
    let json =
        directory.run(&arguments(&["logs", "--kind", "allow", "--diff", "--json"])).assert_exit_code(0);
    let made: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let changes = &made["guardrails"][0]["changes"];
    assert_eq!(changes["kept"], json!(["ec2:DescribeInstances"]));
    assert_eq!(changes["statements"][0]["statement"], "Compute");
    let removed = changes["removed"].as_array().expect("a list");
    assert!(removed.len() > 500 && removed.contains(&"s3:GetObject".into()));
    let plain = directory.run(&arguments(&["logs", "--json"])).assert_exit_code(0);
    assert!(!plain.stdout.contains("changes"));
}

#[test]
fn attached_policies_are_checked_against_the_guardrail() {
    let directory = test_directory();
    let options = ["logs", "--kind", "allow", "--exact"];
    let check = |policy: &str| {
        let mut all = vec!["guardrails", "--policy", policy, "--principal", ROLE, "--check"];
        all.extend(options);
        directory.run(&all)
    };
    let wide = check("policy.json").assert_exit_code(1);
    assert!(wide.stdout.contains("attached policies: not in place"), "{}", wide.stdout);
    assert!(!wide.stdout.contains("\"Statement\""), "{}", wide.stdout);
    directory.run(&arguments(&["logs", "--kind", "allow", "--exact", "--out", "made"])).assert_exit_code(0);
    let same = check("made/allow.json").assert_exit_code(0);
    assert!(same.stdout.contains("attached policies: in place"), "{}", same.stdout);
    // In place, and still an open question.
    directory.write("onlooker.toml", "");
    check("made/allow.json").assert_exit_code(3);
    directory.run(&arguments(&["logs", "--check", "--out", "other"])).assert_exit_code(2);
}
