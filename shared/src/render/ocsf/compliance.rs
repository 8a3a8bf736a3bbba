//! Compliance Findings of OCSF: the status of the report, and each control.
//!
//! Enters: a report. Leaves: events of the class 2003. Laws: missing evidence is a `Warning`, and a discovery has the status `Unknown`;
//! a list that is cut says how much is missing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    OcsfEvent,
    objects::{milliseconds, observables, resource, severity},
};
use crate::{
    controls::{ControlResult, ControlState},
    finding::{Finding, Severity},
    render::{
        export_scope::{ExportResource, ExportScope, is_account},
        format::{count_noun, serialized_name},
    },
    report::{Report, ReportResult},
    score::Status,
};

const CLASS: (u32, &str) = (2003, "Compliance Finding");

/// Failed checks, and resources, that an event lists.
const MAX_LISTED: usize = 100;

/// Result of a compliance check: `status_id`, its caption, and the code of Onlooker.
type OcsfStatus = (u32, &'static str, &'static str);

const UNKNOWN: OcsfStatus = (0, "Unknown", "DISCOVERY");
const PASS: OcsfStatus = (1, "Pass", "PASS");
const WARNING: OcsfStatus = (2, "Warning", "NO_EVIDENCE");
const FAIL: OcsfStatus = (3, "Fail", "FAIL");

/// The status of the whole report. It is there in every report, so that a reader can tell "no findings" from "no report".
pub(super) fn status<'a>(report: &'a Report, scope: &ExportScope<'a>) -> OcsfEvent<'a> {
    let result = &report.result;
    let (status, severity) = match result.status() {
        Some(Status::Compliant) => (PASS, Severity::Info),
        Some(Status::InsufficientEvidence) => (WARNING, Severity::Medium),
        Some(Status::NonCompliant) => (FAIL, Severity::Critical),
        None => (UNKNOWN, Severity::Info),
    };
    let compliance = json!({
        "control": "read-only",
        "desc": "Every watched principal is read-only.",
        "standards": [result.standard_title],
        "status_details": result.summary.status_reasons,
    });
    let unmapped = json!({
        "status": result.status(),
        "compliance_score": result.compliance.score,
        "risk_score": result.risk.as_ref().map(|risk| risk.score),
        "coverage_percent": result.coverage.percent,
        "limitations": result.limitations,
        "evidence_sha256": result.inputs.evidence_sha256,
    });
    let title = &*result.summary.statement;
    let check =
        ComplianceCheck { key: "status", code: "read-only", title, severity, status, compliance, unmapped };
    event(report, scope, check)
}

/// One control.
pub(super) fn control<'a>(
    report: &'a Report,
    scope: &ExportScope<'a>,
    control: &'a ControlResult,
    key: &'a str,
) -> OcsfEvent<'a> {
    let result = &report.result;
    let failing = failing(result, control);
    let worst = failing.iter().map(|finding| finding.severity).max();
    let (status, level) = match control.state {
        ControlState::Pass => (PASS, Severity::Info),
        ControlState::NoEvidence => (WARNING, Severity::Medium),
        ControlState::Fail => (FAIL, worst.unwrap_or(Severity::High)),
    };
    let check = |finding: &&Finding| {
        let (severity_id, severity) = severity(finding.severity);
        json!({
            "uid": finding.fingerprint, "name": finding.title, "severity_id": severity_id, "severity": severity,
            "status_id": FAIL.0, "status": FAIL.1,
        })
    };
    let more = control.findings.len().saturating_sub(MAX_LISTED) as u64;
    let mut details = vec![control.evidence.clone()];
    details.extend((more > 0).then(|| format!("{} more fail it", count_noun(more, "finding"))));
    let compliance = json!({
        "control": control.id,
        "desc": control.title,
        "standards": [result.standard_title],
        "requirements": [control.id],
        "status_details": details,
        "checks": failing.iter().take(MAX_LISTED).map(check).collect::<Vec<_>>(),
    });
    let (code, title) = (&*control.id, &*control.title);
    let check =
        ComplianceCheck { key, code, title, severity: level, status, compliance, unmapped: Value::Null };
    event(report, scope, check)
}

/// The findings that fail a control, most severe first.
fn failing<'a>(result: &'a ReportResult, control: &ControlResult) -> Vec<&'a Finding> {
    let by_fingerprint: BTreeMap<&str, &Finding> =
        result.findings.iter().map(|finding| (&*finding.fingerprint, finding)).collect();
    control.findings.iter().filter_map(|fingerprint| by_fingerprint.get(&**fingerprint).copied()).collect()
}

/// The expected accounts, each with its region if it has only one.
fn accounts(result: &ReportResult) -> BTreeMap<&str, Option<&str>> {
    let mut accounts = BTreeMap::new();
    let places = &result.coverage.account_regions;
    for place in places.iter().filter(|place| place.is_expected() && is_account(&place.account)) {
        accounts.entry(&*place.account).and_modify(|region| *region = None).or_insert(Some(&*place.region));
    }
    accounts
}

/// What differs between the compliance findings.
struct ComplianceCheck<'a> {
    key: &'a str,
    code: &'a str,
    title: &'a str,
    severity: Severity,
    status: OcsfStatus,
    compliance: Value,
    unmapped: Value,
}

fn event<'a>(report: &'a Report, scope: &ExportScope<'a>, check: ComplianceCheck<'a>) -> OcsfEvent<'a> {
    let ComplianceCheck { key, code, title, severity, status, mut compliance, unmapped } = check;
    let (status_id, status, status_code) = status;
    let result = &report.result;
    let accounts = accounts(result);
    let more = accounts.len().saturating_sub(MAX_LISTED) as u64;
    if let Some(fields) = compliance.as_object_mut() {
        if let Some(details) = fields.get_mut("status_details").and_then(Value::as_array_mut) {
            details
                .extend((more > 0).then(|| format!("{} more assessed", count_noun(more, "account")).into()));
        }
        fields.insert("status_id".to_owned(), status_id.into());
        fields.insert("status".to_owned(), status.into());
        fields.insert("status_code".to_owned(), status_code.into());
    }
    let listed = || accounts.iter().take(MAX_LISTED);
    let assessed: Vec<ExportResource> =
        listed().map(|(id, _)| ExportResource::account(id, scope.partition())).collect();
    let resources: Vec<Value> =
        assessed.iter().zip(listed()).map(|(one, (id, region))| resource(one, Some(id), *region)).collect();
    let region = result.coverage.account_regions.first().map(|place| &*place.region);
    let is_one = result.coverage.account_regions.iter().all(|place| Some(&*place.region) == region);
    let created = milliseconds(report.run.generated_at);
    OcsfEvent {
        class: CLASS.0,
        class_name: CLASS.1,
        key,
        code,
        title,
        severity,
        account: scope.home(),
        region: region.filter(|_| is_one),
        partition: scope.partition(),
        fields: json!({
            "status_code": status_code,
            "compliance": compliance,
            "finding_info": {
                "uid": key,
                "title": title,
                "created_time": created,
                "types": [serialized_name(&result.standard)],
                "data_sources": ["AWS CloudTrail"],
            },
            "start_time": result.period().map(|period| milliseconds(period.from.start())),
            "end_time": result.period().map(|period| milliseconds(period.until.start())),
            "resources": resources,
            "observables": observables(assessed.iter().map(|one| &*one.id)),
            "unmapped": unmapped,
        }),
    }
}
