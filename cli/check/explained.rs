//! Why a verdict is what it is, laid out to be read.
//!
//! Enters: an answer with its explanation. Leaves: a paragraph of labelled lines. Law: each source's word stands there
//! as the source said it, beside what the verdict made of it.

use std::io::{self, Write};

use onlooker_core::{
    catalog::{Explanation, SourceWord},
    jobs::check::Checked,
    operation::AccessLevel,
    render::escape::terminal,
};

use super::answers::{did_you_mean, name};
use crate::table::{self, Cell, Screen, Tone};

const INDENT: &str = "  ";
/// Columns of the labels.
const LABEL: usize = 15;

struct Page<'a> {
    out: &'a mut dyn Write,
    screen: Screen,
}

impl Page<'_> {
    fn line(&mut self, label: &str, text: &str) -> io::Result<()> {
        let label = Tone::Faint.paint(self.screen.colored, &format!("{label:LABEL$}"));
        writeln!(self.out, "{INDENT}{label}{}", terminal(text))
    }

    fn list(&mut self, label: &str, items: &[String]) -> io::Result<()> {
        if items.is_empty() { Ok(()) } else { self.line(label, &items.join(", ")) }
    }
}

/// Prints one explanation.
pub fn explained(out: &mut dyn Write, screen: Screen, checked: &Checked) -> io::Result<()> {
    let kind = checked.operation_type;
    let name = name(checked);
    let head = [
        Cell::new(&name, Tone::Strong),
        Cell::new(kind.as_str(), Tone::of_type(kind)),
        Cell::new(&format!("risk {}", checked.risk_level), Tone::of_risk(checked.risk_level)),
    ];
    table::print(out, screen, &[head.to_vec()])?;
    let mut page = Page { out, screen };
    if checked.input.trim() != name {
        page.line("asked as", checked.input.trim())?;
    }
    page.line("why", &checked.validation_message)?;
    if let Some(meant) = did_you_mean(checked) {
        page.line("", &meant)?;
    }
    page.line("changes state", checked.mutates.as_str())?;
    page.line("level", checked.access_level.map_or("none", AccessLevel::as_str))?;
    let capabilities: Vec<String> = checked.capabilities.words().map(str::to_owned).collect();
    page.list("capabilities", &capabilities)?;
    page.line("decided by", checked.provenance.as_str())?;
    match &checked.explanation {
        Some(explanation) => sources(&mut page, explanation)?,
        None => page.line("sources", "none of them lists it")?,
    }
    for note in &checked.compliance_notes {
        page.line("control", note)?;
    }
    page.line("catalog", &checked.catalog_version)
}

fn sources(page: &mut Page<'_>, explanation: &Explanation) -> io::Result<()> {
    if let Some(service) = &explanation.service_name {
        page.line("service", service)?;
    }
    if let Some(event) = &explanation.event {
        page.line("records", event)?;
    }
    page.line("rule", &explanation.rule)?;
    words(page, &explanation.sources)?;
    if explanation.dissent {
        page.line("dissent", "the sources disagree with each other or with the verdict")?;
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
        page.line("outdated", "AWS marks it as deprecated")?;
    }
    Ok(())
}

fn words(page: &mut Page<'_>, words: &[SourceWord]) -> io::Result<()> {
    let row = |word: &SourceWord| {
        let (reads, tone) = match word.reads {
            Some(true) => ("a read", Tone::Good),
            Some(false) => ("not a read", Tone::Bad),
            None => ("does not say", Tone::Faint),
        };
        vec![Cell::plain(&word.source), Cell::plain(&word.says), Cell::new(reads, tone)]
    };
    let rows: Vec<_> = words.iter().map(row).collect();
    let mut lines = Vec::new();
    table::print(&mut lines, Screen { width: None, ..page.screen }, &rows)?;
    for (number, line) in String::from_utf8_lossy(&lines).lines().enumerate() {
        let label = if number == 0 { "sources" } else { "" };
        let label = Tone::Faint.paint(page.screen.colored, &format!("{label:LABEL$}"));
        writeln!(page.out, "{INDENT}{label}{line}")?;
    }
    Ok(())
}
