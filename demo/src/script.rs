//! The script of the demo: every call of the story, before it is delivered.
//!
//! Enters: scenes that add sessions and calls. Leaves: the cast and its calls. Law: no call falls in
//! the hour that the trail does not have, and calls of global services are made in the home region.

use std::sync::Arc;

use super::chance::Chance;
use super::identity::RoleSession;
use super::moment::HOUR;
use super::outcome::Outcome;
use super::record::{Call, Cast, Session, Told, What};
use super::story::{ACCOUNTS, MISSING, REGIONS};

/// Seconds between an event and its delivery at the latest cut: CloudTrail delivers about every five minutes.
pub const LAG: u64 = 300;
/// Stream of the script's own draws.
const SCRIPT: u64 = 5;

/// A script being written.
#[derive(Debug)]
pub struct Script {
    /// Who appears.
    pub cast: Cast,
    /// What they call.
    pub calls: Vec<Call>,
    /// Names that scenes asked for and the repertoire lacks; a test holds that there are none.
    pub absent: Vec<String>,
    /// Draws of the scenes.
    pub chance: Chance,
    /// When the trail begins.
    pub start: u64,
    /// How many hours it lasts.
    pub hours: u64,
}

impl Script {
    /// An empty script.
    pub fn new(seed: u64, start: u64, hours: u64) -> Self {
        let accounts = ACCOUNTS.iter().map(|account| account.id.to_owned()).collect();
        Self {
            cast: Cast::new(seed, accounts, REGIONS.to_vec()),
            calls: Vec::new(),
            absent: Vec::new(),
            chance: Chance::of(seed, SCRIPT, 0),
            start,
            hours,
        }
    }

    /// The moment `hour:minute` of the first day.
    pub const fn clock(&self, hour: u64, minute: u64) -> u64 {
        self.start + hour * HOUR + minute * 60
    }

    /// Adds a session of a role, calling from `address` with `agent`.
    pub fn role(&mut self, account: usize, role: &RoleSession<'_>, address: &str, agent: &str) -> usize {
        let seed = self.cast.seed;
        let own = role.own_key(seed);
        let mut role = role.clone();
        if role.invoked_by.is_none() && role.key.is_none() {
            role.key = Some(&own);
        }
        self.cast.join(Session {
            account,
            identity: role.identity(seed),
            arn: role.arn(),
            address: address.to_owned(),
            agent: agent.to_owned(),
            remote: role.invoked_by.is_none(),
            console: false,
        })
    }

    /// Adds a session that is not a role's.
    pub fn session(&mut self, account: usize, identity: String, address: &str, agent: &str) -> usize {
        self.cast.join(Session {
            account,
            identity,
            arn: String::new(),
            address: address.to_owned(),
            agent: agent.to_owned(),
            remote: !address.ends_with(".amazonaws.com") && address != "AWS Internal",
            console: false,
        })
    }

    /// Adds a call of `source:name`.
    pub fn call(&mut self, at: u64, session: usize, region: usize, name: &str, outcome: Outcome) {
        match self.cast.repertoire.find(name) {
            Some(index) => self.listed(at, session, region, index, outcome, false),
            None => self.absent.push(name.to_owned()),
        }
    }

    /// Adds a call of an operation of the repertoire.
    pub fn listed(
        &mut self,
        at: u64,
        session: usize,
        region: usize,
        operation: usize,
        outcome: Outcome,
        background: bool,
    ) {
        let global = self.cast.repertoire.get(operation).is_some_and(super::repertoire::Operation::is_global);
        let region = if global { 0 } else { region };
        self.push(at, session, region, What::Listed(operation), outcome, background);
    }

    /// Adds an event with a body of its own.
    pub fn tell(&mut self, at: u64, session: usize, region: usize, told: Told) {
        self.push(at, session, region, What::Told(Arc::new(told)), Outcome::Done, false);
    }

    /// Adds `count` calls within `span` seconds of `at`, names drawn from the list `names`.
    pub fn burst(&mut self, at: u64, span: u64, session: usize, region: usize, names: &str, count: u64) {
        let names: Vec<&str> = names.split_whitespace().collect();
        for _ in 0..count {
            let (moment, name) = (at + self.chance.below(span), self.chance.pick(&names));
            self.call(moment, session, region, name, Outcome::Done);
        }
    }

    /// Whether a call there and then would fall in the missing hour, or be delivered in it.
    pub fn is_missing(&self, at: u64, session: usize, region: usize) -> bool {
        let account = self.cast.sessions.get(session).map(|session| session.account);
        let from = self.start + MISSING.hour * HOUR;
        account == Some(MISSING.account)
            && region == MISSING.region
            && (from - LAG..from + HOUR).contains(&at)
    }

    fn push(
        &mut self,
        at: u64,
        session: usize,
        region: usize,
        what: What,
        outcome: Outcome,
        background: bool,
    ) {
        let late = if self.is_missing(at, session, region) { HOUR + LAG } else { 0 };
        let last = self.start + self.hours * HOUR - LAG - 1;
        let (number, at) = (self.calls.len() as u64, (at + late).min(last));
        self.calls.push(Call { number, at, session, region, what, outcome, background });
    }
}
