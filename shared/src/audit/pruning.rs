//! Prunings: what was removed from the audit trail because of its age.
//!
//! Enters: nothing. Leaves: an [`AuditPruning`], which stays in place of the batches. Law: a chain without its first batches
//! verifies only if a pruning names the last batch that was removed, and the first one that is left follows it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{record_object::TrailRecord, seal::ChainHead};
use crate::time::Time;

/// Key prefix of prunings.
pub const PRUNINGS_PREFIX: &str = "audit/pruned/";

/// Batches that were removed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditPruning {
    /// Version of the form.
    pub version: u32,
    /// When the batches were removed.
    pub pruned_at: Time,
    /// Batches were removed if they were written before this time.
    pub older_than: Time,
    /// Number of batches.
    pub batches: u64,
    /// Number of entries.
    pub entries: u64,
    /// The last batch that was removed of each chain, by the id of the chain.
    pub chains: BTreeMap<String, ChainHead>,
}

impl AuditPruning {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// The key of the pruning of this run.
    pub fn key(&self, run_id: &str) -> String {
        format!("{PRUNINGS_PREFIX}{}_{run_id}.json", self.pruned_at)
    }
}

impl TrailRecord for AuditPruning {
    const PREDICATE_TYPE: &'static str = "urn:onlooker:audit-pruning:v1";

    fn heads(&self) -> &BTreeMap<String, ChainHead> {
        &self.chains
    }
}
