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
    edge_groups::EdgeGroups,
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
    least_edges: usize,
) -> Reachable {
    let mut search = GraphSearch {
        known,
        request,
        assessor,
        nodes: BTreeMap::new(),
        principals: BTreeMap::new(),
        edges: BTreeSet::new(),
        groups: EdgeGroups::of_at_least(least_edges),
        found: Reachable::default(),
        ahead: sources.to_vec(),
    };
    loop {
        search.expand();
        if !search.add_administrators_through_others() {
            break;
        }
    }
    for (node, edges) in search.groups.nodes_and_edges() {
        search.nodes.insert(Arc::clone(node.id()), node);
        search.edges.extend(edges);
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
    /// Edges that are in no group.
    edges: BTreeSet<GraphEdge>,
    groups: EdgeGroups,
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
            let ends = edges.iter().map(|edge| &edge.to).filter(|end| !self.nodes.contains_key(*end));
            self.ahead.extend(ends.cloned());
            let account = self.nodes.get(&id).map_or("", |node| node.account()).into();
            self.edges.extend(self.groups.take(&id, &account, edges));
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
        let groups = self.groups.nodes_and_edges();
        let edges: Vec<&GraphEdge> =
            self.edges.iter().chain(groups.iter().flat_map(|(_, edges)| edges)).collect();
        let graph = Adjacency::of(&edges, groups.iter().map(|(node, _)| &**node.id()));
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
            for (other, route) in graph.routes(id, &edges, true) {
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    conditional: usize,
    /// Steps, without those to a group: the edge to a group and the one from it are one step.
    count: usize,
    edges: Vec<usize>,
}

/// The edges of each node.
struct Adjacency<'e> {
    from: BTreeMap<&'e str, Vec<usize>>,
    groups: BTreeSet<&'e str>,
}

impl<'e> Adjacency<'e> {
    fn of(edges: &[&'e GraphEdge], groups: impl Iterator<Item = &'e str>) -> Self {
        let mut from: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, edge) in edges.iter().enumerate() {
            from.entry(&edge.from).or_default().push(at);
        }
        Self { from, groups: groups.collect() }
    }

    /// The best route from a node to each other node; to groups, but not from them, unless `through_groups`.
    fn routes(
        &self,
        source: &Arc<str>,
        edges: &[&'e GraphEdge],
        through_groups: bool,
    ) -> BTreeMap<Arc<str>, Route> {
        let mut best: BTreeMap<Arc<str>, Route> = BTreeMap::new();
        let mut ahead = BinaryHeap::from([Reverse((Route::default(), Arc::clone(source)))]);
        best.insert(Arc::clone(source), Route::default());
        while let Some(Reverse((route, node))) = ahead.pop() {
            let is_end = !through_groups && self.groups.contains(&*node);
            if is_end || best.get(&node).is_some_and(|known| *known < route) {
                continue;
            }
            for at in self.from.get(&*node).into_iter().flatten() {
                let Some(edge) = edges.get(*at) else { continue };
                let is_step = !self.groups.contains(&*edge.to);
                let longer = Route {
                    conditional: route.conditional + usize::from(!edge.is_unconditional),
                    count: route.count + usize::from(is_step),
                    edges: route.edges.iter().copied().chain([*at]).collect(),
                };
                if best.get(&edge.to).is_none_or(|known| longer < *known) {
                    ahead.push(Reverse((longer.clone(), Arc::clone(&edge.to))));
                    best.insert(Arc::clone(&edge.to), longer);
                }
            }
        }
        best.remove(source);
        best
    }
}

/// The best path from each source to each group and each node that it can become, and from each group to each node, in order.
pub(super) fn best_paths(sources: &[Arc<str>], nodes: &[GraphNode], edges: &[GraphEdge]) -> Vec<GraphPath> {
    let edges: Vec<&GraphEdge> = edges.iter().collect();
    let groups: Vec<&Arc<str>> =
        nodes.iter().filter(|node| matches!(node, GraphNode::Group(_))).map(GraphNode::id).collect();
    let graph = Adjacency::of(&edges, groups.iter().map(|id| &***id));
    let of_groups: BTreeMap<&str, BTreeMap<Arc<str>, Route>> = (groups.iter())
        .map(|id| {
            let mut routes = graph.routes(id, &edges, true);
            routes.retain(|to, _| !graph.groups.contains(&**to));
            (&***id, routes)
        })
        .collect();
    let path = |from: &Arc<str>, to: Arc<str>, route: Route| GraphPath {
        from: Arc::clone(from),
        to,
        is_unconditional: route.conditional == 0,
        steps: route.edges,
    };
    let of_source = |source: &Arc<str>| {
        let routes = graph.routes(source, &edges, false);
        let to_groups: Vec<(&Route, &BTreeMap<Arc<str>, Route>)> =
            routes.iter().filter_map(|(to, route)| Some((route, of_groups.get(&**to)?))).collect();
        let is_best = |to: &Arc<str>, route: &Route| {
            to_groups.iter().filter_map(|(first, rest)| Some((first, rest.get(to)?))).all(|(first, rest)| {
                (route.conditional, route.count)
                    <= (first.conditional + rest.conditional, first.count + rest.count)
            })
        };
        let best = routes.iter().filter(|(to, route)| graph.groups.contains(&***to) || is_best(to, route));
        best.map(|(to, route)| path(source, Arc::clone(to), route.clone())).collect::<Vec<_>>()
    };
    let mut paths: Vec<GraphPath> = sources.iter().flat_map(of_source).collect();
    for id in groups {
        let routes = of_groups.get(&**id).into_iter().flatten();
        paths.extend(routes.map(|(to, route)| path(id, Arc::clone(to), route.clone())));
    }
    paths.sort_by(|a, b| (&a.from, &a.to).cmp(&(&b.from, &b.to)));
    paths
}
