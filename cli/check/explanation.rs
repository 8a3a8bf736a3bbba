//! Prints the explanation of a classification.
//!
//! Enters: a result with its explanation. Leaves: labeled lines. Law: the statement of each source is printed
//! unchanged, with its interpretation.

use std::io::{self, Write};

use onlooker_core::{
    catalog::{Explanation, SourceClaim},
    escape::escape_hidden,
    jobs::check::CheckResult,
    operation::AccessLevel,
};

use super::printer::{name, suggestions_line};
use crate::text_table::{self, CellTone, ScreenSettings, TextCell};

const INDENT: &str = "  ";
/// Width of the labels, in columns.
const LABEL_WIDTH: usize = 15;

struct ExplanationWriter<'a> {
    out: &'a mut dyn Write,
    screen: ScreenSettings,
}

impl ExplanationWriter<'_> {
    fn line(&mut self, label: &str, text: &str) -> io::Result<()> {
        let label = CellTone::Faint.paint(self.screen.colored, &format!("{label:LABEL_WIDTH$}"));
        writeln!(self.out, "{INDENT}{label}{}", escape_hidden(text))
    }

    fn list(&mut self, label: &str, items: &[String]) -> io::Result<()> {
        if items.is_empty() { Ok(()) } else { self.line(label, &items.join(", ")) }
    }
}

/// Prints one explanation.
pub fn print_explanation(
    out: &mut dyn Write,
    screen: ScreenSettings,
    checked: &CheckResult,
) -> io::Result<()> {
    let kind = checked.operation_type;
    let name = name(checked);
    let head = [
        TextCell::new(&name, CellTone::Strong),
        TextCell::new(kind.as_str(), CellTone::for_operation_type(kind)),
        TextCell::new(&format!("risk {}", checked.risk_level), CellTone::for_risk(checked.risk_level)),
    ];
    text_table::print(out, screen, &[head.to_vec()])?;
    let mut page = ExplanationWriter { out, screen };
    if checked.input.trim() != name {
        page.line("given as", checked.input.trim())?;
    }
    page.line("reason", &checked.validation_message)?;
    if let Some(meant) = suggestions_line(checked) {
        page.line("", &meant)?;
    }
    page.line("changes state", checked.mutates.as_str())?;
    page.line("level", checked.access_level.map_or("none", AccessLevel::as_str))?;
    let capabilities: Vec<String> = checked.capabilities.names().map(str::to_owned).collect();
    page.list("capabilities", &capabilities)?;
    page.line("decided by", checked.provenance.as_str())?;
    match &checked.explanation {
        Some(explanation) => print_sources(&mut page, explanation)?,
        None => page.line("sources", "no source lists the operation")?,
    }
    for note in &checked.compliance_notes {
        page.line("control", note)?;
    }
    page.line("catalog", &checked.catalog_version)
}

fn print_sources(page: &mut ExplanationWriter<'_>, explanation: &Explanation) -> io::Result<()> {
    if let Some(service) = &explanation.service_name {
        page.line("service", service)?;
    }
    if let Some(event) = &explanation.event {
        page.line("records", event)?;
    }
    page.line("rule", &explanation.rule)?;
    print_claims(page, &explanation.sources)?;
    if explanation.source_conflict {
        page.line(
            "conflict",
            "AWS's own sources disagree about this operation, or Onlooker classifies it differently",
        )?;
    }
    for correction in &explanation.corrections {
        page.line("corrected", &format!("{}: {}", correction.change, correction.reason))?;
        if !correction.evidence.is_empty() {
            page.line("", &format!("evidence: {}", correction.evidence))?;
        }
    }
    page.list("IAM actions", &explanation.iam_actions)?;
    page.list("SDK services", &explanation.sdk_services)?;
    if explanation.deprecated {
        page.line("deprecated", "AWS marks the operation as deprecated")?;
    }
    Ok(())
}

fn print_claims(page: &mut ExplanationWriter<'_>, claims: &[SourceClaim]) -> io::Result<()> {
    let row = |claim: &SourceClaim| {
        let (reads, tone) = match claim.is_read {
            Some(true) => ("a read", CellTone::Good),
            Some(false) => ("not a read", CellTone::Bad),
            None => ("does not say", CellTone::Faint),
        };
        vec![TextCell::plain(&claim.source), TextCell::plain(&claim.claim), TextCell::new(reads, tone)]
    };
    let rows: Vec<_> = claims.iter().map(row).collect();
    let mut lines = Vec::new();
    text_table::print(&mut lines, ScreenSettings { width: None, ..page.screen }, &rows)?;
    for (number, line) in String::from_utf8_lossy(&lines).lines().enumerate() {
        let label = if number == 0 { "sources" } else { "" };
        let label = CellTone::Faint.paint(page.screen.colored, &format!("{label:LABEL_WIDTH$}"));
        writeln!(page.out, "{INDENT}{label}{line}")?;
    }
    Ok(())
}
