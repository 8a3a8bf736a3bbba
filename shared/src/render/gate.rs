//! The result of a gate as JUnit XML and as SARIF.
//!
//! Enters: a [`GateResult`]. Leaves: text. Laws: each check is one test case, which passes, fails or is an error if the evidence does
//! not suffice; each failing check and finding is one result of SARIF with a rule of the driver; hidden characters are visible, and
//! XML has no character that it forbids.

use serde_json::{Value, json};

use super::json::escape_json;
use crate::{
    escape::escape_hidden,
    finding::Severity,
    gate::{GateCheck, GateOutcome, GateResult},
};

/// The result as JUnit XML: one suite, one case for each check.
pub fn junit(result: &GateResult) -> String {
    let count = |outcome| result.checks.iter().filter(|check| check.outcome == outcome).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"onlooker gate\" tests=\"{}\" failures=\"{}\" \
         errors=\"{}\" skipped=\"0\">\n",
        result.checks.len(),
        count(GateOutcome::Failed),
        count(GateOutcome::InsufficientEvidence)
    );
    for GateCheck { name, outcome, detail } in &result.checks {
        let detail = xml(detail);
        out.push_str(&format!("    <testcase classname=\"onlooker.gate\" name=\"{name}\">\n"));
        out.push_str(&match outcome {
            GateOutcome::Passed => format!("      <system-out>{detail}</system-out>\n"),
            GateOutcome::Failed => {
                format!("      <failure message=\"{detail}\">{}</failure>\n", findings(result, name))
            }
            GateOutcome::InsufficientEvidence => format!("      <error message=\"{detail}\"/>\n"),
        });
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// The findings that fail a check, one in each line.
fn findings(result: &GateResult, check: &str) -> String {
    let failing = result.failing_findings.iter().filter(|_| check == "findings");
    failing.map(|one| xml(&format!("{} {}: {}", one.severity.as_str(), one.id, one.title)) + "\n").collect()
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

/// The result as SARIF 2.1.0. `location` is the URI of the report, relative to the repository, which is where each result is.
pub fn sarif(result: &GateResult, location: &str) -> String {
    let failing = || result.checks.iter().filter(|check| check.outcome != GateOutcome::Passed);
    let mut rules: Vec<(String, String)> =
        failing().map(|check| (format!("gate-{}", check.name), format!("Gate: {}", check.name))).collect();
    for finding in &result.failing_findings {
        if !rules.iter().any(|(id, _)| *id == finding.id) {
            rules.push((finding.id.clone(), finding.id.replace('-', " ")));
        }
    }
    let index = |id: &str| rules.iter().position(|(rule, _)| rule == id).unwrap_or_default();
    let one = |id: &str, level: &str, text: &str, fingerprint: &str| {
        json!({
            "ruleId": id,
            "ruleIndex": index(id),
            "level": level,
            "message": { "text": escape_hidden(text) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": location }, "region": { "startLine": 1 },
            } }],
            // GitHub tells results apart by this name alone.
            "partialFingerprints": { "primaryLocationLineHash": fingerprint },
        })
    };
    let checks = failing().map(|check| {
        let id = format!("gate-{}", check.name);
        one(&id, "error", &check.detail, &id)
    });
    let findings = result.failing_findings.iter().map(|finding| {
        let level = if finding.severity >= Severity::High { "error" } else { "warning" };
        one(&finding.id, level, &finding.title, &finding.fingerprint)
    });
    let results: Vec<Value> = checks.chain(findings).collect();
    let rules: Vec<Value> =
        rules.iter().map(|(id, name)| json!({ "id": id, "shortDescription": { "text": name } })).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Onlooker",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "results": results,
            "properties": { "outcome": result.outcome.as_str(), "report": result.report },
        }],
    });
    escape_json(format!("{log:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_has_no_character_that_it_forbids() {
        let text = xml("a<b>&\"'\u{0}\u{1b}[31m\u{fffe}\u{202e}\n");
        let is_allowed =
            |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}');
        assert!(text.chars().all(is_allowed) && !text.contains(['<', '>', '"', '\'']), "{text:?}");
        assert!(text.starts_with("a&lt;b&gt;&amp;&quot;&#39;"), "{text}");
    }
}
