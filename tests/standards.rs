//! The real binary's standards: lists, controls, problems with their lines, and what a report says of each control.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::collections::BTreeSet;

use fixture::{TestDirectory, WATCH_AUDITOR};
use onlooker_core::{config::Standard, controls::ControlState};
use serde_json::Value;

const SAMPLE: &str = include_str!("../docs/packs/gcc-2-0.toml");

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn the_list_has_every_standard_and_marks_the_one_in_force() {
    let directory = TestDirectory::new();
    let text = directory.run(&["standards", "list"]).assert_exit_code(0).stdout;
    for standard in Standard::ALL {
        assert!(text.contains(standard.as_str()), "{text}");
    }
    assert!(text.lines().any(|line| line.starts_with("GENERAL") && line.ends_with("(in force)")), "{text}");
    directory.write("pack.toml", SAMPLE);
    directory.write("onlooker.toml", "standard = \"CUSTOM\"\nstandard_file = \"pack.toml\"\n");
    let list = json(&directory.run(&["standards", "list", "--json"]).assert_exit_code(0).stdout);
    assert_eq!(list["schema_version"], "1.0");
    let of = |name: &str| {
        let all = list["standards"].as_array().expect("a list");
        all.iter().find(|one| one["name"] == name).expect("listed").clone()
    };
    assert_eq!((&of("CUSTOM")["in_force"], &of("GENERAL")["in_force"]), (&true.into(), &false.into()));
    assert_eq!(of("CUSTOM")["title"], "Government of Canada Cloud guardrails 2.0 (sample)");
    assert!(of("SOC2")["controls"].as_u64() > Some(10));
}

#[test]
fn each_standard_is_shown_with_what_it_shows_and_what_it_does_not() {
    let directory = TestDirectory::new();
    for standard in Standard::BUILT_IN {
        let name = standard.as_str();
        let text = directory.run(&["standards", "show", name]).assert_exit_code(0).stdout;
        let shown = json(&directory.run(&["standards", "show", name, "--json"]).assert_exit_code(0).stdout);
        assert_eq!((&shown["schema_version"], &shown["standard"]), (&"1.0".into(), &name.into()));
        let controls = shown["pack"]["control"].as_array().expect("controls");
        for control in controls {
            let id = control["id"].as_str().expect("text");
            assert!(text.lines().any(|line| line.starts_with(&format!("{id} "))), "{name} {id}");
        }
        for field in ["requires", "fails on", "shows", "does not show"] {
            let lines = text.lines().filter(|line| line.trim_start().starts_with(field)).count();
            assert!(lines >= controls.len(), "{name}: {field}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{name}");
    }
    directory.run(&["standards", "show", "soc-2"]).assert_exit_code(0);
    directory
        .run(&["standards", "show", "SOC3"])
        .assert_exit_code(2)
        .assert_stderr(&["did you mean `SOC2`?", "NIST_800_53"]);
    directory.run(&["standards", "show", "GCC_2_0"]).assert_exit_code(2).assert_stderr(&["gcc-2-0.toml"]);
    directory.run(&["standards", "show", "CUSTOM"]).assert_exit_code(2).assert_stderr(&[
        "no control pack for `CUSTOM`",
        "help: ",
        "standard_file",
    ]);
}

#[test]
fn a_pack_is_valid_or_its_problems_have_lines_and_remedies() {
    let directory = TestDirectory::new();
    directory.write("sample.toml", SAMPLE);
    let valid = directory.run(&["standards", "validate", "sample.toml"]).assert_exit_code(0);
    assert!(valid.stdout.contains("sample.toml: valid; GCC_2_0 has 5 controls"), "{}", valid.stdout);
    valid.assert_stderr(&["note: rules that fail no control: "]);
    let result = json(&directory.run(&["standards", "validate", "sample.toml", "--json"]).stdout);
    assert_eq!((&result["valid"], &result["id"]), (&true.into(), &"GCC_2_0".into()));

    directory.write("bad.toml", SAMPLE.replace("\"root-use\"", "\"root-used\"").replace("shows =", "show ="));
    let line = |text: &str| SAMPLE.lines().position(|line| line.contains(text)).expect("a line") + 1;
    let invalid = directory.run(&["standards", "validate", "bad.toml"]).assert_exit_code(2);
    assert_eq!(invalid.stdout, "");
    let (rule, key) = (line("\"root-use\""), line("shows = \"No root user"));
    invalid.assert_stderr(&[
        &format!("error: bad.toml:{rule}:18: unknown value `root-used`"),
        "help: did you mean `root-use`?",
        &format!("error: bad.toml:{key}:1: unknown key `control[0].show`"),
        "help: did you mean `shows`?",
    ]);
    let ran = directory.run(&["standards", "validate", "bad.toml", "--json"]).assert_exit_code(2);
    let result = json(&ran.stdout);
    assert_eq!((&result["valid"], &result["file"]), (&false.into(), &"bad.toml".into()));
    let problem = &result["problems"][0];
    assert_eq!((&problem["line"], &problem["file"]), (&(rule as u64).into(), &"bad.toml".into()));
    assert!(problem["message"].is_string() && problem["remedy"].is_string());
    // Every other command refuses it in the same words.
    directory.write("logs/10.json", fixture::uncompressed_object(&[fixture::READ_CALL]));
    directory
        .run(&["sweep", "logs", "--no-state", "--pack", "bad.toml"])
        .assert_exit_code(2)
        .assert_stderr(&["bad.toml:", "did you mean `root-use`?"]);

    directory
        .run(&["standards", "validate", "absent.toml"])
        .assert_exit_code(2)
        .assert_stderr(&["cannot read `absent.toml`", "help: give the path"]);
}

#[test]
fn a_report_says_what_each_control_shows_and_what_decided_it() {
    let directory = TestDirectory::with_compliant_trail();
    for standard in Standard::BUILT_IN {
        let sweep = ["sweep", "logs", "--no-state", WATCH_AUDITOR, "--standard", standard.as_str(), "--json"];
        let report = directory.run(&sweep).assert_exit_code(0).report();
        let states: BTreeSet<_> = report.result.controls.iter().map(|control| control.state).collect();
        assert!(!states.contains(&ControlState::Fail), "{standard}");
        // Without policies, digest files and a deployment some of each standard is not decided.
        assert!(states.contains(&ControlState::NoEvidence), "{standard}");
        for control in &report.result.controls {
            let id = &control.id;
            assert!(control.shows.is_some() && control.does_not_show.is_some(), "{standard} {id}");
            assert!(!control.requires.is_empty() && !control.evidence.is_empty(), "{standard} {id}");
        }
    }
    let markdown =
        ["sweep", "logs", "--no-state", WATCH_AUDITOR, "--standard", "SOC2", "--format", "markdown"];
    let text = directory.run(&markdown).assert_exit_code(0).stdout;
    assert!(text.contains("`CC6.6`: a pass shows: Identities of machines"), "{text}");
    assert!(text.contains("no report shows: Firewalls, source networks"), "{text}");
}
