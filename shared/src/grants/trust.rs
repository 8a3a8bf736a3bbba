//! The trust policies of roles, by the principals that they name.
//!
//! Enters: the [`PolicySnapshot`]s of one set of files. Leaves: for a principal, the trust policies that name it. Laws:
//! each trust policy is parsed once; a policy is left out only if none of its allows can name the principal directly.
//!
//! Source: IAM User Guide, "Policy evaluation for requests within a single account" and "Cross-account policy evaluation
//! logic", read 2026-11: a resource-based policy that names a principal of its account grants alone; across accounts, a
//! policy of the principal has to allow too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    PolicySnapshot, ResourceBasedPolicy,
    document::{PolicyDocument, PolicyType},
    principal_match::{named_account, with_unknown_values},
    statement::{Effect, PrincipalElement},
};
use crate::pattern::CompiledPattern;

/// The trust policies of roles.
#[derive(Clone, Debug, Default)]
pub struct TrustPolicies {
    policies: Vec<ResourceBasedPolicy>,
    /// Positions of policies by the ARN that they name.
    by_arn: BTreeMap<Arc<str>, Vec<usize>>,
    /// Positions of policies by the account and name of a role of which they name a session.
    by_session: BTreeMap<(String, String), Vec<usize>>,
    /// Policies that name every principal, or any that a pattern matches.
    by_pattern: Vec<(CompiledPattern, usize)>,
}

impl TrustPolicies {
    /// The trust policies of the roles of one set of files.
    pub fn of<'s>(snapshots: impl IntoIterator<Item = &'s PolicySnapshot>) -> Self {
        let mut trust = Self::default();
        let mut known = BTreeSet::new();
        let mut parsed: BTreeMap<Arc<str>, Arc<PolicyDocument>> = BTreeMap::new();
        for snapshot in snapshots {
            let Some(policy) = &snapshot.trust_policy else { continue };
            if !known.insert((Arc::clone(&snapshot.principal), Arc::clone(&policy.text))) {
                continue;
            }
            let document = parsed
                .entry(Arc::clone(&policy.text))
                .or_insert_with(|| Arc::new(PolicyDocument::parse(&policy.text, PolicyType::Resource)));
            let at = trust.policies.len();
            trust.policies.push(ResourceBasedPolicy::trust_policy(&snapshot.principal, &policy.text));
            let allows = document.statements.iter().filter(|statement| statement.effect == Effect::Allow);
            for principals in allows.filter_map(|statement| statement.principals.as_ref()) {
                trust.add(at, principals);
            }
        }
        trust
    }

    /// The trust policies that name a principal directly, or every principal, in order. Policies that name only its
    /// account are left out: they grant nothing alone.
    pub fn naming(&self, snapshot: &PolicySnapshot) -> Vec<ResourceBasedPolicy> {
        let principal = &*snapshot.principal;
        let mut found: BTreeSet<usize> = self.by_arn.get(principal).into_iter().flatten().copied().collect();
        let fields: Vec<&str> = principal.splitn(6, ':').collect();
        if let ["arn", _, "iam", _, account, role] = *fields.as_slice()
            && let Some(name) = role.strip_prefix("role/").and_then(|role| role.rsplit('/').next())
        {
            let sessions = self.by_session.get(&(account.to_owned(), name.to_owned()));
            found.extend(sessions.into_iter().flatten());
        }
        let own = with_unknown_values(principal, true);
        let matching = self.by_pattern.iter().filter(|(pattern, _)| pattern.overlaps(&own));
        found.extend(matching.map(|(_, at)| *at));
        // A principal of which the file does not say the account may be any of this name.
        if principal.contains('*') || principal.contains("${") {
            let named = self.by_arn.iter().filter(|(arn, _)| own.matches(arn));
            found.extend(named.flat_map(|(_, positions)| positions));
        }
        let named = found.into_iter().filter_map(|at| self.policies.get(at));
        // A role may always be named by its own trust policy; assuming itself again gives it nothing more.
        let mut naming: Vec<_> = named.filter(|policy| *policy.resource != *principal).cloned().collect();
        naming.sort_unstable();
        naming
    }

    fn add(&mut self, at: usize, principals: &PrincipalElement) {
        if principals.is_negated {
            return self.by_pattern.push((CompiledPattern::of("*"), at));
        }
        for name in &principals.aws {
            let fields: Vec<&str> = name.splitn(6, ':').collect();
            match *fields.as_slice() {
                ["*"] => self.by_pattern.push((CompiledPattern::of("*"), at)),
                _ if named_account(name).is_some() => {}
                ["arn", _, "sts", _, account, session] => {
                    let role = session.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
                    if let Some(role) = role {
                        let key = (account.to_owned(), role.to_owned());
                        self.by_session.entry(key).or_default().push(at);
                    }
                }
                ["arn", ..] if name.contains("${") => {
                    self.by_pattern.push((with_unknown_values(name, false), at));
                }
                ["arn", ..] => self.by_arn.entry(Arc::clone(name)).or_default().push(at),
                // A unique id stands in a trust policy if its principal is deleted. A value that the file does not say
                // at all may name any principal: it names none directly.
                _ => {}
            }
        }
    }
}
