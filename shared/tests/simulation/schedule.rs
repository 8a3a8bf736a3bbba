//! One schedule: which process goes on next, and what happens to its call.
//!
//! Enters: a seed, and a list of faults if they are not drawn. Leaves: an [`Outcome`]. Laws: it is a function of what enters: of two
//! things that are due, the one that was planned first comes first, and each call takes a time that the seed gives to it; after the
//! last fault the world comes to rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use onlooker_core::ports::PortErrorKind;
use serde_json::json;

use super::{
    baton::{Call, Ended, Go, Pause, Process},
    deliveries::{Deliveries, Message},
    draw::Dice,
    faults::{Fault, FaultKind, FaultPlan},
    functions::Invocation,
    planted::Defect,
    ports::ProcessPorts,
    world::World,
    workload::{HOURS, Workload},
};

/// Most steps of a schedule: some ten times as many as most have.
const MAX_STEPS: u64 = 60_000;

/// Attempts of an invocation that fails, as in `template.yaml`.
const MAX_ATTEMPTS: u32 = 3;

/// What a schedule left.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Violated laws, as sentences.
    pub violations: Vec<String>,
    /// The faults that happened.
    pub happened: Vec<Fault>,
    /// What happened, step by step.
    pub trace: Vec<String>,
    /// Number of calls.
    pub steps: u64,
    /// Processes by function.
    pub processes: BTreeMap<&'static str, u64>,
    /// Statuses that were judged while the schedule ran.
    pub judged: BTreeMap<String, u64>,
}

/// What is due at a time.
#[derive(Clone, Debug)]
pub enum Due {
    /// A process goes on.
    Process(usize),
    /// A process starts: its name without the attempt, what invoked it, and the number of the attempt.
    Start(String, Invocation, u32),
    /// A log file is delivered.
    File(usize),
    /// A message is visible.
    Message(usize),
    /// An event is delivered.
    Event(u32, String),
    /// The clock of the functions steps.
    ClockStep(i64),
    /// The table is copied.
    CopyTable,
    /// The copy takes the place of the table.
    RestoreTable,
}

/// A process that runs.
struct Running {
    process: Process,
    name: String,
    invocation: Invocation,
    attempt: u32,
    base: String,
    call: Option<Call>,
    /// Number of its calls so far.
    calls: u64,
    /// Whether its call was delayed already.
    is_delayed: bool,
    started: u64,
    messages: Vec<usize>,
}

/// A span of time in which calls fail.
pub(super) struct Outage {
    from: u64,
    until: u64,
    kind: FaultKind,
}

/// A schedule that runs.
pub struct Schedule {
    pub(super) world: Arc<World>,
    pub(super) dice: Dice,
    pub(super) plan: FaultPlan,
    pub(super) deliveries: Deliveries,
    due: BTreeMap<(u64, u64), Due>,
    planned: u64,
    running: BTreeMap<usize, Running>,
    names: BTreeSet<String>,
    pub(super) outages: Vec<Outage>,
    pub(super) outcome: Outcome,
}

/// Runs a schedule to its end.
pub fn run(seed: u64, faults: Option<&[Fault]>, defect: Option<Defect>) -> Outcome {
    let dice = Dice { seed };
    let plan = faults.map_or_else(|| FaultPlan::drawn(dice), |faults| FaultPlan::listed(dice, faults));
    let world = Arc::new(World::new(Workload::new(dice), defect));
    let mut schedule = Schedule {
        world,
        dice,
        plan,
        deliveries: Deliveries::default(),
        due: BTreeMap::new(),
        planned: 0,
        running: BTreeMap::new(),
        names: BTreeSet::new(),
        outages: Vec::new(),
        outcome: Outcome::default(),
    };
    schedule.plan_workload();
    schedule.plan_runs();
    schedule.plan_disturbances();
    schedule.drain();
    schedule.come_to_rest();
    schedule.check_rest();
    let Schedule { world, plan, mut outcome, .. } = schedule;
    let seen = std::mem::take(&mut *world.seen.lock().unwrap());
    outcome.violations.splice(0..0, seen.violations);
    outcome.judged = seen.judged;
    outcome.happened = plan.happened;
    outcome
}

impl Schedule {
    /// Plans something at a time in milliseconds.
    pub(super) fn at(&mut self, milliseconds: u64, due: Due) {
        self.planned += 1;
        self.due.insert((milliseconds, self.planned), due);
    }

    pub(super) fn note(&mut self, text: String) {
        self.outcome.trace.push(format!("{} {text}", self.world.true_time()));
    }

    fn plan_workload(&mut self) {
        let begin = self.world.milliseconds();
        for n in 0..self.world.workload.files.len() {
            let early = self.dice.roll("early file", n as u64, 600_000);
            let delivered = u64::from(self.world.workload.files[n].delivered.0) * 1_000;
            self.at(delivered.max(begin + early), Due::File(n));
        }
        let calls = self.world.workload.calls.clone();
        for (number, call) in calls.into_iter().filter(|(_, call)| call.is_watched) {
            let at = u64::from(call.time.0) * 1_000 + 90_000;
            if at < begin {
                continue;
            }
            let name = format!("the event {number}");
            match self.plan.of_thing(&name, &[FaultKind::DeliveryDuplicated, FaultKind::DeliveryLost]) {
                Some(FaultKind::DeliveryLost) => {}
                fault => {
                    self.deliveries.owed.insert(number);
                    self.at(at, Due::Event(number, format!("watch of event {number}")));
                    if fault.is_some() {
                        let later = self.dice.roll("second delivery", u64::from(number), 120_000);
                        self.at(at + later, Due::Event(number, format!("watch of event {number} again")));
                    }
                }
            }
        }
    }

    fn plan_runs(&mut self) {
        let begin = self.world.milliseconds();
        let minute = |dice: Dice, what: &str, most| dice.roll(what, 0, most) * 60_000;
        let first_report = minute(self.dice, "first report", 50) + 4 * 60_000;
        let first_pull = minute(self.dice, "first pull", 12);
        let maintenance = minute(self.dice, "maintenance", 180);
        let hours = u64::from(HOURS);
        let mut runs = vec![(maintenance, "maintain 0".to_owned(), Invocation::Maintain)];
        runs.extend((0..=hours).map(|n| {
            (first_report + n * 3_600_000, format!("report {n}"), Invocation::Report(json!({})))
        }));
        runs.extend(
            (0..2 * hours + 2).map(|n| (first_pull + n * 1_800_000, format!("pull {n}"), Invocation::Pull)),
        );
        for (after, name, invocation) in runs {
            match self.plan.of_thing(&name, &[FaultKind::RunDuplicated, FaultKind::RunLost]) {
                Some(FaultKind::RunLost) => {}
                fault => {
                    if fault.is_some() {
                        let later = self.dice.roll(&format!("again {name}"), 0, 60_000);
                        let again = Due::Start(format!("{name} again"), invocation.clone(), 1);
                        self.at(begin + after + later, again);
                    }
                    self.at(begin + after, Due::Start(name, invocation, 1));
                }
            }
        }
    }

    fn plan_disturbances(&mut self) {
        let begin = self.world.milliseconds();
        let starts: Vec<u64> = self
            .due
            .iter()
            .filter(|(_, due)| !matches!(due, Due::Event(..)))
            .map(|((at, _), _)| *at)
            .collect();
        let outages = [
            ("a storm of calls", FaultKind::ThrottlingStorm),
            ("the object store", FaultKind::StoreOutage),
            ("the table of the account", FaultKind::TableOutage),
        ];
        for (name, kind) in outages {
            for n in 0..2 {
                let name = format!("{name}, time {n},");
                if self.plan.of_thing(&name, &[kind]).is_some() {
                    let start = starts[self.dice.roll(&name, 1, starts.len() as u64) as usize];
                    let from = start + self.dice.roll(&name, 2, 30_000);
                    let until = from + 3_000 + self.dice.roll(&name, 3, 240_000);
                    self.outages.push(Outage { from, until, kind });
                }
            }
        }
        for n in 0..3 {
            let name = format!("the clock, time {n},");
            if self.plan.of_thing(&name, &[FaultKind::ClockStep]).is_some() {
                let start = starts[self.dice.roll(&name, 1, starts.len() as u64) as usize];
                let seconds = self.dice.roll(&name, 2, 181) as i64 - 90;
                self.at(start + self.dice.roll(&name, 3, 30_000), Due::ClockStep(seconds));
            }
        }
        let name = "the table of the functions";
        if self.plan.of_thing(name, &[FaultKind::TableRestored]).is_some() {
            let at = begin + 3_600_000 + self.dice.roll(name, 1, 2 * 3_600_000);
            self.at(at - self.dice.roll(name, 2, 5_400) * 1_000 - 1, Due::CopyTable);
            self.at(at, Due::RestoreTable);
        }
    }

    /// Goes on until nothing is due.
    pub(super) fn drain(&mut self) {
        while let Some(((at, _), due)) = self.due.pop_first() {
            self.world.set_time(at.max(self.world.milliseconds()));
            match due {
                Due::Process(id) => self.go_on(id),
                Due::Start(base, invocation, attempt) => self.start(base, invocation, attempt, Vec::new()),
                Due::File(n) => self.deliver_file(n),
                Due::Message(n) => self.poll(n),
                Due::Event(number, name) => self.deliver_event(number, name),
                Due::ClockStep(seconds) => {
                    self.note(format!("the clock of the functions is {seconds} seconds ahead"));
                    self.world.step_clock(seconds);
                }
                Due::CopyTable => self.world.copy_table(),
                Due::RestoreTable => {
                    self.note("the table is replaced by an earlier copy".to_owned());
                    self.world.restore_table();
                }
            }
            if self.outcome.steps > MAX_STEPS {
                self.outcome.violations.push(format!("the schedule does not end in {MAX_STEPS} calls"));
                self.due.clear();
            }
        }
    }

    /// Starts a process. A name that was used gets a number.
    pub(super) fn start(&mut self, base: String, invocation: Invocation, attempt: u32, messages: Vec<usize>) {
        let name = if attempt == 1 { base.clone() } else { format!("{base}, attempt {attempt}") };
        assert!(self.names.insert(name.clone()), "{name} is the name of one process");
        *self.outcome.processes.entry(invocation.function()).or_default() += 1;
        let world = Arc::clone(&self.world);
        let (work, known) = (invocation.clone(), world.seen.lock().unwrap().known.clone());
        let process = {
            let (world, name, table) = (Arc::clone(&world), name.clone(), world.table());
            let deadline = world.function_milliseconds() + invocation.timeout() * 1_000;
            Process::start(move |baton| {
                let (looked_up, deferred) = Default::default();
                let ports = ProcessPorts { name, world, table, deadline, known, looked_up, deferred, baton };
                work.run(&ports)
            })
        };
        let (id, started) = (self.planned as usize, world.milliseconds());
        let running = Running { process, name, invocation, attempt, base, call: None, calls: 0, is_delayed: false, started, messages };
        self.running.insert(id, running);
        self.at(started + 300, Due::Process(id));
    }

    fn go_on(&mut self, id: usize) {
        let Some(mut running) = self.running.remove(&id) else { return };
        let now = self.world.milliseconds();
        let mut go = Go::Proceed;
        if let Some(call) = running.call.take() {
            let decided = self.decide(&running, &call);
            let (decision, words) = match decided {
                Some(decided) => decided,
                None => {
                    // It is delayed, and goes on later.
                    let delay = 5_000 + self.dice.roll(&format!("delay {}", running.name), running.calls, 115_000);
                    running.call = Some(call);
                    running.is_delayed = true;
                    self.running.insert(id, running);
                    self.at(now + delay, Due::Process(id));
                    return;
                }
            };
            go = decision;
            if go != Go::Proceed {
                self.world.seen.lock().unwrap().disturbed.insert(running.name.clone());
            }
            let Call { port, method, target, .. } = &call;
            self.note(format!("{}: {port} {method} {target}{words}", running.name));
            self.outcome.steps += 1;
            running.calls += 1;
            running.is_delayed = false;
        }
        match running.process.run(go) {
            Pause::Call(call) => {
                let latency = 20 + self.dice.roll(&format!("latency {}", running.name), running.calls, 1_200);
                running.call = Some(call);
                self.running.insert(id, running);
                self.at(now + latency, Due::Process(id));
            }
            Pause::Sleep(length) => {
                self.running.insert(id, running);
                self.at(now + length.as_millis() as u64, Due::Process(id));
            }
            Pause::Ended(ended) => self.end(running, ended),
        }
    }

    /// What happens to a call, and the words for it; `None`: it is delayed.
    fn decide(&mut self, running: &Running, call: &Call) -> Option<(Go, &'static str)> {
        let now = self.world.milliseconds();
        if now >= running.started + running.invocation.timeout() * 1_000 {
            return Some((Go::KillBefore, " -- the time of the function is over, and it is killed"));
        }
        for outage in self.outages.iter().filter(|outage| (outage.from..outage.until).contains(&now)) {
            match outage.kind {
                FaultKind::StoreOutage if call.port == "store" => {
                    return Some((Go::Fail(PortErrorKind::Unavailable), " -- fails: the store is out"));
                }
                FaultKind::TableOutage if call.port == "table" => {
                    return Some((Go::Fail(PortErrorKind::Unavailable), " -- fails: the table is out"));
                }
                FaultKind::ThrottlingStorm
                    if self.dice.happens(&format!("storm {}", running.name), running.calls, 5_000) =>
                {
                    return Some((Go::Fail(PortErrorKind::Throttled), " -- is throttled in a storm"));
                }
                _ => {}
            }
        }
        let kinds: &[FaultKind] =
            if call.writes { &FaultKind::OF_WRITES } else { &FaultKind::OF_READS };
        if running.is_delayed {
            return Some((Go::Proceed, " -- after a delay"));
        }
        let go = match self.plan.of_call(&running.name, running.calls, kinds) {
            None => return Some((Go::Proceed, "")),
            Some(FaultKind::Delayed) => {
                self.world.seen.lock().unwrap().disturbed.insert(running.name.clone());
                return None;
            }
            Some(FaultKind::Failed) => (Go::Fail(PortErrorKind::Unavailable), " -- fails without an effect"),
            Some(FaultKind::Throttled) => (Go::Fail(PortErrorKind::Throttled), " -- is throttled"),
            Some(FaultKind::AnswerLost) => (Go::LoseAnswer, " -- has its effect, and the answer is lost"),
            Some(FaultKind::KilledBefore) => (Go::KillBefore, " -- the process is killed before it"),
            Some(_) => (Go::KillAfter, " -- the process is killed after it"),
        };
        Some(go)
    }

    fn end(&mut self, running: Running, ended: Ended) {
        let Running { name, base, invocation, attempt, messages, started, .. } = running;
        let failed = match ended {
            Ended::Answered(Ok(failed)) => Some(failed),
            Ended::Answered(Err(error)) => {
                self.note(format!("{name} fails: {error}"));
                None
            }
            Ended::Killed => {
                self.note(format!("{name} is gone"));
                None
            }
            Ended::Panicked(text) => {
                self.outcome.violations.push(format!("{name} panicked: {text}"));
                None
            }
        };
        match invocation {
            Invocation::Ingest(_) => self.answer_messages(&messages, failed, started),
            _ if failed.is_some() => {}
            _ if attempt < MAX_ATTEMPTS => {
                let pause = u64::from(attempt) * 60_000;
                let at = self.world.milliseconds() + pause;
                self.at(at, Due::Start(base, invocation, attempt + 1));
            }
            Invocation::Watch(event) => self.deliveries.dead_events.push((base, event)),
            _ => {}
        }
    }

    /// Adds a message, and plans when it is visible.
    pub(super) fn send(&mut self, message: Message, at: u64) {
        self.deliveries.messages.push(Message { visible_from: at, ..message });
        self.at(at, Due::Message(self.deliveries.messages.len() - 1));
    }
}
