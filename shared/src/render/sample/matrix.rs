//! Matrices of sample principals.
//!
//! Enters: nothing. Leaves: the matrices of the watched principals of the broken promise (one with grants of reads
//! only, one with more grants that it did not use, one without policies, one that used its grants and more), and the
//! matrix of an administrator.

use super::builders::*;
use crate::{
    grants::{Certainty, UnevaluatedPolicyType},
    operation::RiskLevel,
    permissions::{EscalationPath, GrantCount, OverallStatus},
    report::{
        AccessMatrix, MatrixRow, MatrixRowKind, PolicySnapshotRef, RoleChainActivity, UngrantedOperation,
        UnusedReadServices, UnusedService,
    },
};

/// Rows by capability: name, granted, conditional, `[denied, failed, used, through roles]`.
type SampleRow = (&'static str, u64, u64, [u64; 4]);

const ROW_NAMES: [&str; 11] = [
    "read",
    "read_data",
    "read_secrets",
    "issue_credentials",
    "run_code",
    "expose_resource",
    "privilege_escalation",
    "mutate",
    "incur_cost",
    "privileged",
    "unknown",
];

/// Matrices in the order of the broken promise's principals.
pub(super) fn all() -> [Option<AccessMatrix>; 5] {
    [Some(auditor()), Some(inventory()), Some(pipeline()), Some(agent()), None]
}

fn row(name: &str, kind: Option<MatrixRowKind>, granted: Option<GrantCount>, calls: [u64; 4]) -> MatrixRow {
    let [denied, failed, used, through_roles] = calls;
    MatrixRow { name: name.to_owned(), kind, granted, denied, failed, used, through_roles }
}

fn count(granted: u64, conditional: u64, examples: &[&str]) -> GrantCount {
    GrantCount {
        unconditional: granted,
        conditional,
        examples: examples.iter().map(|text| arc_str(text)).collect(),
    }
}

/// All rows, with the counts of the given ones. Without policies the grants are unknown.
fn capabilities(known: bool, rows: &[SampleRow]) -> Vec<MatrixRow> {
    let examples = |name: &str| match name {
        "mutate" => &["s3:PutObject", "s3:DeleteObject", "lambda:UpdateFunctionCode", "ec2:CreateTags"][..],
        "read_secrets" => &["secretsmanager:GetSecretValue", "ssm:GetParameter"],
        "issue_credentials" => &["sts:AssumeRole"],
        "run_code" => &["lambda:InvokeFunction"],
        "privilege_escalation" => &["iam:PassRole", "lambda:UpdateFunctionCode"],
        "read" => &["ec2:DescribeInstances", "iam:ListRoles"],
        _ => &[],
    };
    ROW_NAMES
        .iter()
        .map(|name| {
            let found = rows.iter().find(|row| row.0 == *name);
            let (_, granted, conditional, calls) = found.copied().unwrap_or((name, 0, 0, [0; 4]));
            let kind = match *name {
                "read" => MatrixRowKind::Read,
                "unknown" => MatrixRowKind::Unknown,
                _ => MatrixRowKind::Capability,
            };
            let examples = if granted + conditional > 0 { examples(name) } else { &[] };
            let granted = known.then(|| count(granted, conditional, examples));
            row(name, Some(kind), granted, calls)
        })
        .collect()
}

fn policies(digit: &str, since: Option<u32>, until: Option<u32>) -> PolicySnapshotRef {
    PolicySnapshotRef {
        sha256: digit.repeat(64),
        since: since.map(|hour| time_at(hour, 0)),
        until: until.map(|hour| time_at(hour, 0)),
    }
}

fn unused(service: &str, actions: u64, excessive: u64, examples: &[&str]) -> UnusedService {
    let examples = examples.iter().map(|text| arc_str(text)).collect();
    UnusedService { service: service.to_owned(), actions, excessive, unlogged: 0, examples }
}

fn auditor() -> AccessMatrix {
    AccessMatrix {
        policies: vec![policies("a", None, None)],
        overall_status: Some(OverallStatus::Valid),
        observed_hours: 24,
        capabilities: capabilities(true, &[("read", 4_812, 0, [2, 4, 3_210, 0])]),
        services: vec![
            row("ec2", None, Some(count(610, 0, &[])), [0, 4, 1_900, 0]),
            row("iam", None, Some(count(77, 0, &[])), [2, 0, 1_310, 0]),
        ],
        unevaluated: [UnevaluatedPolicyType::SessionPolicies, UnevaluatedPolicyType::VpcEndpointPolicies]
            .into(),
        risk_level: Some(RiskLevel::Low),
        certainty: Some(Certainty::Unconditional),
        ..AccessMatrix::default()
    }
}

pub(super) fn inventory() -> AccessMatrix {
    AccessMatrix {
        policies: vec![policies("b", Some(2), None)],
        overall_status: Some(OverallStatus::Indeterminate),
        observed_hours: 24,
        capabilities: capabilities(
            true,
            &[
                ("read", 2_205, 12, [0, 0, 909, 0]),
                ("read_secrets", 0, 2, [0, 0, 113, 0]),
                ("mutate", 0, 5, [0; 4]),
                ("unknown", 0, 1, [0, 0, 1, 0]),
            ],
        ),
        services: vec![
            row("newsvc", None, Some(count(0, 1, &[])), [0, 0, 1, 0]),
            row("secretsmanager", None, Some(count(3, 2, &[])), [0, 0, 1_021, 0]),
        ],
        unused_services: vec![unused("dynamodb", 5, 5, &["dynamodb:PutItem"])],
        unevaluated: [
            UnevaluatedPolicyType::PermissionsBoundary,
            UnevaluatedPolicyType::ResourceBasedPolicies,
            UnevaluatedPolicyType::SessionPolicies,
        ]
        .into(),
        risk_level: Some(RiskLevel::High),
        certainty: Some(Certainty::Conditional),
        ..AccessMatrix::default()
    }
}

fn pipeline() -> AccessMatrix {
    AccessMatrix {
        observed_hours: 23,
        capabilities: capabilities(false, &[("read", 0, 0, [0, 3, 512, 0]), ("mutate", 0, 0, [2, 0, 0, 0])]),
        services: vec![row("ec2", None, None, [2, 3, 512, 0])],
        ..AccessMatrix::default()
    }
}

fn agent() -> AccessMatrix {
    let release = arc_str("arn:aws:iam::777788889999:role/release/Publisher");
    AccessMatrix {
        policies: vec![policies("c", None, Some(9)), policies("d", Some(9), None)],
        overall_status: Some(OverallStatus::OverPrivileged),
        observed_hours: 24,
        capabilities: capabilities(
            true,
            &[
                ("read", 318, 0, [0, 0, 350, 41]),
                ("read_data", 6, 0, [0, 0, 52, 0]),
                ("read_secrets", 2, 0, [0; 4]),
                ("mutate", 7, 3, [1, 1, 3, 2]),
                ("issue_credentials", 1, 0, [0, 0, 4, 0]),
                ("run_code", 1, 0, [0; 4]),
                ("expose_resource", 0, 0, [0, 0, 1, 1]),
                ("privilege_escalation", 2, 1, [0; 4]),
            ],
        ),
        services: vec![
            row("lambda", None, Some(count(11, 2, &[])), [0; 4]),
            row("s3", None, Some(count(29, 1, &[])), [1, 1, 405, 44]),
            row("sts", None, Some(count(1, 0, &[])), [0, 0, 4, 0]),
        ],
        unused_services: vec![
            unused("lambda", 13, 4, &["lambda:UpdateFunctionCode", "lambda:InvokeFunction"]),
            unused("secretsmanager", 2, 0, &["secretsmanager:GetSecretValue"]),
        ],
        unused_read_services: UnusedReadServices { services: 3, actions: 41, unlogged: 0 },
        tolerated: [("release-uploads".to_owned(), 2)].into(),
        ungranted_operations: vec![UngrantedOperation {
            operation: "s3:PutBucketPolicy".to_owned(),
            actions: vec![arc_str("s3:PutBucketPolicy")],
            count: 1,
            explanation: "a resource-based policy may grant the call, and those policies were not read"
                .to_owned(),
        }],
        escalation_paths: vec![
            EscalationPath {
                id: "update-function-code".to_owned(),
                description: "replace the code of a function, which then runs with the function's role"
                    .to_owned(),
                actions: vec![arc_str("lambda:UpdateFunctionCode")],
                is_unconditional: true,
                resources: vec![arc_str("arn:aws:lambda:*:777788889999:function:*")],
            },
            EscalationPath {
                id: "pass-role-to-lambda".to_owned(),
                description: "pass a role to a function it creates, and invoke that function".to_owned(),
                actions: vec![
                    arc_str("iam:PassRole"),
                    arc_str("lambda:CreateFunction"),
                    arc_str("lambda:InvokeFunction"),
                ],
                is_unconditional: false,
                resources: vec![arc_str("arn:aws:iam::777788889999:role/release/*")],
            },
        ],
        role_chains: vec![
            RoleChainActivity {
                path: vec![release.clone()],
                is_certain: true,
                calls: 43,
                non_reads_succeeded: 2,
                allowed_non_reads: 0,
                operations: ["s3:DeleteObject".to_owned(), "s3:PutObject".to_owned()].into(),
                first_seen: time_at(3, 12),
                last_seen: time_at(19, 40),
            },
            RoleChainActivity {
                path: vec![release, arc_str("arn:aws:iam::444455556666:role/Shared")],
                is_certain: false,
                calls: 1,
                non_reads_succeeded: 1,
                allowed_non_reads: 0,
                operations: ["s3:PutBucketPolicy".to_owned()].into(),
                first_seen: time_at(4, 1),
                last_seen: time_at(4, 1),
            },
        ],
        unevaluated: [
            UnevaluatedPolicyType::PermissionsBoundary,
            UnevaluatedPolicyType::ServiceControlPolicies,
            UnevaluatedPolicyType::SessionPolicies,
        ]
        .into(),
        risk_level: Some(RiskLevel::Critical),
        certainty: Some(Certainty::Unconditional),
    }
}

/// Every grant, almost all unused.
pub(super) fn administrator() -> AccessMatrix {
    let mut this = agent();
    for row in &mut this.capabilities {
        row.granted = Some(GrantCount {
            unconditional: 1_000,
            conditional: 17,
            examples: vec![arc_str("service:LongActionName"); 10],
        });
    }
    this.services =
        (0..420).map(|n| row(&format!("service-{n:03}"), None, Some(count(40, 2, &[])), [0; 4])).collect();
    this.unused_services = (0..420)
        .map(|n| unused(&format!("service-{n:03}"), 42, 20, &["service:SomeActionOfALongName"; 10]))
        .collect();
    this.escalation_paths = this.escalation_paths.iter().cycle().take(40).cloned().collect();
    this.role_chains = this.role_chains.iter().cycle().take(100).cloned().collect();
    this.ungranted_operations = this.ungranted_operations.iter().cycle().take(100).cloned().collect();
    this
}
