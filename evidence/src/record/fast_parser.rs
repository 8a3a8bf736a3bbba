//! The fast parser of a record.
//!
//! Enters: text and the offset of a record in it. Leaves: the record and its end, or nothing. Laws: a record that it
//! returns equals the one that the slow parser in [`super::fields`] returns; in every uncertain case (an error, an
//! escaped key, a key that may be given twice, anything rare) it returns nothing, and the slow parser decides; every
//! skipped byte is checked to be valid JSON.

mod envelopes;
mod scan;

pub(super) use self::envelopes::{parse_eventbridge_event, parse_lookup_event};
use self::scan::{FastParser, SeenKeys};
use super::{
    MAX_DEPTH, RequestFeatures,
    fields::{Record, RecordResource, UserIdentity},
};

/// Reads the record that begins with a brace at `start` into an empty `record`. Returns where it ends.
pub(super) fn parse_record<'t>(text: &'t str, start: usize, record: &mut Record<'t>) -> Option<usize> {
    let mut scan = FastParser::at(text, start, MAX_DEPTH - 1);
    if scan.next_non_whitespace()? != b'{' {
        return None;
    }
    scan.parse_fields(record)?;
    Some(scan.offset)
}

impl<'t> FastParser<'t> {
    fn parse_fields(&mut self, record: &mut Record<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.next_is_first_key()?;
        while more {
            match self.peek() {
                b"eventVer" if self.skip_if_new(b"eventVersion\":", &mut seen) => {
                    self.skip_value(self.room)?
                }
                b"userIden" if self.skip_if_new(b"userIdentity\":", &mut seen) => {
                    record.user_identity = self.parse_identity()?
                }
                b"eventTim" if self.skip_if_new(b"eventTime\":", &mut seen) => {
                    record.event_time = self.parse_text_of_length::<20>()?
                }
                b"eventSou" if self.skip_if_new(b"eventSource\":", &mut seen) => {
                    record.event_source = self.parse_text()?
                }
                b"eventNam" if self.skip_if_new(b"eventName\":", &mut seen) => {
                    record.event_name = self.parse_text()?
                }
                b"awsRegio" if self.skip_if_new(b"awsRegion\":", &mut seen) => {
                    record.region = self.parse_text()?
                }
                b"errorCod" if self.skip_if_new(b"errorCode\":", &mut seen) => {
                    record.error_code = self.parse_text()?
                }
                b"errorMes" if self.skip_if_new(b"errorMessage\":", &mut seen) => {
                    record.error_message = self.parse_text()?
                }
                b"eventID\"" if self.skip_if_new(b"eventID\":", &mut seen) => {
                    record.event_id = self.parse_text_of_length::<36>()?
                }
                b"readOnly" if self.skip_if_new(b"readOnly\":", &mut seen) => {
                    record.read_only = self.parse_bool()?
                }
                b"resource" if self.skip_if_new(b"resources\":", &mut seen) => {
                    record.resources = self.parse_resources()?
                }
                b"eventTyp" if self.skip_if_new(b"eventType\":", &mut seen) => {
                    record.event_type = self.parse_text_of_length::<10>()?
                }
                b"manageme" if self.skip_if_new(b"managementEvent\":", &mut seen) => {
                    record.management_event = self.parse_bool()?
                }
                b"recipien" if self.skip_if_new(b"recipientAccountId\":", &mut seen) => {
                    record.recipient_account_id = self.parse_text_of_length::<12>()?
                }
                b"eventCat" if self.skip_if_new(b"eventCategory\":", &mut seen) => {
                    record.event_category = self.parse_text_of_length::<10>()?
                }
                b"sessionC" if self.skip_if_new(b"sessionCredentialFromConsole\":", &mut seen) => {
                    record.session_credential_from_console = self.parse_bool()?
                }
                b"response" if self.skip_if_new(b"responseElements\":", &mut seen) => {
                    record.response_elements = self.parse_raw()?
                }
                b"requestI" if self.skip_if_new(b"requestID\":", &mut seen) => {
                    drop(self.parse_text_of_length::<36>()?)
                }
                b"requestP" if self.skip_if_new(b"requestParameters\":", &mut seen) => {
                    self.parse_request_parameters(record)?
                }
                b"sourceIP" if self.skip_if_new(b"sourceIPAddress\":", &mut seen) => {
                    record.source_ip = self.parse_text()?
                }
                b"userAgen" if self.skip_if_new(b"userAgent\":", &mut seen) => {
                    record.user_agent = self.parse_text()?
                }
                b"tlsDetai" if self.skip_if_new(b"tlsDetails\":", &mut seen) => self.skip_value(self.room)?,
                _ => self.parse_other_field(record, &mut seen)?,
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    /// A rare field, or a common one written with white space.
    fn parse_other_field(&mut self, record: &mut Record<'t>, seen: &mut SeenKeys) -> Option<()> {
        match self.parse_new_key(seen)? {
            b"userIdentity" => record.user_identity = self.parse_identity()?,
            b"eventTime" => record.event_time = self.parse_text()?,
            b"eventSource" => record.event_source = self.parse_text()?,
            b"eventName" => record.event_name = self.parse_text()?,
            b"awsRegion" => record.region = self.parse_text()?,
            b"errorCode" => record.error_code = self.parse_text()?,
            b"errorMessage" => record.error_message = self.parse_text()?,
            b"eventID" => record.event_id = self.parse_text()?,
            b"readOnly" => record.read_only = self.parse_bool()?,
            b"resources" => record.resources = self.parse_resources()?,
            b"eventType" => record.event_type = self.parse_text()?,
            b"sourceIPAddress" => record.source_ip = self.parse_text()?,
            b"userAgent" => record.user_agent = self.parse_text()?,
            b"managementEvent" => record.management_event = self.parse_bool()?,
            b"recipientAccountId" => record.recipient_account_id = self.parse_text()?,
            b"eventCategory" => record.event_category = self.parse_text()?,
            b"sessionCredentialFromConsole" => record.session_credential_from_console = self.parse_bool()?,
            b"responseElements" => record.response_elements = self.parse_raw()?,
            b"requestParameters" => self.parse_request_parameters(record)?,
            // Not a record, or not only one.
            b"Records" | b"Events" | b"detail" | b"detail-type" | b"digestStartTime" | b"digestEndTime"
            | b"CloudTrailEvent" | b"logEvents" | b"events" | b"message" => return None,
            _ => self.skip_value(self.room)?,
        }
        Some(())
    }

    fn parse_identity(&mut self) -> Option<UserIdentity<'t>> {
        let mut identity = UserIdentity::default();
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.peek::<4>() {
                b"type" if self.skip_if_new(b"type\":", &mut seen) => identity.kind = self.parse_text()?,
                b"prin" if self.skip_if_new(b"principalId\":", &mut seen) => {
                    identity.principal_id = self.parse_text()?
                }
                b"arn\"" if self.skip_if_new(b"arn\":", &mut seen) => identity.arn = self.parse_text()?,
                b"acco" if self.skip_if_new(b"accountId\":", &mut seen) => {
                    identity.account_id = self.parse_text_of_length::<12>()?
                }
                b"acce" if self.skip_if_new(b"accessKeyId\":", &mut seen) => {
                    self.skip_value(self.room - 1)?
                }
                b"user" if self.skip_if_new(b"userName\":", &mut seen) => {
                    identity.user_name = self.parse_text()?
                }
                b"sess" if self.skip_if_new(b"sessionContext\":", &mut seen) => {
                    self.parse_session_context(&mut identity)?
                }
                b"invo" if self.skip_if_new(b"invokedBy\":", &mut seen) => {
                    identity.invoked_by = self.parse_text()?
                }
                _ => match self.parse_new_key(&mut seen)? {
                    b"type" => identity.kind = self.parse_text()?,
                    b"principalId" => identity.principal_id = self.parse_text()?,
                    b"arn" => identity.arn = self.parse_text()?,
                    b"accountId" => identity.account_id = self.parse_text()?,
                    b"userName" => identity.user_name = self.parse_text()?,
                    b"sessionContext" => self.parse_session_context(&mut identity)?,
                    b"invokedBy" => identity.invoked_by = self.parse_text()?,
                    b"identityProvider" => identity.identity_provider = self.parse_text()?,
                    b"onBehalfOf" => self.parse_on_behalf_of(&mut identity)?,
                    _ => self.skip_value(self.room - 1)?,
                },
            }
            more = self.next_is_key()?;
        }
        Some(identity)
    }

    fn parse_session_context(&mut self, identity: &mut UserIdentity<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.peek::<4>() {
                b"sess" if self.skip_if_new(b"sessionIssuer\":", &mut seen) => self.parse_issuer(identity)?,
                b"webI" if self.skip_if_new(b"webIdFederationData\":", &mut seen) => {
                    self.skip_value(self.room - 2)?
                }
                b"attr" if self.skip_if_new(b"attributes\":", &mut seen) => {
                    self.parse_attributes(identity)?
                }
                _ => match self.parse_new_key(&mut seen)? {
                    b"sessionIssuer" => self.parse_issuer(identity)?,
                    b"attributes" => self.parse_attributes(identity)?,
                    b"sourceIdentity" => identity.source_identity = self.parse_text()?,
                    _ => self.skip_value(self.room - 2)?,
                },
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    fn parse_attributes(&mut self, identity: &mut UserIdentity<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.peek::<4>() {
                b"crea" if self.skip_if_new(b"creationDate\":", &mut seen) => {
                    drop(self.parse_text_of_length::<20>()?)
                }
                b"mfaA" if self.skip_if_new(b"mfaAuthenticated\":", &mut seen) => {
                    identity.mfa_authenticated = self.parse_bool()?
                }
                _ => match self.parse_new_key(&mut seen)? {
                    b"mfaAuthenticated" => identity.mfa_authenticated = self.parse_bool()?,
                    _ => self.skip_value(self.room - 3)?,
                },
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    fn parse_issuer(&mut self, identity: &mut UserIdentity<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.peek::<4>() {
                b"type" if self.skip_if_new(b"type\":", &mut seen) => self.skip_value(self.room - 3)?,
                b"prin" if self.skip_if_new(b"principalId\":", &mut seen) => {
                    self.skip_value(self.room - 3)?
                }
                b"arn\"" if self.skip_if_new(b"arn\":", &mut seen) => {
                    identity.issuer_arn = self.parse_text()?
                }
                b"acco" if self.skip_if_new(b"accountId\":", &mut seen) => {
                    identity.issuer_account_id = self.parse_text_of_length::<12>()?
                }
                b"user" if self.skip_if_new(b"userName\":", &mut seen) => {
                    identity.issuer_user_name = self.parse_text()?
                }
                _ => match self.parse_new_key(&mut seen)? {
                    b"arn" => identity.issuer_arn = self.parse_text()?,
                    b"accountId" => identity.issuer_account_id = self.parse_text()?,
                    b"userName" => identity.issuer_user_name = self.parse_text()?,
                    _ => self.skip_value(self.room - 3)?,
                },
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    fn parse_on_behalf_of(&mut self, identity: &mut UserIdentity<'t>) -> Option<()> {
        let mut seen = SeenKeys::default();
        let mut more = self.open_object()?;
        while more {
            match self.parse_new_key(&mut seen)? {
                b"userId" => identity.on_behalf_of_user_id = self.parse_text()?,
                b"identityStoreArn" => identity.identity_store_arn = self.parse_text()?,
                _ => self.skip_value(self.room - 2)?,
            }
            more = self.next_is_key()?;
        }
        Some(())
    }

    fn parse_request_parameters(&mut self, record: &mut Record<'t>) -> Option<()> {
        let mut features = RequestFeatures::empty();
        let first = self.next_non_whitespace()?;
        let start = self.offset - 1;
        if first != b'{' {
            self.skip_rest_of_value(first, self.room)?;
            let text = self.text.get(start..self.offset)?;
            record.request_parameters = (text != "null").then_some(text);
            return Some(());
        }
        let mut more = self.next_is_first_key()?;
        while more {
            let name = RequestFeatures::of_name(self.parse_key()?);
            let start = self.offset;
            self.skip_value(self.room - 1)?;
            if !name.is_empty() {
                features |= name.with_value(self.text.get(start..self.offset)?);
            }
            more = self.next_is_key()?;
        }
        record.request_features = features;
        record.request_parameters = Some(self.text.get(start..self.offset)?);
        Some(())
    }

    fn parse_resources(&mut self) -> Option<Vec<RecordResource<'t>>> {
        let mut resources = Vec::new();
        match self.next_non_whitespace()? {
            b'[' => {}
            b'n' => return self.expect_literal(b"ull").map(|()| resources),
            _ => return None,
        }
        let mut byte = self.next_non_whitespace()?;
        if byte == b']' {
            return Some(resources);
        }
        loop {
            if byte != b'{' {
                return None;
            }
            resources.push(self.parse_resource()?);
            match self.next_non_whitespace()? {
                b',' => byte = self.next_non_whitespace()?,
                b']' => return Some(resources),
                _ => return None,
            }
        }
    }

    fn parse_resource(&mut self) -> Option<RecordResource<'t>> {
        let (mut upper, mut lower, mut kind) = (None, None, None);
        let mut seen = SeenKeys::default();
        let mut more = self.next_is_first_key()?;
        while more {
            match self.parse_new_key(&mut seen)? {
                b"ARN" => upper = self.parse_text()?,
                b"arn" => lower = self.parse_text()?,
                b"type" => kind = self.parse_text()?,
                _ => self.skip_value(self.room - 2)?,
            }
            more = self.next_is_key()?;
        }
        Some(RecordResource { arn: upper.or(lower), kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_cloudtrail_do_not_share_a_bit_with_another_key_of_their_object() {
        for keys in [
            "eventVersion userIdentity eventTime eventSource eventName awsRegion errorCode eventID readOnly \
             resources eventType managementEvent recipientAccountId eventCategory sessionCredentialFromConsole \
             responseElements requestID requestParameters sourceIPAddress userAgent tlsDetails errorMessage \
             additionalEventData apiVersion sharedEventID vpcEndpointId vpcEndpointAccountId serviceEventDetails \
             addendum edgeDeviceDetails insightDetails eventContext",
            "type principalId arn accountId accessKeyId userName sessionContext invokedBy identityProvider \
             onBehalfOf credentialId inScopeOf",
            "sessionIssuer sourceIdentity webIdFederationData attributes ec2RoleDelivery assumedRoot",
            "type principalId arn accountId userName",
            "creationDate mfaAuthenticated",
            "ARN arn type accountId ARNPrefix",
            "userId identityStoreArn",
            "version id detail-type source account time region resources detail",
            "EventId EventName ReadOnly AccessKeyId EventTime EventSource Username Resources CloudTrailEvent",
        ] {
            let mut seen = SeenKeys::default();
            for key in keys.split_whitespace() {
                assert!(seen.is_first(key.as_bytes()), "{key}");
            }
            assert!(keys.split_whitespace().all(|key| !seen.is_first(key.as_bytes())));
        }
    }
}
