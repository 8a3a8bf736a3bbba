//! Role assumption, by another role or with an OpenID Connect token.
//!
//! Enters: the caller and the role. Leaves: the STS events, and the session. Law: the access key in the response is
//! the one that the session uses; across accounts both accounts record the event, each with its own event id and with
//! a common `sharedEventID`.

use super::random::SeededRandom;
use super::record::EventBody;
use super::scenario::{SECURITY, VIRGINIA, account_id};
use super::script::DemoScript;
use super::user_identity::{self, RoleSession};
use super::utc_time::UtcTime;

/// OpenID Connect provider of the code hosting service.
const OIDC_PROVIDER: &str = "token.actions.githubusercontent.com";

/// A workload assumes a role with an OpenID Connect token; adds the event and returns the session.
pub fn assume_role_with_web_identity(
    script: &mut DemoScript,
    account: usize,
    role: &str,
    name: &str,
    at: u64,
    agent: &str,
) -> usize {
    let id = account_id(account);
    let provider = format!("arn:aws:iam::{id}:oidc-provider/{OIDC_PROVIDER}");
    let session = RoleSession {
        account: id,
        role,
        session: name,
        created_at: at,
        oidc_provider: Some(&provider),
        ..RoleSession::default()
    };
    let address = format!("203.0.113.{}", script.chance.between(10, 60));
    let key = session.derived_access_key_id(script.cast.seed);
    let subject = "repo:larkspur-freight/platform:ref:refs/heads/main";
    let door = user_identity::web_identity(&provider, "sts.amazonaws.com", subject);
    let door =
        script.add_session(account, door, &address, "aws-sdk-nodejs/3.879.0 configure-aws-credentials");
    let request = format!(
        r#"{{"roleArn":"{}","roleSessionName":"{name}","durationSeconds":3600}}"#,
        session.role_arn()
    );
    let body = credentials_event(script, &session, &key, "AssumeRoleWithWebIdentity", request);
    script.add_event(at, door, VIRGINIA, body);
    script.add_role_session(account, &RoleSession { access_key_id: Some(&key), ..session }, &address, agent)
}

/// One role assumes another, recorded in both accounts; returns the session.
pub fn assume_role(
    script: &mut DemoScript,
    caller: &RoleSession<'_>,
    caller_index: usize,
    target: &RoleSession<'_>,
    region: usize,
    address: &str,
    agent: &str,
) -> usize {
    let at = target.created_at;
    let seed = script.cast.seed;
    let key = target.derived_access_key_id(seed);
    let source =
        target.source_identity.map(|name| format!(r#","sourceIdentity":"{name}""#)).unwrap_or_default();
    let request = format!(
        r#"{{"roleArn":"{}","roleSessionName":"{}","durationSeconds":3600{source}}}"#,
        target.role_arn(),
        target.session
    );
    let mut body = credentials_event(script, target, &key, "AssumeRole", request);
    let owner = script.cast.accounts.iter().position(|id| id == target.account).unwrap_or(SECURITY);
    if target.account != caller.account {
        body.shared_event_name = Some(format!("{} {at}", target.arn()));
        script.add_event(at, caller_index, region, body.clone());
        let caller_identity = user_identity::cross_account_principal(
            &format!("{}:{}", caller.role_id(seed), caller.session),
            caller.account,
        );
        let caller_identity = script.add_session(owner, caller_identity, address, agent);
        script.add_event(at, caller_identity, region, body);
    } else {
        script.add_event(at, caller_index, region, body);
    }
    script.add_role_session(
        owner,
        &RoleSession { access_key_id: Some(&key), ..target.clone() },
        address,
        agent,
    )
}

/// An STS event that issues the credentials of a role session.
pub fn credentials_event(
    script: &DemoScript,
    role: &RoleSession<'_>,
    key: &str,
    name: &'static str,
    request: String,
) -> EventBody {
    let seed = script.cast.seed;
    let (arn, role_arn, role_id) = (role.arn(), role.role_arn(), role.role_id(seed));
    let mut token = String::from("IQoJb3JpZ2luX2Vj");
    SeededRandom::named(seed, key).base64(&mut token, 620);
    let mut expiration = String::new();
    UtcTime::from_seconds(role.created_at + 3_600).push_english(&mut expiration);
    let source =
        role.source_identity.map(|name| format!(r#","sourceIdentity":"{name}""#)).unwrap_or_default();
    EventBody {
        source: "sts",
        name,
        read_only: true,
        request_parameters: Some(request),
        response_elements: Some(format!(
            r#"{{"credentials":{{"accessKeyId":"{key}","sessionToken":"{token}","expiration":"{expiration}"}},"assumedRoleUser":{{"assumedRoleId":"{role_id}:{}","arn":"{arn}"}}{source}}}"#,
            role.session
        )),
        resources: Some(format!(
            r#"[{{"accountId":"{}","type":"AWS::IAM::Role","ARN":"{role_arn}"}}]"#,
            role.account
        )),
        ..EventBody::default()
    }
}
