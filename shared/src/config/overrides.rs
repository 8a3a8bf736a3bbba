//! Decides whether an override allows a call.
//!
//! Enters: an [`Override`] and a call with its time. Leaves: [`OverrideMatch`]. Laws: an override that is scoped to
//! resources never allows a call without known resources; an override is evaluated at the time of the call, so the
//! same evidence gives the same result later.

use std::sync::Arc;

use super::{
    Config, ConfigError, Override,
    reader::ConfigReader,
    schema::{SchemaNode, ValueKind},
    tree::ConfigNode,
};
use crate::{
    pattern::{covers, matches},
    time::Time,
};

/// Whether an override applies to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OverrideMatch {
    /// The override does not apply.
    NoMatch,
    /// The override applies, but expired before the call.
    Expired,
    /// The override allows the call.
    Allowed,
}

impl Override {
    /// Matches a call of `principal` at `time`. `service` is the IAM prefix, such as `s3`. `operation` may have any
    /// case, and `_` or `-` between its words. Every one of `resources` must match a scoped override; without
    /// resources it does not apply.
    pub fn match_call(
        &self,
        principal: &str,
        service: &str,
        operation: &str,
        resources: &[Arc<str>],
        time: Time,
    ) -> OverrideMatch {
        let in_scope = match &self.resource {
            None => true,
            Some(pattern) => {
                let holds = |bucket: &str, object: &str| {
                    object.strip_prefix(bucket).is_some_and(|key| key.starts_with('/'))
                };
                // The record of an S3 object also names its bucket, which need not match.
                let is_bucket = |one: &Arc<str>| {
                    one.contains(":s3:::") && resources.iter().any(|object| holds(one, object))
                };
                let mut named = resources.iter().filter(|one| !is_bucket(one)).peekable();
                named.peek().is_some() && named.all(|resource| matches(pattern, resource))
            }
        };
        let is_meant =
            in_scope && matches(&self.principal, principal) && self.matches_operation(service, operation);
        match is_meant {
            false => OverrideMatch::NoMatch,
            true if time < self.expires => OverrideMatch::Allowed,
            true => OverrideMatch::Expired,
        }
    }

    /// Whether the override covers a principal and every operation that a name or pattern matches, and has not
    /// expired. Resources are not compared.
    pub fn covers_operations(&self, principal: &str, service: &str, operation: &str, time: Time) -> bool {
        let Some((wanted, pattern)) = self.operation.split_once(':') else { return false };
        time < self.expires
            && matches(&self.principal, principal)
            && wanted.eq_ignore_ascii_case(service)
            && covers(&normalized_name(pattern), &normalized_name(operation))
    }

    /// Validates an override that was made by the program. The locations of its problems are its keys.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut reader = ConfigReader::default();
        let written = serde_json::to_value(self).unwrap_or_default();
        if let Some(node) = ConfigNode::from_json(&written, "")
            && let Some(ValueKind::List(shape)) = SchemaNode::root().key("override").map(SchemaNode::kind)
        {
            reader.read(&node, shape, "");
        }
        ConfigError::from_problems(reader.problems)
    }

    fn matches_operation(&self, service: &str, operation: &str) -> bool {
        let Some((wanted, pattern)) = self.operation.split_once(':') else { return false };
        wanted.eq_ignore_ascii_case(service)
            && matches(&normalized_name(pattern), &normalized_name(operation))
    }
}

impl Config {
    /// The override that applies to a call: the first that allows it, otherwise the first that expired before it.
    pub fn override_for(
        &self,
        principal: &str,
        service: &str,
        operation: &str,
        resources: &[Arc<str>],
        time: Time,
    ) -> Option<(&Override, OverrideMatch)> {
        let mut expired = None;
        for entry in &self.overrides {
            match entry.match_call(principal, service, operation, resources, time) {
                OverrideMatch::Allowed => return Some((entry, OverrideMatch::Allowed)),
                OverrideMatch::Expired => expired = expired.or(Some((entry, OverrideMatch::Expired))),
                OverrideMatch::NoMatch => {}
            }
        }
        expired
    }
}

/// `PutObject`, `put_object` and `put-object` as one word.
fn normalized_name(operation: &str) -> String {
    operation.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CI: &str = "arn:aws:iam::111122223333:role/ci";

    fn entry() -> Override {
        Override {
            id: "artifacts".into(),
            principal: "arn:aws:iam::*:role/ci".into(),
            operation: "s3:Put*".into(),
            resource: Some("arn:aws:s3:::artifacts/*".into()),
            owner: "build team".into(),
            reason: "uploads build artifacts".into(),
            expires: Time(1_000),
        }
    }

    fn arns(texts: &[&str]) -> Vec<Arc<str>> {
        texts.iter().map(|text| Arc::from(*text)).collect()
    }

    #[test]
    fn a_scoped_override_needs_at_least_one_resource_and_all_must_match() {
        let (inside, outside) = ("arn:aws:s3:::artifacts/a", "arn:aws:s3:::other/a");
        let applies =
            |resources: &[&str]| entry().match_call(CI, "s3", "PutObject", &arns(resources), Time(0));
        assert_eq!(applies(&[inside]), OverrideMatch::Allowed);
        assert_eq!(applies(&[inside, outside]), OverrideMatch::NoMatch);
        assert_eq!(applies(&[]), OverrideMatch::NoMatch);
    }

    #[test]
    fn the_bucket_of_a_matching_object_need_not_match() {
        let (object, bucket) = ("arn:aws:s3:::artifacts/a", "arn:aws:s3:::artifacts");
        let applies =
            |resources: &[&str]| entry().match_call(CI, "s3", "PutObject", &arns(resources), Time(0));
        assert_eq!(applies(&[object, bucket]), OverrideMatch::Allowed);
        assert_eq!(applies(&[bucket]), OverrideMatch::NoMatch);
        assert_eq!(applies(&[object, "arn:aws:s3:::artifact"]), OverrideMatch::NoMatch);
        assert_eq!(applies(&[object, "arn:aws:s3:::other/b", "arn:aws:s3:::other"]), OverrideMatch::NoMatch);
    }

    #[test]
    fn an_unscoped_override_covers_any_resource() {
        let entry = Override { resource: None, ..entry() };
        assert_eq!(entry.match_call(CI, "s3", "PutObject", &[], Time(0)), OverrideMatch::Allowed);
        assert_eq!(
            entry.match_call(CI, "s3", "PutObject", &arns(&["arn:aws:s3:::any"]), Time(0)),
            OverrideMatch::Allowed
        );
    }

    #[test]
    fn operation_names_ignore_case_and_separators() {
        let entry = Override { resource: None, ..entry() };
        for operation in ["PutObject", "put_object", "put-object", "PUTOBJECT"] {
            assert_eq!(
                entry.match_call(CI, "S3", operation, &[], Time(0)),
                OverrideMatch::Allowed,
                "{operation}"
            );
        }
        assert_eq!(entry.match_call(CI, "s3", "GetObject", &[], Time(0)), OverrideMatch::NoMatch);
        assert_eq!(entry.match_call(CI, "s3control", "PutObject", &[], Time(0)), OverrideMatch::NoMatch);
        assert_eq!(
            entry.match_call("arn:aws:iam::1:role/CI", "s3", "PutObject", &[], Time(0)),
            OverrideMatch::NoMatch
        );
    }

    #[test]
    fn an_override_ends_at_its_expiry() {
        let entry = Override { resource: None, ..entry() };
        assert_eq!(entry.match_call(CI, "s3", "PutObject", &[], Time(999)), OverrideMatch::Allowed);
        assert_eq!(entry.match_call(CI, "s3", "PutObject", &[], Time(1_000)), OverrideMatch::Expired);
    }

    #[test]
    fn a_constructed_override_is_validated_like_one_from_a_file() {
        assert_eq!(entry().validate(), Ok(()));
        let message = Override { principal: "ci".into(), owner: " ".into(), ..entry() }
            .validate()
            .map_err(|e| e.to_string());
        assert!(message.is_err_and(|text| text.contains("principal: `ci`") && text.contains("owner: ")));
    }

    #[test]
    fn a_live_override_wins_over_an_expired_one() {
        let old = Override { id: "old".into(), resource: None, expires: Time(1), ..entry() };
        let live = Override { id: "live".into(), resource: None, ..entry() };
        let config = Config { overrides: vec![old, live], ..Config::default() };
        let found = |time| {
            config
                .override_for(CI, "s3", "PutObject", &[], time)
                .map(|(entry, applies)| (entry.id.as_str(), applies))
        };
        assert_eq!(found(Time(500)), Some(("live", OverrideMatch::Allowed)));
        assert_eq!(found(Time(5_000)), Some(("old", OverrideMatch::Expired)));
        assert!(config.override_for(CI, "ec2", "RunInstances", &[], Time(0)).is_none());
    }
}
