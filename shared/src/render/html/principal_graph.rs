//! Which principals can become which others, as one self-contained HTML page.
//!
//! Enters: a [`PrincipalGraph`]. Leaves: a page without scripts, with a drawing and a table of paths. Laws: those of the page of
//! a report: every value is escaped, the content security policy allows only the embedded style sheet, and a truncated list
//! states how much is left out.

use askama::Template;

use super::{
    badge::Badge,
    csp_hash, filters, permissions,
    truncated::{Truncated, most},
};
use crate::{
    permissions::principal_graph::{GraphEdge, GraphNode, GraphPath, PathResult, PrincipalGraph},
    render::principal_graph::{
        drawing::{DrawnEdge, DrawnNode, GraphDrawing, MAX_NODES, node_lines},
        sentence, word,
    },
};

const STYLE: &str = concat!(include_str!("page.css"), include_str!("principal_graph.css"));

/// Width and height of a node, and the space between columns and rows.
const NODE: (usize, usize) = (230, 52);
const GAP: (usize, usize) = (190, 26);
const MARGIN: usize = 16;
/// Space at the right for the edges between nodes of the last column.
const RIGHT: usize = 130;
/// Largest number of characters of a line of a node.
const MAX_LINE_CHARS: usize = 31;

/// The graph as a page.
///
/// # Errors
/// When the template cannot be filled; no graph is known to cause this.
pub(in crate::render) fn html(graph: &PrincipalGraph) -> Result<String, askama::Error> {
    let drawing = GraphDrawing::of(graph);
    let boxes: Vec<NodeBox<'_>> = drawing.nodes.iter().map(NodeBox::of).collect();
    let arrows = drawing.edges.iter().filter_map(|edge| Arrow::of(edge, &boxes)).collect();
    let edge_of = |length: fn(&NodeBox<'_>) -> usize| boxes.iter().map(length).max().unwrap_or_default();
    let mut without = 0;
    let paths = graph.sources.iter().flat_map(|source| {
        let paths = graph.paths_from(source);
        without += usize::from(paths.is_empty());
        paths
    });
    let paths = Truncated::of(paths.map(|path| PathRow::of(graph, path)), MAX_PATHS);
    GraphPage {
        style: STYLE,
        style_hash: csp_hash(STYLE),
        result: result_badge(graph.result),
        sentence: sentence(graph.result),
        width: edge_of(|one| one.x + NODE.0) + RIGHT,
        height: edge_of(|one| one.y + NODE.1) + MARGIN,
        missing: Truncated::of(graph.missing.iter().map(String::as_str), most::ROWS),
        without,
        most_nodes: MAX_NODES,
        omitted_nodes: drawing.omitted_nodes,
        omitted_edges: drawing.omitted_edges,
        boxes,
        arrows,
        paths,
        graph,
    }
    .render()
}

/// Largest number of paths in the table.
const MAX_PATHS: usize = 2_000;

#[derive(Template)]
#[template(path = "principal_graph.html")]
struct GraphPage<'a> {
    style: &'static str,
    style_hash: String,
    result: Badge,
    sentence: &'static str,
    width: usize,
    height: usize,
    missing: Truncated<&'a str>,
    without: usize,
    most_nodes: usize,
    omitted_nodes: usize,
    omitted_edges: usize,
    boxes: Vec<NodeBox<'a>>,
    arrows: Vec<Arrow>,
    paths: Truncated<PathRow<'a>>,
    graph: &'a PrincipalGraph,
}

/// A node of the drawing.
struct NodeBox<'a> {
    x: usize,
    y: usize,
    text_x: usize,
    name_y: usize,
    account_y: usize,
    name: String,
    account: String,
    id: &'a str,
    tone: &'static str,
    word: &'static str,
    is_source: bool,
}

impl<'a> NodeBox<'a> {
    fn of(drawn: &DrawnNode<'a>) -> Self {
        let x = MARGIN + drawn.column * (NODE.0 + GAP.0);
        let y = MARGIN + drawn.row * (NODE.1 + GAP.1);
        let (name, account) = node_lines(drawn.node);
        let badge = node_badge(Some(drawn.node));
        Self {
            x,
            y,
            text_x: x + 10,
            name_y: y + 21,
            account_y: y + 39,
            name: shortened(&name),
            account,
            id: drawn.node.id(),
            tone: badge.tone,
            word: badge.text,
            is_source: drawn.is_source,
        }
    }
}

/// The end of a long text, which tells names apart.
fn shortened(text: &str) -> String {
    match text.chars().count().checked_sub(MAX_LINE_CHARS) {
        None | Some(0) => text.to_owned(),
        Some(more) => format!("…{}", text.chars().skip(more + 1).collect::<String>()),
    }
}

/// An edge of the drawing.
struct Arrow {
    path: String,
    label: String,
    label_x: usize,
    label_y: usize,
    title: String,
    is_unconditional: bool,
}

impl Arrow {
    fn of(drawn: &DrawnEdge<'_>, boxes: &[NodeBox<'_>]) -> Option<Self> {
        let (from, to) = (boxes.get(drawn.from)?, boxes.get(drawn.to)?);
        let (x1, y1) = (from.x + NODE.0, from.y + NODE.1 / 2);
        let y2 = to.y + NODE.1 / 2;
        let (path, label_x, label_y) = if to.x > from.x {
            let (x2, bend) = (to.x.saturating_sub(5), (to.x - x1) / 2);
            let path = format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2.saturating_sub(bend));
            // Labels near the end do not lie on those of other edges of the same node.
            (path, x1 + (x2 - x1) / 2, (y1 + 2 * y2) / 3)
        } else {
            let x2 = to.x + NODE.0;
            let bend = x1.max(x2) + 60 + y1.abs_diff(y2) / 8;
            let end = x2 + 5;
            (format!("M{x1} {y1}C{bend} {y1} {bend} {y2} {end} {y2}"), bend - 20, y1.midpoint(y2))
        };
        let titles = drawn.edges.iter().map(|edge| {
            let conditions = match edge.conditions.is_empty() {
                true => String::new(),
                false => format!(" if {}", edge.conditions.join(" and ")),
            };
            format!("{}: {}{conditions}", edge.method, edge.description)
        });
        Some(Self {
            path,
            label: drawn.label(),
            label_x,
            label_y: label_y.saturating_sub(5),
            title: titles.collect::<Vec<_>>().join("; "),
            is_unconditional: drawn.is_unconditional(),
        })
    }
}

/// A path of the table.
struct PathRow<'a> {
    path: GraphPath,
    badge: Badge,
    steps: Vec<&'a GraphEdge>,
}

impl<'a> PathRow<'a> {
    fn of(graph: &'a PrincipalGraph, path: GraphPath) -> Self {
        Self { badge: node_badge(graph.node(&path.to)), steps: graph.steps(&path).collect(), path }
    }
}

const fn node_badge(node: Option<&GraphNode>) -> Badge {
    match node {
        Some(GraphNode::Principal(node)) => permissions::status(node.overall_status),
        Some(GraphNode::Group(_)) => Badge { text: "one of these", meaning: "", tone: "warn", icon: "ask" },
        _ => Badge { text: "ADMINISTRATOR", meaning: "", tone: "bad", icon: "cross" },
    }
}

const fn result_badge(result: PathResult) -> Badge {
    let (tone, icon) = match result {
        PathResult::NoPath => ("good", "check"),
        PathResult::Indeterminate => ("warn", "ask"),
        PathResult::Path => ("bad", "cross"),
    };
    Badge { text: word(result), meaning: "", tone, icon }
}
