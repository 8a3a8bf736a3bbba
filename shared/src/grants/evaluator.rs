//! Policies to grants, and to the decision on one request.
//!
//! Enters: [`Snapshot`], and for a decision a [`Request`]. Leaves: [`Grants`] or a [`Decision`]. Law: whatever a decision
//! can allow on some resource in some context, the grants hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{Action, Certainty, Grant, Grants, Reach, Snapshot, StatementId, Unseen};
use crate::catalog::Catalog;

/// What is known of a request's context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Condition keys in lower case, with their values. A key without values is known to be absent.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Whether every key that is not listed is known to be absent; otherwise it is not known.
    pub is_complete: bool,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// `service:Name`.
    pub action: &'a str,
    /// ARN of the resource, `*` for an action that is about none.
    pub resource: &'a str,
    /// Its context.
    pub context: &'a Context,
}

/// What policies say to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, by these statements.
    Granted(Vec<StatementId>),
    /// Refused: by these statements, or, when there are none, because nothing allows it.
    Denied(Vec<StatementId>),
    /// It depends on these conditions.
    Conditional(Vec<Arc<str>>),
}

/// Evaluates policies, remembering what it has met.
#[derive(Debug)]
pub struct Evaluator<'c> {
    catalog: &'c Catalog,
}

impl<'c> Evaluator<'c> {
    /// An evaluator over a catalog.
    pub const fn new(catalog: &'c Catalog) -> Self {
        Self { catalog }
    }

    /// The catalog.
    pub const fn catalog(&self) -> &'c Catalog {
        self.catalog
    }

    /// What a principal's policies allow.
    pub fn grants(&self, snapshot: &Snapshot) -> Grants {
        let mut held: BTreeMap<Arc<str>, Grant> = BTreeMap::new();
        let mut denied: BTreeSet<String> = BTreeSet::new();
        for policy in &snapshot.identity {
            let document: Value = serde_json::from_str(&policy.text).unwrap_or_default();
            let list = |value: &Value| match value {
                Value::Array(items) => items.clone(),
                Value::Null => Vec::new(),
                one => vec![one.clone()],
            };
            for (n, statement) in list(&document["Statement"]).iter().enumerate() {
                let reach = Arc::new(Reach {
                    statements: vec![StatementId {
                        policy: Arc::clone(&policy.name),
                        statement: statement["Sid"]
                            .as_str()
                            .map_or_else(|| format!("#{}", n + 1), str::to_owned)
                            .into(),
                    }],
                    resources: list(&statement["Resource"])
                        .iter()
                        .filter_map(Value::as_str)
                        .map(Into::into)
                        .collect(),
                    ..Reach::default()
                });
                for pattern in list(&statement["Action"]).iter().filter_map(Value::as_str) {
                    for entry in self.catalog.expand(pattern) {
                        if statement["Effect"] == "Deny" {
                            denied.insert(entry.key());
                            continue;
                        }
                        let action = Arc::new(Action::of(entry));
                        let certainty = match statement["Condition"] {
                            Value::Null => Certainty::Granted,
                            _ => Certainty::Conditional,
                        };
                        held.entry(Arc::clone(&action.key)).or_insert(Grant {
                            action,
                            certainty,
                            reach: Arc::clone(&reach),
                        });
                    }
                }
            }
        }
        held.retain(|key, _| !denied.contains(&**key));
        Grants {
            held: held.into_values().collect(),
            problems: Vec::new(),
            unseen: BTreeSet::from([Unseen::SessionPolicies, Unseen::VpcEndpointPolicies]),
        }
    }
}
