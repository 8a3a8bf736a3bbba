//! A trail of a fictional organization, made from a seed.
//!
//! Enters: a seed and a size. Leaves: objects named, laid out and shaped as CloudTrail delivers them
//! to a bucket for an organization trail. Law: the same trail gives the same bytes, object for object,
//! on every machine; no clock, environment or network is asked, and one object is in memory at a time.
//!
//! # The story of the demo
//!
//! *Larkspur Freight* has three accounts (security, production, data) in three regions. Its trail of
//! Tuesday, 6 October 2026 (UTC) has about eight thousand records in 24 hours. Four roles were promised to be
//! read-only:
//!
//! - **`AuditReader`**: two auditors sit down four times in each account, in business hours. They only
//!   list, get and describe, and nothing they ask is refused. The promise is kept.
//! - **`InventoryCollector`**: four runs a day list everything everywhere, and are throttled a few
//!   times. The run at 07:10 also reads four secrets and three encrypted parameters in production,
//!   which causes seven decryptions. Reads all of them, and yet not harmless.
//! - **`CiPlan`**: six plans of infrastructure code. The one at 13:45 in production tries
//!   `ec2:RunInstances` and `iam:CreateUser`; AWS refuses both.
//! - **`OpsAgentReadOnly`**: an AI agent that watches alarms in the security account. At 15:42 it
//!   assumes `Deployer` in production (two records of one event, one in each account), and at 15:44
//!   that session opens a bucket of invoices to an account outside the organization. The answer that
//!   handed out its credentials, its access key and its source identity lead back to the agent, so
//!   the write is the agent's; the pipeline's own sessions of `Deployer` are not.
//!
//! Around them: **`tmp-migration`**, a role nobody named, which looks around and then changes a
//! database, a firewall rule and a role between 02:10 and 03:40; the root user's sign-in at 06:12; an
//! IAM user who mistypes a password twice; engineers from Identity Center; partners as federated
//! users; a backup user with a long-lived key; releases; AWS services that call by themselves, with
//! linked roles, or report a rotated key; applications that follow the day. The data account also
//! records S3 reads as data events.
//!
//! The trail itself has faults: one log object is delivered twice under two names, another repeats
//! six records of its neighbour, one is cut short and cannot be inflated, and of 11:00 in the data
//! account's eu-west-1 there is neither log nor digest, though the next digest names the missing one.
//! Quiet hours have a digest that lists no logs. Signatures only AWS could make: they are null.
//!
//! What the policies of these roles say lies beside the trail, as [`authorization_details()`]: what each of them could do.
//!
//! [`story()`] says all this as a value, with the figures a reader must arrive at.

#![forbid(unsafe_code)]

mod aws_services;
mod benchmark;
mod benchmark_principals;
mod delivery;
mod delivery_schedule;
mod digest;
mod operations;
mod outcome;
mod policies;
mod promised_roles;
mod random;
mod record;
mod role_assumption;
mod scenario;
mod script;
mod sign_in;
#[cfg(test)]
mod tests;
mod traffic;
mod trail_directory;
mod user_identity;
mod utc_time;

pub use delivery::TrailObject;
pub use policies::authorization_details;
pub use scenario::{DemoAccount, DemoScenario, PromisedRole, TrailHour, scenario};
pub use trail_directory::{TrailWriteError, WrittenTrail};

use benchmark::BenchmarkTrail;
use delivery::{GzipEncoder, LogDelivery};
use delivery_schedule::DeliverySchedule;
use digest::DigestChain;
use record::DemoContext;
use scenario::{ACCOUNTS, MISSING_HOUR, RECORDS_DELIVERED_TWICE, REGIONS, REPEATED_RECORDS};
use script::DemoScript;
use utc_time::HOUR;

/// Midnight of Tuesday, 6 October 2026, UTC.
const DEMO_START: u64 = 1_791_244_800;
/// Midnight of Tuesday, 1 September 2026, UTC.
const BENCHMARK_START: u64 = 1_788_220_800;
/// Regions of the benchmark, the trail's home first.
const BENCHMARK_REGIONS: [&str; 6] =
    ["us-east-1", "eu-west-1", "us-west-2", "eu-central-1", "ap-southeast-2", "us-east-2"];

/// What a trail is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailKind {
    /// The story, with digests, faults and a fixed cast; accounts, regions and principals are the story's.
    Scenario,
    /// A crowd at work, without digests or faults except repeated records.
    Benchmark,
}

/// A trail, before it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoTrail {
    /// Everything is drawn from this.
    pub seed: u64,
    /// When it begins, in seconds since 1970; a whole hour.
    pub start: u64,
    /// How many hours it lasts.
    pub hours: u32,
    /// How many accounts.
    pub accounts: usize,
    /// How many regions, at most six.
    pub regions: usize,
    /// How many principals, over all accounts.
    pub principals: usize,
    /// How many records are delivered, duplicates and unreadable ones included.
    pub records: usize,
    /// What it is made of.
    pub kind: TrailKind,
}

impl DemoTrail {
    /// The trail of [`story()`].
    pub const fn demo() -> Self {
        Self {
            seed: 20_261_006,
            start: DEMO_START,
            hours: 24,
            accounts: ACCOUNTS.len(),
            regions: REGIONS.len(),
            principals: 40,
            records: 8_000,
            kind: TrailKind::Scenario,
        }
    }

    /// A trail of `records` records of `accounts` accounts over 30 days and six regions.
    pub const fn benchmark(records: usize, accounts: usize, seed: u64) -> Self {
        Self {
            seed,
            start: BENCHMARK_START,
            hours: 30 * 24,
            accounts,
            regions: BENCHMARK_REGIONS.len(),
            principals: 400,
            records,
            kind: TrailKind::Benchmark,
        }
    }

    /// Its objects. Those of the story come by account, region and hour, each hour's digest after its
    /// logs; those of a load by time.
    pub fn objects(&self) -> Box<dyn Iterator<Item = TrailObject> + Send> {
        match self.kind {
            TrailKind::Scenario => Box::new(scenario_objects(DeliverySchedule::from_script(self.script()))),
            TrailKind::Benchmark => Box::new(benchmark_objects(self.benchmark_trail())),
        }
    }

    /// The calls of the story.
    fn script(&self) -> DemoScript {
        let mut script = DemoScript::new(self.seed, self.start, u64::from(self.hours));
        promised_roles::agent(&mut script);
        promised_roles::ci_plan(&mut script);
        promised_roles::auditor(&mut script);
        promised_roles::inventory(&mut script);
        sign_in::root_user(&mut script);
        sign_in::iam_user(&mut script);
        sign_in::engineers(&mut script);
        sign_in::federated_users(&mut script);
        aws_services::service_calls(&mut script);
        aws_services::service_linked_roles(&mut script);
        aws_services::key_rotations(&mut script);
        traffic::releases(&mut script);
        traffic::backups(&mut script);
        traffic::migration(&mut script);
        traffic::applications(
            &mut script,
            self.records.saturating_sub(RECORDS_DELIVERED_TWICE + REPEATED_RECORDS),
        );
        script
    }

    /// The plan of a load.
    fn benchmark_trail(&self) -> BenchmarkTrail {
        let accounts =
            (0..self.accounts as u64).map(|n| format!("{:012}", 100_200_300_400 + n * 10_101_010_101));
        let regions = BENCHMARK_REGIONS.into_iter().take(self.regions.max(1)).collect();
        let cast = DemoContext::new(self.seed, accounts.collect(), regions);
        let span = u64::from(self.hours) * HOUR;
        BenchmarkTrail::new(cast, self.start, span, self.principals, self.records as u64)
    }

    /// Records that repeat another, by the trail's own plan.
    fn duplicates(&self) -> u64 {
        match self.kind {
            TrailKind::Scenario => (RECORDS_DELIVERED_TWICE + REPEATED_RECORDS) as u64,
            TrailKind::Benchmark => self.benchmark_trail().duplicates(),
        }
    }
}

/// The story's objects, hour by hour of one account and region after the other.
fn scenario_objects(schedule: DeliverySchedule) -> impl Iterator<Item = TrailObject> {
    let (accounts, regions) = (schedule.cast.accounts.len(), schedule.cast.regions.len());
    let places = (0..accounts).flat_map(move |account| (0..regions).map(move |region| (account, region)));
    let hours = schedule.hours;
    let cells = places
        .flat_map(move |(account, region)| (0..hours).map(move |hour| TrailHour { account, region, hour }));
    let (mut gzip, mut chain) = (GzipEncoder::new(), DigestChain::new(0, 0));
    cells.flat_map(move |cell| {
        let TrailHour { account, region, hour } = cell;
        if hour == 0 {
            chain = DigestChain::new(account, region);
        }
        let mut objects = Vec::new();
        for delivery in schedule.deliveries_in(account, region, hour) {
            let content = delivery.content(&schedule.cast);
            chain.add_log(&schedule.cast, delivery, &content);
            objects.push(delivery.object(&schedule.cast, &content, &mut gzip));
        }
        objects.push(chain.finish_hour(&schedule.cast, schedule.start + hour * HOUR, &mut gzip));
        // The chain goes on over the missing hour: only its objects are gone.
        if cell == MISSING_HOUR { Vec::new() } else { objects }
    })
}

/// A load's objects.
fn benchmark_objects(load: BenchmarkTrail) -> impl Iterator<Item = TrailObject> {
    let mut gzip = GzipEncoder::new();
    let mut at = 0;
    std::iter::from_fn(move || {
        let delivery: LogDelivery = load.delivery(at)?;
        at += 1;
        let content = delivery.content(&load.cast);
        Some(delivery.object(&load.cast, &content, &mut gzip))
    })
}
