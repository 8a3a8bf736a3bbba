//! One request and the decision on it.
//!
//! Enters: nothing. Leaves: [`AuthorizationRequest`], its [`RequestContext`], and the [`Decision`] on it. Law: a key
//! that is not listed counts as absent only if the context is complete.

use std::{collections::BTreeMap, sync::Arc};

use super::StatementId;

/// The known context of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// Condition keys in lower case, with their values. A key without values is known to be absent. Keys that follow
    /// from the snapshot of the principal may be left out.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Whether every key that is not listed is known to be absent; otherwise such a key is unknown.
    pub is_complete: bool,
}

/// A request to decide: action, resource and context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationRequest<'a> {
    /// The IAM action, as `service:Name`.
    pub action: &'a str,
    /// ARN of the resource, `*` for an action without a resource.
    pub resource: &'a str,
    /// Known context keys of the request.
    pub context: &'a RequestContext,
}

/// The decision of the policies on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, by these statements.
    Allowed(Vec<StatementId>),
    /// Denied by these statements, or, if there are none, because no statement allows it.
    Denied(Vec<StatementId>),
    /// The decision depends on these conditions.
    Conditional(Vec<Arc<str>>),
}
