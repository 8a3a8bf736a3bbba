//! The laws of issued reports: what is there after a kill, a fault, late evidence, and what may be claimed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::{
    catalog::Catalog,
    config::{Config, Retention, Standard},
    dossier::{Dossier, Scope},
    jobs::{
        evidence::{Batch, House, Lane, keep},
        gather::read_object,
        issue::{
            Cause, IssueError, IssueFault, Issued, Known, Pending, Press, Purpose, Window, history, issue,
            latest, of_evidence, pending, revisions,
        },
        judge::{Order, judge},
        runs::{RunRecord, heartbeat, record_run},
    },
    ports::{
        Announcement, Announcer, Expected, FailureKind, Item, Object, ReadObject, Store as _, Table as _,
    },
    record::Limits,
    render::emf::Figures,
    report::{Report, Run},
    score::Status,
    standard::Pack,
    standing::Standing,
    time::{HOUR, Time},
};

use super::{
    records::{ACCOUNT, AUDITOR, REGION, denied, read, write},
    world::{Call, Plan, Strike, World},
};

/// Half past ten in the morning of the second day.
const NOW: Time = Time(1_795_255_200 / 86_400 * 86_400 + 10 * HOUR + 1_800);
const DAY: u32 = 24 * HOUR;
const INTERVAL: u32 = HOUR;

fn config() -> Config {
    let text = format!(
        "watch = [{{ principal = \"{AUDITOR}\" }}]\n[coverage]\naccounts = [\"{ACCOUNT}\"]\nregions = [\"{REGION}\"]\n\
         event_classes = [\"management-read\", \"management-write\"]\nlogged = [\"management-read\", \"management-write\"]\n\
         [delivery]\ncounts_from = \"2020-01-01T00:00:00Z\"\n"
    );
    Config::from_toml(&text, "test").unwrap()
}

/// A read in every hour of a window.
fn quiet(window: Window) -> Vec<Value> {
    let hours = window.since.hour().0..window.until.hour().0;
    hours.map(|hour| read(hour, Time(hour * HOUR + 60))).collect()
}

fn deliver(world: &World, name: &str, records: &[Value]) {
    let key = format!("evidence/{name}");
    let bytes = json!({ "Records": records }).to_string();
    assert!(world.store.port.create(&key, bytes.as_bytes(), "x").unwrap());
}

/// A report on what lies in the store, in three calls to it.
fn report(world: &World, config: &Config, window: Window, run: Run) -> Result<Report, Cause> {
    let mut records = Vec::new();
    for object in world.store.list("evidence/")? {
        let bytes = world.store.read(&object.name, None)?;
        let mut held: Value = serde_json::from_slice(&bytes)?;
        records.append(held["Records"].as_array_mut().unwrap());
    }
    let all = json!({ "Records": records }).to_string();
    let segment = read_object("all", all.as_bytes(), Limits::default()).segment;
    let pack = Pack::shipped(Standard::General)?;
    let order = Order { config, catalog: Catalog::embedded(), pack: &pack };
    let scope = Scope::between(Some(window.since), Some(window.until));
    Ok(judge(Dossier::of(segment, scope), order, run)?)
}

fn run_of(world: &World, id: &str) -> Run {
    use shared::ports::Clock as _;
    Run { run_id: id.to_owned(), started_at: world.clock.now(), ..Run::default() }
}

/// A run of the function, at the world's time.
fn go(world: &World, id: &str, payload: &Value) -> Result<Issued, IssueError> {
    use shared::ports::Clock as _;
    let (window, purpose) = Window::asked(payload, world.clock.now()).unwrap();
    go_on(world, id, window, purpose)
}

fn go_on(world: &World, id: &str, window: Window, purpose: Purpose) -> Result<Issued, IssueError> {
    let config = config();
    let reporter = |window, run| report(world, &config, window, run);
    let announcers: [&dyn Announcer; 2] = [&world.sns, &world.bus];
    let press = press(world, &reporter, &announcers);
    issue(&press, window, purpose, &run_of(world, id))
}

fn press<'a>(
    world: &'a World,
    reporter: &'a dyn Fn(Window, Run) -> Result<Report, Cause>,
    announcers: &'a [&'a dyn Announcer],
) -> Press<'a> {
    Press {
        table: &world.table,
        store: &world.store,
        announcers,
        clock: &world.clock,
        reporter,
        account: ACCOUNT,
        interval: INTERVAL,
        retention: &Retention { run_days: 30 },
    }
}

fn scheduled(world: &World, id: &str) -> Result<Issued, IssueError> {
    go(world, id, &json!({}))
}

fn status(world: &World) -> Option<Status> {
    use shared::ports::Clock as _;
    Standing::claim(latest(&world.table.port).unwrap().as_ref(), world.clock.now())
}

/// Reports and findings, by key.
fn objects(world: &World) -> BTreeMap<String, Vec<u8>> {
    let all = world.store.port.list("").unwrap().into_iter();
    let made = all.filter(|object| !object.name.starts_with("evidence/"));
    made.map(|object| (object.name.clone(), world.store.port.read(&object.name, None).unwrap())).collect()
}

/// The items, without the moments and runs they were written in.
fn items(world: &World) -> Vec<String> {
    fn timeless(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for name in
                    ["set_at", "valid_until", "generated_at", "run_id", "at", "opened_at", "resolved_at"]
                {
                    if let Some(field) = fields.get_mut(name).filter(|field| !field.is_null()) {
                        *field = "then".into();
                    }
                }
                fields.values_mut().for_each(timeless);
            }
            Value::Array(items) => items.iter_mut().for_each(timeless),
            _ => {}
        }
    }
    let line = |mut item: Item| {
        timeless(&mut item.body);
        let sort = if item.sort.starts_with("AT#") { "AT#" } else { &item.sort };
        format!("{} {sort} {} {}", item.partition, item.expires.is_some(), item.body)
    };
    world.table.port.all().into_iter().map(line).collect()
}

fn news(world: &World) -> [Vec<Announcement>; 2] {
    [&world.sns, &world.bus].map(|inbox| inbox.port.news.lock().unwrap().clone())
}

/// The first day was reported on and compliant. Since then a write of that day has come in late, and the second day holds a
/// denied write.
fn second_day() -> World {
    let world = World::new(Time(NOW.0 - DAY));
    let second = Window::standing(NOW);
    deliver(&world, "1", &quiet(second.before()));
    let first = scheduled(&world, "run-0").unwrap();
    assert_eq!(first.standing.unwrap().status, Some(Status::Compliant));
    deliver(&world, "2", &quiet(second));
    deliver(
        &world,
        "3",
        &[write(1, Time(second.before().since.0 + 90)), denied(write(2, Time(second.since.0 + 90)))],
    );
    world.clock.set(NOW);
    world.faults.revive();
    world
}

#[test]
fn a_scheduled_run_issues_the_last_24_hours_and_says_until_when_its_status_holds() {
    let world = second_day();
    let issued = scheduled(&world, "run-1").unwrap();
    let standing = issued.standing.clone().unwrap();
    let report = standing.report.clone().unwrap();
    assert_eq!((standing.status, report.revision, report.findings > 0), (Some(Status::Compliant), 1, true));
    assert_eq!((report.since, report.until), (Time(NOW.0 - 1_800 - DAY), Time(NOW.0 - 1_800)));
    assert_eq!(standing.valid_until, Time(NOW.0 + 2 * INTERVAL));
    assert_eq!(status(&world), Some(Status::Compliant));
    world.clock.advance(2 * INTERVAL);
    assert_eq!(status(&world), Some(Status::InsufficientEvidence));
    let keys = objects(&world);
    let stem = "reports/account=111122223333/dt=2026-11-21/20261120T100000Z_20261121T100000Z_r0001_";
    let of_second = keys.keys().filter(|key| key.starts_with(stem)).count();
    assert_eq!(of_second, 8, "{:?}", keys.keys());
    let key_is_safe = |key: &String| key.chars().all(|c| c.is_ascii_alphanumeric() || "/=_-.".contains(c));
    assert!(keys.keys().all(key_is_safe), "{:?}", keys.keys());
    let json: Report = serde_json::from_slice(&keys[&report.key]).unwrap();
    assert_eq!((json.id, json.run.revision, json.run.run_id.as_str()), (report.id, Some(1), "run-1"));
    // Late evidence on the first day made a second revision, and that was told.
    let first = issued.reports.iter().find(|printed| printed.purpose == Purpose::Late).unwrap();
    assert_eq!(
        (first.revision.report.revision, first.revision.report.status),
        (2, Some(Status::NonCompliant))
    );
    for told in news(&world) {
        let told: Vec<_> = told
            .iter()
            .map(|news| (news.kind, news.detail["subject"].clone(), news.detail["status"].clone()))
            .collect();
        let kind = "Read-Only Status Changed";
        assert_eq!(
            told,
            [(kind, "latest".into(), "COMPLIANT".into()), (kind, "revision".into(), "NON_COMPLIANT".into())]
        );
    }
    assert_eq!(history(&world.table.port, "2026-11-").unwrap().len(), 2);
    assert_eq!(pending(&press(&world, &|_, _| Err("no".into()), &[])).unwrap(), []);
}

#[test]
fn the_same_evidence_issues_nothing_new_and_renews_the_standing() {
    let world = second_day();
    scheduled(&world, "run-1").unwrap();
    let (before, told) = (objects(&world), news(&world));
    world.clock.advance(600);
    let again = scheduled(&world, "run-2").unwrap();
    assert!(again.reports.iter().all(|printed| !printed.is_new));
    assert_eq!((objects(&world), news(&world)), (before, told));
    assert_eq!(again.standing.unwrap().valid_until, Time(NOW.0 + 600 + 2 * INTERVAL));
    assert_eq!(history(&world.table.port, "").unwrap().len(), 2);
}

#[test]
fn revisions_rise_one_by_one_and_change_nothing_that_is_there() {
    let world = second_day();
    let window = Window::standing(NOW);
    for n in 1..=4 {
        let before = objects(&world);
        scheduled(&world, &format!("run-{n}")).unwrap();
        let after = objects(&world);
        assert!(before.iter().all(|(key, bytes)| after.get(key) == Some(bytes)));
        let numbers: Vec<u32> = revisions(&press(&world, &|_, _| Err("no".into()), &[]), window)
            .unwrap()
            .iter()
            .map(|revision| revision.report.revision)
            .collect();
        assert_eq!(numbers, (1..=n).collect::<Vec<_>>());
        deliver(&world, &format!("more-{n}"), &[read(n, Time(window.since.0 + 100 + n))]);
    }
}

#[test]
fn killed_anywhere_and_tried_again_all_is_as_without() {
    let clean = |wait: u32, id: &str| {
        let world = second_day();
        world.clock.advance(wait);
        scheduled(&world, id).unwrap();
        world
    };
    let (first, second) = (clean(0, "run-1"), clean(60, "run-2"));
    // A revision tells of one run, whichever it was: its objects are all of the first attempt or all of the second.
    let stem = |key: &str| key.split('.').next().unwrap().rsplit('/').next().unwrap().to_owned();
    let by_stem = |world: &World| {
        let mut all: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for (key, bytes) in objects(world) {
            all.entry(stem(&key)).or_default().insert(key, bytes);
        }
        all
    };
    let (of_first, of_second) = (by_stem(&first), by_stem(&second));
    let ids = |news: &[Announcement]| news.iter().map(|news| news.id.clone()).collect::<BTreeSet<_>>();
    let mut kills = 0;
    for strike in [Strike::Before, Strike::After] {
        for at in 0.. {
            let world = second_day();
            world.faults.plan(Plan::Kill { at, strike });
            let done = scheduled(&world, "run-1");
            if !world.faults.killed() {
                done.unwrap();
                break;
            }
            kills += 1;
            assert!(done.is_err(), "killed at {at} and none the wiser");
            let calls = world.faults.revive();
            let place = format!("killed at {at}, {:?}", calls.last());
            world.clock.advance(60);
            scheduled(&world, "run-2").unwrap_or_else(|error| panic!("{place}: {error} {:?}", error.also));
            if calls.iter().any(|call| call.about.starts_with("STATUS PENDING#") && call.method == "put") {
                // Owed reports come first, and windows of the past wait for the next run.
                world.clock.advance(60);
                scheduled(&world, "run-3").unwrap();
            }
            for (stem, objects) in by_stem(&world) {
                let is_of = |clean: &BTreeMap<_, _>| clean.get(&stem) == Some(&objects);
                let is_third =
                    objects.values().any(|bytes| bytes.windows(7).any(|text| text == b"\"run-3\""));
                assert!(is_of(&of_first) || is_of(&of_second) || is_third, "{place}: {stem}");
            }
            assert_eq!(
                by_stem(&world).keys().collect::<Vec<_>>(),
                of_first.keys().collect::<Vec<_>>(),
                "{place}"
            );
            assert_eq!(items(&world), items(&first), "{place}");
            for (told, wanted) in news(&world).iter().zip(&news(&first)) {
                assert_eq!(ids(told), ids(wanted), "{place}");
            }
            let repeated: usize = news(&world).iter().map(Vec::len).sum::<usize>()
                - news(&first).iter().map(Vec::len).sum::<usize>();
            assert!(repeated <= 1, "{place}: {repeated} repeated");
        }
    }
    assert!(kills > 50, "{kills} kills");
}

#[test]
fn whatever_fails_the_run_fails_nothing_is_claimed_and_the_next_run_puts_it_right() {
    let calls = {
        let world = second_day();
        scheduled(&world, "run-1").unwrap();
        world.faults.revive()
    };
    for strike in [Strike::Before, Strike::After] {
        for (at, struck) in calls.iter().enumerate() {
            let world = second_day();
            let which = Box::new(move |number, _: &Call| number == at);
            world.faults.plan(Plan::Fail { kind: FailureKind::Throttled, strike, which });
            let error = scheduled(&world, "run-1").expect_err("a fault went unnoticed");
            let place = format!("struck at {at}, {struck:?}");
            world.faults.revive();
            assert_ne!(status(&world), Some(Status::Compliant), "{place}");
            let owed = pending(&press(&world, &|_, _| Err("no".into()), &[])).unwrap();
            assert!(owed.iter().any(|owed| owed.window == error.window && owed.reason.is_some()), "{place}");
            let standing = latest(&world.table.port).unwrap().unwrap();
            assert!(standing.reason.unwrap().contains("is not done"), "{place}");
            world.clock.advance(60);
            scheduled(&world, "run-2").unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(status(&world), Some(Status::Compliant), "{place}");
            let said: Vec<_> = news(&world).iter().map(|told| told.iter().rev().find(|news| news.detail["subject"] == "latest").unwrap().detail["status"].clone()).collect();
            assert_eq!(said, ["COMPLIANT", "COMPLIANT"], "{place}: the last word");
            assert_eq!(pending(&press(&world, &|_, _| Err("no".into()), &[])).unwrap(), [], "{place}");
        }
    }
}

#[test]
fn while_a_service_is_away_nothing_is_claimed_and_nothing_is_lost() {
    type Which = fn(&Call) -> bool;
    let outages: [(&str, Which); 5] = [
        ("the evidence", |call| call.about.starts_with("evidence/")),
        ("a full store", |call| call.method == "create"),
        ("the store", |call| call.port == "store"),
        ("revisions", |call| call.about.starts_with("WINDOW#")),
        ("announcers", |call| call.method == "announce"),
    ];
    for (name, which) in outages {
        let world = second_day();
        // A compliant status that was never told of would be news again, so let it lapse first.
        deliver(&world, "4", &[write(9, Time(NOW.0 - HOUR))]);
        world.faults.plan(Plan::Fail {
            kind: FailureKind::Unavailable,
            strike: Strike::Before,
            which: Box::new(move |_, call| which(call)),
        });
        for n in 0..3 {
            scheduled(&world, &format!("run-{n}")).expect_err(name);
            assert_ne!(status(&world), Some(Status::Compliant), "{name}");
            world.clock.advance(60);
        }
        world.faults.revive();
        scheduled(&world, "run-9").unwrap();
        assert_eq!(status(&world), Some(Status::NonCompliant), "{name}");
        let last = |told: &[Announcement]| {
            told.iter().rev().find(|news| news.detail["subject"] == "latest").unwrap().detail["status"]
                .clone()
        };
        assert!(news(&world).iter().all(|told| last(told) == "NON_COMPLIANT"), "{name}");
    }
}

#[test]
fn with_the_table_away_the_standing_lapses_by_itself() {
    let world = second_day();
    let which = Box::new(|_, call: &Call| call.port == "table");
    world.faults.plan(Plan::Fail { kind: FailureKind::Unavailable, strike: Strike::Before, which });
    let error = scheduled(&world, "run-1").unwrap_err();
    assert!(!error.also.is_empty());
    assert_eq!(status(&world), Some(Status::InsufficientEvidence), "yesterday's standing has lapsed");
    world.faults.revive();
    scheduled(&world, "run-2").unwrap();
    assert_eq!(status(&world), Some(Status::Compliant));
}

#[test]
fn a_broken_promise_is_not_forgiven_because_nobody_could_be_told() {
    let world = second_day();
    deliver(&world, "4", &[write(9, Time(NOW.0 - HOUR))]);
    let which = Box::new(|_, call: &Call| call.port == "events");
    world.faults.plan(Plan::Fail { kind: FailureKind::Denied, strike: Strike::Before, which });
    scheduled(&world, "run-1").unwrap_err();
    assert_eq!(status(&world), Some(Status::NonCompliant));
    world.faults.revive();
    world.clock.advance(60);
    scheduled(&world, "run-2").unwrap();
    let [sns, bus] = news(&world).map(|told| {
        told.iter()
            .filter(|news| news.detail["status"] == "NON_COMPLIANT" && news.detail["subject"] == "latest")
            .count()
    });
    assert_eq!((sns, bus), (1, 1));
}

fn findings(world: &World) -> BTreeMap<String, (Known, Option<Time>)> {
    let items = world.table.port.query("FINDINGS", "").unwrap().into_iter();
    items.map(|item| (item.sort, (serde_json::from_value(item.body).unwrap(), item.expires))).collect()
}

#[test]
fn findings_open_resolve_and_come_back_and_only_the_standing_window_decides() {
    let world = second_day();
    let of = |rule: &str| {
        let found: Vec<_> = findings(&world).into_values().filter(|(known, _)| known.id == rule).collect();
        assert_eq!(found.len(), 1, "{rule}");
        found.into_iter().next().unwrap()
    };
    scheduled(&world, "run-1").unwrap();
    let (denial, expires) = of("write-denied");
    assert!(denial.open && expires.is_none() && denial.reopened == 0 && denial.opened_at == Some(NOW));
    // The late write of the first day is written down; it is not in the newest report, so it is not open.
    let (late, expires) = of("write-succeeded");
    assert!(!late.open && late.opened_at.is_none() && expires == Some(Time(NOW.0 + 30 * 86_400)));
    // Reports somebody asks for change nothing of it.
    let before = items(&world).into_iter().filter(|item| !item.starts_with("WINDOW#")).collect::<Vec<_>>();
    let (since, until) = (Time(NOW.0 - 1_800 - 5 * HOUR), Time(NOW.0 - 1_800));
    let asked =
        go(&world, "run-2", &json!({"since": since.to_string(), "until": until.to_string()})).unwrap();
    assert_eq!((asked.standing.is_none(), asked.reports.len()), (true, 1));
    assert_eq!(
        items(&world).into_iter().filter(|item| !item.starts_with("WINDOW#")).collect::<Vec<_>>(),
        before
    );
    // A day later the denial is out of the window; then it comes back.
    let third = Window::standing(Time(NOW.0 + DAY));
    deliver(&world, "5", &quiet(third));
    world.clock.set(Time(NOW.0 + DAY));
    let issued = scheduled(&world, "run-3").unwrap();
    assert_eq!(issued.reports[0].findings.resolved, 1);
    let (denial, expires) = of("write-denied");
    assert!(!denial.open && denial.resolved_at == Some(Time(NOW.0 + DAY)) && expires.is_some());
    deliver(&world, "6", &[denied(write(7, Time(third.since.0 + 200)))]);
    scheduled(&world, "run-4").unwrap();
    let (denial, expires) = of("write-denied");
    assert!(denial.open && denial.reopened == 1 && expires.is_none() && denial.opened_at == Some(NOW));
    assert_eq!(denial.last_seen, Some(Time(third.since.0 + 200)));
    assert_eq!(denial.first_seen, Some(Time(Window::standing(NOW).since.0 + 90)));
}

#[test]
fn a_report_somebody_asks_for_never_makes_a_status() {
    let world = second_day();
    deliver(&world, "4", &[write(9, Time(NOW.0 - 20 * HOUR))]);
    scheduled(&world, "run-1").unwrap();
    assert_eq!(status(&world), Some(Status::NonCompliant));
    let (since, until) = (Time(NOW.0 - 1_800 - 3 * HOUR), Time(NOW.0 - 1_800));
    let asked =
        go(&world, "run-2", &json!({"since": since.to_string(), "until": until.to_string()})).unwrap();
    assert_eq!(asked.reports[0].revision.report.status, Some(Status::Compliant));
    assert_eq!(status(&world), Some(Status::NonCompliant));
}

#[test]
fn what_is_owed_comes_first_and_what_always_fails_is_laid_aside() {
    let world = second_day();
    // An hour before the second day's run, the evidence cannot be read.
    world.clock.set(Time(NOW.0 - HOUR));
    let fail = |kind, which: fn(&Call) -> bool| Plan::Fail {
        kind,
        strike: Strike::Before,
        which: Box::new(move |_, call| which(call)),
    };
    world.faults.plan(fail(FailureKind::Denied, |call| call.about.starts_with("evidence/")));
    let lost = scheduled(&world, "run-1").unwrap_err().window;
    world.faults.revive();
    world.clock.set(NOW);
    let issued = scheduled(&world, "run-2").unwrap();
    let order: Vec<_> = issued.reports.iter().map(|printed| (printed.window, printed.purpose)).collect();
    assert_eq!(order, [(lost, Purpose::Late), (Window::standing(NOW), Purpose::Standing)]);
    // Now one that fails for ever: somebody else's object lies under its key.
    let other = Window { since: Time(lost.since.0 + HOUR), until: Time(lost.since.0 + 2 * HOUR) };
    let asked = json!({"since": other.since.to_string(), "until": other.until.to_string()});
    let probe = second_day();
    let key = go(&probe, "run-x", &asked).unwrap().reports[0].revision.report.key.clone();
    world.store.port.create(&key, b"{}", "x").unwrap();
    let error = go(&world, "run-3", &asked).unwrap_err();
    assert!(matches!(&*error.fault, IssueFault::Occupied { key: found } if *found == key), "{error}");
    for n in 0..4 {
        assert_ne!(status(&world), Some(Status::Compliant));
        world.clock.advance(60);
        scheduled(&world, &format!("run-4-{n}")).unwrap_err();
    }
    world.clock.advance(60);
    let issued = scheduled(&world, "run-5").unwrap();
    let aside: Vec<Window> = issued.laid_aside.iter().map(|aside: &Pending| aside.window).collect();
    assert_eq!((aside, status(&world)), (vec![other], Some(Status::Compliant)));
    assert_eq!(world.store.port.read(&key, None).unwrap(), b"{}", "nothing is written over");
    // Asking for it tries it again, and once it is issued it is owed no more.
    world.store.port.damage(&key, None);
    go(&world, "run-6", &asked).unwrap();
    assert!(scheduled(&world, "run-7").unwrap().laid_aside.is_empty());
}

#[test]
fn a_forged_report_under_the_next_key_is_not_taken_over() {
    let probe = second_day();
    let printed = scheduled(&probe, "run-1").unwrap().reports[0].clone();
    let key = printed.revision.report.key;
    let mut forged: Report = serde_json::from_slice(&objects(&probe)[&key]).unwrap();
    forged.result.findings.clear();
    let world = second_day();
    world.store.port.create(&key, serde_json::to_string(&forged).unwrap().as_bytes(), "x").unwrap();
    let error = scheduled(&world, "run-1").unwrap_err();
    assert!(matches!(*error.fault, IssueFault::Occupied { .. }), "{error}");
    assert_eq!(status(&world), Some(Status::InsufficientEvidence));
}

#[test]
fn an_older_window_never_replaces_a_newer_standing() {
    let world = second_day();
    scheduled(&world, "run-1").unwrap();
    let late = go_on(&world, "run-0", Window::standing(Time(NOW.0 - HOUR)), Purpose::Standing).unwrap();
    assert_eq!(late.reports[0].purpose, Purpose::Late);
    assert_eq!(latest(&world.table.port).unwrap().unwrap().report.unwrap().until, Time(NOW.0 - 1_800));
}

#[test]
fn a_slow_run_does_not_follow_a_quick_one_with_less_evidence() {
    let world = second_day();
    let config = config();
    let calls = std::cell::Cell::new(0);
    let slow = |window: Window, run: Run| {
        let made = report(&world, &config, window, run);
        calls.set(calls.get() + 1);
        if calls.get() == 1 {
            // While this run is at it, a write comes in and another run reports it.
            deliver(&world, "4", &[write(9, Time(NOW.0 - HOUR))]);
            scheduled(&world, "quick").unwrap();
        }
        made
    };
    let announcers: [&dyn Announcer; 2] = [&world.sns, &world.bus];
    let press = press(&world, &slow, &announcers);
    issue(&press, Window::standing(NOW), Purpose::Standing, &run_of(&world, "slow")).unwrap();
    assert_eq!(status(&world), Some(Status::NonCompliant));
    let revisions = revisions(&press, Window::standing(NOW)).unwrap();
    let runs: Vec<&str> = revisions.iter().map(|revision| revision.report.run_id.as_str()).collect();
    assert_eq!(runs, ["quick"]);
}

#[test]
fn a_run_that_is_short_of_time_leaves_the_past_for_later() {
    let world = second_day();
    world.clock.allow(300);
    let config = config();
    let slow = |window, run| {
        world.clock.advance(200);
        report(&world, &config, window, run)
    };
    let announcers: [&dyn Announcer; 2] = [&world.sns, &world.bus];
    let issued = issue(
        &press(&world, &slow, &announcers),
        Window::standing(NOW),
        Purpose::Standing,
        &run_of(&world, "r"),
    )
    .unwrap();
    assert!(issued.was_short_of_time && issued.reports.len() == 1);
}

#[test]
fn reports_are_made_of_the_evidence_that_is_kept() {
    let world = second_day();
    let house = House::new(&world.table, &world.store);
    let window = Window::standing(NOW);
    let bytes = json!({ "Records": quiet(window) }).to_string();
    let gathered = read_object("logs/1", bytes.as_bytes(), Limits::default());
    let object = Object { name: "logs/1".to_owned(), size: bytes.len() as u64, version: "1".to_owned() };
    let read = ReadObject { object, sha256: "0".repeat(64), records: 24, unreadable: Vec::new() };
    let mut batch = Batch::new(Lane::S3, "a".repeat(64));
    batch.add(gathered.segment, window.since.hour(), read);
    keep(&house, batch).unwrap();
    let (config, pack) = (config(), Pack::shipped(Standard::General).unwrap());
    let order = Order { config: &config, catalog: Catalog::embedded(), pack: &pack };
    let reporter = of_evidence(&house, order, 2);
    let announcers: [&dyn Announcer; 2] = [&world.sns, &world.bus];
    let press = press(&world, &reporter, &announcers);
    let issued = issue(&press, window, Purpose::Standing, &run_of(&world, "run-1")).unwrap();
    assert_eq!(issued.standing.unwrap().status, Some(Status::Compliant));
    let stored: Report =
        serde_json::from_slice(&objects(&world)[&issued.reports[0].revision.report.key]).unwrap();
    assert_eq!((stored.result.totals.events, stored.run.objects_kept, stored.run.inputs.len()), (24, 1, 1));
}

#[test]
fn a_run_leaves_a_record_and_a_heartbeat() {
    let world = World::new(NOW);
    let retention = Retention { run_days: 7 };
    let run = |n: u32| RunRecord {
        run_id: format!("run-{n}"),
        request_id: Some("request".to_owned()),
        caller: None,
        started_at: Time(NOW.0 + n),
        ended_at: Time(NOW.0 + n),
        error: None,
        figures: serde_json::Map::new(),
    };
    let figures = Figures::default().count("records", 3);
    let well = run(0).ended(Time(NOW.0 + 5), Ok(()), &figures);
    for _ in 0..2 {
        record_run(&world.table, &retention, "report", &well).unwrap();
    }
    let cause = std::io::Error::other("no\u{1b}[2J way");
    let badly = run(10).ended(Time(NOW.0 + 15), Err(&cause), &Figures::default());
    record_run(&world.table, &retention, "report", &badly).unwrap();
    let items = world.table.port.all();
    assert_eq!(items.len(), 3);
    assert_eq!(items[0].expires, Some(Time(NOW.0 + 5 + 7 * 86_400)));
    assert_eq!(items[0].body["figures"], json!({"records": 3}));
    let beat = heartbeat(&world.table, "report").unwrap().unwrap();
    assert_eq!((beat.run, beat.succeeded_at), (badly, Some(Time(NOW.0 + 5))));
    assert!(!heartbeat(&world.table, "report").unwrap().unwrap().run.error.unwrap().contains('\u{1b}'));
    assert_eq!(heartbeat(&world.table, "watch").unwrap(), None);
    let item = Item {
        partition: "RUN#x".into(),
        sort: "LATEST".into(),
        revision: 0,
        expires: None,
        body: json!({}),
    };
    world.table.put(&item, Expected::Anything).unwrap();
    assert_eq!(heartbeat(&world.table, "x").unwrap(), None);
}
