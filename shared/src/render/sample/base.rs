//! Sample results and reports.
//!
//! Enters: parts of a result. Leaves: a result to fill, and the report of a filled result, with the totals of its
//! parts.

use std::collections::{BTreeMap, BTreeSet};

use super::builders::time_at;
use crate::{
    config::Standard,
    coverage::Coverage,
    operation::OperationType,
    report::{
        ExecutiveSummary, PrincipalSummary, Report, ReportInputs, ReportMode, ReportResult, ReportRun,
        ReportTotals,
    },
    score::{ComplianceScore, RiskFactors, RiskScore, Status},
};

pub(super) fn base_result(mode: ReportMode, status: Option<Status>, statement: &str) -> ReportResult {
    ReportResult {
        mode,
        standard: Standard::Soc2,
        standard_title: "SOC 2 trust services criteria".to_owned(),
        period: None,
        summary: ExecutiveSummary {
            overall_compliance: status,
            statement: statement.to_owned(),
            inferred: None,
            status_reasons: vec![],
            evidence_completeness: None,
            overrides: None,
            unseen_watches: vec![],
            compliance_score: None,
            risk_score: None,
            risk_level: None,
            key_findings: vec![],
            is_shortened: false,
            top_actions: vec![],
        },
        compliance: ComplianceScore::default(),
        risk: None,
        totals: ReportTotals::default(),
        coverage: Coverage::default(),
        activity: vec![],
        principals: vec![],
        operations: vec![],
        other_events: vec![],
        findings: vec![],
        recommendations: vec![],
        controls: vec![],
        audit_entries: vec![],
        audit_entries_omitted: 0,
        omitted: vec![],
        overrides: vec![],
        limitations: vec![],
        inputs: ReportInputs {
            onlooker_version: "0.1.0".to_owned(),
            catalog_version: "2026.09.1".to_owned(),
            catalog_sha256: "c".repeat(64),
            evidence_sha256: "e".repeat(64),
            configuration_sha256: "f".repeat(64),
            watched: vec![],
            unreadable: BTreeMap::new(),
        },
    }
}

pub(super) fn finish_report(mut result: ReportResult, exposure: Option<&RiskFactors>) -> Report {
    let watched = result.principals.iter().filter(|principal| principal.watched_as.is_some());
    let (permitted, calls) = watched.clone().fold((0, 0), |(permitted, calls), principal| {
        (permitted + principal.compliance.permitted, calls + principal.calls)
    });
    result.compliance = ComplianceScore::of(permitted, calls);
    result.summary.compliance_score = result.compliance.score;
    result.risk = exposure.map(RiskScore::of);
    result.summary.risk_score = result.risk.as_ref().map(|risk| risk.score);
    result.summary.risk_level = result.risk.as_ref().map(|risk| risk.level);
    let all = |wanted: OperationType| {
        result.principals.iter().filter_map(|p| p.counts.get(&wanted)).flat_map(BTreeMap::values).sum()
    };
    let operations = result.principals.iter().map(|principal| principal.calls).sum();
    result.totals = ReportTotals {
        events: operations + 37 * u64::from(operations > 0),
        operations,
        watched_operations: calls,
        read_only: all(OperationType::ReadOnly),
        mutating: all(OperationType::Mutating),
        privileged: all(OperationType::Privileged),
        unknown: all(OperationType::Unknown),
        succeeded: operations,
        denied: result.principals.iter().map(PrincipalSummary::denied).sum(),
        blocked: exposure.map_or(0, |exposure| exposure.denied_writes),
        other_events: 37 * u64::from(operations > 0),
        unreadable_evidence: result.inputs.unreadable.values().sum(),
        principals: result.principals.iter().filter(|principal| principal.calls > 0).count() as u64,
        watched_principals: watched.filter(|principal| principal.calls > 0).count() as u64,
        accounts: result.coverage.account_regions.iter().map(|p| &p.account).collect::<BTreeSet<_>>().len()
            as u64,
        regions: result.coverage.account_regions.iter().map(|p| &p.region).collect::<BTreeSet<_>>().len()
            as u64,
        ..ReportTotals::default()
    };
    let run = ReportRun {
        run_id: "01JNX0000000000000000000".to_owned(),
        started_at: time_at(30, 0),
        generated_at: time_at(30, 0),
        duration_seconds: 1.25,
        log_files_read: 214,
        log_files_reused: 3,
        caller: None,
        request_id: None,
        revision: None,
        bytes_read: 1_843_221,
        records_seen: result.totals.events + 12 + result.totals.unreadable_evidence,
        duplicates: 12,
        outside_period: 0,
        input_files_sha256: "a".repeat(64),
        input_files: vec![],
        unreadable: vec![],
        ..ReportRun::default()
    };
    Report::new(result, run).unwrap()
}
