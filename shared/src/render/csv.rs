//! The report as tables for a spreadsheet or a database.
//!
//! Enters: a [`Report`]. Leaves: files by name, each RFC 4180 with a header and CRLF. Laws: a record is one line and
//! begins no formula (see [`csv_cell`]); columns are only ever added at the end; order is the report's own.
//!
//! Times are RFC 3339 in UTC, hashes hex, numbers plain digits, and a value there is none of is an empty cell. A cell of
//! several values has them between `|`, and a `|` within one is written `\u{7c}`.
//!
//! | file | a row for each |
//! |---|---|
//! | `principals.csv` | principal, also those never seen |
//! | `findings.csv` | finding, most severe first |
//! | `operations.csv` | operation that is not plainly read-only, or is sensitive |
//! | `coverage.csv` | `row`: `total` (one), `place` (account and region), `gap` (span of hours in it), `class` (event class) |
//! | `audit_entries.csv` | call behind a finding |
//! | `controls.csv` | control of the standard |
//! | `matrix.csv` | capability and service (`row`: `read`, `capability`, `unknown`, `service`) of each watched principal |

mod columns;

use std::collections::BTreeMap;

use csv::{Terminator, WriterBuilder};

pub use self::columns::*;
use super::{
    escape::{csv_cell, csv_list},
    figures::word,
};
use crate::{
    coverage::{Coverage, Period},
    event::Outcome,
    operation::OperationType,
    report::{AuditEntry, MatrixRow, OperationSummary, PrincipalSummary, Report},
};

/// A cell that has been made harmless.
#[derive(Clone, Default)]
struct Cell(String);

/// The report as CSV files: name and content of each.
///
/// # Errors
/// When a table cannot be written; nothing in a report is known to lead there.
pub fn csv(report: &Report) -> Result<Vec<(&'static str, String)>, csv::Error> {
    let result = &report.result;
    let findings = result.findings.iter().map(|finding| {
        [
            text(&finding.fingerprint),
            text(&finding.id),
            text(finding.severity.as_str()),
            text(&finding.title),
            optional(finding.principal.as_ref()),
            text(&finding.subject),
            text(finding.count),
            optional(finding.first_seen),
            optional(finding.last_seen),
            text(&finding.description),
            text(&finding.recommendation),
            list(&finding.controls),
            list(&finding.sample_event_ids),
            list(&finding.resources),
        ]
    });
    let controls = result.controls.iter().map(|control| {
        [
            text(word(&result.standard)),
            text(&control.id),
            text(&control.title),
            text(word(&control.state)),
            text(&control.evidence),
            list(&control.findings),
        ]
    });
    Ok(vec![
        ("principals.csv", table(PRINCIPALS, result.principals.iter().map(principal))?),
        ("findings.csv", table(FINDINGS, findings)?),
        ("operations.csv", table(OPERATIONS, result.operations.iter().map(operation))?),
        ("coverage.csv", table(COVERAGE, coverage(&result.coverage))?),
        ("audit_entries.csv", table(AUDIT_ENTRIES, result.audit_entries.iter().map(audit_entry))?),
        ("controls.csv", table(CONTROLS, controls)?),
        ("matrix.csv", table(MATRIX, result.principals.iter().flat_map(matrix))?),
    ])
}

fn principal(principal: &PrincipalSummary) -> [Cell; 35] {
    use OperationType::{Mutating, Privileged, ReadOnly, Unknown};
    let count = |operation_type, outcome| text(principal.count(operation_type, outcome));
    let capabilities = principal.capabilities.iter().map(|(name, calls)| format!("{name}={calls}"));
    let services = principal.services.iter().map(|(source, calls)| format!("{source}={calls}"));
    [
        text(&principal.arn),
        text(principal.kind.as_str()),
        text(&principal.account),
        optional(principal.watched_as.as_ref()),
        optional(principal.status),
        text(word(&principal.behaviour)),
        optional(principal.compliance.score),
        text(principal.calls),
        text(principal.compliance.permitted),
        text(principal.allowed),
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
        text(principal.other_events),
        optional(principal.risk_level),
        optional(principal.first_seen),
        optional(principal.last_seen),
        list(&principal.accounts),
        list(&principal.regions),
        text(principal.sessions),
        list(&principal.session_names),
        list(&principal.source_identities),
        list(&principal.on_behalf_of),
        list(capabilities),
        list(services),
        list(&principal.findings),
    ]
}

/// A row for each row of its matrix. Cells of what it could do are empty where no policies were read.
fn matrix(principal: &PrincipalSummary) -> Vec<[Cell; 9]> {
    let row = |row: &MatrixRow| {
        [
            text(&principal.arn),
            text(row.kind_word()),
            text(&row.name),
            optional(row.could.as_ref().map(|could| could.granted)),
            optional(row.could.as_ref().map(|could| could.conditional)),
            text(row.tried),
            text(row.failed),
            text(row.did),
            text(row.through),
        ]
    };
    let rows = principal.matrix.iter().flat_map(|matrix| matrix.capabilities.iter().chain(&matrix.services));
    rows.map(row).collect()
}

fn operation(operation: &OperationSummary) -> [Cell; 15] {
    let count = |outcome| text(operation.counts.get(&outcome).copied().unwrap_or(0));
    [
        text(&operation.event_source),
        text(&operation.service),
        text(&operation.operation),
        text(operation.operation_type.as_str()),
        text(operation.mutates.as_str()),
        optional(operation.access_level),
        list(operation.capabilities.words()),
        text(operation.risk_level.as_str()),
        text(word(&operation.provenance)),
        text(operation.dissent),
        count(Outcome::Succeeded),
        count(Outcome::Denied),
        count(Outcome::Failed),
        text(operation.principals),
        text(&operation.reason),
    ]
}

fn coverage(coverage: &Coverage) -> Vec<[Cell; 13]> {
    let row = |filled: &[(&str, Cell)]| {
        let filled: BTreeMap<&str, &Cell> = filled.iter().map(|(column, value)| (*column, value)).collect();
        COVERAGE.map(|column| filled.get(column).map_or_else(Cell::default, |value| (*value).clone()))
    };
    let from = |period: Option<Period>| ("from", optional(period.map(|period| period.from)));
    let until = |period: Option<Period>| ("until", optional(period.map(|period| period.until)));
    let mut rows = vec![row(&[
        ("row", text("total")),
        from(coverage.period),
        until(coverage.period),
        ("expected_hours", text(coverage.expected_hours)),
        ("observed_hours", text(coverage.observed_hours)),
        ("missing_hours", text(coverage.missing_hours())),
        ("percent", optional(coverage.percent)),
        ("events", text(coverage.places.iter().map(|place| place.events).sum::<u64>())),
    ])];
    for place in &coverage.places {
        let missing = place.expected_hours.saturating_sub(place.observed_hours);
        let (account, region) = (("account", text(&place.account)), ("region", text(&place.region)));
        rows.push(row(&[
            ("row", text("place")),
            account.clone(),
            region.clone(),
            from(coverage.period),
            until(coverage.period),
            ("expected_hours", text(place.expected_hours)),
            ("observed_hours", text(place.observed_hours)),
            ("missing_hours", text(missing)),
            ("quiet_hours", text(place.quiet_hours)),
            ("events", text(place.events)),
        ]));
        rows.extend(place.gaps.iter().map(|gap| {
            row(&[
                ("row", text("gap")),
                account.clone(),
                region.clone(),
                from(Some(*gap)),
                until(Some(*gap)),
                ("missing_hours", text(gap.hours())),
            ])
        }));
    }
    rows.extend(coverage.classes.iter().map(|class| {
        row(&[
            ("row", text("class")),
            ("account", list(&class.accounts)),
            ("events", text(class.events)),
            ("class", text(&class.class)),
            ("state", text(word(&class.state))),
        ])
    }));
    rows
}

fn audit_entry(entry: &AuditEntry) -> [Cell; 12] {
    [
        text(entry.timestamp),
        text(&entry.event_id),
        text(&entry.account),
        text(&entry.region),
        text(&entry.user_identity),
        optional(entry.session.as_ref()),
        text(&entry.service),
        text(&entry.operation),
        text(entry.operation_type.as_str()),
        text(word(&entry.outcome)),
        optional(entry.error_code.as_ref()),
        list(&entry.resource_arns),
    ]
}

fn text(value: impl ToString) -> Cell {
    Cell(csv_cell(&value.to_string()))
}

fn optional(value: Option<impl ToString>) -> Cell {
    value.map_or_else(Cell::default, text)
}

fn list<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Cell {
    Cell(csv_list(values))
}

fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [Cell; N]>,
) -> Result<String, csv::Error> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row.iter().map(|Cell(cell)| cell))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    String::from_utf8(bytes).map_err(|error| std::io::Error::other(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{escape::is_hidden, sample};

    #[test]
    fn every_table_is_as_wide_as_its_header_and_every_record_one_line() {
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
    fn grants_nobody_read_are_empty_cells_and_no_grants_are_zero() {
        let tables = csv(&sample::non_compliant()).unwrap();
        let matrix = &tables.iter().find(|(file, _)| *file == "matrix.csv").unwrap().1;
        let pipeline = "arn:aws:iam::444455556666:role/ci/ReadOnlyPipeline";
        assert!(matrix.contains(&format!("{pipeline},capability,mutate,,,2,0,0,0\r\n")), "{matrix}");
        let agent = "arn:aws:iam::777788889999:role/ai/ReleaseNotesAgent";
        assert!(matrix.contains(&format!("{agent},capability,share_outward,0,0,0,0,1,1\r\n")), "{matrix}");
        assert!(matrix.contains(&format!("{agent},service,s3,29,1,1,1,405,44\r\n")), "{matrix}");
    }

    #[test]
    fn values_of_a_list_can_be_told_apart() {
        let Cell(cell) = list(["a|b", "c"]);
        assert_eq!(cell, "a\\u{7c}b|c");
    }

    #[test]
    fn reports_have_the_tables_they_had() {
        for (name, report) in sample::all() {
            let tables = csv(&report).unwrap();
            let text: Vec<String> =
                tables.into_iter().map(|(file, content)| format!("{file}\n{content}")).collect();
            insta::assert_snapshot!(format!("csv_{name}"), text.join("\n").replace('\r', ""));
        }
    }
}
