//! Lines of known width on a page of known height.
//!
//! Enters: text that is already harmless. Leaves: lines. Laws: no line is wider than asked, measured in columns; a page
//! is no higher than asked as long as what must stay fits; what is left out is said.

use unicode_width::UnicodeWidthChar;

/// What a colour stands for. The words say the same without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Headings.
    Strong,
    /// As it should be.
    Good,
    /// Look at it.
    Warn,
    /// Broken or missing.
    Bad,
    /// Less important.
    Faint,
}

/// Text in the colour of a tone, or as it is.
pub(super) fn paint(colour: bool, tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Strong => "1",
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "1;31",
        Tone::Faint => "2",
    };
    if colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Columns a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text in at most `width` columns, its end cut off if need be.
pub(super) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = take(text.chars(), width.saturating_sub(1));
    kept.truncate(kept.trim_end().len());
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// The text in at most `width` columns, its middle cut out if need be: the end of a name tells more than its middle.
pub(super) fn squeeze(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let end: String = take(text.chars().rev(), room - room / 3).chars().rev().collect();
    format!("{}…{end}", take(text.chars(), room / 3))
}

fn take(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

/// The text in exactly `width` columns, spaces after it.
pub(super) fn left(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let gap = width.saturating_sub(columns(&text));
    text + &" ".repeat(gap)
}

/// The text in exactly `width` columns, spaces before it.
pub(super) fn right(text: &str, width: usize) -> String {
    let text = cut(text, width);
    " ".repeat(width.saturating_sub(columns(&text))) + &text
}

/// The text as lines of at most `width` columns, at most `most` of them; a word that is too long is broken.
pub(super) fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if !line.is_empty() && columns(&line) + c.width().unwrap_or(0) > width {
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
            *last = cut(&format!("{last} …"), width);
        }
    }
    lines
}

/// Wrapped text with something before its first line and as much space before the others.
pub(super) fn hanging(first: &str, text: &str, width: usize, most: usize) -> Vec<String> {
    let indent = columns(first);
    wrap(text, width.saturating_sub(indent), most)
        .into_iter()
        .enumerate()
        .map(|(n, line)| if n == 0 { format!("{first}{line}") } else { " ".repeat(indent) + &line })
        .collect()
}

/// The first parts that fit, commas between them, and how many do not.
pub(super) fn some_of(parts: &[String], width: usize) -> String {
    let all = parts.join(", ");
    if columns(&all) <= width {
        return all;
    }
    (1..parts.len())
        .rev()
        .filter_map(|kept| {
            let text = format!("{}, {} more", parts.get(..kept)?.join(", "), parts.len() - kept);
            (columns(&text) <= width).then_some(text)
        })
        .next()
        .unwrap_or_else(|| cut(&all, width))
}

/// Lines that belong together.
pub(super) struct Row {
    /// The lines.
    pub lines: Vec<String>,
    /// Stays as long as rows that are not urgent can be left out.
    pub urgent: bool,
}

impl From<Vec<String>> for Row {
    fn from(lines: Vec<String>) -> Self {
        Self { lines, urgent: false }
    }
}

/// Part of a page: a title that tells how many rows are left out, lines that stay, rows that may be left out.
#[derive(Default)]
pub(super) struct Section {
    /// First line; none if empty.
    pub title: String,
    /// An empty line stands before it in any case; before others, where there is room.
    pub apart: bool,
    /// Lines that stand first.
    pub head: Vec<String>,
    /// Rows, each of one or more lines.
    pub rows: Vec<Row>,
    /// Rows that should stay.
    pub least: usize,
    /// Lines by which it counts as longer than it is when one section has to give way.
    pub yields: usize,
    /// Lines that stand last.
    pub tail: Vec<String>,
    /// It goes with its last row: another section says the same in short.
    pub fades: bool,
}

impl Section {
    fn is_gone(&self, shown: &[bool]) -> bool {
        self.fades && !shown.contains(&true)
    }

    fn height(&self, shown: &[bool]) -> usize {
        if self.is_gone(shown) {
            return 0;
        }
        let rows = self.rows.iter().zip(shown).filter(|(_, shown)| **shown);
        let rows: usize = rows.map(|(row, _)| row.lines.len()).sum();
        usize::from(self.apart)
            + usize::from(!self.title.is_empty())
            + self.head.len()
            + rows
            + self.tail.len()
    }

    /// The row to leave out next: the last one that is not urgent, or the last.
    fn next(&self, shown: &[bool]) -> Option<usize> {
        let mut rows: Vec<(bool, usize)> = self
            .rows
            .iter()
            .zip(shown)
            .enumerate()
            .filter(|(_, (_, shown))| **shown)
            .map(|(n, (row, _))| (!row.urgent, n))
            .collect();
        rows.sort_unstable();
        rows.pop().map(|(_, n)| n)
    }

    fn write(self, text: &mut String, shown: &[bool], width: usize, colour: bool) {
        if self.is_gone(shown) {
            return;
        }
        if self.apart {
            text.push('\n');
        }
        let left_out = shown.iter().filter(|shown| !**shown).count();
        let note = match left_out {
            0 => String::new(),
            _ => format!("  ({} of {} shown)", shown.len() - left_out, shown.len()),
        };
        let title = cut(&self.title, width.saturating_sub(columns(&note)));
        let title = (!title.is_empty()).then(|| paint(colour, Tone::Strong, &title) + &note);
        let rows =
            self.rows.into_iter().zip(shown).filter(|(_, shown)| **shown).flat_map(|(row, _)| row.lines);
        for line in title.into_iter().chain(self.head).chain(rows).chain(self.tail) {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
}

/// The sections below each other, at most `most` lines: the longest give rows away first.
pub(super) fn page(mut sections: Vec<Section>, most: usize, width: usize, colour: bool) -> String {
    let mut shown: Vec<Vec<bool>> = sections.iter().map(|section| vec![true; section.rows.len()]).collect();
    loop {
        let heights = sections.iter().zip(&shown).map(|(section, shown)| section.height(shown));
        if heights.sum::<usize>() <= most {
            break;
        }
        let spare = |section: &Section, shown: &[bool]| {
            shown.iter().filter(|shown| **shown).count().saturating_sub(section.least)
        };
        let longest = sections
            .iter()
            .zip(&mut shown)
            .filter_map(|(section, shown)| section.next(shown).map(|row| (section, shown, row)))
            .max_by_key(|(section, shown, _)| {
                (spare(section, shown) > 0, section.height(shown) + section.yields)
            });
        let Some(row) = longest.and_then(|(_, shown, row)| shown.get_mut(row)) else {
            break;
        };
        *row = false;
    }
    let height: usize = sections.iter().zip(&shown).map(|(section, shown)| section.height(shown)).sum();
    let close = sections.iter_mut().skip(1).rev().filter(|section| !section.apart);
    close.take(most.saturating_sub(height)).for_each(|section| section.apart = true);
    let mut text = String::new();
    for (section, shown) in sections.into_iter().zip(shown) {
        section.write(&mut text, &shown, width, colour);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_keeps_its_beginning_and_its_end() {
        assert_eq!(squeeze("role/ai/ReleaseNotesAgent", 12), "rol…tesAgent");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(left("日本", 5), "日本 ");
    }

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(wrap("one two three", 7, 3), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3, 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("one two three four", 7, 2), ["one two", "three …"]);
    }

    #[test]
    fn the_longest_section_gives_rows_away_and_says_so() {
        let section = |title: &str, urgent: usize, rows: usize| Section {
            title: title.to_owned(),
            rows: (0..rows)
                .map(|n| Row { lines: vec![format!("{title}{n}")], urgent: n == urgent })
                .collect(),
            least: 1,
            ..Section::default()
        };
        let text = page(vec![section("a", 4, 5), section("b", 0, 1)], 5, 80, false);
        assert_eq!(text, "a  (2 of 5 shown)\na0\na4\nb\nb0\n");
    }

    #[test]
    fn a_section_that_fades_goes_with_its_last_row() {
        let section = |fades: bool| Section {
            title: "t".to_owned(),
            head: vec!["h".to_owned()],
            rows: vec![vec!["r".to_owned()].into()],
            least: usize::from(!fades),
            fades,
            ..Section::default()
        };
        assert_eq!(page(vec![section(false), section(true)], 5, 80, false), "t\nh\nr\n");
        assert_eq!(page(vec![section(false), section(true)], 6, 80, false), "t\nh\nr\nt\nh\nr\n");
    }

    #[test]
    fn parts_that_do_not_fit_are_counted() {
        let parts = ["one", "two", "three"].map(str::to_owned);
        assert_eq!(some_of(&parts, 15), "one, two, three");
        assert_eq!(some_of(&parts, 14), "one, 2 more");
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_asked(text in "[a-z日本語 é\\\\]{0,60}", width in 2..40_usize, most in 1..4_usize) {
            prop_assert!(columns(&cut(&text, width)) <= width);
            prop_assert!(columns(&squeeze(&text, width)) <= width);
            prop_assert_eq!(columns(&left(&text, width)), width);
            prop_assert_eq!(columns(&right(&text, width)), width);
            let lines = wrap(&text, width, most);
            prop_assert!(lines.len() <= most);
            prop_assert!(lines.iter().all(|line| columns(line) <= width), "{lines:?}");
        }

        #[test]
        fn wrapping_loses_nothing_when_there_is_room(text in "[a-z ]{0,60}", width in 1..40_usize) {
            let lines = wrap(&text, width, usize::MAX).concat();
            prop_assert_eq!(lines.replace(' ', ""), text.replace(' ', ""));
        }
    }
}
