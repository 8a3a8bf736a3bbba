//! Probes of reads, as a [`Prober`].
//!
//! Enters: a service and an operation. Leaves: whether the call succeeded. Laws: only reads of a fixed list are
//! called, none of which takes a parameter or changes anything; each probe is one signed request; the response is
//! discarded.

mod definitions;

use std::{sync::OnceLock, time::SystemTime};

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sigv4::{
    http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector as _, HttpConnectorSettings, SharedHttpConnector},
        identity::Identity,
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::Headers,
};
use serde_json::Value;

use self::definitions::{ProbeDefinition, ProbeProtocol};
use super::{
    cross_account::partition_of_region,
    error::{error_chain, failure_kind, port_error},
    http,
    session::AwsSession,
};
use onlooker_core::ports::{PortError, PortErrorKind, Prober};

/// Maximum number of bytes of a response that are searched for an error code.
const MAX_ERROR_BODY_BYTES: usize = 65_536;

/// Maximum number of characters of an AWS error message that are kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// Probes, with the credentials of the session.
#[derive(Debug)]
pub struct AwsProber {
    aws: AwsSession,
    connector: OnceLock<SharedHttpConnector>,
}

impl AwsProber {
    /// Probes in the account and region of `aws`.
    pub const fn new(aws: AwsSession) -> Self {
        Self { aws, connector: OnceLock::new() }
    }

    fn send_probe(&self, read: &'static ProbeDefinition) -> Result<(), PortError> {
        let (base, region) = self.endpoint_and_region(read);
        let failed = |kind, said: String| port_error(read.description, &base, kind, said);
        let broken =
            |error: &(dyn std::error::Error + 'static)| failed(PortErrorKind::Other, error_chain(error));
        let ProbeRequest { method, path, headers, body } = ProbeRequest::of(&read.protocol, read.operation);
        let uri = format!("{}{path}", base.trim_end_matches('/'));
        let credentials = self.aws.config().credentials_provider();
        let credentials = credentials
            .ok_or_else(|| failed(PortErrorKind::AccessDenied, "no AWS credentials".to_owned()))?;
        let credentials = self.aws.block_on(credentials.provide_credentials());
        let credentials = credentials.map_err(|error| {
            failed(PortErrorKind::AccessDenied, format!("no AWS credentials: {}", error_chain(&error)))
        })?;
        let identity = Identity::from(credentials);
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(read.signing_name)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| broken(&error))?;
        let signable = SignableRequest::new(
            method,
            &uri,
            headers.iter().map(|(name, value)| (*name, value.as_str())),
            SignableBody::Bytes(body.as_bytes()),
        );
        let signed = signable.and_then(|signable| sign(signable, &parameters.into()));
        let (instructions, _) = signed.map_err(|error| broken(&error))?.into_parts();
        let mut request = HttpRequest::new(body.into());
        request.set_method(method).map_err(|error| broken(&error))?;
        request.set_uri(uri.as_str()).map_err(|error| broken(&error))?;
        for (name, value) in headers {
            request.headers_mut().insert(name, value);
        }
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        let mut response = self.send(request).map_err(|said| failed(PortErrorKind::Unavailable, said))?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let (code, said) = self.read_error(&mut response);
        let code = code.unwrap_or_else(|| format!("HTTP {status}"));
        let words: String = said.chars().take(MAX_MESSAGE_CHARS).collect();
        let said = if words.is_empty() { code.clone() } else { format!("{code}: {words}") };
        Err(failed(failure_kind(&code, status), said))
    }

    /// The endpoint of a probe, and the region in its signature.
    fn endpoint_and_region(&self, read: &ProbeDefinition) -> (String, String) {
        let region = self.aws.region().to_owned();
        if let Some(endpoint) = self.aws.endpoint(read.service) {
            return (endpoint, region);
        }
        let suffix =
            if partition_of_region(&region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        (format!("https://{}.{region}.{suffix}", read.endpoint_prefix), region)
    }

    fn send(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let config = self.aws.config();
        let connector = self.connector.get_or_init(|| {
            let timeouts = config.timeout_config();
            let mut settings = HttpConnectorSettings::builder();
            settings.set_connect_timeout(timeouts.and_then(|timeouts| timeouts.connect_timeout()));
            settings.set_read_timeout(timeouts.and_then(|timeouts| timeouts.read_timeout()));
            http::connector(settings.build(), config.sleep_impl())
        });
        // The call starts its timeout when it is created, which has to happen inside the runtime.
        self.aws.block_on(async { connector.call(request).await }).map_err(|error| error_chain(&error))
    }

    /// Code and message of an error.
    fn read_error(&self, response: &mut HttpResponse) -> (Option<String>, String) {
        let header = code_of_header(response.headers());
        let bytes = self.aws.block_on(ByteStream::new(response.take_body()).collect());
        let bytes = bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
        let text =
            String::from_utf8_lossy(bytes.get(..MAX_ERROR_BODY_BYTES.min(bytes.len())).unwrap_or_default());
        let (code, said) = error_of_body(&text);
        (header.or(code), said)
    }
}

impl Prober for AwsProber {
    fn probe(&self, service: &str, operation: &str) -> Option<Result<(), PortError>> {
        Some(self.send_probe(definitions::find(service, operation)?))
    }
}

/// The request of a probe.
struct ProbeRequest {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl ProbeRequest {
    fn of(form: &ProbeProtocol, operation: &str) -> Self {
        let agent = ("user-agent", concat!("onlooker/", env!("CARGO_PKG_VERSION")).to_owned());
        match form {
            ProbeProtocol::Query(version) => Self {
                method: "POST",
                path: "/".to_owned(),
                headers: vec![agent, ("content-type", "application/x-www-form-urlencoded".to_owned())],
                body: format!("Action={operation}&Version={version}"),
            },
            ProbeProtocol::Json(target, version) => Self {
                method: "POST",
                path: "/".to_owned(),
                headers: vec![
                    agent,
                    ("content-type", format!("application/x-amz-json-{version}")),
                    ("x-amz-target", format!("{target}.{operation}")),
                ],
                body: "{}".to_owned(),
            },
            ProbeProtocol::Rest(path) => {
                Self { method: "GET", path: (*path).to_owned(), headers: vec![agent], body: String::new() }
            }
        }
    }
}

/// The error code in a header: `x-amzn-errortype: AccessDeniedException:http://...`.
fn code_of_header(headers: &Headers) -> Option<String> {
    headers.get("x-amzn-errortype").map(short_code)
}

/// The error code and message in a body, JSON or XML.
fn error_of_body(text: &str) -> (Option<String>, String) {
    if let Ok(Value::Object(fields)) = serde_json::from_str(text) {
        let one = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str());
        let code = one(&["__type", "code", "Code"]).map(short_code);
        return (code, one(&["message", "Message"]).unwrap_or_default().to_owned());
    }
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(value, _)| value.to_owned())
    };
    (element("Code"), element("Message").unwrap_or_default())
}

/// An error code without its namespace, and without any text that follows the code.
fn short_code(code: &str) -> String {
    let code = code.rsplit('#').next().unwrap_or_default();
    code.split(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_are_read_from_xml_and_json() {
        for (text, code, said) in [
            (
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>",
                Some("UnauthorizedOperation"),
                "no",
            ),
            ("<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>", Some("SlowDown"), ""),
            (
                "{\"__type\":\"com.amazon.coral.service#AccessDeniedException\",\"Message\":\"no\"}",
                Some("AccessDeniedException"),
                "no",
            ),
            ("{\"message\":\"Missing\"}", None, "Missing"),
            ("<Code>", None, ""),
            ("", None, ""),
        ] {
            assert_eq!(error_of_body(text), (code.map(str::to_owned), said.to_owned()), "{text}");
        }
        assert_eq!(short_code("ThrottlingException:http://internal.amazon.com/coral"), "ThrottlingException");
    }

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
