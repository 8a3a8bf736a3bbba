//! One principal in full.
//!
//! Enters: [`Permissions`]. Leaves: a block of text: the verdict, the checks, what is granted, ways to more, problems, what
//! was not looked at, what to do. Laws: what is left out is said; what comes from a policy cannot fake a line.

use std::io::{self, Write};

use console::measure_text_width;
use onlooker_core::{
    grants::Unseen,
    permissions::{CheckStatus, OverallStatus, PermissionCheck, Permissions},
    render::{escape::terminal, figures::thousands},
};

use crate::table::{self, Cell, Screen, Tone};

/// Checks of what is granted that are shown.
const CHECKS: usize = 12;
/// Ways to more, problems and things to do that are shown.
const SHOWN: usize = 12;

/// Capabilities in the order they are shown.
const ROWS: [&str; 11] = [
    "mutate",
    "mint_credentials",
    "escalate",
    "run_code",
    "share_outward",
    "privileged",
    "unknown",
    "read_secrets",
    "read_data",
    "spend_money",
    "read",
];

/// A status in its colour.
pub fn status(status: OverallStatus) -> Cell {
    Cell::new(word(status), tone(status))
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

const fn tone(status: OverallStatus) -> Tone {
    match status {
        OverallStatus::Valid => Tone::Good,
        OverallStatus::Partial | OverallStatus::Indeterminate => Tone::Warn,
        OverallStatus::Invalid | OverallStatus::OverPrivileged => Tone::Bad,
    }
}

/// Prints the block of a principal.
pub fn print(out: &mut dyn Write, screen: Screen, permissions: &Permissions) -> io::Result<()> {
    let Permissions { identity, overall_status, statement, .. } = permissions;
    let status = tone(*overall_status).paint(screen.colored, word(*overall_status));
    writeln!(out, "{status}  {}", Tone::Strong.paint(screen.colored, &terminal(&identity.arn)))?;
    writeln!(out, "  {}", terminal(statement))?;
    if let Some(pattern) = &identity.watched_as {
        writeln!(out, "  promised to be read-only as {}", terminal(pattern))?;
    }
    for (id, count) in &permissions.tolerated {
        writeln!(out, "  the override {} tolerates {}", terminal(id), actions(*count))?;
    }
    checks(out, screen, &permissions.permission_checks)?;
    granted(out, screen, permissions)?;
    section(out, screen, "ways to more", &ways(permissions))?;
    section(out, screen, "problems", &problems(permissions))?;
    section(out, screen, "second opinion", &opinion(permissions))?;
    let unseen = permissions.unseen.iter().map(|one| of_unseen(*one));
    list(out, screen, "not looked at", &unseen.collect::<Vec<_>>())?;
    let todo = permissions.recommendations.iter().map(String::as_str);
    list(out, screen, "what to do", &todo.collect::<Vec<_>>())?;
    writeln!(out)
}

fn section(out: &mut dyn Write, screen: Screen, title: &str, rows: &[Vec<Cell>]) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", Tone::Strong.paint(screen.colored, title))?;
    let shown = rows.get(..SHOWN.min(rows.len())).unwrap_or_default();
    table::print(out, screen, shown)?;
    match rows.len() - shown.len() {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more (--json has all)"),
    }
}

/// Sentences, each from a dash on, their further lines below its first word.
fn list(out: &mut dyn Write, screen: Screen, title: &str, sentences: &[&str]) -> io::Result<()> {
    if sentences.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", Tone::Strong.paint(screen.colored, title))?;
    for sentence in sentences {
        let (mut line, mut lead) = (String::new(), "  - ");
        for word in terminal(sentence).split(' ') {
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

fn checks(out: &mut dyn Write, screen: Screen, checks: &[PermissionCheck]) -> io::Result<()> {
    let is_grant = |check: &&PermissionCheck| {
        matches!(check.status, CheckStatus::AllowedWrite | CheckStatus::Indeterminate)
    };
    let grants = checks.iter().filter(is_grant).count();
    let mut left = CHECKS;
    let shown = checks.iter().filter(|check| {
        let fits = !is_grant(check) || left > 0;
        left = left.saturating_sub(usize::from(is_grant(check)));
        fits
    });
    let rows: Vec<Vec<Cell>> = shown.map(row).collect();
    writeln!(out, "\n{}", Tone::Strong.paint(screen.colored, "checks"))?;
    table::print(out, screen, &rows)?;
    match grants.saturating_sub(CHECKS) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more of what is granted (--json has all)"),
    }
}

fn row(check: &PermissionCheck) -> Vec<Cell> {
    let (word, tone) = match check.status {
        CheckStatus::Passed => ("PASSED", Tone::Good),
        CheckStatus::Blocked => ("BLOCKED", Tone::Good),
        CheckStatus::Failed => ("FAILED", Tone::Bad),
        CheckStatus::Error => ("ERROR", Tone::Warn),
        CheckStatus::AllowedWrite => ("ALLOWED_WRITE", Tone::Bad),
        CheckStatus::Indeterminate => ("INDETERMINATE", Tone::Warn),
    };
    let risk = check.risk_level.filter(|_| check.status != CheckStatus::Passed);
    vec![
        Cell::new(&format!("  {word}"), tone),
        Cell::plain(&format!("{}:{}", check.service, check.operation)),
        Cell::new(risk.map_or("", |risk| risk.as_str()), risk.map_or(Tone::Plain, Tone::of_risk)),
        Cell::plain(&check.message),
    ]
}

fn granted(out: &mut dyn Write, screen: Screen, permissions: &Permissions) -> io::Result<()> {
    let counts = ROWS.iter().filter_map(|name| Some((*name, permissions.capabilities.get(*name)?)));
    let rows: Vec<Vec<Cell>> = counts
        .filter(|(_, count)| count.granted + count.conditional > 0)
        .map(|(name, count)| {
            let examples = count.examples.iter().take(3).map(|key| &**key).collect::<Vec<_>>().join(", ");
            vec![
                Cell::plain(&format!("  {}", name.replace('_', " "))),
                Cell::plain(&thousands(count.granted)),
                Cell::plain(&thousands(count.conditional)),
                Cell::plain(&examples),
            ]
        })
        .collect();
    if rows.is_empty() {
        return writeln!(out, "\nnothing is granted");
    }
    let heading = ["  it could", "surely", "perhaps", "such as"].map(|title| Cell::new(title, Tone::Faint));
    writeln!(out)?;
    table::print(out, screen, &std::iter::once(heading.to_vec()).chain(rows).collect::<Vec<_>>())
}

fn ways(permissions: &Permissions) -> Vec<Vec<Cell>> {
    let row = |path: &onlooker_core::permissions::EscalationPath| {
        let (sign, tone) = if path.is_sure { ("  sure", Tone::Bad) } else { ("  perhaps", Tone::Warn) };
        let actions = path.actions.iter().map(|action| &**action).collect::<Vec<_>>().join(" + ");
        vec![Cell::new(sign, tone), Cell::plain(&path.id), Cell::plain(&format!("{} ({actions})", path.path))]
    };
    let (sure, perhaps): (Vec<_>, Vec<_>) =
        permissions.escalation_paths.iter().partition(|path| path.is_sure);
    sure.into_iter().chain(perhaps).map(row).collect()
}

fn problems(permissions: &Permissions) -> Vec<Vec<Cell>> {
    let row = |problem: &onlooker_core::grants::Problem| {
        let place = match &problem.statement {
            Some(statement) => format!("  {} {statement}", problem.policy),
            None => format!("  {}", problem.policy),
        };
        vec![Cell::plain(&place), Cell::plain(&problem.what)]
    };
    permissions.problems.iter().map(row).collect()
}

fn opinion(permissions: &Permissions) -> Vec<Vec<Cell>> {
    let Some(opinion) = &permissions.second_opinion else { return Vec::new() };
    let agreed = format!(
        "IAM's simulator was asked about {} and agrees on {}",
        actions(opinion.asked),
        thousands(opinion.agreed)
    );
    let mut rows = vec![vec![Cell::plain("  -"), Cell::plain(&agreed)]];
    rows.extend(opinion.unasked.iter().map(|why| vec![Cell::plain("  -"), Cell::plain(why)]));
    rows.extend(opinion.dissent.iter().map(|dissent| {
        let said = format!("{}: {} here, {} there", dissent.action, dissent.here, dissent.simulator);
        vec![Cell::new("  !", if dissent.is_more() { Tone::Bad } else { Tone::Faint }), Cell::plain(&said)]
    }));
    rows
}

const fn of_unseen(unseen: Unseen) -> &'static str {
    match unseen {
        Unseen::Boundary => "a permissions boundary; it could only narrow what is granted",
        Unseen::ServiceControlPolicies => {
            "service control policies of the organization; they could only narrow what is granted"
        }
        Unseen::ResourceControlPolicies => {
            "resource control policies of the organization; they could only narrow what is granted"
        }
        Unseen::SessionPolicies => "policies of a session; they could only narrow what is granted",
        Unseen::VpcEndpointPolicies => "policies of VPC endpoints; they could only narrow what is granted",
        Unseen::ResourcePolicies => "policies of resources; they could grant more",
    }
}

fn actions(count: u64) -> String {
    onlooker_core::render::figures::counted(count, "action")
}
