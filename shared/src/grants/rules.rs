//! The statements that apply to one principal, each with its policy layer.
//!
//! Enters: a [`PolicySnapshot`] and the known context of requests. Leaves: [`PolicyRules`]. Laws: a statement that
//! certainly does not apply is left out; a malformed document that limits gives an undecided limit, never a denial of
//! everything.
//!
//! Source: IAM User Guide, "Policy evaluation logic"; Organizations User Guide, "SCP evaluation", "Resource control
//! policies"; both read 2026-11.

use std::sync::Arc;

use super::{
    PolicyProblem, PolicySnapshot, ResourceBasedPolicy, StatementId,
    action_index::{ActionPositions, Partition},
    condition::{self, Applicability},
    context::{CallerContext, EvaluationContext},
    document::PolicyType,
    document_cache::{DocumentCache, IndexedStatement},
    operator::OptionalTruth,
    principal_match::{self, PrincipalMatch},
    resource_set::ResourceSet,
    statement::{Effect, PatternList, PolicyStatement},
    variable::{ResolvedPattern, is_condition_key},
};
use crate::pattern::{CompiledPattern, PatternPart};

/// The policy layer of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PolicyLayer {
    /// Identity-based policies of the principal.
    Identity,
    /// The permissions boundary of the principal.
    Boundary,
    /// A level of service control policies.
    ServiceControl(usize),
    /// Resource control policies.
    ResourceControl,
    /// A resource-based policy.
    ResourceBased(usize, PrincipalMatch),
}

/// A policy statement as the evaluator compares it.
#[derive(Clone, Debug)]
pub(super) struct PolicyRule {
    pub id: StatementId,
    pub layer: PolicyLayer,
    pub applicability: Applicability,
    pub indexed: Arc<IndexedStatement>,
    /// Positions of the actions that the rule is about, in order.
    pub actions: ActionPositions,
    /// Whether the rule is also about actions outside the catalog.
    pub covers_unknown: bool,
    pub resources: StatementResources,
}

impl PolicyRule {
    /// Whether the rule is about an action, given in lower case and by its position in the catalog.
    pub fn covers(&self, action: &str, position: Option<u32>) -> bool {
        match position {
            Some(position) => self.actions.binary_search(&position).is_ok(),
            None => self.covers_unknown && self.indexed.covers_action(action),
        }
    }
}

/// Resources of a statement.
#[derive(Clone, Debug)]
pub(super) struct StatementResources {
    pub is_negated: bool,
    pub patterns: Vec<ResolvedPattern>,
    /// The patterns as the statement writes them.
    pub as_written: Vec<Arc<str>>,
    /// The resource the policy is attached to.
    pub within: Option<Arc<[CompiledPattern]>>,
}

impl StatementResources {
    fn of(
        statement: &PolicyStatement,
        facts: &EvaluationContext<'_>,
        within: Option<&ResourceWithPolicy>,
    ) -> Self {
        let all = PatternList { is_negated: false, patterns: vec!["*".into()] };
        let listed = statement.resources.as_ref().unwrap_or(&all);
        let is_sure = statement.effect == Effect::Allow && !listed.is_negated;
        let resolved = |pattern: &Arc<str>| {
            let undecided = statement.has_variables.then(|| undecided_arn(pattern)).flatten();
            let mut resolved = ResolvedPattern::of(
                undecided.as_deref().unwrap_or(pattern),
                statement.has_variables,
                true,
                facts,
            );
            if undecided.is_some() {
                resolved.set_undecided();
            }
            // An allow on a value that only a template knows allows some resource of the action.
            if is_sure && statement.has_variables && begins_with_unknown_value(pattern) {
                resolved.certain = resolved.possible.clone();
            }
            if within.is_none() && is_incomplete_arn(pattern) {
                resolved.complete_arn(is_sure);
            }
            resolved.limit_wildcards_to_fields();
            resolved
        };
        let patterns: Vec<ResolvedPattern> = listed.patterns.iter().map(resolved).collect();
        let name = |pattern: &Arc<str>| match within {
            _ if listed.is_negated => format!("not:{pattern}").into(),
            Some(governed) if &**pattern == "*" => Arc::clone(&governed.arn),
            _ => Arc::clone(pattern),
        };
        Self {
            is_negated: listed.is_negated,
            as_written: listed.patterns.iter().map(name).collect(),
            patterns,
            within: within.map(|governed| Arc::clone(&governed.shapes)),
        }
    }

    /// Whether the statement certainly covers every resource.
    pub fn is_everything(&self) -> bool {
        !self.is_negated
            && self.within.is_none()
            && self.patterns.iter().any(|pattern| pattern.certain.matches_everything())
    }

    /// Whether a wildcard of an ARN may stand for more than its field.
    pub fn may_cross_fields(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.may_cross_fields)
    }

    /// Resources that the statement may cover (`may`) or certainly covers; of one pattern, if `only` names its
    /// position.
    pub fn resource_set(&self, may: bool, only: Option<usize>) -> ResourceSet<'_> {
        let chosen = self.patterns.iter().enumerate().filter(|(at, _)| only.is_none_or(|only| only == *at));
        let takes_certain = may == self.is_negated;
        let mut shapes: Vec<&CompiledPattern> = chosen
            .filter(|(_, pattern)| !(pattern.matches_nothing || takes_certain && pattern.may_match_nothing))
            .map(|(_, pattern)| if takes_certain { &pattern.certain } else { &pattern.possible })
            .collect();
        let mut is_not = self.is_negated;
        let may_be_void = |pattern: &ResolvedPattern| pattern.matches_nothing || pattern.may_match_nothing;
        if is_not && !may && self.patterns.iter().any(may_be_void) {
            // A negated pattern that may match nothing covers no resource with certainty.
            (shapes, is_not) = (Vec::new(), false);
        }
        ResourceSet { shapes, is_negated: is_not, within: self.within.as_deref() }
    }

    /// Whether the resources of the statement cover a resource; `None` if that cannot be determined.
    pub fn covers(&self, resource: &str) -> OptionalTruth {
        match (
            self.resource_set(false, None).contains(resource),
            self.resource_set(true, None).contains(resource),
        ) {
            (true, true) => Some(true),
            (_, false) => Some(false),
            (false, true) => None,
        }
    }
}

/// A resource with a given resource-based policy.
#[derive(Clone, Debug)]
pub(super) struct ResourceWithPolicy {
    pub arn: Arc<str>,
    /// Patterns of the resource, and of resources inside it such as a bucket's objects.
    pub shapes: Arc<[CompiledPattern]>,
    /// Whether the resource belongs to another account.
    pub is_cross_account: bool,
    /// Whether its policy has to allow every access.
    pub requires_allow: bool,
    /// Whether it is a role, and its policy the trust policy.
    pub is_role: bool,
}

impl ResourceWithPolicy {
    fn of(arn: &Arc<str>, caller: &CallerContext) -> Self {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let (service, account) = match *parts.as_slice() {
            [_, _, service, _, account, _] => (service, account),
            _ => ("", ""),
        };
        let inside = |divider: char| {
            let mut shape = CompiledPattern::literal(arn);
            shape.push(PatternPart::Char(divider));
            shape.push(PatternPart::AnyRun);
            shape
        };
        // A template may not say the account of its role.
        let is_known = !account.is_empty() && account != "*" && !caller.account.is_empty();
        let is_foreign = is_known && account != caller.account;
        Self {
            arn: Arc::clone(arn),
            shapes: match service {
                // A bucket holds `bucket/key` and nothing after a colon (service authorization reference for Amazon S3).
                "s3" => vec![CompiledPattern::literal(arn), inside('/')],
                _ => vec![CompiledPattern::literal(arn), inside('/'), inside(':')],
            }
            .into(),
            is_cross_account: is_foreign,
            // A trust policy limits who may assume the role, not who may manage it.
            requires_allow: is_foreign || service == "kms",
            is_role: ResourceBasedPolicy::names_role(arn),
        }
    }
}

/// All rules for one principal.
#[derive(Clone, Debug)]
pub(super) struct PolicyRules {
    pub rules: Vec<PolicyRule>,
    /// Whether the rules are those of one request, and not of any that the principal can make.
    pub is_of_request: bool,
    pub has_boundary: bool,
    /// The partition of the principal.
    pub partition: Partition,
    /// Levels of service control policies that apply to the principal.
    pub service_control_levels: usize,
    pub resources_with_policy: Vec<ResourceWithPolicy>,
    pub problems: Vec<PolicyProblem>,
}

impl PolicyRules {
    /// The rules of a snapshot, evaluated with the known context.
    pub fn of(snapshot: &PolicySnapshot, facts: &EvaluationContext<'_>, library: &DocumentCache<'_>) -> Self {
        let caller = facts.caller;
        let mut rules = Self {
            rules: Vec::new(),
            is_of_request: facts.request.is_some(),
            partition: Partition::of_arn(&caller.arn),
            has_boundary: snapshot.permissions_boundary.is_some(),
            service_control_levels: 0,
            resources_with_policy: Vec::new(),
            problems: Vec::new(),
        };
        for policy in &snapshot.identity_policies {
            rules.add_policy(
                policy,
                PolicyType::Identity,
                PolicyPlacement::Layer(PolicyLayer::Identity),
                facts,
                library,
            );
        }
        if let Some(policy) = &snapshot.permissions_boundary {
            rules.add_policy(
                policy,
                PolicyType::Identity,
                PolicyPlacement::Layer(PolicyLayer::Boundary),
                facts,
                library,
            );
        }
        // Policies of the organization do not apply to service-linked roles.
        if !caller.is_service_linked {
            let levels = snapshot.service_control_policies.iter().flatten();
            for (level, policies) in levels.enumerate() {
                rules.service_control_levels = level + 1;
                for policy in policies {
                    rules.add_policy(
                        policy,
                        PolicyType::Identity,
                        PolicyPlacement::Layer(PolicyLayer::ServiceControl(level)),
                        facts,
                        library,
                    );
                }
            }
            for policy in snapshot.resource_control_policies.iter().flatten().flatten() {
                rules.add_policy(
                    policy,
                    PolicyType::ResourceControl,
                    PolicyPlacement::Layer(PolicyLayer::ResourceControl),
                    facts,
                    library,
                );
            }
        }
        for resource in &snapshot.resource_based_policies {
            rules.resources_with_policy.push(ResourceWithPolicy::of(&resource.resource, caller));
            let place = PolicyPlacement::Resource(rules.resources_with_policy.len() - 1);
            rules.add_policy(&resource.policy, PolicyType::Resource, place, facts, library);
        }
        rules.problems.sort_unstable();
        rules.problems.dedup();
        rules
    }

    fn add_policy(
        &mut self,
        policy: &super::Policy,
        kind: PolicyType,
        place: PolicyPlacement,
        facts: &EvaluationContext<'_>,
        library: &DocumentCache<'_>,
    ) {
        let indexed = library.get_or_index(&policy.text, kind);
        self.problems.extend(
            indexed
                .problems
                .iter()
                .map(|problem| PolicyProblem { policy: Arc::clone(&policy.name), ..problem.clone() }),
        );
        let id = |statement: &PolicyStatement| StatementId {
            policy: Arc::clone(&policy.name),
            statement: Arc::clone(&statement.label),
        };
        for entry in &indexed.statements {
            let statement = &entry.statement;
            let (layer, meant) = match (&statement.principals, place) {
                (Some(principals), place) => {
                    match principal_match::match_element(principals, facts.caller, statement.effect) {
                        Some((how, meant)) => (place.layer(how), meant),
                        None => continue,
                    }
                }
                (None, place) => (place.layer(PrincipalMatch::Direct), Applicability::Always),
            };
            let meant = match (facts.request, meant) {
                // For one request, the session that makes it is not known.
                (Some(_), Applicability::CallerControlled) => Applicability::Unknown,
                _ => meant,
            };
            if layer == PolicyLayer::ResourceControl && statement.effect == Effect::Allow {
                continue;
            }
            for variant in &entry.variants {
                let facts = &EvaluationContext { absent_keys: &variant.absent_keys, ..*facts };
                let mut outcome = condition::applicability(statement, facts).and(meant, statement.effect);
                // It applies to resources of the organization only; some of the requests may be for other resources.
                if layer == PolicyLayer::ResourceControl && facts.request.is_none() {
                    outcome = outcome.and(Applicability::Unknown, statement.effect);
                }
                if outcome == Applicability::Never {
                    continue;
                }
                let within = match place {
                    PolicyPlacement::Resource(at) => self.resources_with_policy.get(at),
                    PolicyPlacement::Layer(_) => None,
                };
                self.rules.push(PolicyRule {
                    id: id(statement),
                    layer,
                    applicability: outcome,
                    indexed: Arc::clone(entry),
                    actions: Arc::clone(&variant.actions),
                    covers_unknown: variant.covers_unknown,
                    resources: StatementResources::of(statement, facts, within),
                });
            }
        }
        // What a malformed limit allows is unknown, so everything is conditional.
        let limits =
            !matches!(place, PolicyPlacement::Layer(PolicyLayer::Identity | PolicyLayer::ResourceControl));
        if limits && indexed.may_lose_allow {
            let entry = library.allow_everything();
            let resources = StatementResources::of(&entry.statement, facts, None);
            let layer = place.layer(PrincipalMatch::ViaAccount);
            self.rules.push(PolicyRule {
                id: id(&entry.statement),
                layer,
                applicability: Applicability::Unknown,
                actions: Arc::clone(&entry.actions),
                covers_unknown: true,
                indexed: entry,
                resources,
            });
        }
    }
}

/// Whether the text begins with a variable that is not a condition key of AWS.
fn begins_with_unknown_value(pattern: &str) -> bool {
    let variable = pattern.strip_prefix("${").and_then(|inside| inside.split_once('}'));
    variable.is_some_and(|(key, _)| !is_condition_key(key) && !matches!(key, "*" | "?" | "$"))
}

/// The ARN with a wildcard for each variable before its fifth colon, if it has one there: AWS replaces variables only in the
/// last part of an ARN (IAM User Guide, "IAM policy elements: Variables and tags", read 2026-11), so what such an ARN
/// matches is not decided.
fn undecided_arn(pattern: &str) -> Option<String> {
    let mut written = String::new();
    let (mut colons, mut rest) = (0, pattern.strip_prefix("arn:").map(|_| pattern)?);
    let mut is_undecided = false;
    while let Some(letter) = rest.chars().next() {
        if colons == 5 {
            break;
        }
        let variable = rest.strip_prefix("${").and_then(|inside| inside.split_once('}'));
        rest = match variable {
            Some((key, after)) if is_condition_key(key) => {
                is_undecided = true;
                written.push('*');
                after
            }
            Some((key, after)) => {
                written.push_str("${");
                written.push_str(key);
                written.push('}');
                after
            }
            None => {
                colons += usize::from(letter == ':');
                written.push(letter);
                rest.get(letter.len_utf8()..).unwrap_or_default()
            }
        };
    }
    written.push_str(rest);
    is_undecided.then_some(written)
}

/// Whether it is an ARN of fewer than six fields, which IAM completes: IAM User Guide, "IAM JSON policy elements:
/// Resource", "Incomplete ARNs" (read 2026-11). A wildcard at its end already covers the missing fields.
fn is_incomplete_arn(pattern: &str) -> bool {
    (pattern == "arn" || pattern.starts_with("arn:"))
        && pattern.split(':').count() < 6
        && !pattern.ends_with('*')
}

#[derive(Clone, Copy)]
enum PolicyPlacement {
    Layer(PolicyLayer),
    Resource(usize),
}

impl PolicyPlacement {
    const fn layer(self, how: PrincipalMatch) -> PolicyLayer {
        match self {
            Self::Layer(layer) => layer,
            Self::Resource(at) => PolicyLayer::ResourceBased(at, how),
        }
    }
}
