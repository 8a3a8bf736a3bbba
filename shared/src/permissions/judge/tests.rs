//! Principals that must come out as they do.

use serde_json::{Value, json};

use super::*;
use crate::{
    grants::{Evaluator, Origin, Policy, Snapshot},
    permissions::ProbeOutcome,
    principal::PrincipalKind,
};

const AUDITOR: &str = "arn:aws:iam::111122223333:role/Auditor";
const AT: Time = Time(1_800_000_000);

fn grants(statements: &Value) -> Grants {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let policy = Policy { name: "given".into(), origin: Origin::Given, text: text.into() };
    let snapshot = Snapshot { principal: AUDITOR.into(), identity: vec![policy], ..Snapshot::default() };
    Evaluator::new(Catalog::embedded()).grants(&snapshot)
}

fn judged_by(
    grants: &Grants,
    config: &Config,
    probes: &[Probe],
    opinion: Option<SecondOpinion>,
) -> Permissions {
    let identity = Identity {
        arn: AUDITOR.into(),
        kind: PrincipalKind::Role,
        account: "111122223333".into(),
        watched_as: None,
    };
    let subject = Subject { identity, grants, policies_sha256: String::new() };
    judge(&subject, config, Catalog::embedded(), AT, probes, opinion)
}

fn judged(statements: &Value) -> Permissions {
    judged_by(&grants(statements), &Config::default(), &[], None)
}

fn allow(actions: &[&str]) -> Value {
    json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }])
}

fn checks(permissions: &Permissions, status: CheckStatus) -> Vec<&PermissionCheck> {
    permissions.permission_checks.iter().filter(|check| check.status == status).collect()
}

const READS: [&str; 2] = ["ec2:DescribeRegions", "s3:ListAllMyBuckets"];

#[test]
fn an_administrator_is_over_privileged_in_few_checks() {
    let permissions = judged(&allow(&["*"]));
    assert_eq!(permissions.overall_status, OverallStatus::OverPrivileged);
    assert!(checks(&permissions, CheckStatus::Blocked).is_empty());
    let checks = checks(&permissions, CheckStatus::AllowedWrite);
    assert!(checks.len() < 1_500, "{}", checks.len());
    let told: u64 = checks.iter().map(|check| check.actions).sum();
    let held: u64 = permissions.services.values().map(|count| count.granted).sum();
    assert_eq!(told, held);
    assert!(held > 8_000, "{held}");
}

#[test]
fn one_that_reads_only_is_valid_with_proof() {
    let permissions = judged(&allow(&READS));
    assert_eq!(permissions.overall_status, OverallStatus::Valid, "{}", permissions.statement);
    assert_eq!(checks(&permissions, CheckStatus::Passed).len(), 3);
    let blocked = checks(&permissions, CheckStatus::Blocked);
    let mutate = blocked.iter().find(|check| check.capabilities == crate::operation::Capabilities::MUTATE);
    assert!(mutate.is_some_and(|check| check.actions > 8_000), "{blocked:?}");
}

#[test]
fn needed_reads_that_are_refused_make_it_partial_or_invalid() {
    assert_eq!(judged(&allow(&["ec2:DescribeRegions"])).overall_status, OverallStatus::Partial);
    let config = Config {
        permissions: crate::config::PermissionChecks {
            reads: vec!["s3:ListBuckets".into()],
            simulate: false,
        },
        ..Config::default()
    };
    let permissions = judged_by(&grants(&allow(&["ec2:DescribeRegions"])), &config, &[], None);
    assert_eq!(permissions.overall_status, OverallStatus::Invalid);
}

#[test]
fn a_read_that_works_never_hides_a_write() {
    let all = [&READS[..], &["s3:PutObject"]].concat();
    let permissions = judged(&allow(&all));
    assert_eq!(permissions.overall_status, OverallStatus::OverPrivileged);
    let writes = checks(&permissions, CheckStatus::AllowedWrite);
    assert_eq!((writes.len(), &*writes[0].operation), (1, "PutObject"));
}

fn probe(operation: &str, outcome: ProbeOutcome) -> Probe {
    let (service, operation) = operation.split_once(':').unwrap();
    Probe { service: service.into(), operation: operation.into(), outcome }
}

#[test]
fn throttling_is_an_error_and_no_denial() {
    let throttled = |operation| probe(operation, ProbeOutcome::Throttled("Rate exceeded".into()));
    let probes = [throttled("ec2:DescribeRegions"), throttled("s3:ListBuckets")];
    let permissions = judged_by(&grants(&allow(&READS)), &Config::default(), &probes, None);
    assert_eq!(checks(&permissions, CheckStatus::Error).len(), 2);
    assert_eq!(checks(&permissions, CheckStatus::Failed).len(), 0);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate, "{}", permissions.statement);
}

#[test]
fn a_probe_goes_before_policies() {
    let probes = [probe("ec2:DescribeRegions", ProbeOutcome::Denied("UnauthorizedOperation".into()))];
    let permissions = judged_by(&grants(&allow(&READS)), &Config::default(), &probes, None);
    assert_eq!(permissions.overall_status, OverallStatus::Partial);
    let probes = ["ec2:DescribeRegions", "s3:ListBuckets", "sts:GetCallerIdentity"]
        .map(|operation| probe(operation, ProbeOutcome::Failed("no such principal".into())));
    let permissions = judged_by(&Grants::default(), &Config::default(), &probes, None);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate);
}

#[test]
fn a_condition_makes_a_write_indeterminate_and_a_malformed_document_everything() {
    let conditional = json!([{
        "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalTag/team": "audit" } },
    }]);
    assert_eq!(judged(&conditional).overall_status, OverallStatus::Indeterminate);
    let mut grants = grants(&allow(&READS));
    grants.problems.push(crate::grants::Problem {
        policy: "given".into(),
        statement: None,
        kind: ProblemKind::Malformed,
        what: "no JSON".into(),
    });
    let permissions = judged_by(&grants, &Config::default(), &[], None);
    assert_eq!(permissions.overall_status, OverallStatus::Indeterminate);
    assert!(checks(&permissions, CheckStatus::Blocked).is_empty());
}

#[test]
fn a_simulator_that_allows_more_makes_it_indeterminate() {
    let dissent = |action: &str, here: &str, simulator: &str| SecondOpinion {
        asked: 1,
        agreed: 0,
        dissent: vec![super::super::Dissent {
            action: action.into(),
            here: here.into(),
            simulator: simulator.into(),
        }],
        unasked: None,
    };
    let status =
        |opinion| judged_by(&grants(&allow(&READS)), &Config::default(), &[], Some(opinion)).overall_status;
    assert_eq!(status(dissent("s3:PutObject", "denied", "allowed")), OverallStatus::Indeterminate);
    assert_eq!(status(dissent("s3:ListBucket", "denied", "allowed")), OverallStatus::Valid);
    assert_eq!(status(dissent("ec2:DescribeRegions", "granted", "implicitDeny")), OverallStatus::Valid);
}

#[test]
fn an_override_tolerates_only_what_it_covers() {
    let entry = |resource: Option<&str>, expires| crate::config::Override {
        id: "own-bucket".into(),
        principal: "arn:aws:iam::*:role/Auditor".into(),
        operation: "s3:Put*".into(),
        resource: resource.map(str::to_owned),
        owner: "audit".into(),
        reason: "keeps what it found".into(),
        expires,
    };
    let statements = json!([
        { "Effect": "Allow", "Action": READS, "Resource": "*" },
        { "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::audit/${aws:userid}/*" },
    ]);
    let status = |entry| {
        let config = Config { overrides: vec![entry], ..Config::default() };
        let permissions = judged_by(&grants(&statements), &config, &[], None);
        (permissions.overall_status, permissions.tolerated.values().sum::<u64>())
    };
    let later = Time(AT.0 + 1);
    assert_eq!(status(entry(None, later)), (OverallStatus::Valid, 1));
    assert_eq!(status(entry(Some("arn:aws:s3:::audit/*"), later)), (OverallStatus::Valid, 1));
    assert_eq!(status(entry(Some("arn:aws:s3:::audit/a/*"), later)), (OverallStatus::OverPrivileged, 0));
    assert_eq!(status(entry(None, AT)), (OverallStatus::OverPrivileged, 0));
}
