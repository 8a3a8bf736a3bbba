//! Signed requests of operations that need no client of their own.
//!
//! Enters: a request and the names of its service. Leaves: the body of the response, or AWS's error. Law: each call is one signed
//! request with the credentials, region, endpoint and timeouts of the session.

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

use super::{
    cross_account::partition_of_region,
    error::{error_chain, failure_kind, port_error},
    http,
    missing_credentials::MissingCredentials,
    session::AwsSession,
};
use onlooker_core::ports::{PortError, PortErrorKind};

/// Maximum number of bytes of a response that are searched for an error code.
const MAX_ERROR_BODY_BYTES: usize = 65_536;

/// Maximum number of characters of an AWS error message that are kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// The names of a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServiceNames {
    /// In the names of endpoint variables.
    pub endpoint_variable: &'static str,
    /// First part of the host name.
    pub endpoint_prefix: &'static str,
    /// In the signature.
    pub signing_name: &'static str,
}

/// A request without its endpoint.
#[derive(Clone, Debug)]
pub(super) struct RequestParts {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl RequestParts {
    /// The header that names Onlooker.
    pub fn agent() -> (&'static str, String) {
        ("user-agent", concat!("onlooker/", env!("CARGO_PKG_VERSION")).to_owned())
    }

    /// A request in the Query protocol: a form, already encoded.
    pub fn query(form: String) -> Self {
        Self {
            method: "POST",
            path: "/".to_owned(),
            headers: vec![Self::agent(), ("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: form,
        }
    }
}

/// Sends signed requests over one connector.
#[derive(Debug)]
pub(super) struct SignedRequests {
    aws: AwsSession,
    connector: OnceLock<SharedHttpConnector>,
}

impl SignedRequests {
    /// Requests in the account and region of `aws`.
    pub const fn new(aws: AwsSession) -> Self {
        Self { aws, connector: OnceLock::new() }
    }

    /// Sends a request and reads the response. `operation` is a verb and the IAM action, `name` what it is about; without one, the
    /// endpoint.
    ///
    /// # Errors
    /// If there are no credentials, the request cannot be sent, or AWS answers with an error.
    pub fn send(
        &self,
        operation: &'static str,
        name: Option<&str>,
        service: ServiceNames,
        parts: RequestParts,
    ) -> Result<Vec<u8>, PortError> {
        let (base, region) = self.endpoint_and_region(service);
        let failed = |kind, said: String| port_error(operation, name.unwrap_or(&base), kind, said);
        let broken =
            |error: &(dyn std::error::Error + 'static)| failed(PortErrorKind::Other, error_chain(error));
        let unauthenticated = |cause: MissingCredentials| PortError {
            operation,
            name: name.unwrap_or(&base).to_owned(),
            kind: PortErrorKind::AccessDenied,
            cause: Box::new(cause),
        };
        let RequestParts { method, path, headers, body } = parts;
        let uri = format!("{}{path}", base.trim_end_matches('/'));
        let credentials = self.aws.config().credentials_provider();
        let credentials = credentials.ok_or_else(|| unauthenticated(MissingCredentials::none()))?;
        let credentials = self.aws.block_on(credentials.provide_credentials());
        let credentials = credentials.map_err(|error| {
            unauthenticated(MissingCredentials::cause_of(&error).unwrap_or_else(MissingCredentials::none))
        })?;
        let identity = Identity::from(credentials);
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(service.signing_name)
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
        let unreachable = |said| failed(PortErrorKind::Unavailable, said);
        let mut response = self.exchange(request).map_err(unreachable)?;
        let status = response.status().as_u16();
        let header = code_of_header(response.headers());
        let bytes = self.read_body(&mut response);
        if (200..300).contains(&status) {
            return bytes.map_err(unreachable);
        }
        let bytes = bytes.unwrap_or_default();
        let text =
            String::from_utf8_lossy(bytes.get(..MAX_ERROR_BODY_BYTES.min(bytes.len())).unwrap_or_default());
        let (code, said) = error_of_body(&text);
        let code = header.or(code).unwrap_or_else(|| format!("HTTP {status}"));
        let words: String = said.chars().take(MAX_MESSAGE_CHARS).collect();
        let said = if words.is_empty() { code.clone() } else { format!("{code}: {words}") };
        Err(failed(failure_kind(&code, status), said))
    }

    /// The endpoint of a service, and the region in the signature.
    fn endpoint_and_region(&self, service: ServiceNames) -> (String, String) {
        let region = self.aws.region().to_owned();
        if let Some(endpoint) = self.aws.endpoint(service.endpoint_variable) {
            return (endpoint, region);
        }
        let suffix =
            if partition_of_region(&region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        (format!("https://{}.{region}.{suffix}", service.endpoint_prefix), region)
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, String> {
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

    fn read_body(&self, response: &mut HttpResponse) -> Result<Vec<u8>, String> {
        let bytes = self.aws.block_on(ByteStream::new(response.take_body()).collect());
        bytes.map(|bytes| bytes.to_vec()).map_err(|error| error_chain(&error))
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
}
