//! Parts of sample reports.
//!
//! Enters: the content of a part. Leaves: accounts and regions, coverage, activity, principals, findings, controls.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    controls::{ControlResult, ControlState},
    coverage::{
        AccountRegionCoverage, AccountRegionIntegrity, Coverage, EventClassCoverage, EventClassState,
        IntegrityHours, LeadInCoverage, LogIntegrityCoverage, percent,
    },
    event::Outcome,
    finding::{Finding, Severity},
    hex::hex,
    log_integrity::{HourProblem, ProblemKind},
    operation::{OperationType, RiskLevel},
    origin::CallOrigin,
    period::Period,
    principal::PrincipalKind,
    report::{Behavior, HourlyActivity, PrincipalSummary},
    score::{ComplianceScore, Status},
    time::{Hour, Time},
};

pub(super) const AUDITOR: &str = "arn:aws:iam::111122223333:role/audit/Auditor";
pub(super) const INVENTORY: &str = "arn:aws:iam::111122223333:role/InventoryScanner";
pub(super) const CI: &str = "arn:aws:iam::444455556666:role/ci/ReadOnlyPipeline";
pub(super) const AGENT: &str = "arn:aws:iam::777788889999:role/ai/ReleaseNotesAgent";
pub(super) const INTERN: &str = "arn:aws:iam::777788889999:user/intern";
pub(super) const ADMIN: &str = "arn:aws:iam::444455556666:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_0123456789abcdef";
pub(super) const NOT_SEEN: &str = "arn:aws:iam::*:role/Quarterly*";

pub(super) const START: Hour = Hour(492_384);

pub(super) fn time_at(hour: u32, minute: u32) -> Time {
    Time((START.0 + hour) * 3_600 + minute * 60)
}

pub(super) fn arc_str(text: &str) -> Arc<str> {
    Arc::from(text)
}

pub(super) fn arc_set(texts: &[&str]) -> BTreeSet<Arc<str>> {
    texts.iter().map(|text| arc_str(text)).collect()
}

pub(super) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(super) fn place(
    account: &str,
    region: &str,
    events: u64,
    hours: u32,
    gaps: &[(u32, u32)],
) -> AccountRegionCoverage {
    let missing: u32 = gaps.iter().map(|(from, until)| until - from).sum();
    let gap =
        |&(from, until): &(u32, u32)| Period { from: Hour(START.0 + from), until: Hour(START.0 + until) };
    AccountRegionCoverage {
        account: arc_str(account),
        region: arc_str(region),
        events,
        observed_hours: hours - missing,
        quiet_hours: u32::from(hours > missing),
        quiet_periods: Vec::new(),
        expected_hours: hours,
        gaps: gaps.iter().map(gap).collect(),
    }
}

pub(super) fn coverage(hours: u32, places: Vec<AccountRegionCoverage>, data: EventClassState) -> Coverage {
    let expected_hours = places.iter().map(|place| u64::from(place.expected_hours)).sum();
    let expected = places.iter().filter(|place| place.is_expected());
    let observed_hours = expected.map(|place| u64::from(place.observed_hours)).sum();
    let accounts: BTreeSet<Arc<str>> = places.iter().map(|place| Arc::clone(&place.account)).collect();
    let class = |class: &str, state, events| EventClassCoverage {
        class: class.to_owned(),
        state,
        events,
        accounts: if events > 0 { accounts.clone() } else { BTreeSet::new() },
        gap_accounts: if state == EventClassState::Gap { accounts.clone() } else { BTreeSet::new() },
    };
    Coverage {
        period: Some(Period { from: START, until: Hour(START.0 + hours) }),
        inferred_parts: Vec::new(),
        outside: Vec::new(),
        outside_events: 0,
        expected_hours,
        observed_hours,
        percent: percent(observed_hours, expected_hours),
        event_classes: vec![
            class("data", data, 0),
            class("data:AWS::S3::Object", EventClassState::Partial, 312),
            class("management-read", EventClassState::Seen, 5_112),
            class("management-write", EventClassState::Seen, 96),
            class("network", EventClassState::NotExpected, 0),
        ],
        lead_in: LeadInCoverage {
            expected_hours: 12 * places.len() as u64,
            observed_hours: 12 * places.len() as u64,
        },
        account_regions: places,
        log_integrity: None,
    }
}

/// The log files of the hours that are missing are tampered with, those of the last hour are unverified, and all others verified.
pub(super) fn log_integrity(coverage: &Coverage) -> LogIntegrityCoverage {
    let mut this = LogIntegrityCoverage::default();
    for place in coverage.expected_places() {
        let (account, region) = (Arc::clone(&place.account), Arc::clone(&place.region));
        let tampered = u64::from(place.missing_hours());
        let verified = u64::from(place.expected_hours).saturating_sub(tampered + 1);
        let hours = IntegrityHours { verified, unverified: 1, missing: 0, tampered };
        this.hours.add(hours);
        this.verification.problems.extend(place.gaps.iter().map(|gap| HourProblem {
            account: account.to_string(),
            region: region.to_string(),
            since: gap.from.start(),
            until: gap.until.start(),
            kind: ProblemKind::LogFileHash,
            file: format!("AWSLogs/{account}/CloudTrail/{region}/2026/03/01/log.json.gz"),
        }));
        this.account_regions.push(AccountRegionIntegrity { account, region, hours });
    }
    this
}

/// Calls as `[operation type][succeeded, denied, failed]`, in the order read-only, privileged, unknown, mutating.
pub(super) fn principal(
    name: &str,
    promise: Option<Status>,
    behavior: Behavior,
    calls: [[u64; 3]; 4],
) -> PrincipalSummary {
    let types =
        [OperationType::ReadOnly, OperationType::Privileged, OperationType::Unknown, OperationType::Mutating];
    let outcomes = [Outcome::Succeeded, Outcome::Denied, Outcome::Failed];
    let mut counts: BTreeMap<OperationType, BTreeMap<Outcome, u64>> = BTreeMap::new();
    for (operation_type, row) in types.into_iter().zip(calls) {
        for (outcome, count) in outcomes.into_iter().zip(row).filter(|(_, count)| *count > 0) {
            counts.entry(operation_type).or_default().insert(outcome, count);
        }
    }
    let total = calls.iter().flatten().sum();
    let account = name.split(':').nth(4).unwrap_or("");
    PrincipalSummary {
        arn: arc_str(name),
        kind: match name {
            ADMIN => PrincipalKind::IdentityCenterUser,
            NOT_SEEN => PrincipalKind::Unknown,
            _ if name.contains(":user/") => PrincipalKind::IamUser,
            _ if name.starts_with("service:") => PrincipalKind::AwsService,
            _ => PrincipalKind::Role,
        },
        account: arc_str(account),
        watched_as: promise.map(|_| name.to_owned()),
        watched_because: promise.map(|_| "an auditor only reads".to_owned()),
        status: promise,
        status_reasons: strings(match promise {
            Some(Status::NonCompliant) => &["3 writes succeeded", "4 privileged calls succeeded"],
            Some(Status::InsufficientEvidence) => &[
                "1 hour in 444455556666 eu-west-1 was not observed",
                "the event class `data` is not known to be logged",
            ],
            Some(Status::Compliant) => {
                &["each of its calls was read-only, allowed by an override or not carried out by AWS"]
            }
            None => &[],
        }),
        evidence_accounts: promise.map(|_| arc_set(&[account])),
        unconcerned_gaps: None,
        behavior,
        compliance: ComplianceScore::of(calls[0].iter().sum(), total),
        counts,
        calls: total,
        other_events: 2,
        allowed_by_override: 0,
        allowed_non_reads: 0,
        writes_through_roles: 0,
        capabilities: BTreeMap::from([
            ("mutate".to_owned(), calls[3][0]),
            ("read_data".to_owned(), calls[0][0] / 9),
        ]),
        risk_level: (total > 0).then_some(if calls[3][0] > 0 { RiskLevel::High } else { RiskLevel::Low }),
        first_seen: (total > 0).then(|| time_at(0, 4)),
        last_seen: (total > 0).then(|| time_at(23, 51)),
        accounts: arc_set(&[account]),
        regions: arc_set(&["eu-central-1", "us-east-1"]),
        sessions: 12,
        session_names: vec![arc_str("i-0abc"), arc_str("jane@example.com")],
        source_identities: arc_set(&["jane"]),
        on_behalf_of: BTreeSet::new(),
        services: BTreeMap::from([(arc_str("s3.amazonaws.com"), total)]),
        hours: (0..24_u32)
            .filter(|hour| total > 0 && hour % 5 < 2)
            .map(|hour| (Hour(START.0 + hour), 1 + (total + u64::from(hour * 7)) % 41))
            .collect(),
        findings: vec![],
        matrix: None,
    }
}

pub(super) fn finding(
    rule: &str,
    severity: Severity,
    title: &str,
    arn: Option<&str>,
    subject: &str,
    count: u64,
) -> Finding {
    Finding {
        id: rule.to_owned(),
        fingerprint: hex(&sha256(rule, subject)[..16]),
        severity,
        title: title.to_owned(),
        description: format!("`{subject}`: {count} times. The principal is promised to be read-only."),
        recommendation: "Remove the permission, or move the job to a role that is not watched.".to_owned(),
        principal: arn.map(arc_str),
        subject: subject.to_owned(),
        first_seen: Some(time_at(3, 12)),
        last_seen: Some(time_at(19, 40)),
        count,
        sample_event_ids: strings(&[
            "3fa3a1c2-0000-4000-8000-0000000000a1",
            "3fa3a1c2-0000-4000-8000-0000000000a2",
        ]),
        resources: vec![arc_str("arn:aws:s3:::example-data/a;b")],
        origins: vec![CallOrigin {
            source_ip: Some(arc_str("198.51.100.7")),
            user_agent: Some(arc_str("aws-cli/2.31.0 md/command#s3.cp")),
            mfa_authenticated: Some(false),
        }],
        controls: BTreeSet::from(["CC6.1".to_owned(), "CC6.3".to_owned()]),
    }
}

pub(super) fn sha256(rule: &str, subject: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(format!("{rule}/{subject}")).to_vec()
}

/// Activity of a number of hours: quiet nights, and some hours with calls that are not read-only.
pub(super) fn activity(hours: u32, writes: bool) -> Vec<HourlyActivity> {
    let active = |hour: u32| {
        let reads = if (7..19).contains(&(hour % 24)) { 240 } else { 60 } + u64::from(hour * 37 % 90);
        HourlyActivity {
            hour: Hour(START.0 + hour),
            reads,
            writes: u64::from(writes && hour % 7 == 3) * u64::from(1 + hour % 5),
            other: u64::from(hour % 5 == 1) * 4,
            denied: u64::from(hour % 4 == 2) * 11,
            watched: reads / 2,
        }
    };
    (0..hours).map(active).collect()
}

pub(super) fn control(id: &str, title: &str, state: ControlState, evidence: &str) -> ControlResult {
    ControlResult {
        id: id.to_owned(),
        title: title.to_owned(),
        state,
        evidence: evidence.to_owned(),
        findings: if state == ControlState::Fail {
            strings(&["0123456789abcdef0123456789abcdef"])
        } else {
            vec![]
        },
        requires: vec![],
        failing_rules: vec![],
        shows: None,
        does_not_show: None,
    }
}
