//! A graph as a Mermaid flowchart.
//!
//! Enters: [`GraphDrawing`]. Leaves: the text of a flowchart. Law: of a label, every character but letters, digits, spaces and a
//! few marks is written as an entity, so that no text of a policy is syntax of Mermaid, Markdown or HTML.

use std::fmt::Write as _;

use super::{
    drawing::{DrawnNode, GraphDrawing, node_lines},
    node_word,
};
use crate::{escape::escape_hidden, permissions::principal_graph::GraphNode};

/// Largest number of characters of a label.
const MAX_LABEL_CHARS: usize = 120;

/// The flowchart, without the fence.
pub(super) fn flowchart(drawing: &GraphDrawing<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    for (at, drawn) in drawing.nodes.iter().enumerate() {
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "  n{at}{}", shape(drawn));
    }
    for edge in &drawing.edges {
        let arrow = if edge.is_unconditional() { "-->" } else { "-.->" };
        let _ = writeln!(text, "  n{} {arrow}|\"{}\"| n{}", edge.from, label(&edge.label()), edge.to);
    }
    text
}

fn shape(drawn: &DrawnNode<'_>) -> String {
    let (name, account) = node_lines(drawn.node);
    let mut lines = vec![label(&name), label(&account)];
    if matches!(drawn.node, GraphNode::Principal(_)) {
        lines.push(label(&node_word(Some(drawn.node))));
    }
    let text = lines.join("<br>");
    match drawn.node {
        GraphNode::Administrator(_) => format!("{{{{\"{text}\"}}}}"),
        GraphNode::Group(_) => format!("[[\"{text}\"]]"),
        GraphNode::Principal(_) if drawn.is_source => format!("([\"{text}\"])"),
        GraphNode::Principal(_) => format!("[\"{text}\"]"),
    }
}

/// A label within quotes.
fn label(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let shown: String = text.chars().take(MAX_LABEL_CHARS).collect();
    for c in escape_hidden(&shown).chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '/' | '.' | ',' | '-' | '_' => escaped.push(c),
            c => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
        }
    }
    if text.chars().nth(MAX_LABEL_CHARS).is_some() {
        escaped.push_str("...");
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_have_entities_for_marks() {
        assert_eq!(label("role/a\"]; b`<x>"), "role/a#34;#93;#59; b#96;#60;x#62;");
        assert_eq!(label("a\u{202e}"), "a#92;u#123;202e#125;");
    }

    proptest! {
        #[test]
        fn no_text_is_syntax(text: String) {
            let label = label(&text);
            let has_syntax = label.contains(['"', '`', '<', '>', '\n', '|', '[', ']', '{', '}', '%', '&']);
            prop_assert!(!has_syntax, "label: {}", label);
        }
    }
}
