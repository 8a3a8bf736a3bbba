//! A graph as Markdown for a pull request.
//!
//! Enters: a [`PrincipalGraph`]. Leaves: GitHub Flavored Markdown with a Mermaid flowchart and a table of paths. Laws: those of
//! [`crate::render::markdown`]: no text of a policy forms markup, and a long list states how much is left out.

use super::{drawing::GraphDrawing, mermaid, node_word, reach_text, sentence, word};
use crate::{
    permissions::principal_graph::PrincipalGraph,
    render::{
        escape::{markdown as prose, markdown_code as code},
        format::count_noun,
        markdown::{MarkdownPage, PageLimits, fit},
    },
};

/// Sources with a table.
const MAX_SOURCES: usize = 20;

/// The graph as Markdown.
pub(super) fn markdown(graph: &PrincipalGraph) -> String {
    let mut page = MarkdownPage::new(PageLimits::FULL);
    let drawing = GraphDrawing::of(graph);
    page.line(format_args!(
        "# Onlooker principal graph: {}\n\n{}.\n",
        code(word(graph.result)),
        prose(&capitalized(sentence(graph.result)))
    ));
    if !drawing.nodes.is_empty() {
        page.line(format_args!("```mermaid\n{}```\n", mermaid::flowchart(&drawing)));
        page.line(
            "An arrow says which principal can become which other; a dashed arrow, only on conditions.",
        );
    }
    for sentence in omissions(&drawing) {
        page.line(format_args!("\n{sentence}"));
    }
    let (mut with_paths, mut without) = (0_usize, 0_usize);
    for source in &graph.sources {
        let paths = graph.paths_from(source);
        if paths.is_empty() {
            without += 1;
            continue;
        }
        with_paths += 1;
        if with_paths > MAX_SOURCES {
            continue;
        }
        page.title(code(source));
        page.line(format_args!("The principal {}.\n", reach_text(paths.len())));
        let rows = paths.iter().map(|path| {
            let steps = (1..).zip(graph.steps(path)).map(|(n, step)| {
                let conditions: Vec<String> =
                    step.conditions.iter().map(|condition| code(condition)).collect();
                let conditions = match conditions.is_empty() {
                    true => String::new(),
                    false => format!(" if {}", conditions.join(" and ")),
                };
                format!("{n}. {}: {}{conditions}", code(&step.method), prose(&step.description))
            });
            let certainty = if path.is_unconditional { "unconditional" } else { "conditional" };
            [
                code(&node_word(graph.node(&path.to))),
                code(&path.to),
                certainty.to_owned(),
                steps.collect::<Vec<_>>().join("<br>"),
            ]
        });
        page.table(["Status", "Principal", "Path", "Steps"], rows);
    }
    let more = with_paths.saturating_sub(MAX_SOURCES);
    if more > 0 {
        page.line(format_args!("\nThe paths of {} more are in the JSON.", count_noun(more as u64, "source")));
    }
    if without > 0 {
        page.line(format_args!("\n{} can become no other principal.", count_noun(without as u64, "source")));
    }
    page.title("Limitations");
    for sentence in &graph.limitations {
        page.line(format_args!("- {}", prose(sentence)));
    }
    fit(page)
}

/// What the drawing leaves out, in sentences.
pub(in crate::render) fn omissions(drawing: &GraphDrawing<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    if drawing.omitted_nodes > 0 {
        sentences.push(format!(
            "The drawing leaves out {} far from the sources.",
            count_noun(drawing.omitted_nodes as u64, "principal")
        ));
    }
    if drawing.omitted_edges > 0 {
        let pairs = count_noun(drawing.omitted_edges as u64, "arrow");
        sentences.push(format!("The drawing leaves out {pairs} that no path needs."));
    }
    sentences
}

fn capitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
