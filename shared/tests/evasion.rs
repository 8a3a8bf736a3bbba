//! Records that disguise a write or a gap.
//!
//! Enters: evidence that proves the auditor read-only, with added records that hide a write or missing evidence. Law:
//! the status is never `COMPLIANT`.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on panics")]

use onlooker_core::{
    catalog::Catalog,
    config::Config,
    controls::ControlPack,
    evidence_summary::{EvidenceSummary, ReportScope},
    jobs::{
        evaluation::{EvaluationCriteria, evaluate},
        gather::read_object,
    },
    record::ReadLimits,
    report::{Report, ReportRun},
    score::Status,
    segment::Segment,
    time::Time,
};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[watch]]
principal = "arn:aws:iam::*:role/team/Auditor"
[[watch]]
principal = "arn:aws:iam::*:user/alice"
[coverage]
event_classes = ["management-read", "management-write"]
"#;

fn auditor() -> Value {
    json!({
        "type": "AssumedRole", "principalId": "AROAX:s", "accountId": "111122223333",
        "arn": "arn:aws:sts::111122223333:assumed-role/Auditor/s",
        "sessionContext": {"sessionIssuer": {
            "type": "Role", "arn": "arn:aws:iam::111122223333:role/team/Auditor", "accountId": "111122223333"
        }}
    })
}

fn user(name: &str) -> Value {
    json!({
        "type": "IAMUser", "accountId": "111122223333", "userName": name,
        "arn": format!("arn:aws:iam::111122223333:user/{name}")
    })
}

fn record(id: u32, identity: &Value, source: &str, name: &str, read_only: Option<bool>) -> Value {
    json!({
        "eventVersion": "1.09", "eventID": format!("00000000-0000-4000-8000-{id:012}"),
        "eventTime": "2026-10-06T00:10:00Z", "eventSource": source, "eventName": name, "awsRegion": "us-east-1",
        "eventType": "AwsApiCall", "eventCategory": "Management", "managementEvent": true, "readOnly": read_only,
        "recipientAccountId": "111122223333", "userIdentity": identity
    })
}

fn write_by(identity: &Value) -> Value {
    record(9, identity, "ec2.amazonaws.com", "RunInstances", Some(false))
}

fn with_field(mut record: Value, field: &str, value: Value) -> Value {
    record[field] = value;
    record
}

/// A read by each watched principal, and a write by another principal that shows that writes are logged.
fn compliant_records() -> Vec<Value> {
    vec![
        record(1, &auditor(), "ec2.amazonaws.com", "DescribeInstances", Some(true)),
        record(2, &user("alice"), "ec2.amazonaws.com", "DescribeInstances", Some(true)),
        record(3, &user("bob"), "ec2.amazonaws.com", "RunInstances", Some(false)),
    ]
}

fn report_on(objects: &[Value], config: &str) -> Report {
    let config = Config::from_toml(config, "onlooker.toml").unwrap();
    let segments = objects.iter().enumerate().map(|(n, object)| {
        read_object(&format!("object-{n}"), object.to_string().as_bytes(), ReadLimits::default()).segment
    });
    let pack = ControlPack::built_in(config.standard).unwrap();
    let criteria = EvaluationCriteria {
        config: &config,
        catalog: Catalog::embedded(),
        pack: &pack,
        policies: onlooker_core::grants::PolicyHistory::empty(),
        integrity: None,
    };
    let scope =
        ReportScope::between(Time::parse("2026-10-06T00:00:00Z"), Time::parse("2026-10-06T01:00:00Z"));
    evaluate(
        EvidenceSummary::from_segment(Segment::merge_all(segments), scope),
        criteria,
        ReportRun::default(),
    )
    .unwrap()
}

fn status(records: &[Value]) -> Status {
    report_on(&[json!({ "Records": records })], CONFIG).result.status().unwrap()
}

#[test]
fn the_baseline_is_compliant() {
    assert_eq!(status(&compliant_records()), Status::Compliant);
}

#[test]
fn a_disguised_write_is_never_compliant() {
    let write = write_by(&auditor());
    let without = |field: &str| {
        let mut identity = auditor();
        identity.as_object_mut().unwrap().remove(field);
        identity
    };
    let disguises = [
        ("no identity", write_by(&Value::Null)),
        ("an unknown type", write_by(&json!({"type": "Unknown", "principalId": "AROAX:s"}))),
        ("no issuer", write_by(&without("sessionContext"))),
        ("the type of a service with an ARN", write_by(&with_field(auditor(), "type", json!("AWSService")))),
        ("no type", write_by(&without("type"))),
        (
            "a federated session of the user",
            write_by(&json!({
                "type": "FederatedUser", "arn": "arn:aws:sts::111122223333:federated-user/f",
                "sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::111122223333:user/alice"}}
            })),
        ),
        (
            "a federated session of the user by name",
            write_by(&json!({
                "type": "FederatedUser", "arn": "arn:aws:sts::111122223333:federated-user/f",
                "accountId": "111122223333", "sessionContext": {"sessionIssuer": {"userName": "alice"}}
            })),
        ),
        (
            "an account that is not named, with the unique id",
            write_by(&json!({"type": "AWSAccount", "principalId": "AROAX:s"})),
        ),
        (
            "the own account, with the unique id",
            write_by(&json!({"type": "AWSAccount", "accountId": "111122223333", "principalId": "AROAX:s"})),
        ),
        ("an account that is not named", write_by(&json!({"type": "AWSAccount"}))),
        (
            "a service that acts for the unique id",
            write_by(&json!({
                "accountId": "111122223333", "invokedBy": "x.amazonaws.com", "principalId": "AROAX:s"
            })),
        ),
        (
            "a directory, with the unique id",
            write_by(&json!({"type": "Directory", "principalId": "AROAX:s"})),
        ),
        (
            "a directory, with the issuer of the session",
            write_by(&json!({"type": "Directory", "sessionContext": auditor()["sessionContext"]})),
        ),
        (
            "an operation with a verb that the catalog does not know",
            record(9, &auditor(), "ec2.amazonaws.com", "QuarantineInstance", Some(true)),
        ),
        ("a console action", with_field(write.clone(), "eventType", json!("AwsConsoleAction"))),
        ("a service event", with_field(write.clone(), "eventType", json!("AwsServiceEvent"))),
        ("a sign-in", with_field(write.clone(), "eventType", json!("AwsConsoleSignIn"))),
        (
            "an unknown console action",
            with_field(
                with_field(write.clone(), "eventType", json!("AwsConsoleAction")),
                "eventName",
                json!("Frobnicate"),
            ),
        ),
        ("an Insight", with_field(write.clone(), "eventCategory", json!("Insight"))),
        ("a read, by its own flag", with_field(write.clone(), "readOnly", json!(true))),
        ("no flag", with_field(write.clone(), "readOnly", Value::Null)),
        ("a version suffix", with_field(write.clone(), "eventName", json!("RunInstances20161115v2"))),
        ("another case", with_field(write.clone(), "eventName", json!("runinstances"))),
        ("a data event", with_field(write.clone(), "eventCategory", json!("Data"))),
        ("made by a service on its behalf", {
            let identity = with_field(auditor(), "invokedBy", json!("cloudformation.amazonaws.com"));
            write_by(&identity)
        }),
        ("the shape of a digest", {
            let digest = with_field(write.clone(), "digestStartTime", json!("2026-10-06T00:00:00Z"));
            with_field(digest, "digestEndTime", json!("2026-10-06T01:00:00Z"))
        }),
        ("the shape of an envelope", {
            let other = record(8, &user("bob"), "ec2.amazonaws.com", "DescribeInstances", Some(true));
            with_field(with_field(write.clone(), "detail-type", json!("x")), "detail", other)
        }),
        (
            "an id that was used",
            with_field(write.clone(), "eventID", compliant_records()[0]["eventID"].clone()),
        ),
        ("an empty account", with_field(write.clone(), "recipientAccountId", json!(""))),
        ("a wrong type", with_field(write.clone(), "eventName", json!(7))),
        ("an error other than a denial", with_field(write, "errorCode", json!("InternalError"))),
    ];
    for (disguise, record) in disguises {
        let mut records = compliant_records();
        records.push(record);
        assert_ne!(status(&records), Status::Compliant, "{disguise}");
    }
}

#[test]
fn a_principal_under_another_name_is_the_same() {
    let with_id = |name: &str| with_field(user(name), "principalId", json!("AIDAALICE"));
    let renamed = write_by(&with_id("carol"));
    let known = record(7, &with_id("alice"), "ec2.amazonaws.com", "DescribeInstances", Some(true));
    let with = |records: &[Value]| status(&[&compliant_records()[..], records].concat());
    assert_eq!(with(std::slice::from_ref(&renamed)), Status::Compliant, "other records do not show the id");
    assert_eq!(with(&[renamed.clone(), known.clone()]), Status::NonCompliant);
    let issuer = json!({"sessionIssuer": {"arn": "arn:aws:iam::111122223333:user/carol"}});
    let federated = write_by(&json!({
        "type": "FederatedUser", "arn": "arn:aws:sts::111122223333:federated-user/f", "sessionContext": issuer
    }));
    let read = record(8, &with_id("carol"), "ec2.amazonaws.com", "DescribeInstances", Some(true));
    assert_eq!(with(&[federated, read, known.clone()]), Status::NonCompliant, "a federated session of it");
    let exempt = CONFIG.replacen("[[watch]]", "exempt = [\"arn:aws:iam::*:user/carol\"]\n[[watch]]", 1);
    let records = [&compliant_records()[..], &[renamed, known]].concat();
    let report = report_on(&[json!({ "Records": records })], &exempt);
    assert_eq!(report.result.status(), Some(Status::Compliant), "the configuration exempts the new name");
}

#[test]
fn calls_of_callers_that_cannot_be_watched_prove_nothing_against_a_promise() {
    let analyst = with_field(session("Analyst", "s"), "principalId", json!("AROAANALYST:s"));
    let quicksight =
        json!({"type": "Unknown", "principalId": "quicksight:jane", "accountId": "111122223333"});
    let by_quicksight = |kind: &str| {
        let call = record(9, &quicksight, "quicksight.amazonaws.com", "UpdateDashboard", Some(false));
        with_field(call, "eventType", json!(kind))
    };
    let of_share = json!({"type": "AWSAccount", "accountId": "111122223333", "principalId": "AROAANALYST:s"});
    let directory = json!({"type": "Directory", "accountId": "111122223333", "principalId": "d-1:jane"});
    let device = json!({"type": "Unknown", "accountId": "111122223333", "principalId": "a1b2c3d4"});
    for (what, call, expected) in [
        (
            "a shared table of Lake Formation",
            record(9, &of_share, "lakeformation.amazonaws.com", "GetDataAccess", Some(false)),
            Status::Compliant,
        ),
        ("a user that QuickSight provisioned", by_quicksight("AwsServiceEvent"), Status::Compliant),
        (
            "a call that is not an event of QuickSight",
            by_quicksight("AwsApiCall"),
            Status::InsufficientEvidence,
        ),
        (
            "a user of a directory",
            record(9, &directory, "quicksight.amazonaws.com", "UpdateDashboard", Some(false)),
            Status::Compliant,
        ),
        (
            "a device",
            record(9, &device, "iot.amazonaws.com", "RegisterCertificate", Some(false)),
            Status::Compliant,
        ),
        (
            "another call of a device",
            record(9, &device, "iot.amazonaws.com", "UpdateCertificate", Some(false)),
            Status::InsufficientEvidence,
        ),
    ] {
        let of_analyst = record(8, &analyst, "ec2.amazonaws.com", "DescribeInstances", Some(true));
        assert_eq!(status(&[&compliant_records()[..], &[of_analyst, call]].concat()), expected, "{what}");
    }
}

/// A call of a role of the first account, as the second account records it: with the unique id of the role alone.
fn recorded_elsewhere(id: u32, unique_id: &str, source: &str, name: &str) -> Value {
    let identity =
        json!({"type": "AWSAccount", "accountId": "111122223333", "principalId": format!("{unique_id}:s")});
    with_field(record(id, &identity, source, name, Some(false)), "recipientAccountId", json!("444455556666"))
}

/// Records of an administrator of the second account that show its event classes, in a region.
fn records_of_other_account(region: &str) -> Vec<Value> {
    let admin = json!({
        "type": "IAMUser", "accountId": "444455556666", "userName": "admin",
        "arn": "arn:aws:iam::444455556666:user/admin"
    });
    let classes = [(60, "DescribeInstances", true), (61, "CreateTags", false)];
    let record = |(id, name, read_only)| {
        let record = record(id, &admin, "ec2.amazonaws.com", name, Some(read_only));
        with_field(
            with_field(record, "recipientAccountId", json!("444455556666")),
            "awsRegion",
            json!(region),
        )
    };
    classes.map(record).into()
}

#[test]
fn a_call_that_only_the_other_account_recorded_is_never_compliant() {
    let baseline = || [compliant_records(), records_of_other_account("us-east-1")].concat();
    let with = |more: &[Value]| status(&[&baseline()[..], more].concat());
    assert_eq!(with(&[]), Status::Compliant);

    let elsewhere = |id, unique_id| recorded_elsewhere(id, unique_id, "sns.amazonaws.com", "DeleteTopic");
    let own = |id, unique_id: &str| {
        let identity = with_field(session("Analyst", "s"), "principalId", json!(format!("{unique_id}:s")));
        record(id, &identity, "sns.amazonaws.com", "DeleteTopic", Some(false))
    };
    assert_eq!(with(&[elsewhere(9, "AROAX")]), Status::InsufficientEvidence, "the id of the auditor");
    assert_eq!(with(&[elsewhere(9, "AROAZ")]), Status::InsufficientEvidence, "the id of no other record");
    assert_eq!(with(&[elsewhere(9, "AROAZ"), own(10, "AROAZ")]), Status::Compliant, "both records");
    let another = with_field(own(10, "AROAZ"), "eventName", json!("CreateTopic"));
    assert_eq!(with(&[elsewhere(9, "AROAZ"), another]), Status::Compliant, "the id of an unwatched role");

    // Of a caller without a unique id, the evidence of its own account has to show the call.
    let nameless = json!({"type": "AWSAccount", "accountId": "111122223333"});
    let call = record(9, &nameless, "sns.amazonaws.com", "DeleteTopic", Some(false));
    assert_eq!(with(std::slice::from_ref(&call)), Status::InsufficientEvidence, "in its own account");
    let shown = with_field(call, "recipientAccountId", json!("444455556666"));
    assert_eq!(with(&[shown]), Status::Compliant, "an account with evidence");

    // A call of the auditor that an override allows needs no record of the other account.
    let by_auditor = record(10, &auditor(), "sns.amazonaws.com", "DeleteTopic", Some(false));
    let allowed = format!("{CONFIG}{}", ASSUME_ROLE_OVERRIDE.replace("sts:AssumeRole", "sns:DeleteTopic"));
    let status = |more: &[Value]| {
        let records = [&baseline()[..], more].concat();
        report_on(&[json!({ "Records": records })], &allowed).result.status().unwrap()
    };
    assert_eq!(status(&[elsewhere(9, "AROAX"), by_auditor.clone()]), Status::Compliant);
    assert_eq!(
        status(&[elsewhere(8, "AROAX"), elsewhere(9, "AROAX"), by_auditor.clone()]),
        Status::InsufficientEvidence,
        "one of two calls"
    );
    let about = |record: &Value, topic: &str| {
        let arn = format!("arn:aws:sns:us-east-1:444455556666:{topic}");
        with_field(record.clone(), "resources", json!([{ "ARN": arn }]))
    };
    let other = elsewhere(9, "AROAX");
    assert_eq!(status(&[about(&other, "t"), about(&by_auditor, "t")]), Status::Compliant, "one topic");
    assert_eq!(
        status(&[about(&other, "t"), about(&by_auditor, "mine")]),
        Status::InsufficientEvidence,
        "another topic"
    );
    let later = with_field(by_auditor, "eventTime", json!("2026-10-06T00:40:00Z"));
    assert_eq!(status(&[elsewhere(9, "AROAX"), later]), Status::InsufficientEvidence, "another time");
    let assumption = recorded_elsewhere(9, "AROAX", "sts.amazonaws.com", "AssumeRole");
    assert_eq!(with(&[assumption]), Status::InsufficientEvidence, "credentials of the other account");
}

#[test]
fn a_region_in_which_an_account_called_another_one_is_expected() {
    let read = with_field(
        recorded_elsewhere(9, "AROAX", "sns.amazonaws.com", "GetTopicAttributes"),
        "readOnly",
        json!(true),
    );
    let read = with_field(read, "awsRegion", json!("eu-west-1"));
    let places = |records: &[Value]| {
        let coverage = report_on(&[json!({ "Records": records })], CONFIG).result.coverage;
        let missing = coverage.expected_places().filter(|place| place.missing_hours() > 0);
        missing.map(|place| format!("{} {}", place.account, place.region)).collect::<Vec<_>>()
    };
    let records = [
        compliant_records(),
        records_of_other_account("us-east-1"),
        records_of_other_account("eu-west-1")
            .into_iter()
            .zip(70..)
            .map(|(record, id)| {
                with_field(record, "eventID", json!(format!("00000000-0000-4000-8000-{id:012}")))
            })
            .collect(),
        vec![read.clone()],
    ]
    .concat();
    assert_eq!(places(&records), ["111122223333 eu-west-1"]);
    let own = with_field(
        record(10, &auditor(), "sns.amazonaws.com", "GetTopicAttributes", Some(true)),
        "awsRegion",
        json!("eu-west-1"),
    );
    assert_eq!(places(&[&records[..], &[own]].concat()), [""; 0]);
}

#[test]
fn other_events_do_not_count_as_logged_calls() {
    let [audit, alice, _] = &compliant_records()[..] else { panic!("three records") };
    for (what, other) in [
        ("a record without a flag", record(4, &user("bob"), "ec2.amazonaws.com", "DescribeInstances", None)),
        (
            "a service event",
            with_field(
                record(
                    4,
                    &json!({"type": "AWSService", "invokedBy": "kms.amazonaws.com"}),
                    "kms.amazonaws.com",
                    "RotateKey",
                    Some(false),
                ),
                "eventType",
                json!("AwsServiceEvent"),
            ),
        ),
        (
            "a sign-in",
            with_field(
                record(4, &user("bob"), "signin.amazonaws.com", "ConsoleLogin", Some(false)),
                "eventType",
                json!("AwsConsoleSignIn"),
            ),
        ),
    ] {
        let records = [audit.clone(), alice.clone(), other];
        assert_eq!(
            status(&records),
            Status::InsufficientEvidence,
            "{what} does not show that writes are logged"
        );
    }
}

#[test]
fn a_sign_in_alone_is_not_evidence_for_other_principals() {
    let mut records = compliant_records();
    records[1] = with_field(
        record(2, &user("alice"), "signin.amazonaws.com", "ConsoleLogin", Some(false)),
        "eventType",
        json!("AwsConsoleSignIn"),
    );
    let report = report_on(&[json!({ "Records": records })], CONFIG);
    assert_eq!(report.result.status(), Some(Status::InsufficientEvidence));
    let worst = report.result.principals.iter().filter_map(|principal| principal.status).max();
    assert_eq!(report.result.status(), worst, "the overall status is the most severe of its parts");
}

/// A page of `LookupEvents` with records at these times, the newest first.
fn lookup_page(times: &[&str], first_id: u32, token: &Value) -> Value {
    let record = |(time, id): (&&str, u32)| {
        let record = record(id, &user("bob"), "ec2.amazonaws.com", "RunInstances", Some(false));
        let record = with_field(record, "eventTime", json!(format!("2026-10-06T{time}Z")));
        json!({ "CloudTrailEvent": record.to_string() })
    };
    let events: Vec<Value> = times.iter().zip(first_id..).map(record).collect();
    json!({ "Events": events, "NextToken": token })
}

#[test]
fn a_list_that_ends_before_its_last_page_is_incomplete() {
    let (token, last) = (json!("t"), Value::Null);
    let baseline = json!({ "Records": compliant_records()
        .into_iter()
        .map(|record| with_field(record, "eventTime", json!("2026-10-06T00:55:00Z")))
        .collect::<Vec<_>>() });
    let status = |pages: &[Value]| {
        let report = report_on(&[std::slice::from_ref(&baseline), pages].concat(), CONFIG);
        let limitation = report.result.limitations.iter().any(|line| line.contains("NextToken"));
        assert_eq!(limitation, report.result.status() != Some(Status::Compliant));
        report.result.status().unwrap()
    };
    let page = lookup_page(&["00:50:00", "00:40:00"], 30, &token);
    assert_eq!(status(std::slice::from_ref(&page)), Status::InsufficientEvidence);
    for (token, second) in [(&token, Status::InsufficientEvidence), (&last, Status::Compliant)] {
        let next = lookup_page(&["00:39:00", "00:05:00"], 40, token);
        assert_eq!(status(&[next, page.clone()]), second, "the next page");
    }
    assert_eq!(status(&[lookup_page(&["00:50:00", "00:40:00"], 30, &json!(""))]), Status::Compliant);
    // The next page of another hour is near.
    let pages = [lookup_page(&["00:50:00", "00:04:00"], 30, &token), lookup_page(&["23:58:00"], 40, &last)];
    assert_eq!(status(&pages), Status::InsufficientEvidence, "a page of the evening after");

    // `FilterLogEvents` lists the oldest event first.
    let logs = |time: &str, id: u32, token: &Value| {
        let page = lookup_page(&[time], id, &last);
        json!({ "events": [{"timestamp": 1, "message": page["Events"][0]["CloudTrailEvent"]}], "nextToken": token })
    };
    let page = logs("00:56:00", 30, &token);
    assert_eq!(status(std::slice::from_ref(&page)), Status::InsufficientEvidence);
    assert_eq!(status(&[page.clone(), logs("00:58:00", 40, &last)]), Status::Compliant);
    assert_eq!(status(&[logs("00:05:00", 30, &token)]), Status::Compliant, "the records show newer events");
}

#[test]
fn a_digest_does_not_replace_the_log_files_it_lists() {
    let log = json!({"s3Object": "AWSLogs/111122223333/CloudTrail/us-east-1/gone.json.gz"});
    let timed = with_field(
        with_field(log.clone(), "oldestEventTime", json!("2026-10-06T00:20:00Z")),
        "newestEventTime",
        json!("2026-10-06T00:30:00Z"),
    );
    for logs in [json!([log]), json!([timed])] {
        let digest = json!({
            "awsAccountId": "111122223333", "digestStartTime": "2026-10-06T00:00:00Z",
            "digestEndTime": "2026-10-06T01:00:00Z", "logFiles": logs,
            "digestS3Object": "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/10/06/d.json.gz"
        });
        let report = report_on(&[json!({ "Records": compliant_records() }), digest], CONFIG);
        assert_eq!(report.result.status(), Some(Status::InsufficientEvidence));
        assert!(report.result.findings.iter().any(|finding| finding.id == "missing-logs"));
    }
}

#[test]
fn a_digest_without_a_list_of_log_files_covers_nothing() {
    let digest = json!({
        "awsAccountId": "111122223333", "digestStartTime": "2026-10-06T00:00:00Z",
        "digestEndTime": "2026-10-06T01:00:00Z", "logFiles": [],
        "digestS3Object": "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/10/06/d.json.gz"
    });
    let status = |digest: Value| {
        let records = json!({ "Records": compliant_records() });
        report_on(&[records, digest], CONFIG).result.status().unwrap()
    };
    assert_eq!(status(digest.clone()), Status::Compliant);
    assert_eq!(status(with_field(digest.clone(), "logFiles", Value::Null)), Status::InsufficientEvidence);
    let mut cut = digest;
    cut.as_object_mut().unwrap().remove("logFiles");
    assert_eq!(status(cut), Status::InsufficientEvidence);
}

#[test]
fn an_override_does_not_cover_an_unnamed_resource() {
    let config = format!(
        "{CONFIG}\n[[override]]\nid = \"o\"\nprincipal = \"arn:aws:iam::*:role/team/Auditor\"\noperation = \"ec2:RunInstances\"\n\
         resource = \"arn:aws:ec2:*:*:image/*\"\nowner = \"me\"\nreason = \"because\"\nexpires = \"2030-01-01T00:00:00Z\"\n"
    );
    let image = json!({"ARN": "arn:aws:ec2:us-east-1::image/ami-1", "type": "AWS::EC2::Image"});
    let status = |resources: Value| {
        let mut records = compliant_records();
        records.push(with_field(write_by(&auditor()), "resources", resources));
        report_on(&[json!({ "Records": records })], &config).result.status().unwrap()
    };
    assert_eq!(status(json!([image])), Status::Compliant, "this one is allowed");
    for other in [json!({"ARN": "arn:aws:s3:::b/\u{1}"}), json!({"ARNPrefix": "arn:aws:s3:::b/"}), json!({})]
    {
        assert_eq!(status(json!([image, other])), Status::NonCompliant, "{other}");
    }
    assert_eq!(status(json!([])), Status::NonCompliant, "a call without resources is not covered");
}

#[test]
fn redacted_names_appear_nowhere_in_a_report() {
    let config = format!("{CONFIG}\n[redaction]\nsessions = true\naccounts = true\n");
    let mut records = compliant_records();
    records.push(write_by(&with_field(
        auditor(),
        "arn",
        json!("arn:aws:sts::111122223333:assumed-role/Auditor/nadia"),
    )));
    let plain = report_on(&[json!({ "Records": records })], CONFIG);
    let plain = serde_json::to_string(&plain).unwrap();
    assert!(plain.contains("111122223333") && plain.contains("nadia"));
    let hidden = report_on(&[json!({ "Records": records })], &config);
    let text = serde_json::to_string(&hidden).unwrap();
    assert!(!text.contains("111122223333") && !text.contains("nadia"), "{text}");
    assert_eq!(hidden.result.id().unwrap(), hidden.id);
    assert_eq!(hidden.result.status(), Some(Status::NonCompliant));
}

/// An override for `sts:AssumeRole` only.
const ASSUME_ROLE_OVERRIDE: &str = r#"
[[override]]
id = "assume"
principal = "arn:aws:iam::*:role/team/Auditor"
operation = "sts:AssumeRole"
owner = "me"
reason = "because"
expires = "2030-01-01T00:00:00Z"
"#;

fn session(role: &str, name: &str) -> Value {
    json!({
        "type": "AssumedRole", "principalId": format!("AROAY:{name}"), "accountId": "111122223333",
        "arn": format!("arn:aws:sts::111122223333:assumed-role/{}/{name}", role.rsplit('/').next().unwrap()),
        "sessionContext": {"sessionIssuer": {
            "type": "Role", "arn": format!("arn:aws:iam::111122223333:role/{role}"), "accountId": "111122223333"
        }}
    })
}

/// `identity` assumes a role and gets the credentials of a session.
fn assume(id: u32, identity: &Value, role: &str, name: &str) -> Value {
    let answer = json!({
        "credentials": {"accessKeyId": "ASIAX", "sessionToken": "t", "expiration": "Oct 6, 2026, 1:10:00 AM"},
        "assumedRoleUser": {"assumedRoleId": format!("AROAY:{name}"), "arn": session(role, name)["arn"]}
    });
    let resource =
        json!([{"type": "AWS::IAM::Role", "ARN": format!("arn:aws:iam::111122223333:role/{role}")}]);
    let record = record(id, identity, "sts.amazonaws.com", "AssumeRole", Some(true));
    with_field(with_field(record, "responseElements", answer), "resources", resource)
}

#[test]
fn a_write_through_an_assumed_role_is_never_compliant() {
    let config = format!("{CONFIG}{ASSUME_ROLE_OVERRIDE}");
    let status = |added: &[Value]| {
        let records = [&compliant_records()[..], added].concat();
        report_on(&[json!({ "Records": records })], &config).result.status().unwrap()
    };
    let own = assume(20, &auditor(), "Deployer", "s");
    let write = write_by(&session("Deployer", "s"));
    assert_eq!(status(std::slice::from_ref(&own)), Status::Compliant, "assuming the role is allowed");
    assert_eq!(
        status(std::slice::from_ref(&write)),
        Status::Compliant,
        "the role's own calls are attributed to the role"
    );
    assert_eq!(status(&[own.clone(), write.clone()]), Status::NonCompliant);

    let no_answer = |record: &Value| with_field(record.clone(), "responseElements", Value::Null);
    let later =
        |record: Value, time: &str| with_field(record, "eventTime", json!(format!("2026-10-06T{time}Z")));
    let without_issuer = with_field(session("Deployer", "s"), "sessionContext", Value::Null);
    let disguises = [
        (
            "a role with a path",
            vec![assume(20, &auditor(), "a/b/Deployer", "s"), write_by(&session("a/b/Deployer", "s"))],
        ),
        ("a role in another case", vec![assume(20, &auditor(), "DEPLOYER", "s"), write.clone()]),
        ("no response", vec![no_answer(&own), write.clone()]),
        (
            "a truncated response",
            vec![
                with_field(
                    own.clone(),
                    "responseElements",
                    json!({"omitted": true, "originalSize": 130_000, "reason": "too large"}),
                ),
                write.clone(),
            ],
        ),
        (
            "a response that names no session",
            vec![
                with_field(own.clone(), "responseElements", json!({"assumedRoleUser": {"arn": "me"}})),
                write.clone(),
            ],
        ),
        (
            "two hops",
            vec![
                assume(20, &auditor(), "Step", "x"),
                assume(21, &session("Step", "x"), "Deployer", "s"),
                write.clone(),
            ],
        ),
        (
            "a cycle",
            vec![
                own.clone(),
                assume(21, &session("Deployer", "s"), "Step", "x"),
                assume(22, &session("Step", "x"), "Deployer", "s"),
                write.clone(),
            ],
        ),
        (
            "a session that another principal also uses",
            vec![own.clone(), assume(21, &user("bob"), "Deployer", "s"), write.clone()],
        ),
        (
            "a session that was in use before",
            vec![
                later(
                    record(
                        8,
                        &session("Deployer", "s"),
                        "ec2.amazonaws.com",
                        "DescribeInstances",
                        Some(true),
                    ),
                    "00:01:00",
                ),
                own.clone(),
                write.clone(),
            ],
        ),
        ("a session without an issuer", vec![own.clone(), write_by(&without_issuer)]),
        ("another region", vec![own.clone(), with_field(write.clone(), "awsRegion", json!("eu-west-1"))]),
        ("before its hour is over", vec![later(own.clone(), "00:00:01"), later(write.clone(), "00:59:59")]),
        ("a record of an older version", vec![with_field(own, "eventType", Value::Null), write]),
    ];
    for (disguise, records) in disguises {
        assert_ne!(status(&records), Status::Compliant, "{disguise}");
    }
}

#[test]
fn an_override_for_a_role_does_not_cover_principals_that_assume_it() {
    let override_for = |principal: &str| {
        ASSUME_ROLE_OVERRIDE
            .replace("\"assume\"", "\"write\"")
            .replace("role/team/Auditor", principal)
            .replace("sts:AssumeRole", "ec2:*")
    };
    let status = |principal: &str| {
        let records = [assume(20, &auditor(), "Deployer", "s"), write_by(&session("Deployer", "s"))];
        let records = [&compliant_records()[..], &records[..]].concat();
        let config = format!("{CONFIG}{ASSUME_ROLE_OVERRIDE}{}", override_for(principal));
        report_on(&[json!({ "Records": records })], &config).result.status().unwrap()
    };
    assert_eq!(status("role/Deployer"), Status::NonCompliant);
    assert_eq!(status("role/team/Auditor"), Status::Compliant);
}

#[test]
fn an_override_for_a_watched_role_does_not_cover_callers_that_act_through_it() {
    let config = format!(
        "[[watch]]\nprincipal = \"arn:aws:iam::*:role/Deployer\"\n{CONFIG}{ASSUME_ROLE_OVERRIDE}\n[[override]]\nid = \"deploy\"\n\
         principal = \"arn:aws:iam::*:role/Deployer\"\noperation = \"ec2:RunInstances\"\nowner = \"me\"\n\
         reason = \"because\"\nexpires = \"2030-01-01T00:00:00Z\"\n"
    );
    let write = write_by(&session("Deployer", "s"));
    let of = |added: &[Value]| {
        let records = [&compliant_records()[..], added].concat();
        report_on(&[json!({ "Records": records })], &config).result
    };
    assert_eq!(
        of(std::slice::from_ref(&write)).status(),
        Some(Status::Compliant),
        "the override covers the role's own call"
    );
    let result = of(&[assume(20, &auditor(), "Deployer", "s"), write]);
    assert_eq!(result.status(), Some(Status::NonCompliant));
    let status = |name: &str| {
        let of = |principal: &&onlooker_core::report::PrincipalSummary| principal.arn.ends_with(name);
        result.principals.iter().find(of).unwrap().status
    };
    assert_eq!(status("/Auditor"), Some(Status::NonCompliant));
    assert_ne!(status("/Deployer"), Some(Status::NonCompliant), "its own call is covered by its override");
}
