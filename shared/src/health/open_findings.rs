//! `open-findings`: the findings of the newest report.
//!
//! Limits: a finding with the severity `HIGH` is a warning, one with `CRITICAL` is critical.

use super::{HealthInput, HealthInputs, HealthMeasure, HealthRule, HealthUnit, JudgedValue};
use crate::finding::{Severity, count_noun};

pub(super) const RULE: HealthRule = HealthRule {
    name: "open-findings",
    title: "Open findings",
    remedy: "Read the findings and their recommendations with `onlooker report` (of a deployment with `--remote`).",
    remedy_if_unknown: "Make a report with `onlooker sweep PATH`, or invoke the function `report`.",
    judge,
};

fn judge(inputs: &HealthInputs) -> HealthInput<Vec<JudgedValue>> {
    inputs.findings.map(|findings| {
        let of = |severity: Severity| findings.by_severity.get(&severity).copied().unwrap_or_default();
        let all: u64 = findings.by_severity.values().sum();
        let measures = vec![
            HealthMeasure::shown("open_findings", HealthUnit::Count, all as f64),
            HealthMeasure {
                critical: Some(0.0),
                ..HealthMeasure::shown("critical_findings", HealthUnit::Count, of(Severity::Critical) as f64)
            },
            HealthMeasure {
                warning: Some(0.0),
                ..HealthMeasure::shown("high_findings", HealthUnit::Count, of(Severity::High) as f64)
            },
        ];
        let parts: Vec<String> = findings
            .by_severity
            .iter()
            .rev()
            .filter(|(_, count)| **count > 0)
            .map(|(severity, count)| format!("{count} {}", severity.as_str()))
            .collect();
        let message = match all {
            0 => "no finding".to_owned(),
            all => format!("{}: {}", count_noun(all, "finding"), parts.join(", ")),
        };
        vec![JudgedValue::of(message, measures)]
    })
}
