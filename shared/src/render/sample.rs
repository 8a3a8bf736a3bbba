//! Reports to render in tests: a broken promise, a kept one, one nobody can judge, a discovery, nothing at all, and
//! one in which every text is hostile.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    config::Standard,
    coverage::{Class, ClassState, Coverage, Period, Place, percent},
    event::{EventKind, Outcome},
    finding::{Finding, Recommendation, Severity},
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    principal::PrincipalKind,
    report::*,
    score::{Compliance, Exposure, Risk, Status},
    standard::{ControlResult, ControlState},
    time::{Hour, Time},
    verdict::Provenance,
};

/// Every sample with its name.
pub fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("non_compliant", non_compliant()),
        ("compliant", compliant()),
        ("insufficient", insufficient()),
        ("discovery", discovery()),
        ("empty", empty()),
        ("hostile", hostile()),
    ]
}

const START: Hour = Hour(492_384);

fn at(hour: u32, minute: u32) -> Time {
    Time((START.0 + hour) * 3_600 + minute * 60)
}

fn arc(text: &str) -> Arc<str> {
    Arc::from(text)
}

fn set(texts: &[&str]) -> BTreeSet<Arc<str>> {
    texts.iter().map(|text| arc(text)).collect()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn place(account: &str, region: &str, events: u64, hours: u32, gaps: &[(u32, u32)]) -> Place {
    let missing: u32 = gaps.iter().map(|(from, until)| until - from).sum();
    let gap =
        |&(from, until): &(u32, u32)| Period { from: Hour(START.0 + from), until: Hour(START.0 + until) };
    Place {
        account: arc(account),
        region: arc(region),
        events,
        observed_hours: hours - missing,
        quiet_hours: u32::from(hours > missing),
        quiet: Vec::new(),
        expected_hours: hours,
        gaps: gaps.iter().map(gap).collect(),
    }
}

fn coverage(hours: u32, places: Vec<Place>, data: ClassState) -> Coverage {
    let expected_hours = places.iter().map(|place| u64::from(place.expected_hours)).sum();
    let observed_hours = places.iter().map(|place| u64::from(place.observed_hours)).sum();
    let accounts: BTreeSet<Arc<str>> = places.iter().map(|place| Arc::clone(&place.account)).collect();
    let class = |class: &str, state, events| Class {
        class: class.to_owned(),
        state,
        events,
        accounts: if events > 0 { accounts.clone() } else { BTreeSet::new() },
    };
    Coverage {
        period: Some(Period { from: START, until: Hour(START.0 + hours) }),
        expected_hours,
        observed_hours,
        percent: percent(observed_hours, expected_hours),
        classes: vec![
            class("data", data, 0),
            class("data:AWS::S3::Object", ClassState::Partial, 312),
            class("management-read", ClassState::Seen, 5_112),
            class("management-write", ClassState::Seen, 96),
            class("network", ClassState::NotExpected, 0),
        ],
        places,
    }
}

/// Calls as `[operation type][succeeded, denied, failed]`, in the order read-only, privileged, unknown, mutating.
fn principal(
    name: &str,
    promise: Option<Status>,
    behaviour: Behaviour,
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
        arn: arc(name),
        kind: if name.contains(":user/") { PrincipalKind::IamUser } else { PrincipalKind::Role },
        account: arc(account),
        watched_as: promise.map(|_| name.to_owned()),
        watched_because: promise.map(|_| "an auditor reads".to_owned()),
        status: promise,
        behaviour,
        compliance: Compliance::of(calls[0].iter().sum(), total),
        counts,
        calls: total,
        other_events: 2,
        allowed: 0,
        capabilities: BTreeMap::from([
            ("mutate".to_owned(), calls[3][0]),
            ("read_data".to_owned(), calls[0][0] / 9),
        ]),
        risk_level: (total > 0).then_some(if calls[3][0] > 0 { RiskLevel::High } else { RiskLevel::Low }),
        first_seen: (total > 0).then(|| at(0, 4)),
        last_seen: (total > 0).then(|| at(23, 51)),
        accounts: set(&[account]),
        regions: set(&["eu-central-1", "us-east-1"]),
        sessions: 12,
        session_names: vec![arc("i-0abc"), arc("jane@example.com")],
        source_identities: set(&["jane"]),
        on_behalf_of: BTreeSet::new(),
        services: BTreeMap::from([(arc("s3.amazonaws.com"), total)]),
        hours: vec![(START, total)],
        findings: vec![],
        matrix: None,
    }
}

fn finding(
    rule: &str,
    severity: Severity,
    title: &str,
    who: Option<&str>,
    subject: &str,
    count: u64,
) -> Finding {
    Finding {
        id: rule.to_owned(),
        fingerprint: hex(&sha(rule, subject)[..16]),
        severity,
        title: title.to_owned(),
        description: format!(
            "`{}` called `{subject}` and it {title}. That breaks the promise.",
            who.unwrap_or("nobody")
        ),
        recommendation:
            "Remove the permission, or move the job to a role that is not promised to be read-only."
                .to_owned(),
        principal: who.map(arc),
        subject: subject.to_owned(),
        first_seen: Some(at(3, 12)),
        last_seen: Some(at(19, 40)),
        count,
        sample_event_ids: texts(&[
            "3fa3a1c2-0000-4000-8000-0000000000a1",
            "3fa3a1c2-0000-4000-8000-0000000000a2",
        ]),
        resources: vec![arc("arn:aws:s3:::example-data/a;b")],
        controls: BTreeSet::from(["CC6.1".to_owned(), "CC6.3".to_owned()]),
    }
}

fn sha(rule: &str, subject: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(format!("{rule}/{subject}")).to_vec()
}

fn control(id: &str, title: &str, state: ControlState, evidence: &str) -> ControlResult {
    ControlResult {
        id: id.to_owned(),
        title: title.to_owned(),
        state,
        evidence: evidence.to_owned(),
        findings: if state == ControlState::Fail {
            texts(&["0123456789abcdef0123456789abcdef"])
        } else {
            vec![]
        },
    }
}

const AUDITOR: &str = "arn:aws:iam::111122223333:role/audit/Auditor";
const INVENTORY: &str = "arn:aws:iam::111122223333:role/InventoryScanner";
const CI: &str = "arn:aws:iam::444455556666:role/ci/ReadOnlyPipeline";
const AGENT: &str = "arn:aws:iam::777788889999:role/ai/ReleaseNotesAgent";
const INTERN: &str = "arn:aws:iam::777788889999:user/intern";
const GHOST: &str = "arn:aws:iam::*:role/Quarterly*";

fn result(mode: Mode, status: Option<Status>, statement: &str) -> ReportResult {
    ReportResult {
        mode,
        standard: Standard::Soc2,
        standard_title: "SOC 2 trust services criteria".to_owned(),
        summary: Summary {
            overall_compliance: status,
            statement: statement.to_owned(),
            compliance_score: None,
            risk_score: None,
            risk_level: None,
            key_findings: vec![],
            immediate_actions: vec![],
        },
        compliance: Compliance::default(),
        risk: None,
        totals: Totals::default(),
        coverage: Coverage::default(),
        activity: vec![],
        principals: vec![],
        operations: vec![],
        other_events: vec![],
        findings: vec![],
        recommendations: vec![],
        controls: vec![],
        audit_entries: vec![],
        overrides: vec![],
        not_looked_at: vec![],
        basis: Basis {
            onlooker_version: "0.1.0".to_owned(),
            catalog_version: "2026.09.1".to_owned(),
            catalog_sha256: "c".repeat(64),
            evidence_sha256: "e".repeat(64),
            configuration_sha256: "f".repeat(64),
            watched: vec![],
            unreadable: BTreeMap::new(),
        },
    }
}

fn finish(mut result: ReportResult, exposure: Option<&Exposure>) -> Report {
    let watched = result.principals.iter().filter(|principal| principal.watched_as.is_some());
    let (permitted, calls) = watched.clone().fold((0, 0), |(permitted, calls), principal| {
        (permitted + principal.compliance.permitted, calls + principal.calls)
    });
    result.compliance = Compliance::of(permitted, calls);
    result.summary.compliance_score = result.compliance.score;
    result.risk = exposure.map(Risk::of);
    result.summary.risk_score = result.risk.as_ref().map(|risk| risk.score);
    result.summary.risk_level = result.risk.as_ref().map(|risk| risk.level);
    let all = |wanted: OperationType| {
        result.principals.iter().filter_map(|p| p.counts.get(&wanted)).flat_map(BTreeMap::values).sum()
    };
    let operations = result.principals.iter().map(|principal| principal.calls).sum();
    result.totals = Totals {
        events: operations + 37 * u64::from(operations > 0),
        operations,
        watched_operations: calls,
        read_only: all(OperationType::ReadOnly),
        mutating: all(OperationType::Mutating),
        privileged: all(OperationType::Privileged),
        unknown: all(OperationType::Unknown),
        succeeded: operations,
        denied: result.principals.iter().map(PrincipalSummary::denied).sum(),
        blocked: exposure.map_or(0, |exposure| exposure.refused),
        other_events: 37 * u64::from(operations > 0),
        unreadable: result.basis.unreadable.values().sum(),
        principals: result.principals.iter().filter(|principal| principal.calls > 0).count() as u64,
        watched_principals: watched.filter(|principal| principal.calls > 0).count() as u64,
        accounts: result.coverage.places.iter().map(|p| &p.account).collect::<BTreeSet<_>>().len() as u64,
        regions: result.coverage.places.iter().map(|p| &p.region).collect::<BTreeSet<_>>().len() as u64,
        ..Totals::default()
    };
    let run = Run {
        run_id: "01JNX0000000000000000000".to_owned(),
        started_at: at(30, 0),
        generated_at: at(30, 0),
        seconds: 1.25,
        objects_read: 214,
        objects_kept: 3,
        caller: None,
        request_id: None,
        revision: None,
        bytes_read: 1_843_221,
        records_seen: result.totals.events + 12 + result.totals.unreadable,
        duplicates: 12,
        outside_period: 0,
        inputs_sha256: "a".repeat(64),
        inputs: vec![],
        unreadable: vec![],
    };
    Report::new(result, run).unwrap()
}

/// A broken promise with a bit of everything.
pub fn non_compliant() -> Report {
    let statement = "A watched principal changed something: 2 of 5 watched principals broke the promise in management reads, management writes.";
    let mut r = result(Mode::Proof, Some(Status::NonCompliant), statement);
    r.summary.key_findings = texts(&["ReleaseNotesAgent changed 3 objects through an assumed role."]);
    r.summary.immediate_actions = texts(&[
        "Take `s3:PutObject` from `arn:aws:iam::777788889999:role/ai/ReleaseNotesAgent`, or say who allows it and until when with an override.",
        "Find out why `InventoryScanner` reads secrets, and deny `secretsmanager:GetSecretValue` if it need not.",
        "Log data events for S3 and DynamoDB in all three accounts.",
        "Ask who uses the user `intern`.",
    ]);
    let mut places = vec![];
    for (n, account) in ["111122223333", "444455556666", "777788889999"].into_iter().enumerate() {
        for (m, region) in ["eu-central-1", "eu-west-1", "us-east-1"].into_iter().enumerate() {
            let gaps: &[(u32, u32)] = if (n, m) == (1, 1) { &[(13, 14)] } else { &[] };
            places.push(place(account, region, 613 - 7 * (n + 3 * m) as u64, 24, gaps));
        }
    }
    r.coverage = coverage(24, places, ClassState::Gap);
    let kept = Some(Status::InsufficientEvidence);
    let broken = Some(Status::NonCompliant);
    r.principals = vec![
        principal(AUDITOR, kept, Behaviour::OnlyLooked, [[3_210, 2, 4], [0; 3], [0; 3], [0; 3]]),
        principal(INVENTORY, kept, Behaviour::ReadSecrets, [[1_022, 0, 0], [0; 3], [1, 0, 0], [0; 3]]),
        principal(CI, kept, Behaviour::Tried, [[512, 0, 3], [0; 3], [0; 3], [0, 2, 0]]),
        principal(AGENT, broken, Behaviour::Wrote, [[402, 0, 0], [4, 0, 0], [0; 3], [3, 1, 0]]),
        principal(GHOST, kept, Behaviour::NotSeen, [[0; 3]; 4]),
        principal(INTERN, None, Behaviour::Wrote, [[40, 1, 1], [0; 3], [0; 3], [9, 0, 0]]),
        principal("service:cloudtrail", None, Behaviour::OnlyLooked, [[88, 0, 0], [0; 3], [0; 3], [0; 3]]),
    ];
    r.operations = vec![OperationSummary {
        event_source: arc("s3.amazonaws.com"),
        service: "s3".to_owned(),
        operation: "PutObject".to_owned(),
        operation_type: OperationType::Mutating,
        mutates: Mutates::Yes,
        access_level: Some(AccessLevel::Write),
        capabilities: Capabilities::MUTATE | Capabilities::SHARE_OUTWARD,
        risk_level: RiskLevel::High,
        provenance: Provenance::Catalog,
        dissent: true,
        reason: "s3:PutObject writes an object".to_owned(),
        counts: BTreeMap::from([(Outcome::Succeeded, 3), (Outcome::Denied, 1)]),
        principals: 2,
    }];
    r.other_events = vec![OtherEvent {
        kind: EventKind::SignIn,
        event_source: arc("signin.amazonaws.com"),
        event_name: arc("ConsoleLogin"),
        count: 37,
    }];
    r.findings = vec![
        finding("write-succeeded", Severity::Critical, "changed something", Some(AGENT), "s3:PutObject", 3),
        finding(
            "privileged-call",
            Severity::High,
            "used a privileged operation",
            Some(AGENT),
            "sts:AssumeRole",
            4,
        ),
        finding(
            "secret-read",
            Severity::High,
            "read secrets",
            Some(INVENTORY),
            "secretsmanager:GetSecretValue",
            1_022,
        ),
        finding(
            "evidence-missing",
            Severity::Medium,
            "an hour without evidence",
            None,
            "444455556666 eu-west-1",
            1,
        ),
        finding(
            "write-denied",
            Severity::Medium,
            "tried to write and was refused",
            Some(CI),
            "ec2:RunInstances",
            2,
        ),
        finding(
            "unknown-operation",
            Severity::Medium,
            "made a call nothing is known of",
            Some(INVENTORY),
            "newsvc:Frob",
            1,
        ),
        finding("never-seen", Severity::Info, "a promise nobody was seen for", Some(GHOST), "", 0),
    ];
    r.recommendations = vec![Recommendation {
        severity: Severity::Critical,
        id: "write-succeeded".to_owned(),
        title: "A watched principal used privilege".into(),
        action: "Remove the write permissions.".to_owned(),
        findings: 1,
        principals: set(&[AGENT]),
    }];
    r.controls = vec![
        control(
            "CC6.1",
            "Access to systems is restricted.",
            ControlState::Fail,
            "2 findings speak against it.",
        ),
        control(
            "CC7.2",
            "Activity is monitored.",
            ControlState::NoEvidence,
            "1 hour and 1 event class are missing.",
        ),
        control("CC8.1", "Changes are authorised.", ControlState::Pass, "Complete evidence of 5,000 calls."),
    ];
    r.audit_entries = vec![AuditEntry {
        timestamp: at(3, 12),
        event_id: "3fa3a1c2-0000-4000-8000-0000000000a1".to_owned(),
        account: arc("777788889999"),
        region: arc("us-east-1"),
        user_identity: arc(AGENT),
        session: Some(arc("jane@example.com")),
        service: arc("s3.amazonaws.com"),
        operation: arc("PutObject"),
        operation_type: OperationType::Mutating,
        outcome: Outcome::Succeeded,
        error_code: None,
        resource_arns: vec![arc("arn:aws:s3:::example-data/notes.md"), arc("arn:aws:s3:::a|b")],
    }];
    r.overrides = vec![OverrideUse {
        id: "ci-tags".to_owned(),
        principal: CI.to_owned(),
        operation: "ec2:CreateTags".to_owned(),
        resource: None,
        owner: "platform@example.com".to_owned(),
        reason: "the pipeline tags what it looked at".to_owned(),
        expires: at(0, 0),
        allowed: 0,
        expired: 2,
    }];
    r.not_looked_at = texts(&[
        "Data events: the trail does not log them, so a write to an object, a table or a queue would not be seen.",
        "Network activity events are not part of the promise.",
        "What the principals could do: no policy was read.",
        "One object could not be read.",
    ]);
    r.basis.watched = texts(&[AUDITOR, INVENTORY, CI, AGENT, GHOST]);
    r.basis.unreadable = BTreeMap::from([("truncated-gzip".to_owned(), 1)]);
    let exposure = Exposure {
        writes: 3,
        privileged: 4,
        critical: 4,
        unknown: 1,
        secret_reads: 1_022,
        refused: 3,
        holes: 3,
        ..Exposure::default()
    };
    let mut report = finish(r, Some(&exposure));
    report.run.inputs = vec![Input {
        object: "AWSLogs/111122223333/CloudTrail/a.json.gz".to_owned(),
        bytes: 8_121,
        sha256: "1".repeat(64),
        records: 42,
    }];
    report.run.unreadable = vec![UnreadablePosition {
        object: "AWSLogs/444455556666/CloudTrail/b.json.gz".to_owned(),
        byte: Some(4_096),
        record: None,
        reason: "the gzip stream ends early".to_owned(),
    }];
    report
}

/// A kept promise over a month.
pub fn compliant() -> Report {
    let mut r = result(
        Mode::Proof,
        Some(Status::Compliant),
        "Every watched call was permitted, in data, management-read and management-write events.",
    );
    r.coverage = coverage(
        720,
        vec![
            place("111122223333", "eu-central-1", 912_331, 720, &[]),
            place("111122223333", "us-east-1", 1_200, 720, &[]),
        ],
        ClassState::Configured,
    );
    r.principals = vec![principal(
        AUDITOR,
        Some(Status::Compliant),
        Behaviour::OnlyLooked,
        [[1_234_567, 12, 40], [0; 3], [0; 3], [0; 3]],
    )];
    r.controls =
        vec![control("CC6.1", "Access to systems is restricted.", ControlState::Pass, "Complete evidence.")];
    r.basis.watched = texts(&[AUDITOR]);
    finish(r, Some(&Exposure::default()))
}

/// Nothing against the promise, and large holes in the evidence of many places.
pub fn insufficient() -> Report {
    let mut r = result(
        Mode::Proof,
        Some(Status::InsufficientEvidence),
        "Nothing breaks the promise, but 300 hours and 1 event class are missing.",
    );
    let mut places = vec![];
    for n in 0..14_u32 {
        let gaps: &[(u32, u32)] = match n {
            3 => &[(0, 720)],
            7 => &[(10, 11), (100, 200)],
            9 => &[(719, 720)],
            _ => &[],
        };
        places.push(place(
            &format!("{:012}", 100 + n / 2),
            if n % 2 == 0 { "ap-southeast-2" } else { "us-gov-west-1" },
            40,
            720,
            gaps,
        ));
    }
    r.coverage = coverage(720, places, ClassState::Gap);
    for n in 0..30 {
        let arn = format!("arn:aws:iam::000000000100:role/fleet/Reader{n:02}");
        r.principals.push(principal(
            &arn,
            Some(Status::InsufficientEvidence),
            Behaviour::OnlyLooked,
            [[100 + n, 0, 0], [0; 3], [0; 3], [0; 3]],
        ));
        r.basis.watched.push(arn);
    }
    r.findings = vec![finding(
        "evidence-missing",
        Severity::Medium,
        "hours without evidence",
        None,
        "000000000101 us-gov-west-1",
        720,
    )];
    r.summary.immediate_actions = texts(&["Find the missing log objects."]);
    r.not_looked_at = texts(&["821 hours without evidence."]);
    finish(r, Some(&Exposure { holes: 822, ..Exposure::default() }))
}

/// Nothing promised.
pub fn discovery() -> Report {
    let mut r = result(
        Mode::Discovery,
        None,
        "Nothing was promised, so nothing is called compliant: 6 principals made 5,305 calls.",
    );
    let proof = non_compliant().result;
    r.coverage = proof.coverage;
    r.principals = proof.principals.into_iter().filter(|principal| principal.calls > 0).collect();
    for principal in &mut r.principals {
        (principal.watched_as, principal.status) = (None, None);
    }
    r.operations = proof.operations;
    r.standard = Standard::General;
    r.standard_title = "Onlooker's own controls".to_owned();
    r.not_looked_at = proof.not_looked_at;
    finish(r, None)
}

/// No evidence and no question.
pub fn empty() -> Report {
    finish(result(Mode::Discovery, None, "There was nothing to look at."), None)
}

/// The broken promise with something hostile in every text that is free.
pub fn hostile() -> Report {
    const HARM: &str = "=1+1\u{1b}[2J\u{202e}|`<script>alert(1)</script>\n# [x](http://e.com) @team \"q\", ";
    let mut value = serde_json::to_value(non_compliant()).unwrap();
    spoil(&mut value, HARM);
    let spoilt: Report = serde_json::from_value(value).unwrap();
    Report::new(spoilt.result, spoilt.run).unwrap()
}

/// Puts `harm` into each text, except where only certain words may stand.
fn spoil(value: &mut Value, harm: &str) {
    const FIXED: [&str; 27] = [
        "schema_version",
        "id",
        "mode",
        "standard",
        "overall_compliance",
        "risk_level",
        "level",
        "kind",
        "status",
        "behaviour",
        "operation_type",
        "mutates",
        "access_level",
        "capabilities",
        "provenance",
        "counts",
        "state",
        "severity",
        "outcome",
        "from",
        "until",
        "hour",
        "hours",
        "first_seen",
        "last_seen",
        "expires",
        "timestamp",
    ];
    match value {
        Value::String(text) => *text = format!("{harm}{text}"),
        Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, harm)),
        Value::Object(fields) => {
            let fixed = |key: &str| FIXED.contains(&key) || key.ends_with("_at");
            let keys: Vec<String> = fields.keys().cloned().collect();
            for key in keys {
                // The ids of findings, overrides and controls are free text, the report's own is computed anew.
                let free = !fixed(&key) || (key == "id" && fields.contains_key("title"));
                if let Some(field) = fields.get_mut(&key).filter(|_| free) {
                    spoil(field, harm);
                }
            }
        }
        _ => {}
    }
}
