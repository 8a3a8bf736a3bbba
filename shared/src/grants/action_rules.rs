//! What has to allow, together.
//!
//! Enters: the rules that are about an action. Leaves: [`ActionRules`], lists of which each has to hold one that allows.
//! Laws: a deny stands above every list; a policy that limits is a list of its own.

use std::sync::Arc;

use super::{
    condition::Applicability,
    principal_match::PrincipalMatch,
    resource_set::ResourceSet,
    rules::{PolicyLayer, PolicyRule, PolicyRules, ResourceWithPolicy},
    statement::Effect,
};

/// One that allows.
#[derive(Clone, Copy, Debug)]
pub(super) enum LimitEntry<'r> {
    Rule(&'r PolicyRule),
    /// The resource is none of those this policy is about.
    NotGoverned(&'r ResourceWithPolicy),
}

impl<'r> LimitEntry<'r> {
    /// Resources it may allow (`may`), or those it surely does.
    pub fn resource_set(self, may: bool) -> ResourceSet<'r> {
        match self {
            Self::Rule(rule) => rule.resources.resource_set(may, None),
            Self::NotGoverned(governed) => {
                ResourceSet { shapes: governed.shapes.iter().collect(), is_negated: true, within: None }
            }
        }
    }

    /// Whether it allows what it is about.
    pub const fn applicability(self) -> Applicability {
        match self {
            Self::Rule(rule) => rule.applicability,
            Self::NotGoverned(_) => Applicability::Always,
        }
    }
}

/// All that has a say on one action.
#[derive(Clone, Debug, Default)]
pub(super) struct ActionRules<'r> {
    /// What grants: policies of the principal, and of resources that name him.
    pub allows: Vec<&'r PolicyRule>,
    /// What limits; each list has to hold one that allows.
    pub limits: Vec<Vec<LimitEntry<'r>>>,
    pub denies: Vec<&'r PolicyRule>,
}

impl<'r> ActionRules<'r> {
    /// Puts the rules that are about an action in their places.
    pub fn of(rules: &'r PolicyRules, about: impl IntoIterator<Item = &'r PolicyRule>) -> Self {
        let mut clauses = Self::default();
        let mut boundary = Vec::new();
        let mut levels = vec![Vec::new(); rules.service_control_levels];
        let mut governed: Vec<Vec<LimitEntry<'r>>> = rules
            .resources_with_policy
            .iter()
            .map(|governed| vec![LimitEntry::NotGoverned(governed)])
            .collect();
        for rule in about {
            if rule.indexed.statement.effect == Effect::Deny {
                clauses.denies.push(rule);
                continue;
            }
            match rule.layer {
                PolicyLayer::Identity => clauses.allows.push(rule),
                PolicyLayer::Boundary => boundary.push(LimitEntry::Rule(rule)),
                PolicyLayer::ServiceControl(level) => {
                    levels.get_mut(level).into_iter().for_each(|list| list.push(LimitEntry::Rule(rule)))
                }
                PolicyLayer::ResourceControl => {}
                PolicyLayer::ResourceBased(at, how) => {
                    governed.get_mut(at).into_iter().for_each(|list| list.push(LimitEntry::Rule(rule)));
                    let is_foreign =
                        rules.resources_with_policy.get(at).is_none_or(|governed| governed.is_cross_account);
                    if how != PrincipalMatch::ViaAccount && !is_foreign {
                        clauses.allows.push(rule);
                        if how == PrincipalMatch::Direct {
                            boundary.push(LimitEntry::Rule(rule));
                        }
                    }
                }
            }
        }
        if rules.has_boundary {
            clauses.limits.push(boundary);
        }
        clauses.limits.append(&mut levels);
        let strict =
            rules.resources_with_policy.iter().zip(governed).filter(|(governed, _)| governed.requires_allow);
        clauses.limits.extend(strict.map(|(_, list)| list));
        clauses
    }

    /// Words for what limits the resources that are granted, where a list names less than all.
    pub fn limit_descriptions(&self) -> Vec<Arc<str>> {
        let mut bounds = Vec::new();
        for list in &self.limits {
            let names: Option<Vec<&PolicyRule>> = list
                .iter()
                .map(|ally| match ally {
                    LimitEntry::Rule(rule) => Some(*rule),
                    LimitEntry::NotGoverned(_) => None,
                })
                .collect();
            let Some(rules) = names else { continue };
            let is_all =
                |rule: &&PolicyRule| rule.resources.as_written.iter().any(|pattern| &**pattern == "*");
            if rules.is_empty() || rules.iter().any(is_all) {
                continue;
            }
            let written = rules.iter().flat_map(|rule| rule.resources.as_written.iter().map(|text| &**text));
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
