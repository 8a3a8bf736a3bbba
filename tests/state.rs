//! The real binary and its state. Law: only new objects are read, no evidence is lost, and a crash changes no result.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use onlooker_core::{
    report::{Report, ReportRun},
    time::Time,
};

use fixture::{CommandOutput, READ_CALL, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object};

/// Sweeps with state.
fn sweep_with_state(directory: &TestDirectory) -> CommandOutput {
    directory.run(&["sweep", "logs", "--json", WATCH_AUDITOR])
}

/// Sweeps everything again, without the state.
fn sweep_without_state(directory: &TestDirectory) -> CommandOutput {
    directory.run(&["sweep", "logs", "--json", WATCH_AUDITOR, "--no-state"])
}

/// A trail of this many objects with three records each.
fn trail_of(objects: u32) -> TestDirectory {
    let directory = TestDirectory::new();
    for n in 0..objects {
        write_object(&directory, n, n);
    }
    directory
}

/// Writes an object; its records depend on `content`.
fn write_object(directory: &TestDirectory, name: u32, content: u32) {
    let call = |n: u32| RecordedCall { id: content * 3 + n, ..if n == 0 { WRITE_CALL } else { READ_CALL } };
    directory.write(&format!("logs/{:02}/{name:04}.json.gz", name % 7), object(&[call(0), call(1), call(2)]));
}

/// Segment files of the state.
fn segment_files(directory: &TestDirectory) -> Vec<PathBuf> {
    let folders = fs::read_dir(directory.join(".onlooker/segments")).expect("segments");
    let files = folders.flat_map(|folder| fs::read_dir(folder.expect("an entry").path()).expect("a folder"));
    files.map(|file| file.expect("an entry").path()).collect()
}

#[test]
fn a_second_sweep_reads_only_new_objects_and_equals_a_full_sweep() {
    let directory = TestDirectory::with_compliant_trail();
    let first = sweep_with_state(&directory).assert_exit_code(0).report();
    assert_eq!((first.run.log_files_read, first.run.log_files_reused), (3, 0));
    let idle = sweep_with_state(&directory).assert_exit_code(0).report();
    assert_eq!((idle.run.log_files_read, idle.run.log_files_reused, idle.run.bytes_read), (0, 3, 0));
    assert_eq!(idle.id, first.id);
    assert_eq!(idle.run.input_files_sha256, first.run.input_files_sha256);
    assert_ne!(idle.run.run_id, first.run.run_id);
    directory.write(
        "logs/13.json.gz",
        object(&[RecordedCall { id: 20, at: "06T13:00", ..WRITE_CALL }, READ_CALL]),
    );
    let more = sweep_with_state(&directory).assert_exit_code(1);
    assert_eq!(more.result(), sweep_without_state(&directory).assert_exit_code(1).result());
    let run = more.report().run;
    assert_eq!((run.log_files_read, run.log_files_reused, run.records_seen, run.duplicates), (1, 3, 2, 1));
}

#[test]
fn a_sweep_without_anything_new_has_the_result_of_the_one_before() {
    let directory = TestDirectory::with_compliant_trail();
    let with = |more: &[&str]| directory.run(&[&["sweep", "logs", "--json", WATCH_AUDITOR], more].concat());
    let first = with(&[]).assert_exit_code(0).report();
    let again = with(&[]).assert_exit_code(0).report();
    let volatile = |report: &Report| {
        let (run_id, started_at, generated_at) = (String::new(), Time(0), Time(0));
        let run = ReportRun { run_id, started_at, generated_at, duration_seconds: 0.0, ..report.run.clone() };
        ReportRun {
            performance: None,
            log_files_read: 0,
            log_files_reused: 0,
            bytes_read: 0,
            records_seen: 0,
            ..run
        }
    };
    assert_eq!((&again.id, &again.result), (&first.id, &first.result));
    assert_eq!(volatile(&again), volatile(&first));

    // Whatever the result depends on gives another result.
    let selectors = r#"{"TrailARN":"arn:aws:cloudtrail:us-east-1:111122223333:trail/t","AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventCategory","Equals":["Management"]}]}]}"#;
    directory.write("selectors.json", selectors);
    for changed in [
        &["--watch=arn:aws:iam::*:role/Other"][..],
        &["--since=2026-10-06T10:00:00Z"],
        &["--standard=SOC2"],
        &["--exclude=*/11.json.gz"],
        &["--selectors=selectors.json"],
    ] {
        let other = with(&[changed, &["--fail-on=none"]].concat()).assert_exit_code(0).report();
        assert_ne!(other.id, first.id, "{changed:?}");
        let unkept =
            with(&[changed, &["--fail-on=none", "--no-state"]].concat()).assert_exit_code(0).report();
        assert_eq!(other.id, unkept.id, "{changed:?}");
        assert_eq!(with(&[]).assert_exit_code(0).report().id, first.id, "{changed:?}");
    }

    // A report that was removed is made again, and evidence that was removed is missed.
    let reports = directory.join(".onlooker/reports");
    for report in fs::read_dir(reports).expect("reports").map(|entry| entry.expect("an entry").path()) {
        if report.extension().is_some_and(|extension| extension == "json") {
            fs::remove_file(report).expect("removed");
        }
    }
    assert_eq!(with(&[]).assert_exit_code(0).report().id, first.id);
    let file = segment_files(&directory).remove(0);
    let (bytes, modified) =
        (fs::read(&file).expect("read"), file.metadata().and_then(|it| it.modified()).expect("a time"));
    fs::write(&file, vec![b'x'; bytes.len()]).expect("written");
    File::options().write(true).open(&file).and_then(|it| it.set_modified(modified)).expect("a time");
    with(&[]).assert_exit_code(4);
    fs::remove_file(&file).expect("removed");
    with(&[]).assert_exit_code(4);
}

#[test]
fn a_changed_object_is_replaced_and_a_deleted_one_stays_in_evidence() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/10b.json.gz", object(&[WRITE_CALL]));
    sweep_with_state(&directory).assert_exit_code(1);
    directory.write(
        "logs/10b.json.gz",
        object(&[RecordedCall { error: Some("AccessDenied"), at: "06T10:31", ..WRITE_CALL }]),
    );
    let replaced = sweep_with_state(&directory).assert_exit_code(0);
    assert_eq!(replaced.result(), sweep_without_state(&directory).assert_exit_code(0).result());
    assert_eq!(replaced.report().run.log_files_read, 1);
    let result = replaced.result();
    for name in ["logs/10.json.gz", "logs/10b.json.gz"] {
        fs::remove_file(directory.join(name)).expect("removed");
    }
    assert_eq!(sweep_with_state(&directory).assert_exit_code(0).result(), result, "stored evidence stays");
    sweep_without_state(&directory).assert_exit_code(3);
}

#[test]
fn a_touched_object_is_read_again_and_changes_nothing() {
    let directory = TestDirectory::with_compliant_trail();
    let first = sweep_with_state(&directory).assert_exit_code(0).report();
    let file = File::options().write(true).open(directory.join("logs/10.json.gz")).expect("a file");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)).expect("touched");
    let touched = sweep_with_state(&directory).assert_exit_code(0).report();
    assert_eq!((touched.run.log_files_read, touched.id), (1, first.id));
}

#[test]
fn standard_input_is_read_every_time() {
    let directory = TestDirectory::new();
    let sweep = |calls: &[RecordedCall]| {
        directory.run_with_input(&["sweep", "-", "--json", WATCH_AUDITOR], &object(calls)).report()
    };
    assert_eq!(sweep(&[READ_CALL]).result.totals.mutating, 0);
    let second = sweep(&[READ_CALL, WRITE_CALL]);
    assert_eq!((second.run.log_files_read, second.result.totals.mutating), (1, 1));
}

#[test]
fn unreadable_evidence_keeps_its_position_until_the_object_is_replaced() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/10b.json.gz", b"nonsense");
    let first = sweep_with_state(&directory).assert_exit_code(3).report();
    let second = sweep_with_state(&directory).assert_exit_code(3).report();
    assert_eq!((second.run.log_files_read, &second.run.unreadable), (0, &first.run.unreadable));
    assert_eq!(second.id, first.id);
    directory.write("logs/10b.json.gz", object(&[RecordedCall { id: 30, ..READ_CALL }]));
    assert_eq!(
        sweep_with_state(&directory).assert_exit_code(0).result(),
        sweep_without_state(&directory).assert_exit_code(0).result()
    );
}

#[test]
fn an_object_cut_by_the_limit_is_read_again_when_the_limit_is_raised() {
    let directory = TestDirectory::new();
    let mut bytes = fixture::uncompressed_object(&[READ_CALL]);
    bytes.resize(3 << 20, b' ');
    directory.write("logs/a.json.gz", fixture::gzip(&bytes));
    directory.write("onlooker.toml", "[limits]\nlog_file_mib = 1\n");
    directory.run(&["sweep", "logs"]).assert_exit_code(3);
    directory.write("onlooker.toml", "[limits]\nlog_file_mib = 8\n");
    let report = directory.run(&["sweep", "logs", "--json"]).assert_exit_code(0).report();
    assert_eq!((report.result.totals.events, report.result.totals.unreadable_evidence), (1, 0));
}

#[test]
fn concurrent_sweeps_in_one_state_all_equal_a_full_sweep() {
    let directory = trail_of(60);
    let expected = sweep_without_state(&directory).assert_exit_code(1).result();
    let start = || directory.start(&mut directory.command(&["sweep", "logs", "--json", WATCH_AUDITOR]));
    let together: Vec<_> = (0..4).map(|_| start()).collect();
    for child in together {
        let ran = CommandOutput::from(child.wait_with_output().expect("it ends")).assert_exit_code(1);
        assert_eq!(ran.result(), expected);
        assert_eq!(ran.stderr, "");
    }
    let after = sweep_with_state(&directory).assert_exit_code(1);
    assert_eq!((after.result(), after.report().run.log_files_read), (expected, 0));
    let list = directory.run(&["report", "--list", "--json"]).assert_exit_code(0).stdout;
    let runs: Vec<serde_json::Value> = serde_json::from_str(&list).expect("JSON");
    assert_eq!(runs.len(), 5);
}

/// Waits until the state has this many more segment files than before, or the sweep has ended.
fn wait_for_segments(directory: &TestDirectory, sweep: &mut Child, more: usize) {
    let stored =
        || if directory.join(".onlooker/segments").exists() { segment_files(directory).len() } else { 0 };
    let before = stored();
    while stored() < before + more && sweep.try_wait().expect("our own child").is_none() {
        thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn a_crash_at_any_time_leaves_a_usable_state() {
    let directory = trail_of(50);
    // What the sweep has stored decides when it is killed, so kills fall before, between and after the writes on a machine
    // of any speed.
    for round in 0..14_u32 {
        let mut sweep = directory.command(&["sweep", "logs", "--json", WATCH_AUDITOR]);
        let mut child = sweep.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
        wait_for_segments(&directory, &mut child, (round as usize * 5) % 8);
        child.kill().expect("our own child");
        child.wait().expect("it ended");
        for n in 0..4 {
            write_object(&directory, round * 4 + n, 1_000 + round * 4 + n);
        }
        if round % 5 == 4 {
            let ran = sweep_with_state(&directory).assert_exit_code(1);
            assert_eq!(
                ran.result(),
                sweep_without_state(&directory).assert_exit_code(1).result(),
                "after round {round}"
            );
        }
    }
    assert_eq!(
        sweep_with_state(&directory).assert_exit_code(1).result(),
        sweep_without_state(&directory).assert_exit_code(1).result()
    );
    let idle = sweep_with_state(&directory).assert_exit_code(1).report();
    assert_eq!(idle.run.log_files_read, 0, "everything is stored now");
    directory.run(&["report", "--json"]).assert_exit_code(1).report();
}

#[test]
fn damaged_evidence_is_refused_and_never_omitted() {
    let directory = TestDirectory::with_compliant_trail();
    sweep_with_state(&directory).assert_exit_code(0);
    let file = segment_files(&directory).remove(0);
    let bytes = fs::read(&file).expect("a segment");
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 4;
    for damage in [&changed[..], &bytes[..bytes.len() - 1], b""] {
        fs::write(&file, damage).expect("damaged");
        let ran = sweep_with_state(&directory).assert_exit_code(4).assert_stderr(&[
            "is damaged",
            ".seg",
            "--state",
        ]);
        assert_eq!(ran.stdout, "");
        directory.run(&["report", "--since", "2026-10-06", "--json"]).assert_exit_code(4);
    }
    fs::remove_file(&file).expect("removed");
    sweep_with_state(&directory).assert_exit_code(4).assert_stderr(&["cannot read", ".seg"]);
    fs::write(&file, bytes).expect("restored");
    sweep_with_state(&directory).assert_exit_code(0);
}

#[test]
fn state_of_a_newer_version_is_refused() {
    let directory = TestDirectory::with_compliant_trail();
    sweep_with_state(&directory).assert_exit_code(0);
    let database = directory.join(".onlooker/state.db");
    let bytes = fs::read(&database).expect("a database");
    // The version is a text of one digit behind its key.
    let at = bytes.windows(8).position(|word| word == b"version2").expect("the version") + 7;
    let mut newer = bytes;
    newer[at] = b'9';
    fs::write(&database, newer).expect("written");
    for log in ["state.db-wal", "state.db-shm"] {
        let _ = fs::remove_file(directory.join(".onlooker").join(log));
    }
    sweep_with_state(&directory).assert_exit_code(2).assert_stderr(&["has version 9", "a newer Onlooker"]);
    directory.run(&["report"]).assert_exit_code(2).assert_stderr(&["has version 9"]);
}

#[test]
fn without_state_nothing_is_left_behind() {
    let directory = TestDirectory::with_compliant_trail();
    sweep_without_state(&directory).assert_exit_code(0);
    assert!(!directory.join(".onlooker").exists());
    sweep_with_state(&directory).assert_exit_code(0);
    let elsewhere = directory
        .run(&["sweep", "logs", "--state", "other/state", "--json", WATCH_AUDITOR])
        .assert_exit_code(0)
        .report();
    assert_eq!(elsewhere.run.log_files_read, 3, "a state of its own");
    assert!(directory.join("other/state/state.db").is_file());
}
