//! Which letters the names in the ARN of a resource can have.
//!
//! Enters: the ARN patterns of all resource types. Leaves: for each wildcard of a pattern the [`PatternPart`] that it stands
//! for. Laws: a name in the possible pattern lacks a letter only if AWS documents that such names do not have it; the
//! certain pattern also leaves out what another resource type of the service describes more closely.
//!
//! Source: Service Authorization Reference, resource types of Amazon S3, S3 Express, DynamoDB and EC2; S3 User Guide, "General
//! purpose bucket naming rules" and "Access points restrictions and limitations"; DynamoDB Developer Guide, "Supported data types and
//! naming rules"; EC2 API Reference, `CreateKeyPair` and `CreatePlacementGroup`. All read 2026-11.

use std::collections::HashSet;

use crate::pattern::{CompiledPattern, PatternPart};

/// ARN patterns up to a wildcard that stands for any text, in services of which all other names have neither a colon nor a
/// slash. A key of an object and a name of an EC2 key pair or placement group can have every letter; the label of a DynamoDB
/// stream is a time with colons.
const FREE_NAMES: [(&str, &[&str]); 5] = [
    ("dynamodb", &["table/*/stream/", "table/*/backup/", "table/*/export/", "table/*/import/"]),
    ("ec2", &["key-pair/", "placement-group/"]),
    ("s3", &["*/", "accesspoint/*/object/"]),
    ("s3-object-lambda", &[]),
    ("s3express", &[]),
];

/// The names in the ARNs of all resource types.
#[derive(Clone, Debug, Default)]
pub(super) struct ResourceNames {
    /// For each pattern, whether the pattern of another type is the same and goes on with a slash.
    is_outer: Vec<bool>,
}

impl ResourceNames {
    /// The names in these ARN patterns.
    pub fn of(patterns: &[String]) -> Self {
        let outer: HashSet<&str> = patterns
            .iter()
            .flat_map(|pattern| pattern.match_indices("*/").filter_map(|(at, _)| pattern.get(..=at)))
            .collect();
        Self { is_outer: patterns.iter().map(|pattern| outer.contains(&**pattern)).collect() }
    }

    /// Texts that may be the ARN of a resource of a type (`may`), or that certainly are, in a partition.
    pub fn compile(&self, (at, pattern): (usize, &str), partition: &str, may: bool) -> CompiledPattern {
        let free = pattern.split(':').nth(2).and_then(free_names);
        let is_outer = !may && self.is_outer.get(at) == Some(&true);
        let text = match pattern.strip_prefix("arn:*:") {
            Some(rest) => &*format!("arn:{partition}:{rest}"),
            None => pattern,
        };
        CompiledPattern::of_arn(text, |before| {
            let resource = before.splitn(6, ':').nth(5).unwrap_or_default();
            match free {
                Some(free) if !free.contains(&resource) => PatternPart::AnyName,
                _ if is_outer && before.len() + 1 == text.len() => PatternPart::AnySegment,
                _ => PatternPart::AnyRun,
            }
        })
    }
}

/// The wildcards of a service that stand for any text; none if names of the service are not known.
fn free_names(service: &str) -> Option<&'static [&'static str]> {
    FREE_NAMES.iter().find(|(own, _)| *own == service).map(|(_, free)| *free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_only_the_letters_that_are_documented() {
        let patterns = [
            "arn:*:s3:::*",
            "arn:*:s3:::*/*",
            "arn:*:s3:*:*:accesspoint/*",
            "arn:*:dynamodb:*:*:table/*",
            "arn:*:dynamodb:*:*:table/*/stream/*",
            "arn:*:ec2:*:*:instance/*",
            "arn:*:ec2:*:*:key-pair/*",
            "arn:*:kendra:*:*:index/*",
            "arn:*:kendra:*:*:index/*/faq/*",
            "arn:*:iam:*:*:role/*",
        ]
        .map(str::to_owned);
        let names = ResourceNames::of(&patterns);
        let matches = |pattern: &str, arn: &str| {
            let at = patterns.iter().position(|known| known == pattern).unwrap();
            [true, false]
                .map(|may| names.compile((at, pattern), "aws", may).matches(&format!("arn:aws:{arn}")))
        };
        for (pattern, arn, expected) in [
            ("arn:*:s3:::*", "s3:::b", [true, true]),
            ("arn:*:s3:::*", "s3:::b/k", [false, false]),
            ("arn:*:s3:::*/*", "s3:::b/k/l:m", [true, true]),
            ("arn:*:s3:*:*:accesspoint/*", "s3:r:1:accesspoint/p/object/o", [false, false]),
            ("arn:*:dynamodb:*:*:table/*", "dynamodb:r:1:table/t/index/i", [false, false]),
            ("arn:*:dynamodb:*:*:table/*/stream/*", "dynamodb:r:1:table/t/stream/21:33", [true, true]),
            ("arn:*:ec2:*:*:instance/*", "ec2:r:1:instance/i:1:volume/v", [false, false]),
            ("arn:*:ec2:*:*:key-pair/*", "ec2:r:1:key-pair/i:1:volume/v", [true, true]),
            ("arn:*:kendra:*:*:index/*", "kendra:r:1:index/i", [true, true]),
            ("arn:*:kendra:*:*:index/*", "kendra:r:1:index/i/faq/f", [true, false]),
            ("arn:*:iam:*:*:role/*", "iam::1:role/a/b:c", [true, true]),
        ] {
            assert_eq!(matches(pattern, arn), expected, "{pattern} {arn}");
        }
    }
}
