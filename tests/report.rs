//! The real binary and past sweeps: listed, shown again in any format, and reported anew over a period.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::fs;

use fixture::{READ_CALL, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object};
use serde_json::Value;

/// Two sweeps: one that proved the promise, and one that found a write.
fn two_sweeps() -> (TestDirectory, [String; 2]) {
    let place = TestDirectory::with_compliant_trail();
    let run = |code| {
        place.run(&["sweep", "logs", "--json", WATCH_AUDITOR]).assert_exit_code(code).report().run.run_id
    };
    let first = run(0);
    place.write("logs/13.json.gz", object(&[RecordedCall { at: "06T13:00", ..WRITE_CALL }]));
    let second = run(1);
    (place, [first, second])
}

fn list_reports(place: &TestDirectory) -> Vec<Value> {
    serde_json::from_str(&place.run(&["report", "--list", "--json"]).assert_exit_code(0).stdout)
        .expect("JSON")
}

#[test]
fn past_sweeps_are_listed_newest_first() {
    let (place, [first, second]) = two_sweeps();
    let runs = list_reports(&place);
    let ids: Vec<&str> = runs.iter().filter_map(|run| run["run_id"].as_str()).collect();
    assert_eq!(ids, [&second, &first]);
    assert_eq!(runs[0]["status"], "NON_COMPLIANT");
    assert_eq!((&runs[1]["status"], &runs[1]["compliance_score"]), (&"COMPLIANT".into(), &100.0.into()));
    let screen = place.run(&["report", "--list"]).assert_exit_code(0).stdout;
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines.len(), 3, "{screen}");
    assert!(
        lines[1].contains(&second) && lines[2].contains(&first) && lines[2].contains("COMPLIANT"),
        "{screen}"
    );
    place.run(&["sweep", "logs"]).assert_exit_code(0);
    assert!(place.run(&["report", "--list"]).stdout.contains("discovery"));
}

#[test]
fn a_past_sweep_is_shown_with_its_original_report_and_exit_code() {
    let (place, [first, second]) = two_sweeps();
    let kept = fs::read_to_string(place.join(format!(".onlooker/reports/{first}.json"))).expect("a report");
    assert_eq!(place.run(&["report", "--run", &first, "--json"]).assert_exit_code(0).stdout, kept);
    assert_eq!(
        place.run(&["report", "--run", &second, "--json"]).assert_exit_code(1).report().run.run_id,
        second
    );
    assert_eq!(
        place.run(&["report", "--json"]).assert_exit_code(1).report().run.run_id,
        second,
        "the latest"
    );
    assert_eq!(
        place.run(&["report", "--run", "latest", "--json"]).assert_exit_code(1).report().run.run_id,
        second
    );
    assert!(place.run(&["report"]).assert_exit_code(1).stdout.starts_with("NON_COMPLIANT"));
    assert_eq!(list_reports(&place).len(), 2, "showing is no sweep");
}

#[test]
fn a_sweep_is_named_by_a_unique_prefix_of_its_id() {
    let (place, [first, second]) = two_sweeps();
    let apart = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
    let prefix = |length: usize| first.chars().take(length).collect::<String>();
    let shown = place.run(&["report", "--json", "--run", &prefix(apart + 1)]).assert_exit_code(0).report();
    assert_eq!(shown.run.run_id, first);
    place
        .run(&["report", "--run", &prefix(apart)])
        .assert_exit_code(2)
        .assert_stderr(&["2 sweeps", "--list"]);
    place.run(&["report", "--run", "zzz"]).assert_exit_code(2).assert_stderr(&["`zzz`", "--list"]);
    place.run(&["report", "--run", "../../etc/passwd"]).assert_exit_code(2);
}

#[test]
fn every_format_equals_the_one_the_sweep_wrote() {
    let (place, _) = two_sweeps();
    place
        .run(&[
            "sweep",
            "logs",
            "--quiet",
            "--out",
            "swept",
            "--format",
            "json,html,csv,markdown,terminal",
            WATCH_AUDITOR,
        ])
        .assert_exit_code(1);
    place
        .run(&["report", "--quiet", "--out", "shown", "--format", "json,html,csv,markdown,terminal"])
        .assert_exit_code(1);
    let mut compared = 0;
    for entry in fs::read_dir(place.join("swept")).expect("a directory") {
        let name = entry.expect("an entry").file_name();
        let read = |dir: &str| fs::read(place.join(dir).join(&name)).expect("a file");
        assert!(read("swept") == read("shown"), "{}", name.display());
        compared += 1;
    }
    assert!(compared >= 6);
    place.run(&["report", "--format", "csv"]).assert_exit_code(2);
    place.run(&["report", "--list", "--format", "json"]).assert_exit_code(2);
}

#[test]
fn a_period_is_reported_again_from_stored_evidence() {
    let (place, _) = two_sweeps();
    fs::rename(place.join("logs"), place.join("gone")).expect("moved");
    place.write(
        "onlooker.toml",
        format!(
            "[[watch]]\nprincipal = \"arn:aws:iam::*:role/Auditor\"\n{}",
            fixture::MANAGEMENT_ONLY_CONFIG
        ),
    );
    let before =
        place.run(&["report", "--until", "2026-10-06T13:00:00Z", "--json"]).assert_exit_code(0).report();
    assert_eq!(
        (before.run.log_files_read, before.run.log_files_reused, before.run.outside_period),
        (0, 4, 1)
    );
    let after =
        place.run(&["report", "--since", "2026-10-06T13:00:00Z", "--json"]).assert_exit_code(1).report();
    assert_eq!(after.result.totals.events, 1);
    place
        .run(&["report", "--since", "2026-10-06", "--until", "2026-10-05"])
        .assert_exit_code(2)
        .assert_stderr(&["--until"]);
    place.run(&["report", "--since", "2026-10-06", "--run", "latest"]).assert_exit_code(2);
    let fresh = ["sweep", "gone", "--no-state", "--json", "--until", "2026-10-06T13:00:00Z"];
    assert_eq!(place.run(&fresh).assert_exit_code(0).report().id, before.id);
}

#[test]
fn without_state_there_is_no_report() {
    let place = TestDirectory::new();
    place.run(&["report"]).assert_exit_code(2).assert_stderr(&["there is no state", "onlooker sweep"]);
    place.run(&["report", "--list"]).assert_exit_code(2);
    assert!(!place.join(".onlooker").exists(), "looking makes nothing");
}

#[test]
fn a_damaged_or_removed_report_is_an_error() {
    let (place, [first, second]) = two_sweeps();
    let path = |id: &str| place.join(format!(".onlooker/reports/{id}.json"));
    fs::write(path(&first), "{").expect("damaged");
    place.run(&["report", "--run", &first]).assert_exit_code(4).assert_stderr(&["cannot be used"]);
    fs::remove_file(path(&second)).expect("removed");
    place.run(&["report"]).assert_exit_code(4).assert_stderr(&["cannot read"]);
    assert_eq!(list_reports(&place).len(), 2);
}

#[test]
fn findings_resolve_when_absent_and_reports_list_only_open_ones() {
    let (place, _) = two_sweeps();
    place.write("logs/13.json.gz", object(&[RecordedCall { at: "06T13:00", id: 40, ..READ_CALL }]));
    let report = place.run(&["sweep", "logs", "--json", WATCH_AUDITOR]).assert_exit_code(0).report();
    assert!(report.result.findings.iter().all(|finding| finding.id == "unclassified-principal"));
}
