//! The files of `docs/integrations`: what they run is a command of Onlooker, and each is executed as far as this machine can.
//!
//! A program that is not installed is a failure where `CI` is set, and elsewhere a line on standard error.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use fixture::{TestDirectory, WRITE_CALL, object};
use saphyr::{LoadableYamlNode as _, Yaml};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/integrations");
const BINARY: &str = env!("CARGO_BIN_EXE_onlooker");

fn files() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::from(FOLDER)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(FOLDER).join(name)).expect("a file")
}

/// Says what is skipped. The test harness hides what a test prints, and not what it writes to standard error itself.
fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {what}");
}

/// Whether a program is there. If not, the test that needs it fails in CI, and says elsewhere what it skips.
fn has(program: &str, arguments: &[&str]) -> bool {
    if Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "`{program}` is not installed, and CI needs it");
    skipped(&format!("`{program}` is not installed, so this file is not executed"));
    false
}

fn help(subcommand: &[&str]) -> Option<String> {
    let output = Command::new(BINARY).args(subcommand).arg("--help").output().expect("the binary runs");
    output.status.success().then(|| String::from_utf8(output.stdout).expect("UTF-8"))
}

/// Commands that this build may lack, because they are features of their own.
fn lacks(subcommand: &str) -> bool {
    let is_missing = help(&[subcommand]).is_none();
    assert!(
        !is_missing || matches!(subcommand, "health" | "metrics" | "monitor"),
        "`onlooker {subcommand}` is not a command"
    );
    if is_missing {
        skipped(&format!("this build has no `onlooker {subcommand}`"));
    }
    is_missing
}

/// The words after each `onlooker` that is run in a text, up to the end of the command.
fn commands_in(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let lines =
        joined.lines().filter(|line| !line.trim_start().starts_with(['#', ';']) && !line.starts_with("//"));
    let pieces =
        lines.flat_map(|line| line.split(['`', ';', '|', '&', '>']).map(str::to_owned).collect::<Vec<_>>());
    let mut commands = Vec::new();
    for piece in pieces {
        let cleaned: String =
            piece.chars().map(|c| if matches!(c, '"' | '\'' | ',' | '[' | ']') { ' ' } else { c }).collect();
        let words: Vec<&str> = cleaned.split_whitespace().collect();
        for (n, word) in words.iter().enumerate() {
            let is_program = *word == "onlooker" || word.ends_with("/bin/onlooker");
            let next = words.get(n + 1).copied().unwrap_or_default();
            let is_command = next.chars().all(|c| c.is_ascii_lowercase()) && !next.is_empty();
            if is_program && is_command && next != "onlooker" {
                commands.push(words[n + 1..].iter().map(|word| (*word).to_owned()).collect());
            }
        }
    }
    commands
}

#[test]
fn every_command_in_the_files_exists_with_its_options() {
    let mut seen = BTreeSet::new();
    for file in
        files().iter().filter(|file| file.extension().is_none_or(|kind| kind != "json" && kind != "py"))
    {
        let text = fs::read_to_string(file).expect("text");
        for command in commands_in(&text) {
            let name = command[0].as_str();
            if matches!(name, "in" | "gate's" | "user" | "is" | "writes" | "sweep-") || lacks(name) {
                continue;
            }
            let subcommands: Vec<&str> = match command.get(1).map(String::as_str) {
                Some(second @ ("create" | "prune" | "validate")) => vec![name, second],
                _ => vec![name],
            };
            let help = help(&subcommands).unwrap_or_else(|| panic!("{}: {command:?}", file.display()));
            let options = command.iter().filter(|word| word.starts_with("--"));
            for option in options.map(|word| word.split('=').next().unwrap_or_default()) {
                assert!(help.contains(option), "{}: `{option}` of {command:?}", file.display());
            }
            seen.insert(subcommands.join(" "));
        }
    }
    for name in ["backup create", "backup prune", "config validate", "gate", "sweep"] {
        assert!(seen.contains(name), "`{name}` is not used: {seen:?}");
    }
}

#[test]
fn the_page_lists_each_file() {
    let page = read("README.md");
    for file in files() {
        let name = file.strip_prefix(FOLDER).expect("inside").display().to_string();
        let is_listed = page.contains(&name) || name.starts_with("systemd/") && page.contains("(systemd)");
        assert!(is_listed || name == "README.md", "`{name}` is not listed");
    }
}

#[test]
fn yaml_files_are_yaml_and_alert_rules_are_complete() {
    for file in
        files().iter().filter(|file| file.extension().is_some_and(|kind| kind == "yml" || kind == "yaml"))
    {
        let text = fs::read_to_string(file).expect("text");
        let documents =
            Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(documents.len(), 1, "{}", file.display());
    }
    let text = read("prometheus/alerts.yml");
    let rules = Yaml::load_from_str(&text).expect("YAML");
    let rules = rules[0]["groups"][0]["rules"].as_sequence().expect("rules");
    assert!(rules.len() >= 5);
    for rule in rules {
        let text =
            |key: &str| rule[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {rule:?}")).to_owned();
        assert!(text("alert").starts_with("Onlooker") && text("expr").contains("onlooker_"), "{rule:?}");
        assert!(matches!(rule["labels"]["severity"].as_str(), Some("critical" | "warning")), "{rule:?}");
        assert!(rule["annotations"]["summary"].as_str().is_some(), "{rule:?}");
    }
}

/// A folder with `onlooker` in it, for `PATH`.
fn path_with_onlooker(directory: &TestDirectory) -> String {
    let bin = directory.join("bin");
    fs::create_dir_all(&bin).expect("made");
    symlink(BINARY, bin.join("onlooker")).expect("linked");
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default())
}

fn sh(directory: &TestDirectory, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ONLOOKER_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(directory.path());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_gate_script_ends_as_the_gate_and_leaves_the_report() {
    let directory = TestDirectory::with_compliant_trail();
    let configuration = fs::read_to_string(directory.join("onlooker.toml")).expect("text");
    let watch = "[[watch]]\nprincipal = \"arn:aws:iam::*:role/Auditor\"\n";
    directory.write("onlooker.toml", configuration + watch);
    let path = path_with_onlooker(&directory);
    let script = format!("{FOLDER}/ci/gate.sh");
    let gate = |code: i32| {
        let output =
            sh(&directory, &[&script]).env("PATH", &path).env("LOGS", "logs").output().expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        said(&output)
    };
    assert!(gate(0).contains("gate passed: COMPLIANT"));
    for name in ["report.json", "report.html", "gate.xml"] {
        assert!(directory.join("onlooker-report").join(name).is_file(), "{name}");
    }
    directory.write("logs/13.json.gz", object(&[WRITE_CALL]));
    assert!(gate(1).contains("gate failed: NON_COMPLIANT"));
    let junit = fs::read_to_string(directory.join("onlooker-report/gate.xml")).expect("text");
    assert!(junit.contains("<failure"), "{junit}");
    // What an earlier report has does not fail, and a warning about the configuration does not end the script.
    let mut configuration = fs::read_to_string(directory.join("onlooker.toml")).expect("text");
    configuration.push_str("[audit]\nquery_cache_size = 16\n");
    directory.write("onlooker.toml", &configuration);
    fs::copy(directory.join("onlooker-report/report.json"), directory.join("before.json")).expect("copied");
    let again = sh(&directory, &[&script])
        .env("PATH", &path)
        .env("LOGS", "logs")
        .env("BASELINE", "before.json")
        .output();
    let again = again.expect("it runs");
    assert!(said(&again).contains("the baseline has the same violations"), "{}", said(&again));
    directory.write("onlooker.toml", "wach = []\n");
    gate(2);
}

#[test]
fn both_pipelines_run_the_gate_script() {
    for name in ["github/onlooker-gate.yml", "gitlab/onlooker-gate.yml"] {
        assert!(read(name).contains("sh docs/integrations/ci/gate.sh\n"), "{name}");
    }
}

#[test]
fn the_lines_of_cron_run() {
    let directory = TestDirectory::with_compliant_trail();
    let path = path_with_onlooker(&directory);
    let place = |path: &str| directory.join(path).display().to_string();
    let mut run = 0;
    for line in read("cron/onlooker.cron")
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit() || c == '*'))
    {
        let fields: Vec<&str> = line.splitn(7, ' ').collect();
        assert_eq!((fields.len(), fields[5]), (7, "onlooker"), "five fields of time, and a user: {line}");
        // What this build lacks is left out of a line; what comes before it still runs.
        let parts: Vec<&str> = fields[6]
            .split(" && ")
            .take_while(|part| !lacks(part.split_whitespace().nth(1).expect("a command")))
            .collect();
        let command = parts
            .join(" && ")
            .replace("/var/lib/cloudtrail", &place("logs"))
            .replace("/var/lib/onlooker", &place("state"))
            .replace("/var/lib/prometheus/node-exporter", &place("state"))
            .replace("/var/backups/onlooker", &place("backups"));
        if command.is_empty() {
            continue;
        }
        let output = sh(&directory, &["-c", &command]).env("PATH", &path).output().expect("it runs");
        assert!(output.status.success(), "{command}: {}", said(&output));
        run += 1;
    }
    assert!(run >= 3, "{run} lines ran");
    assert!(directory.join("state/latest/report.json").is_file());
    assert_eq!(fs::read_dir(directory.join("backups")).expect("a folder").count(), 1);
}

#[test]
fn the_unit_files_are_valid() {
    if !has("systemd-analyze", &["--version"]) {
        return;
    }
    let directory = TestDirectory::new();
    let (mut units, mut timers) = (Vec::new(), 0);
    for file in files().iter().filter(|file| file.parent().is_some_and(|folder| folder.ends_with("systemd")))
    {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(file).expect("text").replace("/usr/local/bin/onlooker", BINARY);
        if let Some(stem) = name.strip_suffix(".timer") {
            timers += 1;
            assert!(Path::new(FOLDER).join(format!("systemd/{stem}.service")).is_file(), "{name}");
        }
        // The user of the service is made by the person who installs it.
        directory.write(&name, text.replace("User=onlooker\n", ""));
        units.push(directory.join(&name));
    }
    assert_eq!((units.len(), timers), (6, 3));
    let output =
        Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output().expect("it runs");
    let printed = said(&output);
    let ours: Vec<&str> = printed.lines().filter(|line| line.contains("onlooker")).collect();
    assert!(output.status.success() && ours.is_empty(), "{printed}");
    for calendar in ["*-*-* *:17:00", "*-*-* 02:00:00"] {
        let output = Command::new("systemd-analyze").args(["calendar", calendar]).output().expect("it runs");
        assert!(output.status.success(), "{calendar}: {}", said(&output));
    }
}

/// Writes a program that prints a line and ends with a code.
fn add_program(directory: &TestDirectory, name: &str, script: &str) {
    directory.write(&format!("fake/{name}"), format!("#!/bin/sh\n{script}\n"));
    let path = directory.join("fake").join(name);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("changed");
}

#[test]
fn the_check_of_datadog_sends_the_exit_code_and_the_line() {
    if !has("python3", &["--version"]) {
        return;
    }
    let directory = TestDirectory::new();
    directory.write(
        "datadog_checks/base.py",
        "class AgentCheck:\n    def service_check(self, name, code, message=None):\n        print(name, code, message)\n",
    );
    directory.write("datadog_checks/__init__.py", "");
    fs::copy(format!("{FOLDER}/datadog/onlooker_health.py"), directory.join("onlooker_health.py"))
        .expect("copied");
    let check = |command: &str| {
        let program = format!(
            "import onlooker_health as h; h.OnlookerHealthCheck().check({{'command': '{command}', 'state': '/s'}})"
        );
        let output =
            Command::new("python3").args(["-B", "-c", &program]).current_dir(directory.path()).output();
        said(&output.expect("it runs"))
    };
    for (code, printed) in
        [(0, "None"), (1, "WARNING health --nagios --state /s"), (2, "WARNING health --nagios --state /s")]
    {
        add_program(&directory, "onlooker", &format!("echo \"WARNING $*\"; exit {code}"));
        let fake = directory.join("fake/onlooker").display().to_string();
        assert_eq!(check(&fake), format!("onlooker.health {code} {printed}\n"));
    }
    add_program(&directory, "broken", "exit 101");
    assert!(check(&directory.join("fake/broken").display().to_string()).starts_with("onlooker.health 3"));
    assert!(check("/no/such/program").starts_with("onlooker.health 3 cannot run /no/such/program"));
}

#[test]
fn the_session_of_tmux_runs_the_monitor() {
    if !has("tmux", &["-V"]) {
        return;
    }
    let directory = TestDirectory::new();
    add_program(&directory, "onlooker", "echo \"$*\" > started; exec sleep 60");
    let path = format!("{}:{}", directory.join("fake").display(), std::env::var("PATH").unwrap_or_default());
    // A server of its own, which ends with this test.
    let tmux = |arguments: &[&str]| {
        let mut command = Command::new("tmux");
        command
            .args(arguments)
            .env("TMUX_TMPDIR", directory.path())
            .env_remove("TMUX")
            .output()
            .expect("it runs")
    };
    let script = format!("{FOLDER}/tmux/onlooker-monitor.sh");
    let output = sh(&directory, &[&script])
        .env("PATH", path)
        .env("TMUX_TMPDIR", directory.path())
        .env("ONLOOKER_STATE", "/the/state")
        .env_remove("TMUX")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", said(&output));
    let is_there = tmux(&["has-session", "-t", "onlooker"]).status.success();
    let command = said(&tmux(&["list-panes", "-t", "onlooker", "-F", "#{pane_start_command}"]));
    tmux(&["kill-server"]);
    assert!(is_there, "there is no session");
    assert!(command.contains("onlooker monitor --refresh 2 --state '/the/state'"), "{command}");
}
