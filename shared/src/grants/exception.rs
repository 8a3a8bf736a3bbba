//! Grants of actions that are not read-only, and that give a principal no more than reads.
//!
//! Enters: a [`Grant`]. Leaves: a [`GrantException`], or nothing. Laws: a grant that can also be used in another way is no
//! exception; the reason is said wherever the grant is not counted.

use super::{Grant, GrantScope};
use crate::classification::needs_no_permission;

/// Why a grant of an action that is not read-only gives no more than reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantException {
    /// AWS lets every caller make the call, with or without a policy.
    NeedsNoPermission,
    /// The session that the action creates can only read, by the condition of each statement.
    SessionOnlyReads,
}

impl GrantException {
    /// The exception in a sentence without its subject, which is the action.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::NeedsNoPermission => {
                "needs no permission: every caller can call it, with or without a policy"
            }
            Self::SessionOnlyReads => {
                "creates sessions that only read (`s3express:SessionMode` is `ReadOnly`)"
            }
        }
    }
}

impl Grant {
    /// Why the grant gives no more than reads although its action is not read-only.
    pub fn exception(&self) -> Option<GrantException> {
        if self.action.is_read_only() || !self.action.is_known {
            return None;
        }
        if needs_no_permission(self.action.service(), self.action.name()) {
            return Some(GrantException::NeedsNoPermission);
        }
        (&*self.action.key == "s3express:CreateSession" && session_only_reads(&self.scope))
            .then_some(GrantException::SessionOnlyReads)
    }

    /// Whether the grant gives no more than reads.
    pub fn gives_only_reads(&self) -> bool {
        self.action.is_read_only() || self.exception().is_some()
    }
}

/// Whether each statement has one condition, and it limits the mode of the session. With fewer conditions than
/// statements, a statement has none.
fn session_only_reads(scope: &GrantScope) -> bool {
    let limits = ["StringEquals", "StringEqualsIgnoreCase", "StringLike"];
    let is_limit = |condition: &str| {
        let parts: Vec<&str> = condition.split(' ').collect();
        let [key, operator, value] = parts.as_slice() else { return false };
        key.eq_ignore_ascii_case("s3express:SessionMode") && limits.contains(operator) && *value == "ReadOnly"
    };
    !scope.conditions.is_empty()
        && scope.conditions.iter().all(|condition| is_limit(condition))
        && scope.statements.len() == 1
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        catalog::Catalog,
        grants::{Evaluator, Policy, PolicyOrigin, PolicySnapshot},
    };

    fn exception(action: &str, statements: Value) -> Option<GrantException> {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let policy = Policy { name: "own".into(), origin: PolicyOrigin::Inline, text: Arc::from(text) };
        let snapshot = PolicySnapshot { identity_policies: vec![policy], ..PolicySnapshot::default() };
        Evaluator::new(Catalog::embedded()).grants(&snapshot).get(action).unwrap().exception()
    }

    #[test]
    fn call_that_every_caller_can_make_is_an_exception() {
        let all = json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]);
        for action in
            ["sts:GetSessionToken", "cognito-identity:GetCredentialsForIdentity", "cognito-identity:GetId"]
        {
            assert_eq!(exception(action, all.clone()), Some(GrantException::NeedsNoPermission), "{action}");
        }
        for action in [
            "sts:GetFederationToken",
            "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
            "s3:PutObject",
            "s3:GetObject",
        ] {
            assert_eq!(exception(action, all.clone()), None, "{action}");
        }
    }

    #[test]
    fn session_is_an_exception_only_if_each_statement_limits_it() {
        let create = |condition: Value| json!({ "Effect": "Allow", "Action": "s3express:CreateSession", "Resource": "*", "Condition": condition });
        let reads = || create(json!({ "StringEquals": { "s3express:SessionMode": "ReadOnly" } }));
        let of = |statements: Value| exception("s3express:CreateSession", statements);
        assert_eq!(of(json!([reads()])), Some(GrantException::SessionOnlyReads));
        for other in [
            json!({}),
            json!({ "StringEquals": { "s3express:SessionMode": ["ReadOnly", "ReadWrite"] } }),
            json!({ "StringNotEquals": { "s3express:SessionMode": "ReadOnly" } }),
            json!({ "StringEqualsIfExists": { "s3express:SessionMode": "ReadOnly" } }),
        ] {
            assert_eq!(of(json!([create(other.clone())])), None, "{other}");
            assert_eq!(of(json!([reads(), create(other.clone())])), None, "{other}");
        }
    }
}
