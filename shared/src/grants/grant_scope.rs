//! What remains of the statements that allow an action.
//!
//! Enters: all rules for a group of actions. Leaves: whether they are granted, and their [`GrantScope`]. Laws:
//! unconditional only if the action is allowed on some resource without an undecided condition; not granted only if
//! it cannot be allowed on any resource.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use hashbrown::HashMap;

use super::{
    Certainty, GrantScope,
    action_index::{ActionIndex, ActionResources, Partition, ResourceTypesId},
    action_rules::{ActionRules, LimitEntry},
    condition::Applicability,
    describe,
    resource_set::{Remainder, ResourceSet, remainder},
    rules::PolicyRule,
};
use crate::pattern::CompiledPattern;

/// Patterns of one statement that are checked one by one.
const MAX_PATTERNS: usize = 64;

type CertainScope = Option<(Certainty, Arc<GrantScope>)>;

/// The scopes of the actions of one group, by their resource types.
pub(super) struct GroupScopes<'r> {
    clauses: ActionRules<'r>,
    /// Whether the scope is the same for all resource types, since the statements are about every resource.
    is_about_everything: bool,
    known: RefCell<HashMap<Option<ResourceTypesId>, CertainScope>>,
}

impl<'r> GroupScopes<'r> {
    /// The scopes by the rules of a group.
    pub fn of(clauses: ActionRules<'r>) -> Self {
        let rules = clauses.allows.iter().chain(&clauses.denies).copied();
        let limits = clauses.limits.iter().flatten().map(|ally| match ally {
            LimitEntry::Rule(rule) => Some(*rule),
            LimitEntry::NotGoverned(_) => None,
        });
        let is_about_everything =
            rules.map(Some).chain(limits).all(|rule| rule.is_some_and(|rule| rule.resources.is_everything()));
        Self { clauses, is_about_everything, known: RefCell::default() }
    }

    /// The certainty and scope of the grant of an action; none if nothing is granted.
    pub fn scope(&self, position: u32, index: &ActionIndex<'_>, partition: Partition) -> CertainScope {
        if self.clauses.allows.is_empty() {
            return None;
        }
        let types = if self.is_about_everything { None } else { index.resource_types(position, partition) };
        let mut known = self.known.borrow_mut();
        let scope = known.entry(types).or_insert_with(|| {
            evaluate_scope(&self.clauses, types.and_then(|types| index.resources(types, partition)))
        });
        scope.clone()
    }
}

/// The certainty and scope of the grant of an action with these resources; none if nothing is granted.
fn evaluate_scope(clauses: &ActionRules<'_>, resources: Option<&ActionResources>) -> CertainScope {
    let survivors: Vec<EffectiveAllow<'_>> =
        clauses.allows.iter().filter_map(|rule| EffectiveAllow::of(rule, clauses, resources)).collect();
    if survivors.is_empty() {
        return None;
    }
    let sure: Vec<&PolicyRule> = survivors
        .iter()
        .map(|one| one.rule)
        .filter(|rule| rule.applicability >= Applicability::CallerControlled)
        .collect();
    let is_sure = remaining_resources(
        sure.iter().map(|rule| rule.resources.resource_set(false, None)).collect(),
        clauses,
        resources,
        false,
    );
    let is_granted = is_sure == Remainder::NonEmpty;
    let is_unlisted = resources.is_some_and(|resources| {
        let sets: Vec<ResourceSet<'_>> = survivors.iter().flat_map(EffectiveAllow::resource_sets).collect();
        !sets.iter().any(|set| set.may_meet(resources.patterns(false)))
    });
    let certainty = if is_granted { Certainty::Unconditional } else { Certainty::Conditional };
    let statements: BTreeSet<_> = survivors.iter().map(|one| one.rule.id.clone()).collect();
    let covered_resources: BTreeSet<_> = survivors.iter().flat_map(|one| &one.resources).cloned().collect();
    let mut conditions: BTreeSet<Arc<str>> = clauses.limit_descriptions().into_iter().collect();
    conditions.extend(allow_conditions(if is_granted { &sure } else { &clauses.allows }, is_granted));
    if is_unlisted {
        conditions.insert(describe::UNLISTED_RESOURCE.into());
    }
    for list in &clauses.limits {
        let allies = list.iter().filter_map(|ally| match ally {
            LimitEntry::Rule(rule) => Some(*rule),
            LimitEntry::NotGoverned(_) => None,
        });
        if list.iter().all(|ally| matches!(ally, LimitEntry::Rule(_))) {
            conditions.extend(allow_conditions(&allies.collect::<Vec<_>>(), is_granted));
        }
    }
    let mut except = BTreeSet::new();
    let covered = || survivors.iter().flat_map(EffectiveAllow::resource_sets).collect::<Vec<_>>();
    for rule in &clauses.denies {
        let meets = |only| {
            let mut lists = vec![covered(), vec![rule.resources.resource_set(true, only)]];
            lists.extend(resources.map(|resources| vec![resource_types_set(resources.patterns(true))]));
            remainder(&lists, &[]) != Remainder::Empty
        };
        if rule.applicability == Applicability::Always {
            let written = rule.resources.as_written.iter().enumerate();
            let alone = !rule.resources.is_negated && rule.resources.as_written.len() <= MAX_PATTERNS;
            // Patterns that are checked together are checked once: it may take long.
            let together = (!alone).then(|| meets(None));
            let is_met = |at: usize| together.unwrap_or_else(|| meets(Some(at)));
            except.extend(written.filter(|(at, _)| is_met(*at)).map(|(_, text)| Arc::clone(text)));
        } else if meets(None) {
            conditions.insert(describe::deny_condition(rule));
        }
    }
    let rules = || {
        let limits = clauses.limits.iter().flatten().filter_map(|entry| match entry {
            LimitEntry::Rule(rule) => Some(*rule),
            LimitEntry::NotGoverned(_) => None,
        });
        survivors.iter().map(|one| one.rule).chain(limits).chain(clauses.denies.iter().copied())
    };
    if !is_granted && conditions.is_empty() && rules().any(|rule| rule.resources.may_cross_fields()) {
        conditions.insert(describe::WILDCARD_ACROSS_FIELDS.into());
    }
    let reach = GrantScope {
        statements: statements.into_iter().collect(),
        resources: covered_resources.into_iter().collect(),
        denied_resources: except.into_iter().collect(),
        conditions: conditions.into_iter().collect(),
    };
    Some((certainty, Arc::new(reach)))
}

// The conditions of the allows of a list; empty if the action is granted and one of them has no condition.
fn allow_conditions(rules: &[&PolicyRule], is_granted: bool) -> Vec<Arc<str>> {
    let is_free = |rule: &&PolicyRule| rule.applicability == Applicability::Always;
    if is_granted && rules.iter().any(is_free) {
        return Vec::new();
    }
    rules.iter().filter(|rule| !is_free(rule)).map(|rule| describe::allow_condition(rule)).collect()
}

/// Whether any resource of some sets remains: of those they may cover (`may`), or of those they certainly cover.
fn remaining_resources(
    sets: Vec<ResourceSet<'_>>,
    clauses: &ActionRules<'_>,
    resources: Option<&ActionResources>,
    may: bool,
) -> Remainder {
    let least = if may { Applicability::Unknown } else { Applicability::CallerControlled };
    let limits = clauses.limits.iter().map(|list| {
        list.iter()
            .filter(|ally| ally.applicability() >= least)
            .map(|ally| ally.resource_set(may))
            .collect::<Vec<_>>()
    });
    let typed = resources.map(|resources| vec![resource_types_set(resources.patterns(may))]);
    let lists: Vec<Vec<ResourceSet<'_>>> = std::iter::once(sets).chain(limits).chain(typed).collect();
    // A deny that the caller can avoid is ignored. An undecided deny counts only against the certain resources.
    let denies = clauses.denies.iter().filter(|rule| match rule.applicability {
        Applicability::Always => true,
        Applicability::Unknown => !may,
        Applicability::CallerControlled | Applicability::Never => false,
    });
    let denied: Vec<ResourceSet<'_>> = denies.map(|rule| rule.resources.resource_set(!may, None)).collect();
    // Most statements are neither limited nor denied. Then two lists remain, and it is quick to see whether they meet.
    if let Some(resources) = resources
        && denied.is_empty()
        && let [sets, limits @ .., _] = &*lists
        && sets.iter().all(|set| !set.is_negated && set.within.is_none())
        && limits.iter().all(|list| list.iter().any(ResourceSet::is_everything))
    {
        let meets = sets.iter().any(|set| set.may_meet(resources.patterns(may)));
        return if meets { Remainder::NonEmpty } else { Remainder::Empty };
    }
    remainder(&lists, &denied)
}

/// The resources of the types that an action takes.
fn resource_types_set(patterns: &[CompiledPattern]) -> ResourceSet<'_> {
    ResourceSet { shapes: patterns.iter().collect(), is_negated: false, within: None }
}

/// A statement that still grants something.
struct EffectiveAllow<'r> {
    rule: &'r PolicyRule,
    /// Positions of the patterns that still cover a resource; none if all patterns are taken together.
    patterns: Option<Vec<usize>>,
    resources: Vec<Arc<str>>,
}

impl<'r> EffectiveAllow<'r> {
    fn of(
        rule: &'r PolicyRule,
        clauses: &ActionRules<'_>,
        of_types: Option<&ActionResources>,
    ) -> Option<Self> {
        let resources = &rule.resources;
        let remains = |only| {
            let set = resources.resource_set(true, only);
            // Most statements are about another service than most actions: that is quick to see.
            of_types.is_none_or(|resources| set.may_meet(resources.patterns(true)))
                && remaining_resources(vec![set], clauses, of_types, true) != Remainder::Empty
        };
        if resources.is_negated || resources.as_written.len() > MAX_PATTERNS {
            return remains(None).then(|| Self {
                rule,
                patterns: None,
                resources: resources.as_written.clone(),
            });
        }
        let patterns: Vec<usize> = (0..resources.as_written.len()).filter(|at| remains(Some(*at))).collect();
        let written = patterns.iter().filter_map(|at| resources.as_written.get(*at)).cloned().collect();
        (!patterns.is_empty()).then_some(Self { rule, patterns: Some(patterns), resources: written })
    }

    fn resource_sets(&self) -> Vec<ResourceSet<'r>> {
        let rule = self.rule;
        match &self.patterns {
            None => vec![rule.resources.resource_set(true, None)],
            Some(patterns) => {
                patterns.iter().map(|at| rule.resources.resource_set(true, Some(*at))).collect()
            }
        }
    }
}
