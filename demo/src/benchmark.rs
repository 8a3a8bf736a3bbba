//! The trail of the benchmark: any number of records, one object in memory at a time.
//!
//! Enters: a size. Leaves: deliveries in time order, each generated on request. Law: the trail has exactly the
//! requested number of records; a repeated record has the same bytes, half of the time in the same object, else in
//! the next object of its account and region.

use super::benchmark_principals::{BenchmarkPrincipal, create_principals};
use super::delivery::LogDelivery;
use super::outcome::DemoOutcome;
use super::random::{SeededRandom, ZipfRanks};
use super::record::{CallContent, DemoCall, DemoContext};

/// Random stream of the plan.
const PLAN_STREAM: u64 = 8;
/// Random stream of the calls.
const CALLS_STREAM: u64 = 9;
/// Number of records in a full log file.
const RECORDS_PER_OBJECT: u64 = 4_000;
/// Repeated records of each kind, in ten thousand.
const REPEATED_PER_TEN_THOUSAND: u64 = 25;
/// Operations that AWS services call themselves.
const SERVICE_OPERATIONS: [&str; 4] =
    ["sts:AssumeRole", "kms:Decrypt", "s3:GetBucketAcl", "kms:GenerateDataKey"];

/// One log file of the benchmark trail, before it is written.
#[derive(Clone, Copy, Debug)]
struct PlannedObject {
    number: u64,
    account: usize,
    region: usize,
    delivered_at: u64,
    /// Number of the object's first new record.
    first_new: u64,
    /// How many records are new.
    new_records: u64,
    /// Number of records of the object that are repeated.
    repeated_within: u64,
    /// Number of the first record that is repeated from the previous object, and how many are repeated.
    repeated_from_previous: (u64, u64),
    /// When the previous object was delivered.
    previous_delivered_at: u64,
}

/// A trail that is generated object by object.
#[derive(Debug)]
pub struct BenchmarkTrail {
    /// Accounts, regions, sessions and operations of the trail.
    pub cast: DemoContext,
    planned_objects: Vec<PlannedObject>,
    principals: Vec<Vec<BenchmarkPrincipal>>,
    ranks: Vec<ZipfRanks>,
    home_region_operations: (Vec<usize>, ZipfRanks),
    regional_operations: (Vec<usize>, ZipfRanks),
    service_operations: Vec<usize>,
}

impl BenchmarkTrail {
    /// Plans `records` records over `span` seconds from `start`.
    pub fn new(mut cast: DemoContext, start: u64, span: u64, principals: usize, records: u64) -> Self {
        let people = create_principals(&mut cast, start, span, principals);
        let ranked = |with_global| {
            let operations = cast.operations.by_frequency(with_global);
            let ranks = ZipfRanks::new(operations.len());
            (operations, ranks)
        };
        let (home, elsewhere) = (ranked(true), ranked(false));
        let services = SERVICE_OPERATIONS.iter().filter_map(|name| cast.operations.find(name)).collect();
        let ranks = people.iter().map(|crew| ZipfRanks::new(crew.len())).collect();
        let plans = plan_objects(&cast, start, span, records);
        Self {
            cast,
            planned_objects: plans,
            principals: people,
            ranks,
            home_region_operations: home,
            regional_operations: elsewhere,
            service_operations: services,
        }
    }

    /// Generates the delivery at an index.
    pub fn delivery(&self, index: usize) -> Option<LogDelivery> {
        self.planned_objects.get(index).map(|plan| self.draw(plan))
    }

    /// Number of deliveries.
    pub const fn len(&self) -> usize {
        self.planned_objects.len()
    }

    /// Number of records that repeat another record.
    pub fn duplicates(&self) -> u64 {
        self.planned_objects.iter().map(|plan| plan.repeated_within + plan.repeated_from_previous.1).sum()
    }

    fn draw(&self, plan: &PlannedObject) -> LogDelivery {
        let PlannedObject {
            number,
            account,
            region,
            delivered_at: at,
            first_new: first,
            new_records,
            repeated_within,
            repeated_from_previous,
            previous_delivered_at: before,
        } = *plan;
        let mut chance = SeededRandom::of(self.cast.seed, PLAN_STREAM, number + 1);
        let mut calls: Vec<DemoCall> =
            (first..first + new_records).map(|one| self.call(one, account, region, at)).collect();
        for _ in 0..repeated_within {
            let again = first + chance.below(new_records);
            calls.push(self.call(again, account, region, at));
        }
        calls.extend(
            (repeated_from_previous.0..repeated_from_previous.0 + repeated_from_previous.1)
                .map(|one| self.call(one, account, region, before)),
        );
        calls.sort_by_key(|call| (call.at, call.number));
        LogDelivery { number, account, region, delivered_at: at, calls, is_truncated: false }
    }

    /// One call, determined by its number and the object in which it is new.
    fn call(&self, number: u64, account: usize, region: usize, delivered: u64) -> DemoCall {
        let mut chance = SeededRandom::of(self.cast.seed, CALLS_STREAM, number);
        let principal = self.ranks.get(account).map_or(0, |ranks| ranks.draw(&mut chance));
        let principal = self.principals.get(account).and_then(|crew| crew.get(principal));
        let session = principal.map_or(0, |one| chance.pick(&one.sessions));
        let (operations, ranks) =
            if region == 0 { &self.home_region_operations } else { &self.regional_operations };
        let operation = if principal.is_some_and(|one| one.is_service) {
            chance.pick(&self.service_operations)
        } else {
            operations.get(ranks.draw(&mut chance)).copied().unwrap_or(0)
        };
        let outcome = match chance.below(1_000) {
            0..15 => DemoOutcome::Throttled,
            15..30 => DemoOutcome::NotFound,
            30..45 => DemoOutcome::Denied,
            _ => DemoOutcome::Succeeded,
        };
        let at = delivered - chance.between(60, 600);
        DemoCall {
            number,
            at,
            session,
            region,
            content: CallContent::Templated(operation),
            outcome,
            is_background: true,
        }
    }
}

/// Divides `records` among objects.
fn plan_objects(cast: &DemoContext, start: u64, span: u64, records: u64) -> Vec<PlannedObject> {
    let mut chance = SeededRandom::of(cast.seed, PLAN_STREAM, 0);
    let (accounts, regions) = (ZipfRanks::new(cast.accounts.len()), ZipfRanks::new(cast.regions.len()));
    let mut plans: Vec<PlannedObject> = Vec::new();
    let (mut left, mut first, mut pending) = (records, 0, 0);
    while left > 0 {
        let size = chance.between(RECORDS_PER_OBJECT / 2, RECORDS_PER_OBJECT * 3 / 2).min(left);
        let (account, region) = (accounts.draw(&mut chance), regions.draw(&mut chance));
        let before = plans.iter().rfind(|one| (one.account, one.region) == (account, region)).copied();
        let mut share = || (size * REPEATED_PER_TEN_THOUSAND + chance.below(10_000)) / 10_000;
        let repeated_within = share().min(size / 2);
        // The first object of an account and region has no previous one: later objects repeat more to compensate.
        pending += share();
        let repeated_from_previous =
            before.map_or((0, 0), |before| (before.first_new, pending.min(size / 4).min(before.new_records)));
        pending -= repeated_from_previous.1;
        let new_records = size - repeated_within - repeated_from_previous.1;
        let number = plans.len() as u64;
        plans.push(PlannedObject {
            number,
            account,
            region,
            delivered_at: 0,
            first_new: first,
            new_records,
            repeated_within,
            repeated_from_previous,
            previous_delivered_at: 0,
        });
        first += new_records;
        left -= size;
    }
    // Evenly spaced over the period; the first delivery is late enough for its events to be in the period.
    let count = plans.len() as u64;
    let when = |number: u64| start + 600 + number * span.saturating_sub(600) / count.max(1);
    let mut last = vec![0; cast.accounts.len() * cast.regions.len()];
    for plan in &mut plans {
        plan.delivered_at = when(plan.number);
        if let Some(last) = last.get_mut(plan.account * cast.regions.len() + plan.region) {
            plan.previous_delivered_at = std::mem::replace(last, plan.delivered_at);
        }
    }
    plans
}
