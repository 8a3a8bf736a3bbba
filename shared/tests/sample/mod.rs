//! Reports made up for tests of the renderers.
//!
//! Enters: nothing. Leaves: one report of each kind a reader can meet. Law: the same report every time.

#![allow(dead_code, reason = "each test takes the reports it needs")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "made-up values of known size"
)]

use std::{collections::BTreeMap, sync::Arc};

use shared::{
    config::Standard,
    coverage::{Class, ClassState, Coverage, Period, Place, percent},
    event::{EventKind, Outcome},
    finding::{Finding, Recommendation, Severity},
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    principal::PrincipalKind,
    report::{
        Activity, AuditEntry, Basis, Behaviour, Input, Mode, OperationSummary, OtherEvent, OverrideUse,
        PrincipalSummary, Report, ReportResult, Run, Summary, Totals, UnreadablePosition, hex,
    },
    score::{Compliance, Exposure, Risk, Status},
    standard::{ControlResult, ControlState},
    time::{Hour, Time},
    verdict::Provenance,
};

const FROM: Hour = Hour(492_240);
const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "777788889999"];
const REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];

fn at(hour: u32, second: u32) -> Time {
    Time((FROM.0 + hour) * 3_600 + second)
}

fn hash(n: u64) -> String {
    hex(&(0..4)
        .flat_map(|k| (n + k + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
        .collect::<Vec<_>>())
}

fn id(n: u64) -> String {
    let h = hash(n);
    [&h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..32]].join("-")
}

/// Pseudo-random and always the same.
fn noise(n: u32) -> u64 {
    u64::from(n.wrapping_mul(2_654_435_761) >> 16)
}

fn role(account: usize, name: &str) -> String {
    format!("arn:aws:iam::{}:role/{name}", ACCOUNTS[account])
}

struct Who {
    arn: String,
    kind: PrincipalKind,
    watched: Option<&'static str>,
    status: Option<Status>,
    behaviour: Behaviour,
    counts: Vec<(OperationType, Outcome, u64)>,
    capabilities: Vec<(&'static str, u64)>,
    hours: u32,
    findings: Vec<usize>,
}

fn principal(n: u32, who: Who) -> PrincipalSummary {
    let mut counts: BTreeMap<OperationType, BTreeMap<Outcome, u64>> = BTreeMap::new();
    for (kind, outcome, count) in &who.counts {
        counts.entry(*kind).or_default().insert(*outcome, *count);
    }
    let calls: u64 = who.counts.iter().map(|(_, _, count)| count).sum();
    let reads = counts.get(&OperationType::ReadOnly).map_or(0, |by| by.values().sum());
    let hours: Vec<(Hour, u64)> = (0..who.hours)
        .filter(|hour| calls > 0 && !noise(hour * 31 + n).is_multiple_of(3))
        .map(|hour| (Hour(FROM.0 + hour), 1 + noise(hour + n * 77) % 60))
        .collect();
    let account = who.arn.split(':').nth(4).unwrap_or_default().to_owned();
    let seen = who.behaviour != Behaviour::NotSeen;
    PrincipalSummary {
        kind: who.kind,
        account: account.as_str().into(),
        watched_as: who.watched.map(str::to_owned),
        watched_because: who.watched.map(|_| "meant to look only".to_owned()),
        status: who.status,
        behaviour: who.behaviour,
        compliance: Compliance::of(reads, calls),
        counts,
        calls,
        other_events: u64::from(n % 3),
        allowed: u64::from(n % 5 == 2) * 4,
        capabilities: who.capabilities.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect(),
        risk_level: seen.then_some(match who.behaviour {
            Behaviour::Wrote => RiskLevel::Critical,
            Behaviour::OnlyLooked => RiskLevel::Low,
            _ => RiskLevel::High,
        }),
        first_seen: seen.then(|| at(0, 125 + n)),
        last_seen: seen.then(|| at(who.hours.saturating_sub(1), 3_011 - n % 3_000)),
        accounts: if seen { [account.as_str().into()].into() } else { [].into() },
        regions: if seen {
            REGIONS.iter().take(1 + n as usize % 3).map(|r| Arc::from(*r)).collect()
        } else {
            [].into()
        },
        sessions: if seen { 1 + noise(n) % 30 } else { 0 },
        session_names: if seen {
            (0..(1 + noise(n) % 10).min(1 + noise(n) % 30))
                .map(|k| format!("run-2026-02-{:02}-{k:04}", 1 + n % 28).into())
                .collect()
        } else {
            Vec::new()
        },
        source_identities: if n % 4 == 1 { ["m.keller@example.org".into()].into() } else { [].into() },
        on_behalf_of: [].into(),
        services: if calls == 0 {
            [].into()
        } else {
            [
                ("ec2.amazonaws.com", calls / 2),
                ("iam.amazonaws.com", calls / 4 + 1),
                ("s3.amazonaws.com", calls / 8 + 1),
            ]
            .into_iter()
            .map(|(service, count)| (service.into(), count))
            .collect()
        },
        hours,
        findings: who.findings.iter().map(|n| hash(*n as u64)[..32].to_owned()).collect(),
        arn: who.arn.into(),
        matrix: None,
    }
}

fn finding(
    n: usize,
    rule: &str,
    severity: Severity,
    title: &str,
    subject: &str,
    arn: Option<String>,
) -> Finding {
    let known = match rule {
        "successful-write" => (
            "A watched principal changed something. The promise that it is read-only does not hold.",
            "Remove the permission from its policies, or take the principal out of the watched list if the write is intended.",
        ),
        "missing-evidence" => (
            "Hours without any event and without a digest file. What happened in them is not known.",
            "Deliver the missing log objects and run the sweep again.",
        ),
        "sensitive-read" => (
            "A watched principal read secrets. That changes nothing, but what it read lets its reader act elsewhere.",
            "Allow the secrets it needs by ARN and deny the rest.",
        ),
        _ => (
            "A watched principal tried what a read-only principal may not do. AWS refused it.",
            "Find out who asked for it. If nobody needs it, remove the call; the permission is already missing.",
        ),
    };
    Finding {
        id: rule.to_owned(),
        fingerprint: hash(n as u64)[..32].to_owned(),
        severity,
        title: title.to_owned(),
        description: known.0.to_owned(),
        recommendation: known.1.to_owned(),
        principal: arn.map(Arc::from),
        subject: subject.to_owned(),
        first_seen: Some(at(2, 310)),
        last_seen: Some(at(21, 59)),
        count: 1 + noise(n as u32) % 40,
        sample_event_ids: (0..3).map(|k| id(n as u64 * 10 + k)).collect(),
        resources: if rule == "successful-write" {
            vec![
                "arn:aws:s3:::example-audit-exports".into(),
                "arn:aws:s3:::example-audit-exports/2026/02/26/inventory.json".into(),
            ]
        } else {
            vec![]
        },
        controls: ["CC6.1".to_owned(), "CC7.2".to_owned()].into(),
    }
}

fn place(account: &str, region: &str, n: u32, hours: u32, gaps: &[(u32, u32)]) -> Place {
    let missing: u32 = gaps.iter().map(|(from, until)| until - from).sum();
    Place {
        account: account.into(),
        region: region.into(),
        events: 40 + noise(n) % 2_400,
        observed_hours: hours - missing,
        quiet_hours: n % 4,
        quiet: Vec::new(),
        expected_hours: hours,
        gaps: gaps
            .iter()
            .map(|(from, until)| Period { from: Hour(FROM.0 + from), until: Hour(FROM.0 + until) })
            .collect(),
    }
}

fn coverage(hours: u32, gaps: &[(usize, &[(u32, u32)])], data: ClassState) -> Coverage {
    let mut places = Vec::new();
    for (n, (account, region)) in
        ACCOUNTS.iter().flat_map(|a| REGIONS.iter().map(move |r| (a, r))).enumerate()
    {
        let here = gaps.iter().find(|(place, _)| *place == n).map_or(&[][..], |(_, gaps)| *gaps);
        places.push(place(account, region, n as u32, hours, here));
    }
    let observed = places.iter().map(|place| u64::from(place.observed_hours)).sum();
    let accounts: std::collections::BTreeSet<Arc<str>> = ACCOUNTS.iter().map(|a| Arc::from(*a)).collect();
    let class = |class: &str, state, events, all: bool| Class {
        class: class.to_owned(),
        state,
        events,
        accounts: match (all, events) {
            (true, _) => accounts.clone(),
            (false, 0) => [].into(),
            (false, _) => accounts.iter().take(1).cloned().collect(),
        },
    };
    Coverage {
        period: Some(Period { from: FROM, until: Hour(FROM.0 + hours) }),
        expected_hours: u64::from(hours) * 9,
        observed_hours: observed,
        percent: percent(observed, u64::from(hours) * 9),
        places,
        classes: vec![
            class("data", data, 0, false),
            class("data:AWS::S3::Object", ClassState::Partial, 412, false),
            class("management-read", ClassState::Seen, 7_904, true),
            class("management-write", ClassState::Configured, 322, true),
            class("network:s3.amazonaws.com", ClassState::NotExpected, 3, false),
        ],
    }
}

fn activity(hours: u32, writes: bool) -> Vec<Activity> {
    (0..hours)
        .map(|hour| {
            let day = 200 + 180 * u64::from((hour % 24 > 6 && hour % 24 < 19) as u8);
            let reads = day + noise(hour) % 90;
            Activity {
                hour: Hour(FROM.0 + hour),
                reads,
                writes: if writes && hour % 7 == 3 { noise(hour) % 9 + 1 } else { 0 },
                other: if hour % 5 == 1 { noise(hour + 9) % 14 } else { 0 },
                denied: if hour % 4 == 2 { noise(hour + 5) % 22 } else { 0 },
                watched: reads / 2,
            }
        })
        .collect()
}

fn basis(watched: &[&str]) -> Basis {
    Basis {
        onlooker_version: "0.1.0".to_owned(),
        catalog_version: "2026.02.14".to_owned(),
        catalog_sha256: hash(901),
        evidence_sha256: hash(902),
        configuration_sha256: hash(903),
        watched: watched.iter().map(|pattern| (*pattern).to_owned()).collect(),
        unreadable: BTreeMap::new(),
    }
}

fn run(objects: u64) -> Run {
    Run {
        run_id: "01J8Z6R5T3Q9V7B2M4N8K1C0XD".to_owned(),
        started_at: at(26, 4),
        generated_at: at(26, 7),
        seconds: 2.84,
        objects_read: objects,
        objects_kept: 0,
        caller: None,
        request_id: None,
        revision: None,
        bytes_read: objects * 18_733,
        records_seen: 8_689,
        duplicates: 37,
        outside_period: 0,
        inputs_sha256: hash(904),
        inputs: (0..objects)
            .map(|n| Input {
                object: format!(
                    "onlooker-demo/AWSLogs/{0}/CloudTrail/{1}/2026/02/26/{0}_CloudTrail_{1}_20260226T{2:02}05Z_{3}.json.gz",
                    ACCOUNTS[n as usize % 3], REGIONS[n as usize % 2], n % 24, &hash(n)[..16]
                ),
                bytes: 9_000 + noise(n as u32) % 30_000,
                sha256: hash(n + 5_000),
                records: 20 + noise(n as u32) % 80,
            })
            .collect(),
        unreadable: Vec::new(),
    }
}

fn controls(state: [ControlState; 4]) -> Vec<ControlResult> {
    let texts = [
        (
            "CC6.1",
            "Access to systems and data is limited to what each identity was promised to have.",
            "2 findings: a write that succeeded and one through an assumed role.",
        ),
        (
            "CC6.3",
            "Permissions follow the role of their holder, and more is taken away.",
            "The evidence of one hour is missing in 1 of 9 accounts and regions.",
        ),
        (
            "CC7.2",
            "Activity is watched for signs that something is wrong.",
            "8,652 events of 9 accounts and regions were judged; none was left out unseen.",
        ),
        (
            "CC7.3",
            "What was seen is looked at and rated.",
            "7 findings, each with severity, evidence and advice.",
        ),
    ];
    texts
        .into_iter()
        .zip(state)
        .map(|((id, title, evidence), state)| ControlResult {
            id: id.to_owned(),
            title: title.to_owned(),
            state,
            evidence: evidence.to_owned(),
            findings: if state == ControlState::Fail {
                vec![hash(0)[..32].to_owned(), hash(1)[..32].to_owned()]
            } else {
                vec![]
            },
        })
        .collect()
}

fn operations() -> Vec<OperationSummary> {
    let row = |source: &str,
               service: &str,
               operation: &str,
               kind,
               mutates,
               level,
               capabilities,
               risk,
               dissent,
               reason: &str,
               counts: [u64; 3]| OperationSummary {
        event_source: source.into(),
        service: service.to_owned(),
        operation: operation.to_owned(),
        operation_type: kind,
        mutates,
        access_level: level,
        capabilities,
        risk_level: risk,
        provenance: if kind == OperationType::Unknown { Provenance::None } else { Provenance::Catalog },
        dissent,
        reason: reason.to_owned(),
        counts: [Outcome::Succeeded, Outcome::Failed, Outcome::Denied]
            .into_iter()
            .zip(counts)
            .filter(|(_, n)| *n > 0)
            .collect(),
        principals: 1 + counts[0] % 4,
    };
    vec![
        row(
            "s3.amazonaws.com",
            "s3",
            "PutObject",
            OperationType::Mutating,
            Mutates::Yes,
            Some(AccessLevel::Write),
            Capabilities::MUTATE,
            RiskLevel::High,
            false,
            "IAM calls its action `s3:PutObject` a write",
            [14, 0, 0],
        ),
        row(
            "ec2.amazonaws.com",
            "ec2",
            "RunInstances",
            OperationType::Mutating,
            Mutates::Yes,
            Some(AccessLevel::Write),
            Capabilities::MUTATE | Capabilities::SPEND_MONEY | Capabilities::RUN_CODE,
            RiskLevel::High,
            false,
            "IAM calls its action `ec2:RunInstances` a write",
            [0, 0, 31],
        ),
        row(
            "secretsmanager.amazonaws.com",
            "secretsmanager",
            "GetSecretValue",
            OperationType::ReadOnly,
            Mutates::No,
            Some(AccessLevel::Read),
            Capabilities::READ_SECRETS,
            RiskLevel::High,
            true,
            "it changes nothing; its response carries a secret, so it is a sensitive read",
            [88, 1, 3],
        ),
        row(
            "sts.amazonaws.com",
            "sts",
            "AssumeRole",
            OperationType::Privileged,
            Mutates::No,
            Some(AccessLevel::Write),
            Capabilities::MINT_CREDENTIALS,
            RiskLevel::Critical,
            true,
            "IAM calls it a write, CloudTrail a read: it changes nothing and gives its caller new credentials",
            [210, 0, 0],
        ),
        row(
            "billingconsole.amazonaws.com",
            "billingconsole",
            "GetBillingNotifications",
            OperationType::Unknown,
            Mutates::Unknown,
            None,
            Capabilities::empty(),
            RiskLevel::Medium,
            false,
            "neither the catalog nor the record says what it does",
            [2, 0, 0],
        ),
    ]
}

/// A promise that was broken, with every section filled.
pub fn broken() -> Report {
    let agent = role(0, "agents/ticket-summariser");
    let ci = role(1, "ci/plan");
    let inventory = role(2, "tools/inventory");
    let findings = vec![
        finding(
            0,
            "successful-write",
            Severity::Critical,
            "Watched principal wrote",
            "s3:PutObject",
            Some(agent.clone()),
        ),
        finding(
            1,
            "successful-write",
            Severity::Critical,
            "Watched principal wrote through an assumed role",
            "s3:DeleteObject",
            Some(agent.clone()),
        ),
        finding(
            2,
            "sensitive-read",
            Severity::High,
            "Watched principal read secrets",
            "secretsmanager:GetSecretValue",
            Some(inventory.clone()),
        ),
        finding(
            3,
            "missing-evidence",
            Severity::High,
            "Evidence is missing",
            "444455556666 / eu-west-1",
            None,
        ),
        finding(
            4,
            "denied-attempt",
            Severity::Medium,
            "Watched principal tried to write and was denied",
            "ec2:RunInstances",
            Some(ci.clone()),
        ),
        finding(
            5,
            "class-not-logged",
            Severity::Medium,
            "An event class of the promise is not logged",
            "data",
            None,
        ),
        finding(
            6,
            "watched-not-seen",
            Severity::Low,
            "Watched principal never appeared",
            "arn:aws:iam::*:role/auditors/annual",
            None,
        ),
    ];
    use {OperationType as T, Outcome as O};
    let principals = vec![
        principal(
            1,
            Who {
                arn: role(0, "auditors/quarterly"),
                kind: PrincipalKind::Role,
                watched: Some("arn:aws:iam::*:role/auditors/*"),
                status: Some(Status::InsufficientEvidence),
                behaviour: Behaviour::OnlyLooked,
                counts: vec![(T::ReadOnly, O::Succeeded, 3_104), (T::ReadOnly, O::Denied, 6)],
                capabilities: vec![],
                hours: 24,
                findings: vec![],
            },
        ),
        principal(
            2,
            Who {
                arn: agent.clone(),
                kind: PrincipalKind::Role,
                watched: Some("arn:aws:iam::*:role/agents/*"),
                status: Some(Status::NonCompliant),
                behaviour: Behaviour::Wrote,
                counts: vec![
                    (T::ReadOnly, O::Succeeded, 902),
                    (T::Mutating, O::Succeeded, 14),
                    (T::Mutating, O::Denied, 3),
                    (T::Privileged, O::Succeeded, 11),
                    (T::ReadOnly, O::Failed, 20),
                ],
                capabilities: vec![("mutate", 14), ("mint_credentials", 11), ("read_data", 230)],
                hours: 24,
                findings: vec![0, 1],
            },
        ),
        principal(
            3,
            Who {
                arn: ci.clone(),
                kind: PrincipalKind::Role,
                watched: Some("arn:aws:iam::*:role/ci/plan"),
                status: Some(Status::InsufficientEvidence),
                behaviour: Behaviour::Tried,
                counts: vec![(T::ReadOnly, O::Succeeded, 1_880), (T::Mutating, O::Denied, 31)],
                capabilities: vec![("read_data", 12)],
                hours: 20,
                findings: vec![4],
            },
        ),
        principal(
            4,
            Who {
                arn: inventory.clone(),
                kind: PrincipalKind::Role,
                watched: Some("arn:aws:iam::777788889999:role/tools/inventory"),
                status: Some(Status::InsufficientEvidence),
                behaviour: Behaviour::ReadSecrets,
                counts: vec![(T::ReadOnly, O::Succeeded, 2_212)],
                capabilities: vec![("read_secrets", 88), ("read_data", 301)],
                hours: 24,
                findings: vec![2],
            },
        ),
        principal(
            5,
            Who {
                arn: "arn:aws:iam::*:role/auditors/annual".to_owned(),
                kind: PrincipalKind::Unknown,
                watched: Some("arn:aws:iam::*:role/auditors/annual"),
                status: Some(Status::InsufficientEvidence),
                behaviour: Behaviour::NotSeen,
                counts: vec![],
                capabilities: vec![],
                hours: 0,
                findings: vec![6],
            },
        ),
        principal(
            6,
            Who {
                arn: role(
                    1,
                    "aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_AdministratorAccess_0123456789abcdef",
                ),
                kind: PrincipalKind::IdentityCenterUser,
                watched: None,
                status: None,
                behaviour: Behaviour::Wrote,
                counts: vec![
                    (T::ReadOnly, O::Succeeded, 140),
                    (T::Mutating, O::Succeeded, 52),
                    (T::Mutating, O::Failed, 2),
                    (T::Privileged, O::Succeeded, 9),
                ],
                capabilities: vec![("mutate", 52), ("escalate", 2), ("share_outward", 1), ("run_code", 3)],
                hours: 12,
                findings: vec![],
            },
        ),
        principal(
            7,
            Who {
                arn: "arn:aws:iam::444455556666:user/deploy-legacy".to_owned(),
                kind: PrincipalKind::IamUser,
                watched: None,
                status: None,
                behaviour: Behaviour::Unknown,
                counts: vec![(T::ReadOnly, O::Succeeded, 31), (T::Unknown, O::Succeeded, 2)],
                capabilities: vec![],
                hours: 6,
                findings: vec![],
            },
        ),
        principal(
            8,
            Who {
                arn: "service:config.amazonaws.com".to_owned(),
                kind: PrincipalKind::AwsService,
                watched: None,
                status: None,
                behaviour: Behaviour::UsedPrivilege,
                counts: vec![(T::Privileged, O::Succeeded, 210)],
                capabilities: vec![("mint_credentials", 210)],
                hours: 24,
                findings: vec![],
            },
        ),
    ];
    let coverage = coverage(24, &[(4, &[(13, 14)])], ClassState::Gap);
    let exposure = Exposure {
        writes: 14,
        critical: 11,
        privileged: 11,
        refused: 34,
        secret_reads: 88,
        data_reads: 543,
        holes: 2,
        ..Exposure::default()
    };
    let compliance = Compliance::of(8_124, 8_183);
    let risk = Risk::of(&exposure);
    let result = ReportResult {
        mode: Mode::Proof,
        standard: Standard::Soc2,
        standard_title: "SOC 2 trust services criteria".to_owned(),
        summary: Summary {
            overall_compliance: Some(Status::NonCompliant),
            statement: "1 of 5 watched principals changed something: agents/ticket-summariser made 14 writes that succeeded. This covers management reads and management writes; data events were not logged in every account.".to_owned(),
            compliance_score: compliance.score,
            risk_score: Some(risk.score),
            risk_level: Some(risk.level),
            key_findings: [
                "agents/ticket-summariser wrote 14 times with s3:PutObject and s3:DeleteObject, 3 of them through role exports/writer.",
                "tools/inventory read secrets 88 times with secretsmanager:GetSecretValue.",
                "One hour is missing in account 444455556666, region eu-west-1: 13:00 to 14:00.",
                "Data events are part of the promise and are not known to be logged in every account.",
                "ci/plan tried ec2:RunInstances 31 times and was denied each time.",
            ].map(str::to_owned).to_vec(),
            immediate_actions: [
                "Remove s3:PutObject and s3:DeleteObject from the policies of agents/ticket-summariser and of the role it assumes.",
                "Limit tools/inventory to the secrets it needs, by ARN.",
                "Deliver the log objects of the missing hour and run the sweep again.",
                "Log data events of S3, Lambda and DynamoDB in all three accounts, or take the class out of the promise.",
            ].map(str::to_owned).to_vec(),
        },
        compliance,
        risk: Some(risk),
        totals: Totals { events: 8_652, operations: 8_619, watched_operations: 8_183, read_only: 8_287, mutating: 102, privileged: 230, unknown: 2, succeeded: 8_551, denied: 46, failed: 22, blocked: 34, sensitive_reads: 631, other_events: 33, insights: 1, unreadable: 1, conflicting: 0, principals: 8, watched_principals: 4, accounts: 3, regions: 3 },
        coverage,
        activity: activity(24, true),
        principals,
        operations: operations(),
        other_events: vec![
            OtherEvent { kind: EventKind::SignIn, event_source: "signin.amazonaws.com".into(), event_name: "ConsoleLogin".into(), count: 9 },
            OtherEvent { kind: EventKind::ServiceEvent, event_source: "kms.amazonaws.com".into(), event_name: "RotateKey".into(), count: 22 },
            OtherEvent { kind: EventKind::ConsoleAction, event_source: "signin.amazonaws.com".into(), event_name: "SwitchRole".into(), count: 2 },
        ],
        recommendations: [("successful-write", Severity::Critical, 2), ("sensitive-read", Severity::High, 1), ("denied-attempt", Severity::Medium, 1)]
            .map(|(rule, severity, n)| Recommendation { severity, id: rule.to_owned(), title: rule.to_owned(), action: finding(0, rule, severity, "", "", None).recommendation, findings: n, principals: [Arc::from(agent.as_str())].into() })
            .to_vec(),
        controls: controls([ControlState::Fail, ControlState::NoEvidence, ControlState::NoEvidence, ControlState::Pass]),
        audit_entries: (0..9).map(|n| AuditEntry {
            timestamp: at(2 + n * 2, 310 + n * 17),
            event_id: id(u64::from(n)),
            account: ACCOUNTS[0].into(),
            region: REGIONS[n as usize % 3].into(),
            user_identity: if n < 6 { agent.as_str().into() } else { ci.as_str().into() },
            session: Some(format!("agent-{n:03}").into()),
            service: if n < 6 { "s3.amazonaws.com".into() } else { "ec2.amazonaws.com".into() },
            operation: if n < 6 { "PutObject".into() } else { "RunInstances".into() },
            operation_type: T::Mutating,
            outcome: if n < 6 { O::Succeeded } else { O::Denied },
            error_code: (n >= 6).then(|| "Client.UnauthorizedOperation".into()),
            resource_arns: if n < 6 { vec!["arn:aws:s3:::example-audit-exports/2026/02/26/inventory.json".into()] } else { vec![] },
        }).collect(),
        overrides: vec![
            OverrideUse { id: "athena-results".to_owned(), principal: "arn:aws:iam::*:role/auditors/*".to_owned(), operation: "athena:StartQueryExecution".to_owned(), resource: None, owner: "Security Engineering".to_owned(), reason: "Queries need a place for their results".to_owned(), expires: at(9_000, 0), allowed: 4, expired: 0 },
            OverrideUse { id: "agent-exports".to_owned(), principal: agent.clone(), operation: "s3:PutObject".to_owned(), resource: Some("arn:aws:s3:::example-old-exports/*".to_owned()), owner: "Data Platform".to_owned(), reason: "Trial until the end of January".to_owned(), expires: at(0, 0), allowed: 0, expired: 14 },
        ],
        not_looked_at: [
            "Policies: this report says what principals did and tried, not what they could do.",
            "Data events of Lambda and DynamoDB: no account logged any.",
            "Account 444455556666, region eu-west-1, 13:00 to 14:00: no evidence.",
            "Calls AWS services made by themselves.",
        ].map(str::to_owned).to_vec(),
        basis: Basis { unreadable: [("gzip stream is cut off".to_owned(), 1)].into(), ..basis(&["arn:aws:iam::*:role/auditors/*", "arn:aws:iam::*:role/agents/*", "arn:aws:iam::*:role/ci/plan", "arn:aws:iam::777788889999:role/tools/inventory", "arn:aws:iam::*:role/auditors/annual"]) },
        findings,
    };
    let mut run = run(142);
    run.unreadable = vec![UnreadablePosition {
        object: run.inputs[7].object.clone(),
        byte: Some(18_222),
        record: Some(41),
        reason: "the gzip stream ends before its trailer".to_owned(),
    }];
    Report::new(result, run).unwrap()
}

/// A promise that held.
pub fn kept() -> Report {
    let mut report = broken();
    let result = &mut report.result;
    result.coverage = coverage(168, &[], ClassState::Configured);
    result.coverage.classes.retain(|class| class.state != ClassState::Partial);
    result.activity = activity(168, false);
    result
        .principals
        .retain(|principal| matches!(principal.behaviour, Behaviour::OnlyLooked | Behaviour::UsedPrivilege));
    for principal in &mut result.principals {
        principal.status = principal.watched_as.as_ref().map(|_| Status::Compliant);
    }
    result.findings.clear();
    result.recommendations.clear();
    result.audit_entries.clear();
    result.operations.truncate(0);
    result.overrides.clear();
    result.controls = controls([ControlState::Pass; 4]);
    result.compliance = Compliance::of(3_110, 3_110);
    result.risk = Some(Risk::of(&Exposure::default()));
    result.basis = basis(&["arn:aws:iam::*:role/auditors/*"]);
    result.summary = Summary {
        overall_compliance: Some(Status::Compliant),
        statement: "The one watched principal made 3,110 calls, all of them read-only. This covers management reads, management writes and data events.".to_owned(),
        compliance_score: Some(100.0),
        risk_score: Some(0.0),
        risk_level: Some(shared::score::RiskBand::Low),
        key_findings: vec![],
        immediate_actions: vec![],
    };
    Report::new(result.clone(), run(1_008)).unwrap()
}

/// Nothing speaks against the promise, but much was not seen, over three months.
pub fn gaps() -> Report {
    let mut report = kept();
    let result = &mut report.result;
    let hours = 24 * 92;
    let many: Vec<(u32, u32)> = (0..30).map(|n| (n * 70 + 5, n * 70 + 9)).collect();
    result.coverage = coverage(
        hours,
        &[(0, &[(0, 300)]), (2, &[(1_000, 1_001)]), (5, &many), (8, &[(0, hours)])],
        ClassState::Gap,
    );
    result.activity = activity(hours, false);
    let status = Status::InsufficientEvidence;
    for principal in &mut result.principals {
        principal.status = principal.watched_as.as_ref().map(|_| status);
    }
    result.summary.overall_compliance = Some(status);
    result.summary.statement = "Nothing against the promise was found, but 2,629 hours and the class of data events were not seen, so it is not proven.".to_owned();
    result.summary.immediate_actions =
        vec!["Deliver the missing log objects and run the sweep again.".to_owned()];
    result.controls = controls([ControlState::NoEvidence; 4]);
    result.findings = vec![finding(
        3,
        "missing-evidence",
        Severity::High,
        "Evidence is missing",
        "777788889999 / us-east-1",
        None,
    )];
    Report::new(result.clone(), run(40)).unwrap()
}

/// Nothing was promised.
pub fn discovery() -> Report {
    let mut report = broken();
    let result = &mut report.result;
    result.mode = Mode::Discovery;
    result.standard = Standard::General;
    result.standard_title = "Onlooker general controls".to_owned();
    result.summary = Summary {
        overall_compliance: None,
        statement: "7 principals made 8,619 calls. 2 of them changed something, 3 only read. Nothing was promised, so nothing is called compliant.".to_owned(),
        compliance_score: None,
        risk_score: None,
        risk_level: None,
        key_findings: vec!["agents/ticket-summariser and an Identity Center administrator changed something.".to_owned(), "tools/inventory read secrets 88 times.".to_owned()],
        immediate_actions: vec!["Decide which of the principals that only looked are meant to be read-only, and watch them.".to_owned()],
    };
    result.risk = None;
    result.compliance = Compliance::default();
    result.controls.clear();
    result.findings.clear();
    result.recommendations.clear();
    result.audit_entries.clear();
    result.overrides.clear();
    result.basis.watched.clear();
    result.principals.retain(|principal| principal.behaviour != Behaviour::NotSeen);
    for principal in &mut result.principals {
        (principal.watched_as, principal.status) = (None, None);
        principal.findings.clear();
    }
    Report::new(result.clone(), report.run).unwrap()
}

/// No events at all.
pub fn empty() -> Report {
    let mut report = kept();
    let result = &mut report.result;
    result.coverage = Coverage {
        classes: coverage(1, &[], ClassState::Gap).classes.into_iter().take(1).collect(),
        ..Coverage::default()
    };
    result.activity.clear();
    result.principals.clear();
    result.other_events.clear();
    result.controls = controls([ControlState::NoEvidence; 4]);
    for control in &mut result.controls {
        control.evidence = "There is no evidence.".to_owned();
    }
    result.totals = Totals::default();
    result.compliance = Compliance::default();
    result.summary.overall_compliance = Some(Status::InsufficientEvidence);
    result.summary.statement = "No events were seen, so nothing is proven.".to_owned();
    result.summary.compliance_score = None;
    Report::new(
        result.clone(),
        Run {
            run_id: "01J8Z6R5T3Q9V7B2M4N8K1C0XE".to_owned(),
            generated_at: at(1, 1),
            started_at: at(1, 0),
            seconds: 0.02,
            ..Run::default()
        },
    )
    .unwrap()
}

/// A thousand principals and more, thousands of findings, a year, many places.
pub fn large() -> Report {
    let mut report = broken();
    let result = &mut report.result;
    let models = result.principals.clone();
    result.principals = (0..1_200_u32)
        .map(|n| {
            let mut principal = models[n as usize % models.len()].clone();
            principal.arn = format!(
                "arn:aws:iam::{:012}:role/team-{:03}/service-{n:04}",
                100_000_000_000 + u64::from(n % 60),
                n % 90
            )
            .into();
            principal.hours = (0..2_000).map(|k| (Hour(FROM.0 + k * 4), 1 + noise(n + k) % 50)).collect();
            principal.findings = (0..4).map(|k| hash(u64::from(n * 4 + k))[..32].to_owned()).collect();
            principal.calls += u64::from(n);
            principal.regions = (0..17).map(|k| format!("region-{k}").into()).collect();
            principal
        })
        .collect();
    let model = result.findings.clone();
    result.findings = (0..4_800)
        .map(|n| {
            let mut finding = model[n * model.len() / 4_800].clone();
            finding.fingerprint = hash(n as u64)[..32].to_owned();
            finding.principal = Some(result.principals[n / 4].arn.clone());
            finding
        })
        .collect();
    let hours = 24 * 365;
    let mut map = coverage(hours, &[], ClassState::Seen);
    map.places = (0..400_u32)
        .map(|n| {
            place(
                &format!("{:012}", 100_000_000_000 + u64::from(n / 10)),
                REGIONS[n as usize % 3],
                n,
                hours,
                &(0..n % 90).map(|k| (k * 90, k * 90 + 3)).collect::<Vec<_>>(),
            )
        })
        .collect();
    map.expected_hours = map.places.iter().map(|place| u64::from(place.expected_hours)).sum();
    map.observed_hours = map.places.iter().map(|place| u64::from(place.observed_hours)).sum();
    map.percent = percent(map.observed_hours, map.expected_hours);
    result.coverage = map;
    result.activity = activity(hours, true);
    result.audit_entries = result.audit_entries.iter().cycle().take(5_000).cloned().collect();
    result.operations = result.operations.iter().cycle().take(900).cloned().collect();
    let run = run(10_000);
    Report::new(result.clone(), run).unwrap()
}
