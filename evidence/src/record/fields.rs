//! The fields of a record that later stages need, borrowed from its text, and the slow, simple parser for them.
//!
//! Enters: the text of one JSON object. Leaves: [`Record`], or the [`RecordError`] that makes it unreadable. Laws: a
//! `null` is an absent field; of a field given twice the last counts; a required field of another type is an error, except `errorMessage`;
//! other fields may hold any JSON.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{RecordError, UnreadableReason};

/// Text of a field, borrowed from the record unless it has escapes; `None` if absent or `null`.
pub type FieldText<'a> = Option<Cow<'a, str>>;

/// The fields of one CloudTrail record that later stages need. Names: CloudTrail User Guide, record contents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// `eventID` of the CloudTrail record.
    pub event_id: FieldText<'a>,
    /// `eventTime` of the CloudTrail record.
    pub event_time: FieldText<'a>,
    /// `eventSource` of the CloudTrail record.
    pub event_source: FieldText<'a>,
    /// `eventName` of the CloudTrail record.
    pub event_name: FieldText<'a>,
    /// `eventType` of the CloudTrail record.
    pub event_type: FieldText<'a>,
    /// `eventCategory` of the CloudTrail record.
    pub event_category: FieldText<'a>,
    /// `awsRegion` of the CloudTrail record.
    pub region: FieldText<'a>,
    /// `recipientAccountId` of the CloudTrail record.
    pub recipient_account_id: FieldText<'a>,
    /// `errorCode` of the CloudTrail record.
    pub error_code: FieldText<'a>,
    /// `errorMessage` of the CloudTrail record.
    pub error_message: FieldText<'a>,
    /// `managementEvent` of the CloudTrail record.
    pub management_event: Option<bool>,
    /// `readOnly` of the CloudTrail record.
    pub read_only: Option<bool>,
    /// `sessionCredentialFromConsole` of the CloudTrail record.
    pub session_credential_from_console: Option<bool>,
    /// `userIdentity` of the CloudTrail record.
    pub user_identity: UserIdentity<'a>,
    /// `resources` of the CloudTrail record.
    pub resources: Vec<RecordResource<'a>>,
    /// `responseElements`, as JSON text.
    pub response_elements: Option<&'a str>,
}

/// `userIdentity` of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserIdentity<'a> {
    /// `type` of the CloudTrail record.
    pub kind: FieldText<'a>,
    /// `arn` of the CloudTrail record.
    pub arn: FieldText<'a>,
    /// `accountId` of the CloudTrail record.
    pub account_id: FieldText<'a>,
    /// `principalId` of the CloudTrail record.
    pub principal_id: FieldText<'a>,
    /// `userName` of the CloudTrail record.
    pub user_name: FieldText<'a>,
    /// `invokedBy` of the CloudTrail record.
    pub invoked_by: FieldText<'a>,
    /// `identityProvider` of the CloudTrail record.
    pub identity_provider: FieldText<'a>,
    /// `sessionContext.sessionIssuer.arn` of the CloudTrail record.
    pub issuer_arn: FieldText<'a>,
    /// `sessionContext.sessionIssuer.accountId` of the CloudTrail record.
    pub issuer_account_id: FieldText<'a>,
    /// `sessionContext.sessionIssuer.userName` of the CloudTrail record.
    pub issuer_user_name: FieldText<'a>,
    /// `sessionContext.sourceIdentity` of the CloudTrail record.
    pub source_identity: FieldText<'a>,
    /// `onBehalfOf.userId` of the CloudTrail record.
    pub on_behalf_of_user_id: FieldText<'a>,
    /// `onBehalfOf.identityStoreArn` of the CloudTrail record.
    pub identity_store_arn: FieldText<'a>,
}

/// One element of `resources`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordResource<'a> {
    /// `ARN`, also spelled `arn`.
    pub arn: FieldText<'a>,
    /// `type` of the CloudTrail record.
    pub kind: FieldText<'a>,
}

/// One JSON object, read one level deep.
pub(super) type JsonObject<'a> = BTreeMap<String, &'a RawValue>;

impl<'a> Record<'a> {
    /// Whether the record has any field by which a record is recognized.
    pub(super) fn is_record(&self) -> bool {
        self.event_id.is_some() || self.event_name.is_some() || self.event_source.is_some()
    }

    /// Whether the record is an Insights event and not a call.
    pub(super) fn is_insight(&self) -> bool {
        let says = self.event_category.as_deref() == Some("Insight")
            || self.event_type.as_deref() == Some("AwsCloudTrailInsight");
        // An Insights event does not have a caller. A record with a caller is a call, whatever its category.
        says && self.user_identity.kind.is_none() && self.user_identity.arn.is_none()
    }

    /// The slow, simple parser: every object through `serde_json`, one level at a time.
    pub(super) fn from_object(object: &JsonObject<'a>) -> Result<Self, RecordError> {
        Ok(Self {
            event_id: text_field(object, "eventID")?,
            event_time: text_field(object, "eventTime")?,
            event_source: text_field(object, "eventSource")?,
            event_name: text_field(object, "eventName")?,
            event_type: text_field(object, "eventType")?,
            event_category: text_field(object, "eventCategory")?,
            region: text_field(object, "awsRegion")?,
            recipient_account_id: text_field(object, "recipientAccountId")?,
            error_code: text_field(object, "errorCode")?,
            error_message: error_message(object),
            management_event: bool_field(object, "managementEvent")?,
            read_only: bool_field(object, "readOnly")?,
            session_credential_from_console: bool_field(object, "sessionCredentialFromConsole")?,
            user_identity: UserIdentity::from_record(object)?,
            resources: array_field(object, "resources")?
                .iter()
                .map(|resource| {
                    let arn = text_field(resource, "ARN")?;
                    let arn = if arn.is_some() { arn } else { text_field(resource, "arn")? };
                    Ok(RecordResource { arn, kind: text_field(resource, "type")? })
                })
                .collect::<Result<_, RecordError>>()?,
            response_elements: non_null(object, "responseElements").map(|raw| raw.get()),
        })
    }
}

impl<'a> UserIdentity<'a> {
    fn from_record(record: &JsonObject<'a>) -> Result<Self, RecordError> {
        let identity = object_field(record, "userIdentity")?;
        let session = object_field(&identity, "sessionContext")?;
        let issuer = object_field(&session, "sessionIssuer")?;
        let behalf = object_field(&identity, "onBehalfOf")?;
        Ok(Self {
            kind: text_field(&identity, "type")?,
            arn: text_field(&identity, "arn")?,
            account_id: text_field(&identity, "accountId")?,
            principal_id: text_field(&identity, "principalId")?,
            user_name: text_field(&identity, "userName")?,
            invoked_by: text_field(&identity, "invokedBy")?,
            identity_provider: text_field(&identity, "identityProvider")?,
            issuer_arn: text_field(&issuer, "arn")?,
            issuer_account_id: text_field(&issuer, "accountId")?,
            issuer_user_name: text_field(&issuer, "userName")?,
            source_identity: text_field(&session, "sourceIdentity")?,
            on_behalf_of_user_id: text_field(&behalf, "userId")?,
            identity_store_arn: text_field(&behalf, "identityStoreArn")?,
        })
    }
}

/// Parses an object one level deep; `None` if it is not an object with text keys.
pub(super) fn parse_object(raw: &str) -> Option<JsonObject<'_>> {
    serde_json::from_str(raw).ok()
}

fn non_null<'a>(object: &JsonObject<'a>, name: &str) -> Option<&'a RawValue> {
    object.get(name).copied().filter(|raw| raw.get() != "null")
}

/// A field that holds text.
pub(super) fn text_field<'a>(
    object: &JsonObject<'a>,
    name: &'static str,
) -> Result<FieldText<'a>, RecordError> {
    #[derive(Deserialize)]
    struct BorrowedText<'a>(#[serde(borrow)] Cow<'a, str>);

    let Some(raw) = non_null(object, name) else { return Ok(None) };
    if !raw.get().starts_with('"') {
        return Err(RecordError::in_field(UnreadableReason::WrongType, name));
    }
    // Well-formed JSON that is not valid text: half of a surrogate pair.
    let BorrowedText(text) = serde_json::from_str(raw.get())
        .map_err(|_| RecordError::in_field(UnreadableReason::BadValue, name))?;
    Ok(Some(text))
}

/// `errorMessage`. A message that is not text stays as its JSON, because the call is known without it.
fn error_message<'a>(object: &JsonObject<'a>) -> FieldText<'a> {
    let name = "errorMessage";
    text_field(object, name).unwrap_or_else(|_| non_null(object, name).map(|raw| Cow::Borrowed(raw.get())))
}

/// A field that holds `true` or `false`, also as text.
fn bool_field(object: &JsonObject<'_>, name: &'static str) -> Result<Option<bool>, RecordError> {
    match non_null(object, name).map(|raw| raw.get()) {
        None => Ok(None),
        Some("true" | "\"true\"") => Ok(Some(true)),
        Some("false" | "\"false\"") => Ok(Some(false)),
        Some(_) => Err(RecordError::in_field(UnreadableReason::WrongType, name)),
    }
}

/// A field that holds an object; an absent one is empty.
fn object_field<'a>(outer: &JsonObject<'a>, name: &'static str) -> Result<JsonObject<'a>, RecordError> {
    match non_null(outer, name) {
        None => Ok(JsonObject::new()),
        Some(raw) => parse_object(raw.get()).ok_or(RecordError::in_field(UnreadableReason::WrongType, name)),
    }
}

/// A field that holds an array of objects; an absent one is empty.
pub(super) fn array_field<'a>(
    outer: &JsonObject<'a>,
    name: &'static str,
) -> Result<Vec<JsonObject<'a>>, RecordError> {
    match non_null(outer, name) {
        None => Ok(Vec::new()),
        Some(raw) => serde_json::from_str(raw.get())
            .map_err(|_| RecordError::in_field(UnreadableReason::WrongType, name)),
    }
}

/// For tests: applies `say` to the identity of a record.
#[cfg(test)]
pub(crate) fn with_user_identity<T>(
    record: &str,
    say: impl FnOnce(&UserIdentity<'_>) -> Result<T, RecordError>,
) -> Result<T, RecordError> {
    say(&UserIdentity::from_record(&parse_object(record).unwrap())?)
}
