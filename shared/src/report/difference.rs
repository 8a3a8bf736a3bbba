//! Compares two reports on the same evidence.
//!
//! Enters: a report before and one after a change, such as of the catalog. Leaves: a [`ReportDifference`]. Laws: equal results
//! have no difference; of swapped reports new and gone are swapped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OperationSummary, Report};
use crate::{
    finding::{Finding, Severity},
    operation::{OperationType, RiskLevel},
    score::Status,
};

/// What differs between two reports on the same evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportDifference {
    /// Ids of the reports.
    pub reports: [String; 2],
    /// Versions of their catalogs.
    pub catalogs: [String; 2],
    /// The overall statuses, if they differ.
    pub status: Option<[Option<Status>; 2]>,
    /// Watched principals with another status, by ARN.
    pub principals: BTreeMap<Arc<str>, [Option<Status>; 2]>,
    /// Operations of calls with another classification, by `service:Operation`.
    pub operations: BTreeMap<String, [Option<OperationVerdict>; 2]>,
    /// Findings that only the second report has.
    pub new_findings: Vec<FindingLine>,
    /// Findings that only the first report has.
    pub gone_findings: Vec<FindingLine>,
}

/// How an operation is classified; an operation that is a plain read is in no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationVerdict {
    /// Its type.
    pub operation_type: OperationType,
    /// How much harm it can do.
    pub risk_level: RiskLevel,
}

/// A finding in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingLine {
    /// Severity of the finding.
    pub severity: Severity,
    /// Rule that found it.
    pub id: String,
    /// Identity of the finding in every report.
    pub fingerprint: String,
    /// What happened and to which principal.
    pub title: String,
    /// What it is about besides the principal.
    pub subject: String,
}

impl FindingLine {
    /// The line of a finding.
    pub fn of(finding: &Finding) -> Self {
        Self {
            severity: finding.severity,
            id: finding.id.clone(),
            fingerprint: finding.fingerprint.clone(),
            title: finding.title.clone(),
            subject: finding.subject.clone(),
        }
    }
}

impl ReportDifference {
    /// What differs between two reports.
    pub fn between(before: &Report, after: &Report) -> Self {
        let (one, two) = (&before.result, &after.result);
        let statuses = |report: &Report| -> BTreeMap<Arc<str>, Status> {
            let watched = report.result.principals.iter();
            watched.filter_map(|principal| Some((Arc::clone(&principal.arn), principal.status?))).collect()
        };
        let verdicts = |operations: &[OperationSummary]| -> BTreeMap<String, OperationVerdict> {
            let verdict = |operation: &OperationSummary| {
                let OperationSummary { operation_type, risk_level, .. } = *operation;
                let name = format!("{}:{}", operation.service, operation.operation);
                (name, OperationVerdict { operation_type, risk_level })
            };
            operations.iter().map(verdict).collect()
        };
        let status = [one.summary.overall_compliance, two.summary.overall_compliance];
        Self {
            reports: [before.id.clone(), after.id.clone()],
            catalogs: [one.inputs.catalog_version.clone(), two.inputs.catalog_version.clone()],
            status: (status[0] != status[1]).then_some(status),
            principals: changed(&statuses(before), &statuses(after)),
            operations: changed(&verdicts(&one.operations), &verdicts(&two.operations)),
            new_findings: only_in(&two.findings, &one.findings),
            gone_findings: only_in(&one.findings, &two.findings),
        }
    }

    /// Whether the reports say the same.
    pub fn is_empty(&self) -> bool {
        self.status.is_none()
            && self.principals.is_empty()
            && self.operations.is_empty()
            && self.new_findings.is_empty()
            && self.gone_findings.is_empty()
    }

    /// JSON Schema of the difference.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}

/// Keys with different values.
fn changed<K: Clone + Ord, V: Copy + PartialEq>(
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
) -> BTreeMap<K, [Option<V>; 2]> {
    let keys = before.keys().chain(after.keys());
    let both = keys.map(|key| (key.clone(), [before.get(key).copied(), after.get(key).copied()]));
    both.filter(|(_, [before, after])| before != after).collect()
}

/// The findings that are not among the others.
fn only_in(findings: &[Finding], others: &[Finding]) -> Vec<FindingLine> {
    let known: BTreeSet<&String> = others.iter().map(|other| &other.fingerprint).collect();
    let is_new = |finding: &&Finding| !known.contains(&finding.fingerprint);
    findings.iter().filter(is_new).map(FindingLine::of).collect()
}
