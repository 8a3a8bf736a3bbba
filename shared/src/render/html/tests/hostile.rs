//! Tests of hostile text in a page.

use std::collections::HashMap;

use serde_json::Value;

use super::{ParsedPage, page, parse};
use crate::{render::sample, report::Report, time::Time};

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

/// Keys of values that are fixed words: enums and maps by enums.
const OWN_VALUES: [&str; 23] = [
    "inferred_parts",
    "mode",
    "standard",
    "overall_compliance",
    "risk_level",
    "level",
    "state",
    "kind",
    "behavior",
    "status",
    "severity",
    "operation_type",
    "mutates",
    "access_level",
    "provenance",
    "outcome",
    "denied_by",
    "counts",
    "schema_version",
    "overall_status",
    "certainty",
    "unevaluated",
    "task",
];

/// Replaces every text of a report; equal texts get equal replacements, and their order is kept.
struct HostileReplacement<'a> {
    numbers: HashMap<String, usize>,
    text: &'a dyn Fn(usize) -> String,
}

impl HostileReplacement<'_> {
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
            _ if OWN_VALUES.contains(&key) => {}
            Value::Array(_) if key == "capabilities" && in_operations => {}
            // The result of a task, not that of the report.
            Value::String(_) if key == "result" => {}
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

fn with_texts_replaced(report: &Report, text: &dyn Fn(usize) -> String) -> Report {
    let mut value = serde_json::to_value(report).unwrap();
    HostileReplacement { numbers: HashMap::new(), text }.walk(&mut value, "", false);
    serde_json::from_value(value).unwrap()
}

#[test]
fn hostile_text_makes_no_command_and_no_policy() {
    for turn in 0..HOSTILE.len() {
        let page = page(&report(&sample::non_compliant(), turn));
        assert!(!page.contains("aws cloudtrail lookup-events") && !page.contains("onlooker guardrails"));
        assert!(!page.contains("Statement"));
    }
}

/// The report with every text replaced by hostile text.
pub(super) fn report(report: &Report, turn: usize) -> Report {
    with_texts_replaced(report, &|number| HOSTILE[(number + turn) % HOSTILE.len()].to_owned())
}

#[test]
fn hostile_text_adds_no_element_or_attribute() {
    for report in [sample::non_compliant(), sample::discovery()] {
        let plain = parse(&page(&with_texts_replaced(&report, &|_| " plain text".to_owned())));
        for turn in 0..HOSTILE.len() {
            let hostile = parse(&page(&self::report(&report, turn)));
            assert_eq!(plain.problems.borrow().as_slice(), hostile.problems.borrow().as_slice());
            // Where a name may break depends on its separators.
            let tags = |page: &ParsedPage| {
                page.tags.borrow().iter().filter(|(_, name, _)| name != "wbr").cloned().collect::<Vec<_>>()
            };
            let (plain, hostile) = (tags(&plain), tags(&hostile));
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
fn hostile_text_is_shown_without_invisible_characters() {
    let seen = parse(&page(&report(&sample::non_compliant(), 0)));
    let text = seen.text.borrow();
    for shown in
        ["<img src=x onerror=alert(1)>", "\\u{202e}gpj.exe\\u{2066}", "\\u{0}", "\\u{e0041}", "{{ 7 * 7 }}"]
    {
        assert!(text.contains(shown), "{shown}");
    }
    let visible = |c: char| c == '\n' || c == ' ' || !(c.is_control() || c.is_whitespace());
    assert!(text.chars().all(visible));
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{ad}']));
}

#[test]
fn long_values_are_truncated_with_a_count() {
    let page = page(&with_texts_replaced(&sample::non_compliant(), &|_| "x".repeat(100_000)));
    assert!(page.contains("⟨95909 more characters⟩"));
    assert!(page.len() < 4 << 20, "{}", page.len());
}
