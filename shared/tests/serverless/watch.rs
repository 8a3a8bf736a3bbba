//! Laws of alerts: which events are notified, to which sinks, and how often.

use onlooker_core::{
    catalog::Catalog,
    config::{Config, Watch},
    jobs::{
        notifications::{NotificationError, Notifier},
        watch::{WatchError, WatchErrorKind, WatchOutcome, watch},
    },
    operation::RiskLevel,
    ports::{NotificationSink, PortErrorKind},
    report::ReportMode,
    time::Time,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    environment::{FaultPlan, FaultTiming, TestEnvironment},
    records::{ACCOUNT, AUDITOR, call, denied, eventbridge_event, read, write},
};

const NOW: Time = Time(1_795_255_200);

fn config() -> Config {
    Config { watch: vec![Watch::new(AUDITOR).unwrap()], ..Config::default() }
}

fn deliver(environment: &TestEnvironment, config: &Config, event: &[u8]) -> Result<WatchOutcome, WatchError> {
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    let (table, clock, policy) = (&environment.table, &environment.clock, config.alerts.policy());
    let notifier = Notifier { table, sinks: &sinks, clock, policy };
    watch(event, config, Catalog::embedded(), &notifier)
}

fn notification_counts(environment: &TestEnvironment) -> (usize, usize) {
    (
        environment.sns.port.notifications.lock().unwrap().len(),
        environment.event_bus.port.notifications.lock().unwrap().len(),
    )
}

/// The rule an event is alerted by.
fn alert_rule(config: &Config, record: &Value) -> Option<String> {
    let environment = TestEnvironment::new(NOW);
    let watched = deliver(&environment, config, &eventbridge_event(record)).unwrap();
    assert_eq!((watched.events, watched.unreadable.len()), (1, 0));
    assert_eq!(notification_counts(&environment), (watched.alerts.len(), watched.alerts.len()));
    watched.alerts.into_iter().next().map(|alert| alert.rule_id)
}

#[test]
fn no_event_is_read_while_the_use_of_cloudtrail_is_switched_off() {
    let environment = TestEnvironment::new(NOW);
    let mut config = config();
    let event = eventbridge_event(&write(1, NOW));
    assert_eq!(deliver(&environment, &config, &event).unwrap().alerts.len(), 1);
    config.cloudtrail.enabled = false;
    assert_eq!(deliver(&environment, &config, &event).unwrap(), WatchOutcome::default());
}

#[test]
fn a_violation_is_alerted_by_its_rule() {
    let by = |role: &str, source: &str, name: &str, read_only| {
        call(1, NOW, role, &format!("{source}.amazonaws.com"), name, read_only)
    };
    let auditor = |source: &str, name: &str, read_only| by("Auditor", source, name, read_only);
    let failed = |mut record: Value, code: &str| {
        record["errorCode"] = code.into();
        record
    };
    let cases = [
        (auditor("ec2", "RunInstances", Some(false)), Some("write-succeeded")),
        (denied(auditor("ec2", "RunInstances", Some(false))), Some("write-denied")),
        (failed(auditor("ec2", "RunInstances", Some(false)), "InternalFailure"), Some("write-failed")),
        (
            failed(auditor("ec2", "RunInstances", Some(false)), "ThrottlingException"),
            Some("write-not-processed"),
        ),
        (auditor("kms", "Decrypt", Some(true)), Some("privileged-call")),
        (denied(auditor("kms", "Decrypt", Some(true))), Some("write-denied")),
        (auditor("novel", "Frobnicate", None), Some("unknown-operation")),
        (auditor("secretsmanager", "GetSecretValue", Some(true)), Some("secret-read")),
        (denied(auditor("secretsmanager", "GetSecretValue", Some(true))), None),
        (auditor("ec2", "DescribeInstances", Some(true)), None),
        (denied(auditor("ec2", "DescribeInstances", Some(true))), None),
        (auditor("s3", "GetObject", Some(true)), None),
        (by("Deployer", "ec2", "RunInstances", Some(false)), None),
        (by("Deployer", "novel", "Frobnicate", None), None),
        (by("Deployer", "cloudtrail", "StopLogging", Some(false)), Some("logging-changed")),
        (denied(by("Deployer", "cloudtrail", "StopLogging", Some(false))), None),
        (by("Deployer", "cloudtrail", "DescribeTrails", Some(true)), None),
    ];
    for (record, expected) in cases {
        assert_eq!(alert_rule(&config(), &record).as_deref(), expected, "{record}");
    }
}

#[test]
fn unwatched_exempt_and_overridden_calls_raise_no_alert() {
    let event = write(1, NOW);
    assert_eq!(alert_rule(&Config::default(), &event), None);
    let stop = call(1, NOW, "Deployer", "cloudtrail.amazonaws.com", "StopLogging", Some(false));
    assert_eq!(alert_rule(&Config::default(), &stop), None);
    assert_eq!(alert_rule(&Config { exempt: vec![AUDITOR.to_owned()], ..config() }, &event), None);
    let allowed = |expires: Time| {
        let text = format!(
            "[[watch]]\nprincipal = \"{AUDITOR}\"\n[[override]]\nid = \"launch\"\nprincipal = \"{AUDITOR}\"\n\
             operation = \"ec2:RunInstances\"\nowner = \"a@example.com\"\nreason = \"test\"\nexpires = \"{expires}\"\n"
        );
        Config::from_toml(&text, "t").unwrap()
    };
    assert_eq!(alert_rule(&allowed(Time(NOW.0 + 3_600)), &event), None);
    assert_eq!(alert_rule(&allowed(Time(NOW.0 - 3_600)), &event).as_deref(), Some("write-succeeded"));
}

#[test]
fn an_alert_names_principal_operation_region_and_promise() {
    let environment = TestEnvironment::new(Time(NOW.0 + 7));
    let watched = deliver(&environment, &config(), &eventbridge_event(&write(5, NOW))).unwrap();
    assert_eq!(
        (watched.notifications_sent, watched.notifications_already_sent, watched.lag_seconds),
        (2, 0, Some(7))
    );
    let notification = environment.event_bus.port.notifications.lock().unwrap()[0].clone();
    assert_eq!(notification.detail_type, "Read-Only Violation Detected");
    assert_eq!(notification.severity, RiskLevel::Critical);
    assert_eq!(
        notification.subject,
        format!("CRITICAL write-succeeded: ec2:RunInstances by role/Auditor in {ACCOUNT} (succeeded)")
    );
    let detail = &notification.detail;
    for (field, value) in [
        ("version", "1.1"),
        ("event_id", "00000005-0000-4000-8000-000000000000"),
        ("account", ACCOUNT),
        ("principal", AUDITOR),
        ("session_name", "session"),
        ("operation", "ec2:RunInstances"),
        ("service", "ec2.amazonaws.com"),
        ("outcome", "succeeded"),
        ("operation_type", "mutating"),
        ("rule_id", "write-succeeded"),
        ("severity", "CRITICAL"),
        ("watch_pattern", AUDITOR),
    ] {
        assert_eq!(detail[field], value, "{field}");
    }
    assert_eq!(detail["time"], NOW.to_string());
    assert_eq!(notification.id, detail["id"].as_str().unwrap());
}

#[test]
fn a_change_of_logging_by_a_principal_that_is_not_watched_is_no_violation() {
    let environment = TestEnvironment::new(NOW);
    let stop = call(1, NOW, "Deployer", "cloudtrail.amazonaws.com", "StopLogging", Some(false));
    deliver(&environment, &config(), &eventbridge_event(&stop)).unwrap();
    let notification = environment.sns.port.notifications.lock().unwrap()[0].clone();
    assert_eq!((notification.detail_type, notification.severity), ("Logging Changed", RiskLevel::High));
    assert!(notification.detail["watch_pattern"].is_null() && !notification.text.contains("Watched as"));
}

#[test]
fn redacted_names_are_not_in_alerts() {
    let environment = TestEnvironment::new(NOW);
    let mut config = config();
    config.redaction.sessions = true;
    config.redaction.accounts = true;
    deliver(&environment, &config, &eventbridge_event(&write(1, NOW))).unwrap();
    let notification = environment.sns.port.notifications.lock().unwrap()[0].clone();
    let all = format!("{}{}{}", notification.subject, notification.text, notification.detail);
    assert!(
        !all.contains(ACCOUNT)
            && !notification.detail["session_name"].as_str().unwrap().contains("session\""),
        "{all}"
    );
    assert!(notification.detail["session_name"].as_str().unwrap().starts_with("session-"));
}

#[test]
fn an_event_is_alerted_once_however_often_it_is_delivered() {
    let environment = TestEnvironment::new(NOW);
    for n in 0..3 {
        let watched = deliver(&environment, &config(), &eventbridge_event(&write(1, NOW))).unwrap();
        assert_eq!(
            (watched.notifications_sent, watched.notifications_already_sent),
            if n == 0 { (2, 0) } else { (0, 2) }
        );
    }
    deliver(&environment, &config(), &eventbridge_event(&write(2, NOW))).unwrap();
    assert_eq!(notification_counts(&environment), (2, 2));
    // The same id in another account or hour is another event.
    deliver(&environment, &config(), &eventbridge_event(&write(2, Time(NOW.0 + 3_600)))).unwrap();
    assert_eq!(notification_counts(&environment), (3, 3));
    let expires: Vec<_> = environment.table.port.items().into_iter().map(|item| item.expires_at).collect();
    assert!(expires.iter().all(|at| *at == Some(Time(NOW.0 + 2 * 86_400))), "{expires:?}");
}

#[test]
fn a_less_severe_alert_does_not_suppress_a_more_severe_one_with_the_same_id() {
    let environment = TestEnvironment::new(NOW);
    deliver(&environment, &config(), &eventbridge_event(&denied(write(1, NOW)))).unwrap();
    let watched = deliver(&environment, &config(), &eventbridge_event(&write(1, NOW))).unwrap();
    assert_eq!((watched.notifications_sent, watched.notifications_already_sent), (2, 0));
    assert_eq!(notification_counts(&environment), (2, 2));
}

#[test]
fn an_input_that_is_not_a_cloudtrail_event_is_an_error() {
    let environment = TestEnvironment::new(NOW);
    let foreign: [&[u8]; 4] = [b"{\"Records\":[]}", b"", b"{", b"{\"Records\":[{}]}"];
    for event in foreign {
        let error = deliver(&environment, &config(), event).unwrap_err();
        assert!(
            matches!(error.kind, WatchErrorKind::NotCloudTrail | WatchErrorKind::Unreadable(_)),
            "{error}"
        );
    }
    let other =
        json!({"detail-type": "Object Created", "source": "aws.s3", "detail": {"bucket": {"name": "b"}}});
    let error = deliver(&environment, &config(), other.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.outcome.unreadable.len(), 1);
    let mut damaged = write(1, NOW);
    damaged["eventTime"] = "yesterday".into();
    let error = deliver(&environment, &config(), &eventbridge_event(&damaged)).unwrap_err();
    assert!(error.to_string().contains("eventTime"), "{error}");
    // A readable record beside it is notified all the same.
    let both = json!({"Records": [damaged, write(2, NOW)]});
    let error = deliver(&environment, &config(), both.to_string().as_bytes()).unwrap_err();
    assert_eq!((error.outcome.events, error.outcome.notifications_sent), (1, 2));
    assert_eq!(notification_counts(&environment), (1, 1));
}

#[test]
fn insight_events_are_skipped() {
    let mut insight = write(1, NOW);
    insight["eventType"] = "AwsCloudTrailInsight".into();
    insight["eventCategory"] = "Insight".into();
    insight.as_object_mut().unwrap().remove("userIdentity");
    let environment = TestEnvironment::new(NOW);
    let watched = deliver(&environment, &config(), &eventbridge_event(&insight)).unwrap();
    assert_eq!((watched.events, watched.insight_events, notification_counts(&environment)), (0, 1, (0, 0)));
}

#[test]
fn only_the_failed_sink_is_retried() {
    for failing in ["sns", "events"] {
        let environment = TestEnvironment::new(NOW);
        let event = eventbridge_event(&write(1, NOW));
        let which = Box::new(move |_, call: &super::environment::PortCall| call.port == failing);
        environment.injector.plan(FaultPlan::Fail {
            kind: PortErrorKind::Throttled,
            timing: FaultTiming::Before,
            matching: which,
        });
        let error = deliver(&environment, &config(), &event).unwrap_err();
        let WatchErrorKind::Notification(NotificationError::NotSent { sink, .. }) = error.kind else {
            panic!("{error}")
        };
        assert_eq!(sink, failing);
        environment.injector.reset();
        let watched = deliver(&environment, &config(), &event).unwrap();
        assert_eq!((watched.notifications_sent, notification_counts(&environment)), (1, (1, 1)));
    }
}

#[test]
fn of_two_concurrent_deliveries_one_notifies_and_the_other_retries() {
    let environment = TestEnvironment::new(NOW);
    let event = eventbridge_event(&write(1, NOW));
    // The first is killed during its call to SNS: to the second it appears to be in progress.
    let at = 2;
    environment.injector.plan(FaultPlan::Kill { at, timing: FaultTiming::Before });
    deliver(&environment, &config(), &event).unwrap_err();
    assert_eq!(environment.injector.reset()[at].method, "send");
    let error = deliver(&environment, &config(), &event).unwrap_err();
    assert!(
        matches!(&error.kind, WatchErrorKind::Notification(NotificationError::InProgress { sink, .. }) if sink == "sns"),
        "{error}"
    );
    assert_eq!(notification_counts(&environment), (0, 1));
    environment.clock.advance(60);
    assert_eq!(deliver(&environment, &config(), &event).unwrap().notifications_sent, 1);
    assert_eq!(notification_counts(&environment), (1, 1));
}

#[test]
fn a_killed_run_that_is_retried_notifies_all_sinks_and_at_most_one_twice() {
    let event = eventbridge_event(&write(1, NOW));
    for timing in [FaultTiming::Before, FaultTiming::After] {
        for at in 0.. {
            let environment = TestEnvironment::new(NOW);
            environment.injector.plan(FaultPlan::Kill { at, timing });
            let done = deliver(&environment, &config(), &event);
            if !environment.injector.is_killed() {
                assert!(done.is_ok() && at >= 7, "{at} calls");
                break;
            }
            assert!(done.is_err(), "killed at {at} without an error");
            environment.injector.reset();
            environment.clock.advance(60);
            deliver(&environment, &config(), &event).unwrap();
            let (sns, bus) = notification_counts(&environment);
            assert!((2..=3).contains(&(sns + bus)) && sns > 0 && bus > 0, "killed at {at}: {sns} and {bus}");
            deliver(&environment, &config(), &event).unwrap();
            assert_eq!(notification_counts(&environment), (sns, bus), "killed at {at}");
        }
    }
}

#[test]
fn any_fault_is_an_error_and_the_retry_notifies_all_sinks() {
    let event = eventbridge_event(&write(1, NOW));
    for timing in [FaultTiming::Before, FaultTiming::After] {
        for at in 0..7 {
            let environment = TestEnvironment::new(NOW);
            let which = Box::new(move |number, _: &super::environment::PortCall| number == at);
            environment.injector.plan(FaultPlan::Fail {
                kind: PortErrorKind::Unavailable,
                timing,
                matching: which,
            });
            assert!(deliver(&environment, &config(), &event).is_err(), "{at}");
            environment.injector.reset();
            environment.clock.advance(60);
            deliver(&environment, &config(), &event).unwrap();
            let (sns, bus) = notification_counts(&environment);
            assert!(sns > 0 && bus > 0 && sns + bus <= 3, "failed at {at}: {sns} and {bus}");
        }
    }
}

/// An alert has the id, title and severity of the finding that a report has for the same event.
#[test]
fn an_alert_has_the_fingerprint_of_its_finding() {
    use onlooker_core::{
        controls::ControlPack,
        evidence_summary::{EvidenceSummary, ReportScope},
        jobs::{
            evaluation::{EvaluationCriteria, evaluate},
            gather::read_object,
        },
        record::ReadLimits,
        report::ReportRun,
    };
    let config = config();
    let environment = TestEnvironment::new(NOW);
    let watched = deliver(&environment, &config, &eventbridge_event(&write(1, NOW))).unwrap();
    let evidence = json!({"Records": [write(1, NOW), read(2, NOW)]}).to_string();
    let segment = read_object("o", evidence.as_bytes(), ReadLimits::default()).segment;
    let pack = ControlPack::built_in(config.standard).unwrap();
    let criteria = EvaluationCriteria {
        config: &config,
        catalog: Catalog::embedded(),
        pack: &pack,
        policies: onlooker_core::grants::PolicyHistory::empty(),
        integrity: None,
    };
    let report = evaluate(
        EvidenceSummary::from_segment(segment, ReportScope::default()),
        criteria,
        ReportRun::default(),
    )
    .unwrap();
    assert_eq!(report.result.mode, ReportMode::Proof);
    let alert = &watched.alerts[0];
    let finding = report
        .result
        .findings
        .iter()
        .find(|finding| finding.fingerprint == alert.finding_fingerprint)
        .unwrap();
    assert_eq!(
        (&finding.id, &finding.title, finding.severity),
        (&alert.rule_id, &alert.title, alert.severity)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn hostile_fields_never_suppress_an_alert(name in "\\PC{1,40}", region: String, code: String) {
        let environment = TestEnvironment::new(NOW);
        let mut event = call(1, NOW, "Auditor", "novel.amazonaws.com", &name, Some(false));
        event["awsRegion"] = region.into();
        event["errorCode"] = code.into();
        let watched = deliver(&environment, &config(), &eventbridge_event(&event)).unwrap();
        prop_assert_eq!(watched.alerts.len(), 1);
        prop_assert_eq!(notification_counts(&environment), (1, 1));
        for item in environment.table.port.items() {
            prop_assert!(item.partition_key.len() < 200);
            prop_assert!(item.partition_key.chars().all(|c| c.is_ascii_alphanumeric() || "#-".contains(c)));
        }
    }
}
