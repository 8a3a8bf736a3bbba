//! What of a graph is drawn, and where.
//!
//! Enters: [`PrincipalGraph`]. Leaves: [`GraphDrawing`]: nodes in columns by their distance from the sources, and edges, one for
//! each pair of nodes. Laws: nodes without an edge are counted and not drawn; of a large graph the nodes nearest to the
//! sources are drawn, and how many are left out is counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    permissions::principal_graph::{GraphEdge, GraphNode, PrincipalGraph},
    render::format::{count_noun, thousands},
};

/// Largest number of nodes that are drawn.
pub const MAX_NODES: usize = 200;
/// Largest number of edges that are drawn.
const MAX_EDGES: usize = 600;

/// A node of the drawing.
#[derive(Clone, Copy, Debug)]
pub struct DrawnNode<'g> {
    /// The node of the graph.
    pub node: &'g GraphNode,
    /// Whether it is a source.
    pub is_source: bool,
    /// Number of steps from the nearest source.
    pub column: usize,
    /// Position in its column.
    pub row: usize,
}

/// All edges from one node to another.
#[derive(Clone, Debug)]
pub struct DrawnEdge<'g> {
    /// Position of the node that becomes the other.
    pub from: usize,
    /// Position of the node that it becomes.
    pub to: usize,
    /// The edges, the unconditional ones first.
    pub edges: Vec<&'g GraphEdge>,
}

/// The part of a graph that is drawn.
#[derive(Clone, Debug, Default)]
pub struct GraphDrawing<'g> {
    /// Nodes by column and row.
    pub nodes: Vec<DrawnNode<'g>>,
    /// Edges between these nodes.
    pub edges: Vec<DrawnEdge<'g>>,
    /// Number of nodes with edges that are not drawn.
    pub omitted_nodes: usize,
    /// Number of pairs of drawn nodes with edges that are not drawn.
    pub omitted_edges: usize,
}

impl DrawnEdge<'_> {
    /// Whether one of the edges is unconditional.
    pub fn is_unconditional(&self) -> bool {
        self.edges.iter().any(|edge| edge.is_unconditional)
    }

    /// The method of the first edge, and the number of others.
    pub fn label(&self) -> String {
        let first = self.edges.first().map_or("", |edge| edge.method.as_str());
        match self.edges.len().saturating_sub(1) {
            0 => first.to_owned(),
            more => format!("{first} and {} more", thousands(more as u64)),
        }
    }
}

impl<'g> GraphDrawing<'g> {
    /// What of the graph is drawn.
    pub fn of(graph: &'g PrincipalGraph) -> Self {
        let distances = distances(graph);
        let connected: BTreeSet<&str> =
            graph.edges.iter().flat_map(|edge| [&*edge.from, &*edge.to]).collect();
        let sources: BTreeSet<&str> = graph.sources.iter().map(|id| &**id).collect();
        let mut all: Vec<(usize, &GraphNode)> = graph
            .nodes
            .iter()
            .filter(|node| connected.contains(&**node.id()))
            .map(|node| (distances.get(&**node.id()).copied().unwrap_or_default(), node))
            .collect();
        all.sort_by(|(a, first), (b, second)| (a, first.id()).cmp(&(b, second.id())));
        let omitted = all.len().saturating_sub(MAX_NODES);
        all.truncate(MAX_NODES);
        let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
        let nodes: Vec<DrawnNode<'g>> = all
            .into_iter()
            .map(|(column, node)| {
                let next = rows.entry(column).or_default();
                let row = *next;
                *next += 1;
                DrawnNode { node, column, row, is_source: sources.contains(&**node.id()) }
            })
            .collect();
        let positions: BTreeMap<&str, usize> =
            nodes.iter().enumerate().map(|(at, drawn)| (&**drawn.node.id(), at)).collect();
        let mut pairs: BTreeMap<(usize, usize), Vec<&'g GraphEdge>> = BTreeMap::new();
        for edge in &graph.edges {
            if let (Some(from), Some(to)) = (positions.get(&*edge.from), positions.get(&*edge.to)) {
                pairs.entry((*from, *to)).or_default().push(edge);
            }
        }
        let on_path: BTreeSet<(&str, &str)> = graph
            .paths
            .iter()
            .flat_map(|path| path.steps.iter().filter_map(|at| graph.edges.get(*at)))
            .map(|edge| (&*edge.from, &*edge.to))
            .collect();
        let mut edges: Vec<DrawnEdge<'g>> = pairs
            .into_iter()
            .map(|((from, to), mut edges)| {
                edges.sort_by_key(|edge| !edge.is_unconditional);
                DrawnEdge { from, to, edges }
            })
            .collect();
        // Edges of paths first; then the edges that begin nearest to the sources.
        edges.sort_by_key(|drawn| {
            drawn.edges.first().is_none_or(|edge| !on_path.contains(&(&*edge.from, &*edge.to)))
        });
        let omitted_edges = edges.len().saturating_sub(MAX_EDGES);
        edges.truncate(MAX_EDGES);
        edges.sort_by_key(|drawn| (drawn.from, drawn.to));
        Self { nodes, edges, omitted_nodes: omitted, omitted_edges }
    }
}

/// The number of steps from the nearest source, by node. Sources that another source can become are sources still.
fn distances(graph: &PrincipalGraph) -> BTreeMap<&str, usize> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in &graph.edges {
        next.entry(&edge.from).or_default().push(&edge.to);
    }
    let mut distances: BTreeMap<&str, usize> = graph.sources.iter().map(|id| (&**id, 0)).collect();
    let mut ahead: VecDeque<&str> = graph.sources.iter().map(|id| &**id).collect();
    while let Some(id) = ahead.pop_front() {
        let steps = distances.get(id).copied().unwrap_or_default() + 1;
        for to in next.get(id).into_iter().flatten() {
            if !distances.contains_key(to) {
                distances.insert(to, steps);
                ahead.push_back(to);
            }
        }
    }
    distances
}

/// The name of a node on two lines: user or role, and account.
pub fn node_lines(node: &GraphNode) -> (String, String) {
    let account = match node.account() {
        "" => "unknown account".to_owned(),
        account => account.to_owned(),
    };
    match node {
        GraphNode::Administrator(_) => ("administrator".to_owned(), account),
        GraphNode::Group(node) => (count_noun(node.principals, "principal"), account),
        GraphNode::Principal(node) => {
            let name = node.id.splitn(6, ':').nth(5).filter(|_| node.id.starts_with("arn:"));
            (name.unwrap_or(&node.id).to_owned(), account)
        }
    }
}
