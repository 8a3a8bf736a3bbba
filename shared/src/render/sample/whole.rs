//! Whole results and reports, made of parts.
//!
//! Enters: parts. Leaves: a result to fill, and the report of a filled one, with the sums its parts make.

use std::collections::{BTreeMap, BTreeSet};

use super::parts::at;
use crate::{
    config::Standard,
    coverage::Coverage,
    operation::OperationType,
    report::{Basis, Mode, PrincipalSummary, Report, ReportResult, Run, Summary, Totals},
    score::{Compliance, Exposure, Risk, Status},
};

pub(super) fn result(mode: Mode, status: Option<Status>, statement: &str) -> ReportResult {
    ReportResult {
        mode,
        standard: Standard::Soc2,
        standard_title: "SOC 2 trust services criteria".to_owned(),
        summary: Summary {
            overall_compliance: status,
            statement: statement.to_owned(),
            compliance_score: None,
            risk_score: None,
            risk_level: None,
            key_findings: vec![],
            immediate_actions: vec![],
        },
        compliance: Compliance::default(),
        risk: None,
        totals: Totals::default(),
        coverage: Coverage::default(),
        activity: vec![],
        principals: vec![],
        operations: vec![],
        other_events: vec![],
        findings: vec![],
        recommendations: vec![],
        controls: vec![],
        audit_entries: vec![],
        overrides: vec![],
        not_looked_at: vec![],
        basis: Basis {
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

pub(super) fn finish(mut result: ReportResult, exposure: Option<&Exposure>) -> Report {
    let watched = result.principals.iter().filter(|principal| principal.watched_as.is_some());
    let (permitted, calls) = watched.clone().fold((0, 0), |(permitted, calls), principal| {
        (permitted + principal.compliance.permitted, calls + principal.calls)
    });
    result.compliance = Compliance::of(permitted, calls);
    result.summary.compliance_score = result.compliance.score;
    result.risk = exposure.map(Risk::of);
    result.summary.risk_score = result.risk.as_ref().map(|risk| risk.score);
    result.summary.risk_level = result.risk.as_ref().map(|risk| risk.level);
    let all = |wanted: OperationType| {
        result.principals.iter().filter_map(|p| p.counts.get(&wanted)).flat_map(BTreeMap::values).sum()
    };
    let operations = result.principals.iter().map(|principal| principal.calls).sum();
    result.totals = Totals {
        events: operations + 37 * u64::from(operations > 0),
        operations,
        watched_operations: calls,
        read_only: all(OperationType::ReadOnly),
        mutating: all(OperationType::Mutating),
        privileged: all(OperationType::Privileged),
        unknown: all(OperationType::Unknown),
        succeeded: operations,
        denied: result.principals.iter().map(PrincipalSummary::denied).sum(),
        blocked: exposure.map_or(0, |exposure| exposure.refused),
        other_events: 37 * u64::from(operations > 0),
        unreadable: result.basis.unreadable.values().sum(),
        principals: result.principals.iter().filter(|principal| principal.calls > 0).count() as u64,
        watched_principals: watched.filter(|principal| principal.calls > 0).count() as u64,
        accounts: result.coverage.places.iter().map(|p| &p.account).collect::<BTreeSet<_>>().len() as u64,
        regions: result.coverage.places.iter().map(|p| &p.region).collect::<BTreeSet<_>>().len() as u64,
        ..Totals::default()
    };
    let run = Run {
        run_id: "01JNX0000000000000000000".to_owned(),
        started_at: at(30, 0),
        generated_at: at(30, 0),
        seconds: 1.25,
        objects_read: 214,
        objects_kept: 3,
        caller: None,
        request_id: None,
        revision: None,
        bytes_read: 1_843_221,
        records_seen: result.totals.events + 12 + result.totals.unreadable,
        duplicates: 12,
        outside_period: 0,
        inputs_sha256: "a".repeat(64),
        inputs: vec![],
        unreadable: vec![],
    };
    Report::new(result, run).unwrap()
}
