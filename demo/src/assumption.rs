//! How a session of a role comes to be: by a role, by a code forge's token.
//!
//! Enters: who asks, and for which role. Leaves: the STS events of it, and the session. Law: the key in
//! the response is the key the session calls with; across accounts both sides record the event, each
//! under an event id of its own, with one shared id.

use super::chance::Chance;
use super::identity::{self, RoleSession};
use super::moment::Moment;
use super::record::Told;
use super::script::Script;
use super::story::{SECURITY, VIRGINIA, account_id};

/// OpenID Connect provider of the code forge.
const FORGE: &str = "token.actions.githubusercontent.com";

/// A session that the code forge gets for a role: the event of its making, and the session.
pub fn forge(script: &mut Script, account: usize, role: &str, name: &str, at: u64, agent: &str) -> usize {
    let id = account_id(account);
    let provider = format!("arn:aws:iam::{id}:oidc-provider/{FORGE}");
    let session = RoleSession {
        account: id,
        role,
        session: name,
        created: at,
        provider: Some(&provider),
        ..RoleSession::default()
    };
    let address = format!("203.0.113.{}", script.chance.between(10, 60));
    let key = session.own_key(script.cast.seed);
    let subject = "repo:larkspur-freight/platform:ref:refs/heads/main";
    let door = identity::web_identity(&provider, "sts.amazonaws.com", subject);
    let door = script.session(account, door, &address, "aws-sdk-nodejs/3.879.0 configure-aws-credentials");
    let request = format!(
        r#"{{"roleArn":"{}","roleSessionName":"{name}","durationSeconds":3600}}"#,
        session.role_arn()
    );
    let told = grant(script, &session, &key, "AssumeRoleWithWebIdentity", request);
    script.tell(at, door, VIRGINIA, told);
    script.role(account, &RoleSession { key: Some(&key), ..session }, &address, agent)
}

/// One role assumes another, as both accounts record it; returns the session that came of it.
pub fn assume(
    script: &mut Script,
    caller: &RoleSession<'_>,
    caller_index: usize,
    target: &RoleSession<'_>,
    region: usize,
    address: &str,
    agent: &str,
) -> usize {
    let at = target.created;
    let seed = script.cast.seed;
    let key = target.own_key(seed);
    let source =
        target.source_identity.map(|name| format!(r#","sourceIdentity":"{name}""#)).unwrap_or_default();
    let request = format!(
        r#"{{"roleArn":"{}","roleSessionName":"{}","durationSeconds":3600{source}}}"#,
        target.role_arn(),
        target.session
    );
    let mut told = grant(script, target, &key, "AssumeRole", request);
    let owner = script.cast.accounts.iter().position(|id| id == target.account).unwrap_or(SECURITY);
    if target.account != caller.account {
        told.shared = Some(format!("{} {at}", target.arn()));
        script.tell(at, caller_index, region, told.clone());
        let stranger =
            identity::other_account(&format!("{}:{}", caller.role_id(seed), caller.session), caller.account);
        let stranger = script.session(owner, stranger, address, agent);
        script.tell(at, stranger, region, told);
    } else {
        script.tell(at, caller_index, region, told);
    }
    script.role(owner, &RoleSession { key: Some(&key), ..target.clone() }, address, agent)
}

/// An STS event that hands out the credentials of a role session.
pub fn grant(
    script: &Script,
    role: &RoleSession<'_>,
    key: &str,
    name: &'static str,
    request: String,
) -> Told {
    let seed = script.cast.seed;
    let (arn, role_arn, role_id) = (role.arn(), role.role_arn(), role.role_id(seed));
    let mut token = String::from("IQoJb3JpZ2luX2Vj");
    Chance::named(seed, key).base64(&mut token, 620);
    let mut expiration = String::new();
    Moment::of(role.created + 3_600).push_english(&mut expiration);
    let source =
        role.source_identity.map(|name| format!(r#","sourceIdentity":"{name}""#)).unwrap_or_default();
    Told {
        source: "sts",
        name,
        read_only: true,
        request: Some(request),
        response: Some(format!(
            r#"{{"credentials":{{"accessKeyId":"{key}","sessionToken":"{token}","expiration":"{expiration}"}},"assumedRoleUser":{{"assumedRoleId":"{role_id}:{}","arn":"{arn}"}}{source}}}"#,
            role.session
        )),
        resources: Some(format!(
            r#"[{{"accountId":"{}","type":"AWS::IAM::Role","ARN":"{role_arn}"}}]"#,
            role.account
        )),
        ..Told::default()
    }
}
