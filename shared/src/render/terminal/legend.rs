//! What abbreviations and signs mean.
//!
//! Enters: a report. Leaves: a section with the meaning of each heading and sign that the report uses. Law: the whole
//! report always has it; one screen has it while there is room.

use super::{
    TerminalStyle, matrix,
    page::{ScreenSection, ScreenTone, paint, wrap_hanging},
};
use crate::{
    escape::escape_hidden,
    report::{ReportMode, ReportResult},
};

/// Meaning of the columns of the tables of principals.
const COLUMNS: [(&str, &str); 5] = [
    ("CALLS", "API calls with any outcome"),
    ("PERMITTED", "calls that are read-only or that an override allows"),
    ("READ-ONLY", "calls of read-only operations"),
    ("DENIED", "calls that AWS refused"),
    ("WRITES", "calls that changed state, also through roles"),
];

/// Meaning of the signs.
const SIGNS: [(&str, &str); 6] = [
    ("○ could", "a policy grants it"),
    ("× tried", "calls were denied or failed"),
    ("● did", "calls succeeded"),
    ("·", "not so"),
    ("–", "neither granted nor called"),
    ("?", "policies were not read"),
];

/// The section; `None` if the report has no principal to list.
pub(super) fn section(result: &ReportResult, style: &TerminalStyle) -> Option<ScreenSection> {
    if result.principals.is_empty() {
        return None;
    }
    let is_proof = result.mode == ReportMode::Proof;
    let columns = COLUMNS.into_iter().filter(|(name, _)| match *name {
        "PERMITTED" => is_proof,
        "READ-ONLY" => !is_proof,
        _ => true,
    });
    let mut rows: Vec<(String, String)> =
        columns.map(|(name, meaning)| (name.to_owned(), meaning.to_owned())).collect();
    let capabilities = matrix::headings(result);
    if !capabilities.is_empty() {
        rows.extend(SIGNS.map(|(sign, meaning)| (sign.to_owned(), meaning.to_owned())));
        rows.extend(capabilities);
    }
    rows.push(("account-region pair".to_owned(), "one account in one region".to_owned()));
    let text: Vec<String> = rows.iter().map(|(name, meaning)| format!("{name}: {meaning}")).collect();
    let lines = wrap_hanging("  ", &escape_hidden(&text.join("; ")), style.width, usize::MAX);
    let lines: Vec<String> = lines.iter().map(|line| paint(style.color, ScreenTone::Faint, line)).collect();
    Some(ScreenSection {
        title: "Legend".to_owned(),
        spaced: true,
        rows: vec![lines.into()],
        droppable: true,
        // It explains the others, so it makes room before any of them.
        drop_order: 2,
        ..ScreenSection::default()
    })
}
