//! The rules for one action, grouped by their role in policy evaluation.
//!
//! Enters: the rules that cover an action. Leaves: [`ActionRules`]: rules that grant, limits of which each has to
//! contain an entry that allows, and denies. Laws: a deny overrides every list; each policy that limits is a list of
//! its own.

use std::sync::Arc;

use super::{
    condition::Applicability,
    principal_match::PrincipalMatch,
    resource_set::ResourceSet,
    rules::{PolicyLayer, PolicyRule, PolicyRules, ResourceWithPolicy},
    statement::Effect,
};

/// An entry of a limit that allows.
#[derive(Clone, Copy, Debug)]
pub(super) enum LimitEntry<'r> {
    Rule(&'r PolicyRule),
    /// Resources outside this resource-based policy, which does not limit them.
    NotGoverned(&'r ResourceWithPolicy),
}

impl<'r> LimitEntry<'r> {
    /// Resources that the rule may allow (`may`), or those that it certainly allows.
    pub fn resource_set(self, may: bool) -> ResourceSet<'r> {
        match self {
            Self::Rule(rule) => rule.resources.resource_set(may, None),
            Self::NotGoverned(governed) => {
                ResourceSet { shapes: governed.shapes.iter().collect(), is_negated: true, within: None }
            }
        }
    }

    /// Whether the entry applies to the request.
    pub const fn applicability(self) -> Applicability {
        match self {
            Self::Rule(rule) => rule.applicability,
            Self::NotGoverned(_) => Applicability::Always,
        }
    }
}

/// All rules for one action.
#[derive(Clone, Debug, Default)]
pub(super) struct ActionRules<'r> {
    /// Rules that grant: identity-based policies of the principal, and resource-based policies that name it.
    pub allows: Vec<&'r PolicyRule>,
    /// Limits; each list has to contain an entry that allows.
    pub limits: Vec<Vec<LimitEntry<'r>>>,
    pub denies: Vec<&'r PolicyRule>,
}

impl<'r> ActionRules<'r> {
    /// Groups the rules that cover a group of actions.
    pub fn of(rules: &'r PolicyRules, about: impl IntoIterator<Item = &'r PolicyRule>) -> Self {
        Self::for_action(rules, about, "")
    }

    /// Groups the rules that cover an action, given in lower case. A role can be assumed only if its trust policy allows it.
    pub fn for_action(
        rules: &'r PolicyRules,
        about: impl IntoIterator<Item = &'r PolicyRule>,
        action: &str,
    ) -> Self {
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
        let assumes = action.starts_with("sts:assumerole");
        let strict = (rules.resources_with_policy.iter().zip(governed))
            .filter(|(governed, _)| governed.requires_allow || assumes && governed.is_role);
        clauses.limits.extend(strict.map(|(_, list)| list));
        clauses
    }

    /// Descriptions of the limits that do not cover all resources.
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
