//! Which operations of AWS match a pattern?
//!
//! Enters: a pattern. Leaves: [`OperationMatch`]es, sorted by name. Law: `onlooker check` accepts the names of the
//! matches.

use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::{
    catalog::{Catalog, CatalogEntry, EntryKinds},
    classification::Classification,
    operation::{AccessLevel, Capabilities, Mutates, OperationType, RiskLevel},
};

/// Version of the shape of an [`OperationMatch`]; the first number changes if a field loses its meaning.
pub const OPS_SCHEMA_VERSION: &str = "1.0";

/// One operation, with the field names of `check`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OperationMatch {
    /// Version of this shape.
    pub schema_version: &'static str,
    /// Service, as the catalog names it.
    pub service: String,
    /// Operation, as AWS spells it.
    pub operation: String,
    /// Whether a read-only principal may make the call.
    pub is_valid: bool,
    /// Operation type of the operation.
    pub operation_type: OperationType,
    /// Whether the operation changes state.
    pub mutates: Mutates,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// What the operation allows its caller to do.
    pub capabilities: Capabilities,
    /// Risk of a call.
    pub risk_level: RiskLevel,
    /// Whether the sources disagree about the operation.
    pub source_conflict: bool,
    /// Whether it is an IAM action.
    pub is_iam_action: bool,
    /// Whether it is an operation of an API.
    pub is_api_operation: bool,
    /// Whether it is an event and not an API call.
    pub is_event: bool,
}

impl From<CatalogEntry> for OperationMatch {
    fn from(entry: CatalogEntry) -> Self {
        let EntryKinds { action, operation, non_api_event } = entry.facts.kinds;
        let classification = Classification::from(entry);
        Self {
            schema_version: OPS_SCHEMA_VERSION,
            is_valid: classification.is_read_only(),
            service: classification.service,
            operation: classification.operation,
            operation_type: classification.operation_type,
            mutates: classification.mutates,
            access_level: classification.access_level,
            capabilities: classification.capabilities,
            risk_level: classification.risk_level,
            source_conflict: classification.source_conflict,
            is_iam_action: action,
            is_api_operation: operation,
            is_event: non_api_event,
        }
    }
}

/// The published JSON schema of what `onlooker ops --json` prints: a list of operations.
pub fn schema() -> Schema {
    schemars::schema_for!(Vec<OperationMatch>)
}

/// The operations that match the pattern, or otherwise the pattern without `-` and `_`. With several words, the
/// operations that match every word.
pub fn search(catalog: &Catalog, pattern: &str) -> Vec<OperationMatch> {
    find(catalog, pattern).into_iter().map(OperationMatch::from).collect()
}

fn find(catalog: &Catalog, pattern: &str) -> Vec<CatalogEntry> {
    let mut found = catalog.search(pattern);
    found.sort_unstable_by_key(|entry| entry.row);
    if !found.is_empty() {
        return found;
    }
    if let Some((service, name)) = pattern.split_once(':') {
        return catalog.search(&format!("{service}:{}", name.replace(['-', '_'], "")));
    }
    let mut words = pattern.split_whitespace().map(|word| catalog.search(word));
    let first = words.next().unwrap_or_default();
    words.fold(first, |mut kept, found| {
        kept.retain(|entry| found.binary_search_by_key(&entry.row, |other| other.row).is_ok());
        kept
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json::{
        escape_json,
        tests::{assert_schema_is_current, schema_violation},
    };

    #[test]
    fn the_published_schema_is_current() {
        let text = serde_json::to_string_pretty(&schema()).unwrap();
        assert_schema_is_current("ops.schema.json", OPS_SCHEMA_VERSION, &escape_json(text));
    }

    #[test]
    fn all_operations_fit_the_schema() {
        let all = search(Catalog::embedded(), "iam:*");
        let schema = serde_json::to_value(schema()).unwrap();
        assert_eq!(schema_violation(&serde_json::to_value(&all).unwrap(), &schema, &schema, "$"), None);
        assert!(all.len() > 100);
    }
}
