//! The report as events of the Open Cybersecurity Schema Framework, OCSF 1.5.0, for a security data lake or a SIEM.
//!
//! Enters: a [`Report`]. Leaves: JSON lines: a Compliance Finding (2003) for the report and for each control, then a Detection Finding
//! (2004) for each finding. Laws: each line is valid by the schema of its class with the profile `cloud`; each time is in milliseconds
//! since 1970; a control without evidence is a `Warning`, never a `Pass`; texts of records are visible, and nothing is empty.

mod compliance;
mod detection;
mod objects;

use serde_json::{Map, Value, json};

use self::objects::{milliseconds, severity};
use super::{
    Format, RenderedFile,
    export_scope::ExportScope,
    json::escape_json,
    json_value::{pruned, visible},
};
use crate::{finding::Severity, report::Report};

/// The format.
pub const FORMAT: Format = Format {
    name: "ocsf",
    help: "OCSF 1.5.0 as JSON lines: compliance findings (controls) and detection findings, for a data lake or SIEM",
    fits_standard_output: true,
    render: |report| {
        let bytes = ocsf(report)?.into_bytes();
        Ok(vec![RenderedFile { name: "report.ocsf.jsonl", media_type: "application/x-ndjson", bytes }])
    },
};

/// Version of the schema.
const VERSION: &str = "1.5.0";

/// What differs between the events.
struct OcsfEvent<'a> {
    /// Id of the class: 2003 or 2004.
    class: u32,
    class_name: &'static str,
    /// Identity of the event within the run.
    key: &'a str,
    /// Rule or control that it is about.
    code: &'a str,
    title: &'a str,
    severity: Severity,
    account: Option<&'a str>,
    region: Option<&'a str>,
    partition: &'a str,
    /// Fields of the class.
    fields: Value,
}

/// The report as JSON lines.
///
/// # Errors
/// When an event cannot be written as JSON.
pub fn ocsf(report: &Report) -> Result<String, serde_json::Error> {
    let scope = ExportScope::of(report);
    let mut lines = String::new();
    let mut add = |event: OcsfEvent<'_>| -> Result<(), serde_json::Error> {
        let event = visible(pruned(envelope(report, event)));
        lines.push_str(&escape_json(serde_json::to_string(&event)?));
        Ok(())
    };
    add(compliance::status(report, &scope))?;
    for control in &report.result.controls {
        let key = super::export_scope::control_key(&report.result, control);
        add(compliance::control(report, &scope, control, &key))?;
    }
    for finding in &report.result.findings {
        add(detection::detection(&scope, finding))?;
    }
    Ok(lines)
}

/// An event with the fields that every class has.
fn envelope(report: &Report, event: OcsfEvent<'_>) -> Value {
    const CREATE: u32 = 1;
    let (severity_id, severity) = severity(event.severity);
    let mut fields = Map::new();
    let common = json!({
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": event.class,
        "class_name": event.class_name,
        "type_uid": event.class * 100 + CREATE,
        "type_name": format!("{}: Create", event.class_name),
        "time": milliseconds(report.run.generated_at),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 1,
        "status": "New",
        "message": event.title,
        "cloud": objects::cloud(event.account, event.region, event.partition),
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "uid": format!("{}/{}", report.run.run_id, event.key),
            "correlation_uid": report.id,
            "event_code": event.code,
            "log_name": "Onlooker report",
            "log_provider": "Onlooker",
            "product": {
                "uid": "onlooker",
                "name": "Onlooker",
                "vendor_name": "Onlooker",
                "version": report.result.inputs.onlooker_version,
            },
        },
    });
    for value in [common, event.fields] {
        if let Value::Object(more) = value {
            fields.extend(more);
        }
    }
    Value::Object(fields)
}

#[cfg(test)]
#[path = "ocsf/tests.rs"]
mod tests;
