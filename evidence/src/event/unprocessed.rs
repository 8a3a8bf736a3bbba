//! Calls that AWS did not process.
//!
//! Enters: a call. Leaves: whether AWS refused it because it was throttled or malformed. Law: only error codes of the
//! two tables count, so a call with any other error may have been authorized.

use super::{CallKey, Outcome};

/// Error codes of throttled calls. Source: AWS SDKs and Tools Reference Guide, "Retry behavior", throttling errors, and
/// Amazon S3 API Reference, "List of error codes" (`SlowDown`), read 2026-11.
const THROTTLED: [&str; 13] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Error codes of calls that AWS could not read. Source: "Common errors" of the AWS Query and JSON APIs, such as those of
/// the AWS Security Token Service API Reference and the Amazon EC2 API Reference, read 2026-11.
const MALFORMED: [&str; 14] = [
    "InvalidAction",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "InvalidQueryParameter",
    "MalformedPolicyDocument",
    "MalformedPolicyDocumentException",
    "MalformedQueryString",
    "MalformedXML",
    "MissingAction",
    "MissingParameter",
    "SerializationException",
    "UnknownOperationException",
    "ValidationError",
    "ValidationException",
];

impl CallKey {
    /// Whether AWS did not process the call, because it was throttled or malformed. Such a call changed nothing and shows
    /// nothing about permissions.
    pub fn is_unprocessed(&self) -> bool {
        let is_listed = |code: &str| {
            let code = code.rsplit_once('.').map_or(code, |(_, code)| code);
            THROTTLED.contains(&code) || MALFORMED.contains(&code)
        };
        self.outcome == Outcome::Failed && self.error_code.as_deref().is_some_and(is_listed)
    }
}
