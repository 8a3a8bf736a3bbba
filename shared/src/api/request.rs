//! A request, whichever way it came.
//!
//! Enters: the parts of an HTTP request, or of a direct invocation. Leaves: an [`ApiRequest`], and its body as JSON. Laws: a body is
//! read only if it is short enough and its media type is JSON; a query parameter that the route does not have is refused.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    problem::{Problem, ProblemKind},
    response::MAX_BODY_BYTES,
};

/// Who sent a request, and from where. Everything but the ARN is text that the sender chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestOrigin {
    /// ARN of the caller, as IAM authorized it; empty for a direct invocation, which does not tell it.
    pub caller: String,
    /// Address that the request came from.
    pub source_ip: Option<String>,
    /// `user-agent` of the request.
    pub user_agent: Option<String>,
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiRequest<'a> {
    /// Method, in capital letters.
    pub method: &'a str,
    /// Path, as it was sent.
    pub path: &'a str,
    /// Query parameters by name, decoded.
    pub query: BTreeMap<&'a str, &'a str>,
    /// `content-type` of the body; absent if the request has none.
    pub content_type: Option<&'a str>,
    /// Whether the sender takes an answer that is compressed with gzip.
    pub accepts_gzip: bool,
    /// The body, decoded.
    pub body: &'a [u8],
    /// Who sent the request.
    pub origin: RequestOrigin,
}

impl ApiRequest<'_> {
    /// The body as JSON.
    ///
    /// # Errors
    /// A [`Problem`] with the status 413, 415 or 400.
    pub fn json(&self) -> Result<Value, Problem> {
        if self.body.len() > MAX_BODY_BYTES {
            let detail = format!(
                "the body has {} bytes, and at most {MAX_BODY_BYTES} are taken; send the operations in several requests",
                self.body.len()
            );
            return Err(Problem::new(ProblemKind::ContentTooLarge, detail));
        }
        let essence = self.content_type.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        if !essence.is_some_and(is_json) {
            let detail = "set the header `content-type` to `application/json`, and send JSON";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
        serde_json::from_slice(self.body)
            .map_err(|error| Problem::invalid(format!("the body is not valid JSON: {error}")))
    }

    /// Refuses query parameters other than these.
    ///
    /// # Errors
    /// A [`Problem`] with the status 400.
    pub fn check_query(&self, known: &[&str]) -> Result<(), Problem> {
        match self.query.keys().find(|name| !known.contains(name)) {
            None => Ok(()),
            Some(unknown) => Err(Problem::invalid(format!(
                "the query parameter `{unknown}` is not known; {}",
                match known {
                    [] => "this route has none".to_owned(),
                    known => format!("this route has `{}`", known.join("`, `")),
                }
            ))),
        }
    }

    /// A query parameter that is `true` or `false`; `false` if it is absent.
    ///
    /// # Errors
    /// A [`Problem`] with the status 400.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.query.get(name).copied() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Problem::invalid(format!(
                "the query parameter `{name}` is `{other}`; write `true` or `false`"
            ))),
        }
    }
}

/// Whether a media type is one of JSON (RFC 8259, RFC 6839).
fn is_json(essence: &str) -> bool {
    let essence = essence.to_ascii_lowercase();
    essence == "application/json" || essence.starts_with("application/") && essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(content_type: Option<&str>, body: &[u8]) -> Result<Value, u16> {
        let request = ApiRequest { content_type, body, ..ApiRequest::default() };
        request.json().map_err(|problem| problem.status)
    }

    #[test]
    fn a_body_is_json_by_its_media_type_and_its_content() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"] {
            assert_eq!(status_of(Some(kind), b"{}"), Ok(serde_json::json!({})), "{kind}");
        }
        for kind in [None, Some("text/plain"), Some(""), Some("application/x-www-form-urlencoded")] {
            assert_eq!(status_of(kind, b"{}"), Err(415), "{kind:?}");
        }
        for body in [&b""[..], b"{", b"\xff", b"{} {}"] {
            assert_eq!(status_of(Some("application/json"), body), Err(400), "{body:?}");
        }
        let long = vec![b' '; MAX_BODY_BYTES + 1];
        assert_eq!(status_of(Some("application/json"), &long), Err(413));
    }

    #[test]
    fn an_unknown_query_parameter_is_refused_by_name() {
        let request = ApiRequest { query: [("explian", "true")].into(), ..ApiRequest::default() };
        let problem = request.check_query(&["explain"]).unwrap_err();
        assert!(problem.detail.contains("`explian`") && problem.detail.contains("`explain`"), "{problem}");
        assert_eq!(request.check_query(&[]).unwrap_err().status, 400);
        assert_eq!(request.flag("explian"), Ok(true));
        assert_eq!(request.flag("explain"), Ok(false));
        let wrong = ApiRequest { query: [("explain", "yes")].into(), ..ApiRequest::default() };
        assert_eq!(wrong.flag("explain").unwrap_err().status, 400);
    }
}
