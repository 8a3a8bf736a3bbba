//! Verdicts about operations, and their entries for the audit trail.
//!
//! Enters: the body of `POST /validate`: one operation, or up to [`MAX_OPERATIONS`]. Leaves: a [`Validation`]: the answer, and one
//! entry for each verdict. Laws: a verdict is that of [`check`], with the same catalog, configuration and time; each verdict has an
//! entry and each entry a verdict, with the same id; the verdicts are in the order of the operations; a field that is not known is
//! refused, because an answer that ignores it would be about another call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    problem::{Problem, ProblemKind},
    request::{ApiRequest, RequestOrigin},
    response::ApiResponse,
};
use crate::{
    audit::{ApiCaller, AuditKind, AuditTrailEntry, AuditedCall},
    catalog::Catalog,
    config::Config,
    controls::ControlPack,
    event::Outcome,
    jobs::check::{CheckRequest, CheckResult, check},
    record::RequestFeatures,
    time::Time,
};

/// Most operations of one request.
pub const MAX_OPERATIONS: usize = 1_000;

/// Longest name of an operation or a service, and longest ARN, in characters.
const MAX_NAME_CHARS: usize = 256;
const MAX_ARN_CHARS: usize = 2_048;

/// Most resources of one operation.
const MAX_RESOURCES: usize = 20;

/// An operation to validate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationRequest {
    /// Name of the operation, such as `GetObject`; with its service, such as `s3:GetObject`, if `service` is absent.
    #[schemars(length(min = 1, max = MAX_NAME_CHARS), example = "s3:GetObject")]
    pub operation: String,
    /// The service, such as `s3`, if `operation` does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    pub service: Option<String>,
    /// ARN of the resource that the call accesses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ARN_CHARS), regex(pattern = "^arn:[^:]*:[^:]*:[^:]*:[^:]*:"))]
    pub resource_arn: Option<String>,
    /// ARNs of further resources. An override that is limited to resources allows the call only if it covers all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = MAX_RESOURCES),
        inner(length(max = MAX_ARN_CHARS), regex(pattern = "^arn:[^:]*:[^:]*:[^:]*:[^:]*:"))
    )]
    pub resource_arns: Vec<String>,
    /// Parameters of the call, with the names that CloudTrail logs in `requestParameters`; for S3 those of its headers and query
    /// parameters. Some make a call need another IAM action: `x-amz-acl`, `versionId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Map<String, Value>>,
    /// ARN of the principal that would make the call, or of one of its sessions. If it is absent, the caller of this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ARN_CHARS), regex(pattern = "^arn:[^:]*:[^:]*:[^:]*:[^:]*:"))]
    pub principal: Option<String>,
}

/// Operations to validate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationsRequest {
    /// The operations.
    #[schemars(length(min = 1, max = MAX_OPERATIONS))]
    pub operations: Vec<OperationRequest>,
}

/// What `POST /validate` takes: one operation, or several.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ValidateRequest {
    /// One operation.
    One(Box<OperationRequest>),
    /// Several operations.
    Several(OperationsRequest),
}

/// The verdict about an operation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Verdict {
    /// Id of the entry in the audit trail, which has it as `event_id`.
    pub decision_id: String,
    /// The principal that the verdict is about; absent if the request and its sender name none.
    pub principal: Option<String>,
    /// The result of the check.
    #[serde(flatten)]
    pub result: CheckResult,
}

/// The answer of `POST /validate`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ValidateResponse {
    /// Number of operations that a read-only principal may call.
    pub valid: u64,
    /// Number of operations that it may not call.
    pub refused: u64,
    /// One verdict for each operation, in their order.
    pub verdicts: Vec<Verdict>,
}

/// The answer, and what the audit trail has to have before it is given.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The answer.
    pub response: ValidateResponse,
    /// The entries of its verdicts.
    pub entries: Vec<AuditTrailEntry>,
}

/// What operations are validated with.
#[derive(Clone, Copy, Debug)]
pub struct ValidationCriteria<'a> {
    /// The catalog of operations.
    pub catalog: &'a Catalog,
    /// The configuration, with its overrides.
    pub config: &'a Config,
    /// The control pack in force.
    pub pack: &'a ControlPack,
    /// The time of the request.
    pub now: Time,
    /// Id of the run that answers, unique among all runs.
    pub run_id: &'a str,
    /// Name of the function that answers.
    pub recorded_by: &'a str,
}

impl ValidateRequest {
    /// The operations of a body.
    ///
    /// # Errors
    /// A [`Problem`] with the status 400 that names the operation and its field.
    pub fn parse(body: Value) -> Result<Self, Problem> {
        let Some(operations) = body.get("operations") else {
            return Ok(Self::One(Box::new(parse_operation(body, "the body")?)));
        };
        let count = operations.as_array().map(Vec::len);
        if count.is_some_and(|count| count > MAX_OPERATIONS) {
            return Err(Problem::invalid(format!(
                "the body has {} operations, and at most {MAX_OPERATIONS} are taken; send them in several requests",
                count.unwrap_or_default()
            )));
        }
        // Read one by one, so that an error can name the operation.
        let WholeBody { operations } = parse(body, "the body")?;
        if operations.is_empty() {
            return Err(Problem::invalid("`operations` of the body is empty; give at least one operation"));
        }
        let read = operations.into_iter().enumerate();
        let read = read
            .map(|(n, operation)| parse_operation(operation, &format!("operation {} of the body", n + 1)));
        Ok(Self::Several(OperationsRequest { operations: read.collect::<Result<_, _>>()? }))
    }

    fn operations(&self) -> &[OperationRequest] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => &several.operations,
        }
    }
}

/// A body with several operations, before they are read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeBody {
    operations: Vec<Value>,
}

fn parse<T: DeserializeOwned>(value: Value, what: &str) -> Result<T, Problem> {
    // An array would be taken for the fields of an object in their order.
    if !value.is_object() {
        return Err(Problem::invalid(format!("{what} is not valid: it is not a JSON object")));
    }
    serde_json::from_value(value).map_err(|error| Problem::invalid(format!("{what} is not valid: {error}")))
}

fn parse_operation(value: Value, what: &str) -> Result<OperationRequest, Problem> {
    let read: OperationRequest = parse(value, what)?;
    let wrong = |field: &str, remedy: &str| {
        Err(Problem::invalid(format!("`{field}` of {what} is not valid: {remedy}")))
    };
    for (field, name) in [("operation", Some(&read.operation)), ("service", read.service.as_ref())] {
        if name.is_some_and(|name| name.is_empty() || name.chars().count() > MAX_NAME_CHARS) {
            return wrong(field, &format!("write a name of 1 to {MAX_NAME_CHARS} characters"));
        }
    }
    if read.resource_arns.len() > MAX_RESOURCES {
        return wrong("resource_arns", &format!("name at most {MAX_RESOURCES} resources"));
    }
    let own = [("resource_arn", read.resource_arn.as_ref()), ("principal", read.principal.as_ref())];
    let more = read.resource_arns.iter().map(|arn| ("resource_arns", Some(arn)));
    for (field, arn) in own.into_iter().chain(more) {
        if arn.is_some_and(|arn| !is_arn(arn) || arn.chars().count() > MAX_ARN_CHARS) {
            let remedy = format!(
                "write an ARN of at most {MAX_ARN_CHARS} characters, such as `arn:aws:iam::111122223333:role/Auditor`"
            );
            return wrong(field, &remedy);
        }
    }
    Ok(read)
}

/// Whether a text has the six parts of an ARN. The pattern of the schema says the same.
fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.split(':').count() >= 6
}

/// The verdicts about the operations of a request.
///
/// # Errors
/// A [`Problem`] with the status 400, 413 or 415.
pub fn validate(request: &ApiRequest<'_>, criteria: &ValidationCriteria<'_>) -> Result<Validation, Problem> {
    let explain = request.flag("explain")?;
    let asked = ValidateRequest::parse(request.json()?)?;
    let (mut verdicts, mut entries) = (Vec::new(), Vec::new());
    for (number, operation) in asked.operations().iter().enumerate() {
        let verdict = criteria.judge(operation, &request.origin, number, explain);
        entries.push(criteria.entry(&verdict, operation, &request.origin));
        verdicts.push(verdict);
    }
    let valid = verdicts.iter().filter(|verdict| verdict.result.is_valid).count();
    let response =
        ValidateResponse { valid: valid as u64, refused: (verdicts.len() - valid) as u64, verdicts };
    Ok(Validation { response, entries })
}

impl Validation {
    /// The answer, if it is short enough.
    ///
    /// # Errors
    /// A [`Problem`] with the status 413.
    pub fn to_response(&self) -> Result<ApiResponse, Problem> {
        let response = ApiResponse::json(200, &self.response);
        match response.fits() {
            true => Ok(response),
            false => Err(Problem::new(
                ProblemKind::ContentTooLarge,
                "the answer would be too long; send the operations in several requests, or leave out `explain`",
            )),
        }
    }
}

impl ValidationCriteria<'_> {
    fn judge(
        &self,
        asked: &OperationRequest,
        origin: &RequestOrigin,
        number: usize,
        explain: bool,
    ) -> Verdict {
        let sender = Some(&origin.caller).filter(|caller| !caller.is_empty());
        let request = CheckRequest {
            operation: match &asked.service {
                Some(service) => format!("{service}:{}", asked.operation),
                None => asked.operation.clone(),
            },
            principal: asked.principal.as_ref().or(sender).cloned(),
            resources: asked.resources(),
            ..CheckRequest::default()
        };
        let Self { catalog, config, pack, now, .. } = *self;
        let mut result = check(catalog, config, pack, &request, now, explain);
        if let Some(parameters) = &asked.parameters {
            let named = parameters.iter().map(|(name, value)| (name.as_str(), value));
            let features = RequestFeatures::of_request(&result.service, named);
            if !features.is_empty() {
                let request = CheckRequest { features, ..request.clone() };
                result = check(catalog, config, pack, &request, now, explain);
            }
        }
        Verdict { decision_id: format!("{}-{number}", self.run_id), principal: request.principal, result }
    }

    /// The entry of a verdict. The outcome is that of the decision: denied, or succeeded if the call may be made.
    fn entry(&self, verdict: &Verdict, asked: &OperationRequest, origin: &RequestOrigin) -> AuditTrailEntry {
        let Verdict { decision_id, principal, result } = verdict;
        let (outcome, word) = match result.is_valid {
            true => (Outcome::Succeeded, "may be made"),
            false => (Outcome::Denied, "may not be made"),
        };
        let sender = match &*origin.caller {
            "" => "the sender of a direct invocation",
            caller => caller,
        };
        AuditTrailEntry {
            kind: AuditKind::Decision,
            timestamp: result.timestamp,
            recorded_at: result.timestamp,
            recorded_by: self.recorded_by.to_owned(),
            message: Some(format!("told {sender} that the call {word}")),
            compliance_standard: self.config.standard,
            call: Some(AuditedCall {
                operation: format!("{}:{}", result.service, result.operation).into(),
                service: result.service.as_str().into(),
                operation_type: result.operation_type,
                severity: result.risk_level,
                outcome,
                error_code: None,
                event_id: decision_id.clone(),
                account: "".into(),
                region: "".into(),
                // Who asked, as IAM says; the principal asked about is what the request says.
                user_identity: ApiCaller { principal: origin.caller.clone().into(), ..ApiCaller::default() },
                resource_arns: asked.resources(),
                source_ip: origin.source_ip.clone(),
                user_agent: origin.user_agent.clone(),
                request_parameters: principal.as_ref().map(|principal| json!({ "principal": principal })),
                response_elements: None,
                is_truncated: false,
                reason: result.validation_message.clone(),
            }),
        }
    }
}

impl OperationRequest {
    fn resources(&self) -> Vec<String> {
        self.resource_arn.iter().chain(&self.resource_arns).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
