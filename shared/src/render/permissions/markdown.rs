//! Permissions as Markdown for a pull request.
//!
//! Enters: a [`PermissionsReport`]. Leaves: GitHub Flavored Markdown. Laws: those of [`crate::render::markdown`]: no text
//! of the report forms markup, and a long list states how much is left out.

use crate::{
    permissions::{CheckStatus, PermissionsAssessment, PermissionsReport},
    render::{
        escape::{markdown as prose, markdown_code as code},
        format::{count_noun, serialized_name, thousands},
        markdown::{MarkdownPage, PageLimits, fit},
    },
};

/// Principals with details; the others have their row in the first table.
const MAX_DETAILS: usize = 20;

/// The report as Markdown.
pub(super) fn markdown(report: &PermissionsReport) -> String {
    let mut page = MarkdownPage::new(PageLimits::FULL);
    let overall = report
        .overall
        .map_or_else(|| "no principal was evaluated".to_owned(), |status| code(&serialized_name(&status)));
    page.line(format_args!("# Onlooker permissions: {overall}\n"));
    let missing = report
        .missing
        .iter()
        .map(|pattern| [code("INVALID"), code(pattern), "the principal does not exist".to_owned()]);
    let principals = report.principals.iter().map(|one| {
        [code(&serialized_name(&one.overall_status)), code(&one.identity.arn), prose(&one.reason)]
    });
    let unread = report.unread.iter().map(|part| {
        [code("INDETERMINATE"), code(&format!("{}: {}", part.file, part.name)), prose(&part.message)]
    });
    let rows: Vec<[String; 3]> = missing.chain(unread).chain(principals).collect();
    page.table(["Status", "Principal", "Reason"], rows.into_iter());
    if !report.notes.is_empty() {
        page.line("\n**Notes**\n");
        page.list(report.notes.iter().map(|text| prose(text)));
    }
    for one in report.principals.iter().take(MAX_DETAILS) {
        details(&mut page, one);
    }
    let more = report.principals.len().saturating_sub(MAX_DETAILS);
    if more > 0 {
        let more = count_noun(more as u64, "principal");
        page.line(format_args!("\nThe details of {more} more are in the JSON report."));
    }
    fit(page)
}

fn details(page: &mut MarkdownPage, one: &PermissionsAssessment) {
    page.title(code(&one.identity.arn));
    let of_grants = |status| {
        matches!(
            status,
            CheckStatus::AllowedWrite | CheckStatus::Indeterminate | CheckStatus::Failed | CheckStatus::Error
        )
    };
    let checks: Vec<[String; 4]> = one
        .permission_checks
        .iter()
        .filter(|check| of_grants(check.status))
        .map(|check| {
            [
                code(&serialized_name(&check.status)),
                code(&format!("{}:{}", check.service, check.operation)),
                check.risk_level.map_or_else(String::new, |risk| risk.as_str().to_owned()),
                prose(&check.message),
            ]
        })
        .collect();
    match checks.is_empty() {
        true => page.line("Nothing is granted that is not read-only."),
        false => page.table(["Check", "Actions", "Risk", "Result"], checks.into_iter()),
    }
    let counts: Vec<[String; 4]> = one
        .capabilities
        .iter()
        .filter(|(_, count)| count.unconditional + count.conditional > 0)
        .map(|(name, count)| {
            let examples = count.examples.iter().take(3).map(|key| code(key)).collect::<Vec<_>>().join(", ");
            [name.replace('_', " "), thousands(count.unconditional), thousands(count.conditional), examples]
        })
        .collect();
    if !counts.is_empty() {
        page.line("");
        page.table(["Granted", ":Unconditional", ":Conditional", "Such as"], counts.into_iter());
    }
    let mut list = |title: &str, items: Vec<String>| {
        if !items.is_empty() {
            page.line(format_args!("\n**{title}**\n"));
            page.list(items.into_iter());
        }
    };
    let path = |path: &crate::permissions::EscalationPath| {
        let actions = path.actions.iter().map(|action| code(action)).collect::<Vec<_>>().join(" + ");
        let kind = if path.is_unconditional { "unconditional" } else { "conditional" };
        format!("{} ({kind}): {} {actions}", code(&path.id), prose(&path.description))
    };
    list("Privilege escalation paths", one.escalation_paths.iter().map(path).collect());
    let problem = |problem: &crate::grants::PolicyProblem| {
        let statement = problem.statement.as_ref().map_or_else(String::new, |id| format!(" {}", code(id)));
        format!("{}{statement}: {}", code(&problem.policy), prose(&problem.message))
    };
    list("Problems", one.problems.iter().map(problem).collect());
    list("Recommendations", one.recommendations.iter().map(|text| prose(text)).collect());
}
