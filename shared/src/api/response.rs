//! An answer, before it is put into the form of a function URL or of a direct invocation.
//!
//! Enters: a value, text or a [`Problem`]. Leaves: an [`ApiResponse`]. Laws: JSON has no hidden character; an answer that would be
//! longer than [`MAX_BODY_BYTES`] in the response of the function is replaced by a problem, because Lambda would lose it.

use serde::Serialize;

use super::problem::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind};
use crate::render::json::{MEDIA_TYPE, escape_json};

/// Largest body of a request, and largest response of the function, in bytes. Lambda's limit for both is 6 MB (AWS Lambda developer
/// guide, "Lambda quotas", read 2026-11), with the envelope around a body, which the rest is for. A request beyond that limit is refused
/// by Lambda itself; a response beyond it is lost.
pub const MAX_BODY_BYTES: usize = 5_500_000;

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResponse {
    /// Status code.
    pub status: u16,
    /// `content-type`.
    pub media_type: &'static str,
    /// `allow`, of a method that the route does not take.
    pub allow: Option<&'static str>,
    /// The body.
    pub body: String,
}

impl ApiResponse {
    /// An answer as JSON. A value that cannot be written is a problem of its own; no value is known to cause it.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => Self { status, media_type: MEDIA_TYPE, allow: None, body: escape_json(text) },
            Err(error) => {
                Self::from(Problem::new(ProblemKind::Failure, format!("cannot write the answer: {error}")))
            }
        }
    }

    /// An answer as text of this media type.
    pub const fn text(media_type: &'static str, body: String) -> Self {
        Self { status: 200, media_type, allow: None, body }
    }

    /// How long the body is as a JSON string, in which the response of the function has it.
    pub fn encoded_len(&self) -> usize {
        let escaped = |byte: u8| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
            0..=0x1f => 6,
            _ => 1,
        };
        self.body.bytes().map(escaped).sum()
    }

    /// Whether the response of the function can have the body as it is.
    pub fn fits(&self) -> bool {
        self.encoded_len() <= MAX_BODY_BYTES
    }
}

impl From<Problem> for ApiResponse {
    fn from(problem: Problem) -> Self {
        let (status, allow) = (problem.status, problem.allow);
        // A problem is texts and a number, which JSON can have.
        let text = serde_json::to_string(&problem).unwrap_or_default();
        Self { status, media_type: PROBLEM_MEDIA_TYPE, allow, body: escape_json(text) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_length_of_a_body_is_that_of_its_json(body: String) {
            let expected = serde_json::to_string(&body).unwrap().len() - 2;
            prop_assert_eq!(ApiResponse::text("text/plain", body).encoded_len(), expected);
        }
    }

    #[test]
    fn a_problem_keeps_its_status_and_its_methods() {
        let problem = Problem { allow: Some("GET"), ..Problem::new(ProblemKind::MethodNotAllowed, "no") };
        let response = ApiResponse::from(problem.clone());
        assert_eq!(
            (response.status, response.allow, response.media_type),
            (405, Some("GET"), PROBLEM_MEDIA_TYPE)
        );
        let read: Problem = serde_json::from_str(&response.body).unwrap();
        assert_eq!(Problem { allow: Some("GET"), ..read }, problem);
    }
}
