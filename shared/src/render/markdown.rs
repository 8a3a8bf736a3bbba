//! The report as Markdown for a pull request.
//!
//! Enters: a [`Report`]. Leaves: GitHub Flavored Markdown. Laws: no text of the report forms markup: values are code
//! spans, prose is escaped word by word; a long list is truncated and states how much is left out; the page is short enough for
//! a comment on GitHub (see `limits`).

mod limits;
mod matrix;

use std::fmt::Display;

use self::limits::{MAX_LENGTH, length};
pub(super) use self::limits::{PageLimits, fit};
use super::{
    Format, RenderedFile,
    escape::{markdown as prose, markdown_code as code},
    format::{
        class_state, control_state, count_noun, format_period, integrity_hours, minute, percent,
        serialized_name, thousands, unexpected_hours,
    },
};
use crate::{
    coverage::{AccountRegionCoverage, Coverage},
    event::Outcome,
    finding::{Finding, phrases},
    report::{PrincipalSummary, Report, ReportMode, ReportResult, ReportRun},
};

/// The format.
pub const FORMAT: Format = Format {
    name: "markdown",
    help: "For a ticket or a pull request",
    fits_standard_output: true,
    render: |report| {
        let bytes = markdown(report).into_bytes();
        Ok(vec![RenderedFile { name: "report.md", media_type: "text/markdown; charset=utf-8", bytes }])
    },
};

/// The report as Markdown, short enough for a comment on GitHub.
pub fn markdown(report: &Report) -> String {
    let mut page = sections(report, PageLimits::FULL);
    for limits in PageLimits::NARROWER {
        if length(&page.text()) <= MAX_LENGTH {
            break;
        }
        page = match limits.shorten(report) {
            Some(short) => sections(&short, limits),
            None => sections(report, limits),
        };
    }
    fit(page)
}

/// The sections of the page; the first is the heading.
fn sections(report: &Report, limits: PageLimits) -> MarkdownPage {
    let result = &report.result;
    let mut page = MarkdownPage::new(limits);
    heading(&mut page, result);
    summary(&mut page, result);
    findings(&mut page, result);
    principals(&mut page, result);
    matrix::matrix(&mut page, result);
    coverage(&mut page, &result.coverage);
    operations(&mut page, result);
    overrides(&mut page, result);
    controls(&mut page, result);
    limitations(&mut page, report);
    inputs(&mut page, report);
    page
}

/// One part of a page.
#[derive(Debug)]
struct PageSection {
    name: String,
    text: String,
}

/// The Markdown page as far as it is written.
#[derive(Debug)]
pub(super) struct MarkdownPage {
    sections: Vec<PageSection>,
    limits: PageLimits,
}

impl MarkdownPage {
    pub(super) const fn new(limits: PageLimits) -> Self {
        Self { sections: Vec::new(), limits }
    }

    /// Begins a section, which is left out as a whole if it does not fit.
    fn begin(&mut self, name: &str) {
        self.sections.push(PageSection { name: name.to_owned(), text: String::new() });
    }

    fn text(&self) -> String {
        self.sections.iter().map(|section| section.text.as_str()).collect()
    }

    pub(super) fn line(&mut self, line: impl Display) {
        if self.sections.is_empty() {
            self.begin("");
        }
        if let Some(section) = self.sections.last_mut() {
            section.text.push_str(&line.to_string());
            section.text.push('\n');
        }
    }

    /// Most rows of a table, items of a list or values of a cell.
    const fn rows(&self) -> usize {
        self.limits.rows
    }

    pub(super) fn title(&mut self, title: impl Display) {
        let title = title.to_string();
        self.begin(&title);
        self.line(format_args!("\n## {title}\n"));
    }

    /// A table; columns with `:` are aligned to the right. Cells are already Markdown.
    pub(super) fn table<const N: usize>(
        &mut self,
        header: [&str; N],
        rows: impl ExactSizeIterator<Item = [String; N]>,
    ) {
        let total = rows.len();
        let ruler = header.map(|name| if name.starts_with(':') { "---:" } else { "---" });
        self.line(format_args!("| {} |", header.map(|name| name.trim_start_matches(':')).join(" | ")));
        self.line(format_args!("| {} |", ruler.join(" | ")));
        for row in rows.take(self.limits.rows) {
            self.line(format_args!("| {} |", row.join(" | ")));
        }
        self.note_omitted(total);
    }

    pub(super) fn list(&mut self, items: impl ExactSizeIterator<Item = String>) {
        let total = items.len();
        for item in items.take(self.limits.rows) {
            self.line(format_args!("- {item}"));
        }
        self.note_omitted(total);
    }

    fn note_omitted(&mut self, total: usize) {
        let shown = self.limits.rows;
        if total > shown {
            let more = thousands((total - shown) as u64);
            self.line(format_args!("\nThe first {shown}; {more} more are in the JSON report."));
        }
    }
}

fn heading(page: &mut MarkdownPage, result: &ReportResult) {
    page.begin("");
    let status = match result.status() {
        Some(status) => code(status.as_str()),
        None if result.mode == ReportMode::Discovery => "discovery".to_owned(),
        None => "no status".to_owned(),
    };
    page.line(format_args!("# Onlooker: {status}\n"));
}

fn summary(page: &mut MarkdownPage, result: &ReportResult) {
    page.begin("summary");
    let totals = &result.totals;
    page.line(format_args!("{}\n", prose(&result.summary.statement)));
    if let Some(inferred) = &result.summary.inferred {
        page.line(format_args!("**Inferred:** {}\n", prose(inferred)));
    }
    if !result.summary.status_reasons.is_empty() {
        page.line(format_args!("Why: {}.\n", prose(&result.summary.status_reasons.join("; "))));
    }
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
    if result.mode == ReportMode::Proof {
        let compliance = result.compliance;
        row(
            "Compliance",
            format!(
                "**{}**, {} of {} permitted",
                percent(compliance.score),
                thousands(compliance.permitted),
                count_noun(compliance.calls, "watched call")
            ),
        );
    }
    if let Some(overrides) = &result.summary.overrides {
        row("Overrides", prose(&overrides.sentence()));
    }
    let unseen = &result.summary.unseen_watches;
    if !unseen.is_empty() {
        let most = page.rows();
        let shown = unseen.iter().take(most).map(|pattern| code(pattern)).collect::<Vec<_>>().join(", ");
        let more = match unseen.len().saturating_sub(most) {
            0 => String::new(),
            more => format!(" and {} more", thousands(more as u64)),
        };
        row("Watch entries without a principal", shown + &more);
    }
    if let Some(risk) = &result.risk {
        let parts = risk.components.iter().filter(|part| part.count > 0).map(|part| {
            format!("{} {} ({})", thousands(part.count), prose(&part.name.replace('_', " ")), part.points)
        });
        let parts: Vec<String> = parts.collect();
        row("Risk", format!("**{}** of 100, {}: {}", risk.score, risk.level.as_str(), join_or_none(parts)));
    }
    row("Period", result.period().map_or_else(|| "none".to_owned(), format_period));
    row(
        "Evidence",
        format!(
            "{}, {}, {}, {}, {}",
            count_noun(totals.events, "event"),
            count_noun(totals.operations, "API call"),
            count_noun(totals.principals, "principal"),
            count_noun(totals.accounts, "account"),
            count_noun(totals.regions, "region")
        ),
    );
    row(
        "Calls",
        format!(
            "{} read-only, {} mutating, {} privileged, {} unknown; {} denied",
            thousands(totals.read_only),
            thousands(totals.mutating),
            thousands(totals.privileged),
            thousands(totals.unknown),
            thousands(totals.denied)
        ),
    );
    row(
        "Evidence problems",
        format!(
            "{} of evidence, {}",
            count_noun(totals.unreadable_evidence, "unreadable piece"),
            count_noun(totals.conflicting_events, "conflicting event")
        ),
    );
    page.table(["", ""], rows.into_iter());
    for (title, texts) in
        [("Key findings", &result.summary.key_findings), ("Top actions", &result.summary.top_actions)]
    {
        if !texts.is_empty() {
            page.title(title);
            page.list(texts.iter().map(|text| prose(text)));
        }
    }
}

fn findings(page: &mut MarkdownPage, result: &ReportResult) {
    if result.findings.is_empty() {
        return;
    }
    page.title(format_args!("Findings ({})", thousands(result.findings.len() as u64)));
    page.table(
        ["Severity", "Finding", "Principal", "Subject", ":Count"],
        result.findings.iter().map(|finding| {
            [
                finding.severity.as_str().to_owned(),
                prose(&finding.title),
                finding.principal.as_deref().map_or_else(String::new, code),
                code_or_empty(&finding.subject),
                thousands(finding.count),
            ]
        }),
    );
    page.begin("details of the findings");
    page.line("\n<details><summary>Details and recommendations</summary>\n");
    page.list(result.findings.iter().map(detail));
    page.line("\n</details>");
}

fn detail(finding: &Finding) -> String {
    let mut text = format!(
        "**{}** {}: {} {}",
        finding.severity.as_str(),
        code(&finding.id),
        prose(&finding.description),
        prose(&finding.recommendation)
    );
    if let (Some(first), Some(last)) = (finding.first_seen, finding.last_seen) {
        text.push_str(&format!(" Seen {first} to {last}."));
    }
    let mut also = |what: &str, values: Vec<String>| {
        if !values.is_empty() {
            text.push_str(&format!(" {what}: {}.", values.join(", ")));
        }
    };
    also("Events", finding.sample_event_ids.iter().map(|id| code(id)).collect());
    also(
        "From",
        finding.origins.iter().map(|origin| code(&phrases::origin(origin).replace('`', "'"))).collect(),
    );
    also("Resources", finding.resources.iter().map(|arn| code(arn)).collect());
    also("Controls", finding.controls.iter().map(|id| code(id)).collect());
    text
}

fn principals(page: &mut MarkdownPage, result: &ReportResult) {
    let (watched, others): (Vec<_>, Vec<_>) =
        result.principals.iter().partition(|principal| principal.watched_as.is_some());
    let cells = |principal: &PrincipalSummary| {
        [
            code(&principal.arn),
            principal.status.map_or_else(String::new, |status| code(status.as_str())),
            principal.behavior.as_str().to_owned(),
            thousands(principal.calls),
            thousands(match principal.status {
                Some(_) => principal.compliance.permitted,
                None => principal.read_only(),
            }),
            thousands(principal.denied()),
            thousands(principal.writes()),
        ]
    };
    if !watched.is_empty() {
        page.title(format_args!("Watched principals ({})", thousands(watched.len() as u64)));
        let header = ["Principal", "Status", "Behavior", ":Calls", ":Permitted", ":Denied", ":Writes"];
        page.table(header, watched.iter().map(|principal| cells(principal)));
        let reasons: Vec<String> = watched.iter().filter_map(|principal| status_reason(principal)).collect();
        if !reasons.is_empty() {
            page.line("\nWhy:\n");
            page.list(reasons.into_iter());
        }
    }
    if !others.is_empty() {
        let title = if result.mode == ReportMode::Proof { "Principals not watched" } else { "Principals" };
        page.title(format_args!("{title} ({})", thousands(others.len() as u64)));
        let rows = others.into_iter().map(|principal| {
            let [arn, _, behavior, calls, permitted, denied, writes] = cells(principal);
            [arn, behavior, calls, permitted, denied, writes]
        });
        page.table(["Principal", "Behavior", ":Calls", ":Read-only", ":Denied", ":Writes"], rows);
    }
}

/// The status of a principal and its reasons.
fn status_reason(principal: &PrincipalSummary) -> Option<String> {
    let status = principal.status.filter(|_| !principal.status_reasons.is_empty())?;
    let elsewhere = principal.unconcerned_gaps.iter().map(|sentence| format!(" {}", prose(sentence)));
    Some(format!(
        "{}: {}, because {}.{}",
        code(&principal.arn),
        code(status.as_str()),
        prose(&principal.status_reasons.join("; ")),
        elsewhere.collect::<String>()
    ))
}

fn coverage(page: &mut MarkdownPage, coverage: &Coverage) {
    page.title("Coverage");
    page.line(format_args!(
        "{}: {} of {} observed, {} missing.\n",
        percent(coverage.percent),
        thousands(coverage.observed_hours),
        count_noun(coverage.expected_hours, "hour"),
        thousands(coverage.missing_hours())
    ));
    log_integrity(page, coverage);
    let mut places: Vec<&AccountRegionCoverage> = coverage.account_regions.iter().collect();
    if places.len() > page.rows() {
        places.sort_by_key(|place| place.gaps.is_empty());
    }
    if !places.is_empty() {
        page.table(
            ["Account", "Region", ":Events", ":Observed hours", ":Quiet", "Missing"],
            places.into_iter().map(|place| {
                let gaps: Vec<String> = place.gaps.iter().take(5).map(|gap| format_period(*gap)).collect();
                let more = place.gaps.len().saturating_sub(5);
                let more = if more > 0 { format!("; {more} more") } else { String::new() };
                [
                    code(&place.account),
                    code(&place.region),
                    thousands(place.events),
                    if place.is_expected() {
                        let (observed, expected) = (place.observed_hours, place.expected_hours);
                        format!("{} of {}", thousands(observed.into()), thousands(expected.into()))
                    } else {
                        unexpected_hours(place)
                    },
                    thousands(place.quiet_hours.into()),
                    gaps.join("; ") + &more,
                ]
            }),
        );
        page.line("");
    }
    if !coverage.event_classes.is_empty() {
        page.table(
            ["Event class", "State", ":Events"],
            coverage.event_classes.iter().map(|class| {
                [code(&class.class), class_state(class.state).to_owned(), thousands(class.events)]
            }),
        );
    }
}

/// What was proven of the log files, if they were verified.
fn log_integrity(page: &mut MarkdownPage, coverage: &Coverage) {
    let Some(integrity) = &coverage.log_integrity else { return };
    page.line(format_args!("Log files, by digest files: {}.\n", integrity_hours(integrity.hours)));
    let problems = &integrity.verification.problems;
    if !problems.is_empty() {
        page.table(
            ["File", "Account", "Region", "Delivered from", "Problem"],
            problems.iter().map(|problem| {
                [
                    code_or_empty(&problem.file),
                    code(&problem.account),
                    code(&problem.region),
                    minute(problem.since),
                    problem.kind.sentence().to_owned(),
                ]
            }),
        );
        page.line("");
    }
}

fn operations(page: &mut MarkdownPage, result: &ReportResult) {
    if result.operations.is_empty() {
        return;
    }
    page.title("Operations that are not read-only, or sensitive");
    page.table(
        ["Operation", "Type", "Risk", ":Succeeded", ":Denied", ":Failed", "Reason"],
        result.operations.iter().map(|operation| {
            let count = |outcome| thousands(operation.counts.get(&outcome).copied().unwrap_or(0));
            let conflict = if operation.source_conflict { " (source conflict)" } else { "" };
            [
                code(&format!("{}:{}", operation.service, operation.operation)),
                code(operation.operation_type.as_str()),
                operation.risk_level.as_str().to_owned(),
                count(Outcome::Succeeded),
                count(Outcome::Denied),
                count(Outcome::Failed),
                prose(&operation.reason) + conflict,
            ]
        }),
    );
}

fn overrides(page: &mut MarkdownPage, result: &ReportResult) {
    if result.overrides.is_empty() {
        return;
    }
    page.title("Overrides");
    page.table(
        [
            "Id",
            "Principal",
            "Operation",
            "Owner",
            "Reason",
            "Begins",
            "Expires",
            ":Allowed calls",
            ":Calls before start",
            ":Calls after expiry",
            "Wide",
        ],
        result.overrides.iter().map(|item| {
            [
                code(&item.id),
                code(&item.principal),
                code(&item.operation),
                code(&item.owner),
                prose(&item.reason),
                item.from.map_or_else(String::new, |from| from.to_string()),
                item.expires.to_string(),
                thousands(item.allowed_calls),
                thousands(item.early_calls),
                thousands(item.expired_calls),
                prose(&item.wide.join("; ")),
            ]
        }),
    );
}

fn controls(page: &mut MarkdownPage, result: &ReportResult) {
    if result.controls.is_empty() {
        return;
    }
    page.title(format_args!("Controls: {}", prose(&result.standard_title)));
    page.table(
        ["Control", "Requirement", "Result", "Evidence"],
        result.controls.iter().map(|control| {
            let state = control_state(control.state).to_owned();
            [code(&control.id), prose(&control.title), state, prose(&control.evidence)]
        }),
    );
    let limits = result.controls.iter().filter_map(|control| {
        let shows = control.shows.as_deref().map(|text| format!("a pass shows: {}", prose(text)));
        let rest = control.does_not_show.as_deref().map(|text| format!("no report shows: {}", prose(text)));
        let parts: Vec<String> = [shows, rest].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{}: {}", code(&control.id), parts.join(" ")))
    });
    let limits: Vec<String> = limits.collect();
    if !limits.is_empty() {
        page.line("");
        page.list(limits.into_iter());
    }
}

fn limitations(page: &mut MarkdownPage, report: &Report) {
    let result = &report.result;
    if result.limitations.is_empty() && report.run.unreadable.is_empty() {
        return;
    }
    page.title("Limitations");
    page.list(result.limitations.iter().map(|text| prose(text)));
    if !report.run.unreadable.is_empty() {
        page.line("");
        page.table(
            ["Unreadable evidence", ":Record", ":Byte", "Reason"],
            report.run.unreadable.iter().map(|position| {
                let number = |number: Option<u64>| number.map_or_else(String::new, thousands);
                [
                    code(&position.file),
                    number(position.record),
                    number(position.byte),
                    prose(&position.reason),
                ]
            }),
        );
    }
}

fn inputs(page: &mut MarkdownPage, report: &Report) {
    let (inputs, run) = (&report.result.inputs, &report.run);
    page.title("Inputs");
    let most = page.rows();
    let mut watched: Vec<String> = inputs.watched.iter().take(most).map(|pattern| code(pattern)).collect();
    if inputs.watched.len() > most {
        watched.push(format!("{} more", thousands((inputs.watched.len() - most) as u64)));
    }
    let rows = [
        ["Report".to_owned(), code(&report.id)],
        ["Standard".to_owned(), code(&serialized_name(&report.result.standard))],
        ["Watched".to_owned(), join_or_none(watched)],
        ["Evidence".to_owned(), code(&inputs.evidence_sha256)],
        ["Catalog".to_owned(), format!("{} {}", code(&inputs.catalog_version), code(&inputs.catalog_sha256))],
        ["Configuration".to_owned(), code(&inputs.configuration_sha256)],
        ["Onlooker".to_owned(), code(&inputs.onlooker_version)],
        ["Run".to_owned(), format!("{} at {}", code(&run.run_id), run.generated_at)],
        [
            "Log files".to_owned(),
            format!(
                "{}, {}, {}, {}",
                count_noun(run.log_files_read, "log file"),
                count_noun(run.records_seen, "record"),
                count_noun(run.duplicates, "duplicate"),
                code(&run.input_files_sha256)
            ),
        ],
    ];
    let (skipped, excluded) = (skipped(run), excluded(run, most));
    let more = [("Skipped files", skipped), ("Excluded files", excluded)];
    let more = more.into_iter().filter_map(|(title, text)| Some([title.to_owned(), text?]));
    let maintenance = run.maintenance.iter().map(|record| {
        let text = format!("{} at {}: {}", record.result.title(), record.ended_at, prose(&record.detail));
        [record.task.title().to_owned(), text]
    });
    page.table(["", ""], rows.into_iter().chain(more).chain(maintenance).collect::<Vec<_>>().into_iter());
}

/// How many files were skipped, and what they seem to be.
fn skipped(run: &ReportRun) -> Option<String> {
    let kind = |(kind, count): (&String, &u64)| format!("{}: {}", prose(kind), thousands(*count));
    (!run.skipped.is_empty()).then(|| run.skipped.iter().map(kind).collect::<Vec<_>>().join(", "))
}

/// How many files the caller excluded, and by which globs.
fn excluded(run: &ReportRun, most: usize) -> Option<String> {
    let globs = || run.exclude.iter().take(most).map(|glob| code(glob)).collect::<Vec<_>>().join(", ");
    (!run.exclude.is_empty()).then(|| format!("{} by {}", count_noun(run.excluded_files, "file"), globs()))
}

fn join_or_none(parts: Vec<String>) -> String {
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

fn code_or_empty(text: &str) -> String {
    if text.is_empty() { String::new() } else { code(text) }
}

#[cfg(test)]
mod tests {
    use comrak::{Arena, Options, nodes::NodeValue, parse_document};

    use super::*;
    use crate::{escape::is_hidden, render::sample};

    /// Kinds of node, without text and code.
    fn document_shape(markdown: &str) -> Vec<String> {
        let mut options = Options::default();
        options.extension.strikethrough = true;
        options.extension.table = true;
        options.extension.autolink = true;
        options.extension.tasklist = true;
        options.extension.footnotes = true;
        let arena = Arena::new();
        let root = parse_document(&arena, markdown, &options);
        let kinds = root.descendants().filter_map(|node| match &node.data().value {
            NodeValue::Text(_) | NodeValue::Code(_) => None,
            other => Some(format!("{other:?}").split(['(', ' ']).next().unwrap().to_owned()),
        });
        kinds.collect()
    }

    #[test]
    fn each_control_says_what_it_shows_in_text_that_cannot_change_the_document() {
        let with = |text: &str| {
            let mut report = sample::non_compliant();
            for control in &mut report.result.controls {
                control.shows = Some(text.to_owned());
                control.does_not_show = Some(text.to_owned());
            }
            markdown(&report)
        };
        let plain = with("Plain words.");
        assert!(
            plain.contains("- `CC6.1`: a pass shows: Plain words. no report shows: Plain words."),
            "{plain}"
        );
        let hostile = with("# Title | cell\n- item `code` <b>bold</b> [link](https://x.example)");
        assert_eq!(document_shape(&hostile), document_shape(&plain));
    }

    #[test]
    fn hostile_text_does_not_change_the_document_structure() {
        let (plain, hostile) = (markdown(&sample::non_compliant()), markdown(&sample::hostile()));
        let empty = |kinds: Vec<String>| -> Vec<String> {
            kinds.into_iter().filter(|kind| kind != "Paragraph").collect()
        };
        assert_eq!(empty(document_shape(&hostile)), empty(document_shape(&plain)));
        assert!(!hostile.chars().any(|c| c != '\n' && is_hidden(c)));
        for forbidden in ["Link", "Image", "HtmlInline"] {
            assert!(!document_shape(&hostile).iter().any(|kind| kind == forbidden), "{forbidden}");
        }
    }

    #[test]
    fn no_text_outside_of_code_mentions_a_person_or_links() {
        let mut report = sample::hostile();
        let hostile =
            "@octocat, see #1, GH-2, org/repo#3, https://example.com www.example.com <img src=x> deadbeef01";
        report.result.summary.key_findings = vec![hostile.to_owned()];
        report.result.findings[0].title = hostile.to_owned();
        let page = markdown(&report);
        let arena = Arena::new();
        let mut options = Options::default();
        options.extension.table = true;
        for node in parse_document(&arena, &page, &options).descendants() {
            if let NodeValue::Text(text) = &node.data().value {
                for forbidden in ["@octocat", "#1", "#3", "GH-2", "://", "www.", "<img", "deadbeef01"] {
                    assert!(!text.contains(forbidden), "{forbidden} in {text}");
                }
            }
        }
        assert!(page.contains("`@octocat`"), "{page}");
    }

    #[test]
    fn a_long_table_is_truncated_with_a_count() {
        let mut report = sample::non_compliant();
        let one = report.result.findings[0].clone();
        report.result.findings = vec![one; 60];
        assert!(markdown(&report).contains("The first 50; 10 more are in the JSON report."));
    }

    #[test]
    fn markdown_matches_the_snapshots() {
        for (name, report) in sample::all() {
            insta::assert_snapshot!(format!("markdown_{name}"), markdown(&report));
        }
    }
}
