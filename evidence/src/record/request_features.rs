//! What the parameters of a request say about the IAM actions that it needs, and about what it does to logging.
//!
//! Enters: the names and values of `requestParameters`, and the event source. Leaves: [`RequestFeatures`]. Laws: only
//! what can change the IAM actions of a call or what is logged is kept, so of a read only whether it names a version; an empty parameter
//! says nothing; a parameter of another shape says nothing and is not an error.
//!
//! Which actions follow is in `shared/data/request_actions.tsv`. Names of parameters: S3 logs request headers and query
//! parameters under their own names and grants of an access control list under `accessControlList` (S3 API Reference;
//! records of CloudTrail), other services the parameters of their
//! API in camel case (CloudTrail User Guide, record contents). Read 2026-11.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::Record;

bitflags::bitflags! {
    /// What the parameters of a request say about the IAM actions that it needs, and about what it does to logging.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(try_from = "u32", into = "u32")]
    pub struct RequestFeatures: u32 {
        /// It names a version of an object.
        const VERSION = 1;
        /// It sets an access control list.
        const ACL = 1 << 1;
        /// The access control list is not `private`.
        const SHARED_ACL = 1 << 2;
        /// It sets tags.
        const TAGS = 1 << 3;
        /// It sets the retention of an object.
        const RETENTION = 1 << 4;
        /// It sets the legal hold of an object.
        const LEGAL_HOLD = 1 << 5;
        /// It bypasses the governance mode of a retention.
        const BYPASS_GOVERNANCE = 1 << 6;
        /// It copies a version that it names.
        const SOURCE_VERSION = 1 << 7;
        /// It enables Object Lock.
        const OBJECT_LOCK = 1 << 8;
        /// It sets the ownership of objects.
        const OBJECT_OWNERSHIP = 1 << 9;
        /// It passes a role to a service.
        const ROLE = 1 << 10;
        /// A trail is to log no events of global services.
        const NO_GLOBAL_EVENTS = 1 << 11;
        /// A trail is to log the events of one region.
        const ONE_REGION = 1 << 12;
        /// It is about the service CloudTrail.
        const OF_CLOUDTRAIL = 1 << 13;
        /// A trail or event data store is to have the events of all accounts of the organization.
        const OF_ORGANIZATION = 1 << 14;
        /// A trail or event data store is to have the events of its own account only.
        const OF_ONE_ACCOUNT = 1 << 15;
        /// A rule is to be disabled.
        const DISABLED = 1 << 16;
        /// An account policy delivers no events.
        const NO_SUBSCRIPTION = 1 << 17;
    }
}

/// What parameters of S3 do not say.
const NOT_OF_S3: RequestFeatures = RequestFeatures::ROLE.union(OF_LOGGING);

/// What a call may say about logging.
const OF_LOGGING: RequestFeatures = RequestFeatures::NO_GLOBAL_EVENTS
    .union(RequestFeatures::ONE_REGION)
    .union(RequestFeatures::OF_CLOUDTRAIL)
    .union(OF_TRAIL)
    .union(RequestFeatures::DISABLED)
    .union(RequestFeatures::NO_SUBSCRIPTION);

/// Whether a trail or event data store is of the organization.
const OF_TRAIL: RequestFeatures = RequestFeatures::OF_ORGANIZATION.union(RequestFeatures::OF_ONE_ACCOUNT);

/// Event sources without their domain, with what can change the IAM actions of their calls or what is logged.
const KEPT: [(&str, RequestFeatures); 20] = [
    ("s3", NOT_OF_S3.complement()),
    ("ec2", RequestFeatures::TAGS.union(RequestFeatures::ROLE)),
    ("lambda", RequestFeatures::TAGS.union(RequestFeatures::ROLE)),
    (
        "cloudtrail",
        RequestFeatures::TAGS
            .union(RequestFeatures::NO_GLOBAL_EVENTS)
            .union(RequestFeatures::ONE_REGION)
            .union(OF_TRAIL),
    ),
    ("events", RequestFeatures::DISABLED),
    ("organizations", RequestFeatures::OF_CLOUDTRAIL),
    ("dynamodb", RequestFeatures::TAGS),
    ("iam", RequestFeatures::TAGS),
    ("kms", RequestFeatures::TAGS),
    ("logs", RequestFeatures::TAGS.union(RequestFeatures::NO_SUBSCRIPTION)),
    ("rds", RequestFeatures::TAGS),
    ("secretsmanager", RequestFeatures::TAGS),
    ("sns", RequestFeatures::TAGS),
    ("sqs", RequestFeatures::TAGS),
    ("ssm", RequestFeatures::TAGS),
    ("cloudformation", RequestFeatures::ROLE),
    ("codebuild", RequestFeatures::ROLE),
    ("ecs", RequestFeatures::ROLE),
    ("glue", RequestFeatures::ROLE),
    ("states", RequestFeatures::ROLE),
];

impl RequestFeatures {
    /// What a parameter of this name can say.
    pub(crate) fn of_name(name: &[u8]) -> Self {
        match name {
            b"versionId" => Self::VERSION,
            b"x-amz-acl"
            | b"accessControlList"
            | b"x-amz-grant-full-control"
            | b"x-amz-grant-read"
            | b"x-amz-grant-read-acp"
            | b"x-amz-grant-write"
            | b"x-amz-grant-write-acp" => Self::ACL | Self::SHARED_ACL,
            b"x-amz-tagging" | b"tags" | b"tagsList" | b"tagSpecificationSet" | b"TagSpecification" => {
                Self::TAGS
            }
            b"x-amz-object-lock-mode" | b"x-amz-object-lock-retain-until-date" => Self::RETENTION,
            b"x-amz-object-lock-legal-hold" => Self::LEGAL_HOLD,
            b"x-amz-bypass-governance-retention" => Self::BYPASS_GOVERNANCE,
            b"x-amz-copy-source" => Self::SOURCE_VERSION,
            b"x-amz-bucket-object-lock-enabled" => Self::OBJECT_LOCK,
            b"x-amz-object-ownership" => Self::OBJECT_OWNERSHIP,
            b"role"
            | b"roleArn"
            | b"roleARN"
            | b"serviceRole"
            | b"taskRoleArn"
            | b"executionRoleArn"
            | b"iamInstanceProfile" => Self::ROLE,
            b"includeGlobalServiceEvents" => Self::NO_GLOBAL_EVENTS,
            b"isMultiRegionTrail" => Self::ONE_REGION,
            b"servicePrincipal" => Self::OF_CLOUDTRAIL,
            b"isOrganizationTrail" | b"organizationEnabled" => Self::OF_ORGANIZATION | Self::OF_ONE_ACCOUNT,
            b"state" => Self::DISABLED,
            b"policyType" => Self::NO_SUBSCRIPTION,
            _ => Self::empty(),
        }
    }

    /// What of it a parameter says with this value, as JSON text.
    pub(crate) fn with_value(self, value: &str) -> Self {
        let value = value.trim();
        if matches!(value, "null" | "\"\"" | "{}" | "[]") {
            return Self::empty();
        }
        let mut features = self;
        if value == "\"private\"" {
            features.remove(Self::SHARED_ACL);
        }
        if !value.contains("versionId=") {
            features.remove(Self::SOURCE_VERSION);
        }
        if !matches!(value, "false" | "\"false\"") {
            features.remove(Self::NO_GLOBAL_EVENTS | Self::ONE_REGION | Self::OF_ONE_ACCOUNT);
        }
        if !matches!(value, "true" | "\"true\"") {
            features.remove(Self::BYPASS_GOVERNANCE | Self::OBJECT_LOCK | Self::OF_ORGANIZATION);
        }
        if value != "\"DISABLED\"" {
            features.remove(Self::DISABLED);
        }
        if value == "\"SUBSCRIPTION_FILTER_POLICY\"" {
            features.remove(Self::NO_SUBSCRIPTION);
        }
        if value != "\"cloudtrail.amazonaws.com\"" {
            features.remove(Self::OF_CLOUDTRAIL);
        }
        features
    }

    /// What the parameters say, as JSON text, whatever the call is. One may be given twice, because the call is known
    /// without it. Parameters that are not an object say nothing.
    pub(super) fn of_parameters(parameters: &str) -> Self {
        struct Features(RequestFeatures);

        impl<'de> Deserialize<'de> for Features {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map(Parameters)
            }
        }

        struct Parameters;

        impl<'de> Visitor<'de> for Parameters {
            type Value = Features;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut features = RequestFeatures::empty();
                while let Some((name, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
                    features |= RequestFeatures::of_name(name.as_bytes()).with_value(value.get());
                }
                Ok(Features(features))
            }
        }

        serde_json::from_str::<Features>(parameters).map_or(Self::empty(), |features| features.0)
    }

    /// What the parameters of `record` say that can change the IAM actions of its call.
    pub(crate) fn of(record: &Record<'_>) -> Self {
        if record.request_features.is_empty() {
            return Self::empty();
        }
        let source = record.event_source.as_deref().unwrap_or_default();
        let service = source.strip_suffix(".cn").unwrap_or(source).strip_suffix(".amazonaws.com");
        let of_kind = if record.read_only == Some(true) { Self::VERSION } else { Self::all() };
        record.request_features & service.map(Self::kept_of).unwrap_or_default() & of_kind
    }

    /// What the parameters of a request say that is not sent yet. `service` is the event source without its domain, such as
    /// `s3`; a parameter has the name that a record would have in `requestParameters`, for S3 that of its header or query
    /// parameter, and its value as JSON.
    pub fn of_request<'a>(service: &str, parameters: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        let one = |(name, value): (&str, &Value)| {
            // Names of headers have no case; names of other parameters do.
            let lower = name.to_ascii_lowercase();
            let name = if lower.starts_with("x-amz-") { &lower } else { name };
            Self::of_name(name.as_bytes()).with_value(&value.to_string())
        };
        Self::kept_of(service) & parameters.into_iter().map(one).collect()
    }

    /// All that parameters of a request to a service can say, for parameters that cannot be read.
    pub fn any_of(service: &str) -> Self {
        Self::kept_of(service)
    }

    /// What can change the IAM actions of calls of a service, or what is logged.
    fn kept_of(service: &str) -> Self {
        KEPT.iter().find(|(name, _)| *name == service).map(|(_, kept)| *kept).unwrap_or_default()
    }

    /// The features with this name in lower case, such as `shared_acl`.
    pub fn named(name: &str) -> Option<Self> {
        Self::from_name(&name.to_ascii_uppercase())
    }
}

impl TryFrom<u32> for RequestFeatures {
    type Error = &'static str;

    fn try_from(bits: u32) -> Result<Self, Self::Error> {
        Self::from_bits(bits).ok_or("not request features of this version")
    }
}

impl From<RequestFeatures> for u32 {
    fn from(features: RequestFeatures) -> Self {
        features.bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(source: &str, read_only: Option<bool>, parameters: &[(&str, &str)]) -> RequestFeatures {
        let parameter =
            |(name, value): &(&str, &str)| RequestFeatures::of_name(name.as_bytes()).with_value(value);
        RequestFeatures::of(&Record {
            event_source: Some(source.into()),
            read_only,
            request_features: parameters.iter().map(parameter).collect(),
            ..Record::default()
        })
    }

    #[test]
    fn headers_of_s3_say_which_actions_a_request_needs() {
        for (name, value, expected) in [
            ("versionId", r#""v1""#, RequestFeatures::VERSION),
            ("versionId", r#""""#, RequestFeatures::empty()),
            ("versionId", "null", RequestFeatures::empty()),
            ("x-amz-acl", r#""private""#, RequestFeatures::ACL),
            ("x-amz-acl", r#""public-read""#, RequestFeatures::ACL | RequestFeatures::SHARED_ACL),
            ("x-amz-grant-read", r#""id=1""#, RequestFeatures::ACL | RequestFeatures::SHARED_ACL),
            ("x-amz-tagging", r#""a=b""#, RequestFeatures::TAGS),
            ("x-amz-object-lock-mode", r#""GOVERNANCE""#, RequestFeatures::RETENTION),
            ("x-amz-object-lock-legal-hold", r#""ON""#, RequestFeatures::LEGAL_HOLD),
            ("x-amz-bypass-governance-retention", r#""true""#, RequestFeatures::BYPASS_GOVERNANCE),
            ("x-amz-bypass-governance-retention", r#""false""#, RequestFeatures::empty()),
            ("x-amz-copy-source", r#""b/k?versionId=v1""#, RequestFeatures::SOURCE_VERSION),
            ("x-amz-copy-source", r#""b/k""#, RequestFeatures::empty()),
            ("x-amz-bucket-object-lock-enabled", "true", RequestFeatures::OBJECT_LOCK),
            ("x-amz-object-ownership", r#""ObjectWriter""#, RequestFeatures::OBJECT_OWNERSHIP),
            ("role", r#""arn""#, RequestFeatures::empty()),
            ("key", r#""versionId""#, RequestFeatures::empty()),
        ] {
            let found = features("s3.amazonaws.com", Some(false), &[(name, value)]);
            assert_eq!(found, expected, "{name} {value}");
        }
    }

    #[test]
    fn a_request_says_before_it_is_sent_what_its_record_would_say() {
        let acl = serde_json::json!("public-read");
        let said = |service| RequestFeatures::of_request(service, [("x-amz-acl", &acl), ("role", &acl)]);
        assert_eq!(said("s3"), RequestFeatures::ACL | RequestFeatures::SHARED_ACL);
        assert_eq!(said("lambda"), RequestFeatures::ROLE);
        assert_eq!(said("sts"), RequestFeatures::empty());
        let header = RequestFeatures::of_request("s3", [("X-Amz-Acl", &acl)]);
        assert_eq!(header, said("s3"), "headers have no case");
        assert!(RequestFeatures::any_of("s3").contains(header) && RequestFeatures::any_of("sts").is_empty());
    }

    #[test]
    fn only_what_can_change_the_actions_is_kept() {
        let version = [("versionId", r#""v1""#)];
        assert_eq!(features("s3.amazonaws.com.cn", Some(true), &version), RequestFeatures::VERSION);
        assert_eq!(features("iam.amazonaws.com", Some(true), &version), RequestFeatures::empty());
        assert_eq!(features("s3.example.com", Some(true), &version), RequestFeatures::empty());
        let tags = [("tagSpecificationSet", r#"{"items":[{}]}"#), ("iamInstanceProfile", r#"{"name":"p"}"#)];
        let both = RequestFeatures::TAGS | RequestFeatures::ROLE;
        assert_eq!(features("ec2.amazonaws.com", Some(false), &tags), both);
        assert_eq!(features("ec2.amazonaws.com", None, &tags), both);
        assert_eq!(features("ec2.amazonaws.com", Some(true), &tags), RequestFeatures::empty());
        assert_eq!(features("sts.amazonaws.com", None, &[("roleArn", r#""r""#)]), RequestFeatures::empty());
        assert_eq!(features("kms.amazonaws.com", None, &[("tags", "[]")]), RequestFeatures::empty());
    }

    #[test]
    fn parameters_of_trails_and_organizations_say_what_is_logged() {
        let (cloudtrail, organizations) = ("cloudtrail.amazonaws.com", "organizations.amazonaws.com");
        for (source, name, value, expected) in [
            (cloudtrail, "includeGlobalServiceEvents", "false", RequestFeatures::NO_GLOBAL_EVENTS),
            (cloudtrail, "includeGlobalServiceEvents", "true", RequestFeatures::empty()),
            (cloudtrail, "isMultiRegionTrail", "false", RequestFeatures::ONE_REGION),
            (cloudtrail, "isMultiRegionTrail", "true", RequestFeatures::empty()),
            (
                organizations,
                "servicePrincipal",
                r#""cloudtrail.amazonaws.com""#,
                RequestFeatures::OF_CLOUDTRAIL,
            ),
            (organizations, "servicePrincipal", r#""ram.amazonaws.com""#, RequestFeatures::empty()),
            (cloudtrail, "isOrganizationTrail", "true", RequestFeatures::OF_ORGANIZATION),
            (cloudtrail, "organizationEnabled", "false", RequestFeatures::OF_ONE_ACCOUNT),
            ("events.amazonaws.com", "state", r#""DISABLED""#, RequestFeatures::DISABLED),
            ("events.amazonaws.com", "state", r#""ENABLED""#, RequestFeatures::empty()),
            ("logs.amazonaws.com", "policyType", r#""FIELD_INDEX_POLICY""#, RequestFeatures::NO_SUBSCRIPTION),
            ("logs.amazonaws.com", "policyType", r#""SUBSCRIPTION_FILTER_POLICY""#, RequestFeatures::empty()),
            ("s3.amazonaws.com", "isMultiRegionTrail", "false", RequestFeatures::empty()),
        ] {
            assert_eq!(features(source, Some(false), &[(name, value)]), expected, "{source} {name} {value}");
        }
    }

    #[test]
    fn bits_of_another_version_are_rejected() {
        let all = serde_json::to_string(&RequestFeatures::all()).unwrap();
        assert_eq!(serde_json::from_str::<RequestFeatures>(&all).unwrap(), RequestFeatures::all());
        assert!(serde_json::from_str::<RequestFeatures>("4294967295").is_err());
        assert_eq!(RequestFeatures::named("shared_acl"), Some(RequestFeatures::SHARED_ACL));
        assert_eq!(RequestFeatures::named("other"), None);
    }
}
