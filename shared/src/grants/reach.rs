//! What is left of what statements allow.
//!
//! Enters: all that has a say on some actions. Leaves: whether they are granted, and their [`Reach`]. Laws: granted only if
//! there is a resource on which no condition is left open; not granted only if there is no resource on which it may be.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Certainty, Reach,
    clauses::{Ally, Clauses},
    condition::Outcome,
    region::{Left, Region, left},
    rules::Rule,
    words,
};

/// Patterns of one statement that are looked at one by one.
const MOST: usize = 64;

/// What is granted, if anything is.
pub(super) fn of(clauses: &Clauses<'_>) -> Option<(Certainty, Arc<Reach>)> {
    let survivors: Vec<Survivor<'_>> =
        clauses.sources.iter().filter_map(|rule| Survivor::of(rule, clauses)).collect();
    if survivors.is_empty() {
        return None;
    }
    let sure: Vec<&Rule> =
        survivors.iter().map(|one| one.rule).filter(|rule| rule.outcome >= Outcome::Chosen).collect();
    let is_sure =
        remains(sure.iter().map(|rule| rule.resources.region(false, None)).collect(), clauses, false);
    let is_granted = is_sure == Left::Some;
    let certainty = if is_granted { Certainty::Granted } else { Certainty::Conditional };
    let statements: BTreeSet<_> = survivors.iter().map(|one| one.rule.id.clone()).collect();
    let resources: BTreeSet<_> = survivors.iter().flat_map(|one| &one.resources).cloned().collect();
    let mut conditions: BTreeSet<Arc<str>> = clauses.bounds().into_iter().collect();
    conditions.extend(of_allows(if is_granted { &sure } else { &clauses.sources }, is_granted));
    for list in &clauses.limits {
        let allies = list.iter().filter_map(|ally| match ally {
            Ally::Rule(rule) => Some(*rule),
            Ally::Outside(_) => None,
        });
        if list.iter().all(|ally| matches!(ally, Ally::Rule(_))) {
            conditions.extend(of_allows(&allies.collect::<Vec<_>>(), is_granted));
        }
    }
    let mut except = BTreeSet::new();
    let covered = || survivors.iter().flat_map(Survivor::regions).collect::<Vec<_>>();
    for rule in &clauses.denies {
        let meets = |only| left(&[covered(), vec![rule.resources.region(true, only)]], &[]) != Left::None;
        if rule.outcome == Outcome::Always {
            let written = rule.resources.written.iter().enumerate();
            let alone = !rule.resources.is_not && rule.resources.written.len() <= MOST;
            // Looked at once where they are looked at together: it may take long.
            let together = (!alone).then(|| meets(None));
            let is_met = |at: usize| together.unwrap_or_else(|| meets(Some(at)));
            except.extend(written.filter(|(at, _)| is_met(*at)).map(|(_, text)| Arc::clone(text)));
        } else if meets(None) {
            conditions.insert(words::of_deny(rule));
        }
    }
    let reach = Reach {
        statements: statements.into_iter().collect(),
        resources: resources.into_iter().collect(),
        except: except.into_iter().collect(),
        conditions: conditions.into_iter().collect(),
    };
    Some((certainty, Arc::new(reach)))
}

// What the allows of a list depend on: nothing, if one of them depends on nothing.
fn of_allows(rules: &[&Rule], is_granted: bool) -> Vec<Arc<str>> {
    let is_free = |rule: &&Rule| rule.outcome == Outcome::Always;
    if is_granted && rules.iter().any(is_free) {
        return Vec::new();
    }
    rules.iter().filter(|rule| !is_free(rule)).map(|rule| words::of_allow(rule)).collect()
}

/// Whether any resource is left of some regions: of what they may cover (`may`), or of what is sure.
fn remains(regions: Vec<Region<'_>>, clauses: &Clauses<'_>, may: bool) -> Left {
    let least = if may { Outcome::Open } else { Outcome::Chosen };
    let limits = clauses.limits.iter().map(|list| {
        list.iter().filter(|ally| ally.outcome() >= least).map(|ally| ally.region(may)).collect::<Vec<_>>()
    });
    let lists: Vec<Vec<Region<'_>>> = std::iter::once(regions).chain(limits).collect();
    // A deny the caller can avoid denies nothing; one that is open denies nothing for sure.
    let denies = clauses.denies.iter().filter(|rule| match rule.outcome {
        Outcome::Always => true,
        Outcome::Open => !may,
        Outcome::Chosen | Outcome::Never => false,
    });
    let denied: Vec<Region<'_>> = denies.map(|rule| rule.resources.region(!may, None)).collect();
    left(&lists, &denied)
}

/// A statement of whose grant something is left.
struct Survivor<'r> {
    rule: &'r Rule,
    /// Positions of the patterns of which something is left; none for all.
    patterns: Option<Vec<usize>>,
    resources: Vec<Arc<str>>,
}

impl<'r> Survivor<'r> {
    fn of(rule: &'r Rule, clauses: &Clauses<'_>) -> Option<Self> {
        let resources = &rule.resources;
        let remains = |only| remains(vec![resources.region(true, only)], clauses, true) != Left::None;
        if resources.is_not || resources.written.len() > MOST {
            return remains(None).then(|| Self {
                rule,
                patterns: None,
                resources: resources.written.clone(),
            });
        }
        let patterns: Vec<usize> = (0..resources.written.len()).filter(|at| remains(Some(*at))).collect();
        let written = patterns.iter().filter_map(|at| resources.written.get(*at)).cloned().collect();
        (!patterns.is_empty()).then_some(Self { rule, patterns: Some(patterns), resources: written })
    }

    fn regions(&self) -> Vec<Region<'r>> {
        let rule = self.rule;
        match &self.patterns {
            None => vec![rule.resources.region(true, None)],
            Some(patterns) => patterns.iter().map(|at| rule.resources.region(true, Some(*at))).collect(),
        }
    }
}
