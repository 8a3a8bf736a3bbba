//! What watched principals could do, tried and did, as tables.
//!
//! Enters: a result. Leaves: a table of permissions statuses, a table of capabilities, and the privilege escalation
//! paths. Laws: where policies were not read, grants are unknown, never zero; rows without grants and calls are left
//! out and their names listed.

use super::{MarkdownPage, code, count_noun, join_or_none, prose, thousands};
use crate::{
    render::matrix::{overall_status_text, unevaluated_policy_text, worst_first},
    report::{MatrixRow, ReportResult},
};

pub(super) fn matrix(page: &mut MarkdownPage, result: &ReportResult) {
    let all = worst_first(result);
    if all.is_empty() {
        return;
    }
    page.title("Could, tried, did");
    page.line("What policies grant, what AWS denied and what succeeded, by capability, most severe first.\n");
    page.table(
        [
            "Principal",
            "Permissions status",
            ":Unused services",
            ":Used without a grant",
            ":Escalation paths",
            ":Role chains",
            "Not evaluated",
        ],
        all.iter().map(|(principal, matrix)| {
            let status = matrix
                .overall_status
                .map_or_else(|| "not read".to_owned(), |status| code(overall_status_text(status).0));
            let days = count_noun(matrix.observed_days(), "day");
            let unused = format!("{} in {days}", thousands(matrix.unused_services.len() as u64));
            [
                code(&principal.arn),
                status,
                if matrix.has_policies() { unused } else { "unknown".to_owned() },
                if matrix.has_policies() {
                    thousands(matrix.ungranted_operations.len() as u64)
                } else {
                    "unknown".to_owned()
                },
                if matrix.has_policies() {
                    thousands(matrix.escalation_paths.len() as u64)
                } else {
                    "unknown".to_owned()
                },
                thousands(matrix.role_chains.len() as u64),
                match matrix.has_policies() {
                    true => join_or_none(
                        matrix
                            .unevaluated
                            .iter()
                            .map(|what| unevaluated_policy_text(*what).0.to_owned())
                            .collect(),
                    ),
                    false => "all policies".to_owned(),
                },
            ]
        }),
    );
    page.line("");
    let rows: Vec<[String; 7]> = all
        .iter()
        .flat_map(|(principal, matrix)| matrix.nonempty_rows().map(|row| cells(&principal.arn, row)))
        .collect();
    page.table(
        [
            "Principal",
            "Capability",
            ":Granted",
            ":Denied or failed",
            ":Succeeded",
            ":Through roles",
            "Result",
        ],
        rows.into_iter(),
    );
    let empty: Vec<String> = all
        .iter()
        .filter(|(_, matrix)| !matrix.empty_row_labels().is_empty())
        .map(|(principal, matrix)| {
            let names: Vec<String> = matrix.empty_row_labels().iter().map(|name| prose(name)).collect();
            let what =
                if matrix.has_policies() { "not granted, not used" } else { "not used, grants unknown" };
            format!("{}, {what}: {}", code(&principal.arn), names.join(", "))
        })
        .collect();
    page.line("");
    page.list(empty.into_iter());
    let paths: Vec<String> = all
        .iter()
        .flat_map(|(principal, matrix)| matrix.escalation_paths.iter().map(move |path| (principal, path)))
        .map(|(principal, path)| {
            let actions: Vec<String> = path.actions.iter().map(|action| code(action)).collect();
            let certainty = if path.is_unconditional { "" } else { "; conditional" };
            format!(
                "{}: {} ({}{certainty})",
                code(&principal.arn),
                prose(&path.description),
                join_or_none(actions)
            )
        })
        .collect();
    if !paths.is_empty() {
        page.line("\n**Privilege escalation paths**\n");
        page.list(paths.into_iter());
    }
}

fn cells(principal: &str, row: &MatrixRow) -> [String; 7] {
    let granted = row.granted.as_ref().map_or_else(
        || "unknown".to_owned(),
        |granted| match granted.conditional {
            0 => thousands(granted.unconditional),
            conditional => {
                format!("{} and {} conditional", thousands(granted.unconditional), thousands(conditional))
            }
        },
    );
    let unsuccessful = match row.failed {
        0 => thousands(row.denied),
        failed => format!("{} denied, {} failed", thousands(row.denied), thousands(failed)),
    };
    let state = format!("{} {}", row.state().symbol(), row.state().text());
    [
        code(principal),
        prose(&row.label()),
        granted,
        unsuccessful,
        thousands(row.used),
        thousands(row.through_roles),
        state,
    ]
}
