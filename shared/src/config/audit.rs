//! Settings of the audit trail.
//!
//! Enters: the keys of `[audit]`. Leaves: [`AuditSettings`]. Laws: a key that is absent has the value of the profile; every
//! profile is within the ranges of the keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{pattern::matches, time::Time};

/// Seconds of a day.
const DAY_SECONDS: u32 = 86_400;

/// What the audit trail keeps, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// Which calls of watched principals have an entry.
    pub level: AuditLevel,
    /// Values for the keys below that are absent.
    pub profile: AuditProfile,
    /// Number of entries after which the write buffer is written.
    #[schemars(range(min = 1, max = 10_000), example = 200)]
    pub write_buffer_size: Option<u32>,
    /// Seconds after which the write buffer is written. A function writes it before it answers.
    #[schemars(range(min = 1, max = 300), example = 3)]
    pub write_flush_interval: Option<u32>,
    /// Number of batches that queries keep in memory.
    #[schemars(range(min = 1, max = 10_000), example = 256)]
    pub query_cache_size: Option<u32>,
    /// Level of gzip: 1 is fastest, 9 is smallest.
    #[schemars(range(min = 1, max = 9), example = 6)]
    pub compression_level: Option<u32>,
    /// Number of entries in memory, while the store fails, above which the run fails.
    #[schemars(range(min = 100, max = 1_000_000))]
    pub max_memory_events: u32,
    /// Longest request or response in an entry, in bytes. A longer one is shortened, and the entry says so.
    #[schemars(range(min = 100, max = 100_000))]
    pub max_details_size: u32,
    /// Entries of one principal in one batch above which further ones are only counted; 0 for no limit.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rate_limit: u32,
    /// Whether secrets in requests and responses are replaced.
    pub redact: bool,
    /// Largest number of audit entries in a report: sample calls of its findings, those of the most severe findings first.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_audit_entries: u32,
    /// Days after which `audit prune` removes batches, unless `--older-than` says otherwise.
    #[schemars(range(min = 1, max = 3_650))]
    pub retention_days: u32,
    /// ARN patterns of principals with a legal hold: batches with an entry about one of them are not pruned, and neither are later
    /// batches of the same chain. `*` is for the whole trail.
    #[schemars(with = "Vec<super::formats::HeldPrincipals>", extend("examples" = [["arn:aws:iam::111122223333:*"]]))]
    pub legal_hold: Vec<String>,
}

impl AuditSettings {
    /// Entries after which the buffer is written.
    pub fn buffer_size(&self) -> usize {
        self.write_buffer_size.unwrap_or(self.profile.write_buffer_size()) as usize
    }

    /// Seconds after which the buffer is written.
    pub fn flush_seconds(&self) -> u32 {
        self.write_flush_interval.unwrap_or(self.profile.write_flush_interval())
    }

    /// Batches that a query keeps in memory.
    pub fn cached_batches(&self) -> usize {
        self.query_cache_size.unwrap_or(self.profile.query_cache_size()) as usize
    }

    /// Whether a legal hold keeps batches with entries about these principals.
    pub fn is_held<'p>(&self, mut principals: impl Iterator<Item = &'p str>) -> bool {
        let is_whole = self.legal_hold.iter().any(|pattern| pattern == "*");
        is_whole || principals.any(|principal| self.legal_hold.iter().any(|held| matches(held, principal)))
    }

    /// The time before which batches are removed.
    pub fn retained_since(&self, now: Time) -> Time {
        Time(now.0.saturating_sub(self.retention_days.saturating_mul(DAY_SECONDS)))
    }

    /// Level of gzip.
    pub fn gzip_level(&self) -> u32 {
        self.compression_level.unwrap_or(self.profile.compression_level())
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            level: AuditLevel::default(),
            profile: AuditProfile::default(),
            write_buffer_size: None,
            write_flush_interval: None,
            query_cache_size: None,
            compression_level: None,
            max_memory_events: 100_000,
            max_details_size: 10_000,
            rate_limit: 0,
            redact: true,
            max_audit_entries: 10_000,
            retention_days: 30,
            legal_hold: Vec::new(),
        }
    }
}

/// Which calls of watched principals have an entry in the audit trail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditLevel {
    /// None: the trail has only decisions and runs of Onlooker.
    Runs,
    /// Writes, denied writes, unknown operations, and reads of data and secrets; each call has an entry.
    #[default]
    Significant,
    /// Every call of a watched principal.
    All,
}

/// A set of settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditProfile {
    /// 200 entries or 3 seconds, 256 batches cached, compression 6.
    #[default]
    Balanced,
    /// Many entries: 500 entries or 10 seconds, 512 batches cached, compression 3.
    HighTraffic,
    /// Entries are stored soon: 50 entries or 1 second, 128 batches cached, compression 1.
    LowLatency,
    /// Little storage: 1,000 entries or 30 seconds, 64 batches cached, compression 9.
    Storage,
}

impl AuditProfile {
    /// All profiles.
    pub const ALL: [Self; 4] = [Self::Balanced, Self::HighTraffic, Self::LowLatency, Self::Storage];

    /// Entries after which the buffer is written.
    pub const fn write_buffer_size(self) -> u32 {
        match self {
            Self::Balanced => 200,
            Self::HighTraffic => 500,
            Self::LowLatency => 50,
            Self::Storage => 1_000,
        }
    }

    /// Seconds after which the buffer is written.
    pub const fn write_flush_interval(self) -> u32 {
        match self {
            Self::Balanced => 3,
            Self::HighTraffic => 10,
            Self::LowLatency => 1,
            Self::Storage => 30,
        }
    }

    /// Batches that a query keeps in memory.
    pub const fn query_cache_size(self) -> u32 {
        match self {
            Self::Balanced => 256,
            Self::HighTraffic => 512,
            Self::LowLatency => 128,
            Self::Storage => 64,
        }
    }

    /// Level of gzip.
    pub const fn compression_level(self) -> u32 {
        match self {
            Self::Balanced => 6,
            Self::HighTraffic => 3,
            Self::LowLatency => 1,
            Self::Storage => 9,
        }
    }
}
