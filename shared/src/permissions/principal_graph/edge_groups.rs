//! Edges to many principals by one method, once for all principals that have them.
//!
//! Enters: the edges of one principal after the other. Leaves: [`EdgeGroups`], and the edges that are in no group. Laws: a
//! principal leads by a group and one edge more to exactly the principals that its own edges lead to, with their conditions,
//! and perhaps to itself; without groups, a thousand principals that can each become each other would have a million edges.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use super::{GraphEdge, GraphNode, GroupNode, administrator::UNKNOWN_ACCOUNT};

/// Least number of edges of a group.
pub(super) const LEAST_EDGES: usize = 16;

/// The groups found so far.
#[derive(Debug)]
pub(super) struct EdgeGroups {
    groups: Vec<EdgeGroup>,
    least_edges: usize,
}

/// The edges of one method, and the principals that have them.
#[derive(Debug)]
struct EdgeGroup {
    method: String,
    /// Account of the principals that have the edges.
    account: Arc<str>,
    /// The principals that have the edges, each without the edge to itself.
    members: Vec<Arc<str>>,
    /// By its end, the edge of one of the members.
    edges: BTreeMap<Arc<str>, GraphEdge>,
    /// The sum of the hashes of the edges.
    hash: u64,
}

/// The hash of an edge without its beginning.
fn end_hash(edge: &GraphEdge) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&edge.to, &edge.description, &edge.conditions).hash(&mut hasher);
    hasher.finish()
}

fn is_same_end(one: &GraphEdge, other: &GraphEdge) -> bool {
    (&one.to, &one.description, &one.conditions) == (&other.to, &other.description, &other.conditions)
}

impl EdgeGroups {
    /// No groups. Fewer edges of one method than these stay as they are.
    pub fn of_at_least(least_edges: usize) -> Self {
        Self { groups: Vec::new(), least_edges }
    }

    /// Takes the edges of a principal by each method that has many, and returns the others.
    pub fn take(&mut self, from: &Arc<str>, account: &Arc<str>, edges: Vec<GraphEdge>) -> Vec<GraphEdge> {
        let mut rest = Vec::new();
        let mut per_method: BTreeMap<String, BTreeMap<Arc<str>, GraphEdge>> = BTreeMap::new();
        for edge in edges {
            let known = per_method.entry(edge.method.clone()).or_default();
            match known.contains_key(&edge.to) {
                true => rest.push(edge),
                false => drop(known.insert(Arc::clone(&edge.to), edge)),
            }
        }
        for (method, edges) in per_method {
            match edges.len() < self.least_edges {
                true => rest.extend(edges.into_values()),
                false => self.add(from, account, method, edges),
            }
        }
        rest
    }

    fn add(
        &mut self,
        from: &Arc<str>,
        account: &Arc<str>,
        method: String,
        edges: BTreeMap<Arc<str>, GraphEdge>,
    ) {
        let hash = edges.values().map(end_hash).fold(0, u64::wrapping_add);
        let fits = |group: &&mut EdgeGroup| {
            group.method == method && group.account == *account && group.fits(from, &edges, hash)
        };
        if let Some(group) = self.groups.iter_mut().find(fits) {
            return group.join(from, edges);
        }
        let members = vec![Arc::clone(from)];
        self.groups.push(EdgeGroup { method, account: Arc::clone(account), members, edges, hash });
    }

    /// The groups as nodes, each with the edges to it and from it.
    pub fn nodes_and_edges(&self) -> Vec<(GraphNode, Vec<GraphEdge>)> {
        let mut groups: Vec<&EdgeGroup> = self.groups.iter().collect();
        groups.sort_by_key(|group| {
            (&group.account, &group.method, group.members.iter().min(), group.edges.keys().next())
        });
        let mut numbers: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let mut nodes = Vec::new();
        for group in groups {
            let number = numbers.entry((&group.account, &group.method)).or_default();
            *number += 1;
            nodes.push(group.node(*number));
        }
        nodes
    }
}

impl EdgeGroup {
    /// Whether a principal with these edges leads to what the members lead to, each to itself aside.
    fn fits(&self, from: &Arc<str>, edges: &BTreeMap<Arc<str>, GraphEdge>, hash: u64) -> bool {
        let own = self.edges.get(from).filter(|_| !edges.contains_key(from));
        let missing = self.missing(edges);
        let hash_of = |edge: Option<&GraphEdge>| edge.map_or(0, end_hash);
        hash.wrapping_add(hash_of(own)) == self.hash.wrapping_add(hash_of(missing))
            && edges.values().all(|edge| match self.edges.get(&edge.to) {
                Some(known) => is_same_end(known, edge),
                None => missing.is_some_and(|missing| missing.to == edge.to),
            })
    }

    /// Of these edges, the one to the only member, which has none to itself.
    fn missing<'e>(&self, edges: &'e BTreeMap<Arc<str>, GraphEdge>) -> Option<&'e GraphEdge> {
        let [only] = self.members.as_slice() else { return None };
        edges.get(only).filter(|_| !self.edges.contains_key(only))
    }

    fn join(&mut self, from: &Arc<str>, edges: BTreeMap<Arc<str>, GraphEdge>) {
        if let Some(missing) = self.missing(&edges).cloned() {
            self.hash = self.hash.wrapping_add(end_hash(&missing));
            self.edges.insert(Arc::clone(&missing.to), missing);
        }
        self.members.push(Arc::clone(from));
    }

    /// The group as a node, with the edges to it and from it.
    fn node(&self, number: u64) -> (GraphNode, Vec<GraphEdge>) {
        let account = if self.account.is_empty() { UNKNOWN_ACCOUNT } else { &self.account };
        let id: Arc<str> = format!("group {number} of {account} by {}", self.method).into();
        let count = self.edges.len();
        let to_group = self.members.iter().map(|member| GraphEdge {
            from: Arc::clone(member),
            to: Arc::clone(&id),
            method: self.method.clone(),
            description: format!("choose one of {count} principals"),
            is_unconditional: true,
            conditions: Vec::new(),
        });
        let from_group = self.edges.values().map(|edge| GraphEdge { from: Arc::clone(&id), ..edge.clone() });
        let edges = to_group.chain(from_group).collect();
        let node = GroupNode {
            id: Arc::clone(&id),
            account: Arc::clone(&self.account),
            method: self.method.clone(),
            principals: u64::try_from(count).unwrap_or(u64::MAX),
        };
        (GraphNode::Group(node), edges)
    }
}
