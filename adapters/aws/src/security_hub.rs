//! AWS Security Hub, which imports findings.
//!
//! Enters: findings in the AWS Security Finding Format. Leaves: how many were imported, and which were refused. Law: a response that
//! does not say both is an error, never an import.

use serde_json::{Value, json};

use super::{
    error::port_error,
    session::AwsSession,
    signed_request::{RequestParts, ServiceNames, SignedRequests},
};
use onlooker_core::ports::{FindingImporter, ImportResponse, PortError, PortErrorKind, RefusedFinding};

const IMPORT: &str = "import findings (securityhub:BatchImportFindings) into";

const SECURITY_HUB: ServiceNames = ServiceNames {
    endpoint_variable: "securityhub",
    endpoint_prefix: "securityhub",
    signing_name: "securityhub",
};

/// Security Hub in the account and region of a session.
#[derive(Debug)]
pub struct SecurityHub {
    requests: SignedRequests,
    name: String,
}

impl SecurityHub {
    /// Security Hub in the account and region of a session.
    pub fn new(aws: AwsSession) -> Self {
        let name = format!("Security Hub in {}", aws.region());
        Self { requests: SignedRequests::new(aws), name }
    }
}

impl FindingImporter for SecurityHub {
    fn import(&self, findings: &[Value]) -> Result<ImportResponse, PortError> {
        // AWS Security Hub API Reference, BatchImportFindings: POST /findings/import, JSON.
        let parts = RequestParts {
            method: "POST",
            path: "/findings/import".to_owned(),
            headers: vec![RequestParts::agent(), ("content-type", "application/json".to_owned())],
            body: json!({ "Findings": findings }).to_string(),
        };
        let body = self.requests.send(IMPORT, Some(&self.name), SECURITY_HUB, parts)?;
        let unreadable = |said: &str| port_error(IMPORT, &*self.name, PortErrorKind::Other, said);
        let response: Value =
            serde_json::from_slice(&body).map_err(|error| unreadable(&error.to_string()))?;
        read_response(&response).ok_or_else(|| {
            unreadable("the response does not say of each finding whether it was imported or refused")
        })
    }
}

/// The response of `BatchImportFindings`; `None` if a count is missing, or is not that of the findings that are listed.
fn read_response(response: &Value) -> Option<ImportResponse> {
    let text = |one: &Value, key: &str| Some(one.get(key)?.as_str()?.to_owned());
    let listed = response.get("FailedFindings").and_then(Value::as_array).into_iter().flatten();
    let refused: Vec<RefusedFinding> = listed
        .map(|one| {
            Some(RefusedFinding {
                id: text(one, "Id")?,
                code: text(one, "ErrorCode")?,
                message: text(one, "ErrorMessage")?,
            })
        })
        .collect::<Option<_>>()?;
    let count = |key: &str| response.get(key)?.as_u64();
    let imported = count("SuccessCount")?;
    (count("FailedCount")? == refused.len() as u64).then_some(ImportResponse { imported, refused })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_counts_each_finding() {
        let refused = json!({ "Id": "a", "ErrorCode": "InvalidInput", "ErrorMessage": "no" });
        let response = json!({ "SuccessCount": 2, "FailedCount": 1, "FailedFindings": [refused] });
        let read = read_response(&response).unwrap();
        assert_eq!((read.imported, &*read.refused[0].code), (2, "InvalidInput"));
        assert!(read_response(&json!({ "SuccessCount": 1, "FailedCount": 0 })).is_some());
        for incomplete in [
            json!({}),
            json!({ "SuccessCount": 1 }),
            json!({ "SuccessCount": 1, "FailedCount": 1, "FailedFindings": [] }),
            json!({ "SuccessCount": 1, "FailedCount": 1, "FailedFindings": [{ "Id": "a" }] }),
        ] {
            assert_eq!(read_response(&incomplete), None, "{incomplete}");
        }
    }
}
