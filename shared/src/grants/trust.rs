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
    document_cache::IndexedDocument,
    principal_match::{named_account, with_unknown_values},
    statement::{Effect, PolicyStatement, PrincipalElement},
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
    /// Positions of policies by the account that they name.
    by_account: BTreeMap<String, Vec<usize>>,
    /// Policies with names that the files do not say at all.
    by_unknown_name: Vec<usize>,
    /// Policies of which a part is not known.
    incomplete: BTreeSet<usize>,
}

/// A service that a trust policy allows to assume its role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustedService {
    /// Name of the service, such as `ec2.amazonaws.com`; `*` if the policy names every principal, or is not known.
    pub name: Arc<str>,
    /// Conditions of the trust, in words.
    pub conditions: Vec<Arc<str>>,
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
            if document.problems.iter().any(|problem| problem.may_lose_allow) {
                trust.incomplete.insert(at);
            }
            let allows = document.statements.iter().filter(|statement| statement.effect == Effect::Allow);
            for principals in allows.filter_map(|statement| statement.principals.as_ref()) {
                trust.add(at, principals);
            }
        }
        trust
    }

    /// Positions of the policies that may allow a principal to assume their roles, in order: those that name it, its account
    /// or every principal, and those with a part or name that is not known.
    pub fn candidates(&self, snapshot: &PolicySnapshot) -> BTreeSet<usize> {
        let mut found = self.positions(snapshot);
        found.extend(self.by_account.get(&*snapshot.account).into_iter().flatten());
        // Which principal it is, or of which account, is not known.
        if !snapshot.principal.starts_with("arn:") || snapshot.account.is_empty() {
            let all = self.by_arn.values().chain(self.by_account.values()).chain(self.by_session.values());
            found.extend(all.flatten());
        }
        found.extend(&self.by_unknown_name);
        found.extend(&self.incomplete);
        found
    }

    /// Positions of the policies that may allow a principal of an account to assume their roles, in order, each with the
    /// principals of the account that it names.
    pub fn of_account(&self, account: &str) -> BTreeMap<usize, BTreeSet<Arc<str>>> {
        let mut found: BTreeMap<usize, BTreeSet<Arc<str>>> = BTreeMap::new();
        let generic = self.by_account.get(account).into_iter().flatten().chain(&self.by_unknown_name);
        for at in generic.chain(&self.incomplete).chain(self.by_pattern.iter().map(|(_, at)| at)) {
            found.entry(*at).or_default();
        }
        for (arn, positions) in self.by_arn.iter().filter(|(arn, _)| arn.split(':').nth(4) == Some(account)) {
            for at in positions {
                found.entry(*at).or_default().insert(Arc::clone(arn));
            }
        }
        for ((_, role), positions) in self.by_session.iter().filter(|((own, _), _)| own == account) {
            for at in positions {
                let arn = format!("arn:aws:iam::{account}:role/{role}");
                found.entry(*at).or_default().insert(arn.into());
            }
        }
        found
    }

    /// The policy at a position.
    pub fn get(&self, at: usize) -> Option<&ResourceBasedPolicy> {
        self.policies.get(at)
    }

    /// Positions of the policies of which a part is not known.
    pub fn incomplete(&self) -> impl Iterator<Item = usize> {
        self.incomplete.iter().copied()
    }

    /// Whether a part of the policy at a position is not known, so that it may allow more.
    pub fn is_incomplete(&self, at: usize) -> bool {
        self.incomplete.contains(&at)
    }

    /// The trust policies that name a principal directly, or every principal, in order. Policies that name only its
    /// account are left out: they grant nothing alone.
    pub fn naming(&self, snapshot: &PolicySnapshot) -> Vec<ResourceBasedPolicy> {
        let named = self.positions(snapshot).into_iter().filter_map(|at| self.policies.get(at));
        // A role may always be named by its own trust policy; assuming itself again gives it nothing more.
        let mut naming: Vec<_> =
            named.filter(|policy| policy.resource != snapshot.principal).cloned().collect();
        naming.sort_unstable();
        naming
    }

    /// Positions of the policies that name a principal directly, or every principal.
    fn positions(&self, snapshot: &PolicySnapshot) -> BTreeSet<usize> {
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
        found
    }

    fn add(&mut self, at: usize, principals: &PrincipalElement) {
        if principals.has_canonical_user {
            self.by_unknown_name.push(at);
        }
        if principals.is_negated {
            return self.by_pattern.push((CompiledPattern::of("*"), at));
        }
        for name in &principals.aws {
            let fields: Vec<&str> = name.splitn(6, ':').collect();
            match *fields.as_slice() {
                ["*"] => self.by_pattern.push((CompiledPattern::of("*"), at)),
                _ if let Some(account) = named_account(name) => {
                    self.by_account.entry(account.to_owned()).or_default().push(at);
                }
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
                // A value that the file does not say at all may name any principal: it names none directly.
                _ if name.contains("${") => self.by_unknown_name.push(at),
                // A unique id stands in a trust policy if its principal is deleted.
                _ => {}
            }
        }
    }
}

/// The name of Amazon Cognito in trust policies. It is an identity provider there, and assumes the role with a web identity
/// (Amazon Cognito Developer Guide, "Using role-based access control", read 2026-11).
const COGNITO: &str = "cognito-identity.amazonaws.com";

/// The services that a trust policy allows to assume its role, in order. Amazon Cognito counts as one; other identity providers
/// do not.
pub(super) fn trusted_services(role: &str, trust: &IndexedDocument) -> Vec<TrustedService> {
    let any: Arc<str> = "*".into();
    let mut trusted = trusted_for("sts:assumerole", &any, role, trust, |principals| &principals.services);
    let cognito = trusted_for("sts:assumerolewithwebidentity", &COGNITO.into(), role, trust, |principals| {
        &principals.providers
    });
    trusted.extend(cognito.into_iter().filter(|service| is_cognito(&service.name)));
    if trust.may_lose_allow {
        trusted.push(TrustedService { name: any, conditions: vec![UNKNOWN_TRUST.into()] });
    }
    trusted.sort_unstable();
    trusted.dedup();
    trusted
}

/// Whether it is a name of Amazon Cognito, in any partition.
pub(crate) fn is_cognito(name: &str) -> bool {
    name.starts_with("cognito-identity.") || name.starts_with("cognito-identity-us-gov.")
}

/// Of the services that statements about an action name, those that may assume the role. `open` stands for a name that is not
/// known.
fn trusted_for(
    action: &str,
    open: &Arc<str>,
    role: &str,
    trust: &IndexedDocument,
    names: impl Fn(&PrincipalElement) -> &Vec<Arc<str>>,
) -> Vec<TrustedService> {
    let about = |effect: Effect| {
        let statements = trust.statements.iter();
        statements.filter(move |entry| entry.statement.effect == effect && entry.covers_action(action))
    };
    let any: Arc<str> = "*".into();
    let mut trusted = BTreeSet::new();
    for entry in about(Effect::Allow) {
        let Some(principals) = &entry.statement.principals else { continue };
        let conditions = conditions_for_services(role, &entry.statement);
        let every = principals.is_negated || principals.aws.iter().any(|name| **name == *any);
        let named = names(principals).iter().filter(|_| !principals.is_negated);
        for name in named.chain(every.then_some(&any)) {
            let is_open = **name == *any || name.contains("${");
            let condition = is_open.then(|| Arc::from("the trust policy means the service"));
            let conditions = conditions.iter().cloned().chain(condition).collect();
            let name = if is_open { Arc::clone(open) } else { Arc::clone(name) };
            trusted.insert(TrustedService { name, conditions });
        }
    }
    let denies: Vec<&PolicyStatement> = about(Effect::Deny).map(|entry| &entry.statement).collect();
    let limited = trusted.into_iter().filter_map(|mut service| {
        for statement in &denies {
            let Some(principals) = &statement.principals else { continue };
            let is_named = names(principals).contains(&service.name);
            let is_every = !principals.is_negated && principals.aws.iter().any(|name| &**name == "*");
            let is_certain = !principals.is_negated
                && (is_named || is_every)
                && statement.conditions.is_empty()
                && statement.unevaluated.is_empty();
            if is_certain {
                return None;
            }
            if is_named || is_every || principals.is_negated {
                let words = conditions_for_services("", statement);
                service.conditions.push(match words.is_empty() {
                    true => "unless a deny of the trust policy means the service".into(),
                    false => format!("unless {}", words.join(" and ")).into(),
                });
            }
        }
        Some(service)
    });
    limited.collect()
}

/// The condition of an edge through a trust policy that is not known.
pub(crate) const UNKNOWN_TRUST: &str =
    "the trust policy of the role, which is not known completely, allows it";

/// The conditions of a statement that a service has to meet. A service acts for the account of the role, if the trust policy
/// names no other.
fn conditions_for_services(role: &str, statement: &PolicyStatement) -> Vec<Arc<str>> {
    let account = role.split(':').nth(4).unwrap_or_default();
    let is_own_account = |condition: &&super::statement::Condition| {
        let is_equality = condition.operator_name.starts_with("StringEquals");
        is_equality
            && condition.lowercase_key == "aws:sourceaccount"
            && condition.values.iter().any(|one| &**one == account)
    };
    let conditions = statement.conditions.iter().filter(|condition| !is_own_account(condition));
    let described = conditions.map(|condition| Arc::from(condition.describe()));
    described.chain(statement.unevaluated.iter().cloned()).collect()
}
