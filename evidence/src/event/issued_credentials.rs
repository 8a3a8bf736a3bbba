//! The session or user for which a call issued credentials.
//!
//! Enters: [`Record`]. Leaves: the ARN of a session or user. Laws: only responses of STS and IAM to calls that
//! succeeded are read; a response of another shape gives no ARN and is not an error; an ARN longer than
//! [`MAX_TEXT_BYTES`] is not kept.
//!
//! Access key ids are not read: see `docs/decisions.md`. ARNs of sessions that AWS services create are not kept: a
//! service creates one for each of its workers, and services are not watched.
//!
//! Shapes: AWS STS API Reference (`AssumeRole`, `AssumeRoleWithSAML`, `AssumeRoleWithWebIdentity`,
//! `GetFederationToken`) and IAM API Reference (`CreateAccessKey`), as CloudTrail spells them in `responseElements`,
//! read 2026-11.

use std::borrow::Cow;

use serde::Deserialize;

use super::{content::non_empty, identity::partition_of_region};
use crate::record::{MAX_TEXT_BYTES, Record};

#[derive(Deserialize)]
struct StsResponse<'a> {
    #[serde(borrow, rename = "assumedRoleUser")]
    role: Option<StsUser<'a>>,
    #[serde(borrow, rename = "federatedUser")]
    federated: Option<StsUser<'a>>,
}

#[derive(Deserialize)]
struct StsUser<'a> {
    #[serde(borrow)]
    arn: ResponseText<'a>,
}

#[derive(Deserialize)]
struct CreateAccessKeyResponse<'a> {
    #[serde(borrow, rename = "accessKey")]
    key: AccessKey<'a>,
}

#[derive(Deserialize)]
struct AccessKey<'a> {
    #[serde(borrow, rename = "userName")]
    user: ResponseText<'a>,
}

#[derive(Deserialize)]
struct ResponseText<'a>(#[serde(borrow)] Cow<'a, str>);

/// ARN of the session or user for which the call of `record` issued credentials.
pub(crate) fn issued_credentials_arn<'r>(record: &'r Record<'_>) -> Option<Cow<'r, str>> {
    let response = record.response_elements?;
    let failed = record.error_code.as_deref().is_some_and(|code| !code.is_empty());
    let by_service = record.user_identity.kind.as_deref() == Some("AWSService");
    let name = match record.event_source.as_deref()? {
        _ if failed || by_service => None,
        "sts.amazonaws.com" => session_arn(response),
        "iam.amazonaws.com" if record.event_name.as_deref() == Some("CreateAccessKey") => {
            user_arn(record, response)
        }
        _ => None,
    };
    name.filter(|name| name.len() <= MAX_TEXT_BYTES && name.starts_with("arn:"))
}

fn session_arn(response: &str) -> Option<Cow<'_, str>> {
    let response: StsResponse<'_> = serde_json::from_str(response).ok()?;
    response.role.or(response.federated).map(|session| session.arn.0)
}

/// ARN of the user of a new access key, in the account that received the call. The response does not give the user's
/// path.
fn user_arn<'r>(record: &Record<'_>, response: &str) -> Option<Cow<'r, str>> {
    let response: CreateAccessKeyResponse<'_> = serde_json::from_str(response).ok()?;
    let account = non_empty(&record.recipient_account_id).or(non_empty(&record.user_identity.account_id))?;
    let partition = partition_of_region(record.region.as_deref().unwrap_or_default());
    Some(format!("arn:{partition}:iam::{account}:user/{}", response.key.user.0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSUME_ROLE_RESPONSE: &str = r#"{"credentials":{"accessKeyId":"ASIA","sessionToken":"a\"b"},
        "assumedRoleUser":{"assumedRoleId":"AROA:s","arn":"arn:aws:sts::1:assumed-role\/r\/s"}}"#;
    const FEDERATION_TOKEN_RESPONSE: &str =
        r#"{"federatedUser":{"arn":"arn:aws:sts::1:federated-user/f"},"packedPolicySize":3}"#;
    const ACCESS_KEY_RESPONSE: &str =
        r#"{"accessKey":{"accessKeyId":"AKIA","status":"Active","userName":"bob"}}"#;

    fn record<'a>(service: &str, name: &'a str, response: &'a str) -> Record<'a> {
        Record {
            event_source: Some(format!("{service}.amazonaws.com").into()),
            event_name: Some(name.into()),
            recipient_account_id: Some("1".into()),
            response_elements: Some(response),
            ..Record::default()
        }
    }

    #[test]
    fn the_response_names_the_session_or_user_the_credentials_are_for() {
        for (service, name, response, arn) in [
            ("sts", "AssumeRole", ASSUME_ROLE_RESPONSE, "arn:aws:sts::1:assumed-role/r/s"),
            ("sts", "AssumeRoleWithSAML", ASSUME_ROLE_RESPONSE, "arn:aws:sts::1:assumed-role/r/s"),
            ("sts", "GetFederationToken", FEDERATION_TOKEN_RESPONSE, "arn:aws:sts::1:federated-user/f"),
            ("iam", "CreateAccessKey", ACCESS_KEY_RESPONSE, "arn:aws:iam::1:user/bob"),
        ] {
            assert_eq!(
                issued_credentials_arn(&record(service, name, response)).as_deref(),
                Some(arn),
                "{name}"
            );
        }
        let china = Record {
            region: Some("cn-north-1".into()),
            ..record("iam", "CreateAccessKey", ACCESS_KEY_RESPONSE)
        };
        assert_eq!(issued_credentials_arn(&china).as_deref(), Some("arn:aws-cn:iam::1:user/bob"));
    }

    #[test]
    fn failed_calls_service_calls_and_other_responses_name_no_identity() {
        let role = || record("sts", "AssumeRole", ASSUME_ROLE_RESPONSE);
        let denied = Record { error_code: Some("AccessDenied".into()), ..role() };
        let mut service = role();
        service.user_identity.kind = Some("AWSService".into());
        let no_response = Record { response_elements: None, ..role() };
        for silent in [
            denied,
            service,
            no_response,
            record("s3", "AssumeRole", ASSUME_ROLE_RESPONSE),
            record("iam", "GetUser", ACCESS_KEY_RESPONSE),
        ] {
            assert_eq!(issued_credentials_arn(&silent), None, "{silent:?}");
        }
        for other in [
            "",
            "5",
            "[]",
            "{}",
            r#"{"assumedRoleUser":null}"#,
            r#"{"assumedRoleUser":{"arn":7}}"#,
            r#"{"assumedRoleUser":{"arn":"me"}}"#,
            r#"{"assumedRoleUser":{"arn":"\ud800"}}"#,
        ] {
            assert_eq!(issued_credentials_arn(&record("sts", "AssumeRole", other)), None, "{other}");
        }
        let long = format!(r#"{{"assumedRoleUser":{{"arn":"arn:{}"}}}}"#, "a".repeat(MAX_TEXT_BYTES));
        assert_eq!(issued_credentials_arn(&record("sts", "AssumeRole", &long)), None);
    }
}
