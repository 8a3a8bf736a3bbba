//! The real binary: configuration, overrides, completions, and exit codes.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use insta::{assert_snapshot, with_settings};
use onlooker_core::config::{Config, Override};
use serde_json::Value;

fn onlooker(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onlooker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONLOOKER_") {
            command.env_remove(name);
        }
    }
    command.current_dir(directory).args(args).env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn run(directory: &Path, args: &[&str]) -> Output {
    onlooker(directory, args).output().expect("the binary runs")
}

fn exit_code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Everything that is printed, without what differs from run to run.
fn screen(directory: &Path, args: &[&str]) -> String {
    let output = run(directory, args);
    let text = format!("{}{}[exit {}]", stdout(&output), stderr(&output), exit_code(&output));
    let real = directory.canonicalize().expect("a directory");
    text.replace(&real.display().to_string(), "[dir]").replace(&directory.display().to_string(), "[dir]")
}

fn config_directory(text: Option<&str>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    if let Some(text) = text {
        std::fs::write(directory.path().join("onlooker.toml"), text).expect("written");
    }
    directory
}

const ADD: [&str; 16] = [
    "override",
    "add",
    "artifacts",
    "--principal=arn:aws:iam::*:role/ci",
    "--operation=s3:PutObject",
    "--resource=arn:aws:s3:::artifacts/*",
    "--owner",
    "build team",
    "--reason",
    "uploads what it built",
    "--from",
    "2026-01-31",
    "--expires",
    "2099-01-31",
    "--color",
    "never",
];

#[test]
fn init_writes_a_valid_configuration_with_the_defaults() {
    let home = config_directory(None);
    assert_snapshot!("init", screen(home.path(), &["config", "init"]));
    let validated = screen(home.path(), &["config", "validate", "--quick"]);
    let summary =
        "[dir]/onlooker.toml: valid; 0 patterns watched, 0 patterns exempt, 0 overrides (0 expired)\n";
    assert!(validated.starts_with(summary), "{validated}");
    assert!(validated.contains(" 0 warnings, 0 problems, "), "{validated}");
    assert!(validated.contains("note: no principal is watched"), "{validated}");
    assert_snapshot!("show", screen(home.path(), &["config", "show"]));
    assert_snapshot!("init_again", screen(home.path(), &["config", "init"]));
    assert_eq!(exit_code(&run(home.path(), &["config", "init", "--force", "--quiet"])), 0);
    let shown = stdout(&run(home.path(), &["config", "show"]));
    std::fs::write(home.path().join("shown.toml"), &shown).expect("written");
    let again = run(home.path(), &["config", "show", "--config", "shown.toml", "--json"]);
    assert_eq!(
        stdout(&again),
        stdout(&run(home.path(), &["config", "show", "--json"])),
        "the shown configuration can be read back"
    );
}

#[test]
fn the_secret_of_a_webhook_is_not_shown() {
    let webhook =
        "[[alerts.webhook]]\nname = \"ops\"\nkind = \"slack\"\nurl = \"https://hooks.slack.com/x/tOkEn\"\n";
    let home = config_directory(Some(webhook));
    for command in [&["config", "show"][..], &["config", "show", "--json"], &["config", "validate"]] {
        let run = run(home.path(), command);
        assert_eq!(exit_code(&run), 0, "{}", stderr(&run));
        let shown = format!("{}{}", stdout(&run), stderr(&run));
        assert!(!shown.contains("tOkEn"), "{shown}");
        assert_eq!(shown.contains("https://hooks.slack.com/..."), command.contains(&"show"), "{shown}");
    }
    let shown = stdout(&run(home.path(), &["config", "show"]));
    std::fs::write(home.path().join("shown.toml"), &shown).expect("written");
    let again = run(home.path(), &["config", "validate", "--config", "shown.toml"]);
    assert_eq!(exit_code(&again), 2);
    assert!(stderr(&again).contains("the URL is masked"), "{}", stderr(&again));
}

#[test]
fn an_invalid_configuration_lists_every_mistake() {
    let home = config_directory(Some(
        "wach = []\n\n[coverage]\naccounts = [\"1\"]\n\n[[override]]\nid = \"a\"\nprincipal = \"*\"\n",
    ));
    assert_snapshot!("mistakes", screen(home.path(), &["config", "validate"]));
    assert_snapshot!("mistakes_json", stdout(&run(home.path(), &["config", "validate", "--json"])));
    assert_eq!(exit_code(&run(home.path(), &["config", "show"])), 2);
    assert_eq!(exit_code(&run(home.path(), &["override", "list"])), 2);
}

#[test]
fn a_retired_standard_name_suggests_its_control_pack() {
    let home = config_directory(Some("standard = \"GCC_2_0\"\n"));
    assert_snapshot!("retired", screen(home.path(), &["config", "validate"]));
    let flag = run(home.path(), &["sweep", ".", "--standard", "GCC_2_0"]);
    assert_eq!(exit_code(&flag), 2);
    assert!(stderr(&flag).contains("docs/packs/gcc-2-0.toml"));
    let variable = onlooker(config_directory(None).path(), &["config", "validate"])
        .env("ONLOOKER_STANDARD", "GCC_2_0")
        .output()
        .expect("the binary runs");
    assert_eq!(exit_code(&variable), 2);
    assert!(stderr(&variable).starts_with("error: ONLOOKER_STANDARD: "), "{}", stderr(&variable));
}

#[test]
fn environment_variables_take_precedence_and_unknown_ones_are_refused() {
    let home = config_directory(Some("standard = \"SOC2\"\n"));
    let shown = onlooker(home.path(), &["config", "show"])
        .envs([
            ("ONLOOKER_STANDARD", "ISO27001"),
            ("ONLOOKER_COVERAGE_REGIONS", ""),
            ("ONLOOKER_TEST_DATA", "x"),
        ])
        .output()
        .expect("the binary runs");
    assert!(stdout(&shown).contains("standard = \"ISO27001\""));
    assert!(stdout(&shown).contains("# from the variable ONLOOKER_STANDARD\n"));
    assert!(
        !stdout(&shown).contains("ONLOOKER_COVERAGE_REGIONS")
            && !stdout(&shown).contains("ONLOOKER_TEST_DATA")
    );
    let unknown = onlooker(home.path(), &["config", "show"])
        .env("ONLOOKER_STANDRAD", "SOC2")
        .output()
        .expect("the binary runs");
    assert_eq!(exit_code(&unknown), 2);
    assert!(stderr(&unknown).contains("did you mean `ONLOOKER_STANDARD`?"));
}

#[test]
fn the_file_is_found_in_a_parent_directory_or_by_path() {
    let home = config_directory(Some("standard = \"SOC2\"\n"));
    let below = home.path().join("a/b");
    std::fs::create_dir_all(&below).expect("made");
    std::fs::write(below.join("other.toml"), "standard = \"ISO27001\"\n").expect("written");
    assert!(stdout(&run(&below, &["config", "show"])).contains("SOC2"));
    assert!(stdout(&run(&below, &["config", "show", "--config", "other.toml"])).contains("ISO27001"));
    let by_variable =
        onlooker(&below, &["config", "show"]).env("ONLOOKER_CONFIG", "other.toml").output().expect("it runs");
    assert!(stdout(&by_variable).contains("ISO27001"));
    assert_snapshot!("no_such_file", screen(&below, &["config", "show", "--config", "none.toml"]));
}

#[test]
fn files_named_in_a_configuration_must_exist() {
    let home = config_directory(Some("standard = \"CUSTOM\"\nstandard_file = \"packs/own.toml\"\n"));
    assert_snapshot!("missing_pack", screen(home.path(), &["config", "validate"]));
    let json = stdout(&run(home.path(), &["config", "validate", "--json"]));
    let json: Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json["problems"][0]["key"], "standard_file");
    std::fs::create_dir(home.path().join("packs")).expect("made");
    let pack = home.path().join("packs/own.toml");
    std::fs::write(&pack, "").expect("written");
    assert_eq!(exit_code(&run(home.path(), &["config", "validate"])), 2, "it is not a control pack");
    std::fs::write(&pack, include_str!("../docs/packs/gcc-2-0.toml")).expect("written");
    assert_eq!(exit_code(&run(home.path(), &["config", "validate"])), 0);
}

#[test]
fn values_of_a_profile_that_were_not_edited_are_named() {
    let home = config_directory(None);
    assert_eq!(exit_code(&run(home.path(), &["config", "init", "--profile", "management-only"])), 0);
    let validate = || run(home.path(), &["config", "validate", "--quick"]);
    let named = |output: &Output| stdout(output).matches("still the example of the profile").count();
    let fresh = validate();
    assert_eq!((exit_code(&fresh), named(&fresh)), (1, 3), "{}", stdout(&fresh));
    assert!(stdout(&fresh).contains("line-8 "), "{}", stdout(&fresh));
    let path = home.path().join("onlooker.toml");
    let text = std::fs::read_to_string(&path).expect("there");
    // Another value is complete; the same one is, if the comment is gone.
    let text =
        text.replace("111122223333", "444455556666").replace("# EDIT: the principal.", "# The principal.");
    std::fs::write(&path, text.replace("# EDIT: every enabled Region", "# Every enabled Region"))
        .expect("written");
    assert_eq!(named(&validate()), 0, "{}", stdout(&validate()));
    // A list of several lines is compared as a whole.
    assert_eq!(exit_code(&run(home.path(), &["config", "init", "--profile", "full", "--force"])), 0);
    assert_eq!(named(&validate()), 5, "{}", stdout(&validate()));
    let text =
        std::fs::read_to_string(&path).expect("there").replace("    \"data:AWS::Lambda::Function\",\n", "");
    std::fs::write(&path, text).expect("written");
    assert_eq!(named(&validate()), 4, "{}", stdout(&validate()));
}

#[test]
fn overrides_are_added_listed_and_removed_and_comments_stay() {
    let text = "# ours\nstandard = \"SOC2\"  # agreed\n\n[limits]\nthreads = 2 # not more\n";
    let home = config_directory(Some(text));
    let file = || std::fs::read_to_string(home.path().join("onlooker.toml")).expect("there");
    assert_snapshot!("add", screen(home.path(), &ADD));
    assert_snapshot!("added", file());
    assert_snapshot!("list", screen(home.path(), &["override", "list"]));
    assert_snapshot!("list_json", stdout(&run(home.path(), &["override", "list", "--json"])));
    assert_snapshot!("add_again", screen(home.path(), &ADD));
    assert_snapshot!("remove_misspelt", screen(home.path(), &["override", "remove", "artifacts"]));
    assert_snapshot!("remove", screen(home.path(), &["override", "remove", "artifacts"]));
    assert_eq!(file(), text);
    assert_snapshot!("list_none", screen(home.path(), &["override", "list"]));
}

/// Adds an override with the given principal, operation and further options. Returns what the command said.
fn add_override(home: &Path, principal: &str, operation: &str, more: &[&str]) -> Output {
    let options = ["--principal", principal, "--operation", operation, "--owner", "o", "--reason", "r"];
    run(home, &[&["override", "add", "one"][..], &options, more].concat())
}

#[test]
fn an_override_begins_when_it_is_added_unless_a_start_is_given() {
    let added = |more: &[&str]| {
        let home = config_directory(Some(""));
        let output = add_override(home.path(), "arn:aws:iam::111122223333:role/ci", "s3:PutObject", more);
        assert_eq!(
            (exit_code(&output), stderr(&output).as_str()),
            (0, ""),
            "a narrow override has no warning"
        );
        let says_so = stdout(&output).contains("it allows no call of the past; `--from 7d`");
        assert_eq!(says_so, !more.contains(&"--from"), "{}", stdout(&output));
        let text = std::fs::read_to_string(home.path().join("onlooker.toml")).expect("there");
        Config::from_toml(&text, "onlooker.toml").expect("valid").overrides.remove(0)
    };
    // Both times come from one reading of the clock, so the span between them says what they were computed from.
    let span = |entry: Override| entry.expires.0 - entry.from.expect("a start").0;
    assert_eq!(span(added(&["--expires", "90d"])), 90 * 86_400, "it begins now");
    assert_eq!(span(added(&["--expires", "1d", "--from", "7d"])), 8 * 86_400, "it began a week ago");
}

#[test]
fn a_wide_override_and_an_unknown_operation_are_warned_of() {
    let home = config_directory(Some(""));
    let output = add_override(
        home.path(),
        "arn:aws:iam::*:role/ci",
        "s3:PutObjct",
        &["--from", "2026-01-01", "--expires", "2099-01-01"],
    );
    assert_eq!(exit_code(&output), 0);
    let warnings = [
        "the override `one` is wide: its principal `arn:aws:iam::*:role/ci` has a wildcard",
        "the override `one` is wide: it lasts longer than a year (26663 days)",
        "the override `one`: `s3:PutObjct` is not in the catalog; did you mean `s3:PutObject`",
    ];
    let validate = run(home.path(), &["config", "validate"]);
    let list = run(home.path(), &["override", "list"]);
    let json =
        |args: &[&str]| -> Value { serde_json::from_str(&stdout(&run(home.path(), args))).expect("JSON") };
    let (json, validated) = (json(&["override", "list", "--json"]), json(&["config", "validate", "--json"]));
    for warning in warnings {
        assert!(stderr(&output).contains(&format!("warning: {warning}")), "{}", stderr(&output));
        assert!(stdout(&validate).contains(warning), "{}", stdout(&validate));
        assert!(stdout(&list).contains(&format!("  warning {warning}")), "{}", stdout(&list));
        assert!(json[0]["warnings"].to_string().contains(warning), "{json}");
        assert!(validated["checks"].to_string().contains(warning), "{validated}");
    }
    assert_eq!(exit_code(&validate), 1, "valid, with warnings");
    assert!(stdout(&validate).contains(", 3 warnings, 0 problems"), "{}", stdout(&validate));
    let quiet = run(home.path(), &["config", "validate", "--quiet"]);
    assert_eq!(stdout(&quiet).matches("  warning ").count(), 3, "{}", stdout(&quiet));
}

#[test]
fn a_region_that_no_partition_has_is_a_warning_with_the_one_that_may_be_meant() {
    let home = config_directory(Some("[coverage]\nregions = [\"eu-central-1\", \"us-east-9\"]\n"));
    let validate = run(home.path(), &["config", "validate", "--quick"]);
    assert_eq!(exit_code(&validate), 1);
    for text in ["this version does not know the region `us-east-9`", "fix: write `us-east-1`"] {
        assert!(stdout(&validate).contains(text), "{}", stdout(&validate));
    }
    assert!(!stdout(&validate).contains("the region `eu-central-1`"), "{}", stdout(&validate));
}

#[test]
fn an_override_that_expires_before_it_begins_is_an_error() {
    let home = config_directory(Some(
        "[[override]]\nid = \"one\"\nprincipal = \"arn:aws:iam::*:role/ci\"\noperation = \"s3:PutObject\"\n\
         owner = \"o\"\nreason = \"r\"\nfrom = 2027-01-31T00:00:00Z\nexpires = 2027-01-31T00:00:00Z\n",
    ));
    let output = run(home.path(), &["config", "validate"]);
    assert_eq!(exit_code(&output), 2);
    assert!(
        stderr(&output).contains("the override begins 2027-01-31T00:00:00Z and expires"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_invalid_override_is_refused_before_the_file_changes() {
    let home = config_directory(Some(""));
    let with = |from: &str, to: &'static str| {
        let args = ADD.map(|arg| if arg == from { to } else { arg });
        let said = screen(home.path(), &args);
        assert!(said.ends_with("[exit 2]"), "{said}");
        said
    };
    assert!(with("--principal=arn:aws:iam::*:role/ci", "--principal=ci").contains("error: principal: `ci`"));
    assert!(with("--operation=s3:PutObject", "--operation=*").contains("error: operation: `*`"));
    assert!(with("build team", " ").contains("error: owner: "));
    assert!(with("2099-01-31", "2001-01-31").contains("is in the past"));
    assert!(with("2026-01-31", "2099-02-28").contains("is not before `--expires 2099-01-31T00:00:00Z`"));
    assert!(with("2099-01-31", "soon").contains("write a time"));
    assert_eq!(std::fs::read_to_string(home.path().join("onlooker.toml")).expect("there"), "");
    let nowhere = tempfile::tempdir().expect("a directory");
    assert_snapshot!("add_without_a_file", screen(nowhere.path(), &ADD));
}

#[test]
fn the_schema_is_json_and_completions_are_made_for_every_shell() {
    let home = config_directory(None);
    let schema: Value =
        serde_json::from_str(&stdout(&run(home.path(), &["config", "schema"]))).expect("json");
    assert_eq!(schema["additionalProperties"], false);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(home.path(), &["completions", shell]);
        assert_eq!(exit_code(&script), 0, "{shell}");
        assert!(stdout(&script).contains("log-level"), "{shell}");
    }
}

#[test]
fn wrong_usage_is_exit_code_two_and_help_is_zero() {
    let home = config_directory(None);
    for args in [
        &[] as &[&str],
        &["swep"],
        &["config"],
        &["config", "show", "--bogus"],
        &["sweep"],
        &["sweep", ".", "--watch", "Auditor"],
        &["sweep", ".", "--account", "12"],
        &["sweep", ".", "--region", "global"],
        &["sweep", ".", "--since", "yesterday"],
        &["sweep", ".", "--threads", "4096"],
        &["check"],
        &["config", "show", "--log-level", "loud"],
        &["config", "show", "--quiet", "--verbose"],
    ] {
        let output = run(home.path(), args);
        assert_eq!((exit_code(&output), stdout(&output).as_str()), (2, ""), "{args:?}");
        assert!(!stderr(&output).is_empty(), "{args:?}");
    }
    for args in [&["--help"] as &[&str], &["-h"], &["--version"], &["sweep", "--help"], &["help", "override"]]
    {
        let output = run(home.path(), args);
        assert_eq!((exit_code(&output), stderr(&output).as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn hand_formatted_help_fits_eighty_columns() {
    let home = config_directory(None);
    let commands =
        ["demo", "sweep", "report", "check", "ops", "catalog", "config", "override", "completions"];
    for command in commands.into_iter().chain(["verify trail"]) {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = stdout(&run(home.path(), &words));
        let (_, by_hand) = help.rsplit_once("Global options:").unwrap_or(("", &help));
        let examples =
            by_hand.split_once("Examples:").unwrap_or_else(|| panic!("{command} has no examples")).1;
        for line in examples.lines() {
            assert!(line.chars().count() <= 80, "{command}: {line}");
        }
    }
    with_settings!({ description => "the help that a new user sees first" }, {
        assert_snapshot!("help", stdout(&run(home.path(), &["--help"])));
    });
}

#[test]
fn color_is_used_only_on_request() {
    let home = config_directory(Some("wach = 1"));
    let shown = |args: &[&str]| stderr(&run(home.path(), args)).contains('\u{1b}');
    assert!(!shown(&["config", "show"]));
    assert!(shown(&["config", "show", "--color", "always"]));
    assert!(!shown(&["config", "show", "--color=never"]));
    assert!(shown(&["--color=always", "swep"]));
    assert!(!shown(&["--color", "never", "swep"]));
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_not_an_error_but_a_full_disk_is() {
    let home = config_directory(None);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = onlooker(home.path(), &["config", "schema"]).stdout(writer).status().expect("it runs");
    assert_eq!(status.code(), Some(0));
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let output = onlooker(home.path(), &["config", "schema"]).stdout(full).output().expect("it runs");
        assert_eq!(exit_code(&output), 4);
        assert!(stderr(&output).contains("cannot write to standard output"), "{}", stderr(&output));
    }
}
