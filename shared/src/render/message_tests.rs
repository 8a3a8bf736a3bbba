use proptest::prelude::*;
use test_support::schemas::assert_published;

use super::*;
use crate::{
    alert::{ALERT_VERSION, DigestEntry},
    current_status::CurrentStatus,
    escape::is_hidden,
    operation::OperationType,
    origin::CallOrigin,
    permissions::OverallStatus,
    render::{
        json::tests::{assert_schema_is_current, schema_violation},
        sample as reports,
    },
    time::Time,
};

fn sample_alert(hostile: &str) -> Alert {
    Alert {
        version: "1.1".to_owned(),
        id: "id".to_owned(),
        event_id: "f0cce5bc-5f9e-4ee1-bb48-e20fecb32403".to_owned(),
        time: Time(1_800_000_000),
        account: hostile.into(),
        region: hostile.into(),
        principal: format!("arn:aws:iam::111122223333:role/{hostile}").into(),
        session_name: Some(hostile.into()),
        operation: format!("s3:{hostile}"),
        service: hostile.into(),
        outcome: Outcome::Denied,
        error_code: Some(hostile.into()),
        denied_by: None,
        denied_action: None,
        operation_type: OperationType::Mutating,
        risk_level: RiskLevel::High,
        rule_id: "write-denied".to_owned(),
        finding_fingerprint: "0".repeat(32),
        severity: Severity::Medium,
        title: "Auditor attempted a write that AWS denied (s3:PutObject)".to_owned(),
        description: format!("`{hostile}` was denied: 1 call."),
        recommendation: "Ask.".to_owned(),
        watch_pattern: Some("arn:aws:iam::*:role/*".to_owned()),
        watch_reason: Some(hostile.to_owned()),
        resources: vec![hostile.into(); 5],
        origins: vec![CallOrigin {
            source_ip: Some(hostile.into()),
            user_agent: Some(hostile.into()),
            mfa_authenticated: Some(true),
        }],
    }
}

fn is_safe(notification: &Notification) -> bool {
    let subject = &notification.subject;
    subject.len() < 100
        && subject.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        && subject.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !notification.text.chars().any(|c| c != '\n' && is_hidden(c))
        && !notification.text.contains("://")
}

#[test]
fn an_alert_has_a_readable_subject_and_text() {
    let mut plain = sample_alert("PutObject");
    plain.account = "111122223333".into();
    let notification = alert(&plain).unwrap();
    assert_eq!(
        notification.subject,
        "MEDIUM write-denied: s3:PutObject by role/PutObject in 111122223333 (denied)"
    );
    assert!(
        notification.text.contains("\nOperation    s3:PutObject (mutating, risk HIGH)\n"),
        "{}",
        notification.text
    );
    assert_eq!(notification.detail["version"], ALERT_VERSION);
    assert_eq!(notification.severity, RiskLevel::Medium);
}

#[test]
fn hostile_values_cannot_forge_lines() {
    let notification =
        alert(&sample_alert("x\r\nBcc: you@example.com\u{202e}\u{1b}[2J https://evil.example/www.evil"))
            .unwrap();
    assert!(is_safe(&notification), "{notification:?}");
    assert!(!notification.subject.contains("Bcc: you"), "{}", notification.subject);
    assert_eq!(
        notification.text.lines().filter(|line| line.starts_with("Bcc")).count(),
        0,
        "{}",
        notification.text
    );
    // The number of lines does not depend on the values.
    let lines = |hostile: &str| alert(&sample_alert(hostile)).unwrap().text.lines().count();
    assert_eq!(lines("a\nb\u{2028}c\u{85}"), lines("abc"));
}

#[test]
fn the_largest_alert_fits_an_eventbridge_event() {
    let notification = alert(&sample_alert(&"\u{1}".repeat(2_048))).unwrap();
    assert!(notification.detail.to_string().len() < 256 * 1_024 - 8_192);
    assert!(notification.text.len() < 64 * 1_024);
    assert!(is_safe(&notification));
}

#[test]
fn a_status_change_names_both_statuses() {
    let change = StatusChange {
        version: "1.0".to_owned(),
        subject: StatusSubject::Latest,
        status: Some(Status::InsufficientEvidence),
        previous: Some(Status::Compliant),
        reason: Some("cannot read `x\n\u{1b}`".to_owned()),
        set_at: Time(0),
        valid_until: Some(Time(7_200)),
        report: None,
        top_findings: Vec::new(),
        bucket: "bucket".to_owned(),
    };
    let notification = status_change("id".to_owned(), &change).unwrap();
    assert_eq!(notification.subject, "INSUFFICIENT_EVIDENCE: the read-only status was COMPLIANT");
    assert!(is_safe(&notification), "{notification:?}");
    assert_eq!(notification.severity, RiskLevel::High);
}

#[test]
fn a_status_change_names_the_top_findings_their_principals_and_the_report() {
    let mut seen = 0;
    for (name, report) in reports::all() {
        let key = "reports/account=1/dt=2027-01-01/a_b_r0001_c.json";
        let brief = ReportBrief::from_report(&report, Time(0), Time(3_600), key);
        let change = StatusChange::of_revision(brief, &report, None, "onlooker-bucket");
        let findings = &report.result.findings;
        let severest = findings.iter().map(|finding| finding.severity).max();
        assert_eq!(change.top_findings.first().map(|top| top.severity), severest, "{name}");
        assert_eq!(change.top_findings.len(), findings.len().min(3), "{name}");
        let text = status_change("id".to_owned(), &change).unwrap().text;
        assert!(text.contains("\nBucket       onlooker-bucket\n"), "{text}");
        assert!(
            text.ends_with(
                "\naws s3api get-object --bucket onlooker-bucket \
                 --key reports/account=1/dt=2027-01-01/a_b_r0001_c.html report.html\n"
            ),
            "{text}"
        );
        for finding in findings.iter().take(3) {
            let line = format!("\nFinding      {} {}: ", finding.severity.as_str(), text_value(&finding.id));
            assert!(text.contains(&line), "{text}");
            if let Some(principal) = &finding.principal {
                seen += 1;
                assert!(text.contains(&format!("\n  principal  {}\n", text_value(principal))), "{text}");
            }
        }
        // A name that a shell would not take as one word is in no command.
        let hostile = StatusChange { bucket: "a;b$(c)".to_owned(), ..change };
        assert!(!status_change("id".to_owned(), &hostile).unwrap().text.contains("aws s3api"));
    }
    assert!(seen > 3);
}

fn sample_digest(hostile: &str) -> AlertDigest {
    let entry = |n: u32, severity| {
        let alert = alert(&sample_alert(hostile)).unwrap();
        DigestEntry {
            id: format!("{n}"),
            collected_at: Time(1_800_000_000 + n),
            detail_type: alert.detail_type.to_owned(),
            severity,
            subject: alert.subject,
            detail: alert.detail,
        }
    };
    AlertDigest::new(vec![entry(2, RiskLevel::High), entry(1, RiskLevel::Low)]).unwrap()
}

#[test]
fn a_digest_lists_each_alert_in_order_with_the_highest_severity() {
    let notification = digest("id".to_owned(), &sample_digest("PutObject")).unwrap();
    assert_eq!(
        notification.subject,
        "HIGH digest: 2 alerts from 2027-01-15T08:00:01Z to 2027-01-15T08:00:02Z"
    );
    let line =
        "2027-01-15T08:00:01Z MEDIUM write-denied: s3:PutObject by role/PutObject in PutObject (denied)\n";
    assert!(notification.text.contains(line), "{}", notification.text);
    assert_eq!(notification.severity, RiskLevel::High);
    assert_eq!(notification.detail["alerts"][0]["id"], "1");
    assert_eq!(AlertDigest::new(Vec::new()), None);
}

#[test]
fn an_operational_alert_names_what_happened() {
    let alert = OperationalAlert::new(
        "10 errors in 5 minutes",
        RiskLevel::High,
        "AccessDenied: 7\nThrottling: 3",
        ("error-threshold", 300),
        Time(1_800_000_000),
    );
    let notification = operational_alert(&alert).unwrap();
    assert_eq!(notification.subject, "HIGH operation: 10 errors in 5 minutes");
    assert!(notification.text.ends_with("\nAccessDenied: 7\nThrottling: 3\n"), "{}", notification.text);
    assert_eq!(notification.deduplication_seconds, 300);
    let later = OperationalAlert { time: Time(1_800_000_060), ..alert };
    let later = operational_alert(&later).unwrap();
    assert_eq!(later.deduplication_key, notification.deduplication_key);
    assert_ne!(later.id, notification.id);
}

#[test]
fn the_published_notification_schemas_are_current() {
    assert_schema_is_current(
        "alert-digest.schema.json",
        crate::alert::DIGEST_VERSION,
        &digest_schema().unwrap(),
    );
    assert_schema_is_current(
        "operational-alert.schema.json",
        crate::alert::OPERATIONAL_VERSION,
        &operational_alert_schema().unwrap(),
    );
    assert_schema_is_current("alert.schema.json", ALERT_VERSION, &alert_schema().unwrap());
    assert_schema_is_current(
        "status.schema.json",
        crate::current_status::STATUS_VERSION,
        &status_schema().unwrap(),
    );
    assert_published(
        "current-status",
        crate::current_status::STATUS_VERSION,
        &schemars::schema_for!(Vec<CurrentStatus>),
    );
    assert_schema_is_current(
        "report-issued.schema.json",
        crate::current_status::STATUS_VERSION,
        &report_issued_schema().unwrap(),
    );
    assert_schema_is_current(
        "over-privileged.schema.json",
        OVER_PRIVILEGED_VERSION,
        &over_privileged_schema().unwrap(),
    );
}

#[test]
fn details_fit_their_schema() {
    let schema = serde_json::to_value(Alert::schema()).unwrap();
    let mut bare = sample_alert("x");
    (bare.session_name, bare.error_code, bare.watch_reason) = (None, None, None);
    for sample in [sample_alert("x"), bare] {
        let notification = alert(&sample).unwrap();
        assert_eq!(schema_violation(&notification.detail, &schema, &schema, "$"), None);
    }
    let schema = serde_json::to_value(AlertDigest::schema()).unwrap();
    let notification = digest("id".to_owned(), &sample_digest("x")).unwrap();
    assert_eq!(schema_violation(&notification.detail, &schema, &schema, "$"), None);
    let schema = serde_json::to_value(OperationalAlert::schema()).unwrap();
    let alert = OperationalAlert::new("x", RiskLevel::Low, "y", ("z", 1), Time(0));
    let notification = operational_alert(&alert).unwrap();
    assert_eq!(schema_violation(&notification.detail, &schema, &schema, "$"), None);
    let schema = serde_json::to_value(StatusChange::schema()).unwrap();
    for (name, report) in reports::all() {
        let reported = ReportBrief::from_report(&report, Time(0), Time(3_600), "key");
        let change = StatusChange::of_revision(reported, &report, None, "bucket");
        let notification = status_change("id".to_owned(), &change).unwrap();
        let reminder = status_reminder("id".to_owned(), &change).unwrap();
        for notification in [notification, reminder] {
            assert_eq!(schema_violation(&notification.detail, &schema, &schema, "$"), None, "{name}");
            assert!(is_safe(&notification), "{name}");
        }
        let reported = ReportBrief::from_report(&report, Time(0), Time(3_600), "key");
        let issued = report_issued("id".to_owned(), &ReportIssued::new("bucket", &reported)).unwrap();
        let schema = serde_json::to_value(ReportIssued::schema()).unwrap();
        assert_eq!(schema_violation(&issued.detail, &schema, &schema, "$"), None, "{name}");
        assert!(is_safe(&issued), "{name}");
    }
    let schema = serde_json::to_value(OverPrivilegedPrincipal::schema()).unwrap();
    for watched_as in [None, Some("arn:aws:iam::*:role/Auditor".to_owned())] {
        let detail = OverPrivilegedPrincipal {
            version: OVER_PRIVILEGED_VERSION.to_owned(),
            principal: "arn:aws:iam::111122223333:role/Auditor".into(),
            account: "111122223333".into(),
            watched_as,
            since: Time(0),
            overall_status: OverallStatus::OverPrivileged,
            statement: "it may write".to_owned(),
            policies_sha256: "0".repeat(64),
            timestamp: Time(3_600),
        };
        let detail = serde_json::to_value(detail).unwrap();
        assert_eq!(schema_violation(&detail, &schema, &schema, "$"), None);
    }
}

proptest! {
    #[test]
    fn any_record_makes_a_safe_message(hostile: String) {
        prop_assert!(is_safe(&alert(&sample_alert(&hostile)).unwrap()));
        prop_assert!(is_safe(&digest("id".to_owned(), &sample_digest(&hostile)).unwrap()));
        let alert = OperationalAlert::new(&*hostile, RiskLevel::Low, &*hostile, (&hostile, 1), Time(0));
        prop_assert!(is_safe(&operational_alert(&alert).unwrap()));
    }
}
