//! The real binary and its backups: what is restored, what is refused, and what a kill leaves.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
};

use fixture::{CommandOutput, READ_CALL, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object};
use serde_json::Value;

/// A swept trail with reads and a write of the auditor, and its state.
fn swept() -> TestDirectory {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/13.json.gz", object(&[RecordedCall { at: "06T13:00", ..WRITE_CALL }]));
    sweep(&directory).assert_exit_code(1);
    directory
}

fn sweep(directory: &TestDirectory) -> CommandOutput {
    directory.run(&["sweep", "logs", WATCH_AUDITOR, "--json"])
}

/// Makes a backup in `backups` and returns its manifest.
fn create(directory: &TestDirectory) -> Value {
    let made = directory.run(&["backup", "create", "--to", "backups", "--json"]).assert_exit_code(0);
    serde_json::from_str(&made.stdout).expect("JSON")
}

fn name_of(manifest: &Value) -> String {
    manifest["name"].as_str().expect("a name").to_owned()
}

/// Every file below a folder with its content, without the temporary files of SQLite.
/// The files of a state but the database and the pages, which the next sweep makes again.
fn files(below: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.to_string_lossy().contains("state.db")
            && path.extension().is_none_or(|ending| ending != "html")
        {
            found.push((path.clone(), fs::read(&path).expect("read")));
        }
    }
    found.sort();
    found
}

#[test]
fn what_was_lost_is_restored() {
    let directory = swept();
    let report = directory.run(&["report", "--json"]).assert_exit_code(1).stdout;
    let runs = directory.run(&["report", "--list", "--json"]).assert_exit_code(0).stdout;
    let before = files(&directory.join(".onlooker"));
    let manifest = create(&directory);
    for (name, number) in
        [("runs", 1), ("log_files", 4), ("segments", 4), ("reports", 1), ("configuration_files", 1)]
    {
        assert_eq!(manifest["counts"][name], number, "{manifest}");
    }
    assert!(
        manifest["counts"]["findings"].as_u64() > Some(0)
            && manifest["counts"]["audit_batches"].as_u64() > Some(0)
    );
    let verified = directory.run(&["backup", "verify", "backups"]).assert_exit_code(0).stdout;
    assert!(verified.starts_with(&format!("intact: {}", name_of(&manifest))), "{verified}");
    let listed = directory.run(&["backup", "list", "backups"]).assert_exit_code(0).stdout;
    assert!(listed.contains(&name_of(&manifest)) && listed.contains("complete"), "{listed}");

    fs::remove_dir_all(directory.join(".onlooker")).expect("removed");
    fs::remove_file(directory.join("onlooker.toml")).expect("removed");
    let dry = directory.run(&["backup", "restore", "backups", "latest", "--dry-run"]).assert_exit_code(0);
    assert!(dry.stdout.contains("state          1 new"), "{dry:?}");
    assert!(!directory.join("onlooker.toml").exists());
    assert!(!directory.join(".onlooker").exists(), "a dry run restores nothing");
    // Nothing is there that could be lost, so nothing is asked.
    directory.run(&["backup", "restore", "backups", &name_of(&manifest)]).assert_exit_code(0);

    assert_eq!(files(&directory.join(".onlooker")), before);
    assert_eq!(directory.run(&["report", "--json"]).assert_exit_code(1).stdout, report);
    assert_eq!(directory.run(&["report", "--list", "--json"]).assert_exit_code(0).stdout, runs);
    assert_eq!(directory.run(&["audit", "verify"]).assert_exit_code(0).exit_code, 0);
    let again = sweep(&directory).assert_exit_code(1).report();
    assert_eq!((again.run.log_files_read, again.run.log_files_reused), (0, 4));
}

#[test]
fn a_restore_without_a_terminal_needs_force() {
    let directory = swept();
    let name = name_of(&create(&directory));
    directory.write("logs/14.json.gz", object(&[RecordedCall { id: 9, at: "06T14:00", ..READ_CALL }]));
    sweep(&directory).assert_exit_code(1);
    let runs = directory.run(&["report", "--list", "--json"]).stdout;
    let before = files(&directory.path().join(".onlooker"));

    let refused = directory.run(&["backup", "restore", "backups", &name]).assert_exit_code(2);
    assert!(refused.stdout.contains("state.db: newer here; it has 1 run and 1 log file"), "{refused:?}");
    refused.assert_stderr(&["nothing was restored", "--force"]);
    assert_eq!(directory.run(&["report", "--list", "--json"]).stdout, runs);
    assert_eq!(files(&directory.path().join(".onlooker")), before);

    directory.run(&["backup", "restore", "backups", &name, "--force"]).assert_exit_code(0);
    let rest: Value =
        serde_json::from_str(&directory.run(&["report", "--list", "--json"]).stdout).expect("JSON");
    assert_eq!(rest.as_array().map(Vec::len), Some(1));
    // The later batches of the audit trail stay.
    assert_eq!(files(&directory.join(".onlooker/audit")), files_of(&before, "audit"));
    let done = directory.run(&["backup", "restore", "backups", &name]).assert_exit_code(0).stdout;
    assert!(done.contains("everything is there already"), "{done}");
}

/// Runs the binary on a terminal on which this is typed. What it writes is on standard output.
#[cfg(unix)]
fn run_on_terminal(directory: &TestDirectory, typed: &str, args: &[&str]) -> CommandOutput {
    const TERMINAL: &str = "\
import os, pty, sys
typed = [sys.argv[1].encode()]
status = pty.spawn(sys.argv[2:], stdin_read=lambda _: typed.pop() if typed else b'')
sys.exit(os.waitstatus_to_exitcode(status))";
    let binary = directory.command(&[]);
    let mut command = std::process::Command::new("python3");
    command.args(["-c", TERMINAL, typed]).arg(binary.get_program()).args(args);
    command.current_dir(directory.path()).stdin(Stdio::null()).output().expect("python3 runs").into()
}

#[cfg(unix)]
#[test]
fn a_restore_on_a_terminal_asks_and_names_what_would_be_lost() {
    let directory = swept();
    let name = name_of(&create(&directory));
    directory.write("logs/14.json.gz", object(&[RecordedCall { id: 9, at: "06T14:00", ..READ_CALL }]));
    sweep(&directory).assert_exit_code(1);
    let runs = || directory.run(&["report", "--list", "--json"]).stdout;
    let restore = ["backup", "restore", "backups", &name, "--color=never"];
    let before = runs();
    let refused = run_on_terminal(&directory, "n\n", &restore).assert_exit_code(2).stdout;
    assert!(refused.contains("and lose what is newer here (state.db)? [y/N]"), "{refused}");
    assert_eq!(runs(), before);
    run_on_terminal(&directory, "y\n", &restore).assert_exit_code(0);
    assert_ne!(runs(), before);
}

/// The files of a folder of the state.
fn files_of(all: &[(PathBuf, Vec<u8>)], folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let is_in = |path: &Path| path.components().any(|part| part.as_os_str() == folder);
    all.iter().filter(|(path, _)| is_in(path)).cloned().collect()
}

#[test]
fn a_changed_configuration_is_newer_and_a_changed_report_is_damaged() {
    let directory = swept();
    let name = name_of(&create(&directory));
    let report = files(&directory.join(".onlooker/reports")).remove(0).0;
    fs::write(&report, "{}").expect("written");
    let configuration = directory.join("onlooker.toml");
    fs::write(&configuration, "watch = []\n").expect("written");
    let tomorrow = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    fs::File::options()
        .write(true)
        .open(&configuration)
        .and_then(|file| file.set_modified(tomorrow))
        .expect("set");
    let dry = directory.run(&["backup", "restore", "backups", &name, "--dry-run"]).assert_exit_code(0).stdout;
    assert!(dry.contains("onlooker.toml: newer here"), "{dry}");
    assert!(dry.contains(": damaged here"), "{dry}");
    directory.run(&["backup", "restore", "backups", &name, "--force"]).assert_exit_code(0);
    directory.run(&["report"]).assert_exit_code(1);
    assert_eq!(fs::read_to_string(&configuration).expect("read"), fixture::MANAGEMENT_ONLY_CONFIG);
}

#[test]
fn old_backups_are_removed_and_the_newest_stay() {
    let directory = swept();
    let names: Vec<String> = (0..3).map(|_| name_of(&create(&directory))).collect();
    let mut sorted = names.clone();
    sorted.sort();
    directory.run(&["backup", "prune", "backups", "--keep", "0"]).assert_exit_code(2);
    let dry =
        directory.run(&["backup", "prune", "backups", "--keep", "1", "--dry-run"]).assert_exit_code(0).stdout;
    assert!(dry.contains("would remove 2 backups, 1 backup kept"), "{dry}");
    assert_eq!(fs::read_dir(directory.join("backups")).expect("backups").count(), 3);
    directory.run(&["backup", "prune", "backups", "--keep", "1"]).assert_exit_code(0);
    let listed: Value =
        serde_json::from_str(&directory.run(&["backup", "list", "backups", "--json"]).stdout).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["name"], sorted[2].as_str());
}

#[test]
fn a_damaged_backup_has_exit_code_1_and_an_incomplete_one_3() {
    let directory = swept();
    let (first, second) = (name_of(&create(&directory)), name_of(&create(&directory)));
    let part = directory.join(format!("backups/{first}/state-000001.tar.gz"));
    let mut bytes = fs::read(&part).expect("read");
    bytes[100] ^= 1;
    fs::write(&part, bytes).expect("written");
    let found = directory.run(&["backup", "verify", "backups", &first]).assert_exit_code(1).stdout;
    assert!(found.contains("`state-000001.tar.gz` does not have the SHA-256 of the manifest"), "{found}");
    directory
        .run(&["backup", "restore", "backups", &first, "--force"])
        .assert_exit_code(1)
        .assert_stderr(&["is refused"]);

    fs::remove_file(directory.join(format!("backups/{second}/manifest.json"))).expect("removed");
    directory.run(&["backup", "verify", "backups", &second]).assert_exit_code(3);
    directory.run(&["backup", "restore", "backups", &second, "--force"]).assert_exit_code(3);
    let listed = directory.run(&["backup", "list", "backups"]).assert_exit_code(0).stdout;
    assert!(listed.contains("incomplete"), "{listed}");

    fs::create_dir(directory.join("empty")).expect("a directory");
    directory.run(&["backup", "verify", "empty"]).assert_exit_code(3);
    directory.run(&["backup", "restore", "backups", "20271104T101530Z-0123456789ab"]).assert_exit_code(3);
    directory.run(&["backup", "restore", "backups", "../../etc"]).assert_exit_code(2);
}

#[test]
fn a_backup_of_a_newer_onlooker_is_refused_with_its_version() {
    let directory = swept();
    let name = name_of(&create(&directory));
    let path = directory.join(format!("backups/{name}/manifest.json"));
    let text = fs::read_to_string(&path).expect("read");
    let newer =
        text.replace("\"schema_version\": 1", "\"schema_version\": 9").replace("0.1.0", "9.0.0\\u001b[2J");
    fs::write(&path, newer).expect("written");
    let refused = directory.run(&["backup", "restore", "backups", &name, "--force"]).assert_exit_code(2);
    assert!(!refused.stderr.contains('\u{1b}'), "{refused:?}");
    refused.assert_stderr(&["has version 9", "Onlooker 9.0.0\\u{1b}[2J"]);
    // It stays, whatever else is removed.
    create(&directory);
    create(&directory);
    directory.run(&["backup", "prune", "backups", "--keep", "1"]).assert_exit_code(0);
    assert!(path.exists());
}

#[cfg(unix)]
#[test]
fn a_part_that_is_a_link_is_refused() {
    let directory = swept();
    let name = name_of(&create(&directory));
    let part = directory.join(format!("backups/{name}/reports-000001.tar.gz"));
    fs::remove_file(&part).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", &part).expect("a link");
    let found = directory.run(&["backup", "verify", "backups", &name]);
    assert_ne!(found.exit_code, 0, "{found:?}");
    assert!(found.stdout.contains("reports-000001.tar.gz") && !found.stdout.contains("root:"), "{found:?}");
}

#[test]
fn what_the_state_names_and_does_not_have_is_in_the_exit_code() {
    let directory = swept();
    let (lost, content) = files(&directory.join(".onlooker/segments")).remove(0);
    fs::remove_file(&lost).expect("removed");
    let made = directory.run(&["backup", "create", "--to", "backups"]).assert_exit_code(3).stdout;
    assert!(made.contains("not in the backup, because they are missing or damaged: 1"), "{made}");
    fs::write(&lost, [content.as_slice(), b"x"].concat()).expect("written");
    directory.run(&["backup", "create", "--to", "backups"]).assert_exit_code(3);
    fs::write(&lost, content).expect("written");
    directory.run(&["backup", "create", "--to", "backups"]).assert_exit_code(0);

    let empty = TestDirectory::new();
    empty
        .run(&["backup", "create", "--to", "backups"])
        .assert_exit_code(2)
        .assert_stderr(&["nothing to back up"]);
    assert!(!empty.join("backups").exists());
}

#[test]
fn a_directory_that_does_not_exist_is_refused_and_a_state_without_a_sweep_is_said() {
    let directory = TestDirectory::new();
    for command in [
        &["list", "absent"][..],
        &["verify", "absent"],
        &["restore", "absent", "latest"],
        &["prune", "absent", "--keep", "1"],
    ] {
        let refused = directory.run(&[&["backup"], command].concat()).assert_exit_code(2);
        refused.assert_stderr(&["`absent` is not a directory", "onlooker backup create --to"]);
    }
    directory.write("onlooker.toml", b"");
    let made = directory.run(&["backup", "create", "--to", "backups"]).assert_exit_code(0);
    made.assert_stderr(&["note: `.onlooker` has no sweep", "--state"]);
}

#[test]
fn other_destinations_are_refused() {
    let directory = swept();
    for place in ["ftp://host/x", "file:///tmp/x", "s3:///x", "az://", "gs://a/../b", ""] {
        directory.run(&["backup", "create", "--to", place]).assert_exit_code(2);
    }
    if cfg!(not(feature = "clouds")) {
        let refused = directory.run(&["backup", "list", "s3://bucket/prefix"]).assert_exit_code(2);
        refused.assert_stderr(&["without the feature `clouds`", "--features clouds"]);
    }
}

#[test]
fn every_backup_that_is_made_while_sweeps_write_is_whole() {
    let directory = swept();
    let names: Vec<String> = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 0..12_u32 {
                let call = RecordedCall { id: 100 + n, at: "06T15:00", ..READ_CALL };
                directory.write(&format!("logs/more-{n}.json.gz"), object(&[call]));
                sweep(&directory).assert_exit_code(1);
            }
        });
        let mut names = Vec::new();
        while !writer.is_finished() {
            names.push(name_of(&create(&directory)));
        }
        names
    });
    assert!(!names.is_empty());
    for name in names {
        directory.run(&["backup", "verify", "backups", &name]).assert_exit_code(0);
        directory
            .run(&["backup", "restore", "backups", &name, "--state", &name, "--force"])
            .assert_exit_code(0);
        directory.run(&["report", "--state", &name]).assert_exit_code(1);
        directory.run(&["audit", "verify", "--state", &name]).assert_exit_code(0);
        // A sweep that reuses all evidence of the state finds every segment that the state names.
        let again = directory.run(&["sweep", "logs", WATCH_AUDITOR, "--json", "--state", &name]);
        assert_eq!(again.report().result.totals.events, sweep(&directory).report().result.totals.events);
    }
}

/// A state that takes a while to back up and to restore.
fn large() -> TestDirectory {
    let directory = TestDirectory::with_compliant_trail();
    for n in 0..400_u32 {
        let call = RecordedCall { id: 1_000 + n, at: "06T13:00", ..READ_CALL };
        directory.write(&format!("logs/{n}.json.gz"), object(&[call]));
    }
    directory.run(&["sweep", "logs", WATCH_AUDITOR]);
    directory
}

#[test]
fn a_killed_creation_leaves_no_backup_that_is_taken_for_a_whole_one() {
    let directory = large();
    for _ in 0..4 {
        let backups = directory.join("backups");
        let _ = fs::remove_dir_all(&backups);
        let mut child = directory.start(&mut directory.command(&["backup", "create", "--to", "backups"]));
        // Killed when the first object is there, or when it ended before that was seen.
        while !backups.exists() && child.try_wait().expect("a child").is_none() {
            thread::yield_now();
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        let listed: Value =
            serde_json::from_str(&directory.run(&["backup", "list", "backups", "--json"]).stdout)
                .expect("JSON");
        for backup in listed.as_array().expect("a list") {
            let name = backup["name"].as_str().expect("a name");
            let code = directory.run(&["backup", "verify", "backups", name]).exit_code;
            assert_eq!(backup["status"] == "complete", code == 0, "{backup}");
            assert!(code == 0 || code == 3, "{backup}");
        }
        create(&directory);
        directory.run(&["backup", "verify", "backups"]).assert_exit_code(0);
    }
    let left = fs::read_dir(directory.join(".onlooker")).expect("a state");
    let left = left.filter(|entry| {
        entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(".backup-"))
    });
    assert_eq!(left.count(), 0, "the copies of killed processes are removed");
}

#[test]
fn a_killed_restore_is_ended_by_running_it_again() {
    let directory = large();
    let name = name_of(&create(&directory));
    let expected = files(&directory.join(".onlooker"));
    for round in 0..4 {
        let state = format!("state-{round}");
        let restore = ["backup", "restore", "backups", &name, "--state", &state, "--force"];
        let mut child = directory.start(directory.command(&restore).stdin(Stdio::null()));
        let record = directory.join(format!("{state}/restore.json"));
        while !record.exists() && child.try_wait().expect("a child").is_none() {
            thread::yield_now();
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        if record.exists() {
            let refused =
                directory.run(&["sweep", "logs", WATCH_AUDITOR, "--state", &state]).assert_exit_code(2);
            refused.assert_stderr(&["did not end", &format!("onlooker backup restore backups {name}")]);
            directory.run(&["backup", "create", "--to", "other", "--state", &state]).assert_exit_code(2);
            assert!(!directory.join("other").exists());
        }
        directory.run(&restore).assert_exit_code(0);
        let here = files(&directory.join(&state));
        let relative = |all: &[(PathBuf, Vec<u8>)], root: &str| -> Vec<(PathBuf, Vec<u8>)> {
            let root = directory.join(root);
            let below = |path: &Path| path.strip_prefix(&root).expect("below").to_owned();
            all.iter().map(|(path, bytes)| (below(path), bytes.clone())).collect()
        };
        let temporary =
            |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let mut here = relative(&here, &state);
        // A killed process may leave a file that it was writing, under a name of its own.
        here.retain(|(path, _)| !temporary(path));
        assert_eq!(here, relative(&expected, ".onlooker"));
        directory.run(&["report", "--state", &state]);
    }
}
