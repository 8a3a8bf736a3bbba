//! Session keys: what connects issued credentials with the session that uses them.
//!
//! Enters: an actor, or the call that issued credentials. Leaves: [`SessionKey`]s. Laws: the keys of issued
//! credentials are those of the sessions that they may belong to; names of roles and users are compared without path
//! and case, because within an account no two differ in these alone; a source identity stays the same through role
//! chaining, so credentials issued to a session with another source identity belong to another session.

use std::sync::Arc;

use crate::{
    event::{Actor, CallKey},
    principal::{MAX_FEDERATED_SESSION_HOURS, MAX_ROLE_SESSION_HOURS, PrincipalKind},
    tally::{BUCKET_SECONDS, TimeBucket},
    time::HOUR_SECONDS,
};

/// The name of a role, user or federated user within its account, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PrincipalName {
    account: Arc<str>,
    name: Arc<str>,
}

/// What is known about a source identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum KnownSourceIdentity {
    /// The source identity is not compared.
    Any,
    /// The source identity is not recorded.
    Unset,
    /// The source identity is set to this value.
    Set(Arc<str>),
}

/// What identifies a session, or the sessions it may be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SessionKey {
    /// The session of a role with this name, created by a caller with this source identity.
    Session(PrincipalName, Arc<str>, KnownSourceIdentity),
    /// A session of the role; the record does not name it.
    UnknownSession(PrincipalName),
    /// Every session of the role.
    AnySession(PrincipalName),
    /// A federated user.
    FederatedUser(PrincipalName),
    /// A user with access keys.
    IamUser(PrincipalName),
}

/// The role, session or user that a call issued credentials for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum CredentialTarget {
    Session(PrincipalName, Arc<str>),
    Role(PrincipalName),
    FederatedUser(PrincipalName),
    IamUser(PrincipalName),
}

impl SessionKey {
    /// The quarter hours in which credentials issued in `bucket` may be used.
    pub(super) fn usable_during(&self, bucket: TimeBucket) -> std::ops::RangeInclusive<TimeBucket> {
        bucket..=TimeBucket(bucket.0.saturating_add(self.max_buckets()))
    }

    /// The quarter hours in which credentials used in `bucket` may have been issued.
    pub(super) fn issued_during(&self, bucket: TimeBucket) -> std::ops::RangeInclusive<TimeBucket> {
        TimeBucket(bucket.0.saturating_sub(self.max_buckets()))..=bucket
    }

    fn max_buckets(&self) -> u32 {
        match self {
            Self::Session(..) | Self::UnknownSession(_) | Self::AnySession(_) => {
                MAX_ROLE_SESSION_HOURS * (HOUR_SECONDS / BUCKET_SECONDS)
            }
            Self::FederatedUser(_) => MAX_FEDERATED_SESSION_HOURS * (HOUR_SECONDS / BUCKET_SECONDS),
            Self::IamUser(_) => u32::MAX,
        }
    }

    /// Whether principals that the evidence does not show may hold these credentials: a user has a password and other
    /// access keys, and a session that the record does not name may belong to any principal.
    pub(super) fn may_have_other_holders(&self) -> bool {
        matches!(self, Self::UnknownSession(_) | Self::AnySession(_) | Self::IamUser(_))
    }
}

/// The session keys of an actor; empty for kinds of principals to which no call issues credentials.
pub(super) fn session_keys_of(actor: &Actor) -> Vec<SessionKey> {
    let (arn, session) = (&actor.principal.arn, &actor.session);
    let named = |resource| PrincipalName::of(arn, resource);
    let keys = match actor.principal.kind {
        PrincipalKind::Role | PrincipalKind::IdentityCenterUser => named(":role/").map(|role| {
            let session = |known| match &session.name {
                Some(name) => SessionKey::Session(role.clone(), Arc::clone(name), known),
                None => SessionKey::UnknownSession(role.clone()),
            };
            let mut keys = match &actor.session.source_identity {
                Some(identity) => vec![
                    session(KnownSourceIdentity::Unset),
                    session(KnownSourceIdentity::Set(Arc::clone(identity))),
                ],
                None => vec![session(KnownSourceIdentity::Any)],
            };
            keys.dedup();
            keys.push(SessionKey::AnySession(role));
            keys
        }),
        PrincipalKind::FederatedUser => {
            named(":federated-user/").map(|user| vec![SessionKey::FederatedUser(user)])
        }
        PrincipalKind::IamUser => named(":user/").map(|user| vec![SessionKey::IamUser(user)]),
        _ => None,
    };
    keys.unwrap_or_default()
}

impl CredentialTarget {
    /// What the call issued credentials for. If the response does not name the session, the resources name the role.
    pub(super) fn of(call_key: &CallKey) -> Vec<Self> {
        if let Some(target) = call_key.issued_credentials_arn.as_deref().and_then(Self::from_arn) {
            return vec![target];
        }
        if !call_key.assumes_role() {
            return Vec::new();
        }
        let role = |arn: &Arc<str>| PrincipalName::of(arn, ":role/").map(Self::Role);
        call_key.resources.iter().filter_map(role).collect()
    }

    /// The account in which the credentials are used.
    pub(super) fn account(&self) -> &str {
        match self {
            Self::Session(name, _) | Self::Role(name) | Self::FederatedUser(name) | Self::IamUser(name) => {
                &name.account
            }
        }
    }

    fn from_arn(arn: &str) -> Option<Self> {
        if let Some((_, session)) = arn.split_once(":assumed-role/") {
            // The ARN of a session has the name of the role without its path. Session names have no slash.
            let (role, session) = session.split_once('/')?;
            return Some(Self::Session(PrincipalName::new(arn, role)?, session.into()));
        }
        let federated = || PrincipalName::of(arn, ":federated-user/").map(Self::FederatedUser);
        federated().or_else(|| PrincipalName::of(arn, ":user/").map(Self::IamUser))
    }

    /// The session keys of credentials issued to a caller with this source identity.
    pub(super) fn session_keys(&self, identity: Option<&Arc<str>>) -> Vec<SessionKey> {
        match self {
            Self::Session(role, session) => {
                let known = identity.map_or(KnownSourceIdentity::Unset, |identity| {
                    KnownSourceIdentity::Set(Arc::clone(identity))
                });
                let key = |known| SessionKey::Session(role.clone(), Arc::clone(session), known);
                vec![key(KnownSourceIdentity::Any), key(known), SessionKey::UnknownSession(role.clone())]
            }
            Self::Role(role) => vec![SessionKey::AnySession(role.clone())],
            Self::FederatedUser(user) => vec![SessionKey::FederatedUser(user.clone())],
            Self::IamUser(user) => vec![SessionKey::IamUser(user.clone())],
        }
    }
}

/// Whether the operation issues credentials of another session or user, by its name.
pub(super) fn issues_credentials(call_key: &CallKey) -> bool {
    match (&*call_key.source, &*call_key.name) {
        ("sts.amazonaws.com", "AssumeRoot" | "GetFederationToken")
        | ("iam.amazonaws.com", "CreateAccessKey") => true,
        _ => call_key.assumes_role(),
    }
}

impl PrincipalName {
    /// The name after `resource` in an ARN, without its path.
    fn of(arn: &str, resource: &str) -> Option<Self> {
        let (_, name) = arn.split_once(resource)?;
        Self::new(arn, name.rsplit('/').next()?)
    }

    fn new(arn: &str, name: &str) -> Option<Self> {
        let account = arn.split(':').nth(4).filter(|account| !account.is_empty())?;
        (!name.is_empty()).then(|| Self { account: account.into(), name: name.to_ascii_lowercase().into() })
    }
}
