//! The metadata that CloudTrail gives to the object of a digest file.
//!
//! Enters: the metadata of S3 objects, or what `aws s3api head-object` prints with the key added. Leaves:
//! [`DigestMetadata`]. Law: a signature that is not hexadecimal is kept, and no key verifies it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::time::Time;

/// The metadata of a digest file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestMetadata {
    /// The signature, in hex (`x-amz-meta-signature`).
    pub signature: Option<String>,
    /// When CloudTrail made a backfill digest file (`x-amz-meta-backfill-generation-timestamp`).
    pub backfill_generated: Option<Time>,
}

impl DigestMetadata {
    /// From the metadata of an object, by name without `x-amz-meta-`.
    pub fn from_object(metadata: &BTreeMap<String, String>) -> Self {
        // S3 does not keep the case of the names.
        let value = |wanted: &str| {
            metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
        };
        Self {
            signature: value("signature").cloned(),
            backfill_generated: value("backfill-generation-timestamp").and_then(|time| Time::parse(time)),
        }
    }
}

/// Parses what `aws s3api head-object --query '{Key: ..., Metadata: Metadata}'` prints, once for each object: JSON objects
/// one after the other, or in an array. Returns the metadata by key.
///
/// # Errors
/// Why the text is not such a list.
pub fn parse_head_objects(text: &str) -> Result<BTreeMap<String, DigestMetadata>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct HeadObject {
        key: String,
        metadata: BTreeMap<String, String>,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Printed {
        One(HeadObject),
        Many(Vec<HeadObject>),
    }

    let mut by_key = BTreeMap::new();
    for printed in serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>() {
        let printed = printed.map_err(|error| error.to_string())?;
        let objects = match serde_json::from_value(printed) {
            Ok(Printed::One(object)) => vec![object],
            Ok(Printed::Many(objects)) => objects,
            Err(_) => return Err("an object has no `Key` and `Metadata`".to_owned()),
        };
        for HeadObject { key, metadata } in objects {
            let read = DigestMetadata::from_object(&metadata);
            if by_key.insert(key, read.clone()).is_some_and(|before| before != read) {
                return Err("a key has two different signatures".to_owned());
            }
        }
    }
    Ok(by_key)
}

/// The bytes of hexadecimal text; `None` if it is anything else.
pub(super) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_one_by_one_or_as_an_array() {
        let one =
            r#"{"Key": "a", "Metadata": {"Signature": "00ff", "signature-algorithm": "SHA256withRSA"}}"#;
        let two = r#"{"Key": "b", "Metadata": {"backfill-generation-timestamp": "2026-10-05T00:00:00Z"}}"#;
        let read = parse_head_objects(&format!("{one}\n{two}")).unwrap();
        assert_eq!(read.get("a").unwrap().signature.as_deref(), Some("00ff"));
        assert_eq!(read.get("b").unwrap().backfill_generated, Time::parse("2026-10-05T00:00:00Z"));
        assert_eq!(parse_head_objects(&format!("[{one},{two}]")), Ok(read));
        for text in ["{}", "[1]", "{\"Key\": \"a\"}", "x", &format!("{one}{}", one.replace("00ff", "00fe"))] {
            assert!(parse_head_objects(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hexadecimal_text_is_decoded() {
        assert_eq!(decode_hex("00fFa1"), Some(vec![0, 255, 0xa1]));
        for text in ["0", "0g", "é", "+1"] {
            assert_eq!(decode_hex(text), None, "{text}");
        }
    }
}
