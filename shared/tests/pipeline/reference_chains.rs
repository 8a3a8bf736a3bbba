//! The slow judge of lineage: chains of credentials followed one event at a time, by the words of `docs/semantics.md`.

use std::collections::{BTreeMap, BTreeSet};

use onlooker_core::{
    assessment::RoleChain,
    config::Config,
    event::{Event, Outcome},
    principal::PrincipalKind,
};

const BUCKET_SECONDS: u32 = 900;

/// A session as it is compared: account, name of the role in lower case, session name.
type SessionIdentity = (String, String, Option<String>);

/// Whose credentials an event handed out.
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

/// Evidence, and who is watched.
pub struct ReferenceChains<'a> {
    events: Vec<&'a Event>,
    config: &'a Config,
    /// Shortest chains by the event that ends them: length, beginning and what was assumed on the way.
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
            // Those of this length at once: none may rest on another of the same length.
            this.chains.extend(found);
        }
        this
    }

    fn is_watched(&self, event: &Event) -> bool {
        self.config.watch_for(&event.actor.principal).is_some()
    }

    /// What an event handed out, unless it only is the other account's record of what another event tells.
    fn credentials_issued_by(&self, n: usize) -> Vec<IssuedCredentials> {
        let event = self.events[n];
        let told_twice = |given: &IssuedCredentials| {
            event.actor.principal.kind == PrincipalKind::AwsAccount
                && self.events.iter().any(|other| {
                    other.actor.principal.kind != PrincipalKind::AwsAccount
                        && other.actor.principal.account == event.actor.principal.account
                        && time_bucket(other) == time_bucket(event)
                        && issued_credentials(other).contains(given)
                })
        };
        issued_credentials(event).into_iter().filter(|given| !told_twice(given)).collect()
    }

    /// The events, at any time, that handed out what the caller of `event` may have used.
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

    /// Those of them that still held at that time.
    fn valid_sources(&self, event: &Event) -> Vec<usize> {
        let holds = |n: &usize| {
            let (given, used) = (time_bucket(self.events[*n]), time_bucket(event));
            let is_key = matches!(self.credentials_issued_by(*n)[..], [IssuedCredentials::User(..)]);
            given <= used && (is_key || used - given <= 12 * 4)
        };
        self.possible_sources(event).into_iter().filter(holds).collect()
    }

    /// The quarter hours in which a session was at work without anybody to be seen behind it.
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

    /// Everybody whose doing it may be; somebody who is not watched or not seen is `None`.
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
            let giver = self.events[link];
            if self
                .credentials_issued_by(link)
                .iter()
                .any(|given| !matches!(given, IssuedCredentials::Session((_, _, Some(_)))))
            {
                suspects.insert(None);
            }
            if self.is_watched(giver) {
                suspects.insert(Some(giver.actor.principal.arn.to_string()));
            } else if !self.chains.contains_key(&link) {
                suspects.insert(None);
            } else if passed.insert(link) {
                suspects.extend(self.possible_originators(giver, passed));
            }
        }
        suspects
    }

    /// With whom an event began that has no promise of its own.
    pub fn role_chain(&self, event: &Event) -> Option<RoleChain> {
        if self.is_watched(event) { None } else { self.any_role_chain(event) }
    }

    /// With whom an event began, whoever has a promise.
    pub fn any_role_chain(&self, event: &Event) -> Option<RoleChain> {
        let links = self.valid_sources(event);
        let (_, began_with, path) = links.iter().filter_map(|link| self.chains.get(link)).min()?;
        let suspects = self.possible_originators(event, &mut BTreeSet::new());
        let path = path.iter().map(|arn| arn.as_str().into()).chain([event.actor.principal.arn.clone()]);
        Some(RoleChain {
            originator: began_with.as_str().into(),
            path: path.collect(),
            is_certain: suspects == [Some(began_with.clone())].into(),
        })
    }
}

fn issued_credentials(event: &Event) -> Vec<IssuedCredentials> {
    let act = &event.call_key;
    let assumes = &*act.source == "sts.amazonaws.com" && act.name.starts_with("AssumeRole");
    if act.outcome != Outcome::Succeeded {
        return Vec::new();
    }
    match act.issued_credentials_arn.as_deref() {
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
            let roles = act.resources.iter().filter(|arn| arn.contains(":role/"));
            roles
                .map(|arn| account_and_name(arn))
                .map(|(account, role)| IssuedCredentials::Session((account, role, None)))
                .collect()
        }
        None => Vec::new(),
    }
}
