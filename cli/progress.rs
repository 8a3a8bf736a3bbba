//! Progress bars on standard error.
//!
//! Enters: counts. Leaves: a bar with records per second and the time left, if progress is shown. Laws: nothing is
//! written to standard output; a bar is empty until something is done, also before it is known of how much.

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
        // A bar of length zero would be drawn full.
        let bar = ProgressBar::no_length();
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

    /// A count of what is written, because nothing says how much there will be; hidden unless progress is shown.
    pub fn for_writing(global: &GlobalArgs, verb: &'static str) -> Self {
        let this = Self::new(global, verb);
        let style = ProgressStyle::with_template("{prefix:>8} {pos} files  {msg}");
        this.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
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

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use clap::Parser as _;
    use indicatif::TermLike;

    use super::*;
    use crate::args::Cli;

    /// A terminal that keeps what is written to it.
    #[derive(Clone, Debug, Default)]
    struct Written(Arc<Mutex<Vec<String>>>);

    impl TermLike for Written {
        fn width(&self) -> u16 {
            100
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().expect("not poisoned").push(text.to_owned());
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The bar as it is drawn.
    fn drawn(meter: &ProgressMeter) -> String {
        let terminal = Written::default();
        meter.bar.set_draw_target(ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 1));
        meter.bar.force_draw();
        let written = terminal.0.lock().expect("not poisoned").concat();
        console::strip_ansi_codes(&written).into_owned()
    }

    #[test]
    fn a_bar_is_empty_until_something_is_done() {
        let cli = Cli::try_parse_from(["onlooker", "--quiet", "doctor"]).expect("valid");
        let empty = format!("[{}]", " ".repeat(30));
        let meters = [
            ProgressMeter::new(&cli.global, "reading"),
            ProgressMeter::for_items(&cli.global, "reading", "x"),
        ];
        for meter in meters {
            assert!(drawn(&meter).contains(&empty), "{}", drawn(&meter));
            meter.set_count(0, 8);
            assert!(drawn(&meter).contains(&empty), "{}", drawn(&meter));
            meter.set_count(4, 8);
            assert!(drawn(&meter).contains("[===============>"), "{}", drawn(&meter));
            meter.set_count(8, 8);
            assert!(drawn(&meter).contains(&"=".repeat(30)), "{}", drawn(&meter));
        }
        let writing = ProgressMeter::for_writing(&cli.global, "writing");
        writing.set_written(7, 70);
        assert!(drawn(&writing).contains("writing 7 files  70 records"), "{}", drawn(&writing));
    }
}
