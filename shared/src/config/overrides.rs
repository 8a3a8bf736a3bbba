//! Decides whether an override allows a call.
//!
//! Enters: an [`Override`] and a call with its time. Leaves: [`OverrideMatch`], and why an override is wide. Laws: an
//! override that is scoped to resources never allows a call without known resources; an override is evaluated at the
//! time of the call, so the same evidence gives the same result later.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Config, ConfigError, Override, names_by_name,
    reader::ConfigReader,
    schema::{SchemaNode, ValueKind},
    tree::ConfigNode,
};
use crate::{
    catalog::{Catalog, CatalogEntry},
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
    /// The override applies, but begins after the call.
    NotBegun,
    /// The override allows the call.
    Allowed,
}

const DAY_SECONDS: u32 = 86_400;

/// Longest time that an override may last without being wide: a leap year.
const MAX_LENGTH_SECONDS: u32 = 366 * DAY_SECONDS;

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
        let is_meant =
            self.may_apply(principal, service, resources) && self.matches_operation(service, operation);
        match is_meant {
            false => OverrideMatch::NoMatch,
            true if time >= self.expires => OverrideMatch::Expired,
            true if self.has_begun(time) => OverrideMatch::Allowed,
            true => OverrideMatch::NotBegun,
        }
    }

    /// Whether the override applies to some call of this principal, service and resources, at some time.
    pub(crate) fn may_apply(&self, principal: &str, service: &str, resources: &[Arc<str>]) -> bool {
        self.is_of_service(service) && self.covers_resources(resources) && self.names_principal(principal)
    }

    /// Whether the override is about operations of a service, named by its IAM prefix.
    pub fn is_of_service(&self, service: &str) -> bool {
        self.operation.split_once(':').is_some_and(|(wanted, _)| wanted.eq_ignore_ascii_case(service))
    }

    fn covers_resources(&self, resources: &[Arc<str>]) -> bool {
        match &self.resource {
            None => true,
            Some(pattern) => {
                let holds = |bucket: &str, object: &str| {
                    object.strip_prefix(bucket).is_some_and(|key| key.starts_with('/'))
                };
                // The record of an S3 object also names its bucket, which need not match. The ARN of a bucket has no `/`; an
                // object may have a name that begins like that of another.
                let is_bucket = |one: &Arc<str>| {
                    one.split_once(":s3:::").is_some_and(|(_, name)| !name.contains('/'))
                        && resources.iter().any(|object| holds(one, object))
                };
                let mut named = resources.iter().filter(|one| !is_bucket(one)).peekable();
                named.peek().is_some() && named.all(|resource| matches(pattern, resource))
            }
        }
    }

    /// Whether the override is about a principal: its pattern matches the ARN, or names the role or user without its path.
    fn names_principal(&self, principal: &str) -> bool {
        matches(&self.principal, principal) || names_by_name(&self.principal, principal)
    }

    /// Whether the override has begun at a time. One without a start holds from the beginning.
    pub fn has_begun(&self, time: Time) -> bool {
        self.from.is_none_or(|from| from <= time)
    }

    /// Whether the override covers a principal and every operation that a name or pattern matches, has begun and has
    /// not expired. Resources are not compared.
    pub fn covers_operations(&self, principal: &str, service: &str, operation: &str, time: Time) -> bool {
        let Some((wanted, pattern)) = self.operation.split_once(':') else { return false };
        time < self.expires
            && self.has_begun(time)
            && self.names_principal(principal)
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

    /// Why the override allows more than an exception should, one reason each; empty if it does not. `or_from` counts
    /// as the start of an override without one; without both its length is not known.
    pub fn wide_reasons(&self, or_from: Option<Time>) -> Vec<String> {
        let has_wildcard = |pattern: &str| pattern.contains(['*', '?']);
        let length = self.from.or(or_from).map(|from| self.expires.since(from));
        let reasons = [
            has_wildcard(&self.operation)
                .then(|| format!("its operation `{}` has a wildcard", self.operation)),
            has_wildcard(&self.principal)
                .then(|| format!("its principal `{}` has a wildcard", self.principal)),
            length
                .filter(|length| *length > MAX_LENGTH_SECONDS)
                .map(|length| format!("it lasts longer than a year ({} days)", length / DAY_SECONDS)),
        ];
        reasons.into_iter().flatten().collect()
    }

    /// What a reader should check about the override, one sentence each: why it is wide, and whether the catalog knows
    /// its operation. `now` counts as the start of an override without one.
    pub fn warnings(&self, catalog: &Catalog, now: Time) -> Vec<String> {
        let wide = self.wide_reasons(Some(now)).into_iter();
        let wide = wide.map(|reason| format!("the override `{}` is wide: {reason}", self.id));
        wide.chain(self.unknown_operation(catalog)).collect()
    }

    /// That the catalog knows no operation that the override names, with similar ones. A call of such an operation is
    /// compared under the service and name that the catalog gives it.
    fn unknown_operation(&self, catalog: &Catalog) -> Option<String> {
        let (service, operation) = self.operation.split_once(':')?;
        let is_here = |entry: &CatalogEntry| entry.service.eq_ignore_ascii_case(service);
        if operation.contains(['*', '?']) {
            let found = catalog.search(&format!("{service}:{}", normalized_name(operation)));
            let other: BTreeSet<String> = found.iter().map(|entry| entry.service.clone()).collect();
            let meant = other.into_iter().map(|other| format!("{other}:{operation}")).collect();
            let message = || {
                format!(
                    "the override `{}`: `{}` matches no operation of the catalog",
                    self.id, self.operation
                )
            };
            return (!found.iter().any(is_here)).then(|| message() + &did_you_mean(meant));
        }
        let found = catalog.lookup(service, operation);
        if found.as_ref().is_some_and(is_here) {
            return None;
        }
        let meant = found.map_or_else(|| catalog.suggest(service, operation), |entry| vec![entry.key()]);
        let message = format!("the override `{}`: `{}` is not in the catalog", self.id, self.operation);
        Some(message + &did_you_mean(meant))
    }

    fn matches_operation(&self, service: &str, operation: &str) -> bool {
        let Some((wanted, pattern)) = self.operation.split_once(':') else { return false };
        wanted.eq_ignore_ascii_case(service)
            && matches(&normalized_name(pattern), &normalized_name(operation))
    }
}

impl Config {
    /// The override that applies to a call: the first that allows it, otherwise the first that expired before it,
    /// otherwise the first that begins after it.
    pub fn override_for(
        &self,
        principal: &str,
        service: &str,
        operation: &str,
        resources: &[Arc<str>],
        time: Time,
    ) -> Option<(&Override, OverrideMatch)> {
        let (mut expired, mut later) = (None, None);
        for entry in &self.overrides {
            match entry.match_call(principal, service, operation, resources, time) {
                OverrideMatch::Allowed => return Some((entry, OverrideMatch::Allowed)),
                OverrideMatch::Expired => expired = expired.or(Some((entry, OverrideMatch::Expired))),
                OverrideMatch::NotBegun => later = later.or(Some((entry, OverrideMatch::NotBegun))),
                OverrideMatch::NoMatch => {}
            }
        }
        expired.or(later)
    }
}

/// `; did you mean ...?`, if there are suggestions.
fn did_you_mean(suggestions: Vec<String>) -> String {
    let quoted: Vec<String> = suggestions.iter().map(|key| format!("`{key}`")).collect();
    if quoted.is_empty() { String::new() } else { format!("; did you mean {}?", quoted.join(", ")) }
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
            from: None,
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
    fn an_override_names_a_role_without_its_path() {
        let allows = |pattern: &str, principal: &str| {
            let named = Override { principal: pattern.to_owned(), ..entry() };
            named.names_principal(principal)
        };
        let with_path = "arn:aws:iam::111122223333:role/team/Deployer";
        assert!(allows("arn:aws:iam::111122223333:role/Deployer", with_path));
        for pattern in [
            "arn:aws:iam::*:role/Deployer",
            "arn:aws:iam::111122223333:role/Deploy*",
            "arn:aws:iam::111122223333:role/ops/Deployer",
            "arn:aws:iam::111122223333:user/Deployer",
            "arn:aws:iam::444455556666:role/Deployer",
        ] {
            assert!(!allows(pattern, with_path), "{pattern}");
        }
    }

    #[test]
    fn an_override_ends_at_its_expiry() {
        let entry = Override { resource: None, ..entry() };
        assert_eq!(entry.match_call(CI, "s3", "PutObject", &[], Time(999)), OverrideMatch::Allowed);
        assert_eq!(entry.match_call(CI, "s3", "PutObject", &[], Time(1_000)), OverrideMatch::Expired);
    }

    #[test]
    fn an_override_allows_no_call_before_its_start() {
        let entry = Override { resource: None, from: Some(Time(500)), ..entry() };
        let at = |time| entry.match_call(CI, "s3", "PutObject", &[], Time(time));
        assert_eq!(
            [499, 500, 1_000].map(at),
            [OverrideMatch::NotBegun, OverrideMatch::Allowed, OverrideMatch::Expired]
        );
        assert!(!entry.covers_operations(CI, "s3", "PutObject", Time(499)));
        assert!(entry.covers_operations(CI, "s3", "PutObject", Time(500)));
    }

    #[test]
    fn an_override_with_wildcards_or_longer_than_a_year_is_wide() {
        let narrow = Override { principal: CI.into(), operation: "s3:PutObject".into(), ..entry() };
        let year = Override { expires: Time(MAX_LENGTH_SECONDS), ..narrow.clone() };
        assert_eq!(year.wide_reasons(None), [""; 0]);
        assert_eq!(year.wide_reasons(Some(Time(0))), [""; 0]);
        let longer = Override { expires: Time(MAX_LENGTH_SECONDS + 1), ..narrow.clone() };
        assert_eq!(longer.wide_reasons(Some(Time(0))), ["it lasts longer than a year (366 days)"]);
        let later = Override { from: Some(Time(1)), ..longer };
        assert_eq!(later.wide_reasons(Some(Time(0))), [""; 0], "its own start counts");
        assert_eq!(
            entry().wide_reasons(None),
            [
                "its operation `s3:Put*` has a wildcard",
                "its principal `arn:aws:iam::*:role/ci` has a wildcard"
            ]
        );
    }

    #[test]
    fn an_operation_that_the_catalog_does_not_know_gets_suggestions() {
        let warnings = |operation: &str| {
            let entry = Override { principal: CI.into(), operation: operation.into(), ..entry() };
            entry
                .warnings(Catalog::embedded(), Time(0))
                .into_iter()
                .filter(|text| !text.contains("wide"))
                .collect()
        };
        let known: [Vec<String>; 4] =
            ["s3:PutObject", "s3:put_object", "s3:Put*", "ec2:run-instances"].map(warnings);
        assert_eq!(known, [const { Vec::<String>::new() }; 4]);
        for (operation, meant) in [
            ("s3:PutObjct", "`s3:PutObjct` is not in the catalog; did you mean `s3:PutObject`"),
            ("monitoring:PutMetricAlarm", "did you mean `cloudwatch:PutMetricAlarm`?"),
            ("monitoring:PutMetric*", "did you mean `cloudwatch:PutMetric*`?"),
            ("nothing-like-it:Frobnicate", "`nothing-like-it:Frobnicate` is not in the catalog"),
            ("s3:Frobnicate*", "`s3:Frobnicate*` matches no operation of the catalog"),
        ] {
            let found: Vec<String> = warnings(operation);
            assert!(matches!(&*found, [one] if one.contains(meant)), "{operation}: {found:?}");
        }
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
