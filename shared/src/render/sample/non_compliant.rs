//! A broken promise with every kind of content.
//!
//! Enters: nothing. Leaves: the report that most tests render.

use std::collections::BTreeMap;

use super::{
    base::{base_result, finish_report},
    builders::*,
    matrix,
    operations::operations,
};
use crate::{
    controls::ControlState,
    coverage::{AccountRegionCoverage, EventClassState, ExpectedPart},
    event::{DenyingPolicy, EventKind, Outcome},
    finding::{Recommendation, Severity},
    operation::OperationType,
    report::{
        AuditEntry, Behavior, InputFile, MaintenanceTask, OtherEvent, OverrideSummary, OverrideUsage, Report,
        ReportMode, SkippedFile, TaskRecord, TaskResult, UnreadablePosition,
    },
    score::{RiskFactors, Status},
};

/// A broken promise with every kind of content.
pub fn non_compliant() -> Report {
    let statement = "Watched principals made 5,166 calls. 7 of them succeeded although a read-only principal may not make them. This covers the event classes management-read, management-write.";
    let mut r = base_result(ReportMode::Proof, Some(Status::NonCompliant), statement);
    r.summary.key_findings =
        strings(&["ReleaseNotesAgent changed state (s3:PutObject). `s3:PutObject` succeeded: 3 calls."]);
    r.summary.top_actions = strings(&[
        "Remove `s3:PutObject` from `arn:aws:iam::777788889999:role/ai/ReleaseNotesAgent`, or allow it with an override that has an owner and an expiry.",
        "Find out why `InventoryScanner` reads secrets, and deny `secretsmanager:GetSecretValue` if it does not need them.",
        "Log data events for S3 and DynamoDB in all three accounts.",
        "Find out who uses the IAM user `intern`.",
    ]);
    let mut places = vec![];
    for (n, account) in ["111122223333", "444455556666", "777788889999"].into_iter().enumerate() {
        for (m, region) in ["eu-central-1", "eu-west-1", "us-east-1"].into_iter().enumerate() {
            let gaps: &[(u32, u32)] = if (n, m) == (1, 1) { &[(13, 14)] } else { &[] };
            places.push(place(account, region, 613 - 7 * (n + 3 * m) as u64, 24, gaps));
        }
    }
    places.push(AccountRegionCoverage {
        observed_hours: 1,
        expected_hours: 0,
        ..place("888800001111", "us-east-1", 2, 0, &[])
    });
    r.coverage = coverage(24, places, EventClassState::Gap);
    r.coverage.inferred_parts = vec![ExpectedPart::Regions, ExpectedPart::Since];
    r.coverage.log_integrity = Some(log_integrity(&r.coverage));
    r.summary.inferred = Some(
        "Inferred from the evidence were the regions and the start of the period, so evidence outside of that is not missed. Set `coverage.regions` or `--region`; and `--since`.".to_owned(),
    );
    r.summary.status_reasons = strings(&["3 writes succeeded", "4 privileged calls succeeded"]);
    let kept = Some(Status::InsufficientEvidence);
    let broken = Some(Status::NonCompliant);
    r.principals = vec![
        principal(AUDITOR, kept, Behavior::OnlyRead, [[3_210, 2, 4], [0; 3], [0; 3], [0; 3]]),
        principal(INVENTORY, kept, Behavior::ReadSecrets, [[1_022, 0, 0], [0; 3], [1, 0, 0], [0; 3]]),
        principal(CI, kept, Behavior::Attempted, [[512, 0, 3], [0; 3], [0; 3], [0, 2, 0]]),
        principal(AGENT, broken, Behavior::Wrote, [[402, 0, 0], [4, 0, 0], [0; 3], [3, 1, 0]]),
        principal(NOT_SEEN, kept, Behavior::NotSeen, [[0; 3]; 4]),
        principal(INTERN, None, Behavior::Wrote, [[40, 1, 1], [0; 3], [0; 3], [9, 0, 0]]),
        principal(ADMIN, None, Behavior::Wrote, [[140, 0, 2], [9, 0, 0], [2, 0, 0], [52, 0, 2]]),
        principal("service:cloudtrail", None, Behavior::OnlyRead, [[88, 0, 0], [0; 3], [0; 3], [0; 3]]),
    ];
    r.principals[0].unconcerned_gaps = Some(
        "The 1 hour missing in account 444455556666 does not concern it: CloudTrail records its calls in its own account, and it was issued no credentials of that account.".to_owned(),
    );
    r.principals[0].status_reasons = strings(&["the event class `data` is not known to be logged"]);
    r.activity = activity(24, true);
    r.operations = operations();
    r.other_events = [
        (EventKind::SignIn, "signin.amazonaws.com", "ConsoleLogin", 12),
        (EventKind::ServiceEvent, "kms.amazonaws.com", "RotateKey", 22),
        (EventKind::ConsoleAction, "signin.amazonaws.com", "SwitchRole", 3),
    ]
    .map(|(kind, source, name, count)| OtherEvent {
        kind,
        event_source: arc_str(source),
        event_name: arc_str(name),
        count,
    })
    .into();
    r.findings = vec![
        finding(
            "write-succeeded",
            Severity::Critical,
            "ReleaseNotesAgent changed state (s3:PutObject)",
            Some(AGENT),
            "s3:PutObject",
            3,
        ),
        finding(
            "privileged-call",
            Severity::High,
            "ReleaseNotesAgent used a privileged operation (sts:AssumeRole)",
            Some(AGENT),
            "sts:AssumeRole",
            4,
        ),
        finding(
            "secret-read",
            Severity::High,
            "InventoryScanner read secrets (secretsmanager:GetSecretValue)",
            Some(INVENTORY),
            "secretsmanager:GetSecretValue",
            1_022,
        ),
        finding(
            "missing-hours",
            Severity::Medium,
            "Hours of an account and region have no evidence",
            None,
            "444455556666 eu-west-1",
            1,
        ),
        finding(
            "write-denied",
            Severity::Medium,
            "ReadOnlyPipeline attempted a write that AWS denied (ec2:RunInstances)",
            Some(CI),
            "ec2:RunInstances",
            2,
        ),
        finding(
            "unknown-operation",
            Severity::Medium,
            "InventoryScanner called an unknown operation (newsvc:Frob)",
            Some(INVENTORY),
            "newsvc:Frob",
            1,
        ),
        finding(
            "principal-not-seen",
            Severity::Info,
            "A watched principal does not appear in the evidence",
            Some(NOT_SEEN),
            "promise",
            0,
        ),
    ];
    r.recommendations = vec![Recommendation {
        severity: Severity::Critical,
        id: "write-succeeded".to_owned(),
        title: "A watched principal changed state".to_owned(),
        action: "Remove the write permissions.".to_owned(),
        findings: 1,
        principals: arc_set(&[AGENT]),
    }];
    r.controls = vec![
        control(
            "CC6.1",
            "Access to systems is restricted",
            ControlState::Fail,
            "CRITICAL: ReleaseNotesAgent changed state (s3:PutObject) (and 1 more)",
        ),
        control("CC7.2", "Activity is monitored", ControlState::NoEvidence, "evidence is missing"),
        control("CC8.1", "Changes are authorized", ControlState::Pass, "no findings in 5,166 watched calls"),
    ];
    r.audit_entries = vec![
        AuditEntry {
            timestamp: time_at(3, 12),
            event_id: "3fa3a1c2-0000-4000-8000-0000000000a1".to_owned(),
            account: arc_str("777788889999"),
            region: arc_str("us-east-1"),
            user_identity: arc_str(AGENT),
            session: Some(arc_str("jane@example.com")),
            source_identity: None,
            is_console_session: false,
            invoked_by: None,
            service: arc_str("s3.amazonaws.com"),
            operation: arc_str("PutObject"),
            operation_type: OperationType::Mutating,
            outcome: Outcome::Succeeded,
            error_code: None,
            denied_by: None,
            denied_action: None,
            resource_arns: vec![arc_str("arn:aws:s3:::example-data/notes.md"), arc_str("arn:aws:s3:::a|b")],
        },
        AuditEntry {
            timestamp: time_at(9, 40),
            event_id: "3fa3a1c2-0000-4000-8000-0000000000b2".to_owned(),
            account: arc_str("444455556666"),
            region: arc_str("eu-west-1"),
            user_identity: arc_str(CI),
            session: None,
            source_identity: None,
            is_console_session: false,
            invoked_by: None,
            service: arc_str("ec2.amazonaws.com"),
            operation: arc_str("RunInstances"),
            operation_type: OperationType::Mutating,
            outcome: Outcome::Denied,
            error_code: Some(arc_str("Client.UnauthorizedOperation")),
            denied_by: Some(DenyingPolicy::ServiceControlPolicy),
            denied_action: Some(arc_str("iam:PassRole")),
            resource_arns: vec![],
        },
    ];
    r.overrides = vec![OverrideUsage {
        id: "ci-tags".to_owned(),
        principal: CI.to_owned(),
        operation: "ec2:CreateTags".to_owned(),
        resource: None,
        owner: "platform@example.com".to_owned(),
        reason: "the pipeline tags the resources it reads".to_owned(),
        from: Some(time_at(0, 0)),
        expires: time_at(0, 0),
        wide: vec!["its operation `ec2:*` has a wildcard".to_owned()],
        allowed_calls: 3,
        expired_calls: 2,
        early_calls: 1,
    }];
    r.summary.overrides = Some(OverrideSummary { allowed_calls: 3, calls: 1_022, overrides: 1 });
    r.summary.unseen_watches = strings(&[NOT_SEEN]);
    r.limitations = strings(&[
        "Data events are not logged by the trail, so a write to an object, a table or a queue would not be seen.",
        "Network activity events are not part of the promise.",
        "The policies of ReadOnlyPipeline were not read, so what it could do is unknown.",
        "The content of 1 piece of evidence is unknown: it could not be read.",
    ]);
    for (principal, matrix) in r.principals.iter_mut().zip(matrix::all()) {
        principal.matrix = matrix;
    }
    r.inputs.watched = strings(&[AUDITOR, INVENTORY, CI, AGENT, NOT_SEEN]);
    r.inputs.unreadable = BTreeMap::from([("truncated-gzip".to_owned(), 1)]);
    let exposure = RiskFactors {
        writes: 3,
        privileged_calls: 4,
        critical_calls: 4,
        unknown_operations: 1,
        secret_reads: 1_022,
        denied_writes: 3,
        evidence_gaps: 3,
        ..RiskFactors::default()
    };
    let mut report = finish_report(r, Some(&exposure));
    report.run.input_files = vec![InputFile {
        file: "AWSLogs/111122223333/CloudTrail/a.json.gz".to_owned(),
        bytes: 8_121,
        sha256: "1".repeat(64),
        records: 42,
    }];
    report.run.skipped =
        BTreeMap::from([("AWS Config history".to_owned(), 2), ("VPC flow log".to_owned(), 1_240)]);
    report.run.skipped_files = vec![SkippedFile {
        file: "AWSLogs/111122223333/Config/a.json.gz".to_owned(),
        seems: "AWS Config history".to_owned(),
    }];
    report.run.exclude = vec!["*/eu-south-1/*".to_owned()];
    report.run.excluded_files = 12;
    let done = |task, result, detail: &str| TaskRecord {
        task,
        run_id: "01JNX0000000000000000001".to_owned(),
        ended_at: report.run.started_at,
        result,
        detail: detail.to_owned(),
        completed_at: None,
        problems: 0,
    };
    report.run.maintenance = vec![
        done(
            MaintenanceTask::AuditTrail,
            TaskResult::Succeeded,
            "the audit trail is intact: entries 4, batches 2",
        ),
        done(MaintenanceTask::Evidence, TaskResult::Failed, "cannot read `evidence/dt=2026-03-01/a.pack`"),
    ];
    report.run.unreadable = vec![UnreadablePosition {
        file: "AWSLogs/444455556666/CloudTrail/b.json.gz".to_owned(),
        byte: Some(4_096),
        record: None,
        reason: "the gzip stream ends early".to_owned(),
    }];
    report
}
