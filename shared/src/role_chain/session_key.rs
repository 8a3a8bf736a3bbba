//! By what a session is known, to who uses it and to who is given its credentials.
//!
//! Enters: an actor, or the act that handed out credentials. Leaves: [`SessionKey`]s. Laws: credentials open exactly the ways in
//! which the sessions they are of may be known; names of roles and users are compared without path and case, since within
//! an account no two differ by these alone; a source identity that was set stays through every chain, so credentials
//! given to a session with another one are of another session.

use std::sync::Arc;

use crate::{
    event::{Actor, CallKey},
    principal::PrincipalKind,
    tally::{BUCKET_SECONDS, TimeBucket},
    time::HOUR_SECONDS,
};

/// The name of a role, user or federated user within its account, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PrincipalName {
    account: Arc<str>,
    name: Arc<str>,
}

/// A source identity, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum KnownSourceIdentity {
    /// Any or none.
    Any,
    /// Not told.
    Unset,
    /// This.
    Set(Arc<str>),
}

/// By what sessions are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum SessionKey {
    /// A role's session of this name, whose maker's source identity is this.
    Session(PrincipalName, Arc<str>, KnownSourceIdentity),
    /// Some session of the role.
    UnknownSession(PrincipalName),
    /// Every session of the role.
    AnySession(PrincipalName),
    /// A federated user.
    FederatedUser(PrincipalName),
    /// A user with access keys.
    IamUser(PrincipalName),
}

/// Whose credentials an act handed out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum CredentialTarget {
    Session(PrincipalName, Arc<str>),
    Role(PrincipalName),
    FederatedUser(PrincipalName),
    IamUser(PrincipalName),
}

/// Longest that the session of a role lasts, and that a federated user's does. Sessions that a role's session begins last
/// an hour at most; the longer time is taken for them too. AWS IAM user guide, "Methods to assume a role" and "Compare
/// AWS STS credentials", and AWS STS API reference, `GetFederationToken`, read 2026-11.
const MAX_ROLE_SESSION_HOURS: u32 = 12;
const MAX_FEDERATED_SESSION_HOURS: u32 = 36;

impl SessionKey {
    /// The quarter hours in which credentials given in `slot` may be used.
    pub(super) fn usable_during(&self, slot: TimeBucket) -> std::ops::RangeInclusive<TimeBucket> {
        slot..=TimeBucket(slot.0.saturating_add(self.max_buckets()))
    }

    /// The quarter hours in which credentials may have been given that are used in `slot`.
    pub(super) fn issued_during(&self, slot: TimeBucket) -> std::ops::RangeInclusive<TimeBucket> {
        TimeBucket(slot.0.saturating_sub(self.max_buckets()))..=slot
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

    /// Whether others than those seen may come this way too: a user has passwords and other keys, and where the session is
    /// not told it may be anybody's.
    pub(super) fn may_have_other_holders(&self) -> bool {
        matches!(self, Self::UnknownSession(_) | Self::AnySession(_) | Self::IamUser(_))
    }
}

/// In which ways an actor may have come by its credentials; none for whom nobody gives any.
pub(super) fn session_keys_of(actor: &Actor) -> Vec<SessionKey> {
    let (arn, session) = (&actor.principal.arn, &actor.session);
    let named = |resource| PrincipalName::of(arn, resource);
    let ways = match actor.principal.kind {
        PrincipalKind::Role | PrincipalKind::IdentityCenterUser => named(":role/").map(|role| {
            let session = |said| match &session.name {
                Some(name) => SessionKey::Session(role.clone(), Arc::clone(name), said),
                None => SessionKey::UnknownSession(role.clone()),
            };
            let mut ways = match &actor.session.source_identity {
                Some(identity) => vec![
                    session(KnownSourceIdentity::Unset),
                    session(KnownSourceIdentity::Set(Arc::clone(identity))),
                ],
                None => vec![session(KnownSourceIdentity::Any)],
            };
            ways.dedup();
            ways.push(SessionKey::AnySession(role));
            ways
        }),
        PrincipalKind::FederatedUser => {
            named(":federated-user/").map(|user| vec![SessionKey::FederatedUser(user)])
        }
        PrincipalKind::IamUser => named(":user/").map(|user| vec![SessionKey::IamUser(user)]),
        _ => None,
    };
    ways.unwrap_or_default()
}

impl CredentialTarget {
    /// Whose credentials the act handed out. Where the answer does not tell the session, the role is known from the resources.
    pub(super) fn of(act: &CallKey) -> Vec<Self> {
        if let Some(target) = act.issued_credentials_arn.as_deref().and_then(Self::from_arn) {
            return vec![target];
        }
        if !assumes_role(act) {
            return Vec::new();
        }
        let role = |arn: &Arc<str>| PrincipalName::of(arn, ":role/").map(Self::Role);
        act.resources.iter().filter_map(role).collect()
    }

    fn from_arn(arn: &str) -> Option<Self> {
        if let Some((_, session)) = arn.split_once(":assumed-role/") {
            // A session's ARN tells the role by its name alone; names of sessions hold no slash.
            let (role, session) = session.split_once('/')?;
            return Some(Self::Session(PrincipalName::new(arn, role)?, session.into()));
        }
        let federated = || PrincipalName::of(arn, ":federated-user/").map(Self::FederatedUser);
        federated().or_else(|| PrincipalName::of(arn, ":user/").map(Self::IamUser))
    }

    /// The ways that credentials open which were given to somebody with this source identity.
    pub(super) fn session_keys(&self, identity: Option<&Arc<str>>) -> Vec<SessionKey> {
        match self {
            Self::Session(role, session) => {
                let said = identity.map_or(KnownSourceIdentity::Unset, |identity| {
                    KnownSourceIdentity::Set(Arc::clone(identity))
                });
                let way = |said| SessionKey::Session(role.clone(), Arc::clone(session), said);
                vec![way(KnownSourceIdentity::Any), way(said), SessionKey::UnknownSession(role.clone())]
            }
            Self::Role(role) => vec![SessionKey::AnySession(role.clone())],
            Self::FederatedUser(user) => vec![SessionKey::FederatedUser(user.clone())],
            Self::IamUser(user) => vec![SessionKey::IamUser(user.clone())],
        }
    }
}

/// Whether the act is the assumption of a role.
pub(super) fn assumes_role(act: &CallKey) -> bool {
    &*act.source == "sts.amazonaws.com" && act.name.starts_with("AssumeRole")
}

/// Whether the act gives credentials of somebody else, by its name.
pub(super) fn issues_credentials(act: &CallKey) -> bool {
    match (&*act.source, &*act.name) {
        ("sts.amazonaws.com", "AssumeRoot" | "GetFederationToken")
        | ("iam.amazonaws.com", "CreateAccessKey") => true,
        _ => assumes_role(act),
    }
}

impl PrincipalName {
    /// The last part of the name behind `resource`.
    fn of(arn: &str, resource: &str) -> Option<Self> {
        let (_, name) = arn.split_once(resource)?;
        Self::new(arn, name.rsplit('/').next()?)
    }

    fn new(arn: &str, name: &str) -> Option<Self> {
        let account = arn.split(':').nth(4).filter(|account| !account.is_empty())?;
        (!name.is_empty()).then(|| Self { account: account.into(), name: name.to_ascii_lowercase().into() })
    }
}
