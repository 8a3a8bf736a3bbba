//! Errors of the API, in the form of RFC 9457 ("Problem Details for HTTP APIs").
//!
//! Enters: what is wrong with a request, or the error type of a run that failed. Leaves: a [`Problem`]. Laws: type, title, status and
//! detail are always set; a type is permanent, because callers branch on it; the detail has no hidden character; a failure names its
//! error type and the request by which the log has its cause, and not the cause, which names resources of the deployment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::escape::escape_remaining;

/// Media type of a problem.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// The members that only a failure of the function has.
pub const FIELDS_OF_FAILURE: [&str; 2] = ["error_type", "request_id"];

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request is not what the route takes.
    InvalidRequest,
    /// There is no such route.
    UnknownRoute,
    /// No report was published yet.
    NoReport,
    /// The route takes other methods.
    MethodNotAllowed,
    /// The answer fits only if it is compressed, which the request does not accept.
    NotAcceptable,
    /// The request is too long, or its answer would be: it has to be split.
    ContentTooLarge,
    /// The body is not JSON by its `content-type`.
    UnsupportedMediaType,
    /// The function failed.
    Failure,
    /// The function failed for a reason that may pass.
    Unavailable,
}

impl ProblemKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::InvalidRequest,
        Self::UnknownRoute,
        Self::NoReport,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::ContentTooLarge,
        Self::UnsupportedMediaType,
        Self::Failure,
        Self::Unavailable,
    ];

    /// The status of its answers (RFC 9110).
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::UnknownRoute | Self::NoReport => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::ContentTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Failure => 500,
            Self::Unavailable => 503,
        }
    }

    /// The last part of its URI.
    const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::UnknownRoute => "unknown-route",
            Self::NoReport => "no-report",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::NotAcceptable => "not-acceptable",
            Self::ContentTooLarge => "content-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Failure => "failure",
            Self::Unavailable => "unavailable",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not valid",
            Self::UnknownRoute => "There is no such route",
            Self::NoReport => "No report was published yet",
            Self::MethodNotAllowed => "The route does not take this method",
            Self::NotAcceptable => "The answer fits only if it is compressed",
            Self::ContentTooLarge => "The request or its answer is too long",
            Self::UnsupportedMediaType => "The body is not JSON",
            Self::Failure => "The function failed",
            Self::Unavailable => "The function cannot answer now",
        }
    }
}

/// Why a request has no other answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// URI of the kind of problem, such as `urn:onlooker:problem:invalid-request`. It is permanent.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// The kind of problem, for people.
    pub title: Box<str>,
    /// Status code of the answer.
    pub status: u16,
    /// What is wrong with this request, and what to do about it.
    pub detail: Box<str>,
    /// Error type of the run that failed, such as `AccessDenied` or `Throttled`; absent if the request is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<Box<str>>,
    /// Request id of the run that failed, by which the log of the function has the cause; absent if the request is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Box<str>>,
    /// The methods that the route takes, for the header `allow`.
    #[serde(skip)]
    pub allow: Option<&'static str>,
}

impl Problem {
    /// A problem of this kind with a detail.
    pub fn new(kind: ProblemKind, detail: impl AsRef<str>) -> Self {
        Self {
            kind: format!("urn:onlooker:problem:{}", kind.name()).into(),
            title: kind.title().into(),
            status: kind.status(),
            detail: escape_remaining(detail.as_ref()).into(),
            error_type: None,
            request_id: None,
            allow: None,
        }
    }

    /// A request that is not what the route takes.
    pub fn invalid(detail: impl AsRef<str>) -> Self {
        Self::new(ProblemKind::InvalidRequest, detail)
    }

    /// A run that failed with this error type. Throttling and services that do not answer may pass.
    pub fn failure(error_type: &str, request_id: &str) -> Self {
        let kind = match error_type {
            "Throttled" | "Unavailable" => ProblemKind::Unavailable,
            _ => ProblemKind::Failure,
        };
        let detail = format!(
            "the function could not answer: `{error_type}`; its log has the cause under the request id {request_id}"
        );
        Self {
            error_type: Some(error_type.into()),
            request_id: Some(request_id.into()),
            ..Self::new(kind, detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_type_of_its_own_and_a_status_of_an_error() {
        let types: BTreeSet<Box<str>> = ProblemKind::ALL.map(|kind| Problem::new(kind, "x").kind).into();
        assert_eq!(types.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            let problem = serde_json::to_value(Problem::new(kind, "x")).unwrap();
            assert!((400..600).contains(&problem["status"].as_u64().unwrap()), "{problem}");
            assert!(
                ["type", "title", "detail"].iter().all(|member| problem[member].is_string()),
                "{problem}"
            );
            assert!(FIELDS_OF_FAILURE.iter().all(|member| problem.get(member).is_none()), "{problem}");
        }
    }

    #[test]
    fn a_failure_names_its_error_type_and_not_its_cause() {
        let failed = |error_type| Problem::failure(error_type, "1234");
        assert_eq!(["Throttled", "Unavailable"].map(|one| failed(one).status), [503, 503]);
        assert_eq!(["AccessDenied", "JobFailed", "Panicked"].map(|one| failed(one).status), [500; 3]);
        let problem = serde_json::to_value(failed("AccessDenied")).unwrap();
        assert!(FIELDS_OF_FAILURE.iter().all(|member| problem[member].is_string()), "{problem}");
    }

    #[test]
    fn a_detail_hides_no_character() {
        assert_eq!(&*Problem::invalid("a\u{1b}[31m").detail, "a\\u{1b}[31m");
    }
}
