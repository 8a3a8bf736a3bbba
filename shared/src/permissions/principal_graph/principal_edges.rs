//! The principals that one principal can become by calls of IAM and STS.
//!
//! Enters: a principal with its grants, and the other principals of the files. Leaves: edges. Laws: every call of a method is
//! decided on the principal that it is about; an explicit deny removes an edge; a trust policy or policy that is not known
//! makes an edge conditional.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    GraphEdge,
    account_principals::{KnownPrincipals, is_assumable, is_changeable},
};
use crate::{
    grants::{
        CallerChoices, Certainty, Decision, Evaluator, Grants, Policy, PolicyOrigin, PolicyProblemKind,
        PolicySnapshot, ResourceBasedPolicy, TrustedService, UNKNOWN_TRUST,
    },
    permissions::escalation::methods::{self, EscalationMethod, MethodTarget},
};

/// Conditions of a step in words; none if it is unconditional.
pub(super) type StepConditions = BTreeSet<Arc<str>>;

const ASSUME_ROLE: &str = "sts:AssumeRole";
/// The condition of a step that a policy would have to allow of which the text is not known.
pub(super) const UNKNOWN_POLICY: &str = "a policy of the principal that cannot be read allows it";

/// A principal of the graph, evaluated.
pub(super) struct GraphPrincipal<'g> {
    pub snapshot: &'g PolicySnapshot,
    pub grants: Grants,
    /// Identity-based policies that cannot be read.
    pub malformed: BTreeSet<Arc<str>>,
    pub evaluator: &'g Evaluator<'g>,
    pub choices: CallerChoices<'g>,
    /// Whether a condition of its policies may be on a tag of a resource.
    has_tag_conditions: bool,
    known: &'g KnownPrincipals,
}

/// The conditions under which a decision allows; none if it denies.
pub(super) fn conditions_of(decision: Decision) -> Option<StepConditions> {
    match decision {
        Decision::Allowed(_) => Some(BTreeSet::new()),
        Decision::Conditional(conditions) => Some(conditions.into_iter().collect()),
        Decision::Denied(_) => None,
    }
}

/// The better of two ways: one without conditions, then one with fewer.
pub(super) fn better(a: Option<StepConditions>, b: Option<StepConditions>) -> Option<StepConditions> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if (b.len(), &b) < (a.len(), &a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// The method of an id that ends in a target.
pub(super) fn methods_becoming(target: MethodTarget) -> impl Iterator<Item = &'static EscalationMethod> {
    methods::all().filter(move |method| method.target == target)
}

/// An edge by a method, with this text for the resources in its description.
pub(super) fn edge(
    from: &Arc<str>,
    to: &Arc<str>,
    method: &EscalationMethod,
    description: String,
    conditions: StepConditions,
) -> GraphEdge {
    GraphEdge {
        from: Arc::clone(from),
        to: Arc::clone(to),
        method: method.id.to_owned(),
        description,
        is_unconditional: conditions.is_empty(),
        conditions: conditions.into_iter().collect(),
    }
}

impl<'g> GraphPrincipal<'g> {
    /// The principal, with what its policies grant.
    pub fn of(
        snapshot: &'g PolicySnapshot,
        grants: Grants,
        known: &'g KnownPrincipals,
        evaluator: &'g Evaluator<'g>,
    ) -> Self {
        let own: BTreeSet<&str> = snapshot.identity_policies.iter().map(|policy| &*policy.name).collect();
        let malformed = (grants.problems.iter())
            .filter(|problem| problem.kind == PolicyProblemKind::Malformed && own.contains(&*problem.policy))
            .map(|problem| Arc::clone(&problem.policy));
        let malformed = malformed.collect();
        let choices = evaluator.choices(snapshot, &[]);
        let has_tag_conditions = has_tag_conditions(snapshot);
        Self { snapshot, malformed, grants, known, evaluator, choices, has_tag_conditions }
    }

    /// Id of the principal.
    pub const fn id(&self) -> &Arc<str> {
        &self.snapshot.principal
    }

    /// Other users and roles of its account.
    pub fn neighbors(&self) -> impl Iterator<Item = &'g PolicySnapshot> {
        self.known.neighbors(self.snapshot)
    }

    /// Other roles of its account that can be given to a service.
    pub fn neighbor_roles(&self) -> impl Iterator<Item = &'g PolicySnapshot> {
        self.neighbors().filter(|one| is_assumable(&one.principal))
    }

    /// Other roles of its account of which IAM accepts changes.
    fn changeable_roles(&self) -> impl Iterator<Item = &'g PolicySnapshot> {
        self.neighbors().filter(|one| is_changeable(&one.principal))
    }

    /// Whether a part of the trust policy of a role is not known.
    pub fn is_trust_unknown(&self, role: &str) -> bool {
        let is_incomplete = |at: &usize| {
            self.known.trust.get(*at).is_some_and(|policy| &*policy.resource == role)
                && self.known.trust.is_incomplete(*at)
        };
        self.known.untold_trust.contains(role) || self.known.trust.incomplete().any(|at| is_incomplete(&at))
    }

    /// The roles that the principal can assume.
    pub fn assumed_roles(&self) -> Vec<GraphEdge> {
        let is_granted = self.grants.get(ASSUME_ROLE).is_some() || !self.malformed.is_empty();
        let mut edges = Vec::new();
        for at in self.known.trust.candidates(self.snapshot) {
            let Some(trust) = self.known.trust.get(at) else { continue };
            let is_incomplete = self.known.trust.is_incomplete(at);
            if is_granted || is_incomplete {
                edges.extend(self.assumed_role(&trust.resource, Some(trust), is_incomplete));
            }
        }
        edges.extend(self.known.untold_trust.iter().filter_map(|role| self.assumed_role(role, None, true)));
        edges
    }

    fn assumed_role(
        &self,
        role: &Arc<str>,
        trust: Option<&ResourceBasedPolicy>,
        is_incomplete: bool,
    ) -> Option<GraphEdge> {
        if role == self.id() || !is_assumable(role) || self.known.get(role).is_none() {
            return None;
        }
        let conditions = self.may_assume(role, trust, is_incomplete)?;
        let [method] = *methods_becoming(MethodTarget::TrustingRole).collect::<Vec<_>>() else { return None };
        let description = method.description.replace("{}", &format!("`{role}`"));
        Some(edge(self.id(), role, method, description, conditions))
    }

    /// The conditions under which the principal can assume a role.
    fn may_assume(
        &self,
        role: &Arc<str>,
        trust: Option<&ResourceBasedPolicy>,
        is_incomplete: bool,
    ) -> Option<StepConditions> {
        let known: Vec<ResourceBasedPolicy> = trust.into_iter().cloned().collect();
        let mut conditions = self.assume_with(role, known.clone(), false);
        let unknown = |conditions: Option<StepConditions>, reasons: &[&str]| {
            conditions.map(|mut all| {
                all.extend(reasons.iter().map(|reason| Arc::from(*reason)));
                all
            })
        };
        let naming: Vec<ResourceBasedPolicy> =
            known.iter().cloned().chain([self.trust_in_itself(role)]).collect();
        if is_incomplete && conditions.is_none() {
            conditions = unknown(self.assume_with(role, naming.clone(), false), &[UNKNOWN_TRUST]);
        }
        if !self.malformed.is_empty() && conditions.is_none() {
            conditions = unknown(self.assume_with(role, known, true), &[UNKNOWN_POLICY]);
            if is_incomplete && conditions.is_none() {
                conditions = unknown(self.assume_with(role, naming, true), &[UNKNOWN_TRUST, UNKNOWN_POLICY]);
            }
        }
        conditions
    }

    /// The conditions under which the principal can assume a role with this trust policy, perhaps with a policy of its own
    /// that allows it.
    fn assume_with(
        &self,
        role: &Arc<str>,
        trust: Vec<ResourceBasedPolicy>,
        is_allowed: bool,
    ) -> Option<StepConditions> {
        let mut snapshot = PolicySnapshot { resource_based_policies: trust, ..self.snapshot.clone() };
        let others = self.snapshot.resource_based_policies.iter().filter(|policy| !policy.is_trust_policy());
        snapshot.resource_based_policies.extend(others.cloned());
        if is_allowed {
            snapshot.identity_policies.push(Policy {
                name: "assumed".into(),
                origin: PolicyOrigin::Given,
                text: ALLOW_ASSUME_ROLE.into(),
            });
        }
        let tags = self.known.get(role).into_iter().flat_map(tag_keys);
        conditions_of(self.evaluator.choices_with_keys(&snapshot, tags).decide(ASSUME_ROLE, role))
    }

    /// Decisions on requests about a principal with tags, if a condition may be on them.
    fn choices_about(&self, target: &PolicySnapshot) -> Option<CallerChoices<'_>> {
        let depends = self.has_tag_conditions && !target.tags.is_empty();
        depends.then(|| self.evaluator.choices_with_keys(self.snapshot, tag_keys(target)))
    }

    /// The decision on passing a role to a service, which depends on conditions. A condition on a tag of the role "does not have
    /// reliable results" (IAM User Guide, "Grant a user permissions to pass a role to an AWS service", read 2026-11): what
    /// holds with the tags and without them holds.
    fn passed_with_tags(&self, role: &PolicySnapshot, service: &Arc<str>, open: Decision) -> Decision {
        if !matches!(open, Decision::Conditional(_)) || !self.has_tag_conditions || role.tags.is_empty() {
            return open;
        }
        let decide = |has_tags: bool| {
            let tags = tag_keys(role).map(|(key, values)| (key, if has_tags { values } else { Vec::new() }));
            let keys = tags.chain([("iam:passedtoservice".to_owned(), vec![service.to_string()])]);
            self.evaluator.choices_with_keys(self.snapshot, keys).decide("iam:PassRole", &role.principal)
        };
        match (decide(true), decide(false)) {
            (decision @ Decision::Allowed(_), Decision::Allowed(_))
            | (decision @ Decision::Denied(_), Decision::Denied(_)) => decision,
            _ => open,
        }
    }

    /// A trust policy of a role that names the principal, as the principal could write it.
    fn trust_in_itself(&self, role: &Arc<str>) -> ResourceBasedPolicy {
        // The name is a JSON string of its own, with the quotes.
        let name = serde_json::to_string(&*self.snapshot.principal).unwrap_or_default();
        let name = if self.snapshot.principal.starts_with("arn:") { name } else { "\"*\"".to_owned() };
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":{name}}},"Action":"sts:AssumeRole"}}]}}"#
        );
        ResourceBasedPolicy::trust_policy(role, &text.into())
    }

    /// The conditions under which the principal can assume a role of its account of which it writes the trust policy.
    pub fn may_assume_if_trusted(&self, role: &Arc<str>) -> Option<StepConditions> {
        self.assume_with(role, vec![self.trust_in_itself(role)], false)
    }

    /// The users, and the roles of the account, that the principal can take over by changes in IAM or by passing the role.
    pub fn takeovers(&self) -> Vec<GraphEdge> {
        let mut edges = Vec::new();
        for method in methods_becoming(MethodTarget::User) {
            let users = || self.neighbors().filter(|one| one.principal.contains(":user/"));
            edges.extend(self.by_changing(method, users(), |_| Some(BTreeSet::new())));
        }
        for method in methods_becoming(MethodTarget::RoleTrust) {
            edges.extend(
                self.by_changing(method, self.changeable_roles(), |role| self.may_assume_if_trusted(role)),
            );
        }
        edges.extend(self.passed_roles());
        edges
    }

    /// Edges to the principals on which the actions of a method are allowed.
    fn by_changing(
        &self,
        method: &EscalationMethod,
        targets: impl Iterator<Item = &'g PolicySnapshot>,
        also: impl Fn(&Arc<str>) -> Option<StepConditions>,
    ) -> Vec<GraphEdge> {
        let sets = method.action_sets.iter().filter(|set| self.covers(set)).collect::<Vec<_>>();
        if sets.is_empty() {
            return Vec::new();
        }
        let to = |target: &PolicySnapshot| {
            let about = self.choices_about(target);
            let choices = about.as_ref().unwrap_or(&self.choices);
            let each = sets.iter().map(|set| self.decide_all(choices, set, &target.principal));
            let mut conditions = each.fold(None, better)?;
            conditions.extend(also(&target.principal)?);
            let description = method.description.replace("{}", &format!("`{}`", target.principal));
            Some(edge(self.id(), &target.principal, method, description, conditions))
        };
        targets.filter_map(to).collect()
    }

    /// Whether each action of a set is granted on some resource.
    pub fn covers(&self, actions: &[&str]) -> bool {
        actions.iter().all(|action| self.grants.get(action).is_some())
    }

    /// The conditions under which each action is allowed on a resource.
    pub fn decide_all(
        &self,
        choices: &CallerChoices<'_>,
        actions: &[&str],
        resource: &str,
    ) -> Option<StepConditions> {
        actions.iter().try_fold(BTreeSet::new(), |mut all: StepConditions, action| {
            all.extend(conditions_of(choices.decide(action, resource))?);
            Some(all)
        })
    }

    /// The conditions of the grants of actions, on whatever resource.
    pub fn granted(&self, actions: &[&str]) -> Option<StepConditions> {
        let mut all = BTreeSet::new();
        for action in actions {
            let grant = self.grants.get(action)?;
            if grant.certainty == Certainty::Conditional {
                all.insert(format!("`{action}` is granted on conditions").into());
                all.extend(grant.scope.conditions.iter().cloned());
            }
        }
        Some(all)
    }

    /// The services that a role trusts.
    pub fn services_of(&self, role: &PolicySnapshot) -> &'g [TrustedService] {
        self.known.services_of(role, self.evaluator)
    }

    /// The roles that the principal can pass to a service that acts or runs code as the role.
    fn passed_roles(&self) -> Vec<GraphEdge> {
        let methods: Vec<(&EscalationMethod, StepConditions)> = methods_becoming(MethodTarget::PassedRole)
            .filter_map(|method| {
                let sets = method.action_sets.iter().filter(|set| self.covers(set));
                let others = sets.map(|set| {
                    let rest: Vec<&str> =
                        set.iter().copied().filter(|action| *action != "iam:PassRole").collect();
                    self.granted(&rest)
                });
                Some((method, others.fold(None, better)?))
            })
            .collect();
        if methods.is_empty() {
            return Vec::new();
        }
        let mut per_service: BTreeMap<Arc<str>, CallerChoices<'_>> = BTreeMap::new();
        let mut edges = Vec::new();
        for role in self.neighbor_roles() {
            let trusted = self.services_of(role);
            let mut decided: BTreeMap<Arc<str>, Option<StepConditions>> = BTreeMap::new();
            for (method, others) in &methods {
                let mut best = None;
                for service in trusted.iter().filter(|one| trusts_one_of(one, method.passed_to_services)) {
                    let name: Arc<str> = match (&*service.name, method.passed_to_services) {
                        ("*", [first, ..]) => {
                            let own = service_principals(first);
                            format!("{}.amazonaws.com", own.first().unwrap_or(first)).into()
                        }
                        _ => Arc::clone(&service.name),
                    };
                    let passed = decided.entry(Arc::clone(&name)).or_insert_with(|| {
                        let choices = per_service.entry(Arc::clone(&name)).or_insert_with(|| {
                            self.evaluator.choices(self.snapshot, &[("iam:passedtoservice", &name)])
                        });
                        let open = choices.decide("iam:PassRole", &role.principal);
                        conditions_of(self.passed_with_tags(role, &name, open))
                    });
                    let Some(mut conditions) = passed.clone() else { continue };
                    conditions.extend(others.iter().chain(&service.conditions).cloned());
                    best = better(best, Some(conditions));
                }
                let Some(conditions) = best else { continue };
                let description = method.description.replace("{}", &format!("`{}`", role.principal));
                edges.push(edge(self.id(), &role.principal, method, description, conditions));
            }
        }
        edges
    }
}

/// Whether a policy of a principal has a condition on a tag of a resource, or may have one.
fn has_tag_conditions(of: &PolicySnapshot) -> bool {
    let organization =
        of.service_control_policies.iter().chain(&of.resource_control_policies).flatten().flatten();
    let resource_based = of.resource_based_policies.iter().map(|one| &one.policy);
    let all = of.identity_policies.iter().chain(&of.permissions_boundary).chain(organization);
    // A key can be written with escapes.
    let may_have = |text: &str| text.contains('\\') || text.to_ascii_lowercase().contains("resourcetag/");
    all.chain(resource_based).any(|policy| may_have(&policy.text))
}

/// The condition keys of requests about a principal with its tags. A tag that the file does not say stays open.
fn tag_keys(of: &PolicySnapshot) -> impl Iterator<Item = (String, Vec<String>)> {
    let keys = |(key, value): (&String, &String)| {
        ["aws", "iam"].map(|service| (format!("{service}:resourcetag/{key}"), vec![value.clone()]))
    };
    of.tags.iter().flat_map(keys)
}

const ALLOW_ASSUME_ROLE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;

/// Whether a trusted service is one of these, given by a short name such as `ec2`. A part of another service's name, as in
/// `ec2.application-autoscaling.amazonaws.com`, is another service.
pub(super) fn trusts_one_of(trusted: &TrustedService, services: &[&str]) -> bool {
    let name = &*trusted.name;
    if name == "*" {
        return true;
    }
    // A template may compose the rest of the name of values that it does not say.
    let Some((own, _)) = name.split_once(".amazonaws.com") else {
        return services.iter().any(|service| name.split('.').next() == Some(service));
    };
    services.iter().flat_map(|service| service_principals(service)).any(|service| {
        // Some services are trusted per Region, such as `states.eu-west-1.amazonaws.com`.
        own.strip_prefix(service).is_some_and(|rest| rest.is_empty() || is_region_suffix(rest))
    })
}

/// The names of a service in trust policies, without `amazonaws.com`, where they are not only its short name. Sources: the
/// developer guides of App Runner ("How App Runner works with IAM"), EKS ("Create IAM role with trust policy required by EKS
/// Pod Identity") and MWAA ("Amazon MWAA execution role"), read 2026-11.
fn service_principals<'s>(service: &'s &'s str) -> Vec<&'s str> {
    match *service {
        "apprunner" => vec!["tasks.apprunner"],
        "eks" => vec!["pods.eks"],
        "cognito-identity" => vec!["cognito-identity", "cognito-identity-us-gov"],
        "airflow" => vec!["airflow", "airflow-env"],
        one => vec![one],
    }
}

/// Whether the rest of a name is a Region, such as `.eu-west-1`.
fn is_region_suffix(rest: &str) -> bool {
    let Some(region) = rest.strip_prefix('.') else { return false };
    let parts: Vec<&str> = region.split('-').collect();
    parts.len() >= 3 && parts.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
}
