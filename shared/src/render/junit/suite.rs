//! JUnit XML: suites of test cases.
//!
//! Enters: suites. Leaves: the document. Laws: a case has one outcome, so none is skipped and failed; the counts of a suite are those
//! of its cases; hidden characters are visible, and the text has no character that XML forbids.

use crate::{escape::escape_hidden, time::Time};

/// Test cases with one subject.
pub(crate) struct JunitSuite {
    /// Name of the suite.
    pub name: &'static str,
    /// When the result was computed.
    pub timestamp: Option<Time>,
    /// Facts about the suite: name and value.
    pub properties: Vec<(&'static str, String)>,
    /// Its cases.
    pub cases: Vec<JunitCase>,
}

/// One test case.
pub(crate) struct JunitCase {
    /// Class of the case: with the name what a reader tells it by.
    pub class: &'static str,
    /// Name of the case.
    pub name: String,
    /// How the case ends.
    pub outcome: JunitOutcome,
}

/// How a case ends.
pub(crate) enum JunitOutcome {
    /// It passes; what supports that.
    Passed(String),
    /// It fails: why, and one line for each detail.
    Failed(String, Vec<String>),
    /// It cannot be decided: why.
    Error(String),
}

/// The document of some suites.
pub(crate) fn document(suites: &[JunitSuite]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n".to_owned();
    for suite in suites {
        let failures = suite.cases.iter().filter(|case| matches!(case.outcome, JunitOutcome::Failed(..)));
        let errors = suite.cases.iter().filter(|case| matches!(case.outcome, JunitOutcome::Error(_)));
        // The schema of JUnit wants a time without a zone.
        let timestamp = suite.timestamp.map_or_else(String::new, |time| {
            format!(" timestamp=\"{}\"", time.timestamp().strftime("%Y-%m-%dT%H:%M:%S"))
        });
        out.push_str(&format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\"{timestamp}>\n",
            xml(suite.name),
            suite.cases.len(),
            failures.count(),
            errors.count()
        ));
        if !suite.properties.is_empty() {
            out.push_str("    <properties>\n");
            for (name, value) in &suite.properties {
                let (name, value) = (xml(name), xml(value));
                out.push_str(&format!("      <property name=\"{name}\" value=\"{value}\"/>\n"));
            }
            out.push_str("    </properties>\n");
        }
        suite.cases.iter().for_each(|case| push_case(&mut out, case));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn push_case(out: &mut String, case: &JunitCase) {
    let (class, name) = (xml(case.class), xml(&case.name));
    out.push_str(&format!("    <testcase classname=\"{class}\" name=\"{name}\">\n"));
    out.push_str(&match &case.outcome {
        JunitOutcome::Passed(detail) => format!("      <system-out>{}</system-out>\n", xml(detail)),
        JunitOutcome::Failed(why, details) => {
            let lines: String = details.iter().map(|line| xml(line) + "\n").collect();
            format!("      <failure message=\"{}\">{lines}</failure>\n", xml(why))
        }
        JunitOutcome::Error(why) => format!("      <error message=\"{}\"/>\n", xml(why)),
    });
    out.push_str("    </testcase>\n");
}

/// Text of an element or an attribute. XML 1.0, section 2.2, says which characters it may have.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in escape_hidden(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => out.push(c),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_has_no_character_that_it_forbids() {
        let text = xml("a<b>&\"'\u{0}\u{1b}[31m\u{fffe}\u{ffff}\u{202e}\n]]>");
        let is_allowed =
            |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}');
        assert!(text.chars().all(is_allowed) && !text.contains(['<', '>', '"', '\'']), "{text:?}");
        assert!(text.starts_with("a&lt;b&gt;&amp;&quot;&#39;"), "{text}");
    }
}
