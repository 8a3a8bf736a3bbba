//! By what a session is known, to who uses it and to who is given its credentials.
//!
//! Enters: an actor, or the act that handed out credentials. Leaves: [`Way`]s. Laws: credentials open exactly the ways in
//! which the sessions they are of may be known; names of roles and users are compared without path and case, since within
//! an account no two differ by these alone; a source identity that was set stays through every chain, so credentials
//! given to a session with another one are of another session.

use std::sync::Arc;

use crate::{
    event::{Act, Actor},
    principal::PrincipalKind,
    tally::{SLOT, Slot},
    time::HOUR,
};

/// The name of a role, user or federated user within its account, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    account: Arc<str>,
    name: Arc<str>,
}

/// A source identity, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Said {
    /// Any or none.
    Anything,
    /// Not told.
    Nothing,
    /// This.
    This(Arc<str>),
}

/// By what sessions are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Way {
    /// A role's session of this name, whose maker's source identity is this.
    Session(Name, Arc<str>, Said),
    /// Some session of the role.
    SomeSession(Name),
    /// Every session of the role.
    Role(Name),
    /// A federated user.
    Federated(Name),
    /// A user with access keys.
    User(Name),
}

/// Whose credentials an act handed out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    Session(Name, Arc<str>),
    Role(Name),
    Federated(Name),
    User(Name),
}

/// Longest that the session of a role lasts, and that a federated user's does. Sessions that a role's session begins last
/// an hour at most; the longer time is taken for them too. AWS IAM user guide, "Methods to assume a role" and "Compare
/// AWS STS credentials", and AWS STS API reference, `GetFederationToken`, read 2026-11.
const ROLE_HOURS: u32 = 12;
const FEDERATED_HOURS: u32 = 36;

impl Way {
    /// The quarter hours in which credentials given in `slot` may be used.
    pub(super) fn lasts(&self, slot: Slot) -> std::ops::RangeInclusive<Slot> {
        slot..=Slot(slot.0.saturating_add(self.slots()))
    }

    /// The quarter hours in which credentials may have been given that are used in `slot`.
    pub(super) fn given(&self, slot: Slot) -> std::ops::RangeInclusive<Slot> {
        Slot(slot.0.saturating_sub(self.slots()))..=slot
    }

    fn slots(&self) -> u32 {
        match self {
            Self::Session(..) | Self::SomeSession(_) | Self::Role(_) => ROLE_HOURS * (HOUR / SLOT),
            Self::Federated(_) => FEDERATED_HOURS * (HOUR / SLOT),
            Self::User(_) => u32::MAX,
        }
    }

    /// Whether others than those seen may come this way too: a user has passwords and other keys, and where the session is
    /// not told it may be anybody's.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::SomeSession(_) | Self::Role(_) | Self::User(_))
    }
}

/// In which ways an actor may have come by its credentials; none for whom nobody gives any.
pub(super) fn ways(actor: &Actor) -> Vec<Way> {
    let (arn, session) = (&actor.principal.arn, &actor.session);
    let named = |resource| Name::of(arn, resource);
    let ways = match actor.principal.kind {
        PrincipalKind::Role | PrincipalKind::IdentityCenterUser => named(":role/").map(|role| {
            let session = |said| match &session.name {
                Some(name) => Way::Session(role.clone(), Arc::clone(name), said),
                None => Way::SomeSession(role.clone()),
            };
            let mut ways = match &actor.session.source_identity {
                Some(identity) => vec![session(Said::Nothing), session(Said::This(Arc::clone(identity)))],
                None => vec![session(Said::Anything)],
            };
            ways.dedup();
            ways.push(Way::Role(role));
            ways
        }),
        PrincipalKind::FederatedUser => named(":federated-user/").map(|user| vec![Way::Federated(user)]),
        PrincipalKind::IamUser => named(":user/").map(|user| vec![Way::User(user)]),
        _ => None,
    };
    ways.unwrap_or_default()
}

impl Target {
    /// Whose credentials the act handed out. Where the answer does not tell the session, the role is known from the resources.
    pub(super) fn of(act: &Act) -> Vec<Self> {
        if let Some(target) = act.assumed.as_deref().and_then(Self::named) {
            return vec![target];
        }
        if !assumes(act) {
            return Vec::new();
        }
        let role = |arn: &Arc<str>| Name::of(arn, ":role/").map(Self::Role);
        act.resources.iter().filter_map(role).collect()
    }

    fn named(arn: &str) -> Option<Self> {
        if let Some((_, session)) = arn.split_once(":assumed-role/") {
            // A session's ARN tells the role by its name alone; names of sessions hold no slash.
            let (role, session) = session.split_once('/')?;
            return Some(Self::Session(Name::new(arn, role)?, session.into()));
        }
        let federated = || Name::of(arn, ":federated-user/").map(Self::Federated);
        federated().or_else(|| Name::of(arn, ":user/").map(Self::User))
    }

    /// The ways that credentials open which were given to somebody with this source identity.
    pub(super) fn opens(&self, identity: Option<&Arc<str>>) -> Vec<Way> {
        match self {
            Self::Session(role, session) => {
                let said = identity.map_or(Said::Nothing, |identity| Said::This(Arc::clone(identity)));
                let way = |said| Way::Session(role.clone(), Arc::clone(session), said);
                vec![way(Said::Anything), way(said), Way::SomeSession(role.clone())]
            }
            Self::Role(role) => vec![Way::Role(role.clone())],
            Self::Federated(user) => vec![Way::Federated(user.clone())],
            Self::User(user) => vec![Way::User(user.clone())],
        }
    }
}

/// Whether the act is the assumption of a role.
pub(super) fn assumes(act: &Act) -> bool {
    &*act.source == "sts.amazonaws.com" && act.name.starts_with("AssumeRole")
}

/// Whether the act gives credentials of somebody else, by its name.
pub(super) fn gives(act: &Act) -> bool {
    match (&*act.source, &*act.name) {
        ("sts.amazonaws.com", "AssumeRoot" | "GetFederationToken")
        | ("iam.amazonaws.com", "CreateAccessKey") => true,
        _ => assumes(act),
    }
}

impl Name {
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
