//! One record of the trail.
//!
//! Enters: a call, and the cast it belongs to. Leaves: its JSON, compact, in CloudTrail's order of
//! fields. Law: the bytes follow from the seed and the call's number alone, so a record delivered
//! twice is the same twice.

use std::fmt::Write as _;
use std::sync::Arc;

use super::operations::{DemoOperation, DemoOperations, OperationAccess, RecordTemplate, TemplateValues};
use super::outcome::DemoOutcome;
use super::random::SeededRandom;
use super::utc_time::UtcTime;

/// Stream of event ids.
const EVENT_ID_STREAM: u64 = 1;
/// Stream of request ids.
const REQUEST_ID_STREAM: u64 = 2;
/// Stream of everything else a record draws.
const FIELDS_STREAM: u64 = 3;

/// A session of a principal: all its calls share this.
#[derive(Clone, Debug)]
pub struct CallerSession {
    /// Index of the account that records its calls.
    pub account: usize,
    /// `userIdentity`, as JSON.
    pub identity: String,
    /// ARN of the session, for the messages of refused calls.
    pub arn: String,
    /// `sourceIPAddress`: an address, or the service that calls.
    pub source_ip_address: String,
    /// `userAgent`.
    pub user_agent: String,
    /// Whether it calls over the network, so that its records have `tlsDetails`.
    pub has_tls_details: bool,
    /// Whether its credentials come from the console.
    pub is_console: bool,
}

/// Who may appear in a trail, where, and what they can call.
#[derive(Clone, Debug)]
pub struct DemoContext {
    /// Seed of everything drawn.
    pub seed: u64,
    /// Account ids.
    pub accounts: Vec<String>,
    /// Regions, the trail's home first.
    pub regions: Vec<&'static str>,
    /// Sessions.
    pub sessions: Vec<CallerSession>,
    /// Operations.
    pub operations: DemoOperations,
}

impl DemoContext {
    /// A cast without sessions.
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

/// One call, before it is written down.
#[derive(Clone, Debug)]
pub struct DemoCall {
    /// Its number, unique in the trail.
    pub number: u64,
    /// When it happened.
    pub at: u64,
    /// Index of the session that made it.
    pub session: usize,
    /// Index of the region it was made in.
    pub region: usize,
    /// What was called.
    pub content: CallContent,
    /// How it ended.
    pub outcome: DemoOutcome,
    /// Whether nobody's story would miss it.
    pub is_background: bool,
}

/// What a call was.
#[derive(Clone, Debug)]
pub enum CallContent {
    /// An operation of the repertoire, by index.
    Templated(usize),
    /// An event with a body of its own.
    Custom(Arc<EventBody>),
}

/// The body of an event that no template describes; every text is JSON.
#[derive(Clone, Debug, Default)]
pub struct EventBody {
    /// First label of the event source.
    pub source: &'static str,
    /// Event name.
    pub name: &'static str,
    /// `AwsApiCall` if empty.
    pub event_type: &'static str,
    /// Whether it only reads.
    pub read_only: bool,
    /// `requestParameters`.
    pub request_parameters: Option<String>,
    /// `responseElements`.
    pub response_elements: Option<String>,
    /// `additionalEventData`.
    pub additional_event_data: Option<String>,
    /// `resources`.
    pub resources: Option<String>,
    /// `serviceEventDetails`.
    pub service_event_details: Option<String>,
    /// Bare `errorMessage` of an event that has no error code.
    pub error_message: Option<&'static str>,
    /// Name of the event that several accounts share.
    pub shared_event_name: Option<String>,
}

impl DemoCall {
    /// Appends the record.
    pub fn push_record(&self, out: &mut String, cast: &DemoContext) {
        let Some(session) = cast.sessions.get(self.session) else { return };
        let (account, region) = (cast.account(session.account), cast.region(self.region));
        let place = TemplateValues { seed: cast.seed, number: self.number, account, region, at: self.at };
        match &self.content {
            CallContent::Templated(index) => {
                if let Some(operation) = cast.operations.get(*index) {
                    self.push_templated(out, session, &place, operation);
                }
            }
            CallContent::Custom(told) => self.push_custom(out, session, &place, told),
        }
    }

    fn push_templated(
        &self,
        out: &mut String,
        session: &CallerSession,
        place: &TemplateValues<'_>,
        operation: &DemoOperation,
    ) {
        let mut chance = SeededRandom::of(place.seed, FIELDS_STREAM, place.number);
        let DemoOperation { source, name, .. } = *operation;
        push_first_fields(out, session, place, source, name);
        let failure = self.outcome.error(source, name, &session.arn);
        if let Some((code, message)) = &failure {
            let _ = write!(out, r#","errorCode":"{code}","errorMessage":"{message}"#);
            self.outcome.push_encoded_message(out, source, &mut chance);
            out.push('"');
        }
        let response = operation.response.as_ref().filter(|_| failure.is_none());
        push_template(out, r#","requestParameters":"#, operation.request.as_ref(), place);
        push_template(out, r#","responseElements":"#, response, place);
        if source == "s3" {
            push_s3_transfer_details(out, &mut chance);
        }
        push_ids(out, source, place, operation.access != OperationAccess::Write);
        let data = operation.access == OperationAccess::Data;
        if let Some((kind, template)) = &operation.resource {
            let (account, mut arn) = (place.account, String::new());
            template.fill(&mut arn, place);
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
            !data, place.account
        );
        push_last_fields(out, session, place, source, operation.is_global());
    }

    fn push_custom(
        &self,
        out: &mut String,
        session: &CallerSession,
        place: &TemplateValues<'_>,
        told: &EventBody,
    ) {
        let EventBody { source, name, .. } = *told;
        push_first_fields(out, session, place, source, name);
        if let Some(complaint) = told.error_message {
            let _ = write!(out, r#","errorMessage":"{complaint}""#);
        }
        let null = "null".to_owned();
        for (field, value) in [
            ("requestParameters", Some(told.request_parameters.as_ref().unwrap_or(&null))),
            ("responseElements", Some(told.response_elements.as_ref().unwrap_or(&null))),
            ("additionalEventData", told.additional_event_data.as_ref()),
        ] {
            push_json(out, field, value);
        }
        if source == "s3" && told.additional_event_data.is_none() {
            push_s3_transfer_details(out, &mut SeededRandom::of(place.seed, FIELDS_STREAM, place.number));
        }
        push_ids(out, source, place, told.read_only);
        push_json(out, "resources", told.resources.as_ref());
        let kind = if told.event_type.is_empty() { "AwsApiCall" } else { told.event_type };
        let _ = write!(
            out,
            r#","eventType":"{kind}","managementEvent":true,"recipientAccountId":"{}""#,
            place.account
        );
        if let Some(shared) = &told.shared_event_name {
            out.push_str(r#","sharedEventID":""#);
            SeededRandom::named(place.seed, shared).uuid(out);
            out.push('"');
        }
        push_json(out, "serviceEventDetails", told.service_event_details.as_ref());
        out.push_str(r#","eventCategory":"Management""#);
        push_last_fields(out, session, place, source, false);
    }
}

/// From the version to the user agent.
fn push_first_fields(
    out: &mut String,
    session: &CallerSession,
    place: &TemplateValues<'_>,
    source: &str,
    name: &str,
) {
    let _ = write!(out, r#"{{"eventVersion":"1.11","userIdentity":{},"eventTime":""#, session.identity);
    UtcTime::from_seconds(place.at).push_iso(out);
    let _ = write!(
        out,
        r#"","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"{}","sourceIPAddress":"{}","userAgent":"{}""#,
        place.region, session.source_ip_address, session.user_agent
    );
}

/// Request id, event id and CloudTrail's own word on reading.
fn push_ids(out: &mut String, source: &str, place: &TemplateValues<'_>, read_only: bool) {
    out.push_str(r#","requestID":""#);
    let mut chance = SeededRandom::of(place.seed, REQUEST_ID_STREAM, place.number);
    if source == "s3" {
        chance.base32(out, 16);
    } else {
        chance.uuid(out);
    }
    out.push_str(r#"","eventID":""#);
    SeededRandom::of(place.seed, EVENT_ID_STREAM, place.number).uuid(out);
    let _ = write!(out, r#"","readOnly":{read_only}"#);
}

/// What S3 adds to each of its records.
fn push_s3_transfer_details(out: &mut String, chance: &mut SeededRandom) {
    out.push_str(r#","additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":""#);
    chance.base64(out, 75);
    let _ = write!(out, r#"=","bytesTransferredOut":{}}}"#, chance.between(200, 9_000));
}

/// Encryption and console marks, and the closing brace.
fn push_last_fields(
    out: &mut String,
    session: &CallerSession,
    place: &TemplateValues<'_>,
    source: &str,
    global: bool,
) {
    if session.has_tls_details {
        let _ = write!(
            out,
            r#","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{source}"#
        );
        if !global {
            let _ = write!(out, ".{}", place.region);
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
    place: &TemplateValues<'_>,
) {
    out.push_str(field);
    match template {
        Some(template) => template.fill(out, place),
        None => out.push_str("null"),
    }
}

fn push_json(out: &mut String, field: &str, value: Option<&String>) {
    if let Some(value) = value {
        let _ = write!(out, r#","{field}":{value}"#);
    }
}
