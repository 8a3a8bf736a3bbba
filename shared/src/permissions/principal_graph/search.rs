//! The search: what is reachable from the sources, and the best path to each node.
//!
//! Enters: the principals and the sources. Leaves: nodes and edges, then paths. Laws: only principals that a source can become
//! are evaluated, each once; of two paths, the one with fewer conditional steps is better, then the shorter one, then the
//! one with the earlier edges.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
};

use super::{
    AdministratorNode, GraphEdge, GraphNode, GraphPath, GraphRequest, PrincipalNode,
    account_principals::KnownPrincipals,
    administrator::{self, administrator_id},
    identity,
    principal_edges::GraphPrincipal,
};
use crate::{
    grants::UnevaluatedPolicyType,
    permissions::{AssessedPrincipal, PermissionsAssessor},
};

/// What is reachable from the sources.
#[derive(Debug, Default)]
pub(super) struct Reachable {
    /// Nodes, in order of their ids.
    pub nodes: Vec<GraphNode>,
    /// Edges, in order.
    pub edges: Vec<GraphEdge>,
    pub unevaluated: BTreeSet<UnevaluatedPolicyType>,
    /// Roles with trust policies that are not known completely.
    pub unknown_trust: BTreeSet<Arc<str>>,
    /// Policies of the principals that cannot be read.
    pub malformed: BTreeSet<Arc<str>>,
    /// Actions that lead further than the edges, in words, each with the principals that are granted it.
    pub unfollowed: BTreeMap<String, BTreeSet<Arc<str>>>,
}

/// Evaluates what is reachable from the sources.
pub(super) fn reachable<'g>(
    known: &'g KnownPrincipals,
    sources: &[Arc<str>],
    request: &'g GraphRequest<'g>,
    assessor: &'g PermissionsAssessor<'g>,
) -> Reachable {
    let mut search = GraphSearch {
        known,
        request,
        assessor,
        nodes: BTreeMap::new(),
        principals: BTreeMap::new(),
        edges: BTreeSet::new(),
        found: Reachable::default(),
        ahead: sources.to_vec(),
    };
    loop {
        search.expand();
        if !search.add_administrators_through_others() {
            break;
        }
    }
    Reachable {
        nodes: search.nodes.into_values().collect(),
        edges: search.edges.into_iter().collect(),
        ..search.found
    }
}

struct GraphSearch<'g> {
    known: &'g KnownPrincipals,
    request: &'g GraphRequest<'g>,
    assessor: &'g PermissionsAssessor<'g>,
    nodes: BTreeMap<Arc<str>, GraphNode>,
    principals: BTreeMap<Arc<str>, GraphPrincipal<'g>>,
    edges: BTreeSet<GraphEdge>,
    found: Reachable,
    /// Nodes of which the edges are not known yet.
    ahead: Vec<Arc<str>>,
}

impl<'g> GraphSearch<'g> {
    /// Evaluates every node ahead, and every node that it leads to.
    fn expand(&mut self) {
        while let Some(id) = self.ahead.pop() {
            if self.nodes.contains_key(&id) {
                continue;
            }
            let edges = match self.known.get(&id) {
                Some(_) => self.principal(&id),
                None => self.administrator(&id),
            };
            self.ahead.extend(edges.iter().map(|edge| Arc::clone(&edge.to)));
            self.edges.extend(edges);
        }
    }

    fn principal(&mut self, id: &Arc<str>) -> Vec<GraphEdge> {
        let known: &'g KnownPrincipals = self.known;
        let Some(snapshot) = known.get(id) else { return Vec::new() };
        let evaluator = self.request.evaluator;
        let grants = evaluator.grants(snapshot);
        let identity = identity(snapshot, self.request.config);
        let subject =
            AssessedPrincipal { identity: identity.clone(), grants: &grants, policies_sha256: String::new() };
        let status = self.assessor.assess(&subject, self.request.at, &[], None).overall_status;
        let node = PrincipalNode {
            id: Arc::clone(id),
            kind: identity.kind,
            account: identity.account,
            watched_as: identity.watched_as,
            overall_status: status,
        };
        self.nodes.insert(Arc::clone(id), GraphNode::Principal(node));
        self.found.unevaluated.extend(&grants.unevaluated);
        let principal = GraphPrincipal::of(snapshot, grants, known, evaluator);
        self.found.malformed.extend(principal.malformed.iter().cloned());
        let own = administrator::of_itself(&principal);
        let is_administrator = own.iter().any(|edge| edge.is_unconditional);
        let mut edges = principal.assumed_roles();
        if !is_administrator {
            edges.extend(principal.takeovers());
            edges.extend(principal.compute_roles());
        }
        edges.extend(own);
        if !is_administrator {
            for action in principal.unfollowed(&edges) {
                self.found.unfollowed.entry(action).or_default().insert(Arc::clone(id));
            }
        }
        for edge in &edges {
            if principal.is_trust_unknown(&edge.to) {
                self.found.unknown_trust.insert(Arc::clone(&edge.to));
            }
        }
        self.principals.insert(Arc::clone(id), principal);
        edges
    }

    fn administrator(&mut self, id: &Arc<str>) -> Vec<GraphEdge> {
        let account: Arc<str> = id.strip_prefix(administrator::PREFIX).unwrap_or_default().into();
        let account: Arc<str> = if &*account == administrator::UNKNOWN_ACCOUNT { "".into() } else { account };
        let node = AdministratorNode {
            id: Arc::clone(id),
            principals: self.known.count_in(&account),
            account: Arc::clone(&account),
        };
        self.nodes.insert(Arc::clone(id), GraphNode::Administrator(node));
        administrator::roles_of_other_accounts(&account, self.known, self.request.evaluator)
    }

    /// Adds edges to administrators for principals that may change the policies of a principal that they can become. Returns
    /// whether there are any.
    fn add_administrators_through_others(&mut self) -> bool {
        let mut added = Vec::new();
        let edges: Vec<&GraphEdge> = self.edges.iter().collect();
        let graph = Adjacency::of(&edges);
        for (id, principal) in &self.principals {
            let administrator = administrator_id(&principal.snapshot.account);
            let best = edges
                .iter()
                .filter(|edge| edge.from == *id && edge.to == administrator)
                .map(|edge| edge.is_unconditional)
                .max();
            if best == Some(true) || !administrator::may_change_policies(principal) {
                continue;
            }
            for (other, route) in graph.routes(id, &edges) {
                let Some(snapshot) = self.known.get(&other) else { continue };
                if other == *id || snapshot.account != principal.snapshot.account {
                    continue;
                }
                let conditional =
                    (route.conditional > 0).then(|| format!("the principal can become `{other}`"));
                added.extend(administrator::through(principal, snapshot, conditional.as_deref()));
            }
        }
        let before = self.edges.len();
        self.ahead.extend(added.iter().map(|edge| Arc::clone(&edge.to)));
        self.edges.extend(added);
        self.edges.len() > before
    }
}

/// How a node is reached: the order is that of preference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    conditional: usize,
    steps: Vec<usize>,
}

impl Route {
    /// What decides which of two routes is better: conditional steps, all steps, the edges.
    fn rank(&self) -> (usize, usize, &[usize]) {
        (self.conditional, self.steps.len(), &self.steps)
    }
}

/// The edges of each node.
struct Adjacency<'e> {
    from: BTreeMap<&'e str, Vec<usize>>,
}

impl<'e> Adjacency<'e> {
    fn of(edges: &[&'e GraphEdge]) -> Self {
        let mut from: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, edge) in edges.iter().enumerate() {
            from.entry(&edge.from).or_default().push(at);
        }
        Self { from }
    }

    /// The best route from a node to each other node.
    fn routes(&self, source: &Arc<str>, edges: &[&'e GraphEdge]) -> BTreeMap<Arc<str>, Route> {
        let mut best: BTreeMap<Arc<str>, Route> = BTreeMap::new();
        let start = Route { conditional: 0, steps: Vec::new() };
        let mut ahead = BinaryHeap::from([Reverse((0, 0, Vec::new(), Arc::clone(source)))]);
        best.insert(Arc::clone(source), start);
        while let Some(Reverse((conditional, count, steps, node))) = ahead.pop() {
            if best.get(&node).is_some_and(|known| known.rank() < (conditional, count, &steps)) {
                continue;
            }
            for at in self.from.get(&*node).into_iter().flatten() {
                let Some(edge) = edges.get(*at) else { continue };
                let mut longer = steps.clone();
                longer.push(*at);
                let route =
                    Route { conditional: conditional + usize::from(!edge.is_unconditional), steps: longer };
                if best.get(&edge.to).is_none_or(|known| route.rank() < known.rank()) {
                    let ahead_of = (route.conditional, route.steps.len(), route.steps.clone());
                    ahead.push(Reverse((ahead_of.0, ahead_of.1, ahead_of.2, Arc::clone(&edge.to))));
                    best.insert(Arc::clone(&edge.to), route);
                }
            }
        }
        best.remove(source);
        best
    }
}

/// The best path from each source to each node that it can become, in order.
pub(super) fn best_paths(sources: &[Arc<str>], edges: &[GraphEdge]) -> Vec<GraphPath> {
    let edges: Vec<&GraphEdge> = edges.iter().collect();
    let graph = Adjacency::of(&edges);
    let of_source = |source: &Arc<str>| {
        let routes = graph.routes(source, &edges).into_iter();
        let source = Arc::clone(source);
        routes.map(move |(to, route)| GraphPath {
            from: Arc::clone(&source),
            to,
            is_unconditional: route.conditional == 0,
            steps: route.steps,
        })
    };
    sources.iter().flat_map(of_source).collect()
}
