//! Processes, of which one runs at a time.
//!
//! Enters: the work of a process. Leaves: its pauses, and its end. Laws: a process runs only until its next [`Pause`], and no other
//! process and not the scheduler runs meanwhile; a killed process makes no further call. A process that makes the next call anyway goes on
//! without a pause, because a change of threads takes longer than most calls.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle, ThreadId},
    time::Duration,
};

use onlooker_core::ports::PortErrorKind;

use super::timeline::{Caller, Timeline};

/// A call that a process is about to make.
#[derive(Clone, Debug)]
pub struct Call {
    /// `table`, `store`, `logs`, `trail`, `iam`, or the name of a notification sink.
    pub port: &'static str,
    /// Name of the method.
    pub method: &'static str,
    /// What it is applied to.
    pub target: String,
    /// Whether it changes something.
    pub writes: bool,
}

/// Why a process pauses.
#[derive(Debug)]
pub enum Pause {
    /// Something else is due before this time, in milliseconds, at which the process goes on.
    Until(u64),
    /// It ended.
    Ended(Ended),
}

/// How a process ended.
#[derive(Debug)]
pub enum Ended {
    /// With an answer: the ids of failed messages, or why it failed.
    Answered(Result<Vec<String>, String>),
    /// It was killed.
    Killed,
    /// It panicked, which no job may do.
    Panicked(String),
}

/// How a process goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// The call has its effect.
    Proceed,
    /// The call fails without an effect.
    Fail(PortErrorKind),
    /// The call has its effect, and the process gets an error.
    LoseAnswer,
    /// The process is killed without an effect of the call.
    KillBefore,
    /// The process is killed after the effect of the call.
    KillAfter,
}

/// What unwinds a killed process.
struct Killed;

/// The turn of a process: what it asks before each call.
pub struct Baton {
    wait: Mutex<Receiver<()>>,
    pause: Sender<Pause>,
    thread: ThreadId,
    timeline: Arc<Mutex<Timeline>>,
    caller: Mutex<Caller>,
}

impl Baton {
    /// Whether the calling thread is the main thread of the process. Calls of its other threads, which only read, are not scheduled:
    /// their order does not matter, and the process that waits for them has the turn.
    pub fn is_main(&self) -> bool {
        self.thread == thread::current().id()
    }

    /// Waits for the turn of a call, and returns how the call ends.
    pub fn turn(&self, call: &Call) -> Go {
        let arrival = {
            let (timeline, caller) = (self.timeline.lock().unwrap(), self.caller.lock().unwrap());
            timeline.arrival(&caller)
        };
        self.wait_until(arrival);
        for was_delayed in [false, true] {
            let mut timeline = self.timeline.lock().unwrap();
            let mut caller = self.caller.lock().unwrap();
            if let Some(go) = timeline.decide(&mut caller, call, was_delayed) {
                return go;
            }
            let arrival = timeline.late_arrival(&caller);
            drop((timeline, caller));
            self.wait_until(arrival);
        }
        Go::Proceed
    }

    /// Sleeps.
    pub fn sleep(&self, length: Duration) {
        let now = self.timeline.lock().unwrap().world.milliseconds();
        self.wait_until(now + length.as_secs() * 1_000 + u64::from(length.subsec_millis()));
    }

    /// Waits for a time. If nothing else is due before it, the process goes on at once.
    fn wait_until(&self, milliseconds: u64) {
        if self.timeline.lock().unwrap().skip_to(milliseconds) {
            return;
        }
        self.pause.send(Pause::Until(milliseconds)).expect("the scheduler outlives its processes");
        self.wait.lock().unwrap().recv().expect("the scheduler outlives its processes");
    }

    /// Ends the process here.
    pub fn die(&self) -> ! {
        resume_unwind(Box::new(Killed))
    }
}

/// A process, as the scheduler sees it.
pub struct Process {
    go: Sender<()>,
    paused: Receiver<Pause>,
    thread: Option<JoinHandle<()>>,
}

impl Process {
    /// A process that waits for its first turn.
    pub fn start(
        timeline: Arc<Mutex<Timeline>>,
        caller: Caller,
        work: impl FnOnce(Baton) -> Result<Vec<String>, String> + Send + 'static,
    ) -> Self {
        let (go, wait) = channel();
        let (pause, paused) = channel();
        let thread = thread::spawn(move || {
            let last = pause.clone();
            if wait.recv().is_err() {
                return;
            }
            let (wait, caller) = (Mutex::new(wait), Mutex::new(caller));
            let baton = Baton { wait, pause, thread: thread::current().id(), timeline, caller };
            let ended = match catch_unwind(AssertUnwindSafe(|| work(baton))) {
                Ok(answer) => Ended::Answered(answer),
                Err(cause) if cause.is::<Killed>() => Ended::Killed,
                Err(cause) => {
                    let text = cause.downcast_ref::<String>().cloned();
                    let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                    Ended::Panicked(text.unwrap_or_default())
                }
            };
            // Nothing waits for the end of a process that the scheduler has given up.
            drop(last.send(Pause::Ended(ended)));
        });
        Self { go, paused, thread: Some(thread) }
    }

    /// Lets the process run to its next pause.
    pub fn run(&mut self) -> Pause {
        self.go.send(()).expect("a process that has not ended waits");
        let pause = self.paused.recv().expect("a process says how it ends");
        if matches!(pause, Pause::Ended(_))
            && let Some(thread) = self.thread.take()
        {
            thread.join().expect("its work was caught");
        }
        pause
    }
}
