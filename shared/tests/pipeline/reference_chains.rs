//! The reference for role chains: issued credentials are followed one event at a time, as `docs/semantics.md` states.

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    assessment::RoleChain,
    config::Config,
    event::{Event, Outcome},
    principal::PrincipalKind,
};

const BUCKET_SECONDS: u32 = 900;

/// The parts by which sessions are compared: account, role name in lower case, session name.
type SessionIdentity = (String, String, Option<String>);

/// The session or user for which an event issued credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
enum IssuedCredentials {
    Session(SessionIdentity),
    User(String, String),
}

fn time_bucket(event: &Event) -> u32 {
    event.time.0 / BUCKET_SECONDS
}

/// Account and last part of the name in an ARN.
fn account_and_name(arn: &str) -> (String, String) {
    let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
    (account, arn.rsplit('/').next().unwrap_or_default().to_lowercase())
}

/// Events, the configuration that states which principals are watched, and the chains found.
pub struct ReferenceChains<'a> {
    events: Vec<&'a Event>,
    config: &'a Config,
    /// Shortest chains by the event that ends them: length, originator and the roles assumed on the way.
    chains: BTreeMap<usize, (usize, String, Vec<String>)>,
}

impl<'a> ReferenceChains<'a> {
    pub fn of(events: Vec<&'a Event>, config: &'a Config) -> Self {
        let mut this = Self { events, config, chains: BTreeMap::new() };
        for length in 1..=this.events.len() {
            let mut found = Vec::new();
            for (n, event) in this.events.iter().enumerate() {
                if this.credentials_issued_by(n).is_empty() || this.chains.contains_key(&n) {
                    continue;
                }
                let arn = event.actor.principal.arn.to_string();
                if this.is_watched(event) {
                    found.push((n, (1, arn, Vec::new())));
                } else {
                    let behind =
                        this.valid_sources(event).into_iter().filter_map(|link| this.chains.get(&link));
                    if let Some((_, first, path)) = behind.min() {
                        let mut path = path.clone();
                        if path.len() < 7 {
                            path.push(arn);
                        }
                        found.push((n, (length, first.clone(), path)));
                    }
                }
            }
            // All chains of this length at once: none extends another of the same length.
            this.chains.extend(found);
        }
        this
    }

    fn is_watched(&self, event: &Event) -> bool {
        self.config.watch_for(&event.actor.principal).is_some()
    }

    /// The credentials an event issued, unless it is the other account's record of the same call.
    fn credentials_issued_by(&self, n: usize) -> Vec<IssuedCredentials> {
        let event = self.events[n];
        let is_other_accounts_record = |given: &IssuedCredentials| {
            event.actor.principal.kind == PrincipalKind::AwsAccount
                && self.events.iter().any(|other| {
                    other.actor.principal.kind != PrincipalKind::AwsAccount
                        && other.actor.principal.account == event.actor.principal.account
                        && time_bucket(other) == time_bucket(event)
                        && issued_credentials(other).contains(given)
                })
        };
        issued_credentials(event).into_iter().filter(|given| !is_other_accounts_record(given)).collect()
    }

    /// The events, at any time, that issued credentials the caller of `event` may have used.
    fn possible_sources(&self, event: &Event) -> Vec<usize> {
        let actor = &event.actor;
        let name = account_and_name(&actor.principal.arn);
        let fits = |link: usize, given: &IssuedCredentials| match (actor.principal.kind, given) {
            (PrincipalKind::IamUser, IssuedCredentials::User(account, user)) => {
                name == (account.clone(), user.clone())
            }
            (PrincipalKind::Role, IssuedCredentials::Session((account, role, session))) => {
                let theirs = self.events[link].actor.session.source_identity.as_ref();
                let mine = actor.session.source_identity.as_ref();
                let same_name = match (session, &actor.session.name) {
                    (Some(one), Some(two)) => **one == **two,
                    _ => true,
                };
                let same_source = match (theirs, mine) {
                    (Some(one), Some(two)) => one == two || session.is_none() || actor.session.name.is_none(),
                    _ => true,
                };
                name == (account.clone(), role.clone()) && same_name && same_source
            }
            _ => false,
        };
        (0..self.events.len())
            .filter(|n| self.credentials_issued_by(*n).iter().any(|given| fits(*n, given)))
            .collect()
    }

    /// Those of them with credentials still valid at the time of `event`.
    fn valid_sources(&self, event: &Event) -> Vec<usize> {
        let holds = |n: &usize| {
            let (given, used) = (time_bucket(self.events[*n]), time_bucket(event));
            let is_key = matches!(self.credentials_issued_by(*n)[..], [IssuedCredentials::User(..)]);
            given <= used && (is_key || used - given <= 12 * 4)
        };
        self.possible_sources(event).into_iter().filter(holds).collect()
    }

    /// The time buckets in which a session was used without a visible source of its credentials.
    fn untraceable_buckets(&self, of: &Event) -> BTreeSet<u32> {
        let identity =
            |event: &Event| (account_and_name(&event.actor.principal.arn), event.actor.session.clone());
        let uses: Vec<&Event> =
            self.events.iter().copied().filter(|other| identity(other) == identity(of)).collect();
        let mut quarters: BTreeSet<u32> = uses
            .iter()
            .filter(|one| self.valid_sources(one).is_empty())
            .map(|one| time_bucket(one))
            .collect();
        let first = uses.iter().map(|one| one.time).min();
        let given = self.possible_sources(of).into_iter().map(|link| self.events[link].time).min();
        if given.is_some() && first < given {
            quarters.extend(first.map(|time| time.0 / BUCKET_SECONDS));
        }
        quarters
    }

    /// The principals that may have made the call; `None` stands for one that is not watched or not seen.
    fn possible_originators(&self, event: &Event, passed: &mut BTreeSet<usize>) -> BTreeSet<Option<String>> {
        let mut suspects = BTreeSet::new();
        let actor = &event.actor;
        if actor.principal.kind != PrincipalKind::Role || actor.session.name.is_none() {
            suspects.insert(None);
        }
        for other in &self.events {
            let same = account_and_name(&other.actor.principal.arn) == account_and_name(&actor.principal.arn)
                && other.actor.session.name == actor.session.name
                && other.actor.principal.kind == actor.principal.kind
                && (actor.session.source_identity.is_none()
                    || other.actor.session.source_identity == actor.session.source_identity);
            let led_to = self.possible_sources(other).iter().any(|link| self.chains.contains_key(link));
            let mut unseen = if same && led_to { self.untraceable_buckets(other) } else { BTreeSet::new() };
            unseen.retain(|one| *one <= time_bucket(event) && time_bucket(event) - one <= 12 * 4);
            if !unseen.is_empty() {
                suspects.insert(None);
            }
        }
        for link in self.valid_sources(event) {
            let issuer = self.events[link];
            if self
                .credentials_issued_by(link)
                .iter()
                .any(|given| !matches!(given, IssuedCredentials::Session((_, _, Some(_)))))
            {
                suspects.insert(None);
            }
            if self.is_watched(issuer) {
                suspects.insert(Some(issuer.actor.principal.arn.to_string()));
            } else if !self.chains.contains_key(&link) {
                suspects.insert(None);
            } else if passed.insert(link) {
                suspects.extend(self.possible_originators(issuer, passed));
            }
        }
        suspects
    }

    /// The role chain of an event by a principal that is not watched.
    pub fn role_chain(&self, event: &Event) -> Option<RoleChain> {
        if self.is_watched(event) { None } else { self.any_role_chain(event) }
    }

    /// The role chain of an event, whether or not its principal is watched.
    pub fn any_role_chain(&self, event: &Event) -> Option<RoleChain> {
        let links = self.valid_sources(event);
        let (_, originator, path) = links.iter().filter_map(|link| self.chains.get(link)).min()?;
        let suspects = self.possible_originators(event, &mut BTreeSet::new());
        let path = path.iter().map(|arn| arn.as_str().into()).chain([event.actor.principal.arn.clone()]);
        Some(RoleChain {
            originator: originator.as_str().into(),
            path: path.collect(),
            is_certain: suspects == [Some(originator.clone())].into(),
        })
    }
}

fn issued_credentials(event: &Event) -> Vec<IssuedCredentials> {
    let call_key = &event.call_key;
    let assumes = &*call_key.source == "sts.amazonaws.com" && call_key.name.starts_with("AssumeRole");
    if call_key.outcome != Outcome::Succeeded {
        return Vec::new();
    }
    match call_key.issued_credentials_arn.as_deref() {
        Some(arn) if arn.contains(":user/") => {
            let (account, user) = account_and_name(arn);
            vec![IssuedCredentials::User(account, user)]
        }
        Some(arn) => {
            let parts: Vec<&str> = arn.split('/').collect();
            let account = arn.split(':').nth(4).unwrap().to_owned();
            vec![IssuedCredentials::Session((account, parts[1].to_lowercase(), Some(parts[2].to_owned())))]
        }
        None if assumes => {
            let roles = call_key.resources.iter().filter(|arn| arn.contains(":role/"));
            roles
                .map(|arn| account_and_name(arn))
                .map(|(account, role)| IssuedCredentials::Session((account, role, None)))
                .collect()
        }
        None => Vec::new(),
    }
}
