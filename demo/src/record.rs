//! One record of the trail.
//!
//! Enters: a call, and the cast it belongs to. Leaves: its JSON, compact, in CloudTrail's order of
//! fields. Law: the bytes follow from the seed and the call's number alone, so a record delivered
//! twice is the same twice.

use std::fmt::Write as _;
use std::sync::Arc;

use super::chance::Chance;
use super::moment::Moment;
use super::outcome::Outcome;
use super::repertoire::{Access, Operation, Repertoire, Setting, Template};

/// Stream of event ids.
const EVENT_ID: u64 = 1;
/// Stream of request ids.
const REQUEST_ID: u64 = 2;
/// Stream of everything else a record draws.
const OTHER: u64 = 3;

/// A session of a principal: all its calls share this.
#[derive(Clone, Debug)]
pub struct Session {
    /// Index of the account that records its calls.
    pub account: usize,
    /// `userIdentity`, as JSON.
    pub identity: String,
    /// ARN of the session, for the messages of refused calls.
    pub arn: String,
    /// `sourceIPAddress`: an address, or the service that calls.
    pub address: String,
    /// `userAgent`.
    pub agent: String,
    /// Whether it calls over the network, so that its records have `tlsDetails`.
    pub remote: bool,
    /// Whether its credentials come from the console.
    pub console: bool,
}

/// Who may appear in a trail, where, and what they can call.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Seed of everything drawn.
    pub seed: u64,
    /// Account ids.
    pub accounts: Vec<String>,
    /// Regions, the trail's home first.
    pub regions: Vec<&'static str>,
    /// Sessions.
    pub sessions: Vec<Session>,
    /// Operations.
    pub repertoire: Repertoire,
}

impl Cast {
    /// A cast without sessions.
    pub fn new(seed: u64, accounts: Vec<String>, regions: Vec<&'static str>) -> Self {
        Self { seed, accounts, regions, sessions: Vec::new(), repertoire: Repertoire::embedded() }
    }

    /// Adds a session and returns its index.
    pub fn join(&mut self, session: Session) -> usize {
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
pub struct Call {
    /// Its number, unique in the trail.
    pub number: u64,
    /// When it happened.
    pub at: u64,
    /// Index of the session that made it.
    pub session: usize,
    /// Index of the region it was made in.
    pub region: usize,
    /// What was called.
    pub what: What,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether nobody's story would miss it.
    pub background: bool,
}

/// What a call was.
#[derive(Clone, Debug)]
pub enum What {
    /// An operation of the repertoire, by index.
    Listed(usize),
    /// An event with a body of its own.
    Told(Arc<Told>),
}

/// The body of an event that no template describes; every text is JSON.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// First label of the event source.
    pub source: &'static str,
    /// Event name.
    pub name: &'static str,
    /// `AwsApiCall` if empty.
    pub kind: &'static str,
    /// Whether it only reads.
    pub read_only: bool,
    /// `requestParameters`.
    pub request: Option<String>,
    /// `responseElements`.
    pub response: Option<String>,
    /// `additionalEventData`.
    pub additional: Option<String>,
    /// `resources`.
    pub resources: Option<String>,
    /// `serviceEventDetails`.
    pub details: Option<String>,
    /// Bare `errorMessage` of an event that has no error code.
    pub complaint: Option<&'static str>,
    /// Name of the event that several accounts share.
    pub shared: Option<String>,
}

impl Call {
    /// Appends the record.
    pub fn push_record(&self, out: &mut String, cast: &Cast) {
        let Some(session) = cast.sessions.get(self.session) else { return };
        let (account, region) = (cast.account(session.account), cast.region(self.region));
        let place = Setting { seed: cast.seed, number: self.number, account, region, at: self.at };
        match &self.what {
            What::Listed(index) => {
                if let Some(operation) = cast.repertoire.get(*index) {
                    self.push_listed(out, session, &place, operation);
                }
            }
            What::Told(told) => self.push_told(out, session, &place, told),
        }
    }

    fn push_listed(&self, out: &mut String, session: &Session, place: &Setting<'_>, operation: &Operation) {
        let mut chance = Chance::of(place.seed, OTHER, place.number);
        let Operation { source, name, .. } = *operation;
        push_head(out, session, place, source, name);
        let failure = self.outcome.failure(source, name, &session.arn);
        if let Some((code, message)) = &failure {
            let _ = write!(out, r#","errorCode":"{code}","errorMessage":"{message}"#);
            self.outcome.push_proof(out, source, &mut chance);
            out.push('"');
        }
        let response = operation.response.as_ref().filter(|_| failure.is_none());
        push_filled(out, r#","requestParameters":"#, operation.request.as_ref(), place);
        push_filled(out, r#","responseElements":"#, response, place);
        if source == "s3" {
            push_transfer(out, &mut chance);
        }
        push_ids(out, source, place, operation.access != Access::Write);
        let data = operation.access == Access::Data;
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
        push_tail(out, session, place, source, operation.is_global());
    }

    fn push_told(&self, out: &mut String, session: &Session, place: &Setting<'_>, told: &Told) {
        let Told { source, name, .. } = *told;
        push_head(out, session, place, source, name);
        if let Some(complaint) = told.complaint {
            let _ = write!(out, r#","errorMessage":"{complaint}""#);
        }
        let null = "null".to_owned();
        for (field, value) in [
            ("requestParameters", Some(told.request.as_ref().unwrap_or(&null))),
            ("responseElements", Some(told.response.as_ref().unwrap_or(&null))),
            ("additionalEventData", told.additional.as_ref()),
        ] {
            push_json(out, field, value);
        }
        if source == "s3" && told.additional.is_none() {
            push_transfer(out, &mut Chance::of(place.seed, OTHER, place.number));
        }
        push_ids(out, source, place, told.read_only);
        push_json(out, "resources", told.resources.as_ref());
        let kind = if told.kind.is_empty() { "AwsApiCall" } else { told.kind };
        let _ = write!(
            out,
            r#","eventType":"{kind}","managementEvent":true,"recipientAccountId":"{}""#,
            place.account
        );
        if let Some(shared) = &told.shared {
            out.push_str(r#","sharedEventID":""#);
            Chance::named(place.seed, shared).uuid(out);
            out.push('"');
        }
        push_json(out, "serviceEventDetails", told.details.as_ref());
        out.push_str(r#","eventCategory":"Management""#);
        push_tail(out, session, place, source, false);
    }
}

/// From the version to the user agent.
fn push_head(out: &mut String, session: &Session, place: &Setting<'_>, source: &str, name: &str) {
    let _ = write!(out, r#"{{"eventVersion":"1.11","userIdentity":{},"eventTime":""#, session.identity);
    Moment::of(place.at).push_iso(out);
    let _ = write!(
        out,
        r#"","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"{}","sourceIPAddress":"{}","userAgent":"{}""#,
        place.region, session.address, session.agent
    );
}

/// Request id, event id and CloudTrail's own word on reading.
fn push_ids(out: &mut String, source: &str, place: &Setting<'_>, read_only: bool) {
    out.push_str(r#","requestID":""#);
    let mut chance = Chance::of(place.seed, REQUEST_ID, place.number);
    if source == "s3" {
        chance.base32(out, 16);
    } else {
        chance.uuid(out);
    }
    out.push_str(r#"","eventID":""#);
    Chance::of(place.seed, EVENT_ID, place.number).uuid(out);
    let _ = write!(out, r#"","readOnly":{read_only}"#);
}

/// What S3 adds to each of its records.
fn push_transfer(out: &mut String, chance: &mut Chance) {
    out.push_str(r#","additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":""#);
    chance.base64(out, 75);
    let _ = write!(out, r#"=","bytesTransferredOut":{}}}"#, chance.between(200, 9_000));
}

/// Encryption and console marks, and the closing brace.
fn push_tail(out: &mut String, session: &Session, place: &Setting<'_>, source: &str, global: bool) {
    if session.remote {
        let _ = write!(
            out,
            r#","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{source}"#
        );
        if !global {
            let _ = write!(out, ".{}", place.region);
        }
        out.push_str(r#".amazonaws.com"}"#);
    }
    if session.console {
        out.push_str(r#","sessionCredentialFromConsole":"true""#);
    }
    out.push('}');
}

fn push_filled(out: &mut String, field: &str, template: Option<&Template>, place: &Setting<'_>) {
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
