//! What a statement depends on, in words.
//!
//! Enters: a rule. Leaves: a sentence for people. Law: of bounded length, whatever a policy says.

use std::sync::Arc;

use super::{
    condition::Outcome,
    rules::{Layer, Rule},
};

const LONGEST: usize = 1_000;

/// What an allow depends on.
pub(super) fn of_allow(rule: &Rule) -> Arc<str> {
    conditions(rule).into()
}

/// What keeps a deny away.
pub(super) fn of_deny(rule: &Rule) -> Arc<str> {
    let is_all = rule.resources.written.iter().any(|pattern| &**pattern == "*");
    let on = if is_all {
        String::new()
    } else {
        format!(
            " on {}",
            rule.resources.written.iter().take(3).map(|text| &**text).collect::<Vec<_>>().join(", ")
        )
    };
    format!("unless {}{on}, by {} {}", conditions(rule), rule.id.policy, rule.id.statement).into()
}

fn conditions(rule: &Rule) -> String {
    let statement = &rule.entry.statement;
    let mut parts: Vec<String> =
        statement.conditions.iter().map(super::statement::Condition::words).collect();
    parts.extend(statement.open.iter().map(ToString::to_string));
    if parts.is_empty() {
        parts.push(match (&statement.principals, rule.outcome) {
            _ if rule.layer == Layer::ResourceControl => {
                "the resource is one of the organization's".to_owned()
            }
            (Some(_), Outcome::Open | Outcome::Chosen) => "the principal is the one that is named".to_owned(),
            _ => "a variable in the resource has a certain value".to_owned(),
        });
    }
    let all = parts.join(" and ");
    match all.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", all.get(..end).unwrap_or_default()),
        None => all,
    }
}
