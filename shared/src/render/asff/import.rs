//! One finding as `BatchImportFindings` takes it.
//!
//! Enters: what a finding says. Leaves: JSON of `AwsSecurityFinding`. Laws: lengths as in the documentation of the type, model
//! 2018-10-26 of Security Hub in botocore 1.44.8; each required field is there and not blank; hidden characters are visible.

use serde_json::{Map, Value, json};

use crate::{
    finding::Severity,
    render::{
        escape::visible_text,
        export_scope::{ExportResource, partition_of_region},
        json_value::pruned,
    },
    report::Report,
    time::Time,
};

const MAX_ID: usize = 512;
const MAX_TITLE: usize = 256;
const MAX_DESCRIPTION: usize = 1_024;
const MAX_RECOMMENDATION: usize = 512;
const MAX_FIELD_VALUE: usize = 2_048;
const MAX_RESOURCES: usize = 32;
const MAX_REQUIREMENTS: usize = 32;
/// Characters of a requirement, reason or resource id; the format names no limit of these.
const MAX_NAME: usize = 512;

/// Account and region of Security Hub that a finding is imported into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecurityHubTarget {
    /// Twelve-digit account id, which is that of the credentials of the import.
    pub account: String,
    /// Region of Security Hub.
    pub region: String,
    /// Partition of the region: `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
}

impl SecurityHubTarget {
    /// Security Hub of an account in a region.
    pub fn new(account: &str, region: &str) -> Self {
        let partition = partition_of_region(region).to_owned();
        Self { account: account.to_owned(), region: region.to_owned(), partition }
    }
}

/// What differs between findings.
pub(super) struct AsffFinding {
    /// Where it is, and where it is imported unless another target is given.
    pub target: SecurityHubTarget,
    /// Identity in every report: `finding/<fingerprint>` or `control/<key>`.
    pub id: String,
    /// Rule or standard that it comes from.
    pub generator: String,
    pub types: Vec<&'static str>,
    pub severity: Severity,
    pub title: String,
    pub description: String,
    pub recommendation: Option<String>,
    /// First and last time it was seen; the first is that of its creation.
    pub seen: Option<(Time, Time)>,
    pub resources: Vec<ExportResource>,
    /// `Compliance`: status, requirements and the reason.
    pub compliance: Option<Compliance>,
    /// Further facts, each with a name.
    pub fields: Vec<(&'static str, String)>,
}

/// What a finding says of controls.
pub(super) struct Compliance {
    /// `PASSED`, `WARNING` or `FAILED`.
    pub status: &'static str,
    pub requirements: Vec<String>,
    pub control: Option<String>,
    /// Code and text of the reason.
    pub reason: Option<(&'static str, String)>,
}

impl AsffFinding {
    /// The finding as JSON, for import into a target.
    pub(super) fn into_json(self, report: &Report, target: &SecurityHubTarget) -> Value {
        let SecurityHubTarget { account, region, partition } = target;
        let updated = report.run.generated_at;
        // What was not seen at a time, such as a grant, is as old as the period.
        let begun = report.result.period().map_or(updated, |period| period.from.start());
        let created = self.seen.map_or(begun, |(first, _)| first).min(updated);
        let severity = json!({ "Label": label(self.severity), "Original": self.severity.as_str() });
        let fields = self.fields.iter().map(|(name, value)| {
            (format!("onlooker/{name}"), Value::from(visible_text(value, MAX_FIELD_VALUE)))
        });
        let resources =
            self.resources.iter().take(MAX_RESOURCES).map(|one| resource(one, &self.target.region));
        pruned(json!({
            "SchemaVersion": "2018-10-08",
            "Id": visible_text(&format!("onlooker/{}", self.id), MAX_ID),
            "ProductArn": format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default"),
            "ProductName": "Onlooker",
            "CompanyName": "Onlooker",
            "GeneratorId": visible_text(&format!("onlooker/{}", self.generator), MAX_ID),
            "AwsAccountId": account,
            "CreatedAt": created,
            "UpdatedAt": updated,
            "FirstObservedAt": self.seen.map(|(first, _)| first),
            "LastObservedAt": self.seen.map(|(_, last)| last),
            "Title": not_blank(visible_text(&self.title, MAX_TITLE)),
            "Description": not_blank(visible_text(&self.description, MAX_DESCRIPTION)),
            "Remediation": { "Recommendation": {
                "Text": self.recommendation.map(|text| visible_text(&text, MAX_RECOMMENDATION)),
            } },
            "Resources": resources.collect::<Vec<_>>(),
            "Compliance": self.compliance.map(compliance),
            "RecordState": "ACTIVE",
            "FindingProviderFields": { "Severity": severity, "Types": self.types },
            "ProductFields": fields.collect::<Map<_, _>>(),
        }))
    }
}

fn compliance(compliance: Compliance) -> Value {
    let requirements = compliance.requirements.iter().take(MAX_REQUIREMENTS);
    json!({
        "Status": compliance.status,
        "RelatedRequirements": requirements.map(|one| visible_text(one, MAX_NAME)).collect::<Vec<_>>(),
        "SecurityControlId": compliance.control.map(|id| visible_text(&id, MAX_NAME)),
        "StatusReasons": compliance.reason.map(|(code, text)| {
            json!([{ "ReasonCode": code, "Description": visible_text(&text, MAX_DESCRIPTION) }])
        }),
    })
}

fn resource(resource: &ExportResource, region: &str) -> Value {
    json!({
        "Type": resource.kind,
        "Id": not_blank(visible_text(&resource.id, MAX_NAME)),
        "Partition": resource.partition,
        "Region": region,
    })
}

/// Security Hub refuses a text of spaces.
fn not_blank(text: String) -> String {
    if text.trim().is_empty() { "(empty)".to_owned() } else { text }
}

const fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFORMATIONAL",
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    }
}
