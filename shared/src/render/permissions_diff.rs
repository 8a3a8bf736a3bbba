//! Changes of permissions as JSON and as Markdown for a pull request.
//!
//! Enters: [`PermissionsDiff`]. Leaves: text. Laws: JSON is valid by the schema in `docs/permissions-diff.schema.json`;
//! no text of a policy forms markup; a long list states how much is left out.

use super::{
    escape::{markdown as prose, markdown_code as code},
    format::{count_noun, serialized_name, thousands},
    json::escape_json,
    markdown::{MarkdownPage, PageLimits, fit},
};
use crate::permissions::diff::{
    AccessChange, ActionChange, GrantState, PermissionsDiff, PrincipalChange, PrincipalDiff,
};

/// Principals with details.
const MAX_PRINCIPALS: usize = 20;
/// Values of one kind in a cell.
const MAX_VALUES: usize = 5;

/// The changes as indented JSON with a newline at its end.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn json(diff: &PermissionsDiff) -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(diff)?))
}

/// The schema of [`json`] as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&PermissionsDiff::schema())?))
}

/// What the most severe change means, in a sentence.
pub const fn sentence(change: Option<AccessChange>) -> &'static str {
    match change {
        Some(AccessChange::NewAccess) => "the change grants something more that is not read-only",
        Some(AccessChange::Indeterminate) => {
            "it cannot be decided whether the change grants more that is not read-only"
        }
        Some(AccessChange::NoNewAccess) => "the change grants nothing more that is not read-only",
        None => "neither side has a principal",
    }
}

fn capitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// What happened to a principal, in words.
pub fn summary(one: &PrincipalDiff) -> String {
    let change = match one.change {
        PrincipalChange::Added => "a new principal: ",
        PrincipalChange::Removed => "removed: ",
        PrincipalChange::Changed | PrincipalChange::Unchanged => "",
    };
    format!(
        "{change}{} granted, {} revoked, {} changed",
        count_noun(one.granted.len() as u64, "action"),
        thousands(one.revoked.len() as u64),
        thousands(one.changed.len() as u64),
    )
}

/// The most severe changes first, then by name.
pub fn by_severity(changes: &[ActionChange]) -> Vec<&ActionChange> {
    let mut all: Vec<&ActionChange> = changes.iter().collect();
    all.sort_by(|a, b| {
        let rank = |one: &ActionChange| (one.access_change, one.risk_level);
        rank(b).cmp(&rank(a)).then_with(|| a.action.cmp(&b.action))
    });
    all
}

/// How an action is granted, in words.
pub fn grant_text(grant: Option<&GrantState>) -> String {
    let Some(grant) = grant else { return "not granted".to_owned() };
    let listed = |values: &[std::sync::Arc<str>], separator: &str| {
        let told = values.iter().take(MAX_VALUES).map(|one| &**one).collect::<Vec<_>>().join(separator);
        match values.len().saturating_sub(MAX_VALUES) {
            0 => told,
            more => format!("{told} and {more} more"),
        }
    };
    let mut text = serialized_name(&grant.certainty);
    text.push_str(&format!(" on {}", listed(&grant.resources, ", ")));
    if !grant.denied_resources.is_empty() {
        text.push_str(&format!(", except {}", listed(&grant.denied_resources, ", ")));
    }
    if !grant.conditions.is_empty() {
        text.push_str(&format!(" ({})", listed(&grant.conditions, "; ")));
    }
    text
}

/// The changes as Markdown.
pub fn markdown(diff: &PermissionsDiff) -> String {
    let mut page = MarkdownPage::new(PageLimits::FULL);
    let result =
        diff.access_change.map_or_else(|| "no principals".to_owned(), |one| code(&serialized_name(&one)));
    page.line(format_args!(
        "# Onlooker permissions diff: {result}\n\n{}.\n",
        prose(&capitalized(sentence(diff.access_change)))
    ));
    let rows = diff
        .principals
        .iter()
        .map(|one| [code(&serialized_name(&one.access_change)), code(&one.principal), prose(&summary(one))]);
    match diff.principals.is_empty() {
        true => page.line("No grant changed."),
        false => page.table(["Result", "Principal", "Change"], rows),
    }
    let lists = [
        (
            "Not read",
            diff.unread
                .iter()
                .map(|part| format!("{}: {}", code(&part.name), prose(&part.message)))
                .collect(),
        ),
        ("Notes", diff.notes.iter().map(|text| prose(text)).collect::<Vec<_>>()),
    ];
    for (title, items) in lists.into_iter().filter(|(_, items)| !items.is_empty()) {
        page.line(format_args!("\n**{title}**\n"));
        page.list(items.into_iter());
    }
    if diff.unchanged > 0 {
        page.line(format_args!("\n{} without a change.", count_noun(diff.unchanged, "principal")));
    }
    for one in diff.principals.iter().take(MAX_PRINCIPALS) {
        principal(&mut page, one);
    }
    let more = diff.principals.len().saturating_sub(MAX_PRINCIPALS);
    if more > 0 {
        page.line(format_args!(
            "\nThe changes of {} more are in the JSON.",
            count_noun(more as u64, "principal")
        ));
    }
    fit(page)
}

fn principal(page: &mut MarkdownPage, one: &PrincipalDiff) {
    page.title(code(&one.principal));
    for problem in &one.undecided {
        page.line(format_args!("- {}: {}", code(&problem.policy), prose(&problem.message)));
    }
    let lists = [("Granted", &one.granted), ("Changed", &one.changed), ("Revoked", &one.revoked)];
    for (title, changes) in lists.into_iter().filter(|(_, changes)| !changes.is_empty()) {
        // What is not read-only is shown; the rest is folded.
        let (reads, others): (Vec<_>, Vec<_>) =
            by_severity(changes).into_iter().partition(|one| one.access_change == AccessChange::NoNewAccess);
        let total = thousands(changes.len() as u64);
        page.line(format_args!("\n**{title} ({total})**\n"));
        if !others.is_empty() {
            action_table(page, &others);
        }
        if !reads.is_empty() {
            let what = if others.is_empty() { "No new access" } else { "Others, without new access" };
            page.line(format_args!(
                "\n<details><summary>{what}: {}</summary>\n",
                thousands(reads.len() as u64)
            ));
            action_table(page, &reads);
            page.line("\n</details>");
        }
    }
}

fn action_table(page: &mut MarkdownPage, changes: &[&ActionChange]) {
    let rows = changes.iter().map(|one| {
        let tolerated =
            one.tolerated_by.as_ref().map_or_else(String::new, |id| format!(" tolerated by {}", code(id)));
        [
            format!("{}{tolerated}", code(&serialized_name(&one.access_change))),
            code(&one.action),
            one.risk_level.as_str().to_owned(),
            code(&grant_text(one.old.as_ref())),
            code(&grant_text(one.new.as_ref())),
        ]
    });
    page.table(["Result", "Action", "Risk", "Before", "After"], rows);
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        escape::is_hidden,
        permissions::diff::{DIFF_SCHEMA_VERSION, tests::hostile_diff},
        render::json::tests::{assert_schema_is_current, schema_violation},
    };

    #[test]
    fn the_published_schema_is_current() {
        assert_schema_is_current("permissions-diff.schema.json", DIFF_SCHEMA_VERSION, &schema().unwrap());
    }

    #[test]
    fn changes_fit_the_schema_and_round_trip_without_hidden_characters() {
        let diff = hostile_diff();
        let text = json(&diff).unwrap();
        let schema = serde_json::to_value(PermissionsDiff::schema()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema_violation(&value, &schema, &schema, "$"), None);
        assert_eq!(serde_json::from_str::<PermissionsDiff>(&text).unwrap(), diff);
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)));
    }

    #[test]
    fn markdown_shows_no_markup_of_a_policy() {
        let text = markdown(&hostile_diff());
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{text}");
        let options = comrak::Options::default();
        let html = comrak::markdown_to_html(&text, &options);
        assert!(!html.contains("<img") && !html.contains("<a "), "{html}");
        assert!(text.contains("`s3:PutObject`") && text.contains("NEW_ACCESS"), "{text}");
    }
}
