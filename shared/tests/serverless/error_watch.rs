//! The alert about errors of all functions.

use onlooker_core::{
    aws_error::AwsErrorKind,
    config::{DeliveryPolicy, MonitoringSettings},
    error_context::ErrorCounts,
    jobs::{
        error_watch::{ErrorWatchError, RunErrors, watch_errors},
        notifications::Notifier,
    },
    operation::RiskLevel,
    ports::{NotificationSink, PortErrorKind},
    time::Time,
};

use crate::environment::{FaultPlan, FaultTiming, TestEnvironment};

const NOW: Time = Time(1_795_255_200);

fn errors(kinds: &[(AwsErrorKind, u64)]) -> ErrorCounts {
    ErrorCounts(kinds.iter().copied().collect())
}

fn run(
    environment: &TestEnvironment,
    settings: &MonitoringSettings,
    id: &str,
    counts: &ErrorCounts,
) -> Result<bool, ErrorWatchError> {
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    let notifier = Notifier {
        table: &environment.table,
        sinks: &sinks,
        clock: &environment.clock,
        policy: DeliveryPolicy::IMMEDIATE,
    };
    watch_errors(&notifier, settings, RunErrors { function: "pull", run_id: id, counts })
}

fn sent(environment: &TestEnvironment) -> Vec<String> {
    let sent = environment.sns.port.notifications.lock().unwrap();
    sent.iter().map(|notification| notification.text.clone()).collect()
}

#[test]
fn ten_errors_in_five_minutes_send_one_alert_with_the_commonest_kinds() {
    use AwsErrorKind as Kind;
    let environment = TestEnvironment::new(NOW);
    let settings = MonitoringSettings::default();
    let some = errors(&[(Kind::QuotaExceeded, 4), (Kind::NotFound, 50), (Kind::Throttled, 50)]);
    assert!(!run(&environment, &settings, "1", &some).unwrap());
    environment.clock.advance(200);
    let more = errors(&[(Kind::AccessDenied, 3), (Kind::TimedOut, 2), (Kind::ServiceError, 1)]);
    assert!(run(&environment, &settings, "2", &more).unwrap());
    let sent_now = sent(&environment);
    assert_eq!(sent_now.len(), 1);
    let lines: Vec<&str> = sent_now[0].lines().collect();
    assert_eq!(lines[0], "Onlooker's functions had 10 errors");
    let kinds: Vec<&str> = lines.iter().filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert!(kinds.ends_with(&["4 x quota_exceeded", "3 x access_denied", "2 x timed_out"]), "{lines:?}");
    let severity = environment.sns.port.notifications.lock().unwrap()[0].severity;
    assert_eq!(severity, RiskLevel::High);
    // More errors in the same span send no other alert; after it, they do.
    assert!(!run(&environment, &settings, "3", &more).unwrap());
    environment.clock.advance(300);
    assert!(!run(&environment, &settings, "4", &more).unwrap(), "six errors of this span");
    environment.clock.advance(1);
    assert!(run(&environment, &settings, "5", &more).unwrap());
    assert_eq!(sent(&environment).len(), 2);
}

#[test]
fn errors_of_an_earlier_span_do_not_count() {
    let environment = TestEnvironment::new(NOW);
    let settings = MonitoringSettings::default();
    let nine = errors(&[(AwsErrorKind::TimedOut, 9)]);
    for id in 0..5 {
        assert!(!run(&environment, &settings, &id.to_string(), &nine).unwrap());
        environment.clock.advance(301);
    }
    assert_eq!(sent(&environment), Vec::<String>::new());
}

#[test]
fn the_settings_decide() {
    let nine = errors(&[(AwsErrorKind::TimedOut, 9)]);
    let alerts = |settings: MonitoringSettings| {
        let environment = TestEnvironment::new(NOW);
        run(&environment, &settings, "1", &nine).unwrap()
    };
    assert!(!alerts(MonitoringSettings::default()));
    assert!(alerts(MonitoringSettings { error_threshold: 9, ..MonitoringSettings::default() }));
    let off = MonitoringSettings { error_threshold: 9, enabled: false, ..MonitoringSettings::default() };
    assert!(!alerts(off));
}

#[test]
fn an_alert_that_could_not_be_sent_is_sent_by_the_next_run_with_errors() {
    let environment = TestEnvironment::new(NOW);
    let settings = MonitoringSettings::default();
    let ten = errors(&[(AwsErrorKind::TimedOut, 10)]);
    let matching = Box::new(|_: usize, call: &crate::environment::PortCall| call.port == "sns");
    let (kind, timing) = (PortErrorKind::Unavailable, FaultTiming::Before);
    environment.injector.plan(FaultPlan::Fail { kind, timing, matching });
    assert!(matches!(run(&environment, &settings, "1", &ten), Err(ErrorWatchError::Notification(_))));
    environment.injector.reset();
    environment.clock.advance(10);
    assert!(run(&environment, &settings, "2", &errors(&[(AwsErrorKind::TimedOut, 1)])).unwrap());
    assert_eq!(sent(&environment).len(), 1);
    // The sink that worked is not called again.
    assert_eq!(environment.event_bus.port.notifications.lock().unwrap().len(), 1);
}
