//! The order of everything that happens, and what happens to each call.
//!
//! Enters: what is due, and the calls of processes. Leaves: the next thing, or how a call ends. Laws: of two things that are due at
//! once, the one that was planned first comes first; each call takes a time that the seed gives to it.

use std::{collections::BTreeMap, sync::Arc};

use onlooker_core::ports::PortErrorKind;

use super::{
    baton::{Call, Go},
    draw::Dice,
    faults::{FaultKind, FaultPlan},
    functions::Invocation,
    world::World,
};

/// Most steps of a schedule: some ten times as many as most have.
const MAX_STEPS: u64 = 30_000;

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

/// A span of time in which calls fail, in milliseconds.
#[derive(Clone, Debug)]
pub struct Outage {
    /// When it begins.
    pub from: u64,
    /// When it is over.
    pub until: u64,
    /// What fails.
    pub kind: FaultKind,
}

/// A process, as far as its calls depend on it.
#[derive(Debug)]
pub struct Caller {
    /// Name of the process.
    pub name: String,
    /// Number of its calls so far.
    pub calls: u64,
    /// When it is killed, because its time is over.
    pub killed_at: u64,
}

/// What is due, in order, and what happened.
pub struct Timeline {
    /// The world.
    pub world: Arc<World>,
    /// The draws of the schedule.
    pub dice: Dice,
    /// The faults of the schedule.
    pub plan: FaultPlan,
    /// Spans in which calls fail.
    pub outages: Vec<Outage>,
    /// What happened, step by step.
    pub trace: Vec<String>,
    /// Number of calls.
    pub steps: u64,
    /// What is due, by time and by when it was planned.
    pub due: BTreeMap<(u64, u64), Due>,
    /// Number of things that were planned.
    pub planned: u64,
}

impl Timeline {
    /// Plans something at a time in milliseconds.
    pub fn at(&mut self, milliseconds: u64, due: Due) {
        self.planned += 1;
        self.due.insert((milliseconds, self.planned), due);
    }

    /// The next thing; the clock shows its time.
    pub fn next(&mut self) -> Option<Due> {
        let ((at, _), due) = self.due.pop_first()?;
        self.world.set_time(at.max(self.world.milliseconds()));
        Some(due)
    }

    /// Moves the clock to a time, if nothing else is due until then.
    pub fn skip_to(&mut self, milliseconds: u64) -> bool {
        let is_next = self.due.first_key_value().is_none_or(|((first, _), _)| milliseconds < *first);
        if is_next {
            self.world.set_time(milliseconds);
        }
        is_next
    }

    /// Adds a line to what happened.
    pub fn note(&mut self, text: &str) {
        self.trace.push(format!("{} {text}", self.world.true_time()));
    }

    /// When a call that begins now has its effect.
    pub fn arrival(&self, caller: &Caller) -> u64 {
        let latency = self.dice.roll(&format!("latency {}", caller.name), caller.calls, 1_200);
        self.world.milliseconds() + 20 + latency
    }

    /// When a delayed call has its effect.
    pub fn late_arrival(&self, caller: &Caller) -> u64 {
        let delay = self.dice.roll(&format!("delay {}", caller.name), caller.calls, 115_000);
        self.world.milliseconds() + 5_000 + delay
    }

    /// What happens to a call; `None`: it is delayed, which happens once.
    pub fn decide(&mut self, caller: &mut Caller, call: &Call, was_delayed: bool) -> Option<Go> {
        let (go, words) = self.decision(caller, call, was_delayed)?;
        if go != Go::Proceed {
            self.world.seen.lock().unwrap().disturbed.insert(caller.name.clone());
        }
        let Call { port, method, target, .. } = call;
        self.note(&format!("{}: {port} {method} {target}{words}", caller.name));
        self.steps += 1;
        caller.calls += 1;
        Some(go)
    }

    fn decision(&mut self, caller: &Caller, call: &Call, was_delayed: bool) -> Option<(Go, &'static str)> {
        let now = self.world.milliseconds();
        if now >= caller.killed_at {
            return Some((Go::KillBefore, " -- the time of the function is over, and it is killed"));
        }
        if self.steps >= MAX_STEPS {
            return Some((Go::KillBefore, " -- the schedule has too many steps"));
        }
        let out = |port| Some((Go::Fail(PortErrorKind::Unavailable), port));
        for outage in self.outages.iter().filter(|outage| (outage.from..outage.until).contains(&now)) {
            match outage.kind {
                FaultKind::StoreOutage if call.port == "store" => return out(" -- fails: the store is out"),
                FaultKind::TableOutage if call.port == "table" => return out(" -- fails: the table is out"),
                FaultKind::ThrottlingStorm
                    if self.dice.happens(&format!("storm {}", caller.name), caller.calls, 5_000) =>
                {
                    return Some((Go::Fail(PortErrorKind::Throttled), " -- is throttled in a storm"));
                }
                _ => {}
            }
        }
        if was_delayed {
            return Some((Go::Proceed, " -- after a delay"));
        }
        let kinds: &[FaultKind] = if call.writes { &FaultKind::OF_WRITES } else { &FaultKind::OF_READS };
        let go = match self.plan.of_call(&caller.name, caller.calls, kinds) {
            None => (Go::Proceed, ""),
            Some(FaultKind::Delayed) => {
                let mut seen = self.world.seen.lock().unwrap();
                seen.disturbed.insert(caller.name.clone());
                if call.method == "send" {
                    seen.delayed_sends.insert((caller.name.clone(), call.target.clone()));
                }
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

    /// Whether the schedule had too many steps to be one that ends.
    pub const fn has_too_many_steps(&self) -> bool {
        self.steps >= MAX_STEPS
    }
}
