//! Which principals can become which others, in every format.
//!
//! Enters: [`PrincipalGraph`]. Leaves: text. Laws: JSON is valid by the schema in `docs/principal-graph.schema.json`; no text
//! of a policy forms markup; [`FORMATS`] lists every format.

pub(super) mod drawing;
mod markdown;
mod mermaid;

use super::{
    Format, RenderedFile,
    format::count_noun,
    html::principal_graph::html,
    json::{MEDIA_TYPE, escape_json},
};
use crate::permissions::principal_graph::{GraphNode, PathResult, PrincipalGraph};

/// Every format of a graph, in the order of the help.
pub const FORMATS: &[&Format<PrincipalGraph>] = &[&JSON, &HTML, &MARKDOWN];

/// JSON.
pub const JSON: Format<PrincipalGraph> = Format {
    name: "json",
    help: "Nodes, edges and paths, for programs; its schema is published",
    fits_standard_output: true,
    render: |graph| Ok(one_file("principal-graph.json", MEDIA_TYPE, json(graph)?)),
};

/// HTML.
pub const HTML: Format<PrincipalGraph> = Format {
    name: "html",
    help: "One self-contained page with a drawing",
    fits_standard_output: true,
    render: |graph| Ok(one_file("principal-graph.html", "text/html; charset=utf-8", html(graph)?)),
};

/// Markdown.
pub const MARKDOWN: Format<PrincipalGraph> = Format {
    name: "markdown",
    help: "A Mermaid graph and tables, for a ticket or a pull request",
    fits_standard_output: true,
    render: |graph| {
        Ok(one_file("principal-graph.md", "text/markdown; charset=utf-8", markdown::markdown(graph)))
    },
};

fn one_file(name: &'static str, media_type: &'static str, text: String) -> Vec<RenderedFile> {
    vec![RenderedFile { name, media_type, bytes: text.into_bytes() }]
}

/// The graph as indented JSON with a newline at its end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json(graph: &PrincipalGraph) -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(graph)?))
}

/// The schema of [`json`] as indented JSON with a newline at its end.
///
/// # Errors
/// When the schema cannot be written as JSON.
pub fn schema() -> Result<String, serde_json::Error> {
    Ok(escape_json(serde_json::to_string_pretty(&PrincipalGraph::schema())?))
}

/// The word for a result.
pub const fn word(result: PathResult) -> &'static str {
    match result {
        PathResult::NoPath => "NO_PATH",
        PathResult::Indeterminate => "INDETERMINATE",
        PathResult::Path => "PATH",
    }
}

/// What a result means, in a sentence.
pub const fn sentence(result: PathResult) -> &'static str {
    match result {
        PathResult::NoPath => "no source can become a principal that is granted more than reads",
        PathResult::Indeterminate => {
            "it cannot be determined whether a source can become a principal that is granted more than reads"
        }
        PathResult::Path => "a source can become a principal that is granted more than reads",
    }
}

/// The principals that a source can become, in words.
pub fn reach_text(paths: usize) -> String {
    match paths {
        0 => "can become no other principal".to_owned(),
        n => format!("can become {}", count_noun(n as u64, "principal")),
    }
}

/// The word for what a node is granted.
fn node_word(node: Option<&GraphNode>) -> String {
    match node {
        Some(GraphNode::Principal(node)) => super::format::serialized_name(&node.overall_status),
        Some(GraphNode::Group(_)) => "one of these".to_owned(),
        _ => "ADMINISTRATOR".to_owned(),
    }
}

#[cfg(test)]
mod tests;
