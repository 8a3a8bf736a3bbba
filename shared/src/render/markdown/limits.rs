//! Keeps a Markdown page short enough for a comment on GitHub.
//!
//! Enters: a page in sections, and a report. Leaves: text of at most [`MAX_LENGTH`] characters. Laws: what is left out is named on
//! the page, right after the heading; a page that is short enough stays as it is; no text is cut within its markup, because
//! values are cut before they are escaped.

use serde_json::Value;

use super::MarkdownPage;
use crate::{render::format::thousands, report::Report};

/// Greatest length of a page. GitHub takes 65,536 characters in the body of an issue, a pull request or a comment, and answers a
/// longer one with the error 422 (seen 2026-11). Counted are UTF-16 units, which are never fewer than characters.
pub(super) const MAX_LENGTH: usize = 65_536;

/// Space that is kept for the sentence about what is left out.
const NOTE_LENGTH: usize = 2_000;

/// Most sections that this sentence names.
const MAX_NAMES: usize = 10;

/// How much of a report a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) struct PageLimits {
    /// Rows of a table, items of a list.
    pub(super) rows: usize,
    /// Characters of a value; `None`: all.
    characters: Option<usize>,
}

impl PageLimits {
    /// The limits of a page, unless it is too long with them.
    pub(in crate::render) const FULL: Self = Self { rows: 50, characters: None };

    /// Limits for a page that is too long with [`Self::FULL`], one after the other.
    pub(super) const NARROWER: [Self; 5] = [
        Self { rows: 25, characters: None },
        Self { rows: 12, characters: None },
        Self { rows: 10, characters: Some(600) },
        Self { rows: 4, characters: Some(250) },
        Self { rows: 1, characters: Some(100) },
    ];

    /// The report with its long texts cut; `None` if the limits cut none.
    pub(super) fn shorten(self, report: &Report) -> Option<Report> {
        let most = self.characters?;
        let mut report = report.clone();
        // The page shows nothing of these, and they are the greater part of a large report.
        report.result.activity.clear();
        report.result.audit_entries.clear();
        report.run.input_files.clear();
        report.run.skipped_files.clear();
        report.result.principals.iter_mut().for_each(|principal| principal.hours.clear());
        let mut value = serde_json::to_value(&report).ok()?;
        cut(&mut value, most);
        // Words and hashes of a report are shorter than every limit, so this is a report again.
        serde_json::from_value(value).ok()
    }

    fn sentence(self) -> String {
        let texts = self.characters.map_or_else(String::new, |most| {
            format!(", and texts of more than {} characters end with `…`", thousands(most as u64))
        });
        format!("a table has at most {} rows{texts}", self.rows)
    }
}

fn cut(value: &mut Value, most: usize) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(most) {
                text.truncate(end);
                text.push('…');
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut(item, most)),
        Value::Object(fields) => fields.values_mut().for_each(|field| cut(field, most)),
        _ => {}
    }
}

/// Length of a text as it counts towards [`MAX_LENGTH`].
pub(super) fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The text of a page, without the sections that do not fit.
pub(in crate::render) fn fit(page: MarkdownPage) -> String {
    let text = page.text();
    if page.limits == PageLimits::FULL && length(&text) <= MAX_LENGTH {
        return text;
    }
    let (mut used, mut kept, mut left_out) = (NOTE_LENGTH, Vec::new(), Vec::new());
    for section in page.sections {
        let longer = used + length(&section.text);
        if longer <= MAX_LENGTH {
            used = longer;
            kept.push(section.text);
        } else {
            left_out.push(section.name);
        }
    }
    let mut note = format!(
        "**Shortened** to {} characters, the most that a comment has: {}.",
        thousands(MAX_LENGTH as u64),
        page.limits.sentence()
    );
    if !left_out.is_empty() {
        let names: Vec<&str> =
            left_out.iter().map(String::as_str).filter(|name| length(name) <= 100).collect();
        let shown = names.iter().take(MAX_NAMES).copied().collect::<Vec<_>>().join("; ");
        let more = match left_out.len() - names.len().min(MAX_NAMES) {
            0 => String::new(),
            more => format!(" ({} more)", thousands(more as u64)),
        };
        note.push_str(&format!(" Left out: {shown}{more}."));
    }
    note.push_str(" The JSON report has everything.\n\n");
    kept.insert(usize::from(!kept.is_empty()), note);
    kept.concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::render::{markdown::markdown, sample};

    #[test]
    fn a_page_that_is_short_enough_is_not_changed() {
        for (name, report) in sample::all() {
            assert!(!markdown(&report).contains("**Shortened**"), "{name}");
        }
    }

    #[test]
    fn a_large_report_fits_and_says_what_is_left_out() {
        assert!(length(&markdown(&sample::large())) <= MAX_LENGTH);
        let mut report = sample::non_compliant();
        report.result.findings = vec![report.result.findings[0].clone(); 120];
        for text_length in [1_000, 5_000, 70_000] {
            for finding in &mut report.result.findings {
                finding.description = "`<b>@name</b> ".repeat(text_length / 14 + 1);
            }
            report.result.summary.statement = "\u{202e}".repeat(text_length);
            let page = markdown(&report);
            assert!(length(&page) <= MAX_LENGTH, "{}", length(&page));
            let second = page.lines().find(|line| line.starts_with("**Shortened**")).unwrap();
            assert!(second.contains("The JSON report has everything."), "{second}");
            assert!(page.starts_with("# Onlooker: ") && page.contains("## Findings (120)"), "{text_length}");
        }
    }

    #[test]
    fn a_section_without_place_is_named() {
        let mut page = MarkdownPage::new(PageLimits::FULL);
        page.line("# Heading\n");
        page.title("Long");
        page.line("x".repeat(MAX_LENGTH));
        page.title("Short");
        page.line("y");
        let text = fit(page);
        assert!(length(&text) <= MAX_LENGTH && text.contains("## Short\n\ny\n"), "{text}");
        assert!(text.starts_with("# Heading\n\n**Shortened**") && text.contains("Left out: Long."), "{text}");
    }

    proptest! {
        #[test]
        fn a_cut_text_begins_as_the_whole(text: String, most in 0_usize..40) {
            let mut value = Value::String(text.clone());
            cut(&mut value, most);
            let short = value.as_str().unwrap_or_default();
            let is_whole = short == text;
            prop_assert!(is_whole || text.starts_with(short.trim_end_matches('…')));
            prop_assert_eq!(is_whole, text.chars().count() <= most);
        }
    }
}
