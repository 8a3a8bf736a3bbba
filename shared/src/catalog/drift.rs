//! What a new catalog judges otherwise.
//!
//! Enters: two catalogs. Leaves: each operation whose facts differ, with both verdicts and which way it went. Law:
//! what one of them does not know is judged as that catalog would judge it, so knowledge lost that lets a call pass
//! is seen as looser.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Catalog, Entry, Facts};
use crate::verdict::{Call, Verdict, classify};

/// What happened to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
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
pub enum Direction {
    /// Something is judged less severely: it needs a look before the new catalog is trusted.
    Looser,
    /// Nothing is judged less severely, something more.
    Stricter,
    /// The verdict is as severe as it was.
    Even,
}

/// One operation that the catalogs differ about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Drift {
    /// `service:Name`.
    pub operation: String,
    /// What happened to it.
    pub fate: Fate,
    /// Which way its verdict went.
    pub direction: Direction,
    /// What the old catalog answers.
    pub before: Verdict,
    /// What the new one answers.
    pub after: Verdict,
}

/// Everything the catalogs differ about, in the order of names.
pub fn drift(old: &Catalog, new: &Catalog) -> Vec<Drift> {
    let judge = |catalog: &Catalog, key: &str, facts: Option<Facts>| {
        let (service, name) = key.split_once(':').unwrap_or(("", key));
        match facts {
            Some(facts) => {
                Verdict::from(Entry { service: service.to_owned(), name: name.to_owned(), facts, row: 0 })
            }
            None => classify(catalog, &Call::named(service, name)),
        }
    };
    let drifted = |change: super::Change| {
        let before = judge(old, &change.key, change.before);
        let after = judge(new, &change.key, change.after);
        let (fate, direction) = match (change.before, change.after) {
            (None, _) => (Fate::Added, direction_of_validity(&before, &after)),
            (_, None) => (Fate::Removed, direction_of_validity(&before, &after)),
            _ => (Fate::Changed, direction(&before, &after)),
        };
        Drift { operation: change.key, fate, direction, before, after }
    };
    Catalog::diff(old, new).into_iter().map(drifted).collect()
}

/// Where one side knows nothing, only whether the call is tolerated can be compared.
fn direction_of_validity(before: &Verdict, after: &Verdict) -> Direction {
    match (before.is_valid(), after.is_valid()) {
        (false, true) => Direction::Looser,
        (true, false) => Direction::Stricter,
        _ => Direction::Even,
    }
}

fn direction(before: &Verdict, after: &Verdict) -> Direction {
    let orders = [
        after.operation_type.cmp(&before.operation_type),
        after.mutates.cmp(&before.mutates),
        after.access_level.cmp(&before.access_level),
        after.risk_level.cmp(&before.risk_level),
    ];
    let (lost, won) = (before.capabilities - after.capabilities, after.capabilities - before.capabilities);
    if orders.iter().any(|order| order.is_lt()) || !lost.is_empty() {
        Direction::Looser
    } else if orders.iter().any(|order| order.is_gt()) || !won.is_empty() {
        Direction::Stricter
    } else {
        Direction::Even
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::build::merge;
    use crate::catalog::sources::{ActionFact, Sources};
    use crate::operation::AccessLevel;

    fn catalog(actions: &[(&str, AccessLevel)]) -> Catalog {
        let facts = actions.iter().map(|(name, level)| ActionFact {
            service: "alpha".to_owned(),
            name: (*name).to_owned(),
            level: *level,
        });
        let sources = Sources { service_reference: facts.collect(), ..Sources::default() };
        Catalog::from_bytes(&merge(&sources, &[]).encode().expect("encodes")).expect("opens")
    }

    #[test]
    fn a_change_says_which_way_it_went() {
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
        let found: Vec<_> =
            drift(&old, &new).into_iter().map(|one| (one.operation, one.fate, one.direction)).collect();
        let expected = [
            ("alpha:GetA", Fate::Changed, Direction::Looser),
            ("alpha:GetGone", Fate::Removed, Direction::Looser),
            ("alpha:GoC", Fate::Changed, Direction::Stricter),
            ("alpha:New", Fate::Added, Direction::Looser),
            ("alpha:PutB", Fate::Changed, Direction::Stricter),
        ];
        assert_eq!(found, expected.map(|(key, fate, direction)| (key.to_owned(), fate, direction)));
        assert!(drift(&new, &new).is_empty());
    }
}
