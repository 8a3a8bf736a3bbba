//! One request.
//!
//! Enters: nothing. Leaves: [`Request`], its [`RequestContext`], and the [`Decision`] on it. Law: a key that is not listed is
//! absent only if the context is said to be complete.

use std::{collections::BTreeMap, sync::Arc};

use super::StatementId;

/// What is known of a request's context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// Condition keys in lower case, with their values. A key without values is known to be absent. What the snapshot
    /// tells of the principal does not have to be listed.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Whether every key that is not listed is known to be absent; otherwise it is not known.
    pub is_complete: bool,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest<'a> {
    /// `service:Name`.
    pub action: &'a str,
    /// ARN of the resource, `*` for an action that is about none.
    pub resource: &'a str,
    /// Its context.
    pub context: &'a RequestContext,
}

/// What policies say to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, by these statements.
    Allowed(Vec<StatementId>),
    /// Refused: by these statements, or, when there are none, because nothing allows it.
    Denied(Vec<StatementId>),
    /// It depends on these conditions.
    Conditional(Vec<Arc<str>>),
}
