//! The real binary and what it remembers: only what is new is read, nothing is lost, and no crash shows.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod trail;

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, SystemTime},
};

use trail::{AUDITOR, Call, READ, Ran, WRITE, Workplace, object};

/// Sweeps with state.
fn again(place: &Workplace) -> Ran {
    place.run(&["sweep", "logs", "--json", AUDITOR])
}

/// Sweeps everything anew, beside the state.
fn anew(place: &Workplace) -> Ran {
    place.run(&["sweep", "logs", "--json", AUDITOR, "--no-state"])
}

/// A trail of so many objects with three records each.
fn long(objects: u32) -> Workplace {
    let place = Workplace::new();
    for n in 0..objects {
        deliver(&place, n, n);
    }
    place
}

/// Writes an object; its records depend on `content`.
fn deliver(place: &Workplace, name: u32, content: u32) {
    let call = |n: u32| Call { id: content * 3 + n, ..if n == 0 { WRITE } else { READ } };
    place.write(&format!("logs/{:02}/{name:04}.json.gz", name % 7), object(&[call(0), call(1), call(2)]));
}

/// Segment files of the state.
fn segments(place: &Workplace) -> Vec<PathBuf> {
    let folders = fs::read_dir(place.join(".onlooker/segments")).expect("segments");
    let files = folders.flat_map(|folder| fs::read_dir(folder.expect("an entry").path()).expect("a folder"));
    files.map(|file| file.expect("an entry").path()).collect()
}

#[test]
fn a_second_sweep_reads_what_is_new_and_says_what_a_fresh_one_says() {
    let place = Workplace::proven();
    let first = again(&place).ends(0).report();
    assert_eq!((first.run.log_files_read, first.run.log_files_reused), (3, 0));
    let idle = again(&place).ends(0).report();
    assert_eq!((idle.run.log_files_read, idle.run.log_files_reused, idle.run.bytes_read), (0, 3, 0));
    assert_eq!(idle.id, first.id);
    assert_eq!(idle.run.input_files_sha256, first.run.input_files_sha256);
    assert_ne!(idle.run.run_id, first.run.run_id);
    place.write("logs/13.json.gz", object(&[Call { id: 20, at: "06T13:00", ..WRITE }, READ]));
    let more = again(&place).ends(1);
    assert_eq!(more.result(), anew(&place).ends(1).result());
    let run = more.report().run;
    assert_eq!((run.log_files_read, run.log_files_reused, run.records_seen, run.duplicates), (1, 3, 2, 1));
}

#[test]
fn an_object_that_changed_is_replaced_and_one_that_is_gone_stays_in_evidence() {
    let place = Workplace::proven();
    place.write("logs/10b.json.gz", object(&[WRITE]));
    again(&place).ends(1);
    place.write("logs/10b.json.gz", object(&[Call { error: Some("AccessDenied"), at: "06T10:31", ..WRITE }]));
    let replaced = again(&place).ends(0);
    assert_eq!(replaced.result(), anew(&place).ends(0).result());
    assert_eq!(replaced.report().run.log_files_read, 1);
    let result = replaced.result();
    for name in ["logs/10.json.gz", "logs/10b.json.gz"] {
        fs::remove_file(place.join(name)).expect("removed");
    }
    assert_eq!(again(&place).ends(0).result(), result, "what was seen is not unseen");
    anew(&place).ends(3);
}

#[test]
fn an_object_that_was_only_touched_is_read_again_and_changes_nothing() {
    let place = Workplace::proven();
    let first = again(&place).ends(0).report();
    let file = fs::File::options().write(true).open(place.join("logs/10.json.gz")).expect("a file");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)).expect("touched");
    let touched = again(&place).ends(0).report();
    assert_eq!((touched.run.log_files_read, touched.id), (1, first.id));
}

#[test]
fn standard_input_is_read_every_time() {
    let place = Workplace::new();
    let sweep = |calls: &[Call]| place.fed(&["sweep", "-", "--json", AUDITOR], &object(calls)).report();
    assert_eq!(sweep(&[READ]).result.totals.mutating, 0);
    let second = sweep(&[READ, WRITE]);
    assert_eq!((second.run.log_files_read, second.result.totals.mutating), (1, 1));
}

#[test]
fn unreadable_evidence_is_remembered_with_its_place_until_the_object_is_replaced() {
    let place = Workplace::proven();
    place.write("logs/10b.json.gz", b"nonsense");
    let first = again(&place).ends(3).report();
    let second = again(&place).ends(3).report();
    assert_eq!((second.run.log_files_read, &second.run.unreadable), (0, &first.run.unreadable));
    assert_eq!(second.id, first.id);
    place.write("logs/10b.json.gz", object(&[Call { id: 30, ..READ }]));
    assert_eq!(again(&place).ends(0).result(), anew(&place).ends(0).result());
}

#[test]
fn an_object_cut_by_the_limit_is_read_again_when_the_limit_is_raised() {
    let place = Workplace::new();
    let mut bytes = trail::plain(&[READ]);
    bytes.resize(3 << 20, b' ');
    place.write("logs/a.json.gz", trail::gzip(&bytes));
    place.write("onlooker.toml", "[limits]\nobject_mib = 1\n");
    place.run(&["sweep", "logs"]).ends(3);
    place.write("onlooker.toml", "[limits]\nobject_mib = 8\n");
    let report = place.run(&["sweep", "logs", "--json"]).ends(0).report();
    assert_eq!((report.result.totals.events, report.result.totals.unreadable_evidence), (1, 0));
}

#[test]
fn sweeps_at_the_same_time_in_one_state_all_say_what_a_fresh_one_says() {
    let place = long(60);
    let expected = anew(&place).ends(1).result();
    let start = || place.start(&mut place.command(&["sweep", "logs", "--json", AUDITOR]));
    let together: Vec<_> = (0..4).map(|_| start()).collect();
    for child in together {
        let ran = Ran::from(child.wait_with_output().expect("it ends")).ends(1);
        assert_eq!(ran.result(), expected);
        assert_eq!(ran.err, "");
    }
    let after = again(&place).ends(1);
    assert_eq!((after.result(), after.report().run.log_files_read), (expected, 0));
    let list = place.run(&["report", "--list", "--json"]).ends(0).out;
    let runs: Vec<serde_json::Value> = serde_json::from_str(&list).expect("JSON");
    assert_eq!(runs.len(), 5);
}

#[test]
fn a_crash_at_any_moment_leaves_a_state_that_goes_on_as_if_nothing_had_been() {
    let place = long(50);
    // Any spread will do: what counts is that kills fall before, between and after the writes.
    let mut dice = 0x9e37_79b9_u32;
    for round in 0..14_u32 {
        let mut child = place.start(&mut place.command(&["sweep", "logs", "--json", AUDITOR]));
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        thread::sleep(Duration::from_millis(u64::from((dice >> 24) * 2 / (round % 3 + 1))));
        child.kill().expect("our own child");
        child.wait().expect("it ended");
        for n in 0..4 {
            deliver(&place, round * 4 + n, 1_000 + round * 4 + n);
        }
        if round % 5 == 4 {
            let ran = again(&place).ends(1);
            assert_eq!(ran.result(), anew(&place).ends(1).result(), "after round {round}");
        }
    }
    assert_eq!(again(&place).ends(1).result(), anew(&place).ends(1).result());
    let idle = again(&place).ends(1).report();
    assert_eq!(idle.run.log_files_read, 0, "everything is kept now");
    place.run(&["report", "--json"]).ends(1).report();
}

#[test]
fn damaged_evidence_is_refused_and_never_left_out() {
    let place = Workplace::proven();
    again(&place).ends(0);
    let file = segments(&place).remove(0);
    let bytes = fs::read(&file).expect("a segment");
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 4;
    for damage in [&changed[..], &bytes[..bytes.len() - 1], b""] {
        fs::write(&file, damage).expect("damaged");
        let ran = again(&place).ends(4).says(&["is damaged", ".seg", "--state"]);
        assert_eq!(ran.out, "");
        place.run(&["report", "--since", "2026-10-06", "--json"]).ends(4);
    }
    fs::remove_file(&file).expect("removed");
    again(&place).ends(4).says(&["cannot read", ".seg"]);
    fs::write(&file, bytes).expect("mended");
    again(&place).ends(0);
}

#[test]
fn a_state_of_a_newer_onlooker_is_refused() {
    let place = Workplace::proven();
    again(&place).ends(0);
    let database = place.join(".onlooker/state.db");
    let bytes = fs::read(&database).expect("a database");
    // The version is a text of one digit behind its key.
    let at = bytes.windows(8).position(|word| word == b"version1").expect("the version") + 7;
    let mut newer = bytes;
    newer[at] = b'9';
    fs::write(&database, newer).expect("written");
    for log in ["state.db-wal", "state.db-shm"] {
        let _ = fs::remove_file(place.join(".onlooker").join(log));
    }
    again(&place).ends(2).says(&["has version 9", "newer Onlooker"]);
    place.run(&["report"]).ends(2).says(&["has version 9"]);
}

#[test]
fn without_state_nothing_is_left_behind() {
    let place = Workplace::proven();
    anew(&place).ends(0);
    assert!(!place.join(".onlooker").exists());
    again(&place).ends(0);
    let elsewhere =
        place.run(&["sweep", "logs", "--state", "other/state", "--json", AUDITOR]).ends(0).report();
    assert_eq!(elsewhere.run.log_files_read, 3, "a state of its own");
    assert!(place.join("other/state/state.db").is_file());
}
