//! YAML as the JSON that it means.
//!
//! Enters: the text of one YAML document. Leaves: [`Json`]. Laws: the short form of an intrinsic function is its long
//! form (`!Sub x` is `{"Fn::Sub": "x"}`); a quoted scalar is a string; a document that grows through aliases beyond
//! [`MAX_NODES`] or nests deeper than [`MAX_DEPTH`] is an error, never a crash.
//!
//! Source: YAML 1.2.2, core schema; CloudFormation User Guide, "Intrinsic function reference", both read 2026-11.

use std::{borrow::Cow, collections::HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::TextPosition;
use crate::grants::json::Json;

/// Largest number of values, those that aliases repeat included; a long text counts as several. A template has at
/// most 1 MB (CloudFormation quotas, read 2026-11).
const MAX_NODES: usize = 1_000_000;
/// Bytes of a text that count as one value.
const TEXT_NODE_BYTES: usize = 256;
/// Deepest nesting, the limit of the JSON parser.
const MAX_DEPTH: usize = 127;

/// Reads one YAML document.
pub(super) fn parse(text: &str) -> Result<Json, TextPosition> {
    let mut tree = TreeBuilder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| TextPosition {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            message: error.info().to_owned(),
        })?;
        tree.add(event).map_err(|message| position(span, message))?;
    }
    let nothing = || TextPosition { line: 1, column: 1, message: "the text is empty".to_owned() };
    tree.root.ok_or_else(nothing)
}

fn position(span: Span, message: String) -> TextPosition {
    TextPosition { line: span.start.line(), column: span.start.col() + 1, message }
}

/// A list or mapping that is not closed yet.
enum OpenNode {
    List(Vec<Json>),
    /// Members, and the name of the value that follows.
    Mapping(Vec<(String, Json)>, Option<String>),
}

#[derive(Default)]
struct TreeBuilder {
    open: Vec<(OpenNode, usize, Option<String>)>,
    anchors: HashMap<usize, (Json, usize)>,
    nodes: usize,
    documents: usize,
    root: Option<Json>,
}

impl TreeBuilder {
    fn add(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err("a second YAML document begins here".to_owned()),
                }
            }
            Event::Alias(anchor) => {
                let (value, nodes) =
                    self.anchors.get(&anchor).cloned().ok_or("the alias names an anchor inside itself")?;
                self.close(value, nodes, 0, None)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(text, style, tag.as_deref());
                let nodes = count_nodes(&value);
                self.close(value, nodes, anchor, function(tag.as_deref()))
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(OpenNode::List(Vec::new()), anchor, tag.as_deref())
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(OpenNode::Mapping(Vec::new(), None), anchor, tag.as_deref())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((OpenNode::List(items), anchor, name)) => self.close(Json::List(items), 1, anchor, name),
                Some((OpenNode::Mapping(members, _), anchor, name)) => {
                    self.close(Json::Object(members), 1, anchor, name)
                }
                None => Err("a list or mapping ends that did not begin".to_owned()),
            },
        }
    }

    fn begin(&mut self, node: OpenNode, anchor: usize, tag: Option<&Tag>) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("the text nests more than {MAX_DEPTH} levels"));
        }
        self.open.push((node, anchor, function(tag)));
        Ok(())
    }

    /// Adds a finished value of so many nodes to the list or mapping around it.
    fn close(
        &mut self,
        value: Json,
        nodes: usize,
        anchor: usize,
        function: Option<String>,
    ) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(format!("the text has more than {MAX_NODES} values"));
        }
        let value = match function {
            Some(name) => Json::Object(vec![(name, value)]),
            None => value,
        };
        if anchor > 0 {
            let nodes = count_nodes(&value);
            self.anchors.insert(anchor, (value.clone(), nodes));
        }
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some((OpenNode::List(items), ..)) => items.push(value),
            Some((OpenNode::Mapping(members, name), ..)) => match name.take() {
                Some(name) => members.push((name, value)),
                None => *name = Some(member_name(&value)?),
            },
        }
        Ok(())
    }
}

fn member_name(value: &Json) -> Result<String, String> {
    match value.scalar() {
        Some(name) if name == "<<" => {
            Err("the merge key `<<` is not supported: write out the members".to_owned())
        }
        Some(name) => Ok(name),
        None => Err("the name of a member is not a string".to_owned()),
    }
}

fn count_nodes(value: &Json) -> usize {
    match value {
        Json::List(items) => 1 + items.iter().map(count_nodes).sum::<usize>(),
        Json::Object(members) => 1 + members.iter().map(|(_, value)| count_nodes(value)).sum::<usize>(),
        Json::Text(text) => 1 + text.len() / TEXT_NODE_BYTES,
        _ => 1,
    }
}

/// The long form of a function that a short tag names: `!GetAtt` is `Fn::GetAtt`.
fn function(tag: Option<&Tag>) -> Option<String> {
    let tag = tag.filter(|tag| !tag.is_yaml_core_schema() && tag.handle == "!" && !tag.suffix.is_empty())?;
    Some(match tag.suffix.as_str() {
        short @ ("Ref" | "Condition") => short.to_owned(),
        short => format!("Fn::{short}"),
    })
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Json {
    let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || is_text {
        return Json::Text(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        number if is_number(number) => Json::Number(text.into_owned()),
        _ => Json::Text(text.into_owned()),
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && text.contains(|c: char| c.is_ascii_digit())
        && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn as_json(text: &str) -> String {
        serde_json::to_string(&parse(text).unwrap()).unwrap()
    }

    #[test]
    fn short_forms_are_their_long_forms() {
        for (yaml, json) in [
            ("a: !Ref B", r#"{"a":{"Ref":"B"}}"#),
            ("a: !GetAtt B.Arn", r#"{"a":{"Fn::GetAtt":"B.Arn"}}"#),
            ("a: !Sub '${B}/*'", r#"{"a":{"Fn::Sub":"${B}/*"}}"#),
            ("a: !Join ['', [x, !Ref B]]", r#"{"a":{"Fn::Join":["",["x",{"Ref":"B"}]]}}"#),
            (
                "a: !If\n  - C\n  - !Sub\n    - '${x}'\n    - x: !Ref B\n  - 2",
                r#"{"a":{"Fn::If":["C",{"Fn::Sub":["${x}",{"x":{"Ref":"B"}}]},2]}}"#,
            ),
            ("Fn::Sub: x", r#"{"Fn::Sub":"x"}"#),
        ] {
            assert_eq!(as_json(yaml), json);
        }
    }

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        let yaml = "[2012-10-17, '12', 012, 1.5, true, 'true', null, , ~, yes, !!str 7, 111122223333, x: y]";
        let yaml = yaml.replace(", ,", ",");
        assert_eq!(
            as_json(&yaml),
            r#"["2012-10-17","12","012",1.5,true,"true",null,null,"yes","7",111122223333,{"x":"y"}]"#
        );
        assert_eq!(as_json("a: |\n  {\n  }\n"), "{\"a\":\"{\\n}\\n\"}");
        assert_eq!(as_json("a: 1\na: 2"), r#"{"a":1,"a":2}"#);
    }

    #[test]
    fn aliases_repeat_values_within_the_limit() {
        assert_eq!(as_json("a: &x [1]\nb: *x"), r#"{"a":[1],"b":[1]}"#);
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let again = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{again}]\n"));
        }
        assert!(parse(&bomb).unwrap_err().message.contains("values"));
    }

    #[test]
    fn errors_name_line_and_column() {
        let place = |text: &str| parse(text).map_err(|error| (error.line, error.column)).unwrap_err();
        assert_eq!(place("a: 1\n---\nb: 2").0, 2);
        assert_eq!(place("a: 1\n<<: {b: 2}"), (2, 1));
        assert_eq!(place("a: 1\n[x]: 2").0, 2);
        assert_eq!(place("a: 'x").0, 1);
        assert_eq!(place(""), (1, 1));
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(parse(&deep).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(\\PC|[\\[\\]{}:,&*!|>#'\"\\n -]){0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn json_is_read_as_json(text in "[ -~é]{0,12}", number: i64, truth: bool) {
            let json = serde_json::json!({ "a": [text, number, truth, null], "b": { "c": {} } }).to_string();
            let read: Json = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(parse(&json).unwrap(), read);
        }
    }
}
