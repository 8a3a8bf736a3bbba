//! The real binary on folders with trails that the tests sign.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::fs;

use fixture::{CommandOutput, TestDirectory};
use insta::assert_snapshot;
use onlooker_core::log_integrity::PublicKeys;
use serde_json::Value;
use test_support::signed_trail::{
    ChainSpec, SignedTrail,
    signing::TestKey,
    tampering::{CASES, untouched},
};

const WINDOW: [&str; 2] = ["--since=2026-10-05T01:00:00Z", "--until=2026-10-05T05:00:00Z"];

/// A folder with a trail in `logs`, and the public key in `keys.json`.
fn folder(trail: &SignedTrail) -> TestDirectory {
    let directory = TestDirectory::new();
    trail.write(&directory.join("logs"));
    directory.write("keys.json", TestKey::cloudtrail().published().to_json());
    directory
}

fn verify(directory: &TestDirectory, args: &[&str]) -> CommandOutput {
    directory.run(&[&["verify", "trail"], args].concat())
}

fn json(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

#[test]
fn a_copied_folder_is_verified_and_the_keys_are_kept_for_later_runs() {
    let directory = folder(&untouched());
    let logs = ["logs", WINDOW[0], WINDOW[1]];
    let first = verify(&directory, &[&logs[..], &["--public-keys=keys.json"]].concat()).assert_exit_code(0);
    assert!(first.stdout.starts_with("VERIFIED: "), "{}", first.stdout);
    let kept = fs::read_to_string(directory.join(".onlooker/public-keys.json")).unwrap();
    assert_eq!(PublicKeys::parse(&kept), Ok(TestKey::cloudtrail().published()));
    assert_eq!(verify(&directory, &logs).assert_exit_code(0).stdout, first.stdout);
    let unknown = verify(&directory, &[&logs[..], &["--no-state"]].concat()).assert_exit_code(3);
    for words in
        ["UNVERIFIED: ", "its public key is not known", "aws cloudtrail list-public-keys --region eu-west-1"]
    {
        assert!(unknown.stdout.contains(words), "{words}: {}", unknown.stdout);
    }
}

#[test]
fn the_newest_digest_file_of_a_copy_needs_its_signature() {
    let trail = untouched();
    let directory = folder(&trail);
    let args = ["logs", "--until=2026-10-05T06:15:30Z", "--public-keys=keys.json"];
    let without = verify(&directory, &args).assert_exit_code(3);
    let newest = &trail.digests()[5];
    let command = format!("aws s3api head-object --bucket audit-logs --key {newest} --query");
    assert!(without.stdout.contains(&command), "{}", without.stdout);
    assert_eq!(without.stdout.matches("head-object").count(), 1, "{}", without.stdout);
    directory.write("signatures.json", trail.head_objects());
    verify(&directory, &[&args[..], &["--signatures=signatures.json"]].concat()).assert_exit_code(0);
}

#[test]
fn every_case_of_tampering_that_a_folder_shows_has_its_exit_code() {
    let (mut codes, mut faults) = (Vec::new(), Vec::new());
    for case in CASES {
        let mut trail = untouched();
        (case.tamper)(&mut trail);
        let directory = folder(&trail);
        directory.write("logs/note.txt", "a folder without log files");
        directory.write("signatures.json", trail.head_objects());
        let keys = ["--public-keys=keys.json", "--no-state", "--format=json"];
        let signatures = ["logs", WINDOW[0], WINDOW[1], "--signatures=signatures.json"];
        let signatures = &signatures[..if case.name.contains("lost") { 3 } else { 4 }];
        let output = verify(&directory, &[signatures, &keys[..]].concat());
        let wanted = serde_json::to_value(case.result).unwrap();
        let code = match wanted.as_str() {
            Some("verified") => 0,
            Some("tampered") => 1,
            _ => 3,
        };
        if output.exit_code != code || json(&output)["result"] != wanted {
            faults.push(format!("{}: {} {}", case.name, output.exit_code, output.stdout));
        }
        codes.push(code);
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    let count = |code: i32| codes.iter().filter(|one| **one == code).count();
    assert!(count(0) > 2 && count(1) > 15 && count(3) > 5, "{codes:?}");
}

#[test]
fn the_text_names_every_missing_hour_every_tampered_file_and_what_to_do() {
    let mut trail = untouched();
    let (digests, logs) = (trail.digests(), trail.logs());
    trail.remove(&digests[2]);
    trail.remove(&digests[3]);
    trail.edit(&logs[2], "ListBuckets", "DeleteBucket");
    trail.put(&logs[3].replace(".json", "X.json"), b"{\"Records\":[]}");
    trail.deliver(&ChainSpec { region: "us-east-1", ..ChainSpec::six_hours() }, &TestKey::cloudtrail());
    let directory = folder(&trail);
    let regions =
        ["--region=eu-west-1", "--region=us-east-1", "--region=eu-north-1", "--public-keys=keys.json"];
    let output =
        verify(&directory, &[&["logs", WINDOW[0], WINDOW[1]], &regions[..]].concat()).assert_exit_code(1);
    assert_snapshot!("tampered", output.stdout);
}

#[test]
fn a_hostile_name_is_escaped_and_is_part_of_no_command() {
    let mut trail = SignedTrail::default();
    let spec = ChainSpec { trail: "x\u{1b}[2J$(id)'", ..ChainSpec::six_hours() };
    trail.deliver(&spec, &TestKey::cloudtrail());
    let directory = folder(&trail);
    let output = verify(&directory, &["logs", "--until=2026-10-05T09:00:00Z"]).assert_exit_code(3);
    assert!(!output.stdout.contains('\u{1b}'), "{}", output.stdout);
    assert!(output.stdout.contains("fetch the metadata of AWSLogs/"), "{}", output.stdout);
    assert!(
        output
            .stdout
            .lines()
            .all(|line| !line.contains("$(id)") || !line.contains("aws s3api head-object --bucket"))
    );
}

#[test]
fn nothing_found_is_a_result_of_its_own() {
    let directory = folder(&untouched());
    let output =
        verify(&directory, &["logs", "--since=2025-01-01", "--until=2025-01-02"]).assert_exit_code(3);
    assert!(output.stdout.starts_with("NOTHING FOUND: "), "{}", output.stdout);
    assert!(output.stdout.contains("--enable-log-file-validation"), "{}", output.stdout);
    verify(&directory, &["nowhere"]).assert_exit_code(2).assert_stderr(&["nowhere"]);
}

#[test]
fn a_file_with_keys_or_signatures_that_cannot_be_used_is_an_error_with_a_remedy() {
    let directory = folder(&untouched());
    directory.write("empty.json", "{\"PublicKeyList\": []}");
    directory.write("bad.json", "{}");
    for (option, words) in [
        ("--public-keys=empty.json", ["empty.json", "aws cloudtrail list-public-keys"]),
        ("--public-keys=bad.json", ["bad.json", "aws cloudtrail list-public-keys"]),
        ("--signatures=bad.json", ["bad.json", "aws s3api head-object"]),
        ("--signatures=absent.json", ["absent.json", "cannot read"]),
    ] {
        verify(&directory, &["logs", option]).assert_exit_code(2).assert_stderr(&words);
    }
    assert!(!directory.join(".onlooker").exists(), "a run that failed keeps nothing");
    directory.write(".onlooker/public-keys.json", "{");
    verify(&directory, &["logs"]).assert_exit_code(2).assert_stderr(&["public-keys.json", "remove the file"]);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let directory = folder(&untouched());
    let run = |threads: &str| {
        let window = ["logs", WINDOW[0], WINDOW[1], "--public-keys=keys.json", "--format=json", threads];
        let mut result = json(&verify(&directory, &window).assert_exit_code(0));
        result["checked_at"].take();
        result
    };
    assert_eq!(run("--threads=1"), run("--threads=7"));
}
