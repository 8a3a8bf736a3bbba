//! Whether a call was allowed beforehand.
//!
//! Enters: an [`Override`] and what a call did, when. Leaves: [`Applies`]. Laws: an override that is scoped to
//! resources never allows a call whose resources are not known; it is judged at the time of the call, so evidence
//! read again later gives the same answer.

use std::sync::Arc;

use super::{
    Config, ConfigError, Override,
    reader::Reader,
    schema::{Kind, Shape},
    tree::Node,
};
use crate::{
    pattern::{covers, matches},
    time::Time,
};

/// Whether an override decides about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applies {
    /// It is about something else.
    No,
    /// It would, had it not ended before the call.
    Expired,
    /// It allows the call.
    Yes,
}

impl Override {
    /// Judges a call by `principal` at `time`. `service` is the IAM prefix, such as `s3`; `operation` may be in any
    /// case and with `_` or `-` between its words. Every one of `resources` must match a scoped override; with none
    /// it does not apply.
    pub fn applies(
        &self,
        principal: &str,
        service: &str,
        operation: &str,
        resources: &[Arc<str>],
        time: Time,
    ) -> Applies {
        let in_scope = match &self.resource {
            None => true,
            Some(pattern) => {
                let holds = |bucket: &str, object: &str| {
                    object.strip_prefix(bucket).is_some_and(|key| key.starts_with('/'))
                };
                // A record of an object names its bucket too, which is but where the object lies.
                let is_place = |one: &Arc<str>| {
                    one.contains(":s3:::") && resources.iter().any(|object| holds(one, object))
                };
                let mut named = resources.iter().filter(|one| !is_place(one)).peekable();
                named.peek().is_some() && named.all(|resource| matches(pattern, resource))
            }
        };
        let is_meant =
            in_scope && matches(&self.principal, principal) && self.names_operation(service, operation);
        match is_meant {
            false => Applies::No,
            true if time < self.expires => Applies::Yes,
            true => Applies::Expired,
        }
    }

    /// Whether it is about a principal and every operation that a name or pattern stands for, and has not ended; on which
    /// resources is not asked.
    pub fn is_about(&self, principal: &str, service: &str, operation: &str, time: Time) -> bool {
        let Some((wanted, pattern)) = self.operation.split_once(':') else { return false };
        time < self.expires
            && matches(&self.principal, principal)
            && wanted.eq_ignore_ascii_case(service)
            && covers(&letters(pattern), &letters(operation))
    }

    /// Checks an override that was made by a program; the places of its problems are its keys.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut reader = Reader::default();
        let written = serde_json::to_value(self).unwrap_or_default();
        if let Some(node) = Node::from_json(&written, "")
            && let Some(Kind::List(shape)) = Shape::root().key("override").map(Shape::kind)
        {
            reader.read(&node, shape, "");
        }
        ConfigError::unless_empty(reader.problems)
    }

    fn names_operation(&self, service: &str, operation: &str) -> bool {
        let Some((wanted, pattern)) = self.operation.split_once(':') else { return false };
        wanted.eq_ignore_ascii_case(service) && matches(&letters(pattern), &letters(operation))
    }
}

impl Config {
    /// The override that decides about a call: the first that allows it, else the first that expired before it.
    pub fn override_for(
        &self,
        principal: &str,
        service: &str,
        operation: &str,
        resources: &[Arc<str>],
        time: Time,
    ) -> Option<(&Override, Applies)> {
        let mut expired = None;
        for entry in &self.overrides {
            match entry.applies(principal, service, operation, resources, time) {
                Applies::Yes => return Some((entry, Applies::Yes)),
                Applies::Expired => expired = expired.or(Some((entry, Applies::Expired))),
                Applies::No => {}
            }
        }
        expired
    }
}

/// `PutObject`, `put_object` and `put-object` as one word.
fn letters(operation: &str) -> String {
    operation.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CI: &str = "arn:aws:iam::111122223333:role/ci";

    fn entry() -> Override {
        Override {
            id: "artefacts".into(),
            principal: "arn:aws:iam::*:role/ci".into(),
            operation: "s3:Put*".into(),
            resource: Some("arn:aws:s3:::artefacts/*".into()),
            owner: "build team".into(),
            reason: "uploads what it built".into(),
            expires: Time(1_000),
        }
    }

    fn arns(texts: &[&str]) -> Vec<Arc<str>> {
        texts.iter().map(|text| Arc::from(*text)).collect()
    }

    #[test]
    fn every_resource_must_match_and_there_must_be_one() {
        let (inside, outside) = ("arn:aws:s3:::artefacts/a", "arn:aws:s3:::other/a");
        let judge = |resources: &[&str]| entry().applies(CI, "s3", "PutObject", &arns(resources), Time(0));
        assert_eq!(judge(&[inside]), Applies::Yes);
        assert_eq!(judge(&[inside, outside]), Applies::No);
        assert_eq!(judge(&[]), Applies::No);
    }

    #[test]
    fn the_bucket_an_object_lies_in_need_not_match() {
        let (object, bucket) = ("arn:aws:s3:::artefacts/a", "arn:aws:s3:::artefacts");
        let judge = |resources: &[&str]| entry().applies(CI, "s3", "PutObject", &arns(resources), Time(0));
        assert_eq!(judge(&[object, bucket]), Applies::Yes);
        assert_eq!(judge(&[bucket]), Applies::No);
        assert_eq!(judge(&[object, "arn:aws:s3:::artefact"]), Applies::No);
        assert_eq!(judge(&[object, "arn:aws:s3:::other/b", "arn:aws:s3:::other"]), Applies::No);
    }

    #[test]
    fn without_a_resource_any_call_is_meant() {
        let entry = Override { resource: None, ..entry() };
        assert_eq!(entry.applies(CI, "s3", "PutObject", &[], Time(0)), Applies::Yes);
        assert_eq!(entry.applies(CI, "s3", "PutObject", &arns(&["arn:aws:s3:::any"]), Time(0)), Applies::Yes);
    }

    #[test]
    fn operations_are_compared_by_their_letters() {
        let entry = Override { resource: None, ..entry() };
        for operation in ["PutObject", "put_object", "put-object", "PUTOBJECT"] {
            assert_eq!(entry.applies(CI, "S3", operation, &[], Time(0)), Applies::Yes, "{operation}");
        }
        assert_eq!(entry.applies(CI, "s3", "GetObject", &[], Time(0)), Applies::No);
        assert_eq!(entry.applies(CI, "s3control", "PutObject", &[], Time(0)), Applies::No);
        assert_eq!(entry.applies("arn:aws:iam::1:role/CI", "s3", "PutObject", &[], Time(0)), Applies::No);
    }

    #[test]
    fn the_last_moment_is_the_one_before_it_expires() {
        let entry = Override { resource: None, ..entry() };
        assert_eq!(entry.applies(CI, "s3", "PutObject", &[], Time(999)), Applies::Yes);
        assert_eq!(entry.applies(CI, "s3", "PutObject", &[], Time(1_000)), Applies::Expired);
    }

    #[test]
    fn an_override_made_by_a_program_is_checked_like_one_of_a_file() {
        assert_eq!(entry().check(), Ok(()));
        let said = Override { principal: "ci".into(), owner: " ".into(), ..entry() }
            .check()
            .map_err(|e| e.to_string());
        assert!(said.is_err_and(|text| text.contains("principal: `ci`") && text.contains("owner: ")));
    }

    #[test]
    fn a_live_override_goes_before_an_expired_one() {
        let old = Override { id: "old".into(), resource: None, expires: Time(1), ..entry() };
        let live = Override { id: "live".into(), resource: None, ..entry() };
        let config = Config { overrides: vec![old, live], ..Config::default() };
        let found = |time| {
            config
                .override_for(CI, "s3", "PutObject", &[], time)
                .map(|(entry, applies)| (entry.id.as_str(), applies))
        };
        assert_eq!(found(Time(500)), Some(("live", Applies::Yes)));
        assert_eq!(found(Time(5_000)), Some(("old", Applies::Expired)));
        assert!(config.override_for(CI, "ec2", "RunInstances", &[], Time(0)).is_none());
    }
}
