//! The real binary as the gate of a pipeline: what passes, what fails, and what an earlier report excuses.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::fs;

use fixture::{READ_CALL, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object};
use onlooker_core::report::SCHEMA_VERSION;
use serde_json::Value;

/// A trail with further calls, swept into `NAME/report.json`.
fn sweep(directory: &TestDirectory, name: &str, more: &[&str]) {
    let fixed = ["sweep", "logs", "--no-state", "--fail-on", "none", "--out", name];
    directory.run(&[&fixed[..], more].concat()).assert_exit_code(0);
}

fn swept(calls: &[RecordedCall]) -> TestDirectory {
    let directory = TestDirectory::with_compliant_trail();
    if !calls.is_empty() {
        directory.write("logs/more.json.gz", object(calls));
    }
    sweep(&directory, "out", &[WATCH_AUDITOR]);
    directory
}

/// The line of the gate on `out/report.json`, which ends with this exit code.
#[track_caller]
fn gate(directory: &TestDirectory, more: &[&str], code: i32) -> String {
    directory.run(&[&["gate", "out/report.json"], more].concat()).assert_exit_code(code).stdout
}

#[test]
fn a_compliant_report_passes_in_one_line() {
    let directory = swept(&[]);
    assert_eq!(
        gate(&directory, &[], 0),
        "gate passed: COMPLIANT; score 100 % of at least 95 %; 0 errors of at most 5; coverage 100 % of at least 99 %; \
         findings do not count\n"
    );
    // The latest sweep of the state, and standard input.
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    assert!(directory.run(&["gate"]).assert_exit_code(0).stdout.starts_with("gate passed: COMPLIANT; "));
}

#[test]
fn the_result_is_in_a_file_and_the_line_is_printed() {
    let directory = swept(&[]);
    let line = gate(&directory, &[], 0);
    for format in ["text", "json", "junit", "sarif"] {
        let printed = gate(&directory, &["--format", format], 0);
        assert_eq!(gate(&directory, &["--format", format, "--out", "results/gate"], 0), line);
        let written = fs::read_to_string(directory.join("results/gate")).expect("written");
        let value = |text: &str| serde_json::from_str::<Value>(text).ok();
        assert!(written == printed || format == "json" && value(&written) == value(&printed), "{written}");
    }
}

#[test]
fn a_write_fails_at_any_score() {
    let directory = swept(&[WRITE_CALL]);
    let line = gate(&directory, &["--min-score", "0", "--min-coverage", "0"], 1);
    assert!(line.starts_with("gate failed: NON_COMPLIANT: 1 write succeeded"), "{line}");
    let line = gate(&directory, &["--fail-on", "low"], 1);
    assert!(line.contains("; score 66.66 %, below 95 %; ") && line.contains(" LOW or more severe"), "{line}");
}

#[test]
fn missing_hours_are_accepted_down_to_the_least_coverage_and_nothing_else_is() {
    let directory = swept(&[]);
    let period = [WATCH_AUDITOR, "--since", "2026-10-06T10:00:00Z", "--until", "2026-10-06T16:00:00Z"];
    sweep(&directory, "out", &period);
    let line = gate(&directory, &[], 3);
    assert!(line.starts_with("gate insufficient evidence: INSUFFICIENT_EVIDENCE: "), "{line}");
    assert!(
        line.contains("coverage 50 %, below 99 % in 111122223333 us-east-1, 3 of 6 hours not observed"),
        "{line}"
    );
    let line = gate(&directory, &["--min-coverage", "50"], 0);
    assert!(line.contains("accepted, because only hours are missing and the coverage suffices"), "{line}");
    // A file that cannot be read is not a missing hour.
    directory.write("logs/broken.json.gz", &object(&[READ_CALL])[..40]);
    sweep(&directory, "out", &period);
    let line = gate(&directory, &["--min-coverage", "0"], 3);
    assert!(line.starts_with("gate insufficient evidence: INSUFFICIENT_EVIDENCE: "), "{line}");
}

#[test]
fn a_baseline_excuses_what_it_has_and_nothing_new() {
    let directory = swept(&[WRITE_CALL]);
    sweep(&directory, "before", &[WATCH_AUDITOR]);
    let baseline = ["--baseline", "before/report.json", "--fail-on", "info"];
    let line = gate(&directory, &baseline, 0);
    assert!(
        line.contains("NON_COMPLIANT: 1 write succeeded; the baseline has the same violations"),
        "{line}"
    );
    assert!(line.contains("score 66.66 %, below 95 %, and 66.66 % in the baseline"), "{line}");
    for (calls, new) in [
        (vec![WRITE_CALL, RecordedCall { id: 3, ..WRITE_CALL }], "made more calls that are not permitted"),
        (
            vec![WRITE_CALL, RecordedCall { id: 3, name: "TerminateInstances", ..WRITE_CALL }],
            " not in the baseline",
        ),
    ] {
        directory.write("logs/more.json.gz", object(&calls));
        sweep(&directory, "out", &[WATCH_AUDITOR]);
        let line = gate(&directory, &baseline, 1);
        assert!(line.contains(new), "{new}: {line}");
    }
    // A baseline that was compliant excuses nothing.
    let compliant = swept(&[]);
    fs::copy(compliant.join("out/report.json"), directory.join("before/report.json")).expect("copied");
    let line = gate(&directory, &baseline, 1);
    assert!(line.contains("not in the baseline: arn:aws:iam::111122223333:role/Auditor"), "{line}");
}

#[test]
fn a_baseline_never_excuses_missing_evidence() {
    let directory = swept(&[WRITE_CALL]);
    directory.write("logs/broken.json.gz", &object(&[READ_CALL])[..40]);
    sweep(&directory, "out", &[WATCH_AUDITOR]);
    // The baseline lacks the same evidence.
    let line = gate(&directory, &["--baseline", "out/report.json", "--min-coverage", "0"], 3);
    assert!(
        line.contains("the baseline has the same violations; not only hours of evidence are missing"),
        "{line}"
    );
    sweep(
        &directory,
        "long",
        &[WATCH_AUDITOR, "--since", "2026-10-06T08:00:00Z", "--until", "2026-10-06T13:00:00Z"],
    );
    let baseline = ["gate", "out/report.json", "--baseline", "long/report.json"];
    let refused = directory.run(&baseline).assert_exit_code(2).stderr;
    assert!(refused.contains("the baseline is about a longer period than the report"), "{refused}");
}

#[test]
fn errors_of_watched_principals_are_counted() {
    let failed = |id| RecordedCall { id, error: Some("Client.RequestLimitExceeded"), ..READ_CALL };
    let denied = RecordedCall { id: 30, error: Some("Client.UnauthorizedOperation"), ..READ_CALL };
    let other = RecordedCall { role: "Deployer", ..failed(31) };
    let calls: Vec<RecordedCall> = (20..26).map(failed).chain([denied, other]).collect();
    let directory = swept(&calls);
    let line = gate(&directory, &[], 1);
    assert_eq!(line, "gate failed: 6 errors, more than 5\n");
    gate(&directory, &["--max-errors", "6"], 0);
    gate(&directory, &["--baseline", "out/report.json"], 0);
}

#[test]
fn a_report_without_a_status_does_not_pass() {
    let directory = swept(&[]);
    sweep(&directory, "out", &[]);
    let line = gate(&directory, &["--min-score", "0", "--min-coverage", "0"], 3);
    assert!(line.contains("the report has no status, because no principal is watched"), "{line}");
}

#[test]
fn a_file_that_is_not_the_report_of_its_id_is_refused() {
    let directory = swept(&[WRITE_CALL]);
    let text = fs::read_to_string(directory.join("out/report.json")).expect("a report");
    let forged = text.replace("NON_COMPLIANT", "COMPLIANT");
    for (content, problem) in [
        (forged, "was changed: its result is not the one that its id names"),
        (
            text.replace(&format!("\"schema_version\": \"{SCHEMA_VERSION}\""), "\"schema_version\": \"2.0\""),
            "has the schema version 2.0",
        ),
        ("{}".to_owned(), "is not a report: missing field"),
        (String::new(), "is not a report: EOF"),
    ] {
        directory.write("out/report.json", content);
        let refused = directory.run(&["gate", "out/report.json"]).assert_exit_code(2).stderr;
        assert!(refused.contains(problem) && refused.contains("out/report.json"), "{refused}");
    }
    assert!(directory.run(&["gate", "--min-score", "101"]).assert_exit_code(2).stderr.contains("0 and 100"));
    let none = directory.run(&["gate"]).assert_exit_code(2).stderr;
    assert!(
        none.contains("there is no sweep in `.onlooker`") && none.contains("onlooker sweep PATH"),
        "{none}"
    );
}

#[test]
fn the_result_is_json_junit_and_sarif() {
    let directory = swept(&[WRITE_CALL]);
    let of = |format| gate(&directory, &["--fail-on", "high", "--format", format], 1);
    let json: Value = serde_json::from_str(&of("json")).expect("JSON");
    let checks: Vec<(&str, &str)> = json["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|check| {
            (check["name"].as_str().expect("a name"), check["outcome"].as_str().expect("an outcome"))
        })
        .collect();
    assert_eq!(
        checks,
        [
            ("status", "failed"),
            ("score", "failed"),
            ("errors", "passed"),
            ("coverage", "passed"),
            ("findings", "failed")
        ]
    );
    let junit = of("junit");
    assert!(junit.contains("tests=\"5\" failures=\"3\" errors=\"0\" skipped=\"0\""), "{junit}");
    assert_eq!((junit.matches("<testcase ").count(), junit.matches("<failure ").count()), (5, 3));
    let sarif: Value = serde_json::from_str(&of("sarif")).expect("SARIF");
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().expect("results");
    assert!(results.len() > 3, "{results:?}");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        assert!(result["level"].is_string() && result["partialFingerprints"].is_object(), "{result}");
    }
    // A report that passes has no result.
    let passing = swept(&[]);
    let sarif: Value = serde_json::from_str(&gate(&passing, &["--format", "sarif"], 0)).expect("SARIF");
    assert_eq!(sarif["runs"][0]["results"], Value::Array(Vec::new()));
}

#[test]
fn the_risk_counts_only_against_a_limit() {
    let directory = swept(&[RecordedCall { error: Some("AccessDenied"), ..WRITE_CALL }]);
    let least = ["--min-score", "0"];
    let line = gate(&directory, &least, 0);
    assert!(!line.contains("risk"), "{line}");
    let limit = |most: &'static str| [&least[..], &["--max-risk", most]].concat();
    let line = gate(&directory, &limit("100"), 0);
    assert!(line.contains("; risk ") && line.contains(" of at most 100; "), "{line}");
    let line = gate(&directory, &limit("0"), 1);
    assert!(line.starts_with("gate failed: risk ") && line.ends_with(", above 0\n"), "{line}");
    sweep(&directory, "before", &[WATCH_AUDITOR]);
    let with_baseline = [&limit("0")[..], &["--baseline", "before/report.json"]].concat();
    assert!(gate(&directory, &with_baseline, 0).contains(" in the baseline"));
    // A discovery has no risk.
    sweep(&directory, "out", &[]);
    assert!(gate(&directory, &limit("100"), 3).contains("there is no risk score"));
}
