//! The HTML report, seen from outside: what a parser finds in it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test may fail")]

mod sample;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts, states::RawKind,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use shared::{
    render::html::html,
    report::{Report, hex},
    time::Time,
};

fn page(report: &Report) -> String {
    let mut bytes = Vec::new();
    html(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Whether it opens, its name, its attributes.
type Tag = (bool, String, BTreeMap<String, String>);

/// What a page is made of.
#[derive(Debug, Default)]
struct Seen {
    /// Start and end tags in order, with attributes.
    tags: RefCell<Vec<Tag>>,
    /// Text in order.
    text: RefCell<String>,
    /// Comments and parse errors.
    odd: RefCell<Vec<String>>,
}

impl TokenSink for Seen {
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
            Token::NullCharacterToken => self.odd.borrow_mut().push("a NUL".to_owned()),
            Token::CommentToken(text) => self.odd.borrow_mut().push(text.to_string()),
            Token::ParseError(text) => self.odd.borrow_mut().push(text.into_owned()),
            Token::DoctypeToken(_) | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

fn parse(page: &str) -> Seen {
    let input = BufferQueue::default();
    input.push_back(page.into());
    let tokenizer =
        Tokenizer::new(Seen::default(), TokenizerOpts { exact_errors: true, ..Default::default() });
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}

fn samples() -> [(&'static str, Report); 6] {
    [
        ("broken", sample::broken()),
        ("kept", sample::kept()),
        ("gaps", sample::gaps()),
        ("discovery", sample::discovery()),
        ("empty", sample::empty()),
        ("large", sample::large()),
    ]
}

const HOSTILE: [&str; 18] = [
    "\"><img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "' onmouseover='alert(1)",
    "\" style=\"position:fixed\" x=\"",
    "<!-- ",
    "--> ]]> <![CDATA[",
    "</td></tr></table></details></main>",
    "</title></textarea><plaintext>",
    "<svg/onload=alert(1)><use href=//evil.example/x#y>",
    "javascript:alert(1)",
    "&lt;b&gt; &#x3c;script&#x3e; &amp",
    "{{ 7 * 7 }} {% include \"/etc/passwd\" %}",
    "\u{202e}gpj.exe\u{2066}\u{200f}",
    "\u{0}\u{8}\r\n\t\u{7f}\u{85}\u{2028}",
    "\u{200b}\u{feff}\u{ad}\u{e0041}\u{fe0f}\u{3164}",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "=cmd|' /C calc'!A0\u{1b}[31m",
];

/// Strings that are words of ours: enums and the keys of maps by enums.
const OURS: [&str; 17] = [
    "mode",
    "standard",
    "overall_compliance",
    "risk_level",
    "level",
    "state",
    "kind",
    "behaviour",
    "status",
    "severity",
    "operation_type",
    "mutates",
    "access_level",
    "provenance",
    "outcome",
    "counts",
    "schema_version",
];

/// Every text of a report replaced, equal ones by equal ones, in an order that stays.
struct Replacement<'a> {
    numbers: HashMap<String, usize>,
    text: &'a dyn Fn(usize) -> String,
}

impl Replacement<'_> {
    fn of(&mut self, text: &str) -> String {
        if Time::parse(text).is_some() {
            return text.to_owned();
        }
        let next = self.numbers.len();
        let number = *self.numbers.entry(text.to_owned()).or_insert(next);
        format!("{number:05}{}", (self.text)(number))
    }

    fn walk(&mut self, value: &mut Value, key: &str, in_operations: bool) {
        match value {
            _ if OURS.contains(&key) => {}
            Value::Array(_) if key == "capabilities" && in_operations => {}
            Value::String(text) => *text = self.of(text),
            Value::Array(items) => {
                for item in items {
                    self.walk(
                        item,
                        if key == "hours" || key == "operations" { key } else { "" },
                        key == "operations" || in_operations,
                    );
                }
            }
            Value::Object(fields) => {
                let open = ["capabilities", "services", "unreadable"].contains(&key);
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, mut field)| {
                        self.walk(&mut field, &name, in_operations);
                        (if open { self.of(&name) } else { name }, field)
                    })
                    .collect();
            }
            _ => {}
        }
    }
}

fn replaced(report: &Report, text: &dyn Fn(usize) -> String) -> Report {
    let mut value = serde_json::to_value(report).unwrap();
    Replacement { numbers: HashMap::new(), text }.walk(&mut value, "", false);
    serde_json::from_value(value).unwrap()
}

#[test]
fn hostile_text_makes_no_element_and_no_attribute() {
    for report in [sample::broken(), sample::discovery()] {
        let plain = parse(&page(&replaced(&report, &|_| "plain".to_owned())));
        for turn in 0..HOSTILE.len() {
            let hostile = parse(&page(&replaced(&report, &|number| {
                HOSTILE[(number + turn) % HOSTILE.len()].to_owned()
            })));
            assert_eq!(plain.odd.borrow().as_slice(), hostile.odd.borrow().as_slice());
            let (plain, hostile) = (plain.tags.borrow(), hostile.tags.borrow());
            assert_eq!(plain.len(), hostile.len());
            for (plain, hostile) in plain.iter().zip(hostile.iter()) {
                let generator = plain.2.get("name").is_some_and(|name| name == "generator");
                assert!(
                    plain == hostile || generator && plain.2.keys().eq(hostile.2.keys()),
                    "{plain:?} {hostile:?}"
                );
            }
        }
    }
}

#[test]
fn hostile_text_is_shown_and_nothing_invisible_is() {
    let seen =
        parse(&page(&replaced(&sample::broken(), &|number| HOSTILE[number % HOSTILE.len()].to_owned())));
    let text = seen.text.borrow();
    for shown in
        ["<img src=x onerror=alert(1)>", "⟨U+202E⟩gpj.exe⟨U+2066⟩", "⟨U+0000⟩", "⟨U+E0041⟩", "{{ 7 * 7 }}"]
    {
        assert!(text.contains(shown), "{shown}");
    }
    let visible = |c: char| c == '\n' || c == ' ' || !(c.is_control() || c.is_whitespace());
    assert!(text.chars().all(visible));
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{ad}']));
}

#[test]
fn endless_words_are_cut_and_counted() {
    let page = page(&replaced(&sample::broken(), &|_| "x".repeat(100_000)));
    assert!(page.contains("⟨95909 more characters⟩"));
    assert!(page.len() < 4 << 20, "{}", page.len());
}

#[test]
fn every_page_is_well_formed_and_needs_nothing_else() {
    for (name, report) in samples() {
        let page = page(&report);
        let seen = parse(&page);
        assert_eq!(seen.odd.borrow().as_slice(), &[] as &[String], "{name}");
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
                assert!(ids.insert(id.clone()), "{name}: {id} twice");
            }
            let empty = ["meta", "br", "input", "rect", "path", "use", "circle"].contains(&tag.as_str());
            match (start, empty) {
                (true, false) => open.push(tag),
                (false, false) => assert_eq!(open.pop(), Some(tag.as_str()), "{name}"),
                _ => {}
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
        let targets = tags.iter().filter_map(|(_, _, attributes)| attributes.get("href"));
        for target in targets {
            assert!(ids.contains(&target[1..]), "{name}: {target} leads nowhere");
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
fn the_policy_names_this_script_and_this_style_sheet_and_nothing_else() {
    let page = page(&sample::broken());
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
    assert!(text.contains("Discovery: nothing was promised"));
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
fn a_status_is_told_in_words_and_in_code() {
    for (report, words, code) in [
        (sample::broken(), "Not compliant", "NON_COMPLIANT"),
        (sample::kept(), "Compliant", "COMPLIANT"),
        (sample::gaps(), "Insufficient evidence", "INSUFFICIENT_EVIDENCE"),
    ] {
        let page = page(&report);
        assert!(page.contains(&format!("<h1 id=\"summary-h\">{words}</h1>")), "{words}");
        assert!(page.contains(&format!("<code class=\"code\">{code}</code>")), "{code}");
    }
}

#[test]
fn a_missing_hour_is_drawn_and_named() {
    let page = page(&sample::broken());
    assert!(page.contains("<b>Missing</b> 2026-02-26 13:00 to 14:00 (1 hour)"));
    assert!(page.contains("<rect class=\"missing\" x=\"54.167%\" width=\"4.167%\" height=\"100%\"/>"));
}

#[test]
fn a_large_report_stays_small_and_says_what_it_leaves_out() {
    let report = sample::large();
    let page = page(&report);
    assert!(page.len() < 5 << 20, "{}", page.len());
    for more in [
        "200 more principals are not shown here",
        "The last 700 have no details here",
        "3,800 more findings are not shown here",
        "600 more operations are not shown here",
        "4,700 more audit entries are not shown here",
        "9,700 more inputs are not shown here",
        "150 more accounts and regions are not shown here",
    ] {
        assert!(page.contains(more), "{more}");
    }
}

#[test]
fn the_same_report_is_the_same_page() {
    assert_eq!(page(&sample::broken()), page(&sample::broken()));
}

/// Writes the samples where a browser can open them: `cargo test -p shared --test html -- --ignored`.
#[test]
#[ignore = "writes files to look at"]
fn samples_are_written() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("html");
    std::fs::create_dir_all(&folder).unwrap();
    let hostile = replaced(&sample::broken(), &|number| HOSTILE[number % HOSTILE.len()].to_owned());
    for (name, report) in samples().into_iter().chain([("hostile", hostile)]) {
        let page = page(&report);
        println!("{name}: {} KiB", page.len() / 1024);
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
}
