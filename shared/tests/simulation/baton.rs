//! Processes, of which one runs at a time.
//!
//! Enters: the work of a process. Leaves: its pauses: a call that it is about to make, a sleep, its end. Laws: a process runs only
//! between a [`Go`] and its next [`Pause`], and no other process runs meanwhile; a killed process makes no further call.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle, ThreadId},
    time::Duration,
};

use onlooker_core::ports::PortErrorKind;

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
    /// It is about to make a call.
    Call(Call),
    /// It sleeps.
    Sleep(Duration),
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

/// The end of a process that holds the baton.
pub struct Baton {
    go: Mutex<Receiver<Go>>,
    pause: Sender<Pause>,
    thread: Mutex<Option<ThreadId>>,
}

impl Baton {
    /// Whether the calling thread is the main thread of the process. Calls of its other threads, which only read, are not scheduled:
    /// their order does not matter, and the process that waits for them holds the baton.
    pub fn is_main(&self) -> bool {
        *self.thread.lock().unwrap() == Some(thread::current().id())
    }

    /// Pauses, and returns how to go on.
    pub fn pause(&self, pause: Pause) -> Go {
        self.pause.send(pause).expect("the scheduler outlives its processes");
        self.go.lock().unwrap().recv().expect("the scheduler outlives its processes")
    }

    /// Ends the process here.
    pub fn die(&self) -> ! {
        resume_unwind(Box::new(Killed))
    }
}

/// A process, as the scheduler sees it.
pub struct Process {
    go: Sender<Go>,
    paused: Receiver<Pause>,
    thread: Option<JoinHandle<()>>,
}

impl Process {
    /// A process that waits for its first [`Go`].
    pub fn start(work: impl FnOnce(Baton) -> Result<Vec<String>, String> + Send + 'static) -> Self {
        let (go, wait) = channel();
        let (pause, paused) = channel();
        let thread = thread::spawn(move || {
            let last = pause.clone();
            if wait.recv() != Ok(Go::Proceed) {
                return;
            }
            let thread = Mutex::new(Some(thread::current().id()));
            let baton = Baton { go: Mutex::new(wait), pause, thread };
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
    pub fn run(&mut self, go: Go) -> Pause {
        self.go.send(go).expect("a process that has not ended waits");
        let pause = self.paused.recv().expect("a process says how it ends");
        if matches!(pause, Pause::Ended(_))
            && let Some(thread) = self.thread.take()
        {
            thread.join().expect("its work was caught");
        }
        pause
    }
}
