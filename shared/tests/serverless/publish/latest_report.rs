//! The newest report under keys that do not change, and the event about each new revision.

use onlooker_core::{
    jobs::publish::{LATEST_HTML, LATEST_INDEX, LATEST_JSON},
    ports::LatestReports,
};

use super::*;

/// Publishes with the newest report and the events about reports.
fn invoke_with_latest(
    environment: &TestEnvironment,
    id: &str,
    window: ReportWindow,
    purpose: ReportPurpose,
    latest_reports: &dyn LatestReports,
) -> Result<PublishedReports, PublishError> {
    let config = config();
    let reporter = |window, run| report(environment, &config, window, run);
    let sinks: [&dyn NotificationSink; 2] = [&environment.sns, &environment.event_bus];
    let publisher = ReportPublisher {
        report_sinks: &sinks[1..],
        latest_reports: Some(latest_reports),
        ..report_publisher(environment, &reporter, &sinks)
    };
    publish(&publisher, window, purpose, &run_of(environment, id))
}

fn latest_json(environment: &TestEnvironment) -> Report {
    serde_json::from_slice(&objects(environment)[LATEST_JSON]).unwrap()
}

fn index_page(environment: &TestEnvironment) -> String {
    String::from_utf8(objects(environment)[LATEST_INDEX].clone()).unwrap()
}

/// Keys of the reports that events announced, in order.
fn announced(environment: &TestEnvironment) -> Vec<String> {
    let [_, on_the_bus] = notifications(environment);
    let issued = on_the_bus.into_iter().filter(|one| one.detail_type == "Read-Only Report Issued");
    issued.map(|one| one.detail["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_newest_report_has_keys_that_do_not_change() {
    let environment = environment_on_second_day();
    let window = ReportWindow::current(NOW);
    let publish = |id| {
        let store = &environment.store;
        invoke_with_latest(&environment, id, window, ReportPurpose::Current, store).unwrap()
    };
    let first = publish("run-1").reports[0].revision.clone();
    let all = objects(&environment);
    assert_eq!(all[LATEST_JSON], all[&first.report.report_key]);
    assert_eq!(all[LATEST_HTML], all[&first.keys[1]]);
    let index = index_page(&environment);
    assert!(index.contains(&format!("href=\"../{}\"", first.report.page_key())), "{index}");
    // A requested report is announced and is not the newest one.
    let earlier = window.previous();
    let store = &environment.store;
    let requested =
        invoke_with_latest(&environment, "run-2", earlier.previous(), ReportPurpose::Requested, store)
            .unwrap();
    assert_eq!(latest_json(&environment).id, first.report.id);
    // An unchanged report is announced once, and is not written again.
    environment.injector.reset();
    publish("run-3");
    assert!(environment.injector.reset().iter().all(|call| call.method != "replace"));
    let keys = announced(&environment);
    for revision in [&first, &requested.reports[0].revision] {
        assert_eq!(keys.iter().filter(|key| **key == revision.report.report_key).count(), 1, "{keys:?}");
    }
    let [by_mail, _] = notifications(&environment);
    assert!(by_mail.iter().all(|one| one.detail_type != "Read-Only Report Issued"));
}

#[test]
fn a_run_killed_anywhere_is_completed_by_its_retry() {
    let window = ReportWindow::current(NOW);
    let publish = |environment: &TestEnvironment| {
        invoke_with_latest(environment, "run", window, ReportPurpose::Current, &environment.store)
    };
    let undisturbed = environment_on_second_day();
    undisturbed.injector.reset();
    publish(&undisturbed).unwrap();
    let calls = undisturbed.injector.reset();
    let expected = announced(&undisturbed);
    for at in (0..calls.len()).step_by(3) {
        let environment = environment_on_second_day();
        let timing = if at % 2 == 0 { FaultTiming::Before } else { FaultTiming::After };
        environment.injector.plan(FaultPlan::Kill { at, timing });
        drop(publish(&environment));
        environment.injector.reset();
        // A claim of a killed run expires.
        environment.clock.advance(60);
        publish(&environment).unwrap();
        let status = latest(&environment.table.port).unwrap().unwrap();
        let all = objects(&environment);
        assert_eq!(all[LATEST_JSON], all[&status.report.unwrap().report_key], "{:?}", calls[at]);
        let keys = announced(&environment);
        assert!(expected.iter().all(|key| keys.contains(key)), "{:?}: {keys:?}", calls[at]);
    }
}

#[test]
fn the_index_says_what_changed_between_the_two_newest_reports() {
    let environment = environment_on_second_day();
    let publish = |id, now| {
        let (window, store) = (ReportWindow::current(now), &environment.store);
        invoke_with_latest(&environment, id, window, ReportPurpose::Current, store).unwrap();
        latest_json(&environment).id
    };
    let first = publish("run-1", NOW);
    environment.clock.advance(DAY);
    let second = publish("run-2", Time(NOW.0 + DAY));
    let short = |id: &str| format!("<code>{}</code>", id.get(..12).unwrap());
    let index = index_page(&environment);
    assert!(index.contains(&format!("From report {} to {}", short(&first), short(&second))), "{index}");
}

/// A store in which a faster run publishes the report on the next day before the slow run writes.
struct OvertakenStore<'e> {
    environment: &'e TestEnvironment,
    is_overtaken: std::sync::atomic::AtomicBool,
}

impl LatestReports for OvertakenStore<'_> {
    fn replace(
        &self,
        key: &str,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<(), onlooker_core::ports::PortError> {
        if !self.is_overtaken.swap(true, std::sync::atomic::Ordering::Relaxed) {
            self.environment.clock.advance(DAY);
            let window = ReportWindow::current(Time(NOW.0 + DAY));
            invoke_with_latest(
                self.environment,
                "fast",
                window,
                ReportPurpose::Current,
                &self.environment.store,
            )
            .unwrap();
        }
        self.environment.store.replace(key, bytes, media_type)
    }
}

#[test]
fn a_slow_run_does_not_leave_an_older_report_as_the_newest() {
    let environment = environment_on_second_day();
    let slow = OvertakenStore { environment: &environment, is_overtaken: false.into() };
    let window = ReportWindow::current(NOW);
    drop(invoke_with_latest(&environment, "slow", window, ReportPurpose::Current, &slow));
    let status = latest(&environment.table.port).unwrap().unwrap();
    let newest = status.report.unwrap();
    assert_eq!(newest.until, ReportWindow::current(Time(NOW.0 + DAY)).until);
    let all = objects(&environment);
    assert_eq!(all[LATEST_JSON], all[&newest.report_key]);
}

#[test]
fn the_index_tells_of_a_failure() {
    let environment = environment_on_second_day();
    let window = ReportWindow::current(NOW);
    let publish =
        |id| invoke_with_latest(&environment, id, window, ReportPurpose::Current, &environment.store);
    publish("run-1").unwrap();
    let is_report = |_, call: &PortCall| call.method == "create" && call.target.starts_with("reports/");
    environment.clock.advance(DAY);
    environment.injector.reset();
    environment.injector.plan(FaultPlan::Fail {
        kind: PortErrorKind::Unavailable,
        timing: FaultTiming::Before,
        matching: Box::new(is_report),
    });
    let window = ReportWindow::current(Time(NOW.0 + DAY));
    let failed =
        invoke_with_latest(&environment, "run-2", window, ReportPurpose::Current, &environment.store);
    let error = failed.unwrap_err();
    assert_eq!(error.other_errors, [] as [String; 0]);
    let index = index_page(&environment);
    assert!(index.contains("cannot publish the report about"), "{index}");
    assert_eq!(index.matches("<tr><th scope=\"row\">").count(), 3, "two days and the failure");
}
