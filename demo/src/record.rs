//! One record of the trail.
//!
//! Enters: a call, and its context. Leaves: its JSON, compact, in CloudTrail's order of fields. Law: the bytes depend
//! only on the call and the seed, so a record that is delivered twice has the same bytes.

use std::fmt::Write as _;
use std::sync::Arc;

use super::operations::{DemoOperation, DemoOperations, OperationAccess, RecordTemplate, TemplateValues};
use super::outcome::DemoOutcome;
use super::random::SeededRandom;
use super::utc_time::UtcTime;

/// Random stream of event ids.
const EVENT_ID_STREAM: u64 = 1;
/// Random stream of request ids.
const REQUEST_ID_STREAM: u64 = 2;
/// Random stream of the other fields.
const FIELDS_STREAM: u64 = 3;

/// A session of a principal: the fields that all its calls share.
#[derive(Clone, Debug)]
pub struct CallerSession {
    /// Index of the account that records its calls.
    pub account: usize,
    /// `userIdentity`, as JSON.
    pub identity: String,
    /// ARN of the session, for the messages of denied calls.
    pub arn: String,
    /// `sourceIPAddress`: an address, or the calling service.
    pub source_ip_address: String,
    /// `userAgent` of the CloudTrail record.
    pub user_agent: String,
    /// Whether its records have `tlsDetails`, as for calls over the network.
    pub has_tls_details: bool,
    /// Whether its credentials come from the console.
    pub is_console: bool,
}

/// The accounts, regions, sessions and operations of a trail.
#[derive(Clone, Debug)]
pub struct DemoContext {
    /// Seed of the random generator.
    pub seed: u64,
    /// Ids of the trail's accounts.
    pub accounts: Vec<String>,
    /// Regions, the trail's home first.
    pub regions: Vec<&'static str>,
    /// Sessions that can make calls.
    pub sessions: Vec<CallerSession>,
    /// Operations that can be called.
    pub operations: DemoOperations,
}

impl DemoContext {
    /// A context without sessions.
    pub fn new(seed: u64, accounts: Vec<String>, regions: Vec<&'static str>) -> Self {
        Self { seed, accounts, regions, sessions: Vec::new(), operations: DemoOperations::embedded() }
    }

    /// Adds a session and returns its index.
    pub fn add_session(&mut self, session: CallerSession) -> usize {
        self.sessions.push(session);
        self.sessions.len() - 1
    }

    /// The id of an account.
    pub fn account(&self, index: usize) -> &str {
        self.accounts.get(index).map_or("", String::as_str)
    }

    /// The name of a region.
    pub fn region(&self, index: usize) -> &'static str {
        self.regions.get(index).copied().unwrap_or("us-east-1")
    }
}

/// One call, before it is written as a record.
#[derive(Clone, Debug)]
pub struct DemoCall {
    /// Number of the call, unique in the trail.
    pub number: u64,
    /// When the call happens, in seconds since 1970.
    pub at: u64,
    /// Index of the session that made it.
    pub session: usize,
    /// Index of the region in which the call was made.
    pub region: usize,
    /// Operation or event of the call.
    pub content: CallContent,
    /// Outcome of the call.
    pub outcome: DemoOutcome,
    /// Whether the scenario does not depend on it.
    pub is_background: bool,
}

/// The content of a call.
#[derive(Clone, Debug)]
pub enum CallContent {
    /// An operation, by its index in [`DemoOperations`].
    Templated(usize),
    /// An event with its own body.
    Custom(Arc<EventBody>),
}

/// The body of an event without a template; every `String` is JSON.
#[derive(Clone, Debug, Default)]
pub struct EventBody {
    /// First label of the event source.
    pub source: &'static str,
    /// Name of the event.
    pub name: &'static str,
    /// `eventType` of the record; `AwsApiCall` if empty.
    pub event_type: &'static str,
    /// Whether the operation only reads.
    pub read_only: bool,
    /// `requestParameters` of the CloudTrail record.
    pub request_parameters: Option<String>,
    /// `responseElements` of the CloudTrail record.
    pub response_elements: Option<String>,
    /// `additionalEventData` of the CloudTrail record.
    pub additional_event_data: Option<String>,
    /// `resources` of the CloudTrail record.
    pub resources: Option<String>,
    /// `serviceEventDetails` of the CloudTrail record.
    pub service_event_details: Option<String>,
    /// `errorMessage` of an event without an error code.
    pub error_message: Option<&'static str>,
    /// Seed of the `sharedEventID` that several accounts record.
    pub shared_event_name: Option<String>,
}

impl DemoCall {
    /// Appends the call's record as JSON.
    pub fn push_record(&self, out: &mut String, cast: &DemoContext) {
        let Some(session) = cast.sessions.get(self.session) else { return };
        let (account, region) = (cast.account(session.account), cast.region(self.region));
        let values = TemplateValues { seed: cast.seed, number: self.number, account, region, at: self.at };
        match &self.content {
            CallContent::Templated(index) => {
                if let Some(operation) = cast.operations.get(*index) {
                    self.push_templated(out, session, &values, operation);
                }
            }
            CallContent::Custom(body) => self.push_custom(out, session, &values, body),
        }
    }

    fn push_templated(
        &self,
        out: &mut String,
        session: &CallerSession,
        values: &TemplateValues<'_>,
        operation: &DemoOperation,
    ) {
        let mut chance = SeededRandom::of(values.seed, FIELDS_STREAM, values.number);
        let DemoOperation { source, name, .. } = *operation;
        push_first_fields(out, session, values, source, name);
        let failure = self.outcome.error(source, name, &session.arn);
        if let Some((code, message)) = &failure {
            let _ = write!(out, r#","errorCode":"{code}","errorMessage":"{message}"#);
            self.outcome.push_encoded_message(out, source, &mut chance);
            out.push('"');
        }
        let response = operation.response.as_ref().filter(|_| failure.is_none());
        push_template(out, r#","requestParameters":"#, operation.request.as_ref(), values);
        push_template(out, r#","responseElements":"#, response, values);
        if source == "s3" {
            push_s3_transfer_details(out, &mut chance);
        }
        push_ids(out, source, values, operation.access != OperationAccess::Write);
        let data = operation.access == OperationAccess::Data;
        if let Some((kind, template)) = &operation.resource {
            let (account, mut arn) = (values.account, String::new());
            template.fill(&mut arn, values);
            let _ = if let Some((bucket, _)) = arn.split_once('/').filter(|_| data) {
                write!(
                    out,
                    r#","resources":[{{"type":"{kind}","ARN":"{arn}"}},{{"accountId":"{account}","type":"AWS::S3::Bucket","ARN":"{bucket}"}}]"#
                )
            } else {
                write!(out, r#","resources":[{{"accountId":"{account}","type":"{kind}","ARN":"{arn}"}}]"#)
            };
        }
        let category = if data { "Data" } else { "Management" };
        let _ = write!(
            out,
            r#","eventType":"AwsApiCall","managementEvent":{},"recipientAccountId":"{}","eventCategory":"{category}""#,
            !data, values.account
        );
        push_last_fields(out, session, values, source, operation.is_global());
    }

    fn push_custom(
        &self,
        out: &mut String,
        session: &CallerSession,
        values: &TemplateValues<'_>,
        body: &EventBody,
    ) {
        let EventBody { source, name, .. } = *body;
        push_first_fields(out, session, values, source, name);
        if let Some(error_message) = body.error_message {
            let _ = write!(out, r#","errorMessage":"{error_message}""#);
        }
        let null = "null".to_owned();
        for (field, value) in [
            ("requestParameters", Some(body.request_parameters.as_ref().unwrap_or(&null))),
            ("responseElements", Some(body.response_elements.as_ref().unwrap_or(&null))),
            ("additionalEventData", body.additional_event_data.as_ref()),
        ] {
            push_json(out, field, value);
        }
        if source == "s3" && body.additional_event_data.is_none() {
            push_s3_transfer_details(out, &mut SeededRandom::of(values.seed, FIELDS_STREAM, values.number));
        }
        push_ids(out, source, values, body.read_only);
        push_json(out, "resources", body.resources.as_ref());
        let kind = if body.event_type.is_empty() { "AwsApiCall" } else { body.event_type };
        let _ = write!(
            out,
            r#","eventType":"{kind}","managementEvent":true,"recipientAccountId":"{}""#,
            values.account
        );
        if let Some(shared) = &body.shared_event_name {
            out.push_str(r#","sharedEventID":""#);
            SeededRandom::named(values.seed, shared).uuid(out);
            out.push('"');
        }
        push_json(out, "serviceEventDetails", body.service_event_details.as_ref());
        out.push_str(r#","eventCategory":"Management""#);
        push_last_fields(out, session, values, source, false);
    }
}

/// Appends the fields from the version to the user agent.
fn push_first_fields(
    out: &mut String,
    session: &CallerSession,
    values: &TemplateValues<'_>,
    source: &str,
    name: &str,
) {
    let _ = write!(out, r#"{{"eventVersion":"1.11","userIdentity":{},"eventTime":""#, session.identity);
    UtcTime::from_seconds(values.at).push_iso(out);
    let _ = write!(
        out,
        r#"","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"{}","sourceIPAddress":"{}","userAgent":"{}""#,
        values.region, session.source_ip_address, session.user_agent
    );
}

/// Appends request id, event id and CloudTrail's `readOnly`.
fn push_ids(out: &mut String, source: &str, values: &TemplateValues<'_>, read_only: bool) {
    out.push_str(r#","requestID":""#);
    let mut chance = SeededRandom::of(values.seed, REQUEST_ID_STREAM, values.number);
    if source == "s3" {
        chance.base32(out, 16);
    } else {
        chance.uuid(out);
    }
    out.push_str(r#"","eventID":""#);
    SeededRandom::of(values.seed, EVENT_ID_STREAM, values.number).uuid(out);
    let _ = write!(out, r#"","readOnly":{read_only}"#);
}

/// Appends the fields that S3 adds to each record.
fn push_s3_transfer_details(out: &mut String, chance: &mut SeededRandom) {
    out.push_str(r#","additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":""#);
    chance.base64(out, 75);
    let _ = write!(out, r#"=","bytesTransferredOut":{}}}"#, chance.between(200, 9_000));
}

/// Appends the TLS and console fields and the closing brace.
fn push_last_fields(
    out: &mut String,
    session: &CallerSession,
    values: &TemplateValues<'_>,
    source: &str,
    global: bool,
) {
    if session.has_tls_details {
        let _ = write!(
            out,
            r#","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{source}"#
        );
        if !global {
            let _ = write!(out, ".{}", values.region);
        }
        out.push_str(r#".amazonaws.com"}"#);
    }
    if session.is_console {
        out.push_str(r#","sessionCredentialFromConsole":"true""#);
    }
    out.push('}');
}

fn push_template(
    out: &mut String,
    field: &str,
    template: Option<&RecordTemplate>,
    values: &TemplateValues<'_>,
) {
    out.push_str(field);
    match template {
        Some(template) => template.fill(out, values),
        None => out.push_str("null"),
    }
}

fn push_json(out: &mut String, field: &str, value: Option<&String>) {
    if let Some(value) = value {
        let _ = write!(out, r#","{field}":{value}"#);
    }
}
