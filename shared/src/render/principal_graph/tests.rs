//! The example in every format, and hostile names.

use super::*;
use crate::{
    permissions::principal_graph::{
        PRINCIPAL_GRAPH_SCHEMA_VERSION,
        tests::{example, hostile_graph},
    },
    render::json::tests::{assert_schema_is_current, schema_violation},
};

fn text(format: &Format<PrincipalGraph>, graph: &PrincipalGraph) -> String {
    let files = format.files(graph).unwrap();
    files.into_iter().map(|file| String::from_utf8(file.bytes).unwrap()).collect()
}

#[test]
fn the_published_schema_is_current() {
    assert_schema_is_current(
        "principal-graph.schema.json",
        PRINCIPAL_GRAPH_SCHEMA_VERSION,
        &schema().unwrap(),
    );
}

#[test]
fn graphs_fit_the_schema_and_round_trip_without_hidden_characters() {
    for graph in [example(), hostile_graph()] {
        let text = json(&graph).unwrap();
        let schema = serde_json::to_value(PrincipalGraph::schema()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema_violation(&value, &schema, &schema, "$"), None);
        assert_eq!(serde_json::from_str::<PrincipalGraph>(&text).unwrap(), graph);
        assert!(!text.chars().any(|c| c != '\n' && crate::escape::is_hidden(c)));
    }
}

#[test]
fn every_format_has_a_file_of_its_own_without_hidden_characters() {
    let mut names = std::collections::BTreeSet::new();
    for format in FORMATS {
        for graph in [example(), hostile_graph()] {
            for file in format.files(&graph).unwrap() {
                names.insert(file.name);
                let text = String::from_utf8(file.bytes).unwrap();
                let hidden = text.chars().find(|c| *c != '\n' && crate::escape::is_hidden(*c));
                assert_eq!((hidden, text.is_empty()), (None, false), "{}", file.name);
                assert!(text.contains(word(graph.result)), "{}", file.name);
            }
        }
    }
    assert_eq!(names.len(), FORMATS.len());
}

#[test]
fn hostile_names_are_no_markup() {
    let graph = hostile_graph();
    let html = text(&HTML, &graph);
    assert!(!html.contains("<img") && html.contains("&lt;img"), "{html}");
    let source = text(&MARKDOWN, &graph);
    let markdown = comrak::markdown_to_html(&source, &comrak::Options::default());
    assert!(!markdown.contains("<img") && !markdown.contains("<a "), "{markdown}");
    let chart = source.split("```").nth(1).unwrap();
    assert!(!chart.contains("click") || !chart.contains("\n  click"), "{chart}");
    // A name is one label: every line of the chart is a node or an edge.
    let is_line = |line: &&str| {
        line.starts_with("  n") || line.starts_with("flowchart") || *line == "mermaid" || line.is_empty()
    };
    assert!(chart.lines().all(|line| is_line(&line)), "{chart}");
}

#[test]
fn the_drawing_has_columns_by_distance() {
    let graph = example();
    let drawing = drawing::GraphDrawing::of(&graph);
    let column = |id: &str| {
        let drawn = drawing.nodes.iter().find(|drawn| drawn.node.id().ends_with(id));
        drawn.map(|drawn| drawn.column)
    };
    assert_eq!(column("role/AuditHub"), Some(0));
    assert_eq!(column("444455556666:role/AuditSpoke"), Some(1));
    assert_eq!(column("role/Deploy"), Some(2));
    assert_eq!(column("administrator of 444455556666"), Some(3));
    // `Deploy` may assume it itself.
    assert_eq!(column("role/Reports"), Some(3));
    assert!(drawing.edges.iter().any(|edge| !edge.is_unconditional()));
}

#[test]
fn the_example_in_markdown_and_html() {
    let graph = example();
    insta::assert_snapshot!("markdown", text(&MARKDOWN, &graph));
    let html = text(&HTML, &graph);
    let drawn = html.split_once("<svg class=\"graph\"").unwrap().1.split_once("</svg>").unwrap().0;
    insta::assert_snapshot!("drawing", drawn);
}

#[test]
fn a_large_graph_is_drawn_in_part() {
    let mut graph = example();
    let from = graph.sources[0].clone();
    let Some(GraphNode::Principal(node)) = graph.node(&from).cloned() else { panic!("{from}") };
    for n in 0..500 {
        let mut one = node.clone();
        one.id = format!("arn:aws:iam::111122223333:role/r{n:03}").into();
        let edge = crate::permissions::principal_graph::GraphEdge {
            from: from.clone(),
            to: one.id.clone(),
            ..graph.edges[0].clone()
        };
        graph.nodes.push(GraphNode::Principal(one));
        graph.edges.push(edge);
    }
    let drawing = drawing::GraphDrawing::of(&graph);
    assert_eq!(drawing.nodes.len(), drawing::MAX_NODES);
    assert!(drawing.omitted_nodes > 300 && text(&HTML, &graph).contains("The drawing has 200 principals"));
    assert!(text(&MARKDOWN, &graph).contains("The drawing leaves out"));
}
