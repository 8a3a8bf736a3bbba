//! Controls of a report in the AWS Security Finding Format.
//!
//! Enters: a control and its result. Leaves: an [`AsffFinding`]. Law: `PASSED` needs evidence; without it the status is `WARNING`.

use std::collections::BTreeSet;

use super::{
    detail::target,
    import::{AsffFinding, Compliance},
};
use crate::{
    controls::{ControlResult, ControlState},
    finding::Severity,
    render::{
        export_scope::{ExportResource, ExportScope},
        format::serialized_name,
    },
    report::Report,
};

/// One control.
pub(super) fn control(
    report: &Report,
    scope: &ExportScope<'_>,
    control: &ControlResult,
    key: &str,
) -> AsffFinding {
    let result = &report.result;
    let standard = serialized_name(&result.standard);
    let failing: BTreeSet<&String> = control.findings.iter().collect();
    let failing = result.findings.iter().filter(|finding| failing.contains(&finding.fingerprint));
    let worst = failing.map(|finding| finding.severity).max().unwrap_or(Severity::High);
    // ReasonCode: the words of Onlooker; those of Security Hub are about AWS Config.
    let (status, severity, code) = match control.state {
        ControlState::Pass => ("PASSED", Severity::Info, "ONLOOKER_PASS"),
        ControlState::NoEvidence => ("WARNING", Severity::Medium, "ONLOOKER_NO_EVIDENCE"),
        ControlState::Fail => ("FAILED", worst, "ONLOOKER_FAIL"),
    };
    let target = target(scope.home(), None, scope.partition());
    let period = result.period().map(|period| (period.from.start(), period.until.start()));
    AsffFinding {
        id: format!("control/{key}"),
        generator: format!("control/{standard}"),
        types: vec!["Software and Configuration Checks/Industry and Regulatory Standards"],
        severity,
        title: format!("{} {}", control.id, control.title),
        description: control.evidence.clone(),
        recommendation: None,
        seen: period,
        resources: vec![ExportResource::account(&target.account, &target.partition)],
        compliance: Some(Compliance {
            status,
            requirements: vec![format!("{standard} {}", control.id)],
            control: Some(control.id.clone()),
            reason: Some((code, control.evidence.clone())),
        }),
        fields: vec![
            ("standard", result.standard_title.clone()),
            ("findings", control.findings.len().to_string()),
            ("report", report.id.clone()),
        ],
        target,
    }
}
