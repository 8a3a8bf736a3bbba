//! The report in the AWS Security Finding Format, for Security Hub.
//!
//! Enters: a [`Report`]. Leaves: a JSON array of batches; a batch is an array of at most 100 findings of one account and one region, as
//! one call of `BatchImportFindings` takes it. Laws: every text keeps within the length that the format allows; a finding has the same
//! id in every report; nothing is set that belongs to the workflow of the customer (`Workflow`, `Note`, `UserDefinedFields`,
//! `VerificationState`); severity and types are in `FindingProviderFields`, so that an update does not overwrite theirs; a control
//! without evidence is a `WARNING`, never `PASSED`.

mod control;
mod detail;
mod import;

use std::collections::BTreeMap;

use serde_json::Value;

use self::import::AsffFinding;
pub use self::import::SecurityHubTarget;
use super::{
    Format, RenderedFile,
    export_scope::{ExportScope, control_key},
    json::{MEDIA_TYPE, escape_json},
};
use crate::report::Report;

/// The format.
pub const FORMAT: Format = Format {
    name: "asff",
    help: "AWS Security Finding Format: a JSON array of batches for Security Hub, each for one BatchImportFindings",
    fits_standard_output: true,
    render: |report| {
        let bytes = asff(report)?.into_bytes();
        Ok(vec![RenderedFile { name: "report.asff.json", media_type: MEDIA_TYPE, bytes }])
    },
};

/// Findings of a batch: the most that `BatchImportFindings` takes.
pub const MAX_BATCH: usize = 100;

/// The report as a JSON array of batches.
///
/// # Errors
/// When a finding cannot be written as JSON.
pub fn asff(report: &Report) -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&batches(report, None))?))
}

/// The batches of a report: findings and controls by account and region, most severe first. With a target all are for it, whatever
/// account they are about.
pub fn batches(report: &Report, target: Option<&SecurityHubTarget>) -> Vec<Vec<Value>> {
    let scope = ExportScope::of(report);
    let mut by_target: BTreeMap<SecurityHubTarget, Vec<Value>> = BTreeMap::new();
    let mut add = |finding: AsffFinding| {
        let target = target.unwrap_or(&finding.target).clone();
        let value = finding.into_json(report, &target);
        by_target.entry(target).or_default().push(value);
    };
    for finding in &report.result.findings {
        add(detail::finding(report, &scope, finding));
    }
    for control in &report.result.controls {
        let key = control_key(&report.result, control);
        add(control::control(report, &scope, control, &key));
    }
    by_target
        .into_values()
        .flat_map(|findings| findings.chunks(MAX_BATCH).map(<[Value]>::to_vec).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
#[path = "asff/tests.rs"]
mod tests;
