//! An action and its classification.
//!
//! Enters: a key of the catalog with its facts, or a pattern that matches none. Leaves: [`Action`]. Law: an unknown action is not
//! read-only, unless its literal name says so.

use std::sync::Arc;

use crate::{
    catalog::{Catalog, CatalogFacts, spelling::names_a_credential},
    classification::{ClassificationInput, Provenance, classify, risk_level_of},
    operation::{AccessLevel, Capabilities, OperationType, RiskLevel},
};

/// An IAM action, or a pattern that matches no action of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// `service:Name` as the catalog spells it, or the pattern as the policy writes it.
    pub key: Arc<str>,
    /// Operation type of the action: whether a read-only principal may have the action.
    pub operation_type: OperationType,
    /// What the action allows its caller to do.
    pub capabilities: Capabilities,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// Risk level of the action.
    pub risk_level: RiskLevel,
    /// Whether the action is in the catalog.
    pub is_known: bool,
}

impl Action {
    /// An action of the catalog, by its key and facts.
    pub fn of(key: &str, facts: &CatalogFacts) -> Self {
        let CatalogFacts { access_level, operation_type, capabilities, .. } = *facts;
        Self {
            key: key.into(),
            operation_type,
            capabilities,
            access_level,
            risk_level: risk_level_of(access_level, operation_type, capabilities),
            is_known: true,
        }
    }

    /// A name or pattern that matches no action of the catalog. The part before the first wildcard is classified as a
    /// name.
    pub fn unknown(catalog: &Catalog, pattern: &str) -> Self {
        let (service, name) = pattern.split_once(':').unwrap_or(("", pattern));
        let literal = name.split(['*', '?']).next().unwrap_or_default();
        let classification = classify(catalog, &ClassificationInput::new(service, literal));
        // A prefix that is itself an operation of the catalog says nothing about other names with that prefix.
        // The text after a wildcard may name a credential.
        let classification = match classification.provenance {
            Provenance::Pattern if !names_a_credential(&name.replace(['*', '?'], "")) => classification,
            _ => classify(catalog, &ClassificationInput::new("", "")),
        };
        Self {
            key: pattern.into(),
            operation_type: classification.operation_type,
            capabilities: classification.capabilities,
            access_level: classification.access_level,
            risk_level: classification.risk_level,
            is_known: false,
        }
    }

    /// Service prefix, as in policies.
    pub fn service(&self) -> &str {
        self.key.split_once(':').map_or("", |(service, _)| service)
    }

    /// The action's name without the service: `GetObject` of `s3:GetObject`.
    pub fn name(&self) -> &str {
        self.key.split_once(':').map_or(&*self.key, |(_, name)| name)
    }

    /// Whether a read-only principal may have it.
    pub fn is_read_only(&self) -> bool {
        self.operation_type == OperationType::ReadOnly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_action_is_read_only_only_if_its_whole_name_says_so() {
        let is_read = |pattern| Action::unknown(Catalog::embedded(), pattern).is_read_only();
        assert!(is_read("newservice:Get*") && is_read("newservice:ListThings"));
        for pattern in
            ["newservice:Get*Credentials", "newservice:*", "newservice:Do*", "newservice:Get?essionToken"]
        {
            assert!(!is_read(pattern), "{pattern}");
        }
    }
}
