//! Detection Findings of OCSF: the findings of a report.
//!
//! Enters: a finding and where it is. Leaves: an event of the class 2004. Law: the calls that an event names are the sample calls that
//! the report lists of the finding.

use serde_json::{Value, json};

use super::{
    OcsfEvent,
    objects::{account, milliseconds, observables, resource},
};
use crate::{
    finding::{Finding, rule},
    render::{
        export_scope::{ExportResource, ExportScope, partition},
        format::serialized_name,
    },
    report::AuditEntry,
};

/// One finding.
pub(super) fn detection<'a>(scope: &ExportScope<'a>, finding: &'a Finding) -> OcsfEvent<'a> {
    let found = scope.find(finding);
    let account_id = found.account.or(scope.home());
    let arns = finding.principal.iter().chain(&finding.resources);
    let mut resources: Vec<ExportResource> = arns.map(|arn| ExportResource::of(arn)).collect();
    if resources.is_empty() {
        resources.extend(account_id.map(|id| ExportResource::account(id, scope.partition())));
    }
    let rule = rule(&finding.id);
    OcsfEvent {
        class: 2004,
        class_name: "Detection Finding",
        key: &finding.fingerprint,
        code: &finding.id,
        title: &finding.title,
        severity: finding.severity,
        account: account_id,
        region: found.region,
        partition: finding.principal.as_deref().map_or_else(|| scope.partition(), partition),
        fields: json!({
            "is_alert": rule.is_some_and(|rule| rule.alerts.is_some()),
            "count": (finding.count > 0).then_some(finding.count),
            "start_time": finding.first_seen.map(milliseconds),
            "end_time": finding.last_seen.map(milliseconds),
            "finding_info": {
                "uid": finding.fingerprint,
                "title": finding.title,
                "desc": finding.description,
                "first_seen_time": finding.first_seen.map(milliseconds),
                "last_seen_time": finding.last_seen.map(milliseconds),
                "types": [finding.id],
                "data_sources": ["AWS CloudTrail"],
                "analytic": {
                    "uid": finding.id,
                    "name": rule.map_or(&*finding.id, |rule| rule.title),
                    "type": "Rule",
                    "type_id": 1,
                },
                "related_events": finding.sample_event_ids.iter().map(|id| json!({ "uid": id, "type": "CloudTrail event" })).collect::<Vec<_>>(),
            },
            "remediation": { "desc": finding.recommendation },
            "resources": resources.iter().map(|one| resource(one, account_id, found.region)).collect::<Vec<_>>(),
            "observables": observables(resources.iter().map(|one| &*one.id)),
            "evidences": found.entries.iter().map(|entry| evidence(entry)).collect::<Vec<_>>(),
            "unmapped": { "subject": finding.subject, "controls": finding.controls, "origins": finding.origins },
        }),
    }
}

/// One call as evidence.
fn evidence(entry: &AuditEntry) -> Value {
    json!({
        "uid": entry.event_id,
        "name": "CloudTrail event",
        "api": {
            "operation": entry.operation,
            // A record of CloudTrail does not have the version of the service, and readers want one.
            "service": { "uid": entry.service, "name": entry.service, "version": "unspecified" },
            "response": { "error": entry.error_code, "message": serialized_name(&entry.outcome) },
        },
        "actor": {
            "user": {
                "uid": entry.user_identity,
                "name": ExportResource::of(&entry.user_identity).name,
                "type": "Other",
                "type_id": 99,
                "account": account(&entry.account),
            },
            "session": { "uid": entry.session },
        },
        "data": {
            "time": entry.timestamp,
            "account": entry.account,
            "region": entry.region,
            "resources": entry.resource_arns,
            "denied_by": entry.denied_by,
        },
    })
}
