//! Tests of the page with an HTML parser.

#![allow(clippy::string_slice, reason = "a test may panic")]

mod hostile;
mod matrix;
mod report_index;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts, states::RawKind,
};
use sha2::{Digest, Sha256};

use super::*;
use crate::{hex::hex, render::sample};

fn page(report: &Report) -> String {
    let mut bytes = Vec::new();
    html(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Whether it is a start tag, its name, its attributes.
type HtmlTag = (bool, String, BTreeMap<String, String>);

/// The tags and the text of a page.
#[derive(Debug, Default)]
struct ParsedPage {
    /// Start and end tags in order, with attributes.
    tags: RefCell<Vec<HtmlTag>>,
    /// Text in order.
    text: RefCell<String>,
    /// Comments and parse errors.
    problems: RefCell<Vec<String>>,
}

impl TokenSink for ParsedPage {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => {
                let attributes =
                    tag.attrs.iter().map(|a| (a.name.local.to_string(), a.value.to_string())).collect();
                let start = tag.kind == TagKind::StartTag;
                self.tags.borrow_mut().push((start, tag.name.to_string(), attributes));
                return match (start, &*tag.name) {
                    (true, "script") => TokenSinkResult::RawData(RawKind::ScriptData),
                    (true, "style") => TokenSinkResult::RawData(RawKind::Rawtext),
                    (true, "title") if self.tags.borrow().iter().all(|(_, name, _)| name != "body") => {
                        TokenSinkResult::RawData(RawKind::Rcdata)
                    }
                    _ => TokenSinkResult::Continue,
                };
            }
            Token::CharacterTokens(text) => self.text.borrow_mut().push_str(&text),
            Token::NullCharacterToken => self.problems.borrow_mut().push("a NUL".to_owned()),
            Token::CommentToken(text) => self.problems.borrow_mut().push(text.to_string()),
            Token::ParseError(text) => self.problems.borrow_mut().push(text.into_owned()),
            Token::DoctypeToken(_) | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

fn parse(page: &str) -> ParsedPage {
    let input = BufferQueue::default();
    input.push_back(page.into());
    let tokenizer =
        Tokenizer::new(ParsedPage::default(), TokenizerOpts { exact_errors: true, ..Default::default() });
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}

/// All samples except the hostile one, with text that the assertions forbid.
fn samples() -> Vec<(&'static str, Report)> {
    let mut samples = sample::all();
    samples.retain(|(name, _)| *name != "hostile");
    samples.push(("large", sample::large()));
    samples
}

#[test]
fn every_page_is_well_formed_and_self_contained() {
    for (name, report) in samples() {
        let page = page(&report);
        let seen = parse(&page);
        assert_eq!(seen.problems.borrow().as_slice(), &[] as &[String], "{name}");
        let tags = seen.tags.borrow();
        let mut open: Vec<&str> = Vec::new();
        let mut ids = BTreeSet::new();
        for (start, tag, attributes) in tags.iter() {
            for (attribute, value) in attributes {
                assert!(
                    !attribute.starts_with("on") && attribute != "style" && attribute != "src",
                    "{name}: {attribute}"
                );
                assert!(attribute != "href" || value.starts_with('#'), "{name}: {value}");
            }
            if let Some(id) = attributes.get("id") {
                assert!(ids.insert(id.clone()), "{name}: duplicate id {id}");
            }
            let empty =
                ["meta", "br", "wbr", "input", "rect", "path", "use", "circle"].contains(&tag.as_str());
            match (start, empty) {
                (true, false) => open.push(tag),
                (false, false) => assert_eq!(open.pop(), Some(tag.as_str()), "{name}"),
                _ => {}
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
        let targets = tags.iter().filter_map(|(_, _, attributes)| attributes.get("href"));
        for target in targets {
            assert!(ids.contains(&target[1..]), "{name}: {target} has no target");
        }
        assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("@import"), "{name}");
    }
}

#[test]
fn tables_are_named_and_their_headers_have_a_scope() {
    for (name, report) in samples() {
        let seen = parse(&page(&report));
        let tags = seen.tags.borrow();
        let count = |tag: &str| tags.iter().filter(|(start, name, _)| *start && name == tag).count();
        assert_eq!(count("table"), count("caption"), "{name}");
        assert_eq!(count("h1"), 1, "{name}");
        for (_, _, attributes) in tags.iter().filter(|(start, tag, _)| *start && tag == "th") {
            assert!(attributes.contains_key("scope"), "{name}");
        }
    }
}

#[test]
fn the_content_security_policy_allows_only_the_embedded_script_and_style() {
    let page = page(&sample::non_compliant());
    let between =
        |open: &str, close: &str| page.split(open).nth(1).and_then(|rest| rest.split(close).next()).unwrap();
    let policy = between("http-equiv=\"Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    let named = |kind: &str| {
        let base64 = policy
            .split(&format!("{kind}-src 'sha256-"))
            .nth(1)
            .and_then(|rest| rest.split('\'').next())
            .unwrap();
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits: String =
            base64.chars().filter_map(|c| digits.find(c)).map(|n| format!("{n:06b}")).collect();
        let bytes: Vec<u8> =
            (0..32).map(|n| u8::from_str_radix(&bits[n * 8..n * 8 + 8], 2).unwrap()).collect();
        hex(&bytes)
    };
    assert_eq!(named("style"), hex(&Sha256::digest(between("<style>", "</style>"))));
    assert_eq!(named("script"), hex(&Sha256::digest(between("<script>", "</script>"))));
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"));
}

#[test]
fn a_discovery_claims_no_status() {
    let seen = parse(&page(&sample::discovery()));
    let text = seen.text.borrow();
    assert!(text.contains("Discovery: no principal is watched"));
    for claim in [
        "COMPLIANT",
        "Not compliant",
        "Insufficient evidence",
        "Compliance score",
        "Risk score",
        "watched only",
    ] {
        assert!(!text.contains(claim), "{claim}");
    }
    assert!(seen.tags.borrow().iter().all(|(_, _, a)| a.get("data-status").is_none_or(String::is_empty)));
}

#[test]
fn a_status_is_shown_as_text_and_as_code() {
    for (report, words, code) in [
        (sample::non_compliant(), "Not compliant", "NON_COMPLIANT"),
        (sample::compliant(), "Compliant", "COMPLIANT"),
        (sample::insufficient(), "Insufficient evidence", "INSUFFICIENT_EVIDENCE"),
    ] {
        let page = page(&report);
        assert!(page.contains(&format!("<h1 id=\"summary-h\">{words}</h1>")), "{words}");
        assert!(page.contains(&format!("<code class=\"code\">{code}</code>")), "{code}");
    }
}

#[test]
fn a_missing_hour_is_drawn_and_listed() {
    let page = page(&sample::non_compliant());
    assert!(page.contains("<b>Missing</b> 2026-03-04 13:00 to 14:00 (1 hour)"));
    assert!(page.contains("<rect class=\"missing\" x=\"54.167%\" width=\"4.167%\" height=\"100%\"/>"));
}

#[test]
fn a_large_report_is_truncated_with_counts() {
    let report = sample::large();
    let page = page(&report);
    assert!(page.len() < 5 << 20, "{}", page.len());
    for more in [
        "200 more principals are not shown here",
        "880 more principals in one line each",
        "850 further findings in one line each",
        "3,800 more findings are not shown here",
        "600 more operations are not shown here",
        "4,700 more audit entries are not shown here",
        "9,700 more log files are not shown here",
        "150 more accounts and regions are not shown here",
    ] {
        assert!(page.contains(more), "{more}");
    }
}

/// The rows of a list that the page holds as data.
fn rest(page: &str, table: &str) -> Vec<Vec<String>> {
    let open = format!("<script type=\"application/json\" data-rest=\"{table}\">");
    let json = page.split(&open).nth(1).and_then(|rest| rest.split("</script>").next()).unwrap();
    serde_json::from_str(json).unwrap()
}

#[test]
fn every_finding_and_principal_of_a_large_report_is_in_the_page() {
    let report = sample::large();
    let page = page(&report);
    let count = |open: &str, is_first: fn(char) -> bool| {
        page.split(open).skip(1).filter(|part| part.starts_with(is_first)).count()
    };
    let findings = count(" id=\"f-", |c| c.is_ascii_hexdigit());
    assert_eq!(findings + rest(&page, "findings-t").len(), report.result.findings.len());
    let principals = count(" id=\"p", |c| c.is_ascii_digit());
    assert_eq!(principals + rest(&page, "principals-t").len(), report.result.principals.len());
}

#[test]
fn nothing_empty_is_drawn() {
    for (name, report) in [("compliant", sample::compliant()), ("empty", sample::empty())] {
        let page = page(&report);
        for heading in
            ["id=\"overrides\"", "No other events were seen", "has no overrides", ">Operations and how"]
        {
            assert!(!page.contains(heading), "{name}: {heading}");
        }
        assert!(
            !parse(&page)
                .tags
                .borrow()
                .windows(2)
                .any(|pair| { pair[0].0 && pair[0].1 == "tbody" && !pair[1].0 && pair[1].1 == "tbody" })
        );
    }
}

#[test]
fn a_finding_says_which_resource_and_how_to_look_it_up() {
    let page = page(&sample::non_compliant());
    let seen = parse(&page);
    let text = seen.text.borrow();
    for shown in [
        "ReleaseNotesAgent changed state (s3:PutObject), on example-data/a;b",
        "aws cloudtrail lookup-events --region us-east-1 --lookup-attributes AttributeKey=EventId,",
        "session jane@example.com",
        "\"Sid\": \"OnlookerDenyPutObject\"",
        "permalink",
    ] {
        assert!(text.contains(shown), "{shown}");
    }
}

#[test]
fn no_backtick_is_shown_and_a_count_agrees_with_its_noun() {
    for (name, report) in samples() {
        let page = page(&report);
        let (content, _) = page.rsplit_once("<script>").unwrap();
        let (_, content) = content.split_once("</style>").unwrap();
        assert!(!content.contains('`'), "{name}");
        let text: String =
            content.split('<').map(|part| part.split_once('>').map_or(part, |(_, rest)| rest)).collect();
        for noun in ["calls", "findings", "principals", "events", "hours", "paths", "operations", "pieces"] {
            let wrong = format!("1 {noun}");
            let found = text
                .match_indices(&wrong)
                .find(|(at, _)| !text[..*at].ends_with(|c: char| c.is_ascii_digit() || ",.".contains(c)));
            assert!(found.is_none(), "{name}: {wrong}");
        }
    }
}

#[test]
fn the_same_report_is_the_same_page() {
    assert_eq!(page(&sample::non_compliant()), page(&sample::non_compliant()));
}

/// Writes the samples where a browser can open them: `cargo test -p onlooker-core --lib html -- --ignored`. `make read-page` has
/// Chromium read them.
#[test]
#[ignore = "writes files to look at"]
fn write_sample_pages() {
    let folder = std::env::var_os("ONLOOKER_PAGES")
        .map_or_else(|| std::env::temp_dir().join("onlooker-html"), std::path::PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let more =
        [("hostile", hostile::report(&sample::non_compliant(), 0)), ("very_large", sample::very_large())];
    for (name, report) in samples().into_iter().chain(more) {
        std::fs::write(folder.join(format!("{name}.html")), page(&report)).unwrap();
    }
}

#[test]
fn csp_hashes_are_base64() {
    assert_eq!(csp_hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

#[test]
fn script_and_style_contain_no_closing_tag() {
    for text in [SCRIPT, STYLE] {
        assert!(!text.contains("</") && !text.contains("<!--") && !text.contains('\r'));
    }
}
