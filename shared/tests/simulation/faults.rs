//! The faults of a schedule.
//!
//! Enters: a call, a message, a delivery or a run, and the kinds of faults that it can have. Leaves: at most one fault. Laws: drawn
//! faults are a function of the seed; a listed fault happens at its place and no other one does, so a list replays a schedule and
//! each list that is shorter is a schedule too.

use std::{collections::BTreeMap, fmt};

use super::draw::Dice;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The call fails before it has its effect.
    Failed,
    /// The call has its effect, and the answer is lost.
    AnswerLost,
    /// The process is killed before the call has its effect.
    KilledBefore,
    /// The process is killed after the call has its effect.
    KilledAfter,
    /// The service refuses the call, because there are too many.
    Throttled,
    /// The call takes up to two minutes, and other processes run meanwhile.
    Delayed,
    /// For a while every second call is throttled.
    ThrottlingStorm,
    /// For a while every call to the object store fails.
    StoreOutage,
    /// For a while every call to the table fails.
    TableOutage,
    /// The clock of the functions steps back or ahead, by at most 90 seconds.
    ClockStep,
    /// The message about a log file is delivered twice.
    MessageDuplicated,
    /// The message about a log file is hours late.
    MessageLate,
    /// The message about a log file never arrives.
    MessageLost,
    /// An event is delivered twice.
    DeliveryDuplicated,
    /// An event is not delivered.
    DeliveryLost,
    /// A scheduled run is started twice.
    RunDuplicated,
    /// A scheduled run is not started.
    RunLost,
    /// The table is replaced by a copy of an earlier time.
    TableRestored,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 18] = [
        Self::Failed,
        Self::AnswerLost,
        Self::KilledBefore,
        Self::KilledAfter,
        Self::Throttled,
        Self::Delayed,
        Self::ThrottlingStorm,
        Self::StoreOutage,
        Self::TableOutage,
        Self::ClockStep,
        Self::MessageDuplicated,
        Self::MessageLate,
        Self::MessageLost,
        Self::DeliveryDuplicated,
        Self::DeliveryLost,
        Self::RunDuplicated,
        Self::RunLost,
        Self::TableRestored,
    ];

    /// What a call that reads can have: to lose the answer is to fail.
    pub const OF_READS: [Self; 4] = [Self::Failed, Self::KilledBefore, Self::Throttled, Self::Delayed];

    /// What a call that writes can have.
    pub const OF_WRITES: [Self; 6] = [
        Self::Failed,
        Self::AnswerLost,
        Self::KilledBefore,
        Self::KilledAfter,
        Self::Throttled,
        Self::Delayed,
    ];

    /// What happened, as the end of a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Failed => "fails before it has its effect",
            Self::AnswerLost => "has its effect, and the answer is lost",
            Self::KilledBefore => "is where the process is killed, before the effect",
            Self::KilledAfter => "is where the process is killed, after the effect",
            Self::Throttled => "is throttled",
            Self::Delayed => "takes up to two minutes",
            Self::ThrottlingStorm => "begins a storm of throttled calls",
            Self::StoreOutage => "begins an outage of the object store",
            Self::TableOutage => "begins an outage of the table",
            Self::ClockStep => "steps",
            Self::MessageDuplicated | Self::DeliveryDuplicated => "is delivered twice",
            Self::MessageLate => "is hours late",
            Self::MessageLost | Self::DeliveryLost => "is lost",
            Self::RunDuplicated => "is started twice",
            Self::RunLost => "is not started",
            Self::TableRestored => "is replaced by an earlier copy",
        }
    }
}

/// A fault and its place: call number `number` of a process, or a message, delivery or run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Name of the process or thing.
    pub subject: String,
    /// Number of its call; 0 for a thing without calls.
    pub number: u64,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, number, kind } = self;
        match FaultKind::OF_WRITES.contains(kind) {
            true => write!(f, "call {number} of {subject} {}", kind.words()),
            false => write!(f, "{subject} {}", kind.words()),
        }
    }
}

/// Where faults come from.
#[derive(Clone, Debug)]
enum FaultSource {
    /// The seed: some kinds, so that each is also seen without the others, and how often a call has one in ten thousand.
    Drawn { kinds: Vec<FaultKind>, of_calls: u64 },
    /// This list.
    Listed(BTreeMap<(String, u64), FaultKind>),
}

/// Decides about faults, and keeps those that happened.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    dice: Dice,
    source: FaultSource,
    /// No further fault happens.
    pub is_quiet: bool,
    /// Faults that happened, in their order.
    pub happened: Vec<Fault>,
}

impl FaultPlan {
    /// The faults of a seed.
    pub fn drawn(dice: Dice) -> Self {
        let half = |kind: &FaultKind| dice.happens("kind", *kind as u64, 5_000);
        let kinds = FaultKind::ALL.into_iter().filter(half).collect();
        let of_calls = [15, 40, 120].into_iter().nth(dice.place("rate", 0, 3)).unwrap();
        Self::of(dice, FaultSource::Drawn { kinds, of_calls })
    }

    /// These faults.
    pub fn listed(dice: Dice, faults: &[Fault]) -> Self {
        let listed = faults.iter().map(|fault| ((fault.subject.clone(), fault.number), fault.kind));
        Self::of(dice, FaultSource::Listed(listed.collect()))
    }

    const fn of(dice: Dice, source: FaultSource) -> Self {
        Self { dice, source, is_quiet: false, happened: Vec::new() }
    }

    /// The fault of a call, one of these kinds.
    pub fn of_call(&mut self, process: &str, number: u64, kinds: &[FaultKind]) -> Option<FaultKind> {
        let often = match &self.source {
            FaultSource::Drawn { of_calls, .. } => *of_calls,
            FaultSource::Listed(_) => 0,
        };
        self.choose((process, number), kinds, often)
    }

    /// The fault of a message, a delivery, a run or the world.
    pub fn of_thing(&mut self, subject: &str, kinds: &[FaultKind]) -> Option<FaultKind> {
        self.choose((subject, 0), kinds, 3_000)
    }

    fn choose(&mut self, place: (&str, u64), kinds: &[FaultKind], often: u64) -> Option<FaultKind> {
        if self.is_quiet {
            return None;
        }
        let (subject, number) = place;
        let kind = match &self.source {
            FaultSource::Listed(listed) => *listed.get(&(subject.to_owned(), number))?,
            FaultSource::Drawn { kinds: enabled, .. } => {
                if !self.dice.happens(&format!("fault {subject}"), number, often) {
                    return None;
                }
                let possible: Vec<_> = kinds.iter().filter(|kind| enabled.contains(kind)).collect();
                let chosen = self.dice.place(&format!("kind {subject}"), number, possible.len());
                **possible.get(chosen)?
            }
        };
        kinds.contains(&kind).then(|| {
            self.happened.push(Fault { subject: subject.to_owned(), number, kind });
            kind
        })
    }
}
