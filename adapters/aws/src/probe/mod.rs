//! Probes of reads, as a [`Prober`].
//!
//! Enters: a service and an operation. Leaves: whether the call succeeded. Laws: only reads of a fixed list are
//! called, none of which takes a parameter or changes anything; each probe is one signed request; the response is
//! discarded.

mod definitions;

use self::definitions::{ProbeDefinition, ProbeProtocol};
use super::{
    session::AwsSession,
    signed_request::{RequestParts, ServiceNames, SignedRequests},
};
use onlooker_core::ports::{PortError, Prober};

/// Probes, with the credentials of the session.
#[derive(Debug)]
pub struct AwsProber {
    requests: SignedRequests,
}

impl AwsProber {
    /// Probes in the account and region of `aws`.
    pub const fn new(aws: AwsSession) -> Self {
        Self { requests: SignedRequests::new(aws) }
    }
}

impl Prober for AwsProber {
    fn probe(&self, service: &str, operation: &str) -> Option<Result<(), PortError>> {
        let read = definitions::find(service, operation)?;
        let names = ServiceNames {
            endpoint_variable: read.service,
            endpoint_prefix: read.endpoint_prefix,
            signing_name: read.signing_name,
        };
        Some(self.requests.send(read.description, None, names, request_of(read)).map(|_| ()))
    }
}

/// The request of a probe.
fn request_of(read: &ProbeDefinition) -> RequestParts {
    let ProbeDefinition { operation, protocol, .. } = read;
    match protocol {
        ProbeProtocol::Query(version) => RequestParts::query(format!("Action={operation}&Version={version}")),
        ProbeProtocol::Json(target, version) => RequestParts {
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                RequestParts::agent(),
                ("content-type", format!("application/x-amz-json-{version}")),
                ("x-amz-target", format!("{target}.{operation}")),
            ],
            body: "{}".to_owned(),
        },
        ProbeProtocol::Rest(path) => RequestParts {
            method: "GET",
            path: (*path).to_owned(),
            headers: vec![RequestParts::agent()],
            body: String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_read_only() {
        let catalog = onlooker_core::catalog::Catalog::embedded();
        for known in definitions::PROBES {
            let call =
                onlooker_core::classification::ClassificationInput::new(known.service, known.operation);
            let classification = onlooker_core::classification::classify(catalog, &call);
            let kind = classification.operation_type;
            assert_eq!(
                kind,
                onlooker_core::operation::OperationType::ReadOnly,
                "{}:{}",
                known.service,
                known.operation
            );
            assert!(
                known.description.starts_with("probe (") && known.description.ends_with(')'),
                "{}",
                known.description
            );
        }
        assert!(definitions::find("S3", "listbuckets").is_some());
        assert!(definitions::find("s3", "DeleteBucket").is_none());
    }
}
