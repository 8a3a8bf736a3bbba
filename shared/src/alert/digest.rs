//! A digest: what was collected over a while, as one notification.
//!
//! Enters: notifications. Leaves: [`DigestEntry`], as it is kept until the digest is sent, and [`AlertDigest`]. Law: a
//! digest has every entry with all of its content for programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{operation::RiskLevel, time::Time};

/// Version of the schema of a digest. The first number changes when a reader of the old schema would be misled.
pub const DIGEST_VERSION: &str = "1.0";

/// Alerts that were collected and are sent as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertDigest {
    /// Version of the schema `docs/digest.schema.json`.
    pub version: String,
    /// When the first one was collected.
    pub since: Time,
    /// When the last one was collected.
    pub until: Time,
    /// Highest severity of the alerts.
    pub severity: RiskLevel,
    /// The alerts, in the order in which they were collected; at least one.
    pub alerts: Vec<DigestEntry>,
}

/// One notification in a digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DigestEntry {
    /// Id of the notification.
    pub id: String,
    /// When it was collected.
    pub collected_at: Time,
    /// Its type, such as `Read-Only Violation Detected`.
    pub detail_type: String,
    /// Its severity.
    pub severity: RiskLevel,
    /// Its line for people.
    pub subject: String,
    /// Its content for programs, with the schema of its type.
    pub detail: Value,
}

impl AlertDigest {
    /// The digest of these entries; none without any.
    pub fn new(mut alerts: Vec<DigestEntry>) -> Option<Self> {
        alerts.sort_by(|a, b| (a.collected_at, &a.id).cmp(&(b.collected_at, &b.id)));
        let (since, until) = (alerts.first()?.collected_at, alerts.last()?.collected_at);
        let severity = alerts.iter().map(|entry| entry.severity).max()?;
        Some(Self { version: DIGEST_VERSION.to_owned(), since, until, severity, alerts })
    }

    /// JSON Schema of the digest.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Self)
    }
}
