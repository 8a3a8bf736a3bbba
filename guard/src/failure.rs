//! Why a call failed.
//!
//! Enters: the error of a call, as the SDK returns it or as its interceptors see it. Leaves: its [`AwsErrorKind`] and a message.
//! Laws: AWS's code decides before the status; what was not sent because of the guard does not count as a failure of AWS.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{
    interceptors::context::Error as OperationError,
    orchestrator::{HttpResponse, OrchestratorError},
    result::{ConnectorError, SdkError},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use onlooker_core::aws_error::AwsErrorKind;

/// Longest part of a response in which its error code is looked for, in bytes.
const MAX_READ_BYTES: usize = 4_096;

/// An error of a call.
pub trait CallError {
    /// Its kind. `service` is that of the call, such as `s3`.
    fn kind(&self, service: &str) -> AwsErrorKind;

    /// What it says, with its causes.
    fn message(&self) -> String;
}

impl<E: Error + ProvideErrorMetadata + 'static> CallError for SdkError<E, HttpResponse> {
    fn kind(&self, service: &str) -> AwsErrorKind {
        match self {
            Self::ServiceError(error) => {
                let status = error.raw().status().as_u16();
                AwsErrorKind::of_response(service, self.code(), Some(status))
            }
            Self::DispatchFailure(failure) => {
                failure.as_connector_error().map_or(AwsErrorKind::ConnectionFailed, connector_kind)
            }
            Self::TimeoutError(_) => AwsErrorKind::TimedOut,
            Self::ResponseError(error) => AwsErrorKind::of_status(error.raw().status().as_u16()),
            _ if is_missing_credentials(self) => AwsErrorKind::MissingCredentials,
            _ => AwsErrorKind::InvalidRequest,
        }
    }

    fn message(&self) -> String {
        match ProvideErrorMetadata::message(self).zip(self.code()) {
            Some((message, code)) => format!("{code}: {message}"),
            None => error_chain(self),
        }
    }
}

/// Errors of other calls than those of the SDK have no kind.
macro_rules! unknown_kind {
    ($($error:ty: $message:expr),+) => {$(
        impl CallError for $error {
            fn kind(&self, _: &str) -> AwsErrorKind {
                AwsErrorKind::Unknown
            }

            fn message(&self) -> String {
                let message: fn(&Self) -> String = $message;
                message(self)
            }
        }
    )+};
}

unknown_kind! {
    String: Clone::clone,
    &str: ToString::to_string,
    std::io::Error: |error| error_chain(error),
    Box<dyn Error + Send + Sync>: |error| error_chain(&**error),
    std::convert::Infallible: |_| String::new()
}

/// The kind of an error as an interceptor sees it, with the response if there is one.
pub(crate) fn orchestrator_kind(
    service: &str,
    error: &OrchestratorError<OperationError>,
    response: Option<&HttpResponse>,
) -> AwsErrorKind {
    if let Some(error) = error.as_connector_error() {
        return connector_kind(error);
    }
    if error.is_timeout_error() {
        return AwsErrorKind::TimedOut;
    }
    if let Some(response) = response {
        let code = error_code(response);
        return AwsErrorKind::of_response(service, code.as_deref(), Some(response.status().as_u16()));
    }
    if is_missing_credentials(error) {
        AwsErrorKind::MissingCredentials
    } else {
        AwsErrorKind::InvalidRequest
    }
}

/// The kind of a call that got no response.
pub fn connector_kind(error: &ConnectorError) -> AwsErrorKind {
    if is_missing_credentials(error) {
        return AwsErrorKind::MissingCredentials;
    }
    if error.is_timeout() {
        return AwsErrorKind::TimedOut;
    }
    // The types of these causes are private. Seen with hyper-util 0.1 and rustls 0.23.
    let said = error_chain(error).to_ascii_lowercase();
    if said.contains("dns error") {
        AwsErrorKind::NameNotResolved
    } else if ["certificate", "handshake", "tls", "corrupt message"].iter().any(|word| said.contains(word)) {
        AwsErrorKind::TlsFailed
    } else {
        AwsErrorKind::ConnectionFailed
    }
}

fn is_missing_credentials(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(|error| error.is::<CredentialsError>())
}

/// The error code of a response: in a header, in a JSON body, or in an XML body.
fn error_code(response: &HttpResponse) -> Option<String> {
    let header = |name| response.headers().get(name);
    if let Some(code) = header("x-amzn-errortype").or_else(|| header("x-amzn-query-error")) {
        return Some(plain_code(code));
    }
    let body = response.body().bytes()?;
    let body = String::from_utf8_lossy(body.get(..body.len().min(MAX_READ_BYTES))?);
    if let Some((_, rest)) = body.split_once("<Code>") {
        return rest.split_once("</Code>").map(|(code, _)| code.to_owned());
    }
    let named = ["\"__type\"", "\"code\""].into_iter().find_map(|name| body.split_once(name));
    let (_, rest) = named?;
    let value = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    value.split_once('"').map(|(code, _)| plain_code(code))
}

/// The code of `com.amazonaws.dynamodb#ThrottlingException`, `AccessDenied:http://...` and `AccessDenied;Sender`.
fn plain_code(code: &str) -> String {
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    code.split([':', ';']).next().unwrap_or_default().to_owned()
}

/// The messages of an error and its causes, each once.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for error in sources(error) {
        let text = error.to_string();
        if said.last().is_none_or(|last| !last.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}

fn sources<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn response(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> HttpResponse {
        let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(*name, *value);
        }
        response
    }

    #[test]
    fn the_code_of_a_response_is_found_wherever_its_protocol_puts_it() {
        for (headers, body, code) in [
            (&[][..], "<Error><Code>SlowDown</Code><Message>m</Message></Error>", Some("SlowDown")),
            (
                &[],
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"m"}"#,
                Some("ThrottlingException"),
            ),
            (&[], r#"{"message":"m", "__type" : "AccessDeniedException"}"#, Some("AccessDeniedException")),
            (&[], r#"{"code":"ValidationException"}"#, Some("ValidationException")),
            (
                &[("x-amzn-errortype", "NotFoundException:http://internal.amazon.com/")],
                "{}",
                Some("NotFoundException"),
            ),
            (&[("x-amzn-query-error", "AccessDenied;Sender")], "{}", Some("AccessDenied")),
            (&[], "an error", None),
            (&[], "", None),
        ] {
            assert_eq!(error_code(&response(400, headers, body)).as_deref(), code, "{body}");
        }
    }

    #[test]
    fn the_kind_follows_from_the_response_or_from_why_there_is_none() {
        let of = |error: OrchestratorError<OperationError>, response: Option<&HttpResponse>| {
            orchestrator_kind("s3", &error, response)
        };
        let operation = || OrchestratorError::operation(OperationError::doesnt_matter());
        let throttled = response(400, &[], r#"{"__type":"ThrottlingException"}"#);
        assert_eq!(of(operation(), Some(&throttled)), AwsErrorKind::Throttled);
        assert_eq!(of(operation(), Some(&response(500, &[], ""))), AwsErrorKind::ServiceError);
        assert_eq!(of(OrchestratorError::timeout("late".into()), None), AwsErrorKind::TimedOut);
        let missing = CredentialsError::not_loaded("none");
        assert_eq!(of(OrchestratorError::other(missing), None), AwsErrorKind::MissingCredentials);
        let connector = |error: ConnectorError| of(OrchestratorError::connector(error), None);
        assert_eq!(connector(ConnectorError::timeout("late".into())), AwsErrorKind::TimedOut);
        assert_eq!(connector(ConnectorError::io("reset".into())), AwsErrorKind::ConnectionFailed);
    }
}
