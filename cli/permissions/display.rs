//! Verdicts, shown.
//!
//! Enters: [`PermissionsReport`]. Leaves: JSON, or text: one principal in full, several with a line each, the worst first. Law: what
//! a color says a word says too.

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

/// How verdicts are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct PermissionsDisplay {
    /// As JSON.
    pub json: bool,
    /// Each principal in full.
    pub all: bool,
}

/// Shows verdicts, and says what they come to.
pub fn show(
    global: &GlobalArgs,
    form: PermissionsDisplay,
    verdicts: &PermissionsReport,
) -> Result<CommandOutcome, CommandError> {
    if form.json {
        let json = render::permissions::json(verdicts)?;
        output::write(|out| out.write_all(json.as_bytes()))?;
    } else {
        let screen = ScreenSettings::of(global);
        output::write(|out| print_text(out, screen, form, verdicts))?;
    }
    Ok(outcome(verdicts))
}

fn print_text(
    out: &mut dyn Write,
    screen: ScreenSettings,
    form: PermissionsDisplay,
    verdicts: &PermissionsReport,
) -> io::Result<()> {
    let principals = &verdicts.principals;
    let in_full = form.all || principals.len() == 1;
    if in_full {
        for permissions in principals {
            detail::print(out, screen, permissions)?;
        }
    }
    let rows: Vec<Vec<TextCell>> = (verdicts.missing.iter())
        .map(|pattern| (OverallStatus::Invalid, pattern.as_str(), "there is no such principal"))
        .chain(
            principals
                .iter()
                .filter(|_| !in_full)
                .map(|one| (one.overall_status, &*one.identity.arn, &*one.reason)),
        )
        .map(|(status, who, why)| vec![detail::status(status), TextCell::plain(who), TextCell::plain(why)])
        .collect();
    text_table::print(out, screen, &rows)?;
    if principals.is_empty() && verdicts.missing.is_empty() {
        writeln!(out, "nobody was judged")?;
    }
    if principals.len() > 1 {
        writeln!(out, "{}", summary(verdicts, screen))?;
        if !in_full {
            writeln!(out, "{}", CellTone::Faint.paint(screen.colored, "--all shows each in full"))?;
        }
    }
    Ok(())
}

/// How many principals have which verdict, the worst first.
fn summary(verdicts: &PermissionsReport, screen: ScreenSettings) -> String {
    let statuses = [
        OverallStatus::OverPrivileged,
        OverallStatus::Indeterminate,
        OverallStatus::Invalid,
        OverallStatus::Partial,
        OverallStatus::Valid,
    ];
    let counts = statuses.iter().filter_map(|status| {
        let count = verdicts.principals.iter().filter(|one| one.overall_status == *status).count();
        (count > 0).then(|| format!("{count} {}", detail::word(*status)))
    });
    let all = count_noun(verdicts.principals.len() as u64, "principal");
    CellTone::Strong.paint(screen.colored, &format!("{all}: {}", counts.collect::<Vec<_>>().join(", ")))
}
