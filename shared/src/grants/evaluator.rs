//! Policies to grants, and to the decision on one request.
//!
//! Enters: [`Snapshot`], and for a decision a [`Request`]. Leaves: [`Grants`] or a [`Decision`]. Law: whatever a decision
//! can allow on some resource in some context, the grants hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Action, Decision, Grant, Grants, Request, Snapshot, Unseen,
    classes::Classes,
    clauses::Clauses,
    context::{Caller, Facts},
    decision,
    index::Positions,
    library::Library,
    reach,
    rules::{Layer, Rules},
    statement::Effect,
};
use crate::{catalog::Catalog, pattern::Shape};

/// Evaluates policies, remembering what it has met.
#[derive(Debug)]
pub struct Evaluator<'c> {
    catalog: &'c Catalog,
    library: Library,
}

impl<'c> Evaluator<'c> {
    /// An evaluator over a catalog.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, library: Library::new(catalog) }
    }

    /// The catalog.
    pub const fn catalog(&self) -> &'c Catalog {
        self.catalog
    }

    /// What policies say to one request.
    pub fn decide(&self, snapshot: &Snapshot, request: &Request<'_>) -> Decision {
        let caller = Caller::of(snapshot);
        let facts = Facts { caller: &caller, request: Some(request.context) };
        decision::decide(&Rules::of(snapshot, &facts, &self.library), request)
    }

    /// What a principal's policies allow.
    pub fn grants(&self, snapshot: &Snapshot) -> Grants {
        let caller = Caller::of(snapshot);
        let rules = Rules::of(snapshot, &Facts { caller: &caller, request: None }, &self.library);
        let known = &self.library.index.actions;
        let unknown = self.unknown(&rules);
        let classes = Classes::of(known.len() + unknown.len(), &self.about(&rules, &unknown));
        let reaches: Vec<_> = classes
            .all()
            .map(|about| {
                let about = about.into_iter().filter_map(|at| rules.all.get(at));
                reach::of(&Clauses::of(&rules, about))
            })
            .collect();
        let actions = known.iter().chain(unknown.values());
        let mut held: Vec<Grant> = actions
            .zip(classes.each())
            .filter_map(|(action, class)| {
                let (certainty, reach) = reaches.get(class)?.as_ref()?;
                Some(Grant { action: Arc::clone(action), certainty: *certainty, reach: Arc::clone(reach) })
            })
            .collect();
        if !unknown.is_empty() {
            held.sort_by(|a, b| a.action.key.cmp(&b.action.key));
            held.dedup_by(|a, b| a.action.key == b.action.key);
        }
        Grants { held, problems: rules.problems, unseen: unseen(snapshot) }
    }

    // Patterns the catalog knows no action of, by their lower case, of the statements that can grant.
    fn unknown(&self, rules: &Rules) -> BTreeMap<String, Arc<Action>> {
        let granting = rules.all.iter().filter(|rule| {
            let statement = &rule.entry.statement;
            statement.effect == Effect::Allow
                && !statement.actions.is_not
                && matches!(rule.layer, Layer::Identity | Layer::Resource(..))
        });
        granting
            .flat_map(|rule| &rule.entry.unknown)
            .map(|pattern| (pattern.to_ascii_lowercase(), Arc::new(Action::unknown(self.catalog, pattern))))
            .collect()
    }

    // The positions each rule is about: actions of the catalog, and behind them the unknown ones.
    fn about(&self, rules: &Rules, unknown: &BTreeMap<String, Arc<Action>>) -> Vec<Positions> {
        let known = &self.library.index.actions;
        let count = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let shapes: Vec<(&str, Shape)> = unknown.keys().map(|key| (key.as_str(), Shape::of(key))).collect();
        let controlled: Option<Vec<bool>> = rules
            .all
            .iter()
            .any(|rule| rule.layer == Layer::ResourceControl)
            .then(|| known.iter().map(|action| super::is_resource_controlled(&action.key)).collect());
        let about = |rule: &super::rules::Rule| -> Positions {
            let may = |key: &str| rule.layer != Layer::ResourceControl || super::is_resource_controlled(key);
            let also: Vec<u32> = (count..)
                .zip(&shapes)
                .filter(|(_, (key, shape))| may(key) && rule.entry.names_unknown(shape))
                .map(|(at, _)| at)
                .collect();
            match &controlled {
                Some(controlled) if rule.layer == Layer::ResourceControl => {
                    let is_controlled = |at: &u32| {
                        usize::try_from(*at).ok().and_then(|at| controlled.get(at).copied()) == Some(true)
                    };
                    rule.entry.actions.iter().copied().filter(is_controlled).chain(also).collect()
                }
                _ if also.is_empty() => Arc::clone(&rule.entry.actions),
                _ => rule.entry.actions.iter().copied().chain(also).collect(),
            }
        };
        rules.all.iter().map(about).collect()
    }
}

fn unseen(snapshot: &Snapshot) -> BTreeSet<Unseen> {
    [
        (Unseen::Boundary, snapshot.boundary.is_none() && !snapshot.boundary_read),
        (Unseen::ServiceControlPolicies, snapshot.service_control.is_none()),
        (Unseen::ResourceControlPolicies, snapshot.resource_control.is_none()),
        (Unseen::SessionPolicies, true),
        (Unseen::VpcEndpointPolicies, true),
        (Unseen::ResourcePolicies, snapshot.resources.is_empty()),
    ]
    .into_iter()
    .filter_map(|(unseen, holds)| holds.then_some(unseen))
    .collect()
}
