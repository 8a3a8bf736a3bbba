//! The real binary over trails: what each exit code answers, what is expected of evidence, and where reports go.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod trail;

use std::{
    fs::{self, File},
    io::Read as _,
    process::Stdio,
};

use onlooker_core::{controls::ControlState, coverage::EventClassState, report::ReportMode, score::Status};
use trail::{
    ACCOUNT, AUDITOR, Call, MANAGEMENT, OTHER_ACCOUNT, READ, REGION, Ran, WRITE, Workplace, digest, object,
    plain,
};

/// Sweeps `logs` once, without state, and gives the report as JSON.
fn swept(place: &Workplace, more: &[&str]) -> Ran {
    place.run(&[&["sweep", "logs", "--no-state", "--json"], more].concat())
}

/// The kept promise with further calls.
fn with(calls: &[Call]) -> Workplace {
    let place = Workplace::proven();
    place.write("logs/more.json.gz", object(calls));
    place
}

#[test]
fn a_kept_promise_with_nothing_missing_is_proven_and_ends_with_0() {
    let place = Workplace::proven();
    let report = swept(&place, &[AUDITOR]).ends(0).report();
    assert_eq!(report.result.status(), Some(Status::Compliant));
    assert_eq!((report.result.compliance.score, report.result.compliance.calls), (Some(100.0), 2));
    let here = &report.result.coverage.account_regions[0];
    assert_eq!((here.observed_hours, here.quiet_hours, here.expected_hours), (3, 1, 3));
    let classes: Vec<EventClassState> =
        report.result.coverage.event_classes.iter().map(|class| class.state).collect();
    assert_eq!(classes, [EventClassState::Seen; 2]);
    // Nobody said when and by whom the principal may be used, and nobody read its policies.
    let open = ["RO-6", "RO-9", "RO-10"];
    let others = report.result.controls.iter().filter(|control| !open.contains(&control.id.as_str()));
    assert!(
        others.clone().all(|control| control.state == ControlState::Pass),
        "{:#?}",
        report.result.controls
    );
    assert_eq!(others.count() + open.len(), report.result.controls.len());
    let screen = place.run(&["sweep", "logs", "--no-state", AUDITOR]).ends(0);
    assert!(screen.out.starts_with("COMPLIANT"), "{}", screen.out);
}

#[test]
fn one_write_that_succeeded_ends_with_1() {
    let report = swept(&with(&[WRITE]), &[AUDITOR]).ends(1).report();
    assert_eq!(report.result.status(), Some(Status::NonCompliant));
    assert_eq!(report.result.findings[0].id, "write-succeeded");
    let assumed = Call { source: "sts", name: "AssumeRole", read_only: true, ..WRITE };
    swept(&with(&[assumed]), &[AUDITOR]).ends(1);
}

#[test]
fn a_write_that_was_refused_breaks_no_promise_and_one_that_failed_proves_nothing() {
    let denied = Call { error: Some("AccessDenied"), ..WRITE };
    let report = swept(&with(&[denied]), &[AUDITOR]).ends(0).report();
    assert_eq!((report.result.totals.blocked, report.result.compliance.permitted), (1, 2));
    swept(&with(&[Call { error: Some("ThrottlingException"), ..WRITE }]), &[AUDITOR]).ends(3);
    swept(&with(&[Call { source: "novel", name: "Frobnicate", ..WRITE }]), &[AUDITOR]).ends(1);
}

#[test]
fn a_violation_is_told_before_missing_evidence() {
    let place = with(&[WRITE]);
    place.write("logs/broken.json.gz", b"\x1f\x8bnothing");
    swept(&place, &[AUDITOR]).ends(1);
}

#[test]
fn a_missing_hour_ends_with_3_and_is_named() {
    let place = Workplace::proven();
    fs::remove_file(place.join("logs/11.json.gz")).expect("removed");
    let report = swept(&place, &[AUDITOR]).ends(3).report();
    assert_eq!(report.result.status(), Some(Status::InsufficientEvidence));
    let finding = &report.result.findings[0];
    assert_eq!((finding.id.as_str(), finding.subject.as_str()), ("missing-hours", "111122223333 us-east-1"));
    assert!(finding.description.contains("2026-10-06T11:00:00Z"), "{}", finding.description);
}

#[test]
fn evidence_that_cannot_be_read_ends_with_3_and_changes_nothing_else() {
    let place = Workplace::proven();
    let whole = swept(&place, &[AUDITOR]).ends(0).report();
    place.write("logs/10-broken.json.gz", b"not a log");
    let report = swept(&place, &[AUDITOR]).ends(3).report();
    assert_eq!(report.result.compliance, whole.result.compliance);
    assert_eq!(report.result.coverage, whole.result.coverage);
    assert_eq!(report.result.principals[0].calls, whole.result.principals[0].calls);
    assert_eq!((report.result.totals.unreadable_evidence, report.run.unreadable.len()), (1, 1));
}

#[test]
fn a_promise_about_somebody_who_never_appears_ends_with_3() {
    let report =
        swept(&Workplace::proven(), &[AUDITOR, "--watch=arn:aws:iam::*:role/Absent"]).ends(3).report();
    let ids: Vec<&str> = report.result.findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(ids, ["principal-not-seen", "unclassified-principal"]);
}

#[test]
fn a_wide_promise_and_a_narrow_one_within_it_are_both_kept() {
    let place = Workplace::new();
    place.write(
        "onlooker.toml",
        format!("{MANAGEMENT}logged = [\"management-read\", \"management-write\"]\n"),
    );
    place.write("logs/10.json.gz", object(&[READ]));
    swept(&place, &["--watch=arn:aws:iam::*:role/*", AUDITOR]).ends(0);
}

#[test]
fn a_class_that_nobody_logs_ends_with_3() {
    let place = Workplace::proven();
    fs::remove_file(place.join("onlooker.toml")).expect("removed");
    let report = swept(&place, &[AUDITOR]).ends(3).report();
    let gaps: Vec<&str> = report.result.coverage.class_gaps().map(|class| class.class.as_str()).collect();
    assert_eq!(gaps, ["data"]);
    place.write("onlooker.toml", "[coverage]\nlogged = [\"data\"]\n");
    swept(&place, &[AUDITOR]).ends(0);
}

#[test]
fn event_selectors_say_what_a_trail_logs() {
    let place = Workplace::proven();
    place.write(
        "onlooker.toml",
        "[coverage]\nevent_classes = [\"management-write\", \"data:AWS::S3::Object\"]\n",
    );
    swept(&place, &[AUDITOR]).ends(3);
    let selectors = |values: &str| {
        format!(
            "{{\"EventSelectors\": [{{\"DataResources\": [{{\"Type\": \"AWS::S3::Object\", \"Values\": [{values}]}}]}}]}}"
        )
    };
    place.write("all.json", selectors("\"arn:aws:s3\""));
    place.write("one.json", selectors("\"arn:aws:s3:::one/\""));
    swept(&place, &[AUDITOR, "--selectors", "all.json"]).ends(0);
    swept(&place, &[AUDITOR, "--selectors", "one.json"]).ends(3);
    place.write("none.json", "[");
    let ran = swept(&place, &[AUDITOR, "--selectors", "none.json"]).ends(2);
    assert!(ran.err.contains("none.json") && ran.err.contains("get-event-selectors"), "{}", ran.err);
}

#[test]
fn no_evidence_at_all_proves_nothing() {
    let place = Workplace::new();
    fs::create_dir(place.join("logs")).expect("a directory");
    let report = swept(&place, &[AUDITOR]).ends(3).report();
    assert_eq!((report.result.totals.events, report.result.compliance.score), (0, None));
    swept(&place, &[]).ends(3);
}

#[test]
fn a_discovery_promises_nothing_and_calls_nothing_compliant() {
    let place = with(&[WRITE]);
    let ran = swept(&place, &[]).ends(0);
    let result = ran.report().result;
    assert_eq!((result.mode, result.status(), result.risk.is_some()), (ReportMode::Discovery, None, false));
    assert!(result.principals.iter().all(|principal| principal.status.is_none()));
    assert!(result.findings.iter().all(|finding| finding.id != "write-succeeded"));
    let screen = place.run(&["sweep", "logs", "--no-state"]).ends(0).out;
    assert!(screen.contains("Nothing was promised"), "{screen}");
    assert!(!screen.contains("COMPLIANT"), "{screen}");
    for format in ["html", "markdown"] {
        let page = place.run(&["sweep", "logs", "--no-state", "--format", format]).ends(0).out;
        assert!(!page.contains("COMPLIANT"), "{format}");
    }
    place.write("logs/broken.json", "{");
    swept(&place, &[]).ends(3);
}

#[test]
fn what_cannot_be_meant_ends_with_2_and_a_remedy() {
    let place = Workplace::proven();
    place.write("bad.toml", "wacth = 1\n");
    place.write(
        "pack.toml",
        "id = \"X\"\ntitle = \"X\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\nfails = [\"no-such\"]\n",
    );
    place.write("shape.toml", "id = 1\n");
    let cases: [(&[&str], &str); 17] = [
        (&["sweep"], "PATH"),
        (&["sweep", "lgos"], "lgos"),
        (&["sweep", "logs/*.nothing"], "logs/*.nothing"),
        (&["sweep", "logs", "--watch", "Auditor"], "Auditor"),
        (&["sweep", "logs", AUDITOR, AUDITOR], "two `watch` entries"),
        (&["sweep", "logs", "--since", "yesterday"], "24h"),
        (&["sweep", "logs", "--since", "2026-10-07", "--until", "2026-10-06"], "--until"),
        (&["sweep", "logs", "--since", "2026-10-06", "--until", "2026-10-06"], "--until"),
        (&["sweep", "logs", "--account", "12"], "twelve digits"),
        (&["sweep", "logs", "--standard", "SOX"], "SOC2"),
        (&["sweep", "logs", "--standard", "CUSTOM"], "pack"),
        (&["sweep", "logs", "--pack", "none.toml"], "none.toml"),
        (&["sweep", "logs", "--pack", "pack.toml"], "no-such"),
        (&["sweep", "logs", "--pack", "shape.toml"], "shape.toml"),
        (&["sweep", "logs", "--config", "bad.toml"], "did you mean `watch`"),
        (&["sweep", "logs", "--threads=-1"], "--threads"),
        (&["sweep", "logs", "--no-state", "--state", "x"], "--state"),
    ];
    for (args, words) in cases {
        let ran = place.run(args).ends(2).says(&[words]);
        assert!(ran.out.is_empty(), "{args:?}: {}", ran.out);
    }
    assert!(
        !place.join(".onlooker/reports").is_dir()
            || fs::read_dir(place.join(".onlooker/reports")).expect("a directory").next().is_none()
    );
}

#[test]
fn a_tool_that_cannot_work_ends_with_4_and_names_what_it_could_not_do() {
    let place = Workplace::proven();
    place.write("file", "");
    place.run(&["sweep", "logs", "--state", "file/below"]).ends(4).says(&["cannot make", "file/below"]);
    place.run(&["sweep", "logs", "--no-state", "--out", "file/below"]).ends(4).says(&["file/below"]);
    place.write("damaged/state.db", "this is no database, whatever its name says");
    place.run(&["sweep", "logs", "--state", "damaged"]).ends(4).says(&["state.db"]);
    for format in [&["--json"][..], &[], &["--format=html"]] {
        let full = File::options().write(true).open("/dev/full").expect("a full disk");
        let args = [&["sweep", "logs", "--no-state"], format].concat();
        let output = place.command(&args).stdout(full).output().expect("it runs");
        Ran::from(output).ends(4).says(&["cannot write to standard output"]);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Workplace::proven();
    for format in [&["--json"][..], &[], &["--format=html"], &["--format=markdown"]] {
        let args = [&["sweep", "logs", "--no-state", AUDITOR], format].concat();
        let mut child = place.start(&mut place.command(&args));
        let mut first = [0];
        let mut out = child.stdout.take().expect("piped");
        out.read_exact(&mut first).expect("something");
        drop(out);
        Ran::from(child.wait_with_output().expect("it ends")).ends(0);
        // Not even the first byte was wanted.
        let mut child = place.start(&mut place.command(&args));
        drop(child.stdout.take());
        let ran = Ran::from(child.wait_with_output().expect("it ends")).ends(0);
        assert_eq!(ran.err, "");
    }
}

#[test]
fn a_period_passes_over_what_is_older_and_newer_and_expects_every_hour_of_it() {
    let place = with(&[Call { id: 9, at: "06T12:59", ..WRITE }]);
    swept(&place, &[AUDITOR]).ends(1);
    let before = swept(&place, &[AUDITOR, "--until", "2026-10-06T12:00:00Z"]).ends(0).report();
    assert_eq!((before.result.totals.events, before.run.outside_period), (2, 2));
    assert_eq!(before.result.coverage.expected_hours, 2);
    let after = swept(&place, &[AUDITOR, "--since", "2026-10-06T12:00:00Z"]).ends(1).report();
    assert_eq!((after.result.totals.events, after.run.outside_period), (2, 2));
    let wider =
        swept(&place, &[AUDITOR, "--until", "2026-10-06T12:00:00Z", "--since", "2026-10-06T09:30:00Z"]);
    let wider = wider.ends(3).report();
    assert_eq!((wider.result.coverage.expected_hours, wider.result.coverage.missing_hours()), (3, 1));
    let date = swept(&place, &[AUDITOR, "--since", "2026-10-06", "--until", "2026-10-07"]).report();
    assert_eq!(date.result.coverage.expected_hours, 24);
    let nothing = swept(&place, &[AUDITOR, "--since", "2026-10-08"]);
    assert_eq!(nothing.ends(3).report().result.totals.events, 0);
}

#[test]
fn an_expected_account_or_region_that_shows_nothing_is_missing() {
    let place = Workplace::proven();
    let account =
        swept(&place, &[AUDITOR, "--account", OTHER_ACCOUNT, "--account", ACCOUNT]).ends(3).report();
    assert_eq!(account.result.coverage.missing_hours(), 3);
    let region = swept(&place, &[AUDITOR, "--region", "eu-west-1", "--region", REGION]).ends(3).report();
    assert_eq!(region.result.coverage.missing_hours(), 3);
    swept(&place, &[AUDITOR, "--account", ACCOUNT, "--region", REGION]).ends(0);
    for hour in [["06T10", "06T11"], ["06T11", "06T12"], ["06T12", "06T13"]] {
        place.write(&format!("logs/eu-{}.json.gz", hour[0]), digest(ACCOUNT, "eu-west-1", hour[0], hour[1]));
    }
    swept(&place, &[AUDITOR, "--region", "eu-west-1"]).ends(0);
}

#[test]
fn the_controls_are_those_of_the_standard_that_is_asked_for() {
    let place = with(&[WRITE]);
    let ids = |args: &[&str]| {
        let result = swept(&place, &[&[AUDITOR], args].concat()).ends(1).report().result;
        assert!(result.controls.iter().any(|control| control.state == ControlState::Fail), "{args:?}");
        (result.standard_title, result.controls.into_iter().map(|control| control.id).collect::<Vec<_>>())
    };
    let general = ids(&[]);
    assert!(general.1.contains(&"RO-1".to_owned()));
    assert_eq!(ids(&["--standard", "GENERAL"]), general);
    assert!(ids(&["--standard", "SOC2"]).1.iter().any(|id| id.starts_with("CC")));
    assert!(ids(&["--standard", "ISO27001"]).1.iter().any(|id| id.starts_with("A.")));
    place.write(
        "own/pack.toml",
        "id = \"OWN\"\ntitle = \"Ours\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\nfails = [\"write-succeeded\"]\n",
    );
    assert_eq!(ids(&["--pack", "own/pack.toml"]), ("Ours".to_owned(), vec!["1".to_owned()]));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/packs/gcc-2-0.toml");
    ids(&["--pack", sample]);
}

#[test]
fn formats_go_to_files_together_and_to_standard_output_one_at_a_time() {
    let place = Workplace::proven();
    let sweep = |args: &[&str]| place.run(&[&["sweep", "logs", "--no-state", AUDITOR], args].concat());
    let names = |dir: &str| {
        let mut names: Vec<String> = fs::read_dir(place.join(dir))
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    sweep(&["--out", "a/b"]).ends(0);
    assert_eq!(names("a/b"), ["report.html", "report.json"]);
    sweep(&["--out", "all", "--format", "json,html,csv,markdown,terminal"]).ends(0);
    let all = names("all");
    for name in ["report.html", "report.json", "report.md", "report.txt"] {
        assert!(all.contains(&name.to_owned()), "{all:?}");
    }
    assert!(all.iter().filter(|name| name.ends_with(".csv")).count() > 1, "{all:?}");

    for format in [&["--format", "json"], &["--format=html", "--quiet"]] {
        let out = sweep(format).ends(0).out;
        assert!(
            out.starts_with('{') || out.trim_start().starts_with("<!"),
            "{}",
            out.get(..40).unwrap_or(&out)
        );
    }
    assert!(sweep(&["--format", "markdown"]).ends(0).out.starts_with('#'));
    let written = trail::report(&fs::read_to_string(place.join("all/report.json")).expect("a report"));
    assert_eq!(sweep(&["--format", "json"]).report().id, written.id);
    assert_eq!(sweep(&["--json", "--out", "c", "--format", "html"]).ends(0).report().id, written.id);
    assert_eq!(names("c"), ["report.html"]);

    sweep(&["--format", "json,html"]).ends(2).says(&["--out"]);
    sweep(&["--format", "csv"]).ends(2).says(&["--out"]);
    sweep(&["--format", "json", "--json"]).ends(2).says(&["standard output"]);
    sweep(&["--format", "pdf"]).ends(2).says(&["markdown"]);
}

#[test]
fn quiet_prints_results_and_nothing_else() {
    let place = Workplace::proven();
    let screen = place.run(&["sweep", "logs", "--no-state", "--quiet", AUDITOR]).ends(0);
    assert!(screen.out.starts_with("COMPLIANT"));
    assert_eq!(screen.err, "");
    let files = place.run(&["sweep", "logs", "--no-state", "--quiet", "--out", "out"]).ends(0);
    assert_eq!((files.out.as_str(), files.err.as_str()), ("", ""));
    let logged = place.run(&["sweep", "logs", "--no-state", "-v", "--json"]).ends(0).says(&["swept"]);
    logged.report();
}

#[test]
fn color_is_for_terminals_unless_it_is_asked_for() {
    let place = Workplace::proven();
    let args = ["sweep", "logs", "--no-state", AUDITOR];
    let is_colored = |text: &str| text.contains('\u{1b}');
    assert!(!is_colored(&place.run(&args).out));
    let always = [&args[..], &["--color", "always"]].concat();
    assert!(is_colored(&place.run(&always).out));
    let output = place.command(&always).env("NO_COLOR", "1").output().expect("it runs");
    assert!(is_colored(&Ran::from(output).out), "what is asked for by name goes before the variable");
    let output =
        place.command(&args).env("NO_COLOR", "1").env("CLICOLOR_FORCE", "1").output().expect("it runs");
    assert!(!is_colored(&Ran::from(output).out));
    let failed = place.run(&["sweep", "none", "--color", "always"]).ends(2);
    assert!(is_colored(&failed.err));
    let files = [&always[..], &["--out", "out", "--format", "terminal"]].concat();
    place.run(&files).ends(0);
    assert!(!is_colored(&fs::read_to_string(place.join("out/report.txt")).expect("a file")));
}

#[test]
fn standard_input_files_globs_and_directories_say_the_same() {
    let place = Workplace::proven();
    let result = swept(&place, &[AUDITOR]).ends(0).result();
    for paths in [
        &["./logs"][..],
        &["logs/*.gz"],
        &["logs/10.json.gz", "logs/1[12].json.gz"],
        &["logs", "logs/10.json.gz", "./logs/*"],
    ] {
        let ran = place.run(&[&["sweep", "--no-state", "--json", AUDITOR], paths].concat()).ends(0);
        assert_eq!(ran.result(), result, "{paths:?}");
        assert_eq!(ran.report().run.log_files_read, 3, "{paths:?}");
    }
    let [one, two, three] = &trail::kept_promise()[..] else { panic!() };
    let members = [&one.1[..], &two.1, &three.1].concat();
    let ran = place.fed(&["sweep", "-", "--no-state", "--json", AUDITOR], &members).ends(0);
    assert_eq!(ran.result(), result, "three gzip members on standard input");
    let half = [&one.1[..], &three.1].concat();
    let ran = place.fed(&["sweep", "-", "logs/11.json.gz", "--no-state", "--json", AUDITOR], &half).ends(0);
    assert_eq!(ran.result(), result, "standard input beside a file");
    let lines: Vec<String> =
        [READ, Call { id: 4, role: "Builder", ..WRITE }].iter().map(|call| call.json().to_string()).collect();
    let ran = place.fed(&["sweep", "-", "--no-state", "--json"], lines.join("\n").as_bytes()).ends(0);
    assert_eq!(ran.report().result.totals.events, 2, "JSON lines");
    let ran = place.fed(&["sweep", "-", "--no-state", "--json"], b"").ends(3);
    assert_eq!(ran.report().run.unreadable[0].file, "-");
}

#[test]
fn hidden_files_are_passed_over_and_symbolic_links_are_followed() {
    let place = Workplace::proven();
    place.write("logs/.hidden/x.json", "nonsense");
    place.write("elsewhere/more.json", plain(&[WRITE]));
    std::os::unix::fs::symlink("../elsewhere", place.join("logs/link")).expect("linked");
    let report = swept(&place, &[AUDITOR]).ends(1).report();
    assert_eq!((report.run.log_files_read, report.result.totals.unreadable_evidence), (4, 0));
}

#[test]
fn the_configuration_and_its_variables_are_obeyed() {
    let place = Workplace::proven();
    place.write(
        "onlooker.toml",
        format!("[[watch]]\nprincipal = \"arn:aws:iam::*:role/Builder\"\n{MANAGEMENT}"),
    );
    let report = swept(&place, &[]).ends(1).report();
    assert_eq!(report.result.inputs.watched, ["arn:aws:iam::*:role/Builder"]);
    let both = swept(&place, &[AUDITOR]).ends(1).report();
    assert_eq!(both.result.totals.watched_principals, 2);
    let mut command = place.command(&["sweep", "logs", "--no-state", "--json"]);
    let output = command.env("ONLOOKER_WATCH", "arn:aws:iam::*:role/Auditor").stdin(Stdio::null()).output();
    let ran = Ran::from(output.expect("it runs"));
    assert_eq!(ran.ends(0).report().result.inputs.watched, ["arn:aws:iam::*:role/Auditor"]);
}

#[test]
fn an_override_of_the_configuration_allows_a_call_until_it_ends() {
    let place = with(&[WRITE, Call { id: 8, at: "06T12:10", ..WRITE }]);
    let until = |end: &str| {
        place.write(
            "onlooker.toml",
            format!(
                "{MANAGEMENT}[[override]]\nid = \"it\"\nprincipal = \"arn:aws:iam::*:role/Auditor\"\noperation = \"ec2:RunInstances\"\nowner = \"o\"\nreason = \"r\"\nexpires = 2026-10-06T{end}:00Z\n"
            ),
        );
    };
    until("13:00");
    let report = swept(&place, &[AUDITOR]).ends(0).report();
    assert_eq!((report.result.overrides[0].allowed_calls, report.result.compliance.score), (2, Some(100.0)));
    until("11:00");
    let report = swept(&place, &[AUDITOR]).ends(1).report();
    assert_eq!((report.result.overrides[0].allowed_calls, report.result.overrides[0].expired_calls), (1, 1));
    assert!(report.result.findings.iter().any(|finding| finding.id == "override-expired"));
}

#[test]
fn threads_change_nothing_but_the_time() {
    let place = with(&[WRITE]);
    let one = swept(&place, &[AUDITOR, "--threads", "1"]).ends(1).result();
    assert_eq!(swept(&place, &[AUDITOR, "--threads", "7"]).ends(1).result(), one);
    assert_eq!(swept(&place, &[AUDITOR, "--threads", "0"]).ends(1).result(), one);
}

#[cfg(not(feature = "aws"))]
#[test]
fn what_needs_aws_says_how_to_get_it() {
    let place = Workplace::new();
    for args in [
        &["sweep", "s3://bucket/AWSLogs", "--no-state"][..],
        &["sweep", "--lookup", "--no-state"],
        &["report", "--remote", "--table", "t", "--bucket", "b"],
        &["permissions"],
        &["permissions", "--principal", "arn:aws:iam::111122223333:role/Auditor"],
    ] {
        let ran = place.run(args).ends(2);
        ran.says(&["was built without AWS", "cargo install --path . --features aws"]);
    }
}
