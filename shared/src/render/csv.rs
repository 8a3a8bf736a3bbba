//! The report as tables for a spreadsheet or a database.
//!
//! Enters: a [`Report`]. Leaves: files by name, each RFC 4180 with a header and CRLF. Laws: a record is one line and
//! no cell begins a formula (see [`csv_cell`]); columns are only ever added at the end; the order is that of the
//! report.
//!
//! Times are RFC 3339 in UTC, hashes are hex, numbers are plain digits, and a missing value is an empty cell. A `|`
//! separates the values of a cell with several values; a `|` within a value is written as `\u{7c}`.
//!
//! | file | one row for each |
//! |---|---|
//! | `principals.csv` | principal, including those not seen |
//! | `findings.csv` | finding, most severe first |
//! | `operations.csv` | operation that is not read-only, or is sensitive |
//! | `coverage.csv` | `row`: `total` (one), `account_region`, `gap` (missing hours in it), `class` (event class) |
//! | `audit_entries.csv` | sample call of a finding |
//! | `controls.csv` | control of the standard |
//! | `matrix.csv` | capability and service of each watched principal (`row`: `read`, `capability`, `unknown`, `service`) |

mod columns;

use std::collections::BTreeMap;

use csv::{Terminator, WriterBuilder};

pub use self::columns::*;
use super::{
    Format, RenderedFile,
    escape::{csv_cell, csv_list},
    format::serialized_name,
};
use crate::{
    coverage::Coverage,
    event::Outcome,
    finding::phrases,
    operation::OperationType,
    period::Period,
    report::{AuditEntry, MatrixRow, OperationSummary, PrincipalSummary, Report},
};

/// The format.
pub const FORMAT: Format = Format {
    name: "csv",
    help: "Several tables, one file each",
    fits_standard_output: false,
    render: |report| {
        let file = |(name, text): (_, String)| RenderedFile {
            name,
            media_type: "text/csv; charset=utf-8",
            bytes: text.into_bytes(),
        };
        Ok(csv(report)?.into_iter().map(file).collect())
    },
};

/// A CSV cell, quoted, and escaped so that a spreadsheet does not run it as a formula.
#[derive(Clone, Default)]
pub(super) struct CsvCell(String);

/// The report as CSV files: name and content of each.
///
/// # Errors
/// When a table cannot be written; no report is known to cause this.
pub fn csv(report: &Report) -> Result<Vec<(&'static str, String)>, csv::Error> {
    let result = &report.result;
    let findings = result.findings.iter().map(|finding| {
        [
            text_cell(&finding.fingerprint),
            text_cell(&finding.id),
            text_cell(finding.severity.as_str()),
            text_cell(&finding.title),
            optional_cell(finding.principal.as_ref()),
            text_cell(&finding.subject),
            text_cell(finding.count),
            optional_cell(finding.first_seen),
            optional_cell(finding.last_seen),
            text_cell(&finding.description),
            text_cell(&finding.recommendation),
            list_cell(&finding.controls),
            list_cell(&finding.sample_event_ids),
            list_cell(&finding.resources),
            list_cell(finding.origins.iter().map(phrases::origin)),
        ]
    });
    let controls = result.controls.iter().map(|control| {
        [
            text_cell(serialized_name(&result.standard)),
            text_cell(&control.id),
            text_cell(&control.title),
            text_cell(serialized_name(&control.state)),
            text_cell(&control.evidence),
            list_cell(&control.findings),
        ]
    });
    Ok(vec![
        ("principals.csv", write_table(PRINCIPALS, result.principals.iter().map(principal_cells))?),
        ("findings.csv", write_table(FINDINGS, findings)?),
        ("operations.csv", write_table(OPERATIONS, result.operations.iter().map(operation_cells))?),
        ("coverage.csv", write_table(COVERAGE, coverage_cells(&result.coverage))?),
        (
            "audit_entries.csv",
            write_table(AUDIT_ENTRIES, result.audit_entries.iter().map(audit_entry_cells))?,
        ),
        ("controls.csv", write_table(CONTROLS, controls)?),
        ("matrix.csv", write_table(MATRIX, result.principals.iter().flat_map(matrix_cells))?),
    ])
}

fn principal_cells(principal: &PrincipalSummary) -> [CsvCell; 38] {
    use OperationType::{Mutating, Privileged, ReadOnly, Unknown};
    let count = |operation_type, outcome| text_cell(principal.count(operation_type, outcome));
    let capabilities = principal.capabilities.iter().map(|(name, calls)| format!("{name}={calls}"));
    let services = principal.services.iter().map(|(source, calls)| format!("{source}={calls}"));
    [
        text_cell(&principal.arn),
        text_cell(principal.kind.as_str()),
        text_cell(&principal.account),
        optional_cell(principal.watched_as.as_ref()),
        optional_cell(principal.status),
        text_cell(serialized_name(&principal.behavior)),
        optional_cell(principal.compliance.score),
        text_cell(principal.calls),
        text_cell(principal.compliance.permitted),
        text_cell(principal.allowed_by_override),
        count(ReadOnly, Outcome::Succeeded),
        count(ReadOnly, Outcome::Denied),
        count(ReadOnly, Outcome::Failed),
        count(Privileged, Outcome::Succeeded),
        count(Privileged, Outcome::Denied),
        count(Privileged, Outcome::Failed),
        count(Unknown, Outcome::Succeeded),
        count(Unknown, Outcome::Denied),
        count(Unknown, Outcome::Failed),
        count(Mutating, Outcome::Succeeded),
        count(Mutating, Outcome::Denied),
        count(Mutating, Outcome::Failed),
        text_cell(principal.other_events),
        optional_cell(principal.risk_level),
        optional_cell(principal.first_seen),
        optional_cell(principal.last_seen),
        list_cell(&principal.accounts),
        list_cell(&principal.regions),
        text_cell(principal.sessions),
        list_cell(&principal.session_names),
        list_cell(&principal.source_identities),
        list_cell(&principal.on_behalf_of),
        list_cell(capabilities),
        list_cell(services),
        list_cell(&principal.findings),
        list_cell(&principal.status_reasons),
        list_cell(principal.evidence_accounts.iter().flatten()),
        optional_cell(principal.unconcerned_gaps.as_ref()),
    ]
}

/// One row for each row of the matrix of a principal. The cells of granted actions are empty where no policies were
/// read.
fn matrix_cells(principal: &PrincipalSummary) -> Vec<[CsvCell; 9]> {
    let row = |row: &MatrixRow| {
        [
            text_cell(&principal.arn),
            text_cell(row.kind_name()),
            text_cell(&row.name),
            optional_cell(row.granted.as_ref().map(|granted| granted.unconditional)),
            optional_cell(row.granted.as_ref().map(|granted| granted.conditional)),
            text_cell(row.denied),
            text_cell(row.failed),
            text_cell(row.used),
            text_cell(row.through_roles),
        ]
    };
    let rows = principal.matrix.iter().flat_map(|matrix| matrix.capabilities.iter().chain(&matrix.services));
    rows.map(row).collect()
}

fn operation_cells(operation: &OperationSummary) -> [CsvCell; 15] {
    let count = |outcome| text_cell(operation.counts.get(&outcome).copied().unwrap_or(0));
    [
        text_cell(&operation.event_source),
        text_cell(&operation.service),
        text_cell(&operation.operation),
        text_cell(operation.operation_type.as_str()),
        text_cell(operation.mutates.as_str()),
        optional_cell(operation.access_level),
        list_cell(operation.capabilities.names()),
        text_cell(operation.risk_level.as_str()),
        text_cell(serialized_name(&operation.provenance)),
        text_cell(operation.source_conflict),
        count(Outcome::Succeeded),
        count(Outcome::Denied),
        count(Outcome::Failed),
        text_cell(operation.principals),
        text_cell(&operation.reason),
    ]
}

fn coverage_cells(coverage: &Coverage) -> Vec<[CsvCell; 13]> {
    let row = |filled: &[(&str, CsvCell)]| {
        let filled: BTreeMap<&str, &CsvCell> =
            filled.iter().map(|(column, value)| (*column, value)).collect();
        COVERAGE.map(|column| filled.get(column).map_or_else(CsvCell::default, |value| (*value).clone()))
    };
    let from = |period: Option<Period>| ("from", optional_cell(period.map(|period| period.from)));
    let until = |period: Option<Period>| ("until", optional_cell(period.map(|period| period.until)));
    let mut rows = vec![row(&[
        ("row", text_cell("total")),
        from(coverage.period),
        until(coverage.period),
        ("expected_hours", text_cell(coverage.expected_hours)),
        ("observed_hours", text_cell(coverage.observed_hours)),
        ("missing_hours", text_cell(coverage.missing_hours())),
        ("percent", optional_cell(coverage.percent)),
        ("events", text_cell(coverage.account_regions.iter().map(|place| place.events).sum::<u64>())),
    ])];
    for place in &coverage.account_regions {
        let missing = place.missing_hours();
        let (account, region) =
            (("account", text_cell(&place.account)), ("region", text_cell(&place.region)));
        rows.push(row(&[
            ("row", text_cell("account_region")),
            account.clone(),
            region.clone(),
            from(coverage.period),
            until(coverage.period),
            ("expected_hours", text_cell(place.expected_hours)),
            ("observed_hours", text_cell(place.observed_hours)),
            ("missing_hours", text_cell(missing)),
            ("quiet_hours", text_cell(place.quiet_hours)),
            ("events", text_cell(place.events)),
            ("state", if place.is_expected() { CsvCell::default() } else { text_cell("not_expected") }),
        ]));
        rows.extend(place.gaps.iter().map(|gap| {
            row(&[
                ("row", text_cell("gap")),
                account.clone(),
                region.clone(),
                from(Some(*gap)),
                until(Some(*gap)),
                ("missing_hours", text_cell(gap.hours())),
            ])
        }));
    }
    rows.extend(coverage.event_classes.iter().map(|class| {
        row(&[
            ("row", text_cell("class")),
            ("account", list_cell(&class.accounts)),
            ("events", text_cell(class.events)),
            ("class", text_cell(&class.class)),
            ("state", text_cell(serialized_name(&class.state))),
        ])
    }));
    rows
}

fn audit_entry_cells(entry: &AuditEntry) -> [CsvCell; 14] {
    [
        text_cell(entry.timestamp),
        text_cell(&entry.event_id),
        text_cell(&entry.account),
        text_cell(&entry.region),
        text_cell(&entry.user_identity),
        optional_cell(entry.session.as_ref()),
        text_cell(&entry.service),
        text_cell(&entry.operation),
        text_cell(entry.operation_type.as_str()),
        text_cell(serialized_name(&entry.outcome)),
        optional_cell(entry.error_code.as_ref()),
        optional_cell(entry.denied_by.map(|policy| serialized_name(&policy))),
        optional_cell(entry.denied_action.as_ref()),
        list_cell(&entry.resource_arns),
    ]
}

pub(super) fn text_cell(value: impl ToString) -> CsvCell {
    CsvCell(csv_cell(&value.to_string()))
}

pub(super) fn optional_cell(value: Option<impl ToString>) -> CsvCell {
    value.map_or_else(CsvCell::default, text_cell)
}

pub(super) fn list_cell<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> CsvCell {
    CsvCell(csv_list(values))
}

pub(super) fn write_table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [CsvCell; N]>,
) -> Result<String, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row.iter().map(|CsvCell(cell)| cell))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    String::from_utf8(bytes).map_err(|error| std::io::Error::other(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{escape::is_hidden, render::sample};

    #[test]
    fn rows_match_their_header_and_take_one_line() {
        for (name, report) in sample::all() {
            for (file, content) in csv(&report).unwrap() {
                let lines = content.matches("\r\n").count();
                let rows =
                    ::csv::Reader::from_reader(content.as_bytes()).records().map(Result::unwrap).count();
                assert_eq!(lines, rows + 1, "{name} {file}");
                assert!(!content.replace("\r\n", "").chars().any(is_hidden), "{name} {file}");
            }
        }
    }

    #[test]
    fn unread_grants_are_empty_cells_and_no_grants_are_zero() {
        let tables = csv(&sample::non_compliant()).unwrap();
        let matrix = &tables.iter().find(|(file, _)| *file == "matrix.csv").unwrap().1;
        let pipeline = "arn:aws:iam::444455556666:role/ci/ReadOnlyPipeline";
        assert!(matrix.contains(&format!("{pipeline},capability,mutate,,,2,0,0,0\r\n")), "{matrix}");
        let agent = "arn:aws:iam::777788889999:role/ai/ReleaseNotesAgent";
        assert!(matrix.contains(&format!("{agent},capability,expose_resource,0,0,0,0,1,1\r\n")), "{matrix}");
        assert!(matrix.contains(&format!("{agent},service,s3,29,1,1,1,405,44\r\n")), "{matrix}");
    }

    #[test]
    fn list_separators_in_values_are_escaped() {
        let CsvCell(cell) = list_cell(["a|b", "c"]);
        assert_eq!(cell, "a\\u{7c}b|c");
    }

    #[test]
    fn csv_matches_the_snapshots() {
        for (name, report) in sample::all() {
            let tables = csv(&report).unwrap();
            let text: Vec<String> =
                tables.into_iter().map(|(file, content)| format!("{file}\n{content}")).collect();
            insta::assert_snapshot!(format!("csv_{name}"), text.join("\n").replace('\r', ""));
        }
    }
}
