//! Policy variables.
//!
//! Enters: a text of a policy and what is known of a request. Leaves: [`Resolved`]. Laws: a variable whose value is not
//! known stands for any text where that is the careful thing and for itself alone otherwise; a value never brings a
//! wildcard in.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags", read 2026-11.

use super::context::{Facts, Found};
use crate::pattern::{Part, Shape};

/// A text with its variables replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Texts it surely describes: a variable that is not known stands for nothing but itself.
    pub sure: Shape,
    /// Texts it may describe: a variable that is not known stands for any text.
    pub wide: Shape,
    /// The text, when every variable in it is known.
    pub text: Option<String>,
    /// Whether a variable in it is known to have no value: it describes nothing.
    pub is_never: bool,
}

impl Resolved {
    /// Replaces what is known. Where wildcards count, `*` and `?` of the text are wildcards.
    pub fn of(text: &str, has_variables: bool, is_wild: bool, facts: &Facts<'_>) -> Self {
        let mut resolved = Self {
            sure: Shape::default(),
            wide: Shape::default(),
            text: Some(String::new()),
            is_never: false,
        };
        let mut rest = text;
        while !rest.is_empty() {
            let (before, variable, after) = match has_variables.then(|| next(rest)).flatten() {
                Some((before, variable, after)) => (before, Some(variable), after),
                None => (rest, None, ""),
            };
            resolved.push(before, is_wild);
            if let Some(variable) = variable {
                resolved.replace(variable, facts);
            }
            rest = after;
        }
        resolved
    }

    /// With whatever else the fields that are missing may hold: it describes that for sure (`is_sure`), or perhaps.
    pub fn complete(&mut self, is_sure: bool) {
        let shapes = std::iter::once(&mut self.wide).chain(is_sure.then_some(&mut self.sure));
        for shape in shapes {
            shape.push(Part::Letter(':'));
            shape.push(Part::Any);
        }
        self.text = None;
    }

    fn push(&mut self, text: &str, is_wild: bool) {
        for letter in text.chars() {
            let part = match letter {
                '*' if is_wild => Part::Any,
                '?' if is_wild => Part::One,
                letter => Part::Letter(letter),
            };
            self.sure.push(part);
            self.wide.push(part);
        }
        if let Some(known) = &mut self.text {
            known.push_str(text);
        }
    }

    fn replace(&mut self, variable: &str, facts: &Facts<'_>) {
        if matches!(variable, "*" | "?" | "$") {
            return self.push(variable, false);
        }
        let (key, default) = match variable.split_once(',') {
            Some((key, default)) => {
                let quoted = default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
                (key.trim(), Some(quoted))
            }
            None => (variable.trim(), None),
        };
        match (facts.find(&key.to_ascii_lowercase()), default) {
            (Found::Known(values), _) if values.len() == 1 => {
                for value in values {
                    self.push(value, false);
                }
            }
            (Found::Known([]), Some(Some(default))) => self.push(default, false),
            (Found::Known([]), None) => self.is_never = true,
            _ => {
                self.sure.push_text("${");
                self.sure.push_text(variable);
                self.sure.push(Part::Letter('}'));
                self.wide.push(Part::Any);
                self.text = None;
            }
        }
    }
}

// What comes before the next variable, its inside, and what comes after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (variable, after) = rest.split_once('}')?;
    Some((before, variable, after))
}
