//! A policy document within JSON.
//!
//! Enters: a JSON value: the document itself, its text in a string, or that text URL-encoded, as the IAM API returns
//! it. Leaves: its text. Law: a text that cannot be decoded is kept unchanged, so that the policy parser rejects it.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// The text of a policy document.
#[derive(Clone, Debug)]
pub(super) struct DetailsDocument(pub Arc<str>);

impl<'de> Deserialize<'de> for DetailsDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get().trim();
        match text.chars().next() {
            Some('{') => Ok(Self(text.into())),
            Some('"') => {
                let text: String = serde_json::from_str(text).map_err(de::Error::custom)?;
                Ok(Self(decoded(text).into()))
            }
            _ => Err(de::Error::custom("a policy document must be a JSON object or a string with its text")),
        }
    }
}

/// The text of a document that may be URL-encoded.
pub(in crate::permissions) fn decoded(text: String) -> String {
    url_decoded(&text).unwrap_or(text)
}

/// The text without URL encoding (RFC 3986); none if it is not encoded, or the decoded text is not UTF-8.
fn url_decoded(text: &str) -> Option<String> {
    if text.trim_start().starts_with('{') || !text.contains('%') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    loop {
        rest = match rest {
            [] => return String::from_utf8(bytes).ok(),
            [b'%', high, low, rest @ ..] => {
                bytes.push(digit(*high)? << 4 | digit(*low)?);
                rest
            }
            [b'%', ..] => return None,
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}
