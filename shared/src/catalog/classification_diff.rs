//! What a new catalog judges otherwise.
//!
//! Enters: two catalogs. Leaves: each operation whose facts differ, with both verdicts and which way it went. Law:
//! what one of them does not know is judged as that catalog would judge it, so knowledge lost that lets a call pass
//! is seen as looser.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Catalog, CatalogEntry, CatalogFacts};
use crate::classification::{Classification, ClassificationInput, classify};

/// What happened to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only the new catalog knows it.
    Added,
    /// Only the old one does.
    Removed,
    /// They say different things.
    Changed,
}

/// Which way a verdict went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeDirection {
    /// Something is judged less severely: it needs a look before the new catalog is trusted.
    Looser,
    /// Nothing is judged less severely, something more.
    Stricter,
    /// The verdict is as severe as it was.
    Same,
}

/// One operation that the catalogs differ about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClassificationChange {
    /// `service:Name`.
    pub operation: String,
    /// What happened to it.
    pub change: ChangeKind,
    /// Which way its verdict went.
    pub direction: ChangeDirection,
    /// What the old catalog answers.
    pub before: Classification,
    /// What the new one answers.
    pub after: Classification,
}

/// Everything the catalogs differ about, in the order of names.
pub fn classification_changes(old: &Catalog, new: &Catalog) -> Vec<ClassificationChange> {
    let judge = |catalog: &Catalog, key: &str, facts: Option<CatalogFacts>| {
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
    let drifted = |change: super::CatalogChange| {
        let before = judge(old, &change.key, change.before);
        let after = judge(new, &change.key, change.after);
        let (fate, direction) = match (change.before, change.after) {
            (None, _) => (ChangeKind::Added, validity_direction(&before, &after)),
            (_, None) => (ChangeKind::Removed, validity_direction(&before, &after)),
            _ => (ChangeKind::Changed, direction(&before, &after)),
        };
        ClassificationChange { operation: change.key, change: fate, direction, before, after }
    };
    Catalog::diff(old, new).into_iter().map(drifted).collect()
}

/// Where one side knows nothing, only whether the call is tolerated can be compared.
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
    let (lost, won) = (before.capabilities - after.capabilities, after.capabilities - before.capabilities);
    if orders.iter().any(|order| order.is_lt()) || !lost.is_empty() {
        ChangeDirection::Looser
    } else if orders.iter().any(|order| order.is_gt()) || !won.is_empty() {
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
        assert_eq!(found, expected.map(|(key, fate, direction)| (key.to_owned(), fate, direction)));
        assert!(classification_changes(&new, &new).is_empty());
    }
}
