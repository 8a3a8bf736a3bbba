//! The fields of a record that matter, borrowed from its text, and the slow, obvious way to find them.
//!
//! Enters: the text of one JSON object. Leaves: [`Record`], or the [`Fault`] that keeps it from being one. Laws: a
//! `null` is an absent field; of a field given twice the last counts; a needed field of another type is a fault;
//! all other fields may hold anything that is JSON.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Fault, Reason};

/// Borrowed text.
pub type Text<'a> = Option<Cow<'a, str>>;

/// The fields of one CloudTrail record that later stages can need. Names as in the CloudTrail record contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// `eventID`.
    pub event_id: Text<'a>,
    /// `eventTime`.
    pub event_time: Text<'a>,
    /// `eventSource`.
    pub event_source: Text<'a>,
    /// `eventName`.
    pub event_name: Text<'a>,
    /// `eventType`.
    pub event_type: Text<'a>,
    /// `eventCategory`.
    pub event_category: Text<'a>,
    /// `awsRegion`.
    pub region: Text<'a>,
    /// `recipientAccountId`.
    pub recipient: Text<'a>,
    /// `errorCode`.
    pub error_code: Text<'a>,
    /// `managementEvent`.
    pub management: Option<bool>,
    /// `readOnly`.
    pub read_only: Option<bool>,
    /// `sessionCredentialFromConsole`.
    pub console: Option<bool>,
    /// `userIdentity`.
    pub identity: Identity<'a>,
    /// `resources`.
    pub resources: Vec<Resource<'a>>,
    /// `responseElements`, unread.
    pub response: Option<&'a str>,
}

/// `userIdentity` of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity<'a> {
    /// `type`.
    pub kind: Text<'a>,
    /// `arn`.
    pub arn: Text<'a>,
    /// `accountId`.
    pub account: Text<'a>,
    /// `principalId`.
    pub principal_id: Text<'a>,
    /// `userName`.
    pub user_name: Text<'a>,
    /// `invokedBy`.
    pub invoked_by: Text<'a>,
    /// `identityProvider`.
    pub provider: Text<'a>,
    /// `sessionContext.sessionIssuer.arn`.
    pub issuer_arn: Text<'a>,
    /// `sessionContext.sessionIssuer.accountId`.
    pub issuer_account: Text<'a>,
    /// `sessionContext.sessionIssuer.userName`.
    pub issuer_name: Text<'a>,
    /// `sessionContext.sourceIdentity`.
    pub source_identity: Text<'a>,
    /// `onBehalfOf.userId`.
    pub user_id: Text<'a>,
    /// `onBehalfOf.identityStoreArn`.
    pub identity_store: Text<'a>,
}

/// One element of `resources`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource<'a> {
    /// `ARN`, also spelt `arn`.
    pub arn: Text<'a>,
    /// `type`.
    pub kind: Text<'a>,
}

/// One JSON object, read one level deep.
pub(super) type Object<'a> = BTreeMap<String, &'a RawValue>;

impl<'a> Record<'a> {
    /// Whether it has any of the fields that make a record one.
    pub(super) fn is_one(&self) -> bool {
        self.event_id.is_some() || self.event_name.is_some() || self.event_source.is_some()
    }

    /// Whether it tells of an Insight rather than of a call.
    pub(super) fn is_insight(&self) -> bool {
        let says = self.event_category.as_deref() == Some("Insight")
            || self.event_type.as_deref() == Some("AwsCloudTrailInsight");
        // An Insight has no caller; whatever has one is a call, whatever it says.
        says && self.identity.kind.is_none() && self.identity.arn.is_none()
    }

    /// The slow, obvious way: every object through `serde_json`, one level at a time.
    pub(super) fn from_object(object: &Object<'a>) -> Result<Self, Fault> {
        Ok(Self {
            event_id: text(object, "eventID")?,
            event_time: text(object, "eventTime")?,
            event_source: text(object, "eventSource")?,
            event_name: text(object, "eventName")?,
            event_type: text(object, "eventType")?,
            event_category: text(object, "eventCategory")?,
            region: text(object, "awsRegion")?,
            recipient: text(object, "recipientAccountId")?,
            error_code: text(object, "errorCode")?,
            management: flag(object, "managementEvent")?,
            read_only: flag(object, "readOnly")?,
            console: flag(object, "sessionCredentialFromConsole")?,
            identity: Identity::from_record(object)?,
            resources: objects(object, "resources")?
                .iter()
                .map(|resource| {
                    let arn = text(resource, "ARN")?;
                    let arn = if arn.is_some() { arn } else { text(resource, "arn")? };
                    Ok(Resource { arn, kind: text(resource, "type")? })
                })
                .collect::<Result<_, Fault>>()?,
            response: present(object, "responseElements").map(|raw| raw.get()),
        })
    }
}

impl<'a> Identity<'a> {
    fn from_record(record: &Object<'a>) -> Result<Self, Fault> {
        let identity = inner(record, "userIdentity")?;
        let session = inner(&identity, "sessionContext")?;
        let issuer = inner(&session, "sessionIssuer")?;
        let behalf = inner(&identity, "onBehalfOf")?;
        Ok(Self {
            kind: text(&identity, "type")?,
            arn: text(&identity, "arn")?,
            account: text(&identity, "accountId")?,
            principal_id: text(&identity, "principalId")?,
            user_name: text(&identity, "userName")?,
            invoked_by: text(&identity, "invokedBy")?,
            provider: text(&identity, "identityProvider")?,
            issuer_arn: text(&issuer, "arn")?,
            issuer_account: text(&issuer, "accountId")?,
            issuer_name: text(&issuer, "userName")?,
            source_identity: text(&session, "sourceIdentity")?,
            user_id: text(&behalf, "userId")?,
            identity_store: text(&behalf, "identityStoreArn")?,
        })
    }
}

/// The objects one level below `object`; a key that is no text makes it unreadable.
pub(super) fn object(raw: &str) -> Option<Object<'_>> {
    serde_json::from_str(raw).ok()
}

fn present<'a>(object: &Object<'a>, name: &str) -> Option<&'a RawValue> {
    object.get(name).copied().filter(|raw| raw.get() != "null")
}

/// A field that holds text.
pub(super) fn text<'a>(object: &Object<'a>, name: &'static str) -> Result<Text<'a>, Fault> {
    #[derive(Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

    let Some(raw) = present(object, name) else { return Ok(None) };
    if !raw.get().starts_with('"') {
        return Err(Fault::in_field(Reason::WrongType, name));
    }
    // Well-formed JSON that is no text: half of a surrogate pair.
    let Borrowed(text) =
        serde_json::from_str(raw.get()).map_err(|_| Fault::in_field(Reason::BadValue, name))?;
    Ok(Some(text))
}

/// A field that holds `true` or `false`, also as text.
fn flag(object: &Object<'_>, name: &'static str) -> Result<Option<bool>, Fault> {
    match present(object, name).map(|raw| raw.get()) {
        None => Ok(None),
        Some("true" | "\"true\"") => Ok(Some(true)),
        Some("false" | "\"false\"") => Ok(Some(false)),
        Some(_) => Err(Fault::in_field(Reason::WrongType, name)),
    }
}

/// A field that holds an object; an absent one is empty.
fn inner<'a>(outer: &Object<'a>, name: &'static str) -> Result<Object<'a>, Fault> {
    match present(outer, name) {
        None => Ok(Object::new()),
        Some(raw) => object(raw.get()).ok_or(Fault::in_field(Reason::WrongType, name)),
    }
}

/// A field that holds an array of objects; an absent one is empty.
pub(super) fn objects<'a>(outer: &Object<'a>, name: &'static str) -> Result<Vec<Object<'a>>, Fault> {
    match present(outer, name) {
        None => Ok(Vec::new()),
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| Fault::in_field(Reason::WrongType, name)),
    }
}

/// For tests: what `say` says of the identity of a record.
#[cfg(test)]
pub(crate) fn read_identity<T>(
    record: &str,
    say: impl FnOnce(&Identity<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    say(&Identity::from_record(&object(record).unwrap())?)
}
