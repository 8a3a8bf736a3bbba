//! The scenario of the demo and its expected counts.
//!
//! Enters: nothing. Leaves: the organization, the promised roles, and the counts that a reader of the trail must
//! find. Law: the counts are constants and not computed, so that a test can compare them with the generated objects.

/// An account of the organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoAccount {
    /// Twelve digits, from the examples in the AWS documentation.
    pub id: &'static str,
    /// Name of the account.
    pub name: &'static str,
}

/// Index of the security account, which is also the management account of the organization.
pub const SECURITY: usize = 0;
/// Index of the production account.
pub const PRODUCTION: usize = 1;
/// Index of the data account, which also records S3 data events.
pub const DATA: usize = 2;
/// Index of us-east-1, the home region of the trail.
pub const VIRGINIA: usize = 0;
/// Index of eu-west-1, the region with the most calls.
pub const IRELAND: usize = 1;
/// Index of eu-central-1, the region with the fewest calls.
pub const FRANKFURT: usize = 2;

/// The accounts, by index.
pub const ACCOUNTS: [DemoAccount; 3] = [
    DemoAccount { id: "111122223333", name: "larkspur-security" },
    DemoAccount { id: "444455556666", name: "larkspur-production" },
    DemoAccount { id: "777788889999", name: "larkspur-data" },
];
/// The regions, by index.
pub const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "eu-central-1"];

/// The id of an account, by index.
pub fn account_id(index: usize) -> &'static str {
    ACCOUNTS.get(index).map_or("", |account| account.id)
}

/// A principal that the organization promises is read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromisedRole {
    /// Name of the principal's role.
    pub role: &'static str,
    /// ARN pattern that matches the role in every account.
    pub pattern: &'static str,
    /// What the principal did according to the trail.
    pub observed: &'static str,
}

/// The auditor, which only reads.
pub const AUDITOR: PromisedRole = PromisedRole {
    role: "AuditReader",
    pattern: "arn:aws:iam::*:role/AuditReader",
    observed: "only read, in business hours",
};
/// The inventory, which reads secrets.
pub const INVENTORY: PromisedRole = PromisedRole {
    role: "InventoryCollector",
    pattern: "arn:aws:iam::*:role/InventoryCollector",
    observed: "listed everything, and read secrets",
};
/// The plan stage of continuous integration, which tried to write.
pub const PLAN: PromisedRole = PromisedRole {
    role: "CiPlan",
    pattern: "arn:aws:iam::*:role/CiPlan",
    observed: "tried two writes and was denied",
};
/// The AI agent, which wrote through an assumed role.
pub const AGENT: PromisedRole = PromisedRole {
    role: "OpsAgentReadOnly",
    pattern: "arn:aws:iam::*:role/OpsAgentReadOnly",
    observed: "assumed a deployment role in another account and wrote with it",
};

/// One account, region and hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailHour {
    /// Index of the account.
    pub account: usize,
    /// Index of the region.
    pub region: usize,
    /// Hours since the trail began.
    pub hour: u64,
}

/// The hour for which the trail has neither log files nor a digest file.
pub const MISSING_HOUR: TrailHour = TrailHour { account: DATA, region: IRELAND, hour: 11 };
/// Number of records of the log file that is delivered twice under two names.
pub const RECORDS_DELIVERED_TWICE: usize = 20;
/// Number of records that a later log file of the same account and region repeats.
pub const REPEATED_RECORDS: usize = 6;
/// Number of records of the truncated log file.
pub const LOST_RECORDS: usize = 12;

/// The scenario and its expected counts; valid for the seed, start and size of [`super::DemoTrail::demo`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoScenario {
    /// Name of the fictional organization.
    pub organization: &'static str,
    /// Accounts of the organization.
    pub accounts: [DemoAccount; 3],
    /// Regions of the organization, the home region of the trail first.
    pub regions: [&'static str; 3],
    /// The roles that are promised to be read-only.
    pub promised_roles: [PromisedRole; 4],
    /// The role that the agent assumed and wrote with.
    pub deployer: &'static str,
    /// The role that is not classified.
    pub unclassified: &'static str,
    /// Number of records in readable log files, including duplicates.
    pub records: u64,
    /// Number of records that repeat another record.
    pub duplicates: u64,
    /// Log files that cannot be read.
    pub unreadable_objects: u64,
    /// Number of records lost with these log files, in addition to `records`.
    pub lost_records: u64,
    /// The hour without deliveries.
    pub missing_hour: TrailHour,
    /// Hours of all accounts and regions in the period, including the missing one.
    pub trail_hours: u64,
    /// Secrets and encrypted parameters that the inventory read.
    pub secret_reads: usize,
    /// Event id of the agent's `AssumeRole`, as its own account records it.
    pub assume_role_event_id: &'static str,
    /// Event id of the write that the agent's assumed role made.
    pub write_event_id: &'static str,
    /// Event ids of the two writes that the plan stage was denied.
    pub denied_event_ids: [&'static str; 2],
}

impl DemoScenario {
    /// The patterns to watch.
    pub fn watch_patterns(&self) -> [&'static str; 4] {
        self.promised_roles.map(|promise| promise.pattern)
    }
}

/// The scenario of [`super::DemoTrail::demo`].
pub const fn scenario() -> DemoScenario {
    DemoScenario {
        organization: "Larkspur Freight",
        accounts: ACCOUNTS,
        regions: REGIONS,
        promised_roles: [AUDITOR, INVENTORY, PLAN, AGENT],
        deployer: "arn:aws:iam::444455556666:role/Deployer",
        unclassified: "arn:aws:iam::777788889999:role/tmp-migration",
        records: 7_988,
        duplicates: 26,
        unreadable_objects: 1,
        lost_records: 12,
        missing_hour: MISSING_HOUR,
        trail_hours: 216,
        secret_reads: 7,
        assume_role_event_id: "d8f58d98-31ec-4996-acfd-8fcfa7c8d2ac",
        write_event_id: "5f522046-5726-46b9-8e97-22e99007c157",
        denied_event_ids: ["82fbe242-2aee-4025-a62a-c5c40fd77fd8", "736d7f9f-141e-4dd3-9ba2-18e22c5ac90e"],
    }
}
