//! `onlooker monitor`: health and the newest report on a screen that renews itself.
//!
//! Enters: the state of sweeps, or a deployment. Leaves: a screen that is drawn again at each refresh, or plain text. Laws: nothing is
//! changed; the terminal is as before when the command ends, also when a signal ends it; text from records cannot move the cursor.

mod frame;
mod rates;
mod screen;
mod sections;

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use clap::Args;

use self::{
    frame::{FrameSize, frame},
    rates::RecentRecords,
    screen::LiveScreen,
    sections::sections,
};
use crate::{
    args::GlobalArgs,
    environment,
    exit::{CommandError, CommandOutcome},
    monitored::{MonitoredArgs, MonitoredPlace},
    output,
    text_table::ScreenSettings,
};

/// Seconds between two readings, unless the user names another number.
const DEFAULT_REFRESH_SECONDS: u16 = 5;

/// Columns of plain text.
const PLAIN_COLUMNS: usize = 100;

/// Options of `monitor`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
On a terminal the screen renews itself until Ctrl-C. In a file or a pipe the text is
printed once, or with --refresh again and again. The exit code says nothing about the
health; `onlooker health` has one that does.

Examples:
  onlooker monitor
  onlooker monitor --refresh 2
  onlooker monitor --once
  onlooker monitor --remote --stack onlooker --refresh 60")]
pub struct MonitorArgs {
    /// Seconds between two readings [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3_600))]
    refresh: Option<u16>,
    /// Print the text once and end
    #[arg(long, conflicts_with = "refresh")]
    once: bool,
    #[command(flatten)]
    place: MonitoredArgs,
}

/// Runs `monitor`.
pub fn run(global: &GlobalArgs, args: MonitorArgs) -> Result<CommandOutcome, CommandError> {
    let place = MonitoredPlace::open(global, args.place, "monitor")?;
    let refresh = Duration::from_secs(u64::from(args.refresh.unwrap_or(DEFAULT_REFRESH_SECONDS)));
    let is_live = io::stdout().is_terminal() && !args.once;
    let screen = is_live.then(LiveScreen::open).transpose().map_err(CommandError::Output)?;
    let colored = ScreenSettings::of(global).colored;
    let began = Instant::now();
    let (mut reader, mut recent) = (place.reader(), RecentRecords::default());
    loop {
        let state = place.read(&mut reader);
        recent.add(&state.health.runs);
        let uptime = began.elapsed().as_secs();
        let parts = sections(&state, &place.name, recent.per_second(environment::now()), uptime);
        match &screen {
            Some(screen) => {
                // A new size of the window redraws what was read.
                let mut left = refresh;
                loop {
                    let drawn = Instant::now();
                    screen.draw(&frame(&parts, screen.size(), colored)).map_err(CommandError::Output)?;
                    if !screen.wait(left) {
                        break;
                    }
                    left = left.saturating_sub(drawn.elapsed());
                }
            }
            None => {
                let columns = ScreenSettings::of(global).width.unwrap_or(PLAIN_COLUMNS);
                let text = frame(&parts, FrameSize { columns, rows: None }, colored).join("\n");
                output::write(|out| writeln!(out, "{text}"))?;
                if args.refresh.is_none() {
                    return Ok(CommandOutcome::Proven);
                }
                output::write(|out| writeln!(out))?;
                std::thread::sleep(refresh);
            }
        }
    }
}
