//! Where a finding is: what exports to other programs say of its account, its region and its resources.
//!
//! Enters: a [`Report`] and one of its findings. Leaves: a [`FindingScope`], resources with types, and the key of a control.
//! Laws: nothing is guessed: an account or a region that neither the sample calls, the principal nor the subject name is absent; the
//! key of a control is the same in every report on the same standard.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::format::serialized_name;
use crate::{
    controls::ControlResult,
    finding::{Finding, phrases::name_of},
    hex::hex,
    report::{AuditEntry, Report, ReportResult},
};

/// The sample calls of a report by event id, and the account that stands for findings without one.
pub(super) struct ExportScope<'r> {
    entries: BTreeMap<&'r str, &'r AuditEntry>,
    home: Option<&'r str>,
    partition: &'static str,
}

/// Account and region of a finding, and the sample calls that the report lists of it.
#[derive(Default)]
pub(super) struct FindingScope<'r> {
    /// Twelve-digit account id.
    pub account: Option<&'r str>,
    /// Region of the hours that are missing, or of the earliest sample call.
    pub region: Option<&'r str>,
    /// Sample calls, in the order of the finding.
    pub entries: Vec<&'r AuditEntry>,
}

/// A resource that an export names.
pub(super) struct ExportResource {
    /// ARN, or what the record has in its place.
    pub id: String,
    /// The last part of the ARN.
    pub name: String,
    /// Type in the words of AWS Security Hub: `AwsIamRole`; `Other` for what has no type there.
    pub kind: &'static str,
    /// Twelve-digit account id, when the ARN has one.
    pub account: Option<String>,
    /// Partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
}

impl<'r> ExportScope<'r> {
    /// The scope of a report. The account for findings without one is that of the caller, else the first expected account.
    pub(super) fn of(report: &'r Report) -> Self {
        let result = &report.result;
        let places = || result.coverage.account_regions.iter().filter(|place| is_account(&place.account));
        let caller = report.run.caller.as_ref().map(|caller| &*caller.account);
        let first = || places().find(|place| place.is_expected()).or_else(|| places().next());
        Self {
            entries: result.audit_entries.iter().map(|entry| (&*entry.event_id, entry)).collect(),
            home: caller.filter(|id| is_account(id)).or_else(|| first().map(|place| &*place.account)),
            partition: first().map_or("aws", |place| partition_of_region(&place.region)),
        }
    }

    /// The account for what belongs to no account; absent without evidence.
    pub(super) const fn home(&self) -> Option<&'r str> {
        self.home
    }

    /// The partition that the evidence is from.
    pub(super) const fn partition(&self) -> &'static str {
        self.partition
    }

    /// Where a finding is.
    pub(super) fn find(&self, finding: &'r Finding) -> FindingScope<'r> {
        let entries: Vec<&AuditEntry> =
            finding.sample_event_ids.iter().filter_map(|id| self.entries.get(&**id).copied()).collect();
        let (place, region) = match finding.subject.split_once(' ') {
            Some((account, region)) if is_account(account) && is_region(region) => {
                (Some(account), Some(region))
            }
            _ => (None, None),
        };
        let owner = finding.principal.as_deref().and_then(arn_account);
        let called = entries.first().copied();
        FindingScope {
            account: owner.or(place).or(called.map(|entry| &*entry.account)).filter(|id| is_account(id)),
            region: region.or(called.map(|entry| &*entry.region)).filter(|region| is_region(region)),
            entries,
        }
    }
}

impl ExportResource {
    /// A resource or a principal by its ARN.
    pub(super) fn of(arn: &str) -> Self {
        Self {
            id: arn.to_owned(),
            name: name_of(arn),
            kind: resource_type(arn),
            account: arn_account(arn).map(str::to_owned),
            partition: partition(arn).to_owned(),
        }
    }

    /// An account, by the identifier that Security Hub gives it.
    pub(super) fn account(account: &str, partition: &str) -> Self {
        Self {
            id: format!("AWS::::Account:{account}"),
            name: account.to_owned(),
            kind: "AwsAccount",
            account: Some(account.to_owned()),
            partition: partition.to_owned(),
        }
    }
}

/// The key of a control in exports: 32 hex digits of a SHA-256 over standard and id.
pub(super) fn control_key(result: &ReportResult, control: &ControlResult) -> String {
    let mut hash = Sha256::new();
    for part in [serialized_name(&result.standard), result.standard_title.clone(), control.id.clone()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(hash.finalize().get(..16).unwrap_or_default())
}

/// Whether a text is a twelve-digit account id.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

/// Whether a text has the shape of a region: `eu-central-1`, at most 16 characters as Security Hub takes them.
fn is_region(text: &str) -> bool {
    let of_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (6..=16).contains(&text.len()) && text.chars().all(of_region) && text.matches('-').count() >= 2
}

fn arn_account(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3).filter(|account| is_account(account))
}

/// Partition of an ARN; `aws` of another text.
pub(super) fn partition(arn: &str) -> &str {
    let named = arn.strip_prefix("arn:").and_then(|rest| rest.split(':').next());
    named.filter(|name| matches!(*name, "aws-cn" | "aws-us-gov")).unwrap_or("aws")
}

/// Partition of a region.
pub(super) fn partition_of_region(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Types of Security Hub that the ARN alone shows.
fn resource_type(arn: &str) -> &'static str {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    match service {
        _ if arn.contains('*') => "Other",
        "iam" if resource == "root" => "AwsAccount",
        "iam" if resource.starts_with("role/") => "AwsIamRole",
        "iam" if resource.starts_with("user/") => "AwsIamUser",
        "iam" if resource.starts_with("policy/") => "AwsIamPolicy",
        "s3" if resource.contains('/') => "AwsS3Object",
        "s3" => "AwsS3Bucket",
        "dynamodb" if resource.starts_with("table/") => "AwsDynamoDbTable",
        "kms" if resource.starts_with("key/") => "AwsKmsKey",
        "lambda" if resource.starts_with("function:") => "AwsLambdaFunction",
        "secretsmanager" => "AwsSecretsManagerSecret",
        "sns" => "AwsSnsTopic",
        "sqs" => "AwsSqsQueue",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn account_and_region_are_those_of_the_calls_the_principal_or_the_missing_hours() {
        let report = sample::non_compliant();
        let scope = ExportScope::of(&report);
        let found = |rule: &str| {
            let finding = report.result.findings.iter().find(|one| one.id == rule).unwrap();
            let FindingScope { account, region, .. } = scope.find(finding);
            (account, region)
        };
        assert_eq!(found("write-succeeded"), (Some("777788889999"), Some("us-east-1")));
        assert_eq!(found("missing-hours"), (Some("444455556666"), Some("eu-west-1")));
        // A pattern names no account.
        assert_eq!(found("principal-not-seen").0, Some("777788889999"));
        assert_eq!(scope.home(), Some("111122223333"));
        assert_eq!(ExportScope::of(&sample::empty()).home(), None);
    }

    #[test]
    fn the_partition_is_that_of_the_evidence() {
        let mut report = sample::non_compliant();
        assert_eq!(ExportScope::of(&report).partition(), "aws");
        for place in &mut report.result.coverage.account_regions {
            place.region = "us-gov-east-1".into();
        }
        assert_eq!(ExportScope::of(&report).partition(), "aws-us-gov");
    }

    #[test]
    fn hostile_text_is_neither_an_account_nor_a_region() {
        for text in ["12345678901", "١٢٣٤٥٦٧٨٩٠١٢", "us-east-1\n", "", "arn:aws:iam::x:role/a"] {
            assert!(!is_account(text) && !is_region(text), "{text}");
            assert_eq!(arn_account(text), None);
        }
        assert_eq!(partition("arn:evil\n:iam::1:role/a"), "aws");
    }

    #[test]
    fn resources_have_the_type_that_their_arn_shows() {
        for (arn, kind) in [
            ("arn:aws:iam::111122223333:role/a/b", "AwsIamRole"),
            ("arn:aws:iam::111122223333:user/b", "AwsIamUser"),
            ("arn:aws:s3:::bucket", "AwsS3Bucket"),
            ("arn:aws:s3:::bucket/key", "AwsS3Object"),
            ("arn:aws:iam::*:role/a*", "Other"),
            ("arn:aws:lambda:eu-west-1:111122223333:function:f", "AwsLambdaFunction"),
            ("service:cloudtrail", "Other"),
            ("", "Other"),
        ] {
            assert_eq!(ExportResource::of(arn).kind, kind, "{arn}");
        }
    }
}
