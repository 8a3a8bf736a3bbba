//! The trail of the benchmark: any number of records, one object in memory at a time.
//!
//! Enters: a size. Leaves: deliveries in time order, each drawn when it is asked for. Law: exactly as
//! many records as asked for; a record that is delivered twice is the same twice, half of the time in
//! the object that holds it, else in the next one of its account and region.

use super::chance::{Chance, Ranks};
use super::crowd::{Principal, crowd};
use super::delivery::Delivery;
use super::outcome::Outcome;
use super::record::{Call, Cast, What};

/// Stream of the plan.
const PLAN: u64 = 8;
/// Stream of the calls.
const CALLS: u64 = 9;
/// Records of a full object.
const PER_OBJECT: u64 = 4_000;
/// Repeated records of each kind, in ten thousand.
const REPEATED: u64 = 25;
/// What services call by themselves.
const SERVICE_NAMES: [&str; 4] = ["sts:AssumeRole", "kms:Decrypt", "s3:GetBucketAcl", "kms:GenerateDataKey"];

/// One object that will be drawn.
#[derive(Clone, Copy, Debug)]
struct Plan {
    number: u64,
    account: usize,
    region: usize,
    at: u64,
    /// Number of the first record that is new here.
    first: u64,
    /// How many are new.
    fresh: u64,
    /// How many of them come a second time.
    inner: u64,
    /// First of the records that come a second time from the object before, and how many.
    carried: (u64, u64),
    /// When the object before was delivered.
    before: u64,
}

/// A trail that is drawn object by object.
#[derive(Debug)]
pub struct Load {
    /// Who appears in it.
    pub cast: Cast,
    plans: Vec<Plan>,
    people: Vec<Vec<Principal>>,
    ranks: Vec<Ranks>,
    home: (Vec<usize>, Ranks),
    elsewhere: (Vec<usize>, Ranks),
    services: Vec<usize>,
}

impl Load {
    /// Plans `records` records over `span` seconds from `start`.
    pub fn new(mut cast: Cast, start: u64, span: u64, principals: usize, records: u64) -> Self {
        let people = crowd(&mut cast, start, span, principals);
        let ranked = |with_global| {
            let operations = cast.repertoire.ranked(with_global);
            let ranks = Ranks::new(operations.len());
            (operations, ranks)
        };
        let (home, elsewhere) = (ranked(true), ranked(false));
        let services = SERVICE_NAMES.iter().filter_map(|name| cast.repertoire.find(name)).collect();
        let ranks = people.iter().map(|crew| Ranks::new(crew.len())).collect();
        let plans = plan(&cast, start, span, records);
        Self { cast, plans, people, ranks, home, elsewhere, services }
    }

    /// The delivery at an index, drawn now.
    pub fn delivery(&self, index: usize) -> Option<Delivery> {
        self.plans.get(index).map(|plan| self.draw(plan))
    }

    /// Records that repeat another.
    pub fn duplicates(&self) -> u64 {
        self.plans.iter().map(|plan| plan.inner + plan.carried.1).sum()
    }

    fn draw(&self, plan: &Plan) -> Delivery {
        let Plan { number, account, region, at, first, fresh, inner, carried, before } = *plan;
        let mut chance = Chance::of(self.cast.seed, PLAN, number + 1);
        let mut calls: Vec<Call> =
            (first..first + fresh).map(|one| self.call(one, account, region, at)).collect();
        for _ in 0..inner {
            let again = first + chance.below(fresh);
            calls.push(self.call(again, account, region, at));
        }
        calls.extend((carried.0..carried.0 + carried.1).map(|one| self.call(one, account, region, before)));
        calls.sort_by_key(|call| (call.at, call.number));
        Delivery { number, account, region, at, calls, damaged: false }
    }

    /// One record, which follows from its number and the object it is new in.
    fn call(&self, number: u64, account: usize, region: usize, delivered: u64) -> Call {
        let mut chance = Chance::of(self.cast.seed, CALLS, number);
        let principal = self.ranks.get(account).map_or(0, |ranks| ranks.draw(&mut chance));
        let principal = self.people.get(account).and_then(|crew| crew.get(principal));
        let session = principal.map_or(0, |one| chance.pick(&one.sessions));
        let (operations, ranks) = if region == 0 { &self.home } else { &self.elsewhere };
        let operation = if principal.is_some_and(|one| one.service) {
            chance.pick(&self.services)
        } else {
            operations.get(ranks.draw(&mut chance)).copied().unwrap_or(0)
        };
        let outcome = match chance.below(1_000) {
            0..15 => Outcome::Throttled,
            15..30 => Outcome::NotFound,
            30..45 => Outcome::Denied,
            _ => Outcome::Done,
        };
        let at = delivered - chance.between(60, 600);
        Call { number, at, session, region, what: What::Listed(operation), outcome, background: true }
    }
}

/// Cuts `records` into objects.
fn plan(cast: &Cast, start: u64, span: u64, records: u64) -> Vec<Plan> {
    let mut chance = Chance::of(cast.seed, PLAN, 0);
    let (accounts, regions) = (Ranks::new(cast.accounts.len()), Ranks::new(cast.regions.len()));
    let mut plans: Vec<Plan> = Vec::new();
    let (mut left, mut first, mut owed) = (records, 0, 0);
    while left > 0 {
        let size = chance.between(PER_OBJECT / 2, PER_OBJECT * 3 / 2).min(left);
        let (account, region) = (accounts.draw(&mut chance), regions.draw(&mut chance));
        let before = plans.iter().rfind(|one| (one.account, one.region) == (account, region)).copied();
        let mut share = || (size * REPEATED + chance.below(10_000)) / 10_000;
        let inner = share().min(size / 2);
        // The first object of its account and region has none before it: the next ones make up for it.
        owed += share();
        let carried = before.map_or((0, 0), |before| (before.first, owed.min(size / 4).min(before.fresh)));
        owed -= carried.1;
        let fresh = size - inner - carried.1;
        let number = plans.len() as u64;
        plans.push(Plan { number, account, region, at: 0, first, fresh, inner, carried, before: 0 });
        first += fresh;
        left -= size;
    }
    // Evenly over the period, the first late enough for its events to be in it.
    let count = plans.len() as u64;
    let when = |number: u64| start + 600 + number * span.saturating_sub(600) / count.max(1);
    let mut last = vec![0; cast.accounts.len() * cast.regions.len()];
    for plan in &mut plans {
        plan.at = when(plan.number);
        if let Some(last) = last.get_mut(plan.account * cast.regions.len() + plan.region) {
            plan.before = std::mem::replace(last, plan.at);
        }
    }
    plans
}
