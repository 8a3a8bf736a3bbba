//! The real binary over unreadable evidence: each piece is named with its object, position and reason, and nothing
//! else is lost.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use fixture::{READ_CALL, RecordedCall, TestDirectory, WRITE_CALL, gzip, object, uncompressed_object};
use onlooker_core::{render::FORMATS, report::Report};
use serde_json::Value;

/// Sweeps one broken object beside a valid one. All events of the valid one are counted.
#[track_caller]
fn sweep_with_a_valid_object(bytes: &[u8]) -> Report {
    let directory = TestDirectory::new();
    directory.write(
        "logs/good.json.gz",
        object(&[RecordedCall { id: 9_000, ..READ_CALL }, RecordedCall { id: 9_001, ..WRITE_CALL }]),
    );
    directory.write("logs/bad.json.gz", bytes);
    // The broken object is named, so that it is evidence whatever is in it.
    let ran =
        directory.run(&["sweep", "logs", "logs/bad.json.gz", "--no-state", "--json"]).assert_exit_code(3);
    let report = ran.report();
    let (run, totals) = (&report.run, &report.result.totals);
    assert!(run.unreadable.iter().all(|piece| piece.file == "logs/bad.json.gz"), "{:#?}", run.unreadable);
    assert_eq!(
        run.records_seen,
        totals.events + run.duplicates + run.unreadable.len() as u64 + totals.insight_events
    );
    let builders = report.result.operations.iter().filter(|one| one.operation == "RunInstances");
    assert_eq!(builders.count(), 1, "events of the valid object are kept");
    let sentence = report.result.inputs.unreadable.keys().next().expect("a reason");
    assert!(
        report.result.findings.iter().any(|one| one.id == "unreadable-evidence" && one.subject == *sentence)
    );
    let screen =
        directory.run(&["sweep", "logs", "logs/bad.json.gz", "--no-state"]).assert_exit_code(3).stdout;
    assert!(screen.contains("unreadable"), "{screen}");
    report
}

/// Sweeps one broken object with one unreadable piece, of which `kept` events are counted.
#[track_caller]
fn assert_unreadable(bytes: &[u8], reason: &str, record: u64, byte: Option<u64>, kept: u64) {
    let report = sweep_with_a_valid_object(bytes);
    let [piece] = &*report.run.unreadable else { panic!("{:#?}", report.run.unreadable) };
    assert_eq!((piece.reason.as_str(), piece.record), (reason, Some(record)));
    if let Some(byte) = byte {
        assert_eq!(piece.byte, Some(byte));
    }
    assert_eq!(report.result.totals.events, 2 + kept);
}

fn calls(count: u32) -> Vec<RecordedCall> {
    (1..=count).map(|id| RecordedCall { id, ..READ_CALL }).collect()
}

/// Three records, the second of which was changed.
fn with_second_record_changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(&uncompressed_object(&calls(3))).expect("JSON");
    change(&mut value["Records"][1]);
    value.to_string().into_bytes()
}

/// Where the second of three records begins.
fn second_record_offset(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let first_ends = text.find("},{").expect("two records");
    first_ends as u64 + 2
}

#[test]
fn an_empty_file() {
    assert_unreadable(b"", "the log file is empty: it seems to be an empty file", 0, Some(0), 0);
}

#[test]
fn gzip_that_was_cut_short_gives_what_comes_before_the_cut() {
    // Records that do not compress well, so that many of them come before the cut.
    let mut bytes = object(&calls(400));
    bytes.truncate(bytes.len() - 200);
    let report = sweep_with_a_valid_object(&bytes);
    let [piece] = &*report.run.unreadable else { panic!("{:#?}", report.run.unreadable) };
    assert_eq!(piece.reason, "the gzip stream ends too early");
    let kept = report.result.totals.events - 2;
    assert_eq!(piece.record, Some(kept), "the position is the number of records read before it");
    assert!(kept > 0 && kept < 400, "{kept}");
}

#[test]
fn gzip_with_only_a_header() {
    assert_unreadable(&object(&calls(3))[..12], "the gzip stream ends too early", 0, None, 0);
}

#[test]
fn gzip_with_a_wrong_checksum_is_damaged() {
    let mut bytes = object(&calls(3));
    let at = bytes.len() - 8;
    bytes[at] ^= 1;
    let report = sweep_with_a_valid_object(&bytes);
    assert_eq!(report.run.unreadable[0].reason, "the gzip stream is damaged");
}

#[test]
fn gzip_with_noise_inside() {
    let mut bytes = object(&calls(3));
    let at = bytes.len() / 2;
    bytes[at..at + 8].fill(0xff);
    let report = sweep_with_a_valid_object(&bytes);
    let pieces = &report.run.unreadable;
    assert!(pieces.iter().any(|piece| piece.reason == "the gzip stream is damaged"), "{pieces:#?}");
}

#[test]
fn text_that_is_not_json() {
    assert_unreadable(b"<html>AccessDenied</html>", "not JSON", 0, Some(0), 0);
    assert_unreadable(&gzip(b"nonsense"), "not JSON", 0, Some(0), 0);
}

#[test]
fn json_that_was_cut_short_gives_the_records_before_the_cut() {
    let bytes = uncompressed_object(&calls(3));
    let cut = &bytes[..bytes.len() - 60];
    let report = sweep_with_a_valid_object(cut);
    assert_eq!(report.result.totals.events, 4, "{:#?}", report.run.unreadable);
    let [piece] = &*report.run.unreadable else { panic!("{:#?}", report.run.unreadable) };
    assert_eq!((piece.reason.as_str(), piece.record), ("the JSON ends too early", Some(2)));
}

#[test]
fn json_that_is_not_a_cloudtrail_file() {
    let reason = "JSON, but not CloudTrail data: it seems to be JSON without CloudTrail records";
    assert_unreadable(br#"{"hello":"world"}"#, reason, 0, Some(0), 0);
    assert_unreadable(b"[1]", reason, 0, Some(1), 0);
    let reason = "JSON, but not CloudTrail data: it seems to be an AWS Config snapshot";
    assert_unreadable(br#"{"fileVersion":"1.0","configSnapshotId":"x"}"#, reason, 0, Some(0), 0);
}

#[test]
fn a_key_given_twice() {
    let text = String::from_utf8(uncompressed_object(&calls(3))).expect("UTF-8");
    let begins = second_record_offset(text.as_bytes());
    let (before, after) = text.split_at(usize::try_from(begins).expect("small"));
    let bytes =
        format!("{before}{}", after.replacen("\"eventName\":", "\"eventName\":\"X\",\"eventName\":", 1));
    assert_unreadable(bytes.as_bytes(), "a key is given twice: `eventName`", 1, Some(begins), 2);
}

#[test]
fn files_beside_a_trail_are_skipped_and_counted_and_the_excluded_ones_are_said() {
    let directory = TestDirectory::with_compliant_trail();
    let log = "logs/AWSLogs/111122223333/CloudTrail/us-east-1/2026/10/06/111122223333_CloudTrail_us-east-1_20261006T1005Z_a.json.gz";
    directory.write("logs/AWSLogs/111122223333/Config/a.json.gz", gzip(br#"{"configurationItems":[]}"#));
    directory.write("logs/flow.log.gz", gzip(b"version account-id\n2 111122223333\n"));
    directory.write("logs/README.md", "# Logs");
    directory.write("logs/.DS_Store", [0, 1]);
    let sweep = |more: &[&str], code| {
        let arguments = [&["sweep", "logs", "--no-state", fixture::WATCH_AUDITOR], more].concat();
        directory.run(&arguments).assert_exit_code(code)
    };
    let report = sweep(&["--json"], 0).report();
    let skipped: Vec<(&str, u64)> =
        report.run.skipped.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    let kinds = [("AWS Config history", 1), ("VPC flow log", 1), ("document", 1), ("hidden file", 1)];
    assert_eq!((&*skipped, report.run.skipped_files.len()), (&kinds[..], 4));
    assert_eq!(report.run.skipped_files[1].file, "logs/AWSLogs/111122223333/Config/a.json.gz");
    let screen = sweep(&[], 0).stdout;
    assert!(
        screen.contains("Not read    4 files skipped: AWS Config history 1, VPC flow log 1, "),
        "{screen}"
    );
    // A log file that claims to be CloudTrail's stays evidence, and may be excluded.
    directory.write(log, &gzip(b"x")[..12]);
    sweep(&[], 3);
    let report = sweep(&["--exclude", "CloudTrail", "--exclude", "*.md", "--json"], 0).report();
    assert_eq!(
        (report.run.excluded_files, &*report.run.exclude),
        (2, &["CloudTrail".to_owned(), "*.md".to_owned()][..])
    );
    let screen = sweep(&["--exclude", "CloudTrail"], 0).stdout;
    assert!(screen.contains("Not read    1 file excluded by CloudTrail, 4 files skipped: "), "{screen}");
    let stderr = sweep(&["--exclude", "["], 2).stderr;
    assert!(stderr.contains("`--exclude [` is not a glob"), "{stderr}");
    let stored = |more: &[&str], code| {
        directory.run(&[&["sweep", "logs", "--json"], more].concat()).assert_exit_code(code).report()
    };
    // The text before the end of the stream is not JSON, and the stream ends too early.
    assert_eq!(stored(&[], 3).result.totals.unreadable_evidence, 2);
    let again = stored(&["--exclude", "*_CloudTrail_*"], 0);
    assert_eq!((again.run.log_files_read, again.run.skipped.values().sum::<u64>()), (0, 4));
    assert_eq!(stored(&[], 3).run.log_files_read, 0);
}

#[test]
fn a_record_that_is_not_utf_8() {
    let mut bytes = uncompressed_object(&calls(3));
    let begins = second_record_offset(&bytes);
    let at = usize::try_from(begins).expect("small") + 30;
    let name = bytes[at..].windows(6).position(|word| word == b"Instan").expect("a name") + at;
    bytes[name] = 0xff;
    assert_unreadable(&bytes, "not UTF-8", 1, Some(begins), 2);
}

#[test]
fn a_record_with_a_field_missing() {
    for field in ["eventID", "eventTime", "eventSource", "eventName"] {
        let bytes = with_second_record_changed(|record| {
            drop(record.as_object_mut().expect("a record").remove(field))
        });
        assert_unreadable(
            &bytes,
            &format!("missing field `{field}`"),
            1,
            Some(second_record_offset(&bytes)),
            2,
        );
    }
}

#[test]
fn a_record_with_a_value_of_the_wrong_type() {
    for field in ["eventID", "eventTime", "eventName", "readOnly", "userIdentity"] {
        let bytes = with_second_record_changed(|record| record[field] = 5.into());
        assert_unreadable(
            &bytes,
            &format!("field of the wrong JSON type: `{field}`"),
            1,
            Some(second_record_offset(&bytes)),
            2,
        );
    }
    let bytes = with_second_record_changed(|record| *record = "a record".into());
    let report = sweep_with_a_valid_object(&bytes);
    assert_eq!((report.run.unreadable.len(), report.result.totals.events), (1, 4));
}

#[test]
fn a_record_with_a_time_that_does_not_exist() {
    let bytes = with_second_record_changed(|record| record["eventTime"] = "2026-02-30T00:00:00Z".into());
    assert_unreadable(
        &bytes,
        "field with an invalid value: `eventTime`",
        1,
        Some(second_record_offset(&bytes)),
        2,
    );
}

#[test]
fn a_record_with_a_text_too_long_to_keep() {
    let bytes = with_second_record_changed(|record| record["eventName"] = "x".repeat(3_000).into());
    assert_unreadable(
        &bytes,
        "field too long or with too many values: `eventName`",
        1,
        Some(second_record_offset(&bytes)),
        2,
    );
}

#[test]
fn a_record_nested_absurdly_deep() {
    let text =
        String::from_utf8(with_second_record_changed(|record| record["requestParameters"] = "DEEP".into()))
            .expect("UTF-8");
    let bytes = text.replace("\"DEEP\"", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    assert_unreadable(
        bytes.as_bytes(),
        "nested too deeply",
        1,
        Some(second_record_offset(bytes.as_bytes())),
        2,
    );
}

#[test]
fn a_decompression_bomb_is_cut_at_the_limit_and_earlier_records_are_kept() {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", "[limits]\nlog_file_mib = 1\n");
    let mut bytes = uncompressed_object(&calls(3));
    bytes.pop();
    bytes.extend(b",\"padding\":\"");
    bytes.resize(64 << 20, b'x');
    directory.write("logs/bomb.json.gz", gzip(&bytes));
    directory.write("logs/good.json.gz", object(&[RecordedCall { id: 9, ..READ_CALL }]));
    let report = directory.run(&["sweep", "logs", "--no-state", "--json"]).assert_exit_code(3).report();
    let [piece] = &*report.run.unreadable else { panic!("{:#?}", report.run.unreadable) };
    assert_eq!(piece.file, "logs/bomb.json.gz");
    assert_eq!(piece.reason, "inflates past `limits.log_file_mib`");
    assert_eq!(report.result.totals.events, 4);
    assert!(report.result.findings[0].recommendation.len() > 10);
}

#[test]
fn a_file_that_cannot_be_opened_is_unreadable_evidence() {
    let directory = TestDirectory::new();
    directory.write("logs/good.json.gz", object(&calls(1)));
    std::os::unix::fs::symlink("nowhere", directory.join("logs/gone.json.gz")).expect("linked");
    let report = directory.run(&["sweep", "logs", "--no-state", "--json"]).assert_exit_code(3).report();
    let [piece] = &*report.run.unreadable else { panic!("{:#?}", report.run.unreadable) };
    assert_eq!(
        (piece.file.as_str(), piece.reason.as_str()),
        ("logs/gone.json.gz", "the log file could not be fetched: No such file or directory (os error 2)")
    );
    assert_eq!(report.result.totals.events, 1);
}

#[test]
fn one_unreadable_record_delivered_twice_is_one_gap_with_two_positions() {
    let directory = TestDirectory::new();
    let bytes = with_second_record_changed(|record| {
        drop(record.as_object_mut().expect("a record").remove("eventTime"))
    });
    directory.write("logs/a.json", &bytes);
    directory.write("logs/b.json.gz", gzip(&bytes));
    let report = directory.run(&["sweep", "logs", "--no-state", "--json"]).assert_exit_code(3).report();
    assert_eq!((report.result.totals.unreadable_evidence, report.run.unreadable.len()), (1, 2));
    assert_eq!((report.result.totals.events, report.run.duplicates), (2, 2));
}

#[test]
fn conflicting_contents_of_an_event_are_reported_and_the_more_severe_counts() {
    let directory = TestDirectory::with_compliant_trail();
    let denied = RecordedCall { error: Some("AccessDenied"), ..WRITE_CALL };
    directory.write("logs/a.json", uncompressed_object(&[denied]));
    directory.run(&["sweep", "logs", "--no-state", fixture::WATCH_AUDITOR]).assert_exit_code(0);
    directory.write("logs/b.json", uncompressed_object(&[WRITE_CALL]));
    let report = directory
        .run(&["sweep", "logs", "--no-state", "--json", fixture::WATCH_AUDITOR])
        .assert_exit_code(1)
        .report();
    assert_eq!(report.result.totals.conflicting_events, 1);
    let harmless = RecordedCall { id: WRITE_CALL.id, ..READ_CALL };
    directory.write("logs/b.json", uncompressed_object(&[harmless]));
    let report = directory
        .run(&["sweep", "logs", "--no-state", "--json", fixture::WATCH_AUDITOR])
        .assert_exit_code(3)
        .report();
    assert_eq!((report.result.totals.conflicting_events, report.result.totals.blocked), (1, 1));
}

#[test]
fn record_text_cannot_control_the_terminal() {
    let directory = TestDirectory::new();
    let hostile = "\u{1b}[2J\u{202e}<script>alert(1)</script>|=cmd()";
    let bytes = with_second_record_changed(|record| {
        record["eventName"] = hostile.into();
        record["readOnly"] = false.into();
    });
    directory.write("logs/a.json", bytes);
    for format in FORMATS.iter().filter(|format| format.fits_standard_output).map(|format| format.name) {
        let out =
            directory.run(&["sweep", "logs", "--no-state", "--format", format]).assert_exit_code(0).stdout;
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{format}");
        assert!(format != "html" || !out.contains("<script>alert"), "{format}");
    }
}
