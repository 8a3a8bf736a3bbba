//! The report shows Onlooker's own calls, and checks them against the declared purpose of its roles.

use std::collections::BTreeMap;

use onlooker_core::{
    catalog::Catalog,
    config::{Config, Watch, own_roles::DeploymentResources},
    grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot},
    permissions::{AssessedPrincipal, OverallStatus, PrincipalIdentity, assess},
    principal::PrincipalKind,
    report::{PrincipalSummary, Report, ReportMode},
    score::Status,
};
use serde_json::{Value, json};

use super::fixtures::{expected_report, hour_after_start, minutes_after_start, record, segment};

const PULL_ROLE: &str = "arn:aws:iam::111122223333:role/onlooker-PullRole-1";

/// A function's configuration: the user's promises, and the watches and overrides that a deployment adds.
fn config_watching(watch: &[&str]) -> Config {
    let variables = BTreeMap::from([
        (
            "ONLOOKER_ROLES",
            "pull=arn:aws:iam::111122223333:role/onlooker-PullRole-1,report=arn:aws:iam::111122223333:role/onlooker-ReportRole-1",
        ),
        ("ONLOOKER_BUCKET", "onlooker-bucket-1"),
        ("ONLOOKER_TABLE", "onlooker-Table-1"),
        ("ONLOOKER_TOPIC", "arn:aws:sns:us-east-1:111122223333:onlooker-Topic-1"),
        ("ONLOOKER_BUS", "onlooker"),
        ("ONLOOKER_DEPLOYMENT", "onlooker"),
    ]);
    let watch = watch.iter().map(|pattern| Watch::new(pattern).unwrap()).collect();
    let mut config = Config { watch, ..Config::default() };
    config.coverage.event_classes = vec!["management-write".into()];
    config.coverage.logged = config.coverage.event_classes.clone();
    let stack = DeploymentResources::from_variables(|name| variables.get(name).copied()).unwrap();
    stack.add_watches(&mut config).unwrap();
    config
}

/// A call of the function that pulls, in the first hour.
fn call(id: u32, source: &str, name: &str, resources: &[&str]) -> Value {
    let mut record = record(2, "111122223333", "us-east-1", minutes_after_start(id));
    let issuer = json!({
        "type": "Role", "principalId": "AROAPULL", "userName": "onlooker-PullRole-1", "accountId": "111122223333",
        "arn": PULL_ROLE,
    });
    record["userIdentity"]["arn"] =
        "arn:aws:sts::111122223333:assumed-role/onlooker-PullRole-1/onlooker-pull".into();
    record["userIdentity"]["principalId"] = "AROAPULL:onlooker-pull".into();
    record["userIdentity"]["sessionContext"]["sessionIssuer"] = issuer;
    record["eventSource"] = format!("{source}.amazonaws.com").into();
    record["eventName"] = name.into();
    record["eventID"] = format!("{id:08x}-1111-4ee1-bb48-e20fecb32403").into();
    record["readOnly"] = name.starts_with("Lookup").into();
    if !resources.is_empty() {
        let named = resources.iter().map(|arn| json!({ "ARN": arn, "accountId": "111122223333" }));
        record["resources"] = named.collect();
        record["managementEvent"] = false.into();
        record["eventCategory"] = "Data".into();
    }
    record
}

/// Lambda assumes the role for the function.
fn assume_role_event() -> Value {
    let mut record = record(1, "111122223333", "us-east-1", minutes_after_start(1));
    record["userIdentity"] = json!({ "type": "AWSService", "invokedBy": "lambda.amazonaws.com" });
    record["eventSource"] = "sts.amazonaws.com".into();
    record["eventName"] = "AssumeRole".into();
    record["resources"] =
        json!([{ "ARN": PULL_ROLE, "accountId": "111122223333", "type": "AWS::IAM::Role" }]);
    record
}

fn ordinary_records() -> Vec<Value> {
    vec![
        assume_role_event(),
        call(2, "cloudtrail", "LookupEvents", &[]),
        call(
            3,
            "s3",
            "PutObject",
            &["arn:aws:s3:::onlooker-bucket-1/evidence/a", "arn:aws:s3:::onlooker-bucket-1"],
        ),
        call(4, "logs", "CreateLogStream", &[]),
        call(
            5,
            "dynamodb",
            "UpdateItem",
            &["arn:aws:dynamodb:us-east-1:111122223333:table/onlooker-Table-1"],
        ),
    ]
}

fn report(config: &Config, records: &[Value]) -> Report {
    expected_report(segment(records), config, (hour_after_start(0), hour_after_start(1)))
}

fn own_role(report: &Report) -> &PrincipalSummary {
    report.result.principals.iter().find(|principal| &*principal.arn == PULL_ROLE).unwrap()
}

fn foreign_write() -> Value {
    call(6, "s3", "PutObject", &["arn:aws:s3:::elsewhere/a", "arn:aws:s3:::elsewhere"])
}

#[test]
fn declared_calls_are_compliant_without_a_promise() {
    let report = report(&config_watching(&[]), &ordinary_records());
    let role = own_role(&report);
    assert_eq!(role.status, Some(Status::Compliant), "{:#?}", report.result.findings);
    assert_eq!(role.calls, 4);
    assert!(role.watched_as.is_some() && role.matrix.is_some());
    assert_eq!((report.result.mode, report.result.status()), (ReportMode::Discovery, None));
    let statement = &report.result.summary.statement;
    assert!(statement.starts_with("No principal is watched"), "{statement}");
    assert!(statement.contains("own roles made 4 calls, 0 of them outside"), "{statement}");
    assert_eq!((report.result.totals.watched_principals, report.result.totals.watched_operations), (0, 0));
}

#[test]
fn a_write_to_another_bucket_is_a_violation() {
    let report = report(&config_watching(&[]), &[ordinary_records(), vec![foreign_write()]].concat());
    assert_eq!(own_role(&report).status, Some(Status::NonCompliant));
    assert!(report.result.findings.iter().any(|finding| finding.id == "write-succeeded"));
    assert!(report.result.summary.statement.contains("1 of them outside"));
}

#[test]
fn own_roles_do_not_change_the_status_of_other_promises() {
    let auditor = "arn:aws:iam::111122223333:role/Auditor";
    let read = record(2, "111122223333", "us-east-1", minutes_after_start(9));
    let mut alone = config_watching(&[auditor]);
    alone.watch.truncate(1);
    alone.overrides.clear();
    let before = report(&alone, std::slice::from_ref(&read));
    let after = report(&config_watching(&[auditor]), &[ordinary_records(), vec![read.clone()]].concat());
    assert_eq!(before.result.mode, after.result.mode);
    assert_eq!(before.result.compliance, after.result.compliance);
    assert_eq!(before.result.totals.watched_operations, after.result.totals.watched_operations);
    assert_eq!(before.result.status(), after.result.status());
    // Two own roles are watched, and one of them is idle, which is not a finding.
    assert!(after.result.findings.iter().all(|finding| finding.id != "principal-not-seen"));
    let broken =
        report(&config_watching(&[auditor]), &[ordinary_records(), vec![read, foreign_write()]].concat());
    assert_eq!(broken.result.status(), Some(Status::NonCompliant));
}

/// The permissions status of the role with one more statement.
fn permissions(more: &Value) -> OverallStatus {
    let statements = json!([
        { "Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": "*" },
        { "Effect": "Allow", "Action": ["dynamodb:UpdateItem"],
          "Resource": "arn:aws:dynamodb:us-east-1:111122223333:table/onlooker-Table-1",
          "Condition": { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["ACCOUNT_REGION#*"] } } },
        { "Effect": "Allow", "Action": "s3:PutObject",
          "Resource": ["arn:aws:s3:::onlooker-bucket-1/evidence/*", "arn:aws:s3:::onlooker-bucket-1/segments/*"] },
        more,
    ]);
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let policy = Policy { name: "pull".into(), origin: PolicyOrigin::Inline, text: text.into() };
    let snapshot = PolicySnapshot {
        principal: PULL_ROLE.into(),
        identity_policies: vec![policy],
        ..PolicySnapshot::default()
    };
    let grants = Evaluator::new(Catalog::embedded()).grants(&snapshot);
    let identity = PrincipalIdentity {
        arn: PULL_ROLE.into(),
        kind: PrincipalKind::Role,
        account: "111122223333".into(),
        watched_as: Some(PULL_ROLE.into()),
    };
    let subject = AssessedPrincipal { identity, grants: &grants, policies_sha256: snapshot.sha256() };
    assess(&subject, &config_watching(&[]), Catalog::embedded(), minutes_after_start(0), &[], None)
        .overall_status
}

#[test]
fn its_policies_are_assessed_by_its_declared_purpose() {
    let queue = |name: &str| {
        json!({ "Effect": "Allow", "Action": "sqs:SendMessage",
        "Resource": format!("arn:aws:sqs:us-east-1:111122223333:{name}") })
    };
    assert_eq!(permissions(&queue("onlooker-DeadLetterQueue-1")), OverallStatus::Valid);
    assert_eq!(permissions(&queue("elsewhere")), OverallStatus::OverPrivileged);
}

#[test]
fn exempt_own_roles_are_not_watched() {
    let mut config = config_watching(&[]);
    config.exempt.push("arn:aws:iam::*:role/onlooker-*".into());
    assert_eq!(own_role(&report(&config, &ordinary_records())).status, None);
}
