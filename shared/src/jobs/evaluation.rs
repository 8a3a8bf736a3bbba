//! From evidence to a report.
//!
//! Enters: a dossier, configuration, catalog and control pack. Leaves: a [`Report`]. Law: its result depends on these
//! alone.

use sha2::{Digest, Sha256};

use crate::{
    assessment::Assessment,
    catalog::Catalog,
    config::Config,
    controls::ControlPack,
    coverage::Coverage,
    evidence_summary::EvidenceSummary,
    grants::PolicyHistory,
    report::{Report, ReportRun, compose, hex, redact},
};

/// What evidence is judged by.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationCriteria<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// Control pack.
    pub pack: &'a ControlPack,
    /// Policies of principals; none where they were not read.
    pub policies: &'a PolicyHistory,
}

/// Judges evidence and reports on it. `run` tells how the evidence was come by; what lies outside the period is filled in.
///
/// # Errors
/// When the configuration or the result cannot be written as JSON.
pub fn evaluate(
    dossier: EvidenceSummary,
    order: EvaluationCriteria<'_>,
    run: ReportRun,
) -> Result<Report, serde_json::Error> {
    let EvaluationCriteria { config, catalog, pack, policies } = order;
    let EvidenceSummary {
        tally,
        evidence_quality: evidence,
        digest_hours: windows,
        incomplete_hours: unfinished,
        period,
        outside_period,
    } = dossier;
    let coverage = Coverage::of(&tally, &windows, &unfinished, &config.coverage, period);
    let mut assessment = Assessment::classify(&tally, &coverage, &evidence, catalog, config);
    assessment.add_policies(policies, catalog);
    let configuration = hex(&Sha256::digest(serde_json::to_vec(&config.without_operational_settings())?));
    let result = compose(&assessment, catalog, pack, configuration);
    let (result, run) = redact(result, ReportRun { outside_period, ..run }, &config.redaction)?;
    Report::new(result, run)
}
