//! Whose credentials a record hands out.
//!
//! Enters: [`Record`]. Leaves: the ARN of a session or user. Laws: only what STS and IAM answered to a call that succeeded
//! is looked at; an answer of another shape names nobody and is no fault; no name longer than [`LONGEST_TEXT`] is kept.
//!
//! Access keys are not looked at: see `docs/decisions.md`. Of what AWS services assume, names are not kept either. They do
//! so for each of their workers, and nobody watches a service.
//!
//! Shapes: AWS STS API reference (`AssumeRole`, `AssumeRoleWithSAML`, `AssumeRoleWithWebIdentity`, `GetFederationToken`)
//! and IAM API reference (`CreateAccessKey`), as CloudTrail spells them in `responseElements`, read 2026-11.

use std::borrow::Cow;

use serde::Deserialize;

use super::content::named;
use crate::{
    principal::partition_in,
    record::{LONGEST_TEXT, Record},
};

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, rename = "assumedRoleUser")]
    role: Option<Session<'a>>,
    #[serde(borrow, rename = "federatedUser")]
    federated: Option<Session<'a>>,
}

#[derive(Deserialize)]
struct Session<'a> {
    #[serde(borrow)]
    arn: Text<'a>,
}

#[derive(Deserialize)]
struct KeyAnswer<'a> {
    #[serde(borrow, rename = "accessKey")]
    key: Key<'a>,
}

#[derive(Deserialize)]
struct Key<'a> {
    #[serde(borrow, rename = "userName")]
    user: Text<'a>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The session or user whose credentials `record` says were handed out.
pub(crate) fn assumed<'r>(record: &'r Record<'_>) -> Option<Cow<'r, str>> {
    let answer = record.response?;
    let failed = record.error_code.as_deref().is_some_and(|code| !code.is_empty());
    let by_service = record.identity.kind.as_deref() == Some("AWSService");
    let name = match record.event_source.as_deref()? {
        _ if failed || by_service => None,
        "sts.amazonaws.com" => session(answer),
        "iam.amazonaws.com" if record.event_name.as_deref() == Some("CreateAccessKey") => {
            user(record, answer)
        }
        _ => None,
    };
    name.filter(|name| name.len() <= LONGEST_TEXT && name.starts_with("arn:"))
}

fn session(answer: &str) -> Option<Cow<'_, str>> {
    let answer: Answer<'_> = serde_json::from_str(answer).ok()?;
    answer.role.or(answer.federated).map(|session| session.arn.0)
}

/// The user the key is of, who belongs to the account the call was made in. His path is not told.
fn user<'r>(record: &Record<'_>, answer: &str) -> Option<Cow<'r, str>> {
    let answer: KeyAnswer<'_> = serde_json::from_str(answer).ok()?;
    let account = named(&record.recipient).or(named(&record.identity.account))?;
    let partition = partition_in(record.region.as_deref().unwrap_or_default());
    Some(format!("arn:{partition}:iam::{account}:user/{}", answer.key.user.0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = r#"{"credentials":{"accessKeyId":"ASIA","sessionToken":"a\"b"},
        "assumedRoleUser":{"assumedRoleId":"AROA:s","arn":"arn:aws:sts::1:assumed-role\/r\/s"}}"#;
    const FEDERATED: &str =
        r#"{"federatedUser":{"arn":"arn:aws:sts::1:federated-user/f"},"packedPolicySize":3}"#;
    const KEY: &str = r#"{"accessKey":{"accessKeyId":"AKIA","status":"Active","userName":"bob"}}"#;

    fn record<'a>(service: &str, name: &'a str, response: &'a str) -> Record<'a> {
        Record {
            event_source: Some(format!("{service}.amazonaws.com").into()),
            event_name: Some(name.into()),
            recipient: Some("1".into()),
            response: Some(response),
            ..Record::default()
        }
    }

    #[test]
    fn an_answer_names_the_session_or_user_it_gives_credentials_of() {
        for (service, name, response, arn) in [
            ("sts", "AssumeRole", ROLE, "arn:aws:sts::1:assumed-role/r/s"),
            ("sts", "AssumeRoleWithSAML", ROLE, "arn:aws:sts::1:assumed-role/r/s"),
            ("sts", "GetFederationToken", FEDERATED, "arn:aws:sts::1:federated-user/f"),
            ("iam", "CreateAccessKey", KEY, "arn:aws:iam::1:user/bob"),
        ] {
            assert_eq!(assumed(&record(service, name, response)).as_deref(), Some(arn), "{name}");
        }
        let china = Record { region: Some("cn-north-1".into()), ..record("iam", "CreateAccessKey", KEY) };
        assert_eq!(assumed(&china).as_deref(), Some("arn:aws-cn:iam::1:user/bob"));
    }

    #[test]
    fn what_failed_what_a_service_does_and_other_shapes_name_nobody() {
        let role = || record("sts", "AssumeRole", ROLE);
        let denied = Record { error_code: Some("AccessDenied".into()), ..role() };
        let mut service = role();
        service.identity.kind = Some("AWSService".into());
        let no_answer = Record { response: None, ..role() };
        for silent in
            [denied, service, no_answer, record("s3", "AssumeRole", ROLE), record("iam", "GetUser", KEY)]
        {
            assert_eq!(assumed(&silent), None, "{silent:?}");
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
            assert_eq!(assumed(&record("sts", "AssumeRole", other)), None, "{other}");
        }
        let long = format!(r#"{{"assumedRoleUser":{{"arn":"arn:{}"}}}}"#, "a".repeat(LONGEST_TEXT));
        assert_eq!(assumed(&record("sts", "AssumeRole", &long)), None);
    }
}
