//! The two forms of a request, and of its answer.
//!
//! Enters: the payload of an invocation: the event of a function URL (payload format 2.0), or a direct one, such as
//! `{"route": "POST /validate", "body": {"operation": "s3:GetObject"}}`. Leaves: an [`ApiRequest`], and the answer in the same form.
//! Laws: a body that is base64 is decoded; a long answer is compressed if the sender takes it, and is then base64; an answer that would
//! be longer than Lambda returns is a problem, and not lost.

use std::{borrow::Cow, collections::BTreeMap, io::Write as _};

use aws_lambda_events::{
    http::{HeaderValue, header},
    lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use onlooker_core::api::{ApiRequest, ApiResponse, MAX_BODY_BYTES, Problem, ProblemKind, RequestOrigin};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use serde_json::{Value, json, value::RawValue};

/// Length of an answer from which it is compressed, in bytes. Below it, compression costs more time than it saves.
const COMPRESSED_FROM: usize = 100_000;

/// A payload.
#[derive(Debug)]
pub enum ApiPayload {
    /// The event of a function URL.
    Url(Box<LambdaFunctionUrlRequest>),
    /// A direct invocation.
    Direct(DirectRequest),
    /// Neither, and why; and whether the sender is an HTTP client all the same.
    Unreadable {
        /// Why the payload cannot be read.
        error: String,
        /// Whether it is the event of a function URL.
        is_url: bool,
    },
}

/// A direct invocation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectRequest {
    /// Method and path, such as `POST /validate`.
    route: String,
    /// Query parameters by name.
    #[serde(default)]
    query: BTreeMap<String, String>,
    /// The body, as JSON.
    #[serde(default)]
    body: Option<Box<RawValue>>,
}

impl<'de> Deserialize<'de> for ApiPayload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// What tells the event of a function URL from a direct invocation.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape {
            request_context: Option<IgnoredAny>,
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        // An array would be taken for the fields of an object in their order.
        if !raw.get().starts_with('{') {
            return Ok(Self::Unreadable { error: "it is not a JSON object".to_owned(), is_url: false });
        }
        let is_url =
            serde_json::from_str(raw.get()).is_ok_and(|shape: Shape| shape.request_context.is_some());
        let read = match is_url {
            true => serde_json::from_str(raw.get()).map(Self::Url),
            false => serde_json::from_str(raw.get()).map(Self::Direct),
        };
        Ok(read.unwrap_or_else(|error| Self::Unreadable { error: error.to_string(), is_url }))
    }
}

impl ApiPayload {
    /// Whether the sender is an HTTP client, which gets a problem if the run fails.
    pub const fn is_url(&self) -> bool {
        matches!(self, Self::Url(_) | Self::Unreadable { is_url: true, .. })
    }

    /// The body, decoded.
    ///
    /// # Errors
    /// A [`Problem`] with the status 400 if it is not the base64 that it is said to be.
    pub fn body(&self) -> Result<Cow<'_, [u8]>, Problem> {
        match self {
            Self::Url(event) => {
                let text = event.body.as_deref().unwrap_or_default();
                if !event.is_base64_encoded {
                    return Ok(Cow::Borrowed(text.as_bytes()));
                }
                let decoded = STANDARD.decode(text);
                decoded
                    .map(Cow::Owned)
                    .map_err(|_| Problem::invalid("the body is not base64, as the event says it is"))
            }
            Self::Direct(direct) => {
                Ok(Cow::Borrowed(direct.body.as_ref().map_or(&[], |body| body.get().as_bytes())))
            }
            Self::Unreadable { .. } => Ok(Cow::Borrowed(&[])),
        }
    }

    /// The request, with its decoded body.
    ///
    /// # Errors
    /// A [`Problem`] with the status 400 if the payload is none of the two forms.
    pub fn request<'a>(&'a self, body: &'a [u8]) -> Result<ApiRequest<'a>, Problem> {
        match self {
            Self::Url(event) => Ok(url_request(event, body)),
            Self::Direct(direct) => {
                let (method, path) = direct.route.split_once(' ').ok_or_else(|| {
                    let detail = format!(
                        "`route` is `{}`; write method and path, such as `GET /status`",
                        direct.route
                    );
                    Problem::invalid(detail)
                })?;
                let query =
                    direct.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let content_type = Some("application/json");
                Ok(ApiRequest { method, path, query, content_type, body, ..ApiRequest::default() })
            }
            Self::Unreadable { error, .. } => Err(Problem::invalid(format!(
                "the payload is not a request: {error}; write `{{\"route\": \"GET /status\"}}`, or \
                 `{{\"route\": \"POST /validate\", \"body\": {{\"operation\": \"s3:GetObject\"}}}}`"
            ))),
        }
    }

    /// The answer in the form that the sender expects. `method` is that of the request, and `accepts_gzip` whether the sender takes gzip;
    /// `location` tells where an answer can be read that is too long.
    pub fn answer(&self, method: &str, accepts_gzip: bool, response: ApiResponse, location: &str) -> Value {
        match response.fits() {
            _ if self.is_url() => url_answer(method, accepts_gzip, response, location),
            true => direct_answer(&response),
            false => direct_answer(&too_long(location).into()),
        }
    }
}

fn url_request<'a>(event: &'a LambdaFunctionUrlRequest, body: &'a [u8]) -> ApiRequest<'a> {
    let context = &event.request_context;
    let header = |name| event.headers.get(name).and_then(|value| value.to_str().ok());
    let encodings = header(header::ACCEPT_ENCODING).unwrap_or_default();
    let iam = context.authorizer.as_ref().and_then(|authorizer| authorizer.iam.as_ref());
    let query = &event.query_string_parameters;
    ApiRequest {
        method: context.http.method.as_deref().unwrap_or_default(),
        path: event.raw_path.as_deref().unwrap_or_default(),
        query: query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        content_type: header(header::CONTENT_TYPE),
        accepts_gzip: encodings.split(',').any(accepts_gzip),
        body,
        origin: RequestOrigin {
            caller: iam.and_then(|iam| iam.user_arn.clone()).unwrap_or_default(),
            source_ip: context.http.source_ip.clone(),
            user_agent: context.http.user_agent.clone(),
        },
    }
}

/// Whether one part of `accept-encoding` takes gzip (RFC 9110, section 12.5.3).
fn accepts_gzip(part: &str) -> bool {
    let mut words = part.split(';').map(str::trim);
    let is_named = words.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip") || coding == "*");
    let weight = words.find_map(|word| word.strip_prefix("q="));
    is_named && weight.is_none_or(|weight| weight.parse::<f64>().is_ok_and(|weight| weight > 0.0))
}

/// The problem of an answer that Lambda would lose.
fn too_long(location: &str) -> Problem {
    let detail = format!(
        "the answer is longer than the {MAX_BODY_BYTES} bytes that the function returns; send `accept-encoding: gzip` if the request \
         did not, or read {location}"
    );
    Problem::new(ProblemKind::NotAcceptable, detail)
}

fn url_answer(method: &str, accepts_gzip: bool, response: ApiResponse, location: &str) -> Value {
    let is_head = method == "HEAD";
    let compressed = (accepts_gzip && !is_head && response.encoded_len() >= COMPRESSED_FROM)
        .then(|| gzip(response.body.as_bytes()))
        .flatten();
    let encoded = compressed.map(|bytes| STANDARD.encode(bytes));
    let fits = encoded.as_ref().map_or_else(|| response.fits(), |text| text.len() <= MAX_BODY_BYTES);
    if !fits && !is_head {
        return url_answer(method, accepts_gzip, too_long(location).into(), location);
    }
    let mut answer = LambdaFunctionUrlResponse::default();
    answer.status_code = response.status.into();
    let mut set = |name, value| answer.headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, response.media_type);
    set(header::CACHE_CONTROL, "no-store");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if let Some(allow) = response.allow {
        set(header::ALLOW, allow);
    }
    if encoded.is_some() {
        set(header::CONTENT_ENCODING, "gzip");
        set(header::VARY, "accept-encoding");
    }
    answer.is_base64_encoded = encoded.is_some();
    answer.body = (!is_head).then(|| encoded.unwrap_or(response.body));
    // The answer is texts and numbers, which JSON can have.
    serde_json::to_value(answer).unwrap_or_default()
}

/// A problem for an HTTP client, whose request is not at hand.
pub fn problem_answer(problem: Problem) -> Value {
    url_answer("", false, problem.into(), "")
}

fn direct_answer(response: &ApiResponse) -> Value {
    let body = serde_json::from_str(&response.body).unwrap_or_else(|_| Value::from(response.body.as_str()));
    json!({ "status": response.status, "content_type": response.media_type, "body": body })
}

/// The bytes of gzip, which a writer in memory always takes.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_by_name_unless_its_weight_is_zero() {
        for taken in ["gzip", " GZIP ", "*", "gzip;q=0.5", "gzip; q=1"] {
            assert!(accepts_gzip(taken), "{taken}");
        }
        for refused in ["", "br", "gzip;q=0", "gzip; q=0.0", "gzip;q=x", "x-gzip"] {
            assert!(!accepts_gzip(refused), "{refused}");
        }
    }

    #[test]
    fn an_http_client_gets_an_http_answer_whatever_its_headers_are() {
        let event = json!({ "requestContext": { "http": {} }, "headers": { "x": "\u{0}" }, "rawPath": 1 });
        let read = payload(&event);
        let problem = read.request(&[]).unwrap_err();
        let answer = read.answer("", false, problem.into(), "");
        assert!(read.is_url() && answer["statusCode"] == 400, "{answer}");
    }

    fn payload(value: &Value) -> ApiPayload {
        serde_json::from_str(&value.to_string()).unwrap()
    }

    #[test]
    fn a_payload_in_neither_form_says_how_to_write_one() {
        for value in [
            json!({}),
            json!(null),
            json!([1]),
            json!(["GET /status"]),
            json!({ "route": "GET /status", "x": 1 }),
            json!({ "route": 1 }),
        ] {
            let read = payload(&value);
            assert!(!read.is_url());
            let problem = read.request(&[]).unwrap_err();
            assert!(problem.detail.contains("\"route\""), "{value}: {problem}");
        }
        let problem = payload(&json!({ "route": "status" })).request(&[]).unwrap_err();
        assert!(problem.detail.contains("`status`"), "{problem}");
    }

    #[test]
    fn an_answer_that_lambda_would_lose_is_a_problem_or_compressed() {
        let long = || ApiResponse::text("text/plain", "\"".repeat(MAX_BODY_BYTES));
        let url = payload(&json!({
            "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
            "requestContext": { "timeEpoch": 0, "http": { "method": "GET" } },
        }));
        let plain = url.answer("GET", false, long(), "the bucket");
        assert_eq!((&plain["statusCode"], plain["isBase64Encoded"].as_bool()), (&json!(406), Some(false)));
        assert!(plain["body"].as_str().unwrap().contains("the bucket"), "{plain}");
        let compressed = url.answer("GET", true, long(), "the bucket");
        assert_eq!(
            (&compressed["statusCode"], &compressed["headers"]["content-encoding"]),
            (&json!(200), &json!("gzip"))
        );
        assert!(compressed.to_string().len() < MAX_BODY_BYTES);
        let answer = payload(&json!({ "route": "GET /" })).answer("GET", false, long(), "the bucket");
        assert_eq!(answer["status"], 406);
    }
}
