//! An action, as far as its grant matters.
//!
//! Enters: an entry of the catalog, or a pattern that names none. Leaves: [`Action`]. Law: what is unknown is no read.

use std::sync::Arc;

use crate::{
    catalog::{Catalog, CatalogEntry, spelling::names_a_credential},
    classification::{Classification, ClassificationInput, Provenance, classify},
    operation::{AccessLevel, Capabilities, OperationType, RiskLevel},
};

/// An IAM action, or a pattern over actions the catalog knows none of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// `service:Name` as the catalog spells it; the pattern as it was written, where the catalog knows none.
    pub key: Arc<str>,
    /// What a read-only principal may think of it.
    pub operation_type: OperationType,
    /// What it lets its caller do.
    pub capabilities: Capabilities,
    /// Access level, when known.
    pub access_level: Option<AccessLevel>,
    /// How much harm it can do.
    pub risk_level: RiskLevel,
    /// Whether the catalog knows it.
    pub is_known: bool,
}

impl Action {
    /// An action the catalog knows.
    pub fn of(entry: CatalogEntry) -> Self {
        let key = entry.key().into();
        Self::from_classification(key, &Classification::from(entry), true)
    }

    /// A name or pattern the catalog knows no action of: what comes before its first wildcard is judged as a name is.
    pub fn unknown(catalog: &Catalog, pattern: &str) -> Self {
        let (service, name) = pattern.split_once(':').unwrap_or(("", pattern));
        let literal = name.split(['*', '?']).next().unwrap_or_default();
        let verdict = classify(catalog, &ClassificationInput::new(service, literal));
        // A verb that the catalog happens to know as an operation says nothing of the others it begins.
        // What is spelt after a wildcard may be the name of a credential.
        let verdict = match verdict.provenance {
            Provenance::Pattern if !names_a_credential(&name.replace(['*', '?'], "")) => verdict,
            _ => classify(catalog, &ClassificationInput::new("", "")),
        };
        Self::from_classification(pattern.into(), &verdict, false)
    }

    fn from_classification(key: Arc<str>, verdict: &Classification, is_known: bool) -> Self {
        Self {
            key,
            operation_type: verdict.operation_type,
            capabilities: verdict.capabilities,
            access_level: verdict.access_level,
            risk_level: verdict.risk_level,
            is_known,
        }
    }

    /// Service prefix, as in policies.
    pub fn service(&self) -> &str {
        self.key.split_once(':').map_or("", |(service, _)| service)
    }

    /// Name without the service.
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
