//! The real binary and the audit trail: sweeps write it; queries, verification, seals and pruning read it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{fs, path::PathBuf};

use fixture::{
    PRIVATE_KEY, PUBLIC_KEY, READ_CALL, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object,
};
use serde_json::Value;

/// A sweep of a trail with reads and a write of the auditor, and of one without a call of a watched principal.
fn swept() -> TestDirectory {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/13.json.gz", object(&[RecordedCall { at: "06T13:00", ..WRITE_CALL }]));
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(1);
    directory
}

fn entries(directory: &TestDirectory, arguments: &[&str]) -> Vec<Value> {
    let all = [&["audit", "query", "--format", "json"], arguments].concat();
    serde_json::from_str(&directory.run(&all).assert_exit_code(0).stdout).expect("JSON")
}

/// The files of the batches, oldest first.
fn batches(directory: &TestDirectory) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for day in fs::read_dir(directory.join(".onlooker/audit")).expect("a trail") {
        let day = day.expect("a folder").path();
        if day.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dt=")) {
            found.extend(fs::read_dir(day).expect("batches").map(|entry| entry.expect("a batch").path()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_sweep_records_the_write_once_and_itself() {
    let directory = swept();
    let [write] = <[Value; 1]>::try_from(entries(&directory, &["--kind", "call"])).expect("one call");
    assert_eq!((&write["kind"], &write["severity"]), (&"call".into(), &"HIGH".into()));
    assert_eq!(write["outcome"], "succeeded");
    assert!(
        write["user_identity"]["principal"].as_str().is_some_and(|arn| arn.ends_with("role/Auditor")),
        "{write}"
    );
    let runs = entries(&directory, &["--kind", "run"]);
    assert!(runs[0]["message"].as_str().is_some_and(|text| text.contains("NON_COMPLIANT")), "{runs:?}");
    // The evidence is stored, so the second sweep reads nothing and records only itself.
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(1);
    assert_eq!(entries(&directory, &["--kind", "call"]).len(), 1);
    assert_eq!(entries(&directory, &["--kind", "run"]).len(), 2);
    // Without a state nothing is kept.
    let other = TestDirectory::with_compliant_trail();
    other.run(&["sweep", "logs", "--no-state", WATCH_AUDITOR]).assert_exit_code(0);
    assert!(!other.join(".onlooker").exists());
}

#[test]
fn filters_and_formats_agree() {
    let directory = swept();
    assert_eq!(entries(&directory, &["--principal", "*:role/Auditor"]).len(), 1);
    assert_eq!(entries(&directory, &["--principal", "*:role/Other"]).len(), 0);
    assert_eq!(entries(&directory, &["--severity", "critical"]).len(), 0);
    let csv =
        directory.run(&["audit", "query", "--format", "csv", "--kind", "call"]).assert_exit_code(0).stdout;
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.starts_with("audit_id,timestamp,"), "{csv}");
    let table = directory.run(&["audit", "query", "--kind", "call"]).assert_exit_code(0);
    assert!(table.stdout.contains("role/Auditor") && table.stderr.contains("note: 1 entry\n"), "{table:?}");
    let export = directory.run(&["audit", "export"]).assert_exit_code(0).stdout;
    assert_eq!(export.lines().count(), 2);
    assert!(export.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let summary = directory.run(&["audit", "summary"]).assert_exit_code(0).stdout;
    assert!(summary.starts_with("2 entries\n") && summary.contains("succeeded"), "{summary}");
}

#[test]
fn a_changed_trail_has_exit_code_1_and_an_incomplete_one_3() {
    let directory = swept();
    let verify = ["audit", "verify"];
    let intact = directory.run(&verify).assert_exit_code(0).stdout;
    assert!(
        intact.starts_with("intact: 2 entries in 2 batches of 1 chain, 0 seals, 0 problems\n"),
        "{intact}"
    );
    let first = batches(&directory).remove(0);
    let stored = fs::read(&first).expect("a batch");
    fs::write(&first, [&stored[..], b"x"].concat()).expect("changed");
    let changed = directory.run(&verify).assert_exit_code(1).stdout;
    assert!(changed.contains("unreadable") && changed.contains("changed: "), "{changed}");
    fs::remove_file(&first).expect("removed");
    let incomplete = directory.run(&verify).assert_exit_code(3).stdout;
    assert!(incomplete.contains("beginning-missing"), "{incomplete}");
    let json: Value =
        serde_json::from_str(&directory.run(&["audit", "verify", "--json"]).assert_exit_code(3).stdout)
            .expect("JSON");
    assert_eq!(json["problems"][0]["kind"], "beginning-missing");
    directory.run(&["audit", "seal"]).assert_exit_code(1);
    let nothing = TestDirectory::with_compliant_trail();
    assert!(nothing.run(&verify).assert_exit_code(3).stdout.contains("nothing found"));
}

#[test]
fn a_seal_shows_that_the_end_was_cut_off() {
    let directory = swept();
    directory.run(&["audit", "seal"]).assert_exit_code(0);
    let sealed = directory.run(&["audit", "verify"]).assert_exit_code(0).stdout;
    assert!(!sealed.contains("no seal names"), "{sealed}");
    let last = batches(&directory).pop().expect("a batch");
    fs::remove_file(last).expect("removed");
    let cut = directory.run(&["audit", "verify"]).assert_exit_code(3).stdout;
    assert!(cut.contains("end-missing"), "{cut}");
}

#[test]
fn signed_seals_and_prunings_are_checked_with_the_public_key() {
    let directory = swept();
    directory.write("key.pem", PRIVATE_KEY);
    directory.write("public.pem", PUBLIC_KEY);
    let verify = ["audit", "verify", "--public-key", "public.pem"];
    directory.run(&["audit", "seal", "--sign", "key.pem"]).assert_exit_code(0);
    let checked = directory.run(&verify).assert_exit_code(0).stdout;
    assert!(checked.contains("1 of 1 seals and prunings have a valid signature"), "{checked}");
    let unchecked = directory.run(&["audit", "verify"]).assert_exit_code(0).stdout;
    assert!(
        unchecked.contains("not checked: give the key with `--public-key`")
            && unchecked.contains("audit/seals/0000000000.json  key 74c181c7"),
        "{unchecked}"
    );
    directory.run(&["audit", "seal"]).assert_exit_code(0);
    let unsigned = directory.run(&verify).assert_exit_code(1).stdout;
    assert!(unsigned.starts_with("unsigned  audit/seals/0000000001.json\n"), "{unsigned}");
    fs::remove_file(directory.join(".onlooker/audit/seals/0000000001.json")).expect("removed");
    let prune = ["audit", "prune", "--older-than", "2100-01-01", "--force"];
    directory.run(&[&prune[..], &["--sign", "key.pem"]].concat()).assert_exit_code(0);
    let pruned = directory.run(&verify).assert_exit_code(0).stdout;
    assert!(pruned.contains("2 of 2 seals and prunings have a valid signature"), "{pruned}");
    // A key that cannot be read removes nothing.
    let other = swept();
    other.write("key.pem", PUBLIC_KEY);
    other.run(&[&prune[..], &["--sign", "key.pem"]].concat()).assert_exit_code(2);
    assert_eq!(batches(&other).len(), 2);
}

#[test]
fn an_unsigned_pruning_is_found_with_the_public_key() {
    let directory = swept();
    directory.write("public.pem", PUBLIC_KEY);
    directory.run(&["audit", "prune", "--older-than", "2100-01-01", "--force"]).assert_exit_code(0);
    let found = directory.run(&["audit", "verify", "--public-key", "public.pem"]).assert_exit_code(1).stdout;
    assert!(found.starts_with("unsigned  audit/pruned/"), "{found}");
}

#[test]
fn pruning_asks_first_and_leaves_a_trail_that_verifies() {
    let directory = swept();
    let older = ["audit", "prune", "--older-than", "2100-01-01"];
    let dry = directory.run(&[&older[..], &["--dry-run"]].concat()).assert_exit_code(0).stdout;
    assert!(dry.starts_with("would remove 2 entries in 2 batches"), "{dry}");
    let asked = directory.run(&older).assert_exit_code(2);
    assert!(asked.stderr.contains("--force"), "{asked:?}");
    assert_eq!(batches(&directory).len(), 2);
    directory.run(&[&older[..], &["--force"]].concat()).assert_exit_code(0);
    assert_eq!(batches(&directory).len(), 0);
    let pruned = directory.run(&["audit", "verify"]).assert_exit_code(0).stdout;
    assert!(pruned.contains("2 entries were pruned"), "{pruned}");
}

#[test]
fn the_configuration_says_what_is_pruned_and_what_is_held() {
    let directory = swept();
    // Everything is newer than the retention of 30 days.
    let by_default = directory.run(&["audit", "prune", "--dry-run"]).assert_exit_code(0).stdout;
    assert!(by_default.starts_with("would remove 0 entries in 0 batches"), "{by_default}");
    directory.write("onlooker.toml", "[audit]\nlegal_hold = [\"arn:aws:iam::*:role/Auditor\"]\n");
    let prune = ["audit", "prune", "--older-than", "2100-01-01", "--force"];
    let held = directory.run(&prune).assert_exit_code(0).stdout;
    assert!(held.starts_with("1 chain with older batches kept by the legal hold"), "{held}");
    assert_eq!(batches(&directory).len(), 2);
    directory.write("onlooker.toml", "[audit]\nretention_days = 0\n");
    assert!(directory.run(&prune).assert_exit_code(2).stderr.contains("audit.retention_days"));
}

#[test]
fn the_level_and_the_redaction_are_settings() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/14.json.gz", object(&[RecordedCall { at: "06T14:00", ..READ_CALL }]));
    directory.write("onlooker.toml", "[audit]\nlevel = \"all\"\nprofile = \"storage\"\n");
    directory.run(&["sweep", "logs", WATCH_AUDITOR]);
    assert!(entries(&directory, &["--kind", "call"]).len() > 1);
    directory.write("onlooker.toml", "[audit]\ncompression_level = 12\n");
    let invalid = directory.run(&["config", "validate"]).assert_exit_code(2);
    assert!(invalid.stderr.contains("audit.compression_level"), "{invalid:?}");
}
