//! Prints the results of `onlooker check`.
//!
//! Enters: results, one by one. Leaves: a table, explanations or a JSON array. Laws: results keep the order of the
//! operations; memory use does not depend on their number.

use std::io::{self, Write};

use onlooker_core::{
    classification::Provenance,
    jobs::check::CheckResult,
    operation::{AccessLevel, OperationType},
    render::format::{count_noun, thousands},
};

use super::explanation::print_explanation;
use crate::{
    args::GlobalArgs,
    exit::CommandOutcome,
    output::JsonArrayWriter,
    text_table::{CellTone, ColumnWidths, ScreenSettings, TextCell},
};

/// Prints results and counts them.
pub struct CheckPrinter {
    screen: ScreenSettings,
    json: Option<JsonArrayWriter>,
    explain: bool,
    needs_header: bool,
    needs_separator: bool,
    columns: ColumnWidths,
    pending: Vec<CheckResult>,
    by_type: [u64; 4],
    invalid: u64,
}

const TYPES: [OperationType; 4] =
    [OperationType::ReadOnly, OperationType::Privileged, OperationType::Unknown, OperationType::Mutating];

impl CheckPrinter {
    /// Number of results that are aligned together.
    pub const BATCH_SIZE: usize = 512;

    /// A printer without results.
    pub fn new(global: &GlobalArgs, json: bool, explain: bool) -> Self {
        Self {
            screen: ScreenSettings::of(global),
            json: json.then(JsonArrayWriter::new),
            explain,
            needs_header: !json && !explain && !global.quiet,
            needs_separator: false,
            columns: ColumnWidths::default(),
            pending: Vec::new(),
            by_type: [0; 4],
            invalid: 0,
        }
    }

    /// Writes the beginning of the output.
    pub fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        self.json.as_ref().map_or(Ok(()), |array| array.begin(out))
    }

    /// Adds the result of a checked operation.
    pub fn push(&mut self, checked: CheckResult) {
        for (count, of) in self.by_type.iter_mut().zip(TYPES) {
            *count += u64::from(checked.operation_type == of);
        }
        self.invalid += u64::from(!checked.is_valid);
        self.pending.push(checked);
    }

    /// Number of results that are not printed yet.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Number of results so far, printed and pending.
    pub fn total(&self) -> u64 {
        self.by_type.iter().sum()
    }

    /// Prints the pending results.
    pub fn print(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let checked = std::mem::take(&mut self.pending);
        if let Some(array) = &mut self.json {
            return checked.iter().try_for_each(|one| array.item(out, one));
        }
        if self.explain {
            return checked.iter().try_for_each(|one| {
                if std::mem::replace(&mut self.needs_separator, true) {
                    writeln!(out)?;
                }
                print_explanation(out, self.screen, one)
            });
        }
        let mut rows: Vec<(Vec<TextCell>, Option<String>)> =
            checked.iter().map(|one| (row(one), suggestions_line(one))).collect();
        if self.needs_header && !rows.is_empty() {
            self.needs_header = false;
            let titles = ["operation", "classification", "level", "risk", "capabilities", "reason"];
            rows.insert(0, (titles.map(|title| TextCell::new(title, CellTone::Faint)).to_vec(), None));
        }
        rows.iter().for_each(|(row, _)| self.columns.fit(row));
        for (row, meant) in rows {
            self.columns.print(out, self.screen, &row)?;
            if let Some(meant) = meant {
                writeln!(out, "    {meant}")?;
            }
        }
        Ok(())
    }

    /// Writes the end of the output.
    pub fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.json.as_mut().map_or(Ok(()), |array| array.end(out))
    }

    /// Prints the number of results of each operation type on standard error.
    pub fn summarize(&self, global: &GlobalArgs) {
        let all = self.total();
        if global.quiet || self.json.is_some() || all == 1 {
            return;
        }
        let parts: Vec<String> = TYPES
            .iter()
            .zip(self.by_type)
            .filter(|(_, count)| *count > 0)
            .map(|(of, count)| format!("{} {of}", thousands(count)))
            .collect();
        // A write error on standard error is ignored.
        let _ = writeln!(io::stderr(), "{}: {}", count_noun(all, "operation"), parts.join(", "));
    }

    /// The outcome of all results.
    pub fn outcome(&self) -> CommandOutcome {
        if self.invalid == 0 { CommandOutcome::Proven } else { CommandOutcome::Violation }
    }
}

/// The operation in the spelling of AWS if it is known, otherwise as given.
pub fn name(checked: &CheckResult) -> String {
    match checked.provenance {
        Provenance::Catalog | Provenance::NonApiEvent | Provenance::Override => {
            format!("{}:{}", checked.service, checked.operation)
        }
        _ => checked.input.trim().to_owned(),
    }
}

/// Suggestions for an operation that is not known.
pub fn suggestions_line(checked: &CheckResult) -> Option<String> {
    let offers: Vec<String> = checked.did_you_mean.iter().map(|key| format!("`{key}`")).collect();
    (!offers.is_empty()).then(|| format!("did you mean {}?", offers.join(", ")))
}

fn row(checked: &CheckResult) -> Vec<TextCell> {
    let kind = checked.operation_type;
    let capabilities = checked.capabilities.names().collect::<Vec<_>>().join(",");
    vec![
        TextCell::plain(&name(checked)),
        TextCell::new(kind.as_str(), CellTone::for_operation_type(kind)),
        TextCell::plain(checked.access_level.map_or("-", AccessLevel::as_str)),
        TextCell::new(checked.risk_level.as_str(), CellTone::for_risk(checked.risk_level)),
        TextCell::plain(if capabilities.is_empty() { "-" } else { &capabilities }),
        TextCell::plain(&checked.validation_message),
    ]
}
