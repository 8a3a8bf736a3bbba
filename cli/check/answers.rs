//! Verdicts as people and programs read them.
//!
//! Enters: answers, as they come. Leaves: a table, explanations or a JSON array. Laws: the order is that of the
//! questions; memory does not grow with their number.

use std::io::{self, Write};

use onlooker_core::{
    jobs::check::Checked,
    operation::{AccessLevel, OperationType},
    render::figures::{counted, thousands},
    verdict::Provenance,
};

use super::explained::explained;
use crate::{
    args::Global,
    failure::Answer,
    output::JsonArray,
    table::{Cell, Columns, Screen, Tone},
};

/// Prints answers and counts them.
pub struct Answers {
    screen: Screen,
    json: Option<JsonArray>,
    explain: bool,
    header: bool,
    between: bool,
    columns: Columns,
    waiting: Vec<Checked>,
    by_type: [u64; 4],
}

const TYPES: [OperationType; 4] =
    [OperationType::ReadOnly, OperationType::Privileged, OperationType::Unknown, OperationType::Mutating];

impl Answers {
    /// How many answers are laid out together.
    pub const AT_ONCE: usize = 512;

    /// No answer yet.
    pub fn new(global: &Global, json: bool, explain: bool) -> Self {
        Self {
            screen: Screen::of(global),
            json: json.then(JsonArray::new),
            explain,
            header: !json && !explain && !global.quiet,
            between: false,
            columns: Columns::default(),
            waiting: Vec::new(),
            by_type: [0; 4],
        }
    }

    /// Opens the output.
    pub fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        self.json.as_ref().map_or(Ok(()), |array| array.begin(out))
    }

    /// Takes an answer.
    pub fn take(&mut self, checked: Checked) {
        for (count, of) in self.by_type.iter_mut().zip(TYPES) {
            *count += u64::from(checked.operation_type == of);
        }
        self.waiting.push(checked);
    }

    /// Answers taken and not printed.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// All answers taken.
    pub fn all(&self) -> u64 {
        self.by_type.iter().sum()
    }

    /// Prints what waits.
    pub fn print(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let checked = std::mem::take(&mut self.waiting);
        if let Some(array) = &mut self.json {
            return checked.iter().try_for_each(|one| array.item(out, one));
        }
        if self.explain {
            return checked.iter().try_for_each(|one| {
                if std::mem::replace(&mut self.between, true) {
                    writeln!(out)?;
                }
                explained(out, self.screen, one)
            });
        }
        let mut rows: Vec<(Vec<Cell>, Option<String>)> =
            checked.iter().map(|one| (row(one), did_you_mean(one))).collect();
        if self.header && !rows.is_empty() {
            self.header = false;
            let titles = ["operation", "verdict", "level", "risk", "capabilities", "why"];
            rows.insert(0, (titles.map(|title| Cell::new(title, Tone::Faint)).to_vec(), None));
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

    /// Closes the output.
    pub fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.json.as_mut().map_or(Ok(()), |array| array.end(out))
    }

    /// Says on standard error how many of each verdict there were.
    pub fn summarize(&self, global: &Global) {
        let all = self.all();
        if global.quiet || self.json.is_some() || all == 1 {
            return;
        }
        let parts: Vec<String> = TYPES
            .iter()
            .zip(self.by_type)
            .filter(|(_, count)| *count > 0)
            .map(|(of, count)| format!("{} {of}", thousands(count)))
            .collect();
        // Nobody may be reading; the answer is given.
        let _ = writeln!(io::stderr(), "{}: {}", counted(all, "operation"), parts.join(", "));
    }

    /// What the answers come to.
    pub fn answer(&self) -> Answer {
        let [_, unsafe_ones @ ..] = self.by_type;
        if unsafe_ones.iter().sum::<u64>() == 0 { Answer::Proven } else { Answer::Violation }
    }
}

/// The operation as AWS writes it when it is known, else as it was asked.
pub fn name(checked: &Checked) -> String {
    match checked.provenance {
        Provenance::Catalog | Provenance::NonApiEvent | Provenance::Override => {
            format!("{}:{}", checked.service, checked.operation)
        }
        _ => checked.input.trim().to_owned(),
    }
}

/// What was asked and is not known may be a slip.
pub fn did_you_mean(checked: &Checked) -> Option<String> {
    let offers: Vec<String> = checked.did_you_mean.iter().map(|key| format!("`{key}`")).collect();
    (!offers.is_empty()).then(|| format!("did you mean {}?", offers.join(", ")))
}

fn row(checked: &Checked) -> Vec<Cell> {
    let kind = checked.operation_type;
    let capabilities = checked.capabilities.words().collect::<Vec<_>>().join(",");
    vec![
        Cell::plain(&name(checked)),
        Cell::new(kind.as_str(), Tone::of_type(kind)),
        Cell::plain(checked.access_level.map_or("-", AccessLevel::as_str)),
        Cell::new(checked.risk_level.as_str(), Tone::of_risk(checked.risk_level)),
        Cell::plain(if capabilities.is_empty() { "-" } else { &capabilities }),
        Cell::plain(&checked.validation_message),
    ]
}
