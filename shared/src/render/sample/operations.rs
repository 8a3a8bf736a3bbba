//! Operations of sample reports.
//!
//! Enters: nothing. Leaves: one operation of each kind.

use crate::{
    classification::Provenance,
    event::Outcome,
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
    report::OperationSummary,
};

pub(super) fn operations() -> Vec<OperationSummary> {
    let row = |source: &str,
               service: &str,
               operation: &str,
               kind,
               mutates,
               level,
               capabilities,
               risk,
               conflict,
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
        source_conflict: conflict,
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
            Capabilities::MUTATE | Capabilities::INCUR_COST | Capabilities::RUN_CODE,
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
            "it changes nothing; its response returns a secret, so it is a sensitive read",
            [88, 1, 3],
        ),
        row(
            "sts.amazonaws.com",
            "sts",
            "AssumeRole",
            OperationType::Privileged,
            Mutates::No,
            Some(AccessLevel::Write),
            Capabilities::ISSUE_CREDENTIALS,
            RiskLevel::Critical,
            true,
            "IAM calls it a write, CloudTrail a read: it changes nothing and issues credentials to its caller",
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
