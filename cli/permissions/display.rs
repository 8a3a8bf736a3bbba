//! Prints permissions reports.
//!
//! Enters: [`PermissionsReport`]. Leaves: JSON, or text: the details of one principal, or one line for each of
//! several. Law: every color has a word with the same meaning.

use std::io::{self, Write};

use onlooker_core::{
    permissions::{OverallStatus, PermissionsReport},
    render::{self, format::count_noun},
};

use super::{detail, outcome};
use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
    output,
    text_table::{self, CellTone, ScreenSettings, TextCell},
};

/// How a permissions report is printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct PermissionsDisplay {
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to print the details of each principal.
    pub all: bool,
}

/// Prints a report and returns its outcome.
pub fn show(
    global: &GlobalArgs,
    form: PermissionsDisplay,
    report: &PermissionsReport,
) -> Result<CommandOutcome, CommandError> {
    if form.json {
        let json = render::permissions::json(report)?;
        output::write(|out| out.write_all(json.as_bytes()))?;
    } else {
        let screen = ScreenSettings::of(global);
        output::write(|out| print_text(out, screen, form, report))?;
    }
    Ok(outcome(report))
}

fn print_text(
    out: &mut dyn Write,
    screen: ScreenSettings,
    form: PermissionsDisplay,
    report: &PermissionsReport,
) -> io::Result<()> {
    let principals = &report.principals;
    let in_full = form.all || principals.len() == 1;
    if in_full {
        for permissions in principals {
            detail::print(out, screen, permissions)?;
        }
    }
    let rows: Vec<Vec<TextCell>> = (report.missing.iter())
        .map(|pattern| (OverallStatus::Invalid, pattern.as_str(), "the account has no such principal"))
        .chain(
            principals
                .iter()
                .filter(|_| !in_full)
                .map(|one| (one.overall_status, &*one.identity.arn, &*one.reason)),
        )
        .map(|(status, who, why)| vec![detail::status(status), TextCell::plain(who), TextCell::plain(why)])
        .collect();
    text_table::print(out, screen, &rows)?;
    if principals.is_empty() && report.missing.is_empty() {
        writeln!(out, "no principal was evaluated")?;
    }
    if principals.len() > 1 {
        writeln!(out, "{}", summary(report, screen))?;
        if !in_full {
            writeln!(out, "{}", CellTone::Faint.paint(screen.colored, "--all shows the details of each"))?;
        }
    }
    Ok(())
}

/// The number of principals with each status, the most severe first.
fn summary(report: &PermissionsReport, screen: ScreenSettings) -> String {
    let statuses = [
        OverallStatus::OverPrivileged,
        OverallStatus::Indeterminate,
        OverallStatus::Invalid,
        OverallStatus::Partial,
        OverallStatus::Valid,
    ];
    let counts = statuses.iter().filter_map(|status| {
        let count = report.principals.iter().filter(|one| one.overall_status == *status).count();
        (count > 0).then(|| format!("{count} {}", detail::word(*status)))
    });
    let all = count_noun(report.principals.len() as u64, "principal");
    CellTone::Strong.paint(screen.colored, &format!("{all}: {}", counts.collect::<Vec<_>>().join(", ")))
}
