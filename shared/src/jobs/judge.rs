//! From evidence to a report.
//!
//! Enters: a dossier, configuration, catalog and control pack. Leaves: a [`Report`]. Law: its result depends on these
//! alone.

use sha2::{Digest, Sha256};

use crate::{
    assessment::Assessment,
    catalog::Catalog,
    config::Config,
    coverage::Coverage,
    dossier::Dossier,
    grants::Policies,
    report::{Report, Run, compose, hex, redact},
    standard::Pack,
};

/// What evidence is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Configuration.
    pub config: &'a Config,
    /// Catalog.
    pub catalog: &'a Catalog,
    /// Control pack.
    pub pack: &'a Pack,
    /// Policies of principals; none where they were not read.
    pub policies: &'a Policies,
}

/// Judges evidence and reports on it. `run` tells how the evidence was come by; what lies outside the period is filled in.
///
/// # Errors
/// When the configuration or the result cannot be written as JSON.
pub fn judge(dossier: Dossier, order: Order<'_>, run: Run) -> Result<Report, serde_json::Error> {
    let Order { config, catalog, pack, policies } = order;
    let Dossier { tally, evidence, windows, unfinished, period, outside_period } = dossier;
    let coverage = Coverage::of(&tally, &windows, &unfinished, &config.coverage, period);
    let mut assessment = Assessment::of(&tally, &coverage, &evidence, catalog, config);
    assessment.look_at(policies, catalog);
    let configuration = hex(&Sha256::digest(serde_json::to_vec(&config.asked())?));
    let result = compose(&assessment, catalog, pack, configuration);
    let (result, run) = redact(result, Run { outside_period, ..run }, &config.redaction)?;
    Report::new(result, run)
}
