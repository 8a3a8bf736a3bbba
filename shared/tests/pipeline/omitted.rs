//! Lists of a result that are too long: what is listed, what is left out, and what is about all of it.

use std::collections::BTreeSet;

use onlooker_core::{
    config::{Redaction, Watch},
    controls::ControlState,
    event::{Event, Outcome},
    finding::Severity,
    report::{ExecutiveSummary, OmittedEntries, ReportResult, ReportRun, redact},
    score::Status,
};

use super::events::{ACCOUNTS, EventExt as _, EvidenceScenario, auditor_call};

fn read() -> Event {
    auditor_call("DescribeInstances")
}

fn write() -> Event {
    auditor_call("RunInstances")
}

/// Nine watched principals, of which the last by name wrote and the others were denied, in nine accounts, and an operation
/// of each that the catalog does not list.
fn hostile() -> EvidenceScenario {
    let events = (0..9).flat_map(|n| {
        let account = format!("1111222233{n:02}");
        let by =
            |event: Event| event.by_principal(&format!("Agent{n}")).in_account_region(&account, "us-east-1");
        let attempt = if n == 8 { write() } else { write().with_outcome(Outcome::Denied) };
        let mut unlisted = by(write().with_outcome(Outcome::Denied));
        unlisted.call_key.name = format!("DeleteNothing{n}").into();
        [by(attempt), unlisted]
    });
    EvidenceScenario::of(events)
        .with(|scenario| scenario.config.watch.push(Watch::new("arn:aws:iam::*:role/Agent*").unwrap()))
}

fn left_out(result: &ReportResult, list: &str) -> Vec<OmittedEntries> {
    result.omitted.iter().filter(|one| one.list == list).cloned().collect()
}

#[test]
fn what_is_left_out_of_a_list_is_counted_and_said_and_decides_as_before() {
    let (all, some) = (hostile().result_within(1_000), hostile().result_within(4));
    assert!(all.omitted.is_empty() && all.lists_everything() && !some.lists_everything());
    // What is about all entries is the same.
    assert_eq!(some.summary.overall_compliance, Some(Status::NonCompliant));
    let said = " Some lists of the report are not complete: the limitations say which.";
    assert_eq!(some.summary.statement, format!("{}{said}", all.summary.statement));
    let summary =
        |result: &ReportResult| ExecutiveSummary { statement: String::new(), ..result.summary.clone() };
    assert_eq!(summary(&some), summary(&all));
    assert_eq!((&some.totals, &some.compliance, &some.risk), (&all.totals, &all.compliance, &all.risk));
    let states = |result: &ReportResult| -> Vec<(ControlState, String)> {
        result.controls.iter().map(|control| (control.state, control.evidence.clone())).collect()
    };
    assert_eq!(states(&some), states(&all));
    let advice = |result: &ReportResult| -> Vec<(String, u64)> {
        result.recommendations.iter().map(|one| (one.id.clone(), one.findings)).collect()
    };
    assert_eq!(advice(&some), advice(&all));
    for severity in [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info] {
        assert_eq!(some.findings_of(severity), all.findings_of(severity), "{severity:?}");
    }
    // What is listed is the first of each list.
    let arns =
        |result: &ReportResult| -> Vec<_> { result.principals.iter().map(|one| one.arn.clone()).collect() };
    assert_eq!(arns(&some), arns(&all)[..4]);
    assert!(
        some.principals[0].status == Some(Status::NonCompliant) && some.principals[0].arn.ends_with("Agent8")
    );
    assert_eq!(some.operations, all.operations[..4]);
    assert!(some.findings.iter().all(|finding| all.findings.contains(finding)));
    // What is not listed is counted and said.
    let principals = left_out(&some, "principals");
    assert_eq!(principals.iter().map(|one| one.entries).sum::<u64>(), all.principals.len() as u64 - 4);
    for status in [Status::NonCompliant, Status::InsufficientEvidence, Status::Compliant] {
        assert_eq!(some.principals_with(status), all.principals_with(status), "{status}");
    }
    assert_eq!(left_out(&some, "operations")[0].entries, all.operations.len() as u64 - 4);
    let findings: u64 = left_out(&some, "findings").iter().map(|one| one.entries).sum();
    assert_eq!(some.findings.len() as u64 + findings, all.findings.len() as u64);
    for said in [
        "4 of 10 principals are listed",
        "4 of 10 operations are listed",
        "findings are listed, of each rule 4",
    ] {
        assert!(some.limitations.iter().any(|line| line.contains(said)), "{said}: {:?}", some.limitations);
    }
}

#[test]
fn each_rule_that_found_something_has_a_finding_whatever_the_limit() {
    let (all, one) = (hostile().result_within(1_000), hostile().result_within(1));
    let rules = |result: &ReportResult| -> BTreeSet<String> {
        result.findings.iter().map(|finding| finding.id.clone()).collect()
    };
    assert_eq!(rules(&one), rules(&all));
    assert_eq!(one.findings.len(), rules(&one).len());
    assert_eq!(one.summary.overall_compliance, Some(Status::NonCompliant));
}

#[test]
fn the_account_region_pairs_with_the_least_coverage_stay() {
    let scenario = hostile().with(|scenario| {
        scenario.events.push(read().at_time(3, 0).with_id(1_000));
        scenario
            .events
            .push(read().in_account_region("111122223307", "us-east-1").at_time(3, 0).with_id(1_001));
    });
    let all = scenario.result_within(1_000);
    let pairs = |result: &ReportResult| -> Vec<_> {
        let pairs = result.coverage.account_regions.iter();
        pairs.map(|pair| (pair.account.clone(), pair.region.clone(), pair.observed_hours)).collect()
    };
    let most = pairs(&all).iter().map(|(.., hours)| *hours).max().unwrap();
    let (best, worst): (Vec<_>, Vec<_>) = pairs(&all).into_iter().partition(|(.., hours)| *hours == most);
    let some = scenario.result_within(worst.len());
    assert!(!best.is_empty() && !worst.is_empty());
    assert_eq!(pairs(&some), worst);
    assert_eq!(some.coverage.percent, all.coverage.percent);
    assert_eq!(left_out(&some, "coverage.account_regions")[0].entries, best.len() as u64);
}

#[test]
fn the_lists_of_one_principal_are_cut_too() {
    let events = (0..9)
        .map(|n| read().in_account_region(ACCOUNTS[0], &format!("xx-{n}")).in_session(&format!("s{n}")));
    let scenario = EvidenceScenario::of(events);
    let some = scenario.result_within(4);
    assert_eq!(some.principals[0].regions.len(), 4);
    assert_eq!(some.principals[0].sessions, 9);
    assert_eq!(left_out(&some, "principals[].regions")[0].entries, 5);
    let said = "4 of 9 entries of `principals[].regions` are listed";
    assert!(some.limitations.iter().any(|line| line.starts_with(said)), "{:?}", some.limitations);
}

#[test]
fn an_account_that_only_a_sentence_names_is_redacted_if_the_evidence_has_it() {
    let redacted = |known: &[&str]| {
        let mut result = hostile().result_within(1);
        result.summary.statement = "Account 999988887777 is not listed.".to_owned();
        let redaction = Redaction { accounts: true, sessions: false };
        let known = known.iter().map(|one| (*one).to_owned()).collect();
        redact(result, ReportRun::default(), &redaction, &known).unwrap().0.summary.statement
    };
    assert!(redacted(&[]).contains("999988887777"));
    assert!(!redacted(&["999988887777"]).contains("999988887777"));
}
