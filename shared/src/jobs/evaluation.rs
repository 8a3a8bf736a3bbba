//! From evidence to a report.
//!
//! Enters: an evidence summary, configuration, catalog, control pack, the policies of principals, and what was verified of the log files. Leaves: a
//! [`Report`]. Laws: the result depends only on these, on which files were excluded from the evidence, and, where a control requires
//! it, on whether the maintenance of the deployment verified and kept its records; evidence of CloudTrail is not used while its use
//! is switched off.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::{
    assessment::{Assessment, ExcludedFiles},
    catalog::Catalog,
    config::Config,
    controls::{ControlPack, RecordKeeping},
    coverage::Coverage,
    evidence_summary::EvidenceSummary,
    grants::PolicyHistory,
    hex::hex,
    log_integrity::IntegritySummary,
    report::{MAX_ENTRIES, Report, ReportRun, RunPerformance, compose, redact},
};

/// What evidence is evaluated with.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationCriteria<'a> {
    /// Configuration that the evidence is evaluated by.
    pub config: &'a Config,
    /// Catalog of AWS operations and their classification.
    pub catalog: &'a Catalog,
    /// Control pack of the configured standard.
    pub pack: &'a ControlPack,
    /// Policies of principals; empty where they were not read.
    pub policies: &'a PolicyHistory,
    /// What was verified of the log files, if that was asked for.
    pub integrity: Option<&'a IntegritySummary>,
}

/// Evaluates evidence and makes a report. `run` describes how the evidence was read; this function adds the events
/// outside the period.
///
/// # Errors
/// When the configuration or the result cannot be written as JSON.
pub fn evaluate(
    summary: EvidenceSummary,
    criteria: EvaluationCriteria<'_>,
    run: ReportRun,
) -> Result<Report, serde_json::Error> {
    evaluate_within(summary, criteria, run, MAX_ENTRIES)
}

/// As [`evaluate`], with at most `most` entries in each list that grows with the evidence.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_within(
    mut summary: EvidenceSummary,
    criteria: EvaluationCriteria<'_>,
    run: ReportRun,
    most: usize,
) -> Result<Report, serde_json::Error> {
    let EvaluationCriteria { config, catalog, pack, policies, integrity } = criteria;
    let integrity = integrity.filter(|_| config.cloudtrail.enabled);
    if !config.cloudtrail.enabled {
        summary = summary.without_evidence();
    }
    let coverage = Coverage::of(&summary, &config.coverage, integrity);
    let EvidenceSummary { tally, lead_in, evidence_quality, outside_period, .. } = &mut summary;
    if !lead_in.tally.is_empty() {
        // The result depends on these calls too.
        let both = [evidence_quality.sha256.as_bytes(), &lead_in.tally.sha256()].concat();
        evidence_quality.sha256 = hex(&Sha256::digest(both));
    }
    let mut assessment =
        Assessment::classify(tally, &lead_in.tally, &coverage, evidence_quality, catalog, config);
    assessment.add_policies(policies, catalog);
    assessment.accounts_not_looked_up.clone_from(&run.accounts_not_looked_up);
    assessment.evidence_removed_before = run.evidence_removed_before;
    assessment.index_restored = run.index_restored.iter().map(|span| (span.since, span.until)).collect();
    assessment.excluded_files = ExcludedFiles { globs: run.exclude.clone(), files: run.excluded_files };
    let mut configuration = serde_json::to_vec(&config.without_operational_settings())?;
    if !config.coverage.trails.is_empty() {
        configuration.extend(serde_json::to_vec(&config.coverage.trails)?);
    }
    let configuration = hex(&Sha256::digest(configuration));
    let record_keeping = RecordKeeping::of(&run.maintenance, run.started_at);
    let result = compose(&assessment, catalog, pack, record_keeping, configuration, most);
    let run = ReportRun {
        outside_period: *outside_period,
        log_files_verified_at: integrity.and_then(|summary| summary.checked_at),
        // The caller fills it when the run ends.
        performance: config.report.include_performance_metrics.then(RunPerformance::default),
        ..run
    };
    let known = if config.redaction.accounts { assessment.known_accounts() } else { BTreeSet::new() };
    let (result, run) = redact(result, run, &config.redaction, &known)?;
    Report::new(result, run)
}
