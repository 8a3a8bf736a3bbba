//! The queue of messages about log files, and the events of EventBridge.
//!
//! Enters: delivered log files and events. Leaves: messages and invocations. Laws, as of SQS: a message is delivered at least once; one
//! that was not answered with success is visible again after the visibility timeout, and is set aside after three deliveries.

use std::collections::BTreeSet;

use onlooker_core::{jobs::ingest::IngestMessage, time::Time};

use super::{
    faults::FaultKind, fixtures::notification, functions::Invocation, records::eventbridge_event,
    schedule::Schedule, timeline::Due,
};

/// Seconds until a message is visible again, as in `template.yaml`.
const VISIBILITY_SECONDS: u64 = 1_380;

/// Deliveries after which a message is set aside, as in `template.yaml`.
const MAX_RECEIVES: u32 = 3;

/// What a message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// To be received.
    Waiting,
    /// For the answer of a process.
    Received,
    /// For nothing: it is deleted, or set aside.
    Done,
}

/// A message about a log file.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Name of the log file.
    pub file: String,
    /// Its body.
    pub body: String,
    /// When it was sent.
    pub sent_at: Time,
    /// From when on it can be received, in milliseconds.
    pub visible_from: u64,
    /// How often it was received.
    pub receives: u32,
    /// What it waits for.
    pub state: MessageState,
}

/// What is to be delivered.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// All messages.
    pub messages: Vec<Message>,
    /// Events that were delivered, and so owe their alerts.
    pub owed: BTreeSet<u32>,
    /// Events that failed too often: the name of their process, and the event.
    pub dead_events: Vec<(String, Vec<u8>)>,
    /// Names of delivered files.
    pub files: BTreeSet<String>,
}

impl Schedule {
    /// Delivers a log file to the bucket, and sends the message about it.
    pub(super) fn deliver_file(&mut self, n: usize) {
        let file = self.world.workload.files[n].clone();
        self.deliveries.files.insert(file.name.clone());
        let now = self.world.milliseconds();
        let message = self.message(&file.name, "");
        let name = format!("the message about {}", file.name.rsplit('/').next().unwrap());
        let kinds = [FaultKind::MessageDuplicated, FaultKind::MessageLate, FaultKind::MessageLost];
        let later = self.dice.roll(&name, 1, 2 * 3_600_000) + 600_000;
        match self.fault_of(&name, &kinds) {
            Some(FaultKind::MessageLost) => {}
            Some(FaultKind::MessageLate) => self.send(message, now + later),
            fault => {
                if fault.is_some() {
                    let again = Message { id: format!("{} again", message.id), ..message.clone() };
                    self.send(again, now + 2_000 + later % 1_800_000);
                }
                self.send(message, now + 2_000);
            }
        }
    }

    /// A message about a delivered file.
    pub(super) fn message(&self, name: &str, suffix: &str) -> Message {
        let object = self.world.logs.deliver(name, &self.world.workload.file(name).bytes);
        let unique = name.rsplit('/').next().unwrap();
        let unique = unique.rsplit_once('.').map_or(unique, |(stem, _)| stem.trim_end_matches(".json"));
        let digits: Vec<&str> = unique.split('_').skip(1).collect();
        Message {
            id: format!("{}{suffix}", digits.join(" ")),
            file: name.to_owned(),
            body: notification(&[&object]),
            sent_at: self.world.true_time(),
            visible_from: 0,
            receives: 0,
            state: MessageState::Waiting,
        }
    }

    /// A message is visible: a process receives it, and others that are.
    pub(super) fn poll(&mut self, n: usize) {
        let now = self.world.milliseconds();
        let is_visible =
            |message: &Message| message.state == MessageState::Waiting && message.visible_from <= now;
        if !is_visible(&self.deliveries.messages[n]) {
            return;
        }
        if self.deliveries.messages[n].receives >= MAX_RECEIVES {
            self.deliveries.messages[n].state = MessageState::Done;
            let id = self.deliveries.messages[n].id.clone();
            self.note(&format!("the message {id} is set aside"));
            return;
        }
        let most = 1 + self.dice.place("batch", n as u64, 3);
        // The messages that were sent last may be received first.
        let waiting = self.deliveries.messages.iter().enumerate().rev();
        let others = waiting
            .filter(|(other, message)| *other != n && is_visible(message) && message.receives < MAX_RECEIVES);
        let mut taken = vec![n];
        taken.extend(others.map(|(other, _)| other).take(most - 1));
        let mut messages = Vec::new();
        for number in &taken {
            let message = &mut self.deliveries.messages[*number];
            message.state = MessageState::Received;
            message.receives += 1;
            let (id, body, sent_at) = (message.id.clone(), message.body.clone(), message.sent_at);
            messages.push(IngestMessage { id, body, sent_at, receive_count: message.receives });
        }
        let first = &self.deliveries.messages[n];
        let name = format!("ingest of {}", first.id);
        let attempt = first.receives;
        self.start(name, Invocation::Ingest(messages), attempt, taken);
    }

    /// Deletes the messages that succeeded; the others are visible again later.
    pub(super) fn answer_messages(&mut self, messages: &[usize], failed: Option<Vec<String>>, started: u64) {
        for number in messages {
            let message = &mut self.deliveries.messages[*number];
            let is_done = failed.as_ref().is_some_and(|failed| !failed.contains(&message.id));
            if is_done {
                message.state = MessageState::Done;
                self.world.seen.lock().unwrap().known.files.insert(message.file.clone());
            } else {
                message.state = MessageState::Waiting;
                message.visible_from = started + VISIBILITY_SECONDS * 1_000;
                let visible_from = message.visible_from;
                self.at(visible_from, Due::Message(*number));
            }
        }
    }

    /// Delivers an event.
    pub(super) fn deliver_event(&mut self, number: u32, name: String) {
        let event = eventbridge_event(&self.world.workload.calls[&number].record);
        self.start(name, Invocation::Watch(event), 1, Vec::new());
    }
}
