//! Policy variables: `${aws:username}` and others.
//!
//! Enters: a text of a policy and the known context of a request. Leaves: [`ResolvedPattern`]. Laws: a variable
//! without a known value matches any text in the possible pattern and none in the certain one, unless every request has
//! the key; wildcards in the value of a variable are literal characters.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags", read 2026-11.

use super::context::{ContextValue, EvaluationContext, is_always_present};
use crate::pattern::{CompiledPattern, PatternPart};

/// A text with its variables replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResolvedPattern {
    /// Texts that the pattern certainly matches: an unknown variable that every request has stands for itself only.
    pub certain: CompiledPattern,
    /// Texts that the pattern may match: an unknown variable stands for any text.
    pub possible: CompiledPattern,
    /// The text, if every variable in it is known.
    pub text: Option<String>,
    /// Whether a variable in it is known to have no value: the pattern matches nothing.
    pub matches_nothing: bool,
    /// Whether a variable in it may have no value: the pattern may match nothing.
    pub may_match_nothing: bool,
    /// Whether a wildcard of an ARN may stand for more than its field.
    pub may_cross_fields: bool,
}

impl ResolvedPattern {
    /// Replaces the known variables. With `is_wild`, `*` and `?` in the text are wildcards.
    pub fn of(text: &str, has_variables: bool, is_wild: bool, facts: &EvaluationContext<'_>) -> Self {
        let mut resolved = Self {
            certain: CompiledPattern::default(),
            possible: CompiledPattern::default(),
            text: Some(String::new()),
            matches_nothing: false,
            may_match_nothing: false,
            may_cross_fields: false,
        };
        let mut rest = text;
        while !rest.is_empty() {
            let (before, variable, after) = match has_variables.then(|| next_variable(rest)).flatten() {
                Some((before, variable, after)) => (before, Some(variable), after),
                None => (rest, None, ""),
            };
            resolved.push(before, is_wild);
            if let Some(variable) = variable {
                resolved.push_variable(variable, facts);
            }
            rest = after;
        }
        resolved
    }

    /// Adds the missing fields of an ARN, with any content, to the possible pattern and, if `is_sure`, to the certain
    /// one.
    pub fn complete_arn(&mut self, is_sure: bool) {
        let shapes = std::iter::once(&mut self.possible).chain(is_sure.then_some(&mut self.certain));
        for shape in shapes {
            shape.push(PatternPart::Char(':'));
            shape.push(PatternPart::AnyRun);
        }
        self.text = None;
    }

    /// Limits each wildcard before the resource of an ARN to its field in the certain pattern: a wildcard at the end of a field
    /// "can expand to match beyond the colon boundaries", and AWS does not say when (IAM User Guide, "IAM JSON policy
    /// elements: Resource", read 2026-11).
    pub fn limit_wildcards_to_fields(&mut self) {
        let limited = self.certain.within_fields().filter(|limited| *limited != self.certain);
        if let Some(limited) = limited {
            self.certain = limited;
            self.may_cross_fields = true;
        }
    }

    /// Takes the pattern as one of which is not known what it matches.
    pub fn set_undecided(&mut self) {
        self.text = None;
        self.may_match_nothing = true;
    }

    fn push(&mut self, text: &str, is_wild: bool) {
        for letter in text.chars() {
            let part = match letter {
                '*' if is_wild => PatternPart::AnyRun,
                '?' if is_wild => PatternPart::AnyChar,
                letter => PatternPart::Char(letter),
            };
            self.certain.push(part);
            self.possible.push(part);
        }
        if let Some(known) = &mut self.text {
            known.push_str(text);
        }
    }

    fn push_variable(&mut self, variable: &str, facts: &EvaluationContext<'_>) {
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
        match (facts.lookup(&key.to_ascii_lowercase()), default) {
            (ContextValue::Known(values), _) if values.len() == 1 => {
                for value in values {
                    self.push(value, false);
                }
            }
            // The caller can always have the first of the values.
            (ContextValue::Choice([first, ..]), _) if first.len() == 1 => {
                first.iter().for_each(|value| self.certain.push_text(value));
                self.possible.push(PatternPart::AnyRun);
                self.text = None;
            }
            (ContextValue::Known([]), Some(Some(default))) => self.push(default, false),
            (ContextValue::Known([]), None) => self.matches_nothing = true,
            _ => {
                let has_default = matches!(default, Some(Some(_)));
                let may_be_absent = is_condition_key(key) && !is_always_present(&key.to_ascii_lowercase());
                self.may_match_nothing |= may_be_absent && !has_default;
                self.certain.push_text("${");
                // Without a colon, it fits into one field of an ARN.
                self.certain.push_text(&variable.replace(':', "."));
                self.certain.push(PatternPart::Char('}'));
                self.possible.push(PatternPart::AnyRun);
                self.text = None;
            }
        }
    }
}

/// Whether a variable is a condition key of AWS: a service prefix, a colon, a name. What is none stands for a value that the
/// given text does not show, such as a parameter of a template (`${Bucket}`, `${AWS::Partition}`).
pub(super) fn is_condition_key(variable: &str) -> bool {
    variable.split_once(':').is_some_and(|(service, name)| {
        !service.is_empty() && service != "unknown" && !name.is_empty() && !name.starts_with(':')
    })
}

// The text before the next variable, the content of the variable, and the text after it.
fn next_variable(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (variable, after) = rest.split_once('}')?;
    Some((before, variable, after))
}
