//! The oracle: a slow evaluator of one request with a complete context.
//!
//! Enters: statements as values and a request. Leaves: allowed or not. Law: it follows the text of AWS's evaluation
//! logic (IAM User Guide, "Policy evaluation logic") word by word, and shares no code with the product.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub const ROLE: &str = "arn:aws:iam::111122223333:role/Auditor";
pub const ACCOUNT: &str = "111122223333";

pub type ContextValues = BTreeMap<&'static str, Vec<&'static str>>;

#[derive(Clone, Debug, PartialEq)]
pub struct ConditionTest {
    pub operator: &'static str,
    pub key: &'static str,
    pub values: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OracleStatement {
    pub allows: bool,
    pub not_action: bool,
    pub actions: Vec<&'static str>,
    pub not_resource: bool,
    pub resources: Vec<&'static str>,
    pub tests: Vec<ConditionTest>,
    /// For resource-based policies only.
    pub not_principal: bool,
    pub principals: Vec<&'static str>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OraclePolicies {
    pub identity: Vec<OracleStatement>,
    pub permissions_boundary: Option<Vec<OracleStatement>>,
    pub service_control_levels: Option<Vec<Vec<OracleStatement>>>,
    pub resource_control: Option<Vec<OracleStatement>>,
    pub bucket_policy: Option<Vec<OracleStatement>>,
}

pub const BUCKET: &str = "arn:aws:s3:::a";

impl OracleStatement {
    pub fn to_json(&self, of_resource: bool) -> Value {
        let mut all = Map::new();
        all.insert("Effect".into(), if self.allows { "Allow" } else { "Deny" }.into());
        all.insert(if self.not_action { "NotAction" } else { "Action" }.into(), json!(self.actions));
        all.insert(if self.not_resource { "NotResource" } else { "Resource" }.into(), json!(self.resources));
        if of_resource {
            let name = if self.not_principal { "NotPrincipal" } else { "Principal" };
            all.insert(name.into(), json!({ "AWS": self.principals }));
        }
        let mut conditions = json!({});
        for test in &self.tests {
            conditions[test.operator][test.key] = json!(test.values);
        }
        all.insert("Condition".into(), conditions);
        all.into()
    }

    fn matches(&self, action: &str, resource: &str, context: &ContextValues) -> bool {
        let action_named = self.actions.iter().any(|p| glob(&p.to_lowercase(), &action.to_lowercase()));
        let resource_named =
            self.resources.iter().any(|p| glob(&p.replace("${aws:PrincipalAccount}", ACCOUNT), resource));
        action_named != self.not_action
            && resource_named != self.not_resource
            && self.tests.iter().all(|test| test.holds(context))
    }

    fn names_principal(&self, principal: &str) -> bool {
        self.principals.contains(&principal)
    }
}

impl ConditionTest {
    fn holds(&self, context: &ContextValues) -> bool {
        let nothing = Vec::new();
        let own = [("aws:PrincipalAccount", ACCOUNT), ("aws:PrincipalArn", ROLE)]
            .into_iter()
            .find(|(key, _)| *key == self.key);
        let found = match own {
            Some((_, value)) => vec![value],
            None => context.get(self.key).unwrap_or(&nothing).clone(),
        };
        let values: Vec<String> =
            self.values.iter().map(|v| v.replace("${aws:PrincipalAccount}", ACCOUNT)).collect();
        let one_of = |value: &str, same: &dyn Fn(&str, &str) -> bool| values.iter().any(|v| same(value, v));
        let equal = |a: &str, b: &str| a == b;
        let like = |a: &str, b: &str| glob(b, a);
        let present = !found.is_empty();
        match self.operator {
            "StringEquals" => present && one_of(found[0], &equal),
            "StringNotEquals" => !present || !one_of(found[0], &equal),
            "StringEqualsIfExists" => !present || one_of(found[0], &equal),
            "StringNotEqualsIfExists" => !present || !one_of(found[0], &equal),
            "StringLike" => present && one_of(found[0], &like),
            "StringNotLike" => !present || !one_of(found[0], &like),
            "Bool" => present && one_of(found[0], &equal),
            "BoolIfExists" => !present || one_of(found[0], &equal),
            "Null" => one_of(if present { "false" } else { "true" }, &equal),
            "NumericLessThan" => {
                present && one_of(found[0], &|a, b| a.parse::<i64>().unwrap() < b.parse::<i64>().unwrap())
            }
            "NumericNotEquals" => {
                !present || !one_of(found[0], &|a, b| a.parse::<i64>().unwrap() == b.parse::<i64>().unwrap())
            }
            "ForAllValues:StringEquals" => found.iter().all(|value| one_of(value, &equal)),
            "ForAnyValue:StringEquals" => found.iter().any(|value| one_of(value, &equal)),
            "ForAllValues:StringNotEquals" => found.iter().all(|value| !one_of(value, &equal)),
            "ForAnyValue:StringNotEquals" => found.iter().any(|value| !one_of(value, &equal)),
            "ForAllValues:StringLike" => found.iter().all(|value| one_of(value, &like)),
            other => panic!("{other}"),
        }
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => (0..=text.len()).any(|at| glob(rest, &text[at..])),
        '?' => !text.is_empty() && glob(rest, &text[1..]),
        letter => text.starts_with(letter) && glob(rest, &text[1..]),
    }
}

impl OraclePolicies {
    /// Whether the request is allowed.
    pub fn allows(&self, action: &str, resource: &str, context: &ContextValues) -> bool {
        if !takes_resource(action, resource) {
            return false;
        }
        let hits = |stmt: &&OracleStatement| stmt.matches(action, resource, context);
        let allows = |list: &[OracleStatement]| list.iter().filter(hits).any(|stmt| stmt.allows);
        let denies = |list: &[OracleStatement]| list.iter().filter(hits).any(|stmt| !stmt.allows);
        // A bucket policy applies to the bucket and its objects.
        let is_bucket = resource == BUCKET || resource.starts_with("arn:aws:s3:::a/");
        let bucket: &[OracleStatement] =
            self.bucket_policy.as_deref().filter(|_| is_bucket).unwrap_or_default();
        let names_role = |stmt: &OracleStatement| {
            (stmt.names_principal("*") || stmt.names_principal(ROLE)) != stmt.not_principal
        };
        let is_controlled = action.starts_with("s3:") || action.starts_with("sqs:");
        // An explicit deny anywhere.
        let denied = denies(&self.identity)
            || self.permissions_boundary.as_deref().is_some_and(denies)
            || self.service_control_levels.iter().flatten().any(|level| denies(level))
            || (is_controlled && self.resource_control.as_deref().is_some_and(denies))
            || bucket.iter().filter(hits).any(|stmt| !stmt.allows && names_role(stmt));
        if denied {
            return false;
        }
        // Organizations: every level allows.
        if !self.service_control_levels.iter().flatten().all(|level| allows(level)) {
            return false;
        }
        let bounded = self.permissions_boundary.as_deref().is_none_or(allows);
        let from_bucket = |principal: &str| {
            bucket
                .iter()
                .filter(hits)
                .any(|stmt| stmt.allows && !stmt.not_principal && stmt.names_principal(principal))
        };
        let from_not_principal =
            bucket.iter().filter(hits).any(|stmt| stmt.allows && stmt.not_principal && names_role(stmt));
        // A resource-based policy grants by itself: to `*` regardless of the permissions boundary, to a role only
        // within it.
        from_bucket("*") || from_not_principal || (bounded && (from_bucket(ROLE) || allows(&self.identity)))
    }
}

/// Whether an action takes resources of this type, by the service authorization reference of its service.
fn takes_resource(action: &str, resource: &str) -> bool {
    match action {
        "s3:GetObject" | "s3:PutObject" => resource.starts_with("arn:aws:s3:") && resource.contains('/'),
        // The name of a bucket has no slash.
        "s3:DeleteBucket" => resource.starts_with("arn:aws:s3:::") && !resource.contains('/'),
        "sqs:SendMessage" => resource.starts_with("arn:aws:sqs:"),
        "iam:PassRole" => resource.contains(":role/"),
        _ => panic!("{action} has no resource types here"),
    }
}
