//! The report as Parquet, for a data lake.
//!
//! Enters: a [`Report`]. Leaves: one file for each table, by Apache Parquet 2.x with Snappy. Laws: every value is that of the
//! report, unchanged: a program reads these files, so nothing is escaped in them; each row names its report, so that the files of
//! many reports can be read as one table; columns are only ever added at the end; the same report gives the same bytes.
//!
//! Times are UTC in milliseconds, counts are 64-bit integers, a missing value is null, and several values are a list.
//!
//! | file | one row for each |
//! |---|---|
//! | `findings.parquet` | finding, most severe first |
//! | `principals.parquet` | principal, including those not seen |
//! | `calls.parquet` | principal, operation type and outcome with a call |
//! | `operations.parquet` | operation that is not read-only, or is sensitive, over all principals |

mod column;

use std::collections::BTreeSet;

use parquet::errors::ParquetError;

use self::column::{Column, write_table};
use super::{Format, RenderedFile, format::serialized_name};
use crate::{
    event::Outcome,
    finding::phrases,
    operation::OperationType,
    report::{OperationSummary, PrincipalSummary, Report},
};

/// Media type of Parquet, as registered with IANA.
pub const MEDIA_TYPE: &str = "application/vnd.apache.parquet";

/// The format.
pub const FORMAT: Format = Format {
    name: "parquet",
    help: "Several tables for a data lake, one file each",
    fits_standard_output: false,
    render: |report| {
        let file = |(name, bytes)| RenderedFile { name, media_type: MEDIA_TYPE, bytes };
        Ok(parquet(report)?.into_iter().map(file).collect())
    },
};

/// The report as Parquet files: name and content of each.
///
/// # Errors
/// When a table cannot be written; no report is known to cause this.
pub fn parquet(report: &Report) -> Result<Vec<(&'static str, Vec<u8>)>, ParquetError> {
    Ok(vec![
        ("findings.parquet", write_table(&findings(report))?),
        ("principals.parquet", write_table(&principals(report))?),
        ("calls.parquet", write_table(&calls(report))?),
        ("operations.parquet", write_table(&operations(report))?),
    ])
}

/// The first columns of each table: which report a row is from.
fn with_report(report: &Report, rows: usize, columns: impl IntoIterator<Item = Column>) -> Vec<Column> {
    let period = report.result.period();
    let status = report.result.status().map(|status| status.as_str());
    let same = |value: &str| vec![value.to_owned(); rows];
    let mut all = vec![
        Column::text("report_id", same(&report.id)),
        Column::time("generated_at", vec![Some(report.run.generated_at); rows]),
        Column::time("since", vec![period.map(|period| period.from.start()); rows]),
        Column::time("until", vec![period.map(|period| period.until.start()); rows]),
        Column::optional_text("report_status", vec![status; rows]),
    ];
    all.extend(columns);
    all
}

fn findings(report: &Report) -> Vec<Column> {
    let all = &report.result.findings;
    let origins: Vec<Vec<String>> =
        all.iter().map(|one| one.origins.iter().map(phrases::origin).collect()).collect();
    let columns = [
        Column::text("fingerprint", all.iter().map(|one| one.fingerprint.as_str())),
        Column::text("rule", all.iter().map(|one| one.id.as_str())),
        Column::text("severity", all.iter().map(|one| one.severity.as_str())),
        Column::text("title", all.iter().map(|one| one.title.as_str())),
        Column::optional_text("principal", all.iter().map(|one| one.principal.as_deref())),
        Column::text("subject", all.iter().map(|one| one.subject.as_str())),
        Column::count("count", all.iter().map(|one| one.count)),
        Column::time("first_seen", all.iter().map(|one| one.first_seen)),
        Column::time("last_seen", all.iter().map(|one| one.last_seen)),
        Column::text("description", all.iter().map(|one| one.description.as_str())),
        Column::text("recommendation", all.iter().map(|one| one.recommendation.as_str())),
        Column::list("controls", all.iter().map(|one| &one.controls)),
        Column::list("sample_event_ids", all.iter().map(|one| &one.sample_event_ids)),
        Column::list("resources", all.iter().map(|one| &one.resources)),
        Column::list("origins", origins.iter()),
    ];
    with_report(report, all.len(), columns)
}

fn principals(report: &Report) -> Vec<Column> {
    let all = &report.result.principals;
    let columns = [
        Column::text("arn", all.iter().map(|one| &*one.arn)),
        Column::text("kind", all.iter().map(|one| one.kind.as_str())),
        Column::text("account", all.iter().map(|one| &*one.account)),
        Column::optional_text("watched_as", all.iter().map(|one| one.watched_as.as_deref())),
        Column::optional_text("status", all.iter().map(|one| one.status.map(|status| status.as_str()))),
        Column::text("behavior", all.iter().map(|one| serialized_name(&one.behavior))),
        Column::score("compliance_score", all.iter().map(|one| one.compliance.score)),
        Column::count("calls", all.iter().map(|one| one.calls)),
        Column::count("permitted", all.iter().map(|one| one.compliance.permitted)),
        Column::count("allowed_by_override", all.iter().map(|one| one.allowed_by_override)),
        Column::count("writes_through_roles", all.iter().map(|one| one.writes_through_roles)),
        Column::count("other_events", all.iter().map(|one| one.other_events)),
        Column::optional_text("risk_level", all.iter().map(|one| one.risk_level.map(|level| level.as_str()))),
        Column::time("first_seen", all.iter().map(|one| one.first_seen)),
        Column::time("last_seen", all.iter().map(|one| one.last_seen)),
        Column::list("accounts", all.iter().map(|one| &one.accounts)),
        Column::list("regions", all.iter().map(|one| &one.regions)),
        Column::count("sessions", all.iter().map(|one| one.sessions)),
        Column::list("session_names", all.iter().map(|one| &one.session_names)),
        Column::list("source_identities", all.iter().map(|one| &one.source_identities)),
        Column::list("on_behalf_of", all.iter().map(|one| &one.on_behalf_of)),
        Column::list("findings", all.iter().map(|one| &one.findings)),
        Column::list("status_reasons", all.iter().map(|one| &one.status_reasons)),
    ];
    with_report(report, all.len(), columns)
}

/// Calls of one principal, of one operation type and with one outcome.
#[derive(Clone, Copy)]
struct CallCount<'a> {
    principal: &'a PrincipalSummary,
    operation_type: OperationType,
    outcome: Outcome,
    calls: u64,
}

impl<'a> CallCount<'a> {
    fn of(principal: &'a PrincipalSummary) -> impl Iterator<Item = Self> {
        principal.counts.iter().flat_map(move |(&operation_type, outcomes)| {
            outcomes.iter().map(move |(&outcome, &calls)| Self { principal, operation_type, outcome, calls })
        })
    }
}

fn calls(report: &Report) -> Vec<Column> {
    let all: Vec<CallCount<'_>> =
        report.result.principals.iter().flat_map(CallCount::of).filter(|one| one.calls > 0).collect();
    let columns = [
        Column::text("principal", all.iter().map(|one| &*one.principal.arn)),
        Column::text("account", all.iter().map(|one| &*one.principal.account)),
        Column::flag("watched", all.iter().map(|one| one.principal.watched_as.is_some())),
        Column::text("operation_type", all.iter().map(|one| one.operation_type.as_str())),
        Column::text("outcome", all.iter().map(|one| serialized_name(&one.outcome))),
        Column::count("calls", all.iter().map(|one| one.calls)),
    ];
    with_report(report, all.len(), columns)
}

fn operations(report: &Report) -> Vec<Column> {
    let all = &report.result.operations;
    let count = |outcome: Outcome| {
        let of = move |one: &OperationSummary| one.counts.get(&outcome).copied().unwrap_or(0);
        all.iter().map(of)
    };
    let capabilities: Vec<BTreeSet<&str>> =
        all.iter().map(|one| one.capabilities.names().collect()).collect();
    let columns = [
        Column::text("event_source", all.iter().map(|one| &*one.event_source)),
        Column::text("service", all.iter().map(|one| one.service.as_str())),
        Column::text("operation", all.iter().map(|one| one.operation.as_str())),
        Column::text("operation_type", all.iter().map(|one| one.operation_type.as_str())),
        Column::text("mutates", all.iter().map(|one| one.mutates.as_str())),
        Column::optional_text(
            "access_level",
            all.iter().map(|one| one.access_level.map(|level| level.to_string())),
        ),
        Column::list("capabilities", &capabilities),
        Column::text("risk_level", all.iter().map(|one| one.risk_level.as_str())),
        Column::text("provenance", all.iter().map(|one| serialized_name(&one.provenance))),
        Column::flag("source_conflict", all.iter().map(|one| one.source_conflict)),
        Column::count("succeeded", count(Outcome::Succeeded)),
        Column::count("denied", count(Outcome::Denied)),
        Column::count("failed", count(Outcome::Failed)),
        Column::count("principals", all.iter().map(|one| one.principals)),
        Column::text("reason", all.iter().map(|one| one.reason.as_str())),
    ];
    with_report(report, all.len(), columns)
}

#[cfg(test)]
mod tests {
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::{Row, RowAccessor as _},
    };

    use super::*;
    use crate::render::sample;

    fn rows(tables: &[(&str, Vec<u8>)], name: &str) -> Vec<Row> {
        let (_, bytes) = tables.iter().find(|(file, _)| *file == name).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes.clone())).unwrap();
        reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
    }

    fn column(row: &Row, name: &str) -> usize {
        row.get_column_iter().position(|(column, _)| column == name).unwrap()
    }

    #[test]
    fn the_rows_are_those_of_the_report_in_its_order() {
        for (name, report) in sample::all() {
            let tables = parquet(&report).unwrap();
            let result = &report.result;
            let read = rows(&tables, "findings.parquet");
            assert_eq!(read.len(), result.findings.len(), "{name}");
            for (row, finding) in read.iter().zip(&result.findings) {
                let text = |name: &str| row.get_string(column(row, name)).unwrap().clone();
                assert_eq!(text("report_id"), report.id, "{name}");
                assert_eq!(text("title"), finding.title, "{name}");
                assert_eq!(text("subject"), finding.subject, "{name}");
                assert_eq!(row.get_long(column(row, "count")).unwrap(), finding.count as i64, "{name}");
                let resources = row.get_list(column(row, "resources")).unwrap();
                assert_eq!(resources.len(), finding.resources.len(), "{name}");
                let at = column(row, "first_seen");
                match finding.first_seen {
                    Some(time) => {
                        assert_eq!(
                            row.get_timestamp_millis(at).unwrap(),
                            i64::from(time.0) * 1_000,
                            "{name}"
                        );
                    }
                    None => assert!(row.get_timestamp_millis(at).is_err(), "{name}"),
                }
            }
            assert_eq!(rows(&tables, "principals.parquet").len(), result.principals.len(), "{name}");
            assert_eq!(rows(&tables, "operations.parquet").len(), result.operations.len(), "{name}");
        }
    }

    #[test]
    fn the_calls_of_each_principal_add_up() {
        for (name, report) in sample::all() {
            let tables = parquet(&report).unwrap();
            let read = rows(&tables, "calls.parquet");
            for principal in &report.result.principals {
                let of = |row: &&Row| **row.get_string(column(row, "principal")).unwrap() == *principal.arn;
                let sum: i64 =
                    read.iter().filter(of).map(|row| row.get_long(column(row, "calls")).unwrap()).sum();
                let counted: u64 = principal.counts.values().flat_map(|outcomes| outcomes.values()).sum();
                assert_eq!(sum, counted as i64, "{name} {}", principal.arn);
            }
        }
    }
}
