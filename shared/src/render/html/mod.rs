//! The report as one self-contained HTML page.
//!
//! Enters: a [`Report`]. Leaves: a page that opens from a file, without a network and without scripts; scripts only
//! sort, filter, copy, open details, switch the theme and show the last rows of very long lists. Laws: the one escaper of all
//! templates escapes every value and writes out hidden characters; text from a record occurs only between tags; the content
//! security policy allows only the embedded script and style sheet, by hash; a truncated list states how much is left out.

mod activity;
mod answer;
mod axis;
mod badge;
mod coverage_map;
mod escape;
mod filters;
mod finding;
mod finding_detail;
mod finding_order;
mod headline;
mod index_entry;
mod lookup;
mod matrix;
pub(super) mod permissions;
mod principal;
pub(super) mod principal_graph;
mod principal_sentence;
mod prose;
mod report_index;
mod rest;
mod tables;
#[cfg(test)]
mod tests;
mod trend;
mod truncated;

use std::{collections::BTreeMap, io};

use askama::Template;
use sha2::{Digest, Sha256};

use crate::{
    coverage::AccountRegionIntegrity,
    render::{Format, RenderedFile},
    report::{InputFile, Report, ReportMode, ReportResult, ReportRun, UnreadablePosition},
};

use self::{
    activity::{ActivityChart, NotableEvent},
    answer::Answer,
    coverage_map::CoverageMap,
    finding::{FindingLinks, FindingsSection},
    headline::Headline,
    matrix::MatrixOverview,
    principal::PrincipalsTable,
    tables::ReportTables,
    truncated::{Truncated, most},
};
pub use self::{
    index_entry::{IndexEntry, IndexedReport},
    report_index::{report_index, sweep_index},
};

/// Media type of a page.
pub const MEDIA_TYPE: &str = "text/html; charset=utf-8";

/// The format.
pub const FORMAT: Format = Format {
    name: "html",
    help: "One self-contained page",
    fits_standard_output: true,
    render: |report| {
        let mut bytes = Vec::new();
        html(report, &mut bytes)?;
        Ok(vec![RenderedFile { name: "report.html", media_type: MEDIA_TYPE, bytes }])
    },
};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the report as a self-contained HTML page.
///
/// # Errors
/// When `out` cannot be written to.
pub fn html(report: &Report, out: &mut impl io::Write) -> io::Result<()> {
    HtmlPage::of(report).write_into(out)
}

#[derive(Template)]
#[template(path = "page.html")]
struct HtmlPage<'a> {
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    report: &'a Report,
    result: &'a ReportResult,
    run: &'a ReportRun,
    is_proof: bool,
    is_empty: bool,
    standard: &'static str,
    headline: Headline<'a>,
    coverage_map: CoverageMap<'a>,
    answer: Answer<'a>,
    chart: Option<ActivityChart>,
    events: Truncated<NotableEvent<'a>>,
    overview: Option<MatrixOverview<'a>>,
    principals: PrincipalsTable<'a>,
    anchors: BTreeMap<&'a str, usize>,
    findings: FindingsSection<'a>,
    tables: ReportTables<'a>,
    watched: Truncated<&'a str>,
    unreadable_reasons: Truncated<(&'a str, u64)>,
    skipped: Truncated<(&'a str, u64)>,
    exclude: Truncated<&'a str>,
    integrity_places: Truncated<&'a AccountRegionIntegrity>,
    input_files: Truncated<&'a InputFile>,
    unreadable: Truncated<&'a UnreadablePosition>,
}

impl<'a> HtmlPage<'a> {
    fn of(report: &'a Report) -> Self {
        let (result, run) = (&report.result, &report.run);
        let links = FindingLinks::of(result);
        let principals = PrincipalsTable::of(result, &links);
        Self {
            style: STYLE,
            style_hash: csp_hash(STYLE),
            script: SCRIPT,
            script_hash: csp_hash(SCRIPT),
            report,
            result,
            run,
            is_proof: result.mode == ReportMode::Proof,
            is_empty: result.totals.events == 0,
            standard: result.standard.as_str(),
            headline: Headline::of(result),
            coverage_map: CoverageMap::of(result),
            answer: Answer::of(result, &principals, &links),
            chart: ActivityChart::of(result.coverage.period, &result.activity),
            events: NotableEvent::of(result, &links),
            anchors: principals.anchors(),
            overview: MatrixOverview::of(result),
            principals,
            findings: FindingsSection::of(result, &links),
            tables: ReportTables::of(result, &links),
            watched: Truncated::of(result.inputs.watched.iter().map(String::as_str), most::ROWS),
            unreadable_reasons: Truncated::of(
                result.inputs.unreadable.iter().map(|(reason, count)| (reason.as_str(), *count)),
                most::ROWS,
            ),
            skipped: Truncated::of(
                run.skipped.iter().map(|(kind, count)| (kind.as_str(), *count)),
                most::ROWS,
            ),
            exclude: Truncated::of(run.exclude.iter().map(String::as_str), most::ROWS),
            integrity_places: Truncated::of(
                result.coverage.log_integrity.iter().flat_map(|integrity| &integrity.account_regions),
                most::ROWS,
            ),
            input_files: Truncated::of(&run.input_files, most::INPUTS),
            unreadable: Truncated::of(&run.unreadable, most::ROWS),
        }
    }

    /// Anchor number of a principal, when it is on the page.
    fn anchor(&self, arn: &str) -> Option<usize> {
        self.anchors.get(arn).copied()
    }
}

/// SHA-256 in Base64, as in a content security policy.
fn csp_hash(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS.get((bits & 63) as usize).map_or('=', |digit| char::from(*digit));
    let mut base64 = String::with_capacity(44);
    for chunk in Sha256::digest(text).chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digits = [bits >> 18, bits >> 12, bits >> 6, bits].map(digit);
        base64.extend(digits.into_iter().take(chunk.len() + 1));
    }
    base64.extend(std::iter::repeat_n('=', base64.len().next_multiple_of(4) - base64.len()));
    base64
}
