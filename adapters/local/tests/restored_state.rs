//! Databases, files and configurations in a backup that a restore refuses, and how those that it takes compare.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use onlooker_core::{
    backup::{BackupEntry, BackupKind, EntryComparison, EntryName},
    ports::{BackupSource as _, PortError, RestoreTarget as _},
    time::Time,
};
use onlooker_local::{state_restore::StateRestore, state_snapshot::StateSnapshot, sweep_state::SweepState};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

const MADE_AT: Time = Time(1_795_255_200);

/// A state with these runs and log files.
fn state(dir: &Path, runs: &[&str], log_files: &[&str]) {
    drop(SweepState::open(dir, "./logs").unwrap());
    let db = Connection::open(dir.join("state.db")).unwrap();
    for run in runs {
        let sql = "INSERT INTO runs VALUES (?1, 'id', 1, NULL, NULL, NULL, 0, 0)";
        db.execute(sql, [run]).unwrap();
    }
    for name in log_files {
        let sql = "INSERT INTO objects VALUES (?1, '1', 1, 'x', 1, '[]', ?2, NULL)";
        db.execute(sql, [name, &&*"ab".repeat(32)]).unwrap();
    }
}

/// The database of a state, as a backup has it.
fn copied(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    StateSnapshot::take(dir, None)
        .unwrap()
        .entries(BackupKind::State, &mut |entry, content| {
            content.read_to_end(&mut bytes).unwrap();
            assert_eq!(entry.bytes, bytes.len() as u64);
            Ok(())
        })
        .unwrap();
    bytes
}

fn entry(kind: BackupKind, name: &str, bytes: &[u8]) -> BackupEntry {
    let name = EntryName::parse(name).unwrap();
    BackupEntry { kind, name, bytes: bytes.len() as u64, counts: BTreeMap::new() }
}

fn compare(dir: &Path, kind: BackupKind, name: &str, bytes: &[u8]) -> Result<EntryComparison, PortError> {
    let target = StateRestore::new(dir, &dir.join("onlooker.toml"), MADE_AT);
    target.compare(&entry(kind, name, bytes), &mut &*bytes).map(|(comparison, _)| comparison)
}

fn write(dir: &Path, kind: BackupKind, name: &str, bytes: &[u8], may_replace: bool) -> Result<(), PortError> {
    let target = StateRestore::new(dir, &dir.join("onlooker.toml"), MADE_AT);
    target.write(&entry(kind, name, bytes), &mut &*bytes, may_replace)
}

fn runs(dir: &Path) -> Vec<String> {
    let state = SweepState::open_existing(dir).unwrap().unwrap();
    state.runs().unwrap().into_iter().map(|run| run.run_id).collect()
}

#[test]
fn databases_compare_by_what_would_be_lost() {
    let from = tempfile::tempdir().unwrap();
    state(from.path(), &["a", "b"], &["1", "2"]);
    let backup = copied(from.path());
    for (here_runs, here_files, expected) in [
        (&["a", "b"][..], &["1", "2"][..], EntryComparison::Equal),
        (&["a"], &["1"], EntryComparison::OlderHere),
        (&[], &[], EntryComparison::OlderHere),
        (&["a", "b", "c"], &["1", "2"], EntryComparison::NewerHere),
        (&["c"], &[], EntryComparison::NewerHere),
        (&["a"], &["3"], EntryComparison::NewerHere),
    ] {
        let here = tempfile::tempdir().unwrap();
        state(here.path(), here_runs, here_files);
        let found = compare(here.path(), BackupKind::State, "state.db", &backup).unwrap();
        assert_eq!(found, expected, "{here_runs:?} {here_files:?}");
        let written = write(here.path(), BackupKind::State, "state.db", &backup, false);
        if expected == EntryComparison::NewerHere {
            assert!(written.unwrap_err().to_string().contains("became newer"));
            assert_eq!(runs(here.path()).len(), here_runs.len(), "nothing was replaced");
            write(here.path(), BackupKind::State, "state.db", &backup, true).unwrap();
        } else {
            written.unwrap();
        }
        assert_eq!(
            compare(here.path(), BackupKind::State, "state.db", &backup).unwrap(),
            EntryComparison::Equal
        );
        assert_eq!(runs(here.path()), ["b", "a"]);
        let mode: String = Connection::open(here.path().join("state.db"))
            .unwrap()
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(compare(empty.path(), BackupKind::State, "state.db", &backup).unwrap(), EntryComparison::New);
    assert!(!empty.path().join("state.db").exists(), "a comparison writes nothing");
}

#[test]
fn the_state_of_another_origin_is_not_replaced_silently() {
    let (from, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    state(from.path(), &["a"], &[]);
    drop(SweepState::open(here.path(), "s3://other").unwrap());
    let found = compare(here.path(), BackupKind::State, "state.db", &copied(from.path())).unwrap();
    assert_eq!(found, EntryComparison::NewerHere);
}

#[test]
fn a_database_that_no_state_has_is_refused() {
    for (sql, reason) in [
        ("CREATE TRIGGER t AFTER DELETE ON runs BEGIN DELETE FROM findings; END", "other tables"),
        ("CREATE VIEW v AS SELECT * FROM runs", "other tables"),
        ("CREATE TABLE more (a)", "other tables"),
        ("CREATE INDEX i ON runs (status)", "other tables"),
        ("DROP TABLE findings", "other tables"),
        ("DROP TABLE runs; CREATE VIEW runs AS SELECT 1 AS run_id", "other tables"),
        ("ALTER TABLE runs ADD COLUMN more TEXT", "other columns"),
        ("ALTER TABLE runs ADD COLUMN more TEXT AS (upper(run_id))", "other columns"),
        ("UPDATE meta SET value = '9' WHERE key = 'version'", "version 9"),
        ("UPDATE meta SET value = 'x' WHERE key = 'version'", "version 0"),
        ("DELETE FROM meta WHERE key = 'version'", "no version"),
        ("UPDATE runs SET run_id = '../../x'", "in a form that no state has"),
        ("UPDATE objects SET segment = '../../../etc/passwd'", "in a form that no state has"),
    ] {
        let (from, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        state(from.path(), &["a"], &["1"]);
        let path = from.path().join("forged.db");
        fs::write(&path, copied(from.path())).unwrap();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let forged = fs::read(&path).unwrap();
        state(here.path(), &["b"], &[]);
        for error in [
            compare(here.path(), BackupKind::State, "state.db", &forged).unwrap_err(),
            write(here.path(), BackupKind::State, "state.db", &forged, true).unwrap_err(),
        ] {
            assert!(error.to_string().contains(reason), "`{error}` does not say `{reason}`: {sql}");
        }
        assert_eq!(runs(here.path()), ["b"]);
    }
    let here = tempfile::tempdir().unwrap();
    for bytes in [&b""[..], b"not a database", &[0; 8_192]] {
        assert!(compare(here.path(), BackupKind::State, "state.db", bytes).is_err());
    }
}

#[test]
fn a_damaged_database_is_refused() {
    let from = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..2_000).map(|n| format!("log file {n}")).collect();
    state(from.path(), &["a"], &names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut bytes = copied(from.path());
    let page = bytes.len() / 4_096 / 2 * 4_096;
    bytes.get_mut(page..page + 2_048).unwrap().fill(0xff);
    let error = compare(from.path(), BackupKind::State, "state.db", &bytes).unwrap_err();
    assert!(error.to_string().contains("damaged") || error.to_string().contains("malformed"), "{error}");
}

#[test]
fn files_that_do_not_belong_to_a_state_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let content = b"content";
    let hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    let segment = format!("segments/{}/{hash}.seg", &hash.get(..2).unwrap());
    for (kind, name) in [
        (BackupKind::Evidence, "state.db"),
        (BackupKind::Evidence, "segments/aa/x.seg"),
        (BackupKind::Evidence, &format!("segments/zz/{hash}.seg")),
        (BackupKind::Evidence, &format!("segments/aa/{}.seg", "aa".repeat(32))),
        (BackupKind::Evidence, "reports/a.json"),
        (BackupKind::Reports, &segment),
        (BackupKind::Reports, "reports/.json"),
        (BackupKind::Reports, "reports/a/b.json"),
        (BackupKind::Reports, "restore.json"),
        (BackupKind::State, "other.db"),
        (BackupKind::Configuration, "other.toml"),
        (BackupKind::Configuration, "onlooker.toml"),
    ] {
        assert!(compare(dir.path(), kind, name, content).is_err(), "{name}");
        assert!(write(dir.path(), kind, name, content, true).is_err(), "{name}");
    }
    assert_eq!(compare(dir.path(), BackupKind::Evidence, &segment, content).unwrap(), EntryComparison::New);
    write(dir.path(), BackupKind::Evidence, &segment, content, false).unwrap();
    assert_eq!(compare(dir.path(), BackupKind::Evidence, &segment, content).unwrap(), EntryComparison::Equal);
    fs::write(dir.path().join(&segment), "changed").unwrap();
    assert_eq!(
        compare(dir.path(), BackupKind::Evidence, &segment, content).unwrap(),
        EntryComparison::DamagedHere
    );
    assert!(write(dir.path(), BackupKind::Evidence, &segment, content, false).is_err());
    write(dir.path(), BackupKind::Evidence, &segment, content, true).unwrap();
    assert_eq!(fs::read(dir.path().join(&segment)).unwrap(), content);
}

/// As a state of an Onlooker that kept no content of log files.
#[test]
fn a_state_without_the_content_of_log_files_is_backed_up_and_restored() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&old, &new] {
        state(dir.path(), &["run"], &["log"]);
    }
    let db = Connection::open(old.path().join("state.db")).unwrap();
    db.execute_batch("ALTER TABLE objects DROP COLUMN content").unwrap();
    drop(db);
    let backup = copied(old.path());
    for dir in [&old, &new] {
        let compared = compare(dir.path(), BackupKind::State, "state.db", &backup).unwrap();
        assert_eq!(compared, EntryComparison::Equal);
    }
    state(new.path(), &["later"], &[]);
    let newer = copied(new.path());
    assert_eq!(
        compare(old.path(), BackupKind::State, "state.db", &newer).unwrap(),
        EntryComparison::OlderHere
    );
    write(old.path(), BackupKind::State, "state.db", &newer, false).unwrap();
    assert_eq!(compare(old.path(), BackupKind::State, "state.db", &newer).unwrap(), EntryComparison::Equal);
}
