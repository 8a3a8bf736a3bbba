//! Properties of the escapes for any input.

use comrak::{Arena, Options, nodes::NodeValue, parse_document};
use proptest::prelude::*;

use super::*;
use crate::escape::is_hidden;

/// Text with characters that are special in some output, mixed with ordinary words.
pub fn hostile_text() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        3 => prop::sample::select(vec![
            "\u{1b}[31m", "\u{9b}2J", "\u{202e}", "\u{200b}", "\u{2066}", "\n", "\r", "\t", "\0", "\u{7f}", "\u{2028}",
            "=", "+", "-", "@", "'", "\"", ",", ";", "=cmd|' /C calc'!A0", "\u{ff1d}", "|", "\\", "\\u{", "\\|", "`", "``",
            "```", "*", "**", "_", "__", "~~", "<b>", "<!--", "-->", "<script>", "&lt;", "&#124;", "[a](b)", "![", "](", "[^1]",
            "http://", "https://e.com", "www.e.com", "a@e.com", "mailto:a@e.com", "@team", "#1", "GH-1", ":+1:", "$", "1.",
            "2)", "- ", "# ", "> ", "    ", "|-|-|", "---", "===", "\n\n", "~~~", "[x]", "(", ")", ".", ":", "?", "!", "//",
        ]).prop_map(str::to_owned),
        2 => "[a-zA-Z0-9]{1,8}",
        1 => any::<char>().prop_map(String::from),
        1 => Just(" ".to_owned()),
    ];
    prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat())
}

/// Undoes the escape.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u{") {
        let (code, after) = after.split_once('}').unwrap();
        plain.push_str(before);
        plain.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        rest = after;
    }
    plain + rest
}

/// The kinds of node in a Markdown text as GitHub reads it, in order, and the text of its words and code spans.
fn parse_markdown(markdown: &str) -> (Vec<&'static str>, String) {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options);
    let mut kinds = Vec::new();
    let mut words = String::new();
    for node in root.descendants() {
        let kind = match &node.data().value {
            NodeValue::Text(text) => {
                words.push_str(text);
                continue;
            }
            NodeValue::Code(code) => {
                words.push_str(&code.literal);
                continue;
            }
            NodeValue::Document => "document",
            NodeValue::Paragraph => "paragraph",
            NodeValue::List(_) => "list",
            NodeValue::Item(_) => "item",
            NodeValue::Table(_) => "table",
            NodeValue::TableRow(_) => "row",
            NodeValue::TableCell => "cell",
            _ => "markup",
        };
        kinds.push(kind);
    }
    (kinds, words)
}

#[test]
fn a_formula_becomes_text() {
    let cells = ["=1+1", " =1", "\t=1", "-", "@x", "'=1", "a; =1", "a;b", "1,-2", "e=mc"];
    let safe = cells.map(csv_cell);
    let wanted =
        ["'=1+1", "' =1", "\\u{9}=1", "'-", "'@x", "''=1", "a; \\u{3d}1", "a;b", "1,\\u{2d}2", "e=mc"];
    assert_eq!(safe, wanted);
}

#[test]
fn prose_keeps_words_and_puts_the_rest_in_code_spans() {
    for (text, wanted) in [
        ("It made 3 writes (99.98% were reads).", "It made 3 writes (99.98% were reads)."),
        ("NON_COMPLIANT: a read-only role wrote.", "`NON_COMPLIANT`: a read-only role wrote."),
        ("`arn:x:role/a b` called (s3:PutObject), once.", "`arn:x:role/a b` called (`s3:PutObject`), once."),
        ("see https://e.com, <b>", "see `https://e.com`, `<b>`"),
        ("mail a@e.com or @team about #12", "mail `a@e.com` or `@team` about `#12`"),
        ("1. no list", "`1`. no list"),
        ("odd ` tick | pipe", "odd `\\u{60}` tick `\\u{7c}` pipe"),
        ("a\u{1b}[1m b", "`a\\u{1b}[1m` b"),
        ("", ""),
    ] {
        assert_eq!(markdown(text), wanted);
    }
}

proptest! {
    #[test]
    fn no_input_yields_a_hidden_character(text in hostile_text()) {
        for safe in [csv_cell(&text), markdown(&text), markdown_code(&text)] {
            prop_assert!(!safe.chars().any(is_hidden), "{safe:?}");
        }
    }

    #[test]
    fn no_two_inputs_yield_the_same_text(text in hostile_text()) {
        let cell = csv_cell(&text);
        prop_assert_eq!(unescape(cell.strip_prefix('\'').unwrap_or(&cell)), text.as_str());
    }

    #[test]
    fn no_input_yields_a_formula(text in hostile_text()) {
        let safe = csv_cell(&text);
        for cell in [vec![safe.as_str()], safe.split([',', ';']).collect()].concat() {
            let first = cell.chars().find(|c| !c.is_whitespace() && *c != '"');
            prop_assert!(!first.is_some_and(begins_formula), "{safe:?}");
        }
    }

    #[test]
    fn no_input_yields_a_second_cell_or_record(text in hostile_text()) {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record([csv_cell(&text), "end".to_owned()]).unwrap();
        let bytes = writer.into_inner().unwrap();
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
        let records: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(records, [::csv::StringRecord::from(vec![csv_cell(&text), "end".to_owned()])]);
    }

    #[test]
    fn no_input_yields_markup_in_prose(text in hostile_text()) {
        for safe in [markdown(&text), markdown_code(&text)] {
            let line = format!("{safe} end");
            prop_assert_eq!(parse_markdown(&line).0, ["document", "paragraph"], "{}", line);
            let item = format!("- {safe}\n- end\n");
            let kinds = parse_markdown(&item).0;
            let inside = kinds.iter().filter(|kind| **kind != "paragraph").count();
            prop_assert_eq!(inside, 4, "{}: {:?}", item, kinds);
            prop_assert!(!kinds.contains(&"markup"), "{}: {:?}", item, kinds);
        }
    }

    #[test]
    fn no_input_yields_another_cell_of_a_table(text in hostile_text()) {
        for safe in [markdown(&text), markdown_code(&text)] {
            let table = format!("| a | b |\n|---|---|\n| {safe} | {safe} |\n");
            let kinds = parse_markdown(&table).0;
            prop_assert_eq!(kinds, ["document", "table", "row", "cell", "cell", "row", "cell", "cell"], "{}", table);
        }
    }

    #[test]
    fn a_code_span_renders_the_escaped_text(text in hostile_text()) {
        let rendered = unescape(&parse_markdown(&markdown_code(&text)).1);
        prop_assert_eq!(rendered.as_str(), if text.is_empty() { "(empty)" } else { &text });
    }
}

#[test]
fn a_long_text_is_cut_and_never_within_an_escape() {
    for (text, most, expected) in [
        ("abcd", 4, "abcd"),
        ("abcde", 4, "abc…"),
        ("ééééé", 4, "ééé…"),
        ("ab\u{1b}cdef", 8, "ab…"),
        ("ab\u{1b}cdef", 9, "ab\\u{1b}…"),
        ("", 0, ""),
    ] {
        let cut = visible_text(text, most);
        assert_eq!(cut, expected);
        assert!(cut.chars().count() <= most);
    }
}
