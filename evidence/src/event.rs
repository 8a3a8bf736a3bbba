//! One CloudTrail record in the terms of the later stages.
//!
//! Enters: a decoded CloudTrail record. Leaves: [`Event`]. Law: an event is identified by its `eventID`, the account
//! that received it, its region and the hour of its `eventTime`; everything else is content.

mod authorization_message;
pub(crate) mod content;
mod identity;
mod issued_credentials;
mod logging_change;
mod outcome;
mod unprocessed;

pub use authorization_message::DenyingPolicy;
pub(crate) use issued_credentials::issued_credentials_arn;
pub(crate) use logging_change::delivery_resources;
pub use logging_change::{
    Delivers, DeliveryResource, LoggingChange, delivery_name, logging_change, logging_change_of_members,
};
pub(crate) use outcome::CallResult;
pub use outcome::may_be_denial;

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::{Uuid, fmt::Hyphenated};

use crate::{
    principal::{Principal, Session},
    record::{Fingerprint, Record, RecordError, RequestFeatures, UnreadableReason},
    time::Time,
};

/// `eventID` of a record: the 128 bits of the UUID CloudTrail writes, or a hash of any other text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

/// Outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// AWS denied it because policies did not authorize the caller.
    Denied,
    /// The call failed with an error other than a denial, which proves nothing about permissions.
    Failed,
    /// The record has no error.
    Succeeded,
}

/// What a record describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An API call: the only kind that is scored.
    ApiCall,
    /// A sign-in to the console or another AWS front end.
    SignIn,
    /// An event that an AWS service recorded about itself.
    ServiceEvent,
    /// An action in the console that is not an API call.
    ConsoleAction,
}

/// The class of event selectors that a record matches: the unit in which a trail's logging is configured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventClass {
    /// Management events with `readOnly=true`.
    ManagementRead,
    /// Management events with `readOnly=false` or without the flag.
    ManagementWrite,
    /// Data events of a resource type, such as `AWS::S3::Object`.
    Data(Arc<str>),
    /// Network activity events of an event source.
    Network(Arc<str>),
}

/// Account, region, principal and session: what the calls of one session in one account and region have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Account that received the event (`recipientAccountId`), twelve digits.
    pub account: Arc<str>,
    /// Region of the call.
    pub region: Arc<str>,
    /// Principal that made the call.
    pub principal: Principal,
    /// Session in which it was made.
    pub session: Session,
}

/// The content of a call that equal calls have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallKey {
    /// Kind of the record.
    pub kind: EventKind,
    /// `eventSource`, such as `s3.amazonaws.com`.
    pub source: Arc<str>,
    /// `eventName` of the CloudTrail record.
    pub name: Arc<str>,
    /// Event class of the event.
    pub class: EventClass,
    /// The record's own `readOnly` flag.
    pub read_only: Option<bool>,
    /// Outcome of the call.
    pub outcome: Outcome,
    /// `errorCode`, when there was one.
    pub error_code: Option<Arc<str>>,
    /// Whether the call was made with the credentials of a console session.
    pub is_console_session: bool,
    /// AWS service that made the call on the principal's behalf (`userIdentity.invokedBy`).
    pub invoked_by: Option<Arc<str>>,
    /// ARNs in the record's `resources`, sorted, `?` for a resource without ARN; of a read of secrets without `resources` the names
    /// in its request; empty for any other read-only record.
    pub resources: Arc<[Arc<str>]>,
    /// ARN of the session or user for which the call issued credentials, as the response names it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issued_credentials_arn: Option<Arc<str>>,
    /// Type of the policy that denied the call, if the message says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub denied_by: Option<DenyingPolicy>,
    /// The IAM action that was denied, if the message names one that is not called like the operation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub denied_action: Option<Arc<str>>,
    /// What the parameters of the request say about the IAM actions that it needs.
    #[serde(skip_serializing_if = "RequestFeatures::is_empty", default)]
    pub request_features: RequestFeatures,
    /// Names of the log group, destination, rule, event bus, stream or bucket that the call changes, if events may be
    /// delivered through it.
    #[serde(skip_serializing_if = "is_empty", default = "no_names")]
    pub delivery_resources: Arc<[Arc<str>]>,
}

fn is_empty(names: &[Arc<str>]) -> bool {
    names.is_empty()
}

fn no_names() -> Arc<[Arc<str>]> {
    Arc::new([])
}

impl CallKey {
    /// Whether the call assumes a role.
    pub fn assumes_role(&self) -> bool {
        &*self.source == "sts.amazonaws.com" && self.name.starts_with("AssumeRole")
    }

    /// Whether the call may have issued credentials of another session or user.
    pub fn may_issue_credentials(&self) -> bool {
        self.outcome == Outcome::Succeeded && (self.issued_credentials_arn.is_some() || self.assumes_role())
    }

    /// Whether the call can change what later calls or their absence mean: it may have issued credentials, or changed
    /// what is logged.
    pub fn has_later_effect(&self) -> bool {
        self.may_issue_credentials()
            || logging_change(self, |_, _| Delivers::Maybe).is_some()
            || logging_change_of_members(self).is_some()
    }
}

/// One event: id, time, and two values that many events share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `eventID`; identifies the event together with account, region and hour.
    pub id: EventId,
    /// `eventTime` of the CloudTrail record.
    pub time: Time,
    /// Account, region, principal and session.
    pub actor: Actor,
    /// What equal calls have in common.
    pub call_key: CallKey,
}

impl Event {
    /// The event that `record` describes.
    ///
    /// # Errors
    /// The field that is missing, invalid or too long.
    pub fn from_record(record: &Record<'_>) -> Result<Self, RecordError> {
        Ok(Self {
            id: EventId::of(record)?,
            time: Time::of(record)?,
            actor: Actor::of(record)?,
            call_key: CallKey::of(record)?,
        })
    }
}

impl EventId {
    /// The id for `text`: the bits of a UUID, or a hash of any other text.
    pub fn parse(text: &str) -> Self {
        uuid(text).map_or_else(|| Self(Fingerprint::of("event id", &[text.as_bytes()]).0), Self)
    }

    pub(crate) fn of(record: &Record<'_>) -> Result<Self, RecordError> {
        match record.event_id.as_deref() {
            None | Some("") => Err(RecordError::in_field(UnreadableReason::MissingField, "eventID")),
            Some(text) => Ok(Self::parse(text)),
        }
    }
}

impl Time {
    pub(crate) fn of(record: &Record<'_>) -> Result<Self, RecordError> {
        let text = record.event_time.as_deref();
        let text = text.ok_or(RecordError::in_field(UnreadableReason::MissingField, "eventTime"))?;
        Self::parse(text).ok_or(RecordError::in_field(UnreadableReason::BadValue, "eventTime"))
    }
}

/// The bits of a UUID in its usual form, in upper or lower case. Its other forms, which have other lengths, are texts
/// like any other.
fn uuid(text: &str) -> Option<u128> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == Hyphenated::LENGTH).map(|id| id.as_u128())
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_u128(self.0).hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_is_the_bits_of_its_uuid() {
        let text = "f0cce5bc-5f9e-4ee1-bb48-e20fecb32403";
        assert_eq!(EventId::parse(text), EventId(0xf0cc_e5bc_5f9e_4ee1_bb48_e20f_ecb3_2403));
        assert_eq!(EventId::parse(text).to_string(), text);
        assert_eq!(EventId::parse(&text.to_uppercase()), EventId::parse(text));
    }

    #[test]
    fn any_other_event_id_is_hashed() {
        for text in [
            "x",
            "g0cce5bc-5f9e-4ee1-bb48-e20fecb32403",
            "f0cce5bc+5f9e-4ee1-bb48-e20fecb32403",
            "f0cce5bc5f9e4ee1bb48e20fecb32403",
        ] {
            assert_eq!(uuid(text), None);
            assert_ne!(EventId::parse(text), EventId(0));
        }
        assert_ne!(EventId::parse("x"), EventId::parse("y"));
    }
}
