//! One schedule: which process goes on next, and what happens to its call.
//!
//! Enters: a seed, and a list of faults if they are not drawn. Leaves: an [`Outcome`]. Laws: it is a function of what enters: of two
//! things that are due, the one that was planned first comes first, and each call takes a time that the seed gives to it; after the
//! last fault the world comes to rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use serde_json::json;

use super::{
    baton::{Ended, Pause, Process},
    deliveries::{Deliveries, Message},
    draw::Dice,
    faults::{Fault, FaultKind, FaultPlan},
    functions::Invocation,
    planted::Defect,
    ports::ProcessPorts,
    timeline::{Caller, Due, Outage, Timeline},
    workload::{HOURS, Workload},
    world::World,
};

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

/// A process that runs.
struct Running {
    process: Process,
    name: String,
    base: String,
    invocation: Invocation,
    attempt: u32,
    started: u64,
    messages: Vec<usize>,
}

/// A schedule that runs.
pub struct Schedule {
    pub(super) world: Arc<World>,
    pub(super) dice: Dice,
    pub(super) timeline: Arc<Mutex<Timeline>>,
    pub(super) deliveries: Deliveries,
    running: BTreeMap<usize, Running>,
    names: BTreeSet<String>,
    pub(super) outcome: Outcome,
}

/// Runs a schedule to its end.
pub fn run(seed: u64, faults: Option<&[Fault]>, defect: Option<Defect>) -> Outcome {
    let dice = Dice { seed };
    let plan = faults.map_or_else(|| FaultPlan::drawn(dice), |faults| FaultPlan::listed(dice, faults));
    let world = Arc::new(World::new(Workload::new(dice), defect));
    let timeline = Timeline {
        world: Arc::clone(&world),
        dice,
        plan,
        outages: Vec::new(),
        trace: Vec::new(),
        steps: 0,
        due: BTreeMap::new(),
        planned: 0,
    };
    let mut schedule = Schedule {
        world,
        dice,
        timeline: Arc::new(Mutex::new(timeline)),
        deliveries: Deliveries::default(),
        running: BTreeMap::new(),
        names: BTreeSet::new(),
        outcome: Outcome::default(),
    };
    schedule.plan_workload();
    schedule.plan_runs();
    schedule.plan_disturbances();
    schedule.drain();
    schedule.come_to_rest();
    schedule.check_rest();
    let Schedule { world, timeline, mut outcome, .. } = schedule;
    let mut timeline = timeline.lock().unwrap();
    if timeline.has_too_many_steps() {
        outcome.violations.push(format!("the schedule does not end in {} calls", timeline.steps));
    }
    let seen = std::mem::take(&mut *world.seen.lock().unwrap());
    outcome.violations.splice(0..0, seen.violations);
    outcome.judged = seen.judged;
    outcome.steps = timeline.steps;
    outcome.trace = std::mem::take(&mut timeline.trace);
    outcome.happened = std::mem::take(&mut timeline.plan.happened);
    outcome
}

impl Schedule {
    /// Plans something at a time in milliseconds.
    pub(super) fn at(&self, milliseconds: u64, due: Due) {
        self.timeline.lock().unwrap().at(milliseconds, due);
    }

    pub(super) fn note(&self, text: &str) {
        self.timeline.lock().unwrap().note(text);
    }

    pub(super) fn fault_of(&self, subject: &str, kinds: &[FaultKind]) -> Option<FaultKind> {
        self.timeline.lock().unwrap().plan.of_thing(subject, kinds)
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
            match self.fault_of(&name, &[FaultKind::DeliveryDuplicated, FaultKind::DeliveryLost]) {
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
        runs.extend(
            (0..=hours).map(|n| {
                (first_report + n * 3_600_000, format!("report {n}"), Invocation::Report(json!({})))
            }),
        );
        runs.extend(
            (0..2 * hours + 2).map(|n| (first_pull + n * 1_800_000, format!("pull {n}"), Invocation::Pull)),
        );
        for (after, name, invocation) in runs {
            match self.fault_of(&name, &[FaultKind::RunDuplicated, FaultKind::RunLost]) {
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
        let starts: Vec<u64> = {
            let timeline = self.timeline.lock().unwrap();
            let runs = timeline.due.iter().filter(|(_, due)| !matches!(due, Due::Event(..)));
            runs.map(|((at, _), _)| *at).collect()
        };
        let outages = [
            ("a storm of calls", FaultKind::ThrottlingStorm),
            ("the object store", FaultKind::StoreOutage),
            ("the table of the account", FaultKind::TableOutage),
        ];
        for (name, kind) in outages {
            for n in 0..2 {
                let name = format!("{name}, time {n},");
                if self.fault_of(&name, &[kind]).is_some() {
                    let start = starts[self.dice.place(&name, 1, starts.len())];
                    let from = start + self.dice.roll(&name, 2, 30_000);
                    let until = from + 3_000 + self.dice.roll(&name, 3, 240_000);
                    self.timeline.lock().unwrap().outages.push(Outage { from, until, kind });
                }
            }
        }
        for n in 0..3 {
            let name = format!("the clock, time {n},");
            if self.fault_of(&name, &[FaultKind::ClockStep]).is_some() {
                let start = starts[self.dice.place(&name, 1, starts.len())];
                let seconds = self.dice.roll(&name, 2, 181) as i64 - 90;
                self.at(start + self.dice.roll(&name, 3, 30_000), Due::ClockStep(seconds));
            }
        }
        let name = "the table of the functions";
        if self.fault_of(name, &[FaultKind::TableRestored]).is_some() {
            let at = begin + 3_600_000 + self.dice.roll(name, 1, 2 * 3_600_000);
            self.at(at - self.dice.roll(name, 2, 5_400) * 1_000 - 1, Due::CopyTable);
            self.at(at, Due::RestoreTable);
        }
    }

    /// Goes on until nothing is due.
    pub(super) fn drain(&mut self) {
        loop {
            let next = self.timeline.lock().unwrap().next();
            let Some(due) = next else { return };
            match due {
                Due::Process(id) => self.go_on(id),
                Due::Start(base, invocation, attempt) => self.start(base, invocation, attempt, Vec::new()),
                Due::File(n) => self.deliver_file(n),
                Due::Message(n) => self.poll(n),
                Due::Event(number, name) => self.deliver_event(number, name),
                Due::ClockStep(seconds) => {
                    self.note(&format!("the clock of the functions is {seconds} seconds ahead"));
                    self.world.step_clock(seconds);
                }
                Due::CopyTable => self.world.copy_table(),
                Due::RestoreTable => {
                    self.note("the table is replaced by an earlier copy");
                    self.world.restore_table();
                }
            }
        }
    }

    /// Starts a process. An attempt after the first has its number in its name.
    pub(super) fn start(&mut self, base: String, invocation: Invocation, attempt: u32, messages: Vec<usize>) {
        let name = if attempt == 1 { base.clone() } else { format!("{base}, attempt {attempt}") };
        assert!(self.names.insert(name.clone()), "{name} is the name of one process");
        *self.outcome.processes.entry(invocation.function()).or_default() += 1;
        let (started, timeout) = (self.world.milliseconds(), invocation.timeout() * 1_000);
        let caller = Caller { name: name.clone(), calls: 0, killed_at: started + timeout };
        let (world, work) = (Arc::clone(&self.world), invocation.clone());
        let known = world.seen.lock().unwrap().known.clone();
        let (called, table) = (name.clone(), world.table());
        let deadline = world.function_milliseconds() + timeout;
        let process = Process::start(Arc::clone(&self.timeline), caller, move |baton| {
            let (looked_up, deferred) = Default::default();
            let ports =
                ProcessPorts { name: called, world, table, deadline, known, looked_up, deferred, baton };
            work.run(&ports)
        });
        let id = self.names.len();
        self.running.insert(id, Running { process, name, base, invocation, attempt, started, messages });
        self.at(started + 300, Due::Process(id));
    }

    fn go_on(&mut self, id: usize) {
        let Some(running) = self.running.get_mut(&id) else { return };
        match running.process.run() {
            Pause::Until(at) => self.at(at, Due::Process(id)),
            Pause::Ended(ended) => {
                if let Some(running) = self.running.remove(&id) {
                    self.end(running, ended);
                }
            }
        }
    }

    fn end(&mut self, running: Running, ended: Ended) {
        let Running { name, base, invocation, attempt, messages, started, .. } = running;
        let failed = match ended {
            Ended::Answered(Ok(failed)) => Some(failed),
            Ended::Answered(Err(error)) => {
                self.note(&format!("{name} fails: {error}"));
                None
            }
            Ended::Killed => {
                self.note(&format!("{name} is gone"));
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
