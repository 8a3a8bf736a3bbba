//! The laws of issued reports: what is there after a kill, a fault, late evidence, and what may be claimed.

mod editions;
mod findings;
mod kills;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
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
    operation::RiskLevel,
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
use serde_json::{Value, json};

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
    let order = Order {
        config,
        catalog: Catalog::embedded(),
        pack: &pack,
        policies: onlooker_core::grants::Policies::none(),
    };
    let scope = Scope::between(Some(window.since), Some(window.until));
    Ok(judge(Dossier::of(segment, scope), order, run)?)
}

fn run_of(world: &World, id: &str) -> Run {
    use onlooker_core::ports::Clock as _;
    Run { run_id: id.to_owned(), started_at: world.clock.now(), ..Run::default() }
}

/// A run of the function, at the world's time.
fn go(world: &World, id: &str, payload: &Value) -> Result<Issued, IssueError> {
    use onlooker_core::ports::Clock as _;
    let (window, purpose) = Window::asked(payload, world.clock.now(), 0).unwrap();
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
    use onlooker_core::ports::Clock as _;
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
