//! The script of the demo: every call, before it is delivered.
//!
//! Enters: functions that add sessions and calls. Leaves: the context and its calls. Law: no call falls in the
//! missing hour of the trail, and calls of global services are recorded in the home region.

use std::sync::Arc;

use super::outcome::DemoOutcome;
use super::random::SeededRandom;
use super::record::{CallContent, CallerSession, DemoCall, DemoContext, EventBody};
use super::scenario::{ACCOUNTS, MISSING_HOUR, REGIONS};
use super::user_identity::RoleSession;
use super::utc_time::HOUR;

/// Longest time from an event to its delivery, in seconds: CloudTrail delivers about every five minutes.
pub const DELIVERY_LAG: u64 = 300;
/// Random stream of the script.
const SCRIPT_STREAM: u64 = 5;

/// A script being written.
#[derive(Debug)]
pub struct DemoScript {
    /// Accounts, regions, sessions and operations.
    pub cast: DemoContext,
    /// Calls of the script.
    pub calls: Vec<DemoCall>,
    /// Requested operations that the table does not have; a test ensures that there are none.
    pub unknown_operations: Vec<String>,
    /// Random generator of the script.
    pub chance: SeededRandom,
    /// When the trail begins.
    pub start: u64,
    /// Number of hours that the script lasts.
    pub hours: u64,
}

impl DemoScript {
    /// A script without calls.
    pub fn new(seed: u64, start: u64, hours: u64) -> Self {
        let accounts = ACCOUNTS.iter().map(|account| account.id.to_owned()).collect();
        Self {
            cast: DemoContext::new(seed, accounts, REGIONS.to_vec()),
            calls: Vec::new(),
            unknown_operations: Vec::new(),
            chance: SeededRandom::of(seed, SCRIPT_STREAM, 0),
            start,
            hours,
        }
    }

    /// The time `hour:minute` of the first day.
    pub const fn time_at(&self, hour: u64, minute: u64) -> u64 {
        self.start + hour * HOUR + minute * 60
    }

    /// Adds a session of a role, calling from `address` with `agent`.
    pub fn add_role_session(
        &mut self,
        account: usize,
        role: &RoleSession<'_>,
        address: &str,
        agent: &str,
    ) -> usize {
        let seed = self.cast.seed;
        let own = role.derived_access_key_id(seed);
        let mut role = role.clone();
        if role.invoked_by.is_none() && role.access_key_id.is_none() {
            role.access_key_id = Some(&own);
        }
        self.cast.add_session(CallerSession {
            account,
            identity: role.user_identity(seed),
            arn: role.arn(),
            source_ip_address: address.to_owned(),
            user_agent: agent.to_owned(),
            has_tls_details: role.invoked_by.is_none(),
            is_console: false,
        })
    }

    /// Adds a session that is not a role session.
    pub fn add_session(&mut self, account: usize, identity: String, address: &str, agent: &str) -> usize {
        self.cast.add_session(CallerSession {
            account,
            identity,
            arn: String::new(),
            source_ip_address: address.to_owned(),
            user_agent: agent.to_owned(),
            has_tls_details: !address.ends_with(".amazonaws.com") && address != "AWS Internal",
            is_console: false,
        })
    }

    /// Adds a call of `source:name`.
    pub fn add_call(&mut self, at: u64, session: usize, region: usize, name: &str, outcome: DemoOutcome) {
        match self.cast.operations.find(name) {
            Some(index) => self.add_call_by_index(at, session, region, index, outcome, false),
            None => self.unknown_operations.push(name.to_owned()),
        }
    }

    /// Adds a call of an operation by its index.
    pub fn add_call_by_index(
        &mut self,
        at: u64,
        session: usize,
        region: usize,
        operation: usize,
        outcome: DemoOutcome,
        background: bool,
    ) {
        let global =
            self.cast.operations.get(operation).is_some_and(super::operations::DemoOperation::is_global);
        let region = if global { 0 } else { region };
        self.push(at, session, region, CallContent::Templated(operation), outcome, background);
    }

    /// Adds an event with its own body.
    pub fn add_event(&mut self, at: u64, session: usize, region: usize, body: EventBody) {
        self.push(at, session, region, CallContent::Custom(Arc::new(body)), DemoOutcome::Succeeded, false);
    }

    /// Adds `count` calls within `span` seconds after `at`, with random operations of the list `names`.
    pub fn add_calls(&mut self, at: u64, span: u64, session: usize, region: usize, names: &str, count: u64) {
        let names: Vec<&str> = names.split_whitespace().collect();
        for _ in 0..count {
            let (time, name) = (at + self.chance.below(span), self.chance.pick(&names));
            self.add_call(time, session, region, name, DemoOutcome::Succeeded);
        }
    }

    /// Whether a call at that time and in that region would fall in the missing hour or be delivered in it.
    pub fn is_missing(&self, at: u64, session: usize, region: usize) -> bool {
        let account = self.cast.sessions.get(session).map(|session| session.account);
        let from = self.start + MISSING_HOUR.hour * HOUR;
        account == Some(MISSING_HOUR.account)
            && region == MISSING_HOUR.region
            && (from - DELIVERY_LAG..from + HOUR).contains(&at)
    }

    fn push(
        &mut self,
        at: u64,
        session: usize,
        region: usize,
        content: CallContent,
        outcome: DemoOutcome,
        background: bool,
    ) {
        let late = if self.is_missing(at, session, region) { HOUR + DELIVERY_LAG } else { 0 };
        let last = self.start + self.hours * HOUR - DELIVERY_LAG - 1;
        let (number, at) = (self.calls.len() as u64, (at + late).min(last));
        self.calls.push(DemoCall {
            number,
            at,
            session,
            region,
            content,
            outcome,
            is_background: background,
        });
    }
}
