//! Policies of two versions of the policy language, in one version.
//!
//! Enters: a [`PolicySnapshot`]. Leaves: the same policies, without documents of version 2008-10-17 that have what looks
//! like a variable. Law: the meaning of every policy stays.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Version" and "Variables and tags", read 2026-11: in version
//! 2008-10-17 a variable is plain text; in version 2012-10-17 `${$}` is a dollar sign.

use std::sync::Arc;

use crate::grants::{Policy, PolicySnapshot, json::Json};

const WITH_VARIABLES: &str = "2012-10-17";
const WITHOUT_VARIABLES: &str = "2008-10-17";

/// The policies, so that a text means the same in each of them.
pub(super) fn in_one_version(mut snapshot: PolicySnapshot) -> PolicySnapshot {
    let levels =
        snapshot.service_control_policies.iter_mut().chain(&mut snapshot.resource_control_policies).flatten();
    let own = snapshot.identity_policies.iter_mut().chain(&mut snapshot.permissions_boundary);
    let of_resources = snapshot.resource_based_policies.iter_mut().map(|one| &mut one.policy);
    for policy in levels.flatten().chain(own).chain(of_resources) {
        if let Some(text) = with_plain_text(policy) {
            policy.text = text;
        }
    }
    snapshot
}

/// The document in the version with variables; none if it is of that version, or has no text that looks like a variable.
fn with_plain_text(policy: &Policy) -> Option<Arc<str>> {
    if !policy.text.contains("${") {
        return None;
    }
    let Ok(Json::Object(mut members)) = serde_json::from_str::<Json>(&policy.text) else { return None };
    let count = |name: &str| members.iter().filter(|(own, _)| own == name).count();
    let version = members.iter().find(|(name, _)| name == "Version").map(|(_, value)| value.text());
    // A name that is given twice makes the document malformed, which it has to stay.
    let is_plain = matches!(version, None | Some(Some(WITHOUT_VARIABLES)));
    if !is_plain || count("Version") > 1 || count("Statement") != 1 {
        return None;
    }
    for (name, value) in &mut members {
        if name == "Statement" {
            match value {
                Json::List(statements) => statements.iter_mut().for_each(escape_statement),
                statement => escape_statement(statement),
            }
        }
    }
    members.retain(|(name, _)| name != "Version");
    members.insert(0, ("Version".to_owned(), Json::Text(WITH_VARIABLES.to_owned())));
    serde_json::to_string(&Json::Object(members)).ok().map(Into::into)
}

/// The elements in which a variable may stand.
fn escape_statement(statement: &mut Json) {
    let Json::Object(members) = statement else { return };
    for (name, value) in members {
        if matches!(name.as_str(), "Resource" | "NotResource" | "Condition") {
            escape(value);
        }
    }
}

fn escape(value: &mut Json) {
    match value {
        Json::Text(text) => *text = text.replace("${", "${$}{"),
        Json::List(items) => items.iter_mut().for_each(escape),
        Json::Object(members) => members.iter_mut().for_each(|(_, value)| escape(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
