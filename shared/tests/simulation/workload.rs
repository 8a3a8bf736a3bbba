//! What happens in an account, and what CloudTrail delivers of it.
//!
//! Enters: the draws of a seed. Leaves: calls, log files and digest files with the times of their delivery, and the configuration. Law:
//! each call is in the event history and in a log file, and some are in two files or come late, as CloudTrail does.

use std::collections::BTreeMap;

use onlooker_core::{
    config::{AuditLevel, Config},
    time::{HOUR_SECONDS, Hour, Time},
};
use serde_json::Value;

use super::{
    draw::Dice,
    environment::RecordedEvent,
    fixtures::{START, digest_since, log_file, log_name, record},
    records::{ACCOUNT, AUDITOR, REGION},
};

/// The first hour that is simulated; a day of evidence comes before it.
pub const BEGIN: Time = Time(START.0 + 24 * HOUR_SECONDS);

/// Hours that are simulated.
pub const HOURS: u32 = 2;

/// A call of the watched role or of another one.
#[derive(Clone, Debug)]
pub struct RecordedCall {
    /// When it was made.
    pub time: Time,
    /// Its record.
    pub record: Value,
    /// Whether the watched role made it.
    pub is_watched: bool,
    /// Whether it breaks the promise.
    pub is_violation: bool,
    /// From when on lookups return it.
    pub visible_from: Time,
}

/// A log file or a digest file.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// Its name.
    pub name: String,
    /// Its calls; empty in a digest file.
    pub calls: Vec<u32>,
    /// When it is delivered.
    pub delivered: Time,
    /// Its bytes, compressed.
    pub bytes: Vec<u8>,
}

/// What happens besides the functions.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The configuration of the functions.
    pub config: Config,
    /// Calls by number.
    pub calls: BTreeMap<u32, RecordedCall>,
    /// Log files and digest files, in the order of their delivery.
    pub files: Vec<LogFile>,
}

impl Workload {
    /// The workload of a seed.
    pub fn new(dice: Dice) -> Self {
        let mut workload = Self { config: config(dice), calls: BTreeMap::new(), files: Vec::new() };
        let mut listed = Vec::new();
        for file in 0..2 {
            let calls: Vec<u32> =
                (0..3).map(|n| workload.add_call(dice, "before", file * 3 + n, None)).collect();
            let delivered = workload.calls.values().map(|call| call.time).max().unwrap();
            listed.push(workload.add_file(&calls, delivered, &format!("before{file}")));
        }
        workload.add_digest(BEGIN, 24 * HOUR_SECONDS, &listed, BEGIN);
        let mut late: Vec<(u32, Vec<u32>)> = Vec::new();
        for hour in 0..=HOURS {
            let mut listed = Vec::new();
            let (name, number) = (format!("hour {hour}"), u64::from(hour));
            let end = Time(BEGIN.0 + (hour + 1) * HOUR_SECONDS);
            let count = 1 + u32::try_from(dice.roll("calls", number, 2)).unwrap();
            let mut calls: Vec<u32> =
                (0..count).map(|n| workload.add_call(dice, &name, n, Some(hour))).collect();
            if dice.happens("late call", number, 2_000)
                && let Some(call) = calls.pop()
            {
                late.push((hour + 1 + u32::try_from(dice.roll("late by", number, 2)).unwrap(), vec![call]));
            }
            if dice.happens("repeated call", number, 3_000) {
                let earlier: Vec<u32> = workload.calls.keys().copied().collect();
                calls.push(earlier[dice.place("which", number, earlier.len())]);
            }
            let minutes = 1 + u32::try_from(dice.roll("delivery", number, 9)).unwrap();
            if !calls.is_empty() {
                listed.push(workload.add_file(&calls, Time(end.0 + minutes * 60), &name.replace(' ', "")));
            }
            for (n, (_, calls)) in late.iter().enumerate().filter(|(_, (of, _))| *of == hour) {
                listed.push(workload.add_file(calls, Time(end.0 + 300), &format!("late{hour}{n}")));
            }
            // A digest file lists what was delivered in its hour; here, of its hour and of late calls.
            workload.add_digest(end, HOUR_SECONDS, &listed, Time(end.0 + 660));
        }
        for (n, (of, calls)) in late.into_iter().enumerate().filter(|(_, (of, _))| *of > HOURS) {
            let delivered = Time(BEGIN.0 + HOURS * HOUR_SECONDS + 1_800 + of);
            workload.add_file(&calls, delivered, &format!("last{of}{n}"));
        }
        workload.files.sort_by(|a, b| (a.delivered, &a.name).cmp(&(b.delivered, &b.name)));
        workload
    }

    fn add_call(&mut self, dice: Dice, part: &str, n: u32, hour: Option<u32>) -> u32 {
        let place = u64::from(n);
        let draw =
            |what: &str, below| u32::try_from(dice.roll(&format!("{what} {part}"), place, below)).unwrap();
        let is_watched = draw("watched", 4) > 0;
        let is_violation = is_watched && draw("violation", 14) == 0;
        // `record` makes the number say which role it is and whether it writes.
        let fits = |number: &u32| {
            let writes = number % 7 == 3;
            number.is_multiple_of(2) == is_watched
                && if is_watched { writes == is_violation } else { true }
                && !self.calls.contains_key(number)
        };
        let number = (10..).find(fits).unwrap();
        let second = match hour {
            Some(hour) => BEGIN.0 + hour * HOUR_SECONDS + draw("second", u64::from(HOUR_SECONDS)),
            None => BEGIN.0 - 24 * HOUR_SECONDS + draw("second", 23 * u64::from(HOUR_SECONDS)),
        };
        let is_late = draw("is late", 6) == 0;
        let delay = if is_late { 1_200 + draw("hours late", 36_000) } else { 60 + draw("delay", 600) };
        let time = Time(second);
        let record = record(number, ACCOUNT, REGION, time);
        let visible_from = Time(second + delay);
        self.calls.insert(number, RecordedCall { time, record, is_watched, is_violation, visible_from });
        number
    }

    /// Returns the times of its first and last call, as a digest file lists them.
    fn add_file(&mut self, calls: &[u32], delivered: Time, unique: &str) -> (Time, Time) {
        let times: Vec<Time> = calls.iter().map(|number| self.calls[number].time).collect();
        let records: Vec<Value> = calls.iter().map(|number| self.calls[number].record.clone()).collect();
        self.files.push(LogFile {
            name: log_name(ACCOUNT, REGION, delivered, unique),
            calls: calls.to_vec(),
            delivered,
            bytes: log_file(&records),
        });
        (*times.iter().min().unwrap(), *times.iter().max().unwrap())
    }

    fn add_digest(&mut self, end: Time, seconds: u32, listed: &[(Time, Time)], delivered: Time) {
        let (name, bytes) = digest_since(ACCOUNT, REGION, (Time(end.0 - seconds), end), listed);
        self.files.push(LogFile { name, calls: Vec::new(), delivered, bytes });
    }

    /// When the functions begin to run, in milliseconds: the hours before [`BEGIN`] have settled.
    pub fn begin_ms(&self) -> u64 {
        (u64::from(BEGIN.0) + 26 * 60) * 1_000
    }

    /// Whether the log files count for an hour.
    pub fn counts_log_files(&self, hour: Hour) -> bool {
        self.config.delivery.authoritative_from.is_some_and(|from| from.hour() <= hour)
    }

    /// The event history.
    pub fn history(&self) -> Vec<RecordedEvent> {
        let event = |call: &RecordedCall| RecordedEvent {
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            time: call.time,
            visible_from: call.visible_from,
            record: call.record.to_string(),
        };
        self.calls.values().map(event).collect()
    }

    /// The number of a call in its record.
    pub fn number_of(&self, record: &str) -> u32 {
        let record: Value = serde_json::from_str(record).unwrap();
        let is = |call: &RecordedCall| call.record == record;
        *self.calls.iter().find(|(_, call)| is(call)).unwrap().0
    }

    /// The file with a name.
    pub fn file(&self, name: &str) -> &LogFile {
        self.files.iter().find(|file| file.name == name).unwrap()
    }
}

fn config(dice: Dice) -> Config {
    let text = format!(
        "watch = [{{ principal = \"{AUDITOR}\" }}]\n[coverage]\naccounts = [\"{ACCOUNT}\"]\nregions = [\"{REGION}\"]\n\
         event_classes = [\"management-read\", \"management-write\"]\nlogged = [\"management-read\", \"management-write\"]\n"
    );
    let mut config = Config::from_toml(&text, "simulation").unwrap();
    // Longer slices than a configuration may have, so that a day has few.
    config.lookup.slice_minutes = 240;
    config.audit.level = AuditLevel::All;
    config.delivery.authoritative_from = match dice.roll("evidence source", 0, 3) {
        0 => None,
        1 => Some(Time(BEGIN.0 - 48 * HOUR_SECONDS)),
        _ => {
            let later = u32::try_from(dice.roll("cut", 0, 5)).unwrap();
            Some(Time(BEGIN.0 - 3 * HOUR_SECONDS + HOUR_SECONDS * later))
        }
    };
    config
}
