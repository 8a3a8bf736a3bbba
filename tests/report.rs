//! The real binary and past sweeps: listed, shown again in any format, and reported anew over a period.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod trail;

use std::fs;

use serde_json::Value;
use trail::{AUDITOR, Call, READ, WRITE, Workplace, object};

/// Two sweeps: one that proved the promise, and one that found a write.
fn two_sweeps() -> (Workplace, [String; 2]) {
    let place = Workplace::proven();
    let run = |code| place.run(&["sweep", "logs", "--json", AUDITOR]).ends(code).report().run.run_id;
    let first = run(0);
    place.write("logs/13.json.gz", object(&[Call { at: "06T13:00", ..WRITE }]));
    let second = run(1);
    (place, [first, second])
}

fn list(place: &Workplace) -> Vec<Value> {
    serde_json::from_str(&place.run(&["report", "--list", "--json"]).ends(0).out).expect("JSON")
}

#[test]
fn past_sweeps_are_listed_newest_first() {
    let (place, [first, second]) = two_sweeps();
    let runs = list(&place);
    let ids: Vec<&str> = runs.iter().filter_map(|run| run["run_id"].as_str()).collect();
    assert_eq!(ids, [&second, &first]);
    assert_eq!(runs[0]["status"], "NON_COMPLIANT");
    assert_eq!((&runs[1]["status"], &runs[1]["compliance_score"]), (&"COMPLIANT".into(), &100.0.into()));
    let screen = place.run(&["report", "--list"]).ends(0).out;
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines.len(), 3, "{screen}");
    assert!(
        lines[1].contains(&second) && lines[2].contains(&first) && lines[2].contains("COMPLIANT"),
        "{screen}"
    );
    place.run(&["sweep", "logs"]).ends(0);
    assert!(place.run(&["report", "--list"]).out.contains("discovery"));
}

#[test]
fn a_past_sweep_is_shown_as_it_was_and_ends_as_it_ended() {
    let (place, [first, second]) = two_sweeps();
    let kept = fs::read_to_string(place.join(format!(".onlooker/reports/{first}.json"))).expect("a report");
    assert_eq!(place.run(&["report", "--run", &first, "--json"]).ends(0).out, kept);
    assert_eq!(place.run(&["report", "--run", &second, "--json"]).ends(1).report().run.run_id, second);
    assert_eq!(place.run(&["report", "--json"]).ends(1).report().run.run_id, second, "the latest");
    assert_eq!(place.run(&["report", "--run", "latest", "--json"]).ends(1).report().run.run_id, second);
    assert!(place.run(&["report"]).ends(1).out.starts_with("NON_COMPLIANT"));
    assert_eq!(list(&place).len(), 2, "showing is no sweep");
}

#[test]
fn a_sweep_is_named_by_as_much_of_its_id_as_tells_it_apart() {
    let (place, [first, second]) = two_sweeps();
    let apart = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
    let prefix = |length: usize| first.chars().take(length).collect::<String>();
    let shown = place.run(&["report", "--json", "--run", &prefix(apart + 1)]).ends(0).report();
    assert_eq!(shown.run.run_id, first);
    place.run(&["report", "--run", &prefix(apart)]).ends(2).says(&["2 sweeps", "--list"]);
    place.run(&["report", "--run", "zzz"]).ends(2).says(&["`zzz`", "--list"]);
    place.run(&["report", "--run", "../../etc/passwd"]).ends(2);
}

#[test]
fn every_format_is_the_one_the_sweep_wrote() {
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
            AUDITOR,
        ])
        .ends(1);
    place
        .run(&["report", "--quiet", "--out", "shown", "--format", "json,html,csv,markdown,terminal"])
        .ends(1);
    let mut compared = 0;
    for entry in fs::read_dir(place.join("swept")).expect("a directory") {
        let name = entry.expect("an entry").file_name();
        let read = |dir: &str| fs::read(place.join(dir).join(&name)).expect("a file");
        assert!(read("swept") == read("shown"), "{}", name.display());
        compared += 1;
    }
    assert!(compared >= 6);
    place.run(&["report", "--format", "csv"]).ends(2);
    place.run(&["report", "--list", "--format", "json"]).ends(2);
}

#[test]
fn a_period_is_reported_anew_from_the_evidence_that_is_kept() {
    let (place, _) = two_sweeps();
    fs::rename(place.join("logs"), place.join("gone")).expect("moved");
    place.write(
        "onlooker.toml",
        format!("[[watch]]\nprincipal = \"arn:aws:iam::*:role/Auditor\"\n{}", trail::MANAGEMENT),
    );
    let before = place.run(&["report", "--until", "2026-10-06T13:00:00Z", "--json"]).ends(0).report();
    assert_eq!(
        (before.run.log_files_read, before.run.log_files_reused, before.run.outside_period),
        (0, 4, 1)
    );
    let after = place.run(&["report", "--since", "2026-10-06T13:00:00Z", "--json"]).ends(1).report();
    assert_eq!(after.result.totals.events, 1);
    place.run(&["report", "--since", "2026-10-06", "--until", "2026-10-05"]).ends(2).says(&["--until"]);
    place.run(&["report", "--since", "2026-10-06", "--run", "latest"]).ends(2);
    let fresh = ["sweep", "gone", "--no-state", "--json", "--until", "2026-10-06T13:00:00Z"];
    assert_eq!(place.run(&fresh).ends(0).report().id, before.id);
}

#[test]
fn without_a_state_there_is_nothing_to_show() {
    let place = Workplace::new();
    place.run(&["report"]).ends(2).says(&["there is no state", "onlooker sweep"]);
    place.run(&["report", "--list"]).ends(2);
    assert!(!place.join(".onlooker").exists(), "looking makes nothing");
}

#[test]
fn a_report_that_was_damaged_or_removed_is_a_failure_and_no_answer() {
    let (place, [first, second]) = two_sweeps();
    let path = |id: &str| place.join(format!(".onlooker/reports/{id}.json"));
    fs::write(path(&first), "{").expect("damaged");
    place.run(&["report", "--run", &first]).ends(4).says(&["cannot be used"]);
    fs::remove_file(path(&second)).expect("removed");
    place.run(&["report"]).ends(4).says(&["cannot read"]);
    assert_eq!(list(&place).len(), 2);
}

#[test]
fn findings_close_when_they_are_gone_and_reports_tell_of_the_open_ones_alone() {
    let (place, _) = two_sweeps();
    place.write("logs/13.json.gz", object(&[Call { at: "06T13:00", id: 40, ..READ }]));
    let report = place.run(&["sweep", "logs", "--json", AUDITOR]).ends(0).report();
    assert!(report.result.findings.iter().all(|finding| finding.id == "unclassified-principal"));
}
