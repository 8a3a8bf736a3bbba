//! The real binary sweeps folders with trails that the tests sign, and verifies their log files.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::fs;

use fixture::{CommandOutput, PRIVATE_KEY, PUBLIC_KEY, TestDirectory};
use serde_json::Value;
use test_support::signed_trail::{SignedTrail, signing::TestKey, tampering::untouched};

const PERIOD: [&str; 2] = ["--since=2026-10-05T01:00:00Z", "--until=2026-10-05T05:00:00Z"];
const WATCH: &str = "--watch=arn:aws:iam::*:user/reader";

/// A folder with a trail in `logs`, keys in `keys.json` and signatures in `signatures.json`.
fn folder(trail: &SignedTrail) -> TestDirectory {
    let directory = TestDirectory::new();
    directory.write("keys.json", TestKey::cloudtrail().published().to_json());
    directory.write(
        "onlooker.toml",
        "[coverage]\nregions = [\"eu-west-1\"]\nevent_classes = [\"management-read\"]\n",
    );
    write(&directory, trail);
    directory
}

fn write(directory: &TestDirectory, trail: &SignedTrail) {
    trail.write(&directory.join("logs"));
    directory.write("signatures.json", trail.head_objects());
}

fn sweep(directory: &TestDirectory, args: &[&str]) -> CommandOutput {
    directory.run(&[&["sweep", "logs", WATCH, PERIOD[0], PERIOD[1], "--json"], args].concat())
}

const VERIFY: [&str; 3] = ["--verify-logs", "--public-keys=keys.json", "--signatures=signatures.json"];

fn report(output: &CommandOutput) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

fn hours(report: &Value) -> [u64; 4] {
    let hours = &report["result"]["coverage"]["log_integrity"]["hours"];
    ["verified", "unverified", "missing", "tampered"].map(|status| hours[status].as_u64().unwrap())
}

fn status(report: &Value) -> &str {
    report["result"]["summary"]["overall_compliance"].as_str().unwrap()
}

#[test]
fn a_sweep_verifies_log_files_and_a_second_one_reads_none_again() {
    let directory = folder(&untouched());
    let plain = report(&sweep(&directory, &["--no-state"]).assert_exit_code(0));
    assert_eq!(plain["result"]["coverage"]["log_integrity"], Value::Null);
    let first = report(&sweep(&directory, &VERIFY).assert_exit_code(0));
    assert_eq!((status(&first), hours(&first)), ("COMPLIANT", [4, 0, 0, 0]));
    assert!(first["run"]["log_files_verified_at"].is_string());
    assert_eq!(first["run"]["log_files_read"], 18);
    // The keys are kept.
    let second = report(&sweep(&directory, &[VERIFY[0], VERIFY[2]]).assert_exit_code(0));
    assert_eq!(second["run"]["log_files_read"], 0);
    assert_eq!(second["id"], first["id"]);
}

#[test]
fn log_files_of_a_sweep_without_verification_are_read_again() {
    let directory = folder(&untouched());
    sweep(&directory, &[]).assert_exit_code(0);
    let verified = report(&sweep(&directory, &VERIFY).assert_exit_code(0));
    assert_eq!(hours(&verified), [4, 0, 0, 0]);
    assert_eq!(verified["run"]["log_files_read"], 12, "log files, and no digest file");
    let fresh = report(&sweep(&directory, &[&VERIFY[..], &["--no-state"]].concat()).assert_exit_code(0));
    assert_eq!(fresh["id"], verified["id"]);
}

#[test]
fn a_file_that_is_changed_after_a_sweep_is_found_by_the_next_one() {
    let mut trail = untouched();
    let directory = folder(&trail);
    sweep(&directory, &VERIFY).assert_exit_code(0);
    let log = trail.logs()[4].clone();
    trail.edit(&log, "ListBuckets", "DeleteBucket");
    let before = fs::metadata(directory.join("logs").join(&log)).unwrap().modified().unwrap();
    write(&directory, &trail);
    let tampered = sweep(&directory, &VERIFY);
    let report = report(&tampered);
    assert_eq!(
        hours(&report)[3],
        3,
        "the digest file overlaps two hours, and events may be of the hour before"
    );
    let finding = &report["result"]["findings"].as_array().unwrap()[1];
    let description = finding["description"].as_str().unwrap();
    assert!(description.contains("its content does not have the hash in the digest file"), "{description}");
    assert!(description.contains(log.rsplit('/').next().unwrap().get(..40).unwrap()), "{description}");
    assert_eq!(tampered.exit_code, 1, "the changed record is a write of the principal");
    // The evidence was taken from the changed file, whatever its time says.
    let file = fs::File::options().write(true).open(directory.join("logs").join(&log)).unwrap();
    file.set_modified(before).unwrap();
    let again = self::report(&sweep(&directory, &VERIFY));
    assert_eq!(hours(&again), hours(&report));
}

#[test]
fn missing_files_are_gaps_and_unverified_ones_are_if_that_is_required() {
    let mut trail = untouched();
    trail.remove(&trail.logs()[4].clone());
    let directory = folder(&trail);
    let gap = report(&sweep(&directory, &VERIFY).assert_exit_code(3));
    assert_eq!((status(&gap), hours(&gap)), ("INSUFFICIENT_EVIDENCE", [1, 0, 3, 0]));
    let directory = folder(&untouched());
    let unknown = report(&sweep(&directory, &VERIFY[..1]).assert_exit_code(0));
    assert_eq!((status(&unknown), hours(&unknown)), ("COMPLIANT", [0, 4, 0, 0]));
    let limitations = unknown["result"]["limitations"].to_string();
    assert!(
        limitations.contains("The log files of 4 of 4 account-region hours are not verified"),
        "{limitations}"
    );
    let config = fs::read_to_string(directory.join("onlooker.toml")).unwrap();
    directory.write("onlooker.toml", format!("{config}log_integrity = \"required\"\n"));
    for args in [&VERIFY[..1], &[]] {
        let required = sweep(&directory, args).assert_exit_code(3);
        assert_eq!(status(&report(&required)), "INSUFFICIENT_EVIDENCE");
    }
    sweep(&directory, &VERIFY).assert_exit_code(0);
}

#[test]
fn a_discovery_with_tampered_log_files_does_not_have_enough_evidence() {
    let mut trail = untouched();
    let log = trail.logs()[4].clone();
    trail.put(&log, b"{\"Records\":[]}");
    let directory = folder(&trail);
    let args = ["sweep", "logs", PERIOD[0], PERIOD[1]];
    directory.run(&[&args[..], &["--no-state"]].concat()).assert_exit_code(0);
    let output = directory.run(&[&args[..], &VERIFY].concat()).assert_exit_code(3);
    assert!(output.stdout.contains("3 tampered with"), "{}", output.stdout);
}

#[test]
fn every_format_shows_what_was_verified_and_escapes_names() {
    let mut trail = untouched();
    let digest = trail.digests()[2].clone();
    trail.put(&digest.replace("_audit_", "_<b>\u{1b}[2J_"), b"{}");
    let directory = folder(&trail);
    let out = ["--out=reports", "--format=html,markdown,terminal,json"];
    let args = ["sweep", "logs", WATCH, PERIOD[0], PERIOD[1]];
    directory.run(&[&args[..], &VERIFY, &out].concat());
    for name in ["report.html", "report.md", "report.txt"] {
        let text = fs::read_to_string(directory.join("reports").join(name)).unwrap();
        assert!(text.contains("tampered with"), "{name}: {text}");
        assert!(!text.contains('\u{1b}'), "{name}");
        assert!(name != "report.html" || !text.contains("_<b>"), "{name}");
    }
}

#[test]
fn keys_without_verification_are_an_error() {
    let directory = folder(&untouched());
    sweep(&directory, &VERIFY[1..]).assert_exit_code(2).assert_stderr(&["add `--verify-logs`"]);
    sweep(&directory, &["--verify-logs", "--lookup"]).assert_exit_code(2);
}

#[test]
fn a_certificate_says_what_the_last_sweep_verified() {
    let mut trail = untouched();
    let directory = folder(&trail);
    directory.write("key.pem", PRIVATE_KEY);
    directory.write("public.pem", PUBLIC_KEY);
    let verify = ["verify", "certificate", "auditor.json", "--public-key=public.pem"];
    let certified = || {
        let principal = "--principal=arn:aws:iam::111122223333:user/reader";
        let output = ["--key=key.pem", "--out=auditor.json", "--incomplete"];
        directory.run(&[&["certify", principal, PERIOD[0], PERIOD[1]], &output[..]].concat());
        let statement = directory.run(&[&verify[..], &["--json"]].concat()).stdout;
        let statement: Value = serde_json::from_str(&statement).unwrap();
        statement["predicate"]["evidence"]["verification"].as_str().unwrap().to_owned()
    };
    sweep(&directory, &[]).assert_exit_code(0);
    assert_eq!(certified(), "not_verified");
    sweep(&directory, &VERIFY).assert_exit_code(0);
    assert_eq!(certified(), "verified");
    directory.run(&[&verify[..], &["--state=.onlooker"]].concat()).assert_exit_code(0);
    // Other evidence than what was verified, in a log file that no digest file lists.
    let log = trail.logs()[4].clone();
    trail.put(&log.replace(".json", "X.json"), b"{\"Records\":[]}");
    write(&directory, &trail);
    sweep(&directory, &[]);
    assert_eq!(certified(), "not_verified");
    sweep(&directory, &VERIFY);
    assert_eq!(certified(), "partly_verified");
    trail.edit(&log, "ListBuckets", "ListObjects");
    write(&directory, &trail);
    sweep(&directory, &VERIFY);
    assert_eq!(certified(), "tampered");
}
