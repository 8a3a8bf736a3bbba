//! Promises, overrides, business hours, controls, and what the summary states about them.

use onlooker_core::{
    classification::Provenance,
    config::{Standard, Watch},
    controls::{ControlPack, ControlState},
    event::{Event, Outcome},
    finding::Severity,
    operation::OperationType,
    record::UnreadableReason,
    render::{html, json, markdown, render, terminal},
    report::{
        Behavior, MaintenanceTask, OverrideSummary, Report, ReportMode, ReportResult, ReportRun, TaskRecord,
        TaskResult,
    },
    score::{EvidenceCompleteness, RiskBand, Status},
    time::{HOUR_SECONDS, Time},
};

use super::{
    events::{
        ACCOUNTS, EventExt as _, EvidenceScenario, REGIONS, START, auditor_call, hours, override_ending,
    },
    policies::with_auditor_grants,
};

fn read() -> Event {
    auditor_call("DescribeInstances")
}

fn write() -> Event {
    auditor_call("RunInstances")
}

/// Of writes at these seconds, how many an override that ends at `ends` allowed, and how many came after its end.
fn calls_split_by_override_end(ends: u32, seconds: &[u32]) -> (u64, u64) {
    let result = EvidenceScenario::of(seconds.iter().map(|second| write().at_time(0, *second)))
        .with(|scenario| scenario.config.overrides.push(override_ending("it", "ec2:RunInstances", ends)))
        .result();
    let used = &result.overrides[0];
    assert_eq!(used.allowed_calls, result.compliance.permitted);
    let status = result.summary.overall_compliance;
    assert_eq!(status == Some(Status::Compliant), used.expired_calls == 0, "{status:?}");
    (used.allowed_calls, used.expired_calls)
}

#[test]
fn an_override_covers_calls_before_its_end_only() {
    assert_eq!(calls_split_by_override_end(1_800, &[0, 899, 900, 1_799]), (4, 0));
    assert_eq!(calls_split_by_override_end(1_800, &[1_800, 2_700]), (0, 2));
    assert_eq!(calls_split_by_override_end(1_800, &[0, 1_799, 1_800, 3_599]), (2, 2));
}

#[test]
fn calls_in_the_time_bucket_of_the_end_count_as_after_it() {
    assert_eq!(calls_split_by_override_end(1_000, &[0, 899, 900, 950, 1_000, 1_050]), (2, 4));
    assert_eq!(calls_split_by_override_end(1_000, &[950, 1_050]), (0, 2));
    assert_eq!(calls_split_by_override_end(1_000, &[0, 899]), (2, 0));
    assert_eq!(
        calls_split_by_override_end(1_000, &[950]),
        (0, 1),
        "also when no later call is in the same line of the tally"
    );
    assert_eq!(calls_split_by_override_end(899, &[0]), (0, 1));
    assert_eq!(calls_split_by_override_end(900, &[899]), (1, 0));
}

#[test]
fn an_overridden_call_keeps_its_classification() {
    let result =
        EvidenceScenario::of([auditor_call("PutBucketPolicy").with_resources(&["arn:aws:s3:::store"])])
            .with(|scenario| {
                let mut entry = override_ending("store", "s3:Put*", HOUR_SECONDS);
                entry.resource = Some("arn:aws:s3:::store*".to_owned());
                scenario.config.overrides.push(entry);
            })
            .result();
    assert_eq!(result.summary.overall_compliance, Some(Status::Compliant));
    assert_eq!(result.compliance.score, Some(100.0));
    assert_eq!((result.totals.read_only, result.totals.mutating), (0, 1));
    assert_eq!(result.activity.iter().map(|hour| (hour.reads, hour.writes)).collect::<Vec<_>>(), [(0, 1)]);
    let [principal] = &*result.principals else { panic!("{:#?}", result.principals) };
    assert_eq!((principal.status, principal.behavior), (Some(Status::Compliant), Behavior::Wrote));
    assert_eq!((principal.writes(), principal.read_only(), principal.compliance.permitted), (1, 0, 1));
    assert_eq!((principal.allowed_by_override, principal.capabilities.get("mutate").copied()), (1, Some(1)));
    let [operation] = &*result.operations else { panic!("{:#?}", result.operations) };
    assert_eq!(
        (operation.operation_type, operation.provenance),
        (OperationType::Mutating, Provenance::Override)
    );
    let found: Vec<&str> = result.findings.iter().map(|finding| &*finding.id).collect();
    assert_eq!(found, ["override-wide"], "only the wide override is found, not the write");
    let matrix = principal.matrix.as_ref().unwrap();
    let used = |name: &str| matrix.capabilities.iter().find(|row| row.name == name).unwrap().used;
    assert_eq!((used("mutate"), used("read")), (1, 0));
}

#[test]
fn the_headline_says_how_many_calls_overrides_allowed() {
    let report = |overrides: &[(&str, u32)]| {
        let events = [read(), write(), write().at_time(0, 30), auditor_call("PutBucketPolicy")];
        let scenario = EvidenceScenario::of(events).with(|scenario| {
            for (operation, ends) in overrides {
                scenario.config.overrides.push(override_ending(operation, operation, *ends));
            }
        });
        Report::new(scenario.result(), ReportRun::default()).unwrap()
    };
    let sentence = "3 of 4 calls were allowed by 2 overrides";
    let allowed = report(&[("ec2:*", HOUR_SECONDS), ("s3:*", HOUR_SECONDS), ("kms:*", HOUR_SECONDS)]);
    let summary = &allowed.result.summary;
    assert_eq!(
        summary.overrides,
        Some(OverrideSummary { allowed_calls: 3, calls: 4, overrides: 2 }),
        "the override that allowed no call is not counted"
    );
    assert_eq!(summary.overall_compliance, Some(Status::Compliant));
    assert!(summary.statement.contains(sentence), "{}", summary.statement);
    for format in [&terminal::FORMAT, &html::FORMAT, &markdown::FORMAT, &json::FORMAT] {
        let file = render(&allowed, format).unwrap().remove(0);
        let text = String::from_utf8(file.bytes).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let times = text.matches(sentence).count();
        let expected = if format.name == "json" { 1 } else { 2 };
        assert_eq!(times, expected, "{}: the headline and the score\n{text}", format.name);
    }
    let none = report(&[("kms:*", HOUR_SECONDS)]);
    assert_eq!(none.result.summary.overrides, None);
    assert!(!none.result.summary.statement.contains("allowed by"), "{}", none.result.summary.statement);
    let one = report(&[("s3:*", HOUR_SECONDS)]).result.summary.statement;
    assert!(one.contains("1 of 4 calls was allowed by 1 override."), "{one}");
}

#[test]
fn the_headline_says_which_watch_entries_match_no_principal() {
    let unseen = |patterns: &[&str]| {
        let scenario = EvidenceScenario::of([read()]).with(|scenario| {
            scenario.config.watch.extend(patterns.iter().map(|pattern| Watch::new(pattern).unwrap()));
        });
        Report::new(scenario.result(), ReportRun::default()).unwrap()
    };
    assert_eq!(unseen(&[]).result.summary.unseen_watches, [""; 0]);
    let typo = "arn:aws:iam::*:role/Audtior";
    let report = unseen(&[typo]);
    let summary = &report.result.summary;
    assert_eq!(summary.unseen_watches, [typo]);
    assert!(
        summary
            .statement
            .contains(&format!("The watch entry `{typo}` matches no principal in the evidence.")),
        "{}",
        summary.statement
    );
    for format in [&terminal::FORMAT, &html::FORMAT, &markdown::FORMAT, &json::FORMAT] {
        let text = String::from_utf8(render(&report, format).unwrap().remove(0).bytes).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("matches no principal in the evidence"), "{}: {text}", format.name);
    }
    let many = unseen(&["arn:aws:iam::*:role/A", "arn:aws:iam::*:role/B", "arn:aws:iam::*:role/C*", typo]);
    let statement = &many.result.summary.statement;
    assert!(statement.contains("4 watch entries match no principal in the evidence: "), "{statement}");
    assert!(statement.contains(" and 1 more."), "{statement}");
}

#[test]
fn an_override_allows_no_call_before_its_start() {
    // The override begins within a quarter hour, so its calls are not certain to follow the start.
    let events = [1_000, 1_799, 1_800, 5_000].map(|second| write().at_time(0, second));
    let result = EvidenceScenario::of(events)
        .with(|scenario| {
            let mut entry = override_ending("later", "ec2:RunInstances", 2 * HOUR_SECONDS);
            entry.from = Some(Time(START + 1_000));
            scenario.config.overrides.push(entry);
        })
        .result();
    let [used] = &*result.overrides else { panic!("{:#?}", result.overrides) };
    assert_eq!((used.allowed_calls, used.early_calls, used.expired_calls), (2, 2, 0));
    assert_eq!(result.summary.overall_compliance, Some(Status::NonCompliant));
    assert_eq!(result.summary.overrides.map(|overrides| overrides.allowed_calls), Some(2));
    let broken: Vec<_> = result.findings.iter().filter(|finding| finding.id == "write-succeeded").collect();
    assert_eq!(broken.iter().map(|finding| finding.count).sum::<u64>(), 2);
    assert!(!result.findings.iter().any(|finding| finding.id == "override-unused"), "{:#?}", result.findings);
}

/// The description of the finding of a rule.
fn description(result: &ReportResult, rule: &str) -> String {
    let found = result.findings.iter().find(|finding| finding.id == rule);
    found.unwrap_or_else(|| panic!("no {rule}: {:#?}", result.findings)).description.clone()
}

#[test]
fn an_override_that_begins_after_all_its_calls_is_unused_and_says_why() {
    let result = EvidenceScenario::of([write().at_time(0, 1_000)])
        .with(|scenario| {
            let mut entry = override_ending("later", "ec2:RunInstances", 2 * HOUR_SECONDS);
            entry.from = Some(Time(START + HOUR_SECONDS));
            scenario.config.overrides.push(entry);
        })
        .result();
    let said = description(&result, "override-unused");
    assert!(
        said.contains("allowed no call: it begins at ") && said.contains(", after 1 matching call"),
        "{said}"
    );
}

#[test]
fn a_misspelled_watch_entry_names_the_principal_that_it_may_mean() {
    let unseen = |pattern: &str, principal: &str| {
        let events = [read(), read().by_principal(principal)];
        let watched = |scenario: &mut EvidenceScenario| {
            scenario.config.watch.push(Watch::new(pattern).unwrap());
        };
        let result = EvidenceScenario::of(events).with(watched).result();
        let reasons = result.summary.status_reasons.join("; ");
        assert!(reasons.contains(&format!("no principal of the watch entry `{pattern}`")), "{reasons}");
        let said = description(&result, "principal-not-seen");
        said.contains(&format!(":role/{principal}`: is it meant?"))
    };
    assert!(unseen("arn:aws:iam::*:role/Bulider", "Builder"));
    // Another kind of principal, another account, another name, and a name of which every letter differs.
    assert!(!unseen("arn:aws:iam::*:user/Bulider", "Builder"));
    assert!(!unseen("arn:aws:iam::999988887777:role/Bulider", "Builder"));
    assert!(!unseen("arn:aws:iam::*:role/Reporter", "Builder"));
    assert!(!unseen("arn:aws:iam::*:role/Dev", "Ops"));
    // A principal that another entry is about is not the one that is meant.
    assert!(!unseen("arn:aws:iam::*:role/Auditer", "Auditor"));
}

#[test]
fn an_earlier_override_allows_the_calls_before_the_start_of_a_later_one() {
    let result = EvidenceScenario::of([0, 1, 2].map(|hour| write().at_time(hour, 0)))
        .with(|scenario| {
            let mut later = override_ending("later", "ec2:*", 3 * HOUR_SECONDS);
            later.from = Some(Time(START + 2 * HOUR_SECONDS));
            let earlier = override_ending("earlier", "ec2:RunInstances", HOUR_SECONDS);
            scenario.config.overrides.extend([later, earlier]);
            scenario.add_digests_everywhere(3);
        })
        .result();
    let used: Vec<_> = result
        .overrides
        .iter()
        .map(|used| (used.allowed_calls, used.early_calls, used.expired_calls))
        .collect();
    assert_eq!(used, [(1, 0, 0), (1, 0, 1)], "the call between the two is allowed by neither");
    assert_eq!(result.summary.overall_compliance, Some(Status::NonCompliant));
}

#[test]
fn an_override_for_resources_covers_no_call_with_other_or_no_resources() {
    let status = |resources: &[&str]| {
        let scenario =
            EvidenceScenario::of([auditor_call("PutObject").with_resources(resources)]).with(|scenario| {
                let mut entry = override_ending("store", "s3:PutObject", HOUR_SECONDS);
                entry.resource = Some("arn:aws:s3:::store/*".to_owned());
                scenario.config.overrides.push(entry);
            });
        scenario.result().summary.overall_compliance
    };
    assert_eq!(status(&["arn:aws:s3:::store/a", "arn:aws:s3:::store/b"]), Some(Status::Compliant));
    assert_eq!(status(&["arn:aws:s3:::store/a", "arn:aws:s3:::other/b"]), Some(Status::NonCompliant));
    assert_eq!(status(&[]), Some(Status::NonCompliant));
}

#[test]
fn the_longer_of_two_overrides_applies() {
    let result = EvidenceScenario::of([write(), write().at_time(2, 0)])
        .with(|scenario| {
            scenario.config.overrides.push(override_ending("short", "ec2:RunInstances", HOUR_SECONDS));
            scenario.config.overrides.push(override_ending("long", "ec2:*", 3 * HOUR_SECONDS));
            scenario.add_digests_everywhere(3);
        })
        .result();
    let used: Vec<(u64, u64)> =
        result.overrides.iter().map(|used| (used.allowed_calls, used.expired_calls)).collect();
    assert_eq!(used, [(0, 0), (2, 0)]);
    assert_eq!(result.summary.overall_compliance, Some(Status::Compliant));
}

trait DigestsExt {
    fn add_digests_everywhere(&mut self, hours: u32);
}

impl DigestsExt for EvidenceScenario {
    fn add_digests_everywhere(&mut self, hours: u32) {
        self.digests.extend((0..hours).map(|hour| (ACCOUNTS[0], REGIONS[0], hour)));
    }
}

#[test]
fn an_exempt_principal_is_never_watched() {
    let scenario = EvidenceScenario::of([read(), write().in_account_region(ACCOUNTS[1], REGIONS[0])]);
    assert_eq!(scenario.result().summary.overall_compliance, Some(Status::NonCompliant));
    let exempt =
        scenario.with(|scenario| scenario.config.exempt.push(format!("arn:aws:iam::{}:role/*", ACCOUNTS[1])));
    let result = exempt.result();
    assert_eq!(result.summary.overall_compliance, Some(Status::Compliant));
    assert_eq!((result.totals.watched_operations, result.totals.mutating), (1, 1));
}

#[test]
fn business_hours_past_midnight_belong_to_their_start_day() {
    let outside = |hour: u32, second: u32| {
        let scenario = EvidenceScenario::of([read().at_time(hour, second)]).with(|scenario| {
            scenario.config.watch[0].business_hours = Some(hours("22:00", "06:00"));
        });
        scenario.findings_of("outside-business-hours").len()
    };
    // The trail begins on a Tuesday.
    assert_eq!(outside(5, 3_599), 0);
    assert_eq!(outside(6, 0), 1);
    assert_eq!(outside(21, 3_599), 1);
    assert_eq!(outside(22, 0), 0);
    assert_eq!(outside(4 * 24 + 5, 0), 0, "Saturday morning belongs to Friday");
    assert_eq!(outside(5 * 24 + 5, 0), 1, "Sunday morning belongs to Saturday");
}

#[test]
fn activity_outside_business_hours_adds_risk_without_a_violation() {
    let scenario = EvidenceScenario::of([read().at_time(1, 0)]);
    let calm = scenario.result();
    let late =
        scenario.with(|scenario| scenario.config.business_hours = Some(hours("09:00", "17:00"))).result();
    assert_eq!(late.summary.overall_compliance, Some(Status::Compliant));
    assert_eq!(calm.summary.risk_score, Some(0.0));
    assert_eq!((late.summary.risk_score, late.summary.risk_level), (Some(5.0), Some(RiskBand::Low)));
}

#[test]
fn one_write_among_a_thousand_reads_is_a_violation() {
    let result = EvidenceScenario::of((0..1_000).map(|n| read().at_time(0, n)).chain([write()])).result();
    assert_eq!(result.summary.overall_compliance, Some(Status::NonCompliant));
    assert_eq!(result.summary.compliance_score, Some(99.9));
    assert_eq!((result.summary.risk_score, result.summary.risk_level), (Some(75.0), Some(RiskBand::High)));
    assert!(
        result.summary.statement.contains("made 1,001 calls. 1 of them succeeded"),
        "{}",
        result.summary.statement
    );
}

#[test]
fn a_compliant_summary_claims_only_the_logged_event_classes() {
    let result = EvidenceScenario::of([read()])
        .with(|scenario| {
            scenario.config.coverage.logged.pop();
            scenario.config.coverage.event_classes = scenario.config.coverage.logged.clone();
        })
        .result();
    let summary = &result.summary;
    assert!(
        summary
            .statement
            .ends_with("The statement covers the event classes management-read, management-write."),
        "{}",
        summary.statement
    );
    assert!(result.limitations.iter().any(|line| line.starts_with("Data events")));
    assert_eq!((summary.key_findings.len(), summary.top_actions.len()), (0, 0));
}

/// Evidence with at least seven findings above INFO, and six urgent rules.
fn scenario_with_many_findings() -> ReportResult {
    EvidenceScenario::of([
        write(),
        auditor_call("Decrypt"),
        auditor_call("CreateTags").with_outcome(Outcome::Failed),
        auditor_call("Frobnicate"),
        auditor_call("GetSecretValue"),
        auditor_call("ListUsers").by_principal("root"),
        auditor_call("RunInstances").with_outcome(Outcome::Denied),
        read().by_principal("Builder"),
    ])
    .with(|scenario| scenario.unreadable.push((1, UnreadableReason::BadJson)))
    .result()
}

#[test]
fn key_findings_are_the_five_most_severe_above_informational() {
    let result = scenario_with_many_findings();
    let notable: Vec<_> =
        result.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    assert!(notable.len() > 5);
    assert_eq!(result.summary.key_findings.len(), 5);
    for (line, finding) in result.summary.key_findings.iter().zip(notable) {
        assert!(line.starts_with(&finding.title) && line.ends_with('.'), "{line}");
        assert!(line.contains(finding.principal.as_deref().unwrap_or("")), "{line}");
        let seen = finding.description.split(". ").next().unwrap_or_default();
        assert!(line.contains(seen.trim_end_matches('.')), "{line} does not contain {seen}");
    }
    let calm = EvidenceScenario::of([read(), read().by_principal("Builder")]).result();
    assert_eq!(calm.findings.len(), 1, "an unclassified principal");
    assert_eq!(calm.summary.key_findings, [""; 0]);
}

#[test]
fn immediate_actions_cover_the_five_most_urgent_rules_of_at_least_high_severity() {
    let result = scenario_with_many_findings();
    assert_eq!(result.summary.top_actions.len(), 5);
    let urgent = result.recommendations.iter().filter(|one| one.severity >= Severity::High);
    assert!(urgent.clone().count() > 5);
    for (line, one) in result.summary.top_actions.iter().zip(urgent) {
        assert!(line.starts_with(&one.title) && line.ends_with(&one.action), "{line}");
        assert_eq!(line.contains("findings:"), one.findings > 1, "{line}");
    }
    let denied = EvidenceScenario::of([write().with_outcome(Outcome::Denied)]).result();
    assert_eq!(denied.summary.key_findings.len(), 1);
    assert_eq!(denied.summary.top_actions, [""; 0], "a medium finding is not urgent");
    // If evidence decides the status, what completes it is first, whatever its severity.
    let root = || read().by_principal("root");
    let first = |watch: &[&str]| {
        let scenario = EvidenceScenario::of([read(), root()]).with(|scenario| {
            scenario.config.watch.extend(watch.iter().map(|pattern| Watch::new(pattern).unwrap()));
        });
        scenario.result().summary.top_actions.first().cloned().unwrap_or_default()
    };
    assert!(first(&[]).starts_with("The root user was used"), "{}", first(&[]));
    let unseen = first(&["arn:aws:iam::*:role/Absent"]);
    assert!(unseen.starts_with("A watched principal does not appear in the evidence"), "{unseen}");
}

#[test]
fn each_rule_has_one_recommendation_for_all_its_findings() {
    let result = EvidenceScenario::of([
        write(),
        auditor_call("CreateTags"),
        write().in_account_region(ACCOUNTS[1], REGIONS[0]),
    ])
    .result();
    let [recommendation] = &*result.recommendations else { panic!("{:#?}", result.recommendations) };
    assert_eq!((recommendation.id.as_str(), recommendation.findings), ("write-succeeded", 3));
    assert_eq!(recommendation.principals.len(), 2);
}

fn control_states(result: &ReportResult) -> Vec<(&str, ControlState)> {
    result.controls.iter().map(|control| (control.id.as_str(), control.state)).collect()
}

#[test]
fn controls_pass_on_complete_evidence_with_watched_calls_alone() {
    use ControlState::{Fail, NoEvidence, Pass};

    let hours = "time_zone = \"UTC\"\nstart = \"00:00\"\nend = \"24:00\"\ndays = [\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\",\"sun\"]";
    let unset = EvidenceScenario::of([read()]).result();
    let idle: Vec<&str> = control_states(&unset)
        .into_iter()
        .filter(|(_, state)| *state == NoEvidence)
        .map(|(id, _)| id)
        .collect();
    assert_eq!(
        idle,
        ["RO-6", "RO-9", "RO-10", "EV-2", "EV-3"],
        "business hours and machine use are not configured, no policies were read, no log files were verified, and there \
         is no deployment that is maintained"
    );
    let kept =
        with_auditor_grants(EvidenceScenario::of([read()]), &["ec2:DescribeInstances"]).with(|scenario| {
            scenario.config.watch[0].machine = true;
            scenario.config.business_hours = Some(toml::from_str(hours).unwrap());
        });
    assert!(
        control_states(&kept.result())
            .iter()
            .all(|(id, state)| *state == if matches!(*id, "EV-2" | "EV-3") { NoEvidence } else { Pass })
    );

    let written = EvidenceScenario::of([read(), write()]).result();
    assert!(control_states(&written).iter().all(|(id, state)| (*state == Fail) == (*id == "RO-1")
        && (*state == NoEvidence) == matches!(*id, "RO-6" | "RO-9" | "RO-10" | "EV-2" | "EV-3")));
    let failed = &written.controls[0];
    assert_eq!(failed.findings, [written.findings[0].fingerprint.clone()]);
    assert!(written.findings[0].controls.contains("RO-1"));

    let damaged =
        kept.clone().with(|scenario| scenario.unreadable.push((1, UnreadableReason::BadJson))).result();
    assert!(
        control_states(&damaged).iter().all(|(id, state)| match *id {
            "EV-1" => *state == Fail,
            "RO-9" | "RO-10" => *state == Pass,
            _ => *state == NoEvidence,
        }),
        "policies do not depend on the trail"
    );

    let unseen = EvidenceScenario::of([read().by_principal("Builder")]).result();
    let expected = |id: &str| match id {
        "RO-8" => Fail,
        "EV-1" => Pass,
        _ => NoEvidence,
    };
    assert!(
        control_states(&unseen).iter().all(|(id, state)| *state == expected(id)),
        "{:?}",
        control_states(&unseen)
    );

    let discovery = kept.with(|scenario| scenario.config.watch.clear()).result();
    assert_eq!(discovery.mode, ReportMode::Discovery);
    assert!(
        control_states(&discovery).iter().all(|(_, state)| *state == NoEvidence),
        "no principal is watched"
    );
}

#[test]
fn controls_about_own_records_ask_the_maintenance_of_the_deployment() {
    let now = Time(START + 30 * 24 * HOUR_SECONDS);
    let record = |task, problems: u64| TaskRecord {
        task,
        run_id: "run".to_owned(),
        ended_at: now,
        result: if problems > 0 { TaskResult::ProblemFound } else { TaskResult::Succeeded },
        detail: String::new(),
        completed_at: Some(now),
        problems,
    };
    let scenario = EvidenceScenario::of([read()]);
    let state = |maintenance: &[TaskRecord]| {
        let run = ReportRun { maintenance: maintenance.to_vec(), started_at: now, ..ReportRun::default() };
        let control = scenario.result_of_run(run).controls.into_iter().find(|control| control.id == "EV-3");
        control.map(|control| (control.state, control.evidence)).unwrap()
    };
    let (trail, evidence) = (MaintenanceTask::AuditTrail, MaintenanceTask::Evidence);
    assert_eq!(state(&[]).0, ControlState::NoEvidence, "outside a deployment");
    assert_eq!(state(&[record(trail, 0)]).0, ControlState::NoEvidence, "without retention");
    let of_trail = MaintenanceTask::AuditRetention;
    assert_eq!(
        state(&[record(trail, 0), record(evidence, 0)]).0,
        ControlState::NoEvidence,
        "of the evidence alone"
    );
    let (passed, said) = state(&[record(trail, 0), record(evidence, 0), record(of_trail, 0)]);
    assert_eq!(passed, ControlState::Pass);
    assert!(
        said.starts_with(
            "the audit trail is verified; the retention of the evidence and of the audit trail was applied"
        ),
        "{said}"
    );
    let (failed, said) = state(&[record(trail, 3), record(evidence, 0), record(of_trail, 0)]);
    assert_eq!(
        (failed, &*said),
        (ControlState::Fail, "the verification of the audit trail found 3 problems")
    );
}

#[test]
fn every_rule_above_informational_fails_a_general_control_or_is_listed_here() {
    let pack = ControlPack::built_in(Standard::General).unwrap();
    let silent: Vec<&str> = onlooker_core::finding::RULES
        .iter()
        .filter(|rule| rule.severity > Severity::Info && pack.controls_failed_by(rule.id).is_empty())
        .map(|rule| rule.id)
        .collect();
    assert_eq!(
        silent,
        ["data-read", "cost-incurred", "read-denied", "permission-issues"],
        "`controls/tests.rs` says why, for every pack"
    );
}

#[test]
fn operations_are_listed_with_classification_and_deciding_source() {
    let result = EvidenceScenario::of([read(), write(), auditor_call("Frobnicate")])
        .with(|scenario| {
            scenario.config.overrides.push(override_ending("it", "ec2:RunInstances", HOUR_SECONDS))
        })
        .result();
    let listed: Vec<(&str, Provenance)> =
        result.operations.iter().map(|one| (one.operation.as_str(), one.provenance)).collect();
    assert_eq!(
        listed,
        [("RunInstances", Provenance::Override), ("Frobnicate", Provenance::None)],
        "a cataloged read is not listed, and an allowed write is as severe as any"
    );
}

#[test]
fn the_evidence_gap_risk_counts_hours_classes_unreadable_parts_and_conflicts() {
    let result = EvidenceScenario::of([
        read().with_id(1),
        read().with_id(1).at_time(0, 1),
        read().with_id(2).at_time(3, 0),
    ])
    .with(|scenario| {
        scenario.config.coverage.logged.pop();
        scenario.unreadable.push((1, UnreadableReason::BadJson));
        scenario.period.0 = Some(Time(START));
    })
    .result();
    let risk = result.risk.unwrap();
    let gaps = risk.components.iter().find(|part| part.name == "evidence_gaps").unwrap();
    assert_eq!(gaps.count, 2 + 1 + 1 + 1, "two hours, a class, an unreadable piece, a conflict");
}

#[test]
fn neither_a_discovery_nor_a_report_on_an_uncertain_call_says_that_the_evidence_is_complete() {
    let proof = EvidenceScenario::of([read()]);
    assert_eq!(proof.result().summary.evidence_completeness, Some(EvidenceCompleteness::Complete));
    let with_a_gap = EvidenceScenario::of([read(), read().at_time(2, 0)]).result();
    assert_eq!(with_a_gap.summary.evidence_completeness, Some(EvidenceCompleteness::HoursMissing));
    let uncertain = EvidenceScenario::of([read(), auditor_call("Frobnicate")]).result();
    assert_eq!(uncertain.summary.evidence_completeness, None);
    let of_own_roles = proof
        .with(|scenario| scenario.config.watch.iter_mut().for_each(|watch| watch.is_own_role = true))
        .result();
    assert_eq!((of_own_roles.mode, of_own_roles.totals.events), (ReportMode::Discovery, 1));
    assert_eq!(of_own_roles.summary.evidence_completeness, None);
}
