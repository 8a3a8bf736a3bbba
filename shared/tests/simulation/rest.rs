//! A world that comes to rest: no fault happens any more, what is late arrives, and an operator does what the documents say.
//!
//! Enters: a schedule after its last fault. Leaves: a world in which every function has done its work. Law: nothing is done here that
//! no schedule and no operator does: messages are sent again, dead letters redriven, log files backfilled, records of a restore removed.

use onlooker_core::{
    jobs::publish::{PendingReport, ReportWindow},
    ports::Table as _,
    time::{HOUR_SECONDS, Time},
};
use serde_json::json;

use super::{
    functions::Invocation,
    schedule::Schedule,
    timeline::Due,
    workload::{BEGIN, HOURS},
};

/// The whole period that is simulated.
pub const WHOLE: ReportWindow = ReportWindow {
    since: Time(BEGIN.0 - 24 * HOUR_SECONDS),
    until: Time(BEGIN.0 + (HOURS + 1) * HOUR_SECONDS),
};

impl Schedule {
    /// Lets the world come to rest.
    pub(super) fn come_to_rest(&mut self) {
        {
            let mut timeline = self.timeline.lock().unwrap();
            timeline.plan.is_quiet = true;
            timeline.outages.clear();
        }
        self.world.step_clock(0);
        self.note("no further fault happens");
        self.run_at_rest("report, first at rest", Invocation::Report(json!({})));
        self.backfill();
        for (n, (name, event)) in std::mem::take(&mut self.deliveries.dead_events).into_iter().enumerate() {
            self.run_at_rest(&format!("{name}, redriven {n}"), Invocation::Watch(event));
        }
        if self.world.seen.lock().unwrap().is_restored {
            let table = self.world.table().items;
            for item in table.query("RETENTION", "RESTORED#").unwrap() {
                table.delete(&item.partition_key, &item.sort_key).unwrap();
            }
        }
        // Second lookups are due a day later, and events are visible by then.
        self.world.set_time(self.world.milliseconds() + 26 * 3_600_000);
        self.run_at_rest("pull at rest", Invocation::Pull);
        self.run_at_rest("maintain at rest", Invocation::Maintain);
        self.run_at_rest("report at rest", Invocation::Report(json!({})));
        let pending = self.pending();
        for window in &pending {
            self.request(&format!("requested report on {window}"), *window);
        }
        if !pending.is_empty() {
            self.run_at_rest("report at rest, again", Invocation::Report(json!({})));
        }
        self.request("requested report on everything", WHOLE);
        self.request("requested report on everything, again", WHOLE);
    }

    /// The windows of reports that are pending.
    pub(super) fn pending(&self) -> Vec<ReportWindow> {
        let items = self.world.table().items.query("STATUS", "PENDING#").unwrap();
        let window = |body| serde_json::from_value::<PendingReport>(body).unwrap().window;
        items.into_iter().map(|item| window(item.body)).collect()
    }

    fn request(&mut self, name: &str, window: ReportWindow) {
        let payload = json!({ "since": window.since.to_string(), "until": window.until.to_string() });
        self.run_at_rest(name, Invocation::Report(payload));
    }

    fn run_at_rest(&mut self, name: &str, invocation: Invocation) {
        self.at(self.world.milliseconds(), Due::Start(name.to_owned(), invocation, 1));
        self.drain();
    }

    /// Sends messages about the files that no process has read with success; after a restore about all.
    fn backfill(&mut self) {
        let now = self.world.milliseconds();
        for name in self.deliveries.files.clone() {
            let is_read = {
                let seen = self.world.seen.lock().unwrap();
                seen.known.files.contains(&name) && !seen.is_restored
            };
            if !is_read {
                let message = self.message(&name, " by hand");
                self.send(message, now);
            }
        }
        self.drain();
    }
}
