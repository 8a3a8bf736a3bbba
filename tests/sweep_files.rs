//! The real binary over the same trail in many forms: where a sweep reads from, where it writes, and what a terminal gets.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{fs, io::Read as _};

use fixture::{
    CommandOutput, READ_CALL, RecordedCall, TestDirectory, WATCH_AUDITOR, WRITE_CALL, all_formats, report,
    uncompressed_object,
};
use onlooker_core::render::FORMATS;

/// Sweeps `logs` once, without state, and gives the report as JSON.
fn sweep(directory: &TestDirectory, more: &[&str]) -> CommandOutput {
    directory.run(&[&["sweep", "logs", "--no-state", "--json"], more].concat())
}

#[test]
fn several_formats_go_to_files_and_one_to_standard_output() {
    let directory = TestDirectory::with_compliant_trail();
    let sweep =
        |args: &[&str]| directory.run(&[&["sweep", "logs", "--no-state", WATCH_AUDITOR], args].concat());
    let names = |dir: &str| {
        let mut names: Vec<String> = fs::read_dir(directory.join(dir))
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    sweep(&["--out", "a/b"]).assert_exit_code(0);
    assert_eq!(names("a/b"), ["report.html", "report.json"]);
    sweep(&["--out", "all", "--format", &all_formats()]).assert_exit_code(0);
    let all = names("all");
    for name in ["report.html", "report.json", "report.md", "report.txt"] {
        assert!(all.contains(&name.to_owned()), "{all:?}");
    }
    assert!(all.iter().filter(|name| name.ends_with(".csv")).count() > 1, "{all:?}");

    for format in [&["--format", "json"], &["--format=html", "--quiet"]] {
        let out = sweep(format).assert_exit_code(0).stdout;
        assert!(
            out.starts_with('{') || out.trim_start().starts_with("<!"),
            "{}",
            out.get(..40).unwrap_or(&out)
        );
    }
    assert!(sweep(&["--format", "markdown"]).assert_exit_code(0).stdout.starts_with('#'));
    let written = report(&fs::read_to_string(directory.join("all/report.json")).expect("a report"));
    assert_eq!(sweep(&["--format", "json"]).report().id, written.id);
    assert_eq!(
        sweep(&["--json", "--out", "c", "--format", "html"]).assert_exit_code(0).report().id,
        written.id
    );
    assert_eq!(names("c"), ["report.html"]);

    sweep(&["--format", "json,html"]).assert_exit_code(2).assert_stderr(&["--out"]);
    for format in FORMATS {
        let swept = sweep(&["--format", format.name]);
        match format.fits_standard_output {
            true => assert!(!swept.assert_exit_code(0).stdout.is_empty(), "{}", format.name),
            false => {
                swept.assert_exit_code(2).assert_stderr(&["--out", format.name]);
            }
        }
    }
    sweep(&["--format", "json", "--json"]).assert_exit_code(2).assert_stderr(&["standard output"]);
    sweep(&["--format", "pdf"]).assert_exit_code(2).assert_stderr(&["markdown"]);
}

#[test]
fn one_format_of_one_file_goes_to_a_file() {
    let directory = TestDirectory::with_compliant_trail();
    let sweep =
        |args: &[&str]| directory.run(&[&["sweep", "logs", "--no-state", WATCH_AUDITOR], args].concat());
    let read = |name: &str| fs::read_to_string(directory.join(name)).expect("a file");
    let ran = sweep(&["--format", "markdown", "--out", "new/comment.md"]).assert_exit_code(0);
    assert!(ran.stdout.contains("new/comment.md") && read("new/comment.md").starts_with("# Onlooker"));
    sweep(&["--out", "page.html"]).assert_exit_code(0);
    assert!(read("page.html").trim_start().starts_with("<!"), "the name tells the format");
    sweep(&["--format", "json", "--out", "page.html"]).assert_exit_code(0);
    report(&read("page.html"));
    sweep(&["--format", "openmetrics", "--format", "html,json", "--out", "v1.2/"]).assert_exit_code(0);
    assert!(read("v1.2/report.prom").ends_with("# EOF\n"));
    sweep(&["--format", "html", "--out", "v1.2"]).assert_exit_code(0);

    for (args, remedy) in [
        (&["--format", "csv", "--out", "all.csv"][..], "`all/`"),
        (&["--format", "parquet", "--out", "all.parquet"], "`all/`"),
        (&["--format", "json,html", "--out", "all.zip"], "`all/`"),
        (&["--out", "report.doc"], "`--format`"),
        (&["--format", "json", "--out", "/dev/null"], "`--out`"),
    ] {
        sweep(args).assert_exit_code(2).assert_stderr(&[remedy, "help:"]);
    }
    assert!(!directory.join("all").exists() && !directory.join("report.doc").exists());
}

#[test]
fn quiet_prints_only_results() {
    let directory = TestDirectory::with_compliant_trail();
    let screen =
        directory.run(&["sweep", "logs", "--no-state", "--quiet", WATCH_AUDITOR]).assert_exit_code(0);
    assert!(screen.stdout.starts_with("COMPLIANT"));
    assert_eq!(screen.stderr, "");
    let files =
        directory.run(&["sweep", "logs", "--no-state", "--quiet", "--out", "out"]).assert_exit_code(0);
    assert_eq!((files.stdout.as_str(), files.stderr.as_str()), ("", ""));
    let logged = directory
        .run(&["sweep", "logs", "--no-state", "-v", "--json"])
        .assert_exit_code(0)
        .assert_stderr(&["swept"]);
    logged.report();
}

#[test]
fn color_is_for_terminals_unless_requested() {
    let directory = TestDirectory::with_compliant_trail();
    let args = ["sweep", "logs", "--no-state", WATCH_AUDITOR];
    let is_colored = |text: &str| text.contains('\u{1b}');
    assert!(!is_colored(&directory.run(&args).stdout));
    let always = [&args[..], &["--color", "always"]].concat();
    assert!(is_colored(&directory.run(&always).stdout));
    let output = directory.command(&always).env("NO_COLOR", "1").output().expect("it runs");
    assert!(is_colored(&CommandOutput::from(output).stdout), "the option takes precedence over the variable");
    let output =
        directory.command(&args).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1").output().expect("it runs");
    assert!(!is_colored(&CommandOutput::from(output).stdout));
    let failed = directory.run(&["sweep", "none", "--color", "always"]).assert_exit_code(2);
    assert!(is_colored(&failed.stderr));
    let files = [&always[..], &["--out", "out", "--format", "terminal"]].concat();
    directory.run(&files).assert_exit_code(0);
    assert!(!is_colored(&fs::read_to_string(directory.join("out/report.txt")).expect("a file")));
}

#[test]
fn standard_input_files_globs_and_directories_give_the_same_result() {
    let directory = TestDirectory::with_compliant_trail();
    let result = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(0).result();
    for paths in [
        &["./logs"][..],
        &["logs/*.gz"],
        &["logs/10.json.gz", "logs/1[12].json.gz"],
        &["logs", "logs/10.json.gz", "./logs/*"],
    ] {
        let ran = directory
            .run(&[&["sweep", "--no-state", "--json", WATCH_AUDITOR], paths].concat())
            .assert_exit_code(0);
        assert_eq!(ran.result(), result, "{paths:?}");
        assert_eq!(ran.report().run.log_files_read, 3, "{paths:?}");
    }
    let [one, two, three] = &fixture::compliant_objects()[..] else { panic!() };
    let members = [&one.1[..], &two.1, &three.1].concat();
    let ran = directory
        .run_with_input(&["sweep", "-", "--no-state", "--json", WATCH_AUDITOR], &members)
        .assert_exit_code(0);
    assert_eq!(ran.result(), result, "three gzip members on standard input");
    let half = [&one.1[..], &three.1].concat();
    let ran = directory
        .run_with_input(&["sweep", "-", "logs/11.json.gz", "--no-state", "--json", WATCH_AUDITOR], &half)
        .assert_exit_code(0);
    assert_eq!(ran.result(), result, "standard input beside a file");
    let lines: Vec<String> = [READ_CALL, RecordedCall { id: 4, role: "Builder", ..WRITE_CALL }]
        .iter()
        .map(|call| call.json().to_string())
        .collect();
    let ran = directory
        .run_with_input(&["sweep", "-", "--no-state", "--json"], lines.join("\n").as_bytes())
        .assert_exit_code(0);
    assert_eq!(ran.report().result.totals.events, 2, "JSON lines");
    let ran = directory.run_with_input(&["sweep", "-", "--no-state", "--json"], b"").assert_exit_code(3);
    assert_eq!(ran.report().run.unreadable[0].file, "-");
}

#[test]
fn hidden_files_are_skipped_and_symbolic_links_are_followed() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/.hidden/x.json", "nonsense");
    directory.write("elsewhere/more.json", uncompressed_object(&[WRITE_CALL]));
    std::os::unix::fs::symlink("../elsewhere", directory.join("logs/link")).expect("linked");
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(1).report();
    assert_eq!((report.run.log_files_read, report.result.totals.unreadable_evidence), (4, 0));
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let directory = TestDirectory::with_compliant_trail();
    for format in [&["--json"][..], &[], &["--format=html"], &["--format=markdown"]] {
        let args = [&["sweep", "logs", "--no-state", WATCH_AUDITOR], format].concat();
        let mut child = directory.start(&mut directory.command(&args));
        let mut first = [0];
        let mut out = child.stdout.take().expect("piped");
        out.read_exact(&mut first).expect("something");
        drop(out);
        CommandOutput::from(child.wait_with_output().expect("it ends")).assert_exit_code(0);
        // Not even the first byte is read.
        let mut child = directory.start(&mut directory.command(&args));
        drop(child.stdout.take());
        let ran = CommandOutput::from(child.wait_with_output().expect("it ends")).assert_exit_code(0);
        assert_eq!(ran.stderr, "");
    }
}
