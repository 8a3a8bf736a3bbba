//! Which principals can become which others: the principals of one set of files as a graph.
//!
//! Enters: the principals of one set of files, and which of them to begin with. Leaves: [`PrincipalGraph`]. Laws: an edge
//! is there only if the policies may allow every step of its method on this very principal; an edge is unconditional only
//! if they allow each of them whatever the conditions are that the principal does not choose; an added allow removes no edge,
//! unless it makes the beginning of the edge an administrator of the account of its end; an added deny adds none; a path
//! consists of edges of the graph; a policy that is not known never hides an edge.

mod account_principals;
mod administrator;
mod compute;
mod edge_groups;
mod principal_edges;
mod search;
#[cfg(test)]
pub(crate) mod tests;
mod unfollowed;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use self::account_principals::KnownPrincipals;
use super::{OverallStatus, PermissionsAssessor, PrincipalIdentity, UnreadPart};
use crate::{
    config::Config,
    grants::{Evaluator, PolicySnapshot, UnevaluatedPolicyType},
    pattern::matches,
    principal::PrincipalKind,
    time::Time,
};

/// Version of the shape of a [`PrincipalGraph`]; the first number changes if a field loses its meaning.
pub const PRINCIPAL_GRAPH_SCHEMA_VERSION: &str = "2.0";

/// What the paths of a graph lead to. The order is that of severity.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PathResult {
    /// No source can become a principal that is granted more than reads.
    #[default]
    NoPath,
    /// A source can become such a principal on conditions, or it cannot be determined what is granted to a principal that
    /// it can become; or a part of the files was not read; or it is granted an action for which the graph has no edges.
    Indeterminate,
    /// A source can become such a principal without conditions.
    Path,
}

/// A user or role of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct PrincipalNode {
    /// ARN, or the name given to policies without a principal.
    pub id: Arc<str>,
    /// Kind of the principal.
    pub kind: PrincipalKind,
    /// Account; empty when not known.
    pub account: Arc<str>,
    /// Pattern of the promise that covers it.
    pub watched_as: Option<String>,
    /// What its policies grant, as `onlooker permissions` says it.
    pub overall_status: OverallStatus,
}

/// The administrator of an account: any principal that may give itself every permission there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct AdministratorNode {
    /// `administrator of` and the account.
    pub id: Arc<str>,
    /// Account; empty when not known.
    pub account: Arc<str>,
    /// Number of users and roles of the account in the files. The administrator can become each of them; the graph has no
    /// edges for that.
    pub principals: u64,
}

/// The principals that several others can become by one method, each on the same conditions. An edge to the group and one from
/// it are one step: a principal with an edge to the group can become each principal with an edge from it, except itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct GroupNode {
    /// `group`, a number, the account and the method.
    pub id: Arc<str>,
    /// Account of the principals with an edge to the group; empty when not known.
    pub account: Arc<str>,
    /// Id of the escalation method.
    pub method: String,
    /// Number of edges from the group.
    pub principals: u64,
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum GraphNode {
    /// A user or role.
    Principal(PrincipalNode),
    /// The administrator of an account.
    Administrator(AdministratorNode),
    /// Principals that several others can become.
    Group(GroupNode),
}

impl GraphNode {
    /// Id of the node: an ARN, a name, `administrator of` an account, or `group` and a number.
    pub const fn id(&self) -> &Arc<str> {
        match self {
            Self::Principal(node) => &node.id,
            Self::Administrator(node) => &node.id,
            Self::Group(node) => &node.id,
        }
    }

    /// Account of the node; empty when not known.
    pub fn account(&self) -> &str {
        match self {
            Self::Principal(node) => &node.account,
            Self::Administrator(node) => &node.account,
            Self::Group(node) => &node.account,
        }
    }

    /// Whether the node is granted more than reads; `None` if that cannot be determined.
    const fn is_granted_more(&self) -> Option<bool> {
        match self {
            Self::Administrator(_) => Some(true),
            // No path ends at a group.
            Self::Group(_) => Some(false),
            Self::Principal(node) => match node.overall_status {
                OverallStatus::OverPrivileged => Some(true),
                OverallStatus::Indeterminate => None,
                OverallStatus::Valid | OverallStatus::Partial | OverallStatus::Invalid => Some(false),
            },
        }
    }
}

/// One way in which a principal can become another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct GraphEdge {
    /// Id of the node that becomes the other.
    pub from: Arc<str>,
    /// Id of the node that it becomes.
    pub to: Arc<str>,
    /// Id of the escalation method, kebab-case and permanent, such as `assume-role`.
    pub method: String,
    /// The step, in a sentence without its subject.
    pub description: String,
    /// Whether the policies allow it on no condition.
    pub is_unconditional: bool,
    /// Conditions that it depends on, in words; none if it is unconditional.
    pub conditions: Vec<Arc<str>>,
}

/// The best path from a source or group to a node: with the fewest conditional steps, then with the fewest steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GraphPath {
    /// Id of the source or group.
    pub from: Arc<str>,
    /// Id of the node that it can become, or of a group.
    pub to: Arc<str>,
    /// Positions of the steps in `edges`, counted from zero, in the order in which they are taken.
    pub steps: Vec<usize>,
    /// Whether each step is unconditional.
    pub is_unconditional: bool,
}

/// Which principals can become which others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalGraph {
    /// Version of this shape.
    pub schema_version: String,
    /// What the paths lead to.
    pub result: PathResult,
    /// Ids of the principals with which the search began, in order.
    pub sources: Vec<Arc<str>>,
    /// Requested patterns that match no principal of the files.
    pub missing: BTreeSet<String>,
    /// Nodes, in order of their ids.
    pub nodes: Vec<GraphNode>,
    /// Edges, in order.
    pub edges: Vec<GraphEdge>,
    /// The best path from each source to each group and each node that it can become, in order, and from each group to each
    /// node that its members can become. A path from a source to a group goes on with each path of the group that does
    /// not end at the source; a path of the source to the same node is listed only if it is as good.
    pub paths: Vec<GraphPath>,
    /// Parts of the given files that were not read and may declare principals or policies. With any of them, the result is
    /// never NO_PATH.
    #[serde(default)]
    pub unread: Vec<UnreadPart>,
    /// What the graph does not have, in sentences; also what was not read.
    pub limitations: Vec<String>,
    /// Version of the catalog.
    pub catalog_version: String,
}

/// With what and from where to build a graph.
#[derive(Clone, Debug)]
pub struct GraphRequest<'a> {
    /// Evaluates the policies.
    pub evaluator: &'a Evaluator<'a>,
    /// Promises, overrides and required reads.
    pub config: &'a Config,
    /// Time of the assessment of the principals.
    pub at: Time,
    /// Patterns of the principals to begin with; without any, the watched ones, or all if none is watched.
    pub from: &'a [String],
    /// Patterns of the principals to which paths are shown; without any, all.
    pub to: &'a [String],
}

impl PrincipalGraph {
    /// Builds the graph of the principals of one set of files.
    pub fn of(principals: Vec<PolicySnapshot>, request: &GraphRequest<'_>) -> Self {
        Self::with_groups_of(edge_groups::LEAST_EDGES, principals, request)
    }

    /// The graph with groups of at least so many edges.
    fn with_groups_of(
        least_edges: usize,
        principals: Vec<PolicySnapshot>,
        request: &GraphRequest<'_>,
    ) -> Self {
        let known = KnownPrincipals::of(principals);
        let (sources, mut missing) = sources(&known, request);
        missing.extend(request.to.iter().filter(|pattern| !known.any_matches(pattern)).cloned());
        let assessor = PermissionsAssessor::new(request.config, request.evaluator.catalog());
        let found = search::reachable(&known, &sources, request, &assessor, least_edges);
        let mut graph = Self {
            schema_version: PRINCIPAL_GRAPH_SCHEMA_VERSION.to_owned(),
            result: PathResult::NoPath,
            paths: search::best_paths(&sources, &found.nodes, &found.edges),
            sources,
            missing,
            nodes: found.nodes,
            edges: found.edges,
            unread: Vec::new(),
            limitations: limitations(&found.unevaluated, &found.unknown_trust, &found.malformed),
            catalog_version: request.evaluator.catalog().version().to_owned(),
        };
        if !request.to.is_empty() {
            graph.keep_paths_to(&known, request.to);
        }
        graph.result = graph.overall();
        if !found.unfollowed.is_empty() {
            graph.result = graph.result.max(PathResult::Indeterminate);
            graph.limitations.extend(found.unfollowed.iter().map(unfollowed_sentence));
        }
        graph
    }

    /// The graph with what the given files do not hold: it may have principals and policies that lead further.
    #[must_use]
    pub fn with_unread(mut self, unread: Vec<UnreadPart>, notes: Vec<String>) -> Self {
        if !unread.is_empty() {
            self.result = self.result.max(PathResult::Indeterminate);
        }
        let parts = unread.iter().map(|part| format!("{}: {}: {}", part.file, part.name, part.message));
        self.limitations.extend(parts.chain(notes));
        self.unread = unread;
        self
    }

    /// The published JSON schema of the graph.
    pub fn schema() -> Schema {
        schemars::schema_for!(Self)
    }

    /// The node of an id.
    pub fn node(&self, id: &str) -> Option<&GraphNode> {
        let at = self.nodes.binary_search_by(|node| (**node.id()).cmp(id)).ok()?;
        self.nodes.get(at)
    }

    /// The steps of a path, in order. An edge to a group is a step only together with the edge from it.
    pub fn steps<'g>(&'g self, path: &GraphPath) -> impl Iterator<Item = &'g GraphEdge> {
        let edges = path.steps.iter().filter_map(|at| self.edges.get(*at));
        edges.filter(|edge| !self.is_group(&edge.to))
    }

    fn is_group(&self, id: &str) -> bool {
        matches!(self.node(id), Some(GraphNode::Group(_)))
    }

    /// The paths from a source or group in `paths`.
    fn listed_paths(&self, from: &str) -> &[GraphPath] {
        let start = self.paths.partition_point(|path| *path.from < *from);
        let own = self.paths.get(start..).unwrap_or_default();
        own.get(..own.partition_point(|path| *path.from == *from)).unwrap_or_default()
    }

    /// The best path from a source to each node that it can become, in order, also of those that lead through groups.
    pub fn paths_from(&self, source: &str) -> Vec<GraphPath> {
        let rank = |path: &GraphPath| {
            let steps = || self.steps(path);
            (steps().filter(|step| !step.is_unconditional).count(), steps().count())
        };
        let mut best: BTreeMap<Arc<str>, ((usize, usize), GraphPath)> = BTreeMap::new();
        for path in self.listed_paths(source).iter().filter(|path| !self.is_group(&path.to)) {
            best.insert(Arc::clone(&path.to), (rank(path), path.clone()));
        }
        for first in self.listed_paths(source).iter().filter(|path| self.is_group(&path.to)) {
            let before = rank(first);
            for rest in self.listed_paths(&first.to).iter().filter(|rest| *rest.to != *source) {
                let after = rank(rest);
                let rank = (before.0 + after.0, before.1 + after.1);
                if best.get(&rest.to).is_some_and(|(known, _)| *known <= rank) {
                    continue;
                }
                let path = GraphPath {
                    from: Arc::clone(&first.from),
                    to: Arc::clone(&rest.to),
                    steps: first.steps.iter().chain(&rest.steps).copied().collect(),
                    is_unconditional: first.is_unconditional && rest.is_unconditional,
                };
                best.insert(Arc::clone(&rest.to), (rank, path));
            }
        }
        best.into_values().map(|(_, path)| path).collect()
    }

    /// What a path leads to.
    pub fn path_result(&self, path: &GraphPath) -> PathResult {
        match (self.node(&path.to).map(GraphNode::is_granted_more), path.is_unconditional) {
            (Some(Some(true)), true) => PathResult::Path,
            (Some(Some(false)), _) => PathResult::NoPath,
            (Some(Some(true) | None) | None, _) => PathResult::Indeterminate,
        }
    }

    fn overall(&self) -> PathResult {
        let undetermined = self.sources.is_empty() || !self.missing.is_empty();
        let least = if undetermined { PathResult::Indeterminate } else { PathResult::NoPath };
        let own = self.paths.iter().filter(|path| !self.is_group(&path.from));
        let (to_groups, to_nodes): (Vec<&GraphPath>, Vec<&GraphPath>) =
            own.partition(|path| self.is_group(&path.to));
        let own = to_nodes.into_iter().map(|path| self.path_result(path)).fold(least, PathResult::max);
        let mut per_group: BTreeMap<&str, Vec<&GraphPath>> = BTreeMap::new();
        to_groups.into_iter().for_each(|path| per_group.entry(&path.to).or_default().push(path));
        let through = per_group.into_iter().flat_map(|(group, firsts)| {
            self.listed_paths(group).iter().filter_map(move |rest| {
                let mut firsts = firsts.iter().filter(|first| first.from != rest.to).peekable();
                firsts.peek()?;
                let is_unconditional = rest.is_unconditional && firsts.any(|first| first.is_unconditional);
                Some(GraphPath { is_unconditional, ..rest.clone() })
            })
        });
        through.map(|path| self.path_result(&path)).fold(own, PathResult::max)
    }

    /// Keeps the paths to nodes that match a pattern, and what they need. An administrator can become each principal of its
    /// account.
    fn keep_paths_to(&mut self, known: &KnownPrincipals, patterns: &[String]) {
        let wanted = known.matching(patterns);
        let accounts: BTreeSet<&str> = wanted.iter().map(|arn| known.account(arn)).collect();
        let is_wanted = |id: &Arc<str>| match self.node(id) {
            Some(GraphNode::Administrator(node)) => accounts.contains(&*node.account),
            _ => wanted.contains(id),
        };
        let of_groups: BTreeSet<&str> = (self.paths.iter())
            .filter(|path| self.is_group(&path.from) && is_wanted(&path.to))
            .map(|path| &*path.from)
            .collect();
        let is_kept = |path: &&GraphPath| is_wanted(&path.to) || of_groups.contains(&*path.to);
        let mut paths: Vec<GraphPath> = self.paths.iter().filter(is_kept).cloned().collect();
        let used: BTreeSet<usize> = paths.iter().flat_map(|path| path.steps.iter().copied()).collect();
        let moved: BTreeMap<usize, usize> = used.iter().copied().zip(0..).collect();
        for step in paths.iter_mut().flat_map(|path| path.steps.iter_mut()) {
            *step = moved.get(step).copied().unwrap_or_default();
        }
        let edges = used.iter().filter_map(|at| self.edges.get(*at)).cloned();
        self.edges = edges.collect();
        let ends = self.edges.iter().flat_map(|edge| [&edge.from, &edge.to]).chain(&self.sources);
        let ids: BTreeSet<Arc<str>> = ends.cloned().collect();
        self.nodes.retain(|node| ids.contains(node.id()));
        self.paths = paths;
    }
}

/// The principals to begin with, and the patterns that match none.
fn sources(known: &KnownPrincipals, request: &GraphRequest<'_>) -> (Vec<Arc<str>>, BTreeSet<String>) {
    if !request.from.is_empty() {
        let missing = request.from.iter().filter(|pattern| !known.any_matches(pattern)).cloned();
        return (known.matching(request.from).into_iter().collect(), missing.collect());
    }
    let watched: Vec<Arc<str>> =
        known.ids().filter(|id| request.config.watch_for_arn(id).is_some()).cloned().collect();
    match watched.is_empty() {
        true => (known.ids().cloned().collect(), BTreeSet::new()),
        false => (watched, BTreeSet::new()),
    }
}

/// Whether a pattern of principals matches an ARN, with the rules of promises for the path of a role.
fn pattern_matches(pattern: &str, arn: &str) -> bool {
    let as_promise = || {
        let watch = crate::config::Watch::new(pattern).ok()?;
        let alone = Config { watch: vec![watch], exempt: Vec::new(), ..Config::default() };
        Some(alone.watch_for_arn(arn).is_some())
    };
    matches(pattern, arn) || as_promise() == Some(true)
}

/// The identity of a principal of the files.
fn identity(snapshot: &PolicySnapshot, config: &Config) -> PrincipalIdentity {
    PrincipalIdentity::of(&snapshot.principal, &snapshot.account, config)
}

/// What an action that leads further than the graph is granted to, in a sentence.
fn unfollowed_sentence((action, principals): (&String, &BTreeSet<Arc<str>>)) -> String {
    let first = principals.first().map(|id| &**id).unwrap_or_default();
    let more = match principals.len().saturating_sub(1) {
        0 => String::new(),
        1 => " and 1 other principal".to_owned(),
        n => format!(" and {n} other principals"),
    };
    format!("{action} is granted to `{first}`{more}, and the graph has no edges for what this leads to")
}

fn limitations(
    unevaluated: &BTreeSet<UnevaluatedPolicyType>,
    unknown_trust: &BTreeSet<Arc<str>>,
    malformed: &BTreeSet<Arc<str>>,
) -> Vec<String> {
    let count = |n: usize, one: &str, many: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    };
    let mut sentences = vec![
        "roles of accounts that are not in the files are not in the graph".to_owned(),
        "sessions of identity providers, of IAM Identity Center and of services are not principals of the graph"
            .to_owned(),
        "membership in groups, groups with a path, older versions of policies, service-specific credentials and MFA devices have no edges; services without a known method to pass a role to neither"
            .to_owned(),
        "whether compute runs as a role, and which limits of an account apply, does not follow from policies"
            .to_owned(),
    ];
    let names = unevaluated.iter().filter_map(|one| match one {
        UnevaluatedPolicyType::PermissionsBoundary => Some("permissions boundaries"),
        UnevaluatedPolicyType::ServiceControlPolicies => Some("service control policies"),
        UnevaluatedPolicyType::ResourceControlPolicies => Some("resource control policies"),
        UnevaluatedPolicyType::SessionPolicies => Some("session policies"),
        UnevaluatedPolicyType::VpcEndpointPolicies => Some("VPC endpoint policies"),
        UnevaluatedPolicyType::ResourceBasedPolicies => None,
    });
    let names: Vec<&str> = names.collect();
    if !names.is_empty() {
        sentences.push(format!(
            "not all of these were evaluated, and they can remove edges: {}",
            names.join(", ")
        ));
    }
    if !unknown_trust.is_empty() {
        let roles = count(unknown_trust.len(), "role has a trust policy", "roles have trust policies");
        sentences
            .push(format!("{roles} that the files do not say completely: edges to them are conditional"));
    }
    if !malformed.is_empty() {
        let policies = count(malformed.len(), "policy of principals", "policies of principals");
        sentences.push(format!(
            "{policies} cannot be read: what such a policy grants is taken as conditional permission for everything in its account"
        ));
    }
    sentences
}
