//! The real binary's demo. Law: its report has the figures of the scenario.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod fixture;

use std::{collections::BTreeSet, fs};

use fixture::{MANAGEMENT_ONLY_CONFIG, TestDirectory};
use onlooker_core::{
    controls::ControlState,
    finding::{Finding, Severity},
    operation::OperationType,
    period::Period,
    permissions::OverallStatus,
    report::{Behavior, PrincipalSummary, Report},
    score::{RiskBand, Status},
};
use onlooker_demo::scenario;

fn demo(directory: &TestDirectory) -> Report {
    let ran = directory.run(&["demo", "--brief"]).assert_exit_code(0);
    assert!(
        ran.stdout.contains("Larkspur Freight") && ran.stdout.contains("NON_COMPLIANT"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.lines().count() <= 50, "one screen");
    assert!(
        fs::read_to_string(directory.join("onlooker-demo/report.html"))
            .expect("a page")
            .trim_start()
            .starts_with("<!")
    );
    let text = fs::read_to_string(directory.join("onlooker-demo/report.json")).expect("a report");
    let report = fixture::report(&text);
    let page = |name: &str| {
        fs::read_to_string(directory.join(DEMO_STATE).join("reports").join(name)).expect("a page")
    };
    let link =
        format!("href=\"{}.json\"><code>{}</code>", report.run.run_id, report.id.get(..12).expect("an id"));
    assert!(page("index.html").contains(&link), "{}", page("index.html"));
    assert!(page("latest.html").contains(&report.id));
    report
}

fn findings_of<'a>(report: &'a Report, rule: &str) -> Vec<&'a Finding> {
    report.result.findings.iter().filter(|finding| finding.id == rule).collect()
}

fn event_ids(findings: &[&Finding]) -> BTreeSet<String> {
    findings.iter().flat_map(|finding| finding.sample_event_ids.iter().cloned()).collect()
}

fn roles<'a>(report: &'a Report, role: &str) -> Vec<&'a PrincipalSummary> {
    let end = format!(":role/{role}");
    report.result.principals.iter().filter(|principal| principal.arn.ends_with(&end)).collect()
}

fn role<'a>(report: &'a Report, arn: &str) -> &'a PrincipalSummary {
    report.result.principals.iter().find(|principal| &*principal.arn == arn).expect("seen")
}

#[test]
fn the_demo_report_has_the_figures_of_its_scenario() {
    let directory = TestDirectory::new();
    let report = demo(&directory);
    let (story, result, run) = (scenario(), &report.result, &report.run);

    // Records: the readable part of the truncated object is added to those of the others.
    let [cut] = &*run.unreadable else { panic!("{:#?}", run.unreadable) };
    let salvaged = cut.record.expect("a position");
    assert!(salvaged < story.lost_records);
    assert_eq!((cut.reason.as_str(), story.unreadable_objects), ("the gzip stream ends too early", 1));
    assert!(cut.file.contains("/444455556666/CloudTrail/eu-west-1/"), "{}", cut.file);
    assert_eq!(result.totals.events, story.records - story.duplicates + salvaged);
    assert_eq!((run.duplicates, run.records_seen), (story.duplicates, story.records + salvaged + 1));
    assert_eq!(
        (result.totals.unreadable_evidence, result.totals.conflicting_events, result.totals.unknown),
        (1, 0, 0)
    );
    assert_eq!((result.totals.accounts, result.totals.regions), (3, 3));
    assert_eq!(result.totals.events, result.totals.operations + result.totals.other_events);
    assert_eq!((run.log_files_read, run.log_files_reused), (run.input_files.len() as u64, 0));
    let accounts: BTreeSet<&str> =
        result.coverage.account_regions.iter().map(|entry| &*entry.account).collect();
    assert_eq!(accounts, story.accounts.iter().map(|account| account.id).collect());

    // Coverage: one hour of one account and region is missing.
    assert_eq!((result.coverage.expected_hours, result.coverage.missing_hours()), (story.trail_hours, 1));
    let gaps: Vec<_> =
        result.coverage.account_regions.iter().filter(|entry| !entry.gaps.is_empty()).collect();
    let [holed] = &*gaps else { panic!("{gaps:#?}") };
    let missing = story.missing_hour;
    assert_eq!(
        (&*holed.account, &*holed.region),
        (story.accounts[missing.account].id, story.regions[missing.region])
    );
    let Period { from, until } = holed.gaps[0];
    let start = result.coverage.period.expect("a period").from;
    assert_eq!((u64::from(from.0 - start.0), until.0 - from.0), (missing.hour, 1));
    assert!(
        result.coverage.account_regions.iter().any(|entry| entry.quiet_hours > 0),
        "quiet hours differ from missing ones"
    );
    assert_eq!(findings_of(&report, "missing-hours").len(), 1);

    // The auditors only read; the gaps in the evidence prevent the status COMPLIANT.
    let auditors = roles(&report, "AuditReader");
    assert_eq!(auditors.len(), 3);
    for auditor in auditors {
        assert_eq!((auditor.behavior, auditor.compliance.score), (Behavior::OnlyRead, Some(100.0)));
        assert_eq!(auditor.status, Some(Status::InsufficientEvidence));
        let mut about =
            result.findings.iter().filter(|finding| finding.principal.as_ref() == Some(&auditor.arn));
        assert!(about.all(|finding| finding.id == "unused-grant"), "a day uses few reads");
        let matrix = auditor.matrix.as_ref().expect("it is watched");
        assert_eq!(matrix.overall_status, Some(OverallStatus::Valid));
        assert_eq!(
            auditor.session_names.iter().map(|name| &**name).collect::<Vec<_>>(),
            ["nadia.okafor", "tomas.lind"]
        );
    }

    // The inventory role reads in all accounts, and in one of them reads secrets.
    let secrets = findings_of(&report, "secret-read");
    assert_eq!(secrets.iter().map(|finding| finding.count).sum::<u64>(), story.secret_reads as u64);
    let inventory = "arn:aws:iam::444455556666:role/InventoryCollector";
    assert!(secrets.iter().all(|finding| finding.principal.as_deref() == Some(inventory)));
    assert_eq!(role(&report, inventory).behavior, Behavior::ReadSecrets);
    assert_eq!(role(&report, inventory).compliance.score, Some(100.0), "the decryptions belong to the reads");
    assert_eq!(roles(&report, "InventoryCollector").len(), 3);
    // Users track findings by fingerprint: this one must not change.
    assert_eq!(secrets[0].fingerprint, "a8cbeda38befe1901e320daccbe72c76");

    // The plan stage tried two writes, and both were denied.
    let denied = findings_of(&report, "write-denied");
    assert_eq!(event_ids(&denied), story.denied_event_ids.map(str::to_owned).into());
    let plan = role(&report, "arn:aws:iam::444455556666:role/CiPlan");
    assert_eq!((plan.behavior, result.totals.blocked), (Behavior::Attempted, 2));
    assert_eq!(plan.calls - plan.compliance.permitted, 2);

    // The agent assumed a role and wrote with it.
    let privileged = findings_of(&report, "privileged-call");
    let [assumed] = &*privileged else { panic!("{privileged:#?}") };
    assert_eq!((assumed.subject.as_str(), assumed.count), ("sts:AssumeRole", 1));
    assert_eq!(assumed.sample_event_ids, [story.assume_role_event_id]);
    let agent = role(&report, "arn:aws:iam::111122223333:role/OpsAgentReadOnly");
    assert_eq!((agent.status, agent.behavior), (Some(Status::NonCompliant), Behavior::Wrote));
    assert_eq!(
        (agent.writes_through_roles, agent.counts.get(&OperationType::Mutating)),
        (1, None),
        "through another role"
    );
    assert!(agent.source_identities.iter().any(|name| &**name == "ops-agent"));
    let deployer = role(&report, story.deployer);
    assert_eq!((deployer.behavior, deployer.status), (Behavior::Wrote, None));
    assert!(
        deployer.source_identities.iter().any(|name| &**name == "ops-agent"),
        "the trace back to the agent"
    );
    // The write through the other role is attributed to the agent, with certainty.
    let written = findings_of(&report, "write-succeeded");
    let [write] = &*written else { panic!("{written:#?}") };
    assert_eq!(
        (write.subject.as_str(), write.count, write.severity),
        (&*format!("s3:PutBucketPolicy through {}", story.deployer), 1, Severity::Critical)
    );
    assert_eq!(
        (write.principal.as_deref(), &*write.sample_event_ids),
        (Some(&*agent.arn), &[story.write_event_id.to_owned()][..])
    );
    let matrix = agent.matrix.as_ref().expect("it is watched");
    let [chain] = &*matrix.role_chains else { panic!("{:#?}", matrix.role_chains) };
    assert_eq!(chain.path.iter().map(|arn| &**arn).collect::<Vec<_>>(), [story.deployer]);
    assert_eq!((chain.calls, chain.non_reads_succeeded, chain.is_certain), (3, 1, true));
    // The agent's policies let it assume the role, and grant no writes.
    let mutate = matrix.capabilities.iter().find(|row| row.name == "mutate").expect("a row");
    let granted = mutate.granted.as_ref().map(|count| count.unconditional + count.conditional);
    assert_eq!((granted, mutate.used, mutate.through_roles), (Some(0), 1, 1));
    assert_eq!(matrix.overall_status, Some(OverallStatus::OverPrivileged));
    let [path] = &*matrix.escalation_paths else { panic!("{:#?}", matrix.escalation_paths) };
    assert!(path.description.contains(story.deployer) && path.is_unconditional, "{path:?}");
    assert!(result.audit_entries.iter().any(|entry| entry.event_id == story.assume_role_event_id));

    // The unclassified role wrote; the root user signed in.
    assert_eq!(role(&report, story.unclassified).behavior, Behavior::Wrote);
    assert!(
        findings_of(&report, "unclassified-principal")
            .iter()
            .any(|finding| finding.subject == "777788889999")
    );
    let root = findings_of(&report, "root-use");
    let [root] = &*root else { panic!("{root:#?}") };
    assert!(root.count > 1 && root.description.contains("`ConsoleLogin`"), "{}", root.description);
    assert!(result.other_events.iter().any(|event| &*event.event_name == "ConsoleLogin" && event.count > 1));

    // The overall result.
    assert_eq!(result.status(), Some(Status::NonCompliant));
    assert_eq!(result.totals.watched_principals, 9);
    assert_eq!(
        result.compliance.calls - result.compliance.permitted,
        4,
        "an assumed role, two denied writes and a write through another role"
    );
    assert_eq!(result.totals.watched_operations - result.compliance.calls, 2, "reads through the other role");
    let said = &result.summary.statement;
    assert!(said.contains("The score leaves out the 2 permitted calls made through roles"), "{said}");
    assert!(said.contains("made 1,940 calls, 3 of them through roles. 2 of them"), "{said}");
    assert_eq!(result.summary.risk_level, Some(RiskBand::High));
    let count = |severity| result.findings.iter().filter(|finding| finding.severity == severity).count();
    assert_eq!((count(Severity::Critical), count(Severity::High), count(Severity::Medium)), (3, 8, 9));
    let failed: Vec<&str> = result
        .controls
        .iter()
        .filter(|control| control.state == ControlState::Fail)
        .map(|control| control.id.as_str())
        .collect();
    assert_eq!(failed, ["RO-1", "RO-2", "RO-3", "RO-5", "RO-7", "RO-9", "RO-10", "EV-1", "EV-2"]);
    assert_eq!(result.coverage.covered_classes(), ["management-read", "management-write"]);
    assert_eq!(result.inputs.watched, story.watch_patterns());

    // With complete evidence, the auditors are COMPLIANT: without the truncated object, and up to the missing hour.
    fs::remove_file(directory.join(&cut.file)).expect("removed");
    directory.write("onlooker.toml", MANAGEMENT_ONLY_CONFIG);
    let auditor = format!("--watch={}", story.promised_roles[0].pattern);
    let sweep = ["sweep", "onlooker-demo/AWSLogs", "--no-state", "--json", &auditor, "--until"];
    let proven =
        directory.run(&[&sweep[..], &["2026-10-06T11:00:00Z"]].concat()).assert_exit_code(0).report();
    assert_eq!(
        (proven.result.status(), proven.result.totals.watched_principals),
        (Some(Status::Compliant), 3)
    );
    directory.run(&[&sweep[..], &["2026-10-06T12:00:00Z"]].concat()).assert_exit_code(3);
    let agent = format!("--watch={}", story.promised_roles[3].pattern);
    directory.run(&["sweep", "onlooker-demo/AWSLogs", "--no-state", &agent]).assert_exit_code(1);
}

#[test]
fn a_rerun_replaces_trail_and_state_and_gives_the_same_report() {
    let directory = TestDirectory::new();
    let first = demo(&directory);
    directory.write("onlooker-demo/AWSLogs/left-over.json", "{}");
    directory.write("onlooker-demo/mine.txt", "kept");
    let second = demo(&directory);
    assert_eq!(second.id, first.id);
    assert_eq!(second.run.input_files, first.run.input_files);
    assert!(!directory.join("onlooker-demo/AWSLogs/left-over.json").exists());
    assert!(directory.join("onlooker-demo/mine.txt").is_file());
    let list =
        directory.run(&["report", "--list", "--json", "--state", DEMO_STATE]).assert_exit_code(0).stdout;
    let runs: Vec<serde_json::Value> = serde_json::from_str(&list).expect("JSON");
    assert_eq!(runs.len(), 1, "only of the rerun");
    let shown = ["report", "--json", "--state", DEMO_STATE];
    assert_eq!(directory.run(&shown).assert_exit_code(1).report().id, first.id);
}

/// The state of the demo.
const DEMO_STATE: &str = "onlooker-demo/state";

#[test]
fn the_demo_leaves_the_state_of_real_sweeps_alone() {
    let directory = TestDirectory::new();
    directory.run(&["demo", "--quiet"]).assert_exit_code(0);
    assert!(!directory.join(".onlooker").exists());
    // The second command of README.md, after the first.
    directory.write("AWSLogs/10.json", fixture::uncompressed_object(&[fixture::READ_CALL]));
    directory.run(&["sweep", "./AWSLogs"]).assert_exit_code(0);
    let kept = directory.run(&["report", "--json"]).assert_exit_code(0).report().id;
    directory.run(&["demo", "--quiet"]).assert_exit_code(0);
    assert_eq!(directory.run(&["report", "--json"]).assert_exit_code(0).report().id, kept);
    // Evidence of the demo and of real sweeps does not mix.
    let mixed = ["sweep", "AWSLogs", "--state", DEMO_STATE];
    let rejected = directory.run(&mixed).assert_exit_code(2).assert_stderr(&["the demo", "--state"]);
    assert_eq!(rejected.stdout, "");
}

#[test]
fn the_demo_does_not_change_foreign_files() {
    let directory = TestDirectory::new();
    directory.write("onlooker-demo/thesis.txt", "mine");
    directory.run(&["demo"]).assert_exit_code(2).assert_stderr(&["onlooker-demo", "not empty"]);
    let directory = TestDirectory::with_compliant_trail();
    let kept = directory.run(&["sweep", "logs", "--json"]).assert_exit_code(0).report().id;
    directory.run(&["demo"]).assert_exit_code(0);
    assert_eq!(directory.run(&["report", "--json"]).assert_exit_code(0).report().id, kept);
}

#[test]
fn another_seed_gives_the_same_findings() {
    let directory = TestDirectory::new();
    let ran = directory.run(&["demo", "--seed", "7", "--out", "seven", "--quiet"]).assert_exit_code(0);
    assert_eq!(ran.stdout, "NON_COMPLIANT, 30 findings: open `seven/report.html`\n");
    assert_eq!(ran.stderr, "");
    let report = fixture::report(&fs::read_to_string(directory.join("seven/report.json")).expect("a report"));
    let story = scenario();
    assert_eq!(report.run.duplicates, story.duplicates);
    assert_eq!(
        findings_of(&report, "secret-read").iter().map(|finding| finding.count).sum::<u64>(),
        story.secret_reads as u64
    );
    assert_eq!(
        (findings_of(&report, "write-denied").len(), findings_of(&report, "privileged-call").len()),
        (2, 1)
    );
    assert_eq!(report.result.coverage.missing_hours(), 1);
    assert_ne!(findings_of(&report, "privileged-call")[0].sample_event_ids, [story.assume_role_event_id]);
}
