//! Progress bars on standard error.
//!
//! Enters: counts. Leaves: a bar with records per second and the time left, if progress is shown. Law: nothing is
//! written to standard output.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use onlooker_core::jobs::gather::GatherProgress;

use crate::args::GlobalArgs;

/// A progress bar.
pub struct ProgressMeter {
    bar: ProgressBar,
}

impl ProgressMeter {
    /// A bar for files; hidden unless progress is shown.
    pub fn new(global: &GlobalArgs, verb: &'static str) -> Self {
        let bar = ProgressBar::new(0);
        if !global.shows_progress() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style =
            ProgressStyle::with_template("{prefix:>8} [{bar:30}] {pos}/{len} files  {msg}  {eta} left")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
        bar.set_style(style);
        bar.set_prefix(verb);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// A bar for the time that is looked up; hidden unless progress is shown.
    pub fn for_time(global: &GlobalArgs, verb: &'static str) -> Self {
        let this = Self::new(global, verb);
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {percent:>3} %  {msg}  {eta} left");
        this.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        this
    }

    /// A bar for counted items; hidden unless progress is shown.
    pub fn for_items(global: &GlobalArgs, verb: &'static str, what: &'static str) -> Self {
        let this = Self::new(global, verb);
        let style = ProgressStyle::with_template("{prefix:>8} [{bar:30}] {pos}/{len} {msg}  {eta} left");
        this.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        this.bar.set_message(what);
        this
    }

    /// Shows the number of processed items.
    pub fn set_count(&self, number: u64, of_all: u64) {
        self.bar.set_length(of_all);
        self.bar.set_position(number);
    }

    /// Shows how much of the period was looked up.
    pub fn set_time_pulled(&self, seconds: u64, of_seconds: u64, records: u64) {
        self.bar.set_length(of_seconds);
        self.bar.set_position(seconds);
        self.set_record_rate(records);
    }

    /// Shows the progress of reading.
    pub fn set_progress(&self, progress: GatherProgress) {
        self.bar.set_length(progress.total_objects);
        self.bar.set_position(progress.objects);
        self.set_record_rate(progress.records);
    }

    /// Shows the number of written files and records.
    pub fn set_written(&self, objects: u64, records: u64) {
        self.bar.set_length(objects);
        self.bar.set_position(objects);
        self.set_record_rate(records);
    }

    fn set_record_rate(&self, records: u64) {
        let rate = rate(records, self.bar.elapsed());
        self.bar.set_message(format!("{} records  {}/s", HumanCount(records), HumanCount(rate)));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A spinner for work of unknown length.
pub struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    /// Shows the current step; hidden unless progress is shown.
    pub fn new(global: &GlobalArgs, what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner();
        if !global.shows_progress() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// Changes the current step.
    pub fn set_message(&self, what: &'static str) {
        self.bar.set_message(what);
    }

    /// Removes the spinner.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn rate(records: u64, elapsed: Duration) -> u64 {
    u64::try_from(u128::from(records) * 1_000 / elapsed.as_millis().max(1)).unwrap_or(u64::MAX)
}
