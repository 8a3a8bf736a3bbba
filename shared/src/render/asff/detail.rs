//! Findings of a report in the AWS Security Finding Format.
//!
//! Enters: a finding and where it is. Leaves: an [`AsffFinding`]. Law: a finding that fails no control has no compliance status.

use super::import::{AsffFinding, Compliance, SecurityHubTarget};
use crate::{
    finding::Finding,
    render::{
        export_scope::{ExportResource, ExportScope, partition},
        format::serialized_name,
    },
    report::Report,
};

/// Account of a finding in a report that names none. Security Hub refuses it, and the reader sees that it has to name one.
const NO_ACCOUNT: &str = "000000000000";

/// One finding.
pub(super) fn finding(report: &Report, scope: &ExportScope<'_>, finding: &Finding) -> AsffFinding {
    let result = &report.result;
    let found = scope.find(finding);
    let partition = finding.principal.as_deref().map_or_else(|| scope.partition(), partition);
    let target = target(found.account.or(scope.home()), found.region, partition);
    let arns = finding.principal.iter().chain(&finding.resources);
    let mut resources: Vec<ExportResource> = arns.map(|arn| ExportResource::of(arn)).collect();
    if resources.is_empty() {
        resources.push(ExportResource::account(&target.account, &target.partition));
    }
    let standard = serialized_name(&result.standard);
    let compliance = (!finding.controls.is_empty()).then(|| Compliance {
        status: "FAILED",
        requirements: finding.controls.iter().map(|control| format!("{standard} {control}")).collect(),
        control: None,
        reason: None,
    });
    let is_about_calls = finding.principal.is_some() && !finding.sample_event_ids.is_empty();
    AsffFinding {
        target,
        id: format!("finding/{}", finding.fingerprint),
        generator: finding.id.clone(),
        types: vec![match is_about_calls {
            true => "Unusual Behaviors/User",
            false => "Software and Configuration Checks/AWS Security Best Practices",
        }],
        severity: finding.severity,
        title: finding.title.clone(),
        description: finding.description.clone(),
        recommendation: Some(finding.recommendation.clone()),
        seen: finding.first_seen.zip(finding.last_seen),
        resources,
        compliance,
        fields: vec![
            ("rule", finding.id.clone()),
            ("subject", finding.subject.clone()),
            ("count", finding.count.to_string()),
            ("events", finding.sample_event_ids.join(" ")),
            ("report", report.id.clone()),
        ],
    }
}

/// Where a finding is imported: its account, and its region, or that in which IAM is.
pub(super) fn target(account: Option<&str>, region: Option<&str>, partition: &str) -> SecurityHubTarget {
    let home_of_iam = match partition {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    };
    SecurityHubTarget {
        account: account.unwrap_or(NO_ACCOUNT).to_owned(),
        region: region.unwrap_or(home_of_iam).to_owned(),
        partition: partition.to_owned(),
    }
}
