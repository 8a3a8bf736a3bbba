//! Statements as policy documents.
//!
//! Enters: [`Statement`]s and a limit. Leaves: [`Document`]s that each keep to it. Laws: a list of actions is divided
//! only where each part says the same of its own actions; the hash is of the text as it is printed.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{cover::Pattern, limits};
use crate::report::hex;

/// One policy document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Document {
    /// Its name, and the stem of its file.
    pub name: String,
    /// The policy, as JSON text.
    pub text: String,
    /// Characters AWS counts.
    pub characters: usize,
    /// Characters AWS allows.
    pub limit: usize,
    /// SHA-256 of the text, in hex.
    pub sha256: String,
}

/// Which quota a document is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// A managed policy of IAM.
    Managed,
    /// A service control policy.
    ServiceControl,
}

impl Quota {
    /// Most characters.
    pub const fn limit(self) -> usize {
        match self {
            Self::Managed => limits::MANAGED,
            Self::ServiceControl => limits::SERVICE_CONTROL,
        }
    }

    /// Characters of a text, as AWS counts them.
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Managed => limits::without_space(text),
            Self::ServiceControl => limits::with_space(text),
        }
    }
}

/// A statement, in the order AWS writes its elements.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Statement {
    /// Letters and digits.
    pub sid: String,
    /// `Allow` or `Deny`.
    pub effect: &'static str,
    /// Actions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub action: Vec<Arc<str>>,
    /// All actions but these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_action: Vec<Arc<str>>,
    /// Resources.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub resource: Value,
    /// All resources but these.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub not_resource: Value,
    /// Conditions.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub condition: Value,
}

impl Statement {
    /// A statement about any resource.
    pub fn anywhere(sid: &str, effect: &'static str) -> Self {
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

    /// With these actions.
    #[must_use]
    pub fn on(self, patterns: &[Pattern]) -> Self {
        Self { action: patterns.iter().map(|pattern| Arc::clone(&pattern.text)).collect(), ..self }
    }

    /// With all actions but these.
    #[must_use]
    pub fn except(self, patterns: &[Pattern]) -> Self {
        Self { not_action: patterns.iter().map(|pattern| Arc::clone(&pattern.text)).collect(), ..self }
    }
}

/// What a document is written from.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    version: &'static str,
    statement: &'a [Value],
}

/// The policy these statements are. Organizations counts white space, so what is under its quota has none.
pub fn text(statements: &[Value], quota: Quota) -> String {
    let body = Body { version: "2012-10-17", statement: statements };
    // Strings, lists and maps only: nothing in it can fail to be written.
    let text = match quota {
        Quota::Managed => serde_json::to_string_pretty(&body).unwrap_or_default(),
        Quota::ServiceControl => serde_json::to_string(&body).unwrap_or_default(),
    };
    in_ascii(&text)
}

/// JSON with an escape for whatever no terminal may be trusted to show: what is read is what was proven, byte for byte.
fn in_ascii(json: &str) -> String {
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
pub fn document(name: String, statements: &[Value], quota: Quota) -> Document {
    let text = text(statements, quota);
    let sha256 = hex(&Sha256::digest(text.as_bytes()));
    Document { characters: quota.count(&text), limit: quota.limit(), name, sha256, text }
}

/// A statement as JSON.
pub fn value(statement: &Statement) -> Value {
    serde_json::to_value(statement).unwrap_or_default()
}

/// Documents of these statements, as few as fit when they are filled in order; `None` if a single action does not fit.
/// Statements of `first` are not divided and stand before the others.
pub fn divide(name: &str, first: &[Value], statements: &[Statement], quota: Quota) -> Option<Vec<Document>> {
    let fits = |statements: &[Value]| quota.count(&text(statements, quota)) <= quota.limit();
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
            let taken = most(rest.len(), |count| {
                let part =
                    Statement { action: rest.get(..count).unwrap_or_default().to_vec(), ..statement.clone() };
                last.push(value(&part));
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
            last.push(value(&Statement { action: now.to_vec(), ..statement.clone() }));
            rest = later;
        }
    }
    let parts: Vec<Vec<Value>> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let count = parts.len();
    let named = |n: usize| if count == 1 { name.to_owned() } else { format!("{name}-{}", n + 1) };
    Some(parts.iter().enumerate().map(|(n, part)| document(named(n), part, quota)).collect())
}

/// The greatest number up to `most` for which `holds`, if it holds for every smaller one.
pub fn most(most: usize, mut holds: impl FnMut(usize) -> bool) -> usize {
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

    fn patterns(count: usize) -> Vec<Pattern> {
        let text = |n: usize| format!("service{}:DescribeThing{n:04}", n % 7).into();
        (0..count).map(|n| Pattern { text: text(n), matches: 1 }).collect()
    }

    #[test]
    fn a_long_list_is_divided_and_nothing_of_it_is_lost() {
        for quota in [Quota::Managed, Quota::ServiceControl] {
            let statement = Statement::anywhere("Reads", "Allow").on(&patterns(1_000));
            let documents =
                divide("allow", &[], std::slice::from_ref(&statement), quota).expect("it can be divided");
            assert!(documents.len() > 1);
            let mut actions = Vec::new();
            for document in &documents {
                assert_eq!(document.characters, quota.count(&document.text));
                assert!(document.characters <= quota.limit(), "{}", document.characters);
                let read: Value = serde_json::from_str(&document.text).expect("JSON");
                let list = read["Statement"][0]["Action"].as_array().expect("a list").clone();
                actions.extend(list.into_iter().map(|action| Arc::from(action.as_str().expect("text"))));
            }
            assert_eq!(actions, statement.action);
            // None but the last has room for another action.
            assert!(documents.iter().rev().skip(1).all(|document| document.characters + 40 > quota.limit()));
        }
    }

    #[test]
    fn what_a_terminal_would_hide_is_written_out() {
        let hidden = serde_json::json!({ "Resource": "a\u{202e}b\u{7f}\u{1f600}" });
        for quota in [Quota::Managed, Quota::ServiceControl] {
            let text = text(std::slice::from_ref(&hidden), quota);
            assert!(text.lines().all(|line| crate::plain::plain(line) == line), "{text}");
            let read: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(read["Statement"][0], hidden);
        }
    }

    #[test]
    fn one_that_fits_is_one() {
        let statement = Statement::anywhere("Reads", "Allow").on(&patterns(3));
        let documents = divide("allow", &[], &[statement], Quota::Managed).expect("it fits");
        assert_eq!((documents.len(), documents[0].name.as_str()), (1, "allow"));
    }

    #[test]
    fn what_cannot_fit_is_refused() {
        let long = Statement { condition: "x".repeat(7_000).into(), ..Statement::anywhere("Reads", "Allow") };
        assert!(divide("allow", &[], &[long.clone().on(&patterns(1))], Quota::Managed).is_none());
        assert!(divide("allow", &[value(&long)], &[], Quota::Managed).is_none());
    }

    #[test]
    fn the_most_is_found() {
        assert_eq!(most(10, |n| n <= 7), 7);
        assert_eq!(most(10, |_| false), 0);
        assert_eq!(most(10, |_| true), 10);
    }
}
