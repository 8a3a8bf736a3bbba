//! The real binary: `doctor` and `config validate`, on machines with and without troubles.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use fixture::{CommandOutput, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object};
use serde_json::Value;

fn checks(output: &CommandOutput) -> Vec<(String, String)> {
    let json: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let checks = json["checks"].as_array().expect("a list");
    let word = |check: &Value, key: &str| check[key].as_str().expect("text").to_owned();
    for check in checks {
        let has_fix = check.get("fix").is_some();
        let is_wrong = matches!(check["state"].as_str(), Some("warning" | "problem"));
        assert_eq!(has_fix, is_wrong, "what is wrong has a fix, and nothing else: {check}");
    }
    checks.iter().map(|check| (word(check, "name"), word(check, "state"))).collect()
}

#[track_caller]
fn state_of(checks: &[(String, String)], name: &str) -> String {
    let found = checks.iter().find(|(checked, _)| checked == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {checks:?}")).1.clone()
}

/// A validation without the environment of this machine.
fn validate(directory: &TestDirectory, args: &[&str]) -> CommandOutput {
    directory.run(&[&["config", "validate"], args].concat())
}

#[test]
fn the_defaults_are_valid_and_each_defense_is_tried() {
    let directory = TestDirectory::new();
    let found = checks(&validate(&directory, &["--quick", "--json"]).assert_exit_code(0));
    for name in ["path-traversal", "hidden-characters", "secrets", "size-limits", "state-folder", "catalog"] {
        assert_eq!(state_of(&found, name), "ok", "{name}");
    }
    assert!(!found.iter().any(|(name, _)| name == "audit-writes"), "no benchmark");
    let full = checks(&validate(&directory, &["--json"]));
    for name in ["audit-writes", "audit-query", "memory-of-1000-events"] {
        let state = state_of(&full, name);
        assert!(matches!(&*state, "ok" | "warning" | "not_checked"), "{name}: {state}");
    }
    assert!(std::fs::read_dir(directory.path()).expect("a folder").next().is_none(), "nothing is left");
}

#[test]
fn a_value_outside_its_recommended_range_and_a_part_that_is_off_are_warnings() {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", "[audit]\nwrite_buffer_size = 5000\n[validation]\nenabled = false\n");
    let output = validate(&directory, &["--quick", "--json"]).assert_exit_code(1);
    let found = checks(&output);
    assert_eq!(state_of(&found, "audit.write_buffer_size"), "warning");
    assert_eq!(state_of(&found, "validation.enabled"), "warning");
    assert_eq!(state_of(&found, "audit.query_cache_size"), "ok");
    let text = validate(&directory, &["--quick"]).assert_exit_code(1).stdout;
    assert!(text.contains("fix: set `audit.write_buffer_size` to 50 to 1000"), "{text}");
    directory.write("onlooker.toml", "[audit]\nwrite_buffer_size = 50000\n");
    validate(&directory, &["--quick"]).assert_exit_code(2).assert_stderr(&["audit.write_buffer_size"]);
}

#[test]
fn a_profile_is_within_the_recommended_ranges() {
    let directory = TestDirectory::new();
    for profile in ["balanced", "high-traffic", "low-latency", "storage"] {
        directory.write("onlooker.toml", format!("[audit]\nprofile = \"{profile}\"\n"));
        validate(&directory, &["--quick"]).assert_exit_code(0);
    }
}

#[cfg(unix)]
#[test]
fn a_configuration_that_every_user_can_change_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", "");
    let path = directory.join("onlooker.toml");
    for (mode, state) in [(0o600, "ok"), (0o666, "warning")] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changed");
        let found = checks(&validate(&directory, &["--quick", "--json"]));
        assert_eq!(state_of(&found, "configuration-file"), state, "{mode:o}");
    }
}

fn doctor(directory: &TestDirectory, args: &[&str]) -> CommandOutput {
    directory.run(&[&["doctor", "--json"], args].concat())
}

#[test]
fn a_machine_without_a_state_is_in_order() {
    let directory = TestDirectory::new();
    let found = checks(&doctor(&directory, &[]).assert_exit_code(0));
    assert_eq!(state_of(&found, "sweeps"), "not_checked");
    let text = directory.run(&["doctor"]).assert_exit_code(0).stdout;
    assert!(text.contains("not checked") && text.ends_with("not checked\n"), "{text}");
}

#[test]
fn an_invalid_configuration_is_a_problem_and_says_its_mistake() {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", "wach = []\n");
    let output = doctor(&directory, &[]).assert_exit_code(2);
    assert_eq!(state_of(&checks(&output), "configuration"), "problem");
    assert!(output.stdout.contains("wach"), "{}", output.stdout);
}

#[test]
fn a_violation_in_the_last_sweep_is_a_security_event() {
    let directory = TestDirectory::with_compliant_trail();
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    let found = checks(&doctor(&directory, &[]).assert_exit_code(0));
    for name in
        ["security-events", "last-sweep", "audit-query", "query-cache", "audit-trail-size", "write-buffer"]
    {
        assert_eq!(state_of(&found, name), "ok", "{name}");
    }
    directory.write("logs/10.json.gz", object(&[WRITE_CALL]));
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(1);
    let output = doctor(&directory, &[]).assert_exit_code(2);
    assert_eq!(state_of(&checks(&output), "security-events"), "problem");
}

#[test]
fn more_batches_than_the_cache_takes_and_a_damaged_batch_are_found() {
    let directory = TestDirectory::with_compliant_trail();
    for _ in 0..2 {
        directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    }
    directory.write("onlooker.toml", "[audit]\nquery_cache_size = 1\n");
    let found = checks(&doctor(&directory, &[]).assert_exit_code(1));
    assert_eq!(state_of(&found, "query-cache"), "warning");
    let audit = directory.join(".onlooker/audit");
    let mut folders = vec![audit];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
        {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                std::fs::write(&entry, b"damaged").expect("written");
            }
        }
    }
    let found = checks(&doctor(&directory, &[]).assert_exit_code(2));
    assert_eq!(state_of(&found, "audit-query"), "problem");
}

#[test]
fn expired_overrides_and_low_limits_are_found() {
    let directory = TestDirectory::new();
    directory.write(
        "onlooker.toml",
        "[monitoring]\nperformance_threshold_memory = 10\n[[override]]\nid = \"old\"\nprincipal = \"arn:aws:iam::*:role/a\"\n\
         operation = \"s3:PutObject\"\nowner = \"o\"\nreason = \"r\"\nexpires = \"2020-01-01T00:00:00Z\"\n",
    );
    let found = checks(&doctor(&directory, &[]).assert_exit_code(1));
    assert_eq!(state_of(&found, "expired-override"), "warning");
    assert_eq!(state_of(&found, "monitoring.performance_threshold_memory"), "warning");
}

/// Writes a program of this name that prints a line.
#[cfg(unix)]
fn add_program(directory: &TestDirectory, name: &str, prints: &str) {
    add_program_for(directory, name, "*", prints);
}

/// A program that takes only arguments that match a pattern of the shell.
#[cfg(unix)]
fn add_program_for(directory: &TestDirectory, name: &str, arguments: &str, prints: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let script = format!("#!/bin/sh\ncase \"$*\" in {arguments}) echo '{prints}';; *) exit 2;; esac\n");
    directory.write(&format!("bin/{name}"), script);
    let path = directory.join("bin").join(name);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("changed");
}

#[cfg(unix)]
#[test]
fn a_missing_rust_target_tool_or_parameter_is_found_before_a_deployment() {
    let directory = TestDirectory::new();
    directory.write("template.yaml", include_str!("../template.yaml"));
    directory
        .write("samconfig.toml", "[default.deploy.parameters]\nparameter_overrides = \"Standrad=SOC2\"\n");
    let sysroot = directory.join("sysroot");
    directory.write("sysroot/lib/rustlib/x86_64-unknown-linux-gnu/lib/libstd.rlib", "");
    add_program(&directory, "rustc", &sysroot.display().to_string());
    add_program(&directory, "cargo", "1.0");
    // As these programs of PyPI behave.
    add_program_for(&directory, "cargo-lambda", "'lambda --version'", "cargo-lambda 1.9.2");
    add_program_for(&directory, "python3", "'-m ziglang version'", "0.17.1");
    let run = |args: &[&str]| {
        let mut command = directory.command(&[&["doctor", "--deploy", "--json"], args].concat());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        let command = command.env("PATH", directory.join("bin")).env("HOME", directory.path());
        let output = command.env("AWS_EC2_METADATA_DISABLED", "true").output().expect("the binary runs");
        let output = CommandOutput::from(output).assert_exit_code(2);
        (checks(&output), output.stdout)
    };
    let (found, text) = run(&[]);
    assert_eq!(state_of(&found, "sam"), "problem");
    assert_eq!(state_of(&found, "cargo-lambda"), "ok");
    assert_eq!(state_of(&found, "rust-target"), "ok");
    assert_eq!(state_of(&found, "parameters"), "problem");
    assert!(text.contains("did you mean `Standard`?"), "{text}");
    let credentials = state_of(&found, "credentials");
    assert_eq!(credentials, if cfg!(feature = "aws") { "problem" } else { "not_checked" });
    let (found, text) = run(&["--architecture", "arm64"]);
    assert_eq!(state_of(&found, "rust-target"), "problem");
    assert!(text.contains("rustup target add aarch64-unknown-linux-gnu"), "{text}");
    // With everything there, the tools are in order.
    add_program(&directory, "sam", "SAM CLI, version 1.170.0");
    directory
        .write("samconfig.toml", "[default.deploy.parameters]\nparameter_overrides = \"Standard=SOC2\"\n");
    let (found, _) = run(&[]);
    for name in ["sam", "linker", "parameters", "rust-target"] {
        assert_eq!(state_of(&found, name), "ok", "{name}");
    }
}

#[test]
fn the_page_of_troubles_names_each_check() {
    let page = include_str!("../docs/troubleshooting.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| trouble |")).skip(2);
    let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
    let named: Vec<&str> = rows
        .iter()
        .flat_map(|row| {
            row.split('|').nth(2).expect("a cell").split(", ").map(|name| name.trim().trim_matches('`'))
        })
        .collect();
    let sources = [
        include_str!("../cli/doctor.rs"),
        include_str!("../cli/doctor/state.rs"),
        include_str!("../cli/doctor/toolchain.rs"),
        include_str!("../cli/doctor/template.rs"),
        include_str!("../cli/doctor/account.rs"),
        include_str!("../cli/doctor/deployment.rs"),
        include_str!("../shared/src/config/parts.rs"),
    ];
    for name in &named {
        let quoted = format!("\"{name}\"");
        assert!(sources.iter().any(|source| source.contains(&quoted)), "no check is called `{name}`");
    }
    // And the other way round: what the program can print on a machine is on the page.
    let directory = TestDirectory::with_compliant_trail();
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    let mut command = directory.command(&["doctor", "--deploy", "--stack=none", "--json"]);
    let output = command.env("AWS_EC2_METADATA_DISABLED", "true").output().expect("the binary runs");
    let printed = checks(&output.into());
    for (name, _) in printed {
        assert!(named.contains(&name.as_str()) || name == "alarms", "`{name}` is not on the page");
    }
}
