//! One digest file.
//!
//! Enters: the inflated bytes of a digest file. Leaves: [`DigestFile`], the fields that decide, and the text that its
//! signature is over. Laws: a field that decides is present and of its type, or the digest file is rejected; texts that
//! are signed are kept as they are written; no input panics.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::{
    hex::hex,
    time::{HOUR_SECONDS, Time},
};

/// Longest window of a digest file. CloudTrail writes one every hour; a day leaves room for a late one.
const MAX_WINDOW_SECONDS: u32 = 24 * HOUR_SECONDS;

/// Longest text of a field, in bytes: twice the longest object key of S3.
const MAX_FIELD_BYTES: usize = 2_048;

/// A digest file, parsed. Nothing about it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestFile {
    /// First second of the window.
    pub start: Time,
    /// First second after the window.
    pub end: Time,
    /// Bucket to which CloudTrail delivered the digest file.
    pub bucket: String,
    /// Object key under which CloudTrail delivered the digest file.
    pub key: String,
    /// Fingerprint of the public key.
    pub key_fingerprint: String,
    /// Whether signature and hashes are by the algorithms that CloudTrail uses.
    pub has_known_algorithms: bool,
    /// The digest file before it in the chain; `None` at the beginning of a chain.
    pub previous: Option<PreviousDigest>,
    /// The log files that CloudTrail delivered in the window.
    pub log_files: Vec<ListedLogFile>,
    /// The text that the signature is over.
    pub signed_text: String,
    /// SHA-256 of the inflated content, in hex.
    pub sha256: String,
}

/// What a digest file says of the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousDigest {
    /// Object key.
    pub key: String,
    /// SHA-256 of its inflated content, in hex.
    pub hash: String,
    /// Its signature, in hex.
    pub signature: String,
}

/// A log file that a digest file lists.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedLogFile {
    /// Object key.
    #[serde(rename = "s3Object")]
    pub key: String,
    /// SHA-256 of the inflated content, in hex.
    #[serde(rename = "hashValue")]
    pub hash: String,
    hash_algorithm: String,
}

/// Why a file is not a digest file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DigestFault {
    /// The file is damaged and cannot be decompressed.
    #[error("it cannot be decompressed")]
    Damaged,
    /// The content is not a JSON object with the fields of a digest file.
    #[error("{0}")]
    Format(String),
    /// The window is empty or too long.
    #[error("its window from {0} to {1} is not one of CloudTrail")]
    Window(Time, Time),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: String,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_hash_algorithm: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Vec<ListedLogFile>,
}

impl DigestFile {
    /// Parses the inflated content of a digest file.
    ///
    /// # Errors
    /// [`DigestFault`].
    pub fn parse(text: &[u8]) -> Result<Self, DigestFault> {
        // An error of the parser has a line and a column, and at most names of fields from here.
        let fields: Fields =
            serde_json::from_slice(text).map_err(|error| DigestFault::Format(error.to_string()))?;
        let time = |text: &str| {
            Time::parse(text).ok_or_else(|| DigestFault::Format("a time of its window is not a time".into()))
        };
        let (start, end) = (time(&fields.digest_start_time)?, time(&fields.digest_end_time)?);
        if start >= end || end.since(start) > MAX_WINDOW_SECONDS {
            return Err(DigestFault::Window(start, end));
        }
        let decides = [
            &fields.digest_s3_bucket,
            &fields.digest_s3_object,
            &fields.digest_public_key_fingerprint,
            &fields.digest_end_time,
        ];
        if decides.into_iter().any(|text| text.is_empty() || text.len() > MAX_FIELD_BYTES) {
            return Err(DigestFault::Format("a field is empty or too long".into()));
        }
        let sha256 = hex(&Sha256::digest(text));
        // AWS's own implementation in Java writes a signature that is absent as `null`.
        let previous_signature = fields.previous_digest_signature.as_deref();
        let signed_text = format!(
            "{}\n{}/{}\n{sha256}\n{}",
            fields.digest_end_time,
            fields.digest_s3_bucket,
            fields.digest_s3_object,
            previous_signature.unwrap_or("null")
        );
        let is_sha256 = |algorithm: &str| algorithm == "SHA-256";
        let has_known_algorithms = fields.digest_signature_algorithm == "SHA256withRSA"
            && fields.previous_digest_hash_algorithm.as_deref().is_none_or(is_sha256)
            && fields.log_files.iter().all(|log| is_sha256(&log.hash_algorithm));
        let previous = fields.previous_digest_s3_object.map(|key| PreviousDigest {
            key,
            hash: fields.previous_digest_hash_value.unwrap_or_default(),
            signature: fields.previous_digest_signature.unwrap_or_default(),
        });
        Ok(Self {
            start,
            end,
            bucket: fields.digest_s3_bucket,
            key: fields.digest_s3_object,
            key_fingerprint: fields.digest_public_key_fingerprint,
            has_known_algorithms,
            previous,
            log_files: fields.log_files,
            signed_text,
            sha256,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = r#"{"awsAccountId":"1","digestStartTime":"2026-10-05T03:15:30Z","digestEndTime":"2026-10-05T04:15:30Z",
        "digestS3Bucket":"b","digestS3Object":"k","digestPublicKeyFingerprint":"f","digestSignatureAlgorithm":"SHA256withRSA",
        "previousDigestS3Object":null,"previousDigestHashValue":null,"previousDigestHashAlgorithm":null,
        "previousDigestSignature":null,"logFiles":[{"s3Bucket":"b","s3Object":"l","hashValue":"00","hashAlgorithm":"SHA-256"}]}"#;

    #[test]
    fn the_signed_text_has_four_lines() {
        let read = DigestFile::parse(DIGEST.as_bytes()).unwrap();
        let sha256 = hex(&Sha256::digest(DIGEST));
        assert_eq!(read.signed_text, format!("2026-10-05T04:15:30Z\nb/k\n{sha256}\nnull"));
        assert!(read.has_known_algorithms && read.previous.is_none() && read.log_files.len() == 1);
    }

    #[test]
    fn a_file_without_a_deciding_field_is_rejected() {
        for field in [
            "digestStartTime",
            "digestEndTime",
            "digestS3Bucket",
            "digestS3Object",
            "digestPublicKeyFingerprint",
            "digestSignatureAlgorithm",
            "logFiles",
            "hashValue",
            "hashAlgorithm",
        ] {
            let other = DIGEST.replace(&format!("\"{field}\""), "\"x\"");
            assert!(matches!(DigestFile::parse(other.as_bytes()), Err(DigestFault::Format(_))), "{field}");
        }
        for (old, new) in [
            ("03:15:30Z", "04:15:30Z"),
            ("2026-10-05T03", "2026-10-04T03"),
            ("\"b\"", "\"\""),
            ("\"digestS3Bucket\":\"b\",", "\"digestS3Bucket\":\"b\",\"digestS3Bucket\":\"c\","),
            ("]}", "]} {}"),
        ] {
            assert!(DigestFile::parse(DIGEST.replacen(old, new, 1).as_bytes()).is_err(), "{old} {new}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(at in 0..DIGEST.len(), byte in any::<u8>(), cut in 0..DIGEST.len()) {
            let mut text = DIGEST.as_bytes().to_vec();
            text[at] = byte;
            let _ = DigestFile::parse(&text);
            let _ = DigestFile::parse(&text[..cut]);
        }
    }
}
