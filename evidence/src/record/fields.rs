//! The fields of a record that later stages need, borrowed from its text, and the slow, simple parser for them.
//!
//! Enters: the text of one JSON object. Leaves: [`Record`], or the [`RecordError`] that makes it unreadable. Laws: a
//! `null` is an absent field; a key given twice in an object that is read is an error; a required field of another type
//! is an error, except `errorMessage`; the fields of the origin and all others may hold any JSON.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{RecordError, RequestFeatures, UnreadableReason};

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
    /// `sourceIPAddress` of the CloudTrail record; `None` also if it is not text.
    pub source_ip: FieldText<'a>,
    /// `userAgent` of the CloudTrail record; `None` also if it is not text.
    pub user_agent: FieldText<'a>,
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
    /// What the names and values of `requestParameters` can say about the IAM actions of the call.
    pub request_features: RequestFeatures,
    /// `requestParameters`, as JSON text.
    pub request_parameters: Option<&'a str>,
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
    /// `sessionContext.attributes.mfaAuthenticated` of the CloudTrail record; `None` also if it is not true or false.
    pub mfa_authenticated: Option<bool>,
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

    /// The same of an object that was not read as a record yet.
    pub(super) fn has_identity(object: &JsonObject<'_>) -> bool {
        ["eventID", "eventName", "eventSource"].iter().any(|name| non_null(object, name).is_some())
    }

    /// Whether the record is an Insights event or an aggregated event, and not a call.
    pub(super) fn is_set_aside(&self) -> bool {
        // Neither has a caller. A record with anything about a caller is a call, whatever its category.
        (self.is_insight() || self.is_aggregated()) && self.user_identity == UserIdentity::default()
    }

    fn is_insight(&self) -> bool {
        self.event_category.as_deref() == Some("Insight")
            || self.event_type.as_deref() == Some("AwsCloudTrailInsight")
    }

    /// Whether the record summarizes data events of five minutes. CloudTrail User Guide, aggregated events, read
    /// 2026-11: it has neither `eventName` nor `eventID`; the events it summarizes are delivered by themselves.
    fn is_aggregated(&self) -> bool {
        self.event_type.as_deref() == Some("AwsAggregatedEvent")
            && self.event_name.is_none()
            && self.event_id.is_none()
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
            source_ip: text_field(object, "sourceIPAddress").unwrap_or_default(),
            user_agent: text_field(object, "userAgent").unwrap_or_default(),
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
            request_parameters: non_null(object, "requestParameters").map(|raw| raw.get()),
            request_features: non_null(object, "requestParameters")
                .map_or(RequestFeatures::empty(), |raw| RequestFeatures::of_parameters(raw.get())),
        })
    }
}

impl<'a> UserIdentity<'a> {
    fn from_record(record: &JsonObject<'a>) -> Result<Self, RecordError> {
        let identity = object_field(record, "userIdentity")?;
        let session = object_field(&identity, "sessionContext")?;
        let issuer = object_field(&session, "sessionIssuer")?;
        let behalf = object_field(&identity, "onBehalfOf")?;
        let attributes = object_field(&session, "attributes").unwrap_or_default();
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
            mfa_authenticated: bool_field(&attributes, "mfaAuthenticated").unwrap_or_default(),
            source_identity: text_field(&session, "sourceIdentity")?,
            on_behalf_of_user_id: text_field(&behalf, "userId")?,
            identity_store_arn: text_field(&behalf, "identityStoreArn")?,
        })
    }
}

/// Parses an object one level deep.
///
/// # Errors
/// `otherwise` if it is not an object with text keys; [`UnreadableReason::DuplicateKey`] if it has a key twice.
pub(super) fn parse_object(raw: &str, otherwise: RecordError) -> Result<JsonObject<'_>, RecordError> {
    serde_json::from_str::<ObjectFields<'_>>(raw).map_err(|_| otherwise)?.unique()
}

/// The fields of an object, and the first key that it has twice.
struct ObjectFields<'a> {
    fields: JsonObject<'a>,
    duplicate: Option<String>,
}

impl<'a> ObjectFields<'a> {
    fn unique(self) -> Result<JsonObject<'a>, RecordError> {
        match self.duplicate {
            None => Ok(self.fields),
            Some(key) => Err(RecordError {
                reason: UnreadableReason::DuplicateKey,
                // Only keys of CloudTrail are named: any other is text of the record, of any length.
                field: KNOWN_KEYS.iter().copied().find(|known| *known == key).or(Some("(another key)")),
            }),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ObjectFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = ObjectFields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let (mut fields, mut duplicate) = (JsonObject::new(), None);
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if duplicate.is_none() && fields.contains_key(&key) {
                        duplicate = Some(key);
                    } else {
                        fields.insert(key, value);
                    }
                }
                Ok(ObjectFields { fields, duplicate })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Keys that an error may name: those of records, of `userIdentity` and of what contains records. CloudTrail User
/// Guide, record contents, read 2026-11.
const KNOWN_KEYS: [&str; 69] = [
    "ARN",
    "CloudTrailEvent",
    "EventId",
    "account",
    "accountId",
    "accessKeyId",
    "additionalEventData",
    "addendum",
    "apiVersion",
    "arn",
    "assumedRoot",
    "attributes",
    "awsAccountId",
    "awsRegion",
    "credentialId",
    "detail",
    "detail-type",
    "digestEndTime",
    "digestS3Object",
    "digestStartTime",
    "ec2RoleDelivery",
    "edgeDeviceDetails",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventContext",
    "eventID",
    "eventId",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "identityProvider",
    "identityStoreArn",
    "inScopeOf",
    "insightDetails",
    "invokedBy",
    "logFiles",
    "managementEvent",
    "message",
    "newestEventTime",
    "oldestEventTime",
    "onBehalfOf",
    "principalId",
    "readOnly",
    "recipientAccountId",
    "region",
    "requestID",
    "requestParameters",
    "resources",
    "responseElements",
    "s3Object",
    "serviceEventDetails",
    "sessionContext",
    "sessionCredentialFromConsole",
    "sessionIssuer",
    "sharedEventID",
    "sourceIPAddress",
    "sourceIdentity",
    "tlsDetails",
    "type",
    "userAgent",
    "userId",
    "userIdentity",
    "userName",
    "vpcEndpointAccountId",
    "vpcEndpointId",
    "webIdFederationData",
];

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
        Some(raw) => parse_object(raw.get(), RecordError::in_field(UnreadableReason::WrongType, name)),
    }
}

/// A field that holds an array of objects; an absent one is empty.
pub(super) fn array_field<'a>(
    outer: &JsonObject<'a>,
    name: &'static str,
) -> Result<Vec<JsonObject<'a>>, RecordError> {
    match non_null(outer, name) {
        None => Ok(Vec::new()),
        Some(raw) => serde_json::from_str::<Vec<ObjectFields<'_>>>(raw.get())
            .map_err(|_| RecordError::in_field(UnreadableReason::WrongType, name))?
            .into_iter()
            .map(ObjectFields::unique)
            .collect(),
    }
}

/// For tests: applies `say` to the identity of a record.
#[cfg(test)]
pub(crate) fn with_user_identity<T>(
    record: &str,
    say: impl FnOnce(&UserIdentity<'_>) -> Result<T, RecordError>,
) -> Result<T, RecordError> {
    let otherwise = RecordError::whole_piece(UnreadableReason::BadJson);
    say(&UserIdentity::from_record(&parse_object(record, otherwise)?)?)
}
