//! Proof or discovery.
//!
//! Enters: the watch entries of a configuration. Leaves: [`ReportMode`]. Law: Onlooker's own roles are always watched
//! and are not a promise about other principals, so they alone do not make a proof.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Watch};

/// Whether any principal is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportMode {
    /// Principals are watched: the report says whether the promise held.
    Proof,
    /// No principal is watched: the report lists who did what and does not assess compliance.
    Discovery,
}

impl ReportMode {
    /// The mode of a report with this configuration.
    pub(super) fn of(config: &Config) -> Self {
        if config.watch.iter().all(Watch::is_own_role) { Self::Discovery } else { Self::Proof }
    }
}
