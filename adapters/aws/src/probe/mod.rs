//! Reads that are tried out, as a [`Prober`].
//!
//! Enters: the name of a read. Leaves: whether AWS answered it. Laws: only reads of a fixed list are made, none of which
//! takes a parameter or changes anything; each is one signed request; the answer is thrown away.

mod known;

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

use self::known::{Form, Known};
use super::{
    elsewhere::partition,
    failure::{chain, failure, kind},
    http,
    session::Aws,
};
use onlooker_core::ports::{FailureKind, PortError, Prober};

/// Bytes of an answer that are looked at for an error code.
const LOOKED_AT: usize = 65_536;

/// Characters of AWS's own words that are passed on.
const WORDS: usize = 300;

/// Reads, made as ourselves.
#[derive(Debug)]
pub struct Probes {
    aws: Aws,
    connector: OnceLock<SharedHttpConnector>,
}

impl Probes {
    /// Reads in the account and region of `aws`.
    pub const fn new(aws: Aws) -> Self {
        Self { aws, connector: OnceLock::new() }
    }

    fn make(&self, read: &'static Known) -> Result<(), PortError> {
        let (base, region) = self.place(read);
        let failed = |kind, said: String| failure(read.words, &base, kind, said);
        let broken = |error: &(dyn std::error::Error + 'static)| failed(FailureKind::Other, chain(error));
        let Request { method, path, headers, body } = Request::of(&read.form, read.operation);
        let uri = format!("{}{path}", base.trim_end_matches('/'));
        let credentials = self.aws.config().credentials_provider();
        let credentials =
            credentials.ok_or_else(|| failed(FailureKind::Denied, "no AWS credentials".to_owned()))?;
        let credentials = self.aws.wait(credentials.provide_credentials());
        let credentials = credentials
            .map_err(|error| failed(FailureKind::Denied, format!("no AWS credentials: {}", chain(&error))))?;
        let identity = Identity::from(credentials);
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(read.signed_as)
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
        let mut answer = self.send(request).map_err(|said| failed(FailureKind::Unavailable, said))?;
        let status = answer.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(());
        }
        let (code, said) = self.refusal(&mut answer);
        let code = code.unwrap_or_else(|| format!("HTTP {status}"));
        let words: String = said.chars().take(WORDS).collect();
        let said = if words.is_empty() { code.clone() } else { format!("{code}: {words}") };
        Err(failed(kind(&code, status), said))
    }

    /// Where it is asked, and the region it is signed for.
    fn place(&self, read: &Known) -> (String, String) {
        let region = self.aws.region().to_owned();
        if let Some(endpoint) = self.aws.endpoint(read.service) {
            return (endpoint, region);
        }
        let suffix = if partition(&region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        (format!("https://{}.{region}.{suffix}", read.host), region)
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
        // The call starts its clock when it is made, which has to be where the runtime is.
        self.aws.wait(async { connector.call(request).await }).map_err(|error| chain(&error))
    }

    /// Code and words of an error.
    fn refusal(&self, answer: &mut HttpResponse) -> (Option<String>, String) {
        let header = of_header(answer.headers());
        let bytes = self.aws.wait(ByteStream::new(answer.take_body()).collect());
        let bytes = bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
        let text = String::from_utf8_lossy(bytes.get(..LOOKED_AT.min(bytes.len())).unwrap_or_default());
        let (code, said) = of_body(&text);
        (header.or(code), said)
    }
}

impl Prober for Probes {
    fn probe(&self, service: &str, operation: &str) -> Option<Result<(), PortError>> {
        Some(self.make(known::find(service, operation)?))
    }
}

/// What is sent.
struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    fn of(form: &Form, operation: &str) -> Self {
        let agent = ("user-agent", concat!("onlooker/", env!("CARGO_PKG_VERSION")).to_owned());
        match form {
            Form::Query(version) => Self {
                method: "POST",
                path: "/".to_owned(),
                headers: vec![agent, ("content-type", "application/x-www-form-urlencoded".to_owned())],
                body: format!("Action={operation}&Version={version}"),
            },
            Form::Json(target, version) => Self {
                method: "POST",
                path: "/".to_owned(),
                headers: vec![
                    agent,
                    ("content-type", format!("application/x-amz-json-{version}")),
                    ("x-amz-target", format!("{target}.{operation}")),
                ],
                body: "{}".to_owned(),
            },
            Form::Get(path) => {
                Self { method: "GET", path: (*path).to_owned(), headers: vec![agent], body: String::new() }
            }
        }
    }
}

/// The code in a header: `x-amzn-errortype: AccessDeniedException:http://...`.
fn of_header(headers: &Headers) -> Option<String> {
    headers.get("x-amzn-errortype").map(bare)
}

/// The code and the words in a body, JSON or XML.
fn of_body(text: &str) -> (Option<String>, String) {
    if let Ok(Value::Object(fields)) = serde_json::from_str(text) {
        let one = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str());
        let code = one(&["__type", "code", "Code"]).map(bare);
        return (code, one(&["message", "Message"]).unwrap_or_default().to_owned());
    }
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(value, _)| value.to_owned())
    };
    (element("Code"), element("Message").unwrap_or_default())
}

/// A code without its namespace and what follows it.
fn bare(code: &str) -> String {
    let code = code.rsplit('#').next().unwrap_or_default();
    code.split(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_in_every_form_aws_writes_them() {
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
            assert_eq!(of_body(text), (code.map(str::to_owned), said.to_owned()), "{text}");
        }
        assert_eq!(bare("ThrottlingException:http://internal.amazon.com/coral"), "ThrottlingException");
    }

    #[test]
    fn only_reads_can_be_made() {
        let catalog = onlooker_core::catalog::Catalog::embedded();
        for known in known::KNOWN {
            let call = onlooker_core::verdict::Call::named(known.service, known.operation);
            let verdict = onlooker_core::verdict::classify(catalog, &call);
            let kind = verdict.operation_type;
            assert_eq!(
                kind,
                onlooker_core::operation::OperationType::ReadOnly,
                "{}:{}",
                known.service,
                known.operation
            );
            assert!(known.words.starts_with("try out (") && known.words.ends_with(')'), "{}", known.words);
        }
        assert!(known::find("S3", "listbuckets").is_some());
        assert!(known::find("s3", "DeleteBucket").is_none());
    }
}
