//! Laws of the settings of alerts: what is not sent is counted, what is collected is sent, and no sink stops another.

use std::collections::BTreeMap;

use onlooker_core::{
    alert::OperationalAlert,
    config::DeliveryPolicy,
    jobs::notifications::{DeliveryResult, FlushedDigests, NotificationError, Notifier},
    operation::RiskLevel,
    ports::{Notification, NotificationSink, PortErrorKind},
    time::Time,
};
use proptest::prelude::*;
use serde_json::json;

use super::environment::{FaultPlan, FaultTiming, PortCall, TestEnvironment};

const NOW: Time = Time(1_795_255_200);

const LEVELS: [RiskLevel; 4] = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical];

fn policy(deduplication_seconds: u32, digest_seconds: u32) -> DeliveryPolicy {
    DeliveryPolicy { deduplication_seconds, digest_seconds, ..DeliveryPolicy::IMMEDIATE }
}

fn notification(id: u32, key: &str, severity: RiskLevel) -> Notification {
    Notification {
        id: format!("n{id}"),
        detail_type: "Read-Only Violation Detected",
        severity,
        subject: format!("{} subject {id}", severity.as_str()),
        text: format!("text {id}\n"),
        detail: json!({ "number": id }),
        deduplication_key: key.to_owned(),
        deduplication_seconds: 0,
    }
}

fn with_notifier<T>(
    environment: &TestEnvironment,
    policy: DeliveryPolicy,
    job: impl FnOnce(&Notifier<'_>) -> T,
) -> T {
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    job(&Notifier { table: &environment.table, sinks: &sinks, clock: &environment.clock, policy })
}

fn notify(
    environment: &TestEnvironment,
    policy: DeliveryPolicy,
    notification: &Notification,
) -> Result<DeliveryResult, NotificationError> {
    with_notifier(environment, policy, |notifier| notifier.notify(notification))
}

fn flush(environment: &TestEnvironment, policy: DeliveryPolicy) -> Result<FlushedDigests, NotificationError> {
    with_notifier(environment, policy, Notifier::flush_digests)
}

/// What the topic and the bus got.
fn received(environment: &TestEnvironment) -> [Vec<Notification>; 2] {
    [&environment.sns, &environment.event_bus].map(|sink| sink.port.notifications.lock().unwrap().clone())
}

fn received_counts(environment: &TestEnvironment) -> (usize, usize) {
    let [sns, bus] = received(environment);
    (sns.len(), bus.len())
}

/// The numbers of the notifications in the digests that a sink got, each as often as it was there.
fn digested(notifications: &[Notification]) -> BTreeMap<u64, usize> {
    let mut numbers = BTreeMap::new();
    for digest in notifications {
        assert_eq!(digest.detail_type, "Alert Digest");
        for alert in digest.detail["alerts"].as_array().unwrap() {
            *numbers.entry(alert["detail"]["number"].as_u64().unwrap()).or_default() += 1;
        }
    }
    numbers
}

fn fail_calls(environment: &TestEnvironment, port: &'static str) {
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Unavailable,
        timing: FaultTiming::Before,
        matching: Box::new(move |_, call: &PortCall| call.port == port),
    });
}

#[test]
fn what_is_below_the_severity_is_counted_and_neither_sent_nor_recorded() {
    let mut environment = TestEnvironment::new(NOW);
    environment.event_bus.port.minimum_severity = RiskLevel::Critical;
    let policy = DeliveryPolicy { minimum_severity: RiskLevel::Medium, ..DeliveryPolicy::IMMEDIATE };
    let expected = [(0, 2), (1, 1), (1, 1), (2, 0)];
    for (n, (severity, (sent, below))) in (0..).zip(LEVELS.into_iter().zip(expected)) {
        let result = notify(&environment, policy, &notification(n, "key", severity)).unwrap();
        assert_eq!((result.sent.len(), result.below_severity.len()), (sent, below), "{severity:?}");
    }
    assert_eq!(received_counts(&environment), (3, 1));
    assert_eq!(environment.table.port.items().len(), 4);
}

#[test]
fn the_same_is_sent_once_in_the_window_and_the_next_one_says_how_many_were_not() {
    let environment = TestEnvironment::new(NOW);
    let send =
        |n, key, severity| notify(&environment, policy(60, 0), &notification(n, key, severity)).unwrap();
    assert_eq!(send(0, "a", RiskLevel::High).sent.len(), 2);
    environment.clock.advance(59);
    for n in 1..4 {
        let again = send(n, "a", RiskLevel::High);
        assert_eq!((again.sent.len(), again.repeated.len()), (0, 2));
        // Delivered again, it is counted no second time.
        assert_eq!(send(n, "a", RiskLevel::High).repeated.len(), 2);
    }
    assert_eq!(send(4, "b", RiskLevel::Low).sent.len(), 2, "another key");
    environment.clock.advance(1);
    assert_eq!(send(5, "a", RiskLevel::High).sent.len(), 2, "the window has ended");
    let [sns, bus] = received(&environment);
    assert_eq!(sns, bus);
    assert_eq!(sns[2].text, "text 5\n\nNot sent since 2026-11-21T10:00:00Z: 3 more about the same.\n");
    // What was not sent stays not sent, also after the window.
    assert_eq!(send(1, "a", RiskLevel::High).repeated.len(), 2);
}

#[test]
fn a_more_severe_one_is_sent_at_once() {
    let environment = TestEnvironment::new(NOW);
    let send = |n, severity| notify(&environment, policy(60, 0), &notification(n, "a", severity)).unwrap();
    assert_eq!(send(0, RiskLevel::Medium).sent.len(), 2);
    assert_eq!(send(1, RiskLevel::Critical).sent.len(), 2);
    assert_eq!(send(2, RiskLevel::High).repeated.len(), 2);
}

#[test]
fn a_notification_that_failed_suppresses_no_other() {
    let environment = TestEnvironment::new(NOW);
    fail_calls(&environment, "sns");
    notify(&environment, policy(60, 0), &notification(0, "a", RiskLevel::High)).unwrap_err();
    assert_eq!(received_counts(&environment), (0, 1));
    environment.injector.reset();
    let result = notify(&environment, policy(60, 0), &notification(1, "a", RiskLevel::High)).unwrap();
    assert_eq!((&*result.sent, &*result.repeated), (&["sns".to_owned()][..], &["events".to_owned()][..]));
}

#[test]
fn an_operational_alert_is_sent_once_in_its_own_window() {
    let environment = TestEnvironment::new(NOW);
    let alert =
        |time| OperationalAlert::new("10 errors", RiskLevel::High, "Throttling: 10", ("errors", 300), time);
    let send = |time| {
        with_notifier(&environment, DeliveryPolicy::IMMEDIATE, |notifier| {
            notifier.notify_operator(&alert(time))
        })
        .unwrap()
    };
    assert_eq!(send(NOW).sent.len(), 2);
    environment.clock.advance(299);
    assert_eq!(send(Time(NOW.0 + 299)).repeated.len(), 2);
    environment.clock.advance(1);
    assert_eq!(send(Time(NOW.0 + 300)).sent.len(), 2);
    let [sns, _] = received(&environment);
    assert_eq!(sns[0].detail_type, "Operational Alert");
    assert_eq!(sns[0].detail["title"], "10 errors");
}

#[test]
fn a_digest_has_what_was_collected_and_is_sent_after_its_interval() {
    let environment = TestEnvironment::new(NOW);
    let digest = policy(0, 600);
    for n in 0..3 {
        let result = notify(&environment, digest, &notification(n, "a", RiskLevel::High)).unwrap();
        assert!(result.is_collected && result.sent.is_empty(), "{result:?}");
    }
    // Delivered again, it is collected once.
    let again = notify(&environment, digest, &notification(2, "a", RiskLevel::High)).unwrap();
    assert!(!again.is_collected, "{again:?}");
    let waiting = flush(&environment, digest).unwrap();
    assert_eq!((waiting.sent, waiting.next_due), (0, Some(Time(NOW.0 + 600))));
    assert_eq!(received_counts(&environment), (0, 0));
    environment.clock.advance(600);
    assert_eq!(flush(&environment, digest).unwrap().sent, 1);
    for sink in received(&environment) {
        assert_eq!(sink.len(), 1);
        assert_eq!(digested(&sink), BTreeMap::from([(0, 1), (1, 1), (2, 1)]));
    }
    assert_eq!(flush(&environment, digest).unwrap(), FlushedDigests::default());
    let left =
        environment.table.port.items().into_iter().filter(|item| item.partition_key == "NOTIFICATION#digest");
    assert_eq!(left.count(), 0);
}

#[test]
fn what_was_collected_is_sent_after_the_configuration_ends_digests() {
    let environment = TestEnvironment::new(NOW);
    notify(&environment, policy(0, 86_400), &notification(0, "a", RiskLevel::Low)).unwrap();
    assert_eq!(flush(&environment, DeliveryPolicy::IMMEDIATE).unwrap().sent, 1);
    assert_eq!(received_counts(&environment), (1, 1));
}

#[test]
fn a_sink_gets_a_digest_of_what_it_wants() {
    let mut environment = TestEnvironment::new(NOW);
    environment.event_bus.port.minimum_severity = RiskLevel::High;
    for (n, severity) in (0..).zip(LEVELS) {
        notify(&environment, policy(0, 60), &notification(n, "a", severity)).unwrap();
    }
    environment.clock.advance(60);
    flush(&environment, policy(0, 60)).unwrap();
    let [sns, bus] = received(&environment);
    assert_eq!((digested(&sns).len(), digested(&bus).len()), (4, 2));
    assert_eq!(bus[0].severity, RiskLevel::Critical);
}

#[test]
fn many_alerts_make_several_digests_of_which_each_fits_an_event() {
    let environment = TestEnvironment::new(NOW);
    for n in 0..120 {
        let mut large = notification(n, "a", RiskLevel::Low);
        large.detail["text"] = "x".repeat(if n < 10 { 60_000 } else { 10 }).into();
        notify(&environment, policy(0, 60), &large).unwrap();
    }
    environment.clock.advance(60);
    flush(&environment, policy(0, 60)).unwrap();
    let [sns, bus] = received(&environment);
    assert_eq!(digested(&sns).len(), 120);
    assert!(bus.len() > 3 && bus.iter().all(|digest| digest.detail.to_string().len() < 256 * 1_024 - 8_192));
}

#[test]
fn a_sink_that_fails_gets_the_digest_later_and_the_others_get_it_once() {
    let environment = TestEnvironment::new(NOW);
    notify(&environment, policy(0, 60), &notification(0, "a", RiskLevel::High)).unwrap();
    environment.clock.advance(60);
    for _ in 0..3 {
        fail_calls(&environment, "sns");
        let error = flush(&environment, policy(0, 60)).unwrap_err();
        assert!(matches!(&error, NotificationError::NotSent { sink, .. } if sink == "sns"), "{error}");
        environment.clock.advance(60);
    }
    environment.injector.reset();
    assert_eq!(flush(&environment, policy(0, 60)).unwrap().sent, 1);
    assert_eq!(received_counts(&environment), (1, 1));
}

#[test]
fn a_killed_flush_that_is_retried_sends_each_digest_and_at_most_one_twice() {
    for timing in [FaultTiming::Before, FaultTiming::After] {
        for at in 0.. {
            let environment = TestEnvironment::new(NOW);
            for n in 0..3 {
                notify(&environment, policy(0, 60), &notification(n, "a", RiskLevel::High)).unwrap();
            }
            environment.clock.advance(60);
            environment.injector.plan(FaultPlan::Kill { at, timing });
            let done = flush(&environment, policy(0, 60));
            if !environment.injector.is_killed() {
                assert!(done.is_ok() && at > 12, "{at} calls");
                break;
            }
            environment.injector.reset();
            environment.clock.advance(60);
            flush(&environment, policy(0, 60)).unwrap();
            let (sns, bus) = received_counts(&environment);
            assert!((2..=3).contains(&(sns + bus)) && sns > 0 && bus > 0, "{timing:?} {at}: {sns} and {bus}");
            assert_eq!(flush(&environment, policy(0, 60)).unwrap(), FlushedDigests::default());
        }
    }
}

#[test]
fn an_item_that_cannot_be_decoded_is_an_error_and_stops_no_digest() {
    use onlooker_core::ports::{Table as _, TableItem, WriteCondition};
    let environment = TestEnvironment::new(NOW);
    notify(&environment, policy(0, 60), &notification(0, "a", RiskLevel::High)).unwrap();
    let damaged = TableItem {
        partition_key: "NOTIFICATION#digest".to_owned(),
        sort_key: "2026-01-01T00:00:00Z#x".to_owned(),
        revision: 0,
        expires_at: None,
        body: json!({ "id": 1 }),
    };
    environment.table.port.put(&damaged, WriteCondition::Always).unwrap();
    environment.clock.advance(60);
    let error = flush(&environment, policy(0, 60)).unwrap_err();
    assert!(error.to_string().contains("NOTIFICATION#digest 2026-01-01T00:00:00Z#x"), "{error}");
    assert_eq!(received_counts(&environment), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Against a model that only keeps, for each key, when the last one was sent and how severe it was. A delivery is the seconds
    /// after the one before, its key and its severity.
    #[test]
    fn each_notification_is_sent_or_counted_and_none_is_lost(
        seconds in 1_u32..100,
        deliveries in prop::collection::vec((0_u32..60, 0_u8..3, 0_usize..4), 1..40),
    ) {
        let environment = TestEnvironment::new(NOW);
        let mut model: BTreeMap<u8, (Time, RiskLevel)> = BTreeMap::new();
        let mut expected = Vec::new();
        let (mut sent, mut repeated, mut now) = (0, 0, NOW);
        for (n, (gap, key, severity)) in (0..).zip(deliveries.iter().copied()) {
            environment.clock.advance(gap);
            now = Time(now.0 + gap);
            let one = notification(n, &format!("key {key}"), LEVELS[severity]);
            let is_covered = model.get(&key).is_some_and(|(opened, before)| {
                now.0 < opened.0 + seconds && LEVELS[severity] <= *before
            });
            if !is_covered {
                model.insert(key, (now, LEVELS[severity]));
                expected.push(one.id.clone());
            }
            let result = notify(&environment, policy(seconds, 0), &one).unwrap();
            sent += result.sent.len();
            repeated += result.repeated.len();
        }
        prop_assert_eq!(sent + repeated, 2 * deliveries.len());
        for sink in received(&environment) {
            prop_assert_eq!(sink.into_iter().map(|one| one.id).collect::<Vec<_>>(), expected.clone());
        }
    }

    #[test]
    fn each_collected_alert_is_in_one_digest(
        seconds in 1_u32..100,
        deliveries in prop::collection::vec((0_u32..60, any::<bool>()), 1..30),
    ) {
        let environment = TestEnvironment::new(NOW);
        for (n, (gap, flushes)) in (0..).zip(&deliveries) {
            environment.clock.advance(*gap);
            notify(&environment, policy(0, seconds), &notification(n, "a", RiskLevel::Low)).unwrap();
            if *flushes {
                flush(&environment, policy(0, seconds)).unwrap();
            }
        }
        environment.clock.advance(seconds);
        flush(&environment, policy(0, seconds)).unwrap();
        let all: BTreeMap<u64, usize> = (0..deliveries.len() as u64).map(|n| (n, 1)).collect();
        for sink in received(&environment) {
            prop_assert_eq!(digested(&sink), all.clone());
        }
    }
}
