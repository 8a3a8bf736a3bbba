//! `onlooker health`: whether Onlooker itself works.
//!
//! Enters: the state of sweeps, or a deployment. Leaves: one line for each check, JSON, or the output of a Nagios plugin. Laws: the
//! exit code is that of a Nagios plugin: 0 healthy, 1 warning, 2 critical, 3 unknown; a failure of the command is unknown, never 2,
//! which would claim that something is known to be wrong.

use std::io::{self, Write};

use clap::Args;
use onlooker_core::{
    health::{Health, HealthCheck, HealthMeasure, HealthStatus, HealthUnit, size, span},
    render::nagios,
};

use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
    monitored::{MonitoredArgs, MonitoredPlace},
    output,
    text_table::{self, CellTone, ScreenSettings, TextCell},
};

/// Options of `health`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Looks at the write buffer, the last run, the audit trail, rate limits, findings, the
query cache, trail logging, log digests, dead letters, coverage, the catalog and
circuit breakers. docs/health.md has the limits and what to do about each.

Examples:
  onlooker health
  onlooker health --json
  onlooker health --nagios --max-age 2h
  onlooker health --remote --stack onlooker

Exit codes, as those of a Nagios plugin:
  0  healthy       2  critical
  1  warning       3  unknown, or the command failed")]
pub struct HealthArgs {
    /// Print JSON; its schema is published
    #[arg(long)]
    json: bool,
    /// Print one line with performance data, as a plugin of Nagios or Icinga
    #[arg(long, conflicts_with = "json")]
    nagios: bool,
    #[command(flatten)]
    place: MonitoredArgs,
}

/// Runs `health`.
pub fn run(global: &GlobalArgs, args: HealthArgs) -> Result<CommandOutcome, CommandError> {
    let is_nagios = args.nagios;
    let status = match check(global, args) {
        Ok(status) => status,
        Err(failure) => {
            let message = failure.message(global.colors_stderr());
            io::stderr().lock().write_all(message.as_bytes()).map_err(CommandError::Output)?;
            if is_nagios {
                output::write(|out| {
                    writeln!(out, "ONLOOKER UNKNOWN - the command failed; see standard error")
                })?;
            }
            HealthStatus::Unknown
        }
    };
    Ok(CommandOutcome::Health(status))
}

fn check(global: &GlobalArgs, args: HealthArgs) -> Result<HealthStatus, CommandError> {
    let place = MonitoredPlace::open(global, args.place, "health")?;
    let health = place.read(&mut place.reader()).health;
    match (args.json, args.nagios) {
        (true, _) => output::json(&health)?,
        (false, true) => output::write(|out| out.write_all(nagios::line(&health).as_bytes()))?,
        (false, false) => {
            let screen = ScreenSettings::of(global);
            output::write(|out| print(out, screen, &health))?;
        }
    }
    Ok(health.status)
}

/// The tone of a status.
pub const fn tone(status: HealthStatus) -> CellTone {
    match status {
        HealthStatus::Healthy => CellTone::Good,
        HealthStatus::Unknown | HealthStatus::Warning => CellTone::Warn,
        HealthStatus::Critical => CellTone::Bad,
    }
}

fn print(out: &mut dyn Write, screen: ScreenSettings, health: &Health) -> io::Result<()> {
    let status = tone(health.status).paint(screen.colored, &health.status.as_str().to_uppercase());
    writeln!(out, "{status}  {}\n", onlooker_core::escape::escape_remaining(&health.summary))?;
    let mut rows = Vec::new();
    for check in &health.checks {
        rows.push(vec![
            TextCell::new(check.status.as_str(), tone(check.status)),
            TextCell::plain(&check.name),
            TextCell::new(&limits(check), CellTone::Faint),
            TextCell::plain(&check.message),
        ]);
    }
    for left_out in &health.not_applicable {
        rows.push(vec![
            TextCell::new("-", CellTone::Faint),
            TextCell::plain(left_out.name),
            TextCell::plain(""),
            TextCell::new(&format!("does not apply: {}", left_out.reason), CellTone::Faint),
        ]);
    }
    text_table::print(out, screen, &rows)?;
    let to_do = health.checks.iter().filter_map(|check| Some((check, check.remedy.as_ref()?)));
    for (n, (check, remedy)) in to_do.enumerate() {
        let gap = if n == 0 { "\n" } else { "" };
        writeln!(out, "{gap}{}: {remedy}", check.name)?;
    }
    Ok(())
}

/// The limits of a check, `> 500 / > 800`; of several measures those of the worst.
fn limits(check: &HealthCheck) -> String {
    let of = |measure: &HealthMeasure| {
        let limit = |limit: Option<f64>| {
            limit.map_or_else(|| "-".to_owned(), |limit| format!("> {}", shown(measure.unit, limit)))
        };
        (measure.warning.is_some() || measure.critical.is_some())
            .then(|| format!("{} / {}", limit(measure.warning), limit(measure.critical)))
    };
    let limited = check.measures.iter().rev().filter(|measure| of(measure).is_some());
    limited.max_by_key(|measure| measure.status()).and_then(of).unwrap_or_default()
}

/// A number in its unit.
pub fn shown(unit: HealthUnit, value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a limit or a size, which is not negative"
    )]
    let whole = value as u64;
    match unit {
        HealthUnit::Count => value.to_string(),
        HealthUnit::Seconds => span(whole),
        HealthUnit::Bytes => size(whole),
        HealthUnit::Percent => format!("{value} %"),
    }
}
