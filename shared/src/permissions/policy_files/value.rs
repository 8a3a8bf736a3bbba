//! Values of a file of which some are not known before it is deployed.
//!
//! Enters: nothing. Leaves: [`SourceValue`]. Laws: a value that is not known stays in its place, with its name, and
//! never becomes the absence of a value; two values of one file that are not known have one name only if they are
//! equal.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::{grants::json::Json, hex::hex};

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TextPart {
    /// Known text.
    Known(String),
    /// A text that is not known: what names it, such as `BucketName` or `aws_s3_bucket.logs.arn`.
    Unknown(Arc<str>),
}

/// A value of a template or plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SourceValue {
    /// A number, Boolean or null.
    Literal(Json),
    /// A text, in parts.
    Text(Vec<TextPart>),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// A value that is not known, and what names it.
    Unknown(Arc<str>),
    /// One of two values, by a condition that is not decided; `None` if the value is left out then.
    Choice(Arc<str>, Box<[Option<Self>; 2]>),
}

impl SourceValue {
    /// A known text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(vec![TextPart::Known(text.into())])
    }

    /// A known value.
    pub fn of(json: &Json) -> Self {
        match json {
            Json::Text(text) => Self::text(text.as_str()),
            Json::List(items) => Self::List(items.iter().map(Self::of).collect()),
            Json::Object(members) => {
                Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect())
            }
            literal => Self::Literal(literal.clone()),
        }
    }

    /// The text, if it is known in full.
    pub fn known_text(&self) -> Option<String> {
        match self {
            Self::Literal(json) => json.scalar(),
            Self::Text(parts) => parts
                .iter()
                .map(|part| match part {
                    TextPart::Known(text) => Some(text.as_str()),
                    TextPart::Unknown(_) => None,
                })
                .collect(),
            _ => None,
        }
    }

    /// The parts of a text; none of a value that cannot be a text.
    pub fn text_parts(&self) -> Option<Vec<TextPart>> {
        match self {
            Self::Text(parts) => Some(parts.clone()),
            Self::Literal(json) => json.scalar().map(|text| vec![TextPart::Known(text)]),
            Self::Unknown(name) => Some(vec![TextPart::Unknown(Arc::clone(name))]),
            // Two choices by one condition are different values.
            Self::Choice(name, branches) => {
                Some(vec![TextPart::Unknown(with_hash(name, &format!("{branches:?}")).into())])
            }
            _ => None,
        }
    }

    /// The text, with `${name}` for each part that is not known.
    pub fn display(&self) -> String {
        self.text_parts().map_or_else(|| "a list or an object".to_owned(), |parts| display(&parts))
    }

    /// The first name of a part that is not known; none if the value is known in full.
    pub fn unknown_name(&self) -> Option<Arc<str>> {
        match self {
            Self::Literal(_) => None,
            Self::Text(parts) => parts.iter().find_map(|part| match part {
                TextPart::Unknown(name) => Some(Arc::clone(name)),
                TextPart::Known(_) => None,
            }),
            Self::List(items) => items.iter().find_map(Self::unknown_name),
            Self::Object(members) => members.iter().find_map(|(_, value)| value.unknown_name()),
            Self::Unknown(name) | Self::Choice(name, _) => Some(Arc::clone(name)),
        }
    }

    /// The member of an object. A name that is given twice is not known.
    pub fn get(&self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => {
                let mut own = members.iter().filter(|(own, _)| own == name).map(|(_, value)| value);
                match (own.next(), own.next()) {
                    (_, Some(_)) => Some(Self::Unknown(format!("{name}, which is given twice").into())),
                    (Some(Self::Literal(Json::Null)) | None, None) => None,
                    (Some(value), None) => Some(value.clone()),
                }
            }
            Self::Unknown(of) => Some(Self::Unknown(format!("{of}.{name}").into())),
            Self::Choice(of, _) => Some(Self::Unknown(format!("{of}.{name}").into())),
            _ => None,
        }
    }

    /// The items of a list, or the one value. Each item of an undecided choice is an item that may be left out, and
    /// stays a choice.
    pub fn items(self) -> Vec<Self> {
        match self {
            Self::List(items) => items.into_iter().flat_map(Self::choice_items).collect(),
            Self::Literal(Json::Null) => Vec::new(),
            one => one.choice_items(),
        }
    }

    /// The items of an undecided choice between lists, each as a choice of its own.
    fn choice_items(self) -> Vec<Self> {
        let Self::Choice(name, branches) = self else { return vec![self] };
        let branches = *branches;
        let branch = |value: Option<Self>| value.map(Self::items).unwrap_or_default();
        let items = branches.into_iter().flat_map(branch);
        items
            .map(|item| match item {
                already @ Self::Choice(..) => already,
                item => Self::Choice(Arc::clone(&name), Box::new([Some(item), None])),
            })
            .collect()
    }

    /// The value that a choice may have, with the condition of that choice.
    pub fn assumed(self) -> (Self, Option<Arc<str>>) {
        match self {
            Self::Choice(name, branches) => match *branches {
                [Some(value), None] | [None, Some(value)] => (value.assumed().0, Some(name)),
                _ => (Self::Unknown(Arc::clone(&name)), Some(name)),
            },
            value => (value, None),
        }
    }
}

/// Parts of a text, with `${name}` for each that is not known.
pub(super) fn display(parts: &[TextPart]) -> String {
    parts
        .iter()
        .map(|part| match part {
            TextPart::Known(text) => text.clone(),
            TextPart::Unknown(name) => placeholder(name),
        })
        .collect()
}

/// A policy variable without a known value, which stands for a text that is not known: it matches any text where that
/// allows more, and none where that would deny more.
pub(super) fn placeholder(name: &str) -> String {
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '[' | ']' | '/' | '#');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let plain = if plain == name { plain } else { with_hash(&plain, name) };
    // A name in the form of a condition key would have the value of that key.
    let is_key = plain.split_once(':').is_some_and(|(_, rest)| !rest.starts_with(':'));
    if is_key || plain.is_empty() { format!("${{unknown:{plain}}}") } else { format!("${{{plain}}}") }
}

/// A name that differs for different contents.
pub(super) fn with_hash(name: &str, content: &str) -> String {
    let hash: String = hex(&Sha256::digest(content)).chars().take(8).collect();
    format!("{name}#{hash}")
}

/// Text parts, with adjacent known parts joined.
pub(super) fn joined(parts: impl IntoIterator<Item = TextPart>) -> SourceValue {
    let mut all: Vec<TextPart> = Vec::new();
    for part in parts {
        match (all.last_mut(), part) {
            (Some(TextPart::Known(text)), TextPart::Known(more)) => text.push_str(&more),
            (_, part) => all.push(part),
        }
    }
    match all.as_slice() {
        [] => SourceValue::text(""),
        [TextPart::Unknown(name)] => SourceValue::Unknown(Arc::clone(name)),
        _ => SourceValue::Text(all),
    }
}
