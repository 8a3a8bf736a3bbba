//! What one record says, in the words the later stages speak.
//!
//! Enters: a decoded CloudTrail record. Leaves: [`Event`]. Law: an event is identified by its `eventID` and the
//! account that received it; everything else is content.

use std::{fmt, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    principal::{Principal, Session},
    time::Time,
};

/// `eventID` of a record: the 128 bits of the UUID CloudTrail writes, or a hash of any other text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// AWS refused it for want of permission.
    Denied,
    /// Any other error.
    Failed,
    /// No error.
    Succeeded,
}

/// What kind of thing a record tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An API call: the only kind that is judged and scored.
    ApiCall,
    /// A sign-in to the console or another AWS front end.
    SignIn,
    /// An event an AWS service wrote about itself.
    ServiceEvent,
    /// An action in the console that is no API call.
    ConsoleAction,
}

/// Which selector of a trail a record passed: the unit in which logging is switched on and off.
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

/// Where and by whom: what the calls of one session in one place have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Account that received the event (`recipientAccountId`), twelve digits.
    pub account: Arc<str>,
    /// Region of the call.
    pub region: Arc<str>,
    /// Who made it.
    pub principal: Principal,
    /// In which session.
    pub session: Session,
}

/// What was done: what equal calls have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Act {
    /// Record kind.
    pub kind: EventKind,
    /// `eventSource`, such as `s3.amazonaws.com`.
    pub source: Arc<str>,
    /// `eventName`.
    pub name: Arc<str>,
    /// Event class.
    pub class: EventClass,
    /// The record's own `readOnly` flag.
    pub read_only: Option<bool>,
    /// What became of it.
    pub outcome: Outcome,
    /// `errorCode`, when there was one.
    pub error_code: Option<Arc<str>>,
    /// Made with credentials of a console session.
    pub console: bool,
    /// AWS service that made the call on the principal's behalf (`userIdentity.invokedBy`).
    pub invoked_by: Option<Arc<str>>,
    /// ARNs in the record's `resources`, sorted; kept unless the record says it only read.
    pub resources: Arc<[Arc<str>]>,
}

/// One event: identity, time, and two values that many events share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Identity, together with the recipient account.
    pub id: EventId,
    /// `eventTime`.
    pub time: Time,
    /// Where and by whom.
    pub actor: Actor,
    /// What.
    pub act: Act,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, j @ ..] = self.0.to_be_bytes();
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}-{e:02x}{g:02x}-{h:02x}{i:02x}-")?;
        for (n, byte) in j.into_iter().enumerate() {
            write!(f, "{}{byte:02x}", if n == 2 { "-" } else { "" })?;
        }
        Ok(())
    }
}
