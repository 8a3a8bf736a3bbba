//! Seals: what the audit trail had at a time.
//!
//! Enters: the chains of the trail. Leaves: an [`AuditSeal`], which names the last batch of each chain. Laws: a chain that
//! loses its end, or vanishes, after it was sealed is found; a seal names the hash of the seal before it, so that a missing seal
//! is found too. A seal proves as much as the place it is kept in, or its signature.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record_object::TrailRecord;
use crate::time::Time;

/// Key prefix of seals.
pub const SEALS_PREFIX: &str = "audit/seals/";

/// The last batch of each chain at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditSeal {
    /// Version of the form.
    pub version: u32,
    /// When the trail was sealed.
    pub sealed_at: Time,
    /// Number of the seal, from 0.
    pub number: u64,
    /// SHA-256 of the seal before, in hex; of the first seal 64 zeros.
    pub previous: String,
    /// The last batch of each chain, by the id of the chain.
    pub heads: BTreeMap<String, ChainHead>,
}

/// The last batch of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// Its number in the chain.
    pub sequence: u64,
    /// SHA-256 of the object, in hex.
    pub sha256: String,
}

impl AuditSeal {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// The key of the seal.
    pub fn key(&self) -> String {
        format!("{SEALS_PREFIX}{:010}.json", self.number)
    }
}

impl TrailRecord for AuditSeal {
    const PREDICATE_TYPE: &'static str = "urn:onlooker:audit-seal:v1";

    fn heads(&self) -> &BTreeMap<String, ChainHead> {
        &self.heads
    }
}
