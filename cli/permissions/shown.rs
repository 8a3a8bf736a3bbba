//! Verdicts, shown.
//!
//! Enters: [`Verdicts`]. Leaves: JSON, or text: one principal in full, several with a line each, the worst first. Law: what
//! a colour says a word says too.

use std::io::{self, Write};

use onlooker_core::{
    permissions::{OverallStatus, Verdicts},
    render::{self, figures::counted},
};

use super::{answer, block};
use crate::{
    args::Global,
    failure::{Answer, Failure},
    output,
    table::{self, Cell, Screen, Tone},
};

/// How verdicts are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Form {
    /// As JSON.
    pub json: bool,
    /// Each principal in full.
    pub all: bool,
}

/// Shows verdicts, and says what they come to.
pub fn show(global: &Global, form: Form, verdicts: &Verdicts) -> Result<Answer, Failure> {
    if form.json {
        let json = render::permissions::json(verdicts)?;
        output::write(|out| out.write_all(json.as_bytes()))?;
    } else {
        let screen = Screen::of(global);
        output::write(|out| text(out, screen, form, verdicts))?;
    }
    Ok(answer(verdicts))
}

fn text(out: &mut dyn Write, screen: Screen, form: Form, verdicts: &Verdicts) -> io::Result<()> {
    let principals = &verdicts.principals;
    let in_full = form.all || principals.len() == 1;
    if in_full {
        for permissions in principals {
            block::print(out, screen, permissions)?;
        }
    }
    let rows: Vec<Vec<Cell>> = (verdicts.missing.iter())
        .map(|pattern| (OverallStatus::Invalid, pattern.as_str(), "there is no such principal"))
        .chain(
            principals
                .iter()
                .filter(|_| !in_full)
                .map(|one| (one.overall_status, &*one.identity.arn, &*one.statement)),
        )
        .map(|(status, who, why)| vec![block::status(status), Cell::plain(who), Cell::plain(why)])
        .collect();
    table::print(out, screen, &rows)?;
    if principals.is_empty() && verdicts.missing.is_empty() {
        writeln!(out, "nobody was judged")?;
    }
    if principals.len() > 1 {
        writeln!(out, "{}", summary(verdicts, screen))?;
        if !in_full {
            writeln!(out, "{}", Tone::Faint.paint(screen.colored, "--all shows each in full"))?;
        }
    }
    Ok(())
}

/// How many principals have which verdict, the worst first.
fn summary(verdicts: &Verdicts, screen: Screen) -> String {
    let statuses = [
        OverallStatus::OverPrivileged,
        OverallStatus::Indeterminate,
        OverallStatus::Invalid,
        OverallStatus::Partial,
        OverallStatus::Valid,
    ];
    let counts = statuses.iter().filter_map(|status| {
        let count = verdicts.principals.iter().filter(|one| one.overall_status == *status).count();
        (count > 0).then(|| format!("{count} {}", block::word(*status)))
    });
    let all = counted(verdicts.principals.len() as u64, "principal");
    Tone::Strong.paint(screen.colored, &format!("{all}: {}", counts.collect::<Vec<_>>().join(", ")))
}
