//! The controls of the standard.
//!
//! Enters: a report. Leaves: a section with a row for each control: its state, what supports it, what a pass shows and
//! what no report shows. Law: one screen has only those that fail, and only while there is room; the facts count all.

use super::{
    TerminalStyle,
    page::{ScreenRow, ScreenSection, ScreenTone, align_left, paint, wrap_hanging},
};
use crate::{
    controls::{ControlResult, ControlState},
    escape::escape_hidden,
    render::format::control_state,
    report::ReportResult,
};

/// Columns of the state.
const STATE_WIDTH: usize = 11;

/// The section; `None` if there is nothing to show.
pub(super) fn section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    let is_shown = |control: &&ControlResult| style.is_whole() || control.state == ControlState::Fail;
    let rows: Vec<ScreenRow> =
        result.controls.iter().filter(is_shown).map(|control| row(control, style)).collect();
    let title = match style.is_whole() {
        true => format!("Controls: {}", result.standard_title),
        false => format!("Failed controls: {}", result.standard_title),
    };
    (!rows.is_empty()).then(|| ScreenSection {
        title: escape_hidden(&title).into_owned(),
        spaced: true,
        rows,
        droppable: true,
        // The facts count the controls, so this section makes room before those that nothing counts.
        drop_order: 1,
        ..ScreenSection::default()
    })
}

fn row(control: &ControlResult, style: &TerminalStyle) -> ScreenRow {
    let tone = match control.state {
        ControlState::Pass => ScreenTone::Good,
        ControlState::NoEvidence => ScreenTone::Warn,
        ControlState::Fail => ScreenTone::Bad,
    };
    let state = align_left(control_state(control.state), STATE_WIDTH);
    let text = format!("{}  {}: {}", control.id, control.title, control.evidence);
    let first = format!("  {state}  ");
    let mut lines = wrap_hanging(&first, &escape_hidden(&text), style.width, style.lines(1));
    if let Some(line) = lines.first_mut() {
        *line = line.replacen(&state, &paint(style.color, tone, &state), 1);
    }
    let indent = " ".repeat(2 + STATE_WIDTH + 2);
    let about = [("a pass shows: ", &control.shows), ("no report shows: ", &control.does_not_show)];
    for (name, text) in about.into_iter().filter(|_| style.is_whole()) {
        let Some(text) = text else { continue };
        let text = wrap_hanging(&indent, &format!("{name}{}", escape_hidden(text)), style.width, usize::MAX);
        lines.extend(text.iter().map(|line| paint(style.color, ScreenTone::Faint, line)));
    }
    lines.into()
}
