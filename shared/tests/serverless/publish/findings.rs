//! The finding history over several reports.

use super::*;

fn findings(environment: &TestEnvironment) -> BTreeMap<String, (FindingRecord, Option<Time>)> {
    let items = environment.table.port.query("FINDINGS", "").unwrap().into_iter();
    items.map(|item| (item.sort_key, (serde_json::from_value(item.body).unwrap(), item.expires_at))).collect()
}

#[test]
fn findings_open_resolve_and_reopen_by_the_current_status_window_only() {
    let environment = environment_on_second_day();
    let of = |rule: &str| {
        let found: Vec<_> =
            findings(&environment).into_values().filter(|(known, _)| known.id == rule).collect();
        assert_eq!(found.len(), 1, "{rule}");
        found.into_iter().next().unwrap()
    };
    invoke_scheduled(&environment, "run-1").unwrap();
    let (denial, expires) = of("write-denied");
    assert!(denial.open && expires.is_none() && denial.reopened == 0 && denial.opened_at == Some(NOW));
    // The late write of the first day is recorded; it is not in the newest report, so it is not open.
    let (late, expires) = of("write-succeeded");
    assert!(!late.open && late.opened_at.is_none() && expires == Some(Time(NOW.0 + 30 * 86_400)));
    // Requested reports do not change the history.
    let before =
        items(&environment).into_iter().filter(|item| !item.starts_with("WINDOW#")).collect::<Vec<_>>();
    let (since, until) = (Time(NOW.0 - 1_800 - 5 * HOUR_SECONDS), Time(NOW.0 - 1_800));
    let asked =
        invoke(&environment, "run-2", &json!({"since": since.to_string(), "until": until.to_string()}))
            .unwrap();
    assert_eq!((asked.current_status.is_none(), asked.reports.len()), (true, 1));
    assert_eq!(
        items(&environment).into_iter().filter(|item| !item.starts_with("WINDOW#")).collect::<Vec<_>>(),
        before
    );
    // A day later the denial is outside the window; then another denial reopens the finding.
    let third = ReportWindow::current(Time(NOW.0 + DAY));
    deliver(&environment, "5", &reads_in_every_hour(third));
    environment.clock.set(Time(NOW.0 + DAY));
    let published = invoke_scheduled(&environment, "run-3").unwrap();
    assert_eq!(published.reports[0].findings.resolved, 1);
    let (denial, expires) = of("write-denied");
    assert!(!denial.open && denial.resolved_at == Some(Time(NOW.0 + DAY)) && expires.is_some());
    deliver(&environment, "6", &[denied(write(7, Time(third.since.0 + 200)))]);
    invoke_scheduled(&environment, "run-4").unwrap();
    let (denial, expires) = of("write-denied");
    assert!(denial.open && denial.reopened == 1 && expires.is_none() && denial.opened_at == Some(NOW));
    assert_eq!(denial.last_seen, Some(Time(third.since.0 + 200)));
    assert_eq!(denial.first_seen, Some(Time(ReportWindow::current(NOW).since.0 + 90)));
}
