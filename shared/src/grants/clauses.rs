//! What has to allow, together.
//!
//! Enters: the rules that are about an action. Leaves: [`Clauses`], lists of which each has to hold one that allows.
//! Laws: a deny stands above every list; a policy that limits is a list of its own.

use std::sync::Arc;

use super::{
    condition::Outcome,
    region::Region,
    rules::{Governed, Layer, Rule, Rules},
    statement::Effect,
    who::How,
};

/// One that allows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ally<'r> {
    Rule(&'r Rule),
    /// The resource is none of those this policy is about.
    Outside(&'r Governed),
}

impl<'r> Ally<'r> {
    /// Resources it may allow (`may`), or those it surely does.
    pub fn region(self, may: bool) -> Region<'r> {
        match self {
            Self::Rule(rule) => rule.resources.region(may, None),
            Self::Outside(governed) => {
                Region { shapes: governed.shapes.iter().collect(), is_not: true, within: None }
            }
        }
    }

    /// Whether it allows what it is about.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Rule(rule) => rule.outcome,
            Self::Outside(_) => Outcome::Always,
        }
    }
}

/// All that has a say on one action.
#[derive(Clone, Debug, Default)]
pub(super) struct Clauses<'r> {
    /// What grants: policies of the principal, and of resources that name him.
    pub sources: Vec<&'r Rule>,
    /// What limits; each list has to hold one that allows.
    pub limits: Vec<Vec<Ally<'r>>>,
    pub denies: Vec<&'r Rule>,
}

impl<'r> Clauses<'r> {
    /// Puts the rules that are about an action in their places.
    pub fn of(rules: &'r Rules, about: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut clauses = Self::default();
        let mut boundary = Vec::new();
        let mut levels = vec![Vec::new(); rules.levels];
        let mut governed: Vec<Vec<Ally<'r>>> =
            rules.governed.iter().map(|governed| vec![Ally::Outside(governed)]).collect();
        for rule in about {
            if rule.entry.statement.effect == Effect::Deny {
                clauses.denies.push(rule);
                continue;
            }
            match rule.layer {
                Layer::Identity => clauses.sources.push(rule),
                Layer::Boundary => boundary.push(Ally::Rule(rule)),
                Layer::Service(level) => {
                    levels.get_mut(level).into_iter().for_each(|list| list.push(Ally::Rule(rule)))
                }
                Layer::ResourceControl => {}
                Layer::Resource(at, how) => {
                    governed.get_mut(at).into_iter().for_each(|list| list.push(Ally::Rule(rule)));
                    let is_foreign = rules.governed.get(at).is_none_or(|governed| governed.is_foreign);
                    if how != How::Delegated && !is_foreign {
                        clauses.sources.push(rule);
                        if how == How::Direct {
                            boundary.push(Ally::Rule(rule));
                        }
                    }
                }
            }
        }
        if rules.has_boundary {
            clauses.limits.push(boundary);
        }
        clauses.limits.append(&mut levels);
        let strict = rules.governed.iter().zip(governed).filter(|(governed, _)| governed.is_strict);
        clauses.limits.extend(strict.map(|(_, list)| list));
        clauses
    }

    /// Words for what limits the resources that are granted, where a list names less than all.
    pub fn bounds(&self) -> Vec<Arc<str>> {
        let mut bounds = Vec::new();
        for list in &self.limits {
            let names: Option<Vec<&Rule>> = list
                .iter()
                .map(|ally| match ally {
                    Ally::Rule(rule) => Some(*rule),
                    Ally::Outside(_) => None,
                })
                .collect();
            let Some(rules) = names else { continue };
            let is_all = |rule: &&Rule| rule.resources.written.iter().any(|pattern| &**pattern == "*");
            if rules.is_empty() || rules.iter().any(is_all) {
                continue;
            }
            let written = rules.iter().flat_map(|rule| rule.resources.written.iter().map(|text| &**text));
            let mut words: Vec<&str> = written.collect();
            words.sort_unstable();
            words.dedup();
            words.truncate(10);
            let by = rules.first().map_or("", |rule| &*rule.id.policy);
            bounds.push(format!("only on {}, by {by}", words.join(", ")).into());
        }
        bounds
    }
}
