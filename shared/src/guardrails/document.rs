//! Statements as policy documents.
//!
//! Enters: [`GuardrailStatement`]s and a quota. Leaves: [`GuardrailDocument`]s within the quota. Laws: only a list of
//! `Action` is split, since each part then has the same effect on its own actions; the hash is that of the final
//! text.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{action_patterns::ActionPattern, quotas};
use crate::{grants::Policy, hex::hex};

/// One policy document of a guardrail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardrailDocument {
    /// Name, which is also the file name without its extension.
    pub name: String,
    /// The policy, as JSON text.
    pub text: String,
    /// Number of characters that AWS counts.
    pub characters: usize,
    /// Maximum number of characters that AWS allows.
    pub limit: usize,
    /// SHA-256 of the text, in hex.
    pub sha256: String,
}

impl GuardrailDocument {
    /// A policy as it is, as a document with this quota.
    pub(super) fn of_policy(policy: &Policy, quota: PolicyQuota) -> Self {
        Self::of_text(policy.name.to_string(), policy.text.to_string(), quota)
    }

    fn of_text(name: String, text: String, quota: PolicyQuota) -> Self {
        let sha256 = hex(&Sha256::digest(text.as_bytes()));
        let (characters, limit) = (quota.count_characters(&text), quota.max_characters());
        Self { name, text, characters, limit, sha256 }
    }
}

/// The quota of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyQuota {
    /// An IAM managed policy.
    ManagedPolicy,
    /// A service control policy.
    ServiceControlPolicy,
}

impl PolicyQuota {
    /// Maximum number of characters of one document, as AWS counts them for this kind.
    pub const fn max_characters(self) -> usize {
        match self {
            Self::ManagedPolicy => quotas::MANAGED_POLICY,
            Self::ServiceControlPolicy => quotas::SERVICE_CONTROL_POLICY,
        }
    }

    /// Characters of a text, as AWS counts them.
    pub fn count_characters(self, text: &str) -> usize {
        match self {
            Self::ManagedPolicy => quotas::count_without_whitespace(text),
            Self::ServiceControlPolicy => quotas::count_with_whitespace(text),
        }
    }
}

/// A statement, in the order AWS writes its elements.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GuardrailStatement {
    /// Id of the statement: letters and digits only.
    pub sid: String,
    /// Effect of the statement: `Allow` or `Deny`.
    pub effect: &'static str,
    /// Action patterns of the statement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub action: Vec<Arc<str>>,
    /// `NotAction`: the statement covers all other actions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_action: Vec<Arc<str>>,
    /// Resources that the statement covers.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub resource: Value,
    /// `NotResource`: the statement covers all other resources.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub not_resource: Value,
    /// Conditions of the statement.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub condition: Value,
}

impl GuardrailStatement {
    /// A statement on all resources.
    pub fn on_all_resources(sid: &str, effect: &'static str) -> Self {
        Self {
            sid: sid.to_owned(),
            effect,
            action: Vec::new(),
            not_action: Vec::new(),
            resource: "*".into(),
            not_resource: Value::Null,
            condition: Value::Null,
        }
    }

    /// The statement with these actions.
    #[must_use]
    pub fn with_actions(self, patterns: &[ActionPattern]) -> Self {
        Self { action: patterns.iter().map(|pattern| Arc::clone(&pattern.text)).collect(), ..self }
    }

    /// The statement with all actions but these.
    #[must_use]
    pub fn with_not_actions(self, patterns: &[ActionPattern]) -> Self {
        Self { not_action: patterns.iter().map(|pattern| Arc::clone(&pattern.text)).collect(), ..self }
    }
}

/// The JSON of a document.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DocumentBody<'a> {
    version: &'static str,
    statement: &'a [Value],
}

/// The JSON text of a policy with these statements. AWS Organizations counts white space, so a service control policy
/// has none.
pub fn policy_json(statements: &[Value], quota: PolicyQuota) -> String {
    let body = DocumentBody { version: "2012-10-17", statement: statements };
    // It holds strings, lists and maps only, so serialization cannot fail.
    let text = match quota {
        PolicyQuota::ManagedPolicy => serde_json::to_string_pretty(&body).unwrap_or_default(),
        PolicyQuota::ServiceControlPolicy => serde_json::to_string(&body).unwrap_or_default(),
    };
    escape_non_ascii(&text)
}

/// JSON with escapes for characters that a terminal may hide: the text a reader sees is the text that was proven.
fn escape_non_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() && letter != '\u{7f}' {
            text.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

/// A document of these statements.
pub fn build_document(name: String, statements: &[Value], quota: PolicyQuota) -> GuardrailDocument {
    GuardrailDocument::of_text(name, policy_json(statements, quota), quota)
}

/// A statement as JSON.
pub fn statement_json(statement: &GuardrailStatement) -> Value {
    serde_json::to_value(statement).unwrap_or_default()
}

/// Documents with these statements, filled in order; `None` if a single action does not fit. Statements of `first`
/// are not split and precede the others.
pub fn split_documents(
    name: &str,
    first: &[Value],
    statements: &[GuardrailStatement],
    quota: PolicyQuota,
) -> Option<Vec<GuardrailDocument>> {
    let fits = |statements: &[Value]| {
        quota.count_characters(&policy_json(statements, quota)) <= quota.max_characters()
    };
    let mut parts: Vec<Vec<Value>> = vec![Vec::new()];
    let add = |parts: &mut Vec<Vec<Value>>, one: Value| -> Option<()> {
        let last = parts.last_mut()?;
        last.push(one);
        if fits(last) {
            return Some(());
        }
        let one = last.pop()?;
        if last.is_empty() || !fits(std::slice::from_ref(&one)) {
            return None;
        }
        parts.push(vec![one]);
        Some(())
    };
    for one in first {
        add(&mut parts, one.clone())?;
    }
    for statement in statements {
        let mut rest = statement.action.as_slice();
        while !rest.is_empty() {
            let last = parts.last_mut()?;
            let taken = largest_fitting(rest.len(), |count| {
                let part = GuardrailStatement {
                    action: rest.get(..count).unwrap_or_default().to_vec(),
                    ..statement.clone()
                };
                last.push(statement_json(&part));
                let is_fitting = fits(last);
                last.pop();
                is_fitting
            });
            if taken == 0 {
                if last.is_empty() {
                    return None;
                }
                parts.push(Vec::new());
                continue;
            }
            let (now, later) = rest.split_at_checked(taken)?;
            last.push(statement_json(&GuardrailStatement { action: now.to_vec(), ..statement.clone() }));
            rest = later;
        }
    }
    let parts: Vec<Vec<Value>> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let count = parts.len();
    let named = |n: usize| if count == 1 { name.to_owned() } else { format!("{name}-{}", n + 1) };
    Some(parts.iter().enumerate().map(|(n, part)| build_document(named(n), part, quota)).collect())
}

/// The greatest number up to `most` for which `holds` is true, if it is true for every smaller number.
pub fn largest_fitting(most: usize, mut holds: impl FnMut(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if holds(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(count: usize) -> Vec<ActionPattern> {
        let text = |n: usize| format!("service{}:DescribeThing{n:04}", n % 7).into();
        (0..count).map(|n| ActionPattern { text: text(n), known_matches: 1 }).collect()
    }

    #[test]
    fn long_list_is_split_without_loss() {
        for quota in [PolicyQuota::ManagedPolicy, PolicyQuota::ServiceControlPolicy] {
            let statement =
                GuardrailStatement::on_all_resources("Reads", "Allow").with_actions(&patterns(1_000));
            let documents = split_documents("allow", &[], std::slice::from_ref(&statement), quota)
                .expect("it can be split");
            assert!(documents.len() > 1);
            let mut actions = Vec::new();
            for document in &documents {
                assert_eq!(document.characters, quota.count_characters(&document.text));
                assert!(document.characters <= quota.max_characters(), "{}", document.characters);
                let read: Value = serde_json::from_str(&document.text).expect("JSON");
                let list = read["Statement"][0]["Action"].as_array().expect("a list").clone();
                actions.extend(list.into_iter().map(|action| Arc::from(action.as_str().expect("text"))));
            }
            assert_eq!(actions, statement.action);
            // Only the last document has room for another action.
            assert!(
                documents
                    .iter()
                    .rev()
                    .skip(1)
                    .all(|document| document.characters + 40 > quota.max_characters())
            );
        }
    }

    #[test]
    fn invisible_characters_are_escaped() {
        let hidden = serde_json::json!({ "Resource": "a\u{202e}b\u{7f}\u{1f600}" });
        for quota in [PolicyQuota::ManagedPolicy, PolicyQuota::ServiceControlPolicy] {
            let text = policy_json(std::slice::from_ref(&hidden), quota);
            assert!(text.lines().all(|line| crate::escape::escape_hidden(line) == line), "{text}");
            let read: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(read["Statement"][0], hidden);
        }
    }

    #[test]
    fn statement_that_fits_gives_one_document() {
        let statement = GuardrailStatement::on_all_resources("Reads", "Allow").with_actions(&patterns(3));
        let documents =
            split_documents("allow", &[], &[statement], PolicyQuota::ManagedPolicy).expect("it fits");
        assert_eq!((documents.len(), documents[0].name.as_str()), (1, "allow"));
    }

    #[test]
    fn statement_that_cannot_fit_gives_none() {
        let long = GuardrailStatement {
            condition: "x".repeat(7_000).into(),
            ..GuardrailStatement::on_all_resources("Reads", "Allow")
        };
        assert!(
            split_documents(
                "allow",
                &[],
                &[long.clone().with_actions(&patterns(1))],
                PolicyQuota::ManagedPolicy
            )
            .is_none()
        );
        assert!(
            split_documents("allow", &[statement_json(&long)], &[], PolicyQuota::ManagedPolicy).is_none()
        );
    }

    #[test]
    fn largest_fitting_count_is_found() {
        assert_eq!(largest_fitting(10, |n| n <= 7), 7);
        assert_eq!(largest_fitting(10, |_| false), 0);
        assert_eq!(largest_fitting(10, |_| true), 10);
    }
}
