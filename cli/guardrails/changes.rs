//! Prints what a guardrail takes away from the policies that are attached now.
//!
//! Enters: [`GuardrailChanges`]. Leaves: text. Laws: untrusted names cannot move the cursor; each statement is one line
//! with the numbers of actions that stay and that do not.

use std::io::{self, Write};

use onlooker_core::{
    escape::escape_hidden,
    guardrails::{GuardrailChanges, StatementChange},
    render::format::count_noun,
};

use super::display::{list, names};

/// Prints the changes.
pub fn print(out: &mut dyn Write, changes: &GuardrailChanges) -> io::Result<()> {
    let word = if changes.is_in_place { "in place" } else { "not in place" };
    writeln!(out, "  attached policies: {word}")?;
    for objection in &changes.objections {
        writeln!(out, "    - {}", escape_hidden(objection))?;
    }
    let (kept, narrowed, removed) = (changes.kept.len(), changes.narrowed.len(), changes.removed.len());
    writeln!(
        out,
        "  diff: {} kept, {} narrowed, {} removed",
        count_noun(kept as u64, "action"),
        count_noun(narrowed as u64, "action"),
        count_noun(removed as u64, "action")
    )?;
    for statement in &changes.statements {
        print_statement(out, statement)?;
    }
    list(out, "~ narrowed", names(&changes.narrowed))?;
    list(out, "- removed", names(&changes.removed))
}

fn print_statement(out: &mut dyn Write, change: &StatementChange) -> io::Result<()> {
    let mark = match (change.kept.is_empty(), change.removed.is_empty()) {
        (_, true) => '=',
        (true, false) => '-',
        (false, false) => '~',
    };
    let (policy, statement) = (escape_hidden(&change.policy), escape_hidden(&change.statement));
    let (kept, removed) = (change.kept.len(), change.removed.len());
    writeln!(out, "  {mark} {policy} {statement}: {kept} kept, {removed} removed")
}
