//! The real binary: `permissions graph` on the files of three accounts.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use insta::assert_snapshot;
use serde_json::Value;

use fixture::{CommandOutput, TestDirectory};

const FILES: [(&str, &str); 3] = [
    ("security.json", include_str!("data/principal_graph/security.json")),
    ("workload.json", include_str!("data/principal_graph/workload.json")),
    ("data.json", include_str!("data/principal_graph/data.json")),
];
const HUB: [&str; 2] = ["--from", "arn:aws:iam::*:role/AuditHub"];

fn directory(config: &str) -> TestDirectory {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", config);
    for (name, text) in FILES {
        directory.write(name, text);
    }
    directory
}

fn run(args: &[&str]) -> CommandOutput {
    let files = ["permissions", "graph", "security.json", "workload.json", "data.json"];
    directory("").run(&[&files, args].concat())
}

#[test]
fn the_steps_of_each_path_are_printed() {
    let output = run(&HUB).assert_exit_code(1);
    assert_snapshot!("text", output.stdout);
    let documented = include_str!("../docs/principal-graph.md");
    assert!(documented.contains(&output.stdout), "docs/principal-graph.md has another output");
    let markdown = run(&[&HUB[..], &["--format", "markdown"]].concat()).assert_exit_code(1).stdout;
    let chart =
        markdown.split("```mermaid").nth(1).and_then(|rest| rest.split("```").next()).expect("a chart");
    assert!(documented.contains(chart), "docs/principal-graph.md has another chart than {chart}");
}

#[test]
fn the_result_decides_the_exit_code() {
    for (from, to, code, word) in [
        ("arn:aws:iam::*:role/AuditHub", None, 1, "PATH"),
        ("arn:aws:iam::*:user/ann", None, 3, "INDETERMINATE"),
        ("arn:aws:iam::*:role/Web", None, 0, "NO_PATH"),
        ("arn:aws:iam::*:role/AuditHub", Some("arn:aws:iam::*:user/ann"), 0, "NO_PATH"),
        ("arn:aws:iam::*:role/AuditHub", Some("arn:aws:iam::*:role/Absent"), 3, "INDETERMINATE"),
        ("arn:aws:iam::*:role/Absent", None, 3, "INDETERMINATE"),
    ] {
        let more: Vec<&str> = to.map(|to| vec!["--to", to]).unwrap_or_default();
        let output = run(&[&["--from", from][..], &more].concat()).assert_exit_code(code);
        assert!(output.stdout.starts_with(&format!("{word}  ")), "{}", output.stdout);
        assert_eq!(
            output.stderr.contains("matches no principal"),
            format!("{from}{to:?}").contains("Absent")
        );
    }
}

#[test]
fn the_watched_principals_are_the_sources() {
    let config = "[[watch]]\nprincipal = \"arn:aws:iam::*:role/AuditSpoke\"\n";
    let args = ["permissions", "graph", "security.json", "workload.json", "data.json", "--json"];
    let output = directory(config).run(&args).assert_exit_code(1);
    let graph: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let spokes = ["arn:aws:iam::444455556666:role/AuditSpoke", "arn:aws:iam::777788889999:role/AuditSpoke"];
    assert_eq!(graph["sources"], serde_json::json!(spokes));
    assert_eq!((&graph["schema_version"], &graph["result"]), (&"2.0".into(), &"PATH".into()));
    let all = directory("").run(&args).assert_exit_code(1);
    let all: Value = serde_json::from_str(&all.stdout).expect("JSON");
    assert_eq!(all["sources"].as_array().map(Vec::len), Some(8));
}

#[test]
fn account_details_may_be_named_by_the_option() {
    let directory = directory("");
    let one = directory.run(&[
        "permissions",
        "graph",
        "--authorization-details",
        "security.json",
        "--authorization-details",
        "workload.json",
        "data.json",
        HUB[0],
        HUB[1],
    ]);
    assert_eq!(one.stdout, run(&HUB).stdout);
}

#[test]
fn files_are_written_in_each_format() {
    let directory = directory("");
    let files = ["permissions", "graph", "security.json", "workload.json", "data.json", "--out", "out"];
    let output = directory.run(&files).assert_exit_code(1);
    assert!(output.stdout.contains("wrote out/principal-graph.json"), "{}", output.stdout);
    directory.run(&[&files[..], &["--format", "markdown,html"]].concat()).assert_exit_code(1);
    for name in ["json", "md", "html"] {
        let path = directory.path().join(format!("out/principal-graph.{name}"));
        let text = std::fs::read_to_string(path).expect("written");
        assert!(text.contains("444455556666") && text.contains("pass-role-to-lambda"), "{name}");
    }
}

#[test]
fn invalid_options_are_refused_with_a_remedy() {
    for (args, words) in [
        (&["--format", "json,html"][..], ["only one format", "--out DIR"]),
        (&["--format", "json", "--json"], ["both print", "remove one"]),
        (&["--format", "terminal", "--out", "o"], ["for standard output", "leave it out"]),
        (&["--from", "auditor"], ["--from", "ARN"]),
    ] {
        run(args).assert_exit_code(2).assert_stderr(&words);
    }
    directory("").run(&["permissions", "graph"]).assert_exit_code(2).assert_stderr(&["<FILE>"]);
    directory("")
        .run(&["permissions", "--json", "graph", "data.json"])
        .assert_exit_code(2)
        .assert_stderr(&["stands before `graph`", "onlooker permissions graph"]);
}

#[test]
fn a_nested_stack_without_its_template_leaves_the_result_open() {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", "");
    let nested = "Resources:\n  Nest:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: 'https://s3.amazonaws.com/b/t.yaml' }\n  Reader:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: reader\n      AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'sts:AssumeRole', Principal: {Service: ec2.amazonaws.com}}]}\n";
    directory.write("nested.yaml", nested);
    let graph = ["permissions", "graph", "nested.yaml", "--account", "111122223333"];
    let text = directory.run(&graph).assert_exit_code(3).stdout;
    assert!(text.starts_with("INDETERMINATE  ") && text.contains("nested.yaml: Nest: "), "{text}");
    for format in ["json", "markdown", "html"] {
        let text = directory.run(&[&graph[..], &["--format", format]].concat()).assert_exit_code(3).stdout;
        assert!(text.contains("nested.yaml") && text.contains("Nest"), "{format}: {text}");
    }
    // The template of the nested stack is one of the files.
    directory.write("t.yaml", "Resources: {}\n");
    directory.run(&[&graph[..], &["t.yaml"]].concat()).assert_exit_code(0);
}
