//! What a new catalog classifies differently.
//!
//! Enters: two catalogs. Leaves: each operation with different facts, both classifications and the direction of the
//! change. Law: an operation that one catalog does not contain is classified as that catalog would classify it, so a
//! removed entry that makes a call pass counts as looser.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Classification, ClassificationInput, classify};
use crate::catalog::{Catalog, CatalogChange, CatalogEntry, CatalogFacts};

/// What happened to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only the new catalog contains it.
    Added,
    /// Only the old catalog contains it.
    Removed,
    /// Both contain it, with different facts.
    Changed,
}

/// Direction of a changed classification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeDirection {
    /// The new classification is less strict on some axis. Review it before the new catalog is used.
    Looser,
    /// The new classification is stricter on some axis and less strict on none.
    Stricter,
    /// The new classification is as strict as the old one.
    Same,
}

/// One operation that the catalogs classify differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClassificationChange {
    /// The operation, as `service:Name`.
    pub operation: String,
    /// What happened to the operation.
    pub change: ChangeKind,
    /// Direction of the change.
    pub direction: ChangeDirection,
    /// Classification by the old catalog.
    pub before: Classification,
    /// Classification by the new catalog.
    pub after: Classification,
}

/// All operations that the catalogs classify differently, in the order of their names.
pub fn classification_changes(old: &Catalog, new: &Catalog) -> Vec<ClassificationChange> {
    let classify_change = |catalog: &Catalog, key: &str, facts: Option<CatalogFacts>| {
        let (service, name) = key.split_once(':').unwrap_or(("", key));
        match facts {
            Some(facts) => Classification::from(CatalogEntry {
                service: service.to_owned(),
                name: name.to_owned(),
                facts,
                row: 0,
            }),
            None => classify(catalog, &ClassificationInput::new(service, name)),
        }
    };
    let change_of = |change: CatalogChange| {
        let before = classify_change(old, &change.key, change.before);
        let after = classify_change(new, &change.key, change.after);
        let (kind, direction) = match (change.before, change.after) {
            (None, _) => (ChangeKind::Added, validity_direction(&before, &after)),
            (_, None) => (ChangeKind::Removed, validity_direction(&before, &after)),
            _ => (ChangeKind::Changed, direction(&before, &after)),
        };
        ClassificationChange { operation: change.key, change: kind, direction, before, after }
    };
    Catalog::diff(old, new).into_iter().map(change_of).collect()
}

/// The direction where one catalog does not contain the operation. Only whether the call is read-only is compared.
fn validity_direction(before: &Classification, after: &Classification) -> ChangeDirection {
    match (before.is_read_only(), after.is_read_only()) {
        (false, true) => ChangeDirection::Looser,
        (true, false) => ChangeDirection::Stricter,
        _ => ChangeDirection::Same,
    }
}

fn direction(before: &Classification, after: &Classification) -> ChangeDirection {
    let orders = [
        after.operation_type.cmp(&before.operation_type),
        after.mutates.cmp(&before.mutates),
        after.access_level.cmp(&before.access_level),
        after.risk_level.cmp(&before.risk_level),
    ];
    let (lost, gained) = (before.capabilities - after.capabilities, after.capabilities - before.capabilities);
    if orders.iter().any(|order| order.is_lt()) || !lost.is_empty() {
        ChangeDirection::Looser
    } else if orders.iter().any(|order| order.is_gt()) || !gained.is_empty() {
        ChangeDirection::Stricter
    } else {
        ChangeDirection::Same
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::merge::merge;
    use crate::catalog::sources::{ActionFact, CatalogSources};
    use crate::operation::AccessLevel;

    fn catalog(actions: &[(&str, AccessLevel)]) -> Catalog {
        let facts = actions.iter().map(|(name, level)| ActionFact {
            service: "alpha".to_owned(),
            name: (*name).to_owned(),
            level: *level,
            reference: None,
        });
        let sources = CatalogSources { service_reference: facts.collect(), ..CatalogSources::default() };
        Catalog::from_bytes(&merge(&sources, &[]).encode().expect("encodes")).expect("opens")
    }

    #[test]
    fn every_change_has_a_direction() {
        use AccessLevel::{PermissionsManagement, Read, Write};
        let old =
            catalog(&[("GetA", Write), ("PutB", Read), ("GoC", Write), ("GetGone", Write), ("Same", Write)]);
        let new = catalog(&[
            ("GetA", Read),
            ("PutB", Write),
            ("GoC", PermissionsManagement),
            ("Same", Write),
            ("New", Read),
        ]);
        let found: Vec<_> = classification_changes(&old, &new)
            .into_iter()
            .map(|one| (one.operation, one.change, one.direction))
            .collect();
        let expected = [
            ("alpha:GetA", ChangeKind::Changed, ChangeDirection::Looser),
            ("alpha:GetGone", ChangeKind::Removed, ChangeDirection::Looser),
            ("alpha:GoC", ChangeKind::Changed, ChangeDirection::Stricter),
            ("alpha:New", ChangeKind::Added, ChangeDirection::Looser),
            ("alpha:PutB", ChangeKind::Changed, ChangeDirection::Stricter),
        ];
        assert_eq!(found, expected.map(|(key, kind, direction)| (key.to_owned(), kind, direction)));
        assert!(classification_changes(&new, &new).is_empty());
    }
}
