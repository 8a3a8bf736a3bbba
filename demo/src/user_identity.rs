//! `userIdentity`, in each form that CloudTrail records.
//!
//! Enters: the caller. Leaves: the JSON object, in CloudTrail's order of fields. Law: the same role in
//! the same account has the same unique id in every session.

use std::fmt::Write as _;

use super::random::SeededRandom;
use super::utc_time::UtcTime;

/// A role session, as described by `userIdentity`.
#[derive(Clone, Debug, Default)]
pub struct RoleSession<'a> {
    /// Account of the role.
    pub account: &'a str,
    /// Path of the role, `/` at both ends; empty means `/`.
    pub path: &'a str,
    /// Name of the role.
    pub role: &'a str,
    /// Name of the session.
    pub session: &'a str,
    /// When the session began.
    pub created_at: u64,
    /// Access key of the session; absent in calls that an AWS service makes with the role.
    pub access_key_id: Option<&'a str>,
    /// Whether the user authenticated with MFA.
    pub is_mfa_authenticated: bool,
    /// The source identity set when the role was assumed; role chaining keeps it.
    pub source_identity: Option<&'a str>,
    /// ARN of the OpenID Connect provider that authenticated the caller.
    pub oidc_provider: Option<&'a str>,
    /// The service that calls with the role.
    pub invoked_by: Option<&'a str>,
    /// Identity Center user and identity store ARN the call is made for.
    pub on_behalf_of: Option<(&'a str, &'a str)>,
}

impl RoleSession<'_> {
    /// ARN of the role.
    pub fn role_arn(&self) -> String {
        let path = if self.path.is_empty() { "/" } else { self.path };
        format!("arn:aws:iam::{}:role{path}{}", self.account, self.role)
    }

    /// ARN of the session.
    pub fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{}", self.account, self.role, self.session)
    }

    /// The access key derived from the session and its start.
    pub fn derived_access_key_id(&self, seed: u64) -> String {
        unique_id(seed, "ASIA", 16, &format!("{} {}", self.arn(), self.created_at))
    }

    /// Unique id of the role.
    pub fn role_id(&self, seed: u64) -> String {
        unique_id(seed, "AROA", 17, &self.role_arn())
    }

    /// The `userIdentity` object.
    pub fn user_identity(&self, seed: u64) -> String {
        let (id, arn, role_arn) = (self.role_id(seed), self.arn(), self.role_arn());
        let Self { account, role, session, .. } = *self;
        let mut out = format!(
            r#"{{"type":"AssumedRole","principalId":"{id}:{session}","arn":"{arn}","accountId":"{account}","#
        );
        if let Some(key) = self.access_key_id {
            let _ = write!(out, r#""accessKeyId":"{key}","#);
        }
        let _ = write!(
            out,
            r#""sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{id}","arn":"{role_arn}","accountId":"{account}","userName":"{role}"}},"#
        );
        match self.oidc_provider {
            Some(provider) => {
                let _ = write!(
                    out,
                    r#""webIdFederationData":{{"federatedProvider":"{provider}","attributes":{{}}}},"#
                );
            }
            None => out.push_str(r#""webIdFederationData":{},"#),
        }
        let created = UtcTime::from_seconds(self.created_at).to_iso();
        let _ = write!(
            out,
            r#""attributes":{{"creationDate":"{created}","mfaAuthenticated":"{mfa}"}}"#,
            mfa = self.is_mfa_authenticated
        );
        if let Some(source) = self.source_identity {
            let _ = write!(out, r#","sourceIdentity":"{source}""#);
        }
        out.push('}');
        if let Some(service) = self.invoked_by {
            let _ = write!(out, r#","invokedBy":"{service}""#);
        }
        if let Some((user, store)) = self.on_behalf_of {
            let _ = write!(out, r#","onBehalfOf":{{"userId":"{user}","identityStoreArn":"{store}"}}"#);
        }
        out.push('}');
        out
    }
}

/// An IAM user that signs requests with a long-lived access key.
pub fn user(seed: u64, account: &str, name: &str) -> String {
    let arn = format!("arn:aws:iam::{account}:user/{name}");
    let (id, key) = (unique_id(seed, "AIDA", 17, &arn), unique_id(seed, "AKIA", 16, &arn));
    format!(
        r#"{{"type":"IAMUser","principalId":"{id}","arn":"{arn}","accountId":"{account}","accessKeyId":"{key}","userName":"{name}"}}"#
    )
}

/// An IAM user at the sign-in page, without an access key.
pub fn user_at_sign_in(seed: u64, account: &str, name: &str) -> String {
    let arn = format!("arn:aws:iam::{account}:user/{name}");
    let id = unique_id(seed, "AIDA", 17, &arn);
    format!(
        r#"{{"type":"IAMUser","principalId":"{id}","arn":"{arn}","accountId":"{account}","userName":"{name}"}}"#
    )
}

/// The root user; `created` is set after sign-in.
pub fn root(account: &str, created: Option<u64>) -> String {
    let mut out = format!(
        r#"{{"type":"Root","principalId":"{account}","arn":"arn:aws:iam::{account}:root","accountId":"{account}","accessKeyId":"""#
    );
    if let Some(created) = created {
        let created = UtcTime::from_seconds(created).to_iso();
        let _ = write!(
            out,
            r#","sessionContext":{{"sessionIssuer":{{}},"webIdFederationData":{{}},"attributes":{{"creationDate":"{created}","mfaAuthenticated":"true"}}}}"#
        );
    }
    out.push('}');
    out
}

/// A federated user: a session that an IAM user requested with `GetFederationToken`.
pub fn federated(seed: u64, account: &str, issuer: &str, name: &str, created: u64) -> String {
    let issuer_arn = format!("arn:aws:iam::{account}:user/{issuer}");
    let arn = format!("arn:aws:sts::{account}:federated-user/{name}");
    let (issuer_id, key) = (unique_id(seed, "AIDA", 17, &issuer_arn), unique_id(seed, "ASIA", 16, &arn));
    let created = UtcTime::from_seconds(created).to_iso();
    format!(
        r#"{{"type":"FederatedUser","principalId":"{account}:{name}","arn":"{arn}","accountId":"{account}","accessKeyId":"{key}","sessionContext":{{"sessionIssuer":{{"type":"IAMUser","principalId":"{issuer_id}","arn":"{issuer_arn}","accountId":"{account}","userName":"{issuer}"}},"attributes":{{"creationDate":"{created}","mfaAuthenticated":"false"}}}}}}"#
    )
}

/// A workload that presents an OpenID Connect token.
pub fn web_identity(provider: &str, audience: &str, subject: &str) -> String {
    format!(
        r#"{{"type":"WebIdentityUser","principalId":"{provider}:{audience}:{subject}","userName":"{subject}","identityProvider":"{provider}"}}"#
    )
}

/// A user that a SAML identity provider authenticated.
pub fn saml(provider_id: &str, name: &str) -> String {
    format!(
        r#"{{"type":"SAMLUser","principalId":"{provider_id}:{name}","userName":"{name}","identityProvider":"{provider_id}"}}"#
    )
}

/// An Identity Center user.
pub fn directory_user(account: &str, user: &str, store: &str) -> String {
    format!(
        r#"{{"type":"IdentityCenterUser","accountId":"{account}","onBehalfOf":{{"userId":"{user}","identityStoreArn":"{store}"}}}}"#
    )
}

/// A principal of another account, as the called account records it.
pub fn cross_account_principal(principal: &str, account: &str) -> String {
    format!(r#"{{"type":"AWSAccount","principalId":"{principal}","accountId":"{account}"}}"#)
}

/// An AWS service that makes its own call.
pub fn service(name: &str) -> String {
    format!(r#"{{"type":"AWSService","invokedBy":"{name}"}}"#)
}

/// The `userIdentity` of a service event, which has no caller.
pub fn service_event(account: &str) -> String {
    format!(r#"{{"accountId":"{account}","invokedBy":"AWS Internal"}}"#)
}

/// An AWS unique id or access key derived from the name of what it identifies.
pub fn unique_id(seed: u64, prefix: &str, letters: usize, name: &str) -> String {
    let mut out = prefix.to_owned();
    SeededRandom::named(seed, &format!("{prefix} {name}")).base32(&mut out, letters);
    out
}
