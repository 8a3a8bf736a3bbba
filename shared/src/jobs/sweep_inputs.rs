//! What the result of a sweep depends on, if the sweep has nothing to read.
//!
//! Enters: the task, and the log files of which evidence is stored. Leaves: a SHA-256 over all of it. Laws: two sweeps with equal
//! hashes have equal results, so the report of the earlier one is that of the later one; what cannot be hashed (policies, a
//! catalog of a file, pseudonyms) has no hash, and such a sweep reads the stored evidence.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{evaluation::EvaluationCriteria, sweep::SweepTask};
use crate::{
    config::{Config, InputLimits, Watch},
    hex::hex,
    ports::ProcessedObject,
    report::{ReportRun, SCHEMA_VERSION},
};

/// The hash of what the result depends on; `None` if something of it cannot be hashed.
pub(super) fn inputs_sha256(
    task: &SweepTask<'_>,
    run: &ReportRun,
    stored: &[ProcessedObject],
    excluded: &BTreeSet<String>,
) -> Result<Option<String>, serde_json::Error> {
    let EvaluationCriteria { config, catalog, pack, policies, integrity } = task.criteria;
    let is_redacted = config.redaction.sessions || config.redaction.accounts;
    // Neither is in the JSON of a configuration.
    let (trails, has_own_roles) = (&config.coverage.trails, config.watch.iter().any(Watch::is_own_role));
    let has_more = has_own_roles
        || task.verification.is_some()
        || !policies.is_empty()
        || config.catalog.is_some()
        || is_redacted;
    if has_more || !says_nothing_of_evidence(run) {
        return Ok(None);
    }
    // The number of threads and of events in memory change nothing.
    let limits = InputLimits { log_file_mib: config.limits.log_file_mib, ..InputLimits::default() };
    let config = &Config { limits, ..config.clone() };
    let versions = (env!("CARGO_PKG_VERSION"), SCHEMA_VERSION, catalog.version());
    let period = (task.since, task.until);
    let mut hash = Sha256::new();
    hash.update(serde_json::to_vec(&(
        versions,
        config,
        trails,
        pack,
        integrity,
        period,
        task.exclude.globs,
        excluded,
    ))?);
    for read in stored {
        let ProcessedObject { object, sha256, records, unreadable, .. } = read;
        let one =
            serde_json::to_vec(&(&object.name, object.size, &object.version, sha256, records, unreadable))?;
        hash.update((one.len() as u64).to_le_bytes());
        hash.update(one);
    }
    Ok(Some(hex(&hash.finalize())))
}

/// Whether the run has none of what a deployment or an account says about its evidence.
fn says_nothing_of_evidence(run: &ReportRun) -> bool {
    run.accounts_not_looked_up.is_empty()
        && run.evidence_removed_before.is_none()
        && run.index_restored.is_empty()
        && run.maintenance.is_empty()
}
