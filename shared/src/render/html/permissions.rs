//! Permissions as one self-contained HTML page.
//!
//! Enters: a [`PermissionsReport`]. Leaves: a page without scripts. Laws: those of the page of a report: every value is
//! escaped, the content security policy allows only the embedded style sheet, and a truncated list states how much is
//! left out.

use askama::Template;

use super::{
    STYLE,
    badge::Badge,
    csp_hash, filters,
    truncated::{Truncated, most},
};
use crate::{
    grants::PolicyProblem,
    permissions::{
        CheckStatus, EscalationPath, GrantCount, OverallStatus, PermissionCheck, PermissionsAssessment,
        PermissionsReport, UnreadPart,
    },
};

/// The report as a page.
///
/// # Errors
/// When the template cannot be filled; no report is known to cause this.
pub(in crate::render) fn html(report: &PermissionsReport) -> Result<String, askama::Error> {
    let principals = report.principals.iter().map(PrincipalSection::of);
    PermissionsPage {
        style: STYLE,
        style_hash: csp_hash(STYLE),
        overall: report.overall.map(status),
        missing: Truncated::of(report.missing.iter().map(String::as_str), most::ROWS),
        not_assessed: Truncated::of(report.not_assessed.iter().map(String::as_str), most::ROWS),
        unread: Truncated::of(&report.unread, most::ROWS),
        notes: Truncated::of(report.notes.iter().map(String::as_str), most::ROWS),
        principals: Truncated::of(principals, most::PRINCIPAL_DETAILS),
    }
    .render()
}

#[derive(Template)]
#[template(path = "permissions.html")]
struct PermissionsPage<'a> {
    style: &'static str,
    style_hash: String,
    overall: Option<Badge>,
    missing: Truncated<&'a str>,
    not_assessed: Truncated<&'a str>,
    unread: Truncated<&'a UnreadPart>,
    notes: Truncated<&'a str>,
    principals: Truncated<PrincipalSection<'a>>,
}

/// One principal on the page.
struct PrincipalSection<'a> {
    one: &'a PermissionsAssessment,
    status: Badge,
    checks: Truncated<(Badge, &'a PermissionCheck)>,
    granted: Vec<(String, &'a GrantCount)>,
    paths: Truncated<&'a EscalationPath>,
    problems: Truncated<&'a PolicyProblem>,
}

impl<'a> PrincipalSection<'a> {
    fn of(one: &'a PermissionsAssessment) -> Self {
        let granted =
            one.capabilities.iter().filter(|(_, count)| count.unconditional + count.conditional > 0);
        Self {
            one,
            status: status(one.overall_status),
            checks: Truncated::of(
                one.permission_checks.iter().map(|check| (check_badge(check.status), check)),
                most::ROWS,
            ),
            granted: granted.map(|(name, count)| (name.replace('_', " "), count)).collect(),
            paths: Truncated::of(&one.escalation_paths, most::ROWS),
            problems: Truncated::of(&one.problems, most::ROWS),
        }
    }
}

pub(super) const fn status(status: OverallStatus) -> Badge {
    let (tone, icon, text) = match status {
        OverallStatus::Valid => ("good", "check", "VALID"),
        OverallStatus::Partial => ("warn", "half", "PARTIAL"),
        OverallStatus::Indeterminate => ("warn", "ask", "INDETERMINATE"),
        OverallStatus::Invalid => ("bad", "gap", "INVALID"),
        OverallStatus::OverPrivileged => ("bad", "cross", "OVER_PRIVILEGED"),
    };
    Badge { text, meaning: "", tone, icon }
}

const fn check_badge(status: CheckStatus) -> Badge {
    let (tone, icon, text) = match status {
        CheckStatus::Passed => ("good", "check", "PASSED"),
        CheckStatus::Blocked => ("good", "check", "BLOCKED"),
        CheckStatus::Failed => ("bad", "gap", "FAILED"),
        CheckStatus::Error => ("warn", "ask", "ERROR"),
        CheckStatus::AllowedWrite => ("bad", "cross", "ALLOWED_WRITE"),
        CheckStatus::Indeterminate => ("warn", "ask", "INDETERMINATE"),
    };
    Badge { text, meaning: "", tone, icon }
}
