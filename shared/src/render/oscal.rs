//! The report as assessment results of the Open Security Controls Assessment Language, OSCAL 1.1.3.
//!
//! Enters: a [`Report`]. Leaves: JSON: one result with an inventory item for each principal, an observation for each finding of the
//! report and a finding for each control. Laws: every UUID has version 5 and is derived from the run and the path of what it names; no
//! array or text is empty; ids are tokens; a control without evidence is `not-satisfied`; prose forms no markup that is not Onlooker's.

mod identifiers;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::identifiers::{token, uuid};
use super::{
    Format, RenderedFile,
    escape::{markdown, visible_text},
    export_scope::control_key,
    format::serialized_name,
    json::{MEDIA_TYPE, escape_json},
    json_value::pruned,
};
use crate::{
    controls::{ControlResult, ControlState},
    finding::Finding,
    report::{PrincipalSummary, Report, ReportResult},
    time::Time,
};

/// The format.
pub const FORMAT: Format = Format {
    name: "oscal",
    help: "OSCAL 1.1.3 assessment results: controls, findings as observations, principals as inventory",
    fits_standard_output: true,
    render: |report| {
        let bytes = oscal(report)?.into_bytes();
        Ok(vec![RenderedFile { name: "report.oscal.json", media_type: MEDIA_TYPE, bytes }])
    },
};

/// Version of OSCAL. Its readers take any text for it, so a test compares it with what is written.
const VERSION: &str = "1.1.3";

/// Namespace of the properties, which are Onlooker's own.
const NAMESPACE: &str = "urn:onlooker:oscal";

/// Characters of the value of a property.
const MAX_VALUE: usize = 2_048;

/// The report as OSCAL.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn oscal(report: &Report) -> Result<String, serde_json::Error> {
    let (run, result) = (&report.run.run_id, &report.result);
    let plan = uuid(run, "plan");
    let mut document = pruned(json!({ "assessment-results": {
        "uuid": uuid(run, "assessment-results"),
        "metadata": {
            "title": title(&format!("Read-only principals of AWS: {}", result.standard_title)),
            "last-modified": date_time(report.run.generated_at),
            "version": report.id,
            "oscal-version": VERSION,
            "props": [property("onlooker-version", &result.inputs.onlooker_version), property("run-id", run)],
        },
        "import-ap": { "href": format!("#{plan}") },
        "results": [assessment(report)],
        "back-matter": { "resources": [{
            "uuid": plan,
            "title": "Configuration of Onlooker",
            "description": "There is no assessment plan: the configuration of Onlooker says what is assessed.",
            "props": [property("configuration-sha256", &result.inputs.configuration_sha256)],
        }] },
    } }));
    if result.controls.is_empty() {
        let reviewed =
            document.pointer_mut("/assessment-results/results/0/reviewed-controls/control-selections");
        if let Some(selections) = reviewed {
            *selections = json!([{ "include-all": {} }]);
        }
    }
    Ok(escape_json(serde_json::to_string_pretty(&document)?))
}

/// The one result of the report.
fn assessment(report: &Report) -> Value {
    let (run, result) = (&report.run.run_id, &report.result);
    let start = result.period().map_or(report.run.started_at, |period| period.from.start());
    let end = result.period().map_or(report.run.generated_at, |period| period.until.start());
    let number = |name, value: Option<f64>| value.map(|value| property(name, &value.to_string()));
    let about: BTreeSet<&str> = result.findings.iter().filter_map(|one| one.principal.as_deref()).collect();
    let assessed = result.principals.iter().filter(|one| one.status.is_some() || about.contains(&*one.arn));
    let control_ids = result.controls.iter().map(|control| json!({ "control-id": token(&control.id) }));
    let selection = match result.controls.is_empty() {
        // Replaced by the selection of all, which is an empty object, after empty objects are removed.
        true => json!({ "description": "all" }),
        false => json!({ "include-controls": control_ids.collect::<Vec<_>>() }),
    };
    let known: BTreeSet<&str> = result.principals.iter().map(|one| &*one.arn).collect();
    json!({
        "uuid": uuid(run, "result"),
        "title": title(&result.standard_title),
        "description": prose(&result.summary.statement),
        "start": date_time(start),
        "end": date_time(end),
        "props": [
            result.status().map(|status| property("status", status.as_str())),
            number("compliance-score", result.compliance.score),
            number("risk-score", result.risk.as_ref().map(|risk| risk.score)),
            number("coverage-percent", result.coverage.percent),
            property("report-id", &report.id),
            property("evidence-sha256", &result.inputs.evidence_sha256),
        ],
        "local-definitions": { "inventory-items": assessed.map(|one| inventory_item(run, one)).collect::<Vec<_>>() },
        "reviewed-controls": { "control-selections": [selection] },
        "observations": result.findings.iter().map(|one| observation(report, one, &known)).collect::<Vec<_>>(),
        "findings": findings(run, result),
        "remarks": result.limitations.iter().map(|text| prose(text)).collect::<Vec<_>>().join("\n\n"),
    })
}

fn inventory_item(run: &str, principal: &PrincipalSummary) -> Value {
    json!({
        "uuid": uuid(run, &format!("principal/{}", principal.arn)),
        "description": prose(&format!("{}: {}", principal.arn, principal.behavior.as_str())),
        "props": [
            property("arn", &principal.arn),
            property("account", &principal.account),
            principal.status.map(|status| property("status", status.as_str())),
            property("calls", &principal.calls.to_string()),
        ],
        "remarks": principal.status_reasons.iter().map(|text| prose(text)).collect::<Vec<_>>().join("; "),
    })
}

/// A finding of the report. A finding of OSCAL is about a control.
fn observation(report: &Report, finding: &Finding, known: &BTreeSet<&str>) -> Value {
    let run = &report.run.run_id;
    let principal = finding.principal.as_deref();
    let subjects = principal.filter(|arn| known.contains(arn)).map(|arn| {
        json!([{ "subject-uuid": uuid(run, &format!("principal/{arn}")), "type": "inventory-item", "title": title(arn) }])
    });
    let evidence = finding
        .sample_event_ids
        .iter()
        .map(|id| json!({ "description": prose(&format!("Event {id} of CloudTrail")) }));
    json!({
        "uuid": uuid(run, &format!("observation/{}", finding.fingerprint)),
        "title": title(&finding.title),
        "description": prose(&finding.description),
        "props": [
            property("rule", &finding.id),
            property("severity", finding.severity.as_str()),
            property("subject", &finding.subject),
            property("count", &finding.count.to_string()),
            property("fingerprint", &finding.fingerprint),
            property("first-seen", &finding.first_seen.map(|time| time.to_string()).unwrap_or_default()),
        ],
        "methods": ["EXAMINE"],
        "types": ["finding", token(&finding.id)],
        "subjects": subjects,
        "relevant-evidence": evidence.collect::<Vec<_>>(),
        "collected": date_time(finding.last_seen.unwrap_or(report.run.generated_at)),
        "remarks": prose(&finding.recommendation),
    })
}

/// One finding of OSCAL for each control.
fn findings(run: &str, result: &ReportResult) -> Vec<Value> {
    let known: BTreeMap<&str, String> = result
        .findings
        .iter()
        .map(|finding| (&*finding.fingerprint, uuid(run, &format!("observation/{}", finding.fingerprint))))
        .collect();
    let finding = |control: &ControlResult| {
        let (state, reason) = match control.state {
            ControlState::Pass => ("satisfied", "pass"),
            ControlState::NoEvidence => ("not-satisfied", "other"),
            ControlState::Fail => ("not-satisfied", "fail"),
        };
        let related = control.findings.iter().filter_map(|fingerprint| known.get(&**fingerprint));
        json!({
            "uuid": uuid(run, &format!("control/{}", control_key(result, control))),
            "title": title(&format!("{} {}", control.id, control.title)),
            "description": prose(&control.evidence),
            "props": [
                property("control", &control.id),
                property("state", &serialized_name(&control.state)),
            ],
            "target": {
                "type": "objective-id",
                "target-id": token(&control.id),
                "status": { "state": state, "reason": reason },
            },
            "related-observations": related.map(|uuid| json!({ "observation-uuid": uuid })).collect::<Vec<_>>(),
        })
    };
    result.controls.iter().map(finding).collect()
}

/// A property; null, which is left out, if it has no value.
fn property(name: &str, value: &str) -> Value {
    let value = visible_text(value, MAX_VALUE);
    let value = value.trim();
    if value.is_empty() { Value::Null } else { json!({ "name": name, "ns": NAMESPACE, "value": value }) }
}

/// One line of text, never empty.
fn title(text: &str) -> String {
    prose(text)
}

/// Text in the Markdown of OSCAL, never empty.
fn prose(text: &str) -> String {
    let prose = markdown(text);
    if prose.trim().is_empty() { "(empty)".to_owned() } else { prose }
}

fn date_time(time: Time) -> String {
    time.timestamp().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

#[cfg(test)]
#[path = "oscal/tests.rs"]
mod tests;
