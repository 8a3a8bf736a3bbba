//! The real binary and past sweeps: they are listed, shown in any format, and reported again over a period.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::fs;

use fixture::{READ_CALL, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, all_formats, object};
use serde_json::Value;

/// The catalog that is built in.
const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/shared/data/catalog.bin");

/// Two sweeps: one that proved the promise, and one that found a write.
fn two_sweeps() -> (TestDirectory, [String; 2]) {
    let directory = TestDirectory::with_compliant_trail();
    let run = |code| {
        directory.run(&["sweep", "logs", "--json", WATCH_AUDITOR]).assert_exit_code(code).report().run.run_id
    };
    let first = run(0);
    directory.write("logs/13.json.gz", object(&[RecordedCall { at: "06T13:00", ..WRITE_CALL }]));
    let second = run(1);
    (directory, [first, second])
}

fn list_reports(directory: &TestDirectory) -> Vec<Value> {
    serde_json::from_str(&directory.run(&["report", "--list", "--json"]).assert_exit_code(0).stdout)
        .expect("JSON")
}

#[test]
fn past_sweeps_are_listed_newest_first() {
    let (directory, [first, second]) = two_sweeps();
    let runs = list_reports(&directory);
    let ids: Vec<&str> = runs.iter().filter_map(|run| run["run_id"].as_str()).collect();
    assert_eq!(ids, [&second, &first]);
    assert_eq!(runs[0]["status"], "NON_COMPLIANT");
    assert_eq!((&runs[1]["status"], &runs[1]["compliance_score"]), (&"COMPLIANT".into(), &100.0.into()));
    let screen = directory.run(&["report", "--list"]).assert_exit_code(0).stdout;
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines.len(), 3, "{screen}");
    assert!(
        lines[1].contains(&second) && lines[2].contains(&first) && lines[2].contains("COMPLIANT"),
        "{screen}"
    );
    directory.run(&["sweep", "logs"]).assert_exit_code(0);
    assert!(directory.run(&["report", "--list"]).stdout.contains("discovery"));
}

#[test]
fn two_reports_are_compared_and_only_what_got_worse_fails() {
    let (directory, [first, second]) = two_sweeps();
    let path = |id: &str| format!(".onlooker/reports/{id}.json");
    let (before, after) = (path(&first), path(&second));
    let diff = |args: &[&str]| directory.run(&[&["report", "--diff"], args].concat());
    let text = diff(&[&before, &after]).assert_exit_code(1).stdout;
    for line in [
        "status  COMPLIANT -> NON_COMPLIANT\n",
        "principal  arn:aws:iam::111122223333:role/Auditor  COMPLIANT -> NON_COMPLIANT\n",
        "new finding  CRITICAL  ",
        "result  a watched principal breaks the promise that did not before\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let back = diff(&[&after, &before]).assert_exit_code(0).stdout;
    assert!(back.contains("gone finding  CRITICAL  ") && !back.contains("new finding"), "{back}");
    assert!(diff(&[&after, &after]).assert_exit_code(0).stdout.contains("nothing changes\n"));
    diff(&[&before, &after, "--fail-on", "none"]).assert_exit_code(0);
    let severe = diff(&[&before, &after, "--fail-on", "high"]).assert_exit_code(1);
    severe.assert_stderr(&["new or more severe: 1 finding is HIGH or more severe"]);

    let json: Value =
        serde_json::from_str(&diff(&[&before, &after, "--json"]).assert_exit_code(1).stdout).expect("JSON");
    assert_eq!(json["schema_version"], "1.0");
    assert_eq!(json["new_findings"][0]["severity"], "CRITICAL");
    let page = diff(&[&before, &after, "--format", "markdown"]).assert_exit_code(1).stdout;
    assert!(page.starts_with("# Onlooker: two reports\n") && page.contains("## New findings"), "{page}");
    diff(&[&before, &after, "--out", "changes"]).assert_exit_code(1);
    assert!(directory.join("changes/report-diff.json").is_file());
    diff(&[&before, &after, "--format", "markdown", "--out", "c.md"]).assert_exit_code(1);
    assert_eq!(fs::read_to_string(directory.join("c.md")).expect("a file"), page);

    directory.write(
        "changed.json",
        fs::read_to_string(directory.join(&after)).expect("a report").replace("CRITICAL", "LOW"),
    );
    for (args, said) in [
        (&[&*before, "changed.json"][..], "was changed"),
        (&[&before, "logs/13.json.gz"], "is not a report"),
        (&[&before, "absent.json"], "absent.json"),
        (&[&before], "2 values"),
        (&[&before, &after, "--format", "html"], "`markdown`"),
        (&[&before, &after, "--list"], "--list"),
    ] {
        diff(args).assert_exit_code(2).assert_stderr(&[said]);
    }
}

#[test]
fn each_object_that_a_command_prints_as_json_names_its_version() {
    let (directory, [first, second]) = two_sweeps();
    directory.run(&["backup", "create", "--to", "backups"]).assert_exit_code(0);
    let (before, after) =
        (format!(".onlooker/reports/{first}.json"), format!(".onlooker/reports/{second}.json"));
    let printed: [&[&str]; 14] = [
        &["report"],
        &["report", "--diff", &before, &after],
        &["gate"],
        &["health"],
        &["doctor"],
        &["config", "validate", "--quick"],
        &["catalog", "show"],
        &["catalog", "diff", CATALOG, CATALOG],
        &["audit", "summary"],
        &["audit", "verify"],
        &["replay", "--catalog", CATALOG],
        &["backup", "verify", "backups"],
        &["backup", "prune", "backups", "--keep", "1", "--dry-run"],
        &["backup", "restore", "backups", "latest", "--dry-run"],
    ];
    for command in printed {
        let json = if command[0] == "gate" { &["--format", "json"][..] } else { &["--json"] };
        let ran = directory.run(&[command, json].concat());
        let value: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{command:?}: {}", ran.stderr));
        let version =
            value["schema_version"].as_str().unwrap_or_else(|| panic!("{command:?} has no version"));
        assert!(version.split('.').all(|number| number.parse::<u32>().is_ok()), "{command:?}: {version}");
    }
}

#[test]
fn a_past_sweep_is_shown_with_its_original_report_and_exit_code() {
    let (directory, [first, second]) = two_sweeps();
    let kept =
        fs::read_to_string(directory.join(format!(".onlooker/reports/{first}.json"))).expect("a report");
    assert_eq!(directory.run(&["report", "--run", &first, "--json"]).assert_exit_code(0).stdout, kept);
    assert_eq!(
        directory.run(&["report", "--run", &second, "--json"]).assert_exit_code(1).report().run.run_id,
        second
    );
    assert_eq!(
        directory.run(&["report", "--json"]).assert_exit_code(1).report().run.run_id,
        second,
        "the latest"
    );
    assert_eq!(
        directory.run(&["report", "--run", "latest", "--json"]).assert_exit_code(1).report().run.run_id,
        second
    );
    assert!(directory.run(&["report"]).assert_exit_code(1).stdout.starts_with("NON_COMPLIANT"));
    assert_eq!(list_reports(&directory).len(), 2, "showing a report is not a sweep");
}

#[test]
fn a_sweep_is_named_by_a_unique_prefix_of_its_id() {
    let (directory, [first, second]) = two_sweeps();
    let apart = first.bytes().zip(second.bytes()).take_while(|(a, b)| a == b).count();
    let prefix = |length: usize| first.chars().take(length).collect::<String>();
    let shown =
        directory.run(&["report", "--json", "--run", &prefix(apart + 1)]).assert_exit_code(0).report();
    assert_eq!(shown.run.run_id, first);
    directory
        .run(&["report", "--run", &prefix(apart)])
        .assert_exit_code(2)
        .assert_stderr(&["2 past sweeps", "--list"]);
    directory.run(&["report", "--run", "zzz"]).assert_exit_code(2).assert_stderr(&["`zzz`", "--list"]);
    directory.run(&["report", "--run", "../../etc/passwd"]).assert_exit_code(2);
}

#[test]
fn every_format_equals_the_one_the_sweep_wrote() {
    let (directory, _) = two_sweeps();
    directory
        .run(&["sweep", "logs", "--quiet", "--out", "swept", "--format", &all_formats(), WATCH_AUDITOR])
        .assert_exit_code(1);
    directory.run(&["report", "--quiet", "--out", "shown", "--format", &all_formats()]).assert_exit_code(1);
    let mut compared = 0;
    for entry in fs::read_dir(directory.join("swept")).expect("a directory") {
        let name = entry.expect("an entry").file_name();
        let read = |dir: &str| fs::read(directory.join(dir).join(&name)).expect("a file");
        assert!(read("swept") == read("shown"), "{}", name.display());
        compared += 1;
    }
    assert!(compared >= 6);
    directory.run(&["report", "--format", "csv"]).assert_exit_code(2);
    directory.run(&["report", "--list", "--format", "json"]).assert_exit_code(2);
}

#[test]
fn a_period_is_reported_again_from_stored_evidence() {
    let (directory, _) = two_sweeps();
    fs::rename(directory.join("logs"), directory.join("gone")).expect("moved");
    directory.write(
        "onlooker.toml",
        format!(
            "[[watch]]\nprincipal = \"arn:aws:iam::*:role/Auditor\"\n{}",
            fixture::MANAGEMENT_ONLY_CONFIG
        ),
    );
    let before =
        directory.run(&["report", "--until", "2026-10-06T13:00:00Z", "--json"]).assert_exit_code(0).report();
    assert_eq!(
        (before.run.log_files_read, before.run.log_files_reused, before.run.outside_period),
        (0, 4, 1)
    );
    let after =
        directory.run(&["report", "--since", "2026-10-06T13:00:00Z", "--json"]).assert_exit_code(1).report();
    assert_eq!(after.result.totals.events, 1);
    directory
        .run(&["report", "--since", "2026-10-06", "--until", "2026-10-05"])
        .assert_exit_code(2)
        .assert_stderr(&["--until"]);
    directory.run(&["report", "--since", "2026-10-06", "--run", "latest"]).assert_exit_code(2);
    let controls = |more: &[&str]| {
        let report = directory.run(&[&["report", "--json"], more].concat()).report();
        report.result.standard_title
    };
    assert_eq!(controls(&["--standard", "SOC2"]), "SOC 2 trust services criteria");
    assert_eq!(controls(&[]), "Onlooker general read-only controls");
    directory.run(&["report", "--standard", "SOC2", "--run", "latest"]).assert_exit_code(2);
    let fresh = ["sweep", "gone", "--no-state", "--json", "--until", "2026-10-06T13:00:00Z"];
    assert_eq!(directory.run(&fresh).assert_exit_code(0).report().id, before.id);
}

#[test]
fn without_state_there_is_no_report() {
    let directory = TestDirectory::new();
    directory.run(&["report"]).assert_exit_code(2).assert_stderr(&["there is no state", "onlooker sweep"]);
    directory.run(&["report", "--list"]).assert_exit_code(2);
    assert!(!directory.join(".onlooker").exists(), "showing a report creates no state");
}

#[test]
fn a_damaged_or_removed_report_is_an_error() {
    let (directory, [first, second]) = two_sweeps();
    let path = |id: &str| directory.join(format!(".onlooker/reports/{id}.json"));
    fs::write(path(&first), "{").expect("damaged");
    directory.run(&["report", "--run", &first]).assert_exit_code(4).assert_stderr(&["cannot use the report"]);
    fs::remove_file(path(&second)).expect("removed");
    directory.run(&["report"]).assert_exit_code(4).assert_stderr(&["cannot read"]);
    assert_eq!(list_reports(&directory).len(), 2);
}

#[test]
fn findings_resolve_when_absent_and_reports_list_only_open_ones() {
    let (directory, _) = two_sweeps();
    directory.write("logs/13.json.gz", object(&[RecordedCall { at: "06T13:00", id: 40, ..READ_CALL }]));
    let report = directory.run(&["sweep", "logs", "--json", WATCH_AUDITOR]).assert_exit_code(0).report();
    assert!(report.result.findings.iter().all(|finding| finding.id == "unclassified-principal"));
}
