//! The real binary over trails: the meaning of each exit code, and the evidence it expects.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{
    fs::{self, File},
    process::Stdio,
};

use fixture::{
    ACCOUNT, CommandOutput, MANAGEMENT_ONLY_CONFIG, OTHER_ACCOUNT, READ_CALL, REGION, RecordedCall,
    SOURCE_IP, TestDirectory, USER_AGENT, WATCH_AUDITOR, WRITE_CALL, digest, object, report,
};
use onlooker_core::{
    controls::ControlState,
    coverage::EventClassState,
    origin::CallOrigin,
    report::{Behavior, ReportMode},
    score::Status,
};

/// Sweeps `logs` once, without state, and gives the report as JSON.
fn sweep(directory: &TestDirectory, more: &[&str]) -> CommandOutput {
    directory.run(&[&["sweep", "logs", "--no-state", "--json"], more].concat())
}

/// The compliant trail with further calls.
fn compliant_trail_with(calls: &[RecordedCall]) -> TestDirectory {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("logs/more.json.gz", object(calls));
    directory
}

#[test]
fn a_compliant_trail_with_complete_evidence_exits_with_0() {
    let directory = TestDirectory::with_compliant_trail();
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(0).report();
    assert_eq!(report.result.status(), Some(Status::Compliant));
    assert_eq!((report.result.compliance.score, report.result.compliance.calls), (Some(100.0), 2));
    let here = &report.result.coverage.account_regions[0];
    assert_eq!((here.observed_hours, here.quiet_hours, here.expected_hours), (3, 1, 3));
    let classes: Vec<EventClassState> =
        report.result.coverage.event_classes.iter().map(|class| class.state).collect();
    assert_eq!(classes, [EventClassState::Seen; 2]);
    // Business hours and machine use are not configured, no policies were read and no log files verified, and there is no
    // deployment.
    let open = ["RO-6", "RO-9", "RO-10", "EV-2", "EV-3"];
    let others = report.result.controls.iter().filter(|control| !open.contains(&control.id.as_str()));
    assert!(
        others.clone().all(|control| control.state == ControlState::Pass),
        "{:#?}",
        report.result.controls
    );
    assert_eq!(others.count() + open.len(), report.result.controls.len());
    let screen = directory.run(&["sweep", "logs", "--no-state", WATCH_AUDITOR]).assert_exit_code(0);
    assert!(screen.stdout.starts_with("COMPLIANT"), "{}", screen.stdout);
}

#[test]
fn one_successful_write_exits_with_1() {
    let report = sweep(&compliant_trail_with(&[WRITE_CALL]), &[WATCH_AUDITOR]).assert_exit_code(1).report();
    assert_eq!(report.result.status(), Some(Status::NonCompliant));
    assert_eq!(report.result.findings[0].id, "write-succeeded");
    let assumed = RecordedCall { source: "sts", name: "AssumeRole", read_only: true, ..WRITE_CALL };
    sweep(&compliant_trail_with(&[assumed]), &[WATCH_AUDITOR]).assert_exit_code(1);
}

#[test]
fn a_finding_says_where_the_calls_came_from() {
    let by_another = RecordedCall { role: "Deployer", id: 90, ..WRITE_CALL };
    let secret = RecordedCall { source: "secretsmanager", name: "GetSecretValue", id: 91, ..READ_CALL };
    let directory = compliant_trail_with(&[WRITE_CALL, by_another, secret]);
    let here = CallOrigin {
        source_ip: Some(SOURCE_IP.into()),
        user_agent: Some(USER_AGENT.into()),
        mfa_authenticated: Some(false),
    };
    let kept = |more: &[&str]| directory.run(&[&["sweep", "logs", "--json", WATCH_AUDITOR], more].concat());
    let without_state = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(1).report();
    // The second sweep with a state reads no log file again.
    for report in
        [without_state, kept(&[]).assert_exit_code(1).report(), kept(&[]).assert_exit_code(1).report()]
    {
        for rule in ["write-succeeded", "secret-read"] {
            let found = report.result.findings.iter().find(|one| one.id == rule).expect(rule);
            assert_eq!(found.origins, std::slice::from_ref(&here), "{rule}");
        }
    }
    let screen = directory.run(&["sweep", "logs", "--no-state", WATCH_AUDITOR, "--full"]).assert_exit_code(1);
    let line = format!("from {SOURCE_IP}, without MFA, user agent `{USER_AGENT}`");
    assert!(screen.stdout.contains(&line), "{}", screen.stdout);
}

#[test]
fn a_denied_write_is_no_violation_and_a_failed_one_is_inconclusive() {
    let denied = RecordedCall { error: Some("AccessDenied"), ..WRITE_CALL };
    let report = sweep(&compliant_trail_with(&[denied]), &[WATCH_AUDITOR]).assert_exit_code(0).report();
    assert_eq!((report.result.totals.blocked, report.result.compliance.permitted), (1, 2));
    for (error, code) in [("InternalFailure", 3), ("ThrottlingException", 0)] {
        let failed = RecordedCall { error: Some(error), ..WRITE_CALL };
        sweep(&compliant_trail_with(&[failed]), &[WATCH_AUDITOR]).assert_exit_code(code);
    }
    sweep(
        &compliant_trail_with(&[RecordedCall { source: "novel", name: "Frobnicate", ..WRITE_CALL }]),
        &[WATCH_AUDITOR],
    )
    .assert_exit_code(1);
}

#[test]
fn a_violation_takes_precedence_over_missing_evidence() {
    let directory = compliant_trail_with(&[WRITE_CALL]);
    directory.write("logs/broken.json.gz", b"\x1f\x8bnothing");
    sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(1);
}

#[test]
fn a_missing_hour_exits_with_3_and_is_named() {
    let directory = TestDirectory::with_compliant_trail();
    fs::remove_file(directory.join("logs/11.json.gz")).expect("removed");
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(3).report();
    assert_eq!(report.result.status(), Some(Status::InsufficientEvidence));
    let finding = &report.result.findings[0];
    assert_eq!((finding.id.as_str(), finding.subject.as_str()), ("missing-hours", "111122223333 us-east-1"));
    assert!(finding.description.contains("2026-10-06T11:00:00Z"), "{}", finding.description);
}

#[test]
fn unreadable_evidence_exits_with_3_and_changes_nothing_else() {
    let directory = TestDirectory::with_compliant_trail();
    let whole = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(0).report();
    directory.write("logs/10-broken.json.gz", b"not a log");
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(3).report();
    assert_eq!(report.result.compliance, whole.result.compliance);
    assert_eq!(report.result.coverage, whole.result.coverage);
    assert_eq!(report.result.principals[0].calls, whole.result.principals[0].calls);
    assert_eq!((report.result.totals.unreadable_evidence, report.run.unreadable.len()), (1, 1));
}

#[test]
fn a_promise_without_an_observed_principal_exits_with_3() {
    let report =
        sweep(&TestDirectory::with_compliant_trail(), &[WATCH_AUDITOR, "--watch=arn:aws:iam::*:role/Absent"])
            .assert_exit_code(3)
            .report();
    let ids: Vec<&str> = report.result.findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(ids, ["principal-not-seen", "unclassified-principal"]);
}

#[test]
fn a_wide_promise_and_a_narrow_one_within_it_are_both_compliant() {
    let directory = TestDirectory::new();
    directory.write(
        "onlooker.toml",
        format!("{MANAGEMENT_ONLY_CONFIG}logged = [\"management-read\", \"management-write\"]\n"),
    );
    directory.write("logs/10.json.gz", object(&[READ_CALL]));
    sweep(&directory, &["--watch=arn:aws:iam::*:role/*", WATCH_AUDITOR]).assert_exit_code(0);
}

#[test]
fn an_unlogged_event_class_exits_with_3() {
    let directory = TestDirectory::with_compliant_trail();
    fs::remove_file(directory.join("onlooker.toml")).expect("removed");
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(3).report();
    let gaps: Vec<&str> = report.result.coverage.class_gaps().map(|class| class.class.as_str()).collect();
    assert_eq!(gaps, ["data"]);
    directory.write("onlooker.toml", "[coverage]\nlogged = [\"data\"]\n");
    sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(0);
}

#[test]
fn event_selectors_define_what_a_trail_logs() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write(
        "onlooker.toml",
        "[coverage]\nevent_classes = [\"management-write\", \"data:AWS::S3::Object\"]\n",
    );
    sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(3);
    let selectors = |values: &str| {
        format!(
            "{{\"EventSelectors\": [{{\"DataResources\": [{{\"Type\": \"AWS::S3::Object\", \"Values\": [{values}]}}]}}]}}"
        )
    };
    directory.write("all.json", selectors("\"arn:aws:s3\""));
    directory.write("one.json", selectors("\"arn:aws:s3:::one/\""));
    sweep(&directory, &[WATCH_AUDITOR, "--selectors", "all.json"]).assert_exit_code(0);
    sweep(&directory, &[WATCH_AUDITOR, "--selectors", "one.json"]).assert_exit_code(3);
    directory.write("none.json", "[");
    let ran = sweep(&directory, &[WATCH_AUDITOR, "--selectors", "none.json"]).assert_exit_code(2);
    assert!(ran.stderr.contains("none.json") && ran.stderr.contains("get-event-selectors"), "{}", ran.stderr);
}

#[test]
fn no_evidence_at_all_proves_nothing() {
    let directory = TestDirectory::new();
    fs::create_dir(directory.join("logs")).expect("a directory");
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(3).report();
    assert_eq!((report.result.totals.events, report.result.compliance.score), (0, None));
    sweep(&directory, &[]).assert_exit_code(3);
}

#[test]
fn without_a_promise_nothing_is_compliant() {
    let directory = compliant_trail_with(&[WRITE_CALL]);
    let ran = sweep(&directory, &[]).assert_exit_code(0);
    let result = ran.report().result;
    assert_eq!((result.mode, result.status(), result.risk.is_some()), (ReportMode::Discovery, None, false));
    assert!(result.principals.iter().all(|principal| principal.status.is_none()));
    assert!(result.findings.iter().all(|finding| finding.id != "write-succeeded"));
    let screen = directory.run(&["sweep", "logs", "--no-state"]).assert_exit_code(0).stdout;
    assert!(screen.contains("No principal is watched"), "{screen}");
    assert!(!screen.contains("COMPLIANT"), "{screen}");
    for format in ["html", "markdown"] {
        let page =
            directory.run(&["sweep", "logs", "--no-state", "--format", format]).assert_exit_code(0).stdout;
        assert!(!page.contains("COMPLIANT"), "{format}");
    }
    directory.write("logs/broken.json", "{");
    sweep(&directory, &[]).assert_exit_code(3);
}

#[test]
fn invalid_usage_exits_with_2_and_a_remedy() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("bad.toml", "wacth = 1\n");
    directory.write(
        "pack.toml",
        "id = \"X\"\ntitle = \"X\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\nfailing_rules = [\"no-such\"]\n",
    );
    directory.write("shape.toml", "id = 1\n");
    let cases: [(&[&str], &str); 17] = [
        (&["sweep"], "PATH"),
        (&["sweep", "lgos"], "lgos"),
        (&["sweep", "logs/*.nothing"], "logs/*.nothing"),
        (&["sweep", "logs", "--watch", "Auditor"], "Auditor"),
        (&["sweep", "logs", WATCH_AUDITOR, WATCH_AUDITOR], "two `watch` entries"),
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
        let ran = directory.run(args).assert_exit_code(2).assert_stderr(&[words]);
        assert!(ran.stdout.is_empty(), "{args:?}: {}", ran.stdout);
    }
    assert!(
        !directory.join(".onlooker/reports").is_dir()
            || fs::read_dir(directory.join(".onlooker/reports")).expect("a directory").next().is_none()
    );
}

#[test]
fn a_tool_failure_exits_with_4_and_names_the_operation() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write("file", "");
    directory
        .run(&["sweep", "logs", "--state", "file/below"])
        .assert_exit_code(4)
        .assert_stderr(&["cannot create", "file/below"]);
    directory
        .run(&["sweep", "logs", "--no-state", "--out", "file/below"])
        .assert_exit_code(4)
        .assert_stderr(&["file/below"]);
    directory.write("damaged/state.db", "this is not a database, whatever its name says");
    directory.run(&["sweep", "logs", "--state", "damaged"]).assert_exit_code(4).assert_stderr(&["state.db"]);
    for format in [&["--json"][..], &[], &["--format=html"]] {
        let full = File::options().write(true).open("/dev/full").expect("a full disk");
        let args = [&["sweep", "logs", "--no-state"], format].concat();
        let output = directory.command(&args).stdout(full).output().expect("it runs");
        CommandOutput::from(output).assert_exit_code(4).assert_stderr(&["cannot write to standard output"]);
    }
}

#[test]
fn a_period_skips_other_events_and_expects_every_hour() {
    let directory = compliant_trail_with(&[RecordedCall { id: 9, at: "06T12:59", ..WRITE_CALL }]);
    sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(1);
    let before =
        sweep(&directory, &[WATCH_AUDITOR, "--until", "2026-10-06T12:00:00Z"]).assert_exit_code(0).report();
    assert_eq!((before.result.totals.events, before.run.outside_period), (2, 2));
    assert_eq!(before.result.coverage.expected_hours, 2);
    let after =
        sweep(&directory, &[WATCH_AUDITOR, "--since", "2026-10-06T12:00:00Z"]).assert_exit_code(1).report();
    assert_eq!((after.result.totals.events, after.run.outside_period), (2, 2));
    let wider = sweep(
        &directory,
        &[WATCH_AUDITOR, "--until", "2026-10-06T12:00:00Z", "--since", "2026-10-06T09:30:00Z"],
    );
    let wider = wider.assert_exit_code(3).report();
    assert_eq!((wider.result.coverage.expected_hours, wider.result.coverage.missing_hours()), (3, 1));
    let date = sweep(&directory, &[WATCH_AUDITOR, "--since", "2026-10-06", "--until", "2026-10-07"]).report();
    assert_eq!(date.result.coverage.expected_hours, 24);
    let nothing = sweep(&directory, &[WATCH_AUDITOR, "--since", "2026-10-08"]);
    let nothing = nothing.assert_exit_code(3);
    let nothing = nothing.assert_stderr(&["4 events are outside the period from 2026-10-08T00:00:00Z"]);
    assert_eq!(nothing.report().result.totals.events, 0);
}

#[test]
fn an_expected_account_or_region_without_evidence_is_missing() {
    let directory = TestDirectory::with_compliant_trail();
    let account = sweep(&directory, &[WATCH_AUDITOR, "--account", OTHER_ACCOUNT, "--account", ACCOUNT])
        .assert_exit_code(3)
        .report();
    assert_eq!(account.result.coverage.missing_hours(), 3);
    let region = sweep(&directory, &[WATCH_AUDITOR, "--region", "eu-west-1", "--region", REGION])
        .assert_exit_code(3)
        .report();
    assert_eq!(region.result.coverage.missing_hours(), 3);
    sweep(&directory, &[WATCH_AUDITOR, "--account", ACCOUNT, "--region", REGION]).assert_exit_code(0);
    for hour in [["06T10", "06T11"], ["06T11", "06T12"], ["06T12", "06T13"]] {
        directory
            .write(&format!("logs/eu-{}.json.gz", hour[0]), digest(ACCOUNT, "eu-west-1", hour[0], hour[1]));
    }
    sweep(&directory, &[WATCH_AUDITOR, "--region", "eu-west-1", "--region", REGION]).assert_exit_code(0);
}

/// A read by another role in the other account.
const READ_ELSEWHERE: RecordedCall =
    RecordedCall { id: 20, account: OTHER_ACCOUNT, role: "Reader", at: "06T10:40", ..READ_CALL };

const WATCH_ONE_AUDITOR: &str = "--watch=arn:aws:iam::111122223333:role/Auditor";

/// A sweep with both accounts, the region and the period named, in a format.
fn sweep_of_named_places(directory: &TestDirectory, accounts: &[&str], format: &str) -> CommandOutput {
    let mut args =
        vec!["sweep", "logs", "--no-state", WATCH_ONE_AUDITOR, "--region", REGION, "--format", format];
    args.extend(["--since", "2026-10-06T10:00:00Z", "--until", "2026-10-06T13:00:00Z"]);
    args.extend(accounts.iter().flat_map(|account| ["--account", account]));
    directory.run(&args)
}

#[test]
fn a_report_says_first_what_it_inferred() {
    let directory = TestDirectory::with_compliant_trail();
    let shown = |args: &[&str]| {
        let args = [&["sweep", "logs", "--no-state", WATCH_AUDITOR], args].concat();
        directory.run(&args).assert_exit_code(0).stdout
    };
    let inferred =
        "Inferred    accounts, regions, period; set coverage.accounts, coverage.regions, --since, --until";
    let text = shown(&[]);
    assert!(text.find(inferred) < text.find("Compliance  "), "{text}");
    let sentence = "Inferred from the evidence were the accounts, the regions and the period";
    let markdown = shown(&["--format", "markdown"]);
    assert!(markdown.find(sentence) < markdown.find("| Compliance |"), "{markdown}");
    let report = report(&shown(&["--json"])).result;
    assert!(report.limitations[0].starts_with(sentence), "{:?}", report.limitations);
    let end = shown(&["--account", ACCOUNT, "--region", REGION, "--since", "2026-10-06T10:00:00Z"]);
    assert!(end.contains("Inferred    end; set --until"), "{end}");
    let named = sweep_of_named_places(&directory, &[ACCOUNT], "terminal").assert_exit_code(0).stdout;
    assert!(!named.contains("Inferred"), "{named}");
}

#[test]
fn an_account_that_is_not_expected_is_never_complete() {
    let directory = compliant_trail_with(&[READ_ELSEWHERE]);
    for format in ["terminal", "markdown"] {
        let text = sweep_of_named_places(&directory, &[ACCOUNT], format).assert_exit_code(0).stdout;
        assert!(text.contains("not expected, 1 h seen"), "{text}");
    }
    let directory_out = ["--out", "reports", "--format", "html,csv"];
    let args = ["sweep", "logs", "--no-state", WATCH_ONE_AUDITOR, "--account", ACCOUNT, "--region", REGION];
    directory.run(&[&args[..], &directory_out].concat()).assert_exit_code(0);
    let read = |name: &str| fs::read_to_string(directory.join("reports").join(name)).expect("a report");
    assert!(read("report.html").contains("not expected, 1 h seen"));
    let row = format!("account_region,{OTHER_ACCOUNT},{REGION},");
    let csv = read("coverage.csv");
    let row = csv.lines().find(|line| line.replace('"', "").starts_with(&row)).expect("a row");
    assert!(row.contains("not_expected"), "{row}");
}

#[test]
fn a_gap_in_another_account_does_not_concern_a_principal() {
    let directory = compliant_trail_with(&[READ_ELSEWHERE]);
    let both = [ACCOUNT, OTHER_ACCOUNT];
    let result = report(&sweep_of_named_places(&directory, &both, "json").assert_exit_code(0).stdout).result;
    assert_eq!((result.coverage.missing_hours(), result.coverage.percent), (2, Some(66.66)));
    let text = sweep_of_named_places(&directory, &both, "terminal").assert_exit_code(0).stdout;
    assert!(text.contains("The 2 hours missing in account 444455556666 do not"), "{text}");
    // Credentials of the other account, allowed by an override, make its gaps concern the principal.
    let overrides = "\n[[override]]\nid = \"x\"\nprincipal = \"arn:aws:iam::111122223333:role/Auditor\"\noperation = \"sts:AssumeRole\"\nowner = \"a\"\nreason = \"b\"\nexpires = \"2030-01-01T00:00:00Z\"\n";
    directory.write("onlooker.toml", format!("{MANAGEMENT_ONLY_CONFIG}{overrides}"));
    let mut assumed =
        RecordedCall { id: 21, source: "sts", name: "AssumeRole", at: "06T10:45", ..READ_CALL }.json();
    assumed["responseElements"] = serde_json::json!({"assumedRoleUser": {
        "arn": "arn:aws:sts::444455556666:assumed-role/Reader/s", "assumedRoleId": "AROAEXAMPLE:s"
    }});
    directory.write("logs/assumed.json", serde_json::json!({"Records": [assumed]}).to_string());
    let result = report(&sweep_of_named_places(&directory, &both, "json").assert_exit_code(3).stdout).result;
    assert_eq!(result.summary.status_reasons[0], "2 hours in 444455556666 us-east-1 were not observed");
}

#[test]
fn a_stray_event_does_not_stretch_an_inferred_period() {
    let directory = TestDirectory::with_compliant_trail();
    let mut stray = RecordedCall { id: 22, ..READ_CALL }.json();
    stray["eventTime"] = "2030-01-01T00:00:00Z".into();
    directory.write("logs/stray.json", serde_json::json!({"Records": [stray]}).to_string());
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(3).report();
    assert_eq!((report.result.coverage.expected_hours, report.result.coverage.outside_events), (3, 1));
    assert!(report.result.limitations[1].starts_with("The evidence has 1 event at 2030-01-01T00:00:00Z"));
    sweep(&directory, &[WATCH_AUDITOR, "--until", "2026-10-06T13:00:00Z"]).assert_exit_code(0);
}

#[test]
fn the_controls_are_those_of_the_selected_pack() {
    let directory = compliant_trail_with(&[WRITE_CALL]);
    let ids = |args: &[&str]| {
        let result =
            sweep(&directory, &[&[WATCH_AUDITOR], args].concat()).assert_exit_code(1).report().result;
        assert!(result.controls.iter().any(|control| control.state == ControlState::Fail), "{args:?}");
        (result.standard_title, result.controls.into_iter().map(|control| control.id).collect::<Vec<_>>())
    };
    let general = ids(&[]);
    assert!(general.1.contains(&"RO-1".to_owned()));
    assert_eq!(ids(&["--standard", "GENERAL"]), general);
    assert!(ids(&["--standard", "SOC2"]).1.iter().any(|id| id.starts_with("CC")));
    assert!(ids(&["--standard", "ISO27001"]).1.iter().any(|id| id.starts_with("A.")));
    directory.write(
        "own/pack.toml",
        "id = \"OWN\"\ntitle = \"Ours\"\n[[control]]\nid = \"1\"\ntitle = \"t\"\nfailing_rules = [\"write-succeeded\"]\n",
    );
    assert_eq!(ids(&["--pack", "own/pack.toml"]), ("Ours".to_owned(), vec!["1".to_owned()]));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/packs/gcc-2-0.toml");
    ids(&["--pack", sample]);
}

#[test]
fn the_configuration_and_environment_variables_are_applied() {
    let directory = TestDirectory::with_compliant_trail();
    directory.write(
        "onlooker.toml",
        format!("[[watch]]\nprincipal = \"arn:aws:iam::*:role/Builder\"\n{MANAGEMENT_ONLY_CONFIG}"),
    );
    let report = sweep(&directory, &[]).assert_exit_code(1).report();
    assert_eq!(report.result.inputs.watched, ["arn:aws:iam::*:role/Builder"]);
    let both = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(1).report();
    assert_eq!(both.result.totals.watched_principals, 2);
    let mut command = directory.command(&["sweep", "logs", "--no-state", "--json"]);
    let output = command.env("ONLOOKER_WATCH", "arn:aws:iam::*:role/Auditor").stdin(Stdio::null()).output();
    let ran = CommandOutput::from(output.expect("it runs"));
    assert_eq!(ran.assert_exit_code(0).report().result.inputs.watched, ["arn:aws:iam::*:role/Auditor"]);
}

#[test]
fn an_override_covers_a_call_until_it_expires() {
    let directory = compliant_trail_with(&[WRITE_CALL, RecordedCall { id: 8, at: "06T12:10", ..WRITE_CALL }]);
    let until = |end: &str| {
        directory.write(
            "onlooker.toml",
            format!(
                "{MANAGEMENT_ONLY_CONFIG}[[override]]\nid = \"it\"\nprincipal = \"arn:aws:iam::*:role/Auditor\"\noperation = \"ec2:RunInstances\"\nowner = \"o\"\nreason = \"r\"\nexpires = 2026-10-06T{end}:00Z\n"
            ),
        );
    };
    until("13:00");
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(0).report();
    assert_eq!((report.result.overrides[0].allowed_calls, report.result.compliance.score), (2, Some(100.0)));
    until("11:00");
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(1).report();
    assert_eq!((report.result.overrides[0].allowed_calls, report.result.overrides[0].expired_calls), (1, 1));
    assert!(report.result.findings.iter().any(|finding| finding.id == "override-expired"));
}

/// The configuration of the compliant trail with an override for the auditor's write, from a start.
fn override_from(from: &str) -> String {
    format!(
        "{MANAGEMENT_ONLY_CONFIG}[[override]]\nid = \"it\"\nprincipal = \"arn:aws:iam::{ACCOUNT}:role/Auditor\"\n\
         operation = \"ec2:RunInstances\"\nowner = \"o\"\nreason = \"r\"\n{from}expires = 2026-10-06T13:00:00Z\n"
    )
}

#[test]
fn an_override_tolerates_a_call_and_does_not_rewrite_it() {
    let directory = compliant_trail_with(&[WRITE_CALL]);
    directory.write("onlooker.toml", override_from(""));
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(0).report();
    assert_eq!(report.result.status(), Some(Status::Compliant));
    let auditor = report.result.principals.iter().find(|principal| principal.watched_as.is_some());
    let auditor = auditor.expect("the auditor");
    assert_eq!((auditor.behavior, auditor.writes()), (Behavior::Wrote, 1));
    let screen = directory.run(&["sweep", "logs", "--no-state", WATCH_AUDITOR]).assert_exit_code(0).stdout;
    assert!(screen.contains("1 of 3 calls was allowed by 1 override."), "{screen}");
    assert!(screen.contains("Overrides   1 of 3 calls was allowed by 1 override\n"), "{screen}");
    let row = screen.lines().find(|line| line.contains("role/Auditor") && line.contains("COMPLIANT"));
    assert!(row.is_some_and(|row| row.contains("wrote") && row.ends_with('1')), "{screen}");
}

#[test]
fn an_override_excuses_no_call_before_its_start() {
    let directory = compliant_trail_with(&[WRITE_CALL, RecordedCall { id: 8, at: "06T12:10", ..WRITE_CALL }]);
    directory.write("onlooker.toml", override_from("from = 2026-10-06T12:00:00Z\n"));
    let report = sweep(&directory, &[WATCH_AUDITOR]).assert_exit_code(1).report();
    let used = &report.result.overrides[0];
    assert_eq!((used.allowed_calls, used.early_calls, used.expired_calls), (1, 1, 0));
}

#[test]
fn a_discovery_without_coverage_exits_with_3_and_says_why() {
    let directory = TestDirectory::with_compliant_trail();
    sweep(&directory, &[]).assert_exit_code(0).assert_stderr(&[]);
    // Evidence of another account than the expected one.
    let elsewhere = &["--account", OTHER_ACCOUNT, "--since", "2026-10-07", "--until", "2026-10-08"];
    directory.write(
        "logs/other.json.gz",
        object(&[RecordedCall { id: 9, at: "07T10:30", account: "777788889999", ..READ_CALL }]),
    );
    let ran = sweep(&directory, elsewhere).assert_exit_code(3);
    assert_eq!(ran.report().result.coverage.percent, Some(0.0));
    assert!(ran.report().result.totals.events > 0, "there are events");
    let statement = ran.report().result.summary.statement;
    assert!(statement.contains("0 of 24 expected hours observed: the coverage is 0 %."), "{statement}");
    ran.assert_stderr(&[
        "note: the discovery does not have enough evidence: 0 of 24 expected hours observed",
    ]);
    sweep(&directory, &[elsewhere, &["--fail-on", "non-compliant"][..]].concat()).assert_exit_code(0);
    let quiet = sweep(&directory, &[elsewhere, &["--quiet"][..]].concat()).assert_exit_code(3);
    assert_eq!(quiet.stderr, "");
    let empty = TestDirectory::new();
    empty.write("logs/empty.json", b"{\"Records\": []}");
    sweep(&empty, &[]).assert_exit_code(3).assert_stderr(&["the evidence holds no events"]);
}

#[test]
fn fail_on_sets_which_statuses_and_severities_fail() {
    let directory = TestDirectory::with_compliant_trail();
    let exits = |list: &str, more: &[&str], code: i32| {
        let args = [&["--fail-on", list][..], more].concat();
        sweep(&directory, &args).assert_exit_code(code)
    };
    // The unclassified principal is the only finding of the compliant trail, and it is INFO.
    exits("non-compliant,insufficient", &[WATCH_AUDITOR], 0);
    exits("low", &[WATCH_AUDITOR], 0);
    exits("info", &[WATCH_AUDITOR], 1).assert_stderr(&["note: 1 finding is INFO or more severe"]);
    // A watch entry without a principal is a MEDIUM finding, and its promise is not proven.
    let absent = "--watch=arn:aws:iam::*:role/Absent";
    let ran = exits("insufficient", &[WATCH_AUDITOR, absent], 3);
    assert_eq!(ran.report().result.summary.unseen_watches, ["arn:aws:iam::*:role/Absent"]);
    exits("non-compliant", &[WATCH_AUDITOR, absent], 0);
    exits("high", &[WATCH_AUDITOR, absent], 0);
    exits("medium", &[WATCH_AUDITOR, absent], 1);
    exits("insufficient,medium", &[WATCH_AUDITOR, absent], 1);
    exits("INSUFFICIENT_EVIDENCE", &[WATCH_AUDITOR, absent], 3);
    // Findings of a discovery count too.
    exits("info", &[], 0);

    directory.write("logs/more.json.gz", object(&[WRITE_CALL]));
    exits("non-compliant", &[WATCH_AUDITOR], 1);
    exits("critical", &[WATCH_AUDITOR], 1).assert_stderr(&["note: 1 finding is CRITICAL\n"]);
    exits("insufficient", &[WATCH_AUDITOR], 0);
    exits("none", &[WATCH_AUDITOR], 0);
    exits("none,high", &[WATCH_AUDITOR], 2).assert_stderr(&["`--fail-on none` stands alone"]);
    exits("hihg", &[WATCH_AUDITOR], 2).assert_stderr(&["high"]);

    // A stored report ends by the same rules.
    directory.run(&["sweep", "logs", WATCH_AUDITOR]).assert_exit_code(1);
    directory.run(&["report"]).assert_exit_code(1);
    directory.run(&["report", "--fail-on", "insufficient"]).assert_exit_code(0);
    directory.run(&["report", "--list", "--fail-on", "high"]).assert_exit_code(2);
}

#[cfg(not(feature = "aws"))]
#[test]
fn a_build_without_aws_names_the_needed_feature() {
    let directory = TestDirectory::new();
    for args in [
        &["sweep", "s3://bucket/AWSLogs", "--no-state"][..],
        &["sweep", "--lookup", "--no-state"],
        &["report", "--remote", "--table", "t", "--bucket", "b"],
        &["permissions"],
        &["permissions", "--principal", "arn:aws:iam::111122223333:role/Auditor"],
    ] {
        let ran = directory.run(args).assert_exit_code(2);
        ran.assert_stderr(&["was built without AWS", "cargo install --path . --features aws"]);
    }
}

#[test]
fn the_number_of_threads_does_not_change_the_result() {
    let directory = compliant_trail_with(&[WRITE_CALL]);
    let one = sweep(&directory, &[WATCH_AUDITOR, "--threads", "1"]).assert_exit_code(1).result();
    assert_eq!(sweep(&directory, &[WATCH_AUDITOR, "--threads", "7"]).assert_exit_code(1).result(), one);
    assert_eq!(sweep(&directory, &[WATCH_AUDITOR, "--threads", "0"]).assert_exit_code(1).result(), one);
}
