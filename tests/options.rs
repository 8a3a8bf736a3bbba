//! The real binary: every option of `docs/configuration.md` in file, environment and template, and what it changes.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use fixture::{MANAGEMENT_ONLY_CONFIG, TestDirectory, WATCH_AUDITOR, WRITE_CALL, compliant_objects, object};
use onlooker_core::{
    config::{AuditProfile, Config},
    controls::ControlState,
    report::Report,
    score::Status,
};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../docs/configuration.md");
const TEMPLATE: &str = include_str!("../template.yaml");

/// The options of the compliance manager that Onlooker replaces, by name.
const OPTIONS: [&str; 17] = [
    "compliance_standard",
    "enable_security_validation",
    "enable_production_monitoring",
    "enable_cloudtrail_integration",
    "error_threshold",
    "circuit_breaker_threshold",
    "circuit_breaker_timeout",
    "performance_threshold_cpu",
    "performance_threshold_memory",
    "performance_threshold_disk",
    "performance_monitoring_interval",
    "cloudtrail_lookup_interval",
    "audit_log_retention_days",
    "max_audit_entries",
    "include_performance_metrics",
    "include_cloudtrail_events",
    "generate_executive_summary",
];

/// A row of the table of options.
struct OptionRow {
    name: &'static str,
    key: &'static str,
    variable: &'static str,
    parameter: &'static str,
    default: Value,
    range: &'static str,
}

/// The cells of the rows of the table whose header begins with this word.
fn table(header: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = DOCUMENT.lines().skip_while(move |line| !line.starts_with(&format!("| {header} |"))).skip(2);
    lines
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect())
}

fn rows() -> Vec<OptionRow> {
    let read = |cells: Vec<&'static str>| {
        let [name, key, variable, parameter, default, range] = cells[..] else { panic!("{cells:?}") };
        let default = serde_json::from_str(default).unwrap_or_else(|_| json!(default));
        OptionRow { name, key, variable, parameter, default, range }
    };
    table("option").map(read).collect()
}

impl OptionRow {
    /// Values within the range, other than the default, and values outside of it.
    fn values(&self) -> (Vec<Value>, Vec<Value>) {
        if let Some((least, most)) = self.range.split_once(" to ") {
            let bound = |text: &str| text.parse::<i64>().expect("a number");
            let (least, most) = (bound(least), bound(most));
            return (vec![json!(least), json!(most)], vec![json!(least - 1), json!(most + 1), json!("many")]);
        }
        let words = self.range.split(", ").map(|word| word.trim_matches('`'));
        let words = words.filter(|word| *word != "CUSTOM");
        let parsed = words.map(|word| serde_json::from_str(word).unwrap_or_else(|_| json!(word)));
        let allowed = parsed.filter(|value| *value != self.default).collect();
        (allowed, vec![json!("perhaps"), json!(2)])
    }

    /// The file that sets the key.
    fn file(&self, value: &Value) -> String {
        match self.key.split_once('.') {
            Some((section, key)) => format!("[{section}]\n{key} = {value}\n"),
            None => format!("{} = {value}\n", self.key),
        }
    }

    fn in_force(&self, shown: &str) -> Value {
        let shown: Value = serde_json::from_str(shown).expect("JSON");
        shown.pointer(&format!("/{}", self.key.replace('.', "/"))).expect("the key").clone()
    }
}

#[test]
fn the_table_has_each_option_once() {
    let names: Vec<&str> = rows().iter().map(|row| row.name).collect();
    assert_eq!(names, OPTIONS);
}

#[test]
fn each_option_is_accepted_in_file_and_environment_and_refused_outside_its_range() {
    for row in rows() {
        let directory = TestDirectory::new();
        let show = || directory.run(&["config", "show", "--json"]).assert_exit_code(0).stdout;
        let shown_with = |value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let output = directory.command(&["config", "show", "--json"]).env(row.variable, text).output();
            fixture::CommandOutput::from(output.expect("the binary runs"))
        };
        assert_eq!(row.in_force(&show()), row.default, "{}", row.name);
        let (inside, outside) = row.values();
        for value in &inside {
            directory.write("onlooker.toml", row.file(value));
            assert_eq!(row.in_force(&show()), *value, "{} in the file", row.name);
            directory.write("onlooker.toml", row.file(&row.default));
            let shown = shown_with(value).assert_exit_code(0).stdout;
            assert_eq!(row.in_force(&shown), *value, "{} in the environment overrides the file", row.name);
        }
        for value in &outside {
            directory.write("onlooker.toml", row.file(value));
            directory.run(&["config", "validate"]).assert_exit_code(2).assert_stderr(&[row.key, "help:"]);
            directory.write("onlooker.toml", "");
            shown_with(value).assert_exit_code(2).assert_stderr(&[row.variable, "help:"]);
        }
    }
}

#[test]
fn each_option_has_a_parameter_of_the_stack_that_sets_its_variable() {
    for row in rows() {
        let set = TEMPLATE.lines().find_map(|line| line.trim().strip_prefix(&format!("{}: ", row.variable)));
        let by_reference = format!("!Ref {}", row.parameter);
        let by_mapping = format!("!FindInMap [PullIntervals, !Ref {}, Seconds]", row.parameter);
        let set = set.unwrap_or_else(|| panic!("`{}` is not set", row.variable));
        assert!(set == by_reference || set == by_mapping, "{}: {set}", row.variable);
        assert!(
            TEMPLATE.contains(&format!("\n  {}:\n    Type: String\n", row.parameter)),
            "{}",
            row.parameter
        );
    }
}

/// A report on the compliant trail with a write by the principal `Builder`, with this configuration. `watch` chooses who is watched.
fn swept(configuration: &str, watch: &str, code: i32) -> Report {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", format!("{MANAGEMENT_ONLY_CONFIG}{configuration}"));
    for (name, bytes) in compliant_objects() {
        directory.write(&format!("logs/{name}"), bytes);
    }
    directory.run(&["sweep", "logs", "--no-state", watch, "--json"]).assert_exit_code(code).report()
}

fn passing_controls(report: &Report) -> Vec<&str> {
    let passing = report.result.controls.iter().filter(|control| control.state == ControlState::Pass);
    passing.map(|control| &*control.id).collect()
}

const WATCH_BUILDER: &str = "--watch=arn:aws:iam::*:role/Builder";

#[test]
fn without_validation_no_principal_is_proven_and_a_violation_remains_one() {
    let on = swept("", WATCH_AUDITOR, 0);
    assert_eq!(on.result.status(), Some(Status::Compliant));
    let off = swept("[validation]\nenabled = false\n", WATCH_AUDITOR, 3);
    assert_eq!(off.result.status(), Some(Status::InsufficientEvidence));
    let reason = "the validation of calls is switched off (`validation.enabled`)";
    assert_eq!(off.result.summary.status_reasons, [reason]);
    let auditor = off.result.principals.iter().find(|principal| principal.arn.ends_with("/Auditor"));
    assert_eq!(auditor.expect("the auditor").status_reasons, [reason]);
    assert!(off.result.limitations.iter().any(|line| line.contains("`validation.enabled`")));
    assert_eq!(off.result.totals, on.result.totals, "calls are still counted");
    assert!(passing_controls(&on).len() > 1);
    assert_eq!(passing_controls(&off), ["EV-1"], "the evidence is complete, and no promise is proven");
    assert_eq!(
        swept("[validation]\nenabled = false\n", WATCH_BUILDER, 1).result.status(),
        Some(Status::NonCompliant)
    );
}

#[test]
fn without_cloudtrail_a_report_has_no_evidence_and_says_why() {
    let off = swept("[cloudtrail]\nenabled = false\n", WATCH_BUILDER, 3);
    let result = &off.result;
    assert_eq!((result.status(), result.totals.events), (Some(Status::InsufficientEvidence), 0));
    assert_eq!(
        (result.coverage.observed_hours, result.findings.iter().any(|one| one.id == "write-succeeded")),
        (0, false)
    );
    assert!(
        result.summary.status_reasons[0].contains("`cloudtrail.enabled`"),
        "{:?}",
        result.summary.status_reasons
    );
    assert!(result.limitations.iter().any(|line| line.contains("`cloudtrail.enabled`")));
    assert!(passing_controls(&off).is_empty(), "{:?}", result.controls);
}

#[test]
fn without_monitoring_the_report_says_so_and_the_status_stays() {
    let off = swept("[monitoring]\nenabled = false\n", WATCH_AUDITOR, 0);
    assert_eq!(off.result.status(), Some(Status::Compliant));
    assert!(off.result.limitations.iter().any(|line| line.contains("`monitoring.enabled`")));
    assert!(
        !swept("", WATCH_AUDITOR, 0)
            .result
            .limitations
            .iter()
            .any(|line| line.contains("`monitoring.enabled`"))
    );
}

#[test]
fn what_a_report_leaves_out_is_named_and_changes_no_status() {
    let all = swept("", WATCH_BUILDER, 1);
    assert!(!all.result.audit_entries.is_empty() && !all.result.summary.key_findings.is_empty());
    assert!(all.run.performance.is_some() && !all.result.summary.is_shortened);
    for (key, is_left_out) in [
        ("include_performance_metrics", (|report| report.run.performance.is_none()) as fn(&Report) -> bool),
        ("include_cloudtrail_events", |report| {
            report.result.audit_entries.is_empty() && report.result.audit_entries_omitted > 0
        }),
        ("generate_executive_summary", |report| {
            let summary = &report.result.summary;
            summary.is_shortened && summary.key_findings.is_empty() && summary.top_actions.is_empty()
        }),
    ] {
        assert!(!is_left_out(&all), "{key}");
        let report = swept(&format!("[report]\n{key} = false\n"), WATCH_BUILDER, 1);
        assert!(is_left_out(&report), "{key}");
        assert!(
            report.result.limitations.iter().any(|line| line.contains(&format!("`report.{key}`"))),
            "{key}"
        );
        assert_eq!(report.result.status(), all.result.status(), "{key}");
        assert_eq!(report.result.findings, all.result.findings, "{key}");
    }
}

#[test]
fn the_number_of_audit_entries_is_limited() {
    let directory = TestDirectory::new();
    let second = fixture::RecordedCall { id: 9, at: "06T10:40", name: "TerminateInstances", ..WRITE_CALL };
    directory.write("logs/10.json.gz", object(&[WRITE_CALL, second]));
    let swept = |most: &str| {
        let mut command = directory.command(&["sweep", "logs", "--no-state", WATCH_AUDITOR, "--json"]);
        let output = command.env("ONLOOKER_AUDIT_MAX_AUDIT_ENTRIES", most).output().expect("the binary runs");
        fixture::CommandOutput::from(output).assert_exit_code(1).report().result
    };
    let (one, many) = (swept("1"), swept("100"));
    assert_eq!((one.audit_entries.len(), one.audit_entries_omitted > 0), (1, true));
    assert!(many.audit_entries.len() > 1 && many.audit_entries_omitted == 0);
}

#[test]
fn each_standard_has_its_own_controls() {
    let directory = TestDirectory::with_compliant_trail();
    let controls = |standard: &str| {
        let mut command = directory.command(&["sweep", "logs", "--no-state", WATCH_AUDITOR, "--json"]);
        let output = command.env("ONLOOKER_STANDARD", standard).output().expect("the binary runs");
        let report = fixture::CommandOutput::from(output).assert_exit_code(0).report();
        report.result.controls.into_iter().map(|control| control.id).collect::<Vec<_>>()
    };
    assert_ne!(controls("GENERAL"), controls("SOC2"));
    assert_ne!(controls("SOC2"), controls("ISO27001"));
}

#[test]
fn each_profile_is_accepted_in_file_environment_and_template_and_sets_four_keys() {
    let directory = TestDirectory::new();
    let mut documented = table("profile");
    let parameter = TEMPLATE.split("\n  AuditProfile:\n").nth(1).expect("the parameter");
    let allowed =
        parameter.lines().find_map(|line| line.trim().strip_prefix("AllowedValues: ")).expect("values");
    for profile in AuditProfile::ALL {
        let name = json!(profile).as_str().expect("text").to_owned();
        let cells = documented.next().expect("a row");
        let file = format!("[audit]\nprofile = \"{name}\"\n");
        directory.write("onlooker.toml", &file);
        directory.run(&["config", "validate"]).assert_exit_code(0);
        let by_file = Config::from_toml(&file, "onlooker.toml").expect("a configuration").audit;
        let variable = ("ONLOOKER_AUDIT_PROFILE".to_owned(), name.clone());
        let by_variable = Config::read(None, [variable]).expect("a configuration").audit;
        for audit in [&by_file, &by_variable] {
            let values = [
                name.clone(),
                audit.buffer_size().to_string(),
                audit.flush_seconds().to_string(),
                audit.cached_batches().to_string(),
                audit.gzip_level().to_string(),
            ];
            assert_eq!(values.to_vec(), cells, "{name}");
        }
        assert!(allowed.contains(&name), "{name}: {allowed}");
        // The values that the profile stands for are within the ranges of their keys.
        directory.write(
            "onlooker.toml",
            format!(
                "[audit]\nwrite_buffer_size = {}\nwrite_flush_interval = {}\nquery_cache_size = {}\ncompression_level = {}\n",
                cells[1], cells[2], cells[3], cells[4]
            ),
        );
        directory.run(&["config", "validate"]).assert_exit_code(0);
    }
    assert!(documented.next().is_none());
}
