//! Calls that AWS did not process.
//!
//! Enters: a call. Leaves: whether AWS refused it because it was throttled or malformed. Law: only error codes of the
//! two tables count, and a code that a service also gives to calls that it processed is in neither, so a call with any
//! other error may have been authorized.

use super::{CallKey, Outcome};

/// Error codes of throttled calls. Source: AWS SDKs and Tools Reference Guide, "Retry behavior", throttling errors, and
/// Amazon S3 API Reference, "List of error codes" (`SlowDown`), read 2026-11. `TransactionInProgressException`, which the
/// guide lists too, is not here: it says that a write with the same token is being made.
const THROTTLED: [&str; 12] = [
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
];

/// Error codes of calls that AWS could not read. Source: "Common errors" of the AWS Query and JSON APIs, such as those of
/// the AWS Security Token Service API Reference and the Amazon EC2 API Reference, read 2026-11.
///
/// Codes about the values of parameters are not here: `InvalidParameterCombination`, `InvalidParameterValue`,
/// `ValidationError` and `ValidationException`. Services also give them to calls that they authorized and compared with
/// the resource, such as a change without a difference: `No modifications were requested` of `ModifyDBInstance` (Amazon
/// RDS), `No updates are to be performed` of `UpdateStack` (AWS CloudFormation), `The provisioned throughput for the table
/// will not change` of `UpdateTable` (Amazon DynamoDB). Nor are `MalformedPolicyDocument` and `MalformedPolicyDocumentException`:
/// AWS KMS also gives it to a key policy that it compared with the caller (`PutKeyPolicy`, the policy lockout safety check), and
/// IAM to a policy with a principal that it looked up.
const MALFORMED: [&str; 8] = [
    "InvalidAction",
    "InvalidQueryParameter",
    "MalformedQueryString",
    "MalformedXML",
    "MissingAction",
    "MissingParameter",
    "SerializationException",
    "UnknownOperationException",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    fn is_unprocessed(service: &str, code: &'static str) -> bool {
        let record = Record {
            event_source: Some(format!("{service}.amazonaws.com").into()),
            event_name: Some("UpdateStack".into()),
            error_code: Some(code.into()),
            ..Record::default()
        };
        CallKey::of(&record).unwrap().is_unprocessed()
    }

    #[test]
    fn throttled_and_malformed_calls_were_not_processed() {
        for code in THROTTLED.iter().chain(&MALFORMED) {
            assert!(is_unprocessed("ec2", code), "{code}");
        }
        assert!(is_unprocessed("ec2", "Client.RequestLimitExceeded"));
        assert!(!is_unprocessed("ec2", "AccessDenied") && !is_unprocessed("ec2", ""));
    }

    #[test]
    fn a_code_that_also_stands_for_a_processed_call_is_no_sign() {
        for (service, code) in [
            ("rds", "InvalidParameterCombination"),
            ("elasticache", "InvalidParameterCombination"),
            ("ec2", "Client.InvalidParameterValue"),
            ("cloudformation", "ValidationError"),
            ("autoscaling", "ValidationError"),
            ("dynamodb", "ValidationException"),
            ("es", "ValidationException"),
            ("dynamodb", "TransactionInProgressException"),
            ("kms", "MalformedPolicyDocumentException"),
            ("iam", "MalformedPolicyDocument"),
        ] {
            assert!(!is_unprocessed(service, code), "{service} {code}");
        }
        assert!(is_unprocessed("cloudformation", "Throttling"));
    }
}
