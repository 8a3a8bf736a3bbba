//! Permissions as tables.
//!
//! Enters: a [`PermissionsReport`], or granted actions one by one. Leaves: RFC 4180 with a header and CRLF. Laws: those
//! of [`crate::render::csv`]; columns are only ever added at the end.
//!
//! | file | one row for each |
//! |---|---|
//! | `principals.csv` | principal, the worst first, requested principal that does not exist, and part of a file that was not read |
//! | `checks.csv` | check of a principal |
//! | `escalation_paths.csv` | privilege escalation path of a principal |
//! | `problems.csv` | problem in a policy of a principal |

use crate::{
    permissions::{GrantedAction, OverallStatus, PermissionsAssessment, PermissionsReport},
    render::{
        csv::{CsvCell, list_cell, optional_cell, text_cell, write_table},
        format::serialized_name,
    },
};

/// Columns of `principals.csv`. `capabilities` holds `name=unconditional+conditional`.
const PRINCIPALS: [&str; 12] = [
    "principal",
    "kind",
    "account",
    "watched_as",
    "status",
    "reason",
    "capabilities",
    "escalation_paths",
    "tolerated",
    "unevaluated",
    "policies_sha256",
    "timestamp",
];

/// Columns of `checks.csv`.
const CHECKS: [&str; 10] = [
    "principal",
    "status",
    "service",
    "operation",
    "actions",
    "risk_level",
    "capabilities",
    "message",
    "statements",
    "resources",
];

/// Columns of `escalation_paths.csv`.
const ESCALATION_PATHS: [&str; 6] =
    ["principal", "id", "is_unconditional", "actions", "description", "resources"];

/// Columns of `problems.csv`.
const PROBLEMS: [&str; 5] = ["principal", "policy", "statement", "kind", "message"];

/// Columns of the table of granted actions.
pub const GRANTED_ACTIONS: [&str; 12] = [
    "principal",
    "action",
    "operation_type",
    "access_level",
    "risk_level",
    "capabilities",
    "certainty",
    "conditions",
    "statements",
    "resources",
    "denied_resources",
    "tolerated_by",
];

/// The report as CSV files: name and content of each.
pub(super) fn csv(report: &PermissionsReport) -> Result<Vec<(&'static str, String)>, csv::Error> {
    let of = |one: &PermissionsAssessment| text_cell(&one.identity.arn);
    let missing = report.missing.iter().map(|pattern| {
        let mut row: [CsvCell; 12] = Default::default();
        let [principal, _, _, _, status, reason, ..] = &mut row;
        *principal = text_cell(pattern);
        *status = text_cell(serialized_name(&OverallStatus::Invalid));
        *reason = text_cell("the principal does not exist");
        row
    });
    let unread = report.unread.iter().map(|part| {
        let mut row: [CsvCell; 12] = Default::default();
        let [principal, _, _, _, status, reason, ..] = &mut row;
        *principal = text_cell(format!("{}: {}", part.file, part.name));
        *status = text_cell(serialized_name(&OverallStatus::Indeterminate));
        *reason = text_cell(&part.message);
        row
    });
    let principals = report.principals.iter().map(principal_row).chain(missing).chain(unread);
    let checks = report.principals.iter().flat_map(|one| {
        one.permission_checks.iter().map(move |check| {
            [
                of(one),
                text_cell(serialized_name(&check.status)),
                text_cell(&check.service),
                text_cell(&check.operation),
                text_cell(check.actions),
                optional_cell(check.risk_level),
                list_cell(check.capabilities.names()),
                text_cell(&check.message),
                list_cell(check.statements.iter().map(|id| format!("{} {}", id.policy, id.statement))),
                list_cell(&check.resources),
            ]
        })
    });
    let paths = report.principals.iter().flat_map(|one| {
        one.escalation_paths.iter().map(move |path| {
            [
                of(one),
                text_cell(&path.id),
                text_cell(path.is_unconditional),
                list_cell(&path.actions),
                text_cell(&path.description),
                list_cell(&path.resources),
            ]
        })
    });
    let problems = report.principals.iter().flat_map(|one| {
        one.problems.iter().map(move |problem| {
            [
                of(one),
                text_cell(&problem.policy),
                optional_cell(problem.statement.as_ref()),
                text_cell(serialized_name(&problem.kind)),
                text_cell(&problem.message),
            ]
        })
    });
    Ok(vec![
        ("principals.csv", write_table(PRINCIPALS, principals)?),
        ("checks.csv", write_table(CHECKS, checks)?),
        ("escalation_paths.csv", write_table(ESCALATION_PATHS, paths)?),
        ("problems.csv", write_table(PROBLEMS, problems)?),
    ])
}

fn principal_row(one: &PermissionsAssessment) -> [CsvCell; 12] {
    let counts = one
        .capabilities
        .iter()
        .filter(|(_, count)| count.unconditional + count.conditional > 0)
        .map(|(name, count)| format!("{name}={}+{}", count.unconditional, count.conditional));
    [
        text_cell(&one.identity.arn),
        text_cell(one.identity.kind.as_str()),
        text_cell(&one.identity.account),
        optional_cell(one.identity.watched_as.as_ref()),
        text_cell(serialized_name(&one.overall_status)),
        text_cell(&one.reason),
        list_cell(counts),
        text_cell(one.escalation_paths.len()),
        list_cell(one.tolerated.iter().map(|(id, count)| format!("{id}={count}"))),
        list_cell(one.unevaluated.iter().map(serialized_name)),
        text_cell(&one.policies_sha256),
        text_cell(one.timestamp),
    ]
}

/// The row of a granted action, with CRLF at its end.
///
/// # Errors
/// When it cannot be written; no action is known to cause this.
pub fn granted_action_row(action: &GrantedAction) -> Result<String, csv::Error> {
    let row = [
        text_cell(&action.principal),
        text_cell(&action.action),
        text_cell(action.operation_type),
        optional_cell(action.access_level.map(crate::operation::AccessLevel::as_str)),
        text_cell(action.risk_level),
        list_cell(action.capabilities.names()),
        text_cell(serialized_name(&action.certainty)),
        list_cell(&action.conditions),
        list_cell(action.statements.iter().map(|id| format!("{} {}", id.policy, id.statement))),
        list_cell(&action.resources),
        list_cell(&action.denied_resources),
        optional_cell(action.tolerated_by.as_ref()),
    ];
    // The header of a table is written once, by the caller.
    let table = write_table(GRANTED_ACTIONS, [row])?;
    Ok(table.split_once("\r\n").map(|(_, row)| row.to_owned()).unwrap_or_default())
}
