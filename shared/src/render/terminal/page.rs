//! Lays out lines on a page of limited width and height.
//!
//! Enters: text that is already escaped. Leaves: lines. Laws: no line is wider than the given columns; a page is not
//! higher than the given lines unless its mandatory lines are; the count of what is left out is shown; a page without a
//! limit leaves nothing out.

use unicode_width::UnicodeWidthChar;

/// Meaning of a color. The text says the same without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScreenTone {
    /// Headings.
    Heading,
    /// Values that are as expected.
    Good,
    /// Values that need review.
    Warn,
    /// Values that break the promise, and missing evidence.
    Bad,
    /// Text that matters less.
    Faint,
}

/// Text in the color of a tone, or unchanged without color.
pub(super) fn paint(color: bool, tone: ScreenTone, text: &str) -> String {
    let code = match tone {
        ScreenTone::Heading => "1",
        ScreenTone::Good => "32",
        ScreenTone::Warn => "33",
        ScreenTone::Bad => "1;31",
        ScreenTone::Faint => "2",
    };
    if color && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Number of terminal columns that a text takes.
pub(super) fn display_width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text in at most `width` columns, truncated at its end if necessary.
pub(super) fn truncate(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let mut kept = take_columns(text.chars(), width.saturating_sub(1));
    kept.truncate(kept.trim_end().len());
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// The text in at most `width` columns, truncated in its middle if necessary: the end of a name
/// distinguishes it.
pub(super) fn truncate_middle(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let end: String = take_columns(text.chars().rev(), room - room / 3).chars().rev().collect();
    format!("{}…{end}", take_columns(text.chars(), room / 3))
}

fn take_columns(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

/// The text in exactly `width` columns, spaces after it.
pub(super) fn align_left(text: &str, width: usize) -> String {
    let text = truncate(text, width);
    let gap = width.saturating_sub(display_width(&text));
    text + &" ".repeat(gap)
}

/// The text in exactly `width` columns, spaces before it.
pub(super) fn align_right(text: &str, width: usize) -> String {
    let text = truncate(text, width);
    " ".repeat(width.saturating_sub(display_width(&text))) + &text
}

/// The text as lines of at most `width` columns, at most `most` of them; a word that is too long is split.
pub(super) fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && display_width(&line) + 1 + display_width(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if !line.is_empty() && display_width(&line) + c.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
        if lines.len() > most {
            break;
        }
    }
    lines.push(line);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = truncate(&format!("{last} …"), width);
        }
    }
    lines
}

/// Wrapped text with a prefix before its first line, and the other lines indented by its width.
pub(super) fn wrap_hanging(first: &str, text: &str, width: usize, most: usize) -> Vec<String> {
    let indent = display_width(first);
    wrap(text, width.saturating_sub(indent), most)
        .into_iter()
        .enumerate()
        .map(|(n, line)| if n == 0 { format!("{first}{line}") } else { " ".repeat(indent) + &line })
        .collect()
}

/// The first parts that fit, separated by commas, and the count of the others.
pub(super) fn join_fitting(parts: &[String], width: usize) -> String {
    let all = parts.join(", ");
    if display_width(&all) <= width {
        return all;
    }
    (1..parts.len())
        .rev()
        .filter_map(|kept| {
            let text = format!("{}, {} more", parts.get(..kept)?.join(", "), parts.len() - kept);
            (display_width(&text) <= width).then_some(text)
        })
        .next()
        .unwrap_or_else(|| truncate(&all, width))
}

/// Lines that are shown or left out together.
pub(super) struct ScreenRow {
    /// Lines of the row, wrapped to the width of the screen.
    pub lines: Vec<String>,
    /// Left out only after all rows without this flag.
    pub keep_longest: bool,
}

impl From<Vec<String>> for ScreenRow {
    fn from(lines: Vec<String>) -> Self {
        Self { lines, keep_longest: false }
    }
}

/// Part of a page: a title with the count of rows shown, mandatory lines, and rows that may be left out.
#[derive(Default)]
pub(super) struct ScreenSection {
    /// First line; none if empty.
    pub title: String,
    /// Always preceded by an empty line; other sections only where there is room.
    pub spaced: bool,
    /// Mandatory lines before the rows.
    pub header: Vec<String>,
    /// Rows, each of one or more lines.
    pub rows: Vec<ScreenRow>,
    /// Rows that are left out last.
    pub min_rows: usize,
    /// Rows that are left out after all rows of other sections.
    pub last_rows: usize,
    /// Number of lines by which the section counts as longer when the longest section has to drop a row.
    pub shrink_priority: usize,
    /// Mandatory lines after the rows.
    pub footer: Vec<String>,
    /// Whether the section may be left out with its last row, because another section summarizes it.
    pub droppable: bool,
    /// Sections with a higher number make room before those with a lower one.
    pub drop_order: u8,
}

impl ScreenSection {
    fn is_dropped(&self, shown: &[bool]) -> bool {
        self.droppable && !shown.contains(&true)
    }

    fn height(&self, shown: &[bool]) -> usize {
        if self.is_dropped(shown) {
            return 0;
        }
        let rows = self.rows.iter().zip(shown).filter(|(_, shown)| **shown);
        let rows: usize = rows.map(|(row, _)| row.lines.len()).sum();
        usize::from(self.spaced)
            + usize::from(!self.title.is_empty())
            + self.header.len()
            + rows
            + self.footer.len()
    }

    /// The rows that a page of `most` lines may show: one more than it has lines, those that are left out last. With more
    /// rows the page is too long, whatever else is on it, so that they need not be left out one by one.
    fn first_shown(&self, most: usize) -> Vec<bool> {
        if self.rows.len() <= most.saturating_add(1) {
            return vec![true; self.rows.len()];
        }
        let kept = self.rows.iter().filter(|row| row.keep_longest).count().min(most + 1);
        let mut left = [kept, most + 1 - kept];
        let mut is_shown = |row: &ScreenRow| {
            let [longest, others] = &mut left;
            let left = if row.keep_longest { longest } else { others };
            let shown = *left > 0;
            *left = left.saturating_sub(1);
            shown
        };
        self.rows.iter().map(&mut is_shown).collect()
    }

    /// The row to leave out next: the last one without `keep_longest`, or the last.
    fn next_to_drop(&self, shown: &[bool]) -> Option<usize> {
        let mut rows: Vec<(bool, usize)> = self
            .rows
            .iter()
            .zip(shown)
            .enumerate()
            .filter(|(_, (_, shown))| **shown)
            .map(|(n, (row, _))| (!row.keep_longest, n))
            .collect();
        rows.sort_unstable();
        rows.pop().map(|(_, n)| n)
    }

    /// Writes the section. A title that is wider than the screen is cut, or wrapped if the page has no limit.
    fn write(self, text: &mut String, shown: &[bool], width: usize, color: bool, is_limited: bool) {
        if self.is_dropped(shown) {
            return;
        }
        if self.spaced {
            text.push('\n');
        }
        let left_out = shown.iter().filter(|shown| !**shown).count();
        let note = match left_out {
            0 => String::new(),
            _ => format!("  ({} of {} shown)", shown.len() - left_out, shown.len()),
        };
        let title = match is_limited {
            true => vec![truncate(&self.title, width.saturating_sub(display_width(&note)))],
            false if display_width(&self.title) <= width => vec![self.title],
            false => wrap(&self.title, width, usize::MAX),
        };
        let title = title.into_iter().filter(|line| !line.is_empty());
        let title = title.map(|line| paint(color, ScreenTone::Heading, &line) + &note);
        let rows =
            self.rows.into_iter().zip(shown).filter(|(_, shown)| **shown).flat_map(|(row, _)| row.lines);
        for line in title.into_iter().chain(self.header).chain(rows).chain(self.footer) {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
}

/// The sections one below the other, at most `most` lines: the longest section drops rows first, and a section drops its
/// only row last.
pub(super) fn page(mut sections: Vec<ScreenSection>, most: usize, width: usize, color: bool) -> String {
    let mut shown: Vec<Vec<bool>> = sections.iter().map(|section| section.first_shown(most)).collect();
    loop {
        let heights = sections.iter().zip(&shown).map(|(section, shown)| section.height(shown));
        if heights.sum::<usize>() <= most {
            break;
        }
        let rows = |shown: &[bool]| shown.iter().filter(|shown| **shown).count();
        let longest = sections
            .iter()
            .zip(&mut shown)
            .filter_map(|(section, shown)| section.next_to_drop(shown).map(|row| (section, shown, row)))
            .max_by_key(|(section, shown, _)| {
                let rows = rows(shown);
                let height = section.height(shown) + section.shrink_priority;
                (section.drop_order, rows > section.min_rows, rows > section.last_rows, rows > 1, height)
            });
        let Some(row) = longest.and_then(|(_, shown, row)| shown.get_mut(row)) else {
            break;
        };
        *row = false;
    }
    let height: usize = sections.iter().zip(&shown).map(|(section, shown)| section.height(shown)).sum();
    let close = sections.iter_mut().skip(1).rev().filter(|section| !section.spaced);
    close.take(most.saturating_sub(height)).for_each(|section| section.spaced = true);
    let mut text = String::new();
    for (section, shown) in sections.into_iter().zip(shown) {
        section.write(&mut text, &shown, width, color, most < usize::MAX);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn truncation_keeps_both_ends_of_a_name() {
        assert_eq!(truncate_middle("role/ai/ReleaseNotesAgent", 12), "rol…tesAgent");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(truncate("日本語", 5), "日本…");
        assert_eq!(align_left("日本", 5), "日本 ");
    }

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(wrap("one two three", 7, 3), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3, 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("one two three four", 7, 2), ["one two", "three …"]);
    }

    #[test]
    fn the_longest_section_drops_rows_and_counts_them() {
        let section = |title: &str, kept: usize, rows: usize| ScreenSection {
            title: title.to_owned(),
            rows: (0..rows)
                .map(|n| ScreenRow { lines: vec![format!("{title}{n}")], keep_longest: n == kept })
                .collect(),
            min_rows: 1,
            ..ScreenSection::default()
        };
        let text = page(vec![section("a", 4, 5), section("b", 0, 1)], 5, 80, false);
        assert_eq!(text, "a  (2 of 5 shown)\na0\na4\nb\nb0\n");
    }

    #[test]
    fn a_million_rows_take_one_pass_each_and_the_rows_that_are_kept_longest_stay() {
        let rows = |n: usize| {
            let row = move |m: usize| ScreenRow { lines: vec![m.to_string()], keep_longest: m + 1 == n };
            (0..n).map(row).collect()
        };
        let section = |n: usize| ScreenSection {
            title: "t".to_owned(),
            rows: rows(n),
            min_rows: 1,
            ..ScreenSection::default()
        };
        let many = page(vec![section(1_000_000), section(9)], 8, 80, false);
        let few = page(vec![section(30), section(9)], 8, 80, false);
        assert_eq!(many, "t  (3 of 1000000 shown)\n0\n1\n999999\nt  (3 of 9 shown)\n0\n1\n8\n");
        assert_eq!(few, many.replace("1000000", "30").replace("999999", "29"));
    }

    #[test]
    fn a_droppable_section_disappears_with_its_last_row() {
        let section = |droppable: bool| ScreenSection {
            title: "t".to_owned(),
            header: vec!["h".to_owned()],
            rows: vec![vec!["r".to_owned()].into()],
            min_rows: usize::from(!droppable),
            droppable,
            ..ScreenSection::default()
        };
        assert_eq!(page(vec![section(false), section(true)], 5, 80, false), "t\nh\nr\n");
        assert_eq!(page(vec![section(false), section(true)], 6, 80, false), "t\nh\nr\nt\nh\nr\n");
    }

    #[test]
    fn parts_that_do_not_fit_are_counted() {
        let parts = ["one", "two", "three"].map(str::to_owned);
        assert_eq!(join_fitting(&parts, 15), "one, two, three");
        assert_eq!(join_fitting(&parts, 14), "one, 2 more");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked(text in "[a-z日本語 é\\\\]{0,60}", width in 2..40_usize, most in 1..4_usize) {
            prop_assert!(display_width(&truncate(&text, width)) <= width);
            prop_assert!(display_width(&truncate_middle(&text, width)) <= width);
            prop_assert_eq!(display_width(&align_left(&text, width)), width);
            prop_assert_eq!(display_width(&align_right(&text, width)), width);
            let lines = wrap(&text, width, most);
            prop_assert!(lines.len() <= most);
            prop_assert!(lines.iter().all(|line| display_width(line) <= width), "{lines:?}");
        }

        #[test]
        fn wrapping_loses_nothing_when_there_is_room(text in "[a-z ]{0,60}", width in 1..40_usize) {
            let lines = wrap(&text, width, usize::MAX).concat();
            prop_assert_eq!(lines.replace(' ', ""), text.replace(' ', ""));
        }
    }
}
