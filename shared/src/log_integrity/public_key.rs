//! The public keys of CloudTrail.
//!
//! Enters: what `aws cloudtrail list-public-keys` prints. Leaves: [`PublicKeys`] by fingerprint, and the same text again
//! for a cache. Laws: a key is an RSAPublicKey in DER (PKCS#1), as the service returns it; a key that cannot be read is
//! an error; keys of one fingerprint that differ are an error.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Time;

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The key: RSAPublicKey in DER (PKCS#1).
    pub der: Vec<u8>,
    /// From when CloudTrail signs with the key; `None` if it is not said.
    pub valid_from: Option<Time>,
    /// Until when CloudTrail signs with the key; `None` if it is not said.
    pub valid_until: Option<Time>,
    /// The key in Base64, as it was printed.
    base64: String,
}

/// Public keys by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicKeys(BTreeMap<String, PublicKey>);

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PublicKeyList {
    public_key_list: Vec<PrintedKey>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PrintedKey {
    value: String,
    /// RFC 3339 text, or with version 1 of the AWS CLI seconds since 1970.
    #[serde(default)]
    validity_start_time: Value,
    #[serde(default)]
    validity_end_time: Value,
    fingerprint: String,
}

impl PublicKeys {
    /// Parses what `aws cloudtrail list-public-keys` prints: one JSON object, or one after the other.
    ///
    /// # Errors
    /// Why the text is not a list of public keys.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Self::default();
        for list in serde_json::Deserializer::from_str(text).into_iter::<PublicKeyList>() {
            for printed in list.map_err(|error| error.to_string())?.public_key_list {
                let time = |value| time_of(value).map_err(|()| "a time of validity is not a time".to_owned());
                let key = PublicKey {
                    der: decode_base64(&printed.value).ok_or("a key is not Base64")?,
                    valid_from: time(&printed.validity_start_time)?,
                    valid_until: time(&printed.validity_end_time)?,
                    base64: printed.value,
                };
                keys.insert(printed.fingerprint, key)?;
            }
        }
        Ok(keys)
    }

    /// A key as the service returns it.
    pub fn insert_der(
        &mut self,
        fingerprint: &str,
        der: &[u8],
        validity: (Option<Time>, Option<Time>),
    ) -> Result<(), String> {
        let (valid_from, valid_until) = validity;
        let key = PublicKey { der: der.to_vec(), valid_from, valid_until, base64: encode_base64(der) };
        self.insert(fingerprint.to_owned(), key)
    }

    fn insert(&mut self, fingerprint: String, key: PublicKey) -> Result<(), String> {
        match self.0.entry(fingerprint) {
            Entry::Vacant(entry) => {
                entry.insert(key);
                Ok(())
            }
            Entry::Occupied(entry) if entry.get().der == key.der => Ok(()),
            Entry::Occupied(entry) => {
                Err(format!("the fingerprint `{}` has two different keys", entry.key()))
            }
        }
    }

    /// Adds the keys of `others`.
    ///
    /// # Errors
    /// If a fingerprint has a different key in both.
    pub fn merge(&mut self, others: Self) -> Result<(), String> {
        others.0.into_iter().try_for_each(|(fingerprint, key)| self.insert(fingerprint, key))
    }

    /// The key with this fingerprint.
    pub fn get(&self, fingerprint: &str) -> Option<&PublicKey> {
        self.0.get(fingerprint)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys as [`Self::parse`] reads them.
    pub fn to_json(&self) -> String {
        let time = |time: Option<Time>| time.map_or(Value::Null, |time| time.to_string().into());
        let printed = |(fingerprint, key): (&String, &PublicKey)| PrintedKey {
            value: key.base64.clone(),
            validity_start_time: time(key.valid_from),
            validity_end_time: time(key.valid_until),
            fingerprint: fingerprint.clone(),
        };
        let list = PublicKeyList { public_key_list: self.0.iter().map(printed).collect() };
        // Strings and null only, so writing them cannot fail.
        serde_json::to_string_pretty(&list).unwrap_or_default()
    }
}

fn time_of(value: &Value) -> Result<Option<Time>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Time::parse(text).map(Some).ok_or(()),
        Value::Number(number) => {
            let seconds = number.as_f64().filter(|seconds| (0.0..f64::from(u32::MAX)).contains(seconds));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
            seconds.map(|seconds| Some(Time(seconds as u32))).ok_or(())
        }
        _ => Err(()),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes Base64 with or without padding, and with line ends.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digits = digits.strip_suffix(b"==").or(digits.strip_suffix(b"=")).unwrap_or(&digits);
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            let value = BASE64.iter().position(|known| known == digit)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        let [_, decoded @ ..] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        // One digit alone is not a byte.
        let count = group.len().checked_sub(1).filter(|count| *count > 0)?;
        bytes.extend(decoded.into_iter().take(count));
    }
    Some(bytes)
}

fn encode_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |shift: u32| BASE64.get((bits >> shift & 63) as usize).map_or('=', |d| char::from(*d));
        text.extend([18, 12, 6, 0].map(digit).into_iter().take(group.len() + 1));
        text.extend(std::iter::repeat_n('=', 3 - group.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PRINTED: &str = r#"{"PublicKeyList":[{"Value":"MIIB","ValidityStartTime":"2026-10-01T00:00:00+00:00",
        "ValidityEndTime":1792972800.5,"Fingerprint":"aa"}]}"#;

    #[test]
    fn the_output_of_the_aws_command_is_read_and_written_again() {
        let keys = PublicKeys::parse(&format!("{PRINTED}\n{PRINTED}")).unwrap();
        let key = keys.get("aa").unwrap();
        assert_eq!(key.der, [0x30, 0x82, 1]);
        assert_eq!(key.valid_from, Time::parse("2026-10-01T00:00:00Z"));
        assert_eq!(key.valid_until, Some(Time(1_792_972_800)));
        assert_eq!(PublicKeys::parse(&keys.to_json()), Ok(keys));
    }

    #[test]
    fn a_key_that_cannot_be_used_is_an_error() {
        for (old, new) in
            [("MIIB", "MII!"), ("MIIB", "MIIBA"), ("2026-10-01", "2026-13-01"), ("1792972800.5", "true")]
        {
            assert!(PublicKeys::parse(&PRINTED.replace(old, new)).is_err(), "{new}");
        }
        assert!(PublicKeys::parse("{}").is_err());
        let other = PRINTED.replace("MIIB", "MIIC");
        let error = PublicKeys::parse(&format!("{PRINTED}{other}")).unwrap_err();
        assert!(error.contains("two different keys"), "{error}");
    }

    proptest! {
        #[test]
        fn base64_round_trips(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode_base64(&encode_base64(&bytes)), Some(bytes));
        }
    }
}
