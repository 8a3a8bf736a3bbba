//! What watched principals could do, tried and did, as tables.
//!
//! Enters: a result. Leaves: a table of what their policies say, one of their capabilities, and the ways to more. Laws:
//! where policies were not read, grants are not known, and never none; rows without anything are left out and named.

use super::{Page, code, counted, none_or, prose, thousands};
use crate::{
    render::matrix::{overall, unseen, worst_first},
    report::{MatrixRow, ReportResult},
};

pub(super) fn matrix(page: &mut Page, result: &ReportResult) {
    let all = worst_first(result);
    if all.is_empty() {
        return;
    }
    page.title("Could, tried, did");
    page.line(
        "What policies grant, what AWS refused and what succeeded, by capability. The worst come first.\n",
    );
    page.table(
        [
            "Principal",
            "Its policies",
            ":Unused services",
            ":Without a grant",
            ":Escalation paths",
            ":Chained roles",
            "Not seen",
        ],
        all.iter().map(|(principal, matrix)| {
            let says =
                matrix.overall_status.map_or_else(|| "not read".to_owned(), |status| code(overall(status).0));
            let days = counted(matrix.days(), "day");
            let unused = format!("{} in {days}", thousands(matrix.unused.len() as u64));
            [
                code(&principal.arn),
                says,
                if matrix.is_known() { unused } else { "not known".to_owned() },
                if matrix.is_known() {
                    thousands(matrix.ungranted.len() as u64)
                } else {
                    "not known".to_owned()
                },
                if matrix.is_known() {
                    thousands(matrix.escalation_paths.len() as u64)
                } else {
                    "not known".to_owned()
                },
                thousands(matrix.through.len() as u64),
                match matrix.is_known() {
                    true => none_or(matrix.unseen.iter().map(|what| unseen(*what).0.to_owned()).collect()),
                    false => "its policies".to_owned(),
                },
            ]
        }),
    );
    page.line("");
    let rows: Vec<[String; 7]> = all
        .iter()
        .flat_map(|(principal, matrix)| matrix.filled().map(|row| cells(&principal.arn, row)))
        .collect();
    page.table(
        ["Principal", "Capability", ":Could", ":Tried in vain", ":Did", ":Through roles", "Comes to"],
        rows.into_iter(),
    );
    let empty: Vec<String> = all
        .iter()
        .filter(|(_, matrix)| !matrix.empty().is_empty())
        .map(|(principal, matrix)| {
            let names: Vec<String> = matrix.empty().iter().map(|name| prose(name)).collect();
            let what = if matrix.is_known() { "nothing" } else { "nothing tried or done, grants not known" };
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
            let sure = if path.is_sure { "" } else { "; on conditions" };
            format!("{}: {} ({}{sure})", code(&principal.arn), prose(&path.path), none_or(actions))
        })
        .collect();
    if !paths.is_empty() {
        page.line("\n**Escalation paths**\n");
        page.list(paths.into_iter());
    }
}

fn cells(principal: &str, row: &MatrixRow) -> [String; 7] {
    let could = row.could.as_ref().map_or_else(
        || "not known".to_owned(),
        |could| match could.conditional {
            0 => thousands(could.granted),
            conditional => format!("{}, {} on conditions", thousands(could.granted), thousands(conditional)),
        },
    );
    let tried = match row.failed {
        0 => thousands(row.tried),
        failed => format!("{}, {} failed otherwise", thousands(row.tried), thousands(failed)),
    };
    let comes_to = format!("{} {}", row.state().sign(), row.state().text());
    [code(principal), prose(&row.label()), could, tried, thousands(row.did), thousands(row.through), comes_to]
}
