//! The real binary and an AWS of our own: the event history, log objects in S3, what a deployment has issued.

#![cfg(feature = "aws")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod trail;

use onlooker_core::{
    current_status::{CurrentStatus, ReportBrief},
    report::Report,
    score::Status,
    time::{HOUR_SECONDS, Time},
};
use serde_json::{Value, json};
use test_support::cloud::{Answer, Cloud, Fault, trail::call};
use trail::{ACCOUNT, AUDITOR, MANAGEMENT, Ran, Workplace};

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    Time(u32::try_from(since.as_secs()).expect("a time"))
}

/// Runs the binary in a cloud.
fn ran(place: &Workplace, cloud: &Cloud, args: &[&str]) -> Ran {
    place.command(args).envs(cloud.variables()).output().expect("the binary runs").into()
}

/// The two hours before the last whole one, with calls in each.
fn busy(cloud: &Cloud, name: &str) -> (Time, Time) {
    let until = Time(now().hour().start().0 - HOUR_SECONDS);
    let since = Time(until.0 - 2 * HOUR_SECONDS);
    for n in 0..120 {
        let time = Time(since.0 + 30 + n * 59);
        let name = if n == 60 { name } else { "ListBuckets" };
        cloud.state().happened(ACCOUNT, "us-east-1", time.0, call(n, time, "us-east-1", name));
    }
    (since, until)
}

#[test]
fn a_promise_is_proven_from_the_event_history() {
    let (place, cloud) = (Workplace::new(), Cloud::start());
    place.write(
        "onlooker.toml",
        format!("{MANAGEMENT}logged = [\"management-read\", \"management-write\"]\n"),
    );
    let (since, until) = busy(&cloud, "ListBuckets");
    let (since, until) = (format!("--since={since}"), format!("--until={until}"));
    let lookup = ["sweep", "--lookup", "--region=us-east-1", &since, &until, AUDITOR, "--json"];
    let report = ran(&place, &cloud, &lookup).ends(0).report();
    assert_eq!((report.result.status(), report.result.totals.events), (Some(Status::Compliant), 120));
    assert_eq!(report.run.caller.as_ref().map(|caller| &*caller.account), Some(ACCOUNT));
    assert!(
        report.run.input_files[0].file.starts_with("lookup://111122223333/us-east-1/"),
        "{:?}",
        report.run.input_files
    );
    // Kept like other sweeps: the same report is there without asking again.
    let asked = cloud.count("LookupEvents");
    let again = place.run(&["report", &since, &until, "--json"]);
    assert_eq!(again.ends(0).report().result.totals.events, 120, "the same events");
    assert_eq!(cloud.count("LookupEvents"), asked);
    // And looked up again it counts once.
    let twice = ran(&place, &cloud, &lookup).ends(0).report();
    assert_eq!(twice.id, report.id);
}

#[test]
fn a_write_in_the_event_history_is_a_violation() {
    let (place, cloud) = (Workplace::new(), Cloud::start());
    let (since, until) = busy(&cloud, "DeleteBucket");
    let (since, until) = (format!("--since={since}"), format!("--until={until}"));
    let lookup = ["sweep", "--lookup", "--no-state", "--region=us-east-1", &since, &until, AUDITOR, "--json"];
    let report = ran(&place, &cloud, &lookup).ends(1).report();
    assert_eq!(report.result.findings[0].id, "write-succeeded");
    assert!(!place.join(".onlooker").exists());
}

#[test]
fn a_missing_permission_ends_with_4_and_is_named() {
    let (place, cloud) = (Workplace::new(), Cloud::start());
    let said = "User: x is not authorized to perform: cloudtrail:LookupEvents";
    cloud.plan(move |request| {
        let denied = request.operation() == "LookupEvents";
        denied.then(|| Fault::Answer(Answer::error(400, "AccessDeniedException", said)))
    });
    let ran = ran(&place, &cloud, &["sweep", "--lookup", "--region=us-east-1"]).ends(4);
    assert!(
        ran.err
            .starts_with("error: cannot look up events of (cloudtrail:LookupEvents) `111122223333 us-east-1"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains(said), "{}", ran.err);
}

#[test]
fn log_objects_in_s3_are_swept_beside_files_and_kept() {
    let (place, cloud) = (Workplace::proven(), Cloud::start());
    for entry in std::fs::read_dir(place.join("logs")).expect("a directory") {
        let path = entry.expect("a file").path();
        let key = format!("AWSLogs/{}", path.file_name().expect("a name").to_string_lossy());
        cloud.state().bucket("trail").put(&key, std::fs::read(&path).expect("bytes"));
    }
    let local = place.run(&["sweep", "logs", "--no-state", AUDITOR, "--json"]).ends(0).report();
    let there = ran(&place, &cloud, &["sweep", "s3://trail/AWSLogs/", AUDITOR, "--json"]).ends(0).report();
    assert_eq!(there.id, local.id, "the same evidence, the same report");
    let fetched = cloud.count("GetObject");
    assert_eq!(fetched as u64, there.run.log_files_read);
    let again = ran(&place, &cloud, &["sweep", "s3://trail/AWSLogs/", AUDITOR, "--json"]).ends(0).report();
    assert_eq!(
        (again.run.log_files_read, cloud.count("GetObject")),
        (0, fetched),
        "what has not changed is not read again"
    );
    let both =
        ran(&place, &cloud, &["sweep", "logs", "s3://trail/AWSLogs/", "--no-state", AUDITOR, "--json"]);
    assert_eq!(both.ends(0).report().id, local.id, "delivered twice, counted once");
    let none = ran(&place, &cloud, &["sweep", "s3://nowhere/x", "--no-state"]).ends(2);
    assert!(none.err.contains("cannot list (s3:ListBucket) `s3://nowhere/x`: NoSuchBucket"), "{}", none.err);
}

/// Puts an item into the table of the deployment.
fn keep(cloud: &Cloud, partition: &str, sort: &str, body: &Value) {
    fn attribute(value: &Value) -> Value {
        match value {
            Value::Null => json!({ "NULL": true }),
            Value::Bool(value) => json!({ "BOOL": value }),
            Value::Number(number) => json!({ "N": number.to_string() }),
            Value::String(text) => json!({ "S": text }),
            Value::Array(items) => json!({ "L": items.iter().map(attribute).collect::<Vec<_>>() }),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), attribute(value)));
                json!({ "M": fields.collect::<serde_json::Map<_, _>>() })
            }
        }
    }
    let item = json!({ "pk": { "S": partition }, "sk": { "S": sort }, "rev": { "N": "1" }, "body": attribute(body) });
    let item = item.as_object().expect("an object").clone();
    let mut state = cloud.state();
    state.tables.entry("state".to_owned()).or_default().insert((partition.to_owned(), sort.to_owned()), item);
}

#[test]
fn what_a_deployment_has_issued_is_shown_and_listed() {
    let (place, cloud) = (Workplace::proven(), Cloud::start());
    let remote = |args: &[&str]| {
        let all = [&["report", "--remote", "--table=state", "--bucket=kept"], args].concat();
        ran(&place, &cloud, &all)
    };
    cloud.state().tables.entry("state".to_owned()).or_default();
    assert!(remote(&[]).ends(2).err.contains("the deployment has issued no report"));
    let mut report: Report = place.run(&["sweep", "logs", "--no-state", AUDITOR, "--json"]).ends(0).report();
    report.run.revision = Some(1);
    let (since, until) =
        (Time::parse("2027-01-30T10:00:00Z").unwrap(), Time::parse("2027-01-30T13:00:00Z").unwrap());
    let reported = ReportBrief::from_report(&report, since, until, "reports/a.json");
    let standing = CurrentStatus::from_report(reported.clone(), None, now(), 3_600, "run");
    keep(&cloud, "STATUS", "LATEST", &json!(standing));
    keep(&cloud, "STATUS", "AT#2027-01-30T13:00:00Z#run", &json!(standing));
    let mut revision = json!(reported);
    revision["purpose"] = json!("standing");
    revision["keys"] = json!(["reports/a.json"]);
    keep(&cloud, &format!("WINDOW#{since}_{until}"), "REVISION#0001", &revision);
    cloud.state().bucket("kept").put("reports/a.json", json!(report).to_string());
    assert_eq!(remote(&["--json"]).ends(0).report(), report);
    let (from, to) = (format!("--since={since}"), format!("--until={until}"));
    assert_eq!(remote(&["--json", &from, &to]).ends(0).report().id, report.id);
    let other = remote(&["--since=2026-01-01", "--until=2026-01-02"]).ends(2);
    assert!(other.err.contains("no report on 2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z"), "{}", other.err);
    let listed = remote(&["--list"]).ends(0).out;
    assert!(listed.lines().nth(1).is_some_and(|line| line.contains("COMPLIANT")), "{listed}");
    // A standing that has run out claims nothing, whatever its report says.
    let old = CurrentStatus::from_report(reported, None, Time(now().0 - 10_000), 3_600, "run");
    keep(&cloud, "STATUS", "LATEST", &json!(old));
    let ran = remote(&[]).ends(3);
    assert!(ran.err.contains("nothing is claimed now: no report was issued since"), "{}", ran.err);
    // A violation stays one.
    report.result.summary.overall_compliance = Some(Status::NonCompliant);
    cloud.state().bucket("kept").put("reports/a.json", json!(report).to_string());
    assert!(remote(&[]).ends(1).err.contains("nothing is claimed now"));
    // Of revisions one that nobody can read may be the newest.
    keep(&cloud, &format!("WINDOW#{since}_{until}"), "REVISION#0002", &json!({ "report": 2 }));
    assert!(remote(&["--json", &from, &to]).ends(4).err.contains("REVISION#0002"));
}

#[test]
fn remote_needs_to_know_the_deployment() {
    let (place, cloud) = (Workplace::new(), Cloud::start());
    let ran = ran(&place, &cloud, &["report", "--remote"]).ends(2);
    assert!(
        ran.err.contains("`--remote` needs `--table NAME`") && ran.err.contains("ONLOOKER_TABLE"),
        "{}",
        ran.err
    );
}
