//! A CloudTrail trail of a fictional organization, generated from a seed.
//!
//! Enters: a seed and a size. Leaves: log files and digest files with the names, layout and format that CloudTrail
//! uses for an organization trail. Law: the same trail gives the same bytes, file by file, on every machine; no
//! clock, environment or network is used, and one file is in memory at a time.
//!
//! # The scenario of the demo
//!
//! *Larkspur Freight* has three accounts (security, production, data) in three regions. Its trail of Tuesday, 6
//! October 2026 (UTC) has about eight thousand records in 24 hours. Four roles are promised to be read-only:
//!
//! - **`AuditReader`**: two auditors work four times a day in each account, in business hours. They only call list,
//!   get and describe operations, and none of their calls is denied. The promise is kept.
//! - **`InventoryCollector`**: four runs a day list all resources in all accounts and regions, and are throttled a
//!   few times. The run at 07:10 also reads four secrets and three encrypted parameters in production, which causes
//!   seven decryptions. All these calls are read-only, but they return secrets.
//! - **`CiPlan`**: six plan runs of infrastructure code. The run at 13:45 in production calls `ec2:RunInstances` and
//!   `iam:CreateUser`; AWS denies both calls.
//! - **`OpsAgentReadOnly`**: an AI agent that watches alarms in the security account. At 15:42 it assumes `Deployer`
//!   in production (two records of one event, one in each account). At 15:44 that session opens a bucket of invoices
//!   to an account outside the organization. The response that issued its credentials, its access key and its source
//!   identity lead back to the agent, so the write is attributed to the agent. The pipeline's own sessions of
//!   `Deployer` are not.
//!
//! Besides them: **`tmp-migration`**, a role that is neither watched nor classified, which makes reads and then
//! changes a database, a firewall rule and a role between 02:10 and 03:40; the root user's sign-in at 06:12; an IAM
//! user that mistypes a password twice; engineers from Identity Center; partners as federated users; a backup user
//! with a long-lived access key; releases; AWS services that make their own calls, use service-linked roles, or
//! report a rotated key; applications with more traffic by day. The data account also records S3 reads as data
//! events.
//!
//! The trail itself has faults: one log file is delivered twice under two names, another repeats six records of the
//! one before it, one is truncated and cannot be decompressed, and for 11:00 in eu-west-1 of the data account both
//! log files and digest file are missing, although the next digest file names the missing one. Hours without events
//! have a digest file that lists no log files. Signatures are null, because only AWS can create them.
//!
//! [`authorization_details()`] gives the policies of these roles, which are written beside the trail.
//!
//! [`scenario()`] describes all this as a value, with the counts that a reader of the trail must find.

#![forbid(unsafe_code)]

mod aws_services;
mod benchmark;
mod benchmark_principals;
mod delivery;
mod delivery_schedule;
mod digest;
mod generated_trail;
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
pub use generated_trail::GeneratedTrail;
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

/// The kind of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailKind {
    /// The demo scenario with digest files, faults and fixed accounts, regions and principals.
    Scenario,
    /// The traffic of many principals, without digest files and without faults except repeated records.
    Benchmark,
}

/// The parameters of a trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoTrail {
    /// Seed of the random generator.
    pub seed: u64,
    /// When the trail begins, in seconds since 1970; a whole hour.
    pub start: u64,
    /// Number of hours that the trail lasts.
    pub hours: u32,
    /// Number of accounts.
    pub accounts: usize,
    /// How many regions, at most six.
    pub regions: usize,
    /// How many principals in all accounts together.
    pub principals: usize,
    /// How many records are delivered, duplicates and unreadable ones included.
    pub records: usize,
    /// Kind of the trail.
    pub kind: TrailKind,
}

impl DemoTrail {
    /// The trail of [`scenario()`].
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

    /// A trail of `records` records in `accounts` accounts, 30 days and six regions.
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

    /// Its objects. Those of the demo are in the order of account, region and hour, with each hour's digest file
    /// after its log files; those of the benchmark are in the order of time.
    pub fn objects(&self) -> Box<dyn Iterator<Item = TrailObject> + Send> {
        match self.kind {
            TrailKind::Scenario => Box::new(scenario_objects(DeliverySchedule::from_script(self.script()))),
            TrailKind::Benchmark => Box::new(benchmark_objects(self.benchmark_trail())),
        }
    }

    /// The log files of the benchmark trail, each generated when it is read.
    pub fn generated(&self) -> GeneratedTrail {
        GeneratedTrail(self.benchmark_trail())
    }

    /// The calls of the demo.
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

    /// The plan of the benchmark trail.
    fn benchmark_trail(&self) -> BenchmarkTrail {
        let accounts =
            (0..self.accounts as u64).map(|n| format!("{:012}", 100_200_300_400 + n * 10_101_010_101));
        let regions = BENCHMARK_REGIONS.into_iter().take(self.regions.max(1)).collect();
        let cast = DemoContext::new(self.seed, accounts.collect(), regions);
        let span = u64::from(self.hours) * HOUR;
        BenchmarkTrail::new(cast, self.start, span, self.principals, self.records as u64)
    }

    /// Number of planned records that repeat another.
    fn duplicates(&self) -> u64 {
        match self.kind {
            TrailKind::Scenario => (RECORDS_DELIVERED_TWICE + REPEATED_RECORDS) as u64,
            TrailKind::Benchmark => self.benchmark_trail().duplicates(),
        }
    }
}

/// The objects of the demo, by account, region and hour.
fn scenario_objects(schedule: DeliverySchedule) -> impl Iterator<Item = TrailObject> {
    let (accounts, regions) = (schedule.cast.accounts.len(), schedule.cast.regions.len());
    let pairs = (0..accounts).flat_map(move |account| (0..regions).map(move |region| (account, region)));
    let hours = schedule.hours;
    let cells = pairs
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
        // The digest chain continues over the missing hour; only the objects of that hour are left out.
        if cell == MISSING_HOUR { Vec::new() } else { objects }
    })
}

/// The objects of the benchmark trail.
fn benchmark_objects(trail: BenchmarkTrail) -> impl Iterator<Item = TrailObject> {
    let mut gzip = GzipEncoder::new();
    let mut at = 0;
    std::iter::from_fn(move || {
        let delivery: LogDelivery = trail.delivery(at)?;
        at += 1;
        let content = delivery.content(&trail.cast);
        Some(delivery.object(&trail.cast, &content, &mut gzip))
    })
}
