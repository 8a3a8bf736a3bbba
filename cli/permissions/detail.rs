//! The details of one principal.
//!
//! Enters: [`PermissionsAssessment`]. Leaves: a block of text with the status, the checks, the grants, the privilege
//! escalation paths, problems, the policy simulation, limitations and recommendations. Laws: omitted rows are
//! counted; text from a policy cannot imitate a line of the output.

use std::io::{self, Write};

use console::measure_text_width;
use onlooker_core::{
    escape::escape_hidden,
    grants::UnevaluatedPolicyType,
    permissions::{CheckStatus, OverallStatus, PermissionCheck, PermissionsAssessment},
    render::format::thousands,
};

use crate::text_table::{self, CellTone, ScreenSettings, TextCell};

/// Largest number of checks that are shown.
const MAX_CHECKS: usize = 12;
/// Largest number of rows that are shown in any other section.
const MAX_ROWS: usize = 12;

/// Capabilities in the order they are shown.
const CAPABILITY_ORDER: [&str; 11] = [
    "mutate",
    "issue_credentials",
    "privilege_escalation",
    "run_code",
    "expose_resource",
    "privileged",
    "unknown",
    "read_secrets",
    "read_data",
    "incur_cost",
    "read",
];

/// A status in its color.
pub fn status(status: OverallStatus) -> TextCell {
    TextCell::new(word(status), tone(status))
}

/// The word for a status, in its color.
pub fn painted(colored: bool, status: OverallStatus) -> String {
    tone(status).paint(colored, word(status))
}

/// The word for a status.
pub const fn word(status: OverallStatus) -> &'static str {
    match status {
        OverallStatus::Valid => "VALID",
        OverallStatus::Partial => "PARTIAL",
        OverallStatus::Invalid => "INVALID",
        OverallStatus::Indeterminate => "INDETERMINATE",
        OverallStatus::OverPrivileged => "OVER_PRIVILEGED",
    }
}

const fn tone(status: OverallStatus) -> CellTone {
    match status {
        OverallStatus::Valid => CellTone::Good,
        OverallStatus::Partial | OverallStatus::Indeterminate => CellTone::Warn,
        OverallStatus::Invalid | OverallStatus::OverPrivileged => CellTone::Bad,
    }
}

/// Prints the details of a principal.
pub fn print(
    out: &mut dyn Write,
    screen: ScreenSettings,
    permissions: &PermissionsAssessment,
) -> io::Result<()> {
    let PermissionsAssessment { identity, overall_status, reason: statement, .. } = permissions;
    let status = tone(*overall_status).paint(screen.colored, word(*overall_status));
    writeln!(out, "{status}  {}", CellTone::Strong.paint(screen.colored, &escape_hidden(&identity.arn)))?;
    writeln!(out, "  {}", escape_hidden(statement))?;
    if let Some(pattern) = &identity.watched_as {
        writeln!(out, "  promised to be read-only as {}", escape_hidden(pattern))?;
    }
    for (id, count) in &permissions.tolerated {
        writeln!(out, "  the override {} tolerates {}", escape_hidden(id), actions(*count))?;
    }
    for (action, reason) in &permissions.exceptions {
        writeln!(out, "  not counted: {} {}", escape_hidden(action), reason)?;
    }
    print_checks(out, screen, &permissions.permission_checks)?;
    print_granted(out, screen, permissions)?;
    print_section(out, screen, "privilege escalation paths", &escalation_paths(permissions))?;
    print_section(out, screen, "problems", &problems(permissions))?;
    print_section(out, screen, "policy simulation", &simulation(permissions))?;
    let limitations = permissions.unevaluated.iter().map(|one| limitation(*one));
    print_list(out, screen, "limitations", &limitations.collect::<Vec<_>>())?;
    let recommendations = permissions.recommendations.iter().map(String::as_str);
    print_list(out, screen, "recommendations", &recommendations.collect::<Vec<_>>())?;
    writeln!(out)
}

fn print_section(
    out: &mut dyn Write,
    screen: ScreenSettings,
    title: &str,
    rows: &[Vec<TextCell>],
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", CellTone::Strong.paint(screen.colored, title))?;
    let shown = rows.get(..MAX_ROWS.min(rows.len())).unwrap_or_default();
    text_table::print(out, screen, shown)?;
    match rows.len() - shown.len() {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more (--json lists all)"),
    }
}

/// Prints sentences as a list with dashes. Further lines of a sentence are indented to its first word.
fn print_list(
    out: &mut dyn Write,
    screen: ScreenSettings,
    title: &str,
    sentences: &[&str],
) -> io::Result<()> {
    if sentences.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", CellTone::Strong.paint(screen.colored, title))?;
    for sentence in sentences {
        let (mut line, mut lead) = (String::new(), "  - ");
        for word in escape_hidden(sentence).split(' ') {
            let over = |width| lead.len() + measure_text_width(&line) + 1 + measure_text_width(word) > width;
            if !line.is_empty() && screen.width.is_some_and(over) {
                writeln!(out, "{lead}{line}")?;
                (line, lead) = (String::new(), "    ");
            }
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
        writeln!(out, "{lead}{line}")?;
    }
    Ok(())
}

fn print_checks(out: &mut dyn Write, screen: ScreenSettings, checks: &[PermissionCheck]) -> io::Result<()> {
    let is_grant = |check: &&PermissionCheck| {
        matches!(check.status, CheckStatus::AllowedWrite | CheckStatus::Indeterminate)
    };
    let grants = checks.iter().filter(is_grant).count();
    let mut left = MAX_CHECKS;
    let shown = checks.iter().filter(|check| {
        let fits = !is_grant(check) || left > 0;
        left = left.saturating_sub(usize::from(is_grant(check)));
        fits
    });
    let rows: Vec<Vec<TextCell>> = shown.map(row).collect();
    writeln!(out, "\n{}", CellTone::Strong.paint(screen.colored, "checks"))?;
    text_table::print(out, screen, &rows)?;
    match grants.saturating_sub(MAX_CHECKS) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more checks of granted actions (--json lists all)"),
    }
}

fn row(check: &PermissionCheck) -> Vec<TextCell> {
    let (word, tone) = match check.status {
        CheckStatus::Passed => ("PASSED", CellTone::Good),
        CheckStatus::Blocked => ("BLOCKED", CellTone::Good),
        CheckStatus::Failed => ("FAILED", CellTone::Bad),
        CheckStatus::Error => ("ERROR", CellTone::Warn),
        CheckStatus::AllowedWrite => ("ALLOWED_WRITE", CellTone::Bad),
        CheckStatus::Indeterminate => ("INDETERMINATE", CellTone::Warn),
    };
    let risk = check.risk_level.filter(|_| check.status != CheckStatus::Passed);
    vec![
        TextCell::new(&format!("  {word}"), tone),
        TextCell::plain(&format!("{}:{}", check.service, check.operation)),
        TextCell::new(
            risk.map_or("", |risk| risk.as_str()),
            risk.map_or(CellTone::Plain, CellTone::for_risk),
        ),
        TextCell::plain(&check.message),
    ]
}

fn print_granted(
    out: &mut dyn Write,
    screen: ScreenSettings,
    permissions: &PermissionsAssessment,
) -> io::Result<()> {
    let counts =
        CAPABILITY_ORDER.iter().filter_map(|name| Some((*name, permissions.capabilities.get(*name)?)));
    let rows: Vec<Vec<TextCell>> = counts
        .filter(|(_, count)| count.unconditional + count.conditional > 0)
        .map(|(name, count)| {
            let examples = count.examples.iter().take(3).map(|key| &**key).collect::<Vec<_>>().join(", ");
            vec![
                TextCell::plain(&format!("  {}", name.replace('_', " "))),
                TextCell::plain(&thousands(count.unconditional)),
                TextCell::plain(&thousands(count.conditional)),
                TextCell::plain(&examples),
            ]
        })
        .collect();
    if rows.is_empty() {
        return writeln!(out, "\nnothing is granted");
    }
    let heading = ["  granted", "unconditional", "conditional", "such as"]
        .map(|title| TextCell::new(title, CellTone::Faint));
    writeln!(out)?;
    text_table::print(out, screen, &std::iter::once(heading.to_vec()).chain(rows).collect::<Vec<_>>())
}

fn escalation_paths(permissions: &PermissionsAssessment) -> Vec<Vec<TextCell>> {
    let row = |path: &onlooker_core::permissions::EscalationPath| {
        let (sign, tone) = match path.is_unconditional {
            true => ("  unconditional", CellTone::Bad),
            false => ("  conditional", CellTone::Warn),
        };
        let actions = path.actions.iter().map(|action| &**action).collect::<Vec<_>>().join(" + ");
        vec![
            TextCell::new(sign, tone),
            TextCell::plain(&path.id),
            TextCell::plain(&format!("{} ({actions})", path.description)),
        ]
    };
    let (unconditional, conditional): (Vec<_>, Vec<_>) =
        permissions.escalation_paths.iter().partition(|path| path.is_unconditional);
    unconditional.into_iter().chain(conditional).map(row).collect()
}

fn problems(permissions: &PermissionsAssessment) -> Vec<Vec<TextCell>> {
    let row = |problem: &onlooker_core::grants::PolicyProblem| {
        let place = match &problem.statement {
            Some(statement) => format!("  {} {statement}", problem.policy),
            None => format!("  {}", problem.policy),
        };
        vec![TextCell::plain(&place), TextCell::plain(&problem.message)]
    };
    permissions.problems.iter().map(row).collect()
}

fn simulation(permissions: &PermissionsAssessment) -> Vec<Vec<TextCell>> {
    let Some(simulation) = &permissions.simulation else { return Vec::new() };
    let agreed = format!(
        "IAM's policy simulator evaluated {} and agrees on {}",
        actions(simulation.compared),
        thousands(simulation.agreed)
    );
    let mut rows = vec![vec![TextCell::plain("  -"), TextCell::plain(&agreed)]];
    rows.extend(
        simulation.incomplete_reason.iter().map(|why| vec![TextCell::plain("  -"), TextCell::plain(why)]),
    );
    rows.extend(simulation.conflicts.iter().map(|conflict| {
        let results = format!(
            "{}: {} by the policies, {} by the simulator",
            conflict.action, conflict.policies, conflict.simulator
        );
        vec![
            TextCell::new(
                "  !",
                if conflict.simulator_allows_more() { CellTone::Bad } else { CellTone::Faint },
            ),
            TextCell::plain(&results),
        ]
    }));
    rows
}

const fn limitation(unseen: UnevaluatedPolicyType) -> &'static str {
    match unseen {
        UnevaluatedPolicyType::PermissionsBoundary => {
            "a permissions boundary was not evaluated; it could only reduce what is granted"
        }
        UnevaluatedPolicyType::ServiceControlPolicies => {
            "service control policies were not evaluated; they could only reduce what is granted"
        }
        UnevaluatedPolicyType::ResourceControlPolicies => {
            "resource control policies were not evaluated; they could only reduce what is granted"
        }
        UnevaluatedPolicyType::SessionPolicies => {
            "session policies were not evaluated; they could only reduce what is granted"
        }
        UnevaluatedPolicyType::VpcEndpointPolicies => {
            "VPC endpoint policies were not evaluated; they could only reduce what is granted"
        }
        UnevaluatedPolicyType::ResourceBasedPolicies => {
            "resource-based policies were not evaluated; they could grant more"
        }
    }
}

fn actions(count: u64) -> String {
    onlooker_core::render::format::count_noun(count, "action")
}
