//! What the jobs need of the world, as narrow as it can be said.
//!
//! Enters: nothing. Leaves: traits, three methods each at most, that `local` and `aws` implement.

use std::{collections::BTreeMap, error::Error, fmt, ops::Range, time::Duration};

use serde_json::Value;

use crate::{
    grants::{Policy, PolicySnapshot},
    operation::RiskLevel,
    report::UnreadablePosition,
    segment::Segment,
    time::Time,
};

/// One stored object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredObject {
    /// Its name, unique in its source: a key or a path.
    pub name: String,
    /// Bytes it holds; zero where that is not known before it is read.
    pub size: u64,
    /// Changes when its content does: an ETag, or size and time of the last change. Empty where nothing tells: the object
    /// is read every time.
    pub version: String,
}

/// What kind of failure it was, where the answer decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// Permission is missing: trying again does not help.
    AccessDenied,
    /// Too many requests: trying again later does.
    Throttled,
    /// There is no such thing.
    NotFound,
    /// A token to go on with is no longer valid: begin again.
    InvalidToken,
    /// No answer, or none of use: time is up, the network is gone, the service is in trouble.
    Unavailable,
    /// Anything else.
    Other,
}

/// What could not be done at an edge.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} `{name}`: {cause}")]
pub struct PortError {
    /// What was tried, as a verb; at AWS with the IAM action it takes: `read (s3:GetObject)`.
    pub operation: &'static str,
    /// With what.
    pub name: String,
    /// Which kind of failure it was.
    pub kind: PortErrorKind,
    /// Why it failed.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}

/// Where log objects come from.
pub trait LogSource: Sync {
    /// All objects, each once, sorted by name.
    ///
    /// # Errors
    /// When what was named cannot be listed.
    fn list(&self) -> Result<Vec<StoredObject>, PortError>;

    /// Replaces `bytes` by what `object` holds, or by its first `most` bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    fn fetch(&self, object: &StoredObject, most: u64, bytes: &mut Vec<u8>) -> Result<(), PortError>;
}

/// An object, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessedObject {
    /// Name, size and version.
    pub object: StoredObject,
    /// SHA-256 as stored, in hex.
    pub sha256: String,
    /// Records in it, readable or not.
    pub records: u64,
    /// Where it could not be read.
    pub unreadable: Vec<UnreadablePosition>,
}

/// Where evidence is kept between sweeps.
pub trait SweepEvidence {
    /// What an implementation fails with.
    type Error: Error + Send + Sync + 'static;

    /// Objects whose evidence is kept, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn processed_objects(&self) -> Result<BTreeMap<String, ProcessedObject>, Self::Error>;

    /// Keeps the evidence of an object, replacing what was kept of it.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn save(&mut self, read: &ProcessedObject, segment: &Segment) -> Result<(), Self::Error>;

    /// The evidence kept of these objects, merged.
    ///
    /// # Errors
    /// When it cannot be read back whole.
    fn load(&self, objects: &[ProcessedObject]) -> Result<Segment, Self::Error>;
}

/// An item of a table. Items of one partition lie together, in the order of `sort`.
#[derive(Clone, Debug, PartialEq)]
pub struct TableItem {
    /// Partition key.
    pub partition_key: String,
    /// Sort key, unique in its partition.
    pub sort_key: String,
    /// How often the item had been written when it was read; 0 for one that is not there yet.
    pub revision: u64,
    /// When it may be forgotten.
    pub expires_at: Option<Time>,
    /// What it says: a JSON object.
    pub body: Value,
}

/// What must be so for an item to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    /// Nothing: whatever is there is replaced.
    Always,
    /// The stored item still has the revision this one was read with; 0: there is none.
    Unchanged,
}

/// Small items that several functions share.
pub trait Table: Sync {
    /// The items of a partition whose sort key begins with `prefix`, in order, as they are now.
    ///
    /// # Errors
    /// When they cannot be read.
    fn query(&self, partition: &str, prefix: &str) -> Result<Vec<TableItem>, PortError>;

    /// Writes an item, its revision raised by one. `false`: it is not as expected, and nothing was written.
    ///
    /// # Errors
    /// When it cannot be written, or nobody knows whether it was.
    fn put(&self, item: &TableItem, expected: WriteCondition) -> Result<bool, PortError>;

    /// Removes an item, if it is there.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn delete(&self, partition: &str, sort: &str) -> Result<(), PortError>;
}

/// Bytes under keys that are written once and never changed.
pub trait ObjectStore: Sync {
    /// Writes an object. `false`: there is one of that key, and it was left alone.
    ///
    /// # Errors
    /// When it cannot be written, or nobody knows whether it was.
    fn create(&self, key: &str, bytes: &[u8], media_type: &str) -> Result<bool, PortError>;

    /// The bytes of an object, or a part of them.
    ///
    /// # Errors
    /// [`FailureKind::Missing`] when there is none, another kind when it cannot be read.
    fn read(&self, key: &str, part: Option<Range<u64>>) -> Result<Vec<u8>, PortError>;

    /// Objects whose keys begin with `prefix`, sorted by key.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, PortError>;
}

/// A page to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupRequest<'a> {
    /// Twelve-digit account id.
    pub account: &'a str,
    /// Region name.
    pub region: &'a str,
    /// First second.
    pub since: Time,
    /// First second after the last. Events of that very second may come along.
    pub until: Time,
    /// Where the page before it ended.
    pub token: Option<&'a str>,
}

/// What one look-up gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupPage {
    /// Records as JSON text (`CloudTrailEvent`), newest first.
    pub records: Vec<String>,
    /// Where the next page begins; absent after the last.
    pub next_token: Option<String>,
}

/// CloudTrail's event history.
pub trait CloudTrailApi: Sync {
    /// One page of the management events of an account and region.
    ///
    /// # Errors
    /// [`FailureKind::Throttled`], [`FailureKind::Token`] and the others. It does not wait and try again: its caller
    /// does.
    fn lookup_events(&self, lookup: LookupRequest<'_>) -> Result<LookupPage, PortError>;
}

/// A page of the policies of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationDetailsPage {
    /// Users, roles, groups and managed policies, as `aws iam get-account-authorization-details` prints them.
    pub text: String,
    /// Where the next page begins; absent after the last.
    pub next_marker: Option<String>,
}

/// Policies of the principals of accounts, and IAM's own opinion of them.
pub trait IamApi: Sync {
    /// A page of all users, roles, groups and managed policies of an account.
    ///
    /// # Errors
    /// [`FailureKind::Throttled`] and the others. It does not wait and try again: its caller does.
    fn account_authorization_details(
        &self,
        account: &str,
        page: Option<&str>,
    ) -> Result<AuthorizationDetailsPage, PortError>;

    /// One user or role with its groups and policies, in the same form; nothing if there is none of that name.
    ///
    /// # Errors
    /// As above.
    fn principal_details(&self, arn: &str) -> Result<Option<String>, PortError>;

    /// Which of these actions IAM's simulator allows a principal with these policies, on any resource and without a
    /// context.
    ///
    /// # Errors
    /// As above.
    fn simulate(
        &self,
        snapshot: &PolicySnapshot,
        actions: &[&str],
    ) -> Result<Vec<SimulationResult>, PortError>;
}

/// What the simulator says of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulationResult {
    /// The action, as it was asked about.
    pub action: String,
    /// Its word: `allowed`, `explicitDeny`, `implicitDeny`.
    pub decision: String,
}

/// Which policies of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrganizationPolicyType {
    /// Service control policies.
    ServiceControl,
    /// Resource control policies.
    ResourceControl,
}

/// The organization above accounts.
pub trait OrganizationsApi: Sync {
    /// Policies that bound an account, a list for each level from the root to the account. Empty: there are none, and none
    /// can be in force.
    ///
    /// # Errors
    /// [`FailureKind::Denied`] when we are not to know, and the others.
    fn control_policies(
        &self,
        account: &str,
        control: OrganizationPolicyType,
    ) -> Result<Vec<Vec<Policy>>, PortError>;
}

/// Reads that are tried out.
pub trait Prober: Sync {
    /// Makes a read that takes no parameters and changes nothing, as ourselves; what it gives is thrown away. Nothing:
    /// nobody here knows how to make it.
    ///
    /// # Errors
    /// What became of it, where it did not work.
    fn probe(&self, service: &str, operation: &str) -> Option<Result<(), PortError>>;
}

/// Something people or programs are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// The same for the same news.
    pub id: String,
    /// What kind of news: `Read-Only Violation Detected`.
    pub detail_type: &'static str,
    /// How urgent.
    pub severity: RiskLevel,
    /// One line for people.
    pub subject: String,
    /// A few lines for people.
    pub text: String,
    /// The same for programs.
    pub detail: Value,
}

/// Who passes news on.
pub trait NotificationSink: Sync {
    /// Its name, to remember by what it has passed on: `sns`.
    fn name(&self) -> &'static str;

    /// Passes news on.
    ///
    /// # Errors
    /// When it is not known to have been passed on.
    fn send(&self, news: &Notification) -> Result<(), PortError>;
}

/// Time, as far as jobs that wait need it.
pub trait Clock: Sync {
    /// Now.
    fn now(&self) -> Time;

    /// How long the job may go on.
    fn remaining(&self) -> Duration;

    /// Lets time pass.
    fn sleep(&self, length: Duration);
}

impl fmt::Display for LookupRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.account, self.region, self.since, self.until)
    }
}
