//! Prints permissions reports.
//!
//! Enters: [`PermissionsReport`]. Leaves: files or standard output in any format; as text the details of one
//! principal, or one line for each of several. Laws: every color has a word with the same meaning; standard output has
//! one format.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use onlooker_core::{
    escape::escape_hidden,
    permissions::{OverallStatus, PermissionsReport},
    render::{self, Format, format::count_noun},
};

use super::{detail, formats::OutputFormat, outcome};
use crate::{
    args::GlobalArgs,
    exit::{CommandError, CommandOutcome},
    output,
    text_table::{self, CellTone, ScreenSettings, TextCell},
};

/// How a permissions report is printed.
#[derive(Clone, Debug, Default)]
pub struct PermissionsDisplay {
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to print the details of each principal.
    pub all: bool,
    /// Requested formats.
    pub formats: Vec<OutputFormat>,
    /// File or directory for files; none for standard output.
    pub out: Option<PathBuf>,
}

/// Prints or writes a report, and returns its outcome.
pub fn show(
    global: &GlobalArgs,
    form: &PermissionsDisplay,
    report: &PermissionsReport,
) -> Result<CommandOutcome, CommandError> {
    let written = match form.files()? {
        Some(files) => files.write(report)?,
        None => Vec::new(),
    };
    match (form.json, &form.out, &*form.formats) {
        (true, ..) => print_format(report, &render::permissions::JSON)?,
        (_, None, [OutputFormat::Report(format)]) => print_format(report, format)?,
        (_, Some(_), _) if global.quiet => {}
        _ => {
            let screen = ScreenSettings::of(global);
            output::write(|out| {
                print_text(out, screen, form, report)?;
                written
                    .iter()
                    .try_for_each(|path| writeln!(out, "wrote {}", escape_hidden(&path.to_string_lossy())))
            })?;
        }
    }
    Ok(outcome(report))
}

fn print_format(
    report: &PermissionsReport,
    format: &'static Format<PermissionsReport>,
) -> Result<(), CommandError> {
    let files = format.files(report)?;
    output::write(|out| files.iter().try_for_each(|file| out.write_all(&file.bytes)))
}

fn print_text(
    out: &mut dyn Write,
    screen: ScreenSettings,
    form: &PermissionsDisplay,
    report: &PermissionsReport,
) -> io::Result<()> {
    let principals = &report.principals;
    let in_full = form.all || principals.len() == 1;
    let unread: Vec<Vec<TextCell>> = report
        .unread
        .iter()
        .map(|part| {
            let place = TextCell::plain(&format!("{}: {}", part.file, part.name));
            vec![detail::status(OverallStatus::Indeterminate), place, TextCell::plain(&part.message)]
        })
        .collect();
    text_table::print(out, screen, &unread)?;
    if in_full && !unread.is_empty() {
        writeln!(out)?;
    }
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
    report.notes.iter().try_for_each(|text| writeln!(out, "note: {}", escape_hidden(text)))?;
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
