//! The conditions of a statement, in words.
//!
//! Enters: a rule. Leaves: a phrase for a message. Laws: the conditions of a rule take at most 1,000 characters; only
//! the phrase of a deny begins with `unless`, and only that of a limit with `only on`.

use std::sync::Arc;

use super::{
    condition::Applicability,
    rules::{PolicyLayer, PolicyRule},
};

/// The condition of a grant on resources of a type that the reference does not list for the action.
pub(super) const UNLISTED_RESOURCE: &str = "the service checks the action on such a resource";

/// The condition of a grant on resources that an ARN covers only if a wildcard stands for more than its field.
pub(super) const WILDCARD_ACROSS_FIELDS: &str =
    "a wildcard before the resource of an ARN stands for more than one field";

const MAX_CHARS: usize = 1_000;

/// The conditions of an allow.
pub(super) fn allow_condition(rule: &PolicyRule) -> Arc<str> {
    let text = describe_conditions(rule);
    // The text of a policy must not pass for a deny or a limit.
    match text.starts_with("unless ") || text.starts_with("only on ") {
        true => format!("condition {text}").into(),
        false => text.into(),
    }
}

/// The conditions under which a deny does not apply.
pub(super) fn deny_condition(rule: &PolicyRule) -> Arc<str> {
    let is_all = rule.resources.as_written.iter().any(|pattern| &**pattern == "*");
    let on = if is_all {
        String::new()
    } else {
        format!(
            " on {}",
            rule.resources.as_written.iter().take(3).map(|text| &**text).collect::<Vec<_>>().join(", ")
        )
    };
    format!("unless {}{on}, by {} {}", describe_conditions(rule), rule.id.policy, rule.id.statement).into()
}

/// Whether a resource of the statement has a variable.
fn statement_has_variable(rule: &PolicyRule) -> bool {
    rule.resources.patterns.iter().any(|pattern| pattern.text.is_none())
}

fn describe_conditions(rule: &PolicyRule) -> String {
    let statement = &rule.indexed.statement;
    let mut parts: Vec<String> =
        statement.conditions.iter().map(super::statement::Condition::describe).collect();
    parts.extend(statement.unevaluated.iter().map(ToString::to_string));
    if parts.is_empty() {
        parts.push(match (&statement.principals, rule.applicability) {
            _ if rule.layer == PolicyLayer::ResourceControl => {
                "the resource belongs to the organization".to_owned()
            }
            (Some(_), Applicability::Unknown | Applicability::CallerControlled) => {
                "the statement names this principal".to_owned()
            }
            _ if rule.resources.may_cross_fields() && !statement_has_variable(rule) => {
                WILDCARD_ACROSS_FIELDS.to_owned()
            }
            _ => "a variable in the resource has a certain value".to_owned(),
        });
    }
    let all = parts.join(" and ");
    match all.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", all.get(..end).unwrap_or_default()),
        None => all,
    }
}
