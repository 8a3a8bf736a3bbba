//! The real binary on its own health: the four states, their exit codes, metrics in a file and by scrape, and the screen.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use fixture::{READ_CALL, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, object};
use serde_json::Value;

/// An hour after the end of the compliant trail, so that no result depends on the clock.
const AT: &str = "--at=2026-10-06T14:00:00Z";

/// A compliant trail, swept.
fn swept() -> TestDirectory {
    let directory = TestDirectory::with_compliant_trail();
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    directory
}

#[track_caller]
fn health(directory: &TestDirectory, more: &[&str], code: i32) -> Value {
    let output = directory.run(&[&["health", "--json", AT], more].concat()).assert_exit_code(code);
    serde_json::from_str(&output.stdout).expect("JSON")
}

#[track_caller]
fn check<'h>(health: &'h Value, name: &str) -> &'h Value {
    let checks = health["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}: {health}"))
}

#[test]
fn a_swept_trail_is_healthy() {
    let directory = swept();
    let health = health(&directory, &[], 0);
    assert_eq!(health["status"], "healthy", "{health:#}");
    let not_applicable: Vec<&str> = health["not_applicable"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(not_applicable, ["write-buffer", "dead-letters", "circuit-breakers"]);
    for one in health["checks"].as_array().expect("checks") {
        assert!(
            one["message"].is_string() && !one["measures"].as_array().expect("measures").is_empty(),
            "{one}"
        );
    }
    assert_eq!(check(&health, "audit-store-size")["measures"][0]["warning"], 1e9);
    assert_eq!(health["thresholds"]["circuit_breaker_threshold"], 5);
    let text = directory.run(&["health", AT]).assert_exit_code(0).stdout;
    assert!(text.starts_with("HEALTHY  9 checks healthy\n"), "{text}");
    assert!(text.contains("> 1.0 GB / > 5.0 GB") && text.contains("does not apply: "), "{text}");
}

#[test]
fn old_evidence_is_a_warning_and_very_old_evidence_is_critical() {
    let directory = swept();
    let warning = health(&directory, &["--max-age", "30m"], 1);
    assert_eq!(
        (&warning["status"], &check(&warning, "coverage-lag")["status"]),
        (&"warning".into(), &"warning".into())
    );
    let critical = health(&directory, &["--max-age", "20m"], 2);
    assert_eq!(critical["status"], "critical");
    let lag = check(&critical, "coverage-lag");
    assert_eq!(lag["measures"][0]["value"], 3_600.0, "{lag}");
    assert!(
        lag["remedy"].as_str().is_some_and(|remedy| remedy.contains("sweep the newest log files")),
        "{lag}"
    );
}

#[test]
fn a_broken_promise_is_critical() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/10b.json.gz", object(&[WRITE_CALL]));
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(1);
    let health = health(&directory, &[], 2);
    assert_eq!(check(&health, "open-findings")["status"], "critical", "{health:#}");
}

#[test]
fn without_a_sweep_or_with_a_damaged_state_the_health_is_unknown() {
    let directory = TestDirectory::new();
    let none = health(&directory, &[], 3);
    assert_eq!(none["status"], "unknown");
    let message = &check(&none, "coverage-lag")["message"];
    assert_eq!(message, "there is no sweep in `.onlooker`");
    directory.write(".onlooker/state.db", "not a database");
    let damaged = health(&directory, &[], 3);
    let message = check(&damaged, "open-findings")["message"].as_str().expect("text");
    assert!(message.contains("the state database `.onlooker/state.db` failed"), "{message}");
}

#[test]
fn evidence_without_a_digest_file_is_unknown() {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", fixture::MANAGEMENT_ONLY_CONFIG);
    let builder = RecordedCall { id: 4, role: "Builder", ..WRITE_CALL };
    directory.write("logs/10.json.gz", object(&[READ_CALL, builder]));
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(0);
    let health = health(&directory, &[], 3);
    assert_eq!(health["summary"], "1 unknown: log-digests", "{health:#}");
}

#[test]
fn a_failure_of_the_command_is_unknown_and_not_critical() {
    let directory = TestDirectory::new();
    directory.write("onlooker.toml", "nonsense = 1\n");
    let failed = directory.run(&["health", "--nagios"]).assert_exit_code(3).assert_stderr(&["nonsense"]);
    assert_eq!(failed.stdout, "ONLOOKER UNKNOWN - the command failed; see standard error\n");
    directory.run(&["health", "--no-such-option"]).assert_exit_code(3);
    directory.run(&["metrics", "--no-such-option"]).assert_exit_code(2);
    directory.run(&["health", "--help"]).assert_exit_code(0);
}

#[test]
fn the_output_of_a_plugin_is_one_line_with_performance_data() {
    let directory = swept();
    let line = directory.run(&["health", "--nagios", AT]).assert_exit_code(0).stdout;
    assert!(line.starts_with("ONLOOKER OK - 9 checks healthy | "), "{line}");
    assert_eq!(line.lines().count(), 1);
    assert!(line.contains("'coverage_lag'=3600s;86400;172800;0"), "{line}");
    let line = directory.run(&["health", "--nagios", AT, "--max-age=30m"]).assert_exit_code(1).stdout;
    assert!(
        line.starts_with("ONLOOKER WARNING - 1 warning: coverage-lag; coverage-lag: evidence of "),
        "{line}"
    );
}

#[test]
fn the_audit_trail_is_measured() {
    let directory = swept();
    let objects = |health: &Value| {
        check(health, "audit-store-size")["measures"][1]["value"].as_f64().expect("a number")
    };
    let before = health(&directory, &[], 0);
    let size: u64 = files_below(&directory.join(".onlooker/audit"));
    assert!(
        objects(&before) > 0.0 && check(&before, "audit-store-size")["measures"][0]["value"] == size as f64
    );
    // A batch that cannot be read leaves the size known, and what it limits unknown.
    let now = directory.run(&["health", "--json"]);
    let now: Value = serde_json::from_str(&now.stdout).expect("JSON");
    assert_ne!(check(&now, "rate-limiting")["status"], "unknown", "{now:#}");
    damage_batches(&directory.join(".onlooker/audit"));
    let after = directory.run(&["health", "--json"]);
    let after: Value = serde_json::from_str(&after.stdout).expect("JSON");
    assert_eq!(check(&after, "rate-limiting")["status"], "unknown", "{after:#}");
    assert_eq!(check(&after, "audit-store-size")["status"], "healthy");
}

/// Bytes of all files below a directory.
fn files_below(dir: &std::path::Path) -> u64 {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| match entry.file_type().expect("a type").is_dir() {
            true => files_below(&entry.path()),
            false => entry.metadata().expect("metadata").len(),
        })
        .sum()
}

/// Replaces each batch with the same number of other bytes.
fn damage_batches(dir: &std::path::Path) {
    for entry in fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry")) {
        match entry.file_type().expect("a type").is_dir() {
            true => damage_batches(&entry.path()),
            false => fs::write(entry.path(), vec![b'x'; 100]).expect("written"),
        }
    }
}

/// Value of a series.
#[track_caller]
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in:\n{text}")).parse().expect("a number")
}

#[test]
fn metrics_replace_a_file_as_a_whole() {
    let directory = swept();
    directory.write("textfile/onlooker.prom", "an old file that is longer than nothing\n".repeat(10_000));
    let old = fs::File::open(directory.join("textfile/onlooker.prom")).expect("a file");
    directory.run(&["metrics", "--out", "textfile/onlooker.prom", AT]).assert_exit_code(0);
    let text = fs::read_to_string(directory.join("textfile/onlooker.prom")).expect("a file");
    assert!(text.ends_with("# EOF\n") && !text.contains("an old file"), "{text}");
    assert_eq!(value(&text, "inventag_compliance_score"), 100.0);
    assert_eq!(value(&text, "onlooker_health_status"), 0.0);
    assert_eq!(value(&text, "onlooker_run_records{function=\"sweep\"}"), 3.0);
    // A reader that opened the old file still has all of it, so the file was replaced and not written over.
    let mut before = String::new();
    BufReader::new(old).read_to_string(&mut before).expect("text");
    assert_eq!(before.lines().count(), 10_000);
    let others: Vec<_> = fs::read_dir(directory.join("textfile")).expect("a directory").collect();
    assert_eq!(others.len(), 1, "no temporary file stays: {others:?}");
    assert_eq!(directory.run(&["metrics", AT]).assert_exit_code(0).stdout, text);
    // A file that cannot be written is a failure, and a bare name is a file here.
    directory.run(&["metrics", "--out", "textfile/onlooker.prom/x", AT]).assert_exit_code(4);
    directory.run(&["metrics", "--out", "here.prom", AT]).assert_exit_code(0);
    assert_eq!(fs::read_to_string(directory.join("here.prom")).expect("a file"), text);
}

/// Ends the listener with the test.
struct Listener(Child);

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Listener {
    fn start(mut command: Command) -> (Self, String) {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
        let url = line.trim_end().strip_prefix("note: listening on http://").expect("an address");
        (Self(child), url.strip_suffix("/metrics").expect("a path").to_owned())
    }
}

fn request(address: &str, text: &str) -> String {
    let mut client = TcpStream::connect(address).expect("connected");
    client.write_all(text.as_bytes()).expect("written");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_listener_answers_each_scrape_with_what_is_there_now() {
    let directory = swept();
    let (_listener, address) = Listener::start(directory.command(&["metrics", "--listen", "0", AT]));
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let scrape = || {
        let answer = request(&address, &format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            head.contains("\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
            "{head}"
        );
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
        body.to_owned()
    };
    let first = scrape();
    assert_eq!(
        (value(&first, "onlooker_scrapes_total"), value(&first, "onlooker_compliance_score")),
        (1.0, 100.0)
    );
    directory.write("logs/10b.json.gz", object(&[WRITE_CALL]));
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(1);
    let second = scrape();
    assert_eq!(
        (value(&second, "onlooker_scrapes_total"), value(&second, "onlooker_compliance_score")),
        (2.0, 66.66)
    );
    assert_eq!(value(&second, "onlooker_compliance_status{status=\"NON_COMPLIANT\"}"), 1.0);
    let refused = request(&address, "GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    let lost = request(&address, "GET / HTTP/1.1\r\n\r\n");
    assert!(lost.starts_with("HTTP/1.1 404 "), "{lost}");
    // A client that ends before its request does not end the listener.
    drop(TcpStream::connect(&address).expect("connected"));
    assert_eq!(value(&scrape(), "onlooker_scrapes_total"), 3.0);
}

#[test]
fn a_listener_for_other_machines_needs_the_word_of_the_user() {
    let directory = swept();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.7:9464"] {
        let refused = directory.run(&["metrics", "--listen", address]).assert_exit_code(2);
        refused.assert_stderr(&["would answer other machines", "--allow-other-machines"]);
    }
    directory.run(&["metrics", "--listen", "localhost"]).assert_exit_code(2).assert_stderr(&["write a port"]);
    directory.run(&["metrics", "--allow-other-machines"]).assert_exit_code(2);
    let (_listener, address) =
        Listener::start(directory.command(&["metrics", "--listen", "0.0.0.0:0", "--allow-other-machines"]));
    assert!(address.starts_with("0.0.0.0:"), "{address}");
}

#[test]
fn the_screen_is_plain_text_where_there_is_no_terminal() {
    let directory = swept();
    for more in [&["--once"][..], &[]] {
        let text = directory.run(&[&["monitor", AT], more].concat()).assert_exit_code(0).stdout;
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.starts_with("ONLOOKER  HEALTHY  .onlooker  2026-10-06T14:00:00Z  up 00:00:0"), "{text}");
        for part in [
            "PROMISE",
            "COMPLIANT",
            "ACTIVITY",
            "last hour",
            "last 24 h",
            "EVIDENCE",
            "█",
            "SOURCES",
            "sweep",
            "STORES",
        ] {
            assert!(text.contains(part), "no {part}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
    // Without a sweep the screen says so.
    let empty = TestDirectory::new();
    let text = empty.run(&["monitor", "--once"]).assert_exit_code(0).stdout;
    assert!(text.contains("UNKNOWN") && text.contains("there is no sweep in"), "{text}");
    empty.run(&["monitor", "--refresh", "0"]).assert_exit_code(2);
}
